/**
 * A whole Metamath database checked on several threads, with the verdict, gas and message of one: this thread reads, the others
 * check what has been read so far, and when reading is done this one checks, too.
 */
import { Worker } from 'node:worker_threads'
import {
  chunkChecker,
  concludeChunks,
  type DatabaseCheckOptions,
  type DatabaseVerdict,
  METAMATH_GAS,
  parseInSlices,
  proofLimits,
} from '@aethel/proofs'
import { ChunkQueue, type ChunkResult } from './queue.js'
import type { WorkerInput, WorkerOutput, WorkerSetup } from './worker.js'

/** Theorems between two slices: a millisecond or two of reading. */
const SLICE_THEOREMS = 256

type Options = Pick<DatabaseCheckOptions, 'gasPerProof' | 'memoryWordsPerProof' | 'onProgress'>

/** One check. `bytes` should lie in shared memory, else each thread gets a copy. */
export async function checkDatabaseInParallel(bytes: Uint8Array, jobs: number, options: Options = {}): Promise<DatabaseVerdict> {
  const threads = new CheckingThreads(jobs)
  try {
    return await threads.check(bytes, options)
  } finally {
    await threads.close()
  }
}

/**
 * Threads that check one database after another: this one and `jobs - 1` more. They start at once, so whoever still has to read the
 * file starts them before; and what they have run their engine has compiled, so the second database is checked faster than
 * the first.
 */
export class CheckingThreads {
  readonly #threads: readonly Thread[]

  constructor(jobs: number) {
    this.#threads = Array.from({ length: jobs - 1 }, () => new Thread())
  }

  /** One at a time. `bytes` should lie in shared memory, else each thread gets a copy. */
  async check(bytes: Uint8Array, options: Options = {}): Promise<DatabaseVerdict> {
    const limits = proofLimits(options)
    const shared = ChunkQueue.create()
    const others = this.#threads.map((thread) => thread.begin({ bytes, limits, queue: shared }))
    const tell = (input: WorkerInput): void => {
      for (const thread of this.#threads) thread.tell(input)
    }
    const parsed = parseInSlices(bytes, SLICE_THEOREMS, (slice) => tell({ slice }))
    if (!parsed.ok) return { status: 'invalid', ...parsed.error, theorems: 0, gas: METAMATH_GAS.byte * bytes.length }
    const total = parsed.value.theorems.length
    tell({ theorems: total })
    const queue = new ChunkQueue(shared)
    const check = chunkChecker(parsed.value, limits)
    queue.work(total, total, check, () => options.onProgress?.(Math.min(queue.begun, total), total))
    const results = await Promise.all(others)
    return concludeChunks(bytes.length, total, inOrder([...queue.results, ...results.flat()]), check)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()))
  }
}

class Thread {
  readonly #worker = new Worker(new URL('./worker.js', import.meta.url))
  /** Rejects when the thread fails or ends. */
  readonly #lost: Promise<never>

  constructor() {
    this.#lost = new Promise((_, reject) => {
      this.#worker.once('error', reject)
      this.#worker.once('exit', () => reject(new Error('a checking thread ended before its work did')))
    })
    // Awaited with the results; until then a failure must not count as unhandled.
    this.#lost.catch(() => undefined)
  }

  /** Its results, when it has been told how many theorems there are. */
  begin(setup: WorkerSetup): Promise<WorkerOutput> {
    const output = new Promise<WorkerOutput>((resolve) => this.#worker.once('message', resolve))
    this.tell({ setup })
    const results = Promise.race([output, this.#lost])
    results.catch(() => undefined)
    return results
  }

  tell(input: WorkerInput): void {
    this.#worker.postMessage(input)
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}

function* inOrder(results: readonly ChunkResult[]): Generator<ChunkResult['verdict']> {
  const sorted = results.toSorted((a, b) => a.chunk - b.chunk)
  for (const { verdict } of sorted) yield verdict
}
