/**
 * How long blobs are kept (protocol.md §9): those of final transactions for so many blocks and within so many bytes, the oldest leaving
 * first; never one that something not yet final still needs. Claims, verdicts and hashes are in the chain and stay.
 */
import type { Height } from '@aethel/codec'
import { type BlobRef, blobKey } from '@aethel/consensus'

export interface KeepOptions {
  /** After the block that made its transaction final; null: for ever. */
  readonly keepBlocks: number | null
  /** Of blobs of final transactions, together; null: without bound. */
  readonly keepBytes: number | null
}

export interface KeptBlob extends BlobRef {
  readonly height: Height
}

export class BlobKeep {
  readonly #options: KeepOptions
  /** Ascending by height. */
  readonly #final = new Map<string, KeptBlob>()
  #bytes = 0

  constructor(options: KeepOptions, final: readonly KeptBlob[]) {
    this.#options = options
    for (const blob of [...final].sort((a, b) => a.height - b.height)) this.onFinal(blob, blob.height)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `key` is `blobKey(blob)`. */
  has(key: string): boolean {
    return this.#final.has(key)
  }

  /** The same bytes may prove several claims: the newest counts. */
  onFinal({ root, bytes }: BlobRef, height: Height): void {
    const key = blobKey({ root, bytes })
    if (!this.#final.delete(key)) this.#bytes += bytes
    this.#final.set(key, { root, bytes, height })
  }

  /** What goes now that the chain has come to this height. */
  due(tip: Height, isNeeded: (key: string) => boolean): BlobRef[] {
    const { keepBlocks, keepBytes } = this.#options
    const due: BlobRef[] = []
    for (const [key, { root, bytes, height }] of this.#final) {
      const isOld = keepBlocks !== null && height + keepBlocks <= tip
      const isTooMuch = keepBytes !== null && this.#bytes > keepBytes
      if (!isOld && !isTooMuch) break
      if (isNeeded(key)) continue
      this.#final.delete(key)
      this.#bytes -= bytes
      due.push({ root, bytes })
    }
    return due
  }
}
