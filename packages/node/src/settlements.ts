/**
 * What becomes of submitted transactions, for whoever waits or asks later: final, refused, or not decided yet. Who waits is told once; of
 * those refused the newest are remembered.
 */
import { type Hash, keyOf, type Refusal } from '@aethel/codec'

export type Settlement = { readonly status: 'final'; readonly height: number } | { readonly status: 'refused'; readonly refusal: Refusal }

/** Refusals remembered for clients that ask later. */
export const REMEMBERED_REFUSALS = 16_384

export class Settlements {
  /** By `keyOf(id)`. */
  readonly #waiting = new Map<string, Set<(settlement: Settlement) => void>>()
  /** Of all transactions: many may wait for the same one. */
  #callbacks = 0
  /** By `keyOf(id)`, oldest first. */
  readonly #refusals = new Map<string, Refusal>()

  /** How many wait. */
  get awaited(): number {
    return this.#callbacks
  }

  /** Calls back once; the returned function forgets the wish. */
  on(id: Hash, callback: (settlement: Settlement) => void): () => void {
    const key = keyOf(id)
    const callbacks = this.#waiting.get(key) ?? new Set()
    callbacks.add(callback)
    this.#callbacks++
    this.#waiting.set(key, callbacks)
    return () => {
      if (callbacks.delete(callback)) this.#callbacks--
      if (callbacks.size === 0 && this.#waiting.get(key) === callbacks) this.#waiting.delete(key)
    }
  }

  /** `key` is `keyOf(id)`. */
  settle(key: string, settlement: Settlement): void {
    const callbacks = this.#waiting.get(key)
    if (callbacks === undefined) return
    this.#waiting.delete(key)
    this.#callbacks -= callbacks.size
    const waiting = [...callbacks]
    callbacks.clear()
    for (const callback of waiting) callback(settlement)
  }

  /** For whoever asks later. */
  remember(id: Hash, refusal: Refusal): void {
    const oldest = this.#refusals.size >= REMEMBERED_REFUSALS ? this.#refusals.keys().next().value : undefined
    if (oldest !== undefined) this.#refusals.delete(oldest)
    this.#refusals.set(keyOf(id), refusal)
  }

  refusalOf(id: Hash): Refusal | undefined {
    return this.#refusals.get(keyOf(id))
  }
}
