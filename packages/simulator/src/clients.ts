/** Honest clients: one transaction outstanding each, the same bytes submitted again, anywhere, until they are final. */
import { keyOf } from '@aethel/codec'
import type { Author } from './application.js'
import type { Random } from './random.js'

/** As many transactions as clients come to submit before the world heals. */
export const OPEN_ENDED: number = Number.MAX_SAFE_INTEGER
const RETRY_MS = 1_000
/** Besides, clients submit what may not become final, this often. */
const FALSE_RATE = 0.1
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
  /** When that was first sent; null: not yet. */
  sinceMs: number | null
}

export class Clients {
  readonly #random: Random
  readonly #author: Author
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
    options: { readonly author: Author; readonly validators: number; readonly transactions: number; readonly thinkMs: number },
  ) {
    this.#random = random
    this.#author = options.author
    this.#validators = options.validators
    this.#thinkMs = options.thinkMs
    this.#most = options.transactions
    this.#clients = Array.from({ length: options.author.clients }, (_, account) => ({
      account,
      nonce: 0,
      current: null,
      sinceMs: null,
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
      client.current = this.#author.write(client.account, client.nonce)
      client.nonce++
      client.sinceMs = null
      this.#waiting.set(keyOf(client.current), client)
    }
    const isFalse = random.chance(FALSE_RATE)
    if (!isFalse) client.sinceMs ??= nowMs
    const bytes = isFalse ? this.#author.writeFalse(client.account, client.nonce + 1) : client.current
    return { bytes, to: random.below(this.#validators), nextInMs: Math.min(RETRY_MS, 50 + random.exponential(200)) }
  }

  /** A transaction is final: whose it was, and after how long it thinks of the next. */
  onFinal(bytes: Uint8Array, nowMs: number): { readonly client: number; readonly nextInMs: number } | null {
    this.#author.onFinal(bytes)
    const key = keyOf(bytes)
    const client = this.#waiting.get(key)
    this.#giveUpOutdone(key)
    if (client === undefined) return null
    this.#waiting.delete(key)
    client.current = null
    this.latenciesMs[this.#measured++ % MAX_LATENCIES] = nowMs - (client.sinceMs ?? nowMs)
    return { client: client.account, nextInMs: 1 + this.#random.exponential(this.#thinkMs) }
  }

  /** What can never be final any more, because of what is; its nonce is free. */
  #giveUpOutdone(final: string): void {
    for (const [key, client] of this.#waiting) {
      if (key === final || client.current === null || !this.#author.isOutdone(client.current)) continue
      this.#waiting.delete(key)
      client.current = null
      client.nonce--
    }
  }
}
