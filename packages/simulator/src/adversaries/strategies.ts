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

export type ByzantineStrategy = (typeof BYZANTINE_STRATEGIES)[number]

export function isByzantineStrategy(name: string): name is ByzantineStrategy {
  return (BYZANTINE_STRATEGIES as readonly string[]).includes(name)
}
