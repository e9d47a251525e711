/** Honest clients: one transaction outstanding each, the same bytes submitted again, anywhere, until they are final. */
import { keyOf } from '@aethel/codec'
import type { Random } from './random.js'
import { encodeTally, TALLY_ACCOUNTS, type WorkKind } from './tally-machine.js'

/** As many transactions as clients come to submit before the world heals. */
export const OPEN_ENDED: number = Number.MAX_SAFE_INTEGER
const RETRY_MS = 1_000
const CLIENTS = 4
/** Besides, clients submit work that does not verify, this often. */
const FALSE_WORK_RATE = 0.1
/** On chains with blobs. */
const BLOB_RATE = 0.4
/** Latencies kept for percentiles; beyond, every other one replaces an old one. */
const MAX_LATENCIES = 100_000

export interface Submission {
  readonly bytes: Uint8Array
  /** To whom: an index below the number of validators. */
  readonly to: number
  readonly nextInMs: number
}

interface Client {
  readonly account: number
  nonce: number
  current: Uint8Array | null
  sinceMs: number
}

export class Clients {
  readonly #random: Random
  /** Null: no proofs travel as blobs. Of a stream of its own: without blobs runs stay what they were. */
  readonly #blobs: Random | null
  readonly #validators: number
  readonly #thinkMs: number
  readonly #clients: Client[]
  /** By `keyOf` the transaction. */
  readonly #waiting = new Map<string, Client>()
  /** Ends when the world heals, if the run is open-ended. */
  #most: number
  submitted = 0
  /** Virtual time from first submission to first commit. */
  readonly latenciesMs: number[] = []
  #measured = 0

  constructor(
    random: Random,
    options: { readonly validators: number; readonly transactions: number; readonly thinkMs: number; readonly blobs: Random | null },
  ) {
    this.#random = random
    this.#blobs = options.blobs
    this.#validators = options.validators
    this.#thinkMs = options.thinkMs
    this.#most = options.transactions
    this.#clients = Array.from({ length: Math.min(TALLY_ACCOUNTS, CLIENTS) }, (_, account) => ({
      account,
      nonce: 0,
      current: null,
      sinceMs: 0,
    }))
  }

  get count(): number {
    return this.#clients.length
  }

  /** Everything submitted is final, and nothing more will be. */
  get done(): boolean {
    return this.submitted >= this.#most && this.#waiting.size === 0
  }

  get outstanding(): number {
    return this.#waiting.size
  }

  firstInMs(): number {
    return this.#random.unit() * 200
  }

  /** No more transactions than there are. */
  stop(): void {
    this.#most = Math.min(this.#most, this.submitted)
  }

  /** What this client sends now; null when it is done. */
  next(index: number, nowMs: number): Submission | null {
    const client = this.#clients[index] as Client
    const random = this.#random
    if (client.current === null) {
      if (this.submitted >= this.#most) return null
      this.submitted++
      const workKind: WorkKind = random.chance(0.5) ? 'valid' : 'none'
      client.current =
        this.#asBlob(client.account, client.nonce, true) ?? encodeTally(client.account, client.nonce, workKind, random.below(1 << 20))
      client.nonce++
      client.sinceMs = nowMs
      this.#waiting.set(keyOf(client.current), client)
    }
    const isFalse = random.chance(FALSE_WORK_RATE)
    const bytes = isFalse
      ? (this.#asBlob(client.account, client.nonce + 1, false) ??
        encodeTally(client.account, client.nonce + 1, 'invalid', random.below(1 << 20)))
      : client.current
    return { bytes, to: random.below(this.#validators), nextInMs: Math.min(RETRY_MS, 50 + random.exponential(200)) }
  }

  /** Now and then the proof comes as a blob; undefined: not this time. */
  #asBlob(account: number, nonce: number, isTrue: boolean): Uint8Array | undefined {
    if (this.#blobs?.chance(BLOB_RATE) !== true) return undefined
    const salt = 8 * this.#blobs.below(1 << 16) + (isTrue ? 1 + this.#blobs.below(7) : 0)
    return encodeTally(account, nonce, 'blob', salt)
  }

  /** A transaction is final: whose it was, and after how long it thinks of the next. */
  onFinal(bytes: Uint8Array, nowMs: number): { readonly client: number; readonly nextInMs: number } | null {
    const key = keyOf(bytes)
    const client = this.#waiting.get(key)
    if (client === undefined) return null
    this.#waiting.delete(key)
    client.current = null
    this.latenciesMs[this.#measured++ % MAX_LATENCIES] = nowMs - client.sinceMs
    return { client: client.account, nextInMs: 1 + this.#random.exponential(this.#thinkMs) }
  }
}
