/**
 * `bvlrat/1` on a hundred verification conditions of 32 bits: overflow of sums, differences and midpoints, and equivalence of bit
 * tricks. Certificates are found by the built-in solver before the clock starts; what is timed is what a validator does: parse
 * the claim, encode it, check the proof.
 */
import { BVLRAT_LIMITS, bvlratVerifier, createMeter, encodeWithin, parseScript, refute, scriptToClaim, toBinaryLrat } from '@aethel/proofs'

const REPEATS = 5
const CONFLICTS = 200_000

const X = '(declare-const x (_ BitVec 32))'
const Y = '(declare-const y (_ BitVec 32))'

/** @param {number} n */
const word = (n) => `#x${(n >>> 0).toString(16).padStart(8, '0')}`

/** Ten families of ten, each with another constant. @type {readonly ((k: number) => string)[]} */
const FAMILIES = [
  // A sum of bounded numbers does not overflow.
  (k) => `${X}${Y}(assert (bvult x ${word(2 ** 31 - 17 * k)}))(assert (bvule y ${word(2 ** 31 - 5)}))(assert (bvuaddo x y))`,
  // Nor does a signed one.
  (k) => `${X}${Y}(assert (bvslt (bvneg ${word(k + 9)}) x))(assert (bvslt x #x40000000))(assert (bvslt #xc0000000 y))
    (assert (bvslt y ${word(2 ** 30 - k)}))(assert (bvsaddo x y))`,
  // The midpoint lies between its ends.
  (k) => `${X}${Y}(define-fun mid () (_ BitVec 32) (bvadd x (bvlshr (bvsub y x) (_ bv${(k % 3) + 1} 32))))
    (assert (bvule ${word(k)} x))(assert (bvule x y))(assert (or (bvult mid x) (bvugt mid y)))`,
  // A difference that does not wrap is not larger.
  (k) => `${X}${Y}(assert (bvuge y ${word(k * 1_000 + 1)}))(assert (bvuge x y))(assert (or (bvusubo x y) (bvuge (bvsub x y) x)))`,
  // Sign extension by a xor and a difference.
  (k) => `${X}(define-fun y () (_ BitVec 32) (bvand x ${word(2 ** (k + 8) - 1)}))
    (assert (distinct (bvsub (bvxor y ${word(2 ** (k + 7))}) ${word(2 ** (k + 7))}) ((_ sign_extend ${24 - k}) ((_ extract ${k + 7} 0) x))))`,
  // x - y is x + ~y + 1, under a xor with a constant.
  (k) => `${X}${Y}(assert (distinct (bvxor (bvsub x y) ${word(k * 77)}) (bvxor (bvadd x (bvnot y) #x00000001) ${word(k * 77)})))`,
  // x + y is (x | y) + (x & y).
  (k) => `${X}${Y}(assert (distinct (bvadd (bvand x y) (bvor x y) ${word(k)}) (bvadd (bvadd x y) ${word(k)})))`,
  // Minimum and maximum add up to the sum.
  (k) => `${X}${Y}(define-fun low () (_ BitVec 32) (ite (bvult x y) x y))(define-fun high () (_ BitVec 32) (ite (bvult x y) y x))
    (assert (distinct (bvadd low high ${word(k)}) (bvadd x y ${word(k)})))`,
  // x and x - 1 have no bit in common with the lowest bit of x.
  (k) => `${X}(define-fun y () (_ BitVec 32) (bvadd x ${word(k)}))
    (assert (distinct #x00000000 (bvand y (bvsub y #x00000001) (bvand y (bvneg y)))))`,
  // A multiple of 3 by shifting, and by multiplying.
  (k) => `${X}(assert (distinct (bvmul x (_ bv${3 * 2 ** k} 32)) (bvsub (bvshl x (_ bv${k + 2} 32)) (bvshl x (_ bv${k} 32)))))`,
]

export function conditions() {
  const all = FAMILIES.flatMap((family, f) =>
    Array.from({ length: 10 }, (_, k) => {
      const claim = scriptToClaim(new TextEncoder().encode(family(k)))
      if (!claim.ok) throw new Error(`family ${f}, ${k}: ${claim.error.message}`)
      return { claim: claim.value, proof: certificate(claim.value, `family ${f}, ${k}`) }
    }),
  )
  const different = new Set(all.map(({ claim }) => Buffer.from(claim).toString('latin1'))).size
  if (different !== all.length) throw new Error(`expected ${all.length} different conditions, got ${different}`)
  return all
}

/** @param {Uint8Array} claim @param {string} name */
function certificate(claim, name) {
  const script = parseScript(claim)
  const encoded = script.ok ? encodeWithin(script.value) : script
  if (!encoded.ok) throw new Error(encoded.error.message)
  const { cnf } = encoded.value
  /** @type {number[][]} */
  const clauses = []
  for (let at = 0; at < cnf.words.length; at += 1 + Number(cnf.words[at])) {
    const codes = cnf.words.subarray(at + 1, at + 1 + Number(cnf.words[at]))
    clauses.push(Array.from(codes, (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
  }
  const outcome = refute({ name, variables: cnf.variables, clauses }, { conflicts: CONFLICTS })
  if (outcome.status !== 'unsatisfiable') throw new Error(`${name}: ${outcome.status}`)
  return toBinaryLrat(outcome.steps)
}

/** @type {import('./lib/report.js').Benchmark} */
export const bvlrat = {
  name: 'bvlrat',
  description: '100 verification conditions of 32 bits (overflow, equivalence): parse, encode, check, one thread',
  run: async () => {
    const cases = conditions()
    const verifier = bvlratVerifier()
    let gas = 0
    const run = () => {
      gas = 0
      for (const { claim, proof } of cases) {
        const parsed = verifier.parseClaim(claim)
        if (!parsed.ok) throw new Error(parsed.error.message)
        const verdict = verifier.verify(parsed.value.claim, proof, { statementOf: () => undefined }, createMeter(BVLRAT_LIMITS))
        if (verdict.status !== 'valid') throw new Error(verdict.message)
        gas += verdict.gas
      }
    }
    run()
    const samples = []
    for (let i = 0; i < REPEATS; i++) {
      const before = process.cpuUsage()
      run()
      const { user, system } = process.cpuUsage(before)
      samples.push((user + system) / 1e6)
    }
    const seconds = Math.min(...samples)
    const bytes = cases.reduce((sum, { proof }) => sum + proof.length, 0)
    return [
      { name: 'certificates, together', value: bytes / 1e6, unit: 'MB' },
      { name: 'checked, by processor time', value: cases.length / seconds, unit: '/s', target: 'at least 50' },
      { name: 'processor time', value: (seconds * 1e9) / gas, unit: 'ns/gas' },
    ]
  },
}
