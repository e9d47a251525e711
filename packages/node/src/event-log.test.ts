import { height, validatorIndex, view } from '@aethel/codec'
import { expect, test } from 'vitest'
import { type EventSink, logEvent } from './event-log.js'
import { createLog } from './log.js'

test('whose share of a certificate was bad stands in the log, with the place it was for', () => {
  const lines: string[] = []
  const log = createLog({ write: (line) => lines.push(line) }, 'warn', { validator: 5 })
  const sink: EventSink = { log, metrics: {} as EventSink['metrics'], limited: () => expect.fail('a validator can do it once in an epoch') }
  logEvent({ name: 'bad-share', sender: validatorIndex(2), view: view(3), height: height(9) }, sink)
  logEvent({ name: 'bad-sum', sender: validatorIndex(2), view: view(3), height: height(9) }, sink)
  const place = { level: 'warn', validator: 5, sender: 2, view: 3, height: 9 }
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { ...place, event: 'bad-share' },
    { ...place, event: 'bad-sum' },
  ])
})
