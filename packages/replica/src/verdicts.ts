/**
 * Verify once (proofs.md §6): verdicts by work key, bounded, forgetting the oldest. An aborted verification is no verdict
 * and is never remembered. Forgetting costs a second verification, never a different answer.
 */
import { type Hash, keyOf } from '@aethel/codec'
import type { VerificationOutcome } from './interface.js'

export type Verdict = Exclude<VerificationOutcome, { status: 'aborted' }>

export class VerdictCache {
  readonly #capacity: number
  readonly #verdicts = new Map<string, Verdict>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: Hash): Verdict | undefined {
    return this.#verdicts.get(keyOf(key))
  }

  set(key: Hash, verdict: Verdict): void {
    if (this.#capacity === 0) return
    const name = keyOf(key)
    if (this.#verdicts.size >= this.#capacity && !this.#verdicts.has(name)) {
      const oldest = this.#verdicts.keys().next()
      if (!oldest.done) this.#verdicts.delete(oldest.value)
    }
    this.#verdicts.set(name, verdict)
  }

  get size(): number {
    return this.#verdicts.size
  }
}
