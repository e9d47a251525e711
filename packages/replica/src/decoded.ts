/**
 * Transactions that came in a block before anybody passed them on: kept for the moment, so that the signature is not checked again when
 * gossip brings the same bytes, a fraction of a millisecond later.
 */
import type { Transaction } from './application.js'

/** The oldest leave; one that is larger is not kept. */
export const MAX_DECODED_BYTES: number = 1024 * 1024
/** Beside its bytes. */
const OVERHEAD_BYTES = 1024

export class DecodedInBlocks {
  /** By `keyOf(id)`, and an id is a hash of all bytes. */
  readonly #byId = new Map<string, Transaction>()
  #bytes = 0

  get(idKey: string): Transaction | undefined {
    return this.#byId.get(idKey)
  }

  add(transaction: Transaction): void {
    const cost = costOf(transaction)
    if (cost > MAX_DECODED_BYTES || this.#byId.has(transaction.idKey)) return
    this.#byId.set(transaction.idKey, transaction)
    this.#bytes += cost
    for (const [key, oldest] of this.#byId) {
      if (this.#bytes <= MAX_DECODED_BYTES) return
      this.#byId.delete(key)
      this.#bytes -= costOf(oldest)
    }
  }
}

function costOf({ bytes }: Transaction): number {
  return bytes.length + OVERHEAD_BYTES
}
