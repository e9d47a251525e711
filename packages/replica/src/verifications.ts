/**
 * Verify once (proofs.md §6), second half: what is with the workers now. A proof is asked for once, whoever wants it; what the mempool asked
 * for is hastened when a block waits for it, and abandoned when nobody does. Wishes are gathered during a step and leave with it.
 */
import { type Hash, keyOf } from '@aethel/codec'
import type { VerificationWork } from './application.js'
import type { ReplicaEffect, VerificationJob } from './interface.js'

export class Verifications {
  /** By key: for whom. */
  readonly #underWay = new Map<string, VerificationJob['priority']>()
  #jobs: VerificationJob[] = []
  #hastened: Hash[] = []
  #abandoned: Hash[] = []

  request(work: VerificationWork, cited: VerificationJob['cited'], priority: VerificationJob['priority']): void {
    const key = keyOf(work.key)
    const before = this.#underWay.get(key)
    if (before === 'block' || before === priority) return
    this.#underWay.set(key, priority)
    // Under way for the mempool: a block must not wait behind it.
    if (before === undefined) this.#jobs.push({ work, cited, priority })
    else this.#hastened.push(work.key)
  }

  /** Nobody but perhaps a block waits for it: if none does, whoever verifies may leave it. */
  abandon(key: Hash): void {
    if (this.#underWay.get(keyOf(key)) !== 'mempool') return
    this.#underWay.delete(keyOf(key))
    const asked = this.#jobs.findIndex(({ work }) => keyOf(work.key) === keyOf(key))
    if (asked < 0) this.#abandoned.push(key)
    else this.#jobs.splice(asked, 1) // in this very step
  }

  /** The verdict is in, or there will be none. */
  end(key: Hash): void {
    this.#underWay.delete(keyOf(key))
  }

  /** Moves what has been gathered to the effects of the step. What was abandoned goes first: it may have been asked for again since. */
  leave(effects: ReplicaEffect[]): void {
    if (this.#abandoned.length > 0) {
      effects.push({ kind: 'cancel-verification', keys: this.#abandoned })
      this.#abandoned = []
    }
    if (this.#jobs.length > 0) {
      effects.push({ kind: 'verify', jobs: this.#jobs })
      this.#jobs = []
    }
    if (this.#hastened.length > 0) {
      effects.push({ kind: 'hasten-verification', keys: this.#hastened })
      this.#hastened = []
    }
  }
}
