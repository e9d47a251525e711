/**
 * What a simulated validator's disk has of blobs (protocol.md §9). Chunks are small here, so that a blob of many is cheap. A chunk counts
 * when it was written; a crash takes some of what was written since the last sealing; what was sealed stays.
 */
import { assert } from '@aethel/codec'
import { type BlobPart, type BlobRef, blobChunks, blobKey, blobTreeOf } from '@aethel/consensus'

export const SIMULATED_CHUNK_BYTES = 64

interface Shelved {
  readonly blob: BlobRef
  readonly chunks: Map<number, Uint8Array>
  sealed: boolean
}

export class BlobShelves {
  readonly #shelved = new Map<string, Shelved>()

  #at(blob: BlobRef): Shelved {
    const key = blobKey(blob)
    let shelved = this.#shelved.get(key)
    if (shelved === undefined) {
      shelved = { blob, chunks: new Map(), sealed: false }
      this.#shelved.set(key, shelved)
    }
    return shelved
  }

  write(blob: BlobRef, index: number, chunk: Uint8Array): void {
    this.#at(blob).chunks.set(index, chunk)
  }

  /** Chunks that are not here; none: it is sealed. */
  missing(blob: BlobRef): number[] {
    const shelved = this.#at(blob)
    const count = blobChunks(blob.bytes, SIMULATED_CHUNK_BYTES)
    const missing = Array.from({ length: count }, (_, index) => index).filter((index) => !shelved.chunks.has(index))
    shelved.sealed = missing.length === 0
    return missing
  }

  isWhole(blob: BlobRef): boolean {
    return this.#shelved.get(blobKey(blob))?.sealed === true
  }

  part(blob: BlobRef, index: number): BlobPart {
    const shelved = this.#shelved.get(blobKey(blob))
    const whole = this.whole(blob)
    assert(shelved !== undefined && whole !== null, 'only a blob that is whole is served')
    const chunk = shelved.chunks.get(index)
    assert(chunk !== undefined, `a whole blob has no chunk ${index}`)
    return { index, chunk, path: blobTreeOf(whole, SIMULATED_CHUNK_BYTES).path(index) }
  }

  /** Its bytes; null: it is not whole. */
  whole(blob: BlobRef): Uint8Array | null {
    const shelved = this.#shelved.get(blobKey(blob))
    if (shelved?.sealed !== true) return null
    const whole = new Uint8Array(blob.bytes)
    for (const [at, chunk] of shelved.chunks) whole.set(chunk, at * SIMULATED_CHUNK_BYTES)
    return whole
  }

  drop(blob: BlobRef): void {
    this.#shelved.delete(blobKey(blob))
  }

  /** Power fails: of blobs that were not sealed, every chunk may be lost. */
  crash(isLost: (nth: number) => boolean): void {
    let nth = 0
    for (const { chunks, sealed } of this.#shelved.values()) {
      if (sealed) continue
      for (const index of [...chunks.keys()]) if (isLost(nth++)) chunks.delete(index)
    }
  }

  clear(): void {
    this.#shelved.clear()
  }

  /** Whole ones, in the order they came. */
  get sealed(): BlobRef[] {
    return [...this.#shelved.values()].filter(({ sealed }) => sealed).map(({ blob }) => blob)
  }
}
