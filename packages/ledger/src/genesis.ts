/**
 * Genesis: everything a chain's validators agree on before the first block. Its canonical bytes are hashed into the chain
 * id, which every signature and every header carries; its JSON form is for people and decodes to the same value, strictly.
 */
import {
  BLS_SIGNATURE_BYTES,
  type BlsSignature,
  BYTES_COST,
  blsSignature,
  compareBytes,
  decode,
  encode,
  epoch,
  equalBytes,
  err,
  HASH_BYTES,
  type Hash,
  hash,
  height,
  type ItemOf,
  ok,
  PUBLIC_KEY_BYTES,
  publicKey,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  toHex,
  utf8,
  type Writer,
} from '@aethel/codec'
import {
  blsPossessionBytes,
  type CommittedTip,
  createValidatorSet,
  type Dissemination,
  MAX_BLOB_BYTES,
  MAX_BLOCK_TRANSACTIONS,
  MAX_EPOCH_LENGTH,
  type Validator,
  type ValidatorSet,
} from '@aethel/consensus'
import { hashTagged, hasSmallOrder, verifyBls } from '@aethel/crypto'
import { MAX_KIND_BYTES, MAX_LIBRARY_NAME_BYTES } from './records.js'
import { expectFormat, failJson, type Json, jsonBytesOf, jsonFields, jsonInteger, jsonList, jsonText, readJson } from './strict-json.js'
import { MAX_PROOF_BYTES } from './transaction.js'
import { VALIDATOR_BLS_FIELDS, VALIDATOR_FIELDS, validatorFromJson, validatorToJson } from './validator-json.js'
import { type Governance, MAX_CHAIN_VALIDATORS, MAX_GOVERNANCE_KEYS } from './validators.js'

export type MempoolOrder = 'difficulty' | 'fifo'

export interface Parameters {
  /** Heights a leader may propose beyond the committed one, 1..64. */
  readonly window: number
  readonly blockTransactions: number
  readonly blockBytes: number
  /** Sum of the difficulty of a block's proofs. */
  readonly blockGas: number
  /** Proofs travel inline up to this. */
  readonly maxProofBytes: number
  readonly mempoolOrder: MempoolOrder
  /** Blocks per epoch; 0: one epoch, so the validators never change (protocol.md §10). */
  readonly epochLength: number
  /** Proofs that travel as blobs, each, and those of a block together; 0: none do. */
  readonly maxBlobBytes: number
  /** Whom votes and proposals go to (protocol.md §9); left out: by the number of validators. Anything but mesh with BLS keys only. */
  readonly dissemination?: Dissemination
}

export const DEFAULT_PARAMETERS: Parameters = {
  window: 16,
  blockTransactions: 4096,
  blockBytes: 4 * 1024 * 1024,
  blockGas: 2_000_000_000,
  maxProofBytes: 1024 * 1024,
  mempoolOrder: 'difficulty',
  epochLength: 0,
  maxBlobBytes: 256 * 1024 * 1024,
}

export interface GenesisKind {
  /** For example 'lrat/1'. */
  readonly kind: string
  /** Revision of the kind's checker, from 1: raised whenever a verdict or a gas figure could change. */
  readonly revision: number
  /** Of a kind from outside this program: H(kind, revision, limits, specification, vectors), `DefinedVerifier.digest`. */
  readonly digest?: Hash
}

export interface GenesisLibrary {
  readonly name: string
  /** Of the definition (symbols and axioms), which is a file of its own. */
  readonly digest: Hash
}

/** With a BLS key on chains whose certificates are aggregates, and then all of them. */
export interface GenesisValidator extends Validator {
  /** By `blsKey`, of `blsPossessionBytes`: that somebody has it (trap F2). */
  readonly blsPossession?: BlsSignature
}

export interface Genesis {
  readonly chainName: string
  /** Milliseconds since 1970; the timestamp of height 0. */
  readonly genesisTimeMs: number
  /** In index order. */
  readonly validators: readonly GenesisValidator[]
  readonly parameters: Parameters
  /** Proof kinds the chain accepts, ascending by kind. */
  readonly kinds: readonly GenesisKind[]
  /** Ascending by name. */
  readonly libraries: readonly GenesisLibrary[]
  /** Who may change the validators between epochs; left out: nobody. */
  readonly governance?: Governance
}

/**
 * Of a chain with one epoch, and of one with many; each also with kinds from outside; and so many more for each of these with
 * blobs, of all that with BLS certificates, and of all that where votes and proposals go a way that is laid down.
 */
const GENESIS_VERSION = { single: 1, epochs: 2, singleWithDigests: 3, epochsWithDigests: 4 } as const
const VERSIONS_WITH_BLOBS = 4
const VERSIONS_WITH_BLS_KEYS = 8
const VERSIONS_WITH_DISSEMINATION = 16
const LAST_VERSION: number = 2 * VERSIONS_WITH_DISSEMINATION
/** On the wire: the position plus one. */
const DISSEMINATIONS: readonly Dissemination[] = ['mesh', 'collectors', 'tree']
const MAX_CHAIN_NAME_BYTES = 64
const MAX_GENESIS_VALIDATORS: number = MAX_CHAIN_VALIDATORS
const MAX_KINDS = 64
const MAX_LIBRARIES = 64
const MAX_WINDOW = 64
/** A validator takes about 150 bytes of JSON, and 450 with a BLS key. */
const MAX_GENESIS_JSON_BYTES: number = 2 * 1024 * 1024
const MAX_U32 = 0xffff_ffff

export function writeParameters(writer: Writer, parameters: Parameters): void {
  writer.u16(parameters.window).u32(parameters.blockTransactions).u32(parameters.blockBytes).u64(parameters.blockGas)
  writer.u32(parameters.maxProofBytes).u8(parameters.mempoolOrder === 'difficulty' ? 1 : 2)
}

function readParameters(reader: Reader): Omit<Parameters, 'epochLength' | 'maxBlobBytes' | 'dissemination'> {
  const numbers = {
    window: reader.u16(),
    blockTransactions: reader.u32(),
    blockBytes: reader.u32(),
    blockGas: reader.u64(),
    maxProofBytes: reader.u32(),
  }
  const order = reader.u8()
  if (order !== 1 && order !== 2) reader.fail('mempool-order', `expected mempool order 1 (difficulty) or 2 (fifo), got ${order}`)
  return { ...numbers, mempoolOrder: order === 1 ? 'difficulty' : 'fifo' }
}

function hasDigests(genesis: Genesis): boolean {
  return genesis.kinds.some((kind) => kind.digest !== undefined)
}

function versionOf(genesis: Genesis): number {
  const { epochLength, maxBlobBytes, dissemination } = genesis.parameters
  const single = epochLength === 0
  const more =
    (maxBlobBytes === 0 ? 0 : VERSIONS_WITH_BLOBS) +
    (hasBlsKeys(genesis) ? VERSIONS_WITH_BLS_KEYS : 0) +
    (dissemination === undefined ? 0 : VERSIONS_WITH_DISSEMINATION)
  if (hasDigests(genesis)) return more + (single ? GENESIS_VERSION.singleWithDigests : GENESIS_VERSION.epochsWithDigests)
  return more + (single ? GENESIS_VERSION.single : GENESIS_VERSION.epochs)
}

function hasBlsKeys(genesis: Genesis): boolean {
  return genesis.validators[0]?.blsKey !== undefined
}

function writeGenesisValidator(writer: Writer, { publicKey: key, power, blsKey, blsPossession }: GenesisValidator): void {
  writer.raw(key).u128(power)
  if (blsKey !== undefined && blsPossession !== undefined) writer.raw(blsKey).raw(blsPossession)
}

const VALIDATOR: ItemOf<GenesisValidator> = {
  read: (reader) => ({ publicKey: reader.publicKey(), power: reader.u128() }),
  costBytes: () => BYTES_COST + 88,
  onceRead: 'let go',
}
const VALIDATOR_WITH_BLS_KEY: ItemOf<GenesisValidator> = {
  read: (reader) => ({ ...VALIDATOR.read(reader), blsKey: reader.blsPublicKey(), blsPossession: reader.blsSignature() }),
  costBytes: () => 3 * BYTES_COST + 112,
  onceRead: 'let go',
}

function readKind(reader: Reader, withDigests: boolean): GenesisKind {
  const kind = { kind: reader.text(MAX_KIND_BYTES), revision: reader.u16() }
  const digest = withDigests ? reader.optional((r) => r.hash()) : null
  return digest === null ? kind : { ...kind, digest }
}

export function encodeGenesis(genesis: Genesis): Uint8Array {
  return encode((writer) => {
    const { epochLength, maxBlobBytes, dissemination } = genesis.parameters
    writer.u16(versionOf(genesis)).text(genesis.chainName).u64(genesis.genesisTimeMs)
    writer.list(genesis.validators, writeGenesisValidator)
    writeParameters(writer, genesis.parameters)
    if (maxBlobBytes > 0) writer.u32(maxBlobBytes)
    if (dissemination !== undefined) writer.u8(DISSEMINATIONS.indexOf(dissemination) + 1)
    const withDigests = hasDigests(genesis)
    writer.list(genesis.kinds, (w, kind) => {
      w.text(kind.kind).u16(kind.revision)
      if (withDigests) w.optional(kind.digest ?? null, (ww, digest) => ww.raw(digest))
    })
    writer.list(genesis.libraries, (w, library) => w.text(library.name).raw(library.digest))
    if (epochLength === 0) return
    writer.u64(epochLength).list(genesis.governance?.keys ?? [], (w, key) => w.raw(key))
    writer.u16(genesis.governance?.threshold ?? 0)
  })
}

export function decodeGenesis(bytes: Uint8Array): Result<Genesis, Refusal> {
  const decoded = decode(bytes, (reader) => {
    const written = reader.u16()
    if (written < GENESIS_VERSION.single || written > LAST_VERSION)
      reader.fail('version', `expected a genesis version of 1 to ${LAST_VERSION}, got ${written}`)
    const has = (versions: number): boolean => ((written - 1) & versions) !== 0
    const withBlsKeys = has(VERSIONS_WITH_BLS_KEYS)
    const version = ((written - 1) % VERSIONS_WITH_BLOBS) + 1
    const withDigests = version === GENESIS_VERSION.singleWithDigests || version === GENESIS_VERSION.epochsWithDigests
    const fields = {
      chainName: reader.text(MAX_CHAIN_NAME_BYTES),
      genesisTimeMs: reader.u64(),
      validators: reader.longList(MAX_GENESIS_VALIDATORS, withBlsKeys ? VALIDATOR_WITH_BLS_KEY : VALIDATOR),
      parameters: {
        ...readParameters(reader),
        maxBlobBytes: has(VERSIONS_WITH_BLOBS) ? readMaxBlobBytes(reader) : 0,
        ...(has(VERSIONS_WITH_DISSEMINATION) ? { dissemination: readDissemination(reader) } : {}),
      },
      kinds: reader.list(MAX_KINDS, (r) => readKind(r, withDigests)),
      libraries: reader.list(MAX_LIBRARIES, (r) => ({ name: r.text(MAX_LIBRARY_NAME_BYTES), digest: r.hash() })),
    }
    if (withDigests && fields.kinds.every((kind) => kind.digest === undefined))
      reader.fail('version', 'expected a genesis without kinds from outside to have version 1 or 2')
    if (version === GENESIS_VERSION.single || version === GENESIS_VERSION.singleWithDigests)
      return { ...fields, parameters: { ...fields.parameters, epochLength: 0 } }
    const epochLength = reader.u64()
    if (epochLength === 0) reader.fail('epoch-length', 'expected a chain with one epoch to have genesis version 1 or 3')
    const keys = reader.list(MAX_GOVERNANCE_KEYS, (r) => r.publicKey())
    const threshold = reader.u16()
    if (keys.length === 0 && threshold !== 0) reader.fail('governance', 'expected a threshold of 0 without governance keys')
    const governance = keys.length === 0 ? {} : { governance: { keys, threshold } }
    return { ...fields, parameters: { ...fields.parameters, epochLength }, ...governance }
  })
  return decoded.ok ? checkGenesis(decoded.value) : decoded
}

function readMaxBlobBytes(reader: Reader): number {
  const bytes = reader.u32()
  return bytes > 0 ? bytes : reader.fail('blob-bytes', 'expected a chain without blobs to have a genesis version of 1 to 4')
}

function readDissemination(reader: Reader): Dissemination {
  const code = reader.u8()
  return (
    DISSEMINATIONS[code - 1] ?? reader.fail('dissemination', `expected dissemination 1 (mesh), 2 (collectors) or 3 (tree), got ${code}`)
  )
}

/** What every genesis must satisfy, however it was made. */
export function checkGenesis(genesis: Genesis): Result<Genesis, Refusal> {
  const validators = createValidatorSet(epoch(0), genesis.validators)
  if (!validators.ok) return validators
  const possessions = checkPossessions(genesis.validators)
  if (!possessions.ok) return possessions
  const name = checkName('chain name', genesis.chainName, MAX_CHAIN_NAME_BYTES)
  if (!name.ok) return name
  const parameters = checkParameters(genesis.parameters)
  if (!parameters.ok) return parameters
  const { dissemination } = genesis.parameters
  if (dissemination !== undefined && dissemination !== 'mesh' && !hasBlsKeys(genesis))
    return refuse(
      'dissemination',
      `expected dissemination 'mesh' of validators without BLS keys, got '${dissemination}': a list of signatures is as long as the votes in it`,
    )
  const governance = checkGovernance(genesis)
  if (!governance.ok) return governance
  if (genesis.validators.length > MAX_GENESIS_VALIDATORS || genesis.kinds.length > MAX_KINDS || genesis.libraries.length > MAX_LIBRARIES) {
    return refuse('genesis', `expected at most ${MAX_GENESIS_VALIDATORS} validators, ${MAX_KINDS} kinds and ${MAX_LIBRARIES} libraries`)
  }
  const kinds = checkNames(
    'kind',
    genesis.kinds.map((kind) => kind.kind),
    MAX_KIND_BYTES,
  )
  if (!kinds.ok) return kinds
  for (const kind of genesis.kinds)
    if (kind.revision < 1) return refuse('genesis-kind', `expected a revision of at least 1 for ${kind.kind}`)
  const libraries = checkNames(
    'library',
    genesis.libraries.map((library) => library.name),
    MAX_LIBRARY_NAME_BYTES,
  )
  return libraries.ok ? ok(genesis) : libraries
}

/** A BLS key that nobody has can be made to cancel those of others in a sum, and one validator to pass for a quorum (trap F2). */
function checkPossessions(validators: readonly GenesisValidator[]): Result<null, Refusal> {
  for (const [index, { publicKey: key, blsKey, blsPossession }] of validators.entries()) {
    if ((blsKey === undefined) !== (blsPossession === undefined))
      return refuse('bls-possession', `expected a BLS key and its possession, or neither, of validator ${index}`)
    if (blsKey === undefined || blsPossession === undefined) continue
    if (!verifyBls([blsKey], blsPossessionBytes(key, blsKey), blsPossession))
      return refuse('bls-possession', `expected the BLS key of validator ${index} to sign for that validator; sign with that key`)
  }
  return ok(null)
}

/** Letters, digits and a few signs, so that a name can stand in a path, a URL and a log line. */
function checkName(what: string, name: string, maxBytes: number): Result<null, Refusal> {
  let good = name.length > 0 && name.length <= maxBytes
  for (let i = 0; i < name.length; i++) {
    const character = name.charAt(i)
    if (
      !(
        (character >= 'a' && character <= 'z') ||
        (character >= 'A' && character <= 'Z') ||
        (character >= '0' && character <= '9') ||
        '-_./'.includes(character)
      )
    )
      good = false
  }
  return good
    ? ok(null)
    : refuse('genesis-name', `expected a ${what} of 1..${maxBytes} characters from A-Z a-z 0-9 - _ . /, got ${JSON.stringify(name)}`)
}

/** Ascending and distinct: one order, so one encoding. */
function checkNames(what: string, names: readonly string[], maxBytes: number): Result<null, Refusal> {
  for (const [index, name] of names.entries()) {
    const checked = checkName(what, name, maxBytes)
    if (!checked.ok) return checked
    const previous = names[index - 1]
    if (previous !== undefined && compareBytes(utf8(previous), utf8(name)) >= 0) {
      return refuse('genesis-order', `expected each ${what} once, ascending, got ${name} after ${previous}`)
    }
  }
  return ok(null)
}

function checkGovernance({ governance, parameters }: Genesis): Result<null, Refusal> {
  if (governance === undefined) return ok(null)
  const { keys, threshold } = governance
  if (parameters.epochLength === 0)
    return refuse('governance', 'expected an epochLength above 0 with governance: validators change between epochs')
  if (keys.length < 1 || keys.length > MAX_GOVERNANCE_KEYS)
    return refuse('governance', `expected 1..${MAX_GOVERNANCE_KEYS} governance keys`)
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.length)
    return refuse('governance', `expected a threshold of 1..${keys.length}, the number of governance keys, got ${threshold}`)
  const distinct = new Set(keys.map(toHex))
  if (distinct.size !== keys.length || keys.some(hasSmallOrder))
    return refuse('governance', 'expected distinct governance keys of prime order')
  return ok(null)
}

function checkParameters(parameters: Parameters): Result<null, Refusal> {
  const inRange = (value: number, least: number, most: number): boolean => Number.isSafeInteger(value) && value >= least && value <= most
  if (!inRange(parameters.window, 1, MAX_WINDOW))
    return refuse('genesis-parameters', `expected a window of 1..${MAX_WINDOW}, got ${parameters.window}`)
  if (!inRange(parameters.blockTransactions, 1, MAX_BLOCK_TRANSACTIONS)) {
    return refuse('genesis-parameters', `expected 1..${MAX_BLOCK_TRANSACTIONS} transactions per block, got ${parameters.blockTransactions}`)
  }
  if (!inRange(parameters.maxProofBytes, 1, MAX_PROOF_BYTES)) {
    return refuse('genesis-parameters', `expected maxProofBytes of 1..${MAX_PROOF_BYTES}, got ${parameters.maxProofBytes}`)
  }
  if (!inRange(parameters.maxBlobBytes, 0, MAX_BLOB_BYTES)) {
    return refuse('genesis-parameters', `expected maxBlobBytes of 0..${MAX_BLOB_BYTES}, got ${parameters.maxBlobBytes}`)
  }
  if (!inRange(parameters.blockBytes, 1, MAX_U32) || !inRange(parameters.blockGas, 1, Number.MAX_SAFE_INTEGER)) {
    return refuse('genesis-parameters', 'expected positive limits of bytes and gas per block')
  }
  if (!inRange(parameters.epochLength, 0, MAX_EPOCH_LENGTH))
    return refuse('genesis-parameters', `expected an epochLength of 0..${MAX_EPOCH_LENGTH}, got ${parameters.epochLength}`)
  return ok(null)
}

/** Hash of genesis: the name every signature and header of this chain carries. */
export function chainIdOf(genesis: Genesis): Hash {
  return hashTagged('aethel/genesis/v1', encodeGenesis(genesis))
}

/** The validators of epoch 0. */
export function genesisValidators(genesis: Genesis): Result<ValidatorSet, Refusal> {
  return createValidatorSet(epoch(0), genesis.validators)
}

/** What the first block builds on: height 0, whose hash is the chain id. */
export function genesisTip(genesis: Genesis): CommittedTip {
  return { height: height(0), hash: chainIdOf(genesis), timestampMs: genesis.genesisTimeMs }
}

const GENESIS_FORMAT = 'aethel-genesis/1'

/** The readable form: fixed order of fields, integers as decimal strings, bytes as hex, a final newline. */
export function genesisToJson(genesis: Genesis): string {
  const { parameters } = genesis
  return `${JSON.stringify(
    {
      format: GENESIS_FORMAT,
      chainId: toHex(chainIdOf(genesis)),
      chainName: genesis.chainName,
      genesisTimeMs: String(genesis.genesisTimeMs),
      validators: genesis.validators.map(({ blsPossession, ...validator }) => ({
        ...validatorToJson(validator),
        ...(blsPossession === undefined ? {} : { blsPossession: toHex(blsPossession) }),
      })),
      parameters: {
        window: String(parameters.window),
        blockTransactions: String(parameters.blockTransactions),
        blockBytes: String(parameters.blockBytes),
        blockGas: String(parameters.blockGas),
        maxProofBytes: String(parameters.maxProofBytes),
        mempoolOrder: parameters.mempoolOrder,
        ...(parameters.epochLength === 0 ? {} : { epochLength: String(parameters.epochLength) }),
        ...(parameters.maxBlobBytes === 0 ? {} : { maxBlobBytes: String(parameters.maxBlobBytes) }),
        ...(parameters.dissemination === undefined ? {} : { dissemination: parameters.dissemination }),
      },
      kinds: genesis.kinds.map(({ kind, revision, digest }) => ({
        kind,
        revision: String(revision),
        ...(digest === undefined ? {} : { digest: toHex(digest) }),
      })),
      libraries: genesis.libraries.map((library) => ({ name: library.name, digest: toHex(library.digest) })),
      ...(genesis.governance === undefined
        ? {}
        : { governance: { keys: genesis.governance.keys.map(toHex), threshold: String(genesis.governance.threshold) } }),
    },
    null,
    2,
  )}\n`
}

const PARAMETER_FIELDS = ['window', 'blockTransactions', 'blockBytes', 'blockGas', 'maxProofBytes', 'mempoolOrder'] as const

function readGovernance(json: Json): Governance {
  const fields = jsonFields(json, 'governance', ['keys', 'threshold'])
  return {
    keys: jsonList(fields.get('keys'), 'keys', MAX_GOVERNANCE_KEYS).map((key) => publicKey(jsonBytesOf(key, 'key', PUBLIC_KEY_BYTES))),
    threshold: jsonInteger(fields.get('threshold'), 'threshold', MAX_GOVERNANCE_KEYS),
  }
}

function jsonDissemination(json: Json): Dissemination {
  const text = jsonText(json, 'dissemination', 16)
  return (
    DISSEMINATIONS.find((each) => each === text) ??
    failJson('json-shape', `expected dissemination 'mesh', 'collectors' or 'tree', or none of them, got ${JSON.stringify(text)}`)
  )
}

/** Strict: unknown, missing and repeated fields are refused, and `chainId` must be the hash of the rest. */
export function genesisFromJson(bytes: Uint8Array): Result<Genesis, Refusal> {
  const parsed = readJson(bytes, MAX_GENESIS_JSON_BYTES, (json) => {
    expectFormat(json, 'a genesis', GENESIS_FORMAT)
    const fields = jsonFields(
      json,
      'genesis',
      ['format', 'chainId', 'chainName', 'genesisTimeMs', 'validators', 'parameters', 'kinds', 'libraries'],
      ['governance'],
    )
    const parameters = jsonFields(fields.get('parameters') ?? null, 'parameters', PARAMETER_FIELDS, [
      'epochLength',
      'maxBlobBytes',
      'dissemination',
    ])
    const epochLength = parameters.has('epochLength') ? jsonInteger(parameters.get('epochLength'), 'epochLength', MAX_EPOCH_LENGTH) : 0
    if (parameters.has('epochLength') && epochLength === 0) failJson('json-shape', 'expected no epochLength rather than one of 0')
    const maxBlobBytes = parameters.has('maxBlobBytes') ? jsonInteger(parameters.get('maxBlobBytes'), 'maxBlobBytes', MAX_BLOB_BYTES) : 0
    if (parameters.has('maxBlobBytes') && maxBlobBytes === 0) failJson('json-shape', 'expected no maxBlobBytes rather than one of 0')
    const governance = fields.has('governance') ? { governance: readGovernance(fields.get('governance') ?? null) } : {}
    const genesis: Genesis = {
      chainName: jsonText(fields.get('chainName'), 'chainName', MAX_CHAIN_NAME_BYTES),
      genesisTimeMs: jsonInteger(fields.get('genesisTimeMs'), 'genesisTimeMs', Number.MAX_SAFE_INTEGER),
      validators: jsonList(fields.get('validators'), 'validators', MAX_GENESIS_VALIDATORS).map((item) => {
        const fields = jsonFields(item, 'validator', VALIDATOR_FIELDS, [...VALIDATOR_BLS_FIELDS, 'blsPossession'])
        const validator = validatorFromJson(fields)
        if (!fields.has('blsPossession')) return validator
        const possession = jsonBytesOf(fields.get('blsPossession'), 'blsPossession', BLS_SIGNATURE_BYTES)
        return { ...validator, blsPossession: blsSignature(possession) }
      }),
      parameters: {
        window: jsonInteger(parameters.get('window'), 'window', MAX_WINDOW),
        blockTransactions: jsonInteger(parameters.get('blockTransactions'), 'blockTransactions', MAX_U32),
        blockBytes: jsonInteger(parameters.get('blockBytes'), 'blockBytes', MAX_U32),
        blockGas: jsonInteger(parameters.get('blockGas'), 'blockGas', Number.MAX_SAFE_INTEGER),
        maxProofBytes: jsonInteger(parameters.get('maxProofBytes'), 'maxProofBytes', MAX_U32),
        mempoolOrder: jsonText(parameters.get('mempoolOrder'), 'mempoolOrder', 16) as MempoolOrder,
        epochLength,
        maxBlobBytes,
        ...(parameters.has('dissemination') ? { dissemination: jsonDissemination(parameters.get('dissemination') ?? null) } : {}),
      },
      kinds: jsonList(fields.get('kinds'), 'kinds', MAX_KINDS).map((item) => {
        const kind = jsonFields(item, 'kind', ['kind', 'revision'], ['digest'])
        return {
          kind: jsonText(kind.get('kind'), 'kind', MAX_KIND_BYTES),
          revision: jsonInteger(kind.get('revision'), 'revision', 0xffff),
          ...(kind.has('digest') ? { digest: hash(jsonBytesOf(kind.get('digest'), 'digest', HASH_BYTES)) } : {}),
        }
      }),
      libraries: jsonList(fields.get('libraries'), 'libraries', MAX_LIBRARIES).map((item) => {
        const library = jsonFields(item, 'library', ['name', 'digest'])
        return {
          name: jsonText(library.get('name'), 'name', MAX_LIBRARY_NAME_BYTES),
          digest: hash(jsonBytesOf(library.get('digest'), 'digest', HASH_BYTES)),
        }
      }),
      ...governance,
    }
    return { chainId: jsonBytesOf(fields.get('chainId'), 'chainId', HASH_BYTES), genesis }
  })
  if (!parsed.ok) return parsed
  const { chainId, genesis } = parsed.value
  const order: string = genesis.parameters.mempoolOrder
  if (order !== 'difficulty' && order !== 'fifo')
    return refuse('genesis-parameters', `expected mempoolOrder 'difficulty' or 'fifo', got ${JSON.stringify(order)}`)
  const checked = checkGenesis(genesis)
  if (!checked.ok) return err(checked.error)
  if (!equalBytes(chainId, chainIdOf(genesis))) {
    return refuse(
      'chain-id',
      `expected chainId to be the hash of this genesis, ${toHex(chainIdOf(genesis))}; the file was edited after it was made`,
    )
  }
  return ok(genesis)
}
