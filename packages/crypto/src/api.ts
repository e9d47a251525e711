/**
 * The one small surface of cryptography that everything above uses: SHA-256 and Ed25519, synchronous. `node.ts` and
 * `browser.ts` implement it; the `exports` map picks one.
 *
 * Ed25519 verification is strict in the sense of libsodium (RFC 8032 plus refusal of small-order and non-canonical
 * points), the same verdict in both builds (trap F1).
 */
import type { PublicKey, Signature } from '@aethel/codec'

export type { PublicKey, Signature }

/** 32 secret bytes (an RFC 8032 seed). */
export type SecretSeed = Uint8Array

/** A signing key kept in its parsed form. */
export interface SigningKey {
  readonly publicKey: PublicKey
  sign(message: Uint8Array): Signature
}

export const SEED_BYTES = 32
