/**
 * Changes to an SMT-LIB script as what it is: an operator made another of its kind, terms exchanged, copied or put into each other, digits
 * turned. A change of bytes hardly ever leaves a script that is well-sorted.
 */
import { readTrees } from '../../packages/proofs/test/slow-bv.js'

const KINDS = [
  'bvadd bvsub bvmul bvudiv bvurem bvsdiv bvsrem bvsmod bvshl bvlshr bvashr bvand bvor bvxor bvnand bvnor bvxnor',
  'bvult bvule bvugt bvuge bvslt bvsle bvsgt bvsge = distinct bvuaddo bvsaddo bvumulo bvsmulo bvusubo bvssubo bvsdivo',
  'bvnot bvneg',
  'and or xor => = distinct',
  'rotate_left rotate_right',
  'zero_extend sign_extend',
].map((names) => names.split(' '))

/** @typedef {import('../../packages/simulator/dist/random.js').Random} Random */
/** @typedef {import('../../packages/proofs/test/slow-bv.js').Tree} Tree */

/**
 * @param {Uint8Array} input
 * @param {Random} random
 * @returns {Uint8Array | null} null: no brackets that match
 */
export function mutateScript(input, random) {
  const text = new TextDecoder('latin1').decode(input)
  if (!isBalanced(text)) return null
  const trees = /** @type {any[]} */ (readTrees(text))
  const assertions = trees.filter((tree) => Array.isArray(tree) && tree[0] === 'assert')
  if (assertions.length === 0) return null
  for (let i = random.between(1, 3); i > 0; i--) change(random.pick(assertions), random)
  return new TextEncoder().encode(trees.map(printed).join('\n'))
}

/** Brackets match, and none stands in a comment, a string or a quoted symbol. @param {string} text */
function isBalanced(text) {
  if (/[;|"]/.test(text)) return false
  let depth = 0
  for (const letter of text) {
    depth += letter === '(' ? 1 : letter === ')' ? -1 : 0
    if (depth < 0) return false
  }
  return depth === 0
}

/** @param {any[]} assertion @param {Random} random */
function change(assertion, random) {
  const places = placesIn(assertion, 1)
  const place = random.pick(places)
  const { holder, at } = place
  const term = holder[at]
  const way = random.below(8)
  if (way < 4) {
    const heads = places.filter(({ holder: inside }) => kindOf(inside[0]) !== undefined)
    if (heads.length === 0) return
    const { holder: chosen } = random.pick(heads)
    chosen[0] = random.pick(/** @type {string[]} */ (kindOf(chosen[0])))
  } else if (way === 4 && holder.length > 2) [holder[1], holder[holder.length - 1]] = [holder[holder.length - 1], holder[1]]
  else if (way === 5) holder[at] = structuredClone(random.pick(places.map((other) => other.holder[other.at])))
  else if (way === 6) holder[at] = [random.pick(['bvnot', 'bvneg', 'not']), term]
  else if (typeof term === 'string' && term.startsWith('#b')) {
    const digit = 2 + random.below(term.length - 2)
    holder[at] = term.slice(0, digit) + (term[digit] === '0' ? '1' : '0') + term.slice(digit + 1)
  } else holder[at] = [random.pick(/** @type {string[]} */ (KINDS[0])), term, structuredClone(term)]
}

/** @param {unknown} head */
function kindOf(head) {
  return typeof head === 'string' ? KINDS.find((names) => names.includes(head)) : undefined
}

/** Where the terms of a term are, itself not. @param {any[]} holder @param {number} from @returns {{ holder: any[], at: number }[]} */
function placesIn(holder, from) {
  return holder.flatMap((item, at) => (at < from ? [] : [{ holder, at }, ...(Array.isArray(item) ? placesIn(item, 1) : [])]))
}

/** @param {Tree} tree @returns {string} */
function printed(tree) {
  return typeof tree === 'string' ? tree : `(${tree.map(printed).join(' ')})`
}
