/**
 * Evidence (protocol.md §11): signatures of one validator that no honest one gives, in bytes that stand for themselves. It
 * goes into blocks, so every rule here is a function of the bytes, the chain and its validators; every field that accuses is
 * covered by the accused's own signature, so nobody can be framed (trap K1).
 */
import {
  assert,
  compareBytes,
  decode,
  type Epoch,
  encode,
  epoch,
  equalBytes,
  type Hash,
  type Height,
  height,
  ok,
  type PublicKey,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  type ValidatorIndex,
  type View,
  validatorIndex,
  view,
  type Writer,
} from '@aethel/codec'
import { type Header, hashHeader, MAX_EVIDENCE_BYTES, MAX_TRANSACTION_BYTES, readHeader, writeHeader } from './block.js'
import { type VerifySignature, type Vote, type VoteKind, voteBytes } from './certificate.js'
import { isUnderRoot, type PathStep, readPath, writePath } from './merkle-path.js'
import type { ValidatorSet } from './validators.js'

/** Two votes of one slot for different blocks; `first` has the smaller hash, so one pair has one encoding. */
export interface EquivocationEvidence {
  readonly type: 'equivocation'
  readonly first: Vote
  readonly second: Vote
}

/** A vote for a block that holds a transaction whose proof does not verify. */
export interface InvalidVerificationEvidence {
  readonly type: 'invalid-verification'
  readonly vote: Vote
  /** The header whose hash the vote names. */
  readonly header: Header
  readonly transaction: Uint8Array
  /** Of the transaction under the header's `transactionsRoot`. */
  readonly path: readonly PathStep[]
}

export type Evidence = EquivocationEvidence | InvalidVerificationEvidence
export type OffenceType = Evidence['type']

/** What evidence proves. Whatever shows the same fields is the same offence, counted once. */
export interface Offence {
  readonly type: OffenceType
  readonly offender: ValidatorIndex
  /** Of the offender: what a record is kept under (trap K4). */
  readonly publicKey: PublicKey
  readonly epoch: Epoch
  readonly view: View
  readonly height: Height
  readonly kind: VoteKind
}

/** Evidence whose signatures, hashes and path are good. `transaction` is left to be refuted; null if nothing is. */
export interface CheckedEvidence {
  readonly offence: Offence
  readonly evidence: Evidence
  readonly transaction: Uint8Array | null
}

export interface EvidenceContext {
  readonly chainId: Hash
  /** The validators of an epoch, if evidence of that epoch is still heard. */
  validatorsOf(epoch: Epoch): ValidatorSet | undefined
  readonly verifySignature: VerifySignature
}

/** The second has votes with shares, of chains of BLS certificates. */
export const EVIDENCE_VERSIONS = [1, 2] as const

/** Pieces of evidence in one block: a faulty minority cannot fill blocks with its own confessions. */
export const MAX_BLOCK_OFFENCES = 16
/** Of those, how many may ask for a proof to be checked again: each costs at most one proof's fuel. */
export const MAX_BLOCK_REFUTATIONS = 4
/** Heights for which an offence is heard: later nobody need remember which were counted. */
export const MAX_EVIDENCE_AGE = 1024
/** How far above the block an offence may lie: votes are held for two of the largest windows. */
export const MAX_EVIDENCE_AHEAD = 128

const TYPES: readonly OffenceType[] = ['equivocation', 'invalid-verification']

export function equivocationOf(a: Vote, b: Vote): EquivocationEvidence {
  const [first, second] = compareBytes(a.blockHash, b.blockHash) < 0 ? [a, b] : [b, a]
  return { type: 'equivocation', first, second }
}

/** Names an offence: distinct offences have distinct keys. */
export function offenceKey(offence: Offence): string {
  const { type, offender, epoch: inEpoch, view: inView, height: at, kind } = offence
  return `${type}/${offender}/${inEpoch}/${inView}/${at}/${kind}`
}

/** The vote that stands for the offence: either of a pair. */
export function accusedVote(evidence: Evidence): Vote {
  return evidence.type === 'equivocation' ? evidence.first : evidence.vote
}

// --- bytes --------------------------------------------------------------------------------------------------------

export function encodeEvidence(chainId: Hash, evidence: Evidence): Uint8Array {
  const { kind, epoch: inEpoch, view: inView, height: at, sender, share } = accusedVote(evidence)
  return encode((writer) => {
    writer.u8(EVIDENCE_VERSIONS[share === undefined ? 0 : 1]).u8(TYPES.indexOf(evidence.type) + 1)
    writer.raw(chainId).u16(sender)
    writer
      .u8(kind === 'prepare' ? 1 : 2)
      .u64(inEpoch)
      .u64(inView)
      .u64(at)
    if (evidence.type === 'equivocation') {
      for (const vote of [evidence.first, evidence.second]) {
        writer.raw(vote.blockHash)
        writeSigned(writer, vote)
      }
      return
    }
    writeSigned(writer, evidence.vote)
    writeHeader(writer, evidence.header)
    writer.bytes(evidence.transaction)
    writePath(writer, evidence.path)
  })
}

type Signed = Pick<Vote, 'signature' | 'share'>

function writeSigned(writer: Writer, { signature, share }: Signed): void {
  writer.raw(signature)
  if (share !== undefined) writer.raw(share)
}

function readSigned(reader: Reader, withShare: boolean): Signed {
  const signature = reader.signature()
  return withShare ? { signature, share: reader.blsSignature() } : { signature }
}

interface DecodedEvidence {
  readonly chainId: Hash
  readonly evidence: Evidence
}

function readEvidence(reader: Reader): DecodedEvidence {
  const version = reader.u8()
  const withShare = version === EVIDENCE_VERSIONS[1]
  if (version !== EVIDENCE_VERSIONS[0] && !withShare)
    reader.fail('evidence-version', `expected evidence version ${EVIDENCE_VERSIONS.join(' or ')}, got ${version}`)
  const type = TYPES[reader.u8() - 1]
  if (type === undefined) return reader.fail('evidence-type', 'expected evidence type 1 (equivocation) or 2 (invalid verification)')
  const chainId = reader.hash()
  const sender = validatorIndex(reader.u16())
  const kind = reader.u8()
  if (kind !== 1 && kind !== 2) reader.fail('vote-kind', `expected vote kind 1 or 2, got ${kind}`)
  const slot = {
    kind: kind === 1 ? ('prepare' as const) : ('commit' as const),
    epoch: epoch(reader.u64()),
    view: view(reader.u64()),
    height: height(reader.u64()),
    sender,
  }
  if (type === 'equivocation') {
    const [first, second] = [0, 1].map((): Vote => ({ ...slot, blockHash: reader.hash(), ...readSigned(reader, withShare) })) as [
      Vote,
      Vote,
    ]
    return { chainId, evidence: { type, first, second } }
  }
  const signed = readSigned(reader, withShare)
  const header = readHeader(reader)
  const transaction = reader.bytes(MAX_TRANSACTION_BYTES)
  const path = readPath(reader)
  return { chainId, evidence: { type, vote: { ...slot, blockHash: hashHeader(header), ...signed }, header, transaction, path } }
}

export function decodeEvidence(bytes: Uint8Array): Result<DecodedEvidence, Refusal> {
  if (bytes.length > MAX_EVIDENCE_BYTES)
    return refuse('evidence-size', `expected evidence of at most ${MAX_EVIDENCE_BYTES} bytes, got ${bytes.length}`)
  return decode(bytes, readEvidence)
}

// --- checks -------------------------------------------------------------------------------------------------------

/** Everything but the proof: encoding, chain, epoch, membership, signatures, hashes, path. */
export function checkEvidenceForm(bytes: Uint8Array, context: EvidenceContext): Result<CheckedEvidence, Refusal> {
  const decoded = decodeEvidence(bytes)
  if (!decoded.ok) return decoded
  const { chainId, evidence } = decoded.value
  if (!equalBytes(chainId, context.chainId)) return refuse('evidence-chain', 'expected evidence of this chain, got another chain id')
  const vote = accusedVote(evidence)
  const validator = context.validatorsOf(vote.epoch)?.validators[vote.sender]
  if (validator === undefined)
    return refuse('evidence-validator', `expected a validator of an epoch still heard, got ${vote.sender} of epoch ${vote.epoch}`)
  const shape = evidence.type === 'equivocation' ? checkPair(evidence) : checkInclusion(evidence)
  if (!shape.ok) return shape
  for (const signed of evidence.type === 'equivocation' ? [evidence.first, evidence.second] : [evidence.vote]) {
    if (!context.verifySignature(validator.publicKey, voteBytes(chainId, signed), signed.signature))
      return refuse('evidence-signature', `expected votes signed by validator ${vote.sender}, got a bad signature`)
  }
  const offence: Offence = {
    type: evidence.type,
    offender: vote.sender,
    publicKey: validator.publicKey,
    epoch: vote.epoch,
    view: vote.view,
    height: vote.height,
    kind: vote.kind,
  }
  return ok({ offence, evidence, transaction: evidence.type === 'equivocation' ? null : evidence.transaction })
}

function checkPair({ first, second }: EquivocationEvidence): Result<null, Refusal> {
  if (compareBytes(first.blockHash, second.blockHash) >= 0)
    return refuse('evidence-pair', 'expected votes for two different blocks, the smaller hash first')
  return ok(null)
}

function checkInclusion({ vote, header, transaction, path }: InvalidVerificationEvidence): Result<null, Refusal> {
  if (header.height !== vote.height || header.epoch !== vote.epoch)
    return refuse('evidence-header', 'expected the header of the block that the vote names, got one of another height or epoch')
  if (!isUnderRoot(header.transactionsRoot, transaction, path))
    return refuse('evidence-path', "expected a transaction under the header's root, got a path that leads elsewhere")
  return ok(null)
}

/**
 * The whole check. `refute` runs the proof's own checker, deterministically: ok if the transaction's proof does NOT verify;
 * a refusal if it does, or if what it needs is not at hand.
 */
export function checkEvidence(
  bytes: Uint8Array,
  context: EvidenceContext & { refute(transaction: Uint8Array): Result<null, Refusal> },
): Result<Offence, Refusal> {
  const checked = checkEvidenceForm(bytes, context)
  if (!checked.ok) return checked
  const { transaction, offence } = checked.value
  if (transaction === null) return ok(offence)
  const refuted = context.refute(transaction)
  return refuted.ok ? ok(offence) : refuted
}

/** Whether a block of this height may still, or already, carry the offence; derived from committed data alone (trap K2). */
export function offenceFits(offence: Offence, at: Height): Result<null, Refusal> {
  if (offence.height < at - MAX_EVIDENCE_AGE)
    return refuse('evidence-age', `expected an offence at most ${MAX_EVIDENCE_AGE} heights below ${at}, got height ${offence.height}`)
  if (offence.height > at + MAX_EVIDENCE_AHEAD)
    return refuse('evidence-ahead', `expected an offence at most ${MAX_EVIDENCE_AHEAD} heights above ${at}, got height ${offence.height}`)
  return ok(null)
}

/** The evidence of a block as the edge checks it: count, bytes, form; each offence once. */
export function checkBlockEvidence(items: readonly Uint8Array[], context: EvidenceContext): Result<readonly CheckedEvidence[], Refusal> {
  if (items.length > MAX_BLOCK_OFFENCES)
    return refuse('evidence-count', `expected at most ${MAX_BLOCK_OFFENCES} pieces of evidence, got ${items.length}`)
  const bytes = items.reduce((sum, item) => sum + item.length, 0)
  if (bytes > MAX_EVIDENCE_BYTES) return refuse('evidence-size', `expected at most ${MAX_EVIDENCE_BYTES} bytes of evidence, got ${bytes}`)
  const checked: CheckedEvidence[] = []
  const seen = new Set<string>()
  for (const item of items) {
    const result = checkEvidenceForm(item, context)
    if (!result.ok) return result
    const key = offenceKey(result.value.offence)
    if (seen.has(key)) return refuse('evidence-repeated', 'expected each offence once in a block')
    seen.add(key)
    checked.push(result.value)
  }
  const refutations = checked.filter(({ transaction }) => transaction !== null).length
  if (refutations > MAX_BLOCK_REFUTATIONS)
    return refuse('evidence-count', `expected at most ${MAX_BLOCK_REFUTATIONS} proofs to refute, got ${refutations}`)
  return ok(checked)
}

/** What evidence from a checked block or message says; its form was checked at the edge. */
export function offenceOf(evidence: Evidence, validators: ValidatorSet): Offence {
  const vote = accusedVote(evidence)
  const validator = validators.validators[vote.sender]
  assert(validator !== undefined && vote.epoch === validators.epoch, 'evidence passed the edge without membership')
  const { epoch: inEpoch, view: inView, height: at, kind } = vote
  return { type: evidence.type, offender: vote.sender, publicKey: validator.publicKey, epoch: inEpoch, view: inView, height: at, kind }
}
