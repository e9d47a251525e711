/**
 * The claim of an SMT-LIB file, on the submitter's side: reads scripts as people and tools write them and prints the one
 * canonical script that `parseScript` accepts. It changes spelling only: layout, comments, annotations and what asserts
 * nothing are dropped, literals, symbols and declarations get their one form, sorts of `define-sort` are written out. What the
 * script says is judged by the parser, whose refusals are brought back to the line of the file.
 */
import { err, ok, type Refusal, type Result, utf8 } from '@aethel/codec'
import { describe } from '../lrat/cnf.js'
import { BVLRAT_OFFLINE_LIMITS, MAX_WIDTH } from './gas.js'
import { isQuotedByte, isSymbolByte, parseScript } from './parse.js'

/** An atom or a list, with the line where it begins. */
type Node = Atom | List
interface Atom {
  readonly text: string
  readonly line: number
}
interface List {
  readonly items: Node[]
  readonly line: number
}

class FileRefusal extends Error {
  override readonly name = 'FileRefusal'
  readonly code: string
  constructor(code: string, line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.code = code
  }
}

/** The canonical script of an SMT-LIB 2 file in QF_BV, well-sorted, or the reason why there is none, with its line. */
export function scriptToClaim(file: Uint8Array): Result<Uint8Array, Refusal> {
  try {
    const printer = new Printer()
    const commands = readNodes(file)
    if (commands.length === 0) throw new FileRefusal('syntax', 1, 'expected SMT-LIB commands, such as (assert ...), got a file without any')
    printer.script(commands)
    const claim = utf8(printer.text())
    const parsed = parseScript(claim)
    if (!parsed.ok) {
      const message = parsed.error.message.slice(parsed.error.message.indexOf(': ') + 2)
      const advice = parsed.error.code === 'unknown-symbol' ? printer.adviceOn(message.slice(message.lastIndexOf(' got ') + 5)) : ''
      return err({ code: parsed.error.code, message: `line ${printer.lineAt(parsed.error.at)}: ${message}${advice}` })
    }
    return ok(claim)
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error
    return err({ code: error.code, message: error.message })
  }
}

// --- reading ------------------------------------------------------------------------------------------------------------

const TAB = 9
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const QUOTE = 34
const HASH = 35
const LEFT = 40
const RIGHT = 41
const COLON = 58
const SEMICOLON = 59
const BACKSLASH = 92
const BAR = 124

/** The commands of the file, up to `(exit)`: no solver reads on. Strings become atoms that begin with a quote, keywords ones that begin with a colon. */
function readNodes(bytes: Uint8Array): List[] {
  const commands: List[] = []
  const open: List[] = []
  let line = 1
  let at = 0
  const add = (node: Node): void => {
    const inside = open.at(-1)
    if (inside !== undefined) inside.items.push(node)
    else if ('items' in node) commands.push(node)
    else throw new FileRefusal('syntax', node.line, `expected a command in parentheses, got ${clipped(node.text)}`)
  }
  const delimited = (last: number, what: string): string => {
    const start = at++
    const from = line
    while (at < bytes.length && bytes[at] !== last) {
      if (bytes[at] === LINE_FEED) line++
      at++
    }
    if (at === bytes.length) throw new FileRefusal('syntax', from, `expected the end of the ${what} that begins here`)
    at++
    return textOf(bytes, start, at)
  }
  while (at < bytes.length) {
    const byte = bytes[at] as number
    if (byte === LINE_FEED) {
      line++
      at++
    } else if (byte === SPACE || byte === TAB || byte === CARRIAGE_RETURN) at++
    else if (byte === SEMICOLON) {
      while (at < bytes.length && bytes[at] !== LINE_FEED) at++
    } else if (byte === LEFT) {
      at++
      open.push({ items: [], line })
    } else if (byte === RIGHT) {
      at++
      const closed = open.pop()
      if (closed === undefined) throw new FileRefusal('syntax', line, 'expected a command, got ")" that closes nothing')
      add(closed)
      if (open.length === 0 && textIn(closed, 0) === 'exit') return commands
    } else if (byte === BAR) {
      const start = line
      add({ text: delimited(BAR, 'symbol'), line: start })
    } else if (byte === QUOTE) {
      const start = line
      add({ text: delimited(QUOTE, 'string'), line: start })
    } else {
      const start = at
      while (at < bytes.length && (isSymbolByte(bytes[at] as number) || bytes[at] === HASH || bytes[at] === COLON)) at++
      if (at === start) throw new FileRefusal('syntax', line, `expected SMT-LIB text, got ${describe(byte)}`)
      add({ text: textOf(bytes, start, at), line })
    }
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined) throw new FileRefusal('syntax', unclosed.line, 'expected a ")" for the "(" on this line')
  return commands
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

// --- printing -----------------------------------------------------------------------------------------------------------

const DROPPED: ReadonlySet<string> = new Set([
  'set-info',
  'set-option',
  'echo',
  'get-assertions',
  'get-assignment',
  'get-info',
  'get-model',
  'get-option',
  'get-proof',
  'get-unsat-assumptions',
  'get-unsat-core',
  'get-value',
])
/** Logics whose scripts may be plain QF_BV; what is beyond it is refused where it occurs. */
const LOGICS: ReadonlySet<string> = new Set(['QF_BV', 'QF_UFBV', 'QF_ABV', 'QF_AUFBV', 'QF_BVFP', 'BV', 'ALL'])

const ONE_QUESTION = 'a claim is one set of assertions; write a script for each question, with the assertions in force there'
const SORTS_ONLY = 'QF_BV has the sorts Bool and (_ BitVec n), and those of define-sort'
/** What other scripts hold, and what to do about it. */
const COMMAND_ADVICE: ReadonlyMap<string, string> = new Map([
  ['push', ONE_QUESTION],
  ['pop', ONE_QUESTION],
  ['reset', ONE_QUESTION],
  ['reset-assertions', ONE_QUESTION],
  ['check-sat-assuming', 'write what it assumes as (assert ...), and (check-sat)'],
  ['declare-sort', `${SORTS_ONLY} (Yosys: write_smt2 -stbv)`],
  ['declare-datatype', SORTS_ONLY],
  ['declare-datatypes', SORTS_ONLY],
  ['define-fun-rec', 'QF_BV has no recursive functions; unroll it into functions that see those before them'],
  ['define-funs-rec', 'QF_BV has no recursive functions; unroll them into functions that see those before them'],
  ['assert-soft', 'this is no question of satisfiability'],
  ['minimize', 'this is no question of satisfiability'],
  ['maximize', 'this is no question of satisfiability'],
])
const NO_ARRAYS = 'QF_BV has no arrays; the tool that wrote the script may be able to do without them'
const NO_NUMBERS = 'QF_BV has no integers and reals; stay with bit vectors, wide enough'
const OF_ONE_SOLVER = 'it is not of SMT-LIB; write it out with (define-fun ...)'
const SYMBOL_ADVICE: ReadonlyMap<string, string> = new Map([
  ['select', NO_ARRAYS],
  ['store', NO_ARRAYS],
  ['forall', 'QF_BV has no quantifiers'],
  ['exists', 'QF_BV has no quantifiers'],
  ...['bv2nat', 'bv2int', 'nat2bv', 'int2bv', 'int_to_bv', 'ubv_to_int', 'sbv_to_int'].map((name) => [name, NO_NUMBERS] as const),
  ...['+', '-', '*', '<', '<=', '>', '>=', 'div', 'mod', 'abs'].map((name) => [name, NO_NUMBERS] as const),
  ...['bvredor', 'bvredand', 'ext_rotate_left', 'ext_rotate_right', 'iff', 'implies', 'if_then_else'].map(
    (name) => [name, OF_ONE_SOLVER] as const,
  ),
])

class Printer {
  readonly #parts: string[] = []
  #length = 0
  /** Offset in the claim and line of the file, ascending, one per atom. */
  readonly #offsets: number[] = []
  readonly #lines: number[] = []
  readonly #sorts = new Map<string, string>()
  /** Names given to terms with `:named`. */
  readonly #named = new Set<string>()
  #last = ''

  text(): string {
    return this.#parts.join('')
  }

  /** What to do about a symbol that the parser does not know; nothing, if there is nothing to say. */
  adviceOn(symbol: string): string {
    if (this.#named.has(symbol))
      return `, the name of a term: where it is used as a term itself, write (define-fun ${clipped(symbol)} () SORT TERM) and assert that`
    const advice = SYMBOL_ADVICE.get(symbol)
    return advice === undefined ? '' : `: ${advice}`
  }

  /** The line of the file that stands behind a byte of the claim. */
  lineAt(offset: number): number {
    let low = 0
    let high = this.#offsets.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#offsets[middle] as number) <= offset) low = middle + 1
      else high = middle
    }
    return this.#lines[low - 1] ?? 1
  }

  script(commands: readonly List[]): void {
    this.#raw('(set-logic QF_BV)\n')
    let checked = false
    let done = false
    for (const command of commands) {
      const name = textIn(command, 0) ?? ''
      if (done || DROPPED.has(name)) continue
      if (name === 'exit') done = true
      else if (name === 'set-logic') this.#logic(command)
      else if (checked)
        throw new FileRefusal(
          'unsupported',
          command.line,
          `expected one (check-sat), the last but (exit), got ${clipped(name)} behind it: ${ONE_QUESTION}`,
        )
      else if (name === 'check-sat') checked = true
      else this.#command(name, command)
    }
    this.#raw('(check-sat)\n')
  }

  #logic(command: List): void {
    const logic = textIn(command, 1) ?? ''
    if (!LOGICS.has(logic)) throw new FileRefusal('logic', command.line, `expected a script in QF_BV, got the logic ${clipped(logic)}`)
  }

  #command(name: string, command: List): void {
    switch (name) {
      case 'assert':
        this.#expectItems(command, 2)
        this.#atom('(assert', command.line)
        this.#term(command.items[1] as Node)
        this.#raw(')\n')
        return
      case 'declare-const':
        this.#expectItems(command, 3)
        this.#declare(command, command.items[2] as Node)
        return
      case 'declare-fun': {
        this.#expectItems(command, 4)
        const parameters = command.items[2] as Node
        if (!('items' in parameters) || parameters.items.length > 0)
          throw new FileRefusal(
            'unsupported',
            command.line,
            'expected a declaration without parameters: QF_BV has no uninterpreted functions',
          )
        this.#declare(command, command.items[3] as Node)
        return
      }
      case 'define-const':
        this.#expectItems(command, 4)
        this.#define(command, [], command.items[2] as Node, command.items[3] as Node)
        return
      case 'define-fun': {
        this.#expectItems(command, 5)
        const parameters = command.items[2] as Node
        if (!('items' in parameters)) throw new FileRefusal('syntax', parameters.line, 'expected a list of parameters')
        this.#define(command, parameters.items, command.items[3] as Node, command.items[4] as Node)
        return
      }
      case 'define-sort': {
        this.#expectItems(command, 4)
        const parameters = command.items[2] as Node
        if (!('items' in parameters) || parameters.items.length > 0)
          throw new FileRefusal('unsupported', command.line, 'expected a sort definition without parameters')
        this.#sorts.set(this.#symbolText(command.items[1] as Node), this.#sortText(command.items[3] as Node))
        return
      }
      default: {
        const advice = COMMAND_ADVICE.get(name)
        const expected = 'set-logic, declare-const, declare-fun, define-fun, define-sort, assert, check-sat or exit'
        throw new FileRefusal(
          'unsupported',
          command.line,
          advice === undefined ? `expected ${expected}, got ${clipped(name)}` : `${name} is not supported: ${advice}`,
        )
      }
    }
  }

  #declare(command: List, sort: Node): void {
    this.#atom('(declare-const', command.line)
    this.#atom(this.#symbolText(command.items[1] as Node), command.line)
    this.#atom(this.#sortText(sort), sort.line)
    this.#raw(')\n')
  }

  #define(command: List, parameters: readonly Node[], sort: Node, body: Node): void {
    this.#atom('(define-fun', command.line)
    this.#atom(this.#symbolText(command.items[1] as Node), command.line)
    this.#atom('(', command.line)
    for (const parameter of parameters) {
      if (!('items' in parameter) || parameter.items.length !== 2)
        throw new FileRefusal('syntax', parameter.line, 'expected a parameter as (name sort)')
      this.#atom('(', parameter.line)
      this.#atom(this.#symbolText(parameter.items[0] as Node), parameter.line)
      this.#atom(this.#sortText(parameter.items[1] as Node), parameter.line)
      this.#atom(')', parameter.line)
    }
    this.#atom(')', command.line)
    this.#atom(this.#sortText(sort), sort.line)
    this.#term(body)
    this.#raw(')\n')
  }

  #expectItems(command: List, count: number): void {
    if (command.items.length !== count)
      throw new FileRefusal(
        'syntax',
        command.line,
        `expected ${count - 1} items behind ${textIn(command, 0)}, got ${command.items.length - 1}`,
      )
  }

  #sortText(sort: Node): string {
    if (!('items' in sort)) {
      const name = this.#symbolText(sort)
      const known = name === 'Bool' ? name : this.#sorts.get(name)
      if (known === undefined)
        throw new FileRefusal('unsupported', sort.line, `expected the sort Bool or (_ BitVec n), got ${clipped(name)}: QF_BV has no others`)
      return known
    }
    if (textIn(sort, 0) !== '_' || textIn(sort, 1) !== 'BitVec' || sort.items.length !== 3) {
      const why = textIn(sort, 0) === 'Array' ? NO_ARRAYS : 'QF_BV has no others'
      throw new FileRefusal('unsupported', sort.line, `expected the sort Bool or (_ BitVec n): ${why}`)
    }
    return `(_ BitVec ${numeralOf(sort.items[2] as Node)})`
  }

  /** Prints a term: lists as they are, but annotations without their attributes, and (_ bvN n) as a literal. */
  #term(term: Node): void {
    const stack: (Node | string)[] = [term]
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (typeof next === 'string') this.#raw(next)
      else if (!('items' in next)) this.#atom(this.#termText(next), next.line)
      else {
        const head = textIn(next, 0)
        if (head === '!' && next.items.length > 1) {
          this.#noteName(next)
          stack.push(next.items[1] as Node)
        } else if (head === '_') this.#indexed(next)
        else {
          this.#atom('(', next.line)
          stack.push(')')
          for (let k = next.items.length - 1; k >= 0; k--) stack.push(next.items[k] as Node)
        }
      }
    }
  }

  #noteName(annotated: List): void {
    for (let k = 2; k < annotated.items.length; k++) {
      const name = textIn(annotated, k)
      if (name === undefined || textIn(annotated, k - 1) !== ':named') continue
      const inner = name.startsWith('|') ? name.slice(1, -1) : name
      this.#named.add(isSimple(inner) ? inner : name)
    }
  }

  #indexed(term: List): void {
    const name = textIn(term, 1) ?? ''
    const third = term.items[2]
    if (name.startsWith('bv') && isDigits(name.slice(2)) && third !== undefined && term.items.length === 3) {
      this.#atom(decimalLiteral(name.slice(2), numeralOf(third), term.line), term.line)
      return
    }
    const indices = term.items.slice(2).map((index) => ` ${numeralOf(index)}`)
    this.#atom(`(_ ${name}${indices.join('')})`, term.line)
  }

  #termText(atom: Atom): string {
    const { text } = atom
    if (text.startsWith('#x')) return literalOfBits(bitsOfHex(text.slice(2), atom.line))
    if (text.startsWith('#b')) return literalOfBits(checkedBits(text.slice(2), atom.line))
    if (isDigits(text.charAt(0)))
      throw new FileRefusal(
        'unsupported',
        atom.line,
        `expected a bit vector such as #x05 or (_ bv5 8), got ${clipped(text)}: QF_BV has no other numbers`,
      )
    return this.#symbolText(atom)
  }

  #symbolText(node: Node): string {
    if ('items' in node) throw new FileRefusal('syntax', node.line, 'expected a symbol, got a list')
    const { text, line } = node
    const first = text.charCodeAt(0)
    if (first === BAR) {
      const inner = text.slice(1, -1)
      for (let k = 0; k < inner.length; k++) {
        if (!isQuotedByte(inner.charCodeAt(k))) {
          const what = inner.charCodeAt(k) === BACKSLASH ? 'no backslash' : 'printable ASCII'
          throw new FileRefusal('unsupported', line, `expected ${what} in the symbol ${clipped(text)}`)
        }
      }
      return isSimple(inner) ? inner : text
    }
    if (!isSimple(text)) throw new FileRefusal('syntax', line, `expected a symbol, got ${clipped(text)}`)
    return text
  }

  /** One token, with the blank that separates it from what stands before. */
  #atom(text: string, line: number): void {
    if (!(this.#last === '(' || text === ')')) this.#raw(this.#last === '\n' ? '' : ' ')
    this.#offsets.push(this.#length)
    this.#lines.push(line)
    this.#raw(text)
  }

  #raw(text: string): void {
    if (text === '') return
    this.#parts.push(text)
    this.#length += text.length
    this.#last = text.charAt(text.length - 1)
    if (this.#length > BVLRAT_OFFLINE_LIMITS.claimBytes)
      throw new FileRefusal(
        'claim-too-large',
        this.#lines.at(-1) ?? 1,
        `expected a script of at most ${BVLRAT_OFFLINE_LIMITS.claimBytes} bytes`,
      )
  }
}

function textIn(list: List, index: number): string | undefined {
  const item = list.items[index]
  return item !== undefined && !('items' in item) ? item.text : undefined
}

function isDigits(text: string): boolean {
  for (let k = 0; k < text.length; k++) if (text.charCodeAt(k) < 48 || text.charCodeAt(k) > 57) return false
  return text.length > 0
}

function isSimple(text: string): boolean {
  for (let k = 0; k < text.length; k++) if (!isSymbolByte(text.charCodeAt(k))) return false
  return text.length > 0 && !isDigits(text.charAt(0))
}

/** Without leading zeros; how large it may be is the parser's to say. */
function numeralOf(node: Node): string {
  if ('items' in node || !isDigits(node.text)) throw new FileRefusal('syntax', node.line, 'expected a numeral')
  if (node.text.length > 9)
    throw new FileRefusal('syntax', node.line, `expected a numeral of at most nine digits, got ${clipped(node.text)}`)
  return String(Number(node.text))
}

/** Decimal digits beyond what the widest vector holds: 2^MAX_WIDTH has 19,729. */
const MAX_DECIMAL_DIGITS: number = MAX_WIDTH

function decimalLiteral(digits: string, widthText: string, line: number): string {
  const width = Number(widthText)
  if (width < 1 || width > MAX_WIDTH) throw new FileRefusal('width', line, `expected a width of 1..${MAX_WIDTH}, got ${widthText}`)
  if (digits.length > MAX_DECIMAL_DIGITS) throw new FileRefusal('width', line, `expected bv and at most ${MAX_DECIMAL_DIGITS} digits`)
  const value = BigInt(digits)
  if (value >> BigInt(width) !== 0n)
    throw new FileRefusal('width', line, `expected a number below 2^${width} in a literal of ${width} bits`)
  return literalOfBits(value.toString(2).padStart(width, '0'))
}

function checkedBits(bits: string, line: number): string {
  for (let k = 0; k < bits.length; k++)
    if (bits[k] !== '0' && bits[k] !== '1') throw new FileRefusal('syntax', line, `expected binary digits behind #b, got ${clipped(bits)}`)
  return bits
}

function bitsOfHex(digits: string, line: number): string {
  let bits = ''
  for (let k = 0; k < digits.length; k++) {
    const value = '0123456789abcdef'.indexOf(digits.charAt(k).toLowerCase())
    if (value < 0) throw new FileRefusal('syntax', line, `expected hexadecimal digits behind #x, got ${clipped(digits)}`)
    bits += value.toString(2).padStart(4, '0')
  }
  return bits
}

/** The canonical literal of bits, highest first. */
export function literalOfBits(bits: string): string {
  if (bits.length % 4 !== 0 || bits.length === 0) return `#b${bits}`
  let hex = '#x'
  for (let k = 0; k < bits.length; k += 4) hex += Number.parseInt(bits.slice(k, k + 4), 2).toString(16)
  return hex
}

function clipped(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`
}
