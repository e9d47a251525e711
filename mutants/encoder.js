/** The circuits of `bvlrat/1`: for each operator one that is wrong in some cases (docs/proof-kinds/bvlrat.md, "Terms"). */
import { tests } from './lib/mutant.js'

const CIRCUITS = 'packages/proofs/src/bvlrat/circuits.ts'
const MACHINE = 'packages/proofs/src/bvlrat/machine.ts'
/** Each operator has a test of its own, and they come first: the random scripts behind them need not be tried. */
const hunt = tests('packages/proofs/src/bvlrat/encode.test.ts', { isOneEnough: true })

/**
 * Of trap S13: a comparison with other solvers that could not fail would say nothing.
 *
 * @param {string} id
 * @param {string} bug
 * @param {string} file
 * @param {string} before
 * @param {string} after
 * @returns {import('./lib/mutant.js').Mutant}
 */
const mutant = (id, bug, file, before, after) => ({ id: `encoder-${id}`, traps: ['S13'], bug, edits: [{ file, before, after }], hunt })

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const encoder = [
  mutant(
    'bvadd',
    'a sum starts with a carry',
    MACHINE,
    'width, out, width, 0, FALSE)\n      else',
    'width, out, width, 0, TRUE)\n      else',
  ),
  mutant(
    'bvsub',
    'a difference lacks its carry: one less',
    MACHINE,
    'circuits.add(a, b, out, width, 1, TRUE)',
    'circuits.add(a, b, out, width, 1, FALSE)',
  ),
  mutant(
    'bvneg',
    'the negation is the complement',
    CIRCUITS,
    'let c = TRUE\n    for (let i = 0; i < width; i++) {\n      const x = (bits[a + i] as number) ^ 1',
    'let c = FALSE\n    for (let i = 0; i < width; i++) {\n      const x = (bits[a + i] as number) ^ 1',
  ),
  mutant(
    'bvmul',
    'a product loses the carry of its rows',
    CIRCUITS,
    'if (j < width - 1) c = gates.maj(s, p, c)',
    'if (j < width - 2) c = gates.maj(s, p, c)',
  ),
  mutant(
    'bvudiv',
    'a quotient bit asks for more than the divisor, not for as much',
    CIRCUITS,
    'let c = TRUE\n      for (let k = 0',
    'let c = FALSE\n      for (let k = 0',
  ),
  mutant(
    'bvurem',
    'the remainder is kept where the divisor was taken away',
    CIRCUITS,
    'gates.ite(q, bits[scratch + k] as number, bits[remainder + k] as number)',
    'gates.ite(q ^ 1, bits[scratch + k] as number, bits[remainder + k] as number)',
  ),
  mutant(
    'bvsdiv',
    'the quotient has the sign of the dividend',
    MACHINE,
    'circuits.negateIf(gates.xor(signA, signB), quotient',
    'circuits.negateIf(signA, quotient',
  ),
  mutant(
    'bvsrem',
    'the remainder has the sign of the divisor',
    MACHINE,
    'circuits.negateIf(signA, remainder, out',
    'circuits.negateIf(signB, remainder, out',
  ),
  mutant(
    'bvsmod',
    'a modulus of zero gets the divisor added',
    MACHINE,
    'gates.or(zero, gates.xor(signA, signB) ^ 1)',
    'gates.xor(signA, signB) ^ 1',
  ),
  mutant(
    'bvshl',
    'amounts of the width and more count modulo a power of two',
    CIRCUITS,
    'bits[out + i] = gates.ite(beyond, fill, bits[out + i] as number)',
    'bits[out + i] = gates.ite(FALSE, fill, bits[out + i] as number)',
  ),
  mutant(
    'bvlshr',
    'shifting right takes one stage too few',
    CIRCUITS,
    'for (; 2 ** stage < width; stage++)',
    'for (; 2 ** (stage + 1) < width; stage++)',
  ),
  mutant(
    'bvashr',
    'shifting right fills with zeros, signed or not',
    MACHINE,
    "'right', circuits.bits[a + width - 1] as number)",
    "'right', FALSE)",
  ),
  mutant(
    'bvult',
    'a comparison takes equal for less',
    CIRCUITS,
    'let c = FALSE\n    for (let i = 0; i < width; i++) {\n      const flip',
    'let c = TRUE\n    for (let i = 0; i < width; i++) {\n      const flip',
  ),
  mutant(
    'bvslt',
    'a signed comparison treats the sign as any bit',
    CIRCUITS,
    "order === 'signed' && i === width - 1 ? 1 : 0",
    "order === 'signed' && i === width ? 1 : 0",
  ),
  mutant(
    'bvule',
    'at most is less',
    MACHINE,
    "case OPERATOR.bvule:\n        return circuits.less(b, a, width, 'unsigned') ^ 1",
    "case OPERATOR.bvule:\n        return circuits.less(a, b, width, 'unsigned')",
  ),
  mutant(
    'bvsge',
    'at least is greater',
    MACHINE,
    "case OPERATOR.bvsge:\n        return circuits.less(a, b, width, 'signed') ^ 1",
    "case OPERATOR.bvsge:\n        return circuits.less(b, a, width, 'signed')",
  ),
  mutant(
    'equality',
    'equality looks at the lowest bits only',
    CIRCUITS,
    'for (let i = 0; i < width; i++) all = gates.and(all',
    'for (let i = 0; i < Math.min(width, 1); i++) all = gates.and(all',
  ),
  mutant(
    'ite',
    'a choice takes the other branch',
    CIRCUITS,
    'gates.ite(condition, bits[t + i] as number, bits[e + i] as number)',
    'gates.ite(condition, bits[e + i] as number, bits[t + i] as number)',
  ),
  mutant(
    'extract',
    'an extract starts a bit too low',
    MACHINE,
    'bits.copyWithin(out, a + j, a + i + 1)',
    'bits.copyWithin(out, a + Math.max(0, j - 1), a + Math.max(0, j - 1) + i - j + 1)',
  ),
  mutant(
    'concat',
    'the first argument has the lowest bits',
    MACHINE,
    'for (let n = count - 1; n >= 0; n--) {\n      const from',
    'for (let n = 0; n < count; n++) {\n      const from',
  ),
  mutant(
    'rotate',
    'a rotation to the other side',
    MACHINE,
    'this.#copy(a, out + by, width - by)\n    this.#copy(a + width - by, out, by)',
    'this.#copy(a + by, out, width - by)\n    this.#copy(a, out + width - by, by)',
  ),
  mutant(
    'bvnego',
    'zero counts as the least number',
    MACHINE,
    'return this.circuits.gates.and(zero, this.circuits.bits[a + width - 1] as number)',
    'return zero',
  ),
  mutant(
    'bvuaddo',
    'a sum with a carry from nowhere',
    MACHINE,
    'return circuits.carryOut(a, b, width, 0, FALSE)',
    'return circuits.carryOut(a, b, width, 0, TRUE)',
  ),
  mutant(
    'bvusubo',
    'a difference overflows the other way round',
    MACHINE,
    'case OPERATOR.bvusubo:\n        return circuits.less(a, b',
    'case OPERATOR.bvusubo:\n        return circuits.less(b, a',
  ),
  mutant('bvsaddo', 'signed overflow is the carry out', CIRCUITS, 'return this.gates.xor(into, out)', 'return out'),
  mutant(
    'bvssubo',
    'a signed difference lacks its carry',
    MACHINE,
    'return circuits.signedOverflow(a, b, width, 1, TRUE)',
    'return circuits.signedOverflow(a, b, width, 1, FALSE)',
  ),
  mutant(
    'bvumulo',
    'the lowest bit of the upper half is not looked at',
    MACHINE,
    'for (let k = width; k < 2 * width; k++) any',
    'for (let k = width + 1; k < 2 * width; k++) any',
  ),
  mutant(
    'bvsmulo',
    'a signed product fits if its upper half is zero',
    MACHINE,
    "const sign = order === 'signed' ? (bits[product + width - 1] as number) : FALSE",
    'const sign = FALSE',
  ),
  mutant(
    'bvsdivo',
    'any division of the least number overflows',
    MACHINE,
    'return circuits.gates.and(this.#isLeastSigned(a, width), ones)',
    'return this.#isLeastSigned(a, width)',
  ),
  mutant(
    'true-where-the-stack-grows',
    'true is written to the stack that was there before it grew: above 1,024 bits it is false',
    MACHINE,
    '          const start = this.#push(1)\n          this.circuits.bits[start] = code',
    '          this.circuits.bits[this.#push(1)] = code',
  ),
  mutant(
    'overflow-where-the-stack-grows',
    'whether a product overflows is written to the stack that was there before it grew: products of 128 bits never do',
    MACHINE,
    '        const holds = this.#predicate(operator, a, b, width)\n        circuits.bits[out] = holds',
    '        circuits.bits[out] = this.#predicate(operator, a, b, width)',
  ),
]
