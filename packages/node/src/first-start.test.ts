import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { consumeFirstStart, meaningOfNoStore } from './first-start.js'
import { HOME_FILES } from './home.js'

const syncs = vi.hoisted(() => ({ paths: [] as string[], before: (): void => {} }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return {
    ...fs,
    fsyncSync: (descriptor: number) => {
      syncs.before()
      fs.fsyncSync(descriptor)
      syncs.paths.push(fs.readlinkSync(`/proc/self/fd/${descriptor}`))
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
  expect(syncs.paths).toEqual([home, dirname(home)])
  expect(meaningOfNoStore(home, false)).toBe('refuse')
  rmSync(home, { recursive: true })
})

test('C2: keys that somebody copied here are durable before anything is signed with them', () => {
  const home = mkdtempSync(join(tmpdir(), 'aethel-first-'))
  const keys = [HOME_FILES.consensusKey, HOME_FILES.networkKey].map((name) => join(home, name))
  for (const key of keys) writeFileSync(key, '00')
  syncs.paths = []
  consumeFirstStart(home)
  expect(syncs.paths).toEqual([...keys, home, dirname(home)])
  rmSync(home, { recursive: true })
})
