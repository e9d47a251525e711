import { beforeAll, describe, expect, it } from 'vitest'
import { blockOf, Cluster, prePrepareOf, type Sent, validatorSet, viewChangeOf, voteMessage } from '../test/harness.js'
import { leaderOf } from './index.js'

const COUNT = 40
/** floor(2 * 40 / 3) + 1 */
const QUORUM = 27
/** ceil(40 / 8): one in five stands in. */
const STRIDE = 5

function many(): Cluster {
  return new Cluster({ validators: COUNT })
}

/** A cluster in which the last thirteen are down: the others are a quorum only all together. */
function barely(): Cluster {
  const cluster = many()
  for (let index = QUORUM; index < COUNT; index++) cluster.at(index).crash()
  return cluster
}

const isVote = ({ message }: Sent): boolean => message.kind === 'vote'

describe('many validators (protocol.md §9)', () => {
  beforeAll(() => void many()) // keys

  it('a quorum that needs everybody commits although one of them has heard nothing: it is told what it lacks, by authors and stand-ins', () => {
    const cluster = barely()
    cluster.cut = ({ to }) => to === 7
    cluster.at(0).order('a')
    cluster.deliver()
    expect(cluster.up.map((replica) => replica.height)).toEqual(new Array(QUORUM).fill(0))
    cluster.cut = () => false
    cluster.run(2000)
    expect(cluster.up.map((replica) => replica.height)).toEqual(new Array(QUORUM).fill(1))
    expect(cluster.at(7).position).toBe('active 0')
  })

  it('so it does when the leader died after its proposal had reached half of them', () => {
    const cluster = barely()
    cluster.cut = ({ to, message }) => message.kind === 'pre-prepare' && to % 2 === 1
    cluster.at(0).order('a')
    cluster.deliver()
    cluster.cut = () => false
    cluster.at(0).crash()
    cluster.at(QUORUM).boot() // in its place
    cluster.run(10_000)
    const [, ...rest] = cluster.replicas.slice(0, QUORUM + 1)
    expect(rest.map((replica) => replica.height)).toEqual(new Array(QUORUM).fill(1))
  })

  it('a vote that a peer lacks is sent by its author and one in five of those who hold it, and by the latter a tick later', () => {
    const replica = many().at(3)
    const block = blockOf({ set: validatorSet(COUNT) })
    replica.receive(0, prePrepareOf(0, 0, block))
    for (let sender = 1; sender < COUNT; sender++) if (sender !== 3) replica.receive(sender, voteMessage(sender, 'prepare', 0, block))
    const votesTo = (peer: number): number[] =>
      replica.sent.flatMap(({ to, message }) =>
        to === peer && message.kind === 'vote' && message.vote.kind === 'prepare' ? [message.vote.sender] : [],
      )
    const statusOf = (peer: number) => many().at(peer).running.step({ kind: 'timer', timer: 'status', nowMs: 1_000_500 })
    const tell = (peer: number): void => {
      for (const effect of statusOf(peer))
        if (effect.kind === 'send' && effect.message.kind === 'status') return void replica.receive(peer, effect.message)
    }
    replica.fire('status')
    tell(10)
    expect(votesTo(10)).toEqual([3])
    replica.fire('status')
    tell(11)
    const told = votesTo(11)
    expect(told).toContain(3)
    expect(told.length).toBeGreaterThanOrEqual(COUNT / STRIDE)
    expect(told.length).toBeLessThanOrEqual(COUNT / STRIDE + 2)
  })

  it('a NEW-VIEW that a peer lacks is sent by its leader and by one in five', () => {
    const cluster = many()
    for (const { index } of cluster.replicas) {
      if (index === 20) continue
      for (let sender = 0; sender < QUORUM; sender++) if (sender !== index) cluster.at(index).receive(sender, viewChangeOf(sender, 1))
    }
    cluster.deliver(({ to }) => to !== 20)
    expect(cluster.replicas.filter((replica) => replica.position === 'active 1').length).toBe(COUNT - 1)
    cluster.at(1).fire('status') // the leader has told everybody, and says it again a tick later
    cluster.lose()
    for (const { index } of cluster.replicas) if (index !== 20) cluster.at(index).receive(20, viewChangeOf(20, 1))
    const tellers = cluster.inFlight.filter(({ to, message }) => to === 20 && message.kind === 'new-view').map(({ from }) => from)
    expect(tellers).toContain(Number(leaderOf(cluster.set, cluster.at(0).running.view)))
    expect(tellers.length).toBeLessThanOrEqual(COUNT / STRIDE + 1)
  })

  it('STATUS goes to some, in turn, while nothing is waited for; to all when a replica is stuck, and then less and less often', () => {
    const replica = many().at(3)
    const audiences = (ticks: number): ('all' | number)[] =>
      Array.from({ length: ticks }, () => {
        const before = replica.sent.length
        replica.fire('status')
        const told = replica.sent.slice(before).filter(({ message }) => message.kind === 'status')
        return told[0]?.to === 'all' ? 'all' : told.length
      })
    expect(audiences(3)).toEqual([32, 32, 32])
    replica.step({ kind: 'work', waiting: 1, full: true, nowMs: 1_001_000 })
    expect(audiences(10)).toEqual(['all', 'all', 'all', 32, 'all', 32, 32, 32, 'all', 32])
  })

  it('what N validators lack of N votes costs each of them a few N messages, not N^2', () => {
    const cluster = barely()
    cluster.cut = isVote // every vote is lost, the proposal is not
    cluster.at(0).order('a')
    cluster.deliver()
    cluster.run(700) // two ticks: slots are old enough for stand-ins
    cluster.cut = () => false
    let votes = 0
    const before = cluster.replicas.map(({ sent }) => sent.length)
    cluster.run(900)
    for (const [index, { sent }] of cluster.replicas.entries())
      for (const { to, message } of sent.slice(before[index])) if (message.kind === 'vote') votes += to === 'all' ? COUNT - 1 : 1
    expect(cluster.up.map((replica) => replica.height)).toEqual(new Array(QUORUM).fill(1))
    // Two phases, each from its author and eight stand-ins, at two ticks at worst.
    expect(votes).toBeLessThanOrEqual(2 * 2 * 9 * QUORUM * QUORUM)
  })
})
