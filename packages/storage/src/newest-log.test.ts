import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NEWEST_FILE, NewestLog } from './newest-log.js'

test('C2: a batch in another log is noted, also when the log before has grown by what was written beside the batches', async () => {
  const path = mkdtempSync(join(tmpdir(), 'aethel-newest-'))
  const noted = (): string => readFileSync(join(path, NEWEST_FILE), 'latin1').split(' ').slice(0, 2).join(' ')
  writeFileSync(join(path, '000005.log'), 'opened')
  const newest = new NewestLog(path)
  await newest.beside(async () => {
    appendFileSync(join(path, '000005.log'), 'cleared')
    writeFileSync(join(path, '000007.log'), 'a batch')
    await newest.afterBatch() // while it is under way
    expect(noted()).toBe('7 7')
    appendFileSync(join(path, '000007.log'), 'cleared')
    writeFileSync(join(path, '000009.log'), 'another')
  })
  await newest.afterBatch() // after it
  expect(noted()).toBe('9 7')
  appendFileSync(join(path, '000009.log'), 'grows')
  await newest.afterBatch()
  expect(noted()).toBe('9 7')
  writeFileSync(join(path, '000011.log'), '')
  await newest.afterBatch()
  expect(noted()).toBe('11 0')
  newest.close()
  rmSync(path, { recursive: true })
})
