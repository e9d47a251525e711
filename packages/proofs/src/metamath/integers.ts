/** Growable vectors of 32-bit integers: what the parser and the kernel keep everything in. */

/** A kibibyte: a database has ten of them, and most databases are small. */
const INITIAL_WORDS = 256

export class IntVector {
  data: Int32Array
  length = 0

  constructor(capacity: number = INITIAL_WORDS) {
    this.data = new Int32Array(capacity)
  }

  push(value: number): void {
    if (this.length === this.data.length) this.#grow(this.length + 1)
    this.data[this.length++] = value
  }

  /** Makes room for `count` more words and returns the index of the first; the caller fills them. */
  extend(count: number): number {
    const at = this.length
    if (at + count > this.data.length) this.#grow(at + count)
    this.length = at + count
    return at
  }

  at(index: number): number {
    return this.data[index] as number
  }

  /** Lets go of the room that was ahead. */
  settle(): void {
    if (this.data.length > this.length) this.data = this.data.slice(0, this.length)
  }

  #grow(needed: number): void {
    this.data = grown(this.data, needed)
  }
}

/** A copy with room for `needed` words at least; doubling, so that growing costs O(1) per word. */
export function grown(words: Int32Array, needed: number): Int32Array {
  const larger = new Int32Array(Math.max(needed, words.length * 2))
  larger.set(words)
  return larger
}
