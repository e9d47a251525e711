/**
 * `npm run chaos -- [--minutes M] [--seed S] [--validators N] [--only KIND,...] [--certificates ...] [--dissemination ...]`: real validator processes, killed, paused, cut off, slowed
 * down, damaged, while clients keep submitting. In the end nothing that was acknowledged may be missing or doubled, all
 * chains agree, and nobody has signed two things (docs/chaos.md).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateScheme, disseminationChoice } from '../packages/cli/dist/command.js'
import { createNetwork } from '../packages/cli/dist/network.js'
import { randomStream } from '../packages/simulator/dist/random.js'
import { numberOf, readArguments, UsageError, wholeNumberOf } from '../tools/arguments.js'
import { Clients } from './clients.js'
import { damageEverywhere } from './damage.js'
import { Faults, KINDS, mountSmallDisk, USUAL_PACE_MS, unmountSmallDisk } from './faults.js'
import { Governance } from './governance.js'
import { readHistory, recordRun } from './history.js'
import { enter, isInside, Namespaces, whyNoNamespaces } from './namespaces.js'
import { slowness, Validator } from './validator.js'
import { converged, examine, readLogs } from './verdict.js'
import { Wires } from './wires.js'

const CLIENTS = 12
/** After the last fault, for clients to be answered. */
const LAST_ANSWER_MS = 120_000

/** Blocks of an epoch, where nothing else is said: some seconds. */
const EPOCH_LENGTH = '150'

const NETWORKS = ['auto', 'namespaces', 'relays']
const USAGE =
  'npm run chaos -- [--minutes M] [--seed S] [--validators N] [--only KIND,...] [--pace MS] [--epochs BLOCKS] [--behind BLOCKS] [--certificates ed25519|bls12-381] [--dissemination auto|mesh|collectors|tree] [--network auto|namespaces|relays] [--record] [--json], or npm run chaos -- --damage [--stride N], or npm run chaos -- --totals'

const options = parsed()
if (options.totals) {
  console.log(readHistory().totals)
  process.exit(0)
}
const random = randomStream(options.seed, 'chaos')
const began = performance.now()
const violations = /** @type {string[]} */ ([])
const say = (/** @type {string} */ text) => {
  const line = `${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}`
  if (options.json) process.stderr.write(`${line}\n`)
  else console.log(line)
}
const violated = (/** @type {string} */ text) => {
  violations.push(text)
  say(`VIOLATION ${text}`)
}

if (options.damage) process.exit((await damageEverywhere({ stride: options.stride, say })) ? 0 : 1)

if (options.network !== 'relays' && !isInside()) {
  const reason = whyNoNamespaces()
  if (reason === null) process.exit(await enter())
  if (options.network === 'namespaces') {
    console.error(`expected to make network namespaces, but ${reason}; leave --network out to use relays instead`)
    process.exit(2)
  }
  say(`no network namespaces: ${reason}; TCP relays on loopback instead`)
}

const folder = mkdtempSync(join(tmpdir(), 'aethel-chaos-'))
const drawn = options.only.length === KINDS.length ? '' : ` --only ${options.only.join(',')}`
const pace = options.paceMs === USUAL_PACE_MS ? '' : ` --pace ${options.paceMs}`
const epochs = options.epochLength === Number(EPOCH_LENGTH) ? '' : ` --epochs ${options.epochLength}`
const behind = options.behind === null ? '' : ` --behind ${options.behind}`
const certificates = options.certificates === 'ed25519' ? '' : ` --certificates ${options.certificates}`
const dissemination = options.dissemination === 'auto' ? '' : ` --dissemination ${options.dissemination}`
const insisted = options.network === 'auto' ? '' : ` --network ${options.network}`
const command = `npm run chaos -- --minutes ${options.minutes} --validators ${options.validators} --seed ${options.seed}${drawn}${pace}${epochs}${behind}${certificates}${dissemination}${insisted}`
say(`${options.validators} validators for ${options.minutes} minutes; again: ${command}`)
// The proof kinds suffice; every validator checks every proof.
const network = await createNetwork({
  folder: join(folder, 'network'),
  validators: options.validators,
  basePort: 0,
  parameters: { epochLength: options.epochLength },
  certificates: options.certificates,
  dissemination: options.dissemination,
})
const wireRandom = randomStream(options.seed, 'wires')
const homes = network.validators.map((validator) => validator.home)
const namespaces = isInside() ? await Namespaces.install(homes) : null
const wires = namespaces ?? (await Wires.install(homes, wireRandom.unit))
say(`wires: ${wires.kind}${namespaces?.netem === false ? ' (no netem in this kernel: delay comes from thin wires)' : ''}`)
const validators = network.validators.map(({ index, home, client }) =>
  namespaces === null
    ? new Validator(index, home, client.url, null)
    : new Validator(index, home, namespaces.urlOf(index), namespaces.prefixOf(index)),
)
for (const validator of validators) {
  if (options.behind !== null)
    validator.configureSnapshots({ behindBlocks: options.behind, everyBlocks: Math.max(1, Math.floor(options.behind / 2)) })
  validator.onUnexpectedExit = (why) => {
    if (validator.spoiled && why.includes('store is damaged')) say(`refused   ${validator.index}  ${why}`)
    else violated(`validator ${validator.index} ended by itself: ${why}`)
  }
}
const small = validators.at(-1)
const diskOf = small !== undefined && mountSmallDisk(small) ? small.index : null
say(diskOf === null ? 'no full disks: that takes root' : `validator ${diskOf} has a small disk`)

let ending = false
const cleanUp = async () => {
  if (ending) return
  ending = true
  await Promise.all(validators.map((validator) => validator.kill()))
  wires.close()
  if (small !== undefined && diskOf !== null) unmountSmallDisk(small, violations.length > 0)
}
const breakOff = () => {
  say('stopping')
  void cleanUp().then(() => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  })
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, breakOff)
// Inside, standard input is a pipe from the process that entered: it closes when that one is killed.
if (isInside()) process.stdin.once('close', breakOff).resume()

const clients = new Clients(validators, network.chainId, randomStream(options.seed, 'clients'))
const governance =
  options.epochLength === 0
    ? null
    : new Governance({
        validators,
        keyFiles: network.governanceFiles,
        random: randomStream(options.seed, 'governance'),
        say,
        violated,
      })
const faults = new Faults({ validators, wires, random, say, violated, diskOf, governance, only: options.only, paceMs: options.paceMs })
/**
 * Null where the run ended before the chains were read.
 * @type {{ lost: number | null, doubled: number | null, blocks: number, viewsEntered: number, statesTakenOver: number, fetchesCutShort: number }}
 */
let found = { lost: null, doubled: null, blocks: 0, viewsEntered: 0, statesTakenOver: 0, fetchesCutShort: 0 }
try {
  await main()
} catch (error) {
  violated(`the harness failed: ${error instanceof Error ? error.stack : error}`)
}
if (!ending) conclude()
await cleanUp()
const failed = violations.length > 0
if (failed) say(`the homes and logs are kept in ${folder}; again: ${command}`)
else rmSync(folder, { recursive: true, force: true })
process.exit(failed ? 1 : 0)

async function main() {
  for (const outcome of await Promise.all(validators.map((validator) => validator.start()))) {
    if (!outcome.started) throw new Error(`a validator did not start: ${outcome.lastLine}`)
  }
  const submitting = clients.run(CLIENTS)
  const endMs = began + options.minutes * 60_000
  let told = performance.now()
  await faults.run(() => {
    if (performance.now() - told > 10_000) {
      told = performance.now()
      say(`          ${clients.acknowledged.length} acknowledged, ${faults.counts.kills} kills`)
    }
    return ending || performance.now() >= endMs
  })
  if (ending) return
  say('healed; everybody is up; the last answers')
  clients.stop()
  const answerMs = LAST_ANSWER_MS * slowness(validators)
  const answered = await Promise.race([submitting.then(() => true), pause(answerMs).then(() => false)])
  if (!answered) {
    violated(`clients still wait ${Math.round(answerMs / 1000)} s after healing`)
    for (const [id, words] of clients.waiting) say(`no answer ${id}; ${words}`)
  }
  const { height, answering, problem } = await converged(validators.filter((validator) => !validator.spoiled))
  if (problem !== null) violated(problem)
  const { problems, lost, doubled, unjudged } = await examine(answering, height, clients, governance)
  if (unjudged > 0) say(`${unjudged} were acknowledged at heights that not all have: not judged`)
  const logs = readLogs(validators)
  for (const each of [...problems, ...logs.problems]) violated(each)
  const { viewsEntered, statesTakenOver, fetchesCutShort } = logs
  found = { lost: unjudged > 0 && lost === 0 ? null : lost, doubled, blocks: height, viewsEntered, statesTakenOver, fetchesCutShort }
}

/** Prints what the run came to, and records it whatever that is. */
function conclude() {
  const waits = faults.massRestarts.map(({ elapsedMs }) => elapsedMs)
  const report = {
    seed: options.seed,
    validators: options.validators,
    seconds: Math.round((performance.now() - began) / 100) / 10,
    wires: wires.kind,
    ...faults.counts,
    ...governance?.counts,
    massRestartsMeasured: waits.length,
    slowestMassRestartMs: Math.round(Math.max(0, ...waits)),
    submitted: clients.sent.size,
    blobs: clients.blobs,
    acknowledged: clients.acknowledged.length,
    ...found,
    violations,
  }
  if (options.json) console.log(JSON.stringify(report))
  else for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(22)}${Array.isArray(value) ? value.length : value}`)
  if (options.record) say(recordRun({ ...report, minutes: options.minutes, command }))
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}

/**
 * In the words of `aethel testnet`.
 *
 * @template T
 * @param {string} name
 * @param {string} text
 * @param {(text: string) => T} read
 */
function wordOf(name, text, read) {
  try {
    return read(text)
  } catch (error) {
    const expected = /^Expected (.*)\.$/.exec(error instanceof Error ? error.message : '')?.[1]
    if (expected === undefined) throw error
    throw new UsageError(`expected --${name} ${expected}; got ${text}`)
  }
}

function parsed() {
  return readArguments(
    {
      tool: 'chaos',
      usage: USAGE,
      options: {
        minutes: { type: 'string', default: '1' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 0x1_0000_0000)) },
        validators: { type: 'string', default: '7' },
        only: { type: 'string', default: KINDS.join(',') },
        pace: { type: 'string', default: String(USUAL_PACE_MS) },
        epochs: { type: 'string', default: EPOCH_LENGTH },
        behind: { type: 'string' },
        certificates: { type: 'string', default: 'ed25519' },
        dissemination: { type: 'string', default: 'auto' },
        network: { type: 'string', default: 'auto' },
        record: { type: 'boolean', default: false },
        damage: { type: 'boolean', default: false },
        stride: { type: 'string', default: '1' },
        totals: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    },
    (values) => {
      const only = values.only.split(',')
      const strange = only.find((kind) => !KINDS.includes(kind))
      if (strange !== undefined) throw new UsageError(`expected --only with kinds among ${KINDS.join(', ')}; got ${strange}`)
      if (!NETWORKS.includes(values.network)) throw new UsageError(`expected --network ${NETWORKS.join(', ')}; got ${values.network}`)
      const certificates = wordOf('certificates', values.certificates, certificateScheme)
      const dissemination = wordOf('dissemination', values.dissemination, disseminationChoice)
      if (certificates === 'ed25519' && dissemination !== 'auto' && dissemination !== 'mesh') {
        const wanted = `expected --certificates bls12-381 with --dissemination ${dissemination}`
        throw new UsageError(`${wanted}: only such certificates are worth collecting`)
      }
      return {
        certificates,
        dissemination,
        minutes: numberOf('minutes', values.minutes, 0.1, 10_000),
        seed: wholeNumberOf('seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
        validators: wholeNumberOf('validators', values.validators, 4, 32),
        network: values.network,
        only,
        paceMs: numberOf('pace', values.pace, 20, 60_000),
        epochLength: wholeNumberOf('epochs', values.epochs, 0, 1_000_000),
        behind: values.behind === undefined ? null : wholeNumberOf('behind', values.behind, 1, 1_000_000),
        record: values.record === true,
        damage: values.damage === true,
        stride: wholeNumberOf('stride', values.stride, 1, 1_000_000),
        totals: values.totals === true,
        json: values.json === true,
      }
    },
  )
}
