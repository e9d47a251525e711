/** What the logs are read for must be what validators write: names that nobody logs would make the verdict one that cannot fail. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { FATAL, OFFENCES, readLogs } from './verdict.js'

const NODE = fileURLToPath(new URL('../packages/node/src/', import.meta.url))

/** @param {object[]} events */
function problemsOf(...events) {
  const log = events.map((event) => JSON.stringify({ level: 'error', time: 1, validator: 0, ...event })).join('\n')
  return readLogs([{ index: 0, log: () => log }]).problems
}

it('an offence, a fork and a bug are problems; a full disk and what is usual are none', () => {
  for (const event of OFFENCES) expect(problemsOf({ event: 'started' }, { event, offence: 'equivocation', validator: 1 })).toHaveLength(1)
  expect(problemsOf({ event: FATAL, code: 'internal', message: 'internal error' })).toHaveLength(1)
  expect(problemsOf({ event: FATAL, code: 'disk-full', message: 'the disk is full' })).toEqual([])
  expect(problemsOf({ event: 'started' }, { event: 'view-entered', view: 1 }, { event: 'view-change-started', reason: 'timeout' })).toEqual(
    [],
  )
})

it('the node logs each of these under the name that is looked for', () => {
  const source = readdirSync(NODE)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${NODE}${name}`, 'utf8'))
    .join('\n')
  for (const event of [...OFFENCES, FATAL, 'view-entered', 'started', 'snapshot-begun', 'snapshot-restored', 'snapshot-given-up'])
    expect(source, event).toMatch(new RegExp(`'${event}'`))
  for (const event of [...OFFENCES, FATAL]) expect(source, event).toContain(`event: '${event}'`)
  expect(source).toContain("new AethelError('internal',")
})
