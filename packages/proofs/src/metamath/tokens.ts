/**
 * Tokens as small integers. Every constant, variable and label is interned once, by its bytes, and is a number from
 * then on; the kernel never sees text. The table owns a copy of the bytes it has met.
 */
import { assert } from '@aethel/codec'
import { grown } from './integers.js'

/** Classes of bytes (Metamath, §4.1.1): whitespace, the printable characters, and what may not occur at all. */
export const ILLEGAL = 0
export const WHITE = 1
/** Printable and allowed in a label: letters, digits, `-`, `_` and `.`. */
export const LABEL = 2
/** Any other printable character but `$`. */
export const PRINTABLE = 3
export const DOLLAR = 4

function classOf(byte: number): number {
  if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d) return WHITE
  if (byte < 0x21 || byte > 0x7e) return ILLEGAL
  if (byte === 0x24) return DOLLAR
  const digit = byte >= 0x30 && byte <= 0x39
  const letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
  return digit || letter || byte === 0x2d || byte === 0x2e || byte === 0x5f ? LABEL : PRINTABLE
}

export const BYTE_CLASS: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => classOf(byte))

/** A label: one or more of the label characters. */
export function isLabel(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (BYTE_CLASS[bytes[i] as number] !== LABEL) return false
  return end > start
}

/** A math symbol: one or more printable characters, no `$`. */
export function isSymbol(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const kind = BYTE_CLASS[bytes[i] as number]
    if (kind !== LABEL && kind !== PRINTABLE) return false
  }
  return end > start
}

/** ASCII bytes as text, at most `most` of them. */
export function asciiText(bytes: Uint8Array, start: number, end: number, most: number = 256): string {
  let text = ''
  const stop = Math.min(end, start + most)
  for (let i = start; i < stop; i++) {
    const byte = bytes[i] as number
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return stop < end ? `${text}...` : text
}

/** A text's bytes; what is not ASCII becomes a byte that no grammar here accepts. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => Math.min(character.codePointAt(0) ?? 0xff, 0xff))
}

const FNV_OFFSET = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193
const INITIAL_SLOTS = 1024
/** Of a table that takes no more tokens: places for each ten of them... */
const SETTLED_PLACES = 11
const SETTLED_TOKENS = 10

export class TokenTable {
  /** Open addressing, two words a slot: id + 1 (0 is free) and hash. Slots are a power of two, at least twice the count. */
  #slots: Int32Array = new Int32Array(2 * INITIAL_SLOTS)
  /** Token `id` is the arena's bytes from ends[id] to ends[id + 1]. */
  #ends: Int32Array = new Int32Array(INITIAL_SLOTS)
  #arena: Uint8Array = new Uint8Array(INITIAL_SLOTS * 8)
  #count = 0
  /** A settled table instead of #slots: one word a place, id + 1, in as few places as ends soon. */
  #settled: Int32Array | null = null

  get count(): number {
    return this.#count
  }

  /** The id of these bytes, or -1 if they were never interned. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#locate(bytes, start, end, false)
  }

  intern(bytes: Uint8Array, start: number, end: number): number {
    return this.#locate(bytes, start, end, true)
  }

  #locate(bytes: Uint8Array, start: number, end: number, insert: boolean): number {
    let hash = FNV_OFFSET
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME)
    hash ^= hash >>> 15
    if (this.#settled !== null) {
      assert(!insert, 'a settled table takes no more tokens')
      return this.#locateSettled(this.#settled, bytes, start, end, hash)
    }
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    for (;;) {
      const id = (slots[slot] as number) - 1
      if (id < 0) return insert ? this.#insert(bytes, start, end, hash, slot) : -1
      if (slots[slot + 1] === hash && this.#equals(id, bytes, start, end)) return id
      slot = (slot + 2) & mask
    }
  }

  #locateSettled(places: Int32Array, bytes: Uint8Array, start: number, end: number, hash: number): number {
    for (let place = (hash >>> 0) % places.length; ; place = place + 1 === places.length ? 0 : place + 1) {
      const id = (places[place] as number) - 1
      if (id < 0 || this.#equals(id, bytes, start, end)) return id
    }
  }

  /** Takes as little room as it can from now on; no token may be added any more. */
  settle(): void {
    if (this.#settled !== null) return
    const slots = this.#slots
    const places = new Int32Array(Math.ceil((this.#count * SETTLED_PLACES) / SETTLED_TOKENS) + 1)
    for (let slot = 0; slot < slots.length; slot += 2) {
      if (slots[slot] === 0) continue
      let place = ((slots[slot + 1] as number) >>> 0) % places.length
      while (places[place] !== 0) place = place + 1 === places.length ? 0 : place + 1
      places[place] = slots[slot] as number
    }
    this.#settled = places
    this.#slots = new Int32Array(0)
    this.#ends = this.#ends.slice(0, this.#count + 1)
    this.#arena = this.#arena.slice(0, this.#ends[this.#count])
  }

  get bytesKept(): number {
    return 4 * (this.#slots.length + this.#ends.length + (this.#settled?.length ?? 0)) + this.#arena.length
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#ends[id] as number
    const length = end - start
    if ((this.#ends[id + 1] as number) - from !== length) return false
    const arena = this.#arena
    for (let i = 0; i < length; i++) if (arena[from + i] !== bytes[start + i]) return false
    return true
  }

  #insert(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const id = this.#count++
    if (id + 2 > this.#ends.length) this.#ends = grown(this.#ends, id + 2)
    const from = this.#ends[id] as number
    const to = from + end - start
    if (to > this.#arena.length) {
      const larger = new Uint8Array(Math.max(to, this.#arena.length * 2))
      larger.set(this.#arena)
      this.#arena = larger
    }
    this.#arena.set(bytes.subarray(start, end), from)
    this.#ends[id + 1] = to
    this.#slots[slot] = id + 1
    this.#slots[slot + 1] = hash
    if (this.#count * 4 > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const before = this.#slots
    const slots = new Int32Array(before.length * 2)
    const mask = slots.length - 1
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] === 0) continue
      const hash = before[i + 1] as number
      let slot = (hash << 1) & mask
      while (slots[slot] !== 0) slot = (slot + 2) & mask
      slots[slot] = before[i] as number
      slots[slot + 1] = hash
    }
    this.#slots = slots
  }

  /** The tokens from id `first` on: their bytes one after another, and where each ends in them. */
  since(first: number): { readonly bytes: Uint8Array; readonly ends: Int32Array } {
    const from = this.#ends[first] as number
    const ends = this.#ends.slice(first + 1, this.#count + 1).map((end) => end - from)
    return { bytes: this.#arena.slice(from, this.#ends[this.#count]), ends }
  }

  bytesOf(id: number): Uint8Array {
    assert(id >= 0 && id < this.#count, `no token ${id}`)
    return this.#arena.subarray(this.#ends[id], this.#ends[id + 1])
  }

  textOf(id: number): string {
    const bytes = this.bytesOf(id)
    return asciiText(bytes, 0, bytes.length)
  }
}
