/** A proof that comes in pieces gets the verdict, the gas and the message of the same proof in one piece, however it is cut. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pigeonhole, pigeonholeCertificate, refute, toBinaryLrat, toDimacs, toTextLrat } from '../instances/index.js'
import { LRAT_LIMITS } from './gas.js'
import type { ProofSource } from './steps.js'
import { checkLrat } from './verifier.js'

/** Pieces of the given lengths, again and again, all of them in one buffer that is overwritten. */
function pieces(proof: Uint8Array, lengths: readonly number[]): ProofSource {
  const buffer = new Uint8Array(Math.max(...lengths))
  let at = 0
  let piece = 0
  return {
    next() {
      if (at >= proof.length) return undefined
      const length = Math.min(lengths[piece++ % lengths.length] as number, proof.length - at)
      buffer.fill(255)
      buffer.set(proof.subarray(at, at + length))
      at += length
      return buffer.subarray(0, length)
    },
  }
}

const cnf = toDimacs(pigeonhole(6, 5))
const outcome = refute(pigeonhole(6, 5), { conflicts: 10_000 })
if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
const steps = outcome.steps

describe('cut anywhere', () => {
  test.each([
    ['binary', toBinaryLrat(steps), toDimacs(pigeonhole(6, 5))],
    ['text', toTextLrat(steps), cnf],
    ['text with RAT', toTextLrat(pigeonholeCertificate(5)), cnf],
    ['binary with RAT', toBinaryLrat(pigeonholeCertificate(5)), cnf],
    ['of another formula', toBinaryLrat(steps), toDimacs(pigeonhole(5, 5))],
  ])('a proof in %s', (_name, proof, formula) => {
    const whole = checkLrat(formula, proof)
    for (const lengths of [[1], [2], [3, 1], [7], [4095], [4096], [4097], [1, 5000]]) {
      expect(checkLrat(formula, pieces(proof, lengths))).toEqual(whole)
    }
  })

  test('any bytes, in any pieces', () => {
    const text = toTextLrat(steps.slice(0, 20))
    const binary = toBinaryLrat(steps.slice(0, 20))
    fc.assert(
      fc.property(
        fc.constantFrom(text, binary),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        (proof, changes, lengths) => {
          const changed = proof.slice()
          for (const [at, value] of changes) changed[at % changed.length] = value
          expect(checkLrat(cnf, pieces(changed, lengths))).toEqual(checkLrat(cnf, changed))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('a proof beyond the limit: what is wrong within it is found, and paid for, however the piece that crosses it is cut', () => {
    const formula = new TextEncoder().encode('p cnf 1 2\n1 0\n-1 0\n')
    const step = '3 0 1 2 0\n'
    const limits = { ...LRAT_LIMITS, proofBytes: 2 * step.length }
    for (const [second, code] of [
      ['4 1 0 9 0\n', 'missing-hint'],
      ['4 1 0 1 0\n', 'proof-too-large'],
    ] as const) {
      const proof = new TextEncoder().encode(`${step}${second}${'5 1 0 1 0\n'.repeat(50)}`)
      const verdicts = [[1], [3, 1], [20], [21], [11, 300], [1000]].map((lengths) => checkLrat(formula, pieces(proof, lengths), limits))
      expect(verdicts[0]).toMatchObject({ status: 'invalid', code })
      for (const verdict of verdicts) expect(verdict).toEqual(verdicts[0])
    }
  })

  test('with empty pieces, and without any', () => {
    const proof = toBinaryLrat(steps)
    const halves = [new Uint8Array(0), proof.subarray(0, 100), new Uint8Array(0), proof.subarray(100), new Uint8Array(0)]
    expect(checkLrat(cnf, { next: () => halves.shift() })).toEqual(checkLrat(cnf, proof))
    expect(checkLrat(cnf, { next: () => undefined })).toEqual(checkLrat(cnf, new Uint8Array(0)))
  })
})

describe('price', () => {
  test('a comment of megabytes without an end costs its bytes, and the meter stops it on the way', () => {
    let given = 0
    const comment = new Uint8Array(1 << 20).fill(99)
    const endless: ProofSource = {
      next() {
        given += comment.length
        return comment
      },
    }
    const verdict = checkLrat(cnf, endless, { ...LRAT_LIMITS, proofBytes: 1 << 30, gas: 10_000_000 })
    expect(verdict).toMatchObject({ status: 'invalid', code: 'gas-exhausted', gas: 10_000_000 })
    expect(given).toBeLessThan(12 << 20)
  })

  test('pieces that go on beyond the limit are refused there', () => {
    const piece = new Uint8Array(1 << 16).fill(10)
    expect(checkLrat(cnf, { next: () => piece }, { ...LRAT_LIMITS, proofBytes: 1 << 20 })).toMatchObject({
      status: 'invalid',
      code: 'proof-too-large',
    })
  })

  test('what is not read is not paid for: the first byte refused costs the same whatever follows', () => {
    const short = Uint8Array.of(0x61, 0)
    const long = new Uint8Array(1 << 20)
    long.set(short)
    expect(checkLrat(cnf, long).gas).toBe(checkLrat(cnf, short).gas)
  })
})

test('vectors hold when given byte by byte', () => {
  const file = JSON.parse(readFileSync(new URL('../../vectors/lrat-1.json', import.meta.url), 'utf8')) as {
    vectors: { cnf: string; proofHex: string; status: string; gas: number; code?: string; at?: number }[]
  }
  for (const { cnf, proofHex, status, gas, code, at } of file.vectors) {
    const verdict = checkLrat(new TextEncoder().encode(cnf), pieces(Uint8Array.from(Buffer.from(proofHex, 'hex')), [1]), LRAT_LIMITS)
    expect({ code: undefined, at: undefined, ...verdict }).toMatchObject({ status, gas, code, at })
  }
})
