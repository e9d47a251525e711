/** A Metamath database as it was read: hypotheses and assertions with their frames, in integers. */
import { IntVector } from './integers.js'
import { TokenTable } from './tokens.js'

export const FLOATING = 0
export const ESSENTIAL = 1
export const AXIOM = 2
export const THEOREM = 3

/** What a token means, if it is no label: a token means one thing in the whole file, variables come and go with their blocks. */
export const CONSTANT = -1
export const VARIABLE = -2

/** What is kept of a database: so many times its bytes, and so many more, of which its objects take a few. */
const KEPT_FACTOR = 4
const KEPT_BYTES = 32 * 1024

/** What was read. Statements with a label are numbered from 0 in the order of the file. */
export class Database {
  readonly bytes: Uint8Array
  readonly tokens: TokenTable = new TokenTable()

  // Per statement.
  /** Four times the token of its label, and its kind: files of less than 2 GiB have less than 2^29 tokens. */
  readonly heads: IntVector = new IntVector()
  /** `$f`, `$e`: the first statement for which it is no longer active. `$a`, `$p`: where its record starts, or -1 (`records.ts`). */
  readonly details: IntVector = new IntVector()
  /** `$f`, `$e`: where its raw symbols start. `$a`, `$p`: where the last active `$d` starts, in `disjoint`, or -1. */
  readonly contents: IntVector = new IntVector()
  /** Byte offset of the label. */
  readonly offsets: IntVector = new IntVector()

  // Per theorem.
  readonly theorems: IntVector = new IntVector()
  readonly proofStarts: IntVector = new IntVector()
  readonly proofEnds: IntVector = new IntVector()

  /** Of assertions: the statements of the mandatory hypotheses, then the record (see `record.ts`); constants are token ids. */
  readonly records: IntVector = new IntVector()
  /** Raw symbols. `$f`: variable, typecode. `$e`: count, then tokens. */
  readonly raw: IntVector = new IntVector()
  /** Each `$d` as it is written: where the active one before it starts, or -1; count; variables. */
  readonly disjoint: IntVector = new IntVector()

  /** Per token: CONSTANT, VARIABLE, or of a label its statement + 1; 0: nothing yet. */
  meanings: Int32Array = new Int32Array(1024)

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get statementCount(): number {
    return this.heads.length
  }

  /** Makes room for this many tokens. */
  growTokens(count: number): void {
    if (count <= this.meanings.length) return
    const meanings = new Int32Array(Math.max(count, 2 * this.meanings.length))
    meanings.set(this.meanings)
    this.meanings = meanings
  }

  kindOf(statement: number): number {
    return this.heads.at(statement) & 3
  }

  /** The token of its label. */
  labelTokenOf(statement: number): number {
    return this.heads.at(statement) >> 2
  }

  labelOf(statement: number): string {
    return this.tokens.textOf(this.labelTokenOf(statement))
  }

  /** Statement with this label, or -1. */
  statementOf(token: number): number {
    const meaning = token < 0 || token >= this.meanings.length ? 0 : (this.meanings[token] as number)
    return meaning > 0 ? meaning - 1 : -1
  }

  /** Statement with this label, or -1. */
  find(label: string): number {
    const bytes = new Uint8Array(label.length)
    for (let i = 0; i < label.length; i++) {
      const unit = label.charCodeAt(i)
      if (unit > 0x7e) return -1
      bytes[i] = unit
    }
    return this.statementOf(this.tokens.find(bytes, 0, bytes.length))
  }

  /** The number among the theorems of the `$p` with this label, or -1. */
  ordinalOf(label: string): number {
    const statement = this.find(label)
    let low = 0
    let high = this.theorems.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.theorems.at(middle) < statement) low = middle + 1
      else high = middle
    }
    return low < this.theorems.length && this.theorems.at(low) === statement ? low : -1
  }

  /** Constants in the order of their declaration: a token is numbered when it is declared. */
  constants(): number[] {
    const found: number[] = []
    for (let token = 0; token < this.tokens.count; token++) if (this.meanings[token] === CONSTANT) found.push(token)
    return found
  }

  /** The variable of a `$f`. */
  variableOf(statement: number): number {
    return this.raw.at(this.contents.at(statement))
  }

  /** The typecode of a `$f`. */
  typecodeOf(statement: number): number {
    return this.raw.at(this.contents.at(statement) + 1)
  }

  /** Are the records so long that they will not be kept (`settle`)? Then no more of them need be added. */
  get isOverfull(): boolean {
    return 4 * this.records.length > KEPT_FACTOR * this.bytes.length + KEPT_BYTES
  }

  /**
   * Once all is read: keeps within four times the text, which a text of few long frames, or of many short words, would not do by itself. First
   * the room goes that was ahead, then the records, which are made again from the text when somebody asks.
   */
  settle(): void {
    const most = KEPT_FACTOR * this.bytes.length + KEPT_BYTES
    if (this.#bytesKept() <= most) return
    for (const vector of this.#vectors()) vector.settle()
    this.tokens.settle()
    this.meanings = this.meanings.slice(0, this.tokens.count)
    if (this.#bytesKept() <= most) return
    this.dropRecords()
  }

  /** Of all assertions; they are made again when somebody asks. */
  dropRecords(): void {
    for (let statement = 0; statement < this.statementCount; statement++) {
      if (this.kindOf(statement) >= AXIOM) this.details.data[statement] = -1
    }
    this.records.length = 0
    this.records.settle()
  }

  #vectors(): readonly IntVector[] {
    const perStatement = [this.heads, this.details, this.contents, this.offsets]
    return [...perStatement, this.theorems, this.proofStarts, this.proofEnds, this.records, this.raw, this.disjoint]
  }

  #bytesKept(): number {
    const words = this.#vectors().reduce((sum, { data }) => sum + data.length, this.meanings.length)
    return 4 * words + this.tokens.bytesKept
  }
}
