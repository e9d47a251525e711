/**
 * A whole database checked offline: every proof in the order of the file, or one by its label. The verdict is a
 * function of the bytes and the options, like everything here.
 */
import { assert } from '@aethel/codec'
import type { Database } from './database.js'
import { parseDatabase } from './database-reader.js'
import { GAS } from './gas.js'
import { ProofText } from './proof-text.js'
import { type ChunkVerdict, checkChunk, type ProofLimits } from './slices.js'

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
  const limits = proofLimits(options)
  let gas = readingGas
  for (let from = first; from < last; from += PROGRESS_EVERY) {
    const to = Math.min(from + PROGRESS_EVERY, last)
    const chunk = checkChunk(text, from, to, limits)
    gas += chunk.gas
    if (chunk.refusal !== null) return refusedTheorem(chunk.refusal, chunk.refusal.theorem - first, gas)
    options.onProgress?.(to - first, last - first)
  }
  return { status: 'valid', theorems: last - first, gas }
}

/** Limits of one proof, offline. */
export function proofLimits(options: Pick<DatabaseCheckOptions, 'gasPerProof' | 'memoryWordsPerProof'>): ProofLimits {
  return {
    gas: options.gasPerProof ?? OFFLINE_GAS_PER_PROOF,
    memoryWords: options.memoryWordsPerProof ?? OFFLINE_MEMORY_WORDS_PER_PROOF,
  }
}

function refusedTheorem(refusal: NonNullable<ChunkVerdict['refusal']>, theorems: number, gas: number): DatabaseVerdict {
  const { code, message, label } = refusal
  return { status: 'invalid', code, message, label, theorems, gas }
}

/**
 * The verdict on a whole database from those on its parts, in the order of the file: the same as that of one check, as long as
 * nothing before the first refusal is missing. A part does not know what comes after it, so what is refused is explained by
 * `check` on the whole database (a label that is nowhere, or one that comes later?).
 */
export function concludeChunks(
  byteCount: number,
  theorems: number,
  chunks: Iterable<ChunkVerdict>,
  check: (first: number, last: number) => ChunkVerdict,
): DatabaseVerdict {
  let gas = GAS.byte * byteCount
  for (const chunk of chunks) {
    gas += chunk.gas
    if (chunk.refusal === null) continue
    const { theorem } = chunk.refusal
    const { refusal } = check(theorem, theorem + 1)
    assert(refusal !== null, 'a proof that is refused by what comes before it is refused')
    return refusedTheorem(refusal, theorem, gas)
  }
  return { status: 'valid', theorems, gas }
}
