/**
 * Committed blocks for peers that lack them, with what proves them, as many as fit (protocol.md §7). Who asks again for what it was given
 * pays for it: reading a page of blocks costs this validator milliseconds.
 */
import { type Height, height, type ValidatorIndex } from '@aethel/codec'
import {
  type Block,
  type Blocks,
  type Certificate,
  encodeMessage,
  epochOfHeight,
  type Header,
  lastHeightOf,
  MAX_LINKS,
  MAX_SERVE_BYTES,
  MAX_SYNC_BLOCKS,
  MAX_SYNC_TRANSACTIONS,
  roughBodyBytes,
} from '@aethel/consensus'
import type { Store } from '@aethel/storage'

/** What a peer was given is held against it for at least this long, also if it comes anew. */
const FORGET_SERVED_MS = 60_000

export interface Served {
  /** The message, encoded. */
  readonly bytes: Uint8Array
  /** The peer was given some of it before. */
  readonly isRepeated: boolean
}

export class BlockServer {
  readonly #store: Store
  readonly #epochLength: number
  /** Up to which height each peer was given blocks, for the first time since then. */
  readonly #served = new Map<ValidatorIndex, { upTo: number; readonly sinceMs: number }>()

  constructor(store: Store, epochLength: number) {
    this.#store = store
    this.#epochLength = epochLength
  }

  /** From this height on, up to `published`; undefined: nothing that could be proven. */
  serve(to: ValidatorIndex, from: Height, published: number, nowMs: number): Served | undefined {
    const answer = this.#answerFrom(from, published)
    if (answer === undefined) return undefined
    const last = from + answer.blocks.length - 1
    const ledger = this.#served.get(to) ?? { upTo: 0, sinceMs: nowMs }
    this.#served.set(to, ledger)
    const isRepeated = from <= ledger.upTo
    ledger.upTo = Math.max(ledger.upTo, last)
    return { bytes: encodeMessage(answer), isRepeated }
  }

  /** Who comes back may have lost what it was given; who comes back all the time has not. */
  onConnected(peer: ValidatorIndex, nowMs: number): void {
    const ledger = this.#served.get(peer)
    if (ledger !== undefined && nowMs - ledger.sinceMs > FORGET_SERVED_MS) this.#served.delete(peer)
  }

  #answerFrom(from: Height, published: number): Blocks | undefined {
    const blocks: Block[] = []
    let bytes = 0
    let transactions = 0
    // A certificate speaks for blocks of its own epoch only.
    const last = Math.min(published, lastHeightOf(this.#epochLength, epochOfHeight(this.#epochLength, Math.max(1, from))))
    for (let at = from; bytes < MAX_SERVE_BYTES && blocks.length < MAX_SYNC_BLOCKS && at <= last; at = height(at + 1)) {
      const block = this.#store.committedBlock(at)
      if (block === undefined) break
      bytes += roughBodyBytes(block.body)
      transactions += block.body.transactions.length
      if (transactions > MAX_SYNC_TRANSACTIONS) break // never in the first: no block has more
      blocks.push(block)
    }
    while (blocks.length > 0) {
      const last = blocks.at(-1) as Block
      const certificate = this.#store.certificateFrom(last.header.height)
      const links = certificate === undefined ? undefined : this.#linksTo(last, certificate)
      if (certificate !== undefined && links !== undefined) return { kind: 'blocks', blocks, links, certificate, gas: this.#gasOf(blocks) }
      blocks.pop()
    }
    return undefined
  }

  /** Of blocks from before this was stored it is not known: whoever counts on it will see that it does not fit. */
  #gasOf(blocks: readonly Block[]): readonly (readonly number[])[] {
    return blocks.map(({ header, body }) => this.#store.gasOf(header.height) ?? body.transactions.map(() => 0))
  }

  #linksTo(last: Block, certificate: Certificate): Header[] | undefined {
    const links: Header[] = []
    for (let at = last.header.height + 1; at <= certificate.height; at++) {
      const link = this.#store.committedBlock(height(at))?.header
      if (link === undefined || links.length >= MAX_LINKS) return undefined
      links.push(link)
    }
    return links
  }
}
