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
import { LastView, type PartOutcome } from './twins-last-view.js'
import { TwinsNetwork } from './twins-network.js'
import { type Held, type Outcome, Play } from './twins-play.js'
import { type TwinState, TwinsReplica, wholeOf } from './twins-replica.js'
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

export interface PartsSeen {
  readonly met: number
  readonly played: number
}

export interface TwinsReport {
  readonly ok: boolean
  readonly schedules: number
  /** Distinct states of the whole system after each view. */
  readonly layers: readonly number[]
  /** Views played, one for each distinct state and split, and steps that the cores took. */
  readonly plays: number
  readonly steps: number
  /** In the last view each part of a split is played for itself: parts met there, and those that had not been played before. */
  readonly parts: PartsSeen
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

/** What is counted of a view. */
interface Ending {
  /** Committed by an honest validator. */
  readonly highest: number
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
  readonly #lastView: LastView

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
    this.#lastView = new LastView({
      replicas: this.#replicas,
      network: this.#network,
      first: options.views === 1,
      check: this.#checkAgreement,
    })
    this.#worldBefore = { states: this.#replicas.map((replica) => replica.initial), held: [], count: 1, schedule: [], edge: 'both' }
  }

  /** Distinct messages met so far, all of which are kept. */
  get messages(): number {
    return this.#network.size
  }

  /** Explores schedules `from` (inclusive) to `to` (exclusive), numbered with the first view's split as the highest digit. */
  explore(from: number, to: number, onProgress: (progress: TwinsProgress) => void = () => undefined): TwinsReport {
    const { views } = this.#options
    assert(from >= 0 && from < to && to <= schedulesOf(this.#options), 'the range lies within the schedules there are')
    const low = digitsOf(from, splitsOf(this.#options), views)
    const high = digitsOf(to - 1, splitsOf(this.#options), views)
    const tally = new Tally()
    const before = this.#partsSeen
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
    return this.#report(tally, before, violation)
  }

  /** One schedule; for samples and replays. */
  run(schedule: readonly number[]): TwinsReport {
    const tally = new Tally()
    const before = this.#partsSeen
    let world = this.#worldBefore
    let violation: TwinsReport['violation']
    try {
      for (const [at, split] of schedule.entries()) {
        const outcome = this.#try(world, at, split)
        const ending = this.#endOf(outcome)
        tally.note(ending, 1)
        if (at === schedule.length - 1) tally.end(ending, 1)
        world = { ...outcome, count: 1, schedule: [...world.schedule, split], edge: 'inside' }
      }
    } catch (error) {
      if (!(error instanceof TwinsViolation)) throw error
      violation = error.found
    }
    return this.#report(tally, before, violation)
  }

  get #partsSeen(): PartsSeen {
    return { met: this.#lastView.met, played: this.#lastView.played }
  }

  #report(tally: Tally, before: PartsSeen, violation: TwinsReport['violation']): TwinsReport {
    const { schedules, layers, plays, steps, committed, highest, viewsWith } = tally
    const parts = { met: this.#lastView.met - before.met, played: this.#lastView.played - before.played }
    const report = { ok: violation === undefined, schedules, layers, plays, steps, parts, committed, highest, viewsWith }
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
    const { views, merging } = this.#options
    const last = at === views - 1
    const next = new Map<string, World>()
    let done = 0
    for (const world of layer) {
      const first = world.edge === 'low' || world.edge === 'both' ? low : 0
      const final = world.edge === 'high' || world.edge === 'both' ? high : splits - 1
      for (let split = first; split <= final; split++) {
        if (last && merging === 'essence') {
          const ending = this.#tryLast(world, split)
          tally.note(ending, world.count)
          tally.end(ending, world.count)
          continue
        }
        const outcome = this.#try(world, at, split)
        const ending = this.#endOf(outcome)
        tally.note(ending, world.count)
        if (last) {
          tally.end(ending, world.count)
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
    return this.#withSchedule(world, split, () => {
      const play = new Play(this.#replicas, this.#network, world.states, split)
      const outcome = play.run(world.held, { first: at === 0, last: at === this.#options.views - 1 }, 'both')
      this.#checkAgreement(outcome.states.filter((_, slot) => this.#replicas[slot]?.honest === true))
      return outcome
    })
  }

  /** A view that is the last one, put together from its two parts. */
  #tryLast(world: World, split: number): Ending {
    return this.#withSchedule(world, split, () => {
      const [one, other] = ([0, 1] as const).map((side) => this.#lastView.outcomeOf(world.states, world.held, split, side)) as [
        PartOutcome,
        PartOutcome,
      ]
      demandAgreement(one.chain, other.chain)
      return {
        highest: Math.max(one.chain.length, other.chain.length),
        twoBlocksPrepared: new Set([...one.prepared, ...other.prepared]).size > 1,
        tipAdopted: one.tipAdopted || other.tipAdopted,
        evidence: one.evidence || other.evidence,
        steps: one.steps + other.steps,
      }
    })
  }

  #withSchedule<T>(world: World, split: number, play: () => T): T {
    try {
      return play()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      throw new TwinsViolation({ invariant: error.invariant, message: error.message, schedule: [...world.schedule, split] })
    }
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

  readonly #checkAgreement = (honest: readonly TwinState[]): void => {
    let longest: readonly string[] = []
    for (const { chain } of honest) {
      demandAgreement(longest, chain)
      if (chain.length > longest.length) longest = chain
    }
  }

  #endOf(outcome: Outcome): Ending {
    const highest = Math.max(...outcome.states.map(({ chain }, slot) => (this.#replicas[slot]?.honest === true ? chain.length : 0)))
    return { ...outcome, highest, twoBlocksPrepared: outcome.prepared.size > 1 }
  }
}

/** Chains are linked by parents, so equal blocks at one height mean equal chains below. */
function demandAgreement<T>(one: readonly T[], other: readonly T[]): void {
  const shorter = Math.min(one.length, other.length)
  demand(
    'agreement',
    shorter === 0 || one[shorter - 1] === other[shorter - 1],
    () => `two honest validators differ at height ${shorter} or below`,
  )
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

  note(ending: Ending, count: number): void {
    this.plays++
    this.steps += ending.steps
    for (const name of ['twoBlocksPrepared', 'tipAdopted', 'evidence'] as const) if (ending[name]) this.viewsWith[name] += count
  }

  end({ highest }: Ending, count: number): void {
    this.schedules += count
    if (highest > 0) this.committed += count
    this.highest = Math.max(this.highest, highest)
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
