/**
 * A small state machine for simulations: accounts with nonces that append to a hash chain. Some transactions carry work
 * that a verifier must do first, and some of that work turns out invalid. Cheap, deterministic, and strict enough that a
 * lost, doubled or reordered transaction changes the root.
 */
import {
  concatBytes,
  decode,
  encode,
  type Hash,
  type Height,
  ok,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  ZERO_HASH,
} from '@aethel/codec'
import { offenceKey, type Validator } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { Application, Executed, Readiness, Transaction } from '@aethel/replica'
import { transactionIdOf } from '@aethel/replica'

export interface TallyState {
  readonly root: Hash
  readonly nonces: readonly number[]
  /** Keys of the offences on record, in the order they were recorded. */
  readonly offences: readonly string[]
}

export type WorkKind = 'none' | 'valid' | 'invalid'

export interface TallyTransaction extends Transaction {
  readonly account: number
  readonly workKind: WorkKind
  readonly salt: number
}

const WORK_KINDS: readonly WorkKind[] = ['none', 'valid', 'invalid']
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
  if (workKind === undefined) return reader.fail('work', 'expected work kind 0, 1 or 2')
  return { account, nonce, workKind, salt: reader.u32() }
}

export function decodeTally(bytes: Uint8Array): Result<TallyTransaction, Refusal> {
  const decoded = decode(bytes, readTally)
  if (!decoded.ok) return decoded
  const { account, nonce, workKind, salt } = decoded.value
  const id = transactionIdOf(bytes)
  const work = workKind === 'none' ? null : { key: id, kind: 'tally/1', claim: bytes, proof: bytes, claimId: id, cites: [] }
  return ok({ id, bytes, sender: `tally/${account}`, nonce, gasLimit: 1_000_000, work, account, workKind, salt })
}

/** The verdict every honest verifier reaches. */
export function verifyTally(bytes: Uint8Array): { status: 'valid'; gas: number } | { status: 'invalid'; gas: number } {
  const decoded = decode(bytes, readTally)
  if (!decoded.ok || decoded.value.workKind !== 'valid') return { status: 'invalid', gas: GAS_STEP }
  return { status: 'valid', gas: GAS_STEP * (1 + (decoded.value.salt % 8)) }
}

/** Whether an honest validator may vote for it. Decodes its fields alone: the id would cost a hash. */
export function isTallyAcceptable(bytes: Uint8Array): boolean {
  const decoded = decode(bytes, readTally)
  return decoded.ok && decoded.value.workKind !== 'invalid'
}

export const TALLY_GENESIS: TallyState = { root: ZERO_HASH, nonces: new Array<number>(TALLY_ACCOUNTS).fill(0), offences: [] }

function rootWith(root: Hash, id: Hash): Hash {
  return hashTagged('aethel/tally/v1', concatBytes(root, id))
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

function readiness(state: TallyState, transaction: TallyTransaction): Readiness {
  const expected = state.nonces[transaction.account] ?? 0
  if (transaction.nonce < expected) return { status: 'never', code: 'nonce-used', message: `expected nonce ${expected}` }
  if (transaction.nonce > expected) return { status: 'later', code: 'nonce-gap', message: `expected nonce ${expected}` }
  return { status: 'ready' }
}

/** After the last block of an epoch: who the next epoch's validators are, drawn from the state. Null: the same. */
export type Membership = (at: Height, root: Hash) => readonly Validator[] | null

export function createTallyMachine(initial: TallyState, membership: Membership = () => null): Application<TallyState> {
  return {
    initial: { state: initial, stateRoot: initial.root },
    decode: decodeTally,
    readiness: (state, transaction) => readiness(state, transaction as TallyTransaction),
    statementOf: () => undefined,
    offenceRefusal: (state, offence) =>
      state.offences.includes(offenceKey(offence)) ? { code: 'offence-recorded', message: 'expected a new offence' } : null,
    execute(parent, context, transactions, recorded = []): Result<Executed<TallyState>, Refusal> {
      const nonces = [...parent.nonces]
      const offences = [...parent.offences]
      let root = parent.root
      for (const offence of recorded) {
        const key = offenceKey(offence)
        if (offences.includes(key)) return refuse('offence-recorded', `expected each offence once, got ${key} again`)
        offences.push(key)
        root = hashTagged(
          'aethel/tally-offence/v1',
          encode((writer) => writer.raw(root).text(key)),
        )
      }
      for (const { transaction } of transactions) {
        const tally = transaction as TallyTransaction
        if (tally.nonce !== nonces[tally.account]) return refuse('nonce', `expected nonce ${nonces[tally.account]}, got ${tally.nonce}`)
        nonces[tally.account] = tally.nonce + 1
        root = rootWith(root, tally.id)
      }
      return ok({ state: { root, nonces, offences }, stateRoot: root, nextValidators: membership(context.height, root) })
    },
    writes: (_parent, state) => ({
      puts: [[Uint8Array.of(0), encode((writer) => writer.raw(state.root).list(state.nonces, (w, n) => w.u64(n)))]],
      deletes: [],
    }),
  }
}
