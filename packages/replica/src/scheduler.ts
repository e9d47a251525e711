/**
 * Which waiting transactions can execute next. Stands on one state (the leader's newest proposal, or the committed block)
 * and moves with it; a transaction that waits for a nonce or a citation is woken by what it waits for, so a block costs
 * what is in it, not what is in the mempool.
 */
import { type Hash, type Height, keyOf } from '@aethel/codec'
import type { Application, Readiness, Transaction } from './application.js'
import { IndexedHeap } from './heap.js'
import type { BlockLimits } from './interface.js'
import { type Mempool, type MempoolOrder, ordersBefore, type Pooled } from './mempool.js'

/** Transactions that do not fit into what is left of a block, skipped before the block is closed. */
const MAX_MISFITS = 64

/** Whether a claim can be cited; `key` is `keyOf(claimId)`. */
type KnownClaim = (key: string) => boolean

/** What the application says of a transaction on a state of some height. */
export interface FoundReadiness<State> {
  readonly state: State
  readonly height: Height
  readonly readiness: Readiness
}

export interface SchedulerOptions<State> {
  readonly application: Application<State>
  readonly mempool: Mempool
  readonly order: MempoolOrder
  readonly maxWaitBlocks: number
}

export class Scheduler<State> {
  readonly #options: SchedulerOptions<State>
  readonly #ready: IndexedHeap<Pooled>
  /** The same items by arrival, for the age bound. */
  readonly #oldest: IndexedHeap<Pooled>
  /** Waiting for a claim, by claim; for an earlier nonce, by the mempool's sender index. */
  readonly #waitingForClaim = new Map<string, Set<Pooled>>()
  /** Can never execute on the state it was filed on; that may be a proposal's, so the committed one has the last word. */
  readonly #suspects = new Set<Pooled>()
  /** Made ready by `choose` because of something it chose. */
  #promoted: Pooled[] = []
  #state: State
  #position: string
  /** The hash whose key that is, as it was given. */
  #standing: Hash
  #height: Height
  #readyBytes = 0

  constructor(options: SchedulerOptions<State>, state: State, position: Hash, height: Height) {
    this.#options = options
    this.#ready = new IndexedHeap(ordersBefore(options.order))
    this.#oldest = new IndexedHeap((a, b) => a.arrival < b.arrival)
    this.#state = state
    this.#position = keyOf(position)
    this.#standing = position
    this.#height = height
  }

  get readyCount(): number {
    return this.#ready.size
  }

  isReady(item: Pooled): boolean {
    return this.#ready.has(item)
  }

  /** At most `most` of the ready ones that `accepts` admits, by arrival. One pass: about a microsecond for each that is ready. */
  oldestReady(most: number, accepts: (item: Pooled) => boolean): Pooled[] {
    const oldest: Pooled[] = []
    for (const item of this.#ready.values()) {
      const last = oldest.at(-1)
      if (oldest.length === most && last !== undefined && last.arrival < item.arrival) continue
      if (!accepts(item)) continue
      const at = oldest.findIndex((other) => other.arrival > item.arrival)
      oldest.splice(at < 0 ? oldest.length : at, 0, item)
      if (oldest.length > most) oldest.pop()
    }
    return oldest
  }

  get readyBytes(): number {
    return this.#readyBytes
  }

  /** Asked after every step, mostly about the very hash it stands on. */
  standsOn(position: Hash): boolean {
    return this.#position !== '' && (position === this.#standing || this.#position === keyOf(position))
  }

  /** `keyOf` the block it stands on; empty after `leave`. */
  get position(): string {
    return this.#position
  }

  /** What was chosen may or may not become a block: `advance` or `reset` follows. */
  leave(): void {
    this.#position = ''
  }

  /** Starts over on another state: looks at every waiting transaction. */
  reset(state: State, position: Hash, height: Height): void {
    this.#state = state
    this.#position = keyOf(position)
    this.#standing = position
    this.#height = height
    this.#ready.clear()
    this.#oldest.clear()
    this.#readyBytes = 0
    this.#waitingForClaim.clear()
    this.#suspects.clear()
    this.#promoted = []
    for (const item of this.#options.mempool.values()) this.consider(item)
  }

  /** What can never execute on a state this scheduler stood on since its last `reset`. */
  get suspects(): ReadonlySet<Pooled> {
    return this.#suspects
  }

  /** Files a transaction under ready, under what it waits for, or under the suspects. `found` spares asking again. */
  consider(item: Pooled, found?: FoundReadiness<State>): void {
    if (this.#ready.has(item)) return
    const isFound = found?.state === this.#state && found.height === this.#height
    const readiness = isFound ? found.readiness : this.#readinessOf(item)
    switch (readiness.status) {
      case 'ready':
        return this.#makeReady(item)
      case 'later':
        return this.#waitForCitation(item, (key) => this.#isFinalised(key))
      case 'never':
        this.#suspects.add(item)
        return
    }
  }

  #readinessOf(item: Pooled): Readiness {
    return this.#options.application.readiness(this.#state, item.transaction, { height: (this.#height + 1) as Height })
  }

  #isFinalised(key: string): boolean {
    return this.#options.application.statementOf(this.#state, key) !== undefined
  }

  #waitForCitation(item: Pooled, known: KnownClaim): void {
    const key = item.transaction.work?.cites.find((cite) => !known(cite))
    if (key === undefined) return // it waits for a nonce
    const waiting = this.#waitingForClaim.get(key) ?? new Set()
    waiting.add(item)
    this.#waitingForClaim.set(key, waiting)
  }

  /** Taken out of the mempool. */
  drop(item: Pooled): void {
    this.#unready(item)
    this.#suspects.delete(item)
    for (const key of item.transaction.work?.cites ?? []) {
      const waiting = this.#waitingForClaim.get(key)
      waiting?.delete(item)
      if (waiting?.size === 0) this.#waitingForClaim.delete(key)
    }
  }

  #unready(item: Pooled): void {
    if (!this.#ready.remove(item)) return
    this.#oldest.remove(item)
    this.#readyBytes -= item.transaction.bytes.length
  }

  /** The state moved on by these transactions: what waited for them is looked at again. */
  advance(state: State, position: Hash, height: Height, executed: readonly Transaction[]): void {
    this.#state = state
    this.#position = keyOf(position)
    this.#standing = position
    this.#height = height
    const inBlock = new Set<Pooled>()
    for (const transaction of executed) {
      const item = this.#options.mempool.byKey(transaction.idKey)
      if (item === undefined) continue
      this.#unready(item)
      inBlock.add(item)
    }
    for (const transaction of executed) {
      for (const woken of this.#wokenBy(transaction)) if (!inBlock.has(woken)) this.consider(woken)
    }
  }

  /**
   * The block took only part of what was chosen: the rest is filed anew, and so is what was made ready because the rest was
   * chosen. Called when the scheduler stands on the block, or where it stood if there is no block.
   */
  refile(leftOut: readonly Pooled[]): void {
    const promoted = this.#promoted
    this.#promoted = []
    for (const item of promoted) {
      if (!this.#ready.has(item)) continue
      this.#unready(item)
      this.consider(item)
    }
    for (const item of leftOut) if (this.#options.mempool.get(item.transaction.id) === item) this.consider(item)
  }

  #wokenBy(transaction: Transaction): Pooled[] {
    const woken: Pooled[] = []
    const next = this.#options.mempool.bySenderNonce(transaction.sender, transaction.nonce + 1)
    if (next !== undefined) woken.push(next)
    if (transaction.work !== null) {
      const key = keyOf(transaction.work.claimId)
      const waiting = this.#waitingForClaim.get(key)
      this.#waitingForClaim.delete(key)
      if (waiting !== undefined) woken.push(...waiting)
    }
    return woken
  }

  /**
   * Chooses transactions for one block in mempool order, the overdue first, dependents after what they depend on. Chosen
   * ones stay in the mempool until they are committed; `advance`, `refile` or `reset` follows.
   */
  choose(limits: BlockLimits): Pooled[] {
    this.#promoted = []
    const chosen: Pooled[] = []
    const chosenIds = new Set<Pooled>()
    const provided = new Set<string>()
    const misfits: Pooled[] = []
    let bytes = 0
    let gas = 0
    const known: KnownClaim = (key) => provided.has(key) || this.#isFinalised(key)
    while (chosen.length < limits.transactions && misfits.length < MAX_MISFITS) {
      const item = this.#next()
      if (item === undefined) break
      this.#unready(item)
      const { transaction, difficulty } = item
      if (bytes + transaction.bytes.length > limits.bytes || gas + difficulty > limits.gas) {
        misfits.push(item)
        continue
      }
      bytes += transaction.bytes.length
      gas += difficulty
      chosen.push(item)
      chosenIds.add(item)
      if (transaction.work !== null) provided.add(keyOf(transaction.work.claimId))
      for (const woken of this.#wokenBy(transaction)) {
        if (chosenIds.has(woken)) continue
        if (!this.#followsChosen(woken, chosenIds, known)) this.#waitForCitation(woken, known)
        else if (!this.#ready.has(woken)) {
          this.#makeReady(woken)
          this.#promoted.push(woken)
        }
      }
    }
    // Many large ones that do not fit must not hide the one that has waited longest and does: backups count that against a leader.
    const oldest = misfits.length < MAX_MISFITS || chosen.length >= limits.transactions ? undefined : this.#oldest.top
    if (oldest !== undefined && bytes + oldest.transaction.bytes.length <= limits.bytes && gas + oldest.difficulty <= limits.gas) {
      this.#unready(oldest)
      chosen.push(oldest)
    }
    for (const item of misfits) this.#makeReady(item)
    return chosen
  }

  /** Executable once the chosen ones are: its nonce is next and all it cites is there. */
  #followsChosen(item: Pooled, chosen: ReadonlySet<Pooled>, known: KnownClaim): boolean {
    const { transaction } = item
    if (transaction.work?.cites.every(known) === false) return false
    const before = this.#options.mempool.bySenderNonce(transaction.sender, transaction.nonce - 1)
    if (before !== undefined && chosen.has(before)) return true
    // Otherwise the nonce must be the account's next already: the one before may be pooled still, in a proposal not committed.
    const readiness = this.#readinessOf(item)
    return readiness.status === 'ready' || (readiness.status === 'later' && readiness.code !== 'nonce-gap')
  }

  #makeReady(item: Pooled): void {
    if (this.#ready.has(item)) return
    this.#ready.add(item)
    this.#oldest.add(item)
    this.#readyBytes += item.transaction.bytes.length
  }

  #next(): Pooled | undefined {
    const oldest = this.#oldest.top
    if (oldest !== undefined && oldest.arrivedAtHeight + this.#options.maxWaitBlocks <= this.#height) return oldest
    return this.#ready.top
  }
}
