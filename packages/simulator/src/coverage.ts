/**
 * What a run has seen: message kinds by phase and age, and rare events that a suite must meet at least once ("sometimes"
 * assertions). A suite that never saw a view change with a prepared certificate has tested nothing.
 */
import type { ConsensusEvent } from '@aethel/consensus'
import type { EpochEvent, MempoolEvent, Replica, ReplicaInput } from '@aethel/replica'

export class Coverage {
  readonly #counts = new Map<string, number>()

  hit(cell: string): void {
    this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + 1)
  }

  get cells(): ReadonlyMap<string, number> {
    return this.#counts
  }

  merge(other: Coverage): void {
    for (const [cell, count] of other.cells) this.#counts.set(cell, (this.#counts.get(cell) ?? 0) + count)
  }

  onInput<State>(replica: Replica<State>, input: ReplicaInput): void {
    if (input.kind !== 'message') return
    const { message } = input
    const at =
      message.kind === 'pre-prepare'
        ? message.view
        : message.kind === 'vote'
          ? message.vote.view
          : message.kind === 'new-view'
            ? message.newView
            : null
    if (at === null) return this.hit(`${message.kind}`)
    const { view, phase } = replica.position
    this.hit(`${message.kind} ${phase} ${at < view ? 'stale' : at === view ? 'current' : 'future'}`)
  }

  onEvent(event: ConsensusEvent | MempoolEvent | EpochEvent): void {
    switch (event.name) {
      case 'view-entered':
        return this.hit(`view entered on ${event.base}`)
      case 'view-change-started':
        return this.hit(`view change: ${event.reason}`)
      case 'accepted':
        return this.hit(event.reproposal ? 'tip re-proposed' : 'block accepted')
      case 'committed':
        return this.hit(event.direct ? 'committed directly' : 'committed by a descendant')
      case 'ignored':
        return this.hit(`ignored ${event.what}: ${event.why}`)
      default:
        return this.hit(event.name)
    }
  }
}
