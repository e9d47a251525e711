/**
 * Ideal signatures: unforgeable by construction, because whoever did not get a signature from `signer` cannot have it
 * verified. Sixty-four bytes like Ed25519's, so that sizes are real; the first eight number the entry in the registry.
 */
import { equalBytes, keyOf, type PublicKey, publicKey, type Signature, signature } from '@aethel/codec'
import type { VerifySignature } from '@aethel/consensus'
import { type SecretSeed, type SigningKey, signingKey, verifySignature } from '@aethel/crypto'

/** Who signs and how it is checked. */
export interface SignatureScheme {
  keyOf(index: number): PublicKey
  signer(index: number): (message: Uint8Array) => Signature
  readonly verify: VerifySignature
  /** Real signatures made and checked. */
  readonly made: number
  readonly checked: number
  /** Checks of ideal ones: what a real scheme would have had to check here, and nobody computed. */
  readonly charged: number
}

export function createIdealSignatures(): SignatureScheme {
  const registry: { readonly index: number; readonly message: Uint8Array }[] = []
  const keys = new Map<number, PublicKey>()
  let charged = 0
  const keyFor = (index: number): PublicKey => {
    let key = keys.get(index)
    if (key === undefined) {
      const bytes = new Uint8Array(32)
      new DataView(bytes.buffer).setUint32(0, index + 1)
      key = publicKey(bytes)
      keys.set(index, key)
    }
    return key
  }
  return {
    keyOf: keyFor,
    signer: (index) => (message) => {
      const bytes = new Uint8Array(64)
      new DataView(bytes.buffer).setUint32(0, registry.length)
      registry.push({ index, message })
      return signature(bytes)
    },
    verify: (key, message, candidate) => {
      charged++
      const entry = registry[new DataView(candidate.buffer, candidate.byteOffset, 64).getUint32(0)]
      return (
        entry !== undefined && (entry.message === message || equalBytes(entry.message, message)) && equalBytes(keyFor(entry.index), key)
      )
    },
    made: 0,
    checked: 0,
    get charged() {
      return charged
    },
  }
}

/** An ideal signature's number; the rest of it is zero. */
const IDEAL_NUMBER_BYTES = 8
/** One signature in so many is a real one, in a sampled scheme. */
const REAL_ONE_IN = 64

/**
 * Most signatures are ideal, some are Ed25519's, under keys that are all real: scale runs check real ones as they come along. An
 * ideal one is told apart by its zeros, which no real one has.
 */
export function createSampledSignatures(): SignatureScheme {
  const ideal = createIdealSignatures()
  const real = createRealSignatures()
  /** By `keyOf` the real key: whose it is. */
  const indices = new Map<string, number>()
  const keyFor = (index: number): PublicKey => {
    const key = real.keyOf(index)
    indices.set(keyOf(key), index)
    return key
  }
  let count = 0
  return {
    keyOf: keyFor,
    signer: (index) => {
      const [signIdeal, signReal] = [ideal.signer(index), real.signer(index)]
      return (message) => (count++ % REAL_ONE_IN === 0 ? signReal(message) : signIdeal(message))
    },
    verify: (key, message, candidate) => {
      if (candidate.subarray(IDEAL_NUMBER_BYTES).some((byte) => byte !== 0)) return real.verify(key, message, candidate)
      const signer = indices.get(keyOf(key))
      return signer !== undefined && ideal.verify(ideal.keyOf(signer), message, candidate)
    },
    get made() {
      return real.made
    },
    get checked() {
      return real.checked
    },
    get charged() {
      return ideal.charged
    },
  }
}

/**
 * Ed25519 itself, for samples and for scale runs. A signature found good is not checked again while the same object stands in
 * for it: what is really made and checked is counted.
 */
export function createRealSignatures(): SignatureScheme {
  const keys = new Map<number, SigningKey>()
  const good = new WeakMap<Signature, { readonly key: PublicKey; readonly message: Uint8Array }>()
  let made = 0
  let checked = 0
  const keyFor = (index: number): SigningKey => {
    let key = keys.get(index)
    if (key === undefined) {
      const seed = new Uint8Array(32)
      new DataView(seed.buffer).setUint32(0, index + 1)
      key = signingKey(seed as SecretSeed)
      keys.set(index, key)
    }
    return key
  }
  return {
    keyOf: (index) => keyFor(index).publicKey,
    signer: (index) => (message) => {
      made++
      return keyFor(index).sign(message)
    },
    verify: (key, message, candidate) => {
      const known = good.get(candidate)
      if (known !== undefined && equalBytes(known.key, key) && equalBytes(known.message, message)) return true
      checked++
      if (!verifySignature(key, message, candidate)) return false
      good.set(candidate, { key, message })
      return true
    },
    get made() {
      return made
    },
    get checked() {
      return checked
    },
    charged: 0,
  }
}
