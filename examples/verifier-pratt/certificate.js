/** Makes Pratt certificates, on the submitter's side: factors by trial division, so the factors of p - 1 must be small but for one. */

const LARGEST_TRIED = 2_000_000n

/** @param {bigint} value */
export function toBytes(value) {
  const hex = value.toString(16)
  return Uint8Array.from(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'))
}

/** Distinct prime factors, ascending; the last may be large if it is prime itself, which its own line shows. @param {bigint} n */
function factorsOf(n) {
  const factors = []
  let rest = n
  for (let d = 2n; d * d <= rest && d <= LARGEST_TRIED; d++) {
    if (rest % d !== 0n) continue
    factors.push(d)
    while (rest % d === 0n) rest /= d
  }
  return rest > 1n ? [...factors, rest] : factors
}

/** @param {bigint} base @param {bigint} exponent @param {bigint} modulus */
function power(base, exponent, modulus) {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** @param {bigint} p @param {readonly bigint[]} factors of p - 1 */
function witnessFor(p, factors) {
  for (let g = 2n; g < p && g < 10_000n; g++) {
    if (power(g, p - 1n, p) === 1n && factors.every((q) => power(g, (p - 1n) / q, p) !== 1n)) return g
  }
  return undefined
}

/** The proof that n is prime; undefined: it is not, or its certificate is out of this program's reach. @param {bigint} n */
export function certificateOf(n) {
  /** @type {Map<bigint, { witness: bigint, factors: bigint[] }>} */
  const lines = new Map()
  const open = n === 2n ? [] : [n]
  for (let p = open.pop(); p !== undefined; p = open.pop()) {
    if (lines.has(p)) continue
    const factors = factorsOf(p - 1n)
    const witness = p > 2n && p % 2n === 1n ? witnessFor(p, factors) : undefined
    if (witness === undefined) return undefined
    lines.set(p, { witness, factors })
    open.push(...factors.filter((q) => q !== 2n))
  }
  const primes = [...lines.keys()].sort((a, b) => (a < b ? -1 : 1))
  const bytes = [primes.length]
  for (const p of primes) {
    const { witness, factors } = /** @type {{ witness: bigint, factors: bigint[] }} */ (lines.get(p))
    const odd = factors.filter((q) => q !== 2n)
    for (const integer of [toBytes(p), toBytes(witness)]) bytes.push(integer.length, ...integer)
    bytes.push(odd.length, ...odd.map((q) => primes.indexOf(q)))
  }
  return primes.length > 255 ? undefined : Uint8Array.from(bytes)
}
