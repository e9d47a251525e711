/**
 * Verified transactions waiting to be ordered: highest difficulty first, ties by arrival, then id (proofs.md §5). Add, pop
 * and remove by id are O(log n). Bounded by count, bytes and per sender; when full the lowest makes room, or the newcomer
 * is refused if it is the lowest itself. One entry per id and per claim.
 */
import { assert, compareBytes, err, type Hash, keyOf, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import type { Transaction } from './application.js'
import { IndexedHeap } from './heap.js'
import type { MempoolLimits } from './interface.js'

export type MempoolOrder = 'difficulty' | 'fifo'

export interface Pooled {
  readonly transaction: Transaction
  /** Gas of the valid proof. */
  readonly difficulty: number
  /** Ascending with arrival at this validator. */
  readonly arrival: number
  /** Committed height when it arrived: the age bound counts from here. */
  readonly arrivedAtHeight: number
  /** Who brought it: a client of this validator, whom nobody else may have heard, or a peer. */
  readonly from: 'client' | 'peer'
}

/** True if `a` is to be ordered before `b`. */
export function ordersBefore(order: MempoolOrder): (a: Pooled, b: Pooled) => boolean {
  return (a, b) => {
    if (order === 'difficulty' && a.difficulty !== b.difficulty) return a.difficulty > b.difficulty
    if (a.arrival !== b.arrival) return a.arrival < b.arrival
    return compareBytes(a.transaction.id, b.transaction.id) < 0
  }
}

export function senderQuota(perSender: number): Refusal {
  return {
    code: 'sender-quota',
    message: `expected at most ${perSender} waiting transactions per account; submit more when some are final`,
  }
}

export class Mempool {
  readonly #limits: Pick<MempoolLimits, 'transactions' | 'bytes' | 'perSender'>
  /** In order of arrival, because a Map keeps the order of insertion. */
  readonly #byId = new Map<string, Pooled>()
  readonly #byClaim = new Map<string, Pooled>()
  readonly #bySender = new Map<string, Map<number, Pooled>>()
  readonly #before: (a: Pooled, b: Pooled) => boolean
  readonly #highest: IndexedHeap<Pooled>
  readonly #lowest: IndexedHeap<Pooled>
  #bytes = 0
  #arrivals = 0

  constructor(limits: Pick<MempoolLimits, 'transactions' | 'bytes' | 'perSender'>, order: MempoolOrder) {
    this.#limits = limits
    const before = ordersBefore(order)
    this.#before = before
    this.#highest = new IndexedHeap(before)
    this.#lowest = new IndexedHeap((a, b) => before(b, a))
  }

  get size(): number {
    return this.#byId.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(id: Hash): Pooled | undefined {
    return this.#byId.get(keyOf(id))
  }

  /** The same by `keyOf(id)`. */
  byKey(idKey: string): Pooled | undefined {
    return this.#byId.get(idKey)
  }

  byClaim(claimId: Hash): Pooled | undefined {
    return this.byClaimKey(keyOf(claimId))
  }

  /** By `keyOf` the claim's id. */
  byClaimKey(key: string): Pooled | undefined {
    return this.#byClaim.get(key)
  }

  bySenderNonce(sender: string, nonce: number): Pooled | undefined {
    return this.#bySender.get(sender)?.get(nonce)
  }

  countOf(sender: string): number {
    return this.#bySender.get(sender)?.size ?? 0
  }

  /** In no particular order. */
  values(): readonly Pooled[] {
    return this.#highest.values()
  }

  /** By arrival. The iterator stays good while transactions come and go. */
  oldestFirst(): IterableIterator<Pooled> {
    return this.#byId.values()
  }

  /** Arrivals so far: what came before now has a lower `arrival`. */
  get arrivals(): number {
    return this.#arrivals
  }

  peek(): Pooled | undefined {
    return this.#highest.top
  }

  /** Why a transaction cannot be added whatever its difficulty: cheap, and asked before anything is verified. */
  refusalOf(transaction: Transaction): Refusal | null {
    const { bytes, perSender } = this.#limits
    if (this.#byId.has(transaction.idKey)) {
      return { code: 'known-transaction', message: 'expected a new transaction, got one that is already waiting' }
    }
    if (transaction.work !== null && this.byClaim(transaction.work.claimId) !== undefined) {
      return { code: 'duplicate-pending', message: 'expected a new claim, got one for which a verified proof is already waiting' }
    }
    if (this.bySenderNonce(transaction.sender, transaction.nonce) !== undefined) {
      return {
        code: 'nonce-pending',
        message: `expected a free nonce, got ${transaction.nonce}, which a waiting transaction of this account uses`,
      }
    }
    if (this.countOf(transaction.sender) >= perSender) return senderQuota(perSender)
    if (transaction.bytes.length <= bytes) return null
    return { code: 'too-large', message: `expected at most ${bytes} bytes, got ${transaction.bytes.length}` }
  }

  /** Adds, evicting what is lowest if there is no room; answers with what was added and what had to go. */
  add(
    transaction: Transaction,
    difficulty: number,
    atHeight: number,
    from: Pooled['from'] = 'peer',
  ): Result<{ added: Pooled; evicted: Pooled[] }, Refusal> {
    const refusal = this.refusalOf(transaction)
    if (refusal !== null) return err(refusal)
    const added: Pooled = { transaction, difficulty, arrival: this.#arrivals, arrivedAtHeight: atHeight, from }
    const evicted = this.#victimsFor(added)
    if (evicted === null) {
      return refuse(
        'mempool-full',
        `expected to rank above the lowest of ${this.size} waiting transactions, because the mempool is full; submit again later`,
      )
    }
    for (const victim of evicted) this.remove(victim.transaction.id)
    this.#arrivals++
    this.#insert(added)
    return ok({ added, evicted })
  }

  /** What must go to make room, or null if the newcomer ranks below something that would have to. */
  #victimsFor(added: Pooled): Pooled[] | null {
    const victims: Pooled[] = []
    let count = this.size + 1
    let bytes = this.#bytes + added.transaction.bytes.length
    const { transactions: mostCount, bytes: mostBytes } = this.#limits
    while (count > mostCount || bytes > mostBytes) {
      const lowest = this.#lowest.top
      if (lowest === undefined || !this.#before(added, lowest)) {
        for (const victim of victims) this.#lowest.add(victim)
        return null
      }
      this.#lowest.remove(lowest)
      victims.push(lowest)
      count--
      bytes -= lowest.transaction.bytes.length
    }
    for (const victim of victims) this.#lowest.add(victim)
    return victims
  }

  #insert(added: Pooled): void {
    const { transaction } = added
    this.#byId.set(transaction.idKey, added)
    if (transaction.work !== null) this.#byClaim.set(keyOf(transaction.work.claimId), added)
    let lane = this.#bySender.get(transaction.sender)
    if (lane === undefined) {
      lane = new Map()
      this.#bySender.set(transaction.sender, lane)
    }
    lane.set(transaction.nonce, added)
    this.#highest.add(added)
    this.#lowest.add(added)
    this.#bytes += transaction.bytes.length
  }

  pop(): Pooled | undefined {
    const top = this.#highest.top
    return top === undefined ? undefined : this.remove(top.transaction.id)
  }

  remove(id: Hash): Pooled | undefined {
    const item = this.get(id)
    if (item === undefined) return undefined
    const { transaction } = item
    this.#byId.delete(transaction.idKey)
    if (transaction.work !== null) this.#byClaim.delete(keyOf(transaction.work.claimId))
    const lane = this.#bySender.get(transaction.sender)
    lane?.delete(transaction.nonce)
    if (lane?.size === 0) this.#bySender.delete(transaction.sender)
    this.#highest.remove(item)
    this.#lowest.remove(item)
    this.#bytes -= transaction.bytes.length
    assert(this.#highest.size === this.#byId.size && this.#lowest.size === this.#byId.size, 'the mempool indices disagree')
    return item
  }
}
