/**
 * Run by kept-code.test.ts in a process of its own, under `--log-deopt`: proofs of two kinds one after the other, and all that they leave behind
 * collected every few, as a proof thread does (packages/node/src/proof-garbage.ts). Prints how many were checked.
 */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  bvlratVerifier,
  cnfToClaim,
  createMeter,
  lratVerifier,
  pigeonhole,
  pigeonholeCertificate,
  runMetered,
  toBinaryLrat,
  toDimacs,
  toTextLrat,
} from '../dist/index.js'

const ROUNDS = 24
const EVERY = 4
const HOLES = 8

setFlagsFromString('--expose-gc')
const collect = /** @type {() => void} */ (runInNewContext('gc'))

const vectors = JSON.parse(readFileSync(new URL('../vectors/bvlrat-1.json', import.meta.url), 'utf8'))
const scripts = vectors.proofs
  .filter((/** @type {any} */ { valid, script }) => valid !== false && script.length < 3_000)
  .map((/** @type {any} */ { script, proofHex }) => ({ claim: new TextEncoder().encode(script), proof: Buffer.from(proofHex, 'hex') }))
const claim = cnfToClaim(toDimacs(pigeonhole(HOLES + 1, HOLES)))
if (!claim.ok) throw new Error(claim.error.message)
const steps = pigeonholeCertificate(HOLES)
const refutations = [toBinaryLrat(steps), toTextLrat(steps)].map((proof) => ({ claim: claim.value, proof }))

let checked = 0
/** @param {import('../dist/index.js').ProofVerifier<any>} verifier @param {{ claim: Uint8Array, proof: Uint8Array }} proof */
function check(verifier, { claim, proof }) {
  const parsed = verifier.parseClaim(claim)
  if (!parsed.ok) throw new Error(parsed.error.message)
  runMetered(verifier, parsed.value.claim, proof, { statementOf: () => undefined }, verifier.limits, createMeter(verifier.limits))
  if (++checked % EVERY === 0) collect()
}

for (let round = 0; round < ROUNDS; round++) {
  for (const refutation of refutations) check(lratVerifier(), refutation)
  check(bvlratVerifier(), scripts[round % scripts.length])
}
process.stdout.write(`${checked}\n`)
