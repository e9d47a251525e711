/**
 * What clients may know, and from when. A transaction is final for whoever waits as soon as the own votes behind its block are durable
 * (docs/protocol.md §5); the block itself is written meanwhile, and whoever reads waits until what anybody was told can be read.
 */
import { type Hash, type Height, keyOf } from '@aethel/codec'
import type { TransactionPlace } from '@aethel/storage'

/** A block that is durable and shown. */
export interface Published {
  readonly height: number
  readonly view: number
}

/** A transaction by `keyOf(id)`. */
interface Identified {
  readonly idKey: string
}

export class Finality {
  #published: Published
  /** Final for the replica, which does not know them any more, while its own votes behind that are not durable: by `keyOf(id)`. */
  readonly #unacknowledged = new Set<string>()
  /** Final, as clients may have been told, and not published yet: by `keyOf(id)`. */
  readonly #unpublished = new Map<string, TransactionPlace>()
  /** Up to here somebody may have been told, by being told that something is final or what stands against it. */
  #toldHeight = 0
  /** Whoever waits to read, by what has to be published: many wait for the same. */
  readonly #readers = new Map<number, { readonly readable: Promise<void>; resolve(): void }>()

  /** @param published the newest block that the store holds */
  constructor(published: Published) {
    this.#published = published
  }

  /** The newest that everybody may know. */
  get published(): Published {
    return this.#published
  }

  /** Whether somebody waits to read what is being written. */
  get isAwaited(): boolean {
    return this.#readers.size > 0
  }

  /** Whether it is in a committed block that nobody can be told of yet. */
  isBeingCommitted(id: Hash): boolean {
    return this.#unacknowledged.has(keyOf(id))
  }

  /** Of a final transaction whose block is still being written. */
  placeOf(id: Hash): TransactionPlace | undefined {
    return this.#unpublished.get(keyOf(id))
  }

  /** The replica has committed these. */
  committed(transactions: readonly Identified[]): void {
    for (const { idKey } of transactions) this.#unacknowledged.add(idKey)
  }

  /** The own votes behind a block are durable: whoever waits for its transactions, here in their order, is told. */
  acknowledged(height: Height, transactions: readonly Identified[]): void {
    this.told(height)
    for (const [index, { idKey }] of transactions.entries()) {
      this.#unacknowledged.delete(idKey)
      this.#unpublished.set(idKey, { height, index })
    }
  }

  /** Somebody may have been told of what is in blocks up to there. */
  told(height: number): void {
    this.#toldHeight = Math.max(this.#toldHeight, height)
  }

  /** The block is durable, and its transactions are found in the store from here on; who waited for it reads now. */
  publish(published: Published, transactions: readonly Identified[]): void {
    this.#published = published
    for (const { idKey } of transactions) this.#unpublished.delete(idKey)
    for (const [height, { resolve }] of this.#readers) {
      if (height > published.height) continue
      this.#readers.delete(height)
      resolve()
    }
  }

  /** Resolves when all that clients were told of can be read; undefined: it can. */
  whenReadable(): Promise<void> | undefined {
    const at = this.#toldHeight
    if (at <= this.#published.height) return undefined
    const waiting = this.#readers.get(at)
    if (waiting !== undefined) return waiting.readable
    let resolve = (): void => undefined
    const readable = new Promise<void>((settle) => {
      resolve = settle
    })
    this.#readers.set(at, { readable, resolve })
    return readable
  }
}
