/**
 * `npm run chaos -- --damage [--stride N]`: every byte of a stopped validator's store, changed, each in a copy of its own. Whatever the copy
 * is then read as must be what was written, or be refused in words: so nothing that was signed is forgotten or turned into something else,
 * and no conflicting signature can follow. Two stores are taken from one validator of a real network: as `kill -9` left it, all in the log;
 * and killed once more after a restart, when LevelDB has made a table of that log.
 */
import { fork } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fromHex } from '@aethel/codec'
import { randomAccount } from '../packages/cli/dist/accounts.js'
import { createNetwork } from '../packages/cli/dist/network.js'
import { Validator } from './validator.js'

const VALIDATORS = 4
/** The store whose bytes are changed: of a validator that does not lead view 0. */
const VICTIM = 2
const TRANSACTIONS = 6
/** In memory where that is possible: nothing here depends on a disk. */
const MEMORY = '/dev/shm'
const WORKER = fileURLToPath(new URL('damage-worker.js', import.meta.url))
/** Taken at a time by one worker. */
const PART = 2_048

/** @typedef {{ refused: number, unharmed: number, late: number, gone: number, problems: string[] }} Tally */

/**
 * @param {{ stride: number, say: (text: string) => void }} options
 * @returns {Promise<boolean>} whether nothing was found
 */
export async function damageEverywhere({ stride, say }) {
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'aethel-damage-'))
  try {
    const stores = await stoppedStores(folder, say)
    let sound = true
    for (const [name, { home, store }] of Object.entries(stores)) {
      const tally = await enumerate({ home, store, stride, folder, say })
      const tried = tally.refused + tally.unharmed + tally.late + tally.gone + tally.problems.length
      say(
        `${name}: ${tried} changes: ${tally.refused} refused at the start, ${tally.late} refused when that place is read, ${tally.gone} lose a certificate or an index entry, ${tally.unharmed} without effect, ${tally.problems.length} wrong`,
      )
      for (const problem of tally.problems.slice(0, 20)) say(`WRONG ${problem}`)
      if (tally.problems.length > 0 || tried === 0) sound = false
    }
    return sound
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * @param {string} folder
 * @param {(text: string) => void} say
 */
async function stoppedStores(folder, say) {
  const network = await createNetwork({ folder: join(folder, 'network'), validators: VALIDATORS, basePort: 0 })
  const validators = network.validators.map(({ index, home, client }) => new Validator(index, home, client.url, null))
  const victim = /** @type {Validator} */ (validators[VICTIM])
  const startAll = async () => {
    for (const outcome of await Promise.all(validators.map((validator) => validator.start()))) {
      if (!outcome.started) throw new Error(`a validator did not start: ${outcome.lastLine}`)
    }
  }
  const submitSome = async () => {
    const chainId = fromHex(network.chainId)
    if (!chainId.ok) throw new Error(chainId.error.message)
    const account = randomAccount()
    for (let i = 0; i < TRANSACTIONS; i++) {
      const { bytes } = account.transaction(/** @type {import('@aethel/codec').Hash} */ (chainId.value), {
        type: 'note',
        data: Uint8Array.of(i),
      })
      await victim.client.submit(bytes, 'final', 30_000)
    }
    await sleep(200)
  }
  try {
    await startAll()
    await submitSome()
    await Promise.all(validators.map((validator) => validator.kill()))
    const log = join(folder, 'log')
    cpSync(victim.store, log, { recursive: true })
    await startAll()
    await submitSome()
    await Promise.all(validators.map((validator) => validator.kill()))
    const table = join(folder, 'table')
    cpSync(victim.store, table, { recursive: true })
    say(`two stores of validator ${VICTIM}: ${bytesOf(log)} and ${bytesOf(table)} bytes`)
    return {
      'killed, all in the log': { home: victim.home, store: log },
      'killed again, with a table': { home: victim.home, store: table },
    }
  } finally {
    await Promise.all(validators.map((validator) => validator.kill()))
  }
}

/** @param {string} store */
function filesOf(store) {
  // LOG and LOG.old are LevelDB's diary, LOCK is empty: nobody reads them.
  return readdirSync(store)
    .filter((name) => !name.startsWith('LO'))
    .map((name) => ({ name, size: statSync(join(store, name)).size }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** @param {string} store */
function bytesOf(store) {
  return filesOf(store).reduce((sum, { size }) => sum + size, 0)
}

/**
 * @param {{ home: string, store: string, stride: number, folder: string, say: (text: string) => void }} options
 * @returns {Promise<Tally>}
 */
async function enumerate({ home, store, stride, folder, say }) {
  /** @type {{ file: string, at: number }[]} */
  const changes = []
  for (const { name, size } of filesOf(store)) {
    for (let at = 0; at < size; at += stride) changes.push({ file: name, at })
  }
  /** @type {Tally} */
  const tally = { refused: 0, unharmed: 0, late: 0, gone: 0, problems: [] }
  let next = 0
  let done = 0
  let told = performance.now()
  const lane = async (/** @type {number} */ number) => {
    const work = join(folder, `work-${number}`)
    while (next < changes.length) {
      let part = changes.slice(next, next + PART)
      next += part.length
      // Native code may end the process on a broken file; the change that did it is known, and the rest goes to a new one.
      while (part.length > 0) {
        const { outcomes, ended } = await inWorker(home, store, work, part)
        for (const [position, outcome] of outcomes.entries()) {
          const change = part[position]
          done++
          if (outcome === 'refused' || outcome === 'unharmed' || outcome === 'late' || outcome === 'gone') tally[outcome]++
          else tally.problems.push(`${change?.file} byte ${change?.at}: ${outcome}`)
        }
        const crashed = part[outcomes.length]
        if (crashed !== undefined) tally.problems.push(`${crashed.file} byte ${crashed.at}: the process ended with ${ended}`)
        part = part.slice(outcomes.length + 1)
      }
      if (performance.now() - told > 30_000) {
        told = performance.now()
        say(`  ${done} of ${changes.length}`)
      }
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, (_, number) => lane(number)))
  return tally
}

/**
 * @param {string} home
 * @param {string} store
 * @param {string} work
 * @param {readonly object[]} changes
 * @returns {Promise<{ outcomes: string[], ended: string }>}
 */
function inWorker(home, store, work, changes) {
  return new Promise((resolve) => {
    /** @type {string[]} */
    const outcomes = []
    const child = fork(WORKER, [home, store, work], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child.on('message', (outcome) => outcomes.push(String(outcome)))
    child.once('close', (code, signal) => resolve({ outcomes, ended: signal ?? `code ${code}` }))
    child.send(changes)
  })
}
