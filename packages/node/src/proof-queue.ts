/** Proofs that wait for a thread: those of blocks first, then the mempool's, each in the order of arrival; what comes back goes first. */
import type { VerificationJob } from '@aethel/replica'

export interface Waiting {
  /** `keyOf` the work. */
  readonly key: string
  readonly job: VerificationJob
  /** A thread was lost while at it: it goes alone, and is aborted if that happens again. */
  readonly suspect: boolean
}

export class JobQueue {
  /** Handed back by a thread, in order; few. */
  readonly #back = { block: [] as Waiting[], mempool: [] as Waiting[] }
  readonly #block = new Map<string, Waiting>()
  readonly #mempool = new Map<string, Waiting>()

  get size(): number {
    return this.#back.block.length + this.#back.mempool.length + this.#block.size + this.#mempool.size
  }

  get blockWaits(): boolean {
    return this.#back.block.length + this.#block.size > 0
  }

  /** What waits already keeps its place, or moves up if this is for a block. */
  add(key: string, job: VerificationJob): void {
    if (this.#has(key)) {
      if (job.priority === 'block') this.hasten(key)
      return
    }
    this.#mapOf(job).set(key, { key, job, suspect: false })
  }

  /** `trusted`: no suspects, of which there are few. */
  peek(among: 'all' | 'trusted' = 'all'): Waiting | undefined {
    const may = (waiting: Waiting): boolean => among === 'all' || !waiting.suspect
    const { block, mempool } = this.#back
    return block.find(may) ?? first(this.#block, may) ?? mempool.find(may) ?? first(this.#mempool, may)
  }

  /** Takes what `peek` answered. */
  take(waiting: Waiting): void {
    this.remove(waiting.key)
  }

  /** Before everything else of their priority, in this order. */
  putBack(jobs: readonly Waiting[]): void {
    for (const waiting of jobs.toReversed()) this.#back[waiting.job.priority].unshift(waiting)
  }

  /** Block validation needs it. */
  hasten(key: string): void {
    const waiting = this.#mempool.get(key) ?? this.#back.mempool.find((each) => each.key === key)
    if (waiting === undefined) return
    this.remove(key)
    this.#block.set(key, { ...waiting, job: { ...waiting.job, priority: 'block' } })
  }

  remove(key: string): void {
    if (this.#block.delete(key) || this.#mempool.delete(key)) return
    for (const list of [this.#back.block, this.#back.mempool]) {
      const at = list.findIndex((waiting) => waiting.key === key)
      if (at >= 0) list.splice(at, 1)
    }
  }

  #has(key: string): boolean {
    const isBack = (list: readonly Waiting[]): boolean => list.some((waiting) => waiting.key === key)
    return this.#block.has(key) || this.#mempool.has(key) || isBack(this.#back.block) || isBack(this.#back.mempool)
  }

  #mapOf(job: VerificationJob): Map<string, Waiting> {
    return job.priority === 'block' ? this.#block : this.#mempool
  }
}

function first(map: ReadonlyMap<string, Waiting>, may: (waiting: Waiting) => boolean): Waiting | undefined {
  for (const waiting of map.values()) if (may(waiting)) return waiting
  return undefined
}
