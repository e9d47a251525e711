/**
 * One simulated run of many validators, and what it took: `node --expose-gc scale-run.js VALIDATORS BLOCKS` prints it as JSON. What is held is
 * what is alive after a collection when the run has settled, all of the simulator's own books included, by validator.
 */
import { pathToFileURL } from 'node:url'
import { maxFaulty } from '@aethel/consensus'
import { createSampledSignatures, runSimulation } from '@aethel/simulator'

const SEED = 4
/** As from 50 validators on by default (docs/simulation.md, "Scale"), so that few are measured under the same conditions. */
const KNOBS = { floorMs: 800, window: 16, epochLength: 0, encodeOnWire: false }

/** @param {number} validators @param {number} blocks */
export function measure(validators, blocks) {
  const before = liveBytes()
  let held = 0
  const started = process.cpuUsage()
  const report = runSimulation({
    seed: SEED,
    validators,
    byzantine: maxFaulty(validators),
    blocks,
    faults: [],
    knobs: KNOBS,
    signatures: createSampledSignatures(),
    onSettled: () => {
      held = liveBytes() - before
    },
  })
  if (!report.ok) throw new Error(`${report.violation?.invariant}: ${report.violation?.message}; replay: ${report.command}`)
  const { user, system } = process.cpuUsage(started)
  const cpuSeconds = (user + system) / 1e6
  const perDecision = report.messages / report.blocks
  return {
    validators,
    faulty: report.byzantine,
    blocks: report.blocks,
    viewChanges: report.viewChanges,
    events: report.events,
    messages: report.messages,
    messagesPerDecision: Math.round(perDecision),
    ofSquare: rounded(perDecision / validators ** 2),
    sentKb: rounded(report.bytesSent / report.blocks / validators / 1000),
    heldKb: rounded(held / validators / 1000),
    cpuSeconds: rounded(cpuSeconds),
    eventsPerCpuSecond: Math.round(report.events / cpuSeconds),
    virtualSeconds: rounded(report.virtualMs / 1000),
    signaturesChecked: report.signaturesChecked,
    checksCharged: report.checksCharged,
  }
}

function liveBytes() {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** @param {number} value */
function rounded(value) {
  return Math.round(value * 10) / 10
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [validators, blocks] = process.argv.slice(2).map(Number)
  process.stdout.write(JSON.stringify(measure(validators, blocks)))
}
