/** Virtual time: what happens first, however it was put into the queue. */
import { describe, expect, it } from 'vitest'
import { EventQueue } from './events.js'
import { randomStream } from './random.js'

describe('the event queue', () => {
  it('hands out flocks as if each of their events had been pushed by itself, also among equal times', () => {
    const random = randomStream(7, 'queue')
    const one = new EventQueue<string>()
    const other = new EventQueue<string>()
    const popped: [string | undefined, string | undefined][] = []
    for (let round = 0; round < 300; round++) {
      const times = Array.from({ length: random.below(40) }, () => round + random.below(12))
      for (const [position, atMs] of times.entries()) one.push(atMs, `${round}/${position}`)
      other.pushMany(times, (position) => `${round}/${position}`)
      if (random.chance(0.3)) for (const queue of [one, other]) queue.push(round + 3, `${round} alone`)
      for (let count = random.below(40); count > 0; count--) popped.push([one.pop()?.event, other.pop()?.event])
      expect(other.size).toBe(one.size)
    }
    while (one.size > 0) popped.push([one.pop()?.event, other.pop()?.event])
    expect(other.pop()).toBeUndefined()
    for (const [expected, got] of popped) expect(got).toBe(expected)
    expect(popped.length).toBeGreaterThan(4_000)
  })

  it('takes a flock of any size: one of a thousand validators sends a million messages at once (seed 4, 333 faulty)', () => {
    const queue = new EventQueue<number>()
    queue.pushMany(
      Array.from({ length: 100_000 }, (_, position) => 100_000 - position),
      (position) => position,
    )
    expect(queue.pop()).toEqual({ atMs: 1, event: 99_999 })
    expect(queue.size).toBe(99_999)
  })
})
