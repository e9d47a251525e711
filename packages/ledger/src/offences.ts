/**
 * What is on record against a validator (docs/protocol.md §11): how many offences, since when, and which of them could still
 * be shown again. The list is what makes evidence count once; it holds offences that are not too old to be heard, and never
 * more than a fixed number: who has offended that often gains nothing by one more. Penalties come with the economy.
 */
import {
  assert,
  decode,
  type Epoch,
  encode,
  epoch,
  type Height,
  height,
  type Reader,
  type Refusal,
  type Result,
  type View,
  view,
  type Writer,
} from '@aethel/codec'
import { MAX_EVIDENCE_AGE, type Offence, type OffenceType, type VoteKind } from '@aethel/consensus'

export interface RecordedOffence {
  readonly type: OffenceType
  readonly epoch: Epoch
  readonly view: View
  readonly height: Height
  readonly kind: VoteKind
}

export interface OffenceRecord {
  readonly count: number
  /** Of the block that recorded the first. */
  readonly firstHeight: Height
  /** Those that evidence could still show, ascending. */
  readonly recent: readonly RecordedOffence[]
}

/** Per validator, within the age of evidence. */
export const MAX_RECENT_OFFENCES = 64

const RECORD_VERSION = 1
const TYPES: readonly OffenceType[] = ['equivocation', 'invalid-verification']
const KINDS: readonly VoteKind[] = ['prepare', 'commit']

/** Null if the offence is new and there is room for it. */
export function refusalOfOffence(record: OffenceRecord | null, offence: Offence): Refusal | null {
  if (record === null) return null
  if (record.recent.some((known) => compareOffences(known, offence) === 0))
    return {
      code: 'offence-recorded',
      message: `the offence of validator ${offence.offender} at height ${offence.height} is on record already`,
    }
  // Counted among those near it, so that what the offender did long ago makes no room and takes none.
  const near = record.recent.filter((known) => Math.abs(known.height - offence.height) <= MAX_EVIDENCE_AGE)
  if (near.length < MAX_RECENT_OFFENCES) return null
  return {
    code: 'offence-limit',
    message: `validator ${offence.offender} has ${near.length} offences on record within ${MAX_EVIDENCE_AGE} heights; no more are counted`,
  }
}

/** The record after one more, in a block of height `at`: what is too old to be shown again leaves the list. */
export function withOffence(record: OffenceRecord | null, offence: Offence, at: Height): OffenceRecord {
  const { type, epoch: inEpoch, view: inView, height: offenceHeight, kind } = offence
  const kept = (record?.recent ?? []).filter((known) => known.height >= at - MAX_EVIDENCE_AGE)
  const recent = [...kept, { type, epoch: inEpoch, view: inView, height: offenceHeight, kind }].sort(compareOffences)
  return { count: (record?.count ?? 0) + 1, firstHeight: record?.firstHeight ?? at, recent }
}

function compareOffences(a: RecordedOffence, b: RecordedOffence): number {
  return (
    a.epoch - b.epoch ||
    a.height - b.height ||
    a.view - b.view ||
    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
    TYPES.indexOf(a.type) - TYPES.indexOf(b.type)
  )
}

function writeOffence(writer: Writer, offence: RecordedOffence): void {
  writer.u64(offence.epoch).u64(offence.height).u64(offence.view)
  writer.u8(KINDS.indexOf(offence.kind) + 1).u8(TYPES.indexOf(offence.type) + 1)
}

function readOffence(reader: Reader): RecordedOffence {
  const numbers = { epoch: epoch(reader.u64()), height: height(reader.u64()), view: view(reader.u64()) }
  const kind = KINDS[reader.u8() - 1]
  const type = TYPES[reader.u8() - 1]
  if (kind === undefined || type === undefined) return reader.fail('offence', 'expected a known kind of vote and of offence')
  return { ...numbers, kind, type }
}

/** Offences ahead of the chain stay until they are old: a record may hold a little more than one span of heights allows. */
const MAX_STORED: number = 4 * MAX_RECENT_OFFENCES

export function encodeOffenceRecord(record: OffenceRecord): Uint8Array {
  assert(record.recent.length <= MAX_STORED, 'an offence record outgrew its bound')
  return encode((writer) => writer.u8(RECORD_VERSION).u64(record.count).u64(record.firstHeight).list(record.recent, writeOffence))
}

export function decodeOffenceRecord(bytes: Uint8Array): Result<OffenceRecord, Refusal> {
  return decode(bytes, (reader) => {
    const version = reader.u8()
    if (version !== RECORD_VERSION) reader.fail('version', `expected record version ${RECORD_VERSION}, got ${version}`)
    const record = { count: reader.u64(), firstHeight: height(reader.u64()), recent: reader.list(MAX_STORED, readOffence) }
    for (const [position, offence] of record.recent.entries()) {
      const before = record.recent[position - 1]
      if (before !== undefined && compareOffences(before, offence) >= 0) reader.fail('order', 'expected offences once each, ascending')
    }
    return record
  })
}
