/**
 * The prices of `bvlrat/1` up to the CNF, normative like those of `lrat/1`, which are charged for that CNF on top.
 * docs/proof-kinds/bvlrat.md states when each is charged.
 */
import type { VerifierLimits } from '../verifier.js'

/** Of the gas table and of what a verdict says, those of `lrat/1` among them; genesis pins it. Raise it with every change of either. */
export const BVLRAT_REVISION = 5

/** Per byte of the canonical script: reading it once and keeping its program. */
export const GAS_SCRIPT_BYTE = 8
/** Per instruction of the program, each time it is executed. */
export const GAS_INSTRUCTION = 10
/** So many bits that an instruction puts on the stack or moves cost one (rounded up). */
export const BITS_PER_GAS = 8
/** Per gate asked for, even if it folds away. */
export const GAS_GATE = 2
/** Per gate asked for that does not fold away and is looked up in the gate table. */
export const GAS_LOOKUP = 6
/** Per place of the gate table looked at and taken by another gate, which may lie anywhere. */
export const GAS_PROBE = 2
/** Of a look-up that begins at no place where one began lately, per doubling of the room for gates above NEAR_ROOM. */
export const GAS_FAR_PLACE = 8
/** Gates and table of 2^15 gates are 768 KiB: a processor has that at hand. */
export const NEAR_ROOM: number = 1 << 15
/** "Lately": the place is the last one with its residue modulo this where a look-up began. */
export const RECENT_PLACES = 8_192
/** Per gate that is not found there and is made. */
export const GAS_NEW_GATE = 8
/** Per gate, when the gates that matter are marked and numbered. */
export const GAS_MARK = 1
/** Per word of the CNF: a clause's count and its literals. */
export const GAS_CNF_WORD = 1

/** As in `lrat/1`: charges below this sum may be collected, if they are on the meter before any allocation or verdict. */
export const GAS_BATCH = 4_096

/** Widest bit vector of any term, so that a width, and twice a width, are small integers. */
export const MAX_WIDTH: number = 1 << 16
/** Bits of all declared constants together; their variables and the gates' must fit the variables of `lrat/1`. */
export const MAX_INPUT_BITS: number = 1 << 26

/** What validators accept, the same on every chain: as `lrat/1`, and a script of at most 1 MiB. */
export const BVLRAT_LIMITS: VerifierLimits = {
  claimBytes: 1 << 20,
  proofBytes: 64 << 20,
  gas: 400_000_000,
  memoryWords: 64 << 20,
}

/** Of proofs that come as blobs, as in `lrat/1`. */
export const BVLRAT_BLOB_LIMITS: VerifierLimits = { ...BVLRAT_LIMITS, proofBytes: 1 << 30, gas: 2_000_000_000 }

/** What `checkBvlrat` allows on one's own machine. */
export const BVLRAT_OFFLINE_LIMITS: VerifierLimits = {
  claimBytes: 64 << 20,
  proofBytes: 1 << 30,
  gas: 100_000_000_000,
  memoryWords: 512 << 20,
}
