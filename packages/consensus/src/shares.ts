/**
 * Shares of BLS certificates (docs/protocol.md §9). A vote is admitted by its Ed25519 signature, which covers the share; what
 * the share itself is worth is found out when a quorum is there: all shares are added up and checked as one, and only if the sum
 * is bad they are halved until the culprits are found. Those are trusted no more: their later shares are checked one by one
 * before they count, so each validator can cost each of the others one search in an epoch.
 */
import type { BlsSignature, Hash } from '@aethel/codec'
import { assembleCertificate, ballotBytes, blsKeysOf, type Certificate, type VerifyAggregate, type Vote } from './certificate.js'
import { emit, type State } from './state.js'
import { isQuorum, type ValidatorSet } from './validators.js'
import type { Tally } from './vote-keeper.js'

/** How a validator of a chain of BLS certificates makes and checks shares. Pure: signatures are deterministic. */
export interface ShareScheme {
  /** With the validator's own BLS key. */
  sign(message: Uint8Array): BlsSignature
  /** The sum of shares; null if one of them is no signature at all. Nothing is verified. */
  aggregate(shares: readonly BlsSignature[]): BlsSignature | null
  readonly verify: VerifyAggregate
}

/** True unless the share of this sender has to be looked at before it counts, and is bad. */
export function deservesCounting(state: State, vote: Vote): boolean {
  const { shares, validators, chainId } = state.config
  if (shares === undefined || !state.badShares.has(vote.sender)) return true
  return proves(shares, validators, chainId, [vote]) !== null
}

/** A tally has grown: once it holds a quorum, its shares are checked; those that are bad are taken out of it. True: it has its certificate now. */
export function proveTally(state: State, tally: Tally): boolean {
  const { shares, validators, chainId } = state.config
  if (shares === undefined || tally.certificate !== null || !isQuorum(validators, tally.power)) return false
  const votes = [...tally.votes]
  let proven = proves(shares, validators, chainId, votes)
  if (proven === null) {
    const bad = badAmong(shares, validators, chainId, votes)
    state.votes.spoil(tally, bad)
    for (const { sender, view, height } of bad) {
      state.badShares.add(sender)
      emit(state, { name: 'bad-share', sender, view, height })
    }
    if (!isQuorum(validators, tally.power)) return false
    proven = proves(shares, validators, chainId, [...tally.votes])
  }
  tally.certificate = proven
  return proven !== null
}

/** After a restart: a validator that is a quorum by itself hears from nobody. */
export function proveHeld(state: State): void {
  for (const [, , slot] of state.votes.slots())
    for (const { tallies } of [slot.prepare, slot.commit]) for (const tally of tallies) proveTally(state, tally)
}

/** The votes with the sum of their shares, if it is good; a certificate if they are a quorum. */
function proves(shares: ShareScheme, validators: ValidatorSet, chainId: Hash, votes: readonly Vote[]): Certificate | null {
  const [about] = votes
  const aggregate = shares.aggregate(votes.flatMap(({ share }) => share ?? []))
  if (about === undefined || aggregate === null) return null
  const keys = blsKeysOf(
    validators,
    votes.map(({ sender }) => sender),
  )
  if (!shares.verify(keys, ballotBytes(chainId, about), aggregate)) return null
  return assembleCertificate(about, validators.validators.length, votes, aggregate)
}

/**
 * The votes whose own shares are bad, of a list whose sum is bad: then the sum of one half is, too, and so on down to single votes, so
 * at least one is found. With k of n bad about k log2(n / k) sums are checked.
 */
function badAmong(shares: ShareScheme, validators: ValidatorSet, chainId: Hash, votes: readonly Vote[]): Vote[] {
  if (votes.length === 1) return [...votes]
  const middle = votes.length >> 1
  return [votes.slice(0, middle), votes.slice(middle)].flatMap((half) =>
    proves(shares, validators, chainId, half) === null ? badAmong(shares, validators, chainId, half) : [],
  )
}
