/**
 * A Metamath database read into integers, in one pass over its bytes. Proofs are only located; `proof-text.ts` reads them. The grammar is
 * Metamath's (§4.1, §4.2) at its strictest, and `$[ ... $]` is refused: what is checked is the one file that was given.
 */
import { assert, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { AXIOM, CONSTANT, Database, ESSENTIAL, FLOATING, THEOREM, VARIABLE } from './database.js'
import { FrameBuilder, pairsOf } from './frame-builder.js'
import { MAX_SLOTS } from './gas.js'
import { grown, IntVector } from './integers.js'
import { CHAR, checkCharacters, DatabaseError, lineOf, Scanner } from './scanner.js'
import { BYTE_CLASS, isLabel, WHITE } from './tokens.js'

/** Offsets are 32-bit. */
export const MAX_DATABASE_BYTES = 0x7fff_fff0
/** Depth of `${`; real databases use less than ten. */
const MAX_BLOCK_DEPTH = 4_096
const NEVER = 0x7fff_ffff
/** Room for tokens at first. */
const FIRST_TOKENS = 1_024
/**
 * Words visited, and kept, while collecting frames and disjoint pairs: over ten times the 6.3 million that set.mm needs. What a
 * database makes the reader keep for them stays below 256 MiB, however it multiplies them, beside the room that vectors have ahead.
 */
const MAX_FRAME_WORK = 1 << 26
/** Of a pair when it is declared, as if its words were kept: what is too large is so in every release. */
const PAIR_WORK = 4
/**
 * Reads a database; the refusal's message names the line. Never throws on any bytes. `onOutermost` is called after every
 * statement of the outermost block, with what was read so far; whoever gives it settles the database when all of it was taken over.
 */
export function parseDatabase(bytes: Uint8Array, onOutermost?: (database: Database) => void): Result<Database, Refusal> {
  if (bytes.length > MAX_DATABASE_BYTES) {
    return refuse('too-long', `expected a database of at most ${MAX_DATABASE_BYTES} bytes, got ${bytes.length}; split it`)
  }
  try {
    checkCharacters(bytes)
    const database = new DatabaseReader(bytes).read(onOutermost)
    if (onOutermost === undefined) database.settle()
    return ok(database)
  } catch (error) {
    if (error instanceof DatabaseError) return refuse(error.code, `line ${lineOf(bytes, error.at)}: ${error.message}`)
    throw error
  }
}

class DatabaseReader {
  readonly #database: Database
  readonly #scanner: Scanner
  readonly #frames: FrameBuilder

  // What is active, and how much of it at each open block.
  readonly #blocks = new IntVector(64)
  readonly #blockOffsets = new IntVector(64)
  readonly #variables = new IntVector(256)
  readonly #hypotheses = new IntVector(256)
  readonly #essentials = new IntVector(64)
  #disjointHead = -1
  /** Per token: 1 + the active `$f` of a variable; -1 for an active variable without one; 0 for anything else. The frames' own. */
  #floats: Int32Array

  // Scratch for one statement.
  readonly #symbols = new IntVector(256)
  #label = 0
  #labelOffset = 0
  #seen: Int32Array = new Int32Array(FIRST_TOKENS)
  #generation = 0
  #work = 0

  constructor(bytes: Uint8Array) {
    this.#database = new Database(bytes)
    this.#scanner = new Scanner(bytes, 0, bytes.length)
    this.#frames = new FrameBuilder(this.#database, FIRST_TOKENS, (words) => this.#spend(words))
    this.#floats = this.#frames.floats
  }

  read(onOutermost?: (database: Database) => void): Database {
    const scanner = this.#scanner
    for (;;) {
      const kind = scanner.next()
      if (kind === 0) break
      if (kind === 1) this.#labelled()
      else this.#keyword(kind)
      if (onOutermost !== undefined && this.#blocks.length === 0) onOutermost(this.#database)
    }
    if (this.#blocks.length > 0) {
      const open = this.#blockOffsets.at(this.#blockOffsets.length - 1)
      throw new DatabaseError('unclosed-block', `this "\${" is never closed; add "$}"`, open)
    }
    return this.#database
  }

  #keyword(kind: number): void {
    const scanner = this.#scanner
    switch (kind) {
      case CHAR.c:
        return this.#declareConstants()
      case CHAR.v:
        return this.#declareVariables()
      case CHAR.d:
        return this.#declareDisjoint()
      case CHAR.braceOpen:
        return this.#openBlock()
      case CHAR.braceClose:
        return this.#closeBlock()
      case CHAR.bracketOpen:
        return scanner.fail('include', '"$[" (include) is not supported; give one file that contains everything')
      case CHAR.a:
      case CHAR.e:
      case CHAR.f:
      case CHAR.p:
        return scanner.fail('label', `a label is missing before "${scanner.text()}"`)
      default:
        return scanner.fail('syntax', `expected a label, "$c", "$v", "$d", "\${" or "$}", got "${scanner.text()}"`)
    }
  }

  // Tokens and roles.

  #token(): number {
    const scanner = this.#scanner
    const token = this.#database.tokens.intern(scanner.bytes, scanner.start, scanner.stop)
    if (token >= this.#floats.length) this.#growTokens()
    return token
  }

  #growTokens(): void {
    const size = this.#floats.length * 2
    this.#database.growTokens(size)
    this.#frames.grow(size)
    this.#floats = this.#frames.floats
    this.#seen = grown(this.#seen, size)
  }

  /** A plain token before `$.`, or 0 at `$.` itself. */
  #symbolOrEnd(what: string): number {
    const kind = this.#scanner.next()
    if (kind === 1) return 1
    if (kind === CHAR.dot) return 0
    if (kind === 0) this.#scanner.fail('truncated', `the file ends inside ${what}; expected "$."`)
    return this.#scanner.fail('syntax', `expected a symbol or "$." in ${what}, got "${this.#scanner.text()}"`)
  }

  #declareConstants(): void {
    const scanner = this.#scanner
    if (this.#blocks.length > 0) scanner.fail('scope', '"$c" is allowed in the outermost block only')
    let count = 0
    for (; this.#symbolOrEnd('"$c"') === 1; count++) {
      const token = this.#token()
      if (this.#database.meanings[token] !== 0) scanner.fail('duplicate-symbol', `"${scanner.text()}" is already declared`)
      this.#database.meanings[token] = CONSTANT
    }
    if (count === 0) scanner.fail('syntax', '"$c" declares nothing')
  }

  #declareVariables(): void {
    const scanner = this.#scanner
    let count = 0
    for (; this.#symbolOrEnd('"$v"') === 1; count++) {
      const token = this.#token()
      const meaning = this.#database.meanings[token]
      if ((meaning !== 0 && meaning !== VARIABLE) || this.#floats[token] !== 0) {
        scanner.fail('duplicate-symbol', `"${scanner.text()}" is already declared`)
      }
      this.#database.meanings[token] = VARIABLE
      this.#floats[token] = -1
      this.#variables.push(token)
    }
    if (count === 0) scanner.fail('syntax', '"$v" declares nothing')
  }

  #declareDisjoint(): void {
    const scanner = this.#scanner
    const symbols = this.#symbols
    symbols.length = 0
    this.#generation++
    while (this.#symbolOrEnd('"$d"') === 1) {
      const token = this.#token()
      if (this.#floats[token] === 0) scanner.fail('symbol', `"$d" takes active variables, got "${scanner.text()}"`)
      if (this.#seen[token] === this.#generation) scanner.fail('disjoint', `"${scanner.text()}" occurs twice in one "$d"`)
      this.#seen[token] = this.#generation
      symbols.push(token)
    }
    if (symbols.length < 2) scanner.fail('disjoint', '"$d" needs two variables at least')
    this.#spend(PAIR_WORK * pairsOf(symbols.length))
    const { disjoint } = this.#database
    const at = disjoint.length
    disjoint.push(this.#disjointHead)
    disjoint.push(symbols.length)
    for (let i = 0; i < symbols.length; i++) disjoint.push(symbols.at(i))
    this.#disjointHead = at
  }

  // Blocks.

  #openBlock(): void {
    if (this.#blockOffsets.length >= MAX_BLOCK_DEPTH) {
      this.#scanner.fail('scope', `blocks may be nested ${MAX_BLOCK_DEPTH} deep at most`)
    }
    this.#blocks.push(this.#variables.length)
    this.#blocks.push(this.#hypotheses.length)
    this.#blocks.push(this.#essentials.length)
    this.#blocks.push(this.#disjointHead)
    this.#blockOffsets.push(this.#scanner.start)
  }

  #closeBlock(): void {
    const database = this.#database
    if (this.#blocks.length === 0) this.#scanner.fail('scope', '"$}" without an open "${"')
    this.#blocks.length -= 4
    this.#blockOffsets.length--
    const variables = this.#blocks.at(this.#blocks.length)
    const hypotheses = this.#blocks.at(this.#blocks.length + 1)
    this.#essentials.length = this.#blocks.at(this.#blocks.length + 2)
    this.#disjointHead = this.#blocks.at(this.#blocks.length + 3)
    for (let i = hypotheses; i < this.#hypotheses.length; i++) {
      const statement = this.#hypotheses.at(i)
      database.details.data[statement] = database.statementCount
      if (database.kindOf(statement) === FLOATING) this.#floats[database.variableOf(statement)] = -1
    }
    for (let i = variables; i < this.#variables.length; i++) this.#floats[this.#variables.at(i)] = 0
    this.#hypotheses.length = hypotheses
    this.#variables.length = variables
  }

  // Statements with a label.

  #labelled(): void {
    const scanner = this.#scanner
    const database = this.#database
    this.#labelOffset = scanner.start
    if (!isLabel(scanner.bytes, scanner.start, scanner.stop)) {
      scanner.fail('label', `"${scanner.text()}" is not a label; labels are letters, digits, "-", "_" and "."`)
    }
    const label = this.#token()
    const meaning = database.meanings[label] as number
    if (meaning !== 0) {
      const what = meaning > 0 ? 'label' : 'symbol'
      scanner.fail('duplicate-label', `"${scanner.text()}" is already a ${what}`)
    }
    this.#label = label
    const text = scanner.text()
    const kind = scanner.next()
    switch (kind) {
      case CHAR.f:
        this.#floatingHypothesis(text)
        break
      case CHAR.e:
        this.#essentialHypothesis(text)
        break
      case CHAR.a:
        this.#assertion(text, AXIOM)
        break
      case CHAR.p:
        this.#assertion(text, THEOREM)
        break
      case 0:
        scanner.fail('truncated', `the file ends after the label "${text}"`)
        break
      default:
        scanner.fail('syntax', `expected "$f", "$e", "$a" or "$p" after the label "${text}", got "${scanner.text()}"`)
    }
    database.meanings[label] = database.statementCount
    assert(database.labelTokenOf(database.statementCount - 1) === label, 'a label is that of the statement behind it')
  }

  #statement(kind: number, detail: number, content: number): void {
    const database = this.#database
    database.heads.push(4 * this.#label + kind)
    database.details.push(detail)
    database.contents.push(content)
    database.offsets.push(this.#labelOffset)
  }

  #floatingHypothesis(label: string): void {
    const scanner = this.#scanner
    const what = `"${label} $f"`
    const symbols = this.#readSymbols(what, CHAR.dot)
    if (symbols.length !== 2) scanner.fail('floating', `${what} takes a typecode and a variable, got ${symbols.length} symbols`)
    const typecode = symbols.at(0)
    const variable = symbols.at(1)
    const active = this.#floats[variable] as number
    if (active === 0) scanner.fail('floating', `${what}: "${this.#text(variable)}" is not an active variable`)
    if (active > 0) {
      scanner.fail('floating', `${what}: "${this.#text(variable)}" already has "${this.#database.labelOf(active - 1)}"`)
    }
    this.#floats[variable] = this.#database.statementCount + 1
    this.#hypotheses.push(this.#database.statementCount)
    const raw = this.#database.raw
    const at = raw.length
    raw.push(variable)
    raw.push(typecode)
    this.#statement(FLOATING, NEVER, at)
  }

  #essentialHypothesis(label: string): void {
    const symbols = this.#readSymbols(`"${label} $e"`, CHAR.dot)
    this.#requireFloats(symbols, label)
    const raw = this.#database.raw
    const at = raw.length
    raw.push(symbols.length)
    for (let i = 0; i < symbols.length; i++) raw.push(symbols.at(i))
    this.#hypotheses.push(this.#database.statementCount)
    this.#essentials.push(this.#database.statementCount)
    this.#statement(ESSENTIAL, NEVER, at)
  }

  #assertion(label: string, kind: number): void {
    const database = this.#database
    const scanner = this.#scanner
    const symbols = this.#readSymbols(`"${label} ${kind === AXIOM ? '$a' : '$p'}"`, kind === AXIOM ? CHAR.dot : CHAR.equals)
    this.#requireFloats(symbols, label)
    const isKept = !database.isOverfull
    const frames = this.#frames
    const hypotheses = isKept ? frames.collect(symbols, this.#essentials) : frames.measure(symbols, this.#essentials)
    if (hypotheses > MAX_SLOTS) {
      scanner.fail('too-many-hypotheses', `"${label}" has ${hypotheses} mandatory hypotheses; ${MAX_SLOTS} are allowed`)
    }
    if (isKept) frames.lay(symbols, this.#disjointHead)
    else frames.skip(this.#disjointHead)
    const record = isKept ? frames.finish(database.records) : -1
    if (kind === THEOREM) {
      database.theorems.push(database.statementCount)
      database.proofStarts.push(scanner.stop)
      database.proofEnds.push(this.#skipProof(label))
    }
    this.#statement(kind, record, this.#disjointHead)
  }

  /** Finds the `$.` that ends a proof; comments inside are left for whoever reads it. */
  #skipProof(label: string): number {
    const scanner = this.#scanner
    const bytes = scanner.bytes
    const from = scanner.stop
    const dollar = bytes.indexOf(CHAR.dollar, from)
    if (dollar >= 0 && bytes[dollar + 1] === CHAR.dot && BYTE_CLASS[bytes[dollar - 1] as number] === WHITE) {
      scanner.stop = dollar
      if (scanner.next() === CHAR.dot) return dollar
    }
    scanner.stop = from
    for (;;) {
      const kind = scanner.next()
      if (kind === CHAR.dot) return scanner.start
      if (kind === 0) scanner.fail('truncated', `the file ends inside the proof of "${label}"; expected "$."`, from)
      if (kind !== 1) scanner.fail('syntax', `expected "$." to end the proof of "${label}", got "${scanner.text()}"`)
    }
  }

  /** A typecode, then constants and active variables. */
  #readSymbols(what: string, terminator: number): IntVector {
    const scanner = this.#scanner
    const symbols = this.#symbols
    const meanings = this.#database.meanings
    symbols.length = 0
    for (;;) {
      const kind = scanner.next()
      if (kind !== 1) {
        if (kind === terminator) break
        if (kind === 0) scanner.fail('truncated', `the file ends inside ${what}`)
        scanner.fail('syntax', `expected a symbol or "$${String.fromCharCode(terminator)}" in ${what}, got "${scanner.text()}"`)
      }
      const token = this.#database.tokens.find(scanner.bytes, scanner.start, scanner.stop)
      if (token < 0 || (meanings[token] !== CONSTANT && this.#floats[token] === 0)) {
        scanner.fail('symbol', `${what}: "${scanner.text()}" is not an active constant or variable; declare it with "$c" or "$v"`)
      }
      symbols.push(token)
    }
    if (symbols.length === 0) scanner.fail('syntax', `${what} has no typecode`)
    if (meanings[symbols.at(0)] !== CONSTANT) {
      scanner.fail('typecode', `${what}: the first symbol must be a constant, got "${this.#text(symbols.at(0))}"`)
    }
    return symbols
  }

  #requireFloats(symbols: IntVector, label: string): void {
    for (let i = 0; i < symbols.length; i++) {
      if (this.#floats[symbols.at(i)] === -1) {
        this.#scanner.fail('floating', `"${label}": variable "${this.#text(symbols.at(i))}" has no active "$f"`)
      }
    }
  }

  #text(token: number): string {
    return this.#database.tokens.textOf(token)
  }

  /** Frames repeat what is active, so a small file can ask for much: refused at a bound no real database comes near. */
  #spend(words: number): void {
    this.#work += words
    if (this.#work > MAX_FRAME_WORK) {
      this.#scanner.fail('too-large', `the frames of this database need more than ${MAX_FRAME_WORK} steps; split it`)
    }
  }
}
