/**
 * Finding claims: an index in the store, written with the block that finalises them. A key is a dimension (all claims, or those with one
 * kind, label, source or sender), a fingerprint of the value asked for, and the place in the chain; so the newest come first when it is
 * read backwards, and a page ends where the next begins. Other conditions are looked up in the records, of a bounded number per page.
 */
import { encode, fromHex, type Hash, type Height, hash, keyOf, utf8 } from '@aethel/codec'
import { sha256 } from '@aethel/crypto'
import type { ClaimRecord } from '@aethel/ledger'

const DIMENSIONS = ['all', 'kind', 'label', 'source', 'sender', 'blob'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** Of SHA-256: two values with one fingerprint cost a look at each other's claims, nothing more. */
const FINGERPRINT_BYTES = 12
const PLACE_BYTES = 12

/** A place in the chain, as a cursor that clients hand back. */
export interface Place {
  readonly height: number
  /** Position in the block. */
  readonly index: number
}

export interface IndexedClaim {
  readonly claimId: Hash
  readonly kind: string
  readonly label: string | null
  readonly sourceDigest: Hash | null
  readonly sender: Uint8Array
  /** Root of the blob that its proof is. */
  readonly blob?: Hash
}

/** What is written for a claim at its place. */
export function indexEntries(claim: IndexedClaim, place: Place): (readonly [key: Uint8Array, value: Uint8Array])[] {
  const entries: (readonly [Uint8Array, Uint8Array])[] = [[indexKey('all', null, place), claim.claimId]]
  const add = (dimension: Dimension, value: Uint8Array): void => {
    entries.push([indexKey(dimension, value, place), claim.claimId])
  }
  add('kind', utf8(claim.kind))
  add('sender', claim.sender)
  if (claim.label !== null) add('label', utf8(claim.label))
  if (claim.sourceDigest !== null) add('source', claim.sourceDigest)
  if (claim.blob !== undefined) add('blob', claim.blob)
  return entries
}

function indexKey(dimension: Dimension, value: Uint8Array | null, place: Place): Uint8Array {
  const prefix = RECURRING.has(dimension) ? recurringPrefixOf(dimension, value) : prefixOf(dimension, value)
  return encode((writer) => writer.raw(prefix).u64(place.height).u32(place.index))
}

function prefixOf(dimension: Dimension, value: Uint8Array | null): Uint8Array {
  const fingerprint = value === null ? NO_FINGERPRINT : sha256(value).subarray(0, FINGERPRINT_BYTES)
  return encode((writer) => writer.u8(DIMENSIONS.indexOf(dimension)).raw(fingerprint))
}

const NO_FINGERPRINT = new Uint8Array(FINGERPRINT_BYTES)
/** The same few values for claim after claim. */
const RECURRING: ReadonlySet<Dimension> = new Set(['all', 'kind', 'sender'])
const MAX_PREFIXES = 1_024
const prefixes = new Map<string, Uint8Array>()

function recurringPrefixOf(dimension: Dimension, value: Uint8Array | null): Uint8Array {
  const key = dimension + (value === null ? '' : keyOf(value))
  const known = prefixes.get(key)
  if (known !== undefined) return known
  if (prefixes.size >= MAX_PREFIXES) prefixes.clear()
  const prefix = prefixOf(dimension, value)
  prefixes.set(key, prefix)
  return prefix
}

/** What to look for; everything given must hold. */
export interface ClaimQuery {
  readonly kind?: string
  readonly label?: string
  readonly sourceDigest?: Hash
  readonly sender?: Uint8Array
  readonly height?: Height
}

/** The half-open range of keys to read, and the dimension it is of: the most telling one that was asked for. */
export function rangeFor(
  query: ClaimQuery,
  before: Place | null,
): { readonly gte: Uint8Array; readonly lt: Uint8Array; readonly dimension: Dimension } {
  const [dimension, value] = mostTelling(query)
  const prefix = prefixOf(dimension, value)
  const at = (place: Place): Uint8Array => encode((writer) => writer.raw(prefix).u64(place.height).u32(place.index))
  const { height } = query
  const end: Place = height === undefined ? { height: Number.MAX_SAFE_INTEGER, index: 0 } : { height: height + 1, index: 0 }
  const isBefore = before !== null && (before.height < end.height || (before.height === end.height && before.index < end.index))
  return { gte: at({ height: height ?? 0, index: 0 }), lt: at(isBefore ? before : end), dimension }
}

/** Claims whose proofs are this blob. */
export function rangeOfBlob(root: Hash): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const prefix = prefixOf('blob', root)
  const at = (height: number): Uint8Array => encode((writer) => writer.raw(prefix).u64(height).u32(0))
  return { gte: at(0), lt: at(Number.MAX_SAFE_INTEGER) }
}

function mostTelling(query: ClaimQuery): [Dimension, Uint8Array | null] {
  if (query.label !== undefined) return ['label', utf8(query.label)]
  if (query.sourceDigest !== undefined) return ['source', query.sourceDigest]
  // One block's claims are few.
  if (query.height !== undefined) return ['all', null]
  if (query.sender !== undefined) return ['sender', query.sender]
  if (query.kind !== undefined) return ['kind', utf8(query.kind)]
  return ['all', null]
}

/** Whether a record is one that was asked for. The source is not in the record: `sourceOf` finds it. */
export function matches(record: ClaimRecord, query: ClaimQuery, sourceOf: () => Hash | null): boolean {
  if (query.kind !== undefined && record.kind !== query.kind) return false
  if (query.label !== undefined && record.library?.label !== query.label) return false
  if (query.sender !== undefined && keyOf(record.sender) !== keyOf(query.sender as Hash)) return false
  if (query.height !== undefined && record.height !== query.height) return false
  if (query.sourceDigest === undefined) return true
  const source = sourceOf()
  return source !== null && keyOf(source) === keyOf(query.sourceDigest)
}

/** The place at the end of a key. */
export function placeOf(key: Uint8Array): Place {
  const view = new DataView(key.buffer, key.byteOffset + key.length - PLACE_BYTES, PLACE_BYTES)
  return { height: Number(view.getBigUint64(0)), index: view.getUint32(8) }
}

export function encodeCursor(place: Place): string {
  return `${place.height}.${place.index}`
}

/** Undefined: it is none. */
export function decodeCursor(text: string): Place | undefined {
  const [height, index, ...rest] = text.split('.').map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : Number.NaN))
  if (rest.length > 0 || height === undefined || index === undefined || Number.isNaN(height) || !(index <= 0xffff_ffff)) return undefined
  return { height, index }
}

export function digestFrom(text: string): Hash | undefined {
  const bytes = fromHex(text)
  return bytes.ok && bytes.value.length === 32 ? hash(bytes.value) : undefined
}
