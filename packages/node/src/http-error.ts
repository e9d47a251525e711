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

export interface Range {
  readonly least?: number
  readonly most?: number
}

/** Left out, it is `fallback`. */
export function numberOf(text: string | undefined, name: string, fallback: number, { least = 0, most }: Range = {}): number {
  if (text === undefined) return fallback
  const value = Number(text)
  // `Number` alone takes "", "1e3" and "0x10" for numbers, too.
  const isNumber = /^\d+$/.test(text) && Number.isSafeInteger(value)
  if (isNumber && value >= least && (most === undefined || value <= most)) return value
  const range = most !== undefined ? ` of ${least}..${most}` : least > 0 ? ` from ${least} on` : ''
  throw new HttpError(400, name, `expected ${name} as a whole number${range}, got ${JSON.stringify(text)}`)
}

export type Query = Readonly<Record<string, string | undefined>>

/** Once `requireQuery` has looked at it. */
export function queryOf(request: FastifyRequest): Query {
  return request.query as Query
}

/**
 * Whoever mistypes a parameter, says it twice or leaves its value out is told so: the answer would be to another question than was asked.
 * `known`: what the route looks at.
 */
export function requireQuery(query: unknown, known: readonly string[]): void {
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    if (!known.includes(name)) {
      const expected = known.length === 0 ? 'no parameters' : `some of ${known.join(', ')}`
      throw new HttpError(400, 'parameter', `expected ${expected}, got ${JSON.stringify(name)}`)
    }
    if (typeof value !== 'string') throw new HttpError(400, 'parameter', `expected "${name}" once`)
    if (value === '') throw new HttpError(400, name, `expected a value for "${name}", got none; leave it out if it does not matter`)
  }
}
