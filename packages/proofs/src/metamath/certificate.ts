/**
 * The certificate of `metamath/1`: what a compressed proof refers to, by content, and its letters unchanged.
 *
 *   u32 count, references in the order of the proof's list of labels:
 *     u8 0 = dummy variable: u8 length, symbol | u8 1 = citation: u8 length, label; 32 bytes claimId
 *   u32 count, disjoint pairs: u16 a < u16 b, slots; b is a dummy's; strictly increasing
 *   u32 length, letters A-Z
 *
 * Slots are the claim's hypotheses by position, then the dummies in their order here.
 */
import { EMPTY_BYTES, type Hash, hash, keepShapeOf, keyOf, type Reader, Writer } from '@aethel/codec'
import type { ClaimReference } from '../verifier.js'
import { readLabel, readPairs, writeShort } from './claim.js'
import { MAX_SLOTS } from './gas.js'
import { asciiText, isSymbol } from './tokens.js'

const DUMMY_TAG = 0
const CITATION_TAG = 1
const HASH_BYTES = 32
/** A proof has at most this many references; set.mm's largest has some hundreds. */
export const MAX_REFERENCES = 65_536
/** Largest certificate the kind admits; genesis may say less. */
export const MAX_CERTIFICATE_BYTES = 1_048_576

export type Reference =
  | { readonly kind: 'dummy'; readonly symbol: Uint8Array }
  | { readonly kind: 'citation'; readonly label: Uint8Array; readonly claimId: Hash }

/** A citation as it is read: proofs cite dozens of statements, and hardly ever is one called by its name. */
class Citation implements ClaimReference {
  readonly kind = 'citation'
  readonly label: Uint8Array
  readonly claimId: Hash

  constructor(label: Uint8Array, claimId: Hash) {
    this.label = label
    this.claimId = claimId
  }

  get name(): string {
    return asciiText(this.label, 0, this.label.length)
  }
}

/** What a certificate cites, in the order of its references. */
export function citationsIn(certificate: MetamathCertificate): ClaimReference[] {
  return certificate.references.filter((reference) => reference instanceof Citation)
}

export interface MetamathCertificate {
  readonly references: readonly Reference[]
  /** a, b, a, b, ... */
  readonly disjoint: readonly number[]
  readonly letters: Uint8Array
}

export function encodeCertificate(certificate: MetamathCertificate): Uint8Array {
  const writer = new Writer()
  writer.u32(certificate.references.length)
  for (const reference of certificate.references) {
    if (reference.kind === 'dummy') writeShort(writer.u8(DUMMY_TAG), reference.symbol)
    else writeShort(writer.u8(CITATION_TAG), reference.label).raw(reference.claimId)
  }
  writer.u32(certificate.disjoint.length / 2)
  for (const slot of certificate.disjoint) writer.u16(slot)
  return writer.bytes(certificate.letters).finish()
}

/**
 * For `decode`: a certificate of a claim with so many hypotheses, on the bytes it is read from. Neither letters nor citations are looked at.
 * `onRead` is told the bytes of each item (a count, a reference, a pair, the length of the letters) once nothing is wrong with it.
 */
export function readCertificate(
  reader: Reader,
  hypotheses: number,
  onRead: (bytes: number) => void = () => undefined,
): MetamathCertificate {
  let left = reader.remaining
  const onItem = (): void => {
    onRead(left - reader.remaining)
    left = reader.remaining
  }
  const count = reader.u32()
  if (count > MAX_REFERENCES) reader.fail('too-many', `expected at most ${MAX_REFERENCES} references, got ${count}`)
  onItem()
  const references: Reference[] = []
  const symbols = new Set<string>()
  const claims = new Set<string>()
  for (let i = 0; i < count; i++) {
    const reference = readReference(reader)
    references.push(reference)
    if (reference.kind === 'dummy') symbols.add(keyOf(reference.symbol))
    else claims.add(keyOf(reference.claimId))
    if (symbols.size + claims.size <= i) reader.fail('certificate-reference', `reference ${i + 1} occurs twice; list it once`)
    onItem()
  }
  const slots = hypotheses + symbols.size
  if (slots > MAX_SLOTS) reader.fail('too-many-variables', `expected at most ${MAX_SLOTS} hypotheses and dummy variables, got ${slots}`)
  const disjoint = readPairs(reader, (_, b) => b >= hypotheses && b < slots, onItem)
  const letters = reader.viewOfBytes(MAX_CERTIFICATE_BYTES)
  onRead(left - reader.remaining - letters.length)
  return { references, disjoint, letters }
}

function readReference(reader: Reader): Reference {
  const tag = reader.u8()
  if (tag === CITATION_TAG) {
    const label = readLabel(reader, 'the label of a citation')
    return new Citation(label, reader.view(HASH_BYTES) as Hash)
  }
  if (tag !== DUMMY_TAG) reader.fail('certificate-reference', `expected 0 (variable) or 1 (citation), got ${tag}`)
  const symbol = reader.view(reader.u8())
  if (!isSymbol(symbol, 0, symbol.length)) reader.fail('certificate-reference', 'expected a variable of printable characters')
  return { kind: 'dummy', symbol }
}

/** Letters of a compressed proof; a step is a reference from 0, or -1 for "save the result". */
export function encodeLetters(steps: ArrayLike<number>): Uint8Array {
  const bytes: number[] = []
  const digits: number[] = []
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as number
    if (step < 0) {
      bytes.push(0x5a)
      continue
    }
    digits.length = 0
    digits.push(0x41 + (step % 20))
    for (let rest = Math.floor(step / 20); rest > 0; rest = Math.floor((rest - 1) / 5)) digits.push(0x55 + ((rest - 1) % 5))
    for (let k = digits.length - 1; k >= 0; k--) bytes.push(digits[k] as number)
  }
  return Uint8Array.from(bytes)
}

keepShapeOf(new Citation(EMPTY_BYTES, hash(new Uint8Array(HASH_BYTES))))
