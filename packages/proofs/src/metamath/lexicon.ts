/**
 * The words of a library: constants, variables with their typecodes, and labels of `$f`. Genesis fixes them, so no symbol
 * can be a constant in one claim and a variable in another.
 */
import { assert, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { ascii, asciiText, isLabel, isSymbol, TokenTable } from './tokens.js'

export const CONSTANT_ROLE = 1
export const VARIABLE_ROLE = 2
const LABEL_ROLE = 3

/** What genesis says about a variable. */
export interface LibraryVariable {
  readonly symbol: string
  readonly typecode: string
  /** Label of its `$f`: lets a proof be written out as a Metamath file again. */
  readonly label: string
}

export class Lexicon {
  readonly library: string
  readonly tokens: TokenTable = new TokenTable()
  /** Per token: constant, variable or label. */
  readonly roles: Uint8Array
  /** Per token: the typecode of a variable, -1 for anything else. */
  readonly typecodes: Int32Array

  constructor(library: string, size: number) {
    this.library = library
    this.roles = new Uint8Array(size)
    this.typecodes = new Int32Array(size).fill(-1)
  }
}

/** Refuses words that are no words, or that occur twice, or a typecode that is no constant. */
export function buildLexicon(
  library: string,
  constants: readonly string[],
  variables: readonly LibraryVariable[],
): Result<Lexicon, Refusal> {
  const name = ascii(library)
  if (!isLabel(name, 0, name.length) || name.length > 255) {
    return refuse('library-name', 'a library is named by 1..255 letters, digits, "-", "_" and "."')
  }
  const lexicon = new Lexicon(library, constants.length + 2 * variables.length)
  const refused = (text: string, what: string): Result<never, Refusal> =>
    refuse('library-symbol', `library "${library}": "${asciiText(ascii(text), 0, text.length)}" ${what}`)
  const add = (text: string, role: number): number => {
    const bytes = ascii(text)
    const well = role === LABEL_ROLE ? isLabel(bytes, 0, bytes.length) : isSymbol(bytes, 0, bytes.length)
    if (!well || bytes.length > 255 || lexicon.tokens.find(bytes, 0, bytes.length) >= 0) return -1
    const token = lexicon.tokens.intern(bytes, 0, bytes.length)
    assert(token < lexicon.roles.length, 'the lexicon has room for every word')
    lexicon.roles[token] = role
    return token
  }
  for (const constant of constants) if (add(constant, CONSTANT_ROLE) < 0) return refused(constant, 'is no symbol, or occurs twice')
  for (const { symbol, typecode, label } of variables) {
    const code = ascii(typecode)
    const typecodeToken = lexicon.tokens.find(code, 0, code.length)
    if (typecodeToken < 0 || lexicon.roles[typecodeToken] !== CONSTANT_ROLE) return refused(typecode, 'is no constant, but a typecode')
    const token = add(symbol, VARIABLE_ROLE)
    if (token < 0) return refused(symbol, 'is no symbol, or occurs twice')
    lexicon.typecodes[token] = typecodeToken
    if (add(label, LABEL_ROLE) < 0) return refused(label, 'is no label, or occurs twice')
  }
  return ok(lexicon)
}
