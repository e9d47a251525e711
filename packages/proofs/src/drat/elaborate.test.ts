/** Elaborated proofs pass the kernel and the slow checker; what does not follow is refused, RUP or RAT, text or binary. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSatisfiable, readText, slowCheck } from '../../test/slow-lrat-checker.js'
import {
  type Formula,
  gridParity,
  type LratStep,
  multiplierCommutativity,
  parityChains,
  pigeonhole,
  pigeonholeCertificate,
  refute,
  toDimacs,
} from '../instances/index.js'
import { type Cnf, cnfToClaim, parseCnfClaim } from '../lrat/cnf.js'
import { checkLrat } from '../lrat/verifier.js'
import { elaborateDrat } from './elaborate.js'
import { dratFormatOf } from './lemmas.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function cnfOf(formula: Formula): Cnf {
  const claim = cnfToClaim(toDimacs(formula))
  if (!claim.ok) throw new Error(claim.error.message)
  const cnf = parseCnfClaim(claim.value)
  if (!cnf.ok) throw new Error(cnf.error.message)
  return cnf.value
}

interface DratStep {
  readonly deletes: boolean
  readonly literals: readonly number[]
}

/** An LRAT proof without its reasons. */
function dratOf(formula: Formula, steps: readonly LratStep[]): DratStep[] {
  const clauses = new Map<number, readonly number[]>(formula.clauses.map((clause, i) => [i + 1, clause]))
  return steps.flatMap((step) => {
    clauses.set(step.id, step.literals)
    const deletions = step.deletes.map((id) => ({ deletes: true, literals: clauses.get(id) ?? [] }))
    return [{ deletes: false, literals: step.literals }, ...deletions]
  })
}

function textDrat(steps: readonly DratStep[]): Uint8Array {
  return utf8(steps.map(({ deletes, literals }) => `${deletes ? 'd ' : ''}${[...literals, 0].join(' ')}\n`).join(''))
}

function binaryDrat(steps: readonly DratStep[]): Uint8Array {
  const out: number[] = []
  for (const { deletes, literals } of steps) {
    out.push(deletes ? 100 : 97)
    for (const literal of literals) {
      let rest = literal < 0 ? 1 - 2 * literal : 2 * literal
      for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128)
      out.push(rest)
    }
    out.push(0)
  }
  return Uint8Array.from(out)
}

function lratOf(formula: Formula, drat: Uint8Array): Uint8Array {
  const result = elaborateDrat(cnfOf(formula), drat)
  if (!result.ok) throw new Error(`${formula.name}: ${result.error.code}: ${result.error.message}`)
  return result.value.lrat
}

/** Binary LRAT as the slow checker reads it. */
function asText(lrat: Uint8Array): string {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = lrat[at++] as number
      value += (byte & 127) * scale
      if (byte < 128) return value % 2 === 1 ? -((value - 1) / 2) : value / 2
    }
  }
  const list = (): number[] => {
    const numbers: number[] = []
    for (let n = number(); n !== 0; n = number()) numbers.push(n)
    return numbers
  }
  const lines: string[] = []
  while (at < lrat.length) {
    if (lrat[at++] === 100) lines.push(['0', 'd', ...list(), 0].join(' '))
    else lines.push([number(), ...list(), 0, ...list(), 0].join(' '))
  }
  return `${lines.join('\n')}\n`
}

const solved = (formula: Formula): DratStep[] => {
  const outcome = refute(formula, { conflicts: 50_000 })
  if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
  return dratOf(formula, outcome.steps)
}

describe('RUP', () => {
  test.each([pigeonhole(5, 4), gridParity(4, 4, 'odd'), parityChains(10, 10, 'differ'), multiplierCommutativity(3, 'sound')])(
    'the lemmas of $name get their reasons back',
    (formula) => {
      const steps = solved(formula)
      for (const drat of [textDrat(steps), binaryDrat(steps)]) {
        const lrat = lratOf(formula, drat)
        expect(checkLrat(toDimacs(formula), lrat)).toMatchObject({ status: 'valid' })
        expect(slowCheck(formula.clauses, readText(asText(lrat)))).toBe(true)
      }
    },
  )

  test('lemmas that nothing leans on are left out, and so is what follows the conflict', () => {
    const formula = pigeonhole(4, 3)
    const steps = solved(formula)
    const padded = [
      ...formula.clauses.slice(0, 5).map((literals) => ({ deletes: false, literals: [...literals, 1] })),
      ...steps,
      { deletes: false, literals: [1] },
      { deletes: true, literals: [1] },
    ]
    expect(lratOf(formula, textDrat(padded))).toEqual(lratOf(formula, textDrat(steps)))
  })

  test('a lemma that does not follow is refused, and so is a proof without an end', () => {
    const formula = pigeonhole(4, 3)
    const steps = solved(formula)
    const cnf = cnfOf(formula)
    const wrong = elaborateDrat(cnf, textDrat([{ deletes: false, literals: [] }]))
    expect(wrong).toMatchObject({ ok: false, error: { code: 'not-implied' } })
    expect(elaborateDrat(cnf, textDrat(steps.slice(0, 1)))).toMatchObject({ ok: false, error: { code: 'no-empty-clause' } })
    expect(elaborateDrat(cnf, new Uint8Array(0))).toMatchObject({ ok: false, error: { code: 'no-empty-clause' } })
    expect(elaborateDrat(cnf, utf8('1 2'))).toMatchObject({ ok: false, error: { code: 'truncated' } })
    expect(elaborateDrat(cnf, utf8('1 x 0'))).toMatchObject({ ok: false, error: { code: 'syntax' } })
    expect(elaborateDrat(cnf, Uint8Array.of(97, 200))).toMatchObject({ ok: false, error: { code: 'truncated' } })
    // Found by fuzzing: tables for 268 million variables.
    expect(elaborateDrat(cnf, utf8('d 268435455 0\n0\n'))).toMatchObject({ ok: false, error: { code: 'literal-range' } })
    expect(elaborateDrat(cnf, Uint8Array.of(97, 2, 1, 0))).toMatchObject({ ok: false, error: { code: 'syntax' } })
  })

  test('a deleted clause is not leaned on', () => {
    const formula: Formula = {
      name: 'four clauses',
      variables: 2,
      clauses: [
        [1, 2],
        [-1, 2],
        [1, -2],
        [-1, -2],
      ],
    }
    const cnf = cnfOf(formula)
    expect(elaborateDrat(cnf, utf8('2 0\n0\n')).ok).toBe(true)
    expect(elaborateDrat(cnf, utf8('d 2 1 0\n2 0\n0\n'))).toMatchObject({ ok: false })
    expect(elaborateDrat(cnf, utf8('d 1 7 0\nd 9 0\n2 0\n0\n')).ok, 'what is not there is passed over').toBe(true)
  })
})

describe('RAT', () => {
  test('extended resolution: definitions of new variables get their groups of hints', () => {
    for (const holes of [2, 3, 5, 8]) {
      const formula = pigeonhole(holes + 1, holes)
      const steps = dratOf(formula, pigeonholeCertificate(holes))
      const result = elaborateDrat(cnfOf(formula), binaryDrat(steps))
      if (!result.ok) throw new Error(result.error.message)
      const verdict = checkLrat(toDimacs(formula), result.value.lrat)
      expect(verdict).toMatchObject({ status: 'valid' })
      // Few pigeons are refuted by propagation alone.
      if (holes >= 5) {
        expect(result.value.ratLemmas).toBeGreaterThan(0)
        expect(verdict.status === 'valid' && verdict.summary['ratAdditions']).toBeGreaterThan(0)
      }
      if (holes <= 3) expect(slowCheck(formula.clauses, readText(asText(result.value.lrat)))).toBe(true)
    }
  })

  test('random short lemmas behind definitions of a new variable: what is elaborated is accepted, and it is true', () => {
    const literalUpTo = (most: number) =>
      fc.tuple(fc.integer({ min: 1, max: most }), fc.boolean()).map(([v, negative]) => (negative ? -v : v))
    const clause = fc.uniqueArray(literalUpTo(4), { minLength: 2, maxLength: 3 })
    const step = fc.record({ deletes: fc.boolean(), literals: fc.uniqueArray(literalUpTo(5), { minLength: 1, maxLength: 3 }) })
    let elaborated = 0
    let rat = 0
    fc.assert(
      fc.property(
        fc.array(clause, { minLength: 8, maxLength: 24 }),
        fc.tuple(literalUpTo(4), literalUpTo(4)),
        fc.array(step, { maxLength: 4 }),
        (clauses, [a, b], steps) => {
          const formula = { name: 'random', variables: 5, clauses: [...clauses, [1, 2, 3, 4]] }
          // 5 is a and b; then every lemma is tried with it.
          const definition = [
            [5, -a, -b],
            [-5, a],
            [-5, b],
          ].map((literals) => ({ deletes: false, literals }))
          const proof = [...definition, ...steps, { deletes: false, literals: [5] }, { deletes: false, literals: [] }]
          const result = elaborateDrat(cnfOf(formula), textDrat(proof))
          if (!result.ok) return
          elaborated++
          expect(isSatisfiable(formula.clauses)).toBe(false)
          const verdict = checkLrat(toDimacs(formula), result.value.lrat)
          expect(verdict).toMatchObject({ status: 'valid' })
          if (verdict.status === 'valid' && Number(verdict.summary['ratAdditions']) > 0) rat++
          expect(slowCheck(formula.clauses, readText(asText(result.value.lrat)))).toBe(true)
        },
      ),
      { numRuns: 5_000 },
    )
    expect(elaborated).toBeGreaterThan(300)
    expect(rat).toBeGreaterThan(20)
  })
})

test('random formulas: refutations without their reasons get them back', () => {
  const literal = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.boolean()).map(([v, negative]) => (negative ? -v : v))
  let refuted = 0
  fc.assert(
    fc.property(fc.array(fc.array(literal, { minLength: 1, maxLength: 3 }), { minLength: 20, maxLength: 60 }), (clauses) => {
      const formula = { name: 'random', variables: 8, clauses }
      const outcome = refute(formula, { conflicts: 10_000 })
      if (outcome.status !== 'unsatisfiable') return
      refuted++
      const lrat = lratOf(formula, binaryDrat(dratOf(formula, outcome.steps)))
      expect(checkLrat(toDimacs(formula), lrat)).toMatchObject({ status: 'valid' })
    }),
    { numRuns: 500 },
  )
  expect(refuted).toBeGreaterThan(100)
})

test('the format is told from the bytes', () => {
  expect(dratFormatOf(utf8('1 -2 0\nd 1 0\n'))).toBe('text')
  expect(dratFormatOf(utf8('d 1 -2 0\n'))).toBe('text')
  expect(dratFormatOf(utf8('c made by\n1 0\n'))).toBe('text')
  expect(dratFormatOf(Uint8Array.of(97, 2, 0))).toBe('binary')
  expect(dratFormatOf(Uint8Array.of(100, 32, 48, 0, 97, 0))).toBe('binary')
})
