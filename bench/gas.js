/**
 * Nanoseconds per unit of gas, for each proof kind, on what people bring and on what is made to cost more than it pays; and
 * how far the dearest and the cheapest are apart, within each kind and over all. Measured by processor time, because it is the ratio
 * that counts. `AETHEL_GAS_KIND=lrat/1` measures one kind.
 */

import { readChampions } from '../fuzz/gas.js'
import { GAS_LANGUAGES } from '../fuzz/lib/gas-programs.js'
import { GAS_KINDS } from './gas/kinds.js'
import { leastCpuNanoseconds } from './lib/cpu-time.js'

/** Of each input: the least of so many measurements, each of at least so much processor time. */
const MEASUREMENTS = 4
const LEAST_MS = 40
const TARGET = 10

/** @type {import('./lib/report.js').Benchmark} */
export const gas = {
  name: 'gas',
  description: 'ns per gas by kind, typical and hostile inputs, one thread',
  run: async () => {
    const figures = []
    /** @type {{ name: string, perGas: number }[]} */
    const all = []
    for (const { kind, inputs } of GAS_KINDS) {
      if (process.env.AETHEL_GAS_KIND !== undefined && process.env.AETHEL_GAS_KIND !== kind) continue
      const own = []
      for (const { name, nature, prepare } of [...inputs(), ...championsOf(kind)]) {
        const run = prepare()
        const nanoseconds = measure(run.check)
        const perGas = nanoseconds / run.gas
        own.push({ name: `${kind}: ${name}`, perGas })
        console.log(
          `  ${kind.padEnd(12)} ${nature.padEnd(8)} ${perGas.toFixed(2).padStart(7)} ns/gas ${(nanoseconds / 1e6).toFixed(2).padStart(9)} ms ` +
            `${String(run.gas).padStart(11)} gas  ${name}: ${run.outcome}`,
        )
      }
      all.push(...own)
      figures.push(...extremes(kind, own))
    }
    if (all.length === 0)
      throw new Error(`expected AETHEL_GAS_KIND of ${GAS_KINDS.map(({ kind }) => kind).join(', ')}, got ${process.env.AETHEL_GAS_KIND}`)
    return [...figures, ...extremes('all kinds', all)]
  },
}

/** What `npm run fuzz -- --gas --keep` found. @param {string} kind @returns {import('./gas/run.js').GasInput[]} */
function championsOf(kind) {
  const language = GAS_LANGUAGES.find((candidate) => candidate.kind === kind)
  if (language === undefined) return []
  return readChampions(kind).map(({ steps }, i) => ({
    name: `champion ${i + 1} of the gas search, ${JSON.stringify(steps)}`,
    nature: 'hostile',
    prepare: () => language.run(steps),
  }))
}

/** @param {string} kind @param {readonly { name: string, perGas: number }[]} measured */
function extremes(kind, measured) {
  const sorted = measured.toSorted((a, b) => a.perGas - b.perGas)
  const [best, worst] = [sorted[0], sorted.at(-1)]
  if (best === undefined || worst === undefined) return []
  return [
    { name: `${kind}: least per gas`, value: best.perGas, unit: 'ns' },
    { name: `${kind}: most per gas`, value: worst.perGas, unit: 'ns' },
    { name: `${kind}: most / least`, value: worst.perGas / best.perGas, unit: 'x', target: `below ${TARGET}` },
  ]
}

/** Nanoseconds of one run, after one that does not count. @param {() => void} check */
function measure(check) {
  check()
  return leastCpuNanoseconds(check, { measurements: MEASUREMENTS, leastMs: LEAST_MS })
}
