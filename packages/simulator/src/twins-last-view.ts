/**
 * The last view of the exploration, part by part (docs/twins.md, "The last view"). Nothing crosses a split and no view comes after,
 * so a part's play depends on its own replicas and the COMMITs under way in it alone: it is played once for each distinct
 * essence of those, whatever the rest of the world has been through. What both parts must agree on is compared for every schedule.
 */
import { assert, keyOf, utf8 } from '@aethel/codec'
import type { EssenceContext } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { TwinsNetwork } from './twins-network.js'
import { type Held, type Outcome, Play, type Side, sideOf } from './twins-play.js'
import { essenceOf, type TwinState, type TwinsReplica } from './twins-replica.js'

/** Outcomes of parts that are remembered, at some 400 bytes each; when there are more, all are forgotten and played again. */
const MAX_PARTS_KEPT = 1_000_000

/** Blocks stand under the numbers of their lineages (`TwinsNetwork`), which mean the same in all worlds. */
export interface PartOutcome {
  /** The longest chain that an honest replica of the part has committed: none of them contradicts it (checked). */
  readonly chain: readonly number[]
  readonly prepared: readonly number[]
  readonly tipAdopted: boolean
  readonly evidence: boolean
  readonly steps: number
}

export interface LastViewOptions {
  readonly replicas: readonly TwinsReplica[]
  readonly network: TwinsNetwork
  /** It is the first one, too. */
  readonly first: boolean
  /** Whatever is checked of a play when it is over. */
  check(states: readonly TwinState[]): void
}

export class LastView {
  readonly #options: LastViewOptions
  readonly #outcomes = new Map<string, PartOutcome>()
  readonly #essences: StateNumbers
  /** Parts looked at, and those of them that were played. */
  met = 0
  played = 0

  constructor(options: LastViewOptions) {
    this.#options = options
    this.#essences = new StateNumbers(options.network)
  }

  /** Throws the violation that playing this part comes upon. */
  outcomeOf(states: readonly TwinState[], held: readonly Held[], split: number, side: Side): PartOutcome {
    const key = this.#keyOf(states, held, split, side)
    this.met++
    let outcome = this.#outcomes.get(key)
    if (outcome === undefined) {
      outcome = this.#play(states, held, split, side)
      if (this.#outcomes.size >= MAX_PARTS_KEPT) this.#outcomes.clear()
      this.#outcomes.set(key, outcome)
    }
    return outcome
  }

  #keyOf(states: readonly TwinState[], held: readonly Held[], split: number, side: Side): string {
    const { network } = this.#options
    const inPart = states.map((_, slot) => sideOf(slot, split, states.length) === side)
    // The argument of WorldEssence, which here needs to hold for the part: nobody else is heard of any more.
    let oldestLiveView = Number.MAX_SAFE_INTEGER
    for (const [slot, { core }] of states.entries()) if (inPart[slot] === true) oldestLiveView = Math.min(oldestLiveView, core.view)
    let said = ''
    for (const { from, message } of held) {
      if (inPart[from] !== true) continue
      const { sender, view, height, blockHash } = network.commitVote(message)
      oldestLiveView = Math.min(oldestLiveView, view)
      said += `${from}:${sender}/${view}/${height}/${network.lineageOf(keyOf(blockHash))},`
    }
    let key = ''
    for (const [slot, state] of states.entries()) key += inPart[slot] === true ? `${this.#essences.of(state, oldestLiveView)},` : '-,'
    return `${key};${said}`
  }

  #play(states: readonly TwinState[], held: readonly Held[], split: number, side: Side): PartOutcome {
    const { replicas, network, first, check } = this.#options
    this.played++
    const outcome: Outcome = new Play(replicas, network, states, split).run(held, { first, last: true }, side)
    const part = outcome.states.filter((_, slot) => sideOf(slot, split, states.length) === side && replicas[slot]?.honest === true)
    check(part)
    let longest: readonly string[] = []
    for (const { chain } of part) if (chain.length > longest.length) longest = chain
    const numbers = (keys: Iterable<string>): number[] => Array.from(keys, (key) => network.lineageOf(key))
    const { prepared, tipAdopted, evidence, steps } = outcome
    return { chain: numbers(longest), prepared: numbers(prepared), tipAdopted, evidence, steps }
  }
}

/** Numbers for what of a replica's state can still be read; equal states, equal numbers. */
class StateNumbers {
  readonly #numbers = new Map<string, number>()
  /** By state, and there by the oldest view whose COMMITs are still counted. */
  readonly #known = new WeakMap<TwinState, number[]>()
  readonly #context: Omit<EssenceContext, 'oldestLiveView'>

  constructor(network: TwinsNetwork) {
    // Heights from 1 on, and every body that is held: less is left out than where whole worlds are compared.
    this.#context = { nameOf: (hash) => `#${network.lineageOf(keyOf(hash))}`, ground: 0, isLive: () => true }
  }

  of(state: TwinState, oldestLiveView: number): number {
    let known = this.#known.get(state)
    if (known === undefined) {
      known = []
      this.#known.set(state, known)
    }
    let number = known[oldestLiveView]
    if (number === undefined) {
      const text = essenceOf(state, { ...this.#context, oldestLiveView })
      const key = keyOf(hashTagged('aethel/twins-state/v1', utf8(text)))
      number = this.#numbers.get(key) ?? this.#numbers.size
      assert(Number.isSafeInteger(number), 'states are counted')
      this.#numbers.set(key, number)
      known[oldestLiveView] = number
    }
    return number
  }
}
