/** One seed, run and summed up so that it can cross from a worker thread. */
import { createRealSignatures, runSimulation, type SimulationOptions, type SimulationReport } from '@aethel/simulator'

/** What a run is told, as plain data. */
export interface SeedOptions
  extends Pick<SimulationOptions, 'validators' | 'byzantine' | 'strategies' | 'faults' | 'latency' | 'durationMs' | 'blocks' | 'only'> {
  readonly realSignatures: boolean
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
    | 'violation'
    | 'command'
    | 'traceHash'
  > {
  readonly cells: readonly (readonly [string, number])[]
  readonly signaturesMade: number
  readonly signaturesChecked: number
}

/** One seed in so many is run twice, and must do the same twice. */
const TWICE_EVERY = 64

export function simulationOptions(seed: number, { realSignatures, ...options }: SeedOptions): SimulationOptions {
  return { seed, ...options, ...(realSignatures ? { signatures: createRealSignatures() } : {}) }
}

export function runSeed(seed: number, options: SeedOptions, onTrace?: SimulationOptions['onTrace']): SeedSummary {
  const asked = simulationOptions(seed, options)
  const report = runSimulation({ ...asked, ...(onTrace === undefined ? {} : { onTrace }) })
  const again = report.ok && seed % TWICE_EVERY === 0 && !options.realSignatures ? runSimulation(simulationOptions(seed, options)) : report
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
    command,
    traceHash,
    ...(violation === undefined ? {} : { violation }),
    cells: [...report.coverage.cells],
    signaturesMade: asked.signatures?.made ?? 0,
    signaturesChecked: asked.signatures?.checked ?? 0,
  }
}
