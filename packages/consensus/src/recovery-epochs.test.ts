import { epoch, height, publicKey, view } from '@aethel/codec'
import { expect, test } from 'vitest'
import type { Recovery } from './interface.js'
import { lastForgotten, recoveryIn } from './recovery.js'
import { mayChangeView, type State } from './state.js'
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

/** By the last block of epoch 3. */
const RELEASED: Recovery = { status: 'released', forgottenUpTo: epoch(4), epoch: epoch(3), view: view(5) }

test('C6: who asks goes on asking in the next epoch', () => {
  expect(recoveryIn(setOf(4, 1, 2, 3, 4), at(setOf(3, 1, 2, 3, 4), { status: 'asking' }))).toEqual({ status: 'asking' })
})

test('C6: claims of an epoch bind the next only if its validators are the same; otherwise it asks again', () => {
  const state = at(setOf(3, 1, 2, 3, 4), RELEASED)
  expect(recoveryIn(setOf(4, 1, 2, 3, 4), state)).toEqual(RELEASED)
  expect(recoveryIn(setOf(4, 1, 2, 3, 5), state)).toEqual({ status: 'asking' })
  expect(recoveryIn(setOf(4, 1, 2, 3), state)).toEqual({ status: 'asking' })
  expect(recoveryIn(setOf(4, 2, 1, 3, 4), state)).toEqual({ status: 'asking' })
  // The same keys with other powers have other quorums.
  const { validators } = setOf(4, 1, 2, 3, 4)
  const reweighed = createValidatorSet(
    epoch(4),
    validators.map((each, index) => (index === 3 ? { ...each, power: 2n } : each)),
  )
  if (!reweighed.ok) throw new Error(reweighed.error.message)
  expect(recoveryIn(reweighed.value, state)).toEqual({ status: 'asking' })
})

test('C6: who was released below the last block of the epoch has nothing to be careful about in the next, whoever its validators are', () => {
  const state = at(setOf(3, 1, 2, 3, 4), { ...RELEASED, forgottenUpTo: epoch(3) })
  expect(recoveryIn(setOf(4, 1, 2, 3, 4), state)).toBe(null)
  expect(recoveryIn(setOf(4, 1, 2, 3, 5), state)).toBe(null)
})

test('C6: only the last block of an epoch leaves it open whether something was signed in the next', () => {
  expect([39, 40, 41].map((certified) => lastForgotten(epoch(3), 10, height(certified)))).toEqual([3, 4, 3])
  expect(lastForgotten(epoch(0), 0, height(40))).toBe(0)
})

test('C6: two epochs after the claims nothing is left to be careful about', () => {
  expect(recoveryIn(setOf(5, 1, 2, 3, 5), at(setOf(4, 1, 2, 3, 4), RELEASED))).toBe(null)
})

test('C6: in an epoch in which it may have signed and forgotten it, who was released in the one before signs nothing yet', () => {
  expect([3, 4, 5].map((now) => mayChangeView(at(setOf(now, 1, 2, 3, 4), RELEASED)))).toEqual([true, false, true])
})
