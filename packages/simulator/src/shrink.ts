/**
 * From a failing run to a short one: records which decisions were taken (fates.ts), and leaves out as many as it can while
 * the same invariant still breaks (delta debugging: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input").
 */
import type { Decision } from './fates.js'
import { runSimulation, type SimulationOptions, type SimulationReport } from './simulate.js'

export interface Shrunk {
  /** In order of time; they alone break the invariant. */
  readonly decisions: readonly Decision[]
  readonly before: number
  readonly runs: number
  readonly report: SimulationReport
}

/** Delays that vary count as one decision, which goes like any other. */
const JITTER: Decision = { id: 'jitter', kind: 'jitter', atMs: 0 }

/** Null if the run breaks nothing. `maxRuns` bounds the work; what is left then is short, perhaps not shortest. */
export function shrink(
  options: SimulationOptions,
  maxRuns: number,
  onRun: (runs: number, left: number) => void = () => undefined,
): Shrunk | null {
  const recorded: Decision[] = [JITTER]
  const first = runSimulation({ ...options, onDecision: (decision) => recorded.push(decision) })
  const name = first.violation?.invariant
  if (name === undefined) return null
  let kept: readonly Decision[] = recorded
  let report = first
  let runs = 1
  const fails = (candidate: readonly Decision[]): boolean => {
    if (runs >= maxRuns) return false
    runs++
    const result = runSimulation({ ...options, only: new Set(candidate.map(({ id }) => id)) })
    if (result.violation?.invariant !== name) return false
    kept = candidate
    report = result
    onRun(runs, kept.length)
    return true
  }
  for (const kind of new Set(recorded.map((decision) => decision.kind))) fails(kept.filter((decision) => decision.kind !== kind))
  for (let parts = 2; kept.length > 1 && runs < maxRuns; ) {
    const size = Math.ceil(kept.length / parts)
    const all = kept
    let smaller = false
    for (let from = 0; from < all.length && !smaller; from += size) smaller = fails([...all.slice(0, from), ...all.slice(from + size)])
    if (smaller) parts = Math.max(2, parts - 1)
    else if (size === 1) break
    else parts = Math.min(all.length, parts * 2)
  }
  return { decisions: kept, before: recorded.length, runs, report }
}
