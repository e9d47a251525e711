import { epoch, height, validatorIndex, view } from '@aethel/codec'
import { createValidatorSet, type ValidatorSet, type Vote } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { randomStream } from '../random.js'
import { createIdealSignatures } from '../signatures.js'
import { createTallyApplication } from '../tally-application.js'
import { Conspiracy } from './conspiracy.js'

const signatures = createIdealSignatures()

function setOf(inEpoch: number): ValidatorSet {
  const members = Array.from({ length: 4 }, (_, index) => ({ publicKey: signatures.keyOf(index), power: 1n }))
  const set = createValidatorSet(epoch(inEpoch), members)
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

describe('what the faulty share', () => {
  it('follows the epochs: views begin anew, and what laggards say of an earlier epoch tells nothing about this one', () => {
    let current = setOf(0)
    const chainId = current.hash
    const self = validatorIndex(3)
    const conspiracy = new Conspiracy({
      application: createTallyApplication({ chainId, membership: () => null, random: randomStream(1, 'clients'), blobs: null }),
      validators: () => current,
      members: [self],
      nodeAt: (position) => position,
      random: randomStream(1, 'conspiracy'),
      sign: (member, bytes) => signatures.signer(member)(bytes),
      shares: null,
      signAbroad: (signer, bytes) => signatures.signer(signer)(bytes),
    })
    const hear = (inEpoch: number, inView: number): void => {
      const ballot = { kind: 'prepare' as const, epoch: epoch(inEpoch), view: view(inView), height: height(1), blockHash: chainId }
      const vote: Vote = conspiracy.vote(self, ballot)
      conspiracy.learn({ kind: 'vote', vote })
      conspiracy.learn({ ...conspiracy.viewChange(self, view(inView + 1), null), kind: 'view-change' })
    }
    hear(0, 9)
    expect(conspiracy.highestView).toBe(9)
    expect([...conspiracy.viewChanges.keys()]).toEqual([10])
    current = setOf(1)
    hear(0, 11)
    expect(conspiracy.highestView).toBe(0)
    hear(1, 2)
    expect(conspiracy.highestView).toBe(2)
    expect([...conspiracy.viewChanges.keys()]).not.toContain(10)
  })
})
