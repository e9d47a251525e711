/**
 * Ctrl-C or SIGTERM in the middle of many runs: what has been run so far is still worth telling, so the command stops soon, prints
 * its summary and ends with code 130. A second one ends it without.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { EXIT, whenAbandoned } from './exit.js'

/**
 * One Ctrl-C may come twice: the terminal sends it to all of its processes, and npm passes its own on to its child, which is this process
 * where the shell between them replaces itself by it.
 */
export const SAME_SIGNAL_MS = 1_000

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/**
 * Signals reach this thread between two runs only: where a run takes longer than this, they had better end the process as they always do. Of
 * processor time: on a machine that is busy with other things a short run is none the longer.
 */
const LONGEST_RUN_MS = 1_000

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

export interface Interruption {
  /** Aborts when a signal comes: for work that is done elsewhere, on other threads. */
  readonly signal: AbortSignal
  /** For work on this thread, before each of its runs: whether a signal has come. */
  hasCome(): Promise<boolean>
}

/** Outside of `body` signals end the process as they always do. */
export async function untilInterrupted<T>(body: (interruption: Interruption) => Promise<T>): Promise<T> {
  const heard = new Heard()
  try {
    return await body(heard)
  } finally {
    // What follows an interruption is a few lines of output: the same Ctrl-C once more must not cut them off.
    if (!heard.isAborted) heard.ignore()
  }
}

class Heard implements Interruption {
  readonly #controller = new AbortController()
  #listens = false
  #unwatch = (): void => undefined
  #cameAt = 0
  #lastTurnAt: number | null = null

  get signal(): AbortSignal {
    this.#listen()
    return this.#controller.signal
  }

  get isAborted(): boolean {
    return this.#controller.signal.aborted
  }

  async hasCome(): Promise<boolean> {
    const now = processorMs()
    if (this.#lastTurnAt !== null && !this.isAborted) {
      if (now - this.#lastTurnAt > LONGEST_RUN_MS) this.ignore()
      else this.#listen()
    }
    await turn()
    this.#lastTurnAt = processorMs()
    return this.isAborted
  }

  #listen(): void {
    if (this.#listens) return
    this.#listens = true
    for (const name of SIGNALS) process.on(name, this.#onSignal)
    this.#unwatch = whenAbandoned(this.#onSignal)
  }

  ignore(): void {
    this.#listens = false
    for (const name of SIGNALS) process.off(name, this.#onSignal)
    this.#unwatch()
  }

  readonly #onSignal = (): void => {
    if (!this.isAborted) {
      this.#cameAt = performance.now()
      process.stderr.write('\nstopping\n')
      this.#controller.abort()
    } else if (performance.now() - this.#cameAt > SAME_SIGNAL_MS) process.exit(EXIT.interrupted)
  }
}
