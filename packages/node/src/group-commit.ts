/**
 * Group commit: what the replica orders in one turn of the event loop is one write to the disk, and whatever promises something leaves when
 * all that was ordered before it is durable, in its order (docs/protocol.md §5). A committed block that nobody waits for lingers
 * a little: the next votes go into the same write.
 */
import type { Store, StoreRecord } from '@aethel/storage'

/** How long, and how many, committed blocks wait for something else to be written with. */
const LINGER_MS = 5
const MAX_LINGERING = 64

interface Group {
  readonly records: StoreRecord[]
  /** So many more lie in the store's next batch already: put there while nobody waited. */
  staged: number
  readonly releases: (() => void)[]
  /** Something waits for it: a vote to be sent, an answer to be given. */
  isUrgent: boolean
}

/** A group that the disk has not confirmed. */
interface OpenGroup extends Group {
  readonly sinceMs: number
}

export interface GroupCommitOptions {
  readonly store: Pick<Store, 'stage' | 'append'>
  /** Runs what is released, as a step of the driver: after a failure nothing is carried out. */
  guarded(work: () => void): void
  /** Whether somebody waits for what is lingering. */
  isAwaited(): boolean
  /** What is written along with anything, and after it: nothing waits for these. */
  alongside(): readonly StoreRecord[]
  /** Something was released, or may have been before: it goes out. */
  onReleased(): void
  /** A flush is due soon. */
  onDue(): void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #group: Group = newGroup()
  /** Set while a group that nobody waits for gathers more. */
  #linger: NodeJS.Timeout | null = null
  /** Handed to the disk, oldest first. */
  readonly #inFlight: OpenGroup[] = []

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** How long the oldest write has been under way, in milliseconds; 0: none is. */
  openWriteMs(now: number): number {
    return this.#inFlight[0] === undefined ? 0 : now - this.#inFlight[0].sinceMs
  }

  /** At the next flush. */
  write(...records: readonly StoreRecord[]): void {
    this.#group.records.push(...records)
    this.#group.isUrgent = true
  }

  /** At the next flush that something else calls for, or after a while. */
  writeInPassing(record: StoreRecord): void {
    this.#group.records.push(record)
  }

  /** Carried out once all that was written so far is durable. */
  whenDurable(action: () => void): void {
    this.#group.releases.push(action)
  }

  /** Now, if nothing is waiting for the disk; otherwise in its place in the queue. */
  release(action: () => void): void {
    const { records, staged, releases } = this.#group
    if (records.length + staged > 0 || releases.length > 0) {
      releases.push(action)
      this.#group.isUrgent = true
    } else if (this.#inFlight.length > 0) this.#inFlight.at(-1)?.releases.push(action)
    else action()
  }

  flush(): void {
    const group = this.#group
    const { store, guarded, alongside, onReleased } = this.#options
    if (this.#mayLinger(group)) {
      store.stage(group.records)
      group.staged += group.records.length
      group.records.length = 0
      this.#linger ??= setTimeout(() => {
        this.#group.isUrgent = true
        this.#options.onDue()
      }, LINGER_MS)
      return onReleased()
    }
    this.stopLingering()
    if (group.records.length + group.staged > 0) for (const record of alongside()) group.records.push(record)
    if (group.records.length + group.staged > 0 || group.releases.length > 0) {
      this.#group = newGroup()
      this.#inFlight.push({ ...group, sinceMs: performance.now() })
      store.append(group.records, () => {
        this.#inFlight.shift()
        guarded(() => {
          for (const release of group.releases) release()
          onReleased()
        })
      })
    }
    onReleased()
  }

  /** Whatever lingers, too. */
  flushAll(): void {
    this.#group.isUrgent = true
    this.flush()
  }

  stopLingering(): void {
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#linger = null
  }

  /** A block that is committed waits for the votes on the next, or for whoever wants to read it: one write for both. */
  #mayLinger({ records, staged, isUrgent }: Group): boolean {
    const count = records.length + staged
    return !isUrgent && count > 0 && count < MAX_LINGERING && !this.#options.isAwaited()
  }
}

function newGroup(): Group {
  return { records: [], staged: 0, releases: [], isUrgent: false }
}
