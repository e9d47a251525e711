/**
 * The normal case (protocol.md §4): PRE-PREPARE, verify, PREPARE, COMMIT. Every vote this replica ever signs is signed in
 * `castVote`, and made durable before it is sent (§5).
 */
import { assert, equalBytes, type Hash, type Height, height, keyOf, type ValidatorIndex } from '@aethel/codec'
import { accuseIfRefuted } from './accusations.js'
import { type Aggregate, type Ballot, ballotBytes, type Certificate, type Vote, type VoteKind, voteBytes } from './certificate.js'
import { addBlock, learnCommit, pursue } from './chain.js'
import { leaderVote, proposalOf } from './check.js'
import { isSmall } from './circle.js'
import { childrenOf, collectorsOf } from './dissemination.js'
import { equivocationOf } from './evidence.js'
import type { PersistRecord } from './interface.js'
import type { CertificateMessage, PrePrepare } from './messages.js'
import { deservesCounting, proveTally } from './shares.js'
import {
  type BlockEntry,
  emit,
  entryOf,
  FUTURE_VIEWS_COUNTED,
  higher,
  ignore,
  isLeader,
  isMember,
  keepEarly,
  mayVote,
  ownVotesAt,
  PAST_VIEWS_COUNTED,
  placeOf,
  type State,
  WINDOWS_BUFFERED,
} from './state.js'
import { mayAddUp, passUp, sendVote } from './sums.js'
import { leaderOf } from './validators.js'
import type { Tally } from './vote-keeper.js'

export function onPrePrepare(state: State, from: ValidatorIndex, message: PrePrepare): void {
  const at = message.block.header.height
  if (message.view < state.view || at <= state.committed.height) return ignore(state, 'pre-prepare', 'stale')
  if (message.view > state.view || state.phase.kind !== 'active') return keepEarly(state, message)
  if (countVote(state, leaderVote(message)) === 'conflict') return
  tryAccept(state, message, from)
}

/** Accepts the proposal if it is its turn; otherwise keeps it for later or ignores it. */
function tryAccept(state: State, message: PrePrepare, from: ValidatorIndex): void {
  const { phase } = state
  assert(phase.kind === 'active' && message.view === state.view, 'proposals are accepted in the active view only')
  const { block } = message
  const { height: at, parent, timestampMs, view: firstView } = block.header
  if (state.accepted.has(at)) return // the first stands; a different one was reported when its vote was counted
  const { base } = phase
  const reproposal = base.kind === 'tip' && at === base.firstHeight
  if (at < base.firstHeight) return ignore(state, 'pre-prepare', 'below the base of the view')
  if (at > state.committed.height + state.config.window && !reproposal) return keepEarly(state, message)
  if (reproposal) {
    if (!equalBytes(block.hash, base.hash)) return ignore(state, 'pre-prepare', 'not the block that NEW-VIEW prescribes')
  } else {
    const expected = expectedParent(state, at)
    if (expected === undefined) return keepEarly(state, message)
    if (!equalBytes(parent, expected)) return ignore(state, 'pre-prepare', 'not on top of the accepted block')
    if (firstView !== state.view) return ignore(state, 'pre-prepare', 'a fresh block of another view')
    if (timestampMs > state.nowMs + state.config.clockDriftMs) return ignore(state, 'pre-prepare', 'timestamp too far ahead of the clock')
  }
  const entry = addBlock(state, block)
  accept(state, entry, reproposal)
  passOn(state, message)
  if (entry.status === 'valid') onBlockValid(state, entry)
  else pursue(state, entry, from)
}

/** Along a tree; in a mesh, and where votes are only collected, the leader has sent it to everybody. */
function passOn(state: State, message: PrePrepare): void {
  const { validators, self } = state.config
  if (state.dissemination !== 'tree') return
  for (const to of childrenOf(validators, message.view, self)) state.out.push({ kind: 'send', to, message, fresh: true })
}

export function accept(state: State, entry: BlockEntry, reproposal: boolean): void {
  const { height: at } = entry.block.header
  state.accepted.set(at, entry.block.hash)
  state.acceptedAtMs.set(at, state.nowMs)
  entry.wanted = true
  emit(state, { name: 'accepted', view: state.view, height: at, hash: entry.block.hash, reproposal })
}

/**
 * What a fresh block at this height must build on: the block accepted one below in this view, what NEW-VIEW prescribes, or
 * the committed block, which every quorum of this view has below it (docs/protocol.md §4, "the committed block counts as
 * accepted"). Undefined: not known yet.
 */
export function expectedParent(state: State, at: Height): Hash | undefined {
  assert(state.phase.kind === 'active', 'a parent is expected in an active view only')
  const { base } = state.phase
  const accepted = state.accepted.get(height(at - 1))
  if (accepted !== undefined) return accepted
  if (at - 1 === state.committed.height) return state.committed.hash
  if (at === base.firstHeight && base.kind !== 'tip') return base.hash
  return undefined
}

/** Early proposals whose turn has come, ascending. */
export function drainEarly(state: State): void {
  if (state.phase.kind !== 'active') return
  const heights = state.early.get(state.view)
  if (heights === undefined || heights.size === 0) return
  for (const at of [...heights.keys()].sort((a, b) => a - b)) {
    const message = heights.get(at)?.message
    if (message === undefined || state.phase.kind !== 'active' || message.view !== state.view) continue
    heights.delete(at)
    if (at <= state.committed.height) continue
    if (countVote(state, leaderVote(message)) === 'conflict') return
    tryAccept(state, message, message.sender)
  }
}

export function onVote(state: State, vote: Vote): void {
  countVote(state, vote)
}

/** The votes of a quorum, which somebody else has put together; the edge has verified it. */
export function onCertificate(state: State, { certificate }: CertificateMessage): void {
  if (!worthCounting(state, certificate)) return ignore(state, 'certificate', 'outside the window')
  const isNews = !state.votes.hasQuorumFor(certificate)
  state.votes.addCertificate(certificate, state.tick)
  if (isNews) tellCertificate(state, certificate)
  if (certificate.kind === 'prepare') checkPrepared(state, certificate.height)
  else checkCommitted(state, certificate)
}

/** Votes that somebody has added up along the tree. */
export function onSum(state: State, from: ValidatorIndex, sum: Aggregate): void {
  if (!wantsSum(state, from, sum)) return ignore(state, 'sum', 'not for us')
  onTallyGrown(state, state.votes.addSum(from, sum, state.tick), sum)
}

function onTallyGrown(state: State, tally: Tally, ballot: Ballot): void {
  if (proveTally(state, tally)) tellCertificate(state, ballot)
  if (ballot.kind === 'prepare') checkPrepared(state, ballot.height)
  else checkCommitted(state, ballot)
}

/** Counts a vote of anybody, ours included; the only door into the vote keeper. */
function countVote(state: State, vote: Vote): 'counted' | 'conflict' | 'ignored' {
  if (!worthCounting(state, vote)) {
    accuseIfRefuted(state, vote) // the view was left because of this very block
    ignore(state, vote.kind, 'outside the window')
    return 'ignored'
  }
  const isNew = state.votes.slot(vote.view, vote.height)?.[vote.kind].bySender[vote.sender] === undefined
  const added = state.votes.add(vote, state.tick, isNew && !deservesCounting(state, vote))
  switch (added.status) {
    case 'known':
      return 'counted'
    case 'spoiled':
      accuseIfRefuted(state, vote)
      return 'counted'
    case 'conflict':
      onEquivocation(state, added.first, vote)
      return 'conflict'
    case 'added':
      accuseIfRefuted(state, vote)
      onTallyGrown(state, added.tally, vote)
      passUp(state, added.tally, vote)
      return 'counted'
  }
}

/**
 * Who collects votes says what has become of them, once: also where another collector was first, which may have told only those who would
 * tell everybody.
 */
function tellCertificate(state: State, ballot: Ballot): void {
  const { validators, self } = state.config
  const certificate = state.dissemination === 'mesh' ? undefined : state.votes.quorumFor(ballot)
  if (certificate === undefined || !collectorsOf(validators, ballot.view, ballot.height).includes(self)) return
  state.out.push({ kind: 'send', to: 'all', message: { kind: 'certificate', certificate } })
}

/** False if the certificate is outside the window, or the quorum is here. */
export function wantsCertificate(state: State, certificate: Certificate): boolean {
  return worthCounting(state, certificate) && !state.votes.hasQuorumFor(certificate)
}

/** False also if it is nobody's to send, or not to us. */
export function wantsSum(state: State, from: ValidatorIndex, sum: Aggregate): boolean {
  return worthCounting(state, sum) && !state.votes.hasQuorumFor(sum) && mayAddUp(state, from, sum)
}

/** False if the vote is outside the window, already held, or for a block whose phase has its quorum. */
export function wantsVote(state: State, vote: Vote): boolean {
  if (!worthCounting(state, vote)) return state.refuted.has(keyOf(vote.blockHash))
  const slot = state.votes.slot(vote.view, vote.height)
  if (slot === undefined) return true
  const held = slot[vote.kind].bySender[vote.sender]
  if (held !== undefined) return !equalBytes(held.blockHash, vote.blockHash) // a conflicting one is evidence
  return !state.votes.hasQuorumFor(vote)
}

/** Bounds what one sender can make us keep: seven views times two windows of heights times two phases (trap E1). */
function worthCounting(state: State, vote: Ballot): boolean {
  const { committed, config, view } = state
  if (vote.height <= committed.height) return false
  const { phase } = state
  const isTip = phase.kind === 'active' && phase.base.kind === 'tip' && vote.view === view && vote.height === phase.base.firstHeight
  if (vote.epoch !== config.validators.epoch || vote.height > state.lastHeight) return false
  if (vote.height > committed.height + WINDOWS_BUFFERED * config.window && !isTip) return false
  if (vote.view > view + FUTURE_VIEWS_COUNTED) return false
  return vote.view >= view || (vote.kind === 'commit' && vote.view >= view - PAST_VIEWS_COUNTED)
}

/**
 * protocol.md §11: two votes that no honest validator signs. Everybody gets to see them, once per sender and view: one pair
 * convicts, and more would let a faulty validator make all the others flood each other. A leader's ends its view.
 */
function onEquivocation(state: State, first: Vote, second: Vote): void {
  const key = `${second.sender}/${second.view}`
  if (!state.reported.has(key)) {
    if (state.reported.size >= MAX_REPORTED) state.reported.clear()
    state.reported.add(key)
    state.out.push({ kind: 'evidence', evidence: equivocationOf(first, second) })
    // A leader's ends its view, everywhere and now. Of others the evidence is enough, which goes from mouth to mouth among many.
    if (second.sender === leaderOf(state.config.validators, second.view) || isSmall(placeOf(state)))
      for (const vote of [first, second]) state.out.push({ kind: 'send', to: 'all', message: { kind: 'vote', vote } })
  }
  const leader = leaderOf(state.config.validators, state.view)
  if (second.sender === leader && second.view === state.view && second.kind === 'prepare' && state.phase.kind === 'active') {
    state.agenda.push({ what: 'change-view', from: state.view, reason: 'equivocation' })
  }
}

const MAX_REPORTED = 4096

/** The block is executed and good: if it is the one accepted here, vote for it. */
export function onBlockValid(state: State, entry: BlockEntry): void {
  const { height: at } = entry.block.header
  const accepted = state.accepted.get(at)
  if (state.phase.kind !== 'active' || accepted === undefined || !equalBytes(accepted, entry.block.hash) || !isMember(state)) return
  if (!mayVote(state)) return // it may have signed another block here and forgotten it (trap C6)
  if (ownVotesAt(state, at).prepare === undefined) {
    const vote = castVote(state, 'prepare', entry, [])
    sendVote(state, vote)
    countVote(state, vote)
  }
  checkPrepared(state, at)
}

/** An invalid block gets no vote, and its proposer no second chance in this view (protocol.md §4 step 6). */
export function onBlockInvalid(state: State, entry: BlockEntry): void {
  const accepted = state.accepted.get(entry.block.header.height)
  if (state.phase.kind === 'active' && accepted !== undefined && equalBytes(accepted, entry.block.hash)) {
    state.agenda.push({ what: 'change-view', from: state.view, reason: 'invalid-block' })
  }
}

/** prepared(v, n, h): the executed block and a quorum of PREPAREs; persist the certificate and the COMMIT, then send it. */
function checkPrepared(state: State, at: Height): void {
  if (state.phase.kind !== 'active' || !isMember(state)) return // a replica commits only in its own, active view (trap B1)
  const hash = state.accepted.get(at)
  const own = state.own.get(at)
  if (hash === undefined || own?.prepare === undefined || own.commit !== undefined) return
  const entry = entryOf(state, hash)
  if (entry?.status !== 'valid') return
  const certificate = state.votes.quorumFor(ballotFor(state, 'prepare', entry))
  if (certificate === undefined) return
  const highest = higher(state.highest, certificate) as Certificate
  // A COMMIT promises to name a certificate at least this high in every later VIEW-CHANGE (protocol.md §6), also after a
  // crash: where one learned from others is higher, that one must be on disk.
  const records: PersistRecord[] = highest === state.highest && state.highestIsDurable ? [] : [{ kind: 'highest', certificate: highest }]
  state.highest = highest
  state.highestIsDurable = true
  emit(state, { name: 'prepared', view: state.view, height: at, hash })
  const vote = castVote(state, 'commit', entry, records)
  sendVote(state, vote)
  countVote(state, vote)
}

/** committed(n, h): a quorum of COMMITs of one view, whatever our own view. */
function checkCommitted(state: State, ballot: Ballot): void {
  const known = state.certified.get(ballot.height)
  const isKnown = known !== undefined && known.certificate.height === ballot.height && equalBytes(known.hash, ballot.blockHash)
  if (isKnown) return // one for another block is a fork (§12)
  const certificate = state.votes.quorumFor(ballot)
  if (certificate !== undefined) learnCommit(state, certificate)
}

function ballotFor(state: State, kind: VoteKind, entry: BlockEntry): Ballot {
  const { epoch, height: at } = entry.block.header
  return { kind, epoch, view: state.view, height: at, blockHash: entry.block.hash }
}

/**
 * Signs a vote in the current, active view, for an executed block, at most one per (height, phase); persists it together
 * with what it promises. The caller sends it: after the persist, in the same effect list.
 */
export function castVote(state: State, kind: VoteKind, entry: BlockEntry, records: readonly PersistRecord[]): Vote {
  const own = ownVotesAt(state, entry.block.header.height)
  assert(mayVote(state), 'a replica that recovers casts no votes')
  assert(isMember(state), 'only a validator of the epoch votes')
  assert(entry.block.header.height <= state.lastHeight, 'nothing beyond the last block of an epoch is voted for (trap J1)')
  assert(state.phase.kind === 'active', 'votes are cast in an active view only')
  assert(own[kind] === undefined, () => `a second ${kind} vote at height ${entry.block.header.height} of view ${state.view}`)
  assert(entry.status === 'valid', 'votes are cast for executed blocks only')
  const ballot = ballotFor(state, kind, entry)
  const { chainId, self, shares } = state.config
  const voted = shares === undefined ? ballot : { ...ballot, share: shares.sign(ballotBytes(chainId, ballot)) }
  const vote: Vote = { ...voted, sender: self, signature: state.config.sign(voteBytes(chainId, voted)) }
  own[kind] = vote
  const block: PersistRecord[] = entry.voted ? [] : [{ kind: 'block', block: entry.block }]
  entry.voted = true
  state.out.push({ kind: 'persist', records: [...records, ...block, { kind: 'vote', vote }] })
  return vote
}

/** Our own proposal, executed while it was built: accept it, vote for it, send it. */
export function proposeBlock(state: State, entry: BlockEntry, reproposal: boolean): void {
  assert(isLeader(state), 'only the leader proposes')
  accept(state, entry, reproposal)
  const vote = castVote(state, 'prepare', entry, [])
  const message = proposalOf(vote, entry.block)
  if (state.dissemination === 'tree') passOn(state, message)
  else state.out.push({ kind: 'send', to: 'all', message })
  countVote(state, vote)
}
