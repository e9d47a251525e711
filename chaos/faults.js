/**
 * What goes wrong, and when: drawn from a seed, one episode after the other, several at a time. An episode disturbs
 * something, waits, and puts it right again.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Mostly no more validators are disturbed at a time than a network survives without a pause. The chance of more, twice a second. */
const BEYOND_TOLERANCE = 0.1
/** Room for hours of blocks; an episode fills the rest. */
const SMALL_DISK = '256m'
const FILLER = 'filler'
/** It says so, and stops by itself: another reason is another fault, which the full disk would hide. */
const DISK_FULL = /^exit code 1,.*disk is full/

/** One entry per lot: kills are drawn most often. */
const LOTS = /** @type {const} */ ([
  ...['kill', 'kill', 'kill', 'pause', 'stop', 'partition', 'weather', 'damage', 'full-disk', 'mass', 'forget', 'govern', 'rotate'],
])
export const KINDS = /** @type {readonly string[]} */ ([...new Set(LOTS)])
/** After every second kill the validator is killed again, up to so many times, before it is left alone. */
const MORE_KILLS = 6
/** When starting all takes so many times what the processor time of these starts explains, the machine is busy with other things, and no clock says anything. */
const CROWDED = 3
export const USUAL_PACE_MS = 500

/** @typedef {import('./validator.js').Validator} Validator */

/**
 * @typedef {object} World
 * @property {readonly Validator[]} validators
 * @property {import('./wires.js').Wires | import('./namespaces.js').Namespaces} wires
 * @property {import('../packages/simulator/dist/random.js').Random} random
 * @property {(text: string) => void} say one line per event
 * @property {(text: string) => void} violated
 * @property {number | null} diskOf the validator whose store lies on a small disk
 * @property {readonly string[]} only kinds of episodes that are drawn
 * @property {number} paceMs mean time between two draws
 * @property {import('./governance.js').Governance | null} governance null: the validators never change
 */

export class Faults {
  /** @param {World} world */
  constructor(world) {
    this.world = world
    /** @type {Set<number>} */
    this.disturbed = new Set()
    this.wiresDisturbed = false
    this.massDue = false
    this.counts = {
      kills: 0,
      killsInStart: 0,
      pauses: 0,
      stops: 0,
      partitions: 0,
      weather: 0,
      damages: 0,
      refusals: 0,
      fullDisks: 0,
      massKills: 0,
      forgotten: 0,
    }
    /** How long it took until the next block once all were up again. @type {{ elapsedMs: number, boundMs: number }[]} */
    this.massRestarts = []
    /** @type {Set<Promise<void>>} */
    this.episodes = new Set()
  }

  /** @param {() => boolean} until */
  async run(until) {
    const { random, paceMs } = this.world
    while (!until()) {
      this.#begin()
      await sleep(random.between(Math.floor(paceMs / 5), Math.ceil((paceMs * 9) / 5)))
    }
    await Promise.all(this.episodes)
    await this.world.wires.heal()
  }

  #begin() {
    const { random, validators } = this.world
    // A mass kill waits until nobody is disturbed, and nothing new begins before it.
    if (this.massDue) {
      const isCalm = this.episodes.size === 0 && validators.every((validator) => validator.state === 'up' || validator.spoiled)
      if (isCalm) {
        this.massDue = false
        this.#start(this.#massKill())
      }
      return
    }
    const tolerated = Math.floor((validators.length - 1) / 3)
    const kind = random.pick(LOTS.filter((lot) => this.world.only.includes(lot)))
    if (kind === 'partition' || kind === 'weather') {
      if (!this.wiresDisturbed) this.#start(kind === 'partition' ? this.#partition() : this.#weather())
      return
    }
    if (kind === 'mass') {
      this.massDue ||= random.chance(0.25)
      return
    }
    if (kind === 'govern') {
      if (this.world.governance !== null) this.#start(this.world.governance.change())
      return
    }
    if (this.disturbed.size >= tolerated && !random.chance(BEYOND_TOLERANCE * Math.min(1, this.world.paceMs / USUAL_PACE_MS))) return
    const calm = validators.filter((validator) => !this.disturbed.has(validator.index) && validator.state === 'up')
    if (calm.length === 0) return
    const disk = this.world.diskOf
    if (kind === 'full-disk') {
      const victim = calm.find((validator) => validator.index === disk)
      if (victim !== undefined) this.#start(this.#occupied(victim, () => this.#fullDisk(victim)))
      return
    }
    const victim = random.pick(calm)
    this.#start(this.#occupied(victim, () => this.#disturb(kind, victim)))
  }

  /** @param {Promise<void>} episode */
  #start(episode) {
    const tracked = episode
      .catch((error) => this.world.violated(`the harness failed: ${error instanceof Error ? error.stack : error}`))
      .finally(() => this.episodes.delete(tracked))
    this.episodes.add(tracked)
  }

  /**
   * @param {Validator} victim
   * @param {() => Promise<void>} work
   */
  async #occupied(victim, work) {
    this.disturbed.add(victim.index)
    try {
      await work()
    } finally {
      this.disturbed.delete(victim.index)
    }
  }

  /**
   * @param {string} kind
   * @param {Validator} victim
   */
  async #disturb(kind, victim) {
    const { random, say } = this.world
    switch (kind) {
      case 'forget':
        return this.#forget(victim)
      case 'rotate':
        if ((await this.world.governance?.rotate(victim)) !== true) return
        say(`SIGTERM   ${victim.index}  for its new key`)
        await victim.stop()
        return this.#restart(victim)
      case 'pause': {
        this.counts.pauses++
        say(`SIGSTOP   ${victim.index}`)
        victim.pause()
        await sleep(random.between(100, 4_000))
        victim.resume()
        say(`SIGCONT   ${victim.index}`)
        return
      }
      case 'stop':
        this.counts.stops++
        say(`SIGTERM   ${victim.index}`)
        await victim.stop()
        return this.#restart(victim)
      case 'damage':
        await victim.kill()
        return this.#damage(victim)
      default:
        this.counts.kills++
        say(`SIGKILL   ${victim.index}`)
        await victim.kill()
        if (random.chance(0.5)) await this.#killAgain(victim, random.between(1, MORE_KILLS))
        else await sleep(random.chance(0.5) ? 0 : random.between(0, Math.min(2_000, 4 * this.world.paceMs)))
        return this.#restart(victim)
    }
  }

  /**
   * Short lives: killed while it loads, while it reads its store, and in the first moments in which it takes part.
   *
   * @param {Validator} victim
   * @param {number} times
   */
  async #killAgain(victim, times) {
    const { random, say } = this.world
    say(`SIGKILL   ${victim.index}  ${times} times while it starts`)
    for (let life = 0; life < times; life++) {
      const instant = random.pick(['any', 'about-up', 'up', 'up'])
      const starting = victim.start()
      if (instant === 'up') {
        const outcome = await starting
        if (!outcome.started) return this.#onNoStart(victim, outcome)
        await sleep(random.between(0, 500))
      } else {
        const part = instant === 'any' ? random.unit() : 0.7 + 0.6 * random.unit()
        await sleep(victim.startMs * part)
      }
      const ended = victim.child === null
      if (!ended) {
        this.counts.kills++
        if (victim.state === 'starting') this.counts.killsInStart++
      }
      await victim.kill()
      const outcome = await starting
      if (ended && !outcome.started && !outcome.told) return this.#onNoStart(victim, outcome)
    }
  }

  /**
   * Everything that it has signed is forgotten: it must follow without a vote until it is past that (protocol.md §7). Only while all the others
   * are up and vote, and none has a spoiled store: two that may contradict themselves can be more than the network tolerates.
   *
   * @param {Validator} victim
   */
  async #forget(victim) {
    const { validators, say, random } = this.world
    const others = validators.filter((each) => each !== victim)
    if (others.some((each) => each.spoiled)) return
    // Who was released by the last block of an epoch is silent once more in the next: so all are asked, and not only who is known to have forgotten.
    for (const each of others) if (!(await each.votes())) return
    for (const each of others) each.forgetful = false
    this.counts.forgotten++
    say(`forget    ${victim.index}`)
    await victim.kill()
    victim.forget()
    for (let lives = random.between(0, 2); lives > 0; lives--) {
      const starting = victim.start()
      await sleep(victim.startMs * 1.5 * random.unit())
      if (victim.child !== null) this.counts.kills++
      await victim.kill()
      const outcome = await starting
      if (!outcome.started && !outcome.told) return this.#onNoStart(victim, outcome)
    }
    return this.#restart(victim)
  }

  /** @param {Validator} victim */
  async #restart(victim) {
    await this.world.governance?.settleKey(victim)
    const outcome = await victim.start()
    if (outcome.started) this.world.say(`start     ${victim.index}`)
    else if (!outcome.told) this.#onNoStart(victim, outcome)
  }

  /**
   * @param {Validator} victim
   * @param {{ code: number | null, lastLine: string }} outcome
   */
  #onNoStart(victim, outcome) {
    if (victim.spoiled && outcome.code === 2) this.world.say(`refused   ${victim.index}  ${outcome.lastLine}`)
    else this.world.violated(`validator ${victim.index} did not start again (exit code ${outcome.code}): ${outcome.lastLine}`)
  }

  /**
   * Refused, or recovered: both are right. A refusal must be in words; then the store is put back as it was, which is
   * safe because nothing was signed since.
   *
   * @param {Validator} victim
   */
  async #damage(victim) {
    const { say, violated, random } = this.world
    // One spoiled store at a time: who finds the damage late stays down, and the others must go on without it.
    const what = this.world.validators.some(({ spoiled, forgetful }) => spoiled || forgetful) ? null : victim.damage(random)
    if (what === null) return this.#restart(victim)
    this.counts.damages++
    say(`damage    ${victim.index}  ${what}`)
    const outcome = await victim.start()
    if (outcome.started) {
      say(`start     ${victim.index}  in spite of the damage`)
      victim.forgetCopy()
      victim.spoiled = true
      return
    }
    this.counts.refusals++
    say(`refused   ${victim.index}  ${outcome.lastLine}`)
    if (outcome.code !== 2) violated(`validator ${victim.index} ended with ${outcome.code} on a damaged store: ${outcome.lastLine}`)
    victim.undoDamage()
    return this.#restart(victim)
  }

  async #massKill() {
    const { validators, say, random } = this.world
    this.counts.massKills++
    say(`SIGKILL   all ${validators.length}`)
    for (const validator of validators) this.disturbed.add(validator.index)
    // How soon they commit again says something on fair wires only; they stay so until that is known.
    const wiresFair = !this.wiresDisturbed
    if (wiresFair) this.wiresDisturbed = true
    // One with a spoiled store may be down already.
    this.counts.kills += validators.filter(({ child }) => child !== null).length
    await Promise.all(validators.map((validator) => validator.kill()))
    await sleep(random.between(0, 3_000))
    await Promise.all(validators.map((validator) => this.#restart(validator)))
    if (wiresFair) {
      await this.#commitsAgain()
      this.wiresDisturbed = false
    }
    this.disturbed.clear()
  }

  /**
   * All are up again: two view timeouts later at most there must be a new block (protocol.md §8, "After a mass restart"). New is what
   * nobody has yet in that moment: blocks from between an earlier look and the kill would always be there at once.
   */
  async #commitsAgain() {
    const { validators, say, violated } = this.world
    const ownMs = validators.reduce((sum, validator) => sum + validator.lastStartCpuMs, 0) / availableParallelism()
    if (validators.some((validator) => validator.lastStartMs > CROWDED * ownMs))
      return say('starved   the machine is too busy with other things to judge the restart')
    const upAt = performance.now()
    const statuses = await this.#statuses()
    const heightBefore = highest(statuses)
    const timeoutMs = Math.max(...statuses.map((status) => status.viewTimeoutMs))
    const boundMs = 2 * timeoutMs
    for (;;) {
      const elapsedMs = performance.now() - upAt
      if (highest(await this.#statuses()) > heightBefore) {
        this.massRestarts.push({ elapsedMs, boundMs })
        return say(`commits   again ${Math.round(elapsedMs)} ms after all were up; at most two view timeouts, ${boundMs} ms`)
      }
      if (elapsedMs > boundMs) {
        this.massRestarts.push({ elapsedMs, boundMs })
        return violated(`no new block ${Math.round(elapsedMs)} ms after all validators were up again; expected at most ${boundMs} ms`)
      }
      await sleep(20)
    }
  }

  async #statuses() {
    const statuses = await Promise.all(this.world.validators.map((validator) => validator.status().catch(() => null)))
    return statuses.filter((status) => status !== null)
  }

  async #partition() {
    const { validators, wires, random, say } = this.world
    this.wiresDisturbed = true
    this.counts.partitions++
    if (random.chance(0.3)) {
      const from = random.below(validators.length)
      const to = (from + random.between(1, validators.length - 1)) % validators.length
      say(`muffle    ${from} is not heard by ${to}`)
      await wires.muffle(from, to)
    } else {
      const side = new Set(validators.map((validator) => validator.index).filter(() => random.chance(0.4)))
      say(`partition ${[...side].join(' ') || '-'} | the others`)
      await wires.partition(side)
    }
    await sleep(random.between(300, 5_000))
    await wires.heal()
    say('heal')
    this.wiresDisturbed = false
  }

  async #weather() {
    const { validators, wires, random, say } = this.world
    this.wiresDisturbed = true
    this.counts.weather++
    const weather = { delayMs: random.between(0, 400), loss: random.chance(0.5) ? 0 : random.unit() * 0.3 }
    const victims = validators.filter(() => random.chance(0.4))
    say(`weather   ${victims.map((v) => v.index).join(' ') || '-'}: ${weather.delayMs} ms, ${Math.round(weather.loss * 100)} % lost`)
    for (const victim of victims) await wires.disturb(victim.index, weather)
    await sleep(random.between(500, 5_000))
    await wires.heal()
    say('heal')
    this.wiresDisturbed = false
  }

  /**
   * The disk fills up under a running validator: it must stop by itself, say why, and go on where it was when there is space.
   *
   * @param {Validator} victim
   */
  async #fullDisk(victim) {
    const { say, violated } = this.world
    this.counts.fullDisks++
    say(`full disk ${victim.index}`)
    const usual = victim.onUnexpectedExit
    const stopped = new Promise((resolve) => {
      victim.onUnexpectedExit = resolve
    })
    fill(join(victim.store, FILLER))
    const reason = await Promise.race([stopped, sleep(20_000)])
    rmSync(join(victim.store, FILLER), { force: true })
    victim.onUnexpectedExit = usual
    if (reason === undefined) return say(`no write  ${victim.index}  within 20 s`)
    say(`stopped   ${victim.index}  ${reason}`)
    if (!DISK_FULL.test(String(reason))) violated(`validator ${victim.index} on a full disk: ${reason}`)
    await this.#restart(victim)
  }
}

/** @param {readonly { height: number }[]} statuses */
function highest(statuses) {
  return Math.max(0, ...statuses.map((status) => status.height))
}

/** @param {string} file */
function fill(file) {
  const block = Buffer.alloc(64 * 1024)
  try {
    for (;;) writeFileSync(file, block, { flag: 'a' })
  } catch {
    // Full: that is what was wanted.
  }
}

/**
 * Puts the store of a validator that does not run on a disk of its own, a small one. Needs root.
 *
 * @param {Validator} validator
 * @returns {boolean} false: not allowed here
 */
export function mountSmallDisk(validator) {
  if (process.getuid?.() !== 0) return false
  try {
    mkdirSync(validator.store, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK},mode=700`, 'tmpfs', validator.store], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * @param {Validator} validator
 * @param {boolean} keep what was on it
 */
export function unmountSmallDisk(validator, keep) {
  if (!existsSync(validator.store)) return
  const kept = `${validator.store}.kept`
  if (keep) cpSync(validator.store, kept, { recursive: true, filter: (file) => !file.endsWith(FILLER) })
  execFileSync('umount', [validator.store], { stdio: 'ignore' })
  if (keep) cpSync(kept, validator.store, { recursive: true })
}
