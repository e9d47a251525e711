import { EMPTY_BYTES, keyOf } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import type { VerificationWork } from './application.js'
import type { ReplicaEffect } from './interface.js'
import { Verifications } from './verifications.js'

const KEY = hashTagged('test/work', Uint8Array.of(1))
const WORK: VerificationWork = { key: KEY, kind: 'test/1', claim: EMPTY_BYTES, proof: EMPTY_BYTES, claimId: KEY, cites: [] }

/** What a pool of workers has left to do after these effects, in their order. */
function queued(effects: readonly ReplicaEffect[], before: readonly string[] = []): string[] {
  const queue = new Set(before)
  for (const effect of effects) {
    if (effect.kind === 'verify') for (const { work } of effect.jobs) queue.add(keyOf(work.key))
    if (effect.kind === 'cancel-verification') for (const key of effect.keys) queue.delete(keyOf(key))
  }
  return [...queue]
}

describe('what is with the workers', () => {
  it('G4: what is let go and wanted again within a step is verified', () => {
    const verifications = new Verifications()
    const first: ReplicaEffect[] = []
    verifications.request(WORK, [], 'mempool')
    verifications.leave(first)
    const second: ReplicaEffect[] = []
    verifications.abandon(KEY)
    verifications.request(WORK, [], 'block')
    verifications.leave(second)
    expect(queued(second, queued(first))).toEqual([keyOf(KEY)])
  })

  it('what is wanted and let go within a step is not', () => {
    const verifications = new Verifications()
    const effects: ReplicaEffect[] = []
    verifications.request(WORK, [], 'mempool')
    verifications.abandon(KEY)
    verifications.leave(effects)
    expect(queued(effects)).toEqual([])
  })
})
