import type { ValidatorIndex } from '@aethel/codec'
import { describe, expect, test } from 'vitest'
import { ARRIVAL_COST_BYTES, Arrivals, MAX_ARRIVAL_BYTES } from './arrivals.js'

const PEER = 1 as ValidatorIndex

function arrivalOf(length: number): { from: ValidatorIndex; bytes: Uint8Array } {
  return { from: PEER, bytes: new Uint8Array(length) }
}

describe('transactions that nobody has looked at yet', () => {
  test('leave in the order in which they came', () => {
    const arrivals = new Arrivals()
    const sizes: (number | undefined)[] = []
    for (let length = 1; length <= 5; length++) arrivals.offer(arrivalOf(length))
    for (let round = 0; round < 3; round++) {
      sizes.push(arrivals.first?.bytes.length)
      arrivals.shift()
      arrivals.offer(arrivalOf(6 + round))
    }
    for (; arrivals.first !== undefined; arrivals.shift()) sizes.push(arrivals.first.bytes.length)
    expect(sizes).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(arrivals.size).toBe(0)
  })

  test('E1: each that leaves makes room for what it weighed: a node takes in transactions for ever', () => {
    const arrivals = new Arrivals()
    const bytes = 100
    const most = Math.floor(MAX_ARRIVAL_BYTES / (ARRIVAL_COST_BYTES + bytes))
    for (let nth = 0; nth < 3 * most; nth++) {
      expect(arrivals.offer(arrivalOf(bytes))).toBe(true)
      arrivals.shift()
    }
    for (let nth = 0; nth < most; nth++) expect(arrivals.offer(arrivalOf(bytes))).toBe(true)
    expect(arrivals.offer(arrivalOf(bytes))).toBe(false)
    arrivals.shift()
    const asMuchAsTwo = arrivalOf(ARRIVAL_COST_BYTES + 2 * bytes)
    expect([arrivals.offer(asMuchAsTwo), arrivals.offer(arrivalOf(bytes))]).toEqual([false, true])
    expect(arrivals.size).toBe(most)
  })

  test('nothing leaves an empty queue', () => {
    const arrivals = new Arrivals()
    arrivals.shift()
    expect([arrivals.size, arrivals.first]).toEqual([0, undefined])
    expect(arrivals.offer(arrivalOf(1))).toBe(true)
    expect(arrivals.size).toBe(1)
  })
})
