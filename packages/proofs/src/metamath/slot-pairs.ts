/** The different pairs that groups of slots make. A row of bits for each slot says with whom it is paired: a group of k costs k rows, not k^2 pairs. */
import type { IntVector } from './integers.js'

const WORD_BITS = 32

export class SlotPairs {
  #rows = new Int32Array(0)
  #group = new Int32Array(0)
  #slots = 0
  /** Words in a row. */
  #width = 0
  #isEmpty = true

  /** Slots will be below this. */
  begin(slots: number): void {
    if (!this.#isEmpty) this.#rows.fill(0, 0, this.#slots * this.#width)
    this.#isEmpty = true
    this.#slots = slots
    this.#width = Math.ceil(slots / WORD_BITS)
  }

  /** All pairs of these, of which none occurs twice. */
  add(members: IntVector): void {
    if (members.length < 2) return
    if (this.#isEmpty) this.#makeRoom()
    this.#isEmpty = false
    if (members.length > this.#width) this.#addRows(members)
    else this.#addPairs(members)
  }

  #makeRoom(): void {
    const words = this.#slots * this.#width
    if (this.#rows.length < words) this.#rows = new Int32Array(words)
    if (this.#group.length < this.#width) this.#group = new Int32Array(this.#width)
  }

  #addPairs(members: IntVector): void {
    for (let i = 1; i < members.length; i++) {
      const a = members.at(i)
      for (let k = 0; k < i; k++) {
        this.#set(a, members.at(k))
        this.#set(members.at(k), a)
      }
    }
  }

  #set(row: number, number: number): void {
    const at = row * this.#width + (number >>> 5)
    this.#rows[at] = (this.#rows[at] as number) | (1 << (number & 31))
  }

  #addRows(members: IntVector): void {
    const group = this.#group
    const width = this.#width
    group.fill(0, 0, width)
    for (let i = 0; i < members.length; i++) {
      const number = members.at(i)
      group[number >>> 5] = (group[number >>> 5] as number) | (1 << (number & 31))
    }
    for (let i = 0; i < members.length; i++) {
      const start = members.at(i) * width
      for (let word = 0; word < width; word++) this.#rows[start + word] = (this.#rows[start + word] as number) | (group[word] as number)
    }
  }

  /** Since `begin`. */
  get different(): number {
    if (this.#isEmpty) return 0
    let bits = 0
    for (let slot = 0; slot < this.#slots; slot++) {
      const start = slot * this.#width
      for (let word = 0; word < this.#width; word++) bits += bitsIn(this.#rows[start + word] as number)
      if (((this.#rows[start + (slot >>> 5)] as number) >>> (slot & 31)) & 1) bits-- // with itself
    }
    return bits / 2
  }

  /** In increasing order of `a`, then `b`; `a` is the smaller one. */
  visit(each: (a: number, b: number) => void): void {
    if (this.#isEmpty) return
    for (let a = 0; a < this.#slots; a++) {
      for (let word = a >>> 5; word < this.#width; word++) {
        let bits = this.#rows[a * this.#width + word] as number
        if (word === a >>> 5) bits &= -2 << (a & 31) // those above `a`
        for (; bits !== 0; bits &= bits - 1) each(a, WORD_BITS * word + 31 - Math.clz32(bits & -bits))
      }
    }
  }
}

/** Set bits of a word. */
function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
