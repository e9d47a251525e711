/** `aethel check`: verdicts, exit codes and one-line errors for good, false, broken and absurd files. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, errorLine, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(folder.remove)

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const cnf = `${instances}pigeonhole-3.cnf`
const refutation = `${instances}pigeonhole-3.lrat`

const PREAMBLE = `$c wff |- ( ) -> $. $v p q $. wp $f wff p $. wq $f wff q $. wi $a wff ( p -> q ) $.
ax-1 $a |- ( p -> ( q -> p ) ) $.
\${ min $e |- p $. maj $e |- ( p -> q ) $. ax-mp $a |- q $. $}
`
const THEOREM = `\${ a1i.1 $e |- p $. a1i $p |- ( q -> p ) $= ( wi ax-1 ax-mp ) ABADCABEF $. $}\n`

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(folder.file(name), content)
  return folder.file(name)
}

describe('check metamath', () => {
  it('a database whose proofs hold is valid: exit code 0, and one JSON document with --json', () => {
    const file = write('good.mm', PREAMBLE + THEOREM)
    const outcome = aethel('check', 'metamath', file, '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'valid', theorems: 1 })
    expect(JSON.parse(outcome.stdout).gas).toBeGreaterThan(0)
    expect(aethel('check', 'metamath', file).stdout).toContain('valid')
  })

  it('one theorem can be checked by its label', () => {
    const broken = 'wrong $p |- ( p -> q ) $= ( wi ax-1 ) ABA $.\n'
    const file = write('one.mm', PREAMBLE + THEOREM + broken)
    const alone = aethel('check', 'metamath', file, '--label', 'a1i')
    expect(alone.code).toBe(0)
    expect(alone.stdout).toContain('the proof of a1i (what it cites was not checked)')
    expect(JSON.parse(aethel('check', 'metamath', file, '--label', 'a1i', '--json').stdout)).toMatchObject({
      status: 'valid',
      label: 'a1i',
      theorems: 1,
    })
    expect(aethel('check', 'metamath', file, '--label', 'wrong').code).toBe(3)
    expect(aethel('check', 'metamath', file, '--label', 'nowhere').code).toBe(3)
  })

  it('of two labels none is passed over in silence: exit code 2', () => {
    const outcome = aethel('check', 'metamath', write('two.mm', PREAMBLE + THEOREM), '--label', 'nowhere', '--label', 'a1i')
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('Expected one theorem')
  })

  it.each([
    ['a proof with a step left out', PREAMBLE + THEOREM.replace('ABADCABEF', 'ABADCABE')],
    ['an unclosed block', `${PREAMBLE}\${ ${THEOREM.slice(3, -3)}`],
    ['NUL bytes', `${PREAMBLE}\0\0${THEOREM}`],
    ['an unknown symbol', PREAMBLE + THEOREM.replace('( q -> p )', '( q => p )')],
    ['random bytes', Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919 + (i >> 3)) & 255)],
  ])('%s is refused with code 3, a reason, and no stack trace', (_name, content) => {
    const outcome = aethel('check', 'metamath', write('bad.mm', content), '--json')
    expect(outcome.code).toBe(3)
    const report = JSON.parse(outcome.stdout)
    expect(report.status).toBe('invalid')
    expect(report.code).toMatch(/^[a-z][a-z-]*$/)
    expect(errorLine(outcome)).toContain(report.code)
  })
})

describe('check lrat', () => {
  it('a refutation of a formula is valid, in binary form', () => {
    const outcome = aethel('check', 'lrat', cnf, refutation, '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'valid' })
  })

  it('a refutation of another formula, a truncated one and an empty one are refused with code 3', () => {
    const bytes = readFileSync(refutation)
    expect(aethel('check', 'lrat', `${instances}pigeonhole-4.cnf`, refutation).code).toBe(3)
    expect(aethel('check', 'lrat', cnf, write('half.lrat', bytes.subarray(0, bytes.length >> 1))).code).toBe(3)
    const empty = aethel('check', 'lrat', cnf, write('empty.lrat', ''), '--json')
    expect(empty.code).toBe(3)
    expect(JSON.parse(empty.stdout).status).toBe('invalid')
  })

  it.each([
    ['a header that promises more clauses than there are', 'p cnf 2 9\n1 2 0\n-1 0\n'],
    ['a header that promises four billion clauses', 'p cnf 2 4294967295\n1 2 0\n'],
    ['a variable beyond the header', 'p cnf 2 1\n1 7 0\n'],
    ['NUL bytes', 'p cnf 2 1\n\0\0\0 0\n'],
    ['no header', '1 2 0\n'],
  ])('a formula with %s claims nothing: exit code 2 and one line', (_name, content) => {
    const outcome = aethel('check', 'lrat', write('bad.cnf', content), refutation)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('bad.cnf')
  })
})

describe('files of another form than was meant', () => {
  it.each([
    ['compressed with gzip', [0x1f, 0x8b, 8, 0], 'gunzip'],
    ['compressed with xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 'unxz'],
    ['marked as UTF-8', [0xef, 0xbb, 0xbf, 0x70], 'without a byte order mark'],
  ])('a formula, script, model or database that is %s is said to be that: exit code 2', (form, bytes, advice) => {
    const file = write('other.form', Uint8Array.from(bytes))
    for (const args of [
      ['lrat', file, refutation],
      ['sat-model', cnf, file],
      ['bvlrat', file, refutation],
      ['metamath', file],
    ]) {
      const outcome = aethel('check', ...args)
      expect(outcome.code).toBe(2)
      expect(errorLine(outcome)).toContain(form)
      expect(errorLine(outcome)).toContain(advice)
    }
  })

  it('a DRAT proof is refused as LRAT, and the reader is told what makes LRAT of it', () => {
    for (const drat of ['-1 0\n0\n', Uint8Array.of(97, 2, 0, 97, 0)]) {
      const outcome = aethel('check', 'lrat', cnf, write('some.drat', drat))
      expect(outcome.code).toBe(3)
      expect(errorLine(outcome)).toContain('is it LRAT? Of a DRAT proof')
    }
  })
})

describe('check lrat in pieces', () => {
  it('a proof of several pieces is read to its end: padded with comments to three megabytes, whole and cut', () => {
    const text = `c ${'x'.repeat(3 << 20)}\n5 2 0 1 2 0\n6 0 5 3 4 0\n`
    const formula = write('four.cnf', 'p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n')
    expect(aethel('check', 'lrat', formula, write('long.lrat', text)).code).toBe(0)
    expect(aethel('check', 'lrat', formula, write('cut.lrat', text.slice(0, -8))).code).toBe(3)
  })
})

describe('check sat-model', () => {
  const formula = () => write('sat.cnf', 'p cnf 3 2\n1 -2 0\n2 3 0\n')

  it('what a solver prints is valid, and without any line but literals too', () => {
    const outcome = aethel('check', 'sat-model', formula(), write('good.model', 'c x\ns SATISFIABLE\nv 1 2\nv -3 0\n'), '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'valid' })
    expect(aethel('check', 'sat-model', formula(), write('plain.model', '1 2 0')).stdout).toContain('the model')
  })

  it('a wrong model is code 3 and names the clause, an answer that is none code 2 and names the file', () => {
    const wrong = aethel('check', 'sat-model', formula(), write('wrong.model', 'v -1 2 0\n'))
    expect(wrong.code).toBe(3)
    expect(errorLine(wrong)).toContain('clause 1')
    const none = aethel('check', 'sat-model', formula(), write('none.model', 's UNSATISFIABLE\n'))
    expect(none.code).toBe(2)
    expect(errorLine(none)).toContain('none.model')
  })
})

describe('files that cannot be read', () => {
  it.each([
    ['a directory', () => folder.path],
    ['a missing file', () => folder.file('nowhere.mm')],
    ['a path through a file', () => `${cnf}/x`],
  ])('%s is exit code 2, one line on stderr, and one JSON document with --json', (_name, path) => {
    for (const args of [
      ['metamath', path()],
      ['lrat', path(), refutation],
      ['lrat', cnf, path()],
      ['sat-model', cnf, path()],
    ]) {
      const outcome = aethel('check', ...args, '--json')
      expect(outcome.code).toBe(2)
      expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'error', code: 'unreadable' })
      expect(errorLine(outcome)).toMatch(/^aethel: expected .+ but /)
    }
  })

  it('a file of four gigabytes is refused before it is read', () => {
    const file = write('huge.mm', '')
    truncateSync(file, 4 * 1024 ** 3)
    const outcome = aethel('check', 'metamath', file)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('at most')
  })
})

/** As the help text of what they are commands of lists them. */
function commandsBelow(words: readonly string[]): (readonly string[])[] {
  const listed = aethel(...words, '--help').stdout.split('\nCommands:\n')[1] ?? ''
  const names = [...listed.matchAll(/^ {2}(\w[\w-]*)/gm)].map((match) => match[1] ?? '').filter((name) => name !== 'help')
  return names.flatMap((name) => [[...words, name], ...commandsBelow([...words, name])])
}

describe('usage', () => {
  it.each([
    [['frobnicate'], 'unknown command'],
    [['check', 'metamath'], 'missing required argument'],
    [['check', 'metamath', 'a', 'b'], 'too many arguments'],
    [['check', 'lrat', '--nonsense', 'a', 'b'], 'unknown option'],
  ])('%j is exit code 2 and one line', (args, reason) => {
    const outcome = aethel(...args)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain(reason)
  })

  it('help and version are exit code 0', () => {
    expect(aethel('--help')).toMatchObject({ code: 0, stderr: '' })
    expect(aethel('--version').stdout).toBe('0.1.0\n')
  })

  it('every command, and every command of a command, tells its options with --help', () => {
    for (const words of commandsBelow([])) {
      const outcome = aethel(...words, '--help')
      expect([words, outcome.code, outcome.stderr]).toEqual([words, 0, ''])
      expect(outcome.stdout).toMatch(new RegExp(`^Usage: aethel ${words.join(' ')} `))
      expect(outcome.stdout).toContain('\nOptions:\n')
    }
  })
})

describe('files of other formats', () => {
  /** What is checked or submitted, the exit code, and what the advice names. */
  const CASES: readonly (readonly [string, string, (file: string) => readonly string[], number, string])[] = [
    ['soft.cnf', 'p wcnf 2 1 9\n9 1 0\n', (file) => ['prove', file], 2, 'a weighted CNF (MaxSAT), expected a CNF in DIMACS form: '],
    ['circuit.aag', 'aag 1 1 0 1 0\n2\n2\n', (file) => ['check', 'lrat', file, refutation], 2, 'aigtocnf'],
    ['pb.opb', '* #variable= 1 #constraint= 1\n+1 x1 >= 1 ;\n', (file) => ['submit', file, '--proof', refutation], 2, 'OPB'],
    ['lia.smt2', '(set-logic QF_LIA)\n(check-sat)\n', (file) => ['check', 'bvlrat', file, refutation], 2, 'say it with (_ BitVec N)'],
    [
      'binary.drat',
      'a\u0006\u0002\u0000d\u0004\u0000',
      (file) => ['check', 'lrat', cnf, file],
      3,
      'a binary proof, DRAT or LRAT, expected an LRAT refutation',
    ],
    ['text.drat', 'd 1 0\n0\n', (file) => ['submit', cnf, '--proof', file], 2, 'drat-trim'],
    ['formula.lrat', 'p cnf 1 1\n1 0\n', (file) => ['submit', cnf, '--proof', file], 2, 'name the formula first'],
    ['swapped.cnf', '23 0 4 5 0\n', (file) => ['check', 'lrat', file, cnf], 2, 'name the formula first, then its refutation'],
    [
      'script.mm',
      '(set-logic QF_BV)\n(check-sat)\n',
      (file) => ['check', 'metamath', file],
      3,
      'an SMT-LIB script, expected a Metamath database',
    ],
    ['binary.mm', 'a\u0006\u0002\u0000d\u0004\u0000', (file) => ['check', 'metamath', file], 3, 'a binary proof, DRAT or LRAT'],
    [
      'empty.smt2',
      '; nothing but this\n',
      (file) => ['prove', file],
      2,
      'expected SMT-LIB commands, such as (assert ...), got a file without any',
    ],
    ['nothing.mm', ' \n', (file) => ['check', 'metamath', file], 2, 'expected a Metamath database, got an empty file'],
    ['formula.mm', 'p cnf 1 1\n1 0\n', (file) => ['check', 'metamath', file], 3, 'a CNF in DIMACS form, expected a Metamath database'],
  ]

  it.each([
    [
      'marked.lrat',
      [0xef, 0xbb, 0xbf, 0x37, 0x20, 0x30],
      'marked as UTF-8 by its first bytes, expected an LRAT refutation: save it as plain ASCII, without',
    ],
    ['wide.lrat', [0xff, 0xfe, 0x37, 0, 0x20, 0], 'text in UTF-16, expected an LRAT refutation: save it as plain ASCII'],
  ])('%s: a refutation in another encoding is said to be in that, not to be DRAT', (name, bytes, advice) => {
    const outcome = aethel('check', 'lrat', cnf, write(name, Uint8Array.from(bytes)))
    expect(outcome.code).toBe(3)
    expect(errorLine(outcome)).toContain(advice)
    expect(errorLine(outcome)).not.toContain('drat-trim')
  })

  it.each(CASES)('%s: one line that says what it looks like, what is expected and what to do', (name, content, words, code, advice) => {
    const outcome = aethel(...words(write(name, content)))
    expect(outcome.code).toBe(code)
    expect(errorLine(outcome)).toContain(advice)
  })
})
