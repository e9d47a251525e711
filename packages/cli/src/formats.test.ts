/** Files of other formats are told apart by how they begin; those of ours are never taken for another. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { adviceOn, type Format, formatOf } from './formats.js'

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const examples = fileURLToPath(new URL('../../../examples/', import.meta.url))
const library = fileURLToPath(new URL('../../proofs/library/propositional.mm', import.meta.url))
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')

describe('what a file looks like', () => {
  it.each<[Format | null, string]>([
    ['wcnf', 'c soft\np wcnf 3 2 10\n10 1 2 0\n3 -1 0\n'],
    ['wcnf', 'c of 2022\nh 1 2 0\n3 -1 0\n'],
    ['aiger', 'aag 3 2 0 1 1\n2\n4\n6\n6 2 4\n'],
    ['aiger', 'aig 3 2 0 1 1\n6\n\u0002\u0002'],
    ['opb', '* #variable= 3 #constraint= 2\n+1 x1 +1 x2 >= 1 ;\n'],
    ['qdimacs', 'p cnf 2 1\na 1 0\ne 2 0\n1 2 0\n'],
    ['cnf', 'c\nc a comment\n\np cnf 2 1\n1 2 0\n'],
    ['script', '; a comment\n(set-logic QF_LIA)\n'],
    ['database', '$( a comment $)\n$c wff $.\n'],
    ['json', '{"format": 1}'],
    ['model', 's SATISFIABLE\nv 1 -2 0\n'],
    ['no-answer', 's UNSATISFIABLE\n'],
    ['lrat', '23 1 -2 0 4 5 0\n'],
    ['lrat', '23 0 4 5 0\n'],
    ['lrat', '23 d 4 5 0\n'],
    ['drat', 'd 1 -2 0\n'],
    ['drat', '1 -2 0\n0\n'],
    ['binary-proof', 'a\u0006\u0002\u0000d\u0004\u0000'],
    ['compressed', '\u001f\u008b\u0008'],
    ['utf-8-mark', '\u00ef\u00bb\u00bf3 0 1 2 0\n'],
    ['utf-16', '\u00ff\u00fe3\u0000 \u0000'],
    ['utf-16', '\u00fe\u00ff\u00003\u0000 '],
    [null, ''],
    [null, 'hello, world\n'],
    [null, '\u0000\u0001'],
  ])('%s: %j', (format, text) => {
    expect(formatOf(bytesOf(text))).toBe(format)
  })

  it('every file that comes with the program is what it is called', () => {
    const read = (path: string): Uint8Array => readFileSync(path)
    for (const name of readdirSync(instances)) {
      if (name.endsWith('.cnf')) expect([name, formatOf(read(instances + name))]).toEqual([name, 'cnf'])
      if (name.endsWith('.lrat')) expect(['lrat', 'binary-proof']).toContain(formatOf(read(instances + name)))
    }
    for (const name of readdirSync(examples).filter((each) => each.endsWith('.smt2')))
      expect([name, formatOf(read(examples + name))]).toEqual([name, 'script'])
    expect(formatOf(read(library))).toBe('database')
  })

  it('the advice names what it looks like, what is expected and what to do; of what fits, or looks like nothing, there is none', () => {
    expect(adviceOn(bytesOf('aag 3 2 0 1 1\n'), 'cnf')).toBe(
      '; it looks like a circuit in AIGER form, expected a CNF in DIMACS form: turn it into a CNF ("aigtocnf CIRCUIT FORMULA.cnf")',
    )
    expect(adviceOn(bytesOf('d 1 0\n'), 'lrat')).toContain('drat-trim')
    expect(adviceOn(bytesOf('23 0 4 5 0\n'), 'cnf')).toContain('name the formula first')
    expect(adviceOn(bytesOf('p cnf 1 1\n1 0\n'), 'cnf')).toBe('')
    expect(adviceOn(bytesOf('23 0 4 5 0\n'), 'lrat')).toBe('')
    expect(adviceOn(bytesOf('\u00ef\u00bb\u00bf23 0 4 5 0\n'), 'lrat')).toContain('without a byte order mark')
    expect(adviceOn(bytesOf('?'), 'cnf')).toBe('')
  })
})
