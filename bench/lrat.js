/**
 * The LRAT kernel, one thread: refutations that the project writes by itself, up to a hundred megabytes in pieces, with the memory the
 * check takes beside the clauses that are live at one time; and, where environment variables name them, a user's own files
 * (AETHEL_BENCH_CNF, AETHEL_BENCH_LRAT). By processor time: other work on the machine does not count.
 */
import { readFileSync } from 'node:fs'
import {
  checkLrat,
  multiplierCommutativity,
  pigeonhole,
  pigeonholeCertificate,
  refute,
  toBinaryLrat,
  toDimacs,
  toTextLrat,
} from '@aethel/proofs'
import { ByteBuilder } from './gas/bytes.js'
import { median } from './lib/statistics.js'

const REPEATS = 5
/** About three megabytes of binary LRAT with RAT additions. */
const HOLES = 26
/** Bits of the multipliers whose equivalence the project's own solver refutes: half a megabyte or more of learned clauses. */
const BITS = 6
const CONFLICTS = 400_000
const PIECE_BYTES = 1 << 20
const MEDIUM_BYTES = 25e6
const LARGE_BYTES = 100e6

/** @type {import('./lib/report.js').Benchmark} */
export const lrat = {
  name: 'lrat',
  description: 'the LRAT kernel, one thread, processor time',
  run: async () => {
    const extended = pigeonholeCertificate(HOLES)
    const cnf = toDimacs(pigeonhole(HOLES + 1, HOLES))
    const figures = [
      ...measure('extended resolution, binary', cnf, toBinaryLrat(extended)),
      ...measure('the same, text', cnf, toTextLrat(extended)),
    ]

    const formula = multiplierCommutativity(BITS, 'sound')
    const outcome = refute(formula, { conflicts: CONFLICTS })
    if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
    const multiplier = toDimacs(formula)
    const learned = toBinaryLrat(outcome.steps)
    figures.push(...measure(`multiplier of ${BITS} bits, learned clauses`, multiplier, learned, 'at least 60 MB/s'))
    figures.push(
      ...measure(
        'learned clauses, 25 MB',
        multiplier,
        repeated(formula.clauses.length, outcome.steps, MEDIUM_BYTES),
        'at least 60 MB/s',
        'at most 0.4 s',
      ),
    )
    const large = repeated(formula.clauses.length, outcome.steps, LARGE_BYTES)
    figures.push(...measure('learned clauses, 100 MB in pieces', multiplier, large, 'at least 60 MB/s'))

    const { AETHEL_BENCH_CNF: ownCnf, AETHEL_BENCH_LRAT: ownLrat } = process.env
    if (ownCnf !== undefined && ownLrat !== undefined) figures.push(...measure('own files', readFileSync(ownCnf), readFileSync(ownLrat)))
    return figures
  },
}

/**
 * A longer proof that learns the same clauses again and again, each time under new ids, and forgets them before the next
 * time: as long as wanted, with as many live clauses as the first.
 * @param {number} clauses
 * @param {readonly import('@aethel/proofs').LratStep[]} steps
 * @param {number} bytes
 */
function repeated(clauses, steps, bytes) {
  const proof = new ByteBuilder()
  const body = steps.slice(0, -1)
  const end = /** @type {import('@aethel/proofs').LratStep} */ (steps.at(-1))
  let shift = 0
  const moved = (/** @type {number} */ id) => (id > clauses ? id + shift : id)
  for (;;) {
    const live = new Set()
    for (const { id, literals, hints, deletes } of body) {
      proof.addition(moved(id), literals, hints.map(moved))
      live.add(moved(id))
      if (deletes.length > 0) proof.deletion(deletes.map(moved))
      for (const gone of deletes) live.delete(moved(gone))
    }
    if (proof.length >= bytes) {
      proof.addition(moved(end.id), end.literals, end.hints.map(moved))
      return proof.take()
    }
    if (live.size > 0) proof.deletion(live)
    shift += body.length
  }
}

/** The proof in pieces of a mebibyte, through one buffer, as `aethel check` reads a file. @param {Uint8Array} proof */
function inPieces(proof) {
  const piece = new Uint8Array(PIECE_BYTES)
  let at = 0
  return {
    next() {
      if (at >= proof.length) return undefined
      const part = proof.subarray(at, at + PIECE_BYTES)
      piece.set(part)
      at += part.length
      return piece.subarray(0, part.length)
    },
  }
}

/**
 * @param {string} name
 * @param {Uint8Array} cnf
 * @param {Uint8Array} proof
 * @param {string} [rate] target
 * @param {string} [time] target
 */
function measure(name, cnf, proof, rate, time) {
  let gas = 0
  let live = 0
  let memory = 0
  let metered = 0
  const check = () => {
    const verdict = checkLrat(cnf, inPieces(proof))
    if (verdict.status !== 'valid') throw new Error(`${name}: ${verdict.message}`)
    gas = verdict.gas
    live = 4 * Number(verdict.summary.peakLiveWords)
    memory = 4 * Number(verdict.summary.peakMemoryWords)
    metered = 4 * Number(verdict.summary.memoryWords)
  }
  check()
  const samples = []
  for (let i = 0; i < REPEATS; i++) {
    const before = process.cpuUsage()
    check()
    const { user, system } = process.cpuUsage(before)
    samples.push((user + system) / 1000)
  }
  const elapsed = median(samples)
  return [
    { name: `${name}: size`, value: proof.length / 1e6, unit: 'MB' },
    { name: `${name}: check`, value: elapsed, unit: 'ms', ...(time === undefined ? {} : { target: time }) },
    { name: `${name}: rate`, value: proof.length / 1e3 / elapsed, unit: 'MB/s', ...(rate === undefined ? {} : { target: rate }) },
    { name: `${name}: per gas`, value: (elapsed * 1e6) / gas, unit: 'ns' },
    { name: `${name}: live clauses at most`, value: live / 1024, unit: 'KiB' },
    { name: `${name}: most memory held / live clauses`, value: memory / live, unit: 'x', target: 'at most 4' },
    { name: `${name}: memory on the meter / live clauses`, value: metered / live, unit: 'x' },
  ]
}
