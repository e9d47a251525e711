import { describe, expect, it } from 'vitest'
import { createIdealShares } from './shares.js'
import { createIdealSignatures } from './signatures.js'
import { knobsOf } from './simulate.js'
import { World } from './world.js'

const FLOOR_MS = 800
/** Storms, then no power for a while, then all at once on a quiet network: how long until the next commit. */
function recoveryMs(
  seed: number,
  validators: number,
  downMs: number,
  collected: { readonly dissemination?: 'collectors' | 'tree' } = {},
): { readonly tookMs: number; readonly views: number } {
  const knobs = {
    ...knobsOf({ seed, validators, faults: ['loss', 'partitions', 'crashes', 'delay'] }),
    ...{ lossRate: 0.4, meanPartitionGapMs: 400, partitionMs: 1_500, floorMs: FLOOR_MS, transactions: 100_000, thinkMs: 20 },
    faultMs: 6_000 + downMs,
  }
  const world = new World({
    seed,
    validators,
    byzantine: 0,
    knobs,
    ...(collected.dissemination === undefined ? {} : { ...collected, signatures: createIdealSignatures(createIdealShares()) }),
  })
  world.start()
  while (world.nowMs < 6_000) world.advance()
  world.powerCut(downMs + 1_000)
  while (!world.healed) world.advance()
  const before = world.invariants.height
  while (world.invariants.height === before && world.nowMs < world.healedAtMs + 60_000) world.advance()
  const views = [...world.coverage.cells].reduce((sum, [cell, count]) => (cell.startsWith('view entered') ? sum + count : sum), 0)
  return { tookMs: world.nowMs - world.healedAtMs, views }
}

describe('mass restart (docs/protocol.md §8)', () => {
  it('all down and all up again: committing within two view timeouts, after 2 seconds as after 20 and after ten minutes, N = 4 and 7', () => {
    let views = 0
    for (const validators of [4, 7]) {
      for (let seed = 1; seed <= 5; seed++) {
        const run = recoveryMs(seed, validators, [20_000, 2_000, 600_000][seed % 3] ?? 0)
        views += run.views
        expect([seed, validators, run.tookMs < 2 * FLOOR_MS, Math.round(run.tookMs)]).toEqual([
          seed,
          validators,
          true,
          Math.round(run.tookMs),
        ])
      }
    }
    expect(views).toBeGreaterThan(10) // the storms did move the views
  })

  it.each(['collectors', 'tree'] as const)('likewise where votes are collected: %s', (dissemination) => {
    for (let seed = 1; seed <= 3; seed++)
      expect([seed, recoveryMs(seed, 7, 20_000, { dissemination }).tookMs < 2 * FLOOR_MS]).toEqual([seed, true])
  })
})
