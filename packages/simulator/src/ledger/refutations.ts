/** Small formulas in clauses that cannot be satisfied, with their refutations; and whether one can be, by trying every assignment. */
import { utf8 } from '@aethel/codec'
import { clausesToClaim, parseCnfClaim, refute, toTextLrat } from '@aethel/proofs'
import type { Random } from '../random.js'

type Clause = readonly number[]

export interface Refutation {
  readonly claim: Uint8Array
  /** As text, with its last line break. */
  readonly proof: Uint8Array
}

const NAME = 'small'
/** More than any of these takes. */
const MOST_CONFLICTS = 1_000
/** So few that all assignments can be tried. */
const MOST_VARIABLES = 12

/**
 * Every way to put signs before some variables is a clause, in any order: each assignment breaks one of them. Clauses over further
 * variables stand between them, which make it one formula of very many, and break nothing.
 */
export function drawContradiction(random: Random): Clause[] {
  const variables = random.between(2, 3)
  const clauses: number[][] = []
  for (let signs = 0; signs < 1 << variables; signs++) {
    const clause = Array.from({ length: variables }, (_, at) => (((signs >> at) & 1) === 1 ? at + 1 : -(at + 1)))
    clauses.splice(random.below(clauses.length + 1), 0, clause)
  }
  for (let more = 0; more < 3; more++) {
    const others = Array.from({ length: 3 }, (_, at) => (random.chance(0.5) ? 1 : -1) * (variables + 1 + 2 * at + random.below(2)))
    clauses.splice(random.below(clauses.length + 1), 0, others)
  }
  return clauses
}

function refutationOf(clauses: readonly Clause[]): Uint8Array | null {
  const variables = Math.max(...clauses.flat().map(Math.abs))
  const outcome = refute({ name: NAME, variables, clauses }, { conflicts: MOST_CONFLICTS })
  return outcome.status === 'unsatisfiable' ? toTextLrat(outcome.steps) : null
}

export function drawRefutation(random: Random): Refutation {
  const clauses = drawContradiction(random)
  const proof = refutationOf(clauses)
  if (proof === null) throw new Error('every assignment breaks one of these clauses')
  return { claim: clausesToClaim(clauses), proof }
}

/** The same refutation, with remarks until it is as long as this. */
export function padded(proof: Uint8Array, bytes: number): Uint8Array {
  const remarks = utf8(`c ${'.'.repeat(Math.max(0, bytes - proof.length - 3))}\n`)
  const whole = new Uint8Array(remarks.length + proof.length)
  whole.set(remarks)
  whole.set(proof, remarks.length)
  return whole
}

/** The refutation of these clauses for fewer of them, which can be satisfied: one that was needed is not there. */
export function drawFalseRefutation(random: Random): Refutation {
  const clauses = drawContradiction(random)
  const proof = refutationOf(clauses) ?? new Uint8Array(0)
  const needed = clauses.findIndex((clause) => clause.some((literal) => Math.abs(literal) === 1))
  return { claim: clausesToClaim(clauses.filter((_, at) => at !== needed)), proof }
}

/** Null: it is no formula, or too large to be tried. */
export function isUnsatisfiable(claim: Uint8Array): boolean | null {
  const parsed = parseCnfClaim(claim)
  if (!parsed.ok || parsed.value.variables > MOST_VARIABLES) return null
  const { words, variables } = parsed.value
  for (let assignment = 0; assignment < 1 << variables; assignment++) if (satisfies(words, assignment)) return false
  return true
}

/** Bit v - 1 of the assignment says whether variable v is true; of a literal's code the last bit says that it is negated. */
function satisfies(words: Int32Array, assignment: number): boolean {
  for (let at = 0; at < words.length; ) {
    const end = at + 1 + (words[at] as number)
    let holds = false
    for (at++; at < end; at++) {
      const code = words[at] as number
      if (((assignment >> ((code >> 1) - 1)) & 1) !== (code & 1)) holds = true
    }
    if (!holds) return false
  }
  return true
}
