/**
 * What a store is asked to write: the records of the consensus core, and those of the node around it. Which bytes they become is in
 * `records.ts`, under which keys in `keys.ts`.
 */
import type { Hash } from '@aethel/codec'
import type { Block, Certificate, EpochStart, Offence, PersistRecord, Restored, SnapshotRecord } from '@aethel/consensus'
import type { StoredVerdict } from './records.js'

export type StoreRecord =
  | PersistRecord
  | CommitRecord
  | SnapshotStoreRecord
  | RestoredRecord
  | EvidenceRecord
  | ForgetEvidenceRecord
  | VerdictRecord
  | ForgetVerdictRecord

/** A committed block with everything that changes with it; one atomic record group. */
export interface CommitRecord {
  readonly kind: 'commit'
  readonly block: Block
  /** Of the block, or of a descendant. */
  readonly certificate: Certificate
  /** Changes of the application's state. */
  readonly writes: {
    readonly puts: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
    readonly deletes: readonly Uint8Array[]
  }
  /** Ids of the block's transactions, in block order. */
  readonly transactionIds: readonly Hash[]
  /** With the last block of an epoch: what the next one starts from. */
  readonly nextEpoch?: EpochStart | null
  /** Of each transaction's proof, 0 without one. */
  readonly gas?: readonly number[]
  /** Entries of an index for searching, whose keys are the application's own; never deleted. */
  readonly index?: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
}

/** Of a state that is being fetched: beside the one in use, which it does not touch. */
export interface SnapshotStoreRecord {
  readonly kind: 'snapshot'
  readonly record: SnapshotRecord
}

/** The fetched state takes the place of the one in use, with its block as the newest; one atomic record group. */
export interface RestoredRecord {
  readonly kind: 'restored'
  readonly restored: Restored
}

export interface EvidenceRecord {
  readonly kind: 'evidence'
  readonly offence: Offence
  /** Canonical evidence. */
  readonly bytes: Uint8Array
}

/** The offence is on the chain, or too old to be heard. */
export interface ForgetEvidenceRecord {
  readonly kind: 'forget-evidence'
  readonly offence: Offence
}

/** What checking a proof found here. Losing it costs a second check, so nothing waits for it to be durable. */
export interface VerdictRecord {
  readonly kind: 'verdict'
  /** Of the work: kind, claim and proof. */
  readonly key: Hash
  readonly verdict: StoredVerdict
}

/** The proof is final, or the verdict too old to keep. */
export interface ForgetVerdictRecord {
  readonly kind: 'forget-verdict'
  readonly key: Hash
}
