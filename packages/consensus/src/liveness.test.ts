import { height, view } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { blockOf, Cluster, type ClusterOptions, certificateOf, chainOf, isKind, TIMERS, viewChangeOf } from '../test/harness.js'
import type { Complaint } from './index.js'

function judge(cluster: Cluster, index: number, complaint: Complaint | null, about = 0): void {
  cluster.at(index).step({ kind: 'leader-judged', view: view(about), complaint, nowMs: cluster.nowMs })
}

describe('complaints (protocol.md §8)', () => {
  it('D1, D9: a quorum that is dissatisfied deposes a leader that still commits, and what it committed stays', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a', 'b')
    cluster.deliver()
    for (const index of [1, 2, 3]) judge(cluster, index, index === 1 ? 'starved-transaction' : 'slow-leader')
    cluster.run(3 * TIMERS.statusMs)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(new Array(4).fill('active 1'))
    cluster.at(1).order('c')
    cluster.deliver()
    expect(cluster.chain).toHaveLength(3)
  })

  it('no weak quorum deposes it: every faulty validator and one that is mistaken are not enough, for N = 4, 7 and 10', () => {
    for (const validators of [4, 7, 10]) {
      const cluster = new Cluster({ validators })
      const faulty = Math.floor((validators - 1) / 3)
      for (let index = 1; index <= faulty + 1; index++) judge(cluster, index, 'slow-leader')
      cluster.run(20 * TIMERS.statusMs)
      expect(cluster.replicas.every((replica) => replica.position === 'active 0')).toBe(true)
    }
  })

  it('a complaint withdrawn counts no more, nor one about an earlier view, nor the own leader of himself', () => {
    const cluster = new Cluster()
    judge(cluster, 1, 'slow-leader')
    judge(cluster, 2, 'slow-leader')
    cluster.run(2 * TIMERS.statusMs)
    judge(cluster, 1, null)
    judge(cluster, 0, 'slow-leader')
    judge(cluster, 3, 'slow-leader', 7)
    cluster.run(2 * TIMERS.statusMs)
    judge(cluster, 3, 'slow-leader')
    cluster.run(4 * TIMERS.statusMs)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(new Array(4).fill('active 0'))
  })

  it('complaints about the leader before say nothing about the next one, whose view they have led to', () => {
    const cluster = new Cluster()
    for (const index of [1, 2, 3]) judge(cluster, index, 'slow-leader')
    for (const replica of cluster.replicas) replica.fire('status')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(new Array(4).fill('active 1'))
    // What each has heard last is what was said in view 0. One says something new, and one is dissatisfied again.
    cluster.at(3).fire('status')
    judge(cluster, 2, 'slow-leader', 1)
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(new Array(4).fill('active 1'))
  })

  it('who left the view on its own counts with the dissatisfied: its absence weighs, it is not lost', () => {
    const cluster = new Cluster()
    cluster.at(3).fire('view')
    cluster.deliver()
    expect(cluster.at(3).position).toBe('changing 1')
    for (const index of [1, 2]) judge(cluster, index, 'slow-leader')
    cluster.run(4 * TIMERS.statusMs)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(new Array(4).fill('active 1'))
  })

  it('satisfied replicas say nothing, and nothing happens', () => {
    const cluster = new Cluster()
    cluster.run(10 * TIMERS.statusMs)
    expect(
      cluster
        .at(1)
        .sentOf('status')
        .every((status) => status.complaint === null),
    ).toBe(true)
  })
})

describe('a replica that left its view alone (decision 0011)', () => {
  /** Four; 3 has asked for view 1 on a timer of its own, the others are in view 0. */
  function withLoner(): Cluster {
    const cluster = new Cluster()
    cluster.at(3).fire('view')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(['active 0', 'active 0', 'active 0', 'changing 1'])
    return cluster
  }

  const order = (cluster: Cluster, ...labels: string[]): void => {
    for (const replica of cluster.up) replica.order(...labels)
  }

  it('follows what the others commit, and moves none of them', () => {
    const cluster = withLoner()
    for (const label of ['a', 'b', 'c']) {
      cluster.at(0).order(label)
      cluster.run(4 * TIMERS.statusMs)
    }
    expect(cluster.at(3).committed).toHaveLength(3)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(['active 0', 'active 0', 'active 0', 'changing 1'])
  })

  it.each([0, 1, 2])('D7: when the others need its vote, because %s is down, all meet in the next view and commit', (down) => {
    const cluster = withLoner()
    cluster.at(0).order('before')
    cluster.run(TIMERS.statusMs)
    cluster.at(down).crash()
    order(cluster, 'after')
    // One timeout, and one more where the next leader is the one that is down.
    cluster.run(4 * TIMERS.floorMs)
    order(cluster, 'again')
    cluster.run(4 * TIMERS.floorMs)
    expect(cluster.chain.length).toBeGreaterThanOrEqual(2)
    for (const replica of cluster.up) expect([replica.index, replica.height]).toEqual([replica.index, cluster.chain.length])
    expect(cluster.at(3).sentVotes('commit').length).toBeGreaterThan(0) // its vote was needed
  })

  it('D7: it restarts, and still does not vote in the view it left; with two of four alone nothing is lost when they meet', () => {
    const cluster = withLoner()
    cluster.at(3).restart()
    expect(cluster.at(3).position).toBe('changing 1')
    cluster.at(0).order('a')
    cluster.run(TIMERS.statusMs)
    expect(cluster.at(3).sentVotes()).toEqual([])
    cluster.at(2).fire('view') // a second one: now a weak quorum asks
    cluster.run(4 * TIMERS.floorMs)
    order(cluster, 'b')
    cluster.run(4 * TIMERS.floorMs)
    expect(cluster.chain.length).toBeGreaterThanOrEqual(2)
    expect(cluster.replicas.map((replica) => replica.height)).toEqual(new Array(4).fill(cluster.chain.length))
  })
})

describe('the view timer (protocol.md §8)', () => {
  it('grows while it runs when round trips grow, before it fires; peers beyond the nearest quorum cannot stretch it', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    const replica = cluster.at(1)
    replica.order('a')
    cluster.deliver()
    const dueMs = (): number => (replica.timers.get('view') ?? 0) - cluster.nowMs
    expect(dueMs()).toBe(TIMERS.floorMs)
    replica.step({ kind: 'round-trip', peer: 0 as never, roundTripMs: 90_000 })
    expect(dueMs()).toBe(TIMERS.floorMs)
    for (const peer of [2, 3]) replica.step({ kind: 'round-trip', peer: peer as never, roundTripMs: 700 })
    expect(dueMs()).toBe(4200) // six round trips to the farthest of the nearest quorum
    cluster.run(500)
    for (const peer of [2, 3]) replica.step({ kind: 'round-trip', peer: peer as never, roundTripMs: 300 })
    expect(dueMs()).toBe(3700) // what was given is not taken back
  })

  it('D2: a clock that is put back or ahead by an hour neither delays a running timer that is extended nor makes it fire at once', () => {
    for (const byMs of [-3_600_000, 3_600_000]) {
      const cluster = new Cluster()
      cluster.cut = () => true
      const replica = cluster.at(1)
      replica.order('a')
      cluster.deliver()
      cluster.nowMs += byMs
      replica.fire('status')
      for (const peer of [2, 3]) replica.step({ kind: 'round-trip', peer: peer as never, roundTripMs: 700 })
      const { afterMs } = replica.timersSet.filter(({ timer }) => timer === 'view').at(-1) as { readonly afterMs: number }
      expect(afterMs).toBeLessThanOrEqual(6 * 700)
      expect(afterMs).toBeGreaterThanOrEqual(6 * 700 - TIMERS.floorMs)
    }
  })

  it('D2: the nearest quorum is one of power: faulty validators that are many, and weigh little, cannot stretch it', () => {
    const cluster = new Cluster({ powers: [97n, 1n, 1n, 1n] })
    cluster.cut = () => true
    const replica = cluster.at(1)
    replica.order('a')
    cluster.deliver()
    for (const [peer, roundTripMs] of [
      [0, 500],
      [2, 90_000],
      [3, 90_000],
    ] as const)
      replica.step({ kind: 'round-trip', peer: peer as never, roundTripMs })
    expect((replica.timers.get('view') ?? 0) - cluster.nowMs).toBe(3_000) // six round trips to validator 0
  })

  it('latency that grows from 5 ms to 700 ms one way during a run changes no view', () => {
    const { cluster, commits } = runWithLatency((atMs) => 5 + Math.min(695, atMs / 40), 60_000)
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(new Array(4).fill('active 0'))
    expect(commits).toBeGreaterThan(20)
  })

  it('without measured round trips the same run does change views: the test above can fail', () => {
    const { cluster } = runWithLatency((atMs) => 5 + Math.min(695, atMs / 40), 60_000, 'unmeasured')
    expect(cluster.at(1).running.view).toBeGreaterThan(0)
  })

  it('backs off to a cap and no further, and is back at its base after one commit', () => {
    const cluster = new Cluster()
    cluster.cut = isKind('new-view')
    const timeout = (): number => cluster.at(3).running.inspect().viewTimeoutMs
    const seen: number[] = []
    for (let failed = 0; failed < 8; failed++) {
      for (const index of [0, 1, 2, 3]) if (cluster.at(index).running.view === failed) cluster.at(index).fire('view')
      cluster.deliver()
      seen.push(timeout())
    }
    expect(seen.slice(0, 4)).toEqual([1000, 2000, 4000, 8000])
    expect(Math.max(...seen)).toBe(TIMERS.capMs)
    cluster.cut = () => false
    cluster.run(2 * TIMERS.capMs)
    const leader = cluster.replicas.find((replica) => replica.running.view % 4 === replica.index)
    leader?.order('a')
    cluster.deliver()
    expect(cluster.chain).toHaveLength(1)
    expect(timeout()).toBeLessThanOrEqual(2 * TIMERS.floorMs)
  })

  it('a leader that holds proposals back cannot stretch the timer beyond twice what it was', () => {
    const cluster = new Cluster()
    for (let round = 0; round < 40; round++) {
      cluster.at(0).order(`t${round}`)
      cluster.deliver((sent) => sent.to === 1)
      cluster.nowMs += 900 // the others get it late
      cluster.deliver()
    }
    expect(cluster.at(1).running.inspect().viewTimeoutMs).toBeLessThanOrEqual(TIMERS.floorMs + TIMERS.allowanceMs)
  })
})

/** A cluster whose messages take `latencyMs` each way; one transaction at a time waits at everybody, round trips are told every second. */
function runWithLatency(latencyMs: (atMs: number) => number, durationMs: number, pings: 'measured' | 'unmeasured' = 'measured') {
  const cluster = new Cluster()
  const startMs = cluster.nowMs
  const wire: { readonly atMs: number; readonly item: (typeof cluster.inFlight)[number] }[] = []
  let ordered = 0
  let nextPingMs = startMs
  const take = (): void => {
    for (const item of cluster.inFlight.splice(0)) wire.push({ atMs: cluster.nowMs + latencyMs(cluster.nowMs - startMs), item })
  }
  for (; cluster.nowMs < startMs + durationMs; cluster.nowMs += 1) {
    if (cluster.at(0).running.view === 0 && cluster.at(0).height === ordered) {
      ordered++
      for (const replica of cluster.replicas) replica.order(...(replica.index === 0 ? [`t${ordered}`] : []))
      for (const replica of cluster.replicas.slice(1)) replica.step({ kind: 'work', waiting: 1, full: false, nowMs: cluster.nowMs })
    }
    if (pings === 'measured' && cluster.nowMs >= nextPingMs) {
      nextPingMs += 1000
      for (const replica of cluster.replicas) {
        for (const peer of cluster.replicas) {
          if (peer !== replica)
            replica.step({ kind: 'round-trip', peer: peer.index as never, roundTripMs: 2 * latencyMs(cluster.nowMs - startMs) })
        }
      }
    }
    for (const replica of cluster.replicas) {
      for (const [timer, atMs] of [...replica.timers]) if (atMs <= cluster.nowMs) replica.fire(timer)
    }
    take()
    wire.sort((a, b) => a.atMs - b.atMs)
    while ((wire[0]?.atMs ?? Number.POSITIVE_INFINITY) <= cluster.nowMs) {
      const next = wire.shift()
      if (next !== undefined) cluster.at(next.item.to).receive(next.item.from, next.item.message)
      take()
    }
  }
  return { cluster, commits: cluster.chain.length }
}

describe('mass restart (protocol.md §8)', () => {
  const blocks = chainOf(1)
  const [first = blocks[0]] = blocks

  /** Each validator's disk says that it was changing to this view when the power failed. */
  function restarted(views: readonly number[], options: ClusterOptions = {}): Cluster {
    const cluster = new Cluster({ validators: views.length, ...options })
    for (const [index, changingTo] of views.entries()) {
      if (changingTo === 0) continue
      cluster.at(index).disk.view = {
        kind: 'view',
        view: view(changingTo),
        phase: 'changing',
        newView: null,
        viewChange: viewChangeOf(index, changingTo),
      }
    }
    for (const replica of cluster.replicas) replica.crash()
    cluster.lose()
    cluster.nowMs += 86_400_000
    for (const replica of cluster.replicas) replica.restart()
    return cluster
  }

  function commitsWithin(cluster: Cluster, limitMs: number): boolean {
    const untilMs = cluster.nowMs + limitMs
    let ordered = false
    while (cluster.nowMs < untilMs) {
      cluster.run(50)
      const leader = cluster.replicas.find(
        (replica) => replica.running.phase === 'active' && replica.running.view % cluster.replicas.length === replica.index,
      )
      if (!ordered && leader !== undefined && leader.running.view >= Math.min(...cluster.replicas.map((each) => each.running.view))) {
        leader.order('a')
        ordered = true
      }
      if (cluster.chain.length > 0) return true
      if (leader === undefined) ordered = false
    }
    return false
  }

  it('whatever views they were in, all changing, and however high: committing within two view timeouts', () => {
    const situations = [
      [1, 1, 1, 1],
      [5, 7, 9, 6],
      [40, 3, 3, 900],
      [2000, 2001, 2002, 2003],
      [11, 14, 14, 17],
      [3, 8, 5, 2, 13, 21, 1],
      [101, 101, 101, 101, 104, 108, 108],
    ]
    for (const views of situations) {
      expect([views, commitsWithin(restarted(views), 2 * TIMERS.floorMs)]).toEqual([views, true])
    }
  })

  it('some active in view 0, others changing', () => {
    for (const views of [
      [0, 1, 1, 0],
      [0, 0, 6, 9],
      [0, 0, 0, 30, 2, 2, 0],
    ]) {
      expect([views, commitsWithin(restarted(views), 2 * TIMERS.floorMs)]).toEqual([views, true])
    }
  })

  it('a restart forgets the back-off: the first timeout after it is the base, however many views had failed', () => {
    const cluster = restarted([60, 60, 60, 60], { timers: { capMs: 60_000 } })
    expect(cluster.at(1).running.inspect().viewTimeoutMs).toBe(TIMERS.floorMs)
  })

  it('D2: certificates of early views, which whoever was behind is shown, do not bring the back-off back', () => {
    const cluster = restarted([60, 60, 60, 60], { timers: { capMs: 60_000 } })
    const [replica, block] = [cluster.at(3), blockOf()]
    replica.receive(0, viewChangeOf(0, 60, certificateOf('commit', 0, block)))
    replica.receive(0, { kind: 'block', block })
    expect(replica.height).toBe(1)
    expect(replica.running.inspect().viewTimeoutMs).toBe(TIMERS.floorMs)
  })

  it('a leader that has asked for a higher view is not waited for', () => {
    const cluster = restarted([4, 5, 4, 4]) // validator 0 leads view 4, validator 1 view 5
    cluster.deliver()
    expect(cluster.up.filter((replica) => replica.position === 'active 4')).toHaveLength(3)
    const other = restarted([9, 4, 4, 4]) // the leader of view 4 has gone on to 9
    other.deliver()
    expect(other.at(1).position).toBe('active 5')
    expect(other.at(1).events).toContainEqual({ name: 'view-change-started', view: view(5), reason: 'leader-left' })
  })

  it('peers that connect late learn at once who waits for a new view', () => {
    const cluster = restarted([3, 3, 3, 3])
    cluster.lose()
    const before = cluster.at(0).sentOf('view-change').length
    cluster.at(0).step({ kind: 'connected', peer: 2 as never, nowMs: cluster.nowMs })
    expect(cluster.at(0).sentOf('view-change').length).toBe(before + 1)
  })

  it('with a certificate from before: the block prepared by a quorum is what goes on', () => {
    if (first === undefined) throw new Error('a chain of one has a first block')
    const cluster = new Cluster()
    const prepared = certificateOf('prepare', 0, first)
    for (const [index, changingTo] of [3, 5, 5, 8].entries()) {
      const { disk } = cluster.at(index)
      disk.view = {
        kind: 'view',
        view: view(changingTo),
        phase: 'changing',
        newView: null,
        viewChange: viewChangeOf(index, changingTo, prepared),
      }
      disk.highest = prepared
      disk.apply({ records: [{ kind: 'block', block: first }] })
    }
    for (const replica of cluster.replicas) replica.restart()
    cluster.run(2 * TIMERS.floorMs)
    expect(cluster.at(0).running.committed.height).toBe(height(1))
    expect(cluster.chain[0]).toEqual(first.hash)
  })
})
