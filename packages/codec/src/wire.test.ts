/** The wire format: every value comes back, every accepted byte string is the one the writer would have written. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bitmap, bitmapOf, hasBit, indicesOf, readBitmap, writeBitmap } from './bitmap.js'
import { AssertionError } from './result.js'
import { decode, encode, type Reader, Writer } from './wire.js'

/** A shape of value with its writer, its reader and an arbitrary: random nestings of all of these are tested. */
interface Shape {
  readonly name: string
  readonly values: fc.Arbitrary<unknown>
  write(writer: Writer, value: unknown): void
  read(reader: Reader): unknown
}

function shape<T>(name: string, values: fc.Arbitrary<T>, write: (writer: Writer, value: T) => void, read: (reader: Reader) => T): Shape {
  return { name, values, write: (writer, value) => write(writer, value as T), read }
}

const MOST = 40
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const bitmaps: fc.Arbitrary<Bitmap> = fc
  .nat(70)
  .chain((size) => fc.tuple(fc.constant(size), size === 0 ? fc.constant([]) : fc.array(fc.nat(size - 1))))
  .map(([size, indices]) => bitmapOf(size, indices))

const texts = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.nat(0x7f), fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff })), { maxLength })
    .map((points) => String.fromCodePoint(...points))

const PRIMITIVES: readonly Shape[] = [
  shape(
    'u8',
    fc.nat(0xff),
    (w, v) => w.u8(v),
    (r) => r.u8(),
  ),
  shape(
    'u16',
    fc.nat(0xffff),
    (w, v) => w.u16(v),
    (r) => r.u16(),
  ),
  shape(
    'u32',
    fc.nat(0xffff_ffff),
    (w, v) => w.u32(v),
    (r) => r.u32(),
  ),
  shape(
    'u64',
    fc.maxSafeNat(),
    (w, v) => w.u64(v),
    (r) => r.u64(),
  ),
  shape(
    'u128',
    fc.bigInt(0n, (1n << 128n) - 1n),
    (w, v) => w.u128(v),
    (r) => r.u128(),
  ),
  shape(
    'bool',
    fc.boolean(),
    (w, v) => w.bool(v),
    (r) => r.bool(),
  ),
  shape(
    'raw',
    bytesOf(5),
    (w, v) => w.raw(v),
    (r) => r.raw(5),
  ),
  shape(
    'hash',
    bytesOf(32),
    (w, v) => w.raw(v),
    (r) => r.hash() as Uint8Array,
  ),
  shape(
    'signature',
    bytesOf(64),
    (w, v) => w.raw(v),
    (r) => r.signature() as Uint8Array,
  ),
  shape(
    'publicKey',
    bytesOf(32),
    (w, v) => w.raw(v),
    (r) => r.publicKey() as Uint8Array,
  ),
  shape<Uint8Array>(
    'bytes',
    fc.uint8Array({ maxLength: MOST }),
    (w, v) => w.bytes(v),
    (r) => r.bytes(MOST),
  ),
  shape(
    'text',
    texts(MOST / 4),
    (w, v) => w.text(v),
    (r) => r.text(MOST),
  ),
  shape('bitmap', bitmaps, writeBitmap, readBitmap),
]

const listOf = (item: Shape): Shape =>
  shape<unknown[]>(
    `list(${item.name})`,
    fc.array(item.values, { maxLength: 6 }),
    (w, v) => w.list(v, (x, i) => item.write(x, i)),
    (r) => r.list(6, item.read),
  )
const optionalOf = (item: Shape): Shape =>
  shape<unknown>(
    `optional(${item.name})`,
    fc.option(item.values),
    (w, v) => w.optional(v, (x, i) => item.write(x, i)),
    (r) => r.optional(item.read),
  )
const recordOf = (items: readonly Shape[]): Shape =>
  shape<unknown[]>(
    `record(${items.map((item) => item.name)})`,
    fc.tuple(...items.map((item) => item.values)),
    (w, v) => {
      for (const [index, item] of items.entries()) item.write(w, v[index])
    },
    (r) => items.map((item) => item.read(r)),
  )

const leaf: fc.Arbitrary<Shape> = fc.constantFrom(...PRIMITIVES)
const inner: fc.Arbitrary<Shape> = fc.oneof(leaf, leaf.map(listOf), leaf.map(optionalOf))
const shapes: fc.Arbitrary<Shape> = fc
  .array(
    fc.oneof(
      inner,
      inner.map(listOf),
      fc.array(inner, { maxLength: 3 }).map((items) => listOf(recordOf([...items, PRIMITIVES[0] as Shape]))),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map(recordOf)

function expectBack(layout: Shape, value: unknown): void {
  const bytes = encode((writer) => layout.write(writer, value))
  expect(decode(bytes, layout.read)).toEqual({ ok: true, value })
}

/** What is accepted is exactly what would be written; what is not is a refusal with a code. */
function expectCanonical(layout: Shape, bytes: Uint8Array): void {
  const decoded = decode(bytes, layout.read)
  if (!decoded.ok) {
    expect(/^[a-z0-9-]+$/.test(decoded.error.code) && decoded.error.message.includes('expected')).toBe(true)
    return
  }
  expect(
    Buffer.compare(
      encode((writer) => layout.write(writer, decoded.value)),
      bytes,
    ),
  ).toBe(0)
}

describe('wire', () => {
  test.each(PRIMITIVES.map((layout) => [layout.name, layout] as const))('%s comes back as it was', (_name, layout) => {
    fc.assert(fc.property(layout.values, (value) => expectBack(layout, value)))
  })

  test('nested values come back as they were', () => {
    fc.assert(
      fc.property(
        shapes.chain((layout) => fc.tuple(fc.constant(layout), layout.values)),
        ([layout, value]) => expectBack(layout, value),
      ),
      { numRuns: 200 },
    )
  })

  test('F4: encode(decode(b)) = b or refused, for random bytes', () => {
    fc.assert(fc.property(shapes, fc.uint8Array({ maxLength: 80 }), expectCanonical), { numRuns: 1_000 })
  })

  test('F4: encode(decode(b)) = b or refused, for encodings with a byte changed, inserted or taken away', () => {
    const mutation = fc.record({ at: fc.nat(10_000), how: fc.constantFrom('flip', 'set', 'insert', 'delete', 'cut'), value: fc.nat(255) })
    fc.assert(
      fc.property(
        shapes.chain((layout) => fc.tuple(fc.constant(layout), layout.values)),
        fc.array(mutation, { minLength: 1, maxLength: 2 }),
        ([layout, value], mutations) => {
          let bytes = [...encode((w) => layout.write(w, value))]
          for (const { at, how, value: byte } of mutations) {
            const position = bytes.length === 0 ? 0 : at % bytes.length
            if (how === 'flip' && bytes.length > 0) bytes[position] = (bytes[position] as number) ^ (1 << (byte & 7))
            else if (how === 'set' && bytes.length > 0) bytes[position] = byte
            else if (how === 'insert') bytes.splice(position, 0, byte)
            else if (how === 'delete') bytes.splice(position, 1)
            else bytes = bytes.slice(0, position)
          }
          expectCanonical(layout, Uint8Array.from(bytes))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('every proper beginning of an encoding is refused as truncated, and every longer one as trailing', () => {
    const layout = recordOf(PRIMITIVES)
    fc.assert(
      fc.property(layout.values, fc.nat(1_000), (value, cut) => {
        const bytes = encode((w) => layout.write(w, value))
        expect(decode(bytes.subarray(0, cut % bytes.length), layout.read)).toMatchObject({ ok: false, error: { code: 'truncated' } })
        expect(decode(Uint8Array.from([...bytes, 0]), layout.read)).toMatchObject({ ok: false, error: { code: 'trailing' } })
      }),
    )
  })

  test('a reader of a part of a larger buffer reads that part', () => {
    const whole = Uint8Array.from([9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    expect(decode(whole.subarray(2, 10), (r) => [r.u32(), r.u16(), r.raw(2)])).toEqual({
      ok: true,
      value: [0x01020304, 0x0506, Uint8Array.of(7, 8)],
    })
  })

  test('what was read or finished does not change when its source does', () => {
    const source = Uint8Array.of(0, 0, 0, 2, 7, 8)
    const read = decode(source, (r) => r.bytes(9))
    source.fill(0)
    expect(read).toEqual({ ok: true, value: Uint8Array.of(7, 8) })
    const writer = new Writer(1)
    const first = writer.u8(1).finish()
    writer.u32(0xffff_ffff)
    expect(first).toEqual(Uint8Array.of(1))
    expect(writer.finish()).toEqual(Uint8Array.of(1, 255, 255, 255, 255))
  })

  test.each<readonly [string, (reader: Reader) => unknown]>([
    ['bytes', (r: Reader) => r.bytes(0xffff_ffff)],
    ['text', (r: Reader) => r.text(0xffff_ffff)],
    ['list of bytes', (r: Reader) => r.list(0xffff_ffff, (x) => x.u8())],
    ['raw', (r: Reader) => r.raw(r.u32())],
  ])('E6: a length of 4 GB with four bytes behind it is refused before anything is allocated: %s', (_name, read) => {
    const bytes = Uint8Array.of(255, 255, 255, 255, 1, 2, 3, 4)
    decode(bytes, read) // so that what compiles once is compiled
    const before = process.memoryUsage()
    for (let i = 0; i < 200; i++) expect(decode(bytes, read).ok).toBe(false)
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers + after.external - before.external).toBeLessThan(64 << 20)
    expect(decode(bytes, read)).toMatchObject({ ok: false, error: { code: 'truncated' } })
  })

  test('E6: more than the caller allows is refused, although it is there', () => {
    const eight = encode((w) => w.bytes(new Uint8Array(8)))
    expect(decode(eight, (r) => r.bytes(8)).ok).toBe(true)
    expect(decode(eight, (r) => r.bytes(7))).toMatchObject({ ok: false, error: { code: 'too-long' } })
    expect(decode(eight, (r) => r.text(7))).toMatchObject({ ok: false, error: { code: 'too-long' } })
    const three = encode((w) => w.list([1, 2, 3], (x, i) => x.u8(i)))
    expect(decode(three, (r) => r.list(2, (x) => x.u8()))).toMatchObject({ ok: false, error: { code: 'too-many' } })
  })

  test('G1: 2^53 - 1 is the largest integer; 2^53 and all above are refused, never rounded', () => {
    const wide = (value: bigint): Uint8Array => encode((w) => w.u128(value)).subarray(8)
    const most = BigInt(Number.MAX_SAFE_INTEGER)
    expect(decode(wide(most), (r) => r.u64())).toEqual({ ok: true, value: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 64n) - 1n), (value) => {
        const decoded = decode(wide(value), (r) => r.u64())
        if (value <= most) expect(decoded).toEqual({ ok: true, value: Number(value) })
        else expect(decoded).toMatchObject({ ok: false, error: { code: 'range' } })
      }),
    )
    for (const value of [most + 1n, most + 2n, (1n << 64n) - 1n])
      expect(decode(wide(value), (r) => r.u64())).toMatchObject({ ok: false, error: { code: 'range' } })
  })

  test.each([
    ['u8', (w: Writer) => w.u8(256)],
    ['u8', (w: Writer) => w.u8(-1)],
    ['u8', (w: Writer) => w.u8(1.5)],
    ['u16', (w: Writer) => w.u16(65_536)],
    ['u32', (w: Writer) => w.u32(2 ** 32)],
    ['u32', (w: Writer) => w.u32(Number.NaN)],
    ['u64', (w: Writer) => w.u64(2 ** 53)],
    ['u64', (w: Writer) => w.u64(-1)],
    ['u128', (w: Writer) => w.u128(1n << 128n)],
    ['u128', (w: Writer) => w.u128(-1n)],
  ])('a value that does not fit is our own bug, not a wrong encoding: %s', (_name, write) => {
    expect(() => encode(write)).toThrow(AssertionError)
  })

  test('only refusals of the decoder are caught: a bug inside a reader surfaces', () => {
    expect(() =>
      decode(Uint8Array.of(1), () => {
        throw new TypeError('a bug')
      }),
    ).toThrow(TypeError)
  })
})

test("what was encoded is nobody else's, short or long: later writes do not touch it, and a long one carries at most a third more than it needs", () => {
  const lengths = [0, 10, 60_000, 64 * 1024 + 1, 70_000, 262_144, 1_000_000]
  const encoded = lengths.map((length, i) => encode((w) => w.bytes(new Uint8Array(length).fill(i + 1)).u8(i)))
  for (const [i, bytes] of encoded.entries()) {
    const length = lengths[i] as number
    expect([bytes.length, bytes.at(-1)]).toEqual([length + 5, i])
    expect(bytes.subarray(4, -1).every((byte) => byte === i + 1)).toBe(true)
    expect(bytes.buffer.byteLength).toBeLessThanOrEqual(Math.ceil((bytes.length * 4) / 3))
  }
  expect(new Set(encoded.map(({ buffer }) => buffer)).size).toBe(lengths.length)
})

describe('bitmap', () => {
  test('holds exactly the indices it was made of', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.nat(1_000)), (size, picks) => {
        const indices = [...new Set(picks.map((pick) => pick % size))].sort((a, b) => a - b)
        const bitmap = bitmapOf(size, indices)
        expect(indicesOf(bitmap)).toEqual(indices)
        for (let index = 0; index < size + 20; index++) expect(hasBit(bitmap, index)).toBe(indices.includes(index))
      }),
    )
  })

  test('E2: a bit beyond the size is refused, whatever else is set; a length that disagrees cannot be written', () => {
    for (let size = 1; size <= 24; size++) {
      const length = (size + 7) >> 3
      for (let bit = 0; bit < length * 8; bit++) {
        const bytes = new Uint8Array(2 + length)
        bytes[1] = size
        bytes[2 + (bit >> 3)] = 1 << (bit & 7)
        const decoded = decode(bytes, readBitmap)
        if (bit < size) expect(decoded).toEqual({ ok: true, value: bitmapOf(size, [bit]) })
        else expect(decoded).toMatchObject({ ok: false, error: { code: 'bitmap' } })
      }
    }
    expect(decode(Uint8Array.of(0, 9, 255), readBitmap)).toMatchObject({ ok: false, error: { code: 'truncated' } })
    expect(decode(Uint8Array.of(0, 8, 255, 0), readBitmap)).toMatchObject({ ok: false, error: { code: 'trailing' } })
  })

  test('E2: an index outside is our own bug', () => {
    for (const index of [-1, 4, 1.5, Number.NaN]) expect(() => bitmapOf(4, [index])).toThrow(AssertionError)
  })
})
