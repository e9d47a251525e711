/** The prices of `sat-model/1`, normative; docs/proof-kinds/sat-model.md states when each is charged. */
import type { VerifierLimits } from '../verifier.js'

/** Of the gas table and of what a verdict says; genesis pins it. Raise it with every change of either. */
export const SAT_MODEL_REVISION = 2

/** Once per check: what a check costs even if the formula is a single clause. */
export const GAS_INTRINSIC = 2_000
/** Per byte of the canonical claim: read, its clauses evaluated. */
export const GAS_CLAIM_BYTE = 1
/** Per byte of a certificate of the right length, before the first is read. */
export const GAS_MODEL_BYTE = 1
/** Per literal of the clauses that are evaluated: all of a clause, also if the first one is true. */
export const GAS_LITERAL = 1

/** Charges below this sum may be put on the meter together, as in `lrat/1`. */
export const GAS_BATCH = 4_096

/** What validators accept, the same on every chain. A byte holds eight variables, of which a claim of 4 MiB has at most 2^20. */
export const SAT_MODEL_LIMITS: VerifierLimits = {
  claimBytes: 4 << 20,
  proofBytes: 128 << 10,
  gas: 10_000_000,
  memoryWords: 1 << 10,
}

/** What `checkModel` allows on one's own machine. */
export const SAT_MODEL_OFFLINE_LIMITS: VerifierLimits = {
  claimBytes: 1 << 30,
  proofBytes: 32 << 20,
  gas: 10_000_000_000,
  memoryWords: 1 << 10,
}
