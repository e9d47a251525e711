/**
 * Epochs (protocol.md §10): which heights belong to which epoch, and what an epoch begins with. Everything of one epoch
 * (votes, views, timers, water marks) lives in one consensus core; the next epoch gets a new one, on top of the committed
 * last block of the one before.
 */
import { assert, type Epoch, epoch, type Hash, type Height, height } from '@aethel/codec'
import type { ValidatorSet } from './validators.js'

/** Blocks per epoch; 0: one epoch without an end. */
export type EpochLength = number

/** At most this long: the last block of a chain's every epoch stays a safe integer for ages. */
export const MAX_EPOCH_LENGTH: number = 2 ** 32

/** An epoch as it begins. */
export interface EpochStart {
  readonly validators: ValidatorSet
  /** Of the epoch before; null in the first. Its commit certificate for `origin` may stand in a block of this epoch. */
  readonly previousValidators: ValidatorSet | null
  /** What the epoch's first block builds on: genesis, or the last block of the epoch before. */
  readonly origin: { readonly height: Height; readonly hash: Hash }
}

/** The epoch that a block of this height, at least 1, belongs to. */
export function epochOfHeight(length: EpochLength, at: number): Epoch {
  assert(at >= 1, 'genesis belongs to no epoch')
  return epoch(length === 0 ? 0 : Math.floor((at - 1) / length))
}

/** Height of the block that an epoch builds on. */
export function originHeightOf(length: EpochLength, of: Epoch): Height {
  assert(length > 0 || of === 0, 'a chain with one epoch has no later one')
  return height(length * of)
}

/** Height of an epoch's last block: nothing above it is proposed, voted for or committed in the epoch. Of any epoch that a peer may name. */
export function lastHeightOf(length: EpochLength, of: Epoch): Height {
  return height(length === 0 ? Number.MAX_SAFE_INTEGER : Math.min(Number.MAX_SAFE_INTEGER, length * (of + 1)))
}

/** Whether a block of this height is the last of its epoch. */
export function isBoundary(length: EpochLength, at: number): boolean {
  return length > 0 && at > 0 && at % length === 0
}
