/**
 * One validator's disk: what was synced survives a crash, of what was not a random prefix may. It holds the safety records
 * of protocol.md §5 and the committed chain, and gives them back as the `DurableState` a restart begins with.
 */
import { equalBytes, type Hash, type Height, height, keyOf, view } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  type CommittedTip,
  compareCertificates,
  type DurableState,
  type PersistRecord,
  RECENT_HASHES,
  type Recovery,
  type Vote,
} from '@aethel/consensus'

export interface CommittedBlock<State> {
  readonly block: Block
  readonly certificate: Certificate
  readonly state: State
}

export type Write<State> =
  | { readonly kind: 'records'; readonly records: readonly PersistRecord[] }
  | { readonly kind: 'commit'; readonly committed: CommittedBlock<State> }

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
  /** Index i holds height i + 1. */
  readonly chain: CommittedBlock<State>[] = []

  constructor(genesis: CommittedTip, genesisState: State, recovery: Recovery | null = null) {
    this.#recovery = recovery
    this.#genesis = genesis
    this.#genesisState = genesisState
  }

  get committedHeight(): number {
    return this.chain.length
  }

  get viewRecord(): ViewRecord {
    return this.#view
  }

  get state(): State {
    return this.chain.at(-1)?.state ?? this.#genesisState
  }

  holdsVote(vote: Vote): boolean {
    const stored = this.#votes.get(voteKey(vote))
    return stored !== undefined && equalBytes(stored.blockHash, vote.blockHash)
  }

  apply(write: Write<State>): void {
    if (write.kind === 'records') for (const record of write.records) this.#applyRecord(record)
    else this.#applyCommit(write.committed)
  }

  #applyRecord(record: PersistRecord): void {
    switch (record.kind) {
      case 'view':
        if (record.view > this.#view.view) this.#votes.clear()
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
    for (const [key, block] of this.#blocks) if (block.header.height <= this.chain.length) this.#blocks.delete(key)
    for (const [key, vote] of this.#votes) if (vote.height <= this.chain.length) this.#votes.delete(key)
  }

  durableState(): DurableState {
    const tip = this.chain.at(-1)?.block
    const first = Math.max(0, this.chain.length - RECENT_HASHES)
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
      committed: tip === undefined ? this.#genesis : { height: tip.header.height, hash: tip.hash, timestampMs: tip.header.timestampMs },
      recent: this.chain
        .slice(first)
        .map(({ block }): { height: Height; hash: Hash } => ({ height: height(block.header.height), hash: block.hash })),
    }
  }
}

function voteKey(vote: Vote): string {
  return `${vote.view}/${vote.height}/${vote.kind}`
}
