/**
 * What a replica needs to live through many epochs (protocol.md §10): its keys, the validators that the application names
 * for the next epoch, and the names of peers. A peer keeps its number for ever; consensus knows validators by their position
 * in the epoch's set, and everybody else by numbers above these.
 */
import { epoch, equalBytes, type PublicKey, type Refusal, type Signature, type ValidatorIndex } from '@aethel/codec'
import {
  type ConsensusConfig,
  createValidatorSet,
  type ShareScheme,
  successorOf,
  type Validator,
  type ValidatorSet,
} from '@aethel/consensus'

/** A consensus key of this replica. */
export interface ReplicaKey {
  readonly publicKey: PublicKey
  sign(bytes: Uint8Array): Signature
  /** With the BLS key that goes with it; on chains of BLS certificates only. */
  readonly shares?: ShareScheme
}

export interface EpochOptions<State> {
  /** Null in the first epoch. */
  readonly previousValidators: ValidatorSet | null
  /** The first that is a validator's in an epoch signs there; with none of them the replica follows and serves. */
  readonly keys: readonly ReplicaKey[]
  /** The peer behind a consensus key, as the driver numbers its peers, 0..32,767; null: none that is known. */
  peerOf(key: PublicKey, state: State): ValidatorIndex | null
}

type Signing = Pick<ConsensusConfig, 'sign' | 'shares'>

function sharesOf({ shares }: Pick<ConsensusConfig, 'shares'>): Pick<ConsensusConfig, 'shares'> {
  return shares === undefined ? {} : { shares }
}

/** Own position in a set, and the key to sign with; a position of N: none of ours is in it. */
export function ownPlaceIn(
  validators: ValidatorSet,
  keys: readonly ReplicaKey[],
  fallback: Signing,
): Pick<ConsensusConfig, 'self'> & Signing {
  for (const key of keys) {
    const at = validators.validators.findIndex((validator) => equalBytes(validator.publicKey, key.publicKey))
    if (at >= 0) return { self: at as ValidatorIndex, sign: (bytes) => key.sign(bytes), ...sharesOf(key) }
  }
  // Who signs nothing adds up and checks the shares of others all the same.
  return { self: validators.validators.length as ValidatorIndex, sign: (bytes) => fallback.sign(bytes), ...sharesOf(fallback) }
}

export interface NextValidators {
  readonly validators: ValidatorSet
  /** Why the set that the application named is none; then the old one goes on (trap J2). */
  readonly refusal: Refusal | null
}

/** The next epoch's validators; null: the application has nothing to change. The same at every replica. */
export function nextValidatorsOf(current: ValidatorSet, named: readonly Validator[] | null): NextValidators {
  const next = epoch(current.epoch + 1)
  const wanted = createValidatorSet(next, named ?? current.validators)
  const fitting = wanted.ok ? successorOf(current, wanted.value) : wanted
  if (fitting.ok) return { validators: fitting.value, refusal: null }
  return { validators: { ...current, epoch: next }, refusal: fitting.error }
}

/** Names of peers, here and in the consensus core of one epoch. */
export interface PeerNames {
  toCore(peer: ValidatorIndex): ValidatorIndex
  /** Null: a validator whose peer number is not known. */
  toPeer(name: ValidatorIndex): ValidatorIndex | null
}

/** A chain with one epoch: validators are peers. */
export const SAME_NAMES: PeerNames = { toCore: (peer) => peer, toPeer: (name) => name }

/** `peers[i]` is the peer number of validator i. N itself names nobody: it is the position of who is no validator. */
export function peerNames(peers: readonly (ValidatorIndex | null)[]): PeerNames {
  const nameOf = new Map<number, ValidatorIndex>()
  for (const [index, peer] of peers.entries()) if (peer !== null) nameOf.set(peer, index as ValidatorIndex)
  const firstGuest = peers.length + 1
  return {
    toCore: (peer) => nameOf.get(peer) ?? ((firstGuest + peer) as ValidatorIndex),
    toPeer: (name) => (name < peers.length ? (peers[name] ?? null) : name >= firstGuest ? ((name - firstGuest) as ValidatorIndex) : null),
  }
}
