/** What must hold at the end, when everything is up again and everybody has been answered. */
import { setTimeout as sleep } from 'node:timers/promises'

import { slowness } from './validator.js'

const CONVERGENCE_MS = 90_000
const PAGE = 100
const ASKED_AGAIN = 6

/**
 * Waits until all validators stand at one height with nothing pending. Two chains never come together: so what there is up to the lowest
 * height of those that answer is to be examined all the same.
 *
 * @param {readonly import('./validator.js').Validator[]} validators
 * @param {number} allowedMs
 * @returns {Promise<{ height: number, answering: readonly import('./validator.js').Validator[], problem: string | null }>}
 */
export async function converged(validators, allowedMs = CONVERGENCE_MS * slowness(validators)) {
  const deadline = performance.now() + allowedMs
  let seen = ''
  /** @type {readonly ({ height: number } | null)[]} */
  let last = []
  while (performance.now() < deadline) {
    const statuses = await Promise.all(validators.map((validator) => validator.client.status().catch(() => null)))
    last = statuses
    seen = statuses
      .map((status) => (status === null ? 'silent' : `${status.height} (${status.pending + status.waiting} pending)`))
      .join(', ')
    const first = statuses[0]
    const same = statuses.every((status) => status !== null && status.hash === first?.hash && status.pending + status.waiting === 0)
    if (same && first !== undefined && first !== null) return { height: first.height, answering: validators, problem: null }
    await sleep(200)
  }
  const heights = last.flatMap((status) => (status === null ? [] : [status.height]))
  return {
    height: heights.length === 0 ? 0 : Math.min(...heights),
    answering: validators.filter((_, position) => last[position] !== null && last[position] !== undefined),
    problem: `the validators did not come together within ${Math.round(allowedMs / 1000)} s after healing; heights: ${seen}`,
  }
}

/**
 * Reads all chains and holds them against each other and against what clients were told: up to a height that all these validators have.
 *
 * @param {readonly import('./validator.js').Validator[]} validators
 * @param {number} height
 * @param {import('./clients.js').Clients} clients
 * @param {import('./governance.js').Governance | null} governance
 */
export async function examine(validators, height, clients, governance) {
  const problems = []
  const chains = await Promise.all(validators.map((validator) => hashes(validator, height)))
  /** @type {Map<string, number>} */
  const heights = new Map()
  let doubled = 0
  /** @type {string[]} */
  const unknown = []
  for (let at = 1; at <= height; at++) {
    // Who took over a state does not have the blocks below it; somebody has each.
    const holders = validators.filter((_, position) => chains[position]?.has(at))
    const [holder] = holders
    if (holder === undefined) {
      problems.push(`no validator has the block at height ${at}`)
      continue
    }
    const known = chains.flatMap((chain) => chain.get(at) ?? [])
    const differs = known.findIndex((hash) => hash !== known[0])
    if (differs >= 0) problems.push(`validators ${holder.index} and ${holders[differs]?.index} have different blocks at height ${at}`)
    for (const id of await patiently(() => holder.client.transactionIds(at))) {
      if (heights.has(id)) doubled++
      heights.set(id, at)
      if (!clients.sent.has(id) && governance?.sent.has(id) !== true) unknown.push(`transaction ${id} at height ${at} was never submitted`)
    }
  }
  if (unknown.length > (governance?.untold ?? 0)) problems.push(...unknown)
  const judged = clients.acknowledged.filter(({ height: told }) => told <= height)
  const lost = judged.filter(({ id, height: told }) => heights.get(id) !== told)
  for (const { id, height: told, validator } of lost.slice(0, 5)) {
    problems.push(`validator ${validator} acknowledged ${id} at height ${told}; the chain has it at ${heights.get(id) ?? 'no height'}`)
  }
  if (doubled > 0) problems.push(`${doubled} transactions are in the chain twice`)
  for (const { id } of judged) {
    const claim = clients.claims.get(id)
    if (claim === undefined) continue
    const knows = await Promise.all(validators.map((validator) => patiently(() => validator.client.isFinal(claim))))
    if (knows.includes(false)) problems.push(`the claim of ${id} is missing at validator ${validators[knows.indexOf(false)]?.index}`)
  }
  return { problems, lost: lost.length, doubled, unjudged: clients.acknowledged.length - judged.length }
}

/**
 * An answer that takes too long on a busy machine is asked for again; a wrong one never.
 *
 * @template T
 * @param {() => T} ask
 * @returns {Promise<Awaited<T>>}
 */
async function patiently(ask) {
  for (let left = ASKED_AGAIN; ; left--) {
    try {
      return await ask()
    } catch (error) {
      if (left === 0 || /** @type {{ code?: unknown }} */ (error).code !== 'unreachable') throw error
      await sleep(1_000)
    }
  }
}

/**
 * The hashes of all blocks that this validator has, by height. It must have all but those below a state that it took over.
 *
 * @param {import('./validator.js').Validator} validator
 * @param {number} height
 */
async function hashes(validator, height) {
  /** @type {Map<number, string>} */
  const found = new Map()
  const gaps = await patiently(() => gapsOf(validator))
  for (let at = 1; at <= height; ) {
    const gap = gaps.find(({ from, to }) => at >= from && at <= to)
    if (gap !== undefined) {
      at = gap.to + 1
      continue
    }
    const page = await patiently(() => validator.client.blocks(at, PAGE))
    if (page.length === 0) throw new Error(`validator ${validator.index} serves no blocks from height ${at}`)
    for (const block of page) if (block.height <= height) found.set(block.height, block.hash)
    at = Math.max(...page.map((block) => block.height)) + 1
  }
  for (let at = 1; at <= height; at++) {
    if (!found.has(at) && !gaps.some(({ from, to }) => at >= from && at <= to))
      throw new Error(`validator ${validator.index} serves no block at height ${at}`)
  }
  return found
}

/**
 * @param {import('./validator.js').Validator} validator
 * @returns {Promise<readonly { readonly from: number, readonly to: number }[]>}
 */
async function gapsOf(validator) {
  const status = /** @type {any} */ (await validator.status())
  return status.sync.gaps
}

/** What a validator logs when somebody has signed what nobody honest signs. */
export const OFFENCES = ['offence-seen', 'offence-recorded', 'fork']
/** What it logs when it cannot go on; a full disk, too, but only a bug of its own under this code. */
export const FATAL = 'fatal'
const BUG = /"code":"internal"/

/**
 * Reads the logs: nobody may have signed two things, and nobody may have come upon a bug of its own.
 *
 * @param {readonly { readonly index: number, log(): string }[]} validators
 */
export function readLogs(validators) {
  const problems = []
  let viewsEntered = 0
  let statesTakenOver = 0
  let fetchesCutShort = 0
  for (const validator of validators) {
    let fetches = false
    for (const line of validator.log().split('\n')) {
      if (!line.startsWith('{')) continue
      const event = /"event":"([^"]+)"/.exec(line)?.[1]
      if (event === 'view-entered') viewsEntered++
      if (event === 'snapshot-restored') statesTakenOver++
      if (event === 'started' && fetches) fetchesCutShort++ // by a kill
      if (event === 'snapshot-begun') fetches = true
      else if (event === 'snapshot-restored' || event === 'snapshot-given-up' || event === 'started') fetches = false
      if (event !== undefined && OFFENCES.includes(event))
        problems.push(`validator ${validator.index} saw that two things were signed: ${line}`)
      if (event === FATAL && BUG.test(line)) problems.push(`validator ${validator.index}: ${line}`)
    }
  }
  return { problems, viewsEntered, statesTakenOver, fetchesCutShort }
}
