/**
 * A parsed script: its constants, and each assertion and function body as a program for a stack of bit vectors. Programs are
 * straight-line and in the order of the text; only a call enters another program, of a function defined before.
 */
import type { Sort } from './operators.js'

/** Instructions with their operands, all in one Int32Array. */
export const INSTRUCTION = {
  /** first node, width: pushes a constant. */
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

export interface Program {
  readonly from: number
  readonly to: number
}

export interface BvConstant {
  /** As written in the canonical script, bars included. */
  readonly name: string
  readonly sort: Sort
  /** Node of its lowest bit; the others follow. Node n is variable n + 1 of the CNF. */
  readonly firstNode: number
}

export interface BvFunction {
  readonly name: string
  readonly parameters: readonly Sort[]
  readonly sort: Sort
  readonly body: Program
}

export interface BvScript {
  /** The canonical script. */
  readonly bytes: Uint8Array
  readonly code: Int32Array
  readonly constants: readonly BvConstant[]
  readonly functions: readonly BvFunction[]
  readonly assertions: readonly Program[]
  /** Bits of all constants together. */
  readonly inputBits: number
}
