/**
 * What leaves a node, once nothing before it waits for the disk: its replica's messages and transactions, and from its store what peers
 * have asked for. All that a faulty one says goes through its strategy first (forgery.ts).
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { Message } from '@aethel/consensus'
import { type Edge, transactionsPayload } from './edge.js'
import type { Forgery } from './forgery.js'
import type { Lines } from './lines.js'
import type { Leaving, Node } from './node.js'
import { blocksFrom } from './serve.js'

/** Few, so that longer chains of epochs take several offers. */
const OFFER_LINKS = 4

export interface OutboxOptions {
  readonly edge: Edge
  readonly lines: Lines
  readonly forgery: Forgery
  readonly epochLength: number
  readonly blocksPerAnswer: number
  /** An honest validator says something to one peer alone. */
  onAnswer(node: Node, to: ValidatorIndex): void
}

export class Outbox {
  readonly #options: OutboxOptions

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  release(node: Node, effect: Leaving): void {
    switch (effect.kind) {
      case 'send':
        return this.send(node, effect.to, effect.message)
      case 'gossip':
        if (node.adversary?.gossips === false) return
        return this.#options.lines.gossip(node.index, effect.to, transactionsPayload(effect.transactions))
      case 'serve': {
        const { base, chain } = node.disk
        const { epochLength, blocksPerAnswer } = this.#options
        const blocks = blocksFrom(chain, effect.from, { epochLength, base, most: blocksPerAnswer })
        if (blocks !== null) this.send(node, effect.to, blocks)
        return
      }
      case 'serve-offer': {
        const links = node.disk.linksFrom(effect.from, effect.offer.header.height).slice(0, OFFER_LINKS)
        return this.send(node, effect.to, { kind: 'snapshot', offer: { ...effect.offer, links } })
      }
    }
  }

  send(node: Node, to: ValidatorIndex | 'all', message: Message): void {
    const { edge, lines, forgery, onAnswer } = this.#options
    if (node.adversary !== null) return forgery.pervert(node, node.adversary, to, message)
    if (to !== 'all') onAnswer(node, to)
    lines.send(node.index, to, edge.sharedPayload(message))
  }
}
