/**
 * The key layout: one byte says what the record is, the rest orders it. Numbers are big-endian, so the order of keys is the
 * order of heights.
 */
import { concatBytes, type Epoch, encode, type Hash, type Height } from '@aethel/codec'
import type { Offence, Vote } from '@aethel/consensus'

/** Kinds of records by first byte. Those up to `recovery` are the safety records (protocol.md §5). */
export const PREFIX = {
  view: 0x10,
  vote: 0x11,
  uncommitted: 0x12,
  highest: 0x13,
  tip: 0x14,
  recovery: 0x16,
  /** Fingerprint of all safety records together. */
  summary: 0x20,
  meta: 0x21,
  epoch: 0x22,
  /** Which area holds the state in use, and which blocks are not here. */
  base: 0x23,
  /** A state that is being fetched: what it is, how far each lane is, its headers. */
  staged: 0x24,
  committed: 0x30,
  certificate: 0x31,
  transaction: 0x32,
  evidence: 0x33,
  /** Of blocks that are not here. */
  header: 0x34,
  gas: 0x35,
  verdict: 0x36,
  index: 0x37,
  state: 0x40,
  /** Areas 1 and up of the application's state; 0 is `state`. */
  area: 0x41,
} as const

export const VIEW_KEY: Uint8Array = Uint8Array.of(PREFIX.view)
export const HIGHEST_KEY: Uint8Array = Uint8Array.of(PREFIX.highest)
export const TIP_KEY: Uint8Array = Uint8Array.of(PREFIX.tip)
export const RECOVERY_KEY: Uint8Array = Uint8Array.of(PREFIX.recovery)
export const SUMMARY_KEY: Uint8Array = Uint8Array.of(PREFIX.summary)
export const META_KEY: Uint8Array = Uint8Array.of(PREFIX.meta)

export function voteKey(vote: Pick<Vote, 'view' | 'height' | 'kind'>): Uint8Array {
  return encode((writer) =>
    writer
      .u8(PREFIX.vote)
      .u64(vote.view)
      .u64(vote.height)
      .u8(vote.kind === 'prepare' ? 1 : 2),
  )
}

export function uncommittedKey(height: Height, hash: Hash): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.uncommitted).u64(height).raw(hash))
}

export function committedKey(height: Height): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.committed).u64(height))
}

export function epochKey(epoch: Epoch): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.epoch).u64(epoch))
}

export function certificateKey(height: Height): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.certificate).u64(height))
}

export function transactionKey(id: Hash): Uint8Array {
  return concatBytes(Uint8Array.of(PREFIX.transaction), id)
}

export function evidenceKey(offence: Offence): Uint8Array {
  return encode((writer) =>
    writer
      .u8(PREFIX.evidence)
      .u64(offence.epoch)
      .u64(offence.view)
      .u64(offence.height)
      .u8(offence.kind === 'prepare' ? 1 : 2)
      .u16(offence.offender)
      .u8(offence.type === 'equivocation' ? 1 : 2),
  )
}

export function verdictKey(work: Hash): Uint8Array {
  return concatBytes(Uint8Array.of(PREFIX.verdict), work)
}

export const BASE_KEY: Uint8Array = Uint8Array.of(PREFIX.base)
export const STAGED_TARGET_KEY: Uint8Array = Uint8Array.of(PREFIX.staged, 0)
export const STAGED_HEADERS_KEY: Uint8Array = Uint8Array.of(PREFIX.staged, 2)

export function stagedLaneKey(lane: number): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.staged).u8(1).u16(lane))
}

export function headerKey(height: Height): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.header).u64(height))
}

export function gasKey(height: Height): Uint8Array {
  return encode((writer) => writer.u8(PREFIX.gas).u64(height))
}

/** What every key of an area begins with. */
export function areaPrefix(area: number): Uint8Array {
  return area === 0 ? Uint8Array.of(PREFIX.state) : encode((writer) => writer.u8(PREFIX.area).u32(area))
}

export function stateKey(area: number, key: Uint8Array): Uint8Array {
  return concatBytes(areaPrefix(area), key)
}

/** Half-open. */
export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

/** Of all lanes of a state that is being fetched. */
export function rangeOfLanes(): KeyRange {
  return { gte: Uint8Array.of(PREFIX.staged, 1), lt: Uint8Array.of(PREFIX.staged, 2) }
}

/** Areas [from, to), neither of them 0. */
export function rangeOfAreas(from: number, to: number): KeyRange {
  return { gte: areaPrefix(from), lt: areaPrefix(to) }
}

export function rangeOfArea(area: number): KeyRange {
  return area === 0 ? rangeOf(PREFIX.state) : rangeOfAreas(area, area + 1)
}

/** Keys of an index are its owner's own. */
export function indexKey(key: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(PREFIX.index), key)
}

/** All keys of one kind. */
export function rangeOf(prefix: number): KeyRange {
  return { gte: Uint8Array.of(prefix), lt: Uint8Array.of(prefix + 1) }
}
