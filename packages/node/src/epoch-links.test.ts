/** The ends of epochs, as peers and clients ask for them: by a number that they choose. */
import { type Epoch, epoch } from '@aethel/codec'
import { MAX_OFFER_LINK_BYTES, MAX_OFFER_LINKS, type SignatureScheme } from '@aethel/consensus'
import { MAX_EPOCHS_BYTES } from '@aethel/receipts'
import type { Store } from '@aethel/storage'
import { expect, test } from 'vitest'
import { EPOCH_LINKS_PER_ANSWER, epochLinks } from './epochs.js'
import type { Home } from './home.js'

const MOST = Number.MAX_SAFE_INTEGER
const chain = (epochLength: number): Home => ({ genesis: { parameters: { epochLength } } }) as unknown as Home
/** Of each epoch from 1 on; and who signed the last block of each. */
let validators: unknown[] = []
let signatures: unknown[] = []
let scheme: SignatureScheme = 'ed25519'
/** Every epoch that is asked about is there, and each block has its own certificate. */
const store = {
  epoch: () => ({ validators: { validators, scheme } }),
  header: (height: number) => ({ height }),
  certificateFrom: (height: number) => ({ height, scheme, signatures }),
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

test('E1: of validators by the thousand the links of some epochs fill an answer, and there is always one', () => {
  const answered = (count: number, ...limits: number[]): number => {
    validators = new Array(count)
    signatures = new Array(count)
    return epochLinks(chain(1), store, 10_000, epoch(0), ...limits).length
  }
  expect(answered(4)).toBe(EPOCH_LINKS_PER_ANSWER)
  for (const count of [500, 1_000, 4_096]) {
    const links = answered(count)
    // As JSON: about 1 kB, and 330 bytes of each validator.
    expect(links * (1_000 + 330 * count)).toBeLessThan(MAX_EPOCHS_BYTES / 4)
    expect(links).toBeGreaterThan(5)
  }
  expect(answered(4_096, MAX_OFFER_LINKS, MAX_OFFER_LINK_BYTES) * 112 * 4_096).toBeLessThanOrEqual(MAX_OFFER_LINK_BYTES)
  expect(answered(4_096, 64, 1)).toBe(1)
  // A set that has shrunk is named by few, and was signed for by many.
  validators = new Array(1)
  expect(epochLinks(chain(1), store, 10_000, epoch(0)).length * 64 * 4_096).toBeLessThanOrEqual(4 * 1024 * 1024)
})

test('E1: a BLS key counts, too: links of thousands of validators with one stay within an offer, and as JSON within what is read', () => {
  scheme = 'bls12-381'
  validators = new Array(4_096)
  // Key, power and BLS key of each; the aggregate is the same for any number.
  const bytes = (32 + 16 + 48) * 4_096
  const offered = epochLinks(chain(1), store, 10_000, epoch(0), MAX_OFFER_LINKS, MAX_OFFER_LINK_BYTES).length
  expect(offered).toBeGreaterThan(1)
  expect(offered * bytes).toBeLessThanOrEqual(MAX_OFFER_LINK_BYTES)
  const answered = epochLinks(chain(1), store, 10_000, epoch(0)).length
  expect(answered * (1_000 + 300 * 4_096)).toBeLessThan(MAX_EPOCHS_BYTES / 4)
})
