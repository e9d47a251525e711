/**
 * Runs the programs of a script on vectors of literals instead of values: what comes out is one literal per assertion, over the
 * gates made on the way. Calls have a stack of their own, so no script can exhaust ours.
 */
import { assert, EMPTY_BYTES, keepShapeOf } from '@aethel/codec'
import type { Meter } from '../verifier.js'
import { Circuits } from './circuits.js'
import { BITS_PER_GAS, GAS_INSTRUCTION } from './gas.js'
import { allocateWords, FALSE, type GateGraph, TRUE } from './gates.js'
import { OPERATOR, type OperatorCode } from './operators.js'
import { widthOf } from './parse.js'
import { type BvScript, ConstantTable, INSTRUCTION, ProgramTable } from './script.js'

const LETTER_X = 120
const LETTER_A = 97
const ZERO = 48
/** Of the stacks of values, slots and calls each. */
const FIRST_ENTRIES = 256
const SHORT_BITS = 32

/** One literal per assertion, in order. */
export function runScript(script: BvScript, meter: Meter): { readonly gates: GateGraph; readonly assertions: Int32Array } {
  const machine = new Machine(script, meter)
  allocateWords(meter, script.assertions.length)
  const assertions = new Int32Array(script.assertions.length)
  for (let k = 0; k < assertions.length; k++) assertions[k] = machine.run(k)
  machine.circuits.gates.settle()
  return { gates: machine.circuits.gates, assertions }
}

class Machine {
  readonly circuits: Circuits
  readonly #script: BvScript
  readonly #meter: Meter
  /** Where each value on the stack begins; entry #values is where the next one will. */
  #starts: Int32Array
  #values = 0
  /** Slot to value, of all functions entered; those of the current one from #frame on. */
  #slots: Int32Array
  #slotCount = 0
  #frame = 0
  /** Three words per call: where to go on, where its program ends, its caller's frame. */
  #calls: Int32Array
  #callWords = 0
  /** Where in the code the next byte is read. */
  #at = 0

  constructor(script: BvScript, meter: Meter) {
    this.#script = script
    this.#meter = meter
    this.circuits = new Circuits(script.inputBits, meter)
    allocateWords(meter, 3 * FIRST_ENTRIES)
    this.#starts = new Int32Array(FIRST_ENTRIES)
    this.#slots = new Int32Array(FIRST_ENTRIES)
    this.#calls = new Int32Array(FIRST_ENTRIES)
  }

  run(assertion: number): number {
    const { code, constants, functions, assertions } = this.#script
    const gates = this.circuits.gates
    this.#at = assertions.fromOf(assertion)
    let end = assertions.toOf(assertion)
    for (;;) {
      if (this.#at === end) {
        if (this.#callWords === 0) break
        const parameters = this.#slotCount - this.#frame
        gates.owe(GAS_INSTRUCTION)
        this.#collapse(parameters)
        this.#slotCount = this.#frame
        this.#callWords -= 3
        this.#at = this.#calls[this.#callWords] as number
        end = this.#calls[this.#callWords + 1] as number
        this.#frame = this.#calls[this.#callWords + 2] as number
        continue
      }
      gates.owe(GAS_INSTRUCTION)
      const instruction = code[this.#at++]
      switch (instruction) {
        case INSTRUCTION.input: {
          const constant = this.#operand()
          this.#pushInput(constants.firstNodeOf(constant), widthOf(constants.sortOf(constant)))
          break
        }
        case INSTRUCTION.literal:
          this.#pushLiteral(this.#operand(), this.#operand())
          break
        case INSTRUCTION.boolean: {
          const start = this.#push(1)
          this.circuits.bits[start] = code[this.#at++] as number
          break
        }
        case INSTRUCTION.local:
          this.#pushLocal(this.#operand())
          break
        case INSTRUCTION.bind:
          this.#bind(this.#operand())
          break
        case INSTRUCTION.unbind: {
          const count = this.#operand()
          this.#slotCount -= count
          this.#collapse(count)
          break
        }
        case INSTRUCTION.call: {
          const called = this.#operand()
          const parameters = this.#operand()
          this.#enter(this.#at, end, parameters)
          this.#at = functions.fromOf(called)
          end = functions.toOf(called)
          break
        }
        default:
          assert(instruction === INSTRUCTION.apply, `no instruction ${instruction}`)
          this.#apply(this.#operand() as OperatorCode, this.#operand(), this.#operand(), this.#operand())
      }
    }
    assert(this.#values === 1 && this.#slotCount === 0, 'a program leaves one value')
    this.#values = 0
    return this.circuits.bits[0] as number
  }

  #operand(): number {
    const { code } = this.#script
    let byte = code[this.#at++] as number
    let number = byte & 127
    for (let shift = 7; byte >= 128; shift += 7) {
      byte = code[this.#at++] as number
      number |= (byte & 127) << shift
    }
    return number
  }

  // --- the stacks -----------------------------------------------------------------------------------------------------

  get #top(): number {
    return this.#starts[this.#values] as number
  }

  /** Room for one more value of so many bits; returns where it begins. */
  #push(width: number): number {
    this.circuits.gates.owe(gasOfBits(width))
    if (this.#values + 2 > this.#starts.length) this.#starts = this.#doubled(this.#starts)
    const start = this.#top
    this.circuits.reserve(start + width)
    this.#starts[++this.#values] = start + width
    return start
  }

  #doubled(entries: Int32Array): Int32Array {
    this.circuits.gates.settle()
    allocateWords(this.#meter, 2 * entries.length)
    const larger = new Int32Array(2 * entries.length)
    larger.set(entries)
    return larger
  }

  /** Moves the value on top down over the `count` values under it. */
  #collapse(count: number): void {
    const from = this.#starts[this.#values - 1] as number
    const to = this.#starts[this.#values - 1 - count] as number
    const width = this.#top - from
    this.circuits.gates.owe(gasOfBits(width))
    this.#copy(from, to, width)
    this.#values -= count
    this.#starts[this.#values] = to + width
  }

  /** Short ones by hand: the built-in copy takes as long as moving some dozens of words. */
  #copy(from: number, to: number, width: number): void {
    const { bits } = this.circuits
    if (width > SHORT_BITS) bits.copyWithin(to, from, from + width)
    else for (let k = 0; k < width; k++) bits[to + k] = bits[from + k] as number
  }

  #pushInput(node: number, width: number): void {
    const start = this.#push(width)
    const { bits } = this.circuits
    for (let i = 0; i < width; i++) bits[start + i] = 2 * (node + i)
  }

  #pushLiteral(digits: number, width: number): void {
    const start = this.#push(width)
    const { bits } = this.circuits
    const { bytes } = this.#script
    const perDigit = bytes[digits - 1] === LETTER_X ? 4 : 1
    const last = digits + width / perDigit - 1
    for (let i = 0; i < width; i += perDigit) {
      const byte = bytes[last - i / perDigit] as number
      const digit = byte < LETTER_A ? byte - ZERO : byte - LETTER_A + 10
      for (let k = 0; k < perDigit; k++) bits[start + i + k] = (digit >> k) & 1
    }
  }

  #pushLocal(slot: number): void {
    const value = this.#slots[this.#frame + slot] as number
    const from = this.#starts[value] as number
    const width = (this.#starts[value + 1] as number) - from
    const start = this.#push(width)
    this.#copy(from, start, width)
  }

  #bind(count: number): void {
    for (let k = 0; k < count; k++) {
      if (this.#slotCount === this.#slots.length) this.#slots = this.#doubled(this.#slots)
      this.#slots[this.#slotCount++] = this.#values - count + k
    }
  }

  #enter(returnTo: number, end: number, parameters: number): void {
    if (this.#callWords + 3 > this.#calls.length) this.#calls = this.#doubled(this.#calls)
    this.#calls[this.#callWords] = returnTo
    this.#calls[this.#callWords + 1] = end
    this.#calls[this.#callWords + 2] = this.#frame
    this.#callWords += 3
    this.#frame = this.#slotCount
    this.#bind(parameters)
  }

  // --- operators ------------------------------------------------------------------------------------------------------

  /** The result goes on top of the arguments, then down over them. */
  #apply(operator: OperatorCode, count: number, i: number, j: number): void {
    const first = this.#values - count
    const a = this.#starts[first] as number
    const width = (this.#starts[first + 1] as number) - a
    switch (operator) {
      case OPERATOR.not:
      case OPERATOR.bvnot:
        this.#bitwise(a, width, (x) => x ^ 1)
        break
      case OPERATOR.and:
      case OPERATOR.bvand:
        this.#folded(first, count, width, (x, y) => this.circuits.gates.and(x, y))
        break
      case OPERATOR.or:
      case OPERATOR.bvor:
        this.#folded(first, count, width, (x, y) => this.circuits.gates.or(x, y))
        break
      case OPERATOR.xor:
      case OPERATOR.bvxor:
        this.#folded(first, count, width, (x, y) => this.circuits.gates.xor(x, y))
        break
      case OPERATOR.bvnand:
        this.#folded(first, count, width, (x, y) => this.circuits.gates.and(x, y) ^ 1)
        break
      case OPERATOR.bvnor:
        this.#folded(first, count, width, (x, y) => this.circuits.gates.or(x, y) ^ 1)
        break
      case OPERATOR.bvxnor:
        this.#folded(first, count, width, (x, y) => this.circuits.gates.xor(x, y) ^ 1)
        break
      case OPERATOR.implies:
        this.#implies(a, count)
        break
      case OPERATOR.equal:
        this.#chained(first, count, width)
        break
      case OPERATOR.distinct:
        this.#distinct(first, count, width)
        break
      case OPERATOR.ite:
        this.#ite(first)
        break
      case OPERATOR.concat:
        this.#concat(first, count)
        break
      case OPERATOR.extract:
        this.#extract(a, i, j)
        break
      case OPERATOR.zeroExtend:
        this.#extend(a, width, i, FALSE)
        break
      case OPERATOR.signExtend:
        this.#extend(a, width, i, this.circuits.bits[a + width - 1] as number)
        break
      case OPERATOR.rotateLeft:
        this.#rotate(a, width, i % width)
        break
      case OPERATOR.rotateRight:
        this.#rotate(a, width, (width - (i % width)) % width)
        break
      case OPERATOR.repeat:
        this.#repeat(a, width, i)
        break
      case OPERATOR.bvadd:
      case OPERATOR.bvmul:
        this.#sumOrProduct(operator, first, count, width)
        break
      default:
        this.#arithmetic(operator, a, a + width, width)
    }
    this.#collapse(count)
  }

  #bitwise(a: number, width: number, gate: (x: number) => number): void {
    const out = this.#push(width)
    const { bits } = this.circuits
    for (let k = 0; k < width; k++) bits[out + k] = gate(bits[a + k] as number)
  }

  /** From left to right, all bits of one argument before the next argument. */
  #folded(first: number, count: number, width: number, gate: (x: number, y: number) => number): void {
    const out = this.#push(width)
    const { bits } = this.circuits
    const a = this.#starts[first] as number
    bits.copyWithin(out, a, a + width)
    for (let n = 1; n < count; n++) {
      for (let k = 0; k < width; k++) bits[out + k] = gate(bits[out + k] as number, bits[a + n * width + k] as number)
    }
  }

  /** a => b => c is a => (b => c). */
  #implies(a: number, count: number): void {
    const out = this.#push(1)
    const { bits, gates } = this.circuits
    let result = bits[a + count - 1] as number
    for (let n = count - 2; n >= 0; n--) result = gates.or((bits[a + n] as number) ^ 1, result)
    bits[out] = result
  }

  #chained(first: number, count: number, width: number): void {
    const out = this.#push(1)
    const a = this.#starts[first] as number
    let all = TRUE
    for (let n = 1; n < count; n++) {
      all = this.circuits.gates.and(all, this.circuits.equal(a + (n - 1) * width, a + n * width, width))
    }
    this.circuits.bits[out] = all
  }

  #distinct(first: number, count: number, width: number): void {
    const out = this.#push(1)
    const a = this.#starts[first] as number
    let all = TRUE
    for (let m = 0; m < count; m++) {
      for (let n = m + 1; n < count; n++) {
        all = this.circuits.gates.and(all, this.circuits.equal(a + m * width, a + n * width, width) ^ 1)
      }
    }
    this.circuits.bits[out] = all
  }

  #ite(first: number): void {
    const condition = this.#starts[first] as number
    const t = condition + 1
    const width = (this.#starts[first + 2] as number) - t
    const out = this.#push(width)
    this.circuits.choose(this.circuits.bits[condition] as number, t, t + width, out, width)
  }

  /** The first argument holds the highest bits. */
  #concat(first: number, count: number): void {
    const a = this.#starts[first] as number
    const out = this.#push(this.#top - a)
    let to = out
    for (let n = count - 1; n >= 0; n--) {
      const from = this.#starts[first + n] as number
      const end = this.#starts[first + n + 1] as number
      this.#copy(from, to, end - from)
      to += end - from
    }
  }

  #extract(a: number, i: number, j: number): void {
    const out = this.#push(i - j + 1)
    this.circuits.bits.copyWithin(out, a + j, a + i + 1)
  }

  #extend(a: number, width: number, by: number, fill: number): void {
    const out = this.#push(width + by)
    const { bits } = this.circuits
    bits.copyWithin(out, a, a + width)
    bits.fill(fill, out + width, out + width + by)
  }

  #rotate(a: number, width: number, by: number): void {
    const out = this.#push(width)
    this.#copy(a, out + by, width - by)
    this.#copy(a + width - by, out, by)
  }

  #repeat(a: number, width: number, times: number): void {
    const out = this.#push(width * times)
    const { bits } = this.circuits
    this.#copy(a, out, width)
    for (let k = out + width; k < out + width * times; k++) bits[k] = bits[k - width] as number
  }

  #sumOrProduct(operator: OperatorCode, first: number, count: number, width: number): void {
    const a = this.#starts[first] as number
    const out = this.#push(width)
    const partial = this.#scratch(out + width, width)
    const { circuits } = this
    circuits.bits.copyWithin(out, a, a + width)
    for (let n = 1; n < count; n++) {
      circuits.bits.copyWithin(partial, out, out + width)
      if (operator === OPERATOR.bvadd) circuits.add(partial, a + n * width, out, width, 0, FALSE)
      else circuits.multiply(partial, a + n * width, out, width)
    }
  }

  /** Room above the result for what a circuit needs on the way. */
  #scratch(start: number, words: number): number {
    this.circuits.gates.owe(gasOfBits(words))
    this.circuits.reserve(start + words)
    return start
  }

  /** Operators of one or two arguments of one width. */
  #arithmetic(operator: OperatorCode, a: number, b: number, width: number): void {
    const { circuits } = this
    switch (operator) {
      case OPERATOR.bvneg: {
        const out = this.#push(width)
        circuits.negate(a, out, width)
        return
      }
      case OPERATOR.bvsub: {
        const out = this.#push(width)
        circuits.add(a, b, out, width, 1, TRUE)
        return
      }
      case OPERATOR.bvudiv:
      case OPERATOR.bvurem: {
        const out = this.#push(width)
        const other = this.#scratch(out + width, 2 * width)
        if (operator === OPERATOR.bvudiv) circuits.divide(a, b, out, other, width, other + width)
        else circuits.divide(a, b, other, out, width, other + width)
        return
      }
      case OPERATOR.bvsdiv:
      case OPERATOR.bvsrem:
      case OPERATOR.bvsmod:
        this.#signedDivision(operator, a, b, width)
        return
      case OPERATOR.bvshl: {
        const out = this.#push(width)
        circuits.shift(a, b, out, width, 'left', FALSE)
        return
      }
      case OPERATOR.bvlshr: {
        const out = this.#push(width)
        circuits.shift(a, b, out, width, 'right', FALSE)
        return
      }
      case OPERATOR.bvashr: {
        const out = this.#push(width)
        circuits.shift(a, b, out, width, 'right', circuits.bits[a + width - 1] as number)
        return
      }
      default: {
        const out = this.#push(1)
        const holds = this.#predicate(operator, a, b, width)
        circuits.bits[out] = holds // not in one statement with the line above: where that makes room, the stack is another array then
      }
    }
  }

  /** By the absolute values: the quotient is negative if the signs differ, the remainder if the dividend is. */
  #signedDivision(operator: OperatorCode, a: number, b: number, width: number): void {
    const { circuits } = this
    const out = this.#push(width)
    const absoluteA = this.#scratch(out + width, 5 * width)
    const absoluteB = absoluteA + width
    const quotient = absoluteB + width
    const remainder = quotient + width
    const scratch = remainder + width
    const { bits, gates } = circuits
    const signA = bits[a + width - 1] as number
    const signB = bits[b + width - 1] as number
    circuits.negateIf(signA, a, absoluteA, width, scratch)
    circuits.negateIf(signB, b, absoluteB, width, scratch)
    circuits.divide(absoluteA, absoluteB, quotient, remainder, width, scratch)
    if (operator === OPERATOR.bvsdiv) {
      circuits.negateIf(gates.xor(signA, signB), quotient, out, width, scratch)
      return
    }
    if (operator === OPERATOR.bvsrem) {
      circuits.negateIf(signA, remainder, out, width, scratch)
      return
    }
    // bvsmod: the remainder with the dividend's sign, plus the divisor if the signs differ and it is not zero.
    const zero = circuits.isZero(remainder, width)
    circuits.negateIf(signA, remainder, quotient, width, scratch)
    circuits.add(quotient, b, scratch, width, 0, FALSE)
    const asItIs = gates.or(zero, gates.xor(signA, signB) ^ 1)
    circuits.choose(asItIs, quotient, scratch, out, width)
  }

  #predicate(operator: OperatorCode, a: number, b: number, width: number): number {
    const { circuits } = this
    switch (operator) {
      case OPERATOR.bvult:
        return circuits.less(a, b, width, 'unsigned')
      case OPERATOR.bvule:
        return circuits.less(b, a, width, 'unsigned') ^ 1
      case OPERATOR.bvugt:
        return circuits.less(b, a, width, 'unsigned')
      case OPERATOR.bvuge:
        return circuits.less(a, b, width, 'unsigned') ^ 1
      case OPERATOR.bvslt:
        return circuits.less(a, b, width, 'signed')
      case OPERATOR.bvsle:
        return circuits.less(b, a, width, 'signed') ^ 1
      case OPERATOR.bvsgt:
        return circuits.less(b, a, width, 'signed')
      case OPERATOR.bvsge:
        return circuits.less(a, b, width, 'signed') ^ 1
      case OPERATOR.bvcomp:
        return circuits.equal(a, b, width)
      case OPERATOR.bvnego:
        return this.#isLeastSigned(a, width)
      case OPERATOR.bvuaddo:
        return circuits.carryOut(a, b, width, 0, FALSE)
      case OPERATOR.bvusubo:
        return circuits.less(a, b, width, 'unsigned')
      case OPERATOR.bvsaddo:
        return circuits.signedOverflow(a, b, width, 0, FALSE)
      case OPERATOR.bvssubo:
        return circuits.signedOverflow(a, b, width, 1, TRUE)
      case OPERATOR.bvumulo:
        return this.#productOverflow(a, b, width, 'unsigned')
      case OPERATOR.bvsmulo:
        return this.#productOverflow(a, b, width, 'signed')
      default: {
        assert(operator === OPERATOR.bvsdivo, `no operator ${operator}`)
        // The least number divided by -1.
        let ones = TRUE
        for (let k = 0; k < width; k++) ones = circuits.gates.and(ones, circuits.bits[b + k] as number)
        return circuits.gates.and(this.#isLeastSigned(a, width), ones)
      }
    }
  }

  #isLeastSigned(a: number, width: number): number {
    const zero = this.circuits.isZero(a, width - 1)
    return this.circuits.gates.and(zero, this.circuits.bits[a + width - 1] as number)
  }

  /** The product in twice the width; it fits if the upper half repeats what the lower half says its sign is. */
  #productOverflow(a: number, b: number, width: number, order: 'unsigned' | 'signed'): number {
    const x = this.#scratch(this.#top, 6 * width)
    const y = x + 2 * width
    const product = y + 2 * width
    const { bits, gates } = this.circuits
    for (const [from, to] of [
      [a, x],
      [b, y],
    ] as const) {
      bits.copyWithin(to, from, from + width)
      bits.fill(order === 'signed' ? (bits[from + width - 1] as number) : FALSE, to + width, to + 2 * width)
    }
    this.circuits.multiply(x, y, product, 2 * width)
    const sign = order === 'signed' ? (bits[product + width - 1] as number) : FALSE
    let any = FALSE
    for (let k = width; k < 2 * width; k++) any = gates.or(any, gates.xor(bits[product + k] as number, sign))
    return any
  }
}

function gasOfBits(bits: number): number {
  return Math.ceil(bits / BITS_PER_GAS)
}

// One that has asserted "true".
const TRIVIAL: BvScript = {
  bytes: EMPTY_BYTES,
  code: Uint8Array.of(INSTRUCTION.boolean, 1),
  constants: new ConstantTable(EMPTY_BYTES),
  functions: new ProgramTable(),
  assertions: new ProgramTable(),
  inputBits: 0,
}
TRIVIAL.assertions.add(0, 2)
TRIVIAL.assertions.settle()
const machine = new Machine(TRIVIAL, { charge: () => undefined, allocate: () => undefined, gas: 0 })
machine.run(0)
keepShapeOf(machine)
