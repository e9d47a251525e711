/**
 * The order of writes and of what waits for them. A node syncs everything that has gathered since the last sync began; a message leaves
 * when all that was written before it is durable.
 */
import type { State } from './application.js'
import type { Circumstances } from './circumstances.js'
import type { Crashes } from './crashes.js'
import type { Write } from './disk.js'
import type { DiskFaults } from './disk-faults.js'
import type { Leaving, Node, Queued } from './node.js'

export interface GroupCommitOptions {
  readonly circumstances: Circumstances
  readonly crashes: Crashes
  readonly diskFaults: DiskFaults
  /** Puts a write on the node's disk. */
  write(node: Node, write: Write<State>): void
  /** An effect is about to leave: the disk is as it promises, or it lies. */
  check(node: Node, effect: Leaving): void
  /** It leaves. */
  release(node: Node, effect: Leaving): void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Leaves now, if nothing waits; else when what was queued before is durable. */
  order(node: Node, effect: Leaving): void {
    if (node.queue.length === 0) {
      this.#options.check(node, effect)
      this.#options.release(node, effect)
    } else node.queue.push({ kind: 'release', effect })
  }

  /** A sync begins, if there is something to sync and none is under way. */
  begin(node: Node): void {
    if (node.syncing || node.queue.length === 0 || node.replica === null || this.#options.crashes.passes(node, 'sync')) return
    const { events, fates, knobs } = this.#options.circumstances
    node.syncing = true
    const takesMs = fates.delay(knobs.fsyncMs, -1_000_001 - node.index, ++node.syncs)
    const { index, incarnation, queue } = node
    events.push(events.nowMs + takesMs, { kind: 'synced', node: index, incarnation, count: queue.length })
  }

  /** Everything queued when the sync began is durable; releases up to the next write go out. */
  onSynced(node: Node, count: number): void {
    const { crashes, diskFaults, release } = this.#options
    node.syncing = false
    if (diskFaults.failsSync(node)) return crashes.crash(node)
    const releases = this.#conclude(node, count)
    node.noteDurableView()
    if (node.replica === null || crashes.passes(node, 'synced')) return // it may have died at a first commit
    for (const effect of releases) {
      release(node, effect)
      if (crashes.passes(node, 'released')) return
    }
    this.begin(node)
  }

  /** Takes what is durable, and what waits for nothing else, from the queue; answers with what may leave. */
  #conclude(node: Node, count: number): Leaving[] {
    const { queue } = node
    let until = count
    while (queue[until]?.kind === 'release') until++
    const releases: Leaving[] = []
    for (node.synced = until; node.synced > 0; ) {
      const item = queue.shift() as Queued
      node.synced--
      if (item.kind === 'write') this.#options.write(node, item.write)
      else {
        this.#options.check(node, item.effect) // against what was durable before it
        releases.push(item.effect)
      }
    }
    return releases
  }
}
