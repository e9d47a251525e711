/**
 * Whether a small script of bit vectors can be satisfied, by trying all values of its constants: what it says is read from its text and worked
 * out with integers, as SMT-LIB defines it. The kernel of `bvlrat/1` and its encoder make gates and clauses of the same text; so neither can
 * cover for the other.
 */

/** A symbol, or what stands between parentheses. */
type Term = string | readonly Term[]

interface Vector {
  readonly width: number
  /** Below 2^width. */
  readonly bits: number
}

type Value = boolean | Vector
type Values = ReadonlyMap<string, Value>

interface Declared {
  readonly name: string
  /** 0: Bool. */
  readonly width: number
}

/** So few that all values can be tried. */
const MOST_BITS = 12

/** A script that is none of those which this file knows: nothing is said of it. */
class Unknown extends Error {}

/** Null: it has other words than are known here, or too many bits. */
export function isContradiction(script: string): boolean | null {
  try {
    return holdsNowhere(script)
  } catch (error) {
    if (error instanceof Unknown) return null
    throw error
  }
}

function holdsNowhere(script: string): boolean {
  const commands = readAll(script)
  const constants = commands.flatMap(declaredIn)
  const assertions = commands.flatMap((command) => (command[0] === 'assert' ? [at(command, 1)] : []))
  const bits = constants.reduce((sum, { width }) => sum + Math.max(1, width), 0)
  if (bits > MOST_BITS) throw new Unknown(`${bits} bits`)
  for (let all = 0; all < 2 ** bits; all++) {
    const values = valuesIn(constants, all)
    if (assertions.every((assertion) => truth(evaluate(assertion, values)))) return false
  }
  return true
}

function valuesIn(constants: readonly Declared[], all: number): Values {
  let left = all
  return new Map(
    constants.map(({ name, width }) => {
      const range = 2 ** Math.max(1, width)
      const bits = left % range
      left = Math.floor(left / range)
      return [name, width === 0 ? bits === 1 : { width, bits }]
    }),
  )
}

// --- text ---------------------------------------------------------------------------------------------------------------

function readAll(text: string): readonly Term[] {
  const words = text.replaceAll('(', ' ( ').replaceAll(')', ' ) ').split(/\s+/).filter(Boolean)
  const terms: Term[] = []
  while (words.length > 0) terms.push(take(words))
  return terms
}

/** One from the front. */
function take(words: string[]): Term {
  const word = words.shift()
  if (word === undefined || word === ')') throw new Unknown('a parenthesis is missing')
  if (word !== '(') return word
  const parts: Term[] = []
  while (words[0] !== ')') parts.push(take(words))
  words.shift()
  return parts
}

function at(term: Term, position: number): Term {
  const part = typeof term === 'string' ? undefined : term[position]
  if (part === undefined) throw new Unknown('something is missing')
  return part
}

function declaredIn(command: Term): Declared[] {
  if (command[0] !== 'declare-const') return []
  const sort = at(command, 2)
  return [{ name: String(at(command, 1)), width: sort === 'Bool' ? 0 : Number(at(sort, 2)) }]
}

// --- what terms are worth -----------------------------------------------------------------------------------------------

function evaluate(term: Term, values: Values): Value {
  if (typeof term === 'string') return atom(term, values)
  const [operator, ...operands] = term
  return apply(
    String(operator),
    operands.map((operand) => evaluate(operand, values)),
  )
}

function atom(word: string, values: Values): Value {
  if (word.startsWith('#b')) return { width: word.length - 2, bits: Number.parseInt(word.slice(2), 2) }
  if (word === 'true' || word === 'false') return word === 'true'
  const value = values.get(word)
  if (value === undefined) throw new Unknown(word)
  return value
}

function truth(value: Value | undefined): boolean {
  if (typeof value !== 'boolean') throw new Unknown('expected a truth value')
  return value
}

function vector(value: Value | undefined): Vector {
  if (value === undefined || typeof value === 'boolean') throw new Unknown('expected a bit vector')
  return value
}

function apply(operator: string, operands: readonly Value[]): Value {
  switch (operator) {
    case 'not':
      return !truth(operands[0])
    case 'and':
      return operands.every(truth)
    case 'or':
      return operands.some(truth)
    case '=':
      return isSame(operands[0], operands[1])
    case 'distinct':
      return !isSame(operands[0], operands[1])
    case 'ite':
      return truth(operands[0]) ? vector(operands[1]) : vector(operands[2])
    default: {
      const [one, other] = [vector(operands[0]), vector(operands.at(-1))]
      if (one.width !== other.width || operands.length > 2) throw new Unknown('expected two of one width')
      return applyToVectors(operator, one, other)
    }
  }
}

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  if (typeof one === 'boolean') return one === truth(other)
  const [left, right] = [vector(one), vector(other)]
  if (left.width !== right.width) throw new Unknown('two widths')
  return left.bits === right.bits
}

/** With its sign, in two's complement. */
function signed({ width, bits }: Vector): number {
  return bits >= 2 ** (width - 1) ? bits - 2 ** width : bits
}

function applyToVectors(operator: string, one: Vector, other: Vector): Value {
  const [a, b, { width }] = [one.bits, other.bits, one]
  const range = 2 ** width
  const modulo = (bits: number): Vector => ({ width, bits: ((bits % range) + range) % range })
  switch (operator) {
    case 'bvult':
      return a < b
    case 'bvule':
      return a <= b
    case 'bvslt':
      return signed(one) < signed(other)
    case 'bvsle':
      return signed(one) <= signed(other)
    case 'bvnot':
      return modulo(-a - 1)
    case 'bvneg':
      return modulo(-a)
    case 'bvadd':
      return modulo(a + b)
    case 'bvsub':
      return modulo(a - b)
    case 'bvmul':
      return modulo(a * b)
    case 'bvudiv':
      return b === 0 ? modulo(-1) : modulo(Math.floor(a / b))
    case 'bvurem':
      return b === 0 ? one : modulo(a % b)
    case 'bvand':
      return modulo(a & b)
    case 'bvor':
      return modulo(a | b)
    case 'bvxor':
      return modulo(a ^ b)
    case 'bvshl':
      return b >= width ? modulo(0) : modulo(a * 2 ** b)
    case 'bvlshr':
      return modulo(Math.floor(a / 2 ** b))
    default:
      throw new Unknown(operator)
  }
}
