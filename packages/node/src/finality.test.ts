/** What clients may know, and from when. */
import { type Hash, type Height, keyOf } from '@aethel/codec'
import { expect, test } from 'vitest'
import { Finality } from './finality.js'

const idOf = (at: number): Hash => new Uint8Array(32).fill(at) as Hash
const inBlock = (at: number): { idKey: string }[] => [{ idKey: keyOf(idOf(at)) }]

test('E1: however many wait for the same block to be written, one promise is kept, and let go when the block is there', async () => {
  const finality = new Finality({ height: 4, view: 0 })
  expect([finality.whenReadable(), finality.isAwaited]).toEqual([undefined, false])
  finality.acknowledged(5 as Height, inBlock(5))
  const waiting = Array.from({ length: 1_000 }, () => finality.whenReadable())
  expect([new Set(waiting).size, finality.isAwaited]).toEqual([1, true])
  finality.acknowledged(6 as Height, inBlock(6))
  const later = finality.whenReadable()
  expect(later).not.toBe(waiting[0])
  finality.publish({ height: 5, view: 0 }, inBlock(5))
  await waiting[0]
  expect(finality.isAwaited).toBe(true)
  finality.publish({ height: 6, view: 0 }, inBlock(6))
  await later
  expect([finality.whenReadable(), finality.isAwaited]).toEqual([undefined, false])
})

test('I3: what was told once stays told: a lower height said later does not let anybody read too early', () => {
  const finality = new Finality({ height: 4, view: 0 })
  finality.told(6)
  finality.told(5)
  finality.publish({ height: 5, view: 0 }, [])
  expect(finality.whenReadable()).toBeInstanceOf(Promise)
})
