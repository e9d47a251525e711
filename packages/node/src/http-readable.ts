/**
 * Reading over HTTP while a block is being written. Whoever was told that its transaction is final finds it, its block and its receipt, so
 * a request waits until what was told can be read; not for ever, for a disk that has stalled may never answer. What says how the validator
 * is does not wait: it is asked for just then.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { HttpError } from './http-error.js'

/** Less than clients wait for an answer. */
const WAIT_MS = 5_000
const AT_ONCE: ReadonlySet<string> = new Set(['/why', '/v1/why', '/v1/ready', '/metrics'])

/** `whenReadable` as of the driver; undefined: it is. */
export function waitUntilReadable(app: FastifyInstance, whenReadable: () => Promise<void> | undefined, waitMs: number = WAIT_MS): void {
  app.addHook('onRequest', async (request) => {
    if (request.method !== 'GET' || AT_ONCE.has(request.routeOptions.url ?? '')) return
    const readable = whenReadable()
    if (readable !== undefined) await within(waitMs, readable)
  })
}

async function within(waitMs: number, readable: Promise<void>): Promise<void> {
  const tooLong = new AbortController()
  const isReadable = await Promise.race([readable.then(() => true), sleep(waitMs, false, { ref: false, signal: tooLong.signal })])
  if (isReadable) return tooLong.abort()
  const message = `expected the newest block to be on this validator's disk within ${waitMs / 1000} s, and it is not yet; ask another validator, or again later`
  throw new HttpError(503, 'storage-stalled', message)
}
