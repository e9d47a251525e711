/** One seed, run and summed up so that it can cross from a worker thread. */
import {
  createRealSignatures,
  createSampledSignatures,
  runSimulation,
  SCALE_VALIDATORS,
  type SimulationOptions,
  type SimulationReport,
} from '@aethel/simulator'

/** What a run is told, as plain data. */
export interface SeedOptions
  extends Pick<
    SimulationOptions,
    'validators' | 'byzantine' | 'application' | 'strategies' | 'faults' | 'latency' | 'durationMs' | 'blocks' | 'thinkMs' | 'only'
  > {
  readonly signatureScheme: 'ideal' | 'real' | 'sampled'
}

export interface SeedSummary
  extends Pick<
    SimulationReport,
    | 'seed'
    | 'knobs'
    | 'events'
    | 'checks'
    | 'virtualMs'
    | 'blocks'
    | 'transactions'
    | 'viewChanges'
    | 'messages'
    | 'latenciesMs'
    | 'settledAfterMs'
    | 'livenessBoundMs'
    | 'violation'
    | 'command'
    | 'traceHash'
    | 'signaturesMade'
    | 'signaturesChecked'
    | 'checksCharged'
  > {
  readonly cells: readonly (readonly [string, number])[]
}

/** One seed in so many is run twice, and must do the same twice. */
const TWICE_EVERY = 64

export function simulationOptions(seed: number, { signatureScheme, ...options }: SeedOptions): SimulationOptions {
  switch (signatureScheme) {
    case 'ideal':
      return { seed, ...options }
    case 'real':
      return { seed, ...options, signatures: createRealSignatures() }
    case 'sampled':
      return { seed, ...options, signatures: createSampledSignatures() }
  }
}

export function runSeed(seed: number, options: SeedOptions, watch: Pick<SimulationOptions, 'onTrace' | 'onProgress'> = {}): SeedSummary {
  const asked = simulationOptions(seed, options)
  const report = runSimulation({ ...asked, ...watch })
  const again =
    report.ok && seed % TWICE_EVERY === 0 && options.signatureScheme === 'ideal' && report.validators < SCALE_VALIDATORS
      ? runSimulation(simulationOptions(seed, options))
      : report
  const differs = again.traceHash !== report.traceHash || again.events !== report.events
  const determinism = {
    invariant: 'determinism' as const,
    message: `two runs of seed ${seed} differ: ${report.events} events, trace ${report.traceHash}; ${again.events} events, trace ${again.traceHash}`,
    atEvent: report.events,
    atMs: report.virtualMs,
    situation: '',
  }
  const violation = differs ? determinism : report.violation
  const { knobs, events, checks, virtualMs, blocks, transactions, viewChanges, messages, latenciesMs, command, traceHash } = report
  return {
    seed,
    knobs,
    events,
    checks,
    virtualMs,
    blocks,
    transactions,
    viewChanges,
    messages,
    latenciesMs,
    settledAfterMs: report.settledAfterMs,
    livenessBoundMs: report.livenessBoundMs,
    command,
    traceHash,
    ...(violation === undefined ? {} : { violation }),
    cells: [...report.coverage.cells],
    signaturesMade: report.signaturesMade,
    signaturesChecked: report.signaturesChecked,
    checksCharged: report.checksCharged,
  }
}
