/**
 * The alarm for a verification that came to no verdict: the validator abstains where it needs that verdict, and whoever runs it should
 * know, because it is a fault of the machine or of a verifier, never of a proof (proofs.md §4).
 */

interface Abort {
  readonly kind: string
  readonly reason: string
  readonly atMs: number
}

/** An alarm is told of for so long. */
const TOLD_MS = 600_000

export class AbortAlarm {
  #count = 0
  #last: Abort | null = null

  raise(abort: Abort): void {
    this.#count++
    this.#last = abort
  }

  /** For `why`; null: nothing of late. */
  sentence(nowMs: number): string | null {
    const last = this.#last
    if (last === null || nowMs - last.atMs > TOLD_MS) return null
    const seconds = Math.max(0, Math.round((nowMs - last.atMs) / 1000))
    const often = this.#count === 1 ? 'A verification' : `${this.#count} verifications`
    return `Alarm: ${often} came to no verdict here (the last of ${last.kind}, ${seconds} s ago: ${last.reason}), so this validator abstains where it needs one. Look at the machine's memory and load, and report it: no proof may do that.`
  }
}
