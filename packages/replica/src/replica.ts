/**
 * One replica: mempool, consensus and application behind one synchronous `step(input) -> effects`. Consensus asks for
 * blocks to be built, validated and committed; this file answers from the mempool, the verdict cache and the application,
 * and passes everything else through.
 */
import { assert, type Epoch, equalBytes, type Hash, type Height, keyOf, type Refusal, type ValidatorIndex } from '@aethel/codec'
import {
  accusedVote,
  type BlobRef,
  type Block,
  type BuiltProposal,
  blobKey,
  type CommittedTip,
  type Consensus,
  type ConsensusConfig,
  circleOf,
  createConsensus,
  type Diagnosis,
  type DurableState,
  decodeEvidence,
  type Effect,
  type EpochStart,
  type Evidence,
  encodeEvidence,
  type ForkMaterial,
  type Header,
  type Held,
  hashHeader,
  type Input,
  type Inspection,
  isBoundary,
  isQuorum,
  leaderOf,
  MAX_BLOCK_OFFENCES,
  MAX_EVIDENCE_BYTES,
  type Message,
  type Offence,
  offenceFits,
  offenceKey,
  offenceOf,
  recentHashes,
  type Surroundings,
  type TimerName,
  type ValidationResult,
  type ValidatorSet,
} from '@aethel/consensus'
import { AdmissionDesk, BLOB_LOST, type DeskBlobs } from './admission.js'
import {
  type Application,
  type BlockContext,
  type Executed,
  type ExecutionInput,
  type Transaction,
  transactionIdOf,
  type VerificationWork,
} from './application.js'
import type { BlobProgress } from './blob-fetch.js'
import { ReplicaBlobs } from './blobs.js'
import { DecodedInBlocks } from './decoded.js'
import { type EpochOptions, type NextValidators, nextValidatorsOf, ownPlaceIn, type PeerNames, peerNames, SAME_NAMES } from './epochs.js'
import { EvidencePool, type HeldEvidence } from './evidence-pool.js'
import type {
  BlobOptions,
  BlockLimits,
  CitedStatement,
  MempoolLimits,
  ReplicaEffect,
  ReplicaInput,
  SyncOptions,
  VerificationJob,
  VerificationOutcome,
} from './interface.js'
import { LeaderWatch } from './leader-watch.js'
import { Mempool, type MempoolOrder, type Pooled } from './mempool.js'
import { Scheduler } from './scheduler.js'
import { type Finished, SnapshotFetch, type SnapshotProgress } from './snapshot-fetch.js'
import { SnapshotShelf } from './snapshot-shelf.js'
import { MAX_WATCHED } from './starvation.js'
import { type Verdict, VerdictCache } from './verdicts.js'

export interface ReplicaOptions<State> {
  readonly consensus: ConsensusConfig
  readonly durable: DurableState
  readonly application: Application<State>
  readonly mempool: MempoolLimits
  readonly block: BlockLimits
  readonly order: MempoolOrder
  /** For a chain with many epochs: `consensus` then describes the epoch to start in, less who signs. */
  readonly epochs?: EpochOptions<State>
  /** What `evidence` effects asked to be kept, from before a restart. */
  readonly evidence?: readonly Uint8Array[]
  /** Verdicts of this validator from before a restart: what was verified once is not verified again. */
  readonly verdicts?: readonly { readonly key: Hash; readonly verdict: Verdict }[]
  /** How to catch up; left out: by executing and verifying every block. */
  readonly sync?: SyncOptions
  /** Proofs that travel as blobs; left out: none do. */
  readonly blobs?: BlobOptions
}

export interface ReplicaInspection extends Inspection {
  readonly pooled: number
  readonly poolBytes: number
  readonly unverified: number
  readonly ready: number
  readonly verdicts: number
  readonly evidenceHeld: number
  /** Being fetched. */
  readonly blobs: readonly BlobProgress[]
}

export interface Replica<State> {
  step(input: ReplicaInput): ReplicaEffect[]
  readonly committed: CommittedTip
  /** Newest committed state. */
  readonly state: State
  readonly position: { readonly view: number; readonly phase: 'active' | 'changing' }
  /** The epoch that the next block belongs to. */
  readonly epoch: EpochStart
  /** Own position among the validators of the epoch; null: none. */
  readonly self: ValidatorIndex | null
  /** Waiting: an earlier nonce or a citation is missing. Pending: verified and in the mempool. */
  transactionStatus(id: Hash): 'unknown' | 'waiting' | 'pending'
  /** A transaction that was decoded for a block just now, as it was found then: its signature need not be checked again. */
  decoded(id: Hash): Transaction | undefined
  /** Whether a message, not yet verified, could change anything: asked before its signatures are checked. */
  wants(from: ValidatorIndex, message: Message): boolean
  /** Next free nonce of an account, counting what is in the mempool. */
  nextNonce(sender: string, committedNonce: number): number
  inspect(): ReplicaInspection
  /** Whether something that is not final refers to this blob: it must not be taken away. */
  needsBlob(blob: BlobRef): boolean
  /** What consensus holds that is bounded (docs/protocol.md §13): cheap to ask for. */
  readonly held: Held
  /** Evidence held and not on the chain yet. */
  evidence(): readonly HeldEvidence[]
  /** Why nothing commits right now, or that all is well. */
  explain(around: Surroundings): Diagnosis
  /** What this replica could add to a fork proof, beside its committed chain. */
  forkMaterial(): ForkMaterial
  /** Of taking over a state; null: none is being fetched. */
  readonly snapshot: SnapshotProgress | null
  /** Heights of the states that peers can have from here. */
  readonly snapshotsServed: readonly Height[]
}

/** A block being validated: execution starts when the last verdict is in. */
interface Validation {
  readonly block: Block
  readonly transactions: readonly Transaction[]
  readonly offences: readonly Offence[]
  /** Keys of proofs that the block's evidence says are false. */
  readonly accused: ReadonlySet<string>
  /** Gas per proof, by work key, as verdicts come in. */
  readonly gas: Map<string, number>
  readonly awaited: Set<string>
  /** Blobs that are not here: nothing is verified or voted for before they are. By `blobKey`. */
  readonly blobs: Map<string, BlobRef>
  /** Proven committed when it was to be validated: it is executed, and not voted for. */
  readonly certified: boolean
}

/** What was chosen for a block and what became of it; `leftOut` stays in the mempool. */
interface Choice<State> {
  readonly items: readonly Pooled[]
  readonly leftOut: readonly Pooled[]
  /** Null: nothing can be executed. */
  readonly executed: Executed<State> | null
}

interface Built<State> {
  readonly parent: Hash
  readonly executed: Executed<State>
  readonly transactions: readonly Transaction[]
  readonly gas: readonly number[]
  readonly offences: readonly Offence[]
  readonly leftOut: readonly Pooled[]
}

/** An executed block above the committed one. */
interface Layer<State> {
  readonly executed: Executed<State>
  readonly height: Height
  readonly transactions: readonly Transaction[]
  /** Of each transaction's proof; 0 without one. */
  readonly gas: readonly number[]
  readonly offences: readonly Offence[]
}

/** Evidence whose proof is being checked again before anybody is accused with it. */
interface Suspicion {
  readonly item: HeldEvidence
  readonly key: string
}

/** Of these, one per offence: what peers send beyond is looked at when it comes again. */
const MAX_SUSPICIONS = 64
/** Evidence sent to a peer that has just connected: one block's worth. */
const EVIDENCE_ON_CONNECT: number = MAX_BLOCK_OFFENCES

/** Sent again per status tick, going round, of what has waited for a whole tick: a peer may have missed it. */
const REGOSSIP_PER_TICK: GossipBound = { transactions: 64, bytes: 1 << 20 }
/** Sent to a peer that has just connected: the oldest. */
const GOSSIP_ON_CONNECT: GossipBound = { transactions: 1024, bytes: 4 << 20 }
/** Transactions looked at per status tick, going round: has one become impossible? At some microseconds each. */
const SWEPT_PER_TICK = { busy: 512, stalled: 4096 } as const

/** Transactions that a status tick begins to watch, of those that have waited longest. */
const WATCHED_PER_TICK = 8

interface GossipBound {
  readonly transactions: number
  readonly bytes: number
}

export function createReplica<State>(options: ReplicaOptions<State>): Replica<State> {
  return new ReplicaMachine(options)
}

class ReplicaMachine<State> implements Replica<State> {
  readonly #options: ReplicaOptions<State>
  readonly #application: Application<State>
  /** Of the epoch under way; the next gets a new one. */
  #consensus: Consensus
  #config: ConsensusConfig
  #epoch: EpochStart
  #names: PeerNames
  /** Committed with the last block of the epoch, taken up at once. */
  #nextEpoch: EpochStart | null = null
  readonly #mempool: Mempool
  readonly #scheduler: Scheduler<State>
  readonly #verdicts: VerdictCache
  readonly #desk: AdmissionDesk<State>
  /** Null: a chain without blobs. */
  readonly #blobs: ReplicaBlobs | null
  /** Executed, uncommitted blocks by `keyOf(hash)`. */
  readonly #layers = new Map<string, Layer<State>>()
  readonly #validations = new Map<string, Validation>()
  readonly #decoded = new DecodedInBlocks()
  /** Work under way, by key: one verification per proof. */
  /** By key: for whom. */
  readonly #underWay = new Map<string, VerificationJob['priority']>()
  readonly #evidence = new EvidencePool()
  readonly #suspicions = new Map<string, Suspicion>()
  /** None of the evidence held could go into the last block asked for; until a commit or new evidence. */
  #evidenceStalled = false
  #state: State
  #tip: CommittedTip
  #lastBuilt: Built<State> | null = null
  #reportedWork = { waiting: 0, full: false }
  #committedAtTick: number
  /** Status ticks so far: who is told what goes round with them. */
  #ticks = 0
  #arrivalsAtTick = 0
  /** Where sweeping and gossiping again have got to, oldest first; null: at the beginning. */
  #sweepCursor: Iterator<Pooled> | null = null
  #gossipCursor: Iterator<Pooled> | null = null
  #leaderWatch: LeaderWatch
  /** Null: no states are handed over. */
  readonly #shelf: SnapshotShelf<State> | null
  /** Null: none are taken over. */
  #fetch: SnapshotFetch<State> | null
  /** Blobs of the block above this height could not be had: standing still is for want of them. */
  #starvedAt: Height | null = null
  #nowMs = 0
  #jobs: VerificationJob[] = []
  #hastened: Hash[] = []
  #abandoned: Hash[] = []
  #out: ReplicaEffect[] = []

  constructor(options: ReplicaOptions<State>) {
    this.#options = options
    this.#application = options.application
    const { consensus, epochs } = options
    const place = epochs === undefined ? {} : ownPlaceIn(consensus.validators, epochs.keys, consensus.sign)
    this.#config = { ...consensus, ...place }
    this.#consensus = createConsensus(this.#config, options.durable)
    this.#epoch = {
      validators: consensus.validators,
      previousValidators: epochs?.previousValidators ?? null,
      origin: consensus.origin ?? { height: 0 as Height, hash: consensus.chainId },
    }
    this.#names = this.#namesIn(consensus.validators, options.application.initial.state)
    this.#state = options.application.initial.state
    this.#tip = options.durable.committed
    this.#committedAtTick = this.#tip.height
    this.#mempool = new Mempool(options.mempool, options.order)
    this.#verdicts = new VerdictCache(options.mempool.verdicts)
    for (const { key, verdict } of options.verdicts ?? []) this.#verdicts.set(key, verdict)
    this.#scheduler = new Scheduler(
      { application: options.application, mempool: this.#mempool, order: options.order, maxWaitBlocks: options.mempool.maxWaitBlocks },
      this.#state,
      this.#tip.hash,
      this.#tip.height,
    )
    this.#leaderWatch = this.#newLeaderWatch(consensus.validators)
    this.#shelf = this.#newShelf()
    this.#fetch = this.#newFetch()
    this.#blobs = this.#newBlobs()
    const machine = this
    this.#desk = new AdmissionDesk({
      blobs: this.#blobs === null ? null : deskBlobs(this.#blobs, options.blobs?.pendingBytes ?? 0),
      application: options.application,
      mempool: this.#mempool,
      scheduler: this.#scheduler,
      verdicts: this.#verdicts,
      limits: options.mempool,
      block: options.block,
      get committed() {
        return { state: machine.#state, height: machine.#tip.height }
      },
      requestVerification: (work, cited, priority) => this.#requestVerification(work, cited, priority),
      abandonVerification: (key) => this.#abandonVerification(key),
      push: (effect) => this.#out.push(effect),
    })
  }

  get committed(): CommittedTip {
    return this.#tip
  }

  get state(): State {
    return this.#state
  }

  get position(): { readonly view: number; readonly phase: 'active' | 'changing' } {
    return this.#consensus
  }

  get epoch(): EpochStart {
    return this.#epoch
  }

  get self(): ValidatorIndex | null {
    const { self, validators } = this.#config
    return self < validators.validators.length ? self : null
  }

  get snapshot(): SnapshotProgress | null {
    return this.#fetch?.progress ?? null
  }

  get snapshotsServed(): readonly Height[] {
    return this.#shelf?.heights ?? []
  }

  wants(from: ValidatorIndex, message: Message): boolean {
    if (message.kind === 'snapshot' || message.kind === 'chunk') return this.#fetch?.wants(from, message) === true
    if (message.kind === 'blob-part' || message.kind === 'blob-absent') return this.#blobs?.wants(from, message) === true
    return this.#consensus.wants(this.#names.toCore(from), message)
  }

  transactionStatus(id: Hash): 'unknown' | 'waiting' | 'pending' {
    if (this.#mempool.get(id) !== undefined) return 'pending'
    return this.#desk.has(id) ? 'waiting' : 'unknown'
  }

  decoded(id: Hash): Transaction | undefined {
    return this.#decoded.get(keyOf(id))
  }

  nextNonce(sender: string, committedNonce: number): number {
    let nonce = committedNonce
    while (this.#mempool.bySenderNonce(sender, nonce) !== undefined) nonce++
    return nonce
  }

  explain(around: Surroundings): Diagnosis {
    return this.#consensus.explain({
      ...around,
      snapshot: this.snapshot,
      connected: around.connected.map((peer) => this.#names.toCore(peer)),
    })
  }

  forkMaterial(): ForkMaterial {
    return this.#consensus.forkMaterial()
  }

  get held(): Held {
    return this.#consensus.held
  }

  inspect(): ReplicaInspection {
    return {
      ...this.#consensus.inspect(),
      pooled: this.#mempool.size,
      poolBytes: this.#mempool.bytes,
      unverified: this.#desk.size,
      ready: this.#scheduler.readyCount,
      verdicts: this.#verdicts.size,
      evidenceHeld: this.#evidence.size,
      blobs: this.#blobs?.progress ?? [],
    }
  }

  evidence(): readonly HeldEvidence[] {
    return this.#evidence.list()
  }

  step(input: ReplicaInput): ReplicaEffect[] {
    this.#out = []
    if (input.kind !== 'round-trip') this.#nowMs = input.nowMs
    this.#handle(input)
    this.#reportWork()
    if (this.#jobs.length > 0) {
      this.#out.push({ kind: 'verify', jobs: this.#jobs })
      this.#jobs = []
    }
    if (this.#hastened.length > 0) {
      this.#out.push({ kind: 'hasten-verification', keys: this.#hastened })
      this.#hastened = []
    }
    if (this.#abandoned.length > 0) {
      this.#out.push({ kind: 'cancel-verification', keys: this.#abandoned })
      this.#abandoned = []
    }
    return this.#out
  }

  #handle(input: ReplicaInput): void {
    switch (input.kind) {
      case 'start':
        for (const bytes of this.#options.evidence ?? []) this.#onEvidenceBytes(bytes)
        this.#fetch?.resume()
        this.#pinStored()
        return this.#toConsensus(input)
      case 'message':
        if (input.message.kind === 'evidence') this.#onEvidenceBytes(input.message.evidence)
        this.#onSnapshotMessage(input.from, input.message)
        this.#onBlobMessage(input.from, input.message)
        return this.#toConsensus(this.#withCoreName(input))
      case 'foreign':
        this.#hear(input.from, input.epoch, input.committedHeight)
        return this.#toConsensus({ ...input, from: this.#names.toCore(input.from) })
      case 'round-trip':
        return this.#toConsensus({ ...input, peer: this.#names.toCore(input.peer) })
      case 'connected':
        this.#toConsensus({ ...input, peer: this.#names.toCore(input.peer) })
        for (const { bytes } of this.#evidence.list().slice(0, EVIDENCE_ON_CONNECT)) this.#sendEvidence(input.peer, bytes)
        this.#gossipSome(input.peer, GOSSIP_ON_CONNECT, this.#mempool.oldestFirst(), this.#mempool.arrivals)
        return
      case 'timer':
        this.#toConsensus(input)
        return this.#onTick(input.timer)
      case 'submit':
        return this.#desk.receive(input.transaction, 'client', input.request)
      case 'transactions':
        for (const transaction of input.transactions) this.#desk.receive(transaction, input.from, null)
        return
      case 'verified':
        return this.#onVerified(input.key, input.outcome)
      case 'blob-opened':
        return this.#blobs?.onOpened(input.blob, input.missing)
      case 'blob-refused':
        return this.#blobs?.onRefused(input.blob, input.refusal)
      case 'blob-lost':
        return this.#onBlobLost(input.blob)
    }
  }

  #withCoreName(input: Extract<ReplicaInput, { kind: 'message' }>): Input {
    const from = this.#names.toCore(input.from)
    return from === input.from ? input : { kind: 'message', from, message: input.message, nowMs: input.nowMs }
  }

  // --- consensus ----------------------------------------------------------------------------------------------------

  /** Feeds consensus, and answers what it asks of us at once, until it asks no more. */
  #toConsensus(input: Input): void {
    let queue: Input[] = [input]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const built = this.#lastBuilt
      for (const effect of this.#consensus.step(next)) {
        const reply = this.#onEffect(effect)
        if (reply === null) continue
        if (reply.kind === 'built' && reply.proposal !== null) queue.push(...this.#workLeft())
        queue.push(reply)
      }
      if (next.kind === 'built' && this.#lastBuilt === built) this.#lastBuilt = null // not wanted any more
      const handOver = this.#nextEpoch === null ? null : this.#consensus.handOver(this.#nextEpoch.validators)
      if (handOver !== null) queue = [this.#enterEpoch(handOver)] // what was still to be said concerned the epoch that is over
      this.#keepSchedulerOnLiveGround()
    }
  }

  #onEffect(effect: Effect): Input | null {
    switch (effect.kind) {
      case 'persist':
        for (const record of effect.records) if (record.kind === 'block') this.#pinVoted(record.block)
        this.#out.push(effect)
        return null
      case 'set-timer':
      case 'cancel-timer':
        this.#out.push(effect)
        return null
      case 'evidence':
        this.#onEvidence(effect.evidence, encodeEvidence(this.#options.consensus.chainId, effect.evidence))
        return null
      case 'fork':
        this.#fetch = null // it signs nothing any more: no state from others shall begin it anew
        this.#out.push(effect)
        return null
      case 'send':
      case 'serve':
        this.#sendTo(effect)
        return null
      case 'event': {
        const { event } = effect
        const peer = event.name === 'fetching' ? this.#names.toPeer(event.peer) : null
        this.#out.push(event.name === 'fetching' && peer !== null ? { kind: 'event', event: { ...event, peer } } : effect)
        return null
      }
      case 'validate':
        return this.#onValidate(effect)
      case 'build':
        return this.#onBuild(effect)
      case 'proposed':
        this.#onProposed(effect.block)
        return null
      case 'commit':
        this.#onCommit(effect)
        return null
      case 'abandon':
        for (const hash of effect.hashes) {
          this.#layers.delete(keyOf(hash))
          this.#validations.delete(keyOf(hash))
        }
        return null
    }
  }

  #sendTo(effect: Extract<Effect, { kind: 'send' | 'serve' }>): void {
    const to = effect.to === 'all' ? 'all' : this.#names.toPeer(effect.to)
    if (this.#fetch?.holdsBack(effect) === true) return
    if (to === null) return // nobody to reach: the same is asked of another at the next tick
    if (effect.kind === 'send') this.#out.push(to === effect.to ? effect : { kind: 'send', to, message: effect.message })
    else if (to !== 'all') this.#out.push({ kind: 'serve', to, from: effect.from })
  }

  #newLeaderWatch(validators: ValidatorSet): LeaderWatch {
    const { block, mempool } = this.#options
    return new LeaderWatch({ limits: block, maxWaitBlocks: mempool.maxWaitBlocks, validators: validators.validators.length })
  }

  // --- epochs -------------------------------------------------------------------------------------------------------

  #namesIn(validators: ValidatorSet, state: State): PeerNames {
    const { epochs } = this.#options
    return epochs === undefined ? SAME_NAMES : peerNames(validators.validators.map(({ publicKey }) => epochs.peerOf(publicKey, state)))
  }

  /** Null unless the block is the last of its epoch. */
  #nextValidators(at: Height, executed: Executed<State>): NextValidators | null {
    if (!isBoundary(this.#config.epochLength ?? 0, at)) return null
    return nextValidatorsOf(this.#epoch.validators, executed.nextValidators ?? null)
  }

  /** protocol.md §10: the last block is committed, so votes, views, timers and water marks begin anew for the new set. */
  #enterEpoch(durable: DurableState): Input {
    const next = this.#nextEpoch
    assert(next !== null, 'an epoch begins with the last block of the one before')
    const { validators, origin } = next
    const place = ownPlaceIn(validators, this.#options.epochs?.keys ?? [], this.#config.sign)
    this.#nextEpoch = null
    this.#epoch = next
    this.#config = { ...this.#config, validators, origin, ...(this.#options.epochs === undefined ? {} : place) }
    this.#names = this.#namesIn(validators, this.#state)
    this.#consensus = createConsensus(this.#config, durable)
    this.#leaderWatch = this.#newLeaderWatch(validators)
    this.#forgetOldEvidence()
    this.#validations.clear()
    this.#lastBuilt = null
    this.#reportedWork = { waiting: 0, full: false }
    for (const timer of ['view', 'batch'] as const) this.#out.push({ kind: 'cancel-timer', timer })
    const { epoch, validators: members } = validators
    this.#out.push({ kind: 'event', event: { name: 'epoch-entered', epoch, validators: members.length, self: this.self } })
    return { kind: 'start', nowMs: this.#nowMs }
  }

  /**
   * The scheduler stands on the committed block, or on our newest proposal. If that was abandoned, or never became a
   * proposal, what was chosen for it is to be ordered again.
   */
  #keepSchedulerOnLiveGround(): void {
    if (this.#scheduler.standsOn(this.#tip.hash) || this.#lastBuilt !== null || this.#layers.has(this.#scheduler.position)) return
    this.#scheduler.reset(this.#state, this.#tip.hash, this.#tip.height)
    this.#dropImpossible()
  }

  /** Tells consensus whether there is something to order, and whether it fills a block, when either has changed. */
  #reportWork(): void {
    for (let work = this.#changedWork(); work !== null; work = this.#changedWork()) this.#toConsensus(work)
  }

  #changedWork(): Extract<Input, { kind: 'work' }> | null {
    const waiting = this.#scheduler.readyCount + (this.#hasEvidenceToPropose() ? 1 : 0)
    const { transactions, bytes } = this.#options.block
    const full = waiting >= transactions || this.#scheduler.readyBytes >= bytes
    const before = this.#reportedWork
    if (waiting > 0 === before.waiting > 0 && full === before.full) return null
    this.#reportedWork = { waiting, full }
    return { kind: 'work', waiting, full, nowMs: this.#nowMs }
  }

  /**
   * Only for a leader: evidence makes nobody's view timer run, because a faulty validator could show it to one replica alone
   * and drive that one out of a view that works.
   */
  #hasEvidenceToPropose(): boolean {
    if (this.#evidence.size === 0 || this.#evidenceStalled) return false
    const { validators, self } = this.#config
    if (leaderOf(validators, this.#consensus.view) !== self) return false
    const proposed = new Set([...this.#layers.values()].flatMap(({ offences }) => offences.map(offenceKey)))
    for (const offence of this.#lastBuilt?.offences ?? []) proposed.add(offenceKey(offence))
    return this.#evidence
      .list()
      .some(({ offence }) => !proposed.has(offenceKey(offence)) && offenceFits(offence, (this.#tip.height + 1) as Height).ok)
  }

  /** Before a built block is answered: what is left no longer fills another, so consensus shall gather more first. */
  #workLeft(): Input[] {
    if (this.#scheduler.readyCount === 0) return []
    const work = this.#changedWork()
    return work === null ? [] : [work]
  }

  // --- building -----------------------------------------------------------------------------------------------------

  #stateAt(hash: Hash): State | undefined {
    return equalBytes(hash, this.#tip.hash) ? this.#state : this.#layers.get(keyOf(hash))?.executed.state
  }

  #onBuild(effect: Extract<Effect, { kind: 'build' }>): Input {
    const parent = this.#stateAt(effect.parent)
    assert(parent !== undefined, 'consensus builds on executed blocks only')
    if (!this.#scheduler.standsOn(effect.parent)) this.#scheduler.reset(parent, effect.parent, (effect.height - 1) as Height)
    const context: BlockContext = { height: effect.height, timestampMs: effect.timestampMs, proposer: this.#config.self }
    const proposal = this.#fill(parent, effect.parent, context)
    if (proposal === null) this.#reportedWork = { waiting: 0, full: false } // as consensus takes it: what is left is reported anew
    return { kind: 'built', height: effect.height, view: effect.view, proposal, nowMs: this.#nowMs }
  }

  #fill(parent: State, parentHash: Hash, context: BlockContext): BuiltProposal | null {
    const evidence = this.#evidence.choose(context.height, (offence) => this.#application.offenceRefusal(parent, offence) === null)
    const offences = evidence.map((item) => item.offence)
    const choice = this.#executable(parent, context, this.#scheduler.choose(this.#options.block), offences)
    const executed = choice.executed ?? this.#executedEvidence(parent, context, offences)
    const { items, leftOut } = choice
    if (executed === null) {
      this.#evidenceStalled = true
      this.#scheduler.refile(leftOut)
      this.#dropImpossible()
      return null
    }
    const transactions = items.map((item) => item.transaction)
    assert(this.#absentBlobs(transactions).size === 0, 'what is pooled has its blob here')
    const gas = items.map((item) => item.difficulty)
    this.#lastBuilt = { parent: parentHash, executed, transactions, gas, offences, leftOut }
    this.#scheduler.leave() // until #onProposed says which block this became
    const totalDifficulty = items.reduce((sum, item) => sum + BigInt(item.difficulty), 0n)
    const next = this.#nextValidators(context.height, executed)
    return {
      transactions: transactions.map((transaction) => transaction.bytes),
      evidence: evidence.map((item) => item.bytes),
      stateRoot: executed.stateRoot,
      totalDifficulty,
      ...(next === null ? {} : { nextValidatorsHash: next.validators.hash }),
    }
  }

  /** A block of evidence alone is something to order. */
  #executedEvidence(parent: State, context: BlockContext, offences: readonly Offence[]): Executed<State> | null {
    if (offences.length === 0) return null
    const executed = this.#application.execute(parent, context, [], offences)
    assert(executed.ok, executed.ok ? '' : `the application refuses offences it said it would record: ${executed.error.message}`)
    return executed.value
  }

  /** Executes the choice; if the application refuses it as a whole, leaves out what it refuses. */
  #executable(parent: State, context: BlockContext, chosen: readonly Pooled[], offences: readonly Offence[]): Choice<State> {
    if (chosen.length === 0) return { items: [], leftOut: [], executed: null }
    const whole = this.#application.execute(parent, context, chosen.map(toExecution), offences)
    if (whole.ok) return { items: chosen, leftOut: [], executed: whole.value }
    const { items, leftOut } = this.#acceptedOneByOne(parent, context, chosen)
    for (let most = items.length; most > 0; most >>= 1) {
      const kept = items.slice(0, most)
      const together = this.#application.execute(parent, context, kept.map(toExecution), offences)
      if (together.ok) return { items: kept, leftOut: [...leftOut, ...items.slice(most)], executed: together.value }
      if (most === 1) this.#dropPooled(items[0] as Pooled, together.error.code, together.error.message)
    }
    return { items: [], leftOut: [...leftOut, ...items.slice(1)], executed: null }
  }

  /** Halves until the refused ones stand alone: k of n cost about 2n + k log n executions, where one by one is n * n. */
  #acceptedOneByOne(parent: State, context: BlockContext, chosen: readonly Pooled[]): { items: Pooled[]; leftOut: Pooled[] } {
    const items: Pooled[] = []
    const leftOut: Pooled[] = []
    let state = parent
    const parts: (readonly Pooled[])[] = halvesOf(chosen)
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const [only] = part
      const attempt = this.#application.execute(state, context, part.map(toExecution))
      if (attempt.ok) {
        items.push(...part)
        state = attempt.value.state
      } else if (part.length > 1) parts.push(...halvesOf(part))
      else if (only !== undefined) {
        // Refused for what others did (a nonce or a citation is missing now, a name is taken): another state may see it otherwise.
        const isRefusedAsSuch = this.#application.readiness(state, only.transaction, context).status === 'ready'
        if (isRefusedAsSuch) this.#dropPooled(only, attempt.error.code, attempt.error.message)
        else leftOut.push(only)
      }
    }
    return { items, leftOut }
  }

  #onProposed(block: Block): void {
    const built = this.#lastBuilt
    assert(built !== null && equalBytes(built.parent, block.header.parent), 'a proposal is what was built last')
    this.#lastBuilt = null
    const { executed, transactions, gas, offences } = built
    this.#layers.set(keyOf(block.hash), { executed, height: block.header.height, transactions, gas, offences })
    this.#scheduler.advance(built.executed.state, block.hash, block.header.height, built.transactions)
    if (built.leftOut.length > 0) this.#scheduler.refile(built.leftOut)
  }

  // --- validating ---------------------------------------------------------------------------------------------------

  #onValidate({ block, certifiedGas }: Extract<Effect, { kind: 'validate' }>): Input | null {
    const limits = this.#options.block
    const count = block.body.transactions.length
    const bytes = block.body.transactions.reduce((sum, transaction) => sum + transaction.length, 0)
    if (count > limits.transactions || bytes > limits.bytes) {
      const message = `expected at most ${limits.transactions} transactions and ${limits.bytes} bytes, got ${count} and ${bytes}`
      return this.#validated(block.hash, { status: 'invalid', code: 'block-limits', message }) // before any is hashed or decoded
    }
    const transactions = this.#decodeAll(block)
    if ('code' in transactions) return this.#validated(block.hash, { status: 'invalid', ...transactions })
    const tooLarge = blobLimit(limits.blobBytes, transactions)
    if (tooLarge !== null) return this.#validated(block.hash, tooLarge)
    if (block.header.totalDifficulty > BigInt(limits.gas)) {
      return this.#validated(block.hash, blockGas(limits.gas, block.header.totalDifficulty)) // before anything is verified
    }
    const evidence = this.#evidenceOf(block)
    if ('code' in evidence) return this.#validated(block.hash, { status: 'invalid', ...evidence })
    const validation: Validation = {
      block,
      transactions,
      offences: evidence.offences,
      accused: new Set(evidence.accused.map((work) => keyOf(work.key))),
      gas: new Map(),
      awaited: new Set(),
      blobs: new Map(),
      certified: certifiedGas !== null,
    }
    if (certifiedGas !== null && this.#options.sync?.trustCertificates === true && this.#holdsAsCertified(validation, certifiedGas))
      return this.#validated(block.hash, { status: 'valid' })
    const missing = this.#requestRefutations(validation, evidence.accused) ?? this.#requestMissingVerdicts(validation)
    if (missing !== null) return this.#validated(block.hash, missing)
    if (isReady(validation)) return this.#validated(block.hash, this.#executeBlock(validation))
    this.#awaitBlobs(validation)
    this.#validations.set(keyOf(block.hash), validation)
    return null
  }

  /**
   * protocol.md §7: a quorum has verified the proofs, so none is verified again; everything else is checked, and the state
   * root says whether the gas that a peer named is what the quorum found. If it is not, the block is verified like any other.
   */
  #holdsAsCertified(validation: Validation, certifiedGas: readonly number[]): boolean {
    let proofs = 0
    const gas = new Map<string, number>()
    for (const [position, { work }] of validation.transactions.entries()) {
      if (work === null) continue
      gas.set(keyOf(work.key), certifiedGas[position] as number)
      proofs++
    }
    const { height, hash } = { height: validation.block.header.height, hash: validation.block.hash }
    const isGood = this.#executeBlock({ ...validation, gas }).status === 'valid'
    const name = isGood ? ('verdicts-trusted' as const) : ('verdicts-doubted' as const)
    if (proofs > 0) this.#out.push({ kind: 'event', event: { name, height, hash, proofs } })
    return isGood
  }

  #decodeAll(block: Block): readonly Transaction[] | { code: string; message: string } {
    const transactions: Transaction[] = []
    for (const [position, bytes] of block.body.transactions.entries()) {
      const id = transactionIdOf(bytes)
      const known = this.#mempool.get(id)?.transaction ?? this.#desk.get(id)
      if (known !== undefined) {
        transactions.push(known)
        continue
      }
      const decoded = this.#application.decode(bytes, id)
      if (!decoded.ok) return { code: decoded.error.code, message: `transaction ${position}: ${decoded.error.message}` }
      this.#decoded.add(decoded.value)
      transactions.push(decoded.value)
    }
    return transactions
  }

  /** Asks for verdicts not yet known; an answer means the block is invalid as it stands. */
  #requestMissingVerdicts(validation: Validation): ValidationResult | null {
    const parent = this.#stateAt(validation.block.header.parent)
    assert(parent !== undefined, 'consensus validates on executed blocks only')
    const inBlock = new Map<string, Uint8Array>()
    for (const [position, { id, work }] of validation.transactions.entries()) {
      if (work === null) continue
      const verdict = this.#verdictOn(id, work)
      if (verdict?.status === 'invalid')
        return { status: 'invalid', code: verdict.code, message: `transaction ${position}: ${verdict.message}`, refuted: position }
      if (this.#lacksBlob(validation, work, verdict)) continue
      if (verdict !== undefined) validation.gas.set(keyOf(work.key), verdict.gas)
      else {
        const cited: CitedStatement[] = []
        for (const key of work.cites) {
          const statement = inBlock.get(key) ?? this.#application.statementOf(parent, key)
          if (statement === undefined) {
            return {
              status: 'invalid',
              code: 'citation-missing',
              message: `transaction ${position} cites a claim that is not finalised before it`,
            }
          }
          cited.push({ key, statement })
        }
        validation.awaited.add(keyOf(work.key))
        this.#requestVerification(work, cited, 'block')
      }
      inBlock.set(keyOf(work.claimId), work.claim)
    }
    return null
  }

  /** What this validator has found about a proof; undefined if it has not looked. */
  #verdictOn(id: Hash, work: VerificationWork): Verdict | undefined {
    const pooled = this.#mempool.get(id)
    return pooled === undefined ? this.#verdicts.get(work.key) : { status: 'valid', gas: pooled.difficulty }
  }

  #executeBlock(validation: Validation): ValidationResult {
    const { block, transactions } = validation
    const { header } = block
    const parent = this.#stateAt(header.parent)
    if (parent === undefined) return { status: 'aborted', reason: 'another block was committed below it while its proofs were checked' }
    const inputs: ExecutionInput[] = []
    let totalDifficulty = 0n
    for (const transaction of transactions) {
      const difficulty = transaction.work === null ? 0 : validation.gas.get(keyOf(transaction.work.key))
      assert(difficulty !== undefined, 'a block is executed when every verdict is in')
      inputs.push({ transaction, difficulty })
      totalDifficulty += BigInt(difficulty)
    }
    if (totalDifficulty !== header.totalDifficulty) {
      return {
        status: 'invalid',
        code: 'difficulty',
        message: `expected total difficulty ${totalDifficulty}, got ${header.totalDifficulty}`,
      }
    }
    const context = { height: header.height, timestampMs: header.timestampMs, proposer: header.proposer }
    const executed = this.#application.execute(parent, context, inputs, validation.offences)
    if (!executed.ok) return { status: 'invalid', code: executed.error.code, message: executed.error.message }
    if (!equalBytes(executed.value.stateRoot, header.stateRoot)) {
      return { status: 'invalid', code: 'state-root', message: 'expected the state root that execution gives, got another' }
    }
    const next = this.#nextValidators(header.height, executed.value)
    if (next !== null && !equalBytes(next.validators.hash, header.nextValidatorsHash)) {
      const message = 'expected the hash of the validators that execution gives for the next epoch, got another'
      return { status: 'invalid', code: 'next-validators', message }
    }
    this.#layers.set(keyOf(block.hash), {
      executed: executed.value,
      height: header.height,
      transactions,
      gas: inputs.map(({ difficulty }) => difficulty),
      offences: validation.offences,
    })
    return { status: 'valid' }
  }

  #validated(hash: Hash, result: ValidationResult): Input {
    return { kind: 'validated', hash, result, nowMs: this.#nowMs }
  }

  // --- verifying ----------------------------------------------------------------------------------------------------

  #requestVerification(work: VerificationWork, cited: VerificationJob['cited'], priority: VerificationJob['priority']): void {
    const key = keyOf(work.key)
    const before = this.#underWay.get(key)
    if (before === 'block' || before === priority) return
    this.#underWay.set(key, priority)
    // Under way for the mempool: a block must not wait behind it.
    if (before === undefined) this.#jobs.push({ work, cited, priority })
    else this.#hastened.push(work.key)
  }

  /** Admission does not need this verdict any more; if nothing else does, whoever verifies may leave it. */
  #abandonVerification(key: Hash): void {
    const name = keyOf(key)
    if (this.#underWay.get(name) !== 'mempool') return
    for (const suspicion of this.#suspicions.values()) if (suspicion.key === name) return
    this.#underWay.delete(name)
    this.#abandoned.push(key)
  }

  #onVerified(key: Hash, outcome: VerificationOutcome): void {
    this.#underWay.delete(keyOf(key))
    if (outcome.status !== 'aborted') this.#verdicts.set(key, outcome)
    this.#desk.onVerified(key, outcome)
    this.#onSuspicionChecked(keyOf(key), outcome)
    for (const [hash, validation] of [...this.#validations]) {
      if (this.#validations.get(hash) !== validation || !validation.awaited.delete(keyOf(key))) continue // or abandoned just now
      if (outcome.status === 'valid') validation.gas.set(keyOf(key), outcome.gas)
      const result = this.#verdictOnBlock(validation, keyOf(key), outcome)
      if (result === null) continue
      this.#validations.delete(hash)
      this.#toConsensus(this.#validated(validation.block.hash, result))
    }
  }

  #verdictOnBlock(validation: Validation, key: string, outcome: VerificationOutcome): ValidationResult | null {
    const refuted = validation.transactions.findIndex(({ work }) => work !== null && keyOf(work.key) === key)
    const isAccused = validation.accused.has(key)
    switch (outcome.status) {
      case 'aborted':
        return { status: 'aborted', reason: outcome.reason }
      case 'invalid': {
        const message = `the block holds a proof that does not verify: ${outcome.message}`
        if (refuted >= 0) return { status: 'invalid', code: outcome.code, message, refuted }
        break
      }
      case 'valid':
        if (isAccused) return FALSE_ACCUSATION
        break
    }
    return isReady(validation) ? this.#executeBlock(validation) : null
  }

  // --- evidence (protocol.md §11) -----------------------------------------------------------------------------------

  /** Offences of a block whose evidence passed the edge; what is left is their age, and proofs to be checked again. */
  #evidenceOf(block: Block): { offences: Offence[]; accused: VerificationWork[] } | { code: string; message: string } {
    const offences: Offence[] = []
    const accused: VerificationWork[] = []
    for (const bytes of block.body.evidence) {
      const { offence, transaction } = this.#read(bytes)
      const fits = offenceFits(offence, block.header.height)
      if (!fits.ok) return fits.error
      offences.push(offence)
      if (transaction === null) continue
      const work = this.#accusedWork(transaction)
      if ('code' in work) return work
      accused.push(work)
    }
    return { offences, accused }
  }

  #read(bytes: Uint8Array): { offence: Offence; transaction: Uint8Array | null } {
    const decoded = decodeEvidence(bytes)
    assert(decoded.ok, 'evidence passed the edge and does not decode')
    const { evidence } = decoded.value
    const transaction = evidence.type === 'invalid-verification' ? evidence.transaction : null
    const validators = this.#accusable(accusedVote(evidence).epoch)
    assert(validators !== undefined, 'evidence passed the edge and is of an epoch that is not heard')
    return { offence: offenceOf(evidence, validators), transaction }
  }

  /** Whose evidence is heard: the validators of this epoch and of the one before; the same at every replica. */
  #accusable(inEpoch: Epoch): ValidatorSet | undefined {
    const { previousValidators } = this.#epoch
    if (inEpoch === this.#config.validators.epoch) return this.#config.validators
    return previousValidators?.epoch === inEpoch ? previousValidators : undefined
  }

  #accusedWork(transaction: Uint8Array): VerificationWork | { code: string; message: string } {
    const decoded = this.#application.decode(transaction)
    if (!decoded.ok) return { code: 'evidence-transaction', message: `expected a well-formed transaction: ${decoded.error.message}` }
    const { work } = decoded.value
    if (work?.blob !== undefined) return BLOB_ACCUSATION
    return work ?? { code: 'evidence-transaction', message: 'expected a transaction with a proof, got one without' }
  }

  /**
   * Statements that a proof under accusation cites, from an agreed state. A claim's id is a hash of its statement, so who has
   * a statement at all has the right one, and the verdict is the same everywhere; if one is missing, nobody is accused.
   */
  #citedIn(state: State, work: VerificationWork): VerificationJob['cited'] | undefined {
    const cited: CitedStatement[] = []
    for (const key of work.cites) {
      const statement = this.#application.statementOf(state, key)
      if (statement === undefined) return undefined
      cited.push({ key, statement })
    }
    return cited
  }

  #requestRefutations(validation: Validation, accused: readonly VerificationWork[]): ValidationResult | null {
    const parent = this.#stateAt(validation.block.header.parent)
    assert(parent !== undefined, 'consensus validates on executed blocks only')
    for (const work of accused) {
      const cited = this.#citedIn(parent, work)
      if (cited === undefined)
        return { status: 'invalid', code: 'evidence-citation', message: 'expected evidence about a proof whose citations are final' }
      const verdict = this.#verdicts.get(work.key)
      if (verdict?.status === 'valid') return FALSE_ACCUSATION
      if (verdict !== undefined) continue
      validation.awaited.add(keyOf(work.key))
      this.#requestVerification(work, cited, 'block')
    }
    return null
  }

  /** From a peer or from before a restart; the form is good. */
  #onEvidenceBytes(bytes: Uint8Array): void {
    const decoded = decodeEvidence(bytes)
    if (decoded.ok) this.#onEvidence(decoded.value.evidence, bytes)
  }

  #onEvidence(evidence: Evidence, bytes: Uint8Array): void {
    const validators = this.#accusable(accusedVote(evidence).epoch)
    if (bytes.length > MAX_EVIDENCE_BYTES || validators === undefined) return
    const offence = offenceOf(evidence, validators)
    const item: HeldEvidence = { offence, bytes, refutes: evidence.type === 'invalid-verification' }
    if (!this.#isWorthHolding(item)) return
    if (evidence.type === 'equivocation') return this.#hold(item)
    const work = this.#accusedWork(evidence.transaction)
    const cited = 'code' in work ? undefined : this.#citedIn(this.#state, work)
    if ('code' in work || cited === undefined) return
    const verdict = this.#verdicts.get(work.key)
    if (verdict?.status === 'invalid') return this.#hold(item)
    if (verdict !== undefined || this.#suspicions.size >= MAX_SUSPICIONS) return
    this.#suspicions.set(offenceKey(offence), { item, key: keyOf(work.key) })
    this.#requestVerification(work, cited, 'mempool')
  }

  #isWorthHolding(item: HeldEvidence): boolean {
    const { offence } = item
    if (this.#evidence.has(offence) || this.#suspicions.has(offenceKey(offence)) || !this.#evidence.hasRoomFor(item)) return false
    if (!offenceFits(offence, (this.#tip.height + 1) as Height).ok) return false
    return this.#application.offenceRefusal(this.#state, offence) === null
  }

  #onSuspicionChecked(key: string, outcome: VerificationOutcome): void {
    for (const [name, suspicion] of [...this.#suspicions]) {
      if (suspicion.key !== key) continue
      this.#suspicions.delete(name)
      if (outcome.status === 'invalid' && this.#isWorthHolding(suspicion.item)) this.#hold(suspicion.item)
    }
  }

  /** Kept, written down, and shown to everybody: whoever leads next puts it into a block. */
  #hold(item: HeldEvidence): void {
    if (!this.#evidence.add(item)) return
    this.#evidenceStalled = false
    this.#out.push({ kind: 'evidence', offence: item.offence, bytes: item.bytes })
    for (const to of this.#circle('pass-on')) this.#sendEvidence(to, item.bytes)
  }

  /** Whom we tell what everybody else who knows it tells, too (protocol.md §9). */
  #circle(purpose: 'tell' | 'pass-on'): readonly (ValidatorIndex | 'all')[] {
    const { self, validators } = this.#config
    const some = circleOf({ self, count: validators.validators.length }, this.#ticks, purpose)
    if (some === 'all') return ['all']
    return some.map((name) => this.#names.toPeer(name)).filter((peer) => peer !== null)
  }

  #sendEvidence(to: ValidatorIndex | 'all', evidence: Uint8Array): void {
    this.#out.push({ kind: 'send', to, message: { kind: 'evidence', evidence } })
  }

  /** Evidence is heard in the epoch of the offence and in the next: older sets of validators nobody need remember. */
  #forgetOldEvidence(): void {
    for (const [name, { item }] of [...this.#suspicions])
      if (this.#accusable(item.offence.epoch) === undefined) this.#suspicions.delete(name)
    for (const { offence } of this.#evidence.list()) {
      if (this.#accusable(offence.epoch) !== undefined) continue
      this.#evidence.remove(offence)
      this.#out.push({ kind: 'forget-evidence', offence })
    }
  }

  /** After a commit: what is on record, or no longer heard, need not be held. */
  #settleEvidence(): void {
    this.#evidenceStalled = false
    for (const { offence } of this.#evidence.list()) {
      const isOver = offence.height < this.#tip.height + 1 && !offenceFits(offence, (this.#tip.height + 1) as Height).ok
      if (!isOver && this.#application.offenceRefusal(this.#state, offence) === null) continue
      this.#evidence.remove(offence)
      this.#out.push({ kind: 'forget-evidence', offence })
    }
  }

  // --- committing ---------------------------------------------------------------------------------------------------

  #onCommit(effect: Extract<Effect, { kind: 'commit' }>): void {
    const { block, certificate, acceptedAtMs } = effect
    const layer = this.#layers.get(keyOf(block.hash))
    assert(layer !== undefined, 'consensus commits executed blocks only')
    const writes = this.#application.writes(this.#state, layer.executed.state)
    const parent = this.#tip.hash
    this.#state = layer.executed.state
    this.#application.settle?.(this.#state)
    this.#tip = { height: block.header.height, hash: block.hash, timestampMs: block.header.timestampMs }
    for (const transaction of layer.transactions) this.#desk.settle(transaction)
    this.#nextEpoch = this.#startAfter(block, layer.executed)
    const { transactions, gas, offences } = layer
    if (this.#nextEpoch !== null) this.#keepRecovery(this.#nextEpoch.validators)
    const final = block.header.height
    this.#out.push({ kind: 'commit', block, certificate, writes, transactions, gas, offences, nextEpoch: this.#nextEpoch })
    this.#shelf?.onCommit(block.header, this.#state, certificate)
    for (const [key, other] of this.#layers) if (other.height <= block.header.height) this.#layers.delete(key)
    if (this.#scheduler.standsOn(parent)) this.#scheduler.advance(this.#state, block.hash, block.header.height, layer.transactions)
    this.#clearMempool(layer.transactions)
    this.#dropImpossible()
    this.#settleEvidence()
    this.#blobs?.onFinal(blobsOf(transactions), final)
    if (acceptedAtMs !== null) this.#tellWatch(block, acceptedAtMs)
  }

  /** A validator that forgot what it signed may have to ask again in the next epoch: durably no later than the epoch's last block. */
  #keepRecovery(next: ValidatorSet): void {
    const recovery = this.#consensus.handOver(next)?.recovery ?? null
    if (recovery?.status === 'asking') this.#out.push({ kind: 'persist', records: [{ kind: 'recovery', recovery }] })
  }

  #tellWatch(block: Block, acceptedAtMs: number): void {
    this.#dropWatchesNotWaiting()
    const { transactions } = block.body
    const bytes = transactions.reduce((sum, transaction) => sum + transaction.length, 0)
    this.#leaderWatch.onCommitted({
      acceptedAtMs,
      transactions: transactions.length,
      bytes,
      gas: Number(block.header.totalDifficulty),
    })
  }

  #startAfter(block: Block, executed: Executed<State>): EpochStart | null {
    const { height, hash } = { height: block.header.height, hash: block.hash }
    const next = this.#nextValidators(height, executed)
    if (next === null) return null
    const { epoch } = next.validators
    if (next.refusal !== null) this.#out.push({ kind: 'event', event: { name: 'validators-refused', epoch, ...next.refusal } })
    return { validators: next.validators, previousValidators: this.#epoch.validators, origin: { height, hash } }
  }

  /** Of what the scheduler found impossible on some state: what is impossible on the committed one, so for ever. */
  #dropImpossible(): void {
    for (const item of this.#scheduler.suspects) this.#dropIfImpossible(item)
  }

  #dropIfImpossible(item: Pooled): void {
    const readiness = this.#application.readiness(this.#state, item.transaction, { height: (this.#tip.height + 1) as Height })
    if (readiness.status === 'never') this.#dropPooled(item, readiness.code, readiness.message)
  }

  #clearMempool(committed: readonly Transaction[]): void {
    for (const transaction of committed) {
      this.#removePooled(this.#mempool.byKey(transaction.idKey))
      const rival = this.#mempool.bySenderNonce(transaction.sender, transaction.nonce)
      if (rival !== undefined) this.#dropPooled(rival, 'nonce-used', 'another transaction of this account with the same nonce is final')
      if (transaction.work === null) continue
      const duplicate = this.#mempool.byClaim(transaction.work.claimId)
      if (duplicate !== undefined) this.#dropPooled(duplicate, 'duplicate-claim', 'another transaction with the same claim is final')
    }
    for (const transaction of committed) if (transaction.work !== null) this.#desk.wakeClaim(transaction.work.claimId)
  }

  #removePooled(item: Pooled | undefined): void {
    if (item === undefined) return
    this.#scheduler.drop(item)
    this.#mempool.remove(item.transaction.id)
  }

  #dropPooled(item: Pooled, code: string, message: string): void {
    this.#removePooled(item)
    this.#out.push({ kind: 'dropped', id: item.transaction.id, refusal: { code, message } })
  }

  // --- blobs (protocol.md §9) ---------------------------------------------------------------------------------------

  #newBlobs(): ReplicaBlobs | null {
    const { blobs } = this.#options
    if (blobs === undefined) return null
    const machine = this
    return new ReplicaBlobs(blobs, {
      get peers() {
        return machine.#peers
      },
      get tip() {
        return machine.#tip.height
      },
      needed: () => this.#neededBlobs(),
      pendingChecked: () => this.#desk.checkedBlobs,
      isQuorum: (peers) => this.#holdQuorum(peers),
      send: (to, message) => this.#out.push({ kind: 'send', to, message }),
      push: (effect) => this.#out.push(effect),
      emit: (event) => this.#out.push({ kind: 'event', event }),
      blame: (peer, refusal) => this.#out.push({ kind: 'blame', peer, refusal }),
      onHeld: (key) => this.#onBlobHeld(key),
      onGivenUp: (key, refusal) => this.#desk.onBlobGivenUp(key, refusal),
    })
  }

  /** Validators of the epoch that can be reached, in order. */
  get #peers(): ValidatorIndex[] {
    const { validators, self } = this.#config
    return validators.validators.flatMap((_, index) => {
      const peer = index === self ? null : this.#names.toPeer(index as ValidatorIndex)
      return peer === null ? [] : [peer]
    })
  }

  /** Of the epoch's validators, this one counted in. */
  #holdQuorum(peers: ReadonlySet<ValidatorIndex>): boolean {
    const { validators, self } = this.#config
    const holders = new Set<ValidatorIndex>([...peers].map((peer) => this.#names.toCore(peer)))
    holders.add(self)
    const power = validators.validators.reduce((sum, each, index) => (holders.has(index as ValidatorIndex) ? sum + each.power : sum), 0n)
    return isQuorum(validators, power)
  }

  #onBlobMessage(from: ValidatorIndex, message: Message): void {
    if (this.#blobs === null) return
    switch (message.kind) {
      case 'fetch':
        if (message.want === 'blob') this.#blobs.onMessage(from, message)
        return
      case 'blob-part':
      case 'blob-absent':
      case 'blob-held':
        for (const key of this.#blobs.onMessage(from, message)) this.#desk.onBlob(key)
        return
      default:
        return
    }
  }

  /** What must not be taken away: of pending transactions, of blocks proposed or being validated, of votes not yet overtaken. */
  #neededBlobs(): Set<string> {
    const needed = new Set<string>(this.#blobs?.pinned)
    for (const blob of this.#desk.blobs) needed.add(blobKey(blob))
    for (const { transactions } of this.#layers.values()) for (const blob of blobsOf(transactions)) needed.add(blobKey(blob))
    for (const { transactions } of this.#validations.values()) for (const blob of blobsOf(transactions)) needed.add(blobKey(blob))
    for (const blob of blobsOf(this.#lastBuilt?.transactions ?? [])) needed.add(blobKey(blob))
    return needed
  }

  needsBlob(blob: BlobRef): boolean {
    return this.#neededBlobs().has(blobKey(blob))
  }

  #absentBlobs(transactions: readonly Transaction[]): Set<string> {
    return new Set(
      blobsOf(transactions)
        .filter((blob) => this.#blobs?.isHeld(blob) !== true)
        .map(blobKey),
    )
  }

  /**
   * A vote attests that the blob is here and was checked, so a verdict remembered is not enough for one. A block that a quorum has
   * committed is executed on the verdict alone: its blobs may be pruned everywhere.
   */
  #lacksBlob(validation: Validation, { blob }: VerificationWork, verdict: Verdict | undefined): boolean {
    if (blob === undefined || (validation.certified && verdict !== undefined)) return false
    if (this.#blobs?.isHeld(blob) === true) return false
    validation.blobs.set(blobKey(blob), blob)
    return true
  }

  #awaitBlobs({ block, blobs }: Validation): void {
    if (blobs.size === 0) return
    const { proposer, height } = block.header
    const from = proposer === this.#config.self ? null : this.#names.toPeer(proposer)
    for (const blob of blobs.values()) this.#blobs?.want(blob, 'block', from)
    this.#out.push({ kind: 'event', event: { name: 'block-awaits-blobs', height, hash: block.hash, blobs: blobs.size } })
  }

  #onBlobHeld(key: string): void {
    this.#desk.onBlob(key)
    for (const [hash, validation] of [...this.#validations]) {
      if (this.#validations.get(hash) !== validation || !validation.blobs.delete(key) || validation.blobs.size > 0) continue
      const missing = this.#requestMissingVerdicts(validation)
      if (missing === null && !isReady(validation)) continue
      this.#validations.delete(hash)
      this.#toConsensus(this.#validated(validation.block.hash, missing ?? this.#executeBlock(validation)))
    }
  }

  /** What relies on it here must not be voted for. */
  #onBlobLost(blob: BlobRef): void {
    this.#blobs?.lose(blob)
    const key = blobKey(blob)
    for (const item of [...this.#mempool.values()]) {
      const used = item.transaction.work?.blob
      if (used !== undefined && blobKey(used) === key) this.#dropPooled(item, BLOB_LOST.code, BLOB_LOST.message)
    }
    this.#keepSchedulerOnLiveGround()
  }

  /** Before a vote is durable: its blobs stay until the chain has passed it. */
  #pinVoted(block: Block): void {
    const layer = this.#blobs === null ? undefined : this.#layers.get(keyOf(block.hash))
    if (layer !== undefined) this.#blobs?.pin(blobsOf(layer.transactions), layer.height)
  }

  /** At a start: of the blocks that were voted for and are not committed. */
  #pinStored(): void {
    if (this.#blobs === null) return
    for (const { header, body } of this.#options.durable.blocks) {
      const transactions = body.transactions.flatMap((bytes) => {
        const decoded = this.#application.decode(bytes)
        return decoded.ok ? [decoded.value] : []
      })
      this.#blobs.pin(blobsOf(transactions), header.height)
    }
  }

  /**
   * Nobody serves the blobs that a block waits for: it is tried again, since by then its certificate may be here with the gas of its
   * proofs, or a state above it (§7).
   */
  #giveUpStarved(): void {
    for (const [hash, { block, blobs }] of [...this.#validations]) {
      if (![...blobs.keys()].some((key) => this.#blobs?.isStarved(key) === true)) continue
      this.#starvedAt = this.#tip.height
      this.#validations.delete(hash)
      const reason = `${blobs.size} blobs that its transactions refer to are served by nobody`
      this.#toConsensus(this.#validated(block.hash, { status: 'aborted', reason }))
    }
  }

  // --- snapshots ----------------------------------------------------------------------------------------------------

  #newShelf(): SnapshotShelf<State> | null {
    const { sync, application } = this.#options
    const { snapshots } = application
    if (sync?.snapshots === undefined || snapshots === undefined) return null
    const { everyBlocks, chunkBytes, stored } = sync.snapshots
    const shelf = new SnapshotShelf({ snapshots, everyBlocks, chunkBytes }, stored.headers)
    shelf.begin(stored.headers, this.#state, stored.certificate)
    return shelf
  }

  #newFetch(): SnapshotFetch<State> | null {
    const { sync, application, consensus } = this.#options
    const { snapshots } = application
    const behindBlocks = sync?.snapshots?.behindBlocks ?? null
    if (sync?.snapshots === undefined || snapshots === undefined || behindBlocks === null) return null
    const { verifySignature, stored } = sync.snapshots
    const context = { chainId: consensus.chainId, epochLength: consensus.epochLength ?? 0, verifySignature }
    const machine = this
    return new SnapshotFetch(
      { context, snapshots, behindBlocks, staged: stored.staged },
      {
        get committed() {
          return machine.#tip
        },
        get epoch() {
          return machine.#epoch
        },
        get isExecuting() {
          return machine.#consensus.isExecuting && machine.#starvedAt !== machine.#tip.height
        },
        send: (to, message) => this.#out.push({ kind: 'send', to, message }),
        record: (record) => this.#out.push({ kind: 'snapshot', record }),
        emit: (event) => this.#out.push({ kind: 'event', event }),
        blame: (peer, refusal) => this.#out.push({ kind: 'blame', peer, refusal }),
      },
    )
  }

  #onSnapshotMessage(from: ValidatorIndex, message: Message): void {
    if (message.kind === 'status') {
      if (message.sender === this.#names.toCore(from)) this.#fetch?.hear(from, message.committedHeight)
    } else if (message.kind === 'fetch') {
      if (message.want === 'snapshot' || message.want === 'chunk') this.#serveSnapshot(from, message)
    } else if (message.kind === 'snapshot') {
      this.#fetch?.onOffer(from, message)
    } else if (message.kind === 'chunk') {
      const finished = this.#fetch?.onChunk(from, message) ?? null
      if (finished !== null) this.#takeOver(finished)
    }
  }

  /** Of another epoch: what a peer there has at least, or what it says. */
  #hear(from: ValidatorIndex, of: Epoch, committedHeight: Height | null): void {
    // Nobody has checked the epoch: a number, of any size, not a height.
    const begun = of > this.#epoch.validators.epoch ? of * (this.#config.epochLength ?? 0) : 0
    const claimed = Math.max(begun, committedHeight ?? 0)
    if (claimed > 0) this.#fetch?.hear(from, claimed)
  }

  #serveSnapshot(to: ValidatorIndex, wish: Extract<Message, { kind: 'fetch'; want: 'snapshot' | 'chunk' }>): void {
    const answer = this.#shelf?.answer(to, wish) ?? null
    if (answer?.kind === 'chunk') this.#out.push({ kind: 'send', to, message: answer.message })
    if (answer?.kind === 'offer') this.#out.push({ kind: 'serve-offer', to, from: answer.from, offer: answer.offer })
  }

  /** Nothing is taken over; the headers show which blocks the state stands on. */
  #onForkedState(fork: Extract<Effect, { kind: 'fork' }> | null, headers: readonly Header[]): void {
    if (fork === null) return
    this.#out.push({ ...fork, material: { ...fork.material, headers: [...headers, ...fork.material.headers] } })
  }

  /**
   * protocol.md §7: the state is here, proven and durable but for the last step. For consensus it is as if all blocks up to it had been
   * committed now; whatever was being built, verified or judged on the old state is over.
   */
  #takeOver({ target, headers, start, state }: Finished<State>): void {
    const { header, certificate } = target
    const { chainId } = this.#config
    const recent = recentHashes(chainId, header, headers)
    const committed = { height: header.height, hash: hashHeader(header), timestampMs: header.timestampMs }
    const jump = this.#consensus.jump({ committed, certificate, recent, validators: start.validators })
    if ('fork' in jump) return this.#onForkedState(jump.fork, [header, ...headers])
    const { durable, records } = jump
    const from = this.#tip.height
    const isLaterEpoch = start.validators.epoch !== this.#epoch.validators.epoch
    if (records.length > 0) this.#out.push({ kind: 'persist', records })
    this.#out.push({ kind: 'restored', restored: { target, headers, start } })
    const { epoch } = start.validators
    this.#out.push({ kind: 'event', event: { name: 'snapshot-restored', height: committed.height, from, epoch } })
    this.#state = state
    this.#application.settle?.(state)
    this.#tip = committed
    this.#layers.clear()
    this.#validations.clear()
    this.#lastBuilt = null
    this.#scheduler.reset(state, committed.hash, committed.height)
    this.#dropImpossible()
    this.#shelf?.begin([...[...headers].reverse(), header], state, certificate)
    if (isLaterEpoch) {
      this.#nextEpoch = start
      return this.#toConsensus(this.#enterEpoch(durable))
    }
    this.#consensus = createConsensus(this.#config, durable)
    this.#leaderWatch = this.#newLeaderWatch(start.validators)
    this.#reportedWork = { waiting: 0, full: false }
    this.#settleEvidence()
    for (const timer of ['view', 'batch'] as const) this.#out.push({ kind: 'cancel-timer', timer })
    this.#toConsensus({ kind: 'start', nowMs: this.#nowMs })
  }

  // --- judging the leader -------------------------------------------------------------------------------------------

  /** What is in a proposal, or cannot be in one, does not wait for the leader. */
  #dropWatchesNotWaiting(): void {
    const { starvation } = this.#leaderWatch
    if (starvation.size === 0) return
    const proposed = this.#proposedIds()
    starvation.keepOnly((item) => this.#scheduler.isReady(item) && !proposed.has(keyOf(item.transaction.id)))
  }

  #proposedIds(): Set<string> {
    const ids = new Set<string>()
    for (const layer of this.#layers.values()) for (const { id } of layer.transactions) ids.add(keyOf(id))
    return ids
  }

  /** At every status tick: watches the oldest transactions that wait, tells the leader of them, and says what to think of it. */
  #judgeLeader(): void {
    const look = this.#consensus.inspect()
    const { validators, self } = this.#config
    if (this.self === null) return
    const leader = leaderOf(validators, look.view)
    const role = look.phase === 'changing' ? 'changing' : leader === self ? 'leader' : 'backup'
    const { starvation } = this.#leaderWatch
    this.#dropWatchesNotWaiting()
    const toTell = this.#leaderWatch.enter({ view: look.view, nowMs: this.#nowMs }) ? starvation.items : []
    if (role === 'backup') {
      for (const item of this.#oldestUnproposed()) {
        starvation.watch(item, this.#nowMs)
        toTell.push(item)
      }
      const to = this.#names.toPeer(leader)
      if (toTell.length > 0 && to !== null) this.#out.push({ kind: 'gossip', to, transactions: toTell.map((item) => item.transaction) })
    }
    const { viewTimeoutMs, quorumRoundTripMs, view } = look
    const complaint = this.#leaderWatch.judge({
      nowMs: this.#nowMs,
      view,
      role,
      viewTimeoutMs,
      roundTripMs: quorumRoundTripMs,
      isExecutable: (item) => this.#isExecutable(item),
    })
    if (role === 'backup') this.#toConsensus({ kind: 'leader-judged', view, complaint, nowMs: this.#nowMs })
  }

  #oldestUnproposed(): Pooled[] {
    const { starvation } = this.#leaderWatch
    if (this.#scheduler.readyCount === 0 || starvation.size >= MAX_WATCHED) return []
    const proposed = this.#proposedIds()
    const isFree = (item: Pooled): boolean => !proposed.has(keyOf(item.transaction.id)) && !starvation.isWatched(item.transaction.id)
    return this.#scheduler.oldestReady(WATCHED_PER_TICK, isFree)
  }

  #isExecutable(item: Pooled): boolean {
    const context: BlockContext = {
      height: (this.#tip.height + 1) as Height,
      timestampMs: Math.max(this.#nowMs, this.#tip.timestampMs + 1),
      proposer: this.#config.self,
    }
    return this.#application.execute(this.#state, context, [toExecution(item)]).ok
  }

  // --- upkeep -------------------------------------------------------------------------------------------------------

  #onTick(timer: TimerName): void {
    if (timer !== 'status') return
    this.#ticks++
    this.#shelf?.onTick()
    this.#fetch?.onTick()
    this.#judgeLeader()
    const stalled = this.#committedAtTick === this.#tip.height
    this.#committedAtTick = this.#tip.height
    this.#sweep(stalled ? SWEPT_PER_TICK.stalled : SWEPT_PER_TICK.busy)
    this.#desk.sweep()
    this.#desk.sweepBlobs()
    this.#blobs?.onTick()
    this.#giveUpStarved()
    this.#gossipCursor ??= this.#mempool.oldestFirst()
    const wentRound = this.#gossipSome('all', REGOSSIP_PER_TICK, this.#gossipCursor, this.#arrivalsAtTick)
    if (wentRound) this.#gossipCursor = null
    this.#arrivalsAtTick = this.#mempool.arrivals
  }

  /** Lets go of what has become impossible in ways that no commit told of: it has expired, say. */
  #sweep(most: number): void {
    this.#sweepCursor ??= this.#mempool.oldestFirst()
    for (let count = 0; count < most; count++) {
      const next = this.#sweepCursor.next()
      if (next.done === true) {
        this.#sweepCursor = null
        return
      }
      this.#dropIfImpossible(next.value)
    }
  }

  /** Sends what comes next and arrived before `arrivals`. True if there was no more of it. */
  #gossipSome(to: ValidatorIndex | 'all', bound: GossipBound, items: Iterator<Pooled>, arrivals: number): boolean {
    const transactions: Transaction[] = []
    let bytes = 0
    let wentRound = false
    while (transactions.length < bound.transactions && bytes < bound.bytes) {
      const next = items.next()
      wentRound = next.done === true || next.value.arrival >= arrivals
      if (next.done === true || wentRound) break
      transactions.push(next.value.transaction)
      bytes += next.value.transaction.bytes.length
    }
    if (transactions.length > 0)
      for (const peer of to === 'all' ? this.#circle('tell') : [to]) this.#out.push({ kind: 'gossip', to: peer, transactions })
    return wentRound
  }
}

/** Verified, and its blobs are here. */
function isReady({ awaited, blobs }: Validation): boolean {
  return awaited.size === 0 && blobs.size === 0
}

function blobsOf(transactions: readonly Transaction[]): BlobRef[] {
  return transactions.flatMap(({ work }) => (work?.blob === undefined ? [] : [work.blob]))
}

function blobLimit(most: number | undefined, transactions: readonly Transaction[]): ValidationResult | null {
  const bytes = blobsOf(transactions).reduce((sum, blob) => sum + blob.bytes, 0)
  if (most === undefined || bytes <= most) return null
  return { status: 'invalid', code: 'block-limits', message: `expected blobs of at most ${most} bytes in a block, got ${bytes}` }
}

function deskBlobs(blobs: ReplicaBlobs, pendingBytes: number): DeskBlobs {
  return {
    pendingBytes,
    isHeld: (blob) => blobs.isHeld(blob),
    isSpread: (blob) => blobs.isSpread(blob),
    want: (blob, purpose, from) => blobs.want(blob, purpose, from),
    announce: (blob) => blobs.announce(blob),
  }
}

/** Who withholds a blob could keep everybody from judging; so votes for false blobs are refused, and accuse nobody (protocol.md §11). */
const BLOB_ACCUSATION: Refusal = {
  code: 'evidence-blob',
  message: 'expected a proof that is in its transaction, got one that is a blob, which not everybody may have',
}

const FALSE_ACCUSATION: ValidationResult = {
  status: 'invalid',
  code: 'evidence-proof',
  message: 'expected evidence of a proof that does not verify, got a proof that does',
}

function toExecution(item: Pooled): ExecutionInput {
  return { transaction: item.transaction, difficulty: item.difficulty }
}

function halvesOf(items: readonly Pooled[]): (readonly Pooled[])[] {
  const half = items.length >> 1
  return half === 0 ? [items] : [items.slice(half), items.slice(0, half)] // popped from the end: the first half first
}

function blockGas(most: number, got: bigint): ValidationResult {
  return { status: 'invalid', code: 'block-gas', message: `expected at most ${most} gas, got ${got}` }
}
