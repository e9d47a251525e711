import { height, validatorIndex, view } from '@aethel/codec'
import { expect, test } from 'vitest'
import { type EventSink, logEvent } from './event-log.js'
import { createLog } from './log.js'

test('whose share of a certificate was bad stands in the log, with the place it was for', () => {
  const lines: string[] = []
  const log = createLog({ write: (line) => lines.push(line) }, 'warn', {})
  const sink: EventSink = { log, metrics: {} as EventSink['metrics'], limited: () => expect.fail('a validator can do it once in an epoch') }
  logEvent({ name: 'bad-share', sender: validatorIndex(2), view: view(3), height: height(9) }, sink)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', event: 'bad-share', validator: 2, view: 3, height: 9 }])
})
