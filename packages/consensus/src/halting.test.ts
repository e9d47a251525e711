/**
 * Beyond F (docs/protocol.md §12): a replica that learns of two certificates that contradict each other stops at once, and what
 * it holds proves whose fault it is. Seven validators, of which 0, 1 and 2 are faulty: one more than can be borne.
 */
import { compareBytes } from '@aethel/codec'
import { verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  blockOf,
  CHAIN,
  Cluster,
  certificateOf,
  chainOf,
  prePrepareOf,
  type TestReplica,
  transaction,
  validatorSet,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import {
  assembleForkProof,
  type Block,
  type Certificate,
  type ForkMaterial,
  joinMaterial,
  type Message,
  type ProvenFork,
  type SignatureList,
} from './index.js'

const set = validatorSet(7)
const context = { chainId: CHAIN, validators: set, verifySignature }
const [ours] = chainOf(1, { set, transactions: [transaction('ours')] }) as [Block]
const theirs = chainOf(4, { set, transactions: [transaction('theirs')] }) as [Block, Block, Block, Block]
const FAULTY_AND_FIVE = [0, 1, 2, 5, 6]

/** Replica 3, which has committed `ours` at height 1 with the help of the faulty. */
function committed(): { cluster: Cluster; replica: TestReplica } {
  const cluster = new Cluster({ validators: 7 })
  cluster.cut = ({ from, to }) => ![3, 4].includes(from) || ![3, 4].includes(to)
  for (const index of [3, 4]) {
    cluster.at(index).receive(0, prePrepareOf(0, 0, ours))
    for (const kind of ['prepare', 'commit'] as const)
      for (const sender of [0, 1, 2]) cluster.at(index).receive(sender, voteMessage(sender, kind, 0, ours))
  }
  cluster.deliver()
  const replica = cluster.at(3)
  expect(replica.committed).toEqual([ours])
  return { cluster, replica }
}

/** Of the replica's disk, as a node adds it. */
function chainOn(replica: TestReplica): ForkMaterial {
  return {
    certificates: replica.disk.chain.map(({ certificate }) => certificate),
    headers: replica.disk.chain.map(({ block }) => block.header),
    votes: [],
    entries: [],
  }
}

function proofOf(replica: TestReplica): ProvenFork {
  const [fork] = replica.forks
  const assembled = fork === undefined ? null : assembleForkProof(context, joinMaterial([chainOn(replica), fork.material]))
  if (assembled?.checked.ok !== true) throw new Error(`no proof: ${JSON.stringify(assembled?.checked)}`)
  return assembled.checked.value
}

function expectSilence(cluster: Cluster, replica: TestReplica): void {
  expect(replica.forks.length).toBe(1)
  expect(replica.running.inspect().forkedAt).toBe(1)
  const said = replica.sent.length
  replica.order('more')
  for (const timer of ['status', 'view', 'batch'] as const) replica.fire(timer)
  for (const [, next] of theirs.entries()) replica.receive(0, prePrepareOf(0, 0, next))
  for (const sender of FAULTY_AND_FIVE) replica.receive(sender, viewChangeOf(sender, 1))
  replica.receive(5, { kind: 'fetch', want: 'view', nonce: CHAIN })
  cluster.run(10_000)
  expect(replica.sent.length).toBe(said)
  expect(replica.committed).toEqual([ours])
  replica.receive(5, { kind: 'fetch', want: 'committed', from: ours.header.height })
  expect(replica.served.length).toBe(1)
}

const rivalCertificate = (block: Block, inView = 0): SignatureList => certificateOf('commit', inView, block, FAULTY_AND_FIVE, 7)

describe('a replica that learns of a fork halts and can prove it', () => {
  const blocks = (list: readonly Block[], certificate: Certificate, links: readonly Block[] = []): Message => ({
    kind: 'blocks',
    blocks: list,
    links: links.map(({ header }) => header),
    certificate,
  })
  const ways: [string, (replica: TestReplica) => void][] = [
    ['a VIEW-CHANGE that carries the rival certificate', (r) => r.receive(5, viewChangeOf(5, 1, rivalCertificate(theirs[0])))],
    [
      'a quorum of COMMITs for a block of the rival branch',
      (r) => {
        for (const sender of FAULTY_AND_FIVE) r.receive(sender, voteMessage(sender, 'commit', 0, theirs[1]))
        r.receive(5, { kind: 'block', block: theirs[1] })
      },
    ],
    [
      'committed blocks of the rival branch, from the height after ours',
      (r) => {
        r.fire('status')
        r.receive(5, blocks(theirs.slice(1, 3), rivalCertificate(theirs[3]), [theirs[3]]))
      },
    ],
    [
      'a proposal with a certificate of the rival branch',
      (r) => {
        const next = blockOf({ set, height: 2, parent: ours.hash, lastCertificate: rivalCertificate(theirs[0]), timestampMs: 1_000_100 })
        r.receive(0, prePrepareOf(0, 0, next))
      },
    ],
  ]

  it.each(ways)('%s', (_, learn) => {
    const { cluster, replica } = committed()
    learn(replica)
    expectSilence(cluster, replica)
  })

  it('A1: two quorums of COMMITs for one height, of whose blocks none is here yet', () => {
    const cluster = new Cluster({ validators: 7 })
    cluster.cut = () => true
    const replica = cluster.at(3)
    for (const sender of FAULTY_AND_FIVE) replica.receive(sender, voteMessage(sender, 'commit', 0, ours))
    for (const sender of FAULTY_AND_FIVE) replica.receive(sender, voteMessage(sender, 'commit', 1, theirs[0]))
    expect([replica.forks.length, replica.running.inspect().forkedAt]).toEqual([1, 1])
  })

  it('certificates of one view and height: the proof names the three, and nobody else', () => {
    const { replica } = committed()
    replica.receive(5, viewChangeOf(5, 1, rivalCertificate(theirs[0])))
    const proven = proofOf(replica)
    expect(proven).toMatchObject({ height: 1, power: 3n, totalPower: 7n })
    expect(proven.culprits.map(({ validator }) => validator)).toEqual([0, 1, 2])
    expect([ours.hash, theirs[0].hash].sort(compareBytes)).toEqual(proven.blocks)
  })

  it('O3 across views: the VIEW-CHANGEs that this replica has seen name who forgot its COMMIT', () => {
    const { replica } = committed()
    const rival = blockOf({ set, view: 1, transactions: [transaction('rival')] })
    const entries = FAULTY_AND_FIVE.map((sender) => viewChangeOf(sender, 1))
    for (const message of entries) replica.receive(message.entry.sender, message)
    replica.receive(5, viewChangeOf(5, 3, rivalCertificate(rival, 1)))
    const proven = proofOf(replica)
    expect(proven.culprits).toEqual([0, 1, 2].map((validator) => ({ validator, offence: 'forgotten-commit' })))
  })

  it('a branch committed by a certificate far above: the headers between show what it commits', () => {
    const { replica } = committed()
    replica.fire('status')
    replica.receive(5, blocks(theirs.slice(1, 3), rivalCertificate(theirs[3]), [theirs[3]]))
    const [fork] = replica.forks
    expect(fork?.height).toBe(1)
    const assembled = assembleForkProof(context, joinMaterial([chainOn(replica), (fork as NonNullable<typeof fork>).material]))
    // Heights 1 and 4 of one view: who signed both may be honest, so nobody is named; the fork itself is shown.
    expect(assembled?.checked).toMatchObject({ ok: false, error: { code: 'fork-not-attributed' } })
    // What a second replica has, which is on the other branch, makes up for it.
    const other = { certificates: [rivalCertificate(theirs[0])], headers: [], votes: [], entries: [] }
    const whole = assembleForkProof(context, joinMaterial([chainOn(replica), (fork as NonNullable<typeof fork>).material, other]))
    expect(whole?.checked).toMatchObject({ ok: true, value: { power: 3n } })
  })

  // Seed 45000234: what the headers of an answer say was not kept, and so the first certificate led to nothing.
  it.each([
    [2, 'the block that came'],
    [3, 'one of which only the header came'],
  ])('a certificate whose block came as a header, above the bodies, and one for a rival at height %i: %s', (at) => {
    const cluster = new Cluster({ validators: 7 })
    cluster.cut = () => true
    const replica = cluster.at(3)
    const rival = chainOf(3, { set, transactions: [transaction('rival')] })[at - 1] as Block
    replica.fire('status')
    replica.receive(5, blocks(theirs.slice(0, 2), rivalCertificate(theirs[3]), theirs.slice(2)))
    replica.receive(5, viewChangeOf(5, 1, certificateOf('commit', 0, rival, [0, 1, 2, 3, 4], 7)))
    const [fork] = replica.forks
    expect(fork?.height).toBe(at)
    const assembled = assembleForkProof(context, joinMaterial([chainOn(replica), (fork as NonNullable<typeof fork>).material]))
    expect(assembled?.checked).toMatchObject({ ok: false, error: { code: 'fork-not-attributed' } })
    const other = { certificates: [rivalCertificate(theirs[at - 1] as Block)], headers: [], votes: [], entries: [] }
    const whole = assembleForkProof(context, joinMaterial([chainOn(replica), (fork as NonNullable<typeof fork>).material, other]))
    expect(whole?.checked).toMatchObject({ ok: true, value: { height: at, power: 3n } })
  })

  it('and serves its blocks on, to each so much a tick', () => {
    const { replica } = committed()
    replica.receive(5, viewChangeOf(5, 1, rivalCertificate(theirs[0])))
    const servedOf = (wishes: number): number => {
      const before = replica.served.length
      for (let wish = 0; wish < wishes; wish++) replica.receive(5, { kind: 'fetch', want: 'committed', from: ours.header.height })
      return replica.served.length - before
    }
    expect(replica.running.inspect().forkedAt).toBe(1)
    expect([servedOf(10), servedOf(1)]).toEqual([4, 0])
    replica.fire('status')
    expect(servedOf(10)).toBe(4)
  })

  it('a state of a rival chain is not taken over', () => {
    const { replica } = committed()
    const committedTip = { height: theirs[1].header.height, hash: theirs[1].hash, timestampMs: theirs[1].header.timestampMs }
    const recent = [theirs[0], theirs[1]].map(({ header, hash }) => ({ height: header.height, hash }))
    const landing = { committed: committedTip, validators: set, certificate: rivalCertificate(theirs[1]), recent }
    const jump = replica.running.jump(landing)
    expect('fork' in jump && jump.fork?.height).toBe(1)
    expect(replica.running.inspect().forkedAt).toBe(1)
    expect(replica.running.jump(landing)).toEqual({ fork: null })
    expect(replica.running.committed.hash).toEqual(ours.hash)
  })

  it('without a contradiction there is no proof', () => {
    const { replica } = committed()
    const material = { ...chainOn(replica), certificates: [rivalCertificate(ours), ...chainOn(replica).certificates] }
    expect(assembleForkProof(context, material)).toBeNull()
    replica.receive(5, viewChangeOf(5, 1, rivalCertificate(ours)))
    expect(replica.forks).toEqual([])
  })

  it('what is not signed as it should be is left out of a proof, and does not spoil it', () => {
    const { replica } = committed()
    const rubbish = { ...rivalCertificate(theirs[2]), signatures: rivalCertificate(theirs[2]).signatures.toReversed() }
    const forged = { ...viewChangeOf(5, 1).entry, sender: 6 as never }
    const material = { certificates: [rubbish, rivalCertificate(theirs[0])], headers: [], votes: [], entries: [forged] }
    const assembled = assembleForkProof(context, joinMaterial([chainOn(replica), material]))
    expect(assembled?.checked).toMatchObject({ ok: true, value: { power: 3n } })
  })
})
