/** Receipts of what is final: made of a committed block and its certificate, and checked by the light client from genesis on. */
import { type Hash, keyOf } from '@aethel/codec'
import type { Block, Certificate, EpochLink, ValidatorSet, VerifyAggregate, VerifySignature } from '@aethel/consensus'
import type { LedgerState } from '@aethel/ledger'
import { createReceipt, type TrustRoot, verifyReceipt } from '@aethel/receipts'
import type { Coverage } from '../coverage.js'
import { demand } from '../violation.js'

export interface ReceiptCheckOptions {
  readonly trust: TrustRoot
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
  /** Of an epoch that has begun. */
  validatorsOf(epoch: number): ValidatorSet
  readonly coverage: Coverage
}

export class ReceiptChecks {
  readonly #options: ReceiptCheckOptions
  readonly #links: EpochLink[] = []

  constructor(options: ReceiptCheckOptions) {
    this.#options = options
  }

  /** The last block of an epoch, with a certificate of its own. */
  link({ header }: Block, certificate: Certificate): void {
    const nextValidators = this.#options.validatorsOf(header.epoch + 1).validators
    this.#links.push({ header, certificate, nextValidators })
  }

  /** `claim` is final in `state`, which the block leads to. */
  check({ header }: Block, certificate: Certificate, state: LedgerState, claim: { readonly id: Hash; readonly bytes: Uint8Array }): void {
    const { trust, verifySignature, verifyAggregate, coverage } = this.#options
    if (certificate.height !== header.height || this.#links.length < header.epoch) return
    const receipt = createReceipt({ header, certificate, state, claimId: claim.id, claim: claim.bytes })
    demand('receipt', receipt.ok, () => `no receipt of a claim of height ${header.height}: ${receipt.ok ? '' : receipt.error.message}`)
    const epochs = trust.epochLength === 0 ? {} : { epochs: this.#links }
    const checked = verifyReceipt(receipt.value, {
      trust,
      verifySignature,
      ...(verifyAggregate === undefined ? {} : { verifyAggregate }),
      policy: { claimId: claim.id },
      ...epochs,
    })
    const why = checked.ok ? '' : `${checked.error.code}, ${checked.error.message}`
    demand('receipt', checked.ok, () => `the receipt of a claim of height ${header.height} does not hold: ${why}`)
    demand('receipt', keyOf(checked.value.claim) === keyOf(claim.bytes), () => `a receipt of height ${header.height} is of another claim`)
    coverage.hit('ledger: receipt checked')
  }
}
