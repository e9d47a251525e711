/**
 * What proofs lean on, kept at hand: finalised claims with their statements. A state says the same without it, by walks through its
 * maps; but each proof cites dozens of claims and is asked about several times, and a claim that is final stays so in every later
 * state. So what was found below a settled state (a committed block's) counts for all that stand on it. What a state adds to the
 * settled one below it, it brings itself, until it is settled or dropped: a replica that has seen much and one that has seen nothing
 * give the same answers.
 */
import { bytesOfKey, type Hash } from '@aethel/codec'
import type { AxiomSet } from './axiom-set.js'

/** A cited claim as the rules need it. */
export interface CitedClaim {
  /** Null if the claim stands alone. */
  readonly library: string | null
  /** Those it rests on. */
  readonly axioms: AxiomSet
  /** Canonical claim bytes; undefined for a claim that stands alone. */
  readonly statement: Uint8Array | undefined
}

/** Where a state stands: above which settled one, and with what on top of it. */
interface Lineage {
  /** Null: settled, or nothing is known of what is below. */
  below: Lineage | null
  /** Which of the settled states it is; `UNSETTLED` while it is none. */
  settled: number
  /** By `keyOf(claimId)`. */
  added: ReadonlyMap<string, CitedClaim>
}

interface Known {
  readonly claim: CitedClaim
  /** Of the settled state in which it was found. */
  readonly since: number
}

const UNSETTLED = -1
/** More than a replica keeps above the committed block. */
const MAX_LAYERS = 32
const NOTHING: ReadonlyMap<string, CitedClaim> = new Map()
/** Two generations of this many claims, some hundred bytes each: half of set.mm, and what is cited often stays. */
const CLAIMS_PER_GENERATION = 16_384

export class FinalisedClaims<State extends object> {
  readonly #lineages = new WeakMap<State, Lineage>()
  /** A walk through the state's own maps. */
  readonly #read: (state: State, claimId: Hash) => CitedClaim | undefined
  #newest: Lineage | null = null
  /** Settled states with lower numbers belong to another chain, or it is not known that they belong to this one. */
  #first = 0
  #next = 0
  #young = new Map<string, Known>()
  #old = new Map<string, Known>()

  constructor(read: (state: State, claimId: Hash) => CitedClaim | undefined) {
    this.#read = read
  }

  /** `child` is `parent` with these claims, by `keyOf(claimId)`. */
  extend(parent: State, child: State, added: ReadonlyMap<string, CitedClaim>): void {
    if (child === parent) return
    const below = this.#lineages.get(parent)
    if (below !== undefined) this.#lineages.set(child, { below, settled: UNSETTLED, added })
  }

  /** Whatever is asked about from now on stands on `state`, or is answered by a walk. */
  settle(state: State): void {
    const lineage = this.#lineages.get(state)
    if (lineage !== undefined && lineage.settled >= this.#first) return
    const follows = lineage !== undefined && lineage.below !== null && lineage.below === this.#newest
    const settled = this.#next++
    if (!follows) {
      this.#first = settled
      this.#young.clear()
      this.#old.clear()
    }
    const added = follows ? lineage.added : NOTHING
    for (const [key, claim] of added) this.#remember(key, { claim, since: settled })
    this.#newest = lineage ?? { below: null, settled, added: NOTHING }
    this.#newest.below = null
    this.#newest.settled = settled
    this.#newest.added = NOTHING
    this.#lineages.set(state, this.#newest)
  }

  /** `key` is `keyOf(claimId)`. Undefined: not finalised in `state`. */
  find(state: State, key: string): CitedClaim | undefined {
    const atHand = this.atHand(state, key)
    if (atHand !== undefined) return atHand
    const claim = this.#read(state, bytesOfKey(key) as Hash)
    const settled = this.#settledBelow(state)
    // Not among what was added since, so the settled state has it.
    if (claim !== undefined && settled !== UNSETTLED) this.#remember(key, { claim, since: settled })
    return claim
  }

  /** Undefined: not finalised in `state`, or only a walk can tell. */
  atHand(state: State, key: string): CitedClaim | undefined {
    let at = this.#lineages.get(state) ?? null
    for (let layers = 0; at !== null && at.settled === UNSETTLED; layers++) {
      const added = at.added.get(key)
      if (added !== undefined) return added
      at = layers < MAX_LAYERS ? at.below : null
    }
    if (at === null || at.settled < this.#first) return undefined
    const young = this.#young.get(key)
    const known = young ?? this.#old.get(key)
    if (known === undefined || known.since > at.settled) return undefined
    if (young === undefined) this.#remember(key, known)
    return known.claim
  }

  #settledBelow(state: State): number {
    let at = this.#lineages.get(state) ?? null
    for (let layers = 0; at !== null && at.settled === UNSETTLED; layers++) at = layers < MAX_LAYERS ? at.below : null
    return at === null || at.settled < this.#first ? UNSETTLED : at.settled
  }

  #remember(key: string, known: Known): void {
    if (this.#young.size >= CLAIMS_PER_GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, known)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}
