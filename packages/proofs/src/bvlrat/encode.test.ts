/**
 * The encoder says what the script says. Truth is decided by trying all assignments with an evaluator written from SMT-LIB's
 * definitions (test/slow-bv.js), which shares nothing with the encoder.
 */
import { describe, expect, test } from 'vitest'
import { randomScript } from '../../test/bv-generator.js'
import { bruteForce, readSlowScript, type Value, valuesOf } from '../../test/slow-bv.js'
import { type Formula, refute, toBinaryLrat } from '../instances/index.js'
import type { Cnf } from '../lrat/cnf.js'
import { createMeter } from '../meter.js'
import { scriptToClaim } from './canonical.js'
import { encodeScript } from './encode.js'
import { BVLRAT_LIMITS } from './gas.js'
import { GATE, GATE_WORDS } from './gates.js'
import { runScript } from './machine.js'
import { bitsOf, encodeWithin } from './model.js'
import { parseScript, widthOf } from './parse.js'
import type { BvScript } from './script.js'
import { checkBvlrat } from './verifier.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function parsed(text: string): BvScript {
  const claim = scriptToClaim(utf8(text))
  if (!claim.ok) throw new Error(`${claim.error.message}\n${text}`)
  const script = parseScript(claim.value)
  if (!script.ok) throw new Error(script.error.message)
  return script.value
}

function formulaOf(cnf: Cnf): Formula {
  const clauses: number[][] = []
  for (let at = 0; at < cnf.words.length; at += 1 + (cnf.words[at] as number)) {
    const count = cnf.words[at] as number
    clauses.push(Array.from(cnf.words.subarray(at + 1, at + 1 + count), (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
  }
  return { name: 'a script', variables: cnf.variables, clauses }
}

/** The gates with their meaning, for one assignment of the inputs (input bit k is bit k of `all`). */
function simulate(script: BvScript): (all: bigint) => { holds: boolean; nodes: Uint8Array } {
  const { gates, assertions } = runScript(script, createMeter(BVLRAT_LIMITS))
  return (all) => {
    const nodes = new Uint8Array(1 + gates.inputs + gates.count)
    for (let k = 0; k < gates.inputs; k++) nodes[k + 1] = Number((all >> BigInt(k)) & 1n)
    const value = (literal: number): number => (nodes[literal >> 1] as number) ^ (literal & 1)
    for (let gate = 0; gate < gates.count; gate++) {
      const [kind, a, b, c] = gates.words.subarray(GATE_WORDS * gate, GATE_WORDS * gate + 4) as unknown as [number, number, number, number]
      const [x, y, z] = [value(a), value(b), value(c)]
      const meaning = { [GATE.and]: x & y, [GATE.xor]: x ^ y, [GATE.ite]: x === 1 ? y : z, [GATE.maj]: x + y + z >= 2 ? 1 : 0 }
      nodes[1 + gates.inputs + gate] = meaning[kind as 0] as number
    }
    return { holds: assertions.every((literal) => value(literal) === 1), nodes }
  }
}

const bitCount = (script: BvScript): number => [...script.constants].reduce((sum, { sort }) => sum + widthOf(sort), 0)

const BOTH = (width: number): string => `(declare-const a (_ BitVec ${width}))(declare-const b (_ BitVec ${width}))`
const TWO = [
  ...['bvand', 'bvor', 'bvxor', 'bvnand', 'bvnor', 'bvxnor', 'bvadd', 'bvsub', 'bvmul', 'bvudiv', 'bvurem', 'bvsdiv', 'bvsrem', 'bvsmod'],
  ...['bvshl', 'bvlshr', 'bvashr'],
]
const RELATIONS = [
  ...['bvult', 'bvule', 'bvugt', 'bvuge', 'bvslt', 'bvsle', 'bvsgt', 'bvsge', '=', 'distinct'],
  ...['bvuaddo', 'bvsaddo', 'bvumulo', 'bvsmulo', 'bvusubo', 'bvssubo', 'bvsdivo'],
]

describe('every operator, all arguments of 1 to 4 bits, on gates and on constants', () => {
  const agree = (text: string, constant: (values: ReadonlyMap<string, Value>) => string): void => {
    const script = parsed(text)
    const slow = readSlowScript(text)
    const gates = simulate(script)
    for (let all = 0n; all < 1n << BigInt(bitCount(script)); all++) {
      const values = valuesOf(slow, all)
      expect(gates(all).holds, `${text} at ${all}`).toBe(slow.holds(values))
      // The same with literals for the constants, which must fold to a unit clause on the constant.
      const folded = encodeScript(parsed(constant(values)), createMeter(BVLRAT_LIMITS))
      expect(Array.from(folded.cnf.words)).toEqual([1, 2, 1, slow.holds(values) ? 2 : 3])
    }
  }
  const literal = (value: Value | undefined): string =>
    typeof value === 'object' ? `#b${value.n.toString(2).padStart(value.width, '0')}` : String(value)

  test.each(TWO)('%s', (name) => {
    for (const width of [1, 2, 3]) {
      // With the result as a constant of its own, the assertion shows the whole vector.
      const result = `(declare-const r (_ BitVec ${width}))`
      agree(
        `${BOTH(width)}${result}(assert (= (${name} a b) r))`,
        (values) => `(assert (= (${name} ${literal(values.get('a'))} ${literal(values.get('b'))}) ${literal(values.get('r'))}))`,
      )
    }
    const text = `${BOTH(4)}(assert (= (${name} a b) (bvxor a #x5)))`
    const at = (values: ReadonlyMap<string, Value>) =>
      `(assert (= (${name} ${literal(values.get('a'))} ${literal(values.get('b'))}) (bvxor ${literal(values.get('a'))} #x5)))`
    agree(text, at)
  })

  test.each(RELATIONS)('%s', (name) => {
    for (const width of [1, 2, 3, 4]) {
      agree(
        `${BOTH(width)}(assert (${name} a b))`,
        (values) => `(assert (${name} ${literal(values.get('a'))} ${literal(values.get('b'))}))`,
      )
    }
  })

  test.each([
    'bvnot',
    'bvneg',
    '(_ zero_extend 0)',
    '(_ zero_extend 2)',
    '(_ sign_extend 3)',
    '(_ rotate_left 1)',
    '(_ rotate_left 7)',
    '(_ rotate_right 1)',
    '(_ rotate_right 6)',
    '(_ repeat 1)',
    '(_ repeat 3)',
    '(_ extract 0 0)',
  ])('%s', (name) => {
    for (const width of name.includes('repeat') ? [1, 2, 3] : [1, 2, 3, 4]) {
      const by = Number(name.split(' ')[2]?.replace(')', ''))
      const out = name.includes('extend') ? width + by : name.includes('repeat') ? width * by : name.includes('extract') ? 1 : width
      const declared = `(declare-const a (_ BitVec ${width}))(declare-const r (_ BitVec ${out}))`
      agree(
        `${declared}(assert (= (${name} a) r))`,
        (values) => `(assert (= (${name} ${literal(values.get('a'))}) ${literal(values.get('r'))}))`,
      )
    }
  })

  test('extract, concat, bvcomp, bvnego, ite, and the connectives', () => {
    const declared = '(declare-const a (_ BitVec 3))(declare-const b (_ BitVec 2))(declare-const p Bool)(declare-const q Bool)'
    for (const formula of [
      '(= ((_ extract 2 1) a) b)',
      '(= ((_ extract 1 0) a) b)',
      '(= (concat b a) (concat a b))',
      '(= (concat a b #b1) #b101101)',
      '(= (bvcomp a (concat p1 b)) #b1)',
      '(bvnego a)',
      '(= (ite p a (concat #b0 b)) #b011)',
      '(=> p q (bvult b #b10))',
      '(xor p q (bvult b #b10))',
      '(or p q (bvult b #b10))',
      '(and p q (bvult b #b10))',
      '(= p q (bvult b #b10))',
      '(distinct p q)',
      '(distinct p q (bvult b #b10))',
      '(distinct b #b01 ((_ extract 1 0) a))',
      '(let ((p q) (q p)) (and p (not q)))',
    ]) {
      const text = `${declared}(declare-const p1 (_ BitVec 1))(assert ${formula})`
      const script = parsed(text)
      const slow = readSlowScript(text)
      const gates = simulate(script)
      for (let all = 0n; all < 1n << BigInt(bitCount(script)); all++) {
        expect(gates(all).holds, `${formula} at ${all}`).toBe(slow.holds(valuesOf(slow, all)))
      }
    }
  })
})

/** Stacks grow at 1,024 bits and at each doubling: whatever is being built then must come out as it does elsewhere. */
describe('what a term becomes does not depend on what lies below it on the stack, nor on where that stack grows', () => {
  const words = (text: string): Int32Array => encodeScript(parsed(text), createMeter(BVLRAT_LIMITS)).cnf.words
  const TERMS = [
    ...['true', 'false', '(and p true)', '(=> false p)', '(= p true)', '(ite p true false)', '(distinct p false)', '(= #b101 a)'],
    ...TWO.map((name) => `(= (${name} a b) b)`),
    ...RELATIONS.map((name) => `(${name} a b)`),
    ...['bvnot', 'bvneg', '(_ rotate_left 1)'].map((name) => `(= (${name} a) b)`),
    ...['(bvnego a)', '(= (bvcomp a b) #b1)', '(= (concat a b) (concat b a))', '(= ((_ repeat 2) a) ((_ sign_extend 3) b))'],
  ]

  test.each(TERMS)('%s', (term) => {
    for (let below = 985; below <= 1024; below++) {
      const declared = `(declare-const p Bool)${BOTH(3)}(declare-const below (_ BitVec ${below}))`
      const deep = `(define-fun deep ((x (_ BitVec ${below})) (y Bool)) Bool y)`
      expect(words(`${declared}${deep}(assert (deep below ${term}))`), `above ${below} bits`).toEqual(words(`${declared}(assert ${term})`))
    }
  })

  test.each(['bvumulo', 'bvsmulo'])('%s of 128 bits and more may overflow, and of small numbers does not', (name) => {
    for (const width of [127, 128, 129, 256]) {
      const number = (n: number): string => `((_ zero_extend ${width - 4}) #x${n})`
      expect(Array.from(words(`(assert (${name} ${number(3)} ${number(5)}))`).slice(-2)), `${width}`).toEqual([1, 3])
      const large = `(concat #x7 ((_ zero_extend ${width - 5}) #b0))`
      expect(Array.from(words(`(assert (${name} ${large} ${large}))`).slice(-2)), `${width}`).toEqual([1, 2])
      const claim = `${BOTH(width)}(assert (${name} a b))`
      expect(checkBvlrat(utf8(claim), utf8('9999999 0 1 2 0\n')), `${width}`).toMatchObject({ status: 'invalid' })
    }
  })
})

describe('random scripts of at most twelve bits', () => {
  const OPTIONS = { constants: 3, depth: 4, assertions: 2, overflowPredicates: true, naryVectors: true }
  const scripts = Array.from({ length: 400 }, (_, seed) => {
    const widths = seed % 2 === 0 ? [1, 2, 3] : [2, 4]
    return { seed, text: randomScript(seed, { ...OPTIONS, widths, constants: 2 + (seed % 2) }) }
  })

  test('the gates agree with the evaluator on every assignment, and so do the clauses', () => {
    for (const { seed, text } of scripts.slice(0, 80)) {
      const script = parsed(text)
      const slow = readSlowScript(text)
      const run = simulate(script)
      const { cnf } = encodeScript(script, createMeter(BVLRAT_LIMITS))
      const { clauses } = formulaOf(cnf)
      const numbering = variablesOf(script)
      for (let all = 0n; all < 1n << BigInt(bitCount(script)); all++) {
        const { holds, nodes } = run(all)
        expect(holds, `seed ${seed} at ${all}`).toBe(slow.holds(valuesOf(slow, all)))
        const truth = (literal: number): boolean => (numbering(nodes, Math.abs(literal)) === 1) === literal > 0
        expect(clauses.every((clause) => clause.some(truth))).toBe(holds)
      }
    }
  })

  test('the CNF is satisfiable exactly if the script is, models map back, and refutations check', () => {
    let refuted = 0
    for (const { seed, text } of scripts) {
      const script = parsed(text)
      const slow = readSlowScript(text)
      const encoded = encodeWithin(script)
      if (!encoded.ok) throw new Error(encoded.error.message)
      const outcome = refute(formulaOf(encoded.value.cnf), { conflicts: 100_000 })
      if (outcome.status === 'satisfiable') {
        const values = new Map<string, Value>()
        for (const constant of script.constants) {
          const bits = bitsOf(constant, (variable) => outcome.model[variable] === true)
          values.set(constant.name, constant.sort === 0 ? bits === '1' : { n: BigInt(`0b${bits}`), width: constant.sort })
        }
        expect(slow.holds(values), `seed ${seed}`).toBe(true)
        continue
      }
      if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
      refuted++
      expect(bruteForce(slow), `seed ${seed}`).toBeNull()
      expect(checkBvlrat(utf8(text), toBinaryLrat(outcome.steps)), `seed ${seed}`).toMatchObject({ status: 'valid' })
    }
    expect(refuted).toBeGreaterThan(50)
    expect(refuted).toBeLessThan(350)
  })
})

/** The value of a CNF variable among node values: variable 1 is true, inputs follow, then the used gates in order. */
function variablesOf(script: BvScript): (nodes: Uint8Array, variable: number) => number {
  const { gates, assertions } = runScript(script, createMeter(BVLRAT_LIMITS))
  const used = new Set<number>()
  const pending = Array.from(assertions, (literal) => literal >> 1)
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node <= gates.inputs || used.has(node)) continue
    used.add(node)
    const at = GATE_WORDS * (node - gates.inputs - 1)
    for (let k = 1; k < GATE_WORDS; k++) pending.push((gates.words[at + k] as number) >> 1)
  }
  const order = [...used].sort((a, b) => a - b)
  return (nodes, variable) => {
    if (variable === 1) return 1
    const node = variable - 1 <= gates.inputs ? variable - 1 : order[variable - 2 - gates.inputs]
    return nodes[node as number] as number
  }
}

test('E6: constants, functions and slots by the thousand keep their numbers, in a program no longer than its text', () => {
  const count = 20_000
  const names = Array.from({ length: count }, (_, k) => `c${k}`)
  const declared = names.map((name) => `(declare-const ${name} Bool)\n`)
  const defined = names.map((name, k) => `(define-fun f${k} () Bool (not ${name}))\n`)
  const asserted = names.map((_, k) => `(assert f${count - 1 - k})\n`)
  const bound = names.map((name, k) => `(l${k} ${name})`)
  const text = `(set-logic QF_BV)\n${declared.join('')}${defined.join('')}${asserted.join('')}(assert (let (${bound.join(' ')}) (and l0 l127 l128 l16384 l19999)))\n(check-sat)\n`
  const script = parsed(text)
  expect([...script.constants].map(({ name }) => name)).toEqual(names)
  expect(script.code.byteLength).toBeLessThan(text.length)
  const encoded = encodeWithin(script)
  if (!encoded.ok) throw new Error(encoded.error.message)
  const units: number[] = []
  const { words } = encoded.value.cnf
  for (let at = 0; at < words.length; at += 1 + (words[at] as number)) if (words[at] === 1) units.push(words[at + 1] as number)
  // Variable 1 is true, c0 is variable 2; each assertion says that one of them is false, and the last is a gate.
  expect(units.slice(1, -1)).toEqual(names.map((_, k) => 2 * (count + 1 - k) + 1))
  for (const k of [0, 127, 128, 16_384, 19_999]) expect(words.includes(2 * (k + 2)), `c${k}`).toBe(true)
})
