import type { Hash } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { expect, it } from 'vitest'
import { VerdictCache } from './verdicts.js'

const workOf = (label: number): Hash => hashTagged('aethel/test-work', Uint8Array.of(label))

it('when it is full the oldest verdict goes, so that old ones cannot shut out what is verified now', () => {
  const cache = new VerdictCache(3)
  for (let label = 0; label < 5; label++) cache.set(workOf(label), { status: 'valid', gas: label })
  expect(cache.size).toBe(3)
  expect([0, 1, 2, 3, 4].map((label) => cache.get(workOf(label))?.status)).toEqual([undefined, undefined, 'valid', 'valid', 'valid'])
  cache.set(workOf(2), { status: 'valid', gas: 7 }) // known: nothing has to go
  expect([2, 3, 4].every((label) => cache.get(workOf(label)) !== undefined)).toBe(true)
})
