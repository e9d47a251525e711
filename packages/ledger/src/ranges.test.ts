import { compareBytes, encode, type Hash, toHex, utf8 } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuthenticatedMap, EMPTY_MAP_ROOT, type MapEntry } from './merkle.js'
import { type CheckedRange, checkRange, type KeyRange, keyAfter, writeRange } from './ranges.js'

/** In these maps the path is the key: keys that share long prefixes, which hashes never do. */
/** The path itself; of a forged one of another length, some other key. */
const self = (path: Uint8Array): Hash => (path.length === 32 ? path : Uint8Array.from({ length: 32 }, (_, at) => path[at] ?? 0)) as Hash
const adversarialKey = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 7 })).map(([bit, tail]) => {
  const key = new Uint8Array(32)
  key[bit >> 3] = 0x80 >> (bit & 7)
  key[31] = (key[31] as number) ^ tail
  return key as Hash
})
const randomKey = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as Hash)
const anyKey = fc.oneof(adversarialKey, randomKey)
const anyEntries = fc.uniqueArray(fc.tuple(anyKey, fc.uint8Array({ maxLength: 8 })), { selector: ([key]) => toHex(key), maxLength: 40 })
const anyRange = fc.tuple(anyKey, anyKey).map(([a, b]): KeyRange => (compareBytes(a, b) <= 0 ? { low: a, high: b } : { low: b, high: a }))
const WHOLE: KeyRange = { low: new Uint8Array(32) as Hash, high: new Uint8Array(32).fill(0xff) as Hash }

function mapOf(entries: readonly (readonly [Hash, Uint8Array])[]): AuthenticatedMap {
  return AuthenticatedMap.empty.update(entries.map(([key, value]) => ({ key, path: key, value })))
}

function partOf(map: AuthenticatedMap, range: KeyRange, bytes = Number.MAX_SAFE_INTEGER): Uint8Array {
  return encode((writer) => {
    writeRange(writer, map, range, bytes)
  })
}

function mustCheck(bytes: Uint8Array, root: Hash, range: KeyRange): CheckedRange {
  const checked = checkRange(bytes, root, range, self)
  if (!checked.ok) throw new Error(`${checked.error.code}: ${checked.error.message}`)
  return checked.value
}

function namesOf(entries: readonly MapEntry[]): string[] {
  return entries.map(({ key, value }) => `${toHex(key)}=${toHex(value)}`)
}

function expectedIn(map: AuthenticatedMap, { low, high }: KeyRange): string[] {
  return namesOf([...map.entries()].filter(({ key }) => compareBytes(key, low) >= 0 && compareBytes(key, high) <= 0))
}

describe('a part of an authenticated map', () => {
  it('holds exactly the entries of its range, and passes against the root', () => {
    fc.assert(
      fc.property(anyEntries, anyRange, (entries, range) => {
        const map = mapOf(entries)
        const { complete, entries: got } = mustCheck(partOf(map, range), map.root, range)
        expect(complete).toBe(true)
        expect(namesOf(got)).toEqual(expectedIn(map, range))
      }),
      { numRuns: 400 },
    )
  })

  it('parts of any size, one after the other, make up the range', () => {
    fc.assert(
      fc.property(anyEntries, anyRange, fc.integer({ min: 0, max: 400 }), (entries, range, bytes) => {
        const map = mapOf(entries)
        const got: MapEntry[] = []
        for (let low: Hash | null = range.low; low !== null; ) {
          const part = mustCheck(partOf(map, { low, high: range.high }, bytes), map.root, { low, high: range.high })
          got.push(...part.entries)
          const last = part.entries.at(-1)?.key
          low = part.complete || last === undefined ? null : keyAfter(last)
        }
        expect(namesOf(got)).toEqual(expectedIn(map, range))
      }),
      { numRuns: 400 },
    )
  })

  it('S9: passes against no other root, and no other range', () => {
    const map = mapOf([
      [keyOfByte(1), utf8('a')],
      [keyOfByte(2), utf8('b')],
      [keyOfByte(9), utf8('c')],
    ])
    const other = mapOf([
      [keyOfByte(1), utf8('a')],
      [keyOfByte(2), utf8('x')],
      [keyOfByte(9), utf8('c')],
    ])
    const range = { low: keyOfByte(1), high: keyOfByte(2) }
    expect(checkRange(partOf(map, range), other.root, range, self)).toMatchObject({ ok: false, error: { code: 'range-root' } })
    const shifted = { low: keyOfByte(2), high: keyOfByte(9) }
    expect(checkRange(partOf(map, range), map.root, shifted, self)).toMatchObject({ ok: false })
  })

  it('E3, S9: no entry can be left out, changed or added: any byte changed, cut off or repeated is refused, or says the same', () => {
    fc.assert(
      fc.property(
        anyEntries,
        anyRange,
        fc.integer({ min: 0, max: 300 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (entries, range, bytes, at, by) => {
          const map = mapOf(entries)
          const honest = partOf(map, range, bytes)
          const truth = mustCheck(honest, map.root, range)
          const changed = honest.slice()
          changed[at % changed.length] = (changed[at % changed.length] as number) ^ by
          for (const forged of [changed, honest.slice(0, at % honest.length), Uint8Array.from([...honest, by])]) {
            const checked = checkRange(forged, map.root, range, self)
            // What still passes may stop elsewhere, but holds nothing that is not in the map, and skips nothing.
            if (checked.ok) {
              expect(namesOf(checked.value.entries)).toEqual(namesOf(truth.entries))
              if (checked.value.complete) expect(namesOf(checked.value.entries)).toEqual(expectedIn(map, range))
            }
          }
        },
      ),
      { numRuns: 600 },
    )
  })

  it('E3: an entry cannot be hidden in a hash, wherever it is', () => {
    fc.assert(
      fc.property(anyEntries, anyRange, fc.nat(), (entries, range, pick) => {
        const map = mapOf(entries)
        const inside = [...map.entries()].filter(({ key }) => compareBytes(key, range.low) >= 0 && compareBytes(key, range.high) <= 0)
        fc.pre(inside.length > 0)
        const hidden = inside[pick % inside.length] as MapEntry
        // The part for a range that leaves the entry out proves nothing about one that does not.
        const below = { low: range.low, high: hidden.key }
        const honest = partOf(map, below)
        const lies = [
          partOf(map, { low: range.low, high: predecessor(hidden.key) }),
          partOf(map, { low: successor(hidden.key), high: range.high }),
        ]
        for (const lie of lies) {
          const checked = checkRange(lie, map.root, below, self)
          if (checked.ok) expect(namesOf(checked.value.entries)).toEqual(namesOf(mustCheck(honest, map.root, below).entries))
        }
      }),
      { numRuns: 400 },
    )
  })

  it('E3, S9: a part that stops early cannot pass for the last one', () => {
    const map = mapOf(Array.from({ length: 40 }, (_, nth) => [keyOfByte(nth), utf8(`entry ${nth}`)]))
    for (const bytes of [0, 40, 100, 400]) {
      const part = partOf(map, WHOLE, bytes)
      expect(mustCheck(part, map.root, WHOLE).complete).toBe(false)
      expect(checkRange(Uint8Array.from([1, ...part.subarray(1)]), map.root, WHOLE, self)).toMatchObject({
        ok: false,
        error: { code: 'range-gap' },
      })
    }
  })

  it('E5: bytes of any shape are a refusal, never an exception: also the root as a hash, a lone witness, an empty map', () => {
    const map = mapOf([
      [keyOfByte(1), utf8('a')],
      [keyOfByte(2), utf8('b')],
    ])
    const hashOnly = (complete: number): Uint8Array => Uint8Array.from([complete, 2, ...map.root])
    for (const complete of [0, 1])
      expect(checkRange(hashOnly(complete), map.root, WHOLE, self)).toMatchObject({ ok: false, error: { code: 'range-shape' } })
    expect(checkRange(Uint8Array.of(1, 0), EMPTY_MAP_ROOT, WHOLE, self)).toMatchObject({ ok: true, value: { entries: [], complete: true } })
    expect(checkRange(Uint8Array.of(0, 0), EMPTY_MAP_ROOT, WHOLE, self)).toMatchObject({ ok: false, error: { code: 'range-shape' } })
    expect(checkRange(Uint8Array.of(1, 0), map.root, WHOLE, self)).toMatchObject({ ok: false, error: { code: 'range-root' } })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(checkRange(bytes, map.root, WHOLE, self).ok).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('costs what it holds and a path on either side, however large the map is', () => {
    const map = mapOf(Array.from({ length: 4096 }, (_, at) => [spread(at), utf8(String(at))] as const))
    const range = { low: spread(100), high: WHOLE.high }
    const part = partOf(map, range, 2_000)
    expect(part.length).toBeLessThan(2_000 + 2 * 256 * 34)
    expect(mustCheck(part, map.root, range).complete).toBe(false)
  })
})

function keyOfByte(byte: number): Hash {
  const key = new Uint8Array(32)
  key[0] = byte
  return key as Hash
}

function spread(at: number): Hash {
  const key = new Uint8Array(32)
  new DataView(key.buffer).setUint32(0, Math.imul(at, 0x9e3779b1) >>> 0)
  key[31] = at & 255
  return key as Hash
}

function successor(key: Hash): Hash {
  return keyAfter(key) ?? key
}

function predecessor(key: Hash): Hash {
  const before = key.slice()
  for (let at = 31; at >= 0; at--) {
    const byte = before[at] as number
    before[at] = (byte - 1) & 0xff
    if (byte !== 0) break
  }
  return before as Hash
}
