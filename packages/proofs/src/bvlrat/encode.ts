/**
 * From a script to its CNF, the one that a refutation is about. Variable 1 is true, clause 1 says so; variable n + 1 is input
 * bit n; then come the gates that an assertion depends on, numbered without gaps in the order of creation. Clauses: those of
 * the gates (Tseitin 1968) in that order, then one unit clause per assertion. The CNF is satisfiable exactly if the script is,
 * and its input variables in any model are a model of the script.
 */
import { assert } from '@aethel/codec'
import type { Cnf } from '../lrat/cnf.js'
import type { Meter } from '../verifier.js'
import { GAS_CNF_WORD, GAS_MARK } from './gas.js'
import { allocateWords, GATE, GATE_WORDS, type GateGraph } from './gates.js'
import { runScript } from './machine.js'
import type { BvScript } from './script.js'

export interface EncodedScript {
  readonly cnf: Cnf
  /** Gates made, and how many of them an assertion depends on. */
  readonly gates: number
  readonly usedGates: number
}

/** Words of the clauses of a gate, counts included, by kind. */
const CLAUSE_WORDS = { [GATE.and]: 10, [GATE.xor]: 16, [GATE.ite]: 24, [GATE.maj]: 24 } as const
const CLAUSES = { [GATE.and]: 3, [GATE.xor]: 4, [GATE.ite]: 6, [GATE.maj]: 6 } as const
/** Variable 1 is true. */
const TRUE_CODE = 2
const CLAIM_HEADER_BYTES = 8

/** Encodes a script under a meter, which may throw `MeterExhausted`; so may `TooManyGates` come out. */
export function encodeScript(script: BvScript, meter: Meter): EncodedScript {
  const { gates, assertions } = runScript(script, meter)
  meter.charge(GAS_MARK * gates.count)
  allocateWords(meter, gates.count)
  const variables = usedVariables(gates, assertions)
  let words = 2 + 2 * assertions.length
  let clauses = 1 + assertions.length
  let used = 0
  for (let gate = 0; gate < gates.count; gate++) {
    if (variables[gate] === 0) continue
    const kind = gates.words[GATE_WORDS * gate] as keyof typeof CLAUSE_WORDS
    words += CLAUSE_WORDS[kind]
    clauses += CLAUSES[kind]
    used++
  }
  meter.charge(GAS_CNF_WORD * words)
  allocateWords(meter, words)
  const cnf = writeCnf(gates, variables, assertions, words, clauses)
  return { cnf, gates: gates.count, usedGates: used }
}

/** By gate: its variable, or 0 if no assertion depends on it. */
function usedVariables(gates: GateGraph, assertions: Int32Array): Int32Array {
  const { words, inputs } = gates
  const variables = new Int32Array(gates.count)
  const mark = (literal: number): void => {
    const gate = (literal >> 1) - inputs - 1
    if (gate >= 0) variables[gate] = 1
  }
  for (const literal of assertions) mark(literal)
  for (let gate = gates.count - 1; gate >= 0; gate--) {
    if (variables[gate] === 0) continue
    const at = GATE_WORDS * gate
    mark(words[at + 1] as number)
    mark(words[at + 2] as number)
    mark(words[at + 3] as number)
  }
  let next = inputs + 2
  for (let gate = 0; gate < gates.count; gate++) if (variables[gate] === 1) variables[gate] = next++
  return variables
}

function writeCnf(gates: GateGraph, variables: Int32Array, assertions: Int32Array, length: number, clauses: number): Cnf {
  const { words, inputs } = gates
  const out = new Int32Array(length)
  let at = 0
  let largest = 1
  /** A literal of the graph as one of the CNF: node 0 is false, variable 1 is true. */
  const code = (literal: number): number => {
    const node = literal >> 1
    if (node === 0) return TRUE_CODE | (literal ^ 1)
    const variable = node <= inputs ? node + 1 : (variables[node - inputs - 1] as number)
    if (variable > largest) largest = variable
    return 2 * variable + (literal & 1)
  }
  const unit = (x: number): void => {
    out[at++] = 1
    out[at++] = x
  }
  const two = (x: number, y: number): void => {
    out[at++] = 2
    out[at++] = x
    out[at++] = y
  }
  const three = (x: number, y: number, z: number): void => {
    out[at++] = 3
    out[at++] = x
    out[at++] = y
    out[at++] = z
  }
  /** For operands that are in no order: the three sorted. */
  const sorted = (x: number, y: number, z: number): void => {
    if (x < y) three(x, y, z)
    else three(y, x, z)
  }
  unit(TRUE_CODE)
  for (let gate = 0; gate < gates.count; gate++) {
    const variable = variables[gate] as number
    if (variable === 0) continue
    const from = GATE_WORDS * gate
    const a = code(words[from + 1] as number)
    const b = code(words[from + 2] as number)
    const o = 2 * variable
    switch (words[from]) {
      case GATE.and:
        two(a, o ^ 1)
        two(b, o ^ 1)
        three(a ^ 1, b ^ 1, o)
        break
      case GATE.xor:
        three(a, b, o ^ 1)
        three(a ^ 1, b ^ 1, o ^ 1)
        three(a ^ 1, b, o)
        three(a, b ^ 1, o)
        break
      case GATE.ite: {
        const c = code(words[from + 3] as number)
        sorted(a ^ 1, b ^ 1, o)
        sorted(a ^ 1, b, o ^ 1)
        sorted(a, c ^ 1, o)
        sorted(a, c, o ^ 1)
        sorted(b ^ 1, c ^ 1, o)
        sorted(b, c, o ^ 1)
        break
      }
      default: {
        assert(words[from] === GATE.maj, 'a gate of an unknown kind')
        const c = code(words[from + 3] as number)
        three(a, b, o ^ 1)
        three(a, c, o ^ 1)
        three(b, c, o ^ 1)
        three(a ^ 1, b ^ 1, o)
        three(a ^ 1, c ^ 1, o)
        three(b ^ 1, c ^ 1, o)
      }
    }
    if (variable > largest) largest = variable
  }
  for (const literal of assertions) unit(code(literal))
  assert(at === length, 'the CNF is not as long as counted')
  return { variables: largest, clauses, words: out, claimBytes: CLAIM_HEADER_BYTES + 4 * length }
}
