import { expect, it } from 'vitest'
import { decodeVerdict, encodeVerdict } from './records.js'

it('what a verdict says is cut to its bound between two characters, wherever the bound falls', () => {
  for (let before = 0; before < 4; before++) {
    const message = 'x'.repeat(before) + '\u{1F600}'.repeat(2_000)
    const read = decodeVerdict(encodeVerdict({ status: 'invalid', code: 'syntax', message, gas: 7 }))
    expect(read).toMatchObject({ ok: true, value: { status: 'invalid', code: 'syntax', gas: 7 } })
    if (read.ok && read.value.status === 'invalid') {
      expect(message.startsWith(read.value.message)).toBe(true)
      expect(read.value.message.length).toBeGreaterThan(1_000)
    }
  }
})

it('whatever a verifier from outside says can be written and read again: half characters, and a code without end', () => {
  for (const text of ['a\uD800b', '\uDC00', 'x\uD83D', '\u{1F600}', 'x'.repeat(300), '\u{1F600}'.repeat(300)]) {
    const read = decodeVerdict(encodeVerdict({ status: 'invalid', code: text, message: text, gas: 7 }))
    expect(read, text).toMatchObject({ ok: true, value: { status: 'invalid', gas: 7 } })
    if (!read.ok || read.value.status !== 'invalid') continue
    expect(read.value.message).toBe(
      text
        .replace(/a\uD800/, 'a\uFFFD')
        .replace(/^\uDC00/, '\uFFFD')
        .replace(/x\uD83D/, 'x'),
    )
    expect(read.value.message.startsWith(read.value.code)).toBe(true)
  }
})
