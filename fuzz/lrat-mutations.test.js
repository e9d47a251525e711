/** A bounded part of `tools/mutate-lrat.js`, and what its judge is worth: it must refuse what is wrong. */

import { pigeonhole, refute, toBinaryLrat, toTextLrat } from '@aethel/proofs'
import { describe, expect, test } from 'vitest'
import { holds, isSatisfiable, stepsOfBinary, stepsOfText } from '../packages/proofs/tools/exhaustive-checker.js'
import { mutateAll, subjects } from '../packages/proofs/tools/mutate-lrat.js'

const FOUR = [
  [1, 2],
  [-1, 2],
  [1, -2],
  [-1, -2],
]

describe('the exhaustive checker', () => {
  test('knows steps that hold from steps that do not', () => {
    expect(holds(FOUR, stepsOfText('5 2 0 1 2 0\nc a comment\n6 0 5 3 4 0\n'))).toBe(true)
    expect(holds(FOUR, stepsOfText('5 3 -1 0 0\n6 2 0 0\n7 0 0\n'))).toBe(true)
    expect(holds(FOUR, stepsOfText('5 2 0 1 2 0\n'))).toBe(false)
    expect(holds(FOUR, stepsOfText('4 d 1 0\n6 0 5 3 4 0\n'))).toBe(false)
    expect(holds(FOUR.slice(1), stepsOfText('4 0 1 2 3 0\n'))).toBe(false)
    expect(holds([[1, 2], [-2]], stepsOfText('3 2 0 0\n'))).toBe(false)
  })

  test('reads both forms alike, and truth tables', () => {
    const outcome = refute(pigeonhole(4, 3), { conflicts: 1_000 })
    if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
    const steps = stepsOfText(new TextDecoder().decode(toTextLrat(outcome.steps)))
    expect(stepsOfBinary(toBinaryLrat(outcome.steps))).toEqual(steps)
    expect(holds(pigeonhole(4, 3).clauses, steps)).toBe(true)
    expect(isSatisfiable(pigeonhole(4, 3).clauses)).toBe(false)
    expect(isSatisfiable(pigeonhole(3, 3).clauses)).toBe(true)
    expect(isSatisfiable(FOUR.slice(1))).toBe(true)
  })
})

test('every single-symbol mutation of two real refutations, and every truncation: nothing false is accepted', () => {
  const { falsehoods, proofs, accepted, adjudicated, siblings } = mutateAll(subjects(1), 2)
  expect(falsehoods).toEqual([])
  expect({ proofs, siblings }).toEqual({ proofs: 2, siblings: 2 })
  expect(accepted).toBeGreaterThan(adjudicated)
  expect(adjudicated).toBeGreaterThan(2)
})
