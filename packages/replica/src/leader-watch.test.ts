import { type Hash, keyOf, type View, view } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import type { VerificationWork } from './application.js'
import { LeaderThroughput } from './leader-throughput.js'
import { LeaderWatch, type Surroundings } from './leader-watch.js'
import type { Pooled } from './mempool.js'
import { StarvationWatch } from './starvation.js'

const LIMITS = { transactions: 100, bytes: 10_000, gas: 1_000, blobBytes: 5_000 }
const TICK_MS = 500
const TIMEOUT_MS = 2_000

function pooled(label: number, change: { bytes?: number; difficulty?: number; blobBytes?: number } = {}): Pooled {
  const id: Hash = hashTagged('aethel/test-watch', Uint8Array.of(label))
  const transaction = {
    id,
    idKey: keyOf(id),
    bytes: new Uint8Array(change.bytes ?? 10),
    sender: `s${label}`,
    nonce: 0,
    gasLimit: 10,
    work: change.blobBytes === undefined ? null : workWithBlob(id, change.blobBytes),
  }
  return { transaction, difficulty: change.difficulty ?? 0, arrival: label, arrivedAtHeight: 0, from: 'peer' }
}

function workWithBlob(id: Hash, bytes: number): VerificationWork {
  return { key: id, kind: 'k', claim: id, proof: id, claimId: id, cites: [], blob: { root: id, bytes } }
}

/** A backup watching one leader after another. */
class Backup {
  readonly watch = new LeaderWatch({ limits: LIMITS, maxWaitBlocks: 50, validators: 4 })
  nowMs = 1_000_000
  view: View = view(0)
  roundTripMs = 10

  /** One tick in which `blocks` blocks, each filled by `fill`, are committed. */
  tick(blocks: number, fill = 1, load: 'loaded' | 'idle' = 'loaded') {
    const { starvation } = this.watch
    this.nowMs += TICK_MS
    for (let i = 0; i < blocks; i++) {
      const transactions = Math.ceil(LIMITS.transactions * fill)
      this.watch.onCommitted({ acceptedAtMs: this.nowMs - 20, transactions, bytes: 0, gas: 0, blobBytes: 0 })
    }
    this.watch.enter({ view: this.view, nowMs: this.nowMs })
    starvation.keepOnly(() => false) // what waited was proposed; under load, others have waited as long as ever
    if (load === 'loaded') starvation.watch(pooled(1), this.nowMs - 20_000)
    const around: Surroundings = {
      nowMs: this.nowMs,
      view: this.view,
      role: 'backup',
      viewTimeoutMs: TIMEOUT_MS,
      roundTripMs: this.roundTripMs,
      isExecutable: () => true,
    }
    return this.watch.judge(around)
  }

  ticks(count: number, blocksAt: (tick: number) => number, fill = 1, load: 'loaded' | 'idle' = 'loaded'): (string | null)[] {
    return Array.from({ length: count }, (_, tick) => this.tick(blocksAt(tick), fill, load))
  }

  nextView(): void {
    this.view = view(this.view + 1)
  }
}

describe('a slow leader (protocol.md §8, trap D1)', () => {
  it('a drip just below the view timeout is blamed once an honest leader has shown what is possible', () => {
    const backup = new Backup()
    expect(backup.ticks(20, () => 5).every((complaint) => complaint === null)).toBe(true)
    backup.nextView()
    const drip = backup.ticks(40, (tick) => (tick % 3 === 0 ? 1 : 0)) // a full block every 1.5 s
    expect(drip.slice(0, 16).every((complaint) => complaint === null)).toBe(true)
    expect(drip.at(-1)).toBe('slow-leader')
  })

  it('so is one that was fast and begins to drip in the same view', () => {
    const backup = new Backup()
    backup.ticks(20, () => 5)
    expect(backup.ticks(40, (tick) => (tick % 3 === 0 ? 1 : 0)).at(-1)).toBe('slow-leader')
  })

  it('a complaint stands for some ticks, so that those of the others, who measure at other moments, coincide', () => {
    const backup = new Backup()
    backup.ticks(40, () => 5)
    backup.nextView()
    const complaints = backup.ticks(60, (tick) => (tick % 4 === 0 ? 1 : 0))
    expect(complaints.at(-1)).toBe('slow-leader')
    expect(backup.ticks(15, () => 40)).toEqual(Array(15).fill('slow-leader'))
    expect(backup.ticks(2, () => 40)).toEqual([null, null])
  })

  it('an idle or lightly loaded leader is never blamed, however fast the last one was', () => {
    const backup = new Backup()
    backup.ticks(40, () => 20)
    backup.nextView()
    expect(backup.ticks(200, () => 0, 1, 'idle').every((complaint) => complaint === null)).toBe(true)
    expect(backup.ticks(200, (tick) => (tick % 4 === 0 ? 1 : 0), 0.01, 'idle').every((complaint) => complaint === null)).toBe(true)
  })

  it('a block that its blobs fill is a full block', () => {
    const backup = new Backup()
    backup.ticks(20, () => 4)
    backup.nextView()
    const withBlobs = Array.from({ length: 60 }, () => {
      for (let i = 0; i < 4; i++)
        backup.watch.onCommitted({ acceptedAtMs: backup.nowMs, transactions: 1, bytes: 10, gas: 1, blobBytes: LIMITS.blobBytes })
      return backup.tick(0)
    })
    expect(withBlobs).toEqual(Array(60).fill(null))
  })

  it('a leader three times slower than the best under the same load stays', () => {
    const backup = new Backup()
    backup.ticks(20, () => 6)
    backup.nextView()
    expect(backup.ticks(200, () => 2, 1).filter((complaint) => complaint === 'slow-leader')).toEqual([])
  })

  it('when round trips grow from 10 to 1,400 ms, as many blocks fewer are expected', () => {
    const throughput = new LeaderThroughput(4)
    const sample = { elapsedMs: TICK_MS, blocks: 10, roundTripMs: 10, oldestWaitMs: 60_000 }
    for (let i = 0; i < 20; i++) expect(throughput.tick(sample, 0)).toBe(false)
    const slow = { ...sample, roundTripMs: 1400, blocks: 0 }
    const oneIn = (ticks: number): boolean[] =>
      Array.from({ length: 60 }, (_, i) => throughput.tick({ ...slow, blocks: i % ticks === 0 ? 1 : 0 }, 0))
    expect(oneIn(6).includes(true)).toBe(false) // a block in 3 s, two round trips and some
    expect(oneIn(30).includes(true)).toBe(true) // a block in 15 s is too little even so
  })

  it('the measures of N views count, so a row of faulty leaders does not lower what is expected', () => {
    const backup = new Backup()
    backup.ticks(20, () => 8)
    for (let faulty = 0; faulty < 3; faulty++) {
      backup.nextView()
      expect(backup.ticks(120, (tick) => (tick % 3 === 0 ? 1 : 0)).includes('slow-leader')).toBe(true)
    }
  })

  it('a wrong measure wears off: complaints come later each time, and end', () => {
    const backup = new Backup()
    backup.ticks(20, () => 100) // a burst that no leader can keep up
    const complaintsIn: number[] = []
    for (let leader = 0; leader < 8; leader++) {
      backup.nextView()
      const at = backup.ticks(400, () => 4).indexOf('slow-leader')
      complaintsIn.push(at)
      if (at < 0) break
    }
    expect(complaintsIn.at(-1)).toBe(-1)
    const seen = complaintsIn.slice(0, -1)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.length).toBeLessThanOrEqual(5)
  })
})

describe('a starved transaction (protocol.md §8, trap D9)', () => {
  const fill = { acceptedAtMs: 10_000, transactions: 1, bytes: 10, gas: 0, blobBytes: 0 }

  it('blocks with room that pass it over convict the leader; before the grace period they do not count', () => {
    const watch = new StarvationWatch(LIMITS, 50)
    watch.watch(pooled(1), 5_000)
    for (let i = 0; i < 100; i++) watch.onBlock({ ...fill, acceptedAtMs: 6_999 }, TIMEOUT_MS)
    expect(watch.starved).toBeUndefined()
    for (let i = 0; i < 7; i++) watch.onBlock(fill, TIMEOUT_MS)
    expect(watch.starved).toBeUndefined()
    watch.onBlock(fill, TIMEOUT_MS)
    expect(watch.starved?.transaction.sender).toBe('s1')
  })

  it('a block whose blobs leave no room for its own is full for it, and for no other: who waits for its turn convicts nobody', () => {
    const watch = new StarvationWatch(LIMITS, 50)
    watch.watch(pooled(1, { blobBytes: 2_001 }), 0)
    for (let i = 0; i < 57; i++) watch.onBlock({ ...fill, blobBytes: 3_000 }, TIMEOUT_MS)
    expect(watch.starved).toBeUndefined()
    watch.watch(pooled(2, { blobBytes: 2_000 }), 0)
    watch.watch(pooled(3), 0)
    for (let i = 0; i < 8; i++) watch.onBlock({ ...fill, blobBytes: 3_000 }, TIMEOUT_MS)
    watch.forget(pooled(1).transaction.id) // beyond the age bound by now
    expect(watch.starved?.transaction.sender).toBe('s2')
    watch.forget(pooled(2).transaction.id)
    expect(watch.starved?.transaction.sender).toBe('s3')
  })

  it('full blocks may pass it over until the age bound of the mempool, and no longer', () => {
    for (const full of [
      { ...fill, transactions: LIMITS.transactions },
      { ...fill, bytes: LIMITS.bytes - 5 },
      { ...fill, gas: LIMITS.gas - 1 },
    ]) {
      const watch = new StarvationWatch(LIMITS, 50)
      watch.watch(pooled(1, { difficulty: 2 }), 0)
      for (let i = 0; i < 57; i++) watch.onBlock(full, TIMEOUT_MS)
      expect(watch.starved).toBeUndefined()
      watch.onBlock(full, TIMEOUT_MS)
      expect(watch.starved).toBeDefined()
    }
  })

  it('newer transactions that come and go cannot crowd the starved one out', () => {
    const watch = new StarvationWatch(LIMITS, 50)
    watch.watch(pooled(1), 0)
    for (let round = 0; round < 8; round++) {
      for (let other = 2; other < 200; other++) watch.watch(pooled(other), 0)
      expect(watch.size).toBe(64)
      watch.keepOnly((item) => item.transaction.sender === 's1')
      watch.onBlock(fill, TIMEOUT_MS)
    }
    expect(watch.starved?.transaction.sender).toBe('s1')
  })

  it('another leader begins without blame', () => {
    const watch = new StarvationWatch(LIMITS, 50)
    watch.watch(pooled(1), 0)
    for (let i = 0; i < 60; i++) watch.onBlock(fill, TIMEOUT_MS)
    watch.beginView(9_000)
    expect(watch.starved).toBeUndefined()
    for (let i = 0; i < 60; i++) watch.onBlock(fill, TIMEOUT_MS)
    expect(watch.starved).toBeUndefined() // accepted within the new leader's grace period
  })

  it('no complaint before a view has lasted a view timeout, and twice as long after each view left while complaining, up to 32 times', () => {
    const watch = new LeaderWatch({ limits: LIMITS, maxWaitBlocks: 50, validators: 4 })
    let nowMs = 1_000_000
    const patience: number[] = []
    for (let leader = 0; leader < 8; leader++) {
      const sinceMs = nowMs
      watch.enter({ view: view(leader), nowMs })
      watch.starvation.watch(pooled(1), nowMs)
      let complaint: string | null = null
      while (complaint === null && nowMs < sinceMs + 100 * TIMEOUT_MS) {
        nowMs += TICK_MS
        for (let i = 0; i < 10; i++) watch.onCommitted({ ...fill, acceptedAtMs: nowMs })
        const around = { nowMs, view: view(leader), role: 'backup', viewTimeoutMs: TIMEOUT_MS, roundTripMs: 1 } as const
        complaint = watch.judge({ ...around, isExecutable: () => true })
      }
      expect(complaint).toBe('starved-transaction')
      patience.push((nowMs - sinceMs) / TIMEOUT_MS)
    }
    expect(patience.map(Math.floor)).toEqual([1, 2, 4, 8, 16, 32, 32, 32])
  })

  it('what passed in the view of one leader is not held against the next', () => {
    const watch = new LeaderWatch({ limits: LIMITS, maxWaitBlocks: 50, validators: 4 })
    const judge = (inView: number, nowMs: number): string | null => {
      const around = { nowMs, view: view(inView), role: 'backup', viewTimeoutMs: TIMEOUT_MS, roundTripMs: 1 } as const
      watch.enter(around)
      return watch.judge({ ...around, isExecutable: () => true })
    }
    judge(0, 0)
    watch.starvation.watch(pooled(1), 0)
    judge(0, TICK_MS)
    for (let i = 0; i < 20; i++) watch.onCommitted({ ...fill, acceptedAtMs: 5_000 })
    expect(judge(0, 6_000)).toBe('starved-transaction')
    expect([judge(1, 7_000), judge(1, 60_000)]).toEqual([null, null])
  })

  it('a view that lasts without complaint makes it forget: the next bad leader is blamed as soon as the first was', () => {
    const watch = new LeaderWatch({ limits: LIMITS, maxWaitBlocks: 50, validators: 4 })
    let nowMs = 1_000_000
    let leader = 0
    const judge = (): string | null => {
      nowMs += TICK_MS
      for (let i = 0; i < 10; i++) watch.onCommitted({ ...fill, acceptedAtMs: nowMs })
      const around = { nowMs, view: view(leader), role: 'backup', viewTimeoutMs: TIMEOUT_MS, roundTripMs: 1 } as const
      return watch.judge({ ...around, isExecutable: () => true })
    }
    const patienceWithNext = (): number => {
      const sinceMs = nowMs
      watch.enter({ view: view(++leader), nowMs })
      watch.starvation.watch(pooled(1), nowMs)
      while (judge() === null && nowMs < sinceMs + 100 * TIMEOUT_MS);
      watch.starvation.forget(pooled(1).transaction.id)
      return Math.floor((nowMs - sinceMs) / TIMEOUT_MS)
    }
    expect([patienceWithNext(), patienceWithNext(), patienceWithNext()]).toEqual([1, 2, 4])
    watch.enter({ view: view(++leader), nowMs })
    for (let tick = 0; tick < 40 * (TIMEOUT_MS / TICK_MS); tick++) expect(judge()).toBe(null)
    expect([patienceWithNext(), patienceWithNext()]).toEqual([1, 2])
  })

  it('what the application refuses is no reason to complain', () => {
    const watch = new LeaderWatch({ limits: LIMITS, maxWaitBlocks: 50, validators: 4 })
    const around = (nowMs: number, executable: boolean): Surroundings => ({
      nowMs,
      view: view(0),
      role: 'backup',
      viewTimeoutMs: TIMEOUT_MS,
      roundTripMs: 1,
      isExecutable: () => executable,
    })
    for (const [executable, expected] of [
      [true, 'starved-transaction'],
      [false, null],
    ] as const) {
      const nowMs = executable ? 0 : 100_000
      watch.enter(around(nowMs, executable))
      watch.judge(around(nowMs + 1, executable))
      watch.starvation.watch(pooled(1), nowMs)
      for (let i = 0; i < 20; i++) watch.onCommitted({ ...fill, acceptedAtMs: nowMs + 5_000 })
      expect(watch.judge(around(nowMs + 6_000, executable))).toBe(expected)
      watch.starvation.keepOnly(() => false)
    }
  })
})
