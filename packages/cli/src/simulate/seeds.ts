/** Seed after seed, here or on worker threads, until the count, the time or the first violation. */
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
  onSummary(summary: SeedSummary): void
  /** Of a run here, on this thread. */
  readonly onProgress?: NonNullable<SimulationOptions['onProgress']>
}

function isOver(campaign: Campaign, next: number): boolean {
  if (next >= campaign.firstSeed + campaign.seeds) return true
  return campaign.untilMs !== null && Date.now() >= campaign.untilMs
}

/** The first violation, or null. */
export async function runSeeds(campaign: Campaign): Promise<SeedSummary | null> {
  if (campaign.jobs > 1) return runOnWorkers(campaign)
  for (let seed = campaign.firstSeed; !isOver(campaign, seed); seed++) {
    const summary = runSeed(seed, campaign.options, campaign.onProgress === undefined ? {} : { onProgress: campaign.onProgress })
    campaign.onSummary(summary)
    if (summary.violation !== undefined) return summary
  }
  return null
}

async function runOnWorkers(campaign: Campaign): Promise<SeedSummary | null> {
  let next = campaign.firstSeed
  let violated: SeedSummary | null = null
  const runOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: campaign.options })
      const feed = (): void => {
        if (violated === null && !isOver(campaign, next)) worker.postMessage(next++)
        else worker.terminate().then(() => resolve(), reject)
      }
      worker.on('error', reject)
      worker.on('message', (summary: SeedSummary) => {
        campaign.onSummary(summary)
        if (summary.violation !== undefined && (violated === null || summary.seed < violated.seed)) violated = summary
        feed()
      })
      feed()
    })
  await Promise.all(Array.from({ length: campaign.jobs }, runOne))
  return violated
}
