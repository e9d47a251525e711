/**
 * Trusting nobody: run the proof kind's own checker on the proof that a receipt names. Apart from the light client, so that
 * a browser need not load any kernel to verify a receipt.
 */
import { equalBytes, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import type { BlobRef } from '@aethel/consensus'
import type { CitedClaims, Meter, ProofSource, ProofVerifier, Verdict } from '@aethel/ledger'
import { proofHashOf } from '@aethel/ledger/records'
import type { CheckedReceipt } from './verify.js'

export interface RecheckOptions {
  readonly verifier: ProofVerifier<unknown>
  /** A fresh meter at the verifier's limits, or at those of its `streamed` check. */
  readonly meter: Meter
  /** Statements of the claims that the proof cites; none are needed for kinds that stand alone. */
  readonly cited?: CitedClaims
}

/** Whether `proof` is the proof the receipt names and the checker finds it valid at the gas on record. */
export function recheckReceipt(
  receipt: CheckedReceipt,
  proof: Uint8Array,
  options: RecheckOptions,
): Result<{ readonly gas: number }, Refusal> {
  const { record } = receipt
  const { meter, verifier } = options
  const proofHash = proofHashOf(proof)
  if (!equalBytes(proofHash, record.proofHash)) {
    return refuse(
      'proof-hash',
      `expected the proof with hash ${toHex(record.proofHash)}, got one with ${toHex(proofHash)}; give the file that was submitted`,
    )
  }
  if (verifier.kind !== record.kind) return refuse('kind', `expected a checker of ${record.kind}, got one of ${verifier.kind}`)
  const parsed = verifier.parseClaim(receipt.claim)
  if (!parsed.ok) return parsed
  const verdict = verdictOf(
    () => verifier.verify(parsed.value.claim, proof, options.cited ?? { statementOf: () => undefined }, meter),
    meter,
  )
  return outcomeOf(record.gas, verdict)
}

function outcomeOf(recordedGas: number, verdict: Verdict): Result<{ readonly gas: number }, Refusal> {
  if (verdict.status === 'invalid') return refuse(verdict.code, `the proof does not check: ${verdict.message}`)
  if (verdict.gas !== recordedGas)
    return refuse('gas', `expected the recorded ${recordedGas} gas, got ${verdict.gas}; the checker is of another revision`)
  return ok({ gas: verdict.gas })
}

/**
 * The same for a proof that was submitted as a blob: `blob` is what the caller has computed of the bytes that `proof` hands out, chunk by
 * chunk (`BlobTree` of `@aethel/consensus`).
 */
export function recheckBlobReceipt(
  receipt: CheckedReceipt,
  blob: BlobRef,
  proof: ProofSource,
  options: Omit<RecheckOptions, 'cited'>,
): Result<{ readonly gas: number }, Refusal> {
  const { record } = receipt
  const { meter, verifier } = options
  if (!equalBytes(blob.root, record.proofHash) || blob.bytes !== record.proofBytes) {
    return refuse(
      'proof-hash',
      `expected the blob ${toHex(record.proofHash)} of ${record.proofBytes} bytes, got ${toHex(blob.root)} of ${blob.bytes}; give the file that was submitted`,
    )
  }
  const { streamed } = verifier
  if (verifier.kind !== record.kind || streamed === undefined)
    return refuse('kind', `expected a checker of ${record.kind} that takes blobs, got one of ${verifier.kind}`)
  const parsed = verifier.parseClaim(receipt.claim)
  if (!parsed.ok) return parsed
  return outcomeOf(
    record.gas,
    verdictOf(() => streamed.verify(parsed.value.claim, proof, meter), meter),
  )
}

/** A meter at its limit ends a check by throwing; that is a verdict. Anything else is a bug and goes on. */
function verdictOf(verify: () => Verdict, meter: Meter): Verdict {
  try {
    return verify()
  } catch (error) {
    if (!(error instanceof Error && error.name === 'MeterExhausted' && 'code' in error)) throw error
    return { status: 'invalid', code: String(error.code), message: error.message, gas: meter.gas }
  }
}
