/** A broken invariant ends the run with its name; the seed replays it. */

export const INVARIANTS = [
  'agreement',
  'chain-without-gaps',
  'certificate',
  'header',
  'state-root',
  'restored-state',
  'validity',
  'blob-in-hand',
  'blob-kept',
  'exactly-once',
  'receipt',
  'no-conflicting-votes',
  'no-vote-after-view-change',
  'commit-is-prepared',
  'one-chain-per-view',
  'within-window',
  'highest-covers-commits',
  'view-backed',
  'new-view-sound',
  'view-monotone',
  'sent-implies-durable',
  'evidence-sound',
  'honest-is-heard',
  'halted-is-silent',
  'fork-is-proven',
  'bounded-buffers',
  'bounded-answers',
  'no-crash',
  'determinism',
  'liveness',
  'throughput',
] as const

export type InvariantName = (typeof INVARIANTS)[number]

export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: InvariantName
  constructor(invariant: InvariantName, message: string) {
    super(message)
    this.invariant = invariant
  }
}

export function demand(invariant: InvariantName, condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(invariant, message())
}
