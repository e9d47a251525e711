/**
 * What a replica remembers between steps, and how it is rebuilt from what is durable (protocol.md §5). Handlers in the
 * neighbouring files change it and push effects to `out`; nothing outside this package sees it.
 */
import {
  assert,
  type Epoch,
  equalBytes,
  type Hash,
  type Height,
  height,
  keyOf,
  type Signature,
  type ValidatorIndex,
  type View,
  view,
} from '@aethel/codec'
import { type Block, type Header, heldBodyBytes } from './block.js'
import { type Certificate, compareCertificates, type Vote } from './certificate.js'
import type { Place } from './circle.js'
import { type Dissemination, disseminationOf } from './dissemination.js'
import { lastHeightOf } from './epochs.js'
import type {
  CommittedTip,
  Complaint,
  ConsensusConfig,
  ConsensusEvent,
  DurableState,
  Effect,
  Recovery,
  ViewChangeReason,
} from './interface.js'
import type { PathStep } from './merkle-path.js'
import type { NewView, PrePrepare, Status, ViewChange } from './messages.js'
import { leaderOf } from './validators.js'
import { VoteKeeper } from './vote-keeper.js'

/** Blocks above the committed height whose bodies are kept: voted for in some view, or on a wanted chain. */
export const MAX_RETAINED_BLOCKS = 4096
/** The same in bytes; what is accepted in the view or certified is never evicted, and bounded by the window and by one answer to a FETCH. */
export const MAX_RETAINED_BYTES: number = 256 * 1024 * 1024
/** COMMITs of this many past views are still counted (trap D6). */
export const PAST_VIEWS_COUNTED = 4
/** Votes of this many views ahead are buffered; more would let one sender fill memory (trap E1). */
export const FUTURE_VIEWS_COUNTED = 2
/** Heights ahead of the committed one for which votes and early proposals are kept, in windows. */
export const WINDOWS_BUFFERED = 2

/** Bodies of proposals kept ahead of their turn, per view, of which there are two; a single one may be larger. */
export const MAX_EARLY_BYTES: number = 64 * 1024 * 1024

export interface BlockEntry {
  readonly block: Block
  status: 'waiting' | 'validating' | 'valid' | 'invalid' | 'aborted'
  /** Its execution is asked for: accepted in this view, below such a block, or proven committed. */
  wanted: boolean
  /** A PREPARE of ours for it is durable, so others may rely on us for the body. */
  voted: boolean
  /** Of its proofs, as a peer says that served it as committed; null: nobody has said. */
  gas: readonly number[] | null
  readonly addedAtTick: number
  /** Of the body in memory, roughly. */
  readonly bytes: number
}

/** Where a view starts (protocol.md §6). `tip`: the block itself is proposed again; otherwise a fresh child of `hash`. */
export type Base =
  | { readonly kind: 'none' | 'commit'; readonly firstHeight: Height; readonly hash: Hash }
  | { readonly kind: 'tip'; readonly firstHeight: Height; readonly hash: Hash; readonly certificate: Certificate }

export type Phase =
  | { readonly kind: 'active'; readonly base: Base; readonly newView: NewView | null }
  | { readonly kind: 'changing'; readonly viewChange: ViewChange; timerRunning: boolean }

export type FollowUp =
  | { readonly what: 'block-valid' | 'block-invalid'; readonly hash: Hash }
  | { readonly what: 'change-view'; readonly from: View; readonly reason: ViewChangeReason }
  | { readonly what: 'fetch-later' }
  | { readonly what: 'fetch-block'; readonly hash: Hash; readonly height: Height; readonly likely: ValidatorIndex | undefined }

export interface EarlyProposal {
  readonly message: PrePrepare
  readonly bytes: number
}

/** The transaction at fault, and where it stands. */
export interface Refuted {
  readonly header: Header
  readonly transaction: Uint8Array
  readonly path: readonly PathStep[]
}

/** Something that is sent to a peer again and again until it helps, at growing intervals. */
export interface BackOff<T> {
  readonly about: T
  readonly sinceTick: number
  readonly dueTick: number
}

export interface LastTick {
  readonly atMs: number
  /** Committed a tick before it: who says less is behind, and not only late in saying so. */
  readonly committedBefore: Height
  /** Peers that had sent messages of a later epoch since the tick before. */
  readonly laterEpoch: ReadonlySet<ValidatorIndex>
}

export interface OwnVotes {
  prepare: Vote | undefined
  commit: Vote | undefined
}

export interface State {
  readonly config: ConsensusConfig
  readonly origin: { readonly height: Height; readonly hash: Hash }
  /** Of the epoch: nothing lies beyond it (protocol.md §10). */
  readonly lastHeight: Height
  readonly dissemination: Dissemination
  nowMs: number
  view: View
  phase: Phase
  committed: CommittedTip
  /** Hashes of committed blocks by height, the newest `RECENT_HASHES`. */
  readonly recent: Map<Height, Hash>
  /** Newest committed bodies, so that a replica slightly behind can fetch them by hash. */
  readonly recentBlocks: Map<string, Block>
  /** Newest commit certificate of a block on the committed chain; goes into the next proposal. */
  lastCertificate: Certificate | null
  recovery: Recovery | null
  /** What others have answered since this start, while recovering. */
  readonly claims: (View | undefined)[]
  highest: Certificate | null
  /** False while `highest` is a certificate learned from others that is not on disk. */
  highestIsDurable: boolean
  /** By `keyOf(hash)`, heights above the committed one. */
  readonly blocks: Map<string, BlockEntry>
  /** In the current view. */
  readonly accepted: Map<Height, Hash>
  readonly own: Map<Height, OwnVotes>
  readonly votes: VoteKeeper
  /** Blocks proven committed, above the committed height. */
  readonly certified: Map<Height, { readonly hash: Hash; readonly certificate: Certificate }>
  /** Headers of blocks above the committed height that came without bodies, below a commit certificate: for a fork proof (halting.ts). */
  readonly links: Map<Height, { readonly hash: Hash; readonly header: Header }>
  /** Proposals that came before they could be handled, by view and height. */
  readonly early: Map<View, Map<Height, EarlyProposal>>
  /** The newest VIEW-CHANGE of each sender; changed by `noteViewChange` only. */
  readonly viewChanges: (ViewChange | undefined)[]
  /** The power behind each view asked for in them. */
  readonly askedFor: Map<View, bigint>
  /** Bodies asked for by hash, with the number of tries. */
  readonly missing: Map<string, { readonly hash: Hash; readonly height: Height; tries: number }>
  /** What peers said last. */
  readonly statuses: (Status | undefined)[]
  /** How many of them complain. */
  complaining: number
  /** Since the last status tick one of them has shown more than we have. */
  heardMore: boolean
  /** Ours, of the last tick. */
  lastStatus: Status | undefined
  /** What we told everybody that we wait for, and when that is said again. */
  saidToAll: BackOff<string> | undefined
  /** By peer: what it has made us send since the last status tick. */
  readonly answersThisTick: Map<ValidatorIndex, { count: number; bytes: number }>
  /** By peer: the proof of our view, or our wish for the next, that was sent to it last, and when it may be sent again. */
  readonly toldView: (BackOff<ViewChange | NewView> | undefined)[]
  /** By peer: the STATUS that was answered last, by its signature, and when the same words are answered again. */
  readonly answeredStatus: (BackOff<Signature> | undefined)[]
  /** By peer: requests for committed blocks that it has not answered. */
  readonly blocksAsked: Map<ValidatorIndex, number>
  /** Peers that sent messages of a later epoch since the last status tick. */
  readonly laterEpoch: Set<ValidatorIndex>
  sync: { readonly committedHeight: Height; readonly tick: number } | null
  syncTries: number
  committedAtTick: Height
  tick: number
  /** As the last status tick found things: for the diagnosis, and for what is gossiped again. */
  lastTick: LastTick
  building: { readonly height: Height; readonly view: View; readonly parent: Hash; readonly timestampMs: number } | null
  work: { waiting: number; full: boolean }
  batchTimer: 'idle' | 'running' | 'expired'
  viewTimerRunning: boolean
  /** When the view timer was set, and for how long in all. */
  viewTimer: { readonly setAtMs: number; readonly forMs: number }
  /** Ours, about the leader of the current view. */
  complaint: Complaint | null
  /** View whose votes made the newest commit, or the one before that in which we started: timeouts double with the distance from it. */
  progressView: View
  smoothedCommitMs: number
  /** As it stood when the view began: its leader can stretch the view timer to twice that, no more. */
  commitMsBeforeView: number
  readonly acceptedAtMs: Map<Height, number>
  readonly roundTripMs: number[]
  /** To the farthest peer of the nearest quorum. */
  quorumRoundTripMs: number
  /** Whose share of a certificate was bad once, in this epoch, since we started. */
  readonly badShares: Set<ValidatorIndex>
  /** Who has sent a bad sum of shares, in this epoch, since we started: it adds up nothing any more. */
  readonly badSums: Set<ValidatorIndex>
  /** In a row, at which votes of ours had waited for a tick or more. */
  ticksStuck: number
  /** Until then our votes go to those who collect them, because along the tree they have made no certificate. */
  directUntilTick: number
  /** Equivocators (sender, view) already reported. */
  readonly reported: Set<string>
  /** Accepted, the newest last: for a fork proof (halting.ts). */
  readonly newViews: NewView[]
  /** Set once, for good: two blocks are proven committed at this height. */
  forkedAt: Height | null
  /** Blocks with a proof that does not verify, by `keyOf(hash)`: who votes for one is to blame. */
  readonly refuted: Map<string, Refuted>
  /** Follow-ups of the current step, run in order until none is left (consensus.ts): handlers never call back upwards. */
  agenda: FollowUp[]
  out: Effect[]
}

/** What is durable, less what belongs to epochs that are over: each epoch begins in view 0 with no votes (protocol.md §10). */
function ofThisEpoch(durable: DurableState, current: Epoch): DurableState {
  const named = durable.newView?.epoch ?? durable.viewChange?.entry.epoch ?? null
  const isLater = (item: { readonly epoch: Epoch } | null): boolean => item !== null && item.epoch > current
  assert(
    !(named !== null && named > current) && !durable.votes.some(isLater) && !isLater(durable.highest),
    () => `the stored votes and views are of a later epoch than ${current}, which the committed chain has reached`,
  )
  const isOver = named !== null && named < current
  const { highest, lastCommit } = durable
  return {
    ...durable,
    ...(isOver ? { view: view(0), phase: 'active' as const, newView: null, viewChange: null } : {}),
    votes: durable.votes.filter((vote) => vote.epoch === current),
    highest: highest?.epoch === current ? highest : null,
    lastCommit: lastCommit?.epoch === current ? lastCommit : null,
  }
}

export function createState(config: ConsensusConfig, stored: DurableState): State {
  const durable = ofThisEpoch(stored, config.validators.epoch)
  const count = config.validators.validators.length
  assert(config.window >= 1 && config.window <= 64, `window must be 1..64, got ${config.window}`)
  const { scheme } = config.validators
  assert(
    (config.shares !== undefined) === (scheme === 'bls12-381'),
    `certificates of ${scheme}, and ${config.shares === undefined ? 'no' : 'a'} scheme of shares`,
  )
  const dissemination = disseminationOf(config.dissemination ?? 'mesh', config.validators)
  assert(dissemination === 'mesh' || scheme === 'bls12-381', () => `${dissemination} with certificates of ${scheme}`)
  const origin = config.origin ?? { height: height(0), hash: config.chainId }
  const lastHeight = lastHeightOf(config.epochLength ?? 0, config.validators.epoch)
  assert(durable.committed.height >= origin.height && durable.committed.height < lastHeight, 'the committed block lies outside the epoch')
  const state: State = {
    config,
    origin,
    lastHeight,
    dissemination,
    nowMs: 0,
    view: durable.view,
    phase: restorePhase(origin, durable),
    committed: durable.committed,
    recent: new Map(durable.recent.map((entry) => [entry.height, entry.hash])),
    recentBlocks: new Map(),
    lastCertificate: stored.lastCommit !== null && stored.lastCommit.height <= stored.committed.height ? stored.lastCommit : null,
    recovery: durable.recovery ?? null,
    claims: new Array<View | undefined>(count).fill(undefined),
    highest: higher(durable.highest, durable.lastCommit),
    highestIsDurable: true,
    blocks: new Map(),
    accepted: new Map(),
    own: new Map(),
    votes: new VoteKeeper(config.validators),
    certified: new Map(),
    links: new Map(),
    early: new Map(),
    viewChanges: new Array<ViewChange | undefined>(count).fill(undefined),
    askedFor: new Map(),
    missing: new Map(),
    statuses: new Array<Status | undefined>(count).fill(undefined),
    complaining: 0,
    heardMore: false,
    lastStatus: undefined,
    saidToAll: undefined,
    toldView: new Array<BackOff<ViewChange | NewView> | undefined>(count).fill(undefined),
    answeredStatus: new Array<BackOff<Signature> | undefined>(count).fill(undefined),
    answersThisTick: new Map(),
    blocksAsked: new Map(),
    laterEpoch: new Set(),
    sync: null,
    syncTries: 0,
    committedAtTick: durable.committed.height,
    tick: 0,
    lastTick: { atMs: 0, committedBefore: durable.committed.height, laterEpoch: new Set() },
    building: null,
    work: { waiting: 0, full: false },
    batchTimer: 'idle',
    viewTimerRunning: false,
    viewTimer: { setAtMs: 0, forMs: 0 },
    complaint: null,
    progressView: view(Math.max(durable.lastCommit?.view ?? 0, durable.view - 1)), // a restart forgets the back-off
    smoothedCommitMs: 0,
    commitMsBeforeView: 0,
    acceptedAtMs: new Map(),
    roundTripMs: new Array<number>(count).fill(0),
    quorumRoundTripMs: 0,
    badShares: new Set(),
    badSums: new Set(),
    ticksStuck: 0,
    directUntilTick: 0,
    reported: new Set(),
    newViews: durable.newView === null ? [] : [durable.newView],
    forkedAt: null,
    refuted: new Map(),
    agenda: [],
    out: [],
  }
  for (const block of durable.blocks) {
    if (block.header.height > state.committed.height) state.blocks.set(keyOf(block.hash), newEntry(state, block, 'voted'))
  }
  for (const vote of durable.votes) restoreVote(state, vote)
  if (state.phase.kind === 'changing') noteViewChange(state, config.self, state.phase.viewChange)
  return state
}

function restorePhase(origin: State['origin'], durable: DurableState): Phase {
  if (durable.phase === 'changing') {
    assert(durable.viewChange !== null, 'a durable view change lacks its VIEW-CHANGE message')
    return { kind: 'changing', viewChange: durable.viewChange, timerRunning: false }
  }
  assert(durable.view === 0 || durable.newView !== null, 'a durable active view above 0 lacks its NEW-VIEW')
  return { kind: 'active', base: baseOf(origin, durable.newView), newView: durable.newView }
}

/** The current view's votes are memory that must not fade: a replica never signs against them (trap C1). */
function restoreVote(state: State, vote: Vote): void {
  assert(
    !isMember(state) || vote.sender === state.config.self,
    () =>
      `the stored votes are of validator ${vote.sender}, this replica is validator ${state.config.self}: a store belongs to one key in an epoch`,
  )
  if (vote.view !== state.view || vote.height <= state.committed.height) return
  const own = ownVotesAt(state, vote.height)
  const previous = own[vote.kind]
  assert(previous === undefined || equalBytes(previous.blockHash, vote.blockHash), 'the vote store holds two conflicting votes')
  own[vote.kind] = vote
  if (vote.kind === 'prepare' && state.phase.kind === 'active') state.accepted.set(vote.height, vote.blockHash)
  state.votes.add(vote, 0)
}

export function baseOf(origin: State['origin'], newView: NewView | null): Base {
  const certificate = newView?.certificate ?? null
  if (certificate === null) return { kind: 'none', firstHeight: height(origin.height + 1), hash: origin.hash }
  if (certificate.kind === 'commit') return { kind: 'commit', firstHeight: height(certificate.height + 1), hash: certificate.blockHash }
  return { kind: 'tip', firstHeight: certificate.height, hash: certificate.blockHash, certificate }
}

/** A validator asks for a view, no longer for the one before; undefined: for none any more. */
export function noteViewChange(state: State, sender: ValidatorIndex, message: ViewChange | undefined): void {
  const before = state.viewChanges[sender]
  const power = state.config.validators.validators[sender]?.power ?? 0n
  state.viewChanges[sender] = message
  if (before !== undefined) {
    const rest = (state.askedFor.get(before.entry.newView) ?? 0n) - power
    if (rest === 0n) state.askedFor.delete(before.entry.newView)
    else state.askedFor.set(before.entry.newView, rest)
  }
  if (message !== undefined) state.askedFor.set(message.entry.newView, (state.askedFor.get(message.entry.newView) ?? 0n) + power)
}

export function newEntry(state: State, block: Block, provenance: 'voted' | 'received'): BlockEntry {
  return {
    block,
    status: 'waiting',
    wanted: false,
    voted: provenance === 'voted',
    gas: null,
    addedAtTick: state.tick,
    bytes: heldBodyBytes(block.body),
  }
}

export function ownVotesAt(state: State, at: Height): OwnVotes {
  let own = state.own.get(at)
  if (own === undefined) {
    own = { prepare: undefined, commit: undefined }
    state.own.set(at, own)
  }
  return own
}

export function entryOf(state: State, hash: Hash): BlockEntry | undefined {
  return state.blocks.get(keyOf(hash))
}

export function higher(a: Certificate | null, b: Certificate | null): Certificate | null {
  if (a === null || b === null) return a ?? b
  return compareCertificates(a, b) >= 0 ? a : b
}

/** Whether this replica is a validator of the epoch: others execute, follow and serve, and sign nothing. */
export function isMember(state: State): boolean {
  return state.config.self < state.config.validators.validators.length
}

export function placeOf({ config }: State): Place {
  return { self: config.self, count: config.validators.validators.length }
}

export function isLeader(state: State): boolean {
  return leaderOf(state.config.validators, state.view) === state.config.self
}

/** Whether this replica may sign in its current view: always, unless its store was lost (recovery.ts). */
export function mayVote(state: State): boolean {
  const { recovery } = state
  return (
    mayChangeView(state) &&
    (recovery?.status !== 'released' || recovery.epoch !== state.config.validators.epoch || state.view >= recovery.view)
  )
}

/** Whether this replica may ask for views: what it names as its highest certificate is as high as all it ever promised. */
export function mayChangeView(state: State): boolean {
  const { recovery } = state
  if (recovery === null) return true
  if (recovery.status === 'asking') return false
  return recovery.epoch === state.config.validators.epoch || state.config.validators.epoch > recovery.forgottenUpTo
}

export function emit(state: State, event: ConsensusEvent): void {
  state.out.push({ kind: 'event', event })
}

export function ignore(state: State, what: string, why: string): void {
  emit(state, { name: 'ignored', what, why })
}

export function otherValidators(state: State): ValidatorIndex[] {
  const others: ValidatorIndex[] = []
  for (let index = 0; index < state.config.validators.validators.length; index++) {
    if (index !== state.config.self) others.push(index as ValidatorIndex)
  }
  return others
}

/** Keeps a proposal for later, the first per (view, height); bounded by two views, two windows of heights, and bytes. */
export function keepEarly(state: State, message: PrePrepare): void {
  const at = message.block.header.height
  const furthest = Math.min(state.committed.height + WINDOWS_BUFFERED * state.config.window, state.lastHeight)
  if (message.view > state.view + 1 || at <= state.committed.height || at > furthest)
    return ignore(state, 'pre-prepare', 'beyond the buffer')
  let heights = state.early.get(message.view)
  if (heights === undefined) {
    heights = new Map()
    state.early.set(message.view, heights)
  }
  if (heights.has(at)) return
  const bytes = heldBodyBytes(message.block.body)
  let held = bytes
  for (const early of heights.values()) held += early.bytes
  if (heights.size > 0 && held > MAX_EARLY_BYTES) return ignore(state, 'pre-prepare', 'beyond the buffer') // comes again on STATUS
  heights.set(at, { message, bytes })
}
