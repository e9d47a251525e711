/** Makes the homes of a network: keys, genesis, libraries, configuration, and the trust root that receipts are checked with. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { type PublicKey, toHex, utf8 } from '@aethel/codec'
import { quorumSize, type SignatureScheme } from '@aethel/consensus'
import { hashTagged, signingKey } from '@aethel/crypto'
import {
  chainIdOf,
  checkGenesis,
  DEFAULT_PARAMETERS,
  encodeGenesis,
  type Genesis,
  type GenesisValidator,
  genesisKinds,
  genesisLibrary,
  genesisValidators,
  MAX_GOVERNANCE_KEYS,
  type Parameters,
} from '@aethel/ledger'
import { type DefinedVerifier, encodeLibrary, type LibraryDefinition } from '@aethel/proofs'
import { encodeTrust } from '@aethel/receipts'
import { consensusKey, newBlsKey } from './consensus-key.js'
import { fillOutput } from './directories.js'
import { AethelError } from './errors.js'
import { CONFIG_FORMAT, HOME_FILES } from './home.js'
import { httpUrl } from './urls.js'
import { loadVerifiers, verifierUrl } from './verifier-modules.js'

export interface TestnetOptions {
  /** 1..128. */
  readonly validators: number
  /** Directory to write to; created if missing, refused if it holds something. */
  readonly output: string
  /** Where all of them listen, for each other and for HTTP; 127.0.0.1 if left out. */
  readonly host?: string
  /** Mesh ports basePort + 2i, HTTP ports basePort + 2i + 1; 0: free ports are chosen. */
  readonly basePort?: number
  /** 32 bytes: deterministic keys. */
  readonly seed?: Uint8Array
  readonly libraries?: readonly LibraryDefinition[]
  readonly parameters?: Partial<Parameters>
  /** What certificates are made of; `ed25519` if left out. */
  readonly certificates?: SignatureScheme
  readonly kinds?: readonly string[]
  /** Modules with proof kinds from outside, by path: genesis pins each, every home names it. */
  readonly verifiers?: readonly string[]
  readonly genesisTimeMs?: number
  readonly chainName?: string
}

export interface TestnetSummary {
  readonly chainId: string
  readonly homes: readonly string[]
  readonly urls: readonly string[]
  /** Keys of governance, any `ceil(2/3)` of which may change the validators; none on a chain with one epoch. */
  readonly governanceFiles: readonly string[]
  readonly trustFile: string
  readonly genesisFile: string
}

export const DEFAULT_BASE_PORT = 27_100
const MAX_LOCAL_VALIDATORS = 128
const SECRET_MODE = 0o600
const ACCOUNT_FORMAT = 'aethel-account/1'

/**
 * Writes a folder for each validator (`homes`, in the order of genesis), the trust root and, on a chain with epochs, the keys of governance. Whoever calls it has
 * all secret keys. Throws an `AethelError`: `validators`, `base-port`, `output`, `output-not-empty`, or what genesis refuses.
 */
export async function createTestnet(options: TestnetOptions): Promise<TestnetSummary> {
  const { validators: count, output } = options
  if (!Number.isInteger(count) || count < 1 || count > MAX_LOCAL_VALIDATORS) {
    throw new AethelError(
      'validators',
      `expected 1..${MAX_LOCAL_VALIDATORS} validators, got ${count}`,
      'choose a smaller network with --validators',
    )
  }
  const host = options.host ?? '127.0.0.1'
  const ports = await choosePorts(host, count, options.basePort ?? DEFAULT_BASE_PORT)
  const secret = options.seed ?? randomBytes(32)
  const seedOf = (role: string, index: number): Uint8Array =>
    hashTagged(`aethel/testnet/${role}`, Uint8Array.from([...secret, index >> 8, index & 255]))
  const libraries = options.libraries ?? []
  const modules = (options.verifiers ?? []).map((module) => resolve(module))
  const verifiers = await loadVerifiers(modules.map((module) => verifierUrl('.', module)))
  // One operator for each validator, up to the bound, as long as nobody decides otherwise.
  const governors = (options.parameters?.epochLength ?? 0) === 0 ? 0 : Math.min(count, MAX_GOVERNANCE_KEYS)
  const governanceSeeds = Array.from({ length: governors }, (_, index) => seedOf('governance', index))
  const genesis = makeGenesis(
    options,
    libraries,
    verifiers,
    Array.from({ length: count }, (_, index) => genesisValidator(seedOf('consensus', index), options.certificates ?? 'ed25519')),
    governanceSeeds.map((each) => signingKey(each).publicKey),
  )
  const networkKeys = Array.from({ length: count }, (_, index) => toHex(signingKey(seedOf('network', index)).publicKey))
  return fillOutput(output, () => {
    const genesisBytes = encodeGenesis(genesis)
    const homes: string[] = []
    for (let index = 0; index < count; index++) {
      const home = join(output, `node${index}`)
      mkdirSync(home)
      homes.push(home)
      const address = (peer: number): { host: string; port: number } => ({ host, port: ports[2 * peer] as number })
      const peers = networkKeys.flatMap((networkKey, peer) => (peer === index ? [] : [{ index: peer, ...address(peer), networkKey }]))
      const config = {
        format: CONFIG_FORMAT,
        mesh: address(index),
        http: { host, port: ports[2 * index + 1] },
        logLevel: 'info',
        proofWorkers: 1,
        ...(modules.length === 0 ? {} : { verifiers: modules }),
        peers,
      }
      writeFileSync(join(home, HOME_FILES.config), `${JSON.stringify(config, null, 2)}\n`)
      writeFileSync(join(home, HOME_FILES.genesis), genesisBytes)
      writeFileSync(join(home, HOME_FILES.firstStart), `${toHex(chainIdOf(genesis))}\n`)
      for (const library of libraries) writeFileSync(join(home, HOME_FILES.library(library.name)), encodeLibrary(library))
      writeFileSync(join(home, HOME_FILES.consensusKey), `${toHex(seedOf('consensus', index))}\n`, { mode: SECRET_MODE })
      writeFileSync(join(home, HOME_FILES.networkKey), `${toHex(seedOf('network', index))}\n`, { mode: SECRET_MODE })
    }
    const governanceFiles = governanceSeeds.map((each, index) => {
      const file = join(output, `governance${index}.json`)
      writeFileSync(file, `${JSON.stringify({ format: ACCOUNT_FORMAT, seed: toHex(each) }, null, 2)}\n`, { mode: SECRET_MODE })
      return file
    })
    const set = genesisValidators(genesis)
    if (!set.ok) throw new AethelError(set.error.code, set.error.message, 'this is a bug in Aethel')
    const trustFile = join(output, 'trust.json')
    const genesisFile = join(output, HOME_FILES.genesis)
    writeFileSync(
      trustFile,
      encodeTrust({ chainId: chainIdOf(genesis), validators: set.value, epochLength: genesis.parameters.epochLength }),
    )
    writeFileSync(genesisFile, genesisBytes)
    const urls = homes.map((_, index) => httpUrl({ host, port: ports[2 * index + 1] as number }))
    return { chainId: toHex(chainIdOf(genesis)), homes, urls, governanceFiles, trustFile, genesisFile }
  })
}

function genesisValidator(seed: Uint8Array, scheme: SignatureScheme): GenesisValidator {
  const key = consensusKey(seed, scheme)
  const bls = newBlsKey(key)
  const validator = { publicKey: key.publicKey, power: 1n }
  return bls === null ? validator : { ...validator, blsKey: bls.key, blsPossession: bls.possession }
}

function makeGenesis(
  options: TestnetOptions,
  libraries: readonly LibraryDefinition[],
  verifiers: readonly DefinedVerifier[],
  validators: readonly GenesisValidator[],
  governance: readonly PublicKey[],
): Genesis {
  const kinds = genesisKinds(
    [...(options.kinds ?? ['bvlrat/1', 'lrat/1', 'metamath/1', 'sat-model/1']), ...verifiers.map(({ kind }) => kind)],
    verifiers,
  )
  if (!kinds.ok) throw new AethelError(kinds.error.code, kinds.error.message, 'name kinds that this version has')
  const genesis: Genesis = {
    chainName:
      options.chainName ??
      `testnet-${toHex(hashTagged('aethel/testnet/name', utf8(toHex(validators[0]?.publicKey ?? new Uint8Array(0))))).slice(0, 8)}`,
    genesisTimeMs: options.genesisTimeMs ?? Date.now(),
    validators,
    parameters: { ...DEFAULT_PARAMETERS, ...options.parameters },
    kinds: kinds.value,
    libraries: libraries.map(genesisLibrary).sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...(governance.length === 0 ? {} : { governance: { keys: governance, threshold: quorumSize(governance.length) } }),
  }
  const checked = checkGenesis(genesis)
  if (!checked.ok) throw new AethelError(checked.error.code, checked.error.message, 'change the parameters of the network')
  return genesis
}

async function choosePorts(host: string, count: number, basePort: number): Promise<number[]> {
  if (basePort !== 0) {
    if (!Number.isInteger(basePort) || basePort < 1 || basePort + 2 * count > 65_536) {
      throw new AethelError(
        'base-port',
        `expected a base port of 1..${65_536 - 2 * count}, got ${basePort}`,
        'choose another --base-port, or 0 for free ones',
      )
    }
    return Array.from({ length: 2 * count }, (_, offset) => basePort + offset)
  }
  const servers = await Promise.all(
    Array.from({ length: 2 * count }, () => {
      const server = createServer()
      return new Promise<typeof server>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port: 0 }, () => resolve(server))
      })
    }),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
