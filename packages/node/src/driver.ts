/**
 * Carries out a replica's effects, in order: what promises something is on disk before the promise leaves. Inputs are handled
 * as they come; at the end of the event-loop turn everything they caused goes out as one group commit and one write per
 * peer.
 */
import { type Hash, type Height, keyOf, type Refusal, toHex, type ValidatorIndex } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  createEpochGate,
  createMessageChecker,
  type Diagnosis,
  decodeMessage,
  type EpochGate,
  type EpochStart,
  encodeMessage,
  epochNamedBy,
  type Header,
  type Message,
  type MessageChecker,
  type Offence,
  type TimerName,
  writeMessage,
} from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import { type LedgerState, type LedgerTransaction, mapKey, NEXT_VALIDATORS_PATH } from '@aethel/ledger'
import { type Frame, type Mesh, type MeshHandlers, messageFrame } from '@aethel/network'
import type {
  Admission,
  Application,
  Replica,
  ReplicaEffect,
  ReplicaInput,
  Restored,
  Transaction,
  VerificationJob,
  VerificationOutcome,
} from '@aethel/replica'
import type { Store, TransactionPlace } from '@aethel/storage'
import { AbortAlarm } from './abort-alarm.js'
import type { BlobKeeper } from './blob-keeper.js'
import { BlockServer } from './block-server.js'
import { indexEntries } from './claim-index.js'
import { type EventSink, hex, logEvent } from './event-log.js'
import { Finality } from './finality.js'
import { recordFork, type SeenFork, sentenceOf } from './fork-proof.js'
import { FreeMessages } from './free-messages.js'
import { GroupCommit } from './group-commit.js'
import type { Home } from './home.js'
import type { Log, LogLine } from './log.js'
import { LogLimit } from './log-limit.js'
import type { Metrics } from './metrics.js'
import type { PeerNames } from './peer-names.js'
import { DAMAGED } from './proof-batch.js'
import type { ProofPool } from './proof-pool.js'
import { type Settlement, Settlements } from './settlements.js'
import { offerMessage } from './snapshots.js'
import { TransactionIntake } from './transaction-intake.js'
import { VerdictLog } from './verdict-log.js'
import { GRANT_PER_BLOCK_US, GRANT_PER_TRANSACTION_US, priceOf, priceOfServing, priceOfUnwanted } from './worth.js'

/** Committed states kept for receipts. */
const RETAINED_STATES = 64
/** Blocks of this long count as recent. */
const RECENT_MS = 10_000
/** Far more than commit in that time. */
const MAX_COMMIT_TIMES = 4_096
/** To one peer, these are answers to what it says it lacks, and it will say so again; but for proposals on their way along a tree. */
const BODIES: ReadonlySet<Message['kind']> = new Set(['pre-prepare', 'block', 'block-transactions'])
/** Of no epoch, and wanted only if they were asked for. */
const ASKED_FOR: ReadonlySet<Message['kind']> = new Set(['snapshot', 'chunk', 'block-transactions'])

/** A committed block that carries its own certificate, with the state after it: receipts are proven against these. */
export interface ProvableState {
  readonly header: Header
  readonly certificate: Certificate
  readonly state: LedgerState
}

export interface Committed {
  readonly block: Block
  readonly certificate: Certificate
  readonly transactions: readonly Transaction[]
  readonly offences: readonly Offence[]
}

export interface DriverOptions {
  readonly home: Home
  readonly names: PeerNames
  readonly application: Application<LedgerState>
  readonly replica: Replica<LedgerState>
  readonly store: Store
  readonly log: Log
  readonly metrics: Metrics
  /** Our own bug: the process must stop. */
  onBug(error: unknown): void
  /** A committed block with its own certificate that the store already holds. */
  readonly provable: ProvableState | null
  /** Keys of the verdicts that the store holds. */
  readonly verdicts?: readonly Hash[]
  /** Null or left out: a chain without blobs. */
  readonly blobs?: BlobKeeper | null
}

const KEY_MISSING =
  'this node is a validator of the epoch by a consensus key that its home does not have: it follows, and its vote is missed; put the key back, or change to one that is there (aethel validators propose --rotate)'

export class Driver {
  readonly #options: DriverOptions
  readonly #gate: EpochGate
  /** Of the epoch under way. */
  #checker: MessageChecker
  /** The state whose contacts the mesh has. */
  #contactsOf: LedgerState | null = null
  readonly #timers = new Map<TimerName, NodeJS.Timeout>()
  readonly #settlements = new Settlements()
  readonly #logLimit = new LogLimit()
  readonly #eventSink: EventSink
  readonly #listeners = new Set<(committed: Committed) => void>()
  readonly provable: ProvableState[]
  #mesh: Mesh | null = null
  #pool: ProofPool | null = null
  readonly #disk: GroupCommit
  #flushScheduled = false
  readonly #intake: TransactionIntake
  #stopped = false
  #stoppedBy: string | null = null
  #fork: SeenFork | null = null
  readonly #blocks: BlockServer
  readonly #freeMessages = new FreeMessages()
  /** Of parts of blobs that the keeper has at hand: several peers ask for the same one. */
  readonly #blobFrames = new WeakMap<Message, Frame>()
  /** When the newest blocks were committed. */
  readonly #commitTimes: number[] = []
  readonly #verdicts: VerdictLog
  readonly alarm: AbortAlarm = new AbortAlarm()
  readonly #finality: Finality
  #lacksBlocks: boolean

  constructor(options: DriverOptions) {
    this.#options = options
    const { log, metrics } = options
    this.#eventSink = { log, metrics, limited: (line) => this.#logLimited('info', line) }
    this.#verdicts = new VerdictLog(options.verdicts ?? [], () => this.#writeVerdicts())
    this.#intake = new TransactionIntake({
      application: options.application,
      replica: options.replica,
      input: (input) => this.input(input),
      charge: (peer, microseconds) => this.#mesh?.charge(peer, microseconds),
      blame: (peer, refusal) => this.#blame(peer, refusal),
      isStopped: () => this.#stopped,
    })
    this.#disk = new GroupCommit({
      store: options.store,
      guarded: (work) => this.#guarded(work),
      isAwaited: () => this.#finality.isAwaited,
      alongside: () => this.#verdicts.take(),
      onReleased: () => this.#mesh?.flush(),
      onDue: () => this.#scheduleFlush(),
    })
    this.#checker = this.#checkerFor(options.replica.epoch)
    this.#gate = createEpochGate({ start: options.replica.epoch, check: (_, message) => this.#checker.check(message) })
    this.#blocks = new BlockServer(options.store, options.home.genesis.parameters.epochLength)
    this.provable = options.provable === null ? [] : [options.provable]
    this.#finality = new Finality({ height: options.replica.committed.height, view: options.replica.position.view })
    this.#lacksBlocks = options.store.gaps.length > 0
  }

  #checkerFor({ validators, previousValidators, origin }: EpochStart): MessageChecker {
    const { chainId, genesis } = this.#options.home
    const previous = previousValidators === null ? null : { validators: previousValidators, ...origin }
    const { epochLength, blockTransactions } = genesis.parameters
    return createMessageChecker({ chainId, validators, verifySignature, epochLength, blockTransactions, previous })
  }

  /** Null, or that the chain has forked: the replica signs nothing any more. */
  get fork(): SeenFork | null {
    return this.#fork
  }

  get publishedHeight(): number {
    return this.#finality.published.height
  }

  start(mesh: Mesh, pool: ProofPool): void {
    this.#mesh = mesh
    this.#pool = pool
    this.#learnContacts()
    this.#warnOfMissingKey()
    this.input({ kind: 'start', nowMs: Date.now() })
  }

  stop(): void {
    if (!this.#stopped) this.#writeLast()
    this.#halt()
  }

  #halt(): void {
    this.#stopped = true
    this.#disk.stopLingering()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  // --- inputs -------------------------------------------------------------------------------------------------------

  input(input: ReplicaInput): void {
    this.#guarded(() => {
      for (const effect of this.#options.replica.step(input)) this.#onEffect(effect)
      this.#scheduleFlush()
      if (this.#options.replica.epoch.validators.epoch !== this.#gate.epoch) this.#enterEpoch()
    })
  }

  /** What peers that were ahead of us have sent for this epoch is looked at now. */
  #enterEpoch(): void {
    const { epoch } = this.#options.replica
    this.#checker = this.#checkerFor(epoch)
    this.#warnOfMissingKey()
    // Nothing was paid for these: of who has sent one that is refused, and is shut out for it, no further one is checked.
    const refused = new Set<ValidatorIndex>()
    for (const { from, message } of this.#gate.enter(epoch)) if (!refused.has(from) && !this.#receive(from, message, 0)) refused.add(from)
  }

  /** A validator without its key only follows, and the others miss its vote without knowing why. */
  #warnOfMissingKey(): void {
    const { names, replica, log } = this.#options
    if (replica.self !== null) return
    for (const publicKey of names.ownKeysIn(replica.state))
      log.warn({ event: 'key-missing', publicKey: toHex(publicKey), message: KEY_MISSING })
  }

  /** The chain names validators that no configuration knew of: the mesh connects to them. */
  #learnContacts(): void {
    const { names, replica } = this.#options
    const { state } = replica
    const key = mapKey(NEXT_VALIDATORS_PATH)
    if (this.#contactsOf !== null && this.#contactsOf.entries.get(key) === state.entries.get(key)) return
    this.#contactsOf = state
    for (const address of names.contactsIn(state)) this.#mesh?.addPeer(address)
  }

  /** Whatever throws in here is our own bug or a broken store; nothing may be carried out after it. */
  #guarded(work: () => void): void {
    if (this.#stopped) return
    try {
      work()
    } catch (error) {
      this.#stoppedBy = error instanceof Error ? error.message : String(error)
      this.#halt()
      this.#options.onBug(error)
    }
  }

  get meshHandlers(): MeshHandlers {
    const { log, metrics } = this.#options
    return {
      onMessage: (from, bytes) => this.#guarded(() => this.#onMessage(from, bytes)),
      onTransactions: (from, transactions) =>
        this.#guarded(() => {
          this.#intake.fromPeer(from, transactions)
          this.#scheduleFlush()
        }),
      onConnected: (peer) => {
        this.#logLimited('info', { event: 'peer-connected', peer })
        this.#blocks.onConnected(peer, performance.now())
        this.input({ kind: 'connected', peer, nowMs: Date.now() })
      },
      onLost: (peer, reason) => {
        this.#logLimited('warn', { event: 'peer-lost', peer, reason })
        // Not in the midst of effects: one of them may have cut the connection, and what comes before it must be written first.
        queueMicrotask(() => this.input({ kind: 'disconnected', peer, nowMs: Date.now() }))
      },
      onMisbehaving: (peer, code, message, shutOutMs) => {
        metrics.misbehaviour.inc({ code })
        this.#logLimited('warn', { event: 'peer-misbehaving', peer, code, message, shutOutMs })
      },
      onOtherVersion: (peer, theirs, ours) => {
        const message = `it speaks protocol version ${theirs}, this validator ${ours}: they hear nothing of each other until one of them is upgraded`
        this.#logLimited('warn', { event: 'peer-other-version', peer, theirs, ours, message })
      },
      onStranger: (address, code, message, count) => log.warn({ event: 'stranger-refused', address, code, message, count }),
      onThrottled: (peer, pauseMs) => {
        metrics.throttled.inc()
        log.warn({ event: 'peer-throttled', peer, pauseMs })
      },
      onRoundTrip: (peer, roundTripMs) => this.input({ kind: 'round-trip', peer, roundTripMs }),
    }
  }

  /** Lines that others can cause as often as they like. */
  #logLimited(level: 'info' | 'warn', line: LogLine): void {
    const admitted = this.#logLimit.admit(line.event, performance.now())
    if (admitted !== null) this.#options.log[level](admitted.suppressed === 0 ? line : { ...line, suppressed: admitted.suppressed })
  }

  #onMessage(from: ValidatorIndex, bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return this.#blame(from, decoded.error)
    this.#receive(from, decoded.value, bytes.length)
  }

  /** `bytes`: as it came from the peer; 0 when it has waited here. False: it was refused. */
  #receive(from: ValidatorIndex, message: Message, bytes: number): boolean {
    const isOurs = epochNamedBy(message) === this.#gate.epoch || ASKED_FOR.has(message.kind)
    const { replica } = this.#options
    if (isOurs && !replica.wants(from, message)) {
      if (!(replica.isDue(from, message) && this.#isFree(from, message))) this.#mesh?.charge(from, priceOfUnwanted(bytes))
      return true
    }
    if (bytes > 0 && !(isOurs && this.#isFree(from, message)))
      this.#mesh?.charge(from, isOurs ? priceOf(message, bytes) : priceOfUnwanted(bytes))
    const passage = this.#gate.pass(from, message)
    switch (passage.kind) {
      case 'verified':
        this.input({ kind: 'message', from, message: passage.message, ...this.#besides(passage.message), nowMs: Date.now() })
        return true
      case 'foreign':
        this.input({ kind: 'foreign', from, epoch: passage.epoch, committedHeight: passage.committedHeight, nowMs: Date.now() })
        return true
      case 'refused':
        this.#blame(from, passage.refusal)
        return false
    }
  }

  #isFree(from: ValidatorIndex, message: Message): boolean {
    return this.#freeMessages.take(from, message, this.#options.replica.committed.height)
  }

  /** Of a proposal's transactions, those that have come before it and wait to be looked at: nobody needs to be asked for them. */
  #besides(message: Message): { beside?: ReadonlyMap<string, Uint8Array> } {
    if (message.kind !== 'compact-pre-prepare') return {}
    const { replica } = this.#options
    const unknown = new Set<string>()
    for (const named of message.transactions)
      if ('id' in named && replica.transactionStatus(named.id) === 'unknown') unknown.add(keyOf(named.id))
    return unknown.size === 0 ? {} : { beside: this.#intake.find(unknown) }
  }

  #blame(from: ValidatorIndex, refusal: Refusal): void {
    this.#mesh?.misbehaved(from, refusal.code, refusal.message)
  }

  /** A transaction of this chain with a good signature, or undefined. */
  decode(bytes: Uint8Array): Transaction | undefined {
    const decoded = this.#options.application.decode(bytes)
    return decoded.ok ? decoded.value : undefined
  }

  /** Checks and submits a client's transaction, `id` being `transactionIdOf(bytes)`; resolves when it is admitted, waiting or refused. */
  submit(id: Hash, bytes: Uint8Array): Promise<Admission> {
    const admission = this.#intake.fromClient(id, bytes)
    this.#scheduleFlush()
    return admission
  }

  /** Why nothing commits right now, or that all is well. */
  explain(): Diagnosis {
    const now = performance.now()
    const peers = this.#mesh?.peers() ?? []
    return this.#options.replica.explain({
      nowMs: Date.now(),
      connected: peers.filter((peer) => peer.connected).map((peer) => peer.index),
      silences: peers.flatMap(({ index, silentMs }) => (silentMs === null ? [] : [{ validator: index, forMs: Math.round(silentMs) }])),
      recentBlocks: this.#commitTimes.filter((at) => at > now - RECENT_MS).length,
      recentMs: RECENT_MS,
      openWriteMs: this.#disk.openWriteMs(now),
      stopped: this.#stopped ? (this.#stoppedBy ?? 'it is stopping') : this.#fork === null ? null : sentenceOf(this.#fork),
    })
  }

  /** Transactions that local clients wait for. */
  get awaited(): number {
    return this.#intake.ofClients + this.#settlements.awaited
  }

  /** Calls back once when the transaction is final or dropped; the returned function forgets the wish. */
  onSettled(id: Hash, callback: (settlement: Settlement) => void): () => void {
    return this.#settlements.on(id, callback)
  }

  /** Whether it is in a committed block that nobody can be told of yet: `onSettled` will. */
  isBeingCommitted(id: Hash): boolean {
    return this.#finality.isBeingCommitted(id)
  }

  /** Whether it has taken over a state: transactions below that are final without having been seen. */
  get lacksBlocks(): boolean {
    return this.#lacksBlocks
  }

  /** Where a final transaction is; one whose block is still being written counts. */
  placeOf(id: Hash): TransactionPlace | undefined {
    return this.#finality.placeOf(id) ?? this.#options.store.transactionPlace(id)
  }

  /** Resolves when all that clients were told of can be read; undefined: it can. */
  whenReadable(): Promise<void> | undefined {
    const readable = this.#finality.whenReadable()
    if (readable !== undefined) this.#scheduleFlush()
    return readable
  }

  refusalOf(id: Hash): Refusal | undefined {
    return this.#settlements.refusalOf(id)
  }

  onCommitted(listener: (committed: Committed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onVerified(job: VerificationJob, outcome: VerificationOutcome, milliseconds: number): void {
    this.#options.metrics.onVerified(job.work.kind, outcome, milliseconds)
    const { kind } = job.work
    if (outcome.status === 'aborted') {
      this.alarm.raise({ kind, reason: outcome.reason, atMs: Date.now() })
      this.#options.log.error({ event: 'verification-aborted', kind, reason: outcome.reason })
    }
    this.#verdicts.remember(job.work.key, outcome)
    const { blob } = job.work
    if (outcome.status === 'aborted' && blob !== undefined && outcome.reason.startsWith(DAMAGED)) {
      this.#options.blobs?.onDamaged(blob, outcome.reason)
      this.input({ kind: 'blob-lost', blob, nowMs: Date.now() }) // first, so that what is tried again fetches it
    }
    this.input({ kind: 'verified', key: job.work.key, outcome, nowMs: Date.now() })
  }

  // --- effects ------------------------------------------------------------------------------------------------------

  #onEffect(effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'persist':
        return this.#disk.write(...effect.records)
      case 'commit':
        return this.#onCommit(effect)
      case 'snapshot':
        return this.#disk.write(effect)
      case 'restored':
        return this.#onRestored(effect.restored)
      case 'blob-open':
      case 'blob-write':
      case 'blob-seal':
      case 'blob-serve':
      case 'blob-drop':
        return this.#options.blobs?.onEffect(effect)
      case 'blame':
        return this.#blame(effect.peer, effect.refusal)
      case 'serve-offer':
        return this.#disk.release(() => this.#send(effect.to, offerMessage(this.#options.home, this.#options.store, effect)))
      case 'evidence': {
        const { type, offender, view, height: at, kind } = effect.offence
        this.#options.log.error({ event: 'offence-seen', offence: type, offender, view, height: at, phase: kind })
        this.#options.metrics.offencesSeen.inc({ offence: type })
        return this.#disk.write(effect)
      }
      case 'forget-evidence':
        return this.#disk.write(effect)
      case 'fork': {
        const { home, replica, store, log } = this.#options
        const context = { home: home.path, chainId: home.chainId, epoch: replica.epoch, store }
        this.#fork = recordFork(context, effect.height, effect.material)
        return log.error({ event: 'fork', height: effect.height, file: this.#fork.file, message: sentenceOf(this.#fork) })
      }
      case 'send': {
        const { to, message, fresh = false } = effect
        return this.#disk.release(() => this.#send(to, message, fresh))
      }
      case 'gossip': {
        const { to, transactions } = effect
        return this.#disk.release(() =>
          this.#mesh?.gossip(
            to,
            transactions.map((transaction) => transaction.bytes),
          ),
        )
      }
      case 'serve': {
        const { to, from } = effect
        return this.#disk.release(() => this.#serve(to, from))
      }
      case 'verify':
        this.#pool?.run(effect.jobs)
        return
      case 'hasten-verification':
        this.#pool?.hasten(effect.keys)
        return
      case 'cancel-verification':
        this.#pool?.cancel(effect.keys)
        return
      case 'admission': {
        const { request, admission } = effect
        if (admission.status === 'refused') {
          this.#settlements.remember(admission.id, admission.refusal)
          this.#finality.told(this.#options.replica.committed.height) // of a claim or a nonce, perhaps, of the newest block
        }
        this.#intake.onAdmission(request, admission)
        return
      }
      case 'dropped':
        this.#settlements.remember(effect.id, effect.refusal)
        this.#settlements.settle(keyOf(effect.id), { status: 'refused', refusal: effect.refusal })
        return
      case 'set-timer':
        return this.#setTimer(effect.timer, effect.afterMs)
      case 'cancel-timer':
        clearTimeout(this.#timers.get(effect.timer))
        this.#timers.delete(effect.timer)
        return
      case 'event':
        return logEvent(effect.event, this.#eventSink)
    }
  }

  #onCommit(effect: Extract<ReplicaEffect, { kind: 'commit' }>): void {
    const { block, certificate, writes, transactions, gas, offences, nextEpoch } = effect
    const transactionIds = transactions.map((transaction) => transaction.id)
    const index = indexOf(block.header.height, transactions as readonly LedgerTransaction[])
    this.#finality.committed(transactions)
    this.#disk.release(() => this.#acknowledge(block.header.height, transactions))
    this.#disk.writeInPassing({ kind: 'commit', block, certificate, writes, transactionIds, gas, nextEpoch, index })
    this.#verdicts.settle(transactions)
    this.#options.blobs?.onFinal(transactions.flatMap(({ work }) => (work?.blob === undefined ? [] : [work.blob])))
    this.#learnContacts()
    const { replica } = this.#options
    // Several blocks can commit in one step; the replica's state is the newest one's.
    const provable = replica.committed.height === block.header.height && certificate.height === block.header.height
    const state = replica.state
    this.#disk.whenDurable(() => {
      if (provable) {
        this.provable.push({ header: block.header, certificate, state })
        if (this.provable.length > RETAINED_STATES) this.provable.shift()
      }
      this.#publish({ block, certificate, transactions, offences })
    })
  }

  /** A state was taken over: durable first, then shown. */
  #onRestored(restored: Restored): void {
    const { header, certificate } = restored.target
    this.#lacksBlocks = true // before the store knows, and before what the state makes impossible is let go
    this.#disk.write({ kind: 'restored', restored })
    this.#learnContacts()
    const { replica } = this.#options
    const isProvable = replica.committed.height === header.height && certificate.height === header.height
    const { state } = replica
    this.#disk.whenDurable(() => {
      this.provable.length = 0
      if (isProvable) this.provable.push({ header, certificate, state })
      this.#finality.publish({ height: header.height, view: certificate.view }, [])
    })
  }

  /** Durable: from here on everybody may know. */
  #publish(committed: Committed): void {
    const { header } = committed.block
    const { log, metrics } = this.#options
    this.#mesh?.grant(GRANT_PER_BLOCK_US + committed.transactions.length * GRANT_PER_TRANSACTION_US)
    this.#commitTimes.push(performance.now())
    if (this.#commitTimes.length > MAX_COMMIT_TIMES) this.#commitTimes.shift()
    metrics.onCommitted(header, committed.transactions.length)
    log.info({
      event: 'block-committed',
      height: header.height,
      hash: hex(committed.block.hash),
      view: committed.certificate.view,
      proposer: header.proposer,
      transactions: committed.transactions.length,
    })
    for (const { type, offender, view, height: at, kind } of committed.offences) {
      metrics.offencesRecorded.inc({ offence: type })
      log.warn({
        event: 'offence-recorded',
        height: header.height,
        offence: type,
        offender,
        view,
        offenceHeight: at,
        phase: kind,
      })
    }
    this.#finality.publish({ height: header.height, view: committed.certificate.view }, committed.transactions)
    for (const listener of this.#listeners) listener(committed)
  }

  #acknowledge(at: Height, transactions: readonly Transaction[]): void {
    this.#finality.acknowledged(at, transactions)
    for (const { idKey } of transactions) this.#settlements.settle(idKey, { status: 'final', height: at })
  }

  #setTimer(timer: TimerName, afterMs: number): void {
    clearTimeout(this.#timers.get(timer))
    this.#timers.set(
      timer,
      setTimeout(() => {
        this.#timers.delete(timer)
        this.input({ kind: 'timer', timer, nowMs: Date.now() })
      }, afterMs),
    )
  }

  // --- going out ----------------------------------------------------------------------------------------------------

  #scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(() => {
      this.#flushScheduled = false
      this.#guarded(() => {
        if (this.#intake.take()) this.#scheduleFlush()
        this.#disk.flush()
      })
    })
  }

  #writeLast(): void {
    this.#guarded(() => this.#disk.flushAll())
    this.#writeVerdicts()
  }

  /** Nothing waits for these to be durable. */
  #writeVerdicts(): void {
    if (this.#stopped) return
    this.#guarded(() => this.#options.store.append(this.#verdicts.take(), () => undefined))
  }

  /** At once: what is served promises nothing. */
  sendBlob(to: ValidatorIndex, message: Message): void {
    const frame = this.#blobFrames.get(message) ?? messageFrame((writer) => writeMessage(writer, message))
    this.#blobFrames.set(message, frame)
    this.#mesh?.sendFrame(to, frame)
    this.#scheduleFlush()
  }

  #send(to: ValidatorIndex | 'all', message: Message, isFresh = false): void {
    if (message.kind === 'fetch' && (message.want === 'snapshot' || message.want === 'chunk')) {
      const asked = to === 'all' ? (this.#mesh?.peers() ?? []).map((peer) => peer.index) : [to]
      for (const peer of asked) this.#freeMessages.asked(peer)
    }
    const bytes = encodeMessage(message)
    if (to !== 'all' && !isFresh && BODIES.has(message.kind)) this.#mesh?.sendIfRead(to, bytes)
    else this.#mesh?.send(to, bytes)
  }

  #serve(to: ValidatorIndex, from: Height): void {
    const served = this.#blocks.serve(to, from, this.#finality.published.height, performance.now())
    if (served === undefined) return
    if (served.isRepeated) this.#mesh?.charge(to, priceOfServing(served.bytes.length))
    this.#mesh?.sendIfRead(to, served.bytes)
  }
}

/** What makes the claims of a block findable. */
function indexOf(at: Height, transactions: readonly LedgerTransaction[]): (readonly [key: Uint8Array, value: Uint8Array])[] {
  return transactions.flatMap(({ work, place, sourceDigest, account }, index) => {
    if (work === null) return []
    const blob = work.blob === undefined ? {} : { blob: work.blob.root }
    const claim = { claimId: work.claimId, kind: work.kind, label: place?.label ?? null, sourceDigest, sender: account, ...blob }
    return indexEntries(claim, { height: at, index })
  })
}
