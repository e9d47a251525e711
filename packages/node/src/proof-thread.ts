/**
 * One thread of the pool, as the main thread sees it. A few words of shared memory say what it is at while it cannot be asked: which batch,
 * which proof of it; and tell it to stop early.
 */
import { Worker } from 'node:worker_threads'
import type { VerificationOutcome } from '@aethel/replica'
import { SHARED } from './proof-batch.js'
import type { WorkerMessage, WorkerSetup } from './proof-worker.js'

const WORKER_HEAP_MB = 512

/** Proofs in a batch, at most: for telling one place from another. */
const PLACES_PER_BATCH = 4_096

export interface ThreadHandlers {
  onReady(): void
  /** Of a batch, in order; fewer than it had if it was told to hurry. */
  onOutcomes(outcomes: readonly VerificationOutcome[]): void
  /** Once; never after `end`. */
  onLost(reason: string): void
}

export class ProofThread {
  readonly #worker: Worker
  readonly #shared: Int32Array
  #answered: number
  #ready = false
  #ended = false

  /** `begun`: for tests, how many batches count as begun and answered. */
  constructor(setup: WorkerSetup, handlers: ThreadHandlers, begun = 0) {
    const memory = new SharedArrayBuffer(SHARED.words * Int32Array.BYTES_PER_ELEMENT)
    this.#shared = new Int32Array(memory)
    this.#shared[SHARED.batch] = begun
    this.#answered = begun
    this.#worker = new Worker(new URL('./proof-worker.js', import.meta.url), {
      workerData: { setup, shared: memory },
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    })
    this.#worker.on('message', (message: WorkerMessage) => {
      if (message === 'ready') {
        this.#ready = true
        return handlers.onReady()
      }
      this.#answered++
      handlers.onOutcomes(message)
    })
    const lost = (reason: string): void => {
      if (!this.#ended) handlers.onLost(reason)
    }
    this.#worker.on('error', (error) => lost(error.message))
    this.#worker.on('exit', (code) => lost(`exit code ${code}`))
  }

  /** It has loaded what it needs; until then it gets no work, so starting slowly is never taken for hanging. */
  get ready(): boolean {
    return this.#ready && !this.#ended
  }

  /** What it is at, among the batches not answered yet, oldest first; null: it has begun none of them. */
  get at(): { readonly batch: number; readonly job: number } | null {
    const batch = (Atomics.load(this.#shared, SHARED.batch) - 1 - this.#answered) | 0 // the word wraps after 2^31 batches: weeks of a busy thread
    return batch < 0 ? null : { batch, job: Atomics.load(this.#shared, SHARED.job) }
  }

  /** A number that changes with every proof begun. */
  get place(): number {
    return Atomics.load(this.#shared, SHARED.batch) * PLACES_PER_BATCH + Atomics.load(this.#shared, SHARED.job)
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#worker.postMessage(bytes, [bytes.buffer])
  }

  /** Whether a batch of the mempool's may go on to its next proof. */
  hurry(now: boolean): void {
    Atomics.store(this.#shared, SHARED.hurry, now ? 1 : 0)
  }

  /** Kills it. */
  async end(): Promise<void> {
    this.#ended = true
    this.#worker.removeAllListeners()
    this.#worker.on('error', () => undefined)
    await this.#worker.terminate()
  }
}
