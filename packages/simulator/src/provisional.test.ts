import { epoch, type Hash, height, validatorIndex, view } from '@aethel/codec'
import { assembleCertificate, type Ballot, ballotBytes, type Certificate, type Vote } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { Disk, type Write } from './disk.js'
import { ProvisionalCommits } from './provisional.js'
import { createIdealSignatures } from './signatures.js'

const CHAIN = hashTagged('aethel/test-chain', new Uint8Array(1))
const signatures = createIdealSignatures()
const signers = [0, 1, 2, 3].map((index) => signatures.signer(index))

function named(name: string): Hash {
  return hashTagged(
    'aethel/test-block',
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
  )
}

function vote(sender: number, name: string, at = 1): Vote {
  const ballot: Ballot = { kind: 'commit', epoch: epoch(0), view: view(0), height: height(at), blockHash: named(name) }
  return { ...ballot, sender: validatorIndex(sender), signature: (signers[sender] as (typeof signers)[0])(ballotBytes(CHAIN, ballot)) }
}

function certificateOf(votes: readonly Vote[]): Certificate {
  return assembleCertificate(votes[0] as Vote, 4, votes)
}

/** Validator 0's disk and what waits for it, in the order of its effects. */
class Validator {
  readonly disk = new Disk<string>({ height: height(0), hash: CHAIN, timestampMs: 0 }, 'genesis')
  readonly commits = new ProvisionalCommits<string>()
  waiting: Write<string>[] = []
  readonly judged: string[] = []

  votes(own: Vote): void {
    this.waiting.push({ kind: 'records', records: [{ kind: 'vote', vote: own }] })
  }

  commitsOn(name: string, certificate: Certificate): void {
    // Only its identity matters here: the disk of this test is never asked for blocks.
    const write: Write<string> = { kind: 'records', records: [] }
    this.commits.onCommit(write, certificate, { position: 0, waiting: this.waiting, disk: this.disk }, () => this.judged.push(name))
    this.waiting.push(write)
  }

  syncs(): void {
    for (const write of this.waiting) {
      this.disk.apply(write)
      this.commits.onDurable(write)
    }
    this.waiting = []
  }

  /** Nothing of what waits is written, and the process stops. */
  diskIsFull(): void {
    this.waiting = []
  }
}

describe('a commit that rests on an own vote which is not durable', () => {
  // Seed 50000622: validator 3 is faulty and votes for A towards 0, for B towards the others.
  const own = vote(0, 'A')
  const certificate = certificateOf([own, vote(1, 'A'), vote(3, 'A')])

  it('is no commit if a full disk loses both: the others may commit another block, and that is no fork', () => {
    const validator = new Validator()
    validator.votes(own)
    validator.commitsOn('A', certificate)
    validator.diskIsFull()
    expect(validator.judged).toEqual([])
    // It is back, has forgotten its vote, and learns B from the others, whose votes stand.
    validator.commitsOn('B', certificateOf([vote(1, 'B'), vote(2, 'B'), vote(3, 'B')]))
    expect(validator.judged).toEqual(['B'])
  })

  it('is judged when it is durable', () => {
    const validator = new Validator()
    validator.votes(own)
    validator.commitsOn('A', certificate)
    expect(validator.judged).toEqual([])
    validator.syncs()
    expect(validator.judged).toEqual(['A'])
  })

  it('holds back those above it, which are lost with it, whatever their certificates rest on', () => {
    const validator = new Validator()
    validator.votes(own)
    validator.commitsOn('A', certificate)
    validator.commitsOn('A2', certificateOf([vote(1, 'A2', 2), vote(2, 'A2', 2), vote(3, 'A2', 2)]))
    expect(validator.judged).toEqual([])
    validator.syncs()
    expect(validator.judged).toEqual(['A', 'A2'])
  })
})

describe('a commit that stands whatever becomes of this disk is judged at once', () => {
  it('with an own vote that is durable', () => {
    const validator = new Validator()
    validator.votes(vote(0, 'A'))
    validator.syncs()
    validator.commitsOn('A', certificateOf([vote(0, 'A'), vote(1, 'A'), vote(3, 'A')]))
    expect(validator.judged).toEqual(['A'])
  })

  it('with the votes of others alone', () => {
    const validator = new Validator()
    validator.votes(vote(0, 'A'))
    validator.commitsOn('A', certificateOf([vote(1, 'A'), vote(2, 'A'), vote(3, 'A')]))
    expect(validator.judged).toEqual(['A'])
  })

  it('but not if the durable vote is for another block', () => {
    const validator = new Validator()
    validator.votes(vote(0, 'B'))
    validator.syncs()
    validator.commitsOn('A', certificateOf([vote(0, 'A'), vote(1, 'A'), vote(3, 'A')]))
    expect(validator.judged).toEqual([])
  })
})
