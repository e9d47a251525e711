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

/** `bytes` should lie in shared memory, else each thread gets a copy. */
export async function checkDatabaseInParallel(
  bytes: Uint8Array,
  jobs: number,
  options: Pick<DatabaseCheckOptions, 'gasPerProof' | 'memoryWordsPerProof' | 'onProgress'> = {},
): Promise<DatabaseVerdict> {
  const limits = proofLimits(options)
  const shared = ChunkQueue.create()
  const workers = Array.from({ length: jobs - 1 }, () => startWorker({ bytes, limits, queue: shared }))
  try {
    const tell = (input: WorkerInput): void => {
      for (const { worker } of workers) worker.postMessage(input)
    }
    const parsed = parseInSlices(bytes, SLICE_THEOREMS, (slice) => tell({ slice }))
    if (!parsed.ok) return { status: 'invalid', ...parsed.error, theorems: 0, gas: METAMATH_GAS.byte * bytes.length }
    const total = parsed.value.theorems.length
    tell({ theorems: total })
    const queue = new ChunkQueue(shared)
    const check = chunkChecker(parsed.value, limits)
    queue.work(total, total, check, () => options.onProgress?.(Math.min(queue.begun, total), total))
    const others = await Promise.all(workers.map(({ results }) => results))
    return concludeChunks(bytes.length, total, inOrder([...queue.results, ...others.flat()]), check)
  } finally {
    await Promise.all(workers.map(({ worker }) => worker.terminate()))
  }
}

interface Running {
  readonly worker: Worker
  readonly results: Promise<WorkerOutput>
}

function startWorker(setup: WorkerSetup): Running {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: setup })
  const results = new Promise<WorkerOutput>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('a checking thread ended before its work did')))
  })
  // Awaited after reading; until then a failure must not count as unhandled.
  results.catch(() => undefined)
  return { worker, results }
}

function* inOrder(results: readonly ChunkResult[]): Generator<ChunkResult['verdict']> {
  const sorted = results.toSorted((a, b) => a.chunk - b.chunk)
  for (const { verdict } of sorted) yield verdict
}
