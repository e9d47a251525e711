/**
 * The rogue-key attack (trap F2), made with the arithmetic of points: a key that nobody has, but whose sum with the keys of others is
 * a key that the attacker has.
 */
import type { BlsPublicKey, BlsSignature } from '@aethel/codec'
import { PublicKey, Signature } from '@chainsafe/blst'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { BLS_CIPHERSUITE } from '../src/api.js'

const { G1, longSignatures } = bls12_381

export interface RogueKey {
  /** Own point minus the sum of the others'. */
  readonly publicKey: BlsPublicKey
  /** Of a message by the sum of the rogue key and the keys of the others, made by the attacker alone. */
  forge(message: Uint8Array): BlsSignature
}

export function rogueKey(others: readonly BlsPublicKey[], secret = 123_456_789n): RogueKey {
  let point = G1.Point.BASE.multiply(secret)
  for (const other of others) point = point.subtract(G1.Point.fromBytes(other))
  return {
    publicKey: point.toBytes() as BlsPublicKey,
    forge: (message) => longSignatures.hash(message, BLS_CIPHERSUITE).multiply(secret).toBytes() as BlsSignature,
  }
}

/**
 * The same point with the other sign, of a key (48 bytes) or a signature (96). Whoever has a key has its opposite, too: the key with the other sign, which signs
 * whatever it signs with the other sign.
 */
export function opposite<T extends Uint8Array>(point: T): T {
  return point.map((byte, at) => (at === 0 ? byte ^ 0x20 : byte)) as T
}

/** The encoding of the point at infinity, of a key (48 bytes) or a signature (96). */
export function infinity(bytes: 48 | 96): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at === 0 ? 0xc0 : 0))
}

/** A point of the curve of keys (48 bytes) or signatures (96) that is not of their subgroup: the first by its x. */
export function stray(length: 48 | 96): Uint8Array {
  const Point = length === 48 ? PublicKey : Signature
  for (let x = 0; x < 100; x++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at === 0 ? 0x80 : at === length - 1 ? x : 0))
    if (decodes(() => Point.fromBytes(bytes, false)) && !decodes(() => Point.fromBytes(bytes, true))) return bytes
  }
  throw new Error('no such point below 100')
}

function decodes(decode: () => unknown): boolean {
  try {
    decode()
    return true
  } catch {
    return false
  }
}
