/** Real nodes: validators that lost their store, or come late, take over a state from the others, across epochs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromHex, type Hash, hash, utf8 } from '@aethel/codec'
import { sha256, signingKey } from '@aethel/crypto'
import { buildTransaction, encodeTransaction, signTransaction } from '@aethel/ledger'
import { createTestnet, type Node, startNode, type TestnetSummary } from '@aethel/node'
import { decodeEpochs, decodeTrust, verifyEpochChain } from '@aethel/receipts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOME_FILES, openHome } from './home.js'

const BLOCKS = 23
const SYNC = { trustCertificates: false, snapshot: { behindBlocks: 5, everyBlocks: 4 } }

const directory = mkdtempSync(join(tmpdir(), 'aethel-snapshots-'))
const running = new Map<string, Node>()
const logs = new Map<string, string[]>()
let network: TestnetSummary
let chainId: Hash
let senders = 0

function must<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

async function start(home: string, recover = false): Promise<Node> {
  const lines: string[] = []
  logs.set(home, lines)
  const node = await startNode({ home, recover, log: { write: (line) => void lines.push(String(line)) }, logLevel: 'debug' })
  running.set(home, node)
  return node
}

async function stop(home: string): Promise<void> {
  await running.get(home)?.close()
  running.delete(home)
}

function configure(home: string, sync: object): void {
  const file = join(home, HOME_FILES.config)
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), sync }))
}

const home = (index: number): string => network.homes[index] as string
const url = (index: number): string => network.urls[index] as string

/** One block, by a sender of its own, so that the state grows. */
async function note(): Promise<void> {
  const sender = signingKey(sha256(utf8(`sender ${senders++}`)))
  const unsigned = buildTransaction({ chainId, sender: sender.publicKey, nonce: 0, action: { type: 'note', data: utf8('a block') } })
  const response = await fetch(`${url(0)}/v1/transactions?wait=final&timeoutMs=60000`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(encodeTransaction(signTransaction(unsigned, sender))),
  })
  expect(await response.json()).toMatchObject({ status: 'final' })
}

interface Status {
  readonly height: number
  readonly hash: string
  readonly stateRoot: string
  readonly epoch: number
  readonly voting: { readonly votes: boolean }
  readonly sync: { readonly gaps: { from: number; to: number }[]; readonly fetching: unknown; readonly serves: number[] }
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(path)).json()) as T
}

const status = (index: number): Promise<Status> => get(`${url(index)}/v1/status`)

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`did not happen within 60 s: ${what}`)
}

async function caughtUp(index: number): Promise<void> {
  await until(`validator ${index} has caught up`, async () => {
    const [own, other] = await Promise.all([status(index), status(0)])
    return own.height === other.height && own.hash === other.hash && own.stateRoot === other.stateRoot
  })
}

function eventsOf(index: number): string[] {
  return (logs.get(home(index)) ?? []).map((line) => String((JSON.parse(line) as { event: string }).event))
}

beforeAll(async () => {
  network = await createTestnet({
    validators: 4,
    output: join(directory, 'net'),
    basePort: 0,
    seed: sha256(utf8('snapshot tests')),
    parameters: { epochLength: 5 },
  })
  chainId = hash(must(fromHex(network.chainId)))
  for (const each of network.homes) configure(each, SYNC)
  await Promise.all([0, 1, 2].map((index) => start(home(index))))
  for (let block = 0; block < BLOCKS; block++) await note()
}, 240_000)

afterAll(async () => {
  await Promise.all([...running.keys()].map(stop))
  rmSync(directory, { recursive: true, force: true })
})

describe('a validator that comes late', () => {
  test('takes over a state across epochs, goes on from there, and votes: its status and its log say so', async () => {
    await start(home(3))
    await caughtUp(3)
    const after = await status(3)
    // Peers in a later epoch send the blocks of the first epochs before it has asked for anything.
    const gap = after.sync.gaps[0] as { from: number; to: number }
    expect(gap.to - gap.from).toBeGreaterThanOrEqual(5)
    expect(after).toMatchObject({ epoch: Math.floor(BLOCKS / 5), voting: { votes: true }, sync: { fetching: null } })
    expect(eventsOf(3)).toContain('snapshot-begun')
    expect(eventsOf(3)).toContain('snapshot-chunk')
    expect(eventsOf(3)).toContain('snapshot-restored')
    expect((await get<{ paragraph: string }>(`${url(3)}/v1/why`)).paragraph).not.toContain('snapshot')
  }, 120_000)

  test('says of blocks below that it does not have them, and has those above; claims and accounts of all of them are in its state', async () => {
    const { sync, height } = await status(3)
    const { from, to } = sync.gaps[0] as { from: number; to: number }
    const below = await fetch(`${url(3)}/v1/blocks/${to}`)
    expect(below.status).toBe(410)
    expect(await below.json()).toMatchObject({ code: 'below-snapshot' })
    expect((await fetch(`${url(3)}/v1/blocks?from=${from}`)).status).toBe(410)
    for (let at = to + 1; at <= height; at++)
      expect(await get(`${url(3)}/v1/blocks/${at}`)).toMatchObject({
        hash: (await get<{ hash: string }>(`${url(0)}/v1/blocks/${at}`)).hash,
      })
    const first = signingKey(sha256(utf8('sender 0'))).publicKey
    const account = `/v1/accounts/${Buffer.from(first).toString('hex')}`
    expect(await get(url(3) + account)).toEqual(await get(url(0) + account))
    expect(await get(url(3) + account)).toMatchObject({ nonce: 1 })
  })

  test('J3: serves the whole chain of epochs, of which it has seen the end only', async () => {
    const bytes = new Uint8Array(await (await fetch(`${url(3)}/v1/epochs?from=0`)).arrayBuffer())
    const trust = must(decodeTrust(readFileSync(network.trustFile)))
    const roots = must(verifyEpochChain(trust, must(decodeEpochs(bytes))))
    expect(roots.at(-1)?.validators.epoch).toBe(Math.floor(BLOCKS / 5))
  })

  test('is needed from now on: with another one down the chain goes on', async () => {
    await stop(home(1))
    await note()
    await note()
    await caughtUp(3)
    await start(home(1))
    await caughtUp(1)
  }, 120_000)

  test('starts again from its own store, with nothing fetched anew', async () => {
    await stop(home(3))
    await start(home(3))
    await caughtUp(3)
    expect(eventsOf(3)).not.toContain('snapshot-begun')
    expect((await status(3)).sync.gaps).toHaveLength(1)
  }, 60_000)
})

describe('a validator whose store is lost', () => {
  test('C6: takes over a state as well, without voting until it is past what it may have signed; and serves it in its turn', async () => {
    await stop(home(2))
    rmSync(openHome(home(2)).storePath, { recursive: true })
    await start(home(2), true)
    await caughtUp(2)
    const after = await status(2)
    expect(after.sync.gaps).toHaveLength(1)
    expect(eventsOf(2)).toContain('snapshot-restored')
    expect(after.sync.serves.length).toBeGreaterThan(0)
  }, 120_000)
})
