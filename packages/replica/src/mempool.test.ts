/** The mempool against a sorted array that does the same slowly; its heap and the verdict cache against theirs. */
import { compareBytes, keyOf } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keptBytes } from '../../consensus/test/memory.js'
import { type LibraryTransaction, transactionOf } from '../test/library.js'
import { IndexedHeap } from './heap.js'
import { Mempool, type MempoolOrder } from './mempool.js'
import { VerdictCache } from './verdicts.js'

interface Row {
  readonly transaction: LibraryTransaction
  readonly difficulty: number
  readonly arrival: number
}

const LIMITS = { transactions: 6, bytes: 400, perSender: 3 }

/** What the mempool is, in the most obvious way: a list, sorted anew whenever somebody looks. */
class NaiveMempool {
  rows: Row[] = []
  arrivals = 0
  readonly #order: MempoolOrder

  constructor(order: MempoolOrder) {
    this.#order = order
  }

  sorted(rows: readonly Row[] = this.rows): Row[] {
    return [...rows].sort(
      (a, b) =>
        (this.#order === 'difficulty' ? b.difficulty - a.difficulty : 0) ||
        a.arrival - b.arrival ||
        compareBytes(a.transaction.id, b.transaction.id),
    )
  }

  bytes(rows: readonly Row[] = this.rows): number {
    return rows.reduce((sum, row) => sum + row.transaction.bytes.length, 0)
  }

  /** A refusal code, or the evicted, lowest first. */
  add(transaction: LibraryTransaction, difficulty: number): string | Row[] {
    const { sender, nonce, work } = transaction
    if (this.rows.some((row) => keyOf(row.transaction.id) === keyOf(transaction.id))) return 'known-transaction'
    if (work !== null && this.rows.some((row) => row.transaction.entry.claim === transaction.entry.claim)) return 'duplicate-pending'
    const own = this.rows.filter((row) => row.transaction.sender === sender)
    if (own.some((row) => row.transaction.nonce === nonce)) return 'nonce-pending'
    if (own.length >= LIMITS.perSender) return 'sender-quota'
    if (transaction.bytes.length > LIMITS.bytes) return 'too-large'
    const added: Row = { transaction, difficulty, arrival: this.arrivals }
    const kept = this.sorted([...this.rows, added])
    const evicted: Row[] = []
    while (kept.length > LIMITS.transactions || this.bytes(kept) > LIMITS.bytes) {
      const lowest = kept.pop() as Row
      if (lowest === added) return 'mempool-full'
      evicted.push(lowest)
    }
    this.arrivals++
    this.rows = this.rows.filter((row) => !evicted.includes(row))
    this.rows.push(added)
    return evicted
  }

  remove(row: Row | undefined): void {
    this.rows = this.rows.filter((other) => other !== row)
  }
}

type Action =
  | {
      readonly kind: 'add'
      readonly sender: number
      readonly nonce: number
      readonly claim: number | null
      readonly gas: number
      readonly padding: number
    }
  | { readonly kind: 'pop' }
  | { readonly kind: 'remove'; readonly pick: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      sender: fc.nat(3),
      nonce: fc.nat(4),
      claim: fc.option(fc.nat(8)),
      gas: fc.nat(5),
      padding: fc.constantFrom(0, 0, 0, 60, 200, 500),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'pop' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), pick: fc.nat(20) }) },
)

function compare(pool: Mempool, naive: NaiveMempool): void {
  const sorted = naive.sorted()
  expect(pool.size).toBe(sorted.length)
  expect(pool.size).toBeLessThanOrEqual(LIMITS.transactions)
  expect(pool.bytes).toBe(naive.bytes())
  expect(pool.bytes).toBeLessThanOrEqual(LIMITS.bytes)
  expect(pool.peek()?.transaction.id).toEqual(sorted[0]?.transaction.id)
  expect([...pool.oldestFirst()].map((item) => item.arrival)).toEqual(naive.rows.map((row) => row.arrival).sort((a, b) => a - b))
  for (const { transaction } of sorted) {
    expect(pool.get(transaction.id)?.transaction).toBe(transaction)
    expect(pool.bySenderNonce(transaction.sender, transaction.nonce)?.transaction).toBe(transaction)
    if (transaction.work !== null) expect(pool.byClaim(transaction.work.claimId)?.transaction).toBe(transaction)
  }
  for (let sender = 0; sender < 4; sender++) {
    const count = sorted.filter((row) => row.transaction.sender === `s${sender}`).length
    expect(pool.countOf(`s${sender}`)).toBe(count)
    expect(count).toBeLessThanOrEqual(LIMITS.perSender)
  }
}

describe('mempool', () => {
  test.each(['difficulty', 'fifo'] as const)(
    'is a sorted list (%s): order, ties by arrival then id, bounds, lowest evicted first, one per id, claim, nonce',
    (order) => {
      fc.assert(
        fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
          const pool = new Mempool(LIMITS, order)
          const naive = new NaiveMempool(order)
          for (const step of actions) {
            if (step.kind === 'add') {
              const { sender, nonce, claim, gas, padding } = step
              const transaction = transactionOf({ sender, nonce, claim, gas, padding })
              const result = pool.add(transaction, gas, 0)
              const expected = naive.add(transaction, gas)
              if (typeof expected === 'string') expect(result).toMatchObject({ ok: false, error: { code: expected } })
              else if (!result.ok) expect.fail(`refused: ${result.error.code}`)
              else expect(result.value.evicted.map((item) => item.arrival)).toEqual(expected.map((row) => row.arrival))
            } else {
              const row = step.kind === 'pop' ? naive.sorted()[0] : naive.rows[step.pick]
              const removed = step.kind === 'pop' ? pool.pop() : row === undefined ? undefined : pool.remove(row.transaction.id)
              expect(removed?.arrival).toBe(row?.arrival)
              naive.remove(row)
            }
            compare(pool, naive)
          }
          for (const row of naive.sorted()) expect(pool.pop()?.arrival).toBe(row.arrival)
          expect(pool.size + pool.bytes).toBe(0)
        }),
        { numRuns: 300 },
      )
    },
  )

  test('what is refused changes nothing: the refusal asked for beforehand is the one that adding gives', () => {
    const pool = new Mempool(LIMITS, 'difficulty')
    const first = transactionOf({ sender: 1, nonce: 0, claim: 1, gas: 5 })
    expect(pool.refusalOf(first)).toBeNull()
    pool.add(first, 5, 0)
    const rivals = [first, transactionOf({ sender: 2, claim: 1 }), transactionOf({ sender: 1, nonce: 0, claim: 2 })]
    for (const rival of rivals) {
      const refusal = pool.refusalOf(rival)
      expect(refusal).not.toBeNull()
      expect(pool.add(rival, 9, 0)).toEqual({ ok: false, error: refusal })
    }
    expect(pool.size).toBe(1)
  })

  test('E1, D9: one account holds its quota and no more, and has room again when something of it goes', () => {
    const pool = new Mempool({ transactions: 100, bytes: 1 << 20, perSender: 3 }, 'difficulty')
    const own = Array.from({ length: 5 }, (_, nonce) => transactionOf({ sender: 1, nonce, claim: nonce }))
    for (const transaction of own.slice(0, 3)) expect(pool.add(transaction, 1, 0).ok).toBe(true)
    expect(pool.add(own[3] as LibraryTransaction, 99, 0)).toMatchObject({ ok: false, error: { code: 'sender-quota' } })
    expect(pool.add(transactionOf({ sender: 2, claim: 9 }), 1, 0).ok).toBe(true)
    pool.remove((own[0] as LibraryTransaction).id)
    expect(pool.add(own[4] as LibraryTransaction, 1, 0).ok).toBe(true)
  })

  test('E1: an account of which nothing waits any more leaves nothing behind', () => {
    const pool = new Mempool(LIMITS, 'fifo')
    const pass = (from: number, to: number): void => {
      for (let at = from; at < to; at++) {
        const added = pool.add({ ...one, sender: `account ${at}` }, 1, 0)
        if (!added.ok) throw new Error(added.error.message)
        pool.remove(one.id)
      }
    }
    const one = transactionOf({ sender: 1 })
    pass(0, 1_000)
    expect(keptBytes(() => pass(1_000, 51_000))).toBeLessThan(1 << 20)
  })

  test('a first-come mempool that is full refuses the newcomer, however difficult it is', () => {
    const pool = new Mempool({ ...LIMITS, transactions: 2 }, 'fifo')
    for (const sender of [1, 2]) pool.add(transactionOf({ sender, gas: 1 }), 1, 0)
    expect(pool.add(transactionOf({ sender: 3, gas: 99 }), 99, 0)).toMatchObject({ ok: false, error: { code: 'mempool-full' } })
    expect(pool.size).toBe(2)
  })

  test('a newcomer that would push out more than what ranks below it changes nothing', () => {
    const pool = new Mempool({ ...LIMITS, bytes: 300 }, 'difficulty')
    for (const gas of [1, 5, 6]) pool.add(transactionOf({ sender: gas, gas, padding: 40 }), gas, 0)
    expect(pool.add(transactionOf({ sender: 9, gas: 3, padding: 200 }), 3, 0)).toMatchObject({ ok: false, error: { code: 'mempool-full' } })
    expect(pool.size).toBe(3)
    const added = pool.add(transactionOf({ sender: 9, gas: 7, padding: 120 }), 7, 0)
    expect(added.ok && added.value.evicted.map((item) => item.difficulty)).toEqual([1, 5])
    expect([pool.pop(), pool.pop(), pool.pop()].map((item) => item?.difficulty)).toEqual([7, 6, undefined])
  })

  test('an iteration by arrival goes on over what comes and goes meanwhile', () => {
    const pool = new Mempool({ transactions: 100, bytes: 1 << 20, perSender: 100 }, 'difficulty')
    const added = Array.from({ length: 6 }, (_, nonce) => transactionOf({ nonce, gas: 6 - nonce }))
    for (const transaction of added.slice(0, 5)) pool.add(transaction, 1, 0)
    const iterator = pool.oldestFirst()
    expect(iterator.next().value?.arrival).toBe(0)
    pool.remove((added[0] as LibraryTransaction).id)
    pool.remove((added[1] as LibraryTransaction).id)
    pool.add(added[5] as LibraryTransaction, 1, 0)
    expect([...iterator].map((item) => item.arrival)).toEqual([2, 3, 4, 5])
  })
})

describe('heap', () => {
  test('is a sorted set: top, removal from anywhere, no item twice', () => {
    const step = fc.record({ remove: fc.nat(2).map((draw) => draw === 0), value: fc.nat(60) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 160 }), (steps) => {
        const heap = new IndexedHeap<number>((a, b) => a < b)
        const model = new Set<number>()
        for (const { remove, value } of steps) {
          if (remove) expect(heap.remove(value)).toBe(model.delete(value))
          else {
            heap.add(value)
            model.add(value)
          }
          expect(heap.size).toBe(model.size)
          expect(heap.top).toBe(model.size === 0 ? undefined : Math.min(...model))
          expect(heap.has(value)).toBe(model.has(value))
        }
        for (const value of [...model].sort((a, b) => a - b)) expect(heap.pop()).toBe(value)
        expect(heap.pop()).toBeUndefined()
      }),
    )
  })
})

describe('verdict cache', () => {
  const key = (number: number) => transactionOf({ salt: number }).id
  const verdict = (gas: number) => ({ status: 'valid' as const, gas })

  test('holds at most its capacity, forgets the oldest, and never answers wrongly', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.array(fc.tuple(fc.nat(9), fc.nat(1_000)), { maxLength: 60 }), (capacity, sets) => {
        const cache = new VerdictCache(capacity)
        let model: (readonly [number, number])[] = []
        for (const [name, gas] of sets) {
          cache.set(key(name), verdict(gas))
          const at = model.findIndex(([known]) => known === name)
          if (at >= 0) model[at] = [name, gas]
          else model = [...model, [name, gas] as const].slice(-capacity || Number.POSITIVE_INFINITY)
          if (capacity === 0) model = []
          expect(cache.size).toBe(model.length)
          expect(cache.size).toBeLessThanOrEqual(capacity)
          for (let other = 0; other < 10; other++) {
            const known = model.find(([modelled]) => modelled === other)
            expect(cache.get(key(other))).toEqual(known === undefined ? undefined : verdict(known[1]))
          }
        }
      }),
    )
  })
})
