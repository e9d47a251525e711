/**
 * What of a core's state can still be read, for merging schedules that differ in nothing else (docs/twins.md, "When two states
 * are one"). It holds for the world of twins: one epoch, a clock that stands still, no restarts, nobody's mempool. A field that is
 * not named here is compared as a whole, so a new one costs merging, never soundness.
 *
 * Blocks stand under the name that `nameOf` gives them, which leaves out whose signatures a certificate in them happens to hold:
 * whoever gets a certificate only asks whether it is good, what it is about, and nothing else.
 */
import { type Hash, keyOf } from '@aethel/codec'
import { isLaggard } from './catch-up.js'
import type { Ballot, Certificate, Vote } from './certificate.js'
import { MAX_SERVE_BYTES } from './interface.js'
import type { NewView, ViewChange } from './messages.js'
import { type BackOff, type BlockEntry, type EarlyProposal, entryOf, isLeader, type OwnVotes, type State } from './state.js'
import type { PhaseVotes } from './vote-keeper.js'

export type NameOf = (hash: Hash) => string

export interface EssenceContext {
  readonly nameOf: NameOf
  /** Up to here everybody has committed the same: heights count from there. */
  readonly ground: number
  /** No vote of an earlier view is under way to anybody, and nobody will send one any more. */
  readonly oldestLiveView: number
  /** Somebody has a certificate or a vote for it or for what is built on it, so it may be heard of again. */
  readonly isLive: (hash: Hash) => boolean
}

type Describe = (state: State, context: EssenceContext) => string

/** Never read again in that world, with the reason. */
const DEAD: ReadonlySet<string> = new Set([
  'config', // the same for all states of a replica
  'origin', // likewise, and so are the next two
  'lastHeight',
  'dissemination',
  'nowMs', // the clock stands still
  'recent', // the hashes of the committed chain, which `committed` names
  'recentBlocks', // its newest blocks
  'highestIsDurable', // decides what is written to disk, which nobody reads without a restart
  'viewTimer', // when a timer would fire: here they fire when the schedule says so
  'progressView', // lengthens timeouts, as do the next four
  'smoothedCommitMs',
  'commitMsBeforeView',
  'acceptedAtMs',
  'roundTripMs',
  'quorumRoundTripMs',
  'blocksAsked', // for the edge, which here takes everything
  'lastTick', // for operators and mempools, and there are none
  'newViews', // shown only to prove a fork, which ends the exploration
  'askedFor', // the sums of `viewChanges`
  'heardMore', // for more validators than are explored, as are the next two
  'lastStatus',
  'saidToAll',
  'tick', // compared with other ticks only: those are described by their distance from it
])

/**
 * Its next timer makes it leave its view, and until then it hears nothing but COMMITs. Then whatever serves the view alone is over:
 * PREPAREs, wishes for this view, who was told what about it.
 */
function isLeaving(state: State): boolean {
  return state.viewTimerRunning && !(state.phase.kind === 'active' && isLaggard(state))
}

/** Besides, it will not vote or propose in its view any more: what it has accepted and signed there is over, too. */
export function isSpent(state: State): boolean {
  return isLeaving(state) && !isLeader(state)
}

/** A block that waits to be executed in a view that is about to be left may still become valid on a COMMIT, and be voted for. */
function isAcceptedStill(state: State, hash: Hash | undefined): boolean {
  return !isSpent(state) || (hash !== undefined && entryOf(state, hash)?.status !== 'valid')
}

/** What a state says of blocks, other than that it has them: whoever names one may ask for it. */
export function namedIn(state: State): Hash[] {
  const { phase, highest, lastCertificate } = state
  const certificates = [
    highest,
    lastCertificate,
    phase.kind === 'active' ? (phase.newView?.certificate ?? null) : phase.viewChange.certificate,
  ]
  for (const message of state.viewChanges) certificates.push(message?.certificate ?? null)
  const named = certificates.flatMap((certificate) => (certificate === null ? [] : [certificate.blockHash]))
  for (const [at, hash] of state.accepted) if (isAcceptedStill(state, hash) || state.own.get(at) === undefined) named.push(hash)
  for (const { hash } of state.certified.values()) named.push(hash)
  for (const { hash } of state.links.values()) named.push(hash)
  for (const { hash } of state.missing.values()) named.push(hash)
  for (const heights of state.early.values()) for (const { message } of heights.values()) named.push(message.block.hash)
  for (const [, , slot] of state.votes.slots())
    for (const { tallies } of [slot.prepare, slot.commit]) for (const { hash } of tallies) named.push(hash)
  return named
}

const DESCRIBED: Readonly<Record<string, Describe>> = {
  view: (state) => String(state.view),
  phase: (state, context) => phaseOf(state, context),
  committed: (state, { nameOf }) => nameOf(state.committed.hash),
  lastCertificate: (state, context) => certificateOf(state.lastCertificate, context),
  highest: (state, context) => certificateOf(state.highest, context),
  blocks: (state, context) => sorted([...state.blocks.values()].map((entry) => bodyOf(entry, context))),
  accepted: (state, { nameOf, ground }) =>
    sorted([...state.accepted].map(([at, hash]) => (isAcceptedStill(state, hash) ? `${at - ground}=${nameOf(hash)}` : ''))),
  own: (state, { nameOf, ground }) =>
    sorted(
      [...state.own].map(([at, own]) => (isAcceptedStill(state, state.accepted.get(at)) ? `${at - ground}=${ownOf(own, nameOf)}` : '')),
    ),
  votes: votesOf,
  certified: (state, context) => sorted([...state.certified.values()].map((proven) => provenOf(proven, context))),
  links: (state, { nameOf, ground }) => sorted([...state.links].map(([at, { hash }]) => `${at - ground}=${nameOf(hash)}`)),
  early: (state, { nameOf }) =>
    sorted([...state.early].map(([at, heights]) => (at < state.view || heights.size === 0 ? '' : `${at}:${earlyOf(heights, nameOf)}`))),
  viewChanges: (state, context) => state.viewChanges.map((message) => wishOf(state, message, context)).join(),
  // In order: they are asked for in order.
  missing: (state, { nameOf }) => [...state.missing.values()].map(({ hash, tries }) => `${nameOf(hash)}/${tries}`).join(),
  statuses: (state, { ground }) => state.statuses.map((status) => aheadBy(state, status?.committedHeight, ground)).join(),
  answersThisTick: (state) => sorted([...state.answersThisTick].map(([peer, { bytes }]) => servedOf(peer, bytes))),
  toldView: (state) => state.toldView.map((told) => toldOf(state, told)).join(),
  answeredStatus: (state) =>
    isLeaving(state)
      ? ''
      : state.answeredStatus
          .map((answered) => (answered === undefined ? '' : `${keyOf(answered.about)}${sinceOf(state, answered)}`))
          .join(),
  sync: (state) => String(state.sync?.tick === state.tick),
  committedAtTick: (state) => String(state.committedAtTick === state.committed.height),
  reported: (state, { oldestLiveView }) => sorted([...state.reported].filter((key) => Number(key.split('/')[1]) >= oldestLiveView)),
}

/** Equal for two states of one replica only if whatever they are told next, they do the same, up to the names of blocks. */
export function essenceOf(state: State, context: EssenceContext, describeWhole: (value: unknown) => string): string {
  let text = ''
  for (const [name, value] of Object.entries(state)) {
    if (DEAD.has(name)) continue
    const described = DESCRIBED[name]
    text += `${name}:${described === undefined ? describeWhole(value) : described(state, context)};`
  }
  return text
}

function sorted(items: readonly string[]): string {
  return items
    .filter((item) => item !== '')
    .sort()
    .join()
}

function ballotOf({ kind, view, height, blockHash }: Ballot, { nameOf, ground }: EssenceContext): string {
  return `${kind[0]}${view}/${height - ground}/${nameOf(blockHash)}`
}

/** A certificate passed the edge or was put together here: it is good. */
function certificateOf(certificate: Certificate | null, context: EssenceContext): string {
  return certificate === null ? '-' : ballotOf(certificate, context)
}

function provenOf({ hash, certificate }: { readonly hash: Hash; readonly certificate: Certificate }, context: EssenceContext): string {
  return `${context.nameOf(hash)}:${certificateOf(certificate, context)}`
}

function phaseOf(state: State, context: EssenceContext): string {
  const { phase } = state
  if (phase.kind === 'active') return `active ${newViewOf(phase.newView, context)}` // `base` follows from it
  if (isLeaving(state)) return 'changing'
  return `changing ${viewChangeOf(phase.viewChange, context)} ${phase.timerRunning}`
}

/** Whoever gets it starts from its certificate; which quorum asked for the view is the edge's business. */
function newViewOf(message: NewView | null, context: EssenceContext): string {
  return message === null ? '-' : `${message.newView}:${certificateOf(message.certificate, context)}`
}

function viewChangeOf({ entry, certificate }: ViewChange, context: EssenceContext): string {
  return `${entry.sender}>${entry.newView}:${certificateOf(certificate, context)}`
}

/** A body that nobody will ask for is as good as none, unless it is itself on its way to be executed. */
function bodyOf({ block, status, wanted, voted }: BlockEntry, { nameOf, isLive }: EssenceContext): string {
  const isUnderWay = wanted && status !== 'valid' && status !== 'invalid'
  return isLive(block.hash) || isUnderWay ? `${nameOf(block.hash)}:${status}${wanted ? 'w' : ''}${voted ? 'v' : ''}` : ''
}

function ownOf({ prepare, commit }: OwnVotes, nameOf: NameOf): string {
  return `${prepare === undefined ? '' : nameOf(prepare.blockHash)}+${commit === undefined ? '' : nameOf(commit.blockHash)}`
}

function earlyOf(heights: ReadonlyMap<unknown, EarlyProposal>, nameOf: NameOf): string {
  return sorted([...heights.values()].map(({ message }) => `${message.sender}:${nameOf(message.block.hash)}`))
}

/** PREPAREs of a view that was left are never counted, shown or compared again, and COMMITs only while more may come. */
function votesOf(state: State, { nameOf, oldestLiveView, ground }: EssenceContext): string {
  const isOver = isLeaving(state)
  const slots: string[] = []
  for (const [view, height, slot] of state.votes.slots()) {
    if (view < oldestLiveView || height <= state.committed.height) continue
    const isPast = view < state.view || (view === state.view && isOver)
    const prepares = isPast ? '' : phaseVotesOf(slot.prepare, nameOf)
    const isNew = !isPast && slot.openedAtTick >= state.tick
    const commits = phaseVotesOf(slot.commit, nameOf)
    if (!isPast || commits !== '') slots.push(`${view}/${height - ground}${isNew ? '!' : ''}[${prepares}|${commits}]`)
  }
  return sorted(slots)
}

function phaseVotesOf(phase: PhaseVotes, nameOf: NameOf): string {
  const certificates = phase.tallies.flatMap(({ hash, certificate }) => (certificate === null ? [] : [`all:${nameOf(hash)}`]))
  return sorted([
    ...phase.bySender.map((vote: Vote | undefined) => (vote === undefined ? '' : `${vote.sender}:${nameOf(vote.blockHash)}`)),
    ...certificates,
  ])
}

/** A wish for a view below one's own, for one's own active view or for one that is about to be left, is as good as none. */
function wishOf(state: State, message: ViewChange | undefined, context: EssenceContext): string {
  if (message === undefined) return ''
  const { newView } = message.entry
  const isOver: boolean = newView < state.view || (newView === state.view && (state.phase.kind === 'active' || isLeaving(state)))
  return isOver ? '' : viewChangeOf(message, context)
}

/** Only a peer that is ahead is asked for anything. */
function aheadBy(state: State, committed: number | undefined, ground: number): string {
  return committed === undefined || committed <= state.committed.height ? '' : String(committed - ground)
}

/** So many of the largest answers are given between two ticks; what other answers add up to is far from another one. */
function servedOf(peer: number, bytes: number): string {
  const served = Math.floor(bytes / MAX_SERVE_BYTES)
  return served === 0 ? '' : `${peer}:${served}`
}

/** What was told about another view than the present one never holds anything back again. */
function toldOf(state: State, told: BackOff<ViewChange | NewView> | undefined): string {
  const { phase } = state
  const current = phase.kind === 'changing' ? phase.viewChange : phase.newView
  return told === undefined || told.about !== current || isLeaving(state) ? '' : sinceOf(state, told)
}

function sinceOf(state: State, { sinceTick, dueTick }: { readonly sinceTick: number; readonly dueTick: number }): string {
  return `${sinceTick - state.tick}/${dueTick - state.tick}`
}
