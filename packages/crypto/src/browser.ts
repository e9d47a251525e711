/** Browser build: the same surface on @noble, without native code. */
import type { Hash } from '@aethel/codec'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { type PublicKey, SEED_BYTES, type SecretSeed, type Signature, type SigningKey } from './api.js'
import { hashWith } from './hashing.js'

export type { SecretSeed, SigningKey } from './api.js'
export { SEED_BYTES } from './api.js'
export { domainTag } from './hashing.js'

export function sha256(bytes: Uint8Array): Hash {
  return nobleSha256(bytes) as Hash
}

export function hashTagged(domain: string, bytes: Uint8Array): Hash {
  return hashWith(sha256, domain, bytes)
}

export function verifySignature(publicKey: PublicKey, message: Uint8Array, signature: Signature): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false // noble throws on bytes that are no curve point; for us that is "not a valid signature"
  }
}

export function signingKey(seed: SecretSeed): SigningKey {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an Ed25519 seed is ${SEED_BYTES} bytes, got ${seed.length}`)
  const secret = seed.slice()
  return {
    publicKey: ed25519.getPublicKey(secret) as PublicKey,
    sign: (message) => ed25519.sign(message, secret) as Signature,
  }
}
