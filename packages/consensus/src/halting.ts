/**
 * Two certificates that contradict each other (protocol.md §12): more than a third of the power has signed what no honest
 * validator signs, and no choice between the two would be right. The replica stops at once, says what it has seen, and serves
 * what it has committed; it signs nothing any more.
 */
import { equalBytes, type Hash, type Height } from '@aethel/codec'
import { type Header, hashHeader } from './block.js'
import type { Certificate, Vote } from './certificate.js'
import { MAX_BRANCH_HEADERS } from './fork.js'
import type { ForkMaterial } from './fork-assembly.js'
import type { Effect } from './interface.js'
import type { NewView } from './messages.js'
import type { State } from './state.js'
import { heldIn } from './vote-keeper.js'

/** NEW-VIEWs kept for a fork proof across views: the newest, as many as hold this many entries, about 400 bytes each: 2.5 MB. */
const MAX_KEPT_ENTRIES = 6_400
/** Headers without bodies, of as many blocks as a branch of a proof may have: each about 2 KiB in memory, half a megabyte. */
const MAX_KEPT_LINKS: number = MAX_BRANCH_HEADERS
/** Certificates of uncommitted blocks that go into the material, the lowest. */
const MAX_CERTIFIED = 64

/**
 * Thrown where the contradiction shows and caught by `step`: nothing of what the step had still to do may be done. What it had
 * done before stands.
 */
export class ForkFound extends Error {
  override readonly name = 'ForkFound'
  readonly height: Height
  readonly certificate: Certificate
  /** Of the rival branch, where the message that told us brought them. */
  readonly headers: Header[] = []

  constructor(height: Height, certificate: Certificate) {
    super(`two blocks are committed at height ${height}: more than a third of the power is Byzantine`)
    this.height = height
    this.certificate = certificate
  }
}

/** A certificate for a height that is committed here must be for the block that is. */
export function checkAgainstChain(state: State, certificate: Certificate): void {
  if (certificate.epoch !== state.config.validators.epoch) return
  const own: Hash | undefined = state.recent.get(certificate.height)
  if (own !== undefined && !equalBytes(own, certificate.blockHash)) throw new ForkFound(certificate.height, certificate)
}

/**
 * Headers that lead from certified blocks to the one that their certificate is for. The bodies may never come, and without these headers
 * nobody could show that the certificate is for those blocks (seed 45000234). The lowest stay: they are nearest to what is committed.
 */
export function keepLinks(state: State, links: readonly Header[], certificate: Certificate): void {
  for (const header of links) {
    const hash = hashHeader(header)
    const proven = state.certified.get(header.height)
    if (proven !== undefined && !equalBytes(proven.hash, hash)) throw new ForkFound(header.height, certificate)
    checkAgainstLinks(state, header.height, hash, certificate)
    state.links.set(header.height, { hash, header })
  }
  while (state.links.size > MAX_KEPT_LINKS) state.links.delete(Math.max(...state.links.keys()) as Height)
}

/** Another block below a commit certificate at this height is another block committed. */
export function checkAgainstLinks(state: State, at: Height, hash: Hash, certificate: Certificate): void {
  const link = state.links.get(at)
  if (link !== undefined && !equalBytes(link.hash, hash)) throw new ForkFound(at, certificate)
}

/** The entries that let a view's first block in may be the only proof of who forgot its COMMIT (O3). */
export function keepNewView(state: State, message: NewView): void {
  state.newViews.push(message)
  let entries = state.newViews.reduce((sum, { viewChanges }) => sum + viewChanges.length, 0)
  while (entries > MAX_KEPT_ENTRIES && state.newViews.length > 1) entries -= state.newViews.shift()?.viewChanges.length ?? 0
}

export function haltEffect(state: State, found: ForkFound): Extract<Effect, { kind: 'fork' }> {
  const held = forkMaterialOf(state)
  const certificates = [found.certificate, ...held.certificates]
  return { kind: 'fork', height: found.height, material: { ...held, certificates, headers: [...found.headers, ...held.headers] } }
}

/** Everything here that may say whose fault a fork is. */
export function forkMaterialOf(state: State): ForkMaterial {
  const certified = [...state.certified].sort(([a], [b]) => a - b).slice(0, MAX_CERTIFIED)
  const others = [state.lastCertificate, state.highest, ...state.newViews.map(({ certificate }) => certificate)]
  const held: Certificate[] = []
  for (const certificate of others) if (certificate !== null) held.push(certificate)
  const blocks = [...[...state.blocks.values()].map(({ block }) => block), ...state.recentBlocks.values()]
  const votes: Vote[] = []
  for (const [, , slot] of state.votes.slots())
    for (const phase of [slot.prepare, slot.commit]) {
      votes.push(...heldIn(phase))
      held.push(...phase.tallies.flatMap(({ certificate }) => certificate ?? []))
    }
  return {
    certificates: [...certified.map(([, { certificate }]) => certificate), ...held],
    headers: [...blocks.map(({ header }) => header), ...[...state.links.values()].map(({ header }) => header)],
    votes,
    entries: [
      ...state.newViews.flatMap(({ viewChanges }) => viewChanges),
      ...state.viewChanges.flatMap((message) => (message === undefined ? [] : [message.entry])),
    ],
  }
}
