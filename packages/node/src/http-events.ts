/** Server-sent events: one `block` per committed block. */
import { toHex } from '@aethel/codec'
import type { FastifyInstance } from 'fastify'
import { whenGone } from './http-bounds.js'
import { headerJson } from './http-chain.js'
import type { HttpContext } from './http-context.js'
import { HttpError } from './http-error.js'

export const MAX_EVENT_STREAMS = 64
/** A consumer of events that lags behind by more is cut off at the next block or heartbeat: that and one event, of 4.5 MB at most, wait for it. */
export const MAX_STREAM_BACKLOG_BYTES: number = 1024 * 1024

/**
 * How often a stream says that it is there, block or not: a proxy closes what is silent for a minute, and a consumer whose machine is gone is
 * found out by what it does not acknowledge, else it would keep its place as long as the chain is idle.
 */
export const HEARTBEAT_MS = 15_000

export function registerEvents(app: FastifyInstance, context: HttpContext): void {
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
    // Looked at before: what is written counts as waiting until the event loop turns, and one large block is no lag.
    const send = (event: string): void => {
      if (raw.writableLength > MAX_STREAM_BACKLOG_BYTES) socket.destroy()
      else raw.write(event)
    }
    const heartbeat = setInterval(() => send(': heartbeat\n\n'), HEARTBEAT_MS).unref()
    const stop = context.driver.onCommitted(({ block, transactions }) => {
      const data = {
        ...headerJson(block.header, block.hash, transactions.length),
        transactionIds: transactions.map((transaction) => toHex(transaction.id)),
      }
      send(`event: block\ndata: ${JSON.stringify(data)}\n\n`)
    })
    whenGone(request.raw, raw, () => {
      streams--
      clearInterval(heartbeat)
      stop()
    })
  })
}
