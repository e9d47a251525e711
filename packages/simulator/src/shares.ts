/**
 * Shares of BLS certificates in a simulated chain: ideal ones, whose sums hold exactly what was added up, or BLS12-381 itself. The
 * bytes have the lengths of real ones.
 */
import { type BlsPublicKey, type BlsSignature, blsPublicKey, blsSignature, keyOf } from '@aethel/codec'
import type { ShareScheme, VerifyAggregate } from '@aethel/consensus'
import { aggregateBls, type BlsKey, blsKey, type SecretSeed, verifyBls } from '@aethel/crypto'
import { numbered, numberIn } from './signatures.js'

export interface SimulatedShares {
  keyOf(index: number): BlsPublicKey
  schemeOf(index: number): ShareScheme
  readonly verify: VerifyAggregate
}

/** A sum is a registered list of who signed what; whoever was given no share by `signer` cannot have one that counts for it. */
export function createIdealShares(): SimulatedShares {
  return new IdealShares()
}

class IdealShares implements SimulatedShares {
  /** By number: the names of its parts, in order. */
  readonly #sums: string[][] = []
  /** The other way round: real signatures and their sums are the same bytes each time, too. */
  readonly #numbers = new Map<string, number>()
  readonly #keys = new Map<number, BlsPublicKey>()

  keyOf(index: number): BlsPublicKey {
    let key = this.#keys.get(index)
    if (key === undefined) {
      key = blsPublicKey(numbered(48, index + 1))
      this.#keys.set(index, key)
    }
    return key
  }

  schemeOf(index: number): ShareScheme {
    return {
      sign: (message) => this.#register([partOf(index, message)]),
      aggregate: (shares) => this.#aggregate(shares),
      verify: this.verify,
    }
  }

  #aggregate(shares: readonly BlsSignature[]): BlsSignature | null {
    const parts: string[] = []
    for (const share of shares) {
      const sum = this.#sums[numberIn(share) - 1]
      if (sum === undefined) return null
      parts.push(...sum)
    }
    return this.#register(parts.sort())
  }

  #register(parts: string[]): BlsSignature {
    const name = parts.join()
    let number = this.#numbers.get(name)
    if (number === undefined) {
      number = this.#sums.push(parts)
      this.#numbers.set(name, number)
    }
    return blsSignature(numbered(96, number))
  }

  readonly verify: VerifyAggregate = (keys, message, aggregate) => {
    const sum = this.#sums[numberIn(aggregate) - 1]
    if (sum === undefined || sum.length !== keys.length || keys.length === 0) return false
    const wanted = keys.map((key) => partOf(numberIn(key) - 1, message)).sort()
    return sum.every((part, at) => part === wanted[at])
  }
}

function partOf(index: number, message: Uint8Array): string {
  return `${index}:${keyOf(message)}`
}

/** BLS12-381, the keys by number. */
export function createRealShares(): SimulatedShares {
  const keys = new Map<number, BlsKey>()
  const keyAt = (index: number): BlsKey => {
    let key = keys.get(index)
    if (key === undefined) {
      key = blsKey(numbered(32, index + 1) as SecretSeed)
      keys.set(index, key)
    }
    return key
  }
  return {
    keyOf: (index) => keyAt(index).publicKey,
    schemeOf: (index) => ({ sign: (message) => keyAt(index).sign(message), aggregate: aggregateBls, verify: verifyBls }),
    verify: verifyBls,
  }
}
