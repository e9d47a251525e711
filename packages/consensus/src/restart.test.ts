import { equalBytes, keyOf } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import {
  blockOf,
  Cluster,
  certificateOf,
  chainOf,
  newViewOf,
  prePrepareOf,
  transaction,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import { type Block, compareCertificates, encodeMessage, type Message } from './index.js'

function bytesOf(messages: readonly { readonly message: Message }[]): string[] {
  return messages.map(({ message }) => keyOf(encodeMessage(message)))
}

describe('what survives a crash (protocol.md §5)', () => {
  it('C1: keeps a durable certificate at least as high as every COMMIT it sends, also when it knows a higher one from others', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [one, two] = chainOf(2) as [Block, Block]
    replica.validating = 'held'
    replica.receive(0, prePrepareOf(0, 0, one))
    for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, two)) // known committed, its body not here yet
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, one))
    expect(replica.running.inspect().highest?.height).toBe(2)
    replica.syncing = 'manual'
    replica.step(replica.verdictOn(one)) // prepared at height 1, and about to say COMMIT
    replica.crash(replica.unsynced)
    replica.boot()
    const promised = certificateOf('prepare', 0, one)
    const { highest } = replica.running.inspect()
    expect(highest !== null && compareCertificates(highest, promised) >= 0).toBe(true)
  })

  it('B9: the block that its view begins with, if it is not here, is asked for again at once', () => {
    const replica = new Cluster().at(3)
    const elsewhere = blockOf()
    const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1, certificateOf('prepare', 0, elsewhere)))
    replica.receive(1, newViewOf(1, 1, changes))
    replica.sent.length = 0
    replica.restart()
    expect(replica.position).toBe('active 1')
    expect(replica.sentOf('fetch').map((fetch) => fetch.want === 'block' && equalBytes(fetch.hash, elsewhere.hash))).toEqual([true])
  })

  it('C1: nothing leaves before it is durable, and a crash in between leaves no trace outside', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    replica.syncing = 'manual'
    replica.receive(0, prePrepareOf(0, 0, blockOf()))
    expect(replica.unsynced).toBeGreaterThan(0)
    expect(replica.sent).toEqual([])
    replica.crash(0)
    replica.boot()
    replica.sync()
    expect(replica.sentVotes()).toEqual([])
  })

  it('C1: after a restart a replica never votes against what it has signed, whatever the leader now says', () => {
    for (let survived = 0; survived <= 2; survived++) {
      const cluster = new Cluster()
      const replica = cluster.at(1)
      const [a, b] = [blockOf({ transactions: [transaction('a')] }), blockOf({ transactions: [transaction('b')] })]
      replica.syncing = 'manual'
      replica.receive(0, prePrepareOf(0, 0, a))
      replica.receive(2, voteMessage(2, 'prepare', 0, a)) // a quorum with the leader: PREPARE and COMMIT are signed
      const isSigned = survived > 0
      replica.crash(survived)
      replica.syncing = 'automatic'
      replica.boot() // the harness refuses any vote that contradicts one shown before, or one that is not durable
      replica.receive(0, prePrepareOf(0, 0, b))
      for (const sender of [0, 2, 3]) replica.receive(sender, voteMessage(sender, 'prepare', 0, b))
      const voted = replica.sentVotes()
      expect(voted.every((vote) => equalBytes(vote.blockHash, isSigned ? a.hash : b.hash))).toBe(true)
      expect(voted.length).toBeGreaterThan(0)
    }
  })

  it('C4: a restarted replica sends the same stored votes byte for byte, and signs nothing new', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    const blocks = chainOf(3)
    for (const block of blocks) {
      replica.receive(0, prePrepareOf(0, 0, block))
      replica.receive(2, voteMessage(2, 'prepare', 0, block))
    }
    const before = replica.sentVotes()
    expect(before.length).toBe(6)
    replica.sent.length = 0
    replica.restart()
    const votesOf = (votes: typeof before): string[] => votes.map((vote) => keyOf(encodeMessage({ kind: 'vote', vote }))).sort()
    expect(votesOf(replica.sentVotes())).toEqual(votesOf(before))
  })

  it('C4: a restarted leader sends the same proposals and proposes nothing else at their heights', () => {
    const cluster = new Cluster()
    const leader = cluster.at(0)
    leader.order('one', 'two')
    const before = bytesOf(leader.sent.filter(({ message }) => message.kind === 'pre-prepare'))
    expect(before.length).toBe(2)
    leader.sent.length = 0
    leader.restart()
    expect(bytesOf(leader.sent.filter(({ message }) => message.kind === 'pre-prepare'))).toEqual(before)
    leader.order('three')
    expect(leader.sentOf('pre-prepare').at(-1)?.block.header.height).toBe(3)
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.height)).toEqual([3, 3, 3, 3])
  })

  it('B8: a restart in the middle of a view change stays in it: no vote in the old view, the same VIEW-CHANGE again', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    replica.receive(2, voteMessage(2, 'prepare', 0, block))
    replica.fire('view')
    expect(replica.position).toBe('changing 1')
    const before = bytesOf(replica.sent.filter(({ message }) => message.kind === 'view-change'))
    replica.sent.length = 0
    replica.restart()
    expect(replica.position).toBe('changing 1')
    expect(bytesOf(replica.sent.filter(({ message }) => message.kind === 'view-change'))).toEqual(before)
    replica.receive(0, prePrepareOf(0, 0, blockOf({ height: 2, parent: block.hash })))
    expect(replica.sentVotes()).toEqual([])
    expect(replica.running.inspect().highest?.height).toBe(1)
  })

  it('B8: after a restart the accepted NEW-VIEW still rules: another one of the same view changes nothing', () => {
    const cluster = new Cluster()
    const replica = cluster.at(2)
    const block = blockOf()
    const certificate = certificateOf('prepare', 0, block)
    replica.receive(1, newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1, certificate), viewChangeOf(3, 1)]))
    replica.restart()
    expect(replica.position).toBe('active 1')
    replica.receive(1, newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1), viewChangeOf(3, 1)]))
    replica.receive(1, prePrepareOf(1, 1, block))
    expect(replica.sentVotes('prepare').map((vote) => keyOf(vote.blockHash))).toEqual([keyOf(block.hash)])
  })

  it('after a restart no COMMIT goes out before the block has been executed again', () => {
    const replica = new Cluster().at(1)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    replica.validating = 'held'
    replica.restart()
    for (const sender of [0, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, block))
    expect(replica.sentVotes('commit')).toEqual([])
    replica.step(replica.verdictOn(block))
    expect(replica.sentVotes('commit').length).toBe(1)
  })

  it('D7: a commit certificate above the committed height is put to use at once after a restart', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [one, two, three] = chainOf(3) as [Block, Block, Block]
    replica.syncing = 'manual'
    for (const block of [one, two, three]) replica.receive(0, prePrepareOf(0, 0, block))
    for (const sender of [1, 2]) replica.receive(sender, voteMessage(sender, 'prepare', 0, three)) // a higher certificate, but of a PREPARE
    replica.sync()
    for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, two)) // commits both, on one certificate
    expect(replica.height).toBe(2)
    replica.crash(1) // only the first reached the disk
    replica.boot()
    expect(replica.disk.chain.length).toBe(1)
    expect(replica.height).toBe(2)
  })

  it('a validator alone finishes the view change it was in when it crashed', () => {
    const cluster = new Cluster({ validators: 1 })
    const replica = cluster.at(0)
    replica.syncing = 'manual'
    replica.fire('view')
    replica.crash(1) // "changing" is durable, the NEW-VIEW is not
    replica.syncing = 'automatic'
    replica.boot()
    expect(replica.position).toBe('active 1')
    replica.order('one')
    expect(replica.height).toBe(1)
  })

  it('every prefix of the writes of a busy run gives a state that starts, and that contradicts nothing it has shown', () => {
    for (let steps = 1; steps < 40; steps += 3) {
      for (let survived = 0; survived < 3; survived++) {
        const cluster = new Cluster()
        cluster.at(0).order('a', 'b', 'c')
        for (let i = 0; i < steps && cluster.inFlight.length > 0; i++) {
          const [sent] = cluster.inFlight.splice((i * 7) % cluster.inFlight.length, 1)
          if (sent === undefined) break
          const victim = cluster.at(sent.to)
          if (sent.to === 2 && i > steps / 2) victim.syncing = 'manual'
          victim.receive(sent.from, sent.message)
        }
        const victim = cluster.at(2)
        victim.crash(Math.min(survived, victim.unsynced))
        victim.syncing = 'automatic'
        victim.committed.length = victim.disk.chain.length
        victim.boot()
        cluster.run(3000)
        expect(cluster.chain.length).toBe(3)
        expect(cluster.replicas.map((replica) => replica.height)).toEqual([3, 3, 3, 3])
      }
    }
  })
})
