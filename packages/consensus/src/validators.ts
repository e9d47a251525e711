/**
 * Validator sets and quorum arithmetic (protocol.md §1). Powers are bigint and ratios are cross-multiplied: no floating
 * point, no division, no overflow (trap A10).
 *
 * A quorum holds more than two thirds of the power, so any two quorums share more than one third, which is at least one
 * honest validator whatever N is (traps S1, S2, A1: a bare 2f+1 is unsafe unless N = 3f+1).
 */
import {
  assert,
  type Bitmap,
  type BlsPublicKey,
  compareBytes,
  type Epoch,
  encode,
  type Hash,
  indicesOf,
  keyOf,
  ok,
  type PublicKey,
  type Refusal,
  type Result,
  refuse,
  type ValidatorIndex,
  type View,
  validatorIndex,
} from '@aethel/codec'
import { domainTag, hashTagged, hasSmallOrder } from '@aethel/crypto'

export interface Validator {
  /** Ed25519 consensus key. */
  readonly publicKey: PublicKey
  /** Voting power in whole power units, at least 1. */
  readonly power: bigint
  /** What its shares of certificates are checked with; all validators of a set have one, or none. Whoever lets it in has seen its possession. */
  readonly blsKey?: BlsPublicKey
}

/** What the certificates of a chain are made of: a quorum's Ed25519 signatures, or the sum of their BLS signatures. */
export type SignatureScheme = 'ed25519' | 'bls12-381'

export interface ValidatorSet {
  readonly epoch: Epoch
  /** In declared order; the position is the `ValidatorIndex`. */
  readonly validators: readonly Validator[]
  readonly totalPower: bigint
  readonly scheme: SignatureScheme
  /** Binds order, keys and powers. */
  readonly hash: Hash
}

/** Bitmaps carry their size in sixteen bits. */
export const MAX_VALIDATORS = 65_535

/** Refuses an empty set, a repeated key, a key of small order and a power out of range (traps J2: never padded, F1, A10). */
export function createValidatorSet(epoch: Epoch, validators: readonly Validator[]): Result<ValidatorSet, Refusal> {
  if (validators.length < 1 || validators.length > MAX_VALIDATORS) {
    return refuse('validator-count', `expected 1..${MAX_VALIDATORS} validators, got ${validators.length}`)
  }
  const seen = new Set<string>()
  let totalPower = 0n
  const scheme = schemeOf(validators[0] as Validator)
  for (const [index, validator] of validators.entries()) {
    if (schemeOf(validator) !== scheme)
      return refuse('bls-key', `expected all validators to have a BLS key, or none, got validator ${index} unlike those before it`)
    const blsKey = validator.blsKey === undefined ? undefined : keyOf(validator.blsKey)
    if (blsKey !== undefined && seen.has(blsKey))
      return refuse('duplicate-key', `expected distinct keys, got the BLS key of validator ${index} twice`)
    if (blsKey !== undefined) seen.add(blsKey)
    const key = keyOf(validator.publicKey)
    if (seen.has(key)) return refuse('duplicate-key', `expected distinct keys, got the key of validator ${index} twice`)
    seen.add(key)
    if (hasSmallOrder(validator.publicKey)) {
      return refuse('small-order-key', `expected a key of prime order for validator ${index}, got one under which anybody can sign`)
    }
    if (validator.power < 1n || validator.power >= 1n << 96n) {
      return refuse('power', `expected a power of 1..2^96-1 for validator ${index}, got ${validator.power}`)
    }
    totalPower += validator.power
  }
  // A plain list: it is looked at all the time from now on.
  return ok({ epoch, validators: [...validators], totalPower, scheme, hash: hashValidators(scheme, validators) })
}

function schemeOf({ blsKey }: Validator): SignatureScheme {
  return blsKey === undefined ? 'ed25519' : 'bls12-381'
}

const HASH_DOMAIN: Readonly<Record<SignatureScheme, string>> = {
  ed25519: 'aethel/validators/v1',
  'bls12-381': 'aethel/bls-validators/v1',
}

function hashValidators(scheme: SignatureScheme, validators: readonly Validator[]): Hash {
  const bytes = encode((writer) => {
    writer.list(validators, (w, { publicKey, power, blsKey }) => {
      w.raw(publicKey).u128(power)
      if (blsKey !== undefined) w.raw(blsKey)
    })
  })
  return hashTagged(HASH_DOMAIN[scheme], bytes)
}

/** What a BLS key signs to show that somebody has it, and for which validator: sums of keys nobody has prove nothing (trap F2). */
export function blsPossessionBytes(publicKey: PublicKey, blsKey: BlsPublicKey): Uint8Array {
  return encode((writer) => writer.raw(domainTag('aethel/bls-possession/v1')).raw(publicKey).raw(blsKey))
}

/** `next`, if it may follow: what certificates are made of is the chain's, and stays as genesis has it. */
export function successorOf(current: ValidatorSet, next: ValidatorSet): Result<ValidatorSet, Refusal> {
  return next.scheme === current.scheme
    ? ok(next)
    : refuse('bls-key', `expected validators ${current.scheme === 'ed25519' ? 'without' : 'with'} BLS keys, as this chain has them`)
}

export function powerOf(set: ValidatorSet, members: readonly number[]): bigint {
  let power = 0n
  for (const index of members) power += set.validators[index]?.power ?? 0n
  return power
}

export function isSubsetOf(members: Bitmap, of: readonly number[]): boolean {
  return indicesOf(members).every((index) => of.includes(index))
}

export function isQuorum(set: ValidatorSet, power: bigint): boolean {
  return 3n * power > 2n * set.totalPower
}

/** Without its votes there is no quorum: nothing commits, and once its store is lost nobody can tell it what it has signed (protocol.md §7). */
export function isIndispensable(set: ValidatorSet, index: ValidatorIndex): boolean {
  return !isQuorum(set, set.totalPower - (set.validators[index]?.power ?? 0n))
}

/** At least one honest member. */
export function isWeakQuorum(set: ValidatorSet, power: bigint): boolean {
  return 3n * power > set.totalPower
}

/** Faulty validators tolerated with equal power: floor((N-1)/3). */
export function maxFaulty(count: number): number {
  return Math.floor((count - 1) / 3)
}

/** Members of a quorum with equal power: floor(2N/3) + 1. */
export function quorumSize(count: number): number {
  return Math.floor((2 * count) / 3) + 1
}

export function leaderOf(set: ValidatorSet, view: View): ValidatorIndex {
  return validatorIndex(view % set.validators.length)
}

export function validatorAt(set: ValidatorSet, index: ValidatorIndex): Validator {
  const validator = set.validators[index]
  assert(validator !== undefined, () => `validator ${index} is not in a set of ${set.validators.length}`)
  return validator
}

export function indexOfKey(set: ValidatorSet, key: PublicKey): ValidatorIndex | undefined {
  const index = set.validators.findIndex((validator) => compareBytes(validator.publicKey, key) === 0)
  return index < 0 ? undefined : validatorIndex(index)
}
