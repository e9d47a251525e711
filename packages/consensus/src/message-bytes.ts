/** Canonical bytes of the protocol's messages: what is signed of them, and how they go over the wire (protocol.md §3). */
import {
  assert,
  BYTES_COST,
  decode,
  encode,
  epoch,
  type Hash,
  height,
  type ItemOf,
  type Reader,
  type Refusal,
  type Result,
  readBitmap,
  validatorIndex,
  view,
  type Writer,
  writeBitmap,
} from '@aethel/codec'
import { domainTag, hashEncoded } from '@aethel/crypto'
import { BLOB_CHUNK_BYTES, blobChunks, MAX_BLOB_BYTES, MAX_BLOB_PATH, readBlobRef, writeBlobRef } from './blob.js'
import { HEADER, MAX_EVIDENCE_BYTES, readUnboundBlock, UNBOUND_BLOCK, writeBlock, writeHeader } from './block.js'
import { readAggregate, readBallot, readCertificate, type Vote, writeBallot, writeCertificate } from './certificate.js'
import {
  readBlockTransactions,
  readCompactPrePrepare,
  readPositions,
  writeBlockTransactions,
  writeCompactPrePrepare,
  writePositions,
} from './compact.js'
import type { Complaint } from './interface.js'
import {
  type Blocks,
  type ChunkMessage,
  type Fetch,
  MAX_BLOBS_TOLD,
  MAX_LINKS,
  MAX_STATUS_SLOTS,
  MAX_SYNC_BLOCKS,
  MAX_SYNC_TRANSACTIONS,
  type Message,
  type NewView,
  type PrePrepare,
  type Status,
  type StatusSlot,
  type ViewChangeEntry,
  type ViewClaim,
} from './messages.js'
import { MAX_CHUNK_BYTES, MAX_CURSOR_BYTES, readOffer, writeOffer } from './snapshot.js'
import { MAX_VALIDATORS } from './validators.js'

const MAX_BLOB_INDEX: number = blobChunks(MAX_BLOB_BYTES)

// --- signed bytes -------------------------------------------------------------------------------------------------

export function viewChangeBytes(chainId: Hash, entry: Omit<ViewChangeEntry, 'signature'>): Uint8Array {
  return encode((writer) => {
    writer.raw(domainTag('aethel/view-change/v1')).raw(chainId)
    writeViewChangeFields(writer, entry)
  })
}

function writeViewChangeFields(writer: Writer, entry: Omit<ViewChangeEntry, 'signature'>): void {
  writer.u64(entry.epoch).u64(entry.newView).optional(entry.highest, writeBallot).u64(entry.committedHeight).u16(entry.sender)
}

export function newViewBytes(chainId: Hash, message: Omit<NewView, 'signature'>): Uint8Array {
  const rest = hashEncoded('aethel/new-view-rest/v1', (writer) => {
    writer.list(message.viewChanges, writeViewChangeEntry).optional(message.certificate, writeCertificate)
  })
  return encode((writer) => {
    writer.raw(domainTag('aethel/new-view/v1')).raw(chainId).u64(message.epoch).u64(message.newView).u16(message.sender)
    writer.raw(rest)
  })
}

export function statusBytes(chainId: Hash, message: Omit<Status, 'signature'>): Uint8Array {
  return encode((writer) => {
    writer.raw(domainTag('aethel/status/v1')).raw(chainId)
    writeStatusFields(writer, message)
  })
}

export function viewClaimBytes(chainId: Hash, claim: Omit<ViewClaim, 'signature'>): Uint8Array {
  return encode((writer) => {
    writer.raw(domainTag('aethel/view-claim/v1')).raw(chainId)
    writer.u64(claim.epoch).u64(claim.view).raw(claim.nonce).u16(claim.sender)
  })
}

// --- wire ---------------------------------------------------------------------------------------------------------

const TAG = {
  'pre-prepare': 1,
  vote: 2,
  'view-change': 3,
  'new-view': 4,
  status: 5,
  fetch: 6,
  blocks: 7,
  block: 8,
  'view-claim': 9,
  /** BLOCKS with the gas of their proofs: the same message, whose last field is there. */
  blocksWithGas: 10,
  snapshot: 11,
  chunk: 12,
  'blob-part': 13,
  'blob-held': 14,
  'blob-absent': 15,
  /** PRE-PREPARE of a chain of BLS certificates: the same message, with the share. */
  prePrepareWithShare: 16,
  /** PREPARE and COMMIT alike. */
  voteWithShare: 17,
  evidence: 20,
  'compact-pre-prepare': 21,
  compactPrePrepareWithShare: 22,
  'block-transactions': 23,
  certificate: 24,
  sum: 25,
} as const
const WANT = { block: 0, committed: 1, view: 2, snapshot: 3, chunk: 4, blob: 5, transactions: 6 } as const

export function writeVote(writer: Writer, vote: Vote): void {
  writeBallot(writer, vote)
  writer.u16(vote.sender).raw(vote.signature)
}

export function readVote(reader: Reader): Vote {
  return { ...readBallot(reader), sender: validatorIndex(reader.u16()), signature: reader.signature() }
}

/** In a list: two arrays, and an object with numbers beyond 31 bits. */
export const VOTE: ItemOf<Vote> = { read: readVote, costBytes: () => 576, onceRead: 'kept' }

/** A vote of a chain of BLS certificates: the same, with the share. */
export function writeVoteWithShare(writer: Writer, vote: Vote): void {
  assert(vote.share !== undefined, 'a vote of a chain of BLS certificates has a share')
  writeVote(writer, vote)
  writer.raw(vote.share)
}

export function readVoteWithShare(reader: Reader): Vote {
  return { ...readVote(reader), share: reader.blsSignature() }
}

export const VOTE_WITH_SHARE: ItemOf<Vote> = { read: readVoteWithShare, costBytes: () => 576 + BYTES_COST, onceRead: 'kept' }

export function writeViewChangeEntry(writer: Writer, entry: ViewChangeEntry): void {
  writeViewChangeFields(writer, entry)
  writer.raw(entry.signature)
}

export function readViewChangeEntry(reader: Reader): ViewChangeEntry {
  return {
    epoch: epoch(reader.u64()),
    newView: view(reader.u64()),
    highest: reader.optional(readBallot),
    committedHeight: height(reader.u64()),
    sender: validatorIndex(reader.u16()),
    signature: reader.signature(),
  }
}

/** At least: a signature, and what else is in the object; with a certificate's ballot a hash and another object. */
export const VIEW_CHANGE_ENTRY: ItemOf<ViewChangeEntry> = {
  read: readViewChangeEntry,
  costBytes: ({ highest }) => (highest === null ? 336 : 656),
  onceRead: 'kept',
}

function writeNewView(writer: Writer, message: NewView): void {
  writer.u64(message.epoch).u64(message.newView)
  writer.list(message.viewChanges, writeViewChangeEntry).optional(message.certificate, writeCertificate)
  writer.u16(message.sender).raw(message.signature)
}

function readNewView(reader: Reader): NewView {
  return {
    kind: 'new-view',
    epoch: epoch(reader.u64()),
    newView: view(reader.u64()),
    viewChanges: reader.longList(MAX_VALIDATORS, VIEW_CHANGE_ENTRY),
    certificate: reader.optional(readCertificate),
    sender: validatorIndex(reader.u16()),
    signature: reader.signature(),
  }
}

function writeStatusFields(writer: Writer, message: Omit<Status, 'signature'>): void {
  writer
    .u64(message.epoch)
    .u64(message.view)
    .bool(message.phase === 'active')
    .u64(message.committedHeight)
  writer.list(message.slots, (w, slot) => {
    w.u64(slot.height).optional(slot.accepted, (ww, accepted) => ww.raw(accepted))
    writeBitmap(w, slot.prepares)
    writeBitmap(w, slot.commits)
  })
  writer.u8(message.complaint === null ? 0 : COMPLAINTS.indexOf(message.complaint) + 1).u16(message.sender)
}

/** On the wire: the position plus one; 0 is none. */
const COMPLAINTS: readonly Complaint[] = ['slow-leader', 'starved-transaction']

function readComplaint(reader: Reader): Complaint | null {
  const code = reader.u8()
  if (code === 0) return null
  return COMPLAINTS[code - 1] ?? reader.fail('complaint', `expected a complaint of 0..${COMPLAINTS.length}, got ${code}`)
}

const STATUS_SLOT: ItemOf<StatusSlot> = {
  read: (reader) => ({
    height: height(reader.u64()),
    accepted: reader.optional((r) => r.hash()),
    prepares: readBitmap(reader),
    commits: readBitmap(reader),
  }),
  costBytes: ({ accepted }) => (accepted === null ? 3 : 4) * BYTES_COST,
  onceRead: 'kept',
}

function readStatus(reader: Reader): Status {
  return {
    kind: 'status',
    epoch: epoch(reader.u64()),
    view: view(reader.u64()),
    phase: reader.bool() ? 'active' : 'changing',
    committedHeight: height(reader.u64()),
    slots: reader.longList(MAX_STATUS_SLOTS, STATUS_SLOT),
    complaint: readComplaint(reader),
    sender: validatorIndex(reader.u16()),
    signature: reader.signature(),
  }
}

function readFetch(reader: Reader): Fetch {
  const want = reader.u8()
  switch (want) {
    case WANT.block:
      return { kind: 'fetch', want: 'block', hash: reader.hash() }
    case WANT.committed:
      return { kind: 'fetch', want: 'committed', from: height(reader.u64()) }
    case WANT.view:
      return { kind: 'fetch', want: 'view', nonce: reader.hash() }
    case WANT.snapshot:
      return { kind: 'fetch', want: 'snapshot', epoch: epoch(reader.u64()) }
    case WANT.chunk:
      return { kind: 'fetch', want: 'chunk', ...readPlace(reader) }
    case WANT.blob:
      return { kind: 'fetch', want: 'blob', blob: readBlobRef(reader), index: readBlobIndex(reader) }
    case WANT.transactions:
      return { kind: 'fetch', want: 'transactions', hash: reader.hash(), positions: readPositions(reader) }
    default:
      return reader.fail(
        'fetch-kind',
        `expected a wish 0 (block), 1 (committed), 2 (view), 3 (snapshot), 4 (chunk), 5 (blob) or 6 (transactions), got ${want}`,
      )
  }
}

function writeFetch(writer: Writer, message: Fetch): void {
  writer.u8(WANT[message.want])
  switch (message.want) {
    case 'block':
      writer.raw(message.hash)
      return
    case 'committed':
      writer.u64(message.from)
      return
    case 'view':
      writer.raw(message.nonce)
      return
    case 'snapshot':
      writer.u64(message.epoch)
      return
    case 'chunk':
      return writePlace(writer, message)
    case 'blob':
      writeBlobRef(writer, message.blob)
      writer.u32(message.index)
      return
    case 'transactions':
      writer.raw(message.hash)
      return writePositions(writer, message.positions)
  }
}

function readBlobIndex(reader: Reader): number {
  const index = reader.u32()
  return index < MAX_BLOB_INDEX ? index : reader.fail('range', `expected a chunk below ${MAX_BLOB_INDEX}, got ${index}`)
}

function writePlace(writer: Writer, place: Pick<ChunkMessage, 'height' | 'lane' | 'cursor'>): void {
  writer.u64(place.height).u16(place.lane).bytes(place.cursor)
}

function readPlace(reader: Reader): Pick<ChunkMessage, 'height' | 'lane' | 'cursor'> {
  return { height: height(reader.u64()), lane: reader.u16(), cursor: reader.bytes(MAX_CURSOR_BYTES) }
}

function tagOf(message: Message): number {
  switch (message.kind) {
    case 'pre-prepare':
      return message.share === undefined ? TAG['pre-prepare'] : TAG.prePrepareWithShare
    case 'vote':
      return message.vote.share === undefined ? TAG.vote : TAG.voteWithShare
    case 'blocks':
      return message.gas === undefined ? TAG.blocks : TAG.blocksWithGas
    case 'compact-pre-prepare':
      return message.share === undefined ? TAG['compact-pre-prepare'] : TAG.compactPrePrepareWithShare
    default:
      return TAG[message.kind]
  }
}

export function writeMessage(writer: Writer, message: Message): void {
  writer.u8(tagOf(message))
  switch (message.kind) {
    case 'pre-prepare':
      writer.u64(message.epoch).u64(message.view).u16(message.sender).raw(message.signature)
      if (message.share !== undefined) writer.raw(message.share)
      writeBlock(writer, message.block)
      return
    case 'vote':
      return message.vote.share === undefined ? writeVote(writer, message.vote) : writeVoteWithShare(writer, message.vote)
    case 'view-change':
      writeViewChangeEntry(writer, message.entry)
      writer.optional(message.certificate, writeCertificate)
      return
    case 'new-view':
      return writeNewView(writer, message)
    case 'status':
      writeStatusFields(writer, message)
      writer.raw(message.signature)
      return
    case 'fetch':
      return writeFetch(writer, message)
    case 'snapshot':
      return writeOffer(writer, message.offer)
    case 'chunk':
      writePlace(writer, message)
      writer.bytes(message.chunk)
      return
    case 'blob-part': {
      const { index, path, chunk } = message.part
      writeBlobRef(writer, message.blob)
      writer
        .u32(index)
        .list(path, (w, hash) => w.raw(hash))
        .bytes(chunk)
      return
    }
    case 'blob-held':
      writer.list(message.blobs, writeBlobRef)
      return
    case 'blob-absent':
      return writeBlobRef(writer, message.blob)
    case 'blocks':
      writer.list(message.blocks, writeBlock).list(message.links, writeHeader)
      writeCertificate(writer, message.certificate)
      if (message.gas !== undefined) for (const each of message.gas) for (const gas of each) writer.u64(gas)
      return
    case 'block':
      return writeBlock(writer, message.block)
    case 'view-claim':
      writer.u64(message.epoch).u64(message.view).raw(message.nonce).u16(message.sender).raw(message.signature)
      return
    case 'evidence':
      writer.bytes(message.evidence)
      return
    case 'compact-pre-prepare':
      return writeCompactPrePrepare(writer, message)
    case 'block-transactions':
      return writeBlockTransactions(writer, message)
    case 'certificate':
      return writeCertificate(writer, message.certificate)
    case 'sum':
      return writeCertificate(writer, message.sum)
  }
}

/** And what follows, told how many transactions each block has. */
function readBlocks(reader: Reader, readGas?: (counts: readonly number[]) => number[][]): Blocks {
  const counts: number[] = []
  let transactions = 0
  const blocks = reader.longList(MAX_SYNC_BLOCKS, UNBOUND_BLOCK, ({ body }) => {
    counts.push(body.transactions.length)
    transactions += body.transactions.length
    if (transactions > MAX_SYNC_TRANSACTIONS)
      reader.fail('too-many', `expected at most ${MAX_SYNC_TRANSACTIONS} transactions in all blocks of a BLOCKS, got ${transactions}`)
  })
  const links = reader.longList(MAX_LINKS, HEADER)
  const certificate = readCertificate(reader)
  return { kind: 'blocks', blocks, links, certificate, ...(readGas === undefined ? {} : { gas: readGas(counts) }) }
}

/** As many numbers as the blocks have transactions, so no count of its own that could disagree. */
function readBlocksWithGas(reader: Reader): Blocks {
  return readBlocks(reader, (counts) => counts.map((count) => Array.from({ length: count }, () => reader.u64())))
}

function readProposalHead(reader: Reader): Pick<PrePrepare, 'epoch' | 'view' | 'sender' | 'signature'> {
  return {
    epoch: epoch(reader.u64()),
    view: view(reader.u64()),
    sender: validatorIndex(reader.u16()),
    signature: reader.signature(),
  }
}

export function readMessage(reader: Reader): Message {
  const tag = reader.u8()
  switch (tag) {
    case TAG['pre-prepare']:
      return { kind: 'pre-prepare', ...readProposalHead(reader), block: readUnboundBlock(reader) }
    case TAG.prePrepareWithShare:
      return { kind: 'pre-prepare', ...readProposalHead(reader), share: reader.blsSignature(), block: readUnboundBlock(reader) }
    case TAG.vote:
      return { kind: 'vote', vote: readVote(reader) }
    case TAG.voteWithShare:
      return { kind: 'vote', vote: readVoteWithShare(reader) }
    case TAG['view-change']:
      return { kind: 'view-change', entry: readViewChangeEntry(reader), certificate: reader.optional(readCertificate) }
    case TAG['new-view']:
      return readNewView(reader)
    case TAG.status:
      return readStatus(reader)
    case TAG.fetch:
      return readFetch(reader)
    case TAG.blocks:
      return readBlocks(reader)
    case TAG.blocksWithGas:
      return readBlocksWithGas(reader)
    case TAG.block:
      return { kind: 'block', block: readUnboundBlock(reader) }
    case TAG['view-claim']:
      return {
        kind: 'view-claim',
        epoch: epoch(reader.u64()),
        view: view(reader.u64()),
        nonce: reader.hash(),
        sender: validatorIndex(reader.u16()),
        signature: reader.signature(),
      }
    case TAG.snapshot:
      return { kind: 'snapshot', offer: readOffer(reader) }
    case TAG.chunk:
      return { kind: 'chunk', ...readPlace(reader), chunk: reader.bytes(MAX_CHUNK_BYTES) }
    case TAG['blob-part']: {
      const blob = readBlobRef(reader)
      const index = readBlobIndex(reader)
      const path = reader.list(MAX_BLOB_PATH, (r) => r.hash())
      return { kind: 'blob-part', blob, part: { index, path, chunk: reader.viewOfBytes(BLOB_CHUNK_BYTES) } }
    }
    case TAG['blob-held']:
      return { kind: 'blob-held', blobs: reader.list(MAX_BLOBS_TOLD, readBlobRef) }
    case TAG['blob-absent']:
      return { kind: 'blob-absent', blob: readBlobRef(reader) }
    case TAG.evidence:
      return { kind: 'evidence', evidence: reader.bytes(MAX_EVIDENCE_BYTES) }
    case TAG['compact-pre-prepare']:
      return readCompactPrePrepare(reader, 'without-share')
    case TAG.compactPrePrepareWithShare:
      return readCompactPrePrepare(reader, 'with-share')
    case TAG['block-transactions']:
      return readBlockTransactions(reader)
    case TAG.certificate:
      return { kind: 'certificate', certificate: readCertificate(reader) }
    case TAG.sum:
      return { kind: 'sum', sum: readAggregate(reader) }
    default:
      return reader.fail('message-kind', `expected a message tag ${Object.values(TAG).join(', ')}, got ${tag}`)
  }
}

export function encodeMessage(message: Message): Uint8Array {
  return encode((writer) => writeMessage(writer, message))
}

export function decodeMessage(bytes: Uint8Array): Result<Message, Refusal> {
  return decode(bytes, readMessage)
}
