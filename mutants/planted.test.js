import { expect, it } from 'vitest'
import { chooseMutants } from './list.js'
import { usualWords } from './planted.js'

const [mutant] = chooseMutants(['tip-not-enforced'])

it('a planted bug is hunted with many seeds, unless they are given', () => {
  if (mutant === undefined) throw new Error('the mutant is gone')
  expect(usualWords(mutant, [])).toEqual(expect.arrayContaining(['--seeds', '--validators', '--byzantine']))
  expect(usualWords(mutant, ['--seeds=3', '--byzantine', '0'])).not.toEqual(expect.arrayContaining(['--seeds']))
})

it('with twins all schedules are explored: no seeds, which would make a sample of them', () => {
  if (mutant === undefined) throw new Error('the mutant is gone')
  expect(usualWords(mutant, ['--twins', '--views', '3'])).toEqual(['--validators', '4'])
  expect(usualWords(mutant, ['--twins', '--validators', '7'])).toEqual([])
})

it('a transcript says everything itself, and crashes are enumerated for one seed', () => {
  if (mutant === undefined) throw new Error('the mutant is gone')
  expect(usualWords(mutant, ['--transcript', 'x.transcript'])).toEqual([])
  const words = usualWords(mutant, ['--crash-points'])
  expect(words).toEqual(expect.arrayContaining(['--seed', '--validators']))
  expect(words).not.toContain('--seeds')
})
