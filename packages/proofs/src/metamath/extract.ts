/**
 * From a Metamath file to what the network takes: the library's definition for genesis, and each theorem as claim and
 * certificate. Nothing is checked here but form; that is the kernel's work.
 */
import { type Hash, ok, type Refusal, type Result, refuse, Writer } from '@aethel/codec'
import { claimIdOf } from '../claim-id.js'
import { encodeCertificate, encodeLetters, type Reference } from './certificate.js'
import { METAMATH_KIND, writeShort } from './claim.js'
import { AXIOM, type Database, ESSENTIAL, FLOATING, THEOREM } from './database.js'
import type { LibraryVariable } from './lexicon.js'
import type { LibraryDefinition, LibraryEntry } from './library.js'
import { ProofText } from './proof-text.js'
import { RECORD_ASSERTION, RECORD_HEADER, RECORD_HYPOTHESES, RECORD_PAIRS } from './record.js'
import { DatabaseError } from './scanner.js'
import { ascii, asciiText } from './tokens.js'

export interface ExtractedTheorem {
  readonly label: string
  readonly claim: Uint8Array
  readonly claimId: Hash
  readonly proof: Uint8Array
}

const SPACE = 0x20
/** Names, labels and symbols: their length is a byte in libraries, claims and certificates. */
const MAX_WORD_BYTES = 255

/** Extracts from one database under one library name; remembers the claimIds it has computed. */
export class LibraryExtractor {
  readonly #database: Database
  readonly #name: Uint8Array
  readonly #text: ProofText
  readonly #claimIds: (Hash | undefined)[] = []

  constructor(database: Database, name: string) {
    this.#database = database
    this.#name = ascii(name)
    this.#text = new ProofText(database)
  }

  get theoremCount(): number {
    return this.#database.theorems.length
  }

  /** Constants, variables and `$a` statements of the whole file. */
  library(): Result<LibraryDefinition, Refusal> {
    const database = this.#database
    const { tokens } = database
    const declared = database.constants()
    const long = this.#longWord(declared)
    if (long !== null) return refuse(long.code, long.message)
    const constants = declared.map((token) => tokens.textOf(token))
    const typecodes = new Map<number, number>()
    const variables: LibraryVariable[] = []
    const axioms: Uint8Array[] = []
    for (let statement = 0; statement < database.statementCount; statement++) {
      const kind = database.kindOf(statement)
      const variable = kind === FLOATING ? database.variableOf(statement) : -1
      if (kind === AXIOM || kind === FLOATING) {
        const label = database.labelTokenOf(statement)
        const tooLong = this.#longWord(kind === FLOATING ? [label, variable] : [label])
        if (tooLong !== null) return refuse(tooLong.code, tooLong.message)
      }
      if (kind === AXIOM) axioms.push(this.#claimOf(statement))
      if (kind !== FLOATING) continue
      const typecode = database.typecodeOf(statement)
      const known = typecodes.get(variable)
      const symbol = tokens.textOf(variable)
      if (known === undefined) {
        typecodes.set(variable, typecode)
        variables.push({ symbol, typecode: tokens.textOf(typecode), label: database.labelOf(statement) })
      } else if (known !== typecode) {
        const both = `"${tokens.textOf(known)}" and "${tokens.textOf(typecode)}"`
        return refuse('variable-type', `variable "${symbol}" has two typecodes, ${both}; a library gives it one: rename it in one block`)
      }
    }
    return ok({ name: String.fromCharCode(...this.#name), constants, variables, axioms })
  }

  /** The theorem with this label, ready to submit. */
  theorem(label: string): Result<ExtractedTheorem, Refusal> {
    const ordinal = this.#database.ordinalOf(label)
    if (ordinal < 0) return refuse('unknown-theorem', `there is no theorem ("$p" statement) "${label}" in this database`)
    return this.#extract(ordinal)
  }

  /** Theorems in the order of the file, from `first` (0) on. */
  *theorems(first: number = 0): Generator<Result<ExtractedTheorem, Refusal>> {
    for (let ordinal = first; ordinal < this.theoremCount; ordinal++) yield this.#extract(ordinal)
  }

  /** What the ledger's library holds once the first `theorems` theorems are in: all axioms, and those, each in order. */
  entries(theorems: number = this.theoremCount): { readonly axioms: readonly LibraryEntry[]; readonly theorems: readonly LibraryEntry[] } {
    const database = this.#database
    const entry = (statement: number): LibraryEntry => ({ label: database.labelOf(statement), claimId: this.#claimIdOf(statement) })
    const axioms: LibraryEntry[] = []
    const proved: LibraryEntry[] = []
    for (let statement = 0; statement < database.statementCount; statement++) {
      const kind = database.kindOf(statement)
      if (kind === AXIOM) axioms.push(entry(statement))
      if (kind === THEOREM && proved.length < theorems) proved.push(entry(statement))
    }
    return { axioms, theorems: proved }
  }

  /** The library's own name, or one of these tokens, if the network has no room for it. */
  #longWord(tokens: ArrayLike<number>): Refusal | null {
    const tooLong = (code: string, bytes: Uint8Array): Refusal => {
      const message = `names, labels and symbols of the network have ${MAX_WORD_BYTES} characters at most, got "${asciiText(bytes, 0, bytes.length)}"`
      return { code, message }
    }
    if (this.#name.length > MAX_WORD_BYTES) return tooLong('library-name', this.#name)
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] as number
      const bytes = this.#database.tokens.bytesOf(token)
      if (bytes.length > MAX_WORD_BYTES) return tooLong(this.#database.statementOf(token) < 0 ? 'library-symbol' : 'label', bytes)
    }
    return null
  }

  #claimIdOf(statement: number): Hash {
    const known = this.#claimIds[statement]
    if (known !== undefined) return known
    const claimId = claimIdOf(METAMATH_KIND, this.#claimOf(statement))
    this.#claimIds[statement] = claimId
    return claimId
  }

  #claimOf(statement: number): Uint8Array {
    const database = this.#database
    const { records } = this.#text
    records.rest()
    const record = records.of(statement)
    const words = records.pool
    const hypotheses = words[record + RECORD_HYPOTHESES] as number
    const pairs = words[record + RECORD_PAIRS] as number
    const writer = new Writer(512)
    writeShort(writer, this.#name)
    writeShort(writer, database.tokens.bytesOf(database.labelTokenOf(statement)))
    const hypothesisOf = (slot: number): number => words[record - hypotheses + slot] as number
    writer.u16(hypotheses)
    for (let slot = 0; slot < hypotheses; slot++) {
      const hypothesis = hypothesisOf(slot)
      const raw = database.contents.at(hypothesis)
      if (database.kindOf(hypothesis) === ESSENTIAL) {
        const symbols = database.raw.data.subarray(raw + 1, raw + 1 + database.raw.at(raw))
        writer.u8(1).bytes(this.#join(symbols))
      } else {
        writer.u8(0).bytes(this.#join([database.typecodeOf(hypothesis), database.variableOf(hypothesis)]))
      }
    }
    writer.u32(pairs)
    const pairsAt = record + RECORD_HEADER + hypotheses
    for (let i = 0; i < 2 * pairs; i++) writer.u16(words[pairsAt + i] as number)
    const assertionAt = pairsAt + 2 * pairs
    const assertion = Array.from(words.subarray(assertionAt, assertionAt + (words[record + RECORD_ASSERTION] as number)), (symbol) =>
      symbol >= 0 ? symbol : database.variableOf(hypothesisOf(~symbol)),
    )
    return writer.bytes(this.#join(assertion)).finish()
  }

  /** Tokens as text, one space between two. */
  #join(symbols: ArrayLike<number>): Uint8Array {
    const writer = new Writer(128)
    for (let i = 0; i < symbols.length; i++) {
      if (i > 0) writer.u8(SPACE)
      writer.raw(this.#database.tokens.bytesOf(symbols[i] as number))
    }
    return writer.finish()
  }

  #extract(ordinal: number): Result<ExtractedTheorem, Refusal> {
    const database = this.#database
    const statement = database.theorems.at(ordinal)
    const label = database.labelOf(statement)
    try {
      const fault = this.#text.read(ordinal)
      if (fault !== null) return refuse(fault, `theorem "${label}": ${this.#text.explain(fault)}`)
    } catch (error) {
      if (error instanceof DatabaseError) return refuse(error.code, `theorem "${label}": ${error.message}`)
      throw error
    }
    const { references } = this.#text
    const words = Array.from(references.data.subarray(0, references.length), (reference) =>
      database.kindOf(reference) === FLOATING ? database.variableOf(reference) : database.labelTokenOf(reference),
    )
    const long = this.#longWord([database.labelTokenOf(statement), ...words])
    if (long !== null) return refuse(long.code, `theorem "${label}": ${long.message}`)
    return ok({ label, claim: this.#claimOf(statement), claimId: this.#claimIdOf(statement), proof: this.#certificate() })
  }

  /** The proof just read, each reference listed once; letters stay as they are unless the text repeats a reference. */
  #certificate(): Uint8Array {
    const database = this.#database
    const { machine, references } = this.#text
    const hypotheses = machine.references - references.length
    const numbers = new Map<number, number>()
    const renumbered: number[] = []
    const listed: Reference[] = []
    for (let i = 0; i < references.length; i++) {
      const statement = references.at(i)
      const floating = database.kindOf(statement) === FLOATING
      const key = floating ? ~database.variableOf(statement) : statement
      const number = numbers.get(key) ?? hypotheses + listed.length
      renumbered.push(number)
      if (numbers.has(key)) continue
      numbers.set(key, number)
      listed.push(
        floating
          ? { kind: 'dummy', symbol: database.tokens.bytesOf(database.variableOf(statement)) }
          : { kind: 'citation', label: database.tokens.bytesOf(database.labelTokenOf(statement)), claimId: this.#claimIdOf(statement) },
      )
    }
    const dropped = references.length - listed.length
    const steps = Array.from(machine.steps, (step) => {
      if (step < hypotheses) return step
      return renumbered[step - hypotheses] ?? step - dropped
    })
    return encodeCertificate({ references: listed, disjoint: machine.dummyPairs(), letters: encodeLetters(steps) })
  }
}
