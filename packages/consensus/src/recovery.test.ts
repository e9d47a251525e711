import { epoch, type Hash, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import {
  blockOf,
  CHAIN,
  Cluster,
  certificateOf,
  chainOf,
  isKind,
  keyOfValidator,
  newViewOf,
  prePrepareOf,
  type TestReplica,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import { type ViewClaim, viewClaimBytes } from './index.js'

function claimFrom(sender: number, inView: number, nonce: Hash): ViewClaim {
  const unsigned = { kind: 'view-claim' as const, epoch: epoch(0), view: view(inView), nonce, sender: validatorIndex(sender) }
  return { ...unsigned, signature: keyOfValidator(sender).sign(viewClaimBytes(CHAIN, unsigned)) }
}

function nonceAskedBy(replica: TestReplica): Hash {
  const fetch = replica.sentOf('fetch').findLast((message) => message.want === 'view')
  return fetch?.want === 'view' ? fetch.nonce : ZERO_HASH
}

/** Everything that binds its signer. */
function promisesOf(replica: TestReplica): number {
  return replica.sentVotes().length + replica.sentOf('view-change').length + replica.sentOf('new-view').length
}

function reboot(replica: TestReplica): void {
  replica.loseStore()
  replica.sent.length = 0
  replica.boot()
}

function order(cluster: Cluster, leader: number, count: number): void {
  for (let i = 0; i < count; i++) {
    cluster.at(leader).order(`tx ${leader} ${cluster.nowMs} ${i}`)
    cluster.deliver()
  }
}

describe('a validator whose store is lost (protocol.md §7)', () => {
  it('C6: it follows and serves, signs nothing, and votes again after a commit above the views that a quorum claimed', () => {
    const cluster = new Cluster()
    order(cluster, 0, 3)
    const lost = cluster.at(3)
    reboot(lost)
    cluster.run(3000)
    expect(lost.height).toBe(3)
    expect(lost.running.inspect().recovering).toEqual({ answers: 3, above: 0 })
    order(cluster, 0, 3) // the other three are a quorum
    expect(cluster.replicas.map((replica) => replica.height)).toEqual([6, 6, 6, 6])
    expect(promisesOf(lost)).toBe(0)
    for (const index of [0, 1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    expect(lost.position).toBe('active 1')
    expect(promisesOf(lost)).toBe(0) // entering the view is not enough
    order(cluster, 1, 1)
    expect(lost.saw('recovered')).toBe(true)
    expect(lost.running.inspect().recovering).toBeNull()
    order(cluster, 1, 1)
    expect(lost.sentVotes().every((vote) => vote.view === 1)).toBe(true)
    expect(lost.sentVotes('commit').length).toBeGreaterThan(0)
    lost.restart()
    expect(lost.running.inspect().recovering).toBeNull()
  })

  it('C6: a block it once voted for is not voted against, however the leader lies', () => {
    const cluster = new Cluster()
    const lost = cluster.at(3)
    const [first, second] = [blockOf(), blockOf({ timestampMs: 2_000_000 })]
    lost.receive(0, prePrepareOf(0, 0, first))
    expect(lost.sentVotes('prepare').length).toBe(1)
    reboot(lost)
    lost.receive(0, prePrepareOf(0, 0, second))
    cluster.run(20_000)
    expect(promisesOf(lost)).toBe(0)
  })

  it('C6: a restart changes nothing, and answers to an earlier start count for nothing', () => {
    const cluster = new Cluster()
    const lost = cluster.at(3)
    reboot(lost)
    const old = nonceAskedBy(lost)
    lost.restart()
    expect(lost.running.inspect().recovering).toEqual({ answers: 0, above: null })
    for (const sender of [0, 1, 2]) lost.receive(sender, claimFrom(sender, 0, old))
    expect(lost.running.inspect().recovering).toEqual({ answers: 0, above: null })
    lost.receive(1, claimFrom(0, 0, nonceAskedBy(lost))) // relayed
    expect(lost.running.inspect().recovering).toEqual({ answers: 0, above: null })
    for (const sender of [0, 0, 1]) lost.receive(sender, claimFrom(sender, 4, nonceAskedBy(lost)))
    expect(lost.running.inspect().recovering).toEqual({ answers: 2, above: null }) // no quorum yet
    lost.receive(2, claimFrom(2, 2, nonceAskedBy(lost)))
    expect(lost.running.inspect().recovering).toEqual({ answers: 3, above: 4 })
  })

  it('a faulty minority that claims absurd views delays nothing', () => {
    const cluster = new Cluster({ validators: 7 })
    const lost = cluster.at(6)
    reboot(lost)
    lost.receive(5, claimFrom(5, 1e12, nonceAskedBy(lost)))
    for (const sender of [0, 1, 2, 3, 4]) lost.receive(sender, claimFrom(sender, sender % 2, nonceAskedBy(lost)))
    expect(lost.running.inspect().recovering).toEqual({ answers: 6, above: 1 })
  })

  it('a block that is still being executed when it is released gets its vote afterwards (simulator seed 94)', () => {
    const cluster = new Cluster()
    const lost = cluster.at(3)
    reboot(lost)
    cluster.run(1000)
    for (const index of [0, 1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    const blocks = chainOf(2, { view: 1 })
    const [first = blockOf(), second = blockOf()] = blocks
    lost.receive(1, prePrepareOf(1, 1, first))
    lost.validating = 'held'
    lost.receive(1, prePrepareOf(1, 1, second))
    for (const sender of [0, 1, 2]) lost.receive(sender, voteMessage(sender, 'commit', 1, first))
    expect(lost.saw('recovered')).toBe(true)
    expect(lost.sentVotes()).toEqual([])
    lost.step(lost.verdictOn(second))
    expect(lost.sentVotes('prepare').map((vote) => [vote.view, vote.height])).toEqual([[1, 2]])
  })

  it('C6: once released by a commit of a view above its own it claims that view, not its own: in the views between it may have signed', () => {
    const cluster = new Cluster()
    const released = cluster.at(3)
    reboot(released)
    for (const sender of [0, 1, 2]) released.receive(sender, claimFrom(sender, 4, nonceAskedBy(released)))
    released.receive(0, viewChangeOf(0, 6, certificateOf('commit', 5, blockOf())))
    expect(released.saw('recovered')).toBe(true)
    expect(released.position).toBe('active 0') // nobody has shown it a NEW-VIEW yet
    released.receive(2, { kind: 'fetch', want: 'view', nonce: ZERO_HASH })
    expect(released.sentOf('view-claim').map((claim) => claim.view)).toEqual([5])
  })

  it('C6: released by a commit of view 5 it votes in view 5, not in view 4, in which it may have signed and forgotten it', () => {
    const cluster = new Cluster()
    const released = cluster.at(3)
    reboot(released)
    for (const sender of [0, 1, 2]) released.receive(sender, claimFrom(sender, 4, nonceAskedBy(released)))
    const first = blockOf()
    released.receive(0, prePrepareOf(0, 0, first))
    released.receive(0, viewChangeOf(0, 6, certificateOf('commit', 5, first)))
    expect(released.saw('recovered')).toBe(true)
    for (const [leader, inView] of [
      [0, 4],
      [1, 5],
    ] as const) {
      const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, inView))
      released.receive(leader, newViewOf(leader, inView, changes))
      expect(released.position).toBe(`active ${inView}`)
      const second = blockOf({ height: 2, parent: first.hash, view: inView })
      released.receive(leader, prePrepareOf(leader, inView, second))
    }
    expect(released.sentVotes('prepare').map((vote) => [vote.view, vote.height])).toEqual([[5, 2]])
  })

  it('C6: the certificate that releases it is on disk with the release: after a crash no VIEW-CHANGE of it names less', () => {
    const cluster = new Cluster()
    const released = cluster.at(3)
    reboot(released)
    for (const sender of [0, 1, 2]) released.receive(sender, claimFrom(sender, 4, nonceAskedBy(released)))
    released.receive(0, viewChangeOf(0, 6, certificateOf('commit', 5, blockOf()))) // its block is not here
    expect(released.disk.recovery).toMatchObject({ status: 'released', view: 5 })
    released.restart()
    released.fire('view')
    expect(released.sentOf('view-change').at(-1)?.entry.highest).toMatchObject({ kind: 'commit', view: 5, height: 1 })
  })

  it('a commit in the claimed view itself does not release it', () => {
    const cluster = new Cluster()
    for (const index of [0, 1, 2, 3]) cluster.at(index).fire('view')
    cluster.deliver()
    reboot(cluster.at(3))
    cluster.run(1000)
    order(cluster, 1, 2) // in view 1, which three claimed
    expect(cluster.at(3).height).toBe(2)
    expect(cluster.at(3).running.inspect().recovering).toEqual({ answers: 3, above: 1 })
    expect(promisesOf(cluster.at(3))).toBe(0)
  })

  it('validators that lost their stores cannot answer each other: with all four nobody votes, and each says so', () => {
    const cluster = new Cluster()
    order(cluster, 0, 2)
    cluster.lose()
    for (const replica of cluster.replicas) replica.loseStore()
    for (const replica of cluster.replicas) {
      replica.sent.length = 0
      replica.boot()
    }
    cluster.at(0).order('never')
    cluster.run(20_000)
    for (const replica of cluster.replicas) {
      expect(promisesOf(replica)).toBe(0)
      expect(replica.running.inspect().recovering).toEqual({ answers: 0, above: null })
    }
  })

  it('two of four lost: the other two cannot go on, and no vote is made up for it', () => {
    const cluster = new Cluster()
    order(cluster, 0, 2)
    for (const index of [2, 3]) reboot(cluster.at(index))
    cluster.at(0).order('waits')
    cluster.run(20_000)
    expect(cluster.replicas.map((replica) => replica.height)).toEqual([2, 2, 2, 2])
    expect(promisesOf(cluster.at(2)) + promisesOf(cluster.at(3))).toBe(0)
  })

  it('whoever lost its answers gets them at the next tick', () => {
    const cluster = new Cluster()
    cluster.cut = isKind('view-claim')
    reboot(cluster.at(3))
    cluster.run(1000)
    expect(cluster.at(3).running.inspect().recovering).toEqual({ answers: 0, above: null })
    cluster.cut = () => false
    cluster.run(600)
    expect(cluster.at(3).running.inspect().recovering).toEqual({ answers: 3, above: 0 })
  })
})
