/**
 * Rejoining without a store (protocol.md §7, trap C6): a validator that has forgotten what it signed serves and verifies, but
 * signs no PREPARE, COMMIT, VIEW-CHANGE, NEW-VIEW or proposal until a commit certificate lies above every view in which it may
 * have signed anything. Which views those are it learns from a quorum of others, each answering a nonce of this start.
 */
import { assert, type Epoch, epoch, equalBytes, type Hash, type Height, type ValidatorIndex, type View, view } from '@aethel/codec'
import { answer } from './catch-up.js'
import { type EpochLength, isBoundary } from './epochs.js'
import type { Recovery } from './interface.js'
import { viewClaimBytes } from './message-bytes.js'
import type { ViewClaim } from './messages.js'
import { emit, entryOf, ignore, isMember, mayChangeView, otherValidators, type State } from './state.js'
import { isQuorum, type ValidatorSet } from './validators.js'

/** Asks whoever has not answered yet; at start and at every status tick. */
export function askForViews(state: State): void {
  if (state.recovery?.status !== 'asking') return
  const nonce = nonceOf(state)
  for (const peer of otherValidators(state)) {
    if (state.claims[peer] === undefined) state.out.push({ kind: 'send', to: peer, message: { kind: 'fetch', want: 'view', nonce } })
  }
}

function nonceOf(state: State): Hash {
  const { recoveryNonce } = state.config
  assert(recoveryNonce !== undefined, 'a replica that recovers needs a nonce that no earlier start has used')
  return recoveryNonce
}

/** Who has forgotten its own view cannot help others to theirs. */
export function onViewFetch(state: State, from: ValidatorIndex, nonce: Hash): void {
  if (!isMember(state)) return ignore(state, 'fetch', 'who is no validator of the epoch claims no view')
  if (!mayChangeView(state)) return ignore(state, 'fetch', 'a view cannot be claimed while recovering')
  const { config, recovery } = state
  const least = recovery?.status === 'released' && recovery.epoch === config.validators.epoch ? recovery.view : 0
  const unsigned = {
    kind: 'view-claim' as const,
    epoch: config.validators.epoch,
    view: view(Math.max(state.view, least)),
    nonce,
    sender: config.self,
  }
  answer(state, from, { ...unsigned, signature: config.sign(viewClaimBytes(config.chainId, unsigned)) })
}

export function wantsClaim(state: State, from: ValidatorIndex, claim: ViewClaim): boolean {
  if (state.recovery?.status !== 'asking' || claim.sender !== from || state.claims[from] !== undefined) return false
  return equalBytes(claim.nonce, nonceOf(state))
}

export function onViewClaim(state: State, from: ValidatorIndex, claim: ViewClaim): void {
  if (!wantsClaim(state, from, claim)) return ignore(state, 'view-claim', 'not asked for')
  state.claims[from] = claim.view
  emit(state, { name: 'recovering', answers: answersOf(state), above: viewToPass(state) })
}

export function answersOf(state: State): number {
  return state.claims.filter((claim) => claim !== undefined).length
}

/**
 * The view above which a commit certificate must lie: the lowest for which a quorum of others claims that view or a lower
 * one. Any quorum will do for safety, so the lowest is taken, and a faulty minority that claims absurd views delays nothing.
 */
export function viewToPass(state: State): View | null {
  if (state.recovery?.status === 'released') return view(0) // one epoch further on: see `mayChangeView`
  const claims: { claim: View; power: bigint }[] = []
  for (const [sender, claim] of state.claims.entries()) {
    const power = state.config.validators.validators[sender]?.power ?? 0n
    if (claim !== undefined) claims.push({ claim, power })
  }
  let power = 0n
  for (const next of claims.sort((a, b) => a.claim - b.claim)) {
    power += next.power
    if (isQuorum(state.config.validators, power)) return next.claim
  }
  return null
}

/**
 * What the next epoch's core takes over. Whoever asks goes on asking, there. Who was released by the last block of the epoch of the claims
 * may have signed in view 0 of the next (`mayChangeView`), as long as the same validators make up both epochs' quorums; if they
 * change, claims say nothing about the next epoch, and it asks again. Who was released by a block below has nothing to fear there: without
 * that, all who ever lost their stores would be silent at each change of the validators at once, and wait for each other.
 */
export function recoveryIn(next: ValidatorSet, { recovery, config }: State): Recovery | null {
  if (recovery?.status !== 'released') return recovery
  const { validators } = config
  if (validators.epoch >= recovery.forgottenUpTo) return null
  return hasSameMembers(validators, next) ? recovery : { status: 'asking' }
}

function hasSameMembers(one: ValidatorSet, other: ValidatorSet): boolean {
  if (one.validators.length !== other.validators.length) return false
  return one.validators.every(({ publicKey, power }, index) => {
    const twin = other.validators[index]
    return twin !== undefined && power === twin.power && equalBytes(publicKey, twin.publicKey)
  })
}

/** After every step: a commit certificate from above the claimed views ends the silence, durably and before the first vote. */
export function considerRelease(state: State): void {
  if (mayChangeView(state)) return
  const { highest, recovery } = state
  const above = viewToPass(state)
  if (above === null || highest?.kind !== 'commit' || highest.view <= above) return
  const { validators, epochLength = 0 } = state.config
  const forgottenUpTo =
    recovery?.status === 'released' ? recovery.forgottenUpTo : lastForgotten(validators.epoch, epochLength, highest.height)
  const released = { status: 'released' as const, forgottenUpTo, epoch: validators.epoch, view: highest.view }
  state.recovery = released
  state.highestIsDurable = true
  // Before a commit of this very step: if that ends the epoch it says what the next one begins with (`recoveryIn`), which stands.
  state.out.unshift({
    kind: 'persist',
    records: [
      { kind: 'highest', certificate: highest },
      { kind: 'recovery', recovery: released },
    ],
  })
  emit(state, { name: 'recovered', view: highest.view })
  for (const hash of state.accepted.values()) if (entryOf(state, hash)?.status === 'valid') state.agenda.push({ what: 'block-valid', hash })
}

/**
 * The last epoch in which it may have signed what it forgot, by the height of the certificate that releases it. Had it been in a later epoch,
 * the last block of this one would have been committed before the loss, in no higher view than is claimed, and nothing else can
 * be certified in the views above.
 */
export function lastForgotten(of: Epoch, epochLength: EpochLength, certified: Height): Epoch {
  return isBoundary(epochLength, certified) ? epoch(of + 1) : of
}
