/**
 * Wires in the kernel: every validator in a network namespace of its own, joined by a bridge. Packets are really lost, held back and cut,
 * and TCP does about it what it does. Needs root, iproute2 and util-linux.
 *
 * The whole run moves into a namespace first (`enter`), so nothing of the machine's own network is touched; all namespaces are nameless and
 * vanish with the last process in them, however the run ends.
 *
 * `tc netem` delays, reorders and duplicates where the kernel has it. Where it does not, packets are lost by a filter (cls_bpf), and delay
 * comes from thin wires (tbf), as it does in life.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Set in the process that runs inside. */
const INSIDE = 'AETHEL_CHAOS_INSIDE'
const HUB = '10.77.0.1'
const FIRST_HOST = 10
const MESH_PORT = 27_100
const HTTP_PORT = 27_101
const PASS = 0
const DROP = 2
/** Queue of a netem wire in packets: far more than are under way in 400 ms. */
const NETEM_PACKETS = 20_000

/** @returns {boolean} whether this process is the one inside */
export function isInside() {
  return process.env[INSIDE] !== undefined
}

/** @returns {string | null} why namespaces are not to be had; null: they are */
export function whyNoNamespaces() {
  if (process.getuid?.() !== 0) return 'that takes root'
  for (const [tool, version] of [
    ['ip', '-V'],
    ['tc', '-V'],
    ['unshare', '--version'],
    ['nsenter', '--version'],
  ]) {
    if (!succeeds(tool, [version])) return `there is no program "${tool}" (Debian: iproute2, util-linux)`
  }
  if (!succeeds('unshare', ['--net', '--mount', 'true'])) return 'this machine makes no namespaces'
  const filter = `tc qdisc add dev lo clsact && tc filter add dev lo egress pref 1 bpf da bytecode '1,6 0 0 ${PASS}'`
  if (!succeeds('unshare', ['--net', 'sh', '-c', filter])) return 'this kernel has no packet filters for tc (cls_bpf)'
  if (!succeeds('unshare', ['--net', 'ip', 'link', 'add', 'name', 'probe', 'type', 'bridge'])) return 'this kernel has no bridges'
  return null
}

/** Runs this same command inside a network namespace and ends as it ends. */
export function enter() {
  const child = spawn('unshare', ['--net', '--mount', process.execPath, ...process.argv.slice(1)], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [INSIDE]: '1' },
  })
  // Ctrl-C reaches the child as well, which cleans up; a signal to this process alone is passed on.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 130))))
}

/** @param {string} program @param {readonly string[]} args */
function succeeds(program, args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** @typedef {{ blocked: Set<number>, loss: number, delayMs: number }} Condition of the wire towards one validator, and from it */

export class Namespaces {
  /**
   * @param {readonly import('node:child_process').ChildProcess[]} holders a process per namespace, which lives as long as this one
   * @param {boolean} netem
   */
  constructor(holders, netem) {
    this.holders = holders
    this.netem = netem
    this.kind = netem ? 'namespaces, netem' : 'namespaces, cls_bpf + tbf'
    /** @type {Condition[]} */
    this.conditions = holders.map(() => fair())
  }

  /**
   * Makes a namespace per home and writes its addresses into the homes, which must not be running.
   *
   * @param {readonly string[]} homes
   */
  static async install(homes) {
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', 'name', 'hub', 'type', 'bridge')
    ip('addr', 'add', `${HUB}/16`, 'dev', 'hub')
    ip('link', 'set', 'hub', 'up')
    const holders = homes.map((home, index) => {
      // `cat` ends when this process does, and the namespace with it.
      const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
      const peers = (/** @type {number} */ peer) => ({ host: hostOf(peer), port: MESH_PORT })
      const file = join(home, 'config.json')
      const config = JSON.parse(readFileSync(file, 'utf8'))
      config.mesh = peers(index)
      config.http = { host: hostOf(index), port: HTTP_PORT }
      for (const peer of config.peers) Object.assign(peer, peers(peer.index))
      writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`)
      return holder
    })
    for (const [index, holder] of holders.entries()) {
      // What comes back through `cat` shows that the namespace exists by now.
      await new Promise((resolve) => {
        holder.stdout.once('data', resolve)
        holder.stdin.write('.')
      })
      ip('link', 'add', wireOf(index), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid))
      ip('link', 'set', wireOf(index), 'master', 'hub', 'up')
      for (const args of [
        ['link', 'set', 'lo', 'up'],
        ['addr', 'add', `${hostOf(index)}/16`, 'dev', 'eth0'],
        ['link', 'set', 'eth0', 'up'],
      ]) {
        execFileSync('nsenter', ['--target', String(holder.pid), '--net', 'ip', ...args])
      }
      execFileSync('tc', ['qdisc', 'add', 'dev', wireOf(index), 'clsact'])
    }
    const netem = succeeds('tc', ['qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'])
    if (netem) execFileSync('tc', ['qdisc', 'del', 'dev', 'lo', 'root'])
    return new Namespaces(holders, netem)
  }

  /** @param {number} index */
  urlOf(index) {
    return `http://${hostOf(index)}:${HTTP_PORT}`
  }

  /**
   * @param {number} index
   * @returns {import('./validator.js').Prefix}
   */
  prefixOf(index) {
    return { command: 'nsenter', args: ['--target', String(this.holders[index]?.pid), '--net', '--'] }
  }

  /**
   * Validators of different sides do not hear each other, and nobody is told.
   *
   * @param {ReadonlySet<number>} side
   */
  async partition(side) {
    for (const [to, condition] of this.conditions.entries()) {
      for (const from of this.conditions.keys()) if (side.has(from) !== side.has(to)) condition.blocked.add(from)
    }
    await this.#filter()
  }

  /**
   * What `from` says does not reach `to`; what `to` says reaches `from`.
   *
   * @param {number} from
   * @param {number} to
   */
  async muffle(from, to) {
    this.conditions[to]?.blocked.add(from)
    await this.#filter()
  }

  /**
   * @param {number} validator
   * @param {{ delayMs: number, loss: number }} weather in both directions
   */
  async disturb(validator, { delayMs, loss }) {
    const condition = this.conditions[validator]
    if (condition === undefined) return
    Object.assign(condition, { delayMs, loss })
    await this.#filter()
    const discipline = this.netem ? netemOf(delayMs) : thinWire(delayMs)
    if (delayMs > 0) await this.#shape(validator, ['replace', 'root', ...discipline])
  }

  async heal() {
    const delayed = [...this.conditions.entries()].filter(([, condition]) => condition.delayMs > 0)
    this.conditions = this.conditions.map(fair)
    await Promise.all([this.#filter(), ...delayed.map(([validator]) => this.#shape(validator, ['del', 'root']))])
  }

  close() {
    for (const holder of this.holders) holder.stdin?.destroy()
  }

  /** All filters at once, in one process. */
  async #filter() {
    const lines = this.conditions.flatMap(({ blocked, loss }, index) => {
      const wire = `filter replace dev ${wireOf(index)}`
      return [
        `${wire} egress pref 1 handle 1 bpf da bytecode ${program({ addressAt: SOURCE_AT, blocked: [...blocked].map(hostOf), loss })}`,
        `${wire} ingress pref 1 handle 1 bpf da bytecode ${program({ addressAt: DESTINATION_AT, blocked: [], loss })}`,
      ]
    })
    const child = spawn('tc', ['-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (part) => {
      said += part
    })
    child.stdin.end(`${lines.join('\n')}\n`)
    const code = await new Promise((resolve) => child.once('close', resolve))
    if (code !== 0) throw new Error(`tc ended with ${code}: ${said.trim()}`)
  }

  /**
   * On both ends of a validator's wire.
   *
   * @param {number} validator
   * @param {readonly string[]} words
   */
  async #shape(validator, [verb, ...words]) {
    const own = ['--target', String(this.holders[validator]?.pid), '--net', 'tc']
    const wire = (/** @type {string} */ device) => ['qdisc', String(verb), 'dev', device, ...words]
    await Promise.all([run('tc', wire(wireOf(validator))), run('nsenter', [...own, ...wire('eth0')])])
  }
}

/** @returns {Condition} */
function fair() {
  return { blocked: new Set(), loss: 0, delayMs: 0 }
}

/** @param {number} delayMs */
function netemOf(delayMs) {
  return [
    'netem',
    'limit',
    `${NETEM_PACKETS}`,
    'delay',
    `${delayMs}ms`,
    `${Math.ceil(delayMs / 4)}ms`,
    'reorder',
    '20%',
    '50%',
    'duplicate',
    '1%',
  ]
}

/**
 * The more delay is wanted, the thinner: 2 Mbit/s down to 128 kbit/s, with a queue of that delay and tail drop.
 *
 * @param {number} delayMs
 */
function thinWire(delayMs) {
  const kilobits = Math.max(128, 2_048 - 5 * delayMs)
  return ['tbf', 'rate', `${kilobits}kbit`, 'burst', '8kb', 'latency', `${Math.max(20, delayMs)}ms`]
}

/** @param {readonly string[]} args */
function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** @param {number} index */
function hostOf(index) {
  return `10.77.0.${FIRST_HOST + index}`
}

/** @param {number} index */
function wireOf(index) {
  return `wire${index}`
}

// --- packet filters -----------------------------------------------------------------------------------------------

/** In an Ethernet frame: the type, and the addresses of an IPv4 header behind it. */
const TYPE_AT = 12
const SOURCE_AT = 26
const DESTINATION_AT = 30
const IPV4 = 0x0800
/** linux/filter.h: SKF_AD_OFF + SKF_AD_RANDOM. */
const RANDOM_AT = 0xffff_f000 + 56
/** Instructions of classic BPF, by their number. */
const OP = { loadHalf: 40, loadWord: 32, jumpIfEqual: 21, jumpIfAtLeast: 53, returnValue: 6 }

/**
 * A classic BPF program as tc reads it: drops IPv4 packets from (or to) blocked addresses, and others by chance. Clients, who sit at the
 * hub, are left alone.
 *
 * @param {{ addressAt: number, blocked: readonly string[], loss: number }} rules
 */
export function program({ addressAt, blocked, loss }) {
  /** @type {[number, number, number, number][]} */
  const steps = []
  const checks = blocked.length
  // Layout: type, its test, address, test of the hub, tests of the blocked, chance, its test, drop, pass.
  const drop = 4 + checks + 2
  const pass = drop + 1
  const to = (/** @type {number} */ target) => target - steps.length - 1
  steps.push([OP.loadHalf, 0, 0, TYPE_AT])
  steps.push([OP.jumpIfEqual, 0, to(pass), IPV4])
  steps.push([OP.loadWord, 0, 0, addressAt])
  steps.push([OP.jumpIfEqual, to(pass), 0, numberOf(HUB)])
  for (const address of blocked) steps.push([OP.jumpIfEqual, to(drop), 0, numberOf(address)])
  steps.push([OP.loadWord, 0, 0, RANDOM_AT])
  steps.push([OP.jumpIfAtLeast, to(pass), 0, Math.floor(loss * 0xffff_ffff)])
  steps.push([OP.returnValue, 0, 0, DROP])
  steps.push([OP.returnValue, 0, 0, PASS])
  return `"${[steps.length, ...steps.map((step) => step.join(' '))].join(',')}"`
}

/** @param {string} address */
function numberOf(address) {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}
