/** A growing byte string, for proofs of many megabytes: an array of numbers would take eight times as much. */
export class ByteBuilder {
  #bytes = new Uint8Array(1 << 16)
  length = 0

  /** @param {number} count */
  #reserve(count) {
    if (this.length + count <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + count))
    larger.set(this.#bytes)
    this.#bytes = larger
  }

  /** @param {number} value */
  byte(value) {
    this.#reserve(1)
    this.#bytes[this.length++] = value
  }

  /** @param {string} value latin-1 */
  text(value) {
    this.#reserve(value.length)
    for (let i = 0; i < value.length; i++) this.#bytes[this.length++] = value.charCodeAt(i)
  }

  /**
   * A number of a binary LRAT proof.
   * @param {number} value
   */
  number(value) {
    this.#reserve(5)
    let rest = value < 0 ? 1 - 2 * value : 2 * value
    for (; rest > 127; rest >>>= 7) this.#bytes[this.length++] = (rest & 127) | 128
    this.#bytes[this.length++] = rest
  }

  /**
   * An addition of a binary LRAT proof.
   * @param {number} id
   * @param {Iterable<number>} literals
   * @param {Iterable<number>} hints
   */
  addition(id, literals, hints) {
    this.byte(97)
    this.number(id)
    for (const literal of literals) this.number(literal)
    this.byte(0)
    for (const hint of hints) this.number(hint)
    this.byte(0)
  }

  /** @param {Iterable<number>} ids */
  deletion(ids) {
    this.byte(100)
    for (const id of ids) this.number(id)
    this.byte(0)
  }

  take() {
    return this.#bytes.slice(0, this.length)
  }
}
