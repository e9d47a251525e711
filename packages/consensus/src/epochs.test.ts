import { epoch, height } from '@aethel/codec'
import { expect, it } from 'vitest'
import { epochOfHeight, isBoundary, lastHeightOf, MAX_EPOCH_LENGTH, originHeightOf } from './epochs.js'

const MOST = Number.MAX_SAFE_INTEGER

it('an epoch builds on the last block of the one before, and its heights are those between', () => {
  for (const length of [1, 2, 10, MAX_EPOCH_LENGTH]) {
    for (const of of [0, 1, 7].map(epoch)) {
      const [origin, last] = [originHeightOf(length, of), lastHeightOf(length, of)]
      expect(last - origin).toBe(length)
      expect([epochOfHeight(length, origin + 1), epochOfHeight(length, last)]).toEqual([of, of])
      expect(isBoundary(length, last)).toBe(true)
      if (origin > 0) expect(epochOfHeight(length, origin)).toBe(of - 1)
    }
  }
})

it('E2: of whatever epoch a peer may name, the last height is a height', () => {
  for (const length of [0, 1, 2, 10, MAX_EPOCH_LENGTH])
    for (const of of [MOST, MOST - 1, Math.floor(MOST / 2)].map(epoch)) expect(lastHeightOf(length, of)).toBeLessThanOrEqual(MOST)
  expect(lastHeightOf(10, epoch(MOST))).toBe(height(MOST))
})
