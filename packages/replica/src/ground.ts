/**
 * Where a replica stands: the newest committed state, and above it the states of executed blocks that are not committed yet. Blocks are
 * built, validated and committed on these only; an abandoned one costs nothing but its entry.
 */
import { equalBytes, type Hash, type Height, keyOf } from '@aethel/codec'
import { type BlobRef, type Block, blobKey, type CommittedTip, type Offence, offenceKey } from '@aethel/consensus'
import type { Executed, Transaction } from './application.js'

interface Standing<State> extends Layer<State> {
  readonly hash: Hash
}

/** An executed block above the committed one. */
export interface Layer<State> {
  readonly executed: Executed<State>
  readonly height: Height
  readonly transactions: readonly Transaction[]
  /** Of each transaction's proof; 0 without one. */
  readonly gas: readonly number[]
  readonly offences: readonly Offence[]
}

export class Ground<State> {
  #state: State
  #tip: CommittedTip
  /** By `keyOf(hash)`. */
  readonly #layers = new Map<string, Standing<State>>()

  constructor(state: State, tip: CommittedTip) {
    this.#state = state
    this.#tip = tip
  }

  /** Of the newest committed block. */
  get state(): State {
    return this.#state
  }

  get tip(): CommittedTip {
    return this.#tip
  }

  get nextHeight(): Height {
    return (this.#tip.height + 1) as Height
  }

  /** Undefined: neither committed last nor executed. */
  stateAt(hash: Hash): State | undefined {
    return equalBytes(hash, this.#tip.hash) ? this.#state : this.layer(keyOf(hash))?.executed.state
  }

  layer(key: string): Layer<State> | undefined {
    return this.#layers.get(key)
  }

  get layers(): Iterable<Layer<State>> {
    return this.#layers.values()
  }

  /** Executed blocks that refer to a blob; by `blobKey`. */
  referringTo(blob: string): Hash[] {
    const refers = ({ transactions }: Standing<State>): boolean => blobsOf(transactions).some((each) => blobKey(each) === blob)
    return [...this.#layers.values()].filter(refers).map(({ hash }) => hash)
  }

  add(hash: Hash, layer: Layer<State>): void {
    this.#layers.set(keyOf(hash), { ...layer, hash })
  }

  abandon(hash: Hash): void {
    this.#layers.delete(keyOf(hash))
  }

  /** Whatever else stood at its height or below is over. */
  commit({ hash, header }: Block, { executed }: Layer<State>): void {
    this.#state = executed.state
    this.#tip = { height: header.height, hash, timestampMs: header.timestampMs }
    for (const [key, { height }] of this.#layers) if (height <= header.height) this.#layers.delete(key)
  }

  /** A state taken over from others (protocol.md §7). */
  jump(state: State, tip: CommittedTip): void {
    this.#state = state
    this.#tip = tip
    this.#layers.clear()
  }

  /** `keyOf` the ids of the transactions in proposals. */
  get proposedIds(): Set<string> {
    const ids = new Set<string>()
    for (const { transactions } of this.layers) for (const { idKey } of transactions) ids.add(idKey)
    return ids
  }

  /** `offenceKey`s of what proposals put on record. */
  get proposedOffences(): Set<string> {
    const keys = new Set<string>()
    for (const { offences } of this.layers) for (const offence of offences) keys.add(offenceKey(offence))
    return keys
  }
}

export function blobsOf(transactions: readonly Transaction[]): BlobRef[] {
  return transactions.flatMap(({ work }) => (work?.blob === undefined ? [] : [work.blob]))
}
