/**
 * Formulas in clauses that can be satisfied, with an assignment that does it; and whether an assignment does, read from the bytes of claim and
 * certificate by their definition (docs/proof-kinds/sat-model.md), without a line of the kernel's.
 */
import { clausesToClaim, encodeModel } from '@aethel/proofs'
import type { Random } from '../random.js'
import { drawContradiction } from './refutations.js'

type Clause = readonly number[]

export interface Model {
  readonly claim: Uint8Array
  readonly proof: Uint8Array
}

const LEAST_VARIABLES = 4
/** More than a byte of the certificate holds. */
const MOST_VARIABLES = 12
const CLAUSES = 10
const LITERALS = 3
const WORD_BYTES = 4

/** One literal at least of each clause is true under this assignment. */
function drawSatisfiable(random: Random): { readonly clauses: readonly Clause[]; isTrue(variable: number): boolean } {
  const variables = random.between(LEAST_VARIABLES, MOST_VARIABLES)
  const values = Array.from({ length: variables }, () => random.chance(0.5))
  const isTrue = (variable: number): boolean => values[variable - 1] === true
  const clauses = Array.from({ length: CLAUSES }, () => {
    const first = random.below(variables)
    const among = Array.from({ length: LITERALS }, (_, at) => ((first + at) % variables) + 1)
    const kept = random.pick(among)
    return among.map((variable) => ((variable === kept ? isTrue(variable) : random.chance(0.5)) ? variable : -variable))
  })
  return { clauses, isTrue }
}

function modelOf(clauses: readonly Clause[], isTrue: (variable: number) => boolean): Model {
  return { claim: clausesToClaim(clauses), proof: encodeModel(Math.max(...clauses.flat().map(Math.abs)), isTrue) }
}

export function drawModel(random: Random): Model {
  const { clauses, isTrue } = drawSatisfiable(random)
  return modelOf(clauses, isTrue)
}

/** An assignment of a formula that no assignment satisfies. */
export function drawFalseModel(random: Random): Model {
  return modelOf(drawContradiction(random), () => random.chance(0.5))
}

/** The formula can be satisfied, but one of its clauses, whichever, is false here. */
export function drawBrokenModel(random: Random): Model {
  const { clauses, isTrue } = drawSatisfiable(random)
  const broken = random.pick(clauses)
  return modelOf(clauses, (variable) =>
    broken.some((each) => Math.abs(each) === variable) ? broken.includes(-variable) : isTrue(variable),
  )
}

/** The certificate has a bit for each variable, the lowest of the first byte for the first; the clauses are lists of codes, 2v and 2v + 1. */
export function isModel(claim: Uint8Array, proof: Uint8Array): boolean {
  const words = Array.from({ length: claim.length / WORD_BYTES }, (_, at) =>
    claim.subarray(WORD_BYTES * at, WORD_BYTES * (at + 1)).reduce((word, byte) => 256 * word + byte, 0),
  )
  const [variables = 0, , ...lists] = words
  if (proof.length !== Math.ceil(variables / 8)) return false
  const bits = [...proof].flatMap((byte) => Array.from({ length: 8 }, (_, at) => Math.floor(byte / 2 ** at) % 2))
  while (lists.length > 0) {
    const literals = lists.splice(0, 1 + (lists[0] as number)).slice(1)
    if (!literals.some((code) => bits[Math.floor(code / 2) - 1] === 1 - (code % 2))) return false
  }
  return bits.slice(variables).every((bit) => bit === 0)
}
