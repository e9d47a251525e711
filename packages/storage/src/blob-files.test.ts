import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Refusal } from '@aethel/codec'
import {
  BLOB_CHUNK_BYTES,
  type BlobPart,
  type BlobRef,
  blobChunks,
  blobLeaf,
  blobRefOf,
  blobTreeOf,
  checkBlobPart,
} from '@aethel/consensus'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BlobDamaged, BlobFiles, readBlob } from './blob-files.js'

const BYTES = Uint8Array.from({ length: 3 * BLOB_CHUNK_BYTES + 1234 }, (_, index) => (index * 7 + (index >> 9)) & 255)
const BLOB = blobRefOf(BYTES)
const TREE = blobTreeOf(BYTES)
const ALL = [0, 1, 2, 3]

let folder = ''
let nowMs = 1_000
/** Why no file can be opened for reading. */
let lack: string | null = null
/** At once, by inode. */
let synced: number[] = []
vi.mock(import('node:fs'), async (load) => {
  const fs = await load()
  const openSync: typeof fs.openSync = (path, flags, mode) => {
    if (lack !== null && flags === 'r' && String(path).endsWith('.blob'))
      throw Object.assign(new Error(`${lack}: no more files`), { code: lack })
    return fs.openSync(path, flags, mode)
  }
  const fsyncSync: typeof fs.fsyncSync = (descriptor) => {
    fs.fsyncSync(descriptor)
    synced.push(fs.fstatSync(descriptor).ino)
  }
  return { ...fs, openSync, fsyncSync }
})
const open = (): BlobFiles => new BlobFiles(folder, () => nowMs)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aethel-blobs-'))
  nowMs = 1_000
})
afterEach(() => rmSync(folder, { recursive: true }))

function partOf(index: number): BlobPart {
  return { index, chunk: BYTES.subarray(index * BLOB_CHUNK_BYTES, (index + 1) * BLOB_CHUNK_BYTES), path: TREE.path(index) }
}

function write(files: BlobFiles, indices: readonly number[]): void {
  for (const index of indices) files.write(BLOB, partOf(index), blobLeaf(partOf(index).chunk))
}

function seal(files: BlobFiles, blob: BlobRef = BLOB): Promise<{ missing: readonly number[]; failure: Refusal | null }> {
  return new Promise((resolve) => files.seal(blob, (missing, failure) => resolve({ missing, failure })))
}

async function whole(): Promise<BlobFiles> {
  const files = open()
  files.open(BLOB)
  write(files, ALL)
  expect(await seal(files)).toEqual({ missing: [], failure: null })
  return files
}

function read(files: BlobFiles): Uint8Array {
  const source = readBlob(files.placeOf(BLOB))
  const pieces: Uint8Array[] = []
  for (let piece = source.next(); piece !== undefined; piece = source.next()) pieces.push(piece.slice())
  source.close()
  return Buffer.concat(pieces)
}

it('C2: the name of a folder that is made here is durable before anything is in it', () => {
  const made = join(folder, 'blobs')
  synced = []
  new BlobFiles(made, () => nowMs)
  const inodes = [folder, made].map((path) => statSync(path).ino)
  expect(synced).toEqual(inodes)
  synced = []
  new BlobFiles(made, () => nowMs)
  expect(synced).toEqual(inodes.slice(1))
})

describe('blobs on disk (protocol.md §9)', () => {
  it('chunks come in any order; sealed it is whole, also for the next process, and every part proves itself', async () => {
    const files = open()
    expect(files.open(BLOB)).toEqual(ALL)
    write(files, [3, 1])
    expect(files.open(BLOB)).toEqual([0, 2])
    expect(await seal(files)).toEqual({ missing: [0, 2], failure: null })
    expect([files.isWhole(BLOB), files.unfinishedBytes]).toEqual([false, BLOB.bytes])
    write(files, [0, 2, 2])
    expect(await seal(files)).toEqual({ missing: [], failure: null })
    for (const each of [files, open()]) {
      expect([each.whole, each.unfinishedBytes, each.wholeBytes]).toEqual([[BLOB], 0, BLOB.bytes])
      expect(each.open(BLOB)).toEqual([])
      expect(each.find(BLOB.root)).toEqual(BLOB)
      expect(Buffer.compare(read(each), BYTES)).toBe(0)
      for (const index of ALL) {
        const part = each.part(BLOB, index)
        expect(part !== null && checkBlobPart(BLOB, part).ok).toBe(true)
      }
    }
  })

  it('an unfinished blob goes on in the next process; a chunk counts only if it is there as it was written', () => {
    const files = open()
    files.open(BLOB)
    write(files, [0, 1, 2])
    files.close()
    expect(open().open(BLOB)).toEqual([3])
    const data = join(folder, readdirSync(folder).find((name) => name.endsWith('.part')) ?? '')
    const bytes = readFileSync(data)
    bytes[BLOB_CHUNK_BYTES + 5] = (bytes[BLOB_CHUNK_BYTES + 5] ?? 0) ^ 1
    writeFileSync(data, bytes)
    expect(open().open(BLOB)).toEqual([1, 3])
    bytes.fill(0, 2 * BLOB_CHUNK_BYTES + 10, 3 * BLOB_CHUNK_BYTES)
    writeFileSync(data, bytes)
    expect(open().open(BLOB)).toEqual([1, 2, 3])
    truncateSync(data, BLOB.bytes + 20)
    expect(open().open(BLOB)).toEqual(ALL)
  })

  it('hashes in a file of their own, as earlier versions kept them, are taken over, whole or not', async () => {
    const files = await whole()
    const { file } = files.placeOf(BLOB)
    const bytes = readFileSync(file)
    const split = (end: 'blob' | 'part'): void => {
      for (const name of readdirSync(folder)) rmSync(join(folder, name))
      const path = file.replace(/blob$/, end)
      writeFileSync(path, bytes.subarray(0, BLOB.bytes))
      writeFileSync(file.replace(/blob$/, 'leaves'), bytes.subarray(BLOB.bytes))
    }
    split('blob')
    const taken = open()
    expect(taken.isWhole(BLOB)).toBe(true)
    expect(Buffer.compare(read(taken), BYTES)).toBe(0)
    split('part')
    expect(open().open(BLOB)).toEqual([])
    expect(readdirSync(folder).map((name) => name.slice(name.indexOf('.')))).toEqual(['.part'])
  })

  it('many that become whole at a time are each durable when they say so', async () => {
    const files = open()
    const blobs = Array.from({ length: 20 }, (_, i) => BYTES.slice(i, i + 1000 * (i + 1)))
    for (const bytes of blobs) {
      files.open(blobRefOf(bytes))
      files.write(blobRefOf(bytes), { index: 0, chunk: bytes, path: [] }, blobLeaf(bytes))
    }
    const sealed = await Promise.all(blobs.map((bytes) => seal(files, blobRefOf(bytes))))
    expect(sealed).toEqual(blobs.map(() => ({ missing: [], failure: null })))
    expect(open().whole.length).toBe(20)
  })

  it('D9: everybody who asks for a blob to be made durable is answered, also who asks while it is under way, and when it is dropped meanwhile', async () => {
    const files = open()
    files.open(BLOB)
    write(files, ALL)
    expect(await Promise.all([seal(files), seal(files), seal(files)])).toEqual(ALL.slice(1).map(() => ({ missing: [], failure: null })))
    const bytes = BYTES.slice(0, 1000)
    files.open(blobRefOf(bytes))
    files.write(blobRefOf(bytes), { index: 0, chunk: bytes, path: [] }, blobLeaf(bytes))
    const both = [seal(files, blobRefOf(bytes)), seal(files, blobRefOf(bytes))]
    files.drop(blobRefOf(bytes))
    for (const { failure } of await Promise.all(both)) expect(failure?.code).toMatch(/^(blob-disk|no-upload)$/)
    expect(files.isWhole(blobRefOf(bytes))).toBe(false)
  }, 10_000)

  it('a reader finds damage, wherever it is, before it hands out a byte of it', async () => {
    const files = await whole()
    const { file: data } = files.placeOf(BLOB)
    const good = readFileSync(data)
    for (const at of [0, BLOB_CHUNK_BYTES - 1, 2 * BLOB_CHUNK_BYTES, BYTES.length - 1, BYTES.length + 40]) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 4
      writeFileSync(data, bad)
      expect(() => read(files)).toThrow(BlobDamaged)
    }
    for (const length of [good.length - 1, BYTES.length, BYTES.length - 1]) {
      truncateSync(data, length)
      expect(() => read(files)).toThrow(BlobDamaged)
    }
    expect(files.part(BLOB, 3)).toBe(null)
    writeFileSync(data, good)
    expect(Buffer.compare(read(files), BYTES)).toBe(0)
    rmSync(data)
    expect(() => read(files)).toThrow(BlobDamaged)
  })

  it('C5: what cannot be opened for want of file descriptors is not damaged, and whole when there are some again', async () => {
    const files = await whole()
    for (const code of ['EMFILE', 'ENFILE']) {
      lack = code
      expect(() => readBlob(files.placeOf(BLOB))).toThrow(code)
      expect(() => readBlob(files.placeOf(BLOB))).not.toThrow(BlobDamaged)
      expect(() => open().part(BLOB, 1)).toThrow(code)
      expect(() => files.part(BLOB, 1)).toThrow(code)
      lack = null
      expect(files.part(BLOB, 1)).toEqual(partOf(1))
      expect(() => open().part(BLOB, 1)).not.toThrow()
      expect(Buffer.compare(read(files), BYTES)).toBe(0)
    }
  })

  it('C5: an upload that begins anew while the one before it is made durable, and was dropped, is whole only with all its chunks', async () => {
    const files = open()
    files.open(BLOB)
    write(files, ALL)
    const first = seal(files)
    files.drop(BLOB)
    expect(files.open(BLOB)).toEqual(ALL)
    write(files, [0])
    expect((await first).failure?.code).toBe('no-upload')
    expect(open().whole).toEqual([])
    expect(files.open(BLOB)).toEqual([1, 2, 3])
    write(files, [1, 2, 3])
    expect(await seal(files)).toEqual({ missing: [], failure: null })
    expect(Buffer.compare(read(files), BYTES)).toBe(0)
  })

  it('C5: no part is served that would not prove itself, whichever byte of the chunk or of the hashes is another one', async () => {
    const files = await whole()
    const { file: data } = files.placeOf(BLOB)
    const good = readFileSync(data)
    for (const at of [BLOB_CHUNK_BYTES, 2 * BLOB_CHUNK_BYTES - 1, BYTES.length, BYTES.length + 40, good.length - 1]) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 4
      writeFileSync(data, bad)
      const part = open().part(BLOB, 1)
      expect([at, part === null || checkBlobPart(BLOB, part).ok]).toEqual([at, true])
    }
    expect(open().part(BLOB, 1)).toBe(null)
    writeFileSync(data, good)
    expect(open().part(BLOB, 1)).toEqual(partOf(1))
  })

  it('a damaged one is taken up again with the chunks that are good', async () => {
    const files = await whole()
    const { file: data } = files.placeOf(BLOB)
    const bad = readFileSync(data)
    bad[5] = (bad[5] ?? 0) ^ 1
    writeFileSync(data, bad)
    files.reopen(BLOB)
    expect(files.isWhole(BLOB)).toBe(false)
    expect(files.open(BLOB)).toEqual([0])
    write(files, [0])
    expect(await seal(files)).toEqual({ missing: [], failure: null })
    expect(Buffer.compare(read(files), BYTES)).toBe(0)
  })

  it('dropped it leaves nothing behind; so do old leftovers that nobody opened', async () => {
    const files = await whole()
    files.drop(BLOB)
    expect([readdirSync(folder), files.whole]).toEqual([[], []])
    files.open(BLOB)
    write(files, [0])
    files.close()
    const later = open()
    const part = join(folder, readdirSync(folder).find((name) => name.endsWith('.part')) ?? '')
    utimesSync(part, 1, 1)
    nowMs = 60_000
    expect(later.dropLeftovers(100_000)).toBe(0)
    expect(later.dropLeftovers(10_000)).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })

  it('the same root with another length is another blob', () => {
    const files = open()
    const longer = { root: BLOB.root, bytes: BLOB.bytes + BLOB_CHUNK_BYTES }
    files.open(BLOB)
    write(files, ALL)
    expect(files.open(longer).length).toBe(blobChunks(longer.bytes))
  })
})
