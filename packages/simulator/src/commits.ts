/**
 * What nodes commit and take over, judged. Each block is executed a second time; the state after it is kept by height, and is what
 * everybody must have who takes the state over instead. A commit that a crash may yet take back is judged when it is durable
 * (provisional.ts).
 */
import { assert, equalBytes, type Hash, keyOf } from '@aethel/codec'
import { blobKey, hashHeader } from '@aethel/consensus'
import type { ReplicaEffect, Restored, StagedSnapshot } from '@aethel/replica'
import { blobsIn } from './blobs.js'
import type { Coverage } from './coverage.js'
import type { Write } from './disk.js'
import type { EpochPromises } from './epoch-promises.js'
import type { SimulatedEpochs } from './epochs.js'
import type { Invariants } from './invariants.js'
import { type Node, writesIn } from './node.js'
import { ProvisionalCommits } from './provisional.js'
import { createTallyMachine, type TallyState } from './tally-machine.js'
import { tallySnapshots } from './tally-snapshots.js'
import type { TraceHash } from './trace.js'
import { demand } from './violation.js'

type Commit = Extract<ReplicaEffect, { kind: 'commit' }>

interface Outcome {
  readonly state: TallyState
  readonly stateRoot: Hash
}

export interface CommitsOptions {
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
  readonly #provisional = new ProvisionalCommits<TallyState>()
  /** By height, as whoever committed it first has it. */
  readonly #states = new Map<number, TallyState>()

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  onCommit(node: Node, effect: Commit): void {
    const { coverage, epochs, traceHash } = this.#options
    const { block, certificate, gas, nextEpoch } = effect
    if (!node.accepted.delete(keyOf(block.hash))) coverage.hit('commit learnt by sync alone')
    if (nextEpoch !== null) epochs.begin(nextEpoch)
    const outcome = this.#execute(node, effect)
    for (const blob of blobsIn(block)) node.finalBlobs.add(blobKey(blob))
    const write: Write<TallyState> = { kind: 'commit', committed: { block, certificate, state: outcome.state, gas, nextEpoch } }
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
    const { invariants, coverage, traceHash } = this.#options
    const { header, certificate } = restored.target
    invariants.onRestore(node.index, node.appliedHeight, header, certificate)
    const staged = node.staging?.copy()
    assert(staged !== undefined, 'a state is restored from what was staged')
    const state = loadTally(staged)
    const expected = this.#states.get(header.height)
    demand(
      'restored-state',
      expected !== undefined && sameTally(expected, state),
      () => `validator ${node.index} took over another state of height ${header.height} than was committed`,
    )
    coverage.hit(node.incarnation > 1 ? 'state taken over after a restart' : 'state taken over')
    if (node.disk.recovering) coverage.hit('state taken over while recovering')
    node.staging = null
    node.appliedHeight = header.height
    node.queue.push({ kind: 'write', write: { kind: 'restored', restored, load: loadTally } })
    traceHash.commit(node.index, hashHeader(header))
  }

  /** Puts a write on the node's disk: a commit that waited for this is judged now. */
  write(node: Node, write: Write<TallyState>): void {
    node.disk.apply(write)
    this.#provisional.onDurable(write)
  }

  #execute(node: Node, { block, transactions, offences }: Commit): Outcome {
    const { coverage, promises } = this.#options
    const { height, timestampMs, proposer, epoch } = block.header
    // Several blocks may commit in one step; their states follow from the blocks themselves.
    const before = this.#stateBefore(node)
    const executed = createTallyMachine(before).execute(
      before,
      { height, timestampMs, proposer },
      transactions.map((transaction) => ({ transaction, difficulty: 0 })),
      offences,
    )
    for (const offence of offences) {
      coverage.hit(`offence recorded: ${offence.type}`)
      if (offence.epoch < epoch) coverage.hit('offence recorded in the epoch after')
      promises.onOffence(offence, null)
    }
    demand('state-root', executed.ok, () => `validator ${node.index} committed a block that does not execute`)
    return executed.value
  }

  /** State after the newest commit that is queued or durable. */
  #stateBefore(node: Node): TallyState {
    for (let at = node.queue.length - 1; at >= 0; at--) {
      const item = node.queue[at]
      if (item?.kind !== 'write') continue
      if (item.write.kind === 'commit') return item.write.committed.state
      if (item.write.kind === 'restored') return this.#states.get(item.write.restored.target.header.height) as TallyState
    }
    return node.disk.state
  }

  #conclude(node: Node, below: number, { block, certificate }: Commit, { state, stateRoot }: Outcome): void {
    const { invariants, onFirst } = this.#options
    const { height } = block.header
    const isFirst = height > invariants.height
    invariants.onCommit(node.index, below, block, certificate, stateRoot)
    if (!this.#states.has(height)) this.#states.set(height, state)
    if (isFirst) onFirst(node, block.body.transactions)
  }
}

function loadTally(staged: StagedSnapshot): TallyState {
  const restored = tallySnapshots.restore(staged.target.header.stateRoot, staged.puts)
  demand('restored-state', restored.ok, () => `what is staged is no state: ${restored.ok ? '' : restored.error.message}`)
  return restored.value
}

function sameTally(one: TallyState, other: TallyState): boolean {
  return equalBytes(one.root, other.root) && String(one.nonces) === String(other.nonces) && String(one.offences) === String(other.offences)
}
