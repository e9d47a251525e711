import type { Hash } from '@aethel/codec'
import { expect, test } from 'vitest'
import type { Transaction } from './application.js'
import { DecodedInBlocks, MAX_DECODED_BYTES } from './decoded.js'

function transactionOf(name: string, bytes: number): Transaction {
  const id = new Uint8Array(32) as Hash
  return { id, idKey: name, bytes: new Uint8Array(bytes), sender: 'a', nonce: 0, work: null, gasLimit: 0 }
}

test('E1: transactions decoded for blocks: a mebibyte, the oldest leave, and a larger one is not kept', () => {
  const decoded = new DecodedInBlocks()
  const large = transactionOf('large', MAX_DECODED_BYTES)
  decoded.add(large)
  expect(decoded.get('large')).toBeUndefined()
  const first = transactionOf('first', MAX_DECODED_BYTES / 2)
  decoded.add(first)
  decoded.add(first)
  expect(decoded.get('first')).toBe(first)
  for (let i = 0; i < 2_000; i++) decoded.add(transactionOf(`small ${i}`, 1))
  expect(decoded.get('first')).toBeUndefined()
  const kept = Array.from({ length: 2_000 }, (_, i) => decoded.get(`small ${i}`)).filter((each) => each !== undefined)
  expect(kept.length).toBeGreaterThan(500)
  expect(kept.length).toBeLessThanOrEqual(1_024)
  expect(decoded.get('small 1999')).toBeDefined()
})
