import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHECKOUT } from './lib/workspace.js'
import { MUTANTS } from './list.js'

/** How many traps each section has. */
const SECTIONS = { S: 13, A: 10, B: 12, C: 7, D: 9, E: 7, F: 4, G: 5, H: 2, I: 3, J: 5, K: 5 }
const ALL = Object.entries(SECTIONS).flatMap(([letter, count]) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`))

const text = readFileSync(join(CHECKOUT, 'docs/traps.md'), 'utf8')
/** The tables of traps. */
const rows = text
  .split('\n')
  .map((line) => line.replaceAll('\\|', '\u0000').split('|'))
  .map((cells) => cells.map((cell) => cell.trim().replaceAll('\u0000', '|')))
  .filter((cells) => cells.length === 6 && /^\[[A-Z]\d+\]/.test(cells[1] ?? ''))
  .map(([, link, severity, wrong, here]) => ({ id: /^\[(\w+)\]\(#(\w+)\)$/.exec(link ?? '')?.[1] ?? link, severity, wrong, here }))

/** Below them, under the id of each: its tests, then its mutants. */
const details = new Map(
  text
    .slice(text.indexOf('## Tests and mutants of each'), text.indexOf('## What caught what'))
    .split(/^#### /m)
    .slice(1)
    .map((part) => {
      const [id = '', ...lines] = part.split('\n').filter((line) => line !== '')
      const items = lines.map((line) => line.replace(/^- /, ''))
      const tests = items.slice(0, -1)
      return [id, { tests: tests[0] === 'no test' ? [] : tests, mutants: items.at(-1)?.replace(/^mutants: /, '') ?? '' }]
    }),
)
const detailed = rows.map((row) => /** @type {const} */ ([row.id, { ...row, tests: [], mutants: '', ...details.get(row.id) }]))

/** @param {readonly string[]} entries `package/file` title. */
function testsIn(entries) {
  return entries.map((entry) => {
    const found = /^`([^`/]+)\/([^`]+)` (.+)$/.exec(entry)
    if (found === null) throw new Error(`expected a test as \`package/file\` title, got ${entry}`)
    const [, folder, name, title] = found
    return {
      paths: [
        `packages/${folder}/src/${name}.test.ts`,
        `packages/${folder}/test/${name}.test.ts`,
        `${folder}/${name}.test.js`,
        `packages/simulator/${folder}/${name}.transcript`,
      ],
      title,
    }
  })
}

/** The rows of "What caught what": a mutant, and what it does. */
const hunted = text
  .slice(text.indexOf('## What caught what'))
  .split('\n')
  .map((line) => /^\| `([^`]+)` \| (.*?) \| /.exec(line))
  .flatMap((found) => (found === null ? [] : [{ id: found[1], bug: found[2] }]))

/** @param {string} title As it stands in a source file, quotes escaped or not. */
function isWritten(source, title) {
  return source.includes(title) || source.includes(title.replaceAll("'", "\\'"))
}

describe('docs/traps.md', () => {
  it('lists every trap once, in order, with a severity and two sentences', () => {
    expect(rows.map((row) => row.id)).toEqual(ALL)
    expect([...details.keys()]).toEqual(ALL)
    for (const row of rows) {
      expect([row.id, ['critical', 'high', 'medium'].includes(row.severity)]).toEqual([row.id, true])
      expect([row.id, row.wrong.length > 20, row.here.length > 10]).toEqual([row.id, true, true])
    }
  })

  it.each(detailed)('%s: every test it names exists and carries its id', (id, row) => {
    for (const { paths, title } of testsIn(row.tests)) {
      const path = paths.find((candidate) => existsSync(join(CHECKOUT, candidate)))
      expect([paths, path !== undefined]).toEqual([paths, true])
      expect([title, isWritten(readFileSync(join(CHECKOUT, path ?? ''), 'utf8'), title)]).toEqual([title, true])
      expect(title.split(':')[0]?.split(', ')).toContain(id)
    }
  })

  it.each(detailed)('%s: names exactly the mutants that belong to it', (id, row) => {
    const named = row.mutants === 'none' ? [] : row.mutants.split(' ').map((each) => each.replaceAll('`', ''))
    expect(named).toEqual(MUTANTS.filter((mutant) => mutant.traps.includes(id)).map((mutant) => mutant.id))
  })

  it.each(detailed)('%s: has a test or a mutant, or says why not', (id, row) => {
    const isCovered = row.tests.length > 0 || row.mutants !== 'none'
    expect([id, isCovered || /not applicable|not yet|so far|none\b|carry no/i.test(row.here)]).toEqual([id, true])
  })

  it('says what caught which mutant, in the order of the list and in its words', () => {
    const ids = hunted.map(({ id }) => id)
    expect(ids).toEqual(MUTANTS.map((mutant) => mutant.id).filter((id) => ids.includes(id)))
    for (const { id, bug } of hunted)
      expect([id, bug]).toEqual([id, MUTANTS.find((mutant) => mutant.id === id)?.bug.replaceAll('|', '\\|')])
  })

  it('names those that were not hunted yet, and no others', () => {
    const missing = MUTANTS.map((mutant) => mutant.id).filter((id) => !hunted.some((row) => row.id === id))
    const said = /^Not hunted yet: (.*)\.$/m.exec(text)?.[1] ?? 'none'
    expect(said).toBe(missing.length === 0 ? 'none' : missing.map((id) => `\`${id}\``).join(', '))
  })
})
