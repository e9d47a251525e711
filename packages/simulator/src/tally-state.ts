/** The tally machine's data: its state, its transactions, and how a root follows from the one before. */
import {
  concatBytes,
  decode,
  EMPTY_BYTES,
  encode,
  type Hash,
  keyOf,
  ok,
  type Reader,
  type Refusal,
  type Result,
  ZERO_HASH,
} from '@aethel/codec'
import { type BlobRef, blobRefOf } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { Transaction } from '@aethel/replica'
import { transactionIdOf } from '@aethel/replica'
import { SIMULATED_CHUNK_BYTES } from './blob-shelves.js'

/** What one entry of the log says. */
export type TallyItem = { readonly transaction: Uint8Array } | { readonly offence: string }

/** The newest entry, and all below it. */
export interface TallyLog {
  readonly below: TallyLog | null
  readonly rootBelow: Hash
  readonly item: TallyItem
}

export interface TallyState {
  readonly root: Hash
  readonly nonces: readonly number[]
  /** Keys of the offences on record, in the order they were recorded. */
  readonly offences: readonly string[]
  /** What led here: the state is handed over as this. */
  readonly log: TallyLog | null
}

/** `blob`: with a proof that travels as a blob; its salt decides whether it is valid. */
export type WorkKind = 'none' | 'valid' | 'invalid' | 'blob'

export interface TallyTransaction extends Transaction {
  readonly account: number
  readonly workKind: WorkKind
  readonly salt: number
}

const WORK_KINDS: readonly WorkKind[] = ['none', 'valid', 'invalid', 'blob']
export const TALLY_ACCOUNTS = 8
/** Gas of valid work is its size class, so that difficulties differ. */
const GAS_STEP = 100

export function encodeTally(account: number, nonce: number, workKind: WorkKind, salt: number): Uint8Array {
  return encode((writer) => writer.u8(account).u64(nonce).u8(WORK_KINDS.indexOf(workKind)).u32(salt))
}

function readTally(reader: Reader): { account: number; nonce: number; workKind: WorkKind; salt: number } {
  const account = reader.u8()
  if (account >= TALLY_ACCOUNTS) reader.fail('account', `expected an account below ${TALLY_ACCOUNTS}, got ${account}`)
  const nonce = reader.u64()
  const workKind = WORK_KINDS[reader.u8()]
  if (workKind === undefined) return reader.fail('work', 'expected work kind 0, 1, 2 or 3')
  return { account, nonce, workKind, salt: reader.u32() }
}

export function decodeTally(bytes: Uint8Array): Result<TallyTransaction, Refusal> {
  const decoded = decode(bytes, readTally)
  if (!decoded.ok) return decoded
  const { account, nonce, workKind, salt } = decoded.value
  const id = transactionIdOf(bytes)
  const proof = workKind === 'blob' ? { proof: EMPTY_BYTES, blob: tallyBlobRef(salt) } : { proof: bytes }
  const work = workKind === 'none' ? null : { key: id, kind: 'tally/1', claim: bytes, ...proof, claimId: id, cites: [] }
  return ok({ id, idKey: keyOf(id), bytes, sender: `tally/${account}`, nonce, gasLimit: 1_000_000, work, account, workKind, salt })
}

/** One chunk to seven, the last one rarely full. */
export function tallyBlob(salt: number): Uint8Array {
  return new Uint8Array(1 + (salt % (7 * SIMULATED_CHUNK_BYTES))).map((_, index) => (salt >> (index & 15)) & 255)
}

export function isTrueTallyBlob(salt: number): boolean {
  return salt % 8 !== 0
}

/** Runs make few blobs and look at each often. */
const MAX_REMEMBERED_REFS = 4_096
const refs = new Map<number, BlobRef>()

export function tallyBlobRef(salt: number): BlobRef {
  let ref = refs.get(salt)
  if (ref === undefined) {
    ref = blobRefOf(tallyBlob(salt), SIMULATED_CHUNK_BYTES)
    if (refs.size >= MAX_REMEMBERED_REFS) refs.clear()
    refs.set(salt, ref)
  }
  return ref
}

/** What a transaction refers to; undefined: nothing. */
export function tallySaltOfBlob(bytes: Uint8Array): number | undefined {
  const decoded = decode(bytes, readTally)
  return decoded.ok && decoded.value.workKind === 'blob' ? decoded.value.salt : undefined
}

/** The verdict every honest verifier reaches. */
export function verifyTally(bytes: Uint8Array): { status: 'valid'; gas: number } | { status: 'invalid'; gas: number } {
  const decoded = decode(bytes, readTally)
  if (!decoded.ok || !isTrue(decoded.value)) return { status: 'invalid', gas: GAS_STEP }
  return { status: 'valid', gas: GAS_STEP * (1 + (decoded.value.salt % 8)) }
}

/** Whether an honest validator may vote for it. Decodes its fields alone: the id would cost a hash. */
export function isTallyAcceptable(bytes: Uint8Array): boolean {
  const decoded = decode(bytes, readTally)
  return decoded.ok && (decoded.value.workKind === 'none' || isTrue(decoded.value))
}

function isTrue({ workKind, salt }: { readonly workKind: WorkKind; readonly salt: number }): boolean {
  return workKind === 'valid' || (workKind === 'blob' && isTrueTallyBlob(salt))
}

export const TALLY_GENESIS: TallyState = { root: ZERO_HASH, nonces: new Array<number>(TALLY_ACCOUNTS).fill(0), offences: [], log: null }

/** The root after one more entry of the log. */
export function tallyRootWith(root: Hash, item: TallyItem): Hash {
  return 'offence' in item ? rootWithOffence(root, item.offence) : rootWith(root, transactionIdOf(item.transaction))
}

export function rootWith(root: Hash, id: Hash): Hash {
  return hashTagged('aethel/tally/v1', concatBytes(root, id))
}

export function rootWithOffence(root: Hash, key: string): Hash {
  return hashTagged(
    'aethel/tally-offence/v1',
    encode((writer) => writer.raw(root).text(key)),
  )
}

/** The root that these transactions would lead to if all of them were good: what an adversary claims. */
export function tallyRootAfter(root: Hash, transactions: readonly Uint8Array[]): Hash {
  return transactions.reduce<Hash>((below, bytes) => rootWith(below, transactionIdOf(bytes)), root)
}

/** The gas of a transaction's work, taken at its word. */
export function tallyGasOf(bytes: Uint8Array): number {
  const decoded = decode(bytes, readTally)
  return decoded.ok && decoded.value.workKind !== 'none' ? verifyTally(bytes).gas : 0
}
