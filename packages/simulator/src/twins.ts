/**
 * Twins (Bano et al., *Twins: BFT Systems Made Robust*, OPODIS 2021): a faulty validator is two unmodified replicas with one
 * key; who hears whom is chosen anew for every view. All choices are explored, layer by layer over distinct states of the
 * whole system, each with the number of schedules that lead to it (docs/twins.md says what a schedule is and why this covers all).
 */
import { assert, epoch, validatorIndex } from '@aethel/codec'
import { createValidatorSet, type ValidatorSet } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { idealKey } from './ideal-hash-signatures.js'
import { randomStream } from './random.js'
import { TwinsNetwork } from './twins-network.js'
import { type TwinState, TwinsReplica } from './twins-replica.js'
import { demand, Violation } from './violation.js'

/** Bugs to find, so that finding none means something. `small-quorum`: half the power is enough. */
export type TwinsBug = 'none' | 'small-quorum'

export interface TwinsOptions {
  readonly validators: number
  /** Validators 0..twins-1, shifted by `first`, run twice. */
  readonly twins: number
  readonly first: number
  readonly views: number
  readonly window: number
  readonly bug: TwinsBug
}

export interface TwinsReport {
  readonly ok: boolean
  readonly schedules: number
  /** Distinct states of the whole system after each view. */
  readonly layers: readonly number[]
  /** Distinct states of single replicas, and steps their cores took. */
  readonly replicaStates: number
  readonly steps: number
  /** Schedules at whose end an honest validator has committed something. */
  readonly committed: number
  readonly highest: number
  /** Of all views of all schedules, those in which ... */
  readonly viewsWith: { readonly twoBlocksPrepared: number; readonly tipAdopted: number; readonly evidence: number }
  readonly violation?: { readonly invariant: string; readonly message: string; readonly schedule: readonly number[] }
}

interface Held {
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
  explore(from: number, to: number, onProgress: (done: number) => void = () => undefined): TwinsReport {
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
        this.#forget(layer)
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
    this.#forget([])
    return this.#report(tally, violation)
  }

  #report(tally: Tally, violation: TwinsReport['violation']): TwinsReport {
    const { schedules, layers, committed, highest, viewsWith } = tally
    const replicaStates = this.#replicas.reduce((sum, replica) => sum + replica.statesMet, 0)
    const steps = this.#replicas.reduce((sum, replica) => sum + replica.stepsTaken, 0)
    const report = { ok: violation === undefined, schedules, layers, replicaStates, steps, committed, highest, viewsWith }
    return violation === undefined ? report : { ...report, violation }
  }

  #nextLayer(layer: readonly World[], at: number, low: number, high: number, tally: Tally, onProgress: (done: number) => void): World[] {
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
        const key = keyOfWorld(outcome, edge)
        const known = next.get(key)
        if (known === undefined) {
          next.set(key, { states: outcome.states, held: outcome.held, count: world.count, schedule: [...world.schedule, split], edge })
        } else known.count += world.count
      }
      done++
      if (last && done % 256 === 0) onProgress(tally.schedules)
    }
    tally.layers.push(last ? layer.length : next.size)
    return [...next.values()]
  }

  #forget(layer: readonly World[]): void {
    for (const [slot, replica] of this.#replicas.entries()) {
      const kept = new Set<TwinState>([replica.initial])
      for (const world of layer) kept.add(world.states[slot] as TwinState)
      replica.keepOnly(kept)
    }
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
    const { states } = play.outcome()
    return { ...outcome, states }
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
  readonly layers: number[] = []
  readonly viewsWith = { twoBlocksPrepared: 0, tipAdopted: 0, evidence: 0 }

  note(outcome: Outcome, count: number): void {
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
  readonly #states: TwinState[]
  readonly #queue: { readonly from: number; readonly to: number; readonly message: number }[] = []
  readonly #held: Held[] = []
  readonly #prepared = new Set<string>()
  #tipAdopted = false
  #evidence = false

  constructor(replicas: readonly TwinsReplica[], network: TwinsNetwork, states: readonly TwinState[], split: number) {
    this.#replicas = replicas
    this.#network = network
    this.#states = [...states]
    this.#split = split
  }

  start(slot: number): void {
    const replica = this.#replicas[slot] as TwinsReplica
    this.#apply(slot, replica.start(this.#states[slot] as TwinState))
  }

  fire(slot: number): void {
    const replica = this.#replicas[slot] as TwinsReplica
    const state = this.#states[slot] as TwinState
    this.#apply(slot, replica.fire(state, state.viewTimerRunning ? 'view' : 'status'))
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
    const until = which === 'held' ? this.#queue.length : MAX_DELIVERIES_PER_VIEW
    for (let count = 0; count < until; count++) {
      const sent = this.#queue.shift()
      if (sent === undefined) return
      const replica = this.#replicas[sent.to] as TwinsReplica
      const sender = this.#replicas[sent.from] as TwinsReplica
      this.#apply(sent.to, replica.receive(this.#states[sent.to] as TwinState, sender.index, sent.message))
    }
    demand('bounded-buffers', which === 'held', () => `a view does not come to rest within ${MAX_DELIVERIES_PER_VIEW} deliveries`)
  }

  #apply(slot: number, transition: ReturnType<TwinsReplica['fire']>): void {
    this.#states[slot] = transition.next
    for (const { to, message } of transition.sends) {
      if (to === 'all' && this.#network.isCommitVote(message)) this.#held.push({ from: slot, message })
      else this.spread(slot, message, to)
    }
    if (this.#replicas[slot]?.honest === true) for (const hash of transition.prepared) this.#prepared.add(hash)
    if (transition.onTip) this.#tipAdopted = true
    if (transition.evidence) this.#evidence = true
  }

  outcome(): Outcome {
    const twoBlocksPrepared = this.#prepared.size > 1
    return { states: this.#states, held: this.#held, twoBlocksPrepared, tipAdopted: this.#tipAdopted, evidence: this.#evidence }
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

function keyOfWorld({ states, held }: Outcome, edge: Edge): string {
  return `${states.map((state) => state.id).join()};${held.map(({ from, message }) => `${from}:${message}`).join()};${edge}`
}

/** A random schedule, for sets too large to exhaust. */
export function randomSchedule(options: TwinsOptions, seed: number): number[] {
  const random = randomStream(seed, 'twins')
  const splits = splitsOf(options)
  return Array.from({ length: options.views }, () => random.below(splits))
}
