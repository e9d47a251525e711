import { epoch, height, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { blockOf, Cluster, prePrepareOf, statusFrom, TIMERS, transaction, voteMessage } from '../test/harness.js'
import { type Diagnosis, paragraphOf, type Silence, type Surroundings } from './index.js'

const ALL: readonly ValidatorIndex[] = [0, 1, 2, 3].map((index) => validatorIndex(index))

function look(cluster: Cluster, index: number, change: Partial<Surroundings> = {}): Diagnosis {
  const around = { nowMs: cluster.nowMs, connected: ALL, recentBlocks: 0, recentMs: 10_000, openWriteMs: 0, stopped: null, ...change }
  return cluster.at(index).running.explain(around)
}

function say(cluster: Cluster, index: number, change: Partial<Surroundings> = {}): string {
  return paragraphOf(look(cluster, index, change))
}

const block = blockOf({ transactions: [transaction('a')] })

describe('why nothing commits (docs/operations.md)', () => {
  it('all is well: idle, or committing', () => {
    const cluster = new Cluster()
    expect(say(cluster, 1)).toBe('Nothing to order: idle at height 0, view 0, led by validator 0. Submit something, and it goes on.')
    cluster.at(0).order('a')
    cluster.deliver()
    expect(say(cluster, 1, { recentBlocks: 1 })).toBe(
      'Committing normally: 1 block in the last 10 seconds, height 1, view 0, led by validator 0.',
    )
  })

  it('no quorum of peers', () => {
    const cluster = new Cluster()
    expect(say(cluster, 1, { connected: [validatorIndex(3)] })).toBe(
      'No quorum: this validator reaches validators 1, 3 (power 2 of 4, 3 needed), so nothing can commit from here until more are up and connected. Not connected: validators 0, 2.',
    )
  })

  it('the leader is silent', () => {
    const cluster = new Cluster()
    cluster.cut = ({ from }) => from === 0
    cluster.at(1).step({ kind: 'work', waiting: 3, full: false, nowMs: cluster.nowMs })
    cluster.nowMs += 400
    expect(say(cluster, 1)).toBe(
      'Waiting for the leader: validator 0 has proposed nothing for height 1 in view 0, though there is something to order. If nothing commits, in 0.6 seconds it asks for view 1.',
    )
  })

  it('changing views: alone, and with a quorum that waits for the new leader', () => {
    const cluster = new Cluster()
    cluster.cut = ({ message }) => message.kind === 'new-view'
    cluster.at(3).fire('view')
    cluster.deliver()
    expect(look(cluster, 3)).toMatchObject({ cause: 'changing-view', view: 1, tally: { present: [3], missing: [0, 1, 2], needed: '3' } })
    expect(say(cluster, 3)).toContain('asks for view 1, led by validator 1; validator 3 (power 1 of 4, 3 needed)')
    cluster.at(2).fire('view')
    cluster.deliver()
    expect(say(cluster, 3)).toMatch(
      /^Changing views: validators 0, 1, 2, 3 \(power 4 of 4, 3 needed\) ask for view 1, and its leader, validator 1, has not begun it yet\./,
    )
    expect(say(cluster, 3)).toContain('If it does not begin in 1.0 seconds, this validator asks for view 2.')
  })

  it('whoever waits for a new view asks for the next one when its timer fires, also if it has blocks to catch up on', () => {
    const cluster = new Cluster()
    cluster.cut = ({ message }) => message.kind === 'new-view'
    for (const index of [2, 3]) cluster.at(index).fire('view')
    cluster.deliver()
    for (const sender of [0, 1]) cluster.at(3).receive(sender, statusFrom(sender, 0, 7))
    expect(look(cluster, 3)).toMatchObject({ cause: 'waiting-for-new-view', timer: { effect: 'ask-for-next-view' } })
    cluster.nowMs -= 3_600_000 // the clock is put back
    expect(say(cluster, 3)).toContain('If it does not begin in 1.0 seconds, this validator asks for view 2.')
    cluster.at(3).fire('view')
    expect(cluster.at(3).position).toBe('changing 2')
  })

  it('waiting for transactions of the proposal', () => {
    const cluster = new Cluster()
    expect(look(cluster, 1, { awaited: { transactions: 3, from: validatorIndex(0) } })).toMatchObject({ cause: 'waiting-for-transactions' })
    expect(say(cluster, 1, { awaited: { transactions: 3, from: validatorIndex(0) } })).toBe(
      'Height 1: waiting for 3 transactions of the proposal from validator 0, in view 0; it is asked, and then others.',
    )
    expect(say(cluster, 1, { awaited: { transactions: 0, from: validatorIndex(0) } })).toContain('for the transactions of the proposal')
  })

  it('waiting for a body', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    for (const sender of [0, 2, 3]) cluster.at(1).receive(sender, voteMessage(sender, 'commit', 0, block))
    expect(look(cluster, 1)).toMatchObject({ cause: 'waiting-for-body', missingBodies: 1 })
    expect(say(cluster, 1)).toMatch(/^Waiting for a body: a block at or below height 1 is not here yet; peers are asked in turn\./)
  })

  it('validation running, then PREPAREs and COMMITs counted, with those who are missing', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    const replica = cluster.at(1)
    replica.validating = 'held'
    replica.receive(0, prePrepareOf(0, 0, block))
    expect(say(cluster, 1)).toMatch(/^Validating: the block proposed for height 1 in view 0 is being verified and executed here\./)
    replica.step(replica.verdictOn(block))
    expect(say(cluster, 1)).toMatch(
      /^Height 1 is accepted in view 0 and waits for PREPAREs: it has validators 0, 1 \(power 2 of 4, 3 needed\); missing: validators 2, 3\./,
    )
    replica.receive(2, voteMessage(2, 'prepare', 0, block))
    expect(say(cluster, 1)).toMatch(
      /^Height 1 is prepared in view 0 and waits for COMMITs: it has validator 1 \(power 1 of 4, 3 needed\); missing: validators 0, 2, 3\./,
    )
  })

  it('halted, and storage that does not answer, go before everything else', () => {
    const cluster = new Cluster()
    const halted = 'two blocks are certified at height 3: more than a third of the power is Byzantine'
    expect(say(cluster, 1, { stopped: halted, openWriteMs: 9000, connected: [] })).toBe(
      `Stopped: this validator accepts nothing any more, because ${halted}. See its log, mend the cause, and start it again.`,
    )
    expect(say(cluster, 1, { openWriteMs: 9000, connected: [] })).toMatch(
      /^Storage: the disk has not confirmed a write for 9000 ms, and no vote leaves before it is durable\. Check the disk\./,
    )
  })

  it('names who is behind, who is in another view, and who complains', () => {
    const cluster = new Cluster()
    cluster.cut = ({ from, to, message }) => (from === 3 || to === 3) && message.kind !== 'status'
    cluster.at(0).order('a')
    cluster.deliver()
    cluster.at(2).step({ kind: 'leader-judged', view: cluster.at(2).running.view, complaint: 'slow-leader', nowMs: cluster.nowMs })
    for (const index of [2, 3]) cluster.at(index).fire('status')
    cluster.deliver()
    expect(say(cluster, 1)).toContain(
      'Behind: validator 3 at height 0. Dissatisfied with the leader, validator 0: validator 2 (slow-leader).',
    )
    cluster.at(3).fire('view')
    cluster.at(3).fire('status')
    cluster.deliver()
    expect(say(cluster, 1)).toContain('Elsewhere: validator 3 asking for view 1.')
  })
  it('who is connected and says nothing is named after three missing pings, with for how long, and counts no longer as reached', () => {
    const cluster = new Cluster()
    const silences = (forMs: number): readonly Silence[] =>
      [2, 3].map((index) => ({ validator: validatorIndex(index), forMs: forMs + index }))
    expect(say(cluster, 1, { silences: silences(2_990) })).toBe(
      'Nothing to order: idle at height 0, view 0, led by validator 0. Submit something, and it goes on.',
    )
    expect(look(cluster, 1, { silences: silences(12_000) })).toMatchObject({ cause: 'no-quorum-connected', tally: { present: [0, 1] } })
    expect(say(cluster, 1, { silences: silences(12_000) })).toBe(
      'No quorum: this validator reaches validators 0, 1 (power 2 of 4, 3 needed), so nothing can commit from here until more are up and connected. Connected, but nothing heard from validator 2 for 12 seconds, validator 3 for 12 seconds.',
    )
  })

  it('of who is not connected it says when it was last heard, or that it never was', () => {
    const cluster = new Cluster()
    const silences = [{ validator: validatorIndex(2), forMs: 1_400 }]
    expect(say(cluster, 1, { connected: [validatorIndex(0)], silences })).toContain(
      'Not connected: validators 2, 3 (last heard 1 second ago, never since the start).',
    )
  })

  it('without a quorum it still says where the next height stands, and marks as old what the missing ones have said', () => {
    const cluster = new Cluster()
    cluster.at(2).fire('status')
    cluster.deliver()
    cluster.cut = ({ from, to }) => from > 1 || to > 1
    cluster.at(0).order('a')
    cluster.deliver()
    cluster.at(0).fire('view')
    cluster.at(1).fire('view')
    cluster.deliver()
    expect(look(cluster, 1, { connected: [validatorIndex(0)] })).toMatchObject({
      cause: 'no-quorum-connected',
      beneath: { cause: 'changing-view', tally: { present: [0, 1] } },
    })
    const text = say(cluster, 1, { connected: [validatorIndex(0)] })
    expect(text).toContain('Changing views: this validator asks for view 1, led by validator 1; validators 0, 1 (power 2 of 4, 3 needed)')
    expect(text).toContain('Elsewhere: validator 2 in view 0 when last heard.')
  })

  it('who asks for a view without a quorum says when it repeats its wish, and that no other timer runs', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    const replica = cluster.at(1)
    replica.step({ kind: 'work', waiting: 1, full: false, nowMs: cluster.nowMs })
    replica.fire('view')
    let repetitions = 0
    for (let tick = 0; tick < 30; tick++) {
      const { timer } = look(cluster, 1)
      expect(timer).toMatchObject({ effect: 'repeat-wish', everyMs: 2_000 })
      const before = replica.sent.length
      cluster.nowMs += TIMERS.statusMs
      replica.fire('status')
      const isRepeated = replica.sent.slice(before).some(({ message }) => message.kind === 'view-change')
      expect(isRepeated).toBe(timer?.inMs === TIMERS.statusMs)
      if (isRepeated) repetitions++
    }
    expect(repetitions).toBeGreaterThan(4)
    expect(say(cluster, 1)).toMatch(
      /It repeats its wish in \d\.\d seconds, and then at least every 2 seconds; no other timer runs before power 3 asks for view 1 or a higher one\.$/,
    )
  })

  it('a validator that lost its store says that it does not vote, and until when', () => {
    const cluster = new Cluster()
    cluster.cut = ({ message }) => message.kind === 'view-claim'
    cluster.at(3).loseStore()
    cluster.at(3).restart()
    cluster.deliver()
    expect(say(cluster, 3)).toContain(
      'This validator does not vote: its store was lost, and until a quorum of the others has named its view (0 so far) it cannot know what it may have signed.',
    )
    cluster.cut = () => false
    cluster.at(3).fire('status')
    cluster.deliver()
    expect(look(cluster, 3)).toMatchObject({ forgetful: { answers: 3, above: 0, forGood: false } })
    expect(say(cluster, 3)).toContain('its store was lost, and it votes again when a block commits in a view above 0.')
    expect(look(cluster, 1).forgetful).toBeNull()
  })

  it.each([
    ['one of three', [1n, 1n, 1n]],
    ['one with a third of the power', [2n, 1n, 1n, 2n]],
  ])('a validator that lost its store, %s: the others are no quorum, and it says that this is for good', (_, powers) => {
    const cluster = new Cluster({ validators: powers.length, powers })
    const last = powers.length - 1
    cluster.at(last).loseStore()
    cluster.at(last).restart()
    cluster.deliver()
    expect(look(cluster, last)).toMatchObject({ forgetful: { answers: last, above: null, forGood: true } })
    expect(say(cluster, last)).toContain('this chain stands still for good.')
  })

  it('peers of a later epoch are named, and a weak quorum of them means catching up, over the ticks too', () => {
    const cluster = new Cluster()
    cluster.cut = () => true
    const replica = cluster.at(1)
    for (const from of [2, 3])
      replica.step({ kind: 'foreign', from: validatorIndex(from), epoch: epoch(1), committedHeight: height(9), nowMs: cluster.nowMs })
    expect(say(cluster, 1)).toMatch(/^Catching up: .* In a later epoch: validators 2, 3\./)
    replica.fire('status')
    expect(look(cluster, 1)).toMatchObject({ cause: 'catching-up', inLaterEpoch: [2, 3] })
    replica.fire('status')
    expect(look(cluster, 1)).toMatchObject({ cause: 'idle', inLaterEpoch: [] })
  })

  it('while blocks follow each other, nobody is behind for having said less before the newest one', () => {
    const cluster = new Cluster()
    for (const index of [0, 2, 3]) cluster.at(index).fire('status')
    cluster.deliver()
    cluster.at(0).order('a')
    cluster.deliver()
    expect(look(cluster, 1, { recentBlocks: 1 })).toMatchObject({ cause: 'committing', lagging: [] })
    cluster.at(1).fire('status')
    cluster.at(1).fire('status')
    expect(look(cluster, 1, { recentBlocks: 1 }).lagging).toHaveLength(3)
  })
})
