import { equalBytes, height, indicesOf, view } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aggregateOf, ballotOf, blockOf, blsValidatorSet, chainOf, signVote, validatorSet } from '../test/harness.js'
import type { Ballot, Block } from './index.js'
import { sendersOf, VoteKeeper } from './vote-keeper.js'

/** Whose votes are in it; undefined: there is no quorum. */
const signersFor = (keeper: VoteKeeper, ballot: Ballot): number[] | undefined => {
  const certificate = keeper.quorumFor(ballot)
  expect(keeper.hasQuorumFor(ballot)).toBe(certificate !== undefined)
  return certificate === undefined ? undefined : indicesOf(certificate.signers)
}

const [a, b] = [blockOf({ timestampMs: 1 }), blockOf({ timestampMs: 2 })]

describe('the vote keeper', () => {
  it('A2, S6: a sender counts once, however often and with however many signatures it says so', () => {
    const keeper = new VoteKeeper(validatorSet(4))
    const vote = signVote(1, ballotOf('prepare', 0, a))
    expect(keeper.add(vote, 0).status).toBe('added')
    for (let i = 0; i < 10; i++)
      expect(keeper.add({ ...vote, signature: signVote(1, ballotOf('prepare', i, a)).signature }, 0).status).toBe('known')
    expect(keeper.size).toBe(1)
    expect(signersFor(keeper, ballotOf('prepare', 0, a))).toBeUndefined()
  })

  it('A7: the first vote of a sender stands; another is a conflict, and counts for nothing', () => {
    const keeper = new VoteKeeper(validatorSet(4))
    for (const sender of [0, 1]) keeper.add(signVote(sender, ballotOf('prepare', 0, a)), 0)
    const first = signVote(2, ballotOf('prepare', 0, b))
    keeper.add(first, 0)
    expect(keeper.add(signVote(2, ballotOf('prepare', 0, a)), 0)).toEqual({ status: 'conflict', first })
    expect(signersFor(keeper, ballotOf('prepare', 0, a))).toBeUndefined()
    keeper.add(signVote(3, ballotOf('prepare', 0, a)), 0)
    expect(signersFor(keeper, ballotOf('prepare', 0, a))).toEqual([0, 1, 3])
  })

  it('A4: phases, views, heights and blocks are counted apart', () => {
    const keeper = new VoteKeeper(validatorSet(4))
    const above = blockOf({ height: 2, parent: a.hash })
    const ballots = [ballotOf('prepare', 0, a), ballotOf('commit', 0, a), ballotOf('prepare', 1, a), ballotOf('prepare', 0, above)]
    for (const ballot of ballots) for (const sender of [0, 1]) keeper.add(signVote(sender, ballot), 0)
    for (const ballot of ballots) expect(signersFor(keeper, ballot)).toBeUndefined()
    keeper.add(signVote(2, ballots[1] ?? ballotOf('commit', 0, a)), 0)
    expect(ballots.map((ballot) => signersFor(keeper, ballot) !== undefined)).toEqual([false, true, false, false])
  })

  it('quorums are of power', () => {
    const keeper = new VoteKeeper(validatorSet(4, [1n, 1n, 1n, 7n]))
    for (const sender of [0, 1, 2]) keeper.add(signVote(sender, ballotOf('commit', 0, a)), 0)
    expect(signersFor(keeper, ballotOf('commit', 0, a))).toBeUndefined()
    keeper.add(signVote(3, ballotOf('commit', 0, a)), 0)
    expect(signersFor(keeper, ballotOf('commit', 0, a))).toEqual([0, 1, 2, 3])
  })

  it('a certificate that somebody else has put together stands for the votes in it, of its own ballot and no other', () => {
    const keeper = new VoteKeeper(blsValidatorSet(4))
    const certificate = aggregateOf('prepare', 0, a, [0, 2, 3])
    keeper.addCertificate(certificate, 0)
    expect(keeper.quorumFor(ballotOf('prepare', 0, a))).toBe(certificate)
    for (const other of [ballotOf('commit', 0, a), ballotOf('prepare', 1, a), ballotOf('prepare', 0, b)])
      expect(signersFor(keeper, other)).toBeUndefined()
    const slot = keeper.slot(view(0), height(1))
    expect(slot === undefined ? [] : sendersOf(slot.prepare)).toEqual([0, 2, 3])
    keeper.add(signVote(1, ballotOf('prepare', 0, a)), 0)
    expect(slot === undefined ? [] : sendersOf(slot.prepare)).toEqual([0, 1, 2, 3])
    expect(keeper.size).toBe(1)
  })

  it('pruning drops what is below, keeps what is above, and the size is what is held', () => {
    const keeper = new VoteKeeper(validatorSet(4))
    const blocks = chainOf(5) as [Block, ...Block[]]
    for (let inView = 0; inView < 4; inView++) for (const block of blocks) keeper.add(signVote(1, ballotOf('commit', inView, block)), 0)
    expect(keeper.size).toBe(20)
    keeper.prune(view(2), height(3))
    expect(keeper.size).toBe(4)
    expect(keeper.slot(view(1), height(5))).toBeUndefined()
    expect(keeper.slot(view(2), height(3))).toBeUndefined()
    expect(keeper.slot(view(3), height(4))).toBeDefined()
  })

  it('votes whose shares prove nothing are held, counted as held, and pruned like others', () => {
    const keeper = new VoteKeeper(validatorSet(4))
    expect(keeper.add(signVote(1, ballotOf('commit', 0, a)), 0, true).status).toBe('spoiled')
    expect(keeper.size).toBe(1)
    keeper.prune(view(1), height(0))
    expect(keeper.size).toBe(0)
  })

  it('A3: whatever comes in whatever order: one vote per sender is counted, for the block it named first', () => {
    const event = fc.record({ sender: fc.nat(6), first: fc.boolean() })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const keeper = new VoteKeeper(validatorSet(7))
        const said = new Map<number, Block>()
        for (const { sender, first } of events) {
          const block = first ? a : b
          const result = keeper.add(signVote(sender, ballotOf('prepare', 0, block)), 0)
          const before = said.get(sender)
          expect(result.status).toBe(before === undefined ? 'added' : before === block ? 'known' : 'conflict')
          if (before === undefined) said.set(sender, block)
        }
        const slot = keeper.slot(view(0), height(1))
        if (slot !== undefined) expect(sendersOf(slot.prepare)).toEqual([...said.keys()].sort())
        for (const block of [a, b]) {
          const power = [...said.values()].filter((named) => equalBytes(named.hash, block.hash)).length
          expect(signersFor(keeper, ballotOf('prepare', 0, block)) !== undefined).toBe(power >= 5)
        }
      }),
      { numRuns: 200 },
    )
  })
})
