/**
 * What the faulty validators of a run share: everything any of them has seen, and each other's keys. They can sign as any
 * of themselves and as nobody else. Memory is bounded; a message forgotten is a lie not told.
 */
import {
  assert,
  BLS_SIGNATURE_BYTES,
  type BlsSignature,
  blsSignature,
  concatBytes,
  type Epoch,
  type Hash,
  type Height,
  height,
  keyOf,
  epoch as nextEpoch,
  type Signature,
  type ValidatorIndex,
  type View,
} from '@aethel/codec'
import {
  type Ballot,
  type Block,
  ballotBytes,
  type Certificate,
  compareCertificates,
  type Message,
  type NewView,
  newViewBytes,
  type PrePrepare,
  proposalOf,
  type Status,
  statusBytes,
  type ValidatorSet,
  type ViewChange,
  type ViewChangeEntry,
  type ViewClaim,
  type Vote,
  viewChangeBytes,
  viewClaimBytes,
  voteBytes,
} from '@aethel/consensus'
import type { Liar, SimulatedApplication } from '../application.js'
import type { Random } from '../random.js'
import type { SimulatedShares } from '../shares.js'

const MAX_BLOCKS = 512
const MAX_CERTIFICATES = 64
const MAX_VOTES = 256
const MAX_VIEWS = 8
/** Of votes that they make up on a chain of BLS certificates. */
const BAD_SHARE_CHANCE = 0.3

export interface ConspiracyOptions {
  readonly application: Pick<SimulatedApplication, 'chainId' | 'genesis' | 'liar'>
  validators(): ValidatorSet
  readonly members: readonly ValidatorIndex[]
  /** Whom a position in the newest set is: validators come, go and change places. */
  nodeAt(position: ValidatorIndex): ValidatorIndex
  readonly random: Random
  sign(member: ValidatorIndex, bytes: Uint8Array): Signature
  /** Null: certificates are lists of signatures, and votes have no shares. */
  readonly shares: SimulatedShares | null
  /** Anybody's key, for what is signed outside of this chain and epoch. */
  signAbroad(signer: ValidatorIndex, bytes: Uint8Array): Signature
}

export class Conspiracy {
  readonly #options: ConspiracyOptions
  /** By `keyOf(hash)`. */
  readonly blocks: Map<string, Block> = new Map()
  readonly certificates: Certificate[] = []
  readonly votes: Vote[] = []
  /** The VIEW-CHANGEs heard, by the view they ask for. */
  readonly viewChanges: Map<View, Map<ValidatorIndex, ViewChange>> = new Map()
  /** The second block of a split slot, by `keyOf` the first one's hash. */
  readonly rivals: Map<string, Block> = new Map()
  /** Which of two worlds a validator is shown. */
  readonly side: readonly (0 | 1)[]
  highestView = 0
  highestHeight = 0
  #epoch: Epoch | null = null
  #voteAt = 0

  constructor(options: ConspiracyOptions) {
    this.#options = options
    this.side = drawSides(options)
  }

  get validators(): ValidatorSet {
    return this.#options.validators()
  }

  get members(): readonly ValidatorIndex[] {
    return this.#options.members
  }

  /** What blocks they can make. */
  get liar(): Liar {
    return this.#options.application.liar
  }

  isMember(index: number): boolean {
    return this.#options.members.includes(index as ValidatorIndex)
  }

  nodeAt(position: ValidatorIndex): ValidatorIndex {
    return this.#options.nodeAt(position)
  }

  // --- what is known ------------------------------------------------------------------------------------------------

  learn(message: Message): void {
    this.#followEpoch()
    switch (message.kind) {
      case 'pre-prepare':
        this.#sawView(message.view, message.epoch)
        return this.#learnBlock(message.block)
      case 'vote':
        this.#sawView(message.vote.view, message.vote.epoch)
        return this.#learnVote(message.vote)
      case 'certificate':
        return this.#learnCertificate(message.certificate)
      case 'view-change':
        this.#learnViewChange(message)
        return this.#learnCertificate(message.certificate)
      case 'new-view':
        this.#sawView(message.newView, message.epoch)
        return this.#learnCertificate(message.certificate)
      case 'blocks':
        for (const block of message.blocks) this.#learnBlock(block)
        return this.#learnCertificate(message.certificate)
      case 'block':
        return this.#learnBlock(message.block)
      case 'status':
      case 'fetch':
      case 'evidence':
        return
    }
  }

  /** Views begin anew in each epoch: what was the next one in the epoch before is far off in this one. */
  #followEpoch(): void {
    const { epoch } = this.validators
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.highestView = 0
    this.viewChanges.clear()
  }

  #sawView(at: View, epoch: Epoch): void {
    if (epoch === this.#epoch && at > this.highestView) this.highestView = at
  }

  #learnBlock(block: Block): void {
    const key = keyOf(block.hash)
    if (this.blocks.has(key)) return
    this.blocks.set(key, block)
    dropOldest(this.blocks, MAX_BLOCKS)
    if (block.header.height > this.highestHeight) this.highestHeight = block.header.height
    this.#learnCertificate(block.body.lastCertificate)
  }

  #learnVote(vote: Vote): void {
    this.votes[this.#voteAt++ % MAX_VOTES] = vote
  }

  #learnCertificate(certificate: Certificate | null): void {
    if (certificate === null || this.certificates.some((known) => compareCertificates(known, certificate) === 0)) return
    this.certificates.push(certificate)
    if (this.certificates.length > MAX_CERTIFICATES) this.certificates.shift()
  }

  #learnViewChange(message: ViewChange): void {
    const { newView, sender, epoch } = message.entry
    if (epoch !== this.#epoch) return
    let known = this.viewChanges.get(newView)
    if (known === undefined) {
      known = new Map()
      this.viewChanges.set(newView, known)
      dropOldest(this.viewChanges, MAX_VIEWS)
    }
    known.set(sender, message)
  }

  /** The state root below a block; undefined if its parent was never seen. */
  rootBelow(block: Block): Hash | undefined {
    if (block.header.height === 1) return this.#options.application.genesis.stateRoot
    return this.blocks.get(keyOf(block.header.parent))?.header.stateRoot
  }

  /** A block seen at this height, the newest. */
  blockAt(at: number): Block | undefined {
    let found: Block | undefined
    for (const block of this.blocks.values()) if (block.header.height === at) found = block
    return found
  }

  // --- signing ------------------------------------------------------------------------------------------------------

  vote(sender: ValidatorIndex, ballot: Ballot): Vote {
    const { kind, epoch, view, height: at, blockHash } = ballot
    const about = { kind, epoch, view, height: at, blockHash }
    const { chainId } = this.#options.application
    const { shares, random } = this.#options
    if (shares === null) return this.#signed(sender, about)
    const share = random.chance(BAD_SHARE_CHANCE)
      ? this.#badShare(sender, about)
      : shares.schemeOf(sender).sign(ballotBytes(chainId, about))
    return this.#signed(sender, { ...about, share })
  }

  /** The same vote with a share that proves nothing, signed by its sender; on a chain without shares, as it is. */
  spoiledVote(vote: Vote): Vote {
    return vote.share === undefined ? vote : this.#signed(vote.sender, { ...ballotOf(vote), share: this.#badShare(vote.sender, vote) })
  }

  /** No signature at all, or a good one of another block, or somebody else's. */
  #badShare(sender: ValidatorIndex, ballot: Ballot): BlsSignature {
    const { shares, random, application, members } = this.#options
    assert(shares !== null, 'shares are spoiled where there are some')
    const other = members.find((member) => member !== sender)
    const bytes = ballotBytes(application.chainId, ballot)
    switch (random.below(3)) {
      case 0:
        return blsSignature(new Uint8Array(BLS_SIGNATURE_BYTES))
      case 1:
        if (other !== undefined) return shares.schemeOf(other).sign(bytes)
        return shares.schemeOf(sender).sign(concatBytes(bytes, bytes))
      default:
        return shares.schemeOf(sender).sign(ballotBytes(application.chainId, { ...ballot, height: height(ballot.height + 1) }))
    }
  }

  #signed(sender: ValidatorIndex, fields: Ballot & Pick<Vote, 'share'>): Vote {
    return { ...fields, sender, signature: this.#options.sign(sender, voteBytes(this.#options.application.chainId, fields)) }
  }

  /** An honest validator's vote on another chain or in another epoch, told as if it were of this one. */
  voteAbroad(sender: ValidatorIndex, ballot: Ballot, where: 'chain' | 'epoch'): Vote {
    const fields = ballotOf(ballot)
    const chainId = where === 'chain' ? this.validators.hash : this.#options.application.chainId
    const bytes = ballotBytes(chainId, where === 'epoch' ? { ...fields, epoch: nextEpoch(ballot.epoch + 1) } : fields)
    const { shares } = this.#options
    if (shares === null) return { ...fields, sender, signature: this.#options.signAbroad(sender, bytes) }
    const share = shares.schemeOf(sender).sign(bytes)
    return { ...fields, share, sender, signature: this.#options.signAbroad(sender, concatBytes(bytes, share)) }
  }

  prePrepare(sender: ValidatorIndex, view: View, block: Block): PrePrepare {
    const { epoch, height: at } = block.header
    return proposalOf(this.vote(sender, { kind: 'prepare', epoch, view, height: at, blockHash: block.hash }), block)
  }

  entry(fields: Omit<ViewChangeEntry, 'signature'>): ViewChangeEntry {
    return { ...fields, signature: this.#options.sign(fields.sender, viewChangeBytes(this.#options.application.chainId, fields)) }
  }

  /** A VIEW-CHANGE that claims this certificate, or none. */
  viewChange(sender: ValidatorIndex, newView: View, certificate: Certificate | null, committedHeight: Height = height(0)): ViewChange {
    const highest = certificate === null ? null : ballotOf(certificate)
    const entry = this.entry({ epoch: this.validators.epoch, newView, highest, committedHeight, sender })
    return { kind: 'view-change', entry, certificate }
  }

  newView(sender: ValidatorIndex, newView: View, viewChanges: readonly ViewChangeEntry[], certificate: Certificate | null): NewView {
    const fields = { kind: 'new-view' as const, epoch: this.validators.epoch, newView, viewChanges, certificate, sender }
    return { ...fields, signature: this.#options.sign(sender, newViewBytes(this.#options.application.chainId, fields)) }
  }

  status(fields: Omit<Status, 'signature'>): Status {
    return { ...fields, signature: this.#options.sign(fields.sender, statusBytes(this.#options.application.chainId, fields)) }
  }

  viewClaim(fields: Omit<ViewClaim, 'signature'>): ViewClaim {
    return { ...fields, signature: this.#options.sign(fields.sender, viewClaimBytes(this.#options.application.chainId, fields)) }
  }
}

/** The honest ones in two halves, drawn. */
function drawSides({ validators, members, random }: ConspiracyOptions): (0 | 1)[] {
  const sides = validators().validators.map((): 0 | 1 => 0)
  const left = validators().validators.flatMap((_, index) => (members.includes(index as ValidatorIndex) ? [] : [index]))
  for (let half = left.length >> 1; half > 0; half--) {
    const [chosen] = left.splice(random.below(left.length), 1)
    if (chosen !== undefined) sides[chosen] = 1
  }
  return sides
}

export function ballotOf({ kind, epoch, view, height: at, blockHash }: Ballot): Ballot {
  return { kind, epoch, view, height: at, blockHash }
}

function dropOldest<K, V>(map: Map<K, V>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return
    map.delete(key)
  }
}
