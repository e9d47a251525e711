import { expect, it } from 'vitest'
import { damageEverywhere } from './damage.js'

it('C5: a wrong bit anywhere in the store of a real validator is refused in words, or changes nothing that is read', async () => {
  /** @type {string[]} */
  const said = []
  expect(await damageEverywhere({ stride: 211, say: (text) => said.push(text) }), said.join('\n')).toBe(true)
  const [log, table] = said.filter((text) => text.includes(' changes: ')).map((text) => /: (\d+) changes: (\d+) refused/.exec(text) ?? [])
  // Hardly a byte of a store may be changed unnoticed; a look that finds nothing would be a broken one.
  for (const [, changes, refused] of [log ?? [], table ?? []]) {
    expect(Number(changes)).toBeGreaterThan(50)
    expect(Number(refused)).toBeGreaterThan(0.9 * Number(changes))
  }
})
