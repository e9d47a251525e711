import { height } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { Forks } from './forks.js'

describe('a fork', () => {
  const blockOf = (name: number) => ({ header: { height: height(1) }, hash: hashTagged('aethel/test-block', Uint8Array.of(name)) }) as never

  it('is two blocks of one height that honest validators have committed; a faulty one alone shows its own to nobody', () => {
    const forks = new Forks()
    forks.onCommit(0, blockOf(1), true)
    forks.onCommit(3, blockOf(2), false)
    expect(forks.lowest).toBeNull()
    forks.onCommit(1, blockOf(2), true)
    forks.onCommit(3, blockOf(2), false)
    expect(forks.lowest).toBe(1)
  })
})
