/** Messages between twins, numbered: one number for one content, checked at the edge once. */
import { assert, type Hash, keyOf, type ValidatorIndex } from '@aethel/codec'
import {
  type Block,
  createMessageChecker,
  encodeMessage,
  type Message,
  type MessageChecker,
  type ValidatorSet,
  type VerifiedMessage,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { verifyIdeal } from './ideal-hash-signatures.js'
import { Violation } from './violation.js'

/** `name`: which replica proposed it, in which view; it does so once for each height. */
export interface NamedBlock {
  readonly hash: Hash
  readonly height: number
  readonly parent: Hash | null
  readonly name: string
}

export class TwinsNetwork {
  readonly chainId: Hash
  readonly #honest: readonly boolean[]
  readonly #checker: MessageChecker
  readonly #numbers = new Map<string, number>()
  readonly #known = new WeakMap<Message, number>()
  readonly #messages: VerifiedMessage[] = []
  /** Every block met, by `keyOf` its hash. */
  readonly #blocks = new Map<string, NamedBlock>()
  /** By `keyOf` a hash, and by what makes up a lineage. */
  readonly #lineages = new Map<string, number>()
  readonly #lineageNumbers = new Map<string, number>()

  constructor(validators: ValidatorSet, chainId: Hash, honest: readonly boolean[]) {
    this.chainId = chainId
    this.#honest = honest
    this.#checker = createMessageChecker({ chainId, validators, verifySignature: verifyIdeal })
    this.#blocks.set(keyOf(chainId), { hash: chainId, height: 0, parent: null, name: 'genesis' })
  }

  isHonest(index: ValidatorIndex): boolean {
    return this.#honest[index] === true
  }

  get size(): number {
    return this.#messages.length
  }

  /** Whatever an unmodified replica says passes the edge of every other: a refusal is a finding. */
  numberOf(message: Message): number {
    const met = this.#known.get(message)
    if (met !== undefined) return met
    const key = keyOf(hashTagged('aethel/twins-message/v1', encodeMessage(message)))
    let number = this.#numbers.get(key)
    if (number === undefined) {
      for (const block of blocksOf(message)) this.#meet(block)
      const checked = this.#checker.check(message)
      if (!checked.ok)
        throw new Violation('no-crash', `the edge refuses a ${message.kind} of an unmodified replica: ${checked.error.message}`)
      number = this.#messages.length
      this.#messages.push(checked.value)
      this.#numbers.set(key, number)
    }
    this.#known.set(message, number)
    return number
  }

  checked(number: number): VerifiedMessage {
    const message = this.#messages[number]
    if (message === undefined) throw new RangeError(`no message ${number}`)
    return message
  }

  /** A block that has been sent, or genesis. */
  blockOf(hash: Hash): NamedBlock {
    const block = this.#blocks.get(keyOf(hash))
    assert(block !== undefined, 'a block is met when it is first sent')
    return block
  }

  /**
   * A number for what a block is called and what it stands on, down to genesis: the same for two blocks that differ in whose
   * signatures the certificates in them hold, never the same for two blocks of one world (twins-essence.ts asserts it).
   */
  lineageOf(key: string): number {
    const known = this.#lineages.get(key)
    if (known !== undefined) return known
    const block = this.#blocks.get(key)
    assert(block !== undefined, 'a block is met when it is first sent')
    const { name, height, parent } = block
    const text = `${name}.${height}<${parent === null ? '' : this.lineageOf(keyOf(parent))}`
    const number = this.#lineageNumbers.get(text) ?? this.#lineageNumbers.size
    this.#lineageNumbers.set(text, number)
    this.#lineages.set(key, number)
    return number
  }

  #meet({ hash, header, body }: Block): void {
    if (this.#blocks.has(keyOf(hash))) return
    const { proposer, view, height, parent } = header
    const content = body.transactions.map((bytes) => String.fromCharCode(...bytes.subarray(0, 1))).join('')
    this.#blocks.set(keyOf(hash), { hash, height, parent, name: `${proposer}${content}.${view}` })
  }

  /** The block that a COMMIT is for, and where. */
  commitVote(number: number): { readonly sender: number; readonly view: number; readonly height: number; readonly blockHash: Hash } {
    const message = this.checked(number)
    assert(message.kind === 'vote', 'only COMMITs are held back')
    return message.vote
  }

  isCommitVote(number: number): boolean {
    const message = this.#messages[number]
    return message?.kind === 'vote' && message.vote.kind === 'commit'
  }
}

function blocksOf(message: Message): readonly Block[] {
  if (message.kind === 'pre-prepare' || message.kind === 'block') return [message.block]
  return message.kind === 'blocks' ? message.blocks : []
}
