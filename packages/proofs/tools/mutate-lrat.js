/**
 * Every single-symbol mutation of real refutations, and every truncation: `node packages/proofs/tools/mutate-lrat.js
 * [PROOFS] [SEED]`, after `npm run build`; 200 proofs unless said otherwise. Nothing may throw; what is accepted must hold by the
 * exhaustive checker; and no mutation may refute a satisfiable formula that differs from its own as little as may be. Exit code 7: one did.
 */
import { fileURLToPath } from 'node:url'
import { randomStream } from '../../simulator/dist/random.js'
import {
  adderAssociativity,
  checkLrat,
  gridParity,
  LRAT_LIMITS,
  multiplierCommutativity,
  parityChains,
  pigeonhole,
  pigeonholeCertificate,
  refute,
  toBinaryLrat,
  toDimacs,
  toTextLrat,
} from '../dist/index.js'
import { holds, isSatisfiable, stepsOfBinary, stepsOfText } from './exhaustive-checker.js'

const LIMITS = { ...LRAT_LIMITS, gas: 2_000_000, memoryWords: 1 << 20 }
const TEXT_SYMBOLS = [...'0123456789-dc \n'].map((symbol) => symbol.charCodeAt(0))
/** Longer proofs would make most of the run one proof. */
const MOST_BYTES = 1_200
/** For truth tables. */
const MOST_VARIABLES = 14

/** @typedef {{ formula: import('@aethel/proofs').Formula, steps: readonly any[] }} Subject */

/** Real refutations: of the project's families, by search and by extended resolution, and of random formulas. @returns {Generator<Subject>} */
export function* subjects(/** @type {number} */ seed) {
  const families = [
    pigeonhole(2, 1),
    pigeonhole(3, 2),
    gridParity(3, 2, 'odd'),
    adderAssociativity(1, 'sound'),
    parityChains(3, 3, 'differ'),
    parityChains(4, 4, 'differ'),
    parityChains(5, 5, 'differ'),
    multiplierCommutativity(2, 'sound'),
    pigeonhole(4, 3),
  ]
  for (const formula of families) {
    const outcome = refute(formula, { conflicts: 10_000 })
    if (outcome.status === 'unsatisfiable') yield { formula, steps: outcome.steps }
  }
  yield { formula: pigeonhole(3, 2), steps: pigeonholeCertificate(2) }
  const random = randomStream(seed, 'mutate-lrat')
  for (;;) {
    const variables = random.between(4, 9)
    const clauses = Array.from({ length: Math.round(variables * (5 + random.below(30) / 10)) }, () => {
      /** @type {Set<number>} */
      const chosen = new Set()
      while (chosen.size < random.between(2, 3)) chosen.add(1 + random.below(variables))
      return [...chosen].map((v) => (random.below(2) === 0 ? v : -v))
    })
    const formula = { name: 'random', variables, clauses }
    const outcome = refute(formula, { conflicts: 10_000 })
    if (outcome.status === 'unsatisfiable' && outcome.steps.length > 2) yield { formula, steps: outcome.steps }
  }
}

/**
 * A satisfiable formula that differs as little as may be: an assignment with the fewest false clauses, each of which has its
 * first literal negated.
 * @param {import('@aethel/proofs').Formula} formula
 */
function sibling(formula) {
  if (formula.variables > MOST_VARIABLES) return null
  /** @type {readonly (readonly number[])[]} */
  let fewest = formula.clauses
  let model = 0
  const isTrue = (/** @type {number} */ literal, /** @type {number} */ values) =>
    ((values >> (Math.abs(literal) - 1)) & 1) === (literal > 0 ? 1 : 0)
  for (let values = 0; values < 2 ** formula.variables && fewest.length > 1; values++) {
    const wrong = formula.clauses.filter((clause) => !clause.some((literal) => isTrue(literal, values)))
    if (wrong.length < fewest.length) {
      fewest = wrong
      model = values
    }
  }
  const clauses = formula.clauses.map((clause) =>
    clause.some((literal) => isTrue(literal, model)) ? clause : clause.map((literal, i) => (i === 0 ? -literal : literal)),
  )
  if (!isSatisfiable(clauses)) throw new Error(`${formula.name}: the sibling is not satisfiable`)
  return { ...formula, clauses }
}

/**
 * @param {Iterable<Subject>} proofs
 * @param {number} count
 * @param {(done: number, tried: number) => void} [progress]
 */
export function mutateAll(proofs, count, progress = () => {}) {
  const totals = {
    proofs: 0,
    siblings: 0,
    mutations: 0,
    truncations: 0,
    accepted: 0,
    adjudicated: 0,
    falsehoods: /** @type {string[]} */ ([]),
  }
  for (const { formula, steps } of proofs) {
    const text = toTextLrat(steps)
    if (text.length > MOST_BYTES) continue
    const satisfiable = sibling(formula)
    if (satisfiable !== null) totals.siblings++
    mutateOne({ formula, satisfiable, proof: text, form: 'text', totals })
    mutateOne({ formula, satisfiable, proof: toBinaryLrat(steps), form: 'binary', totals })
    totals.proofs++
    progress(totals.proofs, totals.mutations)
    if (totals.proofs >= count) break
  }
  return totals
}

/** @param {{ formula: any, satisfiable: any, proof: Uint8Array, form: 'text' | 'binary', totals: any }} task */
function mutateOne({ formula, satisfiable, proof, form, totals }) {
  const cnf = toDimacs(formula)
  const siblingCnf = satisfiable === null ? null : toDimacs(satisfiable)
  const stepsOf = (/** @type {Uint8Array} */ bytes) =>
    form === 'text' ? stepsOfText(new TextDecoder('latin1').decode(bytes)) : stepsOfBinary(bytes)
  /** Verdicts of the exhaustive checker by what the steps say: most accepted mutations differ in hints or blanks only. @type {Map<string, boolean>} */
  const known = new Map()
  const judge = (/** @type {Uint8Array} */ mutated, /** @type {string} */ what) => {
    if (siblingCnf !== null && checkLrat(siblingCnf, mutated, LIMITS).status === 'valid') {
      totals.falsehoods.push(`${formula.name}, ${form}, ${what}: refutes a satisfiable formula: ${Buffer.from(mutated).toString('hex')}`)
    }
    if (checkLrat(cnf, mutated, LIMITS).status !== 'valid') return
    totals.accepted++
    const meaning = stepsOf(mutated)
    const key = JSON.stringify(meaning)
    if (!known.has(key)) {
      totals.adjudicated++
      known.set(key, holds(formula.clauses, meaning))
    }
    if (known.get(key) === false) {
      totals.falsehoods.push(`${formula.name}, ${form}, ${what}: accepted and does not hold: ${Buffer.from(mutated).toString('hex')}`)
    }
  }
  const before = totals.accepted
  judge(proof, 'unchanged')
  if (totals.accepted === before) throw new Error(`${formula.name}, ${form}: the refutation itself is refused`)
  for (let at = 0; at < proof.length; at++) {
    const byte = /** @type {number} */ (proof[at])
    const symbols =
      form === 'text' ? TEXT_SYMBOLS : [...Array(8).keys()].map((bit) => byte ^ (1 << bit)).concat([0, 97, 100, 255, byte + 2, byte - 2])
    for (const symbol of symbols) {
      if ((symbol & 255) === byte) continue
      const mutated = proof.slice()
      mutated[at] = symbol
      totals.mutations++
      judge(mutated, `byte ${at} made ${symbol & 255}`)
    }
    totals.mutations += 2
    judge(Uint8Array.from([...proof.subarray(0, at), ...proof.subarray(at + 1)]), `without byte ${at}`)
    judge(Uint8Array.from([...proof.subarray(0, at + 1), ...proof.subarray(at)]), `byte ${at} twice`)
    totals.truncations++
    judge(proof.subarray(0, at), `cut at ${at}`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = Number(process.argv[2] ?? 200)
  const seed = Number(process.argv[3] ?? 1)
  const started = process.cpuUsage()
  const totals = mutateAll(subjects(seed), count, (done, tried) => {
    if (done % 20 === 0) console.log(`${done} proofs, ${tried} mutations`)
  })
  const { user, system } = process.cpuUsage(started)
  const { falsehoods, ...figures } = totals
  console.log(JSON.stringify({ ...figures, falsehoods: falsehoods.length, cpuSeconds: Math.round((user + system) / 1e6) }))
  for (const line of falsehoods.slice(0, 10)) console.log(line)
  process.exitCode = falsehoods.length > 0 ? 7 : 0
}
