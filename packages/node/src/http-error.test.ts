/** Numbers in requests are decimal digits: what only JavaScript takes for a number is refused, and not answered as another request. */
import { describe, expect, it } from 'vitest'
import { HttpError, numberOf, requireQuery } from './http-error.js'

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
  it('outside its range is refused, with the range', () => {
    expect(numberOf('1', 'limit', 5, { least: 1 })).toBe(1)
    expect(() => numberOf('0', 'limit', 5, { least: 1 })).toThrow('expected limit as a whole number from 1 on, got "0"')
    expect(() => numberOf('11', 'wait', 5, { most: 10 })).toThrow('expected wait as a whole number of 0..10, got "11"')
  })
})

describe('parameters of a request', () => {
  it('that are known, said once and have a value are taken', () => {
    expect(() => requireQuery({ kind: 'lrat/1', limit: '3' }, ['kind', 'limit', 'label'])).not.toThrow()
    expect(() => requireQuery({}, [])).not.toThrow()
  })

  it.each([
    [{ limt: '3' }, ['kind', 'limit'], 'expected some of kind, limit, got "limt"'],
    [{ epoch: '3' }, [], 'expected no parameters, got "epoch"'],
    [{ kind: ['a', 'b'] }, ['kind'], 'expected "kind" once'],
    [{ kind: '' }, ['kind'], 'expected a value for "kind", got none'],
  ])('%j are refused', (query, known, message) => {
    expect(() => requireQuery(query, known)).toThrow(message)
  })
})
