/** The verdicts and prices of `lrat/1`: vectors for other implementations, the table's arithmetic, the limits. */
import { readFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { describe, expect, test } from 'vitest'
import { claimIdOf } from '../claim-id.js'
import { pigeonhole, pigeonholeCertificate, refute, toBinaryLrat, toDimacs, toTextLrat } from '../instances/index.js'
import { createMeter, MeterExhausted } from '../meter.js'
import { cnfToClaim } from './cnf.js'
import { LRAT_LIMITS } from './gas.js'
import { checkLrat, LRAT_KIND, lratVerifier } from './verifier.js'

interface Vector {
  readonly name: string
  readonly cnf: string
  readonly claimId: string
  readonly proofHex: string
  readonly proofText?: string
  readonly status: string
  readonly code?: string
  readonly at?: number
  readonly gas: number
}

const file = JSON.parse(readFileSync(new URL('../../vectors/lrat-1.json', import.meta.url), 'utf8')) as {
  limits: unknown
  vectors: Vector[]
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const FOUR = 'p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n'

function claimOf(cnf: Uint8Array): Uint8Array {
  const claim = cnfToClaim(cnf)
  if (!claim.ok) throw new Error(claim.error.message)
  return claim.value
}

describe('vectors', () => {
  test('are for the limits in force', () => {
    expect(file.limits).toEqual(LRAT_LIMITS)
    expect(file.vectors.length).toBeGreaterThanOrEqual(35)
  })

  test.each(file.vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    const proof = Uint8Array.from(Buffer.from(vector.proofHex, 'hex'))
    if (vector.proofText !== undefined) expect(proof).toEqual(bytes(vector.proofText))
    const verdict = checkLrat(bytes(vector.cnf), proof, LRAT_LIMITS)
    const { status, gas, code, at } = { code: undefined, at: undefined, ...verdict }
    expect({ status, gas, code, at }).toEqual({ status: vector.status, gas: vector.gas, code: vector.code, at: vector.at })
    expect(toHex(claimIdOf(LRAT_KIND, claimOf(bytes(vector.cnf))))).toBe(vector.claimId)
  })
})

describe('gas', () => {
  test('is what the table says, added up by hand', () => {
    const proof = '5 2 0 1 2 0\n6 0 5 3 4 0\n'
    const bytesRead = (8 + 4 * 12) * 1 + proof.length * 1
    // Assignment and trail, directory and index, the first segment, the step buffers.
    const memory = 1 + 256 + (1 + 256) + 1024 + 2 * 256
    const steps = 2 * 8 + 1 * 4 + 5 * 1
    const looks = 5 * 4 + 2 + 2 + (1 + 2 + 2)
    expect(checkLrat(bytes(FOUR), bytes(proof)).gas).toBe(5000 + bytesRead + memory + steps + looks)
  })

  test('is enough at exactly what a proof needs, and one unit less is a verdict of the meter', () => {
    const formula = pigeonhole(5, 4)
    const outcome = refute(formula, { conflicts: 1_000 })
    if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
    const cnf = toDimacs(formula)
    const proof = toBinaryLrat(outcome.steps)
    const { gas } = checkLrat(cnf, proof)
    expect(checkLrat(cnf, proof, { ...LRAT_LIMITS, gas }).status).toBe('valid')
    for (const limit of [gas - 1, gas >> 1, 1_999, 0]) {
      expect(checkLrat(cnf, proof, { ...LRAT_LIMITS, gas: limit })).toMatchObject({ status: 'invalid', code: 'gas-exhausted', gas: limit })
    }
  })

  test('of a refusal counts like that of an acceptance: at its exact price the refusal shows, below it the meter', () => {
    const proof = bytes('5 2 0 1 2 0\n6 0 5 3 0\n')
    const { gas } = checkLrat(bytes(FOUR), proof)
    expect(checkLrat(bytes(FOUR), proof, { ...LRAT_LIMITS, gas })).toMatchObject({ code: 'no-conflict', gas })
    expect(checkLrat(bytes(FOUR), proof, { ...LRAT_LIMITS, gas: gas - 1 })).toMatchObject({ code: 'gas-exhausted', gas: gas - 1 })
    const cut = bytes('5 2 0 1 2 0\n6 0 5 3')
    const price = checkLrat(bytes(FOUR), cut).gas
    expect(checkLrat(bytes(FOUR), cut, { ...LRAT_LIMITS, gas: price - 1 })).toMatchObject({ code: 'gas-exhausted', gas: price - 1 })
  })
})

describe('limits', () => {
  const verifier = lratVerifier({ claimBytes: 56, proofBytes: 30, gas: 10_000, memoryWords: 10_000 })
  const cited = { statementOf: () => undefined }

  test('a claim or proof beyond its size is refused unread', () => {
    const claim = claimOf(bytes(FOUR))
    expect(claim.length).toBe(56)
    const parsed = verifier.parseClaim(claim)
    if (!parsed.ok) throw new Error(parsed.error.message)
    expect(parsed.value.claimId).toEqual(claimIdOf('lrat/1', claim))
    expect(verifier.parseClaim(new Uint8Array(60))).toMatchObject({ ok: false, error: { code: 'claim-too-large' } })
    const meter = createMeter(verifier.limits)
    expect(verifier.verify(parsed.value.claim, new Uint8Array(31), cited, meter)).toMatchObject({
      status: 'invalid',
      code: 'proof-too-large',
      gas: 0,
    })
    expect(verifier.verify(parsed.value.claim, bytes('5 2 0 1 2 0\n6 0 5 3 4 0\n'), cited, meter)).toMatchObject({ status: 'valid' })
    expect(verifier.citationsOf(parsed.value.claim, new Uint8Array(3))).toEqual({ ok: true, value: [] })
  })

  test('a few bytes that ask for gigabytes meet the meter before any memory is taken', () => {
    const asks: number[] = []
    const meter = {
      gas: 0,
      charge() {},
      allocate(words: number) {
        asks.push(words)
        if (words > 1 << 20) throw new MeterExhausted('memory-exhausted', 'too much')
      },
    }
    const parsed = verifier.parseClaim(claimOf(bytes(FOUR)))
    if (!parsed.ok) throw new Error(parsed.error.message)
    expect(() => verifier.verify(parsed.value.claim, bytes('1073741823 2 0 1 2 0'), cited, meter)).toThrow(MeterExhausted)
    expect(asks.at(-1)).toBe(2 ** 25)
    const wide = verifier.parseClaim(claimOf(bytes('p cnf 268435455 1\n268435455 0\n')))
    if (!wide.ok) throw new Error(wide.error.message)
    expect(() => verifier.verify(wide.value.claim, bytes('2 0 1 0'), cited, meter)).toThrow(MeterExhausted)
    expect(asks.at(-1)).toBe(2 ** 24 + 256)
  })

  test('a file that is no CNF is unreadable, not invalid', () => {
    expect(checkLrat(bytes('p cnf 1 7\n1 0\n'), bytes('2 0 1 0'))).toMatchObject({ status: 'unreadable', code: 'clause-count', gas: 0 })
  })
})

describe('long proofs', () => {
  test('with many deletions: the store is compacted and stays small, the verdict stays', () => {
    const formula = pigeonhole(7, 6)
    const outcome = refute(formula, { conflicts: 10_000 })
    if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
    const steps = outcome.steps
    // The same derivation many times over, each copy deleted before the next: only compaction keeps that in bounds.
    const clauses = formula.clauses.length
    const copies = 30
    const body = steps.slice(0, -1)
    const shifted = Array.from({ length: copies }, (_, copy) => {
      const shift = copy * body.length
      const move = (id: number): number => (id > clauses ? id + shift : id)
      const own = body.map((step) => ({ ...step, id: step.id + shift, hints: step.hints.map(move), deletes: step.deletes.map(move) }))
      const live = new Set(own.map((step) => step.id))
      for (const step of own) for (const id of step.deletes) live.delete(id)
      const last = own.at(-1)
      if (last !== undefined && copy < copies - 1) own[own.length - 1] = { ...last, deletes: [...last.deletes, ...live] }
      return { own, move }
    })
    const end = steps.at(-1)
    const lastCopy = shifted.at(-1)
    if (end === undefined || lastCopy === undefined) throw new Error('a refutation has a last step')
    const proof = [...shifted.flatMap(({ own }) => own), { ...end, id: lastCopy.move(end.id), hints: end.hints.map(lastCopy.move) }]
    const storedWords = copies * body.reduce((sum, step) => sum + step.literals.length + 2, 0)
    const parsed = lratVerifier().parseClaim(claimOf(toDimacs(formula)))
    if (!parsed.ok) throw new Error(parsed.error.message)
    let words = 0
    const meter = {
      gas: 0,
      charge() {},
      allocate(amount: number) {
        words += amount
      },
    }
    const verdict = lratVerifier().verify(parsed.value.claim, toBinaryLrat(proof), { statementOf: () => undefined }, meter)
    expect(verdict).toMatchObject({ status: 'valid', summary: { additions: copies * body.length + 1 } })
    // All but the clause store: an id's place is four words at most, doublings included.
    expect(words - 4 * copies * body.length).toBeLessThan(storedWords / 5)
  })

  test('by extended resolution: definitions are RAT additions, in text as in binary', () => {
    for (const holes of [2, 3, 5]) {
      const steps = pigeonholeCertificate(holes)
      const cnf = toDimacs(pigeonhole(holes + 1, holes))
      const text = checkLrat(cnf, toTextLrat(steps))
      const binary = checkLrat(cnf, toBinaryLrat(steps))
      // Four clauses for each pigeon and hole of each smaller level: 4 * sum of m(m+1) for m below holes.
      const definitions = (4 * (holes - 1) * holes * (holes + 1)) / 3
      expect(text).toMatchObject({ status: 'valid', summary: { format: 'text', ratAdditions: definitions, additions: steps.length } })
      expect(binary).toMatchObject({ status: 'valid', summary: { format: 'binary', ratAdditions: definitions, additions: steps.length } })
    }
  })
})
