/**
 * Fuzzes one target, in a thread of its own so that an input that never ends or that exhausts memory can be named: it lies in
 * the shared buffer while it runs. Coverage starts before the target is loaded.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { randomStream } from '../packages/simulator/dist/random.js'
import { readCorpus } from './lib/corpus.js'
import { Coverage } from './lib/coverage.js'
import { CpuWatch } from './lib/cpu-watch.js'
import { mutate, mutatePart } from './lib/mutate.js'
import { examine, examineMemory } from './lib/properties.js'

const BATCH = 32
/** Every so many batches each input is looked at alone, for how often it runs what. */
const ALONE_EVERY = 16
/** Of the inputs that are kept; and one in so many of all. A measurement takes two full collections. */
const MEMORY_SHARE = 0.25
const MEMORY_EVERY = 2048
const DEFAULT_MAX_BYTES = 4096
/** Half of the parents are among so many of the newest. */
const RECENT = 16
/** Of the parents, before that. */
const GOOD_SHARE = 0.4
const MAX_FINDINGS = 8
const MINIMISE_MS = 2000
const TELL_MS = 2000

/** @type {{ name: string, seed: number, milliseconds: number, shared: SharedArrayBuffer, keep: boolean }} */
const { name, seed, milliseconds, shared, keep } = workerData
const current = new Uint8Array(shared)
const currentLength = new Int32Array(shared, 0, 1)

const coverage = new Coverage()
coverage.start()
const { targetNamed } = await import('./targets/index.js')
const named = /** @type {import('./lib/properties.js').Target} */ (targetNamed(name))
let wasAccepted = false
/** The target, and whether it accepted what it decoded last: only then is there anything behind the decoder to break. */
const target = {
  ...named,
  decode: (/** @type {Uint8Array} */ bytes) => {
    const decoded = named.decode(bytes)
    if (decoded.ok && isAccepted(decoded.value)) wasAccepted = true
    return decoded
  },
}
const random = randomStream(seed, `fuzz/${name}`)
const dictionary = (target.dictionary ?? []).map((word) => (typeof word === 'string' ? new TextEncoder().encode(word) : word))

/** @type {Uint8Array[]} */
const corpus = []
/** Of these, what was accepted: a small change of another is hardly ever accepted either. @type {Uint8Array[]} */
const good = []
/** @type {{ property: string, message: string, input: Uint8Array }[]} */
const findings = []
let tried = 0
let accepted = 0
let largest = 0

/** @param {Uint8Array} input */
function run(input) {
  currentLength[0] = Math.min(input.length, current.length - 4)
  current.set(input.subarray(0, current.length - 4), 4)
  wasAccepted = false
  const finding = examine(target, input)
  currentLength[0] = -1
  if (finding !== null) report(finding, input)
  return wasAccepted
}

/** An input for the first time. @param {Uint8Array} input @param {(input: Uint8Array) => boolean} how */
function count(input, how) {
  tried++
  if (how(input)) accepted++
}

/** Of a kernel, whose refusal is a verdict: only what is valid. @param {any} value */
function isAccepted(value) {
  return !['invalid', 'unreadable'].includes((value?.verdict ?? value)?.status)
}

/**
 * @param {import('./lib/properties.js').Finding} finding
 * @param {Uint8Array} input
 */
function report(finding, input) {
  if (findings.length >= MAX_FINDINGS || findings.some((known) => kindOf(known) === kindOf(finding))) return
  findings.push({ ...finding, input: finding.property === 'slow' ? input : smaller(input, kindOf(finding)) })
}

/** The same fault in other words: what happened, and where. @param {{ property: string, message: string }} finding */
function kindOf({ property, message }) {
  return `${property} ${message
    .split('\n')
    .slice(0, 2)
    .join(' ')
    .replace(/[0-9a-f]{8,}|\d+/g, '#')
    .slice(0, 160)}`
}

/**
 * Leaves out what the fault does not need.
 *
 * @param {Uint8Array} input
 * @param {string} kind
 */
function smaller(input, kind) {
  const end = performance.now() + MINIMISE_MS
  let best = input
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && performance.now() < end; ) {
      const without = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)])
      const finding = examine(target, without)
      if (finding !== null && kindOf(finding) === kind) best = without
      else at += size
    }
  }
  return best
}

/** @param {Uint8Array} input */
function measureMemory(input) {
  const { finding, retained } = examineMemory(target, input)
  coverage.take()
  if (Number.isFinite(retained)) largest = Math.max(largest, retained)
  if (finding !== null) report(finding, input)
}

/** Runs one input alone and keeps it if it ran anything new. @param {Uint8Array} input */
function alone(input, measured = random.chance(MEMORY_SHARE)) {
  coverage.take()
  const passed = run(input)
  const news = coverage.learn(coverage.take())
  if (news === null) return passed
  corpus.push(input)
  if (passed) good.push(input)
  if (measured) measureMemory(input)
  return passed
}

function pick() {
  if (good.length > 0 && random.chance(GOOD_SHARE)) return random.pick(good)
  const recent = random.chance(0.5) ? corpus.slice(-RECENT) : corpus
  return random.pick(recent)
}

/**
 * Mostly as what the input says, where the target knows how; of two parts mostly one alone: the length before the first would hardly ever be
 * right otherwise.
 *
 * @param {Uint8Array} input
 */
function changed(input) {
  const context = { random, corpus, dictionary, maxBytes }
  const meant = target.change !== undefined && random.chance(0.7) ? target.change(input, random, corpus) : null
  if (meant !== null && meant.length <= maxBytes) return meant
  return target.isPair === true && random.chance(0.8) ? mutatePart(input, context) : mutate(input, context)
}

function tell() {
  parentPort?.postMessage({ kind: 'progress', tried, accepted, corpus: corpus.length, covered: coverage.covered })
}

/** Of processor time: on a busy machine a clock would give a target a few inputs. */
const spent = new CpuWatch(milliseconds)
const seeds = [...target.seeds(), ...readCorpus(name)]
coverage.take()
for (const input of seeds) count(input, (one) => alone(one, false))
if (corpus.length === 0) corpus.push(...seeds)
const fromSeeds = coverage.covered
const maxBytes = target.maxBytes ?? DEFAULT_MAX_BYTES

let told = performance.now()
for (let batch = 0; !spent.isOver && findings.length < MAX_FINDINGS; batch++) {
  const inputs = Array.from({ length: BATCH }, () => changed(pick()))
  if (batch % ALONE_EVERY === 0) {
    for (const input of inputs) count(input, (one) => alone(one))
  } else {
    coverage.take()
    for (const input of inputs) count(input, run)
    if (coverage.hasNewBlocks(coverage.take())) for (const input of inputs) alone(input)
  }
  if (batch % (MEMORY_EVERY / BATCH) === 0) measureMemory(/** @type {Uint8Array} */ (inputs[0]))
  if (performance.now() - told > TELL_MS) {
    told = performance.now()
    tell()
  }
}

parentPort?.postMessage({
  kind: 'done',
  tried,
  accepted,
  seconds: spent.milliseconds / 1000,
  corpus: corpus.length,
  covered: coverage.covered,
  blocks: coverage.blocks,
  fromSeeds,
  largest,
  findings,
  kept: keep ? smallestCover() : [],
})

/** Few inputs, the small ones first, that together run every block that the corpus runs. */
function smallestCover() {
  const again = new Coverage()
  again.session = coverage.session
  const kept = []
  for (const input of corpus.toSorted((a, b) => a.length - b.length)) {
    coverage.take()
    examine(target, input)
    if (again.learn(coverage.take()) === 'block') kept.push(input)
  }
  return kept
}
