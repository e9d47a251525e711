/**
 * View changes (protocol.md §6): leave a view, tell the next leader the highest certificate, and start the new view from
 * the highest one of a quorum. Views only grow (trap B6).
 */
import { assert, type ValidatorIndex, type View, view } from '@aethel/codec'
import { answerWithView, noteViewToldToAll } from './catch-up.js'
import { keepOnly, learnCommit, pursueHash } from './chain.js'
import { highestOf } from './check.js'
import { keepNewView } from './halting.js'
import type { ViewChangeReason } from './interface.js'
import { newViewBytes, viewChangeBytes } from './message-bytes.js'
import type { NewView, ViewChange, ViewChangeEntry } from './messages.js'
import { baseOf, emit, ignore, isLeader, isMember, mayChangeView, noteViewChange, PAST_VIEWS_COUNTED, type State } from './state.js'
import { restartViewTimer, settleCommitTime } from './timers.js'
import { isQuorum, isWeakQuorum, leaderOf } from './validators.js'

export function startViewChange(state: State, target: number, reason: ViewChangeReason): void {
  if (!isMember(state)) return // follows by NEW-VIEW and commits
  if (!mayChangeView(state)) return // its VIEW-CHANGE might name less than it once promised (trap C6)
  // A certificate proves that a quorum has been in its view: what we ask for lies above it.
  const newView = view(Math.max(target, (state.highest?.view ?? 0) + 1))
  assert(newView > state.view, () => `view ${newView} does not lie above view ${state.view}`)
  const message = createViewChange(state, newView)
  leaveView(state, newView)
  state.phase = { kind: 'changing', viewChange: message, timerRunning: false }
  noteViewChange(state, state.config.self, message)
  emit(state, { name: 'view-change-started', view: newView, reason })
  state.out.push({ kind: 'persist', records: [{ kind: 'view', view: newView, phase: 'changing', newView: null, viewChange: message }] })
  state.out.push({ kind: 'send', to: 'all', message })
  noteViewToldToAll(state, message)
  considerViewChanges(state)
}

function createViewChange(state: State, newView: View): ViewChange {
  const { config, highest } = state
  const unsigned: Omit<ViewChangeEntry, 'signature'> = {
    epoch: config.validators.epoch,
    newView,
    highest:
      highest === null
        ? null
        : { kind: highest.kind, epoch: highest.epoch, view: highest.view, height: highest.height, blockHash: highest.blockHash },
    committedHeight: state.committed.height,
    sender: config.self,
  }
  const signature = config.sign(viewChangeBytes(config.chainId, unsigned))
  return { kind: 'view-change', entry: { ...unsigned, signature }, certificate: highest }
}

function leaveView(state: State, next: View): void {
  state.complaint = null
  state.ticksStuck = 0
  state.directUntilTick = 0
  settleCommitTime(state)
  state.view = next
  state.accepted.clear()
  state.acceptedAtMs.clear()
  state.own.clear()
  state.building = null
  for (const early of state.early.keys()) if (early < next) state.early.delete(early)
  state.votes.prune(view(Math.max(0, next - PAST_VIEWS_COUNTED)), state.committed.height)
  state.batchTimer = 'idle'
  state.out.push({ kind: 'cancel-timer', timer: 'batch' })
  state.out.push({ kind: 'cancel-timer', timer: 'view' })
  state.viewTimerRunning = false
}

export function onViewChange(state: State, from: ValidatorIndex, message: ViewChange): void {
  const { sender, newView } = message.entry
  if (message.certificate?.kind === 'commit') learnCommit(state, message.certificate)
  if (newView < state.view || (newView === state.view && state.phase.kind === 'active')) {
    if (from === sender) answerWithView(state, from)
    return ignore(state, 'view-change', 'stale')
  }
  const known = state.viewChanges[sender]
  if (known !== undefined && known.entry.newView >= newView) return
  noteViewChange(state, sender, message)
  considerViewChanges(state)
}

function powerAskingFor(state: State, atLeast: View): bigint {
  let power = 0n
  for (const [newView, asking] of state.askedFor) if (newView >= atLeast) power += asking
  return power
}

/** Joins, starts the timer, or leads, as the VIEW-CHANGEs at hand allow. */
export function considerViewChanges(state: State): void {
  const target = viewToJoin(state)
  if (target !== null) return startViewChange(state, target, 'joined')
  if (state.phase.kind !== 'changing') return
  const isAskedFor = isQuorum(state.config.validators, powerAskingFor(state, state.view))
  if (isAskedFor && leaderHasLeft(state)) return startViewChange(state, state.view + 1, 'leader-left')
  if (!state.phase.timerRunning && isAskedFor) {
    state.phase.timerRunning = true
    restartViewTimer(state)
  }
  if (isLeader(state)) leadNewView(state)
}

/**
 * The leader of the view we wait for has asked for a higher one, so it will never lead this one: waiting for it is in vain. Its
 * signature proves it, and a faulty one gives up nothing but its own turn.
 */
function leaderHasLeft(state: State): boolean {
  const asked = state.viewChanges[leaderOf(state.config.validators, state.view)]
  return asked !== undefined && asked.entry.newView > state.view
}

/**
 * The highest view above our own that a weak quorum asks for or exceeds: one honest replica at least has reached it, so no
 * Byzantine minority can push us (traps S6, D3).
 */
function viewToJoin(state: State): View | null {
  const above = [...state.askedFor].filter(([newView]) => newView > state.view)
  let power = 0n
  for (const [newView, asking] of above.sort(([a], [b]) => b - a)) {
    power += asking
    if (isWeakQuorum(state.config.validators, power)) return newView
  }
  return null
}

/** The new leader, with a quorum of VIEW-CHANGEs for exactly this view. */
function leadNewView(state: State): void {
  if (!isQuorum(state.config.validators, state.askedFor.get(state.view) ?? 0n)) return
  const chosen = state.viewChanges.filter((message): message is ViewChange => message?.entry.newView === state.view)
  const entries = chosen.map((message) => message.entry)
  const highest = highestOf(entries)
  const certificate = highest === null ? null : (chosen.find((message) => message.entry.highest === highest)?.certificate ?? null)
  assert((certificate === null) === (highest === null), 'a VIEW-CHANGE passed the edge without its certificate')
  const unsigned = {
    kind: 'new-view' as const,
    epoch: state.config.validators.epoch,
    newView: state.view,
    viewChanges: entries,
    certificate,
    sender: state.config.self,
  }
  const message: NewView = { ...unsigned, signature: state.config.sign(newViewBytes(state.config.chainId, unsigned)) }
  enterView(state, message, () => {
    state.out.push({ kind: 'send', to: 'all', message })
    noteViewToldToAll(state, message)
  })
}

export function onNewView(state: State, message: NewView): void {
  if (message.newView < state.view || (message.newView === state.view && state.phase.kind === 'active')) {
    return ignore(state, 'new-view', 'stale') // only the first of a view counts
  }
  enterView(state, message, () => undefined)
}

function enterView(state: State, message: NewView, announce: () => void): void {
  if (message.newView > state.view) leaveView(state, message.newView)
  const base = baseOf(state.origin, message)
  state.phase = { kind: 'active', base, newView: message }
  keepNewView(state, message)
  for (const [sender, known] of state.viewChanges.entries()) {
    if (known !== undefined && known.entry.newView <= message.newView) noteViewChange(state, sender as ValidatorIndex, undefined)
  }
  state.out.push({
    kind: 'persist',
    records: [{ kind: 'view', view: message.newView, phase: 'active', newView: message, viewChange: null }],
  })
  announce()
  emit(state, { name: 'view-entered', view: message.newView, base: base.kind, height: base.firstHeight })
  state.out.push({ kind: 'cancel-timer', timer: 'view' })
  state.viewTimerRunning = false
  keepOnly(state, base.hash)
  const { certificate } = message
  if (certificate?.kind === 'commit') learnCommit(state, certificate)
  if (base.kind === 'tip') pursueHash(state, base.hash, base.firstHeight, leaderOf(state.config.validators, message.newView))
  considerViewChanges(state)
}
