/**
 * What must hold whenever a block is committed, checked by code that shares nothing with the engine but the data types. What
 * honest validators promise each other is in promises.ts.
 */
import { equalBytes, type Hash, keyOf, toHex } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  decodeEvidence,
  encodeBlock,
  epochOfHeight,
  type Header,
  hashHeader,
  isBoundary,
  type ValidatorSet,
  type VerifyAggregate,
  type VerifySignature,
} from '@aethel/consensus'
import type { Forks } from './forks.js'
import { flawOfCertificate } from './grounds.js'
import { demand } from './violation.js'

export interface InvariantOptions {
  readonly chainId: Hash
  /** Of the first epoch. */
  readonly validators: ValidatorSet
  /** On a chain with epochs: of each that has begun somewhere. */
  readonly epochs?: { readonly length: number; validatorsOf(epoch: number): ValidatorSet }
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
  isValidTransaction(bytes: Uint8Array): boolean
  /** Of the validator with this position in the epoch's set. */
  isHonest(position: number, epoch: number): boolean
  /** Gas of valid work. */
  gasOf(bytes: Uint8Array): number
  nowMs(): number
  /** With more faulty power than the protocol bears: agreement is not demanded, and who commits what is told here. */
  readonly forks?: Forks
}

/** More than honest clocks are ever apart, and less than a liar's timestamp is ahead. */
const CLOCK_SPREAD_MS = 600_000

/** What was committed, where, and on what grounds. */
export class Invariants {
  readonly #options: InvariantOptions
  /** Position i holds the header of height i + 1, whoever committed it first. */
  readonly #chain: { readonly hash: Hash; readonly header: Header; readonly block: Block }[] = []
  readonly #offences = new Set<string>()
  readonly #committedTransactions = new Map<string, number>()
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
    const { forks } = this.#options
    if (forks !== undefined && this.#isOfOtherBranch(index, block, forks)) return this.#checkCertificate(block, certificate)
    if (known !== undefined) {
      demand(
        'agreement',
        equalBytes(known.hash, block.hash),
        () => `two blocks committed at height ${header.height}: ${short(known.hash)} and ${short(block.hash)} (validator ${index})`,
      )
      demand(
        'agreement',
        known.block === block || equalBytes(encodeBlock(known.block), encodeBlock(block)),
        () => `one hash, two blocks at height ${header.height}`,
      )
    } else {
      this.#firstCommit(block)
    }
    this.#checkCertificate(block, certificate)
  }

  /** On the chain that was committed first all rules are checked below; on another one, what does not depend on what is below it. */
  #isOfOtherBranch(index: number, block: Block, forks: Forks): boolean {
    const { header } = block
    const genesis = this.#options.chainId
    demand('chain-without-gaps', forks.extendsOwn(index, block, genesis), () => `validator ${index} left its own chain at ${header.height}`)
    forks.onCommit(index, block, this.#options.isHonest(index, header.epoch))
    const [at, below] = [this.hashAt(header.height), this.hashAt(header.height - 1)]
    if (at === undefined ? below !== undefined && equalBytes(below, header.parent) : equalBytes(at, block.hash)) return false
    for (const bytes of block.body.transactions)
      demand(
        'validity',
        this.#options.isValidTransaction(bytes),
        () => `height ${header.height} of a second branch holds a transaction whose proof does not verify`,
      )
    return true
  }

  /**
   * `index` has taken over the state after `header`'s block, with this certificate of it or of a descendant. It must be the state
   * that whoever committed the block has; what was committed before is covered by it.
   */
  onRestore(index: number, previousHeight: number, header: Header, certificate: Certificate): void {
    this.checks++
    demand(
      'restored-state',
      header.height > previousHeight,
      () => `validator ${index} went back from height ${previousHeight} to a state of ${header.height}`,
    )
    const known = this.#chain[header.height - 1]
    demand(
      'agreement',
      known !== undefined && equalBytes(known.hash, hashHeader(header)),
      () => `validator ${index} took over the state of a block of height ${header.height} that nobody committed`,
    )
    this.#checkCertificate(known.block, certificate)
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
      const key = keyOf(bytes)
      const before = this.#committedTransactions.get(key)
      demand('exactly-once', before === undefined, () => `a transaction was ordered at heights ${before} and ${header.height}`)
      this.#committedTransactions.set(key, header.height)
    }
    this.#checkHeader(block, parent?.header ?? null)
    this.#chain.push({ hash: block.hash, header, block })
  }

  /** Each offence of a faulty validator, once in the whole chain, whatever variants of its evidence there are. */
  #isNewOffence(bytes: Uint8Array): boolean {
    const decoded = decodeEvidence(bytes)
    if (!decoded.ok) return false
    const { evidence } = decoded.value
    const { sender, epoch, view, height, kind } = evidence.type === 'equivocation' ? evidence.first : evidence.vote
    const key = `${evidence.type}/${sender}/${epoch}/${view}/${height}/${kind}`
    if (this.#options.isHonest(sender, epoch) || this.#offences.has(key)) return false
    this.#offences.add(key)
    return true
  }

  /** The rules of a header, computed again from what is committed below. */
  #checkHeader({ header, body }: Block, parent: Header | null): void {
    const { chainId, epochs } = this.#options
    const length = epochs?.length ?? 0
    const validators = this.#validatorsOf(epochOfHeight(length, header.height))
    const next = isBoundary(length, header.height) ? this.#validatorsOf(validators.epoch + 1) : validators
    const count = validators.validators.length
    const must = (holds: boolean, what: string): void => demand('header', holds, () => `the block of height ${header.height} has ${what}`)
    must(equalBytes(header.chainId, chainId), 'another chain id')
    must(header.epoch === validators.epoch, 'another epoch')
    must(header.proposer === header.view % count, 'a proposer that did not lead its view')
    must(equalBytes(header.validatorsHash, validators.hash), 'another validator set')
    must(header.timestampMs > (parent?.timestampMs ?? 0), 'a timestamp that is not after its parent')
    must(header.timestampMs <= this.#options.nowMs() + CLOCK_SPREAD_MS, 'a timestamp ahead of every clock')
    must(equalBytes(header.nextValidatorsHash, next.hash), 'other validators next')
    for (const bytes of body.evidence)
      must(this.#isNewOffence(bytes), 'evidence that is none, is of an honest validator, or was counted before')
    const difficulty = body.transactions.reduce((sum, bytes) => sum + BigInt(this.#options.gasOf(bytes)), 0n)
    must(header.totalDifficulty === difficulty, `total difficulty ${header.totalDifficulty} instead of ${difficulty}`)
    const { lastCertificate } = body
    if (lastCertificate === null) return
    must(lastCertificate.height < header.height, 'a certificate that is not of an ancestor')
    const ancestor = this.hashAt(lastCertificate.height)
    must(
      lastCertificate.kind === 'commit' && ancestor !== undefined && equalBytes(ancestor, lastCertificate.blockHash),
      'a certificate of another chain',
    )
    must(lastCertificate.epoch === epochOfHeight(length, lastCertificate.height), 'a certificate that names another epoch than its own')
    this.#checkSignatures(lastCertificate)
  }

  /** The hash committed at a height, by whoever was first. */
  hashAt(height: number): Hash | undefined {
    return height === 0 ? this.#options.chainId : this.#chain[height - 1]?.hash
  }

  isCommitted(bytes: Uint8Array): boolean {
    return this.#committedTransactions.has(keyOf(bytes))
  }

  #checkCertificate(block: Block, certificate: Certificate): void {
    demand('certificate', certificate.kind === 'commit', () => 'a block was committed on a prepare certificate')
    demand('certificate', certificate.height >= block.header.height, () => 'a block was committed on a certificate of an ancestor')
    if (certificate.height === block.header.height) {
      demand(
        'certificate',
        equalBytes(certificate.blockHash, block.hash),
        () => `the certificate of height ${block.header.height} names another block`,
      )
    }
    demand('certificate', certificate.epoch === block.header.epoch, () => `height ${block.header.height}: a certificate of another epoch`)
    this.#checkSignatures(certificate)
  }

  #validatorsOf(epoch: number): ValidatorSet {
    return this.#options.epochs?.validatorsOf(epoch) ?? this.#options.validators
  }

  #checkSignatures(certificate: Certificate): void {
    const flaw = flawOfCertificate({ ...this.#options, validators: this.#validatorsOf(certificate.epoch) }, certificate)
    demand('certificate', flaw === null, () => `at height ${certificate.height}: ${flaw}`)
  }
}

function short(hash: Hash): string {
  return toHex(hash).slice(0, 12)
}
