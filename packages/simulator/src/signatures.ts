/**
 * Ideal signatures: unforgeable by construction, because whoever did not get a signature from `signer` cannot have it
 * verified. Sixty-four bytes like Ed25519's, so that sizes are real; the first eight number the entry in the registry.
 */
import { equalBytes, type PublicKey, publicKey, type Signature, signature } from '@aethel/codec'
import type { VerifySignature } from '@aethel/consensus'

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
      return entry !== undefined && equalBytes(keyFor(entry.index), key) && equalBytes(entry.message, message)
    },
    made: 0,
    checked: 0,
  }
}
