/**
 * The seeded world around unmodified replicas: virtual time, network, disks, processes, clocks, clients. One thread, no real
 * I/O; a seed reproduces a run event by event. Here each event goes to the part that it concerns, and each step of a replica is taken.
 * The parts, which assembly.ts puts together:
 *
 * - what reaches a node: edge.ts, inbox.ts;
 * - what its replica orders: effects.ts, and from there commits.ts, blobs.ts;
 * - what leaves it: group-commit.ts, outbox.ts, for faulty ones forgery.ts, then lines.ts;
 * - what goes wrong: mishaps.ts, crashes.ts, disk-faults.ts;
 * - what is demanded: conduct.ts, promises.ts, invariants.ts.
 */
import { assert, type Hash, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import type { EpochStart, ForkMaterial } from '@aethel/consensus'
import { createReplica, type ReplicaInput, type ReplicaOptions, type VerificationOutcome } from '@aethel/replica'
import { ADVERSARY_TICK_MS } from './adversaries/adversary.js'
import type { State } from './application.js'
import { assemble, type Parts, type WorldOptions } from './assembly.js'
import { ForeignReplica } from './builds/foreign-replica.js'
import { OPEN_ENDED } from './clients.js'
import type { Conduct } from './conduct.js'
import type { Coverage } from './coverage.js'
import type { Crashes } from './crashes.js'
import type { Disk } from './disk.js'
import type { Effects } from './effects.js'
import type { EpochPromises } from './epoch-promises.js'
import type { EventQueue } from './events.js'
import type { Forks } from './forks.js'
import type { GroupCommit } from './group-commit.js'
import type { Inbox } from './inbox.js'
import type { Invariants } from './invariants.js'
import type { Network } from './network.js'
import type { Node, RunningReplica } from './node.js'
import { replicaOptionsOf } from './replica-options.js'
import type { SignatureScheme } from './signatures.js'
import { stepChecked } from './step-checked.js'
import type { Verified, WorldEvent } from './world-events.js'

/** What is left of a run that may have forked, at one honest validator. */
export interface Remains {
  readonly index: ValidatorIndex
  readonly chain: Disk<State>['chain']
  readonly material: ForkMaterial
  /** What it wrote when it halted; null: it did not. */
  readonly halted: ForkMaterial | null
}

export class World {
  readonly #options: WorldOptions
  readonly #parts: Parts
  readonly #events: EventQueue<WorldEvent>
  readonly #network: Network
  readonly #nodes: readonly Node[]
  readonly #inbox: Inbox
  readonly #effects: Effects
  readonly #crashes: Crashes
  readonly #conduct: Conduct
  readonly #groupCommit: GroupCommit
  /** By client: a submission that is due counts if it is of this version. */
  readonly #clientVersions: number[]
  readonly coverage: Coverage
  readonly invariants: Invariants
  readonly promises: EpochPromises
  eventCount = 0
  healedAtMs = 0
  /** Of the longest queue at a network interface then. */
  backlogAtHealingMs = 0

  constructor(options: WorldOptions) {
    const parts = assemble(options, {
      step: (node, input) => this.#step(node, input),
      onFirstCommit: (node, transactions) => this.#onFirstCommit(node, transactions),
    })
    this.#options = options
    this.#parts = parts
    this.#events = parts.circumstances.events
    this.#network = parts.circumstances.network
    this.#nodes = parts.nodes
    this.#inbox = parts.inbox
    this.#effects = parts.effects
    this.#crashes = parts.crashes
    this.#conduct = parts.conduct
    this.#groupCommit = parts.groupCommit
    this.#clientVersions = new Array<number>(parts.clients.count).fill(0)
    this.coverage = parts.circumstances.coverage
    this.invariants = parts.invariants
    this.promises = parts.promises
  }

  // --- what happens -------------------------------------------------------------------------------------------------

  start(): void {
    const { knobs, blocks } = this.#options
    for (const node of this.#nodes) this.#boot(node)
    for (let client = 0; client < this.#parts.clients.count; client++)
      this.#events.push(this.#parts.clients.firstInMs(), { kind: 'submit', client, version: 0 })
    this.#parts.mishaps.begin()
    if (blocks === undefined) this.#events.push(knobs.faultMs, { kind: 'heal' })
    for (const { index, isHonest } of this.#nodes) if (!isHonest) this.#events.push(ADVERSARY_TICK_MS, { kind: 'adversary', node: index })
  }

  /** Processes one event; false when none is left. */
  advance(): boolean {
    const next = this.#events.pop()
    if (next === undefined) return false
    this.eventCount++
    this.#handle(next.event)
    return true
  }

  #handle(event: WorldEvent): void {
    switch (event.kind) {
      case 'deliver': {
        const node = this.#nodeAt(event.to)
        const { replica } = node
        if (replica === null || this.#network.isCut(event.from, event.to, this.#events.nowMs) || this.#waitsForPause(node, event)) return
        return this.#inbox.receive(node, replica, validatorIndex(event.from), event.payload)
      }
      case 'timer': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation || node.timers.get(event.timer) !== event.version || this.#waitsForPause(node, event))
          return
        if (event.timer === 'status') {
          this.#onStatusTick(node)
          if (node.incarnation !== event.incarnation) return
        }
        return this.#step(node, { kind: 'timer', timer: event.timer, nowMs: this.#clockOf(node) })
      }
      case 'synced': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation === event.incarnation && !this.#waitsForPause(node, event)) this.#groupCommit.onSynced(node, event.count)
        return
      }
      case 'verified': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation || this.#waitsForPause(node, event)) return
        return this.#step(node, {
          kind: 'verified',
          key: event.job.work.key,
          outcome: this.#outcomeOf(node, event),
          nowMs: this.#clockOf(node),
        })
      }
      case 'connected':
      case 'disconnected': {
        const node = this.#nodeAt(event.node)
        if (node.replica === null || this.#waitsForPause(node, event)) return
        return this.#step(node, { kind: event.kind, peer: validatorIndex(event.peer), nowMs: this.#clockOf(node) })
      }
      case 'died':
        for (const { index } of this.#nodes) this.#events.push(this.nowMs, { kind: 'disconnected', node: index, peer: event.node })
        return
      case 'blob-opened': {
        const node = this.#nodeAt(event.node)
        if (node.incarnation !== event.incarnation || this.#waitsForPause(node, event)) return
        const missing = node.blobs.missing(event.blob)
        return this.#step(node, { kind: 'blob-opened', blob: event.blob, missing, nowMs: this.#clockOf(node) })
      }
      case 'fault':
        return this.#parts.mishaps.onDue(event.fault, event.nth)
      case 'restart':
        return this.#boot(this.#nodeAt(event.node))
      case 'mend':
        return this.#parts.mishaps.onMend(event.nth)
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
    return node.clockAt(this.#events.nowMs)
  }

  /** A stopped process (SIGSTOP, a virtual machine that was moved) sees everything later. */
  #waitsForPause(node: Node, event: WorldEvent): boolean {
    if (node.pausedUntilMs <= this.#events.nowMs) return false
    this.#events.push(node.pausedUntilMs, event)
    return true
  }

  // --- replicas -----------------------------------------------------------------------------------------------------

  #boot(node: Node): void {
    if (node.replica !== null || node.ruined || this.#parts.diskFaults.refusesToStart(node)) return
    node.begin()
    const durable = node.disk.durableState()
    const start = node.disk.epoch ?? this.#parts.epochs.first
    node.gate = this.#parts.epochs.createGate(start)
    this.#conduct.onStart(node, start.validators.epoch)
    const { application, epochs, signatures } = this.#parts
    const { knobs, dissemination = 'mesh' } = this.#options
    this.#chooseBuild(node)
    const replicaOptions = replicaOptionsOf(node, start, durable, { application, epochs, signatures, knobs, dissemination })
    node.replica = this.#createReplica(node, replicaOptions)
    if (node.incarnation > 1) this.coverage.hit('restart')
    this.#parts.circumstances.trace(node.index, 'start', { view: durable.view, committed: durable.committed.height })
    this.#step(node, { kind: 'start', nowMs: this.#clockOf(node) })
    const up = this.#nodes.filter((peer) => peer !== node && peer.replica !== null)
    this.#events.pushMany(new Array<number>(2 * up.length).fill(this.nowMs + 1), (nth) => {
      const peer = (up[nth >> 1] as Node).index
      return nth % 2 === 0 ? { kind: 'connected', node: node.index, peer } : { kind: 'connected', node: peer, peer: node.index }
    })
  }

  #chooseBuild(node: Node): void {
    const { mixture } = this.#parts
    const before = node.runs
    node.runs = mixture?.rollout.next(node.index, node.incarnation, before) ?? 'current'
    if (mixture === null) return
    if (before === null) this.coverage.hit(`build: begins with the ${node.runs} one`)
    else if (before === node.runs) this.coverage.hit('build: started again')
    else this.coverage.hit(`build: the ${node.runs} one starts on the store of the ${before} one`)
  }

  #createReplica(node: Node, options: ReplicaOptions<State>): RunningReplica {
    const { mixture, application } = this.#parts
    if (mixture === null || node.runs !== 'other') return createReplica(options)
    return new ForeignReplica({ passage: mixture.passage, options, decode: (bytes) => application.decode(bytes), index: node.index })
  }

  /** One input, and all that comes of it at once. */
  #step(node: Node, input: ReplicaInput): void {
    const { replica, incarnation } = node
    if (replica === null) return
    const { phase } = replica.position
    const wasMember = replica.self !== null
    const wasHalted = node.halted !== null && node.isHonest
    const effects = stepChecked(replica, node.index, input)
    if (node.isHonest) this.#conduct.onStep(node, replica)
    for (const effect of effects) {
      if (wasHalted) this.#conduct.onEffectOfHalted(node, effect)
      if (this.#crashes.passes(node, effect.kind === 'persist' ? 'persist' : effect.kind === 'send' ? 'send' : 'other')) return
      this.#effects.carryOut(node, effect)
      if (node.incarnation !== incarnation) return
    }
    this.#groupCommit.begin(node)
    if (replica.epoch.validators.epoch === node.gate.epoch) return
    if (phase === 'changing') this.coverage.hit('epoch change during a view change')
    if (wasMember && replica.self === null) this.coverage.hit('left the validators')
    if (!wasMember && replica.self !== null) this.coverage.hit('joined the validators')
    if (input.kind === 'message' && input.message.kind === 'blocks') this.coverage.hit('epoch entered by sync')
    if (input.kind === 'message' && input.message.kind === 'chunk') this.coverage.hit('epoch entered by a snapshot')
    this.#inbox.enterEpoch(node, replica)
  }

  /** A verdict, or none: the worker died of it, or of something else. */
  #outcomeOf({ index, verifiers, blobs }: Node, { nth, job }: Verified): VerificationOutcome {
    const { fates } = this.#parts.circumstances
    const isAborted = !this.healed && fates.unit('crash', index, nth, 9) < this.#options.knobs.abortRate
    if (isAborted && fates.allows('crash', `of a worker ${index}#${nth}`, this.nowMs)) {
      this.coverage.hit('verification stopped')
      return { status: 'aborted', reason: 'the worker died' }
    }
    const { blob } = job.work
    return verifiers.verify(job, blob === undefined ? null : blobs.whole(blob))
  }

  /** To one peer at each tick, in turn. */
  #measureRoundTrip(node: Node): void {
    const { knobs, validators } = this.#options
    const nth = ++node.roundTrips
    const peer = nth % validators
    if (!knobs.measuresRoundTrips || peer === node.index) return
    const roundTripMs = this.#parts.circumstances.fates.delay(2 * knobs.meanDelayMs, -3_000_001 - node.index, nth)
    this.#step(node, { kind: 'round-trip', peer: validatorIndex(peer), roundTripMs })
  }

  #onStatusTick(node: Node): void {
    node.answers.clear()
    this.#measureRoundTrip(node)
    const blob = this.#parts.blobs.expire(node) ?? this.#parts.blobs.rot(node)
    if (blob !== null) this.#step(node, { kind: 'blob-lost', blob, nowMs: this.#clockOf(node) })
  }

  #onAdversaryTick(node: Node): void {
    if (node.adversary === null) return
    this.#events.push(this.nowMs + ADVERSARY_TICK_MS, { kind: 'adversary', node: node.index })
    if (node.replica !== null) this.#parts.forgery.act(node, node.adversary.onTick())
  }

  // --- clients and healing ------------------------------------------------------------------------------------------

  #onSubmit(client: number): void {
    const submission = this.#parts.clients.next(client, this.nowMs)
    if (submission === null) return
    const node = this.#nodeAt(submission.to)
    const version = this.#clientVersions[client] as number
    this.#events.push(this.nowMs + submission.nextInMs, { kind: 'submit', client, version })
    const decoded = this.#parts.application.decode(submission.bytes)
    if (!decoded.ok) return this.coverage.hit(`submission unread: ${decoded.error.code}`)
    this.#parts.blobs.upload(node, submission.bytes)
    if (node.pausedUntilMs <= this.nowMs)
      this.#step(node, { kind: 'submit', request: this.eventCount, transaction: decoded.value, nowMs: this.#clockOf(node) })
  }

  /** Clients whose transactions are final think of the next. */
  #onFirstCommit(node: Node, transactions: readonly Uint8Array[]): void {
    if (this.#parts.mixture !== null)
      this.coverage.hit(`build: block final while ${this.#nodes.filter(({ runs }) => runs === 'other').length} run the other one`)
    for (const bytes of transactions) {
      const next = this.#parts.clients.onFinal(bytes, this.nowMs)
      if (next === null) continue
      const version = (this.#clientVersions[next.client] as number) + 1
      this.#clientVersions[next.client] = version
      this.#events.push(this.nowMs + next.nextInMs, { kind: 'submit', client: next.client, version })
    }
    const { blocks } = this.#options
    if (blocks !== undefined && !this.healed && this.invariants.height >= blocks) this.#heal()
    this.#crashes.passes(node, 'first-commit')
  }

  /** GST: from here on nothing is lost and everybody is up; faulty validators stay faulty. */
  #heal(): void {
    if (this.healed) return
    this.#network.heal()
    this.#crashes.callOff()
    this.healedAtMs = this.nowMs
    this.backlogAtHealingMs = this.#network.backlogMs(this.nowMs)
    if (this.#options.knobs.transactions === OPEN_ENDED) this.#parts.clients.stop()
    this.#parts.circumstances.trace(-1, 'heal')
    this.#parts.mishaps.reconnectSome(0)
    for (const node of this.#nodes) {
      node.jumpedMs = 0
      node.pausedUntilMs = Math.min(node.pausedUntilMs, this.nowMs)
      node.diskFullUntilMs = 0
      if (node.replica === null) this.#boot(node)
    }
  }

  /** Power fails everywhere, now; each validator is back after this time, or when the world heals. */
  powerCut(downMs: number): void {
    for (const node of this.#nodes) this.#crashes.crash(node, downMs)
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  /** Virtual time. */
  get nowMs(): number {
    return this.#events.nowMs
  }

  get healed(): boolean {
    return this.#network.healed
  }

  /** Everything submitted is committed at every honest validator that can be up, and all of those are up. */
  get settled(): boolean {
    if (!this.healed || !this.#parts.clients.done) return false
    const { height } = this.invariants
    return this.#nodes.every((node) => !node.isHonest || node.ruined || (node.replica !== null && node.disk.committedHeight === height))
  }

  get chainId(): Hash {
    return this.#parts.application.chainId
  }

  get signatures(): SignatureScheme {
    return this.#parts.signatures
  }

  /** Beyond what the protocol bears: who committed what. */
  get forks(): Forks {
    return this.#parts.forks
  }

  get faulty(): readonly ValidatorIndex[] {
    return this.#parts.conspiracy.members
  }

  /** Of the first epoch. */
  get validatorSet(): EpochStart['validators'] {
    return this.#parts.epochs.first.validators
  }

  /** Of the honest validators, in order. */
  get remains(): Remains[] {
    return this.#nodes
      .filter(({ isHonest }) => isHonest)
      .map(({ index, disk, replica, halted }) => ({
        index,
        chain: disk.chain,
        material: replica?.forkMaterial() ?? { certificates: [], headers: [], votes: [], entries: [] },
        halted,
      }))
  }

  /** Sent so far, each receiver counted. */
  get bytesSent(): number {
    return this.#parts.lines.bytesSent
  }

  get messages(): number {
    return this.#parts.lines.messages
  }

  /** Signature checks that further receivers of a message were spared. */
  get checksSpared(): number {
    return this.#parts.edge.checksSpared
  }

  get traceHash(): string {
    return this.#parts.traceHash.text
  }

  get submitted(): number {
    return this.#parts.clients.submitted
  }

  get latenciesMs(): readonly number[] {
    return this.#parts.clients.latenciesMs
  }

  /** Effect boundaries passed so far, by validator: what a crash can be aimed at. */
  get boundaries(): readonly number[] {
    return this.#nodes.map((node) => node.boundaries)
  }

  /** For a failing run: where everybody stands. */
  describe(): string {
    return this.#nodes.map(describeNode).join('\n')
  }
}

/** One line. */
function describeNode({ index, isHonest, ruined, replica, disk, runs }: Node): string {
  const kind = `${isHonest ? (ruined ? 'ruined' : 'honest') : 'byzantine'}${runs === 'other' ? ' (other build)' : ''}`
  const look = replica?.inspect()
  if (look === undefined) return `${index} ${kind} down at ${disk.committedHeight}`
  const accepted = look.accepted.map((each) => each.height).join(',')
  const highest = look.highest === null ? '-' : `${look.highest.kind} ${look.highest.view}/${look.highest.height}`
  return `${index} ${kind} view ${look.view} ${look.phase} committed ${look.committed.height} ready ${look.ready} pooled ${look.pooled} accepted ${accepted} missing ${look.missing} highest ${highest}`
}
