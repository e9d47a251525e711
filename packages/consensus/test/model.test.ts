/** The code does what the model does (spec/pbft.qnt): recorded traces of the sound instances, replayed step by step. */
import { readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { replay, type Trace } from './model-replay.js'

/** `npm run model -- --replay N` sets it to a file of fresh traces. */
const fresh = process.env['AETHEL_MODEL_TRACES']

function readTraces(): Trace[] {
  const bytes =
    fresh === undefined ? brotliDecompressSync(readFileSync(new URL('./model-traces.ndjson.br', import.meta.url))) : readFileSync(fresh)
  return bytes
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Trace)
}

describe('traces of the model', () => {
  const traces = readTraces()

  it('lead every replica of the code where they lead the model, message for message', () => {
    const differences = traces.flatMap((trace, position) => {
      const difference = replay(trace)
      return difference === null ? [] : [`trace ${position}: ${difference}`]
    })
    expect(differences.slice(0, 3)).toEqual([])
  }, 600_000)

  it.runIf(fresh === undefined)('are at least a thousand, of both sizes, and reach view changes, re-proposals and restarts', () => {
    expect(new Set(traces.map((trace) => JSON.stringify(trace))).size).toBeGreaterThanOrEqual(1000)
    expect(new Set(traces.map((trace) => trace.validators))).toEqual(new Set([4, 6]))
    const count = (found: (trace: Trace) => boolean): number => traces.filter(found).length
    expect(count((t) => t.steps.some((s) => s.sent.newViews?.some((text) => text.includes('P')) ?? false))).toBeGreaterThan(100)
    expect(count((t) => t.steps.some((s) => s.what === 'LeaderEquivocated'))).toBeGreaterThan(100)
    expect(count((t) => t.steps.some((s) => s.what === 'NewViewReceived' && s.from.length > 0))).toBeGreaterThan(100)
    expect(count((t) => t.steps.some((s) => s.what === 'Restarted'))).toBeGreaterThan(100)
  })
})
