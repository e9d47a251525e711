/**
 * Does the leader leave out a transaction that it could propose (protocol.md §8, trap D9)? Watches some of the oldest that are
 * executable here and in no proposal. Each is sent to the leader; from a grace period on, every block that commits without it counts
 * against the leader: where it would have fitted, an honest leader takes it, and after the mempool's age bound any block must.
 * A watched transaction stays watched until it is committed or dropped, so nothing newer can crowd it out. A pure state machine.
 */
import { type Hash, keyOf } from '@aethel/codec'
import type { BlockLimits } from './interface.js'
import type { Pooled } from './mempool.js'

/** Watched at one time. */
export const MAX_WATCHED = 64
/**
 * Blocks with room that may pass a transaction over, and blocks beyond the age bound: one for each that reached the leader in
 * another order than us, and that it therefore serves first.
 */
const TOLERATED_BLOCKS = 8

interface Watch {
  readonly item: Pooled
  /** Sent to this view's leader then. */
  readonly sinceMs: number
  passedWithRoom: number
  passed: number
}

/** What a committed block of this view held. */
export interface BlockFill {
  readonly acceptedAtMs: number
  readonly transactions: number
  readonly bytes: number
  readonly gas: number
  /** Of the blobs that its transactions refer to. */
  readonly blobBytes: number
}

export class StarvationWatch {
  readonly #limits: BlockLimits
  readonly #maxWaitBlocks: number
  #watched = new Map<string, Watch>()

  constructor(limits: BlockLimits, maxWaitBlocks: number) {
    this.#limits = limits
    this.#maxWaitBlocks = maxWaitBlocks
  }

  get size(): number {
    return this.#watched.size
  }

  get items(): Pooled[] {
    return [...this.#watched.values()].map((watch) => watch.item)
  }

  isWatched(id: Hash): boolean {
    return this.#watched.has(keyOf(id))
  }

  watch(item: Pooled, nowMs: number): void {
    if (this.#watched.size < MAX_WATCHED)
      this.#watched.set(keyOf(item.transaction.id), { item, sinceMs: nowMs, passedWithRoom: 0, passed: 0 })
  }

  /** Committed, proposed, dropped, or not executable any more. */
  keepOnly(stillWaits: (item: Pooled) => boolean): void {
    for (const [key, { item }] of this.#watched) if (!stillWaits(item)) this.#watched.delete(key)
  }

  forget(id: Hash): void {
    this.#watched.delete(keyOf(id))
  }

  /** Another leader: it is told anew, and starts without blame. */
  beginView(nowMs: number): void {
    for (const { item } of [...this.#watched.values()]) {
      this.forget(item.transaction.id)
      this.watch(item, nowMs)
    }
  }

  /** A block of this view is committed that holds none of the watched. */
  onBlock(fill: BlockFill, graceMs: number): void {
    for (const watch of this.#watched.values()) {
      if (fill.acceptedAtMs < watch.sinceMs + graceMs) continue
      watch.passed++
      if (this.#hasRoom(fill, watch.item)) watch.passedWithRoom++
    }
  }

  #hasRoom(fill: BlockFill, { transaction, difficulty }: Pooled): boolean {
    const { transactions, bytes, gas, blobBytes } = this.#limits
    if (fill.transactions >= transactions || fill.bytes + transaction.bytes.length > bytes || fill.gas + difficulty > gas) return false
    const blob = transaction.work?.blob
    return blob === undefined || blobBytes === undefined || fill.blobBytes + blob.bytes <= blobBytes
  }

  /** How long the one that has waited longest for this leader has waited; 0 if none is watched. */
  oldestWaitMs(nowMs: number): number {
    let since = nowMs
    for (const { sinceMs } of this.#watched.values()) since = Math.min(since, sinceMs)
    return nowMs - since
  }

  /** One that an honest leader would have proposed by now. */
  get starved(): Pooled | undefined {
    for (const { item, passed, passedWithRoom } of this.#watched.values()) {
      if (passedWithRoom >= TOLERATED_BLOCKS || passed >= this.#maxWaitBlocks + TOLERATED_BLOCKS) return item
    }
    return undefined
  }
}
