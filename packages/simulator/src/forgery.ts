/**
 * What leaves a faulty validator: what its strategy makes of what its unmodified replica wants to send (adversaries/), and what it sends
 * of its own accord. Each time it does not simply obey is one decision (fates.ts): where a shortened run leaves it out, it obeys.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { Message } from '@aethel/consensus'
import type { Adversary, Outgoing } from './adversaries/adversary.js'
import type { Circumstances } from './circumstances.js'
import { type Edge, freshPayload, type MessagePayload } from './edge.js'
import type { Lines } from './lines.js'
import type { Node } from './node.js'

export interface ForgeryOptions {
  readonly circumstances: Circumstances
  readonly edge: Edge
  readonly lines: Lines
  readonly validators: number
}

export class Forgery {
  readonly #options: ForgeryOptions

  constructor(options: ForgeryOptions) {
    this.#options = options
  }

  /** Of its own accord. */
  act(node: Node, outgoing: readonly Outgoing[]): void {
    if (outgoing.length > 0 && this.#mayAct(node)) this.#send(node, outgoing, null)
  }

  /** Its replica wants to send `original`. */
  pervert(node: Node, adversary: Adversary, to: ValidatorIndex | 'all', original: Message): void {
    const { edge, lines, validators } = this.#options
    const outgoing = adversary.onSend(to, original)
    const receivers = to === 'all' ? validators - 1 : 1
    const obeys = outgoing.length === receivers && outgoing.every(({ message, afterMs }) => message === original && afterMs === undefined)
    if (obeys || this.#mayAct(node)) this.#send(node, outgoing, original)
    else lines.send(node.index, to, edge.sharedPayload(original))
  }

  #mayAct(node: Node): boolean {
    const { fates, events } = this.#options.circumstances
    return fates.allows('adversary', `${node.index}#${++node.acts}`, events.nowMs)
  }

  /** Whatever is not the replica's own goes through its bytes. */
  #send(node: Node, outgoing: readonly Outgoing[], original: Message | null): void {
    const { lines } = this.#options
    const payloads = new Map<Message, MessagePayload>()
    const payloadOf = (message: Message): MessagePayload => {
      const known = payloads.get(message)
      if (known !== undefined) return known
      const payload = freshPayload(message, message !== original)
      payloads.set(message, payload)
      return payload
    }
    if (outgoing.some(({ afterMs }) => afterMs !== undefined))
      for (const { to, message, afterMs } of outgoing) lines.transmit(node.index, to, payloadOf(message), afterMs)
    else
      lines.transmitAll(
        node.index,
        outgoing.length,
        (position) => (outgoing[position] as Outgoing).to,
        (position) => payloadOf((outgoing[position] as Outgoing).message),
      )
  }
}
