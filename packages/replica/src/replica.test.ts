/**
 * Whole replicas with a small application that has citations: what clients are told, what is verified and how often, what
 * happens to what was not chosen, and what a Byzantine leader can do to one validator.
 */
import { type Hash, height, keyOf, type ValidatorIndex, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  assembleCertificate,
  BLOCK_VERSION,
  type Block,
  ballotBytes,
  type CommittedTip,
  createBlock,
  createMessageChecker,
  evidenceRootOf,
  lastCertificateHashOf,
  type Message,
  statusBytes,
  transactionsRootOf,
  type VoteKind,
} from '@aethel/consensus'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLOCK, CHAIN_ID, Cluster, type ClusterOptions, freshState, MEMPOOL, signAs, validatorSetOf } from '../test/cluster.js'
import {
  createLibrary,
  type Entry,
  executes,
  GENESIS,
  type LibraryMachine,
  type LibraryState,
  type LibraryTransaction,
  transactionOf,
  verdictOf,
} from '../test/library.js'
import type { Transaction } from './application.js'
import type {
  Admission,
  BlockLimits,
  MempoolLimits,
  Replica,
  ReplicaEffect,
  ReplicaInput,
  SyncOptions,
  VerificationJob,
  VerificationOutcome,
} from './interface.js'
import { createReplica } from './replica.js'
import type { Verdict } from './verdicts.js'

const committedAt = (cluster: Cluster, index: number): readonly string[] => cluster.node(index).replica.state.order
const idsOf = (transactions: readonly Transaction[]): Set<string> => new Set(transactions.map((transaction) => keyOf(transaction.id)))
/** Of the cluster. */
const STATUS_MS = 250
const statusOf = (answers: readonly Admission[]): string[] => answers.map((answer) => answer.status)

/** Accounts that prove claims of their own, each citing some proved before by whomever. */
const library: fc.Arbitrary<LibraryTransaction[]> = fc
  .tuple(
    fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
    fc.array(fc.array(fc.nat(100), { maxLength: 3 }), { minLength: 20, maxLength: 20 }),
  )
  .map(([senders, cites]) => {
    const nonces = new Map<number, number>()
    return senders.map((sender, claim) => {
      const nonce = nonces.get(sender) ?? 0
      nonces.set(sender, nonce + 1)
      const known = claim === 0 ? [] : [...new Set((cites[claim] ?? []).map((cite) => cite % claim))]
      return transactionOf({ sender, nonce, claim, cites: known, gas: 1 + ((claim * 7) % 5) })
    })
  })

describe('a replica alone', () => {
  test('commits everything, in whatever order it comes; verifies each proof once; answers each request once', () => {
    fc.assert(
      fc.property(
        library,
        fc.array(fc.nat(1_000), { minLength: 20, maxLength: 20 }),
        fc.integer({ min: 0, max: 4 }),
        (transactions, keys, pauseMs) => {
          const cluster = new Cluster({ validators: 1, window: 4 })
          const shuffled = transactions.map((transaction, index) => ({ transaction, key: keys[index] ?? 0 })).sort((a, b) => a.key - b.key)
          const requests: number[] = []
          for (const { transaction } of shuffled) {
            requests.push(cluster.submit(0, transaction))
            cluster.run(pauseMs)
          }
          expect(cluster.run(10_000, () => committedAt(cluster, 0).length === transactions.length)).toBe(true)
          expect(new Set(committedAt(cluster, 0))).toEqual(idsOf(transactions))
          expect([...cluster.node(0).verifications.values()].every((count) => count === 1)).toBe(true)
          expect(cluster.node(0).verifications.size).toBe(transactions.length)
          for (const request of requests) expect(cluster.answersTo(0, request)).toHaveLength(1)
          expect(cluster.dropped(0)).toEqual([])
          expect(cluster.node(0).replica.inspect()).toMatchObject({ pooled: 0, poolBytes: 0, unverified: 0, ready: 0 })
        },
      ),
      { numRuns: 150 },
    )
  })

  test('an invalid proof is refused with its code, is not verified again, and is never in a block', () => {
    const cluster = new Cluster({ validators: 1 })
    const wrong = transactionOf({ claim: 1, isValid: false })
    const first = cluster.submit(0, wrong)
    cluster.run(100)
    expect(cluster.answersTo(0, first)).toMatchObject([
      { status: 'refused', refusal: { code: 'wrong-step', message: 'step 1 does not follow' } },
    ])
    const second = cluster.submit(0, wrong)
    expect(cluster.answersTo(0, second)).toMatchObject([{ status: 'refused', refusal: { code: 'wrong-step' } }])
    expect([...cluster.node(0).verifications.values()]).toEqual([1])
    cluster.run(2_000)
    expect(committedAt(cluster, 0)).toEqual([])
  })

  test('two clients that send the same are both answered; two proofs of one claim: the second is refused before it is verified', () => {
    const cluster = new Cluster({ validators: 1, block: { gas: 100 } })
    const held = transactionOf({ sender: 1, nonce: 1, claim: 1, gas: 5 }) // nonce 0 is missing, so it stays in the mempool
    const requests = [cluster.submit(0, held), cluster.submit(0, held)]
    cluster.run(10)
    for (const request of requests) expect(statusOf(cluster.answersTo(0, request))).toEqual(['admitted'])
    const rival = cluster.submit(0, transactionOf({ sender: 2, claim: 1, salt: 1 }))
    expect(cluster.answersTo(0, rival)).toMatchObject([{ status: 'refused', refusal: { code: 'duplicate-pending' } }])
    expect(cluster.node(0).verifications.size).toBe(1)
  })

  test('two proofs of one claim at once: one is admitted, the other refused when the verdicts are in', () => {
    const cluster = new Cluster({ validators: 1 })
    const requests = [1, 2].map((sender) => cluster.submit(0, transactionOf({ sender, claim: 1, salt: sender })))
    cluster.run(100)
    expect(requests.flatMap((request) => statusOf(cluster.answersTo(0, request)))).toEqual(['admitted', 'refused'])
    expect(committedAt(cluster, 0)).toHaveLength(1)
  })

  test('more gas than the sender allows is refused', () => {
    const cluster = new Cluster({ validators: 1 })
    const request = cluster.submit(0, transactionOf({ claim: 1, gas: 11, gasLimit: 10 }))
    cluster.run(10)
    expect(cluster.answersTo(0, request)).toMatchObject([{ status: 'refused', refusal: { code: 'gas-limit' } }])
  })
})

describe('what the mempool takes', () => {
  test('more gas than a block may have, or more bytes, is refused at the door: it could only wait for ever', () => {
    const cluster = new Cluster({ isCut: () => true, block: { gas: 100, bytes: 1_000 } }) // node 1 leads nobody
    const requests = [
      cluster.submit(1, transactionOf({ sender: 1, claim: 1, gas: 101 })),
      cluster.submit(1, transactionOf({ sender: 2, claim: 2, padding: 1_000 })),
    ]
    cluster.run(10)
    expect(requests.map((request) => cluster.answersTo(1, request))).toMatchObject([
      [{ status: 'refused', refusal: { code: 'gas-limit' } }],
      [{ status: 'refused', refusal: { code: 'too-large' } }],
    ])
    expect(cluster.node(1).replica.inspect()).toMatchObject({ pooled: 0, unverified: 0 })
  })

  test('the quota of a sender counts what waits to be verified and what is verified together', () => {
    const cluster = new Cluster({ validators: 4, mempool: { perSender: 4 }, isCut: () => true })
    const entry = (nonce: number): LibraryTransaction => transactionOf({ sender: 1, nonce, claim: nonce })
    for (let nonce = 1; nonce <= 3; nonce++) cluster.submit(1, entry(nonce))
    cluster.run(10)
    expect(cluster.node(1).replica.inspect()).toMatchObject({ pooled: 3, unverified: 0 })
    const answers = [4, 5].map((nonce) => cluster.submit(1, entry(nonce))).map((request) => cluster.answersTo(1, request))
    expect(answers).toMatchObject([[], [{ status: 'refused', refusal: { code: 'sender-quota' } }]])
  })

  test('E1: what was looked at and refused gives back its place: of its sender, and in bytes', () => {
    const cluster = new Cluster({ validators: 1, mempool: { perSender: 4, bytes: 4_000 } })
    const entry = (nonce: number, isValid: boolean): LibraryTransaction =>
      transactionOf({ sender: 1, nonce, claim: nonce, isValid, padding: 1_000 })
    for (let salt = 1; salt <= 20; salt++) {
      cluster.submit(0, entry(salt, false))
      cluster.run(10)
    }
    const request = cluster.submit(0, entry(0, true))
    cluster.run(500)
    expect(statusOf(cluster.answersTo(0, request))).toEqual(['admitted'])
    expect(committedAt(cluster, 0)).toHaveLength(1)
  })

  test('what was evicted is not ready to be proposed any more: whoever was told that it is gone can rely on it', () => {
    const cluster = new Cluster({ mempool: { transactions: 2 }, isCut: () => true })
    const transactions = [1, 2, 3].map((gas) => transactionOf({ sender: gas, claim: gas, gas }))
    for (const transaction of transactions) {
      cluster.submit(1, transaction)
      cluster.run(10)
    }
    expect(cluster.dropped(1)).toEqual([{ key: transactions[0]?.idKey, code: 'evicted' }])
    expect(cluster.node(1).replica.inspect()).toMatchObject({ pooled: 2, ready: 2 })
  })

  test('what a peer brought and a client of ours asks for while it is looked at is passed on to all, as any of our clients', () => {
    const cluster = new Cluster({ isCut: () => true })
    const node = cluster.node(1)
    const [foreign, wanted] = [1, 2].map((sender) => transactionOf({ sender, claim: sender })) as [LibraryTransaction, LibraryTransaction]
    cluster.step(node, { kind: 'transactions', from: validatorIndex(2), transactions: [foreign, wanted], nowMs: cluster.nowMs })
    cluster.submit(1, wanted)
    cluster.run(10)
    const gossiped = node.effects.flatMap((effect) => (effect.kind === 'gossip' && effect.to === 'all' ? effect.transactions : []))
    expect(gossiped).toEqual([wanted])
  })

  test('two who bring the same proof are each answered once, another proof of the claim being final before the verdict is in', () => {
    const cluster = new Cluster({
      verify: (_, job) => ({ outcome: verdictOf(job.work.proof), afterMs: keyOf(job.work.key) === keyOf(slow) ? 5_000 : 3 }),
      isCut: (_from, _to, kind) => kind === 'gossip',
    })
    const same = [1, 2].map((sender) => transactionOf({ sender, claim: 1, salt: 7 }))
    const slow = same[0]?.work?.key as Hash
    const requests = same.map((transaction) => cluster.submit(1, transaction))
    const first = transactionOf({ sender: 3, claim: 1 })
    cluster.submit(0, first)
    cluster.run(20_000)
    expect(committedAt(cluster, 1)).toEqual([first.idKey])
    expect(requests.map((request) => statusOf(cluster.answersTo(1, request)))).toEqual([['refused'], ['refused']])
    expect(cluster.dropped(1)).toEqual([])
  })
})

describe('waiting for a citation', () => {
  test('every client that asks is told at once, and what waits is verified when its citation turns up', () => {
    const cluster = new Cluster({ validators: 1 })
    const heir = transactionOf({ sender: 1, claim: 2, cites: [1] })
    const requests = [cluster.submit(0, heir), cluster.submit(0, heir)]
    for (const request of requests)
      expect(cluster.answersTo(0, request)).toMatchObject([{ status: 'waiting', refusal: { code: 'citation-unknown' } }])
    expect(cluster.node(0).replica.transactionStatus(heir.id)).toBe('waiting')
    expect(cluster.node(0).verifications.size).toBe(0)
    cluster.submit(0, transactionOf({ sender: 2, claim: 1 }))
    cluster.run(500)
    expect(committedAt(cluster, 0)).toHaveLength(2)
    for (const request of requests) expect(cluster.answersTo(0, request)).toHaveLength(1)
  })

  test('E1: the waiting room is bounded, and a place is free again when somebody leaves it', () => {
    const cluster = new Cluster({ validators: 1, mempool: { waiting: 3 } })
    const orphan = (claim: number): LibraryTransaction => transactionOf({ sender: claim, claim, cites: [claim + 1_000] })
    const answers = [1, 2, 3, 4, 5].map((claim) => statusOf(cluster.answersTo(0, cluster.submit(0, orphan(claim))))[0])
    expect(answers).toEqual(['waiting', 'waiting', 'waiting', 'refused', 'refused'])
    expect(cluster.node(0).replica.inspect().unverified).toBe(3)
    cluster.submit(0, transactionOf({ sender: 50, claim: 1_001 }))
    cluster.run(200)
    expect(statusOf(cluster.answersTo(0, cluster.submit(0, orphan(6))))).toEqual(['waiting'])
    expect(statusOf(cluster.answersTo(0, cluster.submit(0, orphan(7))))).toEqual(['refused'])
  })

  test('a claim that nobody brings any more is missing; one whose other proof turned out wrong is not, once the good one is in', () => {
    const cluster = new Cluster({
      isCut: () => true,
      verify: (_, job) => ({ outcome: verdictOf(job.work.proof), afterMs: verdictOf(job.work.proof).status === 'valid' ? 50 : 3 }),
    })
    const good = transactionOf({ sender: 1, claim: 1 })
    const heir = transactionOf({ sender: 3, claim: 3, cites: [1] })
    for (const transaction of [
      good,
      transactionOf({ sender: 2, claim: 1, isValid: false }),
      transactionOf({ sender: 4, claim: 4, isValid: false }),
    ])
      cluster.submit(1, transaction)
    cluster.run(10)
    const requests = [heir, transactionOf({ sender: 5, claim: 5, cites: [4] })].map((transaction) => cluster.submit(1, transaction))
    expect(requests.map((request) => statusOf(cluster.answersTo(1, request)))).toEqual([['waiting'], ['waiting']])
    cluster.run(200)
    expect([good, heir].map(({ id }) => cluster.node(1).replica.transactionStatus(id))).toEqual(['pending', 'pending'])
    expect(cluster.node(1).replica.inspect()).toMatchObject({ pooled: 2, unverified: 1 })
  })

  test('one that moves from one missing citation to the next keeps its place', () => {
    const cluster = new Cluster({ validators: 1, mempool: { waiting: 1 } })
    const heir = transactionOf({ sender: 1, claim: 1, cites: [11, 12, 13] })
    const request = cluster.submit(0, heir)
    for (const claim of [11, 12, 13]) {
      expect(cluster.node(0).replica.transactionStatus(heir.id)).toBe('waiting')
      cluster.submit(0, transactionOf({ sender: claim, claim }))
      cluster.run(100)
    }
    expect(committedAt(cluster, 0)).toHaveLength(4)
    expect(statusOf(cluster.answersTo(0, request))).toEqual(['waiting'])
  })

  test('who was told that it waits is told when it is let go: it expired, or its proof turned out wrong', () => {
    const cluster = new Cluster({ validators: 1 })
    const expiring = transactionOf({ sender: 1, claim: 1, cites: [99], expiry: 2 })
    const wrong = transactionOf({ sender: 2, claim: 2, cites: [50], isValid: false })
    for (const transaction of [expiring, wrong]) cluster.submit(0, transaction)
    for (let nonce = 0; nonce < 3; nonce++) {
      cluster.submit(0, transactionOf({ sender: 3, nonce, claim: 50 + nonce }))
      cluster.run(50)
    }
    cluster.run(600)
    expect(cluster.dropped(0)).toEqual(
      expect.arrayContaining([
        { key: keyOf(expiring.id), code: 'expired' },
        { key: keyOf(wrong.id), code: 'wrong-step' },
      ]),
    )
    expect(cluster.node(0).replica.inspect().unverified).toBe(0)
  })
})

describe('four validators', () => {
  test('agree on everything that anybody sent to anyone, each verifying each proof once', () => {
    fc.assert(
      fc.property(library, fc.array(fc.nat(3), { minLength: 20, maxLength: 20 }), (transactions, nodes) => {
        const cluster = new Cluster({ validators: 4 })
        for (const [index, transaction] of transactions.entries()) cluster.submit(nodes[index] ?? 0, transaction)
        const done = (): boolean => cluster.nodes.every((node) => node.replica.state.order.length === transactions.length)
        expect(cluster.run(20_000, done)).toBe(true)
        for (const node of cluster.nodes) {
          expect(node.replica.state.root).toEqual(cluster.node(0).replica.state.root)
          expect([...node.verifications.values()].every((count) => count === 1)).toBe(true)
          expect(node.verifications.size).toBe(transactions.length)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('B12: nothing is lost or done twice when the leader goes silent with proposals in flight', () => {
    let isLeaderMute = false
    const cluster = new Cluster({
      validators: 4,
      block: { transactions: 2 },
      isCut: (from, to) => isLeaderMute && (from === 0 || to === 0),
    })
    const transactions = Array.from({ length: 30 }, (_, index) =>
      transactionOf({
        sender: index % 3,
        nonce: Math.floor(index / 3),
        claim: index,
        cites: index === 0 ? [] : [index - 1],
        gas: 1 + (index % 4),
      }),
    )
    for (const transaction of transactions) cluster.submit(1, transaction)
    cluster.run(60_000, () => committedAt(cluster, 1).length >= 6)
    isLeaderMute = true
    const done = (): boolean => [1, 2, 3].every((index) => committedAt(cluster, index).length === transactions.length)
    expect(cluster.run(60_000, done)).toBe(true)
    expect(new Set(committedAt(cluster, 1))).toEqual(idsOf(transactions))
    for (const index of [1, 2, 3]) expect(cluster.dropped(index)).toEqual([])
  })

  test('D9: a transaction whose gossip was lost is told again, on a busy network too, and ordered by a leader that never met its client', () => {
    let isLost = true
    const cluster = new Cluster({ validators: 4, isCut: (from, _to, kind) => isLost && from === 2 && kind === 'gossip' })
    const lost = transactionOf({ sender: 9, claim: 9 })
    cluster.submit(2, lost)
    cluster.run(20)
    isLost = false
    let nonce = 0
    const isDone = (): boolean => committedAt(cluster, 0).includes(keyOf(lost.id))
    for (let round = 0; round < 60 && !isDone(); round++) {
      cluster.submit(0, transactionOf({ sender: 1, nonce: nonce++, claim: 100 + nonce, gas: 50 }))
      cluster.run(50)
    }
    expect(isDone()).toBe(true)
    expect(cluster.node(0).replica.position.view).toBe(0)
  })

  test('D9: what was told to nobody is told again to everybody: a leader that never takes it is voted out, by those who did not hear of it at first', () => {
    let isLost = true
    const isCut = (from: number, to: number, kind: string): boolean => kind === 'gossip' && (isLost ? from === 2 : to === 0)
    const cluster = new Cluster({ validators: 4, isCut })
    const lost = transactionOf({ sender: 9, claim: 9 })
    cluster.submit(2, lost)
    cluster.run(20)
    isLost = false
    let nonce = 0
    const isDone = (): boolean => committedAt(cluster, 3).includes(keyOf(lost.id))
    for (let round = 0; round < 400 && !isDone(); round++) {
      cluster.submit(0, transactionOf({ sender: 1, nonce: nonce++, claim: 100 + nonce, gas: 50 }))
      cluster.run(50)
    }
    expect(isDone()).toBe(true)
    expect(cluster.node(3).replica.position.view).toBeGreaterThan(0)
  })

  test('E1: on a line that blocks come through only slowly, who is far behind hardly offers what waits, and a little to who connects, nobody offers it anything, and all is offered once it has caught up', () => {
    let isNarrow = true
    const lost = new Set(['pre-prepare', 'block', 'blocks', 'gossip'])
    const isCut = (from: number, to: number, kind: string): boolean => isNarrow && (from === 3 || to === 3) && lost.has(kind)
    const cluster = new Cluster({ validators: 4, isCut })
    const mine = Array.from({ length: 20 }, (_, nonce) => transactionOf({ sender: 9, nonce, claim: 900 + nonce }))
    for (const transaction of mine) cluster.submit(3, transaction)
    let nonce = 0
    for (; nonce < 80; nonce++) {
      cluster.submit(0, transactionOf({ sender: 1, nonce, claim: nonce + 1 }))
      cluster.run(50)
    }
    // Waits for a nonce that nobody uses, so it is offered again and again.
    cluster.submit(0, transactionOf({ sender: 1, nonce: nonce + 1, claim: 800 }))
    expect(cluster.node(0).replica.committed.height).toBeGreaterThan(20)
    expect(cluster.node(3).replica.committed.height).toBe(0)
    cluster.run(3 * STATUS_MS)
    cluster.connect(3, 0)
    cluster.connect(0, 3)
    const [before, beforeAtThree] = [cluster.node(0).effects.length, cluster.node(3).effects.length]
    cluster.run(32 * STATUS_MS)
    const offered = cluster
      .node(3)
      .effects.slice(beforeAtThree)
      .flatMap((effect) => (effect.kind === 'gossip' ? [effect] : []))
    expect(offered.filter(({ to }) => to === 'all').length).toBeLessThanOrEqual(2)
    expect(offered.filter(({ to }) => to !== 'all').map(({ to }) => to)).toEqual([0]) // once, because it has just connected
    for (const { transactions } of offered) expect(transactions.length).toBeLessThanOrEqual(8)
    const toThree = cluster
      .node(0)
      .effects.slice(before)
      .flatMap((effect) => (effect.kind === 'gossip' ? [effect.to] : []))
    expect(toThree.length).toBeGreaterThan(2)
    expect(toThree.filter((to) => to === 3 || to === 'all')).toEqual([])
    isNarrow = false
    const done = (): boolean => mine.every(({ id }) => committedAt(cluster, 0).includes(keyOf(id)))
    expect(cluster.run(20_000, done)).toBe(true)
  })

  test('D9: what clients brought to a validator that is far behind, and nobody else heard, is told to who connects, and final long before it has caught up', () => {
    let isAlone = true
    const blocks = new Set(['pre-prepare', 'block', 'blocks'])
    const isCut = (from: number, to: number, kind: string): boolean =>
      (from === 3 || to === 3) && (blocks.has(kind) || (isAlone && kind === 'gossip'))
    const cluster = new Cluster({ validators: 4, isCut })
    const mine = Array.from({ length: 6 }, (_, nonce) => transactionOf({ sender: 9, nonce, claim: 900 + nonce }))
    for (const transaction of mine) cluster.submit(3, transaction)
    for (let nonce = 0; nonce < 80; nonce++) {
      cluster.submit(0, transactionOf({ sender: 1, nonce, claim: nonce + 1 }))
      cluster.run(50)
    }
    const before = cluster.node(3).effects.length
    isAlone = false
    cluster.connect(3, 0)
    cluster.connect(0, 3)
    const done = (): boolean => mine.every(({ id }) => committedAt(cluster, 0).includes(keyOf(id)))
    expect(cluster.run(4 * STATUS_MS, done)).toBe(true)
    expect(cluster.node(3).replica.committed.height).toBe(0)
    cluster.run(8 * STATUS_MS)
    const told = cluster.node(3).effects.slice(before)
    expect(told.flatMap((effect) => (effect.kind === 'gossip' && effect.to === 0 ? [effect] : [])).length).toBe(1) // once
  })

  test('what became impossible leaves every mempool although the network never rests', () => {
    const cluster = new Cluster({ validators: 4 })
    const first = transactionOf({ sender: 1, claim: 1, label: 7, gas: 9 })
    const heirs = [0, 1].map((nonce) => transactionOf({ sender: 2, nonce, claim: 20 + nonce, label: nonce === 0 ? 7 : 0, gas: 3 }))
    const expiring = transactionOf({ sender: 3, nonce: 5, claim: 3, expiry: 4 })
    for (const transaction of [first, ...heirs, expiring]) cluster.submit(0, transaction)
    for (let nonce = 0; nonce < 40; nonce++) {
      cluster.submit(0, transactionOf({ sender: 4, nonce, claim: 100 + nonce }))
      cluster.run(25)
    }
    for (const node of cluster.nodes) {
      expect(node.replica.state.order).toHaveLength(41)
      expect(node.replica.transactionStatus((heirs[0] as LibraryTransaction).id)).toBe('unknown')
      expect(node.replica.transactionStatus(expiring.id)).toBe('unknown')
      expect(node.replica.position.view).toBe(0)
    }
    // Its heir is not impossible: another transaction may take the free nonce.
    expect(cluster.dropped(0).map((drop) => drop.key)).not.toContain(keyOf((heirs[1] as LibraryTransaction).id))
    cluster.submit(0, transactionOf({ sender: 2, nonce: 0, claim: 30 }))
    cluster.run(200)
    expect(committedAt(cluster, 3)).toContain(keyOf((heirs[1] as LibraryTransaction).id))
  })

  test('a block that the application refuses as a whole is mended in a few executions, not one per pair', () => {
    const count = 256
    const verify: ClusterOptions['verify'] = (_node, job) => {
      const outcome = verdictOf(job.work.proof)
      return { outcome, afterMs: outcome.gas === 3 ? 100 : 3 } // the gate's is last, so that all the others are in the mempool
    }
    const cluster = new Cluster({ validators: 1, block: { transactions: 2 * count, bytes: 1 << 20 }, verify })
    const gate = transactionOf({ sender: 999, nonce: 0, claim: 9_999, gas: 3 })
    const takers = Array.from({ length: count }, (_, sender) =>
      transactionOf({ sender, claim: sender, label: sender === 77 ? 5 : 1_000 + sender, cites: [9_999] }),
    )
    const thief = transactionOf({ sender: 500, claim: 5_000, label: 5, cites: [9_999], gas: 2 })
    const heir = transactionOf({ sender: 77, nonce: 1, claim: 8_000 })
    for (const transaction of [gate, ...takers, thief, heir]) cluster.submit(0, transaction)
    cluster.run(50)
    expect(cluster.node(0).replica.inspect()).toMatchObject({ pooled: count + 2, ready: 0 })
    const before = cluster.node(0).machine.work.executed
    cluster.run(100) // not yet a status tick: the commit itself tells what has become impossible
    expect(cluster.node(0).replica.committed.height).toBeLessThanOrEqual(2)
    expect(committedAt(cluster, 0)).toHaveLength(count + 1)
    expect(committedAt(cluster, 0)).toContain(keyOf(thief.id))
    expect(cluster.dropped(0)).toEqual([{ key: keyOf((takers[77] as LibraryTransaction).id), code: 'label-taken' }])
    expect(cluster.node(0).replica.transactionStatus(heir.id)).toBe('pending')
    expect(cluster.node(0).machine.work.executed - before).toBeLessThan(6 * count)
  })

  test('a choice of which nothing can be executed holds up nothing else', () => {
    const verify: ClusterOptions['verify'] = (_node, job) => {
      const outcome = verdictOf(job.work.proof)
      return { outcome, afterMs: outcome.gas === 99 ? 100 : 3 }
    }
    const cluster = new Cluster({ validators: 1, block: { transactions: 1 }, verify })
    const gate = transactionOf({ sender: 9, claim: 9, gas: 99 })
    const [first, second] = [1, 2].map((sender) => transactionOf({ sender, claim: sender, label: 5, cites: [9], gas: 50 - sender }))
    const behind = transactionOf({ sender: 3, claim: 3, cites: [9], gas: 1 })
    for (const transaction of [gate, first, second, behind]) cluster.submit(0, transaction as LibraryTransaction)
    cluster.run(200)
    expect(new Set(committedAt(cluster, 0))).toEqual(idsOf([gate, first as LibraryTransaction, behind]))
    expect(cluster.dropped(0)).toEqual([{ key: keyOf((second as LibraryTransaction).id), code: 'label-taken' }])
  })

  test('a verification that was stopped gives no verdict: the client may try again, and the second time it is admitted', () => {
    const verify: ClusterOptions['verify'] = (_node, job, attempt) => ({
      outcome: attempt === 1 ? { status: 'aborted', reason: 'the worker was killed' } : verdictOf(job.work.proof),
      afterMs: 2,
    })
    const cluster = new Cluster({ validators: 1, verify })
    const transaction = transactionOf({ claim: 1 })
    const first = cluster.submit(0, transaction)
    cluster.run(20)
    expect(cluster.answersTo(0, first)).toMatchObject([{ status: 'refused', refusal: { code: 'verification-aborted' } }])
    const second = cluster.submit(0, transaction)
    cluster.run(500)
    expect(statusOf(cluster.answersTo(0, second))).toEqual(['admitted'])
    expect(committedAt(cluster, 0)).toHaveLength(1)
  })
})

/** Validator 1 of four alone: the test plays the leader and the others, and answers its verifications when it likes. */
class Stage {
  readonly machine: LibraryMachine = createLibrary()
  readonly replica: Replica<LibraryState>
  readonly effects: ReplicaEffect[] = []
  readonly jobs: VerificationJob[] = []
  readonly #checker = createMessageChecker({ chainId: CHAIN_ID, validators: validatorSetOf(4), verifySignature: () => true })
  nowMs = 1_000

  constructor(
    limits: {
      mempool?: Partial<MempoolLimits>
      block?: Partial<BlockLimits>
      verdicts?: readonly { key: Hash; verdict: Verdict }[]
      sync?: SyncOptions
    } = {},
  ) {
    this.replica = createReplica({
      consensus: {
        chainId: CHAIN_ID,
        validators: validatorSetOf(4),
        self: validatorIndex(1),
        window: 4,
        clockDriftMs: 5_000,
        timers: { floorMs: 1_000, commitFactor: 4, allowanceMs: 200, capMs: 8_000, statusMs: 250, batchMs: 5 },
        sign: signAs(1),
      },
      durable: freshState(),
      application: this.machine,
      mempool: { ...MEMPOOL, ...limits.mempool },
      block: { ...BLOCK, ...limits.block },
      order: 'difficulty',
      verdicts: limits.verdicts ?? [],
      ...(limits.sync === undefined ? {} : { sync: limits.sync }),
    })
    this.step({ kind: 'start', nowMs: this.nowMs })
  }

  step(input: ReplicaInput): readonly ReplicaEffect[] {
    const effects = this.replica.step(input)
    this.effects.push(...effects)
    for (const effect of effects) if (effect.kind === 'verify') this.jobs.push(...effect.jobs)
    return effects
  }

  message(from: number, message: Message): readonly ReplicaEffect[] {
    const checked = this.#checker.check(message)
    if (!checked.ok) throw new Error(checked.error.message)
    return this.step({ kind: 'message', from: validatorIndex(from), message: checked.value, nowMs: this.nowMs })
  }

  /** A peer claims to be ahead, so that blocks are asked of it. */
  fetchFrom(peer: number): void {
    const unsigned = {
      kind: 'status' as const,
      epoch: 0 as never,
      view: view(0),
      phase: 'active' as const,
      committedHeight: height(9),
      slots: [],
      complaint: null,
      sender: validatorIndex(peer),
    }
    this.message(peer, { ...unsigned, signature: signAs(peer)(statusBytes(CHAIN_ID, unsigned)) })
    this.tick()
  }

  tick(): readonly ReplicaEffect[] {
    this.nowMs += 250
    return this.step({ kind: 'timer', timer: 'status', nowMs: this.nowMs })
  }

  propose(block: Block): readonly ReplicaEffect[] {
    const ballot = { kind: 'prepare' as const, epoch: 0 as never, view: view(0), height: block.header.height, blockHash: block.hash }
    return this.message(0, {
      kind: 'pre-prepare',
      epoch: ballot.epoch,
      view: ballot.view,
      block,
      sender: validatorIndex(0),
      signature: signAs(0)(ballotBytes(CHAIN_ID, ballot)),
    })
  }

  vote(sender: number, kind: VoteKind, block: Block): readonly ReplicaEffect[] {
    const ballot = { kind, epoch: 0 as never, view: view(0), height: block.header.height, blockHash: block.hash }
    return this.message(sender, {
      kind: 'vote',
      vote: { ...ballot, sender: validatorIndex(sender), signature: signAs(sender)(ballotBytes(CHAIN_ID, ballot)) },
    })
  }

  /** The three others commit. */
  certify(block: Block): void {
    for (const sender of [0, 2, 3]) this.vote(sender, 'commit', block)
  }

  answer(job: VerificationJob | undefined, outcome?: VerificationOutcome): readonly ReplicaEffect[] {
    if (job === undefined) throw new Error('no verification was asked for')
    return this.step({ kind: 'verified', key: job.work.key, outcome: outcome ?? verdictOf(job.work.proof), nowMs: this.nowMs })
  }

  votes(effects: readonly ReplicaEffect[] = this.effects): string[] {
    return effects.flatMap((effect) =>
      effect.kind === 'send' && effect.message.kind === 'vote' ? [`${effect.message.vote.kind} ${effect.message.vote.height}`] : [],
    )
  }

  events(name: string): number {
    return this.effects.filter((effect) => effect.kind === 'event' && effect.event.name === name).length
  }
}

interface Parent {
  readonly tip: CommittedTip
  readonly state: LibraryState
}

const GROUND: Parent = { tip: { height: height(0), hash: CHAIN_ID, timestampMs: 0 }, state: GENESIS }

function blockOf(
  parent: Parent,
  transactions: readonly LibraryTransaction[],
  options: { timestampMs?: number; totalDifficulty?: bigint } = {},
): Block & { readonly after: Parent } {
  const at = height(parent.tip.height + 1)
  const { state, stateRoot } = executes(createLibrary(), parent.state, at, transactions)
  const body = { transactions: transactions.map((transaction) => transaction.bytes), evidence: [], lastCertificate: null }
  const timestampMs = options.timestampMs ?? parent.tip.timestampMs + 10
  const gas = transactions.reduce((sum, { entry }) => sum + (entry.claim === null ? 0n : BigInt(entry.gas)), 0n)
  const { hash } = validatorSetOf(4)
  const header = {
    version: BLOCK_VERSION,
    chainId: CHAIN_ID,
    epoch: 0 as never,
    height: at,
    parent: parent.tip.hash,
    view: view(0),
    proposer: 0 as ValidatorIndex,
    timestampMs,
    transactionsRoot: transactionsRootOf(body.transactions),
    evidenceRoot: evidenceRootOf([]),
    lastCertificateHash: lastCertificateHashOf(null),
    stateRoot,
    validatorsHash: hash,
    nextValidatorsHash: hash,
    totalDifficulty: options.totalDifficulty ?? gas,
  }
  const block = createBlock(header, body)
  return { ...block, after: { tip: { height: at, hash: block.hash, timestampMs }, state } }
}

const plain = (sender: number, more: Partial<Entry> = {}): LibraryTransaction => transactionOf({ sender, ...more })

describe('a validator under a Byzantine leader', () => {
  test('a block whose proofs are still being checked may lose its parent to another block: the validator lives and follows', () => {
    const stage = new Stage()
    const lost = blockOf(GROUND, [plain(1)])
    const child = blockOf(lost.after, [plain(2, { claim: 2 })])
    const winner = blockOf(GROUND, [plain(3)])
    stage.propose(lost)
    stage.propose(child)
    expect(stage.jobs).toHaveLength(1)
    stage.certify(winner)
    stage.message(2, { kind: 'block', block: winner })
    expect(stage.replica.committed).toMatchObject({ height: 1, hash: winner.hash })
    stage.answer(stage.jobs[0])
    expect(stage.votes()).toEqual(['prepare 1'])
    stage.tick()
    expect(stage.replica.committed.hash).toEqual(winner.hash)
  })

  test('two blocks of one height wait for the same proof: committing one forgets the other', () => {
    const stage = new Stage()
    const shared = plain(1, { claim: 1 })
    const winner = blockOf(GROUND, [shared], { timestampMs: 20 })
    const loser = blockOf(GROUND, [shared], { timestampMs: 30 })
    stage.certify(winner)
    stage.message(2, { kind: 'block', block: winner })
    stage.propose(loser)
    expect(stage.jobs).toHaveLength(1)
    stage.answer(stage.jobs[0])
    expect(stage.replica.committed.hash).toEqual(winner.hash)
    stage.tick()
    expect(stage.jobs).toHaveLength(1)
  })

  test('E7: a proof of the block that does not verify: no vote, and a view change', () => {
    const stage = new Stage()
    stage.propose(blockOf(GROUND, [plain(1, { claim: 1, isValid: false })]))
    const effects = stage.answer(stage.jobs[0])
    expect(stage.votes()).toEqual([])
    expect(effects.some((effect) => effect.kind === 'send' && effect.message.kind === 'view-change')).toBe(true)
    expect(stage.events('block-invalid')).toBe(1)
  })

  test('G4, E7: a stopped verification: the validator abstains, says so, tries again at the next tick, and then votes', () => {
    const stage = new Stage()
    stage.propose(blockOf(GROUND, [plain(1, { claim: 1 })]))
    stage.answer(stage.jobs[0], { status: 'aborted', reason: 'out of memory' })
    expect(stage.votes()).toEqual([])
    expect(stage.events('verification-aborted')).toBe(1)
    expect(stage.replica.position.phase).toBe('active')
    stage.tick()
    expect(stage.jobs).toHaveLength(2)
    stage.answer(stage.jobs[1])
    expect(stage.votes()).toEqual(['prepare 1'])
  })

  test('a proof that admission waits for and a block needs is asked for once, and hastened', () => {
    const stage = new Stage()
    const wanted = plain(1, { claim: 1 })
    stage.step({ kind: 'transactions', from: validatorIndex(2), transactions: [wanted], nowMs: stage.nowMs })
    expect(stage.jobs.map(({ priority }) => priority)).toEqual(['mempool'])
    const effects = stage.propose(blockOf(GROUND, [wanted]))
    expect(stage.jobs).toHaveLength(1)
    expect(effects.filter(({ kind }) => kind === 'hasten-verification')).toEqual([
      { kind: 'hasten-verification', keys: [stage.jobs[0]?.work.key] },
    ])
    stage.answer(stage.jobs[0])
    expect(stage.votes()).toEqual(['prepare 1'])
  })

  test('verdicts from before a restart are not asked for again: valid ones are voted on, invalid ones refused', () => {
    const [good, bad] = [plain(1, { claim: 1 }), plain(2, { claim: 2, isValid: false })]
    const before = new Stage()
    for (const transaction of [good, bad])
      before.step({ kind: 'transactions', from: validatorIndex(2), transactions: [transaction], nowMs: before.nowMs })
    const verdicts = before.jobs.map(({ work }) => ({ key: work.key, verdict: verdictOf(work.proof) as Verdict }))
    expect(verdicts.map(({ verdict }) => verdict.status)).toEqual(['valid', 'invalid'])
    const after = new Stage({ verdicts })
    after.propose(blockOf(GROUND, [good]))
    expect(after.votes()).toEqual(['prepare 1'])
    after.step({ kind: 'transactions', from: validatorIndex(2), transactions: [bad], nowMs: after.nowMs })
    expect(after.events('proof-refused')).toBe(1)
    expect(after.jobs).toEqual([])
  })

  test('another proof of a claim that is final now need not be checked', () => {
    const stage = new Stage()
    const [winner, rival] = [plain(1, { claim: 1 }), plain(2, { claim: 1, gas: 5 })]
    for (const transaction of [winner, rival])
      stage.step({ kind: 'transactions', from: validatorIndex(2), transactions: [transaction], nowMs: stage.nowMs })
    const [first, second] = stage.jobs
    const block = blockOf(GROUND, [winner])
    stage.propose(block)
    stage.answer(first)
    stage.certify(block)
    expect(stage.replica.committed.height).toBe(1)
    expect(stage.effects.filter(({ kind }) => kind === 'cancel-verification')).toEqual([
      { kind: 'cancel-verification', keys: [second?.work.key] },
    ])
    stage.answer(second) // it was under way already: no harm
    expect(stage.replica.transactionStatus(rival.id)).not.toBe('pending')
  })

  test('when a block is validated again, only what has no verdict yet is verified again', () => {
    const stage = new Stage()
    stage.propose(blockOf(GROUND, [plain(1, { claim: 1 }), plain(2, { claim: 2 })]))
    stage.answer(stage.jobs[0])
    stage.answer(stage.jobs[1], { status: 'aborted', reason: 'out of memory' })
    stage.tick()
    expect(stage.jobs.map((job) => job.work.claim[3])).toEqual([1, 2, 2])
    stage.answer(stage.jobs[2])
    expect(stage.votes()).toEqual(['prepare 1'])
  })

  test('E6, S12: more gas than a block may hold is refused before anything is verified; a wrong total after', () => {
    const greedy = new Stage({ block: { gas: 100 } })
    greedy.propose(blockOf(GROUND, [plain(1, { claim: 1, gas: 101 })]))
    expect(greedy.jobs).toHaveLength(0)
    expect(greedy.events('block-invalid')).toBe(1)
    const liar = new Stage({ block: { gas: 100 } })
    liar.propose(blockOf(GROUND, [plain(1, { claim: 1, gas: 101 })], { totalDifficulty: 50n }))
    liar.answer(liar.jobs[0])
    expect(liar.votes()).toEqual([])
    expect(liar.events('block-invalid')).toBe(1)
  })

  test('a proof that was verified for the mempool is not verified for the block, nor the other way round', () => {
    const stage = new Stage()
    const [pooled, unseen] = [plain(1, { claim: 1 }), plain(2, { claim: 2 })]
    stage.step({ kind: 'transactions', from: validatorIndex(2), transactions: [pooled], nowMs: stage.nowMs })
    stage.answer(stage.jobs[0])
    stage.propose(blockOf(GROUND, [pooled, unseen]))
    expect(stage.jobs).toHaveLength(2)
    stage.step({ kind: 'submit', request: 7, transaction: unseen, nowMs: stage.nowMs })
    expect(stage.jobs).toHaveLength(2)
    const effects = stage.answer(stage.jobs[1])
    expect(stage.votes()).toEqual(['prepare 1'])
    expect(effects).toContainEqual({ kind: 'admission', request: 7, admission: { status: 'admitted', id: unseen.id } })
  })

  test('a client whose transaction is committed while it waits for a citation is told that it is in, never that it was dropped', () => {
    const stage = new Stage()
    const [cited, heir] = [plain(1, { claim: 1 }), plain(2, { claim: 2, cites: [1] })]
    stage.step({ kind: 'submit', request: 1, transaction: heir, nowMs: stage.nowMs })
    const block = blockOf(GROUND, [cited, heir])
    stage.propose(block)
    for (const job of [...stage.jobs]) stage.answer(job)
    stage.certify(block)
    expect(stage.replica.committed.height).toBe(1)
    expect(stage.effects.filter((effect) => effect.kind === 'dropped')).toEqual([])
    expect(stage.effects.flatMap((effect) => (effect.kind === 'admission' ? [effect.admission.status] : []))).toEqual(['waiting'])
    expect(stage.replica.inspect()).toMatchObject({ unverified: 0, pooled: 0 })
  })

  test('G4: a late or repeated verdict, and one that nobody asked for, changes nothing', () => {
    const stage = new Stage()
    const block = blockOf(GROUND, [plain(1, { claim: 1 })])
    stage.propose(block)
    for (const outcome of [
      { status: 'aborted' as const, reason: 'late' },
      { status: 'valid' as const, gas: 1 },
    ])
      expect(stage.step({ kind: 'verified', key: ZERO_HASH, outcome, nowMs: stage.nowMs })).toEqual([])
    expect(stage.votes()).toEqual([])
    stage.answer(stage.jobs[0])
    expect(stage.votes()).toEqual(['prepare 1'])
    stage.certify(block)
    const before = stage.replica.inspect()
    expect(stage.answer(stage.jobs[0])).toEqual([])
    expect(stage.step({ kind: 'verified', key: ZERO_HASH, outcome: { status: 'aborted', reason: 'late' }, nowMs: stage.nowMs })).toEqual([])
    expect(stage.replica.inspect()).toEqual(before)
  })
})

describe('certified verdicts', () => {
  const item = plain(1, { claim: 1, gas: 30 })
  const served = (stage: Stage, gas: number): readonly ReplicaEffect[] => {
    const block = blockOf(GROUND, [item])
    const ballot = { kind: 'commit' as const, epoch: 0 as never, view: view(0), height: block.header.height, blockHash: block.hash }
    const votes = [0, 2, 3].map((sender) => ({
      ...ballot,
      sender: validatorIndex(sender),
      signature: signAs(sender)(ballotBytes(CHAIN_ID, ballot)),
    }))
    stage.fetchFrom(0)
    return stage.message(0, {
      kind: 'blocks',
      blocks: [block],
      links: [],
      certificate: assembleCertificate(ballot, 4, votes),
      gas: [[gas]],
    })
  }

  test('off, as they are unless somebody says otherwise: every proof is verified here, whoever has certified it', () => {
    const stage = new Stage()
    served(stage, 30)
    expect(stage.jobs).toHaveLength(1)
    expect(stage.replica.committed.height).toBe(0)
    stage.answer(stage.jobs[0])
    expect(stage.replica.committed.height).toBe(1)
  })

  test('accepted: no proof is verified, and the state root is compared', () => {
    const stage = new Stage({ sync: { trustCertificates: true } })
    served(stage, 30)
    expect(stage.jobs).toEqual([])
    expect(stage.replica.committed.height).toBe(1)
    expect(stage.events('verdicts-trusted')).toBe(1)
  })

  test('E4: a peer that names another gas than was found makes the block be verified, and nothing worse', () => {
    const stage = new Stage({ sync: { trustCertificates: true } })
    served(stage, 31)
    expect(stage.events('verdicts-doubted')).toBe(1)
    expect(stage.replica.committed.height).toBe(0)
    stage.answer(stage.jobs[0])
    expect(stage.replica.committed.height).toBe(1)
  })

  test('are for committed blocks: a proposal is verified as ever', () => {
    const stage = new Stage({ sync: { trustCertificates: true } })
    stage.propose(blockOf(GROUND, [item]))
    expect(stage.jobs).toHaveLength(1)
    expect(stage.votes()).toEqual([])
  })
})

describe('when the mempool is full', () => {
  test('the lowest goes, is reported, and is neither ordered nor remembered', () => {
    const stage = new Stage({ mempool: { transactions: 2 } })
    const items = [1, 2, 3].map((sender) => plain(sender, { claim: sender, gas: sender * 10, nonce: 5 }))
    for (const [index, transaction] of items.entries()) {
      stage.step({ kind: 'submit', request: index, transaction, nowMs: stage.nowMs })
      stage.answer(stage.jobs[index])
    }
    const [lowest] = items as [LibraryTransaction]
    expect(stage.effects.filter((effect) => effect.kind === 'dropped')).toMatchObject([{ id: lowest.id, refusal: { code: 'evicted' } }])
    expect(stage.replica.transactionStatus(lowest.id)).toBe('unknown')
    expect(stage.replica.inspect().pooled).toBe(2)
  })
})
