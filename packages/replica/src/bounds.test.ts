/** docs/protocol.md §13, mempool and evidence, from the attacker's side: flooded with far more than is allowed, counted in pieces and bytes. */
import { epoch, type Hash, height, keyOf, type Signature, type ValidatorIndex, ZERO_HASH } from '@aethel/codec'
import {
  type Block,
  ballotBytes,
  createBlock,
  encodeEvidence,
  evidenceRootOf,
  transactionPath,
  transactionsRootOf,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { keptBytes } from '../../consensus/test/memory.js'
import { BLOCK, CHAIN_ID, Cluster, type ClusterNode, MEMPOOL, signAs, validatorSetOf } from '../test/cluster.js'
import { claimIdOf, type Entry, transactionOf } from '../test/library.js'

const SET = validatorSetOf(4)
const ATTACKER = 3 as ValidatorIndex
const MIB = 1 << 20
/** Compiled code, caches of the runtime. */
const NOISE_BYTES = 2 * MIB
/** A transaction beside its bytes: decoded fields, and its places in the indexes of the pool and the scheduler. */
const PLACE_BYTES = 4_096
const FOREVER_MS = 1e12
/** Between two ticks here. */
const STATUS_MS = 250

/** Nobody's verification ends before the test does, unless it says so. */
function cluster(options: ConstructorParameters<typeof Cluster>[0] = {}): { cluster: Cluster; node: ClusterNode } {
  const made = new Cluster({ isCut: () => true, ...options })
  return { cluster: made, node: made.node(1) }
}

const never: NonNullable<ConstructorParameters<typeof Cluster>[0]>['verify'] = () => ({
  outcome: { status: 'aborted', reason: 'too late' },
  afterMs: FOREVER_MS,
})

function gossip(made: Cluster, node: ClusterNode, ...entries: readonly Partial<Entry>[]): void {
  made.step(node, { kind: 'transactions', from: ATTACKER, transactions: entries.map(transactionOf), nowMs: made.nowMs })
}

describe('the mempool under a flood', () => {
  it('mempool per sender: one account holds its quota, waiting and verified together', () => {
    const { cluster: made, node } = cluster()
    for (let nonce = 0; nonce < 3_000; nonce++) gossip(made, node, { sender: 1, nonce, claim: nonce })
    made.run(1_000)
    const { pooled, unverified } = node.replica.inspect()
    expect(pooled + unverified).toBe(MEMPOOL.perSender)
  })

  it('mempool count: as many verified, and as many not yet, as the limits say', () => {
    const { cluster: made, node } = cluster({ verify: never, mempool: { transactions: 1_000 } })
    const kept = keptBytes(() => {
      for (let sender = 0; sender < 5_000; sender++) gossip(made, node, { sender, claim: sender })
    })
    expect(node.replica.inspect().unverified).toBe(1_000)
    expect(kept).toBeLessThan(1_000 * PLACE_BYTES + NOISE_BYTES)
    const { cluster: other, node: verified } = cluster({ mempool: { transactions: 1_000 } })
    for (let sender = 0; sender < 5_000; sender++) gossip(other, verified, { sender })
    expect(verified.replica.inspect().pooled).toBeLessThanOrEqual(1_000)
  })

  it('mempool bytes: verified ones within the limit, with those not yet verified within twice the limit', () => {
    const padding = BLOCK.bytes - 200
    const { cluster: made, node } = cluster({ verify: never })
    const kept = keptBytes(() => {
      for (let sender = 0; sender < 1_000; sender++) gossip(made, node, { sender, claim: sender, padding })
    })
    expect(node.replica.inspect().unverified).toBeGreaterThan(100)
    expect(kept).toBeLessThan(2 * MEMPOOL.bytes + NOISE_BYTES)
    const { cluster: other, node: verified } = cluster()
    for (let sender = 0; sender < 1_000; sender++) gossip(other, verified, { sender, padding })
    expect(verified.replica.inspect().poolBytes).toBeLessThanOrEqual(MEMPOOL.bytes)
    expect(verified.replica.inspect().poolBytes).toBeGreaterThan(MEMPOOL.bytes - 2 * padding)
  })

  it('waiting for a citation: 64 here, whatever more is sent', () => {
    const { cluster: made, node } = cluster()
    for (let sender = 0; sender < 1_000; sender++) gossip(made, node, { sender, claim: sender, cites: [900_000 + sender] })
    expect(node.replica.inspect().unverified).toBe(MEMPOOL.waiting)
  })

  it('E1: who waits for citations that never come takes a quarter of the room, and leaves the rest to others', () => {
    const { cluster: made, node } = cluster({ mempool: { waiting: 1_000 } })
    const padding = BLOCK.bytes - 400
    for (let sender = 0; sender < 1_000; sender++) gossip(made, node, { sender, claim: sender, cites: [900_000 + sender], padding })
    const waiting = node.replica.inspect().unverified
    expect(waiting).toBeGreaterThan(10)
    expect(waiting * padding).toBeLessThan(MEMPOOL.bytes / 4)
    const request = made.submit(1, transactionOf({ sender: 2_000, claim: 2_000, padding }))
    made.run(100)
    expect(made.answersTo(1, request)).toMatchObject([{ status: 'admitted' }])
  })

  it('E1: a long list of citations that become known one by one is not gone through from its beginning each time', () => {
    const { cluster: made, node } = cluster({ mempool: { waiting: 1_000 } })
    const long = transactionOf({ sender: 2_000, claim: 2_000 })
    const cites = Array.from({ length: 500 }, (_, claim) => keyOf(claimIdOf(claim)))
    const transaction = { ...long, work: long.work === null ? null : { ...long.work, cites } }
    let asked = 0
    const { statementOf } = node.machine
    const watched: typeof statementOf = (state, key) => {
      asked++
      return statementOf(state, key)
    }
    Object.assign(node.machine, { statementOf: watched })
    made.step(node, { kind: 'transactions', from: ATTACKER, transactions: [transaction], nowMs: made.nowMs })
    for (let claim = 0; claim < 500; claim++) gossip(made, node, { sender: claim, claim })
    expect(asked).toBeGreaterThan(500)
    expect(asked).toBeLessThan(5_000)
    made.run(100)
    expect(node.replica.inspect()).toMatchObject({ pooled: 501, unverified: 0 })
  })

  it('E1: who waits for a citation is looked at again in turn, some thousand citations at a tick, and nobody is passed over', () => {
    const { cluster: made, node } = cluster({ mempool: { waiting: 1_000 } })
    const cited = (sender: number): number[] => Array.from({ length: 64 }, (_, n) => 900_000 + 64 * sender + n)
    for (let sender = 0; sender < 1_000; sender++) gossip(made, node, { sender, claim: sender, cites: cited(sender) })
    expect(node.replica.inspect().unverified).toBe(1_000)
    let [looked, isOver] = [0, false]
    const seen = new Set<string>()
    const { readiness } = node.machine
    const watched: typeof readiness = (state, transaction, context) => {
      looked += transaction.work?.cites.length ?? 0
      seen.add(transaction.idKey)
      return isOver ? { status: 'never', code: 'expired', message: 'too late' } : readiness(state, transaction, context)
    }
    Object.assign(node.machine, { readiness: watched })
    made.run(STATUS_MS)
    expect(looked).toBeGreaterThan(0)
    expect(looked).toBeLessThan(20_000)
    made.run(7 * STATUS_MS)
    expect(seen.size).toBe(1_000)
    isOver = true
    made.run(8 * STATUS_MS)
    expect(node.replica.inspect().unverified).toBe(0)
  })

  it('verdicts remembered: false proofs without end leave as many as the cache holds', () => {
    const { cluster: made, node } = cluster({ mempool: { verdicts: 500 } })
    for (let sender = 0; sender < 2_000; sender++) gossip(made, node, { sender, claim: sender, isValid: false })
    made.run(10_000)
    expect(node.replica.inspect().unverified).toBe(0)
    expect(node.replica.inspect().verdicts).toBeLessThanOrEqual(500)
  })
})

describe('evidence under a flood', () => {
  /** A block of its own for each `name`, with one false proof, and the attacker's vote for it. */
  function accusation(name: number): Uint8Array {
    const { bytes } = transactionOf({ claim: name, isValid: false })
    const header = {
      version: 1,
      chainId: CHAIN_ID,
      epoch: epoch(0),
      height: height(1 + (name % 100)),
      parent: CHAIN_ID,
      view: 0 as never,
      proposer: 0 as ValidatorIndex,
      timestampMs: name,
      transactionsRoot: transactionsRootOf([bytes]),
      evidenceRoot: evidenceRootOf([]),
      lastCertificateHash: ZERO_HASH,
      stateRoot: ZERO_HASH,
      validatorsHash: SET.hash,
      nextValidatorsHash: SET.hash,
      totalDifficulty: 1n,
    }
    const block: Block = createBlock(header, { transactions: [bytes], evidence: [], lastCertificate: null })
    const ballot = {
      kind: 'prepare' as const,
      epoch: epoch(0),
      view: Math.floor(name / 100) as never,
      height: header.height,
      blockHash: block.hash,
    }
    const vote = { ...ballot, sender: ATTACKER, signature: signAs(ATTACKER)(ballotBytes(CHAIN_ID, ballot)) as Signature }
    const path = transactionPath(block.body.transactions, 0)
    return encodeEvidence(CHAIN_ID, { type: 'invalid-verification', vote, header: block.header, transaction: bytes, path })
  }

  it('evidence whose proof is being checked: 64 pieces, and so many verifications', () => {
    const { cluster: made, node } = cluster({ verify: never })
    for (let name = 0; name < 500; name++) {
      const message = { kind: 'evidence' as const, evidence: accusation(name) }
      made.step(node, { kind: 'message', from: ATTACKER, message: message as never, nowMs: made.nowMs })
    }
    const asked = node.effects.reduce((sum, effect) => sum + (effect.kind === 'verify' ? effect.jobs.length : 0), 0)
    expect(asked).toBe(64)
  })

  it('evidence held: 32 pieces of one offender, whatever kinds it confesses', () => {
    const { cluster: made, node } = cluster()
    for (let name = 0; name < 200; name++) {
      const message = { kind: 'evidence' as const, evidence: accusation(name) }
      made.step(node, { kind: 'message', from: ATTACKER, message: message as never, nowMs: made.nowMs })
      made.run(20)
    }
    const held = node.replica.evidence()
    expect(held.length).toBe(32)
    const other: Hash = hashTagged('test/other', ZERO_HASH)
    expect(held.every(({ bytes }) => bytes.length < 1 * MIB && other.length === 32)).toBe(true)
  })
})
