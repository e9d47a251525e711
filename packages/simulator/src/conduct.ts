/**
 * How an honest validator conducts itself, looked at as it acts: before it persists, sends, blames or grows. What it promises others is
 * in promises.ts, and what it commits in invariants.ts.
 */
import type { Refusal, ValidatorIndex } from '@aethel/codec'
import type { Message, PersistRecord } from '@aethel/consensus'
import type { ReplicaEffect } from '@aethel/replica'
import type { Judge } from './application.js'
import type { EpochPromises } from './epoch-promises.js'
import type { Leaving, Node, RunningReplica } from './node.js'
import { demand } from './violation.js'

/** Answers, our own requests for bodies, and what waited for a slow disk since the tick before. */
const MAX_ANSWERS = 2 * (512 + 256 + 64 + 4)
/** Buffers grow by a validator's own steps only: they are looked at after so many of them. */
const BUFFER_CHECK_STEPS = 32
/** Two, and four that somebody is fetching. */
const MAX_STATES_SERVED = 6
/** By whoever sends them. */
const SIGNED: readonly Message['kind'][] = ['pre-prepare', 'compact-pre-prepare', 'vote', 'view-change', 'new-view', 'status', 'view-claim']

export interface ConductOptions {
  readonly promises: EpochPromises
  readonly judge: Judge
  readonly window: number
  readonly validators: number
}

export class Conduct {
  readonly #options: ConductOptions

  constructor(options: ConductOptions) {
    this.#options = options
  }

  /** It starts again in a view that is not below any that was on its disk. */
  onStart(node: Node, epoch: number): void {
    const view = node.epochOfView === epoch ? node.disk.viewRecord.view : 0
    demand(
      'view-monotone',
      view >= (node.durableView.get(epoch) ?? 0),
      () => `validator ${node.index} restarted in view ${view} after ${node.durableView.get(epoch)}`,
    )
  }

  /** After each step: buffers within their bounds. */
  onStep(node: Node, replica: RunningReplica): void {
    if (++node.steps % BUFFER_CHECK_STEPS !== 0) return
    const { window, validators } = this.#options
    const { held } = replica
    const within = (what: string, count: number, most: number): void =>
      demand('bounded-buffers', count <= most, () => `validator ${node.index} holds ${count} ${what}, more than ${most}`)
    within('votes', held.votesHeld, validators * (20 * window + 2))
    within('blocks', held.blocksHeld, 4096 + window)
    within('requests for bodies', held.missing, 256)
    within('states for others', replica.snapshotsServed.length, MAX_STATES_SERVED)
    within('bytes of early proposals', held.earlyBytes, 2 * (64 << 20) + (16 << 20))
  }

  /** It is about to vote for these. */
  onPersist(node: Node, records: readonly PersistRecord[]): void {
    const { promises, judge } = this.#options
    for (const record of records) {
      if (record.kind === 'view' && record.newView !== null) promises.onNewView(node.index, record.newView)
      if (record.kind !== 'block') continue
      const { block } = record
      promises.knowBlock(block)
      const bad = block.body.transactions.findIndex((bytes) => !judge.isAcceptable(bytes))
      demand(
        'validity',
        bad < 0,
        () => `an honest validator votes for height ${block.header.height}, where transaction ${bad} does not verify`,
      )
    }
  }

  /** A message is about to leave: what it promises is on the disk. */
  onRelease(node: Node, effect: Leaving): void {
    if (effect.kind !== 'send' || !node.isHonest) return
    const { disk } = node
    this.#options.promises.onSend(node.index, effect.message, (epoch) => ({
      holdsVote: (vote) => disk.holdsVote(vote) || vote.height <= disk.committedHeight,
      view: node.epochOfView === epoch ? disk.viewRecord.view : 0,
      committedHeight: disk.committedHeight,
      newView: node.epochOfView === epoch ? disk.viewRecord.newView : null,
    }))
  }

  /** What one peer can make it say to it alone, between two status ticks (docs/protocol.md §13). */
  onAnswer(node: Node, to: ValidatorIndex): void {
    const count = (node.answers.get(to) ?? 0) + 1
    node.answers.set(to, count)
    demand('bounded-answers', count <= MAX_ANSWERS, () => `validator ${node.index} sent ${count} messages to ${to} alone within one tick`)
  }

  /** Who has seen a fork signs nothing: it serves what it has committed, and passes transactions on. */
  onEffectOfHalted(node: Node, effect: ReplicaEffect): void {
    const isSigned = effect.kind === 'send' && SIGNED.includes(effect.message.kind)
    demand(
      'halted-is-silent',
      effect.kind !== 'persist' && effect.kind !== 'commit' && !isSigned,
      () => `validator ${node.index} halted on a fork, and then made a ${effect.kind === 'send' ? effect.message.kind : effect.kind}`,
    )
  }

  /**
   * An edge has refused this of an honest validator: a node shuts out whoever sends such a thing, and what it carried is lost. Evidence is
   * heard in two epochs only, and nobody is blamed for showing it in others (docs/protocol.md §11).
   */
  onRefused(node: Node, from: ValidatorIndex, message: Message, refusal: Refusal): void {
    demand(
      'honest-is-heard',
      message.kind === 'evidence' && refusal.code === 'evidence-validator',
      () => `validator ${node.index} refuses a ${message.kind} of the honest validator ${from}: ${refusal.code}: ${refusal.message}`,
    )
  }

  /** Whoever is blamed for what it sent must be faulty. */
  onBlame(node: Node, peer: Node, refusal: Refusal): void {
    demand(
      'evidence-sound',
      !peer.isHonest,
      () => `validator ${node.index} blames the honest validator ${peer.index}: ${refusal.code}: ${refusal.message}`,
    )
  }
}
