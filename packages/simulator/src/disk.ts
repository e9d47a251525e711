/**
 * One validator's disk: what was synced survives a crash, of what was not a random prefix may. It holds the safety records
 * of protocol.md §5 and the committed chain, and gives them back as the `DurableState` a restart begins with.
 */
import { assert, equalBytes, type Hash, type Height, keyOf, view } from '@aethel/codec'
import {
  type Ballot,
  type Block,
  type Certificate,
  type CommittedTip,
  compareCertificates,
  type DurableState,
  type EpochLink,
  type EpochStart,
  type Header,
  hashHeader,
  type PersistRecord,
  RECENT_HASHES,
  type Recovery,
  type Vote,
} from '@aethel/consensus'
import type { Restored, SnapshotRecord, StagedSnapshot, StateWrites } from '@aethel/replica'
import { type Staging, stagedAfter } from './staging.js'

export interface CommittedBlock<State> {
  readonly block: Block
  readonly certificate: Certificate
  readonly state: State
  /** Of each transaction's proof. */
  readonly gas?: readonly number[]
  /** With the last block of an epoch. */
  readonly nextEpoch?: EpochStart | null
  /** As the application said what changed. */
  readonly writes?: StateWrites
}

export type Write<State> =
  | { readonly kind: 'records'; readonly records: readonly PersistRecord[] }
  | { readonly kind: 'commit'; readonly committed: CommittedBlock<State> }
  | { readonly kind: 'snapshot'; readonly record: SnapshotRecord }
  /** `load` makes the state of what is staged on this disk. */
  | { readonly kind: 'restored'; readonly restored: Restored; load(staged: StagedSnapshot): State }

/** A state that was taken over: the chain below it is not here. */
interface Ground<State> extends Restored {
  readonly state: State
  readonly puts: StateWrites['puts']
}

type ViewRecord = Extract<PersistRecord, { kind: 'view' }>

export class Disk<State> {
  readonly #genesis: CommittedTip
  readonly #genesisState: State
  #view: ViewRecord = { kind: 'view', view: view(0), phase: 'active', newView: null, viewChange: null }
  readonly #votes = new Map<string, Vote>()
  readonly #blocks = new Map<string, Block>()
  #recovery: Recovery | null
  #highest: Certificate | null = null
  #lastCommit: Certificate | null = null
  /** Index i holds height `base` + i + 1. */
  readonly chain: CommittedBlock<State>[] = []
  #ground: Ground<State> | null = null
  #links: EpochLink[] = []
  #staged: Staging | null = null

  constructor(genesis: CommittedTip, genesisState: State, recovery: Recovery | null = null) {
    this.#recovery = recovery
    this.#genesis = genesis
    this.#genesisState = genesisState
  }

  get committedHeight(): number {
    return this.base + this.chain.length
  }

  /** Up to this height there are no blocks here. */
  get base(): number {
    return this.#ground?.target.header.height ?? 0
  }

  /** The ends of epochs from this one on. */
  linksFrom(from: number, upToHeight: number): readonly EpochLink[] {
    return this.#links.filter(({ header }) => header.epoch >= from && header.height <= upToHeight)
  }

  get staged(): StagedSnapshot | null {
    return this.#staged?.copy() ?? null
  }

  /** Ascending, of the newest blocks. */
  get headers(): readonly Header[] {
    const below = this.#ground === null ? [] : [...[...this.#ground.headers].reverse(), this.#ground.target.header]
    return [...below, ...this.chain.map(({ block }) => block.header)].slice(-RECENT_HASHES)
  }

  /** One that was voted for and is not committed, or one of the chain. */
  blockOf(hash: Hash): Block | undefined {
    return this.#blocks.get(keyOf(hash)) ?? this.chain.findLast(({ block }) => equalBytes(block.hash, hash))?.block
  }

  get recovering(): boolean {
    return this.#recovery?.status === 'asking'
  }

  get lastCommit(): Certificate | null {
    return this.#lastCommit
  }

  get viewRecord(): ViewRecord {
    return this.#view
  }

  get state(): State {
    return this.chain.at(-1)?.state ?? this.#ground?.state ?? this.#genesisState
  }

  /** What was written of the state, from genesis on or from the one that was taken over. */
  *writes(): Iterable<StateWrites> {
    if (this.#ground !== null) yield { puts: this.#ground.puts, deletes: [] }
    for (const { writes } of this.chain) if (writes !== undefined) yield writes
  }

  /** The newest epoch begun; undefined: the first. */
  get epoch(): EpochStart | undefined {
    return this.chain.findLast(({ nextEpoch }) => nextEpoch != null)?.nextEpoch ?? this.#ground?.start
  }

  holdsVote(vote: Ballot & Pick<Vote, 'sender'>): boolean {
    const stored = this.#votes.get(voteKey(vote))
    return stored !== undefined && equalBytes(stored.blockHash, vote.blockHash)
  }

  apply(write: Write<State>): void {
    switch (write.kind) {
      case 'records':
        for (const record of write.records) this.#applyRecord(record)
        return
      case 'commit':
        return this.#applyCommit(write.committed)
      case 'snapshot':
        this.#staged = stagedAfter(this.#staged, write.record)
        return
      case 'restored':
        return this.#applyRestored(write)
    }
  }

  /** One step: the staged state and everything that goes with it take the place of the old. */
  #applyRestored({ restored, load }: Extract<Write<State>, { kind: 'restored' }>): void {
    const staged = this.#staged?.copy()
    assert(
      staged !== undefined && equalBytes(hashHeader(staged.target.header), hashHeader(restored.target.header)),
      'another state is staged',
    )
    this.#ground = { ...restored, state: load(staged), puts: staged.puts }
    this.#staged = null
    this.chain.length = 0
    const known = this.#links.at(-1)?.header.epoch ?? -1
    this.#links.push(...restored.target.links.filter(({ header }) => header.epoch > known))
    this.#lastCommit = restored.target.certificate
    this.#forgetUpTo(this.base)
  }

  #applyRecord(record: PersistRecord): void {
    switch (record.kind) {
      case 'view':
        if (record.view > this.#view.view) this.#votes.clear() // those of an epoch that is over went with its last block
        this.#view = record
        return
      case 'vote':
        this.#votes.set(voteKey(record.vote), record.vote)
        return
      case 'block':
        this.#blocks.set(keyOf(record.block.hash), record.block)
        return
      case 'highest':
        this.#highest = record.certificate
        return
      case 'recovery':
        this.#recovery = record.recovery
        return
      case 'forget-block':
        this.#blocks.delete(keyOf(record.hash))
        return
    }
  }

  #applyCommit(committed: CommittedBlock<State>): void {
    this.chain.push(committed)
    const { certificate } = committed
    if (this.#lastCommit === null || compareCertificates(certificate, this.#lastCommit) > 0) this.#lastCommit = certificate
    if (committed.nextEpoch != null)
      this.#links.push({ header: committed.block.header, certificate, nextValidators: committed.nextEpoch.validators.validators })
    this.#forgetUpTo(this.committedHeight)
  }

  #forgetUpTo(at: number): void {
    for (const [key, block] of this.#blocks) if (block.header.height <= at) this.#blocks.delete(key)
    for (const [key, vote] of this.#votes) if (vote.height <= at) this.#votes.delete(key)
  }

  durableState(): DurableState {
    const { headers } = this
    const tip = headers.at(-1)
    return {
      view: this.#view.view,
      phase: this.#view.phase,
      newView: this.#view.newView,
      viewChange: this.#view.viewChange,
      votes: [...this.#votes.values()],
      blocks: [...this.#blocks.values()],
      recovery: this.#recovery,
      highest: this.#highest,
      lastCommit: this.#lastCommit,
      committed: tip === undefined ? this.#genesis : { height: tip.height, hash: hashHeader(tip), timestampMs: tip.timestampMs },
      recent: headers.map((header): { height: Height; hash: Hash } => ({ height: header.height, hash: hashHeader(header) })),
    }
  }
}

function voteKey(vote: Ballot & Pick<Vote, 'sender'>): string {
  return `${vote.view}/${vote.height}/${vote.kind}`
}
