import { describe, expect, it } from 'vitest'
import { Clients } from './clients.js'
import { randomStream } from './random.js'
import { TallyAuthor } from './tally-author.js'

describe('clients', () => {
  it('a latency begins when the transaction itself is sent first, not with false work that is sent before it', () => {
    let sentLate = 0
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomStream(seed, 'clients')
      const author = new TallyAuthor({ random, blobs: null })
      const clients = new Clients(random, { author, validators: 4, transactions: 1, thinkMs: 20 })
      const bytes: Uint8Array[] = []
      const isFinalAt = (nowMs: number): boolean => bytes.some((each) => clients.onFinal(each, nowMs) !== null)
      for (let nowMs = 0; clients.latenciesMs.length === 0; nowMs += 100) {
        const submission = clients.next(0, nowMs)
        if (submission !== null) bytes.push(submission.bytes)
        if (isFinalAt(nowMs + 7) && nowMs > 0) sentLate++
      }
      expect(clients.latenciesMs).toEqual([7])
    }
    expect(sentLate).toBeGreaterThan(0)
  })
})
