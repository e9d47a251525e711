/**
 * What a run has seen: messages by kind, phase, age and verdict, and rare events that a suite must meet at least once
 * ("sometimes" assertions). A suite that never saw a view change with a prepared certificate has tested nothing.
 */
import type { ConsensusEvent, Message } from '@aethel/consensus'
import type { BlobEvent, EpochEvent, MempoolEvent, ProposalEvent, SyncEvent } from '@aethel/replica'

export const MESSAGE_KINDS = [
  'pre-prepare',
  'vote',
  'certificate',
  'sum',
  'view-change',
  'new-view',
  'status',
  'fetch',
  'blocks',
  'block',
  'view-claim',
  'evidence',
  'snapshot',
  'chunk',
  'blob-part',
  'blob-held',
  'blob-absent',
  'compact-pre-prepare',
  'block-transactions',
] as const
export const PHASES = ['active', 'changing'] as const
/** As the receiver sees it: by view where the message has one, else by height; `beyond`: outside of the window. */
export const AGES = ['stale', 'current', 'future', 'beyond'] as const

const KIND_AT: ReadonlyMap<string, number> = new Map(MESSAGE_KINDS.map((kind, index) => [kind, index]))
/** Views this far ahead are nobody's next one. */
const FAR_VIEWS = 8

/** Where the receiver stands. */
export interface Standing {
  readonly view: number
  readonly phase: 'active' | 'changing'
  readonly committedHeight: number
  readonly window: number
}

export class Coverage {
  readonly #counts = new Map<string, number>()
  /** What consensus ignored, by kind and reason: counted often, so without putting a name together each time. */
  readonly #ignored = new Map<string, Map<string, number>>()
  /** Valid messages by kind, phase and age: counted often, so counted fast. */
  readonly #valid = new Float64Array(MESSAGE_KINDS.length * PHASES.length * AGES.length)

  hit(cell: string, count = 1): void {
    this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + count)
  }

  get cells(): ReadonlyMap<string, number> {
    const cells = new Map(this.#counts)
    for (const [what, reasons] of this.#ignored) for (const [why, count] of reasons) cells.set(`ignored ${what}: ${why}`, count)
    for (const [at, count] of this.#valid.entries()) if (count > 0) cells.set(cellName(at), count)
    return cells
  }

  merge(cells: Iterable<readonly [string, number]>): void {
    for (const [cell, count] of cells) this.hit(cell, count)
  }

  onMessage(message: Message, standing: Standing): void {
    const at = ((KIND_AT.get(message.kind) as number) * 2 + (standing.phase === 'active' ? 0 : 1)) * 4 + ageIndexOf(message, standing)
    this.#valid[at] = (this.#valid[at] as number) + 1
  }

  onRefused(message: Message, code: string, standing: Standing): void {
    this.hit(`refused ${message.kind}: ${code}`)
    this.hit(`${message.kind} ${standing.phase} ${AGES[ageIndexOf(message, standing)]} refused`)
  }

  #onIgnored(what: string, why: string): void {
    let reasons = this.#ignored.get(what)
    if (reasons === undefined) {
      reasons = new Map()
      this.#ignored.set(what, reasons)
    }
    reasons.set(why, (reasons.get(why) ?? 0) + 1)
  }

  onEvent(event: ConsensusEvent | MempoolEvent | EpochEvent | SyncEvent | BlobEvent | ProposalEvent): void {
    switch (event.name) {
      case 'view-entered':
        return this.hit(`view entered on ${event.base}`)
      case 'view-change-started':
        return this.hit(`view change: ${event.reason}`)
      case 'accepted':
        return this.hit(event.reproposal ? 'tip re-proposed' : 'block accepted')
      case 'committed':
        return this.hit(event.direct ? 'committed directly' : 'committed by a descendant')
      case 'snapshot-begun':
        return this.hit(event.resumed ? 'snapshot resumed' : 'snapshot begun')
      case 'snapshot-given-up':
        return this.hit(`snapshot given up: ${event.why}`)
      case 'snapshot-peer-dropped':
        return this.hit(`snapshot peer dropped: ${event.code}`)
      case 'blob-peer-dropped':
        return this.hit(`blob peer dropped: ${event.code}`)
      case 'ignored':
        return this.#onIgnored(event.what, event.why)
      default:
        return this.hit(event.name)
    }
  }
}

function cellName(at: number): string {
  const kind = MESSAGE_KINDS[at >> 3]
  const phase = PHASES[(at >> 2) & 1]
  return `${kind} ${phase} ${AGES[at & 3]} valid`
}

const STALE = 0
const CURRENT = 1
const FUTURE = 2
const BEYOND = 3

/** Position in `AGES`. */
function ageIndexOf(message: Message, standing: Standing): number {
  const { committedHeight } = standing
  switch (message.kind) {
    case 'pre-prepare':
      return ageBySlot(standing, message.view, message.block.header.height)
    case 'compact-pre-prepare':
      return ageBySlot(standing, message.view, message.header.height)
    case 'vote':
      return ageBySlot(standing, message.vote.view, message.vote.height)
    case 'certificate':
      return ageBySlot(standing, message.certificate.view, message.certificate.height)
    case 'sum':
      return ageBySlot(standing, message.sum.view, message.sum.height)
    case 'view-change':
      return ageByView(standing, message.entry.newView)
    case 'new-view':
      return ageByView(standing, message.newView)
    case 'status':
      return ageByHeight(standing, message.committedHeight, committedHeight)
    case 'fetch':
      return message.want === 'committed' ? ageByHeight(standing, message.from, 1) : CURRENT
    case 'blocks':
      return ageByHeight(standing, message.blocks[0]?.header.height ?? 0, committedHeight + 1)
    case 'block':
      return ageByHeight(standing, message.block.header.height, committedHeight + 1)
    case 'view-claim':
      return ageByView(standing, message.view)
    case 'snapshot':
      return ageByHeight(standing, message.offer.header.height, committedHeight + 1)
    case 'chunk':
      return ageByHeight(standing, message.height, committedHeight + 1)
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'evidence':
    case 'block-transactions':
      return CURRENT
  }
}

function ageByHeight({ committedHeight, window }: Standing, height: number, next: number): number {
  if (height < next) return STALE
  if (height > committedHeight + window) return BEYOND
  return height === next ? CURRENT : FUTURE
}

function ageBySlot({ view, committedHeight, window }: Standing, at: number, height: number): number {
  if (at < view || height <= committedHeight) return STALE
  if (height > committedHeight + window || at > view + FAR_VIEWS) return BEYOND
  return at === view ? CURRENT : FUTURE
}

function ageByView({ view }: Standing, at: number): number {
  if (at <= view) return at < view ? STALE : CURRENT
  return at > view + FAR_VIEWS ? BEYOND : FUTURE
}
