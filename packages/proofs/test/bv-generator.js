/**
 * For tests and the differential run: random QF_BV scripts with every operator, drawn from a seed. Constants are called
 * c0, c1, ..., functions f0, ..., locals l0, ...
 *
 * @typedef {{
 *   widths: readonly number[],
 *   constants: number,
 *   depth: number,
 *   assertions: number,
 *   overflowPredicates?: boolean,
 *   naryVectors?: boolean,
 *   multiplyUpTo?: number,
 * }} GeneratorOptions
 */

/** @param {number} seed Draws integers below `most`. */
export function drawer(seed) {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0
  /** @param {number} most */
  return (most) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % most
  }
}

const BINARY = [
  'bvand',
  'bvor',
  'bvxor',
  'bvnand',
  'bvnor',
  'bvxnor',
  'bvadd',
  'bvsub',
  'bvshl',
  'bvlshr',
  'bvashr',
  'bvmul',
  'bvudiv',
  'bvurem',
  'bvsdiv',
  'bvsrem',
  'bvsmod',
]
const COSTLY = 6
const NARY = ['bvand', 'bvor', 'bvxor', 'bvadd', 'bvmul']
const RELATIONS = ['bvult', 'bvule', 'bvugt', 'bvuge', 'bvslt', 'bvsle', 'bvsgt', 'bvsge', '=', 'distinct']
const OVERFLOWS = ['bvuaddo', 'bvsaddo', 'bvumulo', 'bvsmulo', 'bvusubo', 'bvssubo', 'bvsdivo']

/**
 * A random script as SMT-LIB text.
 *
 * @param {number} seed
 * @param {GeneratorOptions} options
 */
export function randomScript(seed, options) {
  const draw = drawer(seed)
  /** @template T @param {readonly T[]} list @returns {T} */
  const pick = (list) => /** @type {T} */ (list[draw(list.length)])
  /** @type {{ name: string, width: number }[]} */
  const constants = []
  /** @type {{ name: string, parameters: number[], width: number }[]} */
  const functions = []
  /** @type {{ name: string, width: number }[]} */
  let locals = []
  let named = 0
  const { widths } = options
  const widest = Math.max(...widths)

  /** @param {number} width @returns {string} */
  const literal = (width) => {
    let bits = ''
    const kind = draw(4)
    for (let k = 0; k < width; k++) bits += kind === 0 ? '0' : kind === 1 ? '1' : kind === 2 && k < width - 1 ? '0' : String(draw(2))
    if (draw(3) === 0) return `(_ bv${BigInt(`0b${bits}`)} ${width})`
    if (width % 4 === 0 && draw(2) === 0)
      return `#x${BigInt(`0b${bits}`)
        .toString(16)
        .padStart(width / 4, '0')}`
    return `#b${bits}`
  }
  /** @param {number} width @returns {string} */
  const leaf = (width) => {
    const known = [...constants, ...locals].filter((one) => one.width === width)
    if (known.length > 0 && draw(5) > 0) return pick(known).name
    return width === 0 ? pick(['true', 'false']) : literal(width)
  }
  /** @param {number} depth @param {number} width 0 for Bool @returns {string} */
  const term = (depth, width) => {
    if (depth === 0) return leaf(width)
    const called = functions.filter((one) => one.width === width)
    if (called.length > 0 && draw(8) === 0) {
      const { name, parameters } = pick(called)
      return parameters.length === 0 ? name : `(${name} ${parameters.map((w) => term(depth - 1, w)).join(' ')})`
    }
    if (draw(9) === 0) return letTerm(depth, width)
    if (draw(9) === 0) return `(ite ${term(depth - 1, 0)} ${term(depth - 1, width)} ${term(depth - 1, width)})`
    return width === 0 ? formula(depth) : vector(depth, width)
  }
  /** @param {number} depth @param {number} width @returns {string} */
  const letTerm = (depth, width) => {
    const bound = Array.from({ length: 1 + draw(2) }, () => ({ name: `l${named++}`, width: draw(4) === 0 ? 0 : pick(widths) }))
    const bindings = bound.map((one) => `(${one.name} ${term(depth - 1, one.width)})`)
    const outer = locals
    locals = [...locals, ...bound]
    const body = term(depth - 1, width)
    locals = outer
    return `(let (${bindings.join(' ')}) ${body})`
  }
  /** @param {number} depth @returns {string} */
  const formula = (depth) => {
    const sub = () => term(depth - 1, 0)
    const width = pick(widths)
    const vec = () => term(depth - 1, width)
    switch (draw(10)) {
      case 0:
        return `(not ${sub()})`
      case 1:
        return `(${pick(['and', 'or', 'xor', '=>', '=', 'distinct'])} ${sub()} ${sub()})`
      case 2:
        return `(${pick(['and', 'or', 'xor', '=>'])} ${sub()} ${sub()} ${sub()})`
      case 3:
        return `(${pick(['=', 'distinct'])} ${vec()} ${vec()} ${vec()})`
      case 4:
        if (options.overflowPredicates === true) {
          const name = pick([...OVERFLOWS, 'bvnego'])
          return name === 'bvnego' ? `(bvnego ${vec()})` : `(${name} ${vec()} ${vec()})`
        }
        return `(${pick(RELATIONS)} ${vec()} ${vec()})`
      default:
        return `(${pick(RELATIONS)} ${vec()} ${vec()})`
    }
  }
  /** @param {number} depth @param {number} width @returns {string} */
  const vector = (depth, width) => {
    const sub = (w = width) => term(depth - 1, w)
    const costly = width <= (options.multiplyUpTo ?? 64)
    switch (draw(12)) {
      case 0:
        return `(${pick(['bvnot', 'bvneg'])} ${sub()})`
      case 1:
        if (options.naryVectors !== true) return `(bvadd ${sub()} ${sub()})`
        return `(${pick(costly ? NARY : NARY.slice(0, 4))} ${sub()} ${sub()} ${sub()})`
      case 2: {
        const from = width + draw(Math.max(1, widest - width + 1))
        const low = draw(from - width + 1)
        return `((_ extract ${low + width - 1} ${low}) ${sub(from)})`
      }
      case 3: {
        if (width === 1) return `(bvcomp ${sub()} ${sub()})`
        const high = 1 + draw(width - 1)
        return `(concat ${sub(high)} ${sub(width - high)})`
      }
      case 4: {
        const by = draw(width)
        return `((_ ${pick(['zero_extend', 'sign_extend'])} ${by}) ${sub(width - by)})`
      }
      case 5:
        return `((_ ${pick(['rotate_left', 'rotate_right'])} ${draw(2 * width)}) ${sub()})`
      case 6: {
        const divisors = Array.from({ length: width }, (_, k) => k + 1).filter((k) => width % k === 0)
        const part = pick(divisors)
        return `((_ repeat ${width / part}) ${sub(part)})`
      }
      case 7: {
        const w = pick(widths)
        return width === 1 ? `(bvcomp ${sub(w)} ${sub(w)})` : `(bvsub ${sub()} ${sub()})`
      }
      default:
        return `(${pick(costly ? BINARY : BINARY.slice(0, BINARY.length - COSTLY))} ${sub()} ${sub()})`
    }
  }

  const lines = ['(set-logic QF_BV)']
  for (let k = 0; k < options.constants; k++) {
    const width = draw(5) === 0 ? 0 : pick(widths)
    constants.push({ name: `c${k}`, width })
    const sort = width === 0 ? 'Bool' : `(_ BitVec ${width})`
    lines.push(draw(2) === 0 ? `(declare-const c${k} ${sort})` : `(declare-fun c${k} () ${sort})`)
  }
  for (let k = draw(3); k > 0; k--) {
    const parameters = Array.from({ length: draw(3) }, () => (draw(4) === 0 ? 0 : pick(widths)))
    const width = draw(4) === 0 ? 0 : pick(widths)
    locals = parameters.map((w) => ({ name: `l${named++}`, width: w }))
    const sortOf = (/** @type {number} */ w) => (w === 0 ? 'Bool' : `(_ BitVec ${w})`)
    const name = `f${functions.length}`
    const signature = locals.map((one) => `(${one.name} ${sortOf(one.width)})`).join(' ')
    lines.push(`(define-fun ${name} (${signature}) ${sortOf(width)} ${term(2, width)})`)
    locals = []
    functions.push({ name, parameters, width })
  }
  for (let k = 0; k < options.assertions; k++) lines.push(`(assert ${term(options.depth, 0)})`)
  lines.push('(check-sat)', '(exit)')
  return `${lines.join('\n')}\n`
}
