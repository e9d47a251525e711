/** Real nodes across epochs: one validator leaves, another joins by sync, a third changes its key, and a light client follows. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromHex, type Hash, hash, toHex, utf8 } from '@aethel/codec'
import { sha256, signingKey } from '@aethel/crypto'
import {
  type Action,
  buildTransaction,
  encodeTransaction,
  possessionBytes,
  signTransaction,
  type UpdateValidators,
  updateSigningBytes,
  type ValidatorChange,
} from '@aethel/ledger'
import { createMesh } from '@aethel/network'
import { consensusKeyOfHome, contactOfHome, createNewcomer, createTestnet, type Node, startNode, type TestnetSummary } from '@aethel/node'
import { decodeEpochs, decodeTrust, verifyEpochChain } from '@aethel/receipts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHome } from './home.js'

const directory = mkdtempSync(join(tmpdir(), 'aethel-epochs-'))
const running = new Map<string, Node>()
const sender = signingKey(sha256(utf8('sender')))
let network: TestnetSummary
let chainId: Hash
let nonce = 0

function must<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** That a key is missing, as anybody said while it had its own. */
const alarms: string[] = []
const write = (line: string): void => {
  if (line.includes('"key-missing"')) alarms.push(line)
}

async function start(home: string): Promise<Node> {
  const node = await startNode({ home, log: { write }, logLevel: 'warn' })
  running.set(home, node)
  return node
}

async function stop(home: string): Promise<void> {
  await running.get(home)?.close()
  running.delete(home)
}

const home = (index: number): string => network.homes[index] as string

async function submit(action: Action): Promise<number> {
  const unsigned = buildTransaction({ chainId, sender: sender.publicKey, nonce: nonce++, action })
  const response = await fetch(`${network.urls[0]}/v1/transactions?wait=final`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(encodeTransaction(signTransaction(unsigned, sender))),
  })
  const body = (await response.json()) as { status: string; height: number; message?: string }
  expect(body).toMatchObject({ status: 'final' })
  return body.height
}

const note = (): Promise<number> => submit({ type: 'note', data: utf8('another block') })

async function get(url: string, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(url + path)).json()) as Record<string, unknown>
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`did not happen within 20 s: ${what}`)
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const mesh = await createMesh({
    chainId: sha256(utf8('none')),
    seed: sha256(utf8('port')),
    listen: { host: '127.0.0.1', port: 0 },
    peers: [],
    handlers: {
      onMessage: () => undefined,
      onTransactions: () => undefined,
      onConnected: () => undefined,
      onLost: () => undefined,
      onMisbehaving: () => undefined,
      onStranger: () => undefined,
      onRoundTrip: () => undefined,
    },
  })
  const { port } = mesh.address
  await mesh.close()
  return port
}

function approved(changes: readonly ValidatorChange[], sequence: number): UpdateValidators {
  const message = updateSigningBytes(chainId, { sequence, changes })
  const approvals = network.governanceFiles.slice(0, 3).map((file, key) => {
    const { seed } = JSON.parse(readFileSync(file, 'utf8')) as { seed: string }
    return { key, signature: signingKey(must(fromHex(seed))).sign(message) }
  })
  return { type: 'update-validators', sequence, changes, approvals }
}

beforeAll(async () => {
  network = await createTestnet({
    validators: 4,
    output: join(directory, 'net'),
    basePort: 0,
    seed: sha256(utf8('epoch tests')),
    parameters: { epochLength: 2 },
  })
  chainId = hash(must(fromHex(network.chainId)))
  await Promise.all(network.homes.map(start))
})

afterAll(async () => {
  await Promise.all([...running.keys()].map(stop))
  rmSync(directory, { recursive: true, force: true })
})

describe('nodes through epochs', () => {
  const newcomer = join(directory, 'newcomer')
  let newcomerUrl = ''

  test('a newcomer, a leaver and a changed key, by one update that governance approved', async () => {
    const [mesh, http] = [await freePort(), await freePort()]
    newcomerUrl = `http://127.0.0.1:${http}`
    createNewcomer({ from: home(1), output: newcomer, mesh: { host: '127.0.0.1', port: mesh }, http: { host: '127.0.0.1', port: http } })
    const own = consensusKeyOfHome(newcomer, 'only')
    const rotated = consensusKeyOfHome(home(2), 'next')
    const account = openHome(home(2)).consensusKeys[0]?.publicKey
    const leaver = openHome(home(3)).consensusKeys[0]?.publicKey
    if (account === undefined || leaver === undefined) throw new Error('homes have keys')
    const changes: ValidatorChange[] = [
      {
        change: 'join',
        account: own.publicKey,
        publicKey: own.publicKey,
        power: 2n,
        contact: contactOfHome(newcomer),
        possession: own.sign(possessionBytes(chainId, own.publicKey, own.publicKey)),
      },
      { change: 'leave', account: leaver },
      {
        change: 'key',
        account,
        publicKey: rotated.publicKey,
        possession: rotated.sign(possessionBytes(chainId, account, rotated.publicKey)),
      },
    ]
    expect(await submit(approved(changes, 0))).toBe(1)
    await until('another validator has it, too', async () => (await get(network.urls[1] as string, '/v1/status'))['height'] === 1)
    const listing = await get(network.urls[1] as string, '/v1/validators')
    expect(listing).toMatchObject({ epoch: 0, epochLength: 2, lastHeight: 2, next: { sequence: 1 } })
    await stop(home(2)) // so that it has its new key when the epoch begins
    await start(home(2))
    await start(newcomer)
    await until('the newcomer has caught up', async () => (await get(newcomerUrl, '/v1/status'))['height'] === 1)
    for (let i = 0; i < 4; i++) await note()
    for (const [url, position] of [
      [network.urls[0], 0],
      [network.urls[2], 2],
      [network.urls[3], null],
      [newcomerUrl, 3],
    ] as const) {
      await until('everybody is in the third epoch', async () => (await get(url as string, '/v1/status'))['epoch'] === 2)
      expect(await get(url as string, '/v1/status')).toMatchObject({ position, validators: 4 })
    }
  })

  test('the new set is what decides: without the leaver, and without one other, by the new powers', async () => {
    await stop(home(3))
    await stop(home(1))
    const before = Number((await get(network.urls[0] as string, '/v1/status'))['height'])
    expect(await note()).toBe(before + 1) // 4 of 5 power
    await start(home(1))
    await start(home(3))
    for (let i = 0; i < 2; i++) await note()
    const height = Number((await get(network.urls[0] as string, '/v1/status'))['height'])
    for (const url of [network.urls[1], network.urls[3]])
      await until('who was away has caught up', async () => (await get(url as string, '/v1/status'))['height'] === height)
  })

  test('a light client follows from genesis to the newest epoch, by what any node serves', async () => {
    const trust = must(decodeTrust(new Uint8Array(readFileSync(network.trustFile))))
    for (const url of [network.urls[0] as string, newcomerUrl]) {
      const links = must(decodeEpochs(new Uint8Array(await (await fetch(`${url}/v1/epochs`)).arrayBuffer())))
      const roots = must(verifyEpochChain(trust, links))
      const { epoch, validatorsHash } = await get(url, '/v1/validators')
      expect(roots.at(-1)?.validators.epoch).toBe(epoch)
      expect(toHex(roots.at(-1)?.validators.hash ?? new Uint8Array())).toBe(validatorsHash)
      const later = must(decodeEpochs(new Uint8Array(await (await fetch(`${url}/v1/epochs?from=1`)).arrayBuffer())))
      expect(later).toHaveLength(links.length - 1)
    }
  })

  test('a home of a validator that joined restarts where it was', async () => {
    const before = await get(newcomerUrl, '/v1/status')
    await stop(newcomer)
    const node = await start(newcomer)
    expect(node.index).toBe(null)
    expect(await get(newcomerUrl, '/v1/status')).toMatchObject({ epoch: before['epoch'], position: 3, height: before['height'] })
    await note()
  })

  test('who left comes back with the same home, under a new seat, and all hear it', async () => {
    const own = consensusKeyOfHome(home(3), 'only')
    const join: ValidatorChange = {
      change: 'join',
      account: own.publicKey,
      publicKey: own.publicKey,
      power: 1n,
      contact: contactOfHome(home(3)),
      possession: own.sign(possessionBytes(chainId, own.publicKey, own.publicKey)),
    }
    await submit(approved([join], 1))
    const url = network.urls[3] as string
    const isOfThem = async (): Promise<boolean> => (await get(url, '/v1/status'))['position'] === 4
    for (let i = 0; i < 4 && !(await isOfThem()); i++) await note()
    await until('it is one of them again', isOfThem)
    for (const each of [...network.urls, newcomerUrl]) {
      const peersOf = async (): Promise<{ connected: boolean }[]> => (await get(each, '/v1/status'))['peers'] as { connected: boolean }[]
      await until('it is connected with everybody, and with nobody else', async () => {
        const peers = await peersOf()
        return peers.length === 4 && peers.every(({ connected }) => connected)
      })
    }
    await stop(home(1))
    await note() // 5 of 6 power, its own among them
    await start(home(1))
  })

  test('a validator that starts without the key of its seat follows, and says which key it misses; with it, it is one of them again', async () => {
    const { publicKey } = consensusKeyOfHome(newcomer, 'only')
    const file = join(newcomer, 'consensus.key')
    const kept = readFileSync(file)
    await stop(newcomer)
    writeFileSync(file, `${'5a'.repeat(32)}\n`)
    const lines: string[] = []
    running.set(newcomer, await startNode({ home: newcomer, log: { write: (line) => void lines.push(line) }, logLevel: 'warn' }))
    const told = lines.map((line) => JSON.parse(line) as { event: string }).filter(({ event }) => event === 'key-missing')
    expect(told).toMatchObject([{ publicKey: Buffer.from(publicKey).toString('hex') }])
    expect(await get(newcomerUrl, '/v1/status')).toMatchObject({ position: null })
    await stop(newcomer)
    writeFileSync(file, kept)
    await start(newcomer)
    expect((await get(newcomerUrl, '/v1/status'))['position']).not.toBe(null)
    expect(alarms).toEqual([]) // not of who left either, who came, or whose key changed
  })
})
