import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { epoch, type Hash, hash, height, keyOf, publicKey, type ValidatorIndex, view } from '@aethel/codec'
import { createValidatorSet, type Message } from '@aethel/consensus'
import type { LedgerState } from '@aethel/ledger'
import type { Mesh } from '@aethel/network'
import type { Application, Replica, ReplicaEffect } from '@aethel/replica'
import type { Store, StoreRecord } from '@aethel/storage'
import { expect, test } from 'vitest'
import { Driver } from './driver.js'
import type { Home } from './home.js'
import { createLog } from './log.js'
import { Metrics } from './metrics.js'
import { PeerNames } from './peer-names.js'
import type { ProofPool } from './proof-pool.js'

const persist: ReplicaEffect = {
  kind: 'persist',
  records: [{ kind: 'forget-block', hash: hash(new Uint8Array(32)), height: height(1) }],
}

function send(from: number): ReplicaEffect {
  return { kind: 'send', to: 'all', message: { kind: 'fetch', want: 'committed', from: height(from) } satisfies Message }
}

function idOf(at: number): Hash {
  return hash(new Uint8Array(32).fill(at))
}

/** The commit of a block with one transaction. */
function commit(at: number): ReplicaEffect {
  const header = { height: height(at), proposer: 0, timestampMs: at, totalDifficulty: 0n }
  return {
    kind: 'commit',
    block: { header, body: {}, hash: idOf(at) },
    certificate: { height: height(at), view: view(0) },
    writes: { puts: [], deletes: [] },
    transactions: [{ id: idOf(at), idKey: keyOf(idOf(at)), work: null }],
    gas: [0],
    offences: [],
    nextEpoch: null,
  } as unknown as ReplicaEffect
}

/** A driver whose replica says what the test says, and whose disk is done when the test says so. */
function scripted() {
  let next: readonly ReplicaEffect[] = []
  const durable: (() => void)[] = []
  const left: Uint8Array[] = []
  const given: StoreRecord['kind'][] = []
  const logged: unknown[] = []
  const take = (records: readonly StoreRecord[]): void => {
    given.push(...records.map(({ kind }) => kind))
  }
  const validators = createValidatorSet(epoch(0), [{ publicKey: publicKey(new Uint8Array(32).fill(1)), power: 1n }])
  if (!validators.ok) throw new Error('a validator set of one is good')
  const driver = new Driver({
    home: {
      chainId: hash(new Uint8Array(32)),
      validators: validators.value,
      self: 0,
      networkSeed: new Uint8Array(32),
      genesis: { parameters: { epochLength: 0 } },
    } as unknown as Home,
    names: new PeerNames({ self: null, networkSeed: new Uint8Array(32), config: { peers: [] } as unknown as Home['config'] }),
    application: {} as Application<LedgerState>,
    replica: {
      committed: { height: height(0), hash: hash(new Uint8Array(32)), timestampMs: 0 },
      position: { view: view(0), phase: 'active' },
      epoch: { validators: validators.value, previousValidators: null, origin: { height: height(0), hash: hash(new Uint8Array(32)) } },
      state: { entries: { get: () => undefined } },
      step: () => next,
    } as unknown as Replica<LedgerState>,
    store: {
      stage: take,
      append: (records, onDurable) => {
        take(records)
        durable.push(onDurable)
      },
      transactionPlace: () => undefined,
    } as Partial<Store> as Store,
    log: createLog({ write: (line) => logged.push(JSON.parse(line)) }, 'warn', {}),
    metrics: new Metrics(() => {
      throw new Error('nobody reads the metrics here')
    }),
    onBug: (error) => {
      throw error
    },
    provable: null,
  })
  const mesh: Partial<Mesh> = {
    send: (_to, bytes) => left.push(bytes),
    flush: () => undefined,
    grant: () => undefined,
    addPeer: () => undefined,
  }
  driver.start(mesh as Mesh, {} as ProofPool)
  return {
    driver,
    left,
    durable,
    given,
    logged,
    say: async (...effects: readonly ReplicaEffect[]) => {
      next = effects
      driver.input({ kind: 'timer', timer: 'status', nowMs: 0 })
      await turn()
    },
  }
}

test('a peer of another protocol version is named in the log, with both versions and what that means', () => {
  const { driver, logged } = scripted()
  driver.meshHandlers.onOtherVersion?.(2 as ValidatorIndex, 3, 1)
  expect(logged).toEqual([expect.objectContaining({ level: 'warn', event: 'peer-other-version', peer: 2, theirs: 3, ours: 1 })])
  expect(logged[0]).toMatchObject({ message: expect.stringContaining('until one of them is upgraded') })
})

test('C1: what is sent behind a write leaves when the write is durable, in order, and not before', async () => {
  const { say, durable, left } = scripted()
  await say(send(1))
  expect(left.length).toBe(1) // nothing was written before it
  await say(persist, send(2))
  await say(send(3))
  await say(persist, send(4))
  expect(left.length).toBe(1)
  durable[0]?.()
  expect(left.length).toBe(3) // the third has nothing to wait for but what the second waited for
  durable[1]?.()
  expect(left.map((bytes) => bytes.at(-1))).toEqual([1, 2, 3, 4])
})

test('C1: a client hears that it is final when the votes behind that are durable, and finds it when it asks, at once or a moment later', async () => {
  const { driver, say, durable } = scripted()
  const heard: number[] = []
  for (const at of [1, 2]) driver.onSettled(idOf(at), (settlement) => heard.push(settlement.status === 'final' ? settlement.height : -1))
  const isReadable = (): boolean => driver.whenReadable() === undefined
  await say(persist) // the own vote
  await say(commit(1))
  expect(heard).toEqual([])
  expect(isReadable()).toBe(true) // nobody was told anything yet
  durable[0]?.()
  expect(heard).toEqual([1])
  expect(driver.placeOf(idOf(1))).toEqual({ height: 1, index: 0 })
  expect(isReadable()).toBe(false)
  let hasRead = false
  void driver.whenReadable()?.then(() => {
    hasRead = true
  })
  await turn()
  expect(hasRead).toBe(false)
  expect(driver.publishedHeight).toBe(0)
  durable[1]?.()
  await turn()
  expect(hasRead).toBe(true)
  expect(driver.publishedHeight).toBe(1)
  await say(persist, commit(2)) // in one write: the vote counts when it is durable, and not before
  expect(heard).toEqual([1])
  durable[2]?.()
  expect(heard).toEqual([1, 2])
  expect(isReadable()).toBe(true)
})

test('a committed block is written with the next vote, when somebody wants to read it, or a moment later; an answer never waits for it', async () => {
  const { driver, say, durable, given } = scripted()
  const heard: number[] = []
  driver.onSettled(idOf(1), () => heard.push(1))
  await say(commit(1))
  expect(heard).toEqual([1])
  expect(durable.length).toBe(0)
  await say(persist)
  expect(durable.length).toBe(1) // both in one write
  expect(given[0]).toBe('commit')
  expect(given.length).toBe(2)
  durable[0]?.()
  expect(driver.publishedHeight).toBe(1)
  await say(commit(2))
  void driver.whenReadable()
  await turn()
  expect(durable.length).toBe(2)
  durable[1]?.()
  await say(commit(3))
  expect(durable.length).toBe(2)
  await sleep(50)
  expect(durable.length).toBe(3)
  await say(commit(4))
  driver.stop()
  expect(durable.length).toBe(5) // with the last verdicts behind it
})

test('I3: a block is shown when it is durable, and not before: no height, no event, nothing to prove a receipt from', async () => {
  const { driver, say, durable } = scripted()
  const told: number[] = []
  driver.onCommitted(({ block }) => told.push(block.header.height))
  await say(commit(1), persist)
  await say(commit(2), persist)
  expect([driver.publishedHeight, told, driver.provable.length]).toEqual([0, [], 0])
  durable[0]?.()
  expect([driver.publishedHeight, told]).toEqual([1, [1]])
  durable[1]?.()
  expect([driver.publishedHeight, told]).toEqual([2, [1, 2]])
})
