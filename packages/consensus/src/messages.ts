/**
 * The messages of the protocol (protocol.md §3) and their canonical bytes. Votes, VIEW-CHANGE, NEW-VIEW and STATUS are
 * signed; FETCH, BLOCKS and BLOCK need no signature of their own, because what they carry is proven by hashes and
 * certificates and the channel names the peer.
 */
import {
  type Bitmap,
  decode,
  type Epoch,
  encode,
  epoch,
  type Hash,
  type Height,
  height,
  type Reader,
  type Refusal,
  type Result,
  readBitmap,
  type Signature,
  type ValidatorIndex,
  type View,
  validatorIndex,
  view,
  type Writer,
  writeBitmap,
} from '@aethel/codec'
import { domainTag, hashEncoded } from '@aethel/crypto'
import {
  type Block,
  type Header,
  MAX_BLOCK_TRANSACTIONS,
  MAX_EVIDENCE_BYTES,
  readHeader,
  readUnboundBlock,
  writeBlock,
  writeHeader,
} from './block.js'
import { type Ballot, type Certificate, readBallot, readCertificate, type Vote, writeBallot, writeCertificate } from './certificate.js'
import type { Complaint } from './interface.js'
import { MAX_VALIDATORS } from './validators.js'

/** The signature is the leader's PREPARE vote on (view, height, block hash). */
export interface PrePrepare {
  readonly kind: 'pre-prepare'
  readonly epoch: Epoch
  readonly view: View
  readonly block: Block
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

export interface VoteMessage {
  readonly kind: 'vote'
  readonly vote: Vote
}

/** The signed part of a VIEW-CHANGE; NEW-VIEW lists these. */
export interface ViewChangeEntry {
  readonly epoch: Epoch
  readonly newView: View
  /** What the sender's highest certificate is about; null before the first. */
  readonly highest: Ballot | null
  readonly committedHeight: Height
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

export interface ViewChange {
  readonly kind: 'view-change'
  readonly entry: ViewChangeEntry
  /** The certificate for `entry.highest`. */
  readonly certificate: Certificate | null
}

export interface NewView {
  readonly kind: 'new-view'
  readonly epoch: Epoch
  readonly newView: View
  /** A quorum, ascending by sender. */
  readonly viewChanges: readonly ViewChangeEntry[]
  /** The highest certificate among them. */
  readonly certificate: Certificate | null
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

export interface StatusSlot {
  readonly height: Height
  /** Hash of the block accepted at this height in `view`, if any. */
  readonly accepted: Hash | null
  /** Whose PREPAREs and COMMITs of `view` are held. */
  readonly prepares: Bitmap
  readonly commits: Bitmap
}

export interface Status {
  readonly kind: 'status'
  readonly epoch: Epoch
  readonly view: View
  readonly phase: 'active' | 'changing'
  readonly committedHeight: Height
  readonly slots: readonly StatusSlot[]
  /** About the leader of `view`. */
  readonly complaint: Complaint | null
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

/** Asks for committed blocks from a height on, for one uncommitted block by hash, or for the peer's view (§7, recovery). */
export type Fetch =
  | { readonly kind: 'fetch'; readonly want: 'committed'; readonly from: Height }
  | { readonly kind: 'fetch'; readonly want: 'block'; readonly hash: Hash }
  | { readonly kind: 'fetch'; readonly want: 'view'; readonly nonce: Hash }

/** The view that the sender is in or asks for, durably, said after it was asked with this nonce. */
export interface ViewClaim {
  readonly kind: 'view-claim'
  readonly epoch: Epoch
  readonly view: View
  readonly nonce: Hash
  readonly sender: ValidatorIndex
  readonly signature: Signature
}

/**
 * Committed blocks: consecutive `blocks`, then the headers `links` that lead from the last block to the one that
 * `certificate` certifies (none if it is the last block itself).
 */
export interface Blocks {
  readonly kind: 'blocks'
  readonly blocks: readonly Block[]
  readonly links: readonly Header[]
  readonly certificate: Certificate
}

export interface BlockMessage {
  readonly kind: 'block'
  readonly block: Block
}

/** Canonical evidence (protocol.md §11); it proves itself. */
export interface EvidenceMessage {
  readonly kind: 'evidence'
  readonly evidence: Uint8Array
}

export type Message = PrePrepare | VoteMessage | ViewChange | NewView | Status | Fetch | Blocks | BlockMessage | ViewClaim | EvidenceMessage

/** Heights a STATUS may describe, and links a BLOCKS may carry: at least twice any sensible window. */
export const MAX_STATUS_SLOTS = 256
export const MAX_LINKS = 256
export const MAX_SYNC_BLOCKS = 1024
/**
 * Transactions of all blocks of one BLOCKS: those of the largest block. Each is hashed once the certificate is found good, and
 * each is an object of its own before that; a frame has room for three million of a byte each (trap E6).
 */
export const MAX_SYNC_TRANSACTIONS: number = MAX_BLOCK_TRANSACTIONS

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
  evidence: 20,
} as const
const WANT = { block: 0, committed: 1, view: 2 } as const

export function writeVote(writer: Writer, vote: Vote): void {
  writeBallot(writer, vote)
  writer.u16(vote.sender).raw(vote.signature)
}

export function readVote(reader: Reader): Vote {
  return { ...readBallot(reader), sender: validatorIndex(reader.u16()), signature: reader.signature() }
}

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
    viewChanges: reader.list(MAX_VALIDATORS, readViewChangeEntry),
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

function readStatus(reader: Reader): Status {
  return {
    kind: 'status',
    epoch: epoch(reader.u64()),
    view: view(reader.u64()),
    phase: reader.bool() ? 'active' : 'changing',
    committedHeight: height(reader.u64()),
    slots: reader.list(MAX_STATUS_SLOTS, (r) => ({
      height: height(r.u64()),
      accepted: r.optional((rr) => rr.hash()),
      prepares: readBitmap(r),
      commits: readBitmap(r),
    })),
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
    default:
      return reader.fail('fetch-kind', `expected a wish 0 (block), 1 (committed) or 2 (view), got ${want}`)
  }
}

export function writeMessage(writer: Writer, message: Message): void {
  writer.u8(TAG[message.kind])
  switch (message.kind) {
    case 'pre-prepare':
      writer.u64(message.epoch).u64(message.view).u16(message.sender).raw(message.signature)
      writeBlock(writer, message.block)
      return
    case 'vote':
      return writeVote(writer, message.vote)
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
      writer.u8(WANT[message.want])
      if (message.want === 'committed') writer.u64(message.from)
      else writer.raw(message.want === 'block' ? message.hash : message.nonce)
      return
    case 'blocks':
      writer.list(message.blocks, writeBlock).list(message.links, writeHeader)
      writeCertificate(writer, message.certificate)
      return
    case 'block':
      return writeBlock(writer, message.block)
    case 'view-claim':
      writer.u64(message.epoch).u64(message.view).raw(message.nonce).u16(message.sender).raw(message.signature)
      return
    case 'evidence':
      writer.bytes(message.evidence)
      return
  }
}

function readSyncBlocks(reader: Reader): Block[] {
  let transactions = 0
  return reader.list(MAX_SYNC_BLOCKS, (r) => {
    const block = readUnboundBlock(r)
    transactions += block.body.transactions.length
    if (transactions > MAX_SYNC_TRANSACTIONS)
      r.fail('too-many', `expected at most ${MAX_SYNC_TRANSACTIONS} transactions in all blocks of a BLOCKS, got ${transactions}`)
    return block
  })
}

export function readMessage(reader: Reader): Message {
  const tag = reader.u8()
  switch (tag) {
    case TAG['pre-prepare']: {
      const head = {
        epoch: epoch(reader.u64()),
        view: view(reader.u64()),
        sender: validatorIndex(reader.u16()),
        signature: reader.signature(),
      }
      return { kind: 'pre-prepare', ...head, block: readUnboundBlock(reader) }
    }
    case TAG.vote:
      return { kind: 'vote', vote: readVote(reader) }
    case TAG['view-change']:
      return { kind: 'view-change', entry: readViewChangeEntry(reader), certificate: reader.optional(readCertificate) }
    case TAG['new-view']:
      return readNewView(reader)
    case TAG.status:
      return readStatus(reader)
    case TAG.fetch:
      return readFetch(reader)
    case TAG.blocks:
      return {
        kind: 'blocks',
        blocks: readSyncBlocks(reader),
        links: reader.list(MAX_LINKS, readHeader),
        certificate: readCertificate(reader),
      }
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
    case TAG.evidence:
      return { kind: 'evidence', evidence: reader.bytes(MAX_EVIDENCE_BYTES) }
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
