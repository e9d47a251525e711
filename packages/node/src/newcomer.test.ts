/** A key that the chain is told of is on disk before. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '@aethel/codec'
import { signingKey } from '@aethel/crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HOME_FILES } from './home.js'
import { consensusKeyOfHome, contactOfHome, createNewcomer } from './newcomer.js'
import { createTestnet } from './testnet.js'

/** What was done to files, in order, and something to go wrong before a file gets its name. */
const files = vi.hoisted(() => ({ done: [] as string[], beforeRename: (): void => {} }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    writeFileSync: (...words: Parameters<typeof fs.writeFileSync>) => {
      fs.writeFileSync(...words)
      const options = words[2] as { readonly flush?: boolean } | undefined
      if (options?.flush === true) files.done.push(`synced ${String(words[0])}`)
    },
    renameSync: (from: string, to: string) => {
      files.beforeRename()
      fs.renameSync(from, to)
      files.done.push(`named ${to}`)
    },
    fsyncSync: (descriptor: number) => {
      fs.fsyncSync(descriptor)
      files.done.push(`synced ${fs.fstatSync(descriptor).ino}`)
    },
  }
})

let directory = ''
let home = ''
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'aethel-newcomer-'))
  const network = await createTestnet({ validators: 1, output: join(directory, 'net'), basePort: 23_200, parameters: { epochLength: 2 } })
  home = network.homes[0] as string
  files.done = []
  files.beforeRename = () => {}
})
afterEach(() => rmSync(directory, { recursive: true }))

const durably = (folder: string, name: string): string[] => {
  const file = join(folder, name)
  return [`synced ${file}.tmp`, `named ${file}`, `synced ${statSync(folder).ino}`]
}

test('C2: a key to change to, and those of a newcomer, are durable before anybody can sign with them for the chain', () => {
  consensusKeyOfHome(home, 'next')
  expect(files.done).toEqual(durably(home, HOME_FILES.nextConsensusKey))
  files.done = []
  const endpoint = { host: '127.0.0.1', port: 23_300 }
  const made = createNewcomer({ from: home, output: join(directory, 'newcomer'), mesh: endpoint, http: endpoint })
  expect(files.done).toEqual([...durably(made.home, HOME_FILES.consensusKey), ...durably(made.home, HOME_FILES.networkKey)])
  expect(statSync(join(made.home, HOME_FILES.consensusKey)).mode & 0o777).toBe(0o600)
})

test('C2: a command that is killed while it makes a key to change to leaves a home that opens, and the next one makes it', () => {
  files.beforeRename = () => {
    throw new Error('killed')
  }
  expect(() => consensusKeyOfHome(home, 'next')).toThrow('killed')
  expect(existsSync(join(home, HOME_FILES.nextConsensusKey))).toBe(false)
  files.beforeRename = () => {}
  const { publicKey } = consensusKeyOfHome(home, 'next')
  const seed = Buffer.from(readFileSync(join(home, HOME_FILES.nextConsensusKey), 'latin1').trim(), 'hex')
  expect(toHex(publicKey)).toBe(toHex(signingKey(seed).publicKey))
})

test('others are told an address to connect to, and never one that only says where to listen', () => {
  const file = join(home, HOME_FILES.config)
  const config = JSON.parse(readFileSync(file, 'utf8')) as { mesh: { host: string; port: number } }
  const listenAt = (mesh: { host: string; port: number }): void => writeFileSync(file, JSON.stringify({ ...config, mesh }))
  for (const mesh of [
    ...['0.0.0.0', '0', '::', '0:0::0', '::ffff:0.0.0.0'].map((host) => ({ host, port: 1 })),
    { host: '10.0.0.1', port: 0 },
  ]) {
    listenAt(mesh)
    expect(() => contactOfHome(home), mesh.host).toThrow(`got ${mesh.host}:${mesh.port}`)
    const output = join(directory, 'newcomer')
    expect(() => createNewcomer({ from: home, output, mesh: config.mesh, http: config.mesh }), mesh.host).toThrow('others can connect to')
    expect(existsSync(output)).toBe(false)
  }
  for (const host of ['10.0.0.1', 'fd00::2', 'node0.example']) {
    listenAt({ host, port: 27_100 })
    expect(contactOfHome(home)).toMatchObject({ host, port: 27_100 })
  }
})
