import { describe, expect, it } from 'vitest'
import { runSimulation } from './simulate.js'

describe('many validators (docs/protocol.md §9)', () => {
  it('a block costs a few N^2 events, also when status ticks come while its votes are under way', () => {
    const validators = 64
    const { ok, events, blocks } = runSimulation({ seed: 4, validators, byzantine: 0, blocks: 10 })
    expect(ok).toBe(true)
    // 2.4, of which 2 are the votes; with everybody standing in for everybody 3.8, and more with more validators.
    expect(events / blocks / validators ** 2).toBeLessThan(3)
  }, 60_000)
})
