/**
 * Families of formulas, each determined by its parameters alone, with a satisfiable sibling for every refutable one:
 * what the demonstration network proves, and what it must refuse a "refutation" of.
 */
import { assert } from '@aethel/codec'
import { type Formula, FormulaBuilder } from './formula.js'

/**
 * `pigeons` into `holes`, no two in one: unsatisfiable for pigeons > holes (Cook and Reckhow 1979). Variable
 * `pigeon * holes + hole + 1`, both from 0. Clauses: one per pigeon, then per hole one per pair of pigeons in lexicographic order.
 */
export function pigeonhole(pigeons: number, holes: number): Formula {
  checkSize('pigeons', pigeons, 1, 64)
  checkSize('holes', holes, 1, 64)
  const builder = new FormulaBuilder()
  const at = Array.from({ length: pigeons }, () => builder.variableList(holes))
  for (const choices of at) builder.clause(...choices)
  for (let hole = 0; hole < holes; hole++) {
    for (let first = 0; first < pigeons; first++) {
      for (let second = first + 1; second < pigeons; second++) {
        builder.clause(-((at[first] as number[])[hole] as number), -((at[second] as number[])[hole] as number))
      }
    }
  }
  return builder.finish(`pigeonhole: ${pigeons} pigeons into ${holes} holes`)
}

/**
 * The parity of the same variables summed in two orders; the sums are said to differ (unsatisfiable) or to agree.
 * The second order is a shuffle drawn from `seed` (after Chew and Heule 2020).
 */
export function parityChains(variables: number, seed: number, sums: 'differ' | 'agree'): Formula {
  checkSize('variables', variables, 3, 1_000)
  const builder = new FormulaBuilder()
  const inputs = builder.variableList(variables)
  const sumOf = (order: readonly number[]): number => order.reduce((sum, input) => builder.xor(sum, input))
  const first = sumOf(inputs)
  const second = sumOf(shuffled(inputs, seed))
  builder.clause(first)
  builder.clause(sums === 'differ' ? -second : second)
  return builder.finish(`parity chains: ${variables} variables, shuffle ${seed}, the sums ${sums}`)
}

/**
 * One variable per edge of a grid that wraps around at its left and right side; at each vertex the parity of its edges is
 * its charge. The total charge is odd (unsatisfiable: each edge counts twice) or even (Tseitin 1968).
 */
export function gridParity(width: number, height: number, charge: 'odd' | 'even'): Formula {
  checkSize('width', width, 3, 100)
  checkSize('height', height, 2, 100)
  const builder = new FormulaBuilder()
  const edges = Array.from({ length: width * height }, (): number[] => [])
  const join = (a: number, b: number): void => {
    const edge = builder.variable()
    edges[a]?.push(edge)
    edges[b]?.push(edge)
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      join(y * width + x, y * width + ((x + 1) % width))
      if (y + 1 < height) join(y * width + x, (y + 1) * width + x)
    }
  }
  edges.forEach((around, vertex) => {
    builder.parity(around, vertex === 0 || (vertex === edges.length - 1 && charge === 'even') ? 1 : 0)
  })
  return builder.finish(`grid parity: ${width} by ${height}, ${charge} charge`)
}

/** a * b differs from b * a, for `bits`-bit array multipliers; `faulty` has an OR for one AND, so that they do differ. */
export function multiplierCommutativity(bits: number, second: 'sound' | 'faulty'): Formula {
  checkSize('bits', bits, 1, 32)
  const builder = new FormulaBuilder()
  const a = builder.variableList(bits)
  const b = builder.variableList(bits)
  assertDiffer(builder, multiply(builder, a, b, 'sound'), multiply(builder, b, a, second))
  return builder.finish(`multiplier commutativity: ${bits} bits, the second ${second}`)
}

/** (a + b) + c differs from a + (b + c) modulo 2^bits; `faulty` has an OR for one XOR. */
export function adderAssociativity(bits: number, second: 'sound' | 'faulty'): Formula {
  checkSize('bits', bits, 1, 64)
  const builder = new FormulaBuilder()
  const a = builder.variableList(bits)
  const b = builder.variableList(bits)
  const c = builder.variableList(bits)
  const left = add(builder, add(builder, a, b), c)
  const right = add(builder, a, add(builder, b, c))
  if (second === 'faulty') right[0] = builder.or(a[0] as number, builder.xor(b[0] as number, c[0] as number))
  assertDiffer(builder, left, right)
  return builder.finish(`adder associativity: ${bits} bits, the second ${second}`)
}

/** a * (b + c) differs from a * b + a * c modulo 2^bits; `faulty` has an OR for one AND. */
export function multiplierDistributivity(bits: number, second: 'sound' | 'faulty'): Formula {
  checkSize('bits', bits, 1, 32)
  const builder = new FormulaBuilder()
  const a = builder.variableList(bits)
  const b = builder.variableList(bits)
  const c = builder.variableList(bits)
  const low = (product: number[]): number[] => product.slice(0, bits)
  const left = low(multiply(builder, a, add(builder, b, c), 'sound'))
  const right = add(builder, low(multiply(builder, a, b, second)), low(multiply(builder, a, c, 'sound')))
  assertDiffer(builder, left, right)
  return builder.finish(`multiplier distributivity: ${bits} bits, the second ${second}`)
}

function checkSize(name: string, value: number, least: number, most: number): void {
  assert(Number.isInteger(value) && value >= least && value <= most, `${name} must be an integer in ${least}..${most}, got ${value}`)
}

/** Ripple-carry sum modulo 2^length, least significant bit first. */
function add(builder: FormulaBuilder, a: readonly number[], b: readonly number[]): number[] {
  const sum: number[] = []
  let carry = 0
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number
    const y = b[i] as number
    const half = builder.xor(x, y)
    sum.push(carry === 0 ? half : builder.xor(half, carry))
    if (i + 1 < a.length) carry = carry === 0 ? builder.and(x, y) : builder.majority(x, y, carry)
  }
  return sum
}

/** Array multiplier, 2 * bits wide: rows of partial products, added one under the other. */
function multiply(builder: FormulaBuilder, a: readonly number[], b: readonly number[], kind: 'sound' | 'faulty'): number[] {
  const product: number[] = []
  let row: number[] = []
  b.forEach((y, shift) => {
    const partial = a.map((x, i) => (kind === 'faulty' && shift === 0 && i === 0 ? builder.or(x, y) : builder.and(x, y)))
    const next: number[] = []
    let carry = 0
    partial.forEach((bit, i) => {
      const above = row[i] ?? 0
      if (above === 0) {
        // Nothing above: a carry, if there is one, is added alone.
        next.push(carry === 0 ? bit : builder.xor(bit, carry))
        carry = carry === 0 ? 0 : builder.and(bit, carry)
      } else {
        const half = builder.xor(bit, above)
        next.push(carry === 0 ? half : builder.xor(half, carry))
        carry = carry === 0 ? builder.and(bit, above) : builder.majority(bit, above, carry)
      }
    })
    if (carry !== 0) next.push(carry)
    product.push(next[0] as number)
    row = next.slice(1)
  })
  product.push(...row)
  return product
}

/** At least one pair of outputs differs. */
function assertDiffer(builder: FormulaBuilder, a: readonly number[], b: readonly number[]): void {
  assert(a.length === b.length, 'a miter compares words of one length')
  builder.clause(...a.map((bit, i) => builder.xor(bit, b[i] as number)))
}

/** Fisher-Yates with a 31-bit multiplicative generator (Lehmer; multiplier 48271, modulus 2^31-1). */
function shuffled(items: readonly number[], seed: number): number[] {
  const out = [...items]
  let state = (seed % 0x7fff_fffe) + 1
  for (let i = out.length - 1; i > 0; i--) {
    state = (state * 48_271) % 0x7fff_ffff
    const k = state % (i + 1)
    const item = out[i] as number
    out[i] = out[k] as number
    out[k] = item
  }
  return out
}
