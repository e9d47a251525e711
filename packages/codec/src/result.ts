/**
 * Expected outcomes are values. A function that may refuse its input returns a `Result`; only our own bugs throw
 * (see `assert`).
 */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

/** A refusal: a stable machine-readable code and a sentence that says what was expected, what came and what to do. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}

export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error }
}

export function refuse(code: string, message: string): { readonly ok: false; readonly error: Refusal } {
  return { ok: false, error: { code, message } }
}

/** Our own bug: a broken invariant. It stops the process; assertions stay on in production. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** A message that is put together is given as a function: most assertions hold, and a text for each would cost more than the check. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message())
}

/** For the end of an exhaustive `switch`: a new variant breaks the build until it is handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable variant ${JSON.stringify(value)}`)
}
