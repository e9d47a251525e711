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
/**
 * Sent again to everybody 1, 2, 4 and 8 ticks after the first time, and then every eighth: who has not got it by then will not get it for being
 * told more often, and a line that is narrow has other things to carry.
 */
const MAX_GAP_TICKS = 8
/** Who is far behind keeps its line for what brings it on: every so many ticks it sends so little again, and to who connects no more. */
const BEHIND_TICKS = 16
const REGOSSIP_BEHIND: GossipBound = { transactions: 8, bytes: 64 << 10 }
/** Sent to a peer that has just connected: the oldest. */
const GOSSIP_ON_CONNECT: GossipBound = { transactions: 1024, bytes: 4 << 20 }
/** Looked at again per tick, over the citations of as many transactions as hold them: each may have thousands, and each is asked for. */
const SWEPT_CITATIONS = 32_768

export class MempoolRounds {
  readonly #mempool: Mempool
  /** Null: at the beginning. */
  #sweeping: Iterator<Pooled> | null = null
  #gossiping: Iterator<Pooled> | null = null
  #arrivalsAtTick = 0
  #tick = 0
  /** In ticks: when it was first sent again, and when that is due the next time. */
  readonly #sent = new WeakMap<Pooled, { readonly since: number; readonly due: number }>()

  constructor(mempool: Mempool) {
    this.#mempool = mempool
  }

  /** The next `most`, or fewer that cite much, each of which may be taken out before the next is asked for. */
  *sweep(most: number): Iterable<Pooled> {
    this.#sweeping ??= this.#mempool.oldestFirst()
    for (let count = 0, cites = 0; count < most && cites < SWEPT_CITATIONS; count++) {
      const next = this.#sweeping.next()
      if (next.done === true) {
        this.#sweeping = null
        return
      }
      cites += next.value.transaction.work?.cites.length ?? 0
      yield next.value
    }
  }

  /**
   * Once per status tick. `to`: whether it goes to everybody, or to some in turn; then it is not spaced out, for whoever has its turn in between
   * might never get it.
   */
  regossip(to: 'all' | 'some', isFarBehind: boolean): Transaction[] {
    this.#tick++
    const arrivals = this.#arrivalsAtTick
    this.#arrivalsAtTick = this.#mempool.arrivals
    if (isFarBehind && to === 'all' && this.#tick % BEHIND_TICKS !== 0) return []
    this.#gossiping ??= this.#mempool.oldestFirst()
    const isDue = (item: Pooled): boolean => to === 'some' || (this.#sent.get(item)?.due ?? 0) <= this.#tick
    const { items, isOver } = gather(this.#gossiping, isFarBehind ? REGOSSIP_BEHIND : REGOSSIP_PER_TICK, arrivals, isDue)
    if (isOver) this.#gossiping = null
    for (const item of items) this.#noteSent(item)
    return items.map(({ transaction }) => transaction)
  }

  #noteSent(item: Pooled): void {
    const since = this.#sent.get(item)?.since ?? this.#tick
    this.#sent.set(item, { since, due: this.#tick + Math.min(MAX_GAP_TICKS, Math.max(1, this.#tick - since)) })
  }

  oldest(): Transaction[] {
    return this.#oldestThat(GOSSIP_ON_CONNECT, () => true)
  }

  /** Of those that clients brought here, few: somebody who can order them has to hear of them, however far behind we are. */
  oldestOfClients(): Transaction[] {
    return this.#oldestThat(REGOSSIP_BEHIND, ({ from }) => from === 'client')
  }

  #oldestThat(bound: GossipBound, isMeant: (item: Pooled) => boolean): Transaction[] {
    const { items } = gather(this.#mempool.oldestFirst(), bound, this.#mempool.arrivals, isMeant)
    return items.map(({ transaction }) => transaction)
  }
}

/** What comes next, is due, and arrived before `arrivals`; over: there was no more of it. */
function gather(
  from: Iterator<Pooled>,
  bound: GossipBound,
  arrivals: number,
  isDue: (item: Pooled) => boolean,
): { items: Pooled[]; isOver: boolean } {
  const transactions: Pooled[] = []
  let bytes = 0
  while (transactions.length < bound.transactions && bytes < bound.bytes) {
    const next = from.next()
    if (next.done === true || next.value.arrival >= arrivals) return { items: transactions, isOver: true }
    if (!isDue(next.value)) continue
    transactions.push(next.value)
    bytes += next.value.transaction.bytes.length
  }
  return { items: transactions, isOver: false }
}
