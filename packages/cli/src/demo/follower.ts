/**
 * Watches a network from outside: what is committed, and who leads. Reads from whichever validator is up and furthest.
 */
import { DEFAULT_PARAMETERS } from '@aethel/ledger'
import type { NodeStatus } from '../answers.js'
import type { ValidatorProcess } from '../processes.js'

export interface FollowerEvents {
  committed(transactionIds: readonly string[], height: number): void
  viewChanged(view: number, leader: number): void
}

/** As many blocks as a validator may be ahead of the newest that is final. */
const FAR_BEHIND = DEFAULT_PARAMETERS.window

export class Follower {
  readonly #validators: readonly ValidatorProcess[]
  readonly #events: FollowerEvents
  /** What each said last, by index. */
  #heights: (number | undefined)[] = []
  #height = 0
  #view = 0

  constructor(validators: readonly ValidatorProcess[], events: FollowerEvents) {
    this.#validators = validators
    this.#events = events
  }

  /** Newest height that was read. */
  get height(): number {
    return this.#height
  }

  /** Highest view seen: that many leaders were left behind. */
  get view(): number {
    return this.#view
  }

  /** Whether it lacks more than a window of what is final, by what it said last; who gave no answer lacks all of it. */
  isBehind(index: number): boolean {
    return (this.#heights[index] ?? 0) + FAR_BEHIND < this.#height
  }

  /** Reads all that is new; a validator that goes away meanwhile is tried again the next time. */
  async poll(): Promise<void> {
    const statuses = await this.statuses()
    this.#heights = []
    for (const { index, height } of statuses) if (index !== null) this.#heights[index] = height
    const furthest = statuses.reduce<NodeStatus | null>(
      (best, status) => (best === null || status.height > best.height ? status : best),
      null,
    )
    for (const status of statuses) {
      if (status.view <= this.#view || status.phase !== 'active') continue
      this.#view = status.view
      this.#events.viewChanged(status.view, status.leader)
    }
    if (furthest === null) return
    const client = furthest.index === null ? undefined : this.#validators[furthest.index]?.client
    if (client === undefined) return
    while (this.#height < furthest.height) {
      const ids = await client.transactionIds(this.#height + 1).catch(() => null)
      if (ids === null) return
      this.#height++
      this.#events.committed(ids, this.#height)
    }
  }

  /** Of the validators that answer. */
  async statuses(): Promise<NodeStatus[]> {
    const running = this.#validators.filter((validator) => validator.running)
    const statuses = await Promise.all(running.map((validator) => validator.client.status().catch(() => null)))
    return statuses.filter((status) => status !== null)
  }

  /** The leader of the highest view anybody is in. */
  async leader(): Promise<number> {
    const statuses = await this.statuses()
    return statuses.toSorted((a, b) => b.view - a.view)[0]?.leader ?? 0
  }
}
