/**
 * JSON without its traps, for files people exchange: a repeated name is refused instead of the last one winning, an object
 * is a Map, so `__proto__` is a name like any other, and numbers are refused altogether, because JSON.parse rounds them in
 * silence; numbers travel as decimal strings (traps G1, G2, G3). Depth and size are bounded.
 */
import { fromHex, fromUtf8, ok, type Refusal, type Result, refuse } from '@aethel/codec'

export type Json = string | boolean | null | readonly Json[] | ReadonlyMap<string, Json>

/** Thrown by the parser and the field readers, caught by `readJson`; never leaves it. */
class JsonRefusal extends Error {
  override readonly name = 'JsonRefusal'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const MAX_DEPTH = 16
const MAX_U64_DIGITS = 16

/** Parses strict UTF-8 JSON and reads it with `read`; whatever either of them dislikes is a refusal. */
export function readJson<T>(bytes: Uint8Array, maxBytes: number, read: (json: Json) => T): Result<T, Refusal> {
  if (bytes.length > maxBytes) return refuse('too-long', `expected at most ${maxBytes} bytes of JSON, got ${bytes.length}`)
  const text = fromUtf8(bytes)
  if (!text.ok) return text
  try {
    return ok(read(new Parser(text.value).whole()))
  } catch (error) {
    if (error instanceof JsonRefusal) return refuse(error.code, error.message)
    throw error
  }
}

export function failJson(code: string, message: string): never {
  throw new JsonRefusal(code, message)
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): Json {
    const value = this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) this.#fail('the end')
    return value
  }

  #fail(expected: string): never {
    const got = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 12)) : 'the end'
    return failJson('json', `expected ${expected} at character ${this.#at}, got ${got}`)
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #accept(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false
    this.#at += token.length
    return true
  }

  #expect(token: string): void {
    this.#space()
    if (!this.#accept(token)) this.#fail(`'${token}'`)
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) return failJson('json-depth', `expected at most ${MAX_DEPTH} levels of nesting`)
    this.#space()
    if (this.#accept('{')) return this.#object(depth)
    if (this.#accept('[')) return this.#array(depth)
    if (this.#accept('"')) return this.#string()
    if (this.#accept('true')) return true
    if (this.#accept('false')) return false
    if (this.#accept('null')) return null
    const code = this.#text.charCodeAt(this.#at)
    if (code === 0x2d || (code >= 0x30 && code <= 0x39))
      return failJson('json-number', `expected numbers as decimal strings, got a bare number at character ${this.#at}`)
    return this.#fail('a JSON value')
  }

  #object(depth: number): ReadonlyMap<string, Json> {
    const fields = new Map<string, Json>()
    this.#space()
    if (this.#accept('}')) return fields
    do {
      this.#expect('"')
      const name = this.#string()
      if (fields.has(name)) failJson('json-duplicate', `expected each name once, got ${JSON.stringify(name)} again`)
      this.#expect(':')
      fields.set(name, this.#value(depth + 1))
      this.#space()
    } while (this.#accept(','))
    this.#expect('}')
    return fields
  }

  #array(depth: number): readonly Json[] {
    const items: Json[] = []
    this.#space()
    if (this.#accept(']')) return items
    do {
      items.push(this.#value(depth + 1))
      this.#space()
    } while (this.#accept(','))
    this.#expect(']')
    return items
  }

  #string(): string {
    let out = ''
    for (;;) {
      const start = this.#at
      let code = this.#text.charCodeAt(this.#at)
      while (code !== 0x22 && code !== 0x5c && code >= 0x20) code = this.#text.charCodeAt(++this.#at)
      out += this.#text.slice(start, this.#at)
      if (code === 0x22) {
        this.#at++
        if (hasLoneSurrogate(out)) return failJson('json', 'expected well-formed text, got a lone surrogate')
        return out
      }
      if (code !== 0x5c) return this.#fail('the rest of a string')
      this.#at++
      out += this.#escape()
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at)
    this.#at++
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at, this.#at + 4)
      let point = 0
      for (const digit of digits) {
        const value = '0123456789abcdef'.indexOf(digit.toLowerCase())
        if (value < 0) this.#fail('four hex digits')
        point = point * 16 + value
      }
      if (digits.length < 4) this.#fail('four hex digits')
      this.#at += 4
      return String.fromCharCode(point)
    }
    const escaped = ESCAPES.get(letter)
    return escaped === undefined ? this.#fail('an escape') : escaped
  }
}

/** Escapes can spell half a character, which has no bytes of its own. */
function hasLoneSurrogate(text: string): boolean {
  for (const character of text) {
    const point = character.codePointAt(0) as number
    if (point >= 0xd800 && point <= 0xdfff) return true
  }
  return false
}

// --- readers of expected shapes: each fails with the field's name ---------------------------------------------------

/** Refuses a file of another kind or version as such, before its fields are looked at. */
export function expectFormat(json: Json, what: string, format: string): void {
  const found = json instanceof Map ? (json as ReadonlyMap<string, Json>).get('format') : undefined
  if (found === format) return
  const got = typeof found === 'string' ? JSON.stringify(found.slice(0, 64)) : 'none'
  failJson('format', `expected ${what} with format '${format}', got ${got}`)
}

/** The values of an object that has exactly these fields, some of them optional. */
export function jsonFields(
  json: Json,
  what: string,
  required: readonly string[],
  optional: readonly string[] = [],
): ReadonlyMap<string, Json> {
  if (!(json instanceof Map)) return failJson('json-shape', `expected ${what} to be an object`)
  const fields: ReadonlyMap<string, Json> = json
  for (const name of required) if (!fields.has(name)) failJson('missing-field', `expected the field '${name}' in ${what}`)
  for (const name of fields.keys()) {
    if (!required.includes(name) && !optional.includes(name))
      failJson('unknown-field', `expected no field ${JSON.stringify(name)} in ${what}; remove it`)
  }
  return fields
}

export function jsonText(json: Json | undefined, what: string, maxLength: number): string {
  if (typeof json !== 'string') return failJson('json-shape', `expected ${what} to be a string`)
  if (json.length > maxLength) return failJson('too-long', `expected at most ${maxLength} characters in ${what}, got ${json.length}`)
  return json
}

export function jsonList(json: Json | undefined, what: string, maxItems: number): readonly Json[] {
  if (!Array.isArray(json)) return failJson('json-shape', `expected ${what} to be a list`)
  if (json.length > maxItems) return failJson('too-many', `expected at most ${maxItems} items in ${what}, got ${json.length}`)
  return json as readonly Json[]
}

/** Lower-case hex. */
export function jsonBytes(json: Json | undefined, what: string, maxBytes: number): Uint8Array {
  const bytes = fromHex(jsonText(json, what, 2 * maxBytes))
  return bytes.ok ? bytes.value : failJson('hex', `${what}: ${bytes.error.message}`)
}

export function jsonBytesOf(json: Json | undefined, what: string, length: number): Uint8Array {
  const bytes = jsonBytes(json, what, length)
  return bytes.length === length ? bytes : failJson('json-shape', `expected ${length} bytes in ${what}, got ${bytes.length}`)
}

/** A decimal string without sign, leading zeros or spaces, at most 2^128 - 1. */
export function jsonBigint(json: Json | undefined, what: string): bigint {
  const text = jsonText(json, what, 39)
  let value = 0n
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return failJson('json-integer', `expected decimal digits in ${what}, got ${JSON.stringify(text)}`)
    value = value * 10n + BigInt(digit)
  }
  if (text.length === 0 || (text.length > 1 && text.startsWith('0')) || value >= 1n << 128n) {
    return failJson(
      'json-integer',
      `expected a decimal integer in 0..2^128-1 without leading zeros in ${what}, got ${JSON.stringify(text)}`,
    )
  }
  return value
}

/** A decimal string in 0..max, max at most 2^53 - 1. */
export function jsonInteger(json: Json | undefined, what: string, max: number): number {
  const value = typeof json === 'string' && json.length <= MAX_U64_DIGITS ? jsonBigint(json, what) : -1n
  if (value < 0n || value > BigInt(max)) return failJson('json-integer', `expected a decimal string in 0..${max} in ${what}`)
  return Number(value)
}
