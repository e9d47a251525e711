/** One validator process and what can be done to it from outside. */
import { spawn } from 'node:child_process'
import { closeSync, cpSync, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createClient } from '../packages/cli/dist/client.js'

const BIN = fileURLToPath(new URL('../packages/cli/bin/aethel.js', import.meta.url))
/** A start takes half a second of processor time. Clocks say little on a machine that is busy with other things. */
const START_CPU_MS = 10_000
const START_MS = 900_000
const TICK_MS = 10
const POLL_MS = 20
const ANSWER_MS = 5_000

/**
 * @typedef {'down' | 'starting' | 'up' | 'paused'} State
 * @typedef {{ readonly command: string, readonly args: readonly string[] }} Prefix runs the process somewhere else
 */

export class Validator {
  #isEmpty

  /**
   * @param {number} index
   * @param {string} home
   * @param {string} url
   * @param {Prefix | null} prefix
   */
  constructor(index, home, url, prefix) {
    this.index = index
    this.home = home
    this.client = createClient(url)
    this.logFile = join(home, 'validator.log')
    this.prefix = prefix
    /** Further arguments of `aethel start`. @type {readonly string[]} */
    this.args = []
    /** @type {State} */
    this.state = 'down'
    /** @type {import('node:child_process').ChildProcess | null} */
    this.child = null
    /** How long a start takes at present, smoothed; a first guess until there was one. */
    this.startMs = 500
    this.lastStartMs = 0
    this.lastStartCpuMs = 0
    /** Processes that were told to end. @type {WeakSet<import('node:child_process').ChildProcess>} */
    this.told = new WeakSet()
    /** It runs on a store with a wrong byte, which it finds when it reads that place, or never. */
    this.spoiled = false
    /** Its store was lost, and it may not vote yet. */
    this.forgetful = false
    /** It has not been up since its store was lost: it must be told so. */
    this.#isEmpty = false
    /** Called when the process ends without having been told to. */
    /** @type {(reason: string) => void} */
    this.onUnexpectedExit = () => undefined
  }

  get store() {
    return join(this.home, 'store')
  }

  /**
   * Resolves when it answers, or has ended: by itself, or because it was killed meanwhile (`told`).
   *
   * @returns {Promise<{ started: true } | { started: false, told: boolean, code: number | null, lastLine: string }>}
   */
  async start() {
    const began = performance.now()
    const log = openSync(this.logFile, 'a', 0o600)
    const args = [BIN, 'start', '--home', this.home, '--exit-with-parent', ...(this.#isEmpty ? ['--recover'] : []), ...this.args]
    const [command, all] =
      this.prefix === null ? [process.execPath, args] : [this.prefix.command, [...this.prefix.args, process.execPath, ...args]]
    // Its own process group: Ctrl-C reaches only us, and we stop the validators in order.
    const child = spawn(command, all, { stdio: ['pipe', log, log], detached: true })
    closeSync(log)
    this.child = child
    this.state = 'starting'
    child.once('exit', (code, signal) => {
      if (this.child !== child) return
      this.child = null
      const wasUp = this.state === 'up'
      this.state = 'down'
      if (wasUp) this.onUnexpectedExit(`exit code ${code}, signal ${signal}: ${this.lastLine()}`)
    })
    const deadline = performance.now() + START_MS
    while (this.child === child && performance.now() < deadline && cpuMsOf(child) < START_CPU_MS) {
      const status = await this.client.status().catch(() => null)
      if (status?.index === this.index && this.child === child) {
        this.state = 'up'
        this.#isEmpty = false
        this.lastStartMs = performance.now() - began
        this.lastStartCpuMs = cpuMsOf(child)
        this.startMs += (this.lastStartMs - this.startMs) / 8
        return { started: true }
      }
      await sleep(POLL_MS)
    }
    if (this.child === child) {
      const lastLine = `no answer after ${Math.round(cpuMsOf(child))} ms of processor time, ${Math.round((performance.now() - began) / 1000)} s`
      await this.kill()
      return { started: false, told: false, code: null, lastLine }
    }
    return { started: false, told: this.told.has(child), code: child.exitCode, lastLine: this.lastLine() }
  }

  /** Whether it says that it votes. */
  async votes() {
    const status = this.state === 'up' ? await this.status().catch(() => null) : null
    return status?.voting.votes === true
  }

  /** @returns {Promise<{ index: number, height: number, view: number, leader: number, viewTimeoutMs: number, voting: { votes: boolean } }>} */
  async status() {
    const answer = await fetch(`${this.client.url}/v1/status`, { signal: AbortSignal.timeout(ANSWER_MS) })
    return /** @type {any} */ (await answer.json())
  }

  /** SIGKILL; resolves when the process is gone. */
  kill() {
    return this.#end('SIGKILL')
  }

  /** SIGTERM, as an operator would. */
  stop() {
    return this.#end('SIGTERM')
  }

  pause() {
    if (this.child === null || this.state !== 'up') return
    this.child.kill('SIGSTOP')
    this.state = 'paused'
  }

  resume() {
    if (this.child === null || this.state !== 'paused') return
    this.child.kill('SIGCONT')
    this.state = 'up'
  }

  /** @param {'SIGKILL' | 'SIGTERM'} signal */
  async #end(signal) {
    const child = this.child
    if (child === null) return
    this.state = 'down'
    this.child = null
    this.told.add(child)
    const exited = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGCONT')
    child.kill(signal)
    await exited
  }

  /** The last thing it said, in its own words where it is a log line. */
  lastLine() {
    const lines = this.log().trim().split('\n')
    return lines.at(-1)?.slice(0, 300) ?? ''
  }

  log() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
  }

  /**
   * How far behind it fetches a state instead of blocks, and how often it keeps one for others. Only while the process is down.
   *
   * @param {{ readonly behindBlocks: number, readonly everyBlocks: number }} snapshot
   */
  configureSnapshots(snapshot) {
    const file = join(this.home, 'config.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), sync: { snapshot } }))
  }

  /**
   * Changes one byte of one file of the store, after a copy was taken. Only while the process is down.
   *
   * @param {import('../packages/simulator/dist/random.js').Random} random
   * @returns {string | null} what was done; null if there is nothing to spoil
   */
  damage(random) {
    this.forgetCopy()
    cpSync(this.store, this.#copy, { recursive: true })
    const files = readdirSync(this.store)
      .filter((name) => !name.startsWith('LO') && statSync(join(this.store, name)).size > 0)
      .toSorted()
    if (files.length === 0) return null
    const name = random.pick(files)
    const file = join(this.store, name)
    const bytes = readFileSync(file)
    const at = random.below(bytes.length)
    const before = bytes.readUInt8(at)
    const after = random.chance(0.5) ? before ^ (1 << random.below(8)) : (before + random.between(1, 255)) & 255
    bytes.writeUInt8(after, at)
    writeFileSync(file, bytes)
    return `byte ${at} of ${bytes.length} in ${name}: ${before} became ${after}`
  }

  /** Everything it has stored is lost. Only while the process is down. */
  forget() {
    this.#emptyStore()
    this.forgetful = true
    this.#isEmpty = true
  }

  #emptyStore() {
    // The folder itself stays: it may be a disk of its own.
    for (const name of readdirSync(this.store)) rmSync(join(this.store, name), { recursive: true })
  }

  /** The store as it was before the damage. */
  undoDamage() {
    this.#emptyStore()
    cpSync(this.#copy, this.store, { recursive: true })
    this.forgetCopy()
  }

  forgetCopy() {
    rmSync(this.#copy, { recursive: true, force: true })
  }

  get #copy() {
    return `${this.store}.before-damage`
  }
}

/**
 * How much slower than by itself everything is here at the moment: by this factor clocks are stretched that end a wait.
 *
 * @param {readonly Validator[]} validators
 */
export function slowness(validators) {
  const mean = validators.reduce((sum, validator) => sum + validator.startMs, 0) / validators.length
  return Math.min(20, Math.max(1, mean / 1_000))
}

/** @param {import('node:child_process').ChildProcess} child */
function cpuMsOf(child) {
  try {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return TICK_MS * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return 0 // gone, or no Linux: then the clock alone decides
  }
}
