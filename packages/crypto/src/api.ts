/**
 * The one small surface of cryptography that everything above uses: SHA-256, Ed25519 and BLS12-381, synchronous. `node.ts` and
 * `browser.ts` implement it; the `exports` map picks one.
 *
 * Ed25519 verification is strict in the sense of libsodium (RFC 8032 plus refusal of small-order and non-canonical
 * points), the same verdict in both builds (trap F1).
 */
import type { BlsPublicKey, BlsSignature, PublicKey, Signature } from '@aethel/codec'

export type { PublicKey, Signature }

/** 32 secret bytes (an RFC 8032 seed). */
export type SecretSeed = Uint8Array

/** A signing key kept in its parsed form. */
export interface SigningKey {
  readonly publicKey: PublicKey
  sign(message: Uint8Array): Signature
}

export const SEED_BYTES = 32

/** A key of the scheme whose signatures of one message add up to one (draft-irtf-cfrg-bls-signature, minimal public keys). */
export interface BlsKey {
  readonly publicKey: BlsPublicKey
  /** Deterministic: the same message has one signature. */
  sign(message: Uint8Array): BlsSignature
}

/** Of BLS keys made from a seed that is an Ed25519 seed, too: KeyGen's `key_info`. */
export const BLS_KEY_INFO = 'aethel/bls/v1'
/** What every signature hashes its message with: the ciphersuite whose keys prove their possession (§4.2.3 of the draft). */
export const BLS_CIPHERSUITE = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_'
