// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkDatabase, proofLimits } from './check.js'
import type { Database } from './database.js'
import { parseDatabase } from './database-reader.js'
import { LibraryExtractor } from './extract.js'
import { encodeLibrary } from './library.js'
import { type ChunkVerdict, chunkChecker, DatabaseMirror, parseInSlices } from './slices.js'
import { ascii, TokenTable } from './tokens.js'

const LIBRARY = new Uint8Array(readFileSync(new URL('../../library/propositional.mm', import.meta.url)))
const BASE = `$c wff setvar |- ( ) -> A. $. $v p q x y $. wp $f wff p $. wq $f wff q $. vx $f setvar x $. vy $f setvar y $.
  wi $a wff ( p -> q ) $. wal $a wff A. x p $. ax1 $a |- ( p -> ( q -> p ) ) $.
  \${ maj $e |- ( p -> q ) $. min $e |- p $. mp $a |- q $. $}
  \${ $d x p $. ax5 $a |- ( p -> A. x p ) $. $}\n`

function parsed(bytes: Uint8Array): Database {
  const database = parseDatabase(bytes)
  if (!database.ok) throw new Error(database.error.message)
  return database.value
}

/** Of each proof, what the kernel says of it. */
function verdicts(database: Database): ChunkVerdict[] {
  const check = chunkChecker(database, proofLimits({ gasPerProof: 100_000 }))
  return Array.from({ length: database.theorems.length }, (_, theorem) => check(theorem, theorem + 1))
}

/** What becomes of a database for the network: its library, and each theorem or why it is none. */
function extracted(database: Database) {
  const extractor = new LibraryExtractor(database, 'some')
  const library = extractor.library()
  return { library: library.ok ? encodeLibrary(library.value) : library, theorems: [...extractor.theorems()] }
}

function expectAlike(bytes: Uint8Array): void {
  const kept = parsed(bytes)
  const late = parsed(bytes)
  late.dropRecords()
  expect(late.records.length).toBe(0)
  expect(verdicts(late)).toEqual(verdicts(kept))
  late.tokens.settle()
  expect(verdicts(late)).toEqual(verdicts(kept))
  expect(extracted(late)).toEqual(extracted(kept))
}

describe('a database that keeps no records', () => {
  it('has the verdicts, gas, claims and certificates of one that keeps all: the bundled library', () => {
    expectAlike(LIBRARY)
  })

  it.each([
    [
      'hypotheses of several blocks',
      '${ a $e |- p $. ${ b $e |- q $. c $p |- p $= a $. ${ d $e |- x $. $} e $p |- q $= ( ) C $. $} f $p |- p $= a $. $}',
    ],
    [
      'a variable with another $f in another block',
      '${ $v z $. z1 $f wff z $. t1 $p wff ( z -> p ) $= z1 wp wi $. $} ${ $v z $. z2 $f setvar z $. t2 $p wff A. z p $= wp z2 wal $. $} t3 $p wff p $= wp $.',
    ],
    ['comments inside statements', 't $( a $) $p $( b $) |- $( c $) ( p $( d $) -> ( q -> p ) ) $( e $) $= ( ax1 ) ABC $.'],
    [
      '$d of several blocks, some twice',
      '${ $d x y p q $. ${ $d y x $. t $p |- ( ( p -> q ) -> A. x ( p -> q ) ) $= ( wi ax5 ) ABDCE $. $} u $p |- ( q -> A. y q ) $= wq vy ax5 $. $}',
    ],
    ['a $d that is not there', 't $p |- ( p -> A. x p ) $= ( ax5 ) ABC $.'],
    ['a dummy variable', '${ h $e |- ( ( x -> x ) -> p ) $. $} t $p wff ( p -> p ) $= ( wq wi ) AAC $.'],
    ['a step without its hypothesis', 't $p |- q $= ( mp ) ABCC $.'],
    ['a hypothesis that differs', '${ h $e |- p $. t $p |- q $= ( mp ) ABCCD $. $}'],
    ['references that no step applies', 't $p |- ( p -> ( q -> p ) ) $= ( mp ax5 wal ax1 ) ABF $.'],
    ['saved steps', 't $p wff ( ( p -> p ) -> ( p -> p ) ) $= ( wi ) AABZCB $.'],
    ['a proof that repeats a label', 't $p wff ( p -> ( p -> p ) ) $= ( wi wi ) AAABC $.'],
    ['letters that end too soon', 't $p wff ( p -> p ) $= ( wi ) AAU $.'],
    ['a later label, and one that is nowhere', 't $p wff p $= ( u ) A $. u $p wff p $= ( nowhere ) A $. v $p wff p $= ? $.'],
  ])('says the same of %s', (_, text) => {
    expectAlike(ascii(BASE + text))
  })

  it('says the same of proofs and statements that were changed at random', () => {
    const words = [
      'wp',
      'wq',
      'vx',
      'wi',
      'ax1',
      'mp',
      'ax5',
      'maj',
      '(',
      ')',
      'A',
      'B',
      'C',
      'ABC',
      'ABDCE',
      'AABZ',
      '$d x p $.',
      '${',
      '$}',
      '|-',
      'p',
      'q',
      'x',
      '->',
      't $p |- q $=',
      '$.',
    ]
    let read = 0
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), fc.nat(3), (chosen, form) => {
        const body = chosen.join(' ')
        const text = [
          `t $p |- q $= ${body} $.`,
          `${body} u $p |- ( p -> A. x p ) $= ( ax5 ) ABC $.`,
          `\${ ${body} $} t $p wff p $= wp $.`,
          `\${ h $e |- ${body} $. t $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABD $. $}`,
        ][form]
        const bytes = ascii(BASE + text)
        if (!parseDatabase(bytes).ok) return
        read++
        expectAlike(bytes)
      }),
      { numRuns: 300, seed: 210 },
    )
    expect(read).toBeGreaterThan(30)
  })

  it('is made by itself where the records are out of proportion, and in slices as well', () => {
    const hypotheses = Array.from({ length: 300 }, (_, i) => `h${i} $e |- p $.`).join(' ')
    const axioms = Array.from({ length: 300 }, (_, i) => `a${i} $a |- p $. t${i} $p |- p $= h${i} $.`).join('\n')
    const applied = `u $p |- p $= wp ${Array.from({ length: 300 }, (_, i) => `h${i}`).join(' ')} a299 $.`
    const bytes = ascii(`${BASE} \${ ${hypotheses} ${axioms} ${applied} $} v $p wff p $= wp $. w $p |- q $= ( mp ) ABCC $.`)
    const database = parsed(bytes)
    expect(database.records.length).toBe(0)
    const verdict = checkDatabase(bytes)
    expect(verdict).toMatchObject({ status: 'invalid', code: 'stack-underflow', label: 'w', theorems: 302 })
    const mirror = new DatabaseMirror(bytes, proofLimits({}))
    const refusals: ChunkVerdict['refusal'][] = []
    let checked = 0
    const sliced = parseInSlices(bytes, 1, (slice) => {
      mirror.append(structuredClone(slice))
      refusals.push(mirror.check(checked, mirror.theorems).refusal)
      checked = mirror.theorems
    })
    expect(sliced).toMatchObject({ ok: true, value: { records: { length: 0 } } })
    expect(refusals.filter((refusal) => refusal !== null)).toMatchObject([{ label: 'w', code: 'stack-underflow' }])
  })

  it('makes records once for each time it is asked about many, and lets them go again', () => {
    // Each proof applies an axiom of 400,000 words: three of them are more than is kept between proofs.
    const names = Array.from({ length: 640 }, (_, i) => `v${i}`)
    const floats = names.map((name) => `f${name} $f wff ${name} $.`).join(' ')
    const frame = names.map((name) => `f${name}`).join(' ')
    const axioms = Array.from({ length: 5 }, (_, i) => `a${i} $a |- ${names.join(' ')} $.`).join('\n')
    const theorems = Array.from({ length: 5 }, (_, i) => `t${i} $p |- ${names.join(' ')} $= ${frame} a${4 - i} $.`).join('\n')
    const bytes = ascii(`$c |- wff $. $v ${names.join(' ')} $. ${floats} $d ${names.join(' ')} $. ${axioms} ${theorems}`)
    expect(parsed(bytes).records.length).toBe(0)
    expect(checkDatabase(bytes)).toMatchObject({ status: 'valid', theorems: 5 })
  })
})

describe('a settled table of tokens', () => {
  it('finds what is in it, and nothing else', () => {
    for (const count of [0, 1, 2, 9, 10, 1_000, 5_000]) {
      const table = new TokenTable()
      const word = (k: number): Uint8Array => ascii(`w${k}`)
      for (let k = 0; k < count; k++) table.intern(word(k), 0, word(k).length)
      const before = table.bytesKept
      table.settle()
      table.settle()
      expect(table.bytesKept).toBeLessThan(before)
      for (let k = 0; k < count; k++) expect(table.find(word(k), 0, word(k).length)).toBe(k)
      for (let k = count; k < count + 50; k++) expect(table.find(word(k), 0, word(k).length)).toBe(-1)
      if (count > 0) expect(table.textOf(count - 1)).toBe(`w${count - 1}`)
      expect(() => table.intern(ascii('new'), 0, 3)).toThrow('takes no more tokens')
    }
  })
})
