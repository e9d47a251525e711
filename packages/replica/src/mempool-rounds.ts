/**
 * Going round the mempool, oldest first, some of it at every status tick: what is sent again because a peer may have missed it, and what
 * is looked at again because it may have become impossible in ways that no commit told of. Each round has a place where it has got to.
 */
import type { Transaction } from './application.js'
import type { Mempool, Pooled } from './mempool.js'

interface GossipBound {
  readonly transactions: number
  readonly bytes: number
}

/** Sent again per status tick, of what has waited for a whole tick. */
const REGOSSIP_PER_TICK: GossipBound = { transactions: 64, bytes: 1 << 20 }
/** Sent to a peer that has just connected: the oldest. */
const GOSSIP_ON_CONNECT: GossipBound = { transactions: 1024, bytes: 4 << 20 }

export class MempoolRounds {
  readonly #mempool: Mempool
  /** Null: at the beginning. */
  #sweeping: Iterator<Pooled> | null = null
  #gossiping: Iterator<Pooled> | null = null
  #arrivalsAtTick = 0

  constructor(mempool: Mempool) {
    this.#mempool = mempool
  }

  /** The next `most`, each of which may be taken out before the next is asked for. */
  *sweep(most: number): Iterable<Pooled> {
    this.#sweeping ??= this.#mempool.oldestFirst()
    for (let count = 0; count < most; count++) {
      const next = this.#sweeping.next()
      if (next.done === true) {
        this.#sweeping = null
        return
      }
      yield next.value
    }
  }

  /** Once per status tick. */
  regossip(): Transaction[] {
    this.#gossiping ??= this.#mempool.oldestFirst()
    const { transactions, isOver } = gather(this.#gossiping, REGOSSIP_PER_TICK, this.#arrivalsAtTick)
    if (isOver) this.#gossiping = null
    this.#arrivalsAtTick = this.#mempool.arrivals
    return transactions
  }

  oldest(): Transaction[] {
    return gather(this.#mempool.oldestFirst(), GOSSIP_ON_CONNECT, this.#mempool.arrivals).transactions
  }
}

/** What comes next and arrived before `arrivals`; over: there was no more of it. */
function gather(items: Iterator<Pooled>, bound: GossipBound, arrivals: number): { transactions: Transaction[]; isOver: boolean } {
  const transactions: Transaction[] = []
  let bytes = 0
  while (transactions.length < bound.transactions && bytes < bound.bytes) {
    const next = items.next()
    if (next.done === true || next.value.arrival >= arrivals) return { transactions, isOver: true }
    transactions.push(next.value.transaction)
    bytes += next.value.transaction.bytes.length
  }
  return { transactions, isOver: false }
}
