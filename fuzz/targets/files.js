/** What people and programs exchange besides messages: transactions, genesis, records, receipts, trust roots, stores, transcripts. */
import { readdirSync, readFileSync } from 'node:fs'
import { epoch, height, utf8, validatorIndex, view } from '@aethel/codec'
import { blsPossessionBytes, encodeMessage } from '@aethel/consensus'
import { blsKey, signingKey, verifySignature } from '@aethel/crypto'
import {
  buildTransaction,
  checkAction,
  DEFAULT_PARAMETERS,
  decodeAccountRecord,
  decodeClaimRecord,
  decodeGenesis,
  decodeLibraryRecord,
  decodeMapProof,
  decodeOffenceRecord,
  decodeTransaction,
  encodeAccountRecord,
  encodeClaimRecord,
  encodeGenesis,
  encodeLibraryRecord,
  encodeMapProof,
  encodeOffenceRecord,
  encodeTransaction,
  genesisFromJson,
  genesisToJson,
  genesisValidators,
  signTransaction,
  transactionSigningBytes,
  useSigningBytes,
  withOffence,
} from '@aethel/ledger'
import { decodeReceipt, decodeTrust, encodeReceipt, encodeTrust, verifyReceipt } from '@aethel/receipts'
import { parseTranscript } from '@aethel/simulator'
import { CRC_START, crcOver, crcStep, maskedCrc } from '../../packages/storage/dist/crc32c.js'
import { damageInLog, recordsOfLog } from '../../packages/storage/dist/log-check.js'
import { readManifest } from '../../packages/storage/dist/manifest.js'
import {
  decodeEpoch,
  decodeMeta,
  decodePlace,
  decodeRecovery,
  decodeTip,
  decodeView,
  decodeVote,
  encodeEpoch,
  encodeMeta,
  encodePlace,
  encodeRecovery,
  encodeTip,
  encodeView,
  encodeVote,
} from '../../packages/storage/dist/records.js'
import { damageInTable } from '../../packages/storage/dist/table-check.js'
import { CHAIN } from '../lib/cluster.js'
import { mutateJson } from '../lib/mutate-json.js'
import { Broken } from '../lib/properties.js'
import { certificate, message, verifyAggregate } from './consensus.js'

/** @typedef {import('../lib/properties.js').Target} Target */

const PACKAGES = new URL('../../packages/', import.meta.url)
const key = signingKey(new Uint8Array(32).fill(7))

/** One joins and one changes its key, each without a BLS key and with one. @returns {import('@aethel/ledger').Action} */
function updateOfValidators() {
  const signature = /** @type {import('@aethel/codec').Signature} */ (new Uint8Array(64))
  const { publicKey: newKey, sign } = blsKey(new Uint8Array(32).fill(7))
  const keyed = { account: key.publicKey, publicKey: key.publicKey, possession: signature }
  const bls = { key: newKey, possession: sign(blsPossessionBytes(key.publicKey, newKey)) }
  const join = { ...keyed, change: /** @type {const} */ ('join'), power: 3n, contact: null }
  const change = { ...keyed, change: /** @type {const} */ ('key') }
  const changes = [join, { ...join, bls }, change, { ...change, bls }]
  return { type: 'update-validators', sequence: 1, changes, approvals: [{ key: 0, signature }] }
}

/** @type {Target} */
export const transactions = {
  name: 'transactions',
  what: 'signed transactions',
  seeds: () =>
    [
      { type: /** @type {const} */ ('note'), data: utf8('a note') },
      { type: /** @type {const} */ ('submit-proof'), kind: 'lrat/1', claim: utf8('claim'), proof: utf8('proof'), metadata: null },
      {
        type: /** @type {const} */ ('submit-proof'),
        kind: 'metamath/1',
        claim: utf8('c'),
        proof: utf8('p'),
        metadata: { title: 'a title, ü', sourceDigest: CHAIN, toolchain: 'by hand' },
      },
      updateOfValidators(),
    ].map((action) =>
      encodeTransaction(signTransaction(buildTransaction({ chainId: CHAIN, sender: key.publicKey, nonce: 3, action }), key)),
    ),
  dictionary: ['lrat/1', 'metamath/1', Uint8Array.of(1), Uint8Array.of(2), new Uint8Array(16)],
  decode: decodeTransaction,
  encode: encodeTransaction,
  use: (value, bytes) => {
    if (!checkAction(value.action).ok) throw new Broken('a decoded action is refused')
    useSigningBytes(bytes, (message) => {
      if (Buffer.compare(message, transactionSigningBytes(value)) !== 0) throw new Broken('two texts to sign for one transaction')
      verifySignature(value.sender, message, value.signature)
    })
  },
}

/** @returns {import('@aethel/ledger').Genesis} */
function genesis() {
  return {
    chainName: 'fuzz',
    genesisTimeMs: 1_700_000_000_000,
    validators: [1, 2, 3, 4].map((index) => ({ publicKey: signingKey(new Uint8Array(32).fill(index)).publicKey, power: BigInt(index) })),
    parameters: DEFAULT_PARAMETERS,
    kinds: [
      { kind: 'lrat/1', revision: 1 },
      { kind: 'metamath/1', revision: 1 },
    ],
    libraries: [{ name: 'small', digest: CHAIN }],
  }
}

/** The same with BLS certificates. @returns {import('@aethel/ledger').Genesis} */
function blsGenesis() {
  const plain = genesis()
  const validators = plain.validators.map((validator, index) => {
    const bls = blsKey(new Uint8Array(32).fill(index + 1))
    return { ...validator, blsKey: bls.publicKey, blsPossession: bls.sign(blsPossessionBytes(validator.publicKey, bls.publicKey)) }
  })
  return { ...plain, validators }
}

/** Where it says whom votes go to. @returns {import('@aethel/ledger').Genesis} */
function treeGenesis() {
  const made = blsGenesis()
  return { ...made, parameters: { ...made.parameters, dissemination: 'tree' } }
}

/** @type {Target} */
export const genesisBinary = {
  name: 'genesis',
  what: 'genesis in its binary form',
  seeds: () => [genesis(), blsGenesis(), treeGenesis()].map(encodeGenesis),
  dictionary: ['lrat/1', 'small', new Uint8Array(4)],
  decode: decodeGenesis,
  encode: encodeGenesis,
  use: (value) => {
    if (!genesisValidators(value).ok) throw new Broken('an accepted genesis has no validator set')
    const json = genesisFromJson(utf8(genesisToJson(value)))
    if (!json.ok || Buffer.compare(encodeGenesis(json.value), encodeGenesis(value)) !== 0) throw new Broken('another genesis in JSON')
  },
}

const JSON_WORDS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  'null',
  'true',
  'false',
  '\\u0000',
  '\\ud800',
  '\\',
  '"0"',
  '"__proto__"',
  '0',
  '1e9',
]
const digit = (/** @type {string} */ name) => `"${name}": `

/** A changed file, mostly with the chain id that then is right: a wrong one hides whatever else there is. @type {NonNullable<Target['change']>} */
function changedGenesis(input, random) {
  const changed = mutateJson(input, random)
  const read = changed === null || random.chance(0.1) ? null : genesisFromJson(changed)
  const right = read === null || read.ok ? undefined : /the hash of this genesis, ([0-9a-f]{64});/.exec(read.error.message)?.[1]
  if (changed === null || right === undefined) return changed
  return utf8(
    Buffer.from(changed)
      .toString('utf8')
      .replace(/"chainId": "[0-9a-f]*"/, `"chainId": "${right}"`),
  )
}

/** @type {Target} */
export const genesisJson = {
  name: 'genesis-json',
  change: changedGenesis,
  what: 'genesis files',
  seeds: () => [genesis(), blsGenesis(), treeGenesis()].map((each) => utf8(genesisToJson(each))),
  dictionary: [...JSON_WORDS, digit('window'), digit('validators'), digit('kinds'), digit('power'), digit('blsKey')],
  decode: genesisFromJson,
  encode: (value) => utf8(genesisToJson(value)),
  roundTrip: 'same-value',
}

/** @param {string} name @returns {{ trust: string, vectors: { receipt?: string, trust?: string }[] }} */
function vectors(name) {
  return JSON.parse(readFileSync(new URL(`receipts/vectors/${name}.json`, PACKAGES), 'utf8'))
}

/** @param {string} text */
function trustRootOf(text) {
  const decoded = decodeTrust(utf8(text))
  if (!decoded.ok) throw new Error(decoded.error.message)
  return decoded.value
}

const good = vectors('good')
const bad = vectors('bad')
const bls = vectors('bls')
const trusts = vectors('trust')
const trustRoot = trustRootOf(good.trust)
const blsTrustRoot = trustRootOf(bls.trust)

/** @type {Target} */
export const receipts = {
  name: 'receipts',
  change: mutateJson,
  what: 'receipt files and their verification',
  seeds: () => [...good.vectors, ...bad.vectors, ...bls.vectors].flatMap(({ receipt }) => (receipt === undefined ? [] : [utf8(receipt)])),
  dictionary: [...JSON_WORDS, '00', 'ff', digit('trail'), digit('claim'), '"aethel-receipt/1"'],
  maxBytes: 8192,
  decode: decodeReceipt,
  encode: (value) => utf8(encodeReceipt(value)),
  roundTrip: 'same-value',
  use: (_, bytes) => {
    for (const value of [trustRoot, blsTrustRoot])
      verifyReceipt(bytes, { trust: value, verifySignature: (__, ___, signature) => ((signature[63] ?? 1) & 1) === 0, verifyAggregate })
  },
}

/** @type {Target} */
export const trust = {
  name: 'trust',
  change: mutateJson,
  what: 'trust files',
  seeds: () => [
    utf8(encodeTrust(trustRoot)),
    ...trusts.vectors.flatMap((vector) => (vector.trust === undefined ? [] : [utf8(vector.trust)])),
  ],
  dictionary: [...JSON_WORDS, '"aethel-trust/1"', digit('epoch'), digit('validators'), digit('blsKey')],
  decode: decodeTrust,
  encode: (value) => utf8(encodeTrust(value)),
  roundTrip: 'same-value',
}

/**
 * One target for several small formats: the first byte chooses.
 *
 * @param {readonly { decode: (bytes: Uint8Array) => import('../lib/properties.js').Decoded, encode: (value: any) => Uint8Array }[]} formats
 * @returns {Pick<Target, 'decode' | 'encode'>}
 */
function chosenBy(formats) {
  const at = (/** @type {Uint8Array} */ bytes) => /** @type {(typeof formats)[number]} */ (formats[(bytes[0] ?? 0) % formats.length])
  return {
    decode: (bytes) => at(bytes).decode(bytes.subarray(1)),
    encode: (value, bytes) => Uint8Array.from([bytes[0] ?? 0, ...at(bytes).encode(value)]),
  }
}

/**
 * @param {number} tag
 * @param {Uint8Array} bytes
 */
function tagged(tag, bytes) {
  return Uint8Array.from([tag, ...bytes])
}

/** @type {import('@aethel/consensus').Offence} */
const offence = {
  type: 'equivocation',
  offender: validatorIndex(1),
  publicKey: key.publicKey,
  epoch: epoch(0),
  view: view(2),
  height: height(5),
  kind: 'commit',
}

function recordSeeds() {
  const records = [...good.vectors].flatMap(({ receipt }) => {
    if (receipt === undefined) return []
    const decoded = decodeReceipt(utf8(receipt))
    return decoded.ok ? [tagged(0, decoded.value.record), tagged(4, encodeMapProof(decoded.value.path))] : []
  })
  const once = withOffence(null, offence, height(9))
  return [
    ...records,
    tagged(3, encodeOffenceRecord(once)),
    tagged(3, encodeOffenceRecord(withOffence(once, { ...offence, height: height(6) }, height(11)))),
    tagged(1, new Uint8Array(9)),
    tagged(2, new Uint8Array(40)),
  ]
}

/** @type {Target} */
export const stateRecords = {
  name: 'state-records',
  what: "records of the ledger's state and paths under its root",
  seeds: recordSeeds,
  dictionary: [0, 1, 2, 3, 4].map((tag) => Uint8Array.of(tag)),
  ...chosenBy([
    { decode: decodeClaimRecord, encode: encodeClaimRecord },
    { decode: decodeAccountRecord, encode: encodeAccountRecord },
    { decode: decodeLibraryRecord, encode: encodeLibraryRecord },
    { decode: decodeOffenceRecord, encode: encodeOffenceRecord },
    { decode: decodeMapProof, encode: encodeMapProof },
  ]),
}

function storeSeeds() {
  const messages = message.seeds()
  const certificates = certificate.seeds()
  const decoded = messages.map((bytes) => message.decode(bytes)).flatMap((result) => (result.ok ? [/** @type {any} */ (result.value)] : []))
  const newView = decoded.find(({ kind }) => kind === 'new-view') ?? null
  const viewChange = decoded.find(({ kind }) => kind === 'view-change') ?? null
  const vote = decoded.find(({ kind }) => kind === 'vote')
  const held = /** @type {any} */ (certificate.decode(/** @type {Uint8Array} */ (certificates[0])))
  return [
    tagged(0, encodeMeta({ format: 1, chainId: CHAIN })),
    tagged(1, encodeView({ kind: 'view', view: view(1), phase: 'active', newView, viewChange: null })),
    tagged(1, encodeView({ kind: 'view', view: view(1), phase: 'changing', newView: null, viewChange })),
    tagged(2, encodeVote(vote.vote)),
    tagged(3, encodeTip({ tip: { height: height(1), hash: CHAIN, timestampMs: 5 }, lastCommit: held.value })),
    tagged(4, encodePlace({ height: height(3), index: 1 })),
    tagged(5, encodeRecovery({ status: 'released', forgottenUpTo: epoch(1), epoch: epoch(1), view: view(4) })),
    tagged(2, encodeMessage(decoded[0])),
    tagged(2, encodeVote(decoded.find(({ kind, vote: { share } = {} }) => kind === 'vote' && share !== undefined).vote)),
    ...[trustRoot, blsTrustRoot].map(({ validators }) =>
      tagged(6, encodeEpoch({ originHeight: height(9), originHash: CHAIN, validators: validators.validators })),
    ),
  ]
}

/** @type {Target} */
export const storeRecords = {
  name: 'store-records',
  what: 'records of the durable store',
  seeds: storeSeeds,
  dictionary: [0, 1, 2, 3, 4].map((tag) => Uint8Array.of(tag)),
  ...chosenBy([
    { decode: decodeMeta, encode: encodeMeta },
    { decode: decodeView, encode: encodeView },
    { decode: decodeVote, encode: encodeVote },
    { decode: decodeTip, encode: encodeTip },
    { decode: decodePlace, encode: encodePlace },
    { decode: decodeRecovery, encode: encodeRecovery },
    { decode: decodeEpoch, encode: encodeEpoch },
  ]),
}

/**
 * A log record of LevelDB with a good checksum.
 *
 * @param {Uint8Array} data
 * @param {number} type
 */
function logRecord(data, type = 1) {
  const out = new Uint8Array(7 + data.length)
  const fields = new DataView(out.buffer)
  fields.setUint32(0, maskedCrc(crcOver(crcStep(CRC_START, type), data, 0, data.length)), true)
  fields.setUint16(4, data.length, true)
  out[6] = type
  out.set(data, 7)
  return out
}

/**
 * A table with good checksums around any index block.
 *
 * @param {Uint8Array} index
 */
function tableAround(index) {
  const out = new Uint8Array(index.length + 5 + 5 + 48)
  const fields = new DataView(out.buffer)
  fields.setUint32(1, maskedCrc(crcOver(CRC_START, out, 0, 1)), true)
  out.set(index, 5)
  const end = 5 + index.length
  fields.setUint32(end + 1, maskedCrc(crcOver(CRC_START, out, 5, end + 1)), true)
  const footer = [0, 0, 5, ...varint(index.length)]
  out.set(footer, end + 5)
  out.set([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb], out.length - 8)
  return out
}

/** @param {number} value */
function varint(value) {
  const out = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest]
    out.push((rest % 128) | 128)
  }
}

/** @type {Target} */
export const storeFiles = {
  name: 'store-files',
  what: "LevelDB's logs, manifests and tables as the store looks over them at start; checksums are made good half of the time",
  seeds: () => [
    tagged(0, Uint8Array.from([...logRecord(utf8('one')), ...logRecord(utf8('two'), 2), ...logRecord(utf8('three'), 4)])),
    tagged(1, logRecord(Uint8Array.of(1, 1, 65, 2, 3, 3, 9, 4, 7, 7, 0, 5, 100, 1, 65, 1, 66, 6, 0, 4))),
    tagged(2, tableAround(Uint8Array.of(0, 1, 2, 97, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0))),
    tagged(4, Uint8Array.of(1, 1, 65, 2, 3, 3, 9, 4, 7, 7, 0, 5, 100, 1, 65, 1, 66, 6, 0, 4)),
    tagged(5, Uint8Array.of(0, 1, 2, 97, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0)),
  ],
  dictionary: [Uint8Array.of(7, 0), Uint8Array.of(255, 255, 255, 255, 15), Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127)],
  decode: (bytes) => {
    const rest = bytes.subarray(1)
    switch ((bytes[0] ?? 0) % 6) {
      case 0:
        return { ok: true, value: [damageInLog(rest), recordsOfLog(rest)] }
      case 1:
        return { ok: true, value: readManifest(rest) }
      case 2:
        return { ok: true, value: damageInTable(rest, () => true) }
      case 3:
        return { ok: true, value: damageInLog(logRecord(rest.subarray(0, 1000))) }
      case 4:
        return { ok: true, value: readManifest(logRecord(rest.subarray(0, 1000))) }
      default:
        return { ok: true, value: damageInTable(tableAround(rest), () => true) }
    }
  },
}

const TRANSCRIPTS = new URL('simulator/transcripts/', PACKAGES)

/** @type {Target} */
export const transcripts = {
  name: 'transcripts',
  what: 'schedules written by hand',
  seeds: () => readdirSync(TRANSCRIPTS).map((name) => new Uint8Array(readFileSync(new URL(name, TRANSCRIPTS)))),
  dictionary:
    'validators|powers|window|byzantine|submit|deliver all|drop|replay|send|expect|timeout|crash|restart|view|height|block|PREPARE|COMMIT|NEWVIEW|VIEWCHANGE|PREPREPARE|->|*|9007199254740992|\n'.split(
      '|',
    ),
  decode: (bytes) => parseTranscript(new TextDecoder().decode(bytes)),
}
