/**
 * What the engine replicates: any deterministic state machine (ledger.md §8). States are immutable values; `execute`
 * returns a new one that shares structure with its parent, so several uncommitted blocks can stand on top of each other
 * and a dropped one costs nothing.
 */
import type { Hash, Height, Refusal, Result, ValidatorIndex } from '@aethel/codec'
import type { Offence, Validator } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'

/** Agreed facts a transaction may depend on; nothing else from outside may matter. */
export interface BlockContext {
  readonly height: Height
  readonly timestampMs: number
  readonly proposer: ValidatorIndex
}

/** Work that must be done by a proof verifier before the transaction may be ordered or voted for. */
export interface VerificationWork {
  /** Verdicts are remembered by this: H(kind, claimId, proof hash). */
  readonly key: Hash
  readonly kind: string
  /** Canonical claim bytes. */
  readonly claim: Uint8Array
  readonly proof: Uint8Array
  /** The claim that becomes citable when this transaction is finalised. */
  readonly claimId: Hash
  /** `keyOf` the id of each claim whose statement the verifier needs: they are many, kept long, and looked up often. */
  readonly cites: readonly string[]
}

/** The id of a transaction of any application: a hash of its canonical bytes, so a known one need not be decoded again. */
export function transactionIdOf(bytes: Uint8Array): Hash {
  return hashTagged('aethel/transaction/v1', bytes)
}

/** A decoded transaction whose own signature is good. */
export interface Transaction {
  /** `transactionIdOf(bytes)`. */
  readonly id: Hash
  /** `keyOf(id)`: it is looked up at every step of its way. */
  readonly idKey: string
  readonly bytes: Uint8Array
  /** `keyOf` of the account: quota and nonce order are per sender. */
  readonly sender: string
  readonly nonce: number
  /** Most gas its proof may take. */
  readonly gasLimit: number
  /** Null if nothing needs verifying. */
  readonly work: VerificationWork | null
}

/**
 * Ready to execute on a state; later: an earlier nonce of its sender ('nonce-gap') or a cited claim ('citation-missing') is
 * not there yet; never: it cannot execute on this state or any that extends it.
 */
export type Readiness =
  | { readonly status: 'ready' }
  | { readonly status: 'later'; readonly code: 'nonce-gap' | 'citation-missing'; readonly message: string }
  | { readonly status: 'never'; readonly code: string; readonly message: string }

export interface ExecutionInput {
  readonly transaction: Transaction
  /** Gas of the valid proof; 0 for transactions without work. */
  readonly difficulty: number
}

/** What to write to the store so that `restore` finds this state again: keys are the application's own. */
export interface StateWrites {
  readonly puts: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
  readonly deletes: readonly Uint8Array[]
}

export interface Executed<State> {
  readonly state: State
  readonly stateRoot: Hash
  /**
   * After the last block of an epoch: the validators of the next, in order. They belong to the state: who has the stateRoot
   * has them. Left out or null: the same as now. A set that is none (empty, a key twice, a power out of range) is not taken,
   * and the old one goes on (protocol.md §10).
   */
  readonly nextValidators?: readonly Validator[] | null
}

/** Where a part of a state begins: in which of its independent parts, and after what; an empty cursor is the lane's beginning. */
export interface ChunkPlace {
  /** 0 .. lanes - 1. */
  readonly lane: number
  /** At most `MAX_CURSOR_BYTES`, the application's own. */
  readonly cursor: Uint8Array
}

export interface CheckedChunk {
  /** To be kept; together, of all chunks, they are what `restore` takes. */
  readonly puts: StateWrites['puts']
  /** Where the lane goes on; null: it is complete. */
  readonly next: Uint8Array | null
}

/**
 * How a state reaches a replica that has not executed the blocks below it (protocol.md §7): in chunks, from several peers, each
 * checked against a certified state root before anything of it is kept.
 */
export interface Snapshots<State> {
  /** Parts that are fetched beside each other, 1..256; within one, chunk follows chunk. */
  readonly lanes: number
  /** The part of `state` at a place, of about `bytes`; it must make progress whatever `bytes` is. Null: no such place. */
  chunk(state: State, place: ChunkPlace, bytes: number): Uint8Array | null
  /**
   * What a chunk holds, if it is exactly what the state with this root has at that place. Bytes of a stranger: whatever they are, the
   * answer is a value. Each `next` lies after the place it was asked for, so that a lane ends.
   */
  check(stateRoot: Hash, place: ChunkPlace, chunk: Uint8Array): Result<CheckedChunk, Refusal>
  /** The state with this root, from the puts of all chunks of all lanes in any order. */
  restore(stateRoot: Hash, puts: StateWrites['puts']): Result<State, Refusal>
}

export interface Application<State> {
  /** The state of the newest committed block: genesis, or what was restored. */
  readonly initial: Executed<State>
  /** Canonical parse plus signature check: one accepted byte string per transaction. `id` is `transactionIdOf(bytes)`, for whoever has it. */
  decode(bytes: Uint8Array, id?: Hash): Result<Transaction, Refusal>
  /**
   * Whether bytes that claim to be a transaction can be put aside unread, because their nonce is used in `state`. Cheap: neither the
   * signature nor the rest is looked at. Left out: no.
   */
  isSpent?(state: State, bytes: Uint8Array): boolean
  readiness(state: State, transaction: Transaction, context: Pick<BlockContext, 'height'>): Readiness
  /** Canonical claim bytes of a finalised claim; `key` is `keyOf(claimId)`. */
  statementOf(state: State, key: string): Uint8Array | undefined
  /**
   * Null if the offence may be recorded on this state. Each is recorded once: evidence that shows the same one again, in
   * whatever variant, is refused, from committed data alone (traps K1, K2).
   */
  offenceRefusal(state: State, offence: Offence): Refusal | null
  /**
   * In order, all or nothing; synchronous, deterministic. The first transaction that fails its rules, or offence that is
   * recorded already, refuses the whole. Without `offences` there are none.
   */
  execute(
    parent: State,
    context: BlockContext,
    transactions: readonly ExecutionInput[],
    offences?: readonly Offence[],
  ): Result<Executed<State>, Refusal>
  /** What changed from `parent` to `state`. */
  writes(parent: State, state: State): StateWrites
  /** The newest committed state from now on. Nothing may depend on being told: it is for keeping at hand what will be asked for again. */
  settle?(state: State): void
  /** Left out: its states cannot be handed over, and who is behind executes every block. */
  readonly snapshots?: Snapshots<State>
}
