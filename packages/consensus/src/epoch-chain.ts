/**
 * One step along the epoch chain (protocol.md §10): the last block of an epoch names the next validators and is committed by
 * a quorum of its own, so whoever trusts one epoch's validators can trust the next one's. Light clients walk it
 * (docs/receipts.md), and so does a replica that takes over a state from another epoch (§7).
 */
import {
  BYTES_COST,
  epoch,
  equalBytes,
  type ItemOf,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  toHex,
  type Writer,
} from '@aethel/codec'
import { HEADER, type Header, hashHeader, readHeader, writeHeader } from './block.js'
import {
  type Certificate,
  type CertificateContext,
  certificateCost,
  readCertificate,
  verifyCertificate,
  writeCertificate,
} from './certificate.js'
import { type EpochLength, lastHeightOf } from './epochs.js'
import { createValidatorSet, MAX_VALIDATORS, successorOf, type Validator, type ValidatorSet } from './validators.js'

/** The last block of an epoch, and whom it hands over to. */
export interface EpochLink {
  readonly header: Header
  /** Commit certificate of `header`, by the validators of its epoch. */
  readonly certificate: Certificate
  /** Of the next epoch, in order: their hash stands in the header. */
  readonly nextValidators: readonly Validator[]
}

/** `validators`: trusted, of the epoch that the link ends. */
export interface EpochLinkContext extends CertificateContext {
  readonly epochLength: EpochLength
}

/** The validators of the next epoch, as trusted as those of this one. */
export function verifyEpochLink(context: EpochLinkContext, link: EpochLink): Result<ValidatorSet, Refusal> {
  const { certificate, header } = link
  const { chainId, epochLength, validators } = context
  if (epochLength === 0) return refuse('single-epoch', 'expected no end of an epoch on a chain whose validators never change')
  if (!equalBytes(header.chainId, chainId))
    return refuse('chain-id', `expected a link of chain ${toHex(chainId)}, got one of ${toHex(header.chainId)}`)
  if (header.epoch !== validators.epoch)
    return refuse('epoch-gap', `expected the link of epoch ${validators.epoch}, got that of ${header.epoch}; get the chain from there on`)
  const last = lastHeightOf(epochLength, validators.epoch)
  if (header.height !== last)
    return refuse('epoch-boundary', `expected block ${last}, the last of epoch ${validators.epoch}, got block ${header.height}`)
  if (!equalBytes(header.validatorsHash, validators.hash))
    return refuse('validators', `expected a header that names the validators of epoch ${validators.epoch}, got other validators`)
  if (certificate.kind !== 'commit')
    return refuse('certificate-kind', `expected a commit certificate, got a ${certificate.kind} certificate`)
  if (certificate.height !== header.height || !equalBytes(certificate.blockHash, hashHeader(header)))
    return refuse('certificate-block', `expected the certificate of block ${header.height}, got one of another block`)
  const signed = verifyCertificate(context, certificate)
  if (!signed.ok) return signed
  const next = createValidatorSet(epoch(validators.epoch + 1), link.nextValidators)
  if (!next.ok) return next
  return equalBytes(next.value.hash, header.nextValidatorsHash)
    ? successorOf(validators, next.value)
    : refuse('next-validators', `expected the validators that block ${header.height} names for epoch ${next.value.epoch}, got others`)
}

export function writeEpochLink(writer: Writer, link: EpochLink): void {
  writeHeader(writer, link.header)
  writeCertificate(writer, link.certificate)
  writer.list(link.nextValidators, (w, { publicKey, power, blsKey }) => {
    w.raw(publicKey).u128(power)
    if (blsKey !== undefined) w.raw(blsKey)
  })
}

const VALIDATOR_COST: number = BYTES_COST + 88
const VALIDATOR: ItemOf<Validator> = {
  read: (reader) => ({ publicKey: reader.publicKey(), power: reader.u128() }),
  costBytes: () => VALIDATOR_COST,
  onceRead: 'let go',
}
const VALIDATOR_WITH_BLS_KEY: ItemOf<Validator> = {
  read: (reader) => ({ publicKey: reader.publicKey(), power: reader.u128(), blsKey: reader.blsPublicKey() }),
  costBytes: () => VALIDATOR_COST + BYTES_COST,
  onceRead: 'let go',
}

export function readEpochLink(reader: Reader): EpochLink {
  const header = readHeader(reader)
  const certificate = readCertificate(reader)
  // The scheme is the chain's: who signs with BLS keys hands over to such.
  const withBlsKeys = certificate.scheme === 'bls12-381'
  const nextValidators = reader.longList(MAX_VALIDATORS, withBlsKeys ? VALIDATOR_WITH_BLS_KEY : VALIDATOR)
  return { header, certificate, nextValidators }
}

/** In offers of states. */
export const EPOCH_LINK: ItemOf<EpochLink> = {
  read: readEpochLink,
  costBytes: ({ header, certificate, nextValidators }) =>
    BYTES_COST + HEADER.costBytes(header) + certificateCost(certificate) + (VALIDATOR_COST + BYTES_COST) * nextValidators.length,
  onceRead: 'kept',
}
