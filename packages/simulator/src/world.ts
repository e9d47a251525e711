/**
 * The seeded world around unmodified replicas: virtual time, network, disks, processes, clocks, clients. One thread, no real
 * I/O; a seed reproduces a run event by event.
 */
import {
  AssertionError,
  assert,
  equalBytes,
  type Hash,
  type Height,
  height,
  keyOf,
  type Refusal,
  type Result,
  type ValidatorIndex,
  validatorIndex,
} from '@aethel/codec'
import {
  type BlobRef,
  type Block,
  blobChunks,
  blobKey,
  type CommittedTip,
  createEpochGate,
  decodeMessage,
  type EpochGate,
  type EpochStart,
  encodeMessage,
  epochNamedBy,
  type ForkMaterial,
  hashHeader,
  type Message,
  maxFaulty,
  offenceKey,
  type PersistRecord,
  type TimerName,
  type VerifiedMessage,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import {
  type BlobOptions,
  createReplica,
  type Replica,
  type ReplicaEffect,
  type ReplicaInput,
  type Restored,
  type StagedSnapshot,
  type SyncOptions,
  type Transaction,
  type VerificationOutcome,
} from '@aethel/replica'
import { ADVERSARY_TICK_MS, type Adversary, type Outgoing, type Sign } from './adversaries/adversary.js'
import { Conspiracy } from './adversaries/conspiracy.js'
import { createAdversary } from './adversaries/create.js'
import type { ByzantineStrategy } from './adversaries/strategies.js'
import { BlobShelves, SIMULATED_CHUNK_BYTES } from './blob-shelves.js'
import { Clients } from './clients.js'
import { Coverage } from './coverage.js'
import { Disk, type Write } from './disk.js'
import { EpochPromises } from './epoch-promises.js'
import { SimulatedEpochs } from './epochs.js'
import { EventQueue } from './events.js'
import { type Decision, Fates } from './fates.js'
import { Forks } from './forks.js'
import { Invariants } from './invariants.js'
import { type Knobs, keepBlocksOf } from './knobs.js'
import { Network, roughBytes } from './network.js'
import { ProvisionalCommits } from './provisional.js'
import { type Random, randomStream } from './random.js'
import { blocksFrom } from './serve.js'
import { createIdealSignatures, type SignatureScheme } from './signatures.js'
import { Staging, stagedAfter } from './staging.js'
import {
  createTallyMachine,
  decodeTally,
  isTallyAcceptable,
  TALLY_GENESIS,
  type TallyState,
  tallyBlob,
  tallyBlobRef,
  tallyGasOf,
  tallySaltOfBlob,
  verifyTally,
} from './tally-machine.js'
import { tallySnapshots } from './tally-snapshots.js'
import { TraceHash, type TraceLine } from './trace.js'
import { demand, Violation } from './violation.js'

/** One message on its way; shared by all who receive a broadcast, so that the edge checks it once. */
interface MessagePayload {
  readonly kind: 'message'
  readonly message: Message
  /** Made by an adversary: goes through its bytes, so that the decoder has its say. */
  readonly forged: boolean
  readonly bytes: number
  /** For receivers in this epoch, mostly all of them; for those in another, by epoch. */
  verdictIn: number
  verdict: Result<VerifiedMessage, Refusal> | null
  others: Map<number, Result<VerifiedMessage, Refusal>> | null
  /** Signature checks that it took. */
  checks: number
}

type Payload = MessagePayload | { readonly kind: 'transactions'; readonly transactions: readonly Transaction[]; readonly bytes: number }

type FaultKind = 'crash' | 'power-loss' | 'partition' | 'clog' | 'pause' | 'clock-jump'
const FAULT_KINDS: readonly FaultKind[] = ['crash', 'power-loss', 'partition', 'clog', 'pause', 'clock-jump']

interface Verified {
  readonly kind: 'verified'
  readonly node: number
  readonly incarnation: number
  readonly nth: number
  readonly key: Hash
  readonly bytes: Uint8Array
}

type WorldEvent =
  | { readonly kind: 'deliver'; readonly from: number; readonly to: number; readonly payload: Payload }
  | { readonly kind: 'timer'; readonly node: number; readonly incarnation: number; readonly timer: TimerName; readonly version: number }
  | { readonly kind: 'synced'; readonly node: number; readonly incarnation: number; readonly count: number }
  | Verified
  | { readonly kind: 'connected'; readonly node: number; readonly peer: number }
  | { readonly kind: 'blob-opened'; readonly node: number; readonly incarnation: number; readonly blob: BlobRef }
  | { readonly kind: 'restart'; readonly node: number }
  | { readonly kind: 'fault'; readonly fault: FaultKind; readonly nth: number }
  | { readonly kind: 'mend'; readonly nth: number }
  | { readonly kind: 'submit'; readonly client: number; readonly version: number }
  | { readonly kind: 'heal' }
  | { readonly kind: 'adversary'; readonly node: number }

/** Held back until the writes before it are durable. */
type Queued = { readonly kind: 'write'; readonly write: Write<TallyState> } | { readonly kind: 'release'; readonly effect: ReplicaEffect }

/**
 * Between two effects, where a crash hurts most: before an effect is carried out, when a sync begins, when it is durable and
 * nothing that depends on it has left, after each message that left, when a block is committed that nobody else has.
 */
export type Boundary = 'persist' | 'send' | 'other' | 'sync' | 'synced' | 'released' | 'first-commit'
const AMBUSHES: readonly (Boundary | 'now')[] = ['now', 'persist', 'send', 'sync', 'synced', 'synced', 'released', 'first-commit']

interface Node {
  readonly index: ValidatorIndex
  disk: Disk<TallyState>
  readonly adversary: Adversary | null
  readonly skewMs: number
  jumpedMs: number
  replica: Replica<TallyState> | null
  incarnation: number
  /** Effect boundaries passed, over all incarnations. */
  boundaries: number
  /** Inputs taken, over all incarnations. */
  steps: number
  /** Counts what the fates of this validator are named by. */
  syncs: number
  verifications: number
  roundTrips: number
  acts: number
  queue: Queued[]
  /** So many of these, the oldest, are on the disk, and are being concluded. */
  synced: number
  syncing: boolean
  pausedUntilMs: number
  diskFullUntilMs: number
  /** Its store is damaged: it refuses to start. */
  ruined: boolean
  readonly timers: Map<TimerName, number>
  /** Height of the newest commit effect of this incarnation. */
  appliedHeight: number
  readonly answers: Map<number, number>
  /** By epoch. */
  readonly durableView: Map<number, number>
  gate: EpochGate
  /** Kept across restarts, by `offenceKey`. */
  readonly evidence: Map<string, Uint8Array>
  /** What it said when it saw a fork. */
  halted: ForkMaterial | null
  /** When its store was lost; null: never. */
  lostInEpoch: number | null
  /** Of the state being fetched: as the replica has it, durable or not. */
  staging: Staging | null
  readonly blobs: BlobShelves
  /** Of transactions final here: they go when the replica says so. */
  readonly finalBlobs: Set<string>
  /** Counts what fates are named by. */
  blobsOpened: number
}

/** A crash exactly here: the boundary with this number at this validator. */
export interface CrashPoint {
  readonly node: number
  readonly boundary: number
}

export interface WorldOptions {
  readonly seed: number
  readonly validators: number
  /** The first `byzantine` positions of a shuffled order are faulty. */
  readonly byzantine: number
  readonly knobs: Knobs
  /** Heal when this many blocks are committed, instead of at `knobs.faultMs`. */
  readonly blocks?: number
  readonly signatures?: SignatureScheme
  readonly crashAt?: CrashPoint
  /** Only these of the decisions happen (fates.ts). */
  readonly only?: ReadonlySet<string>
  readonly onDecision?: (decision: Decision) => void
  readonly onTrace?: (line: TraceLine) => void
  /** More faulty power than the protocol bears: the chain may fork, and the honest halves hear nothing of each other until it heals. */
  readonly beyond?: boolean
}

/** What is left of a run that may have forked, at one honest validator. */
export interface Remains {
  readonly index: ValidatorIndex
  readonly chain: Disk<TallyState>['chain']
  readonly material: ForkMaterial
  /** What it wrote when it halted; null: it did not. */
  readonly halted: ForkMaterial | null
}

export const STATUS_MS = 250
/** Two blobs of seven chunks: small enough for a block to have to choose. */
const MAX_SIMULATED_BLOBS: number = 2 * 7 * SIMULATED_CHUNK_BYTES
/** As many transactions as clients come to submit before the world heals. */
export const OPEN_ENDED: number = Number.MAX_SAFE_INTEGER
export const CAP_MS = 6_400
const CLOCK_DRIFT_MS = 2_000
/** Answers, our own requests for bodies, and what waited for a slow disk since the tick before. */
const MAX_ANSWERS = 2 * (512 + 256 + 64 + 4)
/** Few, so that longer chains of epochs take several offers. */
const OFFER_LINKS = 4
/** Buffers grow by a validator's own steps only: they are looked at after so many of them. */
const BUFFER_CHECK_STEPS = 32
/** Fewer are put into the queue one by one: that costs less than a flock. */
const FLOCK_RECEIVERS = 16
/** Two, and four that somebody is fetching. */
const MAX_STATES_SERVED = 6
/** After an enumerated crash the process is back in no time. */
const CRASH_POINT_DOWN_MS = 100

export class World {
  readonly #options: WorldOptions
  readonly #events = new EventQueue<WorldEvent>()
  readonly #fates: Fates
  readonly #network: Network
  readonly #nodes: Node[] = []
  readonly #signatures: SignatureScheme
  readonly #epochs: SimulatedEpochs
  readonly #chainId: Hash
  readonly #clients: Clients
  readonly #clientVersions: number[]
  readonly #conspiracy: Conspiracy
  readonly #traceHash = new TraceHash()
  readonly #payloads = new WeakMap<Message, MessagePayload>()
  readonly invariants: Invariants
  readonly promises: EpochPromises
  readonly coverage: Coverage = new Coverage()
  readonly forks: Forks = new Forks()
  /** Of blocks that somebody has voted for. */
  readonly #bodies = new Map<string, Block>()
  #uploads = 0
  /** By height, as whoever committed it first has it. */
  readonly #states = new Map<number, TallyState>()
  #ambush: { readonly node: number | null; readonly at: Boundary } | null = null
  readonly #provisional = new ProvisionalCommits<TallyState>()
  #mayBeRuined: number
  /** The only one that may lose its store on a chain with epochs. */
  readonly #frail: number | null
  #healedAtMs = 0
  nowMs = 0
  eventCount = 0
  messages = 0
  /** Of the longest queue at a network interface then. */
  backlogAtHealingMs = 0
  /** Signature checks of further receivers of one message: each would make them, and they were made once. */
  checksSpared = 0

  constructor(options: WorldOptions) {
    const { seed, validators, knobs } = options
    this.#options = options
    this.#fates = new Fates({ seed, only: options.only ?? null, onDecision: options.onDecision ?? null })
    this.#network = new Network(this.#fates, knobs, validators)
    this.#signatures = options.signatures ?? createIdealSignatures()
    const { transactions, thinkMs } = knobs
    this.#clients = new Clients(randomStream(seed, 'clients'), {
      validators,
      transactions,
      thinkMs,
      blobs: knobs.blobs === null ? null : randomStream(seed, 'blob clients'),
    })
    this.#clientVersions = new Array<number>(this.#clients.count).fill(0)
    this.#chainId = hashTagged('aethel/simulated-chain', Uint8Array.from([validators & 255]))
    const verifySignature = this.#signatures.verify
    const processes = randomStream(seed, 'processes')
    const faulty = chooseFaulty(processes, validators, options.byzantine)
    const isHonest = (index: number): boolean => !faulty.has(index)
    // On a chain with epochs every set is drawn to bear the loss of this one beside the faulty, if there is room for one more.
    const hasRoom = knobs.epochLength > 0 && knobs.damageRate > 0 && options.beyond !== true && options.byzantine < maxFaulty(validators)
    this.#frail = hasRoom ? Array.from({ length: validators }, (_, index) => index).findIndex(isHonest) : null
    const length = knobs.epochLength
    const epochs = new SimulatedEpochs({
      chainId: this.#chainId,
      nodes: validators,
      length,
      signatures: this.#signatures,
      isFaulty: (node) => faulty.has(node) || node === this.#frail,
    })
    this.#epochs = epochs
    // Sets are drawn with as much faulty power as they bear: there is no room for others who do not come back.
    this.#mayBeRuined = length > 0 ? (this.#frail === null ? 0 : 1) : Math.max(0, maxFaulty(validators) - options.byzantine)
    this.#conspiracy = this.#conspire([...faulty.keys()].map(validatorIndex))
    const shared = { chainId: this.#chainId, verifySignature, epochs }
    this.invariants = new Invariants({
      ...shared,
      validators: epochs.first.validators,
      isHonest: (position, epoch) => isHonest(epochs.nodeAt(epoch, position)),
      isValidTransaction: isAcceptable,
      gasOf: tallyGasOf,
      nowMs: () => this.nowMs,
      ...(options.beyond === true ? { forks: this.forks } : {}),
    })
    if (options.beyond === true) this.#network.keepApart(this.#nodesOfSides(isHonest))
    this.promises = new EpochPromises({
      ...shared,
      ...(options.beyond === true ? { isCommittedSomewhere: (at: number, hash: Hash) => this.forks.has(at, hash) } : {}),
      window: knobs.window,
      isHonest,
      committedAt: (at) => this.invariants.hashAt(at),
    })
    for (let index = 0; index < validators; index++) this.#nodes.push(this.#createNode(validatorIndex(index), faulty.get(index), processes))
  }

  #nodesOfSides(isHonest: (index: number) => boolean): (0 | 1 | null)[] {
    return Array.from({ length: this.#options.validators }, (_, index) =>
      isHonest(index) ? (this.#conspiracy.side[index] as 0 | 1) : null,
    )
  }

  get faulty(): readonly ValidatorIndex[] {
    return this.#conspiracy.members
  }

  get validatorSet(): EpochStart['validators'] {
    return this.#epochs.first.validators
  }

  get chainId(): Hash {
    return this.#chainId
  }

  /** Of the honest validators, in order. */
  get remains(): Remains[] {
    return this.#nodes
      .filter(({ adversary }) => adversary === null)
      .map(({ index, disk, replica, halted }) => ({
        index,
        chain: disk.chain,
        material: replica?.forkMaterial() ?? { certificates: [], headers: [], votes: [], entries: [] },
        halted,
      }))
  }

  #conspire(members: readonly ValidatorIndex[]): Conspiracy {
    const signers = Array.from({ length: this.#options.validators }, (_, index) => this.#signatures.signer(index))
    const epochs = this.#epochs
    return new Conspiracy({
      chainId: this.#chainId,
      validators: () => epochs.newest.validators,
      members,
      nodeAt: (position) => validatorIndex(epochs.nodeAt(epochs.newest.validators.epoch, position)),
      random: randomStream(this.#options.seed, 'conspiracy'),
      sign: (member, bytes) => {
        assert(members.includes(member), 'conspirators sign as themselves only')
        return (signers[member] as Sign)(bytes)
      },
      signAbroad: (signer, bytes) => (signers[signer] as Sign)(bytes),
    })
  }

  #createNode(index: ValidatorIndex, strategyAt: number | undefined, processes: Random): Node {
    const { knobs } = this.#options
    const genesis: CommittedTip = { height: height(0), hash: this.#chainId, timestampMs: 0 }
    const strategy = strategyAt === undefined ? undefined : knobs.strategies[strategyAt % knobs.strategies.length]
    return {
      index,
      disk: new Disk(genesis, TALLY_GENESIS),
      adversary: strategy === undefined ? null : this.#corrupt(index, strategy),
      skewMs: Math.floor((processes.unit() * 2 - 1) * knobs.clockSkewMs) + knobs.clockSkewMs,
      jumpedMs: 0,
      replica: null,
      incarnation: 0,
      boundaries: 0,
      steps: 0,
      syncs: 0,
      verifications: 0,
      roundTrips: 0,
      acts: 0,
      queue: [],
      synced: 0,
      syncing: false,
      pausedUntilMs: 0,
      diskFullUntilMs: 0,
      ruined: false,
      timers: new Map(),
      appliedHeight: 0,
      answers: new Map(),
      durableView: new Map(),
      gate: this.#createGate(this.#epochs.first),
      evidence: new Map(),
      halted: null,
      lostInEpoch: null,
      staging: null,
      finalBlobs: new Set(),
      blobs: new BlobShelves(),
      blobsOpened: 0,
    }
  }

  /** Messages are looked at in `#deliver`, once for all receivers of an epoch. */
  #createGate(start: EpochStart): EpochGate {
    return createEpochGate({ start, check: (of, message) => this.#epochs.checkerOf(of).check(message) })
  }

  #corrupt(self: ValidatorIndex, strategy: ByzantineStrategy): Adversary {
    return createAdversary(strategy, {
      self,
      peers: Array.from({ length: this.#options.validators }, (_, index) => validatorIndex(index)).filter((index) => index !== self),
      conspiracy: this.#conspiracy,
      random: randomStream(this.#options.seed, `adversary ${self}`),
      nowMs: () => this.nowMs,
      isHealed: () => this.healed,
      viewTimeoutMs: () => this.#nodeAt(self).replica?.inspect().viewTimeoutMs ?? this.#options.knobs.floorMs,
      isolate: (victim, forMs) => this.#network.isolate(victim, this.nowMs + forMs),
      note: (lie) => this.coverage.hit(`lie: ${lie}`),
    })
  }

  /** Power fails everywhere, now; each validator is back after this time, or when the world heals. */
  powerCut(downMs: number): void {
    for (const node of this.#nodes) this.#crash(node, downMs)
  }

  get healed(): boolean {
    return this.#network.healed
  }

  get signatures(): SignatureScheme {
    return this.#signatures
  }

  get healedAtMs(): number {
    return this.#healedAtMs
  }

  get traceHash(): string {
    return this.#traceHash.text
  }

  get submitted(): number {
    return this.#clients.submitted
  }

  get latenciesMs(): readonly number[] {
    return this.#clients.latenciesMs
  }

  /** Effect boundaries passed so far, by validator: what a crash can be aimed at. */
  get boundaries(): readonly number[] {
    return this.#nodes.map((node) => node.boundaries)
  }

  start(): void {
    const { knobs, blocks } = this.#options
    for (const node of this.#nodes) this.#boot(node)
    for (let client = 0; client < this.#clients.count; client++)
      this.#events.push(this.#clients.firstInMs(), { kind: 'submit', client, version: 0 })
    for (const fault of FAULT_KINDS) this.#scheduleFault(fault, 1)
    if (blocks === undefined) this.#events.push(knobs.faultMs, { kind: 'heal' })
    for (const { index, adversary } of this.#nodes)
      if (adversary !== null) this.#events.push(ADVERSARY_TICK_MS, { kind: 'adversary', node: index })
  }

  /** Everything submitted is committed at every honest validator that can be up, and all of those are up. */
  get settled(): boolean {
    if (!this.healed || !this.#clients.done) return false
    return this.#nodes.every(
      (node) => node.adversary !== null || node.ruined || (node.replica !== null && node.disk.committedHeight === this.invariants.height),
    )
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
        if (node.incarnation !== event.incarnation || node.timers.get(event.timer) !== event.version || this.#waitsForPause(node, event))
          return
        if (event.timer === 'status') {
          node.answers.clear()
          this.#measureRoundTrip(node)
          this.#expireBlob(node)
          if (node.incarnation !== event.incarnation) return
        }
        return this.#step(node, { kind: 'timer', timer: event.timer, nowMs: this.#clockOf(node) })
      }
      case 'synced': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation === event.incarnation && !this.#waitsForPause(node, event)) this.#onSynced(node, event.count)
        return
      }
      case 'verified': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation || this.#waitsForPause(node, event)) return
        return this.#step(node, { kind: 'verified', key: event.key, outcome: this.#outcomeOf(node, event), nowMs: this.#clockOf(node) })
      }
      case 'connected': {
        const node = this.#nodeAt(event.node)
        if (node.replica === null || this.#waitsForPause(node, event)) return
        return this.#step(node, { kind: 'connected', peer: validatorIndex(event.peer), nowMs: this.#clockOf(node) })
      }
      case 'blob-opened': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation || this.#waitsForPause(node, event)) return
        const missing = node.blobs.missing(event.blob)
        return this.#step(node, { kind: 'blob-opened', blob: event.blob, missing, nowMs: this.#clockOf(node) })
      }
      case 'fault':
        return this.#onFaultDue(event.fault, event.nth)
      case 'restart':
        return this.#boot(this.#nodeAt(event.node))
      case 'mend':
        if (this.#network.mend(event.nth)) this.#reconnectSome(event.nth)
        return
      case 'submit':
        if (this.#clientVersions[event.client] === event.version) this.#onSubmit(event.client)
        return
      case 'heal':
        return this.#heal()
      case 'adversary':
        return this.#onAdversaryTick(this.#nodeAt(event.node))
    }
  }

  #nodeAt(index: number): Node {
    const node = this.#nodes[index]
    assert(node !== undefined, () => `no simulated validator ${index}`)
    return node
  }

  #clockOf(node: Node): number {
    return Math.floor(this.nowMs + node.skewMs + node.jumpedMs + 1)
  }

  #trace(node: number, what: string, detail: object = {}): void {
    this.#options.onTrace?.({ atMs: this.nowMs, node, what, ...detail })
  }

  // --- processes ----------------------------------------------------------------------------------------------------

  #boot(node: Node): void {
    if (node.replica !== null || node.ruined || this.#isRuined(node)) return
    const { knobs } = this.#options
    node.incarnation++
    node.queue = []
    node.syncing = false
    node.pausedUntilMs = 0
    node.timers.clear()
    node.answers.clear()
    const durable = node.disk.durableState()
    node.appliedHeight = durable.committed.height
    const { staged } = node.disk
    node.staging = staged === null ? null : Staging.of(staged)
    const start = node.disk.epoch ?? this.#epochs.first
    node.gate = this.#createGate(start)
    const { epoch } = start.validators
    const view = epochOfView(node) === epoch ? durable.view : 0
    demand(
      'view-monotone',
      view >= (node.durableView.get(epoch) ?? 0),
      () => `validator ${node.index} restarted in view ${view} after ${node.durableView.get(epoch)}`,
    )
    const { floorMs, window } = knobs
    node.replica = createReplica({
      consensus: {
        chainId: this.#chainId,
        validators: start.validators,
        origin: start.origin,
        epochLength: this.#epochs.length,
        self: node.index,
        window,
        clockDriftMs: CLOCK_DRIFT_MS,
        timers: { floorMs, commitFactor: 4, allowanceMs: floorMs / 4, capMs: CAP_MS, statusMs: STATUS_MS, batchMs: 5 },
        recoveryNonce: hashTagged(
          'aethel/simulated-nonce',
          Uint8Array.of(node.index, node.incarnation & 255, (node.incarnation >> 8) & 255),
        ),
        sign: this.#signatures.signer(node.index),
      },
      durable,
      epochs: {
        previousValidators: start.previousValidators,
        keys: this.#epochs.keysOf(node.index),
        peerOf: (key) => this.#epochs.peerOf(key),
      },
      application: createTallyMachine(node.disk.state, this.#epochs.membership),
      mempool: { transactions: 512, bytes: 1 << 20, perSender: 64, waiting: 64, maxWaitBlocks: 50, verdicts: 4096 },
      block: { transactions: knobs.blockTransactions, bytes: 1 << 16, gas: 1_000_000, blobBytes: MAX_SIMULATED_BLOBS },
      ...(knobs.blobs === null ? {} : { blobs: this.#blobOptionsOf(node) }),
      order: 'difficulty',
      evidence: [...node.evidence.values()],
      sync: this.#syncOf(node),
    })
    if (node.incarnation > 1) this.coverage.hit('restart')
    this.#trace(node.index, 'start', { view: durable.view, committed: durable.committed.height })
    this.#step(node, { kind: 'start', nowMs: this.#clockOf(node) })
    const up = this.#nodes.filter((peer) => peer !== node && peer.replica !== null)
    this.#events.pushMany(new Array<number>(2 * up.length).fill(this.nowMs + 1), (nth) => {
      const peer = (up[nth >> 1] as Node).index
      return nth % 2 === 0 ? { kind: 'connected', node: node.index, peer } : { kind: 'connected', node: peer, peer: node.index }
    })
  }

  #blobOptionsOf(node: Node): BlobOptions {
    const keepBlocks = keepBlocksOf(this.#options.knobs)
    const finalAt = new Map<number, Height>()
    for (const { block } of node.disk.chain) {
      for (const bytes of block.body.transactions) {
        const salt = tallySaltOfBlob(bytes)
        if (salt !== undefined) finalAt.set(salt, block.header.height)
      }
    }
    const heights = new Map([...finalAt].map(([salt, at]) => [blobKey(tallyBlobRef(salt)), at]))
    const held = node.blobs.sealed.map((blob) => ({ ...blob, height: heights.get(blobKey(blob)) ?? null }))
    return { chunkBytes: SIMULATED_CHUNK_BYTES, pendingBytes: 4 * MAX_SIMULATED_BLOBS, keepBlocks, keepBytes: null, held }
  }

  /** A verdict, or none: the worker died of it, or of something else. */
  #outcomeOf({ index }: Node, { nth, bytes }: Verified): VerificationOutcome {
    const isAborted = !this.healed && this.#fates.unit('crash', index, nth, 9) < this.#options.knobs.abortRate
    if (isAborted && this.#fates.allows('crash', `of a worker ${index}#${nth}`, this.nowMs)) {
      this.coverage.hit('verification stopped')
      return { status: 'aborted', reason: 'the worker died' }
    }
    const verdict = verifyTally(bytes)
    return verdict.status === 'valid' ? verdict : { ...verdict, code: 'tally-invalid', message: 'expected valid work' }
  }

  /** To one peer at each tick, in turn. */
  #measureRoundTrip(node: Node): void {
    const { knobs, validators } = this.#options
    const nth = ++node.roundTrips
    const peer = nth % validators
    if (!knobs.measuresRoundTrips || peer === node.index) return
    const roundTripMs = this.#fates.delay(2 * knobs.meanDelayMs, -3_000_001 - node.index, nth)
    this.#step(node, { kind: 'round-trip', peer: validatorIndex(peer), roundTripMs })
  }

  /** Nothing that is not final refers to it here: an upload that nobody submitted, say. */
  #expireBlob(node: Node): void {
    const { blobs } = this.#options.knobs
    const { replica } = node
    if (blobs === null || replica === null || this.healed || blobs.expiryRate === 0) return
    const [blob] = node.blobs.sealed
    if (blob === undefined || replica.needsBlob(blob) || node.finalBlobs.has(blobKey(blob))) return
    if (this.#fates.unit('disk', node.index, ++node.blobsOpened, 4) >= blobs.expiryRate) return
    node.blobs.drop(blob)
    this.coverage.hit('blob expired')
    this.#step(node, { kind: 'blob-lost', blob, nowMs: this.#clockOf(node) })
  }

  /** Before a vote leaves the replica: the blobs of its block are on this validator's disk, whole. */
  #checkBlobsInHand(node: Node, records: readonly PersistRecord[]): void {
    for (const record of records) {
      if (record.kind === 'block') this.#bodies.set(keyOf(record.block.hash), record.block)
      if (record.kind !== 'vote') continue
      for (const blob of blobsIn(this.#bodies.get(keyOf(record.vote.blockHash)))) {
        demand(
          'blob-in-hand',
          node.blobs.isWhole(blob),
          () => `validator ${node.index} votes for height ${record.vote.height} without a blob of ${blob.bytes} bytes that it refers to`,
        )
        this.coverage.hit('voted with a blob in hand')
      }
    }
  }

  #onBlobDrop(node: Node, blob: BlobRef): void {
    const key = blobKey(blob)
    const voted = node.disk.durableState().blocks.filter(({ header }) => header.height > node.appliedHeight)
    const needed = voted.some((block) => blobsIn(block).some((each) => blobKey(each) === key))
    demand(
      'blob-kept',
      !needed || node.adversary !== null,
      () => `validator ${node.index} drops a blob that a block it has voted for refers to`,
    )
    node.blobs.drop(blob)
  }

  #syncOf({ disk, adversary }: Node): SyncOptions {
    const { trustCertificates, snapshots } = this.#options.knobs
    const { headers, lastCommit, staged } = disk
    const certificate = lastCommit?.height === disk.committedHeight ? lastCommit : null
    const stored = { headers, certificate, staged }
    // A faulty validator trusts nobody, so that what it repeats is what it has seen.
    if (snapshots === null) return { trustCertificates: trustCertificates && adversary === null }
    return {
      trustCertificates: trustCertificates && adversary === null,
      snapshots: { ...snapshots, verifySignature: this.#signatures.verify, stored },
    }
  }

  /** The store finds a record damaged (rotten, or written over by a misdirected write) and refuses to open: for good. */
  #isRuined(node: Node): boolean {
    const { damageRate } = this.#options.knobs
    if (this.healed || node.incarnation === 0 || node.adversary !== null || this.#mayBeRuined === 0 || damageRate === 0) return false
    if (this.#frail !== null && node.index !== this.#frail) return false
    const nth = node.incarnation
    if (this.#fates.unit('disk', node.index, nth, 2) >= damageRate) return false
    if (!this.#fates.allows('disk', `damage ${node.index}#${nth}`, this.nowMs)) return false
    this.#mayBeRuined--
    if (this.#fates.unit('disk', node.index, nth, 3) < 0.5) return this.#recover(node)
    node.ruined = true
    this.coverage.hit('damaged store refused')
    this.#trace(node.index, 'store damaged')
    return true
  }

  /** An operator puts a new store in place of the damaged one, and says so; the key is the same (trap C6). */
  #recover(node: Node): false {
    node.disk = new Disk({ height: height(0), hash: this.#chainId, timestampMs: 0 }, TALLY_GENESIS, { status: 'asking' })
    node.blobs.clear()
    node.finalBlobs.clear()
    node.durableView.clear()
    node.lostInEpoch = node.gate.epoch
    this.coverage.hit('store lost')
    this.#trace(node.index, 'store lost')
    return false
  }

  /** Power fails: of the writes not yet synced, some prefix made it; of one more group, perhaps some records. */
  #crash(node: Node, downMs: number): void {
    if (node.replica === null) return
    const synced = [...writesIn(node.queue.splice(0, node.synced))] // it dies of what one of them concludes: the others are on the disk, too
    node.synced = 0
    const writes = [...writesIn(node.queue)]
    node.replica = null // before anything is written: it cannot die again of what that concludes
    const survived = this.#fates.below(writes.length + 1, 'crash', node.index, node.incarnation, 7)
    for (const write of [...synced, ...writes.slice(0, survived)]) this.#write(node, write)
    noteDurableView(node)
    if (writes.length > survived) this.coverage.hit('crash lost unsynced writes')
    node.blobs.crash((nth) => this.#fates.unit('crash', node.index, node.incarnation, 100 + nth) < 0.5)
    this.#trace(node.index, 'crash', { writes: writes.length, survived })
    node.incarnation++
    node.queue = []
    this.coverage.hit('crash')
    this.#events.push(this.nowMs + downMs, { kind: 'restart', node: node.index })
  }

  #downMs(node: Node): number {
    return this.#fates.exponential(this.#options.knobs.downMs, 'crash', node.index, node.incarnation, 8)
  }

  /** Passes one effect boundary; true if the process died there. */
  #passes(node: Node, at: Boundary): boolean {
    node.boundaries++
    const { crashAt } = this.#options
    if (crashAt !== undefined && crashAt.node === node.index && crashAt.boundary === node.boundaries) {
      this.coverage.hit(`crash at a boundary: ${at}`)
      this.#crash(node, CRASH_POINT_DOWN_MS)
      return true
    }
    const ambush = this.#ambush
    if (ambush === null || ambush.at !== at || (ambush.node !== null && ambush.node !== node.index)) return false
    this.#ambush = null
    this.coverage.hit(`crash at a boundary: ${at}`)
    this.#crash(node, this.#downMs(node))
    return true
  }

  /** A stopped process (SIGSTOP, a virtual machine that was moved) sees everything later. */
  #waitsForPause(node: Node, event: WorldEvent): boolean {
    if (node.pausedUntilMs <= this.nowMs) return false
    this.#events.push(node.pausedUntilMs, event)
    return true
  }

  // --- faults that come by themselves -------------------------------------------------------------------------------

  #gapOf(fault: FaultKind): number | null {
    const { knobs } = this.#options
    switch (fault) {
      case 'crash':
        return knobs.meanCrashGapMs
      case 'power-loss':
        return knobs.meanCrashGapMs === null ? null : 4 * knobs.meanCrashGapMs
      case 'partition':
        return knobs.meanPartitionGapMs
      case 'clog':
        return knobs.meanClogGapMs
      case 'pause':
        return knobs.meanPauseGapMs
      case 'clock-jump':
        return knobs.meanClockJumpGapMs
    }
  }

  #scheduleFault(fault: FaultKind, nth: number): void {
    const gapMs = this.#gapOf(fault)
    if (gapMs !== null) this.#events.push(this.nowMs + this.#fates.exponential(gapMs, fault, 0, nth), { kind: 'fault', fault, nth })
  }

  #onFaultDue(fault: FaultKind, nth: number): void {
    if (this.healed) return
    this.#scheduleFault(fault, nth + 1)
    if (fault === 'partition' && this.#network.partitioned) return
    if (!this.#fates.allows(fault, `#${nth}`, this.nowMs)) return
    const { knobs, validators } = this.#options
    const fates = this.#fates
    const victim = this.#nodeAt(fates.below(validators, fault, 1, nth))
    switch (fault) {
      case 'crash':
        return this.#onCrashDue(victim, nth)
      case 'power-loss': {
        const everybody = fates.unit(fault, 2, nth) < 0.3
        this.coverage.hit(everybody ? 'power loss of all' : 'power loss of several')
        for (const node of this.#nodes) if (everybody || fates.unit(fault, 3, nth, node.index) < 0.5) this.#crash(node, this.#downMs(node))
        return
      }
      case 'partition':
        this.#network.partition(nth)
        this.coverage.hit('partition')
        this.#events.push(this.nowMs + fates.exponential(knobs.partitionMs, fault, 4, nth), { kind: 'mend', nth })
        return this.#trace(-1, 'partition', { nth })
      case 'clog': {
        const to = fates.below(validators, fault, 2, nth)
        this.#network.clog(victim.index, to, this.nowMs + fates.exponential(400, fault, 3, nth))
        this.coverage.hit('clog')
        return
      }
      case 'pause':
        if (victim.replica === null) return
        victim.pausedUntilMs = this.nowMs + fates.exponential(knobs.pauseMs, fault, 2, nth)
        this.coverage.hit('pause')
        return this.#trace(victim.index, 'pause', { untilMs: victim.pausedUntilMs })
      case 'clock-jump':
        victim.jumpedMs = Math.floor((fates.unit(fault, 2, nth) - 0.4) * 5_000)
        this.coverage.hit(victim.jumpedMs < 0 ? 'clock jumped back' : 'clock jumped ahead')
        return this.#trace(victim.index, 'clock jump', { byMs: victim.jumpedMs })
    }
  }

  /** Now, or at the next effect boundary of a kind: that is where promises break. */
  #onCrashDue(victim: Node, nth: number): void {
    const at = AMBUSHES[this.#fates.below(AMBUSHES.length, 'crash', 2, nth)] as Boundary | 'now'
    if (at === 'now') return this.#crash(victim, this.#downMs(victim))
    this.#ambush = { at, node: at === 'first-commit' ? null : victim.index }
  }

  #reconnectSome(nth: number): void {
    for (const node of this.#nodes) {
      for (const peer of this.#nodes) {
        if (node !== peer && this.#fates.unit('partition', 5 + node.index, nth, peer.index) < 0.5)
          this.#events.push(this.nowMs + 1, { kind: 'connected', node: node.index, peer: peer.index })
      }
    }
  }

  // --- network ------------------------------------------------------------------------------------------------------

  /** One for each message of an honest validator, to whomever and however often it goes. */
  #honestPayloadOf(message: Message): MessagePayload {
    let payload = this.#payloads.get(message)
    if (payload === undefined) {
      payload = this.#payloadOf(message, false)
      this.#payloads.set(message, payload)
    }
    return payload
  }

  #payloadOf(message: Message, forged: boolean): MessagePayload {
    return { kind: 'message', message, forged, bytes: roughBytes(message), verdictIn: -1, verdict: null, others: null, checks: 0 }
  }

  #transmit(from: number, to: number, payload: Payload, afterMs = 0): void {
    if (from === to) return
    this.messages++
    for (const arrivesMs of this.#network.route(from, to, payload.bytes, this.nowMs)) {
      this.#events.push(arrivesMs + afterMs, { kind: 'deliver', from, to, payload })
    }
  }

  /** To each of these in turn: many of them are one place in the queue. */
  #transmitAll(from: number, count: number, toOf: (position: number) => number, payloadOf: (position: number) => Payload): void {
    if (count < FLOCK_RECEIVERS) {
      for (let position = 0; position < count; position++) this.#transmit(from, toOf(position), payloadOf(position))
      return
    }
    const [times, positions]: [number[], number[]] = [[], []]
    for (let position = 0; position < count; position++) {
      const to = toOf(position)
      if (from === to) continue
      this.messages++
      for (const arrivesMs of this.#network.route(from, to, payloadOf(position).bytes, this.nowMs)) {
        times.push(arrivesMs)
        positions.push(position)
      }
    }
    this.#events.pushMany(times, (nth) => {
      const position = positions[nth] as number
      return { kind: 'deliver', from, to: toOf(position), payload: payloadOf(position) }
    })
  }

  #deliver(event: Extract<WorldEvent, { kind: 'deliver' }>): void {
    const node = this.#nodeAt(event.to)
    const { replica } = node
    if (replica === null || this.#network.isCut(event.from, event.to, this.nowMs) || this.#waitsForPause(node, event)) return
    const from = validatorIndex(event.from)
    const { payload } = event
    if (payload.kind === 'transactions') {
      return this.#step(node, { kind: 'transactions', from, transactions: payload.transactions, nowMs: this.#clockOf(node) })
    }
    this.#receive(node, replica, from, payload)
  }

  #receive(node: Node, replica: Replica<TallyState>, from: ValidatorIndex, payload: MessagePayload): void {
    const named = epochNamedBy(payload.message)
    if (named !== null && named !== node.gate.epoch) return this.#onForeign(node, from, payload.message)
    const verdict = this.#verified(replica.epoch, payload)
    const { position, committed } = replica // a look at the core: its fields, not a copy of all it can do
    const { view, phase } = position
    const standing = { view, phase, committedHeight: committed.height, window: this.#options.knobs.window }
    if (!verdict.ok) return this.coverage.onRefused(payload.message, verdict.error.code, standing)
    const message = verdict.value
    this.coverage.onMessage(message, standing)
    this.#traceHash.message(this.nowMs, from, node.index, message)
    if (node.adversary !== null) this.#act(node, node.adversary.onReceive(from, message))
    if (node.adversary === null && !replica.wants(from, message)) return
    this.#step(node, { kind: 'message', from, message, nowMs: this.#clockOf(node) })
  }

  #onForeign(node: Node, from: ValidatorIndex, message: Message): void {
    const passage = node.gate.pass(from, message)
    if (passage.kind !== 'foreign') return
    const { epoch, committedHeight } = passage
    this.coverage.hit(`foreign ${message.kind} ${epoch > node.gate.epoch ? 'later' : 'earlier'}`)
    this.#step(node, { kind: 'foreign', from, epoch, committedHeight, nowMs: this.#clockOf(node) })
  }

  /** The replica has begun an epoch: what was held for it comes now. */
  #enterEpoch(node: Node, replica: Replica<TallyState>): void {
    for (const { from, message } of node.gate.enter(replica.epoch)) {
      if (node.replica !== replica) return
      this.#receive(node, replica, from, this.#payloadOf(message, true))
    }
  }

  /** The edge. Its verdict is a pure function of the message, so one check serves every receiver. */
  #verified(start: EpochStart, payload: MessagePayload): Result<VerifiedMessage, Refusal> {
    const { epoch } = start.validators
    const known = payload.verdictIn === epoch ? payload.verdict : (payload.others?.get(epoch) ?? null)
    if (known !== null) {
      this.checksSpared += payload.checks
      return known
    }
    const before = this.#signatures.checked + this.#signatures.charged
    const asBytes = payload.forged || this.#options.knobs.encodeOnWire
    const received = asBytes ? decodeMessage(encodeMessage(payload.message)) : { ok: true as const, value: payload.message }
    const verdict = received.ok ? this.#epochs.checkerOf(start).check(received.value) : received
    payload.checks = this.#signatures.checked + this.#signatures.charged - before
    if (payload.verdict === null) {
      payload.verdictIn = epoch
      payload.verdict = verdict
    } else {
      payload.others ??= new Map()
      payload.others.set(epoch, verdict)
    }
    return verdict
  }

  // --- adversaries --------------------------------------------------------------------------------------------------

  #onAdversaryTick(node: Node): void {
    if (node.adversary === null) return
    this.#events.push(this.nowMs + ADVERSARY_TICK_MS, { kind: 'adversary', node: node.index })
    if (node.replica !== null) this.#act(node, node.adversary.onTick())
  }

  /** What an adversary does of its own accord. */
  #act(node: Node, outgoing: readonly Outgoing[]): void {
    if (outgoing.length > 0 && this.#fates.allows('adversary', `${node.index}#${++node.acts}`, this.nowMs))
      this.#sendForged(node, outgoing, null)
  }

  /** What an adversary makes of what its replica wants to send. */
  #pervert(node: Node, adversary: Adversary, to: ValidatorIndex | 'all', original: Message): void {
    const outgoing = adversary.onSend(to, original)
    const receivers = to === 'all' ? this.#options.validators - 1 : 1
    const obeys = outgoing.length === receivers && outgoing.every(({ message, afterMs }) => message === original && afterMs === undefined)
    if (obeys || this.#fates.allows('adversary', `${node.index}#${++node.acts}`, this.nowMs)) this.#sendForged(node, outgoing, original)
    else this.#sendHonestly(node, to, original)
  }

  #sendForged(node: Node, outgoing: readonly Outgoing[], original: Message | null): void {
    const payloads = new Map<Message, MessagePayload>()
    const payloadOf = (message: Message): MessagePayload => {
      const known = payloads.get(message)
      if (known !== undefined) return known
      const payload = this.#payloadOf(message, message !== original)
      payloads.set(message, payload)
      return payload
    }
    if (outgoing.some(({ afterMs }) => afterMs !== undefined))
      for (const { to, message, afterMs } of outgoing) this.#transmit(node.index, to, payloadOf(message), afterMs)
    else
      this.#transmitAll(
        node.index,
        outgoing.length,
        (position) => (outgoing[position] as Outgoing).to,
        (position) => payloadOf((outgoing[position] as Outgoing).message),
      )
  }

  // --- effects ------------------------------------------------------------------------------------------------------

  #step(node: Node, input: ReplicaInput): void {
    const { replica, incarnation } = node
    if (replica === null) return
    const { phase } = replica.position
    const wasMember = replica.self !== null
    const wasHalted = node.halted !== null && node.adversary === null
    let effects: ReplicaEffect[]
    try {
      effects = replica.step(input)
    } catch (error) {
      if (error instanceof AssertionError)
        throw new Violation('no-crash', `validator ${node.index} stopped on an assertion: ${error.message}`)
      throw error
    }
    if (node.adversary === null && ++node.steps % BUFFER_CHECK_STEPS === 0) this.#checkBuffers(node, replica)
    for (const effect of effects) {
      if (wasHalted) checkSilence(node.index, effect)
      if (this.#passes(node, effect.kind === 'persist' ? 'persist' : effect.kind === 'send' ? 'send' : 'other')) return
      this.#onEffect(node, effect)
      if (node.incarnation !== incarnation) return
    }
    this.#startSync(node)
    if (replica.epoch.validators.epoch === node.gate.epoch) return
    if (phase === 'changing') this.coverage.hit('epoch change during a view change')
    if (wasMember && replica.self === null) this.coverage.hit('left the validators')
    if (!wasMember && replica.self !== null) this.coverage.hit('joined the validators')
    if (input.kind === 'message' && input.message.kind === 'blocks') this.coverage.hit('epoch entered by sync')
    if (input.kind === 'message' && input.message.kind === 'chunk') this.coverage.hit('epoch entered by a snapshot')
    this.#enterEpoch(node, replica)
  }

  #onEffect(node: Node, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'persist':
        if (node.adversary === null) {
          this.#onPersist(node.index, effect.records)
          if (this.#options.knobs.blobs !== null) this.#checkBlobsInHand(node, effect.records)
        }
        node.queue.push({ kind: 'write', write: { kind: 'records', records: effect.records } })
        return
      case 'commit':
        return this.#onCommitEffect(node, effect)
      case 'set-timer': {
        const version = (node.timers.get(effect.timer) ?? 0) + 1
        node.timers.set(effect.timer, version)
        const { index, incarnation } = node
        this.#events.push(this.nowMs + effect.afterMs, { kind: 'timer', node: index, incarnation, timer: effect.timer, version })
        return
      }
      case 'cancel-timer':
        node.timers.set(effect.timer, (node.timers.get(effect.timer) ?? 0) + 1)
        return
      case 'verify':
        for (const { work } of effect.jobs) {
          const takesMs = this.#fates.delay(this.#options.knobs.verifyMs, -1 - node.index, ++node.verifications)
          const { index, incarnation } = node
          const nth = node.verifications
          this.#events.push(this.nowMs + takesMs, { kind: 'verified', node: index, incarnation, nth, key: work.key, bytes: work.claim })
        }
        return
      case 'hasten-verification':
      case 'cancel-verification':
        // Every verification has its time drawn; an answer nobody waits for must do no harm.
        return
      case 'event':
        this.coverage.onEvent(effect.event)
        if (effect.event.name === 'recovered' && node.lostInEpoch !== null && node.gate.epoch > node.lostInEpoch)
          this.coverage.hit('recovered in a later epoch')
        if (this.#options.onTrace !== undefined) this.#trace(node.index, effect.event.name, effect.event)
        return
      case 'fork':
        return this.#onFork(node, effect.material)
      case 'evidence':
        this.coverage.hit(`evidence held: ${effect.offence.type}`)
        this.promises.onOffence(effect.offence, effect.bytes)
        node.evidence.set(offenceKey(effect.offence), effect.bytes)
        return
      case 'forget-evidence':
        node.evidence.delete(offenceKey(effect.offence))
        return
      case 'snapshot':
        node.staging = stagedAfter(node.staging, effect.record)
        node.queue.push({ kind: 'write', write: effect })
        return
      case 'restored':
        return this.#onRestored(node, effect.restored)
      case 'blame':
        this.coverage.hit(`blamed for a snapshot: ${effect.refusal.code}`)
        this.#onBlame(node, effect.peer, effect.refusal)
        return
      case 'blob-open':
      case 'blob-seal': {
        const takesMs = this.#fates.delay(this.#options.knobs.fsyncMs, -2_000_001 - node.index, ++node.blobsOpened)
        const { index, incarnation } = node
        this.#events.push(this.nowMs + takesMs, { kind: 'blob-opened', node: index, incarnation, blob: effect.blob })
        return
      }
      case 'blob-write':
        return node.blobs.write(effect.blob, effect.part.index, effect.part.chunk)
      case 'blob-drop':
        this.coverage.hit('blob pruned')
        return this.#onBlobDrop(node, effect.blob)
      case 'blob-serve': {
        const { to, blob, index } = effect
        return this.#send(node, to, { kind: 'blob-part', blob, part: node.blobs.part(blob, index) })
      }
      case 'send':
      case 'gossip':
      case 'serve':
      case 'serve-offer':
        if (node.queue.length === 0) {
          this.#checkPromise(node, effect)
          this.#release(node, effect)
        } else node.queue.push({ kind: 'release', effect })
        return
      case 'admission':
      case 'dropped':
        return
    }
  }

  /** Within what the protocol bears there is no fork to be seen. */
  #onFork(node: Node, material: ForkMaterial): void {
    demand('agreement', this.#options.beyond === true || node.adversary !== null, () => `validator ${node.index} has seen a fork`)
    this.coverage.hit('halted on a fork')
    this.#trace(node.index, 'fork')
    node.halted = material
  }

  /** An honest validator is about to vote for these. */
  #onPersist(index: number, records: readonly PersistRecord[]): void {
    for (const record of records) {
      if (record.kind === 'view' && record.newView !== null) this.promises.onNewView(index, record.newView)
      if (record.kind !== 'block') continue
      const { block } = record
      this.promises.knowBlock(block)
      const bad = block.body.transactions.findIndex((bytes) => !isAcceptable(bytes))
      demand(
        'validity',
        bad < 0,
        () => `an honest validator votes for height ${block.header.height}, where transaction ${bad} does not verify`,
      )
    }
  }

  #onCommitEffect(node: Node, effect: Extract<ReplicaEffect, { kind: 'commit' }>): void {
    const { block, certificate, nextEpoch } = effect
    if (nextEpoch !== null) this.#epochs.begin(nextEpoch)
    const { header } = block
    // Several blocks may commit in one step; their states follow from the blocks themselves.
    const before = this.#stateBefore(node)
    const machine = createTallyMachine(before)
    const executed = machine.execute(
      before,
      { height: header.height, timestampMs: header.timestampMs, proposer: header.proposer },
      effect.transactions.map((transaction) => ({ transaction, difficulty: 0 })),
      effect.offences,
    )
    for (const offence of effect.offences) {
      this.coverage.hit(`offence recorded: ${offence.type}`)
      if (offence.epoch < header.epoch) this.coverage.hit('offence recorded in the epoch after')
      this.promises.onOffence(offence, null)
    }
    demand('state-root', executed.ok, () => `validator ${node.index} committed a block that does not execute`)
    const { state } = executed.value
    for (const blob of blobsIn(block)) node.finalBlobs.add(blobKey(blob))
    const write: Write<TallyState> = { kind: 'commit', committed: { block, certificate, state, gas: effect.gas, nextEpoch } }
    this.#traceHash.commit(node.index, block.hash)
    const below = node.appliedHeight
    node.appliedHeight = header.height
    const position = this.#epochs.positionOf(node.index, certificate.epoch)
    const by = { position, waiting: writesIn(node.queue), disk: node.disk }
    node.queue.push({ kind: 'write', write })
    this.#provisional.onCommit(write, certificate, by, () => this.#conclude(node, below, effect, executed.value))
  }

  #conclude(
    node: Node,
    below: number,
    effect: Extract<ReplicaEffect, { kind: 'commit' }>,
    { state, stateRoot }: { readonly state: TallyState; readonly stateRoot: Hash },
  ): void {
    const { block, certificate } = effect
    const { height: at } = block.header
    const isFirst = at > this.invariants.height
    this.invariants.onCommit(node.index, below, block, certificate, stateRoot)
    if (!this.#states.has(at)) this.#states.set(at, state)
    if (isFirst) this.#onFirstCommit(node, block.body.transactions)
  }

  #write(node: Node, write: Write<TallyState>): void {
    node.disk.apply(write)
    this.#provisional.onDurable(write)
  }

  /** The state that was fetched must be the one of whoever executed the block. */
  #onRestored(node: Node, restored: Restored): void {
    const { header, certificate } = restored.target
    this.invariants.onRestore(node.index, node.appliedHeight, header, certificate)
    const staged = node.staging?.copy()
    assert(staged !== undefined, 'a state is restored from what was staged')
    const state = loadTally(staged)
    const expected = this.#states.get(header.height)
    demand(
      'restored-state',
      expected !== undefined && sameTally(expected, state),
      () => `validator ${node.index} took over another state of height ${header.height} than was committed`,
    )
    this.coverage.hit(node.incarnation > 1 ? 'state taken over after a restart' : 'state taken over')
    if (node.disk.recovering) this.coverage.hit('state taken over while recovering')
    node.staging = null
    node.appliedHeight = header.height
    node.queue.push({ kind: 'write', write: { kind: 'restored', restored, load: loadTally } })
    this.#traceHash.commit(node.index, hashHeader(header))
  }

  /** Whoever is blamed for a lie about a state must be faulty. */
  #onBlame(node: Node, peer: ValidatorIndex, refusal: Refusal): void {
    if (node.adversary !== null) return
    demand(
      'evidence-sound',
      this.#nodeAt(peer).adversary !== null,
      () => `validator ${node.index} blames the honest validator ${peer} for a snapshot: ${refusal.code}: ${refusal.message}`,
    )
  }

  #onFirstCommit(node: Node, transactions: readonly Uint8Array[]): void {
    for (const bytes of transactions) {
      const next = this.#clients.onFinal(bytes, this.nowMs)
      if (next === null) continue
      const version = (this.#clientVersions[next.client] as number) + 1
      this.#clientVersions[next.client] = version
      this.#events.push(this.nowMs + next.nextInMs, { kind: 'submit', client: next.client, version })
    }
    const { blocks } = this.#options
    if (blocks !== undefined && !this.healed && this.invariants.height >= blocks) this.#heal()
    this.#passes(node, 'first-commit')
  }

  /** State after the newest commit that is queued or durable. */
  #stateBefore(node: Node): TallyState {
    for (let at = node.queue.length - 1; at >= 0; at--) {
      const item = node.queue[at]
      if (item?.kind !== 'write') continue
      if (item.write.kind === 'commit') return item.write.committed.state
      if (item.write.kind === 'restored') return this.#states.get(item.write.restored.target.header.height) as TallyState
    }
    return node.disk.state
  }

  // --- disks --------------------------------------------------------------------------------------------------------

  #startSync(node: Node): void {
    if (node.syncing || node.queue.length === 0 || node.replica === null || this.#passes(node, 'sync')) return
    node.syncing = true
    const takesMs = this.#fates.delay(this.#options.knobs.fsyncMs, -1_000_001 - node.index, ++node.syncs)
    this.#events.push(this.nowMs + takesMs, { kind: 'synced', node: node.index, incarnation: node.incarnation, count: node.queue.length })
  }

  /** Group commit: everything queued when the sync began is durable; releases up to the next write go out. */
  #onSynced(node: Node, count: number): void {
    node.syncing = false
    if (this.#diskFails(node)) return
    const { queue } = node
    let until = count
    while (queue[until]?.kind === 'release') until++
    const releases: ReplicaEffect[] = []
    for (node.synced = until; node.synced > 0; ) {
      const item = queue.shift() as Queued
      node.synced--
      if (item.kind === 'write') this.#write(node, item.write)
      else {
        this.#checkPromise(node, item.effect) // against what was durable before it
        releases.push(item.effect)
      }
    }
    noteDurableView(node)
    if (node.replica === null || this.#passes(node, 'synced')) return // it may have died at a first commit
    for (const effect of releases) {
      this.#release(node, effect)
      if (this.#passes(node, 'released')) return
    }
    this.#startSync(node)
  }

  /** A failed fsync, or a full disk: the process stops, and tries nothing again on that file. */
  #diskFails(node: Node): boolean {
    const { diskFaultRate } = this.#options.knobs
    if (this.healed || node.adversary !== null) return false
    const isFull = node.diskFullUntilMs > this.nowMs
    const draw = this.#fates.unit('disk', node.index, node.syncs)
    if (!isFull && (draw >= diskFaultRate || !this.#fates.allows('disk', `sync ${node.index}#${node.syncs}`, this.nowMs))) return false
    if (isFull || draw < diskFaultRate / 2) {
      if (!isFull) node.diskFullUntilMs = this.nowMs + this.#fates.exponential(500, 'disk', node.index, node.syncs, 1)
      node.queue = [] // nothing of it was written
      this.coverage.hit('disk full')
    } else this.coverage.hit('fsync failed')
    this.#crash(node, this.#downMs(node))
    return true
  }

  #checkPromise(node: Node, effect: ReplicaEffect): void {
    if (effect.kind !== 'send' || node.adversary !== null) return
    const { disk } = node
    this.promises.onSend(node.index, effect.message, (epoch) => ({
      holdsVote: (vote) => disk.holdsVote(vote) || vote.height <= disk.committedHeight,
      view: epochOfView(node) === epoch ? disk.viewRecord.view : 0,
      committedHeight: disk.committedHeight,
      newView: epochOfView(node) === epoch ? disk.viewRecord.newView : null,
    }))
  }

  #release(node: Node, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#send(node, effect.to, effect.message)
      case 'gossip': {
        if (node.adversary?.gossips === false) return
        const { transactions } = effect
        const payload: Payload = {
          kind: 'transactions',
          transactions,
          bytes: transactions.reduce((sum, each) => sum + each.bytes.length, 0),
        }
        if (effect.to === 'all') this.#transmitAll(node.index, this.#nodes.length, identity, () => payload)
        else this.#transmit(node.index, effect.to, payload)
        return
      }
      case 'serve':
        return this.#serve(node, effect.to, effect.from)
      case 'serve-offer': {
        const links = node.disk.linksFrom(effect.from, effect.offer.header.height).slice(0, OFFER_LINKS)
        return this.#send(node, effect.to, { kind: 'snapshot', offer: { ...effect.offer, links } })
      }
      default:
        return
    }
  }

  #serve(node: Node, to: ValidatorIndex, from: Height): void {
    const { base, chain } = node.disk
    const blocks = blocksFrom(chain, from, { epochLength: this.#epochs.length, base, most: this.#options.knobs.blocksPerAnswer })
    if (blocks !== null) this.#send(node, to, blocks)
  }

  #send(node: Node, to: ValidatorIndex | 'all', message: Message): void {
    if (node.adversary !== null) return this.#pervert(node, node.adversary, to, message)
    if (to !== 'all') this.#countAnswer(node, to)
    this.#sendHonestly(node, to, message)
  }

  #sendHonestly(node: Node, to: ValidatorIndex | 'all', message: Message): void {
    const payload = this.#honestPayloadOf(message)
    if (to !== 'all') return this.#transmit(node.index, to, payload)
    this.#transmitAll(node.index, this.#nodes.length, identity, () => payload)
  }

  /** What one peer can make an honest validator say to it alone, between two status ticks (docs/protocol.md §13). */
  #countAnswer(node: Node, to: ValidatorIndex): void {
    const count = (node.answers.get(to) ?? 0) + 1
    node.answers.set(to, count)
    demand('bounded-answers', count <= MAX_ANSWERS, () => `validator ${node.index} sent ${count} messages to ${to} alone within one tick`)
  }

  // --- clients and healing ------------------------------------------------------------------------------------------

  #onSubmit(client: number): void {
    const submission = this.#clients.next(client, this.nowMs)
    if (submission === null) return
    const decoded = decodeTally(submission.bytes)
    assert(decoded.ok, 'clients write well-formed transactions')
    const node = this.#nodeAt(submission.to)
    const version = this.#clientVersions[client] as number
    this.#events.push(this.nowMs + submission.nextInMs, { kind: 'submit', client, version })
    this.#upload(node, submission.bytes)
    if (node.pausedUntilMs <= this.nowMs) {
      this.#step(node, { kind: 'submit', request: this.eventCount, transaction: decoded.value, nowMs: this.#clockOf(node) })
    }
  }

  /** Before what refers to it is submitted: all of it, some of it, or nothing. */
  #upload(node: Node, bytes: Uint8Array): void {
    const { blobs } = this.#options.knobs
    const salt = blobs === null ? undefined : tallySaltOfBlob(bytes)
    if (blobs === null || salt === undefined || node.replica === null) return
    const blob = tallyBlobRef(salt)
    const content = tallyBlob(salt)
    const nth = ++this.#uploads
    const isWhole = this.healed || this.#fates.unit('disk', node.index, nth, 5) < blobs.wholeRate
    const share = isWhole ? 1 : this.#fates.unit('disk', node.index, nth, 6)
    const count = Math.floor(share * blobChunks(blob.bytes, SIMULATED_CHUNK_BYTES))
    if (!isWhole) this.coverage.hit('upload interrupted')
    for (let index = 0; index < count; index++)
      node.blobs.write(blob, index, content.subarray(index * SIMULATED_CHUNK_BYTES, (index + 1) * SIMULATED_CHUNK_BYTES))
  }

  /** GST: from here on nothing is lost and everybody is up; faulty validators stay faulty. */
  #heal(): void {
    if (this.healed) return
    this.#network.heal()
    this.#ambush = null
    this.#healedAtMs = this.nowMs
    this.backlogAtHealingMs = this.#network.backlogMs(this.nowMs)
    if (this.#options.knobs.transactions === OPEN_ENDED) this.#clients.stop()
    this.#trace(-1, 'heal')
    this.#reconnectSome(0)
    for (const node of this.#nodes) {
      node.jumpedMs = 0
      node.pausedUntilMs = Math.min(node.pausedUntilMs, this.nowMs)
      node.diskFullUntilMs = 0
      if (node.replica === null) this.#boot(node)
    }
  }

  /** Buffers within their bounds. */
  #checkBuffers(node: Node, replica: Replica<TallyState>): void {
    const { window } = this.#options.knobs
    const held = replica.held
    const within = (what: string, count: number, most: number): void =>
      demand('bounded-buffers', count <= most, () => `validator ${node.index} holds ${count} ${what}, more than ${most}`)
    within('votes', held.votesHeld, this.#options.validators * (20 * window + 2))
    within('blocks', held.blocksHeld, 4096 + window)
    within('requests for bodies', held.missing, 256)
    within('states for others', replica.snapshotsServed.length, MAX_STATES_SERVED)
    within('bytes of early proposals', held.earlyBytes, 2 * (64 << 20) + (16 << 20))
  }

  /** For a failing run: where everybody stands. */
  describe(): string {
    return this.#nodes
      .map((node) => {
        const look = node.replica?.inspect()
        const kind = node.adversary !== null ? 'byzantine' : node.ruined ? 'ruined' : 'honest'
        return look === undefined
          ? `${node.index} ${kind} down at ${node.disk.committedHeight}`
          : `${node.index} ${kind} view ${look.view} ${look.phase} committed ${look.committed.height} ready ${look.ready} pooled ${look.pooled} accepted ${look.accepted.map((a) => a.height).join(',')} missing ${look.missing} highest ${look.highest === null ? '-' : `${look.highest.kind} ${look.highest.view}/${look.highest.height}`}`
      })
      .join('\n')
  }
}

function blobsIn(block: Block | undefined): BlobRef[] {
  return (block?.body.transactions ?? []).flatMap((bytes) => {
    const salt = tallySaltOfBlob(bytes)
    return salt === undefined ? [] : [tallyBlobRef(salt)]
  })
}

function* writesIn(queue: readonly Queued[]): Iterable<Write<TallyState>> {
  for (const item of queue) if (item.kind === 'write') yield item.write
}

function identity(position: number): number {
  return position
}

const SIGNED: readonly Message['kind'][] = ['pre-prepare', 'vote', 'view-change', 'new-view', 'status', 'view-claim']

/** Who has seen a fork signs nothing: it serves what it has committed, and passes transactions on. */
function checkSilence(index: number, effect: ReplicaEffect): void {
  const isSigned = effect.kind === 'send' && SIGNED.includes(effect.message.kind)
  demand(
    'halted-is-silent',
    effect.kind !== 'persist' && effect.kind !== 'commit' && !isSigned,
    () => `validator ${index} halted on a fork, and then made a ${effect.kind === 'send' ? effect.message.kind : effect.kind}`,
  )
}

/** Position to strategy number. Half of the time the first of them leads view 0 or view 1. */
function epochOfView({ disk }: Node): number {
  return disk.viewRecord.newView?.epoch ?? disk.viewRecord.viewChange?.entry.epoch ?? 0
}

function noteDurableView(node: Node): void {
  const epoch = epochOfView(node)
  node.durableView.set(epoch, Math.max(node.durableView.get(epoch) ?? 0, node.disk.viewRecord.view))
}

function chooseFaulty(random: Random, validators: number, byzantine: number): Map<number, number> {
  const order = Array.from({ length: validators }, (_, index) => index)
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swap = order[i] as number
    order[i] = order[j] as number
    order[j] = swap
  }
  if (random.chance(0.5)) {
    const front = Math.min(random.below(2), order.length - 1)
    order.splice(order.indexOf(front), 1)
    order.unshift(front)
  }
  return new Map(order.slice(0, byzantine).map((index, position) => [index, position]))
}

function loadTally(staged: StagedSnapshot): TallyState {
  const restored = tallySnapshots.restore(staged.target.header.stateRoot, staged.puts)
  demand('restored-state', restored.ok, () => `what is staged is no state: ${restored.ok ? '' : restored.error.message}`)
  return restored.value
}

function sameTally(one: TallyState, other: TallyState): boolean {
  return equalBytes(one.root, other.root) && String(one.nonces) === String(other.nonces) && String(one.offences) === String(other.offences)
}

/** What was found about these very bytes, which nobody changes: every validator that votes for a block has the same ones looked at. */
const acceptable = new WeakMap<Uint8Array, boolean>()

function isAcceptable(bytes: Uint8Array): boolean {
  let found = acceptable.get(bytes)
  if (found === undefined) {
    found = isTallyAcceptable(bytes)
    acceptable.set(bytes, found)
  }
  return found
}
