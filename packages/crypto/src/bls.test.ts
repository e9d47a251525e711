/**
 * BLS12-381: both builds against the published KeyGen vector and against each other, on good signatures, sums, and whatever is
 * no signature.
 */
import { type BlsPublicKey, type BlsSignature, toHex, utf8 } from '@aethel/codec'
import { SecretKey } from '@chainsafe/blst'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { infinity, opposite, stray } from '../test/rogue.js'
import * as browser from './bls-browser.js'
import * as node from './bls-node.js'

const BUILDS = [
  ['node', node],
  ['browser', browser],
] as const

function seed(number: number): Uint8Array {
  return new Uint8Array(32).fill(number)
}

const message = utf8('one message')
const keys = [1, 2, 3, 4].map((number) => node.blsKey(seed(number)))
const publicKeys = keys.map((key) => key.publicKey)
const signatures = keys.map((key) => key.sign(message))

/** The verdict of both builds, which must be one. Fresh arrays: nothing decoded before stands in for them. */
function verdict(by: readonly Uint8Array[], of: Uint8Array, signature: Uint8Array): boolean {
  const [a, b] = BUILDS.map(([, build]) =>
    build.verifyBls(
      by.map((key) => key.slice() as BlsPublicKey),
      of,
      signature as BlsSignature,
    ),
  )
  if (a !== b) expect.fail(`node says ${a}, browser ${b}: keys ${by.map(toHex).join(' ')} signature ${toHex(signature)}`)
  return a === true
}

describe('keys and signatures', () => {
  test('KeyGen is that of the draft: EIP-2333, test case 0', () => {
    const material = Buffer.from(
      'c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04',
      'hex',
    )
    const scalar = 6083874454709270928345386274498605044986640685124978867557563392430687146096n
    expect(BigInt(SecretKey.deriveMasterEip2333(material).toHex())).toBe(scalar)
    expect(SecretKey.fromKeygen(material).toBytes()).toEqual(SecretKey.deriveMasterEip2333(material).toBytes())
  })

  test('are the same in both builds, byte for byte', () => {
    for (const number of [0, 1, 7, 255]) {
      const [a, b] = [node.blsKey(seed(number)), browser.blsKey(seed(number))]
      expect(toHex(a.publicKey)).toBe(toHex(b.publicKey))
      expect(toHex(a.sign(message))).toBe(toHex(b.sign(message)))
    }
  })

  test('a seed of another length is refused', () => {
    for (const [, build] of BUILDS) expect(() => build.blsKey(new Uint8Array(31))).toThrow('32 bytes, got 31')
  })
})

describe('sums', () => {
  test.each(BUILDS)('%s: of any who signed the message are good for exactly them', (_name, build) => {
    for (const members of [[0], [1, 3], [0, 1, 2, 3]]) {
      const sum = build.aggregateBls(members.map((at) => signatures[at] as BlsSignature)) as BlsSignature
      const theirs = members.map((at) => publicKeys[at] as BlsPublicKey)
      expect(verdict(theirs, message, sum)).toBe(true)
      expect(verdict(theirs.toReversed(), message, sum)).toBe(true)
      expect(verdict(theirs, utf8('another message'), sum)).toBe(false)
      expect(verdict(theirs.slice(1), message, sum)).toBe(false)
      expect(verdict([...theirs, publicKeys[0] as BlsPublicKey], message, sum)).toBe(false)
    }
  })

  test('of nobody, and of what is no point, are none', () => {
    for (const [, build] of BUILDS) {
      expect(build.aggregateBls([])).toBeNull()
      expect(build.aggregateBls([signatures[0] as BlsSignature, new Uint8Array(96) as BlsSignature])).toBeNull()
      expect(build.verifyBls([], message, signatures[0] as BlsSignature)).toBe(false)
    }
  })

  test('are equal in both builds', () => {
    expect(toHex(node.aggregateBls(signatures) as BlsSignature)).toBe(toHex(browser.aggregateBls(signatures) as BlsSignature))
  })
})

describe('what is no signature', () => {
  test('infinity is neither a key nor a signature', () => {
    expect(verdict([infinity(48)], message, signatures[0] as BlsSignature)).toBe(false)
    expect(verdict([publicKeys[0] as BlsPublicKey], message, infinity(96))).toBe(false)
    expect(verdict([infinity(48)], message, infinity(96))).toBe(false)
  })

  test('keys that cancel each other sign nothing', () => {
    const [key, signature] = [publicKeys[0] as BlsPublicKey, signatures[0] as BlsSignature]
    expect(verdict([opposite(key)], message, opposite(signature))).toBe(true) // each by itself signs like any other
    expect(verdict([key, opposite(key)], message, infinity(96))).toBe(false)
    expect(verdict([key, opposite(key)], message, signature)).toBe(false)
  })

  test('points of the curve outside the subgroup are refused, as keys and as signatures', () => {
    const [key, signature] = [stray(48), stray(96)]
    expect(verdict([key], message, signatures[0] as BlsSignature)).toBe(false)
    expect(verdict([publicKeys[0] as BlsPublicKey], message, signature)).toBe(false)
  })

  test('one bit changed anywhere is refused, of keys and signatures, by both builds', () => {
    fc.assert(
      fc.property(fc.nat({ max: 96 * 8 - 1 }), fc.boolean(), (bit, inKey) => {
        const bytes = (inKey ? (publicKeys[0] as Uint8Array) : (signatures[0] as Uint8Array)).slice()
        const at = bit % (bytes.length * 8)
        bytes[at >> 3] = (bytes[at >> 3] as number) ^ (1 << (at & 7))
        const good = inKey
          ? verdict([bytes], message, signatures[0] as BlsSignature)
          : verdict([publicKeys[0] as BlsPublicKey], message, bytes)
        expect(good).toBe(false)
      }),
      { numRuns: 40 },
    )
  })

  test('random bytes and other lengths are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), fc.uint8Array({ minLength: 0, maxLength: 200 }), (key, signature) => {
        expect(verdict([key], message, signature)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })
})
