/**
 * Bit vectors and the circuits of the operators. Vectors lie on one stack of literals, lowest bit first, named by the place
 * where they begin. Each circuit writes its result at `out`, which never overlaps its arguments, and asks for its gates in
 * the order written here: that order numbers the gates, and is part of the specification.
 */
import type { Meter } from '../verifier.js'
import { allocateWords, FALSE, GateGraph, TRUE } from './gates.js'

const FIRST_STACK_WORDS = 1_024

export class Circuits {
  readonly gates: GateGraph
  readonly #meter: Meter
  /** The stack; whatever holds a reference must take it again after `reserve`. */
  bits: Int32Array

  constructor(inputs: number, meter: Meter) {
    this.gates = new GateGraph(inputs, meter)
    this.#meter = meter
    allocateWords(meter, FIRST_STACK_WORDS)
    this.bits = new Int32Array(FIRST_STACK_WORDS)
  }

  /** Room for the stack up to `length`. */
  reserve(length: number): void {
    if (length <= this.bits.length) return
    const room = Math.max(length, 2 * this.bits.length)
    this.gates.settle()
    allocateWords(this.#meter, room)
    const larger = new Int32Array(room)
    larger.set(this.bits)
    this.bits = larger
  }

  // --- arithmetic -----------------------------------------------------------------------------------------------------

  /** a + (b xor flip) + carry, modulo 2^width; flip is 0, or 1 for the complement of b. */
  add(a: number, b: number, out: number, width: number, flip: number, carry: number): void {
    const { bits, gates } = this
    let c = carry
    for (let i = 0; i < width; i++) {
      const x = bits[a + i] as number
      const y = (bits[b + i] as number) ^ flip
      bits[out + i] = gates.xor(gates.xor(x, y), c)
      if (i < width - 1) c = gates.maj(x, y, c)
    }
  }

  negate(a: number, out: number, width: number): void {
    const { bits, gates } = this
    let c = TRUE
    for (let i = 0; i < width; i++) {
      const x = (bits[a + i] as number) ^ 1
      bits[out + i] = gates.xor(x, c)
      if (i < width - 1) c = gates.and(x, c)
    }
  }

  /** Rows of partial products added up from the lowest. The rows are those of the operand that `multiplier` chooses. */
  multiply(x: number, y: number, out: number, width: number): void {
    const { bits, gates } = this
    const rows = this.multiplier(x, y, width)
    const added = rows === x ? y : x
    const lowest = bits[rows] as number
    for (let j = 0; j < width; j++) bits[out + j] = gates.and(bits[added + j] as number, lowest)
    for (let i = 1; i < width; i++) {
      const row = bits[rows + i] as number
      let c = FALSE
      for (let j = i; j < width; j++) {
        const p = gates.and(bits[added + j - i] as number, row)
        const s = bits[out + j] as number
        bits[out + j] = gates.xor(gates.xor(s, p), c)
        if (j < width - 1) c = gates.maj(s, p, c)
      }
    }
  }

  /** The operand with more constant bits; with equally many, the one with the smaller literal where they first differ. */
  multiplier(x: number, y: number, width: number): number {
    const { bits } = this
    let balance = 0
    for (let i = 0; i < width; i++) balance += Number((bits[x + i] as number) < 2) - Number((bits[y + i] as number) < 2)
    if (balance !== 0) return balance > 0 ? x : y
    for (let i = 0; i < width; i++) {
      if (bits[x + i] !== bits[y + i]) return (bits[x + i] as number) < (bits[y + i] as number) ? x : y
    }
    return x
  }

  /**
   * Restoring division from the highest bit: the remainder takes the next bit of `a` at its low end, and gives up `d` where
   * it is at least `d`. Division by zero needs no case: nothing is less than 0, so all quotient bits are 1, and taking
   * away 0 leaves `a` as the remainder, which is what SMT-LIB asks for. `scratch` has room for width words.
   */
  divide(a: number, d: number, quotient: number, remainder: number, width: number, scratch: number): void {
    const { bits, gates } = this
    for (let k = 0; k < width; k++) bits[remainder + k] = FALSE
    for (let i = width - 1; i >= 0; i--) {
      const lost = bits[remainder + width - 1] as number
      for (let k = width - 1; k > 0; k--) bits[remainder + k] = bits[remainder + k - 1] as number
      bits[remainder] = bits[a + i] as number
      let c = TRUE
      for (let k = 0; k < width; k++) {
        const x = bits[remainder + k] as number
        const y = (bits[d + k] as number) ^ 1
        bits[scratch + k] = gates.xor(gates.xor(x, y), c)
        c = gates.maj(x, y, c)
      }
      const q = gates.or(lost, c)
      bits[quotient + i] = q
      for (let k = 0; k < width; k++) bits[remainder + k] = gates.ite(q, bits[scratch + k] as number, bits[remainder + k] as number)
    }
  }

  // --- choices and shifts ---------------------------------------------------------------------------------------------

  choose(condition: number, t: number, e: number, out: number, width: number): void {
    const { bits, gates } = this
    for (let i = 0; i < width; i++) bits[out + i] = gates.ite(condition, bits[t + i] as number, bits[e + i] as number)
  }

  /** The vector where `condition` is false, its negation where it is true. `scratch` has room for width words. */
  negateIf(condition: number, a: number, out: number, width: number, scratch: number): void {
    this.negate(a, scratch, width)
    this.choose(condition, scratch, a, out, width)
  }

  /** A row of choices for each bit of the amount that can matter, then one for all the others together. */
  shift(a: number, amount: number, out: number, width: number, direction: 'left' | 'right', fill: number): void {
    const { bits, gates } = this
    bits.copyWithin(out, a, a + width)
    let stage = 0
    for (; 2 ** stage < width; stage++) {
      const by = 2 ** stage
      const condition = bits[amount + stage] as number
      for (let k = 0; k < width; k++) {
        const i = direction === 'left' ? width - 1 - k : k
        const from = direction === 'left' ? i - by : i + by
        const moved = from >= 0 && from < width ? (bits[out + from] as number) : fill
        bits[out + i] = gates.ite(condition, moved, bits[out + i] as number)
      }
    }
    let beyond = FALSE
    for (; stage < width; stage++) beyond = gates.or(beyond, bits[amount + stage] as number)
    for (let i = 0; i < width; i++) bits[out + i] = gates.ite(beyond, fill, bits[out + i] as number)
  }

  // --- relations ------------------------------------------------------------------------------------------------------

  equal(a: number, b: number, width: number): number {
    const { bits, gates } = this
    let all = TRUE
    for (let i = 0; i < width; i++) all = gates.and(all, gates.xor(bits[a + i] as number, bits[b + i] as number) ^ 1)
    return all
  }

  /** a < b: the borrow out of a - b; for signed numbers the highest bits change places. */
  less(a: number, b: number, width: number, order: 'unsigned' | 'signed'): number {
    const { bits, gates } = this
    let c = FALSE
    for (let i = 0; i < width; i++) {
      const flip = order === 'signed' && i === width - 1 ? 1 : 0
      c = gates.maj((bits[a + i] as number) ^ 1 ^ flip, (bits[b + i] as number) ^ flip, c)
    }
    return c
  }

  /** The carry out of a + (b xor flip) + carry. */
  carryOut(a: number, b: number, width: number, flip: number, carry: number): number {
    const { bits, gates } = this
    let c = carry
    for (let i = 0; i < width; i++) c = gates.maj(bits[a + i] as number, (bits[b + i] as number) ^ flip, c)
    return c
  }

  /** Signed overflow of a + (b xor flip) + carry: the carries into and out of the highest bit differ. */
  signedOverflow(a: number, b: number, width: number, flip: number, carry: number): number {
    const into = this.carryOut(a, b, width - 1, flip, carry)
    const top = width - 1
    const out = this.gates.maj(this.bits[a + top] as number, (this.bits[b + top] as number) ^ flip, into)
    return this.gates.xor(into, out)
  }

  /** Whether all bits are 0, or all but the highest if `but` says so. */
  isZero(a: number, width: number): number {
    const { bits, gates } = this
    let any = FALSE
    for (let i = 0; i < width; i++) any = gates.or(any, bits[a + i] as number)
    return any ^ 1
  }
}
