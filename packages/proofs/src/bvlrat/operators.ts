/**
 * The operators of QF_BV with the sorts they take and give: the core theory, FixedSizeBitVectors and the logic's
 * abbreviations as SMT-LIB 2.6 defines them, and the overflow predicates of 2.7. A sort is one number: 0 is Bool, n is
 * (_ BitVec n).
 */
import { MAX_WIDTH } from './gas.js'

export type Sort = number
export const BOOL: Sort = 0

export function sortText(sort: Sort): string {
  return sort === BOOL ? 'Bool' : `(_ BitVec ${sort})`
}

export const OPERATOR = {
  not: 1,
  and: 2,
  or: 3,
  xor: 4,
  implies: 5,
  equal: 6,
  distinct: 7,
  ite: 8,
  bvnot: 9,
  bvneg: 10,
  bvand: 11,
  bvor: 12,
  bvxor: 13,
  bvnand: 14,
  bvnor: 15,
  bvxnor: 16,
  bvadd: 17,
  bvsub: 18,
  bvmul: 19,
  bvudiv: 20,
  bvurem: 21,
  bvsdiv: 22,
  bvsrem: 23,
  bvsmod: 24,
  bvshl: 25,
  bvlshr: 26,
  bvashr: 27,
  bvult: 28,
  bvule: 29,
  bvugt: 30,
  bvuge: 31,
  bvslt: 32,
  bvsle: 33,
  bvsgt: 34,
  bvsge: 35,
  bvcomp: 36,
  concat: 37,
  extract: 38,
  zeroExtend: 39,
  signExtend: 40,
  rotateLeft: 41,
  rotateRight: 42,
  repeat: 43,
  bvnego: 44,
  bvuaddo: 45,
  bvsaddo: 46,
  bvumulo: 47,
  bvsmulo: 48,
  bvusubo: 49,
  bvssubo: 50,
  bvsdivo: 51,
} as const

export type OperatorCode = (typeof OPERATOR)[keyof typeof OPERATOR]

/**
 * How an operator's arguments and result are sorted. `booleans`: Bool to Bool; `vectors`: all of one width, which is the
 * result's; `relation`: all of one width, to Bool; `alike`: all of one sort, whichever, to Bool.
 */
type Shape = 'booleans' | 'vectors' | 'relation' | 'alike' | 'ite' | 'comp' | 'concat' | 'indexed'

export interface Operator {
  readonly code: OperatorCode
  readonly name: string
  readonly shape: Shape
  readonly least: number
  /** 0: any number. */
  readonly most: number
  /** Numerals between `(_ name` and `)`. */
  readonly indices: number
}

const ANY = 0

function operator(name: string, code: OperatorCode, shape: Shape, least: number, most: number, indices = 0): [string, Operator] {
  return [name, { code, name, shape, least, most, indices }]
}

export const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  operator('not', OPERATOR.not, 'booleans', 1, 1),
  operator('and', OPERATOR.and, 'booleans', 1, ANY),
  operator('or', OPERATOR.or, 'booleans', 1, ANY),
  operator('xor', OPERATOR.xor, 'booleans', 2, ANY),
  operator('=>', OPERATOR.implies, 'booleans', 2, ANY),
  operator('=', OPERATOR.equal, 'alike', 2, ANY),
  operator('distinct', OPERATOR.distinct, 'alike', 2, ANY),
  operator('ite', OPERATOR.ite, 'ite', 3, 3),
  operator('bvnot', OPERATOR.bvnot, 'vectors', 1, 1),
  operator('bvneg', OPERATOR.bvneg, 'vectors', 1, 1),
  operator('bvand', OPERATOR.bvand, 'vectors', 2, ANY),
  operator('bvor', OPERATOR.bvor, 'vectors', 2, ANY),
  operator('bvxor', OPERATOR.bvxor, 'vectors', 2, ANY),
  operator('bvnand', OPERATOR.bvnand, 'vectors', 2, 2),
  operator('bvnor', OPERATOR.bvnor, 'vectors', 2, 2),
  operator('bvxnor', OPERATOR.bvxnor, 'vectors', 2, 2),
  operator('bvadd', OPERATOR.bvadd, 'vectors', 2, ANY),
  operator('bvsub', OPERATOR.bvsub, 'vectors', 2, 2),
  operator('bvmul', OPERATOR.bvmul, 'vectors', 2, ANY),
  operator('bvudiv', OPERATOR.bvudiv, 'vectors', 2, 2),
  operator('bvurem', OPERATOR.bvurem, 'vectors', 2, 2),
  operator('bvsdiv', OPERATOR.bvsdiv, 'vectors', 2, 2),
  operator('bvsrem', OPERATOR.bvsrem, 'vectors', 2, 2),
  operator('bvsmod', OPERATOR.bvsmod, 'vectors', 2, 2),
  operator('bvshl', OPERATOR.bvshl, 'vectors', 2, 2),
  operator('bvlshr', OPERATOR.bvlshr, 'vectors', 2, 2),
  operator('bvashr', OPERATOR.bvashr, 'vectors', 2, 2),
  operator('bvult', OPERATOR.bvult, 'relation', 2, 2),
  operator('bvule', OPERATOR.bvule, 'relation', 2, 2),
  operator('bvugt', OPERATOR.bvugt, 'relation', 2, 2),
  operator('bvuge', OPERATOR.bvuge, 'relation', 2, 2),
  operator('bvslt', OPERATOR.bvslt, 'relation', 2, 2),
  operator('bvsle', OPERATOR.bvsle, 'relation', 2, 2),
  operator('bvsgt', OPERATOR.bvsgt, 'relation', 2, 2),
  operator('bvsge', OPERATOR.bvsge, 'relation', 2, 2),
  operator('bvcomp', OPERATOR.bvcomp, 'comp', 2, 2),
  operator('concat', OPERATOR.concat, 'concat', 2, ANY),
  operator('extract', OPERATOR.extract, 'indexed', 1, 1, 2),
  operator('zero_extend', OPERATOR.zeroExtend, 'indexed', 1, 1, 1),
  operator('sign_extend', OPERATOR.signExtend, 'indexed', 1, 1, 1),
  operator('rotate_left', OPERATOR.rotateLeft, 'indexed', 1, 1, 1),
  operator('rotate_right', OPERATOR.rotateRight, 'indexed', 1, 1, 1),
  operator('repeat', OPERATOR.repeat, 'indexed', 1, 1, 1),
  operator('bvnego', OPERATOR.bvnego, 'relation', 1, 1),
  operator('bvuaddo', OPERATOR.bvuaddo, 'relation', 2, 2),
  operator('bvsaddo', OPERATOR.bvsaddo, 'relation', 2, 2),
  operator('bvumulo', OPERATOR.bvumulo, 'relation', 2, 2),
  operator('bvsmulo', OPERATOR.bvsmulo, 'relation', 2, 2),
  operator('bvusubo', OPERATOR.bvusubo, 'relation', 2, 2),
  operator('bvssubo', OPERATOR.bvssubo, 'relation', 2, 2),
  operator('bvsdivo', OPERATOR.bvsdivo, 'relation', 2, 2),
])

/** Words of the language that no script may declare, beside the operators. */
const RESERVED: ReadonlySet<string> = new Set([
  '!',
  '_',
  'as',
  'BINARY',
  'Bool',
  'DECIMAL',
  'exists',
  'false',
  'forall',
  'HEXADECIMAL',
  'lambda',
  'let',
  'match',
  'NUMERAL',
  'par',
  'STRING',
  'true',
])

export function isReserved(name: string): boolean {
  return OPERATORS.has(name) || RESERVED.has(name)
}

/** The sort of an application, or a sentence that says why there is none. `sorts` holds `count` arguments from `from` on. */
export function resultSort(op: Operator, sorts: readonly Sort[], from: number, count: number, i: number, j: number): Sort | string {
  if (count < op.least || (op.most !== ANY && count > op.most)) {
    const most = op.most === ANY ? ' or more' : op.most === op.least ? '' : `..${op.most}`
    return `expected ${op.least}${most} arguments of ${op.name}, got ${count}`
  }
  const first = sorts[from] as Sort
  switch (op.shape) {
    case 'booleans':
      return misfit(op, sorts, from, count, BOOL) ?? BOOL
    case 'alike':
      return misfit(op, sorts, from, count, first) ?? BOOL
    case 'vectors':
      return notVector(op, first) ?? misfit(op, sorts, from, count, first) ?? first
    case 'relation':
      return notVector(op, first) ?? misfit(op, sorts, from, count, first) ?? BOOL
    case 'comp':
      return notVector(op, first) ?? misfit(op, sorts, from, count, first) ?? 1
    case 'ite':
      if (first !== BOOL) return `expected a Bool as the condition of ite, got ${sortText(first)}`
      return misfit(op, sorts, from + 1, 2, sorts[from + 1] as Sort) ?? (sorts[from + 1] as Sort)
    case 'concat': {
      let width = 0
      for (let k = 0; k < count; k++) {
        const problem = notVector(op, sorts[from + k] as Sort)
        if (problem !== null) return problem
        width += sorts[from + k] as Sort
        if (width > MAX_WIDTH) return tooWide(op)
      }
      return width
    }
    case 'indexed':
      return notVector(op, first) ?? indexedSort(op, first, i, j)
  }
}

function indexedSort(op: Operator, width: number, i: number, j: number): Sort | string {
  switch (op.code) {
    case OPERATOR.extract:
      if (i >= width || j > i) return `expected (_ extract i j) with ${width} > i >= j, got ${i} and ${j}`
      return i - j + 1
    case OPERATOR.zeroExtend:
    case OPERATOR.signExtend:
      return width + i > MAX_WIDTH ? tooWide(op) : width + i
    case OPERATOR.repeat:
      if (i === 0) return 'expected (_ repeat i) with i of at least 1'
      return width * i > MAX_WIDTH ? tooWide(op) : width * i
    default:
      return width
  }
}

function misfit(op: Operator, sorts: readonly Sort[], from: number, count: number, expected: Sort): string | null {
  for (let k = 0; k < count; k++) {
    const sort = sorts[from + k] as Sort
    if (sort !== expected) return `expected ${sortText(expected)} as an argument of ${op.name}, got ${sortText(sort)}`
  }
  return null
}

function notVector(op: Operator, sort: Sort): string | null {
  return sort === BOOL ? `expected a bit vector as an argument of ${op.name}, got Bool` : null
}

function tooWide(op: Operator): string {
  return `expected bit vectors of at most ${MAX_WIDTH} bits, but ${op.name} makes a wider one`
}
