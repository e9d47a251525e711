import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  encode,
  epoch,
  fromHex,
  type Hash,
  hash,
  height,
  publicKey,
  signature,
  toHex,
  utf8,
  validatorIndex,
  view as viewOf,
} from '@aethel/codec'
import { encodeMessage, statusBytes } from '@aethel/consensus'
import { type SigningKey, sha256, signingKey } from '@aethel/crypto'
import { type Action, buildTransaction, encodeTransaction, signTransaction } from '@aethel/ledger'
import { createMesh } from '@aethel/network'
import { createTestnet, type Node, startNode, type TestnetSummary } from '@aethel/node'
import { claimIdOf, type TestBehaviour, testClaim } from '@aethel/proofs'
import { decodeTrust, verifyReceipt } from '@aethel/receipts'
import { transactionIdOf } from '@aethel/replica'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHome } from './home.js'

const SEED = sha256(utf8('node tests'))
const directory = mkdtempSync(join(tmpdir(), 'aethel-node-'))
const nodes: (Node | undefined)[] = []
const logs: string[][] = [[], [], [], []]
let network: TestnetSummary
let chainId: Hash

/** Signs consecutive transactions of one account. */
class Sender {
  readonly #key
  nonce = 0
  constructor(name: string) {
    this.#key = signingKey(sha256(utf8(name)))
  }

  get publicKey(): string {
    return toHex(this.#key.publicKey)
  }

  sign(action: Action, nonce: number = this.nonce++): Uint8Array {
    return encodeTransaction(signTransaction(buildTransaction({ chainId, sender: this.#key.publicKey, nonce, action }), this.#key))
  }

  note(text: string): Uint8Array {
    return this.sign({ type: 'note', data: utf8(text) })
  }
}

function proofOf(behaviour: TestBehaviour, name: string): Action {
  return {
    type: 'submit-proof',
    kind: 'test/1',
    claim: testClaim({ behaviour, gas: 1000, nonce: utf8(name) }),
    proof: utf8('proof'),
    metadata: null,
  }
}

async function start(index: number): Promise<Node> {
  const node = await startNode({
    home: network.homes[index] as string,
    log: { write: (line) => logs[index]?.push(line) },
    logLevel: 'info',
  })
  nodes[index] = node
  return node
}

async function stop(index: number): Promise<void> {
  await nodes[index]?.close()
  nodes[index] = undefined
}

type Json = Record<string, unknown>

async function get(index: number, path: string): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${network.urls[index]}${path}`)
  return { status: response.status, body: (await response.json()) as Json }
}

async function post(index: number, path: string, body: Uint8Array): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${network.urls[index]}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(body),
  })
  return { status: response.status, body: (await response.json()) as Json }
}

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`did not happen within 30 s: ${what}`)
}

const events = (index: number, name: string): Json[] =>
  (logs[index] ?? []).map((line) => JSON.parse(line) as Json).filter((line) => line['event'] === name)
const heightOf = async (index: number): Promise<number> => (await get(index, '/v1/status')).body['height'] as number

beforeAll(async () => {
  network = await createTestnet({ validators: 4, output: join(directory, 'net'), basePort: 0, seed: SEED, kinds: ['lrat/1', 'test/1'] })
  const id = fromHex(network.chainId)
  if (!id.ok) throw new Error(id.error.message)
  chainId = hash(id.value)
  await Promise.all([0, 1, 2, 3].map(start))
})

afterAll(async () => {
  await Promise.all([0, 1, 2, 3].map(stop))
  rmSync(directory, { recursive: true, force: true })
})

describe('four validators', () => {
  const alice = new Sender('alice')

  test('a transaction is final on all of them, in the same block', async () => {
    const bytes = alice.note('hello')
    const answer = await post(1, '/v1/transactions?wait=final', bytes)
    expect(answer).toMatchObject({ status: 200, body: { status: 'final' } })
    const at = answer.body['height'] as number
    await until('all four have it', async () => (await Promise.all([0, 1, 2, 3].map(heightOf))).every((reached) => reached >= at))
    const blocks = await Promise.all([0, 1, 2, 3].map((index) => get(index, `/v1/blocks/${at}`)))
    expect(new Set(blocks.map(({ body }) => JSON.stringify([body['hash'], body['stateRoot'], body['transactionIds']]))).size).toBe(1)
    expect(blocks[0]?.body['transactionIds']).toContain(toHex(transactionIdOf(bytes)))
    expect(await get(3, `/v1/transactions/${toHex(transactionIdOf(bytes))}`)).toMatchObject({
      status: 200,
      body: { status: 'final', height: at },
    })
    expect(await get(2, `/v1/accounts/${alice.publicKey}`)).toMatchObject({ body: { nonce: 1, pendingNonce: 1 } })
  })

  test('a batch is answered in order, each item by itself', async () => {
    const items = [...Array.from({ length: 200 }, (_, i) => alice.note(`batch ${i}`)), utf8('no transaction')]
    const body = encode((writer) => writer.list(items, (w, item) => w.bytes(item)))
    const { status, body: answer } = await post(0, '/v1/transactions/batch?wait=final', body)
    const results = answer['results'] as Json[]
    expect([status, results.length]).toEqual([200, 201])
    expect(results.slice(0, 200).map((result) => result['status'])).toEqual(new Array(200).fill('final'))
    expect(results.map((result) => result['id'])).toEqual(items.map((item) => toHex(transactionIdOf(item))))
    expect(results[200]).toMatchObject({ status: 'refused' })
  })

  test('a valid proof gets a receipt that verifies offline; each validator verified it once', async () => {
    const before = await Promise.all(
      [0, 1, 2, 3].map(async (index) => ((await get(index, '/v1/status')).body['verifications'] as Json)['performed'] as number),
    )
    const action = proofOf('valid', 'one')
    expect(await post(2, '/v1/transactions?wait=final', alice.sign(action))).toMatchObject({ status: 200 })
    const claimId = claimIdOf('test/1', action.type === 'submit-proof' ? action.claim : new Uint8Array(0))
    const trust = decodeTrust(Uint8Array.from(readFileSync(network.trustFile)))
    if (!trust.ok) throw new Error(trust.error.message)
    for (const index of [0, 1, 2, 3]) {
      await until('the claim is final', async () => (await get(index, `/v1/claims/${toHex(claimId)}`)).status === 200)
      const receipt = new Uint8Array(await (await fetch(`${network.urls[index]}/v1/claims/${toHex(claimId)}/receipt`)).arrayBuffer())
      const checked = verifyReceipt(receipt, { trust: trust.value })
      expect(checked.ok ? toHex(checked.value.record.claimId) : checked.error).toBe(toHex(claimId))
      const performed = ((await get(index, '/v1/status')).body['verifications'] as Json)['performed'] as number
      expect(performed - (before[index] as number)).toBe(1)
    }
  })

  test('an invalid proof is refused with its code, a duplicate with the claim, its height and its receipt, also in a batch', async () => {
    const mallory = new Sender('mallory')
    const refused = await post(1, '/v1/transactions', mallory.sign(proofOf('invalid', 'two'), 0))
    expect(refused).toMatchObject({ status: 400, body: { code: 'asked-for', status: 'refused' } })
    expect(await get(1, `/v1/transactions/${refused.body['id']}`)).toMatchObject({ body: { status: 'refused', code: 'asked-for' } })
    const bytes = mallory.sign(proofOf('valid', 'one'), 0)
    const duplicate = await post(1, '/v1/transactions', bytes)
    const { claimId } = duplicate.body
    const existing = { code: 'duplicate-claim', height: expect.any(Number), claimId, receipt: `/v1/claims/${claimId}/receipt` }
    expect(duplicate).toMatchObject({ status: 409, body: existing })
    expect(await get(1, duplicate.body['receipt'] as string)).toMatchObject({ status: 200, body: { format: expect.any(String) } })
    const batch = encode((writer) => writer.list([bytes], (w, each) => w.bytes(each)))
    expect(await post(1, '/v1/transactions/batch', batch)).toMatchObject({ status: 200, body: { results: [existing] } })
    expect(events(1, 'proof-refused')).toMatchObject([{ code: 'asked-for', from: 'client' }])
  })

  test('bad requests are answered with a code and one sentence', async () => {
    const cases: [number, Promise<{ status: number; body: Json }>][] = [
      [400, post(0, '/v1/transactions', utf8('garbage'))],
      [400, post(0, '/v1/transactions?wait=perhaps', alice.sign({ type: 'note', data: utf8('x') }, 999))],
      [400, post(0, '/v1/transactions/batch', Uint8Array.of(255, 255, 255, 255))],
      [400, get(0, '/v1/claims/xyz')],
      [404, get(0, `/v1/claims/${'0'.repeat(64)}`)],
      [404, get(0, `/v1/claims/${'0'.repeat(64)}/receipt`)],
      [404, get(0, `/v1/transactions/${'0'.repeat(64)}`)],
      [404, get(0, '/v1/blocks/1000000')],
      [400, get(0, '/v1/blocks/-1')],
      [404, get(0, '/v1/libraries/none')],
      [404, get(0, '/v2')],
    ]
    for (const [status, answer] of cases)
      expect(await answer).toMatchObject({ status, body: { code: expect.any(String), message: expect.any(String) } })
    const tooLarge = await post(0, '/v1/transactions', new Uint8Array(17 * 1024 * 1024)).catch(() => ({ status: 413 }))
    expect(tooLarge.status).toBe(413)
  })

  test('a parameter that is empty, said twice, unknown, no decimal number or out of range is refused with what was expected, on every route', async () => {
    const note = (): Uint8Array => alice.sign({ type: 'note', data: utf8('x') }, 999)
    const root = '0'.repeat(64)
    const bad: Record<string, readonly string[]> = {
      '/v1/blocks': ['from=', 'from=0', 'from=-1', 'from=1e3', 'from=1&from=2', 'limit=0', 'limit=', 'limit=-1', 'limit=0x10', 'form=1'],
      '/v1/claims': [
        'limit=0',
        'limit=',
        'limit=1e3',
        'kind=',
        'kind=lrat',
        'kind=test/1&kind=test/1',
        'label=',
        'source=',
        'height=0',
        'before=',
      ],
      '/v1/epochs': ['from=', 'from=-1', 'from=99999999999999999999', 'from=0&from=1'],
      '/v1/validators': ['epoch=1'],
      '/v1/status': ['x='],
      [`/v1/claims/${root}`]: ['kind=test/1'],
      [`/v1/blobs/${root}`]: ['bytes=1'],
    }
    for (const [route, queries] of Object.entries(bad)) {
      for (const query of queries) {
        const { status, body } = await get(0, `${route}?${query}`)
        expect([`${route}?${query}`, status, body['message']]).toEqual([`${route}?${query}`, 400, expect.stringMatching(/^expected /)])
      }
    }
    for (const query of ['wait=', 'wait=final&wait=none', 'timeoutMs=', 'timeoutMs=1e3', 'timeoutMs=-1', 'timeoutMs=600001', 'wiat=final'])
      expect([query, (await post(0, `/v1/transactions?${query}`, note())).status]).toEqual([query, 400])
    for (const query of ['', '?bytes=', '?bytes=0', '?bytes=1e3', '?bytes=1&bytes=2'])
      expect([query, (await post(0, `/v1/blobs/${root}${query}`, new Uint8Array(0))).status]).toEqual([query, 400])
    expect((await get(0, '/v1/blocks?from=9007199254740991&limit=9007199254740991')).body).toEqual({ blocks: [] })
    expect((await fetch(`${network.urls[0]}/metrics?x=1`)).status).toBe(200)
  })

  test('what is refused before any route sees it has a code and one sentence, too', async () => {
    expect(await get(0, '/v1/%zz')).toEqual({ status: 400, body: { code: 'url', message: expect.stringContaining('%zz') } })
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'x' }
    const answer = await fetch(`${network.urls[0]}/v1/transactions`, form)
    const body = { code: 'content-type', message: expect.stringContaining('application/octet-stream') }
    expect([answer.status, await answer.json()]).toEqual([415, body])
  })

  test('I3: events tell every block once, in order, from when one listens', async () => {
    const response = await fetch(`${network.urls[3]}/v1/events`)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const before = await heightOf(3)
    for (let i = 0; i < 3; i++) await post(0, '/v1/transactions?wait=final', alice.note(`event ${i}`))
    let text = ''
    const heights = (): number[] => [...text.matchAll(/"height":(\d+)/g)].map((match) => Number(match[1]))
    while (heights().length < 3) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    expect(heights()).toEqual(heights().map((_, i) => before + 1 + i))
  })

  test('metrics count blocks, transactions and verifications', async () => {
    const text = await (await fetch(`${network.urls[0]}/metrics`)).text()
    expect(text).toMatch(/aethel_transactions_total [1-9]/)
    expect(text).toMatch(/aethel_verifications_total\{kind="test\/1",outcome="valid"\} 1/)
    expect(text).toMatch(/aethel_peers_connected 3/)
    const totals = async (): Promise<number[]> => {
      const now = await (await fetch(`${network.urls[0]}/metrics`)).text()
      return ['received', 'sent'].map((way) => Number(new RegExp(`^aethel_bytes_${way}_total (\\d+)$`, 'm').exec(now)?.[1]))
    }
    const first = await totals()
    await get(0, '/v1/status')
    const second = await totals() // read at each scrape, not added to what was read before
    for (const [i, bytes] of first.entries()) {
      expect(bytes).toBeGreaterThan(1_000)
      expect(second[i]).toBeGreaterThanOrEqual(bytes)
      expect(second[i]).toBeLessThan(2 * bytes)
    }
  })

  test('a validator that was away catches up, remembers its chain, and serves receipts at once', async () => {
    const before = await get(3, '/v1/status')
    await stop(3)
    const body = encode((writer) =>
      writer.list(
        Array.from({ length: 50 }, (_, i) => alice.note(`away ${i}`)),
        (w, item) => w.bytes(item),
      ),
    )
    await post(0, '/v1/transactions/batch?wait=final', body)
    const target = await heightOf(0)
    expect(target).toBeGreaterThan(before.body['height'] as number)
    await start(3)
    const claimId = claimIdOf('test/1', testClaim({ behaviour: 'valid', gas: 1000, nonce: utf8('one') }))
    expect((await fetch(`${network.urls[3]}/v1/claims/${toHex(claimId)}/receipt`)).status).toBe(200)
    await until('validator 3 has caught up', async () => (await heightOf(3)) >= target)
    const [here, there] = await Promise.all([get(3, `/v1/blocks/${target}`), get(0, `/v1/blocks/${target}`)])
    expect(here.body['hash']).toBe(there.body['hash'])
    expect(await post(3, '/v1/transactions?wait=final', alice.note('back'))).toMatchObject({ status: 200 })
  })

  test('with the leader stopped the others change the view and go on', async () => {
    const leader = (await get(0, '/v1/status')).body['leader'] as number
    await stop(leader)
    const other = (leader + 1) % 4
    expect(await post(other, '/v1/transactions?wait=final&timeoutMs=60000', alice.note('after the leader'))).toMatchObject({ status: 200 })
    expect(events(other, 'view-entered').length).toBeGreaterThan(0)
    await start(leader)
    const target = await heightOf(other)
    await until('the old leader has caught up', async () => (await heightOf(leader)) >= target)
  })

  test('I1: a validator without a quorum is not ready for clients and says why; with one it is', async () => {
    const ready = async (): Promise<unknown> => {
      const { status, body } = await get(0, '/v1/ready')
      return [status, body['ready'], body['cause']]
    }
    await until('validator 0 is ready', async () => (await get(0, '/v1/ready')).status === 200)
    await Promise.all([stop(2), stop(3)])
    await until('it is not', async () => (await get(0, '/v1/ready')).status === 503)
    expect(await ready()).toEqual([503, false, 'no-quorum-connected'])
    await Promise.all([start(2), start(3)])
    await until('it is again', async () => (await get(0, '/v1/ready')).status === 200)
    expect((await get(0, '/v1/ready')).body['ready']).toBe(true)
  })

  test('a validator that sends garbage, bad signatures or another chain is named, and the rest keeps its pace', async () => {
    // Takes the place of validator 0, with its network key, and talks to validator 3.
    await stop(0)
    await until(
      'validator 3 sees it gone',
      async () => !((await get(3, '/v1/status')).body['peers'] as Json[]).find((peer) => peer['index'] === 0)?.['connected'],
    )
    const config = JSON.parse(readFileSync(join(network.homes[0] as string, 'config.json'), 'utf8')) as {
      mesh: { host: string; port: number }
      peers: { index: number; host: string; port: number; networkKey: string }[]
    }
    const seed = fromHex(readFileSync(join(network.homes[0] as string, 'network.key'), 'utf8').trim())
    const peer = config.peers.find(({ index }) => index === 3)
    const key = fromHex(peer?.networkKey ?? '')
    if (!seed.ok || !key.ok || peer === undefined) throw new Error('unreadable home')
    /** A vote that would count, were it signed. */
    const forgedVote = async (): Promise<Uint8Array> => {
      const { view, height: committed } = (await get(3, '/v1/status')).body as { view: number; height: number }
      const vote = {
        kind: 'prepare',
        epoch: epoch(0),
        view: viewOf(view),
        height: height(committed + 3),
        blockHash: SEED,
        sender: validatorIndex(0),
        signature: signature(new Uint8Array(64).fill(9)),
      } as const
      return encodeMessage({ kind: 'vote', vote })
    }
    const attacks: [string, Hash, () => Promise<Uint8Array>][] = [
      ['message-kind', chainId, async () => Uint8Array.of(99, 1, 2, 3)],
      ['signature', chainId, forgedVote],
      ['chain', sha256(utf8('another chain')), forgedVote],
    ]
    for (const [code, chain, attack] of attacks) {
      const bytes = await attack()
      const mesh = await createMesh({
        chainId: chain,
        seed: seed.value,
        listen: config.mesh,
        peers: [{ index: validatorIndex(3), host: peer.host, port: peer.port, networkKey: publicKey(key.value) }],
        handlers: {
          onMessage: () => {},
          onTransactions: () => {},
          onLost: () => {},
          onMisbehaving: () => {},
          onStranger: () => {},
          onRoundTrip: () => {},
          onConnected: () => {
            mesh.send('all', bytes)
            mesh.flush()
          },
        },
      })
      await until(`validator 3 names it for ${code}`, () =>
        events(3, 'peer-misbehaving').some((event) => event['peer'] === 0 && event['code'] === code),
      )
      await mesh.close()
      expect(await post(3, '/v1/transactions?wait=final&timeoutMs=60000', alice.note(`despite ${code}`))).toMatchObject({ status: 200 })
    }
    await start(0)
  })

  test('E1: a validator that sends useless things under good signatures is read more slowly and named; the rest keeps its pace', async () => {
    await stop(0)
    await until(
      'validator 3 sees it gone',
      async () => !((await get(3, '/v1/status')).body['peers'] as Json[]).find((peer) => peer['index'] === 0)?.['connected'],
    )
    const home = openHome(network.homes[0] as string)
    const peers = home.config.peers.filter(({ index }) => index === 3)
    const key = home.consensusKeys[0] as SigningKey
    const { view, height: committed } = (await get(3, '/v1/status')).body as { view: number; height: number }
    const status = (at: number): Uint8Array => {
      const words = {
        kind: 'status',
        epoch: epoch(0),
        view: viewOf(view),
        phase: 'active',
        committedHeight: height(at),
        slots: [],
        complaint: null,
        sender: validatorIndex(0),
      } as const
      return encodeMessage({ ...words, signature: key.sign(statusBytes(chainId, words)) })
    }
    const useless = Array.from({ length: 400 }, (_, i) =>
      i % 2 === 0 ? encodeMessage({ kind: 'fetch', want: 'committed', from: height(1) }) : status(i % (committed + 1)),
    )
    let flooding: NodeJS.Timeout | undefined
    const mesh = await createMesh({
      chainId,
      seed: home.networkSeed,
      listen: home.config.mesh,
      peers,
      handlers: {
        onMessage: () => {},
        onTransactions: () => {},
        onLost: () => {},
        onMisbehaving: () => {},
        onStranger: () => {},
        onRoundTrip: () => {},
        onConnected: () => {
          flooding = setInterval(() => {
            for (const bytes of useless) mesh.send('all', bytes)
            mesh.flush()
          }, 10)
        },
      },
    })
    await until('validator 3 reads it more slowly', () => events(3, 'peer-throttled').some((event) => event['peer'] === 0))
    for (let i = 0; i < 5; i++) {
      expect(await post(3, '/v1/transactions?wait=final&timeoutMs=60000', alice.note(`despite the flood ${i}`))).toMatchObject({
        status: 200,
      })
    }
    clearInterval(flooding)
    await mesh.close()
    await start(0)
  })
})

describe('claims', () => {
  test('pages of claims go from the newest to the oldest, each claim once, and end', async () => {
    const erin = new Sender('erin')
    for (let i = 0; i < 7; i++) await post(0, '/v1/transactions?wait=final', erin.sign(proofOf('valid', `page ${i}`)))
    const seen: string[] = []
    let next = ''
    for (let pages = 0; pages < 20; pages++) {
      const { status, body } = await get(0, `/v1/claims?sender=${erin.publicKey}&limit=3${next}`)
      expect(status).toBe(200)
      seen.push(...(body['claims'] as Json[]).map((claim) => claim['claimId'] as string))
      if (body['next'] === null) break
      next = `&before=${body['next']}`
    }
    expect(new Set(seen).size).toBe(7)
    expect(seen.length).toBe(7)
    const ids = Array.from({ length: 7 }, (_, i) =>
      toHex(claimIdOf('test/1', testClaim({ behaviour: 'valid', gas: 1000, nonce: utf8(`page ${i}`) }))),
    )
    expect(seen).toEqual(ids.toReversed())
    for (const [query, code] of [
      ['sender=xyz', 'sender'],
      ['source=00', 'source'],
      ['before=no', 'before'],
      ['height=x', 'height'],
      ['colour=red', 'parameter'],
    ])
      expect(await get(0, `/v1/claims?${query}`)).toMatchObject({ status: 400, body: { code } })
    expect(await get(0, '/v1/claims?height=9007199254740991')).toMatchObject({ status: 200, body: { claims: [], next: null } })
    expect(await get(0, `/v1/claims/${'0'.repeat(64)}/page`)).toMatchObject({ status: 404 })
  })
})

describe('verify once', () => {
  test('a proof that waits is verified once, also over a restart of the validator, and over its coming again', async () => {
    const bob = new Sender('bob')
    const performed = async (index: number): Promise<number> =>
      ((await get(index, '/v1/status')).body['verifications'] as Json)['performed'] as number
    const before = await performed(3)
    // Its nonce comes too early: it waits in every mempool.
    const waiting = bob.sign(proofOf('valid', 'waits over a restart'), 1)
    expect(await post(3, '/v1/transactions?wait=admitted', waiting)).toMatchObject({ body: { status: 'pending' } })
    expect((await performed(3)) - before).toBe(1)
    await stop(3)
    await start(3)
    expect(await post(3, '/v1/transactions?wait=admitted', waiting)).toMatchObject({ body: { status: 'pending' } })
    expect(await performed(3)).toBe(0)
    expect(await post(0, '/v1/transactions?wait=final', bob.sign({ type: 'note', data: utf8('first') }, 0))).toMatchObject({ status: 200 })
    await until(
      'the proof is final',
      async () => (await get(3, `/v1/transactions/${toHex(transactionIdOf(waiting))}`)).body['status'] === 'final',
    )
    expect(await performed(3)).toBe(0)
  })

  test('a refused proof stays refused over a restart, without another look', async () => {
    const carol = new Sender('carol')
    const refused = carol.sign(proofOf('invalid', 'refused over a restart'), 0)
    expect(await post(2, '/v1/transactions', refused)).toMatchObject({ status: 400, body: { code: 'asked-for' } })
    await stop(2)
    await start(2)
    expect(await post(2, '/v1/transactions', refused)).toMatchObject({ status: 400, body: { code: 'asked-for' } })
    expect(((await get(2, '/v1/status')).body['verifications'] as Json)['performed']).toBe(0)
  })

  test('a verifier that fails gives no verdict: an alarm in the log, in the metrics and in why', async () => {
    const dave = new Sender('dave')
    const answer = await post(1, '/v1/transactions', dave.sign(proofOf('throw', 'three'), 0))
    expect(answer).toMatchObject({ body: { code: 'verification-aborted' } })
    expect(events(1, 'verification-aborted')).toMatchObject([{ kind: 'test/1' }])
    expect((await get(1, '/v1/why')).body['paragraph']).toMatch(/Alarm: A verification came to no verdict here \(the last of test\/1/)
    const metrics = await (await fetch(`${network.urls[1]}/metrics`)).text()
    expect(metrics).toMatch(/aethel_verifications_total\{kind="test\/1",outcome="aborted"\} 1/)
  })
})

describe('homes', () => {
  test('a seed gives the same keys again, secret files are private', async () => {
    const again = await createTestnet({
      validators: 4,
      output: join(directory, 'again'),
      basePort: 0,
      seed: SEED,
      kinds: ['lrat/1', 'test/1'],
    })
    for (const name of ['consensus.key', 'network.key']) {
      expect(readFileSync(join(again.homes[2] as string, name))).toEqual(readFileSync(join(network.homes[2] as string, name)))
      expect(statSync(join(again.homes[2] as string, name)).mode & 0o777).toBe(0o600)
    }
    await expect(createTestnet({ validators: 4, output: join(directory, 'again') })).rejects.toMatchObject({
      code: 'output-not-empty',
      exitCode: 2,
    })
    await expect(createTestnet({ validators: 0, output: join(directory, 'none') })).rejects.toMatchObject({ code: 'validators' })
  })

  /** A copy of home 1 of an unused network, spoiled. */
  async function startSpoiled(name: string, spoil: (home: string) => void): Promise<Node> {
    const other = await createTestnet({
      validators: 2,
      output: join(directory, name),
      basePort: 0,
      seed: sha256(utf8('spoiled')),
      genesisTimeMs: 1_700_000_000_000,
    })
    spoil(other.homes[1] as string)
    return startNode({ home: other.homes[1] as string, logLevel: 'silent' })
  }

  const edit = (home: string, change: (config: Json) => void): void => {
    const file = join(home, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as Json
    change(config)
    writeFileSync(file, JSON.stringify(config))
  }

  const cases: [string, string, (home: string) => void][] = [
    ['no such home', 'home-unreadable', (home) => rmSync(home, { recursive: true })],
    ['a config that is no JSON', 'config', (home) => appendFileSync(join(home, 'config.json'), '}')],
    ['an unknown field', 'config', (home) => edit(home, (config) => Object.assign(config, { extra: 1 }))],
    ['a mistyped field', 'config', (home) => edit(home, (config) => Object.assign(config, { proofWorkers: '1' }))],
    ['a missing peer', 'peers', (home) => edit(home, (config) => Object.assign(config, { peers: [] }))],
    [
      'a peer with the network key of this validator',
      'peers',
      (home) => writeFileSync(join(home, 'network.key'), readFileSync(join(home, '..', 'node0', 'network.key'))),
    ],
    ['a missing genesis', 'home-unreadable', (home) => rmSync(join(home, 'genesis.bin'))],
    [
      'a genesis that is cut short',
      'genesis',
      (home) => writeFileSync(join(home, 'genesis.bin'), readFileSync(join(home, 'genesis.bin')).subarray(0, 50)),
    ],
    ['a key that is not in genesis', 'not-a-validator', (home) => writeFileSync(join(home, 'consensus.key'), `${'ab'.repeat(32)}\n`)],
    ['a key of the wrong length', 'key', (home) => writeFileSync(join(home, 'consensus.key'), 'abcd\n')],
    ['a store that is a file', 'store-unreadable', (home) => writeFileSync(join(home, 'store'), '')],
  ]
  test.each(cases)('%s is one clear line with a hint', async (name, code, spoil) => {
    const error = await startSpoiled(name.replaceAll(' ', '-'), spoil).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'AethelError', code, exitCode: 2 })
    expect((error as Error).message).not.toContain('\n')
    expect((error as { hint: string }).hint.length).toBeGreaterThan(10)
  })

  test('a port in use, an address of another machine, a second process on one home, and a store of another network are refused; nothing stays open', async () => {
    const other = await createTestnet({ validators: 2, output: join(directory, 'refused'), basePort: 0 })
    const home = other.homes[0] as string
    const { mesh, http } = JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as { mesh: { port: number }; http: { port: number } }
    for (const { port } of [mesh, http]) {
      const server = createServer().listen(port, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      await expect(startNode({ home, logLevel: 'silent' })).rejects.toMatchObject({ code: 'port-in-use', exitCode: 2 })
      await new Promise((resolve) => server.close(resolve))
    }
    for (const part of ['mesh', 'http'] as const) {
      const before = readFileSync(join(home, 'config.json'), 'utf8')
      const config = JSON.parse(before) as Record<'mesh' | 'http', { host: string }>
      // Reserved for documentation: no machine has it.
      config[part].host = '192.0.2.1'
      writeFileSync(join(home, 'config.json'), JSON.stringify(config))
      await expect(startNode({ home, logLevel: 'silent' })).rejects.toMatchObject({ code: 'listen-failed', exitCode: 2 })
      writeFileSync(join(home, 'config.json'), before)
    }
    const node = await startNode({ home, logLevel: 'silent' })
    await expect(startNode({ home, logLevel: 'silent' })).rejects.toMatchObject({ code: 'store-locked', exitCode: 2 })
    await node.close()
    expect(await node.stopped).toBeNull()
    await (await startNode({ home, logLevel: 'silent' })).close()
    const third = await createTestnet({ validators: 2, output: join(directory, 'third'), basePort: 0 })
    rmSync(join(third.homes[0] as string, 'store'), { recursive: true, force: true })
    cpSync(join(home, 'store'), join(third.homes[0] as string, 'store'), { recursive: true })
    await expect(startNode({ home: third.homes[0] as string, logLevel: 'silent' })).rejects.toMatchObject({
      code: 'store-chain',
      exitCode: 2,
    })
  })

  test('C6: an empty store is a fresh one only at the first start; a lost one needs --recover, and then does not vote', async () => {
    const lone = await createTestnet({ validators: 2, output: join(directory, 'lone'), basePort: 0 })
    const home = lone.homes[0] as string
    expect(readdirSync(home)).toContain('first-start')
    await (await startNode({ home, logLevel: 'silent' })).close()
    expect(readdirSync(home)).not.toContain('first-start')
    await expect(startNode({ home, recover: true, logLevel: 'silent' })).rejects.toMatchObject({ code: 'store-exists', exitCode: 2 })
    rmSync(join(home, 'store'), { recursive: true })
    await expect(startNode({ home, logLevel: 'silent' })).rejects.toMatchObject({ code: 'store-missing', exitCode: 2 })
    for (const recover of [true, true, false]) {
      const node = await startNode({ home, recover, logLevel: 'silent' })
      const status = (await (await fetch(`${node.http.url}/v1/status`)).json()) as { voting: { votes: boolean; why: string } }
      expect(status.voting).toMatchObject({ votes: false, answers: 0, above: null, why: expect.stringContaining('store was lost') })
      await node.close()
    }
  })

  test('a damaged store is refused and named', async () => {
    await stop(1)
    const store = join(network.homes[1] as string, 'store')
    const copy = join(directory, 'sound')
    cpSync(store, copy, { recursive: true })
    const name = readdirSync(store).find((file) => file.endsWith('.log')) as string
    const bytes = readFileSync(join(store, name))
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 4
    writeFileSync(join(store, name), bytes)
    await expect(start(1)).rejects.toMatchObject({ code: 'store-damaged', exitCode: 2, message: expect.stringContaining(name) })
    rmSync(store, { recursive: true })
    cpSync(copy, store, { recursive: true })
    await start(1)
  })
})
