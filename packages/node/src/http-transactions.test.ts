/** What clients are told of a transaction that comes again, by a node whose replica and driver the test plays. */
import { type Hash, keyOf } from '@aethel/codec'
import { transactionIdOf } from '@aethel/replica'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import type { HttpContext } from './http-context.js'
import { registerTransactions } from './http-transactions.js'
import { type Settlement, Settlements } from './settlements.js'

const BYTES = new Uint8Array([1, 2, 3])
const ID = transactionIdOf(BYTES)
const NAME = Buffer.from(ID).toString('hex')
const NONCE_USED = { status: 'refused', id: ID, refusal: { code: 'nonce-used', message: 'expected nonce 6, got 5' } } as const

const open: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

/** Refuses what it is given, because its replica has gone on. */
function played({ isCommitted = false, hasGap = false, hasRefused = false } = {}) {
  const settlements = new Settlements()
  const app = Fastify()
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  registerTransactions(app, {
    driver: {
      awaited: 0,
      placeOf: () => undefined,
      isBeingCommitted: () => isCommitted,
      lacksBlocks: hasGap,
      refusalOf: () => (hasRefused ? NONCE_USED.refusal : undefined),
      submit: async () => NONCE_USED,
      onSettled: (id: Hash, callback: (settlement: Settlement) => void) => settlements.on(id, callback),
    },
    replica: { transactionStatus: () => 'unknown' },
  } as unknown as HttpContext)
  open.push(app)
  const post = async (wait: string): Promise<{ statusCode: number; body: unknown }> => {
    const url = `/v1/transactions?wait=${wait}&timeoutMs=5000`
    const headers = { 'content-type': 'application/octet-stream' }
    const answer = await app.inject({ method: 'POST', url, headers, payload: Buffer.from(BYTES) })
    return { statusCode: answer.statusCode, body: answer.json() }
  }
  const look = async (): Promise<number | string> => {
    const answer = await app.inject({ method: 'GET', url: `/v1/transactions/${NAME}` })
    return answer.statusCode === 200 ? answer.json().status : answer.statusCode
  }
  return { post, look, settle: (settlement: Settlement) => settlements.settle(keyOf(ID), settlement), settlements }
}

test('B12: what is being committed is pending for whoever asks or sends it again, never refused for the nonce that it uses itself', async () => {
  const { post, look, settle, settlements } = played({ isCommitted: true })
  expect(await look()).toBe('pending')
  expect(await post('admitted')).toEqual({ statusCode: 202, body: { id: NAME, status: 'pending' } })
  const told = post('final')
  while (settlements.awaited === 0) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  settle({ status: 'final', height: 7 })
  expect(await told).toEqual({ statusCode: 200, body: { id: NAME, status: 'final', height: 7 } })
})

test('who waits for it while a state is taken over, whose nonce of the account is higher, hears that it may be final', async () => {
  const { post, settle, settlements } = played({ isCommitted: true, hasGap: true })
  const told = post('final')
  while (settlements.awaited === 0) await new Promise((resolve) => setImmediate(resolve))
  settle(NONCE_USED)
  expect((await told).body).toMatchObject({ status: 'unknown', code: 'perhaps-final' })
})

test('a nonce that another transaction has used is a refusal, unless the block with that one is not here', async () => {
  const refusal = { id: NAME, status: 'refused', code: 'nonce-used', message: 'expected nonce 6, got 5' }
  const whole = played()
  expect(await whole.look()).toBe(404)
  for (const wait of ['admitted', 'final']) expect(await whole.post(wait)).toEqual({ statusCode: 400, body: refusal })
  expect(await played({ hasRefused: true }).look()).toBe('refused')
  const gap = played({ hasGap: true })
  expect(await played({ hasRefused: true, hasGap: true }).look()).toBe('unknown')
  for (const wait of ['admitted', 'final']) {
    expect(await gap.post(wait)).toEqual({
      statusCode: 503,
      body: { id: NAME, status: 'unknown', code: 'perhaps-final', message: expect.stringContaining('ask another one') },
    })
  }
})
