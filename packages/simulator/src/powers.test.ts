import { describe, expect, it } from 'vitest'
import { unevenPowers } from './powers.js'
import { randomStream } from './random.js'
import { runSimulation } from './simulate.js'

describe('powers that are far apart', () => {
  it('the faulty weigh less than a third, often with nothing to spare, and nobody is a quorum alone', () => {
    let exact = 0
    let spread = 0n
    for (let seed = 0; seed < 500; seed++) {
      const isFaulty = Array.from({ length: 4 + (seed % 4) }, (_, index) => index > 0 && index <= (seed % 3) % 2)
      const powers = unevenPowers(randomStream(seed, 'powers'), isFaulty)
      const total = powers.reduce((sum, power) => sum + power, 0n)
      const faulty = powers.reduce((sum, power, index) => (isFaulty[index] === true ? sum + power : sum), 0n)
      expect(powers.every((power) => power >= 1n && 3n * power <= 2n * total)).toBe(true)
      expect(3n * faulty < total).toBe(true)
      if (faulty > 0n && 3n * (faulty + 1n) >= total + 1n) exact++
      const [least = 1n] = [...powers].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      for (const power of powers) if (power / least > spread) spread = power / least
    }
    expect(exact).toBeGreaterThan(50)
    expect(spread > 50n).toBe(true)
  })

  it('every invariant holds with them, and the command that replays a run names them', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const validators = seed % 3 === 0 ? 7 : 4
      const report = runSimulation({ seed, validators, byzantine: Math.floor((validators - 1) / 3), powers: 'uneven' })
      expect(report.violation).toBeUndefined()
      expect(report.command).toContain('--powers uneven')
    }
  })

  it('without them a seed is what it was', () => {
    const [asDrawn, even] = [runSimulation({ seed: 7, byzantine: 1 }), runSimulation({ seed: 7, byzantine: 1, powers: 'even' })]
    expect(even.traceHash).toBe(asDrawn.traceHash)
    expect(even.command).toBe(asDrawn.command)
  })
})
