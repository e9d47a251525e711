import { validatorIndex } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { circleOf, isSmall, standsIn, stoodInFor } from './circle.js'

/** Somewhere in a run, of whatever phase their clocks are. */
const TICKS = [0, 1, 7, 123, 86_400]

function tellers(count: number): number[] {
  return [0, 1, 2, count >> 1, count - 1, count] // `count` itself: who is in no set and follows
}

describe('whom to tell among many (protocol.md §9)', () => {
  it('few are told at every tick, all of them', () => {
    for (let count = 1; count <= 33; count++) {
      for (const self of [0, count - 1]) expect(circleOf({ self, count }, 5)).toBe('all')
    }
    expect(isSmall({ self: 0, count: 34 })).toBe(false)
  })

  it('going round, each of the others is told once before anybody is told twice, and oneself never', () => {
    for (const count of [34, 64, 65, 100, 101, 400, 997, 1000]) {
      for (const self of tellers(count)) {
        const others = self < count ? count - 1 : count
        const told: number[] = []
        for (let tick = 0; told.length < others; tick++) for (const peer of circleOf({ self, count }, tick)) told.push(Number(peer))
        const round = told.slice(0, others)
        expect(new Set(round).size).toBe(others)
        expect(round.every((peer) => peer >= 0 && peer < count && peer !== self)).toBe(true)
      }
    }
  })

  it('what one tells and whoever hears it passes on reaches the honest ones, though a third of all keep silent', () => {
    const count = 1000
    for (const [purpose, most] of [
      ['tell', 0],
      ['pass-on', 20],
    ] as const) {
      for (const tick of TICKS) {
        for (const from of [1, 500, 998]) {
          const heard = new Set([from])
          const isSilent = (index: number): boolean => index % 3 === 0
          for (const teller of heard) {
            if (isSilent(teller)) continue
            for (const peer of circleOf({ self: teller, count }, tick, purpose)) heard.add(validatorIndex(Number(peer)))
          }
          const missed = Array.from({ length: count }, (_, index) => index).filter((index) => !isSilent(index) && !heard.has(index))
          expect(missed.length).toBeLessThanOrEqual(most)
        }
      }
    }
  })

  it('stand-ins: everybody for everybody up to eight; of many about eight at a time, and each in its turn', () => {
    for (const tick of TICKS) for (let self = 0; self < 8; self++) expect(standsIn({ self, count: 8 }, 3, tick)).toBe(true)
    for (const count of [9, 34, 100, 1000]) {
      const stride = Math.ceil(count / 8)
      for (const about of [0, 5, count - 1]) {
        const turns = new Array<number>(count).fill(0)
        for (let tick = 0; tick < stride; tick++) {
          const standing = turns.flatMap((_, self) => (standsIn({ self, count }, about, tick) ? [self] : []))
          expect(standing.length).toBeGreaterThanOrEqual(4)
          expect(standing.length).toBeLessThanOrEqual(8)
          for (const self of standing) turns[self] = (turns[self] as number) + 1
        }
        expect(turns.every((count) => count === 1)).toBe(true)
      }
      for (const tick of TICKS) {
        for (const self of [0, 3, count - 1, count]) {
          const all = Array.from({ length: count }, (_, about) => about)
          expect(stoodInFor({ self, count }, tick)).toEqual(all.filter((about) => standsIn({ self, count }, about, tick)))
        }
      }
    }
  })
})
