/**
 * Transactions that have come in and were not looked at yet, oldest first. Checking their signatures takes its turn after messages of the
 * protocol, so they wait; how much may wait is bounded, and each that leaves makes room for what it weighed.
 */
import type { Hash, ValidatorIndex } from '@aethel/codec'
import type { Admission } from '@aethel/replica'

/** Beyond it peers' are dropped and clients' refused. */
export const MAX_ARRIVAL_BYTES: number = 64 * 1024 * 1024
/** Charged for each beside its bytes: an array with a buffer of its own, and its place in the queue. At most 131,072 wait. */
export const ARRIVAL_COST_BYTES = 512

/** `from` is null for a client, who is answered. */
export type Arrival =
  | { readonly from: ValidatorIndex; readonly bytes: Uint8Array }
  | { readonly from: null; readonly id: Hash; readonly bytes: Uint8Array; answer(admission: Admission): void }

export class Arrivals {
  #queue: Arrival[] = []
  /** Of those before it, which have left, the queue is freed when they are half of it. */
  #next = 0
  #bytes = 0

  /** How many wait. */
  get size(): number {
    return this.#queue.length - this.#next
  }

  /** False: too much waits already. */
  offer(arrival: Arrival): boolean {
    const weight = weightOf(arrival)
    if (this.#bytes + weight > MAX_ARRIVAL_BYTES) return false
    this.#queue.push(arrival)
    this.#bytes += weight
    return true
  }

  get first(): Arrival | undefined {
    return this.#queue[this.#next]
  }

  shift(): void {
    const { first } = this
    if (first === undefined) return
    this.#bytes -= weightOf(first)
    this.#next++
    if (this.size > this.#next) return
    this.#queue = this.#queue.slice(this.#next)
    this.#next = 0
  }
}

function weightOf({ bytes }: Arrival): number {
  return ARRIVAL_COST_BYTES + bytes.length
}
