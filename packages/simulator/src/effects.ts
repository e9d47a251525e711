/**
 * What a replica orders, carried out one effect after the other: writes queue for the disk, what depends on them waits behind them,
 * and whatever takes time comes back as an event.
 */
import { keyOf } from '@aethel/codec'
import { type ForkMaterial, offenceKey } from '@aethel/consensus'
import type { ReplicaEffect } from '@aethel/replica'
import type { Blobs } from './blobs.js'
import type { Circumstances } from './circumstances.js'
import type { Commits } from './commits.js'
import type { Conduct } from './conduct.js'
import type { EpochPromises } from './epoch-promises.js'
import type { GroupCommit } from './group-commit.js'
import type { Node } from './node.js'
import type { Outbox } from './outbox.js'
import { stagedAfter } from './staging.js'
import { demand } from './violation.js'

export interface EffectsOptions {
  readonly circumstances: Circumstances
  readonly nodes: readonly Node[]
  readonly promises: EpochPromises
  readonly conduct: Conduct
  readonly commits: Commits
  readonly blobs: Blobs
  readonly groupCommit: GroupCommit
  readonly outbox: Outbox
  /** More faulty power than the protocol bears: forks may be seen. */
  readonly beyond: boolean
}

export class Effects {
  readonly #options: EffectsOptions
  readonly #circumstances: Circumstances
  readonly #conduct: Conduct
  readonly #blobs: Blobs
  readonly #groupCommit: GroupCommit

  constructor(options: EffectsOptions) {
    this.#options = options
    this.#circumstances = options.circumstances
    this.#conduct = options.conduct
    this.#blobs = options.blobs
    this.#groupCommit = options.groupCommit
  }

  carryOut(node: Node, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'persist':
        if (node.isHonest) {
          this.#conduct.onPersist(node, effect.records)
          this.#blobs.onPersist(node, effect.records)
        }
        node.queue.push({ kind: 'write', write: { kind: 'records', records: effect.records } })
        return
      case 'commit':
        return this.#options.commits.onCommit(node, effect)
      case 'set-timer':
        return this.#onSetTimer(node, effect)
      case 'cancel-timer':
        node.nextTimer(effect.timer)
        return
      case 'verify':
        return this.#onVerify(node, effect)
      case 'hasten-verification':
      case 'cancel-verification':
        // Every verification has its time drawn; an answer nobody waits for must do no harm.
        return
      case 'event':
        return this.#onEvent(node, effect)
      case 'fork':
        return this.#onFork(node, effect.material)
      case 'evidence':
        return this.#onEvidence(node, effect)
      case 'forget-evidence':
        node.evidence.delete(offenceKey(effect.offence))
        return
      case 'snapshot':
        node.staging = stagedAfter(node.staging, effect.record)
        node.queue.push({ kind: 'write', write: effect })
        return
      case 'restored':
        return this.#options.commits.onRestored(node, effect.restored)
      case 'blame':
        return this.#onBlame(node, effect)
      case 'blob-open':
      case 'blob-seal':
        return this.#blobs.sync(node, effect.blob)
      case 'blob-write':
        return node.blobs.write(effect.blob, effect.part.index, effect.part.chunk)
      case 'blob-drop':
        return this.#blobs.onDrop(node, effect.blob)
      case 'blob-serve': {
        const { to, blob, index } = effect
        return this.#options.outbox.send(node, to, { kind: 'blob-part', blob, part: node.blobs.part(blob, index) })
      }
      case 'send':
      case 'gossip':
      case 'serve':
      case 'serve-offer':
        return this.#groupCommit.order(node, effect)
      case 'admission':
        if (effect.admission.status === 'refused') this.#circumstances.coverage.hit(`submission refused: ${effect.admission.refusal.code}`)
        return
      case 'dropped':
        return
    }
  }

  #onSetTimer(node: Node, { timer, afterMs }: Extract<ReplicaEffect, { kind: 'set-timer' }>): void {
    const { events } = this.#circumstances
    const version = node.nextTimer(timer)
    events.push(events.nowMs + afterMs, { kind: 'timer', node: node.index, incarnation: node.incarnation, timer, version })
  }

  #onVerify(node: Node, { jobs }: Extract<ReplicaEffect, { kind: 'verify' }>): void {
    const { events, fates, knobs } = this.#circumstances
    const { index, incarnation } = node
    for (const job of jobs) {
      const takesMs = fates.delay(knobs.verifyMs, -1 - index, ++node.verifications)
      const nth = node.verifications
      events.push(events.nowMs + takesMs, { kind: 'verified', node: index, incarnation, nth, job })
    }
  }

  #onEvent(node: Node, { event }: Extract<ReplicaEffect, { kind: 'event' }>): void {
    const { coverage, trace } = this.#circumstances
    coverage.onEvent(event)
    if (event.name === 'accepted') node.accepted.add(keyOf(event.hash))
    if (event.name === 'recovered' && node.lostInEpoch !== null && node.gate.epoch > node.lostInEpoch)
      coverage.hit('recovered in a later epoch')
    trace(node.index, event.name, event)
  }

  /** Within what the protocol bears there is no fork to be seen. */
  #onFork(node: Node, material: ForkMaterial): void {
    const { coverage, trace } = this.#circumstances
    demand('agreement', this.#options.beyond || !node.isHonest, () => `validator ${node.index} has seen a fork`)
    coverage.hit('halted on a fork')
    trace(node.index, 'fork')
    node.halted = material
  }

  #onEvidence(node: Node, { offence, bytes }: Extract<ReplicaEffect, { kind: 'evidence' }>): void {
    this.#circumstances.coverage.hit(`evidence held: ${offence.type}`)
    this.#options.promises.onOffence(offence, bytes)
    node.evidence.set(offenceKey(offence), bytes)
  }

  #onBlame(node: Node, { peer, refusal }: Extract<ReplicaEffect, { kind: 'blame' }>): void {
    this.#circumstances.coverage.hit(`blamed: ${refusal.code}`)
    if (node.isHonest) this.#conduct.onBlame(node, this.#options.nodes[peer] as Node, refusal)
  }
}
