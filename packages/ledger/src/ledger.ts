/**
 * The ledger of proofs as an `Application` (ledger.md): which transactions may follow which state, and what they change.
 * One set of rules, `refusalOf`, decides both what a leader may pick (`readiness`) and what a block may hold (`execute`),
 * so the two cannot disagree.
 */
import {
  assert,
  bytesOfKey,
  encode,
  epoch,
  equalBytes,
  err,
  type Hash,
  height,
  keyOf,
  ok,
  type Refusal,
  type Result,
  refuse,
  toHex,
} from '@aethel/codec'
import { isBoundary, type Offence, type VerifySignature } from '@aethel/consensus'
import type {
  Application,
  BlockContext,
  Executed,
  ExecutionInput,
  Readiness,
  StateWrites,
  Transaction,
  VerificationWork,
} from '@aethel/replica'
import { axiomSetOf, unionOf } from './axiom-set.js'
import { type CitedClaim, FinalisedClaims } from './finalised.js'
import { type Genesis, writeParameters } from './genesis.js'
import { checkRegistry, type LedgerRegistry } from './kinds.js'
import { AuthenticatedMap, type MapChange } from './merkle.js'
import { refusalOfOffence, withOffence } from './offences.js'
import { PARAMETERS_PATH } from './records.js'
import { ledgerSnapshots } from './snapshots.js'
import {
  citedClaimOf,
  entryChange,
  type LedgerState,
  type LibraryState,
  labelChange,
  libraryChange,
  nonceAt,
  offenceRecordOf,
  StateReader,
  StateView,
  statementChange,
} from './state.js'
import { restoreState, writesOf } from './stored-state.js'
import { beginningOf } from './transaction.js'
import { type LedgerTransaction, TransactionReader } from './transaction-reader.js'
import {
  applyUpdate,
  CURRENT_VALIDATORS_PATH,
  encodeEpochMembers,
  encodeNextMembers,
  NEXT_VALIDATORS_PATH,
  toValidators,
  type UpdateValidators,
} from './validators.js'

export interface LedgerOptions {
  /** Ed25519 of `@aethel/crypto`, or the simulator's ideal signatures. */
  readonly verifySignature: VerifySignature
}

/** Why a transaction cannot follow a state: not yet, or never. */
type RuleRefusal = Exclude<Readiness, { readonly status: 'ready' }>

/** Creates the ledger at genesis. The registry must be the one genesis lists (`createRegistry` makes it). */
export function createLedger(genesis: Genesis, registry: LedgerRegistry, options: LedgerOptions): Application<LedgerState> {
  const ledger = new Ledger(genesis, registry, options)
  return ledger.application(ledger.genesisState())
}

/**
 * The ledger at a state read back from a store: `entries` are the pairs that `writes` returned since genesis, in any order.
 * Refuses a store that is damaged or of another chain; its root is recomputed here, so the caller can compare it with
 * the header's.
 */
export function restoreLedger(
  genesis: Genesis,
  registry: LedgerRegistry,
  entries: Iterable<readonly [key: Uint8Array, value: Uint8Array]>,
  options: LedgerOptions,
): Result<Application<LedgerState>, Refusal> {
  const ledger = new Ledger(genesis, registry, options)
  const restored = restoreState(ledger.genesisState(), entries)
  return restored.ok ? ok(ledger.application(restored.value)) : restored
}

class Ledger {
  readonly #genesis: Genesis
  readonly #registry: LedgerRegistry
  readonly #reader: TransactionReader
  readonly #axioms = new Map<string, CitedClaim>()
  readonly #finalised = new FinalisedClaims<LedgerState>(citedClaimOf)

  constructor(genesis: Genesis, registry: LedgerRegistry, options: LedgerOptions) {
    const checked = checkRegistry(genesis, registry)
    assert(checked.ok, checked.ok ? '' : checked.error.message)
    this.#genesis = genesis
    this.#registry = registry
    this.#reader = new TransactionReader(genesis, registry.kinds, options.verifySignature)
    for (const library of registry.libraries) {
      for (const [position, axiom] of library.axioms.entries())
        this.#axioms.set(keyOf(axiom.claimId), { library: library.name, axioms: axiomSetOf([position]), statement: axiom.claim })
    }
  }

  genesisState(): LedgerState {
    const entries: MapChange[] = [
      entryChange(
        PARAMETERS_PATH,
        encode((writer) => writeParameters(writer, this.#genesis.parameters)),
      ),
    ]
    if (this.#genesis.parameters.epochLength > 0) entries.push(...genesisMembers(this.#genesis))
    const statements: MapChange[] = []
    const libraries = new Map<string, LibraryState>()
    for (const definition of this.#registry.libraries) {
      const labels = AuthenticatedMap.empty.update(definition.axioms.map((axiom) => labelChange(axiom.label, axiom.claimId)))
      const library: LibraryState = { digest: definition.digest, axioms: definition.axioms.length, theorems: 0, labels }
      libraries.set(definition.name, library)
      entries.push(libraryChange(definition.name, library))
      for (const axiom of definition.axioms) statements.push(statementChange(axiom.claimId, axiom.claim))
    }
    return { entries: AuthenticatedMap.empty.update(entries), statements: AuthenticatedMap.empty.update(statements), libraries }
  }

  application(state: LedgerState): Application<LedgerState> {
    this.#finalised.settle(state)
    return {
      initial: { state, stateRoot: state.entries.root },
      decode: (bytes, id) => this.#reader.decode(bytes, id),
      isSpent: (at, bytes) => this.#isSpent(at, bytes),
      readiness: (at, transaction, context) => this.#readiness(at, transaction, context.height),
      statementOf: (at, key) => this.#statementOf(at, key),
      settle: (at) => this.#finalised.settle(at),
      offenceRefusal: (at, offence) => refusalOfOffence(offenceRecordOf(at, offence.publicKey), offence),
      execute: (parent, context, transactions, offences) => this.#execute(parent, context, transactions, offences ?? []),
      writes: (parent, to) => writesOf(parent, to),
      snapshots: ledgerSnapshots((stateRoot, puts) => this.#restore(stateRoot, puts)),
    }
  }

  #restore(stateRoot: Hash, puts: StateWrites['puts']): Result<LedgerState, Refusal> {
    const restored = restoreState(this.genesisState(), puts)
    if (!restored.ok) return restored
    if (equalBytes(restored.value.entries.root, stateRoot)) return restored
    return refuse('state-root', 'expected the chunks of one whole state, got a state with another root')
  }

  #isSpent(state: LedgerState, bytes: Uint8Array): boolean {
    const beginning = beginningOf(bytes)
    return beginning !== undefined && beginning.nonce < nonceAt(state, this.#reader.accountAt(beginning.sender))
  }

  // --- rules ------------------------------------------------------------------------------------------------------

  #statementOf(state: LedgerState, key: string): Uint8Array | undefined {
    const atHand = this.#axioms.get(key) ?? this.#finalised.atHand(state, key)
    if (atHand !== undefined) return atHand.statement
    const statement = state.statements.get(bytesOfKey(key) as Hash)
    return statement === undefined ? undefined : this.#finalised.find(state, key)?.statement
  }

  #readiness(state: LedgerState, transaction: Transaction, at: number): Readiness {
    const refusal = this.#refusalOf(new StateReader(state, this.#finalised), this.#reader.ledgerTransaction(transaction), at, [])
    return refusal ?? { status: 'ready' }
  }

  /** The rules, in order: first what can never be mended, then what may still come, then the citations. Fills `cited` with what it looks up. */
  #refusalOf(view: StateReader, transaction: LedgerTransaction, at: number, cited: CitedClaim[]): RuleRefusal | null {
    const nonce = view.nonceOf(transaction.sender, transaction.accountAt)
    if (transaction.nonce < nonce)
      return never('nonce-used', `expected nonce ${nonce}, got ${transaction.nonce}, which an earlier transaction has used`)
    if (transaction.expiryHeight < at)
      return never('expired', `expected to be in a block by height ${transaction.expiryHeight}, the next is ${at}; sign it again`)
    const { work } = transaction
    const claimRefusal = work === null ? null : this.#claimRefusal(view, transaction, work)
    if (claimRefusal !== null) return claimRefusal
    const updateRefusal = transaction.update === null ? null : updateRefusalOf(view, transaction.update)
    if (updateRefusal !== null) return updateRefusal
    if (transaction.nonce > nonce)
      return later('nonce-gap', `expected nonce ${nonce}, got ${transaction.nonce}; it waits for the ones between`)
    return work === null ? null : this.#citationRefusal(view, transaction, work, cited)
  }

  /** The claim itself: new, and its label free. */
  #claimRefusal(view: StateReader, transaction: LedgerTransaction, work: VerificationWork): RuleRefusal | null {
    const { claimAt, labelAt } = transaction
    assert(claimAt !== null, 'a transaction with work has a claim')
    if (this.#axioms.has(transaction.claimKey) || view.isFinalised(transaction.claimKey, claimAt)) {
      return never('duplicate-claim', `the claim ${toHex(work.claimId)} is finalised already; ask for its receipt`)
    }
    const { place } = transaction
    if (place !== null) {
      if (!view.hasLibrary(place.library))
        return never('unknown-library', `expected a library of this chain, got ${JSON.stringify(place.library)}`)
      if (labelAt !== null && view.labelTaken(place.library, place.label, labelAt)) {
        return never(
          'label-taken',
          `the label ${JSON.stringify(place.label)} of library ${place.library} belongs to another claim; choose another`,
        )
      }
    }
    return null
  }

  /** What the proof leans on: finalised, in the claim's own library. The longest walk, so it comes last. */
  #citationRefusal(view: StateReader, transaction: LedgerTransaction, work: VerificationWork, cited: CitedClaim[]): RuleRefusal | null {
    const { place } = transaction
    let missing: RuleRefusal | null = null
    for (const key of work.cites) {
      if (key === transaction.claimKey) return never('self-citation', 'expected a proof that does not cite its own claim')
      const found = this.#axioms.get(key) ?? view.citedClaim(key)
      if (found === undefined)
        missing ??= later('citation-missing', `the cited claim ${toHex(bytesOfKey(key))} is not finalised yet; submit its proof first`)
      else if (place === null || found.library !== place.library) {
        return never(
          'citation-library',
          `expected citations from the claim's own library, got ${toHex(bytesOfKey(key))} from ${found.library ?? 'none'}`,
        )
      } else cited.push(found)
    }
    return missing
  }

  // --- execution --------------------------------------------------------------------------------------------------

  #execute(
    parent: LedgerState,
    context: BlockContext,
    inputs: readonly ExecutionInput[],
    offences: readonly Offence[],
  ): Result<Executed<LedgerState>, Refusal> {
    const view = new StateView(parent, this.#finalised)
    for (const offence of offences) {
      const before = view.offencesOf(offence.publicKey)
      const refusal = refusalOfOffence(before, offence)
      if (refusal !== null) return err(refusal)
      view.setOffences(offence.publicKey, withOffence(before, offence, height(context.height)))
    }
    for (const [index, input] of inputs.entries()) {
      const transaction = this.#reader.ledgerTransaction(input.transaction)
      const cited: CitedClaim[] = []
      const refusal = this.#refusalOf(view, transaction, context.height, cited) ?? gasRefusal(transaction, input.difficulty)
      if (refusal !== null) return refuse(refusal.code, `transaction ${index} (${toHex(transaction.id)}): ${refusal.message}`)
      view.setNonce(transaction, transaction.nonce + 1)
      this.#addClaim(view, context, transaction, input.difficulty, cited)
      if (transaction.update !== null) updateMembers(view, transaction.update)
    }
    const members = isBoundary(this.#genesis.parameters.epochLength, context.height) ? view.beginEpoch().members : null
    const state = view.finish()
    return ok({ state, stateRoot: state.entries.root, nextValidators: members === null ? null : toValidators(members) })
  }

  /** `cited`: what the proof leans on; the claim rests on the axioms that these are, or rest on themselves. */
  #addClaim(view: StateView, context: BlockContext, transaction: LedgerTransaction, gas: number, cited: readonly CitedClaim[]): void {
    const { place, proofHash, work } = transaction
    if (work === null || proofHash === null) return
    const library = place === null ? null : this.#registry.libraries.find((candidate) => candidate.name === place.library)
    assert(library !== undefined, 'the rules let through a claim of an unknown library')
    view.addClaim(
      {
        status: 'valid',
        kind: work.kind,
        claimId: work.claimId,
        proofHash,
        proofBytes: work.blob?.bytes ?? work.proof.length,
        gas,
        height: height(context.height),
        timestampMs: context.timestampMs,
        transactionId: transaction.id,
        sender: transaction.account,
        library:
          place === null || library === null
            ? null
            : { name: library.name, digest: library.digest, label: place.label, axioms: unionOf(cited, library.axioms.length) },
      },
      work.claim,
    )
  }
}

/** Genesis validators have their index for a seat and their first key for an account. */
function genesisMembers(genesis: Genesis): MapChange[] {
  const members = genesis.validators.map(({ blsPossession: _, ...validator }, seat) => {
    return { ...validator, seat, account: validator.publicKey, contact: null }
  })
  return [
    entryChange(CURRENT_VALIDATORS_PATH, encodeEpochMembers({ epoch: epoch(0), members })),
    entryChange(NEXT_VALIDATORS_PATH, encodeNextMembers({ sequence: 0, nextSeat: members.length, members })),
  ]
}

/**
 * Updates follow one another by their sequence. One whose turn it is and that cannot be made now never can: nothing else
 * changes the next set before it.
 */
function updateRefusalOf(view: StateReader, update: UpdateValidators): RuleRefusal | null {
  const next = view.nextMembers
  assert(next !== null, 'an update passed the gate of a chain with one epoch')
  if (update.sequence < next.sequence)
    return never('update-sequence', `expected update ${next.sequence} of the validators, got ${update.sequence}, which was made already`)
  if (update.sequence > next.sequence)
    return later('nonce-gap', `expected update ${next.sequence} of the validators, got ${update.sequence}; it waits for the ones between`)
  const applied = applyUpdate(next, update)
  return applied.ok ? null : never(applied.error.code, applied.error.message)
}

function updateMembers(view: StateView, update: UpdateValidators): void {
  const next = view.nextMembers
  const applied = next === null ? null : applyUpdate(next, update)
  assert(applied?.ok === true, 'the rules let through an update that cannot be made')
  view.setNextMembers(applied.value)
}

function never(code: string, message: string): RuleRefusal {
  return { status: 'never', code, message }
}

function later(code: 'nonce-gap' | 'citation-missing', message: string): RuleRefusal {
  return { status: 'later', code, message }
}

function gasRefusal(transaction: LedgerTransaction, gas: number): Refusal | null {
  if (gas <= transaction.gasLimit) return null
  return { code: 'gas-limit', message: `expected a proof of at most ${transaction.gasLimit} gas, its sender's limit, got ${gas}` }
}
