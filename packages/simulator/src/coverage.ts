/**
 * What a run has seen: messages by kind, phase, age and verdict, and rare events that a suite must meet at least once
 * ("sometimes" assertions). A suite that never saw a view change with a prepared certificate has tested nothing.
 */
import type { ConsensusEvent, Message } from '@aethel/consensus'
import type { EpochEvent, MempoolEvent, SyncEvent } from '@aethel/replica'

export const MESSAGE_KINDS = [
  'pre-prepare',
  'vote',
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
] as const
export const PHASES = ['active', 'changing'] as const
/** As the receiver sees it: by view where the message has one, else by height; `beyond`: outside of the window. */
export const AGES = ['stale', 'current', 'future', 'beyond'] as const
type Age = (typeof AGES)[number]

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

  onEvent(event: ConsensusEvent | MempoolEvent | EpochEvent | SyncEvent): void {
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

function ageIndexOf(message: Message, standing: Standing): number {
  return AGES.indexOf(ageOf(message, standing))
}

function ageOf(message: Message, standing: Standing): Age {
  const { view, committedHeight, window } = standing
  const byHeight = (height: number, next: number): Age =>
    height < next ? 'stale' : height > committedHeight + window ? 'beyond' : height === next ? 'current' : 'future'
  const bySlot = (at: number, height: number): Age => {
    if (at < view || height <= committedHeight) return 'stale'
    if (height > committedHeight + window || at > view + FAR_VIEWS) return 'beyond'
    return at === view ? 'current' : 'future'
  }
  const byView = (at: number): Age => (at < view ? 'stale' : at === view ? 'current' : at > view + FAR_VIEWS ? 'beyond' : 'future')
  switch (message.kind) {
    case 'pre-prepare':
      return bySlot(message.view, message.block.header.height)
    case 'vote':
      return bySlot(message.vote.view, message.vote.height)
    case 'view-change':
      return byView(message.entry.newView)
    case 'new-view':
      return byView(message.newView)
    case 'status':
      return byHeight(message.committedHeight, committedHeight)
    case 'fetch':
      return message.want === 'committed' ? byHeight(message.from, 1) : 'current'
    case 'blocks':
      return byHeight(message.blocks[0]?.header.height ?? 0, committedHeight + 1)
    case 'block':
      return byHeight(message.block.header.height, committedHeight + 1)
    case 'view-claim':
      return byView(message.view)
    case 'snapshot':
      return byHeight(message.offer.header.height, committedHeight + 1)
    case 'chunk':
      return byHeight(message.height, committedHeight + 1)
    case 'evidence':
      return 'current'
  }
}
