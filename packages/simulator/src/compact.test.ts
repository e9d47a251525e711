/** Proposals by the ids of their transactions, in runs with every other fault: honest leaders, and some whose ids lead nowhere. */
import { describe, expect, it } from 'vitest'
import { COMPACT_LIES } from './adversaries/compact-lies.js'
import { Coverage } from './coverage.js'
import { runSimulation } from './simulate.js'

const SEEDS = 12

describe('compact proposals', () => {
  it('whatever a leader names, blocks are committed, and every way of lying about ids was tried', () => {
    const seen = new Coverage()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const knobs = { compact: { lieRate: 0.5 }, blockTransactions: 4 }
      const { violation, command, coverage } = runSimulation({ seed, validators: 4, byzantine: 1, strategies: ['hollow'], knobs })
      expect(violation, command).toBeUndefined()
      seen.merge(coverage.cells)
    }
    const lies = COMPACT_LIES.map((lie) => `lie: ids: ${lie}`)
    const met = [...lies, 'proposal-awaits-transactions', 'block-transactions active current valid', 'blamed: proposal-ids']
    expect(met.filter((cell) => !seen.cells.has(cell))).toEqual([])
  })
})
