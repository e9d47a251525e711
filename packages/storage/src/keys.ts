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
  committed: 0x30,
  certificate: 0x31,
  transaction: 0x32,
  evidence: 0x33,
  verdict: 0x34,
  state: 0x40,
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

export function stateKey(key: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(PREFIX.state), key)
}

/** The half-open range of all keys of one kind. */
export function rangeOf(prefix: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: Uint8Array.of(prefix), lt: Uint8Array.of(prefix + 1) }
}
