/**
 * The proofs of a database, read from their text: compressed (Metamath, Appendix B) or uncompressed, resolved against
 * what is active at the theorem, and handed to the kernel.
 */

import type { Meter } from '../verifier.js'
import { type Database, ESSENTIAL, FLOATING } from './database.js'
import type { Names } from './explain.js'
import { explain } from './explain.js'
import { grown, IntVector } from './integers.js'
import { type Fault, Machine } from './machine.js'
import { RECORD_HYPOTHESES } from './record.js'
import { Records } from './records.js'
import { Scanner } from './scanner.js'

const OPEN = 0x28
const CLOSE = 0x29
const QUESTION = 0x3f
const NO_POOL: Int32Array = new Int32Array(0)

/** Reads one proof at a time into its machine. Throws `DatabaseError` where text does not resolve. */
export class ProofText {
  readonly machine: Machine = new Machine()
  /** Per reference after the mandatory hypotheses: the statement referred to. */
  readonly references: IntVector = new IntVector(256)
  /** The theorem read last. */
  statement = -1

  readonly database: Database
  readonly records: Records
  /** The mandatory hypotheses of the statement read last: words of a pool of records. */
  #frame: Int32Array = NO_POOL
  /** Are there references whose records are not at hand yet? */
  #isWaiting = false
  #generation = 0
  /** Per token: the slot of a variable of this proof. */
  #slots: Int32Array = new Int32Array(0)
  #slotSeen: Int32Array = new Int32Array(0)
  /** Per statement: its reference in an uncompressed proof. */
  #referenceOf: Int32Array = new Int32Array(0)
  #referenceSeen: Int32Array = new Int32Array(0)
  /** Of one `$d`, those seen so far. */
  readonly #disjointSlots = new IntVector(64)
  /** Variables by slot, for messages. */
  readonly #variables = new IntVector(64)

  constructor(database: Database) {
    this.database = database
    this.records = new Records(database)
  }

  /** The database may have grown since the last proof. */
  #grow(): void {
    const { tokens, statementCount } = this.database
    if (this.#slots.length < tokens.count) {
      this.#slots = grown(this.#slots, tokens.count)
      this.#slotSeen = grown(this.#slotSeen, tokens.count)
    }
    if (this.#referenceOf.length < statementCount) {
      this.#referenceOf = grown(this.#referenceOf, statementCount)
      this.#referenceSeen = grown(this.#referenceSeen, statementCount)
    }
  }

  /** Reads the proof of a theorem (its number among the theorems). Null: ready to run. */
  read(theorem: number): Fault | null {
    const database = this.database
    this.#grow()
    this.statement = database.theorems.at(theorem)
    this.references.length = 0
    this.#generation++
    this.#isWaiting = false
    this.records.rest()
    const goal = this.records.of(this.statement)
    const { pool } = this.records
    this.machine.begin(pool, goal)
    this.#layFrame(pool, goal)
    const scanner = new Scanner(database.bytes, database.proofStarts.at(theorem), database.proofEnds.at(theorem))
    const first = scanner.next()
    if (first === 0) return 'proof-empty'
    const compressed = scanner.stop - scanner.start === 1 && scanner.bytes[scanner.start] === OPEN
    const fault = compressed ? this.#compressed(scanner) : this.#uncompressed(scanner)
    if (fault === null) this.#dummyDisjoint()
    return fault
  }

  /** Runs the proof read last. Null: the statement is proved. Throws only what the meter throws. */
  run(meter: Meter): Fault | null {
    if (this.#isWaiting) this.#placeStatements()
    return this.machine.run(meter)
  }

  /** Records that the database does not keep: of statements that a step applies, for no others are paid for. */
  #placeStatements(): void {
    const { machine, references, records, database } = this
    const hypotheses = this.#frameSize()
    for (const reference of machine.steps) {
      if (reference < hypotheses || reference >= machine.references) continue
      const statement = references.at(reference - hypotheses)
      if (database.kindOf(statement) === FLOATING) continue
      const record = records.of(statement)
      machine.placeStatement(reference, records.pool, record)
    }
  }

  #layFrame(pool: Int32Array, goal: number): void {
    const database = this.database
    const count = pool[goal + RECORD_HYPOTHESES] as number
    this.#frame = pool.subarray(goal - count, goal)
    this.#variables.length = 0
    for (let slot = 0; slot < count; slot++) {
      const hypothesis = this.#frame[slot] as number
      const floating = database.kindOf(hypothesis) === FLOATING
      this.#variables.push(floating ? database.variableOf(hypothesis) : -1)
      if (floating) this.#giveSlot(database.variableOf(hypothesis), slot)
      this.#referenceOf[hypothesis] = slot
      this.#referenceSeen[hypothesis] = this.#generation
    }
  }

  #giveSlot(variable: number, slot: number): void {
    this.#slots[variable] = slot
    this.#slotSeen[variable] = this.#generation
  }

  #compressed(scanner: Scanner): Fault | null {
    for (;;) {
      const kind = scanner.next()
      if (kind !== 1) scanner.fail('proof-syntax', 'the list of labels is never closed; expected ")"')
      if (scanner.stop - scanner.start === 1) {
        const byte = scanner.bytes[scanner.start]
        if (byte === CLOSE) break
        if (byte === QUESTION) return 'incomplete'
      }
      const statement = this.#resolve(scanner)
      if (this.#referenceSeen[statement] === this.#generation && (this.#referenceOf[statement] as number) < this.#frameSize()) {
        scanner.fail('proof-label', `mandatory hypothesis "${scanner.text()}" may not be in the list of labels; remove it`)
      }
      this.#addReference(statement)
    }
    while (scanner.next() === 1) {
      const fault = this.machine.addLetters(scanner.bytes, scanner.start, scanner.stop)
      if (fault !== null) return fault
    }
    return null
  }

  #uncompressed(scanner: Scanner): Fault | null {
    do {
      if (scanner.stop - scanner.start === 1 && scanner.bytes[scanner.start] === QUESTION) return 'incomplete'
      const statement = this.#resolve(scanner)
      if (this.#referenceSeen[statement] !== this.#generation) this.#addReference(statement)
      this.machine.addStep(this.#referenceOf[statement] as number)
    } while (scanner.next() === 1)
    return null
  }

  #frameSize(): number {
    return this.#frame.length
  }

  /** The statement the current token names: an earlier assertion, or an active hypothesis. */
  #resolve(scanner: Scanner): number {
    const database = this.database
    const statement = database.statementOf(database.tokens.find(scanner.bytes, scanner.start, scanner.stop))
    if (statement < 0) return scanner.fail('unknown-label', `there is no statement "${scanner.text()}"`)
    if (statement === this.statement) return scanner.fail('self-reference', `"${scanner.text()}" may not be used to prove itself`)
    if (statement > this.statement) {
      return scanner.fail('later-reference', `"${scanner.text()}" comes later in the file and may not be used here`)
    }
    const kind = database.kindOf(statement)
    if ((kind === FLOATING || kind === ESSENTIAL) && this.statement >= database.details.at(statement)) {
      return scanner.fail('inactive-hypothesis', `hypothesis "${scanner.text()}" belongs to another block and is not active here`)
    }
    return statement
  }

  #addReference(statement: number): void {
    const database = this.database
    this.references.push(statement)
    this.#referenceSeen[statement] = this.#generation
    const kind = database.kindOf(statement)
    if (kind !== FLOATING) {
      const record = database.details.at(statement)
      if (record < 0) this.#isWaiting = true
      this.#referenceOf[statement] =
        record < 0 ? this.machine.addStatement(NO_POOL, 0) : this.machine.addStatement(database.records.data, record)
      return
    }
    const variable = database.variableOf(statement)
    if (this.#slotSeen[variable] === this.#generation) {
      this.#referenceOf[statement] = this.machine.repeatDummy(this.#slots[variable] as number)
      return
    }
    this.#referenceOf[statement] = this.machine.references
    this.#giveSlot(variable, this.machine.addDummy(database.typecodeOf(statement)))
    this.#variables.push(variable)
  }

  /** The active `$d` pairs that involve a dummy variable; those among mandatory ones are in the record. */
  #dummyDisjoint(): void {
    const frame = this.#frameSize()
    if (this.machine.slots === frame) return
    const { disjoint, contents } = this.database
    const slots = this.#disjointSlots
    for (let group = contents.at(this.statement); group >= 0; group = disjoint.at(group)) {
      slots.length = 0
      for (let i = group + 2; i < group + 2 + disjoint.at(group + 1); i++) {
        const variable = disjoint.at(i)
        if (this.#slotSeen[variable] !== this.#generation) continue
        const b = this.#slots[variable] as number
        for (let k = 0; k < slots.length; k++) if (b >= frame || slots.at(k) >= frame) this.machine.addDisjoint(slots.at(k), b)
        slots.push(b)
      }
    }
  }

  /** The variable in a slot of the proof read last, or -1 for an essential hypothesis. */
  variableAt(slot: number): number {
    return this.#variables.at(slot)
  }

  explain(fault: Fault): string {
    const database = this.database
    const statementOf = (reference: number): number =>
      reference < this.#frameSize() ? (this.#frame[reference] as number) : this.references.at(reference - this.#frameSize())
    const names: Names = {
      symbol: (constant) => database.tokens.textOf(constant),
      variable: (slot) => database.tokens.textOf(this.#variables.at(slot)),
      reference: (reference) => (reference < this.machine.references ? database.labelOf(statementOf(reference)) : 'saved step'),
      hypothesis: (reference, hypothesis) => {
        const applied = this.records.of(statementOf(reference))
        const { pool } = this.records
        return `"${database.labelOf(pool[applied - (pool[applied + RECORD_HYPOTHESES] as number) + hypothesis] as number)}"`
      },
    }
    return explain(fault, this.machine, names)
  }
}
