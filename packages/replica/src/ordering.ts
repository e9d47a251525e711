/**
 * What waits to be ordered, and the blocks that are built of it: what a leader proposes next, and what leaves the mempool because it is
 * final or can never be.
 */
import { assert, equalBytes, type Hash, type Height, type Refusal } from '@aethel/codec'
import type { Block, BuiltProposal, Effect, Input, Offence } from '@aethel/consensus'
import type { Accusations } from './accusations.js'
import type { Application, BlockContext, Executed, Transaction } from './application.js'
import { executable } from './choice.js'
import type { NextValidators } from './epochs.js'
import type { Ground } from './ground.js'
import type { ReplicaEffect, ReplicaOptions } from './interface.js'
import type { Mempool, Pooled } from './mempool.js'
import type { Scheduler } from './scheduler.js'

/** A proposal that consensus has been given, and has not yet made a block of. */
interface Built<State> {
  readonly parent: Hash
  readonly executed: Executed<State>
  readonly transactions: readonly Transaction[]
  readonly gas: readonly number[]
  readonly offences: readonly Offence[]
  readonly leftOut: readonly Pooled[]
}

const NONCE_USED: Refusal = { code: 'nonce-used', message: 'another transaction of this account with the same nonce is final' }
const DUPLICATE_CLAIM: Refusal = { code: 'duplicate-claim', message: 'another transaction with the same claim is final' }

export interface OrderingHost<State> {
  readonly application: Application<State>
  readonly ground: Ground<State>
  readonly mempool: Mempool
  readonly scheduler: Scheduler<State>
  readonly accusations: Accusations<State>
  /** Of one block. */
  readonly limits: ReplicaOptions<State>['block']
  /** This validator's name in the epoch. */
  readonly proposer: BlockContext['proposer']
  readonly isLeader: boolean
  readonly nowMs: number
  /** Null unless the block is the last of its epoch. */
  nextValidators(at: Height, executed: Executed<State>): NextValidators | null
  /** Whether all blobs that these rely on are here. */
  hasBlobsOf(transactions: readonly Transaction[]): boolean
  push(effect: ReplicaEffect): void
}

export class Ordering<State> {
  readonly #host: OrderingHost<State>
  #lastBuilt: Built<State> | null = null
  #reportedWork = { waiting: 0, full: false }

  constructor(host: OrderingHost<State>) {
    this.#host = host
  }

  // --- what there is to order ---------------------------------------------------------------------------------------

  /** Whether there is something to order, and whether it fills a block, if either has changed since it was asked last. */
  changedWork(): Extract<Input, { kind: 'work' }> | null {
    const { scheduler, limits, nowMs } = this.#host
    const waiting = scheduler.readyCount + (this.#hasEvidenceToPropose() ? 1 : 0)
    const full = waiting >= limits.transactions || scheduler.readyBytes >= limits.bytes
    const before = this.#reportedWork
    if (waiting > 0 === before.waiting > 0 && full === before.full) return null
    this.#reportedWork = { waiting, full }
    return { kind: 'work', waiting, full, nowMs }
  }

  /** Before a built block is answered: what is left no longer fills another, so consensus shall gather more first. */
  workLeft(): Input[] {
    if (this.#host.scheduler.readyCount === 0) return []
    const work = this.changedWork()
    return work === null ? [] : [work]
  }

  /**
   * Only for a leader: evidence makes nobody's view timer run, because a faulty validator could show it to one replica alone
   * and drive that one out of a view that works.
   */
  #hasEvidenceToPropose(): boolean {
    const { accusations } = this.#host
    return accusations.size > 0 && this.#host.isLeader && accusations.hasUnproposed(this.#lastBuilt?.offences ?? [])
  }

  /**
   * The scheduler stands on the committed block, or on our newest proposal. If that was abandoned, or never became a
   * proposal, what was chosen for it is to be ordered again.
   */
  keepOnLiveGround(): void {
    const { scheduler, ground } = this.#host
    if (scheduler.standsOn(ground.tip.hash) || this.#lastBuilt !== null || ground.layer(scheduler.position) !== undefined) return
    scheduler.reset(ground.state, ground.tip.hash, ground.tip.height)
    this.dropImpossible()
  }

  /** Consensus begins anew, in another epoch or on a state that was taken over: nothing is built, nothing was reported. */
  beginAnew(): void {
    this.#lastBuilt = null
    this.#reportedWork = { waiting: 0, full: false }
  }

  // --- building -----------------------------------------------------------------------------------------------------

  build(effect: Extract<Effect, { kind: 'build' }>): Input {
    const { ground, scheduler, proposer, nowMs } = this.#host
    const parent = ground.stateAt(effect.parent)
    assert(parent !== undefined, 'consensus builds on executed blocks only')
    if (!scheduler.standsOn(effect.parent)) scheduler.reset(parent, effect.parent, (effect.height - 1) as Height)
    const proposal = this.#fill(parent, effect.parent, { height: effect.height, timestampMs: effect.timestampMs, proposer })
    if (proposal === null) this.#reportedWork = { waiting: 0, full: false } // as consensus takes it: what is left is reported anew
    return { kind: 'built', height: effect.height, view: effect.view, proposal, nowMs }
  }

  #fill(parent: State, parentHash: Hash, context: BlockContext): BuiltProposal | null {
    const { accusations, application, scheduler, limits } = this.#host
    const evidence = accusations.choose(context, parent)
    const offences = evidence.map((item) => item.offence)
    const choice = executable(application, { state: parent, context }, scheduler.choose(limits), offences)
    for (const { item, refusal } of choice.refused) this.drop(item, refusal)
    const executed = choice.executed ?? this.#executedEvidence(parent, context, offences)
    const { items, leftOut } = choice
    if (executed === null) {
      accusations.stall()
      scheduler.refile(leftOut)
      this.dropImpossible()
      return null
    }
    const transactions = items.map((item) => item.transaction)
    assert(this.#host.hasBlobsOf(transactions), 'what is pooled has its blob here')
    const gas = items.map((item) => item.difficulty)
    this.#lastBuilt = { parent: parentHash, executed, transactions, gas, offences, leftOut }
    scheduler.leave() // until `onProposed` says which block this became
    const totalDifficulty = items.reduce((sum, item) => sum + BigInt(item.difficulty), 0n)
    const next = this.#host.nextValidators(context.height, executed)
    return {
      transactions: transactions.map((transaction) => transaction.bytes),
      evidence: evidence.map((item) => item.bytes),
      stateRoot: executed.stateRoot,
      totalDifficulty,
      ...(next === null ? {} : { nextValidatorsHash: next.validators.hash }),
    }
  }

  /** A block of evidence alone is something to order. */
  #executedEvidence(parent: State, context: BlockContext, offences: readonly Offence[]): Executed<State> | null {
    if (offences.length === 0) return null
    const executed = this.#host.application.execute(parent, context, [], offences)
    assert(executed.ok, executed.ok ? '' : `the application refuses offences it said it would record: ${executed.error.message}`)
    return executed.value
  }

  onProposed(block: Block): void {
    const built = this.#lastBuilt
    assert(built !== null && equalBytes(built.parent, block.header.parent), 'a proposal is what was built last')
    this.#lastBuilt = null
    const { ground, scheduler } = this.#host
    const { executed, transactions, gas, offences } = built
    ground.add(block.hash, { executed, height: block.header.height, transactions, gas, offences })
    scheduler.advance(executed.state, block.hash, block.header.height, transactions)
    if (built.leftOut.length > 0) scheduler.refile(built.leftOut)
  }

  /** What consensus was given and has not yet made a block of. */
  get built(): Built<State> | null {
    return this.#lastBuilt
  }

  /** Consensus was given it, and did not propose it. */
  dropUnproposed(built: Built<State> | null): void {
    if (this.#lastBuilt === built) this.#lastBuilt = null
  }

  // --- what leaves the mempool --------------------------------------------------------------------------------------

  /** The block is final, and stands on `parent`. */
  onCommit(block: Block, parent: Hash, committed: readonly Transaction[]): void {
    const { scheduler, ground } = this.#host
    if (scheduler.standsOn(parent)) scheduler.advance(ground.state, block.hash, block.header.height, committed)
    this.#clear(committed)
  }

  #clear(committed: readonly Transaction[]): void {
    const { mempool } = this.#host
    for (const transaction of committed) {
      this.#remove(mempool.byKey(transaction.idKey))
      const rival = mempool.bySenderNonce(transaction.sender, transaction.nonce)
      if (rival !== undefined) this.drop(rival, NONCE_USED)
      if (transaction.work === null) continue
      const duplicate = mempool.byClaim(transaction.work.claimId)
      if (duplicate !== undefined) this.drop(duplicate, DUPLICATE_CLAIM)
    }
  }

  /** Of what the scheduler found impossible on some state: what is impossible on the committed one, so for ever. */
  dropImpossible(): void {
    for (const item of this.#host.scheduler.suspects) this.dropIfImpossible(item)
  }

  dropIfImpossible(item: Pooled): void {
    const { application, ground } = this.#host
    const readiness = application.readiness(ground.state, item.transaction, { height: ground.nextHeight })
    if (readiness.status === 'never') this.drop(item, readiness)
  }

  drop(item: Pooled, { code, message }: Refusal): void {
    this.#remove(item)
    this.#host.push({ kind: 'dropped', id: item.transaction.id, refusal: { code, message } })
  }

  #remove(item: Pooled | undefined): void {
    if (item === undefined) return
    this.#host.scheduler.drop(item)
    this.#host.mempool.remove(item.transaction.id)
  }
}
