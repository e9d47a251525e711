/**
 * Certificates of both schemes: how many bytes they have, and what processor time checking one costs, in Node and by the cryptography
 * that browsers get, keys decoded before; and what a validator does for a sum besides. A quorum has signed each.
 */
import { epoch, height, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  assembleCertificate,
  ballotBytes,
  blsKeysOf,
  createValidatorSet,
  encodeCertificate,
  quorumSize,
  verifyCertificate,
} from '@aethel/consensus'
import * as native from '@aethel/crypto'
import * as browser from '../packages/crypto/dist/browser.js'
import { leastCpuNanoseconds } from './lib/cpu-time.js'

const SIZES = [4, 31, 100, 400]
const BROWSER_SIZES = [4, 100]

/** @type {import('./lib/report.js').Benchmark} */
export const certificates = {
  name: 'certificates',
  description: 'lists of Ed25519 signatures and sums of BLS signatures, one thread, processor time',
  run: async () => SIZES.flatMap(measure),
}

/** @param {number} count */
function measure(count) {
  const seeds = Array.from({ length: count }, (_, index) =>
    new Uint8Array(32)
      .fill(1)
      .with(0, index & 255)
      .with(1, index >> 8),
  )
  const list = madeBy(seeds, 'ed25519')
  const sum = madeBy(seeds, 'bls12-381')
  const named = (/** @type {string} */ what) => `${count} validators: ${what}`
  const figures = [
    { name: named('list, size'), value: encodeCertificate(list.certificate).length, unit: 'bytes' },
    { name: named('sum, size'), value: encodeCertificate(sum.certificate).length, unit: 'bytes' },
    { name: named('list, check'), ...milliseconds(() => check(list, native)) },
    { name: named('sum, check'), ...milliseconds(() => check(sum, native)) },
    { name: named('sum, first check, keys decoded'), ...milliseconds(() => check(withKeysAsNew(sum), native)) },
    { name: named('sum, adding up the shares'), ...milliseconds(() => native.aggregateBls(sum.shares)) },
  ]
  if (!BROWSER_SIZES.includes(count)) return figures
  return [
    ...figures,
    { name: named('list, check in the browser build'), ...milliseconds(() => check(list, browser)) },
    { name: named('sum, check in the browser build'), ...milliseconds(() => check(sum, browser)) },
    { name: named('sum, first check in the browser build'), ...milliseconds(() => check(withKeysAsNew(sum), browser)) },
  ]
}

/**
 * @param {readonly Uint8Array[]} seeds
 * @param {import('@aethel/consensus').SignatureScheme} scheme
 */
function madeBy(seeds, scheme) {
  const keys = seeds.map((seed) => ({ signing: native.signingKey(seed), bls: native.blsKey(seed) }))
  const set = createValidatorSet(
    epoch(0),
    keys.map(({ signing: { publicKey }, bls }) =>
      scheme === 'ed25519' ? { publicKey, power: 1n } : { publicKey, power: 1n, blsKey: bls.publicKey },
    ),
  )
  if (!set.ok) throw new Error(set.error.message)
  /** @type {import('@aethel/consensus').Ballot} */
  const ballot = { kind: 'commit', epoch: epoch(0), view: view(0), height: height(1), blockHash: ZERO_HASH }
  const message = ballotBytes(ZERO_HASH, ballot)
  const signers = keys.slice(0, quorumSize(seeds.length))
  const votes = signers.map(({ signing }, sender) => ({ ...ballot, sender: validatorIndex(sender), signature: signing.sign(message) }))
  const shares = scheme === 'ed25519' ? [] : signers.map(({ bls }) => bls.sign(message))
  const certificate = assembleCertificate(ballot, seeds.length, votes, native.aggregateBls(shares))
  return { validators: set.value, certificate, shares }
}

/**
 * @param {Pick<ReturnType<typeof madeBy>, 'validators' | 'certificate'>} made
 * @param {Pick<typeof native, 'verifySignature' | 'verifyBls'>} build
 */
function check({ validators, certificate }, { verifySignature, verifyBls }) {
  const checked = verifyCertificate({ chainId: ZERO_HASH, validators, verifySignature, verifyAggregate: verifyBls }, certificate)
  if (!checked.ok) throw new Error(checked.error.message)
}

/** @param {ReturnType<typeof madeBy>} made */
function withKeysAsNew({ validators: set, certificate }) {
  const keys = blsKeysOf(
    set,
    set.validators.map((_, index) => index),
  )
  const validators = set.validators.map((validator, index) => ({
    ...validator,
    blsKey: /** @type {typeof keys[0]} */ (keys[index]?.slice()),
  }))
  return { validators: { ...set, validators }, certificate }
}

/** @param {() => void} run */
function milliseconds(run) {
  run()
  return { value: leastCpuNanoseconds(run, { measurements: 3, leastMs: 100 }) / 1e6, unit: 'ms' }
}
