import { expect, test } from 'vitest'
import { unread } from './errors.js'

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
  ]) {
    const error = unread('the record "x"', want)
    expect([error.code, error.message, error.hint]).toEqual([
      'store-unreadable',
      `the record "x" cannot be read now: ${want.message}`,
      expect.stringContaining('not damaged'),
    ])
  }
  for (const damage of [system('EIO'), system('ENOENT'), level('Input/output error'), new Error('Corruption: block checksum mismatch')])
    expect(unread('the record "x"', damage).code).toBe('store-damaged')
})
