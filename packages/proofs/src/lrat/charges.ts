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
    this.#meter.charge(Math.ceil(words / WORDS_PER_GAS))
    this.#meter.allocate(words)
    this.words += words
  }
}

export function enlarged(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}
