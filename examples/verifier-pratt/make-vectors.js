/** Writes vectors.json: `node make-vectors.js`. The gas figures are what the verifier says now; a change is a new revision. */
import { writeFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { createMeter, MeterExhausted } from '@aethel/proofs'
import { certificateOf, toBytes } from './certificate.js'

writeFileSync(new URL('vectors.json', import.meta.url), '{"cases":[]}\n')
const { verifier } = await import('./verifier.js')

/** @param {string} name @param {Uint8Array} claim @param {Uint8Array} proof @param {number} [gasLimit] */
function vector(name, claim, proof, gasLimit) {
  const limit = gasLimit === undefined ? {} : { gasLimit }
  const base = { name, claim: toHex(claim), proof: toHex(proof), ...limit }
  const parsed = verifier.parseClaim(claim)
  if (!parsed.ok) return { ...base, expect: { status: 'refused', code: parsed.error.code } }
  const meter = createMeter({ ...verifier.limits, gas: gasLimit ?? verifier.limits.gas })
  try {
    const verdict = verifier.verify(parsed.value.claim, proof, { statementOf: () => undefined }, meter)
    if (verdict.status === 'valid') return { ...base, expect: { status: 'valid', claimId: toHex(parsed.value.claimId), gas: verdict.gas } }
    return {
      ...base,
      expect: { status: 'invalid', code: verdict.code, ...(verdict.at === undefined ? {} : { at: verdict.at }), gas: verdict.gas },
    }
  } catch (error) {
    if (!(error instanceof MeterExhausted)) throw error
    return { ...base, expect: { status: 'invalid', code: error.code, gas: meter.gas } }
  }
}

const PRIMES = [
  2n,
  3n,
  5n,
  7n,
  31n,
  97n,
  7919n,
  1000003n,
  4294967291n,
  2n ** 61n - 1n,
  2n ** 89n - 1n,
  18446744073709551557n,
  10n ** 18n + 9n,
]
const proofOf = (/** @type {bigint} */ n) => certificateOf(n) ?? new Uint8Array(0)
const seven = proofOf(7n)
const cases = [
  ...PRIMES.filter((n) => certificateOf(n) !== undefined).map((n) => vector(`${n} is prime`, toBytes(n), proofOf(n))),
  vector('9 is not 7', toBytes(9n), seven),
  vector('a proof of another prime', toBytes(97n), proofOf(31n)),
  vector('no proof', toBytes(7n), new Uint8Array(0)),
  vector('a proof without lines', toBytes(7n), Uint8Array.of(0)),
  vector('a byte too many', toBytes(7n), Uint8Array.of(...seven, 0)),
  vector('cut short', toBytes(97n), proofOf(97n).subarray(0, 5)),
  vector('a composite number with a witness', toBytes(9n), Uint8Array.of(1, 1, 9, 1, 2, 0)),
  vector(
    '561, a Carmichael number',
    toBytes(561n),
    Uint8Array.of(4, 1, 3, 1, 2, 0, 1, 5, 1, 2, 0, 1, 7, 1, 3, 1, 0, 2, 2, 0x31, 1, 2, 2, 1, 2),
  ),
  vector('a factor left out', toBytes(7n), Uint8Array.of(1, 1, 7, 1, 3, 0)),
  vector('a factor that is none', toBytes(5n), Uint8Array.of(2, 1, 3, 1, 2, 0, 1, 5, 1, 2, 1, 0)),
  vector('a witness of smaller order', toBytes(7n), Uint8Array.of(2, 1, 3, 1, 2, 0, 1, 7, 1, 2, 1, 0)),
  vector('a witness of 1', toBytes(3n), Uint8Array.of(1, 1, 3, 1, 1, 0)),
  vector('a witness of the prime itself', toBytes(3n), Uint8Array.of(1, 1, 3, 1, 3, 0)),
  vector('primes that descend', toBytes(3n), Uint8Array.of(2, 1, 5, 1, 2, 0, 1, 3, 1, 2, 0)),
  vector('a factor of a later line', toBytes(7n), Uint8Array.of(1, 1, 7, 1, 3, 1, 0)),
  vector('an even number', toBytes(4n), Uint8Array.of(1, 1, 4, 1, 3, 0)),
  vector('a leading zero in the proof', toBytes(3n), Uint8Array.of(1, 2, 0, 3, 1, 2, 0)),
  vector('too little gas', toBytes(97n), proofOf(97n), 5_400),
  vector('an empty claim', new Uint8Array(0), seven),
  vector('a leading zero in the claim', Uint8Array.of(0, 7), seven),
  vector('1', Uint8Array.of(1), seven),
  vector('a claim too large', new Uint8Array(65).fill(1), seven),
]
writeFileSync(
  new URL('vectors.json', import.meta.url),
  `${JSON.stringify({ kind: verifier.kind, revision: verifier.revision, cases }, null, 2)}\n`,
)
console.log(cases.map(({ name, expect }) => `${name}: ${JSON.stringify(expect)}`).join('\n'))
