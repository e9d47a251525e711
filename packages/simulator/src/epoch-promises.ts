/** What honest validators promise each other, epoch by epoch: promises are among the validators of one, and end with it. */
import type { Hash } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  epochNamedBy,
  type Message,
  type NewView,
  type Offence,
  type VerifyAggregate,
  type VerifySignature,
} from '@aethel/consensus'
import type { SimulatedEpochs } from './epochs.js'
import { type Durable, Promises } from './promises.js'

/** Who follows an epoch without being one of its validators. */
const NOBODY = -1

export interface EpochPromiseOptions {
  readonly chainId: Hash
  readonly epochs: SimulatedEpochs
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
  readonly window: number
  isHonest(node: number): boolean
  committedAt(height: number): Hash | undefined
  isCommittedSomewhere?(height: number, hash: Hash): boolean
}

export class EpochPromises {
  readonly #options: EpochPromiseOptions
  readonly #byEpoch = new Map<number, Promises>()

  constructor(options: EpochPromiseOptions) {
    this.#options = options
  }

  get checks(): number {
    return [...this.#byEpoch.values()].reduce((sum, promises) => sum + promises.checks, 0)
  }

  #of(epoch: number): Promises {
    let promises = this.#byEpoch.get(epoch)
    if (promises === undefined) {
      const { epochs, isHonest, ...rest } = this.#options
      const validators = epochs.validatorsOf(epoch)
      promises = new Promises({ ...rest, validators, isHonest: (position) => isHonest(epochs.nodeAt(epoch, position)) })
      this.#byEpoch.set(epoch, promises)
    }
    return promises
  }

  /** An epoch begins on another block than one that a disk has lost: what was said in it was said to nobody. */
  beginAnew(from: number): void {
    for (const epoch of this.#byEpoch.keys()) if (epoch >= from) this.#byEpoch.delete(epoch)
  }

  knowBlock(block: Block): void {
    this.#of(block.header.epoch).knowBlock(block)
  }

  onNewView(node: number, message: NewView): void {
    this.#of(message.epoch).onNewView(this.#options.epochs.positionOf(node, message.epoch) ?? NOBODY, message)
  }

  onCommitted(certificate: Certificate): void {
    this.#of(certificate.epoch).onCommitted(certificate)
  }

  /** `durable.view` and `newView` are those of the message's epoch. */
  onSend(node: number, message: Message, durable: (epoch: number) => Durable): void {
    const epoch = epochNamedBy(message)
    const position = epoch === null ? undefined : this.#options.epochs.positionOf(node, epoch)
    if (epoch !== null && position !== undefined) this.#of(epoch).onSend(position, message, durable(epoch))
  }

  onOffence(offence: Offence, bytes: Uint8Array | null): void {
    this.#of(offence.epoch).onOffence(offence, bytes)
  }
}
