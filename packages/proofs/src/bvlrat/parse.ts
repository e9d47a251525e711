/**
 * Reads a canonical script, the claim of `bvlrat/1`: one spelling for everything, so that a byte string is accepted as it is
 * or refused. Terms are compiled while they are read, with an explicit stack, in time and memory linear in the bytes.
 *
 *     script  = "(set-logic QF_BV)\n" command* "(check-sat)\n"
 *     command = "(declare-const " symbol " " sort ")\n"
 *             | "(define-fun " symbol " (" [param (" " param)*] ") " sort " " term ")\n"
 *             | "(assert " term ")\n"
 *     param   = "(" symbol " " sort ")"
 *     sort    = "Bool" | "(_ BitVec " numeral ")"
 *     term    = "true" | "false" | literal | symbol | "(" head (" " term)+ ")"
 *             | "(let (" binding (" " binding)* ") " term ")"
 *     head    = symbol | "(_ " symbol (" " numeral)+ ")"
 *     binding = "(" symbol " " term ")"
 *     literal = "#x" lower-case hexadecimal digits, if the width is a multiple of 4; else "#b" binary digits
 */
import { EMPTY_BYTES, err, keepShapeOf, ok, type Refusal, type Result } from '@aethel/codec'
import { describe } from '../lrat/cnf.js'
import { MAX_INPUT_BITS, MAX_WIDTH } from './gas.js'
import { BOOL, isReserved, OPERATORS, type Operator, resultSort, type Sort, sortText } from './operators.js'
import { type BvScript, ConstantTable, INSTRUCTION, ProgramTable, textOf } from './script.js'

/** A refusal on its way out of the parser; caught in `parseScript`, nowhere else. */
class ScriptRefusal extends Error {
  override readonly name = 'ScriptRefusal'
  readonly code: string
  readonly at: number
  constructor(code: string, message: string, at: number) {
    super(message)
    this.code = code
    this.at = at
  }
}

/** Why a script was refused, with the offset of the byte where it showed. */
export interface LocatedRefusal extends Refusal {
  readonly at: number
}

/** Parses canonical script bytes. Linear in their number; refuses everything that is not canonical or not well-sorted. */
export function parseScript(bytes: Uint8Array): Result<BvScript, LocatedRefusal> {
  try {
    return ok(new ScriptParser(bytes).script())
  } catch (error) {
    if (!(error instanceof ScriptRefusal)) throw error
    return err({ code: error.code, message: `byte ${error.at}: ${error.message}`, at: error.at })
  }
}

const LINE_FEED = 10
const SPACE = 32
const HASH = 35
const LEFT = 40
const RIGHT = 41
const ZERO = 48
const NINE = 57
const UNDERSCORE = 95
const LETTER_B = 98
const LETTER_X = 120
const BAR = 124
/** Nine digits: far above any width, far below 2^31. */
const MAX_NUMERAL = 999_999_999
/** Of an operand below 2^31, in sevens of bits. */
const MAX_NUMBER_BYTES = 5
/** Names are repeated in messages; nobody needs longer ones. */
const MAX_SYMBOL_BYTES = 1_024

/** What may stand in a symbol without bars: letters, digits and the marks below (SMT-LIB 2.6, 3.1). By byte: 1 if it may. */
const SYMBOL_BYTES: Uint8Array = new Uint8Array(256)
for (const text of ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '0123456789', '~!@$%^&*_-+=<>.?/'])
  for (let k = 0; k < text.length; k++) SYMBOL_BYTES[text.charCodeAt(k)] = 1

export function isSymbolByte(byte: number): boolean {
  return SYMBOL_BYTES[byte] === 1
}

/** What may stand between bars: printable ASCII but the bar and the backslash. */
export function isQuotedByte(byte: number): boolean {
  return byte >= SPACE && byte < 127 && byte !== BAR && byte !== 92
}

interface Local {
  readonly slot: number
  readonly sort: Sort
}

type Frame =
  | {
      readonly kind: 'apply'
      readonly operator: Operator
      readonly i: number
      readonly j: number
      readonly base: number
      readonly at: number
    }
  | { readonly kind: 'call'; readonly called: DefinedFunction; readonly base: number; readonly at: number }
  | { readonly kind: 'binding'; readonly names: string[]; readonly base: number }
  | { readonly kind: 'body'; readonly names: readonly string[]; readonly hidden: readonly (Local | undefined)[] }

interface DeclaredConstant {
  readonly kind: 'constant'
  readonly index: number
  readonly sort: Sort
}

interface DefinedFunction {
  readonly kind: 'function'
  readonly index: number
  readonly name: string
  readonly parameters: readonly Sort[]
  readonly sort: Sort
}

class ScriptParser {
  readonly #bytes: Uint8Array
  #at = 0
  #code = new Uint8Array(1024)
  #length = 0
  readonly #constants: ConstantTable
  readonly #functions = new ProgramTable()
  readonly #assertions = new ProgramTable()
  readonly #globals = new Map<string, DeclaredConstant | DefinedFunction>()
  readonly #locals = new Map<string, Local>()
  /** Slots in use by parameters and let variables in scope. */
  #slots = 0
  /** Sorts of the complete terms that wait for what encloses them. */
  readonly #sorts: Sort[] = []
  #inputBits = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#constants = new ConstantTable(bytes)
  }

  script(): BvScript {
    this.#expect('(set-logic QF_BV)\n')
    for (;;) {
      if (this.#accept('(assert ')) this.#assertion()
      else if (this.#accept('(declare-const ')) this.#declaration()
      else if (this.#accept('(define-fun ')) this.#definition()
      else if (this.#accept('(check-sat)\n')) break
      else this.#refuse('syntax', 'expected (declare-const, (define-fun, (assert or (check-sat)')
    }
    if (this.#at !== this.#bytes.length) this.#refuse('syntax', 'expected the end behind (check-sat)')
    for (const table of [this.#constants, this.#functions, this.#assertions]) table.settle()
    return {
      bytes: this.#bytes,
      code: this.#code.slice(0, this.#length), // without the room that was ahead
      constants: this.#constants,
      functions: this.#functions,
      assertions: this.#assertions,
      inputBits: this.#inputBits,
    }
  }

  #assertion(): void {
    const at = this.#at
    const from = this.#length
    const sort = this.#term()
    if (sort !== BOOL) this.#refuse('sort', `expected an assertion of sort Bool, got ${sortText(sort)}`, at)
    this.#assertions.add(from, this.#length)
    this.#expect(')\n')
  }

  #declaration(): void {
    const nameFrom = this.#at
    const name = this.#newGlobal()
    const nameTo = this.#at
    this.#expect(' ')
    const sort = this.#sort()
    this.#expect(')\n')
    this.#globals.set(name, { kind: 'constant', index: this.#constants.length, sort })
    this.#constants.add(nameFrom, nameTo, sort, this.#inputBits + 1)
    this.#inputBits += widthOf(sort)
    if (this.#inputBits > MAX_INPUT_BITS)
      this.#refuse('too-many-variables', `expected constants of at most ${MAX_INPUT_BITS} bits together`)
  }

  #definition(): void {
    const name = this.#newGlobal()
    this.#expect(' (')
    const parameters: Sort[] = []
    const names: string[] = []
    while (this.#bytes[this.#at] !== RIGHT) {
      if (parameters.length > 0) this.#expect(' ')
      this.#expect('(')
      const parameter = this.#newName()
      if (this.#locals.has(parameter)) this.#refuse('redeclared', `expected different parameters, got ${parameter} twice`)
      this.#expect(' ')
      const sort = this.#sort()
      this.#expect(')')
      this.#locals.set(parameter, { slot: this.#slots++, sort })
      parameters.push(sort)
      names.push(parameter)
    }
    this.#expect(') ')
    const sort = this.#sort()
    this.#expect(' ')
    const at = this.#at
    const from = this.#length
    const found = this.#term()
    if (found !== sort) this.#refuse('sort', `expected a body of sort ${sortText(sort)}, got ${sortText(found)}`, at)
    this.#expect(')\n')
    for (const parameter of names) this.#locals.delete(parameter)
    this.#slots = 0
    this.#globals.set(name, { kind: 'function', index: this.#functions.length, name, parameters, sort })
    this.#functions.add(from, this.#length)
  }

  // --- terms ----------------------------------------------------------------------------------------------------------

  #term(): Sort {
    const frames: Frame[] = []
    const sorts = this.#sorts
    for (;;) {
      if (this.#bytes[this.#at] === LEFT) {
        this.#at++
        frames.push(this.#open())
        continue
      }
      sorts.push(this.#atom())
      while (frames.length > 0 && this.#close(frames));
      if (frames.length === 0) return sorts.pop() as Sort
    }
  }

  /** After `(`: up to where the first term inside begins. */
  #open(): Frame {
    const at = this.#at
    const base = this.#sorts.length
    if (this.#bytes[at] === LEFT) {
      this.#expect('(_ ')
      const name = this.#symbol()
      const operator = OPERATORS.get(name)
      if (operator === undefined || operator.indices === 0) this.#refuse('unknown-symbol', `expected an indexed operator, got ${name}`, at)
      this.#expect(' ')
      const i = this.#numeral()
      let j = 0
      if (operator.indices === 2) {
        this.#expect(' ')
        j = this.#numeral()
      }
      this.#expect(') ')
      return { kind: 'apply', operator, i, j, base, at }
    }
    const name = this.#symbol()
    this.#expect(' ')
    if (name === 'let') {
      this.#expect('((')
      const first = this.#newName()
      this.#expect(' ')
      return { kind: 'binding', names: [first], base }
    }
    const operator = OPERATORS.get(name)
    if (operator !== undefined && operator.indices === 0) return { kind: 'apply', operator, i: 0, j: 0, base, at }
    const found = this.#locals.has(name) ? undefined : this.#globals.get(name)
    if (found?.kind !== 'function') this.#refuse('unknown-symbol', `expected an operator or a function defined before, got ${name}`, at)
    return { kind: 'call', called: found, base, at }
  }

  #atom(): Sort {
    const at = this.#at
    const byte = this.#bytes[at]
    if (byte === HASH) return this.#literal()
    const name = this.#symbol()
    if (name === 'true' || name === 'false') {
      this.#emit(INSTRUCTION.boolean, name === 'true' ? 1 : 0)
      return BOOL
    }
    const local = this.#locals.get(name)
    if (local !== undefined) {
      this.#emit(INSTRUCTION.local, local.slot)
      return local.sort
    }
    const found = this.#globals.get(name)
    if (found === undefined) this.#refuse('unknown-symbol', `expected a symbol declared before, got ${name}`, at)
    if (found.kind === 'constant') {
      this.#emit(INSTRUCTION.input, found.index)
      return found.sort
    }
    if (found.parameters.length > 0) this.#refuse('arity', `expected ${found.parameters.length} arguments of ${name}, got none`, at)
    this.#emit(INSTRUCTION.call, found.index, 0)
    return found.sort
  }

  /** A term inside the topmost frame is complete. True if that completes the frame's own term, too. */
  #close(frames: Frame[]): boolean {
    const frame = frames.at(-1) as Frame
    switch (frame.kind) {
      case 'apply':
      case 'call':
        if (this.#bytes[this.#at] === SPACE) {
          this.#at++
          return false
        }
        this.#expect(')')
        frames.pop()
        this.#sorts.push(frame.kind === 'apply' ? this.#applied(frame) : this.#called(frame))
        return true
      case 'binding':
        this.#expect(')')
        if (this.#bytes[this.#at] === SPACE) {
          this.#expect(' (')
          frame.names.push(this.#newName())
          this.#expect(' ')
          return false
        }
        this.#expect(') ')
        frames.pop()
        frames.push(this.#bound(frame.names))
        return false
      case 'body':
        this.#expect(')')
        frames.pop()
        this.#unbound(frame.names, frame.hidden)
        return true
    }
  }

  #applied(frame: Frame & { readonly kind: 'apply' }): Sort {
    const { operator, i, j, base } = frame
    const count = this.#sorts.length - base
    const sort = resultSort(operator, this.#sorts, base, count, i, j)
    if (typeof sort === 'string') this.#refuse('sort', sort, frame.at)
    this.#sorts.length = base
    this.#emit(INSTRUCTION.apply, operator.code, count, i, j)
    return sort
  }

  #called(frame: Frame & { readonly kind: 'call' }): Sort {
    const { called } = frame
    const count = this.#sorts.length - frame.base
    if (called.parameters.length !== count)
      this.#refuse('arity', `expected ${called.parameters.length} arguments of ${called.name}, got ${count}`, frame.at)
    for (let k = 0; k < count; k++) {
      const expected = called.parameters[k] as Sort
      const sort = this.#sorts[frame.base + k] as Sort
      if (sort !== expected)
        this.#refuse('sort', `expected ${sortText(expected)} as argument ${k + 1} of ${called.name}, got ${sortText(sort)}`, frame.at)
    }
    this.#sorts.length = frame.base
    this.#emit(INSTRUCTION.call, called.index, count)
    return called.sort
  }

  /** The bindings of a let are complete: they see what was in scope before, not each other. */
  #bound(names: readonly string[]): Frame {
    const base = this.#sorts.length - names.length
    const hidden = names.map((name) => this.#locals.get(name))
    const before = this.#slots
    for (let k = 0; k < names.length; k++) {
      const name = names[k] as string
      const earlier = this.#locals.get(name)
      if (earlier !== undefined && earlier.slot >= before)
        this.#refuse('redeclared', `expected different variables in a let, got ${name} twice`)
      this.#locals.set(name, { slot: this.#slots++, sort: this.#sorts[base + k] as Sort })
    }
    this.#sorts.length = base
    this.#emit(INSTRUCTION.bind, names.length)
    return { kind: 'body', names, hidden }
  }

  #unbound(names: readonly string[], hidden: readonly (Local | undefined)[]): void {
    for (let k = 0; k < names.length; k++) {
      const before = hidden[k]
      if (before === undefined) this.#locals.delete(names[k] as string)
      else this.#locals.set(names[k] as string, before)
    }
    this.#slots -= names.length
    this.#emit(INSTRUCTION.unbind, names.length)
  }

  #literal(): Sort {
    const bytes = this.#bytes
    const form = bytes[this.#at + 1]
    if (form !== LETTER_X && form !== LETTER_B) this.#refuse('syntax', 'expected #x or #b')
    const digits = this.#at + 2
    let at = digits
    for (; at < bytes.length; at++) {
      const byte = bytes[at] as number
      const digit = form === LETTER_X ? isHexDigit(byte) : byte === ZERO || byte === ZERO + 1
      if (!digit) break
    }
    const width = form === LETTER_X ? 4 * (at - digits) : at - digits
    if (width === 0) this.#refuse('syntax', `expected a digit, got ${describe(bytes[at])}`)
    if (width > MAX_WIDTH) this.#refuse('width', `expected a literal of at most ${MAX_WIDTH} bits`)
    if (form === LETTER_B && width % 4 === 0) this.#refuse('canonical', `expected a literal of ${width} bits in hexadecimal`)
    this.#at = at
    this.#emit(INSTRUCTION.literal, digits, width)
    return width
  }

  // --- names, sorts, bytes --------------------------------------------------------------------------------------------

  #newGlobal(): string {
    const at = this.#at
    const name = this.#newName()
    if (this.#globals.has(name)) this.#refuse('redeclared', `expected a new symbol, got ${name}, which is declared above`, at)
    return name
  }

  #newName(): string {
    const at = this.#at
    const name = this.#symbol()
    if (isReserved(name)) this.#refuse('reserved', `expected a name of the script's own, got ${name}, a word of the language`, at)
    return name
  }

  #symbol(): string {
    const bytes = this.#bytes
    const start = this.#at
    if (bytes[start] === BAR) return this.#quotedSymbol()
    let at = start
    while (at < bytes.length && isSymbolByte(bytes[at] as number)) at++
    const first = bytes[start] as number
    if (at === start || (first >= ZERO && first <= NINE)) this.#refuse('syntax', `expected a symbol, got ${describe(bytes[start])}`)
    if (at - start > MAX_SYMBOL_BYTES) this.#refuse('syntax', `expected a symbol of at most ${MAX_SYMBOL_BYTES} bytes`)
    this.#at = at
    return textOf(bytes, start, at)
  }

  #quotedSymbol(): string {
    const bytes = this.#bytes
    const start = this.#at
    let at = start + 1
    let simple = true
    while (at < bytes.length && isQuotedByte(bytes[at] as number)) {
      if (!isSymbolByte(bytes[at] as number)) simple = false
      at++
    }
    if (at - start > MAX_SYMBOL_BYTES) this.#refuse('syntax', `expected a symbol of at most ${MAX_SYMBOL_BYTES} bytes`)
    if (bytes[at] !== BAR) this.#refuse('syntax', `expected printable ASCII up to the closing bar, got ${describe(bytes[at])}`, at)
    const first = bytes[start + 1] as number
    if (simple && at > start + 1 && !(first >= ZERO && first <= NINE))
      this.#refuse('canonical', 'expected a symbol without bars, because it needs none')
    this.#at = at + 1
    return textOf(bytes, start, at + 1)
  }

  #sort(): Sort {
    if (this.#accept('Bool')) return BOOL
    this.#expect('(_ BitVec ')
    const at = this.#at
    const width = this.#numeral()
    if (width < 1 || width > MAX_WIDTH) this.#refuse('width', `expected a width of 1..${MAX_WIDTH}, got ${width}`, at)
    this.#expect(')')
    return width
  }

  #numeral(): number {
    const bytes = this.#bytes
    const start = this.#at
    let value = 0
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at] as number
      if (byte < ZERO || byte > NINE) break
      value = 10 * value + byte - ZERO
      if (value > MAX_NUMERAL) this.#refuse('syntax', `expected a numeral of at most ${MAX_NUMERAL}`, start)
      this.#at++
    }
    if (this.#at === start) this.#refuse('syntax', `expected a numeral, got ${describe(bytes[start])}`)
    if (bytes[start] === ZERO && this.#at - start > 1) this.#refuse('canonical', 'expected a numeral without leading zeros', start)
    return value
  }

  #accept(text: string): boolean {
    const bytes = this.#bytes
    for (let k = 0; k < text.length; k++) if (bytes[this.#at + k] !== text.charCodeAt(k)) return false
    this.#at += text.length
    return true
  }

  #expect(text: string): void {
    const bytes = this.#bytes
    for (let k = 0; k < text.length; k++) {
      const expected = text.charCodeAt(k)
      if (bytes[this.#at] !== expected) {
        const what =
          expected === LINE_FEED ? 'a line end' : expected === SPACE ? 'one blank' : expected === UNDERSCORE ? '_' : JSON.stringify(text)
        this.#refuse('syntax', `expected ${what}, got ${describe(bytes[this.#at])}`)
      }
      this.#at++
    }
  }

  /** An instruction and its operands, see `INSTRUCTION`. */
  #emit(...numbers: readonly number[]): void {
    if (this.#length + MAX_NUMBER_BYTES * numbers.length > this.#code.length) {
      const larger = new Uint8Array(2 * this.#code.length)
      larger.set(this.#code)
      this.#code = larger
    }
    for (let number of numbers) {
      for (; number >= 128; number >>>= 7) this.#code[this.#length++] = (number & 127) | 128
      this.#code[this.#length++] = number
    }
  }

  #refuse(code: string, message: string, at: number = this.#at): never {
    throw new ScriptRefusal(code, message, at)
  }
}

/** Bits that a value of the sort takes on the stack and among the variables. */
export function widthOf(sort: Sort): number {
  return sort === BOOL ? 1 : sort
}

function isHexDigit(byte: number): boolean {
  return (byte >= ZERO && byte <= NINE) || (byte >= 97 && byte <= 102)
}

keepShapeOf(new ScriptParser(EMPTY_BYTES))
