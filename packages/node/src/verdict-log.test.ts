import { type Hash, hash } from '@aethel/codec'
import type { Transaction } from '@aethel/replica'
import { expect, it } from 'vitest'
import { MAX_VERDICTS, VerdictLog } from './verdict-log.js'

const keyAt = (nth: number): Hash => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, nth)
  return hash(bytes)
}

it('E1: as many verdicts are stored as the replica remembers, the oldest leaving; each is written once', () => {
  const log = new VerdictLog([keyAt(0)], () => undefined)
  for (let nth = 1; nth < MAX_VERDICTS; nth++) log.remember(keyAt(nth), { status: 'valid', gas: 1 })
  log.remember(keyAt(1), { status: 'valid', gas: 1 })
  const first = log.take()
  expect([first.length, new Set(first.map(({ kind }) => kind))]).toEqual([MAX_VERDICTS - 1, new Set(['verdict'])])
  log.remember(keyAt(MAX_VERDICTS), { status: 'valid', gas: 1 })
  expect(log.take()).toEqual([
    { kind: 'verdict', key: keyAt(MAX_VERDICTS), verdict: { status: 'valid', gas: 1 } },
    { kind: 'forget-verdict', key: keyAt(0) },
  ])
  expect(log.take()).toEqual([])
  log.stop()
})

it('what is final needs no verdict any more; what was stopped has none', () => {
  const log = new VerdictLog([keyAt(1)], () => undefined)
  log.remember(keyAt(2), { status: 'aborted', reason: 'no answer' })
  const final = (nth: number): Transaction => ({ work: { key: keyAt(nth) } }) as unknown as Transaction
  log.settle([final(1), final(2), { work: null } as unknown as Transaction])
  expect(log.take()).toEqual([{ kind: 'forget-verdict', key: keyAt(1) }])
  log.stop()
})
