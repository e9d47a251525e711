/**
 * What the gas benchmark runs: inputs of a kind, each prepared once and then checked again and again, claim and proof from
 * their bytes, as a validator would.
 *
 * @typedef {object} GasRun
 * @property {number} gas
 * @property {string} outcome 'valid' or the code of the refusal
 * @property {(meter?: import('@aethel/proofs').Meter) => import('@aethel/proofs').Verdict | undefined} check does it again; the verdict, if it is of one proof
 * @property {Uint8Array} [claim] of one proof, not several
 * @property {Uint8Array} [proof]
 *
 * @typedef {object} GasInput
 * @property {string} name
 * @property {'typical' | 'hostile'} nature
 * @property {() => GasRun} prepare
 *
 * @typedef {object} GasKind
 * @property {string} kind
 * @property {() => readonly GasInput[]} inputs
 */
import { runMetered } from '@aethel/proofs'

/**
 * @param {import('@aethel/proofs').ProofVerifier<any>} verifier
 * @param {Uint8Array} claim
 * @param {Uint8Array} proof
 * @param {import('@aethel/proofs').CitedClaims} [cited]
 * @returns {GasRun}
 */
export function runOf(verifier, claim, proof, cited = { statementOf: () => undefined }) {
  const check = (/** @type {import('@aethel/proofs').Meter | undefined} */ meter = undefined) => {
    const parsed = verifier.parseClaim(claim)
    if (!parsed.ok) throw new Error(parsed.error.message)
    return runMetered(verifier, parsed.value.claim, proof, cited, verifier.limits, meter)
  }
  /** @type {import('@aethel/proofs').Verdict | undefined} */
  let verdict
  const first = () => {
    verdict ??= check()
    return verdict
  }
  return {
    get gas() {
      return first().gas
    },
    get outcome() {
      const { status, ...rest } = first()
      return status === 'valid' ? 'valid' : /** @type {{ code: string }} */ (/** @type {unknown} */ (rest)).code
    },
    check,
    claim,
    proof,
  }
}

/** @param {readonly GasRun[]} runs @returns {GasRun} */
export function runOfAll(runs) {
  return {
    gas: runs.reduce((sum, { gas }) => sum + gas, 0),
    outcome: [...new Set(runs.map(({ outcome }) => outcome))].join(', '),
    check: () => {
      for (const { check } of runs) check()
      return undefined
    },
  }
}
