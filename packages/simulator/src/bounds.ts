/**
 * How long anything may take: by when everything pending is committed after healing, and how soon where nothing goes wrong. Computed from
 * the protocol's timers and the seed's knobs (docs/simulation.md, "Invariants").
 */
import type { ApplicationName } from './application.js'
import type { Knobs } from './knobs.js'
import { CAP_MS, STATUS_MS } from './replica-options.js'

/** A transaction that every leader in turn delays as long as the others bear it. */
const DRIPPED_MS = CAP_MS
const COMMITTED_MS = 2_000

/**
 * After healing the worst case is every faulty validator leading in turn while honest ones back off to the cap: a full
 * timeout to leave a view and one to enter the next, for each faulty leader twice over, and then one commit per
 * transaction left with room for retransmission, or, if a leader drips, a full timeout each.
 */
export function livenessBoundMs(faulty: number, transactions: number, drips = false): number {
  return 20_000 + 4 * CAP_MS * (faulty + 2) + (drips ? DRIPPED_MS : COMMITTED_MS) * transactions
}

/**
 * What one commit has to send through a narrow interface, to each of the others, at worst: a view change (VIEW-CHANGE and NEW-VIEW,
 * with a certificate and an entry for each of a quorum), a proposal with its certificate and transactions, two votes, and the STATUS
 * and gossip of the tick that it takes, with a slot for each height of a window. Sizes are those of `roughBytes`.
 */
function bytesPerCommit(validators: number, { application, window, blockTransactions, powers }: Knobs): number {
  const quorum = powers === 'even' ? Math.floor((2 * validators) / 3) + 1 : validators // one may need every light one
  const certificate = 64 * quorum
  const viewChange = 160 + certificate + 160 + 170 * quorum + certificate
  const proposal = 468 + certificate + TRANSACTION_BYTES[application] * blockTransactions
  const votes = 2 * 160
  const status = 160 + window * (50 + 2 * Math.ceil(validators / 8))
  return (validators - 1) * (viewChange + proposal + votes + status + TRANSACTION_BYTES[application] * MAX_REGOSSIPED)
}

/** An encoded transaction with its length, of the ledger the largest; what clients wait for is gossiped again, so many of it in a tick. */
const TRANSACTION_BYTES: Readonly<Record<ApplicationName, number>> = { tally: 18, ledger: 1_024 }
const MAX_REGOSSIPED = 8
/** Said again until it helps, and asked for again, each at growing intervals: what is sent is a few times what is needed. */
const REPETITIONS = 4

/** How long an interface takes for one commit; 0 if nothing holds it back. */
export function bandwidthMs(validators: number, knobs: Knobs): number {
  return knobs.bytesPerMs === null ? 0 : (REPETITIONS * bytesPerCommit(validators, knobs)) / knobs.bytesPerMs
}

/**
 * Of a narrow interface that a network of so many can live with: a commit gets through before a view timer at its cap fires. Up to seven
 * validators every line that is drawn is as wide (docs/simulation.md, "Liveness and bandwidth").
 */
export function wideEnough(bytesPerMs: number | null, validators: number, knobs: Knobs): number | null {
  return bytesPerMs === null ? null : Math.max(bytesPerMs, (REPETITIONS * bytesPerCommit(validators, knobs)) / CAP_MS)
}

/** Nothing ever went wrong in this run: no upload was interrupted either. */
export function isCalm(knobs: Knobs): boolean {
  const { blobs } = knobs
  if (blobs !== null && (blobs.wholeRate < 1 || blobs.expiryRate > 0 || blobs.rotRate > 0)) return false
  const gaps = [knobs.meanPartitionGapMs, knobs.meanClogGapMs, knobs.meanCrashGapMs, knobs.meanPauseGapMs, knobs.meanClockJumpGapMs]
  const rates = [knobs.lossRate, knobs.slowRate, knobs.diskFaultRate, knobs.damageRate, knobs.abortRate, knobs.strategies.length]
  return gaps.every((gap) => gap === null) && rates.every((rate) => rate === 0) && knobs.bytesPerMs === null
}

/**
 * Without faults a transaction waits for its gossip, its verification at each validator, three message delays with their
 * syncs, and the block before its own. Message delays are exponential: the slowest of a quorum's takes two means. Between regions a
 * round trip may take longer than the least view timeout, and then views change until timeouts have grown.
 */
export function calmLatencyMs(knobs: Knobs): number {
  const { latency, meanDelayMs, fsyncMs, verifyMs } = knobs
  const farthest = latency === null ? 0 : Math.max(...latency.oneWayMs.flat())
  const means = latency === null ? 2 : 6
  const hopMs = 0.2 + farthest + means * (latency === null ? meanDelayMs : 0.1 + farthest / 20) + means * fsyncMs
  // Of a blob whatever is not there yet is asked for at a tick.
  return 2 * (5 * hopMs + means * verifyMs) + 100 + (knobs.blobs === null ? 0 : STATUS_MS)
}
