import { epoch, validatorIndex } from '@aethel/codec'
import { expect, it } from 'vitest'
import { PeerMemory } from './peer-memory.js'

const [a, b, c] = [validatorIndex(1), validatorIndex(2), validatorIndex(3)]

it('D3: asked for the next epoch are those who have served and are beyond this one, each in its turn', () => {
  const memory = new PeerMemory()
  expect(memory.serverBeyond(epoch(0))).toBe(null)
  for (const peer of [a, b, c]) memory.noteEpoch(peer, epoch(3))
  expect(memory.serverBeyond(epoch(2))).toBe(null) // none of them has served
  memory.noteServed(a)
  memory.noteServed(c)
  expect([1, 2, 3, 4].map(() => memory.serverBeyond(epoch(2))?.peer).toSorted()).toEqual([a, a, c, c])
  expect(memory.serverBeyond(epoch(3))).toBe(null)
})

it('who names an earlier epoch again is as far as it was', () => {
  const memory = new PeerMemory()
  memory.noteServed(a)
  memory.noteEpoch(a, epoch(5))
  memory.noteEpoch(a, epoch(1))
  expect(memory.serverBeyond(epoch(2))).toEqual({ peer: a, epoch: 5 })
})
