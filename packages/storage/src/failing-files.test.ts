/**
 * What the system refuses is not damage, and not our own bug either: a limit of open files, a file that another process takes away. Each
 * is planted here, with the words that the system and LevelDB were heard to say.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { height, type Refusal, utf8 } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, type BlobPart, blobLeaf, blobRefOf, blobTreeOf } from '@aethel/consensus'
import { sha256 } from '@aethel/crypto'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BlobDamaged, BlobFiles, openStore, readBlob, type Store, StoreError } from './index.js'

/** Called before a file is opened, or read whole. */
const files = vi.hoisted(() => ({ before: (_call: 'open' | 'read', _path: string): void => {} }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    openSync: (...words: Parameters<typeof fs.openSync>) => {
      files.before('open', String(words[0]))
      return fs.openSync(...words)
    },
    readFileSync: (...words: Parameters<typeof fs.readFileSync>) => {
      files.before('read', String(words[0]))
      return fs.readFileSync(...words)
    },
  }
})

const CHAIN = sha256(utf8('chain'))
const GENESIS = { height: height(0), hash: CHAIN, timestampMs: 1_000 }
const FULL = 'IO error: 000013.ldb: Too many open files'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'aethel-refused-'))
  path = join(directory, 'store')
})
afterEach(() => {
  files.before = () => {}
  vi.restoreAllMocks()
  rmSync(directory, { recursive: true, force: true })
})

async function open(): Promise<Store> {
  const store = await openStore(path, { chainId: CHAIN })
  await store.loadDurable(GENESIS)
  return store
}

function refusingReads(message: string): void {
  const refused = (): never => {
    throw Object.assign(new Error(message), { code: 'LEVEL_IO_ERROR' })
  }
  vi.spyOn(ClassicLevel.prototype, 'getSync').mockImplementation(refused)
  vi.spyOn(ClassicLevel.prototype, 'iterator').mockImplementation(refused)
}

describe('a read that the system refuses', () => {
  test('is not called damage, whichever record it is for: nobody is sent to a backup because of a limit of open files', async () => {
    const store = await open()
    refusingReads(FULL)
    const refused = { code: 'store-unreadable', message: expect.stringContaining('Too many open files') }
    expect(() => store.committedBlock(height(1))).toThrow(expect.objectContaining(refused))
    await expect(store.verdicts()).rejects.toMatchObject(refused)
    await expect(store.loadState()).rejects.toMatchObject(refused)
    await expect(store.searchIndex({ gte: utf8('a'), lt: utf8('b'), limit: 1 })).rejects.toMatchObject(refused)
    vi.restoreAllMocks()
    await store.close()
  })

  test('leaves a state that is being fetched as it is: only damage lets it go', async () => {
    const store = await open()
    const clear = vi.spyOn(ClassicLevel.prototype, 'clear')
    refusingReads(FULL)
    await expect(store.loadStaged()).rejects.toMatchObject({ code: 'store-unreadable' })
    expect(clear).not.toHaveBeenCalled()
    vi.restoreAllMocks()
    await store.close()
  })

  test('is damage where LevelDB looks for bytes that a file does not have, or for a file that is gone', async () => {
    const store = await open()
    for (const words of ['Invalid argument', 'No such file or directory']) {
      refusingReads(`IO error: 000013.ldb: ${words}`)
      expect(() => store.committedBlock(height(1)), words).toThrow(expect.objectContaining({ code: 'store-damaged' }))
      vi.restoreAllMocks()
    }
    await store.close()
  })
})

describe('opening', () => {
  test('that fails at its last step lets the store go', async () => {
    await (await open()).close()
    files.before = (call, name) => {
      if (call === 'open' && name.endsWith('.log')) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    }
    await expect(openStore(path, { chainId: CHAIN })).rejects.toMatchObject({ name: 'StoreError', code: 'store-unreadable' })
    files.before = () => {}
    await (await open()).close()
  })

  test('says that another process uses the store when its files come and go meanwhile', async () => {
    await (await open()).close()
    await (await open()).close()
    const log = readdirSync(path).find((name) => name.endsWith('.log')) as string
    files.before = (call, name) => {
      if (call === 'read' && name.endsWith('.log')) rmSync(join(path, log), { force: true })
    }
    const error = await openStore(path, { chainId: CHAIN }).catch((refused: unknown) => refused)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code: 'store-locked', message: expect.stringContaining('in use by another process') })
  })
})

describe('a blob whose file the system does not open, because descriptors have run out', () => {
  const content = new Uint8Array(BLOB_CHUNK_BYTES + 5).map((_, index) => (index * 7) & 255)
  const blob = blobRefOf(content)
  const tree = blobTreeOf(content)
  const partOf = (index: number): BlobPart => ({
    index,
    chunk: content.subarray(index * BLOB_CHUNK_BYTES, (index + 1) * BLOB_CHUNK_BYTES),
    path: tree.path(index),
  })
  const begun = (): BlobFiles => {
    const blobs = new BlobFiles(path, () => 0)
    blobs.open(blob)
    for (const index of [0, 1]) blobs.write(blob, partOf(index), blobLeaf(partOf(index).chunk))
    return blobs
  }
  const seal = (blobs: BlobFiles): Promise<Refusal | null> => new Promise((resolve) => blobs.seal(blob, (_, failure) => resolve(failure)))
  const exhausted = (isMeant: (name: string) => boolean): void => {
    files.before = (call, name) => {
      if (call === 'open' && isMeant(name)) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    }
  }

  test('is not called damaged: neither to whoever is served, nor to whoever checks a proof', async () => {
    const blobs = begun()
    expect(await seal(blobs)).toBeNull()
    const refused = expect.objectContaining({ code: 'EMFILE' })
    exhausted((name) => name.endsWith('.blob'))
    expect(() => blobs.part(blob, 1)).toThrow(refused)
    expect(() => readBlob(blobs.placeOf(blob))).toThrow(refused)
    files.before = () => {}
    expect(blobs.part(blob, 1)?.chunk).toEqual(partOf(1).chunk)
    exhausted((name) => name.endsWith('.blob'))
    expect(() => blobs.part(blob, 0)).toThrow(refused)
    files.before = () => {}
    rmSync(blobs.placeOf(blob).file)
    expect(blobs.part(blob, 0)).toBeNull()
    expect(() => readBlob(blobs.placeOf(blob))).toThrow(BlobDamaged)
  })

  test('can be made durable later, wherever it failed', async () => {
    const blobs = begun()
    exhausted((name) => name.endsWith('.part'))
    expect(await seal(blobs)).toMatchObject({ code: 'blob-disk' })
    exhausted((name) => name === path)
    expect(await seal(blobs)).toMatchObject({ code: 'blob-disk' })
    expect(blobs.isWhole(blob)).toBe(false)
    files.before = () => {}
    expect(await seal(blobs)).toBeNull()
    expect(blobs.isWhole(blob)).toBe(true)
    expect(new BlobFiles(path, () => 0).whole).toEqual([blob])
  })
})
