/** Claims over HTTP: searched, looked up with all there is to say about them, and with their receipts. */
import { type Hash, type Height, hash, height, toHex } from '@aethel/codec'
import { type Block, roughBodyBytes } from '@aethel/consensus'
import { type ClaimRecord, claimRecordOf, type Genesis } from '@aethel/ledger'
import { createReceipt } from '@aethel/receipts'
import type { Store, TransactionPlace } from '@aethel/storage'
import type { FastifyInstance } from 'fastify'
import { type ClaimQuery, decodeCursor, digestFrom, encodeCursor, matches, placeOf, rangeFor } from './claim-index.js'
import { describeClaim, metadataJson, sourceDigestOf, submissionOf, summaryJson } from './claim-page.js'
import type { ProvableState } from './driver.js'
import type { HttpContext } from './http-context.js'
import { HttpError, hashAt, numberOf, type Query, queryOf } from './http-error.js'
import { gapMessage } from './snapshots.js'

const MAX_CLAIMS_PER_PAGE = 100
/** Records looked at for one page. */
const MAX_CLAIMS_LOOKED_AT = 1_000
/** Of blocks that are read for one page, to see what a submitter said; a page ends with the block that crosses the line. */
export const MAX_SEARCHED_BYTES: number = 16 * 1024 * 1024
/** A fresh claim may have to wait for a block that carries its own certificate. */
const RECEIPT_WAIT_MS = 2_000
const RECEIPT_POLL_MS = 50

export function registerClaims(app: FastifyInstance, context: HttpContext): void {
  app.get('/v1/claims', async (request) => searchClaims(context, queryOf(request)))
  app.get('/v1/claims/:claimId/page', async (request) => claimPage(context, hashAt(request, 'claimId')))
  app.get('/v1/claims/:claimId', async (request) => recordJson(recordAt(context, hashAt(request, 'claimId'))))
  app.get('/v1/claims/:claimId/receipt', async (request, reply) => {
    const record = recordAt(context, hashAt(request, 'claimId'))
    // The claim itself is in the state only where its kind has libraries; otherwise in the transaction, which is not here.
    const gap = record.library === null ? gapMessage(context.store, record.height) : null
    if (gap !== null) throw new HttpError(410, 'below-snapshot', gap)
    const receipt = await receiptOf(context, record)
    if (receipt === undefined) throw new HttpError(409, 'not-certified', NOT_CERTIFIED)
    return reply.header('content-type', 'application/json').send(Buffer.from(receipt))
  })
}

const NOT_CERTIFIED = 'expected a block with a certificate of its own at or above the claim; ask again shortly'

/** Undefined: no block with a certificate of its own is at or above it yet. */
async function receiptOf(context: HttpContext, record: ClaimRecord): Promise<Uint8Array | undefined> {
  const base = await provableStateFor(context, record)
  if (base === undefined) return undefined
  const { header, certificate, state } = base
  const receipt = createReceipt({ header, certificate, state, claimId: record.claimId, ...claimBytesOf(context, record) })
  if (!receipt.ok) throw new HttpError(500, receipt.error.code, receipt.error.message)
  return receipt.value
}

/** Everything there is to say about a claim, and what the submitter says, apart. */
async function claimPage(context: HttpContext, claimId: Hash): Promise<Record<string, unknown>> {
  const record = recordAt(context, claimId)
  const action = submissionOf(context.store, record)
  const receipt = await receiptOf(context, record)
  return {
    ...recordJson(record),
    about: describeClaim(record, action, context.home.registry.libraries),
    metadata: metadataJson(action),
    blob: blobJson(context, action),
    receipt: receipt === undefined ? null : (JSON.parse(Buffer.from(receipt).toString('utf8')) as unknown),
  }
}

/** Where the proof can be had, if it came as a blob; null: it is in its transaction, or that is not here. */
function blobJson({ blobs }: HttpContext, action: ReturnType<typeof submissionOf>): Record<string, unknown> | null {
  const blob = action?.blob
  if (blob === undefined) return null
  const held = blobs?.files.isWhole(blob) === true
  const root = toHex(blob.root)
  return { root, bytes: blob.bytes, held, ...(held ? { url: `/v1/blobs/${root}` } : {}) }
}

/** The newest first, one page at a time. A page may be short, or empty, and have a next one: so many claims are looked at per request. */
async function searchClaims(context: HttpContext, query: Query): Promise<Record<string, unknown>> {
  const wanted = claimQueryOf(query, context.home.genesis.kinds)
  const limit = Math.min(MAX_CLAIMS_PER_PAGE, numberOf(query['limit'], 'limit', MAX_CLAIMS_PER_PAGE, { least: 1 }))
  const cursor = query['before'] === undefined ? null : decodeCursor(query['before'])
  if (cursor === undefined) throw new HttpError(400, 'before', 'expected "before" to be the "next" of an earlier page')
  if ((wanted.height ?? 0) > context.driver.publishedHeight) return { claims: [], next: null }
  const { gte, lt } = rangeFor(wanted, cursor)
  const entries = await context.store.searchIndex({ gte, lt, limit: MAX_CLAIMS_LOOKED_AT })
  const claims: Record<string, unknown>[] = []
  const blocks = new BlocksOfPage(context.store)
  for (const [position, [key, claimId]] of entries.entries()) {
    const record = claimRecordOf(context.replica.state, hash(claimId))
    if (record === undefined || record.height > context.driver.publishedHeight) continue
    if (matches(record, wanted, () => sourceDigestOf(submissionOf(blocks, record)))) claims.push(summaryJson(record))
    const isLast = position === entries.length - 1 && entries.length < MAX_CLAIMS_LOOKED_AT
    if ((claims.length === limit || blocks.bytes >= MAX_SEARCHED_BYTES) && !isLast) return { claims, next: encodeCursor(placeOf(key)) }
  }
  const last = entries.at(-1)
  return { claims, next: last === undefined || entries.length < MAX_CLAIMS_LOOKED_AT ? null : encodeCursor(placeOf(last[0])) }
}

/** Reading a block takes as long as it is large, and nothing else is done meanwhile. Claims of one block follow each other: it is read once. */
class BlocksOfPage implements Pick<Store, 'transactionPlace' | 'committedBlock'> {
  readonly #store: Store
  #newest: Block | undefined
  #bytes = 0

  constructor(store: Store) {
    this.#store = store
  }

  /** Of all that were read. */
  get bytes(): number {
    return this.#bytes
  }

  transactionPlace(id: Hash): TransactionPlace | undefined {
    return this.#store.transactionPlace(id)
  }

  committedBlock(at: Height): Block | undefined {
    if (this.#newest?.header.height === at) return this.#newest
    this.#newest = this.#store.committedBlock(at)
    if (this.#newest !== undefined) this.#bytes += roughBodyBytes(this.#newest.body)
    return this.#newest
  }
}

export const CLAIM_PARAMETERS: readonly string[] = ['kind', 'label', 'source', 'sender', 'height', 'limit', 'before']

function claimQueryOf(query: Query, kinds: Genesis['kinds']): ClaimQuery {
  const digest = (name: string): Hash | undefined => {
    const text = query[name]
    if (text === undefined) return undefined
    return digestFrom(text) ?? fail400(name, `expected "${name}" to be 64 lower-case hex digits`)
  }
  const { kind, label } = query
  if (kind !== undefined && !kinds.some((each) => each.kind === kind))
    fail400('kind', `expected a kind of this chain, one of ${kinds.map((each) => each.kind).join(', ')}, got ${JSON.stringify(kind)}`)
  const [sourceDigest, sender] = [digest('source'), digest('sender')]
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(label === undefined ? {} : { label }),
    ...(sourceDigest === undefined ? {} : { sourceDigest }),
    ...(sender === undefined ? {} : { sender }),
    ...(query['height'] === undefined ? {} : { height: height(numberOf(query['height'], 'height', 0, { least: 1 })) }),
  }
}

function fail400(code: string, message: string): never {
  throw new HttpError(400, code, message)
}

function recordAt(context: HttpContext, claimId: Hash): ClaimRecord {
  const record = claimRecordOf(context.replica.state, claimId)
  if (record === undefined || record.height > context.driver.publishedHeight) {
    throw new HttpError(404, 'unknown-claim', 'expected a finalised claim; submit its proof, or wait until it is final')
  }
  return record
}

async function provableStateFor(context: HttpContext, record: ClaimRecord): Promise<ProvableState | undefined> {
  for (let waitedMs = 0; ; waitedMs += RECEIPT_POLL_MS) {
    const newest = context.driver.provable.at(-1)
    if (newest !== undefined && newest.header.height >= record.height) return newest
    if (waitedMs >= RECEIPT_WAIT_MS) return undefined
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS))
  }
}

/** Claims of libraries are in the state; others are in the transaction that brought them. */
function claimBytesOf(context: HttpContext, record: ClaimRecord): { claim?: Uint8Array } {
  const action = record.library === null ? submissionOf(context.store, record) : undefined
  return action === undefined ? {} : { claim: action.claim }
}

function recordJson(record: ClaimRecord): Record<string, unknown> {
  return {
    claimId: toHex(record.claimId),
    kind: record.kind,
    status: record.status,
    height: record.height,
    timestampMs: record.timestampMs,
    gas: record.gas,
    proofHash: toHex(record.proofHash),
    proofBytes: record.proofBytes,
    transactionId: toHex(record.transactionId),
    sender: toHex(record.sender),
    library:
      record.library === null
        ? null
        : { name: record.library.name, label: record.library.label, digest: toHex(record.library.digest), axioms: record.library.axioms },
  }
}
