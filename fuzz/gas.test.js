import { describe, expect, it } from 'vitest'
import { readChampions } from './gas.js'
import { GAS_LANGUAGES } from './lib/gas-programs.js'

describe('the dearest proofs that the gas search found', () => {
  it.each(GAS_LANGUAGES)('$kind: have the verdicts and the gas they had', ({ kind, run }) => {
    const champions = readChampions(kind)
    expect(champions.length).toBeGreaterThan(0)
    for (const { steps, gas, outcome } of champions) {
      const found = run(steps)
      expect({ gas: found.gas, outcome: found.outcome }).toEqual({ gas, outcome })
    }
  })

  it.each(GAS_LANGUAGES)(
    '$kind: every operation can be read to its end: what is refused before costs nothing',
    ({ operations, whole, run }) => {
      const sizes = [
        [100, 80, 120],
        [140, 60, 90],
      ]
      for (let operation = 0; operation < operations; operation++) {
        const outcomes = sizes.map((size) => run([[operation, ...size]]).outcome)
        expect([operation, outcomes.find((outcome) => whole.includes(outcome)) ?? outcomes]).toEqual([operation, expect.any(String)])
      }
    },
  )

  it.each(GAS_LANGUAGES)('$kind: every operation alone makes a claim and a proof that get a verdict', ({ operations, run }) => {
    for (let operation = 0; operation < operations; operation++) {
      expect(run([[operation, 100, 80, 120]]).gas).toBeGreaterThan(0)
      expect(run([[operation, 0, 0, 0]]).gas).toBeGreaterThan(0)
    }
  })
})
