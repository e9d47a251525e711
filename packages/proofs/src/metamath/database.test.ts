// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkDatabase } from './check.js'
import { parseDatabase } from './database-reader.js'
import { ascii } from './tokens.js'

const LIBRARY = new Uint8Array(readFileSync(new URL('../../library/propositional.mm', import.meta.url)))

/** Two wff variables, implication, modus ponens, and predicate-like things with a disjoint condition. */
const BASE = `
  $c wff set |- ( ) -> A. $.
  $v p q x y $.
  wp $f wff p $.  wq $f wff q $.  vx $f set x $.  vy $f set y $.
  wi $a wff ( p -> q ) $.
  wal $a wff A. x p $.
  ax1 $a |- ( p -> ( q -> p ) ) $.
  \${ min $e |- p $.  maj $e |- ( p -> q ) $.  mp $a |- q $. $}
  \${ $d x p $.  ax5 $a |- ( p -> A. x p ) $. $}
  \${ dr $e |- A. x p $.  drop $a |- p $. $}
  \${ $d x y $.  axd $a |- A. x A. y p $. $}
`
const check = (text: string, options = {}): ReturnType<typeof checkDatabase> => checkDatabase(ascii(text), options)
const withBase = (text: string): ReturnType<typeof checkDatabase> => check(`${BASE} ${text}`)

describe('metamath databases', () => {
  it('the bundled library is valid, with exact gas', () => {
    const verdict = checkDatabase(LIBRARY)
    expect(verdict).toEqual({ status: 'valid', theorems: 164, gas: 1_103_819 })
  })

  it('one theorem can be checked by its label', () => {
    expect(checkDatabase(LIBRARY, { label: 'id' })).toMatchObject({ status: 'valid', theorems: 1 })
    expect(checkDatabase(LIBRARY, { label: 'nothing' })).toMatchObject({ status: 'invalid', code: 'unknown-theorem' })
    expect(checkDatabase(LIBRARY, { label: 'mp' })).toMatchObject({ status: 'invalid', code: 'unknown-theorem' })
    expect(checkDatabase(LIBRARY, { label: 'wrong \u{1F600}' })).toMatchObject({ status: 'invalid', code: 'unknown-theorem' })
  })

  const valid: [string, string][] = [
    ['a compressed proof', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABC $.'],
    ['an uncompressed proof', 't $p |- ( p -> ( q -> p ) ) $= wp wq ax1 $.'],
    ['letters split by whitespace and comments', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) A $( $. is text here $) B C $.'],
    ['a label listed and not used, or listed twice', 't $p |- ( p -> ( q -> p ) ) $= ( mp ax1 ax1 ) ABE $.'],
    ['a saved step used again', 't $p wff ( ( p -> p ) -> ( p -> p ) ) $= ( wi ) AABZCB $.'],
    ['a saved step not used', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABCZ $.'],
    ['hypotheses pushed by number', '${ h $e |- p $. t $p |- ( q -> p ) $= ( wi ax1 mp ) ABADCABEF $. $}'],
    ['disjoint variables declared', '${ $d x p $. t $p |- ( p -> A. x p ) $= ( ax5 ) ABC $. $}'],
    ['a dummy declared disjoint', '${ $d y p $. h $e |- p $. t $p |- p $= ( vy wal ax5 mp drop ) ACAACDBACEFG $. $}'],
    ['a variable of a block, typed again in another', '${ $v z $. a $f wff z $. $} ${ $v z $. b $f wff z $. t $p wff z $= b $. $}'],
    ['no theorem at all', ''],
  ]
  it.each(valid)('accepts %s', (_, text) => {
    expect(withBase(text)).toMatchObject({ status: 'valid' })
  })

  const refused: [string, string, string][] = [
    ['an include', '$[ other.mm $]', 'include'],
    ['an unclosed block', '${ $v z $.', 'unclosed-block'],
    ['a block closed twice', '${ $} $}', 'scope'],
    ['an unclosed comment', '$( never closed', 'comment'],
    ['a comment in a comment', '$( one $( two $) $)', 'comment'],
    ['a lone dollar sign at the end', 'a $a |- p $. $', 'syntax'],
    ['a NUL byte', 't $p |- p $= \0 $.', 'character'],
    ['a NUL byte in a comment', '$( \0 $)', 'character'],
    ['a byte beyond ASCII', '$( \u00e9 $)', 'character'],
    ['a keyword without space before it', '$c z$.', 'syntax'],
    ['a keyword without space after it', '$c z $.$v', 'syntax'],
    ['a constant in a block', '${ $c z $. $}', 'scope'],
    ['a constant declared twice', '$c wff $.', 'duplicate-symbol'],
    ['a constant that is a variable', '$c p $.', 'duplicate-symbol'],
    ['a variable that was a constant', '$v wff $.', 'duplicate-symbol'],
    ['a variable that is active', '$v p $.', 'duplicate-symbol'],
    ['a variable that is a constant only later', '${ $v z $. $} $c z $.', 'duplicate-symbol'],
    ['a label used twice', 'ax1 $a |- p $.', 'duplicate-label'],
    ['a label that is a symbol', 'p $a |- p $.', 'duplicate-label'],
    ['a label of other characters', 'a/b $a |- p $.', 'label'],
    ['a missing label', '$a |- p $.', 'label'],
    ['an unknown symbol', 'a $a |- zzz $.', 'symbol'],
    ['a symbol whose block is closed', '${ $v z $. zz $f wff z $. $} a $a wff z $.', 'symbol'],
    ['a variable without $f', '$v z $. a $a wff z $.', 'floating'],
    ['a second $f for a variable', 'z $f wff p $.', 'floating'],
    ['a $f of three symbols', '$v z $. zz $f wff z z $.', 'floating'],
    ['a $f of a constant', 'zz $f wff wff $.', 'floating'],
    ['a variable for a typecode', '$v z $. zz $f p z $.', 'typecode'],
    ['a statement without typecode', 'a $a $.', 'syntax'],
    ['a variable twice in $d', '$d x x $.', 'disjoint'],
    ['a $d of one', '$d x $.', 'disjoint'],
    ['a $d of a constant', '$d x wff $.', 'symbol'],
    ['the end inside $c', '$c z', 'truncated'],
    ['the end inside a proof', 't $p |- p $= ( ax1 ) A', 'truncated'],
    ['the end after a label', 'word', 'truncated'],
    ['a keyword inside a proof', 't $p |- p $= ( ax1 $c ) A $.', 'syntax'],
    ['an incomplete proof', 't $p |- ( p -> ( q -> p ) ) $= ? $.', 'incomplete'],
    ['an incomplete compressed proof', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) AB? $.', 'incomplete'],
    ['an empty proof', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) $.', 'proof-empty'],
    ['no proof', 't $p |- ( p -> ( q -> p ) ) $= $.', 'proof-empty'],
    ['Z at the start', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ZABC $.', 'proof-syntax'],
    ['Z after a hypothesis', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) AZBC $.', 'proof-syntax'],
    ['Z twice', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABCZZ $.', 'proof-syntax'],
    ['Z after a saved step', 't $p wff ( ( p -> p ) -> ( p -> p ) ) $= ( wi ) AABZCZB $.', 'proof-syntax'],
    ['a number cut short', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABCU $.', 'proof-syntax'],
    ['a number beyond 32 bits', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) YYYYYYYYYYYYYYYYYYYYYYYYYYA $.', 'proof-syntax'],
    ['a lower-case letter', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABc $.', 'proof-syntax'],
    ['a number out of range', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABD $.', 'proof-reference'],
    ['a mandatory hypothesis among the labels', 't $p |- ( p -> ( q -> p ) ) $= ( wp ax1 ) ABD $.', 'proof-label'],
    ['a list of labels not closed', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 $.', 'proof-syntax'],
    ['an unknown label', 't $p |- ( p -> ( q -> p ) ) $= ( nope ) ABC $.', 'unknown-label'],
    ['a symbol for a label', 't $p |- ( p -> ( q -> p ) ) $= ( wff ) ABC $.', 'unknown-label'],
    ['itself', 't $p |- ( p -> ( q -> p ) ) $= ( t ) ABC $.', 'self-reference'],
    ['a later statement', 't $p |- p $= later $. later $a |- p $.', 'later-reference'],
    ['a hypothesis of another block', '${ h $e |- p $. $} t $p |- p $= h $.', 'inactive-hypothesis'],
    ['too few on the stack', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) AC $.', 'stack-underflow'],
    ['too many on the stack', 't $p |- ( p -> ( q -> p ) ) $= ( ax1 ) AABC $.', 'stack-leftover'],
    ['a wrong typecode', 't $p |- ( p -> ( q -> p ) ) $= ( vx ax1 ) CBD $.', 'typecode-mismatch'],
    ['a hypothesis that does not match', '${ h $e |- p $. t $p |- q $= ( mp ) ABCCD $. $}', 'hypothesis-mismatch'],
    ['another conclusion', 't $p |- ( q -> ( p -> q ) ) $= ( ax1 ) ABC $.', 'wrong-conclusion'],
    ['disjoint variables not declared', 't $p |- ( p -> A. x p ) $= ( ax5 ) ABC $.', 'disjoint-violation'],
    ['a dummy not declared disjoint', '${ h $e |- p $. t $p |- p $= ( vy wal ax5 mp drop ) ACAACDBACEFG $. $}', 'disjoint-violation'],
    ['a variable disjoint from itself', '${ $d x p $. t $p |- ( A. x p -> A. x A. x p ) $= ( wal ax5 ) ABCBD $. $}', 'disjoint-violation'],
    ['one variable for two disjoint ones', 't $p |- A. x A. x p $= ( axd ) ABBC $.', 'disjoint-violation'],
  ]
  it.each(refused)('refuses %s', (_, text, code) => {
    const verdict = withBase(text)
    expect(verdict).toMatchObject({ status: 'invalid', code })
    if (verdict.status === 'invalid') expect(verdict.message).toMatch(/^line \d+: ./)
  })

  it('a message names line, theorem, step and both expressions', () => {
    const verdict = withBase('\n${ h $e |- p $. t $p |- q $= ( mp ) ABCCD $. $}')
    expect(verdict).toMatchObject({
      label: 't',
      message: 'line 13: theorem "t": step 5 (mp): hypothesis "maj" needs "|- ( p -> q )", but the stack holds "|- p"',
    })
  })

  it('a doubling bomb of a few hundred bytes stops at its gas, at a deterministic count', () => {
    // Each round applies wi to the last saved formula twice: 2^24 symbols after 24 rounds.
    let letters = 'AACZ'
    for (let round = 0; round < 23; round++) letters += `${encodeNumber(3 + round)}${encodeNumber(3 + round)}CZ`
    const text = `${BASE} t $p wff ( p -> q ) $= ( wi ) ${letters} $.`
    const verdict = check(text, { gasPerProof: 1_000_000 })
    expect(verdict).toMatchObject({ status: 'invalid', code: 'gas-exhausted' })
    expect(verdict.gas).toBe(1_000_000 + 4 * text.length)
    expect(check(text, { memoryWordsPerProof: 100_000 })).toMatchObject({ status: 'invalid', code: 'memory-exhausted' })
  })

  it('blocks nested without end, and frames that multiply, are refused', () => {
    expect(check('${ '.repeat(100_000))).toMatchObject({ code: 'scope' })
    const many = Array.from({ length: 1_100 }, (_, i) => `h${i} $e |- p $.`).join('\n')
    expect(withBase(`\${ ${many} a $a |- p $. $}`)).toMatchObject({ code: 'too-many-hypotheses' })
  })

  it('one "$d" of many variables is refused before its pairs fill the memory', () => {
    const disjoint = (count: number) => {
      const names = Array.from({ length: count }, (_, i) => `v${i}`).join(' ')
      return withBase(`$v ${names} $. $d ${names} $.`)
    }
    expect(disjoint(1_000)).toMatchObject({ status: 'valid' })
    expect(disjoint(6_000)).toMatchObject({ code: 'too-large' })
  })

  it('hypotheses that many assertions share are refused before their frames fill the memory, however short they are', () => {
    const shared = (assertions: number) => {
      const hypotheses = Array.from({ length: 1_000 }, (_, i) => `h${i} $e |- $.`).join('\n')
      return check(`$c |- $. ${hypotheses} ${Array.from({ length: assertions }, (_, i) => `a${i} $a |- $.`).join('\n')}`)
    }
    expect(shared(1_000)).toMatchObject({ status: 'valid' })
    expect(shared(17_000)).toMatchObject({ code: 'too-large' }) // 4 words for each hypothesis of each: more than 256 MiB
  })

  it('disjoint pairs that many assertions share are refused before their records fill the memory', () => {
    const shared = (assertions: number) => {
      const names = Array.from({ length: 500 }, (_, i) => `v${i}`)
      const floats = names.map((name) => `f${name} $f wff ${name} $.`).join('\n')
      const axioms = Array.from({ length: assertions }, (_, i) => `a${i} $a |- ${names.join(' ')} $.`).join('\n')
      return check(`$c |- wff $. $v ${names.join(' ')} $. ${floats} $d ${names.join(' ')} $. ${axioms}`)
    }
    expect(shared(10)).toMatchObject({ status: 'valid' })
    expect(shared(270)).toMatchObject({ code: 'too-large' }) // 2 words for each pair of each: more than 256 MiB
  })

  it('a dummy listed many thousand times is one variable, with one place on the heap each', () => {
    const list = 'vy '.repeat(70_000)
    const proof = `( ${list} wal ax5 mp drop )`
    const [wal, ax5, mp, drop] = [70_002, 70_003, 70_004, 70_005].map(encodeNumber)
    const letters = `A${encodeNumber(69_000)}A AC${wal} B A${encodeNumber(35_000)}${ax5} ${mp} ${drop}`
    const theorem = (disjoint: string): string => `\${ ${disjoint} h $e |- p $. t $p |- p $= ${proof} ${letters} $. $}`
    expect(withBase(theorem('$d y p $.'))).toMatchObject({ status: 'valid' })
    expect(withBase(theorem(''))).toMatchObject({ status: 'invalid', code: 'disjoint-violation' })
  })

  it('every prefix of a database gets a verdict', () => {
    const text = ascii(`${BASE} \${ h $e |- p $. t $p |- ( q -> p ) $= ( wi ax1 mp ) ABADCABEF $. $} $( end $)`)
    expect(checkDatabase(text)).toMatchObject({ status: 'valid', theorems: 1 })
    for (let length = 0; length < text.length; length++) {
      const verdict = checkDatabase(text.subarray(0, length))
      expect(verdict.status === 'valid' ? verdict.theorems <= 1 : verdict.message.length > 0).toBe(true)
    }
  })

  it('bytes changed at random get a verdict, the same one twice', () => {
    const from = LIBRARY.subarray(0, 6_000)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(from.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = from.slice()
        for (const [at, byte] of changes) bytes[at] = byte
        expect(checkDatabase(bytes)).toEqual(checkDatabase(bytes))
      }),
      { numRuns: 150 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => parseDatabase(bytes).ok !== undefined))
  })
})

/** A reference from 0 in the letters of a compressed proof. */
function encodeNumber(reference: number): string {
  let text = String.fromCharCode(0x41 + (reference % 20))
  for (let rest = Math.floor(reference / 20); rest > 0; rest = Math.floor((rest - 1) / 5)) {
    text = String.fromCharCode(0x55 + ((rest - 1) % 5)) + text
  }
  return text
}
