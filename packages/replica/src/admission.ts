/**
 * From "somebody sent a transaction" to "verified, in the mempool": cheap checks first, then one verification, then the
 * pool (proofs.md §6). A transaction whose citation is unknown is kept, within bounds, until the citation turns up.
 */
import { type Hash, keyOf, type Refusal, type ValidatorIndex } from '@aethel/codec'
import type { Application, Transaction } from './application.js'
import type { Admission, BlockLimits, MempoolLimits, ReplicaEffect, VerificationJob, VerificationOutcome } from './interface.js'
import type { Mempool, Pooled } from './mempool.js'
import type { Scheduler } from './scheduler.js'
import type { VerdictCache } from './verdicts.js'

type Origin = ValidatorIndex | 'client'

interface Pending {
  readonly transaction: Transaction
  readonly origin: Origin
  readonly requests: number[]
  stage: 'citation' | 'verifying'
}

export interface AdmissionContext<State> {
  readonly application: Application<State>
  readonly mempool: Mempool
  readonly scheduler: Scheduler<State>
  readonly verdicts: VerdictCache
  readonly limits: MempoolLimits
  /** What fits into no block is refused at the door: it could only wait for ever. */
  readonly block: BlockLimits
  readonly committed: { readonly state: State; readonly height: number }
  /** Work under way for block validation or admission: asked for once. */
  requestVerification(work: NonNullable<Transaction['work']>, cited: VerificationJob['cited'], priority: VerificationJob['priority']): void
  push(effect: ReplicaEffect): void
}

export class AdmissionDesk<State> {
  readonly #context: AdmissionContext<State>
  readonly #pending = new Map<string, Pending>()
  #pendingBytes = 0
  /** By missing citation. */
  readonly #waitingForClaim = new Map<string, Set<Pending>>()
  /** By verification key. */
  readonly #verifying = new Map<string, Set<Pending>>()
  /** Statements of claims that pending and pooled transactions bring. */
  readonly #pendingClaims = new Map<string, Transaction>()

  constructor(context: AdmissionContext<State>) {
    this.#context = context
  }

  get size(): number {
    return this.#pending.size
  }

  has(id: Hash): boolean {
    return this.#pending.has(keyOf(id))
  }

  /** A transaction from a client (`request` set) or a peer. */
  receive(transaction: Transaction, origin: Origin, request: number | null): void {
    const { mempool, application, committed, limits } = this.#context
    if (mempool.get(transaction.id) !== undefined) return this.#reply(request, { status: 'admitted', id: transaction.id })
    const known = this.#pending.get(keyOf(transaction.id))
    if (known !== undefined) {
      if (request !== null) known.requests.push(request)
      return
    }
    const refuse = (refusal: Refusal): void => this.#refuse(transaction, origin, request === null ? [] : [request], refusal)
    const readiness = application.readiness(committed.state, transaction, { height: (committed.height + 1) as never })
    if (readiness.status === 'never') return refuse(readiness)
    if (transaction.bytes.length > this.#context.block.bytes) {
      return refuse({ code: 'too-large', message: `expected at most ${this.#context.block.bytes} bytes, got ${transaction.bytes.length}` })
    }
    const bytes = mempool.bytes + this.#pendingBytes + transaction.bytes.length
    if (this.#pending.size >= limits.transactions || bytes > 2 * limits.bytes) {
      return refuse({ code: 'mempool-full', message: `expected fewer than ${limits.transactions} unverified transactions; submit again later` })
    }
    const bySender = this.#countPending(transaction.sender) + mempool.countOf(transaction.sender)
    if (bySender >= limits.perSender) {
      return refuse({ code: 'sender-quota', message: `expected at most ${limits.perSender} waiting transactions per account; submit more when some are final` })
    }
    const pending: Pending = { transaction, origin, requests: request === null ? [] : [request], stage: 'verifying' }
    this.#open(pending)
    this.#advance(pending)
  }

  readonly #perSender = new Map<string, number>()

  #countPending(sender: string): number {
    return this.#perSender.get(sender) ?? 0
  }

  #open(pending: Pending): void {
    const { transaction } = pending
    this.#pending.set(keyOf(transaction.id), pending)
    this.#pendingBytes += transaction.bytes.length
    this.#perSender.set(transaction.sender, this.#countPending(transaction.sender) + 1)
    if (transaction.work === null) return
    this.#pendingClaims.set(keyOf(transaction.work.claimId), transaction)
    this.wakeClaim(transaction.work.claimId)
  }

  #close(pending: Pending): void {
    const { transaction } = pending
    if (!this.#pending.delete(keyOf(transaction.id))) return
    this.#pendingBytes -= transaction.bytes.length
    const count = this.#countPending(transaction.sender) - 1
    if (count > 0) this.#perSender.set(transaction.sender, count)
    else this.#perSender.delete(transaction.sender)
    const key = transaction.work === null ? '' : keyOf(transaction.work.claimId)
    if (this.#pendingClaims.get(key) === transaction) this.#pendingClaims.delete(key)
  }

  /** Next stage: wait for a citation, verify, or join the pool. */
  #advance(pending: Pending): void {
    const { transaction } = pending
    const { work } = transaction
    if (work === null) return this.#admit(pending, 0)
    const verdict = this.#context.verdicts.get(work.key)
    if (verdict !== undefined) return this.#conclude(pending, verdict)
    const cited: { claimId: Hash; statement: Uint8Array }[] = []
    for (const claimId of work.cites) {
      const statement = this.statementOf(claimId)
      if (statement === undefined) return this.#waitForCitation(pending, claimId)
      cited.push({ claimId, statement })
    }
    pending.stage = 'verifying'
    const key = keyOf(work.key)
    const waiting = this.#verifying.get(key) ?? new Set()
    waiting.add(pending)
    this.#verifying.set(key, waiting)
    this.#context.requestVerification(work, cited, 'mempool')
  }

  /** Canonical claim bytes: finalised, pooled, or brought by a transaction still being looked at. */
  statementOf(claimId: Hash): Uint8Array | undefined {
    const { application, committed, mempool } = this.#context
    const finalised = application.statementOf(committed.state, claimId)
    return finalised ?? mempool.byClaim(claimId)?.transaction.work?.claim ?? this.#pendingClaims.get(keyOf(claimId))?.work?.claim
  }

  #waitForCitation(pending: Pending, claimId: Hash): void {
    const refusal: Refusal = { code: 'citation-unknown', message: 'expected every cited claim to be finalised or waiting here, got one that is neither yet' }
    if (pending.stage !== 'citation' && this.#waitingCount() >= this.#context.limits.waiting) return this.#drop(pending, refusal)
    const firstTime = pending.stage !== 'citation'
    pending.stage = 'citation'
    const key = keyOf(claimId)
    const waiting = this.#waitingForClaim.get(key) ?? new Set()
    waiting.add(pending)
    this.#waitingForClaim.set(key, waiting)
    if (!firstTime) return
    for (const request of pending.requests.splice(0)) {
      this.#context.push({ kind: 'admission', request, admission: { status: 'waiting', id: pending.transaction.id, refusal } })
    }
  }

  #waitingCount(): number {
    let count = 0
    for (const waiting of this.#waitingForClaim.values()) count += waiting.size
    return count
  }

  /** A claim became known (pending, pooled or finalised): whoever cites it goes on. */
  wakeClaim(claimId: Hash): void {
    const key = keyOf(claimId)
    const waiting = this.#waitingForClaim.get(key)
    if (waiting === undefined) return
    this.#waitingForClaim.delete(key)
    for (const pending of waiting) if (this.#pending.has(keyOf(pending.transaction.id))) this.#advance(pending)
  }

  onVerified(key: Hash, outcome: VerificationOutcome): void {
    const waiting = this.#verifying.get(keyOf(key))
    if (waiting === undefined) return
    this.#verifying.delete(keyOf(key))
    for (const pending of waiting) if (this.#pending.has(keyOf(pending.transaction.id))) this.#conclude(pending, outcome)
  }

  #conclude(pending: Pending, outcome: VerificationOutcome): void {
    switch (outcome.status) {
      case 'valid': {
        const most = Math.min(pending.transaction.gasLimit, this.#context.block.gas)
        if (outcome.gas <= most) return this.#admit(pending, outcome.gas)
        return this.#drop(pending, { code: 'gas-limit', message: `expected a proof of at most ${most} gas, got ${outcome.gas}` })
      }
      case 'invalid':
        this.#context.push({ kind: 'event', event: { name: 'proof-refused', id: pending.transaction.id, from: pending.origin, code: outcome.code } })
        return this.#drop(pending, { code: outcome.code, message: outcome.message })
      case 'aborted':
        return this.#drop(pending, { code: 'verification-aborted', message: `the verifier was stopped (${outcome.reason}); submit again` })
    }
  }

  #admit(pending: Pending, difficulty: number): void {
    const { mempool, scheduler, committed, application } = this.#context
    const { transaction } = pending
    this.#close(pending)
    const readiness = application.readiness(committed.state, transaction, { height: (committed.height + 1) as never })
    if (readiness.status === 'never') return this.#refuse(transaction, pending.origin, pending.requests, readiness)
    const result = mempool.add(transaction, difficulty, committed.height)
    if (!result.ok) return this.#refuse(transaction, pending.origin, pending.requests, result.error)
    for (const victim of result.value.evicted) this.#evict(victim)
    scheduler.consider(result.value.added)
    if (pending.origin === 'client') this.#context.push({ kind: 'gossip', to: 'all', transactions: [transaction] })
    for (const request of pending.requests) this.#reply(request, { status: 'admitted', id: transaction.id })
    if (transaction.work !== null) this.wakeClaim(transaction.work.claimId)
  }

  #evict(victim: Pooled): void {
    const { id } = victim.transaction
    this.#context.scheduler.drop(victim)
    const refusal = { code: 'evicted', message: 'the mempool is full and this was the lowest in it; submit again later' }
    this.#context.push({ kind: 'dropped', id, refusal })
    this.#context.push({ kind: 'event', event: { name: 'transaction-evicted', id } })
  }

  #drop(pending: Pending, refusal: Refusal): void {
    this.#close(pending)
    this.#refuse(pending.transaction, pending.origin, pending.requests, refusal)
  }

  #refuse(transaction: Transaction, origin: Origin, requests: readonly number[], refusal: Refusal): void {
    const { id } = transaction
    const { code, message } = refusal
    for (const request of requests) this.#reply(request, { status: 'refused', id, refusal: { code, message } })
    if (requests.length === 0 && origin === 'client') this.#context.push({ kind: 'dropped', id, refusal: { code, message } })
  }

  #reply(request: number | null, admission: Admission): void {
    if (request !== null) this.#context.push({ kind: 'admission', request, admission })
  }

  /** What the committed state now refuses for ever is let go: from the waiting room too. */
  sweep(): void {
    const { application, committed } = this.#context
    for (const pending of [...this.#pending.values()]) {
      if (pending.stage !== 'citation') continue
      const readiness = application.readiness(committed.state, pending.transaction, { height: (committed.height + 1) as never })
      if (readiness.status === 'never') this.#drop(pending, readiness)
    }
    for (const [key, waiting] of this.#waitingForClaim) {
      for (const pending of waiting) if (!this.#pending.has(keyOf(pending.transaction.id))) waiting.delete(pending)
      if (waiting.size === 0) this.#waitingForClaim.delete(key)
    }
  }
}
