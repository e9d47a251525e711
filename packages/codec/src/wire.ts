/**
 * The canonical wire format: fixed-width big-endian integers, u32 length prefixes, no optional padding, no alternatives.
 * One value has one encoding: a reader that accepts bytes accepts exactly what the writer would have written
 * (trap F4, G3), and every length is checked against what is left before anything is allocated (trap E6).
 */
import { EMPTY_BYTES, fromUtf8, utf8Length, writeUtf8 } from './bytes.js'
import {
  BLS_PUBLIC_KEY_BYTES,
  BLS_SIGNATURE_BYTES,
  type BlsPublicKey,
  type BlsSignature,
  HASH_BYTES,
  type Hash,
  PUBLIC_KEY_BYTES,
  type PublicKey,
  SIGNATURE_BYTES,
  type Signature,
} from './ids.js'
import { ItemBytes, packedList } from './packed-list.js'
import { assert, err, ok, type Refusal, type Result } from './result.js'
import { keepShapeOf } from './shapes.js'

const INITIAL_CAPACITY = 256
const TWO_32 = 0x1_0000_0000

export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity: number = INITIAL_CAPACITY) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  #reserve(count: number): number {
    const at = this.#length
    const needed = at + count
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = needed
    return at
  }

  u8(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, () => `u8 out of range: ${value}`)
    const at = this.#reserve(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, () => `u16 out of range: ${value}`)
    const at = this.#reserve(2)
    this.#view.setUint16(at, value)
    return this
  }

  u32(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value < TWO_32, () => `u32 out of range: ${value}`)
    const at = this.#reserve(4)
    this.#view.setUint32(at, value)
    return this
  }

  /** A safe integer (0..2^53-1) in eight bytes. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, () => `u64 out of safe range: ${value}`)
    const at = this.#reserve(8)
    this.#view.setUint32(at, Math.floor(value / TWO_32))
    this.#view.setUint32(at + 4, value % TWO_32)
    return this
  }

  /** A bigint in sixteen bytes: amounts, powers, sums of gas. */
  u128(value: bigint): this {
    assert(value >= 0n && value < 1n << 128n, () => `u128 out of range: ${value}`)
    const at = this.#reserve(16)
    this.#view.setBigUint64(at, value >> 64n)
    this.#view.setBigUint64(at + 8, value & 0xffff_ffff_ffff_ffffn)
    return this
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  /** Bytes of a length both sides know (hashes, keys, signatures, pre-encoded parts). */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** u32 length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes)
  }

  /** u32 byte length, then UTF-8. */
  text(text: string): this {
    const length = utf8Length(text)
    const at = this.u32(length).#reserve(length)
    writeUtf8(text, this.#bytes, at)
    return this
  }

  /** u32 count, then each item. */
  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length)
    for (const item of items) write(this, item)
    return this
  }

  /** 0, or 1 followed by the value. */
  optional<T>(value: T | null, write: (writer: this, value: T) => void): this {
    this.bool(value !== null)
    if (value !== null) write(this, value)
    return this
  }

  get length(): number {
    return this.#length
  }

  /** Begins anew in the same memory. */
  reset(): void {
    this.#length = 0
  }

  get capacity(): number {
    return this.#bytes.length
  }

  /** What was written so far, not copied: good until the next write or `reset`. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** What was written so far, as a copy that later writes do not touch. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

/** Thrown by `Reader`, caught by `decode`: never leaves this package's decoders. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** What a list is of. */
export interface ItemOf<T> {
  readonly read: (reader: Reader) => T
  /** What it takes in memory beside its bytes, with the lists in it; where an attacker would have it be much, not less. */
  readonly costBytes: (item: T) => number
  /** Once read it stays, so that it is the same object each time; or it is cheap to read, and nobody asks whether it is. */
  readonly onceRead: 'kept' | 'let go'
}

/** A list while it is read. */
export interface Gathering<T> {
  add(item: T, start: number): void
  end(): readonly T[]
}

/** Beside the bytes themselves: with them four times what was sent. */
const PLAIN_LIST_FACTOR = 3
/** Beyond that, of all lists of one value: of the 64 KiB that it may take in any case. What is no list has the rest. */
const SPARE_BYTES: number = 48 * 1024
/** Of a `Uint8Array` in a list, beside the bytes, as `node --expose-gc` shows it: 216 with Node 20, 232 with Node 24. */
export const BYTES_COST: number = 232

/** Byte strings of at most so many bytes: transactions. */
export function byteStrings(most: number): ItemOf<Uint8Array> {
  return { read: (reader) => reader.bytes(most), costBytes: () => BYTES_COST, onceRead: 'let go' }
}

function packed<T>(bytes: ItemBytes, { read, onceRead }: ItemOf<T>): readonly T[] {
  const { count } = bytes
  const readAt = (position: number) => read(new Reader(bytes.from(position)))
  if (onceRead === 'let go') return packedList(count, readAt)
  let kept: (T | undefined)[] | null = null
  return packedList(count, (position) => {
    kept ??= new Array<T | undefined>(count)
    const item = kept[position] ?? readAt(position)
    kept[position] = item
    return item
  })
}

export class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  /** What is left of `SPARE_BYTES`. */
  #spareBytes = SPARE_BYTES

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get offset(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** Refuses the input: malformed beyond what the primitive readers can see (order, padding, ranges). */
  fail(code: string, message: string): never {
    throw new DecodeError(code, `${message} (offset ${this.#at})`)
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) {
      throw new DecodeError('truncated', `expected ${count} more bytes at offset ${at}, got ${this.#bytes.length - at}`)
    }
    this.#at = at + count
    return at
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number
  }

  u16(): number {
    const at = this.#take(2)
    return ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number)
  }

  u32(): number {
    return this.#u32At(this.#take(4))
  }

  #u32At(at: number): number {
    const bytes = this.#bytes
    const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
    return high * 65_536 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  }

  u64(): number {
    const at = this.#take(8)
    const high = this.#u32At(at)
    if (high >= 0x20_0000) throw new DecodeError('range', `expected an integer below 2^53 at offset ${at}`)
    return high * TWO_32 + this.#u32At(at + 4)
  }

  u128(): bigint {
    const at = this.#take(16)
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 16)
    return (view.getBigUint64(0) << 64n) | view.getBigUint64(8)
  }

  bool(): boolean {
    const value = this.u8()
    if (value > 1) throw new DecodeError('bool', `expected 0 or 1 at offset ${this.#at - 1}, got ${value}`)
    return value === 1
  }

  /** A copy of the next `count` bytes. */
  raw(count: number): Uint8Array {
    if (count === 0) return EMPTY_BYTES
    const at = this.#take(count)
    return this.#bytes.slice(at, at + count)
  }

  /** The next `count` bytes, not copied: they keep all of the input in memory. */
  view(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  #length(most: number): number {
    const length = this.u32()
    if (length > most) throw new DecodeError('too-long', `expected at most ${most} bytes at offset ${this.#at}, got ${length}`)
    return length
  }

  /** u32 length (at most `most`), then the bytes. Checked against what is left before allocating. */
  bytes(most: number): Uint8Array {
    return this.raw(this.#length(most))
  }

  /** `bytes`, not copied: they keep all of the input in memory. */
  viewOfBytes(most: number): Uint8Array {
    return this.view(this.#length(most))
  }

  text(most: number): string {
    const decoded = fromUtf8(this.viewOfBytes(most))
    if (!decoded.ok) throw new DecodeError('utf8', decoded.error.message)
    return decoded.value
  }

  hash(): Hash {
    return this.raw(HASH_BYTES) as Hash
  }

  publicKey(): PublicKey {
    return this.raw(PUBLIC_KEY_BYTES) as PublicKey
  }

  signature(): Signature {
    return this.raw(SIGNATURE_BYTES) as Signature
  }

  blsPublicKey(): BlsPublicKey {
    return this.raw(BLS_PUBLIC_KEY_BYTES) as BlsPublicKey
  }

  blsSignature(): BlsSignature {
    return this.raw(BLS_SIGNATURE_BYTES) as BlsSignature
  }

  /** u32 count (at most `most`), then each item. */
  list<T>(most: number, read: (reader: this) => T): T[] {
    const count = this.#count(most)
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read(this))
    return items
  }

  #count(most: number): number {
    const count = this.u32()
    if (count > most) throw new DecodeError('too-many', `expected at most ${most} items at offset ${this.#at}, got ${count}`)
    return count
  }

  /**
   * `list`, within four times its bytes and what is spare: where the items would take more memory, all are read, so that nothing malformed gets
   * through, and let go again; each is read when it is asked for.
   */
  longList<T>(most: number, item: ItemOf<T>, onItem?: (item: T) => void): readonly T[] {
    const count = this.#count(most)
    if (count === 0) return []
    const list = this.gather(item)
    for (let i = 0; i < count; i++) {
      const start = this.#at
      const one = item.read(this)
      onItem?.(one)
      list.add(one, start)
    }
    return list.end()
  }

  /** The same for items that stand among something else: whoever has read one adds it, with the offset from which `item.read` would read it. */
  gather<T>(item: ItemOf<T>): Gathering<T> {
    const from = this.#at
    const spareBytes = this.#spareBytes
    const starts: number[] = []
    let items: T[] | null = []
    let costBytes = 0
    return {
      add: (one, start) => {
        starts.push(start - from)
        if (items === null) return
        items.push(one)
        costBytes += item.costBytes(one)
        if (costBytes > PLAIN_LIST_FACTOR * (this.#at - from) + spareBytes) items = null
      },
      end: () => {
        // Lists within the items are part of what these cost.
        this.#spareBytes = items === null ? spareBytes : spareBytes - Math.max(0, costBytes - PLAIN_LIST_FACTOR * (this.#at - from))
        return items ?? packed(new ItemBytes(this.#bytes.slice(from, this.#at), starts), item)
      },
    }
  }

  optional<T>(read: (reader: this) => T): T | null {
    return this.bool() ? read(this) : null
  }
}

/** Runs a reader over all of `bytes`; anything malformed, and anything left over, is a refusal, never a throw. */
export function decode<T>(bytes: Uint8Array, read: (reader: Reader) => T): Result<T, Refusal> {
  const reader = new Reader(bytes)
  try {
    const value = read(reader)
    if (reader.remaining > 0)
      return err({ code: 'trailing', message: `expected the end at offset ${reader.offset}, got ${reader.remaining} more bytes` })
    return ok(value)
  } catch (error) {
    if (error instanceof DecodeError) return err({ code: error.code, message: error.message })
    throw error
  }
}

/** Writers to be used again: one for each `encode` within another. */
const idle: Writer[] = []
const MAX_IDLE = 8
/** One that has grown beyond this is let go. */
const MAX_IDLE_BYTES = 64 * 1024

function isLetGo(writer: Writer): boolean {
  return writer.capacity > MAX_IDLE_BYTES
}

function release(writer: Writer): void {
  if (idle.length < MAX_IDLE && !isLetGo(writer)) idle.push(writer)
}

/** Where nobody writes again the bytes need no copy; unless much of the memory is empty, which would be kept with them. */
export function encode(write: (writer: Writer) => void): Uint8Array {
  return withEncoded(write, (writer) => (isLetGo(writer) && 4 * writer.length >= 3 * writer.capacity ? writer.view() : writer.finish()))
}

/** What `use` makes of the bytes, which are gone afterwards: for a hash, which needs no copy of what it is of. */
export function useEncoded<T>(write: (writer: Writer) => void, use: (bytes: Uint8Array) => T): T {
  return withEncoded(write, (writer) => use(writer.view()))
}

function withEncoded<T>(write: (writer: Writer) => void, use: (writer: Writer) => T): T {
  const writer = idle.pop() ?? new Writer()
  writer.reset()
  write(writer)
  const result = use(writer)
  release(writer)
  return result
}

keepShapeOf(new Reader(EMPTY_BYTES))
