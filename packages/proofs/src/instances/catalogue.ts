/**
 * The instances bundled with the package, in `instances/`: each a formula, its refutation in binary LRAT, and a satisfiable
 * sibling of which no refutation exists. `tools/make-instances.js` writes the files from this list.
 */
import { assert } from '@aethel/codec'
import { type LratStep, toBinaryLrat } from './certificate.js'
import type { Formula } from './formula.js'
import {
  adderAssociativity,
  gridParity,
  multiplierCommutativity,
  multiplierDistributivity,
  parityChains,
  pigeonhole,
} from './generators.js'
import { pigeonholeCertificate } from './pigeonhole-certificate.js'
import { refute } from './refute.js'

export interface BundledInstance {
  /** File name without its extension. */
  readonly name: string
  readonly formula: () => Formula
  readonly satisfiableSibling: () => Formula
  /** Finds the refutation again, from nothing but the formula. */
  readonly certificate: () => Uint8Array
}

/** Far above what any of them needs (1,413). */
const MOST_CONFLICTS = 20_000

export const BUNDLED_INSTANCES: readonly BundledInstance[] = [
  ...[2, 3, 4, 5, 6].map((holes) =>
    searched(
      `pigeonhole-${holes}`,
      () => pigeonhole(holes + 1, holes),
      () => pigeonhole(holes, holes),
    ),
  ),
  ...[7, 8, 9].map((holes) => ({
    name: `pigeonhole-${holes}`,
    formula: () => pigeonhole(holes + 1, holes),
    satisfiableSibling: () => pigeonhole(holes, holes),
    certificate: () => toBinaryLrat(pigeonholeCertificate(holes)),
  })),
  ...[6, 8, 10, 12, 16, 20].map((variables) =>
    searched(
      `parity-chains-${variables}`,
      () => parityChains(variables, variables, 'differ'),
      () => parityChains(variables, variables, 'agree'),
    ),
  ),
  ...(
    [
      [3, 2],
      [3, 3],
      [3, 4],
      [4, 4],
      [5, 4],
      [3, 8],
    ] as const
  ).map(([width, height]) =>
    searched(
      `grid-parity-${width}x${height}`,
      () => gridParity(width, height, 'odd'),
      () => gridParity(width, height, 'even'),
    ),
  ),
  ...[2, 3, 4].map((bits) =>
    searched(
      `multiplier-commutativity-${bits}`,
      () => multiplierCommutativity(bits, 'sound'),
      () => multiplierCommutativity(bits, 'faulty'),
    ),
  ),
  ...[2, 3].map((bits) =>
    searched(
      `multiplier-distributivity-${bits}`,
      () => multiplierDistributivity(bits, 'sound'),
      () => multiplierDistributivity(bits, 'faulty'),
    ),
  ),
  ...[1, 2, 3, 4, 6, 8].map((bits) =>
    searched(
      `adder-associativity-${bits}`,
      () => adderAssociativity(bits, 'sound'),
      () => adderAssociativity(bits, 'faulty'),
    ),
  ),
]

function searched(name: string, formula: () => Formula, satisfiableSibling: () => Formula): BundledInstance {
  return { name, formula, satisfiableSibling, certificate: () => toBinaryLrat(search(name, formula())) }
}

function search(name: string, formula: Formula): readonly LratStep[] {
  const outcome = refute(formula, { conflicts: MOST_CONFLICTS })
  assert(outcome.status === 'unsatisfiable', `the bundled instance ${name} came out ${outcome.status}`)
  return outcome.steps
}
