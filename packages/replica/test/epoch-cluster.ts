/**
 * Replicas that live through epochs, driven by hand: real keys, real edges, disks that a crash may leave with any prefix of
 * what was not synced, and a network that delivers what the test lets through. The application is a list of labels; a script
 * says who the validators of each epoch are.
 */
import {
  assert,
  encode,
  epoch,
  equalBytes,
  type Hash,
  height,
  keyOf,
  ok,
  type PublicKey,
  refuse,
  utf8,
  type ValidatorIndex,
  view,
  ZERO_HASH,
} from '@aethel/codec'
import {
  type Blocks,
  type CommittedTip,
  compareCertificates,
  createEpochGate,
  createMessageChecker,
  createValidatorSet,
  type DurableState,
  decodeMessage,
  type EpochGate,
  type EpochStart,
  encodeMessage,
  epochOfHeight,
  isBoundary,
  lastHeightOf,
  type Message,
  offenceKey,
  type PersistRecord,
  RECENT_HASHES,
  type TimerName,
  type Validator,
  type Vote,
} from '@aethel/consensus'
import { hashTagged, type SigningKey, signingKey, verifySignature } from '@aethel/crypto'
import type { Application, Executed, Transaction } from '../src/application.js'
import { transactionIdOf } from '../src/application.js'
import type { Replica, ReplicaEffect, ReplicaInput } from '../src/interface.js'
import { createReplica } from '../src/replica.js'
import { BLOCK, MEMPOOL } from './cluster.js'

export const CHAIN: Hash = hashTagged('test/epoch-chain', ZERO_HASH)
const GENESIS: CommittedTip = { height: height(0), hash: CHAIN, timestampMs: 0 }

/** Key `generation` of a node. */
export function keyFor(node: number, generation = 0): SigningKey {
  return signingKey(new Uint8Array(32).fill(node + 1, 0, 16).fill(generation + 1, 16))
}

export function member(node: number, generation = 0, power = 1n): Validator {
  return { publicKey: keyFor(node, generation).publicKey, power }
}

const GENERATIONS = 2
const MOST_NODES = 8

function nodeOfKey(key: PublicKey): ValidatorIndex | null {
  for (let node = 0; node < MOST_NODES; node++) {
    for (let generation = 0; generation < GENERATIONS; generation++)
      if (equalBytes(keyFor(node, generation).publicKey, key)) return node as ValidatorIndex
  }
  return null
}

export interface Labels {
  readonly root: Hash
  readonly labels: readonly string[]
}

const START: Labels = { root: ZERO_HASH, labels: [] }

export function labelled(label: string): Transaction {
  const bytes = Uint8Array.from(label, (letter) => letter.charCodeAt(0))
  const id = transactionIdOf(bytes)
  return { id, idKey: keyOf(id), bytes, sender: label, nonce: 0, gasLimit: 1, work: null }
}

export type Script = (next: number) => readonly Validator[] | null

function labelsMachine(initial: Labels, length: number, script: Script): Application<Labels> {
  return {
    initial: { state: initial, stateRoot: initial.root },
    decode: (bytes) => ok(labelled(String.fromCharCode(...bytes))),
    readiness: (state, transaction) =>
      state.labels.includes(transaction.sender)
        ? { status: 'never', code: 'known', message: 'a label is taken once' }
        : { status: 'ready' },
    statementOf: () => undefined,
    offenceRefusal: (state, offence) =>
      state.labels.includes(offenceKey(offence)) ? { code: 'offence-recorded', message: 'expected a new offence' } : null,
    execute(parent, context, inputs, offences = []) {
      let { root } = parent
      for (const { transaction } of inputs)
        root = hashTagged(
          'test/labels',
          encode((writer) => writer.raw(root).bytes(transaction.bytes)),
        )
      const recorded = offences.map(offenceKey)
      if (recorded.some((key) => parent.labels.includes(key))) return refuse('offence-recorded', 'expected new offences')
      for (const key of recorded)
        root = hashTagged(
          'test/offence',
          encode((writer) => writer.raw(root).bytes(utf8(key))),
        )
      const state: Labels = { root, labels: [...parent.labels, ...inputs.map(({ transaction }) => transaction.sender), ...recorded] }
      const next = isBoundary(length, context.height) ? script(context.height / length) : null
      const executed: Executed<Labels> = { state, stateRoot: root, nextValidators: next }
      return ok(executed)
    },
    writes: () => ({ puts: [], deletes: [] }),
  }
}

type Commit = Extract<ReplicaEffect, { kind: 'commit' }>
type Queued =
  | { readonly write: readonly PersistRecord[] }
  | { readonly commit: Commit; readonly state: Labels }
  | { readonly effect: Extract<ReplicaEffect, { kind: 'send' | 'serve' }> }

export interface Sent {
  readonly from: number
  readonly to: number
  readonly message: Message
}

export class EpochNode {
  readonly index: ValidatorIndex
  readonly #cluster: EpochCluster
  replica: Replica<Labels> | null = null
  gate: EpochGate | null = null
  readonly timers = new Map<TimerName, number>()
  readonly events: Extract<ReplicaEffect, { kind: 'event' }>['event'][] = []
  readonly sent: Message[] = []
  /** On disk. */
  readonly chain: { readonly commit: Commit; readonly state: Labels }[] = []
  readonly #records: PersistRecord[] = []
  syncing: 'automatic' | 'manual' = 'automatic'
  #queue: Queued[] = []

  constructor(cluster: EpochCluster, index: number) {
    this.#cluster = cluster
    this.index = index as ValidatorIndex
  }

  get running(): Replica<Labels> {
    assert(this.replica !== null, `node ${this.index} is down`)
    return this.replica
  }

  get position(): string {
    const { committed, epoch: start, position, self } = this.running
    return `height ${committed.height}, epoch ${start.validators.epoch}, ${position.phase} ${position.view}, validator ${self ?? 'none'}`
  }

  get height(): number {
    return this.running.committed.height
  }

  votes(): Vote[] {
    return this.sent.flatMap((message) => (message.kind === 'vote' ? [message.vote] : []))
  }

  saw(name: string): boolean {
    return this.events.some((event) => event.name === name)
  }

  /** Where the disk says this node is. */
  #start(): EpochStart {
    return this.chain.findLast(({ commit }) => commit.nextEpoch !== null)?.commit.nextEpoch ?? this.#cluster.first
  }

  #durable(): DurableState {
    const last = <K extends PersistRecord['kind']>(kind: K): Extract<PersistRecord, { kind: K }> | undefined =>
      this.#records.findLast((record): record is Extract<PersistRecord, { kind: K }> => record.kind === kind)
    const tip = this.chain.at(-1)?.commit.block
    const viewRecord = last('view')
    const certificates = this.chain.map(({ commit }) => commit.certificate).sort(compareCertificates)
    return {
      view: viewRecord?.view ?? view(0),
      phase: viewRecord?.phase ?? 'active',
      newView: viewRecord?.newView ?? null,
      viewChange: viewRecord?.viewChange ?? null,
      votes: this.#records.flatMap((record) => (record.kind === 'vote' ? [record.vote] : [])),
      blocks: this.#records.flatMap((record) => (record.kind === 'block' ? [record.block] : [])),
      highest: last('highest')?.certificate ?? null,
      recovery: last('recovery')?.recovery ?? null,
      lastCommit: certificates.at(-1) ?? null,
      committed: tip === undefined ? GENESIS : { height: tip.header.height, hash: tip.hash, timestampMs: tip.header.timestampMs },
      recent: this.chain.slice(-RECENT_HASHES).map(({ commit }) => ({ height: commit.block.header.height, hash: commit.block.hash })),
    }
  }

  boot(): void {
    const { length, script, nowMs } = this.#cluster
    const start = this.#start()
    const { validators, origin, previousValidators } = start
    this.timers.clear()
    this.#queue = []
    this.gate = createEpochGate({ start, check: (of, message) => this.#cluster.check(of, message) })
    const state = this.chain.at(-1)?.state ?? START
    this.replica = createReplica<Labels>({
      consensus: {
        chainId: CHAIN,
        validators,
        origin,
        epochLength: length,
        self: 0 as ValidatorIndex,
        window: 4,
        recoveryNonce: ZERO_HASH,
        clockDriftMs: 5_000,
        timers: { floorMs: 1_000, commitFactor: 4, allowanceMs: 200, capMs: 8_000, statusMs: 250, batchMs: 5 },
        sign: (bytes) => keyFor(this.index).sign(bytes),
      },
      epochs: {
        previousValidators,
        keys: Array.from({ length: GENERATIONS }, (_, generation) => keyFor(this.index, generation)),
        peerOf: (key) => nodeOfKey(key),
      },
      durable: this.#durable(),
      application: labelsMachine(state, length, script),
      mempool: MEMPOOL,
      block: { ...BLOCK, transactions: 1 },
      order: 'fifo',
    })
    this.step({ kind: 'start', nowMs })
  }

  /** As if this had been written before. */
  remember(...records: readonly PersistRecord[]): void {
    this.#records.push(...records)
  }

  /** Power fails: of the writes not yet synced, the first `survived` made it. */
  crash(survived = 0): void {
    const writes = this.#queue.filter((item) => !('effect' in item))
    for (const item of writes.slice(0, survived)) this.#settle(item)
    this.#queue = []
    this.replica = null
  }

  get unsynced(): number {
    return this.#queue.filter((item) => !('effect' in item)).length
  }

  sync(): void {
    for (const item of this.#queue.splice(0)) this.#settle(item)
  }

  #settle(item: Queued): void {
    if ('write' in item) this.#records.push(...item.write)
    else if ('commit' in item) this.chain.push({ commit: item.commit, state: item.state })
    else if (item.effect.kind === 'send') this.#cluster.onSend(this, item.effect.to, item.effect.message)
    else this.#cluster.serve(this, item.effect.to, item.effect.from)
  }

  step(input: ReplicaInput): void {
    const { running } = this
    for (const effect of running.step(input)) this.#onEffect(effect)
    if (this.syncing === 'automatic') this.sync()
    const { gate } = this
    if (gate === null || running.epoch.validators.epoch === gate.epoch) return
    for (const { from, message } of gate.enter(running.epoch)) this.receive(from, message)
  }

  #onEffect(effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'persist':
        this.#queue.push({ write: effect.records })
        return
      case 'commit':
        this.#queue.push({ commit: effect, state: this.#stateAfter(effect) })
        return
      case 'send':
      case 'serve':
        this.#queue.push({ effect })
        return
      case 'set-timer':
        this.timers.set(effect.timer, this.#cluster.nowMs + effect.afterMs)
        return
      case 'cancel-timer':
        this.timers.delete(effect.timer)
        return
      case 'event':
        this.events.push(effect.event)
        return
      default:
        return
    }
  }

  #stateAfter({ block, transactions, offences }: Commit): Labels {
    const { length, script } = this.#cluster
    const before = this.#queue.findLast((item) => 'commit' in item)
    const state = before !== undefined && 'commit' in before ? before.state : (this.chain.at(-1)?.state ?? START)
    const machine = labelsMachine(state, length, script)
    const { height: at, timestampMs, proposer } = block.header
    const context = { height: at, timestampMs, proposer }
    const executed = machine.execute(
      state,
      context,
      transactions.map((transaction) => ({ transaction, difficulty: 0 })),
      offences,
    )
    assert(executed.ok, 'a committed block executes')
    return executed.value.state
  }

  receive(from: number, message: Message): void {
    const decoded = decodeMessage(encodeMessage(message))
    assert(decoded.ok && this.gate !== null, 'a message survives its bytes')
    const passage = this.gate.pass(from as ValidatorIndex, decoded.value)
    const { nowMs } = this.#cluster
    assert(passage.kind !== 'refused', passage.kind === 'refused' ? `${message.kind}: ${passage.refusal.message}` : '')
    if (passage.kind === 'verified') this.step({ kind: 'message', from: from as ValidatorIndex, message: passage.message, nowMs })
    else if (passage.kind === 'foreign')
      this.step({ kind: 'foreign', from: from as ValidatorIndex, epoch: passage.epoch, committedHeight: passage.committedHeight, nowMs })
  }

  submit(label: string): void {
    this.step({ kind: 'submit', request: 1, transaction: labelled(label), nowMs: this.#cluster.nowMs })
  }

  fire(timer: TimerName): void {
    this.timers.delete(timer)
    this.step({ kind: 'timer', timer, nowMs: this.#cluster.nowMs })
  }
}

export class EpochCluster {
  readonly length: number
  readonly script: Script
  readonly first: EpochStart
  readonly nodes: EpochNode[]
  inFlight: Sent[] = []
  nowMs = 1_000
  /** True: lost. */
  cut: (sent: Sent) => boolean = () => false

  /** Nodes 0..count-1; genesis holds the first `validators` of them. */
  constructor(options: { nodes: number; validators?: number; length: number; script?: Script }) {
    this.length = options.length
    this.script = options.script ?? (() => null)
    const members = Array.from({ length: options.validators ?? options.nodes }, (_, node) => member(node))
    const validators = createValidatorSet(epoch(0), members)
    assert(validators.ok, 'a test set is well formed')
    this.first = { validators: validators.value, previousValidators: null, origin: { height: GENESIS.height, hash: CHAIN } }
    this.nodes = Array.from({ length: options.nodes }, (_, index) => new EpochNode(this, index))
    for (const node of this.nodes) node.boot()
  }

  at(index: number): EpochNode {
    const node = this.nodes[index]
    assert(node !== undefined, `no node ${index}`)
    return node
  }

  check(start: EpochStart, message: Message): ReturnType<ReturnType<typeof createMessageChecker>['check']> {
    const { validators, previousValidators, origin } = start
    const previous = previousValidators === null ? null : { validators: previousValidators, ...origin }
    return createMessageChecker({ chainId: CHAIN, validators, verifySignature, epochLength: this.length, previous }).check(message)
  }

  onSend(node: EpochNode, to: ValidatorIndex | 'all', message: Message): void {
    node.sent.push(message)
    for (const { index } of this.nodes)
      if (index !== node.index && (to === 'all' || to === index)) this.inFlight.push({ from: node.index, to: index, message })
  }

  serve(node: EpochNode, to: number, from: number): void {
    const end = Math.min(node.chain.length, lastHeightOf(this.length, epochOfHeight(this.length, from)))
    const blocks = node.chain.slice(from - 1, end).map(({ commit }) => commit)
    const last = blocks.findLastIndex(({ block, certificate }) => certificate.height === block.header.height)
    const certificate = blocks[last]?.certificate
    if (certificate === undefined) return
    const message: Blocks = { kind: 'blocks', blocks: blocks.slice(0, last + 1).map(({ block }) => block), links: [], certificate }
    this.inFlight.push({ from: node.index, to, message })
  }

  deliver(): void {
    for (let round = 0; round < 20_000; round++) {
      const sent = this.inFlight.shift()
      if (sent === undefined) return
      if (this.cut(sent)) continue
      const node = this.at(sent.to)
      if (node.replica !== null) node.receive(sent.from, sent.message)
    }
    throw new Error('the cluster never comes to rest')
  }

  /** Messages flow and due timers fire. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs
    for (;;) {
      this.deliver()
      let due: { node: EpochNode; timer: TimerName; atMs: number } | undefined
      for (const node of this.nodes) {
        if (node.replica === null) continue
        for (const [timer, atMs] of node.timers) if (atMs <= endMs && (due === undefined || atMs < due.atMs)) due = { node, timer, atMs }
      }
      if (due === undefined) break
      this.nowMs = Math.max(this.nowMs, due.atMs)
      due.node.fire(due.timer)
    }
    this.nowMs = endMs
  }

  /** One block with one transaction, given to every node that is up. */
  order(label: string): void {
    for (const node of this.nodes) if (node.replica !== null) node.submit(label)
    this.run(300)
  }

  /** All that are up agree; returns the chain's length. */
  get height(): number {
    const chains = this.nodes.map((node) => node.chain.map(({ commit }) => keyOf(commit.block.hash)))
    const longest = chains.reduce((a, b) => (b.length > a.length ? b : a), [])
    for (const chain of chains) for (const [at, hash] of chain.entries()) assert(longest[at] === hash, `two blocks at height ${at + 1}`)
    return longest.length
  }
}

export function isCommitVote({ message }: Sent): boolean {
  return message.kind === 'vote' && message.vote.kind === 'commit'
}
