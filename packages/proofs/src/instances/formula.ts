/** A CNF under construction: variables, gates and parities as clauses (Tseitin 1968), and the DIMACS text of the result. */
import { assert, utf8 } from '@aethel/codec'

/** Clauses of DIMACS integers: v is variable v, -v its negation. */
export interface Formula {
  readonly name: string
  readonly variables: number
  readonly clauses: readonly (readonly number[])[]
}

/** The formula as a DIMACS file. */
export function toDimacs(formula: Formula): Uint8Array {
  const lines = [`c ${formula.name}`, `p cnf ${formula.variables} ${formula.clauses.length}`]
  for (const clause of formula.clauses) lines.push(`${clause.join(' ')} 0`)
  return utf8(`${lines.join('\n')}\n`)
}

export class FormulaBuilder {
  #variables = 0
  readonly #clauses: number[][] = []

  variable(): number {
    return ++this.#variables
  }

  variableList(count: number): number[] {
    return Array.from({ length: count }, () => this.variable())
  }

  clause(...literals: number[]): void {
    this.#clauses.push(literals)
  }

  and(a: number, b: number): number {
    const out = this.variable()
    this.clause(-out, a)
    this.clause(-out, b)
    this.clause(out, -a, -b)
    return out
  }

  or(a: number, b: number): number {
    return -this.and(-a, -b)
  }

  xor(a: number, b: number): number {
    const out = this.variable()
    this.parity([out, a, b], 0)
    return out
  }

  majority(a: number, b: number, c: number): number {
    const out = this.variable()
    for (const [x, y] of [
      [a, b],
      [a, c],
      [b, c],
    ] as const) {
      this.clause(out, -x, -y)
      this.clause(-out, x, y)
    }
    return out
  }

  /** The exclusive or of the literals is `value`: one clause per wrong assignment, 2^(n-1) of them. */
  parity(literals: readonly number[], value: 0 | 1): void {
    assert(literals.length <= 8, `a direct parity constraint of ${literals.length} literals is too large`)
    for (let wrong = 0; wrong < 1 << literals.length; wrong++) {
      let ones = 0
      for (let i = 0; i < literals.length; i++) ones ^= (wrong >> i) & 1
      if (ones !== value) this.#clauses.push(literals.map((literal, i) => (((wrong >> i) & 1) === 1 ? -literal : literal)))
    }
  }

  finish(name: string): Formula {
    return { name, variables: this.#variables, clauses: this.#clauses }
  }
}
