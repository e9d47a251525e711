/**
 * Snapshots (protocol.md §7): a committed state that a peer offers, and what proves it. The header of its block holds the
 * state root; a commit certificate of the block, or of a descendant that the headers lead to, says that it is committed; and
 * the epoch chain says who could sign that. Everything else about the state is checked against the root. Nothing a peer says
 * about validators counts unless it follows from those that the receiver trusts already (traps S9, J4).
 */
import {
  assert,
  decode,
  encode,
  equalBytes,
  type Hash,
  type Height,
  height,
  ok,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  type Writer,
} from '@aethel/codec'
import { HEADER, type Header, hashHeader, readHeader, writeHeader } from './block.js'
import { type Certificate, readCertificate, verifyCertificate, writeCertificate } from './certificate.js'
import { EPOCH_LINK, type EpochLink, type EpochLinkContext, verifyEpochLink, writeEpochLink } from './epoch-chain.js'
import { type EpochStart, lastHeightOf } from './epochs.js'
import { RECENT_HASHES } from './interface.js'

/** The state after `header`'s block. */
export interface SnapshotOffer {
  /** The ends of epochs from the one asked about on, ascending; if they do not reach the header's epoch, the rest is to be asked for. */
  readonly links: readonly EpochLink[]
  readonly header: Header
  /** The headers that lead from the block to the one that `certificate` certifies; none if it is the block itself. */
  readonly descendants: readonly Header[]
  readonly certificate: Certificate
}

/** Of one offer: each costs a certificate check. More are asked for from where these end. */
export const MAX_OFFER_LINKS = 64
/** As a BLOCKS may carry: a certificate is at most a window ahead. */
export const MAX_DESCENDANTS = 256
/** About: one more link is sent than this, so that a set of any size gets through. */
export const MAX_OFFER_LINK_BYTES: number = 2 * 1024 * 1024
/** Bytes of a place within a lane. */
export const MAX_CURSOR_BYTES = 64
/** Of an answer with a part of a state; whoever serves aims far lower (`CHUNK_BYTES`), but one entry must fit. A frame has 16 MiB. */
export const MAX_CHUNK_BYTES: number = 12 * 1024 * 1024
/** The lane of the block headers below the snapshot, which every application has. */
export const HEADERS_LANE = 0xffff

export type SnapshotContext = Omit<EpochLinkContext, 'validators'>

export type CheckedOffer =
  /** `start`: what the block after the snapshot's belongs to. */
  | { readonly status: 'proven'; readonly start: EpochStart }
  /** The links are good, but end before the header's epoch: ask again from this one on. */
  | { readonly status: 'more-links'; readonly start: EpochStart }
  /** Of before `known`: not looked at. */
  | { readonly status: 'stale' }

/**
 * Checks an offer from `known`, an epoch whose validators are trusted: its links one by one, then the header by the certificate. Links
 * of epochs before it are passed over. What is not certified all the way is refused, whatever else is in order.
 */
export function checkOffer(context: SnapshotContext, known: EpochStart, offer: SnapshotOffer): Result<CheckedOffer, Refusal> {
  const { chainId } = context
  const { header } = offer
  if (header.height <= known.origin.height) return ok({ status: 'stale' })
  let start = known
  for (const link of offer.links) {
    if (link.header.epoch < start.validators.epoch) continue
    if (link.header.height > header.height) break // of epochs after it: nothing to do with this state
    const next = verifyEpochLink({ ...context, validators: start.validators }, link)
    if (!next.ok) return next
    const origin = { height: link.header.height, hash: hashHeader(link.header) }
    start = { validators: next.value, previousValidators: start.validators, origin }
  }
  if (!equalBytes(header.chainId, chainId)) return refuse('snapshot-chain', 'expected a snapshot of this chain, got another chain id')
  const hash = hashHeader(header)
  const isOrigin = header.height === start.origin.height && equalBytes(hash, start.origin.hash)
  const signers = isOrigin ? start.previousValidators : start.validators
  if (!isOrigin && header.height >= lastHeightOf(context.epochLength, start.validators.epoch)) return ok({ status: 'more-links', start })
  if (signers === null || header.epoch !== signers.epoch)
    return refuse(
      'snapshot-epoch',
      `expected a block of epoch ${start.validators.epoch}, got block ${header.height} of epoch ${header.epoch}`,
    )
  if (!equalBytes(header.validatorsHash, signers.hash))
    return refuse('snapshot-validators', 'expected a header that names the validators of its epoch, got others')
  const certified = checkDescent(header, hash, offer)
  if (!certified.ok) return certified
  const signed = verifyCertificate({ ...context, validators: signers }, offer.certificate)
  return signed.ok ? ok({ status: 'proven', start }) : signed
}

/** The certificate is for the block itself, or for what the headers lead to. */
function checkDescent(header: Header, hash: Hash, { descendants, certificate }: SnapshotOffer): Result<null, Refusal> {
  let tip = { height: header.height, hash }
  for (const next of descendants) {
    if (next.height !== tip.height + 1 || !equalBytes(next.parent, tip.hash) || next.epoch !== header.epoch)
      return refuse('snapshot-gap', `expected consecutive headers, got a break after height ${tip.height}`)
    tip = { height: next.height, hash: hashHeader(next) }
  }
  if (certificate.kind !== 'commit') return refuse('certificate-kind', 'expected a commit certificate')
  if (certificate.height !== tip.height || !equalBytes(certificate.blockHash, tip.hash))
    return refuse('certificate-block', 'expected the certificate of the snapshot, or of the last header that leads up from it')
  return ok(null)
}

export function writeOffer(writer: Writer, offer: SnapshotOffer): void {
  writer.list(offer.links, writeEpochLink)
  writeHeader(writer, offer.header)
  writer.list(offer.descendants, writeHeader)
  writeCertificate(writer, offer.certificate)
}

export function readOffer(reader: Reader, mostLinks: number = MAX_OFFER_LINKS): SnapshotOffer {
  return {
    links: reader.longList(mostLinks, EPOCH_LINK),
    header: readHeader(reader),
    descendants: reader.longList(MAX_DESCENDANTS, HEADER),
    certificate: readCertificate(reader),
  }
}

// --- the headers below --------------------------------------------------------------------------------------------------

/** How many headers come with a snapshot of this height: with its own, as many as a replica keeps hashes of. */
export function headersBelow(at: Height): number {
  return Math.min(RECENT_HASHES - 1, at - 1)
}

/** Descending: the parent of the snapshot's block first. */
export function encodeHeaders(headers: readonly Header[]): Uint8Array {
  assert(headers.length < RECENT_HASHES, 'more headers than a replica keeps')
  return encode((writer) => writer.list(headers, writeHeader))
}

export function decodeHeaders(bytes: Uint8Array): Result<readonly Header[], Refusal> {
  return decode(bytes, (reader) => reader.longList(RECENT_HASHES, HEADER))
}

/** Each is the parent of the one above it, from `top` down, as far as a replica must know, or to genesis. */
export function checkHeaders(chainId: Hash, top: Header, headers: readonly Header[]): Result<null, Refusal> {
  const expected = headersBelow(top.height)
  if (headers.length !== expected) return refuse('headers-count', `expected ${expected} headers below ${top.height}, got ${headers.length}`)
  let above = top
  for (const header of headers) {
    if (header.height !== above.height - 1 || !equalBytes(hashHeader(header), above.parent))
      return refuse('headers-gap', `expected the header of the parent of block ${above.height}, got another`)
    above = header
  }
  if (above.height === 1 && !equalBytes(above.parent, chainId)) return refuse('headers-genesis', 'expected a chain that begins at genesis')
  return ok(null)
}

/** The hashes of a snapshot's block and those below it, ascending, as a replica keeps them; genesis where the chain is that short. */
export function recentHashes(chainId: Hash, top: Header, headers: readonly Header[]): { readonly height: Height; readonly hash: Hash }[] {
  const recent = [{ height: top.height, hash: hashHeader(top) }]
  let above = top
  for (const header of headers) {
    recent.push({ height: header.height, hash: above.parent })
    above = header
  }
  if (above.height === 1) recent.push({ height: height(0), hash: chainId })
  return recent.reverse()
}

// --- what is kept of one -------------------------------------------------------------------------------------------------

/** Keys and values of an application's state, its own. */
export type StatePuts = readonly (readonly [key: Uint8Array, value: Uint8Array])[]

/** What is fetched: the links lead from the epoch in which the fetch began to that of the block after the header's. */
export type SnapshotTarget = SnapshotOffer

/** What of a state is on disk. */
export interface StagedSnapshot {
  readonly target: SnapshotTarget
  /** Those that have begun; `next` null: complete. */
  readonly lanes: readonly { readonly lane: number; readonly next: Uint8Array | null }[]
  readonly puts: StatePuts
  /** Below the target's block, descending; null: not there yet. */
  readonly headers: readonly Header[] | null
}

/** Durable in order, beside the state in use, which stays as it is until `restored`. */
export type SnapshotRecord =
  /** A new one; whatever was there of another is dropped. */
  | { readonly kind: 'begin'; readonly target: SnapshotTarget }
  | { readonly kind: 'chunk'; readonly lane: number; readonly next: Uint8Array | null; readonly puts: StatePuts }
  | { readonly kind: 'headers'; readonly headers: readonly Header[] }
  | { readonly kind: 'forget' }

/** The staged state takes the place of the one in use, in one step. */
export interface Restored {
  readonly target: SnapshotTarget
  readonly headers: readonly Header[]
  /** What the next block belongs to. */
  readonly start: EpochStart
}
