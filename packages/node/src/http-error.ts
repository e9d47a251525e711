/** What routes of the HTTP API share: errors with a code, and reading parameters strictly. */
import { fromHex, type Hash, hash } from '@aethel/codec'
import type { FastifyRequest } from 'fastify'

export class HttpError extends Error {
  readonly status: number
  readonly code: string
  readonly extra: Readonly<Record<string, unknown>>
  constructor(status: number, code: string, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.extra = extra
  }
}

export function bodyOf(request: FastifyRequest): Uint8Array {
  if (request.body instanceof Uint8Array) return request.body
  throw new HttpError(415, 'content-type', 'expected a body of type application/octet-stream')
}

export function parameter(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string | undefined>)[name] ?? ''
}

export function hashAt(request: FastifyRequest, name: string): Hash {
  const bytes = fromHex(parameter(request, name))
  if (!bytes.ok || bytes.value.length !== 32) throw new HttpError(400, 'hash', `expected ${name} as 64 lower-case hex digits`)
  return hash(bytes.value)
}

export function numberOf(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  // `Number` alone takes "", "1e3" and "0x10" for numbers, too.
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new HttpError(400, name, `expected ${name} as a whole number, got ${text}`)
  return value
}
