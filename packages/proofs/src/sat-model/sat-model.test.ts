/** `sat-model/1`: the vectors, what solvers print, and truth by trying all assignments. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSatisfiable } from '../../test/slow-lrat-checker.js'
import { claimIdOf } from '../claim-id.js'
import { pigeonhole, refute, toDimacs } from '../instances/index.js'
import { cnfToClaim, lratVerifier } from '../lrat/index.js'
import { runMetered } from '../meter.js'
import { SAT_MODEL_LIMITS } from './gas.js'
import { encodeModel, readModel } from './model.js'
import { checkModel, satModelVerifier } from './verifier.js'

interface Vector {
  readonly name: string
  readonly cnf: string
  readonly claimId: string
  readonly modelHex: string
  readonly status: string
  readonly code?: string
  readonly at?: number
  readonly gas: number
}

const file = JSON.parse(readFileSync(new URL('../../vectors/sat-model-1.json', import.meta.url), 'utf8')) as {
  limits: unknown
  vectors: Vector[]
}
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const cited = { statementOf: () => undefined }

function claimOf(cnf: string): Uint8Array {
  const claim = cnfToClaim(utf8(cnf))
  if (!claim.ok) throw new Error(claim.error.message)
  return claim.value
}

function verdictOn(cnf: string, model: Uint8Array, limits = SAT_MODEL_LIMITS) {
  const verifier = satModelVerifier(limits)
  const parsed = verifier.parseClaim(claimOf(cnf))
  if (!parsed.ok) throw new Error(parsed.error.message)
  return runMetered(verifier, parsed.value.claim, model, cited)
}

describe('vectors', () => {
  test('are for the limits in force', () => {
    expect(file.limits).toEqual(SAT_MODEL_LIMITS)
  })

  test.each(file.vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    const { status, gas, code, at } = { code: undefined, at: undefined, ...verdictOn(vector.cnf, hex(vector.modelHex)) }
    expect({ status, gas, code, at }).toEqual({ status: vector.status, gas: vector.gas, code: vector.code, at: vector.at })
    expect(Buffer.from(claimIdOf('sat-model/1', claimOf(vector.cnf))).toString('hex')).toBe(vector.claimId)
  })
})

describe('a claim', () => {
  test('that a formula has a model and one that it has none are of one form, and two claims', () => {
    const claim = claimOf('p cnf 2 1\n1 -2 0\n')
    const [model, refutation] = [satModelVerifier().parseClaim(claim), lratVerifier().parseClaim(claim)]
    if (!model.ok || !refutation.ok) throw new Error('refused')
    expect(model.value.claim).toEqual(refutation.value.claim)
    expect(model.value.claimId).not.toEqual(refutation.value.claimId)
  })

  test('is limited in size, and so is a model', () => {
    const limits = { ...SAT_MODEL_LIMITS, claimBytes: 20, proofBytes: 1 }
    expect(satModelVerifier(limits).parseClaim(claimOf('p cnf 9 1\n1 2 9 0\n'))).toMatchObject({
      ok: false,
      error: { code: 'claim-too-large' },
    })
    expect(verdictOn('p cnf 9 1\n9 0\n', Uint8Array.of(0, 1), limits)).toMatchObject({ status: 'invalid', code: 'proof-too-large', gas: 0 })
  })
})

describe('truth', () => {
  const clauses = fc.array(
    fc.array(
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()).map(([v, negative]) => (negative ? -v : v)),
      { minLength: 1, maxLength: 4 },
    ),
    { minLength: 1, maxLength: 12 },
  )

  test('of every assignment to nine variables: accepted if and only if each clause has a true literal', () => {
    fc.assert(
      fc.property(clauses, (list) => {
        const variables = Math.max(...list.flat().map(Math.abs))
        const cnf = `p cnf 9 ${list.length}\n${list.map((clause) => `${clause.join(' ')} 0\n`).join('')}`
        let models = 0
        for (let bits = 0; bits < 2 ** variables; bits++) {
          const value = (v: number): boolean => ((bits >> (v - 1)) & 1) === 1
          const expected = list.every((clause) => clause.some((literal) => value(Math.abs(literal)) === literal > 0))
          expect(verdictOn(cnf, encodeModel(variables, value)).status).toBe(expected ? 'valid' : 'invalid')
          if (expected) models++
        }
        expect(models > 0).toBe(isSatisfiable(list))
      }),
      { numRuns: 30 },
    )
  })

  test('of any bytes: no model of an unsatisfiable formula, and never a throw', () => {
    const cnf = new TextDecoder().decode(toDimacs(pigeonhole(4, 3)))
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3 }), (model) => {
        expect(verdictOn(cnf, model).status).toBe('invalid')
      }),
      { numRuns: 2_000 },
    )
  })

  test('of a model with one bit turned: the kernel and the definition agree', () => {
    const formula = pigeonhole(5, 5)
    const outcome = refute(formula, { conflicts: 1_000 })
    if (outcome.status !== 'satisfiable') throw new Error(outcome.status)
    const cnf = new TextDecoder().decode(toDimacs(formula))
    let still = 0
    for (let turned = 0; turned <= formula.variables; turned++) {
      const value = (v: number): boolean => (outcome.model[v] === true) !== (v === turned)
      const expected = formula.clauses.every((clause) => clause.some((literal) => value(Math.abs(literal)) === literal > 0))
      expect(verdictOn(cnf, encodeModel(formula.variables, value)).status).toBe(expected ? 'valid' : 'invalid')
      if (expected) still++
    }
    expect(still).toBeGreaterThan(0)
    expect(still).toBeLessThan(formula.variables)
  })
})

describe('gas', () => {
  test('at exactly its price a verdict shows, one unit below it the meter', () => {
    for (const { cnf, modelHex, status, gas } of file.vectors) {
      expect(verdictOn(cnf, hex(modelHex), { ...SAT_MODEL_LIMITS, gas }).status).toBe(status)
      expect(verdictOn(cnf, hex(modelHex), { ...SAT_MODEL_LIMITS, gas: gas - 1 })).toMatchObject({ code: 'gas-exhausted', gas: gas - 1 })
    }
  })
})

describe('the output of a solver', () => {
  const read = (text: string, variables = 5) => readModel(utf8(text), variables)

  test.each([
    ['a competition solver', 'c hello\ns SATISFIABLE\nv 1 -2\nv 3 -4 5 0\nc bye\n'],
    ['MiniSat', 'SAT\n1 -2 3 -4 5 0\n'],
    ['literals alone', '1 -2 3 -4 5'],
    ['Windows line ends', 's SATISFIABLE\r\nv 1 -2 3 -4 5 0\r\n'],
    ['the false ones left out', 'v 1 3 5 0\n'],
    ['more variables than the formula has', 'v 1 3 5 6 7 -9 0\n'],
    ['the 0 on a line of its own, and indented', '  v 1 3 5\n v 0\n'],
    ['a literal twice', 'v 1 1 3 5 0\n'],
  ])('%s', (_name, text) => {
    expect(read(text)).toEqual({ ok: true, value: Uint8Array.of(0b10101) })
  })

  test('without true literals is still a model', () => {
    expect(read('v 0\n')).toEqual({ ok: true, value: Uint8Array.of(0) })
    expect(read('s SATISFIABLE\nv 0\n', 0)).toEqual({ ok: true, value: new Uint8Array(0) })
  })

  test.each([
    ['no model', 'c nothing\n', 'no-model'],
    ['nothing', '', 'no-model'],
    ['unsatisfiable', 's UNSATISFIABLE\n', 'no-model'],
    ['unknown', 's UNKNOWN\n', 'no-model'],
    ['UNSAT, as MiniSat says it', 'UNSAT\n', 'syntax'],
    ['both values of a variable', 'v 1 2 -1 0\n', 'contradiction'],
    ['more behind the end', 'v 1 0\nv 2 0\n', 'syntax'],
    ['letters', 'v one 0\n', 'syntax'],
    ['a number too long', 'v 10000000000000 0\n', 'syntax'],
    ['a variable beyond all', 'v 4000000000 0\n', 'variable-range'],
    ['minus nothing', 'v - 0\n', 'syntax'],
    ['minus zero', 'v 1 -0\n', 'syntax'],
    ['NUL', 'v 1\u0000 0\n', 'syntax'],
  ])('%s is refused', (_name, text, code) => {
    const model = read(text)
    expect(model.ok ? 'accepted' : model.error.code).toBe(code)
  })

  test('checks against its formula', () => {
    const cnf = utf8('p cnf 3 2\n1 -2 0\n2 3 0\n')
    expect(checkModel(cnf, utf8('v 1 2 -3 0\n'))).toMatchObject({ status: 'valid' })
    expect(checkModel(cnf, utf8('v -1 2 -3 0\n'))).toMatchObject({ status: 'invalid', code: 'false-clause', at: 1 })
    expect(checkModel(cnf, utf8('s UNKNOWN\n'))).toMatchObject({ status: 'unreadable', file: 'model', code: 'no-model' })
    expect(checkModel(utf8('no'), utf8('v 1 0\n'))).toMatchObject({ status: 'unreadable', file: 'cnf', code: 'no-header' })
  })

  test('of any bytes: an answer, never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 20 }), (bytes, variables) => {
        readModel(bytes, variables)
      }),
      { numRuns: 3_000 },
    )
  })
})
