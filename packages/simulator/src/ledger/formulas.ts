/**
 * Formulas of implication, and whether they are true whatever their variables are: by a table of all cases. What the kernel of `metamath/1`
 * proves by rules, this decides by counting, so neither can cover for the other.
 */
export const VARIABLES = ['p', 'q', 'r'] as const
export type Variable = (typeof VARIABLES)[number]

export interface Implication {
  readonly from: Formula
  readonly to: Formula
}

export type Formula = Variable | Implication

export type Substitution = (variable: Variable) => Formula

export function implies(from: Formula, to: Formula): Implication {
  return { from, to }
}

/** As the library writes it: `( p -> q )`. */
export function textOf(formula: Formula): string {
  return typeof formula === 'string' ? formula : `( ${textOf(formula.from)} -> ${textOf(formula.to)} )`
}

/** Null: no formula. */
export function parseFormula(text: string): Formula | null {
  const symbols = text.split(' ')
  const formula = takeFormula(symbols)
  return symbols.length === 0 ? formula : null
}

/** Takes one from the front. */
function takeFormula(symbols: string[]): Formula | null {
  const first = symbols.shift()
  const variable = VARIABLES.find((each) => each === first)
  if (variable !== undefined) return variable
  if (first !== '(') return null
  const from = takeFormula(symbols)
  if (symbols.shift() !== '->') return null
  const to = takeFormula(symbols)
  return symbols.shift() === ')' && from !== null && to !== null ? implies(from, to) : null
}

/** Variables in it. */
export function sizeOf(formula: Formula): number {
  return typeof formula === 'string' ? 1 : sizeOf(formula.from) + sizeOf(formula.to)
}

export function variablesIn(formula: Formula): Variable[] {
  return VARIABLES.filter((variable) => mentions(formula, variable))
}

function mentions(formula: Formula, variable: Variable): boolean {
  return typeof formula === 'string' ? formula === variable : mentions(formula.from, variable) || mentions(formula.to, variable)
}

export function substitute(formula: Formula, by: Substitution): Formula {
  return typeof formula === 'string' ? by(formula) : implies(substitute(formula.from, by), substitute(formula.to, by))
}

export function isTautology(formula: Formula): boolean {
  for (let row = 0; row < 1 << VARIABLES.length; row++) if (!holds(formula, row)) return false
  return true
}

/** In the row of the table in which the nth variable is true if the nth bit is set. */
function holds(formula: Formula, row: number): boolean {
  if (typeof formula === 'string') return ((row >> VARIABLES.indexOf(formula)) & 1) === 1
  return !holds(formula.from, row) || holds(formula.to, row)
}
