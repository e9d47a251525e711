/** Reading over HTTP while a block is being written, by a driver that the test plays. */
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { HttpError } from './http-error.js'
import { waitUntilReadable } from './http-readable.js'

const open: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

function played(whenReadable: () => Promise<void> | undefined): FastifyInstance {
  const app = Fastify()
  open.push(app)
  waitUntilReadable(app, whenReadable, 50)
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof HttpError ? error.status : 500).send({ code: (error as HttpError).code }),
  )
  for (const url of ['/v1/blocks', '/v1/status', '/why', '/v1/why', '/v1/ready', '/metrics']) app.get(url, async () => ({ url }))
  app.post('/v1/transactions', async () => ({}))
  return app
}

const never = new Promise<void>(() => undefined)

test('I3: a disk that has stalled does not hang who reads: it is told so, and to ask another validator', async () => {
  const app = played(() => never)
  for (const url of ['/v1/blocks', '/v1/status']) {
    const answer = await app.inject({ method: 'GET', url })
    expect([url, answer.statusCode, answer.json()]).toEqual([url, 503, { code: 'storage-stalled' }])
  }
})

test('I3: what says how the validator is, and what is submitted, does not wait for the disk', async () => {
  let asked = 0
  const app = played(() => {
    asked++
    return never
  })
  for (const url of ['/why', '/v1/why', '/v1/ready', '/metrics']) expect((await app.inject({ method: 'GET', url })).statusCode).toBe(200)
  expect((await app.inject({ method: 'POST', url: '/v1/transactions' })).statusCode).toBe(200)
  expect(asked).toBe(0)
})

test('who reads waits for a block that is being written', async () => {
  let written = (): void => undefined
  const readable = new Promise<void>((resolve) => {
    written = resolve
  })
  const app = played(() => readable)
  let isAnswered = false
  const answer = app.inject({ method: 'GET', url: '/v1/blocks' }).then((got) => {
    isAnswered = true
    return got.statusCode
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isAnswered).toBe(false)
  written()
  expect(await answer).toBe(200)
})
