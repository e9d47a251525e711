import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { epoch, type Hash, hash, height, keyOf, publicKey, signature, type ValidatorIndex, view } from '@aethel/codec'
import { type BlobRef, type Block, createValidatorSet, encodeMessage, type Header, hashHeader, type Message } from '@aethel/consensus'
import type { LedgerState } from '@aethel/ledger'
import type { Mesh } from '@aethel/network'
import type { Application, Replica, ReplicaEffect, ReplicaInput, VerificationJob } from '@aethel/replica'
import type { Store, StoreRecord } from '@aethel/storage'
import { expect, test } from 'vitest'
import { certify, chainTo } from '../../replica/test/shelves.js'
import type { BlobKeeper } from './blob-keeper.js'
import { Driver } from './driver.js'
import type { Home } from './home.js'
import { createLog } from './log.js'
import { Metrics } from './metrics.js'
import { PeerNames } from './peer-names.js'
import { DAMAGED } from './proof-batch.js'
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
function commit(at: number, { certifiedAt = at, blob }: { certifiedAt?: number; blob?: BlobRef } = {}): ReplicaEffect {
  const header = { height: height(at), proposer: 0, timestampMs: at, totalDifficulty: 0n }
  const work = blob === undefined ? null : { kind: 'k', claimId: idOf(at), key: idOf(at), blob }
  return {
    kind: 'commit',
    block: { header, body: {}, hash: idOf(at) },
    certificate: { height: height(certifiedAt), view: view(0) },
    writes: { puts: [], deletes: [] },
    transactions: [{ id: idOf(at), idKey: keyOf(idOf(at)), account: idOf(0), sourceDigest: null, work }],
    gas: [0],
    offences: [],
    nextEpoch: null,
  } as unknown as ReplicaEffect
}

/** A driver whose replica says what the test says, and whose disk is done when the test says so. */
function scripted({ epochLength = 0 } = {}) {
  let next: ReplicaEffect[] = []
  const durable: (() => void)[] = []
  const left: Uint8Array[] = []
  const given: StoreRecord['kind'][] = []
  const logged: unknown[] = []
  const inputs: ReplicaInput[] = []
  const charged: number[] = []
  const ifRead: Uint8Array[] = []
  const blobs: [string, unknown][] = []
  const blamed: number[] = []
  const wanted = { all: true, due: false }
  const committed = { height: height(0), hash: hash(new Uint8Array(32)), timestampMs: 0 }
  const take = (records: readonly StoreRecord[]): void => {
    given.push(...records.map(({ kind }) => kind))
  }
  const validatorsOf = (of: number) => {
    const validators = createValidatorSet(epoch(of), [{ publicKey: publicKey(new Uint8Array(32).fill(1)), power: 1n }])
    if (!validators.ok) throw new Error('a validator set of one is good')
    return validators.value
  }
  let validators = validatorsOf(0)
  const store: Partial<Store> = {
    stage: take,
    append: (records, onDurable) => {
      take(records)
      durable.push(onDurable)
    },
    transactionPlace: () => undefined,
    gaps: [],
  }
  const driver = new Driver({
    home: {
      chainId: hash(new Uint8Array(32)),
      validators,
      self: 0,
      networkSeed: new Uint8Array(32),
      genesis: { parameters: { epochLength } },
    } as unknown as Home,
    names: new PeerNames({ self: null, networkSeed: new Uint8Array(32), config: { peers: [] } as unknown as Home['config'] }),
    application: {} as Application<LedgerState>,
    replica: {
      committed,
      wants: () => wanted.all,
      isDue: () => wanted.due,
      position: { view: view(0), phase: 'active' },
      get epoch() {
        return { validators, previousValidators: null, origin: { height: height(0), hash: hash(new Uint8Array(32)) } }
      },
      state: { entries: { get: () => undefined } },
      step: (input: ReplicaInput) => {
        inputs.push(input)
        return next.splice(0)
      },
    } as unknown as Replica<LedgerState>,
    store: store as Store,
    log: createLog({ write: (line) => logged.push(JSON.parse(line)) }, 'warn', { validator: 7 }),
    metrics: new Metrics(() => {
      throw new Error('nobody reads the metrics here')
    }),
    onBug: (error) => {
      throw error
    },
    provable: null,
    blobs: {
      onFinal: (final: unknown) => blobs.push(['final', final]),
      onDamaged: (damaged: unknown) => blobs.push(['damaged', damaged]),
    } as unknown as BlobKeeper,
  })
  const mesh: Partial<Mesh> = {
    send: (_to, bytes) => left.push(bytes),
    sendIfRead: (_to, bytes) => ifRead.push(bytes),
    charge: (peer) => charged.push(peer),
    misbehaved: (peer) => blamed.push(peer),
    flush: () => undefined,
    grant: () => undefined,
    addPeer: () => undefined,
  }
  driver.start(mesh as Mesh, {} as ProofPool)
  return {
    driver,
    store,
    left,
    durable,
    given,
    logged,
    inputs,
    charged,
    ifRead,
    blobs,
    blamed,
    wanted,
    enterEpoch: (of: number) => {
      validators = validatorsOf(of)
      driver.input({ kind: 'timer', timer: 'status', nowMs: 0 })
    },
    /** The replica has got so far. */
    reach: (at: number) => {
      committed.height = height(at)
    },
    say: async (...effects: readonly ReplicaEffect[]) => {
      next = [...effects]
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

test('who has cheated is named in the log beside the validator whose log it is', async () => {
  const { say, durable, logged } = scripted()
  const offence = { type: 'equivocation', offender: 2, view: view(0), height: height(1), kind: 'prepare' }
  await say({ kind: 'evidence', offence } as unknown as ReplicaEffect, { ...commit(1), offences: [offence] } as unknown as ReplicaEffect)
  for (const onDurable of durable) onDurable()
  const who = { validator: 7, offender: 2 }
  expect(logged).toMatchObject([
    { ...who, event: 'offence-seen' },
    { ...who, event: 'offence-recorded' },
  ])
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

test('C1: between its commit and the votes behind it, a transaction is neither final for anybody nor forgotten; who is refused because of it can read why', async () => {
  const { driver, say, reach, durable } = scripted()
  const refusal = { code: 'nonce-used', message: 'expected nonce 1, got 0' }
  const about = (id: Hash): unknown[] => [driver.placeOf(id), driver.isBeingCommitted(id)]
  await say(persist)
  reach(1)
  await say(commit(1))
  expect(about(idOf(1))).toEqual([undefined, true])
  expect(about(idOf(2))).toEqual([undefined, false])
  expect(driver.whenReadable()).toBeUndefined()
  await say({ kind: 'admission', request: 1, admission: { status: 'refused', id: idOf(1), refusal } })
  let canRead = false
  void driver.whenReadable()?.then(() => {
    canRead = true
  })
  durable[0]?.()
  expect(about(idOf(1))).toEqual([{ height: 1, index: 0 }, false])
  await turn()
  expect(canRead).toBe(false)
  durable[1]?.()
  await turn()
  expect(canRead).toBe(true)
})

test('blocks are missing from the moment in which a state is taken over: what the state makes impossible is let go before anything is durable', async () => {
  const { driver, say } = scripted()
  const target = { header: { height: height(5) }, certificate: { height: height(5), view: view(0) } }
  const heard: boolean[] = []
  driver.onSettled(idOf(1), () => heard.push(driver.lacksBlocks))
  expect(driver.lacksBlocks).toBe(false)
  const dropped: ReplicaEffect = { kind: 'dropped', id: idOf(1), refusal: { code: 'nonce-used', message: 'expected nonce 1, got 0' } }
  await say({ kind: 'restored', restored: { target } } as unknown as ReplicaEffect, dropped)
  expect(heard).toEqual([true])
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

test('who waits for a transaction that was let go hears why, once; so does who asks later, also about one that was never admitted', async () => {
  const { driver, say } = scripted()
  const heard: unknown[] = []
  driver.onSettled(idOf(1), (settlement) => heard.push(settlement))
  const refusal = { code: 'evicted', message: 'the mempool is full' }
  await say({ kind: 'dropped', id: idOf(1), refusal }, { kind: 'dropped', id: idOf(1), refusal })
  await say({ kind: 'admission', request: 1, admission: { status: 'refused', id: idOf(2), refusal } })
  expect(heard).toEqual([{ status: 'refused', refusal }])
  expect([driver.refusalOf(idOf(1)), driver.refusalOf(idOf(2)), driver.refusalOf(idOf(3))]).toEqual([refusal, refusal, undefined])
  expect(driver.awaited).toBe(0)
})

test('E1: what is published is looked up in the store alone, and of states to prove receipts from the newest 64 are kept', async () => {
  const { driver, say, reach, durable } = scripted()
  for (let at = 1; at <= 100; at++) {
    reach(at)
    await say(commit(at), persist)
    durable[at - 1]?.()
    expect(driver.placeOf(idOf(at))).toBeUndefined() // this store has none
  }
  expect([driver.provable.length, driver.provable.at(0)?.header.height, driver.provable.at(-1)?.header.height]).toEqual([64, 37, 100])
})

test('receipts are proven from a block with its own certificate, and the state after that block', async () => {
  const { driver, say, reach, durable } = scripted()
  reach(2)
  await say(commit(1, { certifiedAt: 2 }), commit(2), persist)
  reach(4)
  await say(commit(3), commit(4), persist) // the state that the replica has is of the second
  reach(5)
  await say(commit(5, { certifiedAt: 6 }), persist)
  for (const done of durable) done()
  expect(driver.provable.map(({ header }) => header.height)).toEqual([2, 4])
})

test('E1: a part of a state is free for whoever was asked for it, once for each question, however many were asked', async () => {
  const { driver, say, charged, inputs } = scripted()
  const wish = { kind: 'fetch', want: 'chunk', height: height(4), lane: 0, cursor: new Uint8Array() } as const
  const chunk = encodeMessage({ kind: 'chunk', height: height(4), lane: 0, cursor: new Uint8Array(), chunk: new Uint8Array(4) })
  const receive = (times: number): void => {
    for (let i = 0; i < times; i++) driver.meshHandlers.onMessage(1 as ValidatorIndex, chunk)
  }
  await say({ kind: 'send', to: 1 as ValidatorIndex, message: wish }, { kind: 'send', to: 1 as ValidatorIndex, message: wish })
  receive(2)
  expect(charged).toEqual([])
  receive(3)
  expect(charged).toEqual([1, 1, 1])
  expect(inputs.filter(({ kind }) => kind === 'message').length).toBe(5)
  for (let i = 0; i < 1_000; i++) await say({ kind: 'send', to: 1 as ValidatorIndex, message: wish })
  charged.length = 0
  receive(1_000)
  expect(charged.length).toBe(1_000 - 64)
})

/** Of no transactions. */
function blockAt(at: number): Block {
  const header = {
    version: 1,
    chainId: idOf(0),
    epoch: epoch(0),
    height: height(at),
    parent: idOf(0),
    view: view(0),
    proposer: 0 as ValidatorIndex,
    timestampMs: at,
    transactionsRoot: idOf(0),
    evidenceRoot: idOf(0),
    lastCertificateHash: idOf(0),
    stateRoot: idOf(0),
    validatorsHash: idOf(0),
    nextValidatorsHash: idOf(0),
    totalDifficulty: 0n,
  }
  return { header, body: { transactions: [], evidence: [], lastCertificate: null }, hash: idOf(at) } as unknown as Block
}

test('E1: bodies go to a peer only as it reads them: what it says it lacks again it is sent again', async () => {
  const { say, left, ifRead } = scripted()
  const block = blockAt(1)
  await say({ kind: 'send', to: 1 as ValidatorIndex, message: { kind: 'block', block } })
  expect([left.length, ifRead.length]).toEqual([0, 1])
  await say({ kind: 'send', to: 'all', message: { kind: 'block', block } }, send(1))
  expect([left.length, ifRead.length]).toEqual([2, 1])
  // As an inner node of a tree sends a proposal to its leaves: nobody has said that it lacks it.
  await say({ kind: 'send', to: 1 as ValidatorIndex, message: { kind: 'block', block }, fresh: true })
  expect([left.length, ifRead.length]).toEqual([3, 1])
})

test('E1: along a tree two peers bring each proposal: the second pays for nothing, once for each slot', () => {
  const { driver, charged, wanted } = scripted()
  const proposal = (at: number) =>
    encodeMessage({
      kind: 'pre-prepare',
      epoch: epoch(0),
      view: view(0),
      block: blockAt(at),
      sender: 0 as ValidatorIndex,
      signature: signature(new Uint8Array(64)),
    })
  wanted.all = false
  driver.meshHandlers.onMessage(1 as ValidatorIndex, proposal(1))
  expect(charged).toEqual([1])
  wanted.due = true
  for (const at of [2, 3]) driver.meshHandlers.onMessage(1 as ValidatorIndex, proposal(at))
  expect(charged).toEqual([1])
  driver.meshHandlers.onMessage(1 as ValidatorIndex, proposal(3))
  expect(charged).toEqual([1, 1])
})

test('E1: of what a peer has sent for the next epoch nothing more is checked once something was refused', () => {
  const { driver, blamed, enterEpoch } = scripted({ epochLength: 10 })
  const vote = (at: number): Message => ({
    kind: 'vote',
    vote: {
      kind: 'prepare',
      epoch: epoch(1),
      view: view(0),
      height: height(at),
      blockHash: idOf(at),
      sender: 0 as ValidatorIndex,
      signature: signature(new Uint8Array(64)),
    },
  })
  for (const [from, at] of [
    [1, 1],
    [1, 2],
    [2, 3],
    [1, 4],
  ] as const)
    driver.meshHandlers.onMessage(from as ValidatorIndex, encodeMessage(vote(at)))
  expect(blamed).toEqual([])
  enterEpoch(1)
  expect(blamed).toEqual([1, 2])
})

test('a blob that a checker finds damaged is lost before the verdict is none: what is tried again fetches it', () => {
  const { driver, inputs, blobs } = scripted()
  const blob = { root: idOf(7), bytes: 5 }
  const job = { work: { key: idOf(1), kind: 'k', blob }, cited: [], priority: 'block' } as unknown as VerificationJob
  inputs.length = 0
  driver.onVerified(job, { status: 'aborted', reason: 'no answer for 60000 ms' }, 1)
  expect([inputs.map(({ kind }) => kind), blobs]).toEqual([['verified'], []])
  driver.onVerified(job, { status: 'aborted', reason: `${DAMAGED}a chunk is not as it was written` }, 1)
  expect(inputs.map(({ kind }) => kind)).toEqual(['verified', 'blob-lost', 'verified'])
  expect(blobs).toEqual([['damaged', blob]])
})

test('blobs of a final block are uploads no more: they leave their clients room', async () => {
  const { say, blobs } = scripted()
  const blob = { root: idOf(7), bytes: 5 }
  await say(commit(1, { blob }), persist)
  expect(blobs).toEqual([['final', [blob]]])
})

test('E1: blocks that a peer was given before are charged to it when it asks again, a second time and every time after', async () => {
  const headers = chainTo(4, () => idOf(0))
  const { say, store, charged, ifRead, durable, reach } = scripted()
  const body = { transactions: [], evidence: [], lastCertificate: null }
  store.committedBlock = (at) => {
    const header = headers[at - 1]
    return header === undefined ? undefined : { header, body, hash: hashHeader(header) }
  }
  store.certificateFrom = (at) => certify(headers[at - 1] as Header)
  store.gasOf = () => []
  reach(4)
  await say(commit(4), persist)
  durable[0]?.()
  const serve = (to: number, from: number): ReplicaEffect => ({ kind: 'serve', to: to as ValidatorIndex, from: height(from) })
  await say(serve(1, 1), serve(2, 3))
  expect([ifRead.length, charged]).toEqual([2, []])
  await say(serve(1, 2), serve(1, 2), serve(2, 4), serve(3, 1))
  expect([ifRead.length, charged]).toEqual([6, [1, 1, 2]])
})
