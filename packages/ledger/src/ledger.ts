/**
 * The ledger of proofs as an `Application` (ledger.md): which transactions may follow which state, and what they change.
 * One set of rules, `refusalOf`, decides both what a leader may pick (`readiness`) and what a block may hold (`execute`),
 * so the two cannot disagree.
 */
import {
  assert,
  bytesOfKey,
  compareBytes,
  encode,
  epoch,
  equalBytes,
  err,
  HASH_BYTES,
  type Hash,
  height,
  keyOf,
  ok,
  type PublicKey,
  type Refusal,
  type Result,
  refuse,
  toHex,
} from '@aethel/codec'
import { type BlobRef, isBoundary, type Offence, type VerifySignature } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { claimIdOf } from '@aethel/proofs'
import {
  type Application,
  type BlockContext,
  type Executed,
  type ExecutionInput,
  type Readiness,
  type StateWrites,
  type Transaction,
  transactionIdOf,
  type VerificationWork,
} from '@aethel/replica'
import { type CitedClaim, FinalisedClaims } from './finalised.js'
import { chainIdOf, type Genesis, writeParameters } from './genesis.js'
import { checkRegistry, type LedgerKind, type LedgerRegistry } from './kinds.js'
import { AuthenticatedMap, type MapChange, mapKey } from './merkle.js'
import { decodeOffenceRecord, refusalOfOffence, withOffence } from './offences.js'
import {
  accountPath,
  claimPath,
  decodeAccountRecord,
  decodeClaimRecord,
  decodeLibraryRecord,
  labelPath,
  libraryPath,
  MAX_LABEL_BYTES,
  PARAMETERS_PATH,
  proofHashOf,
} from './records.js'
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
import {
  beginningOf,
  decodeTransaction,
  INLINE_PROOF_BYTES,
  type SignedTransaction,
  type SubmitProof,
  useSigningBytes,
} from './transaction.js'
import {
  applyUpdate,
  CURRENT_VALIDATORS_PATH,
  checkUpdate,
  decodeEpochMembers,
  decodeNextMembers,
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

/** A transaction of this ledger: what `decode` returns. */
export interface LedgerTransaction extends Transaction {
  readonly account: PublicKey
  readonly expiryHeight: number
  readonly action: SignedTransaction['action']['type']
  /** The claim's place in a library, where its kind has libraries. */
  readonly place: { readonly library: string; readonly label: string } | null
  /** What the submitter says the claim was made from; for searching, never for deciding. */
  readonly sourceDigest: Hash | null
  /** Of the proof bytes, or the root of the blob; null without a proof. */
  readonly proofHash: Hash | null
  /** `keyOf` of the claim: it is looked up often. */
  readonly claimKey: string
  /** Where the account, the claim and its label live in the authenticated maps: hashed once, looked up at every step. */
  readonly accountAt: Hash
  readonly claimAt: Hash | null
  readonly labelAt: Hash | null
  /** Changes of the validators; null for other actions. */
  readonly update: UpdateValidators | null
}

/** Why a transaction cannot follow a state: not yet, or never. */
type RuleRefusal = Exclude<Readiness, { readonly status: 'ready' }>

/** A few hundred bytes each. */
const MAX_ACCOUNTS_AT_HAND = 8_192

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
  readonly #chainId: Hash
  readonly #registry: LedgerRegistry
  readonly #verifySignature: VerifySignature
  readonly #kinds = new Map<string, LedgerKind>()
  readonly #axioms = new Map<string, CitedClaim>()
  readonly #finalised = new FinalisedClaims<LedgerState>(citedClaimOf)
  /** Where accounts that sent something lately live in the entries, by `keyOf` the public key. */
  readonly #accountsAt = new Map<string, Hash>()

  constructor(genesis: Genesis, registry: LedgerRegistry, options: LedgerOptions) {
    const checked = checkRegistry(genesis, registry)
    assert(checked.ok, checked.ok ? '' : checked.error.message)
    this.#genesis = genesis
    this.#chainId = chainIdOf(genesis)
    this.#registry = registry
    this.#verifySignature = options.verifySignature
    for (const kind of registry.kinds) this.#kinds.set(kind.verifier.kind, kind)
    for (const library of registry.libraries) {
      for (const [position, axiom] of library.axioms.entries())
        this.#axioms.set(keyOf(axiom.claimId), { library: library.name, axioms: [position], statement: axiom.claim })
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
      decode: (bytes, id) => this.#decode(bytes, id),
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
    return beginning !== undefined && beginning.nonce < nonceAt(state, this.#accountAt(beginning.sender))
  }

  #accountAt(account: PublicKey): Hash {
    const key = keyOf(account)
    const known = this.#accountsAt.get(key)
    if (known !== undefined) return known
    if (this.#accountsAt.size >= MAX_ACCOUNTS_AT_HAND) this.#accountsAt.clear()
    const at = mapKey(accountPath(account))
    this.#accountsAt.set(key, at)
    return at
  }

  // --- decoding: everything that does not depend on a state -------------------------------------------------------

  #decode(bytes: Uint8Array, id: Hash = transactionIdOf(bytes)): Result<LedgerTransaction, Refusal> {
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok) return decoded
    const transaction = decoded.value
    if (!equalBytes(transaction.chainId, this.#chainId)) {
      return refuse('chain-id', `expected a transaction for chain ${toHex(this.#chainId)}, got one for ${toHex(transaction.chainId)}`)
    }
    if (transaction.fee !== 0n)
      return refuse('fee-not-zero', `expected a fee of 0, because this chain has no economy yet, got ${transaction.fee}`)
    const kind = transaction.action.type === 'submit-proof' ? this.#admissibleKind(transaction.action) : null
    if (kind !== null && !kind.ok) return kind
    const { sender, signature } = transaction
    if (!useSigningBytes(bytes, (message) => this.#verifySignature(sender, message, signature))) {
      return refuse(
        'signature',
        `expected a valid Ed25519 signature of the sender ${toHex(transaction.sender)}; sign the canonical bytes with its key`,
      )
    }
    const proof = transaction.action.type === 'submit-proof' && kind !== null ? readProof(kind.value, transaction.action) : null
    if (proof !== null && !proof.ok) return proof
    const update = transaction.action.type === 'update-validators' ? transaction.action : null
    const approved = update === null ? null : this.#checkUpdate(update)
    if (approved !== null && !approved.ok) return approved
    return ok({
      id,
      idKey: keyOf(id),
      bytes,
      sender: keyOf(transaction.sender),
      nonce: transaction.nonce,
      work: proof === null ? null : proof.value.work,
      account: transaction.sender,
      expiryHeight: transaction.expiryHeight,
      gasLimit: transaction.gasLimit,
      action: transaction.action.type,
      place: proof === null ? null : proof.value.place,
      sourceDigest: transaction.action.type === 'submit-proof' ? (transaction.action.metadata?.sourceDigest ?? null) : null,
      proofHash: proof === null ? null : proof.value.proofHash,
      claimKey: proof === null ? '' : keyOf(proof.value.work.claimId),
      accountAt: this.#accountAt(transaction.sender),
      claimAt: proof === null ? null : mapKey(claimPath(proof.value.work.claimId)),
      labelAt: proof === null || proof.value.place === null ? null : mapKey(labelPath(proof.value.place.label)),
      update,
    })
  }

  #checkUpdate(update: UpdateValidators): Result<null, Refusal> {
    const governance = this.#genesis.governance ?? null
    return checkUpdate(update, { chainId: this.#chainId, governance, verifySignature: this.#verifySignature })
  }

  #admissibleKind(action: SubmitProof): Result<LedgerKind, Refusal> {
    const kind = this.#kinds.get(action.kind)
    if (kind === undefined) {
      return refuse(
        'unknown-kind',
        `expected one of the proof kinds ${[...this.#kinds.keys()].join(', ')}, got ${JSON.stringify(action.kind)}`,
      )
    }
    const { blob } = action
    const refusal = blob === undefined ? null : blobRefusal(this.#genesis.parameters, kind, blob)
    if (refusal !== null) return err(refusal)
    const maxProofBytes = Math.min(this.#genesis.parameters.maxProofBytes, kind.verifier.limits.proofBytes)
    if (action.proof.length > maxProofBytes)
      return refuse('proof-too-large', `expected a proof of at most ${maxProofBytes} bytes, got ${action.proof.length}`)
    const maxClaimBytes = kind.verifier.limits.claimBytes
    if (action.claim.length > maxClaimBytes)
      return refuse('claim-too-large', `expected a claim of at most ${maxClaimBytes} bytes, got ${action.claim.length}`)
    return ok(kind)
  }

  /** Transactions come back as `decode` made them; one that was copied field by field on its way is read again. */
  #ledgerTransaction(transaction: Transaction): LedgerTransaction {
    if ('account' in transaction && 'place' in transaction) return transaction as LedgerTransaction
    const decoded = this.#decode(transaction.bytes)
    assert(decoded.ok, 'a transaction that was decoded before does not decode')
    return decoded.value
  }

  // --- rules ------------------------------------------------------------------------------------------------------

  #statementOf(state: LedgerState, key: string): Uint8Array | undefined {
    const atHand = this.#axioms.get(key) ?? this.#finalised.atHand(state, key)
    if (atHand !== undefined) return atHand.statement
    const statement = state.statements.get(bytesOfKey(key) as Hash)
    return statement === undefined ? undefined : this.#finalised.find(state, key)?.statement
  }

  #readiness(state: LedgerState, transaction: Transaction, at: number): Readiness {
    const refusal = this.#refusalOf(new StateReader(state, this.#finalised), this.#ledgerTransaction(transaction), at, [])
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
      const transaction = this.#ledgerTransaction(input.transaction)
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

/** The axioms that cited claims are or rest on, ascending. */
function unionOf(cited: readonly CitedClaim[], axiomCount: number): number[] {
  const found = new Uint8Array(axiomCount)
  for (const { axioms } of cited) for (let i = 0; i < axioms.length; i++) found[axioms[i] as number] = 1
  const union: number[] = []
  for (let position = 0; position < axiomCount; position++) if (found[position] === 1) union.push(position)
  return union
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

interface ReadProof {
  readonly work: VerificationWork
  readonly place: { readonly library: string; readonly label: string } | null
  readonly proofHash: Hash
}

function readProof(kind: LedgerKind, action: SubmitProof): Result<ReadProof, Refusal> {
  const parsed = kind.verifier.parseClaim(action.claim)
  if (!parsed.ok) return parsed
  const { claim, claimId } = parsed.value
  const { blob } = action
  const citations = blob === undefined ? kind.verifier.citationsOf(claim, action.proof) : ok([]) // kinds that cite take no blobs
  if (!citations.ok) return citations
  const place = kind.describe === undefined ? null : kind.describe(claim)
  if (place !== null && encode((writer) => writer.text(place.label)).length - 4 > MAX_LABEL_BYTES) {
    return refuse('label-too-long', `expected a label of at most ${MAX_LABEL_BYTES} bytes`)
  }
  const proofHash = blob?.root ?? proofHashOf(action.proof)
  const key = hashTagged(
    'aethel/verdict/v1',
    encode((writer) => writer.text(action.kind).raw(claimId).raw(proofHash)),
  )
  const cites = citations.value.map((citation) => keyOf(citation.claimId))
  const work: VerificationWork = { key, kind: action.kind, claim: action.claim, proof: action.proof, claimId, cites }
  return ok({ work: blob === undefined ? work : { ...work, blob }, place, proofHash })
}

/** The chain and the kind must admit blobs; and what fits a transaction comes in one, so that nobody has to fetch crumbs. */
function blobRefusal({ maxBlobBytes, maxProofBytes }: Genesis['parameters'], { verifier }: LedgerKind, blob: BlobRef): Refusal | null {
  const { kind, streamed } = verifier
  if (maxBlobBytes === 0)
    return { code: 'no-blobs', message: 'expected the proof in the transaction, because genesis of this chain admits no blobs' }
  if (streamed === undefined)
    return { code: 'no-blobs', message: `expected the proof in the transaction, because proofs of ${kind} cannot be checked in pieces` }
  const [least, most] = [Math.min(maxProofBytes, INLINE_PROOF_BYTES) + 1, Math.min(maxBlobBytes, streamed.limits.proofBytes)]
  if (blob.bytes < least)
    return {
      code: 'blob-too-small',
      message: `expected a blob of at least ${least} bytes, got ${blob.bytes}; send the proof in the transaction`,
    }
  if (blob.bytes > most) return { code: 'proof-too-large', message: `expected a proof of at most ${most} bytes, got ${blob.bytes}` }
  return null
}

// --- storage ----------------------------------------------------------------------------------------------------------

/** Entries and statements that differ; labels and library maps are rebuilt from claim records by `restoreLedger`. */
function writesOf(parent: LedgerState, state: LedgerState): StateWrites {
  const entries = AuthenticatedMap.difference(parent.entries, state.entries)
  const statements = AuthenticatedMap.difference(parent.statements, state.statements)
  return {
    puts: [...entries.puts, ...statements.puts].map((entry) => [entry.path, entry.value] as const),
    deletes: [...entries.deletes, ...statements.deletes].map((entry) => entry.path),
  }
}

const PREFIX_BYTES = { account: 8, claim: 6, statement: 10, offence: 8 } as const
const SLASH = 0x2f
const PUBLIC_KEY_PATH_BYTES = PREFIX_BYTES.account + 32 // and as long: offence/

type PathKind = 'account' | 'claim' | 'offence' | 'library' | 'statement' | 'parameters' | 'validators'

/** The part of a path before its first slash. */
function pathKindOf(path: Uint8Array): PathKind | undefined {
  const slash = path.indexOf(SLASH)
  const name = keyOf(slash < 0 ? path : path.subarray(0, slash))
  if (name === 'account' || name === 'offence') return path.length === PUBLIC_KEY_PATH_BYTES ? name : undefined
  if (name === 'claim') return path.length === PREFIX_BYTES.claim + HASH_BYTES ? name : undefined
  if (name === 'statement') return path.length === PREFIX_BYTES.statement + HASH_BYTES ? name : undefined
  return name === 'library' || name === 'parameters' || name === 'validators' ? name : undefined
}

function damaged(message: string): { readonly ok: false; readonly error: Refusal } {
  return refuse(
    'state-damaged',
    `${message}; the stored state is damaged or of another chain: restore it from a copy or sync again from the other validators`,
  )
}

function restoreState(genesis: LedgerState, stored: Iterable<readonly [Uint8Array, Uint8Array]>): Result<LedgerState, Refusal> {
  const entries: MapChange[] = []
  const statements: MapChange[] = []
  const statementOf = new Map<string, Uint8Array>()
  const claims: { readonly claimId: Hash; readonly kind: string; readonly library: string | null; readonly label: string }[] = []
  for (const [path, value] of stored) {
    const kind = pathKindOf(path)
    switch (kind) {
      case undefined:
        return damaged(`expected a key of the ledger, got ${toHex(path.subarray(0, 64))}`)
      case 'statement': {
        const claimId = path.slice(PREFIX_BYTES.statement) as Hash
        statements.push(statementChange(claimId, value))
        statementOf.set(keyOf(claimId), value)
        continue
      }
      case 'claim': {
        const record = decodeClaimRecord(value)
        if (!record.ok) return damaged(`a claim record does not decode: ${record.error.message}`)
        const { claimId, library } = record.value
        if (!equalBytes(claimId, path.subarray(PREFIX_BYTES.claim)))
          return damaged(`the claim record at ${toHex(path)} names another claim`)
        claims.push({ claimId, kind: record.value.kind, library: library?.name ?? null, label: library?.label ?? '' })
        break
      }
      case 'account': {
        const record = decodeAccountRecord(value)
        if (!record.ok) return damaged(`an account record does not decode: ${record.error.message}`)
        break
      }
      case 'validators': {
        const read = equalBytes(path, NEXT_VALIDATORS_PATH) ? decodeNextMembers(value) : decodeEpochMembers(value)
        if (!read.ok) return damaged(`a record of validators does not decode: ${read.error.message}`)
        break
      }
      case 'offence': {
        const record = decodeOffenceRecord(value)
        if (!record.ok) return damaged(`an offence record does not decode: ${record.error.message}`)
        break
      }
      case 'library':
      case 'parameters':
        break
    }
    entries.push(entryChange(path, value))
  }
  const repeated = sortAndFindRepeated(entries) ?? sortAndFindRepeated(statements)
  if (repeated !== undefined) return damaged(`expected each key once, got ${toHex(repeated)} twice`)

  const labels = new Map<string, MapChange[]>()
  for (const claim of claims) {
    if (claim.library === null) continue
    const statement = statementOf.get(keyOf(claim.claimId))
    if (statement === undefined || !equalBytes(claimIdOf(claim.kind, statement), claim.claimId)) {
      return damaged(`the statement of claim ${toHex(claim.claimId)} is missing or not the one finalised`)
    }
    statementOf.delete(keyOf(claim.claimId))
    const added = labels.get(claim.library) ?? []
    added.push(labelChange(claim.label, claim.claimId))
    labels.set(claim.library, added)
  }
  if (statementOf.size > 0) return damaged('a statement belongs to no finalised claim')

  const restored = genesis.entries.update(entries)
  const libraries = new Map(genesis.libraries)
  for (const [name, added] of labels) {
    const before = libraries.get(name)
    if (before === undefined) return damaged(`a claim belongs to the library ${JSON.stringify(name)}, which genesis does not have`)
    if (sortAndFindRepeated(added) !== undefined) return damaged(`two claims of library ${name} share a label`)
    libraries.set(name, { ...before, theorems: added.length, labels: before.labels.update(added) })
  }
  for (const [name, library] of libraries) {
    const value = restored.get(entryChange(libraryPath(name), new Uint8Array(0)).key)
    const record = value === undefined ? undefined : decodeLibraryRecord(value)
    const complete = library.labels.size === library.axioms + library.theorems
    if (
      !complete ||
      record === undefined ||
      !record.ok ||
      !equalBytes(record.value.root, library.labels.root) ||
      record.value.theorems !== library.theorems
    ) {
      return damaged(`the record of library ${name} does not match its theorems`)
    }
  }
  return ok({ entries: restored, statements: genesis.statements.update(statements), libraries })
}

/** Sorts by key in place, which makes the map's own sort cheap, and finds a key that occurs twice. */
function sortAndFindRepeated(changes: MapChange[]): Uint8Array | undefined {
  changes.sort((a, b) => compareBytes(a.key, b.key))
  for (let i = 1; i < changes.length; i++) {
    const change = changes[i] as MapChange
    if (equalBytes((changes[i - 1] as MapChange).key, change.key)) return change.path
  }
  return undefined
}
