/** Evidence on its way at one replica: what is written down, on what verdict, and until when. */
import { epoch, type Hash, height, keyOf, type Signature, ZERO_HASH } from '@aethel/codec'
import {
  ballotBytes,
  createBlock,
  createValidatorSet,
  type EpochStart,
  type Evidence,
  encodeEvidence,
  equivocationOf,
  evidenceRootOf,
  leaderOf,
  MAX_EVIDENCE_AGE,
  transactionPath,
  transactionsRootOf,
  type ValidatorSet,
  type Vote,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { expect, it } from 'vitest'
import { CHAIN_ID, signAs, validatorSetOf } from '../test/cluster.js'
import { createLibrary, GENESIS, transactionOf } from '../test/library.js'
import { Accusations } from './accusations.js'
import { Ground } from './ground.js'
import type { ReplicaEffect } from './interface.js'
import { VerdictCache } from './verdicts.js'
import { Verifications } from './verifications.js'

const SET = validatorSetOf(4)
const CLAIM = transactionOf({ claim: 9, isValid: false })
const KEY = CLAIM.work?.key as Hash

function setOf(inEpoch: number): ValidatorSet {
  const set = createValidatorSet(epoch(inEpoch), SET.validators)
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

function voteOf(sender: number, blockHash: Hash, at = 1): Vote {
  const ballot = { kind: 'prepare' as const, epoch: epoch(0), view: 0 as Vote['view'], height: height(at), blockHash }
  return { ...ballot, sender: sender as Vote['sender'], signature: signAs(sender)(ballotBytes(CHAIN_ID, ballot)) as Signature }
}

const equivocation = (sender: number, at = 1): Evidence =>
  equivocationOf(voteOf(sender, hashTagged('test/a', new Uint8Array()), at), voteOf(sender, ZERO_HASH, at))

/** Of a vote of this validator for a block with `CLAIM`, whose proof is false. */
function confession(sender: number): Evidence {
  const { bytes } = CLAIM
  const body = { transactions: [bytes], evidence: [], lastCertificate: null }
  const header = {
    version: 1,
    chainId: CHAIN_ID,
    epoch: epoch(0),
    height: height(1),
    parent: CHAIN_ID,
    view: 0 as never,
    proposer: leaderOf(SET, 0 as never),
    timestampMs: 5,
    transactionsRoot: transactionsRootOf([bytes]),
    evidenceRoot: evidenceRootOf([]),
    lastCertificateHash: ZERO_HASH,
    stateRoot: ZERO_HASH,
    validatorsHash: SET.hash,
    nextValidatorsHash: SET.hash,
    totalDifficulty: 1n,
  }
  const block = createBlock(header, body)
  return {
    type: 'invalid-verification',
    vote: voteOf(sender, block.hash),
    header: block.header,
    transaction: bytes,
    path: transactionPath([bytes], 0),
  }
}

function bench() {
  const effects: ReplicaEffect[] = []
  const verifications = new Verifications()
  const ground = new Ground(GENESIS, { height: height(0), hash: CHAIN_ID, timestampMs: 0 })
  const at: { epoch: EpochStart } = {
    epoch: { validators: setOf(0), previousValidators: null, origin: { height: height(0), hash: CHAIN_ID } },
  }
  const accusations = new Accusations({
    application: createLibrary(),
    ground,
    verdicts: new VerdictCache(8),
    verifications,
    get epoch() {
      return at.epoch
    },
    passOn: ['all'],
    push: (effect) => effects.push(effect),
  })
  const hear = (evidence: Evidence): void => accusations.hear(encodeEvidence(CHAIN_ID, evidence))
  const enter = (inEpoch: number): void => {
    at.epoch = { validators: setOf(inEpoch), previousValidators: setOf(inEpoch - 1), origin: at.epoch.origin }
    accusations.enterEpoch()
  }
  return { accusations, effects, hear, enter, ground }
}

it('K1: a check that was stopped is no verdict: it accuses nobody, and the evidence is checked when it comes again', () => {
  const { accusations, hear } = bench()
  hear(confession(2))
  expect([accusations.size, accusations.awaits(keyOf(KEY))]).toEqual([0, true])
  accusations.onVerified(keyOf(KEY), { status: 'aborted', reason: 'no answer' })
  expect([accusations.size, accusations.awaits(keyOf(KEY))]).toEqual([0, false])
  hear(confession(2))
  accusations.onVerified(keyOf(KEY), { status: 'invalid', code: 'wrong-step', message: '', gas: 1 })
  expect(accusations.size).toBe(1)
})

it('one false proof accuses all who voted for it', () => {
  const { accusations, hear } = bench()
  for (const sender of [1, 2, 3]) hear(confession(sender))
  accusations.onVerified(keyOf(KEY), { status: 'invalid', code: 'wrong-step', message: '', gas: 1 })
  expect(accusations.list().map(({ offence }) => offence.offender)).toEqual([1, 2, 3])
})

it('J1: what was suspected in an epoch that is not heard any more accuses nobody, however late the verdict comes', () => {
  const { accusations, hear, enter } = bench()
  hear(confession(2))
  enter(1)
  expect(accusations.awaits(keyOf(KEY))).toBe(true)
  enter(2)
  expect(accusations.awaits(keyOf(KEY))).toBe(false)
  accusations.onVerified(keyOf(KEY), { status: 'invalid', code: 'wrong-step', message: '', gas: 1 })
  expect(accusations.size).toBe(0)
})

it('evidence of which no block could be made is tried again after the next block, and when more comes', () => {
  const { accusations, hear } = bench()
  hear(equivocation(1))
  expect(accusations.hasUnproposed([])).toBe(true)
  accusations.stall()
  expect(accusations.hasUnproposed([])).toBe(false)
  hear(equivocation(2))
  expect(accusations.hasUnproposed([])).toBe(true)
  accusations.stall()
  accusations.settle()
  expect(accusations.hasUnproposed([])).toBe(true)
})

it('what is too old for any block is let go, on disk as well', () => {
  const { accusations, effects, hear, ground } = bench()
  hear(equivocation(1))
  ground.jump(GENESIS, { height: height(1 + MAX_EVIDENCE_AGE), hash: CHAIN_ID, timestampMs: 1 })
  accusations.settle()
  expect([accusations.size, effects.at(-1)?.kind]).toEqual([0, 'forget-evidence'])
})
