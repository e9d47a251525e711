/**
 * A database in slices, so that proofs are checked on other threads while the rest is still being read. The reader hands out
 * what it has read so far between outermost statements, where no block is open: nothing in such a slice changes any more (in the
 * outermost block a hypothesis stays active for ever), so a mirror that has appended every slice in order is the database as
 * far as it was read. Whoever carries slices between threads is not this package's affair.
 */
import { createMeter, MeterExhausted } from '../meter.js'
import { Database } from './database.js'
import { parseDatabase } from './database-reader.js'
import { GAS } from './gas.js'
import type { IntVector } from './integers.js'
import { ProofText } from './proof-text.js'
import { DatabaseError, lineOf } from './scanner.js'

/** What was added since the slice before; plain arrays of integers and bytes, ready to be copied to another thread. */
export interface DatabaseSlice {
  /** Theorems in all slices up to this one. */
  readonly theorems: number
  readonly tokenBytes: Uint8Array
  readonly tokenEnds: Int32Array
  readonly vectors: readonly Int32Array[]
}

/** The vectors a check reads, in a fixed order. */
function vectorsOf(database: Database): readonly IntVector[] {
  return [
    database.heads,
    database.details,
    database.contents,
    database.offsets,
    database.theorems,
    database.proofStarts,
    database.proofEnds,
    database.records,
    database.raw,
    database.disjoint,
  ]
}

/** Cuts the growing database of one reader into slices. */
export class DatabaseSlicer {
  #tokens = 0
  #marks: number[] = []

  next(database: Database): DatabaseSlice {
    const { bytes, ends } = database.tokens.since(this.#tokens)
    this.#tokens = database.tokens.count
    const vectors = vectorsOf(database)
    const slices = vectors.map((vector, i) => vector.data.slice(this.#marks[i] ?? 0, vector.length))
    this.#marks = vectors.map((vector) => vector.length)
    return { theorems: database.theorems.length, tokenBytes: bytes, tokenEnds: ends, vectors: slices }
  }
}

/** What a check of some theorems in the order of the file found: all valid, or the first that is not. */
export interface ChunkVerdict {
  /** Of the proofs up to the one refused, inclusive. */
  readonly gas: number
  readonly refusal: { readonly theorem: number; readonly label: string; readonly code: string; readonly message: string } | null
}

export interface ProofLimits {
  readonly gas: number
  readonly memoryWords: number
}

/** Checks theorems `first` to `last` (exclusive), stopping at the first that is refused. */
export function checkChunk(text: ProofText, first: number, last: number, limits: ProofLimits): ChunkVerdict {
  let gas = 0
  for (let theorem = first; theorem < last; theorem++) {
    const meter = createMeter(limits)
    const refusal = checkProof(text, theorem, meter)
    gas += meter.gas
    if (refusal === null) continue
    const { database } = text
    const statement = database.theorems.at(theorem)
    const label = database.labelOf(statement)
    const line = lineOf(database.bytes, refusal.at ?? database.offsets.at(statement))
    return { gas, refusal: { theorem, label, code: refusal.code, message: `line ${line}: theorem "${label}": ${refusal.message}` } }
  }
  return { gas, refusal: null }
}

/** Checks parts of a database that is read already. */
export function chunkChecker(database: Database, limits: ProofLimits): (first: number, last: number) => ChunkVerdict {
  const text = new ProofText(database)
  return (first, last) => checkChunk(text, first, last, limits)
}

interface ProofRefusal {
  readonly code: string
  readonly message: string
  readonly at?: number
}

function checkProof(text: ProofText, theorem: number, meter: ReturnType<typeof createMeter>): ProofRefusal | null {
  try {
    meter.charge(GAS.proof)
    const fault = text.read(theorem) ?? text.run(meter)
    return fault === null ? null : { code: fault, message: text.explain(fault) }
  } catch (error) {
    if (error instanceof MeterExhausted || error instanceof DatabaseError) return error
    throw error
  }
}

/** The same database on another thread. */
export class DatabaseMirror {
  readonly #database: Database
  readonly #text: ProofText
  readonly #limits: ProofLimits

  /** `bytes`: the whole file, the one the slices are of. */
  constructor(bytes: Uint8Array, limits: ProofLimits) {
    this.#database = new Database(bytes)
    this.#text = new ProofText(this.#database)
    this.#limits = limits
  }

  /** Theorems that may be checked. */
  get theorems(): number {
    return this.#database.theorems.length
  }

  append(slice: DatabaseSlice): void {
    const database = this.#database
    let start = 0
    for (const end of slice.tokenEnds) {
      database.tokens.intern(slice.tokenBytes, start, end)
      start = end
    }
    const known = database.statementCount
    vectorsOf(database).forEach((vector, i) => {
      const added = slice.vectors[i] as Int32Array
      const at = vector.extend(added.length)
      vector.data.set(added, at)
    })
    database.growTokens(database.tokens.count)
    for (let statement = known; statement < database.statementCount; statement++) {
      database.meanings[database.labelTokenOf(statement)] = statement + 1
    }
  }

  check(first: number, last: number): ChunkVerdict {
    return checkChunk(this.#text, first, last, this.#limits)
  }
}

/** Reads a database and hands out a slice whenever `everyTheorems` more have been read, and one at the end. */
export function parseInSlices(
  bytes: Uint8Array,
  everyTheorems: number,
  onSlice: (slice: DatabaseSlice) => void,
): ReturnType<typeof parseDatabase> {
  const slicer = new DatabaseSlicer()
  let next = everyTheorems
  const parsed = parseDatabase(bytes, (database) => {
    if (database.theorems.length < next) return
    onSlice(slicer.next(database))
    next = database.theorems.length + everyTheorems
  })
  if (!parsed.ok) return parsed
  onSlice(slicer.next(parsed.value))
  parsed.value.settle()
  return parsed
}
