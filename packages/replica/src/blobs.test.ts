/** Replicas whose transactions refer to blobs: what is voted for, ordered and asked for (docs/protocol.md §9). */
import {
  EMPTY_BYTES,
  epoch,
  type Hash,
  type Height,
  height,
  keyOf,
  ok,
  type Signature,
  utf8,
  type ValidatorIndex,
  validatorIndex,
  view,
} from '@aethel/codec'
import {
  BLOCK_VERSION,
  type BlobRef,
  blobKey,
  blobRefOf,
  blobTreeOf,
  createBlock,
  createMessageChecker,
  evidenceRootOf,
  type Header,
  lastCertificateHashOf,
  MAX_BLOBS_TOLD,
  type Message,
  transactionsRootOf,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { keptBytes } from '../../consensus/test/memory.js'
import { BLOCK, CHAIN_ID, freshState, MEMPOOL, signAs, validatorSetOf } from '../test/cluster.js'
import { type Application, type Transaction, transactionIdOf } from './application.js'
import { ReplicaBlobs } from './blobs.js'
import type { BlobEffect, Replica, ReplicaEffect, ReplicaInput } from './interface.js'
import { createReplica } from './replica.js'
import type { Verdict } from './verdicts.js'

const CHUNK = 16
type State = number

/** A transaction is a name and a length of its blob; the state counts them. */
function transactionOf(name: string, bytes: number): { transaction: Transaction; blob: BlobRef; content: Uint8Array } {
  const content = new Uint8Array(bytes).fill(name.charCodeAt(0))
  const blob = blobRefOf(content, CHUNK)
  return { transaction: decoded(utf8(`${name}/${bytes}`)), blob, content }
}

function decoded(bytes: Uint8Array): Transaction {
  const [name = '', length = '0'] = new TextDecoder().decode(bytes).split('/')
  const blob = blobRefOf(new Uint8Array(Number(length)).fill(name.charCodeAt(0)), CHUNK)
  const id = transactionIdOf(bytes)
  const work = { key: id, kind: 'blob/1', claim: bytes, proof: EMPTY_BYTES, blob, claimId: id, cites: [] }
  return { id, idKey: keyOf(id), bytes, sender: name, nonce: 0, gasLimit: 1_000, work }
}

const rootOf = (state: State): Hash => hashTagged('test/blobs', Uint8Array.of(state))
/** `idKey`s of what no state takes any more. */
const impossible = new Set<string>()
const application: Application<State> = {
  initial: { state: 0, stateRoot: rootOf(0) },
  decode: (bytes) => ok(decoded(bytes)),
  readiness: (_state, { idKey }) =>
    impossible.has(idKey) ? { status: 'never', code: 'expired', message: 'too late' } : { status: 'ready' },
  statementOf: () => undefined,
  offenceRefusal: () => null,
  execute: (parent, _context, transactions) => {
    const state = parent + transactions.length
    return ok({ state, stateRoot: rootOf(state) })
  },
  writes: () => ({ puts: [], deletes: [] }),
}

interface Node {
  readonly index: ValidatorIndex
  readonly replica: Replica<State>
  readonly effects: ReplicaEffect[]
  /** Blobs on its disk. */
  readonly disk: Set<string>
  /** What it has not been answered yet. */
  readonly asked: BlobRef[]
}

/** Four replicas without a clock of their own: time passes when a test says so, and messages arrive at once, but to who is cut off. */
class Bench {
  readonly nodes: Node[] = []
  readonly contents = new Map<string, Uint8Array>()
  readonly cut = new Set<number>()
  /** Their disks are full. */
  readonly full = new Set<number>()
  #queue: (() => void)[] = []
  nowMs = 1_000
  readonly checker = createMessageChecker({ chainId: CHAIN_ID, validators: validatorSetOf(4), verifySignature: () => true })

  constructor(verdicts: readonly { key: Hash; verdict: Verdict }[] = []) {
    for (let index = 0; index < 4; index++) {
      const replica = createReplica<State>({
        consensus: {
          chainId: CHAIN_ID,
          validators: validatorSetOf(4),
          self: validatorIndex(index),
          window: 4,
          clockDriftMs: 5_000,
          timers: { floorMs: 100_000, commitFactor: 4, allowanceMs: 200, capMs: 800_000, statusMs: 250, batchMs: 5 },
          sign: signAs(index),
        },
        durable: freshState(),
        application,
        mempool: MEMPOOL,
        block: { ...BLOCK, blobBytes: 400 },
        order: 'difficulty',
        verdicts,
        blobs: { chunkBytes: CHUNK, pendingBytes: 1_000, keepBlocks: 2, keepBytes: null, held: [] },
      })
      this.nodes.push({ index: validatorIndex(index), replica, effects: [], disk: new Set(), asked: [] })
    }
    for (const node of this.nodes) this.step(node, { kind: 'start', nowMs: this.nowMs })
    this.settle()
  }

  node(index: number): Node {
    return this.nodes[index] as Node
  }

  step(node: Node, input: ReplicaInput): void {
    for (const effect of node.replica.step(input)) {
      node.effects.push(effect)
      this.#carryOut(node, effect)
    }
  }

  #carryOut(node: Node, effect: ReplicaEffect): void {
    const toAll = (to: ValidatorIndex | 'all', input: (other: Node) => ReplicaInput): void => {
      for (const other of this.nodes) {
        if (other === node || (to !== 'all' && other.index !== to) || this.cut.has(other.index) || this.cut.has(node.index)) continue
        this.#queue.push(() => this.step(other, input(other)))
      }
    }
    switch (effect.kind) {
      case 'send':
        return this.#send(node, effect.to, effect.message, toAll)
      case 'gossip':
        return toAll(effect.to, () => ({ kind: 'transactions', from: node.index, transactions: effect.transactions, nowMs: this.nowMs }))
      case 'verify':
        for (const { work } of effect.jobs)
          this.#queue.push(() =>
            this.step(node, { kind: 'verified', key: work.key, outcome: { status: 'valid', gas: 10 }, nowMs: this.nowMs }),
          )
        return
      case 'blob-open':
        this.#queue.push(() => this.#open(node, effect.blob))
        return
      case 'blob-seal':
        node.disk.add(blobKey(effect.blob))
        this.#queue.push(() => this.#open(node, effect.blob))
        return
      case 'blob-serve': {
        const content = this.contents.get(blobKey(effect.blob)) as Uint8Array
        const { index } = effect
        const chunk = content.subarray(index * CHUNK, (index + 1) * CHUNK)
        const part = { index, chunk, path: blobTreeOf(content, CHUNK).path(index) }
        return this.#send(node, effect.to, { kind: 'blob-part', blob: effect.blob, part }, toAll)
      }
      case 'blob-drop':
        node.disk.delete(blobKey(effect.blob))
        return
      default:
        return
    }
  }

  #send(
    node: Node,
    to: ValidatorIndex | 'all',
    message: Message,
    toAll: (to: ValidatorIndex | 'all', input: (other: Node) => ReplicaInput) => void,
  ): void {
    const checked = this.checker.check(message)
    if (!checked.ok) throw new Error(checked.error.message)
    toAll(to, () => ({ kind: 'message', from: node.index, message: checked.value, nowMs: this.nowMs }))
  }

  #open(node: Node, blob: BlobRef): void {
    if (this.full.has(node.index)) {
      const refusal = { code: 'blob-disk', message: 'no space left on device' }
      return this.step(node, { kind: 'blob-refused', blob, refusal, nowMs: this.nowMs })
    }
    const chunks = Math.ceil(blob.bytes / CHUNK)
    const missing = node.disk.has(blobKey(blob)) ? [] : Array.from({ length: chunks }, (_, index) => index)
    this.step(node, { kind: 'blob-opened', blob, missing, nowMs: this.nowMs })
  }

  settle(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next()
  }

  tick(times = 1): void {
    for (let i = 0; i < times; i++) {
      this.nowMs += 250
      for (const timer of ['batch', 'status'] as const)
        for (const node of this.nodes) if (!this.cut.has(node.index)) this.step(node, { kind: 'timer', timer, nowMs: this.nowMs })
      this.settle()
    }
  }

  /** A client uploads the blob here, and submits. */
  submit(index: number, name: string, bytes = 50): { transaction: Transaction; blob: BlobRef } {
    const made = transactionOf(name, bytes)
    this.contents.set(blobKey(made.blob), made.content)
    this.node(index).disk.add(blobKey(made.blob))
    this.step(this.node(index), { kind: 'submit', request: 1, transaction: made.transaction, nowMs: this.nowMs })
    this.settle()
    return made
  }

  /** By validator 0, who leads view 0. */
  proposalOf({ bytes }: Transaction): ReplicaInput {
    const { hash: validatorsHash } = validatorSetOf(4)
    const body = { transactions: [bytes], evidence: [], lastCertificate: null }
    const header: Header = {
      version: BLOCK_VERSION,
      chainId: CHAIN_ID,
      epoch: epoch(0),
      height: height(1),
      parent: this.node(0).replica.committed.hash,
      view: view(0),
      proposer: validatorIndex(0),
      timestampMs: this.nowMs,
      transactionsRoot: transactionsRootOf(body.transactions),
      evidenceRoot: evidenceRootOf([]),
      lastCertificateHash: lastCertificateHashOf(null),
      stateRoot: rootOf(1),
      validatorsHash,
      nextValidatorsHash: validatorsHash,
      totalDifficulty: 10n,
    }
    const signature = new Uint8Array(64) as Signature
    const named = { epoch: header.epoch, view: header.view, sender: header.proposer, signature }
    const checked = this.checker.check({ kind: 'pre-prepare', ...named, block: createBlock(header, body) })
    if (!checked.ok) throw new Error(checked.error.message)
    return { kind: 'message', from: header.proposer, message: checked.value, nowMs: this.nowMs }
  }

  votesOf(index: number): number {
    return this.node(index).effects.filter(
      (effect) => effect.kind === 'send' && (effect.message.kind === 'vote' || effect.message.kind === 'pre-prepare'),
    ).length
  }

  get heights(): number[] {
    return this.nodes.map(({ replica }) => replica.committed.height)
  }
}

describe('transactions whose proofs are blobs', () => {
  it('a blob that one validator has is fetched by all, and the block is final everywhere', () => {
    const bench = new Bench()
    const { blob } = bench.submit(1, 'a')
    bench.tick(6)
    expect(bench.heights).toEqual([1, 1, 1, 1])
    for (const { disk } of bench.nodes) expect(disk.has(blobKey(blob))).toBe(true)
  })

  it('nothing is ordered before a quorum has its blob', () => {
    const bench = new Bench()
    bench.cut.add(2)
    bench.cut.add(3)
    const { transaction } = bench.submit(0, 'a')
    bench.tick(10)
    expect(bench.node(1).disk.size).toBe(1)
    expect(bench.node(0).replica.transactionStatus(transaction.id)).toBe('waiting')
    expect([bench.votesOf(0), bench.votesOf(1)]).toEqual([0, 0])
    bench.cut.clear()
    bench.tick(12)
    expect(bench.heights).toEqual([1, 1, 1, 1])
  })

  it('E7: a remembered verdict is no blob: without it nobody votes, and the others go on', () => {
    const made = transactionOf('a', 50)
    const bench = new Bench([{ key: made.transaction.id, verdict: { status: 'valid', gas: 10 } }])
    // Validator 3 hears proposals and no blobs: its verdict is from before a restart that took its blobs.
    const node = bench.node(3)
    const deaf = node.replica.wants.bind(node.replica)
    expect(deaf(validatorIndex(0), { kind: 'blob-absent', blob: made.blob })).toBe(false)
    const step = bench.step.bind(bench)
    bench.step = (to, input) => {
      if (to.index === 3 && input.kind === 'message' && input.message.kind === 'blob-part') return
      step(to, input)
    }
    bench.submit(0, 'a')
    bench.tick(6)
    expect(bench.heights.slice(0, 3)).toEqual([1, 1, 1])
    expect([bench.votesOf(3), bench.heights[3]]).toEqual([0, 0])
    expect(node.effects.some((effect) => effect.kind === 'event' && effect.event.name === 'block-awaits-blobs')).toBe(true)
    bench.step = step
    bench.tick(30)
    expect(bench.heights).toEqual([1, 1, 1, 1])
  })

  it('E7: whose disk had no room for the blob of a block tries again, and is with the others when there is room', () => {
    const bench = new Bench()
    bench.full.add(3)
    bench.submit(0, 'a')
    bench.tick(12)
    expect(bench.heights).toEqual([1, 1, 1, 0])
    bench.full.clear()
    bench.tick(12)
    expect(bench.heights).toEqual([1, 1, 1, 1])
  })

  it('E1: a blob that a leader proposes and nobody has is let go like any other when its view is over, and keeps no place', () => {
    const bench = new Bench()
    const { transaction } = transactionOf('z', 64)
    const others = [1, 2, 3].map((index) => bench.node(index))
    bench.cut.add(0)
    for (const node of others)
      bench.step(node, { kind: 'transactions', from: validatorIndex(0), transactions: [transaction], nowMs: bench.nowMs })
    bench.settle()
    for (const node of others) bench.step(node, bench.proposalOf(transaction))
    bench.settle()
    for (const node of others) bench.step(node, { kind: 'timer', timer: 'view', nowMs: bench.nowMs })
    bench.settle()
    expect(others.map(({ replica }) => [replica.position.view, replica.inspect().unverified])).toEqual(Array(3).fill([1, 1]))
    bench.tick(130)
    expect(others.map(({ replica }) => [replica.inspect().unverified, replica.inspect().blobs.length])).toEqual(Array(3).fill([0, 0]))
  })

  it('a blob that nobody serves lets its transaction go after a minute, and says so', () => {
    const bench = new Bench()
    const { transaction } = transactionOf('z', 64)
    bench.step(bench.node(0), { kind: 'submit', request: 7, transaction, nowMs: bench.nowMs })
    bench.settle()
    bench.tick(130)
    const answers = bench.node(0).effects.flatMap((effect) => (effect.kind === 'admission' ? [effect.admission] : []))
    expect(answers).toEqual([
      expect.objectContaining({ status: 'refused', refusal: expect.objectContaining({ code: 'blob-unavailable' }) }),
    ])
  })

  it('D9: a blob that is uploaded after its transaction came is not waited for any longer: the transaction goes on at once, everywhere', () => {
    const bench = new Bench()
    const { transaction, content, blob } = transactionOf('a', 50)
    bench.step(bench.node(1), { kind: 'submit', request: 7, transaction, nowMs: bench.nowMs })
    bench.tick(2)
    expect(bench.heights).toEqual([0, 0, 0, 0])
    bench.contents.set(blobKey(blob), content)
    bench.node(1).disk.add(blobKey(blob))
    bench.step(bench.node(1), { kind: 'blob-opened', blob, missing: [], nowMs: bench.nowMs })
    bench.settle()
    bench.tick(6)
    expect(bench.heights).toEqual([1, 1, 1, 1])
  })

  it('E1: whoever waits for a quorum to have its blob, or for the blob, is let go when it has become impossible, and so is the blob', () => {
    const bench = new Bench()
    for (const index of [1, 2, 3]) bench.cut.add(index)
    const checked = bench.submit(0, 'a')
    const awaited = transactionOf('z', 64)
    bench.step(bench.node(0), { kind: 'submit', request: 2, transaction: awaited.transaction, nowMs: bench.nowMs })
    bench.settle()
    bench.tick(2)
    expect(bench.node(0).replica.inspect().unverified).toBe(2)
    for (const { transaction } of [checked, awaited]) impossible.add(transaction.idKey)
    bench.tick(2)
    impossible.clear()
    const { replica, effects } = bench.node(0)
    expect(replica.inspect().unverified).toBe(0)
    expect([checked, awaited].map(({ blob }) => replica.needsBlob(blob))).toEqual([false, false])
    const dropped = effects.flatMap((effect) => (effect.kind === 'dropped' ? [[keyOf(effect.id), effect.refusal.code]] : []))
    expect(dropped).toEqual([[checked.transaction.idKey, 'expired']])
  })

  it('a blob lost here after it was checked is not proposed, and its transaction is let go', () => {
    const bench = new Bench()
    bench.cut.add(2)
    bench.cut.add(3)
    const { transaction, blob } = bench.submit(0, 'a')
    bench.cut.clear()
    bench.node(0).disk.delete(blobKey(blob))
    bench.step(bench.node(0), { kind: 'blob-lost', blob, nowMs: bench.nowMs })
    bench.settle()
    bench.tick(20)
    const dropped = bench.node(0).effects.flatMap((effect) => (effect.kind === 'dropped' ? [[keyOf(effect.id), effect.refusal.code]] : []))
    expect(dropped).toContainEqual([keyOf(transaction.id), 'blob-lost'])
    expect(new Set(bench.heights).size).toBe(1)
  })

  it('a blob lost here while a quorum is waited for is not said to be here any more, and its transaction is let go at once', () => {
    const bench = new Bench()
    for (const index of [1, 2, 3]) bench.cut.add(index)
    const { transaction, blob } = bench.submit(0, 'a')
    const { replica, effects } = bench.node(0)
    const told = (): number => effects.filter((effect) => effect.kind === 'send' && effect.message.kind === 'blob-held').length
    bench.tick()
    expect([replica.transactionStatus(transaction.id), told() > 0]).toEqual(['waiting', true])
    bench.node(0).disk.delete(blobKey(blob))
    bench.step(bench.node(0), { kind: 'blob-lost', blob, nowMs: bench.nowMs })
    expect(replica.transactionStatus(transaction.id)).toBe('unknown')
    expect(effects).toContainEqual({ kind: 'dropped', id: transaction.id, refusal: expect.objectContaining({ code: 'blob-lost' }) })
    effects.length = 0
    bench.tick(4)
    expect(told()).toBe(0)
  })

  it('E7: a blob lost while a block that refers to it is checked: no vote before it is here again', () => {
    const bench = new Bench()
    const node = bench.node(3)
    const step = bench.step.bind(bench)
    const verdicts: ReplicaInput[] = []
    bench.step = (to, input) => {
      if (to !== node) return step(to, input)
      if (input.kind === 'verified') verdicts.push(input)
      else if (input.kind !== 'message' || input.message.kind !== 'vote') step(to, input)
    }
    const { blob } = bench.submit(0, 'a')
    bench.tick(2)
    expect([bench.heights, bench.votesOf(3), verdicts.length]).toEqual([[1, 1, 1, 0], 0, 1])
    node.disk.delete(blobKey(blob))
    step(node, { kind: 'blob-lost', blob, nowMs: bench.nowMs })
    for (const verdict of verdicts) step(node, verdict)
    bench.settle()
    expect(bench.votesOf(3)).toBe(0)
    bench.tick(2)
    expect([node.disk.has(blobKey(blob)), bench.votesOf(3)]).toEqual([true, 1])
  })

  /** In view 0 three prepare a block at height 1, and none commits it; validator 3 gets no votes. */
  function prepared(): { bench: Bench; blob: BlobRef; verdicts: ReplicaInput[]; letVotesPass: () => void } {
    const bench = new Bench()
    const step = bench.step.bind(bench)
    const verdicts: ReplicaInput[] = []
    let areHeld = true
    bench.step = (to, input) => {
      const vote = input.kind === 'message' && input.message.kind === 'vote' ? input.message.vote.kind : null
      if (areHeld && vote !== null && (vote === 'commit' || to.index === 3)) return
      if (areHeld && to.index === 3 && input.kind === 'verified') verdicts.push(input)
      else step(to, input)
    }
    const { blob } = bench.submit(0, 'a')
    bench.tick(2)
    expect([bench.heights, bench.votesOf(2) > 0, bench.votesOf(3)]).toEqual([[0, 0, 0, 0], true, 0])
    const letVotesPass = (): void => {
      areHeld = false
    }
    return { bench, blob, verdicts, letVotesPass }
  }

  const lose = (bench: Bench, node: Node, blob: BlobRef): void => {
    node.disk.delete(blobKey(blob))
    bench.step(node, { kind: 'blob-lost', blob, nowMs: bench.nowMs })
  }

  it('E7: a blob lost after its block was found good and before a vote: no vote in a later view before it is here again (seed 1131)', () => {
    const { bench, blob, verdicts, letVotesPass } = prepared()
    const late = bench.node(3)
    bench.step(late, { kind: 'timer', timer: 'view', nowMs: bench.nowMs })
    letVotesPass()
    for (const verdict of verdicts) bench.step(late, verdict)
    lose(bench, late, blob)
    const { length: said } = late.effects
    for (const node of bench.nodes.slice(0, 3)) bench.step(node, { kind: 'timer', timer: 'view', nowMs: bench.nowMs })
    bench.settle()
    expect([late.replica.inspect().view, bench.votesOf(3), late.disk.size]).toEqual([1, 0, 0])
    bench.tick(2)
    expect([bench.heights, late.disk.has(blobKey(blob))]).toEqual([[1, 1, 1, 1], true])
    const events = late.effects.slice(said).flatMap((effect) => (effect.kind === 'event' ? [effect.event.name] : []))
    expect(events).toContain('block-awaits-blobs')
  })

  it('a blob lost after the vote for its block is had from others again, while the block is not final', () => {
    const { bench, blob } = prepared()
    const voter = bench.node(2)
    const step = bench.step.bind(bench)
    // Nobody passes the transaction on again, which would be another reason to fetch it.
    bench.step = (to, input) => {
      if (input.kind !== 'transactions') step(to, input)
    }
    lose(bench, voter, blob)
    expect(voter.disk.size).toBe(0)
    bench.tick(3)
    expect([bench.heights, voter.disk.has(blobKey(blob))]).toEqual([[0, 0, 0, 0], true])
  })

  it('blobs of final transactions go after so many blocks; of pending ones never', () => {
    const bench = new Bench()
    const first = bench.submit(0, 'a')
    bench.tick(4)
    for (const name of ['b', 'c']) {
      bench.submit(0, name)
      bench.tick(4)
    }
    expect(bench.heights).toEqual([3, 3, 3, 3])
    for (const { disk, replica } of bench.nodes) {
      expect(disk.has(blobKey(first.blob))).toBe(false)
      expect(disk.size).toBe(2)
      expect(replica.needsBlob(first.blob)).toBe(false)
    }
  })

  it('a blob that no block has room for is refused at the door: a leader that had it would never be done with its next block', () => {
    const bench = new Bench()
    bench.cut.add(1) // leads nobody, and is heard by nobody
    const { transaction } = bench.submit(1, 'a', 401)
    const answers = bench.node(1).effects.flatMap((effect) => (effect.kind === 'admission' ? [effect.admission] : []))
    expect(answers).toMatchObject([{ status: 'refused', refusal: { code: 'too-large' } }])
    expect(bench.node(1).replica.transactionStatus(transaction.id)).toBe('unknown')
    bench.cut.clear()
    bench.submit(0, 'b', 400)
    bench.tick(6)
    expect(bench.heights).toEqual([1, 1, 1, 1])
  })

  it('blobs in a block: at most so many bytes together', () => {
    const bench = new Bench()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) bench.submit(0, name, 150)
    bench.tick(12)
    const blocks = bench.node(1).effects.flatMap((effect) => (effect.kind === 'commit' ? [effect.transactions.length] : []))
    expect(blocks.reduce((sum, each) => sum + each, 0)).toBe(6)
    for (const count of blocks) expect(count * 150).toBeLessThanOrEqual(400)
  })

  it('E1: references in BLOB-HELD: whatever peers claim to have, what nothing here refers to is not kept', () => {
    const bench = new Bench()
    for (const index of [1, 2, 3]) bench.cut.add(index)
    const { blob: wanted } = bench.submit(0, 'a')
    const node = bench.node(0)
    const ROUNDS = 2_000
    const claim = (round: number): void => {
      const blobs = Array.from({ length: MAX_BLOBS_TOLD }, (_, index) => ({ root: rootOf(index), bytes: 1_000 + round }))
      for (const peer of [1, 2, 3]) {
        const message = { kind: 'blob-held', blobs: [...blobs.slice(1), wanted] } as const
        const checked = bench.checker.check(message)
        if (!checked.ok) throw new Error(checked.error.message)
        bench.step(node, { kind: 'message', from: validatorIndex(peer), message: checked.value, nowMs: bench.nowMs })
        node.effects.length = 0
      }
    }
    claim(0) // what the runtime keeps for itself
    const kept = keptBytes(() => {
      for (let round = 1; round <= ROUNDS; round++) claim(round)
    })
    expect(kept).toBeLessThan(1 << 20) // of 15 MB of references
    expect(node.replica.inspect().blobs.length).toBe(0)
    expect(node.replica.needsBlob(wanted)).toBe(true)
  })

  it('E1: pending blobs: one peer may have referred to half of the room, all to the whole of it; each peer to one', () => {
    const bench = new Bench()
    const node = bench.node(0)
    const from = (peer: number, count: number, bytes: number): void => {
      const transactions = Array.from(
        { length: count },
        (_, index) => transactionOf(String.fromCharCode(65 + 26 * peer + index), bytes).transaction,
      )
      bench.step(node, { kind: 'transactions', from: validatorIndex(peer), transactions, nowMs: bench.nowMs })
    }
    from(1, 20, 100)
    expect(node.replica.inspect().unverified).toBe(5)
    from(2, 20, 100)
    expect(node.replica.inspect().unverified).toBe(10)
    from(3, 20, 100)
    expect(node.replica.inspect().unverified).toBe(11)
  })
})

/** One replica's blobs, of which a test says what is needed. */
function alone(held: readonly (BlobRef & { readonly height: Height | null })[] = [], tip = 0) {
  const needed = new Set<string>()
  const effects: BlobEffect[] = []
  const sent: { readonly to: number; readonly message: Message }[] = []
  const at = { tip: height(tip) }
  const blobs = new ReplicaBlobs(
    { chunkBytes: CHUNK, pendingBytes: 1_000, keepBlocks: 2, keepBytes: null, held },
    {
      get tip() {
        return at.tip
      },
      peers: [1, 2, 3].map(validatorIndex),
      connected: new Set<ValidatorIndex>(),
      told: [1, 2, 3].map(validatorIndex),
      isNeeded: (key) => needed.has(key),
      isForBlock: () => false,
      pendingChecked: () => [],
      isQuorum: ({ size }) => size >= 2,
      send: (to, message) => sent.push({ to, message }),
      push: (effect) => effects.push(effect),
      emit: () => undefined,
      blame: () => undefined,
      onHeld: () => undefined,
      onGivenUp: () => undefined,
    },
  )
  const asks = (from: number, blob: BlobRef, index = 0): void => {
    blobs.onMessage(validatorIndex(from), { kind: 'fetch', want: 'blob', blob, index })
  }
  return { blobs, needed, effects, sent, at, asks }
}

describe('the blobs of one replica', () => {
  const { blob } = transactionOf('a', 50)
  const key = blobKey(blob)

  it('of votes at several heights the highest says how long a blob is needed: until the chain has passed it', () => {
    const { blobs } = alone([{ ...blob, height: null }])
    blobs.pin([blob], height(5))
    blobs.pin([blob], height(4))
    blobs.onFinal([], height(4))
    expect(blobs.isNeeded(key)).toBe(true)
    blobs.onFinal([], height(5))
    expect(blobs.isNeeded(key)).toBe(false)
  })

  it('E7: what was let go is not held: no vote relies on it, and who asks for it hears that it is not here', () => {
    const { blobs, effects, sent, at, asks } = alone([{ ...blob, height: height(1) }], 1)
    asks(1, blob)
    expect([blobs.isHeld(blob), effects, sent]).toEqual([true, [{ kind: 'blob-serve', to: 1, blob, index: 0 }], []])
    at.tip = height(3)
    blobs.onFinal([], height(3))
    expect(effects.at(-1)).toEqual({ kind: 'blob-drop', blob })
    effects.length = 0
    asks(1, blob)
    expect([blobs.isHeld(blob), effects, sent]).toEqual([false, [], [{ to: 1, message: { kind: 'blob-absent', blob } }]])
  })

  it('who has said that it has a blob is asked for it first', () => {
    const { blobs, needed, sent } = alone()
    needed.add(key)
    blobs.onMessage(validatorIndex(2), { kind: 'blob-held', blobs: [blob] })
    blobs.want(blob, 'mempool', null)
    blobs.onOpened(blob, [0, 1, 2, 3])
    expect(sent.map(({ to }) => to)).toEqual([2, 2, 2, 2])
  })

  it('E1: a peer is served so many chunks between two ticks, however many it asks for; a little more waits for the next', () => {
    const { blobs, effects, asks } = alone([{ ...blob, height: null }])
    for (let times = 0; times < 1_000; times++) asks(1, blob)
    expect(effects.length).toBe(64)
    blobs.onTick()
    expect(effects.length).toBe(72)
    blobs.onTick()
    expect(effects.length).toBe(72)
  })
})
