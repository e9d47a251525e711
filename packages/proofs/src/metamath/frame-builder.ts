/**
 * The frame of an assertion (Metamath, §4.2.7), and the record that the kernel gets of it: the active `$e`, the `$f` of every variable that they or the
 * assertion use, in the order of the file, and the active `$d` pairs of these variables. Used while a database is read, and again for records
 * that it does not keep (`records.ts`).
 */
import { type Database, FLOATING } from './database.js'
import { grown, IntVector } from './integers.js'
import { RecordBuilder } from './record.js'
import { SlotPairs } from './slot-pairs.js'

/** Beside its symbols, for each assertion: a word of the frame, one of the record, and the length of an `$e`. */
const HYPOTHESIS_WORK = 3

export class FrameBuilder {
  readonly #database: Database
  readonly #onWork: (words: number) => void
  readonly #builder = new RecordBuilder()
  /** Per token: 1 + the active `$f` of a variable; anything else is below 1. */
  floats: Int32Array
  /** Per token: the slot of a mandatory variable, if it was seen in this generation. */
  #slots: Int32Array
  #seen: Int32Array
  #generation = 0
  readonly #mandatory = new IntVector(64)
  readonly #disjointSlots = new IntVector(64)
  readonly #pairs = new SlotPairs()
  /** What the active `$e` bring, as `measure` found it last: for which of them, in which generation their variables were seen, and how much it is. */
  #shared = { count: 0, last: -1, generation: -1, words: 0, variables: 0 }
  #measured = { hypotheses: 0, variables: 0 }

  /** `onWork` is told of words that are looked at, and before they are laid out; it may throw. */
  constructor(database: Database, tokens: number, onWork: (words: number) => void) {
    this.#database = database
    this.#onWork = onWork
    this.floats = new Int32Array(tokens)
    this.#slots = new Int32Array(tokens)
    this.#seen = new Int32Array(tokens)
  }

  /** Makes room for this many tokens. */
  grow(tokens: number): void {
    this.floats = grown(this.floats, tokens)
    this.#slots = grown(this.#slots, tokens)
    this.#seen = grown(this.#seen, tokens)
  }

  /** Of an assertion with these symbols where these `$e` are active: how many hypotheses are mandatory. */
  collect(symbols: IntVector, essentials: IntVector): number {
    const { contents, raw } = this.#database
    this.#mandatory.length = 0
    this.#generation++
    this.#variablesOf(symbols.data, 0, symbols.length)
    let words = symbols.length
    for (let i = 0; i < essentials.length; i++) {
      const statement = essentials.at(i)
      this.#mandatory.push(statement)
      const at = contents.at(statement)
      const length = raw.at(at)
      this.#variablesOf(raw.data, at + 1, at + 1 + length)
      words += length
    }
    this.#onWork(words)
    return this.#mandatory.length
  }

  #variablesOf(words: Int32Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const token = words[i] as number
      const float = this.floats[token] as number
      if (float <= 0 || this.#seen[token] === this.#generation) continue
      this.#seen[token] = this.#generation
      this.#mandatory.push(float - 1)
    }
  }

  /** After `collect`: lays the record out. `disjointHead`: the last active `$d`. */
  lay(symbols: IntVector, disjointHead: number): void {
    const database = this.#database
    const { raw, contents } = database
    const mandatory = this.#mandatory
    const builder = this.#builder
    this.#onWork(HYPOTHESIS_WORK * mandatory.length)
    sortAscending(mandatory)
    builder.begin()
    for (let slot = 0; slot < mandatory.length; slot++) {
      const statement = mandatory.at(slot)
      if (database.kindOf(statement) === FLOATING) this.#slots[database.variableOf(statement)] = slot
    }
    for (let slot = 0; slot < mandatory.length; slot++) {
      const statement = mandatory.at(slot)
      if (database.kindOf(statement) === FLOATING) {
        builder.floating(database.typecodeOf(statement))
        continue
      }
      const at = contents.at(statement)
      const length = raw.at(at)
      builder.essential(length)
      this.#slotSymbols(raw.data, at + 1, at + 1 + length)
    }
    builder.assertion()
    this.#slotSymbols(symbols.data, 0, symbols.length)
    this.#mandatoryPairs(disjointHead)
  }

  /**
   * Instead of `collect`, of an assertion whose record will not be kept: the same answer, and the same work is told, but what the active `$e` bring is
   * looked at once for all assertions below them.
   */
  measure(symbols: IntVector, essentials: IntVector): number {
    const last = essentials.length === 0 ? -1 : essentials.at(essentials.length - 1)
    if (this.#shared.count !== essentials.length || this.#shared.last !== last) this.#share(essentials, last)
    const shared = this.#shared
    this.#generation++
    let variables = shared.variables
    for (let i = 0; i < symbols.length; i++) {
      const token = symbols.at(i)
      if ((this.floats[token] as number) <= 0 || this.#isSeen(token)) continue
      this.#seen[token] = this.#generation
      this.#slots[token] = variables++
    }
    this.#onWork(symbols.length + shared.words)
    this.#measured = { hypotheses: variables + essentials.length, variables }
    return this.#measured.hypotheses
  }

  #share(essentials: IntVector, last: number): void {
    const { contents, raw } = this.#database
    const generation = ++this.#generation
    let words = 0
    let variables = 0
    for (let i = 0; i < essentials.length; i++) {
      const at = contents.at(essentials.at(i))
      const end = at + 1 + raw.at(at)
      words += raw.at(at)
      for (let k = at + 1; k < end; k++) {
        const token = raw.at(k)
        if ((this.floats[token] as number) <= 0 || this.#seen[token] === generation) continue
        this.#seen[token] = generation
        this.#slots[token] = variables++
      }
    }
    this.#shared = { count: essentials.length, last, generation, words, variables }
  }

  /** In the assertion itself; after `measure`, or in the `$e`. */
  #isSeen(token: number): boolean {
    return this.#seen[token] === this.#generation || this.#seen[token] === this.#shared.generation
  }

  /** After `measure`, instead of `lay`: the same work is told. */
  skip(disjointHead: number): void {
    const { hypotheses, variables } = this.#measured
    this.#onWork(HYPOTHESIS_WORK * hypotheses)
    this.#findPairs(disjointHead, variables)
    this.#onWork(this.#pairs.different)
  }

  #slotSymbols(words: Int32Array, from: number, to: number): void {
    const builder = this.#builder
    for (let i = from; i < to; i++) {
      const token = words[i] as number
      builder.symbol((this.floats[token] as number) > 0 ? ~(this.#slots[token] as number) : token)
    }
  }

  /** The active `$d` pairs of which both variables are mandatory, in increasing order of slots, none twice. */
  #mandatoryPairs(disjointHead: number): void {
    this.#findPairs(disjointHead, this.#mandatory.length)
    this.#pairs.visit((a, b) => this.#builder.pair(a, b))
    this.#onWork(this.#pairs.different) // with the visit of each, the two words of it
  }

  /** Of variables that are seen, by their slots. */
  #findPairs(disjointHead: number, slots: number): void {
    const { disjoint } = this.#database
    const members = this.#disjointSlots
    this.#pairs.begin(slots)
    for (let group = disjointHead; group >= 0; group = disjoint.at(group)) {
      const count = disjoint.at(group + 1)
      this.#onWork(pairsOf(count))
      members.length = 0
      for (let i = group + 2; i < group + 2 + count; i++) {
        const variable = disjoint.at(i)
        if (this.#isSeen(variable)) members.push(this.#slots[variable] as number)
      }
      this.#pairs.add(members)
    }
  }

  /** After `lay`: appends the mandatory hypotheses, and behind them the record; answers where that starts. */
  finish(out: IntVector): number {
    const mandatory = this.#mandatory
    const at = out.extend(mandatory.length)
    for (let i = 0; i < mandatory.length; i++) out.data[at + i] = mandatory.at(i)
    return this.#builder.finish(out)
  }
}

/** Pairs of so many variables. */
export function pairsOf(count: number): number {
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
