/**
 * A statement as the kernel sees it: one run of integers. Symbols are constants (the token's id, >= 0) or variables
 * (~slot, < 0), where a variable's slot is the position of its `$f` among the statement's hypotheses. So a variable
 * has no name here, a substitution is an array indexed by slot, and no variable can be taken for a constant.
 *
 *   [0] words of the whole record   [1] H hypotheses   [2] D disjoint pairs   [3] A symbols of the assertion
 *   H words: typecode (>= 0) of a `$f`, or ~offset of an `$e`, relative to the record
 *   2 D words: slots a < b, pairs in increasing order, none twice
 *   A words: the assertion, typecode first
 *   per `$e`, at its offset: its length, then its symbols, typecode first
 */
import { IntVector } from './integers.js'

export const RECORD_WORDS = 0
export const RECORD_HYPOTHESES = 1
export const RECORD_PAIRS = 2
export const RECORD_ASSERTION = 3
export const RECORD_HEADER = 4

/** Collects one statement's parts in any order and lays them out; used again for the next one. */
export class RecordBuilder {
  readonly #hypotheses = new IntVector(64)
  readonly #pairs = new IntVector(64)
  readonly #assertion = new IntVector(256)
  readonly #essentials = new IntVector(256)
  #target = this.#assertion

  begin(): void {
    this.#hypotheses.length = 0
    this.#pairs.length = 0
    this.#assertion.length = 0
    this.#essentials.length = 0
    this.#target = this.#assertion
  }

  get hypotheses(): number {
    return this.#hypotheses.length
  }

  isFloating(slot: number): boolean {
    return slot < this.#hypotheses.length && this.#hypotheses.at(slot) >= 0
  }

  floating(typecode: number): void {
    this.#hypotheses.push(typecode)
  }

  /** The `symbol` calls up to the next `essential` or `assertion` are this hypothesis. */
  essential(length: number): void {
    this.#hypotheses.push(~this.#essentials.length)
    this.#essentials.push(length)
    this.#target = this.#essentials
  }

  assertion(): void {
    this.#target = this.#assertion
  }

  symbol(symbol: number): void {
    this.#target.push(symbol)
  }

  pair(a: number, b: number): void {
    this.#pairs.push(a)
    this.#pairs.push(b)
  }

  /** Appends the record to `out` and returns where it starts. */
  finish(out: IntVector): number {
    const hypotheses = this.#hypotheses.length
    const essentialsAt = RECORD_HEADER + hypotheses + this.#pairs.length + this.#assertion.length
    const words = essentialsAt + this.#essentials.length
    const at = out.extend(words)
    const data = out.data
    data[at + RECORD_WORDS] = words
    data[at + RECORD_HYPOTHESES] = hypotheses
    data[at + RECORD_PAIRS] = this.#pairs.length / 2
    data[at + RECORD_ASSERTION] = this.#assertion.length
    let to = at + RECORD_HEADER
    for (let i = 0; i < hypotheses; i++) {
      const code = this.#hypotheses.at(i)
      data[to++] = code >= 0 ? code : ~(essentialsAt + ~code)
    }
    for (const part of [this.#pairs, this.#assertion, this.#essentials]) {
      const source = part.data
      for (let i = 0; i < part.length; i++) data[to++] = source[i] as number
    }
    return at
  }
}
