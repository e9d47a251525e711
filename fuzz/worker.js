/**
 * Fuzzes one target, in a thread of its own so that an input that never ends or that exhausts memory can be named: it lies in
 * the shared buffer while it runs. Coverage starts before the target is loaded.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { randomStream } from '../packages/simulator/dist/random.js'
import { readCorpus } from './lib/corpus.js'
import { Coverage } from './lib/coverage.js'
import { CpuWatch } from './lib/cpu-watch.js'
import { mutate } from './lib/mutate.js'
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
const target = /** @type {import('./lib/properties.js').Target} */ (targetNamed(name))
const random = randomStream(seed, `fuzz/${name}`)
const dictionary = (target.dictionary ?? []).map((word) => (typeof word === 'string' ? new TextEncoder().encode(word) : word))

/** @type {Uint8Array[]} */
const corpus = []
/** @type {{ property: string, message: string, input: Uint8Array }[]} */
const findings = []
let executions = 0
let largest = 0

/** @param {Uint8Array} input */
function run(input) {
  currentLength[0] = Math.min(input.length, current.length - 4)
  current.set(input.subarray(0, current.length - 4), 4)
  executions++
  const finding = examine(target, input)
  currentLength[0] = -1
  if (finding !== null) report(finding, input)
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
  run(input)
  const news = coverage.learn(coverage.take())
  if (news === null) return
  corpus.push(input)
  if (measured) measureMemory(input)
}

function pick() {
  const recent = random.chance(0.5) ? corpus.slice(-RECENT) : corpus
  return random.pick(recent)
}

function tell() {
  parentPort?.postMessage({ kind: 'progress', executions, corpus: corpus.length, covered: coverage.covered })
}

/** Of processor time: on a busy machine a clock would give a target a few inputs. */
const spent = new CpuWatch(milliseconds)
const seeds = [...target.seeds(), ...readCorpus(name)]
coverage.take()
for (const input of seeds) alone(input, false)
if (corpus.length === 0) corpus.push(...seeds)
const fromSeeds = coverage.covered
const maxBytes = target.maxBytes ?? DEFAULT_MAX_BYTES

let told = performance.now()
for (let batch = 0; !spent.isOver && findings.length < MAX_FINDINGS; batch++) {
  const inputs = Array.from({ length: BATCH }, () => mutate(pick(), { random, corpus, dictionary, maxBytes }))
  if (batch % ALONE_EVERY === 0) {
    for (const input of inputs) alone(input)
  } else {
    coverage.take()
    for (const input of inputs) run(input)
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
  executions,
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
