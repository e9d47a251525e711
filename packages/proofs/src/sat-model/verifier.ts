/**
 * `sat-model/1` as a proof kind of the ledger, and the same check for files. The claim is the canonical CNF of `lrat/1`, with
 * the opposite meaning: that the formula has a model. The certificate is the model, and the check evaluates every clause.
 */
import { err, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { claimIdOf } from '../claim-id.js'
import { type Cnf, parseCnfClaim, readDimacs } from '../lrat/cnf.js'
import { createMeter, MeterExhausted } from '../meter.js'
import type { ClaimReference, Meter, ParsedClaim, ProofVerifier, Verdict, VerifierLimits } from '../verifier.js'
import { GAS_BATCH, GAS_CLAIM_BYTE, GAS_INTRINSIC, GAS_LITERAL, GAS_MODEL_BYTE, SAT_MODEL_LIMITS, SAT_MODEL_OFFLINE_LIMITS } from './gas.js'
import { modelBytes, readModel } from './model.js'

export const SAT_MODEL_KIND = 'sat-model/1'

/** The verifier of models; `verify` throws `MeterExhausted` at the meter's limits and nothing else. */
export function satModelVerifier(limits: VerifierLimits = SAT_MODEL_LIMITS): ProofVerifier<Cnf> {
  return {
    kind: SAT_MODEL_KIND,
    limits,
    parseClaim: (bytes): Result<ParsedClaim<Cnf>, Refusal> => {
      if (bytes.length > limits.claimBytes) {
        return refuse('claim-too-large', `expected a claim of at most ${limits.claimBytes} bytes, got ${bytes.length}`)
      }
      const parsed = parseCnfClaim(bytes)
      return parsed.ok ? ok({ claim: parsed.value, claimId: claimIdOf(SAT_MODEL_KIND, bytes) }) : err(parsed.error)
    },
    citationsOf: (): Result<readonly ClaimReference[], Refusal> => ok([]),
    verify: (claim, proof, _cited, meter) => evaluate(claim, proof, limits, meter),
  }
}

function evaluate(cnf: Cnf, model: Uint8Array, limits: VerifierLimits, meter: Meter): Verdict {
  const refused = (code: string, message: string, at?: number): Verdict => ({
    status: 'invalid',
    code,
    message,
    ...(at === undefined ? {} : { at }),
    gas: meter.gas,
  })
  if (model.length > limits.proofBytes) {
    return refused('proof-too-large', `expected a model of at most ${limits.proofBytes} bytes, got ${model.length}`)
  }
  meter.charge(GAS_INTRINSIC + GAS_CLAIM_BYTE * cnf.claimBytes)
  const { variables, clauses, words } = cnf
  if (model.length !== modelBytes(variables)) {
    return refused('model-length', `expected ${modelBytes(variables)} bytes for ${variables} variables, got ${model.length}`)
  }
  meter.charge(GAS_MODEL_BYTE * model.length)
  const spare = variables & 7
  if (spare !== 0 && (model.at(-1) as number) >>> spare !== 0) {
    return refused('model-padding', `expected the bits behind variable ${variables} to be 0`, model.length - 1)
  }
  let clause = 0
  let owed = 0
  for (let at = 0; at < words.length; ) {
    const count = words[at] as number
    owed += GAS_LITERAL * count
    if (owed >= GAS_BATCH) {
      meter.charge(owed)
      owed = 0
    }
    clause++
    const end = at + count
    let holds = 0
    while (at < end) {
      const code = words[++at] as number
      const variable = (code >>> 1) - 1
      // The value of the variable, turned around for a negated literal.
      holds |= (((model[variable >>> 3] as number) >>> (variable & 7)) ^ code) & 1
    }
    at++
    if (holds === 0) {
      meter.charge(owed)
      return refused('false-clause', `clause ${clause} is false under the model`, clause)
    }
  }
  meter.charge(owed)
  return { status: 'valid', gas: meter.gas, summary: { variables, clauses } }
}

/** A verdict on two files; 'unreadable' if the first is no CNF that can be claimed or the second holds no model. */
export type ModelFileVerdict =
  | Verdict
  | { readonly status: 'unreadable'; readonly file: 'cnf' | 'model'; readonly code: string; readonly message: string; readonly gas: 0 }

/** Checks a model as solvers print it (see `readModel`) of a DIMACS file, with the gas the ledger would charge. Never throws. */
export function checkModel(cnf: Uint8Array, model: Uint8Array, limits: VerifierLimits = SAT_MODEL_OFFLINE_LIMITS): ModelFileVerdict {
  const formula = readDimacs(cnf)
  if (!formula.ok) return { status: 'unreadable', file: 'cnf', ...formula.error, gas: 0 }
  const { claimBytes, variables } = formula.value
  if (claimBytes > limits.claimBytes) {
    const message = `expected a claim of at most ${limits.claimBytes} bytes, got ${claimBytes}`
    return { status: 'unreadable', file: 'cnf', code: 'claim-too-large', message, gas: 0 }
  }
  const certificate = readModel(model, variables)
  if (!certificate.ok) return { status: 'unreadable', file: 'model', ...certificate.error, gas: 0 }
  const meter = createMeter(limits)
  try {
    return evaluate(formula.value, certificate.value, limits, meter)
  } catch (error) {
    if (!(error instanceof MeterExhausted)) throw error
    return { status: 'invalid', code: error.code, message: error.message, gas: meter.gas }
  }
}
