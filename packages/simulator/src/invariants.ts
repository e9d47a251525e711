/**
 * What must hold after every event, checked by code that shares nothing with the engine but the data types. A broken one
 * ends the run with its name; the seed replays it.
 */
import { equalBytes, type Hash, hasBit, toHex } from '@aethel/codec'
import {
  type Block,
  ballotBytes,
  type Certificate,
  type Header,
  hashHeader,
  type Message,
  type ValidatorSet,
  type VerifySignature,
  type Vote,
} from '@aethel/consensus'

export type InvariantName =
  | 'agreement'
  | 'chain-without-gaps'
  | 'certificate'
  | 'no-conflicting-votes'
  | 'no-vote-after-view-change'
  | 'sent-implies-durable'
  | 'view-monotone'
  | 'state-root'
  | 'validity'
  | 'exactly-once'
  | 'bounded-buffers'
  | 'no-crash'
  | 'liveness'

export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: InvariantName
  constructor(invariant: InvariantName, message: string) {
    super(message)
    this.invariant = invariant
  }
}

export function demand(invariant: InvariantName, condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(invariant, message())
}

export interface InvariantOptions {
  readonly chainId: Hash
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
  isValidTransaction(bytes: Uint8Array): boolean
  isHonest(index: number): boolean
}

/** Evidence beyond one event: what was committed where, what honest keys have signed and shown. */
export class Invariants {
  readonly #options: InvariantOptions
  /** Position i holds the header of height i + 1, whoever committed it first. */
  readonly #chain: { readonly hash: Hash; readonly header: Header }[] = []
  readonly #committedTransactions = new Map<string, number>()
  readonly #shownVotes = new Map<string, Hash>()
  readonly #leftView: number[] = []
  checks = 0

  constructor(options: InvariantOptions) {
    this.#options = options
  }

  get height(): number {
    return this.#chain.length
  }

  /** `index` hands a block to its application. */
  onCommit(index: number, previousHeight: number, block: Block, certificate: Certificate, root: Hash): void {
    this.checks++
    const { header } = block
    demand(
      'chain-without-gaps',
      header.height === previousHeight + 1,
      () => `validator ${index} committed height ${header.height} after ${previousHeight}`,
    )
    demand('state-root', equalBytes(root, header.stateRoot), () => `validator ${index} has another state root at height ${header.height}`)
    const known = this.#chain[header.height - 1]
    if (known !== undefined) {
      demand(
        'agreement',
        equalBytes(known.hash, block.hash),
        () => `two blocks committed at height ${header.height}: ${short(known.hash)} and ${short(block.hash)} (validator ${index})`,
      )
    } else {
      this.#firstCommit(block)
    }
    this.#checkCertificate(block, certificate)
  }

  #firstCommit(block: Block): void {
    const { header } = block
    const parent = this.#chain.at(-1)
    const expected = parent === undefined ? this.#options.chainId : parent.hash
    demand(
      'chain-without-gaps',
      equalBytes(header.parent, expected),
      () => `the block of height ${header.height} does not extend the one below`,
    )
    demand('agreement', equalBytes(block.hash, hashHeader(header)), () => `the hash of height ${header.height} is not its header's`)
    for (const bytes of block.body.transactions) {
      demand(
        'validity',
        this.#options.isValidTransaction(bytes),
        () => `height ${header.height} holds a transaction whose proof does not verify`,
      )
      const key = toHex(bytes)
      const before = this.#committedTransactions.get(key)
      demand('exactly-once', before === undefined, () => `a transaction was ordered at heights ${before} and ${header.height}`)
      this.#committedTransactions.set(key, header.height)
    }
    this.#chain.push({ hash: block.hash, header })
  }

  isCommitted(bytes: Uint8Array): boolean {
    return this.#committedTransactions.has(toHex(bytes))
  }

  /** Independent of `verifyCertificate`: counts distinct signers with good signatures and weighs them. */
  #checkCertificate(block: Block, certificate: Certificate): void {
    const { validators, verifySignature, chainId } = this.#options
    demand('certificate', certificate.kind === 'commit', () => 'a block was committed on a prepare certificate')
    demand('certificate', certificate.height >= block.header.height, () => 'a block was committed on a certificate of an ancestor')
    if (certificate.height === block.header.height) {
      demand(
        'certificate',
        equalBytes(certificate.blockHash, block.hash),
        () => `the certificate of height ${block.header.height} names another block`,
      )
    }
    const message = ballotBytes(chainId, certificate)
    let power = 0n
    let position = 0
    for (let index = 0; index < validators.validators.length; index++) {
      if (!hasBit(certificate.signers, index)) continue
      const validator = validators.validators[index]
      const signature = certificate.signatures[position++]
      if (validator === undefined || signature === undefined) break
      demand(
        'certificate',
        verifySignature(validator.publicKey, message, signature),
        () => `a certificate of height ${certificate.height} holds a bad signature`,
      )
      power += validator.power
    }
    demand('certificate', position === certificate.signatures.length, () => 'a certificate has more signatures than signers')
    demand(
      'certificate',
      power * 3n > validators.totalPower * 2n,
      () => `a certificate of height ${certificate.height} weighs only ${power}`,
    )
  }

  /** An honest validator shows a message to somebody. */
  onSend(index: number, message: Message, holdsVote: (vote: Vote) => boolean, durableView: number): void {
    if (!this.#options.isHonest(index)) return
    this.checks++
    switch (message.kind) {
      case 'vote':
        if (message.vote.sender === index) this.#onOwnVote(index, message.vote, holdsVote)
        return
      case 'pre-prepare':
        if (message.sender === index) {
          const { epoch, view, block, sender, signature } = message
          this.#onOwnVote(
            index,
            { kind: 'prepare', epoch, view, height: block.header.height, blockHash: block.hash, sender, signature },
            holdsVote,
          )
        }
        return
      case 'view-change': {
        const { newView, sender } = message.entry
        if (sender !== index) return
        demand('sent-implies-durable', durableView >= newView, () => `validator ${index} sent VIEW-CHANGE ${newView} before it was durable`)
        this.#leftView[index] = Math.max(this.#leftView[index] ?? 0, newView)
        return
      }
      case 'new-view':
        if (message.sender !== index) return
        demand(
          'sent-implies-durable',
          durableView >= message.newView,
          () => `validator ${index} sent NEW-VIEW ${message.newView} before it was durable`,
        )
        return
      case 'status':
      case 'fetch':
      case 'blocks':
      case 'block':
      case 'view-claim':
        return
    }
  }

  #onOwnVote(index: number, vote: Vote, holdsVote: (vote: Vote) => boolean): void {
    const key = `${index}/${vote.view}/${vote.height}/${vote.kind}`
    const shown = this.#shownVotes.get(key)
    if (shown !== undefined) {
      demand(
        'no-conflicting-votes',
        equalBytes(shown, vote.blockHash),
        () => `validator ${index} signed two blocks: ${vote.kind} view ${vote.view} height ${vote.height}`,
      )
      return
    }
    demand(
      'no-vote-after-view-change',
      vote.view >= (this.#leftView[index] ?? 0),
      () => `validator ${index} cast a ${vote.kind} in view ${vote.view} after leaving it`,
    )
    demand(
      'sent-implies-durable',
      holdsVote(vote),
      () => `validator ${index} sent a ${vote.kind} of height ${vote.height} before it was durable`,
    )
    this.#shownVotes.set(key, vote.blockHash)
  }
}

function short(hash: Hash): string {
  return toHex(hash).slice(0, 12)
}
