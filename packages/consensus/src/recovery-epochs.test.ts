import { epoch, publicKey, view } from '@aethel/codec'
import { expect, test } from 'vitest'
import type { Recovery } from './interface.js'
import { recoveryIn } from './recovery.js'
import type { State } from './state.js'
import { createValidatorSet, type ValidatorSet } from './validators.js'

function setOf(of: number, ...keys: readonly number[]): ValidatorSet {
  const members = keys.map((key) => ({ publicKey: publicKey(new Uint8Array(32).fill(key)), power: 1n }))
  const set = createValidatorSet(epoch(of), members)
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

function at(validators: ValidatorSet, recovery: Recovery | null): State {
  return { recovery, config: { validators } } as State
}

const RELEASED: Recovery = { status: 'released', claimedEpoch: epoch(3), epoch: epoch(3), view: view(5) }

test('C6: who asks goes on asking in the next epoch', () => {
  expect(recoveryIn(setOf(4, 1, 2, 3, 4), at(setOf(3, 1, 2, 3, 4), { status: 'asking' }))).toEqual({ status: 'asking' })
})

test('C6: claims of an epoch bind the next only if its validators are the same; otherwise it asks again', () => {
  const state = at(setOf(3, 1, 2, 3, 4), RELEASED)
  expect(recoveryIn(setOf(4, 1, 2, 3, 4), state)).toEqual(RELEASED)
  expect(recoveryIn(setOf(4, 1, 2, 3, 5), state)).toEqual({ status: 'asking' })
  expect(recoveryIn(setOf(4, 1, 2, 3), state)).toEqual({ status: 'asking' })
})

test('C6: two epochs after the claims nothing is left to be careful about', () => {
  expect(recoveryIn(setOf(5, 1, 2, 3, 5), at(setOf(4, 1, 2, 3, 4), RELEASED))).toBe(null)
})
