/**
 * What the kernel must never do: throw, or call a satisfiable script refuted. Proofs and scripts are changed, cut and exchanged;
 * whatever is still accepted, trying all assignments (test/slow-bv.js) must find to have no model.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawer, randomScript } from '../../test/bv-generator.js'
import { bruteForce, readSlowScript } from '../../test/slow-bv.js'
import { type LratStep, refute, toBinaryLrat, toTextLrat } from '../instances/index.js'
import { runMetered } from '../meter.js'
import { scriptToClaim } from './canonical.js'
import { BVLRAT_LIMITS } from './gas.js'
import { encodeWithin } from './model.js'
import { parseScript } from './parse.js'
import { bvlratVerifier } from './verifier.js'

const LIMITS = { ...BVLRAT_LIMITS, gas: 2_000_000, memoryWords: 1 << 20 }
const verifier = bvlratVerifier(LIMITS)
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)
const script = (...lines: readonly string[]): string => `(set-logic QF_BV)\n${lines.map((line) => `${line}\n`).join('')}(check-sat)\n`

/** 'refused': no claim at all. */
function statusOf(source: Uint8Array, proof: Uint8Array): 'valid' | 'invalid' | 'refused' {
  const parsed = verifier.parseClaim(source)
  if (!parsed.ok) return 'refused'
  return runMetered(verifier, parsed.value.claim, proof, { statementOf: () => undefined }).status
}

function stepsFor(source: string): readonly LratStep[] | null {
  const parsed = parseScript(utf8(source))
  if (!parsed.ok) throw new Error(parsed.error.message)
  const encoded = encodeWithin(parsed.value)
  if (!encoded.ok) throw new Error(encoded.error.message)
  const { cnf } = encoded.value
  const clauses: number[][] = []
  for (let at = 0; at < cnf.words.length; at += 1 + (cnf.words[at] as number)) {
    const codes = cnf.words.subarray(at + 1, at + 1 + (cnf.words[at] as number))
    clauses.push(Array.from(codes, (code) => ((code & 1) === 1 ? -(code >> 1) : code >> 1)))
  }
  const outcome = refute({ name: 'a script', variables: cnf.variables, clauses }, { conflicts: 100_000 })
  return outcome.status === 'unsatisfiable' ? outcome.steps : null
}

const X = '(declare-const x (_ BitVec 2))'
const Y = '(declare-const y (_ BitVec 2))'
/** Each with a script that differs in little and has a model. */
const SUBJECTS = [
  {
    sound: script(X, '(assert (bvult x #b01))', '(assert (bvugt x #b00))'),
    faulty: script(X, '(assert (bvult x #b01))', '(assert (bvuge x #b00))'),
  },
  {
    sound: script(X, Y, '(assert (distinct (bvadd x y) (bvadd y x)))'),
    faulty: script(X, Y, '(assert (distinct (bvsub x y) (bvsub y x)))'),
  },
  {
    sound: script(X, Y, '(assert (not (= x (bvadd (bvmul (bvudiv x y) y) (bvurem x y)))))'),
    faulty: script(X, Y, '(assert (not (= x (bvmul (bvudiv x y) y))))'),
  },
  {
    sound: script(X, '(define-fun f ((a (_ BitVec 2))) (_ BitVec 2) (bvand a (bvneg a)))', '(assert (let ((z (f x))) (distinct z (f z))))'),
    faulty: script(X, '(define-fun f ((a (_ BitVec 2))) (_ BitVec 2) (bvor a (bvneg a)))', '(assert (let ((z (f x))) (distinct z x)))'),
  },
]

/** One bit flipped, one more, one less, and the bytes that mean something. */
const telling = (byte: number): number[] => [
  ...[1, 2, 4, 8, 16, 32, 64, 128].map((bit) => byte ^ bit),
  (byte + 1) & 255,
  (byte + 255) & 255,
  ...[0, 97, 100, 255],
]

describe('every change of one byte', () => {
  test('of a binary proof: never throws, never refutes the satisfiable sibling', () => {
    for (const { sound, faulty } of SUBJECTS) {
      expect(bruteForce(readSlowScript(sound))).toBeNull()
      expect(bruteForce(readSlowScript(faulty))).not.toBeNull()
      const proof = toBinaryLrat(stepsFor(sound) ?? [])
      expect(statusOf(utf8(sound), proof)).toBe('valid')
      let refused = 0
      for (let at = 0; at < proof.length; at++) {
        for (const value of telling(proof[at] as number)) {
          const changed = proof.slice()
          changed[at] = value
          if (statusOf(utf8(sound), changed) === 'invalid') refused++
          expect(statusOf(utf8(faulty), changed)).toBe('invalid')
        }
      }
      expect(refused).toBeGreaterThan(proof.length)
    }
  })

  test('of a script: its proof is accepted only while there is no model', () => {
    const bytes = [...new Set([...'()_ #bx01239aBfgnotugeltshradivmz-=|;\n'].map((letter) => letter.charCodeAt(0)))]
    let parsed = 0
    let accepted = 0
    for (const { sound } of SUBJECTS) {
      const steps = stepsFor(sound) ?? []
      const proof = toBinaryLrat(steps)
      const source = utf8(sound)
      for (let at = 0; at < source.length; at++) {
        for (const byte of bytes) {
          const changed = source.slice()
          changed[at] = byte
          const status = statusOf(changed, proof)
          if (status === 'refused') continue
          parsed++
          if (status === 'invalid') continue
          accepted++
          expect(bruteForce(readSlowScript(textOf(changed))), textOf(changed)).toBeNull()
        }
      }
    }
    expect(parsed).toBeGreaterThan(500)
    expect(accepted).toBeGreaterThan(100)
  })
})

test('words of a script exchanged for others: its proof is accepted only while there is no model', () => {
  const words = [
    'bvadd',
    'bvsub',
    'bvmul',
    'bvudiv',
    'bvurem',
    'bvsdiv',
    'bvsrem',
    'bvsmod',
    'bvand',
    'bvor',
    'bvxor',
    'bvshl',
    'bvlshr',
    'bvashr',
  ]
  const relations = [
    'bvult',
    'bvule',
    'bvugt',
    'bvuge',
    'bvslt',
    'bvsle',
    'bvsgt',
    'bvsge',
    '=',
    'distinct',
    'bvuaddo',
    'bvumulo',
    'bvsmulo',
  ]
  let accepted = 0
  let refuted = 0
  for (const { sound } of SUBJECTS) {
    const proof = toTextLrat(stepsFor(sound) ?? [])
    const tokens = sound.split(/(?<=[( )])|(?=[( )])/)
    tokens.forEach((token, i) => {
      const list = words.includes(token)
        ? words
        : relations.includes(token)
          ? relations
          : token === 'x' || token === 'y'
            ? ['x', 'y', '#b00', '#b10']
            : []
      for (const word of list) {
        const changed = tokens.map((other, k) => (k === i ? word : other)).join('')
        if (!parseScript(utf8(changed)).ok) continue
        const satisfiable = bruteForce(readSlowScript(changed)) !== null
        const status = statusOf(utf8(changed), proof)
        if (satisfiable) expect(status, changed).toBe('invalid')
        else refuted++
        if (status === 'valid') accepted++
      }
    })
  }
  expect(refuted).toBeGreaterThan(accepted)
  expect(accepted).toBeGreaterThan(20)
})

test('a proof cut at any byte is refused: the empty clause is its last addition', () => {
  for (const { sound } of SUBJECTS) {
    const steps = stepsFor(sound) ?? []
    for (const [proof, spare] of [
      [toBinaryLrat(steps), 0],
      [toTextLrat(steps), 1],
    ] as const) {
      // A text may lack its last line end.
      for (let length = 0; length < proof.length - spare; length++) expect(statusOf(utf8(sound), proof.subarray(0, length))).toBe('invalid')
    }
  }
})

test('proofs of random scripts, given to other random scripts: accepted only where there is no model', () => {
  const sources = Array.from({ length: 160 }, (_, seed) => {
    const claim = scriptToClaim(
      utf8(randomScript(9_000 + seed, { widths: [1, 2], constants: 3, depth: 3, assertions: 2, overflowPredicates: true })),
    )
    if (!claim.ok) throw new Error(claim.error.message)
    return textOf(claim.value)
  })
  const proofs = sources.flatMap((source) => {
    const steps = stepsFor(source)
    return steps === null ? [] : [toBinaryLrat(steps)]
  })
  expect(proofs.length).toBeGreaterThan(30)
  let foreign = 0
  for (const source of sources) {
    const satisfiable = bruteForce(readSlowScript(source)) !== null
    for (const proof of proofs) {
      const status = statusOf(utf8(source), proof)
      if (satisfiable) expect(status, source).toBe('invalid')
      else if (status === 'valid') foreign++
    }
  }
  expect(foreign).toBeGreaterThanOrEqual(proofs.length)
})

test('random bytes as script or file or proof: an answer, never a throw', () => {
  const draw = drawer(3)
  const alphabet = [
    '(',
    ')',
    ' ',
    '\n',
    '(assert ',
    '(declare-const x Bool)\n',
    '(let ((',
    'x',
    '#b1',
    '#xf',
    '(_ ',
    'extract',
    ' 1 0)',
    'true',
    '|',
    '"',
    ';',
  ]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(fc.constantFrom(...alphabet), { maxLength: 30 }), (bytes, words) => {
      const text = utf8(words.join(''))
      for (const source of [bytes, text, utf8(script(words.join('')))]) {
        parseScript(source)
        scriptToClaim(source)
      }
      expect(statusOf(utf8(SUBJECTS[draw(4)]?.sound ?? ''), bytes)).toBe('invalid')
    }),
    { numRuns: 5_000 },
  )
})
