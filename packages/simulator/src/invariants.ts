/**
 * What must hold whenever a block is committed, checked by code that shares nothing with the engine but the data types. What
 * honest validators promise each other is in promises.ts.
 */
import { equalBytes, type Hash, toHex } from '@aethel/codec'
import { type Block, type Certificate, type Header, hashHeader, type ValidatorSet, type VerifySignature } from '@aethel/consensus'
import { flawOfCertificate, flawOfHeader, sameBlock } from './grounds.js'
import { demand } from './violation.js'

export interface InvariantOptions {
  readonly chainId: Hash
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
  isValidTransaction(bytes: Uint8Array): boolean
  /** Zero for what carries no proof. */
  gasOf(bytes: Uint8Array): number
  nowMs(): number
}

/** More than honest clocks are ever apart, and less than a liar's timestamp is ahead. */
const CLOCK_SPREAD_MS = 600_000

/** What was committed, where, and on what grounds. */
export class Invariants {
  readonly #options: InvariantOptions
  /** Position i holds the header of height i + 1, whoever committed it first. */
  readonly #chain: { readonly hash: Hash; readonly header: Header; readonly block: Block }[] = []
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
    if (known !== undefined) {
      demand(
        'agreement',
        equalBytes(known.hash, block.hash) && sameBlock(known.block, block),
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
    const context = {
      parent: parent?.header ?? null,
      hashAt: (at: number) => this.hashAt(at),
      difficulty: BigInt(block.body.transactions.reduce((sum, bytes) => sum + this.#options.gasOf(bytes), 0)),
      latestMs: this.#options.nowMs() + CLOCK_SPREAD_MS,
    }
    const flaw = flawOfHeader(this.#options, block, context)
    demand('header', flaw === null, () => `the block of height ${header.height} has ${flaw}`)
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
    this.#chain.push({ hash: block.hash, header, block })
  }

  /** The hash committed at a height, by whoever was first. */
  hashAt(height: number): Hash | undefined {
    return height === 0 ? this.#options.chainId : this.#chain[height - 1]?.hash
  }

  isCommitted(bytes: Uint8Array): boolean {
    return this.#committedTransactions.has(toHex(bytes))
  }

  /** Independent of `verifyCertificate`: counts distinct signers with good signatures and weighs them. */
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
    const flaw = flawOfCertificate(this.#options, certificate)
    demand('certificate', flaw === null, () => `height ${block.header.height} was committed on ${flaw}`)
  }
}

function short(hash: Hash): string {
  return toHex(hash).slice(0, 12)
}
