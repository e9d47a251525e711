/** Blobs of a validator, from a client's side (docs/blobs.md): uploads in any order, resumed, bounded, forgotten; downloads. */
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { concatBytes, hash, toHex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, type BlobRef, blobKey, blobRefOf, blobTreeOf, checkBlobPart, type Message } from '@aethel/consensus'
import type { ReplicaInput } from '@aethel/replica'
import { BlobFiles, type Store } from '@aethel/storage'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BlobKeeper, SERVED_PARTS, STAGED_BLOBS, STAGED_BLOBS_PER_CLIENT } from './blob-keeper.js'
import { indexEntries } from './claim-index.js'
import { registerBlobs } from './http-blobs.js'
import { HttpError } from './http-error.js'

const MAX_BYTES = 3 * BLOB_CHUNK_BYTES
const EXPIRY_MS = 1_000
const contentOf = (salt: number, bytes = MAX_BYTES - 5): Uint8Array => new Uint8Array(bytes).map((_, index) => (index * 13 + salt) & 255)

let folder = ''
let nowMs = 0
let inputs: ReplicaInput[] = []
let sent: { readonly to: number; readonly message: Message }[] = []
let keeper: BlobKeeper
let app: FastifyInstance
const needed = new Set<string>()
/** Of the claims that are on the chain: what an index says. */
let indexed: (readonly [Uint8Array, Uint8Array])[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aethel-keeper-'))
  inputs = []
  sent = []
  indexed = []
  needed.clear()
  nowMs = 10_000
  keeper = new BlobKeeper({
    files: new BlobFiles(folder, () => nowMs),
    maxBlobBytes: MAX_BYTES,
    nowMs: () => nowMs,
    input: (input) => inputs.push(input),
    send: (to, message) => sent.push({ to, message }),
    needs: (blob) => needed.has(blobKey(blob)),
    log: () => undefined,
    expiryMs: EXPIRY_MS,
  })
  app = fastify()
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, Uint8Array.from(body as Buffer)),
  )
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof HttpError) return reply.code(error.status).send({ code: error.code, message: error.message, ...error.extra })
    throw error
  })
  const searchIndex = async ({ gte, lt }: { gte: Uint8Array; lt: Uint8Array }): Promise<typeof indexed> =>
    indexed.filter(([key]) => Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0)
  registerBlobs(app, { blobs: keeper, store: { searchIndex } as unknown as Store })
  await app.ready()
})
afterEach(async () => {
  keeper.close()
  await app.close()
  rmSync(folder, { recursive: true })
})

async function begin({ root, bytes }: BlobRef): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await app.inject({ method: 'POST', url: `/v1/blobs/${toHex(root)}?bytes=${bytes}` })
  return { status: response.statusCode, body: response.json() }
}

async function put(
  content: Uint8Array,
  index: number,
  change: (body: Uint8Array) => Uint8Array = (body) => body,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const tree = blobTreeOf(content)
  const chunk = content.subarray(index * BLOB_CHUNK_BYTES, (index + 1) * BLOB_CHUNK_BYTES)
  const response = await app.inject({
    method: 'PUT',
    url: `/v1/blobs/${toHex(tree.root)}/${index}?bytes=${content.length}`,
    headers: { 'content-type': 'application/octet-stream' },
    payload: Buffer.from(change(concatBytes(...tree.path(index), chunk))),
  })
  return { status: response.statusCode, body: response.json() }
}

/** All of it, and what the replica is told of that. */
async function upload(content: Uint8Array): Promise<void> {
  await begin(blobRefOf(content))
  for (const index of [0, 1, 2]) await put(content, index)
  await turn()
  inputs = inputs.filter(({ kind }) => kind !== 'blob-opened')
}

describe('uploads', () => {
  it('D9: come in any order, are resumed by whoever asks what is missing, and can be downloaded when whole; the replica is told', async () => {
    const content = contentOf(1)
    const blob = blobRefOf(content)
    expect(await begin(blob)).toMatchObject({ status: 200, body: { chunks: 3, missing: [[0, 2]], complete: false } })
    expect(await put(content, 1)).toMatchObject({
      status: 200,
      body: {
        missing: [
          [0, 0],
          [2, 2],
        ],
      },
    })
    expect((await app.inject({ url: `/v1/blobs/${toHex(blob.root)}` })).statusCode).toBe(404)
    expect((await put(content, 2)).body).toMatchObject({ missing: [[0, 0]] })
    expect(await begin(blob)).toMatchObject({ body: { missing: [[0, 0]] } })
    expect((await put(content, 0)).body).toMatchObject({ missing: [], complete: true })
    expect((await put(content, 0)).body).toMatchObject({ complete: true })
    await turn()
    expect(inputs).toMatchObject([{ kind: 'blob-opened', missing: [] }]) // unasked: a transaction may wait for it already
    inputs = []
    const got = await app.inject({ url: `/v1/blobs/${toHex(blob.root)}` })
    expect([got.statusCode, Buffer.compare(got.rawPayload, content)]).toEqual([200, 0])
    keeper.onEffect({ kind: 'blob-open', blob })
    await turn()
    expect(inputs).toMatchObject([{ kind: 'blob-opened', missing: [] }])
  })

  it('E7: whoever asks while a blob is being made durable is answered when it is: a client that puts a chunk again, and the replica', {
    timeout: 20_000,
  }, async () => {
    const content = contentOf(21)
    const blob = blobRefOf(content)
    const tree = blobTreeOf(content)
    await begin(blob)
    for (const index of [0, 1]) await put(content, index)
    const last = { index: 2, path: tree.path(2), chunk: content.subarray(2 * BLOB_CHUNK_BYTES) }
    const answers = [keeper.put(blob, last), keeper.put(blob, last)]
    keeper.onEffect({ kind: 'blob-open', blob })
    keeper.onEffect({ kind: 'blob-seal', blob })
    expect(await Promise.all(answers)).toMatchObject([1, 2].map(() => ({ ok: true, value: { missing: [] } })))
    await turn()
    expect(inputs).toMatchObject([1, 2, 3, 4].map(() => ({ kind: 'blob-opened', missing: [] }))) // two that it asked for, two uploads
  })

  it('a chunk that does not lead to the root is refused and not stored; so is one that nobody announced', async () => {
    const content = contentOf(2)
    expect((await put(content, 0)).body).toMatchObject({ code: 'no-upload' })
    await begin(blobRefOf(content))
    const flipped =
      (at: number) =>
      (body: Uint8Array): Uint8Array => {
        const changed = body.slice()
        changed[at] = (changed[at] as number) ^ 1
        return changed
      }
    expect(await put(content, 0, flipped(100))).toMatchObject({ status: 400, body: { code: 'blob-root' } })
    expect(await put(content, 0, flipped(3))).toMatchObject({ status: 400, body: { code: 'blob-root' } })
    expect(await put(content, 0, (body) => body.subarray(0, body.length - 1))).toMatchObject({ status: 400, body: { code: 'blob-chunk' } })
    expect(await put(content, 0, (body) => body.subarray(0, 30))).toMatchObject({ status: 400, body: { code: 'blob-path' } })
    expect((await begin(blobRefOf(content))).body).toMatchObject({ missing: [[0, 2]] })
    expect(await begin({ ...blobRefOf(content), bytes: MAX_BYTES + 1 })).toMatchObject({ status: 413, body: { code: 'blob-too-large' } })
    expect((await app.inject({ method: 'POST', url: `/v1/blobs/xyz?bytes=5` })).statusCode).toBe(400)
    expect((await app.inject({ method: 'POST', url: `/v1/blobs/${'ab'.repeat(32)}` })).statusCode).toBe(400)
  })

  it('uploads: so many bytes of one client, and of all; forgotten when nobody refers to them', async () => {
    const large = (salt: number): BlobRef => ({ root: hash(new Uint8Array(32).fill(salt)), bytes: MAX_BYTES })
    const code = (salt: number, client: string): string => {
      const begun = keeper.begin(large(salt), client)
      return begun.ok ? 'ok' : begun.error.code
    }
    for (let salt = 0; salt < STAGED_BLOBS_PER_CLIENT; salt++) expect(code(salt, 'one')).toBe('ok')
    expect(code(10, 'one')).toBe('uploads-per-client')
    expect(code(0, 'one')).toBe('ok') // the same again is no other
    for (let salt = STAGED_BLOBS_PER_CLIENT; salt < STAGED_BLOBS; salt++) expect(code(salt, `client ${salt}`)).toBe('ok')
    expect(code(20, 'somebody else')).toBe('uploads-full')
    keeper.expire()
    needed.add(blobKey(large(0)))
    nowMs += EXPIRY_MS
    keeper.expire()
    // One is referred to by now and counts no more; the others are forgotten.
    expect(keeper.files.unfinished.map(({ root }) => root)).toEqual([large(0).root])
    expect(code(20, 'somebody else')).toBe('ok')
    expect([code(30, 'one'), code(31, 'one'), code(32, 'one')]).toEqual(['ok', 'ok', 'uploads-per-client'])
  })

  it('an upload that goes on, or is begun again, is not forgotten, however long it takes', async () => {
    const content = contentOf(22)
    const blob = blobRefOf(content)
    const steps = [() => begin(blob), () => put(content, 0), () => begin(blob), () => put(content, 1), () => begin(blob)]
    for (const step of steps) {
      await step()
      keeper.expire()
      nowMs += EXPIRY_MS - 1
      keeper.expire()
    }
    expect((await put(content, 2)).body).toMatchObject({ complete: true })
  })

  it('C2: what was written and not made durable before the process ended is made durable before the replica may rely on it', async () => {
    const content = contentOf(23)
    const blob = blobRefOf(content)
    await begin(blob)
    const tree = blobTreeOf(content)
    for (const index of [0, 1, 2]) {
      const chunk = content.subarray(index * BLOB_CHUNK_BYTES, (index + 1) * BLOB_CHUNK_BYTES)
      const checked = checkBlobPart(blob, { index, chunk, path: tree.path(index) })
      if (!checked.ok) throw new Error(checked.error.message)
      keeper.files.write(blob, { index, chunk, path: tree.path(index) }, checked.value)
    }
    const wholeWhenTold: boolean[] = []
    vi.spyOn(inputs, 'push').mockImplementation(() => wholeWhenTold.push(keeper.files.isWhole(blob)))
    keeper.onEffect({ kind: 'blob-open', blob })
    await vi.waitFor(() => expect(wholeWhenTold).toEqual([true]))
  })

  it('E1: an upload whose file cannot be opened takes its place no longer than the next look', async () => {
    const blobs = [1, 2].map((salt): BlobRef => ({ root: hash(new Uint8Array(32).fill(salt)), bytes: MAX_BYTES }))
    const places = blobs.map(({ root, bytes }) => join(folder, `${toHex(root)}-${bytes}.part`))
    for (const place of places) mkdirSync(place)
    for (const blob of blobs) expect(() => keeper.begin(blob, 'one')).toThrow('EISDIR')
    for (const place of places) rmdirSync(place)
    keeper.expire()
    const other = { root: hash(new Uint8Array(32).fill(3)), bytes: MAX_BYTES }
    expect(keeper.begin(other, 'one')).toMatchObject({ ok: true })
  })

  it('a folder that cannot be read when it is time to look stops nobody', () => {
    vi.useFakeTimers()
    const gone = mkdtempSync(join(tmpdir(), 'aethel-keeper-'))
    const lines: string[] = []
    const options = { maxBlobBytes: MAX_BYTES, nowMs: () => nowMs, input: () => undefined, send: () => undefined, needs: () => false }
    const other = new BlobKeeper({ ...options, files: new BlobFiles(gone, () => nowMs), log: ({ event }) => lines.push(event) })
    try {
      rmdirSync(gone)
      vi.advanceTimersByTime(30_000)
      expect(lines).toEqual(['blob-folder-unreadable'])
    } finally {
      other.close()
      vi.useRealTimers()
    }
  })

  it('a whole one that nobody refers to is forgotten too, and the replica is told; one that it keeps stays, not all that is final', async () => {
    const [kept, forgotten] = [contentOf(3), contentOf(4)]
    for (const content of [kept, forgotten]) await upload(content)
    keeper.onFinal([blobRefOf(kept), blobRefOf(forgotten)])
    needed.add(blobKey(blobRefOf(kept)))
    keeper.expire()
    nowMs += EXPIRY_MS
    keeper.expire()
    await turn()
    expect(keeper.files.whole).toEqual([blobRefOf(kept)])
    expect(inputs).toMatchObject([{ kind: 'blob-lost', blob: blobRefOf(forgotten) }])
  })
})

describe('what is not here any more', () => {
  it('a pruned blob is told from one that never was, with the claim that it proved', async () => {
    const content = contentOf(5)
    const blob = blobRefOf(content)
    const claimId = hash(new Uint8Array(32).fill(7))
    indexed = indexEntries(
      { claimId, kind: 'lrat/1', label: null, sourceDigest: null, sender: new Uint8Array(32), blob: blob.root },
      { height: 42, index: 0 },
    )
    keeper.onEffect({ kind: 'blob-drop', blob })
    const gone = await app.inject({ url: `/v1/blobs/${toHex(blob.root)}` })
    expect([gone.statusCode, gone.json()]).toMatchObject([410, { code: 'blob-pruned', height: 42, claimId: toHex(claimId) }])
    expect(gone.json().message).toContain(toHex(blob.root))
    const never = await app.inject({ url: `/v1/blobs/${toHex(blobRefOf(contentOf(6)).root)}` })
    expect([never.statusCode, never.json()]).toMatchObject([404, { code: 'unknown-blob' }])
  })

  it('a blob whose file was cut is not served: the peer hears that there is none, and the replica that it is lost', async () => {
    const content = contentOf(8)
    const blob = blobRefOf(content)
    await upload(content)
    truncateSync(keeper.files.placeOf(blob).file, 100)
    keeper.onEffect({ kind: 'blob-serve', to: 1 as never, blob, index: 2 })
    await turn()
    expect(inputs).toMatchObject([{ kind: 'blob-lost', blob }])
    expect(keeper.files.open(blob)).toEqual([0, 1, 2])
  })

  it('C5: a part that cannot be read for want of file descriptors is another peer to ask; nothing is lost', async () => {
    const content = contentOf(9)
    const blob = blobRefOf(content)
    await upload(content)
    const part = vi.spyOn(keeper.files, 'part').mockImplementation(() => {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    })
    const serve = (): void => keeper.onEffect({ kind: 'blob-serve', to: 1 as never, blob, index: 2 })
    serve()
    part.mockRestore()
    await turn()
    expect([sent.map(({ message }) => message.kind), inputs, keeper.files.whole]).toEqual([['blob-absent'], [], [blob]])
    serve()
    expect(sent.map(({ message }) => message.kind)).toEqual(['blob-absent', 'blob-part'])
  })

  it('descriptors that have run out are no reason to take a blob for damaged, or to drop what is here of it', async () => {
    const exhausted = (): never => {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    }
    const content = contentOf(9)
    const blob = blobRefOf(content)
    await begin(blob)
    for (const index of [0, 1]) await put(content, index)
    const open = vi.spyOn(keeper.files, 'open').mockImplementation(exhausted)
    keeper.onEffect({ kind: 'blob-open', blob })
    await turn()
    expect(inputs).toMatchObject([{ kind: 'blob-refused', blob, refusal: { code: 'blob-disk' } }])
    open.mockRestore()
    expect(keeper.files.open(blob)).toEqual([2])
    await put(content, 2)
    await turn()
    inputs.length = 0
    const part = vi.spyOn(keeper.files, 'part').mockImplementation(exhausted)
    keeper.onEffect({ kind: 'blob-serve', to: 1 as never, blob, index: 2 })
    await turn()
    expect(sent).toMatchObject([{ to: 1, message: { kind: 'blob-absent', blob } }])
    expect([inputs, keeper.files.isWhole(blob)]).toEqual([[], true])
    part.mockRestore()
    keeper.onEffect({ kind: 'blob-serve', to: 1 as never, blob, index: 2 })
    expect(sent.at(-1)).toMatchObject({ message: { kind: 'blob-part', blob, part: { index: 2 } } })
  })

  it('E1: parts read for one peer are at hand for the next who ask, the eight newest of them and until the blob goes', async () => {
    const read: string[] = []
    const part = keeper.files.part.bind(keeper.files)
    keeper.files.part = (blob, index) => {
      read.push(`${blobKey(blob)} ${index}`)
      return part(blob, index)
    }
    const contents = [10, 11, 12, 13].map((salt) => contentOf(salt))
    const blobs = contents.map((content) => blobRefOf(content))
    const serve = (blob: BlobRef, index: number): void => {
      for (const to of [0, 1, 2]) keeper.onEffect({ kind: 'blob-serve', to: to as never, blob, index })
    }
    for (const [i, content] of contents.entries()) {
      await upload(content)
      keeper.onFinal([blobs[i] as BlobRef]) // makes room for the next client
    }
    for (const blob of blobs) for (const index of [0, 1, 2]) serve(blob, index)
    expect([read.length, sent.length, new Set(sent.map(({ message }) => message)).size]).toEqual([12, 36, 12])
    for (const { message } of sent) expect(message.kind === 'blob-part' && checkBlobPart(message.blob, message.part).ok).toBe(true)
    const [first, , , last] = blobs as [BlobRef, BlobRef, BlobRef, BlobRef]
    serve(last, 2)
    expect(read.length).toBe(12)
    for (let others = 12 - SERVED_PARTS; others < 12; others++) serve(blobs[Math.floor(others / 3)] as BlobRef, others % 3)
    expect(read.length).toBe(12)
    serve(first, 0)
    expect(read.length).toBe(13)
    keeper.onEffect({ kind: 'blob-drop', blob: last })
    sent = []
    serve(last, 2)
    expect(sent.map(({ message }) => message.kind)).toEqual(['blob-absent', 'blob-absent', 'blob-absent'])
  })
})
