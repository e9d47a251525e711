/** A worker thread: told a seed, answers with its summary. */
import { parentPort, workerData } from 'node:worker_threads'
import { prepare, runSeed, type SeedOptions } from './seed-run.js'

const options = workerData as SeedOptions
await prepare(options)
parentPort?.on('message', (seed: number) => parentPort?.postMessage(runSeed(seed, options)))
