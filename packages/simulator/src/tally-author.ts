/** What clients write on the tally machine: plain transactions, such with work, and such whose work comes as a blob. */
import type { Author } from './application.js'
import type { Random } from './random.js'
import { encodeTally, TALLY_ACCOUNTS, type WorkKind } from './tally-machine.js'

const CLIENTS = 4
/** On chains with blobs. */
const BLOB_RATE = 0.4

export interface TallyAuthorOptions {
  /** The clients' own: what they write and when they send it is one stream. */
  readonly random: Random
  /** Null: no proofs travel as blobs. Of a stream of its own: without blobs runs stay what they were. */
  readonly blobs: Random | null
}

export class TallyAuthor implements Author {
  readonly clients: number = Math.min(TALLY_ACCOUNTS, CLIENTS)
  readonly #random: Random
  readonly #blobs: Random | null

  constructor({ random, blobs }: TallyAuthorOptions) {
    this.#random = random
    this.#blobs = blobs
  }

  write(account: number, nonce: number): Uint8Array {
    const workKind: WorkKind = this.#random.chance(0.5) ? 'valid' : 'none'
    return this.#asBlob(account, nonce, true) ?? encodeTally(account, nonce, workKind, this.#random.below(1 << 20))
  }

  writeFalse(account: number, nonce: number): Uint8Array {
    return this.#asBlob(account, nonce, false) ?? encodeTally(account, nonce, 'invalid', this.#random.below(1 << 20))
  }

  /** Now and then the proof comes as a blob; undefined: not this time. */
  #asBlob(account: number, nonce: number, isTrue: boolean): Uint8Array | undefined {
    if (this.#blobs?.chance(BLOB_RATE) !== true) return undefined
    const salt = 8 * this.#blobs.below(1 << 16) + (isTrue ? 1 + this.#blobs.below(7) : 0)
    return encodeTally(account, nonce, 'blob', salt)
  }

  onFinal(): void {}

  isOutdone(): boolean {
    return false
  }
}
