/**
 * A small SAT solver that writes down why: conflict-driven clause learning with two watched literals, first unique
 * implication points, recursive minimisation, decaying activities, saved phases and Luby restarts (Marques-Silva and
 * Sakallah 1996, Moskewicz and others 2001, Een and Soerensson 2003). Every learned clause carries its LRAT hints: the reasons
 * of the literals resolved away, in the order in which they were assigned, then the conflict.
 *
 * It exists to make certificates for the bundled instances and for tests, deterministically; for real problems use a
 * real solver. Nothing trusts it: the kernel checks what it writes.
 */
import { assert } from '@aethel/codec'
import { type LratStep, type ProofStep, trimmed } from './certificate.js'
import type { Formula } from './formula.js'

export type RefutationOutcome =
  | { readonly status: 'unsatisfiable'; readonly steps: readonly LratStep[]; readonly conflicts: number }
  /** `model[v]` is the value of variable v; index 0 is unused. */
  | { readonly status: 'satisfiable'; readonly model: readonly boolean[]; readonly conflicts: number }
  | { readonly status: 'gave-up'; readonly conflicts: number }

export function refute(formula: Formula, limits: { readonly conflicts: number }): RefutationOutcome {
  return new Solver(formula).solve(limits.conflicts)
}

const RESTART_CONFLICTS = 64
const ACTIVITY_GROWTH = 1 / 0.95
const ACTIVITY_RESCALE = 1e100
const NO_REASON = -1

interface Clause {
  /** Literal codes 2v, 2v+1; the first two are watched. */
  readonly literals: number[]
  readonly id: number
}

class Solver {
  readonly #formula: Formula
  readonly #clauses: Clause[] = []
  readonly #watches: number[][]
  readonly #steps: ProofStep[] = []
  /** By literal code: 1 true, -1 false, 0 open. */
  readonly #value: Int8Array
  readonly #level: Int32Array
  readonly #reason: Int32Array
  readonly #position: Int32Array
  readonly #phase: Uint8Array
  readonly #activity: Float64Array
  /** By variable assigned at level 0: the id of a unit clause that says so. */
  readonly #unitId: Int32Array
  readonly #trail: number[] = []
  readonly #levelStarts: number[] = []
  #propagated = 0
  #increment = 1
  #conflicts = 0

  constructor(formula: Formula) {
    const variables = formula.variables + 1
    this.#formula = formula
    this.#watches = Array.from({ length: 2 * variables }, () => [])
    this.#value = new Int8Array(2 * variables)
    this.#level = new Int32Array(variables)
    this.#reason = new Int32Array(variables)
    this.#position = new Int32Array(variables)
    this.#phase = new Uint8Array(variables)
    this.#activity = new Float64Array(variables)
    this.#unitId = new Int32Array(variables)
  }

  solve(mostConflicts: number): RefutationOutcome {
    if (!this.#load()) return this.#refuted()
    let untilRestart = RESTART_CONFLICTS
    let restarts = 0
    for (;;) {
      const conflict = this.#propagate()
      if (conflict !== NO_REASON) {
        this.#conflicts++
        if (this.#levelStarts.length === 0) {
          this.#deriveEmpty(this.#clauses[conflict] as Clause)
          return this.#refuted()
        }
        if (this.#conflicts >= mostConflicts) return { status: 'gave-up', conflicts: this.#conflicts }
        this.#learn(conflict)
        this.#increment *= ACTIVITY_GROWTH
        untilRestart--
      } else if (untilRestart <= 0) {
        untilRestart = RESTART_CONFLICTS * luby(++restarts)
        this.#backtrack(0)
      } else if (!this.#decide()) {
        const model = Array.from({ length: this.#formula.variables + 1 }, (_, v) => this.#value[2 * v] === 1)
        return { status: 'satisfiable', model, conflicts: this.#conflicts }
      }
    }
  }

  #refuted(): RefutationOutcome {
    return { status: 'unsatisfiable', steps: trimmed(this.#formula.clauses.length, this.#steps), conflicts: this.#conflicts }
  }

  /** False if the unit clauses already contradict each other. */
  #load(): boolean {
    const { clauses } = this.#formula
    for (let i = 0; i < clauses.length; i++) {
      const literals = [...new Set((clauses[i] as readonly number[]).map((literal) => (literal < 0 ? 1 - 2 * literal : 2 * literal)))]
      assert(literals.length > 0, 'an empty clause needs no refutation')
      if (literals.some((literal) => literals.includes(literal ^ 1))) continue
      const id = i + 1
      if (literals.length > 1) {
        this.#attach({ literals, id })
        continue
      }
      const unit = literals[0] as number
      if (this.#value[unit] === -1) {
        this.#steps.push({ literals: [], hints: [this.#unitId[unit >> 1] as number, id] })
        return false
      }
      if (this.#value[unit] === 0) {
        this.#assign(unit, NO_REASON)
        this.#unitId[unit >> 1] = id
      }
    }
    return true
  }

  #attach(clause: Clause): number {
    const index = this.#clauses.push(clause) - 1
    this.#watches[clause.literals[0] as number]?.push(index)
    this.#watches[clause.literals[1] as number]?.push(index)
    return index
  }

  #assign(literal: number, reason: number): void {
    const variable = literal >> 1
    this.#value[literal] = 1
    this.#value[literal ^ 1] = -1
    this.#level[variable] = this.#levelStarts.length
    this.#reason[variable] = reason
    this.#position[variable] = this.#trail.length
    this.#trail.push(literal)
    if (reason !== NO_REASON && this.#levelStarts.length === 0) this.#deriveUnit(literal, this.#clauses[reason] as Clause)
  }

  /** At level 0 every assigned literal gets a unit clause of its own, so later hints need one id for it. */
  #deriveUnit(literal: number, reason: Clause): void {
    const units = reason.literals.filter((other) => other !== literal).map((other) => this.#unitId[other >> 1] as number)
    this.#unitId[literal >> 1] = this.#emit([literal], [...units, reason.id])
  }

  #deriveEmpty(conflict: Clause): void {
    this.#emit([], [...conflict.literals.map((literal) => this.#unitId[literal >> 1] as number), conflict.id])
  }

  #emit(literals: readonly number[], hints: readonly number[]): number {
    this.#steps.push({ literals: literals.map((code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)), hints })
    return this.#formula.clauses.length + this.#steps.length
  }

  /** Index of a clause that became false, or NO_REASON. */
  #propagate(): number {
    while (this.#propagated < this.#trail.length) {
      const falsified = (this.#trail[this.#propagated++] as number) ^ 1
      const watching = this.#watches[falsified] as number[]
      let kept = 0
      for (let i = 0; i < watching.length; i++) {
        const index = watching[i] as number
        const { literals } = this.#clauses[index] as Clause
        if (literals[0] === falsified) {
          literals[0] = literals[1] as number
          literals[1] = falsified
        }
        const other = literals[0] as number
        if (this.#value[other] !== 1) {
          const at = literals.findIndex((literal, k) => k > 1 && this.#value[literal] !== -1)
          if (at >= 0) {
            const replacement = literals[at] as number
            literals[at] = falsified
            literals[1] = replacement
            this.#watches[replacement]?.push(index)
            continue
          }
          if (this.#value[other] === -1) {
            for (; i < watching.length; i++) watching[kept++] = watching[i] as number
            watching.length = kept
            return index
          }
          this.#assign(other, index)
        }
        watching[kept++] = index
      }
      watching.length = kept
    }
    return NO_REASON
  }

  #learn(conflict: number): void {
    const clause = this.#minimised(this.#firstUniqueImplicationPoint(conflict))
    const id = this.#emit(clause, this.#hintsFor(clause, conflict))
    // The second literal watched is the one that comes undone last.
    let second = 1
    for (let i = 2; i < clause.length; i++) if (this.#levelOf(clause[i] as number) > this.#levelOf(clause[second] as number)) second = i
    const unit = clause[0] as number
    if (clause.length === 1) {
      this.#backtrack(0)
      this.#assign(unit, NO_REASON)
      this.#unitId[unit >> 1] = id
      return
    }
    const swapped = clause[second] as number
    clause[second] = clause[1] as number
    clause[1] = swapped
    this.#backtrack(this.#levelOf(swapped))
    this.#assign(unit, this.#attach({ literals: clause, id }))
  }

  #levelOf(literal: number): number {
    return this.#level[literal >> 1] as number
  }

  /** The clause learned from a conflict; its first literal is the only one of the current level. */
  #firstUniqueImplicationPoint(conflict: number): number[] {
    const current = this.#levelStarts.length
    const seen = new Set<number>()
    const learned: number[] = [0]
    let open = 0
    let at = this.#trail.length - 1
    let index = conflict
    for (;;) {
      for (const literal of (this.#clauses[index] as Clause).literals) {
        const variable = literal >> 1
        if (seen.has(variable) || this.#level[variable] === 0) continue
        seen.add(variable)
        this.#bump(variable)
        if (this.#level[variable] === current) open++
        else learned.push(literal)
      }
      while (!seen.has((this.#trail[at] as number) >> 1)) at--
      const resolved = this.#trail[at--] as number
      if (--open === 0) {
        learned[0] = resolved ^ 1
        return learned
      }
      index = this.#reason[resolved >> 1] as number
    }
  }

  /** Drops literals that the others imply through their reasons. */
  #minimised(clause: readonly number[]): number[] {
    const members = new Set(clause.map((literal) => literal >> 1))
    const known = new Map<number, boolean>()
    // With a stack of its own: a chain of reasons is as long as the formula.
    const implied = (asked: number): boolean => {
      const open = [{ variable: asked, next: 0 }]
      for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
        const { variable } = top
        const reason = this.#reason[variable] as number
        const literals = reason === NO_REASON ? [] : (this.#clauses[reason] as Clause).literals
        let answer: boolean | undefined = reason !== NO_REASON
        while (answer === true && top.next < literals.length) {
          const other = (literals[top.next] as number) >> 1
          const holds = other === variable || this.#level[other] === 0 || members.has(other) || known.get(other)
          if (holds === undefined) open.push({ variable: other, next: 0 })
          else top.next++
          answer = holds
        }
        if (answer === undefined) continue
        known.set(variable, answer)
        open.pop()
      }
      return known.get(asked) as boolean
    }
    return clause.filter((literal, i) => i === 0 || !implied(literal >> 1))
  }

  /** Everything the conflict leans on, back to the learned clause's own literals, in the order of assignment. */
  #hintsFor(clause: readonly number[], conflict: number): number[] {
    const members = new Set(clause.map((literal) => literal >> 1))
    const units: number[] = []
    const resolved: number[] = []
    const seen = new Set<number>()
    const pending = [conflict]
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      for (const literal of (this.#clauses[index] as Clause).literals) {
        const variable = literal >> 1
        if (seen.has(variable) || members.has(variable)) continue
        seen.add(variable)
        if (this.#level[variable] === 0) units.push(this.#unitId[variable] as number)
        else {
          resolved.push(variable)
          pending.push(this.#reason[variable] as number)
        }
      }
    }
    resolved.sort((a, b) => (this.#position[a] as number) - (this.#position[b] as number))
    const reasons = resolved.map((variable) => (this.#clauses[this.#reason[variable] as number] as Clause).id)
    return [...units, ...reasons, (this.#clauses[conflict] as Clause).id]
  }

  #bump(variable: number): void {
    const activity = (this.#activity[variable] as number) + this.#increment
    this.#activity[variable] = activity
    if (activity < ACTIVITY_RESCALE) return
    for (let v = 0; v < this.#activity.length; v++) this.#activity[v] = (this.#activity[v] as number) / ACTIVITY_RESCALE
    this.#increment /= ACTIVITY_RESCALE
  }

  #backtrack(level: number): void {
    const to = this.#levelStarts[level]
    if (to === undefined) return
    for (let i = this.#trail.length - 1; i >= to; i--) {
      const literal = this.#trail[i] as number
      this.#value[literal] = 0
      this.#value[literal ^ 1] = 0
      this.#phase[literal >> 1] = literal & 1
    }
    this.#trail.length = to
    this.#levelStarts.length = level
    this.#propagated = to
  }

  /** The open variable of highest activity, the lowest among equals; false if none is open. */
  #decide(): boolean {
    let best = 0
    let highest = -1
    for (let v = 1; v < this.#activity.length; v++) {
      if (this.#value[2 * v] === 0 && (this.#activity[v] as number) > highest) {
        best = v
        highest = this.#activity[v] as number
      }
    }
    if (best === 0) return false
    this.#levelStarts.push(this.#trail.length)
    this.#assign(2 * best + (this.#phase[best] as number), NO_REASON)
    return true
  }
}

/** 1, 1, 2, 1, 1, 2, 4, 1, ... (Luby, Sinclair and Zuckerman 1993), from index 1. */
function luby(index: number): number {
  let rest = index
  for (;;) {
    let power = 1
    while (2 * power - 1 < rest) power *= 2
    if (2 * power - 1 === rest) return power
    rest -= power - 1
  }
}
