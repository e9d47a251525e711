/** What went wrong in a proof, as a sentence for whoever wrote it: step, statement, what was expected, what came. */

import { MAX_SLOTS } from './gas.js'
import type { Fault, Machine } from './machine.js'

/** How integers are called in the file or claim at hand. */
export interface Names {
  symbol(constant: number): string
  variable(slot: number): string
  reference(reference: number): string
  hypothesis(reference: number, hypothesis: number): string
}

/** Symbols shown of one expression. */
const SHOWN_SYMBOLS = 60

export function explain(fault: Fault, machine: Machine, names: Names): string {
  const { step, reference, hypothesis, a, b } = machine.failure
  const at = `step ${step}`
  const applied = reference >= 0 ? `${at} (${names.reference(reference)})` : at
  switch (fault) {
    case 'incomplete':
      return 'the proof is incomplete: it contains "?"; finish it first'
    case 'proof-syntax':
      return `${at}: expected a compressed proof: A-Z only, numbers as U-Y followed by A-T, Z directly after a step that applies a statement`
    case 'proof-reference':
      return `${at}: refers to number ${reference + 1}, but there are ${machine.references} labels and not that many saved steps`
    case 'proof-empty':
      return 'the proof has no steps'
    case 'too-many-variables':
      return `hypotheses and variables of the proof are ${machine.slots}; ${MAX_SLOTS} are allowed`
    case 'stack-underflow':
      return `${applied}: needs ${hypothesis} hypotheses, but the stack holds ${machine.stackDepth}`
    case 'stack-leftover':
      return `after the last step (${step}) the stack holds ${machine.stackDepth} entries; it should hold exactly one`
    case 'typecode-mismatch':
    case 'hypothesis-mismatch': {
      const expected = show(machine.expectedHypothesis(reference, hypothesis, SHOWN_SYMBOLS), names)
      const got = show(machine.stackEntry(machine.entryOfHypothesis(reference, hypothesis), SHOWN_SYMBOLS), names)
      const what = fault === 'typecode-mismatch' ? `typecode "${expected}"` : `"${expected}"`
      return `${applied}: hypothesis ${names.hypothesis(reference, hypothesis)} needs ${what}, but the stack holds "${got}"`
    }
    case 'disjoint-violation':
      return a === b
        ? `${applied}: two variables that must be disjoint are both replaced by expressions with "${names.variable(a)}"`
        : `${applied}: needs "${names.variable(a)}" and "${names.variable(b)}" to be disjoint, and no "$d" says so`
    case 'wrong-conclusion':
      return `the proof proves "${show(machine.stackEntry(0, SHOWN_SYMBOLS), names)}", which is not the assertion`
  }
}

function show(symbols: Iterable<number>, names: Names): string {
  const words: string[] = []
  for (const symbol of symbols) words.push(symbol >= 0 ? names.symbol(symbol) : names.variable(~symbol))
  return words.length >= SHOWN_SYMBOLS ? `${words.join(' ')} ...` : words.join(' ')
}
