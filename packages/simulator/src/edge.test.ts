/** The edge's verdict is one for all receivers of an epoch. */
import { epoch, type Hash, height, ok } from '@aethel/codec'
import type { EpochStart, Message, MessageChecker, VerifiedMessage } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { Edge, freshPayload } from './edge.js'

const MESSAGE: Message = { kind: 'fetch', want: 'committed', from: height(1) }

describe('the edge', () => {
  /** A checker that costs three signature checks, and what it was asked. */
  class Counting {
    readonly signatures = { checked: 0, charged: 0 }
    readonly asked: number[] = []
    readonly edge: Edge

    constructor(encodeOnWire: boolean) {
      this.edge = new Edge({ epochs: { checkerOf: (start) => this.#checkerOf(start) }, signatures: this.signatures, encodeOnWire })
    }

    #checkerOf({ validators }: EpochStart): MessageChecker {
      const check: MessageChecker['check'] = (message) => {
        this.asked.push(validators.epoch)
        this.signatures.checked += 3
        return ok(message as VerifiedMessage)
      }
      return { check } as MessageChecker
    }
  }

  const start = (of: number): EpochStart => ({ validators: { epoch: epoch(of) } }) as EpochStart

  it('looks at a message once for all receivers of an epoch, and once more for those of another', () => {
    const { edge, asked } = new Counting(false)
    const payload = edge.sharedPayload(MESSAGE)
    for (const of of [0, 0, 1, 0, 1, 1]) expect(edge.check(start(of), payload).ok).toBe(true)
    expect(asked).toEqual([0, 1])
    expect(edge.checksSpared).toBe(4 * 3)
  })

  it('knows a message again that is sent again, and takes nobody else for it', () => {
    const { edge } = new Counting(false)
    expect(edge.sharedPayload(MESSAGE)).toBe(edge.sharedPayload(MESSAGE))
    expect(edge.sharedPayload({ ...MESSAGE })).not.toBe(edge.sharedPayload(MESSAGE))
  })

  it('sends what is forged through its bytes, and everything where a seed says so', () => {
    const sameObject = (encodeOnWire: boolean, forged: boolean): boolean => {
      const verdict = new Counting(encodeOnWire).edge.check(start(0), freshPayload(MESSAGE, forged))
      return verdict.ok && (verdict.value as Message) === MESSAGE
    }
    expect([sameObject(false, false), sameObject(false, true), sameObject(true, false)]).toEqual([true, false, false])
  })

  it('refuses what the decoder refuses, without a look at signatures', () => {
    const { edge, asked } = new Counting(false)
    const empty: Message = { kind: 'fetch', want: 'blob', blob: { root: new Uint8Array(32) as Hash, bytes: 0 }, index: 0 }
    const payload = freshPayload(empty, true)
    for (let receiver = 0; receiver < 2; receiver++)
      expect(edge.check(start(0), payload)).toMatchObject({ ok: false, error: { code: 'range' } })
    expect(asked).toEqual([])
  })
})
