/**
 * The messages of the protocol (protocol.md §3) and their bounds. Votes, VIEW-CHANGE, NEW-VIEW and STATUS are
 * signed; FETCH, CERTIFICATE, SUM, BLOCKS and BLOCK need no signature of their own, because what they carry is proven by hashes and
 * certificates and the channel names the peer.
 */
import type { Bitmap, BlsSignature, Epoch, Hash, Height, Signature, ValidatorIndex, View } from '@aethel/codec'
import type { BlobPart, BlobRef } from './blob.js'
import { type Block, type Header, MAX_BLOCK_TRANSACTIONS } from './block.js'
import type { Aggregate, Ballot, Certificate, Vote } from './certificate.js'
import type { BlockTransactions, CompactPrePrepare } from './compact.js'
import type { Complaint } from './interface.js'
import type { SnapshotOffer } from './snapshot.js'

/** The signature is the leader's PREPARE vote on (view, height, block hash). */
export interface PrePrepare {
  readonly kind: 'pre-prepare'
  readonly epoch: Epoch
  readonly view: View
  readonly block: Block
  readonly sender: ValidatorIndex
  readonly signature: Signature
  /** Of that vote; on chains of BLS certificates only. */
  readonly share?: BlsSignature
}

/** A quorum's votes, put together by one of those who collect them (§9); it proves itself. */
export interface CertificateMessage {
  readonly kind: 'certificate'
  readonly certificate: Certificate
}

/** Some validators' votes, added up on their way up the tree (§9): what a certificate is, of fewer. Nobody has signed it but they. */
export interface SumMessage {
  readonly kind: 'sum'
  readonly sum: Aggregate
}

export interface VoteMessage {
  readonly kind: 'vote'
  readonly vote: Vote
}

/** The signed part of a VIEW-CHANGE; NEW-VIEW lists these. */
export interface ViewChangeEntry {
  readonly epoch: Epoch
  readonly newView: View
  /** What the sender's highest certificate is about; null before the first. */
  readonly highest: Ballot | null
  readonly committedHeight: Height
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

export interface ViewChange {
  readonly kind: 'view-change'
  readonly entry: ViewChangeEntry
  /** The certificate for `entry.highest`. */
  readonly certificate: Certificate | null
}

export interface NewView {
  readonly kind: 'new-view'
  readonly epoch: Epoch
  readonly newView: View
  /** A quorum, ascending by sender. */
  readonly viewChanges: readonly ViewChangeEntry[]
  /** The highest certificate among them. */
  readonly certificate: Certificate | null
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

export interface StatusSlot {
  readonly height: Height
  /** Hash of the block accepted at this height in `view`, if any. */
  readonly accepted: Hash | null
  /** Whose PREPAREs and COMMITs of `view` are held. */
  readonly prepares: Bitmap
  readonly commits: Bitmap
}

export interface Status {
  readonly kind: 'status'
  readonly epoch: Epoch
  readonly view: View
  readonly phase: 'active' | 'changing'
  readonly committedHeight: Height
  readonly slots: readonly StatusSlot[]
  /** About the leader of `view`. */
  readonly complaint: Complaint | null
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

/** Asks for committed blocks from a height on, for one uncommitted block by hash, or for the peer's view (§7, recovery). */
export type Fetch =
  | { readonly kind: 'fetch'; readonly want: 'committed'; readonly from: Height }
  | { readonly kind: 'fetch'; readonly want: 'block'; readonly hash: Hash }
  | { readonly kind: 'fetch'; readonly want: 'view'; readonly nonce: Hash }
  /** Which state can be had, with the ends of epochs from this one on. */
  | { readonly kind: 'fetch'; readonly want: 'snapshot'; readonly epoch: Epoch }
  /** A part of the state after the block of this height; the application says what lanes and cursors mean. */
  | { readonly kind: 'fetch'; readonly want: 'chunk'; readonly height: Height; readonly lane: number; readonly cursor: Uint8Array }
  /** One chunk of a blob (§9). */
  | { readonly kind: 'fetch'; readonly want: 'blob'; readonly blob: BlobRef; readonly index: number }
  /** These transactions of a block, by their positions, ascending. */
  | { readonly kind: 'fetch'; readonly want: 'transactions'; readonly hash: Hash; readonly positions: readonly number[] }

/** The view that the sender is in or asks for, durably, said after it was asked with this nonce. */
export interface ViewClaim {
  readonly kind: 'view-claim'
  readonly epoch: Epoch
  readonly view: View
  readonly nonce: Hash
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

/**
 * Committed blocks: consecutive `blocks`, then the headers `links` that lead from the last block to the one that
 * `certificate` certifies (none if it is the last block itself).
 */
export interface Blocks {
  readonly kind: 'blocks'
  readonly blocks: readonly Block[]
  readonly links: readonly Header[]
  readonly certificate: Certificate
  /**
   * For each block the gas of each of its proofs, 0 for a transaction without one: what the sender found. Whoever accepts
   * certified verdicts executes with these and lets the state root judge them; others do not look at them. Left out: not known.
   */
  readonly gas?: readonly (readonly number[])[]
}

export interface BlockMessage {
  readonly kind: 'block'
  readonly block: Block
}

/** A state that can be had from the sender; it proves itself (§7). */
export interface SnapshotMessage {
  readonly kind: 'snapshot'
  readonly offer: SnapshotOffer
}

/** A part of a state, as asked for; it proves itself against the state root. */
export interface ChunkMessage {
  readonly kind: 'chunk'
  readonly height: Height
  readonly lane: number
  readonly cursor: Uint8Array
  readonly chunk: Uint8Array
}

/** A chunk of a blob, as asked for; it proves itself against the root. */
export interface BlobPartMessage {
  readonly kind: 'blob-part'
  readonly blob: BlobRef
  readonly part: BlobPart
}

/** Blobs that the sender has, whole, and has checked: of transactions that are not final yet. */
export interface BlobHeld {
  readonly kind: 'blob-held'
  readonly blobs: readonly BlobRef[]
}

/** The sender was asked for a part of this blob and does not have it. */
export interface BlobAbsent {
  readonly kind: 'blob-absent'
  readonly blob: BlobRef
}

/** Canonical evidence (protocol.md §11); it proves itself. */
export interface EvidenceMessage {
  readonly kind: 'evidence'
  readonly evidence: Uint8Array
}

export type Message =
  | PrePrepare
  | VoteMessage
  | CertificateMessage
  | SumMessage
  | ViewChange
  | NewView
  | Status
  | Fetch
  | Blocks
  | BlockMessage
  | ViewClaim
  | SnapshotMessage
  | ChunkMessage
  | BlobPartMessage
  | BlobHeld
  | BlobAbsent
  | EvidenceMessage
  | CompactPrePrepare
  | BlockTransactions

/** Heights a STATUS may describe, and links a BLOCKS may carry: at least twice any sensible window. */
export const MAX_STATUS_SLOTS = 256
export const MAX_LINKS = 256
export const MAX_SYNC_BLOCKS = 1024
/** Blobs named in one BLOB-HELD. */
export const MAX_BLOBS_TOLD = 64
/**
 * Transactions of all blocks of one BLOCKS: those of the largest block. Each is read when it comes, and hashed once the certificate is
 * found good; a frame has room for three million of a byte each (trap E6).
 */
export const MAX_SYNC_TRANSACTIONS: number = MAX_BLOCK_TRANSACTIONS
