/**
 * Records of the assertions of a database, for whoever checks proofs. Most databases keep all of theirs; of one whose records would take more
 * than its text justifies, they are made again from the text when somebody asks, and let go of in between.
 */
import { assert } from '@aethel/codec'
import { type Database, ESSENTIAL, FLOATING } from './database.js'
import { FrameBuilder } from './frame-builder.js'
import { IntVector } from './integers.js'
import { CHAR, Scanner } from './scanner.js'

/** So many words of records that were made again are at hand, beside those of one proof. */
const KEPT_WORDS = 1 << 20
const NOWHERE = -1

export class Records {
  readonly #database: Database
  #late: LateRecords | null = null
  /** Where the record that `of` answered lies. In front of it are its mandatory hypotheses. */
  pool: Int32Array

  constructor(database: Database) {
    this.#database = database
    this.pool = database.records.data
  }

  /** Where in `pool`, which it sets, the record of an assertion starts. */
  of(statement: number): number {
    const at = this.#database.details.at(statement)
    if (at >= 0) {
      this.pool = this.#database.records.data
      return at
    }
    this.#late ??= new LateRecords(this.#database)
    const late = this.#late.of(statement)
    this.pool = this.#late.made.data
    return late
  }

  /** Between two proofs: lets go of what was made again, if that is much. */
  rest(): void {
    if (this.#late !== null && this.#late.made.length > KEPT_WORDS) this.#late.forget()
  }
}

/** Makes records again. What was active at a statement follows from the order of statements, and from where each hypothesis ends. */
class LateRecords {
  readonly #database: Database
  made: IntVector = new IntVector()
  /** The statements whose records these are. */
  readonly #madeOf = new IntVector()
  readonly #symbols = new IntVector(64)
  readonly #essentials = new IntVector(64)
  #builder: FrameBuilder
  /** Per statement: where in `made` its record starts, or NOWHERE. */
  #places: Int32Array = new Int32Array(0)
  /** Per statement: the last `$e` before it that is active there, or NOWHERE. */
  #essentialBefore: Int32Array = new Int32Array(0)
  /** The `$f` of each variable in the order of the file: those of a token are #floats[#floatStarts[token]..#floatStarts[token + 1]). */
  #floatStarts: Int32Array = new Int32Array(0)
  #floats: Int32Array = new Int32Array(0)

  constructor(database: Database) {
    this.#database = database
    this.#builder = new FrameBuilder(database, 0, () => undefined)
  }

  of(statement: number): number {
    if (this.#places.length < this.#database.statementCount) this.#survey()
    const known = this.#places[statement] as number
    if (known !== NOWHERE) return known
    const made = this.#make(statement)
    this.#places[statement] = made
    this.#madeOf.push(statement)
    return made
  }

  /** Whoever still has the old words may go on to read them. */
  forget(): void {
    for (let i = 0; i < this.#madeOf.length; i++) this.#places[this.#madeOf.at(i)] = NOWHERE
    this.#madeOf.length = 0
    this.made = new IntVector()
  }

  /** Again when the database has grown; nothing that was found before changes then. */
  #survey(): void {
    const database = this.#database
    const { statementCount, tokens, details } = database
    const places = new Int32Array(statementCount).fill(NOWHERE)
    places.set(this.#places)
    this.#places = places
    this.#builder = new FrameBuilder(database, tokens.count, () => undefined)
    const before = new Int32Array(statementCount)
    const starts = new Int32Array(tokens.count + 2)
    let active = NOWHERE
    for (let statement = 0; statement < statementCount; statement++) {
      while (active !== NOWHERE && details.at(active) <= statement) active = before[active] as number
      before[statement] = active
      const kind = database.kindOf(statement)
      if (kind === ESSENTIAL) active = statement
      if (kind === FLOATING) (starts[database.variableOf(statement) + 2] as number)++
    }
    // Sums make counts to starts, one place ahead; filling the list moves each to where it belongs.
    for (let token = 2; token < starts.length; token++) starts[token] = (starts[token] as number) + (starts[token - 1] as number)
    const floats = new Int32Array(starts.at(-1) as number)
    for (let statement = 0; statement < statementCount; statement++) {
      if (database.kindOf(statement) !== FLOATING) continue
      const variable = database.variableOf(statement)
      const at = starts[variable + 1] as number
      floats[at] = statement
      starts[variable + 1] = at + 1
    }
    this.#essentialBefore = before
    this.#floatStarts = starts
    this.#floats = floats
  }

  #make(statement: number): number {
    const { contents, raw } = this.#database
    const symbols = this.#symbols
    const essentials = this.#essentials
    this.#readSymbols(statement)
    essentials.length = 0
    for (let e = this.#essentialBefore[statement] as number; e !== NOWHERE; e = this.#essentialBefore[e] as number) essentials.push(e)
    for (let i = 0; i < symbols.length; i++) this.#noteFloat(symbols.at(i), statement)
    for (let i = 0; i < essentials.length; i++) {
      const at = contents.at(essentials.at(i))
      for (let k = at + 1; k <= at + raw.at(at); k++) this.#noteFloat(raw.at(k), statement)
    }
    this.#builder.collect(symbols, essentials)
    this.#builder.lay(symbols, contents.at(statement))
    return this.#builder.finish(this.made)
  }

  /** Of an assertion, from the text. */
  #readSymbols(statement: number): void {
    const { bytes, offsets, tokens } = this.#database
    const symbols = this.#symbols
    symbols.length = 0
    const scanner = new Scanner(bytes, offsets.at(statement), bytes.length)
    scanner.next() // its label
    scanner.next() // $a or $p
    for (let kind = scanner.next(); kind === 1; kind = scanner.next()) symbols.push(tokens.find(scanner.bytes, scanner.start, scanner.stop))
    const last = bytes[scanner.start + 1]
    assert(last === CHAR.dot || last === CHAR.equals, 'an assertion that was read ends where it ended then')
  }

  /** A variable has one `$f` at a time, so the last one before the statement is the active one. */
  #noteFloat(token: number, statement: number): void {
    const floats = this.#floats
    let low = this.#floatStarts[token] as number
    let high = this.#floatStarts[token + 1] as number
    const first = low
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((floats[middle] as number) < statement) low = middle + 1
      else high = middle
    }
    this.#builder.floats[token] = low > first ? (floats[low - 1] as number) + 1 : 0
  }
}
