/** Operating failures of a store, each with a stable code, one line on what was found, and what to do about it. */
export type StoreErrorCode =
  /** Another process holds this store. */
  | 'store-locked'
  /** The store belongs to another chain. */
  | 'store-chain'
  /** Written by a version of the software that this one does not understand. */
  | 'store-format'
  /** There is none, and whoever opens it says that there was one. */
  | 'store-missing'
  /** A record is missing or is not what was written: the validator must not vote on what is left. */
  | 'store-damaged'
  | 'store-unreadable'
  /** No space left on the device. */
  | 'store-full'
  /** A write failed for another reason. */
  | 'store-write'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly hint: string
  constructor(code: StoreErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
  }
}

/** For want of file descriptors or memory, which passes: the disk is not to blame, and nothing on it is to be given up. */
export function isForWant(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') return true
  return /too many open files|cannot allocate memory/i.test(String(message)) // LevelDB has no codes for these
}

/** What cannot be read: because it is damaged, or only now. */
export function unread(what: string, error: unknown): StoreError {
  const message = error instanceof Error ? error.message : String(error)
  if (!isForWant(error)) return damaged(`${what} cannot be read: ${message}`)
  return new StoreError(
    'store-unreadable',
    `${what} cannot be read now: ${message}`,
    'the store is not damaged: let the process open more files (ulimit -n), or give it more memory, and start it again',
    error,
  )
}

export function damaged(what: string): StoreError {
  return new StoreError(
    'store-damaged',
    `the store is damaged: ${what}`,
    'this validator must not vote with a partial memory of what it signed; keep the directory for inspection and restore the home from a backup that is not older than its last vote',
  )
}
