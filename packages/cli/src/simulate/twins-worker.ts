/** A worker thread for twins: told a range of schedules, answers with its report. */
import { parentPort, workerData } from 'node:worker_threads'
import { Twins, type TwinsOptions } from '@aethel/simulator'

const setting = workerData as TwinsOptions
parentPort?.on('message', ([from, to]: readonly [number, number]) => parentPort?.postMessage(new Twins(setting).explore(from, to)))
