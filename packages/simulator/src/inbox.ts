/**
 * What reaches a node: through the edge (edge.ts), which checks it, and the gate, which keeps the messages of other epochs from the
 * replica. Whatever passes is seen by the coverage table, the trace hash and, at a faulty validator, its strategy.
 */
import type { ValidatorIndex } from '@aethel/codec'
import { type Block, epochNamedBy, type Message, proposalWith, type VerifiedMessage } from '@aethel/consensus'
import type { ReplicaInput } from '@aethel/replica'
import type { ForeignEdge } from './builds/foreign-edge.js'
import type { Circumstances } from './circumstances.js'
import type { Conduct } from './conduct.js'
import { type Edge, freshPayload, type MessagePayload, type Payload } from './edge.js'
import type { Forgery } from './forgery.js'
import type { Node, RunningReplica } from './node.js'
import type { TraceHash } from './trace.js'

export interface InboxOptions {
  readonly circumstances: Circumstances
  readonly edge: Edge
  /** Of who runs the other build; null: there is none. */
  readonly foreignEdge: ForeignEdge | null
  readonly forgery: Forgery
  readonly traceHash: TraceHash
  readonly conduct: Pick<Conduct, 'onRefused'>
  isHonest(index: number): boolean
  /** As it stands on the disk of who has proposed it. */
  proposedBy(proposer: ValidatorIndex, hash: Block['hash']): Block | undefined
  step(node: Node, input: ReplicaInput): void
}

export class Inbox {
  readonly #options: InboxOptions
  readonly #circumstances: Circumstances

  constructor(options: InboxOptions) {
    this.#options = options
    this.#circumstances = options.circumstances
  }

  receive(node: Node, replica: RunningReplica, from: ValidatorIndex, payload: Payload): void {
    if (payload.kind === 'message') return this.#onMessage(node, replica, from, payload)
    this.#options.step(node, { kind: 'transactions', from, transactions: payload.transactions, nowMs: this.#clockOf(node) })
  }

  /** The replica has begun an epoch: what was held for it comes now. */
  enterEpoch(node: Node, replica: RunningReplica): void {
    for (const { from, message } of node.gate.enter(replica.epoch)) {
      if (node.replica !== replica) return
      this.#onMessage(node, replica, from, freshPayload(message, true))
    }
  }

  #onMessage(node: Node, replica: RunningReplica, from: ValidatorIndex, payload: MessagePayload): void {
    const named = epochNamedBy(payload.message)
    if (named !== null && named !== node.gate.epoch) return this.#onForeign(node, from, payload.message)
    const { coverage, knobs, events } = this.#circumstances
    const verdict = this.#edgeOf(node).check(replica.epoch, payload)
    const { position, committed } = replica // a look at the core: its fields, not a copy of all it can do
    const { view, phase } = position
    const standing = { view, phase, committedHeight: committed.height, window: knobs.window }
    if (!verdict.ok) {
      const { foreignEdge, isHonest, conduct } = this.#options
      // Between two builds the foreign edge says it, and calls it by its name.
      if (foreignEdge === null && isHonest(from)) conduct.onRefused(node, from, payload.message, verdict.error)
      return coverage.onRefused(payload.message, verdict.error.code, standing)
    }
    const message = verdict.value
    // What the other build has made of it is for its replica alone.
    const seen = node.runs === 'other' ? (payload.message as VerifiedMessage) : message
    coverage.onMessage(seen, standing)
    this.#options.traceHash.message(events.nowMs, from, node.index, seen)
    if (node.adversary !== null) this.#options.forgery.act(node, node.adversary.onReceive(from, this.#wholeOf(from, seen)))
    else if (!replica.wants(from, message)) return
    this.#options.step(node, { kind: 'message', from, message, nowMs: this.#clockOf(node) })
  }

  /** Strategies look at whole proposals: what they lack of one they could have asked for. */
  #wholeOf(from: ValidatorIndex, message: VerifiedMessage): Message {
    if (message.kind !== 'compact-pre-prepare') return message
    const block = this.#options.proposedBy(from, message.hash)
    return block === undefined ? message : proposalWith(message, block)
  }

  #edgeOf({ runs }: Node): Pick<Edge, 'check'> {
    const { edge, foreignEdge } = this.#options
    return runs === 'other' && foreignEdge !== null ? foreignEdge : edge
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
