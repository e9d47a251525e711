/**
 * A CNF formula in its two forms: DIMACS text, as people and tools write it, and the canonical claim, the one byte string
 * that stands for it in the ledger.
 *
 * The canonical claim keeps the order of the clauses, because a proof names clause i by its position; within a clause the
 * literals are sorted and repeated ones dropped, and the number of variables is the largest that occurs. So neither the
 * layout of a file nor a generous header makes a second claim of the same formula. All integers are u32, big-endian:
 *
 *     variables | clauses | per clause: literal count >= 1 | literal codes, strictly ascending
 *
 * where the code of variable v is 2v, and of its negation 2v+1.
 */
import { ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { MAX_CLAUSE_ID, MAX_VARIABLE } from './gas.js'

/** A parsed canonical claim. */
export interface Cnf {
  /** Largest variable that occurs; 0 only without clauses. */
  readonly variables: number
  readonly clauses: number
  /** Per clause: literal count, then literal codes, strictly ascending. */
  readonly words: Int32Array
  /** Length of the canonical claim. */
  readonly claimBytes: number
}

const HEADER_BYTES = 8
const WORD_BYTES = 4
/** No clause takes fewer bytes in DIMACS text: a digit, a space, `0`, a line end (the last one may lack it). */
const LEAST_CLAUSE_BYTES = 4

const TAB = 9
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const PERCENT = 37
const MINUS = 45
const ZERO = 48
const NINE = 57
const LETTER_A = 97
const LETTER_C = 99
const LETTER_E = 101
const LETTER_P = 112
const LETTER_X = 120

/** Lines of other formats that begin like DIMACS, by their first byte: what they are, and what to do. */
const FOREIGN_LINES: ReadonlyMap<number, string> = new Map([
  [LETTER_X, 'an XOR clause is none of a CNF; write it as the clauses that it stands for'],
  [LETTER_A, 'quantified formulas (QDIMACS) are no CNF'],
  [LETTER_E, 'quantified formulas (QDIMACS) are no CNF'],
  [LETTER_P, 'one header is all there is'],
])

/** Refuses what is not the canonical form; never allocates more than the bytes justify. */
export function parseCnfClaim(bytes: Uint8Array): Result<Cnf, Refusal> {
  if (bytes.length < HEADER_BYTES || bytes.length % WORD_BYTES !== 0) {
    return refuse('claim-length', `expected a canonical CNF of at least ${HEADER_BYTES} bytes in 4-byte words, got ${bytes.length} bytes`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const variables = view.getUint32(0)
  const clauses = view.getUint32(4)
  const words = new Int32Array((bytes.length - HEADER_BYTES) / WORD_BYTES)
  if (variables > MAX_VARIABLE) return refuse('too-many-variables', `expected at most ${MAX_VARIABLE} variables, got ${variables}`)
  if (clauses > words.length / 2) return refuse('clause-count', `expected ${clauses} clauses, got ${words.length} words, too few for them`)
  let largest = 0
  let at = 0
  for (let clause = 1; clause <= clauses; clause++) {
    if (at >= words.length) return refuse('clause-count', `expected ${clauses} clauses, got ${clause - 1}`)
    const count = view.getUint32(HEADER_BYTES + WORD_BYTES * at)
    if (count === 0) return refuse('empty-clause', `clause ${clause} is empty: the formula is unsatisfiable without any proof`)
    if (count > words.length - at - 1)
      return refuse('claim-length', `clause ${clause} announces ${count} literals, more than the claim holds`)
    words[at++] = count
    let previous = 1
    for (let k = 0; k < count; k++) {
      const code = view.getUint32(HEADER_BYTES + WORD_BYTES * at)
      if (code <= previous) {
        return refuse(
          'literal-order',
          `clause ${clause}: expected literal codes from 2 up, strictly ascending, got ${code} after ${previous}`,
        )
      }
      if (code >>> 1 > variables)
        return refuse('variable-range', `clause ${clause}: variable ${code >>> 1} exceeds the announced ${variables}`)
      words[at++] = code
      previous = code
    }
    if (previous >>> 1 > largest) largest = previous >>> 1
  }
  if (at !== words.length)
    return refuse('clause-count', `expected ${clauses} clauses to end the claim, got ${words.length - at} more words`)
  if (largest !== variables) return refuse('variable-count', `expected the largest variable that occurs, ${largest}, got ${variables}`)
  return ok({ variables, clauses, words, claimBytes: bytes.length })
}

/** The canonical claim of a DIMACS file. */
export function cnfToClaim(dimacs: Uint8Array): Result<Uint8Array, Refusal> {
  const parsed = readDimacs(dimacs)
  return parsed.ok ? ok(claimBytesOf(parsed.value)) : parsed
}

/** The formula of a DIMACS file, the same as `parseCnfClaim` of its canonical claim without the claim's bytes. */
export function readDimacs(dimacs: Uint8Array): Result<Cnf, Refusal> {
  const parsed = new DimacsReader(dimacs).read()
  if (!parsed.ok) return parsed
  const { clauses, words } = parsed.value
  return ok({ variables: largestVariable(words), clauses, words, claimBytes: HEADER_BYTES + WORD_BYTES * words.length })
}

/** The canonical claim of clauses given as DIMACS integers; they must be non-empty and in range (our own generators). */
export function clausesToClaim(clauses: readonly (readonly number[])[]): Uint8Array {
  let length = 0
  for (const clause of clauses) length += 1 + clause.length
  const words = new Int32Array(length)
  let at = 0
  for (const clause of clauses) {
    const count = at++
    for (const literal of clause) words[at++] = codeOf(literal)
    at = count + 1 + sortUnique(words, count + 1, at)
    words[count] = at - count - 1
  }
  return claimBytesOf({ clauses: clauses.length, words: words.subarray(0, at) })
}

/** 2v for v, 2v+1 for -v. */
export function codeOf(literal: number): number {
  return literal < 0 ? 1 - 2 * literal : 2 * literal
}

function claimBytesOf(cnf: { readonly clauses: number; readonly words: Int32Array }): Uint8Array {
  const { words } = cnf
  const bytes = new Uint8Array(HEADER_BYTES + WORD_BYTES * words.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, largestVariable(words))
  view.setUint32(4, cnf.clauses)
  for (let i = 0; i < words.length; i++) view.setUint32(HEADER_BYTES + WORD_BYTES * i, words[i] as number)
  return bytes
}

/** Literals are sorted: the last of each clause has its largest variable. */
function largestVariable(words: Int32Array): number {
  let largest = 0
  for (let at = 0; at < words.length; ) {
    const count = words[at] as number
    const last = (words[at + count] as number) >>> 1
    if (last > largest) largest = last
    at += count + 1
  }
  return largest
}

/** Sorts words[from..to) and drops repeats; returns how many remain. */
function sortUnique(words: Int32Array, from: number, to: number): number {
  if (to - from > 16) words.subarray(from, to).sort()
  else {
    for (let i = from + 1; i < to; i++) {
      const word = words[i] as number
      let k = i - 1
      while (k >= from && (words[k] as number) > word) {
        words[k + 1] = words[k] as number
        k--
      }
      words[k + 1] = word
    }
  }
  let kept = from
  for (let i = from; i < to; i++) {
    if (kept === from || words[i] !== words[kept - 1]) words[kept++] = words[i] as number
  }
  return kept - from
}

/**
 * DIMACS at byte level. Comment lines (first non-blank byte `c`) may stand anywhere, clauses may span lines, and the `%`
 * line that SATLIB puts after the last clause is accepted, with nothing but blanks and one `0` behind it.
 */
class DimacsReader {
  readonly #bytes: Uint8Array
  #at = 0
  #line = 1
  #lineStart = true

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  read(): Result<{ readonly clauses: number; readonly words: Int32Array }, Refusal> {
    const header = this.#header()
    if (!header.ok) return header
    const { variables, clauses } = header.value
    // A word for each number, a clause's 0 among them, and one for the count of a clause not yet ended.
    const words = new Int32Array(this.#numbersLeft() + 2)
    let used = 1
    let start = 0
    let complete = 0
    for (;;) {
      const byte = this.#nextByte()
      if (byte === -1) break
      if (byte === PERCENT && this.#lineStart && used === start + 1) {
        const trailer = this.#trailer()
        if (!trailer.ok) return trailer
        break
      }
      if (complete === clauses) return this.#refuse('clause-count', `expected ${clauses} clauses as the header says, got more`)
      const foreign = this.#lineStart ? FOREIGN_LINES.get(byte) : undefined
      if (foreign !== undefined) return this.#refuse('syntax', `expected a clause of integers, got ${describe(byte)}: ${foreign}`)
      const literal = this.#integer()
      if (!literal.ok) return literal
      const value = literal.value
      if (value > variables || -value > variables) {
        return this.#refuse('variable-range', `variable ${Math.abs(value)} exceeds the header's ${variables}`)
      }
      if (value !== 0) {
        words[used++] = codeOf(value)
        continue
      }
      if (used === start + 1) {
        return this.#refuse('empty-clause', `clause ${complete + 1} is empty: the formula is unsatisfiable without any proof`)
      }
      const count = sortUnique(words, start + 1, used)
      words[start] = count
      start += count + 1
      used = start + 1
      complete++
    }
    if (used !== start + 1) return this.#refuse('unterminated-clause', `the last clause lacks its terminating 0`)
    if (complete !== clauses) return this.#refuse('clause-count', `expected ${clauses} clauses as the header says, got ${complete}`)
    return ok({ clauses, words: words.slice(0, start) })
  }

  /** At most so many numbers are left: runs of bytes that are not blanks. */
  #numbersLeft(): number {
    const bytes = this.#bytes
    let runs = 0
    let blank = true
    for (let at = this.#at; at < bytes.length; at++) {
      const isGap = isBlank(bytes[at] as number)
      if (blank && !isGap) runs++
      blank = isGap
    }
    return runs
  }

  #refuse(code: string, message: string): { readonly ok: false; readonly error: Refusal } {
    return refuse(code, `line ${this.#line}: ${message}`)
  }

  #header(): Result<{ readonly variables: number; readonly clauses: number }, Refusal> {
    const first = this.#nextByte()
    if (first === -1) {
      const found = this.#bytes.length === 0 ? 'an empty file' : 'blanks and comments only'
      return refuse('no-header', `expected a line "p cnf VARIABLES CLAUSES", got ${found}`)
    }
    if (first !== LETTER_P || !this.#lineStart || !this.#word('p') || !this.#word('cnf')) {
      return this.#refuse('no-header', `expected "p cnf VARIABLES CLAUSES" before the clauses, got ${describe(this.#bytes[this.#at])}`)
    }
    const line = this.#line
    this.#nextByte()
    const variables = this.#integer()
    if (!variables.ok) return variables
    this.#nextByte()
    const clauses = this.#integer()
    if (!clauses.ok) return clauses
    if (this.#line !== line) return refuse('no-header', `line ${line}: expected "p cnf VARIABLES CLAUSES" on one line`)
    if (variables.value < 0 || variables.value > MAX_VARIABLE) {
      return this.#refuse('too-many-variables', `expected 0..${MAX_VARIABLE} variables, got ${variables.value}`)
    }
    const most = Math.min(MAX_CLAUSE_ID, Math.floor((this.#bytes.length - this.#at) / LEAST_CLAUSE_BYTES) + 1)
    if (clauses.value < 0 || clauses.value > most) {
      return this.#refuse('clause-count', `the header announces ${clauses.value} clauses, the file has room for at most ${most}`)
    }
    return ok({ variables: variables.value, clauses: clauses.value })
  }

  /** Skips blanks and comment lines; the next byte, not consumed, or -1 at the end. */
  #nextByte(): number {
    const bytes = this.#bytes
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at] as number
      if (byte === LINE_FEED) {
        this.#line++
        this.#lineStart = true
      } else if (byte === LETTER_C && this.#lineStart) {
        while (this.#at < bytes.length && bytes[this.#at] !== LINE_FEED) this.#at++
        continue
      } else if (!isBlank(byte)) return byte
      this.#at++
    }
    return -1
  }

  /** Consumes `text` if it stands here as a whole word after blanks on the same line. */
  #word(text: string): boolean {
    while (this.#bytes[this.#at] === SPACE || this.#bytes[this.#at] === TAB) this.#at++
    for (let i = 0; i < text.length; i++) if (this.#bytes[this.#at + i] !== text.charCodeAt(i)) return false
    const after = this.#bytes[this.#at + text.length]
    if (after === undefined || !isBlank(after)) return false
    this.#at += text.length
    this.#lineStart = false
    return true
  }

  /** `-`? digits, ended by a blank or the end; at most ten digits, none of them a leading zero. */
  #integer(): Result<number, Refusal> {
    const bytes = this.#bytes
    const start = this.#at
    this.#lineStart = false
    const negative = bytes[this.#at] === MINUS
    if (negative) this.#at++
    const digits = this.#at
    let value = 0
    while (this.#at < bytes.length && this.#at - digits <= 10) {
      const byte = bytes[this.#at] as number
      if (byte < ZERO || byte > NINE) break
      value = 10 * value + byte - ZERO
      this.#at++
    }
    const length = this.#at - digits
    if (length > 10) return this.#refuse('syntax', `expected an integer of at most ten digits at byte ${start}`)
    const after = bytes[this.#at]
    if (length === 0 || (after !== undefined && !isBlank(after))) {
      return this.#refuse('syntax', `expected an integer at byte ${start}, got ${describe(after)}`)
    }
    if (bytes[digits] === ZERO && (length > 1 || negative)) {
      return this.#refuse('syntax', `expected an integer without leading zeros at byte ${start}`)
    }
    return ok(negative ? -value : value)
  }

  /** After `%`: blanks, at most one `0`, the end. */
  #trailer(): Result<null, Refusal> {
    let zeros = 0
    for (let at = this.#at + 1; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at] as number
      if (byte === ZERO && zeros === 0) zeros++
      else if (!isBlank(byte)) return this.#refuse('syntax', `expected at most one 0 after "%", got ${describe(byte)} at byte ${at}`)
    }
    return ok(null)
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === TAB || byte === CARRIAGE_RETURN
}

/** A byte for an error message: printable ASCII as itself, the rest by number. */
export function describe(byte: number | undefined): string {
  if (byte === undefined) return 'the end'
  return byte > SPACE && byte < 127 ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16).padStart(2, '0')}`
}
