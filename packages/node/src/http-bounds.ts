/**
 * What clients together can make the HTTP API hold (docs/protocol.md §13): connections, bodies on their way in, answers on their way out. A body is
 * charged when its headers have come, by what they announce, and given back when its answer has left; who announces nothing is
 * charged the largest. Beyond the bound a client is told to come again, before its body is read.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

/** Of one request. */
export const MAX_BODY_BYTES: number = 16 * 1024 * 1024
/** Of all requests under way: sixteen of the largest. */
export const MAX_BODIES_BYTES: number = 16 * MAX_BODY_BYTES
/** Each has buffers of some 64 KiB at most beside its body. */
export const MAX_CONNECTIONS = 1_024
/** Of one connection, not answered yet. Whoever sends that many without waiting for an answer does not want them read one by one. */
export const MAX_PIPELINED = 16
/** Answers on their way out, all together: some twenty of the largest, which are pages of epochs and receipts of large claims. */
export const MAX_ANSWERS_BYTES: number = 256 * 1024 * 1024
/** What is read from a file as it goes out: some chunks, and the hashes of all. */
const STREAMED_BYTES: number = 1024 * 1024
/** Of an answer nothing has left for so long: whoever asked is cut off. */
const UNREAD_MS = 60_000
/** To send a whole request; who drips is cut off. */
export const REQUEST_MS = 60_000

export interface BodyBudget {
  readonly heldBytes: number
}

export function boundBodies(app: FastifyInstance, mostBytes: number = MAX_BODIES_BYTES): BodyBudget {
  const budget = { heldBytes: 0 }
  app.server.maxConnections = connectionsWithin(mostOpenFiles())
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

/** Where few files may be open, most of them are for the store and the mesh: a store that cannot begin its next log is done. */
const FILES_PER_CONNECTION = 4

/** `openFiles`: of this process, at most; null: not known. */
export function connectionsWithin(openFiles: number | null): number {
  return openFiles === null ? MAX_CONNECTIONS : Math.min(MAX_CONNECTIONS, Math.max(1, Math.floor(openFiles / FILES_PER_CONNECTION)))
}

/** Node has raised it as far as the system allows. Null: the system does not say. */
function mostOpenFiles(): number | null {
  try {
    const most = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return most === undefined ? null : Number(most)
  } catch {
    return null
  }
}

/** By connection: requests that are not answered yet. */
const underWay = new WeakMap<Socket, number>()

/** Node reads what a client sends as fast as it comes, answered or not, and hands on all that is in one piece. */
export function boundPipelines(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const count = (underWay.get(socket) ?? 0) + 1
    if (count > MAX_PIPELINED) {
      reply.hijack()
      socket.destroy()
      return
    }
    underWay.set(socket, count)
    socket.setTimeout(0) // it may have been one that did not read
    whenGone(request.raw, reply.raw, () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1))
    done()
  })
}

export interface AnswerOptions {
  readonly mostBytes?: number
  readonly unreadMs?: number
}

/** An answer is charged when it is ready and given back when it has left; beyond the bound a client is told to come again. */
export function boundAnswers(
  app: FastifyInstance,
  { mostBytes = MAX_ANSWERS_BYTES, unreadMs = UNREAD_MS }: AnswerOptions = {},
): BodyBudget {
  const budget = { heldBytes: 0 }
  app.addHook('onSend', (request, reply, payload: unknown, done) => {
    const { socket } = request.raw
    if (socket.destroyed) return done(null, payload) // it has left while it waited, and will not say so again
    const bytes = lengthOf(payload)
    socket.setTimeout(unreadMs)
    if (budget.heldBytes + bytes > mostBytes) {
      if (payload instanceof Readable) payload.destroy()
      const message = `expected at most ${mostBytes} bytes of answers that clients have not read, and there are ${budget.heldBytes}; try again later`
      void reply.code(503).removeHeader('content-length').header('content-type', 'application/json; charset=utf-8')
      return done(null, JSON.stringify({ code: 'busy', message }))
    }
    budget.heldBytes += bytes
    whenGone(request.raw, reply.raw, () => {
      budget.heldBytes -= bytes
    })
    done(null, payload)
  })
  return budget
}

function lengthOf(payload: unknown): number {
  if (payload instanceof Readable) return STREAMED_BYTES
  return typeof payload === 'string' || payload instanceof Uint8Array ? payload.length : 0
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
