/** Collectors and trees: who gets what, and that nobody has to be relied on for it. */
import { type Height, height, type ValidatorIndex, view } from '@aethel/codec'
import { verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  aggregateOf,
  blockOf,
  blsValidatorSet,
  CHAIN,
  Cluster,
  type ClusterOptions,
  isKind,
  type Sent,
  signVoteWithShare,
  type TestReplica,
  validatorSet,
} from '../test/harness.js'
import { childrenOf, collectorsOf, disseminationOf } from './dissemination.js'
import { type Certificate, createMessageChecker, leaderOf, type Message, proposalOf } from './index.js'

const COUNT = 13
const COLLECTED: ClusterOptions = { validators: COUNT, certificates: 'bls12-381', dissemination: 'collectors' }
const TREE: ClusterOptions = { ...COLLECTED, dissemination: 'tree' }
const SET = blsValidatorSet(COUNT)
const block = blockOf({ set: SET })
const ballot = { kind: 'prepare', epoch: SET.epoch, view: view(0), height: height(1), blockHash: block.hash } as const
const EVERYBODY = Array.from({ length: COUNT }, (_, index) => index)
const QUORUM = EVERYBODY.slice(0, 9)

const heightsOf = (cluster: Cluster): number[] => cluster.up.map((replica) => replica.height)
const certificateMessage = (certificate: Certificate): Message => ({ kind: 'certificate', certificate })
const told = (replica: TestReplica): Certificate[] => replica.sentOf('certificate').map(({ certificate }) => certificate)

describe('who collects votes', () => {
  it('is the leader and two others, distinct, and each validator in its turn', () => {
    for (const count of [1, 2, 3, 4, 7, 100]) {
      const set = validatorSet(count)
      for (const inView of [0, 1, count - 1]) {
        const leader = leaderOf(set, view(inView))
        const turns = new Set<ValidatorIndex>()
        for (let at = 1; at <= count; at++) {
          const collectors = collectorsOf(set, view(inView), at as Height)
          expect(collectors[0]).toBe(leader)
          expect(new Set(collectors).size).toBe(Math.min(3, count))
          expect(collectors.length).toBe(Math.min(3, count))
          for (const each of collectors) turns.add(each)
        }
        expect(turns.size).toBe(count)
      }
    }
  })
})

describe('the tree of a view', () => {
  it('reaches everybody: the inner nodes from the leader, every leaf from two of them', () => {
    for (const count of [2, 3, 4, 5, 7, 13, 50, 101]) {
      const set = validatorSet(count)
      for (const inView of [0, 1, 7]) {
        const leader = leaderOf(set, view(inView))
        const parents = new Map<number, number[]>()
        for (let index = 0; index < count; index++)
          for (const child of childrenOf(set, view(inView), index as ValidatorIndex))
            parents.set(child, [...(parents.get(child) ?? []), index])
        expect([...parents.keys()].sort((a, b) => a - b)).toEqual([...Array(count).keys()].filter((index) => index !== leader))
        const inner = [...parents].filter(([, of]) => of.includes(leader)).map(([index]) => index)
        expect(inner.length).toBe(Math.ceil(Math.sqrt(count - 1)))
        for (const [index, of] of parents) {
          if (inner.includes(index)) expect(of).toEqual([leader])
          else expect(new Set(of).size).toBe(Math.min(2, inner.length))
        }
      }
    }
  })

  it('asks of nobody more than about twice the square root of all', () => {
    const set = validatorSet(400)
    for (let index = 0; index < 400; index++) expect(childrenOf(set, view(3), index as ValidatorIndex).length).toBeLessThanOrEqual(40)
  })

  it('is another in another view', () => {
    const set = validatorSet(101)
    const inner = (inView: number): readonly ValidatorIndex[] => childrenOf(set, view(inView), leaderOf(set, view(inView)))
    const shared = inner(0).filter((index) => inner(1).includes(index))
    expect(shared.length).toBeLessThan(inner(0).length / 2)
  })
})

it('auto: a mesh of up to 64 validators and wherever certificates are lists; collectors of up to 256, then a tree', () => {
  // A set of so many is expensive to make and nothing here looks at its keys.
  const sized = (count: number) => ({ ...SET, validators: new Array(count).fill(SET.validators[0]) })
  const choice = (count: number): string => disseminationOf('auto', sized(count))
  expect([4, 64, 65, 256, 257, 1000].map(choice)).toEqual(['mesh', 'mesh', 'collectors', 'collectors', 'tree', 'tree'])
  expect(disseminationOf('auto', { ...sized(1000), scheme: 'ed25519' })).toBe('mesh')
  expect(disseminationOf('mesh', sized(1000))).toBe('mesh')
})

it('certificates that are lists of signatures are not collected', () => {
  expect(() => new Cluster({ dissemination: 'collectors' })).toThrow('collectors with certificates of ed25519')
})

describe('collectors (protocol.md §9)', () => {
  it('a block costs a few messages for each validator, and commits at everybody', () => {
    const cluster = new Cluster(COLLECTED)
    cluster.at(0).order('a')
    cluster.deliver()
    expect(heightsOf(cluster)).toEqual(EVERYBODY.map(() => 1))
    let messages = 0
    for (const { sent } of cluster.replicas)
      for (const { to, message } of sent)
        if (message.kind === 'vote' || message.kind === 'certificate') messages += to === 'all' ? COUNT - 1 : 1
    // Two phases: a vote to each of three, a certificate from each of three.
    expect(messages).toBeLessThanOrEqual(2 * (3 * COUNT + 3 * COUNT))
    expect(messages).toBeGreaterThan(2 * COUNT)
  })

  it('whoever does not collect goes by certificates alone', () => {
    const replica = new Cluster(COLLECTED).at(12)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    expect(replica.sentVotes('commit')).toEqual([])
    replica.receive(5, certificateMessage(aggregateOf('prepare', 0, block, QUORUM, COUNT)))
    expect(new Set(replica.sentVotes('commit').map((vote) => vote.height))).toEqual(new Set([1]))
    expect(replica.height).toBe(0)
    replica.receive(5, certificateMessage(aggregateOf('commit', 0, block, QUORUM, COUNT)))
    expect(replica.height).toBe(1)
    expect(told(replica)).toEqual([])
  })

  it('R3: the certificate that a COMMIT rests on is durable before it, whoever has put it together', () => {
    const replica = new Cluster(COLLECTED).at(12)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    const certificate = aggregateOf('prepare', 0, block, QUORUM, COUNT)
    replica.receive(5, certificateMessage(certificate))
    expect(replica.disk.highest).toEqual(certificate)
  })

  it('no COMMIT before the block is executed here, nor for a block of another view', () => {
    const cluster = new Cluster(COLLECTED)
    const replica = cluster.at(12)
    replica.validating = 'held'
    replica.receive(5, certificateMessage(aggregateOf('prepare', 0, block, QUORUM, COUNT)))
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    expect(replica.sentVotes()).toEqual([])
    replica.step(replica.verdictOn(block))
    expect(new Set(replica.sentVotes().map(({ kind }) => kind))).toEqual(new Set(['prepare', 'commit']))

    const other = cluster.at(11)
    other.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    other.receive(5, certificateMessage(aggregateOf('prepare', 1, block, QUORUM, COUNT)))
    expect(other.sentVotes('commit')).toEqual([])
  })

  it('a leader that keeps the certificates to itself: the backups tell them', () => {
    const cluster = new Cluster(COLLECTED)
    cluster.cut = ({ from, message }) => from === 0 && message.kind === 'certificate'
    cluster.at(0).order('a')
    cluster.deliver()
    expect(heightsOf(cluster)).toEqual(EVERYBODY.map(() => 1))
  })

  it('B7: a leader that tells its certificates to the backups alone, before they have a quorum: they tell them', () => {
    const cluster = new Cluster(COLLECTED)
    const backups = collectorsOf(SET, view(0), height(1)).slice(1)
    cluster.cut = ({ from, to, message }) => {
      if (message.kind === 'vote') return backups.includes(to as ValidatorIndex)
      return from === 0 && message.kind === 'certificate' && !backups.includes(to as ValidatorIndex)
    }
    cluster.at(0).order('a')
    cluster.deliver()
    expect(heightsOf(cluster)).toEqual(EVERYBODY.map(() => 1))
  })

  it('E1: who collects tells a certificate once', () => {
    const backup = collectorsOf(SET, view(0), height(1))[1] as number
    const replica = new Cluster(COLLECTED).at(backup)
    const certificate = aggregateOf('prepare', 0, block, QUORUM, COUNT)
    for (let times = 0; times < 2; times++) replica.receive(0, certificateMessage(certificate))
    replica.receive(0, certificateMessage(aggregateOf('prepare', 0, block, EVERYBODY, COUNT)))
    expect(told(replica)).toEqual([certificate])
  })

  it('B7: nobody tells a certificate at all: after a tick votes come as in a mesh, and the view stands', () => {
    const cluster = new Cluster(COLLECTED)
    cluster.cut = isKind('certificate')
    cluster.at(0).order('a')
    cluster.run(3_000)
    expect(heightsOf(cluster)).toEqual(EVERYBODY.map(() => 1))
    expect(cluster.at(5).position).toBe('active 0')
  })

  it('B7: a certificate that got lost comes from collectors and stand-ins while the height is open', () => {
    const cluster = new Cluster(COLLECTED)
    const deaf = 11
    cluster.cut = ({ to, message }: Sent) =>
      (to === deaf && message.kind === 'certificate') || (message.kind === 'vote' && message.vote.kind === 'commit')
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.at(deaf).sentVotes('commit')).toEqual([])
    cluster.cut = ({ message }) => message.kind === 'vote'
    cluster.run(1_000)
    expect(cluster.at(deaf).sentVotes('commit').length).toBeGreaterThan(0)
    const tellers = cluster.replicas.filter(({ sent }) => sent.some(({ to, message }) => to === deaf && message.kind === 'certificate'))
    expect(tellers.length).toBeGreaterThan(0)
    expect(tellers.length).toBeLessThan(COUNT - 1)
  })

  it('its STATUS says whose votes it has, in certificates too, so nobody sends them again', () => {
    const replica = new Cluster(COLLECTED).at(12)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    replica.receive(5, certificateMessage(aggregateOf('prepare', 0, block, QUORUM, COUNT)))
    replica.fire('status')
    const status = replica.sentOf('status').at(-1)
    const prepares = EVERYBODY.filter((index) => ((status?.slots[0]?.prepares.bits[index >> 3] ?? 0) >> (index & 7)) & 1)
    expect(prepares).toEqual([...QUORUM, 12])
  })

  it('E1: a second certificate for the same ballot, and one out of every window, is not worth a check', () => {
    const replica = new Cluster(COLLECTED).at(12)
    const first = aggregateOf('prepare', 0, block, QUORUM, COUNT)
    const wants = (certificate: Certificate): boolean => replica.running.wants(5 as ValidatorIndex, certificateMessage(certificate))
    expect(wants(first)).toBe(true)
    replica.receive(5, certificateMessage(first))
    expect(wants(aggregateOf('prepare', 0, block, EVERYBODY, COUNT))).toBe(false)
    expect(wants({ ...first, kind: 'commit' })).toBe(true)
    expect(wants({ ...first, view: view(9) })).toBe(false)
    expect(wants({ ...first, height: height(100) })).toBe(false)
  })

  it('A8: one that proves nothing is refused at the edge', () => {
    const checker = createMessageChecker({ chainId: CHAIN, validators: SET, verifySignature })
    const good = aggregateOf('commit', 0, block, QUORUM, COUNT)
    expect(checker.check(certificateMessage(good)).ok).toBe(true)
    expect(checker.check(certificateMessage({ ...good, height: height(2) }))).toMatchObject({
      ok: false,
      error: { code: 'certificate-signature' },
    })
    const short = aggregateOf('commit', 0, block, QUORUM.slice(1), COUNT)
    expect(checker.check(certificateMessage(short))).toMatchObject({ ok: false, error: { code: 'certificate-power' } })
  })

  it('K5: what it can say of a fork includes certificates that others have put together', () => {
    const replica = new Cluster(COLLECTED).at(12)
    const certificate = aggregateOf('prepare', 0, block, QUORUM, COUNT)
    replica.receive(5, certificateMessage(certificate))
    expect(replica.running.forkMaterial().certificates).toContainEqual(certificate)
  })

  it('C4: after a restart own votes go to those who collect them again', () => {
    const replica = new Cluster(COLLECTED).at(12)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    const collectors = [...collectorsOf(SET, view(0), height(1))]
    const votesTo = (since: number) => replica.sent.slice(since).flatMap(({ to, message }) => (message.kind === 'vote' ? [to] : []))
    expect(votesTo(0)).toEqual(collectors)
    const before = replica.sent.length
    replica.restart()
    expect(votesTo(before)).toEqual(collectors)
  })

  it('why: names those who collect what is waited for', () => {
    const cluster = new Cluster(COLLECTED)
    const replica = cluster.at(12)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    const connected = EVERYBODY.filter((index) => index !== 12) as ValidatorIndex[]
    const diagnosis = replica.running.explain({
      nowMs: cluster.nowMs,
      connected,
      recentBlocks: 0,
      recentMs: 1,
      openWriteMs: 0,
      stopped: null,
    })
    expect(diagnosis.cause).toBe('waiting-for-prepares')
    expect(diagnosis.collectors).toEqual(collectorsOf(SET, view(0), height(1)))
  })
})

describe('a tree (protocol.md §9)', () => {
  it('the leader sends its proposal to few, everybody has it, and it commits', () => {
    const cluster = new Cluster(TREE)
    cluster.at(0).order('a', 'b')
    cluster.deliver()
    expect(heightsOf(cluster)).toEqual(EVERYBODY.map(() => 2))
    const byLeader = cluster.at(0).sent.filter(({ message }) => message.kind === 'pre-prepare')
    expect(byLeader.length).toBe(2 * Math.ceil(Math.sqrt(COUNT - 1)))
  })

  it('a proposal on its way is no answer to somebody who may have it already, and is told apart from those', () => {
    const cluster = new Cluster(TREE)
    const inner = cluster.at(childrenOf(SET, view(0), 0 as ValidatorIndex)[0] as number)
    const effects = inner.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    const proposals = effects.filter((effect) => effect.kind === 'send' && effect.message.kind === 'pre-prepare')
    expect(proposals.length).toBeGreaterThan(0)
    expect(proposals.every((effect) => effect.kind === 'send' && effect.fresh === true)).toBe(true)
  })

  it('of the two parents of a leaf the second is not to blame for its copy: it is not wanted, and was due', () => {
    const leaf = EVERYBODY.find((index) => index !== 0 && childrenOf(SET, view(0), index as ValidatorIndex).length === 0) as ValidatorIndex
    const parents = EVERYBODY.filter((index) => childrenOf(SET, view(0), index as ValidatorIndex).includes(leaf)) as ValidatorIndex[]
    expect(parents.length).toBe(2)
    const replica = new Cluster(TREE).at(leaf)
    const proposal = proposalOf(signVoteWithShare(0, ballot), block)
    replica.receive(parents[0] as number, proposal)
    const due = (from: number, message: Message): boolean => replica.running.isDue(from as ValidatorIndex, message)
    expect(replica.running.wants(parents[1] as ValidatorIndex, proposal)).toBe(false)
    expect(due(parents[1] as number, proposal)).toBe(true)
    const stranger = EVERYBODY.find((index) => index !== leaf && !parents.includes(index as ValidatorIndex)) as number
    expect(due(stranger, proposal)).toBe(false)
    const elsewhere = blockOf({ set: SET, height: 100, parent: block.hash })
    expect(
      due(parents[1] as number, proposalOf(signVoteWithShare(0, { ...ballot, height: height(100), blockHash: elsewhere.hash }), elsewhere)),
    ).toBe(false)
    replica.receive(5, certificateMessage(aggregateOf('commit', 0, block, QUORUM, COUNT)))
    expect(replica.height).toBe(1)
    expect(due(parents[1] as number, proposal)).toBe(false)
  })

  it('B8: a leaf whose parents pass nothing on gets the proposal after a tick, in the same view', () => {
    const cluster = new Cluster(TREE)
    const leaf = EVERYBODY.find((index) => index !== 0 && childrenOf(SET, view(0), index as ValidatorIndex).length === 0) as number
    cluster.cut = ({ from, to, message }) => to === leaf && from !== 0 && message.kind === 'pre-prepare'
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.at(leaf).sentVotes()).toEqual([])
    cluster.run(1_000)
    expect(cluster.at(leaf).height).toBe(1)
    expect(cluster.at(leaf).position).toBe('active 0')
  })

  it('what a validator would not accept it does not pass on', () => {
    const cluster = new Cluster(TREE)
    const inner = childrenOf(SET, view(0), 0 as ValidatorIndex)[0] as number
    const orphan = blockOf({ set: SET, height: 2, parent: block.hash })
    cluster.at(inner).receive(0, proposalOf(signVoteWithShare(0, { ...ballot, height: height(2), blockHash: orphan.hash }), orphan))
    expect(cluster.at(inner).sentOf('pre-prepare')).toEqual([])
    cluster.at(inner).receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    const passed = cluster.at(inner).sent.filter(({ message }) => message.kind === 'pre-prepare')
    expect(new Set(passed.map(({ to }) => to))).toEqual(new Set(childrenOf(SET, view(0), inner as ValidatorIndex)))
  })
})
