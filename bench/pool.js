/**
 * How soon the proof pool is whole again after a checker that throws, loops, or eats memory: from the moment the pool gives up on it (a
 * thread lost, or its job aborted) until every place has a thread that takes work, and until the next proof, a refutation
 * asked for in that moment, has its verdict. With one worker, so that no other thread can answer meanwhile.
 */
import { readFileSync } from 'node:fs'
import { sha256, signingKey } from '@aethel/crypto'
import { DEFAULT_PARAMETERS, encodeGenesis, genesisKinds } from '@aethel/ledger'
import { claimIdOf, cnfToClaim, testClaim } from '@aethel/proofs'
import { ProofPool } from '../packages/node/dist/proof-pool.js'
import { quantile } from './lib/statistics.js'

/** Instead of a minute, so that the benchmark ends; the thread that stands by has that long to get ready. */
const STUCK_MS = 1_500
const FREE_GROWTH_BYTES = 300_000_000
const PATIENCE_MS = 180_000
/** @type {readonly { behaviour: import('@aethel/proofs').TestBehaviour, tries: number }[]} */
const FAULTS = [
  { behaviour: 'throw', tries: 100 },
  { behaviour: 'loop', tries: 5 },
  { behaviour: 'eat-heap', tries: 5 },
  { behaviour: 'eat-buffers', tries: 5 },
]
const WHOLE_TARGET = 'at most 100'

const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text)
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @type {import('./lib/report.js').Benchmark} */
export const pool = {
  name: 'pool',
  description: 'the proof pool after a checker that throws, loops or eats memory, one worker and its spare',
  run: async () => {
    const kinds = genesisKinds(['lrat/1', 'test/1'])
    if (!kinds.ok) throw new Error(kinds.error.message)
    const genesis = encodeGenesis({
      chainName: 'pool',
      genesisTimeMs: 1,
      validators: [{ publicKey: signingKey(sha256(utf8('v'))).publicKey, power: 1n }],
      parameters: DEFAULT_PARAMETERS,
      kinds: kinds.value,
      libraries: [],
    })
    const bench = new PoolBench(genesis)
    try {
      const figures = []
      const unhurt = []
      for (let i = 0; i < 50; i++) unhurt.push(await bench.verdictAfter(bench.refutation()))
      const floor = { name: 'without a fault', value: quantile(unhurt, 0.5) }
      for (const { behaviour, tries } of FAULTS) {
        const whole = []
        const verdicts = []
        for (let i = 0; i < tries; i++) {
          const { wholeMs, verdictMs } = await bench.afterFault(behaviour)
          whole.push(...wholeMs)
          verdicts.push(verdictMs)
        }
        console.log(`  ${behaviour}: whole again after ${whole.map(Math.round).join(', ')} ms`)
        for (const [share, p] of /** @type {const} */ ([
          [0.5, 'p50'],
          [0.99, 'p99'],
        ])) {
          const name = `${behaviour}, ${tries} times`
          figures.push({ name: `${name}: whole again, ${p}`, value: quantile(whole, share), unit: 'ms', target: WHOLE_TARGET })
          figures.push({
            name: `${name}: abort to the next verdict, ${p}`,
            value: quantile(verdicts, share),
            unit: 'ms',
            floor,
            target: WHOLE_TARGET,
          })
        }
      }
      return figures
    } finally {
      await bench.close()
    }
  },
}

class PoolBench {
  #jobs = 0
  /** @type {Map<import('@aethel/replica').VerificationJob, (outcome: import('@aethel/replica').VerificationOutcome) => void>} */
  #waiting = new Map()
  /** @type {Promise<number>[]} */
  #recoveries = []
  #pool

  /** @param {Uint8Array} genesis */
  constructor(genesis) {
    this.#pool = new ProofPool({
      workers: 1,
      stuckMs: STUCK_MS,
      freeGrowthBytes: FREE_GROWTH_BYTES,
      setup: { genesis, libraries: [], verifiers: [] },
      onOutcome: (job, outcome) => this.#waiting.get(job)?.(outcome),
      onWorkerLost: () => this.#recoveries.push(this.#untilWhole()),
    })
    const claim = cnfToClaim(readFileSync(new URL('../packages/proofs/instances/pigeonhole-5.cnf', import.meta.url)))
    if (!claim.ok) throw new Error(claim.error.message)
    this.claim = claim.value
    this.proof = new Uint8Array(readFileSync(new URL('../packages/proofs/instances/pigeonhole-5.lrat', import.meta.url)))
  }

  /** Milliseconds from now until every place has a thread that is ready. */
  async #untilWhole() {
    const began = performance.now()
    while (this.#pool.ready < 1) await sleep(1)
    return performance.now() - began
  }

  /** @param {string} kind @param {Uint8Array} claim @param {Uint8Array} proof */
  #job(kind, claim, proof) {
    const work = { key: sha256(utf8(`${this.#jobs++}`)), kind, claim, proof, claimId: claimIdOf(kind, claim), cites: [] }
    return { work, cited: [], priority: /** @type {const} */ ('mempool') }
  }

  refutation() {
    return this.#job('lrat/1', this.claim, this.proof)
  }

  /** @param {import('@aethel/replica').VerificationJob} job @returns {Promise<import('@aethel/replica').VerificationOutcome>} */
  #outcome(job) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no outcome within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
      this.#waiting.set(job, (outcome) => {
        clearTimeout(timer)
        this.#waiting.delete(job)
        resolve(outcome)
      })
      this.#pool.run([job])
    })
  }

  /** Milliseconds to the verdict. @param {import('@aethel/replica').VerificationJob} job */
  async verdictAfter(job) {
    const began = performance.now()
    const { status } = await this.#outcome(job)
    if (status !== 'valid') throw new Error(`a proof is ${status}`)
    return performance.now() - began
  }

  /** @param {import('@aethel/proofs').TestBehaviour} behaviour */
  async afterFault(behaviour) {
    this.#recoveries = []
    const claim = testClaim({ behaviour, gas: 100, nonce: utf8(`${this.#jobs}`) })
    const { status } = await this.#outcome(this.#job('test/1', claim, utf8('p')))
    if (status !== 'aborted') throw new Error(`${behaviour} is ${status}`)
    const verdictMs = await this.verdictAfter(this.refutation())
    // A checker that throws loses no thread: the pool was whole all the time. Of the others each does, twice: it runs once more, alone.
    const lost = behaviour === 'throw' ? 0 : 2
    if (this.#recoveries.length !== lost) throw new Error(`${behaviour}: expected ${lost} lost threads, got ${this.#recoveries.length}`)
    const wholeMs = this.#recoveries.length === 0 ? [0] : await Promise.all(this.#recoveries)
    if (behaviour !== 'throw') await sleep(STUCK_MS)
    return { wholeMs, verdictMs }
  }

  async close() {
    await this.#pool.close()
  }
}
