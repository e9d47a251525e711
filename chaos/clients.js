/**
 * Clients that never give up: each submits one transaction after the other, to whichever validator answers, until it is
 * told that it is final. What was acknowledged is written down; what was sent and never answered is remembered too.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fromHex } from '@aethel/codec'
import { claimIdOf, cnfToClaim, LRAT_KIND, refute, toBinaryLrat, toDimacs } from '@aethel/proofs'
import { randomAccount } from '../packages/cli/dist/accounts.js'

const ANSWER_MS = 8_000
const RETRY_MS = 150
/** One in so many transactions carries a proof; the others are notes. */
const PROOF_EVERY = 4
const NOTE_BYTES = 64
const VARIABLES = 12
/** At this many clauses of three literals over twelve variables hardly a formula has a model. */
const CLAUSES = 110
const REFUTATION = { conflicts: 10_000 }

/** @typedef {{ readonly id: string, readonly height: number, readonly validator: number }} Acknowledged */

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
      const { action, claimId } = this.#action()
      const transaction = account.transaction(this.chainId, action)
      if (claimId !== null) this.claims.set(transaction.id, claimId)
      this.sent.add(transaction.id)
      await this.#untilFinal(transaction)
    }
  }

  /** @param {{ readonly id: string, readonly bytes: Uint8Array }} transaction */
  async #untilFinal(transaction) {
    for (;;) {
      const up = this.validators.filter((validator) => validator.state === 'up' || validator.state === 'paused')
      const validator = up.length === 0 ? null : this.random.pick(up)
      const outcome = validator === null ? null : await this.#ask(validator, transaction)
      if (validator !== null && outcome?.status === 'final') {
        this.acknowledged.push({ id: transaction.id, height: outcome.height ?? 0, validator: validator.index })
        return
      }
      await sleep(RETRY_MS)
    }
  }

  /**
   * @param {import('./validator.js').Validator} validator
   * @param {{ readonly id: string, readonly bytes: Uint8Array }} transaction
   * @returns {Promise<import('../packages/cli/dist/client.js').SubmissionOutcome | null>} null: no answer
   */
  async #ask(validator, { id, bytes }) {
    try {
      const outcome = await validator.client.submit(bytes, 'final', ANSWER_MS)
      return outcome.status === 'final' ? outcome : await validator.client.transaction(id)
    } catch {
      return null
    }
  }

  /** @returns {{ action: import('@aethel/ledger').Action, claimId: string | null }} */
  #action() {
    if (this.random.below(PROOF_EVERY) > 0) {
      const data = Uint8Array.from({ length: NOTE_BYTES }, () => this.random.below(256))
      return { action: { type: 'note', data }, claimId: null }
    }
    for (;;) {
      const formula = this.#formula()
      const refuted = refute(formula, REFUTATION)
      if (refuted.status !== 'unsatisfiable') continue
      const claim = cnfToClaim(toDimacs(formula))
      if (!claim.ok) throw new Error(claim.error.message)
      const proof = toBinaryLrat(refuted.steps)
      const claimId = Buffer.from(claimIdOf(LRAT_KIND, claim.value)).toString('hex')
      return { action: { type: 'submit-proof', kind: LRAT_KIND, claim: claim.value, proof, metadata: null }, claimId }
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
