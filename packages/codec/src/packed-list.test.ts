import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { packedList } from './packed-list.js'
import { BYTES_COST, byteStrings, decode, encode, type ItemOf, type Reader } from './wire.js'

const BYTES = byteStrings(1000)
const PAIR: ItemOf<{ readonly a: number; readonly b: Uint8Array }> = {
  read: (reader) => ({ a: reader.u8(), b: reader.bytes(4) }),
  costBytes: () => 2 * BYTES_COST,
  onceRead: 'kept',
}

const someBytes = (count: number, length: number) =>
  Array.from({ length: count }, (_, nth) => new Uint8Array(length).map((__, at) => nth * 7 + at))
const encoded = (items: readonly Uint8Array[]) => encode((writer) => writer.list(items, (w, item) => w.bytes(item)))

function listIn(bytes: Uint8Array): readonly Uint8Array[] {
  const decoded = decode(bytes, (reader) => reader.longList(100_000, BYTES))
  if (!decoded.ok) throw new Error(decoded.error.message)
  return decoded.value
}

/** A packed list makes a copy for each reading. */
const isPacked = (list: readonly Uint8Array[]) => list.at(0) !== list[0]

describe('a packed list', () => {
  const items = someBytes(5000, 3)
  const list = listIn(encoded(items))

  it('is what a long list of short items becomes; a short one, and one of long items, are plain', () => {
    expect(isPacked(list)).toBe(true)
    expect(isPacked(listIn(encoded(someBytes(200, 3))))).toBe(false)
    expect(isPacked(listIn(encoded(someBytes(5000, 80))))).toBe(false)
    expect(listIn(encoded([]))).toEqual([])
  })

  it('is an array to whoever reads it', () => {
    expect(Array.isArray(list)).toBe(true)
    expect(list).toEqual(items)
    expect([...list]).toEqual(items)
    expect(list.length).toBe(5000)
    expect([list[-1 as number], list[5000], list.at(-1)]).toEqual([undefined, undefined, items.at(-1)])
    expect(list.map((item) => item[0])).toEqual(items.map((item) => item[0]))
    expect(list.slice(7, 9)).toEqual(items.slice(7, 9))
    expect([...list.entries()].at(4000)).toEqual([4000, items[4000]])
    expect([4999 in list, 5000 in list, '07' in list]).toEqual([true, false, false])
    expect(Object.keys(list)).toEqual(Object.keys(items))
    expect(list).not.toEqual(items.with(77, Uint8Array.of(9)))
    expect(encoded(list)).toEqual(encoded(items))
  })

  it('cannot be written to, and what is done to an item it has given out does not change it', () => {
    const writable = list as Uint8Array[]
    expect(() => writable.push(Uint8Array.of(1))).toThrow(TypeError)
    expect(() => {
      writable[0] = Uint8Array.of(1)
    }).toThrow(TypeError)
    expect(() => Object.defineProperty(writable, 0, { value: 1 })).toThrow(TypeError)
    expect(() => Reflect.deleteProperty(writable, 0)).not.toThrow()
    writable[0]?.fill(255)
    expect(list[0]).toEqual(items[0])
  })

  it('does not look at the bytes it was read from again', () => {
    const bytes = encoded(items)
    const own = listIn(bytes)
    bytes.fill(0)
    expect(own).toEqual(items)
  })

  it('gives the same object each time where objects are kept', () => {
    const bytes = encode((writer) => writer.list(items, (w, item) => w.u8(item[0] as number).bytes(item)))
    const decoded = decode(bytes, (reader) => reader.longList(5000, PAIR))
    const pairs = decoded.ok ? decoded.value : []
    expect(pairs[4711]).toEqual({ a: items[4711]?.[0], b: items[4711] })
    expect(pairs[4711]).toBe(pairs[4711])
    expect(pairs).toEqual(items.map((b) => ({ a: b[0], b })))
  })

  it('E6: is refused whole, as a plain one, where an item is malformed, cut off or too many', () => {
    const bytes = encoded(items)
    const codeOf = (read: (reader: Reader) => unknown, input = bytes) => {
      const decoded = decode(input, read)
      return decoded.ok ? 'read' : decoded.error.code
    }
    expect(codeOf((reader) => reader.longList(4999, BYTES))).toBe('too-many')
    expect(codeOf((reader) => reader.longList(5000, BYTES), bytes.subarray(0, -1))).toBe('truncated')
    expect(codeOf((reader) => reader.longList(5000, { ...BYTES, read: (r) => r.bytes(2) }))).toBe('too-long')
    expect(codeOf((reader) => reader.longList(5000, BYTES))).toBe('read')
    expect(codeOf((reader) => reader.longList(100_000, BYTES), Uint8Array.of(0, 1, 0, 0))).toBe('truncated')
  })

  it('tells each item once, in order, while it is read', () => {
    const told: Uint8Array[] = []
    decode(encoded(items), (reader) => reader.longList(5000, BYTES, (item) => told.push(item)))
    expect(told).toEqual(items)
  })

  it('lists within items leave what they would have taken to the next when the outer one is packed', () => {
    const inner = encoded(someBytes(100, 1))
    const nested: ItemOf<readonly Uint8Array[]> = {
      read: (reader) => reader.longList(100, BYTES),
      costBytes: (list) => BYTES_COST * list.length,
      onceRead: 'kept',
    }
    const bytes = encode((writer) => writer.list(someBytes(50, 0), (w) => w.raw(inner)).raw(encoded(someBytes(200, 1))))
    const decoded = decode(bytes, (reader) => [reader.longList(50, nested), reader.longList(200, BYTES)] as const)
    const [outer, next] = decoded.ok ? decoded.value : []
    expect(outer?.[49]).toEqual(someBytes(100, 1))
    expect(isPacked(next ?? [])).toBe(false)
    expect(next).toEqual(someBytes(200, 1))
  })
})

describe('packedList', () => {
  it('asks for a position only within the length', () => {
    const asked: number[] = []
    const list = packedList(3, (position) => asked.push(position))
    expect([list[3], list[-1 as number], list['1.5' as unknown as number], list['01' as unknown as number]]).toEqual(
      Array(4).fill(undefined),
    )
    expect(asked).toEqual([])
    expect([list[2], list[0]]).toEqual([1, 2])
    expect(asked).toEqual([2, 0])
  })
})

describe('memory', () => {
  it('E6: what is decoded of 300 KB takes less than four times as much, however short the items are', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const held = () => {
      collect()
      collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const bytes = encoded(someBytes(60_000, 1))
    const kept: unknown[] = []
    let least = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < 4; turn++) {
      kept.length = 0
      const before = held()
      kept.push(listIn(bytes))
      least = Math.min(least, held() - before)
    }
    expect(kept.length).toBe(1)
    expect(bytes.length).toBe(300_004)
    expect(least).toBeLessThan(4 * bytes.length)
  })
})
