import { expect, test } from 'vitest'
import { readError } from './errors.js'

test('C5: what cannot be read for want of file descriptors or memory is not damaged, and whoever runs the validator is told what it lacks', () => {
  const system = (code: string): Error => Object.assign(new Error(`${code}: open`), { code })
  // As LevelDB says it.
  const level = (text: string): Error => Object.assign(new Error(`IO error: /store/000005.ldb: ${text}`), { code: 'LEVEL_IO_ERROR' })
  for (const want of [
    system('EMFILE'),
    system('ENFILE'),
    system('ENOMEM'),
    level('Too many open files'),
    level('Cannot allocate memory'),
    level('Input/output error'),
  ]) {
    const error = readError('the record "x"', want)
    expect([error.code, error.message, error.hint]).toEqual([
      'store-unreadable',
      `the record "x" cannot be read: ${want.message}`,
      expect.stringContaining('need not be damage'),
    ])
  }
  const corrupt = Object.assign(new Error('Corruption: block checksum mismatch'), { code: 'LEVEL_CORRUPTION' })
  // The way back is the one that forgets nothing: a copy that lacks the newest votes is not told apart from the newest state.
  expect(readError('the record "x"', corrupt).hint).toMatch(/never put an older copy in its place, and start with --recover/)
  for (const damage of [corrupt, level('No such file or directory'), level('Invalid argument')])
    expect(readError('the record "x"', damage).code).toBe('store-damaged')
})
