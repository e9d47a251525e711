/**
 * What a check owes and has not yet put on the meter. Calls of the meter for every hint would cost more than the hints, so
 * charges are collected up to GAS_BATCH; whatever ends in an allocation or a verdict settles them first, so that nobody
 * can tell.
 */
import type { Meter } from '../verifier.js'
import { GAS_BATCH, GAS_MEMORY_WORD } from './gas.js'

export class Charges {
  readonly #meter: Meter
  /** Below GAS_BATCH whenever work goes on. Hot loops keep a copy of it in a local and write it back. */
  owed = 0
  /** Words allocated so far, none of them given back. */
  words = 0
  #held = 0
  #peak = 0

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
    this.#meter.charge(GAS_MEMORY_WORD * words)
    this.words += words
  }

  /** The most words held at one time. Unlike `words` it does not count what an array left behind when it grew. */
  get peakWords(): number {
    return this.#peak
  }

  /**
   * Zeros that have been written, not only promised: the system hands out pages at the first touch, which costs more than most
   * of what is done with them. So memory costs the same whether a proof goes on to use it or not, and its price can be right.
   */
  zeros(length: number): Int32Array {
    this.#held += length
    if (this.#held > this.#peak) this.#peak = this.#held
    return new Int32Array(length).fill(0)
  }

  /** Both arrays are held while one is copied. */
  enlarged(array: Int32Array, length: number): Int32Array {
    const larger = this.zeros(length)
    larger.set(array)
    this.release(array)
    return larger
  }

  /** Of an array that nothing refers to any more. */
  release(array: Int32Array): void {
    this.#held -= array.length
  }
}
