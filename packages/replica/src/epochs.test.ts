import { epoch, equalBytes, height, type ValidatorIndex, view } from '@aethel/codec'
import {
  type Block,
  ballotBytes,
  createBlock,
  encodeEvidence,
  equivocationOf,
  type Message,
  type PrePrepare,
  type Vote,
} from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { CHAIN, EpochCluster, isCommitVote, keyFor, member, type Script } from '../test/epoch-cluster.js'
import { nextValidatorsOf, peerNames } from './epochs.js'

function positions(cluster: EpochCluster): string[] {
  return cluster.nodes.map((node) => (node.replica === null ? 'down' : node.position))
}

describe('an epoch ends with its last block', () => {
  it('views, votes and water marks begin anew, and the chain goes on', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 2 })
    for (const label of ['a', 'b']) cluster.order(label)
    expect(positions(cluster)).toEqual([0, 1, 2, 3].map((self) => `height 2, epoch 1, active 0, validator ${self}`))
    for (const label of ['c', 'd', 'e']) cluster.order(label)
    expect(positions(cluster)[0]).toBe('height 5, epoch 2, active 0, validator 0')
    const blocks = cluster.at(0).chain.map(({ commit }) => commit.block.header)
    expect(blocks.map((header) => header.epoch)).toEqual([0, 0, 1, 1, 2])
    for (const header of blocks) expect(equalBytes(header.nextValidatorsHash, header.validatorsHash)).toBe(true)
  })

  it('J1: nothing beyond it is proposed before it is committed, however much waits and however wide the window', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 2 })
    cluster.cut = isCommitVote
    for (const node of cluster.nodes) for (const label of ['a', 'b', 'c', 'd']) node.submit(label)
    cluster.run(100)
    const proposed = cluster.at(0).sent.flatMap((message) => (message.kind === 'pre-prepare' ? [message.block.header.height] : []))
    expect(Math.max(...proposed)).toBe(2)
    cluster.cut = () => false
    cluster.run(20_000)
    expect(cluster.height).toBe(4)
    expect(positions(cluster)).toEqual([0, 1, 2, 3].map((self) => `height 4, epoch 2, active 0, validator ${self}`))
  })

  it('the next set takes over: a new order, new powers, a newcomer that follows before and votes after', () => {
    const script: Script = (next) => (next === 1 ? [member(4, 0, 2n), member(2), member(0), member(1)] : null)
    const cluster = new EpochCluster({ nodes: 5, validators: 4, length: 2, script })
    cluster.order('a')
    expect(cluster.at(4).position).toBe('height 1, epoch 0, active 0, validator none')
    cluster.order('b')
    expect(positions(cluster).map((text) => text.split('validator ')[1])).toEqual(['2', '3', '1', 'none', '0'])
    expect(cluster.at(4).votes()).toEqual([])
    cluster.order('c')
    expect(cluster.height).toBe(3)
    expect(cluster.at(0).chain[2]?.commit.block.header.proposer).toBe(0)
    expect(cluster.at(4).votes().length).toBeGreaterThan(0)
    const last = cluster.at(3).votes().at(-1)
    expect(last?.epoch).toBe(0)
    expect(cluster.at(3).height).toBe(3)
  })

  it('K4: a validator that changes its key signs with the new one from the first block of the epoch on', () => {
    const script: Script = () => [member(0, 1), member(1), member(2), member(3)]
    const cluster = new EpochCluster({ nodes: 4, length: 1, script })
    cluster.order('a')
    cluster.order('b')
    expect(cluster.height).toBe(2)
    const votes = cluster.at(0).votes()
    const signed = (vote: Vote, generation: number): boolean =>
      equalBytes(vote.signature, keyFor(0, generation).sign(ballotBytes(CHAIN, vote)))
    for (const vote of votes) expect(signed(vote, vote.epoch === 0 ? 0 : 1)).toBe(true)
    expect(votes.some((vote) => vote.epoch === 1)).toBe(true)
  })

  it('J2: a set that is none is not taken; the old one goes on, everywhere, and that is said', () => {
    const sets: Record<number, ReturnType<typeof member>[]> = { 1: [], 2: [member(0), member(0)], 3: [{ ...member(1), power: 0n }] }
    const cluster = new EpochCluster({ nodes: 4, length: 1, script: (next) => sets[next] ?? null })
    for (const label of ['a', 'b', 'c', 'd']) cluster.order(label)
    expect(cluster.height).toBe(4)
    expect(positions(cluster)[0]).toBe('height 4, epoch 4, active 0, validator 0')
    const refusals = cluster.at(2).events.flatMap((event) => (event.name === 'validators-refused' ? [event.code] : []))
    expect(refusals).toEqual(['validator-count', 'duplicate-key', 'power'])
  })

  it('F1, A10, J2: no set with a key of small order or a power that is none', () => {
    const current = new EpochCluster({ nodes: 1, length: 1 }).first.validators
    const small = { publicKey: new Uint8Array(32) as never, power: 1n }
    for (const [named, code] of [
      [[small], 'small-order-key'],
      [[{ ...member(0), power: 1n << 96n }], 'power'],
      [[], 'validator-count'],
    ] as const) {
      const next = nextValidatorsOf(current, named)
      expect(next.refusal?.code).toBe(code)
      expect(equalBytes(next.validators.hash, current.hash)).toBe(true)
      expect(next.validators.epoch).toBe(1)
    }
  })
})

/** Two votes of validator 1 of epoch 0 at the epoch's last height. */
function equivocation(): { votes: [Vote, Vote]; evidence: Message } {
  const votes = [1, 2].map((byte): Vote => {
    const blockHash = new Uint8Array(32).fill(byte) as Vote['blockHash']
    const ballot = { kind: 'prepare' as const, epoch: epoch(0), view: view(0), height: height(2), blockHash }
    return { ...ballot, sender: 1 as ValidatorIndex, signature: keyFor(1).sign(ballotBytes(CHAIN, ballot)) }
  }) as [Vote, Vote]
  return { votes, evidence: { kind: 'evidence', evidence: encodeEvidence(CHAIN, equivocationOf(...votes)) } }
}

function recordedAt(cluster: EpochCluster): number[] {
  return cluster.at(0).chain.flatMap(({ commit }) => (commit.offences.length > 0 ? [commit.block.header.height] : []))
}

describe('an offence at the end of an epoch', () => {
  const isEvidence = ({ message }: { message: Message }): boolean => message.kind === 'evidence'

  it('J1, K1: seen before the last block commits and not recorded in time, it is recorded in the next epoch, once', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 2 })
    cluster.order('a')
    cluster.cut = (sent) => isEvidence(sent) || (sent.message.kind === 'vote' && sent.message.vote.sender === 1)
    for (const node of cluster.nodes) node.submit('b')
    for (const vote of equivocation().votes) cluster.at(3).receive(1, { kind: 'vote', vote })
    expect(cluster.at(3).running.inspect().evidenceHeld).toBe(1)
    cluster.run(300)
    expect(recordedAt(cluster)).toEqual([])
    expect(cluster.at(3).position).toContain('height 2, epoch 1')
    expect(cluster.at(3).running.inspect().evidenceHeld).toBe(1)
    cluster.cut = () => false
    cluster.at(0).receive(3, equivocation().evidence) // as on a new connection
    cluster.run(300)
    for (const label of ['c', 'd', 'e']) cluster.order(label)
    expect(recordedAt(cluster)).toEqual([3])
    expect(cluster.nodes.map((node) => node.running.inspect().evidenceHeld)).toEqual([0, 0, 0, 0])
  })

  it('K4: whoever has left the validators meanwhile is recorded under the key that signed', () => {
    const script: Script = (next) => (next === 1 ? [member(2), member(0), member(3)] : null)
    const cluster = new EpochCluster({ nodes: 4, length: 2, script })
    for (const label of ['a', 'b']) cluster.order(label)
    cluster.at(2).receive(3, equivocation().evidence)
    cluster.run(300)
    expect(recordedAt(cluster)).toEqual([3])
    const [offence] = cluster.at(0).chain[2]?.commit.offences ?? []
    expect(offence).toMatchObject({ epoch: 0, offender: 1, publicKey: keyFor(1).publicKey })
  })

  it('after the next epoch it is heard no more, and nobody is blamed for showing it', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 2 })
    cluster.cut = isEvidence
    for (const label of ['a', 'b']) cluster.order(label)
    cluster.at(3).receive(1, equivocation().evidence) // leads in neither epoch
    expect(cluster.at(3).running.inspect().evidenceHeld).toBe(1)
    for (const label of ['c', 'd']) cluster.order(label)
    expect(cluster.at(3).running.inspect().evidenceHeld).toBe(0)
    cluster.cut = () => false
    cluster.at(0).receive(1, equivocation().evidence) // the harness asserts that it is not refused
    cluster.order('e')
    expect(recordedAt(cluster)).toEqual([])
  })
})

describe('the last block under faults', () => {
  it('prepared, and committed by one before the leader dies, it is the same block that a new view commits', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 2 })
    cluster.order('a')
    cluster.cut = (sent) => isCommitVote(sent) && sent.to !== 3
    for (const node of cluster.nodes) node.submit('b')
    cluster.run(50)
    expect(cluster.at(3).position).toBe('height 2, epoch 1, active 0, validator 3')
    expect(cluster.at(1).position).toBe('height 1, epoch 0, active 0, validator 1')
    // The only one that has it cannot be heard: the others decide again, and must decide the same.
    cluster.at(0).crash()
    cluster.cut = (sent) => sent.from === 3 && sent.message.kind !== 'view-change' && sent.message.kind !== 'vote'
    cluster.at(0).boot()
    cluster.run(10_000)
    expect(cluster.height).toBe(2)
    cluster.cut = () => false
    cluster.order('c')
    expect(cluster.height).toBe(3)
    expect(positions(cluster).every((text) => text.startsWith('height 3, epoch 1'))).toBe(true)
  })

  it('decided in a later view, the next epoch still begins in view 0, and a replica changing views comes along', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1 })
    cluster.cut = (sent) => sent.from === 0 || (sent.to === 3 && sent.message.kind === 'new-view')
    for (const node of cluster.nodes) node.submit('a')
    cluster.run(8_000)
    expect(cluster.at(1).events.some((event) => event.name === 'view-entered')).toBe(true)
    cluster.cut = () => false
    cluster.run(3_000)
    const begun = [0, 1, 2, 3].map((self) => `height 1, epoch 1, active 0, validator ${self}`)
    expect(positions(cluster)).toEqual(begun)
    // The stored view is one of the epoch that is over: it means nothing in this one, and its NEW-VIEW least of all.
    for (const node of cluster.nodes) {
      node.crash()
      node.boot()
    }
    expect(positions(cluster)).toEqual(begun)
    cluster.order('b')
    expect(positions(cluster)).toEqual([0, 1, 2, 3].map((self) => `height 2, epoch 2, active 0, validator ${self}`))
  })

  it('a power cut before it is durable loses the epoch, one after it keeps it; in neither case does anybody vote twice', () => {
    for (const survived of [0, 100]) {
      const cluster = new EpochCluster({ nodes: 4, length: 1 })
      cluster.at(2).syncing = 'manual'
      for (const node of cluster.nodes) node.submit('a')
      for (let round = 0; round < 6; round++) {
        cluster.run(20)
        if (cluster.at(2).height === 0) cluster.at(2).sync()
      }
      expect(cluster.at(2).running.epoch.validators.epoch).toBe(1)
      expect(cluster.at(2).unsynced).toBeGreaterThan(0)
      cluster.at(2).crash(survived)
      cluster.at(2).syncing = 'automatic'
      cluster.at(2).boot()
      const at = survived === 0 ? 'height 0, epoch 0, active 0' : 'height 1, epoch 1, active 0'
      expect(cluster.at(2).position).toBe(`${at}, validator 2`)
      cluster.run(2_000)
      cluster.order('b')
      expect(positions(cluster)[2]).toBe('height 2, epoch 2, active 0, validator 2')
      const votes = cluster.at(2).votes()
      for (const vote of votes) {
        const rivals = votes.filter((other) => other.kind === vote.kind && other.view === vote.view && other.height === vote.height)
        expect(rivals.every((other) => equalBytes(other.blockHash, vote.blockHash))).toBe(true)
      }
    }
  })

  it('C6: who was released by the last block, and must ask again because the validators change with it, knows that after a crash, too', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1, script: () => [member(0), member(1), member(2, 0, 2n), member(3)] })
    const node = cluster.at(3)
    node.crash()
    node.remember({ kind: 'recovery', recovery: { status: 'released', forgottenUpTo: epoch(1), epoch: epoch(0), view: view(0) } })
    node.boot()
    cluster.order('a')
    expect(node.position).toBe('height 1, epoch 1, active 0, validator 3')
    cluster.cut = () => true
    node.crash()
    node.boot()
    expect(node.running.inspect().recovering).toEqual({ answers: 0, above: null }) // it asks: what was claimed in the epoch before is void
  })

  it('C6: likewise if the step that releases it commits that block, too', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1, script: () => [member(0), member(1), member(2, 0, 2n), member(3)] })
    const node = cluster.at(3)
    node.crash()
    node.remember({ kind: 'recovery', recovery: { status: 'asking' } })
    node.boot()
    cluster.run(1_000)
    expect(node.running.inspect().recovering).toEqual({ answers: 3, above: 0 })
    for (const index of [0, 1, 2]) cluster.at(index).fire('view')
    cluster.run(100)
    cluster.order('a') // in view 1, above all that was claimed
    expect(node.saw('recovered')).toBe(true)
    expect(node.position).toBe('height 1, epoch 1, active 0, validator 3')
    cluster.cut = () => true
    node.crash()
    node.boot()
    expect(node.running.inspect().recovering).toEqual({ answers: 0, above: null }) // not: above view 0
  })

  it('nothing of the next epoch leaves before its first block has ground to stand on: the last one is durable', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1 })
    const node = cluster.at(1)
    node.syncing = 'manual'
    for (const each of cluster.nodes) {
      each.submit('a')
      each.submit('b')
    }
    for (let round = 0; round < 20; round++) {
      const before = node.sent.length
      cluster.run(20)
      if (node.chain.length === 0) {
        for (const message of node.sent) expect(message.kind === 'vote' ? message.vote.epoch : 0).toBe(0)
      }
      expect(node.sent.length).toBe(before)
      node.sync()
    }
    expect(cluster.height).toBe(2)
  })

  it('a leader that names other validators than execution gives is voted out', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1, script: () => [member(1), member(2), member(3)] })
    cluster.cut = (sent) => sent.from === 0
    for (const node of cluster.nodes) node.submit('a')
    cluster.run(10)
    const honest = cluster.at(0).sent.find((message): message is PrePrepare => message.kind === 'pre-prepare')
    if (honest === undefined) throw new Error('the leader proposes')
    const block: Block = createBlock({ ...honest.block.header, nextValidatorsHash: honest.block.header.validatorsHash }, honest.block.body)
    const ballot = { kind: 'prepare' as const, epoch: honest.epoch, view: honest.view, height: height(1), blockHash: block.hash }
    const forged: PrePrepare = { ...honest, block, signature: keyFor(0).sign(ballotBytes(CHAIN, ballot)) }
    for (const to of [1, 2, 3]) cluster.at(to).receive(0, forged)
    for (const to of [1, 2, 3]) {
      const invalid = cluster.at(to).events.find((event) => event.name === 'block-invalid')
      expect(invalid).toMatchObject({ code: 'next-validators' })
    }
    cluster.run(8_000)
    expect(cluster.height).toBe(1)
    expect(cluster.at(1).position).toBe('height 1, epoch 1, active 0, validator 0')
  })

  it('other validators before the last block are refused without execution', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 2 })
    cluster.cut = (sent) => sent.from === 0
    for (const node of cluster.nodes) node.submit('a')
    cluster.run(10)
    const honest = cluster.at(0).sent.find((message): message is PrePrepare => message.kind === 'pre-prepare')
    if (honest === undefined) throw new Error('the leader proposes')
    const block = createBlock({ ...honest.block.header, nextValidatorsHash: CHAIN }, honest.block.body)
    const ballot = { kind: 'prepare' as const, epoch: honest.epoch, view: honest.view, height: height(1), blockHash: block.hash }
    cluster.at(1).receive(0, { ...honest, block, signature: keyFor(0).sign(ballotBytes(CHAIN, ballot)) })
    expect(cluster.at(1).events.find((event) => event.name === 'block-invalid')).toMatchObject({ code: 'next-validators' })
  })
})

describe('who is behind, and who has left', () => {
  it('a replica that was down over several epochs catches up, each epoch checked against its own validators', () => {
    const script: Script = (next) => (next % 2 === 1 ? [3, 2, 1] : [1, 2, 3, 0]).map((node) => member(node, next % 2, BigInt(1 + next)))
    const cluster = new EpochCluster({ nodes: 4, length: 2, script })
    cluster.order('a')
    cluster.at(0).crash()
    cluster.run(3_000)
    for (const label of ['b', 'c', 'd', 'e', 'f', 'g']) {
      cluster.order(label)
      cluster.run(6_000)
    }
    expect(cluster.height).toBe(7)
    cluster.at(0).boot()
    expect(cluster.at(0).position).toContain('epoch 0')
    cluster.run(5_000)
    expect(cluster.at(0).height).toBe(7)
    expect(cluster.at(0).running.epoch.validators.epoch).toBe(3)
    expect(positions(cluster).every((text) => text.startsWith('height 7, epoch 3'))).toBe(true)
  })

  it('D3: a replica that is behind by many epochs goes on to the next at once, with one peer after the other, and does not wait for a tick in each', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1, script: () => [member(1), member(2), member(3), member(0)] })
    cluster.order('first')
    cluster.at(0).crash()
    for (let block = 1; block < 40; block++) cluster.order(`block ${block}`)
    expect(cluster.height).toBe(40)
    cluster.at(0).boot()
    cluster.run(250)
    // From here on nobody says that it is further, but who hears where node 0 stands sends it the rest of its epoch: a block at each tick.
    cluster.cut = (sent) => sent.from !== 0 && sent.message.kind === 'status'
    const { height: from } = cluster.at(0)
    cluster.run(1_000) // four ticks
    expect(cluster.at(0).height - from).toBeGreaterThan(12)
  })

  it('D2: round trips measured in one epoch set the timers of the next from its beginning', () => {
    const script: Script = () => [member(3), member(2), member(1), member(0)]
    const cluster = new EpochCluster({ nodes: 4, length: 1, script })
    for (const [peer, roundTripMs] of [
      [1, 700],
      [2, 800],
      [3, 90_000],
    ] as const)
      cluster.at(0).step({ kind: 'round-trip', peer: peer as ValidatorIndex, roundTripMs })
    cluster.order('a')
    expect(cluster.at(0).position).toContain('epoch 1')
    expect(cluster.at(0).running.inspect().quorumRoundTripMs).toBe(800) // three of four, itself among them, now in another order
    expect(cluster.at(0).running.inspect().viewTimeoutMs).toBe(4_800)
    expect(cluster.at(1).running.inspect().viewTimeoutMs).toBeLessThan(4_800)
  })

  it('E4: a peer that shows a later epoch and delivers nothing costs a tick, not progress', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1 })
    cluster.at(0).crash()
    cluster.order('a')
    cluster.run(5_000)
    cluster.at(0).boot()
    cluster.inFlight = []
    // Nobody hears what node 0 lacks, and node 3 is the first that it may ask.
    cluster.cut = (sent) => (sent.from === 0 && sent.message.kind !== 'fetch') || (sent.from === 3 && sent.message.kind === 'blocks')
    const ballot = { kind: 'commit' as const, epoch: 1 as never, view: view(0), height: height(2), blockHash: CHAIN }
    const vote: Vote = { ...ballot, sender: 3 as ValidatorIndex, signature: keyFor(3).sign(ballotBytes(CHAIN, ballot)) }
    cluster.at(0).receive(3, { kind: 'vote', vote })
    expect(cluster.at(0).sent.filter((message) => message.kind === 'fetch')).toHaveLength(1)
    cluster.run(2_000)
    expect(cluster.at(0).height).toBe(1)
  })

  it('J3: the last block, known only to a leader that leaves with it, is served to those who stay', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1, script: () => [member(1), member(2), member(3)] })
    cluster.cut = (sent) => isCommitVote(sent) && sent.to !== 0
    for (const node of cluster.nodes) node.submit('a')
    cluster.run(50)
    expect(cluster.at(0).position).toBe('height 1, epoch 1, active 0, validator none')
    for (const stays of [1, 2, 3]) expect(cluster.at(stays).height).toBe(0)
    // Only STATUS gets through, and what the one that left answers.
    cluster.cut = (sent) => sent.from !== 0 && sent.message.kind !== 'status'
    cluster.run(600)
    for (const stays of [1, 2, 3]) expect(cluster.at(stays).position).toBe(`height 1, epoch 1, active 0, validator ${stays - 1}`)
  })

  it('a newcomer gets what only those have who left, although they say nothing: it asks', () => {
    const cluster = new EpochCluster({ nodes: 5, validators: 4, length: 1, script: () => [member(4)] })
    cluster.at(4).crash()
    cluster.order('a')
    cluster.at(4).boot()
    expect(cluster.at(4).position).toBe('height 0, epoch 0, active 0, validator none')
    cluster.run(1_500)
    expect(cluster.at(4).position).toBe('height 1, epoch 1, active 0, validator 0')
    cluster.order('b')
    expect(cluster.height).toBe(2)
    for (const node of cluster.nodes) expect(node.height).toBe(2)
  })

  it('who is no validator signs nothing: no vote, no STATUS, no VIEW-CHANGE, whatever happens', () => {
    const cluster = new EpochCluster({ nodes: 5, validators: 4, length: 4 })
    cluster.cut = (sent) => sent.from === 0
    for (const node of cluster.nodes) node.submit('a')
    cluster.run(15_000)
    expect(cluster.height).toBe(1)
    expect(cluster.at(4).height).toBe(1)
    expect(cluster.at(4).sent.every((message) => message.kind === 'fetch' || message.kind === 'block')).toBe(true)
  })

  it('F3, J1: votes and proposals of an epoch that is over count for nothing, nor do those of one that has not begun', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1 })
    cluster.order('a')
    const node = cluster.at(1)
    const before = node.sent.length
    for (const of of [0, 5]) {
      for (const sender of [0, 2, 3]) {
        const ballot = { kind: 'commit' as const, epoch: of as never, view: view(0), height: height(2), blockHash: CHAIN }
        const vote: Vote = { ...ballot, sender: sender as ValidatorIndex, signature: keyFor(sender).sign(ballotBytes(CHAIN, ballot)) }
        node.receive(sender, { kind: 'vote', vote })
        expect(node.running.wants(sender as ValidatorIndex, { kind: 'vote', vote })).toBe(false)
      }
    }
    const asked = node.sent.slice(before)
    expect(asked.every((message) => message.kind === 'fetch')).toBe(true)
    expect(asked.length).toBe(1)
    expect(node.running.inspect().votesHeld).toBe(0)
    expect(node.position).toBe('height 1, epoch 1, active 0, validator 1')
  })

  it('what a peer that is a block ahead sends for the next epoch is held, within bounds, and not lost', () => {
    const cluster = new EpochCluster({ nodes: 4, length: 1 })
    cluster.cut = (sent) => sent.to === 3 && (isCommitVote(sent) || sent.message.kind === 'blocks')
    for (const node of cluster.nodes) for (const label of ['a', 'b']) node.submit(label)
    cluster.deliver()
    cluster.run(10)
    expect(cluster.at(0).height).toBe(2)
    expect(cluster.at(3).height).toBe(0)
    const fetched = cluster.at(0).chain[0]?.commit
    if (fetched === undefined) throw new Error('the first block is committed')
    cluster.cut = () => true
    cluster.at(3).receive(0, { kind: 'blocks', blocks: [fetched.block], links: [], certificate: fetched.certificate })
    expect(cluster.at(3).height).toBe(1)
    const accepted = cluster.at(3).events.filter((event) => event.name === 'accepted')
    expect(accepted.map((event) => event.name === 'accepted' && event.height)).toEqual([1, 2])
  })
})

describe('names of peers', () => {
  it('a validator is named by its position, everybody else above, and back again', () => {
    const names = peerNames([5, null, 0] as (ValidatorIndex | null)[])
    for (const peer of [0, 1, 2, 5, 9, 300] as ValidatorIndex[]) expect(names.toPeer(names.toCore(peer))).toBe(peer)
    expect(names.toCore(5 as ValidatorIndex)).toBe(0)
    expect(names.toCore(1 as ValidatorIndex)).toBeGreaterThan(3)
    expect(names.toPeer(1 as ValidatorIndex)).toBe(null)
    expect(names.toPeer(3 as ValidatorIndex)).toBe(null)
  })
})
