/**
 * Writes packages/proofs/vectors/bvlrat-1.json: `node packages/proofs/tools/make-bvlrat-vectors.js`, after `npm run build`. The
 * cases are listed here; verdicts, prices and formulas are what the program of today gives, so look at what changed before you
 * commit a new file: a change of any of them is another revision of the kind.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { toHex } from '@aethel/codec'
import {
  BVLRAT_KIND,
  BVLRAT_LIMITS,
  bvlratVerifier,
  claimIdOf,
  cnfToDimacs,
  encodeWithin,
  parseScript,
  refute,
  runMetered,
  scriptToClaim,
  toBinaryLrat,
  toTextLrat,
} from '../dist/index.js'

/** DIMACS text is in the file up to this size, for those who look for the first difference. */
const DIMACS_BYTES = 700

/** @param {readonly string[]} lines */
const script = (...lines) => `(set-logic QF_BV)\n${lines.map((line) => `${line}\n`).join('')}(check-sat)\n`
/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text)

/** @param {string} text */
function encoded(text) {
  const parsed = parseScript(utf8(text))
  if (!parsed.ok) throw new Error(`${parsed.error.message}\n${text}`)
  const result = encodeWithin(parsed.value, BVLRAT_LIMITS)
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** @param {string} text */
function steps(text) {
  const { cnf } = encoded(text)
  const clauses = []
  for (let at = 0; at < cnf.words.length; at += 1 + Number(cnf.words[at])) {
    const literals = cnf.words.subarray(at + 1, at + 1 + Number(cnf.words[at]))
    clauses.push(Array.from(literals, (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
  }
  const outcome = refute({ name: 'vector', variables: cnf.variables, clauses }, { conflicts: 100_000 })
  if (outcome.status !== 'unsatisfiable') throw new Error(`${outcome.status}\n${text}`)
  return outcome.steps
}

// --- formulas: which CNF a script becomes -------------------------------------------------------------------------------

const XY = (/** @type {number} */ width) => [`(declare-const x (_ BitVec ${width}))`, `(declare-const y (_ BitVec ${width}))`]
const OPERATORS = [
  ...['bvand', 'bvor', 'bvxor', 'bvnand', 'bvnor', 'bvxnor', 'bvadd', 'bvsub', 'bvmul', 'bvudiv', 'bvurem', 'bvsdiv', 'bvsrem', 'bvsmod'],
  ...['bvshl', 'bvlshr', 'bvashr'],
].map((name) => ({ name, text: script(...XY(3), `(declare-const r (_ BitVec 3))`, `(assert (= r (${name} x y)))`) }))
const RELATIONS = [
  ...['bvult', 'bvule', 'bvugt', 'bvuge', 'bvslt', 'bvsle', 'bvsgt', 'bvsge', '=', 'distinct'],
  ...['bvuaddo', 'bvsaddo', 'bvumulo', 'bvsmulo', 'bvusubo', 'bvssubo', 'bvsdivo'],
].map((name) => ({ name, text: script(...XY(3), `(assert (${name} x y))`) }))
const ONE_ARGUMENT = [
  ['bvnot', 3],
  ['bvneg', 3],
  ['(_ zero_extend 2)', 5],
  ['(_ sign_extend 2)', 5],
  ['(_ rotate_left 4)', 3],
  ['(_ rotate_right 4)', 3],
  ['(_ repeat 2)', 6],
  ['(_ extract 2 1)', 2],
].map(([name, width]) => ({
  name: String(name),
  text: script('(declare-const x (_ BitVec 3))', `(declare-const r (_ BitVec ${width}))`, `(assert (= r (${name} x)))`),
}))
const OTHERS = [
  { name: 'nothing', text: script() },
  { name: 'true', text: script('(assert true)') },
  { name: 'false', text: script('(assert false)') },
  { name: 'a constant twice', text: script('(declare-const p Bool)', '(assert p)', '(assert p)') },
  { name: 'unused constants keep their variables', text: script(...XY(2), '(declare-const p Bool)', '(assert p)') },
  { name: 'gates that no assertion needs are left out', text: script(...XY(2), '(assert (let ((z (bvmul x y))) (= x y)))') },
  { name: 'a gate twice is one gate', text: script(...XY(2), '(assert (bvult x y))', '(assert (not (bvuge x y)))') },
  { name: 'connectives', text: script('(declare-const p Bool)', '(declare-const q Bool)', '(assert (=> p q (xor p q (or p q true))))') },
  { name: 'ite', text: script(...XY(2), '(declare-const p Bool)', '(assert (= (ite p x y) (ite p y x)))') },
  { name: 'majority', text: script('(declare-const x (_ BitVec 4))', '(assert (bvult (bvadd x #x3) x))') },
  { name: 'bvcomp and concat', text: script(...XY(2), '(assert (= (concat (bvcomp x y) x #b1) #x5))') },
  { name: 'bvnego', text: script('(declare-const x (_ BitVec 3))', '(assert (bvnego x))') },
  { name: 'several arguments', text: script(...XY(2), '(assert (= (bvadd x y x) (bvmul x y #b11)))', '(assert (distinct x y #b00))') },
  {
    name: 'functions, parameters, let',
    text: script(
      ...XY(2),
      '(define-fun f ((a (_ BitVec 2)) (p Bool)) (_ BitVec 2) (ite p a y))',
      '(assert (let ((z (f x true)) (p (= x y))) (= z (f y p))))',
    ),
  },
  {
    name: 'more than 2^15 gates, looked up again: the far price',
    text: script(...XY(160), '(assert (= x (bvmul x y)))', '(assert (distinct y (bvmul x y)))'),
  },
  {
    name: 'true above 1,024 bits of the stack',
    text: script('(declare-const x (_ BitVec 1024))', '(define-fun f ((a (_ BitVec 1024)) (p Bool)) Bool p)', '(assert (f x true))'),
  },
  {
    name: 'a product of 128 bits overflows',
    text: script(`(assert (bvumulo #x8${'0'.repeat(31)} #x${'0'.repeat(31)}2))`),
  },
  {
    name: 'the multiplier is the operand with more constant bits',
    text: script(...XY(4), '(assert (= x (bvmul y #x6)))', '(assert (= x (bvmul #x6 y)))'),
  },
]
const formulas = [...OPERATORS, ...RELATIONS, ...ONE_ARGUMENT, ...OTHERS].map(({ name, text }) => {
  const { cnf, gas } = encoded(text)
  const dimacs = cnfToDimacs(cnf)
  return {
    name,
    script: text,
    variables: cnf.variables,
    clauses: cnf.clauses,
    dimacsSha256: createHash('sha256').update(dimacs).digest('hex'),
    ...(dimacs.length <= DIMACS_BYTES ? { dimacs: new TextDecoder().decode(dimacs) } : {}),
    encodingGas: gas,
  }
})

// --- proofs: verdicts and prices ----------------------------------------------------------------------------------------

const PIGEONS = script('(declare-const x (_ BitVec 2))', '(assert (bvult x #b01))', '(assert (bvugt x #b00))')
const MIDPOINT = script(
  ...XY(8),
  '(define-fun average ((a (_ BitVec 8)) (b (_ BitVec 8))) (_ BitVec 8) (bvadd (bvand a b) (bvlshr (bvxor a b) #x01)))',
  '(assert (distinct (average x y) ((_ extract 7 0) (bvlshr (bvadd ((_ zero_extend 1) x) ((_ zero_extend 1) y)) #b000000001))))',
)
const DIVISION = script(...XY(3), '(assert (not (= x (bvadd (bvmul (bvudiv x y) y) (bvurem x y)))))')
const SATISFIABLE = script('(declare-const x (_ BitVec 2))', '(assert (bvult x #b10))')
const FALSE = script('(assert false)')
const binary = (/** @type {string} */ text) => toBinaryLrat(steps(text))
const text = (/** @type {string} */ source) => toTextLrat(steps(source))

/** @type {readonly { name: string, script: string, proof: Uint8Array, gasLimit?: number }[]} */
const CASES = [
  { name: 'two bounds that exclude each other', script: PIGEONS, proof: binary(PIGEONS) },
  { name: 'the same in text', script: PIGEONS, proof: text(PIGEONS) },
  { name: 'an average without overflow', script: MIDPOINT, proof: binary(MIDPOINT) },
  { name: 'quotient and remainder, by zero, too', script: DIVISION, proof: binary(DIVISION) },
  { name: 'false needs two hints', script: FALSE, proof: utf8('3 0 1 2 0\n') },
  { name: 'an empty proof', script: FALSE, proof: new Uint8Array(0) },
  { name: 'no empty clause', script: FALSE, proof: utf8('3 1 0 1 0\n') },
  { name: 'a refutation of another script', script: MIDPOINT, proof: binary(PIGEONS) },
  { name: 'a refutation of a satisfiable script', script: SATISFIABLE, proof: binary(PIGEONS) },
  { name: 'a missing hint', script: FALSE, proof: utf8('3 0 1 9 0\n') },
  { name: 'a proof that is cut', script: PIGEONS, proof: binary(PIGEONS).slice(0, -1) },
  { name: 'bytes that are no proof', script: PIGEONS, proof: utf8('(check-sat)') },
  { name: 'gas for the script, not for its circuit', script: MIDPOINT, proof: binary(MIDPOINT), gasLimit: 5_000 },
  { name: 'gas for the circuit, not for the proof', script: MIDPOINT, proof: binary(MIDPOINT), gasLimit: 12_000 },
  {
    name: 'a circuit beyond the memory',
    script: script('(declare-const x (_ BitVec 65536))', '(assert (= x (bvmul x x)))'),
    proof: utf8('3 0 1 2 0\n'),
  },
  {
    name: 'functions that double, beyond the gas',
    script: script(
      '(define-fun f0 ((p Bool)) Bool (not p))',
      ...Array.from({ length: 40 }, (_, k) => `(define-fun f${k + 1} ((p Bool)) Bool (f${k} (f${k} p)))`),
      '(assert (f40 true))',
    ),
    proof: utf8('3 0 1 2 0\n'),
    gasLimit: 3_000_000,
  },
]
const proofs = CASES.map(({ name, script: source, proof, gasLimit }) => {
  const limits = { ...BVLRAT_LIMITS, ...(gasLimit === undefined ? {} : { gas: gasLimit }) }
  const verifier = bvlratVerifier(limits)
  const claim = verifier.parseClaim(utf8(source))
  if (!claim.ok) throw new Error(`${name}: ${claim.error.message}`)
  const verdict = runMetered(verifier, claim.value.claim, proof, { statementOf: () => undefined })
  return {
    name,
    script: source,
    claimId: toHex(claimIdOf(BVLRAT_KIND, utf8(source))),
    proofHex: toHex(proof),
    ...(gasLimit === undefined ? {} : { gasLimit }),
    status: verdict.status,
    ...(verdict.status === 'invalid' ? { code: verdict.code, ...(verdict.at === undefined ? {} : { at: verdict.at }) } : {}),
    gas: verdict.gas,
  }
})

// --- claims that are refused --------------------------------------------------------------------------------------------

const refused = [
  '',
  '(set-logic QF_BV)\n',
  script('(assert  true)'),
  script('(assert (= #b1010 #xa))'),
  script('(assert (= #xA #xa))'),
  script('(assert (= (_ bv1 4) #xa))'),
  script('(declare-const |x| Bool)'),
  script('(declare-fun x () Bool)'),
  script('(declare-const x (_ BitVec 65537))'),
  script('(declare-const x Bool)', '(declare-const x Bool)'),
  script('(declare-const bvadd Bool)'),
  script('(assert x)'),
  script('(assert #b1)'),
  script('(assert (bvult #x0 #b1))'),
  script('(assert (= ((_ extract 4 0) #xf) #b11111))'),
  script('(define-fun f ((a Bool)) Bool a)', '(assert (f))'),
  script('(define-fun f ((a Bool)) Bool a)', '(assert f)'),
  script('(assert (let ((a true) (a true)) a))'),
  script('(assert (and true true)'),
  `${script('(assert true)')}\n`,
].map((source) => {
  const parsed = parseScript(utf8(source))
  if (parsed.ok) throw new Error(`accepted: ${source}`)
  return { script: source, code: parsed.error.code, at: parsed.error.at }
})

/** Files that become the same claim. */
const files = [
  '(set-logic QF_BV)\n(declare-fun |x| () (_ BitVec 08))\n(assert (! (= x (_ bv10 8)) :named a)) ; why\n(check-sat)\n(exit)\n',
  '(set-info :status sat)(declare-const x (_ BitVec 8))(assert\n\t(= x #b00001010))(check-sat)(get-model)',
  '(define-sort B () (_ BitVec 8))(declare-const x B)(assert (= x #x0A))',
].map((file) => {
  const claim = scriptToClaim(utf8(file))
  if (!claim.ok) throw new Error(claim.error.message)
  return { file, claim: new TextDecoder().decode(claim.value) }
})

const out = fileURLToPath(new URL('../vectors/bvlrat-1.json', import.meta.url))
writeFileSync(out, `${JSON.stringify({ kind: BVLRAT_KIND, limits: BVLRAT_LIMITS, files, refused, formulas, proofs }, null, 2)}\n`)
console.log(`${formulas.length} formulas, ${proofs.length} proofs, ${refused.length} claims refused`)
