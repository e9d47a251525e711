/**
 * Serving blobs: how many chunks go to each peer, and to all, between two status ticks. What is asked beyond that waits for the next
 * tick, so many at a time of each peer; what is asked beyond that, too, no honest peer asks.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { BlobRef } from '@aethel/consensus'

/** Of a chunk each: 16 MiB in half a second to one peer, and twice that to all. */
const PARTS_PER_PEER = 64
const PARTS_PER_TICK = 128
/** Twice what an honest peer has outstanding. */
const DEFERRED_PER_PEER = 8

export interface Wish {
  readonly to: ValidatorIndex
  readonly blob: BlobRef
  readonly index: number
}

export class BlobShelf {
  readonly #served = new Map<ValidatorIndex, number>()
  #servedThisTick = 0
  #deferred: Wish[] = []

  /** Whether to answer now. */
  admit(wish: Wish): boolean {
    const served = this.#served.get(wish.to) ?? 0
    if (served < PARTS_PER_PEER && this.#servedThisTick < PARTS_PER_TICK) {
      this.#served.set(wish.to, served + 1)
      this.#servedThisTick++
      return true
    }
    const waiting = this.#deferred.filter(({ to }) => to === wish.to).length
    if (waiting < DEFERRED_PER_PEER) this.#deferred.push(wish)
    return false
  }

  /** What is to be answered now. */
  onTick(): Wish[] {
    this.#served.clear()
    this.#servedThisTick = 0
    const waiting = this.#deferred
    this.#deferred = []
    return waiting.filter((wish) => this.admit(wish))
  }
}
