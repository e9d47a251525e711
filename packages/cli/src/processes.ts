/**
 * Validators as operating-system processes on this machine: each runs `aethel start` in its own process group, with its
 * log in its home. A validator lives no longer than whoever started it: it watches its standard input, and ends when that
 * closes, so not even `kill -9` on the parent leaves one behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Client, createClient } from './client.js'
import { CliError, EXIT, errorCodeOf, onUnread, usageError, whenAbandoned } from './exit.js'
import { SAME_SIGNAL_MS } from './interruption.js'

const READY_TIMEOUT_MS = 30_000
const READY_POLL_MS = 50
/** A graceful stop flushes the store; a validator that takes longer is killed, which its store survives. */
const STOP_TIMEOUT_MS = 10_000
/** What a process has said is there when it has ended; somebody who was given its standard error may hold that open for ever. */
const LAST_WORDS_MS = 1_000
const LOG_NAME = 'validator.log'
const TAIL_BYTES = 4_096

const BIN = fileURLToPath(new URL('../bin/aethel.js', import.meta.url))

export interface ValidatorProcess {
  readonly index: number
  readonly home: string
  readonly client: Client
  readonly logFile: string
  readonly running: boolean
  readonly pid: number | undefined
  /** What it said last: the reason, if it has stopped by itself. */
  readonly lastWords: string
  /** Resolves when the API answers. */
  start(): Promise<void>
  /** SIGKILL, as a crash would be. */
  kill(): Promise<void>
  stop(): Promise<void>
}

export function createValidatorProcess(index: number, home: string, url: string, chainId: string): ValidatorProcess {
  const client = createClient(url)
  const logFile = join(home, LOG_NAME)
  let child: ChildProcess | null = null
  let complaint = ''
  const lastWords = (): string => lastLine(complaint) ?? lastLogged(logFile)

  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const target = child
    if (target === null) return
    const exited = exitOf(target)
    target.kill(signal)
    const forced = setTimeout(() => target.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(forced)
    child = null
  }

  return {
    index,
    home,
    client,
    logFile,
    get running() {
      return child !== null && !hasExited(child)
    },
    get pid() {
      return child?.pid
    },
    get lastWords() {
      return lastWords()
    },
    start: async () => {
      // Its answers would be taken for those of the process that is begun here.
      if ((await client.status().catch(() => null)) !== null)
        throw usageError('port-in-use', `expected nobody at ${url} yet, but a validator answers there; stop it, or choose other ports`)
      complaint = ''
      child = launch(home, logFile, (part) => {
        complaint = (complaint + part).slice(-TAIL_BYTES)
      })
      await ready(child, client, { index, chainId, logFile, lastWords })
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  }
}

function launch(home: string, logFile: string, complain: (part: string) => void): ChildProcess {
  const log = openLog(logFile)
  try {
    const args = [BIN, 'start', '--home', home, '--exit-with-parent']
    // Its own process group: Ctrl-C reaches only us, and we stop the validators in order.
    const child = spawn(process.execPath, args, { stdio: ['pipe', log, 'pipe'], detached: true })
    // Heard here, too: where the disk is full the log cannot say so.
    child.stderr?.on('data', (part) => {
      complain(String(part))
      appendToLog(logFile, part)
    })
    boundLastWords(child)
    // The system has no process or descriptor to give: it has ended, as it were, and this is what it said.
    child.once('error', (error) => complain(`it cannot be run: ${error.message}`))
    return child
  } finally {
    closeSync(log)
  }
}

function appendToLog(logFile: string, part: Uint8Array): void {
  try {
    appendFileSync(logFile, part)
  } catch {
    // It is known here.
  }
}

function openLog(logFile: string): number {
  try {
    return openSync(logFile, 'a', 0o600)
  } catch (error) {
    throw usageError('home', `expected the home of a validator around ${logFile}, but that cannot be written (${errorCodeOf(error)})`)
  }
}

/** So soon after its end a process counts as one that has said all. */
export function boundLastWords(child: ChildProcess): void {
  child.once('exit', () => {
    const timer = setTimeout(() => child.stderr?.destroy(), LAST_WORDS_MS)
    child.once('close', () => clearTimeout(timer))
  })
}

/** And has said all. */
function hasExited(child: ChildProcess): boolean {
  const { stderr } = child as { readonly stderr?: ChildProcess['stderr'] } // none where it could not even be begun
  return (child.exitCode !== null || child.signalCode !== null) && (stderr == null || stderr.readableEnded || stderr.destroyed)
}

export function exitOf(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return Promise.resolve()
  return new Promise((resolve) => child.once('close', () => resolve()))
}

interface Started {
  readonly index: number
  readonly chainId: string
  readonly logFile: string
  lastWords(): string
}

export async function ready(
  child: ChildProcess,
  client: Pick<Client, 'status'>,
  { index, chainId, logFile, lastWords }: Started,
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  for (;;) {
    if (hasExited(child)) {
      throw new CliError(EXIT.internal, 'validator-stopped', `validator ${index} stopped while starting: ${lastWords()} (log: ${logFile})`)
    }
    try {
      const status = await client.status()
      if (status.index === index && status.chainId === chainId) return
    } catch {
      // Not listening yet.
    }
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      await exitOf(child)
      throw new CliError(
        EXIT.internal,
        'validator-silent',
        `validator ${index} did not answer within ${READY_TIMEOUT_MS / 1000} s (log: ${logFile})`,
      )
    }
    await sleep(READY_POLL_MS)
  }
}

function lastLogged(logFile: string): string {
  try {
    return lastLine(readFileSync(logFile).subarray(-TAIL_BYTES).toString('utf8')) ?? 'it left no log'
  } catch (error) {
    return `its log cannot be read (${errorCodeOf(error) ?? 'unknown'})`
  }
}

function lastLine(text: string): string | undefined {
  const line = text
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^aethel: /, '')
  return line === '' ? undefined : line
}

export async function startAll(validators: readonly ValidatorProcess[]): Promise<void> {
  const outcomes = await Promise.allSettled(validators.map((validator) => validator.start()))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return
  await stopAll(validators)
  throw failed.reason
}

export async function stopAll(validators: readonly ValidatorProcess[]): Promise<void> {
  await Promise.all(validators.map((validator) => validator.stop()))
}

export type Ending = 'done' | 'failed' | 'interrupted'

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

/**
 * Runs `body`, then `cleanUp`, exactly once, whichever way it ends. On Ctrl-C, SIGTERM or a closed terminal `cleanUp` runs
 * at once and the process ends with 128 + signal; so it does with 0 when nobody reads the output any more.
 */
export async function interruptible<T>(cleanUp: (ending: Ending) => Promise<void>, body: () => Promise<T>): Promise<T> {
  let interruptedAt: number | null = null
  const onSignal = (signal: NodeJS.Signals): void => stop(128 + SIGNALS[signal as keyof typeof SIGNALS])
  const leave = (): void => stop(EXIT.ok)
  const stop = (exitCode: number): void => {
    if (interruptedAt !== null) {
      // A second Ctrl-C does not wait; validators then end because their standard input closes.
      if (performance.now() - interruptedAt > SAME_SIGNAL_MS) process.exit(exitCode)
      return
    }
    interruptedAt = performance.now()
    process.stderr.write('\nstopping\n')
    void cleanUp('interrupted').finally(() => process.exit(exitCode))
  }
  for (const signal of Object.keys(SIGNALS)) process.on(signal, onSignal)
  onUnread.add(leave)
  const unwatch = whenAbandoned(() => onSignal('SIGTERM'))
  try {
    const outcome = await Promise.allSettled([body()]).then(([settled]) => settled)
    // While stopping, everything fails: the signal decides how we end.
    if (interruptedAt !== null) await new Promise(() => undefined)
    await cleanUp(outcome.status === 'fulfilled' ? 'done' : 'failed')
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  } finally {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal)
    onUnread.delete(leave)
    unwatch()
  }
}
