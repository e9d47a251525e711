/**
 * DRAT proofs as solvers write them, text or binary: lemmas and deletions, one at a time into a reused buffer. Not part of any
 * kernel: what it misreads, the LRAT check refuses.
 */
import { describe } from '../lrat/cnf.js'
import { MAX_VARIABLE } from '../lrat/gas.js'

export type DratFormat = 'text' | 'binary'

/** Why a DRAT proof cannot be elaborated; a value to the outside. */
export class DratRefusal extends Error {
  override readonly name = 'DratRefusal'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const LETTER_A = 97
const LETTER_C = 99
const LETTER_D = 100
const LINE_FEED = 10
const MINUS = 45
const ZERO = 48
const NINE = 57

/**
 * Binary if a byte among the first is one that text never has. A binary proof always has one there: its first `a` is none
 * of the letters of text, and a proof that only deletes derives nothing.
 */
export function dratFormatOf(proof: Uint8Array): DratFormat {
  if (proof[0] === LETTER_A) return 'binary'
  for (let at = 0; at < proof.length && at < 64; at++) {
    const byte = proof[at] as number
    if (byte === LETTER_C && (at === 0 || proof[at - 1] === LINE_FEED)) return 'text'
    const text = isBlank(byte) || byte === LETTER_D || byte === MINUS || (byte >= ZERO && byte <= NINE)
    if (!text) return 'binary'
  }
  return 'text'
}

export class LemmaReader {
  readonly #bytes: Uint8Array
  readonly #format: DratFormat
  /** Bytes read so far. */
  at = 0
  /** Literal codes of the current step, in the order written. */
  literals: Int32Array = new Int32Array(256)
  count = 0

  constructor(bytes: Uint8Array, format: DratFormat) {
    this.#bytes = bytes
    this.#format = format
  }

  next(): 'lemma' | 'deletion' | 'end' {
    this.count = 0
    return this.#format === 'binary' ? this.#nextBinary() : this.#nextText()
  }

  #add(code: number): void {
    if (this.count === this.literals.length) {
      const larger = new Int32Array(2 * this.count)
      larger.set(this.literals)
      this.literals = larger
    }
    this.literals[this.count++] = code
  }

  #nextBinary(): 'lemma' | 'deletion' | 'end' {
    const bytes = this.#bytes
    if (this.at >= bytes.length) return 'end'
    const letter = bytes[this.at++]
    if (letter !== LETTER_A && letter !== LETTER_D)
      throw new DratRefusal('syntax', `byte ${this.at - 1}: expected a step, "a" or "d", got ${describe(letter)}`)
    for (;;) {
      let value = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[this.at++]
        if (byte === undefined) throw new DratRefusal('truncated', 'expected the rest of a step, got the end of the proof')
        value += (byte & 127) * 2 ** shift
        if (value > 2 * MAX_VARIABLE + 1)
          throw new DratRefusal('literal-range', `byte ${this.at - 1}: expected variables up to ${MAX_VARIABLE}`)
        if (byte < 128) break
      }
      if (value === 0) return letter === LETTER_A ? 'lemma' : 'deletion'
      if (value === 1) throw new DratRefusal('syntax', `byte ${this.at - 1}: expected a literal, got "-0"`)
      this.#add(value)
    }
  }

  #nextText(): 'lemma' | 'deletion' | 'end' {
    const bytes = this.#bytes
    this.#skip()
    while (bytes[this.at] === LETTER_C) {
      while (this.at < bytes.length && bytes[this.at] !== LINE_FEED) this.at++
      this.#skip()
    }
    if (this.at >= bytes.length) return 'end'
    let step: 'lemma' | 'deletion' = 'lemma'
    if (bytes[this.at] === LETTER_D) {
      this.at++
      step = 'deletion'
    }
    for (;;) {
      this.#skip()
      if (this.at >= bytes.length) throw new DratRefusal('truncated', 'expected the rest of a step, got the end of the proof')
      const start = this.at
      const negative = bytes[this.at] === MINUS
      if (negative) this.at++
      let value = 0
      const digits = this.at
      while (this.at < bytes.length) {
        const byte = bytes[this.at] as number
        if (byte < ZERO || byte > NINE) break
        value = 10 * value + byte - ZERO
        if (value > MAX_VARIABLE) throw new DratRefusal('literal-range', `byte ${start}: expected variables up to ${MAX_VARIABLE}`)
        this.at++
      }
      if (this.at === digits) throw new DratRefusal('syntax', `byte ${this.at}: expected a literal, got ${describe(bytes[this.at])}`)
      if (value === 0) return step
      this.#add(negative ? 2 * value + 1 : 2 * value)
    }
  }

  #skip(): void {
    while (this.at < this.#bytes.length && isBlank(this.#bytes[this.at] as number)) this.at++
  }
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === LINE_FEED || byte === 13 || byte === 9
}
