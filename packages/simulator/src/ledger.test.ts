/**
 * Seeds with the ledger itself: unmodified replicas, the real kernels, faults and faulty validators. A seed is a run; together they must have
 * seen what they are for.
 */
import { describe, expect, it } from 'vitest'
import { Coverage } from './coverage.js'
import { runSimulation, type SimulationOptions } from './simulate.js'

/** What so many seeds have seen together; none breaks an invariant. */
function seen(from: number, count: number, optionsOf: (seed: number) => Partial<SimulationOptions>): ReadonlyMap<string, number> {
  const merged = new Coverage()
  for (let seed = from; seed < from + count; seed++) {
    const { violation, command, coverage } = runSimulation({ seed, validators: 4, application: 'ledger', ...optionsOf(seed) })
    expect(violation === undefined ? '' : `${violation.invariant}: ${violation.message}\n${command}\n${violation.situation}`).toBe('')
    merged.merge(coverage.cells)
  }
  return merged.cells
}

function expectSeen(cells: ReadonlyMap<string, number>, ...wanted: readonly string[]): void {
  expect(wanted.filter((cell) => (cells.get(cell) ?? 0) === 0)).toEqual([])
}

describe('the ledger under faults', { timeout: 300_000 }, () => {
  it('K5: states are what the books say, and every claim that is final was proven, once, and has a receipt', () => {
    const cells = seen(1, 24, () => ({ byzantine: 1 }))
    expectSeen(
      cells,
      'ledger: final note',
      'ledger: final test/1',
      'ledger: final lrat/1',
      'ledger: final lrat/1 as a blob',
      'ledger: final bvlrat/1',
      'ledger: final bvlrat/1 as a blob',
      'ledger: final sat-model/1',
      'ledger: final metamath/1',
      'ledger: receipt checked',
      // Growth: a theorem is made of one that somebody else has proven, or is about to.
      'ledger: a theorem is cited that is not final yet',
      // S8: two proofs of one claim are on their way, and one of them alone gets there.
      'ledger: two prove one claim',
      'ledger: outdone by a proof of the same claim',
      'restart',
    )
    // Of each kind false claims and broken proofs, found invalid by the kernels.
    expectSeen(
      cells,
      ...['asked-for'].map((code) => `ledger: invalid test/1: ${code}`),
      ...['bad-hint', 'no-empty-clause'].map((code) => `ledger: invalid lrat/1: ${code}`),
      ...['id-order', 'no-empty-clause'].map((code) => `ledger: invalid bvlrat/1: ${code}`),
      ...['false-clause'].map((code) => `ledger: invalid sat-model/1: ${code}`),
      ...['stack-leftover', 'wrong-conclusion'].map((code) => `ledger: invalid metamath/1: ${code}`),
    )
    // What may never be final, by the code with which it is refused.
    expectSeen(
      cells,
      ...['asked-for', 'bad-hint', 'no-empty-clause', 'false-clause', 'stack-leftover', 'wrong-conclusion', 'duplicate-claim'].map(
        (code) => `submission refused: ${code}`,
      ),
      ...['expired', 'gas-limit', 'nonce-used'].map((code) => `submission refused: ${code}`),
      ...['chain-id', 'signature', 'approvals'].map((code) => `submission unread: ${code}`),
    )
  })

  it('E7: a leader whose block is good but for a false proof, or for anything else, gets no votes', () => {
    const knobs = { floorMs: 60, epochLength: 0, transactions: 60, meanCrashGapMs: null }
    const cells = seen(101, 16, () => ({ byzantine: 1, strategies: ['invalid-proposer'], knobs }))
    expectSeen(
      cells,
      'lie: block with false proof',
      'lie: block with another state root',
      'lie: block with too many transactions',
      'lie: block with repeated transaction',
      'block-invalid',
      'offence recorded: invalid-verification',
    )
  })

  it('J3: governance changes the validators while they fail; whoever comes late learns of it', () => {
    const cells = seen(201, 8, (seed) => ({ byzantine: 1, knobs: { epochLength: 1 + (seed % 4), transactions: 40 } }))
    expectSeen(cells, 'ledger: final update-validators', 'joined the validators', 'left the validators', 'epoch entered by sync')
  })

  it('J3, C6: whoever was down takes over a state and goes on from it, also who has lost its store', () => {
    const cells = seen(301, 14, (seed) => ({
      byzantine: 0,
      knobs: {
        snapshots: { behindBlocks: 1 + (seed % 3), everyBlocks: 1 + (seed % 4), chunkBytes: [1, 200, 2_000][seed % 3] as number },
        blocksPerAnswer: 1,
        blockTransactions: 2,
        transactions: 50,
        damageRate: seed % 2 === 0 ? 0.5 : 0,
        meanCrashGapMs: seed % 2 === 0 ? 400 : null,
        epochLength: seed % 4 < 2 ? 0 : 3,
      },
    }))
    expectSeen(cells, 'state taken over', 'state taken over after a restart', 'store lost', 'epoch entered by a snapshot')
  })

  it('K1: offences are on record against whoever committed them, and in the books', () => {
    const cells = seen(401, 4, (seed) => ({ byzantine: 1, strategies: [seed % 2 === 0 ? 'two-faced' : 'lazy'] }))
    expectSeen(cells, 'offence recorded: equivocation')
  })
})

describe('a seed with the ledger', () => {
  it('catches up over a narrow line with a pool of what is final elsewhere', () => {
    const { violation, knobs } = runSimulation({ seed: 510051, validators: 4, byzantine: 1, application: 'ledger' })
    expect([violation?.message, knobs.bytesPerMs !== null]).toEqual([undefined, true])
  })

  it('is a run: twice the same, watched or not, and the command replays it', () => {
    const options: SimulationOptions = { seed: 11, validators: 4, byzantine: 1, application: 'ledger' }
    const [first, second] = [runSimulation(options), runSimulation({ ...options, onTrace: () => undefined })]
    expect([first.traceHash, first.events, first.blocks]).toEqual([second.traceHash, second.events, second.blocks])
    expect(first.command).toBe('npx aethel simulate --seed 11 --validators 4 --byzantine 1 --application ledger')
    expect(first.knobs.application).toBe('ledger')
  })

  it('is another run than the same seed without, under the same faults', () => {
    const [ledger, tally] = (['ledger', 'tally'] as const).map((application) => runSimulation({ seed: 11, application }))
    expect(ledger?.traceHash).not.toBe(tally?.traceHash)
    expect({ ...ledger?.knobs, application: 'tally' }).toEqual(tally?.knobs)
  })
})
