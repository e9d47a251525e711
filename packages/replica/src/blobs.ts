/**
 * Everything a replica does about blobs (protocol.md §9), behind one small face: what is here, what is being fetched, who else says that
 * it has what is not final yet, what others are served, what is kept. Two rules for the rest of the replica come from here. A
 * validator votes for a block only if `isHeld` holds for every blob in it. A transaction is ordered only when `isSpread` holds: a quorum
 * says that it has the blob and has checked it, so that a proposal finds a quorum that can vote at once.
 */
import type { Height, ValidatorIndex } from '@aethel/codec'
import { type BlobRef, blobKey, MAX_BLOBS_TOLD, type Message } from '@aethel/consensus'
import { BlobFetch, type BlobHost, type BlobProgress } from './blob-fetch.js'
import { BlobKeep } from './blob-keep.js'
import { BlobShelf } from './blob-shelf.js'
import type { BlobOptions } from './interface.js'

export interface BlobsHost extends BlobHost {
  readonly tip: Height
  /** Whether a pending transaction or a proposal refers to it; by `blobKey`. */
  isNeeded(key: string): boolean
  /** Whether a block that is being validated refers to it. */
  isForBlock(key: string): boolean
  /** Whom to tell again what is held here: all if they are few, else the leader and some in turn (§9, "Many validators"). */
  readonly told: readonly ValidatorIndex[]
  /** Blobs held and checked here, of transactions that are not final. */
  pendingChecked(): readonly BlobRef[]
  /** Whether these peers, and this replica, hold a quorum of the power. */
  isQuorum(peers: ReadonlySet<ValidatorIndex>): boolean
}

type BlobMessage = Extract<Message, { kind: 'blob-part' | 'blob-held' | 'blob-absent' } | { kind: 'fetch'; want: 'blob' }>

export class ReplicaBlobs {
  readonly #host: BlobsHost
  readonly #fetch: BlobFetch
  readonly #keep: BlobKeep
  readonly #shelf = new BlobShelf()
  /** Who says that it has a blob, of those needed here. */
  readonly #announced = new Map<string, Set<ValidatorIndex>>()
  /** What votes of ours, not yet overtaken by the chain, attest: up to which height. */
  readonly #pinned = new Map<string, { readonly blob: BlobRef; readonly upTo: Height }>()

  constructor(options: BlobOptions, host: BlobsHost) {
    this.#host = host
    this.#fetch = new BlobFetch(host, { chunkBytes: options.chunkBytes, held: options.held })
    const final = options.held.flatMap(({ root, bytes, height }) => (height === null ? [] : [{ root, bytes, height }]))
    this.#keep = new BlobKeep(options, final)
  }

  isHeld(blob: BlobRef): boolean {
    return this.#fetch.isHeld(blobKey(blob))
  }

  isStarved(key: string): boolean {
    return this.#fetch.isStarved(key)
  }

  get progress(): readonly BlobProgress[] {
    return this.#fetch.progress
  }

  /** Whether something that is not final refers to it: a pending transaction, a proposal, or a vote not yet overtaken. */
  isNeeded(key: string): boolean {
    return this.#pinned.has(key) || this.#host.isNeeded(key)
  }

  /** Of a final transaction, and not let go yet. */
  isKept(key: string): boolean {
    return this.#keep.has(key)
  }

  /** Whether nothing here has to do with blobs: most ticks of most chains. */
  get isIdle(): boolean {
    return this.#fetch.progress.length === 0 && this.#announced.size === 0 && this.#pinned.size === 0
  }

  /** False: too many are being fetched. `from`: who may have it. */
  want(blob: BlobRef, purpose: 'mempool' | 'block', from: ValidatorIndex | null): boolean {
    if (!this.#fetch.want(blob, purpose)) return false
    const key = blobKey(blob)
    if (from !== null) this.#fetch.hint(key, from)
    for (const peer of this.#announced.get(key) ?? []) this.#fetch.hint(key, peer)
    return true
  }

  isSpread(blob: BlobRef): boolean {
    return this.#host.isQuorum(this.#announced.get(blobKey(blob)) ?? new Set())
  }

  /** Held and checked: whoever may order it shall know at once. */
  announce(blob: BlobRef): void {
    for (const peer of this.#host.told) this.#host.send(peer, { kind: 'blob-held', blobs: [blob] })
  }

  askAgain(peer: ValidatorIndex): void {
    this.#fetch.askAgain(peer)
  }

  onOpened(blob: BlobRef, missing: readonly number[]): void {
    this.#fetch.onOpened(blob, missing)
  }

  onRefused(...args: Parameters<BlobFetch['onRefused']>): void {
    this.#fetch.onRefused(...args)
  }

  lose(blob: BlobRef): void {
    this.#fetch.lose(blobKey(blob))
  }

  wants(from: ValidatorIndex, message: Extract<BlobMessage, { kind: 'blob-part' | 'blob-absent' }>): boolean {
    return this.#fetch.wants(from, message)
  }

  /** Blobs that have become known to be spread. */
  onMessage(from: ValidatorIndex, message: BlobMessage): string[] {
    switch (message.kind) {
      case 'fetch':
        this.#serve(from, message.blob, message.index)
        return []
      case 'blob-part':
        this.#fetch.onPart(from, message.blob, message.part)
        return []
      case 'blob-absent':
        this.#fetch.onAbsent(from, message.blob)
        return []
      case 'blob-held':
        return this.#onHeldElsewhere(from, message.blobs)
    }
  }

  #onHeldElsewhere(from: ValidatorIndex, blobs: readonly BlobRef[]): string[] {
    const spread: string[] = []
    for (const blob of blobs) {
      const key = blobKey(blob)
      if (!this.isNeeded(key)) continue // said again at every tick, while it is not final
      const announced = this.#announced.get(key) ?? new Set()
      this.#announced.set(key, announced)
      announced.add(from)
      this.#fetch.hint(key, from)
      if (this.#host.isQuorum(announced)) spread.push(key)
    }
    return spread
  }

  #serve(to: ValidatorIndex, blob: BlobRef, index: number): void {
    if (!this.isHeld(blob)) return this.#host.send(to, { kind: 'blob-absent', blob })
    if (this.#shelf.admit({ to, blob, index })) this.#host.push({ kind: 'blob-serve', to, blob, index })
  }

  /** A vote for a block with these is about to be made durable. */
  pin(blobs: readonly BlobRef[], height: Height): void {
    for (const blob of blobs) {
      const key = blobKey(blob)
      this.#pinned.set(key, { blob, upTo: Math.max(this.#pinned.get(key)?.upTo ?? 0, height) as Height })
    }
  }

  onFinal(blobs: readonly BlobRef[], height: Height): void {
    for (const blob of blobs) if (this.isHeld(blob) || this.#fetch.isSealing(blobKey(blob))) this.#keep.onFinal(blob, height)
    for (const [key, { upTo }] of this.#pinned) if (upTo <= height) this.#pinned.delete(key)
    this.#prune()
  }

  #prune(): void {
    for (const blob of this.#keep.due(this.#host.tip, (key) => this.isNeeded(key))) {
      this.#fetch.lose(blobKey(blob))
      this.#host.push({ kind: 'blob-drop', blob })
      this.#host.emit({ name: 'blob-dropped', blob })
    }
  }

  onTick(): void {
    for (const { to, blob, index } of this.#shelf.onTick()) this.#host.push({ kind: 'blob-serve', to, blob, index })
    const checked = this.#host.pendingChecked()
    if (checked.length === 0 && this.isIdle) return
    for (const key of this.#announced.keys()) if (!this.isNeeded(key)) this.#announced.delete(key)
    this.#fetch.onTick(
      (key) => this.isNeeded(key),
      (key) => this.#host.isForBlock(key),
    )
    // Lost since the vote: others rely on it.
    for (const { blob } of this.#pinned.values()) if (!this.isHeld(blob)) this.want(blob, 'block', null)
    if (checked.length === 0) return
    const blobs = checked.slice(0, MAX_BLOBS_TOLD)
    for (const peer of this.#host.told) this.#host.send(peer, { kind: 'blob-held', blobs })
  }
}
