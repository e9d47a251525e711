/** What waits for the disk, and for how long (docs/protocol.md §5). */
import { height } from '@aethel/codec'
import type { StoreRecord } from '@aethel/storage'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { GroupCommit } from './group-commit.js'

const record = (at: number): StoreRecord => ({ kind: 'forget-block', at: height(at) }) as unknown as StoreRecord

function bench() {
  const staged: StoreRecord[] = []
  const writes: (readonly StoreRecord[])[] = []
  const durable: (() => void)[] = []
  const done: string[] = []
  const state = { due: 0, awaited: false }
  const disk = new GroupCommit({
    store: {
      stage: (records) => void staged.push(...records),
      append: (records, onDurable) => {
        writes.push([...staged.splice(0), ...records])
        durable.push(onDurable)
      },
    },
    guarded: (work) => work(),
    isAwaited: () => state.awaited,
    alongside: () => [],
    onReleased: () => undefined,
    onDue: () => {
      state.due++
      disk.flush()
    },
  })
  return { disk, writes, durable, done, state }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('what nobody waits for is written a moment later, each time', () => {
  const { disk, writes, durable, state } = bench()
  for (let round = 1; round <= 3; round++) {
    disk.writeInPassing(record(round))
    disk.flush()
    expect(writes.length).toBe(round - 1)
    vi.advanceTimersByTime(10)
    expect([state.due, writes.at(-1)]).toEqual([round, [record(round)]])
    durable[round - 1]?.()
  }
})

it('somebody who waits, or 64 records that do, are waited for no longer', () => {
  const { disk, writes, state } = bench()
  for (let at = 0; at < 64; at++) {
    expect(writes.length).toBe(0)
    disk.writeInPassing(record(at))
    disk.flush()
  }
  expect([writes.length, writes[0]?.length, state.due]).toEqual([1, 64, 0])
  disk.writeInPassing(record(64))
  disk.flush()
  expect(writes.length).toBe(1)
  state.awaited = true
  disk.flush()
  expect([writes.length, state.due]).toEqual([2, 0])
})

it('C1: what is released behind a record that lingers waits until it is durable, and is waited for', () => {
  const { disk, writes, durable, done } = bench()
  disk.writeInPassing(record(1))
  disk.flush() // it lingers
  disk.release(() => done.push('answer'))
  disk.flush()
  expect([writes, done]).toEqual([[[record(1)]], []])
  durable[0]?.()
  expect(done).toEqual(['answer'])
})

it('C1: what is released with nothing to write waits for the newest of the writes under way, not for the oldest', () => {
  const { disk, durable, done } = bench()
  for (const at of [1, 2]) {
    disk.write(record(at))
    disk.flush()
  }
  disk.release(() => done.push('vote'))
  disk.flush()
  durable[0]?.()
  expect(done).toEqual([])
  durable[1]?.()
  expect(done).toEqual(['vote'])
  disk.release(() => done.push('at once'))
  expect(done).toEqual(['vote', 'at once'])
})

it('the oldest write under way is known for as long as it is under way', () => {
  const { disk, durable } = bench()
  const now = performance.now()
  expect(disk.openWriteMs(now)).toBe(0)
  disk.write(record(1))
  disk.flush()
  vi.advanceTimersByTime(500)
  expect(disk.openWriteMs(performance.now())).toBeGreaterThanOrEqual(500)
  durable[0]?.()
  expect(disk.openWriteMs(performance.now())).toBe(0)
})
