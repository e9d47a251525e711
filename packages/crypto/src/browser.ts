/** Browser build: the same surface on @noble, without native code. */
import { concatBytes, equalBytes, type Hash, type Writer } from '@aethel/codec'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'
import { type PublicKey, SEED_BYTES, type SecretSeed, type Signature, type SigningKey } from './api.js'
import { hashEncodedWith, hashWith } from './hashing.js'

export type { BlsKey, SecretSeed, SigningKey } from './api.js'
export { SEED_BYTES } from './api.js'
export { aggregateBls, blsKey, verifyBls } from './bls-browser.js'
export { domainTag } from './hashing.js'
export { hasSmallOrder } from './small-order.js'

const { Point } = ed25519
const ORDER: bigint = Point.Fn.ORDER

export function sha256(bytes: Uint8Array): Hash {
  return nobleSha256(bytes) as Hash
}

export function hashTagged(domain: string, bytes: Uint8Array): Hash {
  return hashWith(sha256, domain, bytes)
}

export function hashEncoded(domain: string, write: (writer: Writer) => void): Hash {
  return hashEncodedWith(sha256, domain, write)
}

/**
 * The equation of libsodium, not the cofactored one of noble's own `verify`, which accepts some signatures under keys with a
 * torsion part that libsodium refuses (trap F1). Refused: S >= L, a key or commitment of small order or not canonical.
 */
export function verifySignature(publicKey: PublicKey, message: Uint8Array, signature: Signature): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const s = fromLittleEndian(signature.subarray(32))
  if (s >= ORDER) return false
  const key = strictPoint(publicKey)
  if (key === null || key.isSmallOrder()) return false
  const commitment = signature.subarray(0, 32)
  const challenge = fromLittleEndian(sha512(concatBytes(commitment, publicKey, message))) % ORDER
  const expected = Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(challenge))
  return equalBytes(expected.toBytes(), commitment) && !expected.isSmallOrder()
}

function strictPoint(bytes: Uint8Array): InstanceType<typeof Point> | null {
  try {
    return Point.fromBytes(bytes, false)
  } catch {
    return null // noble throws on bytes that are no point of the curve, or not its canonical encoding
  }
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}

export function signingKey(seed: SecretSeed): SigningKey {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an Ed25519 seed is ${SEED_BYTES} bytes, got ${seed.length}`)
  const secret = seed.slice()
  return {
    publicKey: ed25519.getPublicKey(secret) as PublicKey,
    sign: (message) => ed25519.sign(message, secret) as Signature,
  }
}
