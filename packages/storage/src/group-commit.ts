/**
 * Group commit: one synced batch is in flight, and the next takes with it everything queued meanwhile. What was appended becomes durable
 * in order, and its callback runs when it is: after the write, the sync, and the note of a new log (`newest-log.ts`), never before.
 *
 * A failed write poisons the store: nothing is retried on the same files (trap C3), no later callback runs, and `onFailure` is told once.
 * That holds for the clearings beside the batches too: half a record may be left of one in the log, and what is written behind it is not
 * read again after a restart.
 */
import { type StoreError, writeError } from './errors.js'
import type { KeyRange } from './keys.js'
import type { Level } from './level.js'
import type { NewestLog } from './newest-log.js'
import type { SealedBatch } from './sealed-batch.js'

export interface BatchListeners {
  /** Called once, with the reason, when a write has failed; the store accepts nothing afterwards. */
  readonly onFailure?: (error: StoreError) => void
  /** Called after each durable batch, for metrics. */
  readonly onBatch?: (batch: { readonly milliseconds: number; readonly operations: number; readonly groups: number }) => void
}

/** Whose records the batches hold. A mark is what the owner wants to know again of a batch once it is durable. */
export interface BatchOwner<Mark> {
  /** No more comes into this batch: the moment to put what each one ends with. */
  endBatch(): Mark
  /** It is on disk, and nobody was told yet. */
  onDurable(mark: Mark): void
  /** Everybody who waited for it was told. */
  onAnnounced(mark: Mark): void
}

export interface GroupCommitOptions<Mark> {
  readonly level: Level
  /** Of the same level. */
  readonly newestLog: NewestLog
  /** Gathers what goes into the next batch. */
  readonly queue: SealedBatch
  readonly owner: BatchOwner<Mark>
  readonly listeners: BatchListeners
}

export class GroupCommit<Mark> {
  readonly #level: Level
  readonly #newestLog: NewestLog
  readonly #queue: SealedBatch
  readonly #owner: BatchOwner<Mark>
  readonly #listeners: BatchListeners
  #callbacks: (() => void)[] = []
  #inFlight: Promise<void> | null = null
  #failure: StoreError | null = null
  /** Those announced as superfluous, one after the other. */
  #clearing: Promise<void> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor({ level, newestLog, queue, owner, listeners }: GroupCommitOptions<Mark>) {
    this.#level = level
    this.#newestLog = newestLog
    this.#queue = queue
    this.#owner = owner
    this.#listeners = listeners
  }

  /** Neither failed nor closing: what is queued will be written. */
  get isOpen(): boolean {
    return this.#failure === null && this.#closing === null
  }

  /** Everything that lies in the queue is to be written; `onDurable` runs when it is. */
  append(onDurable: () => void): void {
    if (!this.isOpen) return
    this.#callbacks.push(onDurable)
    if (this.#inFlight === null) this.#writeBatch()
  }

  /** Callbacks are running: the batch for what was appended meanwhile is begun when all have, in this turn. */
  get #isAnnouncing(): boolean {
    return this.#inFlight === null && this.#callbacks.length > 0
  }

  #writeBatch(): void {
    const mark = this.#owner.endBatch()
    const batch = this.#queue.take()
    const operations = batch?.length ?? 0
    const callbacks = this.#callbacks
    this.#callbacks = []
    const begun = performance.now()
    const write = batch === null ? Promise.resolve() : batch.write({ sync: true }).then(() => this.#newestLog.afterBatch())
    this.#inFlight = write.then(
      () => {
        this.#inFlight = null
        if (this.#failure !== null) return
        this.#owner.onDurable(mark)
        this.#listeners.onBatch?.({ milliseconds: performance.now() - begun, operations, groups: callbacks.length })
        for (const callback of callbacks) callback()
        this.#owner.onAnnounced(mark)
        if (this.#inFlight === null && this.#callbacks.length > 0 && this.#failure === null) this.#writeBatch()
      },
      (error: unknown) => {
        this.#inFlight = null
        this.#fail(error)
      },
    )
  }

  /** What the store has failed with, for the first time now or before. */
  #fail(error: unknown): StoreError {
    if (this.#failure !== null) return this.#failure
    const failure = writeError(error)
    this.#failure = failure
    this.#queue.take()
    this.#callbacks = []
    this.#listeners.onFailure?.(failure)
    return failure
  }

  /** At leisure: nobody reads it any more, and what a crash leaves of it is cleared at the next start. */
  clearLater(range: KeyRange): void {
    this.#clearing = this.#clearing.then(async () => {
      if (this.#failure === null) await this.#clear(range).catch((error: unknown) => this.#fail(error))
    })
  }

  /** At the start, before anything is appended. Throws a `StoreError`, and then the store has failed. */
  async clear(range: KeyRange): Promise<void> {
    try {
      await this.#clear(range)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #clear(range: KeyRange): Promise<void> {
    return this.#newestLog.beside(() => this.#level.clear(range))
  }

  /** Resolves when everything appended so far is durable; rejects if a write has failed. */
  async flushed(): Promise<void> {
    if (this.#isAnnouncing) await null
    while (this.#inFlight !== null) await this.#inFlight
    if (this.#failure !== null) throw this.#failure
  }

  /** Writes what is queued, then closes the level and the log. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      if (this.#isAnnouncing) await null
      while (this.#inFlight !== null) await this.#inFlight
      await this.#clearing
      await this.#level.close()
      this.#newestLog.close()
    })()
    return this.#closing
  }
}
