import fc from 'fast-check'
import { expect, it } from 'vitest'
import { IntVector } from './integers.js'
import { PairCounter } from './pair-counter.js'

function vectorOf(numbers: readonly number[]): IntVector {
  const vector = new IntVector(4)
  for (const number of numbers) vector.push(number)
  return vector
}

function differentPairs(groups: readonly (readonly number[])[]): number {
  const pairs = groups.flatMap((group) => group.flatMap((a, i) => group.slice(i + 1).map((b) => `${Math.min(a, b)} ${Math.max(a, b)}`)))
  return new Set(pairs).size
}

it('counts each pair once, in however many groups it is, and forgets what was counted before', () => {
  const counter = new PairCounter()
  const groupsBelow = (numbers: number): fc.Arbitrary<number[][]> =>
    fc.array(fc.uniqueArray(fc.nat(numbers - 1), { maxLength: numbers }), { maxLength: 8 })
  const runs = fc.array(
    fc.integer({ min: 1, max: 130 }).chain((numbers) => groupsBelow(numbers).map((groups) => ({ numbers, groups }))),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(runs, (each) => {
      for (const { numbers, groups } of each) {
        counter.begin(numbers)
        for (const group of groups) counter.add(vectorOf(group))
        expect(counter.different).toBe(differentPairs(groups))
      }
    }),
    { numRuns: 300 },
  )
})
