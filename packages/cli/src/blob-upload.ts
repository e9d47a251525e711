/**
 * Proofs that are too large for a transaction, on the submitter's side: a file is read in chunks, once to find its root and once to
 * send what the validator lacks; so an upload that was interrupted goes on where it was when the same command is run again.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { concatBytes, type Hash, toHex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, type BlobRef, BlobTree, blobChunkLength, blobChunks, blobLeaf, blobTreeOf } from '@aethel/consensus'
import type { ProofSource } from '@aethel/proofs'
import type { Client } from './client.js'
import { CliError, EXIT, usageError } from './exit.js'

/** What can be uploaded: its tree, and its chunks. */
export interface Uploadable {
  /** For people. */
  readonly name: string
  readonly ref: BlobRef
  readonly tree: BlobTree
  chunk(index: number): Uint8Array
}

/** A file as a blob; each chunk is compared with what it was when the tree was made. */
export interface BlobFile extends Uploadable {
  readonly file: string
  /** From first to last; the file is closed at the end. */
  source(): ProofSource
}

/** Reads the whole file, a chunk at a time. */
export function blobFile(file: string, what: string): BlobFile {
  const { bytes, leaves } = leavesOf(file, what)
  const tree = new BlobTree(bytes, leaves)
  const read = (index: number): Uint8Array => {
    const descriptor = openSync(file, 'r')
    try {
      const chunk = new Uint8Array(blobChunkLength(bytes, index))
      const count = readSync(descriptor, chunk, 0, chunk.length, index * BLOB_CHUNK_BYTES)
      if (count !== chunk.length || Buffer.compare(blobLeaf(chunk), leaves[index] as Hash) !== 0)
        throw usageError('changed', `expected ${what} in ${file} to stay as it is while it is read, but it has changed`)
      return chunk
    } finally {
      closeSync(descriptor)
    }
  }
  return {
    name: file,
    file,
    ref: { root: tree.root, bytes },
    tree,
    chunk: read,
    source: () => {
      let index = 0
      return { next: () => (index < leaves.length ? read(index++) : undefined) }
    },
  }
}

/** Bytes in memory as a blob. */
export function blobInMemory(name: string, bytes: Uint8Array): Uploadable {
  const tree = blobTreeOf(bytes)
  const chunk = (index: number): Uint8Array => bytes.subarray(index * BLOB_CHUNK_BYTES, (index + 1) * BLOB_CHUNK_BYTES)
  return { name, ref: { root: tree.root, bytes: bytes.length }, tree, chunk }
}

function leavesOf(file: string, what: string): { readonly bytes: number; readonly leaves: Hash[] } {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch {
    throw usageError('unreadable', `expected ${what} at ${file}, but it cannot be read`)
  }
  try {
    const status = fstatSync(descriptor)
    if (!status.isFile()) throw usageError('unreadable', `expected ${what} at ${file}, but it is no file`)
    const bytes = status.size
    if (bytes === 0) throw usageError('empty', `expected ${what} in ${file}, but it is empty`)
    const chunk = new Uint8Array(BLOB_CHUNK_BYTES)
    const leaves: Hash[] = []
    for (let index = 0; index < blobChunks(bytes); index++) {
      const piece = chunk.subarray(0, blobChunkLength(bytes, index))
      if (readSync(descriptor, piece, 0, piece.length, index * BLOB_CHUNK_BYTES) !== piece.length)
        throw usageError('changed', `expected ${what} in ${file} to stay as it is while it is read, but it has changed`)
      leaves.push(blobLeaf(piece))
    }
    return { bytes, leaves }
  } finally {
    closeSync(descriptor)
  }
}

/** Sends everything that the validator does not have yet; `onProgress` is told how many chunks are there. */
export async function sendBlob(
  client: Client,
  blob: Uploadable,
  onProgress: (chunksDone: number) => void = () => undefined,
): Promise<void> {
  const root = toHex(blob.ref.root)
  const { bytes } = blob.ref
  const begun = await client.beginUpload(root, bytes)
  if (begun.complete) return
  if (begun.chunkBytes !== BLOB_CHUNK_BYTES)
    throw new CliError(
      EXIT.unreachable,
      'chunk-bytes',
      `expected chunks of ${BLOB_CHUNK_BYTES} bytes, the validator wants ${begun.chunkBytes}`,
    )
  const missing = begun.missing.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at))
  let done = begun.chunks - missing.length
  let complete = false
  for (const index of missing) {
    onProgress(done)
    complete = (await client.putChunk(root, bytes, index, concatBytes(...blob.tree.path(index), blob.chunk(index)))).complete
    done++
  }
  onProgress(done)
  if (!complete && !(await client.beginUpload(root, bytes)).complete)
    throw new CliError(
      EXIT.unreachable,
      'upload',
      `the validator at ${client.url} still lacks chunks of ${blob.name}; run the same command again`,
    )
}
