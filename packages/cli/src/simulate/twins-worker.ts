/** A worker thread for twins: told a range of schedules, answers with its report. What one range has taught serves the next. */
import { parentPort, workerData } from 'node:worker_threads'
import { Twins, type TwinsOptions } from '@aethel/simulator'

/** Messages are kept for as long as the exploration that met them, with a body at some two kilobytes: then it begins anew. */
const MAX_MESSAGES_KEPT = 200_000

const setting = workerData as TwinsOptions
let twins = new Twins(setting)
parentPort?.on('message', ([from, to]: readonly [number, number]) => {
  if (twins.messages > MAX_MESSAGES_KEPT) twins = new Twins(setting)
  parentPort?.postMessage(twins.explore(from, to))
})
