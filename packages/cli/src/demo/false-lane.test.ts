/** The lane of false proofs, against validators that are all down for a while. */
import { hash, utf8 } from '@aethel/codec'
import { claimIdOf, LRAT_KIND } from '@aethel/proofs'
import { expect, it } from 'vitest'
import type { ValidatorProcess } from '../processes.js'
import { sendFalseProofs } from './false-lane.js'

it('while no validator runs, everything else does: they can come back', async () => {
  let running = false
  setTimeout(() => {
    running = true
  }, 100)
  const validator = {
    get running() {
      return running
    },
    client: { submit: async () => ({ status: 'refused', code: 'no', message: 'no' }) },
  } as unknown as ValidatorProcess
  const claim = utf8('claim')
  const action = { type: 'submit-proof' as const, kind: LRAT_KIND, claim, proof: utf8('p'), metadata: null }
  const falseProof = {
    kind: 'mutated refutation' as const,
    code: 'no',
    after: -1,
    proof: { name: 'x', action, claimId: claimIdOf(LRAT_KIND, claim) },
  }
  const started = Date.now()
  const outcomes = await sendFalseProofs(
    hash(new Uint8Array(32)),
    [validator],
    [{ falseProof, position: 0 }],
    () => 0,
    () => false,
  )
  expect(outcomes).toMatchObject([{ outcome: { status: 'refused' } }])
  expect(Date.now() - started).toBeLessThan(30_000)
})
