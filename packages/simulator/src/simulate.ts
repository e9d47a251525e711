/** Runs one seed to its end: faults, healing, and a computed bound by which everything pending must be committed. */
import type { DisseminationChoice } from '@aethel/consensus'
import type { ByzantineStrategy } from './adversaries/strategies.js'
import type { ApplicationName } from './application.js'
import { bandwidthMs, calmLatencyMs, isCalm, livenessBoundMs, wideEnough } from './bounds.js'
import type { Builds } from './builds/build.js'
import { OPEN_ENDED } from './clients.js'
import type { Coverage } from './coverage.js'
import type { CrashPoint } from './crashes.js'
import type { Decision } from './fates.js'
import { chooseFaults, drawKnobs, type FaultClass, type Knobs } from './knobs.js'
import type { LatencyMatrix } from './latency.js'
import type { Powers } from './powers.js'
import { STATUS_MS } from './replica-options.js'
import type { SignatureScheme } from './signatures.js'
import type { TraceLine } from './trace.js'
import { demand, type InvariantName, Violation } from './violation.js'
import { World } from './world.js'

export interface SimulationOptions {
  readonly seed: number
  readonly validators?: number
  readonly byzantine?: number
  /** What the replicas replicate: the tally machine if left out. */
  readonly application?: ApplicationName
  /** Instead of what the seed draws; taken in turn. */
  readonly strategies?: readonly ByzantineStrategy[]
  /** Exactly these classes of faults, whatever the seed draws. */
  readonly faults?: readonly FaultClass[]
  readonly latency?: LatencyMatrix
  /** Even if left out. Uneven ones are for the tally machine: the ledger's genesis has its own. */
  readonly powers?: Powers
  /** Virtual time until healing; clients submit until then. */
  readonly durationMs?: number
  /** Heals when so many blocks are committed; clients submit until then. */
  readonly blocks?: number
  /** A client waits so long on average between one transaction and the next. */
  readonly thinkMs?: number
  /** Replaces what the seed drew. */
  readonly knobs?: Partial<Knobs>
  /** Ideal ones if absent. */
  readonly signatures?: SignatureScheme
  /** Mesh if left out; anything else needs shares of BLS certificates. */
  readonly dissemination?: DisseminationChoice
  readonly crashAt?: CrashPoint
  /** Some validators run another build, and may change at a restart. */
  readonly builds?: Builds
  /** Only these of the recorded decisions happen. */
  readonly only?: ReadonlySet<string>
  readonly onDecision?: (decision: Decision) => void
  readonly onTrace?: (line: TraceLine) => void
  /** Now and then, for who waits. */
  readonly onProgress?: (progress: SimulationProgress) => void
  /** At the end, while everything that validators hold is still there: for who measures memory. */
  readonly onSettled?: () => void
}

export interface SimulationProgress {
  readonly events: number
  readonly virtualMs: number
  readonly blocks: number
}

/** From so many validators on a run is about scale, not about storms. */
export const SCALE_VALIDATORS = 50
/** What suits many validators: a view timeout above what a view change of theirs takes, and blocks in flight. */
const SCALE_KNOBS: Partial<Knobs> = { floorMs: 800, window: 16, epochLength: 0, encodeOnWire: false }

export interface ViolationReport {
  readonly invariant: InvariantName
  readonly message: string
  readonly atEvent: number
  readonly atMs: number
  readonly situation: string
}

export interface SimulationReport {
  readonly ok: boolean
  readonly seed: number
  readonly validators: number
  readonly byzantine: number
  readonly knobs: Knobs
  readonly events: number
  readonly checks: number
  readonly virtualMs: number
  readonly blocks: number
  readonly transactions: number
  readonly viewChanges: number
  readonly messages: number
  /** Of all that was sent, lost ones too, in the order of the encoded sizes. */
  readonly bytesSent: number
  /** Signatures made and checked by Ed25519. */
  readonly signaturesMade: number
  readonly signaturesChecked: number
  /** Checks that real validators would have made and nobody computed: of ideal signatures, and of all receivers of a message but one. */
  readonly checksCharged: number
  /** Virtual time from submission to the first commit, of each transaction. */
  readonly latenciesMs: readonly number[]
  /** Virtual time from healing until everything was final everywhere, and how much the `liveness` bound allows. */
  readonly settledAfterMs: number
  readonly livenessBoundMs: number
  /** By validator: how many effect boundaries a crash could be aimed at. */
  readonly boundaries: readonly number[]
  readonly traceHash: string
  readonly coverage: Coverage
  readonly violation?: ViolationReport
  /** Replays exactly this run. */
  readonly command: string
}

const PROGRESS_EVENTS = 16_384
/** Clients that can have something outstanding when an open-ended run heals. */
const MAX_OUTSTANDING = 8

export function knobsOf(options: SimulationOptions): Knobs {
  const byzantine = options.byzantine ?? 0
  const strategies = options.strategies ?? []
  const drawn = drawKnobs(options.seed, byzantine)
  const isScale = (options.validators ?? 4) >= SCALE_VALIDATORS
  const faults = options.faults ?? (isScale ? [] : undefined)
  const openEnded = options.durationMs !== undefined || options.blocks !== undefined
  const chosen = {
    ...drawn,
    ...(options.application === undefined ? {} : { application: options.application }),
    ...(strategies.length === 0
      ? {}
      : { strategies: Array.from({ length: byzantine }, (_, at) => strategies[at % strategies.length] as ByzantineStrategy) }),
    ...(isScale ? SCALE_KNOBS : {}),
    ...(faults === undefined ? {} : chooseFaults(drawn, faults)),
    ...(options.latency === undefined ? {} : { latency: options.latency }),
    ...(options.powers === undefined ? {} : { powers: options.powers }),
    ...(options.durationMs === undefined ? {} : { faultMs: options.durationMs, thinkMs: 400 }),
    ...(openEnded ? { transactions: OPEN_ENDED } : {}),
    ...(options.thinkMs === undefined ? {} : { thinkMs: options.thinkMs }),
  }
  return { ...chosen, bytesPerMs: wideEnough(chosen.bytesPerMs, options.validators ?? 4, chosen), ...options.knobs }
}

/**
 * One run: the same options and the same build give the same events, byte for byte (`traceHash`). A broken invariant is in the report (`violation`), with the
 * `command` that replays it, and ends the run; whatever is thrown is no finding about the replicas. Source: docs/simulation.md.
 */
export function runSimulation(options: SimulationOptions): SimulationReport {
  const validators = options.validators ?? 4
  const byzantine = options.byzantine ?? 0
  const knobs = knobsOf(options)
  const { seed, blocks, signatures, dissemination, crashAt, only, onDecision, onTrace, builds } = options
  const world = new World({
    seed,
    validators,
    byzantine,
    knobs,
    ...(blocks === undefined ? {} : { blocks }),
    ...(signatures === undefined ? {} : { signatures }),
    ...(dissemination === undefined ? {} : { dissemination }),
    ...(crashAt === undefined ? {} : { crashAt }),
    ...(only === undefined ? {} : { only }),
    ...(onDecision === undefined ? {} : { onDecision }),
    ...(onTrace === undefined ? {} : { onTrace }),
    ...(builds === undefined ? {} : { builds }),
  })
  const boundMs = boundOf(knobs, validators)
  let violation: ViolationReport | undefined
  try {
    runToTheEnd(world, boundMs, options.onProgress)
    if (isCalm(knobs)) checkThroughput(world, knobs)
    options.onSettled?.()
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    const { invariant, message } = error
    violation = { invariant, message, atEvent: world.eventCount, atMs: Math.round(world.nowMs), situation: world.describe() }
  }
  let viewChanges = 0
  for (const [cell, count] of world.coverage.cells) if (cell.startsWith('view entered')) viewChanges += count
  return {
    ok: violation === undefined,
    seed,
    validators,
    byzantine,
    knobs,
    events: world.eventCount,
    checks: world.invariants.checks + world.promises.checks,
    virtualMs: Math.round(world.nowMs),
    blocks: world.invariants.height,
    transactions: world.submitted,
    viewChanges: Math.round(viewChanges / validators),
    messages: world.messages,
    bytesSent: world.bytesSent,
    signaturesMade: world.signatures.made,
    signaturesChecked: world.signatures.checked,
    checksCharged: world.signatures.charged + world.checksSpared,
    latenciesMs: world.latenciesMs,
    settledAfterMs: Math.max(0, Math.round(world.nowMs - world.healedAtMs - world.backlogAtHealingMs)),
    livenessBoundMs: Math.round(boundMs),
    boundaries: world.boundaries,
    traceHash: world.traceHash,
    coverage: world.coverage,
    ...(violation === undefined ? {} : { violation }),
    command: commandOf(options),
  }
}

function boundOf(knobs: Knobs, validators: number): number {
  const faulty = Math.floor((validators - 1) / 3)
  const transactions = knobs.transactions === OPEN_ENDED ? MAX_OUTSTANDING : knobs.transactions
  const eachMs = bandwidthMs(validators, knobs)
  return livenessBoundMs(faulty, transactions, knobs.strategies.includes('drip')) + eachMs * (transactions + 4 * (faulty + 2))
}

function runToTheEnd(world: World, boundMs: number, onProgress: SimulationOptions['onProgress']): void {
  world.start()
  while (!world.settled) {
    if (!world.advance()) throw new Violation('liveness', 'nothing is left to happen, and not everything is committed')
    if (onProgress !== undefined && world.eventCount % PROGRESS_EVENTS === 0)
      onProgress({ events: world.eventCount, virtualMs: world.nowMs, blocks: world.invariants.height })
    // What waits at an interface when the world heals has to leave first.
    if (world.healed && world.nowMs > world.healedAtMs + world.backlogAtHealingMs + boundMs) {
      const afterMs = Math.round(world.backlogAtHealingMs + boundMs)
      throw new Violation('liveness', `not everything is committed ${afterMs} ms after healing`)
    }
  }
}

/**
 * A run without faults must be fast, not merely live: half of the transactions within the bound, and in one epoch each within two ticks
 * more, which make up for what a race has lost. Who is late at the end of an epoch may have to lead the next; and whoever waits for a
 * state that others are about to have asks for no blocks (protocol.md §7).
 */
function checkThroughput(world: World, knobs: Knobs): void {
  const sorted = [...world.latenciesMs].sort((a, b) => a - b)
  const median = sorted[sorted.length >> 1] ?? 0
  const slowest = sorted.at(-1) ?? 0
  const most = calmLatencyMs(knobs)
  demand(
    'throughput',
    median <= most,
    () => `half of the transactions took more than ${Math.round(median)} ms, where ${Math.round(most)} ms are enough`,
  )
  demand(
    'throughput',
    knobs.epochLength > 0 || knobs.snapshots !== null || slowest <= most + 2 * STATUS_MS,
    () => `a transaction took ${Math.round(slowest)} ms, where ${Math.round(most)} ms and two ticks are enough`,
  )
}

function commandOf(options: SimulationOptions): string {
  const { seed, validators = 4, byzantine = 0, application, strategies = [], faults, latency } = options
  const { powers, durationMs, blocks, thinkMs, signatures, dissemination, builds } = options
  const parts = [`npx aethel simulate --seed ${seed} --validators ${validators}`]
  parts.push(`--byzantine ${byzantine}${strategies.length === 0 ? '' : `:${strategies.join(',')}`}`)
  if (application !== undefined && application !== 'tally') parts.push(`--application ${application}`)
  if (faults !== undefined) parts.push(`--faults ${faults.length === 0 ? 'none' : faults.join(',')}`)
  if (latency !== undefined) parts.push(`--latency ${latency.name}`)
  if (powers !== undefined && powers !== 'even') parts.push(`--powers ${powers}`)
  if (durationMs !== undefined) parts.push(`--duration ${durationMs / 1000}`)
  if (blocks !== undefined) parts.push(`--blocks ${blocks}`)
  if (thinkMs !== undefined) parts.push(`--think ${thinkMs}`)
  if (signatures !== undefined) parts.push(`--signatures ${signatures.name}`)
  if (signatures?.shares !== null && signatures?.shares !== undefined) parts.push('--certificates bls12-381')
  if (dissemination !== undefined) parts.push(`--dissemination ${dissemination}`)
  if (builds !== undefined) parts.push(`--other-build ${builds.other.name}`)
  return parts.join(' ')
}
