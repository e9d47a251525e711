/**
 * How much work of ours a peer may cause by what is of no use. An account in microseconds of work: it fills with time and with the
 * chain's progress, what a peer sends is charged to it, and who has overdrawn it is read again when it is even. So a peer that
 * floods costs a bounded share of a core however fast its line is, nobody is cut off for being slow or talkative, and honest
 * traffic, most of which comes with progress, never gets there (decision 0121).
 */

/** Of all peers together, a fifth of a core; at least a hundredth for each. */
const ALL_PEERS_US_PER_SECOND = 200_000
const LEAST_US_PER_SECOND = 10_000
/** What may come at once: half a second of work, some 5,000 checked votes that waited while this process was stopped. */
export const BURST_US = 500_000

export class Allowance {
  readonly #usPerMs: number
  #balanceUs = BURST_US
  #filledAtMs: number

  /** @param peers how many share what all together may cost */
  constructor(peers: number, nowMs: number) {
    this.#usPerMs = Math.max(LEAST_US_PER_SECOND, ALL_PEERS_US_PER_SECOND / Math.max(1, peers)) / 1000
    this.#filledAtMs = nowMs
  }

  /** Charges work; returns for how many milliseconds the peer should not be read, 0 for not at all. */
  spend(microseconds: number, nowMs: number): number {
    this.#balanceUs = Math.min(BURST_US, this.#balanceUs + Math.max(0, nowMs - this.#filledAtMs) * this.#usPerMs)
    this.#filledAtMs = nowMs
    this.#balanceUs -= microseconds
    return this.#balanceUs >= 0 ? 0 : Math.ceil(-this.#balanceUs / this.#usPerMs)
  }

  grant(microseconds: number): void {
    this.#balanceUs = Math.min(BURST_US, this.#balanceUs + microseconds)
  }
}
