/** Transactions of this chain, signed with the keys of accounts. */
import type { Hash } from '@aethel/codec'
import { type Action, buildTransaction, encodeTransaction, signTransaction, type TransactionFields } from '@aethel/ledger'
import type { SignatureScheme } from '../signatures.js'
import { accountKey } from './chain.js'

export type Terms = Partial<Pick<TransactionFields, 'chainId' | 'expiryHeight' | 'gasLimit'>>

export class Pen {
  readonly #chainId: Hash
  readonly #signatures: SignatureScheme

  constructor(chainId: Hash, signatures: SignatureScheme) {
    this.#chainId = chainId
    this.#signatures = signatures
  }

  write(account: number, nonce: number, action: Action, terms: Terms = {}): Uint8Array {
    return this.#signed(account, account, nonce, action, terms)
  }

  /** In the name of one account, signed by another. */
  forge(account: number, signer: number, nonce: number, action: Action): Uint8Array {
    return this.#signed(account, signer, nonce, action, {})
  }

  #signed(account: number, signer: number, nonce: number, action: Action, terms: Terms): Uint8Array {
    const sender = accountKey(this.#signatures, account).publicKey
    const unsigned = buildTransaction({ chainId: this.#chainId, sender, nonce, action, ...terms })
    return encodeTransaction(signTransaction(unsigned, accountKey(this.#signatures, signer)))
  }
}
