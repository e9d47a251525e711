/**
 * LRAT proofs being written: steps in memory, trimmed to what the empty clause needs, numbered without gaps, with each
 * clause deleted after its last use, and encoded in either form.
 */
import { assert, utf8 } from '@aethel/codec'

/** One derived clause. Hints are ids: 1..n are the formula's clauses, n+1.. the steps in order; negative opens a RAT group. */
export interface ProofStep {
  readonly literals: readonly number[]
  readonly hints: readonly number[]
}

/** An addition, followed by the ids that are deleted after it. */
export interface LratStep extends ProofStep {
  readonly id: number
  readonly deletes: readonly number[]
}

/**
 * The steps that the last one leans on. Only for proofs of RUP steps alone: what a RAT step needs is every clause
 * with its negated literal, so leaving clauses out is safe but keeping their group is not.
 */
export function trimmed(clauses: number, steps: readonly ProofStep[]): LratStep[] {
  const needed = new Uint8Array(steps.length)
  needed[steps.length - 1] = 1
  for (let i = steps.length - 1; i >= 0; i--) {
    if (needed[i] === 0) continue
    for (const hint of (steps[i] as ProofStep).hints) {
      assert(hint > 0 && hint <= clauses + i, `step ${i} leans on ${hint}, which does not precede it`)
      if (hint > clauses) needed[hint - clauses - 1] = 1
    }
  }
  const numbers = new Map<number, number>()
  const kept: ProofStep[] = []
  steps.forEach((step, i) => {
    if (needed[i] === 0) return
    kept.push({ literals: step.literals, hints: step.hints.map((hint) => numbers.get(hint) ?? hint) })
    numbers.set(clauses + 1 + i, clauses + kept.length)
  })
  return withDeletions(clauses, kept)
}

function withDeletions(clauses: number, steps: readonly ProofStep[]): LratStep[] {
  const lastUse = new Map<number, number>()
  steps.forEach((step, i) => {
    for (const hint of step.hints) if (hint > clauses) lastUse.set(hint, i)
  })
  const deletes = steps.map((): number[] => [])
  for (let i = 0; i < steps.length; i++) {
    const id = clauses + 1 + i
    const last = lastUse.get(id)
    if (last !== undefined && last < steps.length - 1) deletes[last]?.push(id)
  }
  return steps.map((step, i) => ({ ...step, id: clauses + 1 + i, deletes: deletes[i] as number[] }))
}

/** Binary LRAT, as CaDiCaL writes it. */
export function toBinaryLrat(steps: readonly LratStep[]): Uint8Array {
  const out: number[] = []
  const number = (value: number): void => {
    let rest = value < 0 ? 1 - 2 * value : 2 * value
    for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128)
    out.push(rest)
  }
  const list = (values: readonly number[]): void => {
    for (const value of values) number(value)
    out.push(0)
  }
  for (const step of steps) {
    out.push(97)
    number(step.id)
    list(step.literals)
    list(step.hints)
    if (step.deletes.length > 0) {
      out.push(100)
      list(step.deletes)
    }
  }
  return Uint8Array.from(out)
}

/** Text LRAT. */
export function toTextLrat(steps: readonly LratStep[]): Uint8Array {
  const lines: string[] = []
  for (const step of steps) {
    lines.push([step.id, ...step.literals, 0, ...step.hints, 0].join(' '))
    if (step.deletes.length > 0) lines.push([step.id, 'd', ...step.deletes, 0].join(' '))
  }
  return utf8(`${lines.join('\n')}\n`)
}
