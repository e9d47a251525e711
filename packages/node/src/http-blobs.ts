/**
 * Blobs over HTTP (docs/blobs.md): a client uploads the chunks of a proof, in any order, as often as it takes; then it submits the
 * transaction that refers to them. Each chunk comes with the hashes that lead from it to the root, and is checked before it is stored. Whatever
 * blob is kept can be downloaded.
 */
import { Readable } from 'node:stream'
import { HASH_BYTES, hash, toHex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, type BlobRef, blobChunks, blobPathLength } from '@aethel/consensus'
import { readBlob, type Store } from '@aethel/storage'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { BlobKeeper, UploadState } from './blob-keeper.js'
import { placeOf, rangeOfBlob } from './claim-index.js'
import { whenGone } from './http-bounds.js'
import { bodyOf, HttpError, hashAt, numberOf, parameter, queryOf } from './http-error.js'

export interface BlobContext {
  readonly blobs: BlobKeeper | null
  readonly store: Store
}

const STATUS_OF: Readonly<Record<string, number>> = {
  'blob-too-large': 413,
  'no-upload': 409,
  'uploads-per-client': 429,
  'uploads-full': 503,
  'blob-disk': 507,
}

export function registerBlobs(app: FastifyInstance, { blobs, store }: BlobContext): void {
  const keeper = (): BlobKeeper => {
    if (blobs === null) throw new HttpError(404, 'no-blobs', 'genesis of this chain admits no blobs; send proofs in their transactions')
    return blobs
  }
  app.post('/v1/blobs/:root', async (request) => {
    const begun = keeper().begin(refOf(request), request.ip)
    if (!begun.ok) throw new HttpError(STATUS_OF[begun.error.code] ?? 400, begun.error.code, begun.error.message)
    return uploadJson(begun.value)
  })
  app.put('/v1/blobs/:root/:index', async (request) => {
    const blob = refOf(request)
    const index = numberOf(parameter(request, 'index'), 'index', 0)
    const body = bodyOf(request)
    const pathBytes = HASH_BYTES * blobPathLength(Math.min(index, blobChunks(blob.bytes) - 1), blobChunks(blob.bytes))
    if (body.length <= pathBytes)
      throw new HttpError(400, 'blob-path', `expected ${pathBytes} bytes of hashes and then the chunk, got ${body.length} bytes`)
    const path = Array.from({ length: pathBytes / HASH_BYTES }, (_, at) => hash(body.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES)))
    const put = await keeper().put(blob, { index, path, chunk: body.subarray(pathBytes) })
    if (!put.ok) throw new HttpError(STATUS_OF[put.error.code] ?? 400, put.error.code, put.error.message)
    return uploadJson(put.value)
  })
  // For the head of an answer fastify reads all of it: hundreds of megabytes, which nobody receives.
  app.get('/v1/blobs/:root', { exposeHeadRoute: false }, async (request, reply) => {
    const root = hashAt(request, 'root')
    const { files } = keeper()
    const blob = files.find(root)
    if (blob === undefined) throw await missingError(store, root)
    if (request.raw.socket.destroyed) return reply.hijack() // it has left while the disk was awaited, and will not say so again
    const source = readBlob(files.placeOf(blob))
    const pieces = function* (): Generator<Uint8Array> {
      for (let piece = source.next(); piece !== undefined; piece = source.next()) yield piece.slice()
    }
    const stream = Readable.from(pieces())
    whenGone(request.raw, reply.raw, () => {
      stream.destroy()
      source.close()
    })
    return reply.header('content-type', 'application/octet-stream').header('content-length', blob.bytes).send(stream)
  })
}

function refOf(request: FastifyRequest): BlobRef {
  const bytes = numberOf(queryOf(request)['bytes'], 'bytes', 0, { least: 1 })
  if (bytes === 0) throw new HttpError(400, 'bytes', 'expected bytes=N, the length of the blob, beside its root')
  return { root: hashAt(request, 'root'), bytes }
}

/** Missing chunks as inclusive ranges: an upload that is just begun lacks one long one. */
function uploadJson({ root, bytes, chunks, missing }: UploadState): Record<string, unknown> {
  const ranges: [number, number][] = []
  for (const index of missing) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === index - 1) last[1] = index
    else ranges.push([index, index])
  }
  return { root: toHex(root), bytes, chunkBytes: BLOB_CHUNK_BYTES, chunks, missing: ranges, complete: missing.length === 0 }
}

/** What is gone by now is told from what never was. */
async function missingError(store: Store, root: ReturnType<typeof hashAt>): Promise<HttpError> {
  const [found] = await store.searchIndex({ ...rangeOfBlob(root), limit: 1 })
  if (found === undefined)
    return new HttpError(404, 'unknown-blob', `this validator has no blob ${toHex(root)}; it may not be whole yet, or never have been here`)
  const [key, claimId] = found
  return new HttpError(
    410,
    'blob-pruned',
    `the blob ${toHex(root)} is not kept here any more: claim ${toHex(claimId)} was finalised with it in block ${placeOf(key).height}, and claim, verdict and this hash stay on the chain; ask an archive, or whoever submitted it`,
    { claimId: toHex(claimId), height: placeOf(key).height },
  )
}
