/** Real processes: a validator is killed in the middle of fetching a state, after each part of it, and goes on where it was. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { encode, fromHex } from '@aethel/codec'
import { afterAll, expect, it } from 'vitest'
import { randomAccount } from '../packages/cli/dist/accounts.js'
import { createNetwork } from '../packages/cli/dist/network.js'
import { Validator } from './validator.js'
import { readLogs } from './verdict.js'

/** Each leaves a record of some hundred bytes in the state, which is fetched in sixteen parts at least. */
const ACCOUNTS = 4_000
const PER_BATCH = 1_000
const SNAPSHOTS = { behindBlocks: 4, everyBlocks: 2 }
const VICTIM = 3
const WAIT_MS = 240_000
const LOOK_MS = 10
const LOOKS = 6_000

const folder = mkdtempSync(join(tmpdir(), 'aethel-snapshot-kill-'))
/** @type {Validator[]} */
let validators = []
afterAll(async () => {
  await Promise.all(validators.map((validator) => validator.kill()))
  rmSync(folder, { recursive: true, force: true })
})

/**
 * Looks so often, not so long: a machine that stands still for minutes is no fault.
 *
 * @param {string} what
 * @param {() => unknown} condition
 */
async function until(what, condition) {
  for (let look = 0; look < LOOKS; look++) {
    if (await condition()) return
    await sleep(LOOK_MS)
  }
  throw new Error(`did not happen: ${what}\n${validators[VICTIM]?.log().split('\n').slice(-25).join('\n')}`)
}

/**
 * @param {Validator} validator
 * @returns {{ event: string, resumed?: boolean, height?: number, lanesDone?: number }[]}
 */
function eventsOf(validator) {
  return validator
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))
}

it('C1: killed after each part of a state that it fetches, a validator resumes, has the state of the others in the end, and votes', async () => {
  const network = await createNetwork({ folder: join(folder, 'network'), validators: 4, basePort: 0 })
  validators = network.validators.map(({ index, home, client }) => new Validator(index, home, client.url, null))
  for (const validator of validators) validator.configureSnapshots(SNAPSHOTS)
  const [first] = validators
  const victim = validators[VICTIM]
  if (first === undefined || victim === undefined) throw new Error('four validators')
  victim.args = ['--log-level', 'debug']
  const start = async (/** @type {Validator} */ validator) => {
    const outcome = await validator.start()
    if (!outcome.started) throw new Error(`validator ${validator.index} did not start: ${outcome.lastLine}`)
  }
  await Promise.all(validators.filter((validator) => validator !== victim).map(start))
  const id = fromHex(network.chainId)
  if (!id.ok) throw new Error(id.error.message)
  const chainId = /** @type {import('@aethel/codec').Hash} */ (id.value)
  const note = () => randomAccount().transaction(chainId, { type: 'note', data: new Uint8Array(1) }).bytes
  for (let sent = 0; sent < ACCOUNTS; sent += PER_BATCH) {
    const list = Array.from({ length: PER_BATCH }, note)
    const batch = encode((writer) => writer.list(list, (w, bytes) => w.bytes(bytes)))
    const outcomes = await first.client.submitBatch(batch, 'final', WAIT_MS)
    expect(outcomes.filter(({ status }) => status !== 'final')).toEqual([])
  }
  for (let more = 0; more < 2 * SNAPSHOTS.behindBlocks; more++) await first.client.submit(note(), 'final', WAIT_MS)

  const chunks = () => eventsOf(victim).filter(({ event }) => event === 'snapshot-chunk').length
  const restored = () => eventsOf(victim).some(({ event }) => event === 'snapshot-restored')
  /** It has the state; or, on a machine that stands still now and then, blocks have led beyond it first. */
  const isOver = () => restored() || eventsOf(victim).some(({ event }) => event === 'snapshot-given-up')
  const lanesDone = () => eventsOf(victim).findLast(({ event }) => event === 'snapshot-chunk')?.lanesDone ?? 0
  let kills = 0
  let delayMs = 5
  let reached = 0
  while (!isOver()) {
    const before = chunks()
    const starting = victim.start()
    // A part is logged when it comes and on disk a little later: kills come before that and after it.
    await until('a part of the state, or all of it', () => chunks() > before + (kills % 3) || isOver())
    await sleep(delayMs)
    if (isOver()) break
    await victim.kill()
    await starting
    kills++
    // A disk that needs longer to sync than we wait is given more time, or it would never get on.
    if (lanesDone() <= reached) delayMs = Math.min(5_000, 2 * delayMs)
    reached = lanesDone()
    expect(kills).toBeLessThan(60)
  }
  if (victim.state === 'down') await start(victim) // the last kill came just after the end of it
  const said = eventsOf(victim)
  expect(kills).toBeGreaterThanOrEqual(3)
  const begun = said.filter(({ event }) => event === 'snapshot-begun')
  expect(begun.filter(({ resumed }) => resumed).length).toBeGreaterThanOrEqual(2)
  await until('it answers', () => victim.status().catch(() => null))
  const stateOf = async (/** @type {Validator} */ validator) => /** @type {any} */ (await validator.status())
  await until('it has caught up', async () => {
    const [own, other] = [await stateOf(victim).catch(() => null), await stateOf(first)]
    return own !== null && own.height === other.height && own.stateRoot === other.stateRoot
  })
  const { sync } = await stateOf(victim)
  expect(sync.gaps.length > 0).toBe(restored())
  // It is needed from here on: without another one the chain goes on with its vote.
  await validators[1]?.kill()
  await victim.client.submit(note(), 'final', WAIT_MS)
  expect(readLogs(validators).problems).toEqual([])
}, 1_800_000)
