/**
 * Transactions that have come in and were not looked at yet. Checking their signatures takes its turn after messages of the protocol, so they
 * wait: in a line for each peer and one for all clients, which are served in turn, so that nobody waits for another's flood. How much may
 * wait is bounded, for clients apart from peers; where peers fill their part, it is the longest line that is cut.
 */
import { type Hash, keyOf, type ValidatorIndex } from '@aethel/codec'
import { type Admission, transactionIdOf } from '@aethel/replica'

/** Of clients, beyond which they are refused, and of peers together, beyond which theirs are dropped. */
export const MAX_ARRIVAL_BYTES: number = 32 * 1024 * 1024
/** Charged for each beside its bytes: an array with a buffer of its own, and its place in the line. At most 65,536 wait on either side. */
export const ARRIVAL_COST_BYTES = 512

export interface ClientArrival {
  readonly id: Hash
  readonly bytes: Uint8Array
  answer(admission: Admission): void
}

interface PeerArrival {
  readonly bytes: Uint8Array
  /** `keyOf` the id, once somebody has looked for it in the line. */
  idKey?: string
}

/** First come, first served. */
export class Line<T extends { readonly bytes: Uint8Array }> {
  #queue: T[] = []
  /** Of those before it, which have left, the queue is freed when they are half of it. */
  #next = 0
  #weight = 0

  /** How many wait. */
  get size(): number {
    return this.#queue.length - this.#next
  }

  /** Bytes, with what each costs beside its own. */
  get weight(): number {
    return this.#weight
  }

  /** The oldest first. */
  *waiting(): Iterable<T> {
    for (let at = this.#next; at < this.#queue.length; at++) yield this.#queue[at] as T
  }

  push(arrival: T): void {
    this.#queue.push(arrival)
    this.#weight += weightOf(arrival.bytes)
  }

  /** The oldest leaves. */
  shift(): T | undefined {
    const first = this.#queue[this.#next]
    if (first === undefined) return undefined
    this.#weight -= weightOf(first.bytes)
    this.#next++
    if (this.size <= this.#next) {
      this.#queue = this.#queue.slice(this.#next)
      this.#next = 0
    }
    return first
  }

  /** The newest leaves; what it weighed. */
  pop(): number {
    const last = this.size === 0 ? undefined : this.#queue.pop()
    const weight = last === undefined ? 0 : weightOf(last.bytes)
    this.#weight -= weight
    return weight
  }
}

export type PeerLine = Line<PeerArrival>

/** Of nobody. */
const NO_LINE: readonly [of: ValidatorIndex | null, line: PeerLine] = [null, new Line()]

export class Arrivals {
  readonly clients: Line<ClientArrival> = new Line()
  /** In the order of their turns; none is empty. */
  readonly #peers = new Map<ValidatorIndex, PeerLine>()
  #peerWeight = 0
  #clientsNext = true

  /** How many wait, of clients and peers. */
  get size(): number {
    let size = this.clients.size
    for (const line of this.#peers.values()) size += line.size
    return size
  }

  /** False: as much as may waits already. */
  offerOfClient(arrival: ClientArrival): boolean {
    if (this.clients.weight + weightOf(arrival.bytes) > MAX_ARRIVAL_BYTES) return false
    this.clients.push(arrival)
    return true
  }

  /** False: it was dropped, no peer having more that waits. */
  offerOfPeer(from: ValidatorIndex, bytes: Uint8Array): boolean {
    const own = this.#peers.get(from) ?? new Line()
    const weight = weightOf(bytes)
    while (this.#peerWeight + weight > MAX_ARRIVAL_BYTES) {
      const [of, longest] = this.#longest()
      if (of === null || longest.weight <= own.weight + weight) return false
      this.#peerWeight -= longest.pop()
      if (longest.size === 0) this.#peers.delete(of)
    }
    own.push({ bytes })
    this.#peerWeight += weight
    this.#peers.set(from, own)
    return true
  }

  /** Which of these are in a line, by `keyOf(id)`; they stay there. */
  find(wanted: ReadonlySet<string>): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    const note = (idKey: string, bytes: Uint8Array): void => {
      if (wanted.has(idKey)) found.set(idKey, bytes)
    }
    for (const { id, bytes } of this.clients.waiting()) note(keyOf(id), bytes)
    for (const line of this.#peers.values()) {
      for (const arrival of line.waiting()) {
        if (found.size === wanted.size) return found
        arrival.idKey ??= keyOf(transactionIdOf(arrival.bytes))
        note(arrival.idKey, arrival.bytes)
      }
    }
    return found
  }

  /** Whose turn it is: a peer, or null for the clients; undefined when nothing waits. Clients have every second turn, if they want it. */
  turn(): ValidatorIndex | null | undefined {
    const [next] = this.#peers.keys()
    const clients = this.clients.size > 0 && (this.#clientsNext || next === undefined)
    this.#clientsNext = !clients
    if (clients) return null
    const line = next === undefined ? undefined : this.#peers.get(next)
    if (next === undefined || line === undefined) return undefined
    this.#peers.delete(next)
    this.#peers.set(next, line)
    return next
  }

  /** The oldest of a peer leaves. */
  shiftOfPeer(from: ValidatorIndex): Uint8Array | undefined {
    const line = this.#peers.get(from)
    const arrival = line?.shift()
    if (line?.size === 0) this.#peers.delete(from)
    if (arrival !== undefined) this.#peerWeight -= weightOf(arrival.bytes)
    return arrival?.bytes
  }

  #longest(): typeof NO_LINE {
    let longest = NO_LINE
    for (const entry of this.#peers) if (entry[1].weight > longest[1].weight) longest = entry
    return longest
  }
}

function weightOf(bytes: Uint8Array): number {
  return ARRIVAL_COST_BYTES + bytes.length
}
