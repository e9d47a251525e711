/** Seed after seed, on worker threads if there are several, until the count, the time or the first violation. */
import { Worker } from 'node:worker_threads'
import type { SimulationOptions } from '@aethel/simulator'
import { runSeed, type SeedOptions, type SeedSummary } from './seed-run.js'

export interface Campaign {
  readonly firstSeed: number
  readonly seeds: number
  /** Wall-clock time; null: until the seeds are done. */
  readonly untilMs: number | null
  readonly jobs: number
  readonly options: SeedOptions
  /** No seed after it, and the ones under way are given up. */
  readonly signal: AbortSignal
  onSummary(summary: SeedSummary): void
  /** Of a run here, on this thread. */
  readonly onProgress?: NonNullable<SimulationOptions['onProgress']>
}

function isOver(campaign: Campaign, next: number): boolean {
  if (next >= campaign.firstSeed + campaign.seeds) return true
  return campaign.untilMs !== null && Date.now() >= campaign.untilMs
}

/** The first violation, or null. Where there are several seeds, a signal ends the one under way with its thread. */
export async function runSeeds(campaign: Campaign): Promise<SeedSummary | null> {
  if (campaign.seeds > 1) return runOnWorkers(campaign)
  const watch = campaign.onProgress === undefined ? {} : { onProgress: campaign.onProgress }
  const summary = runSeed(campaign.firstSeed, campaign.options, watch)
  campaign.onSummary(summary)
  return summary.violation === undefined ? null : summary
}

async function runOnWorkers(campaign: Campaign): Promise<SeedSummary | null> {
  const { signal } = campaign
  let next = campaign.firstSeed
  let violated: SeedSummary | null = null
  const workers = Array.from(
    { length: campaign.jobs },
    () => new Worker(new URL('./worker.js', import.meta.url), { workerData: campaign.options }),
  )
  const stop = (): void => {
    for (const worker of workers) void worker.terminate()
  }
  const runOn = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const feed = (): void => {
        if (signal.aborted) return
        if (violated === null && !isOver(campaign, next)) worker.postMessage(next++)
        else void worker.terminate()
      }
      worker.on('error', reject)
      worker.on('exit', () => resolve())
      worker.on('message', (summary: SeedSummary) => {
        campaign.onSummary(summary)
        if (summary.violation !== undefined && (violated === null || summary.seed < violated.seed)) violated = summary
        feed()
      })
      feed()
    })
  signal.addEventListener('abort', stop)
  try {
    await Promise.all(workers.map(runOn))
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return violated
}
