/**
 * A cluster without randomness or clock: unmodified consensus cores with disks, whose every message is delivered, held or lost
 * by whoever directs it. Transcripts direct it by hand; what is checked after every step is what the seeded world checks.
 */
import { assert, epoch, equalBytes, type Hash, height, keyOf, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import {
  type Block,
  type Consensus,
  type ConsensusEvent,
  createConsensus,
  createMessageChecker,
  createValidatorSet,
  type Effect,
  type Evidence,
  encodeEvidence,
  type Input,
  type Message,
  type MessageChecker,
  offenceOf,
  type TimerName,
  type TimerSettings,
  type ValidatorSet,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { Disk, type Write } from './disk.js'
import { Invariants } from './invariants.js'
import { Promises } from './promises.js'
import { createIdealSignatures, type SignatureScheme } from './signatures.js'
import { stepChecked } from './step-checked.js'
import { isFalse, labelsOf, nameOfBlock, toyRoot, toyTransaction, toyVerdict } from './toy-application.js'
import { Violation } from './violation.js'

/** Nothing here waits: timers fire when they are told to. The values only have to be sensible. */
export const STAGE_TIMERS: TimerSettings = { floorMs: 1000, commitFactor: 4, allowanceMs: 200, capMs: 8000, statusMs: 250, batchMs: 5 }
/** The clock stands still, far above every timestamp that a chain of blocks reaches by counting up from zero. */
export const STAGE_NOW_MS = 1_000_000
const CLOCK_DRIFT_MS = 2_000
/** More than any schedule a person writes; a cluster that talks longer than this talks for ever. */
const MAX_DELIVERIES = 200_000

export interface InFlight {
  readonly from: number
  readonly to: number
  readonly message: Message
}

export interface StageOptions {
  readonly validators: number
  readonly powers: readonly bigint[]
  readonly window: number
  readonly byzantine: readonly number[]
}

type Queued =
  | { readonly kind: 'write'; readonly write: Write<null> }
  | { readonly kind: 'release'; readonly effect: Extract<Effect, { kind: 'send' | 'serve' }> }

/** One validator: the core, its disk, and what it has to order. */
export interface StageReplica {
  readonly index: ValidatorIndex
  readonly byzantine: boolean
  readonly disk: Disk<null>
  core: Consensus | null
  queue: Queued[]
  writesHeld: boolean
  /** Height of the newest commit effect since the last restart. */
  appliedHeight: number
  readonly timers: Set<TimerName>
  /** Transactions not yet committed here, oldest first. */
  waiting: string[]
  toldWaiting: number
}

export interface StageEvent {
  readonly replica: number
  readonly event: ConsensusEvent
}

export class Stage {
  readonly validators: ValidatorSet
  readonly chainId: Hash
  readonly signatures: SignatureScheme = createIdealSignatures()
  readonly checker: MessageChecker
  readonly invariants: Invariants
  readonly promises: Promises
  readonly replicas: StageReplica[] = []
  /** Every block seen so far by hash, in the order of appearance. */
  readonly blocks: Map<string, Block> = new Map()
  readonly evidence: Evidence[] = []
  /** Everything ever put on the network, in order. */
  readonly sent: InFlight[] = []
  /** Codes of messages that the edge refused. */
  readonly refusals: { readonly code: string; readonly message: string }[] = []
  inFlight: InFlight[] = []
  /** What happened since the director last looked. */
  events: StageEvent[] = []
  lost = 0
  readonly #window: number
  /** Position is the validator: its side of the partition. */
  #sides: readonly number[] | null = null

  constructor(options: StageOptions) {
    this.#window = options.window
    this.chainId = hashTagged('aethel/stage-chain', Uint8Array.of(options.validators))
    const set = createValidatorSet(
      epoch(0),
      options.powers.map((power, index) => ({ publicKey: this.signatures.keyOf(index), power })),
    )
    assert(set.ok && options.powers.length === options.validators, 'a stage has one power for each validator')
    this.validators = set.value
    const { chainId, validators } = this
    this.checker = createMessageChecker({ chainId, validators, verifySignature: this.signatures.verify })
    const byzantine = new Set(options.byzantine)
    this.invariants = new Invariants({
      chainId,
      validators,
      verifySignature: this.signatures.verify,
      isHonest: (index) => !byzantine.has(index),
      isValidTransaction: (bytes) => !isFalse(String.fromCharCode(...bytes)),
      gasOf: () => 0,
      nowMs: () => STAGE_NOW_MS,
    })
    this.promises = new Promises({
      chainId,
      validators,
      verifySignature: this.signatures.verify,
      window: options.window,
      isHonest: (index) => !byzantine.has(index),
      committedAt: (at) => this.invariants.hashAt(at),
    })
    for (let index = 0; index < options.validators; index++) this.replicas.push(this.#createReplica(index, byzantine.has(index)))
    for (const replica of this.replicas) if (!replica.byzantine) this.boot(replica)
  }

  #createReplica(index: number, byzantine: boolean): StageReplica {
    const genesis = { height: height(0), hash: this.chainId, timestampMs: 0 }
    return {
      index: validatorIndex(index),
      byzantine,
      disk: new Disk(genesis, null),
      core: null,
      queue: [],
      writesHeld: false,
      appliedHeight: 0,
      timers: new Set(),
      waiting: [],
      toldWaiting: 0,
    }
  }

  at(index: number): StageReplica {
    const replica = this.replicas[index]
    assert(replica !== undefined, `no validator ${index} on stage`)
    return replica
  }

  // --- processes ----------------------------------------------------------------------------------------------------

  boot(replica: StageReplica): void {
    assert(replica.core === null, `validator ${replica.index} is running`)
    const durable = replica.disk.durableState()
    replica.appliedHeight = durable.committed.height
    replica.toldWaiting = 0
    replica.core = createConsensus(
      {
        chainId: this.chainId,
        validators: this.validators,
        self: replica.index,
        window: this.#window,
        clockDriftMs: CLOCK_DRIFT_MS,
        timers: STAGE_TIMERS,
        sign: this.signatures.signer(replica.index),
      },
      durable,
    )
    this.step(replica, { kind: 'start', nowMs: STAGE_NOW_MS })
  }

  /** Power fails: of the writes held back, the first `keeping` made it to the disk. */
  crash(replica: StageReplica, keeping: number): void {
    const writes = replica.queue.flatMap((item) => (item.kind === 'write' ? [item.write] : []))
    for (const write of writes.slice(0, keeping)) replica.disk.apply(write)
    replica.core = null
    replica.queue = []
    replica.writesHeld = false
    replica.timers.clear()
  }

  sync(replica: StageReplica): void {
    replica.writesHeld = false
    this.#flush(replica)
  }

  submit(replica: StageReplica, labels: readonly string[]): void {
    replica.waiting.push(...labels)
    this.#tellWork(replica)
  }

  fire(replica: StageReplica, timer: TimerName): void {
    replica.timers.delete(timer)
    this.step(replica, { kind: 'timer', timer, nowMs: STAGE_NOW_MS })
  }

  // --- network ------------------------------------------------------------------------------------------------------

  /** What is in flight between the sides is lost, and so is what is sent between them until `heal`. */
  partition(groups: readonly (readonly number[])[]): void {
    this.#sides = this.replicas.map(({ index }) => groups.findIndex((group) => group.includes(index)))
    const cut = this.inFlight.filter(({ from, to }) => this.#isCut(from, to))
    this.lost += cut.length
    this.inFlight = this.inFlight.filter((sent) => !cut.includes(sent))
  }

  heal(): void {
    this.#sides = null
  }

  #isCut(from: number, to: number): boolean {
    return this.#sides !== null && this.#sides[from] !== this.#sides[to]
  }

  transmit(from: number, to: ValidatorIndex | 'all', message: Message): void {
    for (const { index } of this.replicas) {
      if (index === from || (to !== 'all' && to !== index)) continue
      const sent = { from, to: index, message }
      this.sent.push(sent)
      if (this.#isCut(from, index)) this.lost++
      else this.inFlight.push(sent)
    }
  }

  /** Delivers what matches, and what comes of it and matches, oldest first; returns how many. */
  deliver(matches: (sent: InFlight) => boolean): number {
    for (let count = 0; count < MAX_DELIVERIES; count++) {
      const next = this.inFlight.findIndex(matches)
      const sent = this.inFlight[next]
      if (sent === undefined) return count
      this.inFlight.splice(next, 1)
      this.receive(sent)
    }
    throw new Violation('bounded-buffers', `the cluster does not come to rest within ${MAX_DELIVERIES} deliveries`)
  }

  /** One message through the edge. */
  receive({ from, to, message }: InFlight): void {
    const replica = this.at(to)
    if (replica.core === null) return
    const checked = this.checker.check(message)
    if (checked.ok) this.step(replica, { kind: 'message', from: validatorIndex(from), message: checked.value, nowMs: STAGE_NOW_MS })
    else this.refusals.push(checked.error)
  }

  // --- effects ------------------------------------------------------------------------------------------------------

  step(replica: StageReplica, input: Input): void {
    const { core } = replica
    if (core === null) return
    const replies: Input[] = []
    for (const effect of stepChecked(core, replica.index, input)) this.#onEffect(replica, effect, replies)
    if (!replica.writesHeld) this.#flush(replica)
    for (const reply of replies) this.step(replica, reply)
    if (replies.length === 0) this.#tellWork(replica)
  }

  #onEffect(replica: StageReplica, effect: Effect, replies: Input[]): void {
    switch (effect.kind) {
      case 'persist':
        for (const record of effect.records) {
          if (record.kind === 'view' && record.newView !== null) this.promises.onNewView(replica.index, record.newView)
          if (record.kind === 'block') this.promises.knowBlock(record.block)
        }
        replica.queue.push({ kind: 'write', write: { kind: 'records', records: effect.records } })
        return
      case 'commit': {
        const { block, certificate } = effect
        this.#meet(block)
        this.invariants.onCommit(
          replica.index,
          replica.appliedHeight,
          block,
          certificate,
          toyRoot(block.header.parent, block.body.transactions),
        )
        this.promises.onCommitted(certificate)
        replica.appliedHeight = block.header.height
        replica.waiting = replica.waiting.filter((label) => !labelsOf(block).includes(label))
        replica.queue.push({ kind: 'write', write: { kind: 'commit', committed: { block, certificate, state: null } } })
        return
      }
      case 'send':
      case 'serve':
        replica.queue.push({ kind: 'release', effect })
        return
      case 'validate':
        this.#meet(effect.block)
        replies.push({ kind: 'validated', hash: effect.block.hash, result: toyVerdict(effect.block), nowMs: STAGE_NOW_MS })
        return
      case 'build': {
        const label = this.#notYetOn(replica, effect.parent)[0]
        const transactions = label === undefined ? [] : [toyTransaction(label)]
        const proposal =
          label === undefined ? null : { transactions, evidence: [], stateRoot: toyRoot(effect.parent, transactions), totalDifficulty: 0n }
        replies.push({ kind: 'built', height: effect.height, view: effect.view, proposal, nowMs: STAGE_NOW_MS })
        return
      }
      case 'proposed':
        this.#meet(effect.block)
        return
      case 'set-timer':
        replica.timers.add(effect.timer)
        return
      case 'cancel-timer':
        replica.timers.delete(effect.timer)
        return
      case 'evidence':
        this.promises.onOffence(offenceOf(effect.evidence, this.validators), encodeEvidence(this.chainId, effect.evidence))
        this.evidence.push(effect.evidence)
        return
      case 'event':
        this.events.push({ replica: replica.index, event: effect.event })
        return
      case 'abandon':
        return // the toy application keeps no states
    }
  }

  #meet(block: Block): void {
    this.blocks.set(keyOf(block.hash), block)
  }

  /** For blocks made up by faulty validators: known by name from now on. */
  addBlock(block: Block): void {
    this.#meet(block)
  }

  /** What waits here and is not in the block or its uncommitted ancestors. */
  #notYetOn(replica: StageReplica, tip: Hash): string[] {
    const taken = new Set<string>()
    for (let block = this.blocks.get(keyOf(tip)); block !== undefined; block = this.blocks.get(keyOf(block.header.parent))) {
      for (const label of labelsOf(block)) taken.add(label)
    }
    return replica.waiting.filter((label) => !taken.has(label))
  }

  /** The mempool's report, where it changed: how much is neither committed nor in the newest accepted block's chain. */
  #tellWork(replica: StageReplica): void {
    const { core } = replica
    if (core === null) return
    const tip = core.inspect().accepted.at(-1)?.hash ?? core.committed.hash
    const waiting = this.#notYetOn(replica, tip).length
    if (waiting === replica.toldWaiting) return
    replica.toldWaiting = waiting
    this.step(replica, { kind: 'work', waiting, full: true, nowMs: STAGE_NOW_MS })
  }

  /** Everything queued is durable, and what waited for it leaves. */
  #flush(replica: StageReplica): void {
    for (const item of replica.queue.splice(0)) {
      if (item.kind === 'write') replica.disk.apply(item.write)
      else if (item.effect.kind === 'serve') this.#serve(replica, item.effect.to, item.effect.from)
      else {
        const { disk, index } = replica
        this.promises.onSend(index, item.effect.message, {
          holdsVote: (vote) => disk.holdsVote(vote) || vote.height <= disk.committedHeight,
          view: disk.viewRecord.view,
          committedHeight: disk.committedHeight,
          newView: disk.viewRecord.newView,
        })
        this.transmit(index, item.effect.to, item.effect.message)
      }
    }
  }

  /** Committed blocks up to the newest that has a certificate of its own. */
  #serve(replica: StageReplica, to: ValidatorIndex, from: number): void {
    const blocks = replica.disk.chain.slice(from - 1)
    const last = blocks.findLastIndex(({ block, certificate }) => certificate.height === block.header.height)
    const certificate = blocks[last]?.certificate
    if (certificate === undefined) return
    this.transmit(replica.index, to, {
      kind: 'blocks',
      blocks: blocks.slice(0, last + 1).map(({ block }) => block),
      links: [],
      certificate,
    })
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  nameOf(hash: Hash): string {
    const block = this.blocks.get(keyOf(hash))
    if (block === undefined) return equalBytes(hash, this.chainId) ? 'genesis' : 'unknown'
    const name = nameOfBlock(block)
    const first = [...this.blocks.values()].find((candidate) => nameOfBlock(candidate) === name)
    return first === block ? name : `${name}@${block.header.view}`
  }
}
