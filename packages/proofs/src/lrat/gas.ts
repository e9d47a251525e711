/**
 * The prices of `lrat/1`, normative: two implementations agree on every verdict only if they agree on these. One unit is
 * meant to cost one to five nanoseconds. docs/proof-kinds/lrat.md states when each is charged.
 */
import type { VerifierLimits } from '../verifier.js'

/** Of the gas table and of what a verdict says; genesis pins it. Raise it with every change of either. */
export const LRAT_REVISION = 3

/** Once per check: what a check costs even if the proof is a single byte. */
export const GAS_INTRINSIC = 5_000
/** Per byte of the canonical claim. */
export const GAS_CLAIM_BYTE = 1
/** Per byte of the proof that is read. */
export const GAS_PROOF_BYTE = 1
/** Per step, addition or deletion. */
export const GAS_STEP = 8
/** Per literal of an added clause: falsified, stored, compacted later, undone. */
export const GAS_ADDED_LITERAL = 4
/** Per hint of an addition, used or not. */
export const GAS_HINT = 1
/** Per clause that a hint or a RAT group looks at. */
export const GAS_LOOK = 4
/** Per RAT group: its clause is looked up twice, once to name it and once to forget that. */
export const GAS_GROUP = 8
/** For a clause looked at or deleted that is not among those looked at lately, per bit of the memory allocated, in words, above FAR_BITS. */
export const GAS_FAR = 8
/** 2^17 words are half a MiB: a processor has that at hand. */
export const FAR_BITS = 17
/** "Lately": the id was the last one with its residue modulo this that was looked at. */
export const RECENT_IDS = 8_192
/** Per literal of a clause that a hint or a RAT group looks at: all of them, whatever is found first. */
export const GAS_LOOK_LITERAL = 1
/** Per id in a deletion, live or not. */
export const GAS_DELETED_CLAUSE = 5
/** Per literal of a deleted clause. */
export const GAS_DELETED_LITERAL = 1
/** Per word of the live clauses, once, when the first addition needs to know where a literal occurs. */
export const GAS_OCCURRENCE_WORD = 2
/** Per word of memory allocated: the system hands it out, it is cleared and copied. */
export const GAS_MEMORY_WORD = 1

/**
 * Charges below this sum may be collected and put on the meter together. The verdict and the gas come out the same,
 * because what is collected is put on the meter before anything is allocated and before any verdict.
 */
export const GAS_BATCH = 4_096

/** 2^28-1: a literal code `2 * variable + sign` then fits 29 bits. */
export const MAX_VARIABLE = 0x0fff_ffff
/** 2^30-1: the binary form of a clause id, `2 * id + sign`, then fits 31 bits. */
export const MAX_CLAUSE_ID = 0x3fff_ffff

/** What validators accept, the same on every chain: a few seconds and 256 MiB for the worst proof. */
export const LRAT_LIMITS: VerifierLimits = {
  claimBytes: 4 << 20,
  proofBytes: 64 << 20,
  gas: 400_000_000,
  memoryWords: 64 << 20,
}

/** Of proofs that come as blobs: as much gas as a block of the default genesis holds, and no more memory than any other proof. */
export const LRAT_BLOB_LIMITS: VerifierLimits = { ...LRAT_LIMITS, proofBytes: 1 << 30, gas: 2_000_000_000 }

/** What `checkLrat` allows on one's own machine: files up to 1 GiB, minutes, 2 GiB of memory. */
export const LRAT_OFFLINE_LIMITS: VerifierLimits = {
  claimBytes: 1 << 30,
  proofBytes: 1 << 30,
  gas: 100_000_000_000,
  memoryWords: 512 << 20,
}
