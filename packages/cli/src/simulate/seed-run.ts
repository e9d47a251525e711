/** One seed, run and summed up so that it can cross from a worker thread. */
import type { SignatureScheme as CertificateScheme } from '@aethel/consensus'
import {
  type Builds,
  createIdealShares,
  createIdealSignatures,
  createRealShares,
  createRealSignatures,
  createSampledSignatures,
  runSimulation,
  SCALE_VALIDATORS,
  type SignatureScheme,
  type SimulationOptions,
  type SimulationReport,
} from '@aethel/simulator'
import { loadBuilds } from './other-build.js'

/** What a run is told, as plain data. */
export interface SeedOptions
  extends Pick<
    SimulationOptions,
    | 'validators'
    | 'byzantine'
    | 'application'
    | 'strategies'
    | 'faults'
    | 'latency'
    | 'powers'
    | 'durationMs'
    | 'blocks'
    | 'thinkMs'
    | 'only'
    | 'dissemination'
  > {
  readonly signatureScheme: 'ideal' | 'real' | 'sampled'
  /** `ed25519` if left out. */
  readonly certificates?: CertificateScheme
  /** The folder of another build, which some validators run. */
  readonly otherBuild?: string
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

/** Of the other build, if a run has one: loaded once. */
let builds: Builds | null = null

/** Before the first run of a thread; null: there is one build. */
export async function prepare({ otherBuild }: SeedOptions): Promise<Builds | null> {
  builds = otherBuild === undefined ? null : await loadBuilds(otherBuild)
  return builds
}

export function simulationOptions(
  seed: number,
  { signatureScheme, certificates = 'ed25519', otherBuild, ...told }: SeedOptions,
): SimulationOptions {
  if (otherBuild !== undefined && builds === null) throw new Error('the other build is loaded before anything runs')
  const options = otherBuild === undefined || builds === null ? told : { ...told, builds }
  if (signatureScheme === 'ideal' && certificates === 'ed25519') return { seed, ...options }
  return { seed, ...options, signatures: signaturesFor(signatureScheme, certificates, told.application) }
}

/** Shares are ideal where signatures are, but not with the ledger: its genesis has BLS check who has which key. */
export function signaturesFor(
  scheme: SeedOptions['signatureScheme'],
  certificates: CertificateScheme,
  application: SeedOptions['application'],
): SignatureScheme {
  const areIdeal = scheme === 'ideal' && application !== 'ledger'
  const shares = certificates === 'ed25519' ? null : areIdeal ? createIdealShares() : createRealShares()
  switch (scheme) {
    case 'ideal':
      return createIdealSignatures(shares)
    case 'real':
      return createRealSignatures(shares)
    case 'sampled':
      return createSampledSignatures(shares)
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
