/** Makes the home of a validator that is to join a running network: new keys, and the rest from a home of that network. */
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { toHex } from '@aethel/codec'
import { SEED_BYTES, signingKey } from '@aethel/crypto'
import { type Contact, chainIdOf } from '@aethel/ledger'
import type { Endpoint } from '@aethel/network'
import type { ConsensusKey } from './consensus-key.js'
import { fillOutput } from './directories.js'
import { writeDurably } from './durable-file.js'
import { AethelError } from './errors.js'
import { CONFIG_FORMAT, HOME_FILES, readHome } from './home.js'
import { httpUrl } from './urls.js'

export interface NewcomerOptions {
  /** A home of a validator of genesis, for genesis, libraries and the addresses of the others. */
  readonly from: string
  /** Directory to make; refused if it holds something. */
  readonly output: string
  readonly mesh: Endpoint
  readonly http: Endpoint
}

const SECRET_MODE = 0o600

/** Throws an `AethelError`: `single-epoch`, `address`, `output`, `output-not-empty`, or why the home `from` cannot be read. */
export function createNewcomer(options: NewcomerOptions): { readonly home: string } {
  const { from, output, mesh, http } = options
  const source = readHome(from)
  if (source.genesis.parameters.epochLength === 0) {
    throw new AethelError(
      'single-epoch',
      `expected a chain with epochs, but the validators of ${from} never change`,
      'make a network with --epoch-length',
    )
  }
  const { config, self, genesis } = source
  const networkKey = toHex(signingKey(source.networkSeed).publicKey)
  const peers = config.peers.map((peer) => ({ ...peer, networkKey: toHex(peer.networkKey) }))
  if (self !== null) peers.splice(self, 0, { index: self, ...reachable(config.mesh, from), networkKey })
  // A relative path leads from the home that names it.
  const modules = config.verifiers.map((module) => (module.startsWith('.') ? resolve(from, module) : module))
  const verifiers = modules.length === 0 ? {} : { verifiers: modules }
  const made = { format: CONFIG_FORMAT, mesh, http, logLevel: config.logLevel, proofWorkers: config.proofWorkers, ...verifiers, peers }
  fillOutput(output, () => {
    writeFileSync(join(output, HOME_FILES.config), `${JSON.stringify(made, null, 2)}\n`)
    writeFileSync(join(output, HOME_FILES.genesis), source.genesisBytes)
    writeFileSync(join(output, HOME_FILES.firstStart), `${toHex(chainIdOf(genesis))}\n`)
    for (const [position, { name }] of genesis.libraries.entries())
      writeFileSync(join(output, HOME_FILES.library(name)), source.libraryBytes[position] as Uint8Array)
    for (const file of [HOME_FILES.consensusKey, HOME_FILES.networkKey]) makeKey(join(output, file))
  })
  return { home: output }
}

/** Durable, because the chain is told of it next: a validator without its key has its seat for nothing. */
function makeKey(file: string): void {
  writeDurably(file, `${toHex(randomBytes(SEED_BYTES))}\n`, SECRET_MODE)
}

/** Where the validator of a home listens, and the key the others pin. */
export function contactOfHome(path: string): Contact {
  const home = readHome(path)
  return { networkKey: signingKey(home.networkSeed).publicKey, ...reachable(home.config.mesh, path) }
}

/** Whoever is told to connect to 0.0.0.0 or ::, in whatever spelling, connects to itself; and port 0 is another one at every start. */
function reachable({ host, port }: Endpoint, path: string): Endpoint {
  const url = httpUrl({ host, port })
  const isEverywhere = URL.canParse(url) && ['0.0.0.0', '[::]', '[::ffff:0:0]'].includes(new URL(url).hostname)
  if (!isEverywhere && port !== 0) return { host, port }
  throw new AethelError(
    'address',
    `expected an address and port that others can connect to under "mesh" in ${join(path, HOME_FILES.config)}, got ${host}:${port}`,
    'put those there that the others are to be told; a validator that listens everywhere can go back to that afterwards',
  )
}

/**
 * The consensus key of a home. `only`: there must be no other, for whoever joins with one of two keys would lose its seat when the other one takes the
 * place of both. `next` makes one to change to, where there is none yet.
 */
export function consensusKeyOfHome(path: string, which: 'only' | 'next'): ConsensusKey {
  const file = join(path, HOME_FILES.nextConsensusKey)
  if (which === 'next' && !existsSync(file)) makeKey(file)
  const keys = readHome(path).consensusKeys
  if (which === 'only' && keys.length > 1)
    throw new AethelError(
      'two-keys',
      `expected one consensus key in ${path}, got ${HOME_FILES.consensusKey} and ${HOME_FILES.nextConsensusKey}`,
      `move ${HOME_FILES.nextConsensusKey} over ${HOME_FILES.consensusKey} if the key was changed, away if it was not`,
    )
  const key = which === 'next' ? keys[1] : keys[0]
  if (key === undefined) throw new AethelError('key', `expected a consensus key in ${path}`, 'name the home of a validator')
  return key
}
