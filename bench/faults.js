/**
 * What faults cost, on four processes on loopback: how long nothing commits when the leader is killed, and how much throughput is
 * left beside a validator that sends garbage as fast as it is read. Each try of the second is held against fault-free runs
 * just before and after it in the same network, so that what else the machine does cancels out.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sendAll } from './blocks.js'
import { KINDS } from './lib/garbage-kinds.js'
import { leanClient } from './lib/lean-client.js'
import { notes, withNetwork } from './lib/network.js'
import { median } from './lib/statistics.js'

const TRIES = 3
const LEADER_TRIES = 5
const DATA_BYTES = 26
const LANES = 2
const TRANSACTIONS = 3_000
/** Small blocks: agreement is what the garbage competes with. */
const BLOCK_TRANSACTIONS = 10
const ACCOUNTS = 32
const SETTLE_MS = 1_000
const PATIENCE_MS = 60_000
/** Beyond what the protocol needs: what the target allows for three durable writes, signatures and the machine. */
const ALLOWANCE_MS = 50
const GARBAGE = fileURLToPath(new URL('lib/garbage.js', import.meta.url))

/** @typedef {import('../packages/cli/dist/processes.js').ValidatorProcess} Validator */

/** @type {import('./lib/report.js').Benchmark} */
export const faults = {
  name: 'faults',
  description: 'four processes on loopback: the leader killed; one validator sending garbage at line rate',
  run: async () => [
    ...(await withNetwork({}, leaderKilled)),
    ...(await withNetwork({ blockTransactions: BLOCK_TRANSACTIONS }, besideGarbage)),
  ],
}

// --- the leader killed --------------------------------------------------------------------------------------------

/** @param {import('../packages/cli/dist/network.js').LocalNetwork} network */
async function leaderKilled(network) {
  const { validators } = network
  const samples = []
  for (let attempt = 0; attempt < LEADER_TRIES; attempt++) {
    const before = await statusOf(validators[0])
    const leader = validators[before.leader]
    const others = validators.filter((validator) => validator !== leader)
    const stop = keepSubmitting(network.chainId, others)
    await until(async () => (await statusOf(others[0])).height > before.height + 20)
    const offsets = others.map((validator) => readFileSync(validator.logFile).length)
    await sleep(SETTLE_MS)
    const statuses = await Promise.all(others.map(statusOf))
    await leader.kill()
    const view = before.view
    await until(() => others.every((validator, at) => commitsIn(validator, offsets[at]).some((commit) => commit.view > view)))
    stop()
    const commits = others.flatMap((validator, at) => commitsIn(validator, offsets[at]))
    const lastOld = Math.max(...firstOfEach(commits.filter((commit) => commit.view === view)))
    const firstNew = Math.min(...commits.filter((commit) => commit.view > view).map((commit) => commit.atMs))
    if (!(lastOld < firstNew))
      throw new Error(`expected commits before the kill and after it, got one at ${lastOld} and one at ${firstNew}`)
    const timeoutMs = Math.max(...statuses.map((status) => status.viewTimeoutMs))
    const roundTripMs = median(statuses.flatMap((status) => status.peers.map((peer) => peer.rttMs ?? 0)))
    console.log(
      `  validator ${before.leader} killed in view ${view}: next commit ${firstNew - lastOld} ms after its last, timeout ${timeoutMs} ms`,
    )
    samples.push({ gapMs: firstNew - lastOld, timeoutMs, roundTripMs })
    await leader.start()
    await until(async () => (await statusOf(leader)).height >= (await statusOf(others[0])).height)
  }
  const gapMs = median(samples.map((sample) => sample.gapMs))
  const timeoutMs = median(samples.map((sample) => sample.timeoutMs))
  const roundTripMs = median(samples.map((sample) => sample.roundTripMs))
  const boundMs = timeoutMs + 3 * roundTripMs + ALLOWANCE_MS
  return [
    { name: 'view timeout', value: timeoutMs, unit: 'ms' },
    { name: 'round trip between validators, idle to busy', value: roundTripMs, unit: 'ms' },
    {
      name: `leader killed: from its last commit to the next, median of ${LEADER_TRIES}`,
      value: gapMs,
      unit: 'ms',
      floor: { name: 'view timeout', value: timeoutMs },
      target: `at most ${boundMs.toFixed(0)} (view timeout + 3 round trips + ${ALLOWANCE_MS})`,
    },
    { name: 'leader killed: the slowest of them', value: Math.max(...samples.map((sample) => sample.gapMs)), unit: 'ms' },
  ]
}

/**
 * @param {Validator} validator
 * @param {number} offset in its log
 */
function commitsIn(validator, offset) {
  const lines = readFileSync(validator.logFile).subarray(offset).toString('utf8').split('\n')
  return lines
    .filter((line) => line.includes('"event":"block-committed"') && line.endsWith('}'))
    .map((line) => {
      const { time, view, height } = JSON.parse(line)
      return { atMs: Date.parse(time), view: Number(view), height: Number(height) }
    })
}

/** When each block was committed by the first of them: who is behind commits old ones for long. @param {readonly { height: number, atMs: number }[]} commits */
function firstOfEach(commits) {
  /** @type {Map<number, number>} */
  const first = new Map()
  for (const { height, atMs } of commits) first.set(height, Math.min(atMs, first.get(height) ?? atMs))
  return first.values()
}

/**
 * One transaction after the other on a few connections to each, until told to stop.
 *
 * @param {string} chainId
 * @param {readonly Validator[]} validators
 */
function keepSubmitting(chainId, validators) {
  let stopped = false
  const lane = async (/** @type {Validator} */ validator) => {
    const client = leanClient(validator.client.url)
    while (!stopped) {
      const [transaction] = notes(chainId, 1, DATA_BYTES, 1)
      await client.post('/v1/transactions?wait=final&timeoutMs=30000', transaction).catch(() => sleep(20))
    }
    client.close()
  }
  for (const validator of validators) for (let i = 0; i < LANES; i++) void lane(validator)
  return () => {
    stopped = true
  }
}

// --- garbage ------------------------------------------------------------------------------------------------------

/** @param {import('../packages/cli/dist/network.js').LocalNetwork} network */
async function besideGarbage(network) {
  const [, ...honest] = network.validators
  await leaveView(network)
  const figures = []
  for (const kind of KINDS) {
    const ratios = []
    const rates = []
    const sentMbs = []
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const before = await rate(network, honest)
      const { beside, sentMb } = await withGarbage(kind, network, () => rate(network, honest))
      const after = await rate(network, honest)
      console.log(
        `  ${kind}: ${[before, beside, after].map(Math.round).join(', ')} transactions/s before, beside, after; ${sentMb.toFixed(1)} MB/s`,
      )
      ratios.push(beside / Math.sqrt(before * after))
      rates.push(beside)
      sentMbs.push(sentMb)
    }
    figures.push({ name: `beside ${kind}: transactions`, value: median(rates), unit: '/s' })
    figures.push({ name: `beside ${kind}: garbage written`, value: median(sentMbs), unit: 'MB/s' })
    figures.push({
      name: `beside ${kind}: throughput against fault-free, median of ${TRIES}`,
      value: median(ratios),
      unit: '',
      target: 'at least 0.6',
    })
  }
  return figures
}

/**
 * Validator 0 is the one that goes bad; it must not lead, so that what is measured is the garbage.
 *
 * @param {import('../packages/cli/dist/network.js').LocalNetwork} network
 */
async function leaveView(network) {
  const [bad, ...honest] = network.validators
  const stop = keepSubmitting(network.chainId, honest)
  await bad.kill()
  await until(async () => (await statusOf(honest[0])).leader !== 0)
  stop()
  await bad.start()
}

/**
 * @param {string} kind
 * @param {import('../packages/cli/dist/network.js').LocalNetwork} network
 * @param {() => Promise<number>} measure
 */
async function withGarbage(kind, network, measure) {
  const [bad, ...honest] = network.validators
  await bad.stop()
  const attacker = spawn(process.execPath, [GARBAGE, kind, bad.home, honest[0].client.url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(attacker, 'exit')
  let said = { sent: 0, connections: 0 }
  attacker.stdout.on('data', (line) => {
    said = JSON.parse(String(line).trim().split('\n').at(-1) ?? '')
  })
  try {
    await until(() => said.connections > 0)
    const { sent } = said
    const began = performance.now()
    const beside = await measure()
    const sentMb = (said.sent - sent) / 1e3 / (performance.now() - began)
    return { beside, sentMb }
  } finally {
    attacker.kill('SIGKILL')
    await exited
    await bad.start()
    await until(async () => {
      const [one, two] = await Promise.all([statusOf(bad), statusOf(honest[0])])
      return one.height === two.height && two.peers.every((peer) => peer.connected)
    })
  }
}

/**
 * Transactions per second through the honest ones.
 *
 * @param {import('../packages/cli/dist/network.js').LocalNetwork} network
 * @param {readonly Validator[]} honest
 */
async function rate(network, honest) {
  const transactions = notes(network.chainId, TRANSACTIONS, DATA_BYTES, ACCOUNTS)
  const from = (await statusOf(honest[0])).height + 1
  const began = performance.now()
  const sending = sendAll({ ...network, validators: honest }, transactions, honest.length)
  let counted = 0
  for (let next = from; counted < TRANSACTIONS; ) {
    const page = await honest[0].client.blocks(next, 100)
    for (const block of page) counted += block.transactions
    next += page.length
    if (performance.now() - began > PATIENCE_MS)
      throw new Error(`only ${counted} of ${TRANSACTIONS} transactions within ${PATIENCE_MS / 1000} s`)
    if (page.length === 0) await sleep(10)
  }
  const elapsed = performance.now() - began
  await sending
  return (TRANSACTIONS * 1000) / elapsed
}

// --- both ---------------------------------------------------------------------------------------------------------

/**
 * @param {Validator} validator
 * @returns {Promise<{ view: number, leader: number, height: number, viewTimeoutMs: number, peers: { connected: boolean, rttMs: number | null }[] }>}
 */
async function statusOf(validator) {
  const answer = await fetch(`${validator.client.url}/v1/status`)
  return /** @type {any} */ (await answer.json())
}

/** @param {() => Promise<boolean> | boolean} condition */
async function until(condition) {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`did not happen within ${PATIENCE_MS / 1000} s: ${condition}`)
    await sleep(20)
  }
}
