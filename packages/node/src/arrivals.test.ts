import { hash, keyOf, type ValidatorIndex } from '@aethel/codec'
import { transactionIdOf } from '@aethel/replica'
import { describe, expect, test } from 'vitest'
import { ARRIVAL_COST_BYTES, Arrivals, Line, MAX_ARRIVAL_BYTES } from './arrivals.js'

const PEER = 1 as ValidatorIndex
const OTHER = 2 as ValidatorIndex
const THIRD = 3 as ValidatorIndex
const BYTES = 100
const MOST: number = Math.floor(MAX_ARRIVAL_BYTES / (ARRIVAL_COST_BYTES + BYTES))

const transaction = (length: number = BYTES): Uint8Array => new Uint8Array(length)
const client = (length: number = BYTES) => ({ id: hash(new Uint8Array(32)), bytes: transaction(length), answer: () => undefined })

function turns(arrivals: Arrivals, count: number): (ValidatorIndex | null | undefined)[] {
  return Array.from({ length: count }, () => {
    const from = arrivals.turn()
    if (from === null) arrivals.clients.shift()
    else if (from !== undefined) arrivals.shiftOfPeer(from)
    return from
  })
}

describe('transactions that nobody has looked at yet', () => {
  test('leave their line in the order in which they came', () => {
    const line = new Line()
    const sizes: (number | undefined)[] = []
    for (let length = 1; length <= 5; length++) line.push({ bytes: transaction(length) })
    for (let round = 0; round < 3; round++) {
      sizes.push(line.shift()?.bytes.length)
      line.push({ bytes: transaction(6 + round) })
    }
    for (let next = line.shift(); next !== undefined; next = line.shift()) sizes.push(next.bytes.length)
    expect(sizes).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([line.size, line.weight, line.pop()]).toEqual([0, 0, 0])
  })

  test('are found in their line by their ids, whoever brought them, and stay in it', () => {
    const arrivals = new Arrivals()
    const [a, b, c] = [1, 2, 3].map((length) => transaction(length)) as [Uint8Array, Uint8Array, Uint8Array]
    const idOf = (bytes: Uint8Array): string => keyOf(transactionIdOf(bytes))
    arrivals.offerOfPeer(PEER, a)
    arrivals.offerOfPeer(OTHER, b)
    arrivals.offerOfClient({ ...client(), id: transactionIdOf(c), bytes: c })
    for (let round = 0; round < 2; round++) {
      const wanted = new Set([idOf(b), idOf(c), idOf(transaction(4))])
      expect(arrivals.find(wanted)).toEqual(
        new Map([
          [idOf(c), c],
          [idOf(b), b],
        ]),
      )
    }
    expect([arrivals.size, arrivals.shiftOfPeer(PEER), arrivals.find(new Set([idOf(a)])).size]).toEqual([3, a, 0])
  })

  test('E1: each that leaves makes room for what it weighed: a node takes in transactions for ever', () => {
    const arrivals = new Arrivals()
    for (let nth = 0; nth < 3 * MOST; nth++) {
      expect([arrivals.offerOfPeer(PEER, transaction()), arrivals.offerOfClient(client())]).toEqual([true, true])
      turns(arrivals, 2)
    }
    for (let nth = 0; nth < MOST; nth++) {
      expect([arrivals.offerOfPeer(PEER, transaction()), arrivals.offerOfClient(client())]).toEqual([true, true])
    }
    expect([arrivals.offerOfPeer(PEER, transaction()), arrivals.offerOfClient(client())]).toEqual([false, false])
    turns(arrivals, 2)
    const asMuchAsTwo = ARRIVAL_COST_BYTES + 2 * BYTES
    expect([arrivals.offerOfPeer(PEER, transaction(asMuchAsTwo)), arrivals.offerOfPeer(PEER, transaction())]).toEqual([false, true])
    expect([arrivals.offerOfClient(client(asMuchAsTwo)), arrivals.offerOfClient(client())]).toEqual([false, true])
    expect(arrivals.size).toBe(2 * MOST)
  })

  test('E1: the flood of one peer crowds out no other: the longest line is cut until all have the same', () => {
    const arrivals = new Arrivals()
    for (let nth = 0; nth < 2 * MOST; nth++) arrivals.offerOfPeer(PEER, transaction())
    for (let nth = 0; nth < 10; nth++) expect(arrivals.offerOfPeer(OTHER, transaction())).toBe(true)
    expect(arrivals.size).toBe(MOST)
    let others = 10
    while (arrivals.offerOfPeer(OTHER, transaction())) others++
    expect(others).toBe(Math.floor(MOST / 2))
    while (arrivals.offerOfPeer(THIRD, transaction())) others++
    expect(arrivals.size).toBe(MOST)
    expect(turns(arrivals, MOST).filter((from) => from === THIRD)).toHaveLength(Math.floor(MOST / 3))
    expect([arrivals.size, arrivals.turn()]).toEqual([0, undefined])
  })

  test('E1: a single transaction that fills the part of the peers gives way to a smaller one', () => {
    const arrivals = new Arrivals()
    expect(arrivals.offerOfPeer(PEER, transaction(MAX_ARRIVAL_BYTES - ARRIVAL_COST_BYTES))).toBe(true)
    expect(arrivals.offerOfPeer(OTHER, transaction())).toBe(true)
    expect(turns(arrivals, 2)).toEqual([OTHER, undefined])
  })

  test('every source has its turn, clients every second one, and who has nothing waits for nobody', () => {
    const arrivals = new Arrivals()
    for (let nth = 0; nth < 4; nth++) {
      arrivals.offerOfPeer(PEER, transaction())
      if (nth < 2) arrivals.offerOfPeer(OTHER, transaction())
      if (nth < 3) arrivals.offerOfClient(client())
    }
    expect(turns(arrivals, 10)).toEqual([null, PEER, null, OTHER, null, PEER, OTHER, PEER, PEER, undefined])
    arrivals.offerOfClient(client())
    expect(turns(arrivals, 2)).toEqual([null, undefined])
  })
})
