/**
 * One replica: mempool, consensus and application behind one synchronous `step(input) -> effects`. Consensus asks for
 * blocks to be built, validated and committed; this file answers from the mempool, the verdict cache and the application,
 * and passes everything else through.
 */
import { assert, type Epoch, type Hash, type Height, keyOf, type ValidatorIndex } from '@aethel/codec'
import {
  type BlobRef,
  type Block,
  blobKey,
  type CommittedTip,
  type Consensus,
  type ConsensusConfig,
  createConsensus,
  type Diagnosis,
  type DurableState,
  type Effect,
  type EpochStart,
  encodeEvidence,
  type ForkMaterial,
  type Header,
  type Held,
  hashHeader,
  type Input,
  isBoundary,
  leaderOf,
  type Message,
  recentHashes,
  type Surroundings,
  type TimerName,
  type ValidationResult,
  type ValidatorSet,
} from '@aethel/consensus'
import { Accusations } from './accusations.js'
import { AdmissionDesk, BLOB_LOST, type DeskBlobs } from './admission.js'
import type { Application, Executed, Transaction } from './application.js'
import { ReplicaBlobs } from './blobs.js'
import { CompactProposals } from './compact-proposals.js'
import { Company } from './company.js'
import { type NextValidators, nextValidatorsOf, ownPlaceIn, type PeerNames, peerNames, SAME_NAMES } from './epochs.js'
import type { HeldEvidence } from './evidence-pool.js'
import { blobsOf, Ground } from './ground.js'
import type { Replica, ReplicaEffect, ReplicaInput, ReplicaInspection, ReplicaOptions, VerificationOutcome } from './interface.js'
import { LeaderJudge } from './leader-judge.js'
import { Mempool } from './mempool.js'
import { MempoolRounds } from './mempool-rounds.js'
import { Offering } from './offering.js'
import { Ordering } from './ordering.js'
import { PeerMemory } from './peer-memory.js'
import { Scheduler } from './scheduler.js'
import { type Finished, SnapshotFetch, type SnapshotProgress } from './snapshot-fetch.js'
import { type ShelfAnswer, SnapshotShelf } from './snapshot-shelf.js'
import { LOST_BEFORE_THE_VOTE, Validations } from './validations.js'
import { VerdictCache } from './verdicts.js'
import { Verifications } from './verifications.js'

/** Transactions looked at per status tick, going round: has one become impossible? At some microseconds each. */
const SWEPT_PER_TICK = { busy: 512, stalled: 4096 } as const

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
  readonly #company: Company
  /** Committed with the last block of the epoch, taken up at once. */
  #nextEpoch: EpochStart | null = null
  readonly #mempool: Mempool
  readonly #scheduler: Scheduler<State>
  readonly #verdicts: VerdictCache
  readonly #desk: AdmissionDesk<State>
  /** Null: a chain without blobs. */
  readonly #blobs: ReplicaBlobs | null
  readonly #ground: Ground<State>
  readonly #verifications = new Verifications()
  readonly #validations: Validations<State>
  readonly #accusations: Accusations<State>
  readonly #proposals: CompactProposals
  readonly #ordering: Ordering<State>
  #committedAtTick: number
  /** Status ticks so far. */
  #ticks = 0
  readonly #rounds: MempoolRounds
  readonly #offering: Offering
  readonly #connected = new Set<ValidatorIndex>()
  readonly #leaderJudge: LeaderJudge<State>
  readonly #memory = new PeerMemory()
  /** Null: no states are handed over. */
  readonly #shelf: SnapshotShelf<State> | null
  /** Null: none are taken over. */
  #fetch: SnapshotFetch<State> | null
  /** Blobs of the block above this height could not be had: standing still is for want of them. */
  #starvedAt: Height | null = null
  #nowMs = 0
  #out: ReplicaEffect[] = []

  constructor(options: ReplicaOptions<State>) {
    this.#options = options
    this.#application = options.application
    const { consensus, epochs } = options
    const place = epochs === undefined ? {} : ownPlaceIn(consensus.validators, epochs.keys, consensus)
    this.#config = { ...consensus, ...place }
    this.#consensus = createConsensus(this.#config, options.durable)
    this.#epoch = {
      validators: consensus.validators,
      previousValidators: epochs?.previousValidators ?? null,
      origin: consensus.origin ?? { height: 0 as Height, hash: consensus.chainId },
    }
    this.#names = this.#namesIn(consensus.validators, options.application.initial.state)
    this.#company = this.#newCompany()
    this.#ground = new Ground(options.application.initial.state, options.durable.committed)
    this.#committedAtTick = this.#ground.tip.height
    this.#mempool = new Mempool(options.mempool, options.order)
    this.#rounds = new MempoolRounds(this.#mempool)
    this.#offering = this.#newOffering()
    this.#verdicts = new VerdictCache(options.mempool.verdicts)
    for (const { key, verdict } of options.verdicts ?? []) this.#verdicts.set(key, verdict)
    this.#scheduler = new Scheduler(
      { application: options.application, mempool: this.#mempool, order: options.order, maxWaitBlocks: options.mempool.maxWaitBlocks },
      this.#ground.state,
      this.#ground.tip.hash,
      this.#ground.tip.height,
    )
    this.#leaderJudge = new LeaderJudge(
      {
        application: options.application,
        ground: this.#ground,
        scheduler: this.#scheduler,
        limits: options.block,
        maxWaitBlocks: options.mempool.maxWaitBlocks,
      },
      consensus.validators.validators.length,
    )
    this.#shelf = this.#newShelf()
    this.#fetch = this.#newFetch()
    this.#blobs = this.#newBlobs()
    this.#accusations = this.#newAccusations()
    this.#ordering = this.#newOrdering()
    this.#proposals = this.#newProposals()
    this.#validations = this.#newValidations()
    this.#desk = new AdmissionDesk({
      blobs: this.#blobs === null ? null : deskBlobs(this.#blobs, options.blobs?.pendingBytes ?? 0),
      application: options.application,
      mempool: this.#mempool,
      scheduler: this.#scheduler,
      verdicts: this.#verdicts,
      limits: options.mempool,
      block: options.block,
      ground: this.#ground,
      requestVerification: (work, cited) => this.#verifications.request(work, cited, 'mempool'),
      abandonVerification: (key) => {
        if (!this.#accusations.awaits(keyOf(key))) this.#verifications.abandon(key)
      },
      push: (effect) => this.#out.push(effect),
    })
  }

  get committed(): CommittedTip {
    return this.#ground.tip
  }

  get state(): State {
    return this.#ground.state
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
    if (message.kind === 'block-transactions') return this.#proposals.wantsTransactions(from, message.hash)
    if (message.kind === 'block' && this.#proposals.wantsBlock(message.block.hash)) return true
    const name = this.#names.toCore(from)
    if (message.kind === 'compact-pre-prepare' && (name !== message.sender || !this.#proposals.wants(message))) return false
    return this.#consensus.wants(name, message)
  }

  isDue(from: ValidatorIndex, message: Message): boolean {
    return this.#consensus.isDue(this.#names.toCore(from), message)
  }

  transactionStatus(id: Hash): 'unknown' | 'waiting' | 'pending' {
    if (this.#mempool.get(id) !== undefined) return 'pending'
    return this.#desk.has(id) ? 'waiting' : 'unknown'
  }

  decoded(id: Hash): Transaction | undefined {
    return this.#validations.decoded(id)
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
      awaited: this.#awaitedProposal,
      connected: around.connected.map((peer) => this.#names.toCore(peer)),
      silences: (around.silences ?? []).map(({ validator, forMs }) => ({ validator: this.#names.toCore(validator), forMs })),
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
      evidenceHeld: this.#accusations.size,
      blobs: this.#blobs?.progress ?? [],
      proposalsAwaited: this.#proposals.size,
      awaitedBytes: this.#proposals.bytes,
    }
  }

  evidence(): readonly HeldEvidence[] {
    return this.#accusations.list()
  }

  step(input: ReplicaInput): ReplicaEffect[] {
    this.#out = []
    if (input.kind !== 'round-trip') this.#nowMs = input.nowMs
    this.#handle(input)
    this.#reportWork()
    this.#verifications.leave(this.#out)
    return this.#out
  }

  #handle(input: ReplicaInput): void {
    switch (input.kind) {
      case 'start':
        for (const bytes of this.#options.evidence ?? []) this.#accusations.hear(bytes)
        this.#fetch?.resume()
        this.#pinStored()
        return this.#toConsensus(input)
      case 'message':
        if (input.message.kind === 'evidence') this.#accusations.hear(input.message.evidence)
        if (input.message.kind === 'blocks') this.#memory.noteServed(input.from)
        this.#onSnapshotMessage(input.from, input.message)
        this.#onBlobMessage(input.from, input.message)
        return this.#onMessage(input)
      case 'foreign':
        this.#memory.noteEpoch(input.from, input.epoch)
        this.#hear(input.from, input.epoch, input.committedHeight)
        return this.#toConsensus({ ...input, from: this.#names.toCore(input.from) })
      case 'round-trip':
        this.#memory.noteRoundTrip(input.peer, input.roundTripMs)
        return this.#toConsensus({ ...input, peer: this.#names.toCore(input.peer) })
      case 'connected':
        this.#toConsensus({ ...input, peer: this.#names.toCore(input.peer) })
        this.#accusations.onConnected(input.peer)
        this.#connected.add(input.peer)
        this.#offering.onConnected(input.peer)
        return this.#askAgain(input.peer)
      case 'disconnected':
        this.#connected.delete(input.peer)
        this.#offering.onDisconnected(input.peer)
        return this.#askAgain(input.peer)
      case 'timer':
        this.#toConsensus(input)
        return this.#onTick(input.timer)
      case 'submit':
        this.#desk.receive(input.transaction, 'client', input.request)
        return this.#proposals.onTransactions([input.transaction])
      case 'transactions':
        for (const transaction of input.transactions) this.#desk.receive(transaction, input.from, null)
        return this.#proposals.onTransactions(input.transactions)
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

  #askAgain(peer: ValidatorIndex): void {
    this.#fetch?.askAgain(peer)
    this.#blobs?.askAgain(peer)
  }

  #onMessage(input: Extract<ReplicaInput, { kind: 'message' }>): void {
    const { from, message } = input
    if (message.kind === 'compact-pre-prepare') {
      // Others have nothing of this kind to send: what somebody lacks they send whole.
      if (this.#names.toCore(from) === message.sender) this.#proposals.onProposal(from, message, input.beside)
      return
    }
    if (message.kind === 'block-transactions') return this.#proposals.onAnswer(from, message)
    if (message.kind === 'fetch' && (message.want === 'transactions' || message.want === 'block'))
      this.#proposals.noteAsked(from, message.hash)
    this.#toConsensus(this.#withCoreName(input))
    if (message.kind === 'block') this.#proposals.onBlock(message.block)
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
      const { built } = this.#ordering
      for (const effect of this.#consensus.step(next)) {
        const reply = this.#onEffect(effect)
        if (reply === null) continue
        if (reply.kind === 'built' && reply.proposal !== null) queue.push(...this.#ordering.workLeft())
        queue.push(reply)
      }
      if (next.kind === 'built') this.#ordering.dropUnproposed(built)
      const handOver = this.#nextEpoch === null ? null : this.#consensus.handOver(this.#nextEpoch.validators)
      if (handOver !== null) queue = this.#enterEpoch(handOver) // what was still to be said concerned the epoch that is over
      this.#ordering.keepOnLiveGround()
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
        this.#accusations.take(effect.evidence, encodeEvidence(this.#options.consensus.chainId, effect.evidence))
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
        return this.#ordering.build(effect)
      case 'proposed':
        this.#ordering.onProposed(effect.block)
        return null
      case 'commit':
        this.#onCommit(effect)
        return null
      case 'abandon':
        for (const hash of effect.hashes) {
          this.#ground.abandon(hash)
          this.#validations.abandon(hash)
        }
        return null
    }
  }

  #sendTo(effect: Extract<Effect, { kind: 'send' | 'serve' }>): void {
    const to = effect.to === 'all' ? 'all' : this.#names.toPeer(effect.to)
    if (this.#fetch?.holdsBack(effect) === true) return
    if (to === null) return // nobody to reach: the same is asked of another at the next tick
    if (effect.kind === 'send' && to === 'all' && effect.message.kind === 'pre-prepare')
      this.#out.push({ kind: 'send', to, message: this.#proposals.outgoing(effect.message) })
    else if (effect.kind === 'send') this.#out.push(to === effect.to ? effect : { ...effect, to })
    else if (to !== 'all') this.#out.push({ kind: 'serve', to, from: effect.from })
  }

  // --- epochs -------------------------------------------------------------------------------------------------------

  #namesIn(validators: ValidatorSet, state: State): PeerNames {
    const { epochs } = this.#options
    return epochs === undefined ? SAME_NAMES : peerNames(validators.validators.map(({ publicKey }) => epochs.peerOf(publicKey, state)))
  }

  #newOffering(): Offering {
    const machine = this
    return new Offering({
      company: this.#company,
      rounds: this.#rounds,
      get isFarBehind() {
        return machine.#fetch?.progress != null || machine.#consensus.isFarBehind
      },
      get peersFarBehind() {
        return machine.#consensus.peersFarBehind.map((index) => machine.#names.toPeer(index)).filter((peer) => peer !== null)
      },
      gossip: (peers, transactions) => this.#gossip(peers, transactions),
    })
  }

  #newCompany(): Company {
    const machine = this
    return new Company({
      get validators() {
        return machine.#config.validators
      },
      get self() {
        return machine.#config.self
      },
      get names() {
        return machine.#names
      },
      get view() {
        return machine.#consensus.view
      },
      get ticks() {
        return machine.#ticks
      },
    })
  }

  /** Null unless the block is the last of its epoch. */
  #nextValidators(at: Height, executed: Executed<State>): NextValidators | null {
    if (!isBoundary(this.#config.epochLength ?? 0, at)) return null
    return nextValidatorsOf(this.#epoch.validators, executed.nextValidators ?? null)
  }

  /** protocol.md §10: the last block is committed, so votes, views, timers and water marks begin anew for the new set. */
  #enterEpoch(durable: DurableState): Input[] {
    const next = this.#nextEpoch
    assert(next !== null, 'an epoch begins with the last block of the one before')
    const { validators, origin } = next
    const place = ownPlaceIn(validators, this.#options.epochs?.keys ?? [], this.#config)
    this.#nextEpoch = null
    this.#epoch = next
    this.#config = { ...this.#config, validators, origin, ...(this.#options.epochs === undefined ? {} : place) }
    this.#names = this.#namesIn(validators, this.#ground.state)
    this.#beginConsensus(durable)
    this.#leaderJudge.enterEpoch(validators.validators.length)
    this.#accusations.enterEpoch()
    this.#validations.clear()
    this.#proposals.clear()
    this.#ordering.beginAnew()
    for (const timer of ['view', 'batch'] as const) this.#out.push({ kind: 'cancel-timer', timer })
    const { epoch, validators: members } = validators
    this.#out.push({ kind: 'event', event: { name: 'epoch-entered', epoch, validators: members.length, self: this.self } })
    const start: Input = { kind: 'start', nowMs: this.#nowMs }
    const ahead = this.#memory.serverBeyond(epoch)
    if (ahead === null) return [start]
    const { toCore } = this.#names
    return [start, { kind: 'foreign', from: toCore(ahead.peer), epoch: ahead.epoch, committedHeight: null, nowMs: this.#nowMs }]
  }

  #beginConsensus(durable: DurableState): void {
    const { validators } = this.#config.validators
    const roundTripsMs = this.#memory.roundTripsMs(this.#names, validators.length)
    this.#consensus = createConsensus({ ...this.#config, roundTripsMs }, durable)
  }

  /** Tells consensus whether there is something to order, and whether it fills a block, when either has changed. */
  #reportWork(): void {
    for (let work = this.#ordering.changedWork(); work !== null; work = this.#ordering.changedWork()) this.#toConsensus(work)
  }

  #newOrdering(): Ordering<State> {
    const machine = this
    return new Ordering({
      application: this.#application,
      ground: this.#ground,
      mempool: this.#mempool,
      scheduler: this.#scheduler,
      accusations: this.#accusations,
      limits: this.#options.block,
      get proposer() {
        return machine.#config.self
      },
      get isLeader() {
        const { validators, self } = machine.#config
        return leaderOf(validators, machine.#consensus.view) === self
      },
      get nowMs() {
        return machine.#nowMs
      },
      nextValidators: (at, executed) => this.#nextValidators(at, executed),
      hasBlobsOf: (transactions) => blobsOf(transactions).every((blob) => this.#blobs?.isHeld(blob) === true),
      push: (effect) => this.#out.push(effect),
    })
  }

  // --- compact proposals (protocol.md §9) ---------------------------------------------------------------------------

  #newProposals(): CompactProposals {
    const machine = this
    return new CompactProposals({
      when: this.#options.compactProposals ?? 'where-it-saves',
      blockBytes: this.#options.block.bytes,
      get view() {
        return machine.#consensus.view
      },
      get committed() {
        return machine.#consensus.committed.height
      },
      get peers() {
        return machine.#company.peers
      },
      known: (idKey) =>
        (this.#mempool.byKey(idKey)?.transaction ?? this.#desk.byKey(idKey) ?? this.#validations.decodedByKey(idKey))?.bytes,
      block: (hash) => this.#consensus.blockOf(hash),
      idsOf: (hash) => this.#ground.layer(keyOf(hash))?.transactions.map(({ id }) => id),
      isWeakQuorum: (peers) => this.#company.isWeakQuorum(peers),
      ask: (to, message) => this.#out.push({ kind: 'send', to, message }),
      deliver: (from, message) => this.#toConsensus({ kind: 'message', from: this.#names.toCore(from), message, nowMs: this.#nowMs }),
      blame: (peer, refusal) => this.#out.push({ kind: 'blame', peer, refusal }),
      emit: (event) => this.#out.push({ kind: 'event', event }),
    })
  }

  get #awaitedProposal(): NonNullable<Surroundings['awaited']> | null {
    const awaited = this.#proposals.awaitedAt(this.#ground.nextHeight)
    return awaited === null ? null : { ...awaited, from: this.#names.toCore(awaited.from) }
  }

  // --- validating ---------------------------------------------------------------------------------------------------

  #newValidations(): Validations<State> {
    const { application, block, sync } = this.#options
    return new Validations({
      application,
      ground: this.#ground,
      limits: block,
      trustCertificates: sync?.trustCertificates === true,
      verdicts: this.#verdicts,
      verifications: this.#verifications,
      accusations: this.#accusations,
      blobs: this.#blobs,
      known: (id) => this.#mempool.get(id)?.transaction ?? this.#desk.get(id),
      pooledGas: (id) => this.#mempool.get(id)?.difficulty,
      nextValidators: (at, executed) => this.#nextValidators(at, executed),
      peerOf: (proposer) => (proposer === this.#config.self ? null : this.#names.toPeer(proposer)),
      push: (effect) => this.#out.push(effect),
    })
  }

  #onValidate(effect: Extract<Effect, { kind: 'validate' }>): Input | null {
    const result = this.#validations.begin(effect)
    return result === null ? null : this.#validated(effect.block.hash, result)
  }

  #validated(hash: Hash, result: ValidationResult): Input {
    return { kind: 'validated', hash, result, nowMs: this.#nowMs }
  }

  #conclude(hash: Hash, result: ValidationResult): void {
    this.#toConsensus(this.#validated(hash, result))
  }

  #onVerified(key: Hash, outcome: VerificationOutcome): void {
    const name = keyOf(key)
    this.#verifications.end(key)
    if (outcome.status !== 'aborted') this.#verdicts.set(key, outcome)
    this.#desk.onVerified(key, outcome)
    this.#accusations.onVerified(name, outcome)
    this.#validations.onVerified(name, outcome, (hash, result) => this.#conclude(hash, result))
  }

  // --- evidence (protocol.md §11) -----------------------------------------------------------------------------------

  #newAccusations(): Accusations<State> {
    const machine = this
    return new Accusations({
      application: this.#application,
      ground: this.#ground,
      verdicts: this.#verdicts,
      verifications: this.#verifications,
      get epoch() {
        return machine.#epoch
      },
      get passOn() {
        return machine.#company.circle('pass-on')
      },
      push: (effect) => this.#out.push(effect),
    })
  }

  // --- committing ---------------------------------------------------------------------------------------------------

  #onCommit(effect: Extract<Effect, { kind: 'commit' }>): void {
    const { block, certificate, acceptedAtMs } = effect
    const layer = this.#ground.layer(keyOf(block.hash))
    assert(layer !== undefined, 'consensus commits executed blocks only')
    const writes = this.#application.writes(this.#ground.state, layer.executed.state)
    const parent = this.#ground.tip.hash
    this.#ground.commit(block, layer)
    this.#application.settle?.(this.#ground.state)
    for (const transaction of layer.transactions) this.#desk.settle(transaction)
    this.#nextEpoch = this.#startAfter(block, layer.executed)
    const { transactions, gas, offences } = layer
    if (this.#nextEpoch !== null) this.#keepRecovery(this.#nextEpoch.validators)
    const final = block.header.height
    this.#out.push({ kind: 'commit', block, certificate, writes, transactions, gas, offences, nextEpoch: this.#nextEpoch })
    this.#shelf?.onCommit(block.header, this.#ground.state, certificate)
    this.#ordering.onCommit(block, parent, transactions)
    for (const { work } of transactions) if (work !== null) this.#desk.wakeClaim(work.claimId)
    this.#ordering.dropImpossible()
    this.#accusations.settle()
    this.#blobs?.onFinal(blobsOf(transactions), final)
    if (acceptedAtMs !== null) this.#leaderJudge.onCommitted(block, transactions, acceptedAtMs)
  }

  /** A validator that forgot what it signed may have to ask again in the next epoch: durably no later than the epoch's last block. */
  #keepRecovery(next: ValidatorSet): void {
    const recovery = this.#consensus.handOver(next)?.recovery ?? null
    if (recovery?.status === 'asking') this.#out.push({ kind: 'persist', records: [{ kind: 'recovery', recovery }] })
  }

  #startAfter(block: Block, executed: Executed<State>): EpochStart | null {
    const { height, hash } = { height: block.header.height, hash: block.hash }
    const next = this.#nextValidators(height, executed)
    if (next === null) return null
    const { epoch } = next.validators
    if (next.refusal !== null) this.#out.push({ kind: 'event', event: { name: 'validators-refused', epoch, ...next.refusal } })
    return { validators: next.validators, previousValidators: this.#epoch.validators, origin: { height, hash } }
  }

  // --- blobs (protocol.md §9) ---------------------------------------------------------------------------------------

  #newBlobs(): ReplicaBlobs | null {
    const { blobs } = this.#options
    if (blobs === undefined) return null
    const machine = this
    return new ReplicaBlobs(blobs, {
      connected: this.#connected,
      get peers() {
        return machine.#company.peers
      },
      get tip() {
        return machine.#ground.tip.height
      },
      get told() {
        return machine.#company.told
      },
      isNeeded: (key) => this.#isBlobNeeded(key),
      isForBlock: (key) => this.#validations.refersTo(key),
      pendingChecked: () => this.#desk.checkedBlobs,
      isQuorum: (peers) => this.#company.isQuorumWith(peers),
      send: (to, message) => this.#out.push({ kind: 'send', to, message }),
      push: (effect) => this.#out.push(effect),
      emit: (event) => this.#out.push({ kind: 'event', event }),
      blame: (peer, refusal) => this.#out.push({ kind: 'blame', peer, refusal }),
      onHeld: (key) => {
        this.#desk.onBlob(key)
        this.#validations.onBlobHeld(key, (hash, result) => this.#conclude(hash, result))
      },
      onGivenUp: (key, refusal) => this.#desk.onBlobGivenUp(key, refusal),
    })
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

  /** By what is pending, proposed or being validated; `key` is `blobKey(blob)`. */
  #isBlobNeeded(key: string): boolean {
    const refers = (transactions: readonly Transaction[]): boolean => blobsOf(transactions).some((blob) => blobKey(blob) === key)
    if (this.#desk.needsBlob(key) || this.#validations.refersTo(key) || refers(this.#ordering.built?.transactions ?? [])) return true
    for (const { transactions } of this.#ground.layers) if (refers(transactions)) return true
    return false
  }

  needsBlob(blob: BlobRef): boolean {
    const key = blobKey(blob)
    return this.#blobs !== null && (this.#blobs.isNeeded(key) || this.#blobs.isKept(key))
  }

  /** What relies on it here must not be voted for, and nobody be told that it is here. */
  #onBlobLost(blob: BlobRef): void {
    this.#blobs?.lose(blob)
    const key = blobKey(blob)
    for (const item of [...this.#mempool.values()]) {
      const used = item.transaction.work?.blob
      if (used !== undefined && blobKey(used) === key) this.#ordering.drop(item, BLOB_LOST)
    }
    this.#desk.onBlobLost(key)
    this.#validations.onBlobLost(key, (hash, result) => this.#conclude(hash, result))
    for (const hash of this.#ground.referringTo(key)) this.#conclude(hash, { status: 'aborted', reason: LOST_BEFORE_THE_VOTE })
    this.#ordering.keepOnLiveGround()
  }

  /** Before a vote is durable: its blobs stay until the chain has passed it. */
  #pinVoted(block: Block): void {
    const layer = this.#blobs === null ? undefined : this.#ground.layer(keyOf(block.hash))
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

  // --- snapshots ----------------------------------------------------------------------------------------------------

  #newShelf(): SnapshotShelf<State> | null {
    const { sync, application } = this.#options
    const { snapshots } = application
    if (sync?.snapshots === undefined || snapshots === undefined) return null
    const { everyBlocks, chunkBytes, stored } = sync.snapshots
    const shelf = new SnapshotShelf({ snapshots, everyBlocks, chunkBytes }, stored.headers)
    shelf.begin(stored.headers, this.#ground.state, stored.certificate)
    return shelf
  }

  #newFetch(): SnapshotFetch<State> | null {
    const { sync, application, consensus } = this.#options
    const { snapshots } = application
    const behindBlocks = sync?.snapshots?.behindBlocks ?? null
    if (sync?.snapshots === undefined || snapshots === undefined || behindBlocks === null) return null
    const { verifySignature, verifyAggregate, stored } = sync.snapshots
    const context = {
      chainId: consensus.chainId,
      epochLength: consensus.epochLength ?? 0,
      verifySignature,
      ...(verifyAggregate === undefined ? {} : { verifyAggregate }),
    }
    const machine = this
    return new SnapshotFetch(
      { context, snapshots, behindBlocks, staged: stored.staged },
      {
        get committed() {
          return machine.#ground.tip
        },
        get epoch() {
          return machine.#epoch
        },
        connected: this.#connected,
        get isExecuting() {
          return machine.#consensus.isExecuting && machine.#starvedAt !== machine.#ground.tip.height
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
    if (answer !== null) this.#sendFromShelf(to, answer)
  }

  #sendFromShelf(to: ValidatorIndex, answer: ShelfAnswer): void {
    if (answer.kind === 'chunk') this.#out.push({ kind: 'send', to, message: answer.message })
    else this.#out.push({ kind: 'serve-offer', to, from: answer.from, offer: answer.offer })
  }

  /** Nothing is taken over; the headers show which blocks the state stands on. */
  #onForkedState(fork: Extract<Effect, { kind: 'fork' }> | null, headers: readonly Header[]): void {
    this.#fetch = null // the same state would be fetched again and again
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
    const from = this.#ground.tip.height
    const isLaterEpoch = start.validators.epoch !== this.#epoch.validators.epoch
    if (records.length > 0) this.#out.push({ kind: 'persist', records })
    this.#out.push({ kind: 'restored', restored: { target, headers, start } })
    const { epoch } = start.validators
    this.#out.push({ kind: 'event', event: { name: 'snapshot-restored', height: committed.height, from, epoch } })
    this.#ground.jump(state, committed)
    this.#application.settle?.(state)
    this.#validations.clear()
    this.#proposals.clear()
    this.#ordering.beginAnew()
    this.#scheduler.reset(state, committed.hash, committed.height)
    this.#ordering.dropImpossible()
    this.#shelf?.begin([...[...headers].reverse(), header], state, certificate)
    if (isLaterEpoch) {
      this.#nextEpoch = start
      for (const input of this.#enterEpoch(durable)) this.#toConsensus(input)
      return
    }
    this.#beginConsensus(durable)
    this.#leaderJudge.enterEpoch(start.validators.validators.length)
    this.#accusations.settle()
    for (const timer of ['view', 'batch'] as const) this.#out.push({ kind: 'cancel-timer', timer })
    this.#toConsensus({ kind: 'start', nowMs: this.#nowMs })
  }

  // --- judging the leader -------------------------------------------------------------------------------------------

  #judgeLeader(): void {
    const { view, phase, viewTimeoutMs, quorumRoundTripMs } = this.#consensus.inspect()
    const { self } = this
    if (self === null) return
    const leader = leaderOf(this.#config.validators, view)
    const role = phase === 'changing' ? 'changing' : leader === self ? 'leader' : 'backup'
    const at = { nowMs: this.#nowMs, view, role, viewTimeoutMs, roundTripMs: quorumRoundTripMs } as const
    const { complaint, toTell } = this.#leaderJudge.onTick(at, self)
    if (role !== 'backup') return
    const to = this.#names.toPeer(leader)
    if (to !== null) this.#gossip([to], toTell)
    this.#toConsensus({ kind: 'leader-judged', view, complaint, nowMs: this.#nowMs })
  }

  // --- upkeep -------------------------------------------------------------------------------------------------------

  #onTick(timer: TimerName): void {
    if (timer !== 'status') return
    this.#ticks++
    for (const { to, answer } of this.#shelf?.onTick() ?? []) this.#sendFromShelf(to, answer)
    const finished = this.#fetch?.onTick() ?? null
    if (finished !== null) this.#takeOver(finished)
    this.#judgeLeader()
    const stalled = this.#committedAtTick === this.#ground.tip.height
    this.#committedAtTick = this.#ground.tip.height
    for (const item of this.#rounds.sweep(stalled ? SWEPT_PER_TICK.stalled : SWEPT_PER_TICK.busy)) this.#ordering.dropIfImpossible(item)
    this.#desk.sweep()
    this.#gossip(this.#company.circle('tell'), this.#desk.sweepBlobs())
    this.#blobs?.onTick()
    this.#proposals.onTick()
    this.#validations.giveUpStarved((hash, result) => {
      this.#starvedAt = this.#ground.tip.height
      this.#conclude(hash, result)
    })
    this.#offering.onTick()
  }

  #gossip(peers: readonly (ValidatorIndex | 'all')[], transactions: readonly Transaction[]): void {
    if (transactions.length === 0) return
    for (const to of peers) this.#out.push({ kind: 'gossip', to, transactions })
  }
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
