/** Messages between twins, numbered: one number for one content, checked at the edge once. */
import { type Hash, keyOf, type ValidatorIndex } from '@aethel/codec'
import {
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

export class TwinsNetwork {
  readonly chainId: Hash
  readonly #honest: readonly boolean[]
  readonly #checker: MessageChecker
  readonly #numbers = new Map<string, number>()
  readonly #known = new WeakMap<Message, number>()
  readonly #messages: VerifiedMessage[] = []

  constructor(validators: ValidatorSet, chainId: Hash, honest: readonly boolean[]) {
    this.chainId = chainId
    this.#honest = honest
    this.#checker = createMessageChecker({ chainId, validators, verifySignature: verifyIdeal })
  }

  isHonest(index: ValidatorIndex): boolean {
    return this.#honest[index] === true
  }

  /** Whatever an unmodified replica says passes the edge of every other: a refusal is a finding. */
  numberOf(message: Message): number {
    const met = this.#known.get(message)
    if (met !== undefined) return met
    const key = keyOf(hashTagged('aethel/twins-message/v1', encodeMessage(message)))
    let number = this.#numbers.get(key)
    if (number === undefined) {
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

  isCommitVote(number: number): boolean {
    const message = this.#messages[number]
    return message?.kind === 'vote' && message.vote.kind === 'commit'
  }
}
