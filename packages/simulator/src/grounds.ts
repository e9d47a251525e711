/**
 * On what grounds an honest validator acts, looked at a second time: certificates, NEW-VIEWs, headers. Shares nothing with
 * the engine's own checks but the data types and the signed bytes. Each function answers with what is wrong, or null.
 */
import { equalBytes, type Hash, hasBit } from '@aethel/codec'
import {
  type Ballot,
  type Block,
  ballotBytes,
  type Certificate,
  type Header,
  type NewView,
  newViewBytes,
  type ValidatorSet,
  type VerifySignature,
  viewChangeBytes,
} from '@aethel/consensus'

export interface Grounds {
  readonly chainId: Hash
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
}

/** Counts distinct signers with good signatures and weighs them; every entry must be good. */
export function flawOfCertificate({ chainId, validators, verifySignature }: Grounds, certificate: Certificate): string | null {
  if (certificate.epoch !== validators.epoch) return `a certificate of epoch ${certificate.epoch}`
  if (certificate.signers.size !== validators.validators.length) return `a certificate of ${certificate.signers.size} validators`
  const message = ballotBytes(chainId, certificate)
  let power = 0n
  let position = 0
  for (const [index, validator] of validators.validators.entries()) {
    if (!hasBit(certificate.signers, index)) continue
    const signature = certificate.signatures[position++]
    if (signature === undefined) return 'a certificate with fewer signatures than signers'
    if (!verifySignature(validator.publicKey, message, signature)) return `a bad signature of ${index} in a certificate`
    power += validator.power
  }
  if (position !== certificate.signatures.length) return 'a certificate with more signatures than signers'
  return power * 3n > validators.totalPower * 2n ? null : `a certificate of power ${power}`
}

/** docs/protocol.md §6: its leader's, on a quorum of signed VIEW-CHANGEs for this view, with the highest certificate that they name. */
export function flawOfNewView(grounds: Grounds, message: NewView): string | null {
  const { chainId, validators, verifySignature } = grounds
  const { newView, certificate } = message
  const leader = validators.validators[newView % validators.validators.length]
  if (message.sender !== newView % validators.validators.length || leader === undefined) return `sent by ${message.sender}`
  if (!verifySignature(leader.publicKey, newViewBytes(chainId, message), message.signature)) return 'not signed by its sender'
  const senders = new Set<number>()
  let power = 0n
  let highest: Ballot | null = null
  for (const entry of message.viewChanges) {
    const validator = validators.validators[entry.sender]
    if (validator === undefined || senders.has(entry.sender)) return `a VIEW-CHANGE of ${entry.sender}, who is nobody or listed before`
    if (entry.newView !== newView) return `a VIEW-CHANGE for view ${entry.newView}`
    if (!verifySignature(validator.publicKey, viewChangeBytes(chainId, entry), entry.signature))
      return `a VIEW-CHANGE that ${entry.sender} did not sign`
    senders.add(entry.sender)
    power += validator.power
    if (entry.highest !== null && (highest === null || outranks(entry.highest, highest))) highest = entry.highest
  }
  if (power * 3n <= validators.totalPower * 2n) return `VIEW-CHANGEs of power ${power}`
  if (certificate === null || highest === null) return certificate === highest ? null : 'a certificate that is not the highest named'
  if (outranks(highest, certificate) || outranks(certificate, highest) || !equalBytes(highest.blockHash, certificate.blockHash))
    return 'a certificate that is not the highest named'
  return flawOfCertificate(grounds, certificate)
}

function outranks(a: Ballot, b: Ballot): boolean {
  if (a.view !== b.view) return a.view > b.view
  if (a.height !== b.height) return a.height > b.height
  return a.kind === 'commit' && b.kind === 'prepare'
}

export interface CommittedContext {
  /** The header below; null at height 1. */
  readonly parent: Header | null
  /** The committed hash at a lower height. */
  hashAt(height: number): Hash | undefined
  /** What the block's proofs cost, found out anew. */
  readonly difficulty: bigint
  /** No honest clock shows more. */
  readonly latestMs: number
}

/** docs/protocol.md §2, §4 step 5: what a header may say besides its parent and its state root. */
export function flawOfHeader(grounds: Grounds, { header, body }: Block, context: CommittedContext): string | null {
  const { chainId, validators } = grounds
  const { lastCertificate } = body
  if (!equalBytes(header.chainId, chainId) || header.epoch !== validators.epoch) return 'another chain or epoch'
  if (header.proposer !== header.view % validators.validators.length) return `proposer ${header.proposer} in view ${header.view}`
  if (!equalBytes(header.validatorsHash, validators.hash)) return 'other validators'
  if (!equalBytes(header.nextValidatorsHash, validators.hash)) return 'other validators next'
  if (header.timestampMs <= (context.parent?.timestampMs ?? 0)) return `timestamp ${header.timestampMs}, not above its parent's`
  if (header.timestampMs > context.latestMs) return `timestamp ${header.timestampMs}, ahead of every clock`
  if (header.totalDifficulty !== context.difficulty) return `difficulty ${header.totalDifficulty}, expected ${context.difficulty}`
  if (body.evidence.length > 0) return 'evidence, which nobody checks'
  if (lastCertificate === null) return null
  const certified = lastCertificate.height < header.height ? context.hashAt(lastCertificate.height) : undefined
  if (lastCertificate.kind !== 'commit' || certified === undefined || !equalBytes(certified, lastCertificate.blockHash))
    return 'the certificate of a block that is no ancestor'
  return flawOfCertificate(grounds, lastCertificate)
}

/** Whether two blocks say the same, whatever their hashes. */
export function sameBlock(a: Block, b: Block): boolean {
  if (a === b) return true
  return sameHeader(a.header, b.header) && sameList(a.body.transactions, b.body.transactions) && sameList(a.body.evidence, b.body.evidence)
}

function sameHeader(a: Header, b: Header): boolean {
  for (const name of Object.keys(a) as (keyof Header)[]) {
    const [mine, theirs] = [a[name], b[name]]
    if (mine instanceof Uint8Array ? !equalBytes(mine, theirs as Hash) : mine !== theirs) return false
  }
  return true
}

function sameList(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, index) => equalBytes(bytes, b[index] as Uint8Array))
}
