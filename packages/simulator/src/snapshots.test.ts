/**
 * Taking over states under faults, unmodified replicas: little counts as far behind, blocks come slowly, chunks are small. A seed is
 * a run; together they must have seen what they are for.
 */
import { describe, expect, it } from 'vitest'
import { Coverage, type Knobs, runSimulation, type SimulationOptions, type SimulationReport } from './index.js'

/** By seed: how far behind is far, how often a state is kept, how much of it fits into a chunk. */
function knobsFor(seed: number): Partial<Knobs> {
  const snapshots = {
    behindBlocks: 1 + (seed % 3),
    everyBlocks: 1 + (seed % 4),
    chunkBytes: [1, 40, 200][seed % 3] as number,
  }
  return { snapshots, blocksPerAnswer: 1, transactions: 60, blockTransactions: 1 }
}

function run(options: SimulationOptions): SimulationReport {
  const report = runSimulation({ ...options, knobs: { ...knobsFor(options.seed), ...options.knobs } })
  const { violation } = report
  if (violation !== undefined) throw new Error(`seed ${options.seed}: ${violation.invariant}: ${violation.message}\n${violation.situation}`)
  return report
}

/** What so many seeds have seen together. */
function seen(from: number, count: number, options: Omit<SimulationOptions, 'seed'>): ReadonlyMap<string, number> {
  const coverage = new Coverage()
  for (let seed = from; seed < from + count; seed++) coverage.merge(run({ ...options, seed }).coverage.cells)
  return coverage.cells
}

function expectSeen(cells: ReadonlyMap<string, number>, ...wanted: readonly string[]): void {
  expect(wanted.filter((cell) => (cells.get(cell) ?? 0) === 0)).toEqual([])
}

describe('states are taken over under faults', () => {
  it('J3, E4: whoever was down, or never up, has the committed state in the end, from whichever epoch it comes', {
    timeout: 900_000,
  }, () => {
    const cells = seen(1, 40, { validators: 4, byzantine: 0 })
    expectSeen(
      cells,
      'snapshot begun',
      'snapshot-restored',
      'state taken over',
      'state taken over after a restart',
      'snapshot resumed',
      'snapshot given up: overtaken',
      'epoch entered by a snapshot',
      'chunk active future valid',
      'snapshot active stale valid',
    )
  })

  it('S9, E5: liars about states are dropped and named, nobody else is, and the state is the committed one', { timeout: 900_000 }, () => {
    const cells = seen(101, 83, { validators: 4, byzantine: 1, strategies: ['sync-liar'] })
    expectSeen(
      cells,
      'state taken over',
      'state taken over after a restart',
      'lie: offered another root',
      'lie: offered validators of its own',
      'lie: chunk: wrong bytes',
      'lie: chunk: truncated',
      'lie: chunk: the root itself',
      'lie: chunk: of another height',
      'blamed: certificate-block',
      'snapshot peer dropped: stalled',
    )
    const chunkLies = [...cells.keys()].filter((cell) => /^snapshot peer dropped: (chunk|trailing|truncated|headers)/.test(cell))
    expect(chunkLies.length).toBeGreaterThan(1)
  })

  it('C6: also who has lost its store, which goes on without voting as before', { timeout: 900_000 }, () => {
    const knobs = { damageRate: 0.5, meanCrashGapMs: 400, epochLength: 0 }
    expectSeen(seen(201, 40, { validators: 4, byzantine: 0, knobs }), 'store lost', 'state taken over while recovering', 'recovered')
  })

  it('C1: crashes at every kind of moment of it: the state in use, or the new one, never half of both', { timeout: 900_000 }, () => {
    const found = firstTakeOver()
    expect(found).not.toBeNull()
    const { seed, node, boundaries } = found as NonNullable<typeof found>
    const coverage = new Coverage()
    for (let boundary = 1; boundary <= boundaries; boundary += Math.max(1, Math.floor(boundaries / 40)))
      coverage.merge(run({ seed, validators: 4, byzantine: 0, faults: ['loss'], crashAt: { node, boundary } }).coverage.cells)
    expectSeen(coverage.cells, 'snapshot resumed', 'state taken over', 'state taken over after a restart')
  })
})

/** A run without crashes of its own in which somebody takes over a state, and who. */
function firstTakeOver(): { readonly seed: number; readonly node: number; readonly boundaries: number } | null {
  for (let seed = 1; seed <= 60; seed++) {
    let node: number | null = null
    const { boundaries } = run({
      seed,
      validators: 4,
      byzantine: 0,
      faults: ['loss'],
      onTrace: (line) => {
        if (line.what === 'snapshot-restored') node = line.node
      },
    })
    if (node !== null) return { seed, node, boundaries: boundaries[node] ?? 0 }
  }
  return null
}

describe('certified verdicts', () => {
  it('are accepted without verifying, where a run says so, and change nothing else', { timeout: 900_000 }, () => {
    const knobs = { snapshots: null, trustCertificates: true, blockTransactions: 4 }
    const cells = seen(301, 30, { validators: 4, byzantine: 1, strategies: ['sync-liar'], knobs })
    expectSeen(cells, 'verdicts-trusted', 'verdicts-doubted')
    expect(
      seen(301, 5, { validators: 4, byzantine: 0, knobs: { ...knobs, trustCertificates: false } }).get('verdicts-trusted'),
    ).toBeUndefined()
  })
})
