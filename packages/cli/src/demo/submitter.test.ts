/** Who is given what of the main job: validators that are up and keep up, as the follower sees them. */
import { byteStrings, decode, utf8 } from '@aethel/codec'
import { expect, it } from 'vitest'
import type { ValidatorProcess } from '../processes.js'
import type { Item } from './corpus.js'
import { Follower } from './follower.js'
import { createSubmitter } from './submitter.js'

/** Validators at these heights; each takes whatever it is given, and a block holds nothing that matters here. */
function validatorsAt(heights: number[]) {
  const given: number[] = heights.map(() => 0)
  const validators = heights.map((_, index) => ({
    index,
    running: true,
    client: {
      status: async () => ({ index, height: heights[index], view: 0, phase: 'active', leader: 0 }),
      transactionIds: async () => [],
      submitBatch: async (bytes: Uint8Array) => {
        const list = decode(bytes, (reader) => reader.longList(4096, byteStrings(100)))
        if (!list.ok) throw new Error(list.error.message)
        given[index] = (given[index] ?? 0) + list.value.length
        return list.value.map(() => ({ status: 'pending' }))
      },
    },
  })) as unknown as ValidatorProcess[]
  return { validators, given }
}

const items: Item[] = Array.from({ length: 600 }, (_, nth) => ({
  name: `${nth}`,
  kind: 'metamath/1',
  id: `${nth}`,
  claimIdHex: '',
  bytes: utf8(`transaction ${nth}`),
  blob: null,
}))

it('a validator is behind when more than a window is final that it does not have, or when it did not answer', async () => {
  const heights = [40, 24, 23, 0]
  const { validators } = validatorsAt(heights)
  const follower = new Follower(validators, { committed: () => undefined, viewChanged: () => undefined })
  expect([0, 1, 2, 3].map((index) => follower.isBehind(index))).toEqual([false, false, false, false])
  await follower.poll()
  expect([0, 1, 2, 3].map((index) => follower.isBehind(index))).toEqual([false, false, true, true])
  heights[2] = 41
  await follower.poll()
  expect([0, 1, 2, 3].map((index) => follower.isBehind(index))).toEqual([false, true, false, true])
})

it('a validator that is behind is given nothing until it has caught up', async () => {
  const { validators, given } = validatorsAt([0, 0])
  let behind = 1
  const submitter = createSubmitter(validators, items, ({ index }) => index === behind)
  submitter.holdAfter(300)
  const run = submitter.run()
  await expect.poll(() => given).toEqual([300, 0])
  behind = 0
  submitter.holdAfter(600)
  await expect.poll(() => given).toEqual([300, 300])
  for (const { id } of items) submitter.markFinal(id)
  await run
})
