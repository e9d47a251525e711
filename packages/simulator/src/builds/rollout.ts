/**
 * Who runs which build, and when a restart changes it: one seed in three upgrades from the other build to the current one, one goes back from it, and
 * in one each validator changes as it likes. What a restart does is named by the validator and the number of its start, so that leaving out another
 * crash does not redraw it.
 */
import { randomStream } from '../random.js'
import type { Running } from './build.js'

const STYLES = ['upgrade', 'downgrade', 'either'] as const
type Style = (typeof STYLES)[number]

/** At the beginning some have changed already: crashes may be off. */
const CHANGED_RATE = 0.3
const CHANGE_RATE = 0.5

const ENDS: { readonly [style in Style]: Running | null } = { upgrade: 'current', downgrade: 'other', either: null }

export class Rollout {
  readonly #seed: number
  readonly #keeps: boolean
  readonly #style: Style
  readonly #first: readonly Running[]

  /** `keeps`: a store is never read by another build than wrote it. */
  constructor({ seed, validators, keeps }: { readonly seed: number; readonly validators: number; readonly keeps: boolean }) {
    const random = randomStream(seed, 'builds')
    this.#seed = seed
    this.#keeps = keeps
    this.#style = random.pick(STYLES)
    const end = ENDS[this.#style]
    const first = Array.from({ length: validators }, (): Running => {
      const isCurrent = end === null ? random.chance(0.5) : random.chance(CHANGED_RATE) === (end === 'current')
      return isCurrent ? 'current' : 'other'
    })
    // Both are there.
    const one = random.below(validators)
    first[one] = 'other'
    if (!first.includes('current')) first[(one + 1) % validators] = 'current'
    this.#first = first
  }

  /** What the process runs that starts now; `before`: what ran on its store; null: nothing did. */
  next(node: number, nth: number, before: Running | null): Running {
    if (before === null) return this.#first[node] as Running
    if (this.#keeps || !randomStream(this.#seed, `build of ${node}, start ${nth}`).chance(CHANGE_RATE)) return before
    return ENDS[this.#style] ?? (before === 'current' ? 'other' : 'current')
  }
}
