/**
 * `npm run bench [-- NAME...] [--json FILE]`: runs the benchmarks (but for those that take too long), or those named, and prints
 * each figure with the floor measured in the same run. No figure fails the run: the exit code is 0 unless a benchmark itself breaks.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { blocks } from './blocks.js'
import { bvlrat } from './bvlrat.js'
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
const BENCHMARKS = [metamath, lrat, bvlrat, gas, memory, pool, simulator, scale, blocks, faults, library, mixed]

const { values, positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true })
const unknown = positionals.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name))
if (unknown.length > 0) {
  console.error(`expected names among ${BENCHMARKS.map((benchmark) => benchmark.name).join(', ')}; got ${unknown.join(', ')}`)
  process.exit(2)
}

const machine = describeMachine()
console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; ${machine.system}; node ${machine.node}`)

const results = []
let broken = 0
for (const benchmark of BENCHMARKS) {
  const isWanted = positionals.length > 0 ? positionals.includes(benchmark.name) : benchmark.onlyIfNamed !== true
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
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`)
process.exit(broken > 0 ? 1 : 0)
