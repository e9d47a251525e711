/**
 * From "somebody sent a transaction" to "verified, in the mempool": cheap checks first, then one verification, then the
 * pool (proofs.md §6). A transaction whose citation is unknown is kept, within bounds, until the citation turns up.
 */
import { type Hash, type Height, keyOf, type Refusal, type ValidatorIndex } from '@aethel/codec'
import { type BlobRef, blobKey } from '@aethel/consensus'
import type { Application, Transaction, VerificationWork } from './application.js'
import type { Ground } from './ground.js'
import type {
  Admission,
  BlockLimits,
  CitedStatement,
  MempoolLimits,
  ReplicaEffect,
  VerificationJob,
  VerificationOutcome,
} from './interface.js'
import { type Mempool, type Pooled, senderQuota } from './mempool.js'
import type { FoundReadiness, Scheduler } from './scheduler.js'
import type { VerdictCache } from './verdicts.js'

type Origin = ValidatorIndex | 'client'

interface Pending {
  readonly transaction: Transaction
  /** Who brought it first: to blame for an invalid proof. */
  readonly origin: Origin
  /** A client of ours wants it: others are told once it is admitted. */
  wanted: boolean
  readonly requests: number[]
  /** `keyOf` the missing citation it waits for, if it waits for one. */
  waitsFor: string | null
  /** How many of its citations were known when it was looked at last, in their order: those behind are asked for first. */
  known: number
  /** Some client was told that it waits: it is told, too, if it is let go. */
  announced: boolean
  /** Verified, and waiting until a quorum has its blob: the gas. */
  checked: number | null
}

/** What the desk asks about blobs; null on a chain without them. */
export interface DeskBlobs {
  readonly pendingBytes: number
  isHeld(blob: BlobRef): boolean
  isSpread(blob: BlobRef): boolean
  want(blob: BlobRef, purpose: 'mempool', from: ValidatorIndex | null): boolean
  announce(blob: BlobRef): void
}

export const BLOB_LOST: Refusal = { code: 'blob-lost', message: 'its blob was lost here; upload it again, then submit' }

/** Passed on again at every tick, of what a quorum does not have yet. */
const UNSPREAD_PER_TICK = 16

/** Of those that wait, looked at again at every tick: transactions and their citations together, of which one may have tens of thousands. */
const SWEPT_PER_TICK = 16_384

/** Of the bytes of the mempool, what may wait for citations that never come: the rest is for whoever waits for nothing but to be checked. */
const WAITING_SHARE = 1 / 4

const CITATION_UNKNOWN: Refusal = {
  code: 'citation-unknown',
  message: 'expected every cited claim to be finalised or waiting here, got one that is neither yet; submit its proof first',
}

export interface AdmissionContext<State> {
  readonly application: Application<State>
  readonly mempool: Mempool
  readonly scheduler: Scheduler<State>
  readonly verdicts: VerdictCache
  readonly limits: MempoolLimits
  /** What fits into no block is refused at the door: it could only wait for ever. */
  readonly block: BlockLimits
  readonly ground: Ground<State>
  /** One that is under way already is not asked for again. */
  requestVerification(work: VerificationWork, cited: VerificationJob['cited']): void
  readonly blobs: DeskBlobs | null
  /** Nobody here waits for this verdict any more. */
  abandonVerification(key: Hash): void
  push(effect: ReplicaEffect): void
}

export class AdmissionDesk<State> {
  readonly #context: AdmissionContext<State>
  readonly #pending = new Map<string, Pending>()
  #pendingBytes = 0
  readonly #perSender = new Map<string, number>()
  /** By missing citation. */
  readonly #waitingForClaim = new Map<string, Set<Pending>>()
  #waitingCount = 0
  #waitingBytes = 0
  /** Claims that became known while others were being woken: a queue, so that a long chain needs no deep stack. */
  readonly #known: string[] = []
  #waking = false
  /** By verification key. */
  readonly #verifying = new Map<string, Set<Pending>>()
  /** Statements of claims that pending and pooled transactions bring. */
  readonly #pendingClaims = new Map<string, Transaction>()
  /** With blobs, by id: those looked at here, and those that went into the pool from here. */
  readonly #withBlobs = new Map<string, { readonly transaction: Transaction; readonly blob: BlobRef; readonly origin: Origin }>()
  /** How many of these refer to each blob, by `blobKey`. */
  readonly #blobUses = new Map<string, number>()
  /** By blob: waiting for it to come, or to be everywhere. */
  readonly #waitingForBlob = new Map<string, Set<Pending>>()
  /** Where the round of those that wait has got to; null: at the beginning. */
  #sweeping: Iterator<Pending> | null = null

  constructor(context: AdmissionContext<State>) {
    this.#context = context
  }

  get size(): number {
    return this.#pending.size
  }

  /** The decoded transaction, while it is looked at. */
  get(id: Hash): Transaction | undefined {
    return this.#pending.get(keyOf(id))?.transaction
  }

  /** The same by `keyOf(id)`. */
  byKey(idKey: string): Transaction | undefined {
    return this.#pending.get(idKey)?.transaction
  }

  #isOpen(pending: Pending): boolean {
    return this.#pending.get(pending.transaction.idKey) === pending
  }

  has(id: Hash): boolean {
    return this.#pending.has(keyOf(id))
  }

  /** A transaction from a client (`request` set) or a peer. */
  receive(transaction: Transaction, origin: Origin, request: number | null): void {
    const { mempool, limits } = this.#context
    if (mempool.byKey(transaction.idKey) !== undefined) return this.#reply(request, { status: 'admitted', id: transaction.id })
    const known = this.#pending.get(transaction.idKey)
    if (known !== undefined) return this.#ask(known, request)
    const refuse = (why: Refusal): void => this.#refuse(transaction.id, request === null ? [] : [request], why)
    const found = this.#readinessOf(transaction)
    if (found.readiness.status === 'never') return refuse(found.readiness)
    const refusal = mempool.refusalOf(transaction)
    if (refusal !== null) return refuse(refusal)
    if (transaction.bytes.length > this.#context.block.bytes) {
      return refuse({ code: 'too-large', message: `expected at most ${this.#context.block.bytes} bytes, got ${transaction.bytes.length}` })
    }
    const bytes = mempool.bytes + this.#pendingBytes + transaction.bytes.length
    if (this.#pending.size >= limits.transactions || bytes > 2 * limits.bytes) {
      return refuse({
        code: 'mempool-full',
        message: `expected fewer than ${limits.transactions} unverified transactions, and room for ${transaction.bytes.length} bytes; submit again later`,
      })
    }
    const bySender = this.#countPending(transaction.sender) + mempool.countOf(transaction.sender)
    if (bySender >= limits.perSender) return refuse(senderQuota(limits.perSender))
    const noRoom = this.#noRoomForBlob(transaction, origin)
    if (noRoom !== null) return refuse(noRoom)
    const requests = request === null ? [] : [request]
    const pending: Pending = {
      transaction,
      origin,
      wanted: origin === 'client',
      requests,
      waitsFor: null,
      known: 0,
      announced: false,
      checked: null,
    }
    if (transaction.work === null) return this.#admit(pending, 0, found)
    this.#open(pending)
    this.#advance(pending, transaction.work)
  }

  #readinessOf(transaction: Transaction): FoundReadiness<State> {
    const { application, ground } = this.#context
    const { state, tip } = ground
    const { height } = tip
    return { state, height, readiness: application.readiness(state, transaction, { height: (height + 1) as Height }) }
  }

  /** A client asks for what is being looked at already. */
  #ask(pending: Pending, request: number | null): void {
    if (request === null) return
    pending.wanted = true
    pending.requests.push(request)
    if (pending.waitsFor !== null) this.#announceWaiting(pending)
    if (pending.checked !== null) this.#announceChecked(pending)
  }

  #announceWaiting(pending: Pending): void {
    for (const request of pending.requests.splice(0)) {
      pending.announced = true
      this.#reply(request, { status: 'waiting', id: pending.transaction.id, refusal: CITATION_UNKNOWN })
    }
  }

  #countPending(sender: string): number {
    return this.#perSender.get(sender) ?? 0
  }

  #open(pending: Pending): void {
    const { transaction } = pending
    this.#pending.set(transaction.idKey, pending)
    this.#pendingBytes += transaction.bytes.length
    this.#perSender.set(transaction.sender, this.#countPending(transaction.sender) + 1)
    if (transaction.work === null) return
    const { blob } = transaction.work
    if (blob !== undefined) this.#useBlob(transaction, blob, pending.origin)
    this.#pendingClaims.set(keyOf(transaction.work.claimId), transaction)
    this.wakeClaim(transaction.work.claimId)
  }

  #useBlob(transaction: Transaction, blob: BlobRef, origin: Origin): void {
    const key = blobKey(blob)
    if (!this.#withBlobs.has(transaction.idKey)) this.#blobUses.set(key, (this.#blobUses.get(key) ?? 0) + 1)
    this.#withBlobs.set(transaction.idKey, { transaction, blob, origin })
  }

  #leaveBlob(idKey: string, blob: BlobRef): void {
    const key = blobKey(blob)
    const uses = this.#blobUses.get(key) ?? 1
    if (uses === 1) this.#blobUses.delete(key)
    else this.#blobUses.set(key, uses - 1)
    this.#withBlobs.delete(idKey)
  }

  #close(pending: Pending): void {
    const { transaction } = pending
    if (!this.#pending.delete(transaction.idKey)) return
    this.#stopWaiting(pending)
    this.#stopWaitingForBlob(pending)
    this.#pendingBytes -= transaction.bytes.length
    const count = this.#countPending(transaction.sender) - 1
    if (count > 0) this.#perSender.set(transaction.sender, count)
    else this.#perSender.delete(transaction.sender)
    const key = transaction.work === null ? '' : keyOf(transaction.work.claimId)
    if (this.#pendingClaims.get(key) === transaction) this.#pendingClaims.delete(key)
  }

  /** Next stage: wait for a citation, verify, or join the pool. Who moves from one missing citation to the next has just given up a place. */
  #advance(pending: Pending, work: VerificationWork): void {
    const verdict = this.#context.verdicts.get(work.key)
    if (work.blob !== undefined && verdict?.status !== 'invalid' && !this.#hasBlob(pending, work.blob)) return
    if (verdict !== undefined) return this.#conclude(pending, verdict)
    const { cites } = work
    const { state } = this.#context.ground
    // A long list whose citations become known one by one is not gone through from its beginning each time.
    for (let at = pending.known; at > 0 && at < cites.length; at++)
      if (this.#statementOf(state, cites[at] as string) === undefined) return this.#waitForCitation(pending, cites, at)
    const cited: CitedStatement[] = []
    for (const [at, key] of cites.entries()) {
      const statement = this.#statementOf(state, key)
      if (statement === undefined) return this.#waitForCitation(pending, cites, at)
      cited.push({ key, statement })
    }
    const key = keyOf(work.key)
    const waiting = this.#verifying.get(key) ?? new Set()
    waiting.add(pending)
    this.#verifying.set(key, waiting)
    this.#context.requestVerification(work, cited)
  }

  /** Canonical claim bytes: finalised, pooled, or brought by a transaction still being looked at. */
  #statementOf(committed: State, key: string): Uint8Array | undefined {
    const { application, mempool } = this.#context
    const finalised = application.statementOf(committed, key)
    return finalised ?? mempool.byClaimKey(key)?.transaction.work?.claim ?? this.#pendingClaims.get(key)?.work?.claim
  }

  #waitForCitation(pending: Pending, cites: readonly string[], at: number): void {
    const key = cites[at] as string
    pending.known = at
    if (this.#waitingCount >= this.#context.limits.waiting) return this.#drop(pending, CITATION_UNKNOWN)
    const bytes = this.#waitingBytes + pending.transaction.bytes.length
    if (bytes > WAITING_SHARE * this.#context.limits.bytes) return this.#drop(pending, CITATION_UNKNOWN)
    let waiting = this.#waitingForClaim.get(key)
    if (waiting === undefined) {
      waiting = new Set()
      this.#waitingForClaim.set(key, waiting)
    }
    waiting.add(pending)
    pending.waitsFor = key
    this.#waitingCount++
    this.#waitingBytes = bytes
    this.#announceWaiting(pending)
  }

  #stopWaiting(pending: Pending): void {
    if (pending.waitsFor === null) return
    const waiting = this.#waitingForClaim.get(pending.waitsFor)
    waiting?.delete(pending)
    if (waiting?.size === 0) this.#waitingForClaim.delete(pending.waitsFor)
    pending.waitsFor = null
    this.#waitingCount--
    this.#waitingBytes -= pending.transaction.bytes.length
  }

  /** A claim became known (pending, pooled or finalised): whoever cites it goes on. */
  wakeClaim(claimId: Hash): void {
    if (this.#waitingCount === 0) return
    this.#known.push(keyOf(claimId))
    if (this.#waking) return
    this.#waking = true
    for (let key = this.#known.pop(); key !== undefined; key = this.#known.pop()) {
      for (const pending of [...(this.#waitingForClaim.get(key) ?? [])]) {
        if (pending.waitsFor !== key) continue
        this.#stopWaiting(pending)
        if (pending.transaction.work !== null) this.#advance(pending, pending.transaction.work)
      }
    }
    this.#waking = false
  }

  /** Final, although it was still being looked at here: nothing is left to decide. */
  settle(committed: Transaction): void {
    if (this.#pending.size === 0) return
    this.#dropRival(committed)
    const pending = this.#pending.get(committed.idKey)
    if (pending === undefined) return
    this.#close(pending)
    this.#stopVerifying(pending)
    for (const request of pending.requests) this.#reply(request, { status: 'admitted', id: committed.id })
  }

  /** Another proof of a claim that is final now: checking it would be for nothing. */
  #dropRival({ id, work }: Transaction): void {
    const rival = work === null ? undefined : this.#pendingClaims.get(keyOf(work.claimId))
    const pending = rival === undefined || keyOf(rival.id) === keyOf(id) ? undefined : this.#pending.get(keyOf(rival.id))
    if (pending === undefined) return
    this.#drop(pending, { code: 'duplicate-claim', message: 'another transaction with the same claim is final' })
    this.#stopVerifying(pending)
  }

  #stopVerifying({ transaction: { work } }: Pending): void {
    if (work === null) return
    const key = keyOf(work.key)
    const waiting = this.#verifying.get(key)
    if (waiting === undefined || [...waiting].some((other) => this.#isOpen(other))) return
    this.#verifying.delete(key)
    this.#context.abandonVerification(work.key)
  }

  onVerified(key: Hash, outcome: VerificationOutcome): void {
    const waiting = this.#verifying.get(keyOf(key))
    if (waiting === undefined) return
    this.#verifying.delete(keyOf(key))
    for (const pending of waiting) if (this.#isOpen(pending)) this.#conclude(pending, outcome)
  }

  #conclude(pending: Pending, outcome: VerificationOutcome): void {
    switch (outcome.status) {
      case 'valid': {
        const most = Math.min(pending.transaction.gasLimit, this.#context.block.gas)
        if (outcome.gas <= most) return this.#admit(pending, outcome.gas)
        return this.#drop(pending, { code: 'gas-limit', message: `expected a proof of at most ${most} gas, got ${outcome.gas}` })
      }
      case 'invalid':
        this.#context.push({
          kind: 'event',
          event: { name: 'proof-refused', id: pending.transaction.id, from: pending.origin, code: outcome.code },
        })
        return this.#drop(pending, { code: outcome.code, message: outcome.message })
      case 'aborted':
        return this.#drop(pending, { code: 'verification-aborted', message: `the verifier was stopped (${outcome.reason}); submit again` })
    }
  }

  #admit(pending: Pending, difficulty: number, found: FoundReadiness<State> = this.#readinessOf(pending.transaction)): void {
    const { mempool, scheduler, ground } = this.#context
    const { transaction } = pending
    if (!this.#isBlobSpread(pending, difficulty)) return
    this.#close(pending)
    if (found.readiness.status === 'never') return this.#letGo(pending, found.readiness)
    const result = mempool.add(transaction, difficulty, ground.tip.height, pending.wanted ? 'client' : 'peer')
    if (!result.ok) return this.#letGo(pending, result.error)
    for (const victim of result.value.evicted) this.#evict(victim)
    scheduler.consider(result.value.added, found)
    if (pending.wanted) this.#context.push({ kind: 'gossip', to: 'all', transactions: [transaction] })
    for (const request of pending.requests) this.#reply(request, { status: 'admitted', id: transaction.id })
    if (transaction.work !== null) this.wakeClaim(transaction.work.claimId)
  }

  // --- blobs (protocol.md §9) ---------------------------------------------------------------------------------------

  /** Each peer may have one blob on its way whatever the others have; more, and what clients bring, within the bounds. */
  #noRoomForBlob({ work }: Transaction, origin: Origin): Refusal | null {
    const { blobs } = this.#context
    const blob = work?.blob
    if (blob === undefined) return null
    if (blobs === null) return { code: 'no-blobs', message: 'expected the proof in the transaction: this validator keeps no blobs' }
    const { blobBytes } = this.#context.block
    if (blobBytes !== undefined && blob.bytes > blobBytes)
      return { code: 'too-large', message: `expected a blob of at most ${blobBytes} bytes, got ${blob.bytes}` }
    let [all, ofOrigin] = [0, 0]
    for (const each of this.#withBlobs.values()) {
      all += each.blob.bytes
      if (each.origin === origin && !blobs.isHeld(each.blob)) ofOrigin += each.blob.bytes
    }
    if (ofOrigin === 0 && origin !== 'client') return null
    const most = blobs.pendingBytes
    if (all + blob.bytes <= most && ofOrigin + blob.bytes <= most / 2) return null
    return {
      code: 'mempool-full',
      message: `expected room for a blob of ${blob.bytes} bytes within ${most} bytes of pending blobs; submit again later`,
    }
  }

  #hasBlob(pending: Pending, blob: BlobRef): boolean {
    const { blobs } = this.#context
    if (blobs === null) return false
    if (blobs.isHeld(blob)) return true
    this.#waitForBlob(pending, blob)
    const from = pending.origin === 'client' ? null : pending.origin
    if (!blobs.want(blob, 'mempool', from))
      this.#drop(pending, { code: 'mempool-full', message: 'expected fewer blobs on their way to this validator; submit again later' })
    return false
  }

  #waitForBlob(pending: Pending, blob: BlobRef): void {
    const key = blobKey(blob)
    const waiting = this.#waitingForBlob.get(key) ?? new Set()
    waiting.add(pending)
    this.#waitingForBlob.set(key, waiting)
  }

  #stopWaitingForBlob(pending: Pending): void {
    const blob = pending.transaction.work?.blob
    if (blob === undefined) return
    const waiting = this.#waitingForBlob.get(blobKey(blob))
    waiting?.delete(pending)
    if (waiting?.size === 0) this.#waitingForBlob.delete(blobKey(blob))
  }

  /** Ordering waits until a quorum has the blob; passing the transaction on does not, for that is how others come to fetch it. */
  #isBlobSpread(pending: Pending, difficulty: number): boolean {
    const { blobs, push } = this.#context
    const { transaction } = pending
    const blob = transaction.work?.blob
    if (blob === undefined || blobs === null) return true
    if (!blobs.isHeld(blob)) {
      this.#drop(pending, BLOB_LOST) // while it was checked, or since then
      return false
    }
    if (pending.checked === null) {
      blobs.announce(blob)
      if (pending.wanted) push({ kind: 'gossip', to: 'all', transactions: [transaction] })
    }
    if (blobs.isSpread(blob)) return true
    pending.checked = difficulty
    this.#announceChecked(pending)
    this.#waitForBlob(pending, blob)
    return false
  }

  #announceChecked(pending: Pending): void {
    for (const request of pending.requests.splice(0)) {
      pending.announced = true
      this.#reply(request, { status: 'admitted', id: pending.transaction.id })
    }
  }

  /** It is here, or a quorum has it now: whoever waits looks again. */
  onBlob(key: string): void {
    for (const pending of [...(this.#waitingForBlob.get(key) ?? [])]) {
      if (!this.#isOpen(pending)) continue
      this.#stopWaitingForBlob(pending)
      const { work } = pending.transaction
      if (work === null) continue
      if (pending.checked === null) this.#advance(pending, work)
      else this.#admit(pending, pending.checked)
    }
  }

  onBlobGivenUp(key: string, refusal: Refusal): void {
    for (const pending of [...(this.#waitingForBlob.get(key) ?? [])]) if (pending.checked === null) this.#drop(pending, refusal)
  }

  /** It was here and checked, and said to be: that is not so any more. Who has not got so far looks for it when it does. */
  onBlobLost(key: string): void {
    for (const pending of [...(this.#waitingForBlob.get(key) ?? [])]) if (pending.checked !== null) this.#drop(pending, BLOB_LOST)
  }

  /** Whether something refers to it that is looked at here or pooled, or was at the last tick; by `blobKey`. */
  needsBlob(key: string): boolean {
    return this.#blobUses.has(key)
  }

  /** Here and checked, of transactions that are not final. */
  get checkedBlobs(): BlobRef[] {
    return [...this.#withBlobs].flatMap(([id, { transaction, blob }]) => {
      const isChecked = (this.#pending.get(id)?.checked ?? null) !== null || this.#context.mempool.get(transaction.id) !== undefined
      return isChecked ? [blob] : []
    })
  }

  /** At every tick: forgets what is neither looked at nor pooled any more. To be passed on again: some of what a quorum does not have yet. */
  sweepBlobs(): readonly Transaction[] {
    if (this.#withBlobs.size === 0) return []
    const unspread: Transaction[] = []
    for (const [id, { transaction, blob }] of [...this.#withBlobs]) {
      const pending = this.#pending.get(id)
      if (pending === undefined) {
        if (this.#context.mempool.get(transaction.id) === undefined) this.#leaveBlob(id, blob)
      } else if (pending.checked !== null) {
        if (this.#context.blobs?.isSpread(blob) === true) this.#admit(pending, pending.checked)
        else if (unspread.length < UNSPREAD_PER_TICK) unspread.push(transaction)
      }
    }
    return unspread
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
    this.#letGo(pending, refusal)
  }

  #letGo(pending: Pending, { code, message }: Refusal): void {
    const { id } = pending.transaction
    this.#refuse(id, pending.requests, { code, message })
    if (pending.announced) this.#context.push({ kind: 'dropped', id, refusal: { code, message } })
  }

  #refuse(id: Hash, requests: readonly number[], { code, message }: Refusal): void {
    for (const request of requests) this.#reply(request, { status: 'refused', id, refusal: { code, message } })
  }

  #reply(request: number | null, admission: Admission): void {
    if (request !== null) this.#context.push({ kind: 'admission', request, admission })
  }

  /**
   * Who waits for a citation, for a blob, or for a quorum to have it, is let go if the committed state refuses it for ever: others may
   * have let it go, and then they never say that they have its blob. They are looked at in turn, some at every tick: whoever fills the
   * waiting room with long lists of citations must not keep us looking.
   */
  sweep(): void {
    this.#sweeping ??= this.#waiting()
    for (let work = 0; work < SWEPT_PER_TICK; ) {
      const next = this.#sweeping.next()
      if (next.done === true) {
        this.#sweeping = null
        return
      }
      const { transaction } = next.value
      work += 1 + (transaction.work?.cites.length ?? 0)
      const { readiness } = this.#readinessOf(transaction)
      if (readiness.status === 'never') this.#drop(next.value, readiness)
    }
  }

  *#waiting(): Generator<Pending> {
    for (const waiting of [...this.#waitingForClaim.values(), ...this.#waitingForBlob.values()]) yield* waiting
  }
}
