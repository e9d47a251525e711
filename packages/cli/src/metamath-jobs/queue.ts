/**
 * Chunks of theorems for several threads. Who has time claims the next number from a counter in shared memory; a chunk that has
 * not been read yet is kept until it has. Chunks behind one that was refused are skipped: they cannot change the verdict.
 */
import type { ChunkVerdict } from '@aethel/proofs'

/** About ten milliseconds of work. */
const CHUNK_THEOREMS = 256

const NEXT = 0
/** One more than the lowest chunk with a refusal; 0: none so far. */
const REFUSED = 1

export interface ChunkResult {
  readonly chunk: number
  readonly verdict: ChunkVerdict
}

export class ChunkQueue {
  readonly results: ChunkResult[] = []
  readonly #shared: Int32Array
  #claimed: number | null = null

  static create(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)
  }

  constructor(shared: SharedArrayBuffer) {
    this.#shared = new Int32Array(shared)
  }

  /** Chunks that somebody has begun, for showing progress. */
  get begun(): number {
    return Atomics.load(this.#shared, NEXT) * CHUNK_THEOREMS
  }

  /** Checks as long as there is something to claim among the first `available` theorems; `total` is null while unknown. */
  work(available: number, total: number | null, check: (first: number, last: number) => ChunkVerdict, onChunk?: () => void): void {
    for (;;) {
      this.#claimed ??= Atomics.add(this.#shared, NEXT, 1)
      const chunk = this.#claimed
      const first = chunk * CHUNK_THEOREMS
      const last = Math.min(first + CHUNK_THEOREMS, total ?? Number.MAX_SAFE_INTEGER)
      if (last > available || first >= last) return
      this.#claimed = null
      const refused = Atomics.load(this.#shared, REFUSED)
      if (refused !== 0 && chunk >= refused) continue
      const verdict = check(first, last)
      this.results.push({ chunk, verdict })
      if (verdict.refusal !== null) this.#tellRefused(chunk + 1)
      onChunk?.()
    }
  }

  #tellRefused(at: number): void {
    for (;;) {
      const known = Atomics.load(this.#shared, REFUSED)
      if (known !== 0 && known <= at) return
      if (Atomics.compareExchange(this.#shared, REFUSED, known, at) === known) return
    }
  }
}
