/**
 * What is on the lines, and the edge that looks at it before a replica does. One message is one payload, to whomever and however
 * often it goes: the edge's verdict is a pure function of the message and the epoch it is judged in, so one check serves every receiver.
 */
import type { Refusal, Result } from '@aethel/codec'
import { decodeMessage, type EpochStart, encodeMessage, type Message, type VerifiedMessage } from '@aethel/consensus'
import type { Transaction } from '@aethel/replica'
import type { SimulatedEpochs } from './epochs.js'
import { roughBytes } from './network.js'
import type { SignatureScheme } from './signatures.js'

type Verdict = Result<VerifiedMessage, Refusal>

/** One message on its way; shared by all who receive a broadcast, so that the edge checks it once. */
export interface MessagePayload {
  readonly kind: 'message'
  readonly message: Message
  /** Made by an adversary: goes through its bytes, so that the decoder has its say. */
  readonly forged: boolean
  readonly bytes: number
  /** For receivers in this epoch, mostly all of them; for those in another, by epoch. */
  verdictIn: number
  verdict: Verdict | null
  others: Map<number, Verdict> | null
  /** Signature checks that it took. */
  checks: number
}

export interface TransactionsPayload {
  readonly kind: 'transactions'
  readonly transactions: readonly Transaction[]
  readonly bytes: number
}

export type Payload = MessagePayload | TransactionsPayload

export interface EdgeOptions {
  readonly epochs: Pick<SimulatedEpochs, 'checkerOf'>
  /** Counts the checks that are made. */
  readonly signatures: Pick<SignatureScheme, 'checked' | 'charged'>
  /** Every message goes through its bytes, not forged ones only. */
  readonly encodeOnWire: boolean
}

export class Edge {
  readonly #options: EdgeOptions
  readonly #payloads = new WeakMap<Message, MessagePayload>()
  /** Signature checks of further receivers of one message: each would make them, and they were made once. */
  checksSpared = 0

  constructor(options: EdgeOptions) {
    this.#options = options
  }

  /** The one payload of a message that an honest validator sends. */
  sharedPayload(message: Message): MessagePayload {
    let payload = this.#payloads.get(message)
    if (payload === undefined) {
      payload = freshPayload(message, false)
      this.#payloads.set(message, payload)
    }
    return payload
  }

  /** What a receiver in this epoch gets to see of it. */
  check(start: EpochStart, payload: MessagePayload): Verdict {
    const { epoch } = start.validators
    const known = payload.verdictIn === epoch ? payload.verdict : (payload.others?.get(epoch) ?? null)
    if (known !== null) {
      this.checksSpared += payload.checks
      return known
    }
    const { signatures } = this.#options
    const before = signatures.checked + signatures.charged
    const verdict = this.#look(start, payload)
    payload.checks = signatures.checked + signatures.charged - before
    if (payload.verdict === null) {
      payload.verdictIn = epoch
      payload.verdict = verdict
    } else {
      payload.others ??= new Map()
      payload.others.set(epoch, verdict)
    }
    return verdict
  }

  #look(start: EpochStart, { message, forged }: MessagePayload): Verdict {
    const { epochs, encodeOnWire } = this.#options
    const received = forged || encodeOnWire ? decodeMessage(encodeMessage(message)) : { ok: true as const, value: message }
    return received.ok ? epochs.checkerOf(start).check(received.value) : received
  }
}

/** Of its own, with nothing known about it yet. */
export function freshPayload(message: Message, forged: boolean): MessagePayload {
  return { kind: 'message', message, forged, bytes: roughBytes(message), verdictIn: -1, verdict: null, others: null, checks: 0 }
}

export function transactionsPayload(transactions: readonly Transaction[]): TransactionsPayload {
  return { kind: 'transactions', transactions, bytes: transactions.reduce((sum, each) => sum + each.bytes.length, 0) }
}
