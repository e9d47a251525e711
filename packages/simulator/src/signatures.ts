/**
 * Ideal signatures: unforgeable by construction, because whoever did not get a signature from `signer` cannot have it
 * verified. Sixty-four bytes like Ed25519's, so that sizes are real; the first eight number the entry in the registry.
 */
import { equalBytes, type PublicKey, publicKey, type Signature, signature } from '@aethel/codec'
import type { VerifySignature } from '@aethel/consensus'
import { type SecretSeed, type SigningKey, signingKey, verifySignature } from '@aethel/crypto'

/** Who signs and how it is checked. */
export interface SignatureScheme {
  keyOf(index: number): PublicKey
  signer(index: number): (message: Uint8Array) => Signature
  readonly verify: VerifySignature
  /** Real signatures made and checked; ideal ones count as none. */
  readonly made: number
  readonly checked: number
}

export function createIdealSignatures(): SignatureScheme {
  const registry: { readonly index: number; readonly message: Uint8Array }[] = []
  const keys = new Map<number, PublicKey>()
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
      const entry = registry[new DataView(candidate.buffer, candidate.byteOffset, 64).getUint32(0)]
      return (
        entry !== undefined && (entry.message === message || equalBytes(entry.message, message)) && equalBytes(keyFor(entry.index), key)
      )
    },
    made: 0,
    checked: 0,
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
  }
}
