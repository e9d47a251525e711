/**
 * The spellings of an LRAT proof, read into one form: a step at a time into reused buffers, from pieces of any length, so
 * that a proof needs the memory of its longest step. Every number is checked for range and for its one spelling here, and
 * every byte read is charged.
 *
 * Text starts with a digit, a blank or a comment's `c`; binary starts with the `a` or `d` of its first step. No proof is
 * both.
 */
import type { Charges } from './charges.js'
import { describe } from './cnf.js'
import { GAS_BATCH, GAS_PROOF_BYTE, MAX_CLAUSE_ID, MAX_VARIABLE } from './gas.js'

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

/** A proof in pieces, from first to last. How it is cut makes no difference to verdict and gas. */
export interface ProofSource {
  /** The next piece, undefined at the end; it may be overwritten at the next call. */
  next(): Uint8Array | undefined
}

/** A proof that lies in memory as a whole. */
export function wholeProof(proof: Uint8Array): ProofSource {
  let rest: Uint8Array | undefined = proof
  return {
    next() {
      const piece = rest
      rest = undefined
      return piece
    },
  }
}

export type StepKind = 'addition' | 'deletion' | 'end'

export interface StepReader {
  readonly format: LratFormat
  /** Reads the next step into the fields below. */
  next(): StepKind
  /** Byte offset at which the current step begins. */
  readonly offset: number
  /** Bytes read so far. */
  readonly position: number
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
/** No number of a binary proof has more bytes. */
const LONGEST_NUMBER_BYTES = 5
const NO_BYTES = new Uint8Array(0)

export function formatOf(proof: Uint8Array): LratFormat {
  return proof[0] === LETTER_A || proof[0] === LETTER_D ? 'binary' : 'text'
}

/** `formulaClauses`: how many clauses the formula has, which tells the two binary spellings of ids apart. */
export function stepReader(source: ProofSource, charges: Charges, formulaClauses: number): StepReader {
  let first = source.next()
  while (first !== undefined && first.length === 0) first = source.next()
  if (first === undefined) throw new LratRefusal('truncated', 'expected LRAT steps, got an empty proof', 0)
  return formatOf(first) === 'binary' ? new BinarySteps(source, first, charges, formulaClauses) : new TextSteps(source, first, charges)
}

/** Pieces, position, charging: `at` runs up to `end`, then `more` pays for what was read and makes room for more. */
abstract class Steps {
  readonly #source: ProofSource
  readonly #charges: Charges
  protected bytes: Uint8Array
  protected at = 0
  /** Bytes from here on are not to be read before `more` was called; never further from what is paid than GAS_BATCH. */
  protected end = 0
  /** Offset in the proof of the piece's first byte. */
  #base = 0
  #paid = 0
  offset = 0
  id = 0
  literals: Int32Array
  literalCount = 0
  hints: Int32Array
  hintCount = 0
  largestLiteral = 0

  constructor(source: ProofSource, first: Uint8Array, charges: Charges) {
    charges.allocate(2 * FIRST_BUFFER_WORDS)
    this.#source = source
    this.#charges = charges
    this.bytes = first
    this.end = Math.min(first.length, GAS_BATCH)
    this.literals = charges.zeros(FIRST_BUFFER_WORDS)
    this.hints = charges.zeros(FIRST_BUFFER_WORDS)
  }

  get position(): number {
    return this.#base + this.at
  }

  /** Puts the bytes before `at` on the account. */
  protected pay(): void {
    const read = this.#base + this.at
    this.#charges.owe(GAS_PROOF_BYTE * (read - this.#paid))
    this.#paid = read
  }

  /** With `at` at `end`: whether there is a byte at `at`, which may have moved. */
  protected more(): boolean {
    this.pay()
    while (this.at === this.bytes.length) {
      const piece = this.#source.next()
      if (piece === undefined) {
        this.#base += this.at
        this.at = this.end = 0
        this.bytes = NO_BYTES
        return false
      }
      this.#base += this.bytes.length
      this.bytes = piece
      this.at = 0
    }
    this.end = Math.min(this.bytes.length, this.at + GAS_BATCH)
    return true
  }

  /** Twice the buffer, its content kept. */
  protected grown(buffer: Int32Array): Int32Array {
    this.pay()
    this.#charges.allocate(2 * buffer.length)
    return this.#charges.enlarged(buffer, 2 * buffer.length)
  }

  protected refuse(code: string, message: string, at: number): never {
    this.pay()
    throw new LratRefusal(code, `${message} at byte ${at}`, at)
  }
}

/**
 * `a` id literals 0 hints 0, `d` ids 0; each number n as ULEB128 of 2|n| + (n < 0), in its shortest form. CaDiCaL before 2.1
 * writes the id of an addition, and nothing else, as it is, not doubled. The first addition tells: an id that would not be
 * above the formula's if it were doubled is not.
 */
class BinarySteps extends Steps implements StepReader {
  readonly format = 'binary'
  readonly #formulaClauses: number
  #ids: 'unknown' | 'doubled' | 'plain' = 'unknown'

  constructor(source: ProofSource, first: Uint8Array, charges: Charges, formulaClauses: number) {
    super(source, first, charges)
    this.#formulaClauses = formulaClauses
  }

  next(): StepKind {
    if (this.at === this.end && !this.more()) return 'end'
    this.offset = this.position
    this.literalCount = 0
    this.largestLiteral = 0
    const letter = this.bytes[this.at++] as number
    if (letter === LETTER_D) {
      this.#readHints()
      for (let i = 0; i < this.hintCount; i++) {
        if ((this.hints[i] as number) < 0) this.refuse('syntax', 'expected positive ids in the deletion', this.offset)
      }
      this.pay()
      return 'deletion'
    }
    if (letter !== LETTER_A) this.refuse('syntax', `expected a step, "a" or "d", got ${describe(letter)}`, this.offset)
    this.id = this.#readId()
    this.#readLiterals()
    this.#readHints()
    this.pay()
    return 'addition'
  }

  #readId(): number {
    const code = this.#number()
    if (this.#ids === 'unknown') this.#ids = (code & 1) === 1 || code >>> 1 <= this.#formulaClauses ? 'plain' : 'doubled'
    const id = this.#ids === 'plain' ? code : code >>> 1
    if (id === 0 || (this.#ids === 'doubled' && (code & 1) === 1)) {
      this.refuse('syntax', 'expected the positive id of the added clause', this.offset + 1)
    }
    if (id > MAX_CLAUSE_ID) this.refuse('id-range', `expected an id of at most ${MAX_CLAUSE_ID}`, this.offset + 1)
    return id
  }

  #number(): number {
    const start = this.position
    let value = 0
    for (let shift = 0; ; shift += 7) {
      if (this.at === this.end && !this.more()) {
        this.refuse('truncated', 'expected the rest of a number, got the end of the proof', start)
      }
      const byte = this.bytes[this.at++] as number
      if (shift === 28 && byte > 7) this.refuse('number-range', 'expected a number below 2^31', start)
      value |= (byte & 127) << shift
      if (byte < 128) {
        if (byte === 0 && shift > 0) this.refuse('syntax', 'expected a number in its shortest form', start)
        return value
      }
    }
  }

  #readLiterals(): void {
    let literals = this.literals
    let count = 0
    let largest = 0
    let { at, bytes } = this
    let safe = this.end - LONGEST_NUMBER_BYTES
    for (;;) {
      // One or two bytes are read here, the others, and those near the end of the piece, in #number.
      let code = -1
      if (at <= safe) {
        const first = bytes[at] as number
        const second = bytes[at + 1] as number
        if (first < 128) {
          code = first
          at++
        } else if (second < 128 && second > 0) {
          code = (first & 127) | (second << 7)
          at += 2
        }
      }
      if (code < 0) {
        this.at = at
        code = this.#number()
        at = this.at
        bytes = this.bytes
        safe = this.end - LONGEST_NUMBER_BYTES
      }
      if (code === 0) break
      if (code === 1 || code > LARGEST_LITERAL_CODE) {
        this.at = at
        this.refuse('literal-range', `expected variables 1..${MAX_VARIABLE}`, this.position)
      }
      if (code > largest) largest = code
      if (count === literals.length) {
        this.at = at
        literals = this.literals = this.grown(literals)
      }
      literals[count++] = code
    }
    this.at = at
    this.literalCount = count
    this.largestLiteral = largest
  }

  #readHints(): void {
    let hints = this.hints
    let count = 0
    let { at, bytes } = this
    let safe = this.end - LONGEST_NUMBER_BYTES
    for (;;) {
      let code = 128
      if (at <= safe) {
        code = bytes[at] as number
        if (code < 128) at++
        else {
          // Most ids are two or three bytes; what is longer, or not in its shortest form, is left to #number.
          const second = bytes[at + 1] as number
          if (second < 128 && second > 0) {
            code = (code & 127) | (second << 7)
            at += 2
          } else {
            const third = bytes[at + 2] as number
            if (second > 127 && third < 128 && third > 0) {
              code = (code & 127) | ((second & 127) << 7) | (third << 14)
              at += 3
            } else code = -1
          }
        }
      } else code = -1
      if (code < 0) {
        this.at = at
        code = this.#number()
        at = this.at
        bytes = this.bytes
        safe = this.end - LONGEST_NUMBER_BYTES
      }
      if (code === 0) break
      if (code === 1) {
        this.at = at
        this.refuse('syntax', 'expected a clause id, got "-0"', this.position - 1)
      }
      if (count === hints.length) {
        this.at = at
        hints = this.hints = this.grown(hints)
      }
      hints[count++] = (code & 1) === 0 ? code >>> 1 : -(code >>> 1)
    }
    this.at = at
    this.hintCount = count
  }
}

/** `id literals 0 hints 0`, `id d ids 0`; blanks separate, a comment may stand where a step may begin. */
class TextSteps extends Steps implements StepReader {
  readonly format = 'text'

  next(): StepKind {
    while (this.#skip()) {
      if (this.bytes[this.at] !== LETTER_C) return this.#step()
      this.#skipLine()
    }
    return 'end'
  }

  #step(): StepKind {
    this.offset = this.position
    this.literalCount = 0
    this.largestLiteral = 0
    this.id = this.#number(MAX_CLAUSE_ID, 'id-range')
    if (this.id <= 0) this.refuse('syntax', 'expected the positive id of a step', this.offset)
    if (this.#skip() && this.bytes[this.at] === LETTER_D) {
      this.at++
      if ((this.at < this.end || this.more()) && !isBlank(this.bytes[this.at] as number)) {
        this.at++
        this.refuse('syntax', `expected a blank after "d", got ${describe(this.bytes[this.at - 1])}`, this.position - 1)
      }
      this.#readIds('positive')
      this.pay()
      return 'deletion'
    }
    this.#readLiterals()
    this.#readIds('signed')
    this.pay()
    return 'addition'
  }

  /** Skips blanks; whether there is something behind them. */
  #skip(): boolean {
    for (;;) {
      if (this.at === this.end && !this.more()) return false
      if (!isBlank(this.bytes[this.at] as number)) return true
      this.at++
    }
  }

  #skipLine(): void {
    for (;;) {
      if (this.at === this.end && !this.more()) return
      if (this.bytes[this.at] === LINE_FEED) return
      this.at++
    }
  }

  #readLiterals(): void {
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

  #readIds(sign: 'positive' | 'signed'): void {
    let hints = this.hints
    let count = 0
    for (;;) {
      const hint = this.#number(MAX_CLAUSE_ID, 'id-range')
      if (hint === 0) break
      if (hint < 0 && sign === 'positive') this.refuse('syntax', 'expected positive ids in the deletion', this.position)
      if (count === hints.length) hints = this.hints = this.grown(hints)
      hints[count++] = hint
    }
    this.hintCount = count
  }

  /** `-`? digits without leading zeros, ended by a blank, which is read with them, or by the end. */
  #number(most: number, code: string): number {
    if (!this.#skip()) this.refuse('truncated', 'expected the rest of a step, got the end of the proof', this.position)
    const start = this.position
    const negative = this.bytes[this.at] === MINUS
    if (negative) this.at++
    let value = 0
    let digits = 0
    let leading = 0
    for (;;) {
      if (this.at === this.end && !this.more()) break
      const byte = this.bytes[this.at++] as number
      if (byte < ZERO || byte > NINE) {
        if (isBlank(byte) && digits > 0) break
        this.refuse('syntax', `expected an integer, got ${describe(byte)}`, this.position - 1)
      }
      if (digits === 0) leading = byte
      digits++
      value = 10 * value + byte - ZERO
      if (value > most) this.refuse(code, `expected a number of at most ${most}`, start)
      if (leading === ZERO && (negative || digits > 1)) this.refuse('syntax', 'expected an integer without leading zeros', start)
    }
    if (digits === 0) this.refuse('truncated', 'expected the rest of a number, got the end of the proof', start)
    return negative ? -value : value
  }
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === LINE_FEED || byte === 13 || byte === 9
}
