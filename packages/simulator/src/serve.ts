/** What a store answers to FETCH: committed blocks with a certificate that covers them (docs/protocol.md §7). */
import type { Blocks } from '@aethel/consensus'
import type { CommittedBlock } from './disk.js'

/** A block is served whole; the simulated answer holds at most this many. */
const BLOCKS_PER_ANSWER = 16

export function blocksFrom<State>(chain: readonly CommittedBlock<State>[], from: number): Blocks | null {
  const first = from - 1
  if (first < 0 || first >= chain.length) return null
  let last = Math.min(chain.length, first + BLOCKS_PER_ANSWER) - 1
  const certificate = chain[last]?.certificate
  if (certificate === undefined) return null
  const links = []
  for (let at = last + 1; at < certificate.height && at < chain.length; at++) {
    const link = chain[at]?.block.header
    if (link !== undefined) links.push(link)
  }
  const blocks = (): Blocks['blocks'] => chain.slice(first, last + 1).map(({ block }) => block)
  if (last + 1 + links.length === certificate.height) return { kind: 'blocks', blocks: blocks(), links, certificate }
  // The certified descendant is not durable here yet: serve what has a certificate of its own.
  while (last >= first && chain[last]?.certificate.height !== last + 1) last--
  const own = chain[last]
  if (own === undefined || last < first) return null
  return { kind: 'blocks', blocks: blocks(), links: [], certificate: own.certificate }
}
