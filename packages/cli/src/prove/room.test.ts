import { DEFAULT_PARAMETERS } from '@aethel/ledger'
import { BVLRAT_KIND, BVLRAT_LIMITS, LRAT_BLOB_LIMITS, LRAT_KIND, LRAT_LIMITS } from '@aethel/proofs'
import { describe, expect, test } from 'vitest'
import { boundExceeded } from './room.js'

describe('what a network takes', () => {
  const most = { claimBytes: LRAT_LIMITS.claimBytes, proofBytes: DEFAULT_PARAMETERS.maxBlobBytes, gas: LRAT_BLOB_LIMITS.gas }

  test('is everything up to the bounds: a proof too long for a transaction is a blob', () => {
    expect(boundExceeded({ kind: LRAT_KIND, ...most })).toBeNull()
    expect(boundExceeded({ kind: LRAT_KIND, claimBytes: 100, proofBytes: 6_476_817, gas: 30_858_207 })).toBeNull()
    expect(most.proofBytes).toBeGreaterThan(200_000_000)
  })

  test('and no more: the bound is named', () => {
    expect(boundExceeded({ kind: LRAT_KIND, ...most, proofBytes: most.proofBytes + 1 })).toMatch(/268,435,457 bytes; .* 268,435,456 /)
    expect(boundExceeded({ kind: LRAT_KIND, ...most, gas: most.gas + 1 })).toMatch(
      /^the proof has 2,000,000,001 gas; .* at most 2,000,000,000$/,
    )
    expect(boundExceeded({ kind: LRAT_KIND, ...most, claimBytes: most.claimBytes + 1 })).toMatch(/^the claim has 4,194,305 bytes/)
    expect(boundExceeded({ kind: BVLRAT_KIND, ...most, claimBytes: BVLRAT_LIMITS.claimBytes + 1 })).toMatch(/^the claim /)
  })
})
