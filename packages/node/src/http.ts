/**
 * The HTTP API (docs/operations.md): submit, look up, receipts, status. Reads show committed, durable state only. Bodies,
 * lists and waiting clients are bounded; errors are `{code, message}`.
 */
import { readFileSync } from 'node:fs'
import { decode, epoch, fromHex, type Hash, hash, height, indicesOf, keyOf, publicKey, type Refusal, toHex } from '@aethel/codec'
import { type Certificate, type Header, hashHeader, lastHeightOf, leaderOf, paragraphOf, roughBodyBytes } from '@aethel/consensus'
import {
  accountNonceOf,
  type ClaimRecord,
  claimRecordOf,
  currentMembersOf,
  type LedgerState,
  libraryRootOf,
  nextMembersOf,
  offenceRecordOf,
} from '@aethel/ledger'
import type { Mesh } from '@aethel/network'
import { createReceipt, encodeEpochs } from '@aethel/receipts'
import { type Admission, type Replica, type ReplicaInspection, transactionIdOf } from '@aethel/replica'
import type { Store } from '@aethel/storage'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { BlobKeeper } from './blob-keeper.js'
import { type ClaimQuery, decodeCursor, digestFrom, encodeCursor, matches, placeOf, rangeFor } from './claim-index.js'
import { describeClaim, metadataJson, sourceDigestOf, submissionOf, summaryJson } from './claim-page.js'
import type { Driver, ProvableState } from './driver.js'
import { epochLinks, knownValidators, memberJson } from './epochs.js'
import { AethelError } from './errors.js'
import { sentenceOf } from './fork-proof.js'
import type { Home } from './home.js'
import { registerBlobs } from './http-blobs.js'
import { boundAnswers, boundBodies, boundPipelines, MAX_BODY_BYTES, REQUEST_MS, whenGone } from './http-bounds.js'
import { bodyOf, HttpError, hashAt, numberOf, parameter } from './http-error.js'
import type { Metrics } from './metrics.js'
import type { ProofPool } from './proof-pool.js'
import { gapMessage, syncJson } from './snapshots.js'

const MAX_BATCH_TRANSACTIONS = 4096
const MAX_BLOCKS_PER_PAGE = 100
const MAX_CLAIMS_PER_PAGE = 100
/** Records looked at for one page. */
const MAX_CLAIMS_LOOKED_AT = 1_000
/** Of the bodies that are read for a page; the block that crosses the line is still in it. */
export const MAX_PAGE_BYTES: number = 16 * 1024 * 1024
const DEFAULT_WAIT_MS = 30_000
const MAX_WAIT_MS = 600_000
/** Transactions that clients wait for at a time: each holds a timer and some hundred bytes. */
const MAX_AWAITED = 65_536
export const MAX_EVENT_STREAMS = 64
/** A consumer of events that lags behind by more is cut off at the next block: that and one event, of 4.5 MB at most, wait for it. */
export const MAX_STREAM_BACKLOG_BYTES: number = 1024 * 1024
/** A fresh claim may have to wait for a block that carries its own certificate. */
const RECEIPT_WAIT_MS = 2_000
const RECEIPT_POLL_MS = 50

/** No route has a schema. Without this fastify loads Ajv for one all the same: a fifth of the time a validator needs to start. */
const noCompiler = (): never => {
  throw new AethelError('route-schema', 'expected no schema on any route', 'this is a bug in Aethel')
}
const NO_COMPILERS = { buildValidator: noCompiler, buildSerializer: noCompiler }

export const API_VERSION = '0.1.0'

export interface HttpContext {
  readonly home: Home
  readonly driver: Driver
  readonly replica: Replica<LedgerState>
  readonly store: Store
  readonly mesh: Mesh
  readonly pool: ProofPool
  readonly metrics: Metrics
  readonly startedAt: number
  readonly blobs: BlobKeeper | null
}

type Outcome = {
  readonly id: string
  readonly status: 'pending' | 'waiting' | 'final' | 'refused' | 'timeout'
  readonly code?: string
  readonly message?: string
  readonly height?: number
}

export async function serveHttp(context: HttpContext): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    schemaController: { compilersFactory: NO_COMPILERS },
  })
  boundPipelines(app)
  boundBodies(app)
  boundAnswers(app)
  // Whoever was told that its transaction is final finds it, its block and its receipt.
  app.addHook('onRequest', async (request) => {
    if (request.method === 'GET') await context.driver.whenReadable()
  })
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => {
    const buffer = body as Buffer
    // Small ones lie in memory that Node shares among many, and would keep all of it.
    done(null, buffer.length === buffer.buffer.byteLength ? new Uint8Array(buffer.buffer) : Uint8Array.from(buffer))
  })
  app.setErrorHandler((error: unknown, _request, reply) => sendError(reply, error))
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ code: 'no-such-route', message: `expected a route of the API, got ${request.method} ${request.url}` }),
  )
  registerTransactions(app, context)
  registerClaims(app, context)
  registerChain(app, context)
  registerBlobs(app, context)
  const { host, port } = context.home.config.http
  try {
    await app.listen({ host, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new AethelError(
        'port-in-use',
        `port ${port} on ${host} is in use`,
        'stop the program that uses it, or choose another port in config.json',
        { cause: error },
      )
    }
    throw error
  }
  return app
}

function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof HttpError) return reply.code(error.status).send({ code: error.code, message: error.message, ...error.extra })
  const status = (error as { statusCode?: number }).statusCode ?? 500
  const code = (error as { code?: string }).code ?? 'internal'
  return reply.code(status).send({ code: code.toLowerCase(), message: error instanceof Error ? error.message : 'internal error' })
}

// --- transactions -------------------------------------------------------------------------------------------------

function registerTransactions(app: FastifyInstance, context: HttpContext): void {
  app.post('/v1/transactions', async (request, reply) => {
    const { wait, timeoutMs } = waitOf(request)
    const outcome = await submit(context, bodyOf(request), wait, timeoutMs, untilGone(request, reply))
    return reply.code(statusCodeOf(outcome)).send(withClaim(context, bodyOf(request), outcome))
  })
  app.post('/v1/transactions/batch', async (request, reply) => {
    const { wait, timeoutMs } = waitOf(request)
    const list = decode(bodyOf(request), (reader) => reader.list(MAX_BATCH_TRANSACTIONS, (r) => r.bytes(MAX_BODY_BYTES)))
    if (!list.ok)
      throw new HttpError(400, list.error.code, `expected a list of at most ${MAX_BATCH_TRANSACTIONS} transactions: ${list.error.message}`)
    const waits = untilGone(request, reply)
    const results = list.value.map(async (bytes) => withClaim(context, bytes, await submit(context, bytes, wait, timeoutMs, waits)))
    return { results: await Promise.all(results) }
  })
  app.get('/v1/transactions/:id', async (request) => {
    const id = hashAt(request, 'id')
    const place = context.driver.placeOf(id)
    if (place !== undefined) return { id: toHex(id), status: 'final', height: place.height, index: place.index }
    const status = context.replica.transactionStatus(id)
    if (status !== 'unknown') return { id: toHex(id), status }
    const refusal = context.driver.refusalOf(id)
    if (refusal !== undefined) return { id: toHex(id), status: 'refused', code: refusal.code, message: refusal.message }
    const below =
      context.store.gaps.length === 0 ? '' : '; blocks below a state that it took over are not here, so ask another validator, too'
    throw new HttpError(
      404,
      'unknown-transaction',
      `expected a transaction this validator knows; it may have been submitted elsewhere, or forgotten${below}`,
    )
  })
}

function waitOf(request: FastifyRequest): { wait: 'none' | 'admitted' | 'final'; timeoutMs: number } {
  const query = request.query as Record<string, string | undefined>
  const wait = query['wait'] ?? 'admitted'
  if (wait !== 'none' && wait !== 'admitted' && wait !== 'final')
    throw new HttpError(400, 'wait', `expected wait=none, admitted or final, got ${wait}`)
  const timeoutMs = query['timeoutMs'] === undefined ? DEFAULT_WAIT_MS : Number(query['timeoutMs'])
  if (!Number.isInteger(timeoutMs) || timeoutMs < 0 || timeoutMs > MAX_WAIT_MS)
    throw new HttpError(400, 'timeout', `expected timeoutMs of 0..${MAX_WAIT_MS}, got ${query['timeoutMs']}`)
  return { wait, timeoutMs }
}

/** What a client waits for, each with how to give it up: all are when it has left, for then nobody waits. */
function untilGone(request: FastifyRequest, reply: FastifyReply): Set<() => void> {
  const waits = new Set<() => void>()
  whenGone(request.raw, reply.raw, () => {
    for (const giveUp of [...waits]) giveUp()
  })
  return waits
}

async function submit(
  context: HttpContext,
  bytes: Uint8Array,
  wait: 'none' | 'admitted' | 'final',
  timeoutMs: number,
  waits: Set<() => void>,
): Promise<Outcome> {
  const id = transactionIdOf(bytes)
  const name = toHex(id)
  if (context.driver.awaited >= MAX_AWAITED)
    throw new HttpError(503, 'busy', `expected at most ${MAX_AWAITED} awaited transactions; try again later`)
  if (wait === 'none') {
    void context.driver.submit(id, bytes)
    return { id: name, status: 'pending' }
  }
  const refusedOrFinal = (refusal: Refusal): Outcome => {
    const place = context.driver.placeOf(id) // submitted before: what refuses it is that it is final
    return place === undefined ? refused(name, refusal) : { id: name, status: 'final', height: place.height }
  }
  return new Promise((resolve) => {
    let forget = (): void => undefined
    const done = (outcome: Outcome): void => {
      clearTimeout(timer)
      waits.delete(giveUp)
      forget()
      resolve(outcome)
    }
    const message = `not ${wait} within ${timeoutMs} ms; ask for its status later`
    const giveUp = (): void => done({ id: name, status: 'timeout', code: 'timeout', message })
    const timer = setTimeout(giveUp, timeoutMs)
    waits.add(giveUp)
    if (wait === 'final') {
      forget = context.driver.onSettled(id, (settlement) =>
        done(settlement.status === 'final' ? { id: name, status: 'final', height: settlement.height } : refused(name, settlement.refusal)),
      )
    }
    void context.driver.submit(id, bytes).then((admission: Admission) => {
      if (admission.status === 'refused') done(refusedOrFinal(admission.refusal))
      else if (wait === 'admitted') done({ id: name, status: admission.status === 'waiting' ? 'waiting' : 'pending' })
    })
  })
}

function refused(id: string, refusal: Refusal): Outcome {
  return { id, status: 'refused', code: refusal.code, message: refusal.message }
}

function statusCodeOf(outcome: Outcome): number {
  switch (outcome.status) {
    case 'final':
      return 200
    case 'pending':
    case 'waiting':
      return 202
    case 'timeout':
      return 504
    case 'refused':
      if (outcome.code === 'duplicate-claim') return 409
      return outcome.code === 'mempool-full' || outcome.code === 'sender-quota' ? 503 : 400
  }
}

/** A duplicate is told which claim it repeats, where that was finalised, and where its receipt is. */
function withClaim(context: HttpContext, bytes: Uint8Array, outcome: Outcome): Record<string, unknown> {
  if (outcome.code !== 'duplicate-claim') return { ...outcome }
  const decoded = context.driver.decode(bytes)
  const claimId = decoded?.work?.claimId
  if (claimId === undefined) return { ...outcome }
  const name = toHex(claimId)
  const record = claimRecordOf(context.replica.state, claimId)
  if (record === undefined) return { ...outcome, claimId: name } // an axiom
  return { ...outcome, claimId: name, height: record.height, receipt: `/v1/claims/${name}/receipt` }
}

// --- claims and receipts ------------------------------------------------------------------------------------------

function registerClaims(app: FastifyInstance, context: HttpContext): void {
  app.get('/v1/claims', async (request) => searchClaims(context, request.query as Record<string, string | undefined>))
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
async function searchClaims(context: HttpContext, query: Record<string, string | undefined>): Promise<Record<string, unknown>> {
  const wanted = claimQueryOf(query)
  const limit = Math.max(1, Math.min(MAX_CLAIMS_PER_PAGE, numberOf(query['limit'], 'limit', MAX_CLAIMS_PER_PAGE)))
  const cursor = query['before'] === undefined ? null : decodeCursor(query['before'])
  if (cursor === undefined) throw new HttpError(400, 'before', 'expected "before" to be the "next" of an earlier page')
  if ((wanted.height ?? 0) > context.driver.publishedHeight) return { claims: [], next: null }
  const { gte, lt } = rangeFor(wanted, cursor)
  const entries = await context.store.searchIndex({ gte, lt, limit: MAX_CLAIMS_LOOKED_AT })
  const claims: Record<string, unknown>[] = []
  for (const [position, [key, claimId]] of entries.entries()) {
    const record = claimRecordOf(context.replica.state, hash(claimId))
    if (record === undefined || record.height > context.driver.publishedHeight) continue
    if (matches(record, wanted, () => sourceDigestOf(submissionOf(context.store, record)))) claims.push(summaryJson(record))
    const isLast = position === entries.length - 1 && entries.length < MAX_CLAIMS_LOOKED_AT
    if (claims.length === limit && !isLast) return { claims, next: encodeCursor(placeOf(key)) }
  }
  const last = entries.at(-1)
  return { claims, next: last === undefined || entries.length < MAX_CLAIMS_LOOKED_AT ? null : encodeCursor(placeOf(last[0])) }
}

const CLAIM_FILTERS = ['kind', 'label', 'source', 'sender', 'height', 'limit', 'before']

function claimQueryOf(query: Record<string, string | undefined>): ClaimQuery {
  for (const name of Object.keys(query)) {
    if (!CLAIM_FILTERS.includes(name)) throw new HttpError(400, 'filter', `expected some of ${CLAIM_FILTERS.join(', ')}, got "${name}"`)
    if (typeof query[name] !== 'string') throw new HttpError(400, 'filter', `expected "${name}" once`)
  }
  const digest = (name: string): Hash | undefined => {
    const text = query[name]
    if (text === undefined) return undefined
    return digestFrom(text) ?? fail400(name, `expected "${name}" to be 64 lower-case hex digits`)
  }
  const { kind, label } = query
  const [sourceDigest, sender] = [digest('source'), digest('sender')]
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(label === undefined ? {} : { label }),
    ...(sourceDigest === undefined ? {} : { sourceDigest }),
    ...(sender === undefined ? {} : { sender }),
    ...(query['height'] === undefined ? {} : { height: height(numberOf(query['height'], 'height', 0)) }),
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

// --- chain --------------------------------------------------------------------------------------------------------

function registerChain(app: FastifyInstance, context: HttpContext): void {
  const { home, store, replica, metrics, driver } = context
  app.get('/v1/status', async () => statusJson(context))
  app.get('/v1/accounts/:publicKey', async (request) => {
    const bytes = fromHex(parameter(request, 'publicKey'))
    if (!bytes.ok || bytes.value.length !== 32) throw new HttpError(400, 'public-key', 'expected a public key of 64 lower-case hex digits')
    const account = publicKey(bytes.value)
    const nonce = accountNonceOf(replica.state, account)
    return { publicKey: toHex(account), nonce, pendingNonce: replica.nextNonce(keyOf(account), nonce) }
  })
  app.get('/v1/blocks', async (request) => {
    const query = request.query as Record<string, string | undefined>
    const from = numberOf(query['from'], 'from', 1)
    const limit = Math.min(MAX_BLOCKS_PER_PAGE, numberOf(query['limit'], 'limit', MAX_BLOCKS_PER_PAGE))
    const blocks: Record<string, unknown>[] = []
    let bytes = 0
    for (let at = Math.max(1, from); at < from + limit && at <= driver.publishedHeight && bytes < MAX_PAGE_BYTES; at++) {
      const block = store.committedBlock(height(at))
      if (block === undefined && gapMessage(store, at) !== null && blocks.length === 0)
        throw new HttpError(410, 'below-snapshot', gapMessage(store, at) ?? '')
      if (block === undefined) break
      bytes += roughBodyBytes(block.body)
      blocks.push(headerJson(block.header, block.hash, block.body.transactions.length))
    }
    return { blocks }
  })
  app.get('/v1/blocks/:height', async (request) => {
    const at = numberOf(parameter(request, 'height'), 'height', 0)
    const block = at >= 1 && at <= driver.publishedHeight ? store.committedBlock(height(at)) : undefined
    const gap = gapMessage(store, at)
    if (gap !== null) throw new HttpError(410, 'below-snapshot', gap)
    if (block === undefined) throw new HttpError(404, 'unknown-block', `expected a height of 1..${driver.publishedHeight}, got ${at}`)
    const certificate = store.certificateFrom(height(at))
    return {
      ...headerJson(block.header, block.hash, block.body.transactions.length),
      transactionIds: block.body.transactions.map((bytes) => toHex(transactionIdOf(bytes))),
      certificate: certificate === undefined ? null : certificateJson(certificate),
    }
  })
  app.get('/v1/libraries/:name', async (request) => {
    const name = parameter(request, 'name')
    const library = replica.state.libraries.get(name)
    const definition = home.genesis.libraries.find((candidate) => candidate.name === name)
    const root = libraryRootOf(replica.state, name)
    if (library === undefined || definition === undefined || root === undefined)
      throw new HttpError(404, 'unknown-library', `expected a library of this chain, got ${name}`)
    return { name, root: toHex(root), count: library.axioms + library.theorems, digest: toHex(definition.digest) }
  })
  app.get('/v1/validators', async () => validatorsJson(context))
  app.get('/v1/epochs', async (request, reply) => {
    const from = epoch(numberOf((request.query as Record<string, string | undefined>)['from'], 'from', 0))
    const text = encodeEpochs(epochLinks(home, store, driver.publishedHeight, from))
    return reply.header('content-type', 'application/json').send(text)
  })
  app.get('/v1/genesis', async (_request, reply) =>
    reply.header('content-type', 'application/octet-stream').send(Buffer.from(home.genesisBytes)),
  )
  app.get('/v1/why', async () => {
    const diagnosis = driver.explain()
    return { paragraph: inWords(driver), ...diagnosis }
  })
  app.get('/why', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(`${inWords(driver)}\n`))
  app.get('/v1/evidence', async () => evidenceJson(context))
  app.get('/v1/fork', async (_request, reply) => {
    const file = driver.fork?.file ?? null
    if (file === null) throw new HttpError(404, 'no-fork', 'this validator has seen no two blocks committed at one height')
    return reply.header('content-type', 'application/octet-stream').send(readFileSync(file))
  })
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  registerEvents(app, context)
}

/** What is on record against validators, and what this one holds and would put on the chain. */
function evidenceJson({ home, replica }: HttpContext): Record<string, unknown> {
  const recorded = knownValidators(home, replica.state).flatMap(({ publicKey: key, seat: validator }) => {
    const record = offenceRecordOf(replica.state, key)
    if (record === null) return []
    const recent = record.recent.map(({ type, epoch, view, height: at, kind }) => ({ offence: type, epoch, view, height: at, phase: kind }))
    return [{ validator, publicKey: toHex(key), count: record.count, firstHeight: record.firstHeight, recent }]
  })
  const held = replica.evidence().map(({ offence, bytes }) => ({
    validator: offence.offender,
    offence: offence.type,
    epoch: offence.epoch,
    view: offence.view,
    height: offence.height,
    phase: offence.kind,
    evidence: toHex(bytes),
  }))
  return { recorded, held }
}

/** Offences on record, by validator, in the order of validators. */
function offencesJson({ home, replica }: HttpContext): { readonly validator: number; readonly count: number }[] {
  const counts = new Map<number, number>()
  for (const { publicKey: key, seat } of knownValidators(home, replica.state)) {
    const count = offenceRecordOf(replica.state, key)?.count ?? 0
    if (count > 0) counts.set(seat, (counts.get(seat) ?? 0) + count)
  }
  return [...counts].map(([validator, count]) => ({ validator, count }))
}

function statusJson(context: HttpContext): Record<string, unknown> {
  const { home, replica, mesh, metrics, pool, driver } = context
  const look = replica.inspect()
  const { verified } = metrics
  const header = driver.publishedHeight === 0 ? undefined : context.store.header(height(driver.publishedHeight))
  return {
    version: API_VERSION,
    chainId: toHex(home.chainId),
    index: home.self,
    epoch: replica.epoch.validators.epoch,
    /** Position among the validators of the epoch; null: none of them. */
    position: replica.self,
    validators: replica.epoch.validators.validators.length,
    view: look.view,
    phase: look.phase,
    leader: leaderOf(replica.epoch.validators, look.view),
    height: driver.publishedHeight,
    hash: toHex(header === undefined ? home.chainId : hashHeader(header)),
    stateRoot: toHex(header?.stateRoot ?? replica.state.entries.root),
    timestampMs: header?.timestampMs ?? home.genesis.genesisTimeMs,
    peers: mesh.peers().map((peer) => ({ index: peer.index, connected: peer.connected, rttMs: peer.roundTripMs })),
    mempool: { pending: look.pooled, waiting: look.unverified, ready: look.ready, bytes: look.poolBytes },
    verifications: { performed: verified.valid + verified.invalid + verified.aborted, ...verified, queued: pool.queued },
    viewChanges: metrics.viewChangeCount,
    viewTimeoutMs: look.viewTimeoutMs,
    voting: votingJson(context, look.recovering),
    sync: syncJson(home, context.store, replica),
    rss: process.memoryUsage.rss(),
    blobs: blobsJson(context, look),
    offences: offencesJson(context),
    uptimeMs: Math.round(performance.now() - context.startedAt),
  }
}

function blobsJson({ blobs }: HttpContext, { blobs: fetching }: ReplicaInspection): Record<string, unknown> | null {
  if (blobs === null) return null
  return {
    held: blobs.files.whole.length,
    bytes: blobs.files.wholeBytes,
    fetching: fetching.map(({ root, bytes, chunks, missing }) => ({ root: toHex(root), bytes, chunks, missing })),
  }
}

function validatorsJson({ home, replica, driver }: HttpContext): Record<string, unknown> {
  const { epochLength } = home.genesis.parameters
  const { validators } = replica.epoch
  const current = currentMembersOf(replica.state)?.members
  const next = nextMembersOf(replica.state)
  const fallback = (): Record<string, unknown>[] =>
    validators.validators.map((validator, seat) => memberJson({ ...validator, seat, account: validator.publicKey, contact: null }))
  return {
    height: driver.publishedHeight,
    epoch: validators.epoch,
    epochLength,
    /** Its last block; null: the epoch has no end. */
    lastHeight: epochLength === 0 ? null : lastHeightOf(epochLength, validators.epoch),
    validatorsHash: toHex(validators.hash),
    current: current?.map(memberJson) ?? fallback(),
    next: next === null ? null : { sequence: next.sequence, validators: next.members.map(memberJson) },
    governance:
      home.genesis.governance === undefined
        ? null
        : { keys: home.genesis.governance.keys.map(toHex), threshold: home.genesis.governance.threshold },
  }
}

/** A validator that lost its store says that it does not vote, and what it waits for. */
function votingJson({ driver, replica }: HttpContext, recovering: ReplicaInspection['recovering']): Record<string, unknown> {
  if (driver.fork !== null) return { votes: false, why: sentenceOf(driver.fork), forkedAt: driver.fork.height }
  if (recovering === null) return { votes: true }
  const { answers, above } = recovering
  const others = replica.epoch.validators.validators.length - (replica.self === null ? 0 : 1)
  const why =
    above === null
      ? `its store was lost; ${answers} of ${others} other validators have named their view, a quorum is needed, and validators that lost theirs too cannot answer`
      : `its store was lost; it votes again when a block commits in a view above ${above}`
  return { votes: false, why, answers, above }
}

function headerJson(header: Header, blockHash: Hash, transactions: number): Record<string, unknown> {
  return {
    height: header.height,
    hash: toHex(blockHash),
    parent: toHex(header.parent),
    view: header.view,
    proposer: header.proposer,
    timestampMs: header.timestampMs,
    stateRoot: toHex(header.stateRoot),
    transactions,
    totalDifficulty: String(header.totalDifficulty),
  }
}

function certificateJson(certificate: Certificate): Record<string, unknown> {
  return { height: certificate.height, view: certificate.view, signers: indicesOf(certificate.signers) }
}

/** Server-sent events: one `block` per committed block. */
function registerEvents(app: FastifyInstance, context: HttpContext): void {
  let streams = 0
  app.get('/v1/events', { exposeHeadRoute: false }, (request, reply) => {
    if (streams >= MAX_EVENT_STREAMS)
      throw new HttpError(503, 'too-many-streams', `expected at most ${MAX_EVENT_STREAMS} event streams; close one`)
    reply.hijack()
    const { raw } = reply
    const { socket } = request.raw
    if (socket.destroyed) return // it has left while the disk was awaited, and will not say so again
    streams++
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    raw.write(': connected\n\n')
    const stop = context.driver.onCommitted(({ block, transactions }) => {
      const data = {
        ...headerJson(block.header, block.hash, transactions.length),
        transactionIds: transactions.map((transaction) => toHex(transaction.id)),
      }
      // Looked at before: what is written counts as waiting until the event loop turns, and one large block is no lag.
      if (raw.writableLength > MAX_STREAM_BACKLOG_BYTES) socket.destroy()
      else raw.write(`event: block\ndata: ${JSON.stringify(data)}\n\n`)
    })
    whenGone(request.raw, raw, () => {
      streams--
      stop()
    })
  })
}

/** Why nothing commits, or that all is well; and what else whoever runs the validator should know. */
function inWords(driver: Driver): string {
  const alarm = driver.alarm.sentence(Date.now())
  return [paragraphOf(driver.explain()), ...(alarm === null ? [] : [alarm])].join(' ')
}
