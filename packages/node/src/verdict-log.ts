/**
 * Verdicts on proofs that are not final yet, kept in the store, so that a restart verifies nothing twice: neither what a stored block
 * that was voted for holds, nor what peers and clients send again. They are written along with whatever else is written, since losing one
 * costs a second check and nothing else; a final proof needs none, because its claim is a duplicate from then on.
 */
import { type Hash, keyOf } from '@aethel/codec'
import type { Transaction, VerificationOutcome } from '@aethel/replica'
import type { StoreRecord } from '@aethel/storage'

/** As many as the replica remembers. */
export const MAX_VERDICTS = 65_536
/** Without anything else to write along with, verdicts wait so long. */
const PATIENCE_MS = 200

export class VerdictLog {
  /** Stored or about to be, oldest first. */
  readonly #keys = new Map<string, Hash>()
  #records: StoreRecord[] = []
  #timer: NodeJS.Timeout | null = null
  readonly #onDue: () => void

  /** `stored`: keys of what the store has; `onDue`: it is time to write. */
  constructor(stored: readonly Hash[], onDue: () => void) {
    for (const key of stored) this.#keys.set(keyOf(key), key)
    this.#onDue = onDue
  }

  remember(key: Hash, outcome: VerificationOutcome): void {
    if (outcome.status === 'aborted' || this.#keys.has(keyOf(key))) return
    this.#keys.set(keyOf(key), key)
    this.#add({ kind: 'verdict', key, verdict: outcome })
    if (this.#keys.size <= MAX_VERDICTS) return
    const oldest = this.#keys.values().next()
    if (oldest.done !== true) this.#forget(oldest.value)
  }

  settle(transactions: readonly Transaction[]): void {
    for (const { work } of transactions) if (work !== null && this.#keys.has(keyOf(work.key))) this.#forget(work.key)
  }

  /** What is to be written now; the caller writes it. */
  take(): readonly StoreRecord[] {
    const records = this.#records
    this.stop()
    this.#records = []
    return records
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #forget(key: Hash): void {
    this.#keys.delete(keyOf(key))
    this.#add({ kind: 'forget-verdict', key })
  }

  #add(record: StoreRecord): void {
    this.#records.push(record)
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#onDue()
    }, PATIENCE_MS)
  }
}
