/** Four real validator processes in a temporary folder, and what a load generator needs to drive them. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
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

/**
 * A client on one kept connection, so that a figure holds as little of HTTP as it can.
 *
 * @param {string} url
 */
export function leanClient(url) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true })
  return {
    /**
     * @param {string} path
     * @param {Uint8Array} body
     * @returns {Promise<{ status: number, text: string }>}
     */
    post: (path, body) =>
      new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length }
        const sent = request(url + path, { method: 'POST', agent, headers }, (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part) => {
            text += part
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        })
        sent.on('error', reject)
        sent.end(body)
      }),
    close: () => agent.destroy(),
  }
}
