/** Runs one seed to its end: faults, healing, and a computed bound by which everything pending must be committed. */
import type { ByzantineStrategy } from './adversaries/strategies.js'
import type { Coverage } from './coverage.js'
import { drawKnobs, type Knobs } from './knobs.js'
import { Violation } from './violation.js'
import { World } from './world.js'

export interface SimulationOptions {
  readonly seed: number
  readonly validators?: number
  readonly byzantine?: number
  /** Instead of what the seed draws; taken in turn. */
  readonly strategies?: readonly ByzantineStrategy[]
  /** Replaces what the seed drew. */
  readonly knobs?: Partial<Knobs>
  readonly onTrace?: (line: string) => void
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
  readonly traceHash: string
  readonly coverage: Coverage
  readonly violation?: { readonly invariant: string; readonly message: string; readonly atEvent: number; readonly situation: string }
  /** Replays exactly this run. */
  readonly command: string
}

/**
 * After healing the worst case is every faulty validator leading in turn while honest ones back off to the cap: a full
 * timeout to leave a view and one to enter the next, for each faulty leader twice over, and then one commit per
 * transaction left with room for retransmission.
 */
export function livenessBoundMs(byzantine: number, transactions: number): number {
  return 20_000 + 4 * 6_400 * (byzantine + 2) + 2_000 * transactions
}

const BUFFER_CHECK_EVENTS = 256

export function runSimulation(options: SimulationOptions): SimulationReport {
  const validators = options.validators ?? 4
  const byzantine = options.byzantine ?? 0
  const strategies = options.strategies ?? []
  const chosen =
    strategies.length === 0
      ? {}
      : { strategies: Array.from({ length: byzantine }, (_, i) => strategies[i % strategies.length] as ByzantineStrategy) }
  const knobs = { ...drawKnobs(options.seed, byzantine), ...chosen, ...options.knobs }
  const trace = options.onTrace === undefined ? {} : { onTrace: options.onTrace }
  const world = new World({ seed: options.seed, validators, byzantine, knobs, ...trace })
  const boundMs = livenessBoundMs(byzantine, knobs.transactions)
  let violation: SimulationReport['violation']
  try {
    world.start()
    while (!world.settled) {
      if (!world.advance()) throw new Violation('liveness', 'nothing is left to happen, and not everything is committed')
      if (world.eventCount % BUFFER_CHECK_EVENTS === 0) world.checkBuffers()
      if (world.healed && world.nowMs > world.healedAtMs + boundMs) {
        throw new Violation('liveness', `not everything is committed ${boundMs} ms after healing`)
      }
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    violation = { invariant: error.invariant, message: error.message, atEvent: world.eventCount, situation: world.describe() }
  }
  const cells = world.coverage.cells
  let viewChanges = 0
  for (const [cell, count] of cells) if (cell.startsWith('view entered')) viewChanges += count
  return {
    ok: violation === undefined,
    seed: options.seed,
    validators,
    byzantine,
    knobs,
    events: world.eventCount,
    checks: world.invariants.checks + world.promises.checks,
    virtualMs: Math.round(world.nowMs),
    blocks: world.invariants.height,
    transactions: world.submitted,
    viewChanges: Math.round(viewChanges / validators),
    traceHash: world.traceHash,
    coverage: world.coverage,
    ...(violation === undefined ? {} : { violation }),
    command: `npx aethel simulate --seed ${options.seed} --validators ${validators} --byzantine ${byzantine}${strategies.length === 0 ? '' : `:${strategies.join(',')}`}`,
  }
}
