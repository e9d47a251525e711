/**
 * Catching up (protocol.md §7): STATUS says what one has, peers answer with what is missing: votes, proposals, the NEW-VIEW
 * of their view, bodies by hash, committed blocks with their certificates. Every answer is bounded, and what is not
 * answered is asked again, from somebody else, at the next status tick.
 */
import {
  type Bitmap,
  bitmapOf,
  type Epoch,
  equalBytes,
  type Hash,
  type Height,
  hasBit,
  height,
  indicesOf,
  keyOf,
  type ValidatorIndex,
} from '@aethel/codec'
import { type Block, roughBodyBytes } from './block.js'
import { type Certificate, signatureBytesOf } from './certificate.js'
import { commitReady, learnCommit, markCommitted, onBody, retryAborted } from './chain.js'
import { proposalOf } from './check.js'
import { allStandIn, circleOf, isSmall, standsIn, stoodInFor } from './circle.js'
import { considerComplaints, noteStatus } from './complaints.js'
import { collectorsOf } from './dissemination.js'
import { ForkFound, keepLinks } from './halting.js'
import { MAX_SERVE_BYTES } from './interface.js'
import { statusBytes } from './message-bytes.js'
import type { Blocks, Fetch, Message, NewView, PrePrepare, Status, StatusSlot, ViewChange } from './messages.js'
import { MAX_STATUS_SLOTS } from './messages.js'
import { type BackOff, emit, entryOf, ignore, isLeader, isMember, otherValidators, placeOf, type State } from './state.js'
import { hasWork } from './timers.js'
import { isWeakQuorum, leaderOf } from './validators.js'
import { type PhaseVotes, type Slot, sendersOf } from './vote-keeper.js'

/** Answers to one peer per status tick: the peer's STATUS and its requests together cannot amplify beyond this. */
const MAX_ANSWERS_PER_TICK = 512
/** The same in bytes, roughly; the answer that crosses the line is still sent, so a block of any size gets through. */
const MAX_ANSWER_BYTES_PER_TICK: number = 4 * MAX_SERVE_BYTES
/** The same is sent to the same peer again 1, 2, 4 and 8 ticks after the first time, and then every eighth. */
const MAX_GAP_TICKS = 8
/** Answers with committed blocks that one peer owes us at most: what it sends beyond costs no signature check. */
const MAX_BLOCKS_ASKED = 4
/** Bodies asked for by hash at one time. */
const MAX_MISSING = 256

/** Sends something a peer needs, within the bound of what one peer may make us send; false if that is used up. */
export function answer(state: State, peer: ValidatorIndex, message: Message): boolean {
  if (!mayAnswer(state, peer, roughBytes(message))) return false
  state.out.push({ kind: 'send', to: peer, message })
  return true
}

function serve(state: State, peer: ValidatorIndex, from: Height): void {
  if (mayAnswer(state, peer, MAX_SERVE_BYTES)) state.out.push({ kind: 'serve', to: peer, from })
}

function mayAnswer(state: State, peer: ValidatorIndex, bytes: number): boolean {
  const spent = state.answersThisTick.get(peer) ?? { count: 0, bytes: 0 }
  state.answersThisTick.set(peer, spent)
  if (spent.count >= MAX_ANSWERS_PER_TICK || spent.bytes >= MAX_ANSWER_BYTES_PER_TICK) return false
  spent.count++
  spent.bytes += bytes
  return true
}

/** Of the order of the encoded size, without encoding: what grows is counted, the rest is one allowance. */
function roughBytes(message: Message): number {
  const fixed = 512
  switch (message.kind) {
    case 'pre-prepare':
    case 'block':
      return fixed + roughBodyBytes(message.block.body)
    case 'new-view':
      return fixed + 256 * message.viewChanges.length + signatureBytesOf(message.certificate)
    case 'certificate':
    case 'view-change':
      return fixed + signatureBytesOf(message.certificate)
    case 'sum':
    case 'vote':
    case 'status':
    case 'fetch':
    case 'blocks':
    case 'view-claim':
    case 'snapshot':
    case 'chunk':
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'compact-pre-prepare':
      return fixed // those after VIEW-CLAIM are the replica's to send, and to count
    case 'evidence':
      return fixed + message.evidence.length
    case 'block-transactions':
      return message.transactions.reduce((sum, { bytes }) => sum + bytes.length + 8, fixed)
  }
}

/**
 * What helps a peer that is behind in views: the NEW-VIEW that proves ours, or our own wish to change. However often it shows
 * that it is behind, it is told the same at growing intervals only: a link slower than a tick would fill up with repetitions,
 * each of which is answered in its turn. A NEW-VIEW is the same whoever sends it: its leader does, and who stands in; one's own
 * wish nobody else can send.
 */
export function answerWithView(state: State, peer: ValidatorIndex): void {
  const message = viewToTell(state)
  if (message === null || !isViewDue(state, peer, message)) return
  if (message.kind === 'new-view' && !isLeader(state) && !standsIn(placeOf(state), peer, state.tick)) return
  if (answer(state, peer, message)) noteViewTold(state, peer, message)
}

function viewToTell(state: State): ViewChange | NewView | null {
  return state.phase.kind === 'changing' ? state.phase.viewChange : state.phase.newView
}

function isViewDue(state: State, peer: ValidatorIndex, message: ViewChange | NewView): boolean {
  const told = state.toldView[peer]
  return told?.about !== message || state.tick >= told.dueTick
}

/** A message to all counts as one to each: nobody is told again before the next tick. */
export function noteViewToldToAll(state: State, message: ViewChange | NewView): void {
  state.toldView.fill(backOff(state, message, state.tick))
  state.toldView[state.config.self] = undefined
}

function noteViewTold(state: State, peer: ValidatorIndex, message: ViewChange | NewView): void {
  const told = state.toldView[peer]
  state.toldView[peer] = backOff(state, message, told?.about === message ? told.sinceTick : state.tick)
}

function backOff<T>(state: State, about: T, sinceTick: number): BackOff<T> {
  const gapTicks = Math.min(MAX_GAP_TICKS, Math.max(1, state.tick - sinceTick))
  return { about, sinceTick, dueTick: state.tick + gapTicks }
}

export function onStatusTick(state: State): void {
  state.tick++
  state.answersThisTick.clear()
  state.out.push({ kind: 'set-timer', timer: 'status', afterMs: state.config.timers.statusMs })
  const alone = state.config.validators.validators.length === 1 && (state.config.epochLength ?? 0) === 0
  if (isMember(state) && !alone) {
    tellStatus(state)
    askLaterEpochs(state)
  }
  resendViewChange(state)
  for (const wanted of state.missing.values()) requestBlock(state, wanted)
  syncIfBehind(state)
  retryAborted(state) // behind: what comes of asking again may be what it lacked, the gas of its proofs
  state.lastTick = { atMs: state.nowMs, committedBefore: state.committedAtTick, laterEpoch: new Set(state.laterEpoch) }
  state.laterEpoch.clear()
  state.committedAtTick = state.committed.height
}

/**
 * With many validators only some hear where we stand, in turn. Everybody does when we wait for something, for that is when we need
 * them: at once, and then at growing intervals for as long as it is the same.
 */
function tellStatus(state: State): void {
  const message = statusOf(state)
  const some = circleOf(placeOf(state), state.tick)
  if (some === 'all') return void state.out.push({ kind: 'send', to: 'all', message })
  state.lastStatus = message
  if (isWaitDue(state)) state.out.push({ kind: 'send', to: 'all', message })
  else for (const to of some) state.out.push({ kind: 'send', to, message })
  state.heardMore = false
}

function isWaitDue(state: State): boolean {
  const { phase, complaint, committed, committedAtTick, saidToAll } = state
  const isStuck = committed.height === committedAtTick && (state.heardMore || hasWork(state))
  if (phase.kind === 'active' && complaint === null && !isStuck) {
    state.saidToAll = undefined
    return false
  }
  const about = `${state.view} ${phase.kind} ${complaint} ${committed.height}`
  const isKnown = saidToAll?.about === about
  if (isKnown && state.tick < saidToAll.dueTick) return false
  state.saidToAll = backOff(state, about, isKnown ? saidToAll.sinceTick : state.tick)
  return true
}

/** Whether a peer has something that we could get from it. */
function showsMore(state: State, status: Status): boolean {
  if (status.view > state.view || status.committedHeight > state.committed.height) return true
  return status.slots.some(({ height: at, accepted }) => accepted !== null && at > state.committed.height && !state.accepted.has(at))
}

/** Our STATUS asks whoever is in a later epoch for committed blocks, once (`onForeign`); it may be no validator there, and send none. */
function askLaterEpochs(state: State): void {
  if ((state.config.epochLength ?? 0) === 0) return
  for (const peer of otherValidators(state)) if ((state.blocksAsked.get(peer) ?? 0) === 0) state.blocksAsked.set(peer, 1)
}

/** For how many ticks at most nothing is said again to a peer. */
export function longestGapMs(state: State): number {
  return MAX_GAP_TICKS * state.config.timers.statusMs
}

/** In how many ticks, one at least, our wish for a view is said to somebody again. */
export function ticksToRepetition(state: State): number {
  const wish = viewToTell(state)
  const due = otherValidators(state).map((peer) => {
    const told = state.toldView[peer]
    return told !== undefined && told.about === wish ? told.dueTick : 0
  })
  return Math.max(1, Math.min(...due) - state.tick)
}

/** Sent again 1, 2, 4 and 8 ticks after it began, then every eighth, to each peer that was not told meanwhile (trap B7). */
function resendViewChange(state: State): void {
  const { phase } = state
  if (phase.kind !== 'changing') return
  const message = phase.viewChange
  const others = otherValidators(state)
  const due = others.filter((peer) => isViewDue(state, peer, message))
  if (due.length === others.length) state.out.push({ kind: 'send', to: 'all', message })
  else for (const to of due) state.out.push({ kind: 'send', to, message })
  for (const peer of due) noteViewTold(state, peer, message)
}

export function statusOf(state: State): Status {
  const slots: StatusSlot[] = []
  const count = state.config.validators.validators.length
  const last = Math.min(state.committed.height + state.config.window, state.committed.height + MAX_STATUS_SLOTS)
  const heights = new Set<Height>(state.accepted.keys())
  for (const at of state.votes.heightsIn(state.view)) if (at > state.committed.height && at <= last) heights.add(at)
  for (const at of [...heights].sort((a, b) => a - b)) {
    const slot = state.votes.slot(state.view, at)
    const accepted = state.accepted.get(at) ?? null
    const prepares = bitmapOf(count, slot === undefined ? [] : sendersOf(slot.prepare))
    const commits = bitmapOf(count, slot === undefined ? [] : sendersOf(slot.commit))
    slots.push({ height: at, accepted, prepares, commits })
  }
  const unsigned = {
    kind: 'status' as const,
    epoch: state.config.validators.epoch,
    view: state.view,
    phase: state.phase.kind,
    committedHeight: state.committed.height,
    slots,
    complaint: state.complaint,
    sender: state.config.self,
  }
  return { ...unsigned, signature: state.config.sign(statusBytes(state.config.chainId, unsigned)) }
}

export function onStatus(state: State, from: ValidatorIndex, status: Status): void {
  if (status.sender !== from) return ignore(state, 'status', 'relayed')
  noteStatus(state, from, status)
  considerComplaints(state)
  if (!isSmall(placeOf(state))) onStatusOfMany(state, from, status)
  if (status.view < state.view || (status.view === state.view && status.phase === 'changing')) answerWithView(state, from)
  if (status.view === state.view && status.phase === 'active' && state.phase.kind === 'active') answerStatus(state, from, status)
}

/** Who is behind has to know that (`isLaggard`), and our turn to tell it may come late. */
function onStatusOfMany(state: State, peer: ValidatorIndex, status: Status): void {
  const { lastStatus } = state
  state.heardMore ||= showsMore(state, status)
  if (lastStatus !== undefined && lastStatus.committedHeight > status.committedHeight) answer(state, peer, lastStatus)
}

/**
 * A STATUS that says what the last one said shows that the answer has not arrived yet, or does not help: it is repeated at
 * growing intervals. Signatures are deterministic, so equal words have equal signatures.
 */
function answerStatus(state: State, peer: ValidatorIndex, status: Status): void {
  const last = state.answeredStatus[peer]
  const isRepeated = last !== undefined && equalBytes(last.about, status.signature)
  if (isRepeated && state.tick < last.dueTick) return
  const before = state.out.length
  retransmit(state, peer, status)
  const helped = state.out.length > before
  state.answeredStatus[peer] = helped ? backOff(state, status.signature, isRepeated ? last.sinceTick : state.tick) : undefined
}

/**
 * What we hold of this view and the peer does not, unless it is so new that it may still be on its way. With many validators
 * what others have said is left to them for a tick more, and then to those who stand in for them: N holders of N votes that a peer
 * lacks would send it N^2.
 */
function retransmit(state: State, peer: ValidatorIndex, status: Status): void {
  const { self } = state.config
  const place = placeOf(state)
  const from = Math.max(state.committed.height, status.committedHeight) + 1
  for (const at of state.votes.heightsIn(state.view)) {
    if (at < from || (at > state.committed.height + state.config.window && !state.accepted.has(at))) continue
    const slot = state.votes.slot(state.view, at)
    if (slot === undefined || slot.openedAtTick >= state.tick) continue
    const have = status.slots.findLast((theirs) => theirs.height === at)
    const isLeft = !allStandIn(place) && slot.openedAtTick + 1 >= state.tick
    const sendsProposal = isLeader(state) || (!isLeft && standsIn(place, peer, state.tick))
    const bringsCertificate = state.dissemination !== 'mesh' && (isCollector(state, at) || (!isLeft && standsIn(place, peer, state.tick)))
    if ((have === undefined || have.accepted === null) && sendsProposal) retransmitProposal(state, peer, at, slot)
    const authors = isLeft ? [self] : withSelf(stoodInFor(place, state.tick), self)
    for (const phase of ['prepare', 'commit'] as const) {
      const certificate = bringsCertificate ? certificateLacked(slot[phase], have?.[`${phase}s`]) : undefined
      if (certificate !== undefined) {
        answer(state, peer, { kind: 'certificate', certificate })
        continue
      }
      for (const author of authors) {
        const vote = slot[phase].bySender[author]
        if (vote === undefined || vote.sender === peer) continue
        if (have === undefined || !hasBit(phase === 'prepare' ? have.prepares : have.commits, vote.sender))
          answer(state, peer, { kind: 'vote', vote })
      }
    }
  }
}

function isCollector(state: State, at: Height): boolean {
  return collectorsOf(state.config.validators, state.view, at).includes(state.config.self)
}

/** One message instead of the votes in it. Who has all of those needs it no more. */
function certificateLacked({ tallies }: PhaseVotes, have: Bitmap | undefined): Certificate | undefined {
  const certificate = tallies.find((tally) => tally.certificate !== null)?.certificate ?? undefined
  const isHeld = certificate !== undefined && have !== undefined && indicesOf(certificate.signers).every((signer) => hasBit(have, signer))
  return isHeld ? undefined : certificate
}

/** Ascending, as they are. */
function withSelf(authors: readonly number[], self: number): readonly number[] {
  if (authors.includes(self)) return authors
  const before = authors.filter((author) => author < self)
  return [...before, self, ...authors.slice(before.length)]
}

function retransmitProposal(state: State, peer: ValidatorIndex, at: Height, slot: Slot): void {
  const proposal = acceptedProposal(state, at, slot)
  if (proposal !== undefined) answer(state, peer, proposal)
}

/** The PRE-PREPARE accepted at a height, put together again from the block and the leader's PREPARE. */
export function acceptedProposal(state: State, at: Height, slot: Slot): PrePrepare | undefined {
  const hash = state.accepted.get(at)
  const entry = hash === undefined ? undefined : entryOf(state, hash)
  const vote = slot.prepare.bySender[leaderOf(state.config.validators, state.view)]
  if (entry === undefined || vote === undefined || !equalBytes(vote.blockHash, entry.block.hash)) return undefined
  return proposalOf(vote, entry.block)
}

export function heldBlock(state: State, hash: Hash): Block | undefined {
  return entryOf(state, hash)?.block ?? state.recentBlocks.get(keyOf(hash))
}

export function onFetch(
  state: State,
  from: ValidatorIndex,
  message: Extract<Fetch, { want: 'committed' | 'block' | 'transactions' }>,
): void {
  if (message.want === 'committed') {
    if (message.from <= state.committed.height) serve(state, from, message.from)
    return
  }
  const block = heldBlock(state, message.hash)
  if (block === undefined) return
  if (message.want === 'block') answer(state, from, { kind: 'block', block })
  else answerWithTransactions(state, from, block, message.positions)
}

/** Those that the block has: a compact proposal names as many as its header's root is over, or it is a lie. */
function answerWithTransactions(state: State, peer: ValidatorIndex, { hash, body }: Block, positions: readonly number[]): void {
  const transactions = positions.flatMap((position) => {
    const bytes = body.transactions[position]
    return bytes === undefined ? [] : [{ position, bytes }]
  })
  if (transactions.length > 0) answer(state, peer, { kind: 'block-transactions', hash, transactions })
}

/** A body by hash: only what we asked for, so nobody can fill our memory with blocks of their own. */
export function onBlock(state: State, message: { readonly block: Blocks['blocks'][number] }): void {
  if (!state.missing.has(keyOf(message.block.hash))) return ignore(state, 'block', 'not asked for')
  onBody(state, message.block)
}

/** Certified blocks; the edge has checked the certificate and the chain up to it. */
export function onBlocks(state: State, from: ValidatorIndex, message: Blocks): void {
  state.blocksAsked.set(from, Math.max(0, (state.blocksAsked.get(from) ?? 0) - 1))
  const usable = message.blocks.filter((block) => block.header.height > state.committed.height)
  const first = usable[0]
  if (first === undefined) return ignore(state, 'blocks', 'nothing new')
  if (first.header.height !== state.committed.height + 1) return ignore(state, 'blocks', 'not on top of the committed block')
  state.sync = null
  try {
    keepLinks(state, message.links, message.certificate)
    const skipped = message.blocks.length - usable.length
    for (const [position, block] of usable.entries()) onBodyFromSync(state, block, message, message.gas?.[skipped + position] ?? null)
    learnCommit(state, message.certificate)
    commitReady(state)
  } catch (error) {
    if (error instanceof ForkFound) error.headers.push(...message.blocks.map(({ header }) => header), ...message.links)
    throw error
  }
  const last = usable.at(-1)?.header.height ?? 0
  // Whoever gives little, late, asked or not, costs its turn (trap E4): who answers in full has one again.
  const isMore = claimedBy(state, from) > last || isWeakQuorumBeyond(state, last)
  const peer = isMore ? nextInTurn(state, peersBeyond(state, last)) : undefined
  if (peer !== undefined) requestSync(state, peer, height(last + 1))
}

function onBodyFromSync(state: State, block: Blocks['blocks'][number], message: Blocks, gas: readonly number[] | null): void {
  onBody(state, block, gas)
  if (block.header.height <= state.committed.height) return
  markCommitted(state, block.hash, block.header.height, message.certificate)
}

/** Asks for a body: by hash if it is near, as part of the committed chain if we are far behind. */
export function askForBlock(state: State, hash: Hash, at: Height, likely?: ValidatorIndex): void {
  const key = keyOf(hash)
  // It may have come since it was found missing: in the same answer as whatever wanted it.
  if (state.blocks.has(key) || state.missing.has(key) || state.missing.size >= MAX_MISSING) return
  if (at > state.committed.height + state.config.window && state.certified.size > 0) return syncIfBehind(state)
  const wanted = { hash, height: at, tries: 0 }
  state.missing.set(key, wanted)
  if (likely !== undefined && likely !== state.config.self)
    state.out.push({ kind: 'send', to: likely, message: { kind: 'fetch', want: 'block', hash } })
  else requestBlock(state, wanted)
}

/** Round robin over the others, starting next to ourselves. */
function requestBlock(state: State, wanted: { readonly hash: Hash; tries: number }): void {
  const others = otherValidators(state)
  const peer = others[(state.config.self + wanted.tries) % Math.max(1, others.length)]
  wanted.tries++
  if (peer !== undefined) state.out.push({ kind: 'send', to: peer, message: { kind: 'fetch', want: 'block', hash: wanted.hash } })
}

/**
 * A peer has committed more than we have, and we did not move since the last tick: fetch. Peers take turns, so one that
 * claims a height and does not deliver costs a tick, not progress (trap E4).
 */
export function syncIfBehind(state: State): void {
  if (state.committed.height !== state.committedAtTick || state.sync?.tick === state.tick) return
  if (isNextAtWork(state)) return poll(state)
  const ahead = peersBeyond(state, state.committed.height)
  ahead.push(...[...state.laterEpoch].filter((peer) => !ahead.includes(peer)).sort((a, b) => a - b))
  const peer = nextInTurn(state, ahead)
  if (peer !== undefined) requestSync(state, peer, height(state.committed.height + 1))
  poll(state)
}

/**
 * Who is no validator sends no STATUS, so nobody knows what it lacks; and the epoch's validators may all be behind and wait
 * for it to join them in the next one. It asks one of them, in turn, whether there is more.
 */
function poll(state: State): void {
  if (isMember(state)) return
  const others = otherValidators(state)
  const to = others[state.tick % Math.max(1, others.length)]
  const from = height(state.committed.height + 1)
  if (to === undefined) return
  noteAsked(state, to)
  state.out.push({ kind: 'send', to, message: { kind: 'fetch', want: 'committed', from } })
}

/**
 * A weak quorum says that it has committed more than we have: one of them is honest, so the leader does its work and the fault
 * is on our side. Catching up is then the cure, not a view change, which would take our vote out of the view (docs/protocol.md §8).
 */
export function isLaggard(state: State): boolean {
  return isWeakQuorumBeyond(state, state.committed.height)
}

function isWeakQuorumBeyond(state: State, at: number): boolean {
  const { validators } = state.config
  let power = 0n
  for (const [index, status] of state.statuses.entries()) {
    if (status !== undefined && status.committedHeight > at) power += validators.validators[index]?.power ?? 0n
  }
  return isWeakQuorum(validators, power)
}

/**
 * A weak quorum is far beyond us, or in a later epoch. What waits here is in all likelihood final there already, and the line is needed for
 * asking what is not here. Far is more than a window, and more than we commit in two ticks: on a fast chain a window is a moment.
 */
export function isFarBehind(state: State): boolean {
  const { validators, window } = state.config
  const far = Math.max(window, state.committed.height - state.lastTick.committedBefore)
  let powerAhead = 0n
  for (const [index, { power: own }] of validators.validators.entries()) {
    const ahead = (state.statuses[index]?.committedHeight ?? 0) - state.committed.height
    const isLater = state.laterEpoch.has(index as ValidatorIndex) || state.lastTick.laterEpoch.has(index as ValidatorIndex)
    if (ahead > far || isLater) powerAhead += own
  }
  return isWeakQuorum(validators, powerAhead)
}

/** Who lacks, by its newest STATUS, more than a window of what we had committed a tick before our last one: it said so after that, if it says so at every tick. */
export function peersFarBehind({ statuses, lastTick, config }: State): ValidatorIndex[] {
  return statuses.flatMap((status, index) =>
    status !== undefined && status.committedHeight + config.window < lastTick.committedBefore ? [index as ValidatorIndex] : [],
  )
}

/** What it says last that it has committed. */
function claimedBy(state: State, peer: ValidatorIndex): number {
  return state.statuses[peer]?.committedHeight ?? 0
}

function peersBeyond(state: State, at: number): ValidatorIndex[] {
  return otherValidators(state).filter((peer) => claimedBy(state, peer) > at)
}

function nextInTurn(state: State, peers: readonly ValidatorIndex[]): ValidatorIndex | undefined {
  return peers[state.syncTries % Math.max(1, peers.length)]
}

function noteAsked(state: State, peer: ValidatorIndex): void {
  state.blocksAsked.set(peer, Math.min(MAX_BLOCKS_ASKED, (state.blocksAsked.get(peer) ?? 0) + 1))
}

function requestSync(state: State, peer: ValidatorIndex, from: Height): void {
  state.syncTries++
  noteAsked(state, peer)
  state.sync = { committedHeight: state.committed.height, tick: state.tick }
  emit(state, { name: 'fetching', peer, from })
  state.out.push({ kind: 'send', to: peer, message: { kind: 'fetch', want: 'committed', from } })
}

/** The next block is here, proven committed, and being executed: whoever were asked would send it again, and all that follow it here. */
function isNextAtWork(state: State): boolean {
  const next = state.certified.get(height(state.committed.height + 1))
  return next !== undefined && entryOf(state, next.hash)?.status === 'validating'
}

/** What an answer brought is committed, and others are in a later epoch: the next answer is asked for without waiting for them to speak. */
export function goOnWithLaterEpoch(state: State): void {
  if (state.sync !== null || state.committed.height === state.lastHeight || isNextAtWork(state)) return
  const ahead = [...state.laterEpoch].sort((a, b) => a - b)
  const peer = nextInTurn(state, ahead)
  if (peer !== undefined) requestSync(state, peer, height(state.committed.height + 1))
}

/** On a fresh connection the peer learns where we stand at once (among many in its turn), and whether we wait for a new view. */
export function onConnected(state: State, peer: ValidatorIndex): void {
  if (!isMember(state)) return
  state.toldView[peer] = undefined // what was sent before may be lost
  state.answeredStatus[peer] = undefined
  const some = circleOf(placeOf(state), state.tick)
  if (some === 'all' || some.includes(peer)) answer(state, peer, statusOf(state))
  if (state.phase.kind === 'changing') answerWithView(state, peer)
}

/**
 * A message of another epoch, unchecked: only its sender's channel and its claim matter. Who is in a later epoch has the last
 * block of ours and can serve it; who is in an earlier one lacks it, and we may be the only one left that has it (trap J3).
 */
export function onForeign(state: State, from: ValidatorIndex, of: Epoch, committedHeight: Height | null): void {
  if (of > state.config.validators.epoch) {
    state.laterEpoch.add(from)
    // The first hint at once, then in turn with others at status ticks: one that lies costs a tick (trap E4).
    if (state.sync === null && !isNextAtWork(state)) requestSync(state, from, height(state.committed.height + 1))
  } else if (committedHeight !== null && committedHeight < state.committed.height) serve(state, from, height(committedHeight + 1))
}
