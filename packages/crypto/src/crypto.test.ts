/**
 * Both builds against published vectors and against each other: random inputs, malformed ones, and the points of small
 * order with which one signature can pass for many messages.
 */
import { createHash } from 'node:crypto'
import type { PublicKey, Signature } from '@aethel/codec'
import { concatBytes, fromHex, toHex, utf8 } from '@aethel/codec'
import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as browser from './browser.js'
import * as node from './node.js'

const BUILDS = [
  ['node', node],
  ['browser', browser],
] as const

function hex(text: string): Uint8Array {
  const bytes = fromHex(text)
  if (!bytes.ok) throw new Error(bytes.error.message)
  return bytes.value
}

/** The verdict of both builds, which must be one. */
function verdict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const [a, b] = BUILDS.map(([, build]) => build.verifySignature(publicKey as PublicKey, message, signature as Signature))
  if (a !== b) expect.fail(`node says ${a}, browser ${b}: key ${toHex(publicKey)} message ${toHex(message)} signature ${toHex(signature)}`)
  return a === true
}

/** RFC 8032 §7.1: seed, public key, message, signature. */
const RFC_8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const

/** FIPS 180-4 examples. */
const SHA_256 = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
] as const

describe.each(BUILDS)('%s', (_name, build) => {
  test.each(RFC_8032)('RFC 8032 §7.1: seed %s', (seed, publicKey, message, signature) => {
    const key = build.signingKey(hex(seed))
    expect(toHex(key.publicKey)).toBe(publicKey)
    expect(toHex(key.sign(hex(message)))).toBe(signature)
    expect(build.verifySignature(key.publicKey, hex(message), hex(signature) as Signature)).toBe(true)
  })

  test.each(SHA_256)('FIPS 180-4: SHA-256 of a known text', (text, digest) => {
    expect(toHex(build.sha256(new TextEncoder().encode(text)))).toBe(digest)
  })

  test('SHA-256 of every length around its block sizes is what OpenSSL says', () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 255)
      expect(toHex(build.sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'))
    }
  })

  test('a digest is a byte string of its own, which later hashing does not change', () => {
    const first = build.sha256(Uint8Array.of(1))
    const before = toHex(first)
    for (let i = 0; i < 100; i++) build.sha256(Uint8Array.of(2, i))
    expect(toHex(first)).toBe(before)
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
  })

  test('seeds, keys and signatures of a wrong length are refused: a seed by a throw, the rest by the verdict', () => {
    for (const length of [0, 31, 33, 64]) expect(() => build.signingKey(new Uint8Array(length))).toThrow(RangeError)
    const key = build.signingKey(new Uint8Array(32).fill(7))
    const signature = key.sign(new Uint8Array(1))
    for (const length of [0, 31, 33])
      expect(build.verifySignature(new Uint8Array(length) as PublicKey, new Uint8Array(1), signature)).toBe(false)
    for (const length of [0, 63, 65])
      expect(build.verifySignature(key.publicKey, new Uint8Array(1), new Uint8Array(length) as Signature)).toBe(false)
  })

  test('a signing key is not changed by what happens to the bytes it was made from', () => {
    const seed = new Uint8Array(32).fill(3)
    const key = build.signingKey(seed)
    const before = toHex(key.sign(new Uint8Array(4)))
    seed.fill(0)
    expect(toHex(key.sign(new Uint8Array(4)))).toBe(before)
  })
})

describe('both builds agree', () => {
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const messages = fc.uint8Array({ maxLength: 100 })

  test('on keys, signatures and hashes', () => {
    fc.assert(
      fc.property(seeds, messages, fc.string({ maxLength: 20 }), (seed, message, domain) => {
        const [a, b] = [node.signingKey(seed), browser.signingKey(seed)]
        expect(toHex(a.publicKey)).toBe(toHex(b.publicKey))
        const signature = a.sign(message)
        expect(toHex(signature)).toBe(toHex(b.sign(message)))
        expect(verdict(a.publicKey, message, signature)).toBe(true)
        expect(toHex(node.sha256(message))).toBe(toHex(browser.sha256(message)))
        expect(toHex(node.hashTagged(domain, message))).toBe(toHex(browser.hashTagged(domain, message)))
      }),
      { numRuns: 40 },
    )
  })

  test('on hashes of long inputs, about the length from which they are not copied behind their domain, and of a chunk of a blob', () => {
    for (const length of [16 * 1024 - 8, 16 * 1024 - 7, 16 * 1024 - 6, 16 * 1024, 100_000, 256 * 1024]) {
      const long = new Uint8Array(length).map((_, index) => (index * 7 + (index >> 8)) & 255)
      const expected = node.sha256(concatBytes(Uint8Array.of(6), utf8('domain'), long))
      expect(toHex(node.hashTagged('domain', long))).toBe(toHex(expected))
      expect(toHex(browser.hashTagged('domain', long))).toBe(toHex(expected))
    }
  })

  test('that a signature with any bit changed is none, nor is it one of another message or key', () => {
    fc.assert(
      fc.property(seeds, messages, fc.nat(511), fc.nat(255), (seed, message, bit, keyBit) => {
        const key = node.signingKey(seed)
        const signature = key.sign(message)
        const bent = signature.slice()
        bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7))
        expect(verdict(key.publicKey, message, bent)).toBe(false)
        expect(verdict(key.publicKey, Uint8Array.from([...message, 0]), signature)).toBe(false)
        const other = key.publicKey.slice()
        other[keyBit >> 3] = (other[keyBit >> 3] as number) ^ (1 << (keyBit & 7))
        expect(verdict(other, message, signature)).toBe(false)
      }),
      { numRuns: 40 },
    )
  })

  test('on random bytes in place of keys and signatures', () => {
    fc.assert(
      fc.property(seeds, messages, fc.uint8Array({ minLength: 64, maxLength: 64 }), (key, message, signature) => {
        expect(verdict(key, message, signature)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })
})

// --- points of small order -------------------------------------------------------------------------------------------

const { Point } = ed25519
const FIELD = 2n ** 255n - 19n
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0, rest = value; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

/** A generator of the eight points of small order: any point of the curve, times the prime order. */
function torsionGenerator(): InstanceType<typeof Point> {
  for (let y = 2n; ; y++) {
    try {
      const point = Point.fromBytes(littleEndian(y))
        .multiplyUnsafe(ORDER - 1n)
        .add(Point.fromBytes(littleEndian(y)))
      if (!point.multiplyUnsafe(4n).equals(Point.ZERO)) return point
    } catch {
      // no point of the curve has this y
    }
  }
}

const GENERATOR = torsionGenerator()
const TORSION = Array.from({ length: 8 }, (_, k) => (k === 0 ? Point.ZERO : GENERATOR.multiplyUnsafe(BigInt(k))))

/** All encodings of a point: its own, and those with y + p, or with the sign of x = 0 set, that a lax decoder accepts. */
function encodingsOf(point: InstanceType<typeof Point>): Uint8Array[] {
  const canonical = point.toBytes()
  const y = fromLittleEndian(canonical) & (2n ** 255n - 1n)
  const encodings = [canonical]
  const isWrapped = y + FIELD < 2n ** 255n
  const sign = (canonical[31] as number) & 0x80
  const withSign = (bytes: Uint8Array, bit: number): Uint8Array => {
    const copy = bytes.slice()
    copy[31] = ((copy[31] as number) & 0x7f) | bit
    return copy
  }
  if (isWrapped) encodings.push(withSign(littleEndian(y + FIELD), sign))
  if (point.x === 0n) for (const bytes of [...encodings]) encodings.push(withSign(bytes, 0x80))
  return encodings
}

const SMALL_ORDER = TORSION.flatMap(encodingsOf)
const messageOf = (number: number): Uint8Array => new TextEncoder().encode(`message ${number}`)

describe('F1: small order', () => {
  test('the eight points are what they should be, in fourteen encodings', () => {
    expect(new Set(TORSION.map((point) => toHex(point.toBytes()))).size).toBe(8)
    for (const point of TORSION) expect(point.multiplyUnsafe(8n).equals(Point.ZERO)).toBe(true)
    expect(new Set(SMALL_ORDER.map(toHex)).size).toBe(14)
  })

  test('F1: a key of small order is recognised in each of its encodings, and no honest key is', () => {
    for (const key of SMALL_ORDER) expect(node.hasSmallOrder(key as never)).toBe(true)
    for (let number = 0; number < 1_000; number++) {
      const seed = new Uint8Array(32).fill(number & 255, 0, 16).fill(number >> 8, 16)
      expect(browser.hasSmallOrder(browser.signingKey(seed).publicKey)).toBe(false)
    }
  })

  test('F1: a small-order key with a torsion signature is refused by both builds for each of 1,000 messages', () => {
    const zero = new Uint8Array(32)
    for (let number = 0; number < 1_000; number++) {
      const key = SMALL_ORDER[number % SMALL_ORDER.length] as Uint8Array
      const commitment = SMALL_ORDER[Math.floor(number / SMALL_ORDER.length) % SMALL_ORDER.length] as Uint8Array
      expect(verdict(key, messageOf(number), Uint8Array.from([...commitment, ...zero]))).toBe(false)
    }
  })

  test('every pair of key and commitment, with S = 0 and with a real S, is refused', () => {
    const scalars = [new Uint8Array(32), littleEndian(1n), littleEndian(ORDER - 1n)]
    for (const key of SMALL_ORDER) {
      for (const commitment of SMALL_ORDER) {
        for (const scalar of scalars) expect(verdict(key, messageOf(0), Uint8Array.from([...commitment, ...scalar]))).toBe(false)
      }
    }
  })

  test('the attack is real: without the check on the key, about one signature in eight would pass', () => {
    let accepted = 0
    for (let number = 0; number < 100; number++) {
      const key = SMALL_ORDER[number % SMALL_ORDER.length] as Uint8Array
      const signature = Uint8Array.from([...(TORSION[number % 8] as InstanceType<typeof Point>).toBytes(), ...new Uint8Array(32)])
      if (ed25519.verify(signature, messageOf(number), key, { zip215: true })) accepted++
    }
    expect(accepted).toBeGreaterThan(0)
  })

  test('a commitment of small order is refused under an honest key', () => {
    const key = node.signingKey(new Uint8Array(32).fill(9))
    for (const commitment of SMALL_ORDER) {
      for (const scalar of [new Uint8Array(32), littleEndian(5n)])
        expect(verdict(key.publicKey, messageOf(1), Uint8Array.from([...commitment, ...scalar]))).toBe(false)
    }
  })
})

describe('F1: encodings that are not canonical', () => {
  test('F1: S + L is refused, for as many multiples as fit', () => {
    const key = node.signingKey(new Uint8Array(32).fill(5))
    for (let number = 0; number < 20; number++) {
      const signature = key.sign(messageOf(number))
      expect(verdict(key.publicKey, messageOf(number), signature)).toBe(true)
      for (let s = fromLittleEndian(signature.subarray(32)) + ORDER; s < 2n ** 256n; s += ORDER) {
        const bent = Uint8Array.from([...signature.subarray(0, 32), ...littleEndian(s)])
        expect(verdict(key.publicKey, messageOf(number), bent)).toBe(false)
      }
    }
  })

  test('F1: a key or a commitment with y >= p is refused', () => {
    const key = node.signingKey(new Uint8Array(32).fill(6))
    const signature = key.sign(messageOf(0))
    for (let extra = 0n; extra < 19n; extra++) {
      for (const sign of [0, 0x80]) {
        const bytes = littleEndian(FIELD + extra)
        bytes[31] = (bytes[31] as number) | sign
        expect(verdict(bytes, messageOf(0), signature)).toBe(false)
        expect(verdict(key.publicKey, messageOf(0), Uint8Array.from([...bytes, ...signature.subarray(32)]))).toBe(false)
      }
    }
  })

  test('bytes that are no point of the curve are refused, without a throw', () => {
    const signature = node.signingKey(new Uint8Array(32).fill(6)).sign(messageOf(0))
    for (let y = 2n; y < 40n; y++) expect(verdict(littleEndian(y), messageOf(0), signature)).toBe(false)
  })

  test('F1: both builds give one verdict on a key or a commitment with a torsion part, signed for by who knows the rest', () => {
    const secret = 123_456_789n
    let accepted = 0
    for (const keyTorsion of TORSION) {
      for (const [position, commitmentTorsion] of TORSION.entries()) {
        const nonce = position % 3 === 0 ? 0n : 987_654_321n // 0: the commitment is of small order
        const key = Point.BASE.multiply(secret).add(keyTorsion).toBytes()
        const commitment = Point.BASE.multiplyUnsafe(nonce).add(commitmentTorsion).toBytes()
        for (let number = 0; number < 4; number++) {
          const digest = createHash('sha512').update(commitment).update(key).update(messageOf(number)).digest()
          const challenge = fromLittleEndian(digest) % ORDER
          const signature = Uint8Array.from([...commitment, ...littleEndian((nonce + challenge * secret) % ORDER)])
          if (verdict(key, messageOf(number), signature)) accepted++
          if (nonce === 0n) expect(verdict(key, messageOf(number), signature)).toBe(false)
        }
      }
    }
    expect(accepted).toBeGreaterThan(0) // some pass: both builds must decide, not refuse everything unusual
  })
})

describe('domain tags', () => {
  test('are injective, and none begins another: two domains never hash the same bytes', () => {
    const names = fc.string({ unit: fc.constantFrom('a', 'b', '\u0001', '\u0002', '\u00e9'), maxLength: 6 })
    fc.assert(
      fc.property(names, names, fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (a, b, left, right) => {
        const whole = (name: string, bytes: Uint8Array): string => toHex(node.domainTag(name)) + toHex(bytes)
        expect(whole(a, left) === whole(b, right)).toBe(a === b && toHex(left) === toHex(right))
      }),
    )
    expect(toHex(node.hashTagged('a', Uint8Array.of(98)))).not.toBe(toHex(node.hashTagged('ab', new Uint8Array(0))))
  })

  test('a tag is its length and its name; a name beyond 255 bytes is refused', () => {
    expect(toHex(node.domainTag('ab'))).toBe('026162')
    expect(node.domainTag('x'.repeat(255))).toHaveLength(256)
    expect(() => node.domainTag('x'.repeat(256))).toThrow(RangeError)
    expect(toHex(node.hashTagged('ab', Uint8Array.of(1)))).toBe(toHex(node.sha256(Uint8Array.of(2, 97, 98, 1))))
  })
})
