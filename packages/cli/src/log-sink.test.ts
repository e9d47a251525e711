/** A validator whose log nobody reads goes on, and does not keep it. */
import { expect, it } from 'vitest'
import { boundedSink, drained } from './log-sink.js'

it('what is not read is bounded: lines are left out, and the next one says how many', () => {
  const pipe = {
    held: '',
    get writableLength() {
      return this.held.length
    },
    write(text: string) {
      this.held += text
      return false
    },
  }
  const sink = boundedSink(pipe as unknown as NodeJS.WriteStream, 1_000)
  for (let nth = 0; nth < 10_000; nth++) sink.write(JSON.stringify({ event: 'block-committed', height: nth }))
  expect(pipe.held.length).toBeLessThan(1_100)
  const kept = pipe.held.trimEnd().split('\n')
  expect(JSON.parse(kept.at(-1) ?? '')).toEqual({ event: 'block-committed', height: kept.length - 1 })
  pipe.held = ''
  sink.write('{"event":"stopping"}\n')
  sink.write('{"event":"stopped"}')
  const [said, ...lines] = pipe.held.trimEnd().split('\n')
  expect(JSON.parse(said ?? '')).toMatchObject({ level: 'warn', event: 'log-not-read', suppressed: 10_000 - kept.length })
  expect(lines).toEqual(['{"event":"stopping"}', '{"event":"stopped"}'])
})

it('what is being read is waited for, what nobody reads is not', async () => {
  const pipe = { writableLength: 10 }
  expect(await drained(pipe, 50)).toBe(false)
  const reader = setInterval(() => pipe.writableLength--, 30)
  expect(await drained(pipe, 200)).toBe(true)
  clearInterval(reader)
  expect(await drained({ writableLength: 0 })).toBe(true)
})
