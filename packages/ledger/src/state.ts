/**
 * The ledger's state as an immutable value, and a view of it with the changes of a block under way. The authenticated
 * entries are what the root covers; statements lie beside them, because each is bound by its claimId already, and the
 * labels of a library form a map of their own whose root stands in the library's entry.
 */
import { assert, concatBytes, epoch, type Hash, keyOf, type PublicKey, type Refusal, type Result, utf8 } from '@aethel/codec'
import { axiomSetOf } from './axiom-set.js'
import type { CitedClaim, FinalisedClaims } from './finalised.js'
import { AuthenticatedMap, type MapChange, mapKey } from './merkle.js'
import { decodeOffenceRecord, encodeOffenceRecord, type OffenceRecord } from './offences.js'
import {
  accountPath,
  type ClaimRecord,
  claimPath,
  decodeAccountRecord,
  decodeClaimRecord,
  encodeAccountRecord,
  encodeClaimRecord,
  encodeLibraryRecord,
  labelPath,
  libraryPath,
  offencePath,
} from './records.js'
import {
  CURRENT_VALIDATORS_PATH,
  decodeEpochMembers,
  decodeNextMembers,
  type EpochMembers,
  encodeEpochMembers,
  encodeNextMembers,
  NEXT_VALIDATORS_PATH,
  type NextMembers,
  PREVIOUS_VALIDATORS_PATH,
} from './validators.js'

export interface LibraryState {
  readonly digest: Hash
  readonly axioms: number
  readonly theorems: number
  /** label -> claimId, axioms included. */
  readonly labels: AuthenticatedMap
}

export interface LedgerState {
  /** Accounts, claim records, library records, parameters: what stateRoot is the root of. */
  readonly entries: AuthenticatedMap
  /** claimId -> canonical claim bytes of axioms and library theorems. Never hashed. */
  readonly statements: AuthenticatedMap
  readonly libraries: ReadonlyMap<string, LibraryState>
}

const STATEMENT_PREFIX = utf8('statement/')

/** statement/<32 bytes of claimId>: where the store keeps a statement. */
export function statementPath(claimId: Hash): Uint8Array {
  return concatBytes(STATEMENT_PREFIX, claimId)
}

/** Claims are keyed by their id itself: it is a hash already. */
export function statementChange(claimId: Hash, statement: Uint8Array): MapChange {
  return { key: claimId, path: statementPath(claimId), value: statement }
}

export function labelChange(label: string, claimId: Hash): MapChange {
  const path = labelPath(label)
  return { key: mapKey(path), path, value: claimId }
}

export function libraryChange(name: string, library: LibraryState): MapChange {
  const { digest, axioms, theorems } = library
  return entryChange(libraryPath(name), encodeLibraryRecord({ digest, axioms, theorems, root: library.labels.root }))
}

export function entryChange(path: Uint8Array, value: Uint8Array): MapChange {
  return { key: mapKey(path), path, value }
}

/** The record of a finalised claim; undefined for axioms and for what is not finalised. */
export function claimRecordOf(state: LedgerState, claimId: Hash): ClaimRecord | undefined {
  const bytes = state.entries.get(mapKey(claimPath(claimId)))
  if (bytes === undefined) return undefined
  const record = decodeClaimRecord(bytes)
  assert(record.ok, 'a claim record in the state does not decode')
  return record.value
}

export function accountNonceOf(state: LedgerState, account: PublicKey): number {
  return nonceAt(state, mapKey(accountPath(account)))
}

/** `at` is where the account lives in the entries. */
export function nonceAt(state: LedgerState, at: Hash): number {
  const bytes = state.entries.get(at)
  if (bytes === undefined) return 0
  const record = decodeAccountRecord(bytes)
  assert(record.ok, 'an account record in the state does not decode')
  return record.value.nonce
}

/** What is on record against a validator; null if nothing is. */
export function offenceRecordOf(state: LedgerState, validator: PublicKey): OffenceRecord | null {
  const bytes = state.entries.get(mapKey(offencePath(validator)))
  if (bytes === undefined) return null
  const record = decodeOffenceRecord(bytes)
  assert(record.ok, 'an offence record in the state does not decode')
  return record.value
}

export function claimIdOfLabel(state: LedgerState, library: string, label: string): Hash | undefined {
  return state.libraries.get(library)?.labels.get(mapKey(labelPath(label))) as Hash | undefined
}

/** Root of the map label -> claimId of a library: what a computation without the network must reproduce. */
export function libraryRootOf(state: LedgerState, library: string): Hash | undefined {
  return state.libraries.get(library)?.labels.root
}

/** The same root from the axioms and theorems themselves, in any order. */
export function computeLibraryRoot(members: Iterable<{ readonly label: string; readonly claimId: Hash }>): Hash {
  return AuthenticatedMap.empty.update([...members].map((member) => labelChange(member.label, member.claimId))).root
}

/** A finalised claim as it stands in the state; undefined for axioms and for what is not finalised. */
export function citedClaimOf(state: LedgerState, claimId: Hash): CitedClaim | undefined {
  const record = claimRecordOf(state, claimId)
  return record === undefined ? undefined : toCited(record, record.library === null ? undefined : state.statements.get(claimId))
}

function toCited({ library }: ClaimRecord, statement: Uint8Array | undefined): CitedClaim {
  return { library: library?.name ?? null, axioms: axiomSetOf(library?.axioms ?? []), statement }
}

/** Null on a chain with one epoch. */
export function nextMembersOf(state: LedgerState): NextMembers | null {
  return recordAt(state, NEXT_VALIDATORS_PATH, decodeNextMembers)
}

/** The validators of the epoch under way; null on a chain with one epoch, whose validators are genesis'. */
export function currentMembersOf(state: LedgerState): EpochMembers | null {
  return recordAt(state, CURRENT_VALIDATORS_PATH, decodeEpochMembers)
}

/** Of the epoch before; null in the first. */
export function previousMembersOf(state: LedgerState): EpochMembers | null {
  return recordAt(state, PREVIOUS_VALIDATORS_PATH, decodeEpochMembers)
}

function recordAt<T>(state: LedgerState, path: Uint8Array, read: (bytes: Uint8Array) => Result<T, Refusal>): T | null {
  const bytes = state.entries.get(mapKey(path))
  if (bytes === undefined) return null
  const record = read(bytes)
  assert(record.ok, 'a record of validators in the state does not decode')
  return record.value
}

/** A state, as the rules ask about it. */
export class StateReader {
  protected readonly base: LedgerState
  protected readonly finalised: FinalisedClaims<LedgerState>

  constructor(base: LedgerState, finalised: FinalisedClaims<LedgerState>) {
    this.base = base
    this.finalised = finalised
  }

  /** `at` is where the account lives in the entries. */
  nonceOf(_sender: string, at: Hash): number {
    return nonceAt(this.base, at)
  }

  /** Undefined for axioms and for what is not finalised; `key` is `keyOf(claimId)`. */
  citedClaim(key: string): CitedClaim | undefined {
    return this.finalised.find(this.base, key)
  }

  isFinalised(_key: string, at: Hash): boolean {
    return this.base.entries.has(at)
  }

  hasLibrary(name: string): boolean {
    return this.base.libraries.has(name)
  }

  labelTaken(library: string, _label: string, at: Hash): boolean {
    return this.base.libraries.get(library)?.labels.has(at) === true
  }

  /** What becomes the set at the next boundary; null on a chain with one epoch. */
  get nextMembers(): NextMembers | null {
    return nextMembersOf(this.base)
  }
}

/** The same with what a block has changed so far. */
export class StateView extends StateReader {
  readonly #nonces = new Map<string, { readonly account: PublicKey; readonly accountAt: Hash; readonly nonce: number }>()
  readonly #claims = new Map<string, { readonly record: ClaimRecord; readonly statement: Uint8Array }>()
  /** The same as others will cite them. */
  readonly #citable = new Map<string, CitedClaim>()
  readonly #labels = new Map<string, Map<string, Hash>>()
  #next: NextMembers | null = null
  #current: EpochMembers | null = null
  #previous: EpochMembers | null = null
  readonly #offences = new Map<string, { readonly validator: PublicKey; readonly record: OffenceRecord }>()

  override nonceOf(sender: string, at: Hash): number {
    return this.#nonces.get(sender)?.nonce ?? super.nonceOf(sender, at)
  }

  override citedClaim(key: string): CitedClaim | undefined {
    return this.#citable.get(key) ?? super.citedClaim(key)
  }

  override isFinalised(key: string, at: Hash): boolean {
    return this.#claims.has(key) || super.isFinalised(key, at)
  }

  override labelTaken(library: string, label: string, at: Hash): boolean {
    return this.#labels.get(library)?.has(label) === true || super.labelTaken(library, label, at)
  }

  override get nextMembers(): NextMembers | null {
    return this.#next ?? super.nextMembers
  }

  setNonce(sender: { readonly sender: string; readonly account: PublicKey; readonly accountAt: Hash }, nonce: number): void {
    this.#nonces.set(sender.sender, { account: sender.account, accountAt: sender.accountAt, nonce })
  }

  offencesOf(validator: PublicKey): OffenceRecord | null {
    return this.#offences.get(keyOf(validator))?.record ?? offenceRecordOf(this.base, validator)
  }

  setOffences(validator: PublicKey, record: OffenceRecord): void {
    this.#offences.set(keyOf(validator), { validator, record })
  }

  addClaim(record: ClaimRecord, statement: Uint8Array): void {
    const key = keyOf(record.claimId)
    this.#claims.set(key, { record, statement })
    this.#citable.set(key, toCited(record, record.library === null ? undefined : statement))
    if (record.library === null) return
    const { name, label } = record.library
    const labels = this.#labels.get(name) ?? new Map<string, Hash>()
    labels.set(label, record.claimId)
    this.#labels.set(name, labels)
  }

  setNextMembers(next: NextMembers): void {
    this.#next = next
  }

  /** The block is the last of its epoch: the next set is the current one from here on. */
  beginEpoch(): EpochMembers {
    const before = currentMembersOf(this.base)
    const next = this.nextMembers
    assert(before !== null && next !== null, 'a chain with epochs has its validators in the state')
    this.#previous = before
    this.#current = { epoch: epoch(before.epoch + 1), members: next.members }
    return this.#current
  }

  /** The state with all changes in it; one batch per map. The order of insertion does not matter to any root. */
  finish(): LedgerState {
    const changes: MapChange[] = []
    const statements: MapChange[] = []
    for (const { account, accountAt, nonce } of this.#nonces.values()) {
      changes.push({ key: accountAt, path: accountPath(account), value: encodeAccountRecord({ nonce }) })
    }
    for (const { validator, record } of this.#offences.values()) {
      changes.push(entryChange(offencePath(validator), encodeOffenceRecord(record)))
    }
    for (const { record, statement } of this.#claims.values()) {
      changes.push(entryChange(claimPath(record.claimId), encodeClaimRecord(record)))
      if (record.library !== null) statements.push(statementChange(record.claimId, statement))
    }
    if (this.#next !== null) changes.push(entryChange(NEXT_VALIDATORS_PATH, encodeNextMembers(this.#next)))
    if (this.#current !== null) changes.push(entryChange(CURRENT_VALIDATORS_PATH, encodeEpochMembers(this.#current)))
    if (this.#previous !== null) changes.push(entryChange(PREVIOUS_VALIDATORS_PATH, encodeEpochMembers(this.#previous)))
    const libraries = new Map(this.base.libraries)
    for (const [name, labels] of this.#labels) {
      const before = libraries.get(name)
      assert(before !== undefined, `no library ${name}`)
      const added = [...labels].map(([label, claimId]) => labelChange(label, claimId))
      const after: LibraryState = { ...before, theorems: before.theorems + added.length, labels: before.labels.update(added) }
      libraries.set(name, after)
      changes.push(libraryChange(name, after))
    }
    const state: LedgerState = {
      entries: this.base.entries.update(changes),
      statements: this.base.statements.update(statements),
      libraries,
    }
    this.finalised.extend(this.base, state, this.#citable)
    return state
  }
}
