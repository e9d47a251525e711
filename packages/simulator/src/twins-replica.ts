/**
 * One replica as a graph of states for the exploration of twins (docs/twins.md): a state is met once, by its fingerprint, and
 * what an input does to it is computed once, by the unmodified core. Schedules that lead to the same state share what follows.
 */
import { equalBytes, height, keyOf, toHex, utf8, type ValidatorIndex } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  createForkableConsensus,
  type Effect,
  type ForkableConsensus,
  hashCertificate,
  type Input,
  type Message,
  offenceOf,
  type TimerName,
  type ValidatorSet,
  type Vote,
  verifyCertificate,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { idealKey, idealSign, verifyIdeal } from './ideal-hash-signatures.js'
import { STAGE_NOW_MS, STAGE_TIMERS, stepChecked } from './stage.js'
import { toyRoot, toyTransaction, toyVerdict } from './toy-application.js'
import type { TwinsNetwork } from './twins-network.js'
import { demand } from './violation.js'

export interface Sending {
  readonly to: ValidatorIndex | 'all'
  /** Number of the message (`TwinsNetwork`). */
  readonly message: number
}

export interface Transition {
  readonly next: TwinState
  readonly sends: readonly Sending[]
  /** Blocks prepared by it, and whether a view was entered on a tip, or evidence found. */
  readonly prepared: readonly string[]
  readonly onTip: boolean
  readonly evidence: boolean
}

interface Link {
  readonly block: Block
  readonly certificate: Certificate
}

/** A state of one replica, never changed once it exists. */
export interface TwinState {
  readonly id: number
  readonly core: ForkableConsensus
  readonly view: number
  readonly viewTimerRunning: boolean
  /** Hashes of the committed chain by height, from 1. */
  readonly chain: readonly string[]
  readonly links: readonly Link[]
  /** Own votes of the current view, as "view/height/kind/hash": no honest replica contradicts one (checked). */
  readonly voted: readonly string[]
  readonly transitions: Map<number, Transition>
}

export interface TwinsReplicaOptions {
  readonly index: ValidatorIndex
  /** Tells the proposals of twins apart. */
  readonly name: string
  readonly honest: boolean
  readonly window: number
  readonly validators: ValidatorSet
  /** What certificates are checked against: differs from `validators` only if a bug is planted. */
  readonly trueValidators: ValidatorSet
  readonly network: TwinsNetwork
}

/** Inputs besides messages, in the numbering of transitions. */
const TIMER_INPUT: Readonly<Record<'view' | 'status', number>> = { view: -1, status: -2 }

export class TwinsReplica {
  readonly #options: TwinsReplicaOptions
  readonly #states = new Map<string, TwinState>()
  readonly initial: TwinState
  #nextId = 0
  statesMet = 0
  stepsTaken = 0

  constructor(options: TwinsReplicaOptions) {
    this.#options = options
    const { index, network, validators, window } = options
    const key = idealKey(index)
    const core = createForkableConsensus(
      {
        chainId: network.chainId,
        validators,
        self: index,
        window,
        clockDriftMs: 2_000,
        timers: STAGE_TIMERS,
        sign: (bytes) => idealSign(key, bytes),
      },
      {
        view: 0 as never,
        phase: 'active',
        newView: null,
        viewChange: null,
        votes: [],
        blocks: [],
        highest: null,
        lastCommit: null,
        committed: { height: height(0), hash: network.chainId, timestampMs: 0 },
        recent: [],
      },
    )
    this.initial = this.#meet(core, { chain: [], links: [], voted: [], viewTimerRunning: false })
  }

  get index(): ValidatorIndex {
    return this.#options.index
  }

  get honest(): boolean {
    return this.#options.honest
  }

  /** Forgets all states but these: a round never goes back to those of the one before. */
  keepOnly(states: ReadonlySet<TwinState>): void {
    for (const [key, state] of this.#states) {
      if (states.has(state)) state.transitions.clear()
      else this.#states.delete(key)
    }
  }

  get statesHeld(): number {
    return this.#states.size
  }

  start(state: TwinState): Transition {
    const started = this.#transition(state, -3, { kind: 'start', nowMs: STAGE_NOW_MS })
    const working = this.#transition(started.next, -4, { kind: 'work', waiting: 1_000, full: true, nowMs: STAGE_NOW_MS })
    return { ...working, sends: [...started.sends, ...working.sends] }
  }

  fire(state: TwinState, timer: 'view' | 'status'): Transition {
    return (
      state.transitions.get(TIMER_INPUT[timer]) ??
      this.#transition(state, TIMER_INPUT[timer], { kind: 'timer', timer, nowMs: STAGE_NOW_MS })
    )
  }

  receive(state: TwinState, from: ValidatorIndex, message: number): Transition {
    const input = message * 64 + from
    const known = state.transitions.get(input)
    if (known !== undefined) return known
    return this.#transition(state, input, { kind: 'message', from, message: this.#options.network.checked(message), nowMs: STAGE_NOW_MS })
  }

  #transition(state: TwinState, number: number, input: Input): Transition {
    this.stepsTaken++
    const step = new Step(this.#options, state)
    step.run(input)
    const next = this.#meet(step.core, step)
    const { sends, prepared, onTip, evidence } = step
    const transition = { next, sends, prepared, onTip, evidence }
    state.transitions.set(number, transition)
    return transition
  }

  #meet(core: ForkableConsensus, rest: Pick<TwinState, 'chain' | 'links' | 'voted' | 'viewTimerRunning'>): TwinState {
    const certificates = rest.links.map(({ certificate }) => keyOf(hashCertificate(certificate))).join()
    const text = `${core.fingerprint()}|${rest.viewTimerRunning}|${rest.voted.join()}|${certificates}`
    const key = keyOf(hashTagged('aethel/twins-state/v1', utf8(text))) // a thousand letters, kept by the hundred thousand
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const { chain, links, voted, viewTimerRunning } = rest
    const state = { id: this.#nextId++, core, view: core.view, viewTimerRunning, chain, links, voted, transitions: new Map() }
    this.#states.set(key, state)
    this.statesMet++
    return state
  }
}

/** One input to a fork of a state, and all that follows from it within the replica. */
class Step {
  readonly #options: TwinsReplicaOptions
  readonly core: ForkableConsensus
  viewTimerRunning: boolean
  chain: readonly string[]
  links: readonly Link[]
  voted: readonly string[]
  readonly sends: Sending[] = []
  readonly prepared: string[] = []
  onTip = false
  evidence = false

  constructor(options: TwinsReplicaOptions, state: TwinState) {
    this.#options = options
    this.core = state.core.fork()
    this.viewTimerRunning = state.viewTimerRunning
    this.chain = state.chain
    this.links = state.links
    this.voted = state.voted
  }

  run(input: Input): void {
    const before = this.core.view
    if (input.kind === 'timer' && input.timer === 'view') this.viewTimerRunning = false
    const replies: Input[] = []
    for (const effect of stepChecked(this.core, this.#options.index, input)) this.#onEffect(effect, before, replies)
    const lowest = this.core.view
    this.voted = this.voted.filter((vote) => Number.parseInt(vote, 10) >= lowest)
    for (const reply of replies) this.run(reply)
  }

  #onEffect(effect: Effect, viewBefore: number, replies: Input[]): void {
    switch (effect.kind) {
      case 'send':
        if (this.#options.honest) this.#checkVote(effect.message, viewBefore)
        this.sends.push({ to: effect.to, message: this.#options.network.numberOf(effect.message) })
        return
      case 'serve':
        return this.#serve(effect.to, effect.from)
      case 'commit':
        return this.#onCommit(effect.block, effect.certificate)
      case 'validate':
        replies.push({ kind: 'validated', hash: effect.block.hash, result: toyVerdict(effect.block), nowMs: STAGE_NOW_MS })
        return
      case 'build': {
        const transactions = [toyTransaction(`${this.#options.name}${effect.view}h${effect.height}`)]
        const proposal = { transactions, evidence: [], stateRoot: toyRoot(effect.parent, transactions), totalDifficulty: 0n }
        replies.push({ kind: 'built', height: effect.height, view: effect.view, proposal, nowMs: STAGE_NOW_MS })
        return
      }
      case 'set-timer':
      case 'cancel-timer':
        return this.#onTimer(effect.timer, effect.kind === 'set-timer')
      case 'event':
        if (effect.event.name === 'prepared') this.prepared.push(keyOf(effect.event.hash))
        if (effect.event.name === 'view-entered' && effect.event.base === 'tip') this.onTip = true
        return
      case 'evidence':
        return this.#onOffender(offenceOf(effect.evidence, this.#options.trueValidators).offender)
      case 'persist':
      case 'proposed':
      case 'abandon':
        return // nobody crashes here, and the toy application keeps no states
    }
  }

  #onOffender(offender: ValidatorIndex): void {
    this.evidence = true
    const isHonest = this.#options.network.isHonest(offender)
    demand('no-conflicting-votes', !isHonest, () => `honest validator ${offender} is accused`)
  }

  #onTimer(timer: TimerName, running: boolean): void {
    if (timer === 'view') this.viewTimerRunning = running
  }

  #onCommit(block: Block, certificate: Certificate): void {
    const { index, network, trueValidators } = this.#options
    const { header } = block
    demand('chain-without-gaps', header.height === this.chain.length + 1, () => `validator ${index} skips to height ${header.height}`)
    const parent = this.chain.at(-1) ?? keyOf(network.chainId)
    demand('chain-without-gaps', keyOf(header.parent) === parent, () => `validator ${index} commits a block on another one than its own`)
    if (this.#options.honest) {
      demand(
        'certificate',
        certificate.kind === 'commit' && certificate.height >= header.height,
        () => `validator ${index} commits without a commit certificate`,
      )
      const context = { chainId: network.chainId, validators: trueValidators, verifySignature: verifyIdeal }
      const verdict = verifyCertificate(context, certificate)
      demand('certificate', verdict.ok, () => `validator ${index} commits height ${header.height} on a bad certificate`)
      if (certificate.height === header.height)
        demand(
          'certificate',
          equalBytes(certificate.blockHash, block.hash),
          () => `validator ${index} commits on another block's certificate`,
        )
    }
    this.chain = [...this.chain, keyOf(block.hash)]
    this.links = [...this.links, { block, certificate }]
  }

  /** An honest replica signs one block per view, height and phase, and nothing in a view that it has left. */
  #checkVote(message: Message, viewBefore: number): void {
    const vote = ownVote(message, this.#options.index)
    if (vote === null) return
    const slot = `${vote.view}/${vote.height}/${vote.kind}/`
    const full = slot + toHex(vote.blockHash)
    if (this.voted.includes(full)) return // said again
    const { index } = this.#options
    demand(
      'no-conflicting-votes',
      !this.voted.some((known) => known.startsWith(slot)),
      () => `validator ${index} signed two blocks: ${vote.kind} view ${vote.view} height ${vote.height}`,
    )
    demand('no-vote-after-view-change', vote.view >= viewBefore, () => `validator ${index} votes in view ${vote.view} after leaving it`)
    this.voted = [...this.voted, full].sort()
  }

  #serve(to: ValidatorIndex, from: number): void {
    const links = this.links.slice(from - 1)
    const last = links.findLastIndex(({ block, certificate }) => certificate.height === block.header.height)
    const certificate = links[last]?.certificate
    if (certificate === undefined) return
    const blocks = links.slice(0, last + 1).map(({ block }) => block)
    this.sends.push({ to, message: this.#options.network.numberOf({ kind: 'blocks', blocks, links: [], certificate }) })
  }
}

function ownVote(message: Message, index: ValidatorIndex): Vote | null {
  if (message.kind === 'vote') return message.vote.sender === index ? message.vote : null
  if (message.kind !== 'pre-prepare' || message.sender !== index) return null
  const { epoch, view, block, sender, signature } = message
  return { kind: 'prepare', epoch, view, height: block.header.height, blockHash: block.hash, sender, signature }
}
