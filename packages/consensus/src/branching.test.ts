import { validatorIndex } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { blockOf, CHAIN, Cluster, keyOfValidator, prePrepareOf, START_MS, TIMERS, voteMessage } from '../test/harness.js'
import { createForkableConsensus, type ForkableConsensus } from './branching.js'
import type { Effect, Input } from './interface.js'
import type { Message } from './messages.js'

const cluster = new Cluster()

function core(): ForkableConsensus {
  const config = {
    chainId: CHAIN,
    validators: cluster.set,
    self: validatorIndex(1),
    window: 4,
    clockDriftMs: 2000,
    timers: TIMERS,
    sign: (bytes: Uint8Array) => keyOfValidator(1).sign(bytes),
  }
  return createForkableConsensus(config, cluster.at(1).disk.durableState())
}

const BLOCK = blockOf({ height: 1 })

function message(from: number, sent: Message): Input {
  return { kind: 'message', from: validatorIndex(from), message: cluster.pass(sent), nowMs: START_MS }
}

const INPUTS: readonly Input[] = [
  { kind: 'start', nowMs: START_MS },
  message(0, prePrepareOf(0, 0, BLOCK)),
  { kind: 'validated', hash: BLOCK.hash, result: { status: 'valid' }, nowMs: START_MS },
  message(2, voteMessage(2, 'prepare', 0, BLOCK)),
  message(2, voteMessage(2, 'commit', 0, BLOCK)),
  { kind: 'work', waiting: 2, full: true, nowMs: START_MS },
  { kind: 'timer', timer: 'view', nowMs: START_MS },
  message(0, voteMessage(0, 'commit', 0, BLOCK)),
  message(3, voteMessage(3, 'commit', 0, BLOCK)),
  { kind: 'timer', timer: 'status', nowMs: START_MS },
]

function tell(target: ForkableConsensus, inputs: readonly Input[]): (readonly Effect[])[] {
  return inputs.map((input) => target.step(input))
}

describe('a fork', () => {
  it('does what the original does, wherever it was taken', () => {
    for (let at = 0; at <= INPUTS.length; at++) {
      const original = core()
      tell(original, INPUTS.slice(0, at))
      const copy = original.fork()
      expect(copy.fingerprint()).toBe(original.fingerprint())
      expect(tell(copy, INPUTS.slice(at))).toEqual(tell(original, INPUTS.slice(at)))
      expect(copy.fingerprint()).toBe(original.fingerprint())
    }
  })

  it('does not notice what the original is told, nor the original what the fork is', () => {
    for (let at = 0; at < INPUTS.length; at++) {
      const original = core()
      tell(original, INPUTS.slice(0, at))
      const copy = original.fork()
      const before = original.fingerprint()
      tell(copy, INPUTS.slice(at))
      expect(original.fingerprint()).toBe(before)
    }
  })
})

describe('a fingerprint', () => {
  it('changes with every input that changes anything', () => {
    const replica = core()
    const seen = new Set<string>()
    for (const input of INPUTS) {
      replica.step(input)
      seen.add(replica.fingerprint())
    }
    expect(seen.size).toBe(INPUTS.length - 1) // the last COMMIT comes after the decision
  })

  it('of one height and view tells from whom the votes came', () => {
    const [one, other] = [core(), core()]
    one.step(message(2, voteMessage(2, 'commit', 0, BLOCK)))
    other.step(message(3, voteMessage(3, 'commit', 0, BLOCK)))
    expect(one.fingerprint()).not.toBe(other.fingerprint())
  })
})
