/**
 * Reading records back: each is what was written under that key, by its seal, or a named error. There is no third outcome that a caller
 * could take for "no such record".
 */
import { type Refusal, type Result, toHex } from '@aethel/codec'
import { damaged, readError, StoreError } from './errors.js'
import { type KeyRange, rangeOf } from './keys.js'
import { type Level, plain } from './level.js'
import { unseal } from './seal.js'

/** Of bytes whose seal is good. */
export type Decoder<T> = (bytes: Uint8Array) => Result<T, Refusal>

export class SealedReader {
  readonly #level: Level

  constructor(level: Level) {
    this.#level = level
  }

  /** With its seal, unchecked; undefined: there is no such record. */
  stored(name: string, key: Uint8Array): Uint8Array | undefined {
    try {
      const stored = this.#level.getSync(key)
      return stored === undefined ? undefined : plain(stored)
    } catch (error) {
      throw readError(`the record "${name}"`, error)
    }
  }

  /** Undefined: there is no such record. */
  value(name: string, key: Uint8Array): Uint8Array | undefined {
    const stored = this.stored(name, key)
    if (stored === undefined) return undefined
    const opened = unseal(key, stored)
    if (opened === undefined) throw damaged(`the record "${name}" is not what was written`)
    return opened.value
  }

  decoded<T>(name: string, key: Uint8Array, decode: Decoder<T>): T | undefined {
    const bytes = this.value(name, key)
    if (bytes === undefined) return undefined
    const value = decode(bytes)
    if (!value.ok) throw damaged(`the record "${name}" does not decode: ${value.error.message}`)
    return value.value
  }

  /** All of one kind, in key order, with their seals, unchecked. */
  entries(prefix: number): Promise<[key: Uint8Array, stored: Uint8Array][]> {
    return this.entriesIn(rangeOf(prefix), prefix)
  }

  async entriesIn(range: KeyRange, prefix: number): Promise<[key: Uint8Array, stored: Uint8Array][]> {
    try {
      const entries = await this.#level.iterator(range).all()
      return entries.map(([key, value]) => [plain(key), plain(value)])
    } catch (error) {
      throw readError(nameOf(prefix), error)
    }
  }

  /** The lowest key of a kind. */
  async firstKey(prefix: number): Promise<Uint8Array | undefined> {
    try {
      const [first] = await this.#level.keys({ ...rangeOf(prefix), limit: 1 }).all()
      return first === undefined ? undefined : plain(first)
    } catch (error) {
      throw readError(nameOf(prefix), error)
    }
  }

  /** At most `limit` entries, from the highest down, each with its value. */
  async valuesDown(name: string, range: KeyRange, limit: number): Promise<[key: Uint8Array, value: Uint8Array][]> {
    const found: [Uint8Array, Uint8Array][] = []
    try {
      for await (const [key, stored] of this.#level.iterator({ ...range, reverse: true, limit })) {
        const opened = unseal(plain(key), plain(stored))
        if (opened === undefined) throw damaged(`the ${name} ${toHex(key)} is not what was written`)
        found.push([plain(key), opened.value])
      }
    } catch (error) {
      throw error instanceof StoreError ? error : readError(`the ${name}`, error)
    }
    return found
  }
}

function nameOf(prefix: number): string {
  return `records 0x${prefix.toString(16)}`
}
