/**
 * The short refutation of the pigeonhole principle by extended resolution (Cook 1976): resolution alone needs exponentially
 * many steps (Haken 1985), with new variables O(n^4) do. It reduces n+1 pigeons in n holes to n pigeons in n-1 holes: who
 * sat in the last hole moves to where the last pigeon sat. The definitions are RAT additions, the rest is RUP.
 */
import { assert } from '@aethel/codec'
import type { LratStep } from './certificate.js'
import { pigeonhole } from './generators.js'

/** The ids that stand for one level of the reduction: n+1 pigeons, n holes. */
interface Level {
  /** [pigeon][hole] -> variable. */
  readonly sits: readonly (readonly number[])[]
  /** [pigeon] -> id of "it sits somewhere". */
  readonly somewhere: readonly number[]
  /** "Pigeons first < second do not share the hole". */
  readonly apart: (first: number, second: number, hole: number) => number
}

/** A refutation of `pigeonhole(holes + 1, holes)`. */
export function pigeonholeCertificate(holes: number): LratStep[] {
  assert(holes >= 2 && holes <= 32, `holes must be an integer in 2..32, got ${holes}`)
  const formula = pigeonhole(holes + 1, holes)
  const writer = new ReductionWriter(formula.clauses.length, formula.variables)
  const pigeons = holes + 1
  const pairs = (pigeons * holes) / 2
  let level: Level = {
    sits: Array.from({ length: pigeons }, (_, pigeon) => Array.from({ length: holes }, (_, hole) => pigeon * holes + hole + 1)),
    somewhere: Array.from({ length: pigeons }, (_, pigeon) => pigeon + 1),
    apart: (first, second, hole) => pigeons + hole * pairs + pairIndex(first, second, pigeons) + 1,
  }
  for (let left = holes - 1; left >= 1; left--) level = writer.reduce(level, left)
  writer.add([], [level.somewhere[0] as number, level.somewhere[1] as number, level.apart(0, 1, 0)])
  return writer.steps
}

/** Rank of (first, second) among the pairs in lexicographic order. */
function pairIndex(first: number, second: number, pigeons: number): number {
  return first * pigeons - (first * (first + 1)) / 2 + second - first - 1
}

class ReductionWriter {
  readonly steps: LratStep[] = []
  #id: number
  #variables: number

  constructor(clauses: number, variables: number) {
    this.#id = clauses
    this.#variables = variables
  }

  add(literals: readonly number[], hints: readonly number[]): number {
    this.steps.push({ id: ++this.#id, literals, hints, deletes: [] })
    return this.#id
  }

  /** From `holes + 2` pigeons in `holes + 1` holes to one fewer of both. */
  reduce(above: Level, holes: number): Level {
    const lastPigeon = holes + 1
    const lastHole = holes
    const variableOf = (pigeon: number, hole: number): number => (above.sits[pigeon] as readonly number[])[hole] as number
    const sits: number[][] = []
    /** [pigeon][hole] -> ids of the four clauses that define sits = stayed or moved. */
    const definitions: { stays: number; moves: number; stayedOrLast: number; stayedOrFree: number }[][] = []
    for (let pigeon = 0; pigeon <= holes; pigeon++) {
      const rowSits: number[] = []
      const rowIds: (typeof definitions)[number] = []
      for (let hole = 0; hole < holes; hole++) {
        const x = ++this.#variables
        const stayed = variableOf(pigeon, hole)
        const inLast = variableOf(pigeon, lastHole)
        const freed = variableOf(lastPigeon, hole)
        const stays = this.add([x, -stayed], [])
        const moves = this.add([x, -inLast, -freed], [])
        const stayedOrLast = this.add([-x, stayed, inLast], [-stays, -moves])
        const stayedOrFree = this.add([-x, stayed, freed], [-stays, -moves])
        rowSits.push(x)
        rowIds.push({ stays, moves, stayedOrLast, stayedOrFree })
      }
      sits.push(rowSits)
      definitions.push(rowIds)
    }
    const somewhere = sits.map((row, pigeon) => {
      const ids = definitions[pigeon] ?? []
      const hints = [...ids.map((id) => id.stays), above.somewhere[pigeon] as number, ...ids.map((id) => id.moves)]
      return this.add(row, [...hints, above.somewhere[lastPigeon] as number, above.apart(pigeon, lastPigeon, lastHole)])
    })
    const apart = new Map<number, number>()
    const key = (first: number, second: number, hole: number): number => hole * (holes + 1) ** 2 + first * (holes + 1) + second
    for (let hole = 0; hole < holes; hole++) {
      for (let first = 0; first <= holes; first++) {
        for (let second = first + 1; second <= holes; second++) {
          const one = sits[first]?.[hole] as number
          const other = sits[second]?.[hole] as number
          const ofOne = definitions[first]?.[hole]
          const ofOther = definitions[second]?.[hole]
          assert(ofOne !== undefined && ofOther !== undefined, 'each pigeon and hole has its definition')
          // If the last pigeon sat here, both came from the last hole; if not, both were here before.
          const unlessFree = this.add(
            [-one, -other, -variableOf(lastPigeon, hole)],
            [
              above.apart(first, lastPigeon, hole),
              above.apart(second, lastPigeon, hole),
              ofOne.stayedOrLast,
              ofOther.stayedOrLast,
              above.apart(first, second, lastHole),
            ],
          )
          const id = this.add([-one, -other], [unlessFree, ofOne.stayedOrFree, ofOther.stayedOrFree, above.apart(first, second, hole)])
          apart.set(key(first, second, hole), id)
        }
      }
    }
    return { sits, somewhere, apart: (first, second, hole) => apart.get(key(first, second, hole)) as number }
  }
}
