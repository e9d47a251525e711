import { readFileSync } from 'node:fs'
import { encode, fromHex, type Hash, ok, type Result, toHex } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { BVLRAT_LIMITS, type BvScript, bvlratVerifier, encodeScript, scriptToClaim } from '../bvlrat/index.js'
import { defineVerifier, type VerifierDefinition } from '../define.js'
import { type Cnf, cnfToClaim, lratVerifier } from '../lrat/index.js'
import { decodeLibrary, metamathVerifier, readMetamathClaim } from '../metamath/index.js'
import { MeterExhausted, runMetered } from '../meter.js'
import { satModelVerifier } from '../sat-model/index.js'
import { testClaim, testVerifier } from '../test-kind.js'
import type { ProofVerifier } from '../verifier.js'
import { CHECKS, type ConformanceOptions, checkConformance, conformanceOptions, type Sample, samplesOf } from './index.js'
import { oneByteChanges } from './inputs.js'

/** Set while the kit measures: what is slow on purpose is slow then only. */
let measuring = false
const clock = (): number => {
  measuring = true
  return process.cpuUsage().user / 1000
}
const memory = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function must<T>(result: Result<T, { message: string }>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

const hex = (text: string): Uint8Array => must(fromHex(text))

/** A kind that is easy to get right: the claim is a byte n below 200 and its complement, the proof n bytes that add up to 7 n modulo 251. */
const good: VerifierDefinition<number> = {
  kind: 'sum/1',
  revision: 1,
  limits: { claimBytes: 2, proofBytes: 200, gas: 1_000_000, memoryWords: 1_000 },
  intrinsicGas: { proof: 100, byte: 1 },
  specification: 'the sum of the bytes',
  vectors: '',
  parseClaim: (bytes) => {
    const [n, complement] = bytes
    if (bytes.length !== 2 || n === undefined || complement !== 255 - n || n >= 200)
      return { ok: false, error: { code: 'claim', message: 'no' } }
    return ok(n)
  },
  verify: (n, proof, meter) => {
    if (proof.length !== n) return { status: 'invalid', code: 'length', message: `expected ${n} bytes` }
    meter.allocate(1)
    let sum = 0
    for (const byte of proof) {
      meter.charge(2)
      sum = (sum + byte) % 251
    }
    return sum === (7 * n) % 251 ? { status: 'valid' } : { status: 'invalid', code: 'sum', message: `the sum is ${sum}` }
  },
  isTrue: () => true,
}

const claimOf = (n: number): Uint8Array => Uint8Array.of(n, 255 - n)
const proofOf = (n: number): Uint8Array => new Uint8Array(n).fill(7)
const samples: Sample[] = [3, 10, 100].map((n) => ({
  name: `${n}`,
  claim: claimOf(n),
  proof: proofOf(n),
  expect: { status: 'valid', gas: 100 + 2 + n + 2 * n },
}))
const wrongSum: Sample = {
  name: 'wrong',
  claim: claimOf(3),
  proof: Uint8Array.of(1, 2, 3),
  expect: { status: 'invalid', code: 'sum', gas: 111 },
}

function conformanceOf(
  change: Partial<VerifierDefinition<number>>,
  more: Partial<ConformanceOptions> = {},
): ReturnType<typeof checkConformance> {
  const verifier = defineVerifier({ ...good, ...change })
  return checkConformance({ ...conformanceOptions(verifier, [...samples, wrongSum]), inputs: 300, clock, memory, ...more })
}

const failedChecks = (report: ReturnType<typeof checkConformance>): string[] =>
  report.checks.filter(({ status }) => status === 'failed').map(({ name }) => name)

const noClaim = { ok: false, error: { code: 'claim', message: 'no' } } as const
const boom = (): never => {
  throw new Error('boom')
}
const bigSummary: VerifierDefinition<number>['verify'] = (n, proof, meter) => {
  const finding = good.verify(n, proof, meter)
  return finding.status === 'valid' ? { status: 'valid', summary: { sum: BigInt(n) as unknown as number } } : finding
}

describe('the conformance kit', () => {
  it('a verifier whose claims become maps, or objects that hide what they hold, conforms: different claims are not taken for one', () => {
    class Hiding {
      readonly #n: number
      constructor(n: number) {
        this.#n = n
      }
      get n(): number {
        return this.#n
      }
    }
    const forms: [(n: number) => object, (form: never) => number][] = [
      [(n) => new Map([['n', n]]), (form: Map<string, number>) => form.get('n') as number],
      [(n) => new Set([n]), (form: Set<number>) => [...form][0] as number],
      [(n) => new Hiding(n), (form: Hiding) => form.n],
      [(n) => ({ n: Number.NaN, m: n }), (form: { m: number }) => form.m],
      [(n) => ({ read: () => n }), (form: { read(): number }) => form.read()],
    ]
    for (const [make, read] of forms) {
      // Any two bytes are a claim here, so that changed claims are claims.
      const verifier = defineVerifier<object>({
        ...good,
        parseClaim: (bytes) => (bytes.length === 2 ? ok(make((bytes[0] as number) + 256 * (bytes[1] as number))) : noClaim),
        verify: (claim, proof, meter) => good.verify(read(claim as never) % 256, proof, meter),
        isTrue: () => true,
      })
      const report = checkConformance({ ...conformanceOptions(verifier, samples), inputs: 10 })
      expect(report.checks.filter(({ name }) => name === 'claims')).toMatchObject([{ status: 'passed' }])
    }
  })

  it('a verifier as it should be conforms', () => {
    const report = conformanceOf({})
    expect(report.checks.filter(({ status }) => status !== 'passed')).toEqual([])
    expect(report).toMatchObject({ kind: 'sum/1', verdict: 'conforms' })
    expect(report.checks.map(({ name }) => name)).toEqual(CHECKS)
  })

  let calls = 0
  const bad: [string, Partial<VerifierDefinition<number>>, string, RegExp][] = [
    [
      'that counts its calls',
      {
        verify: (n, proof, meter) =>
          calls++ % 7 === 6 ? { status: 'invalid', code: 'tired', message: 'no' } : good.verify(n, proof, meter),
      },
      'determinism',
      /another outcome/,
    ],
    [
      'that looks at the clock',
      {
        verify: (n, proof, meter) => {
          Date.now()
          return good.verify(n, proof, meter)
        },
      },
      'determinism',
      /uses Date\.now/,
    ],
    [
      'that rolls dice',
      {
        verify: (n, proof, meter) => {
          if (Math.random() < 0) return { status: 'valid' }
          return good.verify(n, proof, meter)
        },
      },
      'determinism',
      /Math\.random/,
    ],
    [
      'whose gas depends on what it has seen',
      {
        verify: (n, proof, meter) => {
          meter.charge(calls++ % 3)
          return good.verify(n, proof, meter)
        },
      },
      'determinism',
      /another outcome/,
    ],
    [
      'that changes its input',
      {
        verify: (n, proof, meter) => {
          const finding = good.verify(n, proof, meter)
          proof.fill(0)
          return finding
        },
      },
      'determinism',
      /changes the bytes/,
    ],
    [
      'that works without charging',
      {
        verify: (n, proof, meter) => {
          let x = 1
          for (let i = 0; measuring && i < 150_000_000; i++) x = Math.imul(x, 5) + 1
          return x === 0 ? { status: 'valid' } : good.verify(n, proof, meter)
        },
      },
      'cost',
      /not charged/,
    ],
    [
      'that takes a few milliseconds for a hundred gas',
      {
        verify: (n, proof, meter) => {
          let x = 1
          for (let i = 0; measuring && i < 12_000_000; i++) x = Math.imul(x, 5) + 1
          return x === 0 ? { status: 'valid' } : good.verify(n, proof, meter)
        },
      },
      'cost',
      /not charged/,
    ],
    [
      'that allocates without saying so',
      {
        verify: (n, proof, meter) => {
          const room = new Uint8Array(measuring ? 200_000_000 : 200)
          return room[n] === 0 ? good.verify(n, proof, meter) : { status: 'valid' }
        },
      },
      'cost',
      /not metered/,
    ],
    [
      'that catches what the meter throws and goes on',
      {
        verify: (n, proof, meter) => {
          try {
            return good.verify(n, proof, meter)
          } catch {
            meter.charge(1)
            return { status: 'valid' }
          }
        },
      },
      'metering',
      /must not be caught/,
    ],
    [
      'that answers for less than it takes',
      {
        verify: (n, proof, meter) => {
          try {
            return good.verify(n, proof, meter)
          } catch (error) {
            if (error instanceof MeterExhausted) return { status: 'invalid', code: 'tired', message: 'no' }
            throw error
          }
        },
      },
      'metering',
      /expected gas-exhausted/,
    ],
    [
      'that charges fractions',
      {
        verify: (n, proof, meter) => {
          meter.charge(0.5)
          return good.verify(n, proof, meter)
        },
      },
      'metering',
      /whole number/,
    ],
    [
      'that throws on a proof it does not expect',
      {
        verify: (n, proof, meter) => {
          if (proof.length > n) throw new RangeError('too long')
          return good.verify(n, proof, meter)
        },
      },
      'mutation',
      /verify threw: too long/,
    ],
    [
      'whose parser throws',
      {
        parseClaim: (bytes) => {
          if (bytes.length === 0) throw new TypeError('nothing there')
          return good.parseClaim(bytes)
        },
      },
      'claims',
      /parseClaim threw/,
    ],
    [
      'that reads two encodings as one claim',
      { parseClaim: (bytes) => ((bytes[0] as number) < 200 && bytes.length === 2 ? ok(bytes[0] as number) : good.parseClaim(bytes)) },
      'claims',
      /same claim/,
    ],
    [
      'that accepts any proof',
      {
        verify: (n, _proof, meter) => {
          meter.charge(n)
          return { status: 'valid' }
        },
      },
      'mutation',
      /a proof must matter/,
    ],
    [
      'that accepts changed claims, some of them false',
      {
        parseClaim: (bytes) => (bytes.length === 2 ? ok((bytes[0] as number) + 256 * (bytes[1] as number)) : good.parseClaim(bytes)),
        verify: (n, proof, meter) => good.verify(n % 256, proof, meter),
        isTrue: (n) => Math.floor(n / 256) === 255 - (n % 256),
      },
      'mutation',
      /a false claim is accepted/,
    ],
    [
      'that runs for ever, calling its meter',
      {
        verify: (_n, _proof, meter) => {
          for (;;) meter.charge(0)
        },
      },
      'vectors',
      /without any gas/,
    ],
  ]
  it.each(bad)('a verifier %s fails', (_, change, check, reason) => {
    calls = 0
    measuring = false
    const report = conformanceOf(change)
    expect(report.verdict).toBe('fails')
    expect(failedChecks(report)).toContain(check)
    expect(report.checks.find(({ name }) => name === check)?.detail).toMatch(reason)
  })

  it('that it accepts proofs cut short is said, and no fault: what it accepts is true', () => {
    const report = conformanceOf({
      verify: (n, proof, meter) =>
        good.verify(n, proof.length === n - 1 ? Uint8Array.of(...proof, (proofOf(n) as Uint8Array)[n - 1] as number) : proof, meter),
    })
    expect(report.verdict).toBe('conforms')
    expect(report.checks.find(({ name }) => name === 'mutation')?.detail).toMatch(
      /other proofs of the same claims \([1-9]\d* of them cut short\)/,
    )
  })

  it('what it accepts beyond the vectors needs somebody to say that it is true', () => {
    const report = conformanceOf(
      { parseClaim: (bytes) => (bytes.length === 2 ? ok((bytes[0] as number) % 100) : good.parseClaim(bytes)) },
      { isTrue: () => undefined },
    )
    expect(failedChecks(report)).toContain('mutation')
  })

  it.each([
    ['whose parser throws at its own vectors', { parseClaim: () => boom() }, 'claims', /parseClaim threw: boom/],
    [
      'that throws when asked whether a claim is true',
      { parseClaim: (bytes) => (bytes.length === 2 ? ok(bytes[0] as number) : noClaim), isTrue: () => boom() },
      'mutation',
      /isTrue threw: boom/,
    ],
    ['whose summaries hold what no text can', { verify: bigSummary }, 'vectors', /something else than texts and numbers/],
  ] satisfies [string, Partial<VerifierDefinition<number>>, string, RegExp][])(
    'a verifier %s gets a report',
    (_, change, check, reason) => {
      const report = conformanceOf(change)
      expect(failedChecks(report)).toContain(check)
      expect(report.checks.find(({ name }) => name === check)?.detail).toMatch(reason)
    },
  )

  it('a claim longer than a call has arguments is an input like others, and so are its changes', () => {
    const limits = { ...good.limits, claimBytes: 1 << 20 }
    const long: Sample = { name: 'long', claim: new Uint8Array(150_000), proof: proofOf(3), expect: { status: 'valid', gas: 0 } }
    const verifier = defineVerifier({ ...good, limits })
    const report = checkConformance({ ...conformanceOptions(verifier, [long]), inputs: 1 })
    expect(report.checks.find(({ name }) => name === 'vectors')?.detail).toMatch(/got .*refused/)
    // Every 896th of 7 * 2^17 + 1 changes: the last one is a byte more.
    let last = new Uint8Array(0)
    for (const changed of oneByteChanges(new Uint8Array(1 << 17), 1_025)) last = changed as Uint8Array<ArrayBuffer>
    expect(last).toHaveLength((1 << 17) + 1)
  })

  it('without a clock, costs are skipped and not called good', () => {
    const verifier = defineVerifier(good)
    const report = checkConformance({ ...conformanceOptions(verifier, samples), inputs: 10 })
    expect(report.checks.at(-1)).toMatchObject({ name: 'cost', status: 'skipped' })
  })
})

describe('definitions', () => {
  it('are named by all that they pin', () => {
    const { digest } = defineVerifier(good)
    expect(toHex(defineVerifier({ ...good }).digest)).toBe(toHex(digest))
    const changes: Partial<VerifierDefinition<number>>[] = [
      { kind: 'sum/2' },
      { revision: 2 },
      { specification: 'another' },
      { vectors: '{}' },
      { limits: { ...good.limits, gas: 999 } },
      { intrinsicGas: { proof: 100, byte: 2 } },
    ]
    for (const change of changes) expect(toHex(defineVerifier({ ...good, ...change }).digest)).not.toBe(toHex(digest))
  })

  it('that cannot be are refused when they are made', () => {
    const changes: Partial<VerifierDefinition<number>>[] = [
      { kind: 'Sum/1' },
      { kind: 'sum' },
      { kind: 'sum/1/2' },
      { revision: 0 },
      { intrinsicGas: { proof: 0, byte: 1 } },
      { limits: { ...good.limits, proofBytes: 1 << 30 } },
    ]
    for (const change of changes) expect(() => defineVerifier({ ...good, ...change })).toThrow()
  })

  it('vectors that are none are said to be none', () => {
    expect(samplesOf({ vectors: 'no' })).toMatchObject({ ok: false })
    expect(samplesOf({ vectors: '{"cases":[null]}' })).toMatchObject({ ok: false })
    expect(samplesOf({ vectors: '{"cases":[{"name":"x","claim":"zz","proof":"","expect":{"status":"valid","gas":1}}]}' })).toMatchObject({
      ok: false,
    })
    expect(samplesOf({ vectors: '{"cases":[{"name":"x","claim":"","proof":"","expect":{"status":"perhaps"}}]}' })).toMatchObject({
      ok: false,
    })
  })
})

describe('the kinds of this program', () => {
  interface MetamathVectors {
    readonly library: string
    readonly statements: Readonly<Record<string, string>>
    readonly cases: readonly { name: string; claim: string; proof: string; gasLimit: number; expect: Sample['expect'] }[]
  }

  it('metamath/1 conforms', () => {
    const vectors = JSON.parse(readFileSync(new URL('../../vectors/metamath-1.json', import.meta.url), 'utf8')) as MetamathVectors
    const verifier = metamathVerifier([must(decodeLibrary(hex(vectors.library)))]) as ProofVerifier<unknown>
    const cases = vectors.cases.map((each) => ({ ...each, claim: hex(each.claim), proof: hex(each.proof) }))
    // A changed claim that is accepted may differ from one in the vectors by its label, or by conditions that its proof does not need.
    const statementOf = (claim: Uint8Array): string => {
      const { label: _label, disjoint: _disjoint, ...rest } = must(readMetamathClaim(claim))
      return JSON.stringify(rest)
    }
    const known = new Set(cases.filter(({ expect: { status } }) => status === 'valid').map(({ claim }) => statementOf(claim)))
    const isTrue = (claim: unknown): boolean => known.has(statementOf((claim as { bytes: Uint8Array }).bytes))
    const cited = {
      statementOf: (claimId: Hash): Uint8Array | undefined => {
        const statement = vectors.statements[toHex(claimId)]
        return statement === undefined ? undefined : hex(statement)
      },
    }
    const report = checkConformance({ verifier, samples: cases, isTrue, cited, clock, inputs: 1_000 })
    expect(report.checks.filter(({ status }) => status === 'failed')).toEqual([])
  })

  it('lrat/1 conforms; small formulas are decided by searching for a model', () => {
    interface LratVector {
      readonly name: string
      readonly cnf: string
      readonly proofHex: string
      readonly status: string
      readonly gas: number
      readonly gasLimit?: number
    }
    const vectors = JSON.parse(readFileSync(new URL('../../vectors/lrat-1.json', import.meta.url), 'utf8')) as {
      vectors: readonly LratVector[]
    }
    const small = vectors.vectors
      .filter(({ status, proofHex, cnf }) => status === 'valid' && proofHex.length < 400 && cnf.length < 400)
      .slice(0, 12)
    expect(small.length).toBeGreaterThan(2)
    const cases = small.map(({ name, cnf, proofHex, gas, gasLimit }): Sample => {
      const limit = gasLimit === undefined ? {} : { gasLimit }
      return {
        name,
        claim: must(cnfToClaim(encode((writer) => writer.raw(Uint8Array.from(cnf, (c) => c.charCodeAt(0)))))),
        proof: hex(proofHex),
        expect: { status: 'valid', gas },
        ...limit,
      }
    })
    const report = checkConformance({
      verifier: lratVerifier() as ProofVerifier<unknown>,
      samples: cases,
      isTrue: (claim) => !isSatisfiable((claim as Cnf).words),
      clock,
      inputs: 1_000,
    })
    expect(report.checks.filter(({ status }) => status === 'failed')).toEqual([])
  })

  interface FormulaVector {
    readonly name: string
    readonly cnf: string
    readonly modelHex: string
    readonly script: string
    readonly proofHex: string
    readonly status: string
    readonly gas: number
    readonly gasLimit?: number
  }
  const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
  const read = (name: string): Record<string, readonly FormulaVector[]> =>
    JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8')) as Record<string, readonly FormulaVector[]>
  const isValidAndSmall = ({ status, gasLimit }: FormulaVector): boolean => status === 'valid' && gasLimit === undefined

  it('sat-model/1 conforms; whether a formula has a model is found by searching', () => {
    const small = (read('sat-model-1')['vectors'] ?? []).filter((each) => isValidAndSmall(each) && each.modelHex.length <= 8)
    const samples = small.map(({ name, cnf, modelHex, gas }): Sample => {
      return { name, claim: must(cnfToClaim(bytesOf(cnf))), proof: hex(modelHex), expect: { status: 'valid', gas } }
    })
    // One in which every bit matters: most changes of a model must be refused.
    const claim = must(cnfToClaim(bytesOf('p cnf 8 8\n1 0\n-2 0\n3 0\n-4 0\n5 0\n-6 0\n7 0\n8 0\n')))
    const tight: Sample = {
      name: 'one model',
      claim,
      proof: Uint8Array.of(0b11010101),
      expect: { status: 'valid', gas: 2000 + claim.length + 1 + 8 },
    }
    const verifier = satModelVerifier() as ProofVerifier<unknown>
    const isTrue = (cnf: unknown): boolean => isSatisfiable((cnf as Cnf).words)
    for (const sample of [tight, ...samples]) expect(isTrue(must(verifier.parseClaim(sample.claim)).claim)).toBe(true)
    const report = checkConformance({ verifier, samples: [tight], isTrue, clock, inputs: 1_000 })
    expect(report.checks.filter(({ status }) => status === 'failed')).toEqual([])
  })

  it('bvlrat/1 conforms; small scripts are decided by searching for a model of their formula', () => {
    const small = (read('bvlrat-1')['proofs'] ?? []).filter((each) => isValidAndSmall(each) && each.proofHex.length < 2_000).slice(0, 1)
    expect(small.length).toBeGreaterThan(0)
    const limits = { ...BVLRAT_LIMITS, claimBytes: 4_096, proofBytes: 65_536, gas: 2_000_000 }
    const verifier = bvlratVerifier(limits) as ProofVerifier<unknown>
    // The gas of vectors is a matter of its own tests.
    const samples = small.map(({ name, script, proofHex }): Sample => {
      const claim = must(scriptToClaim(bytesOf(script)))
      const verdict = runMetered(verifier, must(verifier.parseClaim(claim)).claim, hex(proofHex), { statementOf: () => undefined })
      return { name, claim, proof: hex(proofHex), expect: { status: 'valid', gas: verdict.gas } }
    })
    const isTrue = (script: unknown): boolean => {
      const meter = { charge: () => undefined, allocate: () => undefined, gas: 0 }
      return !isSatisfiable(encodeScript(script as BvScript, meter).cnf.words)
    }
    const report = checkConformance({ verifier, samples, isTrue, clock, inputs: 200 })
    expect(report.checks.filter(({ status }) => status === 'failed')).toEqual([])
  })

  it('test/1 does not: its proofs are not looked at, which is why no real network may list it', () => {
    const claim = testClaim({ behaviour: 'valid', gas: 1_000, nonce: Uint8Array.of(1) })
    const sample: Sample = { name: 'valid', claim, proof: Uint8Array.of(1, 2, 3), expect: { status: 'valid', gas: 1_000 } }
    const report = checkConformance({
      verifier: testVerifier() as ProofVerifier<unknown>,
      samples: [sample],
      isTrue: () => true,
      inputs: 1,
    })
    expect(failedChecks(report)).toContain('mutation')
  })
})

/** Unit propagation and backtracking, without any of the kernels' code. */
function isSatisfiable(words: Int32Array): boolean {
  const clauses: number[][] = []
  for (let at = 0; at < words.length; ) {
    const end = at + 1 + (words[at] as number)
    clauses.push([...words.subarray(at + 1, end)])
    at = end
  }
  const assume = (formula: readonly number[][], code: number): number[][] =>
    formula.filter((clause) => !clause.includes(code)).map((clause) => clause.filter((other) => other !== (code ^ 1)))
  const search = (given: readonly number[][]): boolean => {
    let formula = given
    for (let unit = formula.find(({ length }) => length <= 1); unit !== undefined; unit = formula.find(({ length }) => length <= 1)) {
      const [code] = unit
      if (code === undefined) return false
      formula = assume(formula, code)
    }
    const code = formula[0]?.[0]
    return code === undefined || search(assume(formula, code)) || search(assume(formula, code ^ 1))
  }
  return search(clauses)
}
