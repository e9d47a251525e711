/**
 * Getting blobs (protocol.md §9): what a pending transaction or a proposed block refers to is asked of whoever passed it on or says
 * that it has it, then of everybody, chunk by chunk; each chunk is checked against the root before it is stored, and what is
 * stored counts after a restart. Who lies is named and asked no more; who stalls, or does not have it, is passed over for a while.
 * It never decides what may be voted for: it says when a blob is here, whole and durable.
 */
import type { Refusal, ValidatorIndex } from '@aethel/codec'
import { type BlobPart, type BlobRef, blobChunks, blobKey, checkBlobPart, type Message } from '@aethel/consensus'
import type { BlobEffect, BlobEvent } from './interface.js'
import { LeastBusy } from './least-busy.js'

/** Asked of one peer and not answered, over all blobs: a megabyte on the way. */
const MAX_OUTSTANDING = 4
/** A chunk may take so long before another peer is asked; twice that whenever all have been too slow. */
const DEADLINE_TICKS = 8
const MAX_DEADLINE_TICKS = 128
/** Late so many times: passed over until everybody is. */
const MAX_STALLS = 2
/** Without a source everybody is asked again so often. */
const ASK_EVERY_TICKS = 4
/** A pending transaction whose blob has not moved for so long is let go: a minute at the node's ticks. Whoever wants it submits it again. */
const UNSERVED_TICKS = 120
/** A block that waits so long for blobs that do not move: they cannot be had, and a state is wanted instead (§7). */
const STARVED_TICKS = 32
/** Fetched for pending transactions at a time; what blocks wait for is bounded by the blocks. */
export const MAX_WANTED = 64

export interface BlobHost {
  /** Everybody who can be asked, in a declared order. */
  readonly peers: readonly ValidatorIndex[]
  /** Who hears what is sent, of these and others; it changes. Empty: nobody is known to be. */
  readonly connected: ReadonlySet<ValidatorIndex>
  send(to: ValidatorIndex, message: Message): void
  push(effect: BlobEffect): void
  emit(event: BlobEvent): void
  blame(peer: ValidatorIndex, refusal: Refusal): void
  /** It is here: whoever waits for it goes on. */
  onHeld(key: string): void
  /** It is not to be had, or there is no room: no pending transaction waits for it any more. */
  onGivenUp(key: string, refusal: Refusal): void
}

/** For status pages. */
export interface BlobProgress extends BlobRef {
  readonly chunks: number
  /** Not here yet. */
  readonly missing: number
}

interface Fetching {
  readonly blob: BlobRef
  purpose: 'mempool' | 'block'
  /** Null: the store has not said yet what is there. */
  missing: Set<number> | null
  readonly outstanding: Map<number, { readonly peer: ValidatorIndex; readonly sinceTick: number }>
  readonly sources: Set<ValidatorIndex>
  readonly slow: Set<ValidatorIndex>
  readonly stalls: Map<ValidatorIndex, number>
  deadlineTicks: number
  movedAtTick: number
  askedAllAtTick: number
  sealing: boolean
  chunks: number
}

const UNAVAILABLE: Refusal = {
  code: 'blob-unavailable',
  message: 'expected some validator to have the blob of this transaction, but nobody served it; upload it again, then submit',
}

export class BlobFetch {
  readonly #host: BlobHost
  readonly #chunkBytes: number
  readonly #held = new Map<string, BlobRef>()
  readonly #fetching = new Map<string, Fetching>()
  /** Has sent what is not under the root it was asked for: asked no more by this process. */
  readonly #liars = new Set<ValidatorIndex>()
  #tick = 0
  readonly #leastBusy: LeastBusy

  constructor(host: BlobHost, options: { readonly chunkBytes: number; readonly held: readonly BlobRef[] }) {
    this.#host = host
    this.#leastBusy = new LeastBusy(MAX_OUTSTANDING, host.connected)
    this.#chunkBytes = options.chunkBytes
    for (const blob of options.held) this.#held.set(blobKey(blob), blob)
  }

  /** Whole, checked and durable. */
  isHeld(key: string): boolean {
    return this.#held.has(key)
  }

  get held(): Iterable<BlobRef> {
    return this.#held.values()
  }

  get progress(): readonly BlobProgress[] {
    return [...this.#fetching.values()].map(({ blob, chunks, missing, outstanding }) => ({
      ...blob,
      chunks,
      missing: missing === null ? chunks : missing.size + outstanding.size,
    }))
  }

  /** All of it is here, and is being made durable. */
  isSealing(key: string): boolean {
    return this.#fetching.get(key)?.sealing === true
  }

  /** Of what a block waits for: it does not move, or is not fetched any more, because the store had no room for it. */
  isStarved(key: string): boolean {
    const fetching = this.#fetching.get(key)
    if (fetching === undefined) return !this.#held.has(key)
    return this.#tick - fetching.movedAtTick >= STARVED_TICKS
  }

  /** False: too many are wanted already. What blocks wait for is never refused. */
  want(blob: BlobRef, purpose: Fetching['purpose']): boolean {
    const key = blobKey(blob)
    const known = this.#fetching.get(key)
    if (known !== undefined) {
      if (purpose === 'block') known.purpose = 'block'
      return true
    }
    if (purpose === 'mempool' && this.#fetching.size >= MAX_WANTED) return false
    this.#fetching.set(key, {
      blob,
      purpose,
      missing: null,
      outstanding: new Map(),
      sources: new Set(),
      slow: new Set(),
      stalls: new Map(),
      deadlineTicks: DEADLINE_TICKS,
      movedAtTick: this.#tick,
      askedAllAtTick: Number.NEGATIVE_INFINITY,
      sealing: false,
      chunks: blobChunks(blob.bytes, this.#chunkBytes),
    })
    this.#host.push({ kind: 'blob-open', blob })
    return true
  }

  /** A peer has passed on the transaction, or says that it has the blob. */
  hint(key: string, peer: ValidatorIndex): void {
    const fetching = this.#fetching.get(key)
    if (fetching === undefined || this.#liars.has(peer) || fetching.sources.has(peer) || fetching.slow.has(peer)) return
    fetching.sources.add(peer)
    this.#request()
  }

  /** Its connection is new, or gone: what it was asked before is lost, and so is what was asked of anybody who is not connected. */
  askAgain(peer: ValidatorIndex): void {
    const { connected } = this.#host
    for (const fetching of this.#fetching.values()) this.#takeBack(fetching, (asked) => asked === peer || !connected.has(asked))
    this.#request()
  }

  /** What the store has of it; nothing missing: it is whole and durable. */
  onOpened(blob: BlobRef, missing: readonly number[]): void {
    const key = blobKey(blob)
    const fetching = this.#fetching.get(key)
    if (fetching === undefined) return
    if (missing.length === 0) {
      this.#fetching.delete(key)
      this.#held.set(key, blob)
      this.#host.emit({ name: 'blob-held', blob })
      return this.#host.onHeld(key)
    }
    fetching.missing = new Set(missing)
    fetching.sealing = false
    this.#host.emit({ name: 'blob-wanted', blob, missing: missing.length })
    if (fetching.sources.size === 0) this.#askAll(fetching)
    this.#request()
  }

  onRefused(blob: BlobRef, refusal: Refusal): void {
    const key = blobKey(blob)
    if (!this.#fetching.delete(key)) return
    this.#host.onGivenUp(key, refusal)
  }

  /** It turned out to be damaged, or was dropped. */
  lose(key: string): void {
    this.#held.delete(key)
  }

  wants(from: ValidatorIndex, message: Extract<Message, { kind: 'blob-part' | 'blob-absent' }>): boolean {
    const fetching = this.#fetching.get(blobKey(message.blob))
    if (fetching === undefined) return false
    if (message.kind === 'blob-part') return fetching.outstanding.get(message.part.index)?.peer === from
    return [...fetching.outstanding.values()].some(({ peer }) => peer === from)
  }

  onPart(from: ValidatorIndex, blob: BlobRef, part: BlobPart): void {
    const fetching = this.#fetching.get(blobKey(blob))
    if (fetching === undefined || fetching.missing === null || fetching.outstanding.get(part.index)?.peer !== from) return
    const checked = checkBlobPart(blob, part, this.#chunkBytes)
    if (!checked.ok) {
      this.#drop(from, checked.error)
      return this.#request()
    }
    fetching.outstanding.delete(part.index)
    fetching.stalls.delete(from)
    fetching.movedAtTick = this.#tick
    this.#host.push({ kind: 'blob-write', blob, part, leaf: checked.value })
    if (fetching.missing.size === 0 && fetching.outstanding.size === 0 && !fetching.sealing) {
      fetching.sealing = true
      return this.#host.push({ kind: 'blob-seal', blob })
    }
    this.#request()
  }

  onAbsent(from: ValidatorIndex, blob: BlobRef): void {
    const fetching = this.#fetching.get(blobKey(blob))
    if (fetching === undefined) return
    this.#leave(fetching, from)
    this.#request()
  }

  #drop(peer: ValidatorIndex, refusal: Refusal): void {
    this.#liars.add(peer)
    for (const fetching of this.#fetching.values()) this.#leave(fetching, peer)
    this.#host.emit({ name: 'blob-peer-dropped', peer, code: refusal.code })
    this.#host.blame(peer, refusal)
  }

  /** It does not serve this blob, or not in time: what was asked of it is asked of others. */
  #leave(fetching: Fetching, peer: ValidatorIndex): void {
    fetching.sources.delete(peer)
    this.#takeBack(fetching, (asked) => asked === peer)
  }

  #takeBack(fetching: Fetching, isMeant: (asked: ValidatorIndex) => boolean): void {
    for (const [index, { peer }] of fetching.outstanding) {
      if (!isMeant(peer)) continue
      fetching.outstanding.delete(index)
      fetching.missing?.add(index)
    }
  }

  /** What nobody needs any more is not fetched any more, unless all of it is here; what no block waits for any more is fetched for the mempool only. */
  onTick(isNeeded: (key: string) => boolean, isForBlock: (key: string) => boolean): void {
    this.#tick++
    for (const [key, fetching] of [...this.#fetching]) {
      if (fetching.purpose === 'block' && !isForBlock(key)) fetching.purpose = 'mempool'
      if (!isNeeded(key) && !fetching.sealing) this.#fetching.delete(key)
      else if (fetching.purpose === 'mempool' && this.#tick - fetching.movedAtTick >= UNSERVED_TICKS) {
        this.#fetching.delete(key)
        this.#host.onGivenUp(key, UNAVAILABLE)
      } else if (fetching.missing !== null && !fetching.sealing) this.#tend(fetching)
    }
    this.#request()
  }

  #tend(fetching: Fetching): void {
    for (const [index, { peer, sinceTick }] of [...fetching.outstanding]) {
      if (this.#tick - sinceTick < fetching.deadlineTicks) continue
      fetching.outstanding.delete(index)
      fetching.missing?.add(index)
      const stalls = (fetching.stalls.get(peer) ?? 0) + 1
      fetching.stalls.set(peer, stalls)
      if (stalls < MAX_STALLS || !fetching.sources.has(peer)) continue
      fetching.slow.add(peer)
      this.#leave(fetching, peer)
    }
    const hasNobody = fetching.sources.size === 0 || this.#leastBusy.reachesOthersThan(fetching.sources)
    if (hasNobody && this.#tick - fetching.askedAllAtTick >= ASK_EVERY_TICKS) this.#askAll(fetching)
  }

  /** Who does not have it is quick to say so. */
  #askAll(fetching: Fetching): void {
    fetching.askedAllAtTick = this.#tick
    if (fetching.slow.size > 0) {
      // Everybody was too slow, or has none: the deadline may have been wrong.
      fetching.slow.clear()
      fetching.stalls.clear()
      fetching.deadlineTicks = Math.min(MAX_DEADLINE_TICKS, 2 * fetching.deadlineTicks)
    }
    for (const peer of this.#host.peers) if (!this.#liars.has(peer)) fetching.sources.add(peer)
  }

  /** Every chunk that nobody has been asked for, of whoever has the least to do; what blocks wait for comes first. */
  #request(): void {
    const load = new Map<ValidatorIndex, number>()
    for (const { outstanding } of this.#fetching.values()) {
      for (const { peer } of outstanding.values()) load.set(peer, (load.get(peer) ?? 0) + 1)
    }
    const all = [...this.#fetching.values()]
    for (const fetching of [...all.filter(({ purpose }) => purpose === 'block'), ...all.filter(({ purpose }) => purpose === 'mempool')]) {
      const { missing, sources, outstanding, blob } = fetching
      if (missing === null || fetching.sealing || missing.size === 0 || sources.size === 0) continue
      const candidates = [...sources].sort((a, b) => a - b)
      for (const index of [...missing]) {
        const peer = this.#leastBusy.choose(candidates, load)
        if (peer === undefined) break
        load.set(peer, (load.get(peer) ?? 0) + 1)
        missing.delete(index)
        outstanding.set(index, { peer, sinceTick: this.#tick })
        this.#host.send(peer, { kind: 'fetch', want: 'blob', blob, index })
      }
    }
  }
}
