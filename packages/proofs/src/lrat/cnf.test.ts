/** DIMACS text and canonical claims: one byte string per claim, and a clear refusal for everything else. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimIdOf } from '../claim-id.js'
import { clausesToClaim, cnfToClaim, parseCnfClaim } from './cnf.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const words = (...values: number[]): Uint8Array => {
  const out = new Uint8Array(4 * values.length)
  for (const [i, value] of values.entries()) new DataView(out.buffer).setUint32(4 * i, value)
  return out
}

function claimOf(text: string): Uint8Array {
  const claim = cnfToClaim(bytes(text))
  if (!claim.ok) throw new Error(claim.error.message)
  return claim.value
}

function refusalOf(text: string): string {
  const claim = cnfToClaim(bytes(text))
  return claim.ok ? 'accepted' : claim.error.code
}

const clausesArbitrary = fc.array(
  fc.array(
    fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()).map(([v, negative]) => (negative ? -v : v)),
    { minLength: 1, maxLength: 24 },
  ),
  { minLength: 1, maxLength: 12 },
)

const dimacs = (clauses: readonly (readonly number[])[]): string =>
  `p cnf 40 ${clauses.length}\n${clauses.map((clause) => `${clause.join(' ')} 0\n`).join('')}`

describe('the canonical claim', () => {
  test('has the layout that the specification gives', () => {
    expect(claimOf('p cnf 3 2\n2 -1 0\n-3 3 1 0\n')).toEqual(words(3, 2, 2, 3, 4, 3, 2, 6, 7))
  })

  test('does not depend on layout, literal order, repeated literals, comments or a generous header', () => {
    const plain = claimOf('p cnf 3 2\n1 -2 0\n3 -1 0\n')
    for (const text of [
      'c a comment\np cnf 3 2\nc another\n-2 1 0 3 -1 0',
      'p  cnf\t9 2 \r\n1 1 -2 -2 1\r\n0 -1\nc in the middle of a clause\n3 0\r\n',
      'p cnf 3 2\n1 -2 0\n3 -1 0\n%\n0\n\n',
      '  c indented comment\n  p cnf 3 2 1 -2 0 3 -1 0',
    ]) {
      expect(claimOf(text)).toEqual(plain)
    }
  })

  test('keeps the order of the clauses, which proofs count on', () => {
    expect(claimOf('p cnf 2 2\n1 0\n2 0\n')).not.toEqual(claimOf('p cnf 2 2\n2 0\n1 0\n'))
  })

  test('parses to what was written, from text as from clauses', () => {
    fc.assert(
      fc.property(clausesArbitrary, (clauses) => {
        const claim = claimOf(dimacs(clauses))
        expect(clausesToClaim(clauses)).toEqual(claim)
        const parsed = parseCnfClaim(claim)
        if (!parsed.ok) throw new Error(parsed.error.message)
        expect(parsed.value.clauses).toBe(clauses.length)
        expect(parsed.value.variables).toBe(Math.max(...clauses.flat().map(Math.abs)))
        let at = 0
        for (const clause of clauses) {
          const expected = [...new Set(clause.map((v) => (v < 0 ? 1 - 2 * v : 2 * v)))].sort((a, b) => a - b)
          expect([...parsed.value.words.subarray(at + 1, at + 1 + (parsed.value.words[at] as number))]).toEqual(expected)
          at += 1 + expected.length
        }
      }),
    )
  })

  test('is the only byte string accepted for its formula: every accepted mutation says something else', () => {
    const meaningOf = (claim: Uint8Array): string | null => {
      const parsed = parseCnfClaim(claim)
      return parsed.ok ? `${parsed.value.clauses}:${parsed.value.words.join()}` : null
    }
    const claim = claimOf('p cnf 5 3\n1 -2 0\n3 -1 5 0\n-4 2 0\n')
    const meanings = new Set([meaningOf(claim)])
    let accepted = 1
    for (let at = 0; at < claim.length; at++) {
      for (let value = 0; value < 256; value++) {
        if (value === claim[at]) continue
        const mutated = claim.slice()
        mutated[at] = value
        const meaning = meaningOf(mutated)
        if (meaning === null) continue
        accepted++
        meanings.add(meaning)
      }
    }
    expect(meanings.size).toBe(accepted)
    expect(accepted).toBeGreaterThan(1)
  })

  test.each([
    ['nothing', new Uint8Array(0), 'claim-length'],
    ['half a word', words(1, 1, 1, 2).subarray(0, 14), 'claim-length'],
    ['4 GB of clauses', words(1, 0xffff_ffff), 'clause-count'],
    ['a clause of 4 GB', words(1, 1, 0xffff_ffff, 2), 'claim-length'],
    ['4 G variables', words(0xffff_ffff, 1, 1, 2), 'too-many-variables'],
    ['an empty clause', words(1, 1, 0, 2), 'empty-clause'],
    ['fewer clauses than announced', words(1, 2, 3, 2, 3, 4), 'variable-range'],
    ['more words than announced', words(1, 1, 1, 2, 1, 3), 'clause-count'],
    ['literals out of order', words(2, 1, 2, 4, 2), 'literal-order'],
    ['a repeated literal', words(2, 1, 2, 4, 4), 'literal-order'],
    ['variable zero', words(2, 1, 2, 1, 4), 'literal-order'],
    ['a variable beyond the header', words(2, 1, 1, 6), 'variable-range'],
    ['a generous header', words(3, 1, 1, 4), 'variable-count'],
  ])('refuses %s', (_name, claim, code) => {
    const parsed = parseCnfClaim(claim)
    expect(parsed.ok ? 'accepted' : parsed.error.code).toBe(code)
  })

  test('of any bytes: an answer, never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        parseCnfClaim(raw)
        cnfToClaim(raw)
      }),
    )
  })

  test('has an id over the domain, the kind with its length, and the bytes', () => {
    const claim = claimOf('p cnf 1 1\n1 0\n')
    const tag = 'aethel/claim/v1'
    const expected = createHash('sha256')
      .update(Buffer.from([tag.length]))
      .update(tag)
      .update(words('lrat/1'.length))
      .update('lrat/1')
      .update(claim)
      .digest()
    expect(Buffer.from(claimIdOf('lrat/1', claim)).equals(expected)).toBe(true)
  })
})

describe('DIMACS files are refused in words that say what to do when', () => {
  test.each([
    ['clauses are XORs, as CryptoMiniSat has them', 'p cnf 2 1\nx1 2 0\n', 'line 2: expected a clause of integers, got "x": an XOR clause'],
    ['they are quantified', 'p cnf 2 1\na 1 0\n1 2 0\n', 'quantified formulas (QDIMACS) are no CNF'],
    ['there are two headers', 'p cnf 1 1\np cnf 1 1\n1 0\n', 'line 2: expected a clause of integers, got "p": one header'],
    ['there are comments only', 'c nothing\n', 'got blanks and comments only'],
  ])('%s', (_name, text, words) => {
    const claim = cnfToClaim(new TextEncoder().encode(text))
    expect(claim.ok ? 'accepted' : claim.error.message).toContain(words)
  })
})

describe('DIMACS files are refused with a code when', () => {
  test.each([
    ['empty', '', 'no-header'],
    ['without a header', '1 2 0\n', 'no-header'],
    ['the header is of another format', 'p sat 3\n', 'no-header'],
    ['the header is not first on its line', 'p\ncnf 3 1\n1 0\n', 'no-header'],
    ['the header spans lines', 'p cnf 3\n1\n1 0\n', 'no-header'],
    ['the header is cut', 'p cnf 3', 'syntax'],
    ['there are two headers', 'p cnf 1 1\np cnf 1 1\n1 0\n', 'syntax'],
    ['a clause is missing', 'p cnf 2 3\n1 2 0\n-1 2 0\n', 'clause-count'],
    ['there is a clause too many', 'p cnf 2 1\n1 2 0\n-1 2 0\n', 'clause-count'],
    ['there are absurdly many clauses', 'p cnf 2 4000000000\n1 2 0\n', 'clause-count'],
    ['there are negative clauses', 'p cnf 2 -1\n', 'clause-count'],
    ['there are absurdly many variables', 'p cnf 4000000000 1\n1 2 0\n', 'too-many-variables'],
    ['a number has twenty digits', 'p cnf 2 1\n10000000000000000000 0\n', 'syntax'],
    ['a variable is out of range', 'p cnf 2 1\n1 -3 0\n', 'variable-range'],
    ['a clause is empty', 'p cnf 2 2\n1 2 0\n0\n', 'empty-clause'],
    ['the last 0 is missing', 'p cnf 2 1\n1 2\n', 'unterminated-clause'],
    ['the last 0 is missing before %', 'p cnf 2 1\n1 2\n%\n0\n', 'syntax'],
    ['% comes early', 'p cnf 2 2\n1 2 0\n%\n0\n', 'clause-count'],
    ['something follows %', 'p cnf 2 1\n1 2 0\n%\n0\n1\n', 'syntax'],
    ['a NUL byte is in it', 'p cnf 2 1\n1 \u00002 0\n', 'syntax'],
    ['a number has a leading zero', 'p cnf 2 1\n01 2 0\n', 'syntax'],
    ['a number is minus zero', 'p cnf 2 1\n1 -0\n', 'syntax'],
    ['a number is signed +', 'p cnf 2 1\n+1 0\n', 'syntax'],
    ['a number runs into letters', 'p cnf 2 1\n1x 0\n', 'syntax'],
    ['it is binary', '\u0000\u0001\u0002', 'no-header'],
  ])('%s', (_name, text, code) => {
    expect(refusalOf(text)).toBe(code)
  })

  test('the message says which line', () => {
    const claim = cnfToClaim(bytes('c one\np cnf 2 2\n1 2 0\n\n1 -3 0\n'))
    expect(claim.ok ? '' : claim.error.message).toBe("line 5: variable 3 exceeds the header's 2")
  })

  test('cut anywhere: never the claim of the whole file', () => {
    const text = 'c x\np cnf 12 3\n1 -12 0\n11 3 0\n-1 10 0\n'
    const whole = claimOf(text)
    for (let length = 0; length < text.length; length++) {
      const cut = cnfToClaim(bytes(text.slice(0, length)))
      // Without its last line end the file is still whole.
      expect(cut.ok ? Buffer.from(cut.value).equals(Buffer.from(whole)) : false).toBe(length === text.length - 1)
    }
  })
})
