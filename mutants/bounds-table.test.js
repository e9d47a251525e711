/** The table of docs/protocol.md §13: its constants stand where it says, and its tests exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHECKOUT } from './lib/workspace.js'

const text = readFileSync(join(CHECKOUT, 'docs/protocol.md'), 'utf8')
const section = text.slice(text.indexOf('## 13. Bounds'), text.indexOf('## Events'))
const rows = section
  .split('\n')
  .filter((line) => /^\| [^|]+ \| `/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, what, constant, arithmetic, where, test]) => ({ what, constant, arithmetic, where, test }))

/** @param {string | undefined} cell */
const bare = (cell) => (cell ?? '').replaceAll('`', '')

describe('docs/protocol.md §13', () => {
  it('has a row for each bound', () => expect(rows.length).toBeGreaterThan(45))

  it.each(rows.map((row) => [row.what, row]))('%s: its constant stands in the file named', (_, { constant, where, arithmetic }) => {
    const [name = '', ...rest] = bare(where).split('/')
    const file = join(CHECKOUT, 'packages', name, 'src', ...rest)
    expect([file, existsSync(file)]).toEqual([file, true])
    expect(readFileSync(file, 'utf8')).toContain(bare(constant))
    expect((arithmetic ?? '').length).toBeGreaterThan(0)
  })

  it.each(rows.map((row) => [row.what, row]))('%s: the test that floods it exists, or it says why there is none', (_, { test }) => {
    if ((test ?? '').startsWith('none: ')) return
    const found = /^`([^`/]+)\/([^`]+)`(?: (.+))?$/.exec(test ?? '')
    expect([test, found !== null]).toEqual([test, true])
    const [, name = '', file = '', title = ''] = found ?? []
    const path = join(CHECKOUT, 'packages', name, 'src', `${file}.test.ts`)
    expect([path, existsSync(path)]).toEqual([path, true])
    const source = readFileSync(path, 'utf8')
    expect([title, source.includes(title) || source.includes(title.replaceAll("'", "\\'"))]).toEqual([title, true])
  })
})
