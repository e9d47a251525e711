/**
 * Small formulas with proofs, judged by truth: what `lrat/1` accepts has no model, by its truth table, and every step of it
 * holds by the exhaustive checker; what `sat-model/1` accepts is a model. The formula is made of the input's first bytes, so that
 * most inputs are a formula and something that at least begins like a proof.
 */
import { checkLrat, clausesToClaim, parseCnfClaim, runMetered, satModelVerifier, toDimacs } from '@aethel/proofs'
import { holds, isSatisfiable, stepsOfBinary, stepsOfText } from '../../packages/proofs/tools/exhaustive-checker.js'
import { Broken } from '../lib/properties.js'

/** @typedef {import('../lib/properties.js').Target} Target */

const VARIABLES = 4
const MOST_CLAUSES = 12
const LIMITS = { claimBytes: 1 << 16, proofBytes: 1 << 16, gas: 200_000, memoryWords: 1 << 16 }

/**
 * Two bytes a clause, one sign pattern and one of presence; up to a zero.
 * @param {Uint8Array} bytes
 */
function formulaOf(bytes) {
  const clauses = []
  let at = 0
  while (at + 1 < bytes.length && clauses.length < MOST_CLAUSES) {
    const present = /** @type {number} */ (bytes[at]) & 15
    const signs = /** @type {number} */ (bytes[at + 1])
    if (bytes[at] === 0) break
    at += 2
    const clause = []
    for (let v = 1; v <= VARIABLES; v++) if ((present >> (v - 1)) & 1) clause.push((signs >> (v - 1)) & 1 ? v : -v)
    if (clause.length > 0) clauses.push(clause)
  }
  return { formula: { name: 'fuzz', variables: VARIABLES, clauses }, rest: bytes.subarray(Math.min(bytes.length, at + 1)) }
}

/** All sign patterns over so many variables: unsatisfiable, and each clause is needed. @param {number} variables */
function complete(variables) {
  const bytes = []
  for (let signs = 0; signs < 2 ** variables; signs++) bytes.push((2 ** variables - 1) | 16, signs)
  return [...bytes, 0]
}

const latin1 = (/** @type {string} */ text) => [...text].map((c) => c.charCodeAt(0))

/** @type {Target} */
export const lratTruth = {
  name: 'lrat-truth',
  what: 'refutations of small formulas against their truth tables',
  seeds: () => [
    Uint8Array.from([...complete(2), ...latin1('5 2 0 3 4 0\n6 0 5 1 2 0\n')]),
    Uint8Array.from([...complete(2), 0x61, 10, 4, 0, 6, 8, 0, 0x64, 6, 0, 0x61, 12, 0, 10, 2, 4, 0]),
    Uint8Array.from([...complete(1), ...latin1('3 2 0 0\n4 2 1 0 0\n5 0 1 2 0\n')]),
    Uint8Array.from([...complete(3), ...latin1('9 4 1 0 0\n10 4 -2 0 -9 0\n11 2 3 0 7 8 0\n12 2 -3 0 3 4 0\n')]),
    Uint8Array.from([17, 1, 19, 2, 0, ...latin1('3 1 -2 0 1 0\n4 d 1 0\n5 -1 2 0 -3 0\n')]),
  ],
  dictionary: [' 0\n', ' 0 ', ' d ', '-', '\n5 ', '\n6 0 ', Uint8Array.of(0x61), Uint8Array.of(0x64), Uint8Array.of(0, 0)],
  maxBytes: 256,
  decode: (bytes) => {
    const { formula, rest } = formulaOf(bytes)
    return { ok: true, value: { formula, proof: rest.slice(), verdict: checkLrat(toDimacs(formula), rest, LIMITS) } }
  },
  use: ({ formula, proof, verdict }) => {
    if (verdict.status === 'unreadable') throw new Broken(`a formula made for this is unreadable: ${verdict.message}`)
    // With this code every step was accepted; only the empty clause is missing.
    const accepted = verdict.status === 'valid' || verdict.code === 'no-empty-clause'
    if (!accepted) return
    const text = proof[0] !== 0x61 && proof[0] !== 0x64
    if (!text && verdict.status !== 'valid') return
    const steps = text ? stepsOfText(new TextDecoder('latin1').decode(proof)) : stepsOfBinary(proof)
    if (verdict.status === 'valid') {
      if (isSatisfiable(formula.clauses)) throw new Broken('a satisfiable formula is refuted')
      if (!plainIds(proof, formula.clauses.length) && !holds(formula.clauses, steps))
        throw new Broken('steps that do not hold are accepted')
      return
    }
    // The last live set has a model if the formula has one.
    if (!isSatisfiable(formula.clauses)) return
    const live = new Map(formula.clauses.map((clause, i) => [i + 1, clause]))
    for (const step of steps) {
      if (step.kind === 'add') live.set(step.id, step.clause)
      else for (const id of step.ids) live.delete(id)
    }
    const clauses = [...live.values()]
    if (Math.max(0, ...clauses.flat().map(Math.abs)) <= 14 && !isSatisfiable(clauses)) throw new Broken('the last model was lost')
  },
}

/** Whether a binary proof writes its ids undoubled, which the exhaustive reader does not know. @param {Uint8Array} proof @param {number} clauses */
function plainIds(proof, clauses) {
  const at = proof.indexOf(0x61)
  if (proof[0] !== 0x61 && proof[0] !== 0x64) return false
  const code = /** @type {number} */ (proof[at + 1]) & 127
  return (code & 1) === 1 || code >> 1 <= clauses
}

/** @type {Target} */
export const modelTruth = {
  name: 'model-truth',
  what: 'models of small formulas against their truth tables',
  seeds: () => [Uint8Array.from([...complete(2).slice(0, 6), 0, 3]), Uint8Array.from([...complete(3), 7]), Uint8Array.from([17, 1, 0, 1])],
  maxBytes: 64,
  decode: (bytes) => {
    const { formula, rest } = formulaOf(bytes)
    const claim = parseCnfClaim(clausesToClaim(formula.clauses))
    if (!claim.ok) return claim
    return {
      ok: true,
      value: { formula, model: rest, verdict: runMetered(satModelVerifier(LIMITS), claim.value, rest, { statementOf: () => undefined }) },
    }
  },
  use: ({ formula, model, verdict }) => {
    const values = model[0] ?? 0
    const isTrue = (/** @type {number} */ literal) => ((values >> (Math.abs(literal) - 1)) & 1) === (literal > 0 ? 1 : 0)
    const isModel = formula.clauses.every((/** @type {readonly number[]} */ clause) => clause.some(isTrue))
    if (verdict.status === 'valid' && !(isModel && isSatisfiable(formula.clauses))) throw new Broken('what is no model is accepted')
    if (verdict.status === 'invalid' && verdict.code === 'false-clause' && isModel) throw new Broken('a model is refused')
  },
}
