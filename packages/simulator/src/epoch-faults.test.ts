/** What may go wrong around the end of an epoch (docs/protocol.md §10, §11), in seeds made for it: short epochs, quick view changes. */
import { describe, expect, it } from 'vitest'
import { Coverage } from './coverage.js'
import { runSimulation, type SimulationOptions } from './simulate.js'

const SEEDS = 30

function seen(optionsOf: (seed: number) => SimulationOptions): Coverage {
  const merged = new Coverage()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, command, coverage } = runSimulation(optionsOf(seed))
    expect(violation === undefined ? '' : `${violation.invariant}: ${violation.message}\n${command}`).toBe('')
    merged.merge(coverage.cells)
  }
  return merged
}

describe('offences at the end of an epoch', () => {
  it('are recorded by honest replicas, sometimes in the epoch after, never twice, and accuse nobody honest', () => {
    const { cells } = seen((seed) => ({
      seed,
      validators: 4,
      byzantine: 1,
      strategies: [seed % 2 === 0 ? 'two-faced' : 'equivocate'],
      knobs: { epochLength: 1 + (seed % 3), floorMs: 150 },
    }))
    expect(cells.get('offence recorded: equivocation') ?? 0).toBeGreaterThan(0)
    expect(cells.get('offence recorded in the epoch after') ?? 0).toBeGreaterThan(0)
  })
})

describe('recovery without a store', () => {
  it('begins in one epoch and sometimes ends in a later one; whoever forgot what it signed never signs against it', () => {
    const { cells } = seen((seed) => ({
      seed,
      validators: seed % 2 === 0 ? 4 : 7,
      byzantine: 0,
      faults: ['crashes', 'partitions', 'loss'],
      knobs: { epochLength: 1 + (seed % 5), damageRate: 0.5, floorMs: 60, downMs: 100, meanCrashGapMs: 300 },
    }))
    expect(cells.get('store lost') ?? 0).toBeGreaterThan(0)
    expect(cells.get('recovered in a later epoch') ?? 0).toBeGreaterThan(0)
  })

  it('beside a faulty validator that claims any view to whoever asks, low or absurd', () => {
    const { cells } = seen((seed) => ({
      seed,
      validators: 7,
      byzantine: 1,
      strategies: [seed % 3 === 0 ? 'equivocate' : 'liar'],
      knobs: { epochLength: seed % 2 === 0 ? 0 : 4, damageRate: 0.6, floorMs: 60, downMs: 100, meanCrashGapMs: 300 },
    }))
    for (const cell of ['store lost', 'lie: claimed another view', 'recovered']) expect([cell, cells.get(cell) ?? 0]).not.toEqual([cell, 0])
  })
})
