/**
 * Where a process dies, and what is on its disk then. Crashes are aimed at effect boundaries, which is where promises break: an
 * ambush waits for the next boundary of its kind, an enumerated crash for the one with its number.
 */
import type { State } from './application.js'
import type { Circumstances } from './circumstances.js'
import type { Write } from './disk.js'
import { type Node, writesIn } from './node.js'

/**
 * Between two effects, where a crash hurts most: before an effect is carried out, when a sync begins, when it is durable and
 * nothing that depends on it has left, after each message that left, when a block is committed that nobody else has.
 */
export type Boundary = 'persist' | 'send' | 'other' | 'sync' | 'synced' | 'released' | 'first-commit'
const AMBUSHES: readonly (Boundary | 'now')[] = ['now', 'persist', 'send', 'sync', 'synced', 'synced', 'released', 'first-commit']

/** A crash exactly here: the boundary with this number at this validator. */
export interface CrashPoint {
  readonly node: number
  readonly boundary: number
}

/** After an enumerated crash the process is back in no time. */
const CRASH_POINT_DOWN_MS = 100

export interface CrashesOptions {
  readonly circumstances: Circumstances
  readonly crashAt: CrashPoint | undefined
  /** Puts a write on the node's disk. */
  write(node: Node, write: Write<State>): void
}

export class Crashes {
  readonly #options: CrashesOptions
  readonly #circumstances: Circumstances
  /** `node` null: whoever gets there first. */
  #ambush: { readonly node: number | null; readonly at: Boundary } | null = null

  constructor(options: CrashesOptions) {
    this.#options = options
    this.#circumstances = options.circumstances
  }

  /** Power fails: of the writes not yet synced, some prefix made it; of one more group, perhaps some records. */
  crash(node: Node, downMs: number = this.#downMs(node)): void {
    if (node.replica === null) return
    const { events, fates, coverage, trace } = this.#circumstances
    const synced = [...writesIn(node.queue.splice(0, node.synced))] // it dies of what one of them concludes: the others are on the disk, too
    node.synced = 0
    const writes = [...writesIn(node.queue)]
    node.replica = null // before anything is written: it cannot die again of what that concludes
    const survived = fates.below(writes.length + 1, 'crash', node.index, node.incarnation, 7)
    for (const write of [...synced, ...writes.slice(0, survived)]) this.#options.write(node, write)
    node.noteDurableView()
    if (writes.length > survived) coverage.hit('crash lost unsynced writes')
    node.blobs.crash((nth) => fates.unit('crash', node.index, node.incarnation, 100 + nth) < 0.5)
    trace(node.index, 'crash', { writes: writes.length, survived })
    node.incarnation++
    node.queue = []
    coverage.hit('crash')
    events.push(events.nowMs + 1, { kind: 'died', node: node.index })
    events.push(events.nowMs + downMs, { kind: 'restart', node: node.index })
  }

  /** The nth crash of the run is due. It comes now, or at the next effect boundary of a kind. */
  onDue(victim: Node, nth: number): void {
    const at = AMBUSHES[this.#circumstances.fates.below(AMBUSHES.length, 'crash', 2, nth)] as Boundary | 'now'
    if (at === 'now') return this.crash(victim)
    this.#ambush = { at, node: at === 'first-commit' ? null : victim.index }
  }

  /** Nobody waits for anybody any more. */
  callOff(): void {
    this.#ambush = null
  }

  /** Passes one effect boundary; true if the process died there. */
  passes(node: Node, at: Boundary): boolean {
    node.boundaries++
    const { crashAt } = this.#options
    if (crashAt !== undefined && crashAt.node === node.index && crashAt.boundary === node.boundaries) {
      this.#circumstances.coverage.hit(`crash at a boundary: ${at}`)
      this.crash(node, CRASH_POINT_DOWN_MS)
      return true
    }
    const ambush = this.#ambush
    if (ambush === null || ambush.at !== at || (ambush.node !== null && ambush.node !== node.index)) return false
    this.#ambush = null
    this.#circumstances.coverage.hit(`crash at a boundary: ${at}`)
    this.crash(node)
    return true
  }

  #downMs(node: Node): number {
    const { fates, knobs } = this.#circumstances
    return fates.exponential(knobs.downMs, 'crash', node.index, node.incarnation, 8)
  }
}
