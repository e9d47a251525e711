/** The ends of epochs, as peers and clients ask for them: by a number that they choose. */
import { type Epoch, epoch } from '@aethel/codec'
import type { Store } from '@aethel/storage'
import { expect, test } from 'vitest'
import { epochLinks } from './epochs.js'
import type { Home } from './home.js'

const MOST = Number.MAX_SAFE_INTEGER
const chain = (epochLength: number): Home => ({ genesis: { parameters: { epochLength } } }) as unknown as Home
const validators = { validators: { validators: [] } }
/** Every epoch that is asked about is there, and each block has its own certificate. */
const store = {
  epoch: () => validators,
  header: (height: number) => ({ height }),
  certificateFrom: (height: number) => ({ height }),
} as unknown as Store
const heights = (epochLength: number, published: number, from: Epoch): number[] =>
  epochLinks(chain(epochLength), store, published, from).map((link) => link.header.height)

test('E2: the epochs that are over, and no others, from whichever one is asked about: the last of all numbers stops nobody', () => {
  expect(heights(10, 9, epoch(0))).toEqual([])
  expect(heights(10, 10, epoch(0))).toEqual([10])
  expect(heights(10, 39, epoch(1))).toEqual([20, 30])
  for (const from of [3, 4, 1_000_000, Math.floor(MOST / 10), MOST - 1, MOST]) expect(heights(10, 39, epoch(from))).toEqual([])
  for (const from of [0, 1, MOST]) expect(heights(0, 39, epoch(from))).toEqual([])
})
