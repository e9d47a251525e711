/**
 * Blobs on disk (protocol.md §9): one file each in a folder of their own. It holds the chunks at their places, and behind the last the
 * hash of each chunk that was checked before it was written, zeros where none was. Nothing relies on the order in which a disk writes:
 * an unfinished blob is read again when it is opened, and only chunks whose hash is right count. When all are there the file is
 * synced and renamed, the folder is synced, and from then on the blob is whole, also after a power loss. A proof checker reads chunk by
 * chunk and compares hashes as it goes, so damage is found, never believed.
 */
import {
  closeSync,
  constants,
  existsSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { equalBytes, fromHex, HASH_BYTES, type Hash, hash, type Refusal, toHex } from '@aethel/codec'
import {
  BLOB_CHUNK_BYTES,
  type BlobPart,
  type BlobRef,
  BlobTree,
  blobChunkLength,
  blobChunks,
  blobKey,
  blobLeaf,
  checkBlobPart,
} from '@aethel/consensus'
import { isExhausted } from './errors.js'

/** Trees of blobs that are being served: 128 KiB of hashes for the largest. */
const MAX_TREES = 8
const EMPTY_LEAF: Hash = hash(new Uint8Array(HASH_BYTES))

/** What a reader in another thread needs. */
export interface BlobPlace extends BlobRef {
  readonly file: string
}

export interface UnfinishedBlob extends BlobRef {
  readonly missing: number
  readonly touchedAtMs: number
}

interface Open {
  readonly blob: BlobRef
  readonly leaves: Hash[]
  missing: number
  touchedAtMs: number
  /** Who waits for it to be durable; null: that is not under way. */
  sealing: Sealed[] | null
}

/** What is missing; nothing and no failure: it is whole. */
type Sealed = (missing: readonly number[], failure: Refusal | null) => void

export class BlobFiles {
  readonly #folder: string
  readonly #nowMs: () => number
  readonly #open = new Map<string, Open>()
  /** Whole, with the time since when nothing has been said about them. */
  readonly #whole = new Map<string, BlobRef>()
  readonly #trees = new Map<string, BlobTree>()
  /** Of the folder: the one under way or the last, and the one that comes after it, if somebody waits for it. */
  #lastSync: Promise<void> = Promise.resolve()
  #nextSync: Promise<void> | null = null

  constructor(folder: string, nowMs: () => number) {
    this.#folder = folder
    this.#nowMs = nowMs
    if (mkdirSync(folder, { recursive: true }) !== undefined) syncedNow(dirname(folder)) // or the folder goes, with what is whole in it
    joinLeaves(folder)
    syncedNow(folder) // a process may have ended between giving a blob its name and making that durable
    for (const name of readdirSync(folder).toSorted()) {
      const blob = blobOfName(name)
      if (blob !== null && name.endsWith('.blob')) this.#whole.set(blobKey(blob), blob)
    }
  }

  /** Whole and durable. */
  get whole(): readonly BlobRef[] {
    return [...this.#whole.values()]
  }

  isWhole(blob: BlobRef): boolean {
    return this.#whole.has(blobKey(blob))
  }

  /** Whole, by its root alone; undefined: there is none. */
  find(root: Hash): BlobRef | undefined {
    for (const blob of this.#whole.values()) if (equalBytes(blob.root, root)) return blob
    return undefined
  }

  get unfinished(): readonly UnfinishedBlob[] {
    return [...this.#open.values()].map(({ blob, missing, touchedAtMs }) => ({ ...blob, missing, touchedAtMs }))
  }

  /** Of blobs begun and not whole, as large as they will be. */
  get unfinishedBytes(): number {
    let bytes = 0
    for (const { blob } of this.#open.values()) bytes += blob.bytes
    return bytes
  }

  get wholeBytes(): number {
    let bytes = 0
    for (const blob of this.#whole.values()) bytes += blob.bytes
    return bytes
  }

  #path({ root, bytes }: BlobRef, end: 'blob' | 'part'): string {
    return join(this.#folder, `${toHex(root)}-${bytes}.${end}`)
  }

  placeOf(blob: BlobRef): BlobPlace {
    return { ...blob, file: this.#path(blob, 'blob') }
  }

  isBegun(blob: BlobRef): boolean {
    return this.#open.has(blobKey(blob)) || existsSync(this.#path(blob, 'part'))
  }

  /** Begins it, or goes on with it; answers which chunks are missing. Reads what an earlier process left. */
  open(blob: BlobRef): number[] {
    const key = blobKey(blob)
    if (this.#whole.has(key)) return []
    const known = this.#open.get(key)
    if (known !== undefined) {
      known.touchedAtMs = this.#nowMs()
      return missingOf(known)
    }
    const leaves = recovered(blob, this.#path(blob, 'part'))
    const missing = leaves.filter((leaf) => leaf === EMPTY_LEAF).length
    const open: Open = { blob, leaves, missing, touchedAtMs: this.#nowMs(), sealing: null }
    this.#open.set(key, open)
    return missingOf(open)
  }

  /** A chunk that was checked, with its leaf. */
  write(blob: BlobRef, part: BlobPart, leaf: Hash): void {
    const open = this.#open.get(blobKey(blob))
    if (open === undefined || open.leaves[part.index] !== EMPTY_LEAF) return // whole already, dropped meanwhile, or written twice
    writeInto(this.#path(blob, 'part'), [
      [part.chunk, part.index * BLOB_CHUNK_BYTES],
      [leaf, blob.bytes + part.index * HASH_BYTES],
    ])
    open.leaves[part.index] = leaf
    open.missing--
    open.touchedAtMs = this.#nowMs()
  }

  /** Makes it durable if no chunk is missing; answers each who asks what is missing, nothing when it is whole. */
  seal(blob: BlobRef, done: Sealed): void {
    const key = blobKey(blob)
    if (this.#whole.has(key)) return done([], null)
    const open = this.#open.get(key)
    if (open === undefined) return done(this.open(blob), null)
    if (open.missing > 0) return done(missingOf(open), null)
    if (open.sealing !== null) {
      open.sealing.push(done)
      return
    }
    const tree = new BlobTree(blob.bytes, open.leaves)
    if (!equalBytes(tree.root, blob.root)) {
      this.drop(blob) // only a bug of ours, or a damaged disk, leads here: every chunk was checked
      return done(this.open(blob), null)
    }
    const waiting = [done]
    open.sealing = waiting
    const answer = (failure: Refusal | null): void => {
      open.sealing = null
      for (const each of waiting) each([], failure)
    }
    const isForgotten = (): boolean => this.#open.get(key) !== open
    void this.#makeDurable(blob, isForgotten).then(
      () => {
        if (isForgotten())
          return answer({ code: 'no-upload', message: `the blob ${toHex(blob.root)} was forgotten before it was durable; begin it again` })
        this.#open.delete(key)
        this.#whole.set(key, blob)
        answer(null)
      },
      (error: unknown) => {
        const message = `the blob ${toHex(blob.root)} cannot be made durable: ${error instanceof Error ? error.message : String(error)}`
        answer({ code: 'blob-disk', message })
      },
    )
  }

  async #makeDurable(blob: BlobRef, isForgotten: () => boolean): Promise<void> {
    const [part, whole] = [this.#path(blob, 'part'), this.#path(blob, 'blob')]
    if (existsSync(part) || !existsSync(whole)) {
      await synced(part)
      if (isForgotten()) return // what has its name by now may be another upload of it, with holes
      renameSync(part, whole)
    } // else it was renamed by an attempt that failed at the folder
    await this.#folderSynced()
  }

  /** Of what was renamed before: several that become whole at a time wait for the same sync, one that begins after the last of them. */
  #folderSynced(): Promise<void> {
    this.#nextSync ??= this.#lastSync.then(() => {
      this.#nextSync = null
      const sync = synced(this.#folder)
      this.#lastSync = sync.catch(() => undefined)
      return sync
    })
    return this.#nextSync
  }

  /** A chunk of a whole blob, with what proves it; null: what is on the disk is not what was written. Throws if `isExhausted`. */
  part(blob: BlobRef, index: number): BlobPart | null {
    const tree = this.#treeOf(blob)
    if (tree === null) return null
    const chunk = this.#chunk(blob, index)
    if (chunk === null) return null
    const part = { index, chunk, path: tree.path(index) }
    return checkBlobPart(blob, part).ok ? part : null // a peer would take us for a liar
  }

  #chunk(blob: BlobRef, index: number): Uint8Array | null {
    let file: number | null = null
    try {
      file = openSync(this.#path(blob, 'blob'), 'r')
      const chunk = new Uint8Array(blobChunkLength(blob.bytes, index))
      return readSync(file, chunk, 0, chunk.length, index * BLOB_CHUNK_BYTES) === chunk.length ? chunk : null
    } catch (error) {
      return nullUnlessExhausted(error)
    } finally {
      if (file !== null) closeSync(file)
    }
  }

  #treeOf(blob: BlobRef): BlobTree | null {
    const key = blobKey(blob)
    const known = this.#trees.get(key)
    if (known !== undefined) return known
    const leaves = this.isWhole(blob) ? leavesIn(this.#path(blob, 'blob'), blob) : null
    if (leaves === null) return null
    if (this.#trees.size >= MAX_TREES) {
      const oldest = this.#trees.keys().next()
      if (oldest.done !== true) this.#trees.delete(oldest.value)
    }
    const tree = new BlobTree(blob.bytes, leaves)
    this.#trees.set(key, tree)
    return tree
  }

  /** It is not what was written any more: back to unfinished, with the chunks that still are. */
  reopen(blob: BlobRef): void {
    if (!this.#whole.delete(blobKey(blob))) return
    this.#trees.delete(blobKey(blob))
    if (existsSync(this.#path(blob, 'blob'))) renameSync(this.#path(blob, 'blob'), this.#path(blob, 'part'))
  }

  drop(blob: BlobRef): void {
    const key = blobKey(blob)
    this.#open.delete(key)
    this.#whole.delete(key)
    this.#trees.delete(key)
    for (const end of ['blob', 'part'] as const) if (existsSync(this.#path(blob, end))) unlinkSync(this.#path(blob, end))
  }

  /** Begun by an earlier process and not opened by this one: forgotten when older than so much. */
  dropLeftovers(olderThanMs: number): number {
    let dropped = 0
    for (const name of readdirSync(this.#folder)) {
      const blob = blobOfName(name)
      if (blob === null || !name.endsWith('.part') || this.#open.has(blobKey(blob))) continue
      if (this.#nowMs() - statSync(join(this.#folder, name)).mtimeMs < olderThanMs) continue
      this.drop(blob)
      dropped++
    }
    return dropped
  }

  close(): void {
    this.#open.clear()
  }
}

function blobOfName(name: string): BlobRef | null {
  const found = /^([0-9a-f]{64})-(\d{1,12})\.(?:blob|part)$/.exec(name)
  const root = found === null ? undefined : fromHex(found[1] ?? '')
  return found === null || root?.ok !== true ? null : { root: hash(root.value), bytes: Number(found[2]) }
}

function missingOf({ leaves }: Open): number[] {
  return leaves.flatMap((leaf, index) => (leaf === EMPTY_LEAF ? [index] : []))
}

/** Leaves of the chunks that are on the disk as they were written. */
function recovered(blob: BlobRef, path: string): Hash[] {
  const count = blobChunks(blob.bytes)
  if (!existsSync(path)) return new Array<Hash>(count).fill(EMPTY_LEAF)
  const chunk = new Uint8Array(BLOB_CHUNK_BYTES)
  const file = openSync(path, 'r')
  try {
    const written = new Uint8Array(count * HASH_BYTES)
    readSync(file, written, 0, written.length, blob.bytes)
    return leavesOf(written).map((leaf, index) => {
      if (equalBytes(leaf, EMPTY_LEAF)) return EMPTY_LEAF
      const length = blobChunkLength(blob.bytes, index)
      const read = readSync(file, chunk, 0, length, index * BLOB_CHUNK_BYTES)
      return read === length && equalBytes(blobLeaf(chunk.subarray(0, length)), leaf) ? leaf : EMPTY_LEAF
    })
  } finally {
    closeSync(file)
  }
}

/** At their places in a file that is made when it is missing; files are not kept open, for peers can make us begin many. */
function writeInto(path: string, pieces: readonly (readonly [bytes: Uint8Array, at: number])[]): void {
  const file = openSync(path, constants.O_CREAT | constants.O_WRONLY, 0o644)
  try {
    for (const [bytes, at] of pieces)
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done)
  } finally {
    closeSync(file)
  }
}

function leavesOf(written: Uint8Array): Hash[] {
  return Array.from({ length: written.length / HASH_BYTES }, (_, index) =>
    hash(written.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES)),
  )
}

/** Null: the file is not here, or not as long as it was. */
function leavesIn(path: string, blob: BlobRef): Hash[] | null {
  const written = new Uint8Array(blobChunks(blob.bytes) * HASH_BYTES)
  let file: number | null = null
  try {
    file = openSync(path, 'r')
    return readSync(file, written, 0, written.length, blob.bytes) === written.length ? leavesOf(written) : null
  } catch (error) {
    return nullUnlessExhausted(error)
  } finally {
    if (file !== null) closeSync(file)
  }
}

/** Nothing can be read of what is gone, or lies on a broken disk. */
function nullUnlessExhausted(error: unknown): null {
  if (isExhausted(error)) throw error
  return null
}

/** Earlier versions kept the hashes in a file beside the chunks. Ended in between, it is done again: nothing is removed before its copy is durable. */
function joinLeaves(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.leaves')) continue
    const leaves = join(folder, name)
    for (const end of ['blob', 'part']) {
      const path = leaves.replace(/leaves$/, end)
      const blob = blobOfName(`${name.slice(0, -'leaves'.length)}${end}`)
      if (blob === null || !existsSync(path)) continue
      writeInto(path, [[readFileSync(leaves), blob.bytes]])
      syncedNow(path)
    }
    unlinkSync(leaves)
  }
}

function syncedNow(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

async function synced(path: string): Promise<void> {
  const file = openSync(path, 'r')
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(file, (error) => (error === null ? resolve() : reject(error)))
    })
  } finally {
    closeSync(file)
  }
}

/** Thrown by a reader: the disk does not have what was written. Whoever checks a proof then has no verdict. */
export class BlobDamaged extends Error {
  override readonly name = 'BlobDamaged'
}

/**
 * The chunks of a whole blob from first to last, in one buffer, each compared with its leaf and the leaves with the root. Throws
 * `BlobDamaged`, or what the system says if `isExhausted`.
 */
export function readBlob(place: BlobPlace): { next(): Uint8Array | undefined; close(): void } {
  const leaves = leavesIn(place.file, place)
  if (leaves === null || !equalBytes(new BlobTree(place.bytes, leaves).root, place.root))
    throw new BlobDamaged(`the hashes of blob ${toHex(place.root)} are not what was written`)
  let file: number
  try {
    file = openSync(place.file, 'r')
  } catch (error) {
    if (isExhausted(error)) throw error
    throw new BlobDamaged(`the blob ${toHex(place.root)} is not here any more`)
  }
  const chunk = new Uint8Array(Math.min(place.bytes, BLOB_CHUNK_BYTES))
  let index = 0
  return {
    next() {
      const leaf = leaves[index]
      if (leaf === undefined) return undefined
      const piece = chunk.subarray(0, blobChunkLength(place.bytes, index))
      const read = readSync(file, piece, 0, piece.length, index * BLOB_CHUNK_BYTES)
      if (read !== piece.length || !equalBytes(blobLeaf(piece), leaf))
        throw new BlobDamaged(`chunk ${index} of blob ${toHex(place.root)} is not what was written`)
      index++
      return piece
    },
    close: () => closeSync(file),
  }
}
