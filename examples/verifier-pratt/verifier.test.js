/** The example of a proof kind from outside: it conforms, and it tells primes from other numbers. */

import { runMetered } from '@aethel/proofs'
import { checkConformance, conformanceOptions, samplesOf } from '@aethel/proofs/conformance'
import { describe, expect, it } from 'vitest'
import { certificateOf, toBytes } from './certificate.js'
import { verifier } from './verifier.js'

const cited = { statementOf: () => undefined }
const clock = () => process.cpuUsage().user / 1000

/** @param {bigint} n @param {Uint8Array} proof */
function statusOf(n, proof) {
  const parsed = verifier.parseClaim(toBytes(n))
  return parsed.ok ? runMetered(verifier, parsed.value.claim, proof, cited).status : parsed.error.code
}

describe('pratt/1', () => {
  it('conforms', () => {
    const samples = samplesOf(verifier)
    if (!samples.ok) throw new Error(samples.error.message)
    const report = checkConformance({ ...conformanceOptions(verifier, samples.value), clock, inputs: 3_000 })
    expect(report).toMatchObject({ kind: 'pratt/1', verdict: 'conforms' })
    expect(report.checks.map(({ status }) => status)).toEqual(Array(7).fill('passed'))
  })

  it('every prime below 2,000 has a certificate that verifies, and no other number has one', () => {
    for (let n = 2n; n < 2_000n; n++) {
      const isPrime = Array.from({ length: Number(n) - 2 }, (_, i) => BigInt(i + 2)).every((d) => d * d > n || n % d !== 0n)
      const proof = certificateOf(n)
      expect(proof !== undefined).toBe(isPrime)
      if (proof !== undefined) expect(statusOf(n, proof)).toBe('valid')
    }
  })

  it('a proof proves its own number only', () => {
    const primes = [2n, 3n, 7n, 97n, 7919n, 4294967291n]
    for (const p of primes)
      for (const q of primes) expect(statusOf(p, certificateOf(q) ?? new Uint8Array(0))).toBe(p === q ? 'valid' : 'invalid')
  })
})
