/**
 * Programs of the gas search for `bvlrat/1`: each step adds commands to a script, or steps to the proof of its CNF. Gas is limited to a part
 * of what validators allow, so that one program is measured in about a second; the arrays still outgrow every cache.
 */
import { BVLRAT_LIMITS, bvlratVerifier, encodeWithin, parseScript } from '@aethel/proofs'
import { ByteBuilder } from '../../bench/gas/bytes.js'
import { runOf } from '../../bench/gas/run.js'
import { hashOf } from '../../packages/proofs/dist/bvlrat/gates.js'

const LIMITS = { ...BVLRAT_LIMITS, gas: 150_000_000 }
/** A script may have 1 MiB. */
const MOST_SCRIPT_BYTES = 1_000_000
const MOST_PROOF_BYTES = 6 << 20
/** The widest terms are 65,536 bits. */
const WIDTH_BITS = 16
/** Where a result is twice or six times as wide, or the gates are the square of the width. */
const SMALL_WIDTH_BITS = 11

const UNARY = ['bvnot', 'bvneg']
const BINARY = 'bvadd bvsub bvmul bvudiv bvurem bvsdiv bvsrem bvsmod bvshl bvlshr bvashr bvand bvor bvxor bvnand bvnor bvxnor'.split(' ')
const RELATIONS =
  'bvult bvule bvugt bvuge bvslt bvsle bvsgt bvsge = distinct bvuaddo bvsaddo bvumulo bvsmulo bvusubo bvssubo bvsdivo'.split(' ')
const CHAINED = 'bvand bvor bvxor bvadd bvmul'.split(' ')
const RESHAPED = ['repeat', 'zero_extend', 'sign_extend', 'rotate_left', 'rotate_right', 'extract', 'concat']

/** 1 to 2^bits in steps that grow with it. @param {number} argument @param {number} bits */
const scale = (argument, bits) => Math.max(1, Math.floor(2 ** ((argument / 255) * bits)))
/** @param {readonly string[]} names @param {number} argument */
const pick = (names, argument) => /** @type {string} */ (names[argument % names.length])
/** A literal with every second bit set, or with all of them. @param {number} width @param {'ones' | 'mixed'} [digits] */
const literal = (width, digits = 'mixed') =>
  width % 4 === 0
    ? `#x${(digits === 'ones' ? 'f' : '5').repeat(width / 4)}`
    : `#b${(digits === 'ones' ? '1' : '01').repeat(width).slice(0, width)}`

/** Commands up to the length of a script. */
class ScriptBuilder {
  #text = ''
  #constants = 0
  #functions = 0

  /** @param {string} command */
  add(command) {
    if (this.#text.length + command.length < MOST_SCRIPT_BYTES) this.#text += `${command}\n`
  }

  /** @param {string} term */
  assert(term) {
    this.add(`(assert ${term})`)
  }

  /** Times, or until the script is full. @param {number} count @param {(k: number) => string} term */
  assertAll(count, term) {
    for (let k = 0; k < count && this.#text.length < MOST_SCRIPT_BYTES - 100; k++) this.assert(term(k))
  }

  /** A new constant's name. @param {number | 'Bool'} width @param {number} [nameBytes] */
  constant(width, nameBytes = 1) {
    const name = `${'a'.repeat(nameBytes)}${this.#constants++}`
    this.add(`(declare-const ${name} ${sort(width)})`)
    return name
  }

  /** A new function's name. @param {number | 'Bool'} width @param {(parameter: string) => string} body of one parameter of its own sort */
  define(width, body) {
    const name = `f${this.#functions++}`
    this.add(`(define-fun ${name} ((p ${sort(width)})) ${sort(width)} ${body('p')})`)
    return name
  }

  take() {
    return new TextEncoder().encode(`(set-logic QF_BV)\n${this.#text}(check-sat)\n`)
  }
}

/** @param {number | 'Bool'} width */
const sort = (width) => (width === 'Bool' ? 'Bool' : `(_ BitVec ${width})`)
/** As deep as the script has room for. @param {string} open @param {string} inner @param {string} close @param {number} depth */
const nested = (open, inner, close, depth) => {
  const fitting = Math.min(depth, Math.floor((MOST_SCRIPT_BYTES / 2 - inner.length) / (open.length + close.length)))
  return fitting < 1 ? inner : open.repeat(fitting) + inner + close.repeat(fitting)
}

/**
 * What a step does to a script, by its operation. Each takes the script and the three arguments.
 * @type {readonly ((script: ScriptBuilder, a: number, b: number, c: number) => void)[]}
 */
const COMMANDS = [
  function declarations(script, a, b, c) {
    const width = scale(b, WIDTH_BITS)
    for (let k = Math.min(scale(a, 15), (1 << 25) / width); k > 0; k--) script.constant(width, scale(c, 9))
  },
  function nestedUnary(script, a, b, c) {
    const width = scale(b, 14)
    const x = script.constant(width)
    script.assert(`(= ${x} ${nested(`(${pick(UNARY, c)} `, x, ')', scale(a, 17))})`)
  },
  function nestedNot(script, a, b) {
    const p = script.constant('Bool')
    script.assert(nested(b % 2 === 0 ? '(not ' : `(xor ${p} `, p, ')', scale(a, 17)))
  },
  function theSameAgain(script, a, b, c) {
    const width = scale(b, SMALL_WIDTH_BITS)
    const [x, y] = [script.constant(width), script.constant(width)]
    script.assertAll(scale(a, 14), () => `(= ${x} (${pick(BINARY, c)} ${x} ${y}))`)
  },
  function letAfterLet(script, a, b, c) {
    const width = scale(b, SMALL_WIDTH_BITS)
    const [x, y] = [script.constant(width), script.constant(width)]
    const inner = nested(`(let ((z (${pick(BINARY, c)} z ${y}))) `, `(= z ${y})`, ')', scale(a, 14))
    script.assert(`(let ((z ${x})) ${inner})`)
  },
  function withALiteral(script, a, b, c) {
    const width = scale(b, SMALL_WIDTH_BITS)
    const x = script.constant(width)
    script.assertAll(scale(a, 10), () => `(= ${x} (${pick(BINARY, c)} ${c > 127 ? `${literal(width)} ${x}` : `${x} ${literal(width)}`}))`)
  },
  function doublingCalls(script, a, b, c) {
    const width = scale(b, 13)
    const x = script.constant(width)
    const body = /** @type {((p: string) => string)[]} */ ([
      (p) => p,
      (p) => `(bvnot ${p})`,
      (p) => `((_ rotate_left 1) ${p})`,
      (p) => `(bvand ${p} ${x})`,
      (p) => `(let ((z ${p})) z)`,
    ])[c % 5]
    let last = script.define(width, body ?? ((p) => p))
    for (let k = scale(a, 5); k > 1; k--) {
      const before = last
      last = script.define(width, (p) => `(${before} (${before} ${p}))`)
    }
    script.assert(`(= ${x} (${last} ${x}))`)
  },
  function reshaped(script, a, b, c) {
    const width = scale(b, WIDTH_BITS - 1)
    const x = script.constant(width)
    const name = pick(RESHAPED, c)
    const by = Math.max(1, Math.floor((1 << (WIDTH_BITS - 1)) / width))
    const copies = Math.min(by, 20_000)
    const term = {
      repeat: `((_ extract 0 0) ((_ repeat ${by}) ${x}))`,
      concat: `((_ extract 0 0) (concat${` ${x}`.repeat(copies)} ${x}))`,
      extract: `((_ extract 0 0) ((_ extract ${width - 1} 0) ${x}))`,
    }[name]
    script.assertAll(scale(a, 12), () => `(= ((_ extract 0 0) ${x}) ${term ?? `((_ extract 0 0) ((_ ${name} ${width >> 1}) ${x}))`})`)
  },
  function relations(script, a, b, c) {
    const width = scale(b, SMALL_WIDTH_BITS)
    const [x, y] = [script.constant(width), script.constant(width)]
    script.assertAll(scale(a, 14), (k) => `(${pick(RELATIONS, c)} ${k % 2 === 0 ? `${x} ${y}` : `${y} ${x}`})`)
  },
  function manyArguments(script, a, b, c) {
    const width = scale(b, 10)
    const names = Array.from({ length: scale(a, 13) }, () => script.constant(width))
    script.assert(`(= ${names[0]} (${pick(CHAINED, c)} ${names.join(' ')} ${names[0]}))`)
  },
  function pairs(script, a, b, c) {
    const width = scale(b, 6)
    const names = Array.from({ length: scale(a, 10) + 1 }, () => script.constant(width))
    script.assert(`(${c % 2 === 0 ? 'distinct' : '='} ${names.join(' ')})`)
  },
  function choices(script, a, b, c) {
    const width = scale(b, 13)
    const [p, x, y] = [script.constant('Bool'), script.constant(width), script.constant(width)]
    const open = c % 2 === 0 ? `(ite ${p} ${x} ` : `(ite (= ${x} ${y}) ${x} `
    script.assert(`(= ${x} ${nested(open, y, ')', scale(a, 14))})`)
  },
  function literals(script, a, b) {
    const width = scale(b, WIDTH_BITS)
    script.assertAll(scale(a, 14), () => `(= ${literal(width)} ${literal(width)})`)
  },
  /** Gates that all fall on few places of the table, once it has 2^(9 + ..) of them. */
  function collisions(script, a, b, c) {
    const inputs = scale(b, 12)
    const mask = 2 ** (9 + (c % 10)) - 1
    const most = scale(a, 15)
    // The names' numbers are the nodes only if these are the first constants; otherwise there are fewer collisions, or none.
    const names = Array.from({ length: inputs }, () => script.constant('Bool'))
    const terms = []
    for (let x = 1; x <= inputs && terms.length < most; x++) {
      for (let y = x + 1; y <= inputs && terms.length < most; y++)
        if ((hashOf(0, 2 * x, 2 * y, 0) & mask) < 32) terms.push(`(and ${names[x - 1]} ${names[y - 1]})`)
    }
    if (terms.length > 0) script.assert(`(or ${terms.join(' ')})`)
  },
  /** Chains over one pair of vectors, shifted against each other: many gates, and then the same ones from one to the next. */
  function chainsAgain(script, a, b, c) {
    const width = scale(b, WIDTH_BITS)
    const [x, y] = [script.constant(width), script.constant(width)]
    const chains = Array.from({ length: scale(a, 6) }, (_, k) => `(${pick(RELATIONS, c)} ${x} ((_ rotate_left ${k % width}) ${y}))`)
    const all = script.define('Bool', (p) => `(and ${p} ${chains.join(' ')})`)
    script.assertAll(1 + (c >> 4), () => `(${all} true)`)
  },
]
/** Steps of the proof: a walk down a chain of gates, and wide clauses. */
const WALK = COMMANDS.length
const WIDE = COMMANDS.length + 1

/**
 * The proof of the walks and wide clauses that a program asks for. The chain is the script's first constant, said to be all ones: gate g is
 * AND(bit g + 1, gate g - 1), and its clauses are 2 + 3g and the next two.
 *
 * @param {Uint8Array} script
 * @param {readonly number[][]} steps
 * @param {number} chain bits
 */
function proofOf(script, steps, chain) {
  const parsed = parseScript(script)
  const encoded = parsed.ok ? encodeWithin(parsed.value, LIMITS) : parsed
  if (!encoded.ok) return null
  const { clauses, variables } = encoded.value.cnf
  const assertions = parsed.ok ? parsed.value.assertions.length : 0
  const proof = new ByteBuilder()
  let id = clauses
  for (const [operation = 0, a = 0, b = 0, c = 0] of steps) {
    for (let i = scale(a, 16); i > 0 && proof.length < MOST_PROOF_BYTES; i--) {
      if (operation % (WIDE + 1) === WALK) {
        const depth = Math.min(scale(b, 16), chain - 3)
        const gates = Array.from({ length: depth }, (_, k) => chain - 2 - k)
        // From the chain's end downwards every gate is true, then the bit of the last one must be.
        const hints = gates.flatMap((gate) => (c % 2 === 0 ? [3 + 3 * gate] : [2 + 3 * gate, 3 + 3 * gate]))
        const last = chain - 2 - depth
        proof.addition(++id, [last + 3], [clauses - assertions + 1, ...hints, 2 + 3 * last])
      } else if (operation % (WIDE + 1) === WIDE) {
        const width = Math.min(scale(b, 12), 4_000)
        const stride = scale(c, 20)
        proof.addition(++id, [1, ...Array.from({ length: width }, (_, k) => 2 + ((k * stride) % variables))], [1])
      }
    }
  }
  return proof.take()
}

/** @type {import('./gas-programs.js').GasLanguage} */
export const bvlrat = {
  kind: 'bvlrat/1',
  operations: WIDE + 1,
  most: 5,
  // "0" is no proof: that is said when everything before it is done.
  whole: ['syntax', 'no-empty-clause', 'gas-exhausted', 'memory-exhausted'],
  run: (steps) => {
    const script = new ScriptBuilder()
    const walk = steps.find(([operation = 0]) => operation % (WIDE + 1) === WALK)
    const chain = walk === undefined ? 0 : scale(walk[2] ?? 0, 16) + 3
    const width = Math.min(chain, 1 << 16)
    if (chain > 0) script.assert(`(= ${script.constant(width)} ${literal(width, 'ones')})`)
    for (const [operation = 0, a = 0, b = 0, c = 0] of steps) COMMANDS[operation % (WIDE + 1)]?.(script, a, b, c)
    const claim = script.take()
    const hasProof = steps.some(([operation = 0]) => operation % (WIDE + 1) >= WALK)
    const proof = hasProof ? proofOf(claim, steps, width) : null
    // Without a proof, what counts is the way to where one is looked at.
    return runOf(bvlratVerifier(LIMITS), claim, proof ?? new TextEncoder().encode('0'))
  },
}
