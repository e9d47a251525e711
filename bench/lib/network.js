/** Four real validator processes in a temporary folder, and what a load generator needs to drive them. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encode, fromHex } from '@aethel/codec'
import { randomAccount } from '../../packages/cli/dist/accounts.js'
import { createNetwork } from '../../packages/cli/dist/network.js'
import { startAll, stopAll } from '../../packages/cli/dist/processes.js'

export const BIN = fileURLToPath(new URL('../../packages/cli/bin/aethel.js', import.meta.url))

const VALIDATORS = 4

/**
 * Runs `body` with a network, and stops it whatever happens.
 *
 * @template T
 * @param {Partial<import('@aethel/ledger').Parameters>} parameters
 * @param {(network: import('../../packages/cli/dist/network.js').LocalNetwork) => Promise<T>} body
 * @returns {Promise<T>}
 */
export async function withNetwork(parameters, body) {
  const folder = mkdtempSync(join(tmpdir(), 'aethel-bench-'))
  const network = await createNetwork({ folder: join(folder, 'network'), validators: VALIDATORS, basePort: 0, parameters })
  const stop = async () => {
    await stopAll(network.validators)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await startAll(network.validators)
    return await body(network)
  } finally {
    await stop()
  }
}

/**
 * Signed notes of so many bytes of data, `perAccount` consecutive ones per account, accounts interleaved.
 *
 * @param {string} chainIdHex
 * @param {number} count
 * @param {number} dataBytes
 * @param {number} accountCount
 */
export function notes(chainIdHex, count, dataBytes, accountCount) {
  const chainId = fromHex(chainIdHex)
  if (!chainId.ok) throw new Error(chainId.error.message)
  const accounts = Array.from({ length: accountCount }, randomAccount)
  return Array.from({ length: count }, (_, i) => {
    const account = accounts[i % accountCount]
    return account.transaction(/** @type {import('@aethel/codec').Hash} */ (chainId.value), { type: 'note', data: randomBytes(dataBytes) })
      .bytes
  })
}

/** @param {readonly Uint8Array[]} transactions */
export function batchOf(transactions) {
  return encode((writer) => writer.list(transactions, (w, bytes) => w.bytes(bytes)))
}
