/** A bounded part of `packages/proofs/tools/mutate-kinds.js`. */
import { describe, expect, test } from 'vitest'
import { mutateModels, mutateScripts } from '../packages/proofs/tools/mutate-kinds.js'

describe('every single-symbol mutation and every truncation', () => {
  test('of models: accepted exactly if it is a model', () => {
    const totals = mutateModels(10, 5)
    expect(totals.falsehoods).toEqual([])
    expect(totals.mutations).toBeGreaterThan(5_000)
    expect(totals.accepted).toBeGreaterThan(10)
    expect(totals.accepted).toBeLessThan(totals.mutations / 10)
  })

  test('of a script and its proof: accepted only while the script has no model', () => {
    const totals = mutateScripts(1, 5)
    expect(totals.falsehoods).toEqual([])
    expect(totals.mutations).toBeGreaterThan(1_000)
    expect(totals.parsed).toBeGreaterThan(10)
    expect(totals.siblings).toBe(1)
    expect(totals.accepted).toBeGreaterThan(0)
  }, 120_000)
})
