import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AxiomSet, axiomSetOf, unionOf } from './axiom-set.js'

const ascending = (positions: Iterable<number>): number[] => [...new Set(positions)].sort((a, b) => a - b)

test('the union is what any of the sets has, in order, wherever in the library they lie', () => {
  const setIn = (count: number): fc.Arbitrary<number[]> => fc.array(fc.nat(count - 1), { maxLength: 40 }).map(ascending)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }).chain((count) => fc.tuple(fc.constant(count), fc.array(setIn(count), { maxLength: 6 }))),
      ([count, sets]) => {
        const claims = sets.map((positions) => ({ axioms: axiomSetOf(positions) }))
        expect(unionOf(claims, count)).toEqual(ascending(sets.flat()))
      },
    ),
  )
})

test('no axiom, the first and the last of a word, and the last that a library may have', () => {
  const rest = (...sets: readonly AxiomSet[]) =>
    unionOf(
      sets.map((axioms) => ({ axioms })),
      65_536,
    )
  expect(rest()).toEqual([])
  expect(rest(axiomSetOf([]))).toEqual([])
  expect(rest(axiomSetOf([31, 32]), axiomSetOf([65_535]), axiomSetOf([0, 63]))).toEqual([0, 31, 32, 63, 65_535])
})

test('E1: thousands of claims that rest on thousands of axioms are united in words, not one axiom at a time', () => {
  const all = axiomSetOf(Array.from({ length: 4_096 }, (_, position) => position))
  expect(all.words.length).toBe(128)
  expect(axiomSetOf([65_535]).words.length).toBe(1)
  expect(unionOf(Array<{ axioms: AxiomSet }>(10_000).fill({ axioms: all }), 4_096).length).toBe(4_096)
})
