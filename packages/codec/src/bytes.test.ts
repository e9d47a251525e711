/** Bytes and texts against what the platform does: Buffer, TextEncoder, a TextDecoder that is strict. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareBytes, concatBytes, equalBytes, fromHex, fromUtf8, keyOf, toHex, utf8 } from './bytes.js'
import { epoch, hash, height, publicKey, signature, validatorIndex, view } from './ids.js'
import { AssertionError } from './result.js'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function expectAsStrict(bytes: Uint8Array): void {
  let expected: string | undefined
  try {
    expected = strict.decode(bytes)
  } catch {
    expected = undefined
  }
  const decoded = fromUtf8(bytes)
  expect(decoded.ok ? decoded.value : decoded.error.code).toBe(expected ?? 'utf8')
  expect(decoded.ok).toBe(expected !== undefined)
}

const points = fc.oneof(fc.nat(0x7f), fc.nat(0x7ff), fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff }))
const texts = (maxLength: number): fc.Arbitrary<string> => fc.array(points, { maxLength }).map((array) => String.fromCodePoint(...array))

/** Bytes that are nearly UTF-8: leads, continuations and the borders between lengths are over-represented. */
const nearlyUtf8 = fc.array(
  fc.oneof(fc.nat(255), fc.constantFrom(0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf)),
  {
    maxLength: 8,
  },
)

describe('UTF-8', () => {
  test('writes what TextEncoder writes, and reads it back', () => {
    fc.assert(
      fc.property(texts(8), (text) => {
        expect(Buffer.compare(utf8(text), new TextEncoder().encode(text))).toBe(0)
        expect(fromUtf8(utf8(text))).toEqual({ ok: true, value: text })
      }),
    )
  })

  test('every code point', () => {
    for (let point = 0; point <= 0x10ffff; point += point < 0x800 || (point > 0xd700 && point < 0xe100) ? 1 : 61) {
      if (point >= 0xd800 && point <= 0xdfff) continue
      const text = String.fromCodePoint(point)
      const bytes = utf8(text)
      if (!equalBytes(bytes, new Uint8Array(Buffer.from(text)))) expect.fail(`U+${point.toString(16)} is written otherwise`)
      const back = fromUtf8(bytes)
      if (!back.ok || back.value !== text) expect.fail(`U+${point.toString(16)} does not come back`)
    }
  })

  test('G3: reads exactly what a strict TextDecoder reads: overlong, surrogate, cut and stray forms are refused', () => {
    fc.assert(
      fc.property(nearlyUtf8, (bytes) => expectAsStrict(Uint8Array.from(bytes))),
      { numRuns: 5_000 },
    )
    for (let first = 0; first < 256; first++) {
      expectAsStrict(Uint8Array.of(first))
      for (let second = 0; second < 256; second++) {
        const pair = fromUtf8(Uint8Array.of(first, second))
        const ascii = first < 0x80 && second < 0x80
        const twoByte = first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf
        if (pair.ok !== (ascii || twoByte)) expect.fail(`bytes ${first} ${second}`)
      }
    }
  })

  test('G3: a text with a lone surrogate has no encoding', () => {
    for (const text of ['\ud800', '\udc00', 'a\ud800b', '\udc00\ud800', '\ud800\ud800\udc00', 'end\udbff'])
      expect(() => utf8(text)).toThrow(RangeError)
  })

  test('a byte-order mark is a character like any other', () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toEqual({ ok: true, value: '\ufeffa' })
  })
})

describe('hex', () => {
  test('is what Buffer writes, and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
        expect(fromHex(toHex(bytes))).toEqual({ ok: true, value: bytes })
      }),
    )
  })

  test('G3: one text per byte string: whatever is accepted is what would be written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEFgx /:`@\u0130'), maxLength: 8 }), (text) => {
        const decoded = fromHex(text)
        expect(decoded.ok).toBe(/^([0-9a-f]{2})*$/.test(text))
        if (decoded.ok) expect(toHex(decoded.value)).toBe(text)
        else expect(decoded.error.code).toBe('hex')
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('byte strings', () => {
  test('compare as Buffer compares, and are equal when that is zero', () => {
    const few = fc.uint8Array({ maxLength: 4, max: 3 })
    fc.assert(
      fc.property(fc.oneof(few, fc.uint8Array()), fc.oneof(few, fc.uint8Array()), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      }),
      { numRuns: 1_000 },
    )
  })

  test('G5: sorting by bytes is a total order that does not depend on arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3 })), (items) => {
        expect([...items].sort(compareBytes)).toEqual([...items].reverse().sort(compareBytes))
      }),
    )
  })

  test('are joined in order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        expect(Buffer.compare(concatBytes(...parts), Buffer.concat(parts))).toBe(0)
      }),
    )
  })

  test('as map keys: equal keys, equal bytes', () => {
    const few = fc.uint8Array({ maxLength: 3, max: 2 })
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(equalBytes(a, b))
      }),
    )
    expect(keyOf(Uint8Array.of(0, 255, 128))).toBe('\u0000\u00ff\u0080')
  })
})

describe('ids', () => {
  test('G1: heights, views, epochs and positions are safe integers from 0', () => {
    for (const make of [height, view, epoch, validatorIndex]) {
      expect(make(0)).toBe(0)
      expect(make(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
      for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => make(wrong)).toThrow(AssertionError)
    }
  })

  test('hashes, keys and signatures have one length', () => {
    for (const [make, length] of [
      [hash, 32],
      [publicKey, 32],
      [signature, 64],
    ] as const) {
      expect(make(new Uint8Array(length))).toHaveLength(length)
      for (const wrong of [0, length - 1, length + 1]) expect(() => make(new Uint8Array(wrong))).toThrow(AssertionError)
    }
  })
})
