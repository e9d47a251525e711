/**
 * The HTTP API (docs/operations.md): the server, and what holds for all routes. Reads show committed, durable state only. Bodies, lists and
 * waiting clients are bounded; errors are `{code, message}`.
 */
import type { Socket } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { AethelError } from './errors.js'
import { registerBlobs } from './http-blobs.js'
import { boundAnswers, boundBodies, boundPipelines, MAX_BODY_BYTES, REQUEST_MS } from './http-bounds.js'
import { registerChain } from './http-chain.js'
import { CLAIM_PARAMETERS, registerClaims } from './http-claims.js'
import type { HttpContext } from './http-context.js'
import { HttpError, requireQuery } from './http-error.js'
import { registerEvents } from './http-events.js'
import { waitUntilReadable } from './http-readable.js'
import { registerStatus } from './http-status.js'
import { registerTransactions } from './http-transactions.js'

/** No route has a schema. Without this fastify loads Ajv for one all the same: a fifth of the time a validator needs to start. */
const noCompiler = (): never => {
  throw new AethelError('route-schema', 'expected no schema on any route', 'this is a bug in Aethel')
}
const NO_COMPILERS = { buildValidator: noCompiler, buildSerializer: noCompiler }

export async function serveHttp(context: HttpContext): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    schemaController: { compilersFactory: NO_COMPILERS },
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
    clientErrorHandler: refuseConnection,
  })
  boundPipelines(app)
  boundBodies(app)
  boundAnswers(app)
  waitUntilReadable(app, () => context.driver.whenReadable())
  app.addHook('onRequest', async (request) => {
    const { url } = request.routeOptions
    // Whoever collects metrics may add parameters of its own; what is no route is said to be none.
    if (url !== undefined && url !== '/metrics') requireQuery(request.query, parametersOf(request.method, url))
  })
  app.removeAllContentTypeParsers() // no route takes JSON or text
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
  registerEvents(app, context)
  registerStatus(app, context)
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
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new AethelError('listen-failed', `cannot listen on ${host}:${port}: ${error.message}`, 'check host and port in config.json', {
      cause: error,
    })
  }
  return app
}

const WAITING = ['wait', 'timeoutMs']
/** What is looked at after the question mark, by route; nothing for those that are not named. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  'GET /v1/claims': CLAIM_PARAMETERS,
  'GET /v1/blocks': ['from', 'limit'],
  'GET /v1/epochs': ['from'],
  'POST /v1/transactions': WAITING,
  'POST /v1/transactions/batch': WAITING,
  'POST /v1/blobs/:root': ['bytes'],
  'PUT /v1/blobs/:root/:index': ['bytes'],
}

function parametersOf(method: string, url: string): readonly string[] {
  return PARAMETERS[`${method === 'HEAD' ? 'GET' : method} ${url}`] ?? []
}

/** What is no request, or not a whole one in time: nobody reads on, and the connection ends. */
const NO_REQUEST: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers', 'expected less in the first line and the headers of a request'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Payload Too Large', 'body-too-large', 'expected a body in chunks that say nothing else'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request-timeout', `expected a whole request within ${REQUEST_MS / 1000} s`],
}

function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, code, message] = NO_REQUEST[error.code ?? ''] ?? ['400 Bad Request', 'no-request', 'expected a request of HTTP/1.1']
  const body = JSON.stringify({ code, message })
  const head = `content-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close`
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`)
  socket.destroy(error)
}

/** What is refused before any route sees it, in our words. */
function refusalOf(code: string, message: string): HttpError | null {
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpError(415, 'content-type', 'expected a body of type application/octet-stream')
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpError(413, 'body-too-large', `expected a body of at most ${MAX_BODY_BYTES} bytes`)
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HttpError(414, 'url', message)
    case 'FST_ERR_BAD_URL':
      return new HttpError(400, 'url', message)
    default:
      return null
  }
}

function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const message = error instanceof Error ? error.message : 'internal error'
  const { code = 'internal', statusCode = 500 } = error as { code?: string; statusCode?: number }
  const refusal = error instanceof HttpError ? error : refusalOf(code, message)
  if (refusal === null) return reply.code(statusCode).send({ code: code.toLowerCase(), message })
  return reply.code(refusal.status).send({ code: refusal.code, message: refusal.message, ...refusal.extra })
}
