/** Votes on their way up a tree: whom sums rest on, what they are worth, and that nobody has to be relied on to make them. */
import { type BlsSignature, bitmapOf, blsSignature, epoch, height, indicesOf, type ValidatorIndex, view } from '@aethel/codec'
import { verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { opposite } from '../../crypto/test/rogue.js'
import {
  aggregateOf,
  ballotOf,
  blockOf,
  blsKeyOfValidator,
  blsValidatorSet,
  CHAIN,
  Cluster,
  type ClusterOptions,
  isKind,
  signVote,
  signVoteWithShare,
  sumsChecked,
  type TestReplica,
  validatorSet,
} from '../test/harness.js'
import { addersOf, collectorsOf, groupsOf } from './dissemination.js'
import {
  type Aggregate,
  type Ballot,
  type Block,
  ballotBytes,
  createMessageChecker,
  leaderOf,
  type Message,
  proposalOf,
  type VoteKind,
} from './index.js'

const COUNT = 21
const QUORUM_COUNT = 15
const TREE: ClusterOptions = { validators: COUNT, certificates: 'bls12-381', dissemination: 'tree' }
const SET = blsValidatorSet(COUNT)
const EVERYBODY = Array.from({ length: COUNT }, (_, index) => index as ValidatorIndex)
const [LEADER, VIEW] = [0, view(0)]
const block = blockOf({ set: SET })
const NO_POINT = blsSignature(new Uint8Array(96))

/** Of view 0: each inner node is the first of the first of the groups that it adds up. */
const INNER = EVERYBODY.filter((index) => groupsOf(SET, VIEW, index).length > 0)
const groupOf = (index: number): readonly ValidatorIndex[] =>
  INNER.flatMap((inner) => groupsOf(SET, VIEW, inner)).find((group) => group.includes(index as ValidatorIndex)) ?? []
const GROUPS = INNER.map(groupOf)
/** Somebody who collects neither first nor by chance. */
const isCollector = (index: number, at = 1): boolean => collectorsOf(SET, VIEW, height(at)).includes(index as ValidatorIndex)
const PLAIN_INNER = INNER.find((index) => !isCollector(index)) as ValidatorIndex
const LEAF = EVERYBODY.find((index) => index !== LEADER && !INNER.includes(index) && !isCollector(index)) as ValidatorIndex

const sumOf = (signers: readonly number[], kind: VoteKind = 'prepare', about: Block = block): Aggregate =>
  aggregateOf(kind, 0, about, signers, COUNT)
/** The leader has proposed this. */
const proposedBy = (leader: TestReplica): Block => {
  leader.order('a')
  return leader.sentOf('pre-prepare')[0]?.block as Block
}
const sumMessage = (sum: Aggregate): Message => ({ kind: 'sum', sum })
const vote = (sender: number, kind: VoteKind = 'prepare', share?: BlsSignature): Message => ({
  kind: 'vote',
  vote: signVoteWithShare(sender, ballotOf(kind, 0, block), share),
})
const propose = (replica: TestReplica): void => {
  replica.receive(LEADER, proposalOf(signVoteWithShare(LEADER, ballotOf('prepare', 0, block)), block))
}
const sumsBy = (replica: TestReplica, kind: VoteKind = 'prepare'): number[][] =>
  replica.sent.flatMap(({ to, message }) =>
    message.kind === 'sum' && message.sum.kind === kind && to === LEADER ? [indicesOf(message.sum.signers)] : [],
  )
const named = (replica: TestReplica, name: 'bad-sum' | 'bad-share'): number[] =>
  replica.events.flatMap((event) => (event.name === name ? [event.sender] : []))
const adders = (index: number): readonly ValidatorIndex[] => addersOf(SET, VIEW, index as ValidatorIndex)
const sorted = (indices: readonly number[]): number[] => [...indices].sort((a, b) => a - b)

describe('who adds up whose votes', () => {
  it('everybody but the leader has two inner nodes, the same as the rest of its group; those are in their groups themselves', () => {
    for (const count of [2, 3, 4, 5, 7, 13, 50, 101]) {
      const set = validatorSet(count)
      for (const inView of [view(0), view(1), view(7)]) {
        const leader = leaderOf(set, inView)
        const everybody = [...Array(count).keys()] as ValidatorIndex[]
        expect(addersOf(set, inView, leader)).toEqual([])
        expect(groupsOf(set, inView, leader)).toEqual([])
        const inner = everybody.filter((index) => groupsOf(set, inView, index).length > 0)
        expect(inner.length).toBe(Math.ceil(Math.sqrt(count - 1)))
        for (const index of everybody) {
          if (index === leader) continue
          const two = addersOf(set, inView, index)
          expect(two.length).toBe(Math.min(2, inner.length))
          expect(inner.filter((adder) => groupsOf(set, inView, adder).some((group) => group.includes(index)))).toEqual(
            inner.filter((adder) => two.includes(adder)),
          )
        }
        const groups = new Set(inner.flatMap((index) => groupsOf(set, inView, index).map((group) => group.join())))
        expect(groups.size).toBe(inner.length)
        const members = [...groups].flatMap((group) => group.split(',').map(Number))
        expect(sorted(members)).toEqual(everybody.filter((index) => index !== leader))
      }
    }
  })
})

describe('sums (protocol.md §9)', () => {
  it('collectors hear sums of groups and hardly a vote, and everybody commits', () => {
    const cluster = new Cluster(TREE)
    cluster.at(LEADER).order('a')
    cluster.deliver()
    expect(cluster.up.map((replica) => replica.height)).toEqual(EVERYBODY.map(() => 1))
    const toLeader = cluster.replicas.flatMap(({ sent }) => sent.filter(({ to }) => to === LEADER).map(({ message }) => message.kind))
    expect(toLeader).not.toContain('vote')
    // Of each group from two, at once and for what was left, in two phases.
    expect(toLeader.filter((kind) => kind === 'sum').length).toBeLessThanOrEqual(2 * 2 * 2 * INNER.length)
    for (const replica of cluster.replicas)
      if (replica.index !== LEADER)
        for (const { to, message } of replica.sent) if (message.kind === 'vote') expect(adders(replica.index)).toContain(to)
  })

  it('most of a group goes up at once, the rest when all of it is here, and nothing twice', () => {
    const replica = new Cluster(TREE).at(PLAIN_INNER)
    const group = groupOf(PLAIN_INNER)
    const others = group.filter((index) => index !== PLAIN_INNER)
    expect(group.length).toBeGreaterThanOrEqual(3)
    propose(replica)
    for (const sender of others.slice(0, -1)) replica.receive(sender, vote(sender))
    const most = group.length * 0.75 <= group.length - 1
    expect(sumsBy(replica)).toEqual(most ? [sorted([PLAIN_INNER, ...others.slice(0, -1)])] : [])
    replica.receive(others.at(-1) as number, vote(others.at(-1) as number))
    expect(sorted(sumsBy(replica).flat())).toEqual(sorted(group))
    for (const sender of others) replica.receive(sender, vote(sender))
    replica.fire('status')
    replica.fire('status')
    expect(sorted(sumsBy(replica).flat())).toEqual(sorted(group))
  })

  it('B7: what has waited for a tick goes up, whoever is missing', () => {
    const replica = new Cluster(TREE).at(PLAIN_INNER)
    propose(replica)
    expect(sumsBy(replica)).toEqual([])
    replica.fire('status')
    expect(sumsBy(replica)).toEqual([])
    replica.fire('status')
    expect(sumsBy(replica)).toEqual([[PLAIN_INNER]])
  })

  it('sums go to all who collect, and to nobody once there is a quorum', () => {
    const replica = new Cluster(TREE).at(PLAIN_INNER)
    const others = groupOf(PLAIN_INNER).filter((index) => index !== PLAIN_INNER)
    propose(replica)
    for (const sender of others) replica.receive(sender, vote(sender))
    const receivers = replica.sent.flatMap(({ to, message }) => (message.kind === 'sum' ? [to] : []))
    expect(new Set(receivers)).toEqual(new Set(collectorsOf(SET, VIEW, height(1))))
    replica.receive(5, { kind: 'certificate', certificate: sumOf(EVERYBODY.slice(0, QUORUM_COUNT)) })
    const before = replica.sentOf('sum').filter(({ sum }) => sum.kind === 'prepare').length
    for (const sender of EVERYBODY) if (sender !== PLAIN_INNER) replica.receive(sender, vote(sender))
    replica.fire('status')
    replica.fire('status')
    expect(replica.sentOf('sum').filter(({ sum }) => sum.kind === 'prepare').length).toBe(before)
  })

  it('disjoint sums of a quorum, and own votes beside them, are a certificate', () => {
    const leader = new Cluster(TREE).at(LEADER)
    const proposed = proposedBy(leader)
    for (const [nth, group] of GROUPS.entries()) leader.receive(INNER[nth] as number, sumMessage(sumOf(group, 'prepare', proposed)))
    const [certificate] = leader.sentOf('certificate')
    expect(certificate?.certificate).toMatchObject({ kind: 'prepare', height: 1 })
    expect(leader.sentVotes('commit').length).toBeGreaterThan(0)
  })

  it('S1: a vote in two sums, or in a sum and by itself, counts once', () => {
    const collector = new Cluster(TREE).at(LEADER)
    const proposed = proposedBy(collector)
    const [first, next] = [GROUPS[0], GROUPS[1]] as [readonly ValidatorIndex[], readonly ValidatorIndex[]]
    for (const group of [first, next]) {
      for (const adder of adders(group[0] as number)) {
        collector.receive(adder, sumMessage(sumOf(group, 'prepare', proposed)))
        collector.receive(adder, sumMessage(sumOf(group.slice(1), 'prepare', proposed)))
      }
      for (const sender of group)
        collector.receive(sender, { kind: 'vote', vote: signVoteWithShare(sender, ballotOf('prepare', 0, proposed)) })
    }
    expect(3 * (first.length + next.length + 1)).toBeLessThanOrEqual(2 * COUNT)
    expect(collector.sentOf('certificate')).toEqual([])
    expect(collector.sentVotes('commit')).toEqual([])
  })

  it.each([
    ['no point', (sum: Aggregate): Aggregate => ({ ...sum, aggregate: NO_POINT })],
    ['of another block', (sum: Aggregate): Aggregate => ({ ...sum, aggregate: sumOf(indicesOf(sum.signers)).aggregate })],
    [
      'without the share of one of its signers',
      (sum: Aggregate, about: Block): Aggregate => ({
        ...sum,
        aggregate: sumOf(indicesOf(sum.signers).slice(1), 'prepare', about).aggregate,
      }),
    ],
  ])(
    'A8: a sum that is %s counts for nothing, and who sent it adds up nothing any more; the other one of its group has it, too',
    (_, spoil) => {
      const collector = new Cluster(TREE).at(LEADER)
      const proposed = proposedBy(collector)
      const group = GROUPS[0] as readonly ValidatorIndex[]
      const [liar, honest] = adders(group[0] as number) as [ValidatorIndex, ValidatorIndex]
      collector.receive(liar, sumMessage(spoil(sumOf(group, 'prepare', proposed), proposed)))
      for (const other of GROUPS.slice(1))
        collector.receive(
          adders(other[0] as number).find((index) => index !== liar) as number,
          sumMessage(sumOf(other, 'prepare', proposed)),
        )
      expect(named(collector, 'bad-sum')).toEqual([liar])
      collector.receive(honest, sumMessage(sumOf(group, 'prepare', proposed)))
      expect(collector.sentOf('certificate').length).toBe(1)
      expect(collector.running.wants(liar, sumMessage(sumOf(group, 'commit')))).toBe(false)
      expect(collector.running.wants(honest, sumMessage(sumOf(group, 'commit')))).toBe(true)
      expect(named(collector, 'bad-sum')).toEqual([liar])
    },
  )

  it('who adds up looks at the shares first: a bad one is left out, and named', () => {
    const replica = new Cluster(TREE).at(PLAIN_INNER)
    const others = groupOf(PLAIN_INNER).filter((index) => index !== PLAIN_INNER)
    const [bad, ...good] = others as [ValidatorIndex, ...ValidatorIndex[]]
    propose(replica)
    replica.receive(bad, vote(bad, 'prepare', NO_POINT))
    for (const sender of good) replica.receive(sender, vote(sender))
    expect(named(replica, 'bad-share')).toEqual([bad])
    expect(sorted(sumsBy(replica).flat())).toEqual(sorted([PLAIN_INNER, ...good]))
  })

  it('F2: two of a group whose keys cancel each other, and whose shares are good, keep nobody busy: nothing proves what they say', () => {
    const [one, other, ...rest] = groupOf(PLAIN_INNER).filter((index) => index !== PLAIN_INNER) as [ValidatorIndex, ValidatorIndex]
    const { publicKey } = blsKeyOfValidator(one)
    const blsKeys = (index: number) => (index === other ? { publicKey: opposite(publicKey) } : blsKeyOfValidator(index))
    const replica = new Cluster({ ...TREE, blsKeys }).at(PLAIN_INNER)
    const [made, good] = [blockOf({ set: SET, timestampMs: 2_000_000 }), blockOf({ set: SET, timestampMs: 3_000_000 })]
    const shareOf = (index: number, ballot: Ballot): BlsSignature => {
      const share = blsKeyOfValidator(index === other ? one : index).sign(ballotBytes(CHAIN, ballot))
      return index === other ? opposite(share) : share
    }
    const say = (index: number, about: Block, kind: VoteKind): void => {
      const ballot = ballotOf(kind, 0, about)
      replica.receive(index, { kind: 'vote', vote: signVoteWithShare(index, ballot, shareOf(index, ballot)) })
    }
    sumsChecked.most = sumsChecked.count + 100
    for (const sender of [one, other]) say(sender, made, 'prepare') // for a block that nobody has ever seen
    replica.fire('status')
    replica.fire('status')
    expect(sumsBy(replica)).toEqual([])
    expect(sorted(named(replica, 'bad-share'))).toEqual(sorted([one, other]))
    for (const sender of [one, other, ...rest]) say(sender, good, 'commit')
    replica.fire('status')
    replica.fire('status')
    expect(sorted(sumsBy(replica, 'commit').flat())).toEqual(sorted([one, other, ...rest])) // with others their sum is as good as any
    expect(sumsChecked.count).toBeLessThan(sumsChecked.most)
    sumsChecked.most = Number.POSITIVE_INFINITY
  })

  it('B7: an inner node that adds nothing up costs no tick: the next one adds up its group', () => {
    const cluster = new Cluster(TREE)
    cluster.cut = ({ from, message }) => from === INNER[1] && message.kind === 'sum'
    cluster.at(LEADER).order('a', 'b')
    cluster.deliver()
    expect(cluster.up.map((replica) => replica.height)).toEqual(EVERYBODY.map(() => 2))
  })

  it('B7: where no sum arrives votes go to those who collect, and leave the tree alone for a while; the view stands', () => {
    const cluster = new Cluster(TREE)
    cluster.cut = ({ message }) => message.kind === 'sum' || message.kind === 'status'
    cluster.at(LEADER).order('a')
    cluster.run(5_000)
    expect(cluster.up.map((replica) => replica.height)).toEqual(EVERYBODY.map(() => 1))
    expect(cluster.at(LEAF).position).toBe('active 0')
    const votesSince = (since: number) =>
      cluster
        .at(LEAF)
        .sent.slice(since)
        .flatMap(({ to, message }) => (message.kind === 'vote' && message.vote.kind === 'prepare' ? [to] : []))
    let before = cluster.at(LEAF).sent.length
    cluster.at(LEADER).order('b')
    cluster.run(3_000)
    expect(votesSince(before)).toEqual(collectorsOf(SET, VIEW, height(2)))
    expect(cluster.up.map((replica) => replica.height)).toEqual(EVERYBODY.map(() => 2))
    for (let tick = 0; tick < 64; tick++) cluster.at(LEAF).fire('status')
    before = cluster.at(LEAF).sent.length
    cluster.at(LEADER).order('c')
    cluster.deliver()
    expect(votesSince(before)).toEqual(adders(LEAF))
  })

  it('C4: after a restart own votes take the tree again, and after that go to those who collect', () => {
    const cluster = new Cluster(TREE)
    const startedMs = cluster.nowMs
    const replica = cluster.at(LEAF)
    propose(replica)
    const votesSince = (since: number) => replica.sent.slice(since).flatMap(({ to, message }) => (message.kind === 'vote' ? [to] : []))
    expect(votesSince(0)).toEqual(adders(LEAF))
    let before = replica.sent.length
    replica.restart()
    expect(votesSince(before)).toEqual(adders(LEAF))
    before = replica.sent.length
    for (const ms of [250, 500, 750]) {
      cluster.nowMs = startedMs + ms
      replica.fire('status')
    }
    expect(votesSince(before)).toEqual([...collectorsOf(SET, VIEW, height(1))])
  })

  it('R1: a sum with our own share leaves after that vote is durable', () => {
    const replica = new Cluster(TREE).at(PLAIN_INNER)
    replica.syncing = 'manual'
    for (const sender of groupOf(PLAIN_INNER)) if (sender !== PLAIN_INNER) replica.receive(sender, vote(sender))
    const early = sumsBy(replica).flat()
    expect(early).not.toContain(PLAIN_INNER)
    propose(replica)
    expect(sumsBy(replica).flat()).not.toContain(PLAIN_INNER)
    replica.sync()
    const own = signVoteWithShare(PLAIN_INNER, ballotOf('prepare', 0, block))
    expect(replica.disk.holds(own) && sumsBy(replica).flat().includes(PLAIN_INNER)).toBe(true)
  })
})

describe('what a sum may be', () => {
  const wants = (replica: TestReplica, from: number, sum: Aggregate): boolean =>
    replica.running.wants(from as ValidatorIndex, sumMessage(sum))
  const group = GROUPS[0] as readonly ValidatorIndex[]
  const [adder, other] = adders(group[0] as number) as [ValidatorIndex, ValidatorIndex]

  it('E1: of one of its sender’s groups, in the window, to who collects, and only along a tree', () => {
    const cluster = new Cluster(TREE)
    const leader = cluster.at(LEADER)
    const sum = sumOf(group)
    expect(wants(leader, adder, sum)).toBe(true)
    expect(wants(leader, other, sum)).toBe(true)
    const stranger = EVERYBODY.find((index) => index !== adder && index !== other) as ValidatorIndex
    expect(wants(leader, stranger, sum)).toBe(false)
    const outside = EVERYBODY.find((index) => index !== LEADER && !groupsOf(SET, VIEW, adder).flat().includes(index)) as ValidatorIndex
    expect(wants(leader, adder, sumOf([...group, outside]))).toBe(false)
    expect(wants(leader, adder, sumOf([LEADER]))).toBe(false)
    expect(wants(leader, adder, { ...sum, height: height(100) })).toBe(false)
    expect(wants(leader, adder, { ...sum, view: view(9) })).toBe(false)
    expect(wants(cluster.at(LEAF), adder, sum)).toBe(false)
    expect(wants(new Cluster({ ...TREE, dissemination: 'collectors' }).at(LEADER), adder, sum)).toBe(false)
    leader.receive(5, { kind: 'certificate', certificate: sumOf(EVERYBODY.slice(0, QUORUM_COUNT)) })
    expect(wants(leader, adder, sum)).toBe(false)
  })

  it('E1: of one sender eight for a phase of a slot, whatever they are about', () => {
    const leader = new Cluster(TREE).at(LEADER)
    const blocks = Array.from({ length: 10 }, (_, nth) => blockOf({ set: SET, timestampMs: 10_000 + nth }))
    for (const each of blocks) leader.receive(adder, sumMessage(sumOf([group[0] as number], 'prepare', each)))
    expect(leader.running.held.votesHeld).toBe(8)
    leader.receive(adder, sumMessage(sumOf(group, 'commit')))
    expect(leader.running.held.votesHeld).toBe(9)
  })

  it('A8: refused at the edge: of another epoch, with a bitmap of another size or of nobody, or where certificates are lists', () => {
    const checker = createMessageChecker({ chainId: CHAIN, validators: SET, verifySignature })
    const sum = sumOf(group)
    const codeOf = (each: Aggregate, by = checker): string => {
      const checked = by.check(sumMessage(each))
      return checked.ok ? 'ok' : checked.error.code
    }
    expect(codeOf(sum)).toBe('ok')
    expect(codeOf({ ...sum, epoch: epoch(1) })).toBe('epoch')
    expect(codeOf({ ...sum, signers: bitmapOf(COUNT + 8, [1]) })).toBe('bitmap')
    expect(codeOf({ ...sum, signers: bitmapOf(COUNT, []) })).toBe('bitmap')
    const lists = createMessageChecker({ chainId: CHAIN, validators: validatorSet(COUNT), verifySignature })
    expect(codeOf(sum, lists)).toBe('certificate-scheme')
  })

  it('A2: it takes the keys’ owners: a vote of somebody else in a leaf’s name does not get into a sum', () => {
    const replica = new Cluster(TREE).at(PLAIN_INNER)
    const [victim] = groupOf(PLAIN_INNER).filter((index) => index !== PLAIN_INNER) as [ValidatorIndex]
    const checker = createMessageChecker({ chainId: CHAIN, validators: SET, verifySignature })
    const forged = { ...signVote(LEADER, ballotOf('prepare', 0, block)), sender: victim, share: NO_POINT }
    expect(checker.check({ kind: 'vote', vote: forged }).ok).toBe(false)
    expect(sumsBy(replica)).toEqual([])
  })
})

it('after all: a tree without sums is as live as one with them', () => {
  const cluster = new Cluster(TREE)
  cluster.cut = isKind('sum')
  cluster.at(LEADER).order('a')
  cluster.run(5_000)
  expect(cluster.up.map((replica) => replica.height)).toEqual(EVERYBODY.map(() => 1))
})
