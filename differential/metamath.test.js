/** The bounded part of `npm run differential -- metamath`. Without the reference program these tests say so and are skipped. */

import { checkDatabase } from '@aethel/proofs'
import { describe, expect, it } from 'vitest'
import { mutations } from './lib/proof-letters.js'
import { BY_HAND, bundledPart } from './lib/small-databases.js'
import { asBytes, compareDatabase, databases, isInstalled, mutateProofs, truncate, tryFiles } from './metamath.js'

const LIBRARY = new URL('../packages/proofs/library/propositional.mm', import.meta.url).pathname
/** set.mm takes the reference program longer than a test may; the command has it. */
const LARGE = /\/set\.mm$/
const without = isInstalled() ? '' : ' (skipped: apt-get install metamath metamath-databases)'

describe('the small databases', () => {
  it('are valid, and one that every checker can read', () => {
    expect(checkDatabase(asBytes(BY_HAND))).toMatchObject({ status: 'valid', theorems: 8 })
    expect(checkDatabase(asBytes(bundledPart(6)))).toMatchObject({ status: 'valid', theorems: 6 })
  })

  it('every change of one symbol: 26 letters, one left out, one doubled', () => {
    expect(mutations('AB').length).toBe(2 * 27 + 2 * 1 - 2)
  })
})

describe.skipIf(without !== '')(`agreement with the program metamath${without}`, () => {
  it.each(databases().filter((path) => !LARGE.test(path)))('on %s', (path) => {
    expect(compareDatabase(path)).toMatchObject({ here: true, there: true })
  })

  it('on prefixes and spoilt copies of small databases nothing is accepted here that it refuses', () => {
    for (const report of Object.values(tryFiles({ prefixStep: 37, spoilt: 40, seed: 7 }))) {
      expect(report.tried).toBeGreaterThan(25)
      expect(report.bothRefuse).toBeGreaterThan(15)
      expect(report.falsehoods).toEqual([])
    }
  })

  it('on proofs with one symbol changed: as a file, on the ledger and there, but for ZZ, which only it reads', () => {
    const report = mutateProofs(LIBRARY, 8, 150)
    expect(report.disagreements).toEqual([])
    expect(report.tried).toBeGreaterThan(800)
    expect(Object.keys(report.stricter).filter((code) => code !== 'proof-syntax')).toEqual([])
  })

  it('cut anywhere, a library, its proofs, claims and certificates: what passes here passes there, and no claim or certificate passes', () => {
    const { file, proofs, ledger } = truncate(LIBRARY, { fileStep: 379, theorems: 12 })
    expect(file.tried).toBe(100)
    expect(file.falsehoods).toEqual([])
    expect(proofs.tried).toBeGreaterThan(200)
    expect(proofs.disagreements).toEqual([])
    expect(ledger.tried).toBeGreaterThan(1_000)
    expect(ledger.accepted).toEqual([])
  })
})
