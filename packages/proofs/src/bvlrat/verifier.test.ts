/** The verdicts, prices and formulas of `bvlrat/1`: vectors for other implementations, the table's arithmetic, the limits. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { describe, expect, test } from 'vitest'
import { claimIdOf } from '../claim-id.js'
import { checkLrat } from '../lrat/verifier.js'
import { createMeter, MeterExhausted, runMetered } from '../meter.js'
import { scriptToClaim } from './canonical.js'
import { BVLRAT_LIMITS, GAS_FAR_PLACE, GAS_GATE, GAS_LOOKUP, GAS_PROBE, MAX_INPUT_BITS, NEAR_ROOM, RECENT_PLACES } from './gas.js'
import { GateGraph, hashOf, TooManyGates } from './gates.js'
import { cnfToDimacs, encodeWithin } from './model.js'
import { parseScript } from './parse.js'
import { BVLRAT_KIND, bvlratVerifier, checkBvlrat } from './verifier.js'

interface Vectors {
  readonly kind: string
  readonly limits: unknown
  readonly files: readonly { readonly file: string; readonly claim: string }[]
  readonly refused: readonly { readonly script: string; readonly code: string; readonly at: number }[]
  readonly formulas: readonly {
    readonly name: string
    readonly script: string
    readonly variables: number
    readonly clauses: number
    readonly dimacsSha256: string
    readonly dimacs?: string
    readonly encodingGas: number
  }[]
  readonly proofs: readonly {
    readonly name: string
    readonly script: string
    readonly claimId: string
    readonly proofHex: string
    readonly gasLimit?: number
    readonly status: string
    readonly code?: string
    readonly at?: number
    readonly gas: number
  }[]
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/bvlrat-1.json', import.meta.url), 'utf8')) as Vectors
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const cited = { statementOf: () => undefined }

describe('vectors', () => {
  test('are for the limits in force', () => {
    expect(vectors.limits).toEqual(BVLRAT_LIMITS)
    expect(vectors.kind).toBe(BVLRAT_KIND)
    expect(vectors.formulas.length).toBeGreaterThanOrEqual(55)
  })

  test.each(vectors.files)('a file becomes its claim: $file', ({ file, claim }) => {
    expect(scriptToClaim(utf8(file))).toEqual({ ok: true, value: utf8(claim) })
  })

  test.each(vectors.refused)('$script is refused', ({ script, code, at }) => {
    const parsed = parseScript(utf8(script))
    if (parsed.ok) throw new Error('accepted')
    expect({ code: parsed.error.code, at: parsed.error.at }).toEqual({ code, at })
  })

  test.each(vectors.formulas)('the CNF of: $name', (vector) => {
    const script = parseScript(utf8(vector.script))
    if (!script.ok) throw new Error(script.error.message)
    const encoded = encodeWithin(script.value, BVLRAT_LIMITS)
    if (!encoded.ok) throw new Error(encoded.error.message)
    const { cnf, gas } = encoded.value
    const dimacs = cnfToDimacs(cnf)
    if (vector.dimacs !== undefined) expect(new TextDecoder().decode(dimacs)).toBe(vector.dimacs)
    const dimacsSha256 = createHash('sha256').update(dimacs).digest('hex')
    expect({ variables: cnf.variables, clauses: cnf.clauses, dimacsSha256, encodingGas: gas }).toEqual({
      variables: vector.variables,
      clauses: vector.clauses,
      dimacsSha256: vector.dimacsSha256,
      encodingGas: vector.encodingGas,
    })
    // It is a canonical CNF: `lrat/1` takes the DIMACS file, clause for clause.
    expect(checkLrat(dimacs, utf8('0')).status).toBe('invalid')
  })

  test.each(vectors.proofs)('the verdict on: $name', (vector) => {
    const verifier = bvlratVerifier({ ...BVLRAT_LIMITS, ...(vector.gasLimit === undefined ? {} : { gas: vector.gasLimit }) })
    const claim = verifier.parseClaim(utf8(vector.script))
    if (!claim.ok) throw new Error(claim.error.message)
    expect(toHex(claim.value.claimId)).toBe(vector.claimId)
    const verdict = runMetered(verifier, claim.value.claim, Uint8Array.from(Buffer.from(vector.proofHex, 'hex')), cited)
    const { status, gas, code, at } = { code: undefined, at: undefined, ...verdict }
    expect({ status, gas, code, at }).toEqual({ status: vector.status, gas: vector.gas, code: vector.code, at: vector.at })
  })
})

describe('gas', () => {
  test('is what the table says, added up by hand', () => {
    const script = '(set-logic QF_BV)\n(assert (and false true))\n(check-sat)\n'
    const proof = utf8('3 0 1 2 0\n')
    const tables = 256 * 4 + 512 + 1024 + 3 * 256
    const assertions = 1
    const instructions = 3 * 10 + 3 + 1 // false, true, and: ten each; three results and one move of one bit each
    const gates = 2
    const cnf = 4 + 4
    const lrat = checkLrat(utf8('p cnf 1 2\n1 0\n-1 0\n'), proof).gas
    const verdict = checkBvlrat(utf8(script), proof)
    expect(verdict).toMatchObject({ status: 'valid', gas: 8 * script.length + tables + assertions + instructions + gates + cnf + lrat })
  })

  test('is enough at exactly what a proof needs, and one unit less is a verdict of the meter', () => {
    for (const { script, proofHex, status, gasLimit, gas } of vectors.proofs) {
      if (gasLimit !== undefined || status !== 'valid') continue
      const proof = Uint8Array.from(Buffer.from(proofHex, 'hex'))
      expect(checkBvlrat(utf8(script), proof, { ...BVLRAT_LIMITS, gas }).status).toBe('valid')
      for (const limit of [gas - 1, gas >> 1, 100, 0])
        expect(checkBvlrat(utf8(script), proof, { ...BVLRAT_LIMITS, gas: limit })).toMatchObject({ code: 'gas-exhausted', gas: limit })
    }
  })

  test('a circuit of too many gates has paid for all that was asked of it, up to the gate that had no room', () => {
    const meter = createMeter(BVLRAT_LIMITS)
    const inputs = 2 * MAX_INPUT_BITS - 512
    const gates = new GateGraph(inputs, meter)
    expect(() => {
      for (let n = 1; ; n++) gates.and(2 * n, 2 * (n + 1))
    }).toThrow(TooManyGates)
    const paid = meter.gas
    gates.settle()
    expect(meter.gas).toBe(paid)
  })

  test('gates that fall on one place of the table are paid for, place by place', () => {
    // Pairs of inputs whose gates hash alike, found by trying.
    const inputs = 600
    const pairs: [number, number][] = []
    for (let a = 1; a <= inputs && pairs.length < 200; a++) {
      for (let b = a + 1; b <= inputs && pairs.length < 200; b++) if ((hashOf(0, 2 * a, 2 * b, 0) & 511) === 7) pairs.push([a, b])
    }
    expect(pairs.length).toBe(200)
    const cost = (list: readonly [number, number][]): number => {
      const meter = createMeter(BVLRAT_LIMITS)
      const gates = new GateGraph(inputs, meter)
      for (const [a, b] of list) gates.and(2 * a, 2 * b)
      gates.settle()
      return meter.gas
    }
    const spread = Array.from({ length: 200 }, (_, k): [number, number] => [1 + k, 300 + k])
    expect(cost(pairs) - cost(spread)).toBeGreaterThan(GAS_PROBE * ((200 * 199) / 2 - 2_000))
  })

  // Found by the gas search: adders of gates that exist already, in a table of millions, took 23 ns per gas.
  test('in a large table a look-up pays for the distance, unless one began there lately', () => {
    const meter = createMeter(BVLRAT_LIMITS)
    const inputs = 4 * NEAR_ROOM
    const gates = new GateGraph(inputs, meter)
    const costOf = (from: number, to: number): number => {
      gates.settle()
      const before = meter.gas
      for (let k = from; k < to; k++) gates.xor(2 * k, 2 * k + 2)
      gates.settle()
      return meter.gas - before
    }
    costOf(1, NEAR_ROOM)
    const some = 1_000
    const near = costOf(1, some + 1)
    // Found at once, or behind a few other gates: less than half of the places are taken.
    expect(near).toBeGreaterThanOrEqual(some * (GAS_GATE + GAS_LOOKUP))
    expect(near).toBeLessThan(some * (GAS_GATE + GAS_LOOKUP + 3 * GAS_PROBE))
    // Twice the room, and twice that: the price is 8, then 16.
    for (const [room, price] of [
      [2 * NEAR_ROOM, GAS_FAR_PLACE],
      [4 * NEAR_ROOM, 2 * GAS_FAR_PLACE],
    ] as const) {
      costOf(1, room / 2 + 2)
      const far = costOf(1, some + 1)
      // Two gates may begin at one place, and then the second is near.
      expect(far).toBeGreaterThan(0.98 * some * (GAS_GATE + GAS_LOOKUP + price))
      expect(far).toBeLessThan(some * (GAS_GATE + GAS_LOOKUP + price + 3 * GAS_PROBE))
      // The last few are still there; all of more than there is room to note are not.
      expect(costOf(some - 8, some + 1)).toBeLessThan(9 * (GAS_GATE + GAS_LOOKUP + price))
      costOf(1, 2 * RECENT_PLACES)
      expect(costOf(1, some + 1)).toBeGreaterThan(some * (GAS_GATE + GAS_LOOKUP + price / 2))
    }
  })
})

describe('limits', () => {
  test('a claim or proof beyond its size is refused unread', () => {
    const verifier = bvlratVerifier({ ...BVLRAT_LIMITS, claimBytes: 60, proofBytes: 10 })
    const script = utf8('(set-logic QF_BV)\n(assert false)\n(check-sat)\n')
    const parsed = verifier.parseClaim(script)
    if (!parsed.ok) throw new Error(parsed.error.message)
    expect(parsed.value.claimId).toEqual(claimIdOf('bvlrat/1', script))
    expect(verifier.parseClaim(new Uint8Array(61))).toMatchObject({ ok: false, error: { code: 'claim-too-large' } })
    const meter = createMeter(BVLRAT_LIMITS)
    expect(verifier.verify(parsed.value.claim, new Uint8Array(11), cited, meter)).toMatchObject({ code: 'proof-too-large', gas: 0 })
    expect(verifier.verify(parsed.value.claim, utf8('3 0 1 2 0\n'), cited, meter)).toMatchObject({ status: 'valid' })
    expect(verifier.citationsOf(parsed.value.claim, new Uint8Array(3))).toEqual({ ok: true, value: [] })
  })

  test('constants of more bits than there are variables are refused when they are declared', () => {
    const lines = Array.from({ length: 1_025 }, (_, k) => `(declare-const a${k} (_ BitVec 65536))\n`)
    const parsed = parseScript(utf8(`(set-logic QF_BV)\n${lines.join('')}(check-sat)\n`))
    expect(parsed).toMatchObject({ ok: false, error: { code: 'too-many-variables' } })
  })

  test('a few bytes that ask for gigabytes meet the meter before any memory is taken', () => {
    const wide = '(declare-const x (_ BitVec 65536))\n'
    for (const term of [
      '(= x (bvmul x x))',
      '(bvsmulo x x)',
      '(= x (bvsdiv x x))',
      `(= #b0 ((_ extract 0 0) (concat${' #b0'.repeat(60_000)})))`,
    ]) {
      const parsed = parseScript(utf8(`(set-logic QF_BV)\n${wide}(assert ${term})\n(check-sat)\n`))
      if (!parsed.ok) throw new Error(parsed.error.message)
      let asked = 0
      const meter = {
        gas: 0,
        charge() {},
        allocate(words: number) {
          asked += words
          if (asked > 1 << 20) throw new MeterExhausted('memory-exhausted', 'too much')
        },
      }
      try {
        bvlratVerifier().verify(parsed.value, utf8('3 0 1 2 0\n'), cited, meter)
      } catch (error) {
        expect(error).toBeInstanceOf(MeterExhausted)
      }
      expect(asked).toBeGreaterThan(60_000)
    }
  })
})

test('every bundled example is what it says, and the bundled certificates hold', () => {
  const folder = new URL('../../../../examples/', import.meta.url)
  const statuses = {
    overflow: 'valid',
    average: 'valid',
    'divide-by-multiplying': 'valid',
    'power-of-two': 'valid',
    'swap-by-xor': 'valid',
    'ring-buffer': 'valid',
  }
  for (const [name, status] of Object.entries(statuses)) {
    const verdict = checkBvlrat(readFileSync(new URL(`${name}.smt2`, folder)), readFileSync(new URL(`${name}.lrat`, folder)), BVLRAT_LIMITS)
    expect({ name, status: verdict.status }).toEqual({ name, status })
  }
  const sound = readFileSync(new URL('overflow.lrat', folder))
  expect(checkBvlrat(readFileSync(new URL('midpoint-bug.smt2', folder)), sound).status).toBe('invalid')
})
