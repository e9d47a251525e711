/**
 * Taking over a state (protocol.md §7): who is far behind asks those ahead which state can be had, checks each answer down from the
 * validators it trusts, and fetches the newest one in chunks from everybody who has it, each chunk checked against the certified
 * root before it is kept. What is kept is durable, so a restart goes on where it was. Who lies is dropped and named; who stalls
 * loses its turn, then its place; the fetch goes on with the others. It gives up a state only when nobody has it any more.
 */
import { EMPTY_BYTES, type Epoch, equalBytes, type Height, type Refusal, type ValidatorIndex } from '@aethel/codec'
import {
  type ChunkMessage,
  type CommittedTip,
  checkHeaders,
  checkOffer,
  decodeHeaders,
  type EpochLink,
  type EpochStart,
  HEADERS_LANE,
  type Header,
  hashHeader,
  type Message,
  type SnapshotContext,
  type SnapshotMessage,
} from '@aethel/consensus'
import type { Snapshots, StateWrites } from './application.js'
import type { Restored, SnapshotRecord, SnapshotTarget, StagedSnapshot, SyncEvent } from './interface.js'
import { LeastBusy } from './least-busy.js'

/** Asked again which state they have, while none is found or few serve it. */
const ASK_EVERY_TICKS = 4
/** An offer may come in so many ticks before the best is chosen. */
const CHOOSE_AFTER_TICKS = 2
/**
 * Without a block to execute for so long although others have some: blocks cannot be had, so a state is wanted, however near. A minute at
 * the node's ticks: on a busy machine an answer of blocks takes many seconds, and a state taken over instead leaves a gap for good.
 */
const STUCK_TICKS = 120
/** A chunk may take so long before another peer is asked; twice that whenever all have been too slow. */
const DEADLINE_TICKS = 8
const MAX_DEADLINE_TICKS = 128
/** Late so many times in a row: asked no more for this state. */
const MAX_STALLS = 2
/** Outstanding at one peer: one on the way, one being made. */
const MAX_OUTSTANDING = 3
/** Peers that have not offered the state may have it all the same, or come to it: they are tried again so often. */
const TRY_OTHERS_TICKS = 16
/** Asked so many times for an offer without an answer: asked rarely from then on (trap E4). */
const MAX_UNANSWERED = 3
const RARELY_TICKS = 64
/** Blocks are not asked for so long after a peer has first said that it is far ahead: a state may be had. Once per peer: it may lie. */
const HOLD_TICKS = 4
/** No part of it has come for so long: blocks are asked for as well, and whatever is there first counts. */
const IMPATIENT_TICKS = 16
/** Nobody serves the state for so long, and for four deadlines: it is given up. */
const UNSERVED_TICKS = 48
/** Peers whose claims are remembered. */
const MAX_PEERS = 1024

/** For status pages. */
export interface SnapshotProgress {
  readonly height: Height
  readonly chunks: number
  readonly bytes: number
  readonly lanesDone: number
  readonly lanes: number
  /** Who serves it. */
  readonly peers: readonly ValidatorIndex[]
}

export interface FetchOptions<State> {
  readonly context: SnapshotContext
  readonly snapshots: Snapshots<State>
  readonly behindBlocks: number
  readonly staged: StagedSnapshot | null
}

/** What the fetch asks of whoever holds it; a step of it changes nothing else. */
export interface FetchHost {
  readonly committed: CommittedTip
  readonly epoch: EpochStart
  /** Who hears what is sent; it changes. Empty: nobody is known to be. */
  readonly connected: ReadonlySet<ValidatorIndex>
  /** The next block is here and being verified: standing still is not for want of it. */
  readonly isExecuting: boolean
  send(to: ValidatorIndex, message: Message): void
  record(record: SnapshotRecord): void
  emit(event: SyncEvent): void
  blame(peer: ValidatorIndex, refusal: Refusal): void
}

export interface Finished<State> extends Restored {
  readonly state: State
}

interface Lane {
  /** On the wire. */
  readonly lane: number
  /** Null: complete. */
  next: Uint8Array | null
  request: { readonly peer: ValidatorIndex; readonly sinceTick: number } | null
}

interface Fetching {
  readonly target: SnapshotTarget
  readonly height: Height
  readonly start: EpochStart
  readonly lanes: readonly Lane[]
  puts: (readonly [Uint8Array, Uint8Array])[]
  headers: readonly Header[] | null
  chunks: number
  bytes: number
  /** When somebody last said or showed that it has this state. */
  servedAtTick: number
}

/** Proven, and worth taking. */
interface Offered {
  readonly target: SnapshotTarget
  readonly start: EpochStart
}

/** Whom the epoch chain, as far as it is known here, says to trust. */
interface Trusted {
  readonly from: Epoch
  readonly start: EpochStart
  readonly links: readonly EpochLink[]
}

export class SnapshotFetch<State> {
  readonly #options: FetchOptions<State>
  readonly #host: FetchHost
  readonly #claims = new Map<ValidatorIndex, number>()
  /** Peers that blocks were held back for. */
  readonly #heldFor = new Set<ValidatorIndex>()
  #holdUntilTick = 0
  /** Has lied: asked no more by this process. */
  readonly #liars = new Set<ValidatorIndex>()
  /** Has been too slow: asked no more until everybody has been. */
  readonly #slow = new Set<ValidatorIndex>()
  readonly #stalls = new Map<ValidatorIndex, number>()
  /** Offers asked for and not come yet, with the tick of asking. */
  readonly #asked = new Map<ValidatorIndex, number>()
  readonly #unanswered = new Map<ValidatorIndex, number>()
  readonly #offers = new Map<ValidatorIndex, Offered>()
  readonly #sources = new Set<ValidatorIndex>()
  #trusted: Trusted | null = null
  #fetching: Fetching | null = null
  #tick = 0
  #askedAtTick = Number.NEGATIVE_INFINITY
  #triedAtTick = Number.NEGATIVE_INFINITY
  #deadlineTicks = DEADLINE_TICKS
  #heightAtTick: { readonly height: Height; readonly tick: number } | null = null
  readonly #leastBusy: LeastBusy

  constructor(options: FetchOptions<State>, host: FetchHost) {
    this.#options = options
    this.#host = host
    this.#leastBusy = new LeastBusy(MAX_OUTSTANDING, host.connected)
  }

  /** At a start: what is on disk of a state counts, once its certificate has been checked again. */
  resume(): void {
    const { staged, context, snapshots } = this.#options
    if (staged === null) return
    const { header } = staged.target
    const checked = checkOffer(context, this.#host.epoch, staged.target)
    if (!checked.ok || checked.value.status !== 'proven' || header.height <= this.#host.committed.height) {
      this.#host.record({ kind: 'forget' })
      return
    }
    const lanes = lanesOf(snapshots.lanes, staged)
    this.#holdUntilTick = this.#tick + HOLD_TICKS
    this.#fetching = {
      target: staged.target,
      height: header.height,
      start: checked.value.start,
      lanes,
      puts: [...staged.puts],
      headers: staged.headers,
      chunks: 0,
      bytes: 0,
      servedAtTick: 0,
    }
    this.#host.emit({ name: 'snapshot-begun', height: header.height, peers: 0, resumed: true })
  }

  get progress(): SnapshotProgress | null {
    const fetching = this.#fetching
    if (fetching === null) return null
    const { height, chunks, bytes, lanes } = fetching
    const peers = [...this.#sources].sort((a, b) => a - b)
    return { height, chunks, bytes, lanesDone: lanes.filter(({ next }) => next === null).length, lanes: lanes.length, peers }
  }

  /**
   * While a state is on its way, blocks below it are not asked for; nor is STATUS sent, which makes peers in a later epoch send them
   * of their own accord, and has nothing to say about a vote that is needed.
   */
  holdsBack(effect: { readonly kind: 'send' | 'serve'; readonly message?: Message }): boolean {
    if (effect.kind !== 'send' || effect.message === undefined) return false
    const { message } = effect
    if (message.kind !== 'status' && !(message.kind === 'fetch' && message.want === 'committed')) return false
    const isComing = this.#fetching !== null && this.#sources.size > 0 && this.#tick - this.#fetching.servedAtTick < IMPATIENT_TICKS
    return isComing || this.#tick < this.#holdUntilTick
  }

  /** A peer says that it has committed so much: a hint whom to ask, no more. */
  hear(peer: ValidatorIndex, committedHeight: number): void {
    if (this.#claims.size >= MAX_PEERS && !this.#claims.has(peer)) return
    this.#claims.set(peer, committedHeight)
    if (this.#fetching !== null || this.#heldFor.has(peer) || this.#liars.has(peer) || !this.#isWorthTaking(committedHeight)) return
    this.#heldFor.add(peer)
    this.#holdUntilTick = this.#tick + HOLD_TICKS
    if (this.#askedAtTick < this.#tick - ASK_EVERY_TICKS) this.#askedAtTick = this.#tick
    this.#askForOffer(peer)
  }

  wants(from: ValidatorIndex, message: SnapshotMessage | ChunkMessage): boolean {
    if (this.#liars.has(from)) return false
    if (message.kind === 'snapshot') return this.#asked.has(from) || this.#laneAsked(from) !== undefined
    return this.#laneOf(from, message) !== undefined
  }

  /** A state that was complete at the start: a crash came between its last part and its use. */
  onTick(): Finished<State> | null {
    this.#tick++
    this.#noteHeight()
    const { committed } = this.#host
    const fetching = this.#fetching
    if (fetching !== null && committed.height >= fetching.height) this.#giveUp(fetching, 'overtaken')
    if (this.#fetching !== null) return this.#tend(this.#fetching)
    this.#lookForState()
    return null
  }

  #lookForState(): void {
    if (!this.#isFarBehind()) return this.#reset()
    if (this.#offers.size > 0 && this.#tick >= this.#askedAtTick + CHOOSE_AFTER_TICKS) this.#choose()
    if (this.#fetching === null && this.#tick >= this.#askedAtTick + ASK_EVERY_TICKS) this.#askForOffers()
  }

  #noteHeight(): void {
    const { height } = this.#host.committed
    if (this.#heightAtTick?.height !== height || this.#host.isExecuting) this.#heightAtTick = { height, tick: this.#tick }
  }

  get #highestClaim(): number {
    let highest = 0
    for (const [peer, claim] of this.#claims) if (!this.#liars.has(peer)) highest = Math.max(highest, claim)
    return highest
  }

  get #isStuck(): boolean {
    return this.#heightAtTick !== null && this.#tick - this.#heightAtTick.tick >= STUCK_TICKS
  }

  /** By a state of this height. */
  #isWorthTaking(height: number): boolean {
    const ahead = height - this.#host.committed.height
    return ahead >= this.#options.behindBlocks || (ahead > 0 && this.#isStuck)
  }

  #isFarBehind(): boolean {
    return this.#isWorthTaking(this.#highestClaim)
  }

  #reset(): void {
    this.#offers.clear()
    this.#asked.clear()
  }

  // --- which state ------------------------------------------------------------------------------------------------------

  /** Of the epoch this replica is in, unless the links of an offer have led further already. */
  get #trust(): Trusted {
    const { epoch } = this.#host
    const { epoch: current } = epoch.validators
    if (this.#trusted?.from !== current) this.#trusted = { from: current, start: epoch, links: [] }
    return this.#trusted
  }

  #askForOffers(): void {
    this.#askedAtTick = this.#tick
    this.#asked.clear()
    for (const peer of this.#claimantsOf(this.#host.committed.height + 1)) {
      const unanswered = this.#unanswered.get(peer) ?? 0
      if (unanswered < MAX_UNANSWERED || this.#tick % RARELY_TICKS < ASK_EVERY_TICKS) this.#askForOffer(peer)
    }
  }

  /** Who says that it has committed this height, and has not been caught lying. */
  #claimantsOf(height: number): readonly ValidatorIndex[] {
    const peers = [...this.#claims.keys()].filter((peer) => !this.#liars.has(peer) && (this.#claims.get(peer) ?? 0) >= height)
    return peers.sort((a, b) => a - b)
  }

  #askForOffer(peer: ValidatorIndex): void {
    this.#asked.set(peer, this.#tick)
    this.#unanswered.set(peer, (this.#unanswered.get(peer) ?? 0) + 1)
    this.#host.send(peer, { kind: 'fetch', want: 'snapshot', epoch: this.#trust.start.validators.epoch })
  }

  onOffer(peer: ValidatorIndex, { offer }: SnapshotMessage): void {
    if (!this.wants(peer, { kind: 'snapshot', offer })) return
    this.#asked.delete(peer)
    this.#unanswered.delete(peer)
    if (this.#fetching !== null) return this.#onOfferWhileFetching(peer, offer.header, this.#fetching)
    const trust = this.#trust
    const checked = checkOffer(this.#options.context, trust.start, offer)
    if (!checked.ok) {
      // Links that begin later than what is trusted here prove nothing, and accuse nobody: they were asked for before.
      return checked.error.code === 'epoch-gap' ? undefined : this.#drop(peer, checked.error)
    }
    if (checked.value.status === 'stale') return
    const { start } = checked.value
    const followed = offer.links.filter(
      ({ header }) => header.epoch >= trust.start.validators.epoch && header.height <= offer.header.height,
    )
    const links = [...trust.links, ...followed]
    const isFurther = start.validators.epoch > trust.start.validators.epoch
    if (isFurther) this.#trusted = { from: trust.from, start, links }
    if (checked.value.status === 'more-links') {
      if (isFurther) this.#askForOffer(peer) // otherwise it has none to give: the next tick asks everybody again
      return
    }
    if (this.#isWorthTaking(offer.header.height)) this.#offers.set(peer, { target: { ...offer, links }, start })
  }

  /** In answer to a wish for a part: this state is gone there, or it is this one that it has. */
  #onOfferWhileFetching(peer: ValidatorIndex, header: Header, fetching: Fetching): void {
    if (!equalBytes(hashHeader(header), hashHeader(fetching.target.header))) this.#leave(peer)
    this.#request(fetching)
  }

  /**
   * What most have offered, of these the highest; all who have offered it are asked for its parts. A faulty peer can offer a higher one, which it alone has, and
   * serve it as slowly as one may.
   */
  #choose(): void {
    const offers = [...this.#offers.values()].filter(({ target }) => this.#isWorthTaking(target.header.height))
    const [best] = offers.sort((a, b) => this.#offersOf(b) - this.#offersOf(a) || b.target.header.height - a.target.header.height)
    if (best === undefined) return this.#offers.clear()
    const { target, start } = best
    const { height } = target.header
    this.#sources.clear()
    for (const [peer, offered] of this.#offers) if (offered.target.header.height === height) this.#sources.add(peer)
    this.#reset()
    this.#slow.clear()
    this.#stalls.clear()
    this.#deadlineTicks = DEADLINE_TICKS
    this.#triedAtTick = this.#tick
    const lanes = lanesOf(this.#options.snapshots.lanes, null)
    const fetching: Fetching = { target, height, start, lanes, puts: [], headers: null, chunks: 0, bytes: 0, servedAtTick: this.#tick }
    this.#fetching = fetching
    this.#host.record({ kind: 'begin', target })
    this.#host.emit({ name: 'snapshot-begun', height, peers: this.#sources.size, resumed: false })
    this.#request(fetching)
  }

  /** How many offer this state. */
  #offersOf({ target }: Offered): number {
    return [...this.#offers.values()].filter((other) => other.target.header.height === target.header.height).length
  }

  #giveUp(fetching: Fetching, why: 'overtaken' | 'unserved' | 'damaged'): void {
    this.#fetching = null
    this.#sources.clear()
    this.#reset()
    this.#askedAtTick = Number.NEGATIVE_INFINITY
    this.#host.record({ kind: 'forget' })
    this.#host.emit({ name: 'snapshot-given-up', height: fetching.height, why })
  }

  // --- its parts --------------------------------------------------------------------------------------------------------

  #laneAsked(peer: ValidatorIndex): Lane | undefined {
    return this.#fetching?.lanes.find(({ request }) => request?.peer === peer)
  }

  /** The lane that this chunk was asked for, of this peer, at this place. */
  #laneOf(peer: ValidatorIndex, { height, lane, cursor }: ChunkMessage): Lane | undefined {
    const fetching = this.#fetching
    if (fetching === null || fetching.height !== height) return undefined
    const found = fetching.lanes.find((candidate) => candidate.lane === lane)
    return found?.request?.peer === peer && found.next !== null && equalBytes(found.next, cursor) ? found : undefined
  }

  /** As for blobs: what was asked of a peer whose connection is new or gone is lost, and what was asked of anybody who is not connected. */
  askAgain(peer: ValidatorIndex): void {
    if (this.#fetching === null) return
    for (const lane of this.#fetching.lanes) {
      const asked = lane.request?.peer
      if (asked !== undefined && (asked === peer || !this.#host.connected.has(asked))) lane.request = null
    }
    this.#request(this.#fetching)
  }

  /** Asks for the next part of every lane that nobody has been asked for, of whoever has the least to do. */
  #request(fetching: Fetching): void {
    const load = new Map<ValidatorIndex, number>()
    for (const { request } of fetching.lanes) if (request !== null) load.set(request.peer, (load.get(request.peer) ?? 0) + 1)
    const sources = [...this.#sources].sort((a, b) => a - b)
    for (const lane of fetching.lanes) {
      if (lane.next === null || lane.request !== null) continue
      const peer = this.#leastBusy.choose(sources, load)
      if (peer === undefined) return
      load.set(peer, (load.get(peer) ?? 0) + 1)
      lane.request = { peer, sinceTick: this.#tick }
      this.#host.send(peer, { kind: 'fetch', want: 'chunk', height: fetching.height, lane: lane.lane, cursor: lane.next })
    }
  }

  onChunk(peer: ValidatorIndex, message: ChunkMessage): Finished<State> | null {
    const fetching = this.#fetching
    const lane = this.#laneOf(peer, message)
    if (fetching === null || lane === undefined) return null
    if (this.#host.committed.height >= fetching.height) {
      this.#giveUp(fetching, 'overtaken')
      return null
    }
    const refusal =
      lane.lane === HEADERS_LANE ? this.#takeHeaders(fetching, lane, message.chunk) : this.#takePart(fetching, lane, message.chunk)
    if (refusal !== null) {
      this.#drop(peer, refusal)
      this.#request(fetching)
      return null
    }
    lane.request = null
    this.#stalls.delete(peer)
    fetching.servedAtTick = this.#tick
    fetching.chunks++
    fetching.bytes += message.chunk.length
    const lanesDone = fetching.lanes.filter(({ next }) => next === null).length
    this.#host.emit({ name: 'snapshot-chunk', height: fetching.height, peer, lanesDone, bytes: message.chunk.length })
    if (lanesDone === fetching.lanes.length) return this.#finish(fetching)
    this.#request(fetching)
    return null
  }

  #takeHeaders(fetching: Fetching, lane: Lane, chunk: Uint8Array): Refusal | null {
    const decoded = decodeHeaders(chunk)
    if (!decoded.ok) return decoded.error
    const checked = checkHeaders(this.#options.context.chainId, fetching.target.header, decoded.value)
    if (!checked.ok) return checked.error
    lane.next = null
    fetching.headers = decoded.value
    this.#host.record({ kind: 'headers', headers: decoded.value })
    return null
  }

  #takePart(fetching: Fetching, lane: Lane, chunk: Uint8Array): Refusal | null {
    const place = { lane: lane.lane, cursor: lane.next ?? EMPTY_BYTES }
    const checked = this.#options.snapshots.check(fetching.target.header.stateRoot, place, chunk)
    if (!checked.ok) return checked.error
    const { puts, next } = checked.value
    lane.next = next
    for (const put of puts) fetching.puts.push(put)
    this.#host.record({ kind: 'chunk', lane: lane.lane, next, puts })
    return null
  }

  /** Everything is here: the root is computed once more, over all of it. */
  #finish(fetching: Fetching): Finished<State> | null {
    const { target, start, headers, puts } = fetching
    const restored = this.#options.snapshots.restore(target.header.stateRoot, puts as StateWrites['puts'])
    if (!restored.ok || headers === null) {
      this.#giveUp(fetching, 'damaged')
      return null
    }
    this.#fetching = null
    this.#sources.clear()
    this.#trusted = null
    this.#reset()
    return { target, headers, start, state: restored.value }
  }

  // --- who serves it ----------------------------------------------------------------------------------------------------

  #tend(fetching: Fetching): Finished<State> | null {
    if (fetching.lanes.every(({ next }) => next === null)) return this.#finish(fetching)
    this.#tendLanes(fetching)
    return null
  }

  #tendLanes(fetching: Fetching): void {
    for (const lane of fetching.lanes) {
      if (lane.request !== null && this.#tick - lane.request.sinceTick >= this.#deadlineTicks) this.#onStall(lane, lane.request.peer)
    }
    if (this.#sources.size === 0) {
      const patience = Math.max(UNSERVED_TICKS, 4 * this.#deadlineTicks)
      if (this.#tick - fetching.servedAtTick >= patience) return this.#giveUp(fetching, 'unserved')
      if (this.#slow.size > 0) {
        // Everybody was too slow, so the deadline was wrong: another chance for all.
        this.#slow.clear()
        this.#stalls.clear()
        this.#deadlineTicks = Math.min(MAX_DEADLINE_TICKS, 2 * this.#deadlineTicks)
      }
    }
    // Who has it, too? Who has not is quick to say so.
    if (this.#tick - this.#triedAtTick >= (this.#sources.size === 0 ? ASK_EVERY_TICKS : TRY_OTHERS_TICKS)) {
      this.#triedAtTick = this.#tick
      for (const peer of this.#claimantsOf(fetching.height)) if (!this.#slow.has(peer)) this.#sources.add(peer)
    }
    this.#request(fetching)
  }

  #onStall(lane: Lane, peer: ValidatorIndex): void {
    lane.request = null
    const stalls = (this.#stalls.get(peer) ?? 0) + 1
    this.#stalls.set(peer, stalls)
    if (stalls < MAX_STALLS || !this.#sources.has(peer)) return
    this.#slow.add(peer)
    this.#leave(peer)
    this.#host.emit({ name: 'snapshot-peer-dropped', peer, code: 'stalled' })
  }

  /** What was asked of it is asked of others. */
  #leave(peer: ValidatorIndex): void {
    this.#sources.delete(peer)
    for (const lane of this.#fetching?.lanes ?? []) if (lane.request?.peer === peer) lane.request = null
  }

  #drop(peer: ValidatorIndex, refusal: Refusal): void {
    this.#liars.add(peer)
    this.#offers.delete(peer)
    this.#leave(peer)
    this.#host.emit({ name: 'snapshot-peer-dropped', peer, code: refusal.code })
    this.#host.blame(peer, refusal)
  }
}

function lanesOf(count: number, staged: StagedSnapshot | null): Lane[] {
  const numbers = [HEADERS_LANE, ...Array.from({ length: count }, (_, lane) => lane)] // headers are soon out of reach, so they come first
  return numbers.map((lane) => {
    const known = staged?.lanes.find((candidate) => candidate.lane === lane)
    const next = lane === HEADERS_LANE ? (staged?.headers == null ? EMPTY_BYTES : null) : known === undefined ? EMPTY_BYTES : known.next
    return { lane, next, request: null }
  })
}
