/**
 * What a peer may send without being charged for it: the first proposal for a slot, in either form (along a tree two peers bring each), and
 * an answer about a snapshot that it was asked for, once for each question.
 */
import type { Height, ValidatorIndex } from '@aethel/codec'
import type { Message } from '@aethel/consensus'
import { FirstProposals } from './first-proposals.js'

/** Questions about snapshots that one peer has not answered. */
const MAX_OWED = 64

export class FreeMessages {
  readonly #proposals = new FirstProposals()
  readonly #compactProposals = new FirstProposals()
  /** How many answers about snapshots each peer owes. */
  readonly #owed = new Map<ValidatorIndex, number>()

  /** This peer was asked about a snapshot. */
  asked(peer: ValidatorIndex): void {
    this.#owed.set(peer, Math.min(MAX_OWED, (this.#owed.get(peer) ?? 0) + 1))
  }

  /** Whether this one is, and it alone. `committed`: slots up to there are over. */
  take(from: ValidatorIndex, message: Message, committed: Height): boolean {
    switch (message.kind) {
      case 'pre-prepare':
        return this.#proposals.isFirst(from, { view: message.view, height: message.block.header.height }, committed)
      case 'compact-pre-prepare':
        return this.#compactProposals.isFirst(from, { view: message.view, height: message.header.height }, committed)
      case 'snapshot':
      case 'chunk':
        return this.#takeAnswer(from)
      default:
        return false
    }
  }

  #takeAnswer(from: ValidatorIndex): boolean {
    const owed = this.#owed.get(from) ?? 0
    this.#owed.set(from, Math.max(0, owed - 1))
    return owed > 0
  }
}
