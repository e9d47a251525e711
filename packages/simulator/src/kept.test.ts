import { epoch, type Hash, height, keyOf, validatorIndex, view } from '@aethel/codec'
import type { Certificate, NewView } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { Kept } from './kept.js'

const hashOf = (name: string): Hash =>
  hashTagged(
    'aethel/test-kept',
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
  )

/** By its letters: each block stands on the one without its last letter, and its height is how many they are. */
function certificate(kind: 'prepare' | 'commit', inView: number, block: string): Certificate {
  return { kind, epoch: epoch(0), view: view(inView), height: height(block.length), blockHash: hashOf(block) } as Certificate
}

function beginning(inView: number, from: Certificate | null): NewView {
  return { kind: 'new-view', newView: view(inView), certificate: from, sender: validatorIndex(0) } as unknown as NewView
}

function keptWith(...blocks: readonly string[]): Kept {
  const parents = new Map(blocks.map((block) => [keyOf(hashOf(block)), hashOf(block.slice(0, -1))]))
  return new Kept(
    (hash) => parents.get(keyOf(hash)),
    () => undefined,
  )
}

describe('what was committed in a view', () => {
  const COMMITTED = certificate('commit', 1, 'ab')
  const bad: readonly (readonly [string, Certificate | null])[] = [
    ['nothing', null],
    ['a block below', certificate('prepare', 1, 'a')],
    ['a rival at its height', certificate('prepare', 2, 'ax')],
    ['what stands on a rival', certificate('prepare', 2, 'axyz')],
  ]
  const good: readonly (readonly [string, Certificate])[] = [
    ['itself', certificate('prepare', 1, 'ab')],
    ['its commit certificate', COMMITTED],
    ['what stands on it', certificate('prepare', 2, 'abcd')],
    ['what nobody honest has voted for, so that nothing is known of what is below', certificate('prepare', 2, 'uvw')],
  ]
  const known = ['a', 'ab', 'abc', 'abcd', 'ax', 'axy', 'axyz']

  it.each(bad)('a later view that begins with %s has lost it, whichever is known first', (_, from) => {
    const before = keptWith(...known)
    expect(before.flawOfCommit(COMMITTED)).toBeNull()
    expect(before.flawOfNewView(beginning(3, from))).toContain('what was committed at height 2 in view 1')
    const after = keptWith(...known)
    expect(after.flawOfNewView(beginning(3, from))).toBeNull()
    expect(after.flawOfCommit(COMMITTED)).toContain('view 3 begins on')
  })

  it.each(good)('one that begins with %s has it', (_, from) => {
    const kept = keptWith(...known)
    expect(kept.flawOfCommit(COMMITTED)).toBeNull()
    expect(kept.flawOfNewView(beginning(3, from))).toBeNull()
  })

  it('of the same view and earlier ones nothing is demanded', () => {
    const kept = keptWith(...known)
    expect(kept.flawOfNewView(beginning(1, null))).toBeNull()
    expect(kept.flawOfCommit(COMMITTED)).toBeNull()
  })
})
