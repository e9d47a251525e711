import { type Hash, type Height, hash, utf8 } from '@aethel/codec'
import { sha256 } from '@aethel/crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keptBytes } from '../../consensus/test/memory.js'
import { type ClaimQuery, type IndexedClaim, indexEntries, type Place, placeOf, rangeFor } from './claim-index.js'

interface Indexed {
  readonly claim: IndexedClaim
  readonly place: Place
}

const digest = (name: string): Hash => hash(sha256(utf8(name)))

const indexed: fc.Arbitrary<Indexed> = fc
  .record({
    kind: fc.nat(2),
    label: fc.option(fc.nat(2)),
    source: fc.option(fc.nat(2)),
    sender: fc.nat(2),
    height: fc.nat(3),
    index: fc.nat(3),
  })
  .map(({ kind, label, source, sender, height, index }) => ({
    claim: {
      claimId: digest(`claim ${height}/${index}`),
      kind: `${kind}`,
      label: label === null ? null : `${label}`,
      sourceDigest: source === null ? null : digest(`${source}`),
      // The same bytes as a kind's name: what tells them apart is the dimension.
      sender: utf8(`${sender}`),
    },
    place: { height, index },
  }))

const query: fc.Arbitrary<ClaimQuery> = fc
  .record({
    kind: fc.option(fc.nat(2)),
    label: fc.option(fc.nat(2)),
    source: fc.option(fc.nat(2)),
    sender: fc.option(fc.nat(2)),
    height: fc.option(fc.nat(4)),
  })
  .map(({ kind, label, source, sender, height }) => ({
    ...(kind === null ? {} : { kind: `${kind}` }),
    ...(label === null ? {} : { label: `${label}` }),
    ...(source === null ? {} : { sourceDigest: digest(`${source}`) }),
    ...(sender === null ? {} : { sender: utf8(`${sender}`) }),
    ...(height === null ? {} : { height: height as Height }),
  }))

/** What the query asks of its dimension, and of the place. */
function isAsked({ claim, place }: Indexed, asked: ClaimQuery, dimension: string, before: Place | null): boolean {
  if (asked.height !== undefined && place.height !== asked.height) return false
  if (before !== null && (place.height > before.height || (place.height === before.height && place.index >= before.index))) return false
  switch (dimension) {
    case 'label':
      return claim.label === asked.label
    case 'source':
      return claim.sourceDigest !== null && Buffer.compare(claim.sourceDigest, asked.sourceDigest as Hash) === 0
    case 'sender':
      return Buffer.compare(claim.sender, asked.sender as Uint8Array) === 0
    case 'kind':
      return claim.kind === asked.kind
    default:
      return true
  }
}

describe('the index of claims', () => {
  it('what lies in the range of a query is what it asks for in one dimension, of its height, before the cursor; nothing is left out', () => {
    const place = fc.record({ height: fc.nat(4), index: fc.nat(4) })
    fc.assert(
      fc.property(
        fc.uniqueArray(indexed, { maxLength: 12, selector: ({ place: { height, index } }) => `${height}.${index}` }),
        query,
        fc.option(place),
        (claims, asked, before) => {
          const entries = claims.flatMap(({ claim, place: at }) => indexEntries(claim, at))
          const { gte, lt, dimension } = rangeFor(asked, before)
          const found = entries
            .filter(([key]) => Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0)
            .map(([key]) => placeOf(key))
            .sort((a, b) => a.height - b.height || a.index - b.index)
          const expected = claims
            .filter((each) => isAsked(each, asked, dimension, before))
            .map((each) => each.place)
            .sort((a, b) => a.height - b.height || a.index - b.index)
          expect(found).toEqual(expected)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('E1: senders come and go, and no more than a thousand prefixes are kept at hand', () => {
    const claim = { claimId: digest('c'), kind: 'k', label: null, sourceDigest: null }
    const write = (from: number, count: number): void => {
      for (let n = from; n < from + count; n++) indexEntries({ ...claim, sender: sha256(utf8(`${n}`)) }, { height: n, index: 0 })
    }
    write(0, 3_000)
    expect(keptBytes(() => write(3_000, 30_000))).toBeLessThan(1 << 20)
  })
})
