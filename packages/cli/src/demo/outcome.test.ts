/** The comparison of chains that the main job ends with, on pages as a validator may give them. */
import { describe, expect, it } from 'vitest'
import type { ValidatorProcess } from '../processes.js'
import { chainDifference } from './outcome.js'

const HEIGHT = 10

/** A validator that gives at most `perPage` blocks at once; `hashAt` says what it has. */
function validator(perPage: number, hashAt: (height: number) => string | null): ValidatorProcess {
  const blocks = async (from: number, limit: number): Promise<unknown[]> => {
    const page: unknown[] = []
    for (let height = from; height < from + Math.min(limit, perPage) && height <= HEIGHT; height++) {
      const hash = hashAt(height)
      if (hash !== null) page.push({ height, hash, stateRoot: `state ${hash}` })
    }
    return page
  }
  return { client: { blocks } } as unknown as ValidatorProcess
}

describe('the chains of all validators', () => {
  const same = (height: number): string => `block ${height}`

  it('are followed through pages that are shorter than asked for, on each another number', async () => {
    expect(await chainDifference([validator(3, same), validator(100, same), validator(4, same)], HEIGHT)).toBeNull()
  })

  it('differ where a block is another one, or missing at the end', async () => {
    const other = validator(4, (height) => (height === 9 ? 'another' : same(height)))
    expect(await chainDifference([validator(3, same), other], HEIGHT)).toContain('height 9')
    expect(await chainDifference([validator(3, same), validator(3, (height) => (height > 8 ? null : same(height)))], HEIGHT)).toBe(
      'height 9: 9 block 9 state block 9 against missing',
    )
  })
})
