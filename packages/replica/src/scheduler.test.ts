/** The scheduler against brute force: whatever it chooses executes in that order, and whatever can execute is chosen. */
import { type Hash, type Height, height, keyOf } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createLibrary,
  type Entry,
  executes,
  GENESIS,
  type LibraryMachine,
  type LibraryState,
  type LibraryTransaction,
  transactionOf,
} from '../test/library.js'
import type { BlockLimits } from './interface.js'
import { Mempool, type Pooled } from './mempool.js'
import { Scheduler } from './scheduler.js'

const POOL = { transactions: 1_000, bytes: 1 << 20, perSender: 1_000 }
const WIDE: BlockLimits = { transactions: 1_000, bytes: 1 << 20, gas: 1 << 30 }

/** A leader without consensus: proposes up to a window ahead, commits in order, and now and then loses its proposals. */
class Leader {
  readonly machine: LibraryMachine = createLibrary()
  readonly pool: Mempool = new Mempool(POOL, 'difficulty')
  readonly scheduler: Scheduler<LibraryState>
  readonly proposals: { readonly items: readonly Pooled[]; readonly state: LibraryState; readonly at: Height; readonly hash: Hash }[] = []
  state: LibraryState = GENESIS
  at: Height = height(0)
  hash: Hash = hash(0, 0)
  #made = 0

  constructor(maxWaitBlocks = 1_000) {
    this.scheduler = new Scheduler(
      { application: this.machine, mempool: this.pool, order: 'difficulty', maxWaitBlocks },
      GENESIS,
      this.hash,
      this.at,
    )
  }

  add(entry: Partial<Entry>): LibraryTransaction {
    const transaction = transactionOf(entry)
    const result = this.pool.add(transaction, transaction.entry.gas, this.at)
    if (!result.ok) throw new Error(result.error.message)
    this.scheduler.consider(result.value.added)
    return transaction
  }

  propose(limits: BlockLimits): readonly Pooled[] {
    const parent = this.proposals.at(-1) ?? { state: this.state, at: this.at, hash: this.hash }
    if (!this.scheduler.standsOn(parent.hash)) this.scheduler.reset(parent.state, parent.hash, parent.at)
    const items = this.scheduler.choose(limits)
    if (items.length === 0) return items
    const transactions = items.map((item) => item.transaction)
    const { state } = executes(this.machine, parent.state, height(parent.at + 1), transactions) // throws if the order is wrong
    const proposal = { items, state, at: height(parent.at + 1), hash: hash(parent.at + 1, ++this.#made) }
    this.proposals.push(proposal)
    this.scheduler.leave()
    this.scheduler.advance(state, proposal.hash, proposal.at, transactions)
    return items
  }

  commit(): void {
    const oldest = this.proposals.shift()
    if (oldest === undefined) return
    this.state = oldest.state
    this.at = oldest.at
    this.hash = oldest.hash
    for (const item of oldest.items) {
      this.scheduler.drop(item)
      this.pool.remove(item.transaction.id)
    }
  }

  abandon(): void {
    this.proposals.length = 0
    this.scheduler.reset(this.state, this.hash, this.at)
  }

  executed(): string[] {
    return [...this.state.order]
  }
}

function hash(at: number, made: number): Hash {
  return hashTagged('test/block', Uint8Array.of(at, made & 255, made >> 8))
}

/** Everything that can ever execute, by trying whatever is ready until nothing is. */
function reachable(transactions: readonly LibraryTransaction[]): Set<string> {
  const machine = createLibrary()
  let state = GENESIS
  const done = new Set<string>()
  for (let progress = true; progress; ) {
    progress = false
    for (const transaction of transactions) {
      if (done.has(keyOf(transaction.id)) || machine.readiness(state, transaction, { height: height(1) }).status !== 'ready') continue
      state = executes(machine, state, height(1), [transaction]).state
      done.add(keyOf(transaction.id))
      progress = true
    }
  }
  return done
}

interface World {
  readonly entries: readonly Partial<Entry>[]
  readonly actions: readonly ('propose' | 'commit' | 'abandon' | 'add')[]
  readonly limits: BlockLimits
}

/** Transactions of a few accounts; each proves a claim of its own and cites up to three, perhaps none of which ever comes. */
const world: fc.Arbitrary<World> = fc
  .record({
    senders: fc.array(fc.nat(3), { minLength: 1, maxLength: 24 }),
    cites: fc.array(fc.array(fc.nat(26), { maxLength: 3 }), { minLength: 24, maxLength: 24 }),
    gas: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 24, maxLength: 24 }),
    skipNonce: fc.option(fc.nat(23), { freq: 3 }),
    arrivals: fc.array(fc.nat(1_000), { minLength: 24, maxLength: 24 }),
    actions: fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant('propose' as const) },
        { weight: 3, arbitrary: fc.constant('commit' as const) },
        { weight: 4, arbitrary: fc.constant('add' as const) },
        { weight: 1, arbitrary: fc.constant('abandon' as const) },
      ),
      { maxLength: 60 },
    ),
    most: fc.integer({ min: 1, max: 6 }),
    gasLimit: fc.integer({ min: 9, max: 40 }),
  })
  .map(({ senders, cites, gas, skipNonce, arrivals, actions, most, gasLimit }) => {
    const nonces = new Map<number, number>()
    const entries = senders.map((sender, claim) => {
      const nonce = (nonces.get(sender) ?? 0) + (skipNonce === claim ? 1 : 0)
      nonces.set(sender, nonce + 1)
      const known = (cites[claim] ?? []).filter((cite) => cite !== claim)
      return { sender, nonce, claim, cites: [...new Set(known)], gas: gas[claim] ?? 1 }
    })
    const order = entries.map((_, index) => index).sort((a, b) => (arrivals[a] ?? 0) - (arrivals[b] ?? 0) || a - b)
    return { entries: order.map((index) => entries[index] ?? {}), actions, limits: { transactions: most, bytes: 1 << 20, gas: gasLimit } }
  })

describe('scheduler', () => {
  test('whatever is chosen executes in that order, and everything that can execute is committed, once, through lost proposals too', () => {
    fc.assert(
      fc.property(world, ({ entries, actions, limits }) => {
        const leader = new Leader()
        const queue = [...entries]
        const added: LibraryTransaction[] = []
        const act = (action: World['actions'][number]): void => {
          const next = action === 'add' ? queue.shift() : undefined
          if (next !== undefined) added.push(leader.add(next))
          else if (action === 'propose') leader.propose(limits)
          else if (action === 'commit') leader.commit()
          else if (action === 'abandon') leader.abandon()
        }
        for (const action of actions) act(action)
        while (queue.length > 0) act('add')
        while (leader.propose(limits).length > 0) if (leader.proposals.length > 3) leader.commit()
        while (leader.proposals.length > 0) leader.commit()
        const executed = leader.executed()
        expect(new Set(executed).size).toBe(executed.length)
        expect(new Set(executed)).toEqual(reachable(added))
        expect(leader.scheduler.readyCount).toBe(0)
        expect(leader.scheduler.readyBytes).toBe(0)
        expect(leader.pool.size).toBe(added.length - executed.length)
      }),
      { numRuns: 1_500 },
    )
  })

  test('a whole chain of citations and nonces goes into one block, what is depended on first', () => {
    const leader = new Leader()
    const chain = Array.from({ length: 40 }, (_, claim) => ({
      sender: 1,
      nonce: claim,
      claim,
      cites: claim === 0 ? [] : [claim - 1],
      gas: claim + 1,
    }))
    for (const entry of chain.toReversed()) leader.add(entry)
    expect(leader.propose(WIDE).map((item) => item.transaction.nonce)).toEqual(chain.map((entry) => entry.nonce))
    expect(leader.scheduler.readyBytes).toBe(0)
  })

  test('an heir whose earlier nonce is proposed but not yet committed follows as soon as its citation is there', () => {
    const leader = new Leader()
    leader.add({ sender: 1, nonce: 0, claim: 1, gas: 9 })
    leader.add({ sender: 1, nonce: 1, claim: 2, cites: [3], gas: 9 })
    expect(leader.propose(WIDE)).toHaveLength(1)
    leader.add({ sender: 2, nonce: 0, claim: 3, gas: 1 })
    expect(leader.propose(WIDE).map((item) => item.transaction.sender)).toEqual(['s2', 's1'])
  })

  test('highest difficulty first, ties by arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { maxLength: 40 }), (difficulties) => {
        const leader = new Leader()
        for (const [sender, gas] of difficulties.entries()) leader.add({ sender, gas, claim: sender })
        const expected = difficulties.map((gas, sender) => ({ gas, sender })).sort((a, b) => b.gas - a.gas || a.sender - b.sender)
        expect(leader.propose(WIDE).map((item) => item.transaction.sender)).toEqual(expected.map(({ sender }) => `s${sender}`))
      }),
    )
  })

  test('D9: an easy transaction under a flood of hard ones is ordered within maxWaitBlocks', () => {
    const maxWaitBlocks = 5
    const leader = new Leader(maxWaitBlocks)
    let sender = 1
    const flood = (): void => {
      for (let i = 0; i < 3; i++) leader.add({ sender: ++sender, claim: sender, gas: 1_000 })
    }
    flood()
    const easy = leader.add({ sender: 0, claim: 0, gas: 1 })
    const blocksWaited = (() => {
      for (let block = 1; block < 50; block++) {
        flood()
        const chosen = leader.propose({ ...WIDE, transactions: 2 })
        if (chosen.some((item) => item.transaction === easy)) return block
        leader.commit()
      }
      return 50
    })()
    expect(blocksWaited).toBe(maxWaitBlocks + 1)
  })

  test('a block keeps its limits, and what does not fit is in the next one', () => {
    const leader = new Leader()
    for (const [sender, gas] of [60, 50, 40, 30].entries()) leader.add({ sender, gas, claim: sender })
    const limits = { transactions: 10, bytes: 1 << 20, gas: 100 }
    expect(leader.propose(limits).map((item) => item.difficulty)).toEqual([60, 40])
    expect(leader.scheduler.readyCount).toBe(2)
    expect(leader.propose(limits).map((item) => item.difficulty)).toEqual([50, 30])
    expect(leader.scheduler.readyBytes).toBe(0)
  })

  test('what fills a block to its last byte, or its last unit of gas, is in it', () => {
    const leader = new Leader()
    const full = leader.add({ sender: 1, claim: 1, gas: 100, padding: 50 })
    const limits = { transactions: 10, bytes: full.bytes.length, gas: 100 }
    expect(leader.propose(limits).map((item) => item.transaction)).toEqual([full])
  })

  test('blobs of exactly as many bytes as a block may have go into it, and no more', () => {
    const leader = new Leader()
    for (const [sender, bytes] of [60, 40, 1].entries()) {
      const transaction = transactionOf({ sender, claim: sender, gas: 9 - sender })
      const work = { ...transaction.work, blob: { root: transaction.id, bytes } } as NonNullable<LibraryTransaction['work']>
      const added = leader.pool.add({ ...transaction, work }, transaction.entry.gas, leader.at)
      if (!added.ok) throw new Error(added.error.message)
      leader.scheduler.consider(added.value.added)
    }
    const chosen = (): (string | undefined)[] => leader.propose({ ...WIDE, blobBytes: 100 }).map((item) => item.transaction.sender)
    expect([chosen(), chosen()]).toEqual([['s0', 's1'], ['s2']])
  })

  test('what was dropped while it waited for a citation is not proposed when the citation comes', () => {
    const leader = new Leader()
    const heir = leader.add({ sender: 1, claim: 2, cites: [1] })
    leader.add({ sender: 2, claim: 1 })
    const item = leader.pool.get(heir.id) as Pooled
    leader.scheduler.drop(item)
    leader.pool.remove(heir.id)
    expect(leader.propose(WIDE).map((each) => each.transaction.sender)).toEqual(['s2'])
    leader.commit()
    expect(leader.scheduler.readyCount).toBe(0)
  })

  test('a block costs what is in it, not what waits: readiness is not asked of bystanders', () => {
    const leader = new Leader()
    for (let sender = 0; sender < 500; sender++) leader.add({ sender, nonce: 1, claim: sender, gas: 5 }) // nonce 0 never comes
    for (let sender = 500; sender < 540; sender++) leader.add({ sender, claim: sender, gas: 1 })
    const before = leader.machine.work.readinessAsked
    for (let block = 0; block < 4; block++) expect(leader.propose({ ...WIDE, transactions: 10 })).toHaveLength(10)
    while (leader.proposals.length > 0) leader.commit()
    expect(leader.machine.work.readinessAsked - before).toBe(0)
  })
})
