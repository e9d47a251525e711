/**
 * Ideal signatures that are a function of key and message: the same vote signed in two schedules is the same bytes, so that
 * equal states compare equal. Nobody here forges: twins are unmodified replicas.
 */
import { concatBytes, equalBytes, type PublicKey, publicKey, type Signature, signature } from '@aethel/codec'
import type { VerifySignature } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'

export function idealKey(index: number): PublicKey {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, index + 1)
  return publicKey(bytes)
}

export function idealSign(key: PublicKey, message: Uint8Array): Signature {
  const bytes = new Uint8Array(64)
  bytes.set(key)
  bytes.set(hashTagged('aethel/ideal-signature/v1', concatBytes(key, message)), 32)
  return signature(bytes)
}

export const verifyIdeal: VerifySignature = (key, message, candidate) => equalBytes(idealSign(key, message), candidate)
