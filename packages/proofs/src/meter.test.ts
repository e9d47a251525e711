/** The meter's two limits, and what `runMetered` makes of them: verdicts that depend on bytes and limits alone. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cnfToClaim, lratVerifier, METAMATH_KIND } from './index.js'
import { createMeter, MeterExhausted, runMetered } from './meter.js'
import { type TestBehaviour, TestKindFault, testClaim, testVerifier } from './test-kind.js'
import type { ProofVerifier, Verdict } from './verifier.js'

const cited = { statementOf: () => undefined }
const nonce = new Uint8Array(0)
const text = (source: string): Uint8Array => new TextEncoder().encode(source)

function runTest(behaviour: TestBehaviour, gas: number, limits?: { gas: number; memoryWords: number }): Verdict {
  const verifier = testVerifier()
  const parsed = verifier.parseClaim(testClaim({ behaviour, gas, nonce }))
  if (!parsed.ok) throw new Error(parsed.error.message)
  return runMetered(verifier, parsed.value.claim, new Uint8Array(1), cited, limits)
}

describe('meter', () => {
  test('what is charged is the sum, until it passes the limit; then the gas is the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 40 }), fc.nat(10_000), (charges, limit) => {
        const meter = createMeter({ gas: limit, memoryWords: 0 })
        let sum = 0
        for (const charge of charges) {
          sum += charge
          if (sum <= limit) {
            meter.charge(charge)
            expect(meter.gas).toBe(sum)
          } else {
            expect(() => meter.charge(charge)).toThrow(MeterExhausted)
            expect(meter.gas).toBe(limit)
            return
          }
        }
      }),
    )
  })

  test('memory has a limit of its own and costs no gas', () => {
    const meter = createMeter({ gas: 10, memoryWords: 100 })
    meter.allocate(100)
    expect(meter.gas).toBe(0)
    expect(() => meter.allocate(1)).toThrow(expect.objectContaining({ code: 'memory-exhausted' }))
  })
})

describe('runMetered', () => {
  test.each([0.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'S12: %d gas or words are a fault of the checker, and no verdict',
    (amount) => {
      for (const ask of ['charge', 'allocate'] as const) {
        const verifier: ProofVerifier<null> = {
          limits: { ...testVerifier().limits, gas: 2 ** 53, memoryWords: 2 ** 53 },
          kind: 'outside/1',
          parseClaim: () => ({ ok: false, error: { code: 'unused', message: 'unused' } }),
          citationsOf: () => ({ ok: true, value: [] }),
          verify: (_claim, _proof, _cited, meter) => {
            meter[ask](amount)
            return { status: 'valid', gas: meter.gas, summary: {} }
          },
        }
        expect(() => runMetered(verifier, null, nonce, cited)).toThrow(`expected a whole number, 0 or more, got ${amount}`)
      }
    },
  )

  test('a verdict passes through as it is', () => {
    expect(runTest('valid', 1_234)).toEqual({ status: 'valid', gas: 1_234, summary: { behaviour: 'valid' } })
    expect(runTest('invalid', 7)).toMatchObject({ status: 'invalid', code: 'asked-for', gas: 7 })
  })

  test('S12: more gas than the limit is the verdict "invalid, gas-exhausted" at exactly the limit, whatever the claim wanted next', () => {
    for (const behaviour of ['valid', 'invalid', 'throw', 'loop'] as const) {
      expect(runTest(behaviour, 1_001, { gas: 1_000, memoryWords: 1 })).toMatchObject({
        status: 'invalid',
        code: 'gas-exhausted',
        gas: 1_000,
      })
    }
    expect(runTest('valid', 1_000, { gas: 1_000, memoryWords: 1 })).toMatchObject({ status: 'valid', gas: 1_000 })
  })

  test("the kind's own limits hold where none are given", () => {
    expect(runTest('valid', testVerifier().limits.gas)).toMatchObject({ status: 'valid' })
    expect(runTest('valid', testVerifier().limits.gas + 1)).toMatchObject({ status: 'invalid', code: 'gas-exhausted' })
  })

  test('a fault of the checker is no verdict: it goes on to the caller', () => {
    expect(() => runTest('throw', 10)).toThrow(TestKindFault)
  })

  test('each run has a meter of its own', () => {
    const limits = { gas: 100, memoryWords: 1 }
    expect(runTest('valid', 60, limits)).toMatchObject({ status: 'valid', gas: 60 })
    expect(runTest('valid', 60, limits)).toMatchObject({ status: 'valid', gas: 60 })
  })

  test('lrat/1 lets the meter through: both limits become verdicts, the same on every run', () => {
    const claim = cnfToClaim(text('p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n'))
    if (!claim.ok) throw new Error(claim.error.message)
    const verifier = lratVerifier()
    const parsed = verifier.parseClaim(claim.value)
    if (!parsed.ok) throw new Error(parsed.error.message)
    const proof = text('5 2 0 1 2 0\n6 0 5 3 4 0\n')
    const full = runMetered(verifier, parsed.value.claim, proof, cited)
    expect(full.status).toBe('valid')
    for (let gas = 0; gas < full.gas; gas += 1 + Math.floor(full.gas / 50)) {
      const limits = { gas, memoryWords: verifier.limits.memoryWords }
      const verdict = runMetered(verifier, parsed.value.claim, proof, cited, limits)
      expect(verdict).toMatchObject({ status: 'invalid', code: 'gas-exhausted', gas })
      expect(runMetered(verifier, parsed.value.claim, proof, cited, limits)).toEqual(verdict)
    }
    const cramped = runMetered(verifier, parsed.value.claim, proof, cited, { gas: verifier.limits.gas, memoryWords: 0 })
    expect(cramped).toMatchObject({ status: 'invalid', code: 'memory-exhausted' })
    expect(cramped.gas).toBeLessThan(full.gas)
  })

  test('a kind that settles its own exhausted meter, as metamath/1 does, gives the same verdict either way', () => {
    const charging = (settles: boolean): ProofVerifier<null> => ({
      limits: testVerifier().limits,
      kind: METAMATH_KIND,
      parseClaim: () => ({ ok: false, error: { code: 'unused', message: 'unused' } }),
      citationsOf: () => ({ ok: true, value: [] }),
      verify: (_claim, _proof, _cited, meter) => {
        try {
          for (;;) meter.charge(3)
        } catch (error) {
          if (!settles || !(error instanceof MeterExhausted)) throw error
          return { status: 'invalid', code: error.code, message: error.message, gas: meter.gas }
        }
      },
    })
    const limits = { gas: 100, memoryWords: 0 }
    expect(runMetered(charging(true), null, nonce, cited, limits)).toEqual(runMetered(charging(false), null, nonce, cited, limits))
  })
})
