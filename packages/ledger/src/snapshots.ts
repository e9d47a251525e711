/**
 * The ledger's state in chunks (protocol.md §7). The authenticated entries travel as ranges of the map that prove themselves against
 * the state root. Statements of library claims are not under the root: each goes with its claim's record, whose id is its hash.
 * Labels are rebuilt from the records, as after a restart.
 */
import { decode, EMPTY_BYTES, encode, equalBytes, HASH_BYTES, type Hash, type Reader } from '@aethel/codec'
import { claimIdOf } from '@aethel/proofs'
import type { CheckedChunk, ChunkPlace, Snapshots } from '@aethel/replica'
import { type MapEntry, mapKey } from './merkle.js'
import { type KeyRange, keyAfter, readRange, writeRange } from './ranges.js'
import { claimPath, decodeClaimRecord } from './records.js'
import { type LedgerState, statementPath } from './state.js'

/** By the first four bits of the key: keys are hashes, so lanes are of one size. */
export const SNAPSHOT_LANES = 16
const LANE_SHIFT = 4
/** As the largest claim that any kind allows, with room. */
const MAX_STATEMENT_BYTES: number = 1024 * 1024

export function ledgerSnapshots(restore: Snapshots<LedgerState>['restore']): Snapshots<LedgerState> {
  return {
    lanes: SNAPSHOT_LANES,
    chunk(state, place, bytes) {
      const range = rangeAt(place)
      if (range === null) return null
      return encode((writer) => {
        const statementOf = ({ path, value }: MapEntry): Uint8Array | undefined => {
          const claim = libraryClaimIn(path, value)
          return claim === null ? undefined : (state.statements.get(claim.claimId) ?? EMPTY_BYTES)
        }
        // A statement may be a hundred times as long as its record: without it a chunk could outgrow what a peer reads.
        const entries = writeRange(writer, state.entries, range, bytes, (entry) => statementOf(entry)?.length ?? 0)
        for (const entry of entries) {
          const statement = statementOf(entry)
          if (statement !== undefined) writer.bytes(statement)
        }
      })
    },
    check: (stateRoot, place, chunk) => decode(chunk, (reader) => readChunk(reader, stateRoot, place)),
    restore,
  }
}

function rangeAt({ lane, cursor }: ChunkPlace): KeyRange | null {
  if (!Number.isInteger(lane) || lane < 0 || lane >= SNAPSHOT_LANES) return null
  const high = new Uint8Array(HASH_BYTES).fill(0xff) as Hash
  high[0] = (lane << LANE_SHIFT) | 0x0f
  const start = new Uint8Array(HASH_BYTES) as Hash
  start[0] = lane << LANE_SHIFT
  if (cursor.length === 0) return { low: start, high }
  if (cursor.length !== HASH_BYTES || (cursor[0] as number) >> LANE_SHIFT !== lane) return null
  const low = keyAfter(cursor.slice() as Hash)
  return low === null || (low[0] as number) >> LANE_SHIFT !== lane ? null : { low, high }
}

function readChunk(reader: Reader, stateRoot: Hash, place: ChunkPlace): CheckedChunk {
  const range = rangeAt(place)
  if (range === null) return reader.fail('chunk-place', `expected a place in one of ${SNAPSHOT_LANES} lanes, got lane ${place.lane}`)
  const { complete, entries } = readRange(reader, stateRoot, range, mapKey)
  const puts: (readonly [Uint8Array, Uint8Array])[] = []
  for (const { path, value } of entries) {
    puts.push([path, value])
    const claim = libraryClaimIn(path, value)
    if (claim === null) continue
    const statement = reader.bytes(MAX_STATEMENT_BYTES)
    if (!equalBytes(claimIdOf(claim.kind, statement), claim.claimId))
      reader.fail('chunk-statement', 'expected the statement whose hash is the claim id, got another')
    puts.push([statementPath(claim.claimId), statement])
  }
  const last = entries.at(-1)?.key
  // A lane may end exactly at its last key: there is nothing after it to ask for.
  const next = complete || last === undefined || rangeAt({ lane: place.lane, cursor: last }) === null ? null : last
  return { puts, next }
}

/** A claim of a library, which has a statement beside its record. */
function libraryClaimIn(path: Uint8Array, value: Uint8Array): { readonly claimId: Hash; readonly kind: string } | null {
  if (path.length !== CLAIM_PATH_BYTES || !CLAIM_PREFIX.every((byte, at) => path[at] === byte)) return null
  const record = decodeClaimRecord(value)
  return record.ok && record.value.library !== null ? { claimId: record.value.claimId, kind: record.value.kind } : null
}

const SAMPLE_PATH = claimPath(new Uint8Array(HASH_BYTES) as Hash)
const CLAIM_PATH_BYTES = SAMPLE_PATH.length
const CLAIM_PREFIX = SAMPLE_PATH.slice(0, -HASH_BYTES)
