/**
 * On what grounds an honest validator acts, looked at a second time: certificates and NEW-VIEWs. Shares nothing with the engine's
 * own checks but the data types and the signed bytes. Each function answers with what is wrong, or null.
 */
import { equalBytes, type Hash, hasBit } from '@aethel/codec'
import {
  type Ballot,
  ballotBytes,
  type Certificate,
  type NewView,
  newViewBytes,
  type Validator,
  type ValidatorSet,
  type VerifyAggregate,
  type VerifySignature,
  viewChangeBytes,
} from '@aethel/consensus'

export interface Grounds {
  readonly chainId: Hash
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
}

/** Counts distinct signers with good signatures and weighs them; every entry must be good. */
export function flawOfCertificate(grounds: Grounds, certificate: Certificate): string | null {
  const { validators } = grounds
  if (certificate.epoch !== validators.epoch) return `a certificate of epoch ${certificate.epoch}`
  if (certificate.signers.size !== validators.validators.length) return `a certificate of ${certificate.signers.size} validators`
  const signers = validators.validators
    .map((validator, index) => ({ ...validator, index }))
    .filter(({ index }) => hasBit(certificate.signers, index))
  const power = signers.reduce((sum, signer) => sum + signer.power, 0n)
  const flaw =
    certificate.scheme === 'ed25519' ? flawOfSignatures(grounds, certificate, signers) : flawOfAggregate(grounds, certificate, signers)
  if (flaw !== null) return flaw
  return power * 3n > validators.totalPower * 2n ? null : `a certificate of power ${power}`
}

type Signer = Validator & { readonly index: number }

function flawOfSignatures(
  { chainId, verifySignature }: Grounds,
  certificate: Extract<Certificate, { scheme: 'ed25519' }>,
  signers: readonly Signer[],
): string | null {
  const message = ballotBytes(chainId, certificate)
  for (const [position, { publicKey, index }] of signers.entries()) {
    const signature = certificate.signatures[position]
    if (signature === undefined) return 'a certificate with fewer signatures than signers'
    if (!verifySignature(publicKey, message, signature)) return `a bad signature of ${index} in a certificate`
  }
  return signers.length === certificate.signatures.length ? null : 'a certificate with more signatures than signers'
}

function flawOfAggregate(
  { chainId, verifyAggregate }: Grounds,
  certificate: Extract<Certificate, { scheme: 'bls12-381' }>,
  signers: readonly Signer[],
): string | null {
  const keys = signers.flatMap(({ blsKey }) => blsKey ?? [])
  if (keys.length !== signers.length || verifyAggregate === undefined) return 'a sum of signatures among validators without BLS keys'
  return verifyAggregate(keys, ballotBytes(chainId, certificate), certificate.aggregate) ? null : 'a bad sum of signatures in a certificate'
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
