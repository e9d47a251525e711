/**
 * docs/protocol.md §13 from the attacker's side: each bound is flooded with far more than it allows, and what stays alive is counted, in
 * pieces and in bytes of memory. Messages go to the core as the edge would let them through: the attacker holds a validator's key.
 */
import {
  bitmapOf,
  decode,
  encode,
  epoch,
  type Hash,
  type Height,
  height,
  keyOf,
  type Signature,
  type ValidatorIndex,
  view,
} from '@aethel/codec'
import { sha256 } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  blockOf,
  CHAIN,
  Cluster,
  certificateOf,
  compactPrePrepareOf,
  keyOfValidator,
  prePrepareOf,
  TIMERS,
  validatorSet,
} from '../test/harness.js'
import { keptBytes } from '../test/memory.js'
import { onRefuted } from './accusations.js'
import { askForBlock } from './catch-up.js'
import { addBlock, markCommitted } from './chain.js'
import { keepLinks, keepNewView } from './halting.js'
import {
  type Block,
  type Certificate,
  type Consensus,
  createBlock,
  createConsensus,
  createEpochGate,
  createMessageChecker,
  type Effect,
  type Message,
  type NewView,
  type PrePrepare,
  type Status,
  type VerifiedMessage,
  type ViewChangeEntry,
  type Vote,
} from './index.js'
import type { ConsensusConfig, DurableState } from './interface.js'
import { createState, MAX_EARLY_BYTES, MAX_RETAINED_BLOCKS, MAX_RETAINED_BYTES, newEntry } from './state.js'

const N = 4
const WINDOW = 16
const ATTACKER = 3 as ValidatorIndex
/** A vote with its hash and signature, two typed arrays, and its places in the tallies. */
const VOTE_BYTES = 1_024
const KIB = 1024
const MIB = KIB * KIB
/** What a measurement may be off by: compiled code, caches of the runtime. */
const NOISE_BYTES = 2 * MIB

const CONFIG: ConsensusConfig = {
  chainId: CHAIN,
  validators: validatorSet(N),
  self: 1 as ValidatorIndex,
  window: WINDOW,
  clockDriftMs: 2_000,
  timers: TIMERS,
  sign: (bytes) => keyOfValidator(1).sign(bytes),
}
const DURABLE: DurableState = {
  view: view(0),
  phase: 'active',
  newView: null,
  viewChange: null,
  votes: [],
  blocks: [],
  highest: null,
  lastCommit: null,
  committed: { height: height(0), hash: CHAIN, timestampMs: 0 },
  recent: [{ height: height(0), hash: CHAIN }],
}

function core(): Consensus {
  const consensus = createConsensus(CONFIG, DURABLE)
  consensus.step({ kind: 'start', nowMs: 1 })
  return consensus
}

const state = () => createState(CONFIG, DURABLE)

let drawn = 0
const anyHash = (): Hash => sha256(Uint8Array.of(drawn & 255, (drawn >> 8) & 255, (drawn >> 16) & 255, drawn++ >> 24))
const anySignature = (): Signature => Uint8Array.from([...anyHash(), ...anyHash()]) as Signature

/** As the driver does: what is not wanted is dropped, the rest is taken in. */
function send(consensus: Consensus, message: Message, from = ATTACKER): readonly Effect[] {
  if (!consensus.wants(from, message)) return []
  return consensus.step({ kind: 'message', from, message: message as VerifiedMessage, nowMs: 1 })
}

function anyVote(inView: number, at: number, kind: Vote['kind']): Vote {
  return {
    kind,
    epoch: epoch(0),
    view: view(inView),
    height: height(at),
    blockHash: anyHash(),
    sender: ATTACKER,
    signature: anySignature(),
  }
}

/** A proposal as it comes from the wire; the edge has let it through. */
function tinyTransactions(at: number, count: number): PrePrepare {
  const block = blockOf({ height: at })
  const body = { ...block.body, transactions: Array.from({ length: count }, (_, nth) => Uint8Array.of(nth & 255)) }
  return { ...prePrepareOf(0, 0, block), block: { ...block, body } }
}

describe('what one faulty validator can make a replica hold', () => {
  it('E1: votes held: heights, views and blocks without end leave at most 20 w + 2 of a sender', () => {
    const consensus = core()
    const most = 20 * WINDOW + 2
    const kept = keptBytes(() => {
      for (let round = 0; round < 3; round++)
        for (let inView = 0; inView < 40; inView++)
          for (let at = 1; at < 200; at++)
            for (const kind of ['prepare', 'commit'] as const) send(consensus, { kind: 'vote', vote: anyVote(inView, at, kind) })
    })
    expect(consensus.inspect().votesHeld).toBeGreaterThan(most / 2)
    expect(consensus.inspect().votesHeld).toBeLessThanOrEqual(most)
    expect(kept).toBeLessThan(most * VOTE_BYTES + NOISE_BYTES)
  })

  it('S6: VIEW-CHANGEs: one of each sender, the newest; STATUS: the newest, however large', () => {
    const consensus = core()
    const entry = (newView: number): ViewChangeEntry => ({
      epoch: epoch(0),
      newView: view(newView),
      highest: null,
      committedHeight: height(0),
      sender: ATTACKER,
      signature: anySignature(),
    })
    const status = (at: number): Status => ({
      kind: 'status',
      epoch: epoch(0),
      view: view(0),
      phase: 'active',
      committedHeight: height(0),
      slots: Array.from({ length: 256 }, (_, slot) => ({
        height: height(at + slot),
        accepted: anyHash(),
        prepares: bitmapOf(N, []),
        commits: bitmapOf(N, []),
      })),
      complaint: 'slow-leader',
      sender: ATTACKER,
      signature: anySignature(),
    })
    const one = keptBytes(() => send(consensus, status(1)))
    const kept = keptBytes(() => {
      for (let newView = 1; newView < 20_000; newView++) send(consensus, { kind: 'view-change', entry: entry(newView), certificate: null })
      for (let at = 2; at < 300; at++) send(consensus, status(at))
    })
    expect(kept).toBeLessThan(one + NOISE_BYTES)
    expect([consensus.phase, consensus.view]).toEqual(['active', 0])
  })

  it('proposals ahead: two windows of heights, the first of each, and 64 MiB', () => {
    const consensus = core()
    const body = new Uint8Array(4 * MIB)
    const leader = 1 as ValidatorIndex
    const proposal = (at: number, note: number) => {
      const fresh = blockOf({ view: 1, height: at, timestampMs: note })
      return prePrepareOf(leader, 1, createBlock(fresh.header, { ...fresh.body, transactions: [body] }))
    }
    const other = createConsensus({ ...CONFIG, self: 2 as ValidatorIndex }, DURABLE)
    for (const target of [consensus, other])
      for (let round = 0; round < 2; round++) for (let at = 1; at < 100; at++) send(target, proposal(at, round), leader)
    expect(other.inspect().earlyBytes).toBeGreaterThan(MAX_EARLY_BYTES / 2)
    expect(other.inspect().earlyBytes).toBeLessThanOrEqual(MAX_EARLY_BYTES)
  })

  it('E1: proposals ahead: what is held for the next view goes when its height is committed', () => {
    const cluster = new Cluster()
    const replica = cluster.at(2)
    for (let at = 1; at <= 3; at++)
      replica.receive(1, prePrepareOf(1, 1, blockOf({ view: 1, height: at, transactions: [new Uint8Array(KIB)] })))
    expect(replica.running.inspect().earlyBytes).toBeGreaterThan(0)
    for (const label of ['a', 'b', 'c']) {
      cluster.at(0).order(label)
      cluster.deliver()
    }
    expect(replica.height).toBe(3)
    expect(replica.running.inspect().earlyBytes).toBe(0)
  })

  it('E1: bodies of many tiny transactions are charged what they weigh, ahead of their turn and when they are kept', () => {
    const written = encode((writer) => writer.list(new Array<number>(65_536).fill(0), (w) => w.bytes(Uint8Array.of(1))))
    const bodies: Uint8Array[][] = []
    const kept = keptBytes(() => {
      const transactions = decode(written, (reader) => reader.list(65_536, (r) => r.bytes(1)))
      if (transactions.ok) bodies.push([...transactions.value])
    })
    const fresh = blockOf({ view: 1, height: 1 })
    const block = createBlock(fresh.header, { ...fresh.body, transactions: bodies[0] ?? [] })
    const consensus = createConsensus({ ...CONFIG, self: 2 as ValidatorIndex }, DURABLE)
    send(consensus, prePrepareOf(1 as ValidatorIndex, 1, block), 1 as ValidatorIndex)
    expect(consensus.inspect().earlyBytes).toBeGreaterThan(0.9 * kept)
    expect(newEntry(state(), block, 'received').bytes).toBeGreaterThan(0.9 * kept)
  })

  it('uncommitted bodies: 4,096, and 256 MiB; the oldest unwanted one leaves', () => {
    const [byCount, byBytes] = [state(), state()]
    const body = new Uint8Array(8 * MIB)
    for (let at = 1; at <= MAX_RETAINED_BLOCKS + 500; at++) addBlock(byCount, blockOf({ height: at, timestampMs: at }))
    for (let at = 1; at <= 100; at++) {
      const block = blockOf({ height: at })
      addBlock(byBytes, createBlock(block.header, { ...block.body, transactions: [body] }))
    }
    expect(byCount.blocks.size).toBe(MAX_RETAINED_BLOCKS)
    // With each goes what was executed of it, and its record.
    const gone = (kind: Effect['kind']): number => byCount.out.filter((effect) => effect.kind === kind).length
    expect([gone('abandon'), gone('persist')]).toEqual([500, 500])
    const held = [...byBytes.blocks.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    expect(held).toBeLessThanOrEqual(MAX_RETAINED_BYTES)
    expect(held).toBeGreaterThan(MAX_RETAINED_BYTES - 2 * body.length)
  })

  it('of unwanted bodies that of the lowest view leaves, however late it came', () => {
    const target = state()
    for (let at = 1; at <= MAX_RETAINED_BLOCKS; at++) addBlock(target, blockOf({ height: at, view: at === 7 ? 1 : 2 + (at % 3) }))
    addBlock(target, blockOf({ height: MAX_RETAINED_BLOCKS + 1, view: 2 }))
    const forgotten = target.out.flatMap((effect) => (effect.kind === 'persist' ? effect.records : []))
    expect(forgotten).toMatchObject([{ kind: 'forget-block', height: 7 }])
  })

  it('bodies asked for: 256; certificates of blocks not committed here: 4,096 heights', () => {
    const target = state()
    for (let at = 1; at <= 5_000; at++) askForBlock(target, anyHash(), height(at))
    expect(target.missing.size).toBe(256)
    const certificate = certificateOf('commit', 0, blockOf())
    for (let at = 1; at <= 5_000; at++) markCommitted(target, anyHash(), (at + 10) as Height, certificate)
    expect(target.certified.size).toBe(MAX_RETAINED_BLOCKS)
    markCommitted(target, anyHash(), height(5), certificate)
    for (const lowest of [5, 11]) expect([lowest, target.certified.has(height(lowest))]).toEqual([lowest, true]) // what is executed next
  })

  it('refuted blocks remembered: 16; NEW-VIEW entries kept: 6,400', () => {
    const target = state()
    for (let at = 0; at < 100; at++) onRefuted(target, blockOf({ height: 1, timestampMs: at, transactions: [Uint8Array.of(1)] }), 0)
    expect(target.refuted.size).toBe(16)
    const entries = Array.from({ length: 100 }, () => ({ sender: ATTACKER }) as unknown as ViewChangeEntry)
    for (let inView = 0; inView < 1_000; inView++) keepNewView(target, { viewChanges: entries } as unknown as NewView)
    expect(target.newViews.length).toBe(64)
  })

  it('headers without bodies, kept for fork proofs: 256, the lowest', () => {
    const target = state()
    const certificate = {} as Certificate
    for (let at = 1; at <= 2_000; at += 100) {
      const links = Array.from({ length: 100 }, (_, above) => blockOf({ height: at + above }).header)
      keepLinks(target, links, certificate)
    }
    expect([target.links.size, target.links.has(height(1)), target.links.has(height(256))]).toEqual([256, true, true])
  })

  it('remembered signatures and certificates: 32,768 each, at a fixed size', () => {
    const checker = createMessageChecker({ chainId: CHAIN, validators: validatorSet(N), verifySignature: () => true })
    const kept = keptBytes(() => {
      for (let at = 1; at <= 120_000; at++) checker.check({ kind: 'vote', vote: anyVote(0, at, 'prepare') })
    })
    expect(kept).toBeLessThan(32_768 * 512 + NOISE_BYTES)
  })

  it('messages held for the next epoch: 64 and 2 MiB of a peer', () => {
    const validators = validatorSet(N)
    const start = { validators, previousValidators: null, origin: { height: height(0), hash: CHAIN } }
    const gate = createEpochGate({ start, check: () => ({ ok: false, error: { code: 'never', message: 'not asked' } }) })
    const kept = keptBytes(() => {
      for (let at = 1; at < 20_000; at++) gate.pass(ATTACKER, { kind: 'vote', vote: { ...anyVote(0, at, 'prepare'), epoch: epoch(1) } })
    })
    expect(kept).toBeLessThan(2 * MIB + NOISE_BYTES)
    expect(gate.enter({ ...start, validators: validatorSet(N, [], 1) }).length).toBe(64)
  })

  it('E1: held for the next epoch, or ahead of its turn: a proposal counts for its transactions, however small each is', () => {
    const start = { validators: validatorSet(N), previousValidators: null, origin: { height: height(0), hash: CHAIN } }
    const gate = createEpochGate({ start, check: () => ({ ok: false, error: { code: 'never', message: 'not asked' } }) })
    const keptByGate = keptBytes(() => {
      for (let at = 1; at < 8; at++) gate.pass(ATTACKER, { ...tinyTransactions(at, 30_000), epoch: epoch(1) })
    })
    expect(keptByGate).toBeLessThan(2 * MIB + NOISE_BYTES)
    expect(gate.enter({ ...start, validators: validatorSet(N, [], 1) })).toEqual([])
    const named = Array.from({ length: 30_000 }, () => ({ id: CHAIN }))
    gate.enter(start)
    gate.pass(ATTACKER, { ...compactPrePrepareOf(tinyTransactions(2, 1), named), epoch: epoch(1) })
    expect(gate.enter({ ...start, validators: validatorSet(N, [], 1) })).toEqual([])
    const consensus = core()
    const keptAhead = keptBytes(() => {
      for (let at = 2; at < 34; at++) send(consensus, tinyTransactions(at, 30_000), 0 as ValidatorIndex)
    })
    expect(consensus.held.earlyBytes).toBeGreaterThan(MAX_EARLY_BYTES / 2)
    expect(keptAhead).toBeLessThan(MAX_EARLY_BYTES + NOISE_BYTES)
  })

  it('E1: held for the next epoch: a NEW-VIEW, and a certificate, count for as much as they list', () => {
    const start = { validators: validatorSet(N), previousValidators: null, origin: { height: height(0), hash: CHAIN } }
    const certificate = { ...certificateOf('commit', 0, blockOf()), signatures: Array.from({ length: 60_000 }, anySignature) }
    const named = { epoch: epoch(1), newView: view(1), sender: ATTACKER, signature: anySignature() }
    const entry = { ...named, highest: certificate, committedHeight: height(0) }
    const newView = (entries: number) => ({
      kind: 'new-view' as const,
      ...named,
      viewChanges: Array.from({ length: entries }, () => entry),
      certificate: null,
    })
    const heldOf = (messages: readonly Message[]): number => {
      const gate = createEpochGate({ start, check: () => ({ ok: false, error: { code: 'never', message: 'not asked' } }) })
      for (const message of messages) gate.pass(ATTACKER, message)
      return gate.enter({ ...start, validators: validatorSet(N, [], 1) }).length
    }
    expect(heldOf([newView(60_000), { ...newView(0), certificate }, { kind: 'view-change', entry, certificate }])).toBe(0)
    expect(heldOf(Array.from({ length: 8 }, () => newView(667)))).toBe(5)
  })
})

describe('what one peer can make a replica send', () => {
  /** Between two status ticks. */
  const answersTo = (consensus: Consensus, message: Message, times: number): Effect[] => {
    const effects: Effect[] = []
    for (let i = 0; i < times; i++) effects.push(...send(consensus, message))
    return effects.filter((effect) => (effect.kind === 'send' && effect.to === ATTACKER) || effect.kind === 'serve')
  }

  it('answers to one peer per status tick: 512 messages, 16 MiB', () => {
    const consensus = createConsensus(CONFIG, { ...DURABLE, blocks: [blockOf({ transactions: [new Uint8Array(3 * MIB)] })] })
    const large = blockOf({ transactions: [new Uint8Array(3 * MIB)] })
    const bodies = answersTo(consensus, { kind: 'fetch', want: 'block', hash: large.hash }, 10_000)
    expect(bodies.length).toBe(6) // 5 x 3 MiB and the one that crosses the line
    consensus.step({ kind: 'timer', timer: 'status', nowMs: 2 })
    expect(answersTo(consensus, { kind: 'fetch', want: 'block', hash: large.hash }, 10_000).length).toBe(6)
    const small: Block = blockOf()
    const other = createConsensus(CONFIG, { ...DURABLE, blocks: [small] })
    expect(answersTo(other, { kind: 'fetch', want: 'block', hash: small.hash }, 10_000).length).toBe(512)
    expect(keyOf(small.hash)).not.toBe(keyOf(large.hash))
  })

  it('answers with committed blocks count 4 MiB each: four in a tick', () => {
    const tip = { height: height(9), hash: anyHash(), timestampMs: 0 }
    const consensus = createConsensus(CONFIG, { ...DURABLE, committed: tip, recent: [{ height: height(9), hash: tip.hash }] })
    expect(answersTo(consensus, { kind: 'fetch', want: 'committed', from: height(1) }, 10_000).length).toBe(4)
  })

  it('two different votes: shown to all once per sender and view, however many follow', () => {
    const consensus = core()
    const sent: Effect[] = []
    for (let i = 0; i < 5_000; i++) sent.push(...send(consensus, { kind: 'vote', vote: anyVote(0, 1 + (i % 30), 'prepare') }))
    expect(sent.filter(({ kind }) => kind === 'send').length).toBe(2)
    expect(sent.filter(({ kind }) => kind === 'evidence').length).toBe(1)
  })

  it('a flood of stale and far messages makes no cluster leave its view', () => {
    const cluster = new Cluster()
    for (let i = 0; i < 2_000; i++) send(cluster.at(1).running, { kind: 'vote', vote: anyVote(i, i, 'commit') })
    cluster.at(0).order('still there')
    cluster.deliver()
    expect(cluster.chain).toHaveLength(1)
  })
})
