/**
 * Agreement itself, in four processes on loopback with durable stores: how many blocks, how fast one block, how many
 * transactions. Proofs play no part here; each transaction is a signed note.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { loopbackRoundTripMs, signatureChecksPerSecond, syncsPerSecond } from './lib/floors.js'
import { leanClient } from './lib/lean-client.js'
import { batchOf, notes, withNetwork } from './lib/network.js'
import { quantile } from './lib/statistics.js'

/**
 * A validator runs for weeks, and V8 compiles what it has run some thousand times: each figure is that of code that has been
 * warmed up with what is then measured. What the first of them took stands beside it.
 */
const WARM_UP_BLOCKS = 4_000
const SMALL_BLOCKS = 4_000
const SINGLE_FIRST = 1_000
const SINGLE_WARM_UP = 6_000
const SINGLE_SAMPLES = 2_000
const FIRST_TRANSACTIONS = 20_000
const WARM_UP_TRANSACTIONS = 40_000
const TRANSACTIONS = 40_000
const BATCH = 1_000
const ACCOUNTS = 64
/** A note's transaction has 174 bytes besides its data. */
const DATA_BYTES = 26
/** How often the chain is looked at: each look takes time of a validator that is being measured. */
const LOOK_MS = 50
/** What was not taken is offered again after this long. */
const AGAIN_MS = 10
const TIMEOUT_MS = 120_000

/** @type {import('./lib/report.js').Benchmark} */
export const blocks = {
  name: 'blocks',
  description: 'agreement of four processes on loopback, fsync before every vote, Ed25519',
  run: async () => {
    const syncs = syncsPerSecond()
    const checks = signatureChecksPerSecond()
    const roundTripMs = await loopbackRoundTripMs()
    const small = await withNetwork({ blockTransactions: 1 }, async (network) => ({
      warmUp: await manyOutstanding(network, WARM_UP_BLOCKS),
      rate: await manyOutstanding(network, SMALL_BLOCKS),
      single: await oneOutstanding(network),
    }))
    const batched = await withNetwork({}, async (network) => {
      const first = await transactionsPerSecond(network, FIRST_TRANSACTIONS)
      await transactionsPerSecond(network, WARM_UP_TRANSACTIONS)
      return { first, rate: await transactionsPerSecond(network, TRANSACTIONS) }
    })
    const singleFirst = small.single.slice(0, SINGLE_FIRST)
    const single = small.single.slice(SINGLE_WARM_UP)
    const disk = { name: 'durable appends/s', value: syncs }
    return [
      { name: 'floor: durable appends', value: syncs, unit: '/s' },
      { name: 'floor: Ed25519 checks, one core', value: checks, unit: '/s' },
      { name: 'floor: loopback round trip', value: roundTripMs, unit: 'ms' },
      { name: 'blocks of one transaction, the first 4,000', value: small.warmUp, unit: '/s' },
      { name: 'blocks of one transaction', value: small.rate, unit: '/s', floor: disk, target: 'at least 400' },
      { name: 'one outstanding, the first 1,000, p50', value: quantile(singleFirst, 0.5), unit: 'ms' },
      {
        name: 'one outstanding, p50',
        value: quantile(single, 0.5),
        unit: 'ms',
        // Four hops (client, PRE-PREPARE, PREPARE, COMMIT) are two round trips; three durable writes lie between them.
        floor: { name: '(2 round trips + 3 appends)', value: 2 * roundTripMs + 3000 / syncs },
        target: 'at most 5',
      },
      { name: 'one outstanding, p99', value: quantile(single, 0.99), unit: 'ms' },
      { name: 'transactions of 200 bytes, batched, the first 20,000', value: batched.first, unit: '/s' },
      {
        name: 'transactions of 200 bytes, batched',
        value: batched.rate,
        unit: '/s',
        // Each is checked once by each of four validators, on the cores that there are.
        floor: { name: 'Ed25519 checks/s / 4', value: checks / 4 },
        target: 'at least 4,000',
      },
    ]
  },
}

/** @typedef {import('../packages/cli/dist/network.js').LocalNetwork} LocalNetwork */

/**
 * Milliseconds from each request to its final answer, in order, the warm-up's included.
 *
 * @param {LocalNetwork} network
 */
async function oneOutstanding(network) {
  const client = leanClient(network.validators[0].client.url)
  const samples = []
  for (const transaction of notes(network.chainId, SINGLE_WARM_UP + SINGLE_SAMPLES, DATA_BYTES, 1)) {
    const started = performance.now()
    const answer = await client.post('/v1/transactions?wait=final&timeoutMs=10000', transaction)
    if (answer.status !== 200) throw new Error(`expected a final transaction, got ${answer.status} ${answer.text}`)
    samples.push(performance.now() - started)
  }
  client.close()
  return samples
}

/**
 * Blocks per second while much more than eight transactions wait; from the first of these blocks to the last.
 *
 * @param {LocalNetwork} network
 * @param {number} count
 */
async function manyOutstanding(network, count) {
  const { client } = network.validators[0]
  const before = (await client.status()).height
  const sending = sendAll(network, notes(network.chainId, count, DATA_BYTES, ACCOUNTS), 1)
  let firstMs = 0
  let firstHeight = 0
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    const { height } = await client.status()
    const now = performance.now()
    if (firstMs === 0 && height > before) {
      firstMs = now
      firstHeight = height
    }
    if (height >= before + count) {
      await sending
      return ((height - firstHeight) * 1000) / (now - firstMs)
    }
    if (now > deadline) throw new Error(`only ${height - before} of ${count} blocks within ${TIMEOUT_MS / 1000} s`)
    await sleep(LOOK_MS)
  }
}

/**
 * From the first request until the last is final.
 *
 * @param {LocalNetwork} network
 * @param {number} count
 */
async function transactionsPerSecond(network, count) {
  const { client } = network.validators[0]
  const transactions = notes(network.chainId, count, DATA_BYTES, ACCOUNTS)
  let next = (await client.status()).height + 1
  const started = performance.now()
  const sending = sendAll(network, transactions, network.validators.length)
  let counted = 0
  while (counted < count) {
    const page = await client.blocks(next, 100)
    for (const block of page) counted += block.transactions
    next += page.length
    if (performance.now() - started > TIMEOUT_MS) throw new Error(`only ${counted} of ${count} transactions within ${TIMEOUT_MS / 1000} s`)
    if (page.length === 0) await sleep(LOOK_MS)
  }
  const elapsed = performance.now() - started
  await sending
  return (count * 1000) / elapsed
}

/**
 * Batches to the first `targets` validators in turn; waits for admission, so that mempools are not overrun.
 *
 * @param {LocalNetwork} network
 * @param {readonly Uint8Array[]} transactions
 * @param {number} targets
 */
export async function sendAll(network, transactions, targets) {
  let next = 0
  const lane = async (/** @type {string} */ url) => {
    const client = leanClient(url)
    while (next < transactions.length) {
      const part = transactions.slice(next, next + BATCH)
      next += part.length
      await sendUntilTaken(client, part)
    }
    client.close()
  }
  await Promise.all(network.validators.slice(0, targets).map((validator) => lane(validator.client.url)))
}

/**
 * @param {ReturnType<typeof leanClient>} client
 * @param {readonly Uint8Array[]} transactions
 */
async function sendUntilTaken(client, transactions) {
  let left = transactions
  while (left.length > 0) {
    const answer = await client.post('/v1/transactions/batch?wait=admitted', batchOf(left))
    if (answer.status !== 200) throw new Error(`expected a batch to be taken, got ${answer.status} ${answer.text}`)
    const { results } = JSON.parse(answer.text)
    left = left.filter((_, index) => results[index].status === 'refused' && results[index].code !== 'nonce-used')
    if (left.length > 0) await sleep(AGAIN_MS)
  }
}
