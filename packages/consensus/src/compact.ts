/**
 * PRE-PREPARE in its compact form (protocol.md §9): the header, and instead of most transactions their ids, because their bytes have gone ahead. Whoever
 * receives it puts the block together from what it has, and asks for the rest. The ids are a hint: what decides is the root in the header.
 */
import {
  type BlsSignature,
  BYTES_COST,
  type Epoch,
  epoch,
  type Hash,
  type ItemOf,
  type Reader,
  type Signature,
  type ValidatorIndex,
  type View,
  validatorIndex,
  view,
  type Writer,
} from '@aethel/codec'
import {
  type Header,
  hashHeader,
  MAX_BLOCK_EVIDENCE,
  MAX_BLOCK_TRANSACTIONS,
  MAX_EVIDENCE_BYTES,
  MAX_TRANSACTION_BYTES,
  readHeader,
  writeHeader,
} from './block.js'
import { type Certificate, readCertificate, signatureBytesOf, writeCertificate } from './certificate.js'

/** One transaction of the block: by its id, or itself. */
export type NamedTransaction = { readonly id: Hash } | { readonly bytes: Uint8Array }

/** The signature is that of the PRE-PREPARE: the leader's PREPARE vote on (view, height, block hash). */
export interface CompactPrePrepare {
  readonly kind: 'compact-pre-prepare'
  readonly epoch: Epoch
  readonly view: View
  readonly header: Header
  /** Of the header. */
  readonly hash: Hash
  readonly transactions: readonly NamedTransaction[]
  readonly evidence: readonly Uint8Array[]
  readonly lastCertificate: Certificate | null
  readonly sender: ValidatorIndex
  readonly signature: Signature
  readonly share?: BlsSignature
}

/** Some transactions of a block, as asked for: at these positions, ascending. */
export interface BlockTransactions {
  readonly kind: 'block-transactions'
  readonly hash: Hash
  readonly transactions: readonly PlacedTransaction[]
}

export interface PlacedTransaction {
  readonly position: number
  readonly bytes: Uint8Array
}

/** Positions in one FETCH: who lacks more asks for the whole block. 16 KiB. */
export const MAX_POSITIONS = 4096

const NAMED = { id: 0, bytes: 1 } as const

const NAMED_TRANSACTION: ItemOf<NamedTransaction> = {
  read: (reader) => {
    const form = reader.u8()
    switch (form) {
      case NAMED.id:
        return { id: reader.hash() }
      case NAMED.bytes:
        return { bytes: reader.bytes(MAX_TRANSACTION_BYTES) }
      default:
        return reader.fail('named-transaction', `expected 0 (an id) or 1 (a transaction), got ${form}`)
    }
  },
  costBytes: () => BYTES_COST + 32,
  onceRead: 'let go',
}

const PLACED_TRANSACTION: ItemOf<PlacedTransaction> = {
  read: (reader) => ({ position: readPosition(reader), bytes: reader.bytes(MAX_TRANSACTION_BYTES) }),
  costBytes: () => BYTES_COST + 48,
  onceRead: 'let go',
}

function readPosition(reader: Reader): number {
  const position = reader.u32()
  return position < MAX_BLOCK_TRANSACTIONS
    ? position
    : reader.fail('range', `expected a position below ${MAX_BLOCK_TRANSACTIONS}, got ${position}`)
}

/** Ascending, so that there is one way to ask for the same. */
export function readPositions(reader: Reader): readonly number[] {
  let previous = -1
  return reader.list(MAX_POSITIONS, () => {
    const position = readPosition(reader)
    if (position <= previous) reader.fail('order', `expected positions in ascending order, got ${position} after ${previous}`)
    previous = position
    return position
  })
}

export function writePositions(writer: Writer, positions: readonly number[]): void {
  writer.list(positions, (w, position) => w.u32(position))
}

export function writeCompactPrePrepare(writer: Writer, message: CompactPrePrepare): void {
  writer.u64(message.epoch).u64(message.view).u16(message.sender).raw(message.signature)
  if (message.share !== undefined) writer.raw(message.share)
  writeHeader(writer, message.header)
  writer.list(message.transactions, (w, named) => {
    if ('id' in named) w.u8(NAMED.id).raw(named.id)
    else w.u8(NAMED.bytes).bytes(named.bytes)
  })
  writer.list(message.evidence, (w, evidence) => w.bytes(evidence))
  writer.optional(message.lastCertificate, writeCertificate)
}

export function readCompactPrePrepare(reader: Reader, withShare: 'with-share' | 'without-share'): CompactPrePrepare {
  const head = {
    epoch: epoch(reader.u64()),
    view: view(reader.u64()),
    sender: validatorIndex(reader.u16()),
    signature: reader.signature(),
    ...(withShare === 'with-share' ? { share: reader.blsSignature() } : {}),
  }
  const header = readHeader(reader)
  return {
    kind: 'compact-pre-prepare',
    ...head,
    header,
    hash: hashHeader(header),
    transactions: reader.longList(MAX_BLOCK_TRANSACTIONS, NAMED_TRANSACTION),
    evidence: reader.list(MAX_BLOCK_EVIDENCE, (r) => r.bytes(MAX_EVIDENCE_BYTES)),
    lastCertificate: reader.optional(readCertificate),
  }
}

export function writeBlockTransactions(writer: Writer, { hash, transactions }: BlockTransactions): void {
  writer.raw(hash).list(transactions, (w, { position, bytes }) => w.u32(position).bytes(bytes))
}

export function readBlockTransactions(reader: Reader): BlockTransactions {
  return { kind: 'block-transactions', hash: reader.hash(), transactions: reader.longList(MAX_POSITIONS, PLACED_TRANSACTION) }
}

/** What each named transaction takes in memory while its bytes are not here: a place in a table, by a text of its id. */
const NAMED_COST_BYTES = 256

/** What it weighs while it is kept, without the transactions that are found for it. */
export function heldCompactBytes({ transactions, evidence, lastCertificate }: CompactPrePrepare): number {
  let bytes = signatureBytesOf(lastCertificate) + NAMED_COST_BYTES * transactions.length
  for (const each of evidence) bytes += each.length + 4
  for (const named of transactions) if ('bytes' in named) bytes += named.bytes.length + 4
  return bytes
}
