/**
 * The table of what was seen, in full: kind of message x phase and age at the receiver x valid or refused, and each way in which the edge
 * refuses each kind. A cell is demanded, or impossible for a reason (and then never seen), or rare: possible, and left to chance.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { AGES, Coverage, MESSAGE_KINDS, PHASES } from './coverage.js'
import type { Knobs } from './knobs.js'
import { createIdealShares } from './shares.js'
import { createIdealSignatures } from './signatures.js'
import { runSimulation, type SimulationOptions } from './simulate.js'

const STORM: Partial<Knobs> = {
  ...{ floorMs: 60, window: 1, epochLength: 0, transactions: 40, faultMs: 5_000 },
  ...{ lossRate: 0.3, meanPartitionGapMs: 400, partitionMs: 2_500, meanCrashGapMs: 300, downMs: 2_000 },
}
const LIGHTER: Partial<Knobs> = { ...STORM, lossRate: 0.1, downMs: 500 }
const SNAPSHOTS = { behindBlocks: 3, everyBlocks: 2, chunkBytes: 40 }
const BLOBS = { prunes: false, wholeRate: 0.6, expiryRate: 0.2, rotRate: 0 }
/** Proposals are whole, so that these seeds see what is wrong with whole ones. */
const WHOLE = { compact: null }
const SEVEN = { validators: 7, byzantine: 2 } as const

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** Seeds, of each. */
const RUNS: readonly (readonly [readonly number[], Omit<SimulationOptions, 'seed'>])[] = [
  [upTo(20), { validators: 4, byzantine: 1, strategies: ['mangler'], knobs: WHOLE }],
  [upTo(15), { ...SEVEN, strategies: ['mangler', 'equivocate'], knobs: { ...WHOLE, window: 1, blobs: BLOBS } }],
  [upTo(60), { validators: 7, byzantine: 1, strategies: ['mangler'], knobs: { ...WHOLE, ...LIGHTER, damageRate: 1, meanCrashGapMs: 150 } }],
  [
    upTo(30),
    { ...SEVEN, strategies: ['sync-liar', 'bad-certificates'], knobs: { ...WHOLE, ...LIGHTER, snapshots: SNAPSHOTS, blocksPerAnswer: 1 } },
  ],
  [upTo(15), { ...SEVEN, strategies: ['mangler', 'view-pusher'], knobs: { ...WHOLE, ...STORM, snapshots: null } }],
  [
    [...upTo(25), 59],
    { validators: 4, byzantine: 1, strategies: ['mangler'], knobs: { ...WHOLE, ...LIGHTER }, dissemination: 'collectors' },
  ],
  [[...upTo(40), 54, 140], { ...SEVEN, strategies: ['mangler', 'bad-sums'], knobs: { ...WHOLE, ...LIGHTER }, dissemination: 'tree' }],
  [[...upTo(25), 54, 55], { ...SEVEN, strategies: ['mangler', 'invalid-proposer'], knobs: WHOLE }],
  [upTo(7), { ...SEVEN, strategies: ['mangler', 'equivocate'], knobs: { ...STORM, snapshots: null, compact: { lieRate: 0.3 } } }],
]

/** Why a cell cannot be. */
function impossible(kind: string, age: string, verdict: string): string | null {
  if (['evidence', 'blob-part', 'blob-held', 'blob-absent', 'block-transactions'].includes(kind) && age !== 'current') return 'has no age'
  if (verdict === 'refused' && ['fetch', 'blob-held', 'blob-absent'].includes(kind)) return 'is a wish or a hint: the edge refuses none'
  if (verdict === 'refused' && ['snapshot', 'chunk', 'blob-part', 'block-transactions'].includes(kind))
    return 'proves itself to whoever asked, who names the sender'
  return null
}

/** Possible, and met by chance only: twice or less in all these runs. Each wants two unlikely things at once. */
const RARE: ReadonlySet<string> = new Set([
  // A certificate that is there before the one below it, or before the view: it takes a quorum elsewhere to make one.
  'certificate active future valid',
  'certificate changing future valid',
  'certificate changing beyond refused',
  // Who adds up is ahead of who collects, and one of the two is faulty or changes views.
  'sum active future refused',
  'sum active beyond refused',
  'sum changing future refused',
  'sum changing beyond valid',
  'sum changing beyond refused',
  // Who stands still for nine views, and then hears of the ninth first.
  'new-view active beyond valid',
  'new-view changing beyond valid',
  // A claim of a view comes once per lost store; who has lost one signs nothing, so it is changing views only after it has recovered.
  'view-claim active stale refused',
  'view-claim active beyond valid',
  'view-claim active beyond refused',
  'view-claim changing future valid',
  'view-claim changing beyond valid',
  'view-claim changing beyond refused',
  // Blocks, bodies and states are asked for where one stands; these come for somewhere else, in a view change.
  'blocks changing future valid',
  'blocks changing future refused',
  'block changing future refused',
  'block changing beyond valid',
  'block changing beyond refused',
  'snapshot changing future valid',
  'chunk changing stale valid',
  'chunk changing current valid',
  // Of one run; the others see whole proposals at these times.
  'compact-pre-prepare active future valid',
  'compact-pre-prepare changing future valid',
  'compact-pre-prepare changing future refused',
  'compact-pre-prepare changing beyond refused',
  // Nobody honest asks for block 0.
  'fetch active stale valid',
  'fetch changing stale valid',
])

/**
 * Of the edge (check.ts, certificate.ts, block.ts, evidence.ts). Left out: what these liars cannot bring about (an epoch that the message does not
 * name; 65,536 transactions; a BLOCKS whose gas does not fit it, which its bytes cannot say), and what only a member's own signature under a flawed
 * ancestor certificate or flawed evidence shows. `consensus/check`, `consensus/evidence` and `consensus/body-hashing` try each of those.
 */
const REFUSALS: Readonly<Record<string, readonly string[]>> = {
  'pre-prepare': [
    ...['not-leader', 'view', 'signature', 'chain', 'height', 'proposer', 'validators-hash'],
    ...['transactions-root', 'evidence-version'],
  ],
  'compact-pre-prepare': ['not-leader', 'view', 'signature'],
  vote: ['signature', 'unknown-validator'],
  certificate: ['certificate-power', 'certificate-signature', 'certificate-size'],
  sum: ['bitmap'],
  'view-change': [
    ...['signature', 'unknown-validator', 'highest'],
    ...['certificate-count', 'certificate-power', 'certificate-signature', 'certificate-size'],
  ],
  'new-view': [
    ...['not-leader', 'order', 'view', 'no-quorum', 'highest', 'highest-certificate', 'signature'],
    ...['certificate-count', 'certificate-power', 'certificate-signature', 'certificate-size'],
  ],
  status: ['order', 'bitmap', 'signature', 'unknown-validator'],
  'view-claim': ['signature', 'unknown-validator'],
  blocks: [
    ...['empty', 'certificate-kind', 'certificate-block', 'certificate-signature', 'chain', 'chain-gap', 'epoch', 'height', 'proposer'],
    ...['transactions-root', 'evidence-root', 'certificate-hash'],
  ],
  block: ['chain', 'height', 'proposer', 'transactions-root', 'evidence-root', 'certificate-hash'],
  evidence: ['evidence-version', 'evidence-chain', 'evidence-validator', 'evidence-signature', 'truncated'],
}

const seen = new Coverage()
let cells: ReadonlyMap<string, number> = new Map()

beforeAll(() => {
  for (const [seeds, options] of RUNS) {
    for (const seed of seeds) {
      const signatures = options.dissemination === undefined ? {} : { signatures: createIdealSignatures(createIdealShares()) }
      const { violation, command, coverage } = runSimulation({ ...options, ...signatures, seed })
      if (violation !== undefined)
        throw new Error(`${violation.invariant}: ${violation.message}\n${command}, and knobs of coverage.test.ts`)
      seen.merge(coverage.cells)
    }
  }
  cells = seen.cells
}, 1_800_000)

const table = MESSAGE_KINDS.flatMap((kind) =>
  PHASES.flatMap((phase) =>
    AGES.flatMap((age) => ['valid', 'refused'].map((verdict) => ({ kind, age, verdict, cell: `${kind} ${phase} ${age} ${verdict}` }))),
  ),
)
const demanded = table.filter(({ kind, age, verdict, cell }) => impossible(kind, age, verdict) === null && !RARE.has(cell))

describe('the table of what is received', () => {
  it('has every cell that can be: kind, phase and age, valid and refused', () => {
    expect(demanded.filter(({ cell }) => (cells.get(cell) ?? 0) === 0).map(({ cell }) => cell)).toEqual([])
    expect(demanded.length).toBe(182)
  })

  it('has none that cannot', () => {
    const impossibles = table.filter(({ kind, age, verdict }) => impossible(kind, age, verdict) !== null)
    expect(impossibles.filter(({ cell }) => cells.has(cell)).map(({ cell }) => cell)).toEqual([])
    expect(demanded.length + impossibles.length + RARE.size).toBe(table.length)
  })

  it.each(Object.entries(REFUSALS))('%s: each way of being invalid is refused for what it is', (kind, codes) => {
    expect(codes.filter((code) => (cells.get(`refused ${kind}: ${code}`) ?? 0) === 0)).toEqual([])
  })
})
