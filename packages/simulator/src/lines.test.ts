/** From sender to receiver: when, and how often. */
import { height } from '@aethel/codec'
import type { Message } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { freshPayload, transactionsPayload } from './edge.js'
import { EventQueue } from './events.js'
import { Fates } from './fates.js'
import { drawKnobs } from './knobs.js'
import { Lines } from './lines.js'
import { Network } from './network.js'
import type { WorldEvent } from './world-events.js'

const MESSAGE: Message = { kind: 'fetch', want: 'committed', from: height(1) }

function linesOf(seed: number, validators: number): { readonly lines: Lines; readonly events: EventQueue<WorldEvent> } {
  const events = new EventQueue<WorldEvent>()
  const knobs = { ...drawKnobs(seed, 0), lossRate: 0.2, duplicationRate: 0.3, bytesPerMs: 100 }
  const network = new Network(new Fates({ seed, only: null, onDecision: null }), knobs, validators)
  return { lines: new Lines({ events, network, validators }), events }
}

describe('lines', () => {
  it('carry a broadcast to many as they carry its messages one by one', () => {
    for (const [seed, validators] of [
      [1, 4],
      [2, 16],
      [3, 17],
      [4, 60],
    ] as const) {
      const [flock, single] = [linesOf(seed, validators), linesOf(seed, validators)]
      const payload = freshPayload(MESSAGE, false)
      for (const from of [0, validators - 1]) {
        flock.lines.send(from, 'all', payload)
        for (let to = 0; to < validators; to++) single.lines.transmit(from, to, payload)
      }
      expect(flock.lines.messages).toBe(2 * (validators - 1))
      expect(flock.lines.messages).toBe(single.lines.messages)
      expect(flock.events.size).toBe(single.events.size)
      for (let due = single.events.pop(); due !== undefined; due = single.events.pop()) {
        const { atMs, event } = due
        expect(flock.events.pop()).toEqual({ atMs, event })
      }
    }
  })

  it('leave transactions out while much waits at the interface, and nothing else', () => {
    const { lines } = linesOf(1, 4)
    const heavy = { ...freshPayload(MESSAGE, false), bytes: 1_000 }
    const gossip = transactionsPayload([])
    const passed = (): boolean => {
      const before = lines.messages
      lines.gossip(0, 'all', gossip)
      return lines.messages > before
    }
    let sent = 0
    for (; passed() && sent < 1_000; sent++) lines.send(0, 'all', heavy)
    // 64 KiB for each of three.
    expect(sent).toBe(66)
    const before = lines.messages
    lines.send(0, 'all', heavy)
    expect(lines.messages).toBe(before + 3)
    lines.gossip(1, 'all', gossip)
    expect(lines.messages).toBe(before + 6)
  })
})
