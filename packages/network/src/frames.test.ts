import { concatBytes, equalBytes } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keptBytes } from '../../consensus/test/memory.js'
import { FRAME, FrameReader, frameOf } from './frames.js'

const MIB = 1 << 20

function readerOf(payloads: Uint8Array[]): FrameReader {
  return new FrameReader(16 * MIB, {
    onFrame: (_kind, payload) => payloads.push(payload),
    onBroken: (code) => expect(code).toBe('never'),
  })
}

describe('frames on a stream', () => {
  test('come out as they went in, whatever pieces the stream is cut into', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 30_000 })), { minLength: 1, maxLength: 8 })
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 })), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(sizes, cuts, (lengths, pieces) => {
        const sent = lengths.map((length, nth) => Uint8Array.from({ length }, (_, i) => i * 7 + nth))
        const stream = concatBytes(...sent.map((payload) => frameOf(FRAME.message, payload)))
        const received: Uint8Array[] = []
        const reader = readerOf(received)
        for (let at = 0, nth = 0; at < stream.length; nth++) {
          const length = pieces[nth % pieces.length] as number
          reader.push(stream.slice(at, at + length))
          at += length
        }
        expect(received.length).toBe(sent.length)
        for (const [nth, payload] of received.entries()) expect(equalBytes(payload, sent[nth] as Uint8Array)).toBe(true)
      }),
    )
  })

  test('E1: a frame that comes one byte at a time is held in about its size', () => {
    const received: Uint8Array[] = []
    const reader = readerOf(received)
    const frame = frameOf(
      FRAME.message,
      Uint8Array.from({ length: MIB }, (_, i) => i),
    )
    const kept = keptBytes(() => {
      for (let at = 0; at < frame.length - 1; at++) reader.push(frame.slice(at, at + 1))
    })
    expect(kept).toBeLessThan(4 * MIB)
    reader.push(frame.slice(-1))
    expect(received).toEqual([frame.slice(5)])
  })
})
