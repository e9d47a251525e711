/**
 * Certificates of both kinds: how long they are, and what it takes to make one of votes that have come, and to check one of somebody
 * else's, here and by the cryptography that browsers get. On a chain of BLS certificates making one includes checking the sum of the
 * shares, and the first check decodes the keys.
 */
import { blsPublicKey, epoch, height, validatorIndex, view } from '@aethel/codec'
import { assembleCertificate, ballotBytes, createValidatorSet, encodeCertificate, quorumSize, verifyCertificate } from '@aethel/consensus'
import { aggregateBls, blsKey, hashTagged, signingKey, verifyBls, verifySignature } from '@aethel/crypto'
import * as browser from '../packages/crypto/dist/browser.js'
import { median, timed } from './lib/statistics.js'

const SIZES = [4, 31, 100, 1_000]
const SIZES_IN_BROWSERS = [4, 100]
const REPEATS = 15
/** @typedef {Pick<typeof browser, 'verifySignature' | 'verifyBls'>} Build */

const seedOf = (/** @type {number} */ index) => hashTagged('aethel/bench-seed', Uint8Array.of(index >> 8, index & 255))
const chainId = hashTagged('aethel/bench-chain', new Uint8Array(0))
const ballot = { kind: /** @type {const} */ ('commit'), epoch: epoch(0), view: view(0), height: height(1), blockHash: chainId }

/** @type {import('./lib/report.js').Benchmark} */
export const certificates = {
  name: 'certificates',
  description: 'a certificate: lists of Ed25519 signatures, and sums of BLS12-381 shares',
  run: async () => {
    const figures = []
    const message = ballotBytes(chainId, ballot)
    const [signing, bls] = [signingKey(seedOf(0)), blsKey(seedOf(0))]
    const time = async (/** @type {() => unknown} */ run) => median(await timed(REPEATS, async () => void run()))
    const once = await time(() => Array.from({ length: 50 }, () => verifySignature(signing.publicKey, message, signing.sign(message))))
    figures.push({ name: 'floor: one Ed25519 signature made and checked', value: once / 50, unit: 'ms' })
    figures.push({ name: 'one share made', value: await time(() => bls.sign(message)), unit: 'ms' })
    for (const count of SIZES) {
      const members = Array.from({ length: count }, (_, index) => ({ ed25519: signingKey(seedOf(index)), bls: blsKey(seedOf(index)) }))
      const voters = members.slice(0, quorumSize(count))
      for (const scheme of /** @type {const} */ (['ed25519', 'bls12-381'])) {
        const set = createValidatorSet(
          epoch(0),
          members.map((member) => ({
            publicKey: member.ed25519.publicKey,
            power: 1n,
            ...(scheme === 'ed25519' ? {} : { blsKey: member.bls.publicKey }),
          })),
        )
        if (!set.ok) throw new Error(set.error.message)
        const votes = voters.map(({ ed25519, bls: key }, index) => ({
          ...ballot,
          sender: validatorIndex(index),
          signature: ed25519.sign(message),
          ...(scheme === 'ed25519' ? {} : { share: key.sign(message) }),
        }))
        const make = () => {
          if (scheme === 'ed25519') return assembleCertificate(ballot, count, votes)
          const sum = aggregateBls(votes.flatMap(({ share }) => share ?? []))
          const keys = voters.map(({ bls: key }) => key.publicKey)
          if (sum === null || !verifyBls(keys, message, sum)) throw new Error('the sum of good shares is good')
          return assembleCertificate(ballot, count, votes, sum)
        }
        const certificate = make()
        const check = (/** @type {Build} */ build = { verifySignature, verifyBls }, validators = set.value) => {
          const context = { chainId, validators, verifySignature: build.verifySignature, verifyAggregate: build.verifyBls }
          if (!verifyCertificate(context, certificate).ok) throw new Error('a certificate of good votes is good')
        }
        const name = `${count.toLocaleString('en')} validators, ${scheme}`
        figures.push({ name: `${name}: bytes`, value: encodeCertificate(certificate).length, unit: '' })
        figures.push({ name: `${name}: made of votes that have come`, value: await time(make), unit: 'ms' })
        figures.push({ name: `${name}: checked`, value: await time(() => check()), unit: 'ms' })
        if (scheme === 'bls12-381')
          figures.push({
            name: `${name}: checked for the first time`,
            value: await time(() => check(undefined, withKeysAnew(set.value))),
            unit: 'ms',
          })
        if (!SIZES_IN_BROWSERS.includes(count)) continue
        figures.push({ name: `${name}: checked by the browser build`, value: await time(() => check(browser)), unit: 'ms' })
        if (scheme === 'bls12-381')
          figures.push({
            name: `${name}: checked by the browser build for the first time`,
            value: await time(() => check(browser, withKeysAnew(set.value))),
            unit: 'ms',
          })
      }
    }
    return figures
  },
}

/**
 * So that none of its keys has been decoded before.
 *
 * @param {import('@aethel/consensus').ValidatorSet} set
 */
function withKeysAnew(set) {
  const validators = set.validators.map((validator) => {
    return validator.blsKey === undefined ? validator : { ...validator, blsKey: blsPublicKey(validator.blsKey.slice()) }
  })
  return { ...set, validators }
}
