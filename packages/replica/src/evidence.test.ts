/** Evidence on its way into blocks: through the mempool's neighbour, the pool of evidence, and the application's record. */
import { assert, epoch, type Hash, height, type Signature, ZERO_HASH } from '@aethel/codec'
import {
  type Block,
  ballotBytes,
  createBlock,
  type Evidence,
  encodeEvidence,
  equivocationOf,
  evidenceRootOf,
  leaderOf,
  MAX_BLOCK_REFUTATIONS,
  MAX_EVIDENCE_AHEAD,
  MAX_EVIDENCE_BYTES,
  type Offence,
  offenceOf,
  transactionPath,
  transactionsRootOf,
  type Vote,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { CHAIN_ID, Cluster, type ClusterNode, signAs, validatorSetOf } from '../test/cluster.js'
import { transactionOf } from '../test/library.js'
import { EvidencePool, MAX_HELD_PER_OFFENDER } from './evidence-pool.js'

const SET = validatorSetOf(4)

function voteOf(sender: number, blockHash: Hash, at = 1, inView = 0): Vote {
  const ballot = { kind: 'prepare' as const, epoch: epoch(0), view: inView as Vote['view'], height: height(at), blockHash }
  return { ...ballot, sender: sender as Vote['sender'], signature: signAs(sender)(ballotBytes(CHAIN_ID, ballot)) as Signature }
}

const hashOf = (name: number): Hash => hashTagged('test/block', Uint8Array.of(name))

function pair(sender: number, at = 1, inView = 0, names: readonly [number, number] = [1, 2]): Evidence {
  return equivocationOf(voteOf(sender, hashOf(names[0]), at, inView), voteOf(sender, hashOf(names[1]), at, inView))
}

function show(cluster: Cluster, node: ClusterNode, evidence: Evidence): void {
  const message = { kind: 'evidence' as const, evidence: encodeEvidence(CHAIN_ID, evidence) }
  cluster.step(node, { kind: 'message', from: 3 as never, message: message as never, nowMs: cluster.nowMs })
}

function recorded(cluster: Cluster): (readonly string[])[] {
  return cluster.nodes.map((node) => node.replica.state.offences)
}

function evidenceInBlocks(node: ClusterNode): number {
  return node.effects.reduce((sum, effect) => sum + (effect.kind === 'commit' ? effect.block.body.evidence.length : 0), 0)
}

describe('evidence in blocks (docs/protocol.md §11)', () => {
  it('E1: what is chosen for a block is within its bytes, however large the pieces are that are held', () => {
    const pool = new EvidencePool()
    const piece = (at: number) => ({
      offence: offenceOf(pair(3, at), SET),
      bytes: new Uint8Array(Math.floor(MAX_EVIDENCE_BYTES / 3)),
      refutes: false,
    })
    for (let at = 1; at <= 5; at++) expect(pool.add(piece(at))).toBe(true)
    expect(pool.choose(height(1), () => true)).toHaveLength(3)
  })

  it('shown to one backup, it reaches everybody, makes a block of its own, and is recorded by all', () => {
    const cluster = new Cluster()
    show(cluster, cluster.node(2), pair(3))
    expect(cluster.run(5_000, () => cluster.nodes.every((node) => node.replica.committed.height === 1))).toBe(true)
    expect(recorded(cluster)).toEqual(Array(4).fill(['equivocation/3/0/0/1/prepare']))
    expect(cluster.nodes.map((node) => [node.replica.committed.height, node.replica.inspect().evidenceHeld])).toEqual(Array(4).fill([1, 0]))
    expect(cluster.node(1).effects.some((effect) => effect.kind === 'forget-evidence')).toBe(true)
  })

  it('K1, K2: counted once: replays and variants of the same offence are held by nobody and get into no block', () => {
    const cluster = new Cluster()
    show(cluster, cluster.node(0), pair(3))
    expect(cluster.run(5_000, () => cluster.nodes.every((node) => node.replica.committed.height === 1))).toBe(true)
    for (const node of cluster.nodes) {
      show(cluster, node, pair(3))
      show(cluster, node, pair(3, 1, 0, [5, 6]))
    }
    cluster.submit(0, transactionOf({ claim: 1 }))
    expect(cluster.run(5_000, () => cluster.nodes.every((node) => node.replica.committed.height === 2))).toBe(true)
    cluster.run(2_000)
    expect(recorded(cluster)[0]?.length).toBe(1)
    expect(cluster.nodes.map(evidenceInBlocks)).toEqual([1, 1, 1, 1])
  })

  it('K2: a leader that puts a recorded offence into a block again gets no vote', () => {
    const cluster = new Cluster()
    show(cluster, cluster.node(0), pair(3))
    expect(cluster.run(5_000, () => cluster.nodes.every((node) => node.replica.committed.height === 1))).toBe(true)
    const [block] = cluster.node(0).effects.flatMap((effect) => (effect.kind === 'commit' ? [effect.block] : [])) as [Block]
    const evidence = [encodeEvidence(CHAIN_ID, pair(3, 1, 0, [7, 8]))]
    const body = { transactions: [], evidence, lastCertificate: null }
    const header = {
      ...block.header,
      height: height(2),
      parent: block.hash,
      timestampMs: cluster.nowMs,
      evidenceRoot: evidenceRootOf(evidence),
    }
    const again = createBlock(header, body)
    const { signature } = voteOf(0, again.hash, 2)
    const message = { kind: 'pre-prepare' as const, epoch: epoch(0), view: 0 as never, block: again, sender: 0 as never, signature }
    for (const node of cluster.nodes.slice(1)) {
      cluster.step(node, { kind: 'message', from: 0 as never, message: message as never, nowMs: cluster.nowMs })
      const invalid = node.effects.find((effect) => effect.kind === 'event' && effect.event.name === 'block-invalid')
      expect(invalid).toMatchObject({ event: { code: 'offence-recorded' } })
    }
  })

  it('K2: how far ahead an offence may lie is a matter of the block, not of how far a replica has committed', () => {
    const cluster = new Cluster({ isCut: (_from, to, kind) => to === 3 && (kind === 'vote' || kind === 'blocks') })
    cluster.submit(0, transactionOf({ claim: 1 }))
    const others = cluster.nodes.slice(0, 3)
    expect(cluster.run(5_000, () => others.every((node) => node.replica.committed.height === 1))).toBe(true)
    expect(cluster.node(3).replica.committed.height).toBe(0)
    // As far ahead of height 2 as it may be, and one more than that of height 1.
    show(cluster, cluster.node(0), pair(2, 2 + MAX_EVIDENCE_AHEAD))
    expect(cluster.run(5_000, () => evidenceInBlocks(cluster.node(0)) === 1)).toBe(true)
    const judged = cluster.node(3).effects.filter((effect) => effect.kind === 'event' && effect.event.name === 'block-invalid')
    expect(judged).toEqual([])
    const heights = cluster
      .node(3)
      .effects.flatMap((effect) => (effect.kind === 'send' && effect.message.kind === 'vote' ? [effect.message.vote.height] : []))
    expect(heights).toContain(2)
  })

  it('it goes along with transactions, the bound of a block at a time', () => {
    const cluster = new Cluster()
    for (let inView = 0; inView < 20; inView++) show(cluster, cluster.node(0), pair(3, 1, inView))
    cluster.submit(0, transactionOf({ claim: 1 }))
    expect(cluster.run(5_000, () => recorded(cluster).every((offences) => offences.length === 20))).toBe(true)
    expect(new Set(recorded(cluster)[0]).size).toBe(20)
    const most = Math.max(...cluster.node(1).effects.map((effect) => (effect.kind === 'commit' ? effect.block.body.evidence.length : 0)))
    expect(most).toBe(16)
  })

  it.each([false, true])(
    'K1: offences that may be recorded one by one, but not all together: those that fit (with transactions: %s)',
    (mixed) => {
      const cluster = new Cluster({ mostOffences: 5 })
      for (let inView = 0; inView < 8; inView++) show(cluster, cluster.node(0), pair(3, 1, inView))
      if (mixed) cluster.submit(0, transactionOf({ claim: 1 }))
      cluster.run(5_000)
      expect(recorded(cluster).map((offences) => offences.length)).toEqual([5, 5, 5, 5])
      expect(cluster.nodes.map(({ replica }) => replica.state.claims.size)).toEqual(Array(4).fill(mixed ? 1 : 0))
      expect(cluster.nodes.map(({ replica }) => replica.evidence().length)).toEqual([0, 0, 0, 0])
    },
  )

  it('what is too old is not heard', () => {
    const cluster = new Cluster()
    show(cluster, cluster.node(0), pair(3, 500))
    cluster.run(2_000)
    expect(cluster.node(0).replica.evidence()).toEqual([])
    expect(cluster.node(0).replica.committed.height).toBe(0)
  })

  it('evidence makes no backup leave a view whose leader does not hold it', () => {
    const cluster = new Cluster({ isCut: (_from, _to, kind) => kind === 'evidence' })
    show(cluster, cluster.node(2), pair(3))
    cluster.run(30_000)
    expect(cluster.nodes.map((node) => node.replica.position.view)).toEqual([0, 0, 0, 0])
    expect(cluster.node(2).replica.evidence().length).toBe(1)
  })
})

describe('a vote for a block with a false proof', () => {
  /** A block of view 0 by validator 0 with one transaction. */
  function blockWith(isValid: boolean, cites: readonly number[] = []): { block: Block; transaction: Uint8Array } {
    const { bytes } = transactionOf({ claim: 9, isValid, cites, salt: 77 })
    const body = { transactions: [bytes], evidence: [], lastCertificate: null }
    const header = {
      version: 1,
      chainId: CHAIN_ID,
      epoch: epoch(0),
      height: height(1),
      parent: CHAIN_ID,
      view: 0 as never,
      proposer: leaderOf(SET, 0 as never),
      timestampMs: 5,
      transactionsRoot: transactionsRootOf([bytes]),
      evidenceRoot: evidenceRootOf([]),
      lastCertificateHash: ZERO_HASH,
      stateRoot: ZERO_HASH,
      validatorsHash: SET.hash,
      nextValidatorsHash: SET.hash,
      totalDifficulty: 1n,
    }
    return { block: createBlock(header, body), transaction: bytes }
  }

  function accusation(isValid: boolean, cites: readonly number[] = []): Evidence {
    const { block, transaction } = blockWith(isValid, cites)
    const path = transactionPath(block.body.transactions, 0)
    return { type: 'invalid-verification', vote: voteOf(2, block.hash), header: block.header, transaction, path }
  }

  it('is recorded once every validator has refuted the proof itself', () => {
    const cluster = new Cluster()
    show(cluster, cluster.node(1), accusation(false))
    expect(cluster.run(5_000, () => recorded(cluster).every((offences) => offences.length === 1))).toBe(true)
    expect(recorded(cluster)).toEqual(Array(4).fill(['invalid-verification/2/0/0/1/prepare']))
    expect(cluster.nodes.map((node) => [...node.verifications.values()])).toEqual(Array(4).fill([1]))
  })

  it('K1: a proof that verifies accuses nobody, nor one whose citations are not final', () => {
    const cluster = new Cluster()
    for (const node of cluster.nodes) {
      show(cluster, node, accusation(true))
      show(cluster, node, accusation(false, [55]))
    }
    cluster.run(3_000)
    expect(recorded(cluster)).toEqual(Array(4).fill([]))
    expect(cluster.nodes.map((node) => node.replica.evidence().length)).toEqual([0, 0, 0, 0])
  })
})

describe('the pool', () => {
  it('is bounded per offender, so that one who confesses without end crowds out nobody', () => {
    const pool = new EvidencePool()
    const item = (evidence: Evidence): { offence: Offence; bytes: Uint8Array; refutes: boolean } => ({
      offence: offenceOf(evidence, SET),
      bytes: encodeEvidence(CHAIN_ID, evidence),
      refutes: false,
    })
    let added = 0
    for (let inView = 0; inView < 100; inView++) if (pool.add(item(pair(3, 1, inView)))) added++
    expect(added).toBe(MAX_HELD_PER_OFFENDER)
    expect(pool.add(item(pair(2)))).toBe(true)
    const [first] = pool.list()
    assert(first !== undefined, 'the pool holds something')
    expect(pool.add(first)).toBe(false)
    expect(pool.choose(height(1), () => true).length).toBe(16)
  })

  it('E1: of one offender no more bytes are held than its share, however few the pieces are', () => {
    const pool = new EvidencePool()
    const piece = (sender: number, at: number) => ({
      offence: offenceOf(pair(sender, at), SET),
      bytes: new Uint8Array(MAX_EVIDENCE_BYTES),
      refutes: false,
    })
    const added = [1, 2, 3, 4, 5, 6].map((at) => pool.add(piece(3, at)))
    expect(added).toEqual([true, true, true, true, false, false])
    expect(pool.add(piece(2, 1))).toBe(true)
  })

  it('E1: a block carries no more proofs to be refuted than every edge lets in, however many are held; other evidence goes along', () => {
    const pool = new EvidencePool()
    for (let at = 1; at <= 10; at++)
      pool.add({ offence: offenceOf(pair(3, at), SET), bytes: new Uint8Array(10), refutes: at > 1 && at < 10 })
    const chosen = pool.choose(height(1), () => true)
    expect([chosen.length, chosen.filter(({ refutes }) => refutes).length]).toEqual([2 + MAX_BLOCK_REFUTATIONS, MAX_BLOCK_REFUTATIONS])
  })
})
