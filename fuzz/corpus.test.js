import { readdirSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readCorpus } from './lib/corpus.js'
import { examine } from './lib/properties.js'
import { TARGETS } from './targets/index.js'

const FOLDER = new URL('corpus/', import.meta.url)
/** Time is not judged here: other tests run beside. */
const UNHURRIED_MS = 60_000

describe('every input kept by the fuzzer, and every seed', () => {
  it.each(TARGETS)('$name: breaks no property', (target) => {
    const inputs = [...target.seeds(), ...readCorpus(target.name)]
    expect(inputs.length).toBeGreaterThan(0)
    for (const input of inputs) expect(examine({ ...target, slowMs: UNHURRIED_MS }, input), Buffer.from(input).toString('hex')).toBeNull()
  })

  it.each(TARGETS)('$name: some seed is accepted, so that what follows the decoder is reached', (target) => {
    expect(target.seeds().some((input) => target.decode(input).ok)).toBe(true)
  })

  it('belongs to a target, and all of them stay below 300 kB', () => {
    const folders = readdirSync(FOLDER)
    expect(folders.filter((folder) => !TARGETS.some(({ name }) => name === folder))).toEqual([])
    const bytes = folders.flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, FOLDER)).map((name) => statSync(new URL(`${folder}/${name}`, FOLDER)).size),
    )
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(300_000)
  })
})
