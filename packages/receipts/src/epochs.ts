/**
 * The epoch chain (docs/receipts.md): from validators that are trusted to those of a later epoch. The last block of an epoch
 * names the next validators, and a quorum of its own has committed it; so trust goes on, link by link, with nothing to
 * believe on the way. A pure function of the file and the trust root.
 */
import { decode, encode, epoch, equalBytes, ok, PUBLIC_KEY_BYTES, publicKey, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import {
  type Certificate,
  createValidatorSet,
  encodeCertificate,
  type Header,
  hashHeader,
  lastHeightOf,
  readCertificate,
  readHeader,
  type Validator,
  type ValidatorSet,
  type VerifySignature,
  verifyCertificate,
  writeHeader,
} from '@aethel/consensus'
import { verifySignature as verifyEd25519 } from '@aethel/crypto'
import { expectFormat, failJson, jsonBigint, jsonBytes, jsonBytesOf, jsonFields, jsonList, readJson } from '@aethel/ledger/strict-json'
import type { TrustRoot } from './trust.js'

/** The last block of an epoch, and whom it hands over to. */
export interface EpochLink {
  readonly header: Header
  /** Commit certificate of `header`, by the validators of its epoch. */
  readonly certificate: Certificate
  /** Of the next epoch, in order: their hash stands in the header. */
  readonly nextValidators: readonly Validator[]
}

export const EPOCHS_FORMAT = 'aethel-epochs/1'
export const MAX_EPOCH_LINKS = 4096
/** A link takes about 1 kB and 330 bytes per validator. */
export const MAX_EPOCHS_BYTES: number = 64 * 1024 * 1024
const MAX_LINK_VALIDATORS = 4096
const MAX_HEADER_BYTES = 1024
const MAX_CERTIFICATE_BYTES: number = 512 * 1024

/** epochs.json: ascending, one link per epoch, bytes as hex, powers as decimal strings, a final newline. */
export function encodeEpochs(links: readonly EpochLink[]): string {
  return `${JSON.stringify(
    {
      format: EPOCHS_FORMAT,
      links: links.map((link) => ({
        header: toHex(encode((writer) => writeHeader(writer, link.header))),
        certificate: toHex(encodeCertificate(link.certificate)),
        nextValidators: link.nextValidators.map((validator) => ({
          publicKey: toHex(validator.publicKey),
          power: String(validator.power),
        })),
      })),
    },
    null,
    2,
  )}\n`
}

/** Strict parse; says nothing yet about whether it is true. */
export function decodeEpochs(bytes: Uint8Array): Result<readonly EpochLink[], Refusal> {
  return readJson(bytes, MAX_EPOCHS_BYTES, (json) => {
    expectFormat(json, 'an epoch chain', EPOCHS_FORMAT)
    const fields = jsonFields(json, 'epoch chain', ['format', 'links'])
    return jsonList(fields.get('links'), 'links', MAX_EPOCH_LINKS).map((item, index) => {
      const link = jsonFields(item, `links[${index}]`, ['header', 'certificate', 'nextValidators'])
      const header = decode(jsonBytes(link.get('header'), 'header', MAX_HEADER_BYTES), readHeader)
      if (!header.ok) return failJson(header.error.code, `links[${index}].header: ${header.error.message}`)
      const certificate = decode(jsonBytes(link.get('certificate'), 'certificate', MAX_CERTIFICATE_BYTES), readCertificate)
      if (!certificate.ok) return failJson(certificate.error.code, `links[${index}].certificate: ${certificate.error.message}`)
      const nextValidators = jsonList(link.get('nextValidators'), 'nextValidators', MAX_LINK_VALIDATORS).map((each) => {
        const validator = jsonFields(each, 'validator', ['publicKey', 'power'])
        return {
          publicKey: publicKey(jsonBytesOf(validator.get('publicKey'), 'publicKey', PUBLIC_KEY_BYTES)),
          power: jsonBigint(validator.get('power'), 'power'),
        }
      })
      return { header: header.value, certificate: certificate.value, nextValidators }
    })
  })
}

/**
 * Trust in each epoch from `trust` on to the end of the chain, ascending, `trust` itself first. Links of epochs before it
 * are passed over: they are older than what is trusted already and prove nothing more. One bad link refuses all.
 */
export function verifyEpochChain(
  trust: TrustRoot,
  links: readonly EpochLink[],
  verifySignature: VerifySignature = verifyEd25519,
): Result<readonly TrustRoot[], Refusal> {
  const roots: TrustRoot[] = [trust]
  if (links.length === 0) return ok(roots)
  if (trust.epochLength === 0) {
    return refuse('single-epoch', 'expected a trust root that says how long an epoch is, got one of a chain whose validators never change')
  }
  let newest = trust
  let previous: Header | null = null
  for (const link of links) {
    const { header } = link
    if (previous !== null && header.epoch !== previous.epoch + 1)
      return refuse(
        'epoch-order',
        `expected the link of epoch ${previous.epoch + 1} after that of ${previous.epoch}, got epoch ${header.epoch}`,
      )
    previous = header
    if (header.epoch < trust.validators.epoch) continue
    const next = verifyLink(newest, link, verifySignature)
    if (!next.ok) return next
    newest = { ...trust, validators: next.value }
    roots.push(newest)
  }
  return ok(roots)
}

function verifyLink(trust: TrustRoot, link: EpochLink, verifySignature: VerifySignature): Result<ValidatorSet, Refusal> {
  const { certificate, header } = link
  const { chainId, epochLength, validators } = trust
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
  const signed = verifyCertificate({ chainId, validators, verifySignature }, certificate)
  if (!signed.ok) return signed
  const next = createValidatorSet(epoch(validators.epoch + 1), link.nextValidators)
  if (!next.ok) return next
  return equalBytes(next.value.hash, header.nextValidatorsHash)
    ? next
    : refuse('next-validators', `expected the validators that block ${header.height} names for epoch ${next.value.epoch}, got others`)
}
