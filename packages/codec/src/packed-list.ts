/**
 * A list that keeps the bytes of its items and reads an item when somebody asks for it. The smallest item of a list may be far shorter
 * than the objects that hold it: a transaction of one byte has five on the wire and takes over two hundred in memory, an empty block has 317
 * and takes two thousand. So whoever sends such a list would have its reader hold ten or forty times what was sent, before anything
 * of it is known to be good (trap E6). `Reader.longList` makes one of what would take too much otherwise; what honest peers send does not.
 */
/**
 * An array to whoever reads it, and to `Array.isArray`; nobody can write to it. `itemAt` is called for each reading of an item, with a position
 * within the length.
 */
export function packedList<T>(length: number, itemAt: (position: number) => T): readonly T[] {
  const positionOf = (key: string | symbol): number => {
    if (typeof key === 'symbol') return -1
    const position = Number(key)
    return Number.isInteger(position) && position >= 0 && position < length && String(position) === key ? position : -1
  }
  return new Proxy<T[]>([], {
    get(target, key) {
      if (key === 'length') return length
      const position = positionOf(key)
      return position < 0 ? Reflect.get(target, key) : itemAt(position)
    },
    has: (target, key) => positionOf(key) >= 0 || Reflect.has(target, key),
    ownKeys: () => [...Array.from({ length }, (_, position) => String(position)), 'length'],
    getOwnPropertyDescriptor(target, key) {
      if (key === 'length') return { value: length, writable: true, enumerable: false, configurable: false }
      const position = positionOf(key)
      if (position < 0) return Reflect.getOwnPropertyDescriptor(target, key)
      return { value: itemAt(position), writable: false, enumerable: true, configurable: true }
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    preventExtensions: () => false,
  })
}

/** Bytes with items in them, and where each begins. */
export class ItemBytes {
  readonly #bytes: Uint8Array
  readonly #starts: Uint32Array

  constructor(bytes: Uint8Array, starts: readonly number[]) {
    this.#bytes = bytes
    this.#starts = Uint32Array.from(starts)
  }

  get count(): number {
    return this.#starts.length
  }

  /** From the item at this position on to the end, as a view. */
  from(position: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[position])
  }
}
