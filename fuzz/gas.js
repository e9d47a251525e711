/**
 * `npm run fuzz -- --gas [--minutes M] [--seed S] [--target KIND] [--keep]`: looks for the proofs that take the most time for
 * their gas, and the least. Programs (see lib/gas-programs.js) are changed at random; the dearest survive. `--keep` adds the champions to
 * `gas-champions/KIND.json`, which the gas benchmark measures and a test replays. Exit code 7: the dearest of a kind costs ten
 * times its cheapest or more; 1: of a kind nothing was measured. Minutes are of processor time: a clock would give a busy machine's search a few programs.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { leastCpuNanoseconds } from '../bench/lib/cpu-time.js'
import { randomStream } from '../packages/simulator/dist/random.js'
import { GAS_LANGUAGES } from './lib/gas-programs.js'

const SURVIVORS = 8
const LEAST_MS = 8
/** Cheaper checks are mostly fixed costs, which the intrinsic gas pays and the benchmark measures. */
const LEAST_GAS = 100_000
const CHAMPIONS = 3
const TARGET = 10

/** @param {string} kind */
export function championsFile(kind) {
  return new URL(`gas-champions/${kind.replace('/', '-')}.json`, import.meta.url)
}

/** @param {string} kind @returns {{ steps: number[][], gas: number, outcome: string }[]} */
export function readChampions(kind) {
  const file = championsFile(kind)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

/** Nanoseconds of processor time of one run. @param {() => void} check */
function measure(check) {
  return leastCpuNanoseconds(check, { measurements: 3, leastMs: LEAST_MS })
}

/** @param {number[][]} steps @param {import('../packages/simulator/dist/random.js').Random} random @param {import('./lib/gas-programs.js').GasLanguage} language */
function changed(steps, random, language) {
  const next = steps.map((step) => step.slice())
  const fresh = () => [random.below(language.operations), random.below(256), random.below(256), random.below(256)]
  for (let i = random.between(1, 3); i > 0; i--) {
    const at = random.below(next.length)
    const roll = random.below(10)
    if (roll < 5) {
      const step = /** @type {number[]} */ (next[at])
      const argument = 1 + random.below(3)
      step[argument] = Math.min(255, Math.max(0, /** @type {number} */ (step[argument]) + random.between(-40, 40)))
    } else if (roll < 7) next[at] = fresh()
    else if (roll < 9 && next.length < language.most) next.splice(random.below(next.length + 1), 0, fresh())
    else if (next.length > 1) next.splice(at, 1)
  }
  return next
}

/** @param {import('./lib/gas-programs.js').GasLanguage} language @param {number} milliseconds @param {number} seed */
function search(language, milliseconds, seed) {
  const random = randomStream(seed, `gas/${language.kind}`)
  /** @type {{ steps: number[][], perGas: number, gas: number, outcome: string }[]} */
  let best = []
  let cheapest = Number.POSITIVE_INFINITY
  let tried = 0
  let measured = 0
  const look = (/** @type {number[][]} */ steps) => {
    tried++
    const { gas, outcome, check } = language.run(steps)
    if (gas < LEAST_GAS) return
    measured++
    const perGas = measure(check) / gas
    cheapest = Math.min(cheapest, perGas)
    best.push({ steps, perGas, gas, outcome })
    best = best.toSorted((a, b) => b.perGas - a.perGas).slice(0, SURVIVORS)
  }
  const began = process.cpuUsage()
  const spentMs = () => {
    const { user, system } = process.cpuUsage(began)
    return (user + system) / 1000
  }
  for (const { steps } of readChampions(language.kind)) look(steps)
  for (let operation = 0; operation < language.operations; operation++) look([[operation, 200, 100, 200]])
  while (spentMs() < milliseconds) look(changed(best.length > 0 ? random.pick(best).steps : [[0, 128, 128, 128]], random, language))
  // Noise makes champions too: those that stay ahead when they are measured again are real.
  const again = best.map((one) => ({ ...one, perGas: Math.min(one.perGas, measure(language.run(one.steps).check) / one.gas) }))
  return { tried, measured, cheapest, best: again.toSorted((a, b) => b.perGas - a.perGas) }
}

/** @param {{ minutes: number, seed: number, kind: string | undefined, keep: boolean, json: boolean }} options */
export function fuzzGas({ minutes, seed, kind, keep, json }) {
  const languages = GAS_LANGUAGES.filter((language) => kind === undefined || language.kind === kind)
  if (languages.length === 0) {
    console.error(`fuzz: expected --target of ${GAS_LANGUAGES.map((language) => language.kind).join(', ')}; got ${kind}`)
    process.exit(2)
  }
  const reports = []
  let silent = 0
  for (const language of languages) {
    const { tried, measured, cheapest, best } = search(language, (minutes * 60_000) / languages.length, seed)
    const dearest = best[0]
    if (dearest === undefined) {
      silent++
      console.error(`fuzz: of ${tried} programs of ${language.kind} none took ${LEAST_GAS} gas: nothing was measured`)
      continue
    }
    const ratio = dearest.perGas / cheapest
    reports.push({ kind: language.kind, tried, measured, dearest, cheapest, ratio })
    if (!json) {
      console.log(
        `${language.kind.padEnd(12)} ${tried} programs, ${measured} measured, ${cheapest.toFixed(2)} to ${dearest.perGas.toFixed(2)} ns/gas, ${ratio.toFixed(1)} apart; ` +
          `dearest ${JSON.stringify(dearest.steps)}: ${dearest.gas} gas, ${dearest.outcome}`,
      )
    }
    if (keep) {
      const kept = best.slice(0, CHAMPIONS).map(({ steps, gas, outcome }) => ({ steps, gas, outcome }))
      writeFileSync(championsFile(language.kind), `[\n${kept.map((one) => `  ${JSON.stringify(one)}`).join(',\n')}\n]\n`)
    }
  }
  if (json) console.log(JSON.stringify({ seed, reports }, null, 2))
  process.exitCode = reports.some(({ ratio }) => ratio >= TARGET) ? 7 : silent > 0 ? 1 : 0
}
