/**
 * Timers (protocol.md §8): the view timer runs only while there is work and the view is active, or while a quorum waits for
 * a NEW-VIEW; it adapts to the measured time to commit and to round trips, doubles with every view that brings no commit,
 * is capped, and is reset by progress.
 */
import type { Height, ValidatorIndex } from '@aethel/codec'
import { isMember, mayChangeView, type State } from './state.js'
import { isQuorum } from './validators.js'

/** A decision takes three message delays, eight along a tree, a view change two more; six round trips leave room for one retransmission. */
const ROUND_TRIPS_PER_VIEW = 6
/** 2^16 times any sensible base is above any sensible cap. */
const MAX_DOUBLINGS = 16
/** Weight of the newest sample in the smoothed time to commit: 1/8, as TCP does for round trips (RFC 6298). */
const SMOOTHING = 8

export function viewTimeoutMs(state: State): number {
  const { timers } = state.config
  const base = Math.max(
    timers.floorMs,
    timers.commitFactor * trustedCommitMs(state) + timers.allowanceMs,
    ROUND_TRIPS_PER_VIEW * state.quorumRoundTripMs,
  )
  const doublings = Math.min(MAX_DOUBLINGS, Math.max(0, state.view - state.progressView - 1))
  return Math.min(timers.capMs, Math.ceil(base * 2 ** doublings))
}

/**
 * A leader that holds a proposal back from some stretches what the others measure. What it can gain by that is bounded: within
 * a view the time to commit counts for at most twice what it was before, or for as much as the floor allows anyway.
 */
function trustedCommitMs(state: State): number {
  const { floorMs, commitFactor } = state.config.timers
  return Math.min(state.smoothedCommitMs, Math.max(2 * state.commitMsBeforeView, floorMs / commitFactor))
}

export function noteRoundTrip(state: State, peer: ValidatorIndex, roundTripMs: number): void {
  state.roundTripMs[peer] = roundTripMs
  settleQuorumRoundTrip(state)
}

/** What was measured before this core began. */
export function noteRoundTrips(state: State, roundTripsMs: readonly number[]): void {
  for (const [peer, roundTripMs] of roundTripsMs.entries()) state.roundTripMs[peer] = roundTripMs
  if (roundTripsMs.length > 0) settleQuorumRoundTrip(state)
}

/** The slowest that a quorum of nearest peers needs is kept: timers are set far more often than round trips are measured. */
function settleQuorumRoundTrip(state: State): void {
  const { validators } = state.config
  const nearestFirst = [...validators.validators.keys()].sort((a, b) => (state.roundTripMs[a] ?? 0) - (state.roundTripMs[b] ?? 0))
  let power = 0n
  for (const index of nearestFirst) {
    power += validators.validators[index]?.power ?? 0n
    if (!isQuorum(validators, power)) continue
    state.quorumRoundTripMs = state.roundTripMs[index] ?? 0
    return
  }
}

export function restartViewTimer(state: State): void {
  const forMs = viewTimeoutMs(state)
  state.viewTimerRunning = true
  state.viewTimer = { setAtMs: state.nowMs, forMs }
  state.out.push({ kind: 'set-timer', timer: 'view', afterMs: forMs })
}

/** Round trips have grown: a timer that is already running gives the view the time it would be given now. */
export function extendViewTimer(state: State): void {
  const { setAtMs, forMs } = state.viewTimer
  const needed = viewTimeoutMs(state)
  if (!state.viewTimerRunning || needed <= forMs) return
  // It has not fired yet, whatever a clock says that was put back or ahead meanwhile.
  const elapsedMs = Math.min(forMs, Math.max(0, state.nowMs - setAtMs))
  state.viewTimer = { setAtMs: state.nowMs - elapsedMs, forMs: needed }
  state.out.push({ kind: 'set-timer', timer: 'view', afterMs: needed - elapsedMs })
}

/** A view is left: what its leader made the time to commit look like counts within its bound only. */
export function settleCommitTime(state: State): void {
  state.smoothedCommitMs = trustedCommitMs(state)
  state.commitMsBeforeView = state.smoothedCommitMs
}

function stopViewTimer(state: State): void {
  if (!state.viewTimerRunning) return
  state.viewTimerRunning = false
  state.out.push({ kind: 'cancel-timer', timer: 'view' })
}

/** Something is waiting to be ordered, or ordered and not yet committed. */
export function hasWork(state: State): boolean {
  const { phase } = state
  if (state.work.waiting > 0 || state.accepted.size > 0 || state.certified.size > 0) return true
  return phase.kind === 'active' && phase.base.kind === 'tip' && phase.base.firstHeight > state.committed.height
}

/** After every step: in an active view the timer runs exactly while there is work (an idle network changes no views). */
export function settleViewTimer(state: State): void {
  if (state.phase.kind !== 'active' || !isMember(state)) return
  if (!hasWork(state) || !mayChangeView(state)) stopViewTimer(state)
  else if (!state.viewTimerRunning) restartViewTimer(state)
}

/** A block was committed: the leader gets a full timeout for the next one. */
export function noteProgress(state: State, at: Height): void {
  const acceptedAtMs = state.acceptedAtMs.get(at)
  if (acceptedAtMs !== undefined) {
    const sample = Math.max(0, state.nowMs - acceptedAtMs)
    state.smoothedCommitMs += (sample - state.smoothedCommitMs) / SMOOTHING
  }
  if (state.phase.kind === 'active') stopViewTimer(state) // settleViewTimer sets it anew if there is more to do
}
