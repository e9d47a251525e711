/**
 * A build of the software, as far as a simulated validator runs it: its consensus core, its replica, its ledger and kernels, and the bytes in which
 * it says things to peers and writes them to its store. A run may have two (docs/simulation.md, "Two builds"): this one, whose judges decide, and another,
 * with modules of its own, so that no object of one may be taken for one of the other: between them everything goes through bytes.
 */
import type { Refusal, Result } from '@aethel/codec'
import type * as Consensus from '@aethel/consensus'
import type {
  Block,
  Certificate,
  CommittedTip,
  Header,
  Message,
  PersistRecord,
  Recovery,
  SnapshotOffer,
  Validator,
  Vote,
} from '@aethel/consensus'
import type * as Ledger from '@aethel/ledger'
import type * as Proofs from '@aethel/proofs'
import type * as Replica from '@aethel/replica'

/** One way of writing one thing. */
export interface Form<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): Result<T, Refusal>
}

/** By what is written: a message to peers, or a record of the store (packages/storage/src/records.ts). */
export interface Forms {
  readonly message: Form<Message>
  readonly view: Form<Extract<PersistRecord, { kind: 'view' }>>
  readonly vote: Form<Vote>
  readonly block: Form<Block>
  readonly certificate: Form<Certificate>
  readonly recovery: Form<Recovery>
  readonly tip: Form<{ readonly tip: CommittedTip; readonly lastCommit: Certificate }>
  readonly epoch: Form<{
    readonly originHeight: CommittedTip['height']
    readonly originHash: CommittedTip['hash']
    readonly validators: readonly Validator[]
  }>
  readonly offer: Form<SnapshotOffer>
  readonly headers: Form<readonly Header[]>
}

export interface Build {
  /** As a reader of a finding should call it. */
  readonly name: string
  /** Of its wire (PROTOCOL_VERSION) and of its store (STORE_FORMAT). */
  readonly protocolVersion: number
  readonly storeFormat: number
  readonly consensus: Pick<typeof Consensus, 'createMessageChecker' | 'createValidatorSet'>
  readonly replica: Pick<typeof Replica, 'createReplica'>
  readonly ledger: LedgerCode
  readonly forms: Forms
}

/** With what a validator executes blocks and checks proofs, where the ledger is what it replicates. */
export interface LedgerCode
  extends Pick<typeof Ledger, 'chainIdOf' | 'createRegistry' | 'restoreLedger'>,
    Pick<typeof Proofs, 'runMetered' | 'runStreamed'> {}

export interface Builds {
  readonly current: Build
  readonly other: Build
}

/** Which of the two a validator runs. */
export type Running = 'current' | 'other'
