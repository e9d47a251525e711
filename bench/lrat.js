/**
 * The LRAT kernel on a refutation of the pigeonhole principle that the project generates, and, where environment variables
 * name them, on a user's own files (AETHEL_BENCH_CNF, AETHEL_BENCH_LRAT).
 */
import { readFileSync } from 'node:fs'
import { checkLrat, pigeonhole, pigeonholeCertificate, toBinaryLrat, toDimacs, toTextLrat } from '@aethel/proofs'
import { median, timed } from './lib/statistics.js'

const REPEATS = 5
/** About three megabytes of binary LRAT. */
const HOLES = 26

/** @type {import('./lib/report.js').Benchmark} */
export const lrat = {
  name: 'lrat',
  description: `refutation of ${HOLES + 1} pigeons in ${HOLES} holes, one thread`,
  run: async () => {
    const steps = pigeonholeCertificate(HOLES)
    const cnf = toDimacs(pigeonhole(HOLES + 1, HOLES))
    const figures = [...(await measure('binary', cnf, toBinaryLrat(steps))), ...(await measure('text', cnf, toTextLrat(steps)))]
    const { AETHEL_BENCH_CNF: ownCnf, AETHEL_BENCH_LRAT: ownLrat } = process.env
    if (ownCnf !== undefined && ownLrat !== undefined)
      figures.push(...(await measure('own files', readFileSync(ownCnf), readFileSync(ownLrat))))
    return figures
  },
}

/**
 * @param {string} name
 * @param {Uint8Array} cnf
 * @param {Uint8Array} proof
 */
async function measure(name, cnf, proof) {
  let gas = 0
  const samples = await timed(REPEATS, () => {
    const verdict = checkLrat(cnf, proof)
    if (verdict.status !== 'valid') throw new Error(verdict.message)
    gas = verdict.gas
  })
  const elapsed = median(samples)
  return [
    { name: `${name}: size`, value: proof.length / 1e6, unit: 'MB' },
    { name: `${name}: check`, value: elapsed / 1000, unit: 's', ...(name === 'binary' ? { target: 'at most 0.1 s' } : {}) },
    { name: `${name}: rate`, value: proof.length / 1e3 / elapsed, unit: 'MB/s' },
    { name: `${name}: per gas`, value: (elapsed * 1e6) / gas, unit: 'ns' },
  ]
}
