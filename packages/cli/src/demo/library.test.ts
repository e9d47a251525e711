/** Where the library of the main job comes from. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bundledLibraryPath, lastWordsOf, obtainLibrary } from './library.js'

const INSTALLED = existsSync('/usr/share/metamath/databases/set.mm')

it.skipIf(INSTALLED)('a cache folder that cannot be written to: the bundled library', async () => {
  const base = mkdtempSync(join(tmpdir(), 'aethel-library-'))
  const before = process.env['XDG_CACHE_HOME']
  // The folder can be made, but a name below it would be too long.
  let cache = base
  while (cache.length < 3_900) cache = join(cache, 'x'.repeat(100))
  cache = join(cache, 'x'.repeat(4_085 - '/aethel'.length - 1 - cache.length))
  process.env['XDG_CACHE_HOME'] = cache
  try {
    const said: string[] = []
    expect(await obtainLibrary(undefined, (line) => said.push(line))).toMatchObject({ path: bundledLibraryPath() })
    expect(said.at(-1)).toContain('cannot be made, or not be written to')
  } finally {
    if (before === undefined) delete process.env['XDG_CACHE_HOME']
    else process.env['XDG_CACHE_HOME'] = before
    rmSync(base, { recursive: true, force: true })
  }
})

it('why there is no set.mm is one short line that commands no terminal, also where apt-get gives no reason', () => {
  expect(lastWordsOf('W: something\nE: Unable to locate package\n')).toBe('E: Unable to locate package')
  expect(lastWordsOf(' \n')).toBe('it gives no reason')
  expect(lastWordsOf('E: \u001b[2J')).toBe('E: \\x1b[2J')
  expect(lastWordsOf('E'.repeat(100_000)).length).toBeLessThan(1_000)
})
