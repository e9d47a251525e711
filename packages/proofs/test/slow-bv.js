/**
 * For tests and the fuzzer only: what a QF_BV script means, by SMT-LIB's definitions over integers, and whether it has a model, by
 * trying all assignments. Recursive, without gates or bits, and shares no code with the kernel.
 *
 * @typedef {string | readonly Tree[]} Tree
 * @typedef {{ readonly n: bigint, readonly width: number }} Vector an unsigned value with its width
 * @typedef {boolean | Vector} Value
 * @typedef {ReadonlyMap<string, Value>} Scope
 * @typedef {{ readonly constants: Scope, readonly functions: ReadonlyMap<string, { parameters: readonly string[], body: Tree }> }} World
 * @typedef {{ readonly name: string, readonly width: number }} SlowConstant width 0: Bool
 * @typedef {{ readonly constants: readonly SlowConstant[], holds(values: Scope): boolean }} SlowScript
 */

/** @param {string} text @returns {Tree[]} */
export function readTrees(text) {
  const tokens = text.replaceAll(/;[^\n]*/g, '').match(/\(|\)|\|[^|]*\||"[^"]*"|[^\s()]+/g) ?? []
  let at = 0
  /** @returns {Tree} */
  const one = () => {
    const token = tokens[at++]
    if (token !== '(') return token ?? ''
    const items = []
    while (tokens[at] !== ')') items.push(one())
    at++
    return items
  }
  const trees = []
  while (at < tokens.length) trees.push(one())
  return trees
}

/** @param {string} text a script that is known to be well-sorted @returns {SlowScript} */
export function readSlowScript(text) {
  /** @type {SlowConstant[]} */
  const constants = []
  /** @type {Map<string, { parameters: readonly string[], body: Tree }>} */
  const functions = new Map()
  /** @type {Tree[]} */
  const assertions = []
  const widthOf = (/** @type {any} */ sort) => (sort === 'Bool' ? 0 : Number(sort[2]))
  for (const tree of readTrees(text)) {
    const [command, ...rest] = /** @type {any[]} */ (tree)
    if (command === 'declare-const') constants.push({ name: rest[0], width: widthOf(rest[1]) })
    else if (command === 'declare-fun') constants.push({ name: rest[0], width: widthOf(rest[2]) })
    else if (command === 'define-fun')
      functions.set(rest[0], { parameters: rest[1].map((/** @type {any[]} */ parameter) => parameter[0]), body: rest[3] })
    else if (command === 'assert') assertions.push(rest[0])
  }
  return {
    constants,
    holds: (values) => assertions.every((tree) => evaluate(tree, new Map(), { constants: values, functions }) === true),
  }
}

/** Bits of all constants together. @param {SlowScript} script */
export function bitCount(script) {
  return script.constants.reduce((sum, { width }) => sum + Math.max(1, width), 0)
}

/** Values of constants from the bits of a number. @param {SlowScript} script @param {bigint} all @returns {Map<string, Value>} */
export function valuesOf(script, all) {
  let rest = all
  /** @type {Map<string, Value>} */
  const values = new Map()
  for (const { name, width } of script.constants) {
    const size = BigInt(Math.max(1, width))
    values.set(name, width === 0 ? (rest & 1n) === 1n : { n: rest & ((1n << size) - 1n), width })
    rest >>= size
  }
  return values
}

/** A model if there is one among all assignments. @param {SlowScript} script @returns {Map<string, Value> | null} */
export function bruteForce(script) {
  const bits = bitCount(script)
  if (bits > 20) throw new Error(`${bits} bits are too many to try`)
  for (let all = 0n; all < 1n << BigInt(bits); all++) {
    const values = valuesOf(script, all)
    if (script.holds(values)) return values
  }
  return null
}

/** @param {Tree} tree @param {Scope} locals @param {World} world @returns {Value} */
function evaluate(tree, locals, world) {
  if (typeof tree === 'string') return evaluateAtom(tree, locals, world)
  const [head, ...rest] = /** @type {any[]} */ (tree)
  if (head === '_') return { n: BigInt(rest[0].slice(2)), width: Number(rest[1]) }
  if (head === '!') return evaluate(rest[0], locals, world)
  if (head === 'let') {
    const inner = new Map(locals)
    for (const [name, term] of rest[0]) inner.set(name, evaluate(term, locals, world))
    return evaluate(rest[1], inner, world)
  }
  if (typeof head !== 'string') {
    const [, name, ...indices] = head
    return indexed(name, indices.map(Number), /** @type {Vector} */ (evaluate(rest[0], locals, world)))
  }
  const values = rest.map((argument) => evaluate(argument, locals, world))
  const called = world.functions.get(head)
  if (called === undefined) return apply(head, values)
  return evaluate(called.body, new Map(called.parameters.map((name, i) => [name, /** @type {Value} */ (values[i])])), world)
}

/** @param {string} atom @param {Scope} locals @param {World} world @returns {Value} */
function evaluateAtom(atom, locals, world) {
  const known = locals.get(atom) ?? world.constants.get(atom)
  if (known !== undefined) return known
  if (atom === 'true' || atom === 'false') return atom === 'true'
  if (atom.startsWith('#x')) return { n: BigInt(`0x${atom.slice(2)}`), width: 4 * (atom.length - 2) }
  if (atom.startsWith('#b')) return { n: BigInt(`0b${atom.slice(2)}`), width: atom.length - 2 }
  const called = world.functions.get(atom)
  if (called === undefined) throw new Error(`unknown symbol ${atom}`)
  return evaluate(called.body, new Map(), world)
}

const modulus = (/** @type {number} */ width) => 1n << BigInt(width)
/** @param {bigint} n @param {number} width @returns {Vector} */
const vector = (n, width) => ({ n: ((n % modulus(width)) + modulus(width)) % modulus(width), width })
/** @param {Vector} a */
const signed = ({ n, width }) => (n >= modulus(width) / 2n ? n - modulus(width) : n)
/** @param {Value} a @param {Value} b */
const same = (a, b) => (typeof a === 'boolean' || typeof b === 'boolean' ? a === b : a.n === b.n)

/** @param {string} name @param {readonly number[]} indices @param {Vector} a @returns {Vector} */
function indexed(name, [i = 0, j = 0], a) {
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

/** @param {string} name @param {readonly Value[]} values @returns {Value} */
function apply(name, values) {
  const booleans = /** @type {boolean[]} */ (values)
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
      return values.every((b) => same(b, /** @type {Value} */ (values[0])))
    case 'distinct':
      return values.every((a, i) => values.every((b, k) => i === k || !same(a, b)))
    case 'ite':
      return /** @type {Value} */ (booleans[0] ? values[1] : values[2])
    default:
      if (values.length === 1) return unary(name, /** @type {Vector} */ (values[0]))
      return values.reduce((a, b) => binary(name, /** @type {Vector} */ (a), /** @type {Vector} */ (b)))
  }
}

/** @param {string} name @param {Vector} a @returns {Value} */
function unary(name, a) {
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

/** @param {Vector} a @param {Vector} b */
const udiv = (a, b) => (b.n === 0n ? vector(-1n, a.width) : vector(a.n / b.n, a.width))
/** @param {Vector} a @param {Vector} b */
const urem = (a, b) => (b.n === 0n ? a : vector(a.n % b.n, a.width))
/** @param {Vector} a */
const negated = (a) => vector(-a.n, a.width)
/** @param {bigint} n @param {number} width */
const inRange = (n, width) => n >= -modulus(width) / 2n && n < modulus(width) / 2n

/** The standard's own case distinctions. @param {string} name @param {Vector} a @param {Vector} b @returns {Value} */
function binary(name, a, b) {
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
