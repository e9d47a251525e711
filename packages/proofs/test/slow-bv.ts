/**
 * For tests only: what a QF_BV script means, by SMT-LIB's definitions over integers, and whether it has a model, by trying all
 * assignments. Recursive, without gates or bits, and shares no code with the kernel.
 */
export type Tree = string | readonly Tree[]
/** A Boolean, or a vector as its unsigned value with its width. */
export type Value = boolean | { readonly n: bigint; readonly width: number }

export function readTrees(text: string): Tree[] {
  const tokens = text.replaceAll(/;[^\n]*/g, '').match(/\(|\)|\|[^|]*\||"[^"]*"|[^\s()]+/g) ?? []
  let at = 0
  const one = (): Tree => {
    const token = tokens[at++]
    if (token !== '(') return token ?? ''
    const items: Tree[] = []
    while (tokens[at] !== ')') items.push(one())
    at++
    return items
  }
  const trees: Tree[] = []
  while (at < tokens.length) trees.push(one())
  return trees
}

type Scope = ReadonlyMap<string, Value>
interface Defined {
  readonly parameters: readonly string[]
  readonly body: Tree
}

export interface SlowScript {
  /** Width 0: Bool. */
  readonly constants: readonly { readonly name: string; readonly width: number }[]
  /** Whether all assertions hold. */
  holds(values: ReadonlyMap<string, Value>): boolean
}

export function readSlowScript(text: string): SlowScript {
  const constants: { name: string; width: number }[] = []
  const functions = new Map<string, Defined>()
  const assertions: Tree[] = []
  const widthOf = (sort: Tree): number => (sort === 'Bool' ? 0 : Number((sort as Tree[])[2]))
  for (const tree of readTrees(text)) {
    const [command, ...rest] = tree as Tree[]
    if (command === 'declare-const') constants.push({ name: rest[0] as string, width: widthOf(rest[1] as Tree) })
    else if (command === 'declare-fun') constants.push({ name: rest[0] as string, width: widthOf(rest[2] as Tree) })
    else if (command === 'define-fun')
      functions.set(rest[0] as string, { parameters: (rest[1] as Tree[][]).map((p) => p[0] as string), body: rest[3] as Tree })
    else if (command === 'assert') assertions.push(rest[0] as Tree)
  }
  return { constants, holds: (values) => assertions.every((tree) => evaluate(tree, values, functions) === true) }
}

/** A model if there is one among all assignments. */
export function bruteForce(script: SlowScript): Map<string, Value> | null {
  const bits = script.constants.reduce((sum, { width }) => sum + Math.max(1, width), 0)
  if (bits > 20) throw new Error(`${bits} bits are too many to try`)
  for (let all = 0n; all < 1n << BigInt(bits); all++) {
    let rest = all
    const values = new Map<string, Value>()
    for (const { name, width } of script.constants) {
      const size = BigInt(Math.max(1, width))
      values.set(name, width === 0 ? (rest & 1n) === 1n : { n: rest & ((1n << size) - 1n), width })
      rest >>= size
    }
    if (script.holds(values)) return values
  }
  return null
}

function evaluate(tree: Tree, scope: Scope, functions: ReadonlyMap<string, Defined>): Value {
  if (typeof tree === 'string') {
    const local = scope.get(tree)
    if (local !== undefined) return local
    if (tree === 'true' || tree === 'false') return tree === 'true'
    if (tree.startsWith('#x')) return { n: BigInt(`0x${tree.slice(2)}`), width: 4 * (tree.length - 2) }
    if (tree.startsWith('#b')) return { n: BigInt(`0b${tree.slice(2)}`), width: tree.length - 2 }
    const constant = functions.get(tree)
    if (constant === undefined) throw new Error(`unknown symbol ${tree}`)
    return evaluate(constant.body, globalsOf(scope), functions)
  }
  const [head, ...rest] = tree
  if (head === '_') return { n: BigInt((rest[0] as string).slice(2)), width: Number(rest[1]) }
  if (head === '!') return evaluate(rest[0] as Tree, scope, functions)
  if (head === 'let') {
    const inner = new Map(scope)
    for (const [name, term] of rest[0] as [string, Tree][]) inner.set(name, evaluate(term, scope, functions))
    return evaluate(rest[1] as Tree, inner, functions)
  }
  if (typeof head !== 'string') {
    const [, name, ...indices] = head as string[]
    return indexed(name as string, indices.map(Number), evaluate(rest[0] as Tree, scope, functions) as Vector)
  }
  const values = rest.map((argument) => evaluate(argument, scope, functions))
  const called = functions.get(head)
  if (called === undefined) return apply(head, values)
  const inner = new Map(globalsOf(scope))
  called.parameters.forEach((name, i) => {
    inner.set(name, values[i] as Value)
  })
  return evaluate(called.body, inner, functions)
}

/** Test scripts give locals names that begin with `l` and constants others, so that a body can be evaluated in a caller's scope. */
function globalsOf(scope: Scope): Map<string, Value> {
  return new Map([...scope].filter(([name]) => !name.startsWith('l')))
}

type Vector = { readonly n: bigint; readonly width: number }

const modulus = (width: number): bigint => 1n << BigInt(width)
const vector = (n: bigint, width: number): Vector => ({ n: ((n % modulus(width)) + modulus(width)) % modulus(width), width })
const signed = ({ n, width }: Vector): bigint => (n >= modulus(width) / 2n ? n - modulus(width) : n)
const same = (a: Value, b: Value): boolean => (typeof a === 'boolean' || typeof b === 'boolean' ? a === b : a.n === b.n)

function indexed(name: string, [i = 0, j = 0]: readonly number[], a: Vector): Vector {
  switch (name) {
    case 'extract':
      return vector(a.n / modulus(j), i - j + 1)
    case 'zero_extend':
      return vector(a.n, a.width + i)
    case 'sign_extend':
      return vector(signed(a), a.width + i)
    case 'rotate_left': {
      const by = i % a.width
      return vector(a.n * modulus(by) + a.n / modulus(a.width - by), a.width)
    }
    case 'rotate_right': {
      const by = i % a.width
      return vector(a.n / modulus(by) + a.n * modulus(a.width - by), a.width)
    }
    case 'repeat': {
      let n = 0n
      for (let k = 0; k < i; k++) n = n * modulus(a.width) + a.n
      return vector(n, a.width * i)
    }
    default:
      throw new Error(`unknown operator ${name}`)
  }
}

function apply(name: string, values: readonly Value[]): Value {
  const booleans = values as boolean[]
  switch (name) {
    case 'not':
      return !booleans[0]
    case 'and':
      return booleans.every((b) => b)
    case 'or':
      return booleans.some((b) => b)
    case 'xor':
      return booleans.filter((b) => b).length % 2 === 1
    case '=>':
      return booleans.slice(0, -1).some((b) => !b) || booleans.at(-1) === true
    case '=':
      return values.every((b) => same(b, values[0] as Value))
    case 'distinct':
      return values.every((a, i) => values.every((b, k) => i === k || !same(a, b)))
    case 'ite':
      return (booleans[0] ? values[1] : values[2]) as Value
    default:
      return (values as Vector[]).length === 1
        ? unary(name, values[0] as Vector)
        : (values as Vector[]).reduce((a, b) => binary(name, a, b) as Vector)
  }
}

function unary(name: string, a: Vector): Value {
  switch (name) {
    case 'bvnot':
      return vector(-1n - a.n, a.width)
    case 'bvneg':
      return vector(-a.n, a.width)
    case 'bvnego':
      return a.n === modulus(a.width) / 2n
    default:
      throw new Error(`unknown operator ${name}`)
  }
}

const udiv = (a: Vector, b: Vector): Vector => (b.n === 0n ? vector(-1n, a.width) : vector(a.n / b.n, a.width))
const urem = (a: Vector, b: Vector): Vector => (b.n === 0n ? a : vector(a.n % b.n, a.width))
const negated = (a: Vector): Vector => vector(-a.n, a.width)
const inRange = (n: bigint, width: number): boolean => n >= -modulus(width) / 2n && n < modulus(width) / 2n

/** The standard's own case distinctions. */
function binary(name: string, a: Vector, b: Vector): Value {
  const { width } = a
  const negativeA = signed(a) < 0n
  const negativeB = signed(b) < 0n
  switch (name) {
    case 'bvand':
      return vector(a.n & b.n, width)
    case 'bvor':
      return vector(a.n | b.n, width)
    case 'bvxor':
      return vector(a.n ^ b.n, width)
    case 'bvnand':
      return vector(-1n - (a.n & b.n), width)
    case 'bvnor':
      return vector(-1n - (a.n | b.n), width)
    case 'bvxnor':
      return vector(-1n - (a.n ^ b.n), width)
    case 'bvadd':
      return vector(a.n + b.n, width)
    case 'bvsub':
      return vector(a.n - b.n, width)
    case 'bvmul':
      return vector(a.n * b.n, width)
    case 'bvudiv':
      return udiv(a, b)
    case 'bvurem':
      return urem(a, b)
    case 'bvsdiv':
      if (!negativeA && !negativeB) return udiv(a, b)
      if (negativeA && !negativeB) return negated(udiv(negated(a), b))
      if (!negativeA && negativeB) return negated(udiv(a, negated(b)))
      return udiv(negated(a), negated(b))
    case 'bvsrem':
      if (!negativeA && !negativeB) return urem(a, b)
      if (negativeA && !negativeB) return negated(urem(negated(a), b))
      if (!negativeA && negativeB) return urem(a, negated(b))
      return negated(urem(negated(a), negated(b)))
    case 'bvsmod': {
      const u = urem(negativeA ? negated(a) : a, negativeB ? negated(b) : b)
      if (u.n === 0n) return u
      if (!negativeA && !negativeB) return u
      if (negativeA && !negativeB) return vector(b.n - u.n, width)
      if (!negativeA && negativeB) return vector(u.n + b.n, width)
      return negated(u)
    }
    case 'bvshl':
      return b.n >= BigInt(width) ? vector(0n, width) : vector(a.n << b.n, width)
    case 'bvlshr':
      return b.n >= BigInt(width) ? vector(0n, width) : vector(a.n >> b.n, width)
    case 'bvashr':
      return vector(signed(a) >> (b.n >= BigInt(width) ? BigInt(width) : b.n), width)
    case 'bvult':
      return a.n < b.n
    case 'bvule':
      return a.n <= b.n
    case 'bvugt':
      return a.n > b.n
    case 'bvuge':
      return a.n >= b.n
    case 'bvslt':
      return signed(a) < signed(b)
    case 'bvsle':
      return signed(a) <= signed(b)
    case 'bvsgt':
      return signed(a) > signed(b)
    case 'bvsge':
      return signed(a) >= signed(b)
    case 'bvcomp':
      return { n: a.n === b.n ? 1n : 0n, width: 1 }
    case 'concat':
      return { n: a.n * modulus(b.width) + b.n, width: width + b.width }
    case 'bvuaddo':
      return a.n + b.n >= modulus(width)
    case 'bvsaddo':
      return !inRange(signed(a) + signed(b), width)
    case 'bvusubo':
      return a.n < b.n
    case 'bvssubo':
      return !inRange(signed(a) - signed(b), width)
    case 'bvumulo':
      return a.n * b.n >= modulus(width)
    case 'bvsmulo':
      return !inRange(signed(a) * signed(b), width)
    case 'bvsdivo':
      return signed(a) === -modulus(width) / 2n && signed(b) === -1n
    default:
      throw new Error(`unknown operator ${name}`)
  }
}
