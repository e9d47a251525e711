/**
 * The simulated network: what becomes of a message between two validators. Until healing it may be lost, doubled, slowed,
 * stuck behind a clog or cut off by a partition; always it takes time, by distance, and its turn at the sender's interface.
 */
import { type Message, type NamedTransaction, roughBodyBytes, signatureBytesOf } from '@aethel/consensus'
import type { Fates } from './fates.js'
import type { Knobs } from './knobs.js'

interface Partition {
  readonly id: number
  readonly side: readonly boolean[]
  /** Only messages from the first side to the other are cut. */
  readonly oneWay: boolean
}

export class Network {
  readonly #fates: Fates
  readonly #knobs: Knobs
  readonly #count: number
  /** Messages sent so far, by link: names their fates. */
  readonly #sent: Uint32Array
  readonly #freeAtMs: Float64Array
  readonly #cloggedUntilMs = new Map<number, number>()
  readonly #isolatedUntilMs: Float64Array
  #partition: Partition | null = null
  #apart: readonly (0 | 1 | null)[] | null = null
  healed = false

  constructor(fates: Fates, knobs: Knobs, count: number) {
    this.#fates = fates
    this.#knobs = knobs
    this.#count = count
    this.#sent = new Uint32Array(count * count)
    this.#freeAtMs = new Float64Array(count)
    this.#isolatedUntilMs = new Float64Array(count)
  }

  /** When the copies of a message arrive: none, one or two times. Undefined entries do not arrive. */
  route(from: number, to: number, bytes: number, nowMs: number): readonly number[] {
    const link = from * this.#count + to
    const nth = (this.#sent[link] as number) + 1
    this.#sent[link] = nth
    const sentMs = this.#throughInterface(from, bytes, nowMs)
    if (this.healed) return [sentMs + this.#distance(from, to, link, nth)]
    return this.#routeInStorm(from, to, link, nth, sentMs, nowMs)
  }

  #routeInStorm(from: number, to: number, link: number, nth: number, sentMs: number, nowMs: number): readonly number[] {
    const { lossRate, duplicationRate, slowRate, slowFactor } = this.#knobs
    if (this.isCut(from, to, nowMs)) return []
    if (lossRate > 0 && this.#fates.unit('drop', link, nth) < lossRate && this.#allows('drop', from, to, nth, nowMs)) return []
    let delayMs = this.#distance(from, to, link, nth)
    if (slowRate > 0 && this.#fates.unit('slow', link, nth) < slowRate && this.#allows('slow', from, to, nth, nowMs)) delayMs *= slowFactor
    const clogMs = this.#cloggedUntilMs.get(link) ?? 0
    const arrivesMs = Math.max(sentMs, clogMs) + delayMs
    if (
      duplicationRate > 0 &&
      this.#fates.unit('duplicate', link, nth) < duplicationRate &&
      this.#allows('duplicate', from, to, nth, nowMs)
    )
      return [arrivesMs, arrivesMs + this.#fates.exponential(this.#knobs.meanDelayMs, 'duplicate', link, nth, 1)]
    return [arrivesMs]
  }

  #allows(kind: 'drop' | 'slow' | 'duplicate', from: number, to: number, nth: number, nowMs: number): boolean {
    return !this.#fates.named || this.#fates.allows(kind, `${from}>${to}#${nth}`, nowMs)
  }

  #distance(from: number, to: number, link: number, nth: number): number {
    const { latency, meanDelayMs } = this.#knobs
    if (latency === null) return 0.2 + this.#fates.delay(meanDelayMs, link, nth)
    const { regions, oneWayMs } = latency
    const oneWay = oneWayMs[from % regions.length]?.[to % regions.length] ?? 0
    return oneWay + this.#fates.delay(0.1 + oneWay / 20, link, nth)
  }

  /** One message after the other leaves a network interface. */
  #throughInterface(from: number, bytes: number, nowMs: number): number {
    const { bytesPerMs } = this.#knobs
    if (bytesPerMs === null) return nowMs
    const done = Math.max(nowMs, this.#freeAtMs[from] as number) + bytes / bytesPerMs
    this.#freeAtMs[from] = done
    return done
  }

  /** Until it heals, nothing passes between two validators of different sides; those without a side reach everybody. */
  keepApart(side: readonly (0 | 1 | null)[]): void {
    this.#apart = side
  }

  isCut(from: number, to: number, nowMs: number): boolean {
    if (this.healed) return false
    const [one, other] = [this.#apart?.[from] ?? null, this.#apart?.[to] ?? null]
    if (one !== null && other !== null && one !== other) return true
    if ((this.#isolatedUntilMs[from] as number) > nowMs || (this.#isolatedUntilMs[to] as number) > nowMs) return true
    const partition = this.#partition
    if (partition === null || partition.side[from] === partition.side[to]) return false
    return !partition.oneWay || partition.side[from] === true
  }

  /** How long the longest queue at an interface takes to leave. */
  backlogMs(nowMs: number): number {
    return Math.max(0, ...this.#freeAtMs.map((at) => at - nowMs))
  }

  /** What waits at the interface of one. */
  backlogBytes(from: number, nowMs: number): number {
    return Math.max(0, (this.#freeAtMs[from] as number) - nowMs) * (this.#knobs.bytesPerMs ?? 0)
  }

  get partitioned(): boolean {
    return this.#partition !== null
  }

  /** Cuts the nth partition into the network. */
  partition(nth: number): void {
    const mostly = this.#fates.unit('partition', 1, nth)
    // Half of the partitions are by halves, the others cut off few.
    const share = mostly < 0.5 ? 0.5 : 1.5 / this.#count
    const side = Array.from({ length: this.#count }, (_, index) => this.#fates.unit('partition', 2, nth, index) < share)
    this.#partition = { id: nth, side, oneWay: this.#fates.unit('partition', 3, nth) < 0.25 }
  }

  /** True if the nth partition was still there. */
  mend(nth: number): boolean {
    if (this.#partition?.id !== nth) return false
    this.#partition = null
    return true
  }

  isolate(victim: number, untilMs: number): void {
    this.#isolatedUntilMs[victim] = Math.max(this.#isolatedUntilMs[victim] as number, untilMs)
  }

  /** Everything from one to the other waits until then. */
  clog(from: number, to: number, untilMs: number): void {
    this.#cloggedUntilMs.set(from * this.#count + to, untilMs)
  }

  heal(): void {
    this.healed = true
    this.#partition = null
    this.#cloggedUntilMs.clear()
  }
}

/** Of the order of the encoded size, without encoding. */
export function roughBytes(message: Message): number {
  const fixed = 160
  switch (message.kind) {
    case 'pre-prepare':
    case 'block':
      return fixed + 308 + roughBodyBytes(message.block.body)
    case 'compact-pre-prepare':
      return fixed + 308 + signatureBytesOf(message.lastCertificate) + namedBytes(message.transactions)
    case 'block-transactions':
      return message.transactions.reduce((sum, { bytes }) => sum + 8 + bytes.length, fixed)
    case 'new-view':
      return fixed + 170 * message.viewChanges.length + signatureBytesOf(message.certificate)
    case 'certificate':
    case 'view-change':
      return fixed + signatureBytesOf(message.certificate)
    case 'sum':
      return fixed + signatureBytesOf(message.sum)
    case 'blocks':
      return message.blocks.reduce((sum, block) => sum + 308 + roughBodyBytes(block.body), fixed) + 308 * message.links.length
    case 'status':
      return fixed + message.slots.reduce((sum, slot) => sum + 50 + 2 * slot.prepares.bits.length, 0)
    case 'evidence':
      return fixed + message.evidence.length
    case 'snapshot':
      return fixed + 308 * (1 + message.offer.descendants.length) + 800 * message.offer.links.length
    case 'chunk':
      return fixed + message.chunk.length
    case 'blob-part':
      return fixed + message.part.chunk.length + 32 * message.part.path.length
    case 'blob-held':
      return fixed + 40 * message.blobs.length
    case 'vote':
    case 'fetch':
    case 'view-claim':
    case 'blob-absent':
      return fixed
  }
}

function namedBytes(transactions: readonly NamedTransaction[]): number {
  return transactions.reduce((sum, named) => sum + ('id' in named ? 33 : 5 + named.bytes.length), 0)
}
