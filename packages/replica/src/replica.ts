/**
 * One replica: mempool, consensus and application behind one synchronous `step(input) -> effects`. Consensus asks for
 * blocks to be built, validated and committed; this file answers from the mempool, the verdict cache and the application,
 * and passes everything else through.
 */
import { assert, equalBytes, type Hash, type Height, keyOf, type ValidatorIndex } from '@aethel/codec'
import {
  type Block, type BuiltProposal, type CommittedTip, type Consensus, type ConsensusConfig, createConsensus, type DurableState, type Effect, type Input,
  type Inspection, type TimerName, type ValidationResult,
} from '@aethel/consensus'
import { AdmissionDesk } from './admission.js'
import { type Application, type BlockContext, type Executed, type ExecutionInput, type Transaction, transactionIdOf, type VerificationWork } from './application.js'
import type { BlockLimits, MempoolLimits, ReplicaEffect, ReplicaInput, VerificationJob, VerificationOutcome } from './interface.js'
import { Mempool, type MempoolOrder, type Pooled } from './mempool.js'
import { Scheduler } from './scheduler.js'
import { type Verdict, VerdictCache } from './verdicts.js'

export interface ReplicaOptions<State> {
  readonly consensus: ConsensusConfig
  readonly durable: DurableState
  readonly application: Application<State>
  readonly mempool: MempoolLimits
  readonly block: BlockLimits
  readonly order: MempoolOrder
}

export interface ReplicaInspection extends Inspection {
  readonly pooled: number
  readonly poolBytes: number
  readonly unverified: number
  readonly ready: number
  readonly verdicts: number
}

export interface Replica<State> {
  step(input: ReplicaInput): ReplicaEffect[]
  readonly committed: CommittedTip
  /** Newest committed state. */
  readonly state: State
  readonly position: { readonly view: number; readonly phase: 'active' | 'changing' }
  /** Waiting: an earlier nonce or a citation is missing. Pending: verified and in the mempool. */
  transactionStatus(id: Hash): 'unknown' | 'waiting' | 'pending'
  /** Next free nonce of an account, counting what is in the mempool. */
  nextNonce(sender: string, committedNonce: number): number
  inspect(): ReplicaInspection
}

/** A block being validated: execution starts when the last verdict is in. */
interface Validation {
  readonly block: Block
  readonly transactions: readonly Transaction[]
  /** Gas per proof, by work key, as verdicts come in. */
  readonly gas: Map<string, number>
  readonly awaited: Set<string>
}

/** An executed block above the committed one. */
interface Layer<State> {
  readonly executed: Executed<State>
  readonly height: Height
  readonly transactions: readonly Transaction[]
}

/** Own clients' transactions gossiped again per status tick while they wait, in case a peer missed them. */
const REGOSSIP_PER_TICK = 64
/** Transactions sent to a peer that has just connected. */
const GOSSIP_ON_CONNECT = 1024

export function createReplica<State>(options: ReplicaOptions<State>): Replica<State> {
  return new ReplicaMachine(options)
}

class ReplicaMachine<State> implements Replica<State> {
  readonly #options: ReplicaOptions<State>
  readonly #application: Application<State>
  readonly #consensus: Consensus
  readonly #mempool: Mempool
  readonly #scheduler: Scheduler<State>
  readonly #verdicts: VerdictCache
  readonly #desk: AdmissionDesk<State>
  /** Executed, uncommitted blocks by `keyOf(hash)`. */
  readonly #layers = new Map<string, Layer<State>>()
  readonly #validations = new Map<string, Validation>()
  /** Work under way, by key: one verification per proof. */
  readonly #underWay = new Set<string>()
  #state: State
  #tip: CommittedTip
  #lastBuilt: { readonly parent: Hash; readonly executed: Executed<State>; readonly transactions: readonly Transaction[] } | null = null
  #reportedWork = { waiting: 0, full: false }
  #committedAtTick: number
  #nowMs = 0
  #jobs: VerificationJob[] = []
  #out: ReplicaEffect[] = []

  constructor(options: ReplicaOptions<State>) {
    this.#options = options
    this.#application = options.application
    this.#consensus = createConsensus(options.consensus, options.durable)
    this.#state = options.application.initial.state
    this.#tip = options.durable.committed
    this.#committedAtTick = this.#tip.height
    this.#mempool = new Mempool(options.mempool, options.order)
    this.#verdicts = new VerdictCache(options.mempool.verdicts)
    this.#scheduler = new Scheduler(
      { application: options.application, mempool: this.#mempool, order: options.order, maxWaitBlocks: options.mempool.maxWaitBlocks },
      this.#state,
      this.#tip.hash,
      this.#tip.height,
    )
    const machine = this
    this.#desk = new AdmissionDesk({
      application: options.application,
      mempool: this.#mempool,
      scheduler: this.#scheduler,
      verdicts: this.#verdicts,
      limits: options.mempool,
      block: options.block,
      get committed() {
        return { state: machine.#state, height: machine.#tip.height }
      },
      requestVerification: (work, cited, priority) => this.#requestVerification(work, cited, priority),
      push: (effect) => this.#out.push(effect),
    })
  }

  get committed(): CommittedTip {
    return this.#tip
  }

  get state(): State {
    return this.#state
  }

  get position(): { readonly view: number; readonly phase: 'active' | 'changing' } {
    return this.#consensus
  }

  transactionStatus(id: Hash): 'unknown' | 'waiting' | 'pending' {
    if (this.#mempool.get(id) !== undefined) return 'pending'
    return this.#desk.has(id) ? 'waiting' : 'unknown'
  }

  nextNonce(sender: string, committedNonce: number): number {
    let nonce = committedNonce
    while (this.#mempool.bySenderNonce(sender, nonce) !== undefined) nonce++
    return nonce
  }

  inspect(): ReplicaInspection {
    return {
      ...this.#consensus.inspect(),
      pooled: this.#mempool.size,
      poolBytes: this.#mempool.bytes,
      unverified: this.#desk.size,
      ready: this.#scheduler.readyCount,
      verdicts: this.#verdicts.size,
    }
  }

  step(input: ReplicaInput): ReplicaEffect[] {
    this.#out = []
    if (input.kind !== 'round-trip') this.#nowMs = input.nowMs
    this.#handle(input)
    this.#reportWork()
    if (this.#jobs.length > 0) {
      this.#out.push({ kind: 'verify', jobs: this.#jobs })
      this.#jobs = []
    }
    return this.#out
  }

  #handle(input: ReplicaInput): void {
    switch (input.kind) {
      case 'start':
      case 'message':
      case 'round-trip':
        return this.#toConsensus(input)
      case 'connected':
        this.#toConsensus(input)
        return this.#gossipPool(input.peer, GOSSIP_ON_CONNECT)
      case 'timer':
        this.#toConsensus(input)
        return this.#onTick(input.timer)
      case 'submit':
        return this.#desk.receive(input.transaction, 'client', input.request)
      case 'transactions':
        for (const transaction of input.transactions) this.#desk.receive(transaction, input.from, null)
        return
      case 'verified':
        return this.#onVerified(input.key, input.outcome)
    }
  }

  // --- consensus ----------------------------------------------------------------------------------------------------

  /** Feeds consensus, and answers what it asks of us at once, until it asks no more. */
  #toConsensus(input: Input): void {
    const queue: Input[] = [input]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const built = this.#lastBuilt
      for (const effect of this.#consensus.step(next)) {
        const reply = this.#onEffect(effect)
        if (reply !== null) queue.push(reply)
      }
      if (next.kind === 'built' && this.#lastBuilt === built) this.#lastBuilt = null // not wanted any more
      this.#keepSchedulerOnLiveGround()
    }
  }

  #onEffect(effect: Effect): Input | null {
    switch (effect.kind) {
      case 'persist':
      case 'send':
      case 'serve':
      case 'set-timer':
      case 'cancel-timer':
      case 'evidence':
      case 'event':
        this.#out.push(effect)
        return null
      case 'validate':
        return this.#onValidate(effect.block)
      case 'build':
        return this.#onBuild(effect)
      case 'proposed':
        this.#onProposed(effect.block)
        return null
      case 'commit':
        this.#onCommit(effect)
        return null
      case 'abandon':
        for (const hash of effect.hashes) {
          this.#layers.delete(keyOf(hash))
          this.#validations.delete(keyOf(hash))
        }
        return null
    }
  }

  /**
   * The scheduler stands on the committed block, or on our newest proposal. If that was abandoned, or never became a
   * proposal, what was chosen for it is to be ordered again.
   */
  #keepSchedulerOnLiveGround(): void {
    const { position } = this.#scheduler
    if (position === keyOf(this.#tip.hash) || this.#layers.has(position) || this.#lastBuilt !== null) return
    for (const item of this.#scheduler.reset(this.#state, this.#tip.hash, this.#tip.height)) {
      this.#dropPooled(item, 'impossible', 'it can no longer execute on the committed state')
    }
  }

  /** Tells consensus how much could be ordered, when that changed in a way that matters. */
  #reportWork(): void {
    for (;;) {
      const waiting = this.#scheduler.readyCount
      const { transactions, bytes } = this.#options.block
      const full = waiting >= transactions || this.#scheduler.readyBytes >= bytes
      const before = this.#reportedWork
      if (waiting === before.waiting && full === before.full) return
      this.#reportedWork = { waiting, full }
      this.#toConsensus({ kind: 'work', waiting, full, nowMs: this.#nowMs })
    }
  }

  // --- building -----------------------------------------------------------------------------------------------------

  #stateAt(hash: Hash): State | undefined {
    return equalBytes(hash, this.#tip.hash) ? this.#state : this.#layers.get(keyOf(hash))?.executed.state
  }

  #onBuild(effect: Extract<Effect, { kind: 'build' }>): Input {
    const parent = this.#stateAt(effect.parent)
    assert(parent !== undefined, 'consensus builds on executed blocks only')
    if (!this.#scheduler.standsOn(effect.parent)) this.#scheduler.reset(parent, effect.parent, (effect.height - 1) as Height)
    const context: BlockContext = { height: effect.height, timestampMs: effect.timestampMs, proposer: this.#options.consensus.self }
    const proposal = this.#fill(parent, effect.parent, context)
    return { kind: 'built', height: effect.height, view: effect.view, proposal, nowMs: this.#nowMs }
  }

  #fill(parent: State, parentHash: Hash, context: BlockContext): BuiltProposal | null {
    const chosen = this.#executable(parent, context, this.#scheduler.choose(this.#options.block))
    if (chosen === null) return null
    const { items, executed } = chosen
    const transactions = items.map((item) => item.transaction)
    this.#lastBuilt = { parent: parentHash, executed, transactions }
    this.#scheduler.leave() // until #onProposed says which block this became
    const totalDifficulty = items.reduce((sum, item) => sum + BigInt(item.difficulty), 0n)
    return { transactions: transactions.map((transaction) => transaction.bytes), stateRoot: executed.stateRoot, totalDifficulty }
  }

  /** Executes the choice; if the application refuses it as a whole, leaves out what it refuses one by one. */
  #executable(parent: State, context: BlockContext, chosen: readonly Pooled[]): { items: readonly Pooled[]; executed: Executed<State> } | null {
    if (chosen.length === 0) return null
    const whole = this.#application.execute(parent, context, chosen.map(toExecution))
    if (whole.ok) return { items: chosen, executed: whole.value }
    let items: Pooled[] = []
    let executed: Executed<State> | null = null
    for (const item of chosen) {
      const attempt = this.#application.execute(parent, context, [...items, item].map(toExecution))
      if (!attempt.ok) {
        this.#dropPooled(item, attempt.error.code, attempt.error.message)
        continue
      }
      items = [...items, item]
      executed = attempt.value
    }
    return executed === null ? null : { items, executed }
  }

  #onProposed(block: Block): void {
    const built = this.#lastBuilt
    assert(built !== null && equalBytes(built.parent, block.header.parent), 'a proposal is what was built last')
    this.#lastBuilt = null
    this.#layers.set(keyOf(block.hash), { executed: built.executed, height: block.header.height, transactions: built.transactions })
    this.#scheduler.advance(built.executed.state, block.hash, block.header.height, built.transactions)
  }

  // --- validating ---------------------------------------------------------------------------------------------------

  #onValidate(block: Block): Input | null {
    const transactions = this.#decodeAll(block)
    if ('code' in transactions) return this.#validated(block.hash, { status: 'invalid', ...transactions })
    const limits = this.#options.block
    const bytes = block.body.transactions.reduce((sum, transaction) => sum + transaction.length, 0)
    if (transactions.length > limits.transactions || bytes > limits.bytes) {
      const message = `expected at most ${limits.transactions} transactions and ${limits.bytes} bytes, got ${transactions.length} and ${bytes}`
      return this.#validated(block.hash, { status: 'invalid', code: 'block-limits', message })
    }
    const validation: Validation = { block, transactions, gas: new Map(), awaited: new Set() }
    const missing = this.#requestMissingVerdicts(validation)
    if (missing !== null) return this.#validated(block.hash, missing)
    if (validation.awaited.size === 0) return this.#validated(block.hash, this.#executeBlock(validation))
    this.#validations.set(keyOf(block.hash), validation)
    return null
  }

  #decodeAll(block: Block): readonly Transaction[] | { code: string; message: string } {
    const transactions: Transaction[] = []
    for (const [position, bytes] of block.body.transactions.entries()) {
      const known = this.#mempool.get(transactionIdOf(bytes))
      if (known !== undefined) {
        transactions.push(known.transaction)
        continue
      }
      const decoded = this.#application.decode(bytes)
      if (!decoded.ok) return { code: decoded.error.code, message: `transaction ${position}: ${decoded.error.message}` }
      transactions.push(decoded.value)
    }
    return transactions
  }

  /** Asks for verdicts not yet known; an answer means the block is invalid as it stands. */
  #requestMissingVerdicts(validation: Validation): ValidationResult | null {
    const parent = this.#stateAt(validation.block.header.parent)
    assert(parent !== undefined, 'consensus validates on executed blocks only')
    const inBlock = new Map<string, Uint8Array>()
    for (const [position, { id, work }] of validation.transactions.entries()) {
      if (work === null) continue
      const verdict = this.#verdictOn(id, work)
      if (verdict?.status === 'invalid') return { status: 'invalid', code: verdict.code, message: `transaction ${position}: ${verdict.message}` }
      if (verdict !== undefined) validation.gas.set(keyOf(work.key), verdict.gas)
      else {
        const cited: { claimId: Hash; statement: Uint8Array }[] = []
        for (const claimId of work.cites) {
          const statement = inBlock.get(keyOf(claimId)) ?? this.#application.statementOf(parent, claimId)
          if (statement === undefined) {
            return { status: 'invalid', code: 'citation-missing', message: `transaction ${position} cites a claim that is not finalised before it` }
          }
          cited.push({ claimId, statement })
        }
        validation.awaited.add(keyOf(work.key))
        this.#requestVerification(work, cited, 'block')
      }
      inBlock.set(keyOf(work.claimId), work.claim)
    }
    return null
  }

  /** What this validator has found about a proof; undefined if it has not looked. */
  #verdictOn(id: Hash, work: VerificationWork): Verdict | undefined {
    const pooled = this.#mempool.get(id)
    return pooled === undefined ? this.#verdicts.get(work.key) : { status: 'valid', gas: pooled.difficulty }
  }

  #executeBlock(validation: Validation): ValidationResult {
    const { block, transactions } = validation
    const { header } = block
    const parent = this.#stateAt(header.parent)
    assert(parent !== undefined, 'a block under validation lost its parent without being abandoned')
    const inputs: ExecutionInput[] = []
    let totalDifficulty = 0n
    for (const transaction of transactions) {
      const difficulty = transaction.work === null ? 0 : validation.gas.get(keyOf(transaction.work.key))
      assert(difficulty !== undefined, 'a block is executed when every verdict is in')
      inputs.push({ transaction, difficulty })
      totalDifficulty += BigInt(difficulty)
    }
    if (totalDifficulty !== header.totalDifficulty) {
      return { status: 'invalid', code: 'difficulty', message: `expected total difficulty ${totalDifficulty}, got ${header.totalDifficulty}` }
    }
    if (totalDifficulty > BigInt(this.#options.block.gas)) {
      return { status: 'invalid', code: 'block-gas', message: `expected at most ${this.#options.block.gas} gas, got ${totalDifficulty}` }
    }
    const context = { height: header.height, timestampMs: header.timestampMs, proposer: header.proposer }
    const executed = this.#application.execute(parent, context, inputs)
    if (!executed.ok) return { status: 'invalid', code: executed.error.code, message: executed.error.message }
    if (!equalBytes(executed.value.stateRoot, header.stateRoot)) {
      return { status: 'invalid', code: 'state-root', message: 'expected the state root that execution gives, got another' }
    }
    this.#layers.set(keyOf(block.hash), { executed: executed.value, height: header.height, transactions })
    return { status: 'valid' }
  }

  #validated(hash: Hash, result: ValidationResult): Input {
    return { kind: 'validated', hash, result, nowMs: this.#nowMs }
  }

  // --- verifying ----------------------------------------------------------------------------------------------------

  #requestVerification(work: VerificationWork, cited: VerificationJob['cited'], priority: VerificationJob['priority']): void {
    const key = keyOf(work.key)
    if (this.#underWay.has(key)) return
    this.#underWay.add(key)
    this.#jobs.push({ work, cited, priority })
  }

  #onVerified(key: Hash, outcome: VerificationOutcome): void {
    this.#underWay.delete(keyOf(key))
    if (outcome.status !== 'aborted') this.#verdicts.set(key, outcome)
    this.#desk.onVerified(key, outcome)
    for (const [hash, validation] of [...this.#validations]) {
      if (!validation.awaited.delete(keyOf(key))) continue
      if (outcome.status === 'valid') validation.gas.set(keyOf(key), outcome.gas)
      const result = this.#verdictOnBlock(validation, outcome)
      if (result === null) continue
      this.#validations.delete(hash)
      this.#toConsensus(this.#validated(validation.block.hash, result))
    }
  }

  #verdictOnBlock(validation: Validation, outcome: VerificationOutcome): ValidationResult | null {
    switch (outcome.status) {
      case 'aborted':
        return { status: 'aborted', reason: outcome.reason }
      case 'invalid':
        return { status: 'invalid', code: outcome.code, message: `the block holds a proof that does not verify: ${outcome.message}` }
      case 'valid':
        return validation.awaited.size > 0 ? null : this.#executeBlock(validation)
    }
  }

  // --- committing ---------------------------------------------------------------------------------------------------

  #onCommit(effect: Extract<Effect, { kind: 'commit' }>): void {
    const { block, certificate } = effect
    const layer = this.#layers.get(keyOf(block.hash))
    assert(layer !== undefined, 'consensus commits executed blocks only')
    const writes = this.#application.writes(this.#state, layer.executed.state)
    const parent = this.#tip.hash
    this.#state = layer.executed.state
    this.#tip = { height: block.header.height, hash: block.hash, timestampMs: block.header.timestampMs }
    this.#out.push({ kind: 'commit', block, certificate, writes, transactions: layer.transactions })
    for (const [key, other] of this.#layers) if (other.height <= block.header.height) this.#layers.delete(key)
    if (this.#scheduler.standsOn(parent)) this.#scheduler.advance(this.#state, block.hash, block.header.height, layer.transactions)
    this.#clearMempool(layer.transactions)
  }

  #clearMempool(committed: readonly Transaction[]): void {
    for (const transaction of committed) {
      this.#removePooled(this.#mempool.get(transaction.id))
      const rival = this.#mempool.bySenderNonce(transaction.sender, transaction.nonce)
      if (rival !== undefined) this.#dropPooled(rival, 'nonce-used', 'another transaction of this account with the same nonce is final')
      if (transaction.work === null) continue
      const duplicate = this.#mempool.byClaim(transaction.work.claimId)
      if (duplicate !== undefined) this.#dropPooled(duplicate, 'duplicate-claim', 'another transaction with the same claim is final')
    }
    for (const transaction of committed) if (transaction.work !== null) this.#desk.wakeClaim(transaction.work.claimId)
  }

  #removePooled(item: Pooled | undefined): void {
    if (item === undefined) return
    this.#scheduler.drop(item)
    this.#mempool.remove(item.transaction.id)
  }

  #dropPooled(item: Pooled, code: string, message: string): void {
    this.#removePooled(item)
    this.#out.push({ kind: 'dropped', id: item.transaction.id, refusal: { code, message } })
  }

  // --- upkeep -------------------------------------------------------------------------------------------------------

  #onTick(timer: TimerName): void {
    if (timer !== 'status') return
    const stalled = this.#committedAtTick === this.#tip.height
    this.#committedAtTick = this.#tip.height
    if (!stalled || this.#mempool.size + this.#desk.size === 0) return
    // Nothing was committed for a whole tick: let go of what has become impossible, and tell peers again.
    for (const item of [...this.#mempool.values()]) {
      const readiness = this.#application.readiness(this.#state, item.transaction, { height: (this.#tip.height + 1) as Height })
      if (readiness.status === 'never') this.#dropPooled(item, readiness.code, readiness.message)
    }
    this.#desk.sweep()
    this.#gossipPool('all', REGOSSIP_PER_TICK)
  }

  #gossipPool(to: ValidatorIndex | 'all', most: number): void {
    const oldest = [...this.#mempool.values()].sort((a, b) => a.arrival - b.arrival).slice(0, most)
    if (oldest.length > 0) this.#out.push({ kind: 'gossip', to, transactions: oldest.map((item) => item.transaction) })
  }
}

function toExecution(item: Pooled): ExecutionInput {
  return { transaction: item.transaction, difficulty: item.difficulty }
}
