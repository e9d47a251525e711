/**
 * The proofs of the mixed load, verified without a network: `node bare-verify.js HOME FILE COUNT`. Loads what a validator's proof thread loads,
 * says `ready`, and on the first byte of stdin checks everything in order, once; then prints how long the first COUNT took, and how long the rest.
 */
import { readFileSync } from 'node:fs'
import { keyOf } from '@aethel/codec'
import { decodeLibrary, libraryAxioms, runMetered } from '@aethel/proofs'
import { openHome } from '../../packages/node/dist/home.js'
import { decodeProofs } from './proof-file.js'

const [folder, file, first] = process.argv.slice(2)
if (folder === undefined || file === undefined || first === undefined) throw new Error('expected HOME FILE COUNT')
const home = openHome(folder)
const verifiers = new Map(home.registry.kinds.map(({ verifier }) => [verifier.kind, verifier]))
/** @type {Map<string, Uint8Array>} */
const statements = new Map()
for (const bytes of home.libraryBytes) {
  const library = decodeLibrary(bytes)
  if (!library.ok) throw new Error(library.error.message)
  const axioms = libraryAxioms(library.value)
  if (!axioms.ok) throw new Error(axioms.error.message)
  for (const [i, { claimId }] of axioms.value.entries()) statements.set(keyOf(claimId), /** @type {Uint8Array} */ (library.value.axioms[i]))
}
const proofs = decodeProofs(new Uint8Array(readFileSync(file)))
const cited = { statementOf: (/** @type {import('@aethel/codec').Hash} */ claimId) => statements.get(keyOf(claimId)) }

process.stdin.once('data', () => {
  const parts = [proofs.slice(0, Number(first)), proofs.slice(Number(first))]
  console.log(JSON.stringify(parts.map(timed)))
  process.exit(0)
})
console.log('ready')

/** @param {typeof proofs} part */
function timed(part) {
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (const proof of part) check(proof)
  const { user, system } = process.cpuUsage(cpu)
  return { wallSeconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 }
}

/** @param {typeof proofs[number]} proof */
function check({ kind, claim, proof }) {
  const verifier = verifiers.get(kind)
  const parsed = verifier?.parseClaim(claim)
  if (verifier === undefined || parsed === undefined || !parsed.ok) throw new Error(`a claim of ${kind} was refused`)
  const verdict = runMetered(verifier, parsed.value.claim, proof, cited)
  if (verdict.status !== 'valid') throw new Error(`a proof of ${kind} was refused: ${verdict.message}`)
  statements.set(keyOf(parsed.value.claimId), claim)
}
