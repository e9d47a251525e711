/**
 * Lines of the log that somebody else can cause: a peer that comes and goes, or that sends one false proof after the other. Of
 * each such event so many lines are written at once, and so many per second; the next line says how many were left out
 * (docs/protocol.md §13). What only we cause is never left out.
 */

/** At once. */
export const LOG_BURST = 100
export const LOG_PER_SECOND = 10

export class LogLimit {
  readonly #buckets = new Map<string, { tokens: number; filledAtMs: number; suppressed: number }>()

  /** Whether a line may be written, and how many were not since the last; `event` is one of our own names, so there are few. */
  admit(event: string, nowMs: number): { readonly suppressed: number } | null {
    const bucket = this.#buckets.get(event) ?? { tokens: LOG_BURST, filledAtMs: nowMs, suppressed: 0 }
    this.#buckets.set(event, bucket)
    bucket.tokens = Math.min(LOG_BURST, bucket.tokens + (Math.max(0, nowMs - bucket.filledAtMs) * LOG_PER_SECOND) / 1000)
    bucket.filledAtMs = nowMs
    if (bucket.tokens < 1) {
      bucket.suppressed++
      return null
    }
    bucket.tokens--
    const { suppressed } = bucket
    bucket.suppressed = 0
    return { suppressed }
  }
}
