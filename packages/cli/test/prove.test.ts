/**
 * `aethel prove`: from a formula to a proof that the kernel accepts, or to its model, with whatever solver is there. Solvers are
 * stood in for by scripts, so that every way in which one can behave is tried on every machine; an installed `cadical` is used
 * as well where there is one.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, BIN, errorLine, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(folder.remove)

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url))
const library = fileURLToPath(new URL('../../proofs/library/propositional.mm', import.meta.url))

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(folder.file(name), content)
  return folder.file(name)
}

/** A program that behaves like a solver: `body` sees `cnf`, `proof` (file names), and `args`. */
function solver(name: string, body: string): string {
  const source = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(2)
if (args.includes('--version')) { console.log('1.0'); process.exit(0) }
const [cnf, proof] = args.filter((arg) => !arg.startsWith('-'))
${body}
`
  const file = write(`${name}.cjs`, source)
  chmodSync(file, 0o755)
  return file
}

const FOUR = 'c all four corners\np cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n'
const THREE = 'p cnf 3 3\n1 2 0\n-1 2 0\n1 -2 0\n'
const cnf = write('four.cnf', FOUR)
const satisfiable = write('three.cnf', THREE)
const MODEL =
  '(set-logic QF_BV)\n(declare-const x (_ BitVec 8))\n(declare-const p Bool)\n(assert (= (bvmul x #x03) #x21))\n(assert (not p))\n(check-sat)\n'
const script = write('model.smt2', MODEL)

const DRAT = solver('drat', "writeFileSync(proof, '2 0\\n0\\n'); process.exit(20)")

/** As a script that runs a solver does: the solver outlives it, and holds its output open. */
const wrapper = (name: string): string => {
  const body =
    "if (proof === undefined) process.exit(0); require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' }); writeFileSync(proof + '.up', ''); setTimeout(() => {}, 60_000)"
  return solver(name, body)
}

describe('unsatisfiable', () => {
  it.each([
    ['DRAT text', DRAT],
    ['binary DRAT', solver('binary', 'writeFileSync(proof, Uint8Array.of(97, 4, 0, 97, 0)); process.exit(20)')],
    [
      'LRAT',
      solver(
        'lrat',
        "if (args.includes('--help')) { console.log('  --lrat  write LRAT'); process.exit(0) }\n" +
          "if (!args.includes('--lrat')) process.exit(1)\nwriteFileSync(proof, '5 2 0 1 2 0\\n6 0 5 3 4 0\\n'); process.exit(20)",
      ),
    ],
    ['the built-in solver', 'builtin'],
  ])('%s becomes a certificate that the kernel accepts', (name, path) => {
    const out = folder.file('four.lrat')
    const outcome = aethel('prove', cnf, '--solver', path, '-o', out, '--json')
    expect(outcome, name).toMatchObject({ code: 0, stderr: '' })
    const report = JSON.parse(outcome.stdout)
    expect(report).toMatchObject({ status: 'unsatisfiable', kind: 'lrat/1', variables: 2, clauses: 4, output: out })
    expect(report.next).toContain(`aethel submit ${cnf} --proof ${out}`)
    const check = JSON.parse(aethel('check', 'lrat', cnf, out, '--json').stdout)
    expect(check).toMatchObject({ status: 'valid', gas: report.gas })
  })

  it('each step explains itself, and the last line is the next command', () => {
    const outcome = aethel('prove', cnf, '--solver', DRAT, '-o', folder.file('f.lrat'))
    expect(outcome.code).toBe(0)
    for (const word of ['formula', 'solver', 'elaborated', 'checked', 'written', 'unsatisfiable']) expect(outcome.stdout).toContain(word)
    expect(outcome.stdout.trimEnd().split('\n').at(-1)).toMatch(/^next: aethel submit /)
  })

  it('a QF_BV script goes by way of its CNF', () => {
    const file = write('power.smt2', readFileSync(`${examples}power-of-two.smt2`))
    const outcome = aethel('prove', file, '--solver', 'builtin')
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toContain('bvlrat/1')
    const made = folder.file('power.lrat')
    expect(aethel('check', 'bvlrat', file, made).code).toBe(0)
    expect(aethel('check', 'bvlrat', `${examples}overflow.smt2`, made).code).toBe(3)
  })

  const installed = spawnSync('cadical', ['--version']).error === undefined
  it.skipIf(!installed)('with cadical (skipped where it is not installed: apt-get install cadical)', () => {
    for (const name of ['overflow', 'average', 'ring-buffer', 'swap-by-xor', 'divide-by-multiplying', 'abs-without-branch']) {
      const out = folder.file(`${name}.lrat`)
      const outcome = aethel('prove', `${examples}${name}.smt2`, '-o', out, '--solver', 'cadical', '--json')
      expect(outcome, name).toMatchObject({ code: 0 })
      expect(aethel('check', 'bvlrat', `${examples}${name}.smt2`, out).code).toBe(0)
    }
  })
})

describe('satisfiable', () => {
  it('a CNF gets its model as v lines, a script as define-funs, with exit code 0', () => {
    const outcome = aethel(
      'prove',
      satisfiable,
      '--solver',
      solver('sat', "console.log('s SATISFIABLE\\nv 1 2'); console.log('v -3 0'); process.exit(10)"),
    )
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout).toContain('satisfiable: ')
    const [lastLine, next] = outcome.stdout.trimEnd().split('\n').slice(-2)
    expect(lastLine).toBe('v 1 2 0')
    expect(next).toContain('next: aethel submit')
    const model = aethel('prove', script, '--solver', 'builtin', '--json')
    expect(JSON.parse(model.stdout)).toMatchObject({
      status: 'satisfiable',
      model: '(\n  (define-fun x () (_ BitVec 8) #x0b)\n  (define-fun p () Bool false)\n)\n',
    })
    const out = folder.file('model.txt')
    expect(aethel('prove', script, '--solver', 'builtin', '-o', out)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/written +the model: .*model\.txt, \d+ bytes/),
    })
    expect(readFileSync(out, 'utf8')).toContain('#x0b')
  })

  it('a model that is none is not passed on', () => {
    const outcome = aethel('prove', satisfiable, '--solver', solver('liar', "console.log('v 1 -2 0'); process.exit(10)"))
    expect(outcome.code).toBe(4)
    expect(errorLine(outcome)).toContain('does not satisfy')
  })
})

describe('solvers that do not deliver: exit code 4, one line, nothing written', () => {
  it.each([
    ['a lemma that does not follow', "writeFileSync(proof, '1 0\\n-1 0\\n0\\n'.replace('1 0', '3 0')); process.exit(20)", THREE],
    ['no proof', 'process.exit(20)', FOUR],
    ['an empty proof', "writeFileSync(proof, ''); process.exit(20)", FOUR],
    ['a proof without its end', "writeFileSync(proof, '2 1 0\\n'); process.exit(20)", THREE],
    ['no answer', 'process.exit(0)', FOUR],
    ['a crash', "console.error('out of memory'); process.exit(1)", FOUR],
    ['bytes', 'writeFileSync(proof, Uint8Array.of(97, 255, 255, 255, 255, 255)); process.exit(20)', FOUR],
  ])('%s', (name, body, formula) => {
    const file = write('bad.cnf', formula)
    const out = folder.file(`bad-${name.replaceAll(' ', '-')}.lrat`)
    const outcome = aethel('prove', file, '--solver', solver('bad', body), '-o', out)
    expect(outcome.code).toBe(4)
    expect(errorLine(outcome)).toMatch(/^aethel: expected /)
    expect(existsSync(out)).toBe(false)
  })

  it('one that does not know how it is called, and one that is killed, are told apart, with what to do', () => {
    const picky = aethel('prove', cnf, '--solver', solver('picky', "console.error('unknown flag q'); process.exit(1)"))
    expect(picky.code).toBe(4)
    expect(errorLine(picky)).toMatch(
      /code 1 and says: unknown flag q; it was run as "picky\.cjs -q FORMULA PROOF", .*cadical and kissat do/,
    )
    const killed = aethel('prove', cnf, '--solver', solver('killed', "process.kill(process.pid, 'SIGKILL'); setTimeout(() => {}, 9000)"))
    expect(killed.code).toBe(4)
    expect(errorLine(killed)).toMatch(/it was ended by SIGKILL$/)
  })

  it('with --json it is one document', () => {
    const outcome = aethel('prove', cnf, '--solver', solver('mute', 'process.exit(0)'), '--json')
    expect(outcome.code).toBe(4)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'unknown', message: expect.stringContaining('code 0') })
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('a proof larger than is read here is said to be that', () => {
    const body = "writeFileSync(proof, ''); require('node:fs').truncateSync(proof, 3 * 2 ** 30); process.exit(20)"
    const outcome = aethel('prove', cnf, '--solver', solver('large', body))
    expect(outcome.code).toBe(4)
    expect(errorLine(outcome)).toContain('3221225472 bytes')
  })

  it('one that is a script ends with all it has started', () => {
    const started = Date.now()
    const outcome = aethel('prove', cnf, '--timeout', '1', '--solver', wrapper('wrapper'))
    expect(outcome.code).toBe(4)
    expect(Date.now() - started).toBeLessThan(50_000)
  })

  it('whoever interrupts leaves neither the solver nor its files behind', async () => {
    const temporary = folder.file('temporary')
    mkdirSync(temporary)
    const env = { ...process.env, TMPDIR: temporary }
    const child = spawn(process.execPath, [BIN, 'prove', cnf, '--solver', wrapper('kept')], { env, stdio: ['ignore', 'ignore', 'ignore'] })
    const exited = once(child, 'exit')
    const isUp = (): boolean => readdirSync(temporary).some((name) => existsSync(`${temporary}/${name}/proof.up`))
    for (let attempt = 0; attempt < 1_200 && !isUp(); attempt++) await sleep(50)
    expect(isUp()).toBe(true)
    const solvers = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
    child.kill('SIGTERM')
    expect(await exited).toEqual([143, null])
    expect(readdirSync(temporary)).toEqual([])
    // Where nobody buries it, it stays as a zombie.
    const isRunning = (pid: string): boolean =>
      /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout.trim())
    for (let attempt = 0; attempt < 100 && solvers.some(isRunning); attempt++) await sleep(50)
    expect(solvers.filter(isRunning)).toEqual([])
  })

  it('one that does not end is ended', () => {
    const outcome = aethel('prove', cnf, '--timeout', '1', '--solver', solver('slow', 'setTimeout(() => {}, 60_000)'), '--json')
    expect(outcome.code).toBe(4)
    expect(outcome.stderr).toContain('within 1 s')
  })
})

describe('usage', () => {
  it('without any solver the advice is what to install', () => {
    const env = { ...process.env, PATH: folder.path }
    const outcome = spawnSync(process.execPath, [BIN, 'prove', cnf], { encoding: 'utf8', env })
    expect(outcome.status).toBe(2)
    expect(outcome.stderr).toMatch(/apt-get install cadical.*--solver PATH/)
  })

  it.each([
    ['a solver that is not there', ['prove', cnf, '--solver', '/nowhere/cadical']],
    ['a formula that is not there', ['prove', folder.file('nowhere.cnf')]],
    ['a script that is none', ['prove', write('none.smt2', '(assert x)'), '--solver', 'builtin']],
    ['a formula that is none', ['prove', write('none.cnf', 'p cnf 1 1\n2 0\n'), '--solver', 'builtin']],
    ['a database without a label', ['prove', library]],
    ['a label without a database', ['prove', cnf, '--label', 'peirce']],
    ['an output in no folder', ['prove', cnf, '--solver', 'builtin', '-o', folder.file('nowhere/x.lrat')]],
    ['an output that is a folder', ['prove', cnf, '--solver', wrapper('never'), '-o', folder.path]],
    ['a label that is not in the database', ['prove', library, '--label', 'nowhere', '-o', folder.file('x.json')]],
  ])('%s is exit code 2 and one line', (_name, args) => {
    const outcome = aethel(...args)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toMatch(/^aethel: /)
  })
})

describe('Metamath', () => {
  it('a theorem is taken out with what it rests on, in order, checked', () => {
    const out = folder.file('peirce.proofs.json')
    const outcome = aethel('prove', library, '--label', 'peirce', '-o', out)
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout.trimEnd().split('\n').at(-1)).toBe(`next: aethel submit ${out} --wait final -o receipt.json`)
    const bundle = JSON.parse(readFileSync(out, 'utf8'))
    expect(bundle).toMatchObject({ format: 'aethel-proofs/1', kind: 'metamath/1', library: 'propositional.mm' })
    expect(bundle.proofs.length).toBe(10)
    expect(bundle.proofs.at(-1).label).toBe('peirce')
  })

  it('a proof that does not hold is exit code 3', () => {
    const text = readFileSync(library, 'utf8')
    const at = text.indexOf('$=', text.indexOf('peirce $p'))
    const end = text.indexOf('$.', at)
    const broken = write('propositional.mm', `${text.slice(0, end - 3)}A ${text.slice(end)}`)
    const outcome = aethel('prove', broken, '--label', 'peirce', '-o', folder.file('broken.json'))
    expect(outcome.code).toBe(3)
    expect(errorLine(outcome)).toContain('peirce')
  })
})

describe('an output that is an input', () => {
  it('is refused before anything is done, by whatever name: a proof is of use only with what it proves', () => {
    const formula = write('kept.cnf', FOUR)
    symlinkSync(formula, folder.file('same.lrat'))
    const database = write('kept.mm', readFileSync(library))
    const receipt = folder.file('kept.receipt')
    write('kept.receipt.proof', FOUR)
    const cases = [
      ['prove', formula, '--solver', 'builtin', '-o', formula],
      ['prove', formula, '--solver', 'builtin', '-o', folder.file('same.lrat')],
      ['prove', database, '--label', 'id', '-o', database],
      ['submit', formula, '--proof', folder.file('kept.lrat'), '-o', formula],
      ['submit', folder.file('kept.receipt.proof'), '--proof', folder.file('kept.lrat'), '-o', receipt],
    ]
    write('kept.lrat', '5 2 0 1 2 0\n')
    for (const words of cases) {
      const outcome = aethel(...words)
      expect([words, outcome.code]).toEqual([words, 2])
      expect(errorLine(outcome)).toContain('which is read here; name another file with -o')
    }
    expect(readFileSync(formula, 'utf8')).toBe(FOUR)
    expect(readFileSync(database)).toEqual(readFileSync(library))
  })
})
