import { epoch, type Hash, height } from '@aethel/codec'
import type { EpochStart, Validator } from '@aethel/consensus'
import { createValidatorSet } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { SimulatedEpochs } from './epochs.js'
import { createIdealSignatures } from './signatures.js'

const CHAIN = hashTagged('aethel/test-chain', new Uint8Array(1))

function epochs(): SimulatedEpochs {
  return new SimulatedEpochs({
    chainId: CHAIN,
    nodes: 4,
    length: 1,
    signatures: createIdealSignatures(),
    powers: null,
    isFaulty: () => false,
  })
}

/** Epoch 1, on this block, with so many of the first validators. */
function start(of: SimulatedEpochs, block: string, count: number): EpochStart {
  const members: readonly Validator[] = of.first.validators.validators.slice(0, count)
  const validators = createValidatorSet(epoch(1), members)
  if (!validators.ok) throw new Error(validators.error.message)
  const hash: Hash = hashTagged(
    'aethel/test-block',
    Uint8Array.from(block, (letter) => letter.charCodeAt(0)),
  )
  return { validators: validators.value, previousValidators: of.first.validators, origin: { height: height(1), hash } }
}

describe('the beginning of an epoch', () => {
  it('on a block that a disk may yet lose is forgotten when another block begins it', () => {
    const all = epochs()
    expect(all.begin(start(all, 'lost', 3))).toBe(false)
    expect(all.begin(start(all, 'lost', 3))).toBe(false)
    expect(all.begin(start(all, 'kept', 4))).toBe(true)
    expect(all.validatorsOf(1).validators).toHaveLength(4)
    expect(all.settle(start(all, 'kept', 4))).toBe(false)
  })

  it('S13: on a block that stands is the same for all: another block, or other validators, break agreement', () => {
    for (const [block, count] of [
      ['another', 4],
      ['kept', 3],
    ] as const) {
      const all = epochs()
      all.settle(start(all, 'kept', 4))
      expect(() => all.begin(start(all, block, count))).toThrow('two different sets of validators begin epoch 1')
      expect(() => all.settle(start(all, block, count))).toThrow('two different sets of validators begin epoch 1')
    }
  })
})
