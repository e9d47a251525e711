/**
 * Shares of BLS certificates (docs/protocol.md §9). A vote is admitted by its Ed25519 signature, which covers the share; what
 * the share itself is worth is found out when a quorum is there: all shares are added up and checked as one, and only if the sum
 * is bad they are halved until the culprits are found. Those are trusted no more: their later shares are checked one by one
 * before they count, so each validator can cost each of the others one search in an epoch. Sums that come along a tree are parts of
 * that sum like votes; whoever made a bad one adds up nothing any more.
 */
import { type BlsSignature, bitmapOf, type Hash, type ValidatorIndex } from '@aethel/codec'
import { type Aggregate, type Ballot, ballotBytes, blsKeysOf, type VerifyAggregate, type Vote } from './certificate.js'
import { emit, type State } from './state.js'
import { isQuorum, powerOf, type ValidatorSet } from './validators.js'
import type { Sum, Tally } from './vote-keeper.js'

/** How a validator of a chain of BLS certificates makes and checks shares. Pure: signatures are deterministic. */
export interface ShareScheme {
  /** With the validator's own BLS key. */
  sign(message: Uint8Array): BlsSignature
  /** The sum of shares; null if one of them is no signature at all. Nothing is verified. */
  aggregate(shares: readonly BlsSignature[]): BlsSignature | null
  readonly verify: VerifyAggregate
}

/** What a certificate is added up from: a vote's share, or what somebody has made of several. */
interface Part {
  readonly about: Ballot
  readonly signers: readonly ValidatorIndex[]
  readonly shares: BlsSignature | undefined
  readonly source: { readonly vote: Vote } | { readonly sum: Sum }
}

/** True unless the share of this sender has to be looked at before it counts, and is bad. */
export function deservesCounting(state: State, vote: Vote): boolean {
  const { shares, validators, chainId } = state.config
  if (shares === undefined || !state.badShares.has(vote.sender)) return true
  return proves(shares, validators, chainId, [partOf(vote)]) !== null
}

/** A tally has grown: once it holds a quorum, its shares are checked; those that are bad are taken out of it. True: it has its certificate now. */
export function proveTally(state: State, tally: Tally): boolean {
  const { validators } = state.config
  const most = tally.sums.reduce((power, sum) => power + sum.power, tally.power)
  if (state.config.shares === undefined || tally.certificate !== null || !isQuorum(validators, most)) return false
  const found = provenAmong(state, tally, () => {
    const parts = disjointParts(state, tally)
    const signers = parts.flatMap((part) => part.signers)
    return isQuorum(validators, powerOf(validators, signers)) ? parts : []
  })
  tally.certificate = found
  return found !== null
}

/** Those of a tally's votes that are good, added up; null if none is. */
export function addUp(state: State, tally: Tally, senders: (sender: ValidatorIndex) => boolean): Aggregate | null {
  return provenAmong(state, tally, () => tally.votes.filter(({ sender }) => senders(sender)).map(partOf))
}

/** The sum of what `choose` finds, which is asked again, as long as it finds something, after bad parts have been dismissed. */
function provenAmong(state: State, tally: Tally, choose: () => Part[]): Aggregate | null {
  const { shares, validators, chainId } = state.config
  if (shares === undefined) return null
  for (let parts = choose(); parts.length > 0; parts = choose()) {
    const proven = proves(shares, validators, chainId, parts)
    if (proven !== null) return proven
    for (const bad of badAmong(shares, validators, chainId, parts)) dismiss(state, tally, bad)
  }
  return null
}

/** Sums before votes, the largest first: each validator is in one part at most. */
function disjointParts(state: State, { sums, votes }: Tally): Part[] {
  const trusted = sums.filter(({ from }) => !state.badSums.has(from)).sort((a, b) => (a.power < b.power ? 1 : a.power > b.power ? -1 : 0))
  const taken = new Set<ValidatorIndex>()
  const parts: Part[] = []
  for (const part of [...trusted.map(partOfSum), ...votes.map(partOf)]) {
    if (part.signers.some((signer) => taken.has(signer))) continue
    for (const signer of part.signers) taken.add(signer)
    parts.push(part)
  }
  return parts
}

function partOf(vote: Vote): Part {
  return { about: vote, signers: [vote.sender], shares: vote.share, source: { vote } }
}

function partOfSum(sum: Sum): Part {
  return { about: sum.sum, signers: sum.signers, shares: sum.sum.aggregate, source: { sum } }
}

/** Its maker's fault: the share is under its sender's signature, and whoever sends a sum has looked at it. */
function dismiss(state: State, tally: Tally, { source, about: { view, height } }: Part): void {
  if ('vote' in source) {
    const { sender } = source.vote
    state.votes.spoil(tally, [source.vote])
    state.badShares.add(sender)
    return emit(state, { name: 'bad-share', sender, view, height })
  }
  const { from: sender } = source.sum
  if (state.badSums.has(sender)) return
  state.badSums.add(sender)
  emit(state, { name: 'bad-sum', sender, view, height })
}

/** After a restart: a validator that is a quorum by itself hears from nobody. */
export function proveHeld(state: State): void {
  for (const [, , slot] of state.votes.slots())
    for (const { tallies } of [slot.prepare, slot.commit]) for (const tally of tallies) proveTally(state, tally)
}

/** The sum of parts that have no signer in common, if it is good; a certificate if they are a quorum. */
function proves(shares: ShareScheme, validators: ValidatorSet, chainId: Hash, parts: readonly Part[]): Aggregate | null {
  const [first] = parts
  const aggregate = shares.aggregate(parts.flatMap((part) => part.shares ?? []))
  if (first === undefined || aggregate === null) return null
  const signers = parts.flatMap((part) => part.signers).sort((a, b) => a - b)
  const { kind, epoch, view, height, blockHash } = first.about
  const about: Ballot = { kind, epoch, view, height, blockHash }
  if (!shares.verify(blsKeysOf(validators, signers), ballotBytes(chainId, about), aggregate)) return null
  return { ...about, scheme: 'bls12-381', signers: bitmapOf(validators.validators.length, signers), aggregate }
}

/**
 * The bad ones of parts whose sum proves nothing, one at least. If each proves something by itself their keys cancel each other, and the sum is infinity:
 * nobody has such keys but who made all of them, for each has shown that it has its own. So all are bad.
 */
function badAmong(shares: ShareScheme, validators: ValidatorSet, chainId: Hash, parts: readonly Part[]): readonly Part[] {
  const bad = badByThemselves(shares, validators, chainId, parts)
  return bad.length > 0 ? bad : parts
}

/**
 * Of parts whose sum proves nothing: if it is bad the sum of one half is, too, and so on down to single parts. With k of n bad about
 * k log2(n / k) sums are checked.
 */
function badByThemselves(shares: ShareScheme, validators: ValidatorSet, chainId: Hash, parts: readonly Part[]): Part[] {
  if (parts.length === 1) return [...parts]
  const middle = parts.length >> 1
  return [parts.slice(0, middle), parts.slice(middle)].flatMap((half) =>
    proves(shares, validators, chainId, half) === null ? badByThemselves(shares, validators, chainId, half) : [],
  )
}
