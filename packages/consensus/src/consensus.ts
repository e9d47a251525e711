/**
 * PBFT and nothing else: `step(input) -> effects`, one dispatch to named handlers. Synchronous and deterministic; the
 * caller carries out the effects in order (see interface.ts) and feeds back what comes of them.
 */
import { assert, type Hash, type Height, type ValidatorIndex, type View, view } from '@aethel/codec'
import type { Block } from './block.js'
import {
  acceptedProposal,
  askForBlock,
  goOnWithLaterEpoch,
  heldBlock,
  isFarBehind,
  isLaggard,
  onBlock,
  onBlocks,
  onConnected,
  onFetch,
  onForeign,
  onStatus,
  onStatusTick,
  peersFarBehind,
  syncIfBehind,
} from './catch-up.js'
import type { Certificate } from './certificate.js'
import { commitReady, learnCommit, onValidated, pursue, pursueHash } from './chain.js'
import type { VerifiedMessage } from './check.js'
import { onLeaderJudged } from './complaints.js'
import { type Diagnosis, explain, type Surroundings } from './diagnosis.js'
import type { ForkMaterial } from './fork-assembly.js'
import { ForkFound, forkMaterialOf, haltEffect } from './halting.js'
import type { CommittedTip, ConsensusConfig, DurableState, Effect, Input, PersistRecord, TimerName } from './interface.js'
import { forkAt, jumpOf, type Landing } from './jump.js'
import type { Message } from './messages.js'
import { drainEarly, onBlockInvalid, onBlockValid, onCertificate, onPrePrepare, onSum, onVote } from './normal-case.js'
import { onBuilt, proposeIfDue } from './propose.js'
import { answersOf, askForViews, considerRelease, onViewClaim, onViewFetch, recoveryIn, viewToPass } from './recovery.js'
import { proveHeld } from './shares.js'
import { createState, entryOf, type FollowUp, isMember, mayVote, type State } from './state.js'
import { beforeTick, sendVote } from './sums.js'
import { extendViewTimer, noteRoundTrip, noteRoundTrips, settleViewTimer, viewTimeoutMs } from './timers.js'
import type { ValidatorSet } from './validators.js'
import { considerViewChanges, onNewView, onViewChange, startViewChange } from './view-change.js'
import { isDue, wants } from './wanted.js'

/** What is bounded and grows with what peers send (docs/protocol.md §13): cheap to ask for. */
export interface Held {
  readonly blocksHeld: number
  readonly votesHeld: number
  readonly missing: number
  /** Of proposals kept ahead of their turn. */
  readonly earlyBytes: number
}

/** A read-only look at a replica, for status pages, tests and the simulator. */
export interface Inspection extends Held {
  readonly view: View
  readonly phase: 'active' | 'changing'
  readonly committed: CommittedTip
  readonly highest: Certificate | null
  readonly accepted: readonly { readonly height: Height; readonly hash: Hash }[]
  readonly viewTimeoutMs: number
  /** Null: it votes. Otherwise its store was lost: how many others have answered, and the view that a commit must pass. */
  readonly recovering: { readonly answers: number; readonly above: View | null } | null
  /** To the farthest peer of the nearest quorum. */
  readonly quorumRoundTripMs: number
  /** Null, or where two blocks are proven committed: it signs nothing any more. */
  readonly forkedAt: Height | null
}

/** `fork`: not taken over, because the state's chain contradicts the own one; null if that was known before. */
export type Jump =
  | { readonly durable: DurableState; readonly records: readonly PersistRecord[] }
  | { readonly fork: Extract<Effect, { kind: 'fork' }> | null }

export interface Consensus {
  step(input: Input): readonly Effect[]
  readonly committed: CommittedTip
  readonly view: View
  readonly phase: 'active' | 'changing'
  /** Whether the block after the committed one is here and wanted: it is being verified and executed. */
  readonly isExecuting: boolean
  /** A weak quorum has committed far more than we have, or is in a later epoch. */
  readonly isFarBehind: boolean
  /** Who has committed far less than we have. Among many validators, who hear of each other in turn, it may be out of date. */
  readonly peersFarBehind: readonly ValidatorIndex[]
  /** Whether a message, not yet verified, could change anything: what is late, or was not asked for, costs no signature check. */
  wants(from: ValidatorIndex, message: Message): boolean
  /** Of what is not: whether its sender had to send it all the same. */
  isDue(from: ValidatorIndex, message: Message): boolean
  readonly held: Held
  /** One that is held: above the committed height, or among the newest committed. */
  blockOf(hash: Hash): Block | undefined
  inspect(): Inspection
  /** Why nothing commits right now, or that all is well. */
  explain(around: Surroundings): Diagnosis
  /** What this replica could add to a fork proof, beside its committed chain. */
  forkMaterial(): ForkMaterial
  /** Null until the last block of the epoch is committed; then what the core of the next epoch, with these validators, starts from. */
  handOver(next: ValidatorSet): DurableState | null
  /**
   * The state after a later block is here, with proof that it is committed (protocol.md §7): what the core that goes on from there starts
   * from, and what must be durable before it does.
   */
  jump(landing: Landing): Jump
}

export function createConsensus(config: ConsensusConfig, durable: DurableState): Consensus {
  const lastCommit = durable.lastCommit?.epoch === config.validators.epoch ? durable.lastCommit : null
  const state = createState(config, durable)
  noteRoundTrips(state, config.roundTripsMs ?? [])
  return new ConsensusCore(state, lastCommit)
}

/**
 * The core around a state, which nobody else may change from now on. A class, because an object literal with getters is a
 * dictionary to V8: every look at it would be a search.
 */
export class ConsensusCore implements Consensus {
  protected readonly state: State
  protected readonly lastCommit: Certificate | null

  constructor(state: State, lastCommit: Certificate | null) {
    this.state = state
    this.lastCommit = lastCommit
  }

  step(input: Input): readonly Effect[] {
    const { state } = this
    if (state.forkedAt !== null) onInputWhenHalted(state, input)
    else carryOut(state, input, this.lastCommit)
    const effects = state.out
    state.out = []
    return effects
  }

  get committed(): CommittedTip {
    return this.state.committed
  }

  get view(): View {
    return this.state.view
  }

  get phase(): 'active' | 'changing' {
    return this.state.phase.kind
  }

  get isExecuting(): boolean {
    const next = this.state.committed.height + 1
    return [...this.state.blocks.values()].some(({ block, wanted, status }) => wanted && status !== 'valid' && block.header.height === next)
  }

  get isFarBehind(): boolean {
    return isFarBehind(this.state)
  }

  get peersFarBehind(): readonly ValidatorIndex[] {
    return peersFarBehind(this.state)
  }

  wants(from: ValidatorIndex, message: Message): boolean {
    return wants(this.state, from, message)
  }

  isDue(from: ValidatorIndex, message: Message): boolean {
    return isDue(this.state, from, message)
  }

  explain(around: Surroundings): Diagnosis {
    return explain(this.state, around)
  }

  forkMaterial(): ForkMaterial {
    return forkMaterialOf(this.state)
  }

  handOver(next: ValidatorSet): DurableState | null {
    const { state } = this
    return state.committed.height === state.lastHeight ? handOverOf(state, next) : null
  }

  jump(landing: Landing): Jump {
    return jump(this.state, landing)
  }

  blockOf(hash: Hash): Block | undefined {
    return heldBlock(this.state, hash)
  }

  get held(): Held {
    const { state } = this
    let earlyBytes = 0
    for (const heights of state.early.values()) for (const early of heights.values()) earlyBytes += early.bytes
    return {
      blocksHeld: state.blocks.size + state.recentBlocks.size,
      votesHeld: state.votes.size,
      missing: state.missing.size,
      earlyBytes,
    }
  }

  inspect(): Inspection {
    const { state } = this
    return {
      view: state.view,
      phase: state.phase.kind,
      committed: state.committed,
      highest: state.highest,
      accepted: [...state.accepted].map(([height, hash]) => ({ height, hash })).sort((a, b) => a.height - b.height),
      ...this.held,
      viewTimeoutMs: viewTimeoutMs(state),
      recovering: mayVote(state) ? null : { answers: answersOf(state), above: viewToPass(state) },
      quorumRoundTripMs: state.quorumRoundTripMs,
      forkedAt: state.forkedAt,
    }
  }
}

function jump(state: State, landing: Landing): Jump {
  if (state.forkedAt !== null) return { fork: null }
  const found = forkAt(state, landing)
  if (found === null) return jumpOf(state, landing)
  state.forkedAt = found.height
  return { fork: haltEffect(state, found) }
}

/** A step ends where two certificates contradict each other, and the replica with it (protocol.md §12). */
function carryOut(state: State, input: Input, lastCommit: Certificate | null): void {
  try {
    handle(state, input, lastCommit)
    settle(state)
    considerRelease(state)
    settle(state)
    proposeIfDue(state)
    settle(state)
    settleViewTimer(state)
  } catch (error) {
    if (!(error instanceof ForkFound)) throw error
    state.forkedAt = error.height
    state.agenda = []
    for (const timer of ['view', 'batch'] as const) state.out.push({ kind: 'cancel-timer', timer })
    state.out.push(haltEffect(state, error))
  }
}

/** It has nothing more to say, and still serves what others ask for, within the bounds of a tick. */
function onInputWhenHalted(state: State, input: Input): void {
  if (input.kind === 'timer' && input.timer === 'status') {
    state.answersThisTick.clear()
    state.out.push({ kind: 'set-timer', timer: 'status', afterMs: state.config.timers.statusMs })
  }
  if (input.kind !== 'message' || input.message.kind !== 'fetch') return
  const { message } = input
  if (message.want === 'committed' || message.want === 'block' || message.want === 'transactions') onFetch(state, input.from, message)
}

/** Views and votes begin anew (protocol.md §10); the chain goes on. */
function handOverOf(state: State, next: ValidatorSet): DurableState {
  const { committed, lastCertificate } = state
  assert(lastCertificate?.height === committed.height, 'the last block of an epoch has no certificate but its own: nothing was built on it')
  return {
    view: view(0),
    phase: 'active',
    newView: null,
    viewChange: null,
    votes: [],
    blocks: [],
    highest: null,
    lastCommit: lastCertificate,
    committed,
    recent: [...state.recent].map(([at, hash]) => ({ height: at, hash })),
    recovery: recoveryIn(next, state),
  }
}

function handle(state: State, input: Input, lastCommit: Certificate | null): void {
  switch (input.kind) {
    case 'start':
      state.nowMs = input.nowMs
      return onStart(state, lastCommit)
    case 'message':
      state.nowMs = input.nowMs
      return onMessage(state, input)
    case 'connected':
      state.nowMs = input.nowMs
      return onConnected(state, input.peer)
    case 'foreign':
      state.nowMs = input.nowMs
      return onForeign(state, input.from, input.epoch, input.committedHeight)
    case 'timer':
      state.nowMs = input.nowMs
      return onTimer(state, input.timer)
    case 'validated':
      state.nowMs = input.nowMs
      return onValidated(state, input.hash, input.result)
    case 'built':
      state.nowMs = input.nowMs
      return onBuilt(state, input.height, input.view, input.proposal)
    case 'work':
      state.nowMs = input.nowMs
      state.work = { waiting: input.waiting, full: input.full }
      return
    case 'leader-judged':
      state.nowMs = input.nowMs
      return onLeaderJudged(state, input.view, input.complaint)
    case 'round-trip':
      if (input.peer >= state.roundTripMs.length) return
      noteRoundTrip(state, input.peer, input.roundTripMs)
      return extendViewTimer(state)
  }
}

/** Runs follow-ups, and proposals whose turn has come, until nothing is left to do. */
function settle(state: State): void {
  do {
    for (let next = state.agenda.shift(); next !== undefined; next = state.agenda.shift()) followUp(state, next)
    drainEarly(state)
  } while (state.agenda.length > 0)
}

function followUp(state: State, item: FollowUp): void {
  switch (item.what) {
    case 'block-valid':
    case 'block-invalid': {
      const entry = entryOf(state, item.hash)
      if (entry === undefined) return
      return item.what === 'block-valid' ? onBlockValid(state, entry) : onBlockInvalid(state, entry)
    }
    case 'change-view':
      if (item.from === state.view) startViewChange(state, state.view + 1, item.reason)
      return
    case 'fetch-later':
      return goOnWithLaterEpoch(state)
    case 'fetch-block':
      return askForBlock(state, item.hash, item.height, item.likely)
  }
}

function onTimer(state: State, timer: TimerName): void {
  switch (timer) {
    case 'status':
      askForViews(state)
      beforeTick(state)
      return onStatusTick(state)
    case 'batch':
      if (state.batchTimer === 'running') state.batchTimer = 'expired'
      return
    case 'view':
      state.viewTimerRunning = false
      if (!isMember(state)) return
      if (state.phase.kind === 'active' && isLaggard(state)) return syncIfBehind(state) // settleViewTimer sets the timer anew
      return startViewChange(state, state.view + 1, state.phase.kind === 'active' ? 'timeout' : 'new-view-timeout')
  }
}

function onMessage(state: State, input: Extract<Input, { kind: 'message' }>): void {
  const { from } = input
  const message: VerifiedMessage = input.message
  switch (message.kind) {
    case 'pre-prepare':
      return onPrePrepare(state, from, message)
    case 'vote':
      return onVote(state, message.vote)
    case 'certificate':
      return onCertificate(state, message)
    case 'sum':
      return onSum(state, from, message.sum)
    case 'view-change':
      return onViewChange(state, from, message)
    case 'new-view':
      return onNewView(state, message)
    case 'status':
      return onStatus(state, from, message)
    case 'fetch':
      if (message.want === 'snapshot' || message.want === 'chunk' || message.want === 'blob') return // for whoever has them: the replica
      return message.want === 'view' ? onViewFetch(state, from, message.nonce) : onFetch(state, from, message)
    case 'blocks':
      return onBlocks(state, from, message)
    case 'block':
      return onBlock(state, message)
    case 'view-claim':
      return onViewClaim(state, from, message)
    case 'snapshot':
    case 'chunk':
      return // for whoever has states: the replica
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
      return // for whoever has blobs: the replica
    case 'evidence':
      return // for whoever fills blocks: the replica
    case 'compact-pre-prepare':
    case 'block-transactions':
      return // for whoever has transactions: the replica
  }
}

/** Also after a restart: what was promised is said again, byte for byte (trap C4), and execution resumes. */
function onStart(state: State, lastCommit: Certificate | null): void {
  state.lastTick = { ...state.lastTick, atMs: state.nowMs }
  state.out.push({ kind: 'set-timer', timer: 'status', afterMs: state.config.timers.statusMs })
  const { phase } = state
  proveHeld(state)
  if (phase.kind === 'changing') state.out.push({ kind: 'send', to: 'all', message: phase.viewChange })
  for (const [at, own] of state.own) {
    const slot = state.votes.slot(state.view, at)
    const proposal = slot === undefined ? undefined : acceptedProposal(state, at, slot)
    if (proposal !== undefined && proposal.sender === state.config.self) state.out.push({ kind: 'send', to: 'all', message: proposal })
    else if (own.prepare !== undefined) sendVote(state, own.prepare)
    if (own.commit !== undefined) sendVote(state, own.commit)
  }
  for (const hash of state.accepted.values()) {
    const entry = entryOf(state, hash)
    if (entry !== undefined) pursue(state, entry)
  }
  if (phase.kind === 'active' && phase.base.kind === 'tip') pursueHash(state, phase.base.hash, phase.base.firstHeight)
  // A commit certificate may cover blocks above the newest one that reached the disk.
  if (state.highest?.kind === 'commit') learnCommit(state, state.highest)
  if (lastCommit !== null) learnCommit(state, lastCommit)
  commitReady(state)
  askForViews(state)
  considerViewChanges(state) // a validator that is a quorum by itself hears from nobody
}
