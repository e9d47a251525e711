/**
 * Blocks (protocol.md §2). The hash covers the canonical header; the header binds the body by its roots. Certificates are
 * never part of a hash, except that one embedded ancestor certificate is bound by `lastCertificateHash` (trap A9).
 */
import {
  BYTES_COST,
  byteStrings,
  decode,
  type Epoch,
  encode,
  epoch,
  equalBytes,
  type Hash,
  type Height,
  height,
  type ItemOf,
  ok,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  type ValidatorIndex,
  type View,
  validatorIndex,
  view,
  type Writer,
  ZERO_HASH,
} from '@aethel/codec'
import { hashEncoded, hashTagged } from '@aethel/crypto'
import { type Certificate, certificateCost, hashCertificate, readCertificate, signatureBytesOf, writeCertificate } from './certificate.js'

export const BLOCK_VERSION = 1

export interface Header {
  readonly version: number
  /** Hash of genesis. */
  readonly chainId: Hash
  readonly epoch: Epoch
  readonly height: Height
  readonly parent: Hash
  /** View in which the block was first proposed. */
  readonly view: View
  readonly proposer: ValidatorIndex
  /** Milliseconds since 1970, greater than the parent's. */
  readonly timestampMs: number
  readonly transactionsRoot: Hash
  readonly evidenceRoot: Hash
  readonly lastCertificateHash: Hash
  /** Of the application's state after this block. */
  readonly stateRoot: Hash
  readonly validatorsHash: Hash
  readonly nextValidatorsHash: Hash
  /** Sum of the difficulty (gas) of the block's proofs. */
  readonly totalDifficulty: bigint
}

export interface Body {
  /** Canonical transaction bytes, opaque to consensus. */
  readonly transactions: readonly Uint8Array[]
  /** Canonical evidence bytes (protocol.md §11). */
  readonly evidence: readonly Uint8Array[]
  /** Commit certificate of an ancestor, the newest the proposer has; null within the first window. */
  readonly lastCertificate: Certificate | null
}

export interface Block {
  readonly header: Header
  readonly body: Body
  readonly hash: Hash
}

/** What the decoder allows at most; a chain's own limits (genesis) are checked against these. */
export const MAX_BLOCK_TRANSACTIONS = 65_536
export const MAX_TRANSACTION_BYTES: number = 8 * 1024 * 1024
export const MAX_BLOCK_EVIDENCE = 64
/** Of one piece of evidence, and of all in a block: room for a refuted proof of half a mebibyte and more. */
export const MAX_EVIDENCE_BYTES: number = 1024 * 1024

export function writeHeader(writer: Writer, header: Header): void {
  writer
    .u16(header.version)
    .raw(header.chainId)
    .u64(header.epoch)
    .u64(header.height)
    .raw(header.parent)
    .u64(header.view)
    .u16(header.proposer)
    .u64(header.timestampMs)
    .raw(header.transactionsRoot)
    .raw(header.evidenceRoot)
    .raw(header.lastCertificateHash)
    .raw(header.stateRoot)
    .raw(header.validatorsHash)
    .raw(header.nextValidatorsHash)
    .u128(header.totalDifficulty)
}

export function readHeader(reader: Reader): Header {
  const version = reader.u16()
  if (version !== BLOCK_VERSION) reader.fail('version', `expected block version ${BLOCK_VERSION}, got ${version}`)
  return {
    version,
    chainId: reader.hash(),
    epoch: epoch(reader.u64()),
    height: height(reader.u64()),
    parent: reader.hash(),
    view: view(reader.u64()),
    proposer: validatorIndex(reader.u16()),
    timestampMs: reader.u64(),
    transactionsRoot: reader.hash(),
    evidenceRoot: reader.hash(),
    lastCertificateHash: reader.hash(),
    stateRoot: reader.hash(),
    validatorsHash: reader.hash(),
    nextValidatorsHash: reader.hash(),
    totalDifficulty: reader.u128(),
  }
}

/** Eight hashes, each an array, and numbers beyond 31 bits. */
const HEADER_COST: number = 8 * BYTES_COST + 304

/** In the lists of messages. */
export const HEADER: ItemOf<Header> = { read: readHeader, costBytes: () => HEADER_COST, onceRead: 'kept' }

export function hashHeader(header: Header): Hash {
  return hashEncoded('aethel/header/v1', (writer) => writeHeader(writer, header))
}

/**
 * Merkle root of a list, after RFC 6962 §2.1: leaves and nodes are domain-separated and the shape is fixed by the count,
 * so different lists never share a root (traps F4, S8).
 */
export function listRoot(domain: string, items: readonly Uint8Array[]): Hash {
  const leaf = `${domain}/leaf`
  const node = `${domain}/node`
  const rootOf = (from: number, to: number): Hash => {
    if (to - from === 1) return hashTagged(leaf, items[from] as Uint8Array)
    let half = 1
    while (half * 2 < to - from) half *= 2
    return hashEncoded(node, (writer) => writer.raw(rootOf(from, from + half)).raw(rootOf(from + half, to)))
  }
  return items.length === 0 ? hashTagged(`${domain}/empty`, ZERO_HASH) : rootOf(0, items.length)
}

export function transactionsRootOf(transactions: readonly Uint8Array[]): Hash {
  return listRoot('aethel/transactions/v1', transactions)
}

export function evidenceRootOf(evidence: readonly Uint8Array[]): Hash {
  return listRoot('aethel/evidence/v1', evidence)
}

export function lastCertificateHashOf(certificate: Certificate | null): Hash {
  return certificate === null ? ZERO_HASH : hashCertificate(certificate)
}

/** A block whose header binds this body; computes the hash. */
export function createBlock(header: Header, body: Body): Block {
  return { header, body, hash: hashHeader(header) }
}

/** Whether the header's roots are those of the body. */
export function bodyMatchesHeader(header: Header, body: Body): Result<null, Refusal> {
  if (!equalBytes(header.transactionsRoot, transactionsRootOf(body.transactions))) {
    return refuse('transactions-root', 'expected the header to carry the Merkle root of its transactions, got another root')
  }
  return restMatchesHeader(header, body)
}

/** The same, without the transactions. */
export function restMatchesHeader(header: Header, body: Pick<Body, 'evidence' | 'lastCertificate'>): Result<null, Refusal> {
  if (!equalBytes(header.evidenceRoot, evidenceRootOf(body.evidence))) {
    return refuse('evidence-root', 'expected the header to carry the Merkle root of its evidence, got another root')
  }
  if (!equalBytes(header.lastCertificateHash, lastCertificateHashOf(body.lastCertificate))) {
    return refuse('certificate-hash', 'expected the header to carry the hash of its ancestor certificate, got another hash')
  }
  return ok(null)
}

/** Of the order of the encoded size, without encoding. */
export function roughBodyBytes(body: Body): number {
  let bytes = signatureBytesOf(body.lastCertificate)
  for (const transaction of body.transactions) bytes += transaction.length + 4
  for (const evidence of body.evidence) bytes += evidence.length + 4
  return bytes
}

/** What each transaction takes in memory beside its bytes: an array of its own. */
const TRANSACTION_COST_BYTES = 256

/** What a body weighs that is kept: tens of thousands of transactions of a few bytes are mostly what each costs. */
export function heldBodyBytes(body: Body): number {
  return roughBodyBytes(body) + TRANSACTION_COST_BYTES * body.transactions.length
}

export function writeBody(writer: Writer, body: Body): void {
  writer.list(body.transactions, (w, transaction) => w.bytes(transaction))
  writer.list(body.evidence, (w, evidence) => w.bytes(evidence))
  writer.optional(body.lastCertificate, writeCertificate)
}

const TRANSACTION = byteStrings(MAX_TRANSACTION_BYTES)

export function readBody(reader: Reader): Body {
  return {
    transactions: reader.longList(MAX_BLOCK_TRANSACTIONS, TRANSACTION),
    evidence: reader.list(MAX_BLOCK_EVIDENCE, (r) => r.bytes(MAX_EVIDENCE_BYTES)),
    lastCertificate: reader.optional(readCertificate),
  }
}

export function writeBlock(writer: Writer, block: Block): void {
  writeHeader(writer, block.header)
  writeBody(writer, block.body)
}

/** A block whose body is proven to be the header's; the hash is recomputed, never taken from the sender. */
export function readBlock(reader: Reader): Block {
  const block = readUnboundBlock(reader)
  const matches = bodyMatchesHeader(block.header, block.body)
  if (!matches.ok) reader.fail(matches.error.code, matches.error.message)
  return block
}

/**
 * A block as a peer sent it: the hash is the header's, and whether the body belongs to it is left to the edge, which asks first
 * what costs less. To hash the 65,536 transactions that a frame has room for takes a good part of a second (trap E6).
 */
export function readUnboundBlock(reader: Reader): Block {
  const header = readHeader(reader)
  return createBlock(header, readBody(reader))
}

/** In the lists of messages. */
export const UNBOUND_BLOCK: ItemOf<Block> = {
  read: readUnboundBlock,
  costBytes: ({ body }) =>
    HEADER_COST +
    2 * BYTES_COST +
    BYTES_COST * (body.transactions.length + body.evidence.length) +
    (body.lastCertificate === null ? 0 : certificateCost(body.lastCertificate)),
  onceRead: 'kept',
}

/** Blocks found to be whole; a block never changes, so each is hashed once however often the same object comes by. */
const boundBlocks = new WeakSet<Block>()

/** `bodyMatchesHeader`, remembered for the object. */
export function checkBody(block: Block): Result<null, Refusal> {
  if (boundBlocks.has(block)) return ok(null)
  const matches = bodyMatchesHeader(block.header, block.body)
  if (matches.ok) boundBlocks.add(block)
  return matches
}

export function encodeBlock(block: Block): Uint8Array {
  return encode((writer) => writeBlock(writer, block))
}

/** Of bytes that are known to be those of a whole block, as a sealed record is: its roots are not computed again. */
export function decodeWholeBlock(bytes: Uint8Array): Result<Block, Refusal> {
  return decode(bytes, readUnboundBlock)
}

export function decodeBlock(bytes: Uint8Array): Result<Block, Refusal> {
  return decode(bytes, readBlock)
}
