/**
 * Counts votes and nothing else. Keyed by (view, height, phase, block hash), so votes for different blocks are never added
 * up (traps S5, A4); the first vote of a sender stands (A7), a repeated one counts once (A2, S6), and a second, different
 * one is reported as a conflict. The caller decides what is worth keeping and prunes, and says which shares are bad: a vote
 * without a good one is held, so that it is known and can convict its sender, and adds no power. A certificate that somebody
 * else has put together stands for the votes in it; sums of fewer votes wait here until there is something to make of them.
 */
import { assert, equalBytes, type Hash, type Height, indicesOf, type ValidatorIndex, type View } from '@aethel/codec'
import { type Aggregate, assembleCertificate, type Ballot, type Certificate, type Vote } from './certificate.js'
import { isQuorum, powerOf, type ValidatorSet } from './validators.js'

/** Votes that somebody along a tree has added up, which nobody here has looked at. */
export interface Sum {
  readonly from: ValidatorIndex
  readonly signers: readonly ValidatorIndex[]
  readonly power: bigint
  readonly sum: Aggregate
}

export interface Tally {
  readonly hash: Hash
  power: bigint
  readonly votes: Vote[]
  /** Verified: the sum of a quorum's shares, or what somebody else has put together. Null: there is none, or it is the votes themselves. */
  certificate: Certificate | null
  readonly sums: Sum[]
  /** Whose votes have gone up the tree in sums of ours. */
  readonly passedUp: Set<ValidatorIndex>
}

export interface PhaseVotes {
  /** Position is the sender. */
  readonly bySender: (Vote | undefined)[]
  readonly tallies: Tally[]
  /** Whose shares are bad. */
  readonly spoiled: Vote[]
}

export interface Slot {
  readonly prepare: PhaseVotes
  readonly commit: PhaseVotes
  /** Status tick in which the slot was opened: retransmission waits for the next one. */
  readonly openedAtTick: number
}

export type Added =
  | { readonly status: 'added'; readonly tally: Tally }
  | { readonly status: 'known' | 'spoiled' }
  | { readonly status: 'conflict'; readonly first: Vote }

export class VoteKeeper {
  readonly #validators: ValidatorSet
  readonly #views = new Map<View, Map<Height, Slot>>()
  #size = 0

  constructor(validators: ValidatorSet) {
    this.#validators = validators
  }

  /** `spoiled`: its share is known to be bad. */
  add(vote: Vote, tick: number, spoiled = false): Added {
    const phase = this.#openSlot(vote.view, vote.height, tick)[vote.kind]
    const first = phase.bySender[vote.sender]
    if (first !== undefined) return equalBytes(first.blockHash, vote.blockHash) ? { status: 'known' } : { status: 'conflict', first }
    const validator = this.#validators.validators[vote.sender]
    assert(validator !== undefined, () => `a vote of validator ${vote.sender} passed the edge without membership`)
    phase.bySender[vote.sender] = vote
    this.#size++
    if (spoiled) {
      phase.spoiled.push(vote)
      return { status: 'spoiled' }
    }
    const tally = tallyFor(phase, vote.blockHash)
    tally.power += validator.power
    tally.votes.push(vote)
    return { status: 'added', tally }
  }

  /** These votes of a tally have turned out to have bad shares: they count no more. */
  spoil(tally: Tally, votes: readonly Vote[]): void {
    for (const vote of votes) {
      const phase = this.slot(vote.view, vote.height)?.[vote.kind]
      const at = tally.votes.indexOf(vote)
      assert(phase !== undefined && at >= 0, 'a vote that is spoiled has been counted')
      tally.votes.splice(at, 1)
      tally.power -= this.#validators.validators[vote.sender]?.power ?? 0n
      phase.spoiled.push(vote)
    }
  }

  /** Somebody else has put these votes together, and it has been verified. */
  addCertificate(certificate: Certificate, tick: number): void {
    const tally = tallyFor(this.#openSlot(certificate.view, certificate.height, tick)[certificate.kind], certificate.blockHash)
    tally.certificate ??= certificate
  }

  addSum(from: ValidatorIndex, sum: Aggregate, tick: number): Tally {
    const tally = tallyFor(this.#openSlot(sum.view, sum.height, tick)[sum.kind], sum.blockHash)
    const signers = indicesOf(sum.signers) as ValidatorIndex[]
    tally.sums.push({ from, signers, power: powerOf(this.#validators, signers), sum })
    this.#size++
    return tally
  }

  /** Of one phase of a slot, for whatever blocks. */
  sumsFrom(from: ValidatorIndex, { kind, view, height }: Ballot): Sum[] {
    return this.slot(view, height)?.[kind].tallies.flatMap(({ sums }) => sums.filter((sum) => sum.from === from)) ?? []
  }

  slot(view: View, height: Height): Slot | undefined {
    return this.#views.get(view)?.get(height)
  }

  /** Heights at which a vote of this view has been met, ascending. */
  heightsIn(view: View): Height[] {
    const heights = this.#views.get(view)
    return heights === undefined || heights.size === 0 ? [] : [...heights.keys()].sort((a, b) => a - b)
  }

  /** Every vote held at a height, of all views and phases. */
  votesAt(height: Height): Vote[] {
    const votes: Vote[] = []
    for (const heights of this.#views.values()) {
      const slot = heights.get(height)
      if (slot === undefined) continue
      for (const phase of [slot.prepare, slot.commit]) votes.push(...heldIn(phase))
    }
    return votes
  }

  /** Whether there is a quorum for one block. */
  hasQuorumFor(ballot: Ballot): boolean {
    const tally = this.#tallyOf(ballot)
    return tally !== undefined && (tally.certificate !== null || this.#provesItself(tally))
  }

  /** The certificate for one block, if there is a quorum for it. */
  quorumFor(ballot: Ballot): Certificate | undefined {
    const tally = this.#tallyOf(ballot)
    if (tally === undefined || tally.certificate !== null) return tally?.certificate ?? undefined
    return this.#provesItself(tally) ? assembleCertificate(ballot, this.#validators.validators.length, tally.votes) : undefined
  }

  #tallyOf({ kind, view, height, blockHash }: Ballot): Tally | undefined {
    return this.slot(view, height)?.[kind].tallies.find((candidate) => equalBytes(candidate.hash, blockHash))
  }

  /** Shares have to be added up first. */
  #provesItself(tally: Tally): boolean {
    return this.#validators.scheme === 'ed25519' && isQuorum(this.#validators, tally.power)
  }

  /** Drops heights up to `committed` and views below `oldestView`. */
  prune(oldestView: View, committed: Height): void {
    for (const [view, heights] of this.#views) {
      if (view < oldestView) {
        this.#views.delete(view)
        for (const slot of heights.values()) this.#size -= votesIn(slot)
        continue
      }
      for (const [height, slot] of heights) {
        if (height > committed) continue
        heights.delete(height)
        this.#size -= votesIn(slot)
      }
    }
  }

  /** An independent keeper with the same votes; a slot's record of them is copied by `copySlot`. */
  copy(copySlot: (slot: Slot) => Slot): VoteKeeper {
    const copy = new VoteKeeper(this.#validators)
    for (const [view, heights] of this.#views) {
      copy.#views.set(view, new Map([...heights].map(([height, slot]) => [height, copySlot(slot)])))
    }
    copy.#size = this.#size
    return copy
  }

  /** Everything held, in the order of arrival. */
  *slots(): IterableIterator<readonly [View, Height, Slot]> {
    for (const [view, heights] of this.#views) for (const [height, slot] of heights) yield [view, height, slot]
  }

  /** Votes held, and sums of them; for bounds and reports. */
  get size(): number {
    return this.#size
  }

  #openSlot(view: View, height: Height, tick: number): Slot {
    let heights = this.#views.get(view)
    if (heights === undefined) {
      heights = new Map()
      this.#views.set(view, heights)
    }
    let slot = heights.get(height)
    if (slot === undefined) {
      const count = this.#validators.validators.length
      slot = { prepare: emptyPhase(count), commit: emptyPhase(count), openedAtTick: tick }
      heights.set(height, slot)
    }
    return slot
  }
}

function votesIn({ prepare, commit }: Slot): number {
  let count = 0
  for (const { tallies, spoiled } of [prepare, commit]) {
    count += spoiled.length
    for (const { votes, sums } of tallies) count += votes.length + sums.length
  }
  return count
}

/** Every vote of a phase, whatever its share. */
export function heldIn({ tallies, spoiled }: PhaseVotes): Vote[] {
  return [...tallies.flatMap((tally) => tally.votes), ...spoiled]
}

function emptyPhase(count: number): PhaseVotes {
  return { bySender: new Array<Vote | undefined>(count).fill(undefined), tallies: [], spoiled: [] }
}

function tallyFor(phase: PhaseVotes, hash: Hash): Tally {
  const known = phase.tallies.find((tally) => equalBytes(tally.hash, hash))
  if (known !== undefined) return known
  const tally: Tally = { hash, power: 0n, votes: [], certificate: null, sums: [], passedUp: new Set() }
  phase.tallies.push(tally)
  return tally
}

/** Whose votes of a phase are here, by themselves or in a certificate; ascending. */
export function sendersOf(phase: PhaseVotes): ValidatorIndex[] {
  const senders: ValidatorIndex[] = []
  for (const vote of phase.bySender) if (vote !== undefined) senders.push(vote.sender)
  const certificates = phase.tallies.flatMap(({ certificate }) => certificate ?? [])
  if (certificates.length === 0) return senders
  const all = new Set<number>([...senders, ...certificates.flatMap(({ signers }) => indicesOf(signers))])
  return [...all].sort((a, b) => a - b) as ValidatorIndex[]
}
