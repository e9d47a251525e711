/** What a kernel must never do: throw, or call a satisfiable formula refuted. Truth is decided by trying all assignments. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSatisfiable, readText, slowCheck, stepsHold } from '../../test/slow-lrat-checker.js'
import type { LratStep } from '../instances/index.js'
import {
  adderAssociativity,
  type Formula,
  gridParity,
  parityChains,
  pigeonhole,
  pigeonholeCertificate,
  refute,
  toBinaryLrat,
  toDimacs,
  toTextLrat,
} from '../instances/index.js'
import { LRAT_LIMITS } from './gas.js'
import { checkLrat } from './verifier.js'

const LIMITS = { ...LRAT_LIMITS, gas: 1_000_000, memoryWords: 1 << 20 }

function stepsFor(formula: Formula): readonly LratStep[] {
  const outcome = refute(formula, { conflicts: 10_000 })
  if (outcome.status !== 'unsatisfiable') throw new Error(`${formula.name}: ${outcome.status}`)
  return outcome.steps
}

const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)
const FOUR: Formula = {
  name: 'four clauses',
  variables: 2,
  clauses: [
    [1, 2],
    [-1, 2],
    [1, -2],
    [-1, -2],
  ],
}

const ALL_BYTES = Array.from({ length: 256 }, (_, value) => value)

/** One bit flipped, one more, one less, and the bytes that mean something. */
const telling = (byte: number): number[] => [
  ...[1, 2, 4, 8, 16, 32, 64, 128].map((bit) => byte ^ bit),
  (byte + 1) & 255,
  (byte + 255) & 255,
  0,
  97,
  100,
  255,
]

const SUBJECTS = [
  { formula: FOUR, sibling: { ...FOUR, clauses: FOUR.clauses.slice(0, 3).concat([[1, 2]]) } },
  {
    formula: pigeonhole(3, 2),
    sibling: { ...pigeonhole(3, 2), clauses: pigeonhole(3, 2).clauses.map((clause, i) => (i === 2 ? [1, 5, 6] : clause)) },
  },
  { formula: gridParity(3, 2, 'odd'), sibling: gridParity(3, 2, 'even') },
  { formula: adderAssociativity(1, 'sound'), sibling: adderAssociativity(1, 'faulty') },
]

describe('every mutation of one byte', () => {
  test('of a binary proof: never throws, never refutes the satisfiable sibling', () => {
    for (const { formula, sibling } of SUBJECTS) {
      expect(isSatisfiable(formula.clauses)).toBe(false)
      expect(isSatisfiable(sibling.clauses)).toBe(true)
      const proof = toBinaryLrat(stepsFor(formula))
      const cnf = toDimacs(formula)
      const siblingCnf = toDimacs(sibling)
      expect(checkLrat(cnf, proof, LIMITS).status).toBe('valid')
      let refused = 0
      let tried = 0
      for (let at = 0; at < proof.length; at++) {
        for (const value of proof.length < 100 ? ALL_BYTES : telling(proof[at] as number)) {
          tried++
          const mutated = proof.slice()
          mutated[at] = value
          if (checkLrat(cnf, mutated, LIMITS).status === 'invalid') refused++
          expect(checkLrat(siblingCnf, mutated, LIMITS).status).toBe('invalid')
        }
      }
      expect(refused).toBeGreaterThan(tried / 2)
      expect(refused).toBeLessThan(tried)
    }
  })

  test('of a text proof: what is still accepted, the slow checker accepts too', () => {
    const subjects = [
      ...SUBJECTS.slice(0, 3).map(({ formula }) => ({ formula, steps: stepsFor(formula) })),
      { formula: pigeonhole(3, 2), steps: pigeonholeCertificate(2) },
    ]
    for (const { formula, steps } of subjects) {
      const proof = toTextLrat(steps)
      const cnf = toDimacs(formula)
      let accepted = 0
      for (let at = 0; at < proof.length; at++) {
        for (const value of [0, 9, 10, 13, 32, 45, 48, 49, 50, 51, 53, 57, 97, 99, 100, 255]) {
          if (value === proof[at]) continue
          const mutated = proof.slice()
          mutated[at] = value
          if (checkLrat(cnf, mutated, LIMITS).status !== 'valid') continue
          accepted++
          expect(slowCheck(formula.clauses, readText(textOf(mutated))), textOf(mutated)).toBe(true)
        }
      }
      expect(accepted).toBeGreaterThan(0)
    }
  })

  test('of the formula: the proof is accepted only while the formula stays unsatisfiable', () => {
    for (const { formula } of SUBJECTS) {
      const proof = toBinaryLrat(stepsFor(formula))
      let satisfiable = 0
      for (let i = 0; i < formula.clauses.length; i++) {
        const clause = formula.clauses[i] as readonly number[]
        for (const changed of [
          clause.map((literal) => -literal),
          clause.slice(1),
          [...clause, formula.variables],
          [1],
          [-formula.variables],
        ]) {
          if (changed.length === 0) continue
          const clauses = formula.clauses.map((other, k) => (k === i ? changed : other))
          const verdict = checkLrat(toDimacs({ ...formula, clauses }), proof, LIMITS)
          if (isSatisfiable(clauses)) {
            satisfiable++
            expect(verdict.status).toBe('invalid')
          }
        }
      }
      expect(satisfiable).toBeGreaterThan(0)
    }
  })
})

test('a proof cut at any byte is refused: the empty clause is its last addition', () => {
  for (const { formula } of SUBJECTS) {
    const cnf = toDimacs(formula)
    const steps = stepsFor(formula)
    for (const [proof, spare] of [
      [toBinaryLrat(steps), 0],
      [toTextLrat(steps), 1],
    ] as const) {
      // A text may lack its last line end.
      for (let length = 0; length < proof.length - spare; length++) {
        expect(checkLrat(cnf, proof.subarray(0, length), LIMITS).status).toBe('invalid')
      }
      expect(checkLrat(cnf, proof, LIMITS).status).toBe('valid')
    }
  }
})

describe('random', () => {
  const literal = (variables: number): fc.Arbitrary<number> =>
    fc.tuple(fc.integer({ min: 1, max: variables }), fc.boolean()).map(([v, negative]) => (negative ? -v : v))
  const clauses = (variables: number, most: number): fc.Arbitrary<number[][]> =>
    fc.array(fc.array(literal(variables), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: most })
  const dimacsOf = (list: readonly (readonly number[])[], variables: number): Uint8Array =>
    toDimacs({ name: 'random', variables, clauses: list })

  test('formulas: the solver decides truth, and its proofs satisfy the kernel and the slow checker', () => {
    let unsatisfiable = 0
    fc.assert(
      fc.property(clauses(6, 40), (list) => {
        const formula = { name: 'random', variables: 6, clauses: list }
        const outcome = refute(formula, { conflicts: 1_000 })
        expect(outcome.status).toBe(isSatisfiable(list) ? 'satisfiable' : 'unsatisfiable')
        if (outcome.status === 'satisfiable') {
          expect(list.every((clause) => clause.some((l) => outcome.model[Math.abs(l)] === l > 0))).toBe(true)
        }
        if (outcome.status !== 'unsatisfiable') return
        unsatisfiable++
        const text = toTextLrat(outcome.steps)
        expect(slowCheck(list, readText(textOf(text)))).toBe(true)
        expect(checkLrat(toDimacs(formula), text, LIMITS).status).toBe('valid')
        expect(checkLrat(toDimacs(formula), toBinaryLrat(outcome.steps), LIMITS).status).toBe('valid')
      }),
      { numRuns: 300 },
    )
    expect(unsatisfiable).toBeGreaterThan(30)
  })

  test('steps with random hints, RAT among them: what the kernel accepts, the slow checker accepts', () => {
    const step = fc.record({
      clause: fc.uniqueArray(literal(5), { maxLength: 3 }),
      hints: fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 3 }),
      groups: fc.array(fc.tuple(fc.integer({ min: 1, max: 14 }), fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 2 })), {
        maxLength: 3,
      }),
      deletes: fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 1 }),
    })
    let additions = 0
    let rat = 0
    fc.assert(
      fc.property(clauses(3, 8), fc.array(step, { minLength: 1, maxLength: 4 }), (list, drawn) => {
        const steps = drawn.map((one, i) => ({
          id: list.length + 1 + i,
          literals: one.clause,
          hints: [...one.hints, ...one.groups.flatMap(([id, hints]) => [-id, ...hints])],
          deletes: one.deletes,
        }))
        // Ask for the verdict on each prefix: 'no-empty-clause' means that all of its steps were accepted.
        for (let length = 1; length <= steps.length; length++) {
          const text = toTextLrat(steps.slice(0, length))
          const verdict = checkLrat(dimacsOf(list, 3), text, LIMITS)
          if (verdict.status === 'valid') expect(isSatisfiable(list)).toBe(false)
          else if (!('code' in verdict) || verdict.code !== 'no-empty-clause') return
          additions++
          expect(stepsHold(list, readText(textOf(text))), textOf(text)).toBe(true)
          if (steps[length - 1]?.hints.some((hint) => hint < 0) === true) rat++
        }
      }),
      { numRuns: 20_000 },
    )
    expect(additions).toBeGreaterThan(1_000)
    expect(rat).toBeGreaterThan(50)
  })

  test('bytes behind a valid first letter: an answer, never a throw', () => {
    const cnf = toDimacs(FOUR)
    fc.assert(
      fc.property(fc.constantFrom(0x61, 0x64, 0x35, 0x63, 0x20), fc.uint8Array({ maxLength: 60 }), (letter, rest) => {
        expect(checkLrat(cnf, Uint8Array.of(letter, ...rest), LIMITS).status).toBe('invalid')
      }),
      { numRuns: 3_000 },
    )
  })
})

test('a refutation of another formula is refused', () => {
  const proof = toBinaryLrat(stepsFor(parityChains(6, 6, 'differ')))
  expect(checkLrat(toDimacs(parityChains(6, 6, 'differ')), proof, LIMITS).status).toBe('valid')
  expect(checkLrat(toDimacs(parityChains(6, 6, 'agree')), proof, LIMITS).status).toBe('invalid')
  expect(checkLrat(toDimacs(parityChains(6, 7, 'differ')), proof, LIMITS).status).toBe('invalid')
})
