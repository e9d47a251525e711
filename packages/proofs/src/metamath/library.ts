/**
 * What genesis holds of a library: its words and its `$a` statements (syntax, axioms, definitions). No transaction
 * changes it; theorems are added by proofs. The statements are claims in the same form as theorems: that they are
 * axioms is said here, not in the claim.
 */

import { byteStrings, decode, type Hash, type ItemOf, ok, type Reader, type Refusal, type Result, refuse, Writer } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { ClaimParser, MAX_CLAIM_BYTES, readLabel, writeShort } from './claim.js'
import { buildLexicon, type LibraryVariable } from './lexicon.js'
import { ascii, asciiText, isSymbol } from './tokens.js'

/** Bounds of a definition; set.mm has some 1,400 constants, 350 variables and 2,667 axioms. */
const MAX_WORDS = 65_536
const MAX_AXIOMS = 1 << 20
const LIBRARY_DOMAIN = 'aethel/metamath-library/v1'

export interface LibraryDefinition {
  readonly name: string
  readonly constants: readonly string[]
  readonly variables: readonly LibraryVariable[]
  /** Canonical claims of the `$a` statements, in the order of the library. */
  readonly axioms: readonly Uint8Array[]
}

/** A statement of a library as the ledger files it. */
export interface LibraryEntry {
  readonly label: string
  readonly claimId: Hash
}

export function encodeLibrary(library: LibraryDefinition): Uint8Array {
  const writer = new Writer(1 << 16)
  const word = (text: string): void => {
    writeShort(writer, ascii(text))
  }
  word(library.name)
  writer.u32(library.constants.length)
  for (const constant of library.constants) word(constant)
  writer.u32(library.variables.length)
  for (const { symbol, typecode, label } of library.variables) {
    word(symbol)
    word(typecode)
    word(label)
  }
  writer.u32(library.axioms.length)
  for (const axiom of library.axioms) writer.bytes(axiom)
  return writer.finish()
}

function readWord(reader: Reader): string {
  const bytes = reader.raw(reader.u8())
  if (!isSymbol(bytes, 0, bytes.length)) reader.fail('library-symbol', 'expected a word of printable characters')
  return asciiText(bytes, 0, bytes.length)
}

const WORD_COST = 40
const WORD: ItemOf<string> = { read: readWord, costBytes: () => WORD_COST, onceRead: 'let go' }
const VARIABLE: ItemOf<LibraryVariable> = {
  read: (reader) => ({ symbol: readWord(reader), typecode: readWord(reader), label: readWord(reader) }),
  costBytes: () => 4 * WORD_COST,
  onceRead: 'let go',
}

/** Reads a definition and checks all of it: words, and every axiom against them. */
export function decodeLibrary(bytes: Uint8Array): Result<LibraryDefinition, Refusal> {
  const decoded = decode(bytes, (reader): LibraryDefinition => {
    const name = readLabel(reader, 'a library name')
    return {
      name: asciiText(name, 0, name.length),
      constants: reader.longList(MAX_WORDS, WORD),
      variables: reader.longList(MAX_WORDS, VARIABLE),
      axioms: reader.longList(MAX_AXIOMS, byteStrings(MAX_CLAIM_BYTES)),
    }
  })
  if (!decoded.ok) return decoded
  const entries = libraryAxioms(decoded.value)
  return entries.ok ? decoded : entries
}

/** The axioms by label and claimId, in order; refuses a definition that is not one. */
export function libraryAxioms(library: LibraryDefinition): Result<readonly LibraryEntry[], Refusal> {
  const lexicon = buildLexicon(library.name, library.constants, library.variables)
  if (!lexicon.ok) return lexicon
  const parser = new ClaimParser(lexicon.value)
  const labels = new Set<string>()
  const entries: LibraryEntry[] = []
  for (const [i, bytes] of library.axioms.entries()) {
    const claim = parser.parse(bytes)
    if (!claim.ok) return refuse(claim.error.code, `axiom ${i + 1} of library "${library.name}": ${claim.error.message}`)
    const { label, claimId } = claim.value
    if (labels.has(label)) return refuse('duplicate-label', `library "${library.name}" has two axioms "${label}"`)
    labels.add(label)
    entries.push({ label, claimId })
  }
  return ok(entries)
}

/** What genesis pins. */
export function libraryDigest(library: LibraryDefinition): Hash {
  return hashTagged(LIBRARY_DOMAIN, encodeLibrary(library))
}
