/**
 * Proposals by the ids of their transactions (protocol.md §9): what a leader sends instead of the whole, and how whoever receives it puts the block
 * together. One that is not together yet counts, for everything else, as one that has not come; only its leader's vote counts at once.
 */
import { equalBytes, type Hash, type Height, keyOf, type Refusal, type ValidatorIndex, type View } from '@aethel/codec'
import {
  type Block,
  type BlockTransactions,
  type CompactPrePrepare,
  completeProposal,
  type Fetch,
  heldCompactBytes,
  MAX_POSITIONS,
  type NamedTransaction,
  type PrePrepare,
  proposalWith,
  type Verified,
  type VoteMessage,
  voteIn,
} from '@aethel/consensus'
import { transactionIdOf } from './application.js'
import type { CompactWhen, ProposalEvent } from './interface.js'

/** Beside its bytes, a transaction in a whole block has a length; an id has a form. One that is no longer than an id goes itself. */
const ID_BYTES = 33
const LENGTH_BYTES = 4
/** A proposal goes compact if that saves so much of it, at each receiver: less would be a packet or two, and might cost a round trip. */
const COMPACT_FROM_BYTES = 4096
/** Of proposals that are being put together, for each of two views: as much as of whole ones that are ahead (`MAX_EARLY_BYTES`). */
export const MAX_AWAITED_BYTES: number = 64 * 1024 * 1024
/** Asked for what is missing: the sender twice, in case one of the two was lost, then two others; from then on somebody for the whole block, in turn. */
const TRIES_AT_SENDER = 2
const TRIES_FOR_PARTS = 4
/** A leader whose proposal a weak quorum could not put together without asking sends so many whole. */
export const WHOLE_AFTER_ASKING = 32
/** Own compact proposals of which it is known who has asked. */
const MAX_ASKED_ABOUT = 64

export interface CompactHost {
  readonly when: CompactWhen
  /** Of a block of this chain. */
  readonly blockBytes: number
  readonly view: View
  readonly committed: Height
  /** Validators of the epoch that can be reached. */
  readonly peers: readonly ValidatorIndex[]
  /** In the mempool, on the way there, or decoded just now: by `keyOf(id)`. */
  known(idKey: string): Uint8Array | undefined
  /** Held by consensus. */
  block(hash: Hash): Block | undefined
  /** Of the transactions of an executed block, in order. */
  idsOf(hash: Hash): readonly Hash[] | undefined
  isWeakQuorum(peers: ReadonlySet<ValidatorIndex>): boolean
  ask(peer: ValidatorIndex, wish: Fetch): void
  deliver(from: ValidatorIndex, message: Verified<PrePrepare> | Verified<VoteMessage>): void
  blame(peer: ValidatorIndex, refusal: Refusal): void
  emit(event: ProposalEvent): void
}

/** A proposal that is being put together; the first of its slot stands. */
interface Awaited {
  readonly message: Verified<CompactPrePrepare>
  /** Its leader. */
  readonly from: ValidatorIndex
  /** By position. */
  readonly bodies: (Uint8Array | undefined)[]
  /** Positions by `keyOf(id)`. */
  readonly missing: Map<string, number>
  /** With what was found for it. */
  bytes: number
  tries: number
  askedAtTick: number
  /** Asked for missing transactions, and not answered yet. */
  readonly asked: Set<ValidatorIndex>
  /** The ids are not those of the header: only the whole block helps. */
  isHopeless: boolean
}

/** For whoever asks what is waited for. */
export interface AwaitedProposal {
  readonly view: View
  readonly height: Height
  readonly transactions: number
  readonly from: ValidatorIndex
}

export class CompactProposals {
  readonly #host: CompactHost
  /** By view and height. */
  readonly #awaited = new Map<string, Awaited>()
  /** Who has asked for transactions of our own proposals: by `keyOf(hash)`. */
  readonly #askers = new Map<string, Set<ValidatorIndex>>()
  #wholeFor = 0
  #tick = 0

  constructor(host: CompactHost) {
    this.#host = host
  }

  // --- a leader's side ------------------------------------------------------------------------------------------------

  /** How a proposal to all goes out: as it is, or compact if that saves enough. What goes to one alone has been missed by it, and is whole. */
  outgoing(proposal: PrePrepare): PrePrepare | CompactPrePrepare {
    if (this.#wholeFor > 0) {
      this.#wholeFor--
      return proposal
    }
    const { block } = proposal
    if (!this.#goesCompact(block.body.transactions)) return proposal
    const key = keyOf(block.hash)
    this.#askers.delete(key)
    this.#askers.set(key, new Set())
    for (const oldest of this.#askers.keys()) {
      if (this.#askers.size <= MAX_ASKED_ABOUT) break
      this.#askers.delete(oldest)
    }
    return compactOf(proposal, this.#host.when === 'always' ? 'all' : 'long', this.#host.idsOf(block.hash))
  }

  #goesCompact(transactions: readonly Uint8Array[]): boolean {
    switch (this.#host.when) {
      case 'never':
        return false
      case 'always':
        return transactions.length > 0
      case 'where-it-saves':
        return transactions.reduce((saved, bytes) => saved + Math.max(0, savedBy(bytes)), 0) >= COMPACT_FROM_BYTES
    }
  }

  /** A peer lacks a block, or transactions of it: if it is a proposal of ours, and many do, the next go whole. */
  noteAsked(from: ValidatorIndex, hash: Hash): void {
    const askers = this.#askers.get(keyOf(hash))
    if (askers === undefined || askers.has(from)) return
    askers.add(from)
    if (!this.#host.isWeakQuorum(askers)) return
    this.#askers.clear()
    this.#wholeFor = WHOLE_AFTER_ASKING
  }

  // --- what comes -----------------------------------------------------------------------------------------------------

  /** Whether it is another than the one of its slot that is being put together: that one's vote is evidence. */
  wants(message: CompactPrePrepare): boolean {
    const awaited = this.#awaited.get(slotOf(message))
    return awaited === undefined || !isFor(awaited, message.hash)
  }

  wantsBlock(hash: Hash): boolean {
    return this.#of(hash).length > 0
  }

  wantsTransactions(from: ValidatorIndex, hash: Hash): boolean {
    return this.#of(hash).some(({ asked }) => asked.has(from))
  }

  /** `beside`: transactions that have come and were not looked at yet, by `keyOf(id)`. The edge has let it pass, and its leader has sent it. */
  onProposal(from: ValidatorIndex, message: Verified<CompactPrePrepare>, beside: ReadonlyMap<string, Uint8Array> | undefined): void {
    this.#dropWhatIsOver()
    const slot = slotOf(message)
    const first = this.#awaited.get(slot)
    if (first !== undefined) {
      if (!isFor(first, message.hash)) this.#host.deliver(from, voteIn(message))
      return
    }
    const block = this.#host.block(message.hash)
    if (block !== undefined) return this.#host.deliver(from, proposalWith(message, block))
    const awaited = this.#lookUp(from, message, beside)
    if (!awaited.isHopeless && awaited.missing.size === 0 && this.#complete(slot, awaited)) return
    const hasRoom = this.#bytesOf(message.view) + awaited.bytes <= MAX_AWAITED_BYTES
    if (hasRoom) this.#awaited.set(slot, awaited)
    this.#host.deliver(from, voteIn(message))
    this.#dropWhatIsOver() // the vote may have ended the view
    if (this.#awaited.get(slot) !== awaited) return // it comes again, whole, for whoever says that it lacks it
    const { height } = message.header
    this.#host.emit({ name: 'proposal-awaits-transactions', height, hash: message.hash, from, transactions: awaited.missing.size })
    this.#ask(awaited)
  }

  #lookUp(from: ValidatorIndex, message: Verified<CompactPrePrepare>, beside: ReadonlyMap<string, Uint8Array> | undefined): Awaited {
    const bodies: (Uint8Array | undefined)[] = []
    const missing = new Map<string, number>()
    const names = new Set<string>()
    let [bytes, isHopeless] = [0, false]
    for (const [position, named] of message.transactions.entries()) {
      const key = keyOf('id' in named ? named.id : transactionIdOf(named.bytes))
      isHopeless ||= names.has(key)
      names.add(key)
      const body = 'id' in named ? (this.#host.known(key) ?? beside?.get(key)) : named.bytes
      bodies.push(body)
      if (body === undefined) missing.set(key, position)
      else bytes += body.length
    }
    // No block that is good repeats a transaction or is larger; and to hash what a few ids stand for could take seconds.
    isHopeless ||= bytes > this.#host.blockBytes
    const awaited: Awaited = {
      message,
      from,
      bodies,
      missing,
      bytes: bytes + heldCompactBytes(message),
      tries: 0,
      askedAtTick: this.#tick,
      asked: new Set(),
      isHopeless: false,
    }
    if (isHopeless) this.#giveUpOnIds(awaited, 'expected different transactions of no more bytes than a block may hold, got others')
    return awaited
  }

  /** Transactions that have just come, in whatever way. */
  onTransactions(transactions: readonly { readonly idKey: string; readonly bytes: Uint8Array }[]): void {
    for (const [slot, awaited] of this.#underWay()) {
      for (const { idKey, bytes } of transactions) this.#fill(awaited, idKey, bytes)
      this.#goOn(slot, awaited)
    }
  }

  /** What was asked of this peer. Bytes of another id show that the ids, or the peer, lie: the whole block decides. */
  onAnswer(from: ValidatorIndex, { hash, transactions }: BlockTransactions): void {
    for (const [slot, awaited] of this.#underWay()) {
      if (!isFor(awaited, hash) || !awaited.asked.delete(from) || awaited.isHopeless) continue
      for (const { position, bytes } of transactions) {
        if (awaited.bodies[position] !== undefined || this.#fill(awaited, keyOf(transactionIdOf(bytes)), bytes)) continue
        this.#forgetIds(awaited)
        break
      }
      if (awaited.isHopeless) this.#ask(awaited)
      else this.#goOn(slot, awaited)
    }
  }

  onBlock(block: Block): void {
    for (const [slot, awaited] of this.#underWay()) if (isFor(awaited, block.hash)) this.#finish(slot, awaited, block)
  }

  /** What was asked for and has not come within a tick is asked for again; consensus may have got the block in another way. */
  onTick(): void {
    this.#tick++
    this.#dropWhatIsOver()
    for (const [slot, awaited] of this.#underWay()) {
      const block = this.#host.block(awaited.message.hash)
      if (block !== undefined) this.#finish(slot, awaited, block)
      else if (awaited.askedAtTick + 1 < this.#tick) this.#ask(awaited)
    }
  }

  /** An epoch has begun, or a state was taken over. */
  clear(): void {
    this.#awaited.clear()
    this.#askers.clear()
  }

  /** What the next height waits for. */
  awaitedAt(height: Height): AwaitedProposal | null {
    const { view } = this.#host
    const awaited = this.#awaited.get(`${view}/${height}`)
    return awaited === undefined ? null : { view, height, transactions: awaited.missing.size, from: awaited.from }
  }

  get size(): number {
    return this.#awaited.size
  }

  get bytes(): number {
    let bytes = 0
    for (const awaited of this.#awaited.values()) bytes += awaited.bytes
    return bytes
  }

  // --- putting together -----------------------------------------------------------------------------------------------

  /** True if it was missing. */
  #fill(awaited: Awaited, idKey: string, bytes: Uint8Array): boolean {
    const position = awaited.missing.get(idKey)
    if (position === undefined) return false
    awaited.missing.delete(idKey)
    awaited.bodies[position] = bytes
    awaited.bytes += bytes.length
    return true
  }

  /** What one of them leads to may end others: a view, an epoch. */
  *#underWay(): Iterable<readonly [string, Awaited]> {
    for (const entry of [...this.#awaited]) if (this.#awaited.get(entry[0]) === entry[1]) yield entry
  }

  #goOn(slot: string, awaited: Awaited): void {
    if (this.#bytesOf(awaited.message.view) > MAX_AWAITED_BYTES) this.#awaited.delete(slot)
    else if (awaited.missing.size === 0 && !awaited.isHopeless && !this.#complete(slot, awaited)) this.#ask(awaited)
  }

  /** Only what the header's root is over leaves this file. */
  #complete(slot: string, awaited: Awaited): boolean {
    const { message, from, bodies } = awaited
    const proposal = completeProposal(message, bodies as Uint8Array[])
    if (!proposal.ok) {
      this.#giveUpOnIds(awaited, proposal.error.message)
      return false
    }
    this.#awaited.delete(slot)
    this.#host.deliver(from, proposal.value)
    return true
  }

  #finish(slot: string, { message, from }: Awaited, block: Block): void {
    this.#awaited.delete(slot)
    this.#host.deliver(from, proposalWith(message, block))
  }

  /** An honest leader's ids lead to its header's root, here as everywhere. */
  #giveUpOnIds(awaited: Awaited, why: string): void {
    this.#forgetIds(awaited)
    this.#host.blame(awaited.from, {
      code: 'proposal-ids',
      message: `expected the ids of the transactions under the header's root: ${why}`,
    })
  }

  /** The block is asked for by its hash from here on. */
  #forgetIds(awaited: Awaited): void {
    awaited.isHopeless = true
    awaited.bodies.length = 0
    awaited.missing.clear()
    awaited.bytes = heldCompactBytes(awaited.message)
  }

  #ask(awaited: Awaited): void {
    const { message, from, missing } = awaited
    const others = this.#host.peers.filter((peer) => peer !== from)
    const peer =
      awaited.tries < TRIES_AT_SENDER && !awaited.isHopeless ? from : (others[awaited.tries % Math.max(1, others.length)] ?? from)
    const asksForParts = awaited.tries < TRIES_FOR_PARTS && !awaited.isHopeless && missing.size <= MAX_POSITIONS
    awaited.tries++
    awaited.askedAtTick = this.#tick
    if (asksForParts) {
      awaited.asked.add(peer)
      const positions = [...missing.values()].sort((a, b) => a - b)
      this.#host.ask(peer, { kind: 'fetch', want: 'transactions', hash: message.hash, positions })
    } else this.#host.ask(peer, { kind: 'fetch', want: 'block', hash: message.hash })
  }

  // --- bounds ---------------------------------------------------------------------------------------------------------

  /** Of views that were left, and of heights that are committed. */
  #dropWhatIsOver(): void {
    const { view, committed } = this.#host
    for (const [slot, { message }] of this.#awaited)
      if (message.view < view || message.header.height <= committed) this.#awaited.delete(slot)
  }

  #bytesOf(view: View): number {
    let bytes = 0
    for (const awaited of this.#awaited.values()) if (awaited.message.view === view) bytes += awaited.bytes
    return bytes
  }

  #of(hash: Hash): Awaited[] {
    return [...this.#awaited.values()].filter((awaited) => isFor(awaited, hash))
  }
}

function slotOf({ view, header }: CompactPrePrepare): string {
  return `${view}/${header.height}`
}

function isFor({ message }: Awaited, hash: Hash): boolean {
  return equalBytes(message.hash, hash)
}

/** Less of a transaction, if its id stands for it. */
function savedBy({ length }: Uint8Array): number {
  return length + LENGTH_BYTES - ID_BYTES
}

/** By their ids go all transactions, or those that are longer than one; `ids`: if they are known already. */
export function compactOf(proposal: PrePrepare, which: 'all' | 'long', ids?: readonly Hash[]): CompactPrePrepare {
  const { epoch, view, sender, signature, share, block } = proposal
  const { transactions, evidence, lastCertificate } = block.body
  const named = transactions.map(
    (bytes, position): NamedTransaction =>
      which === 'long' && savedBy(bytes) <= 0 ? { bytes } : { id: ids?.[position] ?? transactionIdOf(bytes) },
  )
  return {
    kind: 'compact-pre-prepare',
    epoch,
    view,
    header: block.header,
    hash: block.hash,
    transactions: named,
    evidence,
    lastCertificate,
    sender,
    signature,
    ...(share === undefined ? {} : { share }),
  }
}
