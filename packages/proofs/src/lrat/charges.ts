/**
 * What a check owes and has not yet put on the meter. Calls of the meter for every hint would cost more than the hints, so
 * charges are collected up to GAS_BATCH; whatever ends in an allocation or a verdict settles them first, so that nobody
 * can tell.
 */
import type { Meter } from '../verifier.js'
import { GAS_BATCH, WORDS_PER_GAS } from './gas.js'

export class Charges {
  readonly #meter: Meter
  /** Below GAS_BATCH whenever work goes on. Hot loops keep a copy of it in a local and write it back. */
  owed = 0
  /** Words allocated so far, none of them given back. */
  words = 0

  constructor(meter: Meter) {
    this.#meter = meter
  }

  owe(gas: number): void {
    this.owed += gas
    if (this.owed >= GAS_BATCH) this.settle()
  }

  settle(): void {
    const { owed } = this
    this.owed = 0
    this.#meter.charge(owed)
  }

  /** Memory, with the gas that clearing and copying it costs; before it is taken. */
  allocate(words: number): void {
    this.settle()
    // Memory first: what is refused for its memory has not cost the time to clear it.
    this.#meter.allocate(words)
    this.#meter.charge(Math.ceil(words / WORDS_PER_GAS))
    this.words += words
  }
}

/**
 * Zeros that have been written, not only promised: the system hands out pages at the first touch, which costs more than most
 * of what is done with them. So memory costs the same whether a proof goes on to use it or not, and its price can be right.
 */
export function zeros(length: number): Int32Array {
  return new Int32Array(length).fill(0)
}

export function enlarged(array: Int32Array, length: number): Int32Array {
  const larger = zeros(length)
  larger.set(array)
  return larger
}
