/**
 * Between a script and its CNF, on the submitter's side: the DIMACS file for a solver, and a model of the CNF as values of the
 * script's constants.
 */
import { ok, type Refusal, type Result, refuse, utf8 } from '@aethel/codec'
import type { Cnf } from '../lrat/cnf.js'
import { createMeter, MeterExhausted } from '../meter.js'
import type { VerifierLimits } from '../verifier.js'
import { literalOfBits } from './canonical.js'
import { type EncodedScript, encodeScript } from './encode.js'
import { BVLRAT_OFFLINE_LIMITS } from './gas.js'
import { TooManyGates } from './gates.js'
import { BOOL, sortText } from './operators.js'
import { widthOf } from './parse.js'
import type { BvConstant, BvScript } from './script.js'

/** The CNF of a script within limits; refused if the circuit is too large for them. */
export function encodeWithin(
  script: BvScript,
  limits: VerifierLimits = BVLRAT_OFFLINE_LIMITS,
): Result<EncodedScript & { readonly gas: number }, Refusal> {
  const meter = createMeter(limits)
  try {
    return ok({ ...encodeScript(script, meter), gas: meter.gas })
  } catch (error) {
    if (error instanceof MeterExhausted) return refuse(error.code, `the script's circuit is too large: ${error.message}`)
    if (error instanceof TooManyGates) return refuse('too-many-gates', error.message)
    throw error
  }
}

/** A canonical CNF as a DIMACS file. */
export function cnfToDimacs(cnf: Cnf): Uint8Array {
  const lines = [`p cnf ${cnf.variables} ${cnf.clauses}`]
  const { words } = cnf
  for (let at = 0; at < words.length; ) {
    const end = at + 1 + (words[at] as number)
    let line = ''
    for (at++; at < end; at++) {
      const code = words[at] as number
      line += (code & 1) === 1 ? `-${code >> 1} ` : `${code >> 1} `
    }
    lines.push(`${line}0`)
  }
  return utf8(`${lines.join('\n')}\n`)
}

/** Bits of a constant in an assignment of CNF variables, highest first. Variables that do not occur may have any value. */
export function bitsOf(constant: BvConstant, isTrue: (variable: number) => boolean): string {
  let bits = ''
  for (let k = widthOf(constant.sort) - 1; k >= 0; k--) bits += isTrue(constant.firstNode + k + 1) ? '1' : '0'
  return bits
}

/** A model as SMT-LIB writes it: one define-fun per constant, in the order of their declarations. */
export function modelText(script: BvScript, isTrue: (variable: number) => boolean): string {
  const lines = Array.from(script.constants, (constant) => {
    const bits = bitsOf(constant, isTrue)
    const value = constant.sort === BOOL ? (bits === '1' ? 'true' : 'false') : literalOfBits(bits)
    return `  (define-fun ${constant.name} () ${sortText(constant.sort)} ${value})\n`
  })
  return `(\n${lines.join('')})\n`
}
