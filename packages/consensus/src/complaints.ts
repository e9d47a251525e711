/**
 * Complaints about a leader that does commit blocks (protocol.md §8). A replica that is dissatisfied says so in STATUS and goes
 * on voting; when a quorum is dissatisfied, everybody who sees it leaves the view. More than a third of a quorum is honest, so no
 * faulty minority can depose a leader, even with the help of one honest replica that is mistaken; and the honest replicas are a
 * quorum by themselves, so no faulty minority can keep one in office.
 */
import type { ValidatorIndex, View } from '@aethel/codec'
import type { Complaint } from './interface.js'
import type { Status } from './messages.js'
import { emit, isLeader, type State } from './state.js'
import { isQuorum } from './validators.js'

export function onLeaderJudged(state: State, about: View, complaint: Complaint | null): void {
  if (about !== state.view || state.phase.kind !== 'active' || isLeader(state) || complaint === state.complaint) return
  state.complaint = complaint
  if (complaint === null) return
  emit(state, { name: 'complaint', view: about, complaint })
  considerComplaints(state)
}

/** Leaves the view if a quorum is dissatisfied with its leader, or has left the view already. */
export function considerComplaints(state: State): void {
  if (state.phase.kind !== 'active' || !isAnyComplaint(state)) return
  let power = 0n
  let reason = state.complaint
  for (const [index, validator] of state.config.validators.validators.entries()) {
    const complaint = complaintOf(state, index)
    if (complaint === null && !hasLeft(state, index)) continue
    reason ??= complaint
    power += validator.power
  }
  if (reason !== null && isQuorum(state.config.validators, power)) {
    state.agenda.push({ what: 'change-view', from: state.view, reason })
  }
}

/** Mostly nobody complains, and then nothing needs weighing. */
function isAnyComplaint(state: State): boolean {
  return state.complaint !== null || state.complaining > 0
}

/** What a peer says last is all that counts of it. */
export function noteStatus(state: State, from: ValidatorIndex, status: Status): void {
  const before = state.statuses[from]
  if (before !== undefined && before.complaint !== null) state.complaining--
  if (status.complaint !== null) state.complaining++
  state.statuses[from] = status
}

function complaintOf(state: State, index: number): Complaint | null {
  if (index === state.config.self) return state.complaint
  const status = state.statuses[index]
  return status !== undefined && status.view === state.view && status.phase === 'active' ? status.complaint : null
}

function hasLeft(state: State, index: number): boolean {
  const asked = state.viewChanges[index]
  return asked !== undefined && asked.entry.newView > state.view
}
