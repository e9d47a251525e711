/** The bytes of a Metamath database as tokens (§4.1.1 of the Metamath book): comments are whitespace, keywords begin with `$`. */
import { asciiText, BYTE_CLASS, DOLLAR, ILLEGAL, WHITE } from './tokens.js'

export const CHAR = {
  parenthesisOpen: 0x28,
  parenthesisClose: 0x29,
  dot: 0x2e,
  equals: 0x3d,
  bracketOpen: 0x5b,
  a: 0x61,
  c: 0x63,
  d: 0x64,
  e: 0x65,
  f: 0x66,
  p: 0x70,
  v: 0x76,
  braceOpen: 0x7b,
  braceClose: 0x7d,
  dollar: 0x24,
} as const

/** Thrown inside the reader, answered as a refusal by `parseDatabase` and its neighbours. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly code: string
  readonly at: number
  constructor(code: string, message: string, at: number) {
    super(message)
    this.code = code
    this.at = at
  }
}

/** Reads tokens; comments are skipped as whitespace wherever they stand between tokens. */
export class Scanner {
  readonly bytes: Uint8Array
  readonly end: number
  /** The token last read is bytes[start..stop). */
  start = 0
  stop: number

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.bytes = bytes
    this.stop = from
    this.end = end
  }

  /** 0 at the end, 1 for a plain token, else the byte after `$` of a keyword. */
  next(): number {
    const bytes = this.bytes
    const end = this.end
    let at = this.stop
    for (;;) {
      while (at < end && BYTE_CLASS[bytes[at] as number] === WHITE) at++
      this.start = at
      if (at >= end) {
        this.stop = end
        return 0
      }
      let kind = BYTE_CLASS[bytes[at] as number] as number
      if (kind !== DOLLAR) {
        while (kind > WHITE && kind < DOLLAR) kind = ++at < end ? (BYTE_CLASS[bytes[at] as number] as number) : WHITE
        this.stop = at
        if (kind === WHITE) return 1
        if (kind === DOLLAR) this.fail('syntax', `a keyword must be preceded by whitespace; put a space before "$"`, at)
        return this.#illegal(at)
      }
      if (at + 1 >= end) this.fail('syntax', 'the file ends with a lone "$"; expected a keyword', at)
      const keyword = bytes[at + 1] as number
      this.stop = at + 2
      if (at + 2 < end && BYTE_CLASS[bytes[at + 2] as number] !== WHITE) {
        if (BYTE_CLASS[bytes[at + 2] as number] === ILLEGAL) return this.#illegal(at + 2)
        this.fail('syntax', `a keyword must be followed by whitespace, got "${asciiText(bytes, at, at + 3)}"`, at)
      }
      if (keyword !== CHAR.parenthesisOpen) return keyword
      at = this.#comment(at)
    }
  }

  /** `$(` ... `$)`: no nesting; both surrounded by whitespace. Answers the offset after it. */
  #comment(open: number): number {
    const bytes = this.bytes
    let at = open + 2
    for (;;) {
      at = bytes.indexOf(CHAR.dollar, at)
      if (at < 0 || at + 1 >= this.end) this.fail('comment', 'this comment is never closed; add "$)"', open)
      const following = bytes[at + 1] as number
      if (following === CHAR.parenthesisClose) break
      if (following === CHAR.parenthesisOpen)
        this.fail('comment', 'a comment inside a comment is not allowed; close the outer one first', at)
      at++
    }
    const spaced = BYTE_CLASS[bytes[at - 1] as number] === WHITE && (at + 2 >= this.end || BYTE_CLASS[bytes[at + 2] as number] === WHITE)
    if (!spaced) this.fail('comment', '"$)" must have whitespace on both sides', at)
    return at + 2
  }

  #illegal(at: number): never {
    this.fail('character', illegalCharacter(this.bytes[at] as number), at)
  }

  text(): string {
    return asciiText(this.bytes, this.start, this.stop)
  }

  fail(code: string, message: string, at: number = this.start): never {
    throw new DatabaseError(code, message, at)
  }
}

/**
 * Every byte, comments and proofs included, is printable ASCII or whitespace. Four bytes at a time: a word whose bytes
 * all lie in 0x20..0x7e passes; any other (with a line end in it, mostly) is looked at byte by byte.
 */
export function checkCharacters(bytes: Uint8Array): void {
  const lead = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + lead, (bytes.length - lead) >>> 2)
  checkRange(bytes, 0, lead)
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number
    const below = (word - 0x20202020) & ~word
    if (((word | (word + 0x01010101) | below) & 0x80808080) !== 0) checkRange(bytes, lead + 4 * i, lead + 4 * i + 4)
  }
  checkRange(bytes, lead + 4 * words.length, bytes.length)
}

function checkRange(bytes: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    if (BYTE_CLASS[bytes[i] as number] === ILLEGAL) throw new DatabaseError('character', illegalCharacter(bytes[i] as number), i)
  }
}

function illegalCharacter(byte: number): string {
  return `byte 0x${byte.toString(16).padStart(2, '0')} is not allowed; a database is printable ASCII and whitespace`
}

/** Line number from 1 of a byte offset; only for messages. */
export function lineOf(bytes: Uint8Array, offset: number): number {
  let line = 1
  for (let at = bytes.indexOf(0x0a); at >= 0 && at < offset; at = bytes.indexOf(0x0a, at + 1)) line++
  return line
}
