import { expect, test } from 'vitest'
import { sealed, sealOf, unseal } from './seal.js'

test('C5: a value with any bit changed, cut short, or under another key has no good seal', () => {
  const key = Uint8Array.of(1, 2, 3)
  const value = Uint8Array.of(9, 8, 7, 6)
  const stored = sealed(value, sealOf(key, value))
  expect(unseal(key, stored)?.value).toEqual(value)
  for (let bit = 0; bit < 8 * stored.length; bit++) {
    const changed = stored.slice()
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(unseal(key, changed)).toBeUndefined()
  }
  for (let length = 0; length < stored.length; length++) expect(unseal(key, stored.slice(0, length))).toBeUndefined()
  for (const other of [Uint8Array.of(1, 2), Uint8Array.of(1, 2, 4), Uint8Array.of()]) expect(unseal(other, stored)).toBeUndefined()
})
