/**
 * Replays traces of the Quint model (spec/pbft.qnt) against real replicas: each step of the model becomes the messages, timers and
 * restarts that it stands for, and afterwards every honest replica must be where the model says, having sent exactly what the model
 * says. Byzantine messages are signed here with the Byzantine keys. Whoever asks for a body gets it at once: the model takes
 * bodies for granted. The compact form of traces is described in spec/traces.js.
 */
import { assert, type Hash, height, keyOf } from '@aethel/codec'
import {
  assembleCertificate,
  type Ballot,
  type Block,
  type Certificate,
  leaderOf,
  type ViewChange,
  type Vote,
  type VoteKind,
} from '../src/index.js'
import {
  ballotOf,
  blockOf,
  CHAIN,
  Cluster,
  newViewOf,
  prePrepareOf,
  signVote,
  type TestReplica,
  transaction,
  viewChangeOf,
} from './harness.js'

/** view, active, committed block, highest certificate, accepted blocks. */
type ReplicaState = readonly [number, number, string, string, string]
type Sent = { readonly [K in 'prepares' | 'commits' | 'viewChanges' | 'newViews']?: readonly string[] }

type TraceStep = { readonly replicas: Readonly<Record<string, ReplicaState>>; readonly sent: Sent } & (
  | { readonly what: 'Start' }
  | { readonly what: 'Proposed'; readonly leader: number; readonly block: string }
  | {
      readonly what: 'PrePrepared' | 'CertificatePrepared' | 'CertificateCommitted'
      readonly to: readonly number[]
      readonly view: number
      readonly block: string
    }
  | { readonly what: 'TimedOut'; readonly to: readonly number[] }
  | { readonly what: 'LeaderEquivocated'; readonly to: readonly number[]; readonly view: number; readonly height: number }
  | { readonly what: 'ViewChangesReceived'; readonly to: number; readonly from: readonly string[] }
  | { readonly what: 'NewViewReceived'; readonly to: readonly number[]; readonly newView: number; readonly from: readonly string[] }
  | { readonly what: 'Restarted'; readonly replica: number }
)

export interface Trace {
  readonly validators: number
  readonly byzantine: readonly number[]
  readonly steps: readonly TraceStep[]
}

/** Null, or the first step after which code and model differ, with both sides. */
export function replay(trace: Trace): string | null {
  return new Replay(trace).run()
}

class Replay {
  readonly #trace: Trace
  readonly #cluster: Cluster
  readonly #blocks = new Map<string, Block>()
  readonly #names = new Map<string, string>([[keyOf(CHAIN), '']])
  readonly #expected = new Map<string, ReplicaState>()
  readonly #expectedSent = {
    prepares: new Set<string>(),
    commits: new Set<string>(),
    viewChanges: new Set<string>(),
    newViews: new Set<string>(),
  }

  constructor(trace: Trace) {
    this.#trace = trace
    this.#cluster = new Cluster({ validators: trace.validators })
  }

  get #honest(): TestReplica[] {
    return this.#cluster.replicas.filter((replica) => !this.#trace.byzantine.includes(replica.index))
  }

  run(): string | null {
    for (const [position, step] of this.#trace.steps.entries()) {
      try {
        this.#perform(step)
        this.#deliverBodies()
      } catch (error) {
        return `step ${position} (${describe(step)}): ${error instanceof Error ? error.message : error}`
      }
      const difference = this.#compare(step)
      if (difference !== null) return `step ${position} (${describe(step)}): ${difference}`
    }
    return null
  }

  #perform(step: TraceStep): void {
    switch (step.what) {
      case 'Start':
        return
      case 'Proposed':
        return this.#onProposed(step.leader, step.block)
      case 'PrePrepared': {
        const leader = leaderOf(this.#cluster.set, step.view as never)
        const proposal = prePrepareOf(leader, step.view, this.#block(step.block))
        for (const to of step.to) this.#cluster.at(to).receive(leader, proposal)
        return
      }
      case 'CertificatePrepared':
        return this.#deliverVotes('prepare', step)
      case 'CertificateCommitted':
        return this.#deliverVotes('commit', step)
      case 'TimedOut':
        for (const to of step.to) this.#cluster.at(to).fire('view')
        return
      case 'LeaderEquivocated':
        return this.#equivocate(step)
      case 'ViewChangesReceived':
        for (const change of this.#viewChanges(step.from)) {
          this.#cluster.at(step.to).receive(change.entry.sender, change)
          this.#deliverBodies() // before the next: the first may make it lead and propose a tip that it lacks
        }
        return
      case 'NewViewReceived': {
        const leader = leaderOf(this.#cluster.set, step.newView as never)
        const message =
          step.from.length > 0
            ? newViewOf(leader, step.newView, this.#viewChanges(step.from))
            : this.#cluster
                .at(leader)
                .sentOf('new-view')
                .find((sent) => sent.newView === step.newView && sent.sender === leader)
        assert(message !== undefined, `leader ${leader} has sent no NEW-VIEW for view ${step.newView}`)
        for (const to of step.to) this.#cluster.at(to).receive(leader, message)
        return
      }
      case 'Restarted':
        return this.#cluster.at(step.replica).restart()
    }
  }

  /** The leader gets something to order, and what it makes of it is the block that the model names. */
  #onProposed(leader: number, name: string): void {
    const replica = this.#cluster.at(leader)
    const from = replica.sent.length
    replica.order(name)
    for (const { message } of replica.sent.slice(from)) if (message.kind === 'pre-prepare') this.#learn(name, message.block)
  }

  #learn(name: string, block: Block): void {
    this.#blocks.set(name, block)
    this.#names.set(keyOf(block.hash), name)
  }

  /** The block that the model's seals stand for; those of Byzantine leaders are made here. */
  #block(name: string): Block {
    const known = this.#blocks.get(name)
    if (known !== undefined) return known
    const seals = name.split('/')
    const [firstView = 0, variant = 0] = (seals.at(-1) ?? '').split('.').map(Number)
    const { set } = this.#cluster
    assert(this.#trace.byzantine.includes(leaderOf(set, firstView as never)), `no honest leader has proposed block ${name}`)
    const parent = seals.length === 1 ? CHAIN : this.#block(seals.slice(0, -1).join('/')).hash
    const block = blockOf({ set, view: firstView, height: seals.length, parent, transactions: [transaction(`variant ${variant}`)] })
    this.#learn(name, block)
    return block
  }

  /** All votes there are for a ballot: those the honest replicas have really sent, and one of each Byzantine validator. */
  #votes(ballot: Ballot): Vote[] {
    const votes = this.#honest.flatMap((replica) => {
      const vote = replica
        .sentVotes(ballot.kind)
        .find((sent) => sent.view === ballot.view && sent.height === ballot.height && keyOf(sent.blockHash) === keyOf(ballot.blockHash))
      return vote === undefined ? [] : [vote]
    })
    return [...votes, ...this.#trace.byzantine.map((sender) => signVote(sender, ballot))]
  }

  /** The own vote is among them: after a restart in a later view a replica knows its old COMMIT only from others. */
  #deliverVotes(kind: VoteKind, step: { readonly to: readonly number[]; readonly view: number; readonly block: string }): void {
    const votes = this.#votes(ballotOf(kind, step.view, this.#block(step.block)))
    for (const to of step.to) {
      for (const vote of votes) this.#cluster.at(to).receive(vote.sender, { kind: 'vote', vote })
    }
  }

  #certificate(name: string): Certificate | null {
    if (name === '-') return null
    const [head = '', block = ''] = name.split(':')
    const ballot = ballotOf(head.startsWith('P') ? 'prepare' : 'commit', Number(head.slice(1)), this.#block(block))
    return assembleCertificate(ballot, this.#trace.validators, this.#votes(ballot))
  }

  #viewChanges(names: readonly string[]): ViewChange[] {
    return names.map((name) => {
      const [sender = 0, newView = 0] = name.split(' ').slice(0, 2).map(Number)
      if (this.#trace.byzantine.includes(sender)) return viewChangeOf(sender, newView, this.#certificate(name.split(' ')[2] ?? '-'))
      const sent = this.#cluster
        .at(sender)
        .sentOf('view-change')
        .find((message) => message.entry.newView === newView)
      assert(sent !== undefined, `replica ${sender} has sent no VIEW-CHANGE for view ${newView}`)
      return sent
    })
  }

  /** Both proposals arrive: after a restart the replica may have forgotten whose PREPARE came with the first. */
  #equivocate(step: { readonly to: readonly number[]; readonly view: number; readonly height: number }): void {
    const { set } = this.#cluster
    const leader = leaderOf(set, step.view as never)
    const second = blockOf({ set, view: step.view, height: step.height, transactions: [transaction('another')] })
    for (const to of step.to) {
      const replica = this.#cluster.at(to)
      const accepted = replica.running.inspect().accepted.find((at) => at.height === step.height)
      assert(accepted !== undefined, `replica ${to} has accepted nothing at height ${step.height}`)
      for (const block of [this.#block(this.#nameOf(accepted.hash)), second])
        replica.receive(leader, prePrepareOf(leader, step.view, block))
    }
  }

  #deliverBodies(): void {
    for (;;) {
      const asked = this.#cluster.inFlight.splice(0).filter(({ message }) => message.kind === 'fetch')
      if (asked.length === 0) return
      for (const { from, to, message } of asked) {
        if (message.kind !== 'fetch' || this.#trace.byzantine.includes(from)) continue
        assert(message.want === 'block', 'nobody is so far behind that it asks for the committed chain')
        this.#cluster.at(from).receive(to, { kind: 'block', block: this.#block(this.#nameOf(message.hash)) })
      }
    }
  }

  #nameOf(hash: Hash): string {
    const name = this.#names.get(keyOf(hash))
    assert(name !== undefined, `the model knows no block ${keyOf(hash)}`)
    return name
  }

  #certificateName(certificate: Ballot | null): string {
    if (certificate === null) return '-'
    return `${certificate.kind === 'prepare' ? 'P' : 'C'}${certificate.view}:${this.#nameOf(certificate.blockHash)}`
  }

  #stateOf(replica: TestReplica): ReplicaState {
    const { view, phase, committed, highest, accepted } = replica.running.inspect()
    const names = accepted.filter((at) => at.height > height(0)).map((at) => this.#nameOf(at.hash))
    return [view, phase === 'active' ? 1 : 0, this.#nameOf(committed.hash), this.#certificateName(highest), names.join(' ')]
  }

  #compare(step: TraceStep): string | null {
    for (const [index, state] of Object.entries(step.replicas)) this.#expected.set(index, state)
    for (const [index, expected] of this.#expected) {
      const actual = this.#stateOf(this.#cluster.at(Number(index)))
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        return `replica ${index}: the model says ${JSON.stringify(expected)}, the code is at ${JSON.stringify(actual)}`
    }
    const sent = this.#sent()
    for (const kind of ['prepares', 'commits', 'viewChanges', 'newViews'] as const) {
      for (const text of step.sent[kind] ?? []) this.#expectedSent[kind].add(text)
      const missing = [...this.#expectedSent[kind]].filter((text) => !sent[kind].has(text))
      const surplus = [...sent[kind]].filter((text) => !this.#expectedSent[kind].has(text))
      if (missing.length + surplus.length > 0)
        return `${kind}: the code has not sent [${missing.join('; ')}], and has sent [${surplus.join('; ')}] which the model has not`
    }
    return null
  }

  #sent(): Record<keyof Sent, Set<string>> {
    const votes = (kind: VoteKind): Set<string> =>
      new Set(this.#honest.flatMap((r) => r.sentVotes(kind).map((vote) => `${vote.sender} ${vote.view} ${this.#nameOf(vote.blockHash)}`)))
    return {
      prepares: votes('prepare'),
      commits: votes('commit'),
      viewChanges: new Set(
        this.#honest.flatMap((r) =>
          r.sentOf('view-change').map(({ entry }) => `${entry.sender} ${entry.newView} ${this.#certificateName(entry.highest)}`),
        ),
      ),
      newViews: new Set(
        this.#honest.flatMap((r) =>
          r
            .sentOf('new-view')
            .filter((message) => message.sender === r.index)
            .map((message) => `${message.newView} ${this.#certificateName(message.certificate)}`),
        ),
      ),
    }
  }
}

function describe(step: TraceStep): string {
  const { replicas: _replicas, sent: _sent, ...what } = step
  return JSON.stringify(what)
}
