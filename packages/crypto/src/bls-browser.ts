/** BLS12-381 on @noble: the same surface and the same verdicts as `bls-node.ts`, without native code and some forty times slower. */
import { type BlsPublicKey, type BlsSignature, concatBytes, utf8 } from '@aethel/codec'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { BLS_CIPHERSUITE, BLS_KEY_INFO, type BlsKey, SEED_BYTES, type SecretSeed } from './api.js'

const { longSignatures: scheme, G1, G2 } = bls12_381
const ORDER: bigint = bls12_381.fields.Fr.ORDER

type Key = InstanceType<typeof G1.Point>
type Sum = InstanceType<typeof G2.Point>

/** Decoding a key, its subgroup checked, takes two milliseconds; null: no key. */
const decodedKeys = new WeakMap<BlsPublicKey, Key | null>()

function decodedKey(bytes: BlsPublicKey): Key | null {
  let key = decodedKeys.get(bytes)
  if (key === undefined) {
    key = strict(() => G1.Point.fromBytes(bytes))
    decodedKeys.set(bytes, key)
  }
  return key
}

/** A point of the subgroup that is not infinity; noble throws on what is no point, or not canonical. */
function strict<P extends { assertValidity(): void; is0(): boolean }>(decode: () => P): P | null {
  try {
    const point = decode()
    point.assertValidity()
    return point.is0() ? null : point
  } catch {
    return null
  }
}

const KEYGEN_SALT = 'BLS-SIG-KEYGEN-SALT-'
/** ceil((3 * ceil(log2 r)) / 16): the bytes that are reduced modulo r. */
const KEYGEN_BYTES = 48

/** KeyGen of §2.3 of the draft: a salt that is hashed until the scalar is not zero, which is at once. */
function secretScalar(seed: Uint8Array): bigint {
  const material = concatBytes(seed, new Uint8Array(1))
  const info = concatBytes(utf8(BLS_KEY_INFO), new Uint8Array([0, KEYGEN_BYTES]))
  let salt: Uint8Array = utf8(KEYGEN_SALT)
  for (;;) {
    salt = sha256(salt)
    const scalar = fromBigEndian(expand(sha256, extract(sha256, material, salt), info, KEYGEN_BYTES)) % ORDER
    if (scalar !== 0n) return scalar
  }
}

function fromBigEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

export function blsKey(seed: SecretSeed): BlsKey {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a BLS seed is ${SEED_BYTES} bytes, got ${seed.length}`)
  const secret = secretScalar(seed)
  return {
    publicKey: G1.Point.BASE.multiply(secret).toBytes() as BlsPublicKey,
    sign: (message) => scheme.hash(message, BLS_CIPHERSUITE).multiply(secret).toBytes() as BlsSignature,
  }
}

export function aggregateBls(signatures: readonly BlsSignature[]): BlsSignature | null {
  if (signatures.length === 0) return null
  try {
    let sum: Sum = G2.Point.ZERO
    for (const signature of signatures) sum = sum.add(G2.Point.fromBytes(signature))
    return sum.toBytes() as BlsSignature
  } catch {
    return null
  }
}

export function verifyBls(keys: readonly BlsPublicKey[], message: Uint8Array, signature: BlsSignature): boolean {
  let sum: Key = G1.Point.ZERO
  for (const key of keys) {
    const point = decodedKey(key)
    if (point === null) return false
    sum = sum.add(point)
  }
  const point = strict(() => G2.Point.fromBytes(signature))
  if (point === null || sum.is0()) return false
  return scheme.verify(point, scheme.hash(message, BLS_CIPHERSUITE), sum)
}
