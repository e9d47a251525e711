/**
 * Ideal signatures: unforgeable by construction, because whoever did not get a signature from `signer` cannot have it
 * verified. Sixty-four bytes like Ed25519's, so that sizes are real; the first eight number the entry in the registry.
 */
import { equalBytes, keyOf, type PublicKey, publicKey, type Signature, signature } from '@aethel/codec'
import type { ConsensusConfig, Validator, VerifyAggregate, VerifySignature } from '@aethel/consensus'
import { type SecretSeed, type SigningKey, signingKey, verifySignature } from '@aethel/crypto'
import type { SimulatedShares } from './shares.js'

/** Who signs and how it is checked. */
export interface SignatureScheme {
  /** As `--signatures` has it. */
  readonly name: 'ideal' | 'real' | 'sampled'
  keyOf(index: number): PublicKey
  signer(index: number): (message: Uint8Array) => Signature
  readonly verify: VerifySignature
  /** Of BLS certificates; null: a quorum's signatures are the certificate. */
  readonly shares: SimulatedShares | null
  /** Real signatures made and checked. */
  readonly made: number
  readonly checked: number
  /** Checks of ideal ones: what a real scheme would have had to check here, and nobody computed. */
  readonly charged: number
}

export function createIdealSignatures(shares: SimulatedShares | null = null): SignatureScheme {
  return new IdealSignatures(shares)
}

/** What verifies the certificates of a run, as whoever checks them takes it. */
export function verifiersOf({ verify, shares }: SignatureScheme): {
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
} {
  return shares === null ? { verifySignature: verify } : { verifySignature: verify, verifyAggregate: shares.verify }
}

/** A validator with the keys of this number. */
export function validatorOf(signatures: SignatureScheme, index: number, power: bigint): Validator {
  const validator = { publicKey: signatures.keyOf(index), power }
  return signatures.shares === null ? validator : { ...validator, blsKey: signatures.shares.keyOf(index) }
}

/** The part of a core's configuration that signs. */
export function signersOf(signatures: SignatureScheme, index: number): Pick<ConsensusConfig, 'sign' | 'shares'> {
  const sign = signatures.signer(index)
  return signatures.shares === null ? { sign } : { sign, shares: signatures.shares.schemeOf(index) }
}

class IdealSignatures implements SignatureScheme {
  readonly name = 'ideal'
  readonly shares: SimulatedShares | null
  readonly #signers: number[] = []
  readonly #messages: Uint8Array[] = []
  readonly #keys = new Map<number, PublicKey>()
  readonly made: number = 0
  readonly checked: number = 0
  charged = 0

  constructor(shares: SimulatedShares | null = null) {
    this.shares = shares
  }

  keyOf(index: number): PublicKey {
    let key = this.#keys.get(index)
    if (key === undefined) {
      key = publicKey(numbered(32, index + 1))
      this.#keys.set(index, key)
    }
    return key
  }

  signer(index: number): (message: Uint8Array) => Signature {
    return (message) => {
      this.#messages.push(message)
      return signature(numbered(64, this.#signers.push(index) - 1))
    }
  }

  readonly verify: VerifySignature = (key, message, candidate) => {
    this.charged++
    const number = numberIn(candidate)
    const [signer, signed] = [this.#signers[number], this.#messages[number]]
    if (signer === undefined || signed === undefined) return false
    const own = this.keyOf(signer)
    return (signed === message || equalBytes(signed, message)) && (own === key || equalBytes(own, key))
  }
}

/** Written and read byte by byte: to show a small array's memory to a DataView, V8 has to move it out of its heap. */
export function numbered(length: number, number: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < 4; at++) bytes[at] = number >>> (24 - 8 * at)
  return bytes
}

export function numberIn(bytes: Uint8Array): number {
  return (((bytes[0] as number) << 24) | ((bytes[1] as number) << 16) | ((bytes[2] as number) << 8) | (bytes[3] as number)) >>> 0
}

/** An ideal signature's number; the rest of it is zero. */
const IDEAL_NUMBER_BYTES = 8
/** One signature in so many is a real one, in a sampled scheme. */
const REAL_ONE_IN = 64

/**
 * Most signatures are ideal, some are Ed25519's, under keys that are all real: scale runs check real ones as they come along. An
 * ideal one is told apart by its zeros, which no real one has.
 */
export function createSampledSignatures(shares: SimulatedShares | null = null): SignatureScheme {
  return new SampledSignatures(shares)
}

class SampledSignatures implements SignatureScheme {
  readonly name = 'sampled'
  readonly shares: SimulatedShares | null
  readonly #ideal = new IdealSignatures()
  readonly #real = createRealSignatures()
  /** By `keyOf` the real key: whose it is. */
  readonly #indices = new Map<string, number>()
  /** The same by the very object, which most who ask hold. */
  readonly #indicesByObject = new Map<PublicKey, number>()
  #count = 0

  constructor(shares: SimulatedShares | null) {
    this.shares = shares
  }

  keyOf(index: number): PublicKey {
    const key = this.#real.keyOf(index)
    this.#indices.set(keyOf(key), index)
    this.#indicesByObject.set(key, index)
    return key
  }

  signer(index: number): (message: Uint8Array) => Signature {
    const [signIdeal, signReal] = [this.#ideal.signer(index), this.#real.signer(index)]
    return (message) => (this.#count++ % REAL_ONE_IN === 0 ? signReal(message) : signIdeal(message))
  }

  readonly verify: VerifySignature = (key, message, candidate) => {
    if (!isIdeal(candidate)) return this.#real.verify(key, message, candidate)
    const signer = this.#indicesByObject.get(key) ?? this.#indices.get(keyOf(key))
    return signer !== undefined && this.#ideal.verify(this.#ideal.keyOf(signer), message, candidate)
  }

  get made(): number {
    return this.#real.made
  }

  get checked(): number {
    return this.#real.checked
  }

  get charged(): number {
    return this.#ideal.charged
  }
}

function isIdeal(candidate: Signature): boolean {
  for (let at = IDEAL_NUMBER_BYTES; at < candidate.length; at++) if (candidate[at] !== 0) return false
  return true
}

/**
 * Ed25519 itself, for samples and for scale runs. A signature found good is not checked again while the same object stands in
 * for it: what is really made and checked is counted.
 */
export function createRealSignatures(shares: SimulatedShares | null = null): SignatureScheme {
  return new RealSignatures(shares)
}

class RealSignatures implements SignatureScheme {
  readonly name = 'real'
  readonly shares: SimulatedShares | null
  readonly #keys = new Map<number, SigningKey>()
  readonly #good = new WeakMap<Signature, { readonly key: PublicKey; readonly message: Uint8Array }>()
  made = 0
  checked = 0
  readonly charged: number = 0

  constructor(shares: SimulatedShares | null = null) {
    this.shares = shares
  }

  #keyFor(index: number): SigningKey {
    let key = this.#keys.get(index)
    if (key === undefined) {
      key = signingKey(numbered(32, index + 1) as SecretSeed)
      this.#keys.set(index, key)
    }
    return key
  }

  keyOf(index: number): PublicKey {
    return this.#keyFor(index).publicKey
  }

  signer(index: number): (message: Uint8Array) => Signature {
    return (message) => {
      this.made++
      return this.#keyFor(index).sign(message)
    }
  }

  readonly verify: VerifySignature = (key, message, candidate) => {
    const known = this.#good.get(candidate)
    if (known !== undefined && equalBytes(known.key, key) && equalBytes(known.message, message)) return true
    this.checked++
    if (!verifySignature(key, message, candidate)) return false
    this.#good.set(candidate, { key, message })
    return true
  }
}
