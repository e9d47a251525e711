/**
 * Runs with more faulty power than any protocol bears (docs/protocol.md §12). Agreement cannot hold there. What is promised, and
 * checked: no honest validator accepts an invalid proof whatever the others sign; honest validators keep their own promises;
 * who sees a fork halts; what honest validators hold proves each fork, naming more than a third of the power and nobody
 * honest; and where the faulty are merely away, the chain stands still and goes on when they are back.
 */
import {
  type AssembledFork,
  assembleForkProof,
  type Culprit,
  type DisseminationChoice,
  type ForkMaterial,
  isWeakQuorum,
  joinMaterial,
} from '@aethel/consensus'
import type { ByzantineStrategy } from './adversaries/strategies.js'
import { livenessBoundMs } from './bounds.js'
import { chooseFaults, drawKnobs, type Knobs } from './knobs.js'
import { createIdealSignatures, type SignatureScheme, verifiersOf } from './signatures.js'
import type { ViolationReport } from './simulate.js'
import { demand, Violation } from './violation.js'
import { type Remains, World } from './world.js'

export interface BeyondOptions {
  readonly seed: number
  readonly validators: number
  /** More than `maxFaulty`, and too few to be a quorum by themselves. */
  readonly byzantine: number
  /** Taken in turn; `split` and `forgetful`, one each half of the seeds, if left out. */
  readonly strategies?: readonly ByzantineStrategy[]
  /** Ideal ones if absent. */
  readonly signatures?: SignatureScheme
  /** Mesh if left out. */
  readonly dissemination?: DisseminationChoice
}

export interface BeyondReport {
  readonly ok: boolean
  readonly seed: number
  readonly strategies: readonly ByzantineStrategy[]
  readonly events: number
  readonly checks: number
  readonly virtualMs: number
  readonly blocks: number
  /** Lowest height at which honest validators committed two blocks; null: none. */
  readonly forkedAt: number | null
  /** Honest validators that saw the fork and stopped; and those whose own proof, without anybody else's help, names enough. */
  readonly halted: number
  readonly provenAlone: number
  readonly culprits: readonly Culprit[]
  /** Committed before the world healed. */
  readonly blocksBeforeHealing: number
  readonly violation?: ViolationReport
  readonly command: string
}

/** After healing: for the sides to hear of each other, several view timeouts at the cap. */
const AFTERMATH_MS = 60_000

export function runBeyond(options: BeyondOptions): BeyondReport {
  const { seed, validators, byzantine } = options
  const drawn = drawKnobs(seed, byzantine)
  const chosen: readonly ByzantineStrategy[] = options.strategies ?? [seed % 2 === 0 ? 'split' : 'forgetful']
  const strategies = Array.from({ length: byzantine }, (_, at) => chosen[at % chosen.length] as ByzantineStrategy)
  // Who crashes forgets NEW-VIEWs that a proof across views may need; lost messages and delays are enough to worry about.
  const knobs: Knobs = {
    ...drawn,
    ...chooseFaults(drawn, drawn.lossRate > 0 ? ['loss', 'duplication', 'delay'] : ['delay']),
    lossRate: Math.min(drawn.lossRate, 0.05),
    strategies,
    epochLength: 0,
    // Who trusts certificates accepts what the others sign; a state that is taken over has no blocks to compare.
    trustCertificates: false,
    snapshots: null,
    blobs: null,
    faultMs: 6_000,
    encodeOnWire: true,
  }
  const signatures = options.signatures ?? createIdealSignatures()
  const { dissemination } = options
  const world = new World({
    seed,
    validators,
    byzantine,
    knobs,
    signatures,
    beyond: true,
    ...(dissemination === undefined ? {} : { dissemination }),
  })
  let violation: ViolationReport | undefined
  let proof: AssembledFork | null = null
  let provenAlone = 0
  let blocksBeforeHealing = 0
  try {
    const isAway = strategies.every((strategy) => strategy === 'sleeper')
    const endsAfterMs = isAway ? livenessBoundMs(Math.floor((validators - 1) / 3), knobs.transactions) : AFTERMATH_MS
    world.start()
    while (!isOver(world, endsAfterMs, isAway)) {
      if (!world.healed) blocksBeforeHealing = world.invariants.height
      if (!world.advance()) break
    }
    if (isAway) checkStandstill(world, blocksBeforeHealing, endsAfterMs)
    const audit = auditFork(world, signatures)
    proof = audit.proof
    provenAlone = audit.provenAlone
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    const { invariant, message } = error
    violation = { invariant, message, atEvent: world.eventCount, atMs: Math.round(world.nowMs), situation: world.describe() }
  }
  return {
    ok: violation === undefined,
    seed,
    strategies,
    events: world.eventCount,
    checks: world.invariants.checks + world.promises.checks,
    virtualMs: Math.round(world.nowMs),
    blocks: world.invariants.height,
    forkedAt: world.forks.lowest,
    halted: world.remains.filter(({ halted }) => halted !== null).length,
    provenAlone,
    culprits: proof?.checked.ok === true ? proof.checked.value.culprits : [],
    blocksBeforeHealing,
    ...(violation === undefined ? {} : { violation }),
    command: `npx aethel simulate --seed ${seed} --validators ${validators} --byzantine ${byzantine}:${[...new Set(strategies)].join(',')}${signatures.shares === null ? '' : ' --certificates bls12-381'}${dissemination === undefined ? '' : ` --dissemination ${dissemination}`}`,
  }
}

function isOver(world: World, endsAfterMs: number, isAway: boolean): boolean {
  if (isAway && world.settled) return true
  return world.healed && world.nowMs > world.healedAtMs + endsAfterMs
}

/** Without a quorum nothing commits; with one again, everything does. */
function checkStandstill(world: World, blocksBeforeHealing: number, endsAfterMs: number): void {
  demand('agreement', blocksBeforeHealing === 0, () => `${blocksBeforeHealing} blocks were committed without a quorum awake`)
  demand('liveness', world.settled, () => `not everything is committed ${endsAfterMs} ms after those who slept are back`)
}

function auditFork(world: World, signatures: SignatureScheme): { proof: AssembledFork | null; provenAlone: number } {
  const context = { chainId: world.chainId, validators: world.validatorSet, ...verifiersOf(signatures) }
  const isFaulty = (index: number): boolean => world.faulty.some((member) => member === index)
  const check = (assembled: AssembledFork | null, whose: string): AssembledFork | null => {
    if (assembled?.checked.ok !== true) return assembled
    const { culprits, power } = assembled.checked.value
    for (const { validator, offence } of culprits)
      demand('fork-is-proven', isFaulty(validator), () => `${whose} blames honest validator ${validator} for ${offence}`)
    demand('fork-is-proven', isWeakQuorum(context.validators, power), () => `${whose} names power ${power} only`)
    return assembled
  }
  let provenAlone = 0
  for (const remains of world.remains) {
    if (remains.halted === null) continue
    const own = check(
      assembleForkProof(context, joinMaterial([chainOf(remains), remains.halted])),
      `the proof of validator ${remains.index}`,
    )
    demand('fork-is-proven', own !== null, () => `validator ${remains.index} halted without two certificates that contradict each other`)
    if (own.checked.ok) provenAlone++
  }
  if (world.forks.lowest === null) return { proof: null, provenAlone }
  const all = world.remains.flatMap((each) => [chainOf(each), each.material, ...(each.halted === null ? [] : [each.halted])])
  const proof = check(assembleForkProof(context, joinMaterial(all)), 'the proof of all')
  demand('fork-is-proven', proof !== null, () => `two blocks are committed at height ${world.forks.lowest}, and no certificates show it`)
  const { checked } = proof
  demand(
    'fork-is-proven',
    checked.ok,
    () => `the fork at height ${world.forks.lowest} is nobody's fault: ${checked.ok ? '' : checked.error.message}`,
  )
  return { proof, provenAlone }
}

function chainOf({ chain }: Remains): ForkMaterial {
  return {
    certificates: chain.map(({ certificate }) => certificate),
    headers: chain.map(({ block }) => block.header),
    votes: [],
    entries: [],
  }
}
