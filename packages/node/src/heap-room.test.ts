import { describe, expect, test } from 'vitest'
import { growingPercentFor } from './heap-room.js'

const MIB = 1024 * 1024

describe('room for byte arrays', () => {
  test('a heap may grow by 128 MiB, whatever lives on it; a large one as V8 decides', () => {
    for (const used of [16, 25, 48, 100, 256]) {
      const room = (used * growingPercentFor(used * MIB)) / 100
      expect(room).toBeGreaterThan(126)
      expect(room).toBeLessThan(130)
    }
    expect(growingPercentFor(257 * MIB)).toBe(0)
    expect(growingPercentFor(0)).toBe(800)
    expect(growingPercentFor(MIB)).toBe(800)
  })
})
