/**
 * The normative gas table of `metamath/1`. One gas is meant to cost about as much as moving one symbol; every charge
 * is made before the work it pays for, and no charge depends on what was verified before. docs/proof-kinds/metamath.md states
 * when each is made.
 */

/** Of the gas table and of what a verdict says; genesis pins it. Raise it with every change of either. */
export const METAMATH_REVISION = 2

export const GAS = {
  /** Per proof: setting up, hashing, answering. */
  proof: 5_000,
  /** Per byte of claim, certificate and cited statements; pays for parsing and for each step that only pushes. */
  byte: 4,
  /** Per citation, on top of its bytes. */
  citation: 1_000,
  /** Per word of the table of disjoint variables: (slots) * ceil(slots / 32). */
  disjointWord: 1,
  /** Per word of the statement to be proved, laid out once at the start. */
  frameWord: 2,
  /** Per step that applies a statement. */
  step: 12,
  /** Per word of the applied statement's record, at every application. */
  recordWord: 1,
  /** Per symbol of a stack entry compared with an essential hypothesis. */
  compare: 1,
  /** Per symbol of a step's result. */
  copy: 1,
  /** Per symbol scanned for variables where the applied statement has disjoint conditions. */
  scan: 1,
  /** Per pair of disjoint conditions: (1 + variables found) * words of a row. */
  disjointRow: 1,
} as const

/** As in `lrat/1`: charges below this sum may be collected, if they are on the meter before any allocation or verdict. */
export const GAS_BATCH = 4_096

/** Words allocated for the stack's bookkeeping, per byte of proof letters (or label of an uncompressed proof). */
export const STACK_WORDS_PER_STEP = 5
/** The heap of symbols is granted in pieces of this many words. */
export const HEAP_GRANT_WORDS = 4_096
/** Mandatory hypotheses and dummy variables of one proof: a table of disjoint variables of 32,768 words at most. */
export const MAX_SLOTS = 1_024
