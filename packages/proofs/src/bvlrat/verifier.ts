/**
 * `bvlrat/1` as a proof kind of the ledger: the claim is a canonical QF_BV script, the proof an LRAT refutation of the CNF
 * that `encodeScript` makes of it; and the same check for files on one's own machine.
 */
import { ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { claimIdOf } from '../claim-id.js'
import type { ProofSource } from '../lrat/steps.js'
import { verifyLrat } from '../lrat/verifier.js'
import { createMeter, MeterExhausted } from '../meter.js'
import type { ClaimReference, Meter, ParsedClaim, ProofVerifier, Verdict, VerifierLimits } from '../verifier.js'
import { scriptToClaim } from './canonical.js'
import { type EncodedScript, encodeScript } from './encode.js'
import { BVLRAT_BLOB_LIMITS, BVLRAT_LIMITS, BVLRAT_OFFLINE_LIMITS, GAS_SCRIPT_BYTE } from './gas.js'
import { TooManyGates } from './gates.js'
import { parseScript } from './parse.js'
import type { BvScript } from './script.js'

export const BVLRAT_KIND = 'bvlrat/1'

/** `verify` throws `MeterExhausted` at the meter's limits and nothing else. */
export function bvlratVerifier(limits: VerifierLimits = BVLRAT_LIMITS): ProofVerifier<BvScript> {
  return {
    kind: BVLRAT_KIND,
    limits,
    parseClaim: (bytes): Result<ParsedClaim<BvScript>, Refusal> => {
      if (bytes.length > limits.claimBytes) {
        return refuse('claim-too-large', `expected a claim of at most ${limits.claimBytes} bytes, got ${bytes.length}`)
      }
      const parsed = parseScript(bytes)
      if (!parsed.ok) return refuse(parsed.error.code, parsed.error.message)
      return ok({ claim: parsed.value, claimId: claimIdOf(BVLRAT_KIND, bytes) })
    },
    citationsOf: (): Result<readonly ClaimReference[], Refusal> => ok([]),
    verify: (claim, proof, _cited, meter) => verifyBvlrat(claim, proof, limits, meter),
    streamed: { limits: BVLRAT_BLOB_LIMITS, verify: (claim, proof, meter) => verifyBvlrat(claim, proof, BVLRAT_BLOB_LIMITS, meter) },
  }
}

function verifyBvlrat(claim: BvScript, proof: Uint8Array | ProofSource, limits: VerifierLimits, meter: Meter): Verdict {
  if (proof instanceof Uint8Array && proof.length > limits.proofBytes) {
    const message = `expected a proof of at most ${limits.proofBytes} bytes, got ${proof.length}`
    return { status: 'invalid', code: 'proof-too-large', message, gas: meter.gas }
  }
  meter.charge(GAS_SCRIPT_BYTE * claim.bytes.length)
  let encoded: EncodedScript
  try {
    encoded = encodeScript(claim, meter)
  } catch (error) {
    if (!(error instanceof TooManyGates)) throw error
    return { status: 'invalid', code: 'too-many-gates', message: error.message, gas: meter.gas }
  }
  const verdict = verifyLrat(encoded.cnf, proof, limits, meter)
  if (verdict.status === 'invalid') return verdict
  const { gates, usedGates } = encoded
  return { ...verdict, summary: { ...verdict.summary, assertions: claim.assertions.length, gates, usedGates } }
}

/** A verdict on two files; 'unreadable' if the first is no script that can be claimed. */
export type BvlratFileVerdict =
  | Verdict
  | { readonly status: 'unreadable'; readonly code: string; readonly message: string; readonly gas: 0 }

/**
 * Checks an LRAT refutation (text or binary) of an SMT-LIB script, with the gas the ledger would charge. It may come in pieces, as
 * in `checkLrat`. Throws only what the source of the pieces throws.
 */
export function checkBvlrat(
  script: Uint8Array,
  proof: Uint8Array | ProofSource,
  limits: VerifierLimits = BVLRAT_OFFLINE_LIMITS,
): BvlratFileVerdict {
  const claim = scriptToClaim(script)
  if (!claim.ok) return { status: 'unreadable', ...claim.error, gas: 0 }
  const parsed = bvlratVerifier(limits).parseClaim(claim.value)
  if (!parsed.ok) return { status: 'unreadable', ...parsed.error, gas: 0 }
  const meter = createMeter(limits)
  try {
    return verifyBvlrat(parsed.value.claim, proof, limits, meter)
  } catch (error) {
    if (!(error instanceof MeterExhausted)) throw error
    return { status: 'invalid', code: error.code, message: error.message, gas: meter.gas }
  }
}
