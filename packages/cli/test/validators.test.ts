/** `aethel validators` against a real network of processes: a change collected from several operators, and what follows from it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aethel, aethelAsync, BIN, errorLine, type Outcome, temporaryFolder } from './aethel.js'

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const folder = temporaryFolder()
const running: ChildProcess[] = []

interface Made {
  readonly homes: readonly string[]
  readonly urls: readonly string[]
  readonly trustFile: string
  readonly governanceFiles: readonly string[]
}

interface Listing {
  readonly epoch: number
  readonly current: readonly { readonly seat: number; readonly power: string }[]
  readonly next: { readonly sequence: number; readonly validators: readonly { readonly seat: number; readonly power: string }[] }
}

let network: Made
const url = (): string[] => ['--url', network.urls[0] ?? '']
const key = (): string[] => ['--key', keyFile()]
const governor = (index: number): string => network.governanceFiles[index] ?? ''

function keyFile(): string {
  const file = folder.file('key.json')
  writeFileSync(file, JSON.stringify({ format: 'aethel-account/1', seed: '09'.repeat(32) }))
  return file
}

async function listing(): Promise<Listing> {
  return JSON.parse((await aethelAsync('validators', 'list', ...url(), '--json')).stdout)
}

beforeAll(async () => {
  const made = aethel('testnet', '--validators', '4', '--output', folder.file('net'), '--base-port', '0', '--epoch-length', '2', '--json')
  expect(made).toMatchObject({ code: 0, stderr: '' })
  network = JSON.parse(made.stdout)
  for (const home of network.homes)
    running.push(spawn(process.execPath, [BIN, 'start', '--home', home, '--exit-with-parent'], { stdio: ['pipe', 'ignore', 'inherit'] }))
  for (let attempt = 0; attempt < 600; attempt++) {
    const answers = network.urls.map((each) => fetch(`${each}/v1/status`).then(({ ok }) => ok))
    if ((await Promise.allSettled(answers)).every((answer) => answer.status === 'fulfilled' && answer.value)) return
    await sleep(50)
  }
  throw new Error('the validators did not answer within 30 s')
})

afterAll(async () => {
  for (const child of running) {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
  folder.remove()
})

describe('aethel validators', () => {
  const proposal = folder.file('change.json')

  it('lists who validates, and that the next epoch has the same', async () => {
    const outcome = await aethelAsync('validators', ...url())
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toContain('epoch 0, up to block 2')
    expect(outcome.stdout).toContain('the next epoch has the same')
    expect((await listing()).next.sequence).toBe(0)
  })

  it('a newcomer that others connect to over a network serves its API to its own machine only, unless told otherwise', () => {
    const made = (name: string, ...more: readonly string[]): unknown => {
      const words = ['--from', network.homes[0] ?? '', '--output', folder.file(name), '--mesh-port', '23400', '--http-port', '23401']
      expect(aethel('validators', 'home', ...words, '--host', '10.0.0.5', ...more)).toMatchObject({ code: 0, stderr: '' })
      return JSON.parse(readFileSync(`${folder.file(name)}/config.json`, 'utf8'))
    }
    const mesh = { host: '10.0.0.5', port: 23_400 }
    expect(made('newcomer')).toMatchObject({ mesh, http: { host: '127.0.0.1', port: 23_401 } })
    expect(made('public', '--http-host', '10.0.0.6')).toMatchObject({ mesh, http: { host: '10.0.0.6', port: 23_401 } })
  })

  it('what cannot be proposed is one line, and no proposal', async () => {
    const propose = (...args: readonly string[]): Promise<Outcome> => aethelAsync('validators', 'propose', ...url(), ...args)
    for (const [args, said] of [
      [[], 'expected a change'],
      [['--leave', '9'], 'seat or account'],
      [['--power', '1=0'], 'whole number'],
      [['--leave', '3'], 'expected 3 approvals, got 0'],
      [['--leave', '3', '--approve', keyFile()], 'governance key of this chain'],
    ] as const) {
      const outcome = await propose(...args)
      expect([args, outcome.code]).toEqual([args, 2])
      expect(errorLine(outcome)).toContain(said)
    }
  })

  it('a change waits in a file for its approvals, and the last one submits it', async () => {
    const first = await aethelAsync(
      ...['validators', 'propose', '--leave', '3', '--power', '0=2', '--approve', governor(0), '-o', proposal, '--json', ...url()],
    )
    expect(first.code).toBe(5)
    expect(JSON.parse(first.stdout)).toMatchObject({ status: 'incomplete', approvals: 1, threshold: 3 })
    const second = await aethelAsync('validators', 'approve', proposal, '--approve', governor(0), '--approve', governor(3), ...url())
    expect(second.code).toBe(5)
    const third = await aethelAsync('validators', 'approve', proposal, '--approve', governor(1), ...url(), ...key(), '--json')
    expect(third).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(third.stdout)).toMatchObject({ status: 'final', sequence: 0 })
    const { current, next } = await listing()
    expect(current).toHaveLength(4)
    expect(next.validators.map(({ seat, power }) => [seat, power])).toEqual([
      [0, '2'],
      [1, '1'],
      [2, '1'],
    ])
    expect(readFileSync(proposal, 'utf8')).toContain('aethel-validator-update/1')
  })

  it('a change that is final in the last block of an epoch is told to come after that block', async () => {
    const outcome = aethel(
      'testnet',
      '--validators',
      '1',
      '--epoch-length',
      '1',
      '--output',
      folder.file('one'),
      '--base-port',
      '0',
      '--json',
    )
    const one = JSON.parse(outcome.stdout) as Made
    const [home = '', at = '', governance = ''] = [one.homes[0], one.urls[0], one.governanceFiles[0]]
    running.push(spawn(process.execPath, [BIN, 'start', '--home', home, '--exit-with-parent'], { stdio: ['pipe', 'ignore', 'inherit'] }))
    for (let attempt = 0; attempt < 600; attempt++) {
      if ((await aethelAsync('status', '--url', at)).code === 0) break
      await sleep(50)
    }
    const args = ['--approve', governance, '--url', at, ...key()]
    const told = await aethelAsync('validators', 'propose', '--power', '0=3', ...args)
    const again = await aethelAsync('validators', 'propose', '--power', '0=4', ...args, '--json')
    expect(told).toMatchObject({ code: 0, stderr: '' })
    expect(told.stdout).toContain('final in block 1: the validators change after block 1, with epoch 1')
    expect(JSON.parse(again.stdout)).toMatchObject({ status: 'final', height: 2, epoch: 1, lastHeight: 2 })
  })

  it('a proposal made for another place in the order is refused when it is complete', async () => {
    const outcome = await aethelAsync('validators', 'approve', proposal, '--approve', governor(2), ...url(), ...key())
    expect(outcome.code).toBe(3)
    expect(errorLine(outcome)).toContain('update-sequence')
  })

  it('the epoch ends, and a receipt of the next verifies along the chain of epochs only', async () => {
    const receipt = folder.file('receipt.json')
    for (const name of ['pigeonhole-2', 'pigeonhole-3', 'pigeonhole-4']) {
      const files = [`${instances}${name}.cnf`, '--proof', `${instances}${name}.lrat`]
      expect(await aethelAsync('submit', ...files, ...url(), ...key(), '-o', receipt)).toMatchObject({ code: 0 })
    }
    expect((await listing()).current).toHaveLength(3)
    const epochs = folder.file('epochs.json')
    expect((await aethelAsync('validators', 'epochs', ...url(), '-o', epochs)).code).toBe(0)
    const trust = ['--trust', network.trustFile]
    const alone = aethel('verify', receipt, ...trust)
    expect(alone.code).toBe(3)
    expect(errorLine(alone)).toContain('epoch')
    const newer = folder.file('trust.json')
    const along = aethel('verify', receipt, ...trust, '--epochs', epochs, '--advance-trust', newer)
    expect(along).toMatchObject({ code: 0, stderr: '' })
    expect(along.stdout).toMatch(/of 3 validators with power [34] of 4/)
    expect(along.stdout).toMatch(/\nwrote \S+trust\.json, the trust root of epoch [1-9]\d*\n$/)
    expect(JSON.parse(readFileSync(newer, 'utf8'))).toMatchObject({ format: 'aethel-trust/1', epochLength: '2' })
    expect(errorLine(aethel('verify', receipt, ...trust, '--advance-trust', newer))).toContain('--epochs')
    expect(errorLine(aethel('verify', receipt, ...trust, '--epochs', receipt))).toContain('epoch chain')
  })
})
