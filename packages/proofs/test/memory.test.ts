/** A kernel under attack takes at most 64 MiB more memory than its meter has counted. Linux only: the system says what is in use. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const FREE_BYTES = 64 * 1024 * 1024

describe.skipIf(!existsSync('/proc/self/status'))('memory', () => {
  it('a doubling bomb of metamath/1, again and again, stays near what it was charged for', () => {
    const output = execFileSync(process.execPath, [fileURLToPath(new URL('bomb.js', import.meta.url))]).toString()
    const { ends, meteredBytes, grownBytes } = JSON.parse(output) as { ends: string[]; meteredBytes: number; grownBytes: number }
    expect(ends).toEqual(['memory'])
    expect(meteredBytes).toBeGreaterThan(20_000_000)
    expect(grownBytes).toBeLessThan(meteredBytes + FREE_BYTES)
  })
})
