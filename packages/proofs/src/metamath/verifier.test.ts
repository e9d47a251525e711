// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
import { readFileSync } from 'node:fs'
import { decode, equalBytes, type Hash, toHex } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMeter } from '../meter.js'
import type { CitedClaims, Verdict } from '../verifier.js'
import { encodeCertificate, encodeLetters, type MetamathCertificate, readCertificate } from './certificate.js'
import { type ClaimStatement, encodeClaim, type MetamathClaim, readClaim } from './claim.js'
import { parseDatabase } from './database-reader.js'
import { type ExtractedTheorem, LibraryExtractor } from './extract.js'
import { decodeLibrary, encodeLibrary, type LibraryDefinition, libraryAxioms, libraryDigest } from './library.js'
import { ascii } from './tokens.js'
import { METAMATH_LIMITS, metamathVerifier } from './verifier.js'

const PROPOSITIONAL = new Uint8Array(readFileSync(new URL('../../library/propositional.mm', import.meta.url)))

/** Quantifier-like statements with disjoint conditions, and proofs that need them. */
const QUANTIFIED = ascii(`
  $c wff set |- ( ) -> A. $.  $v p q x y $.
  wp $f wff p $.  wq $f wff q $.  vx $f set x $.  vy $f set y $.
  wi $a wff ( p -> q ) $.  wal $a wff A. x p $.
  ax1 $a |- ( p -> ( q -> p ) ) $.
  \${ min $e |- p $. maj $e |- ( p -> q ) $. mp $a |- q $. $}
  \${ dr $e |- A. x p $. drop $a |- p $. $}
  \${ $d x p $. ax5 $a |- ( p -> A. x p ) $. $}
  \${ $d x p $. gen $p |- ( p -> A. x p ) $= ( ax5 ) ABC $. $}
  \${ $d y p $. h $e |- p $. round $p |- p $= ( vy wal ax5 mp drop ) ACAACDBACEFG $. $}
  plain $p |- ( p -> ( q -> p ) ) $= wp wq ax1 $.
`)

const unwrap = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** A library, its theorems and their statements, as a network would hold them. */
class World {
  readonly library: LibraryDefinition
  readonly theorems = new Map<string, ExtractedTheorem>()
  readonly statements = new Map<string, Uint8Array>()
  readonly verifier

  constructor(database: Uint8Array, name: string) {
    const extractor = new LibraryExtractor(unwrap(parseDatabase(database)), name)
    this.library = unwrap(extractor.library())
    this.verifier = metamathVerifier([this.library])
    unwrap(libraryAxioms(this.library)).forEach(({ claimId }, i) => {
      this.statements.set(toHex(claimId), this.library.axioms[i] as Uint8Array)
    })
    for (const theorem of extractor.theorems()) {
      const extracted = unwrap(theorem)
      this.theorems.set(extracted.label, extracted)
      this.statements.set(toHex(extracted.claimId), extracted.claim)
    }
  }

  readonly cited: CitedClaims = { statementOf: (claimId: Hash) => this.statements.get(toHex(claimId)) }

  theorem(label: string): ExtractedTheorem {
    const theorem = this.theorems.get(label)
    if (theorem === undefined) throw new Error(`no theorem ${label}`)
    return theorem
  }

  claim(bytes: Uint8Array): MetamathClaim {
    return unwrap(this.verifier.parseClaim(bytes)).claim
  }

  certificate(label: string): MetamathCertificate {
    const { claim, proof } = this.theorem(label)
    return unwrap(decode(proof, (reader) => readCertificate(reader, this.claim(claim).variables.length)))
  }

  verify(claim: Uint8Array, proof: Uint8Array, cited: CitedClaims = this.cited, limits = METAMATH_LIMITS): Verdict {
    return this.verifier.verify(this.claim(claim), proof, cited, createMeter(limits))
  }
}

const propositional = new World(PROPOSITIONAL, 'propositional')
const quantified = new World(QUANTIFIED, 'quantified')

/** Another kernel, to compare with: text symbols, Maps, no cleverness. Answers what the proof proves, or null. */
function oracle(world: World, claim: Uint8Array, certificate: MetamathCertificate): boolean {
  const goal = unwrap(readClaim(claim))
  const typecodes = new Map(world.library.variables.map(({ symbol, typecode }) => [symbol, typecode]))
  const words = (text: string): string[] => text.split(' ')
  const variables = goal.hypotheses.map(({ kind, symbols }) => (kind === 'floating' ? (words(symbols)[1] as string) : ''))
  const references: (string[] | ClaimStatement)[] = goal.hypotheses.map(({ symbols }) => words(symbols))
  for (const reference of certificate.references) {
    if (reference.kind === 'citation') {
      references.push(unwrap(readClaim(world.statements.get(toHex(reference.claimId)) as Uint8Array)))
      continue
    }
    const symbol = String.fromCharCode(...reference.symbol)
    references.push([typecodes.get(symbol) as string, symbol])
    variables.push(symbol)
  }
  const apart = new Set<string>()
  for (const [a, b] of [...goal.disjoint, ...pairs(certificate.disjoint)]) {
    apart.add(`${variables[a]} ${variables[b]}`).add(`${variables[b]} ${variables[a]}`)
  }
  const saved: string[][] = []
  const stack: string[][] = []
  let number = 0
  let saveAllowed = false
  for (const byte of certificate.letters) {
    const letter = String.fromCharCode(byte)
    if (letter === 'Z') {
      if (!saveAllowed) return false
      saved.push(stack.at(-1) as string[])
      saveAllowed = false
    } else if (letter >= 'U' && letter <= 'Y') {
      number = number * 5 + (byte - 84)
      saveAllowed = false
    } else if (letter >= 'A' && letter <= 'T') {
      const reference = number * 20 + byte - 65
      number = 0
      const entry = references[reference] ?? saved[reference - references.length]
      if (entry === undefined) return false
      saveAllowed = !Array.isArray(entry)
      if (Array.isArray(entry)) stack.push(entry)
      else if (!applyNaively(entry, stack, typecodes, apart)) return false
    } else return false
  }
  return number === 0 && stack.length === 1 && (stack[0] as string[]).join(' ') === goal.assertion
}

function applyNaively(statement: ClaimStatement, stack: string[][], typecodes: Map<string, string>, apart: Set<string>): boolean {
  const taken = stack.splice(Math.max(0, stack.length - statement.hypotheses.length))
  if (taken.length < statement.hypotheses.length) return false
  const substitution = new Map<string, string[]>()
  statement.hypotheses.forEach(({ kind, symbols }, i) => {
    if (kind === 'floating') substitution.set(symbols.split(' ')[1] as string, (taken[i] as string[]).slice(1))
  })
  const replaced = (text: string): string[] => text.split(' ').flatMap((word) => substitution.get(word) ?? [word])
  for (const [i, { kind, symbols }] of statement.hypotheses.entries()) {
    const entry = taken[i] as string[]
    const expected = kind === 'floating' ? [symbols.split(' ')[0] as string, ...entry.slice(1)] : replaced(symbols)
    if (expected.join(' ') !== entry.join(' ')) return false
  }
  for (const [a, b] of statement.disjoint) {
    for (const u of (taken[a] as string[]).slice(1).filter((word) => typecodes.has(word))) {
      for (const v of (taken[b] as string[]).slice(1).filter((word) => typecodes.has(word))) {
        if (!apart.has(`${u} ${v}`)) return false
      }
    }
  }
  stack.push(replaced(statement.assertion))
  return true
}

function pairs(flat: readonly number[]): [number, number][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as number, flat[2 * i + 1] as number])
}

describe('metamath/1', () => {
  it('every theorem of the bundled library is a claim that its certificate proves, with exact gas', () => {
    let gas = 0
    for (const { claim, claimId, proof, label } of propositional.theorems.values()) {
      const parsed = propositional.claim(claim)
      expect(equalBytes(parsed.claimId, claimId)).toBe(true)
      const verdict = propositional.verify(claim, proof)
      expect(verdict).toEqual({ status: 'valid', gas: verdict.gas, summary: { library: 'propositional', label } })
      gas += verdict.gas
    }
    expect(propositional.theorems.size).toBe(164)
    expect(gas).toBe(2_683_827)
  })

  it('gas and verdict do not depend on what an instance has seen before', () => {
    const fresh = new World(PROPOSITIONAL, 'propositional')
    for (const label of ['xor-i', 'iff-iff', 'id']) {
      const { claim, proof } = propositional.theorem(label)
      expect(fresh.verify(claim, proof)).toEqual(propositional.verify(claim, proof))
      expect(propositional.verify(claim, proof.subarray(0, proof.length - 1))).toEqual(
        fresh.verify(claim, proof.subarray(0, proof.length - 1)),
      )
    }
  })

  it('extraction keeps the letters of a compressed proof and compresses an uncompressed one', () => {
    expect(String.fromCharCode(...quantified.certificate('round').letters)).toBe('ACAACDBACEFG')
    expect(String.fromCharCode(...quantified.certificate('plain').letters)).toBe('ABC')
    expect(encodeLetters([0, 19, 20, 119, 120, 619, 620, -1])).toEqual(ascii('ATUAYTUUAYYTUUUAZ'))
  })

  it('citations are read by content, and a proof cites what it lists', () => {
    const { claim, proof } = propositional.theorem('chain')
    const citations = unwrap(propositional.verifier.citationsOf(propositional.claim(claim), proof))
    expect(citations.map(({ name }) => name)).toEqual(['w-imp', 'ax-keep', 'mp', 'ax-spread'])
    for (const { claimId, name } of citations) {
      expect(unwrap(readClaim(propositional.statements.get(toHex(claimId)) as Uint8Array)).label).toBe(name)
    }
  })

  it('every single-letter mutation is adjudicated as an independent kernel adjudicates it', () => {
    let accepted = 0
    let mutants = 0
    for (const [world, labels] of [
      [
        propositional,
        ['id', 'keep-i', 'chain', 'swap', 'clavius', 'and-l', 'or-swap', 'iff-id', 'contract', 'cases', 'contrapose', 'xor-l', 'peirce'],
      ],
      [quantified, ['gen', 'round', 'plain']],
    ] as const) {
      for (const label of labels) {
        const { claim } = world.theorem(label)
        const certificate = world.certificate(label)
        expect(oracle(world, claim, certificate)).toBe(true)
        for (const letters of mutations(certificate.letters)) {
          const mutant = { ...certificate, letters }
          const verdict = world.verify(claim, encodeCertificate(mutant))
          mutants++
          if (verdict.status === 'valid') accepted++
          expect([label, String.fromCharCode(...letters), verdict.status === 'valid']).toEqual([
            label,
            String.fromCharCode(...letters),
            oracle(world, claim, mutant),
          ])
        }
      }
    }
    expect(mutants).toBeGreaterThan(10_000)
    expect(accepted).toBeLessThan(mutants / 100)
  })

  it('dropping, swapping or repeating a citation never proves the claim by another statement', () => {
    for (const label of ['chain', 'and-l', 'or-swap', 'iff-chain']) {
      const { claim } = propositional.theorem(label)
      const certificate = propositional.certificate(label)
      for (let i = 0; i < certificate.references.length; i++) {
        const dropped = certificate.references.filter((_, k) => k !== i)
        const repeated = [...certificate.references, certificate.references[i] as MetamathCertificate['references'][number]]
        const swapped = certificate.references.with(i, certificate.references[0] as MetamathCertificate['references'][number])
        for (const references of i === 0 ? [dropped, repeated] : [dropped, repeated, swapped]) {
          expect(propositional.verify(claim, encodeCertificate({ ...certificate, references })).status).toBe('invalid')
        }
      }
    }
  })

  it('a certificate proves no other claim', () => {
    const labels = ['id', 'chain', 'swap', 'and-l', 'and-r', 'or-l', 'or-r', 'dn-e', 'dn-i']
    for (const proved of labels) {
      for (const claimed of labels) {
        const verdict = propositional.verify(propositional.theorem(claimed).claim, propositional.theorem(proved).proof)
        expect(verdict.status).toBe(proved === claimed ? 'valid' : 'invalid')
      }
    }
  })

  it("disjoint conditions: without the claim's own pair or the dummy's pair there is no proof", () => {
    const gen = quantified.theorem('gen')
    const statement = unwrap(readClaim(gen.claim))
    expect(statement.disjoint).toEqual([[0, 1]])
    const careless = encodeClaim({ ...statement, disjoint: [] })
    expect(quantified.verify(careless, gen.proof)).toMatchObject({
      status: 'invalid',
      code: 'disjoint-violation',
      message: '"gen", step 3 (ax5): needs "p" and "x" to be disjoint, and no "$d" says so',
    })
    const round = quantified.theorem('round')
    const certificate = quantified.certificate('round')
    expect(certificate.disjoint).toEqual([0, 2])
    expect(quantified.verify(round.claim, encodeCertificate({ ...certificate, disjoint: [] }))).toMatchObject({
      code: 'disjoint-violation',
    })
    const pair = (disjoint: number[]): Verdict => quantified.verify(round.claim, encodeCertificate({ ...certificate, disjoint }))
    expect(pair([0, 2]).status).toBe('valid')
    expect(pair([1, 2])).toMatchObject({ code: 'disjoint', message: expect.stringContaining('slot 1 is not a variable') })
    for (const wrong of [
      [0, 1],
      [2, 0],
      [2, 2],
      [0, 3],
      [0, 2, 0, 2],
    ])
      expect(pair(wrong)).toMatchObject({ code: 'disjoint' })
  })

  it('one variable never takes two slots: a mandatory variable is not a dummy, and no dummy is listed twice', () => {
    const { claim } = quantified.theorem('round')
    const certificate = quantified.certificate('round')
    const [dummy, ...rest] = certificate.references
    const named = (symbol: string): MetamathCertificate['references'][number] => ({ kind: 'dummy', symbol: ascii(symbol) })
    expect(dummy).toEqual(named('y'))
    const verdict = (...references: MetamathCertificate['references']): Verdict =>
      quantified.verify(claim, encodeCertificate({ ...certificate, references }))
    expect(verdict(named('x'), ...rest).status).toBe('valid')
    for (const wrong of ['p', 'wff', 'nothing']) expect(verdict(named(wrong), ...rest)).toMatchObject({ code: 'certificate-reference' })
    expect(verdict(named('y'), named('y'), ...rest)).toMatchObject({ code: 'certificate-reference' })
    expect(verdict(named('q'), ...rest)).toMatchObject({ code: 'typecode-mismatch' })
  })

  it('nothing proves itself, and citations are what they are called', () => {
    const { claim, claimId, proof } = propositional.theorem('keep-i')
    const self = encodeCertificate({
      references: [{ kind: 'citation', label: ascii('keep-i'), claimId }],
      disjoint: [],
      letters: ascii('ABCD'),
    })
    expect(propositional.verify(claim, self)).toMatchObject({ code: 'self-reference' })
    expect(propositional.verify(claim, proof, { statementOf: () => undefined })).toMatchObject({ code: 'unknown-citation' })
    const other = propositional.theorem('id').claim
    expect(propositional.verify(claim, proof, { statementOf: () => other })).toMatchObject({ code: 'citation' })
    expect(propositional.verify(claim, proof, { statementOf: () => ascii('junk') })).toMatchObject({ code: 'citation' })
    const certificate = propositional.certificate('keep-i')
    const references = certificate.references.map((reference) =>
      reference.kind === 'citation' ? { ...reference, label: ascii('other-name') } : reference,
    )
    expect(propositional.verify(claim, encodeCertificate({ ...certificate, references }))).toMatchObject({ code: 'citation' })
  })

  it('a statement of another library is not a citation', () => {
    const both = metamathVerifier([propositional.library, { ...propositional.library, name: 'other', axioms: [] }])
    const { claim, proof } = propositional.theorem('id')
    const moved = encodeClaim({ ...unwrap(readClaim(claim)), library: 'other' })
    const parsed = unwrap(both.parseClaim(moved)).claim
    expect(both.verify(parsed, proof, propositional.cited, createMeter(METAMATH_LIMITS))).toMatchObject({ code: 'citation' })
    expect(propositional.verifier.parseClaim(moved)).toMatchObject({ ok: false, error: { code: 'unknown-library' } })
  })

  it('a wrong label is another claim, and a label that is a word of the library is refused', () => {
    const { claim, proof, claimId } = propositional.theorem('id')
    const statement = unwrap(readClaim(claim))
    const renamed = encodeClaim({ ...statement, label: 'identity' })
    expect(propositional.verify(renamed, proof).status).toBe('valid')
    expect(equalBytes(propositional.claim(renamed).claimId, claimId)).toBe(false)
    for (const label of ['p', 'v-p', 'wff']) {
      const result = propositional.verifier.parseClaim(encodeClaim({ ...statement, label }))
      expect(result).toMatchObject({ ok: false, error: { code: 'claim-label' } })
    }
  })

  const citing = (label: string): MetamathCertificate['references'] =>
    propositional
      .certificate('chain')
      .references.filter((reference) => reference.kind === 'citation' && equalBytes(reference.label, ascii(label)))

  /** Of a claim with one hypothesis: doubles it so many times. */
  function doublingBomb(times: number): Uint8Array {
    const steps = [0, 0, 1, -1]
    for (let round = 0; round < times - 1; round++) steps.push(2 + round, 2 + round, 1, -1)
    return encodeCertificate({ references: citing('w-imp'), disjoint: [], letters: encodeLetters(steps) })
  }

  it('a 24-fold doubling bomb is refused at its memory or at its gas, whichever is less', () => {
    const { claim } = propositional.theorem('id')
    expect(propositional.verify(claim, doublingBomb(24))).toMatchObject({ status: 'invalid', code: 'memory-exhausted' })
    const little = { ...METAMATH_LIMITS, gas: 1_000_000 }
    expect(propositional.verify(claim, doublingBomb(24), propositional.cited, little)).toMatchObject({
      code: 'gas-exhausted',
      gas: 1_000_000,
    })
  })

  it('a result that does not fit is not paid for', () => {
    const { claim } = propositional.theorem('id')
    const words = 50_000
    const verdict = propositional.verify(claim, doublingBomb(24), propositional.cited, { ...METAMATH_LIMITS, memoryWords: words })
    expect(verdict).toMatchObject({ code: 'memory-exhausted' })
    // The bytes of claim and certificate, the citation, a step and a record of 11 words each time: 10,000 gas; the rest is what was written.
    expect(verdict.gas).toBeLessThan(10_000 + words)
  })

  it('of a certificate that is refused while it is read, what was read is paid for, and letters in pieces of 1,024', () => {
    const { claim } = propositional.theorem('id')
    const intrinsic = 5_000 + 4 * claim.length
    const tooMany = encodeCertificate({ references: [], disjoint: [], letters: new Uint8Array(100_000) })
    tooMany[0] = 0xff
    expect(propositional.verify(claim, tooMany)).toMatchObject({ code: 'too-many', gas: intrinsic })
    const letters = new Uint8Array(100_000).fill(0x41)
    letters[1_024] = 0x3f
    const incomplete = encodeCertificate({ references: [], disjoint: [], letters })
    expect(propositional.verify(claim, incomplete)).toMatchObject({ code: 'incomplete', gas: intrinsic + 4 * (3 * 4 + 2 * 1_024) })
  })

  it('every limit on gas below what a proof needs refuses it, and the exact amount suffices', () => {
    const { claim, proof } = propositional.theorem('contract')
    const { gas } = propositional.verify(claim, proof)
    for (const limit of [0, 1, 4_999, gas - 1]) {
      const verdict = propositional.verify(claim, proof, propositional.cited, { ...METAMATH_LIMITS, gas: limit })
      expect(verdict).toMatchObject({ status: 'invalid', code: 'gas-exhausted', gas: limit })
    }
    expect(propositional.verify(claim, proof, propositional.cited, { ...METAMATH_LIMITS, gas })).toMatchObject({ status: 'valid', gas })
  })

  it('truncated or altered at any byte, a certificate gets a verdict and nothing throws', () => {
    const { claim, proof } = propositional.theorem('chain')
    for (let length = 0; length < proof.length; length++) {
      expect(propositional.verify(claim, proof.subarray(0, length)).status).toBe('invalid')
    }
    expect(propositional.verify(claim, Uint8Array.of(...proof, 0))).toMatchObject({ code: 'trailing' })
    for (let at = 0; at < proof.length; at++) {
      for (const flip of [1, 0x20, 0x80, 0xff]) {
        const altered = proof.slice()
        altered[at] = (altered[at] as number) ^ flip
        expect(propositional.verify(claim, altered).status).toBe('invalid')
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => propositional.verify(claim, bytes).status === 'invalid'),
      { numRuns: 500 },
    )
  })
})

describe('claims of metamath/1', () => {
  it('one statement has one encoding: whatever is accepted is what the writer writes', () => {
    for (const world of [propositional, quantified]) {
      for (const { claim } of world.theorems.values()) {
        expect(encodeClaim(unwrap(readClaim(claim)))).toEqual(claim)
        for (let at = 0; at < claim.length; at++) {
          for (const flip of [1, 2, 0x20, 0x80]) {
            const altered = claim.slice()
            altered[at] = (altered[at] as number) ^ flip
            const parsed = world.verifier.parseClaim(altered)
            if (!parsed.ok) continue
            expect(encodeClaim(unwrap(readClaim(altered)))).toEqual(altered)
            expect(equalBytes(parsed.value.claimId, world.claim(claim).claimId)).toBe(false)
          }
        }
      }
    }
  })

  it('truncated anywhere or random, a claim is refused and nothing throws', () => {
    const { claim } = propositional.theorem('iff-chain-i')
    for (let length = 0; length < claim.length; length++) {
      expect(propositional.verifier.parseClaim(claim.subarray(0, length)).ok).toBe(false)
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !propositional.verifier.parseClaim(bytes).ok))
  })

  const base: ClaimStatement = {
    library: 'quantified',
    label: 't',
    hypotheses: [
      { kind: 'floating', symbols: 'wff p' },
      { kind: 'floating', symbols: 'set x' },
      { kind: 'essential', symbols: '|- p' },
    ],
    disjoint: [[0, 1]],
    assertion: '|- A. x p',
  }
  const refused: [string, Partial<ClaimStatement>, string][] = [
    ['a variable without $f', { assertion: '|- A. y p' }, 'claim-frame'],
    ['a $f that nothing uses', { assertion: '|- p' }, 'claim-frame'],
    ['a $f of another typecode', { hypotheses: [{ kind: 'floating', symbols: 'set p' }], disjoint: [] }, 'claim-frame'],
    ['a $f of a constant', { hypotheses: [{ kind: 'floating', symbols: 'wff wff' }], disjoint: [] }, 'claim-frame'],
    ['a $f of three symbols', { hypotheses: [{ kind: 'floating', symbols: 'wff p p' }], disjoint: [] }, 'claim-frame'],
    ['a $f twice', { hypotheses: [...base.hypotheses, { kind: 'floating', symbols: 'wff p' }] }, 'claim-frame'],
    ['a $e before the $f of its variable', { hypotheses: [...base.hypotheses].reverse(), disjoint: [] }, 'claim-frame'],
    ['a symbol of no library', { assertion: '|- A. x p zzz' }, 'claim-symbol'],
    ['a label of the library for a symbol', { assertion: '|- A. x wp' }, 'claim-symbol'],
    ['a variable for a typecode', { assertion: 'x p' }, 'claim-symbol'],
    ['an empty assertion', { assertion: '' }, 'symbols'],
    ['two spaces', { assertion: '|-  A. x p' }, 'symbols'],
    ['a space at the end', { assertion: '|- A. x p ' }, 'symbols'],
    ['a tab', { assertion: '|-\tA. x p' }, 'symbols'],
    ['a keyword', { assertion: '|- A. x p $.' }, 'symbols'],
    ['a pair the wrong way round', { disjoint: [[1, 0]] }, 'disjoint'],
    ['a pair of one', { disjoint: [[1, 1]] }, 'disjoint'],
    ['a pair with a $e', { disjoint: [[0, 2]] }, 'disjoint'],
    ['a pair out of range', { disjoint: [[0, 9]] }, 'disjoint'],
    [
      'a pair twice',
      {
        disjoint: [
          [0, 1],
          [0, 1],
        ],
      },
      'disjoint',
    ],
    ['an empty label', { label: '' }, 'label'],
    ['a label with a space', { label: 'a b' }, 'label'],
    ['another library', { library: 'other' }, 'unknown-library'],
  ]
  it.each(refused)('refuses %s', (_, change, code) => {
    expect(quantified.verifier.parseClaim(encodeClaim(base)).ok).toBe(true)
    expect(quantified.verifier.parseClaim(encodeClaim({ ...base, ...change }))).toMatchObject({ ok: false, error: { code } })
  })
})

describe('libraries of metamath/1', () => {
  it('a definition survives its encoding, and its digest names it', () => {
    for (const { library } of [propositional, quantified]) {
      const bytes = encodeLibrary(library)
      const decoded = unwrap(decodeLibrary(bytes))
      expect(decoded).toEqual(library)
      expect(encodeLibrary(decoded)).toEqual(bytes)
    }
    const { library } = propositional
    const shorter = { ...library, axioms: library.axioms.slice(1) }
    expect(equalBytes(libraryDigest(shorter), libraryDigest(library))).toBe(false)
  })

  it('what is no definition is refused: words twice, roles mixed, axioms that are no claims, labels twice', () => {
    const { library } = quantified
    const refuses = (change: Partial<LibraryDefinition>): void => {
      expect(decodeLibrary(encodeLibrary({ ...library, ...change })).ok).toBe(false)
    }
    const [p] = library.variables
    if (p === undefined) throw new Error('no variable')
    refuses({ name: 'a b' })
    refuses({ constants: [...library.constants, 'wff'] })
    refuses({ constants: [...library.constants, 'p'] })
    refuses({ constants: [...library.constants, 'two words'] })
    refuses({ constants: [...library.constants, '$c'] })
    refuses({ constants: library.constants.filter((constant) => constant !== 'wff') })
    refuses({ variables: [...library.variables, p] })
    refuses({ variables: [...library.variables, { symbol: 'z', typecode: 'p', label: 'vz' }] })
    refuses({ axioms: [...library.axioms, library.axioms[0] as Uint8Array] })
    refuses({ axioms: [ascii('junk')] })
    refuses({ axioms: propositional.library.axioms })
    const bytes = encodeLibrary(library)
    for (let length = 0; length < bytes.length; length++) expect(decodeLibrary(bytes.subarray(0, length)).ok).toBe(false)
  })

  it('a variable with two typecodes makes no library', () => {
    const text = '$c a b $. ${ $v z $. za $f a z $. $} ${ $v z $. zb $f b z $. $}'
    const extractor = new LibraryExtractor(unwrap(parseDatabase(ascii(text))), 'two')
    expect(extractor.library()).toMatchObject({ ok: false, error: { code: 'variable-type' } })
  })

  it.each([
    ['a constant', { c: 'library-symbol' }],
    ['a variable', { v: 'library-symbol' }],
    ['the label of a variable', { f: 'label' }],
    ['the label of an axiom', { a: 'label' }],
    ['the name', { name: 'library-name' }],
  ])('%s of 255 characters is taken, and one of 256 refused, though Metamath knows no bound', (_what, which) => {
    const [word, code] = Object.entries(which)[0] as [string, string]
    const extracted = (length: number) => {
      const of = (which: string, short: string): string => (which === word ? 'x'.repeat(length) : short)
      const [c, v, f, a, name] = [of('c', 'c'), of('v', 'v'), of('f', 'f'), of('a', 'a'), of('name', 'n')]
      const text = `$c wff ${c} $. $v ${v} $. ${f} $f wff ${v} $. ${a} $a wff ${c} $. id $a wff ${v} $.
        k $p wff ${c} $= ( ${f} ${a} id ) ABC $. t $p wff ${c} $= ( ${a} ) A $.`
      const extractor = new LibraryExtractor(unwrap(parseDatabase(ascii(text))), name)
      return [extractor.library(), extractor.theorem('t'), extractor.theorem('k')] as const
    }
    const [library, theorem, dummy] = extracted(255)
    expect(decodeLibrary(encodeLibrary(unwrap(library)))).toEqual(library)
    expect([theorem.ok, dummy.ok]).toEqual([true, true])
    const refused = extracted(256)
    expect(refused[0]).toMatchObject({ ok: false, error: { code } })
    const inTheorem = word === 'c' || word === 'f' ? [] : word === 'v' ? [refused[2]] : refused.slice(1)
    for (const each of inTheorem) expect(each).toMatchObject({ ok: false, error: { code } })
  })

  it('the entries of a library are its axioms and the first theorems, in order', () => {
    const extractor = new LibraryExtractor(unwrap(parseDatabase(PROPOSITIONAL)), 'propositional')
    const { axioms, theorems } = extractor.entries(3)
    expect(axioms).toEqual(unwrap(libraryAxioms(propositional.library)))
    expect(theorems.map(({ label }) => label)).toEqual(['id', 'keep-i', 'mp-d'])
    expect(theorems.map(({ claimId }) => claimId)).toEqual(['id', 'keep-i', 'mp-d'].map((label) => propositional.theorem(label).claimId))
    expect(extractor.theorem('mp')).toMatchObject({ ok: false, error: { code: 'unknown-theorem' } })
  })
})

function* mutations(letters: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < letters.length; at++) {
    for (let letter = 0x41; letter <= 0x5a; letter++) {
      if (letters[at] !== letter) yield letters.with(at, letter)
    }
    yield Uint8Array.from([...letters.subarray(0, at), ...letters.subarray(at + 1)])
  }
}
