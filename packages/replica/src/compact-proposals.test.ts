/** Proposals by ids: how whoever receives one puts it together, what a faulty leader can do with them, and what all of it may cost. */
import { epoch, equalBytes, type Hash, hash, height, keyOf, signature, type ValidatorIndex, validatorIndex, view } from '@aethel/codec'
import {
  type Block,
  type CompactPrePrepare,
  createBlock,
  evidenceRootOf,
  type Fetch,
  lastCertificateHashOf,
  MAX_POSITIONS,
  type NamedTransaction,
  type PrePrepare,
  transactionsRootOf,
  type Verified,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, test } from 'vitest'
import { CHAIN_ID, Cluster, validatorSetOf } from '../test/cluster.js'
import { transactionOf } from '../test/library.js'
import { transactionIdOf } from './application.js'
import { CompactProposals, compactOf, MAX_AWAITED_BYTES, WHOLE_AFTER_ASKING } from './compact-proposals.js'
import type { CompactWhen } from './interface.js'

const LEADER = validatorIndex(0)
const PEERS = [0, 2, 3].map(validatorIndex)
const bytesOf = (nth: number, length = 200): Uint8Array => new Uint8Array(length).fill(nth & 255).with(0, nth >> 8)
const bodyOf = (count: number, length = 200): Uint8Array[] => Array.from({ length: count }, (_, nth) => bytesOf(nth, length))
const placed = (transactions: readonly Uint8Array[], from = 0) => transactions.map((bytes, at) => ({ position: from + at, bytes }))

function proposalOf(transactions: readonly Uint8Array[], at = 1, inView = 0): PrePrepare {
  const set = validatorSetOf(4)
  const header = {
    version: 1,
    chainId: CHAIN_ID,
    epoch: epoch(0),
    height: height(at),
    parent: CHAIN_ID,
    view: view(inView),
    proposer: LEADER,
    timestampMs: at,
    transactionsRoot: transactionsRootOf(transactions),
    evidenceRoot: evidenceRootOf([]),
    lastCertificateHash: lastCertificateHashOf(null),
    stateRoot: CHAIN_ID,
    validatorsHash: set.hash,
    nextValidatorsHash: set.hash,
    totalDifficulty: 0n,
  }
  const block = createBlock(header, { transactions, evidence: [], lastCertificate: null })
  return { kind: 'pre-prepare', epoch: epoch(0), view: view(inView), block, sender: LEADER, signature: signature(new Uint8Array(64)) }
}

/** Validator 1, and what comes of it. */
class Desk {
  readonly known = new Map<string, Uint8Array>()
  readonly blocks = new Map<string, Block>()
  readonly asked: { readonly peer: ValidatorIndex; readonly wish: Fetch }[] = []
  readonly delivered: PrePrepare[] = []
  readonly blamed: string[] = []
  votes = 0
  view = view(0)
  committed = height(0)
  readonly proposals: CompactProposals

  constructor(options: { readonly when?: CompactWhen; readonly blockBytes?: number } = {}) {
    const desk = this
    this.proposals = new CompactProposals({
      when: options.when ?? 'always',
      blockBytes: options.blockBytes ?? 1 << 20,
      get view() {
        return desk.view
      },
      get committed() {
        return desk.committed
      },
      peers: PEERS,
      known: (idKey) => this.known.get(idKey),
      block: (name) => this.blocks.get(keyOf(name)),
      idsOf: () => undefined,
      isWeakQuorum: (peers) => peers.size >= 2,
      ask: (peer, wish) => this.asked.push({ peer, wish }),
      deliver: (_, message) => {
        if (message.kind === 'vote') this.votes++
        else this.delivered.push(message)
      },
      blame: (_, refusal) => this.blamed.push(refusal.code),
      emit: () => undefined,
    })
  }

  knows(transactions: readonly Uint8Array[]): this {
    for (const bytes of transactions) this.known.set(keyOf(transactionIdOf(bytes)), bytes)
    return this
  }

  receive(message: CompactPrePrepare): void {
    this.proposals.onProposal(LEADER, message as Verified<CompactPrePrepare>, undefined)
  }

  /** Every second tick asks. */
  tick(count = 2): void {
    for (let nth = 0; nth < count; nth++) this.proposals.onTick()
  }

  get wishes(): string[] {
    return this.asked.map(({ peer, wish }) =>
      wish.want === 'transactions' ? `${peer}: ${wish.positions.join(' ')}` : `${peer}: ${wish.want}`,
    )
  }
}

const withNames = (proposal: PrePrepare, transactions: readonly NamedTransaction[]): CompactPrePrepare => ({
  ...compactOf(proposal, 'long'),
  transactions,
})
const idsOf = (transactions: readonly Uint8Array[]): { id: Hash }[] => transactions.map((bytes) => ({ id: transactionIdOf(bytes) }))

describe('what a leader sends', () => {
  test('is compact if that saves 4 KiB, and whole otherwise', () => {
    const { proposals } = new Desk({ when: 'where-it-saves' })
    const kindOf = (transactions: readonly Uint8Array[]): string => proposals.outgoing(proposalOf(transactions)).kind
    expect(kindOf(bodyOf(23))).toBe('pre-prepare') // 23 * (204 - 33) = 3,933
    expect(kindOf(bodyOf(24))).toBe('compact-pre-prepare')
    expect(kindOf([bytesOf(0, 5_000)])).toBe('compact-pre-prepare')
    expect(kindOf(bodyOf(1_000, 30))).toBe('pre-prepare')
  })

  test('holds transactions that are no longer than an id themselves', () => {
    const transactions = [bytesOf(1, 29), bytesOf(2, 30)]
    expect(compactOf(proposalOf(transactions), 'long').transactions).toEqual([{ bytes: transactions[0] }, ...idsOf(transactions.slice(1))])
  })

  test('goes whole for a while after a weak quorum had to ask for what it named', () => {
    const { proposals } = new Desk()
    const sent = (nth: number): string => proposals.outgoing(proposalOf(bodyOf(2), nth)).kind
    expect(sent(1)).toBe('compact-pre-prepare')
    const { hash: name } = proposalOf(bodyOf(2), 1).block
    for (let nth = 0; nth < 10; nth++) proposals.noteAsked(validatorIndex(2), name)
    proposals.noteAsked(validatorIndex(3), hash(new Uint8Array(32)))
    expect(sent(2)).toBe('compact-pre-prepare')
    proposals.noteAsked(validatorIndex(3), name)
    const after = Array.from({ length: WHOLE_AFTER_ASKING + 1 }, (_, nth) => sent(3 + nth))
    expect(after).toEqual([...Array<string>(WHOLE_AFTER_ASKING).fill('pre-prepare'), 'compact-pre-prepare'])
  })
})

describe('who receives one', () => {
  const body = bodyOf(5)
  const proposal = proposalOf(body)

  test('puts it together from what it has, to the very proposal', () => {
    const desk = new Desk().knows(body)
    desk.receive(compactOf(proposal, 'long'))
    expect(desk.delivered).toEqual([proposal])
    expect([desk.asked, desk.proposals.size]).toEqual([[], 0])
  })

  test('takes what came before it and waits to be looked at', () => {
    const desk = new Desk().knows(body.slice(1))
    const [first] = body as [Uint8Array]
    desk.proposals.onProposal(
      LEADER,
      compactOf(proposal, 'long') as Verified<CompactPrePrepare>,
      new Map([[keyOf(transactionIdOf(first)), first]]),
    )
    expect([desk.delivered.length, desk.asked.length]).toEqual([1, 0])
  })

  test('asks its leader for exactly what is missing; the leader’s vote counts meanwhile', () => {
    const desk = new Desk().knows([body[0], body[2], body[3]] as Uint8Array[])
    desk.receive(compactOf(proposal, 'long'))
    expect([desk.wishes, desk.votes, desk.delivered]).toEqual([['0: 1 4'], 1, []])
    expect(desk.proposals.awaitedAt(height(1))).toMatchObject({ transactions: 2, from: LEADER })
    const { hash: name } = proposal.block
    expect([desk.proposals.wantsTransactions(LEADER, name), desk.proposals.wantsTransactions(validatorIndex(2), name)]).toEqual([
      true,
      false,
    ])
    desk.proposals.onTransactions([{ idKey: keyOf(transactionIdOf(body[4] as Uint8Array)), bytes: body[4] as Uint8Array }])
    expect(desk.delivered).toEqual([])
    desk.proposals.onAnswer(LEADER, { kind: 'block-transactions', hash: name, transactions: placed(body.slice(1, 2), 1) })
    expect([desk.delivered, desk.proposals.size]).toEqual([[proposal], 0])
  })

  test('asks again what is not answered: its leader twice, then two others, then somebody for the whole block, in turn', () => {
    const desk = new Desk().knows(body.slice(1))
    desk.receive(compactOf(proposal, 'long'))
    desk.tick(12)
    expect(desk.wishes).toEqual(['0: 0', '0: 0', '2: 0', '3: 0', '2: block', '3: block', '2: block'])
    expect(desk.proposals.wantsBlock(proposal.block.hash)).toBe(true)
    desk.proposals.onBlock(proposal.block)
    expect([desk.delivered.length, desk.proposals.size]).toEqual([1, 0])
  })

  test('asks for the whole block at once if more is missing than one request may name', () => {
    const desk = new Desk()
    desk.receive(compactOf(proposalOf(bodyOf(MAX_POSITIONS + 1, 40)), 'long'))
    expect(desk.wishes).toEqual(['0: block'])
  })

  test('asks nobody for a block that is here: the tip of the view before, proposed again', () => {
    const desk = new Desk()
    desk.blocks.set(keyOf(proposal.block.hash), proposal.block)
    desk.receive({ ...compactOf(proposal, 'long'), view: view(1) })
    expect([desk.delivered.length, desk.asked.length]).toEqual([1, 0])
  })

  test('is done with it when consensus has got the block in another way', () => {
    const desk = new Desk()
    desk.receive(compactOf(proposal, 'long'))
    desk.blocks.set(keyOf(proposal.block.hash), proposal.block)
    desk.tick(1)
    expect([desk.delivered.length, desk.proposals.size]).toEqual([1, 0])
  })
})

describe('a faulty leader', () => {
  const body = bodyOf(4)
  const proposal = proposalOf(body)

  test.each([
    ['in another order', idsOf(body).reverse()],
    ['with one left out', idsOf(body.slice(1))],
    ['with one too many', idsOf([...body, bytesOf(77)])],
    ['with one twice', idsOf([...body, body[0] as Uint8Array])],
    ['of another block', idsOf(bodyOf(4, 201))],
  ])('that names transactions %s is to blame, and nothing of it passes; the block itself does', (_, names) => {
    const desk = new Desk().knows([...body, bytesOf(77), ...bodyOf(4, 201)])
    desk.receive(withNames(proposal, names))
    expect([desk.delivered, desk.blamed, desk.votes]).toEqual([[], ['proposal-ids'], 1])
    expect(desk.wishes).toEqual(['2: block'])
    desk.tick()
    expect(desk.wishes).toEqual(['2: block', '3: block'])
    desk.proposals.onBlock(proposal.block)
    expect(desk.delivered).toEqual([proposal])
  })

  test('E6: makes nobody hash more than a block may hold, with few ids of large transactions', () => {
    const large = bodyOf(20, 1_000)
    const desk = new Desk({ blockBytes: 10_000 }).knows(large)
    desk.receive(compactOf(proposalOf(large), 'long'))
    expect([desk.delivered, desk.blamed]).toEqual([[], ['proposal-ids']])
  })

  test('that says other ids to each: who asks an honest one gets what they do not name, and asks for the whole block', () => {
    const desk = new Desk().knows(body.slice(1))
    desk.receive(withNames(proposal, [{ id: hashTagged('test/nobody', new Uint8Array(0)) }, ...idsOf(body.slice(1))]))
    expect(desk.wishes).toEqual(['0: 0'])
    const held = desk.proposals.bytes
    desk.proposals.onAnswer(LEADER, { kind: 'block-transactions', hash: proposal.block.hash, transactions: placed(body.slice(0, 1)) })
    expect([desk.wishes, desk.blamed, desk.delivered]).toEqual([['0: 0', '3: block'], [], []])
    expect(desk.proposals.bytes).toBe(held - body.slice(1).reduce((sum, { length }) => sum + length, 0)) // nothing found for the ids is kept
  })

  test('that proposes twice for one slot: the first stands, and the second vote is passed on', () => {
    const desk = new Desk()
    const rival = compactOf(proposalOf(bodyOf(3)), 'long')
    desk.receive(compactOf(proposal, 'long'))
    expect([desk.proposals.wants(compactOf(proposal, 'long')), desk.proposals.wants(rival)]).toEqual([false, true])
    desk.receive(rival)
    expect([desk.votes, desk.proposals.size, desk.asked.length]).toEqual([2, 1, 1])
  })

  test('E1: compact proposals being put together: one for each slot, and 64 MiB of a view, by what they hold and by what was found for them', () => {
    const desk = new Desk({ blockBytes: 1 << 23 })
    const names = Array.from({ length: 65_536 }, (_, nth) => ({ id: hash(bytesOf(nth, 32)) }))
    for (let at = 1; at <= 5; at++) desk.receive(withNames(proposalOf([], at), names))
    expect([desk.proposals.size, desk.votes]).toEqual([4, 5])
    expect(desk.proposals.bytes).toBeLessThanOrEqual(MAX_AWAITED_BYTES)
    desk.receive(withNames(proposalOf([], 1, 1), names)) // the next view has room of its own
    expect(desk.proposals.size).toBe(5)

    const filled = new Desk({ blockBytes: 1 << 23 })
    const large = Array.from({ length: 12 }, (_, nth) => bytesOf(nth, 6 << 20))
    const [missing] = bodyOf(1) as [Uint8Array]
    for (const [nth, bytes] of large.entries()) filled.knows([bytes]).receive(compactOf(proposalOf([bytes, missing], 1 + nth), 'long'))
    expect([filled.proposals.size, filled.votes]).toEqual([10, 12])
    filled.committed = height(4)
    filled.tick(1)
    expect(filled.proposals.size).toBe(6)
    filled.view = view(1)
    filled.tick(1)
    expect([filled.proposals.size, filled.proposals.bytes]).toEqual([0, 0])
  })
})

describe('a cluster', () => {
  const transactions = Array.from({ length: 6 }, (_, sender) => transactionOf({ sender, claim: sender, padding: 100 }))
  const orderAt = (cluster: Cluster, index: number): number => cluster.node(index).replica.state.order.length
  const kindsTo = (cluster: Cluster, index: number): Set<string> =>
    new Set(cluster.node(index).effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message.kind] : [])))

  function clusterCut(isCut: (from: number, to: number, kind: string) => boolean): Cluster {
    const cluster = new Cluster({ compactProposals: 'always', isCut })
    for (const transaction of transactions) cluster.submit(0, transaction)
    return cluster
  }

  test('whoever has heard of no transaction asks for each, and votes with the others', () => {
    const cluster = clusterCut((_, to, kind) => to === 2 && kind === 'gossip')
    expect(cluster.run(200, () => cluster.nodes.every((_, index) => orderAt(cluster, index) === transactions.length))).toBe(true)
    expect([...kindsTo(cluster, 0)]).toContain('block-transactions')
    expect([...kindsTo(cluster, 0)]).not.toContain('block')
    const votes = cluster.node(2).effects.filter((effect) => effect.kind === 'send' && effect.message.kind === 'vote')
    expect(votes.length).toBeGreaterThan(0)
  })

  test('nobody waits for ever: where no transaction that is asked for arrives, the whole proposal comes, and no view is changed', () => {
    const cluster = clusterCut((_, to, kind) => to !== 0 && (kind === 'gossip' || kind === 'block-transactions'))
    expect(cluster.run(2_000, () => cluster.nodes.every((_, index) => orderAt(cluster, index) === transactions.length))).toBe(true)
    expect(cluster.nodes.map(({ replica }) => replica.position.view)).toEqual([0, 0, 0, 0])
    expect([...kindsTo(cluster, 0)]).toContain('compact-pre-prepare')
  })

  test('a proposal whose ids lead nowhere leaves its leader’s transactions to the next one', () => {
    const cluster = clusterCut(
      (from, to, kind) => kind === 'gossip' || (from === 0 && to !== 0 && !['compact-pre-prepare', 'status', 'vote'].includes(kind)),
    )
    for (const transaction of transactions)
      for (const index of [1, 2, 3])
        cluster.after(50, () => void cluster.submit(index, transactionOf({ ...transaction.entry, padding: 101 })))
    expect(cluster.run(60_000, () => [1, 2, 3].every((index) => orderAt(cluster, index) === transactions.length))).toBe(true)
    expect(cluster.node(1).replica.position.view).toBeGreaterThan(0)
  })

  test('only its leader may send one: from anybody else it is not looked at', () => {
    const cluster = clusterCut(() => false)
    cluster.run(3)
    const sent = cluster
      .node(0)
      .effects.flatMap((effect) => (effect.kind === 'send' && effect.message.kind === 'compact-pre-prepare' ? [effect.message] : []))
    const [message] = sent as [CompactPrePrepare]
    const fresh = new Cluster({ compactProposals: 'always' }).node(1).replica
    expect([fresh.wants(LEADER, message), fresh.wants(validatorIndex(2), message)]).toEqual([true, false])
    const effects = fresh.step({ kind: 'message', from: validatorIndex(2), message: message as never, nowMs: 2_000 })
    expect(effects).toEqual([])
    expect(equalBytes(message.hash, message.header.parent)).toBe(false)
  })
})
