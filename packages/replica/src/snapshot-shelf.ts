/**
 * The states that peers can have from here (protocol.md §7). Every `everyBlocks`-th one is kept, the newest two of them, at the same
 * heights by every replica: so several peers serve one state, and who fetches the older one is not left alone when the next one
 * comes (trap D4). Until the first such height after a start it is the state of the start, so that a quiet chain has one to
 * give, too (trap D5). A state that somebody is fetching stays a while longer. States share structure: keeping one costs what
 * has changed since.
 */
import { type Epoch, type Height, height, type ValidatorIndex } from '@aethel/codec'
import {
  type Certificate,
  type ChunkMessage,
  encodeHeaders,
  type Fetch,
  HEADERS_LANE,
  type Header,
  headersBelow,
  MAX_DESCENDANTS,
  RECENT_HASHES,
  type SnapshotOffer,
} from '@aethel/consensus'
import type { Snapshots } from './application.js'

/** Newest states kept whether somebody wants them or not. */
const STATES_KEPT = 2
/** Older ones that are being fetched. */
const STATES_PINNED = 4
/** A fetch that has not asked for so long has gone elsewhere. */
const PINNED_TICKS = 60
/** Parts for one peer between two status ticks; it asks for a few at a time. */
const CHUNKS_PER_PEER = 32
/** For all peers together: at some milliseconds each, serving takes a fifth of a tick of half a second. */
const CHUNKS_PER_TICK = 32
/** What is asked for beyond waits for the next tick: so much of each peer as an honest one has outstanding, and whoever asks for all there is leaves the others their turn. */
const DEFERRED_PER_PEER = 3
/** An offer costs the store a look at the ends of epochs. */
const OFFERS_PER_PEER = 4

interface Kept<State> {
  readonly header: Header
  readonly state: State
  /** Below the block, descending. */
  readonly headers: readonly Header[]
  /** Leading up to what `certificate` is for. */
  readonly descendants: Header[]
  readonly certificate: Certificate
  wantedAtTick: number
}

export interface ShelfOptions<State> {
  readonly snapshots: Snapshots<State>
  readonly everyBlocks: number
  readonly chunkBytes: number
}

export type ShelfAnswer =
  | { readonly kind: 'chunk'; readonly message: ChunkMessage }
  | { readonly kind: 'offer'; readonly from: Epoch; readonly offer: Omit<SnapshotOffer, 'links'> }

type ChunkWish = Extract<Fetch, { want: 'chunk' }>

export class SnapshotShelf<State> {
  readonly #options: ShelfOptions<State>
  #kept: Kept<State>[] = []
  /** Ascending, of the newest blocks. */
  #headers: Header[]
  #tick = 0
  #chunksThisTick = 0
  /** The oldest first. */
  #deferred: { readonly peer: ValidatorIndex; readonly wish: ChunkWish }[] = []
  readonly #byPeer = new Map<ValidatorIndex, { chunks: number; offers: number }>()

  constructor(options: ShelfOptions<State>, headers: readonly Header[]) {
    this.#options = options
    this.#headers = [...headers]
  }

  /** A state to begin with: after a start, or after one was taken over. */
  begin(headers: readonly Header[], state: State, certificate: Certificate | null): void {
    this.#headers = [...headers]
    this.#kept = []
    const tip = headers.at(-1)
    if (tip !== undefined && certificate?.height === tip.height) this.#keep(tip, state, certificate)
  }

  onCommit(header: Header, state: State, certificate: Certificate): void {
    this.#headers.push(header)
    if (this.#headers.length > 2 * RECENT_HASHES) this.#headers = this.#headers.slice(-RECENT_HASHES)
    for (const kept of this.#kept) {
      if (!isComplete(kept) && header.height <= kept.certificate.height) kept.descendants.push(header)
    }
    if (header.height % this.#options.everyBlocks === 0 && certificate.height - header.height <= MAX_DESCENDANTS)
      this.#keep(header, state, certificate)
  }

  #keep(header: Header, state: State, certificate: Certificate): void {
    const headers = this.#headersBelow(header)
    if (headers === null) return
    this.#kept.push({ header, state, headers, descendants: [], certificate, wantedAtTick: Number.NEGATIVE_INFINITY })
    this.#forgetOld()
  }

  /** Null: not known that far down. */
  #headersBelow(header: Header): readonly Header[] | null {
    const at = this.#headers.findLastIndex((candidate) => candidate.height === header.height)
    const count = headersBelow(header.height)
    return at < count ? null : this.#headers.slice(at - count, at).reverse()
  }

  #forgetOld(): void {
    const old = this.#kept.slice(0, -STATES_KEPT)
    const wanted = old.filter((kept) => kept.wantedAtTick > this.#tick - PINNED_TICKS)
    wanted.sort((a, b) => a.wantedAtTick - b.wantedAtTick)
    const pinned = new Set(wanted.slice(-STATES_PINNED))
    this.#kept = this.#kept.filter((kept, at) => at >= old.length || pinned.has(kept))
  }

  /** What has waited for this tick. */
  onTick(): { readonly to: ValidatorIndex; readonly answer: ShelfAnswer }[] {
    this.#tick++
    this.#chunksThisTick = 0
    this.#byPeer.clear()
    this.#forgetOld()
    const waiting = this.#deferred
    this.#deferred = []
    return waiting.flatMap(({ peer, wish }) => {
      const answer = this.answer(peer, wish)
      return answer === null ? [] : [{ to: peer, answer }]
    })
  }

  #defer(peer: ValidatorIndex, wish: ChunkWish): null {
    if (this.#deferred.filter((each) => each.peer === peer).length < DEFERRED_PER_PEER) this.#deferred.push({ peer, wish })
    return null
  }

  /** Heights of the states that can be had, ascending. */
  get heights(): readonly Height[] {
    return this.#kept.filter(isComplete).map(({ header }) => header.height)
  }

  answer(peer: ValidatorIndex, wish: Extract<Fetch, { want: 'snapshot' | 'chunk' }>): ShelfAnswer | null {
    const spent = this.#byPeer.get(peer) ?? { chunks: 0, offers: 0 }
    this.#byPeer.set(peer, spent)
    if (wish.want === 'snapshot') return this.#offerTo(spent, wish.epoch)
    const kept = this.#kept.find((candidate) => candidate.header.height === wish.height && isComplete(candidate))
    if (kept === undefined) return this.#offerTo(spent, null) // what it wants is gone: this is there
    if (spent.chunks >= CHUNKS_PER_PEER || this.#chunksThisTick >= CHUNKS_PER_TICK) return this.#defer(peer, wish)
    const { lane, cursor } = wish
    const chunk =
      lane === HEADERS_LANE
        ? encodeHeaders(kept.headers)
        : this.#options.snapshots.chunk(kept.state, { lane, cursor }, this.#options.chunkBytes)
    if (chunk === null) return null
    kept.wantedAtTick = this.#tick
    spent.chunks++
    this.#chunksThisTick++
    return { kind: 'chunk', message: { kind: 'chunk', height: height(wish.height), lane, cursor, chunk } }
  }

  /** The newest that is complete; links from the epoch asked about, or from its own. */
  #offerTo(spent: { offers: number }, from: Epoch | null): ShelfAnswer | null {
    const newest = this.#kept.findLast(isComplete)
    if (newest === undefined || spent.offers >= OFFERS_PER_PEER) return null
    spent.offers++
    const { header, descendants, certificate } = newest
    return { kind: 'offer', from: from ?? header.epoch, offer: { header, descendants: [...descendants], certificate } }
  }
}

/** Its certificate can be shown: the headers up to it have been committed, too. */
function isComplete({ header, descendants, certificate }: Kept<unknown>): boolean {
  return header.height + descendants.length === certificate.height
}
