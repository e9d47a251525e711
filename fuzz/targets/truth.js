/**
 * Small formulas with proofs, judged by truth: what `lrat/1` accepts has no model, by its truth table, and every step of it
 * holds by the exhaustive checker; what `sat-model/1` accepts is a model. The formula is made of the input's first bytes, so that
 * most inputs are a formula and something that at least begins like a proof. And small scripts without a proof: the CNF that `bvlrat/1` makes of
 * one has a model exactly if the script has, by trying all assignments.
 */
import { readFileSync } from 'node:fs'
import {
  bvlratVerifier,
  checkLrat,
  clausesToClaim,
  encodeWithin,
  parseCnfClaim,
  parseScript,
  refute,
  runMetered,
  satModelVerifier,
  scriptToClaim,
  toBinaryLrat,
  toDimacs,
} from '@aethel/proofs'
import { bitCount, bruteForce, readSlowScript } from '../../packages/proofs/test/slow-bv.js'
import { holds, isSatisfiable, stepsOfBinary, stepsOfText } from '../../packages/proofs/tools/exhaustive-checker.js'
import { mutateScript } from '../lib/mutate-script.js'
import { Broken } from '../lib/properties.js'
import { SMT_LIB } from './proofs.js'

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

/** So many bits are tried out in some milliseconds; longer numbers make vectors that are not small. */
const TRIED_BITS = 9
const TRIED_BYTES = 700
const LONG_NUMBER = /\d{3}/
const SCRIPT_LIMITS = { claimBytes: 1 << 16, proofBytes: 1 << 20, gas: 400_000, memoryWords: 1 << 18 }
const CONFLICTS = 3_000

/** @type {{ formulas: { script: string }[] }} */
const vectors = JSON.parse(readFileSync(new URL('../../packages/proofs/vectors/bvlrat-1.json', import.meta.url), 'utf8'))

/** @param {string} code @param {string} message */
const unjudged = (code, message) => ({ ok: /** @type {const} */ (false), error: { code, message } })

/** @type {Target} */
export const bvlratTruth = {
  name: 'bvlrat-truth',
  change: mutateScript,
  what: 'small scripts: the CNF of one has a model exactly if it has one, by trying all assignments, and its refutation is accepted',
  seeds: () => vectors.formulas.map(({ script }) => new TextEncoder().encode(script)).filter((bytes) => isSmall(bytes)),
  dictionary: SMT_LIB,
  maxBytes: TRIED_BYTES,
  // Hundreds of assignments, and a search.
  slowMs: 5_000,
  // What is kept is a script and its clauses.
  memoryBytes: 1 << 23,
  decode: (bytes) => {
    const claim = scriptToClaim(bytes)
    if (!claim.ok) return claim
    if (!isSmall(claim.value)) return unjudged('too-large', `expected at most ${TRIED_BITS} bits to try out`)
    const script = parseScript(claim.value)
    const encoded = script.ok ? encodeWithin(script.value, SCRIPT_LIMITS) : script
    return encoded.ok ? { ok: true, value: { claim: claim.value, cnf: encoded.value.cnf } } : encoded
  },
  use: ({ claim, cnf }) => {
    const text = new TextDecoder('latin1').decode(claim)
    const outcome = refute({ name: 'fuzz', variables: cnf.variables, clauses: clausesOf(cnf.words) }, { conflicts: CONFLICTS })
    if (outcome.status === 'gave-up') return
    const model = bruteForce(readSlowScript(text))
    if ((outcome.status === 'satisfiable') !== (model !== null))
      throw new Broken(`${outcome.status} as CNF, ${model === null ? 'without a model' : 'with a model'} when tried out: ${text}`)
    if (outcome.status === 'satisfiable') return
    const verifier = bvlratVerifier()
    const parsed = verifier.parseClaim(claim)
    const verdict = parsed.ok
      ? runMetered(verifier, parsed.value.claim, toBinaryLrat(outcome.steps), { statementOf: () => undefined })
      : null
    if (verdict?.status !== 'valid') throw new Broken(`a refutation of the CNF is refused: ${verdict?.code}: ${text}`)
  },
}

/** @param {Uint8Array} bytes of a script that parses */
function isSmall(bytes) {
  const text = new TextDecoder('latin1').decode(bytes)
  return bytes.length <= TRIED_BYTES && !LONG_NUMBER.test(text) && bitCount(readSlowScript(text)) <= TRIED_BITS
}

/** @param {Int32Array} words */
function clausesOf(words) {
  const clauses = []
  for (let at = 0; at < words.length; at += 1 + /** @type {number} */ (words[at])) {
    const codes = words.subarray(at + 1, at + 1 + /** @type {number} */ (words[at]))
    clauses.push(Array.from(codes, (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
  }
  return clauses
}
