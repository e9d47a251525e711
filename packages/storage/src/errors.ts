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
  /** The system does not let it be read: rights, limits, the disk. Says nothing about what is stored. */
  | 'store-unreadable'
  /** No space left on the device. */
  | 'store-full'
  /** A write failed for another reason. */
  | 'store-write'

/** Why a store does not open, cannot be read, or takes nothing any more; `hint` says what to do. */
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

export function damaged(what: string): StoreError {
  return new StoreError(
    'store-damaged',
    `the store is damaged: ${what}`,
    'this validator must not vote with a partial memory of what it signed; move the store away, never put an older copy in its place, and start with --recover: it then follows without voting until it is past everything it may have signed',
  )
}

export function inUse(path: string, cause: unknown): StoreError {
  return new StoreError(
    'store-locked',
    `the store ${path} is in use by another process`,
    'stop the other validator of this home first; two processes with one key would sign conflicting votes',
    cause,
  )
}

/** Damage is a statement about what is stored. What the system refuses to read is none; the next start looks at all of it again. */
export function readError(what: string, error: unknown): StoreError {
  const message = `${what} cannot be read: ${messageOf(error)}`
  if (isDamage(error)) return damaged(message)
  return new StoreError(
    'store-unreadable',
    message,
    'the system did not let the store be read, which need not be damage: check the limit of open files, the memory and the disk, then start the validator again',
    error,
  )
}

/** LevelDB calls it an I/O error, too, when a table is gone, or shorter than its index says. */
function isDamage(error: unknown): boolean {
  return (
    (error as { code?: unknown }).code === 'LEVEL_CORRUPTION' ||
    /^IO error: .*(Invalid argument|No such file or directory)/.test(messageOf(error))
  )
}

/** Descriptors or memory have run out, here or in the system: a file that cannot be opened for that may well be as it was written. */
export function isExhausted(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM'].includes(String((error as { code?: unknown } | null)?.code))
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export function isDiskFull(error: unknown): boolean {
  return /no space left|ENOSPC|disk quota/i.test(messageOf(error))
}

export function diskFull(cause: unknown): StoreError {
  return new StoreError(
    'store-full',
    'the disk is full: a write to the store failed',
    'free some space, then start the validator again',
    cause,
  )
}

export function writeError(error: unknown): StoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (isDiskFull(cause) || isDiskFull(error)) return diskFull(error)
  return new StoreError(
    'store-write',
    `a write to the store failed: ${messageOf(cause)}`,
    'check the disk, then start the validator again',
    error,
  )
}
