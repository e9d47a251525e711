import { epoch, equalBytes, height, keyOf, validatorIndex } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import {
  ballotOf,
  blockOf,
  CHAIN,
  Cluster,
  certificateOf,
  chainOf,
  isKind,
  newViewOf,
  prePrepareOf,
  START_MS,
  signVote,
  statusFrom,
  type TestReplica,
  transaction,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import type { Block, Message, VerifiedMessage, ViewChange } from './index.js'

const FAR = certificateOf('commit', 0, blockOf({ height: 6_000 }))

/** As the edge lets it through; to sign thousands of them takes too long, so only the highest is signed. */
function farViewChange(at: number): VerifiedMessage {
  return { ...viewChangeOf(3, 1, FAR), certificate: { ...FAR, height: height(at) } } as ViewChange as VerifiedMessage
}

describe('catching up (protocol.md §7)', () => {
  it('S7: whatever is lost is sent again: proposals and votes one by one until everybody has committed', () => {
    for (let keep = 2; keep < 9; keep++) {
      const cluster = new Cluster()
      let count = 0
      cluster.cut = () => ++count % keep !== 0 // only every keep-th message arrives
      cluster.at(0).order('a', 'b', 'c')
      cluster.run(400)
      cluster.cut = () => false
      cluster.run(5000)
      expect(cluster.replicas.map((replica) => replica.height)).toEqual([3, 3, 3, 3])
    }
  })

  it('D5, I1: a replica that was down fetches the committed blocks, verifies and executes them itself', () => {
    const cluster = new Cluster()
    cluster.at(3).crash()
    for (let i = 0; i < 30; i++) {
      cluster.at(0).order(`tx ${i}`)
      cluster.deliver()
    }
    cluster.at(3).boot()
    cluster.run(3000)
    expect(cluster.at(3).height).toBe(30)
    expect(cluster.at(3).validationsAsked.length).toBe(30)
    expect(cluster.at(3).committed.map((block) => block.header.height)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  it('B10, D7: blocks that come by sync and by votes at once are committed once', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const blocks = chainOf(3)
    const certificate = certificateOf('commit', 0, blocks[2] ?? blockOf())
    for (const block of blocks) replica.receive(0, prePrepareOf(0, 0, block))
    const answer = { kind: 'blocks' as const, blocks, links: [], certificate }
    replica.receive(1, answer)
    for (const block of blocks) for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, block))
    replica.receive(2, answer)
    expect(replica.committed.map((block) => block.header.height)).toEqual([1, 2, 3])
  })

  it('a body that is missing is asked for no more once another block is committed at its height', () => {
    const replica = new Cluster().at(3)
    const lost = blockOf({ transactions: [transaction('lost')] })
    const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1, certificateOf('prepare', 0, lost)))
    replica.receive(1, newViewOf(1, 1, changes))
    expect(replica.running.held.missing).toBe(1)
    const committed = blockOf({ view: 2 })
    replica.receive(0, { kind: 'blocks', blocks: [committed], links: [], certificate: certificateOf('commit', 2, committed) })
    expect([replica.height, replica.running.held.missing]).toEqual([1, 0])
  })

  it('what a later view has committed goes on being executed when a view below that begins on something else', () => {
    const replica = new Cluster().at(3)
    const [first = blockOf(), second = blockOf()] = chainOf(2)
    replica.validating = 'held'
    for (const block of [first, second]) replica.receive(0, prePrepareOf(0, 0, block))
    replica.receive(0, viewChangeOf(0, 6, certificateOf('commit', 3, second)))
    const changes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1))
    replica.receive(1, newViewOf(1, 1, changes))
    expect(replica.position).toBe('active 1')
    for (const block of [first, second]) replica.step(replica.verdictOn(block))
    expect(replica.height).toBe(2)
  })

  it('a block that was committed just now is given by its hash to whoever still lacks it', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a')
    cluster.deliver()
    const replica = cluster.at(1)
    const [block] = replica.committed
    replica.receive(3, { kind: 'fetch', want: 'block', hash: (block ?? blockOf()).hash })
    expect(replica.sentOf('block').map((answer) => answer.block.header.height)).toEqual([1])
  })

  it('D4: committed blocks with a certificate of a descendant are accepted on the headers between', () => {
    const replica = new Cluster().at(3)
    const blocks = chainOf(5)
    const [first, second, ...above] = blocks
    const certificate = certificateOf('commit', 0, blocks[4] ?? blockOf())
    replica.receive(1, {
      kind: 'blocks',
      blocks: [first ?? blockOf(), second ?? blockOf()],
      links: above.map((block) => block.header),
      certificate,
    })
    expect(replica.height).toBe(2)
  })

  it('D6: a certificate that came before the bodies covers the blocks below, too, when they come as proposals (seed 20000107)', () => {
    const replica = new Cluster().at(3)
    const [first = blockOf(), second = blockOf()] = chainOf(2)
    replica.receive(2, viewChangeOf(2, 1, certificateOf('commit', 0, second)))
    for (const block of [first, second]) replica.receive(0, prePrepareOf(0, 0, block))
    expect(replica.height).toBe(2)
  })

  it('D6: a new view drops nothing that lies below a proven commit, and what cannot be checked yet is not invalid (seed 20000107)', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [first = blockOf(), second = blockOf()] = chainOf(2)
    const tip = blockOf({ height: 3, parent: second.hash, lastCertificate: certificateOf('commit', 0, first) })
    replica.receive(2, viewChangeOf(2, 1, certificateOf('commit', 0, second)))
    replica.receive(0, prePrepareOf(0, 0, second)) // early: its turn has not come
    replica.receive(1, newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1, certificateOf('prepare', 0, tip)), viewChangeOf(2, 1)]))
    for (const block of [tip, second, first]) replica.receive(2, { kind: 'block', block })
    expect(replica.saw('block-invalid')).toBe(false)
    expect(replica.height).toBe(2)
    expect(replica.sentVotes('prepare').map((vote) => [vote.view, vote.height])).toEqual([])
    replica.receive(1, prePrepareOf(1, 1, tip))
    expect(replica.sentVotes('prepare').map((vote) => [vote.view, vote.height])).toEqual([[1, 3]])
  })

  it('B9: a NEW-VIEW that came while bodies were missing takes effect when they arrive', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const blocks = chainOf(3)
    const [, , tip = blockOf()] = blocks
    replica.receive(1, newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1, certificateOf('prepare', 0, tip)), viewChangeOf(2, 1)]))
    replica.receive(1, prePrepareOf(1, 1, tip))
    expect(replica.sentVotes()).toEqual([])
    for (const block of blocks.toReversed()) replica.receive(2, { kind: 'block', block })
    expect(replica.sentVotes('prepare').map((vote) => [vote.view, vote.height])).toEqual([[1, 3]])
  })

  it('B9: a body that was asked for and did not come is asked for again at each tick, from one after the other', () => {
    const replica = new Cluster().at(3)
    const tip = blockOf()
    replica.receive(1, newViewOf(1, 1, [viewChangeOf(0, 1), viewChangeOf(1, 1, certificateOf('prepare', 0, tip)), viewChangeOf(2, 1)]))
    const asked = (): number[] => replica.sent.filter(({ message }) => message.kind === 'fetch').map(({ to }) => Number(to))
    expect(asked()).toEqual([1]) // the new leader, who is likely to have it
    for (let tick = 0; tick < 3; tick++) replica.fire('status')
    expect(asked().slice(1).toSorted()).toEqual([0, 1, 2])
    replica.receive(2, { kind: 'block', block: tip })
    const before = asked().length
    replica.fire('status')
    expect(asked().length).toBe(before)
  })

  it('D3: who is behind in views learns the newest NEW-VIEW from the answer to its STATUS', () => {
    const cluster = new Cluster()
    cluster.cut = ({ to }) => to === 3
    for (const index of [1, 2]) cluster.at(index).fire('view')
    cluster.deliver()
    expect(cluster.at(3).position).toBe('active 0')
    cluster.cut = () => false
    cluster.at(3).fire('status')
    cluster.deliver()
    expect(cluster.at(3).position).toBe('active 1')
  })

  it('D3: a laggard blames itself: it fetches instead of leaving a view in which a weak quorum commits, but one liar does not hold it back', () => {
    const replica = new Cluster().at(3)
    replica.order('waiting here')
    replica.receive(0, statusFrom(0, 0, 7))
    replica.receive(1, statusFrom(1, 0, 7))
    replica.fire('view')
    expect(replica.position).toBe('active 0')
    expect(replica.saw('fetching')).toBe(true)
    const lied = new Cluster().at(3)
    lied.order('waiting here')
    lied.receive(0, statusFrom(0, 0, 7))
    lied.fire('view')
    expect(lied.position).toBe('changing 1')
  })

  it('E4: a peer that claims heights and delivers nothing costs a tick, not progress', () => {
    const cluster = new Cluster()
    cluster.at(3).crash()
    for (let i = 0; i < 5; i++) {
      cluster.at(0).order(`tx ${i}`)
      cluster.deliver()
    }
    cluster.at(3).boot()
    cluster.cut = (sent) => sent.from === 0 || isKind('blocks')(sent)
    for (const claimed of [1e6, 10, 1e9]) cluster.at(3).receive(0, statusFrom(0, 0, claimed)) // and answers nothing
    cluster.run(2000)
    const asked = cluster.at(3).events.flatMap((event) => (event.name === 'fetching' ? [event.peer] : []))
    expect([...new Set(asked)].sort()).toEqual([0, 1, 2])
    cluster.cut = ({ from }) => from === 0
    cluster.run(2000)
    expect(cluster.at(3).height).toBe(5)
  })

  it('E4: a peer that gives one block at a time, each at the last moment, costs its turn, not progress', () => {
    for (const isAsked of [true, false]) {
      const cluster = new Cluster()
      cluster.cut = () => true
      const replica = cluster.at(3)
      const blocks = chainOf(60)
      const answer = (from: number, at: number, count: number): void => {
        const served = blocks.slice(at - 1, at - 1 + count)
        replica.receive(from, {
          kind: 'blocks',
          blocks: served,
          links: [],
          certificate: certificateOf('commit', 0, served.at(-1) as Block),
        })
      }
      let [seen, ticks] = [0, 0]
      const late: number[] = []
      for (; replica.height < blocks.length && ticks < 100; ticks++) {
        // In answer to what it was asked; or to every STATUS, as those may who are in a later epoch, and then it claims to have no more than that.
        for (const at of isAsked ? late.splice(0) : [replica.height + 1]) answer(0, at, 1)
        replica.receive(0, statusFrom(0, 0, isAsked ? blocks.length : replica.height))
        for (const sender of [1, 2]) replica.receive(sender, statusFrom(sender, 0, blocks.length))
        replica.fire('status')
        for (; seen < replica.sent.length; seen++) {
          const { to, message } = replica.sent[seen] as (typeof replica.sent)[number]
          if (message.kind !== 'fetch' || message.want !== 'committed') continue
          if (to === 0) late.push(message.from)
          else answer(Number(to), message.from, 10)
        }
      }
      expect(replica.height).toBe(blocks.length)
      expect([isAsked, ticks < 20]).toEqual([isAsked, true])
    }
  })

  it('E1: a faulty validator that shows certificates of thousands of far blocks keeps nobody from catching up', () => {
    const cluster = new Cluster()
    cluster.at(2).crash()
    const late = cluster.at(2)
    for (let i = 0; i < 3; i++) {
      cluster.at(0).order(`tx ${i}`)
      cluster.deliver()
    }
    late.boot()
    // Good ones, of blocks that the chain has come to since: `late` is that far behind.
    for (let at = 6_000; at > 1_000; at--)
      late.running.step({ kind: 'message', from: validatorIndex(3), message: farViewChange(at), nowMs: START_MS })
    cluster.run(3000)
    expect(late.height).toBe(3)
  })

  it('E1: a body that has come with committed blocks is asked for no more, however long its execution takes', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    const replica = cluster.at(3)
    replica.validating = 'held'
    const blocks = chainOf(5)
    const [, , , fourth, fifth] = blocks as [Block, Block, Block, Block, Block]
    for (const sender of [0, 1, 2]) replica.receive(sender, voteMessage(sender, 'commit', 0, fifth))
    replica.receive(0, { kind: 'block', block: fifth })
    replica.receive(1, statusFrom(1, 0, 5))
    replica.fire('status')
    expect(replica.sentOf('fetch').filter((fetch) => fetch.want === 'block' && equalBytes(fetch.hash, fourth.hash))).toHaveLength(2)
    replica.receive(1, { kind: 'blocks', blocks: blocks.slice(0, 4), links: [], certificate: certificateOf('commit', 0, fourth) })
    expect(replica.running.inspect()).toMatchObject({ blocksHeld: 5, missing: 0 })
    replica.sent.length = 0
    for (let tick = 0; tick < 5; tick++) replica.fire('status')
    expect(replica.sentOf('fetch').filter(({ want }) => want === 'block')).toEqual([])
  })

  it('D5: committed blocks that come together do not push each other out, however much is held that was voted for', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    const replica = cluster.at(3)
    // Accepted before a restart: as large together as a wide window of full blocks, and wanted still.
    const large = new Uint8Array(8 * 1024 * 1024)
    const blocks = chainOf(5)
    const voted = blockOf({ height: 6, parent: blocks[4]?.hash ?? CHAIN, transactions: new Array<Uint8Array>(33).fill(large) })
    replica.disk.blocks.set(keyOf(voted.hash), voted)
    replica.disk.votes.push(signVote(3, ballotOf('prepare', 0, voted)))
    replica.restart()
    replica.receive(1, statusFrom(1, 0, 5))
    replica.fire('status')
    replica.receive(1, { kind: 'blocks', blocks, links: [], certificate: certificateOf('commit', 0, blocks[4] as Block) })
    expect(replica.height).toBe(5)
  })

  it('the next block is at work until it is executed, not until it is committed: then it may be waiting for what nobody has to give', () => {
    const replica = new Cluster().at(3)
    replica.validating = 'held'
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    expect(replica.running.isExecuting).toBe(true)
    replica.step(replica.verdictOn(block))
    expect(replica.sentVotes('prepare')).toHaveLength(1)
    expect(replica.running.isExecuting).toBe(false)
  })

  it('a committed block whose check was given up is asked for once more before it is checked again: the answer may bring the gas of its proofs', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const [block = blockOf()] = chainOf(1)
    const giveUp = (): void =>
      void replica.step({ kind: 'validated', hash: block.hash, result: { status: 'aborted', reason: 'no blob' }, nowMs: cluster.nowMs })
    replica.validating = 'held'
    replica.receive(0, prePrepareOf(0, 0, block))
    for (const from of [0, 1, 2]) replica.receive(from, voteMessage(from, 'commit', 0, block))
    replica.receive(1, statusFrom(1, 0, 1))
    replica.fire('status')
    expect(replica.sentOf('fetch')).toEqual([]) // at work
    giveUp()
    replica.fire('status')
    expect(replica.sentOf('fetch')).toMatchObject([{ want: 'committed', from: 1 }])
    const gas = [block.body.transactions.map(() => 7)]
    replica.receive(1, { kind: 'blocks', blocks: [block], links: [], certificate: certificateOf('commit', 0, block), gas })
    giveUp()
    replica.fire('status')
    expect(replica.certifiedGas).toEqual(gas[0])
  })

  it('E1: a body nobody asked for is not kept', () => {
    const replica = new Cluster().at(3)
    for (let i = 0; i < 100; i++) replica.receive(1, { kind: 'block', block: blockOf({ timestampMs: 2_000_000 + i }) })
    expect(replica.running.inspect().blocksHeld).toBe(0)
  })

  it('committed blocks and bodies that were not asked for are refused before any signature is checked', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const blocks = chainOf(3)
    const certificate = certificateOf('commit', 0, blocks[2] ?? blockOf())
    const answer = { kind: 'blocks' as const, blocks, links: [], certificate }
    const wants = (from: number, message: Message): boolean => replica.running.wants(validatorIndex(from), message)
    expect(wants(1, answer)).toBe(false)
    expect(wants(1, { kind: 'block', block: blocks[0] ?? blockOf() })).toBe(false)
    replica.receive(1, statusFrom(1, 0, 3))
    replica.fire('status') // asks validator 1, and nobody else
    expect(replica.sentOf('fetch').length).toBe(1)
    expect([0, 1, 2].map((from) => wants(from, answer))).toEqual([false, true, false])
    replica.receive(1, answer)
    expect(replica.height).toBe(3)
    expect(wants(1, answer)).toBe(false)
    expect(wants(1, prePrepareOf(0, 0, blocks[0] ?? blockOf()))).toBe(false)
    expect(wants(1, newViewOf(1, 0, []))).toBe(false)
    expect(wants(2, statusFrom(1, 0, 9))).toBe(false) // relayed
  })

  it('E1: a flood of STATUS or FETCH draws a bounded number of answers per tick, committed blocks a handful', () => {
    const cluster = new Cluster()
    cluster.at(0).order('a', 'b', 'c')
    cluster.deliver()
    const replica = cluster.at(1)
    replica.fire('status')
    replica.sent.length = 0
    replica.served.length = 0
    for (let i = 0; i < 2000; i++) {
      replica.receive(3, statusFrom(3, 0, 0))
      replica.receive(3, { kind: 'fetch', want: 'committed', from: height(1) })
      replica.receive(3, { kind: 'fetch', want: 'block', hash: replica.committed[2]?.hash ?? CHAIN })
    }
    expect(replica.sent.length).toBeLessThanOrEqual(512)
    expect(replica.served.length).toBeLessThanOrEqual(4)
    expect(replica.served.length).toBeGreaterThan(0)
    const before = replica.served.length
    replica.receive(2, { kind: 'fetch', want: 'committed', from: height(1) }) // others are not punished for it
    expect(replica.served.length).toBe(before + 1)
  })

  it('E1: whoever shows again and again that it is behind in views is told the same at growing intervals (seed 20175)', () => {
    const replica = new Cluster().at(1)
    replica.fire('view')
    expect(replica.position).toBe('changing 1')
    const told = (to: number): number => replica.sent.filter((sent) => sent.to === to && sent.message.kind === 'view-change').length
    const toAll = (): number => replica.sent.filter(({ to, message }) => to === 'all' && message.kind === 'view-change').length
    for (let i = 0; i < 50; i++) for (const peer of [2, 3]) replica.receive(peer, statusFrom(peer, 0, 0))
    expect([toAll(), told(2), told(3)]).toEqual([1, 0, 0]) // it is on its way
    for (let tick = 1; tick <= 40; tick++) {
      replica.fire('status')
      for (let i = 0; i < 5; i++) {
        replica.receive(2, statusFrom(2, 0, 0))
        replica.receive(3, statusFrom(3, 1, 0, 'changing'))
      }
    }
    expect([toAll(), told(2), told(3)]).toEqual([9, 0, 0]) // at its start and at ticks 1, 2, 4, 8, 16, 24, 32, 40, each to all at once
  })

  it('E1: a NEW-VIEW goes to a peer once per growing interval, however many stale VIEW-CHANGEs and STATUS ask for it', () => {
    const replica = new Cluster().at(2)
    const wishes = [0, 1, 2].map((sender) => viewChangeOf(sender, 1))
    replica.receive(1, newViewOf(1, 1, wishes))
    expect(replica.position).toBe('active 1')
    const answered: number[] = []
    for (let tick = 0; tick <= 20; tick++) {
      if (tick > 0) replica.fire('status')
      const before = replica.sentOf('new-view').length
      for (let i = 0; i < 20; i++) {
        replica.receive(3, viewChangeOf(3, 1))
        replica.receive(3, statusFrom(3, 0, 0))
      }
      if (replica.sentOf('new-view').length > before) answered.push(tick)
      expect(replica.sentOf('new-view').length - before).toBeLessThanOrEqual(1)
    }
    expect(answered).toEqual([0, 1, 2, 4, 8, 16])
    replica.receive(0, statusFrom(0, 0, 0)) // others do not wait for it
    expect(replica.sentOf('new-view').length).toBe(answered.length + 1)
    replica.step({ kind: 'connected', peer: validatorIndex(3), nowMs: START_MS }) // what was sent before may be lost
    replica.receive(3, statusFrom(3, 0, 0))
    expect(replica.sentOf('new-view').length).toBe(answered.length + 2)
  })

  it('E1: a STATUS with the same words is answered with votes at growing intervals, a new one at once', () => {
    const replica = new Cluster().at(1)
    replica.receive(0, prePrepareOf(0, 0, blockOf()))
    const answered: number[] = []
    for (let tick = 1; tick <= 20; tick++) {
      replica.fire('status')
      const before = replica.sent.length
      for (let i = 0; i < 5; i++) replica.receive(3, statusFrom(3, 0, 0))
      const answers = replica.sent.slice(before)
      expect(answers.length).toBeLessThanOrEqual(3) // the proposal and its two votes
      if (answers.length > 0) answered.push(tick)
    }
    expect(answered).toEqual([1, 2, 3, 5, 9, 17])
    const before = replica.sent.length
    replica.receive(2, statusFrom(2, 0, 0))
    expect(replica.sent.length).toBeGreaterThan(before)
  })

  it('answers with large blocks are bounded in bytes per tick, and one of any size still gets through', () => {
    const cluster = new Cluster()
    const replica = cluster.at(1)
    const large = blockOf({ transactions: [new Uint8Array(5 * 1024 * 1024)] })
    replica.receive(0, prePrepareOf(0, 0, large))
    replica.sent.length = 0
    for (let i = 0; i < 50; i++) replica.receive(3, { kind: 'fetch', want: 'block', hash: large.hash })
    expect(replica.sentOf('block').length).toBe(4) // 20 MiB: the one that crosses the line is the last
    replica.fire('status')
    replica.receive(3, { kind: 'fetch', want: 'block', hash: large.hash })
    expect(replica.sentOf('block').length).toBe(5)
  })

  it('of a block that is held single transactions can be had, those that it has, within the same bounds', () => {
    const replica = new Cluster().at(1)
    const body = ['a', 'b', 'c'].map(transaction)
    const block = blockOf({ transactions: body })
    const ask = (positions: number[], hash = block.hash): unknown =>
      replica.receive(3, { kind: 'fetch', want: 'transactions', hash, positions })
    ask([0])
    expect(replica.sentOf('block-transactions')).toEqual([])
    replica.receive(0, prePrepareOf(0, 0, block))
    ask([1, 2, 3, 900])
    const transactions = [1, 2].map((position) => ({ position, bytes: body[position] }))
    expect(replica.sentOf('block-transactions')).toEqual([{ kind: 'block-transactions', hash: block.hash, transactions }])
    ask([3])
    ask([0], CHAIN)
    expect(replica.sentOf('block-transactions').length).toBe(1)
    const large = blockOf({ height: 2, parent: block.hash, transactions: [new Uint8Array(5 * 1024 * 1024)] })
    replica.receive(0, prePrepareOf(0, 0, large))
    for (let i = 0; i < 50; i++) ask([0], large.hash)
    expect(replica.sentOf('block-transactions').length).toBe(5) // 20 MiB: the one that crosses the line is the last
  })

  it('bodies voted for are served until their height commits, and the newest committed ones after it', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    const block = blockOf()
    replica.receive(0, prePrepareOf(0, 0, block))
    for (const sender of [0, 1, 2]) replica.receive(sender, viewChangeOf(sender, 1))
    replica.receive(
      1,
      newViewOf(
        1,
        1,
        [0, 1, 2].map((sender) => viewChangeOf(sender, 1)),
      ),
    ) // a view that begins without it
    replica.receive(2, { kind: 'fetch', want: 'block', hash: block.hash })
    expect(replica.sentOf('block').map((message) => keyOf(message.block.hash))).toEqual([keyOf(block.hash)])
    replica.restart()
    replica.receive(2, { kind: 'fetch', want: 'block', hash: block.hash })
    expect(replica.sentOf('block').length).toBe(2)
  })

  it('E1: equivocation in many slots is broadcast once per sender and view', () => {
    const replica = new Cluster().at(1)
    for (let at = 1; at <= 8; at++) {
      const [a, b] = [blockOf({ height: at }), blockOf({ height: at, timestampMs: 3_000_000 })]
      for (const block of [a, b]) replica.receive(3, voteMessage(3, 'commit', 0, block))
    }
    expect(replica.evidence.length).toBe(1)
    expect(replica.sent.filter(({ message }) => message.kind === 'vote').length).toBe(2)
  })
})

describe('peers in a later epoch (protocol.md §10)', () => {
  const chain = chainOf(3)
  const answer: Message = { kind: 'blocks', blocks: chain, links: [], certificate: certificateOf('commit', 0, chain[2] as Block) }
  const hint = (replica: TestReplica, from: number): void => {
    replica.step({ kind: 'foreign', from: validatorIndex(from), epoch: epoch(1), committedHeight: height(9), nowMs: 1 })
  }
  const asked = (replica: TestReplica): [number | 'all', number][] =>
    replica.sent.flatMap(({ to, message }) => (message.kind === 'fetch' && message.want === 'committed' ? [[to, message.from]] : []))

  it('E4: what is here and being executed is not asked for again, whoever speaks and however long it takes', () => {
    const replica = new Cluster().at(3)
    replica.validating = 'held'
    hint(replica, 0)
    replica.receive(0, answer)
    for (const from of [1, 2, 0, 1]) hint(replica, from)
    replica.fire('status')
    for (const from of [1, 2, 0, 1]) hint(replica, from)
    replica.fire('status')
    expect(asked(replica)).toEqual([[0, 1]])
    for (const block of chain) replica.step(replica.verdictOn(block))
    expect(replica.height).toBe(3)
  })

  it('what follows the last block of an answer is asked for when that is committed, without another hint', () => {
    const replica = new Cluster().at(3)
    hint(replica, 0)
    replica.receive(0, answer)
    expect(replica.height).toBe(3)
    expect(asked(replica)).toEqual([
      [0, 1],
      [0, 4],
    ])
    hint(replica, 1)
    expect(asked(replica).length).toBe(2)
  })
})
