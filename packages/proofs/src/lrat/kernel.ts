/**
 * The LRAT check: additions justified by reverse unit propagation (RUP) along their hints, or by resolution asymmetric
 * tautology (RAT) on their first literal; deletions; the empty clause at the end. It never searches.
 *
 * Invariant, from which soundness follows: if the formula is satisfiable, so is the set of live clauses. A RUP addition is
 * implied by live clauses; a RAT addition may change the model in one variable but keeps one; a deletion keeps all. So
 * once the empty clause is added, the formula has no model.
 *
 * An assignment is one bit per literal, set where the literal is false, and a trail to undo it. The proof is read as it
 * comes, piece by piece; what is kept of it are the live clauses.
 */
import { keepShapeOf } from '@aethel/codec'
import type { Meter } from '../verifier.js'
import { Charges } from './charges.js'
import { ClauseStore, LEAF_BITS, LEAF_MASK, OFFSET_MASK, PAGE_BITS, PAGE_MASK, SEGMENT_BITS } from './clause-store.js'
import type { Cnf } from './cnf.js'
import {
  FAR_BITS,
  GAS_ADDED_LITERAL,
  GAS_BATCH,
  GAS_CLAIM_BYTE,
  GAS_DELETED_CLAUSE,
  GAS_DELETED_LITERAL,
  GAS_FAR,
  GAS_GROUP,
  GAS_HINT,
  GAS_INTRINSIC,
  GAS_LOOK,
  GAS_LOOK_LITERAL,
  GAS_OCCURRENCE_WORD,
  GAS_STEP,
  RECENT_IDS,
} from './gas.js'
import { type LratFormat, LratRefusal, type ProofSource, type StepReader, stepReader, wholeProof } from './steps.js'

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
  /** The most that the live clauses took at one time: their literals and two words each. */
  readonly peakLiveWords: number
  /** Memory allocated by the check, in words, none of it given back: what the meter limits. */
  readonly memoryWords: number
  /** The most of that which was held at one time. */
  readonly peakMemoryWords: number
}

/**
 * Checks a refutation that lies in memory or comes in pieces, with the same verdict and gas. Throws `LratRefusal`, or
 * `MeterExhausted` from the meter.
 */
export function checkRefutation(cnf: Cnf, proof: Uint8Array | ProofSource, meter: Meter): LratSummary {
  meter.charge(GAS_INTRINSIC + GAS_CLAIM_BYTE * cnf.claimBytes)
  return new Checker(cnf, proof instanceof Uint8Array ? wholeProof(proof) : proof, meter).run()
}

/** Bits in a word of the assignment. */
const WORD_BITS = 32
const FIRST_TRAIL_WORDS = 256
const RECENT_MASK = RECENT_IDS - 1

class Checker {
  readonly #cnf: Cnf
  readonly #charges: Charges
  readonly #steps: StepReader
  readonly #store: ClauseStore
  /** The id last looked at, by its lowest bits: a model of what is still at hand. In use once there is a far price. */
  #recent: Int32Array = new Int32Array(0)
  #far = 0
  #lastId: number

  /** Literal codes that the assignment has room for. */
  #codes: number
  /** By literal code, one bit: set where the literal is false. */
  #false: Int32Array
  /** Literals made false, in order. */
  #trail: Int32Array
  #trailed = 0
  /** By literal code: how many live clauses hold the literal. Empty until an addition first needs RAT. */
  #occurrences: Int32Array = new Int32Array(0)
  /** By slot of the index, one bit: set where the RAT step at hand has named the clause. */
  #named: Int32Array = new Int32Array(0)

  #refuted = false
  #additions = 0
  #ratAdditions = 0
  #deletions = 0
  #hints = 0

  constructor(cnf: Cnf, source: ProofSource, meter: Meter) {
    const charges = new Charges(meter)
    this.#cnf = cnf
    this.#charges = charges
    this.#codes = 2 * (cnf.variables + 1)
    const words = Math.ceil(this.#codes / WORD_BITS)
    charges.allocate(words + FIRST_TRAIL_WORDS)
    this.#false = charges.zeros(words)
    this.#trail = charges.zeros(FIRST_TRAIL_WORDS)
    this.#lastId = cnf.clauses
    this.#store = new ClauseStore(charges, cnf.clauses)
    this.#load()
    this.#steps = stepReader(source, charges, cnf.clauses)
  }

  #load(): void {
    const { words } = this.#cnf
    let id = 0
    for (let at = 0; at < words.length; ) {
      const count = words[at] as number
      this.#store.add(++id, words, at + 1, count)
      at += count + 1
    }
  }

  run(): LratSummary {
    const steps = this.#steps
    try {
      for (let kind = steps.next(); kind !== 'end'; kind = steps.next()) {
        this.#charges.owe(GAS_STEP)
        if (kind === 'addition') this.#onAddition(steps)
        else this.#onDeletion(steps)
      }
    } catch (error) {
      // A refusal has its price too; if that exceeds the limit, the verdict is the meter's.
      if (error instanceof LratRefusal) this.#charges.settle()
      throw error
    }
    this.#charges.settle()
    if (!this.#refuted) {
      throw new LratRefusal(
        'no-empty-clause',
        `expected the empty clause to be derived, got ${this.#additions} additions without it`,
        steps.position,
      )
    }
    return {
      format: steps.format,
      variables: this.#cnf.variables,
      clauses: this.#cnf.clauses,
      additions: this.#additions,
      ratAdditions: this.#ratAdditions,
      deletions: this.#deletions,
      hints: this.#hints,
      peakLiveWords: this.#store.peakLiveWords,
      memoryWords: this.#charges.words,
      peakMemoryWords: this.#charges.peakWords,
    }
  }

  #onAddition(steps: StepReader): void {
    const { id, hintCount } = steps
    this.#charges.owe(GAS_ADDED_LITERAL * steps.literalCount + GAS_HINT * hintCount)
    if (id <= this.#lastId) this.#refuse('id-order', `expected an id above ${this.#lastId}`)
    this.#reserveLiteral(steps.largestLiteral)
    this.#reserveTrail(steps.literalCount + hintCount)
    this.#setFarPrice()
    const count = this.#falsify(steps.literals, steps.literalCount)
    if (count >= 0) {
      const next = this.#propagate(steps.hints, 0, hintCount)
      if (next >= 0) this.#checkRat(steps, next, count)
    }
    this.#undoAll()
    const kept = count < 0 ? -1 - count : count
    this.#store.add(id, steps.literals, 0, kept)
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
      // A literal and its negation are neighbours in one word.
      const word = isFalse[literal >>> 5] as number
      if (((word >>> literal) & 1) === 1) continue
      if (((word >>> (literal ^ 1)) & 1) === 1) tautology = true
      isFalse[literal >>> 5] = word | (1 << literal)
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
    const { segments, leaves, directory, index } = store
    const leafCount = leaves.length
    const isFalse = this.#false
    const trail = this.#trail
    const recent = this.#recent
    const far = this.#far
    let trailed = this.#trailed
    let owed = this.#charges.owed
    let outcome = to
    // Imported constants are looked up at each use, and this loop has a dozen.
    const [pageBits, pageMask, leafMask, leafShift] = [PAGE_BITS, PAGE_MASK, LEAF_MASK, PAGE_BITS + LEAF_BITS]
    const [look, lookLiteral, batch, segmentBits, offsetMask] = [GAS_LOOK, GAS_LOOK_LITERAL, GAS_BATCH, SEGMENT_BITS, OFFSET_MASK]
    // One hint ahead: the way to a clause is three loads that wait for each other, and meanwhile the clause before can be read.
    let ahead = from < to ? (index[store.slotOf(hints[from] as number)] as number) : 0
    for (let h = from; h < to; h++) {
      const id = hints[h] as number
      if (id < 0) {
        outcome = h
        break
      }
      const place = ahead
      if (h + 1 < to) {
        const next = hints[h + 1] as number
        const leaf = next >>> leafShift
        const block = leaf < leafCount ? (directory[(leaves[leaf] as number) + ((next >>> pageBits) & leafMask)] as number) : 0
        ahead = index[block >= 0 ? block + (next & pageMask) : store.packedSlotOf(-block, next)] as number
      }
      // Place 0 holds 0: a clause that is not live has no literals to pay for.
      const segment = segments[place >>> segmentBits] as Int32Array
      const offset = place & offsetMask
      const count = segment[offset] as number
      owed += look + lookLiteral * count
      if (far !== 0 && recent[id & RECENT_MASK] !== id) {
        recent[id & RECENT_MASK] = id
        owed += far
      }
      if (owed >= batch) {
        this.#charges.owed = owed
        this.#charges.settle()
        owed = 0
      }
      const end = offset + count
      let open = 0
      let unit = 0
      // Without a branch per literal: which one is open is as good as random.
      for (let at = offset + 1; at <= end; at++) {
        const literal = segment[at] as number
        const isOpen = (~(isFalse[literal >>> 5] as number) >>> literal) & 1
        open += isOpen
        unit |= literal & -isOpen
      }
      if (open === 1) {
        const negated = unit ^ 1
        const word = isFalse[negated >>> 5] as number
        if (((word >>> negated) & 1) === 0) {
          isFalse[negated >>> 5] = word | (1 << negated)
          trail[trailed++] = negated
        }
        continue
      }
      this.#charges.owed = owed
      if (place === 0) this.#refuse('missing-hint', `hint ${h + 1} names clause ${id}, which is not live`)
      if (open > 1) {
        this.#refuse('bad-hint', `hint ${h + 1}, clause ${id}, has more than one literal that is not false; expected a unit or a conflict`)
      }
      outcome = -1
      break
    }
    this.#trailed = trailed
    this.#charges.owed = owed
    return outcome
  }

  /**
   * Sets what it costs in this step to come to a clause not looked at lately: memory is the further away the more there is
   * of it.
   */
  #setFarPrice(): void {
    const bits = 32 - Math.clz32(this.#charges.words)
    this.#far = bits > FAR_BITS ? GAS_FAR * (bits - FAR_BITS) : 0
    if (this.#far === 0 || this.#recent.length > 0) return
    this.#charges.allocate(RECENT_IDS)
    this.#recent = this.#charges.zeros(RECENT_IDS)
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
    this.#needRatTables()
    const base = this.#trailed
    let named = 0
    let h = from
    for (; h < hintCount; ) {
      const id = -(hints[h] as number)
      this.#charges.owe(GAS_GROUP + this.#farOf(id))
      const slot = this.#store.slotOf(id)
      const place = this.#store.index[slot] as number
      if (place === 0) this.#refuse('missing-hint', `hint ${h + 1} names clause ${id}, which is not live`)
      if (!this.#mark(slot)) this.#refuse('bad-rat-hint', `hint ${h + 1} names clause ${id} a second time`)
      named++
      const segment = this.#store.segments[place >>> SEGMENT_BITS] as Int32Array
      const offset = place & OFFSET_MASK
      this.#charges.owe(GAS_LOOK_LITERAL * (segment[offset] as number))
      this.#reserveTrail(this.#trailed + (segment[offset] as number) + hintCount)
      let next = h + 1
      if (this.#assumeResolvent(segment, offset, negated, h) === 'open') {
        next = this.#propagate(hints, next, hintCount)
        if (next >= 0) this.#refuse('no-conflict', `the hints for the resolvent with clause ${id} end without a conflict`)
        next = h + 1
      }
      while (next < hintCount && (hints[next] as number) > 0) next++
      this.#undo(base)
      h = next
    }
    const occurrences = this.#occurrences[negated] as number
    if (named !== occurrences) {
      if (from === hintCount) {
        this.#refuse('no-conflict', 'the hints end without a conflict, and there are none for RAT on the first literal')
      }
      this.#refuse('rat-uncovered', `${occurrences} live clauses hold the negation of the first literal, the hints name ${named}`)
    }
    for (let k = from; k < hintCount; k++) {
      const hint = hints[k] as number
      if (hint < 0) this.#unmark(this.#store.slotOf(-hint))
    }
    this.#ratAdditions++
  }

  /** As in `#propagate`: the far price, unless the clause was looked at lately; now it was. */
  #farOf(id: number): number {
    if (this.#far === 0 || this.#recent[id & RECENT_MASK] === id) return 0
    this.#recent[id & RECENT_MASK] = id
    return this.#far
  }

  /** Notes that this step has named the clause in this slot of the index; false if it had. */
  #mark(slot: number): boolean {
    const word = this.#named[slot >>> 5] as number
    if (((word >>> slot) & 1) === 1) return false
    this.#named[slot >>> 5] = word | (1 << slot)
    return true
  }

  #unmark(slot: number): void {
    this.#named[slot >>> 5] = (this.#named[slot >>> 5] as number) & ~(1 << slot)
  }

  /** Falsifies what the clause adds to the resolvent; 'true' if that already holds a true literal. */
  #assumeResolvent(segment: Int32Array, offset: number, negated: number, hint: number): 'open' | 'true' {
    const isFalse = this.#false
    const end = offset + (segment[offset] as number)
    let holds = false
    let settled = false
    for (let at = offset + 1; at <= end; at++) {
      const literal = segment[at] as number
      const word = isFalse[literal >>> 5] as number
      if (literal === negated) holds = true
      else if (((word >>> (literal ^ 1)) & 1) === 1) settled = true
      else if (((word >>> literal) & 1) === 0) {
        isFalse[literal >>> 5] = word | (1 << literal)
        this.#trail[this.#trailed++] = literal
      }
    }
    if (!holds) this.#refuse('bad-rat-hint', `hint ${hint + 1} names a clause without the negation of the first literal`)
    return settled ? 'true' : 'open'
  }

  /** Ids that are not live are passed over, as other checkers do: fewer clauses can only make the rest harder to prove. */
  #onDeletion(steps: StepReader): void {
    const { hints, hintCount } = steps
    const store = this.#store
    this.#charges.owe(GAS_DELETED_CLAUSE * hintCount)
    this.#setFarPrice()
    for (let i = 0; i < hintCount; i++) {
      const slot = store.slotOf(hints[i] as number)
      const place = store.index[slot] as number
      if (place === 0) continue
      const segment = store.segments[place >>> SEGMENT_BITS] as Int32Array
      const offset = place & OFFSET_MASK
      const count = segment[offset] as number
      this.#charges.owe(GAS_DELETED_LITERAL * count + this.#farOf(hints[i] as number))
      if (this.#occurrences.length > 0) this.#countOccurrences(segment, offset + 1, count, -1)
      store.remove(slot, count)
      this.#deletions++
    }
  }

  /** Takes back all assumptions; they are all there is in the words they lie in. */
  #undoAll(): void {
    const isFalse = this.#false
    const trail = this.#trail
    for (let i = this.#trailed - 1; i >= 0; i--) isFalse[(trail[i] as number) >>> 5] = 0
    this.#trailed = 0
  }

  #undo(to: number): void {
    const isFalse = this.#false
    const trail = this.#trail
    for (let i = this.#trailed - 1; i >= to; i--) {
      const literal = trail[i] as number
      isFalse[literal >>> 5] = (isFalse[literal >>> 5] as number) & ~(1 << literal)
    }
    this.#trailed = to
  }

  #countOccurrences(literals: Int32Array, from: number, count: number, change: 1 | -1): void {
    const occurrences = this.#occurrences
    for (let i = from; i < from + count; i++) {
      const literal = literals[i] as number
      occurrences[literal] = (occurrences[literal] as number) + change
    }
  }

  /** What RAT needs: counts of occurrences, made once and kept, and a bit for each slot of the index. */
  #needRatTables(): void {
    const marks = Math.ceil(this.#store.index.length / WORD_BITS)
    if (this.#named.length < marks) {
      this.#charges.allocate(marks)
      this.#named = this.#charges.enlarged(this.#named, marks)
    }
    if (this.#occurrences.length > 0) return
    this.#charges.owe(GAS_OCCURRENCE_WORD * this.#store.liveWords)
    this.#charges.allocate(this.#codes)
    this.#occurrences = this.#charges.zeros(this.#codes)
    this.#store.eachLive((segment, at, count) => this.#countOccurrences(segment, at, count, 1))
  }

  /** Makes room for a literal code, in pairs, at least doubling. */
  #reserveLiteral(literal: number): void {
    if (literal < this.#codes) return
    const codes = Math.max((literal | 1) + 1, 2 * this.#codes)
    const words = Math.ceil(codes / WORD_BITS)
    const counted = this.#occurrences.length > 0
    this.#charges.allocate(words + (counted ? codes : 0))
    this.#codes = codes
    this.#false = this.#charges.enlarged(this.#false, words)
    if (counted) this.#occurrences = this.#charges.enlarged(this.#occurrences, codes)
  }

  /** Room for so many literals made false; never more than there are. */
  #reserveTrail(literals: number): void {
    if (literals <= this.#trail.length) return
    const needed = Math.min(literals, this.#codes)
    if (needed <= this.#trail.length) return
    const length = Math.max(needed, 2 * this.#trail.length)
    this.#charges.allocate(length)
    this.#trail = this.#charges.enlarged(this.#trail, length)
  }

  #refuse(code: string, message: string): never {
    const { offset } = this.#steps
    throw new LratRefusal(code, `the step at byte ${offset}, clause ${this.#steps.id}: ${message}`, offset)
  }
}

// Of each format a check that has come to its end, of the clauses 1 and -1.
const BOTH: Cnf = { variables: 1, clauses: 2, words: Int32Array.of(1, 2, 1, 3), claimBytes: 0 }
const FREE: Meter = { charge: () => undefined, allocate: () => undefined, gas: 0 }
for (const proof of [Uint8Array.of(0x61, 6, 0, 2, 4, 0), Uint8Array.from('3 0 1 2 0\n', (character) => character.charCodeAt(0))]) {
  const checker = new Checker(BOTH, wholeProof(proof), FREE)
  checker.run()
  keepShapeOf(checker)
}
