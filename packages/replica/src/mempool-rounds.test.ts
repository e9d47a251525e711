/** What is sent again, and how much of it at a time, from the side of who would have a validator send for ever. */
import { describe, expect, it } from 'vitest'
import { transactionOf } from '../test/library.js'
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
  expect(made.regossip()).toEqual([]) // what came since the last tick is on its way
  return made
}

describe('gossip', () => {
  it('E1: gossip again: 64 transactions or a mebibyte a tick, whatever the pool holds; to who connects 1,024 or four; everybody has its turn', () => {
    const small = rounds(3_000, 0)
    const seen = new Set<string>()
    for (let tick = 0; tick < Math.ceil(3_000 / 64); tick++) {
      const sent = small.regossip()
      expect(sent.length).toBeLessThanOrEqual(64)
      for (const { idKey } of sent) seen.add(idKey)
    }
    expect(seen.size).toBe(3_000)
    expect(small.oldest().length).toBe(1_024)

    const large = rounds(60, MIB / 4)
    const bytesOf = (sent: readonly { readonly bytes: Uint8Array }[]): number => sent.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const one = bytesOf(large.oldest().slice(0, 1))
    for (let tick = 0; tick < 20; tick++) expect(bytesOf(large.regossip())).toBeLessThan(MIB + one)
    expect(bytesOf(large.oldest())).toBeLessThan(4 * MIB + one)
    expect(large.oldest().length).toBeGreaterThan(10)
  })
})
