/**
 * What reaches a node: through the edge (edge.ts), which checks it, and the gate, which keeps the messages of other epochs from the
 * replica. Whatever passes is seen by the coverage table, the trace hash and, at a faulty validator, its strategy.
 */
import type { ValidatorIndex } from '@aethel/codec'
import { epochNamedBy, type Message } from '@aethel/consensus'
import type { Replica, ReplicaInput } from '@aethel/replica'
import type { State } from './application.js'
import type { Circumstances } from './circumstances.js'
import type { Conduct } from './conduct.js'
import { type Edge, freshPayload, type MessagePayload, type Payload } from './edge.js'
import type { Forgery } from './forgery.js'
import type { Node } from './node.js'
import type { TraceHash } from './trace.js'

export interface InboxOptions {
  readonly circumstances: Circumstances
  readonly edge: Edge
  readonly forgery: Forgery
  readonly traceHash: TraceHash
  readonly conduct: Pick<Conduct, 'onRefused'>
  isHonest(index: number): boolean
  step(node: Node, input: ReplicaInput): void
}

export class Inbox {
  readonly #options: InboxOptions
  readonly #circumstances: Circumstances

  constructor(options: InboxOptions) {
    this.#options = options
    this.#circumstances = options.circumstances
  }

  receive(node: Node, replica: Replica<State>, from: ValidatorIndex, payload: Payload): void {
    if (payload.kind === 'message') return this.#onMessage(node, replica, from, payload)
    this.#options.step(node, { kind: 'transactions', from, transactions: payload.transactions, nowMs: this.#clockOf(node) })
  }

  /** The replica has begun an epoch: what was held for it comes now. */
  enterEpoch(node: Node, replica: Replica<State>): void {
    for (const { from, message } of node.gate.enter(replica.epoch)) {
      if (node.replica !== replica) return
      this.#onMessage(node, replica, from, freshPayload(message, true))
    }
  }

  #onMessage(node: Node, replica: Replica<State>, from: ValidatorIndex, payload: MessagePayload): void {
    const named = epochNamedBy(payload.message)
    if (named !== null && named !== node.gate.epoch) return this.#onForeign(node, from, payload.message)
    const { coverage, knobs, events } = this.#circumstances
    const verdict = this.#options.edge.check(replica.epoch, payload)
    const { position, committed } = replica // a look at the core: its fields, not a copy of all it can do
    const { view, phase } = position
    const standing = { view, phase, committedHeight: committed.height, window: knobs.window }
    if (!verdict.ok) {
      if (this.#options.isHonest(from)) this.#options.conduct.onRefused(node, from, payload.message, verdict.error)
      return coverage.onRefused(payload.message, verdict.error.code, standing)
    }
    const message = verdict.value
    coverage.onMessage(message, standing)
    this.#options.traceHash.message(events.nowMs, from, node.index, message)
    if (node.adversary !== null) this.#options.forgery.act(node, node.adversary.onReceive(from, message))
    else if (!replica.wants(from, message)) return
    this.#options.step(node, { kind: 'message', from, message, nowMs: this.#clockOf(node) })
  }

  #onForeign(node: Node, from: ValidatorIndex, message: Message): void {
    const passage = node.gate.pass(from, message)
    if (passage.kind !== 'foreign') return
    const { epoch, committedHeight } = passage
    this.#circumstances.coverage.hit(`foreign ${message.kind} ${epoch > node.gate.epoch ? 'later' : 'earlier'}`)
    this.#options.step(node, { kind: 'foreign', from, epoch, committedHeight, nowMs: this.#clockOf(node) })
  }

  #clockOf(node: Node): number {
    return node.clockAt(this.#circumstances.events.nowMs)
  }
}
