/** Bytes of the records that are not a single consensus value, and the readers that refuse anything else. */
import { decode, encode, epoch, type Hash, type Height, height, type Reader, type Refusal, type Result, view } from '@aethel/codec'
import {
  type Certificate,
  type CommittedTip,
  decodeMessage,
  encodeHeaders,
  encodeMessage,
  type Header,
  MAX_BLOCK_TRANSACTIONS,
  MAX_CURSOR_BYTES,
  MAX_VALIDATORS,
  type Message,
  type NewView,
  type PersistRecord,
  type Recovery,
  readCertificate,
  readOffer,
  type SnapshotTarget,
  type Validator,
  type ViewChange,
  type Vote,
  writeCertificate,
  writeHeader,
  writeOffer,
} from '@aethel/consensus'

const MAX_MESSAGE_BYTES: number = 64 * 1024 * 1024
/** One for each state taken over. */
const MAX_GAPS = 1 << 20
/** As many as there may be epochs; each was checked when it came. */
const MAX_STAGED_LINKS = 1 << 24

export const STORE_FORMAT = 3

export interface Meta {
  readonly format: number
  readonly chainId: Hash
}

export function encodeMeta(meta: Meta): Uint8Array {
  return encode((writer) => writer.u16(meta.format).raw(meta.chainId))
}

/** Only the format number is read first: what follows belongs to that format. */
export function decodeFormat(bytes: Uint8Array): number | undefined {
  return bytes.length < 2 ? undefined : ((bytes[0] as number) << 8) | (bytes[1] as number)
}

export function decodeMeta(bytes: Uint8Array): Result<Meta, Refusal> {
  return decode(bytes, (reader) => ({ format: reader.u16(), chainId: reader.hash() }))
}

export type ViewRecord = Extract<PersistRecord, { kind: 'view' }>

export function encodeView(record: ViewRecord): Uint8Array {
  return encode((writer) => {
    writer.u64(record.view).bool(record.phase === 'active')
    writer.optional(record.newView, (w, message) => w.bytes(encodeMessage(message)))
    writer.optional(record.viewChange, (w, message) => w.bytes(encodeMessage(message)))
  })
}

export function decodeView(bytes: Uint8Array): Result<ViewRecord, Refusal> {
  return decode(bytes, (reader) => ({
    kind: 'view' as const,
    view: view(reader.u64()),
    phase: reader.bool() ? ('active' as const) : ('changing' as const),
    newView: reader.optional((r) => readMessageOf(r, isNewView)),
    viewChange: reader.optional((r) => readMessageOf(r, isViewChange)),
  }))
}

export function encodeRecovery(recovery: Recovery): Uint8Array {
  return encode((writer) => {
    writer.bool(recovery.status === 'released')
    if (recovery.status === 'released') writer.u64(recovery.forgottenUpTo).u64(recovery.epoch).u64(recovery.view)
  })
}

export function decodeRecovery(bytes: Uint8Array): Result<Recovery, Refusal> {
  return decode(bytes, (reader) =>
    reader.bool()
      ? { status: 'released' as const, forgottenUpTo: epoch(reader.u64()), epoch: epoch(reader.u64()), view: view(reader.u64()) }
      : { status: 'asking' as const },
  )
}

const isNewView = (message: Message): message is NewView => message.kind === 'new-view'
const isViewChange = (message: Message): message is ViewChange => message.kind === 'view-change'

function readMessageOf<T extends Message>(reader: Reader, is: (message: Message) => message is T): T {
  const message = decodeMessage(reader.bytes(MAX_MESSAGE_BYTES))
  if (!message.ok) return reader.fail(message.error.code, message.error.message)
  if (!is(message.value)) return reader.fail('record-kind', `unexpected ${message.value.kind} message in a stored record`)
  return message.value
}

export function encodeVote(vote: Vote): Uint8Array {
  return encodeMessage({ kind: 'vote', vote })
}

export function readVoteRecord(reader: Reader): Vote {
  const message = decodeMessage(reader.raw(reader.remaining))
  if (!message.ok) return reader.fail(message.error.code, message.error.message)
  if (message.value.kind !== 'vote') return reader.fail('record-kind', `expected a vote, got a ${message.value.kind} message`)
  return message.value.vote
}

export function decodeVote(bytes: Uint8Array): Result<Vote, Refusal> {
  return decode(bytes, readVoteRecord)
}

export interface TipRecord {
  readonly tip: CommittedTip
  /** The newest commit certificate held. */
  readonly lastCommit: Certificate
}

export function encodeTip({ tip, lastCommit }: TipRecord): Uint8Array {
  return encode((writer) => {
    writer.u64(tip.height).raw(tip.hash).u64(tip.timestampMs)
    writeCertificate(writer, lastCommit)
  })
}

export function decodeTip(bytes: Uint8Array): Result<TipRecord, Refusal> {
  return decode(bytes, (reader) => ({
    tip: { height: height(reader.u64()), hash: reader.hash(), timestampMs: reader.u64() },
    lastCommit: readCertificate(reader),
  }))
}

/** Where an epoch begins and with whom. */
export interface EpochRecord {
  readonly originHeight: Height
  readonly originHash: Hash
  readonly validators: readonly Validator[]
}

export function encodeEpoch({ originHeight, originHash, validators }: EpochRecord): Uint8Array {
  return encode((writer) => {
    writer.u64(originHeight).raw(originHash)
    writer.list(validators, (w, validator) => w.raw(validator.publicKey).u128(validator.power))
    // In the same order, on chains where they have some.
    for (const { blsKey } of validators) if (blsKey !== undefined) writer.raw(blsKey)
  })
}

export function decodeEpoch(bytes: Uint8Array): Result<EpochRecord, Refusal> {
  return decode(bytes, (reader) => {
    const originHeight = height(reader.u64())
    const originHash = reader.hash()
    const validators = reader.list(MAX_VALIDATORS, (r) => ({ publicKey: r.publicKey(), power: r.u128() }))
    const withKeys = (): Validator[] => validators.map((validator) => ({ ...validator, blsKey: reader.blsPublicKey() }))
    return { originHeight, originHash, validators: reader.remaining === 0 ? validators : withKeys() }
  })
}

/** What checking a proof found; its key is the work's: H(kind, claimId, proof hash). */
export type StoredVerdict =
  | { readonly status: 'valid'; readonly gas: number }
  | { readonly status: 'invalid'; readonly code: string; readonly message: string; readonly gas: number }

const MAX_CODE_BYTES = 256
const MAX_REASON_BYTES = 4_096
/** A UTF-16 unit takes three bytes at most, and a pair four. */
const UNIT_BYTES = 4

export function encodeVerdict(verdict: StoredVerdict): Uint8Array {
  return encode((writer) => {
    writer.bool(verdict.status === 'valid').u64(verdict.gas)
    if (verdict.status === 'invalid') writer.text(boundedCode(verdict.code)).text(boundedReason(verdict.message))
  })
}

/** What a verifier says is cut to these: kinds from outside promise nothing about it. */
export function boundedCode(code: string): string {
  return cut(code, MAX_CODE_BYTES / UNIT_BYTES)
}

export function boundedReason(reason: string): string {
  return cut(reason, MAX_REASON_BYTES / UNIT_BYTES)
}

/** At most so many UTF-16 units, each character whole: half of one is no text, and cannot be written. */
function cut(text: string, most: number): string {
  const short = text.slice(0, most)
  const whole = /[\uD800-\uDBFF]$/.test(short) ? short.slice(0, -1) : short
  return whole.replace(/\p{Surrogate}/gu, '\uFFFD')
}

export function decodeVerdict(bytes: Uint8Array): Result<StoredVerdict, Refusal> {
  return decode(bytes, (reader): StoredVerdict => {
    const valid = reader.bool()
    const gas = reader.u64()
    return valid
      ? { status: 'valid', gas }
      : { status: 'invalid', code: reader.text(MAX_CODE_BYTES), message: reader.text(MAX_REASON_BYTES), gas }
  })
}

/** Blocks [from, to] are not here: the state after `to` was taken over from others. */
export interface BlockGap {
  readonly from: Height
  readonly to: Height
}

/** Of the state in use. */
export interface BaseRecord {
  readonly area: number
  readonly gaps: readonly BlockGap[]
}

export function encodeBase({ area, gaps }: BaseRecord): Uint8Array {
  return encode((writer) => writer.u32(area).list(gaps, (w, gap) => w.u64(gap.from).u64(gap.to)))
}

export function decodeBase(bytes: Uint8Array): Result<BaseRecord, Refusal> {
  return decode(bytes, (reader) => ({
    area: reader.u32(),
    gaps: reader.list(MAX_GAPS, (r) => ({ from: height(r.u64()), to: height(r.u64()) })),
  }))
}

export interface StagedTarget {
  readonly area: number
  readonly target: SnapshotTarget
}

export function encodeStagedTarget({ area, target }: StagedTarget): Uint8Array {
  return encode((writer) => writeOffer(writer.u32(area), target))
}

export function decodeStagedTarget(bytes: Uint8Array): Result<StagedTarget, Refusal> {
  return decode(bytes, (reader) => ({ area: reader.u32(), target: readOffer(reader, MAX_STAGED_LINKS) }))
}

export function encodeStagedLane(next: Uint8Array | null): Uint8Array {
  return encode((writer) => writer.optional(next, (w, cursor) => w.bytes(cursor)))
}

export function decodeStagedLane(bytes: Uint8Array): Result<Uint8Array | null, Refusal> {
  return decode(bytes, (reader) => reader.optional((r) => r.bytes(MAX_CURSOR_BYTES)))
}

export function encodeHeaderList(headers: readonly Header[]): Uint8Array {
  return encodeHeaders(headers)
}

export function encodeHeader(header: Header): Uint8Array {
  return encode((writer) => writeHeader(writer, header))
}

export function encodeGas(gas: readonly number[]): Uint8Array {
  return encode((writer) => writer.list(gas, (w, each) => w.u64(each)))
}

export function decodeGas(bytes: Uint8Array): Result<readonly number[], Refusal> {
  return decode(bytes, (reader) => reader.list(MAX_BLOCK_TRANSACTIONS, (r) => r.u64()))
}

export interface TransactionPlace {
  readonly height: Height
  /** Position in the block, from 0. */
  readonly index: number
}

export function encodePlace(place: TransactionPlace): Uint8Array {
  return encode((writer) => writer.u64(place.height).u32(place.index))
}

export function decodePlace(bytes: Uint8Array): Result<TransactionPlace, Refusal> {
  return decode(bytes, (reader) => ({ height: height(reader.u64()), index: reader.u32() }))
}
