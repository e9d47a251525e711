/**
 * What a seed draws before it runs (swarm testing): each fault class is on in some seeds and off in others, so that rare
 * combinations get runs of their own. Ranges cover those published for other simulators: loss 0-30 %, duplication 0-50 %.
 */
import { type Random, randomStream } from './random.js'

export type ByzantineStrategy = 'silent' | 'equivocate' | 'two-faced' | 'liar' | 'replay' | 'selective'
export const BYZANTINE_STRATEGIES: readonly ByzantineStrategy[] = ['silent', 'equivocate', 'two-faced', 'liar', 'replay', 'selective']

export interface Knobs {
  readonly lossRate: number
  readonly duplicationRate: number
  readonly meanDelayMs: number
  /** Some messages take this many times longer: reordering. */
  readonly slowFactor: number
  readonly slowRate: number
  readonly fsyncMs: number
  readonly verifyMs: number
  readonly meanPartitionGapMs: number | null
  readonly partitionMs: number
  readonly meanCrashGapMs: number | null
  readonly downMs: number
  /** Of crashes that lose the store; a validator that lost it counts as faulty, so at most f together with Byzantine ones. */
  readonly storeLossRate: number
  readonly clockSkewMs: number
  readonly window: number
  readonly blockTransactions: number
  readonly faultMs: number
  readonly transactions: number
  readonly strategies: readonly ByzantineStrategy[]
  /** Messages go through their bytes. */
  readonly encodeOnWire: boolean
}

export function drawKnobs(seed: number, byzantine: number): Knobs {
  const random: Random = randomStream(seed, 'knobs')
  const maybe = (probability: number, value: () => number): number => (random.chance(probability) ? value() : 0)
  return {
    lossRate: maybe(0.6, () => random.unit() * 0.3),
    duplicationRate: maybe(0.5, () => random.unit() * 0.5),
    meanDelayMs: 1 + random.unit() * 30,
    slowFactor: 2 + random.unit() * 30,
    slowRate: maybe(0.5, () => random.unit() * 0.2),
    fsyncMs: random.unit() * 8,
    verifyMs: random.unit() * 20,
    meanPartitionGapMs: random.chance(0.5) ? 300 + random.unit() * 2000 : null,
    partitionMs: 200 + random.unit() * 3000,
    meanCrashGapMs: random.chance(0.5) ? 300 + random.unit() * 3000 : null,
    downMs: 50 + random.unit() * 2000,
    clockSkewMs: maybe(0.3, () => random.unit() * 400),
    window: random.pick([1, 2, 4, 8, 8, 16]),
    blockTransactions: random.pick([1, 1, 2, 4, 16]),
    faultMs: 1500 + random.unit() * 4500,
    transactions: 10 + random.below(40),
    strategies: Array.from({ length: byzantine }, () => random.pick(BYZANTINE_STRATEGIES)),
    encodeOnWire: random.chance(0.1),
    storeLossRate: random.chance(0.3) ? 0.3 : 0,
  }
}
