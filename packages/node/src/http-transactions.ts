/** Transactions over HTTP: submitted one by one or in batches, waited for as far as the client asks, and looked up later. */
import { byteStrings, decode, type Hash, type Refusal, toHex } from '@aethel/codec'
import { claimRecordOf } from '@aethel/ledger'
import { type Admission, transactionIdOf } from '@aethel/replica'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MAX_BODY_BYTES, whenGone } from './http-bounds.js'
import type { HttpContext } from './http-context.js'
import { bodyOf, HttpError, hashAt, numberOf, queryOf } from './http-error.js'

const MAX_BATCH_TRANSACTIONS = 4096
const DEFAULT_WAIT_MS = 30_000
const MAX_WAIT_MS = 600_000
/** Transactions that clients wait for at a time: each holds a timer and some hundred bytes. */
const MAX_AWAITED = 65_536

type Outcome = {
  readonly id: string
  readonly status: 'pending' | 'waiting' | 'final' | 'refused' | 'timeout' | 'unknown'
  readonly code?: string
  readonly message?: string
  readonly height?: number
}

export function registerTransactions(app: FastifyInstance, context: HttpContext): void {
  app.post('/v1/transactions', async (request, reply) => {
    const { wait, timeoutMs } = waitOf(request)
    const outcome = await submit(context, bodyOf(request), wait, timeoutMs, untilGone(request, reply))
    return reply.code(statusCodeOf(outcome)).send(withClaim(context, bodyOf(request), outcome))
  })
  app.post('/v1/transactions/batch', async (request, reply) => {
    const { wait, timeoutMs } = waitOf(request)
    const list = decode(bodyOf(request), (reader) => reader.longList(MAX_BATCH_TRANSACTIONS, byteStrings(MAX_BODY_BYTES)))
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
    const status = context.driver.isBeingCommitted(id) ? 'pending' : context.replica.transactionStatus(id)
    if (status !== 'unknown') return { id: toHex(id), status }
    const refusal = context.driver.refusalOf(id)
    if (refusal !== undefined) return refusedOrUnseen(context, toHex(id), refusal)
    const below = context.driver.lacksBlocks ? '; blocks below a state that it took over are not here, so ask another validator, too' : ''
    throw new HttpError(
      404,
      'unknown-transaction',
      `expected a transaction this validator knows; it may have been submitted elsewhere, or forgotten${below}`,
    )
  })
}

function waitOf(request: FastifyRequest): { wait: 'none' | 'admitted' | 'final'; timeoutMs: number } {
  const query = queryOf(request)
  const wait = query['wait'] ?? 'admitted'
  if (wait !== 'none' && wait !== 'admitted' && wait !== 'final')
    throw new HttpError(400, 'wait', `expected wait=none, admitted or final, got ${wait}`)
  return { wait, timeoutMs: numberOf(query['timeoutMs'], 'timeoutMs', DEFAULT_WAIT_MS, { most: MAX_WAIT_MS }) }
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
        done(
          settlement.status === 'final'
            ? { id: name, status: 'final', height: settlement.height }
            : refusedOrUnseen(context, name, settlement.refusal),
        ),
      )
    }
    void context.driver.submit(id, bytes).then((admission: Admission) => {
      const refusal = admission.status === 'refused' ? admission.refusal : null
      const outcome = refusal === null ? null : refusedOrCommitted(context, id, refusal)
      if (outcome !== null) done(outcome)
      else if (wait === 'admitted') done({ id: name, status: admission.status === 'waiting' ? 'waiting' : 'pending' })
    })
  })
}

/** What was submitted before is refused because it is final; null: it is, and nobody can be told yet. */
function refusedOrCommitted(context: HttpContext, id: Hash, refusal: Refusal): Outcome | null {
  const { driver } = context
  const name = toHex(id)
  const place = driver.placeOf(id)
  if (place !== undefined) return { id: name, status: 'final', height: place.height }
  return driver.isBeingCommitted(id) ? null : refusedOrUnseen(context, name, refusal)
}

/** What has used the nonce may be this transaction, in a block that is not here. */
function refusedOrUnseen({ driver }: HttpContext, id: string, { code, message }: Refusal): Outcome {
  if (code !== 'nonce-used' || !driver.lacksBlocks) return { id, status: 'refused', code, message }
  const advice = `${message}; that may be this one, in a block below a state that this validator took over: ask another one`
  return { id, status: 'unknown', code: 'perhaps-final', message: advice }
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
    case 'unknown':
      return 503
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
