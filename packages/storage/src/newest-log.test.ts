import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { NEWEST_FILE, NewestLog } from './newest-log.js'

/** Files that were synced, by inode. */
const syncs = vi.hoisted(() => ({ of: [] as number[], before: (): void => {} }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    fdatasync: (descriptor: number, done: (error: Error | null) => void) => {
      syncs.before()
      syncs.of.push(fs.fstatSync(descriptor).ino)
      fs.fdatasync(descriptor, done)
    },
  }
})
beforeEach(() => {
  syncs.of = []
  syncs.before = () => {}
})

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

test('C2: nothing is noted of a log that is not on disk: who writes beside the batches does not sync', async () => {
  const path = mkdtempSync(join(tmpdir(), 'aethel-newest-'))
  writeFileSync(join(path, '000005.log'), 'opened')
  const newest = new NewestLog(path)
  await newest.beside(async () => {
    // The batch is in the log before; this one was begun meanwhile.
    writeFileSync(join(path, '000007.log'), 'cleared')
    syncs.before = () => expect(existsSync(join(path, NEWEST_FILE))).toBe(false)
    await newest.afterBatch()
  })
  expect(syncs.of).toEqual([statSync(join(path, '000007.log')).ino])
  expect(readFileSync(join(path, NEWEST_FILE), 'latin1')).toMatch(/^7 7 /)
  newest.close()
  rmSync(path, { recursive: true })
})
