/**
 * One view of the exploration of twins: the replicas, or those of one part, under one split (docs/twins.md, "What a schedule is").
 * Messages reach the speaker's part only, so each part's play is a matter of its own.
 */

import type { TwinsNetwork } from './twins-network.js'
import type { Sending, TwinActor, TwinState, TwinsReplica } from './twins-replica.js'
import { demand } from './violation.js'

/** A COMMIT under way across a change of the partition. */
export interface Held {
  readonly from: number
  readonly message: number
}

export interface Outcome {
  readonly states: readonly TwinState[]
  readonly held: readonly Held[]
  /** Blocks that honest replicas prepared, by `keyOf` their hashes. */
  readonly prepared: ReadonlySet<string>
  readonly tipAdopted: boolean
  readonly evidence: boolean
  readonly steps: number
}

/** Which part of a split a replica is in: the last one is in part 0. */
export type Side = 0 | 1

export function sideOf(slot: number, split: number, slots: number): Side {
  return (slot === slots - 1 ? 0 : (split >> slot) & 1) as Side
}

/** Which view it is: the first one starts the replicas, after the last one its COMMITs arrive, too. */
export interface When {
  readonly first: boolean
  readonly last: boolean
}

/** More messages than a view of few replicas ever has. */
const MAX_DELIVERIES_PER_VIEW = 20_000

interface Delivery {
  readonly from: number
  readonly to: number
  readonly message: number
}

/** The replicas during one view. */
export class Play {
  readonly #replicas: readonly TwinsReplica[]
  readonly #network: TwinsNetwork
  readonly #split: number
  readonly #before: readonly TwinState[]
  /** Made when a replica is first told something. */
  readonly #actors: (TwinActor | undefined)[]
  readonly #queue: Delivery[] = []
  #delivered = 0
  #held: Held[] = []

  constructor(replicas: readonly TwinsReplica[], network: TwinsNetwork, states: readonly TwinState[], split: number) {
    this.#replicas = replicas
    this.#network = network
    this.#before = states
    this.#actors = states.map(() => undefined)
    this.#split = split
  }

  #actorAt(slot: number): TwinActor {
    let actor = this.#actors[slot]
    if (actor === undefined) {
      actor = (this.#replicas[slot] as TwinsReplica).actor(this.#before[slot] as TwinState)
      this.#actors[slot] = actor
    }
    return actor
  }

  /**
   * The COMMITs of the view before arrive, every view timer fires (whoever's stands still asks around), then all that is said is
   * heard within its part, in order, except COMMITs: those are under way until the next view.
   */
  run(held: readonly Held[], { first, last }: When, side: Side | 'both'): Outcome {
    const isIn = (slot: number): boolean => side === 'both' || this.#side(slot) === side
    this.#deliverHeld(held.filter(({ from }) => isIn(from)))
    for (const slot of this.#replicas.keys()) {
      if (!isIn(slot)) continue
      if (first) this.#start(slot)
      else this.#fire(slot)
    }
    this.#deliverAll()
    if (last) this.#deliverHeld(this.#takeHeld())
    return this.#outcome()
  }

  #start(slot: number): void {
    this.#send(slot, this.#actorAt(slot).start())
  }

  #fire(slot: number): void {
    const actor = this.#actorAt(slot)
    this.#send(slot, actor.fire(actor.viewTimerRunning ? 'view' : 'status'))
  }

  /** Puts a message on its way to everybody in the sender's part; a key never talks to itself. */
  #spread(from: number, message: number, to: number | 'all' = 'all'): void {
    const sender = this.#replicas[from]?.index
    for (const [slot, { index }] of this.#replicas.entries()) {
      if (index === sender || (to !== 'all' && to !== index) || this.#side(slot) !== this.#side(from)) continue
      this.#queue.push({ from, to: slot, message })
    }
  }

  #side(slot: number): Side {
    return sideOf(slot, this.#split, this.#replicas.length)
  }

  /** What they bring about is queued behind them, and waits. */
  #deliverHeld(held: readonly Held[]): void {
    this.#queue.length = 0
    this.#delivered = 0
    for (const { from, message } of held) this.#spread(from, message)
    const until = this.#queue.length
    while (this.#delivered < until) this.#deliverNext()
  }

  /** Until nothing moves. */
  #deliverAll(): void {
    const until = this.#delivered + MAX_DELIVERIES_PER_VIEW
    while (this.#delivered < this.#queue.length) {
      demand('bounded-buffers', this.#delivered < until, () => `a view does not come to rest within ${MAX_DELIVERIES_PER_VIEW} deliveries`)
      this.#deliverNext()
    }
  }

  #deliverNext(): void {
    const { from, to, message } = this.#queue[this.#delivered++] as Delivery
    this.#send(to, this.#actorAt(to).receive((this.#replicas[from] as TwinsReplica).index, message))
  }

  #takeHeld(): readonly Held[] {
    const held = this.#held
    this.#held = []
    return held
  }

  #send(slot: number, sends: readonly Sending[]): void {
    for (const { to, message } of sends) {
      if (to === 'all' && this.#network.isCommitVote(message)) this.#held.push({ from: slot, message })
      else this.#spread(slot, message, to)
    }
  }

  #outcome(): Outcome {
    const prepared = new Set<string>()
    let tipAdopted = false
    let evidence = false
    let steps = 0
    for (const [slot, actor] of this.#actors.entries()) {
      if (actor === undefined) continue
      if (this.#replicas[slot]?.honest === true) for (const hash of actor.prepared) prepared.add(hash)
      tipAdopted ||= actor.onTip
      evidence ||= actor.evidence
      steps += actor.steps
    }
    const states = this.#actors.map((actor, slot) => actor?.state ?? (this.#before[slot] as TwinState))
    return { states, held: this.#held, prepared, tipAdopted, evidence, steps }
  }
}
