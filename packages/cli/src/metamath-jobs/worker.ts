/** One thread of `check metamath --jobs N`: appends slices of the database as they come and checks chunks of its theorems. */
import { parentPort, workerData } from 'node:worker_threads'
import { DatabaseMirror, type DatabaseSlice, type ProofLimits } from '@aethel/proofs'
import { ChunkQueue, type ChunkResult } from './queue.js'

export interface WorkerSetup {
  readonly bytes: Uint8Array
  readonly limits: ProofLimits
  readonly queue: SharedArrayBuffer
}

/** A slice; or how many theorems there are in all, after the last slice. */
export type WorkerInput = { readonly slice: DatabaseSlice } | { readonly theorems: number }

export type WorkerOutput = readonly ChunkResult[]

const setup = workerData as WorkerSetup
const mirror = new DatabaseMirror(setup.bytes, setup.limits)
const queue = new ChunkQueue(setup.queue)

parentPort?.on('message', (input: WorkerInput) => {
  if ('slice' in input) mirror.append(input.slice)
  const total = 'theorems' in input ? input.theorems : null
  queue.work(mirror.theorems, total, (first, last) => mirror.check(first, last))
  if (total !== null) parentPort?.postMessage(queue.results satisfies WorkerOutput)
})
