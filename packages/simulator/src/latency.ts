/** How far validators are from each other: one way, in milliseconds, by region. Validator i lives in region i mod R. */
import { ok, type Refusal, type Result, refuse } from '@aethel/codec'

export interface LatencyMatrix {
  readonly name: string
  readonly regions: readonly string[]
  /** Row: from; column: to. */
  readonly oneWayMs: readonly (readonly number[])[]
}

export const LAN: LatencyMatrix = { name: 'lan', regions: ['rack'], oneWayMs: [[0.2]] }

/** Five regions of a public cloud, in round figures: half of round trips of 70 to 300 ms between continents. */
export const WAN: LatencyMatrix = {
  name: 'wan',
  regions: ['us-east', 'us-west', 'europe', 'asia', 'south-america'],
  oneWayMs: [
    [0.5, 33, 42, 85, 58],
    [33, 0.5, 70, 55, 88],
    [42, 70, 0.5, 110, 95],
    [85, 55, 110, 0.5, 150],
    [58, 88, 95, 150, 0.5],
  ],
}

/** Further than any place on Earth from any other. */
const MAX_ONE_WAY_MS = 10_000

/** From `{"regions": [...], "oneWayMs": [[...]]}`. */
export function parseLatency(name: string, value: unknown): Result<LatencyMatrix, Refusal> {
  const shape = 'expected {"regions": ["a", ...], "oneWayMs": [[0.5, ...], ...]} with one row and one column per region'
  if (typeof value !== 'object' || value === null || !('regions' in value) || !('oneWayMs' in value)) return refuse('latency', shape)
  const { regions, oneWayMs } = value
  if (!Array.isArray(regions) || regions.length === 0 || !regions.every((region) => typeof region === 'string'))
    return refuse('latency', shape)
  if (!Array.isArray(oneWayMs) || oneWayMs.length !== regions.length) return refuse('latency', shape)
  for (const row of oneWayMs) {
    if (!Array.isArray(row) || row.length !== regions.length) return refuse('latency', shape)
    for (const each of row) {
      if (typeof each !== 'number' || !(each >= 0 && each <= MAX_ONE_WAY_MS)) {
        return refuse('latency', `expected delays of 0..${MAX_ONE_WAY_MS} ms, got ${String(each)}`)
      }
    }
  }
  return ok({ name, regions, oneWayMs })
}
