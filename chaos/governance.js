/**
 * The operators of a chain whose validators change: while everything else goes wrong they give power and take it, let validators leave
 * and come back, and change their keys, all with the program's own commands (docs/operations.md, "Changing the validators").
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../packages/cli/bin/aethel.js', import.meta.url))
const EXIT = { final: 0, usage: 2, refused: 3, pending: 5, unreachable: 6 }
/** For a change to become final, in seconds. */
const PATIENCE_S = 20
/** Fewer than four tolerate nobody. */
const FEWEST = 4
const POWERS = [1, 2, 3]
const CURRENT_KEY = 'consensus.key'
const NEXT_KEY = 'consensus-next.key'

/**
 * @typedef {import('./validator.js').Validator} Validator
 * @typedef {import('../packages/cli/dist/answers.js').ListedValidator} Member
 */

export class Governance {
  /**
   * @param {object} options
   * @param {readonly Validator[]} options.validators
   * @param {readonly string[]} options.keyFiles of all who govern
   * @param {import('../packages/simulator/dist/random.js').Random} options.random
   * @param {(text: string) => void} options.say
   * @param {(text: string) => void} options.violated
   * @param {typeof ran} [options.run] the program
   */
  constructor({ validators, keyFiles, random, say, violated, run = ran }) {
    this.validators = validators
    this.keyFiles = keyFiles
    this.random = random
    this.say = say
    this.violated = violated
    this.run = run
    this.counts = { changesFinal: 0, changesRefused: 0, changesUnanswered: 0, keysChanged: 0 }
    /** By which the chain knows who came back. @type {Map<number, string>} */
    this.networkKeys = networkKeysOf(validators)
    /** A change of them is final, and the key not yet in its place. @type {Map<number, number>} validator to the epoch with the new key */
    this.rotating = new Map()
    this.busy = false
    /** Ids of the transactions with changes, where they were told. @type {Set<string>} */
    this.sent = new Set()
  }

  /** Changes that may be in the chain though nobody was told their ids. */
  untold = 0

  /** One change, drawn; what is not possible at the moment is left out. */
  async change() {
    if (this.busy) return
    this.busy = true
    try {
      const listing = await this.#listing()
      if (listing === null || listing.next === null) return
      await this.#oneOf(listing.next.validators)
    } finally {
      this.busy = false
    }
  }

  /** @param {readonly Member[]} next */
  async #oneOf(next) {
    const { random, validators } = this
    const here = validators.filter((validator) => this.#seatOf(validator, next) !== null)
    // Who left between two keys joins with the new one, when that has taken the old one's place.
    const back = validators.find((validator) => !here.includes(validator) && !existsSync(join(validator.home, NEXT_KEY)))
    const validator = random.pick(here)
    const seat = this.#seatOf(validator, next)
    if (back !== undefined && random.chance(0.4)) {
      await this.#propose(`validator ${back.index} comes back`, back, ['--join', back.home])
    } else if (random.chance(0.3) && isTolerable(next.filter((member) => member.seat !== seat))) {
      await this.#propose(`validator ${validator.index} leaves`, validator, ['--leave', String(seat)], seat)
    } else {
      const power = random.pick(POWERS)
      const after = next.map((member) => (member.seat === seat ? { ...member, power: String(power) } : member))
      if (isTolerable(after))
        await this.#propose(`power ${power} for validator ${validator.index}`, validator, ['--power', `${seat}=${power}`], seat)
    }
  }

  /**
   * The seat it has in the next epoch: those of genesis are numbered as the homes are, and who came back says where it is to be found.
   *
   * @param {Validator} validator
   * @param {readonly Member[]} next
   * @returns {number | null}
   */
  #seatOf({ index }, next) {
    const key = this.networkKeys.get(index)
    return next.find(({ seat, contact }) => (contact === null ? seat === index : contact.networkKey === key))?.seat ?? null
  }

  /**
   * The first half of a new key: proposed, and loaded by a restart, which is the caller's. The second: the file takes the old one's place
   * after the epoch with the old key, while the validator does not run.
   *
   * @param {Validator} validator
   * @returns {Promise<boolean>} true: restart it
   */
  async rotate(validator) {
    if (this.busy || this.rotating.has(validator.index)) return false
    this.busy = true
    try {
      const listing = await this.#listing()
      const seat = listing === null || listing.next === null ? null : this.#seatOf(validator, listing.next.validators)
      if (listing === null || seat === null) return false
      if (!(await this.#propose(`a new key for validator ${validator.index}`, validator, ['--rotate', `${seat}=${validator.home}`], seat)))
        return existsSync(join(validator.home, NEXT_KEY)) // the answer may have been lost: better to have both keys loaded
      const now = await this.#listing()
      this.rotating.set(validator.index, Math.max(listing.epoch, now?.epoch ?? 0) + 1)
      return true
    } finally {
      this.busy = false
    }
  }

  /** Whether the old key of a validator, which does not run, may go, and if so replaces it. @param {Validator} validator */
  async settleKey(validator) {
    const since = this.rotating.get(validator.index)
    const listing = since === undefined ? null : await this.#listing()
    if (since === undefined || listing === null || listing.epoch <= since) return
    renameSync(join(validator.home, NEXT_KEY), join(validator.home, CURRENT_KEY))
    this.rotating.delete(validator.index)
    this.counts.keysChanged++
    this.say(`key       ${validator.index}  the new one has taken the old one's place`)
  }

  /** Who was asked first may not have heard that this seat is empty by now. @param {number | null} seat */
  async #isEmpty(seat) {
    const up = this.validators.filter((validator) => validator.state === 'up')
    const listings = await Promise.all(up.map((validator) => validator.client.validators().catch(() => null)))
    return listings.some((listing) => listing?.next != null && !listing.next.validators.some((member) => member.seat === seat))
  }

  async #listing() {
    for (const validator of this.validators) {
      if (validator.state !== 'up') continue
      const listing = await validator.client.validators().catch(() => null)
      if (listing !== null) return listing
    }
    return null
  }

  /**
   * @param {string} what
   * @param {Validator} about who is not asked: it may have been left out
   * @param {readonly string[]} args
   * @param {number | null} seat that they are about
   * @returns {Promise<boolean>} it is final
   */
  async #propose(what, about, args, seat = null) {
    const up = this.validators.filter((validator) => validator.state === 'up' && validator !== about)
    if (up.length === 0) return false
    const { url } = this.random.pick(up).client
    const approvals = this.keyFiles.flatMap((file) => ['--approve', file])
    const sender = ['--key', this.keyFiles[0] ?? '']
    const options = ['--url', url, '--timeout', String(PATIENCE_S), ...sender, ...approvals]
    const { code, output, errors } = await this.run([BIN, 'validators', 'propose', '--json', ...options, ...args])
    const { status, height, message } = answered(output)
    this.say(
      `change    ${what}: ${status ?? `exit code ${code}`}${height === undefined ? '' : ` in block ${height}`}${message === undefined ? '' : `, ${message}`}`,
    )
    const isTooLate = code === EXIT.usage && answered(output).code === 'unknown-validator' && (await this.#isEmpty(seat))
    this.note(what, isTooLate ? EXIT.refused : code, output, errors)
    return code === EXIT.final
  }

  /**
   * What came of a proposal: as many strangers in the chain are forgiven as changes went out whose ids nobody was told, and no more.
   *
   * @param {string} what
   * @param {number} code
   * @param {string} output one JSON document
   * @param {string} [errors]
   */
  note(what, code, output, errors = '') {
    const { id } = answered(output)
    if (typeof id === 'string') this.sent.add(id)
    if (code === EXIT.final) this.counts.changesFinal++
    else if (code === EXIT.refused) this.counts.changesRefused++
    else if (code === EXIT.pending || code === EXIT.unreachable) {
      this.counts.changesUnanswered++
      if (typeof id !== 'string') this.untold++
    } else this.violated(`a change of the validators (${what}) ended with exit code ${code}: ${output}${errors}`)
  }
}

/** @param {readonly Validator[]} validators @returns {Map<number, string>} */
function networkKeysOf(validators) {
  const configs = validators.map(({ home }) => JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')))
  return new Map(configs.flatMap(({ peers }) => peers.map((/** @type {any} */ peer) => [peer.index, peer.networkKey])))
}

/** One faulty validator, the heaviest, is within what the set survives. @param {readonly { readonly power: string }[]} members */
function isTolerable(members) {
  const powers = members.map(({ power }) => Number(power))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return members.length >= FEWEST && Math.max(...powers) <= Math.floor((total - 1) / 3)
}

/** @param {string} output @returns {{ id?: string, status?: string, height?: number, code?: string, message?: string }} */
function answered(output) {
  try {
    return JSON.parse(output)
  } catch {
    return {}
  }
}

/** @param {readonly string[]} args @returns {Promise<{ code: number, output: string, errors: string }>} */
function ran(args) {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, output: stdout, errors: stderr })
    })
  })
}
