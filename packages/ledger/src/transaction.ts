/**
 * Transactions (ledger.md §2): canonical bytes, one signature scheme, consecutive nonces per account from 0. The chain id
 * and the expiry height are signed, so a transaction belongs to one chain and does not stay valid for ever. The id covers
 * the signature too: the bytes are what is ordered.
 */
import {
  concatBytes,
  decode,
  EMPTY_BYTES,
  encode,
  HASH_BYTES,
  type Hash,
  PUBLIC_KEY_BYTES,
  type PublicKey,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  SIGNATURE_BYTES,
  type Signature,
  useEncoded,
  type Writer,
} from '@aethel/codec'
import { type BlobRef, readBlobRef, writeBlobRef } from '@aethel/consensus'
import { domainTag } from '@aethel/crypto'
import { MAX_KIND_BYTES } from './records.js'
import { readUpdate, type UpdateValidators, writeUpdate } from './validators.js'

export const TRANSACTION_VERSION = 1
/** Upper bounds of the format; a chain's own limits are at most these. Together below consensus' MAX_TRANSACTION_BYTES. */
export const MAX_CLAIM_BYTES: number = 3 * 1024 * 1024
export const MAX_PROOF_BYTES: number = 4 * 1024 * 1024
/** Proofs up to this always travel in their transaction; larger ones may, up to the chain's `maxProofBytes`, or as blobs. */
export const INLINE_PROOF_BYTES: number = 64 * 1024
export const MAX_NOTE_BYTES = 1024
export const MAX_TITLE_BYTES = 256
export const MAX_TOOLCHAIN_BYTES = 128

/** What the submitter says about a proof. Nobody checks it; the network vouches for the claim only. */
export interface ProofMetadata {
  readonly title: string
  /** SHA-256 of the source the claim was made from, as the submitter says. */
  readonly sourceDigest: Hash | null
  readonly toolchain: string
}

export interface SubmitProof {
  readonly type: 'submit-proof'
  readonly kind: string
  /** Canonical claim bytes of the kind. */
  readonly claim: Uint8Array
  /** Empty if it travels as a blob. */
  readonly proof: Uint8Array
  /** Left out: the proof is in the transaction. */
  readonly blob?: BlobRef
  readonly metadata: ProofMetadata | null
}

/** Anchors bytes in the chain, by the header's transactionsRoot; in the state it only moves the sender's nonce on. */
export interface Note {
  readonly type: 'note'
  readonly data: Uint8Array
}

export type Action = SubmitProof | Note | UpdateValidators

export interface UnsignedTransaction {
  readonly chainId: Hash
  /** The account: an Ed25519 public key. It exists as soon as it signs. */
  readonly sender: PublicKey
  readonly nonce: number
  /** Last height of a block that may hold it. */
  readonly expiryHeight: number
  /** The most gas its proof may cost. */
  readonly gasLimit: number
  /** In micro-units; 0 until the chain has an economy. */
  readonly fee: bigint
  readonly action: Action
}

export interface SignedTransaction extends UnsignedTransaction {
  readonly signature: Signature
}

/** Submitting a proof has two forms: with the proof, and with a reference to a blob. */
const ACTION = { 'submit-proof': 1, note: 2, 'update-validators': 3, 'submit-blob': 4 } as const

function writeAction(writer: Writer, action: Action): void {
  const { blob } = action.type === 'submit-proof' ? action : {}
  writer.u8(blob === undefined ? ACTION[action.type] : ACTION['submit-blob'])
  switch (action.type) {
    case 'submit-proof':
      writer.text(action.kind).bytes(action.claim)
      if (blob === undefined) writer.bytes(action.proof)
      else writeBlobRef(writer, blob)
      writer.optional(action.metadata, (w, metadata) => {
        w.text(metadata.title)
          .optional(metadata.sourceDigest, (ww, digest) => ww.raw(digest))
          .text(metadata.toolchain)
      })
      return
    case 'note':
      writer.bytes(action.data)
      return
    case 'update-validators':
      return writeUpdate(writer, action)
  }
}

function readAction(reader: Reader): Action {
  const tag = reader.u8()
  switch (tag) {
    case ACTION['submit-proof']:
      return {
        type: 'submit-proof',
        kind: reader.text(MAX_KIND_BYTES),
        claim: reader.bytes(MAX_CLAIM_BYTES),
        proof: reader.viewOfBytes(MAX_PROOF_BYTES), // the claim outlives the transaction, the proof does not
        metadata: readMetadata(reader),
      }
    case ACTION['submit-blob']:
      return {
        type: 'submit-proof',
        kind: reader.text(MAX_KIND_BYTES),
        claim: reader.bytes(MAX_CLAIM_BYTES),
        proof: EMPTY_BYTES,
        blob: readBlobRef(reader),
        metadata: readMetadata(reader),
      }
    case ACTION.note:
      return { type: 'note', data: reader.bytes(MAX_NOTE_BYTES) }
    case ACTION['update-validators']:
      return readUpdate(reader)
    default:
      return reader.fail(
        'action',
        `expected action 1 (submit-proof), 2 (note), 3 (update-validators) or 4 (submit-proof, as a blob), got ${tag}`,
      )
  }
}

function readMetadata(reader: Reader): ProofMetadata | null {
  return reader.optional((r) => ({
    title: r.text(MAX_TITLE_BYTES),
    sourceDigest: r.optional((rr) => rr.hash()),
    toolchain: r.text(MAX_TOOLCHAIN_BYTES),
  }))
}

function encodeUnsigned(transaction: UnsignedTransaction): Uint8Array {
  return encode((writer) => {
    writer.u8(TRANSACTION_VERSION).raw(transaction.chainId).raw(transaction.sender).u64(transaction.nonce)
    writer.u64(transaction.expiryHeight).u64(transaction.gasLimit).u128(transaction.fee)
    writeAction(writer, transaction.action)
  })
}

const SIGNATURE_DOMAIN = 'aethel/transaction-signature/v1'

/** The bytes the sender signs: domain tag, then everything but the signature. */
export function transactionSigningBytes(transaction: UnsignedTransaction): Uint8Array {
  return concatBytes(domainTag(SIGNATURE_DOMAIN), encodeUnsigned(transaction))
}

/** What `use` makes of the same bytes, taken from a signed transaction's canonical ones; they are gone afterwards. */
export function useSigningBytes<T>(bytes: Uint8Array, use: (message: Uint8Array) => T): T {
  return useEncoded((writer) => writer.raw(domainTag(SIGNATURE_DOMAIN)).raw(bytes.subarray(0, bytes.length - SIGNATURE_BYTES)), use)
}

export interface TransactionFields {
  readonly chainId: Hash
  readonly sender: PublicKey
  readonly nonce: number
  readonly action: Action
  readonly expiryHeight?: number
  readonly gasLimit?: number
}

/** Fills in what most senders leave alone: no expiry, no gas limit of their own, no fee. */
export function buildTransaction(fields: TransactionFields): UnsignedTransaction {
  return {
    chainId: fields.chainId,
    sender: fields.sender,
    nonce: fields.nonce,
    expiryHeight: fields.expiryHeight ?? Number.MAX_SAFE_INTEGER,
    gasLimit: fields.gasLimit ?? Number.MAX_SAFE_INTEGER,
    fee: 0n,
    action: fields.action,
  }
}

/** Signs with the sender's key: `key.publicKey` must be `transaction.sender`, else every validator refuses it. */
export function signTransaction(transaction: UnsignedTransaction, key: { sign(message: Uint8Array): Signature }): SignedTransaction {
  return { ...transaction, signature: key.sign(transactionSigningBytes(transaction)) }
}

export function encodeTransaction(transaction: SignedTransaction): Uint8Array {
  return concatBytes(encodeUnsigned(transaction), transaction.signature)
}

/** Canonical parse only; signature and rules are the ledger's. */
export function decodeTransaction(bytes: Uint8Array): Result<SignedTransaction, Refusal> {
  return decode(bytes, (reader) => {
    const version = reader.u8()
    if (version !== TRANSACTION_VERSION) reader.fail('version', `expected transaction version ${TRANSACTION_VERSION}, got ${version}`)
    return {
      chainId: reader.hash(),
      sender: reader.publicKey(),
      nonce: reader.u64(),
      expiryHeight: reader.u64(),
      gasLimit: reader.u64(),
      fee: reader.u128(),
      action: readAction(reader),
      signature: reader.signature(),
    }
  })
}

const BEGINNING_BYTES: number = 1 + HASH_BYTES + PUBLIC_KEY_BYTES + 8

/** Whose turn bytes claim to be, were they a transaction: the rest is not read. Undefined: they are none. */
export function beginningOf(bytes: Uint8Array): { readonly sender: PublicKey; readonly nonce: number } | undefined {
  if (bytes.length < BEGINNING_BYTES || bytes[0] !== TRANSACTION_VERSION) return undefined
  const beginning = decode(bytes.subarray(1 + HASH_BYTES, BEGINNING_BYTES), (reader) => ({
    sender: reader.publicKey(),
    nonce: reader.u64(),
  }))
  return beginning.ok ? beginning.value : undefined
}

/** The size bounds that `decodeTransaction` enforces, for a clear message before anything is signed. */
export function checkAction(action: Action): Result<Action, Refusal> {
  const round = decode(
    encode((writer) => writeAction(writer, action)),
    readAction,
  )
  return round.ok ? round : refuse(round.error.code, `the action cannot be sent: ${round.error.message}`)
}
