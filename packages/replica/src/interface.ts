/**
 * The face of a replica: mempool, consensus and application as one synchronous `step(input) -> effects`. The node, the
 * simulator and a browser tab drive the same bytes.
 */
import type { Epoch, Hash, Height, Refusal, ValidatorIndex } from '@aethel/codec'
import type {
  BlobPart,
  BlobRef,
  Block,
  Certificate,
  CommittedTip,
  ConsensusConfig,
  ConsensusEvent,
  Diagnosis,
  DurableState,
  EpochStart,
  ForkMaterial,
  Header,
  Held,
  Inspection,
  Message,
  Offence,
  PersistRecord,
  Restored,
  SnapshotOffer,
  SnapshotRecord,
  StagedSnapshot,
  Surroundings,
  TimerName,
  VerifiedMessage,
  VerifyAggregate,
  VerifySignature,
} from '@aethel/consensus'
import type { Application, StateWrites, Transaction, VerificationWork } from './application.js'
import type { BlobProgress } from './blob-fetch.js'
import type { KeepOptions } from './blob-keep.js'
import type { EpochOptions } from './epochs.js'
import type { HeldEvidence } from './evidence-pool.js'
import type { MempoolOrder } from './mempool.js'
import type { SnapshotProgress } from './snapshot-fetch.js'
import type { Verdict } from './verdicts.js'

export type { Restored, SnapshotRecord, SnapshotTarget, StagedSnapshot } from '@aethel/consensus'

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

/** How a replica that is behind catches up (protocol.md §7). */
export interface SyncOptions {
  /** Proofs in committed blocks that peers serve are not verified again: their quorum did, and the state root is compared. */
  readonly trustCertificates: boolean
  /** Left out: states are neither handed over nor taken. */
  readonly snapshots?: SnapshotOptions
}

export interface SnapshotOptions {
  /** A state is taken over when peers are so many blocks ahead, or when blocks cannot be had; null: never. */
  readonly behindBlocks: number | null
  /** The state after every so many blocks can be had here: the same heights everywhere, so that several peers serve one state. */
  readonly everyBlocks: number
  /** About how large a part is that is asked for; an entry larger than that comes alone. */
  readonly chunkBytes: number
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
  readonly stored: StoredForSnapshots
}

/** Proofs that travel as blobs (protocol.md §9); left out: none do. */
export interface BlobOptions extends KeepOptions {
  readonly chunkBytes: number
  /** Of pending transactions' blobs, together: what is here and what is being fetched. */
  readonly pendingBytes: number
  /** Whole and durable at the start; `height`: of the block that made its transaction final, null: none that is known. */
  readonly held: readonly (BlobRef & { readonly height: Height | null })[]
}

/** Always: each transaction, however short it is, by its id. */
export type CompactWhen = 'where-it-saves' | 'always' | 'never'

/** What the store has, at a start. */
export interface StoredForSnapshots {
  /** Of the newest blocks, ascending, the committed one last: `RECENT_HASHES` where the chain is that long. */
  readonly headers: readonly Header[]
  /** Of the newest block, if it has one of its own. */
  readonly certificate: Certificate | null
  /** A state that was being fetched. */
  readonly staged: StagedSnapshot | null
}

export interface BlockLimits {
  readonly transactions: number
  readonly bytes: number
  /** Sum of the difficulty of a block's proofs. */
  readonly gas: number
  /** Of the blobs its transactions refer to, together; left out: no bound. */
  readonly blobBytes?: number
}

export type ReplicaInput =
  | { readonly kind: 'start'; readonly nowMs: number }
  | {
      readonly kind: 'message'
      readonly from: ValidatorIndex
      readonly message: VerifiedMessage
      /** Of the transactions that a compact proposal names: what has come and was not looked at yet, by `keyOf(id)`. */
      readonly beside?: ReadonlyMap<string, Uint8Array>
      readonly nowMs: number
    }
  | { readonly kind: 'connected'; readonly peer: ValidatorIndex; readonly nowMs: number }
  /** What was sent to it and has not been answered is lost, as far as anybody knows. */
  | { readonly kind: 'disconnected'; readonly peer: ValidatorIndex; readonly nowMs: number }
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
  /**
   * Chunks that the store lacks; none: the blob is whole, checked and durable. Answer to `blob-open` and to `blob-seal`, and said
   * unasked when a client has uploaded the last chunk: what waits for the blob goes on.
   */
  | { readonly kind: 'blob-opened'; readonly blob: BlobRef; readonly missing: readonly number[]; readonly nowMs: number }
  /** Another answer to these: the store has no room for it. */
  | { readonly kind: 'blob-refused'; readonly blob: BlobRef; readonly refusal: Refusal; readonly nowMs: number }
  /** The store finds that a blob it had is damaged, or was taken away. */
  | { readonly kind: 'blob-lost'; readonly blob: BlobRef; readonly nowMs: number }
  /** Answer to a `verify` effect. */
  | { readonly kind: 'verified'; readonly key: Hash; readonly outcome: VerificationOutcome; readonly nowMs: number }

export type VerificationOutcome =
  | { readonly status: 'valid'; readonly gas: number }
  | { readonly status: 'invalid'; readonly code: string; readonly message: string; readonly gas: number }
  | { readonly status: 'aborted'; readonly reason: string }

export interface CitedStatement {
  /** `keyOf(claimId)`. */
  readonly key: string
  /** Canonical claim bytes. */
  readonly statement: Uint8Array
}

/** One proof for the worker pool; block validation goes before mempool admission. */
export interface VerificationJob {
  readonly work: VerificationWork
  readonly cited: readonly CitedStatement[]
  readonly priority: 'block' | 'mempool'
}

export type Admission =
  /** Verified and in the mempool. */
  | { readonly status: 'admitted'; readonly id: Hash }
  /** Something it cites has not arrived; it is kept, within bounds, and verified when that turns up. */
  | { readonly status: 'waiting'; readonly id: Hash; readonly refusal: Refusal }
  | { readonly status: 'refused'; readonly id: Hash; readonly refusal: Refusal }

export type BlobEffect =
  /** Make room for it, and say what is there. */
  | { readonly kind: 'blob-open'; readonly blob: BlobRef }
  /** A checked chunk, to be stored with its leaf. */
  | { readonly kind: 'blob-write'; readonly blob: BlobRef; readonly part: BlobPart; readonly leaf: Hash }
  /** Every chunk was written: make it durable, then say so. */
  | { readonly kind: 'blob-seal'; readonly blob: BlobRef }
  /** Answer a peer with this chunk of a blob that is held. */
  | { readonly kind: 'blob-serve'; readonly to: ValidatorIndex; readonly blob: BlobRef; readonly index: number }
  /** Nothing needs it any more. */
  | { readonly kind: 'blob-drop'; readonly blob: BlobRef }

export type ReplicaEffect =
  | BlobEffect
  /** Durable, in order, before anything that follows is released. */
  | { readonly kind: 'persist'; readonly records: readonly PersistRecord[] }
  /** Durable in the same order as `persist`; then published (receipts, events, waiting clients). */
  | {
      readonly kind: 'commit'
      readonly block: Block
      readonly certificate: Certificate
      readonly writes: StateWrites
      readonly transactions: readonly Transaction[]
      /** Of each transaction's proof, 0 without one: what peers that accept certified verdicts are told. */
      readonly gas: readonly number[]
      /** With the last block of an epoch: what the next one starts from, durable together with the block. */
      readonly nextEpoch: EpochStart | null
      readonly offences: readonly Offence[]
    }
  /** `fresh`: nobody has sent it to this one before, as far as one knows: what is left out now comes a status tick later. */
  | { readonly kind: 'send'; readonly to: ValidatorIndex | 'all'; readonly message: Message; readonly fresh?: true }
  /** Pass these on to one peer or to all. */
  | { readonly kind: 'gossip'; readonly to: ValidatorIndex | 'all'; readonly transactions: readonly Transaction[] }
  | { readonly kind: 'serve'; readonly to: ValidatorIndex; readonly from: Height }
  /** Answer with this, and the ends of epochs from `from` on, as many as fit. */
  | { readonly kind: 'serve-offer'; readonly to: ValidatorIndex; readonly from: Epoch; readonly offer: Omit<SnapshotOffer, 'links'> }
  /** Durable in the same order as `persist`. */
  | { readonly kind: 'snapshot'; readonly record: SnapshotRecord }
  /** Durable in the same order as `persist`, all or nothing; from here on this is the committed state. */
  | { readonly kind: 'restored'; readonly restored: Restored }
  /** A peer has sent what no honest one sends. */
  | { readonly kind: 'blame'; readonly peer: ValidatorIndex; readonly refusal: Refusal }
  /** Answered by one `verified` input each. */
  | { readonly kind: 'verify'; readonly jobs: readonly VerificationJob[] }
  /** Jobs asked for by the mempool, which a block now waits for: ahead of what is not for blocks. */
  | { readonly kind: 'hasten-verification'; readonly keys: readonly Hash[] }
  /** Nobody waits for these any more: an answer is still welcome, and may be left out. */
  | { readonly kind: 'cancel-verification'; readonly keys: readonly Hash[] }
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
  | { readonly kind: 'event'; readonly event: ConsensusEvent | MempoolEvent | EpochEvent | SyncEvent | BlobEvent | ProposalEvent }

export type EpochEvent =
  /** `self`: own position in the epoch's set; null: none. */
  | { readonly name: 'epoch-entered'; readonly epoch: Epoch; readonly validators: number; readonly self: ValidatorIndex | null }
  /** The application named a set that is none; the old one goes on. */
  | { readonly name: 'validators-refused'; readonly epoch: Epoch; readonly code: string; readonly message: string }

export type MempoolEvent =
  | { readonly name: 'proof-refused'; readonly id: Hash; readonly from: ValidatorIndex | 'client'; readonly code: string }
  | { readonly name: 'transaction-evicted'; readonly id: Hash }

export type BlobEvent =
  /** It is being fetched: so many chunks are not here yet. */
  | { readonly name: 'blob-wanted'; readonly blob: BlobRef; readonly missing: number }
  /** Whole, checked and durable. */
  | { readonly name: 'blob-held'; readonly blob: BlobRef }
  | { readonly name: 'blob-dropped'; readonly blob: BlobRef }
  /** It sent what is not under the root: it is asked for no blobs any more. */
  | { readonly name: 'blob-peer-dropped'; readonly peer: ValidatorIndex; readonly code: string }
  /** A block is proposed whose blobs are not all here: no vote before they are. */
  | { readonly name: 'block-awaits-blobs'; readonly height: Height; readonly hash: Hash; readonly blobs: number }

export type ProposalEvent =
  /** A compact proposal came, and so many of its transactions are not here: no vote before they are. */
  {
    readonly name: 'proposal-awaits-transactions'
    readonly height: Height
    readonly hash: Hash
    readonly from: ValidatorIndex
    readonly transactions: number
  }

export type SyncEvent =
  /** `sync.trustCertificates`: so many proofs of a certified block were not verified here. */
  | { readonly name: 'verdicts-trusted'; readonly height: Height; readonly hash: Hash; readonly proofs: number }
  /** The gas that a peer named does not lead to the certified state: the block is verified after all. */
  | { readonly name: 'verdicts-doubted'; readonly height: Height; readonly hash: Hash; readonly proofs: number }
  /** A state is being fetched; `resumed`: what was on disk counts. */
  | { readonly name: 'snapshot-begun'; readonly height: Height; readonly peers: number; readonly resumed: boolean }
  | {
      readonly name: 'snapshot-chunk'
      readonly height: Height
      readonly peer: ValidatorIndex
      readonly lanesDone: number
      readonly bytes: number
    }
  /** It lied (code of what was wrong) or stalled, and is asked no more. */
  | { readonly name: 'snapshot-peer-dropped'; readonly peer: ValidatorIndex; readonly code: string }
  /** `overtaken`: blocks came faster. `unserved`: nobody has it any more. */
  | { readonly name: 'snapshot-given-up'; readonly height: Height; readonly why: 'overtaken' | 'unserved' | 'damaged' }
  | { readonly name: 'snapshot-restored'; readonly height: Height; readonly from: Height; readonly epoch: Epoch }

export interface ReplicaOptions<State> {
  readonly consensus: ConsensusConfig
  readonly durable: DurableState
  readonly application: Application<State>
  readonly mempool: MempoolLimits
  readonly block: BlockLimits
  readonly order: MempoolOrder
  /** For a chain with many epochs: `consensus` then describes the epoch to start in, less who signs. */
  readonly epochs?: EpochOptions<State>
  /** What `evidence` effects asked to be kept, from before a restart. */
  readonly evidence?: readonly Uint8Array[]
  /** Verdicts of this validator from before a restart: what was verified once is not verified again. */
  readonly verdicts?: readonly { readonly key: Hash; readonly verdict: Verdict }[]
  /** How to catch up; left out: by executing and verifying every block. */
  readonly sync?: SyncOptions
  /** Proofs that travel as blobs; left out: none do. */
  readonly blobs?: BlobOptions
  /** Whether own proposals go by the ids of their transactions (protocol.md §9); left out: where it saves. Others need not agree. */
  readonly compactProposals?: CompactWhen
}

export interface ReplicaInspection extends Inspection {
  readonly pooled: number
  readonly poolBytes: number
  readonly unverified: number
  readonly ready: number
  readonly verdicts: number
  readonly evidenceHeld: number
  /** Being fetched. */
  readonly blobs: readonly BlobProgress[]
  /** Compact proposals that are being put together, and what is kept of them. */
  readonly proposalsAwaited: number
  readonly awaitedBytes: number
}

export interface Replica<State> {
  step(input: ReplicaInput): ReplicaEffect[]
  readonly committed: CommittedTip
  /** Newest committed state. */
  readonly state: State
  readonly position: { readonly view: number; readonly phase: 'active' | 'changing' }
  /** The epoch that the next block belongs to. */
  readonly epoch: EpochStart
  /** Own position among the validators of the epoch; null: none. */
  readonly self: ValidatorIndex | null
  /** Waiting: an earlier nonce or a citation is missing. Pending: verified and in the mempool. */
  transactionStatus(id: Hash): 'unknown' | 'waiting' | 'pending'
  /** A transaction that was decoded for a block just now, as it was found then: its signature need not be checked again. */
  decoded(id: Hash): Transaction | undefined
  /** Whether a message, not yet verified, could change anything: asked before its signatures are checked. */
  wants(from: ValidatorIndex, message: Message): boolean
  /** Of what it does not want: whether `from` had to send it all the same, as both parents in a tree send a proposal. */
  isDue(from: ValidatorIndex, message: Message): boolean
  /** Next free nonce of an account, counting what is in the mempool. */
  nextNonce(sender: string, committedNonce: number): number
  inspect(): ReplicaInspection
  /** Whether something that is not final refers to this blob, or it is kept for what is: it must not be taken away. */
  needsBlob(blob: BlobRef): boolean
  /** What consensus holds that is bounded (docs/protocol.md §13): cheap to ask for. */
  readonly held: Held
  /** Evidence held and not on the chain yet. */
  evidence(): readonly HeldEvidence[]
  /** Why nothing commits right now, or that all is well. */
  explain(around: Surroundings): Diagnosis
  /** What this replica could add to a fork proof, beside its committed chain. */
  forkMaterial(): ForkMaterial
  /** Of taking over a state; null: none is being fetched. */
  readonly snapshot: SnapshotProgress | null
  /** Heights of the states that peers can have from here. */
  readonly snapshotsServed: readonly Height[]
}
