import { describe, expect, it } from 'vitest'
import { type BeyondReport, runBeyond } from './beyond.js'

function complaint({ violation, command }: BeyondReport): string {
  return violation === undefined ? 'ok' : `${violation.invariant}: ${violation.message}\nreplay: ${command}\n${violation.situation}`
}

function seedsOf(validators: number, byzantine: number, first: number, last: number): BeyondReport[] {
  return Array.from({ length: last - first + 1 }, (_, at) => runBeyond({ seed: first + at, validators, byzantine }))
}

describe('more faulty validators than can be borne (docs/protocol.md §12)', () => {
  const reports = [...seedsOf(7, 3, 1, 16), ...seedsOf(4, 2, 1, 16)]

  it('every fork is proven from what honest validators hold: more than a third of the power, nobody honest', () => {
    for (const report of reports) {
      expect(complaint(report)).toBe('ok')
      expect([report.seed, report.culprits.length > 0]).toEqual([report.seed, report.forkedAt !== null])
    }
  })

  it('S13: forks do occur, of both kinds, and are seen by who has to halt', () => {
    const forked = reports.filter(({ forkedAt }) => forkedAt !== null)
    expect(forked.length).toBeGreaterThan(10)
    expect(forked.length).toBeLessThan(reports.length)
    const offences = new Set(forked.flatMap(({ culprits }) => culprits.map(({ offence }) => offence)))
    expect([...offences].sort()).toEqual(expect.arrayContaining(['forgotten-commit', 'two-votes']))
    expect(forked.filter(({ halted }) => halted > 0).length).toBeGreaterThan(10)
    expect(forked.filter(({ provenAlone }) => provenAlone > 0).length).toBeGreaterThan(10)
  })

  it('a third and more of the power away: nothing commits, and everything does when they are back', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const report = runBeyond({ seed, validators: 7, byzantine: 3, strategies: ['sleeper'] })
      expect(complaint(report)).toBe('ok')
      expect(report.blocksBeforeHealing).toBe(0)
      expect(report.blocks).toBeGreaterThan(0)
    }
  })

  it('whoever votes for everything: no invalid proof is accepted, fork or no fork', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const strategies = ['invalid-proposer', 'lazy', 'split'] as const
      expect(complaint(runBeyond({ seed, validators: 7, byzantine: 3, strategies }))).toBe('ok')
    }
  })

  it('a seed reproduces its run', () => {
    const [one, two] = [1, 2].map(() => runBeyond({ seed: 1, validators: 7, byzantine: 3 }))
    expect(one).toEqual(two)
  })
})
