import { epoch, height, signature, validatorIndex, view } from '@aethel/codec'
import { createValidatorSet, type NewView, type Vote } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { type Durable, Promises } from './promises.js'
import { createIdealSignatures } from './signatures.js'

const signatures = createIdealSignatures()
const made = createValidatorSet(
  epoch(0),
  Array.from({ length: 4 }, (_, index) => ({ publicKey: signatures.keyOf(index), power: 1n })),
)
if (!made.ok) throw new Error(made.error.message)
const validators = made.value
const SELF = validatorIndex(1)

const promises = (): Promises =>
  new Promises({
    chainId: validators.hash,
    validators,
    verifySignature: signatures.verify,
    window: 4,
    isHonest: () => true,
    committedAt: () => undefined,
  })

function newViewOf(of: number, signed = 1): NewView {
  const bytes = new Uint8Array(64).fill(signed)
  return {
    kind: 'new-view',
    epoch: epoch(0),
    newView: view(of),
    viewChanges: [],
    certificate: null,
    sender: SELF,
    signature: signature(bytes),
  }
}

const standing = (inView: number, newView: NewView | null): Durable => ({
  holdsVote: () => true,
  view: inView,
  committedHeight: 0,
  newView,
})

function prepare(inView: number): { readonly kind: 'vote'; readonly vote: Vote } {
  const ballot = { kind: 'prepare' as const, epoch: epoch(0), view: view(inView), height: height(1), blockHash: validators.hash }
  return { kind: 'vote', vote: { ...ballot, sender: SELF, signature: signature(new Uint8Array(64)) } }
}

describe('what honest validators promise', () => {
  it('a vote is of the view that is durable, and of none before its NEW-VIEW is', () => {
    expect(() => promises().onSend(SELF, prepare(0), standing(0, null))).not.toThrow()
    expect(() => promises().onSend(SELF, prepare(2), standing(2, newViewOf(2)))).not.toThrow()
    expect(() => promises().onSend(SELF, prepare(2), standing(2, null))).toThrow('stands in view 2')
    expect(() => promises().onSend(SELF, prepare(1), standing(3, newViewOf(3)))).toThrow('stands in view 3')
  })

  it('who leads a view says the same NEW-VIEW to all', () => {
    const looked = promises()
    looked.onSend(SELF, newViewOf(1), standing(1, newViewOf(1)))
    looked.onSend(SELF, newViewOf(1), standing(1, newViewOf(1)))
    expect(() => looked.onSend(SELF, newViewOf(1, 2), standing(1, newViewOf(1)))).toThrow('two different NEW-VIEWs')
  })

  it('who is asked for its view names none below what it has reached', () => {
    const claim = { kind: 'view-claim' as const, epoch: epoch(0), view: view(2), nonce: validators.hash, sender: SELF }
    const signed = { ...claim, signature: signature(new Uint8Array(64)) }
    expect(() => promises().onSend(SELF, signed, standing(2, newViewOf(2)))).not.toThrow()
    expect(() => promises().onSend(SELF, signed, standing(3, newViewOf(3)))).toThrow('claims to be in view 2')
  })
})
