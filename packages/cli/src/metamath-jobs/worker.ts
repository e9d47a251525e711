/** One thread of `check metamath --jobs N`: appends slices of a database as they come and checks chunks of its theorems. */
import { parentPort } from 'node:worker_threads'
import { DatabaseMirror, type DatabaseSlice, type ProofLimits } from '@aethel/proofs'
import { ChunkQueue, type ChunkResult } from './queue.js'

export interface WorkerSetup {
  readonly bytes: Uint8Array
  readonly limits: ProofLimits
  readonly queue: SharedArrayBuffer
}

/** The beginning of a database; a slice of it; or how many theorems there are in all, after the last slice. */
export type WorkerInput = { readonly setup: WorkerSetup } | { readonly slice: DatabaseSlice } | { readonly theorems: number }

export type WorkerOutput = readonly ChunkResult[]

interface Work {
  readonly mirror: DatabaseMirror
  readonly queue: ChunkQueue
}

let work: Work | null = null

parentPort?.on('message', (input: WorkerInput) => {
  if ('setup' in input) {
    const { bytes, limits, queue } = input.setup
    work = { mirror: new DatabaseMirror(bytes, limits), queue: new ChunkQueue(queue) }
    return
  }
  if (work === null) return
  const { mirror, queue } = work
  if ('slice' in input) mirror.append(input.slice)
  const total = 'theorems' in input ? input.theorems : null
  queue.work(mirror.theorems, total, (first, last) => mirror.check(first, last))
  if (total === null) return
  work = null
  parentPort?.postMessage(queue.results satisfies WorkerOutput)
})
