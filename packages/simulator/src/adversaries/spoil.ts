/** Certificates that prove nothing: short, repeated, padded, of another epoch, phase, height or block, forged. */
import { BLS_SIGNATURE_BYTES, bitmapOf, blsSignature, epoch, hash, height, indicesOf, type Signature, signature, view } from '@aethel/codec'
import { type Ballot, type Certificate, isQuorum, leaderOf, type NewView, type ViewChange } from '@aethel/consensus'
import type { Random } from '../random.js'
import { type Adversary, type AdversaryContext, broadcast, obedient, spread } from './adversary.js'
import { ballotOf } from './conspiracy.js'

type Spoil = (certificate: Certificate, count: number) => Certificate

const NO_SIGNATURE: Signature = signature(new Uint8Array(64))

/** Signatures and bitmap for these signers; a sum stays as it is. */
function withSigners(certificate: Certificate, count: number, signers: readonly number[], signatures: readonly Signature[]): Certificate {
  const bitmap = bitmapOf(count, signers)
  return certificate.scheme === 'ed25519' ? { ...certificate, signers: bitmap, signatures } : { ...certificate, signers: bitmap }
}

/** One for each signer; of a sum, none that is any good. */
function signaturesOf(certificate: Certificate): readonly Signature[] {
  return certificate.scheme === 'ed25519' ? certificate.signatures : indicesOf(certificate.signers).map(() => NO_SIGNATURE)
}

/** Other signatures with the same signers; in the place of a sum, the sum of nothing. */
function signedWith(certificate: Certificate, signatures: readonly Signature[]): Certificate {
  return certificate.scheme === 'ed25519'
    ? { ...certificate, signatures }
    : { ...certificate, aggregate: blsSignature(new Uint8Array(BLS_SIGNATURE_BYTES)) }
}

const SPOILS: Readonly<Record<string, Spoil>> = {
  /** One vote short of a quorum. */
  short: (certificate, count) => {
    const signers = indicesOf(certificate.signers)
    const fewer = Math.min(signers.length - 1, Math.floor((2 * count) / 3))
    return withSigners(certificate, count, signers.slice(0, fewer), signaturesOf(certificate).slice(0, fewer))
  },
  /** One voter's signature a second time, in the place of somebody else. */
  repeated: (certificate, count) => {
    const signers = indicesOf(certificate.signers)
    const absent = firstAbsent(certificate, count)
    if (absent === undefined)
      return signedWith(
        certificate,
        signaturesOf(certificate).map((_, __, all) => all[0] as Signature),
      )
    const kept = [...signers.slice(0, -1), absent].sort((a, b) => a - b)
    return withSigners(
      certificate,
      count,
      kept,
      kept.map(() => signaturesOf(certificate)[0] as Signature),
    )
  },
  /** A good quorum, and a signature that is none. */
  padded: (certificate, count) => {
    const absent = firstAbsent(certificate, count)
    if (absent === undefined) return signedWith(certificate, [...signaturesOf(certificate).slice(0, -1), NO_SIGNATURE])
    const signers = indicesOf(certificate.signers)
    const signatures = signaturesOf(certificate)
    const paired = signers.map((index, position) => [index, signatures[position] as Signature] as const)
    const all = [...paired, [absent, NO_SIGNATURE] as const].sort(([a], [b]) => a - b)
    return withSigners(
      certificate,
      count,
      all.map(([index]) => index),
      all.map(([, each]) => each),
    )
  },
  'one signature more than signers': (certificate) => signedWith(certificate, [...signaturesOf(certificate), NO_SIGNATURE]),
  'bitmap of another size': (certificate, count) => ({ ...certificate, signers: bitmapOf(count + 8, indicesOf(certificate.signers)) }),
  forged: (certificate) =>
    signedWith(
      certificate,
      signaturesOf(certificate).map(() => NO_SIGNATURE),
    ),
  'another epoch': (certificate) => ({ ...certificate, epoch: epoch(certificate.epoch + 1) }),
  'another phase': (certificate) => ({ ...certificate, kind: certificate.kind === 'prepare' ? 'commit' : 'prepare' }),
  'another height': (certificate) => ({ ...certificate, height: height(certificate.height + 1) }),
  'another block': (certificate) => ({ ...certificate, blockHash: hash(new Uint8Array(32).fill(9)) }),
  'a later view': (certificate) => ({ ...certificate, view: view(certificate.view + 1) }),
}
export const SPOILED_CERTIFICATES: readonly string[] = Object.keys(SPOILS)

function firstAbsent(certificate: Certificate, count: number): number | undefined {
  const present = new Set(indicesOf(certificate.signers))
  for (let index = 0; index < count; index++) if (!present.has(index)) return index
  return undefined
}

export function spoil(context: Pick<AdversaryContext, 'note'>, certificate: Certificate, random: Random): Certificate {
  const name = random.pick(SPOILED_CERTIFICATES)
  context.note(`certificate: ${name}`)
  return (SPOILS[name] as Spoil)(certificate, certificate.signers.size)
}

/** Every certificate it sends is spoiled, with everything around it signed as if it were good. */
export function badCertificates(context: AdversaryContext): Adversary {
  const { conspiracy, random, self } = context
  const viewChange = (message: ViewChange): ViewChange => {
    const { certificate } = message
    const { newView, committedHeight } = message.entry
    const source = certificate ?? conspiracy.certificates.at(-1) ?? null
    return source === null ? message : conspiracy.viewChange(self, newView, spoil(context, source, random), committedHeight)
  }
  const newView = (message: NewView): NewView =>
    message.certificate === null
      ? message
      : conspiracy.newView(self, message.newView, message.viewChanges, spoil(context, message.certificate, random))
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind === 'view-change' && message.entry.sender === self) return spread(context, to, viewChange(message))
      if (message.kind === 'new-view' && message.sender === self) return spread(context, to, newView(message))
      if (message.kind === 'blocks' || message.kind === 'certificate')
        return spread(context, to, { ...message, certificate: spoil(context, message.certificate, random) })
      return spread(context, to, message)
    },
    onReceive: (_, message) => {
      // A NEW-VIEW out of nothing, for a view it would lead, on a spoiled certificate.
      if (message.kind !== 'view-change' || !random.chance(0.1)) return []
      const lie = mintedNewView(context, message)
      return lie === null ? [] : broadcast(context, lie)
    },
  }
}

function mintedNewView(context: AdversaryContext, message: ViewChange): NewView | null {
  const { conspiracy, self, random } = context
  const { newView: wanted } = message.entry
  const { validators } = conspiracy
  const source = message.certificate ?? conspiracy.certificates.at(-1)
  if (leaderOf(validators, wanted) !== self || source === undefined) return null
  const certificate = spoil(context, source, random)
  const highest: Ballot = ballotOf(certificate)
  const entries = validators.validators.map((_, index) => {
    const sender = index as typeof self
    const fields = { epoch: validators.epoch, newView: wanted, highest, committedHeight: height(0), sender }
    return conspiracy.isMember(index) ? conspiracy.entry(fields) : { ...fields, signature: NO_SIGNATURE }
  })
  const power = validators.validators.reduce((sum, validator) => sum + validator.power, 0n)
  if (!isQuorum(validators, power)) return null
  context.note('minted NEW-VIEW')
  return conspiracy.newView(self, wanted, entries, certificate)
}
