/**
 * The receipt file: JSON with fixed fields around canonical bytes. What people like to read (kind, claimId, proofHash)
 * repeats what the bytes say, and must agree with them; nothing is believed because the file says it.
 */
import { decode, encode, err, HASH_BYTES, type Hash, hash, ok, type Refusal, type Result, toHex } from '@aethel/codec'
import { type Certificate, encodeCertificate, type Header, readCertificate, readHeader, writeHeader } from '@aethel/consensus'
import { decodeMapProof, encodeMapProof, type MapProof } from '@aethel/ledger/merkle'
import { expectFormat, failJson, jsonBytes, jsonBytesOf, jsonFields, jsonList, jsonText, readJson } from '@aethel/ledger/strict-json'

export interface Receipt {
  readonly chainId: Hash
  readonly kind: string
  readonly claimId: Hash
  /** Canonical claim bytes. */
  readonly claim: Uint8Array
  readonly proofHash: Hash
  /** Canonical claim record: the value in the state. */
  readonly record: Uint8Array
  /** From the record's entry to the header's stateRoot. */
  readonly path: MapProof
  readonly header: Header
  /** Headers that follow `header`, each the child of the one before; the certificate is for the last. Usually none. */
  readonly trail: readonly Header[]
  /** Commit certificate of the last header. */
  readonly certificate: Certificate
}

export const RECEIPT_FORMAT = 'aethel-receipt/1'
/** 4 MiB of claim as hex, and room for the rest. */
export const MAX_RECEIPT_BYTES: number = 10 * 1024 * 1024
export const MAX_RECEIPT_CLAIM_BYTES: number = 4 * 1024 * 1024
/** At least any chain's window, plus the tip. */
export const MAX_TRAIL = 128
/** Record: names, 65,536 axioms of at most 3 bytes. Path: 256 steps of 33 bytes. Certificate: 65,535 signatures of 64. */
const MAX_RECORD_BYTES: number = 256 * 1024
const MAX_PATH_BYTES: number = 16 * 1024
const MAX_CERTIFICATE_BYTES: number = 4 * 1024 * 1024 + 16 * 1024
const MAX_HEADER_BYTES = 1024
const MAX_KIND_CHARACTERS = 64

const FIELDS = ['format', 'chainId', 'kind', 'claimId', 'claim', 'proofHash', 'record', 'path', 'header', 'certificate'] as const

function headerHex(header: Header): string {
  return toHex(encode((writer) => writeHeader(writer, header)))
}

/** The file's text: fixed order of fields, lower-case hex, a final newline; `trail` is left out when empty. */
export function encodeReceipt(receipt: Receipt): string {
  return `${JSON.stringify(
    {
      format: RECEIPT_FORMAT,
      chainId: toHex(receipt.chainId),
      kind: receipt.kind,
      claimId: toHex(receipt.claimId),
      proofHash: toHex(receipt.proofHash),
      claim: toHex(receipt.claim),
      record: toHex(receipt.record),
      path: toHex(encodeMapProof(receipt.path)),
      header: headerHex(receipt.header),
      ...(receipt.trail.length === 0 ? {} : { trail: receipt.trail.map(headerHex) }),
      certificate: toHex(encodeCertificate(receipt.certificate)),
    },
    null,
    2,
  )}\n`
}

/** Strict parse of a receipt file; says nothing yet about whether it is true. */
export function decodeReceipt(bytes: Uint8Array): Result<Receipt, Refusal> {
  const parsed = readJson(bytes, MAX_RECEIPT_BYTES, (json): Receipt => {
    expectFormat(json, 'a receipt', RECEIPT_FORMAT)
    const fields = jsonFields(json, 'receipt', FIELDS, ['trail'])
    const part = <T>(name: string, maxBytes: number, read: (bytes: Uint8Array) => Result<T, Refusal>): T => {
      const value = read(jsonBytes(fields.get(name), name, maxBytes))
      return value.ok ? value.value : failJson(value.error.code, `${name}: ${value.error.message}`)
    }
    const trail = fields.has('trail') ? jsonList(fields.get('trail'), 'trail', MAX_TRAIL) : []
    if (fields.has('trail') && trail.length === 0) failJson('trail', 'expected no trail field rather than an empty trail')
    return {
      chainId: hash(jsonBytesOf(fields.get('chainId'), 'chainId', HASH_BYTES)),
      kind: jsonText(fields.get('kind'), 'kind', MAX_KIND_CHARACTERS),
      claimId: hash(jsonBytesOf(fields.get('claimId'), 'claimId', HASH_BYTES)),
      claim: jsonBytes(fields.get('claim'), 'claim', MAX_RECEIPT_CLAIM_BYTES),
      proofHash: hash(jsonBytesOf(fields.get('proofHash'), 'proofHash', HASH_BYTES)),
      record: jsonBytes(fields.get('record'), 'record', MAX_RECORD_BYTES),
      path: part('path', MAX_PATH_BYTES, decodeMapProof),
      header: part('header', MAX_HEADER_BYTES, decodeHeader),
      trail: trail.map((item, index) => {
        const header = decodeHeader(jsonBytes(item, `trail[${index}]`, MAX_HEADER_BYTES))
        return header.ok ? header.value : failJson(header.error.code, `trail[${index}]: ${header.error.message}`)
      }),
      certificate: part('certificate', MAX_CERTIFICATE_BYTES, (raw) => decode(raw, readCertificate)),
    }
  })
  return parsed.ok ? ok(parsed.value) : err(parsed.error)
}

function decodeHeader(bytes: Uint8Array): Result<Header, Refusal> {
  return decode(bytes, readHeader)
}
