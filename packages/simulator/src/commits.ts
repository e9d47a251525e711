/**
 * What nodes commit and take over, judged. Each block is executed a second time; the state after it is kept by height, and is what
 * everybody must have who takes the state over instead. A commit that a crash may yet take back is judged when it is durable
 * (provisional.ts).
 */
import { assert, keyOf } from '@aethel/codec'
import { blobKey, hashHeader } from '@aethel/consensus'
import type { Executed, Restored, StagedSnapshot } from '@aethel/replica'
import type { Commit, SimulatedApplication, State } from './application.js'
import { blobsIn } from './blobs.js'
import type { Coverage } from './coverage.js'
import type { Write } from './disk.js'
import type { EpochPromises } from './epoch-promises.js'
import type { SimulatedEpochs } from './epochs.js'
import type { Invariants } from './invariants.js'
import { type Node, writesIn } from './node.js'
import { ProvisionalCommits } from './provisional.js'
import type { TraceHash } from './trace.js'
import { demand } from './violation.js'

export interface CommitsOptions {
  readonly application: SimulatedApplication
  readonly epochs: SimulatedEpochs
  readonly invariants: Invariants
  readonly promises: EpochPromises
  readonly coverage: Coverage
  readonly traceHash: TraceHash
  /** Nobody has committed this height before. */
  onFirst(node: Node, transactions: readonly Uint8Array[]): void
}

export class Commits {
  readonly #options: CommitsOptions
  readonly #provisional = new ProvisionalCommits<State>()
  /** By height, as whoever committed it first has it. */
  readonly #states = new Map<number, State>()

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  onCommit(node: Node, effect: Commit): void {
    const { application, coverage, epochs, promises, traceHash } = this.#options
    const { block, certificate, gas, nextEpoch, writes } = effect
    if (!node.accepted.delete(keyOf(block.hash))) coverage.hit('commit learnt by sync alone')
    if (nextEpoch !== null && epochs.begin(nextEpoch)) promises.beginAnew(nextEpoch.validators.epoch)
    const outcome = this.#execute(node, effect)
    for (const blob of blobsIn(application, block)) node.finalBlobs.add(blobKey(blob))
    const write: Write<State> = { kind: 'commit', committed: { block, certificate, state: outcome.state, gas, nextEpoch, writes } }
    traceHash.commit(node.index, block.hash)
    const below = node.appliedHeight
    node.appliedHeight = block.header.height
    const position = epochs.positionOf(node.index, certificate.epoch)
    const by = { position, waiting: writesIn(node.queue), disk: node.disk }
    node.queue.push({ kind: 'write', write })
    this.#provisional.onCommit(write, certificate, by, () => this.#conclude(node, below, effect, outcome))
  }

  /** The state that was fetched must be the one of whoever executed the block. */
  onRestored(node: Node, restored: Restored): void {
    const { application, invariants, coverage, traceHash } = this.#options
    const { header, certificate } = restored.target
    invariants.onRestore(node.index, node.appliedHeight, header, certificate)
    const staged = node.staging?.copy()
    assert(staged !== undefined, 'a state is restored from what was staged')
    const state = this.#load(staged)
    const expected = this.#states.get(header.height)
    demand(
      'restored-state',
      expected !== undefined && application.judge.isSame(expected, state),
      () => `validator ${node.index} took over another state of height ${header.height} than was committed`,
    )
    coverage.hit(node.incarnation > 1 ? 'state taken over after a restart' : 'state taken over')
    if (node.disk.recovering) coverage.hit('state taken over while recovering')
    node.staging = null
    node.appliedHeight = header.height
    node.queue.push({ kind: 'write', write: { kind: 'restored', restored, load: (from) => this.#load(from) } })
    traceHash.commit(node.index, hashHeader(header))
  }

  /** Puts a write on the node's disk: a commit that waited for this is judged now. */
  write(node: Node, write: Write<State>): void {
    node.disk.apply(write)
    this.#provisional.onDurable(write)
  }

  #execute(node: Node, effect: Commit): Executed<State> {
    const { application, coverage, promises } = this.#options
    const { block, offences } = effect
    // Several blocks may commit in one step; their states follow from the blocks themselves.
    const executed = application.judge.execute(this.#stateBefore(node), effect)
    for (const offence of offences) {
      coverage.hit(`offence recorded: ${offence.type}`)
      if (offence.epoch < block.header.epoch) coverage.hit('offence recorded in the epoch after')
      promises.onOffence(offence, null)
    }
    const why = executed.ok ? '' : `: ${executed.error.code}, ${executed.error.message}`
    demand('state-root', executed.ok, () => `validator ${node.index} committed a block that does not execute${why}`)
    return executed.value
  }

  /** State after the newest commit that is queued or durable. */
  #stateBefore(node: Node): State {
    for (let at = node.queue.length - 1; at >= 0; at--) {
      const item = node.queue[at]
      if (item?.kind !== 'write') continue
      if (item.write.kind === 'commit') return item.write.committed.state
      if (item.write.kind === 'restored') return this.#states.get(item.write.restored.target.header.height) as State
    }
    return node.disk.state
  }

  #conclude(node: Node, below: number, { block, certificate, nextEpoch }: Commit, { state, stateRoot }: Executed<State>): void {
    const { application, epochs, invariants, promises, onFirst } = this.#options
    if (nextEpoch !== null && epochs.settle(nextEpoch)) promises.beginAnew(nextEpoch.validators.epoch)
    const { height } = block.header
    const isFirst = height > invariants.height
    invariants.onCommit(node.index, below, block, certificate, stateRoot)
    promises.onCommitted(certificate)
    if (!this.#states.has(height)) this.#states.set(height, state)
    if (!isFirst) return
    application.judge.onFirstCommit(block, certificate, state)
    onFirst(node, block.body.transactions)
  }

  #load(staged: StagedSnapshot): State {
    const restored = this.#options.application.judge.restore(staged)
    demand('restored-state', restored.ok, () => `what is staged is no state: ${restored.ok ? '' : restored.error.message}`)
    return restored.value
  }
}
