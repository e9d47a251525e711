/** The simulator on one core: ideal signatures, all invariants on. */
import { runSimulation } from '@aethel/simulator'
import { quantile } from './lib/statistics.js'

const WARM_UP = 20
const SEEDS = 100

/** @type {import('./lib/report.js').Benchmark} */
export const simulator = {
  name: 'simulator',
  description: `${SEEDS} seeds each with 4 and 7 validators, as many faulty as can be`,
  run: async () => [...measure(4, 1), ...measure(7, 2)],
}

/**
 * @param {number} validators
 * @param {number} byzantine
 */
function measure(validators, byzantine) {
  const rates = []
  let events = 0
  let elapsedMs = 0
  for (let seed = 0; seed < WARM_UP + SEEDS; seed++) {
    const started = performance.now()
    const report = runSimulation({ seed, validators, byzantine })
    if (!report.ok) throw new Error(`seed ${seed}: ${report.violation?.invariant}; replay: ${report.command}`)
    const tookMs = performance.now() - started
    if (seed < WARM_UP) continue
    events += report.events
    elapsedMs += tookMs
    rates.push((report.events * 1000) / tookMs)
  }
  return [
    { name: `${validators} validators: events, overall`, value: (events * 1000) / elapsedMs, unit: '/s', target: 'at least 50,000' },
    { name: `${validators} validators: median seed`, value: quantile(rates, 0.5), unit: '/s' },
    { name: `${validators} validators: slowest 1 % of seeds`, value: quantile(rates, 0.01), unit: '/s' },
  ]
}
