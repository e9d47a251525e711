/**
 * From DRAT to LRAT: finds for each lemma the clauses it follows from, so that the network never has to search. Forward: lemmas
 * are taken in order; the negation of each is assumed and unit propagation over two watched literals (Moskewicz and others 2001)
 * runs into a conflict, whose reasons become the hints. A lemma for which it does not is tried as RAT on its first literal. At
 * the end the steps the empty clause does not lean on are left out, the rest is numbered anew, and each clause is deleted after
 * its last use (Cruz-Filipe and others 2017).
 *
 * It runs on the submitter's side and nothing trusts it: the kernel checks what it writes.
 */
import { err, ok, type Refusal, type Result } from '@aethel/codec'
import type { Cnf } from '../lrat/cnf.js'
import { MAX_CLAUSE_ID } from '../lrat/gas.js'
import { GrowingInts } from './growing.js'
import { type DratFormat, DratRefusal, dratFormatOf, LemmaReader } from './lemmas.js'
import { writeLrat } from './write.js'

export interface ElaborateOptions {
  /** Default: told from the bytes. */
  readonly format?: DratFormat
  /** Called now and then with the bytes of the DRAT proof read so far. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
}

export interface Elaboration {
  /** Binary LRAT. */
  readonly lrat: Uint8Array
  /** Lemmas of the DRAT proof up to where it is done. */
  readonly lemmas: number
  /** Lemmas among them that needed RAT. */
  readonly ratLemmas: number
  /** Steps of the LRAT proof. */
  readonly steps: number
  readonly hints: number
}

/** An LRAT refutation of a CNF from a DRAT proof of it; refused if a lemma does not follow or the empty clause is missing. */
export function elaborateDrat(cnf: Cnf, drat: Uint8Array, options: ElaborateOptions = {}): Result<Elaboration, Refusal> {
  try {
    return ok(new Elaborator(cnf, drat.length).run(drat, options))
  } catch (error) {
    if (!(error instanceof DratRefusal)) throw error
    return err({ code: error.code, message: error.message })
  }
}

/** The steps found: what `write.ts` trims and writes. Ids are those of the search: formula first, then every step. */
export interface FoundSteps {
  readonly formulaClauses: number
  /** The step with the empty clause. */
  readonly emptyId: number
  /** By id: where its literals begin, and how many there are. */
  readonly starts: GrowingInts
  readonly counts: GrowingInts
  readonly literals: GrowingInts
  /** By id minus formulaClauses minus 1: where its hints begin; entry + 1 is where they end. */
  readonly hintStarts: GrowingInts
  readonly hints: GrowingInts
  /** Of RAT steps: the literal that must be written first. */
  readonly pivots: ReadonlyMap<number, number>
}

const PROGRESS_LEMMAS = 1_024
const ASSUMED = 0
/** Tables go by variable: numbers far beyond what formula and proof can use would cost memory for nothing. */
const VARIABLES_AT_LEAST: number = 1 << 16
const VARIABLES_PER_WORD = 8

class Elaborator {
  readonly #formulaClauses: number
  readonly #mostVariable: number
  readonly #literals = new GrowingInts()
  readonly #starts = new GrowingInts()
  readonly #counts = new GrowingInts()
  /** By id: 1 while it is neither deleted nor a clause that can never matter. */
  readonly #live = new GrowingInts()
  readonly #hints = new GrowingInts()
  readonly #hintStarts = new GrowingInts()
  readonly #pivots = new Map<number, number>()
  /** Clauses by a hash of their literals that does not depend on their order; for deletions. */
  readonly #byHash = new Map<number, number[]>()
  /** By literal code: clause id and a literal of it, alternating. */
  readonly #watches: number[][] = []
  /** By literal code: 1 true, -1 false, 0 open. */
  #value = new Int8Array(0)
  /** By variable. */
  #reason = new Int32Array(0)
  #unitId = new Int32Array(0)
  #seen = new Uint8Array(0)
  #position = new Int32Array(0)
  readonly #trail = new GrowingInts()
  #propagated = 0
  /** Trail entries that hold for good. */
  #fixed = 0
  #emptyId = 0
  #lemmas = 0

  constructor(cnf: Cnf, dratBytes: number) {
    this.#formulaClauses = cnf.clauses
    this.#mostVariable = VARIABLES_AT_LEAST + VARIABLES_PER_WORD * (cnf.words.length + dratBytes)
    this.#reserve(2 * cnf.variables + 1)
    this.#starts.push(0)
    this.#counts.push(0)
    this.#live.push(0)
    const { words } = cnf
    for (let at = 0; at < words.length; ) {
      const count = words[at] as number
      this.#store(words, at + 1, count)
      at += count + 1
    }
    for (let id = 1; id <= cnf.clauses && this.#emptyId === 0; id++) this.#attach(id)
  }

  run(drat: Uint8Array, options: ElaborateOptions): Elaboration {
    const reader = new LemmaReader(drat, options.format ?? dratFormatOf(drat))
    for (let step = 0; this.#emptyId === 0; step++) {
      if (step % PROGRESS_LEMMAS === 0) options.onProgress?.(reader.at, drat.length)
      const kind = reader.next()
      if (kind === 'end') break
      const { literals, count } = reader
      for (let k = 0; k < count; k++) this.#reserve(literals[k] as number)
      if (kind === 'lemma') this.#onLemma(literals, count)
      else this.#onDeletion(literals, count)
    }
    options.onProgress?.(drat.length, drat.length)
    if (this.#emptyId === 0) {
      throw new DratRefusal('no-empty-clause', `expected the proof to derive the empty clause, got ${this.#lemmas} lemmas without it`)
    }
    const written = writeLrat({
      formulaClauses: this.#formulaClauses,
      emptyId: this.#emptyId,
      starts: this.#starts,
      counts: this.#counts,
      literals: this.#literals,
      hintStarts: this.#hintStarts,
      hints: this.#hints,
      pivots: this.#pivots,
    })
    return { ...written, lemmas: this.#lemmas, ratLemmas: this.#pivots.size }
  }

  // --- clauses --------------------------------------------------------------------------------------------------------

  /** Room for a literal code and its negation. */
  #reserve(code: number): void {
    if (code >> 1 > this.#mostVariable) {
      const message = `expected variables up to ${this.#mostVariable} in a formula and proof of this size, got ${code >> 1}; number them without gaps`
      throw new DratRefusal('literal-range', message)
    }
    while (this.#watches.length <= (code | 1)) this.#watches.push([])
    if ((code | 1) < this.#value.length) return
    const codes = Math.max((code | 1) + 1, 2 * this.#value.length)
    this.#value = grown(this.#value, new Int8Array(codes))
    this.#reason = grown(this.#reason, new Int32Array(codes >> 1))
    this.#unitId = grown(this.#unitId, new Int32Array(codes >> 1))
    this.#position = grown(this.#position, new Int32Array(codes >> 1))
    this.#seen = grown(this.#seen, new Uint8Array(codes >> 1))
  }

  /** A new clause with its own id, not watched yet; literals must be different. */
  #store(from: Int32Array, start: number, count: number): number {
    const id = this.#starts.length
    if (id > MAX_CLAUSE_ID) throw new DratRefusal('id-range', `expected at most ${MAX_CLAUSE_ID} clauses`)
    this.#starts.push(this.#literals.length)
    this.#counts.push(count)
    this.#live.push(1)
    for (let k = start; k < start + count; k++) this.#literals.push(from[k] as number)
    const hash = hashOf(from, start, count)
    const same = this.#byHash.get(hash)
    if (same === undefined) this.#byHash.set(hash, [id])
    else same.push(id)
    return id
  }

  /** Watches a clause at the end of all assumptions, and follows up what it makes true for good. */
  #attach(id: number): void {
    const literals = this.#literals.words
    const start = this.#starts.words[id] as number
    const count = this.#counts.words[id] as number
    let open = 0
    for (let k = 0; k < count; k++) {
      const literal = literals[start + k] as number
      if (this.#value[literal] === -1) continue
      literals[start + k] = literals[start + open] as number
      literals[start + open] = literal
      // A true literal first: the clause then waits at no cost.
      open++
      if (open === 2) break
    }
    if (count > 1) {
      const [first, second] = [literals[start] as number, literals[start + 1] as number]
      this.#watches[first]?.push(id, second)
      this.#watches[second]?.push(id, first)
    }
    if (open === 0) return this.#deriveEmpty(id)
    const literal = literals[start] as number
    if (open > 1 || this.#value[literal] === 1) return
    this.#assign(literal, id)
    const conflict = this.#propagate()
    this.#fix()
    if (conflict !== 0) this.#deriveEmpty(conflict)
  }

  // --- lemmas and deletions -------------------------------------------------------------------------------------------

  #onLemma(literals: Int32Array, written: number): void {
    this.#lemmas++
    const count = this.#distinct(literals, written)
    // Lemmas that hold a literal and its negation, or one that is true for good, never matter.
    if (count < 0) return
    for (let k = 0; k < count; k++) if (this.#value[literals[k] as number] === 1) return
    for (let k = 0; k < count; k++) if (this.#value[literals[k] as number] === 0) this.#assign((literals[k] as number) ^ 1, ASSUMED)
    const conflict = this.#propagate()
    const hintsFrom = this.#hints.length
    if (conflict !== 0) this.#explain(conflict)
    else this.#findRat(literals, count)
    this.#undo(this.#fixed)
    const id = this.#store(literals, 0, count)
    this.#hintStarts.push(hintsFrom)
    if (conflict === 0) this.#pivots.set(id, literals[0] as number)
    if (count === 0) this.#emptyId = id
    else this.#attach(id)
  }

  /** Drops repeated literals in place; -1 if the clause holds a literal and its negation. */
  #distinct(literals: Int32Array, count: number): number {
    let kept = 0
    let tautology = false
    const mark = new Set<number>()
    for (let k = 0; k < count; k++) {
      const literal = literals[k] as number
      if (mark.has(literal)) continue
      if (mark.has(literal ^ 1)) tautology = true
      mark.add(literal)
      literals[kept++] = literal
    }
    return tautology ? -1 : kept
  }

  /** Unit clauses stay: solvers delete them although they go on using them, and what they fixed has been propagated. */
  #onDeletion(literals: Int32Array, written: number): void {
    const count = this.#distinct(literals, written)
    if (count < 2) return
    const same = this.#byHash.get(hashOf(literals, 0, count))
    if (same === undefined) return
    const members = new Set(literals.subarray(0, count))
    const index = same.findIndex((id) => this.#isMadeOf(id, members))
    if (index < 0) return
    this.#live.words[same[index] as number] = 0
    same.splice(index, 1)
  }

  #isMadeOf(id: number, members: ReadonlySet<number>): boolean {
    const count = this.#counts.words[id] as number
    if (count !== members.size) return false
    const start = this.#starts.words[id] as number
    for (let k = 0; k < count; k++) if (!members.has(this.#literals.words[start + k] as number)) return false
    return true
  }

  /** RAT on the first literal: a group of hints for every live clause that holds its negation. */
  #findRat(literals: Int32Array, count: number): void {
    const pivot = literals[0]
    if (pivot === undefined || count === 0)
      throw new DratRefusal('not-implied', `lemma ${this.#lemmas} is empty, but propagation finds no conflict`)
    const negated = pivot ^ 1
    const base = this.#trail.length
    for (let id = this.#starts.length - 1; id > 0; id--) {
      if (this.#live.words[id] === 0 || !this.#holds(id, negated)) continue
      this.#hints.push(-id)
      this.#refuteResolvent(id, negated)
      this.#undo(base)
    }
  }

  #holds(id: number, literal: number): boolean {
    const start = this.#starts.words[id] as number
    const end = start + (this.#counts.words[id] as number)
    for (let at = start; at < end; at++) if (this.#literals.words[at] === literal) return true
    return false
  }

  #refuteResolvent(id: number, negated: number): void {
    const start = this.#starts.words[id] as number
    const end = start + (this.#counts.words[id] as number)
    for (let at = start; at < end; at++) {
      const literal = this.#literals.words[at] as number
      if (literal === negated || this.#value[literal] === -1) continue
      if (this.#value[literal] === 1) return this.#explainTrue(literal)
      this.#assign(literal ^ 1, ASSUMED)
    }
    const conflict = this.#propagate()
    if (conflict === 0) {
      throw new DratRefusal(
        'not-implied',
        `lemma ${this.#lemmas} follows neither by propagation nor as RAT on its first literal; the proof is not one of this formula`,
      )
    }
    this.#explain(conflict)
  }

  /** The resolvent holds a literal that is true: by assumption, which needs no hint, or for a reason, which is the conflict. */
  #explainTrue(literal: number): void {
    const variable = literal >> 1
    if (this.#isFixed(variable)) this.#hints.push(this.#unitId[variable] as number)
    else if (this.#reason[variable] !== ASSUMED) this.#explain(this.#reason[variable] as number)
  }

  // --- propagation ----------------------------------------------------------------------------------------------------

  #assign(literal: number, reason: number): void {
    this.#value[literal] = 1
    this.#value[literal ^ 1] = -1
    this.#reason[literal >> 1] = reason
    this.#position[literal >> 1] = this.#trail.length
    this.#trail.push(literal)
  }

  #undo(to: number): void {
    for (let i = this.#trail.length - 1; i >= to; i--) {
      const literal = this.#trail.words[i] as number
      this.#value[literal] = 0
      this.#value[literal ^ 1] = 0
    }
    this.#trail.length = to
    this.#propagated = Math.min(this.#propagated, to)
  }

  /** Id of a clause that became false, or 0. */
  #propagate(): number {
    const value = this.#value
    const literals = this.#literals.words
    const starts = this.#starts.words
    const counts = this.#counts.words
    const live = this.#live.words
    while (this.#propagated < this.#trail.length) {
      const falsified = (this.#trail.words[this.#propagated++] as number) ^ 1
      const watching = this.#watches[falsified] as number[]
      let kept = 0
      for (let i = 0; i < watching.length; i += 2) {
        const id = watching[i] as number
        const blocker = watching[i + 1] as number
        if (value[blocker] === 1) {
          watching[kept++] = id
          watching[kept++] = blocker
          continue
        }
        if (live[id] === 0) continue
        const start = starts[id] as number
        if (literals[start] === falsified) {
          literals[start] = literals[start + 1] as number
          literals[start + 1] = falsified
        }
        const other = literals[start] as number
        if (value[other] !== 1) {
          const end = start + (counts[id] as number)
          let at = start + 2
          while (at < end && value[literals[at] as number] === -1) at++
          if (at < end) {
            const replacement = literals[at] as number
            literals[at] = falsified
            literals[start + 1] = replacement
            this.#watches[replacement]?.push(id, other)
            continue
          }
          if (value[other] === -1) {
            for (; i < watching.length; i++) watching[kept++] = watching[i] as number
            watching.length = kept
            this.#propagated = this.#trail.length
            return id
          }
          this.#assign(other, id)
        }
        watching[kept++] = id
        watching[kept++] = other
      }
      watching.length = kept
    }
    return 0
  }

  #isFixed(variable: number): boolean {
    return (this.#position[variable] as number) < this.#fixed
  }

  /** What the trail holds now holds for good: each literal gets a unit clause, so that later hints need one id for it. */
  #fix(): void {
    while (this.#fixed < this.#trail.length) {
      const literal = this.#trail.words[this.#fixed] as number
      const reason = this.#reason[literal >> 1] as number
      this.#unitId[literal >> 1] = this.#counts.words[reason] === 1 ? reason : this.#deriveUnit(literal, reason)
      this.#fixed++
    }
  }

  #deriveUnit(literal: number, reason: number): number {
    const hintsFrom = this.#hints.length
    this.#pushUnits(reason, literal)
    this.#hints.push(reason)
    const id = this.#store(Int32Array.of(literal), 0, 1)
    this.#hintStarts.push(hintsFrom)
    return id
  }

  #deriveEmpty(conflict: number): void {
    const hintsFrom = this.#hints.length
    this.#pushUnits(conflict, -1)
    this.#hints.push(conflict)
    this.#emptyId = this.#store(new Int32Array(0), 0, 0)
    this.#hintStarts.push(hintsFrom)
  }

  /** The unit clauses that make a clause's literals false, all but one literal. */
  #pushUnits(id: number, except: number): void {
    const start = this.#starts.words[id] as number
    const end = start + (this.#counts.words[id] as number)
    for (let at = start; at < end; at++) {
      const literal = this.#literals.words[at] as number
      if (literal !== except) this.#hints.push(this.#unitId[literal >> 1] as number)
    }
  }

  /** Hints for a conflict: units it leans on, then reasons in the order of the trail, then the clause in conflict. */
  #explain(conflict: number): void {
    const seen = this.#seen
    const touched: number[] = []
    const units: number[] = []
    const reasons: number[] = []
    let last = -1
    const look = (id: number): void => {
      const start = this.#starts.words[id] as number
      const end = start + (this.#counts.words[id] as number)
      for (let at = start; at < end; at++) {
        const variable = (this.#literals.words[at] as number) >> 1
        if (seen[variable] === 1) continue
        seen[variable] = 1
        touched.push(variable)
        if (this.#isFixed(variable)) units.push(this.#unitId[variable] as number)
        else last = Math.max(last, this.#position[variable] as number)
      }
    }
    look(conflict)
    for (let i = last; i >= this.#fixed; i--) {
      const variable = (this.#trail.words[i] as number) >> 1
      const reason = this.#reason[variable] as number
      if (seen[variable] === 0 || reason === ASSUMED) continue
      reasons.push(reason)
      look(reason)
    }
    for (const variable of touched) seen[variable] = 0
    for (const unit of units) this.#hints.push(unit)
    for (let i = reasons.length - 1; i >= 0; i--) this.#hints.push(reasons[i] as number)
    this.#hints.push(conflict)
  }
}

function grown<T extends Int8Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** The same for every order of the literals. */
function hashOf(literals: Int32Array, start: number, count: number): number {
  let sum = 0
  let mixed = 0
  for (let k = start; k < start + count; k++) {
    const literal = Math.imul(literals[k] as number, 0x9e3779b1)
    sum = (sum + literal) | 0
    mixed ^= Math.imul(literal ^ (literal >>> 15), 0x85ebca6b)
  }
  return sum ^ mixed ^ count
}
