/**
 * The records that wait to be written: one LevelDB batch, begun with the first of them. It is written whole or not at all; until then
 * nobody sees anything of it. Each value gets its seal here.
 */
import type { Batch, Level } from './level.js'
import { sealed, sealOf } from './seal.js'

/** Where records are put that must be on disk together. */
export interface RecordSink {
  /** Returns the seal. Key and value may be changed afterwards. */
  put(key: Uint8Array, value: Uint8Array): Uint8Array
  delete(key: Uint8Array): void
}

/** Most records are shorter; longer ones get memory of their own. */
const JOINED_BYTES = 4096

export class SealedBatch implements RecordSink {
  readonly #level: Level
  #batch: Batch | null = null
  /** Values and their seals are joined here; the batch copies them. */
  readonly #joined = new Uint8Array(JOINED_BYTES)

  constructor(level: Level) {
    this.#level = level
  }

  put(key: Uint8Array, value: Uint8Array): Uint8Array {
    const seal = sealOf(key, value)
    const length = value.length + seal.length
    if (length > this.#joined.length) {
      this.#open.put(key, sealed(value, seal))
      return seal
    }
    this.#joined.set(value)
    this.#joined.set(seal, value.length)
    this.#open.put(key, this.#joined.subarray(0, length))
    return seal
  }

  delete(key: Uint8Array): void {
    this.#open.del(key)
  }

  /** What was put since the last time, to be written or dropped; null: nothing. */
  take(): Batch | null {
    const batch = this.#batch
    this.#batch = null
    return batch
  }

  get #open(): Batch {
    this.#batch ??= this.#level.batch()
    return this.#batch
  }
}
