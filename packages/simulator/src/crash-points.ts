/** A crash at every effect boundary of a reference run: for each validator and each boundary, the seed again with a crash exactly there. */
import type { CrashPoint } from './crashes.js'
import { runSimulation, type SimulationOptions, type SimulationReport } from './simulate.js'

/** Every nth point of the reference run; 1 is all of them. */
export function crashPointsOf(reference: SimulationReport, every = 1): CrashPoint[] {
  const points: CrashPoint[] = []
  for (const [node, boundaries] of reference.boundaries.entries()) {
    for (let boundary = 1 + ((node * 7) % every); boundary <= boundaries; boundary += every) points.push({ node, boundary })
  }
  return points
}

export function runWithCrash(options: SimulationOptions, crashAt: CrashPoint): SimulationReport {
  return runSimulation({ ...options, crashAt })
}
