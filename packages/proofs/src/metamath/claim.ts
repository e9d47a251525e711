/**
 * The claim of `metamath/1`: one statement of one library, complete in itself. Symbols are text, so a reader needs no
 * table; which of them are variables is fixed by the library, and the claim's own `$f` hypotheses must agree with it.
 *
 *   u8 length, library name | u8 length, label
 *   u16 count, hypotheses in frame order: u8 0 = `$f`, 1 = `$e`; u32 length, symbols
 *   u32 count, disjoint pairs: u16 a < u16 b, positions of `$f` hypotheses; pairs strictly increasing
 *   u32 length, symbols of the assertion
 *
 * Symbols are separated by exactly one space. One statement has exactly one encoding; everything else is refused.
 */
import { decode, equalBytes, type Hash, ok, type Reader, type Refusal, type Result, refuse, Writer } from '@aethel/codec'
import { claimIdOf } from '../claim-id.js'
import { MAX_SLOTS } from './gas.js'
import { IntVector } from './integers.js'
import { CONSTANT_ROLE, type Lexicon, VARIABLE_ROLE } from './lexicon.js'
import { RecordBuilder } from './record.js'
import { ascii, asciiText, isLabel, isSymbol } from './tokens.js'

export const METAMATH_KIND = 'metamath/1'
/** Largest claim; set.mm's largest is under 4 KiB. */
export const MAX_CLAIM_BYTES = 65_536

const FLOATING_TAG = 0
const ESSENTIAL_TAG = 1
const SPACE = 0x20

/** A claim checked against its library, in the kernel's form. */
export interface MetamathClaim {
  readonly library: string
  readonly label: string
  readonly claimId: Hash
  /** The canonical bytes. */
  readonly bytes: Uint8Array
  /** See `record.ts`; constants are numbers of the library's lexicon. */
  readonly record: Int32Array
  /** Per slot: the variable's number in the lexicon, or -1 for an essential hypothesis. */
  readonly variables: Int32Array
}

/** A claim as text, for people and tools. */
export interface ClaimStatement {
  readonly library: string
  readonly label: string
  /** In frame order; `$f`: typecode and variable; `$e`: typecode and symbols; separated by single spaces. */
  readonly hypotheses: readonly { readonly kind: 'floating' | 'essential'; readonly symbols: string }[]
  /** Positions of `$f` hypotheses, a < b, in increasing order. */
  readonly disjoint: readonly (readonly [number, number])[]
  readonly assertion: string
}

interface RawClaim {
  readonly library: Uint8Array
  readonly label: Uint8Array
  readonly kinds: readonly number[]
  readonly hypotheses: readonly Uint8Array[]
  /** a, b, a, b, ... */
  readonly pairs: readonly number[]
  readonly assertion: Uint8Array
}

/** A name of 1..255 label characters behind its length in one byte. */
export function readLabel(reader: Reader, what: string): Uint8Array {
  const bytes = reader.view(reader.u8())
  if (!isLabel(bytes, 0, bytes.length)) {
    reader.fail('label', `expected ${what} of letters, digits, "-", "_" and ".", got "${asciiText(bytes, 0, bytes.length)}"`)
  }
  return bytes
}

export function writeShort(writer: Writer, bytes: Uint8Array): Writer {
  return writer.u8(bytes.length).raw(bytes)
}

/** Typecode and further symbols, one space between two. */
function readSymbols(reader: Reader): Uint8Array {
  const bytes = reader.viewOfBytes(MAX_CLAIM_BYTES)
  let from = 0
  for (let i = 0; i <= bytes.length; i++) {
    if (i < bytes.length && bytes[i] !== SPACE) continue
    if (!isSymbol(bytes, from, i)) reader.fail('symbols', 'expected printable symbols separated by single spaces')
    from = i + 1
  }
  return bytes
}

function readRawClaim(reader: Reader): RawClaim {
  const library = readLabel(reader, 'a library name')
  const label = readLabel(reader, 'a label')
  const count = reader.u16()
  if (count > MAX_SLOTS) reader.fail('too-many', `expected at most ${MAX_SLOTS} hypotheses, got ${count}`)
  const kinds: number[] = []
  const hypotheses: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const kind = reader.u8()
    if (kind !== FLOATING_TAG && kind !== ESSENTIAL_TAG) reader.fail('hypothesis', `expected 0 ($f) or 1 ($e), got ${kind}`)
    kinds.push(kind)
    hypotheses.push(readSymbols(reader))
  }
  const pairs = readPairs(reader, (a, b) => kinds[a] === FLOATING_TAG && kinds[b] === FLOATING_TAG)
  return { library, label, kinds, hypotheses, pairs, assertion: readSymbols(reader) }
}

/** u32 count, then pairs of u16, a < b, strictly increasing, each accepted by `allowed`; `onItem` after the count and each of them. */
export function readPairs(reader: Reader, allowed: (a: number, b: number) => boolean, onItem: () => void = () => undefined): number[] {
  const count = reader.u32()
  if (count * 4 > reader.remaining) reader.fail('truncated', `expected ${count} disjoint pairs, got ${reader.remaining} bytes`)
  onItem()
  const pairs: number[] = []
  let before = -1
  for (let i = 0; i < count; i++) {
    const a = reader.u16()
    const b = reader.u16()
    if (a >= b || !allowed(a, b)) reader.fail('disjoint', `${a} and ${b} are not two variables in increasing order`)
    if (a * 65_536 + b <= before) reader.fail('disjoint', 'expected disjoint pairs in strictly increasing order')
    before = a * 65_536 + b
    pairs.push(a, b)
    onItem()
  }
  return pairs
}

function asText(bytes: Uint8Array): string {
  return asciiText(bytes, 0, bytes.length, bytes.length)
}

/** Reads a claim without its library: well-formed, but its symbols are not looked up. For display. */
export function readClaim(bytes: Uint8Array): Result<ClaimStatement, Refusal> {
  const raw = decode(bytes, readRawClaim)
  if (!raw.ok) return raw
  const { kinds, hypotheses, pairs } = raw.value
  return ok({
    library: asText(raw.value.library),
    label: asText(raw.value.label),
    hypotheses: hypotheses.map((symbols, i) => ({
      kind: kinds[i] === FLOATING_TAG ? 'floating' : 'essential',
      symbols: asText(symbols),
    })),
    disjoint: Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i] as number, pairs[2 * i + 1] as number] as const),
    assertion: asText(raw.value.assertion),
  })
}

/** The canonical bytes of a claim; `parseClaim` says whether they are one. */
export function encodeClaim(claim: ClaimStatement): Uint8Array {
  const writer = new Writer()
  writeShort(writer, ascii(claim.library))
  writeShort(writer, ascii(claim.label))
  writer.u16(claim.hypotheses.length)
  for (const { kind, symbols } of claim.hypotheses) {
    writer.u8(kind === 'floating' ? FLOATING_TAG : ESSENTIAL_TAG).bytes(ascii(symbols))
  }
  writer.u32(claim.disjoint.length)
  for (const [a, b] of claim.disjoint) writer.u16(a).u16(b)
  return writer.bytes(ascii(claim.assertion)).finish()
}

/** Library name of a claim, so that its lexicon can be found. */
export function libraryOf(bytes: Uint8Array): string {
  const length = bytes[0] ?? 0
  return asciiText(bytes, 1, Math.min(1 + length, bytes.length))
}

/** Builds claims in the kernel's form against one library; keeps scratch memory, so it is one per library. */
export class ClaimParser {
  readonly #lexicon: Lexicon
  readonly #library: Uint8Array
  readonly #builder = new RecordBuilder()
  readonly #record = new IntVector(1024)
  /** Per lexicon number: slot + 1 of a variable of the claim at hand. */
  readonly #slots: Int32Array
  readonly #used = new Uint8Array(MAX_SLOTS)

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon
    this.#library = ascii(lexicon.library)
    this.#slots = new Int32Array(lexicon.tokens.count)
  }

  parse(bytes: Uint8Array): Result<MetamathClaim, Refusal> {
    if (bytes.length > MAX_CLAIM_BYTES) {
      return refuse('too-long', `expected a claim of at most ${MAX_CLAIM_BYTES} bytes, got ${bytes.length}`)
    }
    const raw = decode(bytes, readRawClaim)
    if (!raw.ok) return raw
    const variables = new Int32Array(raw.value.hypotheses.length).fill(-1)
    const refusal = this.#build(raw.value, variables)
    for (const variable of variables) if (variable >= 0) this.#slots[variable] = 0
    if (refusal !== null) return { ok: false, error: refusal }
    this.#record.length = 0
    this.#builder.finish(this.#record)
    return ok({
      library: this.#lexicon.library,
      label: asText(raw.value.label),
      claimId: claimIdOf(METAMATH_KIND, bytes),
      bytes,
      record: this.#record.data.slice(0, this.#record.length),
      variables,
    })
  }

  #build(raw: RawClaim, variables: Int32Array): Refusal | null {
    const lexicon = this.#lexicon
    if (!equalBytes(raw.library, this.#library)) {
      return { code: 'unknown-library', message: `expected a claim of library "${lexicon.library}", got "${asText(raw.library)}"` }
    }
    if (lexicon.tokens.find(raw.label, 0, raw.label.length) >= 0) {
      return { code: 'claim-label', message: `"${asText(raw.label)}" is a symbol or a hypothesis of the library; choose another label` }
    }
    this.#builder.begin()
    this.#used.fill(0, 0, variables.length)
    for (let slot = 0; slot < variables.length; slot++) {
      const symbols = raw.hypotheses[slot] as Uint8Array
      const refusal = raw.kinds[slot] === FLOATING_TAG ? this.#floating(symbols, slot, variables) : this.#symbols(symbols, true)
      if (refusal !== null) return refusal
    }
    const refusal = this.#symbols(raw.assertion, false)
    if (refusal !== null) return refusal
    for (let slot = 0; slot < variables.length; slot++) {
      if (variables[slot] !== -1 && this.#used[slot] === 0) {
        const variable = lexicon.tokens.textOf(variables[slot] as number)
        return { code: 'claim-frame', message: `"${variable}" has a $f but occurs in no $e and not in the assertion; leave it out` }
      }
    }
    for (let i = 0; i < raw.pairs.length; i += 2) this.#builder.pair(raw.pairs[i] as number, raw.pairs[i + 1] as number)
    return null
  }

  #floating(symbols: Uint8Array, slot: number, variables: Int32Array): Refusal | null {
    const { tokens, roles, typecodes } = this.#lexicon
    const space = symbols.indexOf(SPACE)
    if (space < 0 || symbols.indexOf(SPACE, space + 1) >= 0) {
      return { code: 'claim-frame', message: `a $f is a typecode and a variable, got "${asText(symbols)}"` }
    }
    const typecode = tokens.find(symbols, 0, space)
    const variable = tokens.find(symbols, space + 1, symbols.length)
    if (variable < 0 || roles[variable] !== VARIABLE_ROLE || typecodes[variable] !== typecode) {
      return {
        code: 'claim-frame',
        message: `"$f ${asText(symbols)}" does not agree with the variables of library "${this.#lexicon.library}"`,
      }
    }
    if (this.#slots[variable] !== 0) return { code: 'claim-frame', message: `"${asText(symbols)}" occurs twice among the hypotheses` }
    this.#slots[variable] = slot + 1
    variables[slot] = variable
    this.#builder.floating(typecode)
    return null
  }

  /** A `$e` or the assertion. A variable must have its `$f` before it. */
  #symbols(symbols: Uint8Array, essential: boolean): Refusal | null {
    const { tokens, roles } = this.#lexicon
    if (essential) {
      let count = 1
      for (const byte of symbols) if (byte === SPACE) count++
      this.#builder.essential(count)
    } else this.#builder.assertion()
    let from = 0
    for (let i = 0; i <= symbols.length; i++) {
      if (i < symbols.length && symbols[i] !== SPACE) continue
      const token = tokens.find(symbols, from, i)
      const role = token < 0 ? 0 : roles[token]
      if (role === CONSTANT_ROLE) this.#builder.symbol(token)
      else {
        if (role !== VARIABLE_ROLE) {
          const text = asciiText(symbols, from, i)
          return { code: 'claim-symbol', message: `"${text}" is no constant or variable of library "${this.#lexicon.library}"` }
        }
        if (from === 0) {
          const text = asciiText(symbols, from, i)
          return { code: 'claim-symbol', message: `the first symbol must be a typecode (a constant), got "${text}"` }
        }
        const slot = (this.#slots[token] as number) - 1
        if (slot < 0) return { code: 'claim-frame', message: `variable "${asciiText(symbols, from, i)}" needs a $f before its first use` }
        this.#used[slot] = 1
        this.#builder.symbol(~slot)
      }
      from = i + 1
    }
    return null
  }
}
