/** Homes of a network of BLS certificates: both keys of a validator come from its one seed, and are those that genesis names. */
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlsSignature, equalBytes, toHex, utf8 } from '@aethel/codec'
import { blsPossessionBytes } from '@aethel/consensus'
import { blsKey, sha256, signingKey, verifyBls } from '@aethel/crypto'
import { chainIdOf, decodeGenesis, encodeGenesis } from '@aethel/ledger'
import { createNewcomer, createTestnet, newBlsKey, startNode, type TestnetSummary } from '@aethel/node'
import { decodeTrust, encodeTrust } from '@aethel/receipts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { consensusKey } from './consensus-key.js'
import { HOME_FILES, openHome } from './home.js'
import { consensusKeyOfHome } from './newcomer.js'

const directory = mkdtempSync(join(tmpdir(), 'aethel-bls-'))
const SEED = sha256(utf8('bls homes'))
let network: TestnetSummary

function must<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

function made(name: string, change: Partial<Parameters<typeof createTestnet>[0]> = {}): Promise<TestnetSummary> {
  const output = join(directory, name)
  const fixed = { validators: 3, basePort: 23_000, seed: SEED, genesisTimeMs: 1_700_000_000_000, parameters: { epochLength: 2 } }
  return createTestnet({ ...fixed, output, certificates: 'bls12-381', ...change })
}

beforeAll(async () => {
  network = await made('net')
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('a consensus key', () => {
  const seed = new Uint8Array(32).fill(9)

  test('is an Ed25519 key and a BLS key of one seed, or the first alone', () => {
    const both = consensusKey(seed, 'bls12-381')
    const alone = consensusKey(seed, 'ed25519')
    expect(both.publicKey).toEqual(signingKey(seed).publicKey)
    expect(both.bls?.publicKey).toEqual(blsKey(seed).publicKey)
    expect(alone.publicKey).toEqual(both.publicKey)
    expect([alone.bls, alone.shares, newBlsKey(alone)]).toEqual([null, undefined, null])
  })

  test('F2: tells of its BLS key with a possession that is of this validator and of no other', () => {
    const own = consensusKey(seed, 'bls12-381')
    const told = newBlsKey(own)
    if (told === null) throw new Error('a key of a chain of BLS certificates')
    expect(verifyBls([told.key], blsPossessionBytes(own.publicKey, told.key), told.possession)).toBe(true)
    const other = signingKey(new Uint8Array(32).fill(10)).publicKey
    expect(verifyBls([told.key], blsPossessionBytes(other, told.key), told.possession)).toBe(false)
  })

  test('makes shares that its BLS key verifies, and that add up with those of others', () => {
    const keys = [1, 2, 3].map((byte) => consensusKey(new Uint8Array(32).fill(byte), 'bls12-381'))
    const message = utf8('a ballot')
    const shares = keys.map((key) => key.shares?.sign(message) as BlsSignature)
    const scheme = keys[0]?.shares
    const sum = scheme?.aggregate(shares)
    const publicKeys = keys.flatMap((key) => key.bls?.publicKey ?? [])
    if (scheme === undefined || sum === null || sum === undefined) throw new Error('shares add up')
    expect(scheme.verify(publicKeys, message, sum)).toBe(true)
    expect(scheme.verify(publicKeys.slice(1), message, sum)).toBe(false)
    expect(scheme.verify(publicKeys, utf8('another'), sum)).toBe(false)
  })
})

describe('a network of BLS certificates', () => {
  test('homes open, and their keys are those that genesis and the trust root name', () => {
    const trust = must(decodeTrust(new Uint8Array(readFileSync(network.trustFile))))
    expect(trust.validators.scheme).toBe('bls12-381')
    for (const [index, path] of network.homes.entries()) {
      const home = openHome(path)
      expect(home.self).toBe(index)
      expect(home.validators.scheme).toBe('bls12-381')
      const [key] = home.consensusKeys
      for (const set of [home.validators, trust.validators]) {
        expect(toHex(set.validators[index]?.publicKey ?? new Uint8Array())).toBe(toHex(key?.publicKey ?? new Uint8Array()))
        expect(toHex(set.validators[index]?.blsKey ?? new Uint8Array())).toBe(toHex(key?.bls?.publicKey ?? new Uint8Array()))
      }
      expect(statSync(join(path, 'consensus.key')).mode & 0o777).toBe(0o600)
    }
    expect(encodeTrust(trust)).not.toContain('ossession')
    expect(openHome(network.homes[0] as string).genesis.validators.every(({ blsPossession }) => blsPossession !== undefined)).toBe(true)
  })

  test('the same seed gives the same files, and without BLS the same Ed25519 keys on another chain', async () => {
    const again = await made('again')
    expect(again.chainId).toBe(network.chainId)
    for (const name of [HOME_FILES.genesis, 'consensus.key', 'network.key'])
      expect(readFileSync(join(again.homes[2] as string, name))).toEqual(readFileSync(join(network.homes[2] as string, name)))
    expect(readFileSync(again.trustFile)).toEqual(readFileSync(network.trustFile))
    const without = await made('without', { certificates: 'ed25519' })
    expect(without.chainId).not.toBe(network.chainId)
    const [a, b] = [without, network].map((each) => openHome(each.homes[1] as string))
    expect(a?.consensusKeys[0]?.publicKey).toEqual(b?.consensusKeys[0]?.publicKey)
    expect(a?.consensusKeys[0]?.bls).toBe(null)
    const other = await made('other', { seed: sha256(utf8('other')) })
    expect(other.chainId).not.toBe(network.chainId)
  })

  test('a home whose genesis has another BLS key for its validator does not open: its shares would never count', async () => {
    const spoiled = await made('spoiled')
    const path = spoiled.homes[1] as string
    const { genesis } = openHome(path)
    const other = blsKey(new Uint8Array(32).fill(77))
    const validators = genesis.validators.map((each, index) => {
      const blsPossession = other.sign(blsPossessionBytes(each.publicKey, other.publicKey))
      return index === 1 ? { ...each, blsKey: other.publicKey, blsPossession } : each
    })
    writeFileSync(join(path, HOME_FILES.genesis), encodeGenesis({ ...genesis, validators }))
    expect(() => openHome(path)).toThrow(expect.objectContaining({ code: 'bls-key' }))
  })

  test('a newcomer and a key to change to have BLS keys of their own', () => {
    const output = join(directory, 'newcomer')
    const endpoint = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port })
    createNewcomer({ from: network.homes[0] as string, output, mesh: endpoint(23_100), http: endpoint(23_101) })
    const newcomer = consensusKeyOfHome(output, 'only')
    const rotated = consensusKeyOfHome(network.homes[1] as string, 'next')
    const known = openHome(network.homes[0] as string).validators.validators.flatMap(({ blsKey: each }) => each ?? [])
    for (const key of [newcomer, rotated]) {
      const told = newBlsKey(key)
      expect(told === null ? null : verifyBls([told.key], blsPossessionBytes(key.publicKey, told.key), told.possession)).toBe(true)
      expect(known.some((each) => equalBytes(each, told?.key ?? new Uint8Array()))).toBe(false)
    }
    expect(openHome(network.homes[1] as string).consensusKeys).toHaveLength(2)
    // Which of the two would join? One of them is to go.
    expect(() => consensusKeyOfHome(network.homes[1] as string, 'only')).toThrow(expect.objectContaining({ code: 'two-keys' }))
  })

  test('one validator alone starts, is listed with its BLS key, and serves a genesis that holds the possession', async () => {
    const alone = await made('alone', { validators: 1, basePort: 0 })
    const path = join(directory, 'moved')
    cpSync(alone.homes[0] as string, path, { recursive: true })
    const node = await startNode({ home: path, logLevel: 'silent' })
    try {
      const url = alone.urls[0] as string
      const listing = (await (await fetch(`${url}/v1/validators`)).json()) as {
        current: { blsKey: string }[]
        next: { validators: { blsKey: string }[] }
      }
      const own = openHome(path).consensusKeys[0]?.bls?.publicKey ?? new Uint8Array()
      expect(listing.current.map(({ blsKey: each }) => each)).toEqual([toHex(own)])
      expect(listing.next.validators.map(({ blsKey: each }) => each)).toEqual([toHex(own)])
      const served = must(decodeGenesis(new Uint8Array(await (await fetch(`${url}/v1/genesis`)).arrayBuffer())))
      expect(served).toEqual(openHome(path).genesis)
      expect(toHex(chainIdOf(served))).toBe(alone.chainId)
      expect(served.validators[0]?.blsPossession).toHaveLength(96)
    } finally {
      await node.close()
    }
  })
})
