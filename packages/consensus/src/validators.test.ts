import { epoch, type PublicKey, view } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { validatorSet } from '../test/harness.js'
import { createValidatorSet, isQuorum, isWeakQuorum, leaderOf, maxFaulty, quorumSize, type ValidatorSet } from './index.js'

function keyNumber(index: number): PublicKey {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, index + 1)
  return bytes as PublicKey
}

function setOf(powers: readonly bigint[]): ValidatorSet {
  const set = createValidatorSet(
    epoch(0),
    powers.map((power, index) => ({ publicKey: keyNumber(index), power })),
  )
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

const power = fc.bigInt({ min: 1n, max: (1n << 96n) - 1n })

describe('quorums (protocol.md §1)', () => {
  it('A1, S1: for every N up to 1000, two quorums share more than the faulty, and a quorum exists without them', () => {
    for (let count = 1; count <= 1000; count++) {
      const faulty = maxFaulty(count)
      const quorum = quorumSize(count)
      expect(3 * faulty).toBeLessThan(count)
      expect(3 * (faulty + 1)).toBeGreaterThanOrEqual(count)
      expect(2 * quorum - count).toBeGreaterThanOrEqual(faulty + 1) // the overlap holds an honest validator
      expect(quorum).toBeLessThanOrEqual(count - faulty) // the honest alone are a quorum
    }
  })

  it('A1: counting power agrees with counting heads when powers are equal, for every N up to 1000', () => {
    for (let count = 1; count <= 1000; count++) {
      const set: ValidatorSet = { ...setOf([1n]), totalPower: BigInt(count) }
      expect(isQuorum(set, BigInt(quorumSize(count)))).toBe(true)
      expect(isQuorum(set, BigInt(quorumSize(count) - 1))).toBe(false)
      expect(isWeakQuorum(set, BigInt(Math.floor(count / 3) + 1))).toBe(true)
      expect(isWeakQuorum(set, BigInt(maxFaulty(count)))).toBe(false)
    }
  })

  it('A10: with any powers two quorums share a weak quorum, and what is not faulty is one', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(power, fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 40 }), (members) => {
        const set = setOf(members.map(([each]) => each))
        const sum = (of: (a: boolean, b: boolean) => boolean): bigint =>
          members.reduce((total, [each, a, b]) => (of(a, b) ? total + each : total), 0n)
        const first = sum((a) => a)
        const second = sum((_, b) => b)
        if (isQuorum(set, first) && isQuorum(set, second))
          expect(
            isWeakQuorum(
              set,
              sum((a, b) => a && b),
            ),
          ).toBe(true)
        if (!isWeakQuorum(set, first) && 3n * first !== set.totalPower)
          expect(
            isQuorum(
              set,
              sum((a) => !a),
            ),
          ).toBe(true)
        expect(isQuorum(set, set.totalPower)).toBe(true)
        expect(isQuorum(set, 0n)).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('A10: exact at the edge, where a double would round', () => {
    const unit = 1n << 90n
    const set = setOf([unit, unit, unit])
    expect(isQuorum(set, 2n * unit)).toBe(false)
    expect(isQuorum(set, 2n * unit + 1n)).toBe(true)
    expect(isWeakQuorum(set, unit)).toBe(false)
    expect(isWeakQuorum(set, unit + 1n)).toBe(true)
  })

  it('J2: an empty set, a repeated key, a power of nothing or of too much are refused, each with its reason', () => {
    const [a, b] = [keyNumber(0), keyNumber(1)]
    const codeOf = (members: Parameters<typeof createValidatorSet>[1]): string => {
      const result = createValidatorSet(epoch(0), members)
      return result.ok ? 'ok' : result.error.code
    }
    expect(codeOf([])).toBe('validator-count')
    expect(
      codeOf([
        { publicKey: a, power: 1n },
        { publicKey: a, power: 1n },
      ]),
    ).toBe('duplicate-key')
    expect(codeOf([{ publicKey: a, power: 0n }])).toBe('power')
    expect(codeOf([{ publicKey: a, power: -1n }])).toBe('power')
    expect(codeOf([{ publicKey: a, power: 1n << 96n }])).toBe('power')
    expect(
      codeOf([
        { publicKey: a, power: 1n },
        { publicKey: b, power: 1n },
      ]),
    ).toBe('ok')
  })

  it('the hash of a set binds order, keys and powers', () => {
    const hashes = [
      [1n, 2n],
      [2n, 1n],
      [1n, 2n, 1n],
      [1n, 3n],
    ].map((powers) => String(setOf(powers).hash))
    expect(new Set(hashes).size).toBe(4)
  })

  it('every validator leads, in declared order', () => {
    const set = validatorSet(7)
    expect(Array.from({ length: 9 }, (_, i) => leaderOf(set, view(i)))).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1])
    expect(leaderOf(set, view(Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER % 7)
  })
})
