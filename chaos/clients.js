/**
 * Clients that never give up: each submits one transaction after the other, to whichever validator answers, until it is
 * told that it is final. What was acknowledged is written down; what was sent and never answered is remembered too.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fromHex } from '@aethel/codec'
import { claimIdOf, cnfToClaim, LRAT_KIND, pigeonhole, pigeonholeCertificate, refute, toBinaryLrat, toDimacs } from '@aethel/proofs'
import { randomAccount } from '../packages/cli/dist/accounts.js'
import { blobInMemory, sendBlob } from '../packages/cli/dist/blob-upload.js'

const ANSWER_MS = 8_000
const RETRY_MS = 150
/** One in so many transactions carries a proof; the others are notes. */
const PROOF_EVERY = 4
/** One in so many of these is long, and travels as a blob. */
const BLOB_EVERY = 12
/** Holes of pigeonholes whose certificates have two chunks to six. */
const HOLES = { from: 11, to: 14 }
const NOTE_BYTES = 64
const VARIABLES = 12
/** At this many clauses of three literals over twelve variables hardly a formula has a model. */
const CLAUSES = 110
const REFUTATION = { conflicts: 10_000 }

/** @typedef {{ readonly id: string, readonly height: number, readonly validator: number }} Acknowledged */
/** @typedef {import('../packages/cli/dist/blob-upload.js').Uploadable} Uploadable */
/** @typedef {{ readonly id: string, readonly bytes: Uint8Array, readonly blob: Uploadable | null }} Sent */

export class Clients {
  /**
   * @param {readonly import('./validator.js').Validator[]} validators
   * @param {string} chainId
   * @param {import('../packages/simulator/dist/random.js').Random} random
   */
  constructor(validators, chainId, random) {
    const chain = fromHex(chainId)
    if (!chain.ok) throw new Error(chain.error.message)
    this.chainId = /** @type {import('@aethel/codec').Hash} */ (chain.value)
    this.validators = validators
    this.random = random
    /** @type {Acknowledged[]} */
    this.acknowledged = []
    /** Every id that was ever sent. @type {Set<string>} */
    this.sent = new Set()
    /** Ids of claims in transactions that carry one. @type {Map<string, string>} */
    this.claims = new Map()
    /** @type {string[]} */
    this.violations = []
    this.stopping = false
    this.blobs = 0
    /** What was said last of each transaction that is not final yet. @type {Map<string, string>} */
    this.waiting = new Map()
  }

  /**
   * Resolves when every client has its last transaction acknowledged, after `stop` was called.
   *
   * @param {number} count
   */
  async run(count) {
    await Promise.all(Array.from({ length: count }, () => this.#client()))
  }

  stop() {
    this.stopping = true
  }

  async #client() {
    const account = randomAccount()
    while (!this.stopping) {
      const { action, claimId, blob } = this.#action()
      const { id, bytes } = account.transaction(this.chainId, action)
      if (claimId !== null) this.claims.set(id, claimId)
      if (blob !== null) this.blobs++
      this.sent.add(id)
      await this.#untilFinal({ id, bytes, blob })
    }
  }

  /** @param {Sent} transaction */
  async #untilFinal(transaction) {
    for (;;) {
      const up = this.validators.filter((validator) => validator.state === 'up' || validator.state === 'paused')
      const validator = up.length === 0 ? null : this.random.pick(up)
      const answer = validator === null ? { height: null, words: 'nobody is up' } : await this.#ask(validator, transaction)
      if (validator !== null && answer.height !== null) {
        this.acknowledged.push({ id: transaction.id, height: answer.height, validator: validator.index })
        this.waiting.delete(transaction.id)
        return
      }
      this.waiting.set(transaction.id, answer.words)
      await sleep(RETRY_MS)
    }
  }

  /**
   * @param {import('./validator.js').Validator} validator
   * @param {Sent} transaction
   * @returns {Promise<{ height: number | null, words: string }>} where it is final; null: not known to be, and what was said
   */
  async #ask(validator, { id, bytes, blob }) {
    try {
      if (blob !== null) await sendBlob(validator.client, blob)
      const outcome = await validator.client.submit(bytes, 'final', ANSWER_MS)
      const { status, height = 0 } = outcome.status === 'final' ? outcome : await validator.client.transaction(id)
      return { height: status === 'final' ? height : null, words: `validator ${validator.index}: ${JSON.stringify(outcome)}` }
    } catch (error) {
      return { height: null, words: `validator ${validator.index}: ${error instanceof Error ? error.message : error}` }
    }
  }

  /** @returns {{ action: import('@aethel/ledger').Action, claimId: string | null, blob: Uploadable | null }} */
  #action() {
    if (this.random.below(PROOF_EVERY) > 0) {
      const data = Uint8Array.from({ length: NOTE_BYTES }, () => this.random.below(256))
      return { action: { type: 'note', data }, claimId: null, blob: null }
    }
    const isLong = this.random.below(BLOB_EVERY) === 0
    const { formula, steps } = isLong ? this.#longRefutation() : this.#shortRefutation()
    const claim = cnfToClaim(toDimacs(formula))
    if (!claim.ok) throw new Error(claim.error.message)
    const proof = toBinaryLrat(steps)
    const blob = isLong ? blobInMemory(formula.name, proof) : null
    const claimId = Buffer.from(claimIdOf(LRAT_KIND, claim.value)).toString('hex')
    const sent = blob === null ? { proof } : { proof: new Uint8Array(0), blob: blob.ref }
    return { action: { type: 'submit-proof', kind: LRAT_KIND, claim: claim.value, metadata: null, ...sent }, claimId, blob }
  }

  #shortRefutation() {
    for (;;) {
      const formula = this.#formula()
      const refuted = refute(formula, REFUTATION)
      if (refuted.status === 'unsatisfiable') return { formula, steps: refuted.steps }
    }
  }

  /** Pigeonholes with some variables negated: the same refutation, so negated, of a formula of its own. */
  #longRefutation() {
    const holes = this.random.between(HOLES.from, HOLES.to)
    const { variables, clauses } = pigeonhole(holes + 1, holes)
    const sign = Array.from({ length: variables + 1 }, () => (this.random.chance(0.5) ? 1 : -1))
    /** A variable that extends the formula keeps its sign. @param {number} literal */
    const turned = (literal) => literal * (sign[Math.abs(literal)] ?? 1)
    return {
      formula: { name: `pigeonhole ${holes}`, variables, clauses: clauses.map((clause) => clause.map(turned)) },
      steps: pigeonholeCertificate(holes).map((step) => ({ ...step, literals: step.literals.map(turned) })),
    }
  }

  #formula() {
    const clauses = Array.from({ length: CLAUSES }, () => {
      const variables = new Set()
      while (variables.size < 3) variables.add(this.random.between(1, VARIABLES))
      return [...variables].map((variable) => (this.random.chance(0.5) ? variable : -variable))
    })
    return { name: 'random 3-SAT', variables: VARIABLES, clauses }
  }
}
