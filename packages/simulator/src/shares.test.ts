/** Chains of BLS certificates in whole runs: every invariant that holds on others, and validators whose shares prove nothing. */
import { blsSignature } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { runBeyond } from './beyond.js'
import { createIdealShares, createRealShares, type SimulatedShares } from './shares.js'
import { createIdealSignatures, createRealSignatures } from './signatures.js'
import { runSimulation, type SimulationOptions } from './simulate.js'

function failures(options: Omit<SimulationOptions, 'seed'>, seeds: readonly number[], create = createIdealShares): string[] {
  return seeds.flatMap((seed) => {
    const report = runSimulation({ ...options, seed, signatures: createIdealSignatures(create()) })
    return report.ok ? [] : [`${report.command}: ${report.violation?.invariant}, ${report.violation?.message}`]
  })
}

function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at)
}

const HOARDED = { validators: 7, byzantine: 2, strategies: ['hoarder'] } as const
const WHISPERED = { validators: 7, byzantine: 2, strategies: ['whisperer'] } as const
const SPOILT_SUMS = { validators: 13, byzantine: 4, strategies: ['bad-sums'] } as const
const LIARS = { validators: 13, byzantine: 4, strategies: ['bad-certificates', 'mangler', 'bad-shares', 'hoarder'] } as const

describe('a simulated chain of BLS certificates', () => {
  it.each([
    ['4 validators', { validators: 4, byzantine: 1 }, 30],
    ['7 validators', { validators: 7, byzantine: 2 }, 12],
    ['4 validators, one whose shares prove nothing', { validators: 4, byzantine: 1, strategies: ['bad-shares'] }, 30],
    ['7 validators, two whose shares prove nothing', { validators: 7, byzantine: 2, strategies: ['bad-shares'] }, 12],
    ['4 validators, votes collected', { validators: 4, byzantine: 1, dissemination: 'collectors' }, 15],
    ['7 validators, votes collected', { validators: 7, byzantine: 2, dissemination: 'collectors' }, 6],
    ['7 validators, two that keep to themselves what they collect', { ...HOARDED, dissemination: 'collectors' }, 6],
    ['7 validators, two that tell certificates to other collectors alone', { ...WHISPERED, dissemination: 'collectors' }, 6],
    ['7 validators in a tree, two that pass nothing on', { ...HOARDED, dissemination: 'tree' }, 6],
    ['13 validators in a tree, four that send false sums, or none', { ...SPOILT_SUMS, dissemination: 'tree' }, 6],
    ['13 validators in a tree, four that lie about certificates', { ...LIARS, dissemination: 'tree' }, 3],
  ] as const)('F2, A8: %s: keeps every invariant and settles in time', (_, options, count) => {
    expect(failures(options, seedsFrom(1, count))).toEqual([])
  })

  it('collected, a block of a hundred validators costs some twenty messages for each of them, where a mesh costs two hundred', () => {
    const each = (dissemination: 'mesh' | 'collectors' | 'tree'): number => {
      const signatures = createIdealSignatures(createIdealShares())
      const report = runSimulation({ seed: 1, validators: 100, byzantine: 0, faults: [], blocks: 4, signatures, dissemination })
      expect(report.violation).toBeUndefined()
      return report.messages / report.blocks / 100
    }
    expect(each('mesh')).toBeGreaterThan(150)
    expect(each('collectors')).toBeLessThan(30)
    expect(each('tree')).toBeLessThan(30)
  })

  it('shares that prove nothing are told apart, by honest validators, and no vote is lost by them', () => {
    const report = runSimulation({
      seed: 3,
      validators: 4,
      byzantine: 1,
      strategies: ['bad-shares'],
      faults: [],
      signatures: createIdealSignatures(createIdealShares()),
    })
    const seen = [...report.coverage.cells].filter(([cell]) => cell.includes('bad-share')).reduce((sum, [, count]) => sum + count, 0)
    expect(report.ok && seen).toBeGreaterThan(0)
  })

  it('sums that prove nothing are told apart, once for each who makes them up, and no vote is lost by them', () => {
    const signatures = createIdealSignatures(createIdealShares())
    const report = runSimulation({ ...SPOILT_SUMS, seed: 5, dissemination: 'tree', faults: [], signatures })
    const seen = [...report.coverage.cells].filter(([cell]) => cell.includes('bad-sum')).reduce((sum, [, count]) => sum + count, 0)
    expect(report.ok && seen).toBeGreaterThan(0)
  })

  it('BLS12-381 itself in the place of ideal shares: the same run, to the last event', () => {
    const options = { seed: 11, validators: 4, byzantine: 1, strategies: ['bad-shares'] as const, durationMs: 1_500 }
    const [ideal, real] = [createIdealSignatures(createIdealShares()), createIdealSignatures(createRealShares())].map((signatures) =>
      runSimulation({ ...options, signatures }),
    )
    expect(real).toMatchObject({ ok: true, events: ideal?.events, blocks: ideal?.blocks, viewChanges: ideal?.viewChanges })
  })

  it('with the ledger, whose genesis and governance see the possession of keys', () => {
    expect(failures({ validators: 4, byzantine: 1, application: 'ledger', durationMs: 1_000 }, seedsFrom(40, 3), createRealShares)).toEqual(
      [],
    )
    const signatures = createRealSignatures(createRealShares())
    expect(runSimulation({ seed: 43, validators: 4, byzantine: 1, application: 'ledger', durationMs: 1_000, signatures }).ok).toBe(true)
  })

  it('K5: with more faulty power than can be borne a fork is proven by sums, and nobody honest is named', () => {
    for (const seed of seedsFrom(1, 12)) {
      const report = runBeyond({ seed, validators: 4, byzantine: 2, signatures: createIdealSignatures(createIdealShares()) })
      expect(report.ok, `${report.command}: ${report.violation?.message}`).toBe(true)
    }
  })
})

describe.each([
  ['ideal', createIdealShares],
  ['real', createRealShares],
])('%s shares', (_, create: () => SimulatedShares) => {
  const [message, other] = [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 4)]

  it('add up to what holds for exactly those who signed', () => {
    const shares = create()
    const schemes = [0, 1, 2].map((index) => shares.schemeOf(index))
    const keys = [0, 1, 2].map((index) => shares.keyOf(index))
    const sum = schemes[0]?.aggregate(schemes.map((scheme) => scheme.sign(message)))
    expect(sum !== null && sum !== undefined && shares.verify(keys, message, sum)).toBe(true)
    if (sum === null || sum === undefined) return
    expect(shares.verify(keys.toReversed(), message, sum)).toBe(true)
    expect(shares.verify(keys.slice(1), message, sum)).toBe(false)
    expect(shares.verify([...keys, shares.keyOf(3)], message, sum)).toBe(false)
    expect(shares.verify([...keys.slice(1), shares.keyOf(3)], message, sum)).toBe(false)
    expect(shares.verify(keys, other, sum)).toBe(false)
    expect(shares.verify([], message, sum)).toBe(false)
  })

  it('of two messages are a sum that holds for neither, and of nothing are none', () => {
    const shares = create()
    const [one, two] = [0, 1].map((index) => shares.schemeOf(index)) as [
      ReturnType<typeof shares.schemeOf>,
      ReturnType<typeof shares.schemeOf>,
    ]
    const mixed = one.aggregate([one.sign(message), two.sign(other)])
    expect(mixed).not.toBeNull()
    const keys = [shares.keyOf(0), shares.keyOf(1)]
    if (mixed !== null) for (const about of [message, other]) expect(shares.verify(keys, about, mixed)).toBe(false)
    expect(one.aggregate([one.sign(message), blsSignature(new Uint8Array(96))])).toBeNull()
    expect(one.sign(message)).toEqual(one.sign(message))
  })
})
