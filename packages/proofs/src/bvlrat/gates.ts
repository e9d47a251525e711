/**
 * The circuit: gates of four kinds over the script's input bits, no two alike. A literal is 2 * node + 1 if negated; node 0
 * is false, nodes 1 to `inputs` are input bits, every gate takes the next node. Each constructor first simplifies by the rules
 * that docs/proof-kinds/bvlrat.md lists, then looks for a gate with the same operands, and only then makes one. So the same
 * script makes the same gates in the same order everywhere.
 *
 * The table of gates is part of the specification, because a script can be written so that many gates fall on one place of
 * whatever table is used: each place looked at is paid for. In a large table a place is also far away in memory, unless a look-up
 * began there lately; that is paid for as well.
 */
import { assert } from '@aethel/codec'
import { GAS_MEMORY_WORD } from '../lrat/gas.js'
import type { Meter } from '../verifier.js'
import { GAS_BATCH, GAS_FAR_PLACE, GAS_GATE, GAS_LOOKUP, GAS_NEW_GATE, GAS_PROBE, MAX_INPUT_BITS, NEAR_ROOM, RECENT_PLACES } from './gas.js'

/** In the order of the numbers that enter the hash. */
export const GATE = { and: 0, xor: 1, ite: 2, maj: 3 } as const
export type GateKind = (typeof GATE)[keyof typeof GATE]

export const FALSE = 0
export const TRUE = 1
/** kind, three operands (the third is 0 where there are two). */
export const GATE_WORDS = 4
const FIRST_GATES = 256
/** Slots of the table per gate there is room for. */
const SLOTS_PER_GATE = 2
/** Inputs and gates together: literals then fit 31 bits, and variables those of `lrat/1`. */
const MAX_NODES: number = 2 * MAX_INPUT_BITS

export class TooManyGates extends Error {
  override readonly name = 'TooManyGates'
}

/** Puts memory on the meter, with the gas that clearing and copying it costs, as `lrat/1` does. */
export function allocateWords(meter: Meter, words: number): void {
  // Memory first: what is refused for its memory has not cost the time to clear it.
  meter.allocate(words)
  meter.charge(GAS_MEMORY_WORD * words)
}

export class GateGraph {
  readonly inputs: number
  readonly #meter: Meter
  #gates: Int32Array
  #count = 0
  /** Gate number + 1, or 0; linear probing. */
  #table: Int32Array
  #mask: number
  /** What a far look-up costs on top; 0 while the table is small. */
  #farPrice = 0
  /** Of large tables: the places where look-ups began lately, plus 1, each under its residue. */
  #recent = new Int32Array(0)
  /** Charges not yet on the meter; below GAS_BATCH whenever work goes on. */
  #owed = 0

  constructor(inputs: number, meter: Meter) {
    this.inputs = inputs
    this.#meter = meter
    const slots = SLOTS_PER_GATE * FIRST_GATES
    allocateWords(meter, GATE_WORDS * FIRST_GATES + slots)
    this.#gates = new Int32Array(GATE_WORDS * FIRST_GATES)
    this.#table = new Int32Array(slots)
    this.#mask = slots - 1
  }

  get count(): number {
    return this.#count
  }

  /** GATE_WORDS words per gate, in the order of creation. */
  get words(): Int32Array {
    return this.#gates
  }

  and(x: number, y: number): number {
    this.owe(GAS_GATE)
    return this.#and(x, y)
  }

  or(x: number, y: number): number {
    this.owe(GAS_GATE)
    return this.#and(x ^ 1, y ^ 1) ^ 1
  }

  xor(x: number, y: number): number {
    this.owe(GAS_GATE)
    return this.#xor(x, y)
  }

  /** `t` where `c` is true, else `e`. */
  ite(c: number, t: number, e: number): number {
    this.owe(GAS_GATE)
    if (c < 2) return c === TRUE ? t : e
    if ((c & 1) === 1) return this.#ite(c ^ 1, e, t)
    return this.#ite(c, t, e)
  }

  /** True where at least two of the three are. */
  maj(x: number, y: number, z: number): number {
    this.owe(GAS_GATE)
    let a = x
    let b = y
    let c = z
    let swap = 0
    if (a > b) {
      swap = a
      a = b
      b = swap
    }
    if (b > c) {
      swap = b
      b = c
      c = swap
      if (a > b) {
        swap = a
        a = b
        b = swap
      }
    }
    if (a === FALSE) return this.#and(b, c)
    if (a === TRUE) return this.#and(b ^ 1, c ^ 1) ^ 1
    if (a >> 1 === b >> 1) return a === b ? a : c
    if (b >> 1 === c >> 1) return b === c ? b : a
    // At most one operand of a gate is negated: with more, the gate of the negations, negated.
    const flip = (a & 1) + (b & 1) + (c & 1) >= 2 ? 1 : 0
    return (this.#node(GATE.maj, a ^ flip, b ^ flip, c ^ flip) << 1) | flip
  }

  #and(x: number, y: number): number {
    const a = x < y ? x : y
    const b = x < y ? y : x
    if (a === FALSE) return FALSE
    if (a === TRUE || a === b) return b
    if ((a ^ b) === 1) return FALSE
    return this.#node(GATE.and, a, b, 0) << 1
  }

  #xor(x: number, y: number): number {
    const sign = (x ^ y) & 1
    const a = x < y ? x & ~1 : y & ~1
    const b = x < y ? y & ~1 : x & ~1
    if (a === b) return sign
    if (a === FALSE) return b | sign
    return (this.#node(GATE.xor, a, b, 0) << 1) | sign
  }

  /** The condition is a node's positive literal, not a constant. */
  #ite(c: number, t: number, e: number): number {
    if (t === e) return t
    if ((t ^ e) === 1) return this.#xor(c, e)
    if (t === TRUE || t === c) return this.#and(c ^ 1, e ^ 1) ^ 1
    if (t === FALSE || t === (c ^ 1)) return this.#and(c ^ 1, e)
    if (e === FALSE || e === c) return this.#and(c, t)
    if (e === TRUE || e === (c ^ 1)) return this.#and(c, t ^ 1) ^ 1
    const sign = t & 1
    return (this.#node(GATE.ite, c, t ^ sign, e ^ sign) << 1) | sign
  }

  /** The node of a gate, found or made. */
  #node(kind: GateKind, a: number, b: number, c: number): number {
    const gates = this.#gates
    const table = this.#table
    const mask = this.#mask
    this.owe(GAS_LOOKUP)
    let slot = hashOf(kind, a, b, c) & mask
    if (this.#farPrice > 0) this.#payDistance(slot)
    for (;;) {
      const found = table[slot] as number
      if (found === 0) break
      const at = GATE_WORDS * (found - 1)
      if (gates[at + 1] === a && gates[at + 2] === b && gates[at + 3] === c && gates[at] === kind) return this.inputs + found
      this.owe(GAS_PROBE)
      slot = (slot + 1) & mask
    }
    this.owe(GAS_NEW_GATE)
    if (GATE_WORDS * this.#count === gates.length) {
      this.#grow()
      slot = this.#freeSlot(kind, a, b, c)
    }
    const at = GATE_WORDS * this.#count++
    this.#gates[at] = kind
    this.#gates[at + 1] = a
    this.#gates[at + 2] = b
    this.#gates[at + 3] = c
    this.#table[slot] = this.#count
    return this.inputs + this.#count
  }

  #payDistance(slot: number): void {
    const residue = slot & (RECENT_PLACES - 1)
    if (this.#recent[residue] === slot + 1) return
    this.#recent[residue] = slot + 1
    this.owe(this.#farPrice)
  }

  /** Places are others in another table, so nothing is near in a new one. */
  #measureDistance(room: number): void {
    if (room <= NEAR_ROOM) return
    if (this.#farPrice === 0) {
      allocateWords(this.#meter, RECENT_PLACES)
      this.#recent = new Int32Array(RECENT_PLACES)
    }
    this.#recent.fill(0)
    this.#farPrice += GAS_FAR_PLACE // rooms double
  }

  /** Twice the room; every gate finds its place in the new table, in the order of creation. */
  #grow(): void {
    const room = 2 * this.#count
    this.settle()
    if (this.inputs + room >= MAX_NODES) throw new TooManyGates(`the circuit has more than ${MAX_NODES} inputs and gates`)
    const slots = SLOTS_PER_GATE * room
    allocateWords(this.#meter, GATE_WORDS * room + slots)
    this.#measureDistance(room)
    const gates = new Int32Array(GATE_WORDS * room)
    gates.set(this.#gates)
    this.#gates = gates
    this.#table = new Int32Array(slots)
    this.#mask = slots - 1
    for (let gate = 0; gate < this.#count; gate++) {
      const at = GATE_WORDS * gate
      const slot = this.#freeSlot(gates[at] as number, gates[at + 1] as number, gates[at + 2] as number, gates[at + 3] as number)
      this.#table[slot] = gate + 1
    }
  }

  #freeSlot(kind: number, a: number, b: number, c: number): number {
    const mask = this.#mask
    let slot = hashOf(kind, a, b, c) & mask
    while (this.#table[slot] !== 0) {
      this.owe(GAS_PROBE)
      slot = (slot + 1) & mask
    }
    return slot
  }

  /** Collects a charge; puts it on the meter when there is a batch of them. */
  owe(gas: number): void {
    this.#owed += gas
    if (this.#owed >= GAS_BATCH) this.settle()
  }

  settle(): void {
    const owed = this.#owed
    this.#owed = 0
    this.#meter.charge(owed)
  }

  /** The operands' literals precede the gate's own node. */
  checkOrder(): void {
    for (let gate = 0; gate < this.#count; gate++) {
      for (let k = 1; k < GATE_WORDS; k++) {
        assert((this.#gates[GATE_WORDS * gate + k] as number) >> 1 <= this.inputs + gate, 'a gate reads a node that follows it')
      }
    }
  }
}

/** 32-bit multiplications and shifts only; part of the specification. */
export function hashOf(kind: number, a: number, b: number, c: number): number {
  let h = Math.imul(a + 4 * kind, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15) ^ b, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ c, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
