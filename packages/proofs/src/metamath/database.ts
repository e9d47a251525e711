/** A Metamath database as it was read: constants, variables, hypotheses and assertions with their frames, in integers. */
import { IntVector } from './integers.js'
import { TokenTable } from './tokens.js'

export const FLOATING = 1
export const ESSENTIAL = 2
export const AXIOM = 3
export const THEOREM = 4

/** What was read. Statements with a label are numbered from 0 in the order of the file. */
export class Database {
  readonly bytes: Uint8Array
  readonly tokens: TokenTable = new TokenTable()
  /** Constants in the order of their declaration. */
  readonly constants: IntVector = new IntVector()

  // Per statement.
  readonly kinds: IntVector = new IntVector()
  readonly labels: IntVector = new IntVector()
  /** `$f`, `$e`: the first statement for which it is no longer active. `$a`, `$p`: where its record starts. */
  readonly details: IntVector = new IntVector()
  /** `$f`, `$e`: where its raw symbols start. `$a`, `$p`: where its frame starts. */
  readonly contents: IntVector = new IntVector()
  /** `$p`: index into `theorems`. */
  readonly ordinals: IntVector = new IntVector()
  /** Byte offset of the label. */
  readonly offsets: IntVector = new IntVector()

  // Per theorem.
  readonly theorems: IntVector = new IntVector()
  readonly proofStarts: IntVector = new IntVector()
  readonly proofEnds: IntVector = new IntVector()
  /** The last `$d` active at the theorem, in `disjoint`, or -1. */
  readonly disjointHeads: IntVector = new IntVector()

  /** Records of assertions (see `record.ts`); constants are token ids. */
  readonly records: IntVector = new IntVector()
  /** Frames: count, then the statements of the mandatory hypotheses. */
  readonly frames: IntVector = new IntVector()
  /** Raw symbols. `$f`: variable, typecode. `$e`: count, then tokens. */
  readonly raw: IntVector = new IntVector()
  /** Each `$d` as it is written: where the active one before it starts, or -1; count; variables. */
  readonly disjoint: IntVector = new IntVector()

  // Per token.
  roles: Uint8Array = new Uint8Array(1024)
  /** Label: its statement + 1. */
  statements: Int32Array = new Int32Array(1024)

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get statementCount(): number {
    return this.kinds.length
  }

  /** Makes room for this many tokens. */
  growTokens(count: number): void {
    if (count <= this.statements.length) return
    const size = Math.max(count, 2 * this.statements.length)
    const roles = new Uint8Array(size)
    roles.set(this.roles)
    const statements = new Int32Array(size)
    statements.set(this.statements)
    this.roles = roles
    this.statements = statements
  }

  /** Statement with this label, or -1. */
  statementOf(token: number): number {
    return token < 0 || token >= this.statements.length ? -1 : (this.statements[token] as number) - 1
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
    return statement < 0 ? -1 : this.ordinals.at(statement)
  }

  /** The variable of a `$f`. */
  variableOf(statement: number): number {
    return this.raw.at(this.contents.at(statement))
  }

  /** The typecode of a `$f`. */
  typecodeOf(statement: number): number {
    return this.raw.at(this.contents.at(statement) + 1)
  }

  labelOf(statement: number): string {
    return this.tokens.textOf(this.labels.at(statement))
  }
}
