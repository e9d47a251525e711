import { describe, expect, it } from 'vitest'
import { randomSchedule, schedulesOf, splitsOf, Twins, type TwinsOptions } from './twins.js'

const FOUR: TwinsOptions = { validators: 4, twins: 1, first: 0, views: 6, window: 1, bug: 'none', merging: 'essence' }

describe('schedules', () => {
  it('of four validators, one of them twice, over six views are 16^6', () => {
    expect(splitsOf(FOUR)).toBe(16)
    expect(schedulesOf(FOUR)).toBe(16_777_216)
  })

  it('a range is the sum of its parts, and each schedule alone says the same', () => {
    const two = { ...FOUR, views: 2 }
    const whole = new Twins(two).explore(64, 80)
    const parts = [new Twins(two).explore(64, 69), new Twins(two).explore(69, 80)]
    expect(whole.schedules).toBe(16)
    expect(parts.reduce((sum, part) => sum + part.committed, 0)).toBe(whole.committed)
    let alone = 0
    for (let number = 64; number < 80; number++) alone += new Twins(two).run([Math.floor(number / 16), number % 16]).committed
    expect(alone).toBe(whole.committed)
  })
})

describe('states that differ in nothing that is still read', () => {
  it('lead to the same outcomes as all schedules apart: three views after a first one', () => {
    const three = { ...FOUR, views: 3 }
    for (const from of [11 * 256]) {
      const merged = new Twins(three).explore(from, from + 256)
      const whole = new Twins({ ...three, merging: 'whole' }).explore(from, from + 256)
      const { schedules, committed, highest, viewsWith, violation } = merged
      expect({ schedules, committed, highest, viewsWith, violation }).toEqual({
        schedules: whole.schedules,
        committed: whole.committed,
        highest: whole.highest,
        viewsWith: whole.viewsWith,
        violation: undefined,
      })
      expect(merged.plays).toBeLessThanOrEqual(whole.plays)
    }
  })
})

describe('parts of a last view that are equal in all that is still read', () => {
  it('end alike: 400 schedules of four views say the same with what earlier ones taught as played for themselves', () => {
    const four = { ...FOUR, views: 4 }
    const [remembering, playing] = [new Twins(four), new Twins(four)]
    const parts = { met: 0, played: 0 }
    for (let seed = 1; seed <= 400; seed++) {
      const schedule = randomSchedule(four, seed)
      const number = schedule.reduce((value, split) => value * 16 + split, 0)
      const remembered = remembering.explore(number, number + 1)
      const { committed, highest, viewsWith, steps, violation } = playing.run(schedule)
      expect(remembered, `schedule ${schedule}`).toMatchObject({ schedules: 1, committed, highest, viewsWith, steps })
      expect(violation ?? remembered.violation).toBeUndefined()
      parts.met += remembered.parts.met
      parts.played += remembered.parts.played
    }
    expect(parts.met).toBe(800)
    expect(parts.played).toBeLessThan(750) // otherwise nothing was compared
  })

  it('do not hide a planted bug: it is found in the same schedule, with the same words', () => {
    const [report, again] = [1, 2].map(() => new Twins({ ...FOUR, views: 2, bug: 'small-quorum', merging: 'essence' }).explore(0, 256))
    const whole = new Twins({ ...FOUR, views: 2, bug: 'small-quorum', merging: 'whole' }).explore(0, 256)
    expect(report?.violation).toEqual(whole.violation)
    expect(again?.violation).toEqual(whole.violation)
  })
})

describe('twins break nothing', () => {
  it('in all 256 schedules of two views, whose leader is two replicas at first', () => {
    const report = new Twins({ ...FOUR, views: 2 }).explore(0, 256)
    expect(report.violation).toBeUndefined()
    expect(report.schedules).toBe(256)
    expect(report.committed).toBe(165)
    expect(report.highest).toBe(2)
    expect(report.viewsWith.tipAdopted).toBeGreaterThan(0)
    expect(report.viewsWith.evidence).toBeGreaterThan(0)
  })

  it.each([0, 1, 2, 3])('in random schedules of six views, validator %i being the twin', (first) => {
    const twins = new Twins({ ...FOUR, first })
    for (let seed = 1; seed <= 5; seed++) expect(twins.run(randomSchedule(FOUR, seed)).violation).toBeUndefined()
  })

  it('in random schedules of seven validators, two of them twice', () => {
    const seven: TwinsOptions = { ...FOUR, validators: 7, twins: 2, window: 2 }
    const twins = new Twins(seven)
    for (let seed = 1; seed <= 2; seed++) expect(twins.run(randomSchedule(seven, seed)).violation).toBeUndefined()
  })
})

describe('the exploration finds what is planted', () => {
  it('a quorum of half the power: within the first splits', () => {
    const report = new Twins({ ...FOUR, views: 2, bug: 'small-quorum' }).explore(0, 256)
    expect(report.ok).toBe(false)
    expect(report.violation?.schedule.length).toBeGreaterThan(0)
    expect(['certificate', 'agreement', 'no-crash']).toContain(report.violation?.invariant)
  })
})
