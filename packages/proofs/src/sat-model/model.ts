/**
 * A model in its two forms: the certificate, one bit per variable, and the text that SAT solvers print.
 *
 * Certificate: the value of variable v (from 1) is bit (v - 1) mod 8, counted from the lowest, of byte (v - 1) div 8; there
 * are as many bytes as the formula's variables need, and the bits behind the last variable are 0. So an assignment has one
 * certificate.
 */
import { ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { describe } from '../lrat/cnf.js'
import { MAX_VARIABLE } from '../lrat/gas.js'

const LINE_FEED = 10
const MINUS = 45
const ZERO = 48
const NINE = 57
const LETTER_C = 99
const LETTER_S = 115
const LETTER_V = 118
const UPPER_S = 83

/** Bytes of a certificate for so many variables. */
export function modelBytes(variables: number): number {
  return Math.ceil(variables / 8)
}

/** The certificate of the assignment that makes exactly these variables true. */
export function encodeModel(variables: number, isTrue: (variable: number) => boolean): Uint8Array {
  const model = new Uint8Array(modelBytes(variables))
  for (let v = 1; v <= variables; v++) {
    if (isTrue(v)) model[(v - 1) >>> 3] = (model[(v - 1) >>> 3] as number) | (1 << ((v - 1) & 7))
  }
  return model
}

/**
 * The certificate in the output of a SAT solver: the literals of its `v` lines up to `0`, or of a text that is nothing but literals,
 * as MiniSat writes it. Lines that begin with `c` are comments; `s SATISFIABLE` and MiniSat's `SAT` may stand before. Variables
 * not mentioned are false, variables that the formula does not have are passed over, and one that is given both ways
 * is refused.
 */
export function readModel(text: Uint8Array, variables: number): Result<Uint8Array, Refusal> {
  return new ModelReader(text, variables).read()
}

class ModelReader {
  readonly #bytes: Uint8Array
  readonly #variables: number
  readonly #model: Uint8Array
  readonly #given: Uint8Array
  #at = 0
  #line = 1
  #ended = false
  #literals = 0

  constructor(bytes: Uint8Array, variables: number) {
    this.#bytes = bytes
    this.#variables = variables
    this.#model = new Uint8Array(modelBytes(variables))
    this.#given = new Uint8Array(modelBytes(variables))
  }

  read(): Result<Uint8Array, Refusal> {
    for (; this.#at < this.#bytes.length; this.#line++) {
      const refusal = this.#readLine()
      if (refusal !== null) return { ok: false, error: refusal }
      this.#at++
    }
    if (this.#literals === 0 && !this.#ended) return refuse('no-model', 'expected "v" lines with literals, or literals, and found none')
    return ok(this.#model)
  }

  /** One line, up to its end. */
  #readLine(): Refusal | null {
    this.#skipBlanks()
    const first = this.#bytes[this.#at]
    if (first === LETTER_C) return this.#skipLine()
    if (first === LETTER_S || first === UPPER_S) return this.#readStatus()
    if (first === LETTER_V) this.#at++
    for (;;) {
      this.#skipBlanks()
      const byte = this.#bytes[this.#at]
      if (byte === undefined || byte === LINE_FEED) return null
      if (this.#ended) return this.#refusal('syntax', `expected nothing behind the 0 that ends the model, got ${describe(byte)}`)
      const refusal = this.#readLiteral()
      if (refusal !== null) return refusal
    }
  }

  /** `s SATISFIABLE` or `SAT`; another answer is no model. */
  #readStatus(): Refusal | null {
    const start = this.#at
    this.#skipLine()
    let status = ''
    for (let i = start; i < this.#at && status.length < 40; i++) status += String.fromCharCode(this.#bytes[i] as number)
    status = status.trim()
    if (status === 's SATISFIABLE' || status === 'SAT') return null
    return this.#refusal('no-model', `expected "s SATISFIABLE", got ${JSON.stringify(status)}`)
  }

  #readLiteral(): Refusal | null {
    const negative = this.#bytes[this.#at] === MINUS
    if (negative) this.#at++
    let value = 0
    let digits = 0
    for (; this.#at < this.#bytes.length && digits <= 10; this.#at++) {
      const byte = this.#bytes[this.#at] as number
      if (byte < ZERO || byte > NINE) break
      value = 10 * value + byte - ZERO
      digits++
    }
    const after = this.#bytes[this.#at]
    if (digits === 0 || digits > 10 || !(after === undefined || after === LINE_FEED || isBlank(after))) {
      return this.#refusal('syntax', `expected a literal, got ${describe(after)}`)
    }
    if (value === 0) {
      if (negative) return this.#refusal('syntax', 'expected a literal, got "-0"')
      this.#ended = true
      return null
    }
    if (value > MAX_VARIABLE) return this.#refusal('variable-range', `expected variables 1..${MAX_VARIABLE}, got ${value}`)
    this.#literals++
    return value <= this.#variables ? this.#give(value, negative) : null
  }

  #give(variable: number, negative: boolean): Refusal | null {
    const byte = (variable - 1) >>> 3
    const bit = 1 << ((variable - 1) & 7)
    const known = ((this.#given[byte] as number) & bit) !== 0
    if (known && (((this.#model[byte] as number) & bit) === 0) !== negative) {
      return this.#refusal('contradiction', `variable ${variable} is given both ways`)
    }
    this.#given[byte] = (this.#given[byte] as number) | bit
    if (!negative) this.#model[byte] = (this.#model[byte] as number) | bit
    return null
  }

  #skipBlanks(): void {
    while (this.#at < this.#bytes.length && isBlank(this.#bytes[this.#at] as number)) this.#at++
  }

  #skipLine(): null {
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== LINE_FEED) this.#at++
    return null
  }

  #refusal(code: string, message: string): Refusal {
    return { code, message: `line ${this.#line}: ${message}` }
  }
}

/** All blanks but the line end. */
function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 13
}
