/**
 * Small byte-string helpers for packages that have neither Node's Buffer nor the DOM's TextEncoder: comparison, hex,
 * base64, UTF-8, map keys.
 */
import { ok, type Refusal, type Result, refuse } from './result.js'

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0)

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lexicographic order of unsigned bytes; a prefix sorts before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/**
 * A string with one UTF-16 unit per byte: an injective, cheap key for Maps. Not for display and not for the wire.
 */
export function keyOf(bytes: Uint8Array): string {
  return bytes.length === 32 ? keyOf32(bytes, 0) : String.fromCharCode.apply(null, bytes as unknown as number[])
}

/** `keyOf` the first 32 bytes; there must be as many. */
export function keyOfFirst32(bytes: Uint8Array): string {
  return keyOf32(bytes, 0)
}

/** Written out, because a call with 32 arguments takes half the time of one that spreads a typed array; hashes are most keys. */
function keyOf32(b: Uint8Array, at: number): string {
  return String.fromCharCode(
    b[at] as number,
    b[at + 1] as number,
    b[at + 2] as number,
    b[at + 3] as number,
    b[at + 4] as number,
    b[at + 5] as number,
    b[at + 6] as number,
    b[at + 7] as number,
    b[at + 8] as number,
    b[at + 9] as number,
    b[at + 10] as number,
    b[at + 11] as number,
    b[at + 12] as number,
    b[at + 13] as number,
    b[at + 14] as number,
    b[at + 15] as number,
    b[at + 16] as number,
    b[at + 17] as number,
    b[at + 18] as number,
    b[at + 19] as number,
    b[at + 20] as number,
    b[at + 21] as number,
    b[at + 22] as number,
    b[at + 23] as number,
    b[at + 24] as number,
    b[at + 25] as number,
    b[at + 26] as number,
    b[at + 27] as number,
    b[at + 28] as number,
    b[at + 29] as number,
    b[at + 30] as number,
    b[at + 31] as number,
  )
}

/** The bytes whose `keyOf` it is. */
export function bytesOfKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length)
  for (let i = 0; i < key.length; i++) bytes[i] = key.charCodeAt(i)
  return bytes
}

const HEX_DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i++) out += HEX_DIGITS[bytes[i] as number]
  return out
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  return -1
}

/** Lower-case hex only: one text per byte string. */
export function fromHex(text: string): Result<Uint8Array, Refusal> {
  if (text.length % 2 !== 0) return refuse('hex', `expected an even number of hex digits, got ${text.length}`)
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i))
    const low = hexDigit(text.charCodeAt(2 * i + 1))
    if (high < 0 || low < 0) return refuse('hex', `expected lower-case hex digits, got something else at position ${2 * i}`)
    out[i] = high * 16 + low
  }
  return ok(out)
}

/** UTF-8 bytes of a text (RFC 3629); a lone surrogate is our own bug, because two texts would share bytes. */
export function utf8(text: string): Uint8Array {
  const out = new Uint8Array(utf8Length(text))
  writeUtf8(text, out, 0)
  return out
}

/** How many bytes `utf8` makes of it. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    length++ // a pair of surrogates is two units, and four bytes
    if (unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff)) length++
  }
  return length
}

/** Writes `utf8(text)` at `at`, where there is room for it. */
export function writeUtf8(text: string, out: Uint8Array, at: number): void {
  let end = at
  for (let i = 0; i < text.length; i++) {
    let point = text.charCodeAt(i)
    if (point < 0x80) {
      out[end++] = point
      continue
    }
    if (point >= 0xd800 && point <= 0xdfff) {
      const low = text.charCodeAt(i + 1)
      if (point >= 0xdc00 || !(low >= 0xdc00 && low <= 0xdfff)) throw new RangeError('text holds a lone surrogate')
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00)
      i++
    }
    if (point < 0x800) out[end++] = 0xc0 | (point >> 6)
    else {
      if (point < 0x10000) out[end++] = 0xe0 | (point >> 12)
      else {
        out[end++] = 0xf0 | (point >> 18)
        out[end++] = 0x80 | ((point >> 12) & 63)
      }
      out[end++] = 0x80 | ((point >> 6) & 63)
    }
    out[end++] = 0x80 | (point & 63)
  }
}

/** A call takes so many arguments without trouble. */
const CHARACTERS_AT_ONCE = 4096

/** The text of bytes below 0x80. */
function ascii(bytes: Uint8Array): string {
  if (bytes.length <= CHARACTERS_AT_ONCE) return String.fromCharCode.apply(null, bytes as unknown as number[])
  let out = ''
  for (let at = 0; at < bytes.length; at += CHARACTERS_AT_ONCE)
    out += String.fromCharCode.apply(null, bytes.subarray(at, at + CHARACTERS_AT_ONCE) as unknown as number[])
  return out
}

/** Strict UTF-8: overlong forms, surrogates and truncated sequences are refused, so one text has one encoding. */
export function fromUtf8(bytes: Uint8Array): Result<string, Refusal> {
  let i = 0
  while (i < bytes.length && (bytes[i] as number) < 0x80) i++
  if (i === bytes.length) return ok(ascii(bytes))
  let out = ascii(bytes.subarray(0, i))
  while (i < bytes.length) {
    const first = bytes[i] as number
    let length = 1
    let point = first
    let least = 0
    if (first >= 0x80) {
      if (first >= 0xc2 && first < 0xe0) [length, point, least] = [2, first & 31, 0x80]
      else if (first >= 0xe0 && first < 0xf0) [length, point, least] = [3, first & 15, 0x800]
      else if (first >= 0xf0 && first < 0xf5) [length, point, least] = [4, first & 7, 0x10000]
      else return refuse('utf8', `expected UTF-8, got byte 0x${first.toString(16)} at offset ${i}`)
    }
    if (i + length > bytes.length) return refuse('utf8', `expected UTF-8, got a truncated sequence at offset ${i}`)
    for (let k = 1; k < length; k++) {
      const next = bytes[i + k] as number
      if ((next & 0xc0) !== 0x80) return refuse('utf8', `expected UTF-8, got a bad continuation at offset ${i + k}`)
      point = (point << 6) | (next & 63)
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      return refuse('utf8', `expected canonical UTF-8, got an overlong or surrogate form at offset ${i}`)
    }
    out += String.fromCodePoint(point)
    i += length
  }
  return ok(out)
}
