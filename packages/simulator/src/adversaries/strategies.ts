/** The names of the ways to be faulty; `--byzantine 2:tip-rival` and docs/simulation.md use them. */

export const BYZANTINE_STRATEGIES = [
  'silent',
  'crash',
  'selective',
  'replay',
  'withhold',
  'drip',
  'flooder',
  'target-leader',
  'equivocate',
  'split',
  'two-faced',
  'lazy',
  'framer',
  'sister-chain',
  're-signer',
  'invalid-proposer',
  'tip-rival',
  'bad-certificates',
  'liar',
  'view-pusher',
  'new-view-liar',
  'sync-liar',
] as const

/** For runs with more faulty power than the protocol bears (beyond.ts); no seed draws these. */
export const BEYOND_STRATEGIES = ['forgetful', 'sleeper'] as const

/** Asked for by name; no seed draws these, so that seeds stay the runs that they were. */
export const NAMED_STRATEGIES = ['mangler', 'bad-shares', 'bad-sums', 'hoarder', 'whisperer', 'hollow'] as const

export type ByzantineStrategy =
  | (typeof BYZANTINE_STRATEGIES)[number]
  | (typeof BEYOND_STRATEGIES)[number]
  | (typeof NAMED_STRATEGIES)[number]

export function isByzantineStrategy(name: string): name is ByzantineStrategy {
  return ([...BYZANTINE_STRATEGIES, ...BEYOND_STRATEGIES, ...NAMED_STRATEGIES] as readonly string[]).includes(name)
}
