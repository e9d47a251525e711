/**
 * What honest validators promise each other (docs/protocol.md §5, §6: R1, R2, R3), checked at the moment a message leaves for
 * somebody, across restarts. Shares nothing with the engine but the data types.
 */
import { equalBytes, type Hash, hasBit, keyOf, type Signature, toHex, type ValidatorIndex } from '@aethel/codec'
import {
  type Ballot,
  type Block,
  type Certificate,
  decodeEvidence,
  type EquivocationEvidence,
  type Message,
  type NewView,
  type Offence,
  offenceKey,
  type ValidatorSet,
  type VerifyAggregate,
  type VerifySignature,
  type Vote,
  voteBytes,
} from '@aethel/consensus'
import { flawOfNewView } from './grounds.js'
import { Kept } from './kept.js'
import { demand } from './violation.js'

export interface PromiseOptions {
  readonly chainId: Hash
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
  /** Heights that may be in flight above the committed one. */
  readonly window: number
  isHonest(index: number): boolean
  /** The hash committed at a height, 0 being genesis; undefined if nobody has. */
  committedAt(height: number): Hash | undefined
  /** Where a chain may have forked: whether anybody has committed this there. */
  isCommittedSomewhere?(height: number, hash: Hash): boolean
}

/** Who voted for what. */
type CastVote = Ballot & Pick<Vote, 'sender'>

/** What the sender's disk holds at the moment it speaks. */
export interface Durable {
  holdsVote(vote: CastVote): boolean
  readonly view: number
  readonly committedHeight: number
  /** Accepted for `view`. */
  readonly newView: NewView | null
}

/** Views and heights of the votes kept per validator; older ones can only be repeated, not contradicted. */
const SLOTS_KEPT = 4_096

interface Shown {
  /** By "view/height/kind": the hash. */
  readonly votes: Map<string, Hash>
  /** By view: the signature, which binds all of it. */
  readonly newViews: Map<number, Signature>
  leftView: number
  /** The highest (view, height) it sent a COMMIT for. */
  committed: { readonly view: number; readonly height: number } | null
}

export class Promises {
  readonly #options: PromiseOptions
  readonly #shown: Shown[]
  /** Honest power behind a PREPARE, by "view/height/hash". */
  readonly #prepared = new Map<string, bigint>()
  readonly #parents = new Map<string, Hash>()
  readonly #faultyPower: bigint
  readonly #kept: Kept
  /** NEW-VIEWs found sound: all who enter a view on one hold the same object, which nobody changes. */
  readonly #sound = new WeakSet<NewView>()
  /** The highest view an honest validator has asked for. */
  #highestView = 0
  checks = 0

  constructor(options: PromiseOptions) {
    this.#options = options
    this.#shown = options.validators.validators.map(() => ({ votes: new Map(), newViews: new Map(), leftView: 0, committed: null }))
    this.#kept = new Kept(
      (hash) => this.#parents.get(keyOf(hash)),
      (height) => options.committedAt(height),
    )
    this.#faultyPower = options.validators.validators.reduce((sum, { power }, index) => (options.isHonest(index) ? sum : sum + power), 0n)
  }

  /** Faulty power beyond a third: what follows from quorums need not hold. */
  get #beyond(): boolean {
    return 3n * this.#faultyPower >= this.#options.validators.totalPower
  }

  /** A body that an honest validator has voted for. */
  knowBlock(block: Block): void {
    this.#parents.set(keyOf(block.hash), block.header.parent)
    forgetOldest(this.#parents)
  }

  /** An honest validator has entered a view on this. */
  onNewView(index: number, message: NewView): void {
    if (this.#beyond) return
    this.checks++
    if (this.#sound.has(message)) return
    const flaw = flawOfNewView(this.#options, message)
    demand('new-view-sound', flaw === null, () => `validator ${index} entered view ${message.newView} on a NEW-VIEW with ${flaw}`)
    this.#sound.add(message)
    // What its leader makes may still be lost with the view it was in; whoever else enters a view on it has it from a disk.
    if (index === message.sender) return void this.#sound.delete(message)
    this.#demandKept(this.#kept.flawOfNewView(message))
  }

  /** Committed, for good, by somebody honest. */
  onCommitted(certificate: Certificate): void {
    if (!this.#beyond) this.#demandKept(this.#kept.flawOfCommit(certificate))
  }

  #demandKept(flaw: string | null): void {
    demand('committed-is-kept', flaw === null, () => flaw ?? '')
  }

  /** An honest validator shows a message to somebody. */
  onSend(index: number, message: Message, durable: Durable): void {
    if (!this.#options.isHonest(index)) return
    this.checks++
    switch (message.kind) {
      case 'vote':
        if (message.vote.sender === index) this.#onOwnVote(index, message.vote, durable)
        return
      case 'sum':
        return this.#onOwnShare(index, message.sum, durable)
      case 'certificate':
        return this.#onOwnShare(index, message.certificate, durable)
      case 'pre-prepare':
      case 'compact-pre-prepare':
        if (message.sender === index) {
          const { epoch, view, sender } = message
          const { header, hash } = message.kind === 'pre-prepare' ? message.block : message
          this.#onOwnVote(index, { kind: 'prepare', epoch, view, height: header.height, blockHash: hash, sender }, durable)
        }
        return
      case 'view-change':
        if (message.entry.sender === index) this.#onOwnViewChange(index, message, durable)
        return
      case 'new-view':
        if (message.sender === index) this.#onOwnNewView(index, message, durable)
        return
      case 'view-claim':
        demand(
          'view-monotone',
          message.view >= Math.max(durable.view, this.#shownBy(index).leftView),
          () => `validator ${index} claims to be in view ${message.view}, and has asked for or entered a higher one`,
        )
        return
      case 'status':
      case 'fetch':
      case 'blocks':
      case 'block':
      case 'evidence':
        return
    }
  }

  /** What is added up shows the votes in it, that of who sends it among them. */
  #onOwnShare(index: number, sum: Certificate, durable: Durable): void {
    if (hasBit(sum.signers, index)) this.#onOwnVote(index, { ...sum, sender: index as ValidatorIndex }, durable)
  }

  #shownBy(index: number): Shown {
    return this.#shown[index] as Shown
  }

  #onOwnViewChange(index: number, message: Extract<Message, { kind: 'view-change' }>, durable: Durable): void {
    const { newView, highest } = message.entry
    const shown = this.#shownBy(index)
    demand('sent-implies-durable', durable.view >= newView, () => `validator ${index} sent VIEW-CHANGE ${newView} before it was durable`)
    demand(
      'view-backed',
      this.#beyond || newView <= this.#highestView + 1,
      () => `validator ${index} asks for view ${newView}, but no honest one has asked for more than ${this.#highestView}`,
    )
    const { committed } = shown
    demand(
      'highest-covers-commits',
      committed === null ||
        committed.view >= newView ||
        (highest !== null && (highest.view - committed.view || highest.height - committed.height) >= 0),
      () =>
        `validator ${index} sent COMMIT for view ${committed?.view} height ${committed?.height}, and now names ${highest === null ? 'nothing' : `view ${highest.view} height ${highest.height}`} as its highest certificate`,
    )
    shown.leftView = Math.max(shown.leftView, newView)
    this.#highestView = Math.max(this.#highestView, newView)
  }

  #onOwnNewView(index: number, message: NewView, durable: Durable): void {
    const { newView, signature } = message
    demand('sent-implies-durable', durable.view >= newView, () => `validator ${index} sent NEW-VIEW ${newView} before it was durable`)
    const { newViews } = this.#shownBy(index)
    const before = newViews.get(newView)
    demand(
      'new-view-sound',
      before === undefined || equalBytes(before, signature),
      () => `validator ${index} sent two different NEW-VIEWs for view ${newView}`,
    )
    newViews.set(newView, signature)
    forgetOldest(newViews)
  }

  #onOwnVote(index: number, vote: CastVote, durable: Durable): void {
    const shown = this.#shownBy(index)
    const key = `${vote.view}/${vote.height}/${vote.kind}`
    const before = shown.votes.get(key)
    if (before !== undefined) {
      demand(
        'no-conflicting-votes',
        equalBytes(before, vote.blockHash),
        () => `validator ${index} signed two blocks: ${vote.kind} view ${vote.view} height ${vote.height}`,
      )
      return
    }
    demand(
      'no-vote-after-view-change',
      vote.view >= shown.leftView,
      () => `validator ${index} cast a ${vote.kind} in view ${vote.view} after leaving it`,
    )
    demand(
      'no-vote-after-view-change',
      vote.view === durable.view && (vote.view === 0 || durable.newView !== null),
      () => `validator ${index} cast a ${vote.kind} in view ${vote.view}, and stands in view ${durable.view}`,
    )
    demand(
      'sent-implies-durable',
      durable.holdsVote(vote),
      () => `validator ${index} sent a ${vote.kind} of height ${vote.height} before it was durable`,
    )
    if (vote.kind === 'prepare') this.#onPrepare(index, vote, durable)
    else this.#onCommit(index, vote)
    shown.votes.set(key, vote.blockHash)
    forgetOldest(shown.votes)
  }

  #onPrepare(index: number, vote: CastVote, durable: Durable): void {
    const key = `${vote.view}/${vote.height}/${keyOf(vote.blockHash)}`
    this.#prepared.set(key, (this.#prepared.get(key) ?? 0n) + (this.#options.validators.validators[index]?.power ?? 0n))
    forgetOldest(this.#prepared)
    demand(
      'within-window',
      vote.height <= durable.committedHeight + this.#options.window || isTip(vote, durable),
      () => `validator ${index} sent PREPARE for height ${vote.height}, having committed ${durable.committedHeight}`,
    )
    demand(
      'one-chain-per-view',
      this.#standsWell(index, vote, durable),
      () => `validator ${index} sent PREPARE for height ${vote.height} of view ${vote.view} off the chain of that view`,
    )
  }

  /** The tip that NEW-VIEW prescribes; or else a child of its own PREPARE one below, of a committed block, or of the base. */
  #standsWell(index: number, vote: CastVote, durable: Durable): boolean {
    const base = durable.view === vote.view ? (durable.newView?.certificate ?? null) : null
    if (base !== null && base.kind === 'prepare') {
      if (vote.height < base.height) return false
      if (vote.height === base.height) return equalBytes(vote.blockHash, base.blockHash)
    }
    if (base !== null && base.kind === 'commit' && vote.height <= base.height) return false
    const parent = this.#parents.get(keyOf(vote.blockHash))
    if (parent === undefined) return true // forgotten: too long ago
    const below = this.#shownBy(index).votes.get(`${vote.view}/${vote.height - 1}/prepare`)
    if (below !== undefined && equalBytes(parent, below)) return true
    if (this.#options.isCommittedSomewhere?.(vote.height - 1, parent) === true) return true
    const committed = vote.height - 1 <= durable.committedHeight ? this.#options.committedAt(vote.height - 1) : undefined
    if (committed !== undefined && equalBytes(parent, committed)) return true
    return below === undefined && base !== null && base.height === vote.height - 1 && equalBytes(parent, base.blockHash)
  }

  #onCommit(index: number, vote: CastVote): void {
    const power = (this.#prepared.get(`${vote.view}/${vote.height}/${keyOf(vote.blockHash)}`) ?? 0n) + this.#faultyPower
    demand(
      'commit-is-prepared',
      3n * power > 2n * this.#options.validators.totalPower,
      () => `validator ${index} sent COMMIT for height ${vote.height} of view ${vote.view} without a quorum of PREPAREs`,
    )
    const shown = this.#shownBy(index)
    const { committed } = shown
    if (committed === null || (vote.view - committed.view || vote.height - committed.height) > 0) shown.committed = vote
  }

  /** Nobody honest is accused, whatever the faulty make up; what is shown of a pair of votes is checked again. */
  onOffence(offence: Offence, bytes: Uint8Array | null): void {
    const decoded = bytes === null ? null : decodeEvidence(bytes)
    if (decoded?.ok === true && decoded.value.evidence.type === 'equivocation') this.#onPair(decoded.value.evidence)
    demand(
      'evidence-sound',
      (decoded === null || decoded.ok) && !this.#options.isHonest(offence.offender),
      () => `honest validator ${offence.offender} is accused: ${offenceKey(offence)}`,
    )
  }

  #onPair({ first, second }: EquivocationEvidence): void {
    const { validators, chainId, verifySignature } = this.#options
    const accused = validators.validators[first.sender]
    demand('evidence-sound', accused !== undefined && first.sender === second.sender, () => 'evidence names two validators, or none')
    const sameSlot =
      first.kind === second.kind && first.epoch === second.epoch && first.view === second.view && first.height === second.height
    demand(
      'evidence-sound',
      sameSlot && !equalBytes(first.blockHash, second.blockHash),
      () => `evidence against ${first.sender} holds votes that do not conflict`,
    )
    for (const vote of [first, second]) {
      demand(
        'evidence-sound',
        verifySignature(accused.publicKey, voteBytes(chainId, vote), vote.signature),
        () => `evidence against ${first.sender} holds a signature that is not its own`,
      )
    }
    demand(
      'evidence-sound',
      !this.#options.isHonest(first.sender),
      () =>
        `honest validator ${first.sender} is accused: ${first.kind} view ${first.view} height ${first.height}, ${toHex(first.blockHash).slice(0, 12)} and ${toHex(second.blockHash).slice(0, 12)}`,
    )
  }
}

/** The block that NEW-VIEW prescribes may lie further ahead of who is behind. */
function isTip(vote: CastVote, { view, newView }: Durable): boolean {
  return view !== vote.view || (newView?.certificate?.kind === 'prepare' && newView.certificate.height === vote.height)
}

function forgetOldest<K, V>(map: Map<K, V>): void {
  if (map.size <= SLOTS_KEPT) return
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
