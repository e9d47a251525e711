/**
 * Checks the test vectors of the proof kinds against the kernels: `node packages/proofs/tools/vectors.js`, after
 * `npm run build`; on another Node: `npx -y node@22 packages/proofs/tools/vectors.js`. With `--write` it puts the verdicts
 * of this build into the files of lrat/1 and sat-model/1 instead: after a change of the gas table, and a look at the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { checkLrat, claimIdOf, cnfToClaim, LRAT_LIMITS, runMetered, SAT_MODEL_LIMITS, satModelVerifier } from '../dist/index.js'

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

console.log(`node ${process.version}: ${right} vectors as expected, ${wrong} not`)
if (wrong > 0 && !write) process.exitCode = 1
