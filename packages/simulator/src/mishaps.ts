/**
 * Faults that come by themselves: each kind every so often, by the seed's knobs, until the world heals. Whom one strikes and how long it
 * lasts follows from its number.
 */
import type { Circumstances } from './circumstances.js'
import type { Crashes } from './crashes.js'
import type { Node } from './node.js'
import type { FaultKind } from './world-events.js'

const FAULT_KINDS: readonly FaultKind[] = ['crash', 'power-loss', 'partition', 'clog', 'pause', 'clock-jump']

export interface MishapsOptions {
  readonly circumstances: Circumstances
  readonly nodes: readonly Node[]
  readonly crashes: Crashes
}

export class Mishaps {
  readonly #circumstances: Circumstances
  readonly #nodes: readonly Node[]
  readonly #crashes: Crashes

  constructor({ circumstances, nodes, crashes }: MishapsOptions) {
    this.#circumstances = circumstances
    this.#nodes = nodes
    this.#crashes = crashes
  }

  /** The first of each kind is on its way. */
  begin(): void {
    for (const fault of FAULT_KINDS) this.#schedule(fault, 1)
  }

  onDue(fault: FaultKind, nth: number): void {
    const { events, fates, network } = this.#circumstances
    if (network.healed) return
    this.#schedule(fault, nth + 1)
    if (fault === 'partition' && network.partitioned) return
    if (fates.allows(fault, `#${nth}`, events.nowMs)) this.#strike(fault, nth)
  }

  /** The nth partition ends, unless it has ended already. */
  onMend(nth: number): void {
    if (this.#circumstances.network.mend(nth)) this.reconnectSome(nth)
  }

  /** After the nth partition: connections that broke are made anew, and both ends are told. */
  reconnectSome(nth: number): void {
    const { events, fates } = this.#circumstances
    for (const node of this.#nodes) {
      for (const peer of this.#nodes) {
        if (node !== peer && fates.unit('partition', 5 + node.index, nth, peer.index) < 0.5)
          events.push(events.nowMs + 1, { kind: 'connected', node: node.index, peer: peer.index })
      }
    }
  }

  #strike(fault: FaultKind, nth: number): void {
    const { events, fates, network, knobs, coverage, trace } = this.#circumstances
    const { nowMs } = events
    const victim = this.#nodes[fates.below(this.#nodes.length, fault, 1, nth)] as Node
    switch (fault) {
      case 'crash':
        return this.#crashes.onDue(victim, nth)
      case 'power-loss':
        return this.#losePower(nth)
      case 'partition':
        network.partition(nth)
        coverage.hit('partition')
        events.push(nowMs + fates.exponential(knobs.partitionMs, fault, 4, nth), { kind: 'mend', nth })
        return trace(-1, 'partition', { nth })
      case 'clog': {
        const to = fates.below(this.#nodes.length, fault, 2, nth)
        network.clog(victim.index, to, nowMs + fates.exponential(400, fault, 3, nth))
        coverage.hit('clog')
        return
      }
      case 'pause':
        if (victim.replica === null) return
        victim.pausedUntilMs = nowMs + fates.exponential(knobs.pauseMs, fault, 2, nth)
        coverage.hit('pause')
        return trace(victim.index, 'pause', { untilMs: victim.pausedUntilMs })
      case 'clock-jump':
        victim.jumpedMs = Math.floor((fates.unit(fault, 2, nth) - 0.4) * 5_000)
        coverage.hit(victim.jumpedMs < 0 ? 'clock jumped back' : 'clock jumped ahead')
        return trace(victim.index, 'clock jump', { byMs: victim.jumpedMs })
    }
  }

  #losePower(nth: number): void {
    const { fates, coverage } = this.#circumstances
    const everybody = fates.unit('power-loss', 2, nth) < 0.3
    coverage.hit(everybody ? 'power loss of all' : 'power loss of several')
    for (const node of this.#nodes) if (everybody || fates.unit('power-loss', 3, nth, node.index) < 0.5) this.#crashes.crash(node)
  }

  #schedule(fault: FaultKind, nth: number): void {
    const { events, fates } = this.#circumstances
    const gapMs = this.#gapOf(fault)
    if (gapMs !== null) events.push(events.nowMs + fates.exponential(gapMs, fault, 0, nth), { kind: 'fault', fault, nth })
  }

  /** On average, from one to the next; null: this kind is off. */
  #gapOf(fault: FaultKind): number | null {
    const { knobs } = this.#circumstances
    switch (fault) {
      case 'crash':
        return knobs.meanCrashGapMs
      case 'power-loss':
        return knobs.meanCrashGapMs === null ? null : 4 * knobs.meanCrashGapMs
      case 'partition':
        return knobs.meanPartitionGapMs
      case 'clog':
        return knobs.meanClogGapMs
      case 'pause':
        return knobs.meanPauseGapMs
      case 'clock-jump':
        return knobs.meanClockJumpGapMs
    }
  }
}
