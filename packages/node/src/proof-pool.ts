/**
 * The proof workers: threads that can be killed, fed in batches, block validation before mempool admission. A worker that
 * dies, hangs or eats memory takes no verdict with it: what it was at runs once more, alone, and if it does that again it is
 * `aborted`, which means that this validator abstains (proofs.md §4). A spare thread stands by, so that the pool is whole again at
 * once. Time and memory in use decide only about aborting, never about validity.
 */
import { bytesOfKey, type Hash, keyOf } from '@aethel/codec'
import type { BlobRef } from '@aethel/consensus'
import type { VerificationJob, VerificationOutcome, VerificationWork } from '@aethel/replica'
import type { BlobPlace } from '@aethel/storage'
import { residentBytes } from './memory.js'
import { encodeBatch, type ProofJob } from './proof-batch.js'
import { JobQueue, type Waiting } from './proof-queue.js'
import { ProofThread } from './proof-thread.js'
import type { WorkerSetup } from './proof-worker.js'

/** Enough work per crossing to make the crossing cheap. */
const BATCH_JOBS = 32
const BATCH_BYTES: number = 4 * 1024 * 1024
/** Two batches in flight per worker: it never waits for the main thread. */
const BATCHES_IN_FLIGHT = 2
/** Statements a worker remembers before it is told to forget them all. */
const MAX_STATEMENTS = 65_536
/** A single proof takes seconds at the very worst (its gas is bounded), on a busy machine perhaps ten times that; beyond this it is stuck. */
const STUCK_MS = 60_000
/** So many bytes of a blob are worth as much patience again. */
const PATIENT_BYTES: number = 64 * 1024 * 1024
/** How often threads at work are looked at. */
const WATCH_MS = 50
/**
 * Memory that may come into use while one proof is checked, beyond what its kind may allocate: other threads work meanwhile, and the
 * main thread's mempool (256 MiB at most) may fill.
 */
const FREE_GROWTH_BYTES: number = 512 * 1024 * 1024
/** A worker lost before it was ready, or that the system did not let begin, is replaced after a pause: one that cannot start does not spin. */
const RESPAWN_MS = 1_000
/** Without a proof to check, threads wait this long: a validator that has just started has more urgent things to load. */
const WARM_UP_MS = 1_000

export interface ProofPoolOptions {
  readonly workers: number
  readonly setup: WorkerSetup
  onOutcome(job: VerificationJob, outcome: VerificationOutcome, milliseconds: number): void
  onWorkerLost(reason: string): void
  /** After this long at one proof a worker counts as stuck. */
  readonly stuckMs?: number
  /** Bytes that checking one proof of a kind may allocate: its metered limit. */
  readonly memoryBytesOf?: (kind: string) => number
  /** Where a thread finds a blob; left out on chains without them. */
  readonly blobPlaceOf?: (blob: BlobRef) => BlobPlace
  /** Overrides FREE_GROWTH_BYTES. */
  readonly freeGrowthBytes?: number
}

interface Assignment {
  readonly jobs: readonly Waiting[]
  readonly sentAt: number
}

interface Slot {
  readonly thread: ProofThread
  readonly inFlight: Assignment[]
  readonly known: Set<string>
  /** The proof it was seen at, since when, and memory in use then. */
  seen: { readonly place: number; readonly atMs: number; readonly residentBytes: number } | null
}

export class ProofPool {
  readonly #options: ProofPoolOptions
  readonly #slots: Slot[] = []
  /** Ready, or getting ready, to take a lost one's place. */
  #spare: Slot | null = null
  readonly #queue = new JobQueue()
  /** In flight, by key. */
  readonly #running = new Map<string, Waiting>()
  #closed = false
  #dispatchDue = false
  #watch: NodeJS.Timeout | null = null
  #respawn: NodeJS.Timeout | null = null
  readonly #warmUp: NodeJS.Timeout

  constructor(options: ProofPoolOptions) {
    this.#options = options
    this.#warmUp = setTimeout(() => this.#fill(), WARM_UP_MS)
  }

  /** Jobs not answered yet. */
  get queued(): number {
    return this.#queue.size + this.#running.size
  }

  /** Threads that take work. */
  get ready(): number {
    return this.#slots.filter(({ thread }) => thread.ready).length
  }

  /** Each is answered once by `onOutcome`, unless cancelled. One that is queued or in flight already is not run twice. */
  run(jobs: readonly VerificationJob[]): void {
    for (const job of jobs) {
      const key = keyOf(job.work.key)
      if (!this.#running.has(key)) this.#queue.add(key, job)
      else if (job.priority === 'block') this.#hastenRunning(key)
    }
    if (this.#slots.length === 0 && this.#respawn === null) this.#fill()
    this.#hurryIfBlocksWait()
    this.#dispatchSoon()
  }

  /** When whoever is calling is done: it may have more, and a message to a thread costs as much as checking a short proof. */
  #dispatchSoon(): void {
    if (this.#dispatchDue) return
    this.#dispatchDue = true
    queueMicrotask(() => {
      this.#dispatchDue = false
      if (!this.#closed) this.#dispatch()
    })
  }

  /** Block validation waits for what was asked for by the mempool. */
  hasten(keys: readonly Hash[]): void {
    for (const key of keys) {
      this.#queue.hasten(keyOf(key))
      this.#hastenRunning(keyOf(key))
    }
    this.#hurryIfBlocksWait()
    this.#dispatch()
  }

  /** In a batch of the mempool that a thread has: it is cut short, and what a block needs of the rest comes first. */
  #hastenRunning(key: string): void {
    const waiting = this.#running.get(key)
    if (waiting === undefined || waiting.job.priority === 'block') return
    this.#running.set(key, { ...waiting, job: { ...waiting.job, priority: 'block' } })
    for (const { thread, inFlight } of this.#slots) if (inFlight.some(({ jobs }) => jobs.includes(waiting))) thread.hurry(true)
  }

  /** With the priority that it has by now. */
  #latest(waiting: Waiting): Waiting {
    return { ...waiting, job: this.#running.get(waiting.key)?.job ?? waiting.job }
  }

  /** Something in a batch of the mempool that the thread has is needed by a block. */
  #isHurried(slot: Slot): boolean {
    return slot.inFlight.some(({ jobs }) =>
      jobs.some(({ key, job }) => job.priority === 'mempool' && this.#running.get(key)?.job.priority === 'block'),
    )
  }

  /** Nobody waits for these any more: what has not been handed to a thread is forgotten, and gets no outcome. */
  cancel(keys: readonly Hash[]): void {
    for (const key of keys) this.#queue.remove(keyOf(key))
  }

  /** Starts what is missing: workers first, then, when these are ready, the spare. */
  #fill(): void {
    clearTimeout(this.#warmUp)
    if (this.#closed) return
    try {
      while (this.#slots.length < this.#options.workers) this.#slots.push(this.#spawn())
      if (this.#slots.every(({ thread }) => thread.ready)) this.#spare ??= this.#spawn()
    } catch (error) {
      // The system gives no more threads: what waits goes to those that are there, or waits until it does.
      this.#fillLater()
      this.#options.onWorkerLost(`no thread can be started: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #fillLater(): void {
    this.#respawn ??= setTimeout(() => {
      this.#respawn = null
      this.#fill()
    }, RESPAWN_MS)
  }

  #spawn(): Slot {
    const thread = new ProofThread(this.#options.setup, {
      onReady: () => {
        this.#dispatch()
        this.#fill()
      },
      onOutcomes: (outcomes) => this.#onOutcomes(slot, outcomes),
      onLost: (reason) => this.#onLost(slot, reason),
    })
    const slot: Slot = { thread, inFlight: [], known: new Set(), seen: null }
    return slot
  }

  /** Threads that are at the mempool's proofs stop after the one they are at, and hand back the rest. */
  #hurryIfBlocksWait(): void {
    if (!this.#queue.blockWaits || this.#slots.some(({ thread, inFlight }) => thread.ready && inFlight.length === 0)) return
    for (const { thread } of this.#slots) thread.hurry(true)
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      while (slot.thread.ready && slot.inFlight.length < BATCHES_IN_FLIGHT) {
        const jobs = this.#take(slot)
        if (jobs.length === 0) break
        this.#send(slot, jobs)
      }
    }
  }

  #take(slot: Slot): Waiting[] {
    const jobs: Waiting[] = []
    let bytes = 0
    while (jobs.length < BATCH_JOBS && bytes < BATCH_BYTES) {
      // A suspect may take another thread with it: it goes when there is one to take that one's place.
      const next = this.#queue.peek(this.#spare?.thread.ready === true ? 'all' : 'trusted')
      if (next === undefined) break
      const first = jobs[0]
      // A suspect goes alone; a batch is of one priority.
      if (next.suspect && (first !== undefined || slot.inFlight.length > 0)) break
      if (first !== undefined && first.job.priority !== next.job.priority) break
      if (slot.inFlight.some((assignment) => assignment.jobs.some(({ suspect }) => suspect))) break
      this.#queue.take(next)
      jobs.push(next)
      bytes += next.job.work.proof.length + next.job.work.claim.length + (next.job.work.blob?.bytes ?? 0)
      if (next.suspect) break
    }
    return jobs
  }

  #send(slot: Slot, jobs: readonly Waiting[]): void {
    const forget = slot.known.size > MAX_STATEMENTS
    if (forget) slot.known.clear()
    const statements: { claimId: Hash; statement: Uint8Array }[] = []
    for (const { job } of jobs) {
      for (const { key, statement } of job.cited) {
        if (slot.known.has(key)) continue
        slot.known.add(key)
        statements.push({ claimId: bytesOfKey(key) as Hash, statement })
      }
    }
    for (const waiting of jobs) this.#running.set(waiting.key, waiting)
    const mayStop = jobs[0]?.job.priority === 'mempool'
    if (mayStop && !this.#isHurried(slot)) slot.thread.hurry(false)
    const bytes = encodeBatch({ forget, mayStop, statements, jobs: jobs.map(({ job }) => this.#jobOf(job.work)) })
    slot.inFlight.push({ jobs, sentAt: performance.now() })
    slot.thread.send(bytes)
    this.#watch ??= setInterval(() => this.#look(), Math.min(WATCH_MS, this.#stuckMs / 4))
  }

  #jobOf({ kind, claim, proof, blob }: VerificationWork): ProofJob {
    const { blobPlaceOf } = this.#options
    return { kind, claim, proof, blob: blob === undefined || blobPlaceOf === undefined ? null : blobPlaceOf(blob) }
  }

  get #stuckMs(): number {
    return this.#options.stuckMs ?? STUCK_MS
  }

  /** A proof of a quarter of a gigabyte takes longer than any that fits a transaction. */
  #patienceWith(slot: Slot): number {
    const bytes = this.#current(slot)?.job.work.blob?.bytes ?? 0
    return this.#stuckMs * (1 + Math.ceil(bytes / PATIENT_BYTES))
  }

  /** A thread at the same proof for too long is stuck; one that needs more memory than any proof of the kind may is out of hand. */
  #look(): void {
    const now = performance.now()
    const resident = residentBytes()
    let busy = 0
    for (const slot of [...this.#slots]) {
      if (slot.inFlight.length === 0) {
        slot.seen = null
        continue
      }
      busy++
      const { place } = slot.thread
      if (slot.seen?.place !== place) {
        slot.seen = { place, atMs: now, residentBytes: resident }
        continue
      }
      if (now - slot.seen.atMs > this.#patienceWith(slot)) this.#onLost(slot, `no answer for ${this.#patienceWith(slot)} ms`)
      else if (resident - slot.seen.residentBytes > this.#mostGrowth()) {
        const megabytes = Math.round((resident - slot.seen.residentBytes) / 1e6)
        return this.#onLost(slot, `${megabytes} MB came into use while it checked one proof`)
      }
    }
    if (busy > 0 || this.#watch === null) return
    clearInterval(this.#watch)
    this.#watch = null
  }

  /** What all threads together may allocate for the proofs they are at, and some more. */
  #mostGrowth(): number {
    let bytes = this.#options.freeGrowthBytes ?? FREE_GROWTH_BYTES
    for (const slot of this.#slots) {
      const kind = this.#current(slot)?.job.work.kind
      if (kind !== undefined) bytes += this.#options.memoryBytesOf?.(kind) ?? 0
    }
    return bytes
  }

  /** What the thread is at; undefined: nothing it has begun. */
  #current(slot: Slot): Waiting | undefined {
    const { at } = slot.thread
    return at === null ? undefined : slot.inFlight[at.batch]?.jobs[at.job]
  }

  #onOutcomes(slot: Slot, outcomes: readonly VerificationOutcome[]): void {
    const assignment = slot.inFlight.shift()
    if (assignment === undefined || this.#closed) return
    const each = (performance.now() - assignment.sentAt) / Math.max(1, outcomes.length)
    const left = assignment.jobs.slice(outcomes.length).map((waiting) => this.#latest(waiting))
    for (const { key } of assignment.jobs) this.#running.delete(key)
    this.#queue.putBack(left)
    this.#dispatch()
    for (const [position, outcome] of outcomes.entries()) {
      const waiting = assignment.jobs[position]
      if (waiting !== undefined) this.#options.onOutcome(waiting.job, outcome, each)
    }
  }

  #onLost(slot: Slot, reason: string): void {
    if (this.#closed) return
    const current = this.#current(slot)
    const couldStart = slot.thread.ready
    void slot.thread.end()
    const unanswered = slot.inFlight.flatMap(({ jobs }) => jobs)
    const latest = unanswered.map((waiting) => this.#latest(waiting))
    slot.inFlight.length = 0
    this.#replace(slot, couldStart)
    this.#options.onWorkerLost(reason)
    for (const { key } of unanswered) this.#running.delete(key)
    const aborted = current?.suspect === true ? current : undefined
    this.#queue.putBack(
      latest
        .filter((_, position) => unanswered[position] !== aborted)
        .map((waiting) => (waiting.key === current?.key ? { ...waiting, suspect: true } : waiting)),
    )
    this.#dispatch()
    if (aborted !== undefined) this.#options.onOutcome(aborted.job, { status: 'aborted', reason }, 0)
  }

  #replace(slot: Slot, couldStart: boolean): void {
    const position = this.#slots.indexOf(slot)
    if (position >= 0 && this.#spare !== null) {
      this.#slots[position] = this.#spare
      this.#spare = null
    } else if (position >= 0) this.#slots.splice(position, 1)
    else if (this.#spare === slot) this.#spare = null
    if (couldStart) return this.#fill()
    this.#fillLater()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#warmUp)
    if (this.#watch !== null) clearInterval(this.#watch)
    if (this.#respawn !== null) clearTimeout(this.#respawn)
    const threads = [...this.#slots, ...(this.#spare === null ? [] : [this.#spare])]
    await Promise.all(threads.map(({ thread }) => thread.end()))
  }
}
