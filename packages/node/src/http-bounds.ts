/**
 * What clients together can make the HTTP API hold (docs/protocol.md §13): connections, and bodies on their way in. A body is
 * charged when its headers have come, by what they announce, and given back when its answer has left; who announces nothing is
 * charged the largest. Beyond the bound a client is told to come again, before its body is read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Of one request. */
export const MAX_BODY_BYTES: number = 16 * 1024 * 1024
/** Of all requests under way: sixteen of the largest. */
export const MAX_BODIES_BYTES: number = 16 * MAX_BODY_BYTES
/** Each has buffers of some 64 KiB at most beside its body. */
export const MAX_CONNECTIONS = 1_024
/** To send a whole request; who drips is cut off. */
export const REQUEST_MS = 60_000

export interface BodyBudget {
  readonly heldBytes: number
}

export function boundBodies(app: FastifyInstance, mostBytes: number = MAX_BODIES_BYTES): BodyBudget {
  const budget = { heldBytes: 0 }
  app.server.maxConnections = MAX_CONNECTIONS
  app.addHook('onRequest', (request, reply, done) => {
    const bytes = announcedBytes(request.headers)
    if (bytes === 0) return done()
    if (budget.heldBytes + bytes > mostBytes) {
      void reply
        .code(503)
        .header('connection', 'close')
        .send({
          code: 'busy',
          message: `expected at most ${mostBytes} bytes of requests at a time, and there are ${budget.heldBytes}; try again later`,
        })
      return
    }
    budget.heldBytes += bytes
    whenGone(request.raw, reply.raw, () => {
      budget.heldBytes -= bytes
    })
    done()
  })
  return budget
}

/** By connection: what is to be done when it ends. */
const onEnd = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls back once, when the answer or its connection is closed: an answer that waits behind another one on its connection is not told.
 * Nothing is said of a connection that has ended before.
 */
export function whenGone({ socket }: IncomingMessage, answer: ServerResponse, callback: () => void): void {
  let waiting = onEnd.get(socket)
  if (waiting === undefined) {
    const callbacks = new Set<() => void>()
    onEnd.set(socket, callbacks)
    socket.once('close', () => {
      for (const each of callbacks) each()
    })
    waiting = callbacks
  }
  const gone = (): void => {
    if (waiting.delete(gone)) callback()
  }
  waiting.add(gone)
  answer.once('close', gone)
}

function announcedBytes(headers: {
  readonly 'content-length'?: string | undefined
  readonly 'transfer-encoding'?: string | undefined
}): number {
  if (headers['transfer-encoding'] !== undefined) return MAX_BODY_BYTES
  const length = Number(headers['content-length'] ?? 0)
  return Number.isFinite(length) ? Math.min(MAX_BODY_BYTES, Math.max(0, length)) : MAX_BODY_BYTES
}
