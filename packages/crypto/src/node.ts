/** Node build: SHA-256 from node:crypto, Ed25519 from libsodium, BLS12-381 from blst. */
import { createHash, hash as nodeHash } from 'node:crypto'
import { HASH_BYTES, type Hash, PUBLIC_KEY_BYTES, SIGNATURE_BYTES, type Writer } from '@aethel/codec'
import { type PublicKey, SEED_BYTES, type SecretSeed, type Signature, type SigningKey } from './api.js'
import { hashEncodedWith, hashWith } from './hashing.js'
import { sodium } from './native.js'

export type { BlsKey, SecretSeed, SigningKey } from './api.js'
export { SEED_BYTES } from './api.js'
export { aggregateBls, blsKey, verifyBls } from './bls-node.js'
export { domainTag } from './hashing.js'
export { hasSmallOrder } from './small-order.js'

/** By way of a string, which Node makes in a third of the time that a Buffer takes it. */
export function sha256(bytes: Uint8Array): Hash {
  return hashOfDigest(nodeHash('sha256', bytes, 'binary'))
}

/** A chunk of a blob copied to stand behind its tag would cost half as much again as hashing it. */
function sha256OfTwo(first: Uint8Array, second: Uint8Array): Hash {
  return hashOfDigest(createHash('sha256').update(first).update(second).digest('binary'))
}

function hashOfDigest(digest: string): Hash {
  const out = new Uint8Array(HASH_BYTES)
  for (let i = 0; i < HASH_BYTES; i++) out[i] = digest.charCodeAt(i)
  return out as Hash
}

/** SHA-256(domain tag || bytes): hashes of different kinds of things can never be confused. */
export function hashTagged(domain: string, bytes: Uint8Array): Hash {
  return hashWith(sha256, domain, bytes, sha256OfTwo)
}

/** `hashTagged` of what `write` writes. */
export function hashEncoded(domain: string, write: (writer: Writer) => void): Hash {
  return hashEncodedWith(sha256, domain, write)
}

const MESSAGE_BYTES = 1024

/** What sodium is shown: a small typed array of V8's heap would be moved out of it at every call, which takes longer than copying. */
const scratch = {
  publicKey: new Uint8Array(new ArrayBuffer(PUBLIC_KEY_BYTES)),
  signature: new Uint8Array(new ArrayBuffer(SIGNATURE_BYTES)),
  message: new Uint8Array(new ArrayBuffer(MESSAGE_BYTES)),
}

function inScratch(message: Uint8Array): Uint8Array {
  if (message.length > MESSAGE_BYTES) return message
  scratch.message.set(message)
  return scratch.message.subarray(0, message.length)
}

/** True if `signature` is a valid Ed25519 signature of `message` by `publicKey`; never throws. */
export function verifySignature(publicKey: PublicKey, message: Uint8Array, signature: Signature): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  scratch.publicKey.set(publicKey)
  scratch.signature.set(signature)
  return sodium().crypto_sign_verify_detached(scratch.signature, inScratch(message), scratch.publicKey)
}

/** The signing key of a 32-byte seed. */
export function signingKey(seed: SecretSeed): SigningKey {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an Ed25519 seed is ${SEED_BYTES} bytes, got ${seed.length}`)
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  sodium().crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return {
    publicKey: publicKey as PublicKey,
    sign(message: Uint8Array): Signature {
      sodium().crypto_sign_detached(scratch.signature, inScratch(message), secretKey)
      return scratch.signature.slice() as Signature
    },
  }
}
