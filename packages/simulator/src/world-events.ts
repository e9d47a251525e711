/**
 * Everything that can happen in a simulated world, by its cause. What concerns one start of a process carries the incarnation it
 * was meant for, and means nothing to a later one.
 */
import type { BlobRef, TimerName } from '@aethel/consensus'
import type { VerificationJob } from '@aethel/replica'
import type { Payload } from './edge.js'

/** Faults that come by themselves (mishaps.ts). */
export type FaultKind = 'crash' | 'power-loss' | 'partition' | 'clog' | 'pause' | 'clock-jump'

/** A verification has ended, the nth of this validator: what it found depends on its work and its fate. */
export interface Verified {
  readonly kind: 'verified'
  readonly node: number
  readonly incarnation: number
  readonly nth: number
  readonly job: VerificationJob
}

export type WorldEvent =
  | { readonly kind: 'deliver'; readonly from: number; readonly to: number; readonly payload: Payload }
  | { readonly kind: 'timer'; readonly node: number; readonly incarnation: number; readonly timer: TimerName; readonly version: number }
  /** The first `count` items of the node's queue are on its disk. */
  | { readonly kind: 'synced'; readonly node: number; readonly incarnation: number; readonly count: number }
  | Verified
  | { readonly kind: 'connected'; readonly node: number; readonly peer: number }
  /** Its process died: the others see their connections to it close. */
  | { readonly kind: 'died'; readonly node: number }
  | { readonly kind: 'disconnected'; readonly node: number; readonly peer: number }
  | { readonly kind: 'blob-opened'; readonly node: number; readonly incarnation: number; readonly blob: BlobRef }
  | { readonly kind: 'restart'; readonly node: number }
  | { readonly kind: 'fault'; readonly fault: FaultKind; readonly nth: number }
  /** The nth partition ends. */
  | { readonly kind: 'mend'; readonly nth: number }
  | { readonly kind: 'submit'; readonly client: number; readonly version: number }
  | { readonly kind: 'heal' }
  | { readonly kind: 'adversary'; readonly node: number }
