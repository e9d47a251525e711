import { assert, equalBytes, indicesOf, keyOf } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import {
  ballotOf,
  blockOf,
  Cluster,
  certificateOf,
  chainOf,
  FALSE_PROOF,
  isVote,
  newViewOf,
  prePrepareOf,
  START_MS,
  signVote,
  type TestReplica,
  transaction,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import { type Block, type Certificate, createBlock, MAX_CERTIFICATE_AGE } from './index.js'

type Pair = [Block, Block]

/** Two blocks for one slot. */
function rivals(): Pair {
  return [blockOf({ transactions: [transaction('a')] }), blockOf({ transactions: [transaction('b')] })]
}

describe('the normal case (protocol.md §4)', () => {
  it('four replicas commit what the leader proposes, in order, once', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a', 'b', 'c', 'd')
    cluster.deliver()
    expect(cluster.chain.length).toBe(4)
    expect(cluster.replicas.map((replica) => replica.committed.map((block) => block.header.height))).toEqual(Array(4).fill([1, 2, 3, 4]))
    expect(cluster.replicas.every((replica) => replica.position === 'active 0')).toBe(true)
  })

  it('pipelines: a window of blocks is proposed before the first one commits, and no more', () => {
    const cluster = new Cluster({ window: 8 })
    cluster.at(0).order(...Array.from({ length: 12 }, (_, i) => `tx ${i}`))
    expect(
      cluster
        .at(0)
        .sentOf('pre-prepare')
        .map((message) => message.block.header.height),
    ).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    cluster.deliver()
    expect(cluster.chain.length).toBe(12)
  })

  it('D8: a leader that runs ahead of the window is not followed beyond it', () => {
    const window = 4
    const replica = new Cluster({ window }).at(3)
    for (const block of chainOf(3 * window)) replica.receive(0, prePrepareOf(0, 0, block))
    expect(replica.sentVotes('prepare').map((vote) => vote.height)).toEqual([1, 2, 3, 4])
  })

  it('A9, H1: four replicas with four different quorums of one block have one hash and one time of it, also after a restart', () => {
    const cluster = new Cluster()
    const isCommit = isVote('commit')
    // Each hears of one other less than there are: COMMITs of itself and of the two after it.
    cluster.cut = (sent) => isCommit(sent) && (sent.from - sent.to + 4) % 4 === 3
    cluster.at(0).order('a')
    cluster.deliver()
    const certificates = cluster.replicas.map(({ disk }) => disk.chain.at(-1)?.certificate)
    const signers = certificates.map((certificate) => (certificate === undefined ? 'none' : indicesOf(certificate.signers).join(' ')))
    expect(new Set(signers).size).toBe(4)
    const tips = cluster.replicas.map(({ running }) => running.committed)
    expect(new Set(tips.map(({ hash, timestampMs }) => `${keyOf(hash)} ${timestampMs}`)).size).toBe(1)
    expect(tips[0]?.timestampMs).toBe(cluster.at(3).committed[0]?.header.timestampMs)
    for (const replica of cluster.replicas) replica.restart()
    cluster.deliver()
    cluster.at(0).order('b')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => [replica.height, replica.forks.length])).toEqual(Array(4).fill([2, 0]))
  })

  it('commits a window in one go when only the last block gets its certificate', () => {
    const cluster = new Cluster()
    cluster.cut = (sent) => isVote('commit')(sent) && sent.message.kind === 'vote' && sent.message.vote.height < 3
    cluster.at(0).order('a', 'b', 'c')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.height)).toEqual([3, 3, 3, 3])
    expect(
      cluster
        .at(1)
        .events.filter((event) => event.name === 'committed')
        .map((event) => event.name === 'committed' && event.direct),
    ).toEqual([false, false, true])
  })

  it('S7: own votes count: seven validators commit with two silent', () => {
    const cluster = new Cluster({ validators: 7 })
    cluster.cut = ({ from }) => from >= 5
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.replicas.slice(0, 5).map((replica) => replica.height)).toEqual([1, 1, 1, 1, 1])
  })

  it('S7: a PRE-PREPARE that comes after the votes for it is caught up with', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf()
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, block))
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, block))
    expect(replica.height).toBe(0)
    replica.receive(0, prePrepareOf(0, 0, block))
    expect(replica.height).toBe(1)
  })

  it('S5, A4: votes for two blocks of one slot are never added up', () => {
    const cluster = new Cluster({ validators: 7 })
    const replica = cluster.at(6)
    const set = cluster.set
    const [a, b] = [blockOf({ set, transactions: [transaction('a')] }), blockOf({ set, transactions: [transaction('b')] })]
    replica.receive(0, prePrepareOf(0, 0, a))
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, a))
    for (const sender of [3, 4, 5]) replica.receive(sender, voteMessage(sender, 'prepare', 0, b))
    expect(replica.sentVotes('commit')).toEqual([]) // four for a with its own, three for b: a quorum of seven needs five
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, a))
    for (const sender of [3, 4, 5]) replica.receive(sender, voteMessage(sender, 'commit', 0, b))
    expect(replica.height).toBe(0)
  })

  it('S5: COMMITs of fewer than a quorum commit nothing, prepared or not', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    for (const sender of [0, 1]) replica.receive(sender, voteMessage(sender, 'commit', 0, block))
    expect(replica.height).toBe(0)
    expect(replica.sentVotes('commit')).toEqual([])
  })

  it('S5: no COMMIT before the block is executed, however many PREPAREs came', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf()
    replica.validating = 'held'
    replica.receive(0, prePrepareOf(0, 0, block))
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, block))
    expect(replica.sentVotes()).toEqual([])
    replica.step(replica.verdictOn(block))
    expect(replica.sentVotes().map((vote) => vote.kind)).toEqual(['prepare', 'commit'])
  })

  it('S5: the first block of a slot stands: a second one gets no vote, and is evidence', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [a, b] = rivals()
    replica.receive(0, prePrepareOf(0, 0, a))
    replica.receive(0, prePrepareOf(0, 0, b))
    expect(replica.sentVotes('prepare').map((vote) => keyOf(vote.blockHash))).toEqual([keyOf(a.hash)])
    expect(replica.evidence.length).toBe(1)
  })

  it('B4: a fresh block must extend the block accepted one below', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [a, b] = rivals()
    replica.receive(0, prePrepareOf(0, 0, a))
    replica.receive(0, prePrepareOf(0, 0, blockOf({ height: 2, parent: b.hash })))
    expect(replica.sentVotes('prepare').map((vote) => vote.height)).toEqual([1])
  })

  it('a fresh block of another view, or from too far in the future, gets no vote', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    replica.receive(0, prePrepareOf(0, 0, blockOf({ timestampMs: START_MS + 2001 })))
    expect(replica.sentVotes()).toEqual([])
    const other = new Cluster()
    const late = other.at(3)
    late.receive(1, newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1), viewChangeOf(2, 1)]))
    late.receive(1, prePrepareOf(1, 1, blockOf({ view: 0 })))
    expect(late.sentVotes()).toEqual([])
    late.receive(1, prePrepareOf(1, 1, blockOf({ view: 1, height: 2, parent: blockOf().hash })))
    expect(late.sentVotes()).toEqual([])
  })

  it('H2: a timestamp that does not grow is refused, and its leader voted out', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const first = blockOf({ timestampMs: START_MS + 50 })
    replica.receive(0, prePrepareOf(0, 0, first))
    replica.receive(0, prePrepareOf(0, 0, blockOf({ height: 2, parent: first.hash, timestampMs: START_MS + 50 })))
    expect(replica.sentVotes('prepare').length).toBe(1)
    expect(replica.position).toBe('changing 1')
  })

  it('E7: an invalid block gets no vote and starts a view change at once', () => {
    const cluster = new Cluster()
    const bad = blockOf({ transactions: [FALSE_PROOF] })
    for (const index of [1, 2, 3]) cluster.at(index).receive(0, prePrepareOf(0, 0, bad))
    cluster.deliver()
    expect(cluster.replicas.slice(1).flatMap((replica) => replica.sentVotes())).toEqual([])
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(Array(4).fill('active 1'))
    cluster.at(1).order('good')
    cluster.deliver()
    expect(cluster.chain.length).toBe(1)
    expect(cluster.chain.some((hash) => equalBytes(hash, bad.hash))).toBe(false)
  })

  it('K5: a wrong state root is an invalid block', () => {
    const cluster = new Cluster()
    const good = blockOf()
    const wrong = { ...good.header, stateRoot: good.hash }
    const replica = cluster.at(2)
    const forged = prePrepareOf(0, 0, createBlock(wrong, good.body))
    replica.receive(0, forged)
    expect(replica.sentVotes()).toEqual([])
    expect(replica.position).toBe('changing 1')
  })

  it('an aborted verification abstains, blames nobody, and is tried again at the next tick', () => {
    const cluster = new Cluster()
    const replica = cluster.at(2)
    const block = blockOf()
    replica.validating = 'held'
    replica.receive(0, prePrepareOf(0, 0, block))
    replica.step({ kind: 'validated', hash: block.hash, result: { status: 'aborted', reason: 'worker lost' }, nowMs: cluster.nowMs })
    expect(replica.position).toBe('active 0')
    expect(replica.sentVotes()).toEqual([])
    replica.validating = 'automatic'
    replica.fire('status')
    expect(replica.sentVotes('prepare').length).toBe(1)
  })

  it('a block whose check is taken back goes with what was executed on it, or is being executed, unless it was voted for', () => {
    const cluster = new Cluster()
    const [first = blockOf(), second = blockOf()] = chainOf(2)
    const aborted = { status: 'aborted', reason: 'a blob was lost' } as const
    const takenBackFrom = (replica: TestReplica): boolean[] => {
      replica.step({ kind: 'validated', hash: first.hash, result: aborted, nowMs: cluster.nowMs })
      return [first, second].map((block) => replica.abandoned.has(keyOf(block.hash)))
    }
    const [voter, leaver] = [cluster.at(2), cluster.at(3)]
    leaver.validating = 'held'
    for (const replica of [voter, leaver]) for (const block of [first, second]) replica.receive(0, prePrepareOf(0, 0, block))
    leaver.fire('view')
    leaver.step(leaver.verdictOn(first)) // it has left the view: no vote
    expect([voter, leaver].map((replica) => replica.sentVotes('prepare').length)).toEqual([2, 0])
    expect(takenBackFrom(leaver)).toEqual([true, true])
    expect(takenBackFrom(voter)).toEqual([false, false])
  })

  it('a block that was proven committed by a later one keeps the certificate of its own that came before it was executed', () => {
    const replica = new Cluster().at(3)
    const [first = blockOf(), second = blockOf()] = chainOf(2)
    replica.validating = 'held'
    for (const block of [first, second]) replica.receive(0, prePrepareOf(0, 0, block))
    for (const block of [second, first]) for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, block))
    for (const block of [first, second]) replica.step(replica.verdictOn(block))
    expect(replica.events.filter((event) => event.name === 'committed').map(({ height, direct }) => [height, direct])).toEqual([
      [1, true],
      [2, true],
    ])
  })

  it('S1, A1: six validators, an equivocating leader: neither half of the others commits', () => {
    const cluster = new Cluster({ validators: 6 })
    const set = cluster.set
    const [a, b] = [blockOf({ set, transactions: [transaction('a')] }), blockOf({ set, transactions: [transaction('b')] })]
    cluster.cut = ({ from, to }) => from === 0 || from < 3 !== to < 3
    for (const index of [1, 2]) cluster.at(index).receive(0, prePrepareOf(0, 0, a))
    for (const index of [3, 4, 5]) cluster.at(index).receive(0, prePrepareOf(0, 0, b))
    for (const index of [1, 2]) cluster.at(index).receive(0, voteMessage(0, 'commit', 0, a))
    for (const index of [3, 4, 5]) cluster.at(index).receive(0, voteMessage(0, 'commit', 0, b))
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.height)).toEqual(Array(6).fill(0))
  })

  it('K1: a leader that says two things is reported with both votes, and voted out by all', () => {
    const cluster = new Cluster()
    const [a, b] = rivals()
    for (const index of [1, 2]) cluster.at(index).receive(0, prePrepareOf(0, 0, a))
    cluster.at(3).receive(0, prePrepareOf(0, 0, b))
    cluster.cut = ({ from, to }) => from === 0 || to === 0
    cluster.at(3).receive(0, voteMessage(0, 'prepare', 0, a)) // somebody shows it the other one
    expect(cluster.at(3).evidence.length).toBe(1)
    cluster.deliver()
    for (const index of [1, 2, 3]) {
      const [evidence, ...more] = cluster.at(index).evidence
      expect(more).toEqual([])
      assert(evidence?.type === 'equivocation', 'two proposals of one slot are an equivocation')
      expect([evidence.first.blockHash, evidence.second.blockHash].map(keyOf)).toEqual([keyOf(a.hash), keyOf(b.hash)].sort())
      expect(evidence.first.sender).toBe(0)
      expect(cluster.at(index).position).toBe('active 1')
    }
  })

  it('a voter that says two things is reported, and moves nobody', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    const [a, b] = rivals()
    replica.receive(2, voteMessage(2, 'commit', 0, a))
    replica.receive(2, voteMessage(2, 'commit', 0, b))
    replica.receive(2, voteMessage(2, 'commit', 0, b))
    expect(replica.evidence.length).toBe(1)
    expect(replica.position).toBe('active 0')
  })

  it('K1: a vote said twice, votes of two phases and votes of two views accuse nobody', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    const [a, b] = rivals()
    for (const message of [
      voteMessage(2, 'prepare', 0, a),
      voteMessage(2, 'prepare', 0, a),
      voteMessage(2, 'commit', 0, b),
      voteMessage(2, 'prepare', 1, b),
    ])
      replica.receive(2, message)
    expect(replica.evidence).toEqual([])
    expect(replica.position).toBe('active 0')
    replica.receive(2, voteMessage(2, 'prepare', 0, b))
    expect(replica.evidence.length).toBe(1)
  })

  it('D6, D7: COMMITs of an earlier view still count, also while changing views', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, block))
    replica.fire('view')
    expect(replica.position).toBe('changing 1')
    expect(replica.height).toBe(0)
    for (const sender of [0, 1]) replica.receive(sender, voteMessage(sender, 'commit', 0, block))
    expect(replica.height).toBe(1)
  })

  it('B1: a replica that has left a view signs nothing in it any more', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    replica.fire('view')
    for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, block))
    replica.receive(0, prePrepareOf(0, 0, blockOf({ height: 2, parent: block.hash })))
    expect(replica.sentVotes('commit')).toEqual([])
    expect(replica.sentVotes('prepare').length).toBe(1)
  })

  it('B10: the branch that lost is let go whole, also blocks still under execution above the committed height', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [a1, b1] = rivals()
    const a2 = blockOf({ height: 2, parent: a1.hash })
    const a3 = blockOf({ height: 3, parent: a2.hash })
    replica.receive(0, prePrepareOf(0, 0, a1))
    replica.validating = 'held'
    replica.receive(0, prePrepareOf(0, 0, a2)) // executing on a1
    replica.receive(0, prePrepareOf(0, 0, a3))
    replica.validating = 'automatic'
    for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, b1))
    replica.receive(1, { kind: 'block', block: b1 })
    expect(replica.height).toBe(1)
    expect(replica.abandoned.has(keyOf(a1.hash))).toBe(true)
    expect(replica.abandoned.has(keyOf(a2.hash))).toBe(true)
    replica.step(replica.verdictOn(a2)) // a late answer about it changes nothing
    expect(replica.sentVotes('prepare').map((vote) => vote.height)).toEqual([1])
    expect(replica.running.inspect().blocksHeld).toBe(1)
  })

  it('E1, S6: votes and proposals for far heights and views are not kept; what is kept has a bound', () => {
    const window = 4
    const cluster = new Cluster({ window })
    const replica = cluster.at(3)
    for (let inView = 0; inView < 12; inView++) {
      for (let at = 1; at < 24; at++) {
        const block = blockOf({ view: inView, height: at })
        for (const kind of ['prepare', 'commit'] as const) replica.receive(1, voteMessage(1, kind, inView, block))
      }
      const leader = inView % 4
      for (let at = 1; at < 24; at++) replica.receive(leader, prePrepareOf(leader, inView, blockOf({ view: inView, height: at })))
    }
    for (const far of [1e12, Number.MAX_SAFE_INTEGER]) {
      replica.receive(1, { kind: 'vote', vote: signVote(1, { ...ballotOf('commit', 0, blockOf()), height: far as never }) })
      replica.receive(1, { kind: 'vote', vote: signVote(1, { ...ballotOf('commit', 0, blockOf()), view: far as never }) })
    }
    const look = replica.running.inspect()
    expect(look.votesHeld).toBeLessThanOrEqual(3 * (2 * window) * 2 + 2 * (2 * window)) // sender 1: views 0..2, heights, phases; the leader and ourselves in view 0
    expect(look.votesHeld).toBeGreaterThan(3 * window)
    expect(look.blocksHeld).toBeLessThanOrEqual(window)
    expect(replica.position).toBe('active 0')
  })

  it('E1: proposals that a leader sends ahead are bounded in bytes, not only in number', () => {
    const replica = new Cluster({ window: 8 }).at(3)
    const parent = blockOf().hash
    for (let at = 2; at <= 16; at++) {
      const large = blockOf({ view: 1, height: at, parent, transactions: [new Uint8Array(7 * 1024 * 1024).fill(at)] })
      replica.receive(1, prePrepareOf(1, 1, large)) // for the next view
    }
    const { earlyBytes } = replica.running.inspect()
    expect(earlyBytes).toBeGreaterThan(32 * 1024 * 1024)
    expect(earlyBytes).toBeLessThanOrEqual(64 * 1024 * 1024)
  })

  it('K2, S11: certificates of the newest commits go into blocks, and one that is not of an ancestor is refused', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a')
    cluster.deliver()
    cluster.at(0).order('b')
    cluster.deliver()
    const second = cluster.at(2).committed[1]
    expect(second?.body.lastCertificate?.height).toBe(1)
    const [one, two] = chainOf(2) as Pair
    const stranger = blockOf({ transactions: [transaction('never here')] })
    const fresh = new Cluster()
    const replica = fresh.at(3)
    replica.receive(0, prePrepareOf(0, 0, one))
    replica.receive(0, prePrepareOf(0, 0, blockOf({ height: 2, parent: one.hash, lastCertificate: certificateOf('commit', 0, stranger) })))
    expect(replica.sentVotes('prepare').length).toBe(1)
    expect(replica.position).toBe('changing 1')
    expect(two.header.height).toBe(2)
  })

  it('the proposal of what is committed, said again, is no work: an idle network changes no view', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a')
    cluster.deliver()
    const backup = cluster.at(1)
    const [proposal] = cluster.at(0).sentOf('pre-prepare')
    expect(backup.height).toBe(1)
    backup.receive(0, proposal as NonNullable<typeof proposal>)
    expect(backup.timers.has('view')).toBe(false)
    expect(backup.running.inspect().accepted).toEqual([])
  })

  it('K2, S11: a block names a certificate at most 1,024 heights old, and none only below that: who is rewarded is nobody’s choice', () => {
    const at = MAX_CERTIFICATE_AGE + 10
    const chain = chainOf(at)
    const parent = chain.at(-1) as Block
    const acceptedWith = (lastCertificate: Certificate | null): string => {
      const replica = new Cluster().at(3)
      replica.crash()
      for (const block of chain) replica.disk.chain.push({ block, certificate: certificateOf('commit', 0, parent) })
      replica.boot()
      replica.receive(0, prePrepareOf(0, 0, blockOf({ height: at + 1, parent: parent.hash, lastCertificate })))
      return `${replica.position}, ${replica.sentVotes('prepare').length}`
    }
    const certificateOfHeight = (height: number): Certificate => certificateOf('commit', 0, chain[height - 1] as Block)
    expect(acceptedWith(certificateOfHeight(at + 1 - MAX_CERTIFICATE_AGE))).toBe('active 0, 1')
    expect(acceptedWith(certificateOfHeight(at - MAX_CERTIFICATE_AGE))).toBe('changing 1, 0')
    expect(acceptedWith(null)).toBe('changing 1, 0')
  })

  it('K2: a leader without a certificate that a block may name proposes none, rather than one that all refuse', () => {
    const chain = chainOf(MAX_CERTIFICATE_AGE + 1)
    const proposedAfter = (certified: Block): number => {
      const leader = new Cluster().at(0)
      leader.crash()
      for (const block of chain) leader.disk.chain.push({ block, certificate: certificateOf('commit', 0, certified) })
      leader.boot()
      leader.order('a')
      return leader.sentOf('pre-prepare').length
    }
    expect([chain[1], chain[0]].map((certified) => proposedAfter(certified as Block))).toEqual([1, 0])
  })
})
