/**
 * One proof checked in a process of its own, and the memory that came into use meanwhile: `node one-check.js KIND CLAIM PROOF`, the files as
 * a validator would have them in memory. Resident memory at its highest as the kernel counts it (VmHWM), without what the process
 * held before the check: the program, the two files.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { bvlratVerifier, createMeter, lratVerifier, MeterExhausted, satModelVerifier } from '@aethel/proofs'

const [kind, claimFile, proofFile] = process.argv.slice(2)
/** @type {readonly import('@aethel/proofs').ProofVerifier[]} */
const verifiers = [lratVerifier(), satModelVerifier(), bvlratVerifier()]
const verifier = verifiers.find((each) => each.kind === kind)
if (verifier === undefined || claimFile === undefined || proofFile === undefined) throw new Error('expected KIND CLAIM PROOF')
const claim = readFileSync(claimFile)
const proof = readFileSync(proofFile)

const limited = createMeter(verifier.limits)
let words = 0
const meter = {
  charge: (/** @type {number} */ gas) => limited.charge(gas),
  allocate: (/** @type {number} */ more) => {
    limited.allocate(more)
    words += more
  },
  get gas() {
    return limited.gas
  },
}

/** @param {import('@aethel/proofs').ProofVerifier} verifier */
function check(verifier) {
  const parsed = verifier.parseClaim(claim)
  if (!parsed.ok) return `claim: ${parsed.error.code}`
  try {
    const verdict = verifier.verify(parsed.value.claim, proof, { statementOf: () => undefined }, meter)
    return verdict.status === 'valid' ? 'valid' : verdict.code
  } catch (error) {
    if (error instanceof MeterExhausted) return error.code
    throw error
  }
}

/** @param {string} field */
function mebibytes(field) {
  return Number(new RegExp(`${field}:\\s*(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
}

// Sets the mark back to what is resident now.
writeFileSync('/proc/self/clear_refs', '5')
const before = mebibytes('VmRSS')
const outcome = check(verifier)
const grown = mebibytes('VmHWM') - before
console.log(JSON.stringify({ outcome, grownMib: grown, meteredMib: (4 * words) / 2 ** 20, gas: meter.gas }))
