/**
 * Brings the transactions of one account to a validator and waits until they are final. Nonces are consecutive, and a refused transaction
 * uses none up: what was signed with later ones would wait for ever, so an empty note is sent in its place. A nonce that another command
 * of the same account was quicker to use is replaced by the next free one. Finality is asked for again and again, in short requests: no
 * connection has to stay open for minutes, and a validator that does not answer for a while, because it is restarted, is asked again:
 * what it took may well become final meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EMPTY_BYTES, encode, type Hash, toHex } from '@aethel/codec'
import type { SigningKey } from '@aethel/crypto'
import type { Action } from '@aethel/ledger'
import { Account } from './accounts.js'
import type { SubmissionOutcome } from './answers.js'
import type { Client, Wait } from './client.js'
import type { CliError } from './exit.js'
import { isUnreachable, type Patience, RETRY_MS } from './patience.js'

/** Transactions and bytes per request, below the API's bounds of 4,096 and 16 MiB; the largest transaction has 7 MiB. */
const BATCH = 256
const BATCH_BYTES: number = 8 * 1024 * 1024
/** Longest wait for an admission in one request. */
const ADMISSION_MS = 60_000
const POLL_MS = 50
/** If nothing becomes final for so long, an earlier nonce may be missing. */
const STUCK_MS = 10_000

/** Refusals that say "not now". */
const NOT_NOW: readonly string[] = [
  'mempool-full',
  'sender-quota',
  'evicted',
  'verification-aborted',
  'citation-unknown',
  'duplicate-pending', // it will be final, or fall out of the pool
]
/** The nonce is used, in a block that the validator does not have: of a transaction sent before, it may be its own. */
const PERHAPS_FINAL = 'perhaps-final'
const NONCE_TAKEN: readonly string[] = ['nonce-pending', 'nonce-used', PERHAPS_FINAL]
/** It was sent, and the validator answers no more. */
export const UNANSWERED = 'unanswered'
const NOTE: Action = { type: 'note', data: EMPTY_BYTES }

interface Sent {
  /** Into the actions; null: a note in the place of one that was refused. */
  readonly index: number | null
  readonly nonce: number
  readonly id: string
  readonly bytes: Uint8Array
}

/** What is under way of one call. */
interface Task {
  readonly actions: readonly Action[]
  readonly outcomes: (SubmissionOutcome | undefined)[]
  /** Not with the validator. */
  unsent: number[]
  /** With the validator and not final yet, by nonce. */
  readonly open: Sent[]
  /** Why it was not taken, for those in `unsent` that have been refused for now. */
  readonly notNow: Map<number, SubmissionOutcome>
  retryAtMs: number
  /** The validator has answered about something that was sent. */
  heard: boolean
  /** Why the last request had no answer. */
  trouble: CliError | null
}

export class Sender {
  readonly #client: Client
  readonly #key: SigningKey
  readonly #chainId: Hash
  readonly #patience: Patience
  /** Next nonce that nobody is known to use; null: to be asked for. */
  #next: number | null = null
  /** Nonces of refused transactions, in order. */
  #freed: number[] = []
  /** Highest nonces that the validator has taken, in order. */
  readonly #taken: number[] = []

  constructor(client: Client, key: SigningKey, chainId: Hash, patience: Patience) {
    this.#client = client
    this.#key = key
    this.#chainId = chainId
    this.#patience = patience
  }

  /** What became of each action, in order, after at most so long. */
  async send(actions: readonly Action[], wait: Wait, timeoutMs: number): Promise<SubmissionOutcome[]> {
    const deadline = Date.now() + timeoutMs
    const task: Task = {
      actions,
      outcomes: new Array(actions.length),
      unsent: [...actions.keys()],
      open: [],
      notNow: new Map(),
      retryAtMs: 0,
      heard: false,
      trouble: null,
    }
    await this.#bring(task, wait, deadline)
    const { trouble } = task
    const tooLate: SubmissionOutcome = {
      status: 'timeout',
      code: 'timeout',
      message: `not ${wait} within ${timeoutMs} ms; ask for its status later`,
    }
    const unanswered =
      trouble === null ? tooLate : { ...tooLate, code: UNANSWERED, message: `perhaps final; ${trouble.message}, then submit again` }
    const unsent =
      trouble === null ? tooLate : { ...tooLate, code: trouble.code, message: `not sent; ${trouble.message}, then submit again` }
    for (const { index, id } of task.open) {
      if (index === null || (wait !== 'final' && (trouble === null || task.outcomes[index]?.status !== 'timeout'))) continue
      task.outcomes[index] = { ...unanswered, id }
    }
    for (const index of task.unsent) task.outcomes[index] = { ...(task.notNow.get(index) ?? unsent), status: 'timeout' }
    return actions.map((_, index) => task.outcomes[index] ?? { status: 'unknown' })
  }

  /** Until all is as far as is waited for, or the time is over. */
  async #bring(task: Task, wait: Wait, deadline: number): Promise<void> {
    let progressAtMs = Date.now()
    while (task.unsent.length > 0 || this.#awaited(task, wait).length > 0 || this.#hole() !== undefined) {
      try {
        if (await this.#sendSome(task, wait, deadline)) continue
        if (Date.now() >= deadline) return
        const awaited = this.#awaited(task, wait)
        if (wait !== 'final' && awaited.length > 0) await this.#post(task, awaited, wait, deadline)
        else if (awaited.length > 0 && (await this.#settleFirst(task))) progressAtMs = Date.now()
        else if (Date.now() - progressAtMs >= STUCK_MS) {
          await this.#seekHole()
          progressAtMs = Date.now()
        } else await sleep(POLL_MS)
      } catch (error) {
        if (!isUnreachable(error)) throw error
        task.trouble = error
        if (Date.now() + RETRY_MS < deadline) await this.#patience.pause(error)
        else if (task.heard) return
        else throw error
      }
    }
  }

  /** With the validator, but not as far as is waited for. */
  #awaited(task: Task, wait: Wait): readonly Sent[] {
    if (wait === 'final') return task.open
    return task.open.filter(({ index }) => index !== null && task.outcomes[index]?.status === 'timeout').slice(0, BATCH)
  }

  /** A nonce that nobody uses, although something waits for it. */
  #hole(): number | undefined {
    const [lowest] = this.#freed
    return lowest !== undefined && lowest < (this.#taken.at(-1) ?? -1) ? lowest : undefined
  }

  /** Whether anything was sent. */
  async #sendSome(task: Task, wait: Wait, deadline: number): Promise<boolean> {
    const isTime = Date.now() >= task.retryAtMs
    if (!isTime) return false
    const hole = this.#hole()
    if (hole !== undefined) {
      this.#freed.shift()
      // What was refused for now may be refused for long.
      const fresh = task.unsent.find((index) => !task.notNow.has(index))
      task.unsent = task.unsent.filter((index) => index !== fresh)
      await this.#post(task, [this.#signed(task, fresh ?? null, hole)], wait, deadline)
      return true
    }
    if (task.unsent.length === 0 || (Date.now() >= deadline && task.notNow.size > 0)) return false
    let nonce = this.#freed[0] ?? this.#next ?? (await this.#pendingNonce())
    this.#freed = []
    const batch: Sent[] = []
    for (let bytes = 0; task.unsent[0] !== undefined && batch.length < BATCH; nonce++) {
      const sent = this.#signed(task, task.unsent[0], nonce)
      bytes += sent.bytes.length
      if (batch.length > 0 && bytes > BATCH_BYTES) break
      batch.push(sent)
      task.unsent.shift()
    }
    this.#next = nonce
    await this.#post(task, batch, wait, deadline)
    return true
  }

  #signed(task: Task, index: number | null, nonce: number): Sent {
    const action = index === null ? NOTE : (task.actions[index] as Action)
    return { index, nonce, ...new Account(this.#key, nonce).transaction(this.#chainId, action) }
  }

  async #pendingNonce(): Promise<number> {
    const { pending } = await this.#client.nonce(toHex(this.#key.publicKey))
    return Math.max(pending, (this.#taken.at(-1) ?? -1) + 1)
  }

  async #post(task: Task, batch: readonly Sent[], wait: Wait, deadline: number): Promise<void> {
    const encoded = encode((writer) => writer.list(batch, (w, { bytes }) => w.bytes(bytes)))
    const timeoutMs = Math.min(ADMISSION_MS, Math.max(0, Math.ceil(deadline - Date.now())))
    const results = await this.#client.submitBatch(encoded, wait === 'none' ? 'none' : 'admitted', timeoutMs).catch((error: unknown) => {
      // It may have come there: it is asked for, and said again, as it is.
      for (const sent of batch) this.#note(task, sent, { status: 'timeout', id: sent.id })
      throw error
    })
    task.heard = true
    this.#answered(task)
    for (const [at, sent] of batch.entries()) {
      const result = results[at] ?? { status: 'unknown' }
      const isRival = result.code === PERHAPS_FINAL && !task.open.includes(sent)
      this.#note(task, sent, isRival ? { ...result, status: 'refused' } : result)
    }
  }

  /** Takes down what a validator says of a transaction. */
  #note(task: Task, sent: Sent, outcome: SubmissionOutcome): void {
    const { index, nonce } = sent
    const refused = outcome.status === 'refused' || outcome.status === 'duplicate'
    remove(task.open, nonce, nonceOf)
    remove(this.#taken, nonce, itself)
    if (!refused) {
      insert(this.#taken, nonce, itself)
      if (outcome.status !== 'final' && outcome.status !== 'unknown') insert(task.open, sent, nonceOf)
      if (index !== null) task.outcomes[index] = outcome
      return
    }
    const taken = NONCE_TAKEN.includes(outcome.code ?? '')
    if (taken) this.#next = null
    else insert(this.#freed, nonce, itself)
    if (index !== null && !taken && !NOT_NOW.includes(outcome.code ?? '')) {
      task.outcomes[index] = outcome
      return
    }
    task.retryAtMs = Date.now() + (taken ? POLL_MS : RETRY_MS)
    if (index === null) return
    insert(task.unsent, index, itself)
    task.outcomes[index] = undefined
    task.notNow.set(index, outcome)
  }

  #answered(task: Task): void {
    task.trouble = null
    this.#patience.over()
  }

  /** Asks for the one with the lowest nonce, which becomes final first; whether there was news. */
  async #settleFirst(task: Task): Promise<boolean> {
    const [first] = task.open
    if (first === undefined) return false
    const outcome = await this.#client.transaction(first.id)
    this.#answered(task)
    if (outcome.status === 'unknown') {
      // The validator has been restarted, perhaps: the same bytes again.
      const encoded = encode((writer) => writer.list([first], (w, { bytes }) => w.bytes(bytes)))
      const [again] = await this.#client.submitBatch(encoded, 'admitted', ADMISSION_MS)
      if (again === undefined || again.status === 'pending' || again.status === 'waiting' || again.status === 'timeout') return false
      this.#note(task, first, again)
      return true
    }
    if (outcome.status === 'pending' || outcome.status === 'waiting') return false
    this.#note(task, first, outcome)
    return true
  }

  /** Another command of this account, ended before it could, may have left a nonce out. */
  async #seekHole(): Promise<void> {
    const { pending } = await this.#client.nonce(toHex(this.#key.publicKey))
    if (!this.#taken.includes(pending) && !this.#freed.includes(pending)) insert(this.#freed, pending, itself)
  }
}

const itself = (value: number): number => value
const nonceOf = ({ nonce }: Sent): number => nonce

/** Into a list in the order of its keys. */
function insert<T>(sorted: T[], value: T, keyOf: (value: T) => number): void {
  sorted.splice(placeOf(sorted, keyOf(value), keyOf), 0, value)
}

function remove<T>(sorted: T[], key: number, keyOf: (value: T) => number): void {
  const at = placeOf(sorted, key, keyOf)
  const value = sorted[at]
  if (value !== undefined && keyOf(value) === key) sorted.splice(at, 1)
}

/** Of the first that does not come before the key. */
function placeOf<T>(sorted: readonly T[], key: number, keyOf: (value: T) => number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyOf(sorted[middle] as T) < key) low = middle + 1
    else high = middle
  }
  return low
}
