/**
 * What the state holds: paths and canonical values. A claim record says what was agreed about a claim and is all that a
 * receipt has to prove; the claim itself is bound by its id, which is a hash of its kind and its bytes.
 */
import {
  assert,
  concatBytes,
  decode,
  encode,
  type Hash,
  type Height,
  height,
  type PublicKey,
  type Reader,
  type Refusal,
  type Result,
  utf8,
  Writer,
} from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { claimIdOf } from '@aethel/proofs'

export { claimIdOf }

/** Bounds on names, in bytes of UTF-8. */
export const MAX_KIND_BYTES = 64
export const MAX_LIBRARY_NAME_BYTES = 64
export const MAX_LABEL_BYTES = 256
/** Axioms a library may have: set.mm has about 3,000. */
export const MAX_LIBRARY_AXIOMS = 65_536

const RECORD_VERSION = 1
const STATUS_VALID = 1
/** Room for a record with short names, so that its writer need not grow. */
const RECORD_CAPACITY = 384

const ACCOUNT_PREFIX = utf8('account/')
const CLAIM_PREFIX = utf8('claim/')
const OFFENCE_PREFIX = utf8('offence/')

/** account/<32 bytes of Ed25519 key> */
export function accountPath(account: PublicKey): Uint8Array {
  return concatBytes(ACCOUNT_PREFIX, account)
}

/** claim/<32 bytes of claimId> */
export function claimPath(claimId: Hash): Uint8Array {
  return concatBytes(CLAIM_PREFIX, claimId)
}

/** library/<name> */
export function libraryPath(name: string): Uint8Array {
  return utf8(`library/${name}`)
}

/** Path of a label in a library's own map. */
export function labelPath(label: string): Uint8Array {
  return utf8(label)
}

/** offence/<32 bytes of the validator's Ed25519 key> */
export function offencePath(validator: PublicKey): Uint8Array {
  return concatBytes(OFFENCE_PREFIX, validator)
}

export const PARAMETERS_PATH: Uint8Array = utf8('parameters')

export interface AccountRecord {
  /** Of the account's next transaction: 0 for one never seen. */
  readonly nonce: number
}

/** A theorem's place in a library, and what it rests on. */
export interface LibraryPlace {
  readonly name: string
  /** Digest of the library's definition: names its axioms. */
  readonly digest: Hash
  readonly label: string
  /** Positions of the axioms it depends on, directly or through what it cites, in the definition's list; ascending. */
  readonly axioms: readonly number[]
}

export interface ClaimRecord {
  readonly status: 'valid'
  readonly kind: string
  /** H(kind, canonical claim bytes). */
  readonly claimId: Hash
  /** Of the proof that was checked: H(proof bytes), or the root of the blob that it was (protocol.md §9). */
  readonly proofHash: Hash
  readonly proofBytes: number
  /** What checking it cost: the claim's difficulty. */
  readonly gas: number
  /** Block that finalised it, and that block's agreed time. */
  readonly height: Height
  readonly timestampMs: number
  readonly transactionId: Hash
  readonly sender: PublicKey
  /** Null for kinds whose claims stand alone. */
  readonly library: LibraryPlace | null
}

export interface LibraryRecord {
  readonly digest: Hash
  readonly axioms: number
  readonly theorems: number
  /** Root of the map label -> claimId, axioms included. */
  readonly root: Hash
}

/** Identifies proof bytes in records and verdicts. */
export function proofHashOf(proof: Uint8Array): Hash {
  return hashTagged('aethel/proof/v1', proof)
}

/** Unsigned LEB128, shortest form only: axiom positions are many and small. */
function writeVarint(writer: Writer, value: number): void {
  let rest = value
  while (rest >= 0x80) {
    writer.u8((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  writer.u8(rest)
}

function readVarint(reader: Reader): number {
  let value = 0
  for (let shift = 0; shift <= 14; shift += 7) {
    const byte = reader.u8()
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      if (byte === 0 && shift > 0) reader.fail('varint', 'expected the shortest form of an integer')
      return value
    }
  }
  return reader.fail('varint', 'expected an integer of at most 21 bits')
}

/** u32 count, then each position as the distance from the one before, minus one: strictly ascending by construction. */
function writeAxioms(writer: Writer, axioms: readonly number[]): void {
  writer.u32(axioms.length)
  let next = 0
  for (const axiom of axioms) {
    assert(axiom >= next && axiom < MAX_LIBRARY_AXIOMS, 'axiom positions must ascend')
    writeVarint(writer, axiom - next)
    next = axiom + 1
  }
}

function readAxioms(reader: Reader): number[] {
  const count = reader.u32()
  if (count > MAX_LIBRARY_AXIOMS) reader.fail('too-many', `expected at most ${MAX_LIBRARY_AXIOMS} axioms, got ${count}`)
  const axioms: number[] = []
  let next = 0
  for (let i = 0; i < count; i++) {
    const axiom = next + readVarint(reader)
    if (axiom >= MAX_LIBRARY_AXIOMS) reader.fail('range', `expected an axiom position below ${MAX_LIBRARY_AXIOMS}, got ${axiom}`)
    axioms.push(axiom)
    next = axiom + 1
  }
  return axioms
}

export function encodeClaimRecord(record: ClaimRecord): Uint8Array {
  const writer = new Writer(RECORD_CAPACITY + 2 * (record.library?.axioms.length ?? 0))
  writer.u8(RECORD_VERSION).u8(STATUS_VALID).text(record.kind).raw(record.claimId).raw(record.proofHash).u32(record.proofBytes)
  writer.u64(record.gas).u64(record.height).u64(record.timestampMs).raw(record.transactionId).raw(record.sender)
  writer.optional(record.library, (w, place) => {
    w.text(place.name).raw(place.digest).text(place.label)
    writeAxioms(w, place.axioms)
  })
  return writer.finish()
}

export function readClaimRecord(reader: Reader): ClaimRecord {
  readVersion(reader)
  const status = reader.u8()
  if (status !== STATUS_VALID) reader.fail('claim-status', `expected claim status ${STATUS_VALID} (valid), got ${status}`)
  return {
    status: 'valid',
    kind: reader.text(MAX_KIND_BYTES),
    claimId: reader.hash(),
    proofHash: reader.hash(),
    proofBytes: reader.u32(),
    gas: reader.u64(),
    height: height(reader.u64()),
    timestampMs: reader.u64(),
    transactionId: reader.hash(),
    sender: reader.publicKey(),
    library: reader.optional((r) => ({
      name: r.text(MAX_LIBRARY_NAME_BYTES),
      digest: r.hash(),
      label: r.text(MAX_LABEL_BYTES),
      axioms: readAxioms(r),
    })),
  }
}

function readVersion(reader: Reader): void {
  const version = reader.u8()
  if (version !== RECORD_VERSION) reader.fail('version', `expected record version ${RECORD_VERSION}, got ${version}`)
}

export function decodeClaimRecord(bytes: Uint8Array): Result<ClaimRecord, Refusal> {
  return decode(bytes, readClaimRecord)
}

export function encodeAccountRecord(record: AccountRecord): Uint8Array {
  return encode((writer) => writer.u8(RECORD_VERSION).u64(record.nonce))
}

export function decodeAccountRecord(bytes: Uint8Array): Result<AccountRecord, Refusal> {
  return decode(bytes, (reader) => {
    readVersion(reader)
    return { nonce: reader.u64() }
  })
}

export function encodeLibraryRecord(record: LibraryRecord): Uint8Array {
  return encode((writer) => writer.u8(RECORD_VERSION).raw(record.digest).u32(record.axioms).u32(record.theorems).raw(record.root))
}

export function decodeLibraryRecord(bytes: Uint8Array): Result<LibraryRecord, Refusal> {
  return decode(bytes, (reader) => {
    readVersion(reader)
    return { digest: reader.hash(), axioms: reader.u32(), theorems: reader.u32(), root: reader.hash() }
  })
}
