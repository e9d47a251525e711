/** What `aethel prove` can prove by refutation: a CNF or a QF_BV script, each as the CNF a solver gets and the claim a network gets. */
import type { Refusal, Result } from '@aethel/codec'
import {
  BVLRAT_KIND,
  type BvScript,
  type Cnf,
  checkBvlrat,
  checkLrat,
  cnfToClaim,
  cnfToDimacs,
  encodeWithin,
  LRAT_KIND,
  modelText,
  parseCnfClaim,
  parseScript,
  scriptToClaim,
} from '@aethel/proofs'
import { type Expected, refusedFile } from '../formats.js'
import { grouped } from '../ui/terminal.js'

/** Whether an integer of DIMACS is among the true ones. */
export type Truth = (variable: number) => boolean

export interface Question {
  readonly kind: typeof LRAT_KIND | typeof BVLRAT_KIND
  readonly claim: Uint8Array
  readonly cnf: Cnf
  readonly dimacs: Uint8Array
  /** What the file holds, in a few words. */
  readonly summary: string
  /** Runs the kernel on a refutation, as the network will. */
  check(proof: Uint8Array): { readonly status: string; readonly gas: number; readonly code?: string; readonly message?: string }
  /** Of a model of the CNF, in the file's own terms. */
  model(isTrue: Truth): string
}

export function isScript(file: string): boolean {
  return file.endsWith('.smt2')
}

/** Reads a formula; what cannot be claimed is refused with the line of the file. */
export function readQuestion(file: string, bytes: Uint8Array): Question {
  return isScript(file) ? scriptQuestion(file, bytes) : cnfQuestion(file, bytes)
}

function cnfQuestion(file: string, bytes: Uint8Array): Question {
  const claim = accepted(file, cnfToClaim(bytes), bytes, 'cnf')
  const cnf = accepted(file, parseCnfClaim(claim), bytes, 'cnf')
  return {
    kind: LRAT_KIND,
    claim,
    cnf,
    dimacs: cnfToDimacs(cnf),
    summary: `a CNF of ${grouped(cnf.variables)} variables and ${grouped(cnf.clauses)} clauses`,
    check: (proof) => checkLrat(bytes, proof),
    model: (isTrue) => modelLines(cnf.variables, isTrue),
  }
}

function scriptQuestion(file: string, bytes: Uint8Array): Question {
  const claim = accepted(file, scriptToClaim(bytes), bytes, 'script')
  const script: BvScript = accepted(file, parseScript(claim), bytes, 'script')
  const { cnf, usedGates } = accepted(file, encodeWithin(script), bytes, 'script')
  return {
    kind: BVLRAT_KIND,
    claim,
    cnf,
    dimacs: cnfToDimacs(cnf),
    summary:
      `a QF_BV script with ${grouped(script.constants.length)} constants of ${grouped(script.inputBits)} bits; ` +
      `as a CNF ${grouped(cnf.variables)} variables and ${grouped(cnf.clauses)} clauses, ${grouped(usedGates)} gates`,
    check: (proof) => checkBvlrat(bytes, proof),
    model: (isTrue) => modelText(script, isTrue),
  }
}

function accepted<T>(file: string, result: Result<T, Refusal>, bytes: Uint8Array, expected: Expected): T {
  if (!result.ok) throw refusedFile(file, result.error, bytes, expected)
  return result.value
}

/** A model as SAT solvers print it: `v` lines of literals, ended by 0. */
function modelLines(variables: number, isTrue: Truth): string {
  const lines: string[] = []
  let line = 'v'
  for (let variable = 1; variable <= variables; variable++) {
    const literal = isTrue(variable) ? ` ${variable}` : ` -${variable}`
    if (line.length + literal.length > 78) {
      lines.push(line)
      line = 'v'
    }
    line += literal
  }
  return `${[...lines, `${line} 0`].join('\n')}\n`
}

/** Whether an assignment satisfies every clause: a model is shown only after this. */
export function satisfies(cnf: Cnf, isTrue: Truth): boolean {
  const { words } = cnf
  for (let at = 0; at < words.length; ) {
    const end = at + 1 + (words[at] as number)
    let holds = false
    for (at++; at < end; at++) {
      const code = words[at] as number
      if (isTrue(code >> 1) === ((code & 1) === 0)) holds = true
    }
    if (!holds) return false
  }
  return true
}

/** The CNF as lists of DIMACS integers, for the built-in solver. */
export function clausesOf(cnf: Cnf): number[][] {
  const clauses: number[][] = []
  const { words } = cnf
  for (let at = 0; at < words.length; ) {
    const end = at + 1 + (words[at] as number)
    clauses.push(Array.from(words.subarray(at + 1, end), (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
    at = end
  }
  return clauses
}
