/**
 * What the replicas of a run replicate, as the world around them has to know it: how a replica begins with it, who checks the proofs, what
 * clients write, what a faulty leader can lie about, and how commits are judged. There are two: the tally machine, small and fast
 * (tally-application.ts), and the ledger with its kernels, as the node runs them (ledger/application.ts).
 */
import type { Hash, Refusal, Result } from '@aethel/codec'
import type { BlobRef, Block, Certificate, Header } from '@aethel/consensus'
import type {
  Application,
  Executed,
  ReplicaEffect,
  StagedSnapshot,
  StateWrites,
  Transaction,
  VerificationJob,
  VerificationOutcome,
} from '@aethel/replica'
import type { Running } from './builds/build.js'

export const APPLICATIONS = ['tally', 'ledger'] as const
export type ApplicationName = (typeof APPLICATIONS)[number]

export function isApplicationName(name: string): name is ApplicationName {
  return (APPLICATIONS as readonly string[]).includes(name)
}

/** Only the application itself looks into one. */
export type State = object

export type Commit = Extract<ReplicaEffect, { kind: 'commit' }>

/** What a disk has of a state: the value, and what was written from genesis on. A replica may begin with either. */
export interface StoredState {
  readonly state: State
  readonly writes: Iterable<StateWrites>
}

export interface SimulatedApplication {
  readonly chainId: Hash
  readonly genesis: { readonly state: State; readonly stateRoot: Hash }
  /** That of one replica, from its start on, of the build that it runs. */
  open(stored: StoredState, runs: Running): Application<State>
  /** As a node reads what a client has sent. */
  decode(bytes: Uint8Array): Result<Transaction, Refusal>
  /** The checkers of one validator, of the build that it runs. */
  createVerifiers(runs: Running): Verifiers
  readonly judge: Judge
  readonly liar: Liar
  readonly author: Author
  /** What a transaction refers to. */
  blobIn(transaction: Uint8Array): Blob | undefined
}

export interface Blob {
  readonly ref: BlobRef
  content(): Uint8Array
}

export interface Verifiers {
  /** `blob`: the proof as this validator's disk has it, for work that refers to one. Null: it is not there, or not whole. */
  verify(job: VerificationJob, blob: Uint8Array | null): VerificationOutcome
}

/** By means of its own, not the replicas'. */
export interface Judge {
  /** Whether an honest validator may vote for a block that holds this transaction: its work is good. */
  isAcceptable(transaction: Uint8Array): boolean
  /** Of its work, taken at its word; 0 without work. */
  gasOf(transaction: Uint8Array): number
  /** A committed block once more, on the state before it. */
  execute(before: State, commit: Commit): Result<Executed<State>, Refusal>
  /** The state of a snapshot that was fetched. */
  restore(staged: StagedSnapshot): Result<State, Refusal>
  /** In every part. */
  isSame(one: State, other: State): boolean
  /** Nobody has committed this height before: `state` is what `execute` made of it. */
  onFirstCommit(block: Block, certificate: Certificate, state: State): void
}

/** What a faulty leader can make of blocks. */
export interface Liar {
  /** Instead of this transaction, one whose work is false. Null: there is none. */
  withFalseWork(transaction: Uint8Array): Uint8Array | null
  /** One of these once more, or what it says: of the block below, of this one. Null: there is nothing to repeat. */
  repeat(below: Uint8Array | undefined, own: Uint8Array | undefined): Uint8Array | null
  /** Well formed, for blocks that hold too many. */
  crowd(count: number): Uint8Array[]
  /** Root and difficulty as if all of these were good. Null: they do not execute, whatever is said of their work. */
  outcomeOf(rootBelow: Hash, header: Header, transactions: readonly Uint8Array[]): Outcome | null
}

export interface Outcome {
  readonly stateRoot: Hash
  readonly totalDifficulty: bigint
}

/** Writes what clients submit (clients.ts says when): a client is an account with its nonces. */
export interface Author {
  readonly clients: number
  /** Will be final, unless it is outdone. */
  write(client: number, nonce: number): Uint8Array
  /** May never be final, whoever gets it: false work, and whatever else the rules forbid. */
  writeFalse(client: number, nonce: number): Uint8Array
  /** Final, in this order. */
  onFinal(transaction: Uint8Array): void
  /** Something final has taken its place. */
  isOutdone(transaction: Uint8Array): boolean
}
