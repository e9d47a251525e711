/** Four replicas in one process, for the demonstration and the tests: in earnest each runs on a machine of its own. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { hashTagged } from '@aethel/crypto'
import { keysOf, startReplica } from './replica.js'

const VALIDATORS = 4

/** @param {number} count */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/**
 * The chain, and how to start each of its validators; nothing runs yet.
 *
 * @param {string} folder
 * @param {(index: number) => Uint8Array} seedOf
 */
export async function createNetwork(folder, seedOf) {
  const seeds = Array.from({ length: VALIDATORS }, (_, index) => seedOf(index))
  const ports = await freePorts(VALIDATORS)
  const validators = seeds.map((seed, index) => {
    const { consensus, networkKey } = keysOf(seed)
    return { publicKey: consensus.publicKey, networkKey, host: '127.0.0.1', port: /** @type {number} */ (ports[index]) }
  })
  // Whoever knows the chain's name knows who decides on it: nobody can pass off other validators under it.
  const chainId = hashTagged('key-value/chain/v1', Buffer.concat(validators.map(({ publicKey }) => publicKey)))
  const chain = { chainId, validators }
  const hasRun = new Set()
  return {
    chain,
    /** @param {number} index @param {Pick<Parameters<typeof startReplica>[0], 'onCommitted' | 'onEvent'>} [listeners] */
    start(index, listeners) {
      const isNew = !hasRun.has(index)
      hasRun.add(index)
      const seed = /** @type {Uint8Array} */ (seeds[index])
      return startReplica({ chain, index, seed, folder: join(folder, `replica${index}`), isNew, ...listeners })
    },
  }
}
