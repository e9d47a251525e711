/**
 * Why does nothing commit right now (docs/operations.md)? A read-only look at a replica and at what its process knows of the
 * network and the disk, as one record: the first cause in the order in which causes hide each other. `paragraph.ts` says it in words.
 */
import { equalBytes, type Height, height, type ValidatorIndex, type View } from '@aethel/codec'
import { isLaggard, longestGapMs, ticksToRepetition } from './catch-up.js'
import { collectorsOf } from './dissemination.js'
import type { Complaint } from './interface.js'
import { answersOf, viewToPass } from './recovery.js'
import { entryOf, isLeader, isMember, mayVote, type State } from './state.js'
import { hasWork } from './timers.js'
import { isIndispensable, isQuorum, isWeakQuorum, leaderOf } from './validators.js'

/** What the process around the replica knows; times of one clock, that of the inputs. */
export interface Surroundings {
  readonly nowMs: number
  readonly connected: readonly ValidatorIndex[]
  /** For how long nothing has come from them; of those from whom something has come since the start. */
  readonly silences?: readonly Silence[]
  /** Blocks committed in the last `recentMs`. */
  readonly recentBlocks: number
  readonly recentMs: number
  /** For how long the oldest write has not been confirmed by the disk; 0 if none is open. */
  readonly openWriteMs: number
  /** Why the process accepts no input any more; null while it runs. */
  readonly stopped: string | null
  /** A state that is being taken over: how many of its parts are complete, and who serves it. */
  readonly snapshot?: {
    readonly height: Height
    readonly lanesDone: number
    readonly lanes: number
    readonly bytes: number
    readonly peers: readonly ValidatorIndex[]
  } | null
  /** The proposal for the next height, in this view, is here by the ids of its transactions, and so many of these are not. */
  readonly awaited?: { readonly transactions: number; readonly from: ValidatorIndex } | null
}

export interface Silence {
  readonly validator: ValidatorIndex
  readonly forMs: number
}

export type Cause =
  | 'stopped'
  | 'storage-stalled'
  | 'no-quorum-connected'
  | 'changing-view'
  | 'waiting-for-new-view'
  | 'taking-over-state'
  | 'catching-up'
  | 'committing'
  | 'idle'
  | 'waiting-for-body'
  | 'waiting-for-proposal'
  | 'waiting-for-transactions'
  | 'validating'
  | 'validation-aborted'
  | 'waiting-for-prepares'
  | 'waiting-for-commits'

/** Powers are decimal text: they may exceed 2^53. */
export interface PowerTally {
  readonly present: readonly ValidatorIndex[]
  readonly missing: readonly ValidatorIndex[]
  readonly power: string
  readonly needed: string
  readonly total: string
}

/** The cause is that no quorum is there: what would be waited for if it were. */
export interface Beneath {
  readonly cause: Cause
  readonly tally: PowerTally | null
  readonly detail: string | null
}

/** The store was lost: how many have named their view since, and above which view a block must commit, once that is known. */
export interface Forgetful {
  readonly answers: number
  readonly above: View | null
  /** The others are no quorum, so it never will be known. */
  readonly forGood: boolean
}

export type NextTimer =
  | { readonly inMs: number; readonly effect: 'ask-for-next-view' | 'fetch' }
  /** Our wish for the view, to whoever has not shown that it came: at least so often. */
  | { readonly inMs: number; readonly effect: 'repeat-wish'; readonly everyMs: number }

export interface Diagnosis {
  readonly cause: Cause
  readonly beneath: Beneath | null
  readonly self: ValidatorIndex
  readonly view: View
  readonly phase: 'active' | 'changing'
  readonly leader: ValidatorIndex
  readonly committedHeight: Height
  /** The height that is next. */
  readonly height: Height
  /** What the step that is waited for has and needs; null where no power is counted. */
  readonly tally: PowerTally | null
  /** Who puts the votes that are waited for together, where not everybody hears all of them; null elsewhere, and at those themselves. */
  readonly collectors: readonly ValidatorIndex[] | null
  readonly unreachable: readonly ValidatorIndex[]
  /** Who is connected and has said nothing for longer than expected, and who is not connected and has ever said anything. */
  readonly silent: readonly Silence[]
  /** They say so; this validator fetches what leads there. */
  readonly inLaterEpoch: readonly ValidatorIndex[]
  /** This validator signs nothing until it is past what it may have forgotten (protocol.md §7); null: it votes, or is none of this epoch. */
  readonly forgetful: Forgetful | null
  readonly isMember: boolean
  readonly lagging: readonly { readonly validator: ValidatorIndex; readonly height: Height }[]
  readonly elsewhere: readonly { readonly validator: ValidatorIndex; readonly view: View; readonly phase: 'active' | 'changing' }[]
  readonly complaints: readonly { readonly validator: ValidatorIndex; readonly complaint: Complaint }[]
  readonly missingBodies: number
  readonly waiting: number
  /** The view timer, if it runs; while a view is asked for and no quorum asks for it, when that is said again. */
  readonly timer: NextTimer | null
  readonly recentBlocks: number
  readonly recentMs: number
  readonly detail: string | null
}

/** A write that takes longer is worth a word: a disk answers in milliseconds. */
const STALLED_WRITE_MS = 2_000
/** Peers ping each other once a second and answer: three are missing. */
const SILENCE_WORTH_A_WORD_MS = 3_000

export function explain(state: State, around: Surroundings): Diagnosis {
  const { validators, self } = state.config
  const leader = leaderOf(validators, state.view)
  const next = height(state.committed.height + 1)
  const silent = (around.silences ?? []).filter(
    ({ validator, forMs }) => forMs > SILENCE_WORTH_A_WORD_MS || !around.connected.includes(validator),
  )
  const isHeard = (index: ValidatorIndex): boolean =>
    index === self || (around.connected.includes(index) && !silent.some(({ validator }) => validator === index))
  const { cause, present, detail } = causeOf(state, around, isHeard, next)
  const others = indices(state).filter((index) => index !== self)
  return {
    cause,
    beneath: cause === 'no-quorum-connected' ? beneath(state, around, next) : null,
    self,
    view: state.view,
    phase: state.phase.kind,
    leader,
    committedHeight: state.committed.height,
    height: next,
    tally: present === null ? null : tallyOf(state, present),
    collectors: cause === 'waiting-for-prepares' || cause === 'waiting-for-commits' ? collectorsElsewhere(state, next) : null,
    unreachable: others.filter((index) => !around.connected.includes(index)),
    silent: silent.filter(({ validator }) => others.includes(validator)),
    inLaterEpoch: inLaterEpoch(state),
    forgetful: forgetfulnessOf(state),
    isMember: isMember(state),
    lagging: others.flatMap((validator) => {
      const at = state.statuses[validator]?.committedHeight
      return at !== undefined && at < leastExpected(state, cause) ? [{ validator, height: at }] : []
    }),
    elsewhere: others.flatMap((validator) => {
      const status = state.statuses[validator]
      const isHere = status === undefined || (status.view === state.view && status.phase === state.phase.kind)
      return isHere ? [] : [{ validator, view: status.view, phase: status.phase }]
    }),
    complaints: indices(state).flatMap((validator) => {
      const status = state.statuses[validator]
      const complaint = validator === self ? state.complaint : status?.view === state.view ? status.complaint : null
      return complaint === null ? [] : [{ validator, complaint }]
    }),
    missingBodies: state.missing.size,
    waiting: state.work.waiting,
    timer: timerOf(state, around.nowMs),
    recentBlocks: around.recentBlocks,
    recentMs: around.recentMs,
    detail,
  }
}

/** While blocks follow each other, what others said last is older than the newest of them: nobody is behind for that. */
function forgetfulnessOf(state: State): Forgetful | null {
  if (!isMember(state) || mayVote(state)) return null
  const { self, validators } = state.config
  return { answers: answersOf(state), above: viewToPass(state), forGood: isIndispensable(validators, self) }
}

function leastExpected(state: State, cause: Cause): number {
  return cause === 'committing' ? state.lastTick.committedBefore : state.committed.height
}

function inLaterEpoch(state: State): ValidatorIndex[] {
  return indices(state).filter((index) => state.laterEpoch.has(index) || state.lastTick.laterEpoch.has(index))
}

function timerOf(state: State, nowMs: number): NextTimer | null {
  /** What is left of a time; a clock that was put back makes it no longer. */
  const left = (sinceMs: number, forMs: number): number => Math.min(forMs, Math.max(0, sinceMs + forMs - nowMs))
  if (state.viewTimerRunning) {
    const { setAtMs, forMs } = state.viewTimer
    return { inMs: left(setAtMs, forMs), effect: state.phase.kind === 'active' && isLaggard(state) ? 'fetch' : 'ask-for-next-view' }
  }
  if (state.phase.kind !== 'changing') return null
  const inMs = left(state.lastTick.atMs, ticksToRepetition(state) * state.config.timers.statusMs)
  return { inMs, effect: 'repeat-wish', everyMs: longestGapMs(state) }
}

interface Found {
  readonly cause: Cause
  /** Whose power counts for what is waited for; null where none is counted. */
  readonly present: readonly ValidatorIndex[] | null
  readonly detail: string | null
}

function found(cause: Cause, present: readonly ValidatorIndex[] | null = null, detail: string | null = null): Found {
  return { cause, present, detail }
}

function causeOf(state: State, around: Surroundings, isHeard: (index: ValidatorIndex) => boolean, next: Height): Found {
  if (around.stopped !== null) return found('stopped', null, around.stopped)
  if (around.openWriteMs > STALLED_WRITE_MS) return found('storage-stalled', null, `${Math.round(around.openWriteMs)} ms`)
  const { snapshot = null } = around
  if (snapshot !== null) {
    const { lanesDone, lanes, bytes, peers } = snapshot
    const from = peers.length === 0 ? 'nobody serves it at the moment' : `validators ${peers.join(', ')} serve it`
    return found(
      'taking-over-state',
      null,
      `${snapshot.height}: ${lanesDone} of ${lanes} parts are complete, ${bytes} bytes came since the start, ${from}`,
    )
  }
  const heard = indices(state).filter(isHeard)
  if (!isQuorum(state.config.validators, powerOf(state, heard))) return found('no-quorum-connected', heard)
  return causeWithQuorum(state, around, next)
}

function beneath(state: State, around: Surroundings, next: Height): Beneath {
  const { cause, present, detail } = causeWithQuorum(state, around, next)
  return { cause, tally: present === null ? null : tallyOf(state, present), detail }
}

function causeWithQuorum(state: State, around: Surroundings, next: Height): Found {
  if (state.phase.kind === 'changing') {
    const asking = indices(state).filter((index) => (state.viewChanges[index]?.entry.newView ?? -1) >= state.view)
    return found(isQuorum(state.config.validators, powerOf(state, asking)) ? 'waiting-for-new-view' : 'changing-view', asking)
  }
  if (isLaggard(state) || isWeakQuorum(state.config.validators, powerOf(state, inLaterEpoch(state)))) return found('catching-up')
  if (around.recentBlocks > 0) return found('committing')
  const { awaited = null } = around
  if (!hasWork(state) && awaited === null) return found('idle')
  return causeAt(state, next, awaited)
}

/** Of the next height, in an active view with something to order. */
function causeAt(state: State, next: Height, awaited: NonNullable<Surroundings['awaited']> | null): Found {
  const hash = state.certified.get(next)?.hash ?? state.accepted.get(next)
  const entry = hash === undefined ? undefined : entryOf(state, hash)
  if (state.missing.size > 0 && entry?.status !== 'valid' && entry?.status !== 'validating') return found('waiting-for-body')
  if (entry === undefined && awaited !== null) {
    const { transactions, from } = awaited
    // None: its ids are not those under the header's root.
    return found(
      'waiting-for-transactions',
      null,
      `${transactions === 0 ? 'the' : transactions} transactions of the proposal from validator ${from}`,
    )
  }
  if (entry === undefined) return found('waiting-for-proposal', null, isLeader(state) ? 'this validator leads' : null)
  if (entry.status === 'aborted') return found('validation-aborted')
  if (entry.status !== 'valid') return found('validating')
  const slot = state.votes.slot(state.view, next)
  for (const kind of ['prepare', 'commit'] as const) {
    const { votes = [], certificate = null } = slot?.[kind].tallies.find((tally) => equalBytes(tally.hash, entry.block.hash)) ?? {}
    const present = votes.map((vote) => vote.sender).sort((a, b) => a - b)
    if (certificate === null && !isQuorum(state.config.validators, powerOf(state, present)))
      return found(kind === 'prepare' ? 'waiting-for-prepares' : 'waiting-for-commits', present)
  }
  return found('committing')
}

function collectorsElsewhere(state: State, next: Height): readonly ValidatorIndex[] | null {
  if (state.dissemination === 'mesh') return null
  const collectors = collectorsOf(state.config.validators, state.view, next)
  return collectors.includes(state.config.self) ? null : collectors
}

function indices(state: State): ValidatorIndex[] {
  return state.config.validators.validators.map((_, index) => index as ValidatorIndex)
}

function powerOf(state: State, members: readonly ValidatorIndex[]): bigint {
  return members.reduce((sum, index) => sum + (state.config.validators.validators[index]?.power ?? 0n), 0n)
}

function tallyOf(state: State, present: readonly ValidatorIndex[]): PowerTally {
  const { totalPower } = state.config.validators
  return {
    present,
    missing: indices(state).filter((index) => !present.includes(index)),
    power: String(powerOf(state, present)),
    needed: String((2n * totalPower) / 3n + 1n), // rounded down: the least whole power above two thirds
    total: String(totalPower),
  }
}
