/** One byte string per claim: what the canonical grammar accepts, what it refuses and why, and how files become canonical. */
import { describe, expect, test } from 'vitest'
import { drawer, randomScript } from '../../test/bv-generator.js'
import { scriptToClaim } from './canonical.js'
import { MAX_WIDTH } from './gas.js'
import { parseScript } from './parse.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function claimOf(text: string): string {
  const claim = scriptToClaim(utf8(text))
  return claim.ok ? textOf(claim.value) : `${claim.error.code}: ${claim.error.message}`
}

const script = (...lines: readonly string[]): string => `(set-logic QF_BV)\n${lines.map((line) => `${line}\n`).join('')}(check-sat)\n`

function codeOf(text: string): string {
  const parsed = parseScript(utf8(text))
  return parsed.ok ? 'accepted' : parsed.error.code
}

describe('a file becomes the one canonical script', () => {
  test('layout, comments, declarations, literals, bars, annotations and what asserts nothing', () => {
    const file = `
; a comment
(set-option :produce-models true)
(set-info :source |several
  lines|)
(set-info :status unsat) (set-logic QF_BV)
(declare-fun x () (_ BitVec 008))(declare-const |y| (_ BitVec 8))
(declare-const |two words| Bool)
(define-sort Byte () (_ BitVec 8))
(define-fun f ((a Byte)
  (p Bool)) Byte (ite p a (_ bv5 8)))
(define-const k Byte #xA5)
(assert (! (= x ( f   y |two words|)) :named first))
(assert (bvult ((_ rotate_left 02) x) #b00000111 ))
(assert (let ((z #b101)) (= z (_ bv7 3))))
(check-sat)
(get-model)
(get-value (x))
(exit)
(check-sat-again)`
    expect(claimOf(file)).toBe(
      script(
        '(declare-const x (_ BitVec 8))',
        '(declare-const y (_ BitVec 8))',
        '(declare-const |two words| Bool)',
        '(define-fun f ((a (_ BitVec 8)) (p Bool)) (_ BitVec 8) (ite p a #x05))',
        '(define-fun k () (_ BitVec 8) #xa5)',
        '(assert (= x (f y |two words|)))',
        '(assert (bvult ((_ rotate_left 2) x) #x07))',
        '(assert (let ((z #b101)) (= z #b111)))',
      ),
    )
  })

  test('the canonical script of a canonical script is itself, and parses', () => {
    for (let seed = 0; seed < 300; seed++) {
      const first = claimOf(
        randomScript(seed, { widths: [1, 3, 4, 9], constants: 3, depth: 4, assertions: 2, naryVectors: true, overflowPredicates: true }),
      )
      expect(codeOf(first), first).toBe('accepted')
      expect(claimOf(first)).toBe(first)
    }
  })

  test.each(['', '\n', '; only a comment\n', '  ; and another'])('%j has no command and is no script', (text) => {
    expect(claimOf(text)).toBe('syntax: line 1: expected SMT-LIB commands, such as (assert ...), got a file without any')
  })

  test.each([
    ['(push 1)', /push is not supported: a claim is one set of assertions; write a script for each/],
    ['(push 1)\n(assert true)', /line 2: push is not supported/],
    ['(reset)', /reset is not supported: .*write a script for each/],
    ['(check-sat-assuming (p))', /write what it assumes as \(assert/],
    ['(check-sat)\n(assert true)', /line 3: .*got assert behind it: .*write a script for each/],
    ['(declare-sort |t_s| 0)', /QF_BV has the sorts Bool .*Yosys: write_smt2 -stbv/],
    ['(declare-datatypes ((P 0)) (((mk))))', /QF_BV has the sorts Bool/],
    ['(declare-const i Int)\n(assert (> i 1))', /line 2: .*got Int: QF_BV has no others/],
    ['(declare-const m (Array Bool Bool))', /no arrays/],
    ['(declare-const i Bool)\n(assert (= i 300))', /line 3: expected a bit vector such as .*got 300/],
    ['(declare-const x (_ BitVec 8))\n(assert (= (bv2nat x) x))', /line 3: .*got bv2nat: QF_BV has no integers/],
    ['(declare-const x (_ BitVec 8))\n(assert (= ((_ int2bv 8) x) x))', /got int2bv: QF_BV has no integers/],
    ['(assert (forall ((x Bool)) x))', /got forall: QF_BV has no quantifiers/],
    ['(declare-const x (_ BitVec 8))\n(assert (= (bvredor x) #b1))', /got bvredor: it is not of SMT-LIB/],
    ['(declare-const p Bool)\n(assert (! p :named a1))\n(assert (not a1))', /line 4: .*got a1, the name of a term: .*define-fun a1/],
    ['(frobnicate)', /line 2: expected set-logic, .* got frobnicate$/],
  ])('%s is refused in words that say what to do', (text, words) => {
    expect(claimOf(`(set-logic QF_BV)\n${text}\n`)).toMatch(words)
  })

  test('behind (exit) nothing is read, not even what is no SMT-LIB; a name of another alphabet that is dropped is no matter', () => {
    const file = '(set-logic QF_BV)(assert (! true :named |\u00e4|))(check-sat)(exit)\n(garbage here'
    expect(claimOf(file)).toBe(script('(assert true)'))
  })

  test.each([
    ['(push 1)', 'unsupported'],
    ['(check-sat-assuming (p))', 'unsupported'],
    ['(declare-sort S 0)', 'unsupported'],
    ['(declare-fun f (Bool) Bool)', 'unsupported'],
    ['(declare-const a (Array Bool Bool))', 'unsupported'],
    ['(set-logic QF_LIA)', 'logic'],
    ['(check-sat)(assert true)', 'unsupported'],
    ['(assert true', 'syntax'],
    ['(assert true))', 'syntax'],
    ['assert', 'syntax'],
    ['(assert)', 'syntax'],
    ['(assert true true)', 'syntax'],
    ['(assert (= #xg0 #x00))', 'syntax'],
    ['(assert (= #b12 #b00))', 'syntax'],
    ['(assert (= (_ bv256 8) #x00))', 'width'],
    ['(assert (= (_ bv0 0) #x00))', 'width'],
    ['(assert (= (_ bv0 4294967304) #x00))', 'syntax'],
    ['(declare-const |a\\b| Bool)', 'unsupported'],
    ['(declare-const |a', 'syntax'],
    ['(assert "text")', 'syntax'],
    ['(assert (forall ((x Bool)) x))', 'unknown-symbol'],
    ['(assert p)', 'unknown-symbol'],
    ['(declare-const p Bool)(declare-const p Bool)', 'redeclared'],
    ['(declare-const bvadd Bool)', 'reserved'],
    ['(declare-const |let| Bool)', 'reserved'],
    ['(assert (bvult #x00 #b0))', 'sort'],
    ['\u0000', 'syntax'],
    ['(declare-const é Bool)', 'syntax'],
  ])('%s is refused with a line', (text, code) => {
    const claim = scriptToClaim(utf8(`; first\n\n${text}`))
    if (claim.ok) throw new Error(`accepted: ${textOf(claim.value)}`)
    expect(claim.error.code).toBe(code)
    expect(claim.error.message).toMatch(/^line 3: /)
  })

  test('the parser’s refusals name the line of the file', () => {
    expect(claimOf('(declare-const x (_ BitVec 8))\n(assert\n  (= x\n     (bvadd x\n       #b101)))')).toMatch(
      /^sort: line 4: expected \(_ BitVec 8\)/,
    )
  })
})

describe('canonical scripts', () => {
  test.each([
    ['nothing but the frame', []],
    [
      'all that a command may be',
      ['(declare-const p Bool)', '(define-fun f () Bool p)', '(define-fun g ((a Bool) (b Bool)) Bool (and a b))', '(assert (g f p))'],
    ],
    [
      'locals that hide constants and functions',
      ['(declare-const p Bool)', '(define-fun f ((p (_ BitVec 2))) Bool (= p #b00))', '(assert (let ((f p) (p #b01)) (= p #b10)))'],
    ],
    ['a let inside a binding', ['(assert (let ((a (let ((b true)) b))) a))']],
    [
      'names with every mark',
      ['(declare-const a~!@$%^&*_-+=<>.?/ Bool)', '(declare-const |0| Bool)', '(declare-const || Bool)', '(assert |0|)'],
    ],
  ])('%s', (_name, lines) => {
    expect(codeOf(script(...lines))).toBe('accepted')
  })

  test.each([
    ['a blank too many', '(assert  true)'],
    ['a blank at the end of a list', '(assert (and true ))'],
    ['a tab', '(assert\ttrue)'],
    ['two commands on a line', '(assert true)(assert true)'],
    ['an empty line', '(assert true)\n'],
    ['CR LF', '(assert true)\r'],
    ['a comment', '; no'],
    ['bars that are not needed', '(declare-const |a| Bool)'],
    ['upper-case digits', '(assert (= #xA #xa))'],
    ['binary digits of a width that hexadecimal has', '(assert (= #b1010 #xa))'],
    ['a decimal literal', '(assert (= (_ bv1 4) #xa))'],
    ['leading zeros', '(declare-const a (_ BitVec 04))'],
    ['declare-fun', '(declare-fun a () Bool)'],
    ['an annotation', '(assert (! true :named a))'],
    ['set-info', '(set-info :status sat)'],
    ['a numeral of ten digits', '(declare-const a (_ BitVec 1000000000))'],
    ['a width of zero', '(declare-const a (_ BitVec 0))'],
    ['a width beyond the widest', `(declare-const a (_ BitVec ${MAX_WIDTH + 1}))`],
    ['a repeated parameter', '(define-fun f ((a Bool) (a Bool)) Bool a)'],
    ['a repeated let variable', '(assert (let ((a true) (a true)) a))'],
    ['a let variable out of its scope', '(assert (and (let ((a true)) a) a))'],
    ['a let variable in its own binding', '(assert (let ((a a)) a))'],
    ['a parameter out of its scope', '(define-fun f ((a Bool)) Bool a)\n(assert a)'],
    ['a recursive function', '(define-fun f ((a Bool)) Bool (f a))'],
    ['a constant applied', '(declare-const p Bool)\n(assert (p true))'],
    ['a local applied', '(define-fun f ((a Bool)) Bool a)\n(assert (let ((f true)) (f f)))'],
    ['a function without its arguments', '(define-fun f ((a Bool)) Bool a)\n(assert f)'],
    ['a function without parameters in parentheses', '(define-fun f () Bool true)\n(assert (f))'],
    ['an operator without arguments', '(assert (and))'],
    ['an operator as a term', '(assert bvadd)'],
    ['an assertion that is no Bool', '(assert #b1)'],
    ['a body of another sort', '(define-fun f () Bool #b1)'],
    ['extract beyond the width', '(assert (= ((_ extract 4 0) #xf) #b11111))'],
    ['extract upside down', '(assert (= ((_ extract 0 1) #xf) #b1))'],
    ['repeat zero times', '(assert (= ((_ repeat 0) #xf) #xf))'],
    ['an extension beyond the widest', `(assert (= ((_ zero_extend ${MAX_WIDTH}) #xf) #xf))`],
    ['three arguments where two are meant', '(assert (= (bvsub #x0 #x0 #x0) #x0))'],
    ['an unclosed term', '(assert (and true'],
    ['a reserved word as a let variable', '(assert (let ((true false)) true))'],
  ])('%s is refused', (_name, line) => {
    const parsed = parseScript(utf8(script(line)))
    if (parsed.ok) throw new Error('accepted')
    expect(parsed.error.code).toMatch(/^(syntax|canonical|sort|arity|unknown-symbol|redeclared|reserved|width)$/)
    expect(parsed.error.at).toBeLessThanOrEqual(script(line).length)
  })

  test('cut anywhere, or with anything behind its end, a script is refused', () => {
    const whole = script(
      '(declare-const x (_ BitVec 8))',
      '(define-fun f ((a (_ BitVec 8))) Bool (= a #x07))',
      '(assert (let ((y (bvadd x #x01))) (f y)))',
    )
    expect(codeOf(whole)).toBe('accepted')
    for (let length = 0; length < whole.length; length++) expect(codeOf(whole.slice(0, length))).not.toBe('accepted')
    for (const tail of ['\n', ' ', '(check-sat)\n', '\0']) expect(codeOf(whole + tail)).not.toBe('accepted')
  })

  test('whatever is accepted after a change of one byte is canonical, too', () => {
    const draw = drawer(7)
    let accepted = 0
    for (let seed = 0; seed < 40; seed++) {
      const bytes = utf8(claimOf(randomScript(seed, { widths: [1, 4, 6], constants: 2, depth: 3, assertions: 1 })))
      for (let at = 0; at < bytes.length; at++) {
        const changed = bytes.slice()
        changed[at] = draw(4) === 0 ? draw(256) : (bytes[draw(bytes.length)] as number)
        if (!parseScript(changed).ok) continue
        accepted++
        expect(claimOf(textOf(changed))).toBe(textOf(changed))
      }
    }
    expect(accepted).toBeGreaterThan(500)
  })

  test('nesting as deep as a claim may be is read without recursion', () => {
    const depth = 100_000
    expect(codeOf(script(`(assert ${'(not '.repeat(depth)}true${')'.repeat(depth)})`))).toBe('accepted')
    const lets = Array.from({ length: 20_000 }, (_, k) => `(let ((a${k} true)) `).join('')
    expect(codeOf(script(`(assert ${lets}a7${')'.repeat(20_000)})`))).toBe('accepted')
    expect(claimOf(`(assert ${'(not '.repeat(depth)}true${')'.repeat(depth)})`).length).toBeGreaterThan(depth)
  })
})
