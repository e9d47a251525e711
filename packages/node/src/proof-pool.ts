/**
 * The proof workers: threads that can be killed, fed in batches, block validation before mempool admission. A worker that
 * dies or hangs takes no verdict with it: its jobs run again one by one, and the one that does it again is `aborted`, which
 * means that this validator abstains (proofs.md §4). Time decides only about aborting, never about validity.
 */
import { Worker } from 'node:worker_threads'
import { type Hash, keyOf } from '@aethel/codec'
import type { VerificationJob, VerificationOutcome } from '@aethel/replica'
import { encodeBatch } from './proof-batch.js'
import type { WorkerMessage, WorkerSetup } from './proof-worker.js'

/** Enough work per crossing to make the crossing cheap. */
const BATCH_JOBS = 32
const BATCH_BYTES: number = 4 * 1024 * 1024
/** Two batches in flight per worker: it never waits for the main thread. */
const BATCHES_IN_FLIGHT = 2
/** Statements a worker remembers before it is told to forget them all. */
const MAX_STATEMENTS = 65_536
/** A batch takes seconds at the very worst (its gas is bounded); beyond this the thread is stuck. */
const STUCK_MS = 60_000
const WORKER_HEAP_MB = 512
/** A worker lost before it was ready is replaced after a pause, so that one that cannot start does not spin. */
const RESPAWN_MS = 1_000
/** Without a proof to check, threads wait this long: a validator that has just started has more urgent things to load. */
const WARM_UP_MS = 1_000

export interface ProofPoolOptions {
  readonly workers: number
  readonly setup: WorkerSetup
  onOutcome(job: VerificationJob, outcome: VerificationOutcome, milliseconds: number): void
  onWorkerLost(reason: string): void
  /** After this long without an answer a worker counts as stuck. */
  readonly stuckMs?: number
}

interface Assignment {
  readonly jobs: readonly VerificationJob[]
  readonly sentAt: number
}

interface Slot {
  worker: Worker
  inFlight: Assignment[]
  known: Set<string>
  watchdog: NodeJS.Timeout | null
  /** It has loaded what it needs; until then it gets no work, so starting slowly is never taken for hanging. */
  ready: boolean
  /** Lost, its replacement not started yet. */
  respawn: NodeJS.Timeout | null
}

interface Waiting {
  readonly job: VerificationJob
  /** It was aboard when a worker died: it goes alone, and is aborted if that happens again. */
  readonly suspect: boolean
}

export class ProofPool {
  readonly #options: ProofPoolOptions
  readonly #slots: Slot[] = []
  readonly #block: Waiting[] = []
  #mempool: Waiting[] = []
  #mempoolHead = 0
  #closed = false
  readonly #warmUp: NodeJS.Timeout

  constructor(options: ProofPoolOptions) {
    this.#options = options
    this.#warmUp = setTimeout(() => this.#spawnAll(), WARM_UP_MS)
  }

  #spawnAll(): void {
    clearTimeout(this.#warmUp)
    while (this.#slots.length < this.#options.workers) this.#slots.push(this.#spawn())
  }

  get queued(): number {
    return (
      this.#block.length +
      this.#mempool.length -
      this.#mempoolHead +
      this.#slots.reduce((sum, slot) => sum + slot.inFlight.reduce((n, a) => n + a.jobs.length, 0), 0)
    )
  }

  run(jobs: readonly VerificationJob[]): void {
    for (const job of jobs) (job.priority === 'block' ? this.#block : this.#mempool).push({ job, suspect: false })
    if (this.#slots.length === 0) this.#spawnAll()
    this.#dispatch()
  }

  #spawn(): Slot {
    const worker = new Worker(new URL('./proof-worker.js', import.meta.url), {
      workerData: this.#options.setup,
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    })
    const slot: Slot = { worker, inFlight: [], known: new Set(), watchdog: null, ready: false, respawn: null }
    worker.on('message', (message: WorkerMessage) => {
      if (message !== 'ready') return this.#onOutcomes(slot, message)
      slot.ready = true
      this.#dispatch()
    })
    worker.on('error', (error) => this.#onLost(slot, error.message))
    worker.on('exit', (code) => this.#onLost(slot, `exit code ${code}`))
    return slot
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      while (slot.ready && slot.inFlight.length < BATCHES_IN_FLIGHT) {
        const jobs = this.#take(slot)
        if (jobs.length === 0) return
        this.#send(slot, jobs)
      }
    }
  }

  #take(slot: Slot): VerificationJob[] {
    const jobs: VerificationJob[] = []
    let bytes = 0
    while (jobs.length < BATCH_JOBS && bytes < BATCH_BYTES) {
      const next = this.#block[0] ?? this.#mempool[this.#mempoolHead]
      if (next === undefined) break
      if (next.suspect && (jobs.length > 0 || slot.inFlight.length > 0)) break
      if (this.#block.length > 0) this.#block.shift()
      else this.#mempoolHead++
      jobs.push(next.job)
      bytes += next.job.work.proof.length + next.job.work.claim.length
      if (next.suspect) break
    }
    if (this.#mempoolHead > 1024 && 2 * this.#mempoolHead > this.#mempool.length) {
      this.#mempool = this.#mempool.slice(this.#mempoolHead)
      this.#mempoolHead = 0
    }
    return jobs
  }

  #send(slot: Slot, jobs: readonly VerificationJob[]): void {
    const forget = slot.known.size > MAX_STATEMENTS
    if (forget) slot.known.clear()
    const statements: { claimId: Hash; statement: Uint8Array }[] = []
    for (const { cited } of jobs) {
      for (const citation of cited) {
        const key = keyOf(citation.claimId)
        if (slot.known.has(key)) continue
        slot.known.add(key)
        statements.push(citation)
      }
    }
    const bytes = encodeBatch({ forget, statements, jobs: jobs.map(({ work }) => work) })
    slot.inFlight.push({ jobs, sentAt: performance.now() })
    slot.worker.postMessage(bytes, [bytes.buffer])
    slot.watchdog ??= this.#watch(slot)
  }

  #watch(slot: Slot): NodeJS.Timeout {
    const stuckMs = this.#options.stuckMs ?? STUCK_MS
    return setTimeout(() => this.#onLost(slot, `no answer for ${stuckMs} ms`), stuckMs)
  }

  #onOutcomes(slot: Slot, outcomes: readonly VerificationOutcome[]): void {
    const assignment = slot.inFlight.shift()
    if (assignment === undefined || this.#closed) return
    if (slot.watchdog !== null) clearTimeout(slot.watchdog)
    slot.watchdog = slot.inFlight.length > 0 ? this.#watch(slot) : null
    const each = (performance.now() - assignment.sentAt) / assignment.jobs.length
    this.#dispatch()
    for (const [position, job] of assignment.jobs.entries()) {
      const outcome = outcomes[position]
      if (outcome !== undefined) this.#options.onOutcome(job, outcome, each)
    }
  }

  #onLost(slot: Slot, reason: string): void {
    const position = this.#slots.indexOf(slot)
    if (position < 0 || slot.respawn !== null || this.#closed) return
    if (slot.watchdog !== null) clearTimeout(slot.watchdog)
    slot.worker.removeAllListeners()
    slot.worker.on('error', () => undefined)
    void slot.worker.terminate()
    const [running, ...behind] = slot.inFlight
    slot.inFlight = []
    const couldStart = slot.ready
    slot.ready = false
    if (couldStart) this.#slots[position] = this.#spawn()
    else {
      // It could not even start.
      slot.respawn = setTimeout(() => {
        this.#slots[position] = this.#spawn()
        this.#dispatch()
      }, RESPAWN_MS)
    }
    this.#options.onWorkerLost(reason)
    const again = [...(running?.jobs ?? []), ...behind.flatMap((assignment) => assignment.jobs)]
    if (running !== undefined && running.jobs.length === 1) {
      const [culprit] = running.jobs
      again.shift()
      if (culprit !== undefined) this.#options.onOutcome(culprit, { status: 'aborted', reason }, 0)
    }
    for (const job of again.toReversed()) this.#block.unshift({ job, suspect: true })
    this.#dispatch()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#warmUp)
    for (const slot of this.#slots) {
      if (slot.watchdog !== null) clearTimeout(slot.watchdog)
      if (slot.respawn !== null) clearTimeout(slot.respawn)
      slot.worker.removeAllListeners()
      slot.worker.on('error', () => undefined)
    }
    await Promise.all(this.#slots.map((slot) => slot.worker.terminate()))
  }
}
