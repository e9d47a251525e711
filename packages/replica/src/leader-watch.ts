/**
 * A backup's opinion of its leader (protocol.md §8): the two monitors together, with patience. It judges no leader before a view
 * timeout has passed in the view, twice as long after every view that was left while it complained, up to 32 times; a view that
 * lasts without complaint makes it forget. So views that this replica helps to end are never closer together than that.
 */
import type { View } from '@aethel/codec'
import type { Complaint } from '@aethel/consensus'
import type { BlockLimits } from './interface.js'
import { LeaderThroughput } from './leader-throughput.js'
import type { Pooled } from './mempool.js'
import { type BlockFill, StarvationWatch } from './starvation.js'

const MAX_PATIENCE_DOUBLINGS = 5
/** A view without complaint for this many times the patience: what went before is forgotten. */
const FORGETTING_PATIENCES = 4
/** A complaint about speed stands this many ticks, so that those of the others, who measure at other moments, coincide. */
const COMPLAINT_TICKS = 16

export interface LeaderWatchOptions {
  readonly limits: BlockLimits
  readonly maxWaitBlocks: number
  readonly validators: number
}

export interface Surroundings {
  readonly nowMs: number
  readonly view: View
  readonly role: 'backup' | 'leader' | 'changing'
  readonly viewTimeoutMs: number
  readonly roundTripMs: number
  /** Whether the committed state takes this transaction: what every leader refuses is no reason to complain. */
  isExecutable(item: Pooled): boolean
}

export class LeaderWatch {
  readonly starvation: StarvationWatch
  readonly #throughput: LeaderThroughput
  readonly #limits: BlockLimits
  #view: View | null = null
  #viewSinceMs = 0
  #tickedAtMs = 0
  #blocks = 0
  #graceMs = 0
  #doublings = 0
  #complaint: Complaint | null = null
  #standsFor = 0

  constructor({ limits, maxWaitBlocks, validators }: LeaderWatchOptions) {
    this.#limits = limits
    this.starvation = new StarvationWatch(limits, maxWaitBlocks)
    this.#throughput = new LeaderThroughput(validators)
  }

  /** A block that this view's leader proposed and this replica accepted in time is committed. */
  onCommitted(fill: BlockFill): void {
    const { transactions, bytes, gas, blobBytes } = this.#limits
    const ofBlobs = blobBytes === undefined ? 0 : fill.blobBytes / blobBytes
    this.#blocks += Math.min(1, Math.max(fill.transactions / transactions, fill.bytes / bytes, fill.gas / gas, ofBlobs))
    this.starvation.onBlock(fill, this.#graceMs)
  }

  /** True if the view is another one than at the last tick: then whatever is watched is to be sent to its leader. */
  enter(at: Pick<Surroundings, 'view' | 'nowMs'>): boolean {
    if (at.view === this.#view) return false
    if (this.#complaint !== null) this.#doublings = Math.min(MAX_PATIENCE_DOUBLINGS, this.#doublings + 1)
    this.#view = at.view
    this.#viewSinceMs = at.nowMs
    this.#tickedAtMs = at.nowMs
    this.#blocks = 0
    this.#complaint = null
    this.#standsFor = 0
    this.starvation.beginView(at.nowMs)
    this.#throughput.beginView()
    return true
  }

  /** At every status tick, after `enter`. */
  judge(at: Surroundings): Complaint | null {
    const elapsedMs = at.nowMs - this.#tickedAtMs
    this.#tickedAtMs = at.nowMs
    this.#graceMs = at.viewTimeoutMs
    if (at.role !== 'backup' || elapsedMs <= 0) return null
    const oldestWaitMs = this.starvation.oldestWaitMs(at.nowMs)
    const sample = { elapsedMs, blocks: this.#blocks, roundTripMs: at.roundTripMs, oldestWaitMs }
    this.#blocks = 0
    if (this.#throughput.tick(sample, this.#doublings)) this.#standsFor = COMPLAINT_TICKS
    else if (this.#standsFor > 0) this.#standsFor--
    const ageMs = at.nowMs - this.#viewSinceMs
    const patienceMs = at.viewTimeoutMs * 2 ** this.#doublings
    this.#complaint = ageMs < patienceMs ? null : this.#opinion(at)
    if (this.#complaint === null && ageMs > FORGETTING_PATIENCES * patienceMs) this.#doublings = 0
    return this.#complaint
  }

  #opinion(at: Surroundings): Complaint | null {
    for (let starved = this.starvation.starved; starved !== undefined; starved = this.starvation.starved) {
      if (at.isExecutable(starved)) return 'starved-transaction'
      this.starvation.forget(starved.transaction.id)
    }
    return this.#standsFor > 0 ? 'slow-leader' : null
  }
}
