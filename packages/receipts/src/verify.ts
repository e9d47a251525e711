/**
 * The light client: is this receipt true, given a trust root? A pure function without a network, a clock or native code.
 * It goes down a fixed list of checks and stops at the first that fails, so a reason code names the earliest fault, and a
 * result exists only when every check has passed.
 */
import { equalBytes, type Hash, indicesOf, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import { epochOfHeight, type Header, hashHeader, type VerifyAggregate, type VerifySignature, verifyCertificate } from '@aethel/consensus'
import { verifyBls, verifySignature as verifyEd25519 } from '@aethel/crypto'
import { mapKey, verifyMapProof } from '@aethel/ledger/merkle'
import { type ClaimRecord, claimIdOf, claimPath, decodeClaimRecord } from '@aethel/ledger/records'
import { type EpochLink, verifyEpochChain } from './epochs.js'
import { decodeReceipt, type Receipt } from './receipt.js'
import type { TrustRoot } from './trust.js'

/** What the verifier asks beyond truth. */
export interface ReceiptPolicy {
  /** Proof kinds to accept; any if left out. */
  readonly kinds?: readonly string[]
  /** The claim that the receipt must be about. */
  readonly claimId?: Hash
  /** The digest of the library that the theorem must be of, and the axioms it must not rest on: positions in that library's definition. */
  readonly withoutAxioms?: { readonly library: Hash; readonly axioms: readonly number[] }
}

export interface VerifyOptions {
  readonly trust: TrustRoot
  /** From the trusted epoch to the receipt's, for a receipt of a later one (`decodeEpochs`). */
  readonly epochs?: readonly EpochLink[]
  readonly policy?: ReceiptPolicy
  /** Strict Ed25519 of `@aethel/crypto` unless given. */
  readonly verifySignature?: VerifySignature
  /** Strict BLS12-381 of `@aethel/crypto` unless given. */
  readonly verifyAggregate?: VerifyAggregate
}

/** What a receipt proves: these validators agreed that this claim was verified, at this cost, under these axioms. */
export interface CheckedReceipt {
  readonly chainId: Hash
  /** Canonical claim bytes; their hash with the kind is `record.claimId`. */
  readonly claim: Uint8Array
  readonly record: ClaimRecord
  /** The block whose stateRoot holds the record; at or after `record.height`. */
  readonly header: Header
  readonly blockHash: Hash
  readonly signers: readonly number[]
  readonly signedPower: bigint
  readonly totalPower: bigint
}

export interface CheckStep {
  readonly name: 'format' | 'chain' | 'epochs' | 'header' | 'certificate' | 'state' | 'record' | 'claim' | 'policy'
  readonly ok: boolean
  /** What was found, or the refusal's sentence. */
  readonly detail: string
}

/** The result, and the checklist up to the check that failed. */
export type Verification = Result<CheckedReceipt, Refusal> & { readonly steps: readonly CheckStep[] }

/** Runs one check after another and keeps the list. */
class Checklist {
  readonly steps: CheckStep[] = []

  take<T>(name: CheckStep['name'], result: Result<T, Refusal>, detail: (value: T) => string): Result<T, Refusal> {
    this.steps.push({ name, ok: result.ok, detail: result.ok ? detail(result.value) : result.error.message })
    return result
  }
}

/** Checks a receipt file against a trust root. Never throws on any bytes. */
export function verifyReceipt(bytes: Uint8Array, options: VerifyOptions): Verification {
  const list = new Checklist()
  return { ...runChecks(list, bytes, options), steps: list.steps }
}

function runChecks(list: Checklist, bytes: Uint8Array, options: VerifyOptions): Result<CheckedReceipt, Refusal> {
  const { trust: root, policy = {} } = options
  const decoded = list.take('format', decodeReceipt(bytes), () => `a receipt of ${bytes.length} bytes`)
  if (!decoded.ok) return decoded
  const receipt = decoded.value
  const chain = list.take('chain', checkChain(receipt, root), () => `chain ${toHex(root.chainId)}`)
  if (!chain.ok) return chain
  const inEpoch = checkEpochs(list, receipt, options)
  if (!inEpoch.ok) return inEpoch
  const trust = inEpoch.value
  const { validators } = trust
  const tip = list.take('header', checkHeaders(receipt, trust), () => `block ${receipt.header.height} of epoch ${receipt.header.epoch}`)
  if (!tip.ok) return tip
  const signed = list.take('certificate', checkCertificate(receipt, trust, tip.value, options), ({ signers, power }) => {
    return `${signers.length} of ${validators.validators.length} validators with power ${power} of ${validators.totalPower} committed block ${tip.value.header.height}`
  })
  if (!signed.ok) return signed
  const state = list.take(
    'state',
    checkPath(receipt),
    () => `the claim record is in the state of block ${receipt.header.height}, ${receipt.path.steps.length} steps below its root`,
  )
  if (!state.ok) return state
  const record = list.take(
    'record',
    checkRecord(receipt),
    (found) => `${found.kind} proof found valid in block ${found.height} for ${found.gas} gas`,
  )
  if (!record.ok) return record
  const claim = list.take(
    'claim',
    checkClaim(receipt, record.value),
    () => `claim ${toHex(record.value.claimId)}, ${receipt.claim.length} bytes`,
  )
  if (!claim.ok) return claim
  const accepted = list.take('policy', checkPolicy(record.value, policy), (asked) => asked)
  if (!accepted.ok) return accepted
  return ok({
    chainId: trust.chainId,
    claim: receipt.claim,
    record: record.value,
    header: receipt.header,
    blockHash: hashHeader(receipt.header),
    signers: signed.value.signers,
    signedPower: signed.value.power,
    totalPower: validators.totalPower,
  })
}

/** The trust root of the receipt's epoch: the one given, or what an epoch chain makes of it. */
function checkEpochs(list: Checklist, receipt: Receipt, options: VerifyOptions): Result<TrustRoot, Refusal> {
  const { trust, epochs, verifySignature = verifyEd25519, verifyAggregate = verifyBls } = options
  if (epochs === undefined) return ok(trust)
  const roots = list.take('epochs', verifyEpochChain(trust, epochs, verifySignature, verifyAggregate), (found) => {
    return `trust in epoch ${trust.validators.epoch} leads to epoch ${found.at(-1)?.validators.epoch ?? trust.validators.epoch}`
  })
  if (!roots.ok) return roots
  return ok(roots.value.find((root) => root.validators.epoch === receipt.header.epoch) ?? trust)
}

function checkChain(receipt: Receipt, trust: TrustRoot): Result<null, Refusal> {
  for (const chainId of [receipt.chainId, receipt.header.chainId]) {
    if (!equalBytes(chainId, trust.chainId)) {
      return refuse(
        'chain-id',
        `expected a receipt of chain ${toHex(trust.chainId)}, got one of ${toHex(chainId)}; use the trust root of that chain if you trust it`,
      )
    }
  }
  return ok(null)
}

interface CertifiedTip {
  readonly header: Header
  readonly hash: Hash
}

/** The headers are of the trusted epoch and validators, and each of the trail is the child of the one before. */
function checkHeaders(receipt: Receipt, trust: TrustRoot): Result<CertifiedTip, Refusal> {
  let tip: CertifiedTip | null = null
  for (const header of [receipt.header, ...receipt.trail]) {
    if (!equalBytes(header.chainId, trust.chainId)) return refuse('chain-id', `expected headers of chain ${toHex(trust.chainId)} only`)
    if (header.epoch !== trust.validators.epoch) {
      const hint =
        header.epoch > trust.validators.epoch
          ? 'give the epoch chain up to it'
          : 'ask for a receipt anew, which proves the same in a later state, or use the trust root of that time'
      return refuse('epoch', `expected a header of epoch ${trust.validators.epoch}, got epoch ${header.epoch}; ${hint}`)
    }
    if (!equalBytes(header.validatorsHash, trust.validators.hash)) {
      return refuse('validators', 'expected a header that names the validators of the trust root, got other validators')
    }
    if (isOutsideEpoch(header, trust)) {
      return refuse(
        'epoch-height',
        `expected a height of epoch ${header.epoch}, whose length is ${trust.epochLength}, got ${header.height}`,
      )
    }
    if (tip !== null && (header.height !== tip.header.height + 1 || !equalBytes(header.parent, tip.hash))) {
      return refuse(
        'trail',
        `expected the child of block ${tip.header.height} in the trail, got a block of height ${header.height} that does not follow it`,
      )
    }
    tip = { header, hash: hashHeader(header) }
  }
  return tip === null ? refuse('trail', 'expected a header') : ok(tip)
}

function isOutsideEpoch({ epoch, height }: Header, { epochLength }: TrustRoot): boolean {
  return epochLength > 0 && (height < 1 || epochOfHeight(epochLength, height) !== epoch)
}

interface Signed {
  readonly signers: readonly number[]
  readonly power: bigint
}

function checkCertificate(
  receipt: Receipt,
  trust: TrustRoot,
  tip: CertifiedTip,
  { verifySignature = verifyEd25519, verifyAggregate = verifyBls }: VerifyOptions,
): Result<Signed, Refusal> {
  const { certificate } = receipt
  if (certificate.kind !== 'commit')
    return refuse('certificate-kind', `expected a commit certificate, got a ${certificate.kind} certificate; only commits are final`)
  if (certificate.height !== tip.header.height || !equalBytes(certificate.blockHash, tip.hash)) {
    return refuse(
      'certificate-block',
      `expected a certificate of block ${toHex(tip.hash)} at height ${tip.header.height}, got one of another block`,
    )
  }
  const verified = verifyCertificate(
    { chainId: trust.chainId, validators: trust.validators, verifySignature, verifyAggregate },
    certificate,
  )
  if (!verified.ok) return verified
  const signers = indicesOf(certificate.signers)
  const power = signers.reduce((sum, index) => sum + (trust.validators.validators[index]?.power ?? 0n), 0n)
  return ok({ signers, power })
}

function checkPath(receipt: Receipt): Result<null, Refusal> {
  const proven = verifyMapProof(receipt.header.stateRoot, mapKey(claimPath(receipt.claimId)), receipt.record, receipt.path)
  return proven.ok ? ok(null) : refuse(proven.error.code, `the claim record is not proven to be in the state: ${proven.error.message}`)
}

function checkRecord(receipt: Receipt): Result<ClaimRecord, Refusal> {
  const decoded = decodeClaimRecord(receipt.record)
  if (!decoded.ok) return refuse('record', `expected a claim record: ${decoded.error.message}`)
  const record = decoded.value
  if (!equalBytes(record.claimId, receipt.claimId))
    return refuse('record-claim', 'expected the record to be about the claim of the receipt, got another claim')
  if (record.kind !== receipt.kind)
    return refuse(
      'record-kind',
      `expected the record to be of kind ${JSON.stringify(receipt.kind)}, as the receipt says, got ${JSON.stringify(record.kind)}`,
    )
  if (!equalBytes(record.proofHash, receipt.proofHash))
    return refuse('record-proof', 'expected the record to name the proof hash of the receipt, got another')
  if (record.height > receipt.header.height)
    return refuse('record-height', `expected a record of height ${receipt.header.height} at most, got ${record.height}`)
  return ok(record)
}

function checkClaim(receipt: Receipt, record: ClaimRecord): Result<null, Refusal> {
  const claimId = claimIdOf(record.kind, receipt.claim)
  return equalBytes(claimId, record.claimId)
    ? ok(null)
    : refuse('claim-id', `expected claim bytes with the id ${toHex(record.claimId)}, got bytes with the id ${toHex(claimId)}`)
}

function checkPolicy(record: ClaimRecord, policy: ReceiptPolicy): Result<string, Refusal> {
  const { claimId, kinds, withoutAxioms } = policy
  if (kinds !== undefined && !kinds.includes(record.kind))
    return refuse('policy-kind', `expected one of the kinds ${kinds.join(', ')}, got ${record.kind}`)
  if (claimId !== undefined && !equalBytes(claimId, record.claimId))
    return refuse('policy-claim', `expected a receipt for the claim ${toHex(claimId)}, got one for ${toHex(record.claimId)}`)
  if (withoutAxioms !== undefined) {
    const { library } = record
    if (library === null || !equalBytes(library.digest, withoutAxioms.library))
      return refuse('policy-axiom', `expected a theorem of the library ${toHex(withoutAxioms.library)}, got ${theoremOf(record)}`)
    for (const axiom of withoutAxioms.axioms)
      if (library.axioms.includes(axiom))
        return refuse('policy-axiom', `expected a theorem that does not rest on axiom ${axiom}, got one that does`)
  }
  const asked = [kinds, claimId, withoutAxioms].filter((part) => part !== undefined).length
  return ok(asked === 0 ? 'nothing further asked' : `${asked} further conditions hold`)
}

function theoremOf({ library }: ClaimRecord): string {
  return library === null ? 'a claim of none' : `one of ${toHex(library.digest)} (${library.name})`
}
