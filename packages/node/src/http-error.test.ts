/** Numbers in requests are decimal digits: what only JavaScript takes for a number is refused, and not answered as another request. */
import { describe, expect, it } from 'vitest'
import { HttpError, numberOf } from './http-error.js'

describe('a number in a request', () => {
  it.each([
    ['0', 0],
    ['17', 17],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('%s is one', (text, value) => {
    expect(numberOf(text, 'height', 5)).toBe(value)
  })

  it('that is not there is the one taken then', () => {
    expect(numberOf(undefined, 'height', 5)).toBe(5)
  })

  it.each(['', ' 1', '1e3', '0x10', '-1', '1.5', '+1', '9007199254740992', 'x'])('"%s" is none', (text) => {
    expect(() => numberOf(text, 'height', 5)).toThrow(HttpError)
  })
})
