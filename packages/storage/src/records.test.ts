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
