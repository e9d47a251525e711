/** The command that a report prints must replay the very run: a scale run with sampled signatures once said `--signatures real`. */
import { describe, expect, it } from 'vitest'
import { createRealSignatures, createSampledSignatures, runSimulation, type SignatureScheme } from './index.js'

describe('the replay command', () => {
  it('names the signatures and the load of the run', () => {
    const commandWith = (signatures?: SignatureScheme): string =>
      runSimulation({ seed: 5, byzantine: 0, durationMs: 500, thinkMs: 4_000, ...(signatures === undefined ? {} : { signatures }) }).command
    const common = 'npx aethel simulate --seed 5 --validators 4 --byzantine 0 --duration 0.5 --think 4000'
    expect(commandWith()).toBe(common)
    expect(commandWith(createSampledSignatures())).toBe(`${common} --signatures sampled`)
    expect(commandWith(createRealSignatures())).toBe(`${common} --signatures real`)
  })
})
