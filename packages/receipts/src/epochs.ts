/**
 * The epoch chain (docs/receipts.md): from validators that are trusted to those of a later epoch. The last block of an epoch
 * names the next validators, and a quorum of its own has committed it; so trust goes on, link by link, with nothing to
 * believe on the way. A pure function of the file and the trust root.
 */
import { decode, encode, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import {
  type EpochLink,
  encodeCertificate,
  type Header,
  readCertificate,
  readHeader,
  type VerifyAggregate,
  type VerifySignature,
  verifyEpochLink,
  writeHeader,
} from '@aethel/consensus'
import { verifyBls, verifySignature as verifyEd25519 } from '@aethel/crypto'
import { expectFormat, failJson, jsonBytes, jsonFields, jsonList, readJson } from '@aethel/ledger/strict-json'
import { VALIDATOR_BLS_FIELDS, VALIDATOR_FIELDS, validatorFromJson, validatorToJson } from '@aethel/ledger/validator-json'
import type { TrustRoot } from './trust.js'

export type { EpochLink } from '@aethel/consensus'

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
        nextValidators: link.nextValidators.map(validatorToJson),
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
      const nextValidators = jsonList(link.get('nextValidators'), 'nextValidators', MAX_LINK_VALIDATORS).map((each) =>
        validatorFromJson(jsonFields(each, 'validator', VALIDATOR_FIELDS, VALIDATOR_BLS_FIELDS)),
      )
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
  verifyAggregate: VerifyAggregate = verifyBls,
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
    const next = verifyEpochLink({ ...newest, verifySignature, verifyAggregate }, link)
    if (!next.ok) return next
    newest = { ...trust, validators: next.value }
    roots.push(newest)
  }
  return ok(roots)
}
