/**
 * A parsed script: its constants, and each assertion and function body as a program for a stack of bit vectors. Programs are
 * straight-line and in the order of the text; only a call enters another program, of a function defined before. All of it is held as
 * tables of numbers, so that what is kept of a script stays within four times its bytes, whatever they say (docs/fuzzing.md).
 */
import type { Sort } from './operators.js'

/** Instructions, a byte each; behind it its operands, seven bits a byte, lowest first, and the highest bit set if more follow. */
export const INSTRUCTION = {
  /** constant: pushes it. */
  input: 1,
  /** byte offset of the digits, width: pushes a literal; hexadecimal if the byte before the digits is an x. */
  literal: 2,
  /** 0 or 1: pushes false or true. */
  boolean: 3,
  /** slot: pushes a copy of a parameter or let variable of the current function. */
  local: 4,
  /** k: the k values on top become the next k slots. */
  bind: 5,
  /** k: forgets the last k slots, which lie under the value on top. */
  unbind: 6,
  /** function, parameters: runs its program on the values on top and leaves its result in their place. */
  call: 7,
  /** operator, argument count, first index, second index: leaves the result in the place of the arguments. */
  apply: 8,
} as const

export interface BvConstant {
  /** As written in the canonical script, bars included. */
  readonly name: string
  readonly sort: Sort
  /** Node of its lowest bit; the others follow. Node n is variable n + 1 of the CNF. */
  readonly firstNode: number
}

/** ASCII, which is all that the grammar admits; names are short. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > 8) return String.fromCharCode(...bytes.subarray(from, to))
  let text = ''
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/** Rows of a few words, filled while a script is read. */
class Rows {
  readonly #width: number
  #words: Int32Array
  #length = 0

  constructor(width: number) {
    this.#width = width
    this.#words = new Int32Array(0)
  }

  get length(): number {
    return this.#length / this.#width
  }

  /** As many words as a row has. */
  add(...row: readonly number[]): void {
    if (this.#length + row.length > this.#words.length) this.#resize(Math.max(4 * row.length, 2 * this.#words.length))
    for (const word of row) this.#words[this.#length++] = word
  }

  /** Lets go of the room that was ahead. */
  settle(): void {
    this.#resize(this.#length)
  }

  #resize(words: number): void {
    const resized = new Int32Array(words)
    resized.set(this.#words.subarray(0, this.#length))
    this.#words = resized
  }

  word(row: number, column: number): number {
    return this.#words[row * this.#width + column] as number
  }
}

/** The constants in the order of their declarations. */
export class ConstantTable {
  readonly #bytes: Uint8Array
  readonly #rows = new Rows(4)

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#rows.length
  }

  /** The name is given by where it stands in the script. */
  add(nameFrom: number, nameTo: number, sort: Sort, firstNode: number): void {
    this.#rows.add(nameFrom, nameTo, sort, firstNode)
  }

  settle(): void {
    this.#rows.settle()
  }

  sortOf(constant: number): Sort {
    return this.#rows.word(constant, 2)
  }

  firstNodeOf(constant: number): number {
    return this.#rows.word(constant, 3)
  }

  *[Symbol.iterator](): Generator<BvConstant> {
    for (let k = 0; k < this.length; k++) {
      const [from, to] = [this.#rows.word(k, 0), this.#rows.word(k, 1)]
      yield { name: textOf(this.#bytes, from, to), sort: this.sortOf(k), firstNode: this.firstNodeOf(k) }
    }
  }
}

/** Programs by number: the bodies of the functions, or the assertions. */
export class ProgramTable {
  readonly #rows = new Rows(2)

  get length(): number {
    return this.#rows.length
  }

  /** It is the code from one offset to another. */
  add(from: number, to: number): void {
    this.#rows.add(from, to)
  }

  settle(): void {
    this.#rows.settle()
  }

  fromOf(program: number): number {
    return this.#rows.word(program, 0)
  }

  toOf(program: number): number {
    return this.#rows.word(program, 1)
  }
}

export interface BvScript {
  /** The canonical script. */
  readonly bytes: Uint8Array
  readonly code: Uint8Array
  readonly constants: ConstantTable
  /** Bodies of the functions, in the order of their definitions. */
  readonly functions: ProgramTable
  readonly assertions: ProgramTable
  /** Bits of all constants together. */
  readonly inputBits: number
}
