/**
 * Judging the leader (protocol.md §8) from where this replica stands: which waiting transactions are watched, what the leader is told of
 * them, and what its `LeaderWatch` makes of the blocks that came. A new epoch begins with a clean sheet.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { Block, Complaint } from '@aethel/consensus'
import type { Application, BlockContext, Transaction } from './application.js'
import { toExecution } from './choice.js'
import { blobsOf, type Ground } from './ground.js'
import type { BlockLimits } from './interface.js'
import { LeaderWatch, type Surroundings } from './leader-watch.js'
import type { Pooled } from './mempool.js'
import type { Scheduler } from './scheduler.js'
import { MAX_WATCHED } from './starvation.js'

/** Transactions that a status tick begins to watch, of those that have waited longest. */
const WATCHED_PER_TICK = 8

export interface LeaderJudgeHost<State> {
  readonly application: Application<State>
  readonly ground: Ground<State>
  readonly scheduler: Scheduler<State>
  readonly limits: BlockLimits
  readonly maxWaitBlocks: number
}

export interface Judgement {
  readonly complaint: Complaint | null
  /** The leader shall have these, whatever it says it has. */
  readonly toTell: readonly Transaction[]
}

export class LeaderJudge<State> {
  readonly #host: LeaderJudgeHost<State>
  #watch: LeaderWatch

  constructor(host: LeaderJudgeHost<State>, validators: number) {
    this.#host = host
    this.#watch = this.#newWatch(validators)
  }

  enterEpoch(validators: number): void {
    this.#watch = this.#newWatch(validators)
  }

  #newWatch(validators: number): LeaderWatch {
    const { limits, maxWaitBlocks } = this.#host
    return new LeaderWatch({ limits, maxWaitBlocks, validators })
  }

  /** A block that this view's leader proposed and this replica accepted in time, with what was decoded of it. */
  onCommitted({ header }: Block, transactions: readonly Transaction[], acceptedAtMs: number): void {
    this.#dropWatchesNotWaiting()
    const bytes = transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0)
    const blobBytes = blobsOf(transactions).reduce((sum, blob) => sum + blob.bytes, 0)
    const gas = Number(header.totalDifficulty)
    this.#watch.onCommitted({ acceptedAtMs, transactions: transactions.length, bytes, gas, blobBytes })
  }

  /** At every status tick: watches the oldest transactions that wait, and says what to think of the leader. */
  onTick(at: Omit<Surroundings, 'isExecutable'>, self: ValidatorIndex): Judgement {
    const { starvation } = this.#watch
    this.#dropWatchesNotWaiting()
    const toTell = this.#watch.enter(at) ? starvation.items : []
    if (at.role === 'backup') {
      for (const item of this.#oldestUnproposed()) {
        starvation.watch(item, at.nowMs)
        toTell.push(item)
      }
    }
    const complaint = this.#watch.judge({ ...at, isExecutable: (item) => this.#isExecutable(item, at.nowMs, self) })
    return { complaint, toTell: toTell.map((item) => item.transaction) }
  }

  /** What is in a proposal, or cannot be in one, does not wait for the leader. */
  #dropWatchesNotWaiting(): void {
    const { starvation } = this.#watch
    if (starvation.size === 0) return
    const { ground, scheduler } = this.#host
    const proposed = ground.proposedIds
    starvation.keepOnly((item) => scheduler.isReady(item) && !proposed.has(item.transaction.idKey))
  }

  #oldestUnproposed(): Pooled[] {
    const { starvation } = this.#watch
    const { ground, scheduler } = this.#host
    if (scheduler.readyCount === 0 || starvation.size >= MAX_WATCHED) return []
    const proposed = ground.proposedIds
    const isFree = (item: Pooled): boolean => !proposed.has(item.transaction.idKey) && !starvation.isWatched(item.transaction.id)
    return scheduler.oldestReady(WATCHED_PER_TICK, isFree)
  }

  #isExecutable(item: Pooled, nowMs: number, proposer: ValidatorIndex): boolean {
    const { application, ground } = this.#host
    const timestampMs = Math.max(nowMs, ground.tip.timestampMs + 1)
    const context: BlockContext = { height: ground.nextHeight, timestampMs, proposer }
    return application.execute(ground.state, context, [toExecution(item)]).ok
  }
}
