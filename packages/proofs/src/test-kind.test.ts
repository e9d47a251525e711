/** `test/1` does what its claim says, through the same interface as the real kinds. */
import { describe, expect, test } from 'vitest'
import { createMeter, MeterExhausted } from './meter.js'
import { TEST_BEHAVIOURS, TEST_LIMITS, type TestBehaviour, TestKindFault, testClaim, testVerifier } from './test-kind.js'

const verifier = testVerifier()
const cited = { statementOf: () => undefined }
const nonce = Uint8Array.of(1, 2, 3)

function verify(behaviour: TestBehaviour, gas: number, limit: number = TEST_LIMITS.gas) {
  const parsed = verifier.parseClaim(testClaim({ behaviour, gas, nonce }))
  if (!parsed.ok) throw new Error(parsed.error.message)
  return verifier.verify(parsed.value.claim, new Uint8Array(5), cited, createMeter({ ...TEST_LIMITS, gas: limit }))
}

describe('test/1', () => {
  test('spends the gas it names, then is valid or invalid', () => {
    expect(verify('valid', 1_234)).toMatchObject({ status: 'valid', gas: 1_234 })
    expect(verify('invalid', 77)).toMatchObject({ status: 'invalid', code: 'asked-for', gas: 77 })
  })

  test('throws a fault, not a verdict', () => {
    expect(() => verify('throw', 10)).toThrow(TestKindFault)
  })

  test.each([...TEST_BEHAVIOURS])('%s meets the meter first if it names more gas than there is', (behaviour) => {
    expect(() => verify(behaviour, 1_001, 1_000)).toThrow(MeterExhausted)
  })

  test('loops where the meter lets it: a meter that gives up ends the loop', () => {
    const parsed = verifier.parseClaim(testClaim({ behaviour: 'loop', gas: 1, nonce }))
    if (!parsed.ok) throw new Error(parsed.error.message)
    let calls = 0
    const meter = {
      gas: 0,
      allocate() {},
      charge() {
        if (++calls > 10_000) throw new MeterExhausted('gas-exhausted', 'enough')
      },
    }
    const { claim } = parsed.value
    expect(() => verifier.verify(claim, new Uint8Array(0), cited, meter)).toThrow(MeterExhausted)
    expect(calls).toBe(10_001)
  })

  test('claims are canonical and have ids of their own', () => {
    const one = verifier.parseClaim(testClaim({ behaviour: 'valid', gas: 5, nonce }))
    const other = verifier.parseClaim(testClaim({ behaviour: 'valid', gas: 5, nonce: Uint8Array.of(9) }))
    if (!one.ok || !other.ok) throw new Error('both parse')
    expect(one.value.claim).toEqual({ behaviour: 'valid', gas: 5, nonce })
    expect(one.value.claimId).not.toEqual(other.value.claimId)
    expect(verifier.citationsOf(one.value.claim, new Uint8Array(0))).toEqual({ ok: true, value: [] })
  })

  test.each([
    ['an unknown behaviour', Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0), 'behaviour'],
    ['gas beyond 2^53', Uint8Array.of(0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0), 'range'],
    ['a nonce of 4 GB', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255), 'too-long'],
    ['a byte too many', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0), 'trailing'],
    ['a cut claim', Uint8Array.of(0, 0, 0), 'truncated'],
  ])('refuses %s', (_name, bytes, code) => {
    expect(verifier.parseClaim(bytes)).toMatchObject({ ok: false, error: { code } })
  })

  test('refuses a proof beyond its size', () => {
    const parsed = verifier.parseClaim(testClaim({ behaviour: 'valid', gas: 5, nonce }))
    if (!parsed.ok) throw new Error(parsed.error.message)
    const verdict = verifier.verify(parsed.value.claim, new Uint8Array(TEST_LIMITS.proofBytes + 1), cited, createMeter(TEST_LIMITS))
    expect(verdict).toMatchObject({ status: 'invalid', code: 'proof-too-large' })
  })
})
