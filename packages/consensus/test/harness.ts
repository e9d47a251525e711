/**
 * Hand-driven clusters for tests: real replicas of the consensus core with real Ed25519 keys, a network whose every message
 * the test delivers, drops or forges, and disks that a crash may leave with any prefix of what was not yet synced. Messages
 * travel as bytes and pass the edge, so a scenario exercises the codec and the checker too.
 */
import {
  assert,
  encode,
  epoch,
  equalBytes,
  type Hash,
  type Height,
  height,
  keyOf,
  type Signature,
  type ValidatorIndex,
  validatorIndex,
  view,
  ZERO_HASH,
} from '@aethel/codec'
import { aggregateBls, type BlsKey, blsKey, hashTagged, type SigningKey, signingKey, verifyBls, verifySignature } from '@aethel/crypto'
import {
  type Aggregate,
  assembleCertificate,
  type Ballot,
  BLOCK_VERSION,
  type Block,
  ballotBytes,
  type Certificate,
  type CompactPrePrepare,
  type Consensus,
  type ConsensusEvent,
  compareCertificates,
  createBlock,
  createConsensus,
  createMessageChecker,
  createValidatorSet,
  type DisseminationChoice,
  type DurableState,
  decodeMessage,
  type Effect,
  type Evidence,
  encodeMessage,
  evidenceRootOf,
  type Input,
  lastCertificateHashOf,
  leaderOf,
  leaderVote,
  type Message,
  type MessageChecker,
  type NamedTransaction,
  type NewView,
  newViewBytes,
  type PersistRecord,
  type PrePrepare,
  RECENT_HASHES,
  type Recovery,
  type ShareScheme,
  type SignatureList,
  type SignatureScheme,
  type Status,
  statusBytes,
  type TimerName,
  type TimerSettings,
  transactionsRootOf,
  type ValidationResult,
  type ValidatorSet,
  type VerifiedMessage,
  type ViewChange,
  type ViewChangeEntry,
  type Vote,
  type VoteKind,
  viewChangeBytes,
  voteBytes,
} from '../src/index.js'

export const CHAIN: Hash = hashTagged('aethel/test-chain', ZERO_HASH)
export const START_MS = 1_000_000
export const TIMERS: TimerSettings = { floorMs: 1000, commitFactor: 4, allowanceMs: 200, capMs: 8000, statusMs: 250, batchMs: 5 }
const GENESIS = { height: height(0), hash: CHAIN, timestampMs: START_MS - 1000 }

const keyCache = new Map<number, SigningKey>()

export function keyOfValidator(index: number): SigningKey {
  let key = keyCache.get(index)
  if (key === undefined) {
    const seed = new Uint8Array(32)
    new DataView(seed.buffer).setUint32(0, index + 1)
    key = signingKey(seed)
    keyCache.set(index, key)
  }
  return key
}

const blsKeyCache = new Map<number, BlsKey>()

export function blsKeyOfValidator(index: number): BlsKey {
  let key = blsKeyCache.get(index)
  if (key === undefined) {
    key = blsKey(hashTagged('aethel/test-bls-seed', Uint8Array.of(index)))
    blsKeyCache.set(index, key)
  }
  return key
}

/** By all validators together. Beyond `most` it is a search without end. */
export const sumsChecked: { count: number; most: number } = { count: 0, most: Number.POSITIVE_INFINITY }

/** What a validator of a chain of BLS certificates signs and adds up with. */
export function sharesOf(index: number): ShareScheme {
  return {
    sign: (message) => blsKeyOfValidator(index).sign(message),
    aggregate: aggregateBls,
    verify: (keys, message, aggregate) => {
      assert(sumsChecked.count++ < sumsChecked.most, 'sums are checked without end')
      return verifyBls(keys, message, aggregate)
    },
  }
}

/** The same validators, on a chain of BLS certificates. */
export function blsValidatorSet(
  count: number,
  powers: readonly bigint[] = [],
  inEpoch = 0,
  keyFor: ClusterOptions['blsKeys'] = blsKeyOfValidator,
): ValidatorSet {
  const members = validatorSet(count, powers, inEpoch).validators
  const set = createValidatorSet(
    epoch(inEpoch),
    members.map((member, index) => ({ ...member, blsKey: keyFor(index).publicKey })),
  )
  assert(set.ok, 'a test validator set is well formed')
  return set.value
}

export function validatorSet(count: number, powers: readonly bigint[] = [], inEpoch = 0): ValidatorSet {
  const set = createValidatorSet(
    epoch(inEpoch),
    Array.from({ length: count }, (_, i) => ({ publicKey: keyOfValidator(i).publicKey, power: powers[i] ?? 1n })),
  )
  assert(set.ok, 'a test validator set is well formed')
  return set.value
}

/** The test application: a block is good if its root is that of its parent and transactions, and none of them says so. */
export function rootAfter(parent: Hash, transactions: readonly Uint8Array[]): Hash {
  return hashTagged(
    'aethel/test-root',
    encode((writer) => writer.raw(parent).list(transactions, (w, bytes) => w.bytes(bytes))),
  )
}

export function transaction(label: string): Uint8Array {
  return Uint8Array.from(label, (letter) => letter.charCodeAt(0))
}

/** Any block holding this transaction is invalid. */
export const FALSE_PROOF: Uint8Array = transaction('false proof')

export interface BlockOptions {
  readonly set?: ValidatorSet
  readonly view?: number
  readonly height?: number
  readonly parent?: Hash
  readonly transactions?: readonly Uint8Array[]
  readonly timestampMs?: number
  readonly lastCertificate?: Certificate | null
}

const FOUR: ValidatorSet = validatorSet(4)

export function blockOf(options: BlockOptions = {}): Block {
  const set = options.set ?? FOUR
  const firstView = view(options.view ?? 0)
  const at = height(options.height ?? 1)
  const parent = options.parent ?? CHAIN
  const transactions = options.transactions ?? []
  const body = { transactions, evidence: [], lastCertificate: options.lastCertificate ?? null }
  return createBlock(
    {
      version: BLOCK_VERSION,
      chainId: CHAIN,
      epoch: set.epoch,
      height: at,
      parent,
      view: firstView,
      proposer: leaderOf(set, firstView),
      timestampMs: options.timestampMs ?? START_MS + at,
      transactionsRoot: transactionsRootOf(transactions),
      evidenceRoot: evidenceRootOf([]),
      lastCertificateHash: lastCertificateHashOf(body.lastCertificate),
      stateRoot: rootAfter(parent, transactions),
      validatorsHash: set.hash,
      nextValidatorsHash: set.hash,
      totalDifficulty: 0n,
    },
    body,
  )
}

/** `count` blocks on top of each other. */
export function chainOf(count: number, options: BlockOptions = {}): Block[] {
  const blocks: Block[] = []
  for (let i = 0; i < count; i++) {
    const previous = blocks.at(-1)
    blocks.push(blockOf({ ...options, height: (options.height ?? 1) + i, parent: previous?.hash ?? options.parent ?? CHAIN }))
  }
  return blocks
}

export function ballotOf(kind: VoteKind, inView: number, block: Block): Ballot {
  return { kind, epoch: block.header.epoch, view: view(inView), height: block.header.height, blockHash: block.hash }
}

export function signVote(sender: number, ballot: Ballot): Vote {
  return { ...ballot, sender: validatorIndex(sender), signature: keyOfValidator(sender).sign(ballotBytes(CHAIN, ballot)) }
}

/** With the share of the sender, unless the test says otherwise. */
export function signVoteWithShare(
  sender: number,
  ballot: Ballot,
  share = blsKeyOfValidator(sender).sign(ballotBytes(CHAIN, ballot)),
): Vote {
  const voted = { ...ballot, share }
  return { ...voted, sender: validatorIndex(sender), signature: keyOfValidator(sender).sign(voteBytes(CHAIN, voted)) }
}

export function voteMessage(sender: number, kind: VoteKind, inView: number, block: Block): Message {
  return { kind: 'vote', vote: signVote(sender, ballotOf(kind, inView, block)) }
}

export function certificateOf(
  kind: VoteKind,
  inView: number,
  block: Block,
  signers: readonly number[] = [0, 1, 2],
  count = 4,
): SignatureList {
  const ballot = ballotOf(kind, inView, block)
  const certificate = assembleCertificate(
    ballot,
    count,
    signers.map((sender) => signVote(sender, ballot)),
  )
  assert(certificate.scheme === 'ed25519', 'votes without shares make a list of signatures')
  return certificate
}

/** The sum of these validators' shares. */
export function aggregateOf(kind: VoteKind, inView: number, block: Block, signers: readonly number[] = [0, 1, 2], count = 4): Aggregate {
  const ballot = ballotOf(kind, inView, block)
  const votes = signers.map((sender) => signVoteWithShare(sender, ballot))
  const certificate = assembleCertificate(ballot, count, votes, aggregateBls(votes.flatMap(({ share }) => share ?? [])))
  assert(certificate.scheme === 'bls12-381', 'votes with shares make a sum')
  return certificate
}

export function prePrepareOf(sender: number, inView: number, block: Block): PrePrepare {
  const { signature } = signVote(sender, ballotOf('prepare', inView, block))
  return { kind: 'pre-prepare', epoch: block.header.epoch, view: view(inView), block, sender: validatorIndex(sender), signature }
}

/** The same by names, whatever they name. */
export function compactPrePrepareOf({ block, ...proposal }: PrePrepare, transactions: readonly NamedTransaction[]): CompactPrePrepare {
  const { evidence, lastCertificate } = block.body
  return { ...proposal, kind: 'compact-pre-prepare', header: block.header, hash: block.hash, transactions, evidence, lastCertificate }
}

export function viewChangeOf(sender: number, newView: number, certificate: Certificate | null = null, committedHeight = 0): ViewChange {
  const unsigned: Omit<ViewChangeEntry, 'signature'> = {
    epoch: epoch(0),
    newView: view(newView),
    highest:
      certificate === null
        ? null
        : {
            kind: certificate.kind,
            epoch: certificate.epoch,
            view: certificate.view,
            height: certificate.height,
            blockHash: certificate.blockHash,
          },
    committedHeight: height(committedHeight),
    sender: validatorIndex(sender),
  }
  return {
    kind: 'view-change',
    entry: { ...unsigned, signature: keyOfValidator(sender).sign(viewChangeBytes(CHAIN, unsigned)) },
    certificate,
  }
}

/** What the leader would send on these VIEW-CHANGEs; `certificate` overrides what it claims to be the highest. */
export function newViewOf(leader: number, newView: number, changes: readonly ViewChange[], certificate?: Certificate | null): NewView {
  let highest: Certificate | null = null
  for (const change of changes) {
    if (change.certificate !== null && (highest === null || compareCertificates(change.certificate, highest) > 0))
      highest = change.certificate
  }
  const unsigned: Omit<NewView, 'signature'> = {
    kind: 'new-view',
    epoch: epoch(0),
    newView: view(newView),
    viewChanges: changes.map((change) => change.entry),
    certificate: certificate === undefined ? highest : certificate,
    sender: validatorIndex(leader),
  }
  return { ...unsigned, signature: keyOfValidator(leader).sign(newViewBytes(CHAIN, unsigned)) }
}

export function statusFrom(sender: number, inView: number, committedHeight: number, phase: 'active' | 'changing' = 'active'): Status {
  const unsigned: Omit<Status, 'signature'> = {
    kind: 'status',
    epoch: epoch(0),
    view: view(inView),
    phase,
    committedHeight: height(committedHeight),
    slots: [],
    complaint: null,
    sender: validatorIndex(sender),
  }
  const signature: Signature = keyOfValidator(sender).sign(statusBytes(CHAIN, unsigned))
  return { ...unsigned, signature }
}

// --- disks ------------------------------------------------------------------------------------------------------------

export type Write = { readonly records: readonly PersistRecord[] } | { readonly block: Block; readonly certificate: Certificate }

/** What survives: the safety records and the committed chain. */
export class TestDisk {
  view: Extract<PersistRecord, { kind: 'view' }> = { kind: 'view', view: view(0), phase: 'active', newView: null, viewChange: null }
  votes: Vote[] = []
  readonly blocks = new Map<string, Block>()
  highest: Certificate | null = null
  recovery: Recovery | null = null
  readonly chain: { readonly block: Block; readonly certificate: Certificate }[] = []

  apply(write: Write): void {
    if ('records' in write) for (const record of write.records) this.#applyRecord(record)
    else this.chain.push({ block: write.block, certificate: write.certificate })
  }

  #applyRecord(record: PersistRecord): void {
    switch (record.kind) {
      case 'view':
        if (record.view > this.view.view) this.votes = []
        this.view = record
        return
      case 'vote':
        this.votes.push(record.vote)
        return
      case 'block':
        this.blocks.set(keyOf(record.block.hash), record.block)
        return
      case 'highest':
        this.highest = record.certificate
        return
      case 'forget-block':
        this.blocks.delete(keyOf(record.hash))
        return
      case 'recovery':
        this.recovery = record.recovery
        return
    }
  }

  holds(vote: Vote): boolean {
    return this.votes.some(
      (own) => own.kind === vote.kind && own.view === vote.view && own.height === vote.height && equalBytes(own.blockHash, vote.blockHash),
    )
  }

  durableState(): DurableState {
    const tip = this.chain.at(-1)?.block
    let lastCommit: Certificate | null = null
    for (const { certificate } of this.chain)
      if (lastCommit === null || compareCertificates(certificate, lastCommit) > 0) lastCommit = certificate
    return {
      view: this.view.view,
      phase: this.view.phase,
      newView: this.view.newView,
      viewChange: this.view.viewChange,
      votes: this.votes,
      blocks: [...this.blocks.values()].filter((block) => block.header.height > this.chain.length),
      recovery: this.recovery,
      highest: this.highest,
      lastCommit,
      committed: tip === undefined ? GENESIS : { height: tip.header.height, hash: tip.hash, timestampMs: tip.header.timestampMs },
      recent: this.chain.slice(-RECENT_HASHES).map(({ block }) => ({ height: block.header.height, hash: block.hash })),
    }
  }
}

// --- replicas ---------------------------------------------------------------------------------------------------------

export interface Sent {
  readonly from: number
  readonly to: number
  readonly message: Message
}

type Queued =
  | { readonly write: Write }
  | { readonly send: Extract<Effect, { kind: 'send' }> }
  | { readonly serve: Extract<Effect, { kind: 'serve' }> }

export interface ClusterOptions {
  readonly validators?: number
  readonly powers?: readonly bigint[]
  readonly window?: number
  readonly timers?: Partial<TimerSettings>
  readonly certificates?: SignatureScheme
  readonly dissemination?: DisseminationChoice
  /** Of validators that have others than `blsKeyOfValidator` says. */
  readonly blsKeys?: (index: number) => Pick<BlsKey, 'publicKey'>
}

/** One validator: the core, its disk, and the effects it asked for. */
export class TestReplica {
  readonly index: number
  disk: TestDisk = new TestDisk()
  starts = 0
  readonly #cluster: Cluster
  core: Consensus | null = null
  /** Everything this replica has put on the network, in order. */
  readonly sent: { readonly to: number | 'all'; readonly message: Message }[] = []
  readonly committed: Block[] = []
  readonly events: ConsensusEvent[] = []
  readonly evidence: Evidence[] = []
  readonly forks: Extract<Effect, { kind: 'fork' }>[] = []
  readonly served: Height[] = []
  readonly abandoned = new Set<string>()
  readonly validationsAsked: Block[] = []
  /** Given with the newest of them. */
  certifiedGas: readonly number[] | null = null
  readonly timers = new Map<TimerName, number>()
  readonly timersSet: { readonly timer: TimerName; readonly afterMs: number }[] = []
  /** `automatic`: every write is durable at once. `manual`: the test calls `sync`. */
  syncing: 'automatic' | 'manual' = 'automatic'
  /** `held`: the test answers validations itself. */
  validating: 'automatic' | 'held' = 'automatic'
  #queue: Queued[] = []
  #waiting: Uint8Array[] = []

  constructor(cluster: Cluster, index: number) {
    this.#cluster = cluster
    this.index = index
    this.boot()
  }

  get running(): Consensus {
    assert(this.core !== null, `replica ${this.index} is down`)
    return this.core
  }

  get height(): number {
    return this.running.committed.height
  }

  get position(): string {
    return `${this.running.phase} ${this.running.view}`
  }

  boot(): void {
    const { set, options } = this.#cluster
    this.timers.clear()
    this.#queue = []
    this.core = createConsensus(
      {
        chainId: CHAIN,
        validators: set,
        self: validatorIndex(this.index),
        window: options.window ?? 8,
        clockDriftMs: 2000,
        timers: { ...TIMERS, ...options.timers },
        recoveryNonce: hashTagged('aethel/test-nonce', Uint8Array.of(this.index, this.starts++ & 255)),
        sign: (bytes): Signature => keyOfValidator(this.index).sign(bytes),
        ...(set.scheme === 'bls12-381' ? { shares: sharesOf(this.index) } : {}),
        ...(options.dissemination === undefined ? {} : { dissemination: options.dissemination }),
      },
      this.disk.durableState(),
    )
    this.step({ kind: 'start', nowMs: this.#cluster.nowMs })
  }

  /** Power fails: of the writes not yet synced, the first `survived` made it. */
  crash(survived = 0): void {
    const writes = this.#queue.flatMap((item) => ('write' in item ? [item.write] : []))
    for (const write of writes.slice(0, survived)) this.disk.apply(write)
    this.#queue = []
    this.core = null
  }

  /** The store is lost; the key is not. */
  loseStore(): void {
    if (this.core !== null) this.crash()
    this.disk = new TestDisk()
    this.disk.recovery = { status: 'asking' }
    this.committed.length = 0
  }

  restart(): void {
    if (this.core !== null) this.crash()
    this.boot()
  }

  get unsynced(): number {
    return this.#queue.filter((item) => 'write' in item).length
  }

  /** Group commit: everything queued is durable, and what waited for it leaves. */
  sync(): void {
    for (const item of this.#queue.splice(0)) {
      if ('write' in item) this.disk.apply(item.write)
      else if ('send' in item) this.#cluster.onSend(this, item.send.to, item.send.message)
      else this.served.push(item.serve.from)
    }
  }

  step(input: Input): readonly Effect[] {
    const effects = this.running.step(input)
    const replies: Input[] = []
    for (const effect of effects) this.#onEffect(effect, replies)
    if (this.syncing === 'automatic') this.sync()
    for (const reply of replies) this.step(reply)
    return effects
  }

  #onEffect(effect: Effect, replies: Input[]): void {
    const { nowMs } = this.#cluster
    switch (effect.kind) {
      case 'persist':
        this.#queue.push({ write: { records: effect.records } })
        return
      case 'commit':
        this.committed.push(effect.block)
        this.#queue.push({ write: { block: effect.block, certificate: effect.certificate } })
        return
      case 'send':
        this.#queue.push({ send: effect })
        return
      case 'serve':
        this.#queue.push({ serve: effect })
        return
      case 'validate':
        this.validationsAsked.push(effect.block)
        this.certifiedGas = effect.certifiedGas
        if (this.validating === 'automatic') replies.push(this.verdictOn(effect.block))
        return
      case 'build': {
        const next = this.#waiting.shift()
        const proposal =
          next === undefined
            ? null
            : { transactions: [next], evidence: [], stateRoot: rootAfter(effect.parent, [next]), totalDifficulty: 0n }
        replies.push({ kind: 'built', height: effect.height, view: effect.view, proposal, nowMs })
        return
      }
      case 'abandon':
        for (const hash of effect.hashes) this.abandoned.add(keyOf(hash))
        return
      case 'set-timer':
        this.timers.set(effect.timer, nowMs + effect.afterMs)
        this.timersSet.push({ timer: effect.timer, afterMs: effect.afterMs })
        return
      case 'cancel-timer':
        this.timers.delete(effect.timer)
        return
      case 'evidence':
        this.evidence.push(effect.evidence)
        return
      case 'fork':
        this.forks.push(effect)
        return
      case 'event':
        this.events.push(effect.event)
        return
      case 'proposed':
        return
    }
  }

  /** What the test application finds about a block. */
  verdictOn(block: Block): Input {
    const { transactions } = block.body
    const good =
      equalBytes(block.header.stateRoot, rootAfter(block.header.parent, transactions)) &&
      !transactions.some((bytes) => equalBytes(bytes, FALSE_PROOF))
    const refuted = transactions.findIndex((bytes) => equalBytes(bytes, FALSE_PROOF))
    const result: ValidationResult = good
      ? { status: 'valid' }
      : { status: 'invalid', code: 'test', message: 'expected a good block', ...(refuted < 0 ? {} : { refuted }) }
    return { kind: 'validated', hash: block.hash, result, nowMs: this.#cluster.nowMs }
  }

  /** Gives this replica transactions to order; if it leads, it proposes one block for each. */
  order(...labels: readonly string[]): void {
    this.#waiting.push(...labels.map(transaction))
    this.step({ kind: 'work', waiting: this.#waiting.length, full: true, nowMs: this.#cluster.nowMs })
  }

  fire(timer: TimerName): readonly Effect[] {
    this.timers.delete(timer)
    return this.step({ kind: 'timer', timer, nowMs: this.#cluster.nowMs })
  }

  /** A message from a peer, through bytes and the edge. */
  receive(from: number, message: Message): readonly Effect[] {
    return this.step({ kind: 'message', from: validatorIndex(from), message: this.#cluster.pass(message), nowMs: this.#cluster.nowMs })
  }

  sentVotes(kind?: VoteKind): Vote[] {
    const votes: Vote[] = []
    for (const { message } of this.sent) {
      if (message.kind === 'vote' && message.vote.sender === this.index) votes.push(message.vote)
      if (message.kind === 'pre-prepare' && message.sender === this.index) {
        votes.push(leaderVote(message))
      }
    }
    return kind === undefined ? votes : votes.filter((vote) => vote.kind === kind)
  }

  sentOf<K extends Message['kind']>(kind: K): Extract<Message, { kind: K }>[] {
    return this.sent.flatMap(({ message }) => (message.kind === kind ? [message as Extract<Message, { kind: K }>] : []))
  }

  saw(name: ConsensusEvent['name']): boolean {
    return this.events.some((event) => event.name === name)
  }
}

/** A cluster; `deliver` moves messages, `cut` decides what is lost. Checks after every send that it keeps the promises of §5. */
export class Cluster {
  readonly options: ClusterOptions
  readonly set: ValidatorSet
  readonly checker: MessageChecker
  readonly replicas: TestReplica[] = []
  inFlight: Sent[] = []
  nowMs = START_MS
  cut: (sent: Sent) => boolean = () => false
  readonly #shown = new Map<string, Hash>()

  constructor(options: ClusterOptions = {}) {
    this.options = options
    const { validators = 4, powers, certificates, blsKeys } = options
    this.set = certificates === 'bls12-381' ? blsValidatorSet(validators, powers, 0, blsKeys) : validatorSet(validators, powers)
    this.checker = createMessageChecker({ chainId: CHAIN, validators: this.set, verifySignature })
    for (let index = 0; index < this.set.validators.length; index++) this.replicas.push(new TestReplica(this, index))
  }

  at(index: number): TestReplica {
    const replica = this.replicas[index]
    assert(replica !== undefined, `no replica ${index}`)
    return replica
  }

  get up(): TestReplica[] {
    return this.replicas.filter((replica) => replica.core !== null)
  }

  /** Through the bytes and the edge; a test that sends rubbish on purpose asks the checker itself. */
  pass(message: Message): VerifiedMessage {
    const decoded = decodeMessage(encodeMessage(message))
    assert(decoded.ok, 'a message survives its bytes')
    const checked = this.checker.check(decoded.value)
    assert(checked.ok, checked.ok ? '' : `the edge refused a ${message.kind}: ${checked.error.message}`)
    return checked.value
  }

  onSend(replica: TestReplica, to: ValidatorIndex | 'all', message: Message): void {
    this.#checkPromises(replica, message)
    replica.sent.push({ to, message })
    for (const { index } of this.replicas) {
      if (index !== replica.index && (to === 'all' || to === index)) this.inFlight.push({ from: replica.index, to: index, message })
    }
  }

  /** protocol.md §5: what leaves is durable, and never contradicts what left before. */
  #checkPromises(replica: TestReplica, message: Message): void {
    if (message.kind === 'view-change' && message.entry.sender === replica.index) {
      assert(replica.disk.view.view >= message.entry.newView, `replica ${replica.index} sent a VIEW-CHANGE before it was durable`)
    }
    const own: Vote[] = []
    if (message.kind === 'vote' && message.vote.sender === replica.index) own.push(message.vote)
    if (message.kind === 'pre-prepare' && message.sender === replica.index) own.push(leaderVote(message))
    for (const vote of own) {
      const key = `${vote.sender}/${vote.kind}/${vote.view}/${vote.height}`
      const shown = this.#shown.get(key)
      assert(shown === undefined || equalBytes(shown, vote.blockHash), `replica ${replica.index} signed two blocks: ${key}`)
      assert(replica.disk.holds(vote), `replica ${replica.index} sent a vote before it was durable: ${key}`)
      if (vote.kind === 'commit') {
        const { highest, lastCommit } = replica.disk.durableState()
        const known = [highest, lastCommit].some(
          (certificate) =>
            certificate !== null && (certificate.view > vote.view || (certificate.view === vote.view && certificate.height >= vote.height)),
        )
        assert(known, `replica ${replica.index} sent COMMIT ${key} without a durable certificate as high`)
      }
      this.#shown.set(key, vote.blockHash)
    }
  }

  /** Delivers what is in flight, and what comes of it, until nothing moves; whatever `cut` names is lost. */
  deliver(only: (sent: Sent) => boolean = () => true): void {
    for (let round = 0; round < 10_000; round++) {
      const next = this.inFlight.findIndex((sent) => only(sent))
      if (next < 0) return
      const [sent] = this.inFlight.splice(next, 1)
      if (sent === undefined || this.cut(sent)) continue
      const replica = this.at(sent.to)
      if (replica.core !== null) replica.receive(sent.from, sent.message)
    }
    throw new Error('the cluster never comes to rest')
  }

  /** Drops everything in flight that matches. */
  lose(which: (sent: Sent) => boolean = () => true): void {
    this.inFlight = this.inFlight.filter((sent) => !which(sent))
  }

  /** Time passes: due timers fire in order and messages flow. BLOCKS are served from the disks. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs
    for (;;) {
      this.deliver()
      this.#serve()
      if (this.inFlight.length > 0) continue
      let due: { replica: TestReplica; timer: TimerName; atMs: number } | undefined
      for (const replica of this.up) {
        for (const [timer, atMs] of replica.timers)
          if (atMs <= endMs && (due === undefined || atMs < due.atMs)) due = { replica, timer, atMs }
      }
      if (due === undefined) break
      this.nowMs = Math.max(this.nowMs, due.atMs)
      due.replica.fire(due.timer)
    }
    this.nowMs = endMs
  }

  #serve(): void {
    for (const replica of this.up) {
      for (const from of replica.served.splice(0)) {
        const blocks = replica.disk.chain.slice(from - 1)
        const last = blocks.findLastIndex(({ block, certificate }) => certificate.height === block.header.height)
        const certificate = blocks[last]?.certificate
        if (certificate === undefined) continue
        const message: Message = { kind: 'blocks', blocks: blocks.slice(0, last + 1).map(({ block }) => block), links: [], certificate }
        for (const { index } of this.replicas) if (index !== replica.index) this.inFlight.push({ from: replica.index, to: index, message })
      }
    }
  }

  /** All that are up have the same chain; returns its hashes. */
  get chain(): Hash[] {
    const longest = this.replicas.map((replica) => replica.committed).reduce((a, b) => (b.length > a.length ? b : a), [])
    for (const replica of this.replicas) {
      for (const block of replica.committed) {
        const other = longest[block.header.height - 1]
        assert(
          other !== undefined && equalBytes(other.hash, block.hash),
          `replica ${replica.index} committed another block at height ${block.header.height}`,
        )
      }
    }
    return longest.map((block) => block.hash)
  }
}

export function isVote(kind: VoteKind): (sent: Sent) => boolean {
  return ({ message }) => message.kind === 'vote' && message.vote.kind === kind
}

export function isKind(...kinds: readonly Message['kind'][]): (sent: Sent) => boolean {
  return ({ message }) => kinds.includes(message.kind)
}
