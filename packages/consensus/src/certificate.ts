/**
 * Votes and certificates (protocol.md §3): a certificate is a quorum's signatures on one (epoch, view, height, block).
 * One type and one verifier; whoever receives a certificate with one bad, repeated, padded or out-of-range entry rejects
 * all of it (traps A2, A8). On a chain of BLS certificates each vote carries a share, and the shares add up to one signature.
 */
import {
  type Bitmap,
  BLS_SIGNATURE_BYTES,
  type BlsPublicKey,
  type BlsSignature,
  BYTES_COST,
  bitmapOf,
  concatBytes,
  type Epoch,
  encode,
  epoch,
  equalBytes,
  type Hash,
  type Height,
  height,
  type ItemOf,
  indicesOf,
  ok,
  type PublicKey,
  type Reader,
  type Refusal,
  type Result,
  readBitmap,
  refuse,
  SIGNATURE_BYTES,
  type Signature,
  type ValidatorIndex,
  type View,
  view,
  type Writer,
  writeBitmap,
} from '@aethel/codec'
import { domainTag, hashEncoded, verifyBls } from '@aethel/crypto'
import { isQuorum, MAX_VALIDATORS, powerOf, type SignatureScheme, type ValidatorSet } from './validators.js'

export type VoteKind = 'prepare' | 'commit'

/** What a vote or a certificate is about. */
export interface Ballot {
  readonly kind: VoteKind
  readonly epoch: Epoch
  readonly view: View
  readonly height: Height
  readonly blockHash: Hash
}

export interface Vote extends Ballot {
  readonly sender: ValidatorIndex
  /** Of `voteBytes`: it covers the share, too, so that nobody who passes the vote on can spoil it. */
  readonly signature: Signature
  /** The sender's part of a certificate, a BLS signature of `ballotBytes`; on chains of BLS certificates only. */
  readonly share?: BlsSignature
}

interface Signers extends Ballot {
  /** Size is the validator count of the epoch. */
  readonly signers: Bitmap
}

export interface SignatureList extends Signers {
  readonly scheme: 'ed25519'
  /** In signer order, one per set bit. */
  readonly signatures: readonly Signature[]
}

export interface Aggregate extends Signers {
  readonly scheme: 'bls12-381'
  /** The sum of the signers' shares. */
  readonly aggregate: BlsSignature
}

/** Genesis sets which of the two a chain uses. */
export type Certificate = SignatureList | Aggregate

/** Checks one signature; pure. Real chains pass Ed25519 (`@aethel/crypto`), the simulator may pass ideal signatures. */
export type VerifySignature = (publicKey: PublicKey, message: Uint8Array, signature: Signature) => boolean

/** Checks the sum of the signatures of one message by all of `keys`; pure. `verifyBls`, unless the simulator passes ideal ones. */
export type VerifyAggregate = (keys: readonly BlsPublicKey[], message: Uint8Array, aggregate: BlsSignature) => boolean

const VOTE_DOMAIN = 'aethel/vote/v1'

/** What a vote's sender signs: what the vote is about, followed by its share if it has one. */
export function voteBytes(chainId: Hash, vote: Ballot & Pick<Vote, 'share'>): Uint8Array {
  const bytes = ballotBytes(chainId, vote)
  return vote.share === undefined ? bytes : concatBytes(bytes, vote.share)
}

/** The bytes a vote is about, which a certificate's signatures sign: domain, chain, epoch, phase, view, height, block (traps A5, F3). Nobody may change them. */
export function ballotBytes(chainId: Hash, ballot: Ballot): Uint8Array {
  for (const written of lastWritten) if (isAbout(written, chainId, ballot)) return written.bytes
  const bytes = writeBallotBytes(chainId, ballot)
  const { kind, epoch: inEpoch, view: inView, height: at, blockHash } = ballot
  lastWritten[nextWritten++ % LAST_WRITTEN] = { chainId, kind, epoch: inEpoch, view: inView, height: at, blockHash, bytes }
  return bytes
}

/** Votes come in flocks, each for the same as the one before: the bytes of the last few ballots are kept. */
const LAST_WRITTEN = 4
const lastWritten: WrittenBallot[] = []
let nextWritten = 0

interface WrittenBallot extends Ballot {
  readonly chainId: Hash
  readonly bytes: Uint8Array
}

function isAbout(written: WrittenBallot, chainId: Hash, ballot: Ballot): boolean {
  return (
    written.height === ballot.height &&
    written.view === ballot.view &&
    written.kind === ballot.kind &&
    written.epoch === ballot.epoch &&
    (written.blockHash === ballot.blockHash || equalBytes(written.blockHash, ballot.blockHash)) &&
    (written.chainId === chainId || equalBytes(written.chainId, chainId))
  )
}

function writeBallotBytes(chainId: Hash, ballot: Ballot): Uint8Array {
  const tag = domainTag(VOTE_DOMAIN)
  const out = new Uint8Array(tag.length + 32 + 8 + 1 + 8 + 8 + 32)
  const data = new DataView(out.buffer)
  let at = tag.length
  out.set(tag)
  out.set(chainId, at)
  at += 32
  for (const value of [ballot.epoch, ballot.view, ballot.height]) {
    data.setUint32(at, Math.floor(value / 0x1_0000_0000))
    data.setUint32(at + 4, value % 0x1_0000_0000)
    at += 8
  }
  out[at] = ballot.kind === 'prepare' ? 1 : 2
  out.set(ballot.blockHash, at + 1)
  return out
}

/** Certificates of an epoch are ordered by (view, height); at equal rank a commit certificate says more (protocol.md §6). */
export function compareCertificates(a: Ballot, b: Ballot): number {
  return a.epoch - b.epoch || a.view - b.view || a.height - b.height || kindRank(a.kind) - kindRank(b.kind)
}

function kindRank(kind: VoteKind): number {
  return kind === 'commit' ? 1 : 0
}

/**
 * Assembles a certificate from votes for one ballot, one per sender, already verified; with the sum of their shares, if the
 * chain's certificates have that instead of signatures.
 */
export function assembleCertificate(
  ballot: Ballot,
  validatorCount: number,
  votes: readonly Vote[],
  aggregate?: BlsSignature | null,
): Certificate {
  const ordered = votes.toSorted((a, b) => a.sender - b.sender)
  const { kind, epoch: inEpoch, view: inView, height: at, blockHash } = ballot
  const signers = bitmapOf(
    validatorCount,
    ordered.map((vote) => vote.sender),
  )
  const about = { kind, epoch: inEpoch, view: inView, height: at, blockHash }
  return aggregate === undefined || aggregate === null
    ? { ...about, scheme: 'ed25519', signers, signatures: ordered.map((vote) => vote.signature) }
    : { ...about, scheme: 'bls12-381', signers, aggregate }
}

export interface CertificateContext {
  readonly chainId: Hash
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
  /** Of BLS certificates; `verifyBls` if left out. */
  readonly verifyAggregate?: VerifyAggregate
}

/** Full check of a certificate against the validator set of its epoch; a pure function, also offline. */
export function verifyCertificate(context: CertificateContext, certificate: Certificate): Result<Certificate, Refusal> {
  const { validators } = context
  if (certificate.epoch !== validators.epoch) {
    return refuse('certificate-epoch', `expected a certificate of epoch ${validators.epoch}, got epoch ${certificate.epoch}`)
  }
  if (certificate.scheme !== validators.scheme) {
    return refuse('certificate-scheme', `expected a certificate of scheme ${validators.scheme}, got ${certificate.scheme}`)
  }
  const count = validators.validators.length
  if (certificate.signers.size !== count) {
    return refuse('certificate-size', `expected a signer bitmap for ${count} validators, got ${certificate.signers.size}`)
  }
  const signers = indicesOf(certificate.signers)
  if (certificate.scheme === 'ed25519' && signers.length !== certificate.signatures.length) {
    return refuse('certificate-count', `expected ${signers.length} signatures, one per signer, got ${certificate.signatures.length}`)
  }
  const power = powerOf(validators, signers)
  if (!isQuorum(validators, power)) {
    return refuse('certificate-power', `expected more than two thirds of power ${validators.totalPower}, got ${power}`)
  }
  const checked = certificate.scheme === 'ed25519' ? checkSignatures(context, certificate, signers) : checkAggregate(context, certificate)
  return checked.ok ? ok(certificate) : checked
}

function checkSignatures(context: CertificateContext, certificate: SignatureList, signers: readonly number[]): Result<null, Refusal> {
  const message = ballotBytes(context.chainId, certificate)
  for (const [position, index] of signers.entries()) {
    const validator = context.validators.validators[index]
    const signature = certificate.signatures[position]
    if (validator === undefined || signature === undefined || !context.verifySignature(validator.publicKey, message, signature)) {
      return refuse('certificate-signature', `expected a valid signature of validator ${index}, got a bad one`)
    }
  }
  return ok(null)
}

function checkAggregate(context: CertificateContext, certificate: Aggregate): Result<null, Refusal> {
  const { chainId, validators, verifyAggregate = verifyBls } = context
  const keys = blsKeysOf(validators, indicesOf(certificate.signers))
  return verifyAggregate(keys, ballotBytes(chainId, certificate), certificate.aggregate)
    ? ok(null)
    : refuse('certificate-signature', 'expected the sum of valid signatures of its signers, got a bad one')
}

/** Of members of a set whose certificates are aggregates. */
export function blsKeysOf(validators: ValidatorSet, members: readonly number[]): BlsPublicKey[] {
  return members.flatMap((index) => validators.validators[index]?.blsKey ?? [])
}

/** How many signatures stand in it. */
export function signaturesIn(certificate: Certificate | null | undefined): number {
  if (certificate === null || certificate === undefined) return 0
  return certificate.scheme === 'ed25519' ? certificate.signatures.length : 1
}

/** Bytes of what signs, apart from the fields of fixed size. */
export function signatureBytesOf(certificate: Certificate | null | undefined): number {
  if (certificate === null || certificate === undefined) return 0
  return certificate.scheme === 'ed25519' ? SIGNATURE_BYTES * certificate.signatures.length : BLS_SIGNATURE_BYTES
}

export function writeBallot(writer: Writer, ballot: Ballot): void {
  writer
    .u8(ballot.kind === 'prepare' ? 1 : 2)
    .u64(ballot.epoch)
    .u64(ballot.view)
    .u64(ballot.height)
    .raw(ballot.blockHash)
}

export function readBallot(reader: Reader): Ballot {
  const kind = reader.u8()
  if (kind !== 1 && kind !== 2) reader.fail('vote-kind', `expected vote kind 1 or 2, got ${kind}`)
  return {
    kind: kind === 1 ? 'prepare' : 'commit',
    epoch: epoch(reader.u64()),
    view: view(reader.u64()),
    height: height(reader.u64()),
    blockHash: reader.hash(),
  }
}

const SCHEME: Readonly<Record<SignatureScheme, number>> = { ed25519: 1, 'bls12-381': 2 }

export function writeCertificate(writer: Writer, certificate: Certificate): void {
  writeBallot(writer, certificate)
  writer.u8(SCHEME[certificate.scheme])
  writeBitmap(writer, certificate.signers)
  if (certificate.scheme === 'ed25519') writer.list(certificate.signatures, (w, signature) => w.raw(signature))
  else writer.raw(certificate.aggregate)
}

/** Of thousands of validators: the arrays that hold their signatures are more than the signatures. */
const SIGNATURE: ItemOf<Signature> = { read: (reader) => reader.signature(), costBytes: () => BYTES_COST, onceRead: 'kept' }

/** What it takes in memory beside its bytes: its signatures, and the ballot with two arrays. */
export function certificateCost(certificate: Certificate): number {
  return BYTES_COST * (4 + (certificate.scheme === 'ed25519' ? certificate.signatures.length : 1))
}

/** Of votes, not necessarily a quorum's. */
export function readAggregate(reader: Reader): Aggregate {
  const certificate = readCertificate(reader)
  return certificate.scheme === 'bls12-381' ? certificate : reader.fail('scheme', 'expected scheme 2 (bls12-381), got 1 (ed25519)')
}

export function readCertificate(reader: Reader): Certificate {
  const ballot = readBallot(reader)
  const scheme = reader.u8()
  if (scheme !== SCHEME.ed25519 && scheme !== SCHEME['bls12-381'])
    reader.fail('scheme', `expected certificate scheme 1 (ed25519) or 2 (bls12-381), got ${scheme}`)
  const signers = readBitmap(reader)
  if (scheme === SCHEME['bls12-381']) return { ...ballot, scheme: 'bls12-381', signers, aggregate: reader.blsSignature() }
  const signatures = reader.longList(MAX_VALIDATORS, SIGNATURE)
  return { ...ballot, scheme: 'ed25519', signers, signatures }
}

/** In lists. */
export const CERTIFICATE: ItemOf<Certificate> = { read: readCertificate, costBytes: certificateCost, onceRead: 'kept' }

export function encodeCertificate(certificate: Certificate): Uint8Array {
  return encode((writer) => writeCertificate(writer, certificate))
}

export function hashCertificate(certificate: Certificate): Hash {
  return hashEncoded('aethel/certificate/v1', (writer) => writeCertificate(writer, certificate))
}
