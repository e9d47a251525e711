/**
 * Checks the test vectors of the proof kinds against the kernels, and the gas of the gas search's champions, which are larger:
 * `node packages/proofs/tools/vectors.js`, after `npm run build`; on another Node: `npx -y node@22 packages/proofs/tools/vectors.js`. With
 * `--write` it puts the verdicts of this build into the files of lrat/1, sat-model/1 and metamath/1 instead: after a change of the gas
 * table, and a look at the difference.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { readChampions } from '../../../fuzz/gas.js'
import { GAS_LANGUAGES } from '../../../fuzz/lib/gas-programs.js'
import {
  BVLRAT_LIMITS,
  bvlratVerifier,
  checkLrat,
  claimIdOf,
  cnfToClaim,
  cnfToDimacs,
  decodeLibrary,
  encodeWithin,
  LRAT_LIMITS,
  libraryDigest,
  METAMATH_LIMITS,
  metamathVerifier,
  parseScript,
  runMetered,
  SAT_MODEL_LIMITS,
  satModelVerifier,
  scriptToClaim,
} from '../dist/index.js'

const write = process.argv.includes('--write')
const folder = new URL('../vectors/', import.meta.url)
const bytes = (/** @type {string} */ hex) => new Uint8Array(Buffer.from(hex, 'hex'))
let wrong = 0
let right = 0

/**
 * @param {string} name
 * @param {object} limits
 * @param {(vector: any) => { status: string, code?: string, at?: number, gas: number, claimId: string }} judge
 */
function judgeFile(name, limits, judge) {
  const url = new URL(name, folder)
  const file = JSON.parse(readFileSync(url, 'utf8'))
  for (const vector of file.vectors) {
    const { status, code, at, gas, claimId } = judge(vector)
    const verdict = { status, ...(code === undefined ? {} : { code }), ...(at === undefined ? {} : { at }), gas }
    const { status: s, code: c, at: a, gas: g } = vector
    const same = s === status && c === code && a === at && g === gas && vector.claimId === claimId
    if (same) right++
    else {
      wrong++
      console.log(
        `${name}: ${vector.name}: expected ${JSON.stringify({ status: s, code: c, at: a, gas: g })}, got ${JSON.stringify(verdict)}`,
      )
    }
    for (const key of ['status', 'code', 'at', 'gas']) delete vector[key]
    Object.assign(vector, { claimId }, verdict)
  }
  if (write) writeFileSync(url, `${JSON.stringify({ ...file, limits }, null, 2)}\n`)
}

/** @param {string} kind @param {string} cnf */
function claimOf(kind, cnf) {
  const claim = cnfToClaim(new TextEncoder().encode(cnf))
  if (!claim.ok) throw new Error(claim.error.message)
  return { claim: claim.value, claimId: toHex(claimIdOf(kind, claim.value)) }
}

judgeFile('lrat-1.json', LRAT_LIMITS, (vector) => {
  const verdict = checkLrat(new TextEncoder().encode(vector.cnf), bytes(vector.proofHex), LRAT_LIMITS)
  if (verdict.status === 'unreadable') throw new Error(verdict.message)
  return { ...verdict, claimId: claimOf('lrat/1', vector.cnf).claimId }
})

judgeFile('sat-model-1.json', SAT_MODEL_LIMITS, (vector) => {
  const verifier = satModelVerifier()
  const { claim, claimId } = claimOf('sat-model/1', vector.cnf)
  const parsed = verifier.parseClaim(claim)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return { ...runMetered(verifier, parsed.value.claim, bytes(vector.modelHex), { statementOf: () => undefined }), claimId }
})

/** @param {string} file @param {string} name @param {object} expected @param {object} got */
function compare(file, name, expected, got) {
  const [was, is] = [expected, got].map((value) => JSON.stringify(value))
  if (was === is) right++
  else {
    wrong++
    console.log(`${file}: ${name}: expected ${was}, got ${is}`)
  }
}

/** @param {string} name */
const readVectors = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))

/** @template T @param {import('@aethel/codec').Result<T, import('@aethel/codec').Refusal>} result @returns {T} */
function unwrap(result) {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** What a verifier says of bytes, in the words of the vectors. @param {import('@aethel/proofs').ProofVerifier<any>} verifier @param {Uint8Array} claim @param {Uint8Array} proof @param {import('@aethel/proofs').CitedClaims} cited */
function outcomeOf(verifier, claim, proof, cited = { statementOf: () => undefined }) {
  const parsed = verifier.parseClaim(claim)
  if (!parsed.ok) return { status: 'refused', code: parsed.error.code }
  const verdict = runMetered(verifier, parsed.value.claim, proof, cited)
  if (verdict.status === 'valid') return { status: 'valid', claimId: toHex(parsed.value.claimId), gas: verdict.gas }
  return { status: 'invalid', code: verdict.code, ...(verdict.at === undefined ? {} : { at: verdict.at }), gas: verdict.gas }
}

function metamathVectors() {
  const name = 'metamath-1.json'
  const file = readVectors(name)
  const library = unwrap(decodeLibrary(bytes(file.library)))
  compare(name, 'the library', { digest: file.libraryDigest }, { digest: toHex(libraryDigest(library)) })
  const cited = {
    statementOf: (/** @type {Uint8Array} */ claimId) => {
      const statement = file.statements[toHex(claimId)]
      return statement === undefined ? undefined : bytes(statement)
    },
  }
  for (const vector of file.cases) {
    const verifier = metamathVerifier([library], { ...METAMATH_LIMITS, gas: vector.gasLimit })
    const outcome = outcomeOf(verifier, bytes(vector.claim), bytes(vector.proof), cited)
    compare(name, vector.name, vector.expect, outcome)
    vector.expect = outcome
  }
  if (write) writeFileSync(new URL(name, folder), `${JSON.stringify(file, null, 2)}\n`)
}

function bvlratVectors() {
  const name = 'bvlrat-1.json'
  const file = readVectors(name)
  const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text)
  for (const each of file.files) compare(name, each.file, each.claim, new TextDecoder().decode(unwrap(scriptToClaim(utf8(each.file)))))
  for (const { script, code, at } of file.refused) {
    const parsed = parseScript(utf8(script))
    compare(name, script, { code, at }, parsed.ok ? { code: 'accepted' } : { code: parsed.error.code, at: parsed.error.at })
  }
  for (const { name: title, script, variables, clauses, dimacsSha256, encodingGas } of file.formulas) {
    const { cnf, gas } = unwrap(encodeWithin(unwrap(parseScript(utf8(script))), BVLRAT_LIMITS))
    const digest = createHash('sha256').update(cnfToDimacs(cnf)).digest('hex')
    compare(
      name,
      title,
      { variables, clauses, dimacsSha256, encodingGas },
      { variables: cnf.variables, clauses: cnf.clauses, dimacsSha256: digest, encodingGas: gas },
    )
  }
  for (const { name: title, script, claimId, proofHex, gasLimit, status, code, at, gas } of file.proofs) {
    const verifier = bvlratVerifier(gasLimit === undefined ? BVLRAT_LIMITS : { ...BVLRAT_LIMITS, gas: gasLimit })
    const expected = status === 'valid' ? { status, claimId, gas } : { status, code, ...(at === undefined ? {} : { at }), gas }
    compare(name, title, expected, outcomeOf(verifier, utf8(script), bytes(proofHex)))
  }
}

function champions() {
  for (const { kind, run } of GAS_LANGUAGES) {
    for (const { steps, gas, outcome } of readChampions(kind)) {
      const found = run(steps)
      compare(`champions of ${kind}`, JSON.stringify(steps), { gas, outcome }, { gas: found.gas, outcome: found.outcome })
    }
  }
}

metamathVectors()
if (!write) {
  bvlratVectors()
  champions()
}
console.log(`node ${process.version}: ${right} vectors as expected, ${wrong} not`)
if (wrong > 0 && !write) process.exitCode = 1
