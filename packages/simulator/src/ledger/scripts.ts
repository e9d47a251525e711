/**
 * Small scripts of bit vectors: drawn at random, encoded by the project's own encoder, and refuted by its own solver, once per process, because
 * that takes longer than all else that a client does. Which can be refuted the encoder and the solver say; whether they are right is for
 * bit-vectors.ts. Other names of its constants make another claim of a script, under the same proof.
 */
import { assert, utf8 } from '@aethel/codec'
import { encodeWithin, type LratStep, parseScript, refute, toTextLrat } from '@aethel/proofs'
import { type Random, randomStream } from '../random.js'
import { MAX_INLINE_PROOF_BYTES } from './chain.js'
import type { Refutation } from './refutations.js'

interface Outline {
  /** With these names for its two constants. */
  text(one: string, other: string): string
}

interface Refuted extends Outline {
  /** As text, with its last line break. */
  readonly proof: Uint8Array
}

interface Shelf {
  readonly refuted: readonly Refuted[]
  readonly satisfiable: readonly Outline[]
}

const REFUTED = 32
const SATISFIABLE = 16
/** Most can be satisfied, or are refuted by what does not fit into a transaction, or at once: some 600 are drawn. */
const MOST_DRAWS = 10_000
/** Fewer: it contradicts itself on its face. */
const LEAST_STEPS = 3
/** More than any of these takes. */
const MOST_CONFLICTS = 1_000
const MOST_WIDTH = 3
const DEEP_RATE = 0.5
const LITERAL_RATE = 0.15

const ONE_OPERAND = ['bvnot', 'bvneg']
const TWO_OPERANDS = ['bvadd', 'bvsub', 'bvmul', 'bvudiv', 'bvurem', 'bvand', 'bvor', 'bvxor', 'bvshl', 'bvlshr']
const RELATIONS = ['bvult', 'bvule', 'bvslt', 'bvsle', '=', 'distinct']

/** The same ones in every run, whatever its seed. */
let shelf: Shelf | null = null

export function drawScript(random: Random, name: string): Refutation {
  const { text, proof } = random.pick(scripts().refuted)
  return { claim: utf8(text(`${name}x`, `${name}y`)), proof }
}

/** A script that can be satisfied, with the refutation of another. */
export function drawFalseScript(random: Random, name: string): Refutation {
  const { text } = random.pick(scripts().satisfiable)
  return { claim: utf8(text(`${name}x`, `${name}y`)), proof: random.pick(scripts().refuted).proof }
}

function scripts(): Shelf {
  shelf ??= drawShelf(randomStream(0, 'scripts'))
  return shelf
}

function drawShelf(random: Random): Shelf {
  const refuted: Refuted[] = []
  const satisfiable: Outline[] = []
  for (let nth = 0; refuted.length < REFUTED || satisfiable.length < SATISFIABLE; nth++) {
    assert(nth < MOST_DRAWS, 'of so many scripts enough can be refuted')
    const outline = drawOutline(random)
    const steps = refutationOf(outline.text('x', 'y'))
    if (steps === null) {
      if (satisfiable.length < SATISFIABLE) satisfiable.push(outline)
    } else if (refuted.length < REFUTED && steps.length >= LEAST_STEPS) {
      const proof = toTextLrat(steps)
      if (proof.length <= MAX_INLINE_PROOF_BYTES) refuted.push({ ...outline, proof })
    }
  }
  return { refuted, satisfiable }
}

/** Null: it can be satisfied. */
function refutationOf(script: string): readonly LratStep[] | null {
  const parsed = parseScript(utf8(script))
  assert(parsed.ok, () => `what is drawn is a script: ${parsed.ok ? '' : parsed.error.message}`)
  const encoded = encodeWithin(parsed.value)
  assert(encoded.ok, 'a small script has a small circuit')
  const { variables, words } = encoded.value.cnf
  const clauses: number[][] = []
  for (let at = 0; at < words.length; at += 1 + (words[at] as number))
    clauses.push(
      Array.from(words.subarray(at + 1, at + 1 + (words[at] as number)), (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)),
    )
  const outcome = refute({ name: 'script', variables, clauses }, { conflicts: MOST_CONFLICTS })
  assert(outcome.status !== 'gave-up', 'a small circuit is decided soon')
  return outcome.status === 'unsatisfiable' ? outcome.steps : null
}

function drawOutline(random: Random): Outline {
  const width = random.between(1, MOST_WIDTH)
  const assertions = Array.from({ length: random.between(1, 3) }, () => drawRelation(random, width))
  const sort = `(_ BitVec ${width})`
  return {
    text: (one, other) => {
      const named = assertions.map((assertion) => `(assert ${assertion.replaceAll('$1', one).replaceAll('$2', other)})\n`)
      const declared = [one, other].map((name) => `(declare-const ${name} ${sort})\n`)
      return `(set-logic QF_BV)\n${declared.join('')}${named.join('')}(check-sat)\n`
    },
  }
}

function drawRelation(random: Random, width: number): string {
  const relation = `(${random.pick(RELATIONS)} ${drawTerm(random, width, 2)} ${drawTerm(random, width, 2)})`
  return random.chance(0.5) ? relation : `(not ${relation})`
}

function drawTerm(random: Random, width: number, depth: number): string {
  if (depth === 0 || !random.chance(DEEP_RATE)) {
    if (!random.chance(LITERAL_RATE)) return random.pick(['$1', '$2'])
    return `#b${Array.from({ length: width }, () => random.below(2)).join('')}`
  }
  const operand = (): string => drawTerm(random, width, depth - 1)
  if (random.chance(0.2)) return `(${random.pick(ONE_OPERAND)} ${operand()})`
  if (random.chance(0.1)) return `(ite ${drawRelation(random, width)} ${operand()} ${operand()})`
  return `(${random.pick(TWO_OPERANDS)} ${operand()} ${operand()})`
}
