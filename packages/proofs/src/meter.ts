/** The gas meter every kernel runs under (proofs.md §5): integers, charged before the work and before the allocation. */
import type { CitedClaims, Meter, ProofSource, ProofVerifier, StreamedCheck, Verdict, VerifierLimits } from './verifier.js'

/** Thrown by a meter at its limit, turned into an `invalid` verdict by `runMetered`; nothing else catches it. */
export class MeterExhausted extends Error {
  override readonly name = 'MeterExhausted'
  readonly code: 'gas-exhausted' | 'memory-exhausted'
  constructor(code: 'gas-exhausted' | 'memory-exhausted', message: string) {
    super(message)
    this.code = code
  }
}

/** A sum with anything else in it is no gas that a block can hold. A kind from outside may ask for it: then it has no verdict. */
function checkWhole(amount: number): void {
  if (!Number.isSafeInteger(amount) || amount < 0) throw new Error(`the meter: expected a whole number, 0 or more, got ${amount}`)
}

/** A meter that also says how much was allocated under it. */
export interface CountingMeter extends Meter {
  readonly memoryWords: number
}

export function createMeter(limits: Pick<VerifierLimits, 'gas' | 'memoryWords'>): CountingMeter {
  let gas = 0
  let words = 0
  return {
    charge(amount) {
      checkWhole(amount)
      gas += amount
      if (gas > limits.gas) {
        gas = limits.gas
        throw new MeterExhausted('gas-exhausted', `the proof needs more than its limit of ${limits.gas} gas`)
      }
    },
    allocate(amount) {
      checkWhole(amount)
      words += amount
      if (words > limits.memoryWords) {
        throw new MeterExhausted('memory-exhausted', `the proof needs more than its limit of ${limits.memoryWords} words of memory`)
      }
    },
    get gas() {
      return gas
    },
    get memoryWords() {
      return words
    },
  }
}

/**
 * Runs a check under a fresh meter. A meter at its limit is a verdict, the same on every machine, with the gas charged by
 * then (at the gas limit: the limit). Whatever else a checker throws is a fault of ours and goes on to the caller, who must
 * not call it a verdict (proofs.md §4: only the runner says `aborted`). `meter`: a fresh one under these limits, for who wants to look at it
 * afterwards.
 */
export function runMetered<Claim>(
  verifier: ProofVerifier<Claim>,
  claim: Claim,
  proof: Uint8Array,
  cited: CitedClaims,
  limits: Pick<VerifierLimits, 'gas' | 'memoryWords'> = verifier.limits,
  meter: Meter = createMeter(limits),
): Verdict {
  return metered(meter, () => verifier.verify(claim, proof, cited, meter))
}

/** The same for a proof that comes in pieces; what the source throws goes on to the caller. */
export function runStreamed<Claim>(
  check: StreamedCheck<Claim>,
  claim: Claim,
  proof: ProofSource,
  meter: Meter = createMeter(check.limits),
): Verdict {
  return metered(meter, () => check.verify(claim, proof, meter))
}

function metered(meter: Meter, verify: () => Verdict): Verdict {
  try {
    return verify()
  } catch (error) {
    if (!(error instanceof MeterExhausted)) throw error
    return { status: 'invalid', code: error.code, message: error.message, gas: meter.gas }
  }
}
