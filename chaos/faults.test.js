/** How soon a network commits again after everybody was killed: judged by a block that nobody had, on validators that are played here. */
import { expect, it } from 'vitest'
import { Faults } from './faults.js'

/** @param {{ commitsAfter: boolean }} world a block comes between the last look and the kill; another one after the restart, or none */
async function massKill({ commitsAfter }) {
  let height = 10
  let isKilled = false
  const validators = [0, 1, 2, 3].map((index) => ({
    index,
    state: 'up',
    lastStartMs: 0,
    spoiled: false,
    status: async () => ({ height: isKilled && commitsAfter ? ++height : height, viewTimeoutMs: 100 }),
    kill: async () => {
      if (!isKilled) height++
      isKilled = true
    },
    start: async () => ({ started: true }),
  }))
  /** @type {string[]} */
  const violations = []
  const faults = new Faults(
    /** @type {any} */ ({
      validators,
      wires: { heal: async () => undefined },
      random: { pick: (/** @type {unknown[]} */ from) => from[0], chance: () => true, between: (/** @type {number} */ least) => least },
      say: () => undefined,
      violated: (/** @type {string} */ text) => violations.push(text),
      diskOf: null,
      only: ['mass'],
      paceMs: 20,
    }),
  )
  await faults.run(() => faults.counts.massKills > 0)
  return violations
}

it('a block from before the kill is no new one', async () => {
  expect(await massKill({ commitsAfter: false })).toMatchObject([expect.stringContaining('no new block')])
  expect(await massKill({ commitsAfter: true })).toEqual([])
})
