import { describe, expect, test } from 'vitest'
import { growingPercentFor } from './heap-room.js'

const MIB = 1024 * 1024

describe('room for byte arrays', () => {
  test('a small heap may grow by 96 MiB, whatever lives on it; a large one as V8 decides', () => {
    for (const used of [16, 24, 32, 48, 64]) {
      const room = (used * growingPercentFor(used * MIB)) / 100
      expect(room).toBeGreaterThan(95)
      expect(room).toBeLessThan(97)
    }
    expect(growingPercentFor(65 * MIB)).toBe(0)
    expect(growingPercentFor(0)).toBe(800)
    expect(growingPercentFor(MIB)).toBe(800)
  })
})
