/** Four replicas agree on a map; the leader is stopped and comes back; an entry is proven against what a quorum has signed. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toHex, utf8 } from '@aethel/codec'
import { signingKey } from '@aethel/crypto'
import { encodePut, isProven, lookUp, nonceOf, proofOf } from './application.js'
import { createNetwork } from './network.js'

/** @typedef {import('./replica.js').RunningReplica} RunningReplica */

const PUTS = 1_000
const MORE = 100

const folder = mkdtempSync(join(tmpdir(), 'aethel-key-value-'))
const network = await createNetwork(folder, () => randomBytes(32))
const replicas = await Promise.all([0, 1, 2, 3].map((index) => network.start(index)))
const account = signingKey(/** @type {import('@aethel/crypto').SecretSeed} */ (new Uint8Array(randomBytes(32))))
try {
  const put = async (/** @type {number} */ from, /** @type {number} */ count, /** @type {RunningReplica[]} */ through) => {
    const began = performance.now()
    const places = await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const nonce = from + i
        const bytes = encodePut(network.chain.chainId, account, nonce, `key ${nonce % 100}`, utf8(`value ${nonce}`))
        return /** @type {RunningReplica} */ (through[i % through.length]).submit(bytes)
      }),
    )
    const seconds = (performance.now() - began) / 1000
    console.log(`${count} puts final by block ${Math.max(...places.map(({ height }) => height))}, ${seconds.toFixed(1)} s`)
  }

  await put(0, PUTS, replicas)
  await replicas[0]?.close()
  console.log('replica 0, the leader, is stopped')
  await put(PUTS, MORE, replicas.slice(1))
  const restarted = await network.start(0)
  replicas[0] = restarted
  while (nonceOf(restarted.state, account.publicKey) < PUTS + MORE) await sleep(50)
  console.log(`replica 0 is back from its store, at block ${restarted.height}`)

  const roots = new Set(replicas.map(({ state }) => toHex(state.root)))
  console.log(`state root ${[...roots].join(' and ')} on all four`)
  const key = 'key 7'
  const [{ state: trusted }, { state }] = /** @type {[RunningReplica, RunningReplica]} */ (replicas.slice(2))
  const value = lookUp(state, key) ?? null
  const proven = isProven(trusted.root, key, value, proofOf(state, key))
  console.log(`"${key}" is "${Buffer.from(value ?? []).toString()}" says replica 3, ${proven ? 'and proves it' : 'and cannot prove it'}`)
  process.exitCode = roots.size === 1 && proven ? 0 : 1
} finally {
  await Promise.all(replicas.map((replica) => replica.close()))
  rmSync(folder, { recursive: true, force: true })
}
