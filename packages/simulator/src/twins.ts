/**
 * Twins (Bano et al., *Twins: BFT Systems Made Robust*, OPODIS 2021): a faulty validator is two unmodified replicas with one
 * key; who hears whom is chosen anew for every view. All choices are explored, layer by layer over distinct states of the
 * whole system, each with the number of schedules that lead to it (docs/twins.md says what a schedule is and why this covers all).
 */
import { assert, epoch, keyOf, utf8, validatorIndex } from '@aethel/codec'
import { createValidatorSet, type ValidatorSet } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { idealKey } from './ideal-hash-signatures.js'
import { randomStream } from './random.js'
import { WorldEssence } from './twins-essence.js'
import { TwinsNetwork } from './twins-network.js'
import { type Sending, type TwinActor, type TwinState, TwinsReplica, wholeOf } from './twins-replica.js'
import { demand, Violation } from './violation.js'

/** Bugs to find, so that finding none means something. `small-quorum`: half the power is enough. */
export type TwinsBug = 'none' | 'small-quorum'

/** When two states of the whole system are one: if nothing that can still be read differs, or if nothing at all does. */
export type TwinsMerging = 'essence' | 'whole'

export interface TwinsOptions {
  readonly validators: number
  /** Validators 0..twins-1, shifted by `first`, run twice. */
  readonly twins: number
  readonly first: number
  readonly views: number
  readonly window: number
  readonly bug: TwinsBug
  readonly merging: TwinsMerging
}

export interface TwinsReport {
  readonly ok: boolean
  readonly schedules: number
  /** Distinct states of the whole system after each view. */
  readonly layers: readonly number[]
  /** Views played, one for each distinct state and split, and steps that the cores took. */
  readonly plays: number
  readonly steps: number
  /** Schedules at whose end an honest validator has committed something. */
  readonly committed: number
  readonly highest: number
  /** Of all views of all schedules, those in which ... */
  readonly viewsWith: { readonly twoBlocksPrepared: number; readonly tipAdopted: number; readonly evidence: number }
  readonly violation?: { readonly invariant: string; readonly message: string; readonly schedule: readonly number[] }
}

export interface TwinsProgress {
  /** The view that is played, of how many distinct states before it, and from how many it has been played. */
  readonly view: number
  readonly states: number
  readonly played: number
  /** Schedules brought to their end. */
  readonly schedules: number
}

const PLAYED_BETWEEN_REPORTS = 64

export interface Held {
  readonly from: number
  readonly message: number
}

interface World {
  readonly states: readonly TwinState[]
  /** COMMITs of the view before, under way across the change of the partition. */
  readonly held: readonly Held[]
  /** How many schedules lead here, and one of them. */
  count: number
  readonly schedule: readonly number[]
  /** Whether it lies on the edge of the range that is explored. */
  readonly edge: Edge
}

type Edge = 'inside' | 'low' | 'high' | 'both'

interface Outcome {
  readonly states: readonly TwinState[]
  readonly held: readonly Held[]
  readonly twoBlocksPrepared: boolean
  readonly tipAdopted: boolean
  readonly evidence: boolean
  readonly steps: number
}

/** Ways to split the replicas in two parts, one of which may be empty: the last replica's part is part 0. */
export function splitsOf({ validators, twins }: TwinsOptions): number {
  return 2 ** (validators + twins - 1)
}

export function schedulesOf(options: TwinsOptions): number {
  return splitsOf(options) ** options.views
}

export class Twins {
  readonly #options: TwinsOptions
  readonly #replicas: TwinsReplica[] = []
  readonly #network: TwinsNetwork
  readonly #worldBefore: World

  constructor(options: TwinsOptions) {
    this.#options = options
    const { validators: count, twins, first, window } = options
    const set = validatorSet(count)
    const working: ValidatorSet = options.bug === 'small-quorum' ? { ...set, totalPower: (3n * BigInt(count) - 1n) / 4n } : set
    const isTwin = (index: number): boolean => (index - first + count) % count < twins
    const honest = Array.from({ length: count }, (_, index) => !isTwin(index))
    this.#network = new TwinsNetwork(working, hashTagged('aethel/twins-chain', Uint8Array.of(count, twins)), honest)
    const add = (index: number, name: string): void => {
      const replica = { index: validatorIndex(index), name, honest: honest[index] === true, window }
      this.#replicas.push(new TwinsReplica({ ...replica, validators: working, trueValidators: set, network: this.#network }))
    }
    for (let index = 0; index < count; index++) add(index, 'a')
    for (let index = 0; index < count; index++) if (isTwin(index)) add(index, 'b')
    this.#worldBefore = { states: this.#replicas.map((replica) => replica.initial), held: [], count: 1, schedule: [], edge: 'both' }
  }

  /** Explores schedules `from` (inclusive) to `to` (exclusive), numbered with the first view's split as the highest digit. */
  explore(from: number, to: number, onProgress: (progress: TwinsProgress) => void = () => undefined): TwinsReport {
    const { views } = this.#options
    assert(from >= 0 && from < to && to <= schedulesOf(this.#options), 'the range lies within the schedules there are')
    const low = digitsOf(from, splitsOf(this.#options), views)
    const high = digitsOf(to - 1, splitsOf(this.#options), views)
    const tally = new Tally()
    let layer: World[] = [this.#worldBefore]
    let violation: TwinsReport['violation']
    try {
      for (let at = 0; at < views; at++) {
        layer = this.#nextLayer(layer, at, low[at] ?? 0, high[at] ?? 0, tally, onProgress)
      }
    } catch (error) {
      if (!(error instanceof TwinsViolation)) throw error
      violation = error.found
    }
    return this.#report(tally, violation)
  }

  /** One schedule; for samples and replays. */
  run(schedule: readonly number[]): TwinsReport {
    const tally = new Tally()
    let world = this.#worldBefore
    let violation: TwinsReport['violation']
    try {
      for (const [at, split] of schedule.entries()) {
        const outcome = this.#try(world, at, split)
        tally.note(outcome, 1)
        world = { ...outcome, count: 1, schedule: [...world.schedule, split], edge: 'inside' }
        if (at === schedule.length - 1) tally.end(this.#highest(world.states), 1)
      }
    } catch (error) {
      if (!(error instanceof TwinsViolation)) throw error
      violation = error.found
    }
    return this.#report(tally, violation)
  }

  #report(tally: Tally, violation: TwinsReport['violation']): TwinsReport {
    const { schedules, layers, committed, highest, viewsWith } = tally
    const report = { ok: violation === undefined, schedules, layers, plays: tally.plays, steps: tally.steps, committed, highest, viewsWith }
    return violation === undefined ? report : { ...report, violation }
  }

  #nextLayer(
    layer: readonly World[],
    at: number,
    low: number,
    high: number,
    tally: Tally,
    onProgress: (progress: TwinsProgress) => void,
  ): World[] {
    const splits = splitsOf(this.#options)
    const last = at === this.#options.views - 1
    const next = new Map<string, World>()
    let done = 0
    for (const world of layer) {
      const first = world.edge === 'low' || world.edge === 'both' ? low : 0
      const final = world.edge === 'high' || world.edge === 'both' ? high : splits - 1
      for (let split = first; split <= final; split++) {
        const outcome = this.#try(world, at, split)
        tally.note(outcome, world.count)
        if (last) {
          tally.end(this.#highest(outcome.states), world.count)
          continue
        }
        const edge = edgeAfter(world.edge, split === low, split === high)
        const key = this.#keyOf(outcome, edge)
        const known = next.get(key)
        if (known === undefined) {
          next.set(key, { states: outcome.states, held: outcome.held, count: world.count, schedule: [...world.schedule, split], edge })
        } else known.count += world.count
      }
      done++
      if (done % PLAYED_BETWEEN_REPORTS === 0) onProgress({ view: at, states: layer.length, played: done, schedules: tally.schedules })
    }
    tally.layers.push(last ? layer.length : next.size)
    return [...next.values()]
  }

  #try(world: World, at: number, split: number): Outcome {
    try {
      const outcome = this.#playView(world, at === 0, split)
      const settled = at === this.#options.views - 1 ? this.#deliverHeld(outcome, split) : outcome
      this.#checkAgreement(settled.states)
      return settled
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      throw new TwinsViolation({ invariant: error.invariant, message: error.message, schedule: [...world.schedule, split] })
    }
  }

  /**
   * One view under one split: the COMMITs of the view before arrive, every view timer fires (whoever's stands still asks around),
   * then all that is said is heard within its part, in order, except COMMITs: those are under way until the next view.
   */
  #playView(world: World, first: boolean, split: number): Outcome {
    const play = new Play(this.#replicas, this.#network, world.states, split)
    for (const { from, message } of world.held) play.spread(from, message)
    play.deliver('held')
    for (const slot of this.#replicas.keys()) {
      if (first) play.start(slot)
      else play.fire(slot)
    }
    play.deliver('fresh')
    return play.outcome()
  }

  /** After the last view its COMMITs arrive, too. */
  #deliverHeld(outcome: Outcome, split: number): Outcome {
    const play = new Play(this.#replicas, this.#network, outcome.states, split)
    for (const { from, message } of outcome.held) play.spread(from, message)
    play.deliver('held')
    const { states, steps } = play.outcome()
    return { ...outcome, states, steps: outcome.steps + steps }
  }

  /** Equal keys, equal futures (docs/twins.md). */
  #keyOf({ states, held }: Outcome, edge: Edge): string {
    const text = this.#options.merging === 'whole' ? this.#wholeOf(states, held) : this.#essenceOf(states, held)
    return keyOf(hashTagged('aethel/twins-world/v1', utf8(`${text};${edge}`)))
  }

  #wholeOf(states: readonly TwinState[], held: readonly Held[]): string {
    return `${states.map(wholeOf).join(';')};${held.map(({ from, message }) => `${from}:${message}`).join()}`
  }

  #essenceOf(states: readonly TwinState[], held: readonly Held[]): string {
    return new WorldEssence(this.#network, states, held).text
  }

  #checkAgreement(states: readonly TwinState[]): void {
    let longest: readonly string[] = []
    for (const [slot, state] of states.entries()) {
      if (this.#replicas[slot]?.honest !== true) continue
      const shorter = Math.min(longest.length, state.chain.length)
      // Chains are linked by parents, so equal hashes at one height mean equal chains below.
      demand(
        'agreement',
        shorter === 0 || longest[shorter - 1] === state.chain[shorter - 1],
        () => `two honest validators differ at height ${shorter} or below`,
      )
      if (state.chain.length > longest.length) longest = state.chain
    }
  }

  #highest(states: readonly TwinState[]): number {
    return Math.max(...states.map((state, slot) => (this.#replicas[slot]?.honest === true ? state.chain.length : 0)))
  }
}

class TwinsViolation extends Error {
  readonly found: NonNullable<TwinsReport['violation']>
  constructor(found: NonNullable<TwinsReport['violation']>) {
    super(found.message)
    this.found = found
  }
}

class Tally {
  schedules = 0
  committed = 0
  highest = 0
  plays = 0
  steps = 0
  readonly layers: number[] = []
  readonly viewsWith = { twoBlocksPrepared: 0, tipAdopted: 0, evidence: 0 }

  note(outcome: Outcome, count: number): void {
    this.plays++
    this.steps += outcome.steps
    for (const name of ['twoBlocksPrepared', 'tipAdopted', 'evidence'] as const) if (outcome[name]) this.viewsWith[name] += count
  }

  end(highest: number, count: number): void {
    this.schedules += count
    if (highest > 0) this.committed += count
    this.highest = Math.max(this.highest, highest)
  }
}

/** More messages than a view of few replicas ever has. */
const MAX_DELIVERIES_PER_VIEW = 20_000

/** The replicas during one view. */
class Play {
  readonly #replicas: readonly TwinsReplica[]
  readonly #network: TwinsNetwork
  readonly #split: number
  readonly #before: readonly TwinState[]
  /** Made when a replica is first told something. */
  readonly #actors: (TwinActor | undefined)[]
  readonly #queue: { readonly from: number; readonly to: number; readonly message: number }[] = []
  #delivered = 0
  readonly #held: Held[] = []

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

  start(slot: number): void {
    this.#send(slot, this.#actorAt(slot).start())
  }

  fire(slot: number): void {
    const actor = this.#actorAt(slot)
    this.#send(slot, actor.fire(actor.viewTimerRunning ? 'view' : 'status'))
  }

  /** Puts a message on its way to everybody in the sender's part; a key never talks to itself. */
  spread(from: number, message: number, to: number | 'all' = 'all'): void {
    const sender = this.#replicas[from]?.index
    for (const [slot, { index }] of this.#replicas.entries()) {
      if (index === sender || (to !== 'all' && to !== index) || this.#side(slot) !== this.#side(from)) continue
      this.#queue.push({ from, to: slot, message })
    }
  }

  #side(slot: number): number {
    return slot === this.#replicas.length - 1 ? 0 : (this.#split >> slot) & 1
  }

  /** `held`: only what is queued now; what it brings about is queued behind. */
  deliver(which: 'held' | 'fresh'): void {
    const until = which === 'held' ? this.#queue.length : this.#delivered + MAX_DELIVERIES_PER_VIEW
    while (this.#delivered < until) {
      const sent = this.#queue[this.#delivered]
      if (sent === undefined) return
      this.#delivered++
      this.#send(sent.to, this.#actorAt(sent.to).receive((this.#replicas[sent.from] as TwinsReplica).index, sent.message))
    }
    demand('bounded-buffers', which === 'held', () => `a view does not come to rest within ${MAX_DELIVERIES_PER_VIEW} deliveries`)
  }

  #send(slot: number, sends: readonly Sending[]): void {
    for (const { to, message } of sends) {
      if (to === 'all' && this.#network.isCommitVote(message)) this.#held.push({ from: slot, message })
      else this.spread(slot, message, to)
    }
  }

  outcome(): Outcome {
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
    return { states, held: this.#held, twoBlocksPrepared: prepared.size > 1, tipAdopted, evidence, steps }
  }
}

function validatorSet(count: number): ValidatorSet {
  const set = createValidatorSet(
    epoch(0),
    Array.from({ length: count }, (_, index) => ({ publicKey: idealKey(index), power: 1n })),
  )
  assert(set.ok, 'a set of twins is well formed')
  return set.value
}

function digitsOf(number: number, base: number, count: number): number[] {
  const digits: number[] = []
  for (let rest = number; digits.length < count; rest = Math.floor(rest / base)) digits.unshift(rest % base)
  return digits
}

function edgeAfter(edge: Edge, atLow: boolean, atHigh: boolean): Edge {
  const low = (edge === 'low' || edge === 'both') && atLow
  const high = (edge === 'high' || edge === 'both') && atHigh
  if (low) return high ? 'both' : 'low'
  return high ? 'high' : 'inside'
}

/** A random schedule, for sets too large to exhaust. */
export function randomSchedule(options: TwinsOptions, seed: number): number[] {
  const random = randomStream(seed, 'twins')
  const splits = splitsOf(options)
  return Array.from({ length: options.views }, () => random.below(splits))
}
