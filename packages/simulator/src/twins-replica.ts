/**
 * One replica of the exploration of twins (docs/twins.md): an unmodified core that can be copied, what it has said and committed,
 * and what is checked at each of its steps. A state is never changed once it exists; an actor is a copy that a view is played with.
 */
import { equalBytes, type Hash, height, keyOf, type ValidatorIndex } from '@aethel/codec'
import {
  type Ballot,
  type Block,
  type Certificate,
  createForkableConsensus,
  type Effect,
  type EssenceContext,
  type ForkableConsensus,
  hashCertificate,
  type Input,
  type Message,
  offenceOf,
  type TimerName,
  type ValidatorSet,
  type Vote,
  type VoteKind,
  verifyCertificate,
} from '@aethel/consensus'
import { idealKey, idealSign, verifyIdeal } from './ideal-hash-signatures.js'
import { STAGE_NOW_MS, STAGE_TIMERS } from './stage.js'
import { stepChecked } from './step-checked.js'
import { toyRoot, toyTransaction, toyVerdict } from './toy-application.js'
import type { TwinsNetwork } from './twins-network.js'
import { demand } from './violation.js'

export interface Sending {
  readonly to: ValidatorIndex | 'all'
  /** Number of the message (`TwinsNetwork`). */
  readonly message: number
}

interface Link {
  readonly block: Block
  readonly certificate: Certificate
}

interface Voted {
  readonly kind: VoteKind
  readonly view: number
  readonly height: number
  readonly hash: Hash
}

/** A state of one replica. */
export interface TwinState {
  readonly core: ForkableConsensus
  readonly viewTimerRunning: boolean
  /** Hashes of the committed chain by height, from 1. */
  readonly chain: readonly string[]
  readonly links: readonly Link[]
  /** Own votes of the current view: no honest replica contradicts one (checked). */
  readonly voted: readonly Voted[]
  /** The highest (view, height) it has sent a COMMIT for: every later VIEW-CHANGE of it names one as high (checked). */
  readonly promised: Ballot | null
}

/** All of a state, in its order: equal only if nothing at all differs. */
export function wholeOf({ core, viewTimerRunning, links, voted, promised }: TwinState): string {
  const certificates = links.map(({ certificate }) => keyOf(hashCertificate(certificate))).join()
  const votes = voted.map(({ kind, view, height: at, hash }) => `${kind}${view}/${at}${keyOf(hash)}`).join()
  return `${core.fingerprint()}|${viewTimerRunning}|${votes}|${certificates}|${promised?.view}/${promised?.height}`
}

/** What of a state can still be read (docs/twins.md, "When two states are one"). */
export function essenceOf({ core, viewTimerRunning, links, voted, promised }: TwinState, context: EssenceContext): string {
  const { nameOf, ground } = context
  const chain = links
    .slice(ground) // what all have is asked of nobody
    .map(({ block, certificate }) => `${nameOf(block.hash)}@${certificate.view}/${certificate.height - ground}`)
    .join()
  const votes = core.isSpent ? '' : voted.map(({ kind, view, height, hash }) => `${kind}${view}/${height - ground}${nameOf(hash)}`).join()
  const bound = promised === null ? '-' : `${promised.view}/${promised.height - ground}`
  return `${core.essence(context)}|${viewTimerRunning}|${votes}|${chain}|${bound}`
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

export class TwinsReplica {
  readonly #options: TwinsReplicaOptions
  readonly initial: TwinState

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
    this.initial = { core, viewTimerRunning: false, chain: [], links: [], voted: [], promised: null }
  }

  get index(): ValidatorIndex {
    return this.#options.index
  }

  get honest(): boolean {
    return this.#options.honest
  }

  actor(from: TwinState): TwinActor {
    return new TwinActor(this.#options, from)
  }
}

/** A replica while a view is played. */
export class TwinActor {
  readonly #options: TwinsReplicaOptions
  readonly #core: ForkableConsensus
  #viewTimerRunning: boolean
  #chain: readonly string[]
  #links: readonly Link[]
  #voted: readonly Voted[]
  #promised: Ballot | null
  /** What the NEW-VIEW of the view it is in prescribes. */
  #base: { readonly view: number; readonly certificate: Certificate | null } | null = null
  #sends: Sending[] = []
  /** Blocks it has prepared, and whether it entered a view on a tip, or found evidence. */
  readonly prepared: string[] = []
  onTip = false
  evidence = false
  steps = 0

  constructor(options: TwinsReplicaOptions, from: TwinState) {
    this.#options = options
    this.#core = from.core.fork()
    this.#viewTimerRunning = from.viewTimerRunning
    this.#chain = from.chain
    this.#links = from.links
    this.#voted = from.voted
    this.#promised = from.promised
  }

  get state(): TwinState {
    return {
      core: this.#core,
      viewTimerRunning: this.#viewTimerRunning,
      chain: this.#chain,
      links: this.#links,
      voted: this.#voted,
      promised: this.#promised,
    }
  }

  get viewTimerRunning(): boolean {
    return this.#viewTimerRunning
  }

  start(): readonly Sending[] {
    this.#run({ kind: 'start', nowMs: STAGE_NOW_MS })
    return this.#told({ kind: 'work', waiting: 1_000, full: true, nowMs: STAGE_NOW_MS })
  }

  fire(timer: 'view' | 'status'): readonly Sending[] {
    return this.#told({ kind: 'timer', timer, nowMs: STAGE_NOW_MS })
  }

  receive(from: ValidatorIndex, message: number): readonly Sending[] {
    return this.#told({ kind: 'message', from, message: this.#options.network.checked(message), nowMs: STAGE_NOW_MS })
  }

  #told(input: Input): readonly Sending[] {
    this.#run(input)
    const sends = this.#sends
    this.#sends = []
    return sends
  }

  /** One input, and all that follows from it within the replica. */
  #run(input: Input): void {
    this.steps++
    const before = this.#core.view
    if (input.kind === 'timer' && input.timer === 'view') this.#viewTimerRunning = false
    const replies: Input[] = []
    for (const effect of stepChecked(this.#core, this.#options.index, input)) this.#onEffect(effect, before, replies)
    const lowest = this.#core.view
    if (lowest !== before) this.#voted = this.#voted.filter(({ view }) => view >= lowest)
    for (const reply of replies) this.#run(reply)
  }

  #onEffect(effect: Effect, viewBefore: number, replies: Input[]): void {
    switch (effect.kind) {
      case 'send':
        if (this.#options.honest) this.#checkPromises(effect.message, viewBefore)
        this.#sends.push({ to: effect.to, message: this.#options.network.numberOf(effect.message) })
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
      case 'persist': // nobody crashes here
        for (const record of effect.records)
          if (record.kind === 'view' && record.newView !== null) this.#base = { view: record.view, certificate: record.newView.certificate }
        return
      case 'fork':
        return demand('agreement', false, () => `validator ${this.#options.index} has seen two blocks committed at height ${effect.height}`)
      case 'proposed':
      case 'abandon':
        return // the toy application keeps no states
    }
  }

  #onOffender(offender: ValidatorIndex): void {
    this.evidence = true
    const isHonest = this.#options.network.isHonest(offender)
    demand('no-conflicting-votes', !isHonest, () => `honest validator ${offender} is accused`)
  }

  #onTimer(timer: TimerName, running: boolean): void {
    if (timer === 'view') this.#viewTimerRunning = running
  }

  #onCommit(block: Block, certificate: Certificate): void {
    const { index, network, trueValidators } = this.#options
    const { header } = block
    demand('chain-without-gaps', header.height === this.#chain.length + 1, () => `validator ${index} skips to height ${header.height}`)
    const parent = this.#chain.at(-1) ?? keyOf(network.chainId)
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
    this.#chain = [...this.#chain, keyOf(block.hash)]
    this.#links = [...this.#links, { block, certificate }]
  }

  #checkPromises(message: Message, viewBefore: number): void {
    const { index } = this.#options
    if (message.kind === 'view-change' && message.entry.sender === index) return this.#checkHighest(message.entry)
    const vote = ownVote(message, index)
    if (vote !== null) this.#checkVote(vote, viewBefore)
  }

  /** It names a certificate at least as high as every COMMIT it has sent (docs/protocol.md §6). */
  #checkHighest({ newView, highest }: { readonly newView: number; readonly highest: Ballot | null }): void {
    const promised = this.#promised
    demand(
      'highest-covers-commits',
      promised === null || promised.view >= newView || (highest !== null && !isHigher(promised, highest)),
      () => `validator ${this.#options.index} names less in its VIEW-CHANGE for view ${newView} than it has sent a COMMIT for`,
    )
  }

  /** An honest replica signs one block per view, height and phase, nothing in a view that it has left, and what NEW-VIEW prescribes. */
  #checkVote(vote: Vote, viewBefore: number): void {
    const { kind, view, height: at, blockHash } = vote
    const known = this.#voted.find((each) => each.kind === kind && each.view === view && each.height === at)
    if (known !== undefined && equalBytes(known.hash, vote.blockHash)) return // said again
    const { index } = this.#options
    demand(
      'no-conflicting-votes',
      known === undefined,
      () => `validator ${index} signed two blocks: ${vote.kind} view ${vote.view} height ${vote.height}`,
    )
    demand('no-vote-after-view-change', vote.view >= viewBefore, () => `validator ${index} votes in view ${vote.view} after leaving it`)
    if (vote.kind === 'prepare') this.#checkBase(vote)
    else if (this.#promised === null || isHigher(vote, this.#promised)) this.#promised = vote
    this.#voted = [...this.#voted, { kind, view, height: at, hash: blockHash }].sort(inOrder)
  }

  /** In a view that begins with a tip, the tip itself comes first; nothing is voted for below what the view begins with. */
  #checkBase(vote: Vote): void {
    const certificate = this.#base?.view === vote.view ? this.#base.certificate : null
    if (certificate === null) return
    const { kind, height: at, blockHash } = certificate
    const fits = vote.height > at || (kind === 'prepare' && vote.height === at && equalBytes(vote.blockHash, blockHash))
    demand(
      'one-chain-per-view',
      fits,
      () =>
        `validator ${this.#options.index} sent PREPARE for height ${vote.height} of view ${vote.view}, off what its NEW-VIEW prescribes`,
    )
  }

  #serve(to: ValidatorIndex, from: number): void {
    const links = this.#links.slice(from - 1)
    const last = links.findLastIndex(({ block, certificate }) => certificate.height === block.header.height)
    const certificate = links[last]?.certificate
    if (certificate === undefined) return
    const blocks = links.slice(0, last + 1).map(({ block }) => block)
    this.#sends.push({ to, message: this.#options.network.numberOf({ kind: 'blocks', blocks, links: [], certificate }) })
  }
}

function inOrder(a: Voted, b: Voted): number {
  return a.view - b.view || a.height - b.height || (a.kind < b.kind ? -1 : 1)
}

function isHigher(a: Ballot, b: Ballot): boolean {
  return a.view > b.view || (a.view === b.view && a.height > b.height)
}

function ownVote(message: Message, index: ValidatorIndex): Vote | null {
  if (message.kind === 'vote') return message.vote.sender === index ? message.vote : null
  if (message.kind !== 'pre-prepare' || message.sender !== index) return null
  const { epoch, view, block, sender, signature } = message
  return { kind: 'prepare', epoch, view, height: block.header.height, blockHash: block.hash, sender, signature }
}
