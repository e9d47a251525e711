/**
 * What a file looks like that was refused: mostly it is a good file of another format, or the right two files the wrong way round. Asked only
 * after a refusal, so a good file is never taken for something else; and by the first bytes, which say it in all these formats.
 */

import type { Refusal } from '@aethel/codec'
import { type CliError, usageError } from './exit.js'

export type Expected = 'cnf' | 'script' | 'lrat' | 'model' | 'database'

export type Format =
  | 'compressed'
  | 'utf-8-mark'
  | 'utf-16'
  | 'aiger'
  | 'wcnf'
  | 'opb'
  | 'qdimacs'
  | 'cnf'
  | 'script'
  | 'database'
  | 'json'
  | 'model'
  | 'no-answer'
  | 'lrat'
  | 'drat'
  | 'binary-proof'

/** Of these formats nothing more is needed; comments before the first line that tells may be long. */
const HEAD_BYTES = 64 * 1024

/** gzip, xz, bzip2, zstd, zip. */
const COMPRESSED = ['\x1f\x8b', '\xfd7zXZ', 'BZh', '\x28\xb5\x2f\xfd', 'PK\x03\x04']
/** A step of a binary proof ends with a zero, and is rarely longer. */
const STEP_BYTES = 64

/** The head of a file as text, byte for byte. */
function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1')
}

export function formatOf(bytes: Uint8Array): Format | null {
  const head = headOf(bytes)
  if (COMPRESSED.some((magic) => head.startsWith(magic))) return 'compressed'
  if (head.startsWith('\xef\xbb\xbf')) return 'utf-8-mark'
  if (/^(\xff\xfe|\xfe\xff)/.test(head)) return 'utf-16'
  if (/^a[ai]g( \d+){5}/.test(head)) return 'aiger'
  if (/^\* *#variable *=/.test(head)) return 'opb'
  // Steps of binary proofs: a letter, then numbers of seven bits a byte; text has neither zeros nor high bytes.
  if (/^[ad]/.test(head) && bytes.subarray(0, STEP_BYTES).some((byte) => byte === 0 || byte > 0x7f)) return 'binary-proof'
  const line = firstLine(head)
  if (/^p +wcnf\b|^h( -?\d+)+/.test(line)) return 'wcnf'
  if (/^p +cnf\b/.test(line)) return /^p +cnf[^\n]*\n(c[^\n]*\n)*[ae]( \d+)+ 0/m.test(head) ? 'qdimacs' : 'cnf'
  if (/^(;|\()/.test(line)) return 'script'
  if (/^\$[(c[vdf]/.test(line)) return 'database'
  if (line.startsWith('{')) return 'json'
  if (/^(s +SATISFIABLE|SAT\b|v( -?\d+)+)/.test(line)) return 'model'
  if (/^(s +)?(UNSAT|UNSATISFIABLE|UNKNOWN|INDETERMINATE)\b/.test(line)) return 'no-answer'
  if (/^\d+ +(d( +\d+)* +0|(-?[1-9]\d* +)*0( +-?[1-9]\d*)+ +0)\s*$/.test(line)) return 'lrat'
  if (/^(d +)?(-?[1-9]\d* +)*0\s*$/.test(line)) return 'drat'
  return null
}

/** The first that is no comment of DIMACS and not empty. */
function firstLine(head: string): string {
  return head.split('\n').find((line) => line.trim() !== '' && !/^c(\s|$)/.test(line) && !line.startsWith('#')) ?? ''
}

const LOOKS_LIKE: Readonly<Record<Format, string>> = {
  compressed: 'a compressed file',
  'utf-8-mark': 'text that is marked as UTF-8 by its first bytes',
  'utf-16': 'text in UTF-16',
  aiger: 'a circuit in AIGER form',
  wcnf: 'a weighted CNF (MaxSAT)',
  opb: 'pseudo-Boolean constraints (OPB)',
  qdimacs: 'a quantified formula (QDIMACS)',
  cnf: 'a CNF in DIMACS form',
  script: 'an SMT-LIB script',
  database: 'a Metamath database',
  json: 'JSON',
  model: "a solver's model",
  'no-answer': "a solver's answer without a proof",
  lrat: 'an LRAT refutation',
  drat: 'a DRAT proof, or clauses without a header',
  'binary-proof': 'a binary proof, DRAT or LRAT',
}

const EXPECTED: Readonly<Record<Expected, string>> = {
  cnf: 'a CNF in DIMACS form',
  script: 'a QF_BV script',
  lrat: 'an LRAT refutation',
  model: "a solver's model of the CNF",
  database: 'a Metamath database',
}

export const FROM_DRAT =
  'is it LRAT? Of a DRAT proof "drat-trim FORMULA PROOF -L OUTPUT" makes LRAT, and "aethel prove FORMULA" finds one itself'

/** Whatever was expected. */
const TO_DO: Partial<Readonly<Record<Format, string>>> = {
  compressed: 'unpack it first',
  'utf-8-mark': 'save it as plain ASCII, without a byte order mark',
  'utf-16': 'save it as plain ASCII',
  aiger: 'turn it into a CNF ("aigtocnf CIRCUIT FORMULA.cnf")',
  wcnf: 'only that clauses contradict each other is proved here, not what is the best of them: write the hard ones below "p cnf VARIABLES CLAUSES"',
  opb: 'have it encoded as a CNF ("minisat+ -cnf=FORMULA.cnf FILE", for one)',
  qdimacs: 'quantifiers are not proved here; without them, below "p cnf VARIABLES CLAUSES", it is a CNF',
  'no-answer': 'have the solver write a proof, or let "aethel prove FORMULA" find one',
}

/** What to do with a good file of that format. */
const BELONGS_TO: Partial<Readonly<Record<Format, string>>> = {
  cnf: 'name the formula first, as FILE.cnf ("aethel check lrat FORMULA.cnf PROOF"), then its proof',
  script: 'call it FILE.smt2, and use "aethel prove FILE.smt2" or "aethel check bvlrat FILE.smt2 PROOF"',
  database: 'call it FILE.mm, and use "aethel check metamath FILE.mm"',
  json: 'a proof bundle is called FILE.json and goes to "aethel submit", a receipt to "aethel verify"',
  model: 'use "aethel check sat-model FORMULA.cnf MODEL" or "aethel submit FORMULA.cnf --model MODEL"',
  lrat: 'name the formula first, then its refutation ("aethel check lrat FORMULA.cnf PROOF")',
}

/** To be put behind what was wrong with a file; empty if it does not look like anything else. */
export function adviceOn(bytes: Uint8Array, expected: Expected): string {
  const format = formatOf(bytes)
  if (format === null || format === expected) return ''
  const isProof = format === 'drat' || format === 'binary-proof'
  if (isProof && expected === 'lrat') return `; it looks like ${LOOKS_LIKE[format]}, expected ${EXPECTED[expected]}: ${FROM_DRAT}`
  const toDo = TO_DO[format] ?? BELONGS_TO[format] ?? BELONGS_TO.lrat
  return `; it looks like ${LOOKS_LIKE[format]}, expected ${EXPECTED[expected]}: ${toDo}`
}

/** Other logics have solvers of their own, and no proofs that a kernel here checks. */
const OF_LOGIC = '; only quantifier-free bit-vectors are proved here: say it with (_ BitVec N), or ask a solver of that logic'

export function refusedFile(file: string, { code, message }: Refusal, bytes: Uint8Array, expected: Expected): CliError {
  const advice = code === 'logic' ? OF_LOGIC : adviceOn(bytes, expected)
  return usageError(code, `${file}: ${message}${advice}`)
}
