/** Integers that are appended; `words` is replaced when it is full, so take it again after a push. */
export class GrowingInts {
  words: Int32Array
  length = 0

  constructor(room = 1_024) {
    this.words = new Int32Array(room)
  }

  push(value: number): void {
    if (this.length === this.words.length) {
      const larger = new Int32Array(2 * this.length)
      larger.set(this.words)
      this.words = larger
    }
    this.words[this.length++] = value
  }
}

export class GrowingBytes {
  #bytes = new Uint8Array(1 << 16)
  #length = 0

  push(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}
