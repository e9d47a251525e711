import { expect, test } from 'vitest'
import { burstFor, HandshakeLimit, networkOf } from './handshakes.js'

/** How many of `count` attempts a second, for so long, are let in; each from the address that `from` names. */
function flood(
  limit: HandshakeLimit,
  { perSecond, seconds, from }: { perSecond: number; seconds: number; from: (nth: number) => string },
): number {
  let admitted = 0
  for (let nth = 0; nth < perSecond * seconds; nth++) if (limit.admit(from(nth), (nth * 1_000) / perSecond)) admitted++
  return admitted
}

test('one address has what a restart of all needs at once, then twenty a second', () => {
  const limit = new HandshakeLimit(6, 0)
  const admitted = flood(limit, { perSecond: 5_000, seconds: 10, from: () => '10.0.0.1' })
  expect(admitted).toBeGreaterThanOrEqual(burstFor(6) + 199)
  expect(admitted).toBeLessThanOrEqual(burstFor(6) + 201)
})

test('ten thousand addresses together have a hundred a second, and a validator that was seen is let in beside them', () => {
  const limit = new HandshakeLimit(6, 0)
  limit.recognise(3, '192.0.2.7')
  const admitted = flood(limit, { perSecond: 5_000, seconds: 10, from: (nth) => `10.0.${nth % 40}.${nth % 250}` })
  expect(admitted).toBeLessThanOrEqual(burstFor(6) + 1_001)
  while (limit.admit('192.0.2.8', 10_000));
  expect(limit.admit('192.0.2.7', 10_000)).toBe(true)
  limit.forget(3)
  expect(limit.admit('192.0.2.7', 10_000)).toBe(false)
})

test('a hundred validators at one address that start at the same time are all let in', () => {
  const limit = new HandshakeLimit(99, 0)
  expect(flood(limit, { perSecond: 198, seconds: 1, from: () => '127.0.0.1' })).toBe(198)
})

test('addresses are forgotten when their bucket is full again', () => {
  const limit = new HandshakeLimit(0, 0)
  flood(limit, { perSecond: 1_000, seconds: 60, from: (nth) => `2001:db8:${nth.toString(16)}::1` })
  expect(limit.size).toBeLessThanOrEqual(32 + 2 * 100)
})

test('an address of IPv6 counts as its /64, one of IPv4 is the same in both spellings', () => {
  expect(networkOf('::ffff:192.0.2.7')).toBe(networkOf('192.0.2.7'))
  expect(networkOf('2001:db8:0:1::1')).toBe(networkOf('2001:db8:0:1:ffff:1:2:3'))
  expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0')
  expect(networkOf('2001:db8:0:1::1')).not.toBe(networkOf('2001:db8:0:2::1'))
  expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0')
  expect(networkOf('::1')).toBe('0:0:0:0')
})
