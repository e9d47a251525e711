/**
 * `pratt/1` (SPECIFICATION.md): a proof kind from outside. A network takes it in by naming this file, `aethel testnet --verifier FILE`;
 * `aethel conformance FILE` tests it. Everything is integers; nothing is kept between calls.
 */
import { readFileSync } from 'node:fs'
import { ok, refuse } from '@aethel/codec'
import { defineVerifier } from '@aethel/proofs'

const MAX_BYTES = 64
const LINE_WORDS = 64

/** @param {string} name */
const textBeside = (name) => readFileSync(new URL(name, import.meta.url), 'utf8')

/** What ends a check early: becomes a finding. */
class Invalid extends Error {
  /** @param {string} code @param {string} message @param {number} at */
  constructor(code, message, at) {
    super(message)
    this.code = code
    this.at = at
  }
}

/** @param {Uint8Array} bytes */
export function toInteger(bytes) {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

class Reader {
  at = 0
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes
  }

  byte() {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw new Invalid('proof-syntax', 'the proof ends early', this.at)
    this.at++
    return byte
  }

  integer() {
    const length = this.byte()
    const from = this.at
    const bytes = this.bytes.subarray(from, from + length)
    if (length < 1 || length > MAX_BYTES || bytes.length < length || bytes[0] === 0) {
      throw new Invalid('proof-syntax', `expected an integer of 1 to ${MAX_BYTES} bytes without leading zeros`, from)
    }
    this.at += length
    return toInteger(bytes)
  }
}

/** @param {bigint} value */
const bitsOf = (value) => {
  let bits = 0
  for (let rest = value; rest > 0n; rest >>= 8n) bits += 8
  return bits
}

/** @param {bigint} value */
const wordsOf = (value) => Math.ceil(bitsOf(value) / 32)

/** @param {bigint} base @param {bigint} exponent @param {bigint} modulus @param {import('@aethel/proofs').Meter} meter */
function power(base, exponent, modulus, meter) {
  meter.charge(40 + bitsOf(exponent) * (8 + wordsOf(modulus) ** 2))
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/**
 * One line of the certificate; its prime, proved.
 * @param {Reader} reader @param {bigint[]} primes proved by earlier lines @param {number} line @param {import('@aethel/proofs').Meter} meter
 */
function checkLine(reader, primes, line, meter) {
  meter.allocate(LINE_WORDS)
  const from = reader.at
  const prime = reader.integer()
  if (prime < 3n || (prime & 1n) === 0n) throw new Invalid('proof-syntax', 'expected an odd prime', from)
  if (prime <= (primes.at(-1) ?? 0n)) throw new Invalid('line-order', 'expected primes that ascend', line)
  const witness = reader.integer()
  const factors = [2n]
  let before = -1
  for (let count = reader.byte(); count > 0; count--) {
    const position = reader.byte()
    const factor = primes[position]
    if (position <= before || factor === undefined) throw new Invalid('line-order', 'expected ascending positions of earlier lines', line)
    before = position
    factors.push(factor)
  }
  const order = prime - 1n
  let rest = order
  for (const factor of factors) {
    meter.charge(20 + wordsOf(prime))
    if (rest % factor !== 0n) throw new Invalid('factors', `${factor} does not divide ${prime} - 1, or not any more`, line)
    while (rest % factor === 0n) {
      meter.charge(20 + wordsOf(prime))
      rest /= factor
    }
  }
  if (rest !== 1n) throw new Invalid('factors', `${prime} - 1 has a factor ${rest} that is not listed`, line)
  if (witness <= 1n || witness >= prime) throw new Invalid('witness', 'expected a witness above 1 and below the prime', line)
  if (power(witness, order, prime, meter) !== 1n)
    throw new Invalid('witness', `${witness} to the power ${order} is not 1 modulo ${prime}`, line)
  for (const factor of factors) {
    if (power(witness, order / factor, prime, meter) === 1n)
      throw new Invalid('witness', `the order of ${witness} divides (${prime} - 1) / ${factor}`, line)
  }
  return prime
}

/** @param {bigint} claim @param {Uint8Array} proof @param {import('@aethel/proofs').Meter} meter */
function checkProof(claim, proof, meter) {
  const reader = new Reader(proof)
  /** @type {bigint[]} */
  const primes = []
  const lines = reader.byte()
  for (let line = 0; line < lines; line++) primes.push(checkLine(reader, primes, line, meter))
  if (reader.at !== proof.length) throw new Invalid('proof-syntax', 'expected nothing after the last line', reader.at)
  const proved = primes.at(-1) ?? 2n
  if (proved !== claim) throw new Invalid('wrong-number', `the proof is about ${proved}, the claim about ${claim}`, Math.max(0, lines - 1))
  return lines
}

/** Small enough to divide by everything: for the conformance kit, never for a verdict. @param {bigint} n */
function isPrime(n) {
  if (n >= 1n << 40n) return undefined
  for (let d = 2n; d * d <= n; d++) if (n % d === 0n) return false
  return n >= 2n
}

export const verifier = defineVerifier({
  kind: 'pratt/1',
  revision: 1,
  limits: { claimBytes: MAX_BYTES, proofBytes: 65_536, gas: 50_000_000, memoryWords: 1_048_576 },
  intrinsicGas: { proof: 5_000, byte: 4 },
  specification: textBeside('SPECIFICATION.md'),
  vectors: textBeside('vectors.json'),
  parseClaim: (bytes) => {
    if (bytes.length === 0) return refuse('claim-length', 'expected an integer of at least one byte')
    if (bytes[0] === 0) return refuse('leading-zero', 'expected an integer without leading zeros')
    const n = toInteger(bytes)
    return n < 2n ? refuse('too-small', 'expected an integer of at least 2') : ok(n)
  },
  verify: (claim, proof, meter) => {
    try {
      return { status: 'valid', summary: { lines: checkProof(claim, proof, meter) } }
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      return { status: 'invalid', code: error.code, message: error.message, at: error.at }
    }
  },
  isTrue: isPrime,
})
