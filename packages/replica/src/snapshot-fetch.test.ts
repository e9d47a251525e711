import { EMPTY_BYTES, epoch, height, type Refusal, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import {
  type ChunkMessage,
  decodeHeaders,
  encodeHeaders,
  HEADERS_LANE,
  hashHeader,
  type Message,
  type SnapshotMessage,
  type VerifiedMessage,
} from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { keptBytes } from '../../consensus/test/memory.js'
import { BLOCK, freshState, MEMPOOL, signAs } from '../test/cluster.js'
import { CHAIN, certify, chainTo, type Lists, lists, offerOf, rootOf, startOf, verifySignature } from '../test/shelves.js'
import type { Application } from './application.js'
import type { ReplicaEffect, ReplicaInput, SnapshotRecord, StagedSnapshot, SyncEvent } from './interface.js'
import { createReplica } from './replica.js'
import { type FetchHost, type Finished, SnapshotFetch } from './snapshot-fetch.js'
import { SnapshotShelf } from './snapshot-shelf.js'

const LISTS: Lists = [['a', 'b', 'c', 'd'], ['e'], ['f', 'g']]
const TOP = 20
const OTHER: Lists = [['x'], [], ['y']]
const CHAIN_OF_HEADERS = chainTo(TOP, (at) => rootOf(at === TOP ? LISTS : OTHER))
const HEADER = CHAIN_OF_HEADERS[TOP - 1] as (typeof CHAIN_OF_HEADERS)[0]
const BELOW = CHAIN_OF_HEADERS.slice(0, -1).reverse()
const OFFER: SnapshotMessage = { kind: 'snapshot', offer: offerOf(HEADER) }
const PEERS = [1, 2, 3].map(validatorIndex)

type Wish = Extract<Message, { kind: 'fetch'; want: 'chunk' }>

/** A fetch whose peers a test plays. */
class Bench {
  readonly sent: { readonly to: ValidatorIndex; readonly message: Message }[] = []
  readonly records: SnapshotRecord[] = []
  readonly events: SyncEvent[] = []
  readonly blamed: { readonly peer: ValidatorIndex; readonly refusal: Refusal }[] = []
  readonly connected = new Set<ValidatorIndex>()
  committed = { height: height(0), hash: CHAIN, timestampMs: 0 }
  readonly fetch: SnapshotFetch<Lists>
  finished: Finished<Lists> | null = null
  executing = false

  constructor(staged: StagedSnapshot | null = null, behindBlocks = 5, committed = 0) {
    const bench = this
    this.committed = { ...this.committed, height: height(committed) }
    const host: FetchHost = {
      get committed() {
        return bench.committed
      },
      epoch: startOf(),
      connected: this.connected,
      get isExecuting() {
        return bench.executing
      },
      send: (to, message) => this.sent.push({ to, message }),
      record: (record) => this.records.push(record),
      emit: (event) => this.events.push(event),
      blame: (peer, refusal) => this.blamed.push({ peer, refusal }),
    }
    const context = { chainId: CHAIN, epochLength: 0, verifySignature }
    this.fetch = new SnapshotFetch({ context, snapshots: lists, behindBlocks, staged }, host)
    this.fetch.resume()
  }

  tick(times = 1): void {
    for (let i = 0; i < times; i++) this.finished = this.fetch.onTick() ?? this.finished
  }

  connect(peer: ValidatorIndex): void {
    this.connected.add(peer)
    this.fetch.askAgain(peer)
  }

  disconnect(peer: ValidatorIndex): void {
    this.connected.delete(peer)
    this.fetch.askAgain(peer)
  }

  /** Peers say how far they are, and offer the state. */
  begin(peers: readonly ValidatorIndex[] = PEERS): void {
    for (const peer of peers) this.fetch.hear(peer, TOP)
    for (const peer of peers) this.fetch.onOffer(peer, OFFER)
    this.tick(3)
  }

  /** Requests for parts sent since the last call. */
  wishes(): { readonly to: ValidatorIndex; readonly wish: Wish }[] {
    return this.sent
      .splice(0)
      .flatMap(({ to, message }) => (message.kind === 'fetch' && message.want === 'chunk' ? [{ to, wish: message }] : []))
  }

  answer(
    { to, wish }: { readonly to: ValidatorIndex; readonly wish: Wish },
    change: (message: ChunkMessage) => ChunkMessage = (message) => message,
  ): void {
    const message = change(truthOf(wish))
    if (this.fetch.wants(to, message)) this.finished = this.fetch.onChunk(to, message) ?? this.finished
  }

  /** Everybody who is asked answers, until nobody is asked. */
  serve(isUp: (peer: ValidatorIndex) => boolean = () => true): void {
    for (let wishes = this.wishes(); wishes.length > 0; wishes = this.wishes())
      for (const each of wishes) if (isUp(each.to)) this.answer(each)
  }

  names(): string[] {
    return this.events.map(({ name }) => name)
  }
}

function truthOf({ lane, cursor, height: at }: Wish): ChunkMessage {
  const chunk = lane === HEADERS_LANE ? encodeHeaders(BELOW) : (lists.chunk(LISTS, { lane, cursor }, 1) as Uint8Array)
  return { kind: 'chunk', height: at, lane, cursor, chunk }
}

describe('taking over a state', () => {
  it('asks several peers for its parts, keeps each durably once it is checked, and ends with the certified state', () => {
    const bench = new Bench()
    bench.begin()
    const first = bench.wishes()
    expect(new Set(first.map(({ to }) => to))).toEqual(new Set(PEERS))
    for (const each of first) bench.answer(each)
    bench.serve()
    expect(bench.finished?.state).toEqual(LISTS)
    expect(bench.finished?.headers).toEqual(BELOW)
    const kinds = bench.records.map(({ kind }) => kind)
    expect(kinds[0]).toBe('begin')
    expect(kinds.filter((kind) => kind === 'chunk')).toHaveLength(7)
    expect(kinds.filter((kind) => kind === 'headers')).toHaveLength(1)
    expect(bench.blamed).toEqual([])
  })

  it('what was asked of a peer that is lost is asked at once of the others, and of it when it is back; of whoever is connected first', () => {
    const bench = new Bench()
    for (const peer of PEERS.slice(0, 2)) bench.connect(peer)
    bench.begin()
    const asked = bench.wishes()
    expect(new Set(asked.map(({ to }) => to))).toEqual(new Set(PEERS.slice(0, 2)))
    const lost = asked.filter(({ to }) => to === PEERS[0]).map(({ wish }) => wish)
    bench.disconnect(PEERS[0] as ValidatorIndex)
    const again = bench.wishes()
    expect(again.length).toBeGreaterThan(0)
    for (const { to, wish } of again) expect([to, lost]).toEqual([PEERS[1], expect.arrayContaining([wish])])
    bench.connect(PEERS[1] as ValidatorIndex) // a new connection: all of that is lost
    expect(bench.wishes().length).toBe(asked.length - lost.length + again.length)
    bench.connect(PEERS[0] as ValidatorIndex)
    bench.tick(8)
    bench.serve()
    expect(bench.finished?.state).toEqual(LISTS)
  })

  it('is not begun for peers that are a little ahead; nor for a state that is hardly above', () => {
    const bench = new Bench()
    for (const peer of PEERS) bench.fetch.hear(peer, 4)
    bench.tick(3)
    expect(bench.sent).toEqual([])
    const late = new Bench()
    late.committed = { ...late.committed, height: height(TOP - 2) }
    for (const peer of PEERS) late.fetch.hear(peer, TOP + 10)
    for (const peer of PEERS) late.fetch.onOffer(peer, OFFER)
    late.tick(3)
    expect(late.records).toEqual([])
  })

  it('of what is offered the highest is taken, whoever offers first', () => {
    const lower: SnapshotMessage = { kind: 'snapshot', offer: offerOf(CHAIN_OF_HEADERS[TOP - 8] as typeof HEADER) }
    for (const offers of [
      [lower, OFFER],
      [OFFER, lower],
    ]) {
      const bench = new Bench()
      for (const peer of PEERS) bench.fetch.hear(peer, TOP)
      for (const [at, offer] of offers.entries()) bench.fetch.onOffer(PEERS[at] as ValidatorIndex, offer)
      bench.tick(3)
      expect(bench.records).toMatchObject([{ kind: 'begin', target: { header: { height: TOP } } }])
    }
  })

  it('E4: a higher one that one peer alone has is not: it might serve that as slowly as one may, and no block would be asked for meanwhile', () => {
    const top = chainTo(TOP + 4, (at) => rootOf(at > TOP ? LISTS : OTHER)).at(-1) as typeof HEADER
    const alone: SnapshotMessage = { kind: 'snapshot', offer: offerOf(top) }
    const bench = new Bench()
    for (const peer of PEERS) bench.fetch.hear(peer, TOP + 4)
    for (const [at, peer] of PEERS.entries()) bench.fetch.onOffer(peer, at === 0 ? alone : OFFER)
    bench.tick(3)
    expect(bench.records).toMatchObject([{ kind: 'begin', target: { header: { height: TOP } } }])
    expect(bench.fetch.progress?.peers).toEqual(PEERS.slice(1))
  })

  it('blocks are not asked for while it comes, and are again when none of it has come for 16 ticks', () => {
    const bench = new Bench()
    const holdsBack = (): boolean => bench.fetch.holdsBack({ kind: 'send', message: { kind: 'fetch', want: 'committed', from: height(1) } })
    bench.begin()
    bench.tick(10)
    expect(holdsBack()).toBe(true)
    for (const each of bench.wishes().slice(-1)) bench.answer(each)
    bench.tick(15)
    expect(bench.names()).not.toContain('snapshot-given-up')
    bench.tick(1)
    expect([holdsBack(), bench.fetch.progress?.height]).toEqual([false, TOP])
  })

  it('is begun for a small step as well where the blocks cannot be had; not while the next one is being verified, however long that takes', () => {
    for (const executing of [false, true]) {
      const bench = new Bench(null, 1_000)
      bench.executing = executing
      for (let tick = 0; tick < 140; tick++) {
        for (const peer of PEERS) bench.fetch.hear(peer, TOP)
        for (const { to, message } of bench.sent.splice(0))
          if (message.kind === 'fetch' && message.want === 'snapshot') bench.fetch.onOffer(to, OFFER)
        bench.tick()
      }
      expect(bench.records.map(({ kind }) => kind)).toEqual(executing ? [] : ['begin'])
    }
  })

  it('S9: a state whose root nobody certified is not asked for, and who offers it is named and asked no more', () => {
    const bench = new Bench()
    const forged = { ...HEADER, stateRoot: rootOf(OTHER) }
    const lies = [
      offerOf(forged, [], certify(HEADER)),
      offerOf(forged, [], certify(forged, [0, 1])),
      offerOf(forged, [], certify(forged, [0, 1, 2], 4)),
    ]
    for (const peer of PEERS) bench.fetch.hear(peer, TOP)
    for (const [at, offer] of lies.entries()) bench.fetch.onOffer(PEERS[at] as ValidatorIndex, { kind: 'snapshot', offer })
    bench.tick(10)
    expect(bench.blamed.map(({ refusal }) => refusal.code)).toEqual(['certificate-block', 'certificate-power', 'certificate-signature'])
    expect(bench.records).toEqual([])
    bench.sent.length = 0
    bench.tick(100)
    expect(bench.sent).toEqual([])
  })

  it('S9, E5: a chunk that is not the state\u2019s own (wrong bytes, cut, longer, of another state, the root itself) is refused; nothing of it is kept; another peer is asked', () => {
    const lies: readonly ((message: ChunkMessage) => ChunkMessage)[] = [
      (message) => ({ ...message, chunk: message.chunk.map((byte, at) => (at === message.chunk.length - 1 ? byte ^ 1 : byte)) }),
      (message) => ({ ...message, chunk: message.chunk.slice(0, -1) }),
      (message) => ({ ...message, chunk: Uint8Array.from([...message.chunk, 0]) }),
      (message) => ({ ...message, chunk: lists.chunk(OTHER, { lane: 0, cursor: EMPTY_BYTES }, 1) as Uint8Array }),
      (message) => ({ ...message, chunk: EMPTY_BYTES }),
      (message) => ({ ...message, chunk: HEADER.stateRoot }),
    ]
    for (const lie of lies) {
      const bench = new Bench()
      bench.begin()
      const wishes = bench.wishes()
      const target = wishes.find(({ wish }) => wish.lane === 0) as (typeof wishes)[0]
      const before = bench.records.length
      bench.answer(target, lie)
      expect(bench.blamed.map(({ peer }) => peer)).toEqual([target.to])
      expect(bench.events).toContainEqual({ name: 'snapshot-peer-dropped', peer: target.to, code: bench.blamed[0]?.refusal.code })
      expect(bench.records).toHaveLength(before)
      const again = bench.wishes()
      expect(again.some(({ to, wish }) => wish.lane === 0 && to !== target.to)).toBe(true)
      for (const each of [...wishes.filter((each) => each !== target && each.to !== target.to), ...again]) bench.answer(each)
      bench.serve((peer) => peer !== target.to)
      expect(bench.finished?.state).toEqual(LISTS)
    }
  })

  it('headers that are no parents of the block are refused like any other part', () => {
    const bench = new Bench()
    bench.begin()
    const target = bench.wishes().find(({ wish }) => wish.lane === HEADERS_LANE) as { to: ValidatorIndex; wish: Wish }
    bench.answer(target, (message) => ({ ...message, chunk: encodeHeaders(BELOW.map((header) => ({ ...header, timestampMs: 1 }))) }))
    expect(bench.blamed.map(({ refusal }) => refusal.code)).toEqual(['headers-gap'])
  })

  it('what was not asked of a peer, at this place, is not looked at', () => {
    const bench = new Bench()
    bench.begin()
    const [one] = bench.wishes() as [{ to: ValidatorIndex; wish: Wish }]
    const stranger = PEERS.find((peer) => peer !== one.to) as ValidatorIndex
    expect(bench.fetch.wants(stranger, truthOf(one.wish))).toBe(false)
    expect(bench.fetch.wants(one.to, { ...truthOf(one.wish), height: height(TOP - 1) })).toBe(false)
    expect(bench.fetch.wants(one.to, { ...truthOf(one.wish), cursor: HEADER.stateRoot })).toBe(false)
    expect(bench.fetch.wants(one.to, truthOf(one.wish))).toBe(true)
    bench.answer(one)
    expect(bench.fetch.wants(one.to, truthOf(one.wish))).toBe(false)
  })

  it('E4: peers that claim heights and deliver nothing cost a moment, and are asked rarely: blocks go on', () => {
    const bench = new Bench()
    const blocks = { kind: 'send' as const, message: { kind: 'fetch' as const, want: 'committed' as const, from: height(1) } }
    for (const peer of PEERS) bench.fetch.hear(peer, 1_000_000)
    expect(bench.fetch.holdsBack(blocks)).toBe(true)
    let held = 0
    for (let tick = 0; tick < 200; tick++) {
      bench.tick()
      for (const peer of PEERS) bench.fetch.hear(peer, 1_000_000 + tick)
      if (bench.fetch.holdsBack(blocks)) held++
    }
    expect(held).toBeLessThanOrEqual(4)
    for (const peer of PEERS) expect(bench.sent.filter(({ to }) => to === peer).length).toBeLessThan(12)
  })

  it('a peer that stalls loses its turn, then its place, and is named; when all are slow the deadline was wrong', () => {
    const bench = new Bench()
    bench.begin()
    const slow = PEERS[0] as ValidatorIndex
    for (let tick = 0; tick < 40 && bench.finished === null; tick++) {
      bench.serve((peer) => peer !== slow)
      bench.tick()
    }
    expect(bench.events).toContainEqual({ name: 'snapshot-peer-dropped', peer: slow, code: 'stalled' })
    expect(bench.blamed).toEqual([])
    expect(bench.finished?.state).toEqual(LISTS)

    const all = new Bench()
    all.begin()
    all.tick(60)
    all.serve()
    expect(all.finished?.state).toEqual(LISTS)
  })

  it('C1: goes on after a restart where it was: what is on disk is not asked for again', () => {
    const before = new Bench()
    before.begin()
    for (const each of before.wishes().slice(0, 3)) before.answer(each)
    const staged = stagedBy(before.records)
    const after = new Bench(staged)
    expect(after.names()).toContain('snapshot-begun')
    for (const peer of PEERS) after.fetch.hear(peer, TOP)
    after.tick()
    const wishes = after.wishes()
    for (const { lane, next } of staged.lanes) {
      const asked = wishes.filter(({ wish }) => wish.lane === lane).map(({ wish }) => wish.cursor)
      expect(asked).toEqual(next === null ? [] : [next])
    }
    expect(wishes.some(({ wish }) => wish.lane === HEADERS_LANE)).toBe(staged.headers === null)
    for (const each of wishes) after.answer(each)
    after.serve()
    expect(after.finished?.state).toEqual(LISTS)
    expect(after.records.some(({ kind }) => kind === 'begin')).toBe(false)
  })

  it('C1: is used after a crash between its last part and its use, although there is nothing to ask anybody for', () => {
    const before = new Bench()
    before.begin()
    before.serve()
    expect(before.finished).not.toBeNull()
    const after = new Bench(stagedBy(before.records))
    after.tick()
    expect(after.finished?.state).toEqual(LISTS)
    expect(after.finished?.headers).toEqual(BELOW)
    expect(after.wishes()).toEqual([])
  })

  it('S9: what is on disk of a state that is not certified, or not above the committed one, is let go', () => {
    const before = new Bench()
    before.begin()
    for (const each of before.wishes()) before.answer(each)
    const staged = stagedBy(before.records)
    const forged = { ...staged, target: { ...staged.target, certificate: certify(HEADER, [0, 1]) } }
    expect(new Bench(forged).records).toEqual([{ kind: 'forget' }])
    expect(new Bench(staged, 5, TOP).records).toEqual([{ kind: 'forget' }])
    expect(new Bench(staged, 5, TOP - 1).records).toEqual([])
  })

  it('B10: is given up when blocks come faster, and never goes back', () => {
    const bench = new Bench()
    bench.begin()
    const wishes = bench.wishes()
    bench.committed = { height: height(TOP), hash: hashHeader(HEADER), timestampMs: 0 }
    for (const each of wishes) bench.answer(each)
    expect(bench.finished).toBeNull()
    expect(bench.events).toContainEqual({ name: 'snapshot-given-up', height: TOP, why: 'overtaken' })
    expect(bench.records.at(-1)).toEqual({ kind: 'forget' })

    const unanswered = new Bench()
    unanswered.begin()
    unanswered.committed = bench.committed
    unanswered.tick()
    expect(unanswered.events.at(-1)).toEqual({ name: 'snapshot-given-up', height: TOP, why: 'overtaken' })
  })

  it('a state that comes slowly still comes: blocks are not asked for meanwhile', () => {
    const bench = new Bench()
    bench.begin(PEERS.slice(0, 1))
    const block = { kind: 'send', message: { kind: 'fetch', want: 'committed', from: height(1) } } as const
    for (let round = 0; round < 3; round++) {
      bench.tick(7)
      expect(bench.fetch.holdsBack(block)).toBe(true)
      for (const each of bench.wishes()) bench.answer(each)
    }
  })

  it('E1: an offer is looked at once for each time it was asked for; the claims of a thousand peers are kept, and no more', () => {
    const bench = new Bench()
    const [peer] = PEERS as [ValidatorIndex]
    bench.fetch.hear(peer, TOP)
    expect(bench.fetch.wants(peer, OFFER)).toBe(true)
    bench.fetch.onOffer(peer, OFFER)
    expect(bench.fetch.wants(peer, OFFER)).toBe(false)
    for (let other = 0; other < 3_000; other++) bench.fetch.hear(validatorIndex(other), TOP)
    expect(bench.sent.length).toBeLessThanOrEqual(1_024)
  })

  it('D4: is given up only when nobody has it any more: a peer that has another state by now is no source, and no liar', () => {
    const bench = new Bench()
    bench.begin()
    const newer: SnapshotMessage = { kind: 'snapshot', offer: offerOf(chainTo(TOP + 4, () => rootOf(OTHER)).at(-1) as typeof HEADER) }
    const moved = PEERS[0] as ValidatorIndex
    bench.fetch.onOffer(moved, newer)
    bench.serve((peer) => peer !== moved)
    expect(bench.finished?.state).toEqual(LISTS)
    expect(bench.blamed).toEqual([])

    const alone = new Bench()
    alone.begin()
    for (let tick = 0; tick < 100; tick++) {
      for (const { to } of alone.wishes()) if (alone.fetch.wants(to, newer)) alone.fetch.onOffer(to, newer)
      alone.tick()
    }
    expect(alone.events).toContainEqual({ name: 'snapshot-given-up', height: TOP, why: 'unserved' })
    expect(alone.blamed).toEqual([])
  })
})

describe('handing over states', () => {
  const shelf = (): SnapshotShelf<Lists> => new SnapshotShelf({ snapshots: lists, everyBlocks: 4, chunkBytes: 1 }, [])
  const PEER = validatorIndex(1)
  const wish = (at: number, lane = 0, cursor: Uint8Array = EMPTY_BYTES): Wish => ({
    kind: 'fetch',
    want: 'chunk',
    height: height(at),
    lane,
    cursor,
  })

  it('D4: the newest two of every so many blocks, the same heights everywhere, and the older one as long as somebody fetches it', () => {
    const kept = shelf()
    for (const header of CHAIN_OF_HEADERS) {
      kept.onCommit(header, LISTS, certify(header))
      if (header.height >= 8) expect(kept.answer(PEER, wish(8))).toMatchObject({ kind: 'chunk' })
    }
    expect(kept.heights).toEqual([8, 16, 20])
    for (let tick = 0; tick < 100; tick++) kept.onTick()
    expect(kept.heights).toEqual([16, 20])
    expect(kept.answer(PEER, wish(8))).toMatchObject({ kind: 'offer', offer: { header: { height: 20 } } })
  })

  it('E1: however many states somebody fetches at a time, and however long the chain, the newest two stay, and four others', () => {
    const kept = new SnapshotShelf<Lists>({ snapshots: lists, everyBlocks: 1, chunkBytes: 1 }, [])
    const most = { states: 0 }
    const grow = (from: number, to: number): void => {
      for (let at = from; at < to; at++) {
        const header = { ...HEADER, height: height(at), timestampMs: at }
        kept.onCommit(header, LISTS, { ...certify(HEADER), height: header.height })
        for (const known of kept.heights) kept.answer(PEER, wish(known))
        kept.onTick()
        most.states = Math.max(most.states, kept.heights.length)
      }
    }
    grow(1, 2_300) // twice as many headers as are needed, and some more
    expect(keptBytes(() => grow(2_300, 7_500))).toBeLessThan(300 * 1024)
    expect(most.states).toBe(6)
  })

  it('D5: on a quiet chain the state of the start can be had, with its certificate', () => {
    const kept = shelf()
    kept.begin(CHAIN_OF_HEADERS.slice(0, 7), LISTS, certify(CHAIN_OF_HEADERS[6] as typeof HEADER))
    expect(kept.heights).toEqual([7])
    expect(kept.answer(PEER, { kind: 'fetch', want: 'snapshot', epoch: 0 as never })).toMatchObject({
      kind: 'offer',
      from: 0,
      offer: { header: { height: 7 } },
    })
  })

  it('a state whose own certificate is missing is offered with the headers up to the one that has it', () => {
    const kept = shelf()
    const [, , , fourth, fifth, sixth] = CHAIN_OF_HEADERS as [never, never, never, typeof HEADER, typeof HEADER, typeof HEADER]
    for (const header of CHAIN_OF_HEADERS.slice(0, 3)) kept.onCommit(header, LISTS, certify(header))
    kept.onCommit(fourth, LISTS, certify(sixth))
    expect(kept.heights).toEqual([])
    kept.onCommit(fifth, LISTS, certify(sixth))
    kept.onCommit(sixth, LISTS, certify(sixth))
    expect(kept.heights).toEqual([4])
    expect(kept.answer(PEER, { kind: 'fetch', want: 'snapshot', epoch: 0 as never })).toMatchObject({
      offer: { descendants: [fifth, sixth] },
    })
  })

  it('E1: what one peer, and all together, can make a replica send between two ticks is bounded', () => {
    const kept = shelf()
    for (const header of CHAIN_OF_HEADERS) kept.onCommit(header, LISTS, certify(header))
    let chunks = 0
    let offers = 0
    for (let peer = 0; peer < 10; peer++) {
      for (let i = 0; i < 100; i++) {
        if (kept.answer(validatorIndex(peer), wish(20)) !== null) chunks++
        if (kept.answer(validatorIndex(peer), { kind: 'fetch', want: 'snapshot', epoch: 0 as never }) !== null) offers++
      }
    }
    expect([chunks, offers]).toEqual([32, 40])
    kept.onTick()
    expect(kept.answer(PEER, wish(20))).not.toBeNull()
  })

  it('E1, E4: peers that ask for all there is at every tick leave the others their turn, within as many ticks as it takes to go round', () => {
    for (const greedy of [1, 9, 30]) {
      const kept = shelf()
      for (const header of CHAIN_OF_HEADERS) kept.onCommit(header, LISTS, certify(header))
      const honest = validatorIndex(greedy)
      const roundTicks = Math.ceil((3 * (greedy + 1)) / 32) + 1
      let got = 0
      for (let tick = 0; tick < 4 * roundTicks; tick++) {
        let chunks = 0
        for (const { to, answer } of kept.onTick()) {
          if (answer.kind === 'chunk') chunks++
          if (to === honest) got++
        }
        for (let peer = 0; peer < greedy; peer++)
          for (let i = 0; i < 40; i++) if (kept.answer(validatorIndex(peer), wish(20)) !== null) chunks++
        if (tick % roundTicks === 0) for (let i = 0; i < 3; i++) if (kept.answer(honest, wish(20)) !== null) chunks++
        expect(chunks).toBeLessThanOrEqual(32)
      }
      expect(got).toBeGreaterThanOrEqual(9) // the last three may still wait
    }
  })

  it('headers go along; of a place that is none there is nothing', () => {
    const kept = shelf()
    for (const header of CHAIN_OF_HEADERS) kept.onCommit(header, LISTS, certify(header))
    const answer = kept.answer(PEER, wish(20, HEADERS_LANE))
    const headers = answer?.kind === 'chunk' ? decodeHeaders(answer.message.chunk) : null
    expect(headers).toEqual({ ok: true, value: BELOW })
    expect(kept.answer(PEER, wish(20, 7))).toBeNull()
  })
})

/** What a disk has after these writes. */
function stagedBy(records: readonly SnapshotRecord[]): StagedSnapshot {
  const lanes = new Map<number, Uint8Array | null>()
  const puts: (readonly [Uint8Array, Uint8Array])[] = []
  let headers: StagedSnapshot['headers'] = null
  let target: StagedSnapshot['target'] | null = null
  for (const record of records) {
    if (record.kind === 'begin') target = record.target
    if (record.kind === 'headers') headers = record.headers
    if (record.kind !== 'chunk') continue
    lanes.set(record.lane, record.next)
    puts.push(...record.puts)
  }
  if (target === null) throw new Error('nothing was begun')
  return { target, lanes: [...lanes].map(([lane, next]) => ({ lane, next })), puts, headers }
}

describe('a state of a chain that contradicts the own one (protocol.md §12)', () => {
  it('A1: is fetched once: a replica that has found the fork asks for no state any more', () => {
    const tip = { height: height(1), hash: rootOf(LISTS), timestampMs: 0 }
    const application: Application<Lists> = {
      initial: { state: OTHER, stateRoot: rootOf(OTHER) },
      decode: () => ({ ok: false, error: { code: 'none', message: 'no transactions here' } }),
      readiness: () => ({ status: 'ready' }),
      statementOf: () => undefined,
      offenceRefusal: () => null,
      execute: (state) => ({ ok: true, value: { state, stateRoot: rootOf(state) } }),
      writes: () => ({ puts: [], deletes: [] }),
      snapshots: lists,
    }
    const stored = { headers: [], certificate: null, staged: null }
    const replica = createReplica<Lists>({
      consensus: {
        chainId: CHAIN,
        validators: startOf().validators,
        self: validatorIndex(0),
        window: 4,
        clockDriftMs: 5_000,
        timers: { floorMs: 1_000, commitFactor: 4, allowanceMs: 200, capMs: 8_000, statusMs: 250, batchMs: 5 },
        sign: signAs(0),
      },
      durable: { ...freshState(), committed: tip, recent: [{ height: tip.height, hash: tip.hash }] },
      application,
      mempool: MEMPOOL,
      block: BLOCK,
      order: 'difficulty',
      sync: { trustCertificates: false, snapshots: { behindBlocks: 5, everyBlocks: 4, chunkBytes: 1_000, verifySignature, stored } },
    })
    const seen: ReplicaEffect[] = []
    const step = (input: ReplicaInput): void => {
      for (const effect of replica.step(input)) {
        seen.push(effect)
        if (effect.kind !== 'send' || effect.to === 'all' || effect.message.kind !== 'fetch') continue
        const wish = effect.message
        if (wish.want === 'snapshot') hear(effect.to, OFFER)
        if (wish.want !== 'chunk') continue
        const { lane, cursor } = wish
        const chunk = lane === HEADERS_LANE ? encodeHeaders(BELOW) : lists.chunk(LISTS, { lane, cursor }, 1_000)
        if (chunk !== null) hear(effect.to, { kind: 'chunk', height: height(TOP), lane, cursor, chunk })
      }
    }
    const hear = (from: ValidatorIndex, message: Message): void =>
      step({ kind: 'message', from, message: message as VerifiedMessage, nowMs: 1 })
    step({ kind: 'start', nowMs: 1 })
    step({ kind: 'foreign', from: validatorIndex(1), epoch: epoch(1), committedHeight: height(TOP), nowMs: 1 })
    for (let at = 0; at < 40; at++) step({ kind: 'timer', timer: 'status', nowMs: 1 })
    expect(seen.filter(({ kind }) => kind === 'fork').length).toBe(1)
    const begun = seen.filter((effect) => effect.kind === 'snapshot' && effect.record.kind === 'begin')
    expect(begun.length).toBe(1)
  })
})
