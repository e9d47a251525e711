/**
 * `npm run fuzz -- [--gas] [--minutes M] [--target NAME] [--seed S] [--input HEX|FILE] [--keep] [--json]`: coverage-guided fuzzing of
 * every decoder and of whole replicas (docs/fuzzing.md). Exit code 0: nothing found; 7: an input broke a property; 2: usage.
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { numberOf, readArguments, UsageError, wholeNumberOf } from '../tools/arguments.js'
import { fuzzGas } from './gas.js'
import { nameOf, writeCorpus } from './lib/corpus.js'
import { CpuWatch } from './lib/cpu-watch.js'
import { examine, examineMemory } from './lib/properties.js'
import { TARGETS, targetNamed } from './targets/index.js'

const USAGE = 'npm run fuzz -- [--gas] [--minutes M] [--target NAME] [--seed S] [--input HEX|FILE] [--keep] [--json]'
/** Whole replicas take longer per input than a decoder: their share of the time, in parts. */
const SHARE = /** @type {Record<string, number>} */ ({ 'replica-sequence': 5 })
/** Without a word for so much processor time an input is taken to run for ever. */
const SILENT_MS = 60_000
const LOOK_MS = 1_000
const MAX_OLD_SPACE_MB = 1024
const SHARED_BYTES = 1 << 20
/** A longer input goes into a file. */
const MAX_HEX_BYTES = 1000

/** @typedef {{ property: string, message: string, input: Uint8Array }} Found */
/** @typedef {{ name: string, tried: number, accepted: number, seconds: number, corpus: number, covered: number, blocks: number, fromSeeds: number, largest: number, findings: Found[], kept: Uint8Array[] }} Report */

const options = parsed()
if (options.gas) fuzzGas(options)
else if (options.input === null) await fuzz()
else replay(options.input)

async function fuzz() {
  const parts = options.targets.reduce((sum, { name }) => sum + (SHARE[name] ?? 1), 0)
  const reports = []
  for (const { name } of options.targets) {
    const report = await fuzzTarget(name, (options.minutes * 60_000 * (SHARE[name] ?? 1)) / parts)
    reports.push(report)
    // Of a target that died nothing is known: its corpus stays as it is.
    if (options.keep && report.kept.length > 0) writeCorpus(name, report.kept)
    if (!options.json) say(report)
  }
  const findings = reports.flatMap(({ name, findings }) => findings.map((found) => described(name, found)))
  if (options.json) console.log(JSON.stringify({ seed: options.seed, targets: reports.map(withoutInputs), findings }, null, 2))
  else for (const { target, property, message, command } of findings) console.log(`\n${target}: ${property}\n${message}\nagain: ${command}`)
  process.exitCode = findings.length > 0 ? 7 : 0
}

/**
 * @param {string} name
 * @param {number} milliseconds
 * @returns {Promise<Report>}
 */
function fuzzTarget(name, milliseconds) {
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const worker = new Worker(new URL('worker.js', import.meta.url), {
    workerData: { name, seed: options.seed, milliseconds, shared, keep: options.keep },
    resourceLimits: { maxOldGenerationSizeMb: MAX_OLD_SPACE_MB },
  })
  return new Promise((resolve) => {
    let last = { tried: 0, accepted: 0, corpus: 0, covered: 0 }
    // A process that is stopped for a while, or waits for a busy machine, is not an input that never ends.
    const silence = new CpuWatch(SILENT_MS)
    const look = setInterval(() => {
      if (silence.isOver) died('slow', `nothing was heard for ${SILENT_MS / 1000} s of processor time`)
    }, LOOK_MS)
    const end = (/** @type {Partial<Report>} */ report) => {
      clearInterval(look)
      void worker.terminate()
      resolve({ name, seconds: 0, blocks: 0, fromSeeds: 0, largest: 0, findings: [], kept: [], ...last, ...report })
    }
    const died = (/** @type {string} */ property, /** @type {string} */ message) =>
      end({ findings: [{ property, message, input: inputIn(shared) }] })
    worker.on('error', (error) => {
      died(/** @type {{ code?: string }} */ (error).code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'throws', error.stack ?? error.message)
    })
    worker.on('exit', (code) => died('throws', `the thread ended with ${code} and without a word`))
    worker.on('message', (message) => {
      if (message.kind === 'done') return end(message)
      last = { tried: message.tried, accepted: message.accepted, corpus: message.corpus, covered: message.covered }
      silence.begin()
    })
  })
}

/** @param {SharedArrayBuffer} shared */
function inputIn(shared) {
  const length = new Int32Array(shared, 0, 1)[0] ?? 0
  return new Uint8Array(shared, 4, Math.max(0, length)).slice()
}

/** @param {Report} report */
function say({ name, tried, accepted, seconds, corpus, covered, blocks, fromSeeds, findings }) {
  const rate = seconds > 0 ? Math.round(tried / seconds) : 0
  console.log(
    `${name.padEnd(20)}${String(tried).padStart(9)} inputs ${String(accepted).padStart(8)} accepted ${String(rate).padStart(7)}/s ${String(corpus).padStart(5)} kept ` +
      `${String(covered).padStart(6)} of ${blocks} blocks (${fromSeeds} from seeds)  ${findings.length} findings`,
  )
}

/** @param {Report} report */
function withoutInputs({ name, tried, accepted, seconds, corpus, covered, blocks, fromSeeds, largest }) {
  return { name, tried, accepted, seconds, corpus, covered, blocks, fromSeeds, largestRetainedBytes: largest }
}

/**
 * @param {string} target
 * @param {Found} found
 */
function described(target, { property, message, input }) {
  const text = Buffer.from(input).toString('hex')
  const argument = input.length > 0 && input.length <= MAX_HEX_BYTES ? text : fileOf(target, input)
  return { target, property, message, command: `npm run fuzz -- --target ${target} --input ${argument}` }
}

/**
 * @param {string} target
 * @param {Uint8Array} input
 */
function fileOf(target, input) {
  const file = join(mkdtempSync(join(tmpdir(), 'aethel-fuzz-')), `${target}-${nameOf(input)}`)
  writeFileSync(file, input)
  return file
}

/** @param {Uint8Array} input */
function replay(input) {
  const [target] = options.targets
  if (target === undefined) return
  examine(target, input) // once for the compiler
  const finding = examine(target, input) ?? examineMemory(target, input).finding
  if (options.json) console.log(JSON.stringify({ target: target.name, bytes: input.length, finding }))
  else
    console.log(
      finding === null ? `${target.name}: ${input.length} bytes, every property holds` : `${finding.property}: ${finding.message}`,
    )
  process.exitCode = finding === null ? 0 : 7
}

function parsed() {
  return readArguments(
    {
      tool: 'fuzz',
      usage: USAGE,
      options: {
        gas: { type: 'boolean', default: false },
        minutes: { type: 'string', default: '1' },
        target: { type: 'string' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 0x1_0000_0000)) },
        input: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    },
    (values) => {
      const minutes = numberOf('minutes', values.minutes, 0.001, 10_000)
      const seed = wholeNumberOf('seed', values.seed, 0, Number.MAX_SAFE_INTEGER)
      const common = { minutes, seed, keep: values.keep === true, json: values.json === true, kind: values.target }
      if (values.gas === true) return { ...common, gas: true, targets: [], input: null }
      const chosen = values.target === undefined ? undefined : targetNamed(values.target)
      if (values.target !== undefined && chosen === undefined)
        throw new UsageError(`expected --target of ${TARGETS.map(({ name }) => name).join(', ')}; got ${values.target}`)
      if (values.input !== undefined && chosen === undefined) throw new UsageError('expected --target with --input: which decoder reads it')
      const input = values.input === undefined ? null : inputOf(values.input)
      return { ...common, gas: false, targets: chosen === undefined ? TARGETS : [chosen], input }
    },
  )
}

/** @param {string} text hex, or the name of a file */
function inputOf(text) {
  if (existsSync(text)) return new Uint8Array(readFileSync(text))
  if (!/^([0-9a-f]{2})*$/.test(text))
    throw new UsageError(`expected --input in lower-case hex or the name of a file, got ${text.slice(0, 64)}`)
  return new Uint8Array(Buffer.from(text, 'hex'))
}
