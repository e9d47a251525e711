import { type Refusal, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import { type BlobPart, type BlobRef, blobKey, blobRefOf, blobTreeOf, type Message } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { BlobFetch, type BlobHost, MAX_WANTED } from './blob-fetch.js'
import { BlobShelf } from './blob-shelf.js'
import type { BlobEffect, BlobEvent } from './interface.js'

const CHUNK = 16
const PEERS = [1, 2, 3].map(validatorIndex)
const bytesOf = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31 + salt) & 255)
const BYTES = bytesOf(10 * CHUNK - 3)
const BLOB = blobRefOf(BYTES, CHUNK)
const KEYS = [...Array(10).keys()]

type Wish = Extract<Message, { kind: 'fetch'; want: 'blob' }>

/** A fetch whose peers and whose store a test plays. */
class Bench {
  readonly effects: BlobEffect[] = []
  readonly events: BlobEvent[] = []
  readonly sent: { readonly to: ValidatorIndex; readonly wish: Wish }[] = []
  readonly blamed: { readonly peer: ValidatorIndex; readonly refusal: Refusal }[] = []
  readonly held: string[] = []
  readonly givenUp: Refusal[] = []
  readonly stored = new Set<number>()
  readonly connected = new Set<ValidatorIndex>()
  readonly fetch: BlobFetch

  constructor(held: readonly BlobRef[] = []) {
    const host: BlobHost = {
      peers: PEERS,
      connected: this.connected,
      send: (to, message) => {
        if (message.kind === 'fetch' && message.want === 'blob') this.sent.push({ to, wish: message })
      },
      push: (effect) => this.effects.push(effect),
      emit: (event) => this.events.push(event),
      blame: (peer, refusal) => this.blamed.push({ peer, refusal }),
      onHeld: (key) => this.held.push(key),
      onGivenUp: (_key, refusal) => this.givenUp.push(refusal),
    }
    this.fetch = new BlobFetch(host, { chunkBytes: CHUNK, held })
  }

  connect(peer: ValidatorIndex): void {
    this.connected.add(peer)
    this.fetch.askAgain(peer)
  }

  disconnect(peer: ValidatorIndex): void {
    this.connected.delete(peer)
    this.fetch.askAgain(peer)
  }

  /** The store answers what it was asked. */
  store(): void {
    for (const effect of this.effects.splice(0)) {
      if (effect.kind === 'blob-write') this.stored.add(effect.part.index)
      if (effect.kind !== 'blob-open' && effect.kind !== 'blob-seal') continue
      this.fetch.onOpened(
        effect.blob,
        KEYS.filter((index) => !this.stored.has(index)),
      )
    }
  }

  begin(purpose: 'mempool' | 'block' = 'mempool', from: ValidatorIndex | null | undefined = null): void {
    this.fetch.want(BLOB, purpose)
    if (from != null) this.fetch.hint(KEY, from)
    this.store()
  }

  answer({ to, wish }: { readonly to: ValidatorIndex; readonly wish: Wish }, change: (part: BlobPart) => BlobPart = (part) => part): void {
    const part = change(partOf(wish.index))
    if (this.fetch.wants(to, { kind: 'blob-part', blob: BLOB, part })) this.fetch.onPart(to, BLOB, part)
    this.store()
  }

  /** Whoever is up answers, until nobody is asked. */
  serve(isUp: (peer: ValidatorIndex) => boolean = () => true): void {
    for (let wishes = this.sent.splice(0); wishes.length > 0; wishes = this.sent.splice(0))
      for (const each of wishes) if (isUp(each.to)) this.answer(each)
  }

  tick(times = 1): void {
    for (let i = 0; i < times; i++)
      this.fetch.onTick(
        (key) => key === KEY,
        () => true,
      )
    this.store()
  }
}

const KEY = blobKey(BLOB)

function partOf(index: number): BlobPart {
  return { index, chunk: BYTES.subarray(index * CHUNK, (index + 1) * CHUNK), path: blobTreeOf(BYTES, CHUNK).path(index) }
}

describe('fetching a blob (protocol.md §9)', () => {
  it('asks several peers beside each other, four chunks of each, and holds it when the store says that it is whole', () => {
    const bench = new Bench()
    bench.begin()
    expect(bench.sent.length).toBe(10)
    for (const peer of PEERS) expect(bench.sent.filter(({ to }) => to === peer).length).toBeLessThanOrEqual(4)
    bench.serve()
    expect(bench.held).toEqual([KEY])
    expect(bench.fetch.isHeld(KEY)).toBe(true)
    expect([...bench.stored].sort((a, b) => a - b)).toEqual(KEYS)
  })

  it('goes on after a restart where the store has got to', () => {
    const bench = new Bench()
    for (const index of [0, 1, 2, 5, 8]) bench.stored.add(index)
    bench.begin()
    expect(bench.sent.map(({ wish }) => wish.index).sort((a, b) => a - b)).toEqual([3, 4, 6, 7, 9])
    bench.serve()
    expect(bench.held).toEqual([KEY])
  })

  it('what is in the store already is held without a message', () => {
    const bench = new Bench()
    for (const index of KEYS) bench.stored.add(index)
    bench.begin()
    expect([bench.held, bench.sent]).toEqual([[KEY], []])
  })

  it('a chunk that does not lead to the root is not stored; its sender is blamed and asked no more, and others serve', () => {
    const bench = new Bench()
    bench.begin()
    const [first] = bench.sent.splice(0, 1)
    if (first === undefined) throw new Error('nobody was asked')
    bench.answer(first, (part) => ({ ...part, chunk: part.chunk.map((byte) => byte ^ 1) }))
    expect(bench.stored.size).toBe(0)
    expect(bench.blamed).toEqual([{ peer: first.to, refusal: expect.objectContaining({ code: 'blob-root' }) }])
    const others = bench.sent.splice(0).filter(({ to }) => to !== first.to)
    for (const each of others) bench.answer(each)
    bench.serve((peer) => peer !== first.to)
    expect(bench.held).toEqual([KEY])
    bench.fetch.hint(KEY, first.to)
    expect(bench.sent).toEqual([])
  })

  it('who has lied is asked no more, neither for what nobody else has, nor for another blob', () => {
    const bench = new Bench()
    bench.begin('mempool', PEERS[0])
    const [first] = bench.sent.splice(0)
    if (first === undefined) throw new Error('nobody was asked')
    bench.answer(first, (part) => ({ ...part, chunk: part.chunk.map((byte) => byte ^ 1) }))
    bench.tick(200)
    const other = blobRefOf(bytesOf(5 * CHUNK, 7), CHUNK)
    bench.fetch.want(other, 'block')
    bench.fetch.hint(blobKey(other), first.to)
    bench.fetch.onOpened(other, [0, 1, 2, 3, 4])
    expect(bench.sent.length).toBeGreaterThan(0)
    expect(bench.sent.filter(({ to }) => to === first.to)).toEqual([])
  })

  it('what was not asked of a peer is not looked at', () => {
    const bench = new Bench()
    bench.begin()
    const [first] = bench.sent
    const other = PEERS.find((peer) => peer !== first?.to) as ValidatorIndex
    const part = partOf(first?.wish.index ?? 0)
    expect(bench.fetch.wants(other, { kind: 'blob-part', blob: BLOB, part })).toBe(false)
    expect(bench.fetch.wants(first?.to as ValidatorIndex, { kind: 'blob-part', blob: { ...BLOB, bytes: 9 }, part })).toBe(false)
    bench.fetch.onPart(other, BLOB, part)
    bench.store()
    expect([bench.stored.size, bench.blamed.length]).toEqual([0, 0])
  })

  it('who says that it has none is passed over at once, who stalls after two deadlines', () => {
    const bench = new Bench()
    bench.begin('mempool', PEERS[0])
    expect(new Set(bench.sent.map(({ to }) => to))).toEqual(new Set([PEERS[0]]))
    bench.sent.splice(0)
    bench.fetch.onAbsent(PEERS[0] as ValidatorIndex, BLOB)
    bench.tick(4)
    expect(bench.sent.length).toBeGreaterThan(0)
    bench.serve((peer) => peer === PEERS[2])
    for (let i = 0; i < 40 && bench.held.length === 0; i++) {
      bench.tick()
      bench.serve((peer) => peer === PEERS[2])
    }
    expect(bench.held).toEqual([KEY])
    expect(bench.blamed).toEqual([])
  })

  it('what was asked of anybody who was not connected is asked again, at once, of whoever is connected first', () => {
    const bench = new Bench()
    bench.begin('block')
    expect(bench.sent.splice(0).length).toBe(10) // and lost: nobody is up yet
    bench.connect(PEERS[1] as ValidatorIndex)
    expect(new Set(bench.sent.map(({ to }) => to))).toEqual(new Set([PEERS[1]]))
    bench.serve()
    expect(bench.held).toEqual([KEY])
  })

  it('what was on its way from a peer that is lost is asked at once of the others, and of it when it is back', () => {
    const bench = new Bench()
    for (const peer of PEERS) bench.connect(peer)
    bench.begin('block')
    const lost = bench.sent.splice(0).filter(({ to }) => to === PEERS[0])
    expect(lost.length).toBeGreaterThan(0)
    bench.disconnect(PEERS[0] as ValidatorIndex)
    expect(bench.sent.length).toBeGreaterThan(0)
    expect(bench.sent.filter(({ to }) => to === PEERS[0])).toEqual([])
    bench.sent.length = 0 // the others are lost, too, and nobody is told
    bench.connect(PEERS[0] as ValidatorIndex)
    expect(bench.sent.length).toBeGreaterThan(0)
    for (const { to } of bench.sent) expect(to).toBe(PEERS[0])
  })

  it('of whom none is connected of those who said that they have it, everybody is asked, and the connected ones first', () => {
    const bench = new Bench()
    bench.connect(PEERS[2] as ValidatorIndex)
    bench.begin('block', PEERS[0])
    expect(new Set(bench.sent.splice(0).map(({ to }) => to))).toEqual(new Set([PEERS[0]]))
    bench.tick(4)
    expect(new Set(bench.sent.map(({ to }) => to))).toEqual(new Set([PEERS[2]]))
  })

  it('nobody serves it: what a pending transaction waits for is let go after a minute, what a block waits for is not', () => {
    for (const [purpose, isLetGo] of [
      ['mempool', true],
      ['block', false],
    ] as const) {
      const bench = new Bench()
      bench.begin(purpose)
      bench.tick(40)
      expect(bench.fetch.isStarved(KEY)).toBe(true)
      bench.tick(100)
      expect(bench.givenUp.map(({ code }) => code)).toEqual(isLetGo ? ['blob-unavailable'] : [])
      expect(bench.fetch.progress.length).toBe(isLetGo ? 0 : 1)
    }
  })

  it('what moves is not let go, however long it takes', () => {
    const bench = new Bench()
    bench.begin()
    for (let chunk = 0; chunk < 5; chunk++) {
      bench.tick(100)
      const asked = bench.sent.findLast(({ to, wish }) =>
        bench.fetch.wants(to, { kind: 'blob-part', blob: BLOB, part: partOf(wish.index) }),
      )
      if (asked === undefined) throw new Error('nobody was asked')
      bench.answer(asked)
    }
    expect([bench.stored.size, bench.givenUp, bench.fetch.progress.length]).toEqual([5, [], 1])
  })

  it('where every answer takes longer than the deadline, the deadline grows until answers are in time', () => {
    const bench = new Bench()
    bench.begin('block')
    const late: { readonly at: number; readonly wish: (typeof bench.sent)[number] }[] = []
    let asked = 0
    for (let tick = 0; tick < 400 && bench.held.length === 0; tick++) {
      asked += bench.sent.length
      for (const wish of bench.sent.splice(0)) late.push({ at: tick + 60, wish })
      bench.tick()
      while (late[0] !== undefined && late[0].at <= tick) bench.answer(late.shift()?.wish as (typeof bench.sent)[number])
    }
    expect(asked).toBeLessThanOrEqual(6 * KEYS.length) // not every chunk at every first deadline again
    expect(bench.held).toEqual([KEY])
  })

  it('what the store finds missing when it makes the blob durable is fetched again', () => {
    const bench = new Bench()
    bench.begin()
    const { store } = bench
    bench.store = () => undefined
    bench.serve()
    expect(bench.effects.at(-1)?.kind).toBe('blob-seal')
    bench.effects.length = 0
    bench.store = store
    for (const index of KEYS) if (index !== 3) bench.stored.add(index)
    bench.fetch.onOpened(BLOB, [3])
    expect(bench.sent.map(({ wish }) => wish.index)).toEqual([3])
    bench.serve()
    expect(bench.held).toEqual([KEY])
  })

  it('what the store has no room for is given up, and whoever waits is told', () => {
    const bench = new Bench()
    bench.fetch.want(BLOB, 'mempool')
    bench.fetch.onRefused(BLOB, { code: 'blob-disk', message: 'no space left on device' })
    expect(bench.givenUp.map(({ code }) => code)).toEqual(['blob-disk'])
    expect([bench.fetch.progress, bench.fetch.isStarved(KEY)]).toEqual([[], true])
  })

  it('what nobody needs any more is not fetched', () => {
    const bench = new Bench()
    bench.begin()
    bench.fetch.onTick(
      () => false,
      () => false,
    )
    expect(bench.fetch.progress).toEqual([])
  })

  it('what is here and being made durable is held when it is, though nobody needs it any more', () => {
    const bench = new Bench()
    bench.begin()
    bench.store = () => undefined
    bench.serve()
    expect(bench.effects.at(-1)?.kind).toBe('blob-seal')
    bench.fetch.onTick(
      () => false,
      () => false,
    )
    expect(bench.fetch.isSealing(KEY)).toBe(true)
    bench.fetch.onOpened(BLOB, [])
    expect([bench.held, bench.fetch.isHeld(KEY), bench.fetch.isSealing(KEY)]).toEqual([[KEY], true, false])
  })

  it('E1: blobs fetched for pending transactions: 64; chunks asked of one peer: 4, however many are wanted', () => {
    const bench = new Bench()
    const wanted = Array.from({ length: 200 }, (_, salt) => blobRefOf(bytesOf(5 * CHUNK, salt), CHUNK))
    const taken = wanted.filter((blob) => bench.fetch.want(blob, 'mempool'))
    expect(taken.length).toBe(MAX_WANTED)
    for (const blob of taken) bench.fetch.onOpened(blob, [0, 1, 2, 3, 4])
    for (const peer of PEERS) expect(bench.sent.filter(({ to }) => to === peer).length).toBe(4)
    expect(bench.fetch.want(BLOB, 'block')).toBe(true)
  })
})

describe('serving blobs', () => {
  it('E1: what one peer, and all together, are served between two ticks is bounded; a little waits for the next', () => {
    const shelf = new BlobShelf()
    const asked = (to: number, times: number): number =>
      Array.from({ length: times }, (_, index) => shelf.admit({ to: validatorIndex(to), blob: BLOB, index })).filter(Boolean).length
    expect(asked(1, 500)).toBe(64)
    expect(asked(2, 500)).toBe(64)
    expect(asked(3, 500)).toBe(0)
    expect(shelf.onTick().length).toBe(24)
    expect(shelf.onTick().length).toBe(0)
  })
})
