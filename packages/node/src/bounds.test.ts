/** docs/protocol.md §13, the node, from the attacker's side: what peers and clients can make a process queue, remember and write. */
import { connect as connectTcp } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { epoch, type Hash, hash, height, publicKey, validatorIndex, view } from '@aethel/codec'
import { createValidatorSet, encodeMessage, MAX_OFFER_LINK_BYTES, type Message, type ValidatorSet } from '@aethel/consensus'
import { sha256 } from '@aethel/crypto'
import type { LedgerState } from '@aethel/ledger'
import type { Mesh } from '@aethel/network'
import type { Application, Replica, ReplicaEffect } from '@aethel/replica'
import type { Store } from '@aethel/storage'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { blockOf, CHAIN, Cluster, prePrepareOf, START_MS, validatorSet } from '../../consensus/test/harness.js'
import { keptBytes } from '../../consensus/test/memory.js'
import { Allowance, BURST_US } from '../../network/src/allowance.js'
import { ARRIVAL_COST_BYTES, MAX_ARRIVAL_BYTES } from './arrivals.js'
import { Driver } from './driver.js'
import { FirstProposals } from './first-proposals.js'
import type { Home } from './home.js'
import { boundAnswers, boundBodies } from './http-bounds.js'
import { createLog } from './log.js'
import { LOG_BURST, LOG_PER_SECOND, LogLimit } from './log-limit.js'
import { Metrics } from './metrics.js'
import { PeerNames } from './peer-names.js'
import type { ProofPool } from './proof-pool.js'
import { REMEMBERED_REFUSALS } from './settlements.js'
import { offerMessage } from './snapshots.js'

const ZERO = hash(new Uint8Array(32))
const ATTACKER = validatorIndex(3)
const MIB = 1 << 20
const NOISE_BYTES = 4 * MIB

interface Parts {
  readonly chainId?: Hash
  readonly validators?: ValidatorSet
  readonly charge?: (microseconds: number) => void
  readonly blame?: (code: string) => void
  readonly replica?: Partial<Replica<LedgerState>>
}

/** A driver with a replica that does what the test says; nothing is looked at before the event loop turns. */
function scripted(parts: Parts = {}) {
  let next: readonly ReplicaEffect[] = []
  const lines: string[] = []
  const validators = createValidatorSet(epoch(0), [{ publicKey: publicKey(new Uint8Array(32).fill(1)), power: 1n }])
  if (!validators.ok) throw new Error('a validator set of one is good')
  const driver = new Driver({
    home: {
      chainId: parts.chainId ?? ZERO,
      validators: parts.validators ?? validators.value,
      self: 0,
      networkSeed: new Uint8Array(32),
      genesis: { parameters: { epochLength: 0, blockTransactions: 4_096 } },
    } as unknown as Home,
    names: new PeerNames({ self: null, networkSeed: new Uint8Array(32), config: { peers: [] } as unknown as Home['config'] }),
    application: {
      decode: () => ({ ok: false, error: { code: 'rubbish', message: 'not a transaction' } }),
    } as unknown as Application<LedgerState>,
    replica: {
      committed: { height: height(0), hash: ZERO, timestampMs: 0 },
      position: { view: view(0), phase: 'active' },
      epoch: { validators: validators.value, previousValidators: null, origin: { height: height(0), hash: ZERO } },
      state: { entries: { get: () => undefined } },
      transactionStatus: () => 'pending',
      step: () => next,
      ...parts.replica,
    } as unknown as Replica<LedgerState>,
    store: { append: (_: unknown, onDurable: () => void) => onDurable(), transactionPlace: () => undefined, gaps: [] } as unknown as Store,
    log: createLog({ write: (line) => void lines.push(line) }, 'info', {}),
    metrics: new Metrics(() => {
      throw new Error('nobody reads the metrics here')
    }),
    onBug: (error) => {
      throw error
    },
    provable: null,
  })
  const mesh = {
    send: () => {},
    flush: () => {},
    rename: () => {},
    addPeer: () => {},
    misbehaved: (_: unknown, code: string) => parts.blame?.(code),
    charge: (_: unknown, microseconds: number) => parts.charge?.(microseconds),
    grant: () => {},
  }
  driver.start(mesh as unknown as Mesh, {} as ProofPool)
  return {
    driver,
    lines,
    say: (...effects: readonly ReplicaEffect[]) => {
      next = effects
      driver.input({ kind: 'timer', timer: 'status', nowMs: 0 })
      next = []
    },
  }
}

describe('what peers and clients can make a node hold', () => {
  test('arrivals queue: transactions of one byte and of many: 32 MiB with what each costs beside its bytes, and as much of clients', async () => {
    const { driver } = scripted()
    await turn()
    const { onTransactions } = driver.meshHandlers
    let refused = 0
    const kept = keptBytes(() => {
      for (let frame = 0; frame < 100; frame++)
        onTransactions(
          ATTACKER,
          Array.from({ length: 4_096 }, (_, i) => Uint8Array.of(frame, i & 255)),
        )
      for (let nth = 0; nth < 100_000; nth++) {
        void driver.submit(ZERO, Uint8Array.of(nth & 255, nth >> 8)).then((admission) => {
          if (admission.status === 'refused' && admission.refusal.code === 'mempool-full') refused++
        })
      }
    })
    const most = Math.floor(MAX_ARRIVAL_BYTES / (ARRIVAL_COST_BYTES + 2))
    expect(driver.awaited).toBe(most)
    expect(kept).toBeLessThan(2 * MAX_ARRIVAL_BYTES + NOISE_BYTES)
    driver.stop()
    await turn()
    expect(refused).toBe(100_000 - most)
  })

  test('E2: a peer that asks for a state from an epoch that no chain will ever see gets it without links', () => {
    const home = { genesis: { parameters: { epochLength: 100 } }, validators: { validators: [] } } as unknown as Home
    const { header } = blockOf()
    for (const from of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, Math.floor(Number.MAX_SAFE_INTEGER / 100)]) {
      const offer = { header, descendants: [], certificate: {} } as unknown as Extract<ReplicaEffect, { kind: 'serve-offer' }>['offer']
      const answer = offerMessage(home, {} as Store, { kind: 'serve-offer', to: ATTACKER, from: epoch(from), offer })
      expect(answer.offer.links).toEqual([])
    }
  })

  test('E1: the ends of epochs in an offer: 2 MiB and one more, however many validators a chain of few has come to have', () => {
    const home = { genesis: { parameters: { epochLength: 1 } }, validators: { validators: [{}] } } as unknown as Home
    const validators = Array.from({ length: 3_000 }, () => ({ publicKey: new Uint8Array(32), power: 1n }))
    const signatures = Array.from({ length: 2_001 }, () => new Uint8Array(64))
    const store = {
      epoch: () => ({ validators: { validators, scheme: 'ed25519' } }),
      header: () => blockOf().header,
      certificateFrom: (at: number) => ({ height: at, scheme: 'ed25519', signatures }),
    } as unknown as Store
    const header = { ...blockOf().header, height: height(1_000) }
    const offer = { header, descendants: [], certificate: {} } as unknown as Extract<ReplicaEffect, { kind: 'serve-offer' }>['offer']
    const { links } = offerMessage(home, store, { kind: 'serve-offer', to: ATTACKER, from: epoch(1), offer }).offer
    const each = 3_000 * (32 + 16) + 2_001 * 64
    expect(links.length).toBeGreaterThan(1)
    expect(links.length * each).toBeLessThan(MAX_OFFER_LINK_BYTES + 2 * each)
  })

  test('clients that wait are counted one by one, also if all wait for the same transaction', () => {
    const { driver, say } = scripted()
    const id = sha256(Uint8Array.of(1))
    let told = 0
    const forgets = Array.from({ length: 500 }, () => driver.onSettled(id, () => told++))
    expect(driver.awaited).toBe(500)
    for (const forget of forgets.slice(0, 100)) forget()
    forgets[0]?.() // twice
    expect(driver.awaited).toBe(400)
    say({ kind: 'dropped', id, refusal: { code: 'evicted', message: 'gone' } })
    expect([told, driver.awaited]).toEqual([400, 0])
    for (const forget of forgets) forget()
    expect(driver.awaited).toBe(0)
    driver.stop()
  })

  test('remembered refusals: 16,384, the newest', () => {
    const { driver, say } = scripted()
    const idOf = (nth: number) => sha256(Uint8Array.of(nth & 255, nth >> 8, nth >> 16))
    const refusal = (nth: number): ReplicaEffect => ({ kind: 'dropped', id: idOf(nth), refusal: { code: 'evicted', message: 'gone' } })
    const kept = keptBytes(() => {
      for (let nth = 0; nth < 2 * REMEMBERED_REFUSALS; nth += 1_000) say(...Array.from({ length: 1_000 }, (_, i) => refusal(nth + i)))
    })
    expect(kept).toBeLessThan(REMEMBERED_REFUSALS * 512 + NOISE_BYTES)
    expect(driver.refusalOf(idOf(0))).toBeUndefined()
    expect(driver.refusalOf(idOf(2 * REMEMBERED_REFUSALS - 1))).toBeDefined()
    driver.stop()
  })

  test('log volume: a peer that comes and goes, and false proofs without end, write a bounded number of lines', async () => {
    const { driver, lines, say } = scripted()
    const { onLost } = driver.meshHandlers
    for (let nth = 0; nth < 5_000; nth++) {
      onLost(ATTACKER, 'connection closed')
      say({ kind: 'event', event: { name: 'proof-refused', id: ZERO, from: ATTACKER, code: 'false' } })
    }
    const of = (event: string): number => lines.filter((line) => line.includes(`"${event}"`)).length
    for (const event of ['peer-lost', 'proof-refused']) {
      expect(of(event)).toBeGreaterThanOrEqual(LOG_BURST)
      expect(of(event)).toBeLessThan(LOG_BURST + 60 * LOG_PER_SECOND) // a minute, if the machine is that slow
    }
    driver.stop()
  })
})

describe('E1: a leader that repeats its proposals', () => {
  /** A driver before a real consensus core of validator 1, in view 0; `chargedUs`: to the account of its leader. */
  function follower() {
    const { core } = new Cluster().at(1)
    if (core === null) throw new Error('a replica that was started has a core')
    let chargedUs = 0
    const blamed: string[] = []
    const { driver } = scripted({
      chainId: CHAIN,
      validators: validatorSet(4),
      charge: (microseconds) => {
        chargedUs += microseconds
      },
      blame: (code) => blamed.push(code),
      replica: {
        committed: { height: height(0), hash: CHAIN, timestampMs: 0 },
        epoch: { validators: validatorSet(4), previousValidators: null, origin: { height: height(0), hash: CHAIN } },
        wants: (from, message) => core.wants(from, message),
        isDue: (from, message) => core.isDue(from, message),
        step: (input) => {
          if (input.kind === 'message') core.step({ ...input, nowMs: START_MS } as unknown as Parameters<typeof core.step>[0])
          return []
        },
      },
    })
    const receive = (message: Message): number => {
      const before = chargedUs
      driver.meshHandlers.onMessage(validatorIndex(0), encodeMessage(message))
      return chargedUs - before
    }
    return { receive, blamed, stop: () => driver.stop() }
  }

  const bytesOf = (message: Message): number => encodeMessage(message).length
  const transactions = [new Uint8Array(MIB)]
  const proposals: [string, Message][] = [
    ['one that was accepted', prePrepareOf(0, 0, blockOf({ transactions }))],
    ['one that is ignored each time: of the far future', prePrepareOf(0, 0, blockOf({ transactions, timestampMs: START_MS + 3_600_000 }))],
    ['one that is ignored each time: not on top of what was accepted', prePrepareOf(0, 0, blockOf({ transactions, parent: ZERO }))],
  ]
  test.each(proposals)('%s: the first is free, each further one is charged what its bytes cost', (_, message) => {
    const { receive, blamed, stop } = follower()
    expect(receive(message)).toBe(0)
    for (let nth = 0; nth < 20; nth++) expect(receive(message)).toBeGreaterThanOrEqual(bytesOf(message) / 50)
    expect(blamed).toEqual([])
    stop()
  })

  test('at line rate it is read no more than its account allows', () => {
    const { receive, stop } = follower()
    const [, message] = proposals[1] as [string, Message]
    const allowance = new Allowance(3, 0)
    let [nowMs, read] = [0, 0]
    for (; nowMs < 10_000; read++) nowMs += 1 + allowance.spend(receive(message), nowMs) // a gigabyte a second
    expect(read * (MIB / 50)).toBeLessThan(BURST_US + 1.1 * 10_000 * (200 / 3) + MIB / 50)
    stop()
  })

  test('what is remembered of them is bounded, and the newest slots are known', () => {
    const known = new FirstProposals()
    const kept = keptBytes(() => {
      for (let at = 1; at < 100_000; at++) known.isFirst(ATTACKER, { view: view(at), height: height(at) }, height(Math.max(0, at - 100)))
    })
    expect(kept).toBeLessThan(NOISE_BYTES)
    expect(known.isFirst(ATTACKER, { view: view(99_999), height: height(99_999) }, height(99_900))).toBe(false)
    expect(known.isFirst(validatorIndex(2), { view: view(99_999), height: height(99_999) }, height(99_900))).toBe(true)
  })
})

test('a log line that comes after a silence says how many were left out', () => {
  const limit = new LogLimit()
  for (let nth = 0; nth < LOG_BURST; nth++) expect(limit.admit('peer-lost', 0)).toEqual({ suppressed: 0 })
  for (let nth = 0; nth < 50; nth++) expect(limit.admit('peer-lost', 0)).toBeNull()
  expect(limit.admit('peer-misbehaving', 0)).toEqual({ suppressed: 0 })
  expect(limit.admit('peer-lost', 1_000 / LOG_PER_SECOND)).toEqual({ suppressed: 50 })
  expect(limit.admit('peer-lost', 1_000 / LOG_PER_SECOND)).toBeNull()
})

test('RPC bodies: what all requests under way announce is bounded, whether it comes or not; it is given back', async () => {
  const app = fastify()
  const budget = boundBodies(app, 1 * MIB)
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  app.post('/', async () => {
    await held
    return {}
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const post = () =>
    fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: Buffer.alloc(300_000),
    })
  const first = [post(), post(), post()]
  for (let tries = 0; tries < 200 && budget.heldBytes < 900_000; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(budget.heldBytes).toBe(900_000)
  const late = await post()
  expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([503, 'busy'])
  release()
  expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200])
  for (let tries = 0; tries < 200 && budget.heldBytes > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(budget.heldBytes).toBe(0)
  await app.close()
})

test('E1: answers that are not read: so many bytes of all, then a client is told to come again; who does not read for a minute is cut off', async () => {
  const app = fastify()
  const budget = boundAnswers(app, { mostBytes: 40 * MIB, unreadMs: 1_500 })
  const text = 'x'.repeat(16 * MIB)
  app.get('/', async () => text)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const stuck = [1, 2].map(() => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
    return socket.on('error', () => {}).pause()
  })
  const until = async (held: number): Promise<void> => {
    for (let tries = 0; tries < 500 && budget.heldBytes !== held; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(budget.heldBytes).toBe(held)
  }
  await until(2 * text.length)
  const late = await fetch(`http://127.0.0.1:${port}/`)
  expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([503, 'busy'])
  await until(0)
  expect((await (await fetch(`http://127.0.0.1:${port}/`)).text()).length).toBe(text.length)
  await until(0)
  for (const socket of stuck) socket.destroy()
  await app.close()
})

test('E1: answers to clients that have left before: they hold nothing of what answers may', async () => {
  const app = fastify()
  const text = 'x'.repeat(MIB)
  const budget = boundAnswers(app, { mostBytes: 4 * MIB })
  let isReady = (): void => undefined
  const ready = new Promise<void>((resolve) => {
    isReady = resolve
  })
  let asked = 0
  app.get('/', async () => {
    asked++
    await ready
    return text
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const open = (): Promise<number> => new Promise((resolve) => app.server.getConnections((_, count) => resolve(count)))
  const clients = Array.from({ length: 8 }, () => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
    return socket.on('error', () => {})
  })
  for (let tries = 0; tries < 500 && asked < clients.length; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  for (const socket of clients) socket.destroy()
  for (let tries = 0; tries < 500 && (await open()) > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect([asked, await open()]).toEqual([clients.length, 0])
  isReady()
  await turn()
  expect(budget.heldBytes).toBe(0)
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  expect([answer.status, (await answer.text()).length]).toEqual([200, text.length])
  await app.close()
})
