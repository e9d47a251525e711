import { describe, expect, it } from 'vitest'
import { isInstalled } from '../differential/lib/metamath-program.js'
import { BY_HAND } from '../differential/lib/small-databases.js'
import { randomStream } from '../packages/simulator/dist/random.js'
import { CpuWatch } from './lib/cpu-watch.js'
import { mutate, mutatePart, pair, unpaired } from './lib/mutate.js'
import { Broken, examine, examineMemory } from './lib/properties.js'
import { targetNamed } from './targets/index.js'
import { databaseTruth } from './targets/metamath-truth.js'

/** @typedef {import('./lib/properties.js').Target} Target */

/** Accepts anything, gives it back. @type {Target} */
const SOUND = {
  name: 'sound',
  what: 'a test',
  seeds: () => [],
  decode: (bytes) => ({ ok: true, value: bytes.slice() }),
  encode: (value) => value,
}
const INPUT = Uint8Array.of(1, 2, 3)

/** @param {Partial<Target>} fault */
const found = (fault, input = INPUT) => examine({ ...SOUND, ...fault }, input)?.property ?? 'nothing'

describe('a fault in a target is found', () => {
  it('and none where there is none', () => {
    expect(found({})).toBe('nothing')
    expect(examineMemory(SOUND, INPUT).finding).toBeNull()
  })

  it('an exception', () => {
    const fail = () => {
      throw new RangeError('out of range')
    }
    expect(found({ decode: fail })).toBe('throws')
    expect(found({ use: fail })).toBe('throws')
  })

  it('a refusal without a code or a sentence', () => {
    expect(found({ decode: () => ({ ok: false, error: { code: 'short', message: 'expected more' } }) })).toBe('nothing')
    expect(found({ decode: () => ({ ok: false, error: { code: '', message: 'expected more' } }) })).toBe('refusal')
    expect(found({ decode: () => ({ ok: false, error: { code: 'short', message: '' } }) })).toBe('refusal')
  })

  it('two encodings of one value', () => {
    expect(found({ encode: () => Uint8Array.of(1, 2) })).toBe('round-trip')
    expect(found({ roundTrip: 'same-value', encode: () => Uint8Array.of(1, 2) })).toBe('nothing')
    let count = 0
    expect(found({ roundTrip: 'same-value', encode: () => Uint8Array.of(count++) })).toBe('round-trip')
  })

  it("a broken property of the target's own", () => {
    const broken = () => {
      throw new Broken('two verdicts')
    }
    expect(found({ use: broken })).toBe('violation')
  })

  it('work that takes too long, measured in processor time', () => {
    const busy = () => {
      const { user, system } = process.cpuUsage()
      for (;;) {
        const spent = process.cpuUsage()
        if (spent.user + spent.system - user - system > 30_000) return
      }
    }
    expect(found({ use: busy, slowMs: 10 })).toBe('slow')
  })

  it('a value that keeps more alive than its bytes justify', () => {
    const hoard = () => ({ ok: /** @type {const} */ (true), value: Array.from({ length: 100_000 }, (_, i) => ({ i })) })
    expect(examineMemory({ ...SOUND, decode: hoard }, INPUT).finding?.property).toBe('memory')
  })
})

describe('changes to an input', () => {
  const change = (/** @type {number} */ seed) => {
    const random = randomStream(seed, 'mutate')
    const context = {
      random,
      corpus: [INPUT, Uint8Array.from({ length: 40 }, (_, i) => i)],
      dictionary: [Uint8Array.of(9, 9)],
      maxBytes: 64,
    }
    /** @type {Uint8Array[]} */
    const outputs = [INPUT]
    for (let i = 0; i < 2000; i++) outputs.push(mutate(random.pick(outputs), context))
    return outputs
  }

  it('are a function of the seed, stay within the length, and leave their parents alone', () => {
    const first = change(1)
    expect(change(1)).toEqual(first)
    expect(change(2)).not.toEqual(first)
    expect(Math.max(...first.map((bytes) => bytes.length))).toBeLessThanOrEqual(64)
    expect(first[0]).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('the reference program as a judge of small databases', () => {
  it.skipIf(!isInstalled())('says of a false one that it is false', () => {
    const falsehood = Buffer.from(BY_HAND.replace('ABADCABEF', 'ABADCABEE'), 'latin1')
    expect(databaseTruth.decode(falsehood).ok).toBe(false)
    expect(() => databaseTruth.use?.(1, falsehood)).toThrow(Broken)
    expect(() => databaseTruth.use?.(1, Buffer.from(BY_HAND, 'latin1'))).not.toThrow()
  })
})

describe('a watch of processor time', () => {
  it('does not run while the process waits', async () => {
    const watch = new CpuWatch(100)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(watch.isOver).toBe(false)
    while (watch.milliseconds <= 100);
    expect(watch.isOver).toBe(true)
    watch.begin()
    expect(watch.isOver).toBe(false)
  })
})

describe('changes to an input as what it says', () => {
  /** How many of so many changes of the seeds that are accepted are accepted themselves, and say something else. @param {Target} target @param {number} count */
  const accepted = (target, count) => {
    const random = randomStream(1, target.name)
    const isValid = (/** @type {Uint8Array} */ bytes) => {
      const decoded = target.decode(bytes)
      return decoded.ok && /** @type {any} */ (decoded.value)?.status !== 'invalid'
    }
    const seeds = target.seeds().filter(isValid)
    const known = new Set(seeds.map((bytes) => Buffer.from(bytes).toString('latin1')))
    for (let i = 0; i < count; i++) {
      const changed = target.change?.(random.pick(seeds), random, seeds) ?? null
      if (changed !== null && isValid(changed)) known.add(Buffer.from(changed).toString('latin1'))
    }
    return known.size - seeds.length
  }

  it.each([
    ['metamath-claims', 300, 10],
    ['theorem-truth', 300, 10],
    ['libraries', 300, 10],
    ['genesis-json', 600, 5],
    ['trust', 300, 5],
    ['receipts', 300, 5],
    ['smt2', 300, 40],
    ['bvlrat-truth', 300, 40],
  ])(
    '%s: of %i changes more than %i leave something else that is accepted, so that what is behind the decoder is tried',
    (name, count, least) => {
      expect(accepted(/** @type {Target} */ (targetNamed(name)), count)).toBeGreaterThan(least)
    },
  )

  it('two parts stay two parts, within the length', () => {
    const random = randomStream(1, 'parts')
    const context = { random, corpus: [pair(INPUT, INPUT)], dictionary: [], maxBytes: 64 }
    /** @type {Uint8Array} */
    let input = pair(INPUT, INPUT)
    let alone = 0
    for (let i = 0; i < 500; i++) {
      const before = unpaired(input)
      input = mutatePart(input, context)
      expect(input.length).toBeLessThanOrEqual(64)
      const { first, second } = unpaired(input)
      expect(pair(first, second)).toEqual(input)
      if (Buffer.compare(first, before.first) === 0 && Buffer.compare(second, before.second) !== 0) alone++
    }
    expect(alone).toBeGreaterThan(100)
  })
})
