/**
 * The LRAT check: additions justified by reverse unit propagation (RUP) along their hints, or by resolution asymmetric
 * tautology (RAT) on their first literal; deletions; the empty clause at the end. It never searches.
 *
 * Invariant, from which soundness follows: if the formula is satisfiable, so is the set of live clauses. A RUP addition is
 * implied by live clauses; a RAT addition may change the model in one variable but keeps one; a deletion keeps all. So
 * once the empty clause is added, the formula has no model.
 *
 * Clauses lie in one Int32Array, `id, count, literals`; `#places[id]` points at the count, 0 means not live. An assignment
 * is one byte per literal, set where the literal is false, and a trail to undo it.
 */
import { assert } from '@aethel/codec'
import type { Meter } from '../verifier.js'
import type { Cnf } from './cnf.js'
import {
  GAS_ADDED_LITERAL,
  GAS_BATCH,
  GAS_CLAIM_BYTE,
  GAS_DELETED_CLAUSE,
  GAS_DELETED_LITERAL,
  GAS_HINT,
  GAS_HINT_LITERAL,
  GAS_INTRINSIC,
  GAS_OCCURRENCE_WORD,
  GAS_PROOF_BYTE,
  GAS_STEP,
  MAX_CLAUSE_ID,
} from './gas.js'
import { allocate, formatOf, type LratFormat, LratRefusal, type StepReader, stepReader } from './steps.js'

export interface LratSummary {
  readonly format: LratFormat
  readonly variables: number
  readonly clauses: number
  readonly additions: number
  /** Additions among them that needed RAT. */
  readonly ratAdditions: number
  /** Clauses deleted; ids that were not live are not counted. */
  readonly deletions: number
  readonly hints: number
}

/** Checks a refutation; throws `LratRefusal`, or `MeterExhausted` from the meter. */
export function checkRefutation(cnf: Cnf, proof: Uint8Array, meter: Meter): LratSummary {
  meter.charge(GAS_INTRINSIC + GAS_CLAIM_BYTE * cnf.claimBytes + GAS_PROOF_BYTE * proof.length)
  if (proof.length === 0) throw new LratRefusal('truncated', 'expected LRAT steps, got an empty proof', 0)
  return new Checker(cnf, proof, meter).run()
}

const HEADER_WORDS = 2
/** Room beyond what the claim needs, so that small proofs do not grow their arrays at once. */
const SPARE_WORDS = 1_024

class Checker {
  readonly #cnf: Cnf
  readonly #meter: Meter
  readonly #format: LratFormat
  readonly #steps: StepReader
  /** Charges not yet on the meter; below GAS_BATCH whenever work goes on. */
  #owed = 0
  #lastId: number

  /** Clause store; place 0 is never a clause. */
  #store: Int32Array
  #used = 1
  #dead = 0
  #places: Int32Array

  /** By literal code: 1 where the literal is false. */
  #false: Uint8Array
  /** Literals made false, in order. */
  #trail: Int32Array
  #trailed = 0
  /** By literal code: how many live clauses hold the literal. Empty until an addition first needs RAT. */
  #occurrences: Int32Array = new Int32Array(0)

  #refuted = false
  #additions = 0
  #ratAdditions = 0
  #deletions = 0
  #hints = 0

  constructor(cnf: Cnf, proof: Uint8Array, meter: Meter) {
    const storeWords = 2 * (cnf.words.length + cnf.clauses) + SPARE_WORDS
    const placeWords = 2 * cnf.clauses + SPARE_WORDS
    const literalCodes = 2 * (cnf.variables + 1)
    allocate(meter, storeWords + placeWords + literalCodes + Math.ceil(literalCodes / 4))
    this.#cnf = cnf
    this.#meter = meter
    this.#format = formatOf(proof)
    this.#steps = stepReader(proof, (words) => this.#allocate(words))
    this.#store = new Int32Array(storeWords)
    this.#places = new Int32Array(placeWords)
    this.#false = new Uint8Array(literalCodes)
    this.#trail = new Int32Array(literalCodes)
    this.#lastId = cnf.clauses
    this.#load()
  }

  #load(): void {
    const { words } = this.#cnf
    let id = 0
    for (let at = 0; at < words.length; ) {
      const count = words[at] as number
      this.#put(++id, words, at + 1, count)
      at += count + 1
    }
  }

  run(): LratSummary {
    const steps = this.#steps
    try {
      for (let kind = steps.next(); kind !== 'end'; kind = steps.next()) {
        this.#owe(GAS_STEP)
        if (kind === 'addition') this.#onAddition(steps)
        else this.#onDeletion(steps)
      }
    } catch (error) {
      // A refusal has its price too; if that exceeds the limit, the verdict is the meter's.
      if (error instanceof LratRefusal) this.#settle()
      throw error
    }
    this.#settle()
    if (!this.#refuted) {
      throw new LratRefusal(
        'no-empty-clause',
        `expected the empty clause to be derived, got ${this.#additions} additions without it`,
        steps.offset,
      )
    }
    return {
      format: this.#format,
      variables: this.#cnf.variables,
      clauses: this.#cnf.clauses,
      additions: this.#additions,
      ratAdditions: this.#ratAdditions,
      deletions: this.#deletions,
      hints: this.#hints,
    }
  }

  #onAddition(steps: StepReader): void {
    const { id, hintCount } = steps
    this.#owe(GAS_ADDED_LITERAL * steps.literalCount + GAS_HINT * hintCount)
    if (id <= this.#lastId) this.#refuse('id-order', `expected an id above ${this.#lastId}`)
    this.#reserveLiteral(steps.largestLiteral)
    const count = this.#falsify(steps.literals, steps.literalCount)
    if (count >= 0) {
      const next = this.#propagate(steps.hints, 0, hintCount)
      if (next >= 0) this.#checkRat(steps, next, count)
    }
    this.#undo(0)
    const kept = count < 0 ? -1 - count : count
    this.#reserveStore(kept + HEADER_WORDS)
    this.#reservePlace(id)
    this.#put(id, steps.literals, 0, kept)
    if (this.#occurrences.length > 0) this.#countOccurrences(steps.literals, 0, kept, 1)
    this.#lastId = id
    this.#additions++
    this.#hints += hintCount
    if (kept === 0) this.#refuted = true
  }

  /**
   * Assumes the negation of the clause and drops repeated literals in place. Returns how many remain, or -1 minus that
   * for a clause that holds a literal and its negation: true in every model, so it needs no check.
   */
  #falsify(literals: Int32Array, count: number): number {
    const isFalse = this.#false
    const trail = this.#trail
    let kept = 0
    let tautology = false
    for (let i = 0; i < count; i++) {
      const literal = literals[i] as number
      if (isFalse[literal] === 1) continue
      if (isFalse[literal ^ 1] === 1) tautology = true
      isFalse[literal] = 1
      trail[kept] = literal
      literals[kept++] = literal
    }
    this.#trailed = kept
    return tautology ? -1 - kept : kept
  }

  /**
   * Follows positive hints from `from`. Each must name a live clause with at most one literal that is not false; that
   * literal becomes true. Returns -1 at a clause with none: a conflict; else the place of the next negative hint or `to`.
   */
  #propagate(hints: Int32Array, from: number, to: number): number {
    const store = this.#store
    const places = this.#places
    const isFalse = this.#false
    const trail = this.#trail
    let trailed = this.#trailed
    let owed = this.#owed
    for (let h = from; h < to; h++) {
      const id = hints[h] as number
      if (id < 0) {
        this.#trailed = trailed
        this.#owed = owed
        return h
      }
      const place = id < places.length ? (places[id] as number) : 0
      if (place === 0) {
        this.#owed = owed
        this.#refuse('missing-hint', `hint ${h + 1} names clause ${id}, which is not live`)
      }
      const count = store[place] as number
      owed += GAS_HINT_LITERAL * count
      if (owed >= GAS_BATCH) {
        this.#owed = owed
        this.#settle()
        owed = 0
      }
      const end = place + count
      let unit = 0
      for (let at = place + 1; at <= end; at++) {
        const literal = store[at] as number
        if (isFalse[literal] === 0) {
          if (unit !== 0) {
            this.#owed = owed
            this.#refuse(
              'bad-hint',
              `hint ${h + 1}, clause ${id}, has more than one literal that is not false; expected a unit or a conflict`,
            )
          }
          unit = literal
        }
      }
      if (unit === 0) {
        this.#trailed = trailed
        this.#owed = owed
        return -1
      }
      if (isFalse[unit ^ 1] === 0) {
        isFalse[unit ^ 1] = 1
        trail[trailed++] = unit ^ 1
      }
    }
    this.#trailed = trailed
    this.#owed = owed
    return to
  }

  /**
   * The rest of an addition whose hints end without a conflict: RAT on the first literal. Every live clause with its
   * negation must be named by one negative hint, and the hints behind that must refute the resolvent. That none is left
   * out is seen by counting: as many different ones are named as there are.
   */
  #checkRat(steps: StepReader, from: number, count: number): void {
    const { hints, hintCount, literals } = steps
    if (count === 0) this.#refuse('no-conflict', 'the hints of the empty clause end without a conflict')
    const negated = (literals[0] as number) ^ 1
    this.#needOccurrences()
    const named = new Set<number>()
    const base = this.#trailed
    for (let h = from; h < hintCount; ) {
      const id = -(hints[h] as number)
      const place = id < this.#places.length ? (this.#places[id] as number) : 0
      if (place === 0) this.#refuse('missing-hint', `hint ${h + 1} names clause ${id}, which is not live`)
      if (named.has(id)) this.#refuse('bad-rat-hint', `hint ${h + 1} names clause ${id} a second time`)
      named.add(id)
      this.#owe(GAS_HINT_LITERAL * (this.#store[place] as number))
      let next = h + 1
      if (this.#assumeResolvent(place, negated, h) === 'open') {
        next = this.#propagate(hints, next, hintCount)
        if (next >= 0) this.#refuse('no-conflict', `the hints for the resolvent with clause ${id} end without a conflict`)
        next = h + 1
      }
      while (next < hintCount && (hints[next] as number) > 0) next++
      this.#undo(base)
      h = next
    }
    const occurrences = this.#occurrences[negated] as number
    if (named.size !== occurrences) {
      if (from === hintCount) {
        this.#refuse('no-conflict', 'the hints end without a conflict, and there are none for RAT on the first literal')
      }
      this.#refuse('rat-uncovered', `${occurrences} live clauses hold the negation of the first literal, the hints name ${named.size}`)
    }
    this.#ratAdditions++
  }

  /** Falsifies what the clause at `place` adds to the resolvent; 'true' if that already holds a true literal. */
  #assumeResolvent(place: number, negated: number, hint: number): 'open' | 'true' {
    const store = this.#store
    const end = place + (store[place] as number)
    let holds = false
    let settled = false
    for (let at = place + 1; at <= end; at++) {
      const literal = store[at] as number
      if (literal === negated) holds = true
      else if (this.#false[literal ^ 1] === 1) settled = true
      else if (this.#false[literal] === 0) {
        this.#false[literal] = 1
        this.#trail[this.#trailed++] = literal
      }
    }
    if (!holds) this.#refuse('bad-rat-hint', `hint ${hint + 1} names a clause without the negation of the first literal`)
    return settled ? 'true' : 'open'
  }

  /** Ids that are not live are passed over, as other checkers do: fewer clauses can only make the rest harder to prove. */
  #onDeletion(steps: StepReader): void {
    const { hints, hintCount } = steps
    this.#owe(GAS_DELETED_CLAUSE * hintCount)
    const places = this.#places
    const store = this.#store
    for (let i = 0; i < hintCount; i++) {
      const id = hints[i] as number
      const place = id < places.length ? (places[id] as number) : 0
      if (place === 0) continue
      const count = store[place] as number
      this.#owe(GAS_DELETED_LITERAL * count)
      if (this.#occurrences.length > 0) this.#countOccurrences(store, place + 1, count, -1)
      places[id] = 0
      store[place - 1] = 0
      this.#dead += count + HEADER_WORDS
      this.#deletions++
    }
  }

  #undo(to: number): void {
    const isFalse = this.#false
    const trail = this.#trail
    for (let i = this.#trailed - 1; i >= to; i--) isFalse[trail[i] as number] = 0
    this.#trailed = to
  }

  #put(id: number, literals: Int32Array, from: number, count: number): void {
    const store = this.#store
    let at = this.#used
    store[at++] = id
    this.#places[id] = at
    store[at++] = count
    for (let i = from; i < from + count; i++) store[at++] = literals[i] as number
    this.#used = at
  }

  #countOccurrences(literals: Int32Array, from: number, count: number, change: 1 | -1): void {
    const occurrences = this.#occurrences
    for (let i = from; i < from + count; i++) {
      const literal = literals[i] as number
      occurrences[literal] = (occurrences[literal] as number) + change
    }
  }

  #needOccurrences(): void {
    if (this.#occurrences.length > 0) return
    this.#owe(GAS_OCCURRENCE_WORD * this.#used)
    this.#allocate(this.#false.length)
    this.#occurrences = new Int32Array(this.#false.length)
    for (let at = 1; at < this.#used; ) {
      const count = this.#store[at + 1] as number
      if (this.#store[at] !== 0) this.#countOccurrences(this.#store, at + HEADER_WORDS, count, 1)
      at += count + HEADER_WORDS
    }
  }

  /** Makes room for a literal code, in pairs, at least doubling. */
  #reserveLiteral(literal: number): void {
    const before = this.#false.length
    if (literal < before) return
    const codes = Math.max((literal | 1) + 1, 2 * before)
    const counted = this.#occurrences.length > 0
    this.#allocate(Math.ceil(codes / 4) + codes + (counted ? codes : 0))
    const isFalse = new Uint8Array(codes)
    isFalse.set(this.#false)
    this.#false = isFalse
    this.#trail = enlarged(this.#trail, codes)
    if (counted) this.#occurrences = enlarged(this.#occurrences, codes)
  }

  #reservePlace(id: number): void {
    if (id < this.#places.length) return
    const words = Math.min(MAX_CLAUSE_ID + 1, Math.max(id + 1, 2 * this.#places.length))
    this.#allocate(words)
    this.#places = enlarged(this.#places, words)
  }

  /** When the store is full: if at least half of it is dead, moves the live clauses together; if that is not enough, doubles it. */
  #reserveStore(words: number): void {
    if (this.#used + words <= this.#store.length) return
    if (2 * this.#dead >= this.#used) this.#compact()
    if (this.#used + words <= this.#store.length) return
    const larger = Math.max(this.#used + words, 2 * this.#store.length)
    this.#allocate(larger)
    this.#store = enlarged(this.#store, larger)
  }

  /** Costs no gas of its own: at least half of what it reads was paid for when it was added, and is gone afterwards. */
  #compact(): void {
    const store = this.#store
    let to = 1
    for (let at = 1; at < this.#used; ) {
      const id = store[at] as number
      const words = (store[at + 1] as number) + HEADER_WORDS
      if (id !== 0) {
        this.#places[id] = to + 1
        for (let i = 0; i < words; i++) store[to + i] = store[at + i] as number
        to += words
      }
      at += words
    }
    assert(to === this.#used - this.#dead, 'the clause store lost count of its dead words')
    this.#used = to
    this.#dead = 0
  }

  #allocate(words: number): void {
    this.#settle()
    allocate(this.#meter, words)
  }

  #owe(gas: number): void {
    this.#owed += gas
    if (this.#owed >= GAS_BATCH) this.#settle()
  }

  #settle(): void {
    const owed = this.#owed
    this.#owed = 0
    this.#meter.charge(owed)
  }

  #refuse(code: string, message: string): never {
    const { offset } = this.#steps
    throw new LratRefusal(code, `the step at byte ${offset}, clause ${this.#steps.id}: ${message}`, offset)
  }
}

function enlarged(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}
