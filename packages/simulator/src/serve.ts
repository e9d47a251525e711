/** What a store answers to FETCH: committed blocks with a certificate that covers them (docs/protocol.md §7). */
import { type Blocks, epochOfHeight, lastHeightOf } from '@aethel/consensus'
import type { CommittedBlock } from './disk.js'

/** A block is served whole; the simulated answer holds at most this many, unless a run says otherwise. */
export const BLOCKS_PER_ANSWER = 16

interface Serving {
  readonly epochLength: number
  /** Height below the first block of the chain. */
  readonly base: number
  readonly most: number
}

/** Of one epoch: a certificate speaks for no other. */
export function blocksFrom<State>(
  chain: readonly CommittedBlock<State>[],
  from: number,
  { epochLength, base, most }: Serving = { epochLength: 0, base: 0, most: BLOCKS_PER_ANSWER },
): Blocks | null {
  const first = from - 1 - base
  if (first < 0 || first >= chain.length) return null
  const end = Math.min(chain.length, lastHeightOf(epochLength, epochOfHeight(epochLength, from)) - base)
  let last = Math.min(end, first + most) - 1
  const certificate = chain[last]?.certificate
  if (certificate === undefined) return null
  const links = []
  for (let at = last + 1; at < certificate.height - base && at < chain.length; at++) {
    const link = chain[at]?.block.header
    if (link !== undefined) links.push(link)
  }
  const blocks = (): Blocks['blocks'] => chain.slice(first, last + 1).map(({ block }) => block)
  const gas = (): Pick<Blocks, 'gas'> => {
    const known = chain.slice(first, last + 1).flatMap((each) => (each.gas === undefined ? [] : [each.gas]))
    return known.length === last + 1 - first ? { gas: known } : {}
  }
  if (base + last + 1 + links.length === certificate.height) return { kind: 'blocks', blocks: blocks(), links, certificate, ...gas() }
  // The certified descendant is not durable here yet: serve what has a certificate of its own.
  while (last >= first && chain[last]?.certificate.height !== base + last + 1) last--
  const own = chain[last]
  if (own === undefined || last < first) return null
  return { kind: 'blocks', blocks: blocks(), links: [], certificate: own.certificate, ...gas() }
}
