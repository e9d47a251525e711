/**
 * Like one-check.js, of a proof that cites: `node one-library-check.js input|champion POSITION`, an input of the gas benchmark of `metamath/1` or a
 * champion of the gas search. Its library is in memory before.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createMeter, METAMATH_LIMITS } from '@aethel/proofs'
import { readChampions } from '../../fuzz/gas.js'
import { GAS_LANGUAGES } from '../../fuzz/lib/gas-programs.js'
import { GAS_KINDS } from '../gas/kinds.js'

const KIND = 'metamath/1'
const [list, position] = process.argv.slice(2)

/** @returns {import('../gas/run.js').GasRun} */
function prepared() {
  if (list === 'input') {
    const input = GAS_KINDS.find(({ kind }) => kind === KIND)?.inputs()[Number(position)]
    if (input !== undefined) return input.prepare()
  } else {
    const champion = readChampions(KIND)[Number(position)]
    const language = GAS_LANGUAGES.find(({ kind }) => kind === KIND)
    if (champion !== undefined && language !== undefined) return language.run(champion.steps)
  }
  throw new Error('expected input or champion, and its position')
}

/** @param {string} field */
function mebibytes(field) {
  return Number(new RegExp(`${field}:\\s*(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
}

const run = prepared()
const meter = createMeter(METAMATH_LIMITS)
// Sets the mark back to what is resident now.
writeFileSync('/proc/self/clear_refs', '5')
const before = mebibytes('VmRSS')
const verdict = run.check(meter)
const grown = mebibytes('VmHWM') - before
const outcome = verdict?.status === 'invalid' ? verdict.code : verdict?.status
console.log(JSON.stringify({ outcome, grownMib: grown, meteredMib: (4 * meter.memoryWords) / 2 ** 20, gas: meter.gas }))
