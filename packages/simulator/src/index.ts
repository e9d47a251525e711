export {
  BEYOND_STRATEGIES,
  BYZANTINE_STRATEGIES,
  type ByzantineStrategy,
  isByzantineStrategy,
  NAMED_STRATEGIES,
} from './adversaries/strategies.js'
export { APPLICATIONS, type ApplicationName, isApplicationName } from './application.js'
export { type BeyondOptions, type BeyondReport, runBeyond } from './beyond.js'
export { calmLatencyMs, livenessBoundMs } from './bounds.js'
export type { Build, Builds, Form, Forms, LedgerCode } from './builds/build.js'
export { AGES, Coverage, MESSAGE_KINDS, PHASES } from './coverage.js'
export { crashPointsOf, runWithCrash } from './crash-points.js'
export type { CrashPoint } from './crashes.js'
export type { Decision, FateKind } from './fates.js'
export { drawKnobs, FAULT_CLASSES, type FaultClass, isFaultClass, type Knobs } from './knobs.js'
export { LAN, type LatencyMatrix, parseLatency, WAN } from './latency.js'
export { isPowers, POWERS, type Powers } from './powers.js'
export { createIdealShares, createRealShares, type SimulatedShares } from './shares.js'
export { type Shrunk, shrink } from './shrink.js'
export { createIdealSignatures, createRealSignatures, createSampledSignatures, type SignatureScheme } from './signatures.js'
export {
  runSimulation,
  SCALE_VALIDATORS,
  type SimulationOptions,
  type SimulationReport,
} from './simulate.js'
export type { TraceLine } from './trace.js'
export { MAX_TRANSCRIPT_BYTES, parseTranscript, type Transcript } from './transcript.js'
export { runTranscript, type TranscriptReport, type TranscriptStep } from './transcript-run.js'
export { randomSchedule, schedulesOf, splitsOf, Twins, type TwinsBug, type TwinsOptions, type TwinsReport } from './twins.js'
export { INVARIANTS, type InvariantName, Violation } from './violation.js'
