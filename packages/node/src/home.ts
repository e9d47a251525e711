/**
 * A validator's home: `config.json`, genesis, library definitions, two secret keys and the store. Everything in it is read
 * once, here, and checked against each other before anything listens.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes, fromHex, type Hash, type PublicKey, publicKey, toHex, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import { indexOfKey, type SignatureScheme, type ValidatorSet } from '@aethel/consensus'
import { SEED_BYTES, type SecretSeed, signingKey } from '@aethel/crypto'
import { chainIdOf, createRegistry, decodeGenesis, type Genesis, genesisValidators, type LedgerRegistry } from '@aethel/ledger'
import type { Endpoint, PeerAddress } from '@aethel/network'
import { type DefinedVerifier, decodeLibrary, type LibraryDefinition } from '@aethel/proofs'
import type { KeepOptions } from '@aethel/replica'
import { type ConsensusKey, consensusKey } from './consensus-key.js'
import { AethelError } from './errors.js'

export const CONFIG_FORMAT = 'aethel-config/1'
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** `config.json`, as written by `createTestnet` and edited by people. */
export interface Config {
  readonly mesh: Endpoint
  readonly http: Endpoint
  readonly logLevel: LogLevel
  readonly proofWorkers: number
  /** How to catch up; may be left out of the file. */
  readonly sync: SyncConfig
  /** How long blobs are kept; may be left out of the file. */
  readonly blobs: KeepOptions
  /** Modules with proof kinds from outside: paths relative to the home, or names of packages. */
  readonly verifiers: readonly string[]
  /** The other validators of genesis, by index; who joins later is found in the chain. */
  readonly peers: readonly PeerAddress[]
}

export interface SyncConfig {
  /** Proofs in certified blocks of others are not verified again. Off: everything that is executed here is verified here. */
  readonly trustCertificates: boolean
  readonly snapshot: {
    /** So many blocks behind, a state is taken over instead; null: never. */
    readonly behindBlocks: number | null
    /** The state after every so many blocks can be had here. */
    readonly everyBlocks: number
  }
}

/** A validator that is less behind than this executes the blocks; one that is more has minutes of them before it. */
export const DEFAULT_SYNC: SyncConfig = { trustCertificates: false, snapshot: { behindBlocks: 8192, everyBlocks: 1024 } }
const MAX_SYNC_BLOCKS: number = 2 ** 32
/**
 * A validator that is behind by less than `behindBlocks` executes blocks, and needs their blobs; one that is behind by more takes over a
 * state, which is at most two times `everyBlocks` old. So 8,192 + 2 * 1,024 blocks. Archives keep them for ever: null.
 */
export const DEFAULT_KEEP: KeepOptions = { keepBlocks: 10_240, keepBytes: 8 * 1024 ** 3 }
const MAX_KEEP_BYTES: number = 2 ** 50

export interface Home {
  readonly path: string
  readonly config: Config
  readonly genesis: Genesis
  readonly genesisBytes: Uint8Array
  readonly libraries: readonly LibraryDefinition[]
  readonly libraryBytes: readonly Uint8Array[]
  readonly registry: LedgerRegistry
  readonly chainId: Hash
  /** Of genesis. */
  readonly validators: ValidatorSet
  /** Index in genesis; null: no validator of genesis. */
  readonly self: ValidatorIndex | null
  /** `consensus.key`, and `consensus-next.key` where there is one: whichever an epoch's validators include signs in it. */
  readonly consensusKeys: readonly ConsensusKey[]
  readonly networkSeed: SecretSeed
  readonly storePath: string
}

export const HOME_FILES = {
  config: 'config.json',
  genesis: 'genesis.bin',
  consensusKey: 'consensus.key',
  nextConsensusKey: 'consensus-next.key',
  networkKey: 'network.key',
  store: 'store',
  /** Proofs that travel as blobs. */
  blobs: 'blobs',
  /** Written when the home is made, removed at the first start: an empty store is then no lost one. */
  firstStart: 'first-start',
  /** Written when the chain is seen to have forked; nothing is signed in a home that has it. */
  forkProof: 'fork-proof.bin',
  library: (name: string): string => `library-${name}.bin`,
} as const

const MAX_WORKERS = 64

/** A home without what its proof kinds need: for its keys, its addresses, and genesis. */
export type HomeFiles = Omit<Home, 'registry'>

/** `verifiers`: what `config.verifiers` names, loaded. */
export function openHome(path: string, verifiers: readonly DefinedVerifier[] = []): Home {
  const files = readHome(path)
  const registry = createRegistry(files.genesis, files.libraries, verifiers)
  if (!registry.ok) throw homeError(registry.error.code, path, registry.error.message)
  return { ...files, registry: registry.value }
}

export function readConfig(path: string): Config {
  return parseConfig(join(path, HOME_FILES.config), read(path, HOME_FILES.config))
}

export function readHome(path: string): HomeFiles {
  const config = readConfig(path)
  const genesisBytes = read(path, HOME_FILES.genesis)
  const decoded = decodeGenesis(genesisBytes)
  if (!decoded.ok) throw homeError('genesis', join(path, HOME_FILES.genesis), decoded.error.message)
  const genesis = decoded.value
  const libraryBytes = genesis.libraries.map((library) => read(path, HOME_FILES.library(library.name)))
  const libraries = genesis.libraries.map((library, position) => {
    const definition = decodeLibrary(libraryBytes[position] as Uint8Array)
    if (!definition.ok) throw homeError('library', join(path, HOME_FILES.library(library.name)), definition.error.message)
    return definition.value
  })
  const validators = genesisValidators(genesis)
  if (!validators.ok) throw homeError(validators.error.code, join(path, HOME_FILES.genesis), validators.error.message)
  const consensusKeys = readConsensusKeys(path, validators.value.scheme)
  const self = genesisIndex(genesis, validators.value, consensusKeys, path, config)
  if (self === null && genesis.parameters.epochLength === 0) {
    throw new AethelError(
      'not-a-validator',
      `expected the key of a validator in ${join(path, HOME_FILES.consensusKey)}, but ${toHex((consensusKeys[0] as ConsensusKey).publicKey)} is not in genesis`,
      'use the home that was made together with this genesis',
    )
  }
  checkPeers(path, config, validators.value, self)
  const networkSeed = readSeed(path, HOME_FILES.networkKey)
  checkNetworkKeys(path, config, networkSeed)
  return {
    path,
    config,
    genesis,
    genesisBytes,
    libraries,
    libraryBytes,
    chainId: chainIdOf(genesis),
    validators: validators.value,
    self,
    consensusKeys,
    networkSeed,
    storePath: join(path, HOME_FILES.store),
  }
}

function readConsensusKeys(path: string, scheme: SignatureScheme): ConsensusKey[] {
  const keys = [consensusKey(readSeed(path, HOME_FILES.consensusKey), scheme)]
  if (existsSync(join(path, HOME_FILES.nextConsensusKey))) keys.push(consensusKey(readSeed(path, HOME_FILES.nextConsensusKey), scheme))
  return keys
}

/** By key; a validator that has changed its key since is the one that its own list of peers leaves out. */
function genesisIndex(
  genesis: Genesis,
  validators: ValidatorSet,
  keys: readonly ConsensusKey[],
  path: string,
  config: Config,
): ValidatorIndex | null {
  for (const { publicKey, bls } of keys) {
    const index = indexOfKey(validators, publicKey)
    if (index === undefined) continue
    const named = validators.validators[index]?.blsKey
    // Nobody could count the shares of one that signs with another BLS key than genesis has for it.
    if (bls !== null && (named === undefined || !equalBytes(named, bls.publicKey)))
      throw homeError(
        'bls-key',
        join(path, HOME_FILES.genesis),
        `expected the BLS key that ${HOME_FILES.consensusKey} makes for validator ${index}`,
      )
    return index
  }
  if (genesis.parameters.epochLength === 0) return null
  const listed = new Set<number>(config.peers.map((peer) => peer.index))
  const missing = validators.validators.map((_, index) => index).filter((index) => !listed.has(index))
  if (missing.length > 1) throw peersError(path, config, 'all validators of genesis, or all but this one')
  return missing[0] === undefined ? null : validatorIndex(missing[0])
}

function homeError(code: string, file: string, message: string): AethelError {
  return new AethelError(code, `${file}: ${message}`, 'a home is made by "aethel testnet"; take the file from there')
}

function read(path: string, name: string): Uint8Array {
  const file = join(path, name)
  try {
    const bytes = readFileSync(file)
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new AethelError(
      'home-unreadable',
      `expected a readable file ${file}, got ${why}`,
      'name a home that "aethel testnet" made with --home',
      { cause: error },
    )
  }
}

function readSeed(path: string, name: string): SecretSeed {
  const text = Buffer.from(read(path, name)).toString('latin1').trim()
  const bytes = fromHex(text)
  if (!bytes.ok || bytes.value.length !== SEED_BYTES)
    throw homeError('key', join(path, name), `expected ${2 * SEED_BYTES} hex digits, got ${text.length} characters`)
  return bytes.value
}

function checkPeers(path: string, config: Config, validators: ValidatorSet, self: ValidatorIndex | null): void {
  const expected = validators.validators.map((_, index) => index).filter((index) => index !== self)
  const listed = config.peers.map((peer) => peer.index)
  if (expected.join(',') !== listed.join(',')) {
    throw peersError(path, config, `the peers ${expected.join(', ')}`)
  }
}

/** By these alone validators know each other. */
function checkNetworkKeys(path: string, config: Config, seed: SecretSeed): void {
  const known = new Map([[toHex(signingKey(seed).publicKey), HOME_FILES.networkKey as string]])
  for (const { index, networkKey } of config.peers) {
    const whose = known.get(toHex(networkKey))
    if (whose === undefined) known.set(toHex(networkKey), `peer ${index}`)
    else
      throw new AethelError(
        'peers',
        `expected a network key of its own for peer ${index} in ${join(path, HOME_FILES.config)}, got that of ${whose}`,
        `take the "networkKey" of each peer from the validator that it is, and ${HOME_FILES.networkKey} from no other home`,
      )
  }
}

function peersError(path: string, config: Config, expected: string): AethelError {
  const listed = config.peers.map((peer) => peer.index).join(', ')
  return new AethelError(
    'peers',
    `expected ${expected} in ${join(path, HOME_FILES.config)}, in this order, got ${listed || 'none'}`,
    'list every other validator of genesis once, ascending by index',
  )
}

// --- config.json --------------------------------------------------------------------------------------------------

function parseConfig(file: string, bytes: Uint8Array): Config {
  const fail = (message: string): never => {
    throw new AethelError('config', `${file}: ${message}`, 'compare with a config.json that "aethel testnet" writes')
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return fail(`expected JSON, but it does not parse: ${error instanceof Error ? error.message : String(error)}`)
  }
  const at = new Fields(json, 'the file', fail)
  at.only(['format', 'mesh', 'http', 'logLevel', 'proofWorkers', 'verifiers', 'sync', 'blobs', 'peers'])
  if (at.text('format') !== CONFIG_FORMAT) fail(`expected "format": "${CONFIG_FORMAT}"`)
  const logLevel = at.text('logLevel')
  const level =
    LOG_LEVELS.find((candidate) => candidate === logLevel) ??
    fail(`expected "logLevel" to be one of ${LOG_LEVELS.join(', ')}, got ${logLevel}`)
  return {
    mesh: endpoint(at.object('mesh')),
    http: endpoint(at.object('http')),
    logLevel: level,
    proofWorkers: at.integer('proofWorkers', 1, MAX_WORKERS),
    sync: at.has('sync') ? syncConfig(at.object('sync')) : DEFAULT_SYNC,
    blobs: at.has('blobs') ? keepConfig(at.object('blobs')) : DEFAULT_KEEP,
    verifiers: at.texts('verifiers'),
    peers: at.list('peers').map((peer) => {
      peer.only(['index', 'host', 'port', 'networkKey'])
      return {
        index: validatorIndex(peer.integer('index', 0, 65_534)),
        host: peer.text('host'),
        port: peer.integer('port', 1, 65_535),
        networkKey: peer.key('networkKey'),
      }
    }),
  }
}

function syncConfig(at: Fields): SyncConfig {
  at.only(['trustCertificates', 'snapshot'])
  const trustCertificates = at.has('trustCertificates') ? at.boolean('trustCertificates') : DEFAULT_SYNC.trustCertificates
  if (!at.has('snapshot')) return { ...DEFAULT_SYNC, trustCertificates }
  const snapshot = at.object('snapshot')
  snapshot.only(['behindBlocks', 'everyBlocks'])
  const behindBlocks = !snapshot.has('behindBlocks')
    ? DEFAULT_SYNC.snapshot.behindBlocks
    : snapshot.isNull('behindBlocks')
      ? null
      : snapshot.integer('behindBlocks', 1, MAX_SYNC_BLOCKS)
  const everyBlocks = snapshot.has('everyBlocks') ? snapshot.integer('everyBlocks', 1, MAX_SYNC_BLOCKS) : DEFAULT_SYNC.snapshot.everyBlocks
  return { trustCertificates, snapshot: { behindBlocks, everyBlocks } }
}

function keepConfig(at: Fields): KeepOptions {
  at.only(['keepBlocks', 'keepBytes'])
  const bound = (key: 'keepBlocks' | 'keepBytes', most: number): number | null => {
    if (!at.has(key)) return DEFAULT_KEEP[key]
    return at.isNull(key) ? null : at.integer(key, 0, most)
  }
  return { keepBlocks: bound('keepBlocks', MAX_SYNC_BLOCKS), keepBytes: bound('keepBytes', MAX_KEEP_BYTES) }
}

function endpoint(at: Fields): Endpoint {
  at.only(['host', 'port'])
  return { host: at.text('host'), port: at.integer('port', 0, 65_535) }
}

/** Strict reading of one JSON object: unknown, missing and mistyped fields are named. */
class Fields {
  readonly #object: Readonly<Record<string, unknown>>
  readonly #name: string
  readonly #fail: (message: string) => never

  constructor(value: unknown, name: string, fail: (message: string) => never) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`expected ${name} to be an object`)
    this.#object = value as Record<string, unknown>
    this.#name = name
    this.#fail = fail
  }

  only(names: readonly string[]): void {
    for (const key of Object.keys(this.#object))
      if (!names.includes(key)) this.#fail(`expected no field "${key}" in ${this.#name}; known are ${names.join(', ')}`)
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#object, key)
  }

  isNull(key: string): boolean {
    return this.has(key) && this.#object[key] === null
  }

  boolean(key: string): boolean {
    const value = this.has(key) ? this.#object[key] : undefined
    return typeof value === 'boolean'
      ? value
      : this.#fail(`expected true or false in "${key}" of ${this.#name}, got ${JSON.stringify(value)}`)
  }

  text(key: string): string {
    const value = Object.hasOwn(this.#object, key) ? this.#object[key] : undefined
    return typeof value === 'string' ? value : this.#fail(`expected a text "${key}" in ${this.#name}`)
  }

  integer(key: string, least: number, most: number): number {
    const value = Object.hasOwn(this.#object, key) ? this.#object[key] : undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
    return this.#fail(`expected an integer "${key}" of ${least}..${most} in ${this.#name}, got ${JSON.stringify(value)}`)
  }

  object(key: string): Fields {
    return new Fields(this.#object[key], `"${key}"`, this.#fail)
  }

  list(key: string): Fields[] {
    const value = this.#object[key]
    if (!Array.isArray(value)) return this.#fail(`expected a list "${key}" in ${this.#name}`)
    return value.map((item: unknown, position) => new Fields(item, `"${key}"[${position}]`, this.#fail))
  }

  /** A list of texts; left out: none. */
  texts(key: string): string[] {
    const value = Object.hasOwn(this.#object, key) ? this.#object[key] : []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    return this.#fail(`expected a list of texts "${key}" in ${this.#name}`)
  }

  key(key: string): PublicKey {
    const bytes = fromHex(this.text(key))
    return bytes.ok && bytes.value.length === 32
      ? publicKey(bytes.value)
      : this.#fail(`expected 64 hex digits in "${key}" of ${this.#name}`)
  }
}
