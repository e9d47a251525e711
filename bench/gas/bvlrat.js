/** `bvlrat/1`: the bundled examples, and scripts that are slow in one way each. */
import { readdirSync, readFileSync } from 'node:fs'
import { bvlratVerifier, scriptToClaim } from '@aethel/proofs'
import { hashOf } from '../../packages/proofs/dist/bvlrat/gates.js'
import { runOf } from './run.js'

const EXAMPLES = new URL('../../examples/', import.meta.url)
const verifier = bvlratVerifier()
/** No refutation: what counts is the way there. */
const NO_PROOF = new TextEncoder().encode('0')

/** @param {number} count @param {(k: number) => string} make */
const times = (count, make) => Array.from({ length: count }, (_, k) => make(k)).join('')
/** @param {number} width */
const xy = (width) => `(declare-const x (_ BitVec ${width}))\n(declare-const y (_ BitVec ${width}))\n`
/** @param {string} term */
const asserted = (term) => `(assert ${term})\n`
const P = '(declare-const p Bool)\n'

/** Functions that call the one before twice. @param {number} count @param {string} sort @param {string} first */
const doubling = (count, sort, first) =>
  `(define-fun f0 ((a ${sort})) ${sort} ${first})\n${times(count, (k) => `(define-fun f${k + 1} ((a ${sort})) ${sort} (f${k} (f${k} a)))\n`)}`

/** Gates that all fall on few places of the table. */
function colliding() {
  const inputs = 3_000
  const terms = []
  for (let a = 1; a <= inputs && terms.length < 15_000; a++) {
    for (let b = a + 1; b <= inputs && terms.length < 15_000; b++) if ((hashOf(0, 2 * a, 2 * b, 0) & 0xffff) < 32) terms.push(` (and a${a} a${b})`)
  }
  return `${times(inputs, (k) => `(declare-const a${k + 1} Bool)\n`)}${asserted(`(or${terms.join('')})`)}`
}

/** @type {Readonly<Record<string, () => string>>} */
const HOSTILE = {
  'many declarations': () => times(25_000, (k) => `(declare-const a${k} Bool)\n`),
  'long names': () => times(1_000, (k) => `(declare-const ${'a'.repeat(990)}${k} Bool)\n`),
  'many assertions': () => times(60_000, () => '(assert true)\n'),
  'deep nesting': () => `${P}${asserted(`${'(not '.repeat(150_000)}p${')'.repeat(150_000)}`)}`,
  'nested let': () => `${P}${asserted(`${'(let ((z p)) '.repeat(40_000)}z${')'.repeat(40_000)}`)}`,
  'doubling calls, one bit': () => `${P}${doubling(18, 'Bool', '(not a)')}${asserted('(f18 p)')}`,
  'doubling calls, 1024 bits': () => `${xy(1_024)}${doubling(12, '(_ BitVec 1024)', '(bvnot a)')}${asserted('(= x (f12 y))')}`,
  'long literals': () => times(100, () => asserted(`(= #x${'f'.repeat(4_000)} #x${'f'.repeat(4_000)})`)),
  'concat of bits': () => `${xy(1)}${asserted(`(= x ((_ extract 0 0) (concat${' x'.repeat(60_000)})))`)}`,
  'repeat of a bit': () => `${xy(1)}${times(300, () => asserted('(= x ((_ extract 0 0) ((_ repeat 60000) x)))'))}`,
  'rotation of wide vectors': () => `${xy(60_000)}${times(40, () => asserted('(= x ((_ rotate_left 17) y))'))}`,
  'a wide product': () => `${xy(600)}${asserted('(= x (bvmul x y))')}`,
  'a product with zeros': () => `${xy(4_000)}${asserted(`(= x (bvmul x #x${'0'.repeat(1_000)}))`)}`,
  'the same product again': () => `${xy(128)}${times(60, () => asserted('(= x (bvmul x y))'))}`,
  'a wide division': () => `${xy(400)}${asserted('(= x (bvudiv x y))')}`,
  'a wide shift': () => `${xy(20_000)}${asserted('(= x (bvshl x y))')}`,
  'distinct pairs': () => `${times(500, (k) => `(declare-const a${k} (_ BitVec 2))\n`)}${asserted(`(distinct${times(500, (k) => ` a${k}`)})`)}`,
  'gates on one place of the table': colliding,
}

/** @type {import('./run.js').GasKind} */
export const bvlratInputs = {
  kind: 'bvlrat/1',
  inputs: () => [
    ...readdirSync(EXAMPLES)
      .filter((file) => file.endsWith('.lrat'))
      .map((file) => ({
        name: file.replace('.lrat', ''),
        nature: /** @type {const} */ ('typical'),
        prepare: () => {
          const claim = scriptToClaim(readFileSync(new URL(file.replace('.lrat', '.smt2'), EXAMPLES)))
          if (!claim.ok) throw new Error(claim.error.message)
          return runOf(verifier, claim.value, readFileSync(new URL(file, EXAMPLES)))
        },
      })),
    ...Object.entries(HOSTILE).map(([name, commands]) => ({
      name,
      nature: /** @type {const} */ ('hostile'),
      prepare: () => runOf(verifier, new TextEncoder().encode(`(set-logic QF_BV)\n${commands()}(check-sat)\n`), NO_PROOF),
    })),
  ],
}
