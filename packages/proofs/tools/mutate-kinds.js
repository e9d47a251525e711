/**
 * Every single-symbol mutation and every truncation of real proofs of `bvlrat/1` and `sat-model/1`, after `npm run build`:
 *
 *     node packages/proofs/tools/mutate-kinds.js [PROOFS] [SEED] [KIND]
 *
 * 200 of each kind unless said otherwise; what was done so far is told on the way. Of a script, both the proof and the script are changed; what is accepted must have no model when all
 * assignments are tried (test/slow-bv.js). Of a model, each byte and each bit; what is accepted must make every clause true, by an evaluation of the
 * DIMACS clauses that shares nothing with the kernel. Nothing may throw. Exit code 7: a falsehood was accepted. (`lrat/1`: mutate-lrat.js.)
 */
import { fileURLToPath } from 'node:url'
import { randomStream } from '../../simulator/dist/random.js'
import {
  BVLRAT_LIMITS,
  bvlratVerifier,
  clausesToClaim,
  encodeModel,
  encodeWithin,
  parseScript,
  refute,
  runMetered,
  satModelVerifier,
  scriptToClaim,
  toBinaryLrat,
} from '../dist/index.js'
import { randomScript } from '../test/bv-generator.js'
import { bitCount, bruteForce, readSlowScript } from '../test/slow-bv.js'

const LIMITS = { ...BVLRAT_LIMITS, gas: 2_000_000, memoryWords: 1 << 20 }
const NOTHING = { statementOf: () => undefined }
/** Longer ones would make most of the run one proof; more bits cannot be tried out. */
const MOST_PROOF_BYTES = 700
const MOST_SCRIPT_BYTES = 400
const MOST_BITS = 10
/** Of a changed script: a million assignments. */
const TRIED_BITS = 16
const SCRIPT_SYMBOLS = [...'()_ #bx01239afnotugelshrdvmcyz-=|;\n'].map((letter) => letter.charCodeAt(0))
/** Proofs from one word on standard error to the next. */
const TOLD_EVERY = 10
const SHAPE = { widths: [1, 2, 3], constants: 2, depth: 3, assertions: 2, multiplyUpTo: 3, overflowPredicates: true }

/** @typedef {{ proofs: number, siblings: number, mutations: number, truncations: number, parsed: number, accepted: number, untried: number, falsehoods: string[] }} Totals */

/** @returns {Totals} */
const nothingYet = () => ({ proofs: 0, siblings: 0, mutations: 0, truncations: 0, parsed: 0, accepted: 0, untried: 0, falsehoods: [] })

/** @param {number} byte */
const bitsAndNeighbours = (byte) => [
  ...[...Array(8).keys()].map((bit) => byte ^ (1 << bit)),
  0,
  97,
  100,
  255,
  (byte + 2) & 255,
  (byte + 254) & 255,
]

/**
 * @param {Uint8Array} bytes
 * @param {(byte: number) => readonly number[]} symbols
 * @returns {Generator<{ changed: Uint8Array, kind: 'mutations' | 'truncations', what: string }>}
 */
function* mutationsOf(bytes, symbols) {
  for (let at = 0; at < bytes.length; at++) {
    const byte = /** @type {number} */ (bytes[at])
    for (const symbol of new Set(symbols(byte))) {
      if (symbol === byte) continue
      const changed = bytes.slice()
      changed[at] = symbol
      yield { changed, kind: 'mutations', what: `byte ${at} made ${symbol}` }
    }
    yield { changed: Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]), kind: 'mutations', what: `without byte ${at}` }
    yield { changed: Uint8Array.from([...bytes.subarray(0, at + 1), ...bytes.subarray(at)]), kind: 'mutations', what: `byte ${at} twice` }
    yield { changed: bytes.slice(0, at), kind: 'truncations', what: `cut at ${at}` }
  }
}

// --- bvlrat/1 -----------------------------------------------------------------------------------------------------------

/** Canonical scripts without a model, and a proof of each. @param {number} seed */
export function* refutedScripts(seed) {
  for (let next = seed * 1_000_000; ; next++) {
    const claim = scriptToClaim(new TextEncoder().encode(randomScript(next, SHAPE)))
    if (!claim.ok || claim.value.length > MOST_SCRIPT_BYTES) continue
    if (bitCount(readSlowScript(new TextDecoder().decode(claim.value))) > MOST_BITS) continue
    const parsed = parseScript(claim.value)
    const encoded = parsed.ok ? encodeWithin(parsed.value) : parsed
    if (!encoded.ok) throw new Error(encoded.error.message)
    const { cnf } = encoded.value
    // Of a script that folds to false there is little to change in the proof.
    if (encoded.value.usedGates < 3) continue
    /** @type {number[][]} */
    const clauses = []
    for (let at = 0; at < cnf.words.length; at += 1 + Number(cnf.words[at])) {
      const codes = cnf.words.subarray(at + 1, at + 1 + Number(cnf.words[at]))
      clauses.push(Array.from(codes, (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
    }
    const outcome = refute({ name: 'a script', variables: cnf.variables, clauses }, { conflicts: 2_000 })
    if (outcome.status !== 'unsatisfiable') continue
    const proof = toBinaryLrat(outcome.steps)
    if (proof.length <= MOST_PROOF_BYTES) yield { claim: claim.value, proof }
  }
}

/** @param {number} count @param {number} seed @param {(totals: Totals) => void} [onDone] @returns {Totals} */
export function mutateScripts(count, seed, onDone = () => undefined) {
  const totals = nothingYet()
  const verifier = bvlratVerifier(LIMITS)
  /** @param {Uint8Array} claim */
  const parse = (claim) => {
    const parsed = verifier.parseClaim(claim)
    return parsed.ok ? parsed.value.claim : null
  }
  /** 'refused': no claim at all. @param {ReturnType<typeof parse>} claim @param {Uint8Array} proof */
  const statusOf = (claim, proof) => (claim === null ? 'refused' : runMetered(verifier, claim, proof, NOTHING).status)
  for (const { claim, proof } of refutedScripts(seed)) {
    const script = parse(claim)
    if (statusOf(script, proof) !== 'valid') throw new Error('a proof of the project is refused')
    if (bruteForce(readSlowScript(new TextDecoder().decode(claim))) !== null) {
      totals.falsehoods.push(`unchanged: ${new TextDecoder().decode(claim)}`)
    }
    // The script has no model, so a changed proof of it cannot be accepted wrongly; of a script with a model none may be.
    const faulty = withModel(claim, verifier)
    const faultyScript = faulty === null ? null : parse(faulty)
    if (faultyScript !== null) totals.siblings++
    for (const { changed, kind, what } of mutationsOf(proof, bitsAndNeighbours)) {
      totals[kind]++
      if (statusOf(script, changed) === 'valid') totals.accepted++
      if (faulty !== null && statusOf(faultyScript, changed) === 'valid') {
        totals.falsehoods.push(`${what}: ${Buffer.from(changed).toString('hex')} refutes ${new TextDecoder().decode(faulty)}`)
      }
    }
    for (const { changed, kind, what } of mutationsOf(claim, () => SCRIPT_SYMBOLS)) {
      totals[kind]++
      const status = statusOf(parse(changed), proof)
      if (status !== 'refused') totals.parsed++
      if (status !== 'valid') continue
      totals.accepted++
      const text = new TextDecoder('latin1').decode(changed)
      const changedScript = readSlowScript(text)
      // A digit more makes a vector of dozens of bits; there are few of these.
      if (bitCount(changedScript) > TRIED_BITS) totals.untried++
      else if (bruteForce(changedScript) !== null) totals.falsehoods.push(`${what}: ${text}`)
    }
    totals.proofs++
    onDone(totals)
    if (totals.proofs >= count) break
  }
  return totals
}

/** The script with one symbol changed so that it has a model; null if there is none. @param {Uint8Array} claim @param {ReturnType<typeof bvlratVerifier>} verifier */
export function withModel(claim, verifier) {
  for (const { changed, kind } of mutationsOf(claim, () => SCRIPT_SYMBOLS)) {
    if (kind !== 'mutations' || !verifier.parseClaim(changed).ok) continue
    const script = readSlowScript(new TextDecoder('latin1').decode(changed))
    if (bitCount(script) <= MOST_BITS && bruteForce(script) !== null) return changed
  }
  return null
}

// --- sat-model/1 --------------------------------------------------------------------------------------------------------

/** @param {number} count @param {number} seed @param {(totals: Totals) => void} [onDone] @returns {Totals} */
export function mutateModels(count, seed, onDone = () => undefined) {
  const totals = nothingYet()
  const random = randomStream(seed, 'mutate-models')
  const verifier = satModelVerifier()
  while (totals.proofs < count) {
    const variables = random.between(3, 120)
    const values = Array.from({ length: variables + 1 }, () => random.below(2) === 1)
    const literal = (/** @type {number} */ v, /** @type {boolean} */ isTrue) => (values[v] === isTrue ? v : -v)
    // Each clause has one literal that is true, and others that are mostly not: so most bits matter.
    const clauses = Array.from({ length: random.between(variables, 3 * variables) }, (_, i) => {
      const chosen = new Map([[i < variables ? i + 1 : 1 + random.below(variables), true]])
      for (let k = random.below(3); k > 0; k--) {
        const v = 1 + random.below(variables)
        if (!chosen.has(v)) chosen.set(v, random.below(8) === 0)
      }
      return [...chosen].map(([v, isTrue]) => literal(v, isTrue))
    })
    const parsed = verifier.parseClaim(clausesToClaim(clauses))
    if (!parsed.ok) throw new Error(parsed.error.message)
    const proof = encodeModel(variables, (v) => values[v] === true)
    /** Bit v - 1 of the string, lowest first, is variable v; the length is exact, and what is left over of the last byte 0. @param {Uint8Array} model */
    const isModel = (model) => {
      if (model.length !== Math.ceil(variables / 8)) return false
      const bit = (/** @type {number} */ v) => ((Number(model[(v - 1) >> 3]) >> ((v - 1) & 7)) & 1) === 1
      for (let v = variables + 1; v <= 8 * model.length; v++) if (bit(v)) return false
      return clauses.every((clause) => clause.some((l) => bit(Math.abs(l)) === l > 0))
    }
    const judge = (/** @type {Uint8Array} */ model, /** @type {string} */ what) => {
      const accepted = runMetered(verifier, parsed.value.claim, model, NOTHING).status === 'valid'
      if (accepted) totals.accepted++
      if (accepted !== isModel(model)) {
        totals.falsehoods.push(
          `${what}: ${accepted ? 'accepted' : 'refused'}: ${Buffer.from(model).toString('hex')} for ${JSON.stringify(clauses)}`,
        )
      }
    }
    const before = totals.accepted
    judge(proof, 'unchanged')
    if (totals.accepted === before) throw new Error('a model of the project is refused')
    for (const { changed, kind, what } of mutationsOf(proof, () => Array.from({ length: 256 }, (_, byte) => byte))) {
      totals[kind]++
      judge(changed, what)
    }
    totals.proofs++
    onDone(totals)
  }
  return totals
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = Number(process.argv[2] ?? 200)
  const seed = Number(process.argv[3] ?? 1)
  const only = process.argv[4]
  for (const [kind, mutate] of /** @type {const} */ ([
    ['sat-model/1', mutateModels],
    ['bvlrat/1', mutateScripts],
  ])) {
    if (only !== undefined && only !== kind) continue
    const started = process.cpuUsage()
    /** @param {Totals} totals */
    const inWords = ({ falsehoods, ...figures }) => {
      const { user, system } = process.cpuUsage(started)
      return `${kind} ${JSON.stringify({ ...figures, falsehoods: falsehoods.length, cpuSeconds: Math.round((user + system) / 1e6) })}`
    }
    const totals = mutate(count, seed, (sofar) => {
      if (sofar.proofs % TOLD_EVERY === 0) console.error(inWords(sofar))
    })
    const { falsehoods } = totals
    console.log(inWords(totals))
    for (const line of falsehoods.slice(0, 10)) console.log(line)
    if (falsehoods.length > 0) process.exitCode = 7
  }
}
