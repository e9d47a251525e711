/** What of a state is stored, and the state put together again of it: after a restart, and of a snapshot's chunks. */
import { compareBytes, equalBytes, HASH_BYTES, type Hash, keyOf, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import { claimIdOf } from '@aethel/proofs'
import type { StateWrites } from '@aethel/replica'
import { AuthenticatedMap, type MapChange } from './merkle.js'
import { decodeOffenceRecord } from './offences.js'
import { decodeAccountRecord, decodeClaimRecord, decodeLibraryRecord, libraryPath } from './records.js'
import { entryChange, type LedgerState, labelChange, statementChange } from './state.js'
import { decodeEpochMembers, decodeNextMembers, NEXT_VALIDATORS_PATH } from './validators.js'

/** Entries and statements that differ; labels and library maps are rebuilt from claim records by `restoreState`. */
export function writesOf(parent: LedgerState, state: LedgerState): StateWrites {
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

/** The state of which `stored` has what `writesOf` gave since genesis, in any order; refuses what is damaged. Its root is the caller's to compare. */
export function restoreState(genesis: LedgerState, stored: Iterable<readonly [Uint8Array, Uint8Array]>): Result<LedgerState, Refusal> {
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
