/**
 * The face of a replica: mempool, consensus and application as one synchronous `step(input) -> effects`. The node, the
 * simulator and a browser tab drive the same bytes.
 */
import type { Epoch, Hash, Height, Refusal, ValidatorIndex } from '@aethel/codec'
import type {
  Block,
  Certificate,
  ConsensusEvent,
  EpochStart,
  ForkMaterial,
  Message,
  Offence,
  PersistRecord,
  TimerName,
  VerifiedMessage,
} from '@aethel/consensus'
import type { StateWrites, Transaction, VerificationWork } from './application.js'

export interface MempoolLimits {
  readonly transactions: number
  readonly bytes: number
  readonly perSender: number
  /** Unverified transactions waiting for a citation that is not known yet. */
  readonly waiting: number
  /** Nothing that fits waits for more than this many blocks. */
  readonly maxWaitBlocks: number
  /** Remembered verdicts. */
  readonly verdicts: number
}

export interface BlockLimits {
  readonly transactions: number
  readonly bytes: number
  /** Sum of the difficulty of a block's proofs. */
  readonly gas: number
}

export type ReplicaInput =
  | { readonly kind: 'start'; readonly nowMs: number }
  | { readonly kind: 'message'; readonly from: ValidatorIndex; readonly message: VerifiedMessage; readonly nowMs: number }
  | { readonly kind: 'connected'; readonly peer: ValidatorIndex; readonly nowMs: number }
  /** A peer sent a message of another epoch (`EpochGate`). */
  | {
      readonly kind: 'foreign'
      readonly from: ValidatorIndex
      readonly epoch: Epoch
      readonly committedHeight: Height | null
      readonly nowMs: number
    }
  | { readonly kind: 'timer'; readonly timer: TimerName; readonly nowMs: number }
  | { readonly kind: 'round-trip'; readonly peer: ValidatorIndex; readonly roundTripMs: number }
  /** From a local client; answered by one `admission` effect with the same request number. */
  | { readonly kind: 'submit'; readonly request: number; readonly transaction: Transaction; readonly nowMs: number }
  /** From a peer. */
  | { readonly kind: 'transactions'; readonly from: ValidatorIndex; readonly transactions: readonly Transaction[]; readonly nowMs: number }
  /** Answer to a `verify` effect. */
  | { readonly kind: 'verified'; readonly key: Hash; readonly outcome: VerificationOutcome; readonly nowMs: number }

export type VerificationOutcome =
  | { readonly status: 'valid'; readonly gas: number }
  | { readonly status: 'invalid'; readonly code: string; readonly message: string; readonly gas: number }
  | { readonly status: 'aborted'; readonly reason: string }

/** One proof for the worker pool; block validation goes before mempool admission. */
export interface VerificationJob {
  readonly work: VerificationWork
  readonly cited: readonly { readonly claimId: Hash; readonly statement: Uint8Array }[]
  readonly priority: 'block' | 'mempool'
}

export type Admission =
  /** Verified and in the mempool. */
  | { readonly status: 'admitted'; readonly id: Hash }
  /** Something it cites has not arrived; it is kept, within bounds, and verified when that turns up. */
  | { readonly status: 'waiting'; readonly id: Hash; readonly refusal: Refusal }
  | { readonly status: 'refused'; readonly id: Hash; readonly refusal: Refusal }

export type ReplicaEffect =
  /** Durable, in order, before anything that follows is released. */
  | { readonly kind: 'persist'; readonly records: readonly PersistRecord[] }
  /** Durable in the same order as `persist`; then published (receipts, events, waiting clients). */
  | {
      readonly kind: 'commit'
      readonly block: Block
      readonly certificate: Certificate
      readonly writes: StateWrites
      readonly transactions: readonly Transaction[]
      /** With the last block of an epoch: what the next one starts from, durable together with the block. */
      readonly nextEpoch: EpochStart | null
      readonly offences: readonly Offence[]
    }
  | { readonly kind: 'send'; readonly to: ValidatorIndex | 'all'; readonly message: Message }
  /** Pass these on to one peer or to all. */
  | { readonly kind: 'gossip'; readonly to: ValidatorIndex | 'all'; readonly transactions: readonly Transaction[] }
  | { readonly kind: 'serve'; readonly to: ValidatorIndex; readonly from: Height }
  | { readonly kind: 'verify'; readonly jobs: readonly VerificationJob[] }
  | { readonly kind: 'admission'; readonly request: number; readonly admission: Admission }
  /** A transaction that was admitted or waiting and is now gone without having been finalised. */
  | { readonly kind: 'dropped'; readonly id: Hash; readonly refusal: Refusal }
  | { readonly kind: 'set-timer'; readonly timer: TimerName; readonly afterMs: number }
  | { readonly kind: 'cancel-timer'; readonly timer: TimerName }
  /** Evidence of an offence now held here: to be kept until `forget-evidence`. */
  | { readonly kind: 'evidence'; readonly offence: Offence; readonly bytes: Uint8Array }
  /** The offence is on record, or too old to be heard. */
  | { readonly kind: 'forget-evidence'; readonly offence: Offence }
  /** Two blocks are proven committed at one height: from here on nothing is signed (protocol.md §12). */
  | { readonly kind: 'fork'; readonly height: Height; readonly material: ForkMaterial }
  | { readonly kind: 'event'; readonly event: ConsensusEvent | MempoolEvent | EpochEvent }

export type EpochEvent =
  /** `self`: own position in the epoch's set; null: none. */
  | { readonly name: 'epoch-entered'; readonly epoch: Epoch; readonly validators: number; readonly self: ValidatorIndex | null }
  /** The application named a set that is none; the old one goes on. */
  | { readonly name: 'validators-refused'; readonly epoch: Epoch; readonly code: string; readonly message: string }

export type MempoolEvent =
  | { readonly name: 'proof-refused'; readonly id: Hash; readonly from: ValidatorIndex | 'client'; readonly code: string }
  | { readonly name: 'transaction-evicted'; readonly id: Hash }
