import { equalBytes, type Hash, keyOf } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import {
  blockOf,
  Cluster,
  certificateOf,
  chainOf,
  isKind,
  isVote,
  newViewOf,
  prePrepareOf,
  TIMERS,
  transaction,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import type { Block } from './index.js'

function isHash(hash: Hash | undefined, expected: Hash): boolean {
  return hash !== undefined && equalBytes(hash, expected)
}

describe('view changes (protocol.md §6)', () => {
  it('B1: a prepared block survives the view change and is proposed again unchanged', () => {
    const cluster = new Cluster()
    cluster.cut = isVote('commit')
    cluster.at(0).order('a')
    cluster.deliver()
    const block = cluster.at(0).sentOf('pre-prepare')[0]?.block as Block
    expect(cluster.replicas.every((replica) => replica.saw('prepared'))).toBe(true)
    cluster.at(0).crash()
    cluster.cut = () => false
    for (const index of [1, 2, 3]) cluster.at(index).fire('view')
    cluster.deliver()
    const again = cluster.at(1).sentOf('pre-prepare')[0]
    expect(again?.view).toBe(1)
    expect(isHash(again?.block.hash, block.hash)).toBe(true)
    expect(cluster.chain.map(keyOf)).toEqual([keyOf(block.hash)])
  })

  it('S4, B1: one replica commits, the leader dies and the COMMITs are lost: the others commit the same block', () => {
    const cluster = new Cluster()
    cluster.cut = (sent) => isVote('commit')(sent) && sent.to !== 3 // only replica 3 learns of the commit
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.height)).toEqual([0, 0, 0, 1])
    cluster.at(0).crash()
    const committed = cluster.at(3).committed[0] as Block
    cluster.cut = ({ from, to }) => from === 0 || to === 0 || from === 3 || to === 3 // and the one that committed is cut off too
    for (const index of [1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    cluster.cut = ({ from, to }) => from === 0 || to === 0
    cluster.at(1).order('rival')
    cluster.run(5000)
    expect(isHash(cluster.chain[0], committed.hash)).toBe(true)
    expect(cluster.chain.length).toBe(2)
  })

  it('B4: the tip is proposed again as a whole: its ancestors are not voted on again, and the committed one among them is not lost', () => {
    // View 0 prepares heights 1..3 at all, and commits height 3 (hence 1 and 2) at replica 3 only.
    const cluster = new Cluster()
    cluster.cut = (sent) => isVote('commit')(sent) && sent.to !== 3
    cluster.at(0).order('a', 'b', 'c')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.height)).toEqual([0, 0, 0, 3])
    const committed = cluster.at(3).committed.map((block) => keyOf(block.hash))
    // View 1: the leader proposes; only PREPAREs of its first proposal get through before view 1 ends too.
    cluster.at(0).crash()
    let firstHeight = 0
    cluster.cut = (sent) => {
      if (sent.from === 3 || sent.to === 3 || isVote('commit')(sent)) return true
      if (sent.message.kind === 'pre-prepare' && firstHeight === 0) firstHeight = sent.message.block.header.height
      return (sent.message.kind === 'pre-prepare' && sent.message.block.header.height !== firstHeight) || isKind('status')(sent)
    }
    cluster.at(0).boot()
    cluster.lose()
    for (const index of [0, 1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    expect(firstHeight).toBe(3) // one height at a time would begin at 1, and its certificate (1, 1) would outrank (0, 3)
    const inViewOne = cluster.replicas.slice(0, 3).flatMap((replica) => replica.sentVotes('prepare').filter((vote) => vote.view === 1))
    expect(inViewOne.map((vote) => vote.height)).toEqual([3, 3, 3])
    // View 2: whatever was certified in view 1 carries the committed blocks along.
    for (const index of [0, 1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    cluster.cut = ({ from, to }) => from === 3 || to === 3
    cluster.at(2).order('later')
    cluster.run(10_000)
    cluster.cut = () => false
    cluster.run(10_000)
    expect(cluster.chain.slice(0, 3).map(keyOf)).toEqual(committed)
    expect(cluster.chain.length).toBe(4)
  })

  it('a backup that lacks the bodies below the tip fetches them and votes', () => {
    const cluster = new Cluster()
    cluster.cut = (sent) => isVote('commit')(sent) || sent.to === 1 // replica 1 sees nothing of view 0
    cluster.at(0).order('a', 'b', 'c')
    cluster.deliver()
    cluster.at(0).crash()
    cluster.cut = () => false
    for (const index of [2, 3]) cluster.at(index).fire('view')
    cluster.deliver() // replica 1 joins, leads view 1, and has to fetch what it proposes again
    expect(cluster.replicas.slice(1).map((replica) => replica.height)).toEqual([3, 3, 3])
    expect(cluster.at(1).sentOf('fetch').length).toBeGreaterThan(0)
  })

  it('on a commit certificate the new view begins with a fresh block on top', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a')
    cluster.deliver()
    for (const index of [1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    expect(cluster.at(3).events.some((event) => event.name === 'view-entered' && event.base === 'commit' && event.height === 2)).toBe(true)
    cluster.at(1).order('b')
    cluster.deliver()
    expect(cluster.chain.length).toBe(2)
    expect(cluster.at(2).committed[1]?.header.view).toBe(1)
  })

  it('B4: a block other than the prescribed tip gets no vote in the new view', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [tip] = chainOf(1) as [Block]
    const certificate = certificateOf('prepare', 0, tip)
    const changes = [viewChangeOf(0, 1), viewChangeOf(1, 1, certificate), viewChangeOf(2, 1)]
    replica.receive(1, newViewOf(1, 1, changes))
    replica.receive(1, prePrepareOf(1, 1, blockOf({ view: 1, transactions: [transaction('other')] })))
    expect(replica.sentVotes()).toEqual([])
    const next = new Cluster().at(3)
    next.receive(1, newViewOf(1, 1, changes))
    next.receive(1, prePrepareOf(1, 1, blockOf({ view: 1, height: 2, parent: tip.hash }))) // above the tip, before it
    expect(next.sentVotes()).toEqual([])
    next.receive(1, prePrepareOf(1, 1, tip))
    expect(next.sentVotes('prepare').map((vote) => vote.height)).toEqual([1, 2])
  })

  it('B6: a replayed NEW-VIEW, or one of an older view, moves nobody back', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const old = newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1), viewChangeOf(2, 1)])
    const newer = newViewOf(2, 2, [viewChangeOf(0, 2), viewChangeOf(1, 2), viewChangeOf(2, 2)])
    replica.receive(1, old)
    replica.receive(2, newer)
    expect(replica.position).toBe('active 2')
    replica.receive(2, prePrepareOf(2, 2, blockOf({ view: 2 })))
    const accepted = replica.running.inspect().accepted.length
    for (const message of [old, newer]) replica.receive(1, message)
    expect(replica.position).toBe('active 2')
    expect(replica.running.inspect().accepted.length).toBe(accepted)
    replica.restart() // nor on disk
    expect(replica.position).toBe('active 2')
    expect(replica.running.inspect().accepted.length).toBe(accepted)
  })

  it('B2, B3: the new leader takes a quorum and is not held up by a VIEW-CHANGE that knows nothing', () => {
    const cluster = new Cluster()
    const block = blockOf()
    const leader = cluster.at(1)
    for (const index of [1, 2]) cluster.at(index).receive(0, prePrepareOf(0, 0, block))
    leader.receive(0, viewChangeOf(0, 1)) // a liar: claims to know no certificate
    leader.receive(3, viewChangeOf(3, 1, certificateOf('prepare', 0, block)))
    expect(leader.position).toBe('active 1')
    expect(leader.sentOf('new-view')[0]?.certificate?.height).toBe(1)
    expect(isHash(leader.sentOf('pre-prepare')[0]?.block.hash, block.hash)).toBe(true)
  })

  it('S6: one VIEW-CHANGE alone moves nobody, however often and for whatever view', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    for (const target of [1, 1, 1, 2, 5, 1e12, Number.MAX_SAFE_INTEGER]) replica.receive(3, viewChangeOf(3, target))
    expect(replica.position).toBe('active 0')
    expect(replica.sentOf('view-change')).toEqual([])
    cluster.deliver()
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.chain.length).toBe(1) // and it is not deaf either
  })

  it('D3: VIEW-CHANGEs of a weak quorum are joined, at the highest view that one of them must be honest about', () => {
    const replica = new Cluster().at(1)
    replica.receive(3, viewChangeOf(3, 1e9))
    replica.receive(2, viewChangeOf(2, 4))
    expect(replica.position).toBe('changing 4')
    expect(replica.sentOf('view-change').map((message) => message.entry.newView)).toEqual([4])
  })

  it('by power, not by number: two of four validators are no weak quorum if they hold little power', () => {
    const cluster = new Cluster({ validators: 4, powers: [10n, 10n, 1n, 1n] })
    const replica = cluster.at(1)
    for (const sender of [2, 3]) replica.receive(sender, viewChangeOf(sender, 2))
    expect(replica.position).toBe('active 0') // 2 of 22
    replica.receive(0, viewChangeOf(0, 2))
    expect(replica.position).toBe('changing 2')
  })

  it('D3: a VIEW-CHANGE asks for a view above that of the certificate it carries', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf({ view: 5 })
    for (const sender of [0, 1, 2]) replica.receive(sender, viewChangeOf(sender, 2)) // changing 2
    expect(replica.position).toBe('changing 2')
    replica.receive(0, viewChangeOf(0, 7, certificateOf('commit', 5, block)))
    replica.fire('view')
    expect(replica.sentOf('view-change').map((message) => message.entry.newView)).toEqual([2, 6])
  })

  it('S2: a partition of six in halves halts, and goes on when it heals', () => {
    const cluster = new Cluster({ validators: 6 })
    cluster.cut = ({ from, to }) => from < 3 !== to < 3
    cluster.at(0).order('a')
    for (let round = 0; round < 4; round++) {
      cluster.run(2000)
      for (const index of [3, 4, 5]) cluster.at(index).order(`b${round}`)
    }
    expect(cluster.chain.length).toBe(0)
    cluster.cut = () => false
    cluster.run(60_000)
    expect(cluster.chain.length).toBeGreaterThan(0)
    expect(new Set(cluster.replicas.map((replica) => replica.height)).size).toBe(1)
  })

  it('B7: VIEW-CHANGEs lost in a partition are sent again after it heals', () => {
    const cluster = new Cluster()
    cluster.at(0).crash()
    cluster.cut = () => true
    for (const index of [1, 2, 3]) cluster.at(index).order('a')
    cluster.run(TIMERS.floorMs + 50)
    expect(cluster.replicas.slice(1).map((replica) => replica.position)).toEqual(Array(3).fill('changing 1'))
    cluster.lose()
    cluster.cut = () => false
    cluster.run(3000)
    expect(cluster.chain.length).toBeGreaterThan(0)
  })

  it('B7: a VIEW-CHANGE is said again at ticks 1, 2, 4, 8 and every eighth after, the same bytes', () => {
    const replica = new Cluster().at(1)
    replica.fire('view')
    const ticks: number[] = []
    for (let tick = 1; tick <= 25; tick++) {
      const before = replica.sentOf('view-change').length
      replica.fire('status')
      if (replica.sentOf('view-change').length > before) ticks.push(tick)
    }
    expect(ticks).toEqual([1, 2, 4, 8, 16, 24])
    expect(new Set(replica.sentOf('view-change').map((message) => keyOf(message.entry.signature))).size).toBe(1)
  })

  it('B11: four honest nodes, one prepared in view 0, one in view 1, two changing view: they get out of it', () => {
    const cluster = new Cluster()
    cluster.cut = (sent) => !(isKind('pre-prepare')(sent) || (isVote('prepare')(sent) && sent.to === 3))
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.saw('prepared'))).toEqual([false, false, false, true])
    cluster.cut = (sent) => sent.from === 3 || sent.to === 3 || isVote('commit')(sent) || (isVote('prepare')(sent) && sent.to !== 2)
    for (const index of [0, 1, 2]) cluster.at(index).fire('view') // view 1 does not know what replica 3 knows
    cluster.deliver()
    cluster.at(1).order('rival')
    cluster.deliver()
    expect(cluster.at(2).running.inspect().highest?.view).toBe(1)
    cluster.cut = () => true
    for (const index of [0, 1]) cluster.at(index).fire('view')
    cluster.lose()
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(['changing 2', 'changing 2', 'active 1', 'active 0'])
    cluster.cut = () => false
    for (const replica of cluster.replicas) replica.order('work')
    cluster.run(60_000)
    expect(cluster.chain.length).toBeGreaterThan(0)
    expect(new Set(cluster.replicas.map((replica) => replica.height)).size).toBe(1)
  })

  it('N = 4: every leader in turn dies, and the chain goes on', () => {
    const cluster = new Cluster()
    for (let round = 0; round < 4; round++) {
      const victim = cluster.at(round % 4)
      victim.crash()
      for (const replica of cluster.up) replica.order(`round ${round}`)
      cluster.run(20_000)
      victim.committed.length = victim.disk.chain.length
      victim.boot()
      cluster.run(5000)
    }
    expect(cluster.chain.length).toBeGreaterThanOrEqual(4)
    expect(new Set(cluster.replicas.map((replica) => replica.height)).size).toBe(1)
  })
})

describe('timers (protocol.md §8)', () => {
  it('D2, D5: an idle network changes no views', () => {
    const cluster = new Cluster()
    cluster.run(120_000)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(Array(4).fill('active 0'))
    expect(cluster.replicas.every((replica) => !replica.timers.has('view'))).toBe(true)
    cluster.at(0).order('a')
    cluster.run(1000)
    cluster.run(120_000)
    expect(cluster.chain.length).toBe(1)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(Array(4).fill('active 0'))
  })

  it('the view timer runs while there is work, and each commit gives the leader a full timeout again', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    expect(replica.timers.has('view')).toBe(false)
    replica.order('a')
    expect(replica.timers.get('view')).toBe(cluster.nowMs + TIMERS.floorMs)
    cluster.nowMs += 900
    cluster.at(0).order('a', 'b')
    cluster.deliver((sent) => !(sent.message.kind === 'pre-prepare' && sent.message.block.header.height === 2))
    expect(replica.height).toBe(1)
    expect(replica.timers.get('view')).toBeGreaterThanOrEqual(cluster.nowMs + TIMERS.floorMs)
  })

  it('B1, D1: a tip that is to be proposed again is work: whoever knows of no transaction still does not wait for its leader for ever', () => {
    const cluster = new Cluster()
    cluster.cut = isVote('commit')
    cluster.at(0).order('a')
    cluster.deliver()
    cluster.cut = isKind('pre-prepare')
    cluster.at(0).crash()
    for (const index of [1, 2, 3]) cluster.at(index).fire('view')
    cluster.deliver()
    for (const replica of cluster.up) expect([replica.position, replica.timers.has('view')]).toEqual(['active 1', true])
    cluster.cut = () => false
    cluster.run(8 * TIMERS.floorMs)
    expect(cluster.up.map((replica) => replica.height)).toEqual([1, 1, 1])
  })

  it('D2: while a view change is under way no view timer runs before a quorum asks for it, and work does not start one', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    replica.fire('view')
    replica.order('a', 'b', 'c')
    expect(replica.timers.has('view')).toBe(false)
    replica.receive(2, viewChangeOf(2, 1))
    expect(replica.timers.has('view')).toBe(false)
    const other = cluster.at(2)
    for (const sender of [0, 3]) other.receive(sender, viewChangeOf(sender, 1)) // with its own: a quorum waits for the leader
    expect(other.timers.has('view')).toBe(true)
  })

  it('D2: timeouts double with every view without a commit, are capped, and come back down with progress', () => {
    const cluster = new Cluster({ timers: { capMs: 6000 } })
    const replica = cluster.at(3)
    const timeouts = [replica.running.inspect().viewTimeoutMs]
    for (let target = 1; target <= 6; target++) {
      for (const sender of [1, 2]) replica.receive(sender, viewChangeOf(sender, target))
      timeouts.push(replica.running.inspect().viewTimeoutMs)
    }
    expect(timeouts).toEqual([1000, 1000, 2000, 4000, 6000, 6000, 6000])
    const set = cluster.set
    const block = blockOf({ set, view: 6 })
    replica.receive(
      2,
      newViewOf(
        2,
        6,
        [0, 1, 2].map((sender) => viewChangeOf(sender, 6)),
      ),
    )
    replica.receive(2, prePrepareOf(2, 6, block))
    for (const sender of [0, 1]) replica.receive(sender, voteMessage(sender, 'prepare', 6, block))
    for (const sender of [0, 1]) replica.receive(sender, voteMessage(sender, 'commit', 6, block))
    expect(replica.height).toBe(1)
    expect(replica.running.inspect().viewTimeoutMs).toBeLessThanOrEqual(1000)
  })

  it('round trips above the floor raise the timeout before it fires; those of a minority do not', () => {
    const replica = new Cluster().at(0)
    replica.step({ kind: 'round-trip', peer: 1 as never, roundTripMs: 90_000 })
    expect(replica.running.inspect().viewTimeoutMs).toBe(TIMERS.floorMs)
    for (const peer of [2, 3]) replica.step({ kind: 'round-trip', peer: peer as never, roundTripMs: 700 })
    expect(replica.running.inspect().viewTimeoutMs).toBe(6 * 700)
  })

  it('refuses a configuration that cannot work, at once', () => {
    expect(() => new Cluster({ window: 0 })).toThrow('window must be 1..64')
    expect(() => new Cluster({ window: 65 })).toThrow('window must be 1..64')
  })

  it('the commit certificate that a NEW-VIEW begins on commits its block here as well', () => {
    const replica = new Cluster().at(3)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1, sender === 0 ? certificateOf('commit', 0, block) : null))
    replica.receive(1, newViewOf(1, 1, changes))
    expect([replica.position, replica.height]).toEqual(['active 1', 1])
  })

  it('D3: who has asked for a later view is remembered when an earlier one begins', () => {
    const replica = new Cluster().at(3)
    replica.receive(0, viewChangeOf(0, 5))
    const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1))
    replica.receive(1, newViewOf(1, 1, changes))
    expect(replica.position).toBe('active 1')
    replica.receive(2, viewChangeOf(2, 6)) // a weak quorum for view 5, or a later one
    expect(replica.position).toBe('changing 5')
  })

  it('S7: a proposal that came before the NEW-VIEW of its view is voted for as soon as that is here', () => {
    const replica = new Cluster().at(3)
    replica.receive(1, prePrepareOf(1, 1, blockOf({ view: 1 })))
    expect(replica.sentVotes()).toEqual([])
    const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1))
    replica.receive(1, newViewOf(1, 1, changes))
    expect(replica.sentVotes('prepare').map((vote) => [vote.view, vote.height])).toEqual([[1, 1]])
  })
})
