/**
 * BLS12-381 by blst. Aggregates of one message: signatures and keys are sums of points. Adding up is safe only for keys whose
 * owners have shown that they have them (trap F2): whoever admits a key checks that first.
 */
import { type BlsPublicKey, type BlsSignature, utf8 } from '@aethel/codec'
import type { PublicKey } from '@chainsafe/blst'
import { BLS_KEY_INFO, type BlsKey, SEED_BYTES, type SecretSeed } from './api.js'
import { blst } from './native.js'

/** Decoding a key, its subgroup checked, takes 66 us, and the same objects are shown again and again; null: no key. */
const decodedKeys = new WeakMap<BlsPublicKey, PublicKey | null>()

function decodedKey(key: BlsPublicKey): PublicKey | null {
  let decoded = decodedKeys.get(key)
  if (decoded === undefined) {
    decoded = attempt(() => blst().PublicKey.fromBytes(key, true))
    decodedKeys.set(key, decoded)
  }
  return decoded
}

/** blst throws on what is no point, not in the subgroup, or infinity. */
function attempt<T>(decode: () => T): T | null {
  try {
    return decode()
  } catch {
    return null
  }
}

/** The key of a 32-byte seed (KeyGen, §2.3 of the draft). */
export function blsKey(seed: SecretSeed): BlsKey {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a BLS seed is ${SEED_BYTES} bytes, got ${seed.length}`)
  const secret = blst().SecretKey.fromKeygen(seed, utf8(BLS_KEY_INFO))
  return {
    publicKey: secret.toPublicKey().toBytes() as BlsPublicKey,
    sign: (message) => secret.sign(message).toBytes() as BlsSignature,
  }
}

/** The sum of signatures of one message; null if there is none or one of them is no point. Nothing is verified. */
export function aggregateBls(signatures: readonly BlsSignature[]): BlsSignature | null {
  if (signatures.length === 0) return null
  return attempt(
    () =>
      blst()
        .aggregateSerializedSignatures([...signatures], false)
        .toBytes() as BlsSignature,
  )
}

/** True if `signature` is the sum of valid signatures of `message` by all of `keys`, each counted as often as it stands there; never throws. */
export function verifyBls(keys: readonly BlsPublicKey[], message: Uint8Array, signature: BlsSignature): boolean {
  const decoded: PublicKey[] = []
  for (const key of keys) {
    const point = decodedKey(key)
    if (point === null) return false
    decoded.push(point)
  }
  const sum = attempt(() => blst().Signature.fromBytes(signature, true))
  return sum !== null && decoded.length > 0 && attempt(() => blst().fastAggregateVerify(message, decoded, sum)) === true
}
