/**
 * Account keys, and transactions made with them. A key file is JSON, readable by its owner only; the account is the
 * public key itself and exists as soon as it signs.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromHex, type Hash, toHex } from '@aethel/codec'
import { SEED_BYTES, type SigningKey, signingKey } from '@aethel/crypto'
import { type Action, buildTransaction, encodeTransaction, signTransaction, transactionIdOf } from '@aethel/ledger'
import { errorCodeOf, usageError } from './exit.js'
import { homeFolder, readJsonObject } from './files.js'

const FORMAT = 'aethel-account/1'

/** Signs one transaction after the other with consecutive nonces. */
export class Account {
  readonly key: SigningKey
  #nonce: number

  constructor(key: SigningKey, nonce: number) {
    this.key = key
    this.#nonce = nonce
  }

  get publicKeyHex(): string {
    return toHex(this.key.publicKey)
  }

  transaction(chainId: Hash, action: Action): { readonly id: string; readonly bytes: Uint8Array } {
    const unsigned = buildTransaction({ chainId, sender: this.key.publicKey, nonce: this.#nonce++, action })
    const bytes = encodeTransaction(signTransaction(unsigned, this.key))
    return { id: toHex(transactionIdOf(bytes)), bytes }
  }
}

export function randomAccount(): Account {
  return new Account(signingKey(randomBytes(SEED_BYTES)), 0)
}

export function defaultKeyFile(): string {
  const base = process.env['XDG_CONFIG_HOME']
  if (base !== undefined && base !== '') return join(base, 'aethel', 'account.json')
  const home = homeFolder()
  if (home === null)
    throw usageError(
      'no-home',
      'expected a home folder for an account key, but HOME is not set and this user has none; name a key with --key',
    )
  return join(home, '.config', 'aethel', 'account.json')
}

/** The key in the file; the default file is made when it is missing, and `say` is told. */
export function loadKey(path: string | undefined, say: (line: string) => void): SigningKey {
  const file = path ?? defaultKeyFile()
  if (path === undefined && !existsSync(file)) {
    const key = createKeyFile(file)
    if (key !== null) {
      say(`made a new account ${toHex(key.publicKey)}, its key is in ${file}`)
      return key
    }
  }
  const document = readJsonObject(file, 'an account key')
  const seed = typeof document['seed'] === 'string' ? fromHex(document['seed']) : undefined
  if (document['format'] !== FORMAT || seed === undefined || !seed.ok || seed.value.length !== SEED_BYTES) {
    throw usageError('key', `expected an account key ({"format": "${FORMAT}", "seed": 64 hex digits}) in ${file}, but it is something else`)
  }
  return signingKey(seed.value)
}

/** Whole or not at all, and never over one that another command has made meanwhile: then null. */
function createKeyFile(file: string): SigningKey | null {
  const seed = randomBytes(SEED_BYTES)
  const made = `${file}.${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(made, `${JSON.stringify({ format: FORMAT, seed: toHex(seed) }, null, 2)}\n`, { mode: 0o600 })
    try {
      linkSync(made, file)
    } finally {
      rmSync(made)
    }
    return signingKey(seed)
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST' && existsSync(file)) return null
    throw usageError(
      'unwritable',
      `expected to write a new account key to ${file}, but it cannot be written (${errorCodeOf(error)}); name one with --key`,
    )
  }
}
