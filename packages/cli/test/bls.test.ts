/** A real network of BLS certificates, whose votes are collected and whose proposals take a tree: processes, receipts checked offline, and another set of validators after the boundary. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aethelAsync, BIN, errorLine, type Outcome, temporaryFolder } from './aethel.js'

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const folder = temporaryFolder()
const running = new Map<string, ChildProcess>()
const receipt = folder.file('receipt.json')
const key = folder.file('key.json')
const EPOCH_LENGTH = 3
/** Of a certificate of four or five validators: ballot, scheme, bitmap, sum. */
const CERTIFICATE_BYTES = 1 + 3 * 8 + 32 + 1 + 2 + 1 + 96

interface Made {
  readonly homes: readonly string[]
  readonly urls: readonly string[]
  readonly trustFile: string
  readonly governanceFiles: readonly string[]
}

interface ListedMember {
  readonly seat: number
  readonly publicKey: string
  readonly blsKey: string
}

interface Listing {
  readonly height: number
  readonly epoch: number
  readonly current: readonly ListedMember[]
  readonly next: { readonly validators: readonly ListedMember[] }
}

let network: Made
const url = (): string[] => ['--url', network.urls[0] ?? '']

function start(home: string): void {
  running.set(home, spawn(process.execPath, [BIN, 'start', '--home', home, '--exit-with-parent'], { stdio: ['pipe', 'ignore', 'inherit'] }))
}

async function stop(home: string): Promise<void> {
  const child = running.get(home)
  if (child === undefined) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
  running.delete(home)
}

async function answering(urls: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const answers = urls.map((each) => fetch(`${each}/v1/status`).then(({ ok }) => ok))
    if ((await Promise.allSettled(answers)).every((answer) => answer.status === 'fulfilled' && answer.value)) return
    await sleep(50)
  }
  throw new Error('the validators did not answer within 30 s')
}

/** Two ports that were free a moment ago. */
async function freePorts(): Promise<readonly [string, string]> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return String((server.address() as { port: number }).port)
    }),
  )
  for (const server of servers) server.close()
  return ports as unknown as readonly [string, string]
}

function submit(name: string): Promise<Outcome> {
  const files = [`${instances}${name}.cnf`, '--proof', `${instances}${name}.lrat`]
  return aethelAsync('submit', ...files, ...url(), '--key', key, '-o', receipt)
}

async function listing(): Promise<Listing> {
  return JSON.parse((await aethelAsync('validators', ...url(), '--json')).stdout)
}

beforeAll(async () => {
  writeFileSync(key, JSON.stringify({ format: 'aethel-account/1', seed: '09'.repeat(32) }))
  const made = await aethelAsync(
    ...['testnet', '--validators', '4', '--certificates', 'bls12-381', '--dissemination', 'tree', '--epoch-length', String(EPOCH_LENGTH)],
    ...['--output', folder.file('net'), '--base-port', '0', '--json'],
  )
  expect(made).toMatchObject({ code: 0, stderr: '' })
  network = JSON.parse(made.stdout)
  for (const home of network.homes) start(home)
  await answering(network.urls)
})

afterAll(async () => {
  await Promise.all([...running.keys()].map(stop))
  folder.remove()
})

describe('a network of BLS certificates', () => {
  it('commits a proof, and its receipt, with one aggregate, is good offline with the trust root', async () => {
    expect(await submit('pigeonhole-2')).toMatchObject({ code: 0, stderr: '' })
    const { certificate } = JSON.parse(readFileSync(receipt, 'utf8')) as { certificate: string }
    expect(certificate.length / 2).toBe(CERTIFICATE_BYTES)
    const good = await aethelAsync('verify', receipt, '--trust', network.trustFile)
    expect(good).toMatchObject({ code: 0, stderr: '' })
    expect(good.stdout).toMatch(/[34] of 4 validators with power [34] of 4/)
  })

  it('the receipt is refused with another bitmap, and with a trust root that lacks the BLS keys', async () => {
    const text = readFileSync(receipt, 'utf8')
    const { certificate } = JSON.parse(text) as { certificate: string }
    const at = 2 * (CERTIFICATE_BYTES - 97) // the bitmap
    const bits = Number.parseInt(certificate.slice(at, at + 2), 16)
    const others = bits === 15 ? 7 : 15
    const forged = folder.file('forged.json')
    writeFileSync(forged, text.replace(certificate, `${certificate.slice(0, at)}0${others.toString(16)}${certificate.slice(at + 2)}`))
    const refused = await aethelAsync('verify', forged, '--trust', network.trustFile)
    expect(refused.code).toBe(3)
    expect(errorLine(refused)).toContain('certificate-signature')
    const keyless = folder.file('keyless.json')
    writeFileSync(keyless, readFileSync(network.trustFile, 'utf8').replaceAll(/,\s*"blsKey": "[0-9a-f]{96}"/g, ''))
    const unknown = await aethelAsync('verify', receipt, '--trust', keyless)
    expect(unknown.code).toBe(3)
    expect(errorLine(unknown)).toContain('validators')
  })

  it('one joins and another rotates its keys: after the boundary their shares count, and a receipt verifies along the epoch chain', async () => {
    const [meshPort, httpPort] = await freePorts()
    const newcomer = folder.file('newcomer')
    const ports = ['--mesh-port', meshPort, '--http-port', httpPort]
    const home = await aethelAsync('validators', 'home', '--from', network.homes[0] ?? '', '--output', newcomer, ...ports)
    expect(home).toMatchObject({ code: 0, stderr: '' })
    const before = (await listing()).current
    const changes = ['--join', newcomer, '--rotate', `1=${network.homes[1]}`]
    const approvals = network.governanceFiles.slice(0, 3).flatMap((file) => ['--approve', file])
    expect(await aethelAsync('validators', 'propose', ...changes, ...approvals, ...url(), '--key', key)).toMatchObject({
      code: 0,
      stderr: '',
    })
    // So that it has its new keys when the epoch begins.
    await stop(network.homes[1] ?? '')
    start(network.homes[1] ?? '')
    start(newcomer)
    await answering([...network.urls, `http://127.0.0.1:${httpPort}`])
    expect(await submit('pigeonhole-3')).toMatchObject({ code: 0, stderr: '' })

    const { current, epoch } = await listing()
    expect(epoch).toBe(1)
    expect(current.map(({ seat }) => seat)).toEqual([0, 1, 2, 3, 4])
    expect(new Set(current.map(({ blsKey }) => blsKey)).size).toBe(5)
    expect(current[0]).toEqual(before[0])
    expect(current[1]?.blsKey).not.toBe(before[1]?.blsKey)
    expect(current[1]?.publicKey).not.toBe(before[1]?.publicKey)

    // Without one of those who stayed four of five are needed: the newcomer's share and one with the rotated key among them.
    await stop(network.homes[3] ?? '')
    expect(await submit('pigeonhole-4')).toMatchObject({ code: 0, stderr: '' })
    const epochs = folder.file('epochs.json')
    expect(await aethelAsync('validators', 'epochs', ...url(), '-o', epochs)).toMatchObject({ code: 0 })
    const newer = folder.file('trust.json')
    const trust = ['--trust', network.trustFile]
    const [alone, along] = await Promise.all([
      aethelAsync('verify', receipt, ...trust),
      aethelAsync('verify', receipt, ...trust, '--epochs', epochs, '--advance-trust', newer),
    ])
    expect(alone.code).toBe(3)
    expect(errorLine(alone)).toContain('epoch')
    expect(along).toMatchObject({ code: 0, stderr: '' })
    expect(along.stdout).toContain('4 of 5 validators with power 4 of 5')
    expect(await aethelAsync('verify', receipt, '--trust', newer)).toMatchObject({ code: 0, stderr: '' })
  })

  it('certificates of anything else are a usage error', async () => {
    for (const command of [['testnet', '--validators', '4', '--output', folder.file('rsa')], ['dev'], ['simulate']]) {
      const outcome = await aethelAsync(...command, '--certificates', 'rsa')
      expect([command[0], outcome.code]).toEqual([command[0], 2])
      expect(errorLine(outcome)).toContain('Expected ed25519 or bls12-381')
    }
  })

  it('without BLS certificates votes are collected by nobody, and the error says why', async () => {
    for (const command of [['testnet', '--output', folder.file('lists')], ['simulate']]) {
      const outcome = await aethelAsync(...command, '--dissemination', 'collectors')
      expect([command[0], outcome.code]).toEqual([command[0], 2])
      expect(errorLine(outcome)).toMatch(/a list of signatures is as long as the votes in it|only such certificates are worth collecting/)
    }
  })
})
