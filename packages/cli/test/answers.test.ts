/**
 * What answers is no validator, or a hostile one, or says no: one line, the right exit code, and nothing that commands the terminal.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../src/client.js'
import { aethelAsync, BIN, errorLine, temporaryFolder } from './aethel.js'

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const folder = temporaryFolder()
const ID = '0'.repeat(64)
const ESCAPES = '\u001b[2J\u0007\nreceipt  verified'

let status = 200
let answer: unknown = {}
/** How often the answer is sent, in one. */
let times = 1
let requests = 0
let server: Server
let url = ''

beforeAll(async () => {
  server = createServer((request, response) => {
    requests++
    response.writeHead(status, { 'content-type': 'application/json' })
    // Of a page that is asked for its receipt alone, that.
    const said = request.url?.endsWith('/receipt') === true ? ((answer as Partial<typeof page>).receipt ?? answer) : answer
    Readable.from(repeated(JSON.stringify(said), times))
      .on('error', () => {})
      .pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.close()
  folder.remove()
})

function* repeated(text: string, count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield text
}

const page = {
  kind: 'lrat/1',
  claimId: ID,
  height: 1,
  timestampMs: 1,
  gas: 1,
  proofBytes: 1,
  sender: ID,
  about: null,
  blob: null,
  metadata: { title: ESCAPES, toolchain: '', sourceDigest: null },
  receipt: null,
}

describe('answers', () => {
  it.each<[string, unknown, string[]]>([
    ['claims that are no list', { claims: 1 }, ['claims']],
    ['a claim without an id', { claims: [{}], next: null }, ['claims']],
    ['a page without anything', {}, ['claims', ID]],
    ['validators without anything', {}, ['validators']],
  ])('%s: exit code 6', async (_name, given, args) => {
    status = 200
    answer = given
    const outcome = await aethelAsync(...args, '--url', url)
    expect(outcome.code).toBe(6)
    expect(errorLine(outcome)).toContain('not understood')
  })

  it('one that does not end is given up: exit code 6', async () => {
    status = 200
    answer = { claims: [], padding: 'x'.repeat(1 << 20) }
    times = 1_000_000
    const outcome = await aethelAsync('claims', '--url', url)
    times = 1
    expect(outcome.code).toBe(6)
    expect(errorLine(outcome)).toContain('longer than 67108864 bytes')
  })

  it('the receipt of a claim can be had as a file, once there is one', async () => {
    status = 200
    answer = page
    const file = folder.file('of-a-claim.json')
    const early = await aethelAsync('claims', ID, '-o', file, '--url', url)
    expect([early.code, existsSync(file)]).toEqual([5, false])
    expect(errorLine(early)).toContain('has no receipt yet')
    answer = { ...page, receipt: { format: 'aethel-receipt/1' } }
    expect(await aethelAsync('claims', ID, '-o', file, '--url', url)).toMatchObject({ code: 0, stdout: expect.stringContaining(file) })
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ format: 'aethel-receipt/1' })
    const nowhere = await aethelAsync('claims', ID, '-o', folder.file('none/receipt.json'), '--url', url)
    expect([nowhere.code, errorLine(nowhere)]).toEqual([2, expect.stringContaining('does not exist')])
    expect(errorLine(await aethelAsync('claims', '-o', file, '--url', url))).toContain('expected a claim id with --output')
  })

  it('pages without end are given up', async () => {
    status = 200
    answer = { claims: [], next: '0'.repeat(16) }
    requests = 0
    const outcome = await aethelAsync('claims', '--url', url)
    expect(outcome.code).toBe(0)
    expect(outcome.stderr).toContain('looked no further than 1000 pages')
    expect(requests).toBe(1_000)
  })

  it.each([400, 404, 410])('what a validator answers with %i is for the user to ask otherwise: exit code 2', async (code) => {
    status = code
    answer = { code: 'no', message: 'there is none' }
    const outcome = await aethelAsync('claims', ID, '--url', url)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('there is none')
  })

  it('a receipt that is not there yet is asked for again, as long as one wants to wait', async () => {
    status = 409
    answer = { code: 'not-certified', message: 'ask again shortly' }
    requests = 0
    const client = createClient(url)
    expect(await client.receipt(ID)).toBeNull()
    expect(requests).toBe(1)
    const waiting = client.receipt(ID, 60_000)
    await expect.poll(() => requests).toBeGreaterThan(2)
    status = 200
    expect(new TextDecoder().decode((await waiting) ?? undefined)).toBe(JSON.stringify(answer))
  })

  it('I1: a request of which nothing is ever heard again, nor of its connection, ends in time: exit code 6', () => {
    const deaf = 'data:text/javascript,globalThis.fetch = () => new Promise(() => undefined)'
    const outcome = spawnSync(process.execPath, ['--import', deaf, BIN, 'status', '--url', url], { encoding: 'utf8', timeout: 100_000 })
    expect(outcome.stderr).toContain('it gave no answer within 10 s')
    expect(outcome.status).toBe(6)
  })

  it.each([
    ['whose disk has stalled', 'storage-stalled', 'its disk does not answer'],
    ['that has too much to do', 'busy', 'more requests than it takes'],
  ])('a validator %s is as good as none: exit code 6', async (_, code, saying) => {
    status = 503
    answer = { code, message: 'not now' }
    const outcome = await aethelAsync('claims', ID, '--url', url)
    expect(outcome.code).toBe(6)
    expect(errorLine(outcome)).toContain(saying)
  })

  it.each([
    ['--kind', 'lrat/1'],
    ['--limit', '3'],
    ['--height', '1'],
  ])('a claim id beside %s is refused: the answer would pass over one of them', async (option, value) => {
    status = 200
    answer = page
    const outcome = await aethelAsync('claims', ID, option, value, '--url', url)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain(`expected a claim id or ${option}`)
  })

  it('what a submitter says of a claim commands no terminal and adds no lines; nor does a time that is none end the program', async () => {
    status = 200
    answer = { ...page, timestampMs: Number.MAX_SAFE_INTEGER }
    const outcome = await aethelAsync('claims', ID, '--url', url)
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(outcome.stdout.split('\n').filter((line) => line.trimStart().startsWith('receipt'))).toHaveLength(1)
    answer = { paragraph: ESCAPES }
    expect((await aethelAsync('why', '--url', url)).stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })

  it.each([[[0, 1e15]], [[0, -1]], [[-1, 0]], [[0, 'x']], [[0.5, 1]]])('chunks %j that a blob does not have are refused', async (range) => {
    status = 200
    answer = { chunkBytes: 65_536, chunks: 2, missing: [range], complete: false }
    await expect(createClient(url).beginUpload(ID, 100_000)).rejects.toMatchObject({ exitCode: 6 })
  })

  it('a receipt that quotes controls is quoted without them', async () => {
    const receipt = folder.file('receipt.json')
    writeFileSync(receipt, ESCAPES)
    const outcome = await aethelAsync('verify', receipt, '--trust', `${instances}manifest.json`)
    expect(outcome.stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })
})
