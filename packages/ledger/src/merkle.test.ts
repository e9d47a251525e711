import { type Hash, toHex, utf8 } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AuthenticatedMap,
  decodeMapProof,
  EMPTY_MAP_ROOT,
  encodeMapProof,
  type MapChange,
  type MapProof,
  mapKey,
  verifyMapProof,
} from './merkle.js'

function put(name: string, value: Uint8Array | null): MapChange {
  return { key: mapKey(utf8(name)), path: utf8(name), value }
}

/** Keys that share long prefixes and differ late, which hashes of short tests never do. */
const adversarialKey = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 7 })).map(([bit, tail]) => {
  const key = new Uint8Array(32)
  key[bit >> 3] = 0x80 >> (bit & 7)
  key[31] = (key[31] as number) ^ tail
  return key as Hash
})
const anyKey = fc.oneof(
  adversarialKey,
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as Hash),
)
const entriesOf = fc.uniqueArray(fc.tuple(anyKey, fc.uint8Array({ maxLength: 8 })), { selector: ([key]) => toHex(key), maxLength: 40 })

function mapOf(entries: readonly (readonly [Hash, Uint8Array])[]): AuthenticatedMap {
  return AuthenticatedMap.empty.update(entries.map(([key, value]) => ({ key, path: key, value })))
}

describe('the authenticated map', () => {
  it('agrees with a plain Map under any sequence of batches', () => {
    const batch = fc.uniqueArray(fc.tuple(adversarialKey, fc.option(fc.uint8Array({ maxLength: 3 }))), {
      selector: ([key]) => toHex(key),
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
        let map = AuthenticatedMap.empty
        const model = new Map<string, Uint8Array>()
        const olds: { map: AuthenticatedMap; root: string; model: Map<string, string> }[] = []
        for (const changes of batches) {
          const before = map
          map = map.update(changes.map(([key, value]) => ({ key, path: key, value })))
          for (const [key, value] of changes) {
            if (value === null) model.delete(toHex(key))
            else model.set(toHex(key), value)
          }
          const snapshot = new Map([...model].map(([key, value]) => [key, toHex(value)]))
          olds.push({ map, root: toHex(map.root), model: snapshot })
          const { puts, deletes } = AuthenticatedMap.difference(before, map)
          const redone = before.update([...puts, ...deletes.map((entry) => ({ ...entry, value: null }))])
          expect(toHex(redone.root)).toBe(toHex(map.root))
        }
        for (const old of olds) {
          expect(old.map.size).toBe(old.model.size)
          expect(new Map([...old.map.entries()].map((entry) => [toHex(entry.key), toHex(entry.value)]))).toEqual(old.model)
          expect(toHex(mapOf([...old.map.entries()].map((entry) => [entry.key, entry.value])).root)).toBe(old.root)
        }
      }),
    )
  })

  it('F4: the root depends on the set of entries and not on how it came about', () => {
    fc.assert(
      fc.property(entriesOf, fc.array(anyKey, { maxLength: 10 }), fc.infiniteStream(fc.nat()), (entries, detours, choices) => {
        const all = mapOf(entries)
        const order = [...entries]
        for (let i = order.length - 1; i > 0; i--) {
          const j = (choices.next().value as number) % (i + 1)
          const held = order[i] as (typeof order)[number]
          order[i] = order[j] as (typeof order)[number]
          order[j] = held
        }
        let map = AuthenticatedMap.empty
        const kept = new Set(entries.map(([key]) => toHex(key)))
        const strangers = detours.filter((key) => !kept.has(toHex(key)))
        for (const key of strangers) map = map.update([{ key, path: key, value: utf8('detour') }])
        for (const [key, value] of order) map = map.update([{ key, path: key, value: utf8('first') }]).update([{ key, path: key, value }])
        for (const key of strangers) map = map.update([{ key, path: key, value: null }])
        expect(toHex(map.root)).toBe(toHex(all.root))
      }),
    )
  })

  it('F4: different entries have different roots', () => {
    fc.assert(
      fc.property(entriesOf, entriesOf, (a, b) => {
        const text = (entries: typeof a) =>
          entries
            .map(([key, value]) => `${toHex(key)}=${toHex(value)}`)
            .sort()
            .join()
        expect(toHex(mapOf(a).root) === toHex(mapOf(b).root)).toBe(text(a) === text(b))
      }),
    )
    const seen = new Set([toHex(EMPTY_MAP_ROOT)])
    for (const changes of [
      [put('a', utf8('b'))],
      [put('ab', utf8(''))],
      [put('a', utf8(''))],
      [put('a', utf8('b')), put('b', utf8('a'))],
    ]) {
      const root = toHex(AuthenticatedMap.empty.update(changes).root)
      expect(seen.has(root)).toBe(false)
      seen.add(root)
    }
  })

  it('proves presence and absence of every key, in one encoding', () => {
    fc.assert(
      fc.property(entriesOf, anyKey, (entries, stranger) => {
        const map = mapOf(entries)
        for (const key of [...entries.map(([key]) => key), stranger]) {
          const proof = map.prove(key)
          const bytes = encodeMapProof(proof)
          const decoded = decodeMapProof(bytes)
          expect(decoded).toEqual({ ok: true, value: proof })
          expect(verifyMapProof(map.root, key, map.get(key) ?? null, proof).ok).toBe(true)
        }
      }),
    )
  })

  it('S9: a proof holds for its root, key and value only', () => {
    fc.assert(
      fc.property(entriesOf, entriesOf, anyKey, (entries, others, stranger) => {
        const map = mapOf(entries)
        const other = mapOf(others)
        for (const key of [...entries.map(([key]) => key), ...others.map(([key]) => key), stranger]) {
          const value = map.get(key) ?? null
          const proof = map.prove(key)
          if (toHex(other.root) !== toHex(map.root)) expect(verifyMapProof(other.root, key, value, proof).ok).toBe(false)
          expect(verifyMapProof(map.root, key, utf8('another value'), proof).ok).toBe(false)
          if (value !== null) expect(verifyMapProof(map.root, key, null, proof).ok).toBe(false)
          for (const [wrong] of others) {
            const truth = map.get(wrong) ?? null
            // What verifies for another key must be true of that key.
            for (const claimed of [value, null]) {
              if (verifyMapProof(map.root, wrong, claimed, proof).ok)
                expect(claimed === null ? null : toHex(claimed)).toBe(truth === null ? null : toHex(truth))
            }
          }
        }
      }),
    )
  })

  it('E3, S9: no single change to a proof leaves it standing', () => {
    const map = AuthenticatedMap.empty.update(Array.from({ length: 50 }, (_, i) => put(`name ${i}`, utf8(`value ${i}`))))
    for (const name of ['name 7', 'nobody']) {
      const key = mapKey(utf8(name))
      const bytes = encodeMapProof(map.prove(key))
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const changed = bytes.slice()
          changed[at] = (changed[at] as number) ^ (1 << bit)
          const decoded = decodeMapProof(changed)
          if (decoded.ok) expect(verifyMapProof(map.root, key, map.get(key) ?? null, decoded.value).ok).toBe(false)
        }
      }
      for (let length = 0; length < bytes.length; length++) expect(decodeMapProof(bytes.slice(0, length)).ok).toBe(false)
    }
  })

  it('E5: refuses malformed proof objects without throwing', () => {
    const map = AuthenticatedMap.empty.update([put('a', utf8('1')), put('b', utf8('2')), put('c', utf8('3'))])
    const key = mapKey(utf8('a'))
    const good = map.prove(key)
    const step = good.steps[0] as MapProof['steps'][number]
    const bad: MapProof[] = [
      { steps: [...good.steps, step], end: good.end },
      { steps: [{ ...step, bit: 256 }], end: good.end },
      { steps: [{ ...step, bit: -1 }], end: good.end },
      { steps: [{ ...step, bit: 0.5 }], end: good.end },
      { steps: Array.from({ length: 300 }, () => step), end: good.end },
      { steps: good.steps, end: { kind: 'empty' } },
      { steps: good.steps, end: { kind: 'other', key, valueHash: key } },
    ]
    for (const proof of bad) {
      expect(verifyMapProof(map.root, key, utf8('1'), proof).ok).toBe(false)
      expect(verifyMapProof(map.root, key, null, proof).ok).toBe(false)
    }
  })

  it('shares what does not change: an update without effect is the same map', () => {
    const map = AuthenticatedMap.empty.update([put('a', utf8('1')), put('b', utf8('2'))])
    expect(map.update([put('a', utf8('1')), put('z', null)])).toBe(map)
    expect(map.update([put('a', null), put('b', null)]).root).toEqual(EMPTY_MAP_ROOT)
    expect(() => map.update([put('a', utf8('1')), put('a', utf8('2'))])).toThrow(/one change per key/)
  })

  it('has the root that the documented layout says', () => {
    // docs/ledger.md, "Test vectors".
    expect(toHex(EMPTY_MAP_ROOT)).toMatchInlineSnapshot(`"fac4496bfa5c22cec7ddd60ee352187cd12147ad86eed70350e734e3edee0070"`)
    expect(toHex(AuthenticatedMap.empty.update([put('a', utf8('1'))]).root)).toMatchInlineSnapshot(
      `"32991a428495e8d3ab4e1e5a0073ce586ddc312741f86df74dbe0c3762b13259"`,
    )
    expect(
      toHex(AuthenticatedMap.empty.update([put('a', utf8('1')), put('b', utf8('2')), put('c', utf8('3'))]).root),
    ).toMatchInlineSnapshot(`"208ef45e3f7675e9eb0926478a4c593d6cf92b26916c1e6b8b0cff792d8b4205"`)
  })
})
