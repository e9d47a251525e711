/** A validator that has answered once, and then does not: it is restarted, perhaps, and what it took may become final meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError, EXIT } from './exit.js'

export const RETRY_MS = 250

export function isUnreachable(error: unknown): error is CliError {
  return error instanceof CliError && error.exitCode === EXIT.unreachable
}

/** Waits between two attempts, and says why, once per outage. */
export class Patience {
  readonly #say: (line: string) => void
  #isOut = false

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  async pause(error: CliError): Promise<void> {
    if (!this.#isOut) this.#say(`${error.message}; trying again`)
    this.#isOut = true
    await sleep(RETRY_MS)
  }

  /** It answers again. */
  over(): void {
    this.#isOut = false
  }

  /** Repeats what may be repeated while nothing answers, for so long since the first attempt, or since `progress` last changed. */
  async during<T>(timeoutMs: number, attempt: () => Promise<T>, progress: () => number = () => 0): Promise<T> {
    let moved = progress()
    let deadline = Date.now() + timeoutMs
    for (;;) {
      try {
        const result = await attempt()
        this.over()
        return result
      } catch (error) {
        if (progress() !== moved) {
          moved = progress()
          deadline = Date.now() + timeoutMs
        }
        if (!isUnreachable(error) || Date.now() + RETRY_MS >= deadline) throw error
        await this.pause(error)
      }
    }
  }
}
