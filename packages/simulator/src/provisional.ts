/**
 * When a commit is judged. A validator counts its own vote before that is durable (docs/protocol.md §5); a commit that rests on such
 * a vote is judged when it is durable itself, as are those above it: what a crash takes back was never committed, and nobody has
 * heard of it. A certificate of durable votes stands whatever becomes of this one's disk, and is judged at once.
 */
import { hasBit, validatorIndex } from '@aethel/codec'
import type { Ballot, Certificate, Vote } from '@aethel/consensus'
import type { Write } from './disk.js'

/** The committing validator: its place in the epoch's set, what waits for its disk, and what is on that. */
export interface Committing<State> {
  readonly position: number | undefined
  readonly waiting: Iterable<Write<State>>
  readonly disk: { holdsVote(vote: Ballot & Pick<Vote, 'sender'>): boolean }
}

export class ProvisionalCommits<State> {
  readonly #conclusions = new WeakMap<Write<State>, () => void>()

  /** Concludes now, or when `write`, which is the commit, has become durable; never, if it is lost. */
  onCommit(write: Write<State>, certificate: Certificate, by: Committing<State>, conclude: () => void): void {
    if (this.#isProvisional(certificate, by)) this.#conclusions.set(write, conclude)
    else conclude()
  }

  onDurable(write: Write<State>): void {
    this.#conclusions.get(write)?.()
  }

  #isProvisional(certificate: Certificate, { position, waiting, disk }: Committing<State>): boolean {
    for (const write of waiting) if (this.#conclusions.has(write)) return true
    if (position === undefined || !hasBit(certificate.signers, position)) return false
    return !disk.holdsVote({ ...certificate, sender: validatorIndex(position) })
  }
}
