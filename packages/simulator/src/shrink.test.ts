import { describe, expect, it } from 'vitest'
import { crashPointsOf, runWithCrash } from './crash-points.js'
import { parseLatency, WAN } from './latency.js'
import { shrink } from './shrink.js'
import { runSimulation, type SimulationOptions } from './simulate.js'

/** Two of four split what the others see: more than any protocol bears, so that there is something to find. */
const BEYOND: SimulationOptions = { seed: 1, validators: 4, byzantine: 2, strategies: ['split'] }

describe('shrinking', () => {
  it('leaves a short list of decisions that breaks the same invariant by itself, every time', () => {
    const violated = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => ({ ...BEYOND, seed })).find((options) => !runSimulation(options).ok)
    expect(violated).toBeDefined()
    const options = violated as SimulationOptions
    const shrunk = shrink(options, 120)
    expect(shrunk).not.toBeNull()
    if (shrunk === null) return
    expect(shrunk.decisions.length).toBeLessThan(shrunk.before)
    const only = new Set(shrunk.decisions.map(({ id }) => id))
    const invariant = runSimulation(options).violation?.invariant
    const again = runSimulation({ ...options, only })
    expect(again.violation?.invariant).toBe(invariant)
    expect(again.traceHash).toBe(shrunk.report.traceHash)
    expect(runSimulation({ ...options, only: new Set() }).violation?.invariant).not.toBe('agreement')
  })

  it('has nothing to say about a run that breaks nothing', () => {
    expect(shrink({ seed: 3, validators: 4, byzantine: 0 }, 10)).toBeNull()
  })

  it('all recorded decisions together are the run itself', () => {
    const ids: string[] = ['jitter']
    const options = { seed: 8, validators: 4, byzantine: 1 }
    const whole = runSimulation({ ...options, onDecision: ({ id }) => ids.push(id) })
    expect(ids.length).toBeGreaterThan(1)
    expect(runSimulation({ ...options, only: new Set(ids) }).traceHash).toBe(whole.traceHash)
    expect(runSimulation({ ...options, only: new Set() }).traceHash).not.toBe(whole.traceHash)
  })
})

describe('a crash at every effect boundary', () => {
  it('a sample of the boundaries of a run with view changes keeps every invariant', () => {
    const options: SimulationOptions = {
      seed: 5,
      validators: 4,
      byzantine: 1,
      strategies: ['equivocate'],
      knobs: { transactions: 6, faultMs: 600 },
    }
    const reference = runSimulation(options)
    expect(reference.ok).toBe(true)
    const points = crashPointsOf(reference, 16)
    expect(points.length).toBeGreaterThan(20)
    let crashed = 0
    for (const point of points) {
      const report = runWithCrash(options, point)
      expect(report.violation).toBeUndefined()
      for (const [cell] of report.coverage.cells) if (cell.startsWith('crash at a boundary')) crashed++
    }
    expect(crashed).toBeGreaterThanOrEqual(points.length)
  })

  it('the points together are all boundaries', () => {
    const reference = runSimulation({ seed: 6, validators: 4, byzantine: 0, knobs: { transactions: 3, faultMs: 100 } })
    expect(crashPointsOf(reference)).toHaveLength(reference.boundaries.reduce((sum, count) => sum + count, 0))
  })
})

describe('latency matrices', () => {
  it('distances between regions show in the latency of transactions', () => {
    const near = runSimulation({ seed: 2, validators: 4, byzantine: 0, faults: [], knobs: { latency: null } })
    const far = runSimulation({ seed: 2, validators: 4, byzantine: 0, faults: [], latency: WAN })
    const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
    expect(median(far.latenciesMs)).toBeGreaterThan(median(near.latenciesMs) + 50)
  })

  it('a matrix with a missing row or a negative delay is refused with what was expected', () => {
    expect(parseLatency('x', { regions: ['a', 'b'], oneWayMs: [[1, 2]] })).toMatchObject({ ok: false, error: { code: 'latency' } })
    expect(parseLatency('x', { regions: ['a'], oneWayMs: [[-1]] })).toMatchObject({ ok: false, error: { code: 'latency' } })
    expect(parseLatency('x', { regions: ['a'], oneWayMs: [[1]] })).toMatchObject({ ok: true })
  })
})
