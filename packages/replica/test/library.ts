/**
 * A small application for the tests of this package: accounts with nonces that prove numbered claims, which may cite others,
 * take a label that nobody else may take, and expire. Whether a proof holds is written in it, so that a test decides.
 */
import { decode, encode, err, type Hash, type Height, keyOf, ok, type Refusal, type Result, refuse, ZERO_HASH } from '@aethel/codec'
import { type Offence, offenceKey } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { Application, Executed, ExecutionInput, Readiness, Transaction } from '../src/application.js'
import { transactionIdOf } from '../src/application.js'
import type { VerificationOutcome } from '../src/interface.js'

export interface Entry {
  readonly sender: number
  readonly nonce: number
  /** Null: nothing to verify. */
  readonly claim: number | null
  readonly cites: readonly number[]
  readonly gas: number
  /** 0: none. */
  readonly label: number
  readonly isValid: boolean
  readonly salt: number
  readonly expiry: number
  readonly gasLimit: number
  readonly padding: number
}

export interface LibraryTransaction extends Transaction {
  readonly entry: Entry
}

export interface LibraryState {
  readonly root: Hash
  readonly nonces: ReadonlyMap<number, number>
  readonly claims: ReadonlySet<string>
  readonly labels: ReadonlySet<number>
  readonly order: readonly string[]
  /** Keys of the offences on record. */
  readonly offences: readonly string[]
}

export const GENESIS: LibraryState = { root: ZERO_HASH, nonces: new Map(), claims: new Set(), labels: new Set(), order: [], offences: [] }

export function claimBytes(claim: number): Uint8Array {
  return encode((writer) => writer.u32(claim))
}

export function claimIdOf(claim: number): Hash {
  return hashTagged('test/claim', claimBytes(claim))
}

const DEFAULTS: Entry = {
  sender: 0,
  nonce: 0,
  claim: null,
  cites: [],
  gas: 1,
  label: 0,
  isValid: true,
  salt: 0,
  expiry: 1 << 30,
  gasLimit: 1 << 30,
  padding: 0,
}

export function bytesOf(partial: Partial<Entry>): Uint8Array {
  const entry = { ...DEFAULTS, ...partial }
  return encode((writer) =>
    writer
      .u16(entry.sender)
      .u32(entry.nonce)
      .optional(entry.claim, (w, claim) => w.u32(claim))
      .list(entry.cites, (w, cite) => w.u32(cite))
      .u32(entry.gas)
      .u32(entry.label)
      .bool(entry.isValid)
      .u32(entry.salt)
      .u32(entry.expiry)
      .u32(entry.gasLimit)
      .bytes(new Uint8Array(entry.padding)),
  )
}

export function transactionOf(partial: Partial<Entry>): LibraryTransaction {
  const decoded = decodeLibrary(bytesOf(partial))
  if (!decoded.ok) throw new Error(decoded.error.message)
  return decoded.value
}

function decodeLibrary(bytes: Uint8Array): Result<LibraryTransaction, Refusal> {
  const decoded = decode(
    bytes,
    (reader): Entry => ({
      sender: reader.u16(),
      nonce: reader.u32(),
      claim: reader.optional((r) => r.u32()),
      cites: reader.list(64, (r) => r.u32()),
      gas: reader.u32(),
      label: reader.u32(),
      isValid: reader.bool(),
      salt: reader.u32(),
      expiry: reader.u32(),
      gasLimit: reader.u32(),
      padding: reader.bytes(1 << 20).length,
    }),
  )
  if (!decoded.ok) return decoded
  const entry = decoded.value
  const { claim } = entry
  const proof = encode((writer) => writer.bool(entry.isValid).u32(entry.gas).u32(entry.salt))
  const work =
    claim === null
      ? null
      : {
          key: hashTagged(
            'test/verdict',
            encode((writer) => writer.u32(claim).raw(proof)),
          ),
          kind: 'library/1',
          claim: claimBytes(claim),
          proof,
          claimId: claimIdOf(claim),
          cites: entry.cites.map((cite) => keyOf(claimIdOf(cite))),
        }
  const id = transactionIdOf(bytes)
  return ok({ id, idKey: keyOf(id), bytes, sender: `s${entry.sender}`, nonce: entry.nonce, gasLimit: entry.gasLimit, work, entry })
}

/** What every honest verifier finds. */
export function verdictOf(proof: Uint8Array): Exclude<VerificationOutcome, { status: 'aborted' }> {
  const decoded = decode(proof, (reader) => ({ isValid: reader.bool(), gas: reader.u32(), salt: reader.u32() }))
  if (!decoded.ok) throw new Error(decoded.error.message)
  const { isValid, gas } = decoded.value
  return isValid ? { status: 'valid', gas } : { status: 'invalid', code: 'wrong-step', message: 'step 1 does not follow', gas }
}

interface Rules {
  nonceOf(sender: number): number
  hasClaim(key: string): boolean
  hasLabel(label: number): boolean
}

function readinessUnder(rules: Rules, entry: Entry, at: number): Readiness {
  const expected = rules.nonceOf(entry.sender)
  if (entry.nonce < expected) return { status: 'never', code: 'nonce-used', message: `expected nonce ${expected}` }
  if (entry.expiry < at) return { status: 'never', code: 'expired', message: `expected a height up to ${entry.expiry}` }
  if (entry.claim !== null && rules.hasClaim(keyOf(claimIdOf(entry.claim)))) {
    return { status: 'never', code: 'duplicate-claim', message: 'expected a new claim' }
  }
  if (entry.label !== 0 && rules.hasLabel(entry.label)) return { status: 'never', code: 'label-taken', message: 'expected a free label' }
  if (entry.nonce > expected) return { status: 'later', code: 'nonce-gap', message: `expected nonce ${expected}` }
  const isMissing = entry.cites.some((cite) => !rules.hasClaim(keyOf(claimIdOf(cite))))
  return isMissing ? { status: 'later', code: 'citation-missing', message: 'expected a finalised citation' } : { status: 'ready' }
}

const entryOf = (transaction: Transaction): Entry => (transaction as LibraryTransaction).entry

export interface LibraryMachine extends Application<LibraryState> {
  /** Transactions executed so far, in blocks that were kept or not. */
  readonly work: { executed: number; readinessAsked: number }
}

/** `mostOffences`: no more are recorded. */
export function createLibrary(initial: LibraryState = GENESIS, mostOffences: number = Number.POSITIVE_INFINITY): LibraryMachine {
  const work = { executed: 0, readinessAsked: 0 }
  const refusalOf = (recorded: readonly string[], offence: Offence): Refusal | null => {
    if (recorded.includes(offenceKey(offence))) return { code: 'offence-recorded', message: 'expected a new offence' }
    return recorded.length < mostOffences ? null : { code: 'offence-limit', message: `expected at most ${mostOffences} offences` }
  }
  return {
    work,
    initial: { state: initial, stateRoot: initial.root },
    decode: decodeLibrary,
    readiness(state, transaction, context) {
      work.readinessAsked++
      const rules: Rules = {
        nonceOf: (sender) => state.nonces.get(sender) ?? 0,
        hasClaim: (key) => state.claims.has(key),
        hasLabel: (label) => state.labels.has(label),
      }
      return readinessUnder(rules, entryOf(transaction), context.height)
    },
    statementOf: (state, key) => (state.claims.has(key) ? new Uint8Array(4) : undefined),
    offenceRefusal: (state, offence) => refusalOf(state.offences, offence),
    execute(
      parent,
      context,
      inputs: readonly ExecutionInput[],
      recorded: readonly Offence[] = [],
    ): Result<Executed<LibraryState>, Refusal> {
      const offences = [...parent.offences]
      const nonces = new Map(parent.nonces)
      const claims = new Set(parent.claims)
      const labels = new Set(parent.labels)
      const order = [...parent.order]
      let root = parent.root
      const rules: Rules = {
        nonceOf: (sender) => nonces.get(sender) ?? 0,
        hasClaim: (key) => claims.has(key),
        hasLabel: (label) => labels.has(label),
      }
      for (const offence of recorded) {
        const refusal = refusalOf(offences, offence)
        if (refusal !== null) return err(refusal)
        offences.push(offenceKey(offence))
        root = hashTagged(
          'test/offence',
          encode((writer) => writer.raw(root).text(offenceKey(offence))),
        )
      }
      for (const { transaction } of inputs) {
        work.executed++
        const entry = entryOf(transaction)
        const readiness = readinessUnder(rules, entry, context.height)
        if (readiness.status !== 'ready') return refuse(readiness.code, readiness.message)
        nonces.set(entry.sender, entry.nonce + 1)
        if (entry.claim !== null) claims.add(keyOf(claimIdOf(entry.claim)))
        if (entry.label !== 0) labels.add(entry.label)
        order.push(keyOf(transaction.id))
        root = hashTagged(
          'test/root',
          encode((writer) => writer.raw(root).raw(transaction.id)),
        )
      }
      return ok({ state: { root, nonces, claims, labels, order, offences }, stateRoot: root })
    },
    writes: () => ({ puts: [], deletes: [] }),
  }
}

export function executes(
  machine: LibraryMachine,
  state: LibraryState,
  at: Height,
  transactions: readonly Transaction[],
): Executed<LibraryState> {
  const inputs = transactions.map((transaction) => ({ transaction, difficulty: 0 }))
  const executed = machine.execute(state, { height: at, timestampMs: 0, proposer: 0 as never }, inputs)
  if (!executed.ok) throw new Error(executed.error.message)
  return executed.value
}
