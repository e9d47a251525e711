/** A worker thread: told a seed, answers with its summary. */
import { parentPort, workerData } from 'node:worker_threads'
import { runSeed, type SeedOptions } from './seed-run.js'

const options = workerData as SeedOptions
parentPort?.on('message', (seed: number) => parentPort?.postMessage(runSeed(seed, options)))
