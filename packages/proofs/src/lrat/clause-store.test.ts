/** The clause store against a plain map: the same clauses under the same ids, whatever was added, deleted and packed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Meter } from '../verifier.js'
import { Charges } from './charges.js'
import { bitCount, CLAUSE_HEADER_WORDS, ClauseStore, OFFSET_MASK, SEGMENT_BITS } from './clause-store.js'

const meter: Meter = { gas: 0, charge() {}, allocate() {} }

function clauseAt(store: ClauseStore, id: number): number[] | null {
  const place = store.index[store.slotOf(id)] as number
  if (place === 0) return null
  const segment = store.segments[place >>> SEGMENT_BITS] as Int32Array
  const at = place & OFFSET_MASK
  return [...segment.subarray(at + 1, at + 1 + (segment[at] as number))]
}

class Pair {
  readonly charges = new Charges(meter)
  readonly store = new ClauseStore(this.charges, 0)
  readonly model = new Map<number, number[]>()
  lastId = 0
  #next = 1

  add(gap: number, length: number): void {
    this.lastId += gap
    const literals = Array.from({ length }, () => this.#next++)
    this.store.add(this.lastId, Int32Array.from([7, ...literals]), 1, length)
    this.model.set(this.lastId, literals)
  }

  remove(id: number): void {
    const slot = this.store.slotOf(id)
    const clause = this.model.get(id)
    if (clause === undefined) expect(this.store.index[slot]).toBe(0)
    else {
      this.store.remove(slot, clause.length)
      this.model.delete(id)
    }
  }

  compare(): void {
    for (const [id, clause] of this.model) expect(clauseAt(this.store, id)).toEqual(clause)
    const seen: number[][] = []
    this.store.eachLive((segment, at, count) => seen.push([...segment.subarray(at, at + count)]))
    expect(seen).toEqual([...this.model.values()])
    expect(this.store.liveWords).toBe([...this.model.values()].reduce((sum, { length }) => sum + length + CLAUSE_HEADER_WORDS, 0))
  }
}

describe('a clause is found under its id, and only there', () => {
  const length = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 60 }) },
    { weight: 2, arbitrary: fc.integer({ min: 900, max: 3_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 40_000 }) },
  )
  const gap = fc.oneof(
    { weight: 10, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 100_000 }) },
  )
  const burst = fc.record({ count: fc.integer({ min: 1, max: 120 }), gap, length, keep: fc.integer({ min: 1, max: 40 }) })

  test('after any additions, deletions and packings', () => {
    let packings = 0
    fc.assert(
      fc.property(fc.array(burst, { maxLength: 12 }), (bursts) => {
        const pair = new Pair()
        for (const { count, gap, length, keep } of bursts) {
          for (let i = 0; i < (length > 3_000 ? 2 : count); i++) pair.add(gap, length)
          const capacity = pair.charges.words
          for (const id of [...pair.model.keys()]) if (id % keep !== 0) pair.remove(id)
          pair.remove(pair.lastId + 1)
          pair.compare()
          if (capacity === pair.charges.words) packings++
        }
        for (let id = 0; id <= Math.min(pair.lastId + 70, 5_000); id++) {
          expect(clauseAt(pair.store, id)).toEqual(pair.model.get(id) ?? null)
        }
      }),
      { numRuns: 40 },
    )
    expect(packings).toBeGreaterThan(0)
  })

  test('also if the very first clause is longer than a segment and everything before the last is packed away', () => {
    const pair = new Pair()
    pair.add(1, 40_000)
    for (let i = 0; i < 2_000; i++) pair.add(1, 20)
    for (let id = 1; id <= 2_000; id++) pair.remove(id)
    for (let i = 0; i < 4_000; i++) pair.add(1, 20)
    pair.compare()
  })
})

/** A word for 32 ids, and what doubling such a table allocates in all. */
const directoryWords = (lastId: number): number => 4 * Math.ceil(lastId / 32)

describe('memory', () => {
  test('follows the clauses live at one time, at most four times their size, however many are added', () => {
    for (const length of [3, 10, 100]) {
      const pair = new Pair()
      const additions = 300_000 / length
      for (let i = 0; i < additions; i++) {
        pair.add(1, length)
        // Most die young, every 64th stays for long.
        const young = pair.lastId - 1_000
        if (young > 0 && young % 64 !== 0) pair.remove(young)
        const old = pair.lastId - 64_000
        if (old > 0 && old % 64 === 0) pair.remove(old)
      }
      pair.compare()
      expect(pair.charges.words - directoryWords(pair.lastId)).toBeLessThan(4 * pair.store.peakLiveWords)
    }
  })

  test('held at one time does not grow with the ids that have died', () => {
    const pair = new Pair()
    const peaks: number[] = []
    for (let i = 1; i <= 600_000; i++) {
      pair.add(1, 6)
      if (i > 2_000) pair.remove(i - 2_000)
      if (i % 200_000 === 0) peaks.push(pair.charges.peakWords)
    }
    pair.compare()
    // A leaf of the directory is 8192 ids; what remains of a dead one is two words.
    expect((peaks[2] as number) - (peaks[0] as number)).toBeLessThan(1_000)
    expect(peaks[2]).toBeLessThan(4 * pair.store.peakLiveWords)
  })

  test('a long-lived clause keeps its leaf while those around it come and go', () => {
    const pair = new Pair()
    for (let i = 1; i <= 100_000; i++) {
      pair.add(1, 6)
      if (i > 500 && (i - 500) % 20_000 !== 7) pair.remove(i - 500)
    }
    pair.add(5_000_000, 6)
    for (let i = 0; i < 20_000; i++) {
      pair.add(1, 6)
      pair.remove(pair.lastId - 1)
    }
    pair.compare()
  })

  test('held at one time is what was paid for, also where the last leaf of the directory begins', () => {
    const pair = new Pair()
    // Each page is the first that the directory was not paid for; the last one is the last that it was.
    for (let page = 1; page <= 1 << 17; page *= 2) pair.add(32 * page - pair.lastId, 1)
    pair.add(32 * ((1 << 18) - 100) - pair.lastId, 1)
    pair.compare()
    // Beside the directory there are two words for each of its leaves, of which the array before is held while it grows.
    expect(pair.charges.peakWords).toBeLessThan(pair.charges.words + (6 * (1 << 18)) / 256)
  })

  test('of ids far apart, one by one in their pages, is no more than that of ids close together', () => {
    const pair = new Pair()
    for (let i = 0; i < 10_000; i++) pair.add(1_000, 8)
    expect(pair.charges.words - directoryWords(pair.lastId)).toBeLessThan(4 * pair.store.peakLiveWords)
    pair.compare()
  })
})

test('bits are counted', () => {
  for (const bits of [0, 1, -1, 0x8000_0000 | 0, 0x7fff_ffff, 0x5555_5555, 0x1234_5678]) {
    expect(bitCount(bits)).toBe((bits >>> 0).toString(2).replaceAll('0', '').length)
  }
})
