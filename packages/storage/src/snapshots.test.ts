/** A state that is taken over: what is staged lies beside the state in use until one batch puts it in its place. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bitmapOf, epoch, type Hash, height, type Signature, utf8, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  BLOCK_VERSION,
  type Block,
  type Certificate,
  createBlock,
  createValidatorSet,
  evidenceRootOf,
  type Header,
  lastCertificateHashOf,
  type Restored,
  type SnapshotTarget,
  transactionsRootOf,
  type Vote,
} from '@aethel/consensus'
import { sha256 } from '@aethel/crypto'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openStore, type Store, type StoreRecord } from './index.js'

const CHAIN = sha256(utf8('chain'))
const GENESIS = { height: height(0), hash: CHAIN, timestampMs: 1_000 }
const SIGNATURE = new Uint8Array(64).fill(7) as Signature
const KEYS = [1, 2, 3, 4].map((byte) => ({ publicKey: sha256(Uint8Array.of(byte)) as never, power: 1n }))

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'aethel-staged-'))
  path = join(directory, 'store')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function blockAt(at: number, parent: Hash, inEpoch = 0): Block {
  const transactions = [utf8(`tx ${at}`)]
  const header = {
    version: BLOCK_VERSION,
    chainId: CHAIN,
    epoch: epoch(inEpoch),
    height: height(at),
    parent,
    view: view(0),
    proposer: validatorIndex(0),
    timestampMs: 1_000 + at,
    transactionsRoot: transactionsRootOf(transactions),
    evidenceRoot: evidenceRootOf([]),
    lastCertificateHash: lastCertificateHashOf(null),
    stateRoot: ZERO_HASH,
    validatorsHash: ZERO_HASH,
    nextValidatorsHash: ZERO_HASH,
    totalDifficulty: 0n,
  }
  return createBlock(header, { transactions, evidence: [], lastCertificate: null })
}

const CHAIN_OF_BLOCKS: readonly Block[] = Array.from({ length: 12 }).reduce<Block[]>((blocks) => {
  const at = blocks.length + 1
  return [...blocks, blockAt(at, blocks.at(-1)?.hash ?? CHAIN, at > 6 ? 1 : 0)]
}, [])
const block = (at: number): Block => CHAIN_OF_BLOCKS[at - 1] as Block

function certificateOf(of: Block): Certificate {
  const { epoch: inEpoch, height: at } = of.header
  return {
    kind: 'commit',
    epoch: inEpoch,
    view: view(0),
    height: at,
    blockHash: of.hash,
    scheme: 'ed25519',
    signers: bitmapOf(4, [0, 1, 2]),
    signatures: [SIGNATURE, SIGNATURE, SIGNATURE],
  }
}

function commitOf(at: number): StoreRecord {
  const writes = { puts: [[utf8(`old ${at}`), utf8('v')]] as const, deletes: [] }
  return {
    kind: 'commit',
    block: block(at),
    certificate: certificateOf(block(at)),
    writes,
    transactionIds: [sha256(utf8(`tx ${at}`))],
    gas: [at],
  }
}

/** After block 9; epoch 1 began with block 6. */
const TARGET: SnapshotTarget = {
  links: [{ header: block(6).header, certificate: certificateOf(block(6)), nextValidators: KEYS }],
  header: block(9).header,
  descendants: [],
  certificate: certificateOf(block(9)),
}
const HEADERS: readonly Header[] = CHAIN_OF_BLOCKS.slice(0, 8)
  .map(({ header }) => header)
  .reverse()
const next = createValidatorSet(epoch(1), KEYS)
if (!next.ok) throw new Error(next.error.message)
const RESTORED: Restored = {
  target: TARGET,
  headers: HEADERS,
  start: { validators: next.value, previousValidators: null, origin: { height: height(6), hash: block(6).hash } },
}
const BEGIN: StoreRecord = { kind: 'snapshot', record: { kind: 'begin', target: TARGET } }
const HEADERS_RECORD: StoreRecord = { kind: 'snapshot', record: { kind: 'headers', headers: HEADERS } }

function chunk(lane: number, nextAt: Uint8Array | null, ...names: string[]): StoreRecord {
  return { kind: 'snapshot', record: { kind: 'chunk', lane, next: nextAt, puts: names.map((name) => [utf8(name), utf8('new')] as const) } }
}

async function open(): Promise<Store> {
  const store = await openStore(path, { chainId: CHAIN })
  await store.loadDurable(GENESIS)
  return store
}

function append(store: Store, ...records: StoreRecord[]): Promise<void> {
  store.append(records, () => {})
  return store.flushed()
}

const keysIn = async (store: Store): Promise<string[]> => (await store.loadState()).map(([key]) => Buffer.from(key).toString())

/** Two blocks committed, and a state on its way. */
async function staged(): Promise<void> {
  const store = await open()
  await append(store, commitOf(1), commitOf(2))
  await append(store, BEGIN, HEADERS_RECORD, chunk(0, utf8('there'), 'a', 'b'))
  await append(store, chunk(1, null, 'c'))
  await store.close()
}

async function allKeys(): Promise<string[]> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
  const keys = await level.keys().all()
  await level.close()
  return keys.map((key) => Buffer.from(key).toString('latin1'))
}

describe('a state that is being fetched', () => {
  test('survives a restart, part by part, and leaves the state in use as it is', async () => {
    await staged()
    const store = await open()
    const found = await store.loadStaged()
    expect(found?.target).toEqual(TARGET)
    expect(found?.lanes).toEqual([
      { lane: 0, next: utf8('there') },
      { lane: 1, next: null },
    ])
    expect(found?.puts.map(([key]) => Buffer.from(key).toString()).sort()).toEqual(['a', 'b', 'c'])
    expect(found?.headers).toEqual(HEADERS)
    expect(await keysIn(store)).toEqual(['old 1', 'old 2'])
    expect(store.tip?.height).toBe(2)
    await store.close()
  })

  test('goes on beside blocks that are committed meanwhile', async () => {
    await staged()
    const store = await open()
    await store.loadStaged()
    await append(store, commitOf(3), chunk(0, null, 'd'))
    await store.close()
    const again = await open()
    expect((await again.loadStaged())?.puts).toHaveLength(4)
    expect(await keysIn(again)).toEqual(['old 1', 'old 2', 'old 3'])
    await again.close()
  })

  test('is let go with everything of it, or for another one', async () => {
    await staged()
    const store = await open()
    await store.loadStaged()
    await append(store, { kind: 'snapshot', record: { kind: 'forget' } })
    await store.close()
    expect((await allKeys()).filter((key) => key[0] === '\x24' || key[0] === '\x41')).toEqual([])

    const other = await open()
    await append(other, BEGIN, chunk(0, null, 'x'), BEGIN, chunk(1, null, 'y'))
    await other.close()
    const again = await open()
    expect((await again.loadStaged())?.puts.map(([key]) => Buffer.from(key).toString())).toEqual(['y'])
    await again.close()
  })

  test('C3: a failed write poisons the store also when it is the clearing of an old state', async () => {
    const failures: string[] = []
    const store = await openStore(path, { chainId: CHAIN, onFailure: ({ code }) => failures.push(code) })
    await store.loadDurable(GENESIS)
    const clear = vi.spyOn(ClassicLevel.prototype, 'clear').mockRejectedValue(new Error('IO error: No space left on device'))
    await append(store, BEGIN, chunk(0, null, 'x'), BEGIN)
    await vi.waitFor(() => expect(failures).toEqual(['store-full']))
    clear.mockRestore()
    let isAnnounced = false
    store.append([commitOf(1)], () => {
      isAnnounced = true
    })
    await expect(store.flushed()).rejects.toMatchObject({ code: 'store-full' })
    await store.close()
    expect(isAnnounced).toBe(false)
  })

  test('C3: a failed write poisons the store also when it is the clearing of what a crash has left', async () => {
    const failures: string[] = []
    const store = await openStore(path, { chainId: CHAIN, onFailure: ({ code }) => failures.push(code) })
    await store.loadDurable(GENESIS)
    const clear = vi.spyOn(ClassicLevel.prototype, 'clear').mockRejectedValue(new Error('IO error: No space left on device'))
    await expect(store.loadStaged()).rejects.toMatchObject({ name: 'StoreError', code: 'store-full' })
    clear.mockRestore()
    expect(failures).toEqual(['store-full'])
    let isAnnounced = false
    store.append([commitOf(1)], () => {
      isAnnounced = true
    })
    await expect(store.flushed()).rejects.toMatchObject({ code: 'store-full' })
    await store.close()
    expect(isAnnounced).toBe(false)
  })

  test('C5: of which a record is not as it was written is dropped whole; the state in use is not concerned', async () => {
    await staged()
    const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
    for await (const [key, value] of level.iterator())
      if (key[0] === 0x41)
        await level.put(
          key,
          value.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
        )
    await level.close()
    const store = await open()
    expect(await store.loadStaged()).toBeNull()
    expect(await keysIn(store)).toEqual(['old 1', 'old 2'])
    await store.close()
    expect((await allKeys()).filter((key) => key[0] === '\x24' || key[0] === '\x41')).toEqual([])
  })
})

describe('taking the place of the state in use', () => {
  async function restored(): Promise<void> {
    await staged()
    const store = await open()
    await store.loadStaged()
    const vote = (at: number): Vote => ({
      kind: 'prepare',
      epoch: epoch(0),
      view: view(0),
      height: height(at),
      blockHash: block(at).hash,
      sender: validatorIndex(0),
      signature: SIGNATURE,
    })
    await append(store, { kind: 'vote', vote: vote(3) }, { kind: 'block', block: block(3) })
    await append(store, { kind: 'vote', vote: vote(11) })
    await append(store, chunk(0, null, 'd'), { kind: 'restored', restored: RESTORED })
    await store.close()
  }

  test('is one batch: the tip, the state, the headers, the epoch and what is missing are all there, and the old state is gone', async () => {
    await restored()
    const store = await open()
    expect(await store.loadStaged()).toBeNull()
    expect(await keysIn(store)).toEqual(['a', 'b', 'c', 'd'])
    expect(store.tip).toEqual({ height: 9, hash: block(9).hash, timestampMs: 1_009 })
    expect(store.gaps).toEqual([{ from: 3, to: 9 }])
    expect(store.recentHeaders.map((header) => header.height)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(store.epoch(epoch(1))).toMatchObject({ origin: { height: 6, hash: block(6).hash } })
    await store.close()
    expect((await allKeys()).filter((key) => key[0] === '\x40')).toEqual([])
  })

  test('C1: votes above it are remembered, those below are over, and so is the uncommitted block', async () => {
    await restored()
    const store = await openStore(path, { chainId: CHAIN })
    const durable = await store.loadDurable(GENESIS)
    expect(durable.votes.map((vote) => vote.height)).toEqual([11])
    expect(durable.blocks).toEqual([])
    expect(durable.committed.height).toBe(9)
    expect(durable.lastCommit).toEqual(TARGET.certificate)
    expect(durable.recent.map((entry) => entry.height)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await store.close()
  })

  test('blocks before and after it are there; of those between only what proves the epochs', async () => {
    await restored()
    const store = await open()
    await append(store, commitOf(10))
    expect(store.committedBlock(height(2))?.hash).toEqual(block(2).hash)
    expect(store.committedBlock(height(5))).toBeUndefined()
    expect(store.committedBlock(height(10))?.hash).toEqual(block(10).hash)
    expect(store.header(height(6))).toEqual(block(6).header)
    expect(store.certificateFrom(height(6))?.height).toBe(6)
    expect(store.certificateFrom(height(5))).toBeUndefined()
    expect(store.certificateFrom(height(9))?.height).toBe(9)
    expect(store.gasOf(height(10))).toEqual([10])
    expect(await keysIn(store)).toContain('old 10')
    await store.close()
  })

  test('another one can be taken over later, and the gaps add up', async () => {
    await restored()
    const store = await open()
    await store.loadStaged()
    await append(store, commitOf(10))
    const target: SnapshotTarget = { links: [], header: block(12).header, descendants: [], certificate: certificateOf(block(12)) }
    const headers = CHAIN_OF_BLOCKS.slice(0, 11)
      .map(({ header }) => header)
      .reverse()
    await append(store, { kind: 'snapshot', record: { kind: 'begin', target } }, chunk(0, null, 'z'))
    await append(store, { kind: 'restored', restored: { ...RESTORED, target, headers } })
    await store.close()
    const again = await open()
    expect(await again.loadStaged()).toBeNull()
    expect(await keysIn(again)).toEqual(['z'])
    expect(again.gaps).toEqual([
      { from: 3, to: 9 },
      { from: 11, to: 12 },
    ])
    await again.close()
    expect((await allKeys()).filter((key) => key[0] === '\x41' && key[4] !== '\x02')).toEqual([])
  })

  test('is refused for another state than the staged one, and for one that is not above the tip: our own bug', async () => {
    await staged()
    const store = await open()
    await store.loadStaged()
    const other = { ...RESTORED, target: { ...TARGET, header: block(8).header } }
    expect(() => store.append([{ kind: 'restored', restored: other }], () => {})).toThrow('another state is staged')
    await store.close()
  })
})
