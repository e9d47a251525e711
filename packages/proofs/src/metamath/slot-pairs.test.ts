import fc from 'fast-check'
import { expect, it } from 'vitest'
import { IntVector } from './integers.js'
import { SlotPairs } from './slot-pairs.js'

function vectorOf(numbers: readonly number[]): IntVector {
  const vector = new IntVector(4)
  for (const number of numbers) vector.push(number)
  return vector
}

function pairsIn(groups: readonly (readonly number[])[]): [number, number][] {
  const pairs = new Map<number, [number, number]>()
  for (const group of groups) for (const a of group) for (const b of group) if (a < b) pairs.set(1000 * a + b, [a, b])
  return [...pairs].sort(([one], [other]) => one - other).map(([, pair]) => pair)
}

it('has each pair once, in order, in however many groups it is, and forgets what was there before', () => {
  const pairs = new SlotPairs()
  const groupsBelow = (numbers: number): fc.Arbitrary<number[][]> =>
    fc.array(fc.uniqueArray(fc.nat(numbers - 1), { maxLength: numbers }), { maxLength: 8 })
  const runs = fc.array(
    fc.integer({ min: 1, max: 130 }).chain((numbers) => groupsBelow(numbers).map((groups) => ({ numbers, groups }))),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(runs, (each) => {
      for (const { numbers, groups } of each) {
        pairs.begin(numbers)
        for (const group of groups) pairs.add(vectorOf(group))
        const expected = pairsIn(groups)
        const visited: [number, number][] = []
        pairs.visit((a, b) => visited.push([a, b]))
        expect(visited).toEqual(expected)
        expect(pairs.different).toBe(expected.length)
      }
    }),
    { numRuns: 300 },
  )
})
