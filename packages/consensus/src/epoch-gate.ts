/**
 * The edge across epochs (protocol.md §10): messages of the own epoch are checked and pass; of others none is believed. One
 * of the next epoch is held, within bounds, because its senders may have committed our last block a moment before us; and
 * from any other epoch all that counts is who sent it, so that whoever is behind gets helped.
 */
import type { Epoch, Height, Refusal, Result, ValidatorIndex } from '@aethel/codec'
import { heldBodyBytes } from './block.js'
import { signaturesIn } from './certificate.js'
import type { VerifiedMessage } from './check.js'
import { heldCompactBytes } from './compact.js'
import type { EpochStart } from './epochs.js'
import { accusedVote, decodeEvidence } from './evidence.js'
import type { Message } from './messages.js'

/** Of one peer, for the next epoch: a window of proposals, and votes on them. */
const MAX_HELD_MESSAGES = 64
/** Of one peer: a block of 4,096 transactions of a hundred bytes and more fits; a larger proposal comes again on STATUS. */
const MAX_HELD_BYTES: number = 2 * 1024 * 1024
/** What a message is charged, whatever it is: a vote is smaller. */
const FIXED_BYTES = 16 * 1024
/** What is in lists is charged besides: nobody has checked that it is of the size a set of validators allows. With what it costs in memory. */
const ENTRY_BYTES = 512
const SIGNATURE_BYTES = 256

export type Passage =
  | { readonly kind: 'verified'; readonly message: VerifiedMessage }
  | { readonly kind: 'foreign'; readonly epoch: Epoch; readonly committedHeight: Height | null }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export interface HeldMessage {
  readonly from: ValidatorIndex
  readonly message: Message
}

export interface EpochGate {
  readonly epoch: Epoch
  /** `from` names the channel, in whatever way the caller numbers its peers. */
  pass(from: ValidatorIndex, message: Message): Passage
  /** The next epoch has begun: what was held for it, to be passed again, in the order of arrival of each peer. */
  enter(start: EpochStart): readonly HeldMessage[]
}

export interface GateOptions {
  readonly start: EpochStart
  /** The full check of a message of the epoch that began with `start`: `MessageChecker.check`. */
  check(start: EpochStart, message: Message): Result<VerifiedMessage, Refusal>
}

export function createEpochGate(options: GateOptions): EpochGate {
  return new Gate(options)
}

class Gate implements EpochGate {
  readonly #check: GateOptions['check']
  #start: EpochStart
  readonly #held = new Map<ValidatorIndex, { readonly messages: Message[]; bytes: number }>()

  constructor({ start, check }: GateOptions) {
    this.#start = start
    this.#check = check
  }

  get epoch(): Epoch {
    return this.#start.validators.epoch
  }

  pass(from: ValidatorIndex, message: Message): Passage {
    const own = this.epoch
    const named = epochNamedBy(message) ?? epochOfStrayEvidence(message, own)
    if (named !== null && named !== own) {
      if (named === own + 1) this.#hold(from, message)
      return { kind: 'foreign', epoch: named, committedHeight: committedHeightIn(message) }
    }
    const checked = this.#check(this.#start, message)
    return checked.ok ? { kind: 'verified', message: checked.value } : { kind: 'refused', refusal: checked.error }
  }

  enter(next: EpochStart): readonly HeldMessage[] {
    this.#start = next
    const messages = [...this.#held].flatMap(([from, of]) => of.messages.map((message) => ({ from, message })))
    this.#held.clear()
    return messages
  }

  #hold(from: ValidatorIndex, message: Message): void {
    if (!isHoldable(message)) return
    const bytes = FIXED_BYTES + listedBytes(message)
    const of = this.#held.get(from) ?? { messages: [], bytes: 0 }
    if (of.messages.length >= MAX_HELD_MESSAGES || of.bytes + bytes > MAX_HELD_BYTES) return
    of.messages.push(message)
    of.bytes += bytes
    this.#held.set(from, of)
  }
}

const HOLDABLE = ['pre-prepare', 'compact-pre-prepare', 'vote', 'certificate', 'sum', 'view-change', 'new-view'] as const
type Holdable = Extract<Message, { kind: (typeof HOLDABLE)[number] }>

function isHoldable(message: Message): message is Holdable {
  return (HOLDABLE as readonly Message['kind'][]).includes(message.kind)
}

function listedBytes(message: Holdable): number {
  switch (message.kind) {
    case 'compact-pre-prepare':
      return heldCompactBytes(message)
    case 'pre-prepare':
      return heldBodyBytes(message.block.body)
    case 'vote':
    case 'sum':
      return 0
    case 'certificate':
    case 'view-change':
      return SIGNATURE_BYTES * signaturesIn(message.certificate)
    case 'new-view':
      return ENTRY_BYTES * message.viewChanges.length + SIGNATURE_BYTES * signaturesIn(message.certificate)
  }
}

/** Null: the message belongs to no epoch. */
export function epochNamedBy(message: Message): Epoch | null {
  switch (message.kind) {
    case 'pre-prepare':
    case 'compact-pre-prepare':
    case 'new-view':
    case 'status':
      return message.epoch
    case 'vote':
      return message.vote.epoch
    case 'view-change':
      return message.entry.epoch
    case 'sum':
      return message.sum.epoch
    case 'certificate':
    case 'blocks':
      return message.certificate.epoch
    case 'block':
      return message.block.header.epoch
    case 'view-claim':
      return message.epoch
    case 'evidence': // heard in the epoch of the offence and in the next
    case 'fetch':
    case 'snapshot':
    case 'chunk':
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'block-transactions':
      return null
  }
}

/** Of evidence that this epoch cannot check, because it is of a later one or too old; null: the edge shall look at it. */
function epochOfStrayEvidence(message: Message, own: Epoch): Epoch | null {
  if (message.kind !== 'evidence') return null
  const decoded = decodeEvidence(message.evidence)
  if (!decoded.ok) return null
  const { epoch } = accusedVote(decoded.value.evidence)
  return epoch === own || epoch === own - 1 ? null : epoch
}

function committedHeightIn(message: Message): Height | null {
  if (message.kind === 'status') return message.committedHeight
  return message.kind === 'view-change' ? message.entry.committedHeight : null
}
