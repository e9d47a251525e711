import {
  type BlsPublicKey,
  type BlsSignature,
  epoch,
  type Hash,
  height,
  type PublicKey,
  type Signature,
  toHex,
  validatorIndex,
  view,
} from '@aethel/codec'
import type { Vote } from '@aethel/consensus'
import { expect, it } from 'vitest'
import { decodeEpoch, decodeVerdict, decodeVote, type EpochRecord, encodeEpoch, encodeVerdict, encodeVote } from './records.js'

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)
const origin = { originHeight: height(7), originHash: filled(32, 3) as Hash }

it('an epoch without BLS keys is stored in the bytes it always had, and one with them comes back with each at its validator', () => {
  const validators = [1, 2, 3].map((byte) => ({ publicKey: filled(32, byte) as PublicKey, power: BigInt(byte) << 80n }))
  const without: EpochRecord = { ...origin, validators }
  const bytes = encodeEpoch(without)
  // Height, hash, count, and key and power of each.
  expect(bytes.length).toBe(8 + 32 + 4 + 3 * 48)
  expect(toHex(bytes.slice(0, 44))).toBe(`0000000000000007${'03'.repeat(32)}00000003`)
  expect(decodeEpoch(bytes)).toEqual({ ok: true, value: without })
  const withKeys = { ...without, validators: validators.map((each, at) => ({ ...each, blsKey: filled(48, 0x80 + at) as BlsPublicKey })) }
  const longer = encodeEpoch(withKeys)
  expect(longer.slice(0, bytes.length)).toEqual(bytes)
  expect(decodeEpoch(longer)).toEqual({ ok: true, value: withKeys })
  for (let length = 0; length < longer.length; length++) {
    if (length !== bytes.length) expect(decodeEpoch(longer.subarray(0, length)).ok).toBe(false)
  }
  expect(decodeEpoch(Uint8Array.from([...longer, 0])).ok).toBe(false)
})

it('a vote is stored with its share where it has one, and in the bytes it always had where it has none', () => {
  const ballot = { kind: 'commit', epoch: epoch(2), view: view(3), height: height(9), blockHash: filled(32, 5) as Hash } as const
  const vote: Vote = { ...ballot, sender: validatorIndex(1), signature: filled(64, 6) as Signature }
  const bytes = encodeVote(vote)
  expect(toHex(bytes.slice(0, 1))).toBe('02')
  expect(decodeVote(bytes)).toEqual({ ok: true, value: vote })
  const withShare = { ...vote, share: filled(96, 7) as BlsSignature }
  const longer = encodeVote(withShare)
  expect(longer.slice(1, bytes.length)).toEqual(bytes.slice(1))
  expect(longer.length).toBe(bytes.length + 96)
  expect(decodeVote(longer)).toEqual({ ok: true, value: withShare })
  for (let length = 0; length < longer.length; length++) expect(decodeVote(longer.subarray(0, length)).ok).toBe(false)
})

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
