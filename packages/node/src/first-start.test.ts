import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { consumeFirstStart, meaningOfNoStore } from './first-start.js'
import { HOME_FILES } from './home.js'

const syncs = vi.hoisted(() => ({ count: 0, before: (): void => {} }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    fsyncSync: (descriptor: number) => {
      syncs.before()
      fs.fsyncSync(descriptor)
      syncs.count++
    },
  }
})

test('C6: that a store exists is durable before anything is signed, also if the process was killed before the sync that says so', () => {
  const home = mkdtempSync(join(tmpdir(), 'aethel-first-'))
  const marker = join(home, HOME_FILES.firstStart)
  writeFileSync(marker, '')
  expect(meaningOfNoStore(home, false)).toBe('genesis')
  syncs.before = () => {
    throw new Error('killed')
  }
  expect(() => consumeFirstStart(home)).toThrow('killed')
  expect(existsSync(marker)).toBe(false)
  syncs.before = () => {}
  consumeFirstStart(home)
  expect(syncs.count).toBe(1)
  expect(meaningOfNoStore(home, false)).toBe('refuse')
  rmSync(home, { recursive: true })
})
