/** What the seeds of `replica-sequence` are for: attacks that only a correct quorum, or a correct view change, withstands. */
import { expect, it } from 'vitest'
import { Cluster } from './lib/cluster.js'
import { Broken } from './lib/properties.js'
import { BAD_SHARES, CERTIFIED_RIVAL, EQUIVOCATION, FORGETTING, LYING_IDS, replicaSequence, TREE_OF_THIRTEEN } from './targets/consensus.js'

it('a faulty leader makes two replicas prepare two blocks of one height, and votes for both: neither is committed', () => {
  const cluster = new Cluster(EQUIVOCATION(0))
  cluster.run()
  const signed = cluster.honest.map((replica) => replica.signed.get('prepare in view 0 at height 1'))
  expect(new Set(signed.slice(1)).size).toBe(2)
  expect(signed.slice(1)).not.toContain(undefined)
  expect(cluster.committed.size).toBe(0)
})

it('a block that one replica committed unheard survives a view change under a faulty leader: the others sign no other one', () => {
  const cluster = new Cluster(FORGETTING)
  cluster.run()
  const [first, ...others] = cluster.honest
  expect(first?.chain.length).toBe(1)
  expect(cluster.blocks.size).toBe(2)
  for (const { core, signed } of others) {
    expect(core.view).toBe(1)
    expect(signed.has('commit in view 0 at height 1')).toBe(true)
    expect([...signed.keys()].filter((slot) => slot.includes('in view 1'))).toEqual([])
  }
})

it.each(/** @type {const} */ (['collectors', 'tree']))(
  '%s: votes whose shares prove nothing are found out, and what is told proves itself',
  (way) => {
    const cluster = new Cluster(BAD_SHARES(way))
    /** @type {string[]} */
    const events = []
    for (const replica of cluster.honest) replica.onEvent = (event) => events.push(event.name)
    cluster.run()
    expect(events).toContain('bad-share')
    expect(cluster.seen.some(({ kind }) => kind === 'certificate')).toBe(true)
    expect(cluster.committed.size).toBeGreaterThan(1)
  },
)

it('in a tree of thirteen, four of them silent, inner nodes add votes up', () => {
  const cluster = new Cluster(TREE_OF_THIRTEEN)
  cluster.run()
  expect(cluster.seen.some(({ kind }) => kind === 'sum')).toBe(true)
})

it('a certificate for one block makes nobody prepare its rival', () => {
  const cluster = new Cluster(CERTIFIED_RIVAL)
  cluster.run()
  const signed = cluster.honest.map((replica) => ['prepare', 'commit'].map((kind) => replica.signed.get(`${kind} in view 0 at height 1`)))
  const [first, second, third] = signed
  expect(first?.[1]).toBe(first?.[0])
  expect(second?.[1]).toBe(first?.[0])
  expect(third?.[0]).not.toBe(first?.[0])
  expect(third?.[1]).toBeUndefined()
  expect(cluster.committed.size).toBeGreaterThan(0)
})

it('a leader that names other transactions than its block has gets no vote; what it names truly is fetched, and voted for', () => {
  const runs = [0, 1, 2, 3, 4, 6].map((way) => {
    const cluster = new Cluster(LYING_IDS(way))
    cluster.run()
    expect(cluster.committed.size).toBeGreaterThan(1)
    const asked = cluster.seen.some((message) => message.kind === 'fetch' && message.want === 'transactions')
    return { asked, voted: cluster.honest.some(({ signed }) => signed.has('prepare in view 0 at height 1')) }
  })
  // Known at once: too few, another itself, one twice.
  expect(runs.map(({ asked }) => asked)).toEqual([false, true, true, false, false, true])
  expect(runs.map(({ voted }) => voted)).toEqual([false, false, false, false, false, true])
})

it('two blocks at one height are found', () => {
  const cluster = new Cluster(EQUIVOCATION(0))
  cluster.run()
  const [a, b] = [...cluster.blocks.values()].map(({ hash }) => hash)
  if (a === undefined || b === undefined) throw new Error('two blocks')
  cluster.agree(1, a, 2)
  expect(() => cluster.agree(1, b, 3)).toThrow(Broken)
})

it('among the seeds honest replicas commit, change views, and refuse what the faulty say', () => {
  const runs = replicaSequence.seeds().map((bytes) => {
    const cluster = new Cluster(bytes)
    cluster.run()
    return { committed: cluster.committed.size, view: Math.max(...cluster.honest.map(({ core }) => core.view)), refused: cluster.refused }
  })
  expect(runs.filter(({ committed }) => committed > 0).length).toBeGreaterThan(3)
  expect(runs.filter(({ view }) => view > 0).length).toBeGreaterThan(2)
  expect(runs.some(({ refused }) => refused > 0)).toBe(true)
})
