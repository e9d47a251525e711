/**
 * How a command ends: the exit codes scripts may rely on, and the one error class that carries them. Everything else that is
 * thrown is our own bug and ends with code 1.
 */

export const EXIT = {
  ok: 0,
  internal: 1,
  /** A wrong option, or input that cannot be read. */
  usage: 2,
  /** A proof or receipt that was read and refused. */
  invalid: 3,
  /** `prove` found no proof: the solver gave up, or what it says does not hold. */
  unsolved: 4,
  /** Accepted, but not final within the time given. */
  pending: 5,
  unreachable: 6,
  /** The simulator found a broken invariant. */
  violation: 7,
  /** Ctrl-C or SIGTERM ended it before all was done: 128 + SIGINT, as shells say. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** An expected failure: says what was expected, what came and what to do, in one line. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: ExitCode
  /** Stable kebab-case code, printed with `--json`. */
  readonly code: string

  constructor(exitCode: ExitCode, code: string, message: string) {
    super(message)
    this.exitCode = exitCode
    this.code = code
  }
}

export function usageError(code: string, message: string): CliError {
  return new CliError(EXIT.usage, code, message)
}

/**
 * Many lines of a message as one: an error is one line on stderr. A message may quote what somebody else wrote, and a terminal obeys control
 * characters, so these are shown and not sent.
 */
export function oneLine(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
    .replaceAll(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** What there is to do when nobody reads the output any more; without any the program just ends. */
export const onUnread: Set<() => void> = new Set()

const PARENT_POLL_MS = 500

/**
 * npm and npx run a program in a shell; told to end, they tell the shell, which ends without telling the program. So whoever is run by them
 * watches whether that shell is still there. Returns how to stop watching.
 */
export function whenAbandoned(stop: () => void): () => void {
  if (process.env['npm_command'] === undefined) return () => undefined
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    stop()
  }, PARENT_POLL_MS).unref()
  return () => clearInterval(timer)
}

export function errorCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
