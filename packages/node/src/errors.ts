/**
 * Why a node does not start, or stops by itself: a stable code, one line (what was expected, what came), an exit code for
 * the process and a hint at what to do.
 */
import { NetworkError } from '@aethel/network'
import { StoreError } from '@aethel/storage'

export const EXIT_INTERNAL = 1
export const EXIT_USAGE = 2

/** `code` is stable, `hint` says what to do, `exitCode` is what a program that ends because of it ends with. */
export class AethelError extends Error {
  override readonly name = 'AethelError'
  readonly code: string
  readonly exitCode: number
  readonly hint: string
  constructor(code: string, message: string, hint: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = hint
    this.exitCode = options.exitCode ?? EXIT_USAGE
  }
}

/** Whatever went wrong, as an `AethelError`; what nobody expected is our own bug. */
export function toAethelError(error: unknown): AethelError {
  if (error instanceof AethelError) return error
  if (error instanceof StoreError || error instanceof NetworkError) {
    const exitCode =
      error instanceof StoreError && (error.code === 'store-full' || error.code === 'store-write') ? EXIT_INTERNAL : EXIT_USAGE
    return new AethelError(error.code, error.message, error.hint, { cause: error, exitCode })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new AethelError('internal', `internal error: ${message}`, 'this is a bug in Aethel; please report it with the log', {
    cause: error,
    exitCode: EXIT_INTERNAL,
  })
}
