/** What a proof thread holds beyond the meter, however many proofs come one after the other. Linux only: the system says what is in use. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const FREE_BYTES = 64 * 1024 * 1024

describe.skipIf(!existsSync('/proc/self/clear_refs'))('a proof thread under proofs that allocate as much as they may', () => {
  test('holds at most 64 MiB more than the meter of the one it is at: those before leave nothing behind', () => {
    const output = execFileSync(process.execPath, [fileURLToPath(new URL('../test/memory-bombs.js', import.meta.url))]).toString()
    const results = JSON.parse(output) as { name: string; statuses: string[]; meteredBytes: number; grownBytes: number }[]
    expect(results.length).toBe(4)
    for (const { name, statuses, meteredBytes, grownBytes } of results) {
      expect(statuses, name).toEqual(['invalid'])
      expect(meteredBytes, name).toBeGreaterThan(10_000_000)
      expect(grownBytes - meteredBytes, name).toBeLessThan(FREE_BYTES)
    }
  }, 300_000)
})
