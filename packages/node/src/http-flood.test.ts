/** docs/protocol.md §13, clients, from the attacker's side: the whole HTTP API before a driver and a store that the test plays. */
import { existsSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { encode, type Hash, height, keyOf, toHex, utf8 } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, type Block, blobRefOf, blobTreeOf, checkBlobPart } from '@aethel/consensus'
import { sha256, signingKey } from '@aethel/crypto'
import { buildTransaction, claimPath, encodeClaimRecord, encodeTransaction, mapKey, signTransaction } from '@aethel/ledger'
import { BlobFiles } from '@aethel/storage'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test, vi } from 'vitest'
import { blockOf } from '../../consensus/test/harness.js'
import type { Committed } from './driver.js'
import { serveHttp } from './http.js'
import { connectionsWithin, MAX_BODIES_BYTES, MAX_BODY_BYTES, MAX_CONNECTIONS, MAX_PIPELINED } from './http-bounds.js'
import { MAX_PAGE_BYTES } from './http-chain.js'
import { MAX_SEARCHED_BYTES } from './http-claims.js'
import type { HttpContext } from './http-context.js'
import { HEARTBEAT_MS, MAX_EVENT_STREAMS, MAX_STREAM_BACKLOG_BYTES } from './http-events.js'

const MIB = 1 << 20
const open: FastifyInstance[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(open.splice(0).map((app) => app.close()))
})

/** An API whose chain is as long as one likes, every block of it the same. */
async function serve(
  block: Block = blockOf(),
  whenReadable: () => Promise<void> | undefined = () => undefined,
  files: BlobFiles | null = null,
  /** Of what is searched. */
  claims: { readonly store: object; readonly state: object } = { store: {}, state: {} },
) {
  const listeners = new Set<(committed: Committed) => void>()
  const waiting = new Set<() => void>()
  const reads: number[] = []
  const app = await serveHttp({
    home: { config: { http: { host: '127.0.0.1', port: 0 } }, genesis: { kinds: [] } },
    replica: { state: claims.state },
    driver: {
      whenReadable,
      publishedHeight: 1_000_000,
      get awaited() {
        return waiting.size
      },
      submit: async (id: Hash) => ({ status: 'admitted', id }),
      onSettled: (_: Hash, callback: () => void) => {
        waiting.add(callback)
        return () => waiting.delete(callback)
      },
      onCommitted: (listener: (committed: Committed) => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    store: {
      gaps: [],
      committedBlock: (at: number) => {
        reads.push(at)
        return block
      },
      ...claims.store,
    },
    blobs: files === null ? null : { files },
  } as unknown as HttpContext)
  open.push(app)
  const { port } = app.server.address() as AddressInfo
  const ids = (count: number): Committed['transactions'] =>
    Array.from({ length: count }, () => ({ id: block.hash })) as unknown as Committed['transactions']
  return {
    url: `http://127.0.0.1:${port}`,
    reads,
    listeners,
    waiting,
    /** A block of so many transactions is committed. */
    commit: (transactions = 1) => {
      for (const listener of listeners) listener({ block, transactions: ids(transactions) } as unknown as Committed)
    },
    client: (request: string): Socket => {
      const socket = connectTcp(port, '127.0.0.1', () => socket.write(request))
      sockets.push(socket.on('error', () => {}))
      return socket
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await pause(10)
  expect(condition()).toBe(true)
}

const isOpen = (socket: Socket): boolean => !socket.destroyed && socket.readyState === 'open'

test('E1: connections of clients: 1,024 are open at most, whoever waits in them; then there is room again', async () => {
  const { url, client } = await serve()
  const idle = Array.from({ length: MAX_CONNECTIONS + 200 }, () => client('GET /v1/blocks HTTP/1.1\r\nhost: x\r\nx-slow: '))
  await until(() => idle.every((socket) => socket.readyState !== 'opening') && idle.filter(isOpen).length <= MAX_CONNECTIONS)
  expect(idle.filter(isOpen).length).toBeGreaterThan(MAX_CONNECTIONS - 50)
  for (const socket of idle) socket.destroy()
  await pause(50)
  expect((await fetch(`${url}/v1/blocks?limit=1`)).status).toBe(200)
})

test('E1: where a process may have few files open, clients get a quarter of them: the store needs some to go on', () => {
  expect([null, 1_048_576, 4_096, 1_024, 10, 0].map(connectionsWithin)).toEqual([1_024, 1_024, 1_024, 256, 2, 1])
})

const STREAM = 'GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n'

test('E1: event streams: 64; more are told to come again, and one that is closed makes room', async () => {
  const { url, client, listeners } = await serve()
  const streams = Array.from({ length: MAX_EVENT_STREAMS + 40 }, () => client(STREAM))
  await until(() => listeners.size === MAX_EVENT_STREAMS)
  const late = await fetch(`${url}/v1/events`)
  expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([503, 'too-many-streams'])
  expect(listeners.size).toBe(MAX_EVENT_STREAMS)
  for (const socket of streams) socket.destroy()
  await until(() => listeners.size === 0)
  client(STREAM)
  await until(() => listeners.size === 1)
})

test('E1: event streams: whoever has left before its stream began takes no place', async () => {
  let asked = 0
  let readable = (): void => undefined
  const written = new Promise<void>((resolve) => {
    readable = resolve
  })
  const { client, listeners, url } = await serve(blockOf(), () => (++asked > MAX_EVENT_STREAMS ? undefined : written))
  const left = Array.from({ length: MAX_EVENT_STREAMS }, () => client(STREAM))
  await until(() => asked === MAX_EVENT_STREAMS)
  for (const socket of left) socket.destroy()
  await pause(50)
  readable()
  await pause(50)
  expect(listeners.size).toBe(0)
  const stream = await fetch(`${url}/v1/events`)
  expect(stream.status).toBe(200)
  await stream.body?.cancel()
})

test('E1: event streams: one that waits behind another on its connection leaves with it, and is cut off like it', async () => {
  const { client, listeners, commit } = await serve()
  for (const before of ['', 'GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n']) {
    const both = client(before + STREAM + STREAM)
    await until(() => listeners.size === 2)
    both.destroy()
    await until(() => listeners.size === 0)
  }
  const reader = client(STREAM + STREAM).resume()
  await until(() => listeners.size === 2)
  for (let events = 0; listeners.size > 0 && events < 100; events++) {
    commit(1_000)
    await pause(1)
  }
  expect([listeners.size, isOpen(reader)]).toEqual([0, false])
})

test('event streams: one without blocks says now and then that it is there, and no more once it is closed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const { client, listeners } = await serve()
    const timers = vi.getTimerCount()
    let said = ''
    const stream = client(STREAM).on('data', (bytes) => {
      said += String(bytes)
    })
    const heartbeats = () => said.split(': heartbeat\n\n').length - 1
    await until(() => said.includes(': connected'))
    for (const beats of [1, 2]) {
      vi.advanceTimersByTime(HEARTBEAT_MS)
      await until(() => heartbeats() === beats)
    }
    expect(vi.getTimerCount()).toBe(timers + 1)
    stream.destroy()
    await until(() => listeners.size === 0)
    expect(vi.getTimerCount()).toBe(timers)
  } finally {
    vi.useRealTimers()
  }
})

test('E1: bodies: what was announced behind another answer is given back when the connection ends', async () => {
  const { url, client, listeners } = await serve()
  const announce = `POST /v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: ${MAX_BODY_BYTES}\r\n\r\n`
  const send = async (): Promise<string> => {
    const answer = await fetch(`${url}/v1/transactions?wait=never`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(1),
    })
    return ((await answer.json()) as { code: string }).code
  }
  for (let round = 0; round < 2; round++) {
    const clients = Array.from({ length: MAX_BODIES_BYTES / MAX_BODY_BYTES }, () => client(STREAM + announce))
    await until(() => listeners.size === clients.length)
    expect(await send()).toBe('busy')
    for (const socket of clients) socket.destroy()
    await until(() => listeners.size === 0)
    expect(await send()).toBe('wait')
  }
})

/** Of this process; where the system does not say, none. */
const openBlobs = (folder: string): number =>
  existsSync('/proc/self/fd')
    ? readdirSync('/proc/self/fd').filter((each) => {
        try {
          return readlinkSync(`/proc/self/fd/${each}`).startsWith(folder)
        } catch {
          return false
        }
      }).length
    : 0

/** A whole blob in a folder of its own, and the request for it. */
async function blobOf(bytes: number): Promise<{ folder: string; files: BlobFiles; download: string }> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'aethel-downloads-')))
  const content = new Uint8Array(bytes)
  const blob = blobRefOf(content)
  const files = new BlobFiles(folder, Date.now)
  files.open(blob)
  const tree = blobTreeOf(content)
  for (let at = 0; at < content.length; at += BLOB_CHUNK_BYTES) {
    const index = at / BLOB_CHUNK_BYTES
    const part = { index, path: tree.path(index), chunk: content.subarray(at, at + BLOB_CHUNK_BYTES) }
    const leaf = checkBlobPart(blob, part)
    if (leaf.ok) files.write(blob, part, leaf.value)
  }
  await new Promise((resolve) => files.seal(blob, resolve))
  return { folder, files, download: `GET /v1/blobs/${toHex(blob.root)} HTTP/1.1\r\nhost: x\r\n\r\n` }
}

test('E1: downloads: hundreds asked for at once on one connection open no more than sixteen files, and end it', async () => {
  const { folder, files, download } = await blobOf(64 * MIB)
  let opened = 0
  const placeOf = files.placeOf.bind(files)
  files.placeOf = (blob) => {
    opened++
    return placeOf(blob)
  }
  const { client, url } = await serve(blockOf(), () => undefined, files)
  const greedy = client(download.repeat(400)).pause()
  for (let tries = 0; tries < 100 && opened <= MAX_PIPELINED; tries++) await pause(10)
  expect(opened).toBeLessThanOrEqual(MAX_PIPELINED)
  greedy.resume()
  await until(() => greedy.destroyed && openBlobs(folder) === 0)
  let answers = ''
  const polite = client('GET /v1/blocks?limit=1 HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(MAX_PIPELINED)).on('data', (chunk) => {
    answers += chunk
  })
  await until(() => answers.split('HTTP/1.1 200').length === 1 + MAX_PIPELINED)
  expect(isOpen(polite)).toBe(true)
  expect((await fetch(`${url}/v1/blocks?limit=1`)).status).toBe(200)
  rmSync(folder, { recursive: true })
}, 60_000)

test('E1: downloads: whoever asks for the head of one makes nobody read it', async () => {
  const { folder, files, download } = await blobOf(1 * MIB)
  const read = vi.spyOn(files, 'placeOf')
  const { client } = await serve(blockOf(), () => undefined, files)
  let answer = ''
  client(download.replace('GET', 'HEAD')).on('data', (chunk) => {
    answer += chunk
  })
  await until(() => answer.includes('HTTP/1.1'))
  expect(read).not.toHaveBeenCalled()
  rmSync(folder, { recursive: true })
})

test('E1: downloads: the file of whoever leaves is closed, before the first byte, in the middle, or behind another answer', async () => {
  const { folder, files, download } = await blobOf(64 * MIB)
  let readable = (): void => undefined
  const written = new Promise<void>((resolve) => {
    readable = resolve
  })
  let asked = 0
  const { client, listeners } = await serve(blockOf(), () => (++asked > 8 ? undefined : written), files)
  const early = Array.from({ length: 8 }, () => client(download))
  await until(() => asked === 8)
  for (const socket of early) socket.destroy()
  await pause(50)
  readable()
  await pause(50)
  expect(openBlobs(folder)).toBe(0)
  const late = Array.from({ length: 4 }, () => client(download).pause())
  const behind = Array.from({ length: 4 }, () => client(STREAM + download))
  await until(() => listeners.size === 4 && (openBlobs(folder) === 8 || !existsSync('/proc/self/fd')))
  for (const socket of [...late, ...behind]) socket.destroy()
  await until(() => openBlobs(folder) === 0)
  rmSync(folder, { recursive: true })
})

test('E1: event streams: one that does not read is cut off when a mebibyte waits for it; one that reads gets the largest block', async () => {
  const { client, listeners, commit } = await serve()
  const stuck = client(STREAM)
  stuck.pause()
  let bytes = 0
  const reader = client(STREAM).on('data', (chunk) => {
    bytes += chunk.length
  })
  await until(() => listeners.size === 2)
  const perEvent = 1_000 * 67
  let events = 0
  for (; listeners.size === 2 && events < 1_000; events++) {
    commit(1_000)
    await pause(1)
  }
  expect(listeners.size).toBe(1)
  // A mebibyte here, and what the two kernels' buffers hold: a few mebibytes on loopback.
  expect(events * perEvent).toBeGreaterThan(MAX_STREAM_BACKLOG_BYTES)
  expect(events * perEvent).toBeLessThan(MAX_STREAM_BACKLOG_BYTES + 16 * MIB)
  const before = bytes
  commit(65_536)
  await until(() => bytes - before > 65_536 * 66)
  commit(1)
  expect([listeners.size, isOpen(reader)]).toEqual([1, true])
})

test('E1: a page of blocks: 100 of them, and 16 MiB are read for it; the one that crosses the line is the last', async () => {
  const small = await serve()
  const page = (await (await fetch(`${small.url}/v1/blocks?from=1&limit=1000000`)).json()) as { blocks: unknown[] }
  expect([page.blocks.length, small.reads.length]).toEqual([100, 100])
  const large = await serve(blockOf({ transactions: [new Uint8Array(3 * MIB)] }))
  const short = (await (await fetch(`${large.url}/v1/blocks?from=1`)).json()) as { blocks: unknown[] }
  expect([short.blocks.length, large.reads.length]).toEqual([6, 6]) // 5 x 3 MiB and the one that crosses the line
  expect(5 * 3 * MIB).toBeLessThan(MAX_PAGE_BYTES)
})

/** Claims with one source, the newest first, whose transaction is the first of `block`, which is at each of these heights. */
async function serveClaims(block: (transactions: readonly Uint8Array[]) => Block, heights: readonly number[]) {
  const source = sha256(utf8('a source'))
  const key = signingKey(sha256(utf8('a sender')))
  const metadata = { title: '', toolchain: '', sourceDigest: source }
  const action = { type: 'submit-proof', kind: 'test/1', claim: utf8('c'), proof: utf8('p'), metadata } as const
  const unsigned = buildTransaction({ chainId: source, sender: key.publicKey, nonce: 0, action })
  const bytes = encodeTransaction(signTransaction(unsigned, key))
  const sorted = heights.toSorted((a, b) => b - a)
  const found = sorted.map((at, position) => ({
    key: encode((writer) => writer.u64(at).u32(sorted.length - position)),
    claimId: sha256(utf8(`claim ${position}`)),
    at: height(at),
  }))
  const records = new Map(
    found.map(({ claimId, at }) => [
      keyOf(mapKey(claimPath(claimId))),
      encodeClaimRecord({
        status: 'valid',
        kind: 'test/1',
        claimId,
        proofHash: source,
        proofBytes: 1,
        gas: 1,
        height: at,
        timestampMs: 1,
        transactionId: encode((writer) => writer.raw(new Uint8Array(24)).u64(at)) as Hash,
        sender: key.publicKey,
        library: null,
      }),
    ]),
  )
  const store = {
    searchIndex: async ({ lt, limit }: { lt: Uint8Array; limit: number }) =>
      found
        .filter((entry) => Buffer.compare(entry.key, lt.subarray(-12)) < 0)
        .slice(0, limit)
        .map((entry) => [entry.key, entry.claimId]),
    transactionPlace: (id: Uint8Array) => ({ height: height(Number(Buffer.from(id).readBigUInt64BE(24))), index: 0 }),
  }
  const state = { entries: { get: (wanted: Hash) => records.get(keyOf(wanted)) } }
  const served = await serve(block([bytes]), undefined, null, { store, state })
  const page = async (before?: string): Promise<{ claims: unknown[]; next: string | null }> => {
    const answer = await fetch(`${served.url}/v1/claims?source=${toHex(source)}${before === undefined ? '' : `&before=${before}`}`)
    return (await answer.json()) as { claims: unknown[]; next: string | null }
  }
  return { ...served, page }
}

test('E1: a page of claims by their source: a block is read once for all of its claims, and 16 MiB of blocks for a page', async () => {
  const one = await serveClaims((transactions) => blockOf({ transactions, height: 7 }), new Array<number>(150).fill(7))
  expect((await one.page()).claims).toHaveLength(100)
  expect(one.reads).toEqual([7])
  const heights = Array.from({ length: 20 }, (_, at) => 10 + at)
  const many = await serveClaims((transactions) => blockOf({ transactions: [...transactions, new Uint8Array(3 * MIB)] }), heights)
  const first = await many.page()
  expect([first.claims.length, many.reads.length]).toEqual([6, 6]) // 5 x 3 MiB and the one that crosses the line
  expect(5 * 3 * MIB).toBeLessThan(MAX_SEARCHED_BYTES)
  let seen = first.claims.length
  for (let { next } = first; next !== null; ) {
    const page = await many.page(next)
    seen += page.claims.length
    next = page.next
  }
  expect([seen, many.reads.length]).toEqual([20, 20])
})

test('E1: clients that wait for transactions: whoever leaves waits no more, also behind another answer', async () => {
  const { client, waiting } = await serve()
  const batch = encode((writer) => writer.list(new Array<number>(100).fill(0), (w) => w.bytes(new Uint8Array(10))))
  const post = (path: string): string =>
    `POST ${path}?wait=final&timeoutMs=600000 HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n` +
    `content-length: ${batch.length}\r\n\r\n${Buffer.from(batch).toString('latin1')}`
  const many = client(post('/v1/transactions/batch'))
  const one = client(STREAM + post('/v1/transactions'))
  await until(() => waiting.size === 101)
  for (const socket of [many, one]) socket.destroy()
  await until(() => waiting.size === 0)
})

test('a body that is too long, or of a type that no route takes, and a name that is too long are refused in the words of the API', async () => {
  const { url, client } = await serve()
  const refusal = async (path: string, type?: string, body = ''): Promise<unknown> => {
    const answer = await fetch(url + path, type === undefined ? {} : { method: 'POST', headers: { 'content-type': type }, body })
    const { code, message } = (await answer.json()) as { code: string; message: string }
    return [answer.status, code, message.slice(0, 60)]
  }
  const wrongType = [415, 'content-type', 'expected a body of type application/octet-stream']
  expect(await refusal('/v1/transactions', 'application/json', '{')).toEqual(wrongType)
  expect(await refusal('/v1/transactions', 'application/json')).toEqual(wrongType)
  expect(await refusal('/v1/transactions', 'text/plain', 'x')).toEqual(wrongType)
  expect(await refusal(`/v1/libraries/${'a'.repeat(200)}`)).toEqual([414, 'url', expect.stringContaining('/v1/libraries/aaa')])
  // Not sent: what is announced is refused before it comes, and the connection ends.
  let answer = ''
  const announced = `content-type: application/octet-stream\r\ncontent-length: ${MAX_BODY_BYTES + 1}`
  client(`POST /v1/transactions HTTP/1.1\r\nhost: x\r\n${announced}\r\n\r\n`).on('data', (part) => {
    answer += String(part)
  })
  await until(() => answer.includes('body-too-large'))
  expect(answer).toMatch(/^HTTP\/1\.1 413 /)
})

test('what is no request at all is refused in the words of the API, too, and the connection ends', async () => {
  const { client } = await serve()
  const refused = async (request: string): Promise<unknown> => {
    let answer = ''
    const socket = client(request).on('data', (part) => {
      answer += String(part)
    })
    await until(() => socket.destroyed)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    const { code, message } = JSON.parse(body) as { code: string; message: string }
    return [head.slice(0, 12), code, message.startsWith('expected ')]
  }
  expect(await refused(`GET /v1/blocks HTTP/1.1\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`)).toEqual(['HTTP/1.1 431', 'headers', true])
  for (const words of [
    '\x16\x03\x01\x02\x00\x01',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
  ])
    expect(await refused(words)).toEqual(['HTTP/1.1 400', 'no-request', true])
})

test('a search that says a filter twice is refused as what it is', async () => {
  const { url } = await serve()
  for (const name of ['kind', 'label', 'source', 'sender', 'height', 'limit', 'before']) {
    const answer = await fetch(`${url}/v1/claims?${name}=1.1&${name}=2.2`)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'parameter'])
  }
})
