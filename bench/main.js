/**
 * `npm run bench [-- NAME...] [--json FILE]`: runs the benchmarks (but for those that take too long), or those named, and prints
 * each figure with the floor measured in the same run. No figure fails the run: the exit code is 0 unless a benchmark itself breaks.
 */
import { writeFileSync } from 'node:fs'
import { readArguments, UsageError } from '../tools/arguments.js'
import { blocks } from './blocks.js'
import { bvlrat } from './bvlrat.js'
import { certificates } from './certificates.js'
import { faults } from './faults.js'
import { gas } from './gas.js'
import { describeMachine } from './lib/machine.js'
import { printFigures } from './lib/report.js'
import { library } from './library.js'
import { lrat } from './lrat.js'
import { memory } from './memory.js'
import { metamath } from './metamath.js'
import { mixed } from './mixed.js'
import { pool } from './pool.js'
import { scale } from './scale.js'
import { simulator } from './simulator.js'

/** @type {readonly import('./lib/report.js').Benchmark[]} */
const BENCHMARKS = [metamath, lrat, bvlrat, gas, memory, pool, simulator, scale, certificates, blocks, faults, library, mixed]

const NAMES = BENCHMARKS.map(({ name }) => name)
const wanted = readArguments(
  {
    tool: 'bench',
    usage: `npm run bench -- [NAME...] [--json FILE], of ${NAMES.join(', ')}`,
    options: { json: { type: 'string' } },
    takesNames: true,
  },
  ({ json }, names) => {
    const unknown = names.find((name) => !NAMES.includes(name))
    if (unknown !== undefined) throw new UsageError(`expected names of benchmarks, got ${unknown}`)
    return { names, json }
  },
)

const machine = describeMachine()
console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; ${machine.system}; node ${machine.node}`)

const results = []
let broken = 0
for (const benchmark of BENCHMARKS) {
  const isWanted = wanted.names.length > 0 ? wanted.names.includes(benchmark.name) : benchmark.onlyIfNamed !== true
  if (!isWanted) continue
  console.log(`\n${benchmark.name}: ${benchmark.description}`)
  try {
    const figures = await benchmark.run()
    printFigures(figures)
    results.push({ name: benchmark.name, figures })
  } catch (error) {
    broken++
    console.error(`  broken: ${error instanceof Error ? error.message : error}`)
    results.push({ name: benchmark.name, error: String(error) })
  }
}
if (wanted.json !== undefined) writeFileSync(wanted.json, `${JSON.stringify({ machine, results }, null, 2)}\n`)
process.exit(broken > 0 ? 1 : 0)
