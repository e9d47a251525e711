/**
 * A Metamath database read into integers, in one pass over its bytes. Proofs are only located; `proof-text.ts` reads them. The grammar is
 * Metamath's (§4.1, §4.2) at its strictest, and `$[ ... $]` is refused: what is checked is the one file that was given.
 */
import { assert, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { AXIOM, Database, ESSENTIAL, FLOATING, THEOREM } from './database.js'
import { MAX_SLOTS } from './gas.js'
import { IntVector } from './integers.js'
import { RecordBuilder } from './record.js'
import { CHAR, checkCharacters, DatabaseError, lineOf, Scanner } from './scanner.js'
import { BYTE_CLASS, isLabel, WHITE } from './tokens.js'

/** Roles of tokens; a token has one role in the whole file, variables come and go with their blocks. */
const CONSTANT = 1
const VARIABLE = 2
const LABELLED = 3

/** Offsets are 32-bit. */
export const MAX_DATABASE_BYTES = 0x7fff_fff0
/** Depth of `${`; real databases use less than ten. */
const MAX_BLOCK_DEPTH = 4_096
const NEVER = 0x7fff_ffff
/**
 * Words visited, and kept, while collecting frames and disjoint pairs: over ten times the 6.3 million that set.mm needs. What a
 * database makes the reader keep for them stays below 256 MiB, however it multiplies them, beside the room that vectors have ahead.
 */
const MAX_FRAME_WORK = 1 << 26
/** Of a pair when it is declared, as if its words were kept: what is too large is so in every release. */
const PAIR_WORK = 4
/** Beside its symbols, for each assertion: a word of the frame, one of the record, and the length of an `$e`. */
const HYPOTHESIS_WORK = 3

/**
 * Reads a database; the refusal's message names the line. Never throws on any bytes. `onOutermost` is called after every
 * statement of the outermost block, with what was read so far.
 */
export function parseDatabase(bytes: Uint8Array, onOutermost?: (database: Database) => void): Result<Database, Refusal> {
  if (bytes.length > MAX_DATABASE_BYTES) {
    return refuse('too-long', `expected a database of at most ${MAX_DATABASE_BYTES} bytes, got ${bytes.length}; split it`)
  }
  try {
    checkCharacters(bytes)
    return ok(new DatabaseReader(bytes).read(onOutermost))
  } catch (error) {
    if (error instanceof DatabaseError) return refuse(error.code, `line ${lineOf(bytes, error.at)}: ${error.message}`)
    throw error
  }
}

class DatabaseReader {
  readonly #database: Database
  readonly #scanner: Scanner
  readonly #builder = new RecordBuilder()

  // What is active, and how much of it at each open block.
  readonly #blocks = new IntVector(64)
  readonly #blockOffsets = new IntVector(64)
  readonly #variables = new IntVector(256)
  readonly #hypotheses = new IntVector(256)
  readonly #essentials = new IntVector(64)
  #disjointHead = -1
  /** Per token: 1 + the active `$f` of a variable; -1 for an active variable without one; 0 for anything else. */
  #floats: Int32Array = new Int32Array(1024)

  // Scratch for one assertion.
  readonly #symbols = new IntVector(256)
  readonly #mandatory = new IntVector(64)
  readonly #disjointSlots = new IntVector(64)
  #slots: Int32Array = new Int32Array(1024)
  #seen: Int32Array = new Int32Array(1024)
  #generation = 0
  #work = 0

  constructor(bytes: Uint8Array) {
    this.#database = new Database(bytes)
    this.#scanner = new Scanner(bytes, 0, bytes.length)
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
    const larger = (words: Int32Array): Int32Array => {
      const out = new Int32Array(size)
      out.set(words)
      return out
    }
    this.#database.growTokens(size)
    this.#floats = larger(this.#floats)
    this.#slots = larger(this.#slots)
    this.#seen = larger(this.#seen)
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
      if (this.#database.roles[token] !== 0) scanner.fail('duplicate-symbol', `"${scanner.text()}" is already declared`)
      this.#database.roles[token] = CONSTANT
      this.#database.constants.push(token)
    }
    if (count === 0) scanner.fail('syntax', '"$c" declares nothing')
  }

  #declareVariables(): void {
    const scanner = this.#scanner
    let count = 0
    for (; this.#symbolOrEnd('"$v"') === 1; count++) {
      const token = this.#token()
      const role = this.#database.roles[token]
      if ((role !== 0 && role !== VARIABLE) || this.#floats[token] !== 0) {
        scanner.fail('duplicate-symbol', `"${scanner.text()}" is already declared`)
      }
      this.#database.roles[token] = VARIABLE
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
      if (database.kinds.at(statement) === FLOATING) this.#floats[database.variableOf(statement)] = -1
    }
    for (let i = variables; i < this.#variables.length; i++) this.#floats[this.#variables.at(i)] = 0
    this.#hypotheses.length = hypotheses
    this.#variables.length = variables
  }

  // Statements with a label.

  #labelled(): void {
    const scanner = this.#scanner
    const database = this.#database
    const offset = scanner.start
    if (!isLabel(scanner.bytes, scanner.start, scanner.stop)) {
      scanner.fail('label', `"${scanner.text()}" is not a label; labels are letters, digits, "-", "_" and "."`)
    }
    const label = this.#token()
    if (database.roles[label] !== 0) {
      const what = database.roles[label] === LABELLED ? 'label' : 'symbol'
      scanner.fail('duplicate-label', `"${scanner.text()}" is already a ${what}`)
    }
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
    database.roles[label] = LABELLED
    database.statements[label] = database.statementCount
    database.labels.push(label)
    database.offsets.push(offset)
    assert(database.labels.length === database.kinds.length, 'one label per statement')
  }

  #statement(kind: number, detail: number, content: number): void {
    const database = this.#database
    database.kinds.push(kind)
    database.details.push(detail)
    database.contents.push(content)
    database.ordinals.push(kind === THEOREM ? database.theorems.length - 1 : -1)
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
    const frame = this.#frame(symbols, label)
    const record = this.#record(symbols)
    if (kind === THEOREM) {
      database.theorems.push(database.statementCount)
      database.disjointHeads.push(this.#disjointHead)
      database.proofStarts.push(scanner.stop)
      database.proofEnds.push(this.#skipProof(label))
    }
    this.#statement(kind, record, frame)
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
    const roles = this.#database.roles
    symbols.length = 0
    for (;;) {
      const kind = scanner.next()
      if (kind !== 1) {
        if (kind === terminator) break
        if (kind === 0) scanner.fail('truncated', `the file ends inside ${what}`)
        scanner.fail('syntax', `expected a symbol or "$${String.fromCharCode(terminator)}" in ${what}, got "${scanner.text()}"`)
      }
      const token = this.#database.tokens.find(scanner.bytes, scanner.start, scanner.stop)
      if (token < 0 || (roles[token] !== CONSTANT && this.#floats[token] === 0)) {
        scanner.fail('symbol', `${what}: "${scanner.text()}" is not an active constant or variable; declare it with "$c" or "$v"`)
      }
      symbols.push(token)
    }
    if (symbols.length === 0) scanner.fail('syntax', `${what} has no typecode`)
    if (roles[symbols.at(0)] !== CONSTANT) {
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

  /**
   * The mandatory hypotheses in the order of the file: the active `$e`, and the `$f` of every variable that they or the
   * assertion use.
   */
  #frame(symbols: IntVector, label: string): number {
    const database = this.#database
    const mandatory = this.#mandatory
    const raw = database.raw
    mandatory.length = 0
    this.#generation++
    this.#collect(symbols.data, 0, symbols.length)
    for (let i = 0; i < this.#essentials.length; i++) {
      const statement = this.#essentials.at(i)
      mandatory.push(statement)
      const at = database.contents.at(statement)
      this.#collect(raw.data, at + 1, at + 1 + raw.at(at))
    }
    if (mandatory.length > MAX_SLOTS) {
      this.#scanner.fail('too-many-hypotheses', `"${label}" has ${mandatory.length} mandatory hypotheses; ${MAX_SLOTS} are allowed`)
    }
    this.#spend(HYPOTHESIS_WORK * mandatory.length)
    sortAscending(mandatory)
    const frames = database.frames
    const frame = frames.length
    frames.push(mandatory.length)
    for (let slot = 0; slot < mandatory.length; slot++) {
      const statement = mandatory.at(slot)
      frames.push(statement)
      if (database.kinds.at(statement) === FLOATING) this.#slots[database.variableOf(statement)] = slot
    }
    return frame
  }

  #collect(words: Int32Array, from: number, to: number): void {
    this.#spend(to - from)
    for (let i = from; i < to; i++) {
      const token = words[i] as number
      const float = this.#floats[token] as number
      if (float <= 0 || this.#seen[token] === this.#generation) continue
      this.#seen[token] = this.#generation
      this.#mandatory.push(float - 1)
    }
  }

  #record(symbols: IntVector): number {
    const database = this.#database
    const builder = this.#builder
    builder.begin()
    for (let slot = 0; slot < this.#mandatory.length; slot++) {
      const statement = this.#mandatory.at(slot)
      if (database.kinds.at(statement) === FLOATING) {
        builder.floating(database.typecodeOf(statement))
      } else {
        const at = database.contents.at(statement)
        const length = database.raw.at(at)
        builder.essential(length)
        this.#slotSymbols(database.raw.data, at + 1, at + 1 + length)
      }
    }
    builder.assertion()
    this.#slotSymbols(symbols.data, 0, symbols.length)
    this.#mandatoryPairs()
    return builder.finish(database.records)
  }

  #slotSymbols(words: Int32Array, from: number, to: number): void {
    const builder = this.#builder
    for (let i = from; i < to; i++) {
      const token = words[i] as number
      builder.symbol((this.#floats[token] as number) > 0 ? ~(this.#slots[token] as number) : token)
    }
  }

  /** The active `$d` pairs of which both variables are mandatory, in increasing order of slots, none twice. */
  #mandatoryPairs(): void {
    const { disjoint } = this.#database
    const keys = this.#symbols
    const slots = this.#disjointSlots
    keys.length = 0
    for (let group = this.#disjointHead; group >= 0; group = disjoint.at(group)) {
      const count = disjoint.at(group + 1)
      this.#spend(pairsOf(count))
      slots.length = 0
      for (let i = group + 2; i < group + 2 + count; i++) {
        const variable = disjoint.at(i)
        if (this.#seen[variable] !== this.#generation) continue
        const b = this.#slots[variable] as number
        for (let k = 0; k < slots.length; k++) {
          const a = slots.at(k)
          keys.push(a < b ? a * MAX_SLOTS + b : b * MAX_SLOTS + a)
        }
        slots.push(b)
      }
    }
    sortAscending(keys)
    for (let i = 0; i < keys.length; i++) {
      const key = keys.at(i)
      if (i > 0 && key === keys.at(i - 1)) continue
      this.#spend(1) // with its visit, the two words of it that are kept
      this.#builder.pair(Math.floor(key / MAX_SLOTS), key % MAX_SLOTS)
    }
  }

  /** Frames repeat what is active, so a small file can ask for much: refused at a bound no real database comes near. */
  #spend(words: number): void {
    this.#work += words
    if (this.#work > MAX_FRAME_WORK) {
      this.#scanner.fail('too-large', `the frames of this database need more than ${MAX_FRAME_WORK} steps; split it`)
    }
  }
}

/** Pairs of so many variables. */
function pairsOf(count: number): number {
  return (count * (count - 1)) / 2
}

function sortAscending(words: IntVector): void {
  const data = words.data
  if (words.length > 32) {
    data.subarray(0, words.length).sort()
    return
  }
  for (let i = 1; i < words.length; i++) {
    const word = data[i] as number
    let k = i - 1
    for (; k >= 0 && (data[k] as number) > word; k--) data[k + 1] = data[k] as number
    data[k + 1] = word
  }
}
