/**
 * The two spellings of an LRAT proof, read into one form: a step at a time into reused buffers, so that a proof of any
 * length needs the memory of its longest step. Every number is checked for range and for its one spelling here.
 *
 * Text starts with a digit, a blank or a comment's `c`; binary starts with the `a` or `d` of its first step. No proof is
 * both.
 */
import type { Meter } from '../verifier.js'
import { describe } from './cnf.js'
import { MAX_CLAUSE_ID, MAX_VARIABLE, WORDS_PER_GAS } from './gas.js'

/** A refusal on its way out of the check; caught in `verifyLrat`, nowhere else. */
export class LratRefusal extends Error {
  override readonly name = 'LratRefusal'
  readonly code: string
  readonly at: number
  constructor(code: string, message: string, at: number) {
    super(message)
    this.code = code
    this.at = at
  }
}

/** Puts memory on the meter, with the gas that clearing and copying it costs. */
export function allocate(meter: Meter, words: number): void {
  meter.charge(Math.ceil(words / WORDS_PER_GAS))
  meter.allocate(words)
}

export type StepKind = 'addition' | 'deletion' | 'end'

export interface StepReader {
  /** Reads the next step into the fields below. */
  next(): StepKind
  /** Byte offset at which the current step begins. */
  readonly offset: number
  /** Addition: id of the new clause. */
  readonly id: number
  /** Addition: literal codes, in the order written. */
  readonly literals: Int32Array
  readonly literalCount: number
  /** Addition: hints, negative ones open a RAT group. Deletion: the ids. */
  readonly hints: Int32Array
  readonly hintCount: number
  /** The largest literal code of the step, 0 if none. */
  readonly largestLiteral: number
}

export type LratFormat = 'text' | 'binary'

const LETTER_A = 97
const LETTER_C = 99
const LETTER_D = 100
const LINE_FEED = 10
const MINUS = 45
const ZERO = 48
const NINE = 57
const FIRST_BUFFER_WORDS = 256
const LARGEST_LITERAL_CODE = 2 * MAX_VARIABLE + 1

export function formatOf(proof: Uint8Array): LratFormat {
  return proof[0] === LETTER_A || proof[0] === LETTER_D ? 'binary' : 'text'
}

/** Puts words of memory on the meter before they are allocated. */
export type Reserve = (words: number) => void

export function stepReader(proof: Uint8Array, reserve: Reserve): StepReader {
  return formatOf(proof) === 'binary' ? new BinarySteps(proof, reserve) : new TextSteps(proof, reserve)
}

abstract class Steps {
  protected readonly bytes: Uint8Array
  protected at = 0
  readonly #reserve: Reserve
  offset = 0
  id = 0
  literals: Int32Array
  literalCount = 0
  hints: Int32Array
  hintCount = 0
  largestLiteral = 0

  constructor(bytes: Uint8Array, reserve: Reserve) {
    reserve(2 * FIRST_BUFFER_WORDS)
    this.bytes = bytes
    this.#reserve = reserve
    this.literals = new Int32Array(FIRST_BUFFER_WORDS)
    this.hints = new Int32Array(FIRST_BUFFER_WORDS)
  }

  /** Twice the buffer, its content kept. */
  protected grown(buffer: Int32Array): Int32Array {
    this.#reserve(2 * buffer.length)
    const larger = new Int32Array(2 * buffer.length)
    larger.set(buffer)
    return larger
  }

  protected refuse(code: string, message: string, at: number): never {
    throw new LratRefusal(code, `${message} at byte ${at}`, at)
  }
}

/** `a` id literals 0 hints 0, `d` ids 0; each number n as ULEB128 of 2|n| + (n < 0), in its shortest form. */
class BinarySteps extends Steps implements StepReader {
  next(): StepKind {
    const { bytes } = this
    if (this.at >= bytes.length) return 'end'
    this.offset = this.at
    this.literalCount = 0
    this.largestLiteral = 0
    const letter = bytes[this.at++] as number
    if (letter === LETTER_D) {
      this.#hints()
      for (let i = 0; i < this.hintCount; i++) {
        if ((this.hints[i] as number) < 0) this.refuse('syntax', 'expected positive ids in the deletion', this.offset)
      }
      return 'deletion'
    }
    if (letter !== LETTER_A) this.refuse('syntax', `expected a step, "a" or "d", got ${describe(letter)}`, this.offset)
    const id = this.#number()
    if (id < 2 || (id & 1) === 1) this.refuse('syntax', 'expected the positive id of the added clause', this.offset + 1)
    this.id = id >>> 1
    this.#literals()
    this.#hints()
    return 'addition'
  }

  #number(): number {
    const { bytes } = this
    const start = this.at
    let value = 0
    for (let shift = 0; ; shift += 7) {
      if (this.at >= bytes.length) this.refuse('truncated', 'expected the rest of a number, got the end of the proof', start)
      const byte = bytes[this.at++] as number
      if (shift === 28 && byte > 7) this.refuse('number-range', 'expected a number below 2^31', start)
      value |= (byte & 127) << shift
      if (byte < 128) {
        if (byte === 0 && shift > 0) this.refuse('syntax', 'expected a number in its shortest form', start)
        return value
      }
    }
  }

  #literals(): void {
    const { bytes } = this
    let literals = this.literals
    let count = 0
    let largest = 0
    for (;;) {
      // Most numbers of small proofs are one byte: read them here, the others in #number.
      const byte = this.at < bytes.length ? (bytes[this.at] as number) : 128
      let code = byte
      if (byte < 128) this.at++
      else code = this.#number()
      if (code === 0) break
      if (code === 1 || code > LARGEST_LITERAL_CODE) this.refuse('literal-range', `expected variables 1..${MAX_VARIABLE}`, this.at)
      if (code > largest) largest = code
      if (count === literals.length) literals = this.literals = this.grown(literals)
      literals[count++] = code
    }
    this.literalCount = count
    this.largestLiteral = largest
  }

  #hints(): void {
    const { bytes } = this
    let hints = this.hints
    let at = this.at
    let count = 0
    for (;;) {
      let code = at < bytes.length ? (bytes[at] as number) : 128
      if (code < 128) at++
      else {
        const second = at + 1 < bytes.length ? (bytes[at + 1] as number) : 128
        if (second < 128 && second > 0) {
          code = (code & 127) | (second << 7)
          at += 2
        } else {
          this.at = at
          code = this.#number()
          at = this.at
        }
      }
      if (code === 0) break
      if (code === 1) this.refuse('syntax', 'expected a clause id, got "-0"', at - 1)
      if (count === hints.length) hints = this.hints = this.grown(hints)
      hints[count++] = (code & 1) === 0 ? code >>> 1 : -(code >>> 1)
    }
    this.at = at
    this.hintCount = count
  }
}

/** `id literals 0 hints 0`, `id d ids 0`; blanks separate, a comment may stand where a step may begin. */
class TextSteps extends Steps implements StepReader {
  next(): StepKind {
    const { bytes } = this
    this.#skip()
    while (bytes[this.at] === LETTER_C) {
      while (this.at < bytes.length && bytes[this.at] !== LINE_FEED) this.at++
      this.#skip()
    }
    if (this.at >= bytes.length) return 'end'
    this.offset = this.at
    this.literalCount = 0
    this.largestLiteral = 0
    this.id = this.#number(MAX_CLAUSE_ID, 'id-range')
    if (this.id <= 0) this.refuse('syntax', 'expected the positive id of a step', this.offset)
    this.#skip()
    if (bytes[this.at] === LETTER_D) {
      this.at++
      if (this.at < bytes.length && !isBlank(bytes[this.at] as number)) {
        this.refuse('syntax', `expected a blank after "d", got ${describe(bytes[this.at])}`, this.at)
      }
      this.#numbers('positive')
      return 'deletion'
    }
    this.#literals()
    this.#numbers('signed')
    return 'addition'
  }

  #skip(): void {
    while (this.at < this.bytes.length && isBlank(this.bytes[this.at] as number)) this.at++
  }

  #literals(): void {
    let literals = this.literals
    let count = 0
    for (;;) {
      const literal = this.#number(MAX_VARIABLE, 'literal-range')
      if (literal === 0) break
      const code = literal < 0 ? 1 - 2 * literal : 2 * literal
      if (code > this.largestLiteral) this.largestLiteral = code
      if (count === literals.length) literals = this.literals = this.grown(literals)
      literals[count++] = code
    }
    this.literalCount = count
  }

  #numbers(sign: 'positive' | 'signed'): void {
    let hints = this.hints
    let count = 0
    for (;;) {
      const hint = this.#number(MAX_CLAUSE_ID, 'id-range')
      if (hint === 0) break
      if (hint < 0 && sign === 'positive') this.refuse('syntax', 'expected positive ids in the deletion', this.at)
      if (count === hints.length) hints = this.hints = this.grown(hints)
      hints[count++] = hint
    }
    this.hintCount = count
  }

  /** `-`? digits without leading zeros, ended by a blank or the end. */
  #number(most: number, code: string): number {
    const { bytes } = this
    this.#skip()
    const start = this.at
    if (start >= bytes.length) this.refuse('truncated', 'expected the rest of a step, got the end of the proof', start)
    const negative = bytes[start] === MINUS
    if (negative) this.at++
    const digits = this.at
    let value = 0
    while (this.at < bytes.length) {
      const byte = bytes[this.at] as number
      if (byte < ZERO || byte > NINE) break
      value = 10 * value + byte - ZERO
      if (value > most) this.refuse(code, `expected a number of at most ${most}`, start)
      this.at++
    }
    const after = this.at < bytes.length ? (bytes[this.at] as number) : undefined
    if (this.at === digits || (after !== undefined && !isBlank(after)))
      this.refuse('syntax', `expected an integer, got ${describe(after)}`, this.at)
    if (bytes[digits] === ZERO && (negative || this.at - digits > 1))
      this.refuse('syntax', 'expected an integer without leading zeros', start)
    return negative ? -value : value
  }
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === LINE_FEED || byte === 13 || byte === 9
}
