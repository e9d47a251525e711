/**
 * Blobs: bytes too large for a transaction, named by a Merkle root over chunks of one size (protocol.md §9). The root binds the
 * length and the size of chunks as well, so a reference says exactly which bytes it means, and each chunk is checked by itself
 * against the root before anything of it is kept. Leaves, nodes and roots are hashed in separate domains; the shape is that of RFC 6962,
 * fixed by the number of chunks.
 */
import { assert, equalBytes, type Hash, keyOf, type Reader, type Refusal, type Result, refuse, type Writer } from '@aethel/codec'
import { hashEncoded, hashTagged } from '@aethel/crypto'

/** A chunk takes a quarter of a millisecond to hash, and fits a frame sixty times. */
export const BLOB_CHUNK_BYTES: number = 256 * 1024
/** Of the format: 4,096 chunks. A chain's own limit is at most this. */
export const MAX_BLOB_BYTES: number = 1024 * 1024 * 1024
/** A tree of 2^k leaves has paths of k hashes; chunks may be smaller where a test says so. */
export const MAX_BLOB_PATH = 20

export interface BlobRef {
  readonly root: Hash
  readonly bytes: number
}

/** One chunk with what proves it: the hashes beside the way from the leaf up to the root. */
export interface BlobPart {
  readonly index: number
  readonly chunk: Uint8Array
  readonly path: readonly Hash[]
}

/** Names a blob in maps. The root binds the length, but only who has the bytes can tell: a reference with another length is another blob. */
export function blobKey({ root, bytes }: BlobRef): string {
  return `${keyOf(root)}${bytes}`
}

export function blobChunks(bytes: number, chunkBytes: number = BLOB_CHUNK_BYTES): number {
  return Math.max(1, Math.ceil(bytes / chunkBytes))
}

/** Of the chunk at a position: all are full but the last. */
export function blobChunkLength(bytes: number, index: number, chunkBytes: number = BLOB_CHUNK_BYTES): number {
  return Math.min(chunkBytes, bytes - index * chunkBytes)
}

export function blobLeaf(chunk: Uint8Array): Hash {
  return hashTagged('aethel/blob-chunk/v1', chunk)
}

function nodeOf(left: Hash, right: Hash): Hash {
  return hashEncoded('aethel/blob-node/v1', (writer) => writer.raw(left).raw(right))
}

function rootOf(bytes: number, chunkBytes: number, top: Hash): Hash {
  return hashEncoded('aethel/blob/v1', (writer) => writer.u64(bytes).u32(chunkBytes).raw(top))
}

/** The tree over all leaves, from them up to the top; an odd one at the end of a level stands for itself in the next. */
export class BlobTree {
  readonly #levels: Hash[][]
  readonly root: Hash
  readonly bytes: number

  constructor(bytes: number, leaves: readonly Hash[], chunkBytes: number = BLOB_CHUNK_BYTES) {
    assert(leaves.length === blobChunks(bytes, chunkBytes), 'a blob has as many leaves as chunks')
    let level = [...leaves]
    this.#levels = [level]
    while (level.length > 1) {
      const above: Hash[] = []
      for (let at = 0; at < level.length; at += 2) {
        const [left, right] = [level[at] as Hash, level[at + 1]]
        above.push(right === undefined ? left : nodeOf(left, right))
      }
      this.#levels.push(above)
      level = above
    }
    this.bytes = bytes
    this.root = rootOf(bytes, chunkBytes, level[0] as Hash)
  }

  path(index: number): Hash[] {
    const path: Hash[] = []
    let at = index
    for (const level of this.#levels) {
      const sibling = level[at ^ 1]
      if (sibling !== undefined) path.push(sibling)
      at >>= 1
    }
    return path
  }
}

/** The reference to bytes that lie in memory. */
export function blobRefOf(bytes: Uint8Array, chunkBytes: number = BLOB_CHUNK_BYTES): BlobRef {
  return { root: blobTreeOf(bytes, chunkBytes).root, bytes: bytes.length }
}

export function blobTreeOf(bytes: Uint8Array, chunkBytes: number = BLOB_CHUNK_BYTES): BlobTree {
  const leaves = Array.from({ length: blobChunks(bytes.length, chunkBytes) }, (_, index) =>
    blobLeaf(bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)),
  )
  return new BlobTree(bytes.length, leaves, chunkBytes)
}

/** Hashes of chunks beside the way up: how many there are follows from position and count. */
export function blobPathLength(index: number, chunks: number): number {
  let length = 0
  for (let at = index, width = chunks; width > 1; at >>= 1, width = Math.ceil(width / 2)) if ((at ^ 1) < width) length++
  return length
}

/** Whether the chunk is the blob's at this position; the answer is its leaf. */
export function checkBlobPart(blob: BlobRef, part: BlobPart, chunkBytes: number = BLOB_CHUNK_BYTES): Result<Hash, Refusal> {
  const { index, chunk, path } = part
  const chunks = blobChunks(blob.bytes, chunkBytes)
  if (!Number.isInteger(index) || index < 0 || index >= chunks)
    return refuse('blob-chunk', `expected a chunk 0..${chunks - 1}, got ${index}`)
  const length = blobChunkLength(blob.bytes, index, chunkBytes)
  if (chunk.length !== length) return refuse('blob-chunk', `expected chunk ${index} to have ${length} bytes, got ${chunk.length}`)
  if (path.length !== blobPathLength(index, chunks))
    return refuse('blob-path', `expected ${blobPathLength(index, chunks)} hashes beside chunk ${index}, got ${path.length}`)
  const leaf = blobLeaf(chunk)
  let hash = leaf
  let used = 0
  for (let at = index, width = chunks; width > 1; at >>= 1, width = Math.ceil(width / 2)) {
    if ((at ^ 1) >= width) continue
    const sibling = path[used++] as Hash
    hash = (at & 1) === 0 ? nodeOf(hash, sibling) : nodeOf(sibling, hash)
  }
  if (!equalBytes(rootOf(blob.bytes, chunkBytes, hash), blob.root))
    return refuse('blob-root', `expected a chunk ${index} that leads to the root, got another one`)
  return { ok: true, value: leaf }
}

/** u64 bytes, then the root. */
export function writeBlobRef(writer: Writer, blob: BlobRef): void {
  writer.u64(blob.bytes).raw(blob.root)
}

export function readBlobRef(reader: Reader): BlobRef {
  const bytes = reader.u64()
  if (bytes < 1 || bytes > MAX_BLOB_BYTES) reader.fail('range', `expected a blob of 1..${MAX_BLOB_BYTES} bytes, got ${bytes}`)
  return { bytes, root: reader.hash() }
}
