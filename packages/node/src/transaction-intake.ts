/**
 * The way of a transaction from a peer's frame or a client's request into the replica: it waits in line (`arrivals.ts`), is recognised or decoded,
 * which checks its signature, and becomes an input. A few milliseconds at a time: messages of the protocol never wait for it.
 */
import { type Hash, ok, type Refusal, type Result, type ValidatorIndex } from '@aethel/codec'
import type { LedgerState } from '@aethel/ledger'
import { type Admission, type Application, type Replica, type ReplicaInput, type Transaction, transactionIdOf } from '@aethel/replica'
import { Arrivals, MAX_ARRIVAL_BYTES } from './arrivals.js'
import { KNOWN_TRANSACTION_US } from './worth.js'

/** Of one turn, for checking signatures of transactions: about a hundred. */
const SLICE_MS = 3
const PER_INPUT = 64

export interface TransactionIntakeOptions {
  readonly application: Application<LedgerState>
  readonly replica: Replica<LedgerState>
  input(input: ReplicaInput): void
  /** Of a peer's account: what it sent was not worth the time. */
  charge(peer: ValidatorIndex, microseconds: number): void
  blame(peer: ValidatorIndex, refusal: Refusal): void
  isStopped(): boolean
  /** A monotonic clock, in milliseconds, by which a turn ends. Default: `performance.now`. */
  now?(): number
}

export class TransactionIntake {
  readonly #options: TransactionIntakeOptions
  readonly #now: () => number
  readonly #arrivals = new Arrivals()
  /** With the replica, which has not answered yet. */
  readonly #requests = new Map<number, (admission: Admission) => void>()
  #nextRequest = 1

  constructor(options: TransactionIntakeOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Transactions of clients on their way. */
  get ofClients(): number {
    return this.#arrivals.clients.size + this.#requests.size
  }

  /** Dropped when too many wait: peers send again what is not final (replica's regossip). */
  fromPeer(from: ValidatorIndex, list: readonly Uint8Array[]): void {
    for (const bytes of list) if (!this.#arrivals.offerOfPeer(from, bytes)) this.#options.charge(from, KNOWN_TRANSACTION_US)
  }

  /** `id` is `transactionIdOf(bytes)`; resolves when the transaction is admitted, waiting or refused. */
  fromClient(id: Hash, bytes: Uint8Array): Promise<Admission> {
    return new Promise((answer) => {
      if (this.#arrivals.offerOfClient({ id, bytes, answer })) return
      const refusal = {
        code: 'mempool-full',
        message: `expected at most ${MAX_ARRIVAL_BYTES} bytes of transactions waiting to be looked at; try again later`,
      }
      answer({ status: 'refused', id, refusal })
    })
  }

  /** Which of these wait to be looked at, by `keyOf(id)`. */
  find(wanted: ReadonlySet<string>): ReadonlyMap<string, Uint8Array> {
    return this.#arrivals.find(wanted)
  }

  /** The replica's answer to a client. */
  onAdmission(request: number, admission: Admission): void {
    this.#requests.get(request)?.(admission)
    this.#requests.delete(request)
  }

  /** Takes in for a few milliseconds, and something however slow the machine is; whether more waits. */
  take(): boolean {
    const until = this.#now() + SLICE_MS
    while (!this.#options.isStopped()) {
      const from = this.#arrivals.turn()
      if (from === undefined) return false
      if (from === null) this.#takeFromClients(until)
      else this.#takeFromPeer(from)
      if (this.#now() >= until) break
    }
    return this.#arrivals.size > 0
  }

  /** A run of transactions of one peer, as one input. */
  #takeFromPeer(from: ValidatorIndex): void {
    const { charge, blame, input } = this.#options
    const transactions: Transaction[] = []
    for (let taken = 0; taken < PER_INPUT; taken++) {
      const bytes = this.#arrivals.shiftOfPeer(from)
      if (bytes === undefined) break
      const id = transactionIdOf(bytes)
      if (this.#isKnown(id, bytes)) {
        charge(from, KNOWN_TRANSACTION_US)
        continue
      }
      const decoded = this.#decode(id, bytes)
      if (!decoded.ok) {
        blame(from, decoded.error)
        break
      }
      transactions.push(decoded.value)
    }
    if (transactions.length > 0) input({ kind: 'transactions', from, transactions, nowMs: Date.now() })
  }

  /** At least one: a turn is not lost. */
  #takeFromClients(until: number): void {
    const { isStopped, input } = this.#options
    for (let taken = 0; taken < PER_INPUT && !isStopped() && (taken === 0 || this.#now() < until); taken++) {
      const arrival = this.#arrivals.clients.shift()
      if (arrival === undefined) return
      const { id, bytes, answer } = arrival
      const decoded = this.#decode(id, bytes)
      if (!decoded.ok) {
        answer({ status: 'refused', id, refusal: decoded.error })
        continue
      }
      const request = this.#nextRequest++
      this.#requests.set(request, answer)
      input({ kind: 'submit', request, transaction: decoded.value, nowMs: Date.now() })
    }
  }

  /** `id` is `transactionIdOf(bytes)`. */
  #decode(id: Hash, bytes: Uint8Array): Result<Transaction, Refusal> {
    const { replica, application } = this.#options
    const known = replica.decoded(id)
    return known === undefined ? application.decode(bytes, id) : ok(known)
  }

  /** Waiting here, final, or never to be: nothing is to be learnt from it. */
  #isKnown(id: Hash, bytes: Uint8Array): boolean {
    const { replica, application } = this.#options
    return replica.transactionStatus(id) !== 'unknown' || application.isSpent?.(replica.state, bytes) === true
  }
}
