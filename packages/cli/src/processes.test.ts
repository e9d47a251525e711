/** A validator that has ended is one, whoever holds what it could have said something on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { boundLastWords, exitOf, ready } from './processes.js'

/** A process of a group of its own. */
const groups: number[] = []
afterEach(() => {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, 'SIGKILL')
    } catch {
      // All of it has ended.
    }
  }
})

function run(script: string): ChildProcess {
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  if (child.pid !== undefined) groups.push(child.pid)
  child.stderr?.resume()
  boundLastWords(child)
  return child
}

/** Ends at once, and leaves a process behind that has its standard error. */
const HELD = 'sleep 60 & echo "aethel: no home" >&2; exit 2'
const nobody = { status: () => Promise.reject(new Error('nothing listens')) }
const about = { index: 0, chainId: '', logFile: 'validator.log', lastWords: () => 'no home' }

describe('a validator that ends while something holds its standard error', () => {
  it('is told as stopped, with its last words, and not waited for', async () => {
    const began = performance.now()
    await expect(ready(run(HELD), nobody, about)).rejects.toMatchObject({
      code: 'validator-stopped',
      message: expect.stringContaining('no home'),
    })
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  it('has exited for whoever stops it', async () => {
    const child = run(HELD)
    await new Promise((resolve) => child.once('exit', resolve))
    await exitOf(child)
    await exitOf(child) // also for who asks later
    expect(child.exitCode).toBe(2)
  })

  it('and says all where nothing holds it', async () => {
    const child = run('i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789 >&2; i=$((i+1)); done')
    let bytes = 0
    child.stderr?.on('data', (part: Buffer) => {
      bytes += part.length
    })
    await exitOf(child)
    expect(bytes).toBe(2_000 * 41)
  })
})
