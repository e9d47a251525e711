/**
 * Which proposals a peer has brought before. The first for a slot is free, for it comes when it is the leader's turn; once more costs the
 * peer's account what checking it costs us (worth.ts), whether it is the same or another, and whatever became of the first: one that was
 * ignored (too far in the future, not on top of what was accepted) is checked again as a whole each time it comes.
 */
import type { Height, ValidatorIndex, View } from '@aethel/codec'

/** Wanted are slots of two views, two windows of at most 64 heights each and a tip: 258. What is over is let go when so many are known. */
const MAX_SLOTS = 1024

interface Slot {
  readonly view: View
  readonly height: Height
}

export class FirstProposals {
  readonly #slots = new Map<ValidatorIndex, Map<string, Slot>>()

  /** Whether nothing was brought for this slot by this peer before. `committed`: slots up to there are over. */
  isFirst(from: ValidatorIndex, slot: Slot, committed: Height): boolean {
    const known = this.#slots.get(from) ?? new Map<string, Slot>()
    this.#slots.set(from, known)
    const name = `${slot.view}/${slot.height}`
    if (known.has(name)) return false
    if (known.size >= MAX_SLOTS) for (const [old, { height }] of known) if (height <= committed) known.delete(old)
    // Views that were left, without a block committed in any of them: the oldest goes first.
    if (known.size >= MAX_SLOTS) known.delete(known.keys().next().value ?? '')
    known.set(name, slot)
    return true
  }
}
