/**
 * For tests only: what an LRAT proof says, read and checked again without its hints, by definition and without any
 * cleverness. Shares no code with the kernel.
 */
export type SlowStep =
  | { readonly kind: 'add'; readonly id: number; readonly clause: readonly number[] }
  | { readonly kind: 'delete'; readonly ids: readonly number[] }

type Clause = readonly number[]

/** The steps of a text proof that is known to be well-formed. */
export function readText(text: string): SlowStep[] {
  const tokens = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('c'))
    .join(' ')
    .split(/[ \t\r]+/)
    .filter((token) => token !== '')
  const steps: SlowStep[] = []
  let at = 0
  const upToZero = (): number[] => {
    const end = tokens.indexOf('0', at)
    const numbers = tokens.slice(at, end).map(Number)
    at = end + 1
    return numbers
  }
  while (at < tokens.length) {
    const id = Number(tokens[at++])
    if (tokens[at] === 'd') {
      at++
      steps.push({ kind: 'delete', ids: upToZero() })
    } else {
      steps.push({ kind: 'add', id, clause: upToZero() })
      upToZero()
    }
  }
  return steps
}

/** Whether assuming `literals` leads to a conflict by unit propagation over all clauses, to the fixed point. */
function conflicts(clauses: readonly Clause[], literals: readonly number[]): boolean {
  const truths = new Set(literals)
  for (const literal of truths) if (truths.has(-literal)) return true
  for (let changed = true; changed; ) {
    changed = false
    for (const clause of clauses) {
      if (clause.some((literal) => truths.has(literal))) continue
      const open = [...new Set(clause.filter((literal) => !truths.has(-literal)))]
      if (open.length === 0) return true
      if (open.length === 1) {
        truths.add(open[0] as number)
        changed = true
      }
    }
  }
  return false
}

/** Each addition is RUP, or RAT on its first literal, over the clauses live before it, and the empty clause is among them. */
export function slowCheck(formula: readonly Clause[], steps: readonly SlowStep[]): boolean {
  return stepsHold(formula, steps) && steps.some((step) => step.kind === 'add' && step.clause.length === 0)
}

export function stepsHold(formula: readonly Clause[], steps: readonly SlowStep[]): boolean {
  const live = new Map<number, Clause>(formula.map((clause, i) => [i + 1, clause]))
  for (const step of steps) {
    if (step.kind === 'delete') {
      for (const id of step.ids) live.delete(id)
      continue
    }
    const clauses = [...live.values()]
    const negated = step.clause.map((literal) => -literal)
    if (!conflicts(clauses, negated)) {
      const pivot = step.clause[0]
      if (pivot === undefined) return false
      for (const other of clauses) {
        if (!other.includes(-pivot)) continue
        const rest = other.filter((literal) => literal !== -pivot).map((literal) => -literal)
        if (!conflicts(clauses, [...negated, ...rest])) return false
      }
    }
    live.set(step.id, step.clause)
  }
  return true
}

/** Truth by trying every assignment. */
export function isSatisfiable(formula: readonly Clause[]): boolean {
  const variables = Math.max(0, ...formula.flat().map(Math.abs))
  for (let bits = 0; bits < 2 ** variables; bits++) {
    if (formula.every((clause) => clause.some((literal) => ((bits >> (Math.abs(literal) - 1)) & 1) === (literal > 0 ? 1 : 0)))) return true
  }
  return false
}
