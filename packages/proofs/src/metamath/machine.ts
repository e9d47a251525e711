/**
 * The kernel: a stack machine that applies statements by substitution (Metamath, §4.3). It knows integers only. A proof
 * is given as references (mandatory hypotheses, dummy variables, cited statements) and steps over them; `run` answers
 * null, or what is wrong with it. Everything it trusts is in this file, in `record.ts` and in `gas.ts`.
 *
 * Memory is append-only: a step's result is written once at the top of the heap and is never moved, so an entry of the
 * stack, saved or not, is a start and a length. Nothing is freed before the proof ends.
 */
import { assert } from '@aethel/codec'
import type { Meter } from '../verifier.js'
import { GAS, GAS_BATCH, HEAP_GRANT_WORDS, MAX_SLOTS, STACK_WORDS_PER_STEP } from './gas.js'
import { grown, IntVector } from './integers.js'
import { RECORD_ASSERTION, RECORD_HEADER, RECORD_HYPOTHESES, RECORD_PAIRS, RECORD_WORDS } from './record.js'

/** Everything that can be wrong with a proof once its references are resolved. Stable: verdicts carry these codes. */
export type Fault =
  | 'incomplete'
  | 'proof-syntax'
  | 'proof-reference'
  | 'proof-empty'
  | 'too-many-variables'
  | 'stack-underflow'
  | 'stack-leftover'
  | 'typecode-mismatch'
  | 'hypothesis-mismatch'
  | 'disjoint-violation'
  | 'wrong-conclusion'

/** In `code`: save the result of the step before. */
const SAVE = -1
/** References that apply a statement have no place on the heap. */
const APPLIES = -1
const NO_POOL: Int32Array = new Int32Array(0)
/** Of the part `U` to `Y` of a number: keeps references within 32 bits. */
const LARGEST_PREFIX = (1 << 25) - 1
/**
 * A heap beyond the first size becomes one of the second at once. Pages of it that nobody writes to take no memory, while each copy on the way
 * would take some until it is collected: memory in use stays near what the meter counted.
 */
const SMALL_HEAP_WORDS = 1 << 22
const LARGE_HEAP_WORDS = 1 << 24
/** A large heap is let go after so many proofs that did not need it; after each one, it would be garbage faster than it is collected. */
const IDLE_PROOFS = 1_024

const LETTER_A = 0x41
const LETTER_T = 0x54
const LETTER_U = 0x55
const LETTER_Y = 0x59
const LETTER_Z = 0x5a
const QUESTION = 0x3f

export class Machine {
  // What is proved, and the references by number.
  #goalPool: Int32Array = NO_POOL
  #goal = 0
  #hypotheses = 0
  #dummies = new IntVector(64)
  #extraPairs = new IntVector(64)
  #references = 0
  #referencePools: Int32Array[] = []
  #referenceRecords = new IntVector(256)

  // The steps, and the decoder's state between pieces of letters.
  #code = new IntVector(4096)
  #number = 0
  #saveAllowed = false

  // The heap, the stack and the saved entries: starts and lengths.
  #heap: Int32Array = new Int32Array(1 << 16)
  #top = 0
  #granted = 0
  /** Proofs since the last one that needed a large heap. */
  #idle = 0
  #starts: Int32Array = new Int32Array(1024)
  #lengths: Int32Array = new Int32Array(1024)
  #depth = 0
  /** Gas of the steps that is not on the meter yet: below GAS_BATCH whenever work goes on, settled before every allocation and verdict. */
  #owed = 0
  #referenceStarts: Int32Array = new Int32Array(1024)
  #referenceLengths: Int32Array = new Int32Array(1024)
  #savedStarts: Int32Array = new Int32Array(1024)
  #savedLengths: Int32Array = new Int32Array(1024)

  // Disjoint variables: bit v of row u says that u and v are declared disjoint. `#found` holds, per hypothesis of the
  // statement being applied, the set of variables its substitution contains.
  #rowWords = 0
  #rows: Int32Array = new Int32Array(64)
  #found: Int32Array = new Int32Array(64)
  /** Paid for by this proof; the array itself outlives it, which no verdict may depend on. */
  #foundGranted = 0
  #foundCount: Int32Array = new Int32Array(64)
  #foundStep: Int32Array = new Int32Array(64)

  /** Where the last `run` (or `letters`) failed: step from 1, reference, hypothesis, and two slots for disjointness. */
  failure: { step: number; reference: number; hypothesis: number; a: number; b: number } = {
    step: 0,
    reference: -1,
    hypothesis: -1,
    a: -1,
    b: -1,
  }

  /** Starts a proof of the statement at `record`; forgets whatever was there. */
  begin(pool: Int32Array, record: number): void {
    this.#goalPool = pool
    this.#goal = record
    this.#hypotheses = pool[record + RECORD_HYPOTHESES] as number
    this.#dummies.length = 0
    this.#extraPairs.length = 0
    this.#references = this.#hypotheses
    this.#referenceRecords.length = 0
    this.#referencePools.length = 0
    this.#code.length = 0
    this.#number = 0
    this.#saveAllowed = false
    this.#depth = 0
    this.#owed = 0
    this.#letGoOfLargeHeap()
    this.#top = 0
    this.#granted = 0
    this.#foundGranted = 0
    this.failure = { step: 0, reference: -1, hypothesis: -1, a: -1, b: -1 }
  }

  #letGoOfLargeHeap(): void {
    if (this.#heap.length <= SMALL_HEAP_WORDS) return
    this.#idle = this.#granted > SMALL_HEAP_WORDS ? 0 : this.#idle + 1
    if (this.#idle >= IDLE_PROOFS) this.#heap = new Int32Array(1 << 16)
  }

  /** Slots in use: mandatory hypotheses, then dummies. */
  get slots(): number {
    return this.#hypotheses + this.#dummies.length
  }

  /** Adds a variable of the proof that the statement does not mention; answers its slot. Also the next reference. */
  addDummy(typecode: number): number {
    const slot = this.slots
    this.#dummies.push(typecode)
    this.repeatDummy(slot)
    return slot
  }

  /** Adds the next reference: a dummy variable that already has a slot. */
  repeatDummy(slot: number): number {
    this.#referencePools.push(NO_POOL)
    this.#referenceRecords.push(~slot)
    return this.#references++
  }

  /** Adds the next reference: a statement this proof may apply. */
  addStatement(pool: Int32Array, record: number): number {
    this.#referencePools.push(pool)
    this.#referenceRecords.push(record)
    return this.#references++
  }

  /** Where the statement of a reference lies, added before its record was at hand. */
  placeStatement(reference: number, pool: Int32Array, record: number): void {
    this.#referencePools[reference - this.#hypotheses] = pool
    this.#referenceRecords.data[reference - this.#hypotheses] = record
  }

  /** Declares two slots disjoint, at least one of them a dummy. */
  addDisjoint(a: number, b: number): void {
    this.#extraPairs.push(a)
    this.#extraPairs.push(b)
  }

  /** References so far: mandatory hypotheses, then what was added. */
  get references(): number {
    return this.#references
  }

  /** The steps so far: references from 0, results saved earlier from `references`, and -1 for "save". */
  get steps(): Int32Array {
    return this.#code.data.subarray(0, this.#code.length)
  }

  /** The pairs given to `addDisjoint`, each a < b, in increasing order, none twice. */
  dummyPairs(): readonly number[] {
    const keys = new Set<number>()
    for (let i = 0; i < this.#extraPairs.length; i += 2) {
      const a = this.#extraPairs.at(i)
      const b = this.#extraPairs.at(i + 1)
      keys.add(Math.min(a, b) * MAX_SLOTS + Math.max(a, b))
    }
    return [...keys].sort((x, y) => x - y).flatMap((key) => [Math.floor(key / MAX_SLOTS), key % MAX_SLOTS])
  }

  /** One step of an uncompressed proof: reference from 0. */
  addStep(reference: number): void {
    this.#code.push(reference)
  }

  /**
   * Decodes letters of a compressed proof (Metamath, Appendix B), one piece or several. `Z` is accepted directly after a
   * step that applies a statement, and nowhere else; other checkers differ on the rest, and no proof needs it.
   */
  addLetters(bytes: Uint8Array, start: number, end: number): Fault | null {
    const code = this.#code
    const references = this.#references
    const hypotheses = this.#hypotheses
    let number = this.#number
    for (let i = start; i < end; i++) {
      const letter = bytes[i] as number
      if (letter >= LETTER_A && letter <= LETTER_T) {
        const reference = number * 20 + letter - LETTER_A
        code.push(reference)
        number = 0
        this.#saveAllowed = reference >= hypotheses && reference < references && this.#referenceRecords.at(reference - hypotheses) >= 0
      } else if (letter >= LETTER_U && letter <= LETTER_Y) {
        number = number * 5 + letter - LETTER_U + 1
        if (number > LARGEST_PREFIX) return this.#fail('proof-syntax', this.#nextStep())
        this.#saveAllowed = false
      } else if (letter === LETTER_Z && this.#saveAllowed && number === 0) {
        code.push(SAVE)
        this.#saveAllowed = false
      } else {
        return this.#fail(letter === QUESTION ? 'incomplete' : 'proof-syntax', this.#nextStep())
      }
    }
    this.#number = number
    return null
  }

  /** Runs the proof. Null: the statement is proved. Throws only what the meter throws. */
  run(meter: Meter): Fault | null {
    if (this.#number !== 0) return this.#fail('proof-syntax', this.#nextStep())
    if (this.#code.length === 0) return this.#fail('proof-empty', 0)
    const slots = this.slots
    if (slots > MAX_SLOTS) return this.#fail('too-many-variables', 0)
    this.#prepare(meter, slots)
    const fault = this.#runSteps(meter)
    this.#settle(meter)
    return fault
  }

  #runSteps(meter: Meter): Fault | null {
    const code = this.#code.data
    const codeLength = this.#code.length
    const references = this.#references
    const hypotheses = this.#hypotheses
    const starts = this.#starts
    const lengths = this.#lengths
    const referenceStarts = this.#referenceStarts
    const referenceLengths = this.#referenceLengths
    let saved = 0
    let step = 0
    for (let i = 0; i < codeLength; i++) {
      const reference = code[i] as number
      if (reference === SAVE) {
        this.#savedStarts[saved] = starts[this.#depth - 1] as number
        this.#savedLengths[saved++] = lengths[this.#depth - 1] as number
        continue
      }
      step++
      if (reference < references) {
        const start = referenceStarts[reference] as number
        if (start === APPLIES) {
          const at = reference - hypotheses
          const fault = this.#apply(this.#referencePools[at] as Int32Array, this.#referenceRecords.at(at), meter, step)
          if (fault !== null) {
            this.failure.reference = reference
            return this.#fail(fault, step)
          }
        } else {
          starts[this.#depth] = start
          lengths[this.#depth++] = referenceLengths[reference] as number
        }
      } else {
        const at = reference - references
        if (at >= saved) {
          this.failure.reference = reference
          return this.#fail('proof-reference', step)
        }
        starts[this.#depth] = this.#savedStarts[at] as number
        lengths[this.#depth++] = this.#savedLengths[at] as number
      }
    }
    if (this.#depth !== 1) return this.#fail('stack-leftover', step)
    return this.#provesGoal() ? null : this.#fail('wrong-conclusion', step)
  }

  /** Number of the step being read: saving is not a step. */
  #nextStep(): number {
    let step = 1
    for (let i = 0; i < this.#code.length; i++) if (this.#code.at(i) !== SAVE) step++
    return step
  }

  #owe(gas: number, meter: Meter): void {
    this.#owed += gas
    if (this.#owed >= GAS_BATCH) this.#settle(meter)
  }

  #settle(meter: Meter): void {
    const owed = this.#owed
    this.#owed = 0
    meter.charge(owed)
  }

  #fail(fault: Fault, step: number): Fault {
    this.failure.step = step
    return fault
  }

  /** Lays out the hypotheses and the disjointness table, having paid for both. */
  #prepare(meter: Meter, slots: number): void {
    const pool = this.#goalPool
    const goal = this.#goal
    const rowWords = (slots + 31) >>> 5
    const frameWords = (pool[goal + RECORD_WORDS] as number) + 2 * this.#dummies.length
    const pairs = this.#extraPairs.length / 2
    meter.charge(GAS.frameWord * frameWords + GAS.disjointWord * (slots * rowWords + pairs))
    const steps = this.#code.length
    meter.allocate(slots * rowWords + STACK_WORDS_PER_STEP * steps + 2 * this.#references)
    if (this.#starts.length < steps + 1) {
      this.#starts = new Int32Array(2 * steps)
      this.#lengths = new Int32Array(2 * steps)
      this.#savedStarts = new Int32Array(2 * steps)
      this.#savedLengths = new Int32Array(2 * steps)
    }
    if (this.#referenceStarts.length < this.#references) {
      this.#referenceStarts = new Int32Array(2 * this.#references)
      this.#referenceLengths = new Int32Array(2 * this.#references)
    }
    this.#reserve((pool[goal + RECORD_WORDS] as number) + 2 * this.#references, meter)

    for (let slot = 0; slot < this.#hypotheses; slot++) {
      const code = pool[goal + RECORD_HEADER + slot] as number
      if (code >= 0) this.#layVariable(slot, code, slot)
      else this.#layEssential(slot, pool, goal + ~code)
    }
    for (let i = 0; i < this.#references - this.#hypotheses; i++) {
      const reference = this.#hypotheses + i
      const record = this.#referenceRecords.at(i)
      if (record < 0) this.#layVariable(reference, this.#dummies.at(~record - this.#hypotheses), ~record)
      else this.#referenceStarts[reference] = APPLIES
    }

    this.#rowWords = rowWords
    if (this.#rows.length < slots * rowWords) this.#rows = new Int32Array(2 * slots * rowWords)
    this.#rows.fill(0, 0, slots * rowWords)
    const pairsAt = goal + RECORD_HEADER + this.#hypotheses
    const goalPairs = pool[goal + RECORD_PAIRS] as number
    for (let i = 0; i < goalPairs; i++) {
      this.#declareDisjoint(pool[pairsAt + 2 * i] as number, pool[pairsAt + 2 * i + 1] as number)
    }
    for (let i = 0; i < pairs; i++) this.#declareDisjoint(this.#extraPairs.at(2 * i), this.#extraPairs.at(2 * i + 1))
    this.#foundStep.fill(0)
  }

  #layVariable(reference: number, typecode: number, slot: number): void {
    this.#referenceStarts[reference] = this.#top
    this.#referenceLengths[reference] = 2
    this.#heap[this.#top++] = typecode
    this.#heap[this.#top++] = ~slot
  }

  #layEssential(reference: number, pool: Int32Array, at: number): void {
    const length = pool[at] as number
    this.#referenceStarts[reference] = this.#top
    this.#referenceLengths[reference] = length
    for (let i = 1; i <= length; i++) this.#heap[this.#top++] = pool[at + i] as number
  }

  #declareDisjoint(a: number, b: number): void {
    assert(a !== b && a < this.slots && b < this.slots, `disjoint slots ${a} and ${b} of ${this.slots}`)
    const rows = this.#rows
    const rowWords = this.#rowWords
    rows[a * rowWords + (b >>> 5)] = (rows[a * rowWords + (b >>> 5)] as number) | (1 << (b & 31))
    rows[b * rowWords + (a >>> 5)] = (rows[b * rowWords + (a >>> 5)] as number) | (1 << (a & 31))
  }

  /** Makes room for `words` above the top of the heap, paid for in whole grants. */
  #reserve(words: number, meter: Meter): void {
    const needed = this.#top + words
    if (needed > this.#granted) {
      const grants = Math.ceil((needed - this.#granted) / HEAP_GRANT_WORDS)
      this.#settle(meter)
      meter.allocate(grants * HEAP_GRANT_WORDS)
      this.#granted += grants * HEAP_GRANT_WORDS
      if (this.#granted > this.#heap.length) {
        this.#heap = grown(this.#heap, this.#granted > SMALL_HEAP_WORDS ? Math.max(this.#granted, LARGE_HEAP_WORDS) : this.#granted)
      }
    }
  }

  /** Applies the statement at `record`: pops its hypotheses, checks them, pushes the substituted assertion. */
  #apply(pool: Int32Array, record: number, meter: Meter, step: number): Fault | null {
    const words = pool[record + RECORD_WORDS] as number
    const hypotheses = pool[record + RECORD_HYPOTHESES] as number
    const base = this.#depth - hypotheses
    if (base < 0) {
      this.failure.hypothesis = hypotheses
      return 'stack-underflow'
    }
    this.#owe(GAS.step + GAS.recordWord * words, meter)

    const starts = this.#starts
    const lengths = this.#lengths
    const heap = this.#heap
    // First the typecodes, which make the substitution.
    let essentials = 0
    for (let i = 0; i < hypotheses; i++) {
      const code = pool[record + RECORD_HEADER + i] as number
      if (code < 0) essentials++
      else if (heap[starts[base + i] as number] !== code) {
        this.failure.hypothesis = i
        return 'typecode-mismatch'
      }
    }
    for (let i = 0; essentials > 0; i++) {
      const code = pool[record + RECORD_HEADER + i] as number
      if (code >= 0) continue
      essentials--
      this.#owe(GAS.compare * (lengths[base + i] as number), meter)
      if (!this.#matches(pool, record + ~code, base, base + i)) {
        this.failure.hypothesis = i
        return 'hypothesis-mismatch'
      }
    }
    const pairs = pool[record + RECORD_PAIRS] as number
    if (pairs > 0 && !this.#disjoint(pool, record, base, meter, step)) return 'disjoint-violation'

    const assertionAt = record + RECORD_HEADER + hypotheses + 2 * pairs
    const assertionEnd = assertionAt + (pool[record + RECORD_ASSERTION] as number)
    let resultLength = assertionEnd - assertionAt
    for (let i = assertionAt; i < assertionEnd; i++) {
      const symbol = pool[i] as number
      if (symbol < 0) resultLength += (lengths[base + ~symbol] as number) - 2
    }
    this.#reserve(resultLength, meter)
    const start = this.#top
    this.#substitute(pool, assertionAt, assertionEnd, base, meter)
    starts[base] = start
    lengths[base] = resultLength
    this.#depth = base + 1
    return null
  }

  /** Writes the assertion to the top of the heap, each variable replaced by its stack entry without the typecode; paid for as it is written. */
  #substitute(pool: Int32Array, at: number, end: number, base: number, meter: Meter): void {
    const heap = this.#heap
    const starts = this.#starts
    const lengths = this.#lengths
    let owed = this.#owed
    let to = this.#top
    for (let i = at; i < end; i++) {
      const symbol = pool[i] as number
      const count = symbol >= 0 ? 1 : (lengths[base + ~symbol] as number) - 1
      owed += GAS.copy * count
      if (owed >= GAS_BATCH) {
        this.#owed = owed
        this.#settle(meter)
        owed = 0
      }
      if (symbol >= 0) heap[to++] = symbol
      else {
        const from = (starts[base + ~symbol] as number) + 1
        const stop = from + count
        for (let k = from; k < stop; k++) heap[to++] = heap[k] as number
      }
    }
    this.#owed = owed
    this.#top = to
  }

  /** Is stack entry `entry` the essential hypothesis at `at`, under the substitution that starts at stack entry `base`? */
  #matches(pool: Int32Array, at: number, base: number, entry: number): boolean {
    const heap = this.#heap
    const starts = this.#starts
    const lengths = this.#lengths
    let next = starts[entry] as number
    const stop = next + (lengths[entry] as number)
    const end = at + (pool[at] as number)
    for (let i = at + 1; i <= end; i++) {
      const symbol = pool[i] as number
      if (symbol >= 0) {
        if (next >= stop || heap[next++] !== symbol) return false
      } else {
        // The variable stands for its stack entry without the typecode.
        const count = (lengths[base + ~symbol] as number) - 1
        const from = (starts[base + ~symbol] as number) + 1
        if (next + count > stop) return false
        for (let k = 0; k < count; k++) if (heap[next + k] !== heap[from + k]) return false
        next += count
      }
    }
    return next === stop
  }

  /** For each pair of the applied statement: the two substitutions share no variable, and all theirs are disjoint. */
  #disjoint(pool: Int32Array, record: number, base: number, meter: Meter, step: number): boolean {
    const hypotheses = pool[record + RECORD_HYPOTHESES] as number
    const pairsAt = record + RECORD_HEADER + hypotheses
    const pairsEnd = pairsAt + 2 * (pool[record + RECORD_PAIRS] as number)
    const rowWords = this.#rowWords
    if (this.#foundStep.length < hypotheses) {
      this.#foundStep = new Int32Array(2 * hypotheses)
      this.#foundCount = new Int32Array(2 * hypotheses)
    }
    const foundWords = hypotheses * rowWords
    if (this.#foundGranted < foundWords) {
      this.#settle(meter)
      meter.allocate(foundWords)
      this.#foundGranted = foundWords
      if (this.#found.length < foundWords) this.#found = new Int32Array(foundWords)
    }
    for (let i = pairsAt; i < pairsEnd; i += 2) {
      const a = pool[i] as number
      const b = pool[i + 1] as number
      this.#findVariables(a, base, step, meter)
      this.#findVariables(b, base, step, meter)
      this.#owe(GAS.disjointRow * (1 + (this.#foundCount[a] as number)) * rowWords, meter)
      if (!this.#pairDisjoint(a, b)) return false
    }
    return true
  }

  /** The set of variables in the substitution for a hypothesis, found once per step. */
  #findVariables(hypothesis: number, base: number, step: number, meter: Meter): void {
    if (this.#foundStep[hypothesis] === step) return
    this.#foundStep[hypothesis] = step
    const rowWords = this.#rowWords
    const start = (this.#starts[base + hypothesis] as number) + 1
    const end = start + (this.#lengths[base + hypothesis] as number) - 1
    this.#owe(GAS.scan * (end - start + rowWords), meter)
    const heap = this.#heap
    const found = this.#found
    const row = hypothesis * rowWords
    found.fill(0, row, row + rowWords)
    let count = 0
    for (let i = start; i < end; i++) {
      const symbol = heap[i] as number
      if (symbol >= 0) continue
      const word = row + (~symbol >>> 5)
      const bit = 1 << (~symbol & 31)
      const before = found[word] as number
      if ((before & bit) === 0) {
        found[word] = before | bit
        count++
      }
    }
    this.#foundCount[hypothesis] = count
  }

  #pairDisjoint(a: number, b: number): boolean {
    const rowWords = this.#rowWords
    const found = this.#found
    const rows = this.#rows
    for (let word = 0; word < rowWords; word++) {
      let left = found[a * rowWords + word] as number
      while (left !== 0) {
        const u = word * 32 + 31 - Math.clz32(left & -left)
        left &= left - 1
        for (let k = 0; k < rowWords; k++) {
          // Row u never has bit u, so a shared variable is found here too.
          const loose = (found[b * rowWords + k] as number) & ~(rows[u * rowWords + k] as number)
          if (loose !== 0) {
            this.failure.a = u
            this.failure.b = k * 32 + 31 - Math.clz32(loose & -loose)
            return false
          }
        }
      }
    }
    return true
  }

  #provesGoal(): boolean {
    const pool = this.#goalPool
    const goal = this.#goal
    const length = pool[goal + RECORD_ASSERTION] as number
    if (this.#lengths[0] !== length) return false
    const at = goal + RECORD_HEADER + this.#hypotheses + 2 * (pool[goal + RECORD_PAIRS] as number)
    const start = this.#starts[0] as number
    for (let i = 0; i < length; i++) if (this.#heap[start + i] !== pool[at + i]) return false
    return true
  }

  // For messages, after a failure.

  get stackDepth(): number {
    return this.#depth
  }

  /** The symbols of a stack entry counted from the top (0), at most `most` of them. */
  stackEntry(fromTop: number, most: number): Int32Array {
    const entry = this.#depth - 1 - fromTop
    if (entry < 0) return NO_POOL
    const start = this.#starts[entry] as number
    return this.#heap.slice(start, start + Math.min(this.#lengths[entry] as number, most))
  }

  /** The applied statement's hypothesis under the substitution on the stack, at most `most` symbols. */
  expectedHypothesis(reference: number, hypothesis: number, most: number): readonly number[] {
    const at = reference - this.#hypotheses
    const pool = this.#referencePools[at]
    if (pool === undefined) return []
    const record = this.#referenceRecords.at(at)
    const base = this.#depth - (pool[record + RECORD_HYPOTHESES] as number)
    const code = pool[record + RECORD_HEADER + hypothesis] as number
    if (code >= 0) return [code]
    const out: number[] = []
    const from = record + ~code
    const length = pool[from] as number
    for (let i = 1; i <= length && out.length < most; i++) {
      const symbol = pool[from + i] as number
      if (symbol >= 0) out.push(symbol)
      else {
        const entry = base + ~symbol
        const stop = Math.min(this.#lengths[entry] as number, most)
        for (let k = 1; k < stop; k++) out.push(this.#heap[(this.#starts[entry] as number) + k] as number)
      }
    }
    return out.slice(0, most)
  }

  /** Where among the hypotheses' stack entries the one that failed lies, from the top. */
  entryOfHypothesis(reference: number, hypothesis: number): number {
    const at = reference - this.#hypotheses
    const pool = this.#referencePools[at] ?? NO_POOL
    return (pool[this.#referenceRecords.at(at) + RECORD_HYPOTHESES] as number) - 1 - hypothesis
  }
}
