/**
 * The face of the consensus core: `step(state, input) -> effects`, synchronous, effects as data in order. Whatever is slow
 * (disk, network, verification, clocks) is an effect that comes back as an input.
 */
import type { Epoch, Hash, Height, Signature, ValidatorIndex, View } from '@aethel/codec'
import type { Block } from './block.js'
import type { Certificate, Vote } from './certificate.js'
import type { VerifiedMessage } from './check.js'
import type { DisseminationChoice } from './dissemination.js'
import type { EpochLength } from './epochs.js'
import type { Evidence } from './evidence.js'
import type { ForkMaterial } from './fork-assembly.js'
import type { Message, NewView, ViewChange } from './messages.js'
import type { ShareScheme } from './shares.js'
import type { ValidatorSet } from './validators.js'

export interface TimerSettings {
  /** View timer = max(floorMs, commitFactor * smoothed time to commit + allowanceMs), doubled per failed view. */
  readonly floorMs: number
  readonly commitFactor: number
  readonly allowanceMs: number
  readonly capMs: number
  /** How often STATUS is sent and whatever was not answered is asked again. */
  readonly statusMs: number
  /** How long a leader gathers transactions while another block is in flight. */
  readonly batchMs: number
}

export interface ConsensusConfig {
  readonly chainId: Hash
  /** Of the epoch that this core lives in. */
  readonly validators: ValidatorSet
  /** Own position; at or above N: no validator of this epoch, which follows and serves and never votes. */
  readonly self: ValidatorIndex
  /** 0 or left out: one epoch without an end (protocol.md §10). */
  readonly epochLength?: EpochLength
  /** What the epoch builds on; genesis if left out. */
  readonly origin?: { readonly height: Height; readonly hash: Hash }
  /** Heights a leader may propose beyond the committed one (water marks), 1..64. */
  readonly window: number
  /** How far ahead of the own clock a proposal's timestamp may lie. */
  readonly clockDriftMs: number
  readonly timers: TimerSettings
  /** By validator: round trips measured before this core began, 0 where none was; left out: none at all. */
  readonly roundTripsMs?: readonly number[]
  /** Random, new at every start; needed while `DurableState.recovery` is asking. */
  readonly recoveryNonce?: Hash
  /** Signs with the validator's consensus key. */
  sign(bytes: Uint8Array): Signature
  /** Of a chain of BLS certificates, and only there. */
  readonly shares?: ShareScheme
  /** Whom votes and proposals go to (§9); mesh if left out. Anything but that needs certificates that are one signature. */
  readonly dissemination?: DisseminationChoice
}

/** Where a block that consensus has committed stands: the tip the next one builds on. */
export interface CommittedTip {
  readonly height: Height
  readonly hash: Hash
  readonly timestampMs: number
}

/**
 * A block's `lastCertificate` is at most this many heights old, and null only at or below this height: so that every
 * replica can check it against the hashes it keeps.
 */
export const MAX_CERTIFICATE_AGE = 1024
/** Committed hashes kept: the certificate age plus the largest window. */
export const RECENT_HASHES: number = MAX_CERTIFICATE_AGE + 64

/** About how many bytes of blocks the driver puts into one answer to `serve`; the core charges the peer this much for each. */
export const MAX_SERVE_BYTES: number = 4 * 1024 * 1024

/**
 * A validator whose store was lost (protocol.md §7). Asking: it signs nothing. Released: a commit certificate of `view` lay above
 * all that others claimed in `epoch`, so it signs in that view and later ones; and in no epoch above `forgottenUpTo` can it have signed
 * anything that it has forgotten.
 */
export type Recovery =
  | { readonly status: 'asking' }
  | { readonly status: 'released'; readonly forgottenUpTo: Epoch; readonly epoch: Epoch; readonly view: View }

/**
 * What survives kill -9 (protocol.md §5). Votes, certificates, NEW-VIEW and VIEW-CHANGE name their epoch: what is of an
 * earlier one than the core's is over and not taken up.
 */
export interface DurableState {
  readonly view: View
  readonly phase: 'active' | 'changing'
  /** The NEW-VIEW accepted for `view`; null in view 0 and while changing. */
  readonly newView: NewView | null
  /** Own VIEW-CHANGE for `view`, while changing. */
  readonly viewChange: ViewChange | null
  /** Own votes of `view`, byte for byte. */
  readonly votes: readonly Vote[]
  /** Uncommitted blocks voted for, or needed below them. */
  readonly blocks: readonly Block[]
  /** Left out or null: this store remembers everything that was ever signed. */
  readonly recovery?: Recovery | null
  readonly highest: Certificate | null
  /** Newest commit certificate held. */
  readonly lastCommit: Certificate | null
  readonly committed: CommittedTip
  /** Hashes of the newest committed blocks, ascending by height: `RECENT_HASHES` of them where the chain is that long. */
  readonly recent: readonly { readonly height: Height; readonly hash: Hash }[]
}

/** One durable fact. Within one group the order does not matter; groups are durable in order. */
export type PersistRecord =
  | {
      readonly kind: 'view'
      readonly view: View
      readonly phase: 'active' | 'changing'
      readonly newView: NewView | null
      readonly viewChange: ViewChange | null
    }
  | { readonly kind: 'vote'; readonly vote: Vote }
  | { readonly kind: 'block'; readonly block: Block }
  | { readonly kind: 'highest'; readonly certificate: Certificate }
  | { readonly kind: 'recovery'; readonly recovery: Recovery }
  /** An uncommitted block that can never be needed again. */
  | { readonly kind: 'forget-block'; readonly hash: Hash; readonly height: Height }

export type TimerName = 'view' | 'status' | 'batch'

export type ValidationResult =
  | { readonly status: 'valid' }
  /** `refuted`: position of a transaction whose proof does not verify; who votes for the block is to blame (protocol.md §11). */
  | { readonly status: 'invalid'; readonly code: string; readonly message: string; readonly refuted?: number }
  | { readonly status: 'aborted'; readonly reason: string }

export type Input =
  | { readonly kind: 'start'; readonly nowMs: number }
  | { readonly kind: 'message'; readonly from: ValidatorIndex; readonly message: VerifiedMessage; readonly nowMs: number }
  | { readonly kind: 'connected'; readonly peer: ValidatorIndex; readonly nowMs: number }
  /** A peer sent a message of another epoch than ours, which nobody has checked: a hint whom to ask or to help. */
  | {
      readonly kind: 'foreign'
      readonly from: ValidatorIndex
      readonly epoch: Epoch
      /** What the peer says it has committed, if the message says so. */
      readonly committedHeight: Height | null
      readonly nowMs: number
    }
  | { readonly kind: 'timer'; readonly timer: TimerName; readonly nowMs: number }
  /** Answer to `validate`. Aborted after it was valid: what a vote would attest is not here any more; without a vote yet it is checked again. */
  | { readonly kind: 'validated'; readonly hash: Hash; readonly result: ValidationResult; readonly nowMs: number }
  /** Answer to `build`; null: nothing to propose after all. */
  | {
      readonly kind: 'built'
      readonly height: Height
      readonly view: View
      readonly proposal: BuiltProposal | null
      readonly nowMs: number
    }
  /** How much is waiting to be ordered and not yet in a proposed block; `full`: enough to fill a block. */
  | { readonly kind: 'work'; readonly waiting: number; readonly full: boolean; readonly nowMs: number }
  /** What whoever watches the leader of `view` thinks of it; stands until it is withdrawn or the view ends (protocol.md §8). */
  | { readonly kind: 'leader-judged'; readonly view: View; readonly complaint: Complaint | null; readonly nowMs: number }
  /** Smoothed round trip to a peer, measured by the network. */
  | { readonly kind: 'round-trip'; readonly peer: ValidatorIndex; readonly roundTripMs: number }

export interface BuiltProposal {
  readonly transactions: readonly Uint8Array[]
  /** Canonical evidence, each piece checked. */
  readonly evidence: readonly Uint8Array[]
  readonly stateRoot: Hash
  readonly totalDifficulty: bigint
  /** Of the validators of the next epoch, in the last block of one (protocol.md §10). */
  readonly nextValidatorsHash?: Hash
}

export type Effect =
  /** Durable before any later `send` (or `commit` made visible) of this and following steps. */
  | { readonly kind: 'persist'; readonly records: readonly PersistRecord[] }
  /** `fresh`: nobody has sent it to this one before, as far as one knows: what is left out now comes a status tick later. */
  | { readonly kind: 'send'; readonly to: ValidatorIndex | 'all'; readonly message: Message; readonly fresh?: true }
  /** Answer `fetch committed` from the store: BLOCKS from `from`, bounded in bytes. */
  | { readonly kind: 'serve'; readonly to: ValidatorIndex; readonly from: Height }
  /** Verify every proof, check every rule, execute on the parent's state, compare the state root. */
  | {
      readonly kind: 'validate'
      readonly block: Block
      /** Of a block proven committed: the gas of each of its proofs, as a peer says; nobody has checked it. */
      readonly certifiedGas: readonly number[] | null
    }
  /** Fill a block on top of `parent`; answer with `built`. */
  | { readonly kind: 'build'; readonly parent: Hash; readonly height: Height; readonly view: View; readonly timestampMs: number }
  /** A block of our own that is now proposed (already executed by `build`). */
  | { readonly kind: 'proposed'; readonly block: Block }
  /** In height order, exactly once. `certificate.height` may lie above the block's: then it certifies a descendant. */
  | {
      readonly kind: 'commit'
      readonly block: Block
      readonly certificate: Certificate
      /** When it was accepted from the leader of the view we are in; null if it came otherwise: by catching up, or in another view. */
      readonly acceptedAtMs: number | null
    }
  /** Executed state of these blocks may be dropped; they can be validated again if they come back. */
  | { readonly kind: 'abandon'; readonly hashes: readonly Hash[] }
  | { readonly kind: 'set-timer'; readonly timer: TimerName; readonly afterMs: number }
  | { readonly kind: 'cancel-timer'; readonly timer: TimerName }
  /** Somebody's offence, seen here; everybody may see the same. */
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  /** Two blocks are proven committed at one height. The replica signs nothing any more (protocol.md §12). */
  | { readonly kind: 'fork'; readonly height: Height; readonly material: ForkMaterial }
  | { readonly kind: 'event'; readonly event: ConsensusEvent }

/** For logs, metrics and the simulator's coverage; nothing depends on them. */
export type ConsensusEvent =
  | { readonly name: 'accepted'; readonly view: View; readonly height: Height; readonly hash: Hash; readonly reproposal: boolean }
  | { readonly name: 'prepared'; readonly view: View; readonly height: Height; readonly hash: Hash }
  | { readonly name: 'committed'; readonly view: View; readonly height: Height; readonly hash: Hash; readonly direct: boolean }
  | { readonly name: 'view-change-started'; readonly view: View; readonly reason: ViewChangeReason }
  | { readonly name: 'view-entered'; readonly view: View; readonly base: 'none' | 'commit' | 'tip'; readonly height: Height }
  | { readonly name: 'block-invalid'; readonly height: Height; readonly hash: Hash; readonly code: string; readonly message: string }
  | { readonly name: 'verification-aborted'; readonly height: Height; readonly hash: Hash; readonly reason: string }
  /** Its signature is good, its share of a certificate is not: the sender's fault, since the signature covers the share. */
  | { readonly name: 'bad-share'; readonly sender: ValidatorIndex; readonly view: View; readonly height: Height }
  /** It has added up shares without a look, or made them up: no honest validator sends such a sum. */
  | { readonly name: 'bad-sum'; readonly sender: ValidatorIndex; readonly view: View; readonly height: Height }
  | { readonly name: 'complaint'; readonly view: View; readonly complaint: Complaint }
  | { readonly name: 'fetching'; readonly peer: ValidatorIndex; readonly from: Height }
  /** Not voting: so many others have named their view; `above`: a commit certificate above this view is waited for. */
  | { readonly name: 'recovering'; readonly answers: number; readonly above: View | null }
  | { readonly name: 'recovered'; readonly view: View }
  | { readonly name: 'ignored'; readonly what: string; readonly why: string }

/** Why a leader that does commit blocks should go (protocol.md §8). */
export type Complaint = 'slow-leader' | 'starved-transaction'

export type ViewChangeReason = 'timeout' | 'new-view-timeout' | 'invalid-block' | 'equivocation' | 'joined' | 'leader-left' | Complaint
