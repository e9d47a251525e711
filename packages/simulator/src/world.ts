/**
 * The seeded world around unmodified replicas: virtual time, network, disks, processes, clocks, clients. One thread, no real
 * I/O; a seed reproduces a run event by event.
 */
import { AssertionError, assert, epoch, type Hash, type Height, height, toHex, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import {
  type CommittedTip,
  createMessageChecker,
  createValidatorSet,
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageChecker,
  maxFaulty,
  type TimerName,
  type ValidatorSet,
  type VerifiedMessage,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { createReplica, type Replica, type ReplicaEffect, type ReplicaInput, type Transaction } from '@aethel/replica'
import { type Adversary, createAdversary } from './byzantine.js'
import { Coverage } from './coverage.js'
import { Disk, type Write } from './disk.js'
import { EventQueue } from './events.js'
import { demand, Invariants, Violation } from './invariants.js'
import type { Knobs } from './knobs.js'
import { type Random, randomStream } from './random.js'
import { createIdealSignatures, type IdealSignatures } from './signatures.js'
import {
  createTallyMachine,
  decodeTally,
  encodeTally,
  TALLY_ACCOUNTS,
  TALLY_GENESIS,
  type TallyState,
  verifyTally,
  type WorkKind,
} from './tally-machine.js'

type Payload =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'transactions'; readonly transactions: readonly Transaction[] }

type WorldEvent =
  | { readonly kind: 'deliver'; readonly from: number; readonly to: number; readonly payload: Payload }
  | { readonly kind: 'timer'; readonly node: number; readonly incarnation: number; readonly timer: TimerName; readonly version: number }
  | { readonly kind: 'synced'; readonly node: number; readonly incarnation: number; readonly count: number }
  | { readonly kind: 'verified'; readonly node: number; readonly incarnation: number; readonly key: Hash; readonly bytes: Uint8Array }
  | { readonly kind: 'connected'; readonly node: number; readonly peer: number }
  | { readonly kind: 'crash' }
  | { readonly kind: 'restart'; readonly node: number }
  | { readonly kind: 'partition' }
  | { readonly kind: 'mend'; readonly partition: number }
  | { readonly kind: 'submit'; readonly client: number }
  | { readonly kind: 'heal' }

/** Held back until the writes before it are durable. */
type Queued = { readonly kind: 'write'; readonly write: Write<TallyState> } | { readonly kind: 'release'; readonly effect: ReplicaEffect }

interface Node {
  readonly index: ValidatorIndex
  disk: Disk<TallyState>
  lostStore: boolean
  readonly adversary: Adversary | null
  readonly skewMs: number
  replica: Replica<TallyState> | null
  incarnation: number
  queue: Queued[]
  syncing: boolean
  readonly timers: Map<TimerName, number>
  /** Height of the newest commit effect of this incarnation. */
  appliedHeight: number
  durableView: number
}

interface Client {
  readonly account: number
  nonce: number
  current: Uint8Array | null
}

export interface WorldOptions {
  readonly seed: number
  readonly validators: number
  /** The first `byzantine` positions of a shuffled order are faulty. */
  readonly byzantine: number
  readonly knobs: Knobs
  readonly onTrace?: (line: string) => void
}

const STATUS_MS = 250
const FLOOR_MS = 800
const CAP_MS = 6_400
const CLIENT_RETRY_MS = 1_000
const CLOCK_DRIFT_MS = 2_000
/** A block is served whole; the simulated answer holds at most this many. */
const BLOCKS_PER_ANSWER = 16

export class World {
  readonly #options: WorldOptions
  readonly #events = new EventQueue<WorldEvent>()
  readonly #network: Random
  readonly #processes: Random
  readonly #clientsRandom: Random
  readonly #nodes: Node[] = []
  readonly #signatures: IdealSignatures = createIdealSignatures()
  readonly #validators: ValidatorSet
  readonly #chainId: Hash
  readonly #checker: MessageChecker
  readonly #verdicts = new WeakMap<Message, VerifiedMessage | 'refused'>()
  readonly #clients: Client[] = []
  readonly invariants: Invariants
  readonly coverage: Coverage = new Coverage()
  #partition: { readonly id: number; readonly side: readonly boolean[]; readonly oneWay: boolean } | null = null
  #partitions = 0
  #healed = false
  #healedAtMs = 0
  #submitted = 0
  nowMs = 0
  eventCount = 0
  #traceHash: Hash

  constructor(options: WorldOptions) {
    this.#options = options
    this.#network = randomStream(options.seed, 'network')
    this.#processes = randomStream(options.seed, 'processes')
    this.#clientsRandom = randomStream(options.seed, 'clients')
    this.#chainId = hashTagged('aethel/simulated-chain', Uint8Array.from([options.validators & 255]))
    this.#traceHash = this.#chainId
    const keys = Array.from({ length: options.validators }, (_, index) => ({ publicKey: this.#signatures.keyOf(index), power: 1n }))
    const set = createValidatorSet(epoch(0), keys)
    assert(set.ok, 'a simulated validator set is well formed')
    this.#validators = set.value
    this.#checker = createMessageChecker({ chainId: this.#chainId, validators: this.#validators, verifySignature: this.#signatures.verify })
    const faulty = this.#chooseFaulty()
    this.invariants = new Invariants({
      chainId: this.#chainId,
      validators: this.#validators,
      verifySignature: this.#signatures.verify,
      isValidTransaction: (bytes) => isAcceptable(bytes),
      isHonest: (index) => !faulty.has(index),
    })
    for (let index = 0; index < options.validators; index++) this.#nodes.push(this.#createNode(validatorIndex(index), faulty.get(index)))
    for (let client = 0; client < Math.min(TALLY_ACCOUNTS, 4); client++) this.#clients.push({ account: client, nonce: 0, current: null })
  }

  /** Position to strategy number. */
  #chooseFaulty(): Map<number, number> {
    const order = Array.from({ length: this.#options.validators }, (_, index) => index)
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.#processes.below(i + 1)
      const swap = order[i] as number
      order[i] = order[j] as number
      order[j] = swap
    }
    return new Map(order.slice(0, this.#options.byzantine).map((index, position) => [index, position]))
  }

  #createNode(index: ValidatorIndex, strategyAt: number | undefined): Node {
    const { knobs, validators } = this.#options
    const genesis: CommittedTip = { height: height(0), hash: this.#chainId, timestampMs: 0 }
    const strategy = strategyAt === undefined ? undefined : knobs.strategies[strategyAt]
    const context = {
      self: index,
      count: validators,
      chainId: this.#chainId,
      random: randomStream(this.#options.seed, `adversary ${index}`),
      sign: this.#signatures.signer(index),
    }
    return {
      index,
      disk: new Disk(genesis, TALLY_GENESIS),
      lostStore: false,
      adversary: strategy === undefined ? null : createAdversary(strategy, context),
      skewMs: Math.floor((this.#processes.unit() * 2 - 1) * knobs.clockSkewMs) + knobs.clockSkewMs,
      replica: null,
      incarnation: 0,
      queue: [],
      syncing: false,
      timers: new Map(),
      appliedHeight: 0,
      durableView: 0,
    }
  }

  get healed(): boolean {
    return this.#healed
  }

  get healedAtMs(): number {
    return this.#healedAtMs
  }

  get traceHash(): string {
    return toHex(this.#traceHash).slice(0, 16)
  }

  get submitted(): number {
    return this.#submitted
  }

  start(): void {
    const { knobs } = this.#options
    for (const node of this.#nodes) this.#boot(node)
    for (const [client] of this.#clients.entries()) this.#events.push(this.#clientsRandom.unit() * 200, { kind: 'submit', client })
    if (knobs.meanPartitionGapMs !== null) this.#events.push(this.#network.exponential(knobs.meanPartitionGapMs), { kind: 'partition' })
    if (knobs.meanCrashGapMs !== null) this.#events.push(this.#processes.exponential(knobs.meanCrashGapMs), { kind: 'crash' })
    this.#events.push(knobs.faultMs, { kind: 'heal' })
  }

  /** Everything submitted is committed at every honest validator that is up, and all of them are up. */
  get settled(): boolean {
    if (!this.#healed || this.#submitted < this.#options.knobs.transactions) return false
    if (this.#clients.some((client) => client.current !== null)) return false
    return this.#honest().every((node) => node.replica !== null && node.disk.committedHeight === this.invariants.height)
  }

  #honest(): Node[] {
    return this.#nodes.filter((node) => node.adversary === null)
  }

  /** Processes one event; false when none is left. */
  advance(): boolean {
    const next = this.#events.pop()
    if (next === undefined) return false
    this.nowMs = next.atMs
    this.eventCount++
    this.#handle(next.event)
    return true
  }

  #handle(event: WorldEvent): void {
    switch (event.kind) {
      case 'deliver':
        return this.#deliver(event)
      case 'timer': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation || node.timers.get(event.timer) !== event.version) return
        return this.#step(node, { kind: 'timer', timer: event.timer, nowMs: this.#clockOf(node) })
      }
      case 'synced': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation === event.incarnation) this.#onSynced(node, event.count)
        return
      }
      case 'verified': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation) return
        const verdict = verifyTally(event.bytes)
        const outcome = verdict.status === 'valid' ? verdict : { ...verdict, code: 'tally-invalid', message: 'expected valid work' }
        return this.#step(node, { kind: 'verified', key: event.key, outcome, nowMs: this.#clockOf(node) })
      }
      case 'connected': {
        const node = this.#nodeAt(event.node)
        if (node.replica !== null) this.#step(node, { kind: 'connected', peer: validatorIndex(event.peer), nowMs: this.#clockOf(node) })
        return
      }
      case 'crash':
        return this.#onCrashDue()
      case 'restart':
        return this.#boot(this.#nodeAt(event.node))
      case 'partition':
        return this.#onPartitionDue()
      case 'mend':
        if (this.#partition?.id === event.partition) this.#mend()
        return
      case 'submit':
        return this.#onSubmit(event.client)
      case 'heal':
        return this.#heal()
    }
  }

  #nodeAt(index: number): Node {
    const node = this.#nodes[index]
    assert(node !== undefined, `no simulated validator ${index}`)
    return node
  }

  #clockOf(node: Node): number {
    return Math.floor(this.nowMs + node.skewMs + 1)
  }

  // --- processes ----------------------------------------------------------------------------------------------------

  #boot(node: Node): void {
    if (node.replica !== null) return
    const { knobs } = this.#options
    node.incarnation++
    node.queue = []
    node.syncing = false
    node.timers.clear()
    const durable = node.disk.durableState()
    node.appliedHeight = durable.committed.height
    demand(
      'view-monotone',
      durable.view >= node.durableView,
      () => `validator ${node.index} restarted in view ${durable.view} after ${node.durableView}`,
    )
    node.replica = createReplica({
      consensus: {
        chainId: this.#chainId,
        validators: this.#validators,
        self: node.index,
        window: knobs.window,
        clockDriftMs: CLOCK_DRIFT_MS,
        timers: { floorMs: FLOOR_MS, commitFactor: 4, allowanceMs: 200, capMs: CAP_MS, statusMs: STATUS_MS, batchMs: 5 },
        recoveryNonce: hashTagged('aethel/simulated-nonce', Uint8Array.of(node.index, node.incarnation & 255, node.incarnation >> 8)),
        sign: this.#signatures.signer(node.index),
      },
      durable,
      application: createTallyMachine(node.disk.state),
      mempool: { transactions: 512, bytes: 1 << 20, perSender: 64, waiting: 64, maxWaitBlocks: 50, verdicts: 4096 },
      block: { transactions: knobs.blockTransactions, bytes: 1 << 16, gas: 1_000_000 },
      order: 'difficulty',
    })
    if (node.incarnation > 1) this.coverage.hit('restart')
    this.#step(node, { kind: 'start', nowMs: this.#clockOf(node) })
    for (const peer of this.#nodes) {
      if (peer === node || peer.replica === null) continue
      this.#events.push(this.nowMs + 1, { kind: 'connected', node: node.index, peer: peer.index })
      this.#events.push(this.nowMs + 1, { kind: 'connected', node: peer.index, peer: node.index })
    }
  }

  #onCrashDue(): void {
    const { knobs } = this.#options
    if (this.#healed || knobs.meanCrashGapMs === null) return
    this.#events.push(this.nowMs + this.#processes.exponential(knobs.meanCrashGapMs), { kind: 'crash' })
    const up = this.#nodes.filter((node) => node.replica !== null)
    if (up.length === 0) return
    this.#crash(this.#processes.pick(up))
  }

  /** Power fails: of the writes not yet synced, some prefix made it. */
  #crash(node: Node): void {
    const { knobs } = this.#options
    const writes = node.queue.flatMap((item) => (item.kind === 'write' ? [item.write] : []))
    const survived = this.#processes.below(writes.length + 1)
    for (const write of writes.slice(0, survived)) node.disk.apply(write)
    node.durableView = Math.max(node.durableView, node.disk.viewRecord.view)
    if (writes.length > survived) this.coverage.hit('crash lost unsynced writes')
    node.replica = null
    node.incarnation++
    node.queue = []
    this.coverage.hit('crash')
    this.#maybeLoseStore(node)
    this.#events.push(this.nowMs + this.#processes.exponential(knobs.downMs), { kind: 'restart', node: node.index })
  }

  /** The disk is gone and the key is not (trap C6). */
  #maybeLoseStore(node: Node): void {
    const { byzantine, knobs, validators } = this.#options
    const lost = this.#nodes.filter((other) => other.lostStore && other !== node).length
    if (node.adversary !== null || byzantine + lost >= maxFaulty(validators) || !this.#processes.chance(knobs.storeLossRate)) return
    node.disk = new Disk({ height: height(0), hash: this.#chainId, timestampMs: 0 }, TALLY_GENESIS, { status: 'asking' })
    node.lostStore = true
    node.durableView = 0
    node.appliedHeight = 0
    this.coverage.hit('store lost')
  }

  // --- network ------------------------------------------------------------------------------------------------------

  #onPartitionDue(): void {
    const { knobs, validators } = this.#options
    if (this.#healed || knobs.meanPartitionGapMs === null) return
    if (this.#partition === null) {
      const side = Array.from({ length: validators }, () => this.#network.chance(0.5))
      this.#partition = { id: ++this.#partitions, side, oneWay: this.#network.chance(0.25) }
      this.coverage.hit('partition')
      this.#events.push(this.nowMs + this.#network.exponential(knobs.partitionMs), { kind: 'mend', partition: this.#partitions })
    }
    this.#events.push(this.nowMs + this.#network.exponential(knobs.meanPartitionGapMs), { kind: 'partition' })
  }

  #mend(): void {
    this.#partition = null
    for (const node of this.#nodes) {
      for (const peer of this.#nodes) {
        if (node !== peer && this.#network.chance(0.5))
          this.#events.push(this.nowMs + 1, { kind: 'connected', node: node.index, peer: peer.index })
      }
    }
  }

  #isCut(from: number, to: number): boolean {
    const partition = this.#partition
    if (partition === null || partition.side[from] === partition.side[to]) return false
    return !partition.oneWay || partition.side[from] === true
  }

  #transmit(from: number, to: number, payload: Payload): void {
    const { knobs } = this.#options
    if (from === to) return
    if (!this.#healed && (this.#isCut(from, to) || this.#network.chance(knobs.lossRate))) return
    const copies = !this.#healed && this.#network.chance(knobs.duplicationRate) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      let delayMs = 0.2 + this.#network.exponential(knobs.meanDelayMs)
      if (!this.#healed && this.#network.chance(knobs.slowRate)) delayMs *= knobs.slowFactor
      this.#events.push(this.nowMs + delayMs, { kind: 'deliver', from, to, payload })
    }
  }

  #deliver(event: Extract<WorldEvent, { kind: 'deliver' }>): void {
    const node = this.#nodeAt(event.to)
    if (node.replica === null || (!this.#healed && this.#isCut(event.from, event.to))) return
    const from = validatorIndex(event.from)
    if (event.payload.kind === 'transactions') {
      return this.#step(node, { kind: 'transactions', from, transactions: event.payload.transactions, nowMs: this.#clockOf(node) })
    }
    if (node.adversary === null && !node.replica.wants(from, event.payload.message)) return
    const message = this.#verified(event.payload.message)
    if (message === 'refused') return
    if (node.adversary !== null)
      for (const out of node.adversary.onReceive(message)) this.#transmit(node.index, out.to, { kind: 'message', message: out.message })
    this.#step(node, { kind: 'message', from, message, nowMs: this.#clockOf(node) })
  }

  /** The edge. Its verdict is a pure function of the message, so one check serves every receiver. */
  #verified(message: Message): VerifiedMessage | 'refused' {
    const known = this.#verdicts.get(message)
    if (known !== undefined) return known
    const received = this.#options.knobs.encodeOnWire ? decodeMessage(encodeMessage(message)) : { ok: true as const, value: message }
    const checked = received.ok ? this.#checker.check(received.value) : received
    const verdict = checked.ok ? checked.value : 'refused'
    if (verdict === 'refused') this.coverage.hit(`refused ${message.kind}`)
    this.#verdicts.set(message, verdict)
    return verdict
  }

  // --- effects ------------------------------------------------------------------------------------------------------

  #step(node: Node, input: ReplicaInput): void {
    const { replica } = node
    if (replica === null) return
    this.coverage.onInput(replica, input)
    let effects: ReplicaEffect[]
    try {
      effects = replica.step(input)
    } catch (error) {
      if (error instanceof AssertionError)
        throw new Violation('no-crash', `validator ${node.index} stopped on an assertion: ${error.message}`)
      throw error
    }
    for (const effect of effects) this.#onEffect(node, effect)
    this.#startSync(node)
  }

  #onEffect(node: Node, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'persist':
        node.queue.push({ kind: 'write', write: { kind: 'records', records: effect.records } })
        return
      case 'commit':
        this.#onCommitEffect(node, effect)
        return
      case 'set-timer': {
        const version = (node.timers.get(effect.timer) ?? 0) + 1
        node.timers.set(effect.timer, version)
        this.#events.push(this.nowMs + effect.afterMs, {
          kind: 'timer',
          node: node.index,
          incarnation: node.incarnation,
          timer: effect.timer,
          version,
        })
        return
      }
      case 'cancel-timer':
        node.timers.set(effect.timer, (node.timers.get(effect.timer) ?? 0) + 1)
        return
      case 'verify':
        for (const { work } of effect.jobs) {
          const atMs = this.nowMs + this.#processes.exponential(this.#options.knobs.verifyMs)
          this.#events.push(atMs, { kind: 'verified', node: node.index, incarnation: node.incarnation, key: work.key, bytes: work.claim })
        }
        return
      case 'event':
        this.coverage.onEvent(effect.event)
        this.#options.onTrace?.(
          `${this.nowMs.toFixed(1)} ${node.index} ${JSON.stringify(effect.event, (_, value) => (value instanceof Uint8Array ? toHex(value).slice(0, 8) : value))}`,
        )
        return
      case 'evidence':
        this.coverage.hit('equivocation detected')
        demand(
          'no-conflicting-votes',
          this.#nodeAt(effect.evidence.first.sender).adversary !== null,
          () => `honest validator ${effect.evidence.first.sender} is accused of equivocation`,
        )
        return
      case 'send':
      case 'gossip':
      case 'serve':
        if (node.queue.length === 0) this.#release(node, effect)
        else node.queue.push({ kind: 'release', effect })
        return
      case 'admission':
      case 'dropped':
        return
    }
  }

  #onCommitEffect(node: Node, effect: Extract<ReplicaEffect, { kind: 'commit' }>): void {
    const state = node.replica?.state
    assert(state !== undefined, 'a commit effect comes from a running replica')
    // Several blocks may commit in one step; their states follow from the blocks themselves.
    const machine = createTallyMachine(this.#stateBefore(node))
    const context = {
      height: effect.block.header.height,
      timestampMs: effect.block.header.timestampMs,
      proposer: effect.block.header.proposer,
    }
    const executed = machine.execute(
      machine.initial.state,
      context,
      effect.transactions.map((transaction) => ({ transaction, difficulty: 0 })),
    )
    demand('state-root', executed.ok, () => `validator ${node.index} committed a block that does not execute`)
    this.invariants.onCommit(node.index, node.appliedHeight, effect.block, effect.certificate, executed.value.stateRoot)
    node.appliedHeight = effect.block.header.height
    node.queue.push({
      kind: 'write',
      write: { kind: 'commit', committed: { block: effect.block, certificate: effect.certificate, state: executed.value.state } },
    })
    this.#traceHash = hashTagged('aethel/trace', Uint8Array.from([...this.#traceHash, ...effect.block.hash, node.index]))
  }

  /** State after the newest commit that is queued or durable. */
  #stateBefore(node: Node): TallyState {
    for (let at = node.queue.length - 1; at >= 0; at--) {
      const item = node.queue[at]
      if (item?.kind === 'write' && item.write.kind === 'commit') return item.write.committed.state
    }
    return node.disk.state
  }

  #startSync(node: Node): void {
    if (node.syncing || node.queue.length === 0 || node.replica === null) return
    node.syncing = true
    const atMs = this.nowMs + this.#processes.exponential(this.#options.knobs.fsyncMs)
    this.#events.push(atMs, { kind: 'synced', node: node.index, incarnation: node.incarnation, count: node.queue.length })
  }

  /** Group commit: everything queued when the sync began is durable; releases up to the next write go out. */
  #onSynced(node: Node, count: number): void {
    node.syncing = false
    for (const item of node.queue.splice(0, count)) this.#settleQueued(node, item)
    while (node.queue[0]?.kind === 'release') this.#settleQueued(node, node.queue.shift() as Queued)
    this.#startSync(node)
  }

  #settleQueued(node: Node, item: Queued): void {
    if (item.kind === 'release') return this.#release(node, item.effect)
    node.disk.apply(item.write)
    node.durableView = Math.max(node.durableView, node.disk.viewRecord.view)
  }

  #release(node: Node, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'send': {
        this.invariants.onSend(
          node.index,
          effect.message,
          (vote) => node.disk.holdsVote(vote) || vote.height <= node.disk.committedHeight,
          node.disk.viewRecord.view,
        )
        for (const { to, message } of this.#outgoing(node, effect.to, effect.message))
          this.#transmit(node.index, to, { kind: 'message', message })
        return
      }
      case 'gossip': {
        const receivers = effect.to === 'all' ? this.#nodes.map((other) => other.index) : [effect.to]
        for (const to of receivers) this.#transmit(node.index, to, { kind: 'transactions', transactions: effect.transactions })
        return
      }
      case 'serve':
        return this.#serve(node, effect.to, effect.from)
      default:
        return
    }
  }

  #outgoing(node: Node, to: ValidatorIndex | 'all', message: Message): { to: ValidatorIndex; message: Message }[] {
    if (node.adversary !== null) return node.adversary.onSend(to, message)
    const receivers = to === 'all' ? this.#nodes.map((other) => other.index) : [to]
    return receivers.map((receiver) => ({ to: receiver, message }))
  }

  #serve(node: Node, to: ValidatorIndex, from: Height): void {
    const { chain } = node.disk
    const first = from - 1
    if (first >= chain.length) return
    let last = Math.min(chain.length, first + BLOCKS_PER_ANSWER) - 1
    const certificate = chain[last]?.certificate
    if (certificate === undefined) return
    const links = []
    for (let at = last + 1; at < certificate.height && at < chain.length; at++) {
      const link = chain[at]?.block.header
      if (link !== undefined) links.push(link)
    }
    if (last + 1 + links.length !== certificate.height) {
      // The certified descendant is not durable here yet: serve what has a certificate of its own.
      while (last >= first && chain[last]?.certificate.height !== last + 1) last--
      const own = chain[last]
      if (own === undefined || last < first) return
      return this.#transmit(node.index, to, {
        kind: 'message',
        message: {
          kind: 'blocks',
          blocks: chain.slice(first, last + 1).map(({ block }) => block),
          links: [],
          certificate: own.certificate,
        },
      })
    }
    this.#transmit(node.index, to, {
      kind: 'message',
      message: { kind: 'blocks', blocks: chain.slice(first, last + 1).map(({ block }) => block), links, certificate },
    })
  }

  // --- clients ------------------------------------------------------------------------------------------------------

  /** One transaction outstanding per client; the same bytes are submitted again, anywhere, until they are final. */
  #onSubmit(index: number): void {
    const client = this.#clients[index]
    assert(client !== undefined, 'clients are fixed')
    if (client.current !== null && this.invariants.isCommitted(client.current)) client.current = null
    if (client.current === null) {
      if (this.#submitted >= this.#options.knobs.transactions) return
      this.#submitted++
      const workKind: WorkKind = this.#clientsRandom.chance(0.5) ? 'valid' : 'none'
      client.current = encodeTally(client.account, client.nonce++, workKind, this.#clientsRandom.below(1 << 20))
    }
    const invalid = this.#clientsRandom.chance(0.1)
    const bytes = invalid ? encodeTally(client.account, client.nonce + 1, 'invalid', this.#clientsRandom.below(1 << 20)) : client.current
    const node = this.#clientsRandom.pick(this.#nodes)
    const decoded = decodeTally(bytes)
    assert(decoded.ok, 'clients write well-formed transactions')
    this.#step(node, { kind: 'submit', request: this.eventCount, transaction: decoded.value, nowMs: this.#clockOf(node) })
    const waitMs = client.current === null ? 20 : Math.min(CLIENT_RETRY_MS, 50 + this.#clientsRandom.exponential(200))
    this.#events.push(this.nowMs + waitMs, { kind: 'submit', client: index })
  }

  // --- healing ------------------------------------------------------------------------------------------------------

  /** GST: from here on nothing is lost and everybody is up; faulty validators stay faulty. */
  #heal(): void {
    this.#healed = true
    this.#healedAtMs = this.nowMs
    this.#mend()
    for (const node of this.#nodes) if (node.replica === null) this.#boot(node)
  }

  /** Buffers within their bounds, at every honest validator. */
  checkBuffers(): void {
    const { window } = this.#options.knobs
    for (const node of this.#honest()) {
      const look = node.replica?.inspect()
      if (look === undefined) continue
      const mostVotes = this.#options.validators * 7 * (2 * window + 1) * 2
      demand(
        'bounded-buffers',
        look.votesHeld <= mostVotes,
        () => `validator ${node.index} holds ${look.votesHeld} votes, more than ${mostVotes}`,
      )
      demand('bounded-buffers', look.blocksHeld <= 4096 + window, () => `validator ${node.index} holds ${look.blocksHeld} blocks`)
    }
  }

  /** For a failing run: where everybody stands. */
  describe(): string {
    return this.#nodes
      .map((node) => {
        const look = node.replica?.inspect()
        const kind = node.adversary === null ? 'honest' : 'byzantine'
        return look === undefined
          ? `${node.index} ${kind} down at ${node.disk.committedHeight}`
          : `${node.index} ${kind} view ${look.view} ${look.phase} committed ${look.committed.height} ready ${look.ready} pooled ${look.pooled} accepted ${look.accepted.map((a) => a.height).join(',')} missing ${look.missing} highest ${look.highest === null ? '-' : `${look.highest.kind} ${look.highest.view}/${look.highest.height}`}`
      })
      .join('\n')
  }
}

function isAcceptable(bytes: Uint8Array): boolean {
  const decoded = decodeTally(bytes)
  return decoded.ok && (decoded.value.workKind === 'none' || verifyTally(bytes).status === 'valid')
}
