/** Blocks of schedules of twins, on worker threads, until all are done or one breaks an invariant. */
import { Worker } from 'node:worker_threads'
import type { TwinsOptions, TwinsReport } from '@aethel/simulator'

export interface TwinsBlocks {
  readonly setting: TwinsOptions
  readonly from: number
  readonly to: number
  /** Schedules of a block: the states of one fit into memory. */
  readonly size: number
  readonly jobs: number
  /** No block after it, and the ones under way are given up. */
  readonly signal: AbortSignal
  /** `doneTo`: every schedule before it is done. */
  onReport(report: TwinsReport, doneTo: number): void
}

/** States of a view live a little longer than V8 expects of what is new: with room for them, collecting takes a third of the time. */
const YOUNG_MB = 128
/** What a block of schedules and the outcomes and messages remembered take at most, with room to spare. */
const OLD_MB = 6_144

type Range = readonly [from: number, to: number]

function* rangesOf({ from, to, size }: TwinsBlocks): Generator<Range> {
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / size) + 1) * size)
    yield [at, end]
    at = end
  }
}

/** The first violation met, or undefined. */
export async function exploreBlocks(blocks: TwinsBlocks): Promise<TwinsReport['violation']> {
  const ranges = rangesOf(blocks)
  const open = new Set<number>()
  let violation: TwinsReport['violation']
  let given = blocks.from
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./twins-worker.js', import.meta.url), {
        workerData: blocks.setting,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB, maxOldGenerationSizeMb: OLD_MB },
      })
      let current = 0
      const stop = (): void => void worker.terminate()
      blocks.signal.addEventListener('abort', stop)
      worker.on('exit', () => {
        blocks.signal.removeEventListener('abort', stop)
        resolve()
      })
      const feed = (): void => {
        if (blocks.signal.aborted) return
        const next = violation === undefined ? ranges.next() : { done: true as const, value: undefined }
        if (next.done === true) {
          stop()
          return
        }
        current = next.value[0]
        open.add(current)
        given = next.value[1]
        worker.postMessage(next.value)
      }
      worker.on('error', reject)
      worker.on('message', (report: TwinsReport) => {
        open.delete(current)
        violation ??= report.violation
        blocks.onReport(report, Math.min(given, ...open))
        feed()
      })
      feed()
    })
  await Promise.all(Array.from({ length: blocks.jobs }, work))
  return violation
}
