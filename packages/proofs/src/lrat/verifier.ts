/**
 * `lrat/1` as a proof kind of the ledger, and the same check for files on one's own machine. Both go through the
 * canonical claim, so gas and verdict are the same in both.
 */
import { err, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { claimIdOf } from '../claim-id.js'
import { createMeter, MeterExhausted } from '../meter.js'
import type { ClaimReference, Meter, ParsedClaim, ProofVerifier, Verdict, VerifierLimits } from '../verifier.js'
import { type Cnf, parseCnfClaim, readDimacs } from './cnf.js'
import { LRAT_BLOB_LIMITS, LRAT_LIMITS, LRAT_OFFLINE_LIMITS } from './gas.js'
import { checkRefutation } from './kernel.js'
import { LratRefusal, type ProofSource } from './steps.js'

export const LRAT_KIND = 'lrat/1'

/**
 * The verifier of refutations: the claim is a canonical CNF (`cnfToClaim`), the proof an LRAT refutation of it, text or
 * binary. `verify` throws `MeterExhausted` at the meter's limits and nothing else.
 */
export function lratVerifier(limits: VerifierLimits = LRAT_LIMITS): ProofVerifier<Cnf> {
  return {
    kind: LRAT_KIND,
    limits,
    parseClaim: (bytes): Result<ParsedClaim<Cnf>, Refusal> => {
      if (bytes.length > limits.claimBytes) {
        return refuse('claim-too-large', `expected a claim of at most ${limits.claimBytes} bytes, got ${bytes.length}`)
      }
      const parsed = parseCnfClaim(bytes)
      return parsed.ok ? ok({ claim: parsed.value, claimId: claimIdOf(LRAT_KIND, bytes) }) : err(parsed.error)
    },
    citationsOf: (): Result<readonly ClaimReference[], Refusal> => ok([]),
    verify: (claim, proof, _cited, meter) => verifyLrat(claim, proof, limits, meter),
    streamed: { limits: LRAT_BLOB_LIMITS, verify: (claim, proof, meter) => verifyLrat(claim, proof, LRAT_BLOB_LIMITS, meter) },
  }
}

/** The check of a formula, however it came to be one; `MeterExhausted` comes out. */
export function verifyLrat(claim: Cnf, proof: Uint8Array | ProofSource, limits: VerifierLimits, meter: Meter): Verdict {
  if (proof instanceof Uint8Array && proof.length > limits.proofBytes) {
    const message = `expected a proof of at most ${limits.proofBytes} bytes, got ${proof.length}`
    return { status: 'invalid', code: 'proof-too-large', message, gas: meter.gas }
  }
  try {
    const summary = checkRefutation(claim, proof instanceof Uint8Array ? proof : bounded(proof, limits.proofBytes), meter)
    return { status: 'valid', gas: meter.gas, summary: { ...summary } }
  } catch (error) {
    if (!(error instanceof LratRefusal)) throw error
    return { status: 'invalid', code: error.code, message: error.message, at: error.at, gas: meter.gas }
  }
}

/** A source that refuses the byte behind so many, once those are read: where a piece ends makes no difference. */
function bounded(source: ProofSource, mostBytes: number): ProofSource {
  let left = mostBytes
  let goesOn = false
  return {
    next() {
      if (goesOn) throw new LratRefusal('proof-too-large', `expected a proof of at most ${mostBytes} bytes, got more`, mostBytes)
      const piece = source.next()
      goesOn = piece !== undefined && piece.length > left
      const within = goesOn ? piece?.subarray(0, left) : piece
      left -= within?.length ?? 0
      return within
    },
  }
}

/** A verdict on two files; 'unreadable' if the first is no CNF that can be claimed. */
export type LratFileVerdict = Verdict | { readonly status: 'unreadable'; readonly code: string; readonly message: string; readonly gas: 0 }

/**
 * Checks an LRAT refutation (text or binary) of a DIMACS file, with the gas the ledger would charge. The refutation may come
 * in pieces: then the check needs no more memory than the formula and the clauses that are live at one time. Throws only
 * what the source of the pieces throws.
 */
export function checkLrat(cnf: Uint8Array, proof: Uint8Array | ProofSource, limits: VerifierLimits = LRAT_OFFLINE_LIMITS): LratFileVerdict {
  const formula = readDimacs(cnf)
  if (!formula.ok) return { status: 'unreadable', ...formula.error, gas: 0 }
  const { claimBytes } = formula.value
  if (claimBytes > limits.claimBytes) {
    const message = `expected a claim of at most ${limits.claimBytes} bytes, got ${claimBytes}`
    return { status: 'unreadable', code: 'claim-too-large', message, gas: 0 }
  }
  const meter = createMeter(limits)
  try {
    return verifyLrat(formula.value, proof, limits, meter)
  } catch (error) {
    if (!(error instanceof MeterExhausted)) throw error
    return { status: 'invalid', code: error.code, message: error.message, gas: meter.gas }
  }
}
