/**
 * What the simulator needs as validators become more: one run of each size, a third of them faulty, signatures sampled, in a process of its
 * own. `npm run bench -- scale` runs 4, 100 and 400; `AETHEL_SCALE=1000x10` runs 1,000 validators until ten blocks are committed, for
 * much longer (docs/simulation.md, "What it takes, by size"). A run without names leaves it out.
 */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const RUN = fileURLToPath(new URL('lib/scale-run.js', import.meta.url))
/** Validators and blocks. */
const SIZES = '4x1000,100x50,400x10'
/** Of a process that simulates 1,000 validators; Node's own limit is about half of it. */
const HEAP_MB = 8_192

/** @typedef {ReturnType<typeof import('./lib/scale-run.js').measure>} ScaleRun */

/** @type {import('./lib/report.js').Benchmark} */
export const scale = {
  name: 'scale',
  description: 'one simulated run of each size, a third of the validators faulty, one signature in 64 by Ed25519',
  onlyIfNamed: true,
  run: async () => {
    /** @type {ScaleRun[]} */
    const runs = []
    for (const size of (process.env.AETHEL_SCALE ?? SIZES).split(',')) {
      const [validators, blocks] = size.split('x').map(Number)
      if (!Number.isInteger(validators) || !Number.isInteger(blocks)) throw new Error(`expected sizes like ${SIZES}, got ${size}`)
      runs.push(await runAlone(validators, blocks))
      printRow(runs[runs.length - 1], runs.length === 1)
    }
    return runs.flatMap(figuresOf)
  },
}

/** @param {number} validators @param {number} blocks @returns {Promise<ScaleRun>} */
async function runAlone(validators, blocks) {
  const child = spawn(process.execPath, ['--expose-gc', `--max-old-space-size=${HEAP_MB}`, RUN, String(validators), String(blocks)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = await text(child.stdout)
  if (said === '') throw new Error(`no result of ${validators} validators`)
  return JSON.parse(said)
}

const COLUMNS = /** @type {const} */ ([
  ['validators', 'validators'],
  ['faulty', 'faulty'],
  ['blocks', 'blocks'],
  ['view changes', 'viewChanges'],
  ['events', 'events'],
  ['events per CPU s', 'eventsPerCpuSecond'],
  ['messages per decision', 'messagesPerDecision'],
  ['of N^2', 'ofSquare'],
  ['KB sent per validator and decision', 'sentKb'],
  ['KB held per validator', 'heldKb'],
  ['CPU s', 'cpuSeconds'],
  ['virtual s', 'virtualSeconds'],
])

/** @param {ScaleRun} run @param {boolean} isFirst */
function printRow(run, isFirst) {
  const row = (/** @type {string[]} */ cells) => console.log(`  | ${cells.join(' | ')} |`)
  if (isFirst) {
    row(COLUMNS.map(([title]) => title))
    row(COLUMNS.map(() => '---'))
  }
  row(COLUMNS.map(([, field]) => run[field].toLocaleString('en-US')))
}

/** @param {ScaleRun} run @returns {import('./lib/report.js').Figure[]} */
function figuresOf(run) {
  const of = (/** @type {string} */ what) => `${run.validators} validators: ${what}`
  return [
    { name: of('messages per decision'), value: run.messagesPerDecision, unit: '' },
    { name: of('sent per validator and decision'), value: run.sentKb, unit: 'KB' },
    { name: of('held per validator'), value: run.heldKb, unit: 'KB' },
    { name: of('processor time'), value: run.cpuSeconds, unit: 's' },
    { name: of('events per CPU second'), value: run.eventsPerCpuSecond, unit: '/s' },
  ]
}
