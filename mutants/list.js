/** All mutants, in the order of the protocol: what is counted, what is voted for, how views change, what survives, what is refused. */
import { blobs } from './blobs.js'
import { bounds } from './bounds.js'
import { catchUp } from './catch-up.js'
import { compact } from './compact.js'
import { dissemination } from './dissemination.js'
import { edge } from './edge.js'
import { encoder } from './encoder.js'
import { evidence } from './evidence.js'
import { execution } from './execution.js'
import { formats } from './formats.js'
import { ledger } from './ledger.js'
import { liveness } from './liveness.js'
import { normalCase } from './normal-case.js'
import { persistence } from './persistence.js'
import { quorums } from './quorums.js'
import { shares } from './shares.js'
import { snapshots } from './snapshots.js'
import { viewChange } from './view-change.js'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const MUTANTS = [
  quorums,
  normalCase,
  viewChange,
  persistence,
  liveness,
  catchUp,
  compact,
  snapshots,
  edge,
  execution,
  ledger,
  formats,
  encoder,
  evidence,
  shares,
  dissemination,
  bounds,
  blobs,
].flat()

export class UnknownMutantError extends Error {}

/**
 * @param {readonly string[]} ids All if empty.
 */
export function chooseMutants(ids) {
  const unknown = ids.filter((id) => !MUTANTS.some((mutant) => mutant.id === id))
  if (unknown.length > 0) {
    const close = MUTANTS.map((mutant) => mutant.id).filter((known) => unknown.some((id) => id !== '' && known.includes(id)))
    const hint = close.length === 0 ? 'docs/traps.md lists them' : `did you mean ${close.slice(0, 8).join(', ')}?`
    throw new UnknownMutantError(`expected ids of mutants, got ${unknown.join(', ')}; ${hint}`)
  }
  return ids.length === 0 ? MUTANTS : MUTANTS.filter((mutant) => ids.includes(mutant.id))
}
