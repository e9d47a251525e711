/** What a core keeps when it goes on from a state that was taken over (docs/protocol.md §7): the same as if it had committed every block. */
import { equalBytes, height, type ValidatorIndex, validatorIndex, view } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import {
  ballotOf,
  CHAIN,
  certificateOf,
  chainOf,
  keyOfValidator,
  newViewOf,
  START_MS,
  signVote,
  TIMERS,
  validatorSet,
  viewChangeOf,
} from '../test/harness.js'
import type { Jump } from './consensus.js'
import { type Block, type Consensus, createConsensus, type DurableState } from './index.js'
import type { Landing } from './jump.js'

const SELF = 1
const BLOCKS = chainOf(8)
const at = (position: number): Block => BLOCKS[position - 1] as Block

const FRESH: DurableState = {
  view: view(0),
  phase: 'active',
  newView: null,
  viewChange: null,
  votes: [],
  blocks: [],
  highest: null,
  lastCommit: null,
  committed: { height: height(0), hash: CHAIN, timestampMs: 0 },
  recent: [{ height: height(0), hash: CHAIN }],
}

function coreOf(durable: Partial<DurableState>, epochLength = 0): Consensus {
  const core = createConsensus(
    {
      chainId: CHAIN,
      validators: validatorSet(4),
      self: SELF as ValidatorIndex,
      epochLength,
      window: 8,
      clockDriftMs: 1_000,
      timers: TIMERS,
      recoveryNonce: CHAIN,
      sign: (bytes) => keyOfValidator(SELF).sign(bytes),
    },
    { ...FRESH, ...durable },
  )
  core.step({ kind: 'start', nowMs: START_MS })
  return core
}

function landingAt(position: number, inEpoch = 0) {
  const block = at(position)
  return {
    committed: { height: block.header.height, hash: block.hash, timestampMs: block.header.timestampMs },
    validators: validatorSet(4, [], inEpoch),
    certificate: certificateOf('commit', 0, block),
    recent: BLOCKS.slice(0, position).map(({ header, hash }) => ({ height: header.height, hash })),
  }
}

function jumped(core: Consensus, landing: Landing): Exclude<Jump, { fork: unknown }> {
  const jump = core.jump(landing)
  if ('fork' in jump) throw new Error('the landing contradicts the own chain')
  return jump
}

describe('going on from a state that was taken over', () => {
  it('C1: own votes above it are kept, byte for byte, and said again; those below are over', () => {
    const votes = [2, 5].map((position) => signVote(SELF, ballotOf('prepare', 0, at(position))))
    const core = coreOf({ votes, blocks: [at(2), at(5)] })
    const { durable } = jumped(core, landingAt(3))
    expect(durable.votes).toEqual([votes[1]])
    expect(durable.blocks.map(({ hash }) => hash)).toEqual([at(5).hash])
    expect(durable.committed.height).toBe(3)
    const sent = createConsensus({ ...configOf(), validators: validatorSet(4) }, durable)
      .step({ kind: 'start', nowMs: START_MS })
      .flatMap((effect) => (effect.kind === 'send' && effect.message.kind === 'vote' ? [effect.message.vote] : []))
    expect(sent).toEqual([votes[1]])
  })

  it('R3: the highest certificate never falls: what was learnt and is not on disk yet is written first', () => {
    const highest = certificateOf('prepare', 4, at(2))
    const changing: Partial<DurableState> = { view: view(5), phase: 'changing', viewChange: viewChangeOf(SELF, 5, highest), highest }
    const core = coreOf(changing)
    const { durable, records } = jumped(core, landingAt(6))
    expect(durable.highest).toEqual(highest)
    expect([durable.view, durable.phase, durable.viewChange]).toEqual([5, 'changing', changing.viewChange])
    expect(records).toEqual([])

    const learnt = coreOf({})
    learnt.step({
      kind: 'message',
      from: validatorIndex(0),
      message: newViewOf(3, 3, [viewChangeOf(0, 3, certificateOf('commit', 2, at(2))), viewChangeOf(2, 3), viewChangeOf(3, 3)]) as never,
      nowMs: START_MS,
    })
    const after = jumped(learnt, landingAt(6))
    expect(after.durable.highest?.view).toBe(2)
    expect(after.records.map(({ kind }) => kind)).toEqual(['highest'])
    expect([after.durable.view, after.durable.phase]).toEqual([3, 'active'])
  })

  it('J1: in a later epoch nothing of the old one goes along but the chain', () => {
    const core = coreOf({ votes: [signVote(SELF, ballotOf('prepare', 0, at(2)))], blocks: [at(2)] }, 4)
    const { durable } = jumped(core, landingAt(6, 1))
    expect(durable).toMatchObject({
      view: 0,
      phase: 'active',
      votes: [],
      blocks: [],
      highest: null,
      newView: null,
      viewChange: null,
      recovery: null,
    })
    expect(equalBytes(durable.committed.hash, at(6).hash)).toBe(true)
  })

  it('C6: who has forgotten what it signed goes on asking, in whichever epoch it lands', () => {
    for (const [inEpoch, epochLength] of [
      [0, 0],
      [1, 4],
    ] as const) {
      const { durable, records } = jumped(coreOf({ recovery: { status: 'asking' } }, epochLength), landingAt(6, inEpoch))
      expect(durable.recovery).toEqual({ status: 'asking' })
      if (inEpoch > 0) expect(records).toEqual([{ kind: 'recovery', recovery: { status: 'asking' } }])
    }
    const released = { status: 'released' as const, forgottenUpTo: 1 as never, epoch: 0 as never, view: view(3) }
    expect(jumped(coreOf({ recovery: released }, 4), landingAt(6, 1)).durable.recovery).toEqual({ status: 'asking' })
    expect(jumped(coreOf({ recovery: released }), landingAt(6)).durable.recovery).toEqual(released)
    const past = { ...released, forgottenUpTo: 0 as never } // what it forgot lies in the epoch that it leaves
    expect(jumped(coreOf({ recovery: past }, 4), landingAt(6, 1)).durable.recovery).toBeNull()
  })

  it('S9: a chain that parts from the committed one is a fork beyond a third: it stops rather than choose', () => {
    const core = coreOf({ committed: landingAt(2).committed, recent: landingAt(2).recent, lastCommit: landingAt(2).certificate })
    const landing = landingAt(6)
    const recent = landing.recent.map((each) => (each.height === 2 ? { ...each, hash: CHAIN } : each))
    expect(jumped(core, landing).durable.committed.height).toBe(6)
    expect(core.jump({ ...landing, recent })).toMatchObject({ fork: { kind: 'fork' } })
    expect(core.inspect().forkedAt).not.toBeNull()
  })

  it('is refused below the committed block: our own bug', () => {
    const core = coreOf({})
    expect(() => core.jump({ ...landingAt(3), committed: FRESH.committed })).toThrow('only from above the committed one')
  })
})

function configOf() {
  return {
    chainId: CHAIN,
    self: SELF as ValidatorIndex,
    window: 8,
    clockDriftMs: 1_000,
    timers: TIMERS,
    sign: (bytes: Uint8Array) => keyOfValidator(SELF).sign(bytes),
  }
}
