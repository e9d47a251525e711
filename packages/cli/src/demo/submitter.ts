/**
 * Brings signed transactions to finality through the HTTP API of several validators, some of which may be down: in order,
 * in batches, with a bounded number under way. What a validator took with it when it died is sent again to another.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { encode } from '@aethel/codec'
import type { SubmissionOutcome } from '../answers.js'
import { sendBlob } from '../blob-upload.js'
import { CliError, EXIT } from '../exit.js'
import type { ValidatorProcess } from '../processes.js'
import type { Item } from './corpus.js'

const BATCH_ITEMS = 128
const BATCH_BYTES = 2 * 1024 * 1024
/** Under way at once; the validators' mempools hold several times as many. */
const MOST_OUTSTANDING = 2_048
const ADMISSION_TIMEOUT_MS = 20_000
/** Not final after this long: sent again, to whichever validator is next. Sending twice is harmless. */
const RESEND_AFTER_MS = 6_000
const IDLE_MS = 10
const DOWN_MS = 300

/** Sent again this soon where a validator was down or said "not now". */
const RETRY_AFTER_MS = 300

/** Refusals that say "not now". */
const NOT_NOW: readonly string[] = ['mempool-full', 'sender-quota', 'evicted', 'verification-aborted', 'citation-unknown', 'timeout']
/** Refusals that say "this is known here already": the chain will say when it is final. */
const KNOWN: readonly string[] = ['known-transaction', 'duplicate-pending', 'nonce-pending', 'nonce-used', 'duplicate-claim']

type Stage = 'queued' | 'sending' | 'sent' | 'final'

interface Tracked {
  readonly item: Item
  stage: Stage
  sentMs: number
}

export interface Submitter {
  /** Sends until everything is final; rejects if a validator refuses for good. */
  run(): Promise<void>
  /** What the chain says: called for each transaction in a committed block. */
  markFinal(id: string): void
  readonly finalCount: number
  /** Everything before this position is final. */
  readonly finalPrefix: number
  /** Only the first `count` may be sent until the next call; without a call, all. */
  holdAfter(count: number): void
  stop(): void
}

/** `isBehind`: whether a validator is so far behind the others that what it is given waits until it has caught up. */
export function createSubmitter(
  validators: readonly ValidatorProcess[],
  items: readonly Item[],
  isBehind: (validator: ValidatorProcess) => boolean,
): Submitter {
  return new BatchSubmitter(validators, items, isBehind)
}

class BatchSubmitter implements Submitter {
  readonly #validators: readonly ValidatorProcess[]
  readonly #isBehind: (validator: ValidatorProcess) => boolean
  readonly #tracked: readonly Tracked[]
  readonly #byId = new Map<string, Tracked>()
  #finalCount = 0
  #finalPrefix = 0
  /** Everything before this position has been sent at least once. */
  #next = 0
  #outstanding = 0
  #stopped = false
  #limit: number

  constructor(validators: readonly ValidatorProcess[], items: readonly Item[], isBehind: (validator: ValidatorProcess) => boolean) {
    this.#validators = validators
    this.#isBehind = isBehind
    this.#limit = items.length
    this.#tracked = items.map((item) => ({ item, stage: 'queued', sentMs: 0 }))
    for (const tracked of this.#tracked) this.#byId.set(tracked.item.id, tracked)
  }

  get finalCount(): number {
    return this.#finalCount
  }

  get finalPrefix(): number {
    return this.#finalPrefix
  }

  holdAfter(count: number): void {
    this.#limit = Math.min(count, this.#tracked.length)
  }

  stop(): void {
    this.#stopped = true
  }

  markFinal(id: string): void {
    const tracked = this.#byId.get(id)
    if (tracked === undefined || tracked.stage === 'final') return
    if (tracked.stage === 'sent' || tracked.stage === 'sending') this.#outstanding--
    tracked.stage = 'final'
    this.#finalCount++
    while (this.#tracked[this.#finalPrefix]?.stage === 'final') this.#finalPrefix++
  }

  async run(): Promise<void> {
    try {
      await Promise.all(this.#validators.map((validator) => this.#lane(validator)))
    } finally {
      this.#stopped = true
    }
  }

  /** One batch at a time to one validator, as long as it is up and keeps up: later theorems cite what would wait there. */
  async #lane(validator: ValidatorProcess): Promise<void> {
    while (!this.#stopped && this.#finalCount < this.#tracked.length) {
      const batch = validator.running && !this.#isBehind(validator) ? this.#take() : []
      if (batch.length === 0) {
        await sleep(IDLE_MS)
        continue
      }
      const outcomes = await this.#send(validator, batch)
      if (outcomes === null) await sleep(DOWN_MS)
    }
  }

  #take(): Tracked[] {
    const batch: Tracked[] = []
    let bytes = 0
    const add = (tracked: Tracked): boolean => {
      const { item } = tracked
      const added = item.bytes.length + (item.blob?.ref.bytes ?? 0)
      if (batch.length >= BATCH_ITEMS || (batch.length > 0 && bytes + added > BATCH_BYTES)) return false
      bytes += added
      batch.push(tracked)
      return true
    }
    const stale = Date.now() - RESEND_AFTER_MS
    for (let at = this.#finalPrefix; at < this.#next; at++) {
      const tracked = this.#tracked[at] as Tracked
      if (tracked.stage === 'sent' && tracked.sentMs < stale && !add(tracked)) break
    }
    while (this.#next < this.#limit && this.#outstanding + batch.length < MOST_OUTSTANDING) {
      const tracked = this.#tracked[this.#next] as Tracked
      if (tracked.stage !== 'final' && !add(tracked)) break
      this.#next++
    }
    for (const tracked of batch) {
      if (tracked.stage === 'queued') this.#outstanding++
      tracked.stage = 'sending'
      tracked.sentMs = Date.now()
    }
    return batch
  }

  async #send(validator: ValidatorProcess, batch: readonly Tracked[]): Promise<readonly SubmissionOutcome[] | null> {
    const bytes = encode((writer) => writer.list(batch, (w, tracked) => w.bytes(tracked.item.bytes)))
    let outcomes: readonly SubmissionOutcome[] | null = null
    try {
      for (const { item } of batch) if (item.blob !== null) await sendBlob(validator.client, item.blob)
      outcomes = await validator.client.submitBatch(bytes, 'admitted', ADMISSION_TIMEOUT_MS)
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode === EXIT.usage) throw error
    }
    for (const [index, tracked] of batch.entries()) {
      if (tracked.stage === 'sending') this.#settle(tracked, outcomes?.[index])
    }
    return outcomes
  }

  /** What was answered; undefined: nothing, the validator is down. Everything stays under way until the chain has it. */
  #settle(tracked: Tracked, outcome: SubmissionOutcome | undefined): void {
    const code = outcome?.status === 'refused' ? (outcome.code ?? 'refused') : null
    if (code !== null && !NOT_NOW.includes(code) && !KNOWN.includes(code)) {
      throw new CliError(EXIT.internal, code, `${tracked.item.name} is a valid proof, but was refused (${code}): ${outcome?.message}`)
    }
    const again = outcome === undefined || (code !== null && NOT_NOW.includes(code))
    tracked.stage = 'sent'
    if (again) tracked.sentMs = Date.now() - RESEND_AFTER_MS + RETRY_AFTER_MS
  }
}
