/** What is sent again, and how much of it at a time, from the side of who would have a validator send for ever. */
import { keyOf } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { claimIdOf, transactionOf } from '../test/library.js'
import { Mempool } from './mempool.js'
import { MempoolRounds } from './mempool-rounds.js'

const MIB = 1 << 20

/** As many as there are, of so many bytes each, all waiting since before the newest tick. */
function rounds(count: number, padding: number): MempoolRounds {
  const pool = new Mempool({ transactions: count, bytes: 1 << 30, perSender: count }, 'fifo')
  const made = new MempoolRounds(pool)
  for (let nonce = 0; nonce < count; nonce++) {
    const added = pool.add(transactionOf({ sender: nonce % 100, nonce, padding }), 0, 0)
    if (!added.ok) throw new Error(added.error.message)
  }
  expect(made.regossip('all', false)).toEqual([]) // what came since the last tick is on its way
  return made
}

describe('gossip', () => {
  it('E1: gossip again: 64 transactions or a mebibyte a tick, whatever the pool holds; to who connects 1,024 or four; everybody has its turn', () => {
    const small = rounds(3_000, 0)
    const seen = new Set<string>()
    for (let tick = 0; tick < Math.ceil(3_000 / 64); tick++) {
      const sent = small.regossip('all', false)
      expect(sent.length).toBeLessThanOrEqual(64)
      for (const { idKey } of sent) seen.add(idKey)
    }
    expect(seen.size).toBe(3_000)
    expect(small.oldest().length).toBe(1_024)

    const large = rounds(60, MIB / 4)
    const bytesOf = (sent: readonly { readonly bytes: Uint8Array }[]): number => sent.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const one = bytesOf(large.oldest().slice(0, 1))
    for (let tick = 0; tick < 20; tick++) expect(bytesOf(large.regossip('all', false))).toBeLessThan(MIB + one)
    expect(bytesOf(large.oldest())).toBeLessThan(4 * MIB + one)
    expect(large.oldest().length).toBeGreaterThan(10)
  })
  it('what is sent again to everybody is sent at growing intervals up to eight ticks, and goes on for as long as it waits', () => {
    const one = rounds(1, 0)
    const ticks = Array.from({ length: 60 }, (_, tick) => tick).filter(() => one.regossip('all', false).length > 0)
    expect(ticks).toEqual([0, 1, 2, 4, 8, 16, 24, 32, 40, 48, 56])
  })

  it('what goes to some in turn is not spaced out: nobody has its turn in the gaps only', () => {
    const one = rounds(1, 0)
    for (let tick = 0; tick < 20; tick++) expect(one.regossip('some', false).length).toBe(1)
  })

  it('D9, E1: who is far behind has eight transactions for who connects, the oldest of those that its own clients brought', () => {
    const pool = new Mempool({ transactions: 100, bytes: 1 << 30, perSender: 100 }, 'fifo')
    const made = new MempoolRounds(pool)
    const added = Array.from({ length: 60 }, (_, nonce) => pool.add(transactionOf({ nonce }), 0, 0, nonce % 3 === 2 ? 'client' : 'peer'))
    expect(added.every(({ ok }) => ok)).toBe(true)
    expect(made.oldestOfClients().map(({ nonce }) => nonce)).toEqual([2, 5, 8, 11, 14, 17, 20, 23])
  })

  it('E1: who is far behind sends a little every sixteenth tick, the next time what comes after it, and as much as ever once it has caught up', () => {
    const many = rounds(60, 1_000)
    const seen = new Set<string>()
    for (let tick = 0; tick < 160; tick++) {
      const sent = many.regossip('all', true)
      expect(sent.length).toBeLessThanOrEqual((tick + 2) % 16 === 0 ? 8 : 0) // `rounds` has had a tick
      for (const { idKey } of sent) seen.add(idKey)
    }
    expect(seen.size).toBe(60)
    let sent = 0
    for (let tick = 0; tick < 8; tick++) sent += many.regossip('all', false).length
    expect(sent).toBeGreaterThanOrEqual(60)
  })
})

describe('a look at what has become impossible', () => {
  it('E1: goes round in turn, over fewer transactions at a tick the more they cite', () => {
    const pool = new Mempool({ transactions: 1_000, bytes: 1 << 30, perSender: 1_000 }, 'fifo')
    const made = new MempoolRounds(pool)
    const cites = Array.from({ length: 1_000 }, (_, claim) => keyOf(claimIdOf(claim)))
    for (let nonce = 0; nonce < 1_000; nonce++) {
      const transaction = transactionOf({ nonce, claim: 5_000 + nonce })
      const work = transaction.work === null || nonce < 500 ? transaction.work : { ...transaction.work, cites }
      expect(pool.add({ ...transaction, work }, 1, 0).ok).toBe(true)
    }
    expect([...made.sweep(400)].length).toBe(400)
    expect([...made.sweep(400)].length).toBe(100 + 33)
    const seen = new Set<string>()
    for (let tick = 0; tick < 20; tick++) for (const { transaction } of made.sweep(400)) seen.add(transaction.idKey)
    expect(seen.size).toBe(1_000)
  })
})
