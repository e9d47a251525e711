/**
 * A whole database checked offline: every proof in the order of the file, or one by its label. The verdict is a
 * function of the bytes and the options, like everything here.
 */
import { createMeter, MeterExhausted } from '../meter.js'
import { type Database, DatabaseError, lineOf, parseDatabase } from './database.js'
import { GAS } from './gas.js'
import { ProofText } from './proof-text.js'

export interface DatabaseCheckOptions {
  /** Check this theorem only; the others are read, and trusted as statements. */
  readonly label?: string
  /** Gas one proof may use. */
  readonly gasPerProof?: number
  /** 32-bit words of memory one proof may use. */
  readonly memoryWordsPerProof?: number
  /** Called now and then with theorems checked so far and in all. */
  readonly onProgress?: (done: number, total: number) => void
}

export type DatabaseVerdict =
  | { readonly status: 'valid'; readonly theorems: number; readonly gas: number }
  | {
      readonly status: 'invalid'
      readonly code: string
      /** Names the theorem, the line and the step. */
      readonly message: string
      /** The theorem at fault, where the fault is in one. */
      readonly label?: string
      /** Theorems found valid before it. */
      readonly theorems: number
      readonly gas: number
    }

/** Offline there is no block to share: a hundred times what the largest proof of set.mm takes, and still under a second. */
export const OFFLINE_GAS_PER_PROOF = 100_000_000
export const OFFLINE_MEMORY_WORDS_PER_PROOF = 33_554_432
const PROGRESS_EVERY = 512

export function checkDatabase(bytes: Uint8Array, options: DatabaseCheckOptions = {}): DatabaseVerdict {
  const readingGas = GAS.byte * bytes.length
  const parsed = parseDatabase(bytes)
  if (!parsed.ok) return { status: 'invalid', ...parsed.error, theorems: 0, gas: readingGas }
  const database = parsed.value
  let first = 0
  let last = database.theorems.length
  if (options.label !== undefined) {
    first = database.ordinalOf(options.label)
    if (first < 0) {
      const message = `there is no theorem ("$p" statement) "${options.label}" among the ${last} of this database`
      return { status: 'invalid', code: 'unknown-theorem', message, theorems: 0, gas: readingGas }
    }
    last = first + 1
  }
  return checkTheorems(database, first, last, readingGas, options)
}

function checkTheorems(
  database: Database,
  first: number,
  last: number,
  readingGas: number,
  options: DatabaseCheckOptions,
): DatabaseVerdict {
  const text = new ProofText(database)
  const limits = {
    gas: options.gasPerProof ?? OFFLINE_GAS_PER_PROOF,
    memoryWords: options.memoryWordsPerProof ?? OFFLINE_MEMORY_WORDS_PER_PROOF,
  }
  let gas = readingGas
  for (let theorem = first; theorem < last; theorem++) {
    const meter = createMeter(limits)
    const refusal = checkProof(text, theorem, meter)
    gas += meter.gas
    const done = theorem - first
    if (refusal !== null) {
      const statement = database.theorems.at(theorem)
      const label = database.labelOf(statement)
      const line = lineOf(database.bytes, refusal.at ?? database.offsets.at(statement))
      const message = `line ${line}: theorem "${label}": ${refusal.message}`
      return { status: 'invalid', code: refusal.code, message, label, theorems: done, gas }
    }
    if ((done + 1) % PROGRESS_EVERY === 0) options.onProgress?.(done + 1, last - first)
  }
  options.onProgress?.(last - first, last - first)
  return { status: 'valid', theorems: last - first, gas }
}

interface ProofRefusal {
  readonly code: string
  readonly message: string
  readonly at?: number
}

function checkProof(text: ProofText, theorem: number, meter: ReturnType<typeof createMeter>): ProofRefusal | null {
  try {
    meter.charge(GAS.proof)
    const fault = text.read(theorem) ?? text.machine.run(meter)
    return fault === null ? null : { code: fault, message: text.explain(fault) }
  } catch (error) {
    if (error instanceof MeterExhausted || error instanceof DatabaseError) return error
    throw error
  }
}
