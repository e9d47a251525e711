/** Whether a network takes what was proved: the bounds of a genesis that says nothing else. */
import { DEFAULT_PARAMETERS } from '@aethel/ledger'
import { BVLRAT_KIND, BVLRAT_LIMITS, LRAT_BLOB_LIMITS, LRAT_KIND, LRAT_LIMITS } from '@aethel/proofs'
import { grouped } from '../ui/terminal.js'

export interface Proved {
  readonly kind: typeof LRAT_KIND | typeof BVLRAT_KIND
  readonly claimBytes: number
  readonly proofBytes: number
  readonly gas: number
}

const CLAIM_BYTES = { [LRAT_KIND]: LRAT_LIMITS.claimBytes, [BVLRAT_KIND]: BVLRAT_LIMITS.claimBytes }

/** The bound that it exceeds, in a sentence; null: none. Proofs too long for a transaction travel as blobs, by themselves. */
export function boundExceeded({ kind, claimBytes, proofBytes, gas }: Proved): string | null {
  const beyond = (got: number, most: number, unit: string, of: string): string | null =>
    got <= most ? null : `${of} has ${grouped(got)} ${unit}; a network takes at most ${grouped(most)}`
  const proofBound = beyond(proofBytes, DEFAULT_PARAMETERS.maxBlobBytes, 'bytes', 'the proof')
  return (
    beyond(claimBytes, CLAIM_BYTES[kind], 'bytes', 'the claim') ??
    (proofBound === null ? null : `${proofBound} unless its genesis says otherwise`) ??
    // The same for both kinds that take blobs: what a block of the default genesis holds.
    beyond(gas, LRAT_BLOB_LIMITS.gas, 'gas', 'the proof')
  )
}
